/** Two Chats of the SDK against `parley serve`. */
import { now, same, sleep, until } from '../e2e/lib.mjs';
import { Pipe } from '../e2e/pipe.mjs';
import { unix } from '../e2e/chat/issuers.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import {
    Person, becomes, numbered, refusedWith, sendMany, seqsOf, statesOf, textsOf,
} from './person.mjs';

const QUIET_MS = 500; // in which nothing more comes
const OPTIONS = ['--rate-limits=off', '--drain=1s'];
const numbers = (n, from = 1) => Array.from({ length: n }, (_, i) => from + i);

async function ticks(t) {
    const [a, b] = [await Person.join(t), Person.make(t)];
    const of = await a.open(b);
    const { key, state } = of.sendText('hi');
    same(state === 'sent', false, 'sent before it is stored');
    await of.stored(key);
    same([statesOf(of), of.items[0].key], [['sent'], key], 'stored');
    b.chat.connect();
    await becomes('delivered', () => statesOf(of), ['delivered']);
    const their = await b.open(a);
    same([textsOf(their), their.unread, their.accepted], [['hi'], 1, false], 'what came');
    their.markRead(1);
    same(their.unread, 0, 'unread');
    await sleep(QUIET_MS);
    same(statesOf(of), ['delivered'], 'what a stranger is told of it');
    await b.send(a, 'ho');
    await becomes('read', () => statesOf(of), ['read', 'received']);
    await becomes('answer', () => textsOf(of), ['hi', 'ho']);
    same([their.accepted, b.chat.summaries[0].isRequest], [true, false], 'accepted by writing');
}

/** Both sides write at once, and see the same. */
async function order(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const [of, their] = [await a.open(b), await b.open(a)];
    const n = 100;
    const texts = numbered(n);
    await Promise.all([sendMany(a, b, texts), sendMany(b, a, texts)]);
    await becomes('all', () => [seqsOf(of), seqsOf(their)], [numbers(2 * n), numbers(2 * n)]);
    same(textsOf(of), textsOf(their), 'contents');
    const own = of.items.filter((item) => item.own).map((item) => item.content);
    same(own, texts, 'order of one side');
    same(new Set(of.items.map((item) => item.key)).size, 2 * n, 'keys');
}

async function devices(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const a2 = await Person.join(t, a.address);
    const [of, of2] = [await a.open(b), await a2.open(b)];
    const { key } = of.sendText('from here');
    await becomes('the other device', () => of2.items.map((item) => item.key), [key]);
    const their = await b.open(a);
    await their.stored(their.sendText('yes?').key);
    await becomes('unread', () => [of.unread, of2.unread], [1, 1]);
    of2.markRead(2);
    await becomes('read on one', () => [of.unread, of2.unread], [0, 0]);
    await of2.block();
    await becomes('blocked on one', () => of.blocked, true);
}

async function cut(t) {
    const pipe = await Pipe.lay(t, t.url);
    const [a, b] = [await Person.join(t), await Person.join(t, undefined, { url: pipe.url })];
    const [of, their] = [await a.open(b), await b.open(a)];
    await sendMany(a, b, numbered(5));
    await becomes('before', () => seqsOf(their), numbers(5));
    pipe.cut();
    await b.is('offline');
    const waiting = their.sendText('meanwhile');
    await sendMany(a, b, numbered(300, 6));
    await b.is('online');
    await their.stored(waiting.key);
    await becomes('all of it', () => [seqsOf(of), seqsOf(their)], [numbers(306), numbers(306)]);
    same(textsOf(of), textsOf(their), 'contents');
    await becomes('ticks', () => of.items.filter((item) => item.own &&
        item.state !== 'delivered').length, 0);
}

/**
 * Answers are lost, and each message is there once. (Where the connection polls it breaks for want
 * of an answer; then the message may not have got there either.)
 */
async function lostAnswers(t) {
    const pipe = await Pipe.lay(t, t.url);
    const [a, b] = [await Person.join(t, undefined, { url: pipe.url }), await Person.join(t)];
    const [of, their] = [await a.open(b), await b.open(a)];
    const n = 6;
    let nLost = 0;
    for (let i = 1; i <= n; i++) {
        pipe.mute();
        const { key } = of.sendText(`m${i}`);
        const isThere = () => their.items.length === i;
        await until('stored, or broken', () => isThere() || a.chat.status !== 'online');
        nLost += isThere() && of.items.length === i && of.items.at(-1).seq === undefined;
        pipe.cut();
        await of.stored(key);
    }
    await sleep(QUIET_MS);
    same([textsOf(of), textsOf(their)], [numbered(n), numbered(n)], 'once each');
    same([seqsOf(of), nLost > 0], [numbers(n), true], 'seqs, and that answers were lost');
}

async function scroll(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    await sendMany(a, b, numbered(500));
    const late = await Person.join(t, b.address);
    const thread = await late.open(a);
    same([seqsOf(thread)[0], thread.hasOlder], [451, true], 'the latest page');
    let pages = 1;
    for (; thread.hasOlder; pages++) await thread.loadOlder();
    same([pages, thread.loadError], [10, undefined], 'pages');
    same([seqsOf(thread), textsOf(thread)], [numbers(500), numbered(500)], 'all of it');
}

/** What a blocked one sends is not told, but has its place. */
async function holes(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const their = await b.open(a);
    await a.send(b, 'before');
    await becomes('before', () => textsOf(their), ['before']);
    await their.block();
    await sendMany(a, b, numbered(250));
    await their.unblock();
    await a.send(b, 'after');
    await becomes('filled', () => seqsOf(their), numbers(252));
    same([their.items[1].type, their.items[250].type, their.items[251].content],
        ['gone', 'gone', 'after'], 'stubs between');
    same(their.unread, 2, 'unread');
}

async function blocks(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const [of, their] = [await a.open(b), await b.open(a)];
    await a.send(b, 'hello');
    await becomes('a request', () => b.chat.summaries.map((one) => one.isRequest), [true]);
    same(b.chat.unread, 0, 'requests are not counted');
    await their.accept();
    same([b.chat.summaries[0].isRequest, b.chat.unread], [false, 1], 'accepted');
    await their.block();
    same([their.blocked, b.chat.summaries[0].blocked], [true, true], 'blocked');
    await refusedWith(b.send(a, 'no'), 'forbidden');
    same(their.items.at(-1).state, 'failed', 'what was refused');
    their.discard(their.items.at(-1).key);
    await a.send(b, 'unheard');
    await sleep(QUIET_MS);
    same([textsOf(their), textsOf(of)], [['hello'], ['hello', 'unheard']], 'not told');
    await their.unblock();
    same(their.blocked, false, 'unblocked');
}

async function live(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const [of, their] = [await a.open(b), await b.open(a)];
    await a.send(b, 'hi');
    await b.send(a, 'hi');
    await becomes('present', () => [of.presence?.online, their.presence?.online], [true, true]);
    of.setTyping(true);
    await becomes('typing', () => their.isTyping, true);
    of.setTyping(false);
    await becomes('not typing', () => their.isTyping, false);
    of.setTyping(true);
    await becomes('typing again', () => their.isTyping, true);
    await a.send(b, 'there');
    await becomes('not typing any more', () => their.isTyping, false);
}

async function goes(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const of = await a.open(b);
    await a.send(b, 'hi');
    await b.send(a, 'hi');
    await becomes('online', () => of.presence?.online, true);
    b.chat.disconnect();
    await becomes('offline', () => of.presence?.online, false, 14000);
    same(typeof of.presence.last_seen, 'string', 'last seen');
}

async function renewal(t) {
    const address = wallet();
    const token = () => t.issuers.token(address, { claims: { exp: unix() + 4 } });
    const a = await Person.join(t, address, { token });
    await until('three tokens', () => a.asked.length >= 3);
    same([a.asked[0], typeof a.asked[1]], [undefined, 'string'], 'which ended');
    same(a.statuses.filter((one) => one !== 'connecting'), ['online'], 'one connection');
}

async function refusedTokens(t) {
    const address = wallet();
    const old = await t.issuers.token(address, { claims: { exp: unix() - 100 } });
    const good = await t.issuers.token(address);
    const a = await Person.join(t, address, { token: (refused) => (refused ? good : old) });
    same(a.asked, [undefined, old], 'asked');
    const b = Person.make(t, address, { token: () => old });
    b.chat.connect();
    await b.is('stopped');
    same([b.chat.error.code, b.asked.length], ['token_expired', 2], 'why it stopped');
}

async function tooMany(t) {
    const address = wallet();
    const first = await Person.join(t, address);
    const others = [await Person.join(t, address), await Person.join(t, address)];
    await first.is('stopped');
    same(first.chat.error.code, 'too_many_sockets', 'why');
    await sleep(QUIET_MS);
    same(others.map((one) => one.chat.status), ['online', 'online'], 'the others');
}

async function early(t) {
    const b = await Person.join(t);
    const a = Person.make(t, undefined, { isKnown: false });
    const of = a.thread(b);
    of.open();
    const items = ['one', 'two'].map((text) => of.sendText(text));
    same(statesOf(of), ['queued', 'queued'], 'before it is connected');
    const stored = items.map((item) => of.stored(item.key));
    a.chat.connect();
    await Promise.all(stored);
    await becomes('stored', () => [textsOf(of), seqsOf(of)], [['one', 'two'], [1, 2]]);
    same(of.items.map((item) => item.key), items.map((item) => item.key), 'keys');
}

/** The server goes, politely or not, and comes again, in the middle of it all. */
const restarts = (end) => async (t) => {
    const server = await t.serve({ options: OPTIONS });
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const [of, their] = [await a.open(b), await b.open(a)];
    const n = 300;
    const sending = [sendMany(a, b, numbered(n)), sendMany(b, a, numbered(n))];
    await until('some sent', () => of.items.some((item) => item.seq > 50));
    await server[end]();
    await Promise.all([a.is('offline'), b.is('offline')]);
    const more = a.thread(b).sendText('while it was away');
    await t.serveAgain({ options: OPTIONS });
    await Promise.all([...sending, of.stored(more.key)]);
    const all = numbers(2 * n + 1);
    await becomes('all of it', () => [seqsOf(of), seqsOf(their)], [all, all], 15000);
    same(textsOf(of), textsOf(their), 'contents');
    const own = (thread) => thread.items.filter((item) => item.own).map((item) => item.content);
    same([own(of), own(their)], [[...numbered(n), 'while it was away'], numbered(n)], 'order');
};

/** Twenty peers have written while one was away. */
async function inbox(t) {
    const b = Person.make(t);
    const peers = await Promise.all(numbers(20).map(() => Person.join(t)));
    for (const peer of peers) {
        await peer.send(b, 'hi');
        await sleep(2); // each has a millisecond of its own
    }
    const from = now();
    b.chat.connect();
    const lines = () => b.chat.summaries.map(({ peer, unread }) => [peer, unread]);
    await becomes('listed', lines, peers.map(({ address }) => [address, 1]).reverse());
    same(now() - from < 5000, true, 'soon');
    same([b.chat.isListed, b.chat.hasMore], [true, false], 'all of it');
}

async function signsOut(t) {
    const [a, b] = [await Person.join(t), await Person.join(t)];
    const of = await a.open(b);
    await a.send(b, 'hi');
    await a.chat.signOut();
    same([a.chat.status, of.items, a.chat.summaries], ['idle', [], []], 'what is left');
    a.chat.connect();
    await becomes('all is there again', () => textsOf(of), ['hi']);
}

export const rows = [
    { name: 'ticks: sent, delivered, read', run: ticks },
    { name: 'order: both write at once and see the same', run: order },
    { name: 'devices: of one wallet know the same', run: devices },
    { name: 'resume: over a connection that was cut', run: cut, limit: 30000 },
    { name: 'resume: answers that are lost make nothing twice', run: lostAnswers, limit: 40000 },
    { name: 'history: 500 messages are scrolled to', run: scroll, limit: 30000 },
    { name: 'history: holes are filled', run: holes, limit: 30000 },
    { name: 'contacts: a request, accept, block, unblock', run: blocks },
    { name: 'live: presence and typing', run: live },
    { name: 'live: who goes is offline', run: goes, idle: true, limit: 25000 },
    { name: 'tokens: are renewed on a living connection', run: renewal, idle: true, limit: 25000 },
    { name: 'tokens: one that is refused is asked for anew, once', run: refusedTokens },
    { name: 'sockets: the one too many stops', run: tooMany, server: 'two a wallet', single: true }, // counted by each
    { name: 'early: written before the account is known', run: early },
    { name: 'list: who has written meanwhile', run: inbox, limit: 30000 },
    { name: 'sign out: leaves nothing, and comes back', run: signsOut },
    { name: 'restart: of the server, in the middle of sending', run: restarts('stop'),
        own: true, limit: 60000 },
    { name: 'restart: of a server that was killed', run: restarts('kill'),
        own: true, limit: 60000 },
];
