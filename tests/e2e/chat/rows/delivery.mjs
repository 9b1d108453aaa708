/** What moves "delivered", and what comes again. */
import { Failure, same } from '../../lib.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { wallet } from '../wallet.mjs';

/** At most so many requests under way: of one socket more are refused. */
const AT_ONCE = 500;

/** n messages with keys, each answered ok; where nobody else sends, i is the seq. */
export async function sendMany(peer, to, n, { from = 1, fill = '', atOnce = AT_ONCE } = {}) {
    const queue = numbers(n, from);
    const worker = async () => {
        for (let i = queue.shift(); i; i = queue.shift())
            await peer.send(to, `${i}${fill}`, { client_msg_id: `k${i}` });
    };
    await Promise.all(Array.from({ length: Math.min(n, atOnce) }, worker));
}

/**
 * The sender hears of it, up to seq: marks are told as they are by then.
 * @param by  whose mark, where both sides have some: these come in either order
 */
export async function heardOf(peer, event, seq, by) {
    for (;;) {
        const receipt = await peer.take(event);
        if (by && receipt.by !== by) continue;
        if (receipt.seq === seq) return receipt;
        if (receipt.seq > seq) throw new Failure(`${event} ${receipt.seq}, want ${seq}`);
    }
}

async function waitsForWhoIsAway(t) {
    const a = await joinSynced(t);
    const address = wallet();
    for (const i of numbers(5)) await a.send(address, `${i}`);
    const { messages } = await a.ok('message.history', { peer: address });
    same(messages.map(({ status }) => status), Array(5).fill('undelivered'), 'status');
    await a.heardNo('message.delivered');
    const b = await join(t, address);
    same(b.ready.unread, 1, 'conversations with unread messages');
    await b.take('synced');
    same(b.log.map(([event]) => event).filter((event) => event !== 'message.delivered'),
        ['ready', ...Array(5).fill('message.new'), 'synced'], 'order');
    same(seqs(await b.takeAll('message.new', 5)), numbers(5), 'seqs');
    await heardOf(a, 'message.delivered', 5);
    await b.leave();
    const again = await joinSynced(t, address);
    await again.heardNo('message.new');
    same(again.ready.unread, 1, 'still unread');
}

/** Sent by several: the oldest first, whoever sent it. */
async function keepsTheOrderOfAll(t) {
    const senders = await joinAll(t, 3);
    const address = wallet();
    const sent = [];
    for (const i of numbers(9)) sent.push((await senders[i % 3].send(address, `${i}`)).id);
    const b = await joinSynced(t, address);
    same(b.ready.unread, 3, 'conversations with unread messages');
    same((await b.takeAll('message.new', 9)).map(({ id }) => id), sent, 'order');
}

/** As many as a mailbox keeps of one who was written to; one more is refused. */
const backlog = (n, accepts) => async (t) => {
    const [a, b] = await joinAll(t, 2);
    const first = accepts ? 2 : 1;
    if (accepts) {
        await b.send(a.address, 'welcome');
        await a.take('message.new');
    }
    await b.leave();
    await sendMany(a, b.address, n, { from: first });
    const more = { to: b.address, type: 'text', content: 'one more', client_msg_id: 'more' };
    await a.refused('message.send', more, 'mailbox_full');
    const again = await join(t, b.address);
    await again.take('synced', 60000);
    const got = await again.takeAll('message.new', n);
    areInOrder(seqs(got), first, first + n - 1);
    const odd = got.find(({ seq, content }) => content !== `${seq}`);
    if (odd) throw new Failure(`seq ${odd.seq} holds "${odd.content}"`);
    await heardOf(a, 'message.delivered', first + n - 1);
    same((await a.ok('message.send', more)).duplicate, false, 'duplicate');
    same((await again.take('message.new')).content, 'one more', 'message');
    await heardOf(a, 'message.delivered', first + n);
    await again.drop();
    const last = await joinSynced(t, b.address);
    await last.heardNo('message.new');
};

async function movesOverWhatIsAcknowledged(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 6);
    const [one, two, three, four, five, six] = await b.takeAll('message.new', 6);
    const steps = [[one, 1], [three], [four], [two, 4], [six], [five, 6]];
    for (const [message, seq] of steps) {
        b.ack(message);
        if (seq) same((await a.take('message.delivered')).seq, seq, 'delivered');
        else await b.works();
        const { conversations } = await a.ok('conversation.list', {});
        const { theirs } = conversations[0];
        if (seq) same(theirs, { delivered_seq: seq, read_seq: 0 }, 'theirs');
    }
    await a.heardNo('message.delivered');
}

/** What the answer to a request says is enough; what it does not move stays. */
async function movesAtOnce(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 9);
    await b.takeAll('message.new', 9);
    const place = { peer: a.address };
    same(await b.ok('message.delivered', { ...place, seq: 4 }), { seq: 4 }, 'delivered');
    same((await a.take('message.delivered')).seq, 4, 'delivered');
    same(await b.ok('message.delivered', { ...place, seq: 2 }), { seq: 4 }, 'below');
    same(await b.ok('message.read', { ...place, seq: 7 }), { seq: 7 }, 'read');
    same((await a.take('message.read')).seq, 7, 'read');
    same((await a.take('message.delivered')).seq, 7, 'and so delivered');
    same(await b.ok('message.read', { ...place, seq: 3 }), { seq: 7 }, 'below');
    for (const event of ['message.delivered', 'message.read'])
        await b.refused(event, { ...place, seq: 10 }, 'bad_request', { field: 'seq' });
    await a.heardNo('message.read');
    await a.heardNo('message.delivered');
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages.map(({ status }) => status),
        [...Array(7).fill('read'), ...Array(2).fill('undelivered')], 'status');
    const { conversations: [{ mine, unread }] } = await b.ok('conversation.list', {});
    same({ mine, unread }, { mine: { delivered_seq: 7, read_seq: 7 }, unread: 2 }, 'list');
}

/** One's own message is no reason to move anything. */
async function ownMessagesMoveNothing(t) {
    const [a, b] = await joinAll(t, 2);
    const other = await joinSynced(t, a.address);
    await b.leave();
    await a.send(b.address, 'mine');
    await other.take('message.new'); // and acknowledges it
    await a.heardNo('message.delivered');
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages[0].status, 'undelivered', 'status');
    for (const event of ['message.delivered', 'message.read'])
        await a.ok(event, { peer: b.address, seq: 1 });
    const after = await a.ok('message.history', { peer: b.address });
    same(after.messages[0].status, 'undelivered', 'status');
}

async function knowsNoOtherConversation(t) {
    const [a, b, c] = await joinAll(t, 3);
    const { conversation } = await a.send(b.address, 'x');
    for (const event of ['message.delivered', 'message.read']) {
        await c.refused(event, { conversation, seq: 1 }, 'not_found');
        await c.refused(event, { peer: a.address, seq: 1 }, 'not_found');
        await c.refused(event, { conversation: 'f'.repeat(16), seq: 1 }, 'not_found');
        await c.refused(event, { conversation: 'nothing', seq: 1 }, 'not_found',
            { field: 'conversation' });
        same(await b.ok(event, { conversation, seq: 1 }), { seq: 1 }, 'by its id');
    }
}

/** 3 is withheld: it comes again, and so does all behind it. Nothing before it does. */
async function comesAgainAfterAKill(t) {
    await t.serve({ options: ['--rate-limits=off'] });
    const [a, c] = await joinAll(t, 2);
    const b = await joinSynced(t, undefined, { acking: false });
    await sendMany(a, b.address, 6);
    await c.send(b.address, 'of another conversation');
    for (const message of await b.takeAll('message.new', 7))
        if (message.from === c.address || message.seq !== 3) b.ack(message);
    await heardOf(a, 'message.delivered', 2);
    await heardOf(c, 'message.delivered', 1);
    await t.server.kill();
    await t.serveAgain({ options: ['--rate-limits=off'] });
    const again = await joinSynced(t, b.address);
    same(seqs(await again.takeAll('message.new', 4)), [3, 4, 5, 6], 'seqs');
    await again.heardNo('message.new');
    await heardOf(again, 'message.delivered', 6);
    const back = await joinSynced(t, a.address);
    const { messages } = await back.ok('message.history', { peer: b.address });
    same(messages.map(({ status }) => status), Array(6).fill('delivered'), 'status');
}

/** Slow: half a minute passes. Its window moves on, so that it is not stuck. */
async function warnsWhoNeverAcknowledges(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 400); // and a window holds 256
    const first = await b.takeAll('message.new', 256);
    areInOrder(seqs(first), 1, 256);
    const warning = await b.take('warning', 40000);
    same(Object.keys(warning).sort(), ['code', 'message'], 'warning');
    same(warning.code, 'not_acknowledging', 'code');
    areInOrder(seqs(await b.takeAll('message.new', 144)), 257, 400);
    await a.heardNo('message.delivered');
    const { messages } = await a.ok('message.history', { peer: b.address, limit: 200 });
    same(messages.every(({ status }) => status === 'undelivered'), true, 'undelivered');
    await a.send(b.address, 'live');
    same((await b.take('message.new')).content, 'live', 'message');
    await b.heardNo('warning');
    await b.leave();
    const again = await joinSynced(t, b.address);
    areInOrder(seqs(await again.takeAll('message.new', 401)), 1, 401);
    await heardOf(a, 'message.delivered', 401);
}

/** A window of messages, and not one more until one of them is acknowledged. */
async function hasAWindow(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 300);
    const got = await b.takeAll('message.new', 256);
    await b.heardNo('message.new');
    for (const message of got) b.ack(message);
    areInOrder(seqs(await b.takeAll('message.new', 44)), 257, 300);
}

/** Of contents: a megabyte is out, whatever their number. */
async function hasAWindowOfBytes(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    const fill = 'x'.repeat(60000);
    await sendMany(a, b.address, 40, { fill, atOnce: 5 });
    const got = await b.takeAll('message.new', 15, 10000);
    await b.works();
    const extra = b.heard.get('message.new') ?? [];
    const bytes = (got.length + extra.length) * fill.length;
    same(bytes < 1048576 + 65536, true, 'within a megabyte and one message');
    b.isAcking = true;
    for (const message of [...got, ...extra]) b.ack(message);
    const rest = await b.takeAll('message.new', 40 - got.length, 10000);
    areInOrder(seqs([...got, ...rest]), 1, 40);
}

/** More than a session remembers; each has its own mark, and what is withheld comes again. */
async function hasManyConversations(t) {
    const b = await joinSynced(t, undefined, { acking: false });
    const queue = numbers(1100).map(() => wallet());
    const withheld = new Set(queue.filter((_, i) => i % 100 === 50));
    const worker = async () => {
        while (queue.length) {
            const a = await joinSynced(t, queue.shift());
            await a.send(b.address, 'hello');
            if (!withheld.has(a.address)) await heardOf(a, 'message.delivered', 1);
            await a.leave();
        }
    };
    const hearing = async () => {
        const heard = new Set();
        for (const _ of numbers(1100)) {
            const message = await b.take('message.new', 20000);
            same(heard.has(message.from), false, 'it has come before');
            heard.add(message.from);
            if (!withheld.has(message.from)) b.ack(message);
        }
    };
    await Promise.all([hearing(), ...numbers(16).map(worker)]);
    await b.leave();
    const again = await joinSynced(t, b.address);
    const got = await again.takeAll('message.new', withheld.size);
    same(new Set(got.map(({ from }) => from)), withheld, 'senders');
    await again.heardNo('message.new');
}

/** Two talk at once, and both see one order. */
async function agreesOnOneOrder(t) {
    const [a, b] = await joinAll(t, 2);
    const n = 100;
    await Promise.all([sendMany(a, b.address, n), sendMany(b, a.address, n)]);
    await Promise.all([a, b].map((peer) => peer.takeAll('message.new', n)));
    const pages = await Promise.all([[a, b], [b, a]].map(([one, { address }]) =>
        one.ok('message.history', { peer: address, limit: 200 })));
    const [ofA, ofB] = pages.map(({ messages }) => messages.map(({ id }) => id));
    same(ofA.length, 2 * n, 'messages');
    same(ofA, ofB, 'order');
    const times = pages[0].messages.map(({ created_at: at }) => at);
    same(times, [...times].sort(), 'created_at never goes back');
}

const SLOW = { idle: true, limit: 60000 };

export const rows = overTransports('delivery', [
    ['keeps messages for who is away', waitsForWhoIsAway],
    ['keeps the order of several senders', keepsTheOrderOfAll],
    ['keeps 10 000 for who is away', backlog(10000, true),
        { limit: 90000, alone: true }],
    ['keeps 1 000 of a stranger for who is away', backlog(1000, false), { limit: 60000 }],
    ['moves over what is acknowledged, in any order', movesOverWhatIsAcknowledged],
    ['moves at once when it is told so', movesAtOnce],
    ["moves nothing for one's own messages", ownMessagesMoveNothing],
    ['knows no conversation of others', knowsNoOtherConversation],
    ['sends again after a kill what was withheld, and no more', comesAgainAfterAKill,
        { own: true }],
    ['slow: warns who never acknowledges', warnsWhoNeverAcknowledges, SLOW],
    ['keeps a window of 256 messages', hasAWindow],
    ['keeps a window of a megabyte', hasAWindowOfBytes],
    ['has more conversations than a session remembers', hasManyConversations,
        { over: ['websocket'], limit: 60000 }],
    ['lets both sides see one order', agreesOnOneOrder],
]);

