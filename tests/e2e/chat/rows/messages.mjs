/** One message: how it is sent, answered, told, delivered and read. */
import { same } from '../../lib.mjs';
import { isMessage, isReceipt } from '../expect.mjs';
import { isRefusal, join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { ZERO, badChecksum, wallet } from '../wallet.mjs';

/** The whole life of a message and its answer, each field of each step. */
async function livesItsLife(t) {
    const [a, b] = await joinAll(t, 2);
    const key = 'order-1:first_message.v1';
    const sent = await a.ok('message.send',
        { to: b.address, type: 'text', content: 'hello', client_msg_id: key });
    same(Object.keys(sent).sort(), ['duplicate', 'message'], 'answer');
    same(sent.duplicate, false, 'duplicate');
    const { conversation } = sent.message;
    const one = { seq: 1, from: a.address, to: b.address, type: 'text', content: 'hello' };
    isMessage(sent.message,
        { ...one, peer: b.address, client_msg_id: key, status: 'undelivered' });

    const got = await b.take('message.new');
    isMessage(got, { ...one, peer: a.address, status: 'undelivered' }, true);
    same([got.id, got.created_at], [sent.message.id, sent.message.created_at], 'the same');
    for (const [who, peer] of [[a, b.address], [b, a.address]])
        isReceipt(await who.take('message.delivered'),
            { conversation, peer, seq: 1, by: b.address });

    same(await b.ok('message.read', { peer: a.address, seq: 1 }), { seq: 1 }, 'answer');
    for (const [who, peer] of [[a, b.address], [b, a.address]])
        isReceipt(await who.take('message.read'), { conversation, peer, seq: 1, by: b.address });

    const back = await b.send(a.address, 'and hello', { reply_to: 1 });
    isMessage(back, {
        seq: 2, from: b.address, to: a.address, peer: a.address, type: 'text',
        content: 'and hello', reply_to: 1, status: 'undelivered',
    });
    isMessage(await a.take('message.new'), {
        seq: 2, from: b.address, to: a.address, peer: b.address, type: 'text',
        content: 'and hello', reply_to: 1, status: 'undelivered',
    }, true);
    for (const who of [a, b]) same((await who.take('message.delivered')).seq, 2, 'delivered');
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages.map(({ status }) => status), ['read', 'delivered'], 'status');
    same(messages[0].client_msg_id, key, 'client_msg_id, to its sender');
    same(messages[1].client_msg_id, undefined, 'client_msg_id, to the other');
    for (const peer of [a, b]) {
        await peer.heardNo('message.new');
        await peer.heardNo('error');
    }
}

async function answersWithEvents(t) {
    const [a, b] = await joinAll(t, 2);
    const send = (content, more) =>
        a.socket.emit('message.send', { to: b.address, type: 'text', content, ...more });
    send('no callback', { client_msg_id: 'k1' });
    const { status, duplicate, message, ...rest } = await a.take('ack');
    same({ status, duplicate, rest }, { status: 'ok', duplicate: false, rest: {} }, 'ack');
    isMessage(message, {
        seq: 1, from: a.address, to: b.address, peer: b.address, type: 'text',
        content: 'no callback', client_msg_id: 'k1', status: 'undelivered',
    });
    send('no callback', { client_msg_id: 'k1' });
    same((await a.take('ack')).duplicate, true, 'duplicate');
    send('another', { client_msg_id: 'k1' });
    isErrorEvent(await a.take('error'), 'conflict',
        { event: 'message.send', client_msg_id: 'k1' }, 'client_msg_id');
    send('');
    isErrorEvent(await a.take('error'), 'bad_request', { event: 'message.send' }, 'content');
    same((await b.take('message.new')).content, 'no callback', 'message');
    await b.heardNo('message.new');
}

function isErrorEvent({ error, ...rest }, code, want, field) {
    isRefusal({ status: 'error', error }, code, field && { field });
    same(rest, want, 'error event');
}

/** Others are answered by an event only if they fail. */
async function answersOthersWithEvents(t) {
    const [a, b] = await joinAll(t, 2);
    a.socket.emit('message.read', { peer: b.address, seq: 1 });
    isErrorEvent(await a.take('error'), 'not_found', { event: 'message.read' });
    a.socket.emit('no.such.event', {});
    isErrorEvent(await a.take('error'), 'unknown_event', { event: 'no.such.event' });
    a.socket.emit('conversation.list', { limit: 0 });
    isErrorEvent(await a.take('error'), 'bad_request', { event: 'conversation.list' }, 'limit');
    await a.send(b.address, 'x');
    a.socket.emit('message.history', { peer: b.address });
    a.socket.emit('conversation.list', {});
    a.socket.emit('conversation.list');
    await b.take('message.new');
    b.socket.emit('message.read', { peer: a.address, seq: 1 });
    same((await a.take('message.read')).seq, 1, 'seq');
    await b.heardNo('error');
    await b.heardNo('ack');
    await a.heardNo('ack');
}

/** Equal as JSON values, whatever the order of the keys. */
const EQUAL = [
    ['text', 'same', 'same'],
    ['x-order', { a: 1, b: { c: [1, 2], d: null } }, { b: { d: null, c: [1, 2] }, a: 1 }],
];
const UNEQUAL = [
    ['a text', { type: 'text', content: 'one' }, { type: 'text', content: 'two' }],
    ['a type', { type: 'x-a', content: 'one' }, { type: 'x-b', content: 'one' }],
    ['a list in another order', { type: 'x-a', content: [1, 2] },
        { type: 'x-a', content: [2, 1] }],
    ['a number as a text', { type: 'x-a', content: 1 }, { type: 'x-a', content: '1' }],
    ['null for nothing', { type: 'x-a', content: {} }, { type: 'x-a', content: { a: null } }],
    ['a reply', { type: 'text', content: 'x' }, { type: 'text', content: 'x', reply_to: 1 }],
];

async function knowsDuplicates(t) {
    const [a, b] = await joinAll(t, 2);
    const to = b.address;
    let seq = 0;
    for (const [type, one, other] of EQUAL) {
        const first = { to, type, content: one, client_msg_id: `k-${type}` };
        const { message, duplicate } = await a.ok('message.send', first);
        same([message.seq, duplicate], [++seq, false], type);
        await b.take('message.delivered'); // and so its status is another one by now
        const again = await a.ok('message.send', { ...first, content: other });
        same(again, { duplicate: true, message: { ...message, status: 'delivered' } }, type);
    }
    same((await b.takeAll('message.new', seq)).map((m) => m.seq), [1, 2], 'seqs');
    await b.heardNo('message.new');
    const list = await a.ok('conversation.list', {});
    same(list.conversations[0].last_seq, seq, 'last_seq');
}

async function knowsConflicts(t) {
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'before');
    let key = 0;
    for (const [, one, other] of UNEQUAL) {
        const client_msg_id = `k${++key}`;
        await a.ok('message.send', { to: b.address, client_msg_id, ...one });
        await a.refused('message.send', { to: b.address, client_msg_id, ...other },
            'conflict', { field: 'client_msg_id' });
    }
    same((await b.takeAll('message.new', key + 1)).at(-1).seq, key + 1, 'seq');
    await b.heardNo('message.new');
}

/** A key belongs to a sender in a conversation. */
async function keysAreOnesOwn(t) {
    const [a, b, c] = await joinAll(t, 3);
    const key = { client_msg_id: 'mine' };
    same((await a.send(b.address, 'one', key)).seq, 1, 'seq');
    same((await b.send(a.address, 'two', key)).seq, 2, 'seq of the other side');
    same((await a.send(c.address, 'three', key)).seq, 1, 'seq in another conversation');
    same((await a.send(b.address, 'four', { client_msg_id: 'Mine' })).seq, 3, 'another key');
}

/** The second waits for the first. */
async function waitsForTheFirst(t) {
    const [a, b] = await joinAll(t, 2);
    const one = { to: b.address, type: 'text', content: 'once', client_msg_id: 'k' };
    const other = await join(t, a.address);
    const askers = [a, a, other, a, other];
    const answers = await Promise.all(askers.map((who) => who.ok('message.send', one)));
    same(answers.filter(({ duplicate }) => !duplicate).length, 1, 'firsts');
    same(new Set(answers.map(({ message }) => message.id)).size, 1, 'ids');
    await b.take('message.new');
    await b.heardNo('message.new');
}

/** And so does one that differs: it is a conflict all the same. */
async function conflictsUnderWay(t) {
    const [a, b] = await joinAll(t, 2);
    const one = { to: b.address, type: 'text', content: 'once', client_msg_id: 'k' };
    const [first, second] = await Promise.all([
        a.ask('message.send', one), a.ask('message.send', { ...one, content: 'twice' }),
    ]);
    same(first.status, 'ok', 'first');
    isRefusal(second, 'conflict', { field: 'client_msg_id' });
    same((await b.take('message.new')).content, 'once', 'message');
}

/** The server is as if dead for longer than the client waits: it sends all of them again. */
async function survivesRetries(t) {
    await t.serve({ options: ['--rate-limits=off'] });
    const b = await joinSynced(t);
    const a = await joinSynced(t, undefined, { retries: 10, ackTimeout: 300 });
    t.server.child.kill('SIGSTOP');
    const answers = Array.from({ length: 5 }, (_, i) => new Promise((resolve, reject) => {
        const send = { to: b.address, type: 'text', content: `${i}`, client_msg_id: `k${i}` };
        a.socket.emit('message.send', send, (error, answer) => {
            if (error) reject(error);
            else resolve(answer);
        });
    }));
    await new Promise((resolve) => setTimeout(resolve, 1000)); // three times ackTimeout
    t.server.child.kill('SIGCONT');
    const got = await Promise.all(answers);
    same(got.map(({ status, message }) => [status, message.seq]),
        got.map((_, i) => ['ok', i + 1]), 'answers');
    same((await b.takeAll('message.new', 5)).map(({ content }) => content),
        ['0', '1', '2', '3', '4'], 'contents');
    await b.heardNo('message.new');
}

const INVALID = 'recipient_invalid';

const NOBODY = {
    'the zero address': () => ZERO,
    'an address with a wrong checksum': () => badChecksum(wallet()),
    'a name': () => 'alice',
    'an empty text': () => '',
    'an address that is too long': () => `${wallet()}0`,
    'an address without 0x': () => wallet().slice(2),
    'a chain that is no number': () => `eip155:x:${wallet()}`,
    'a Solana address that is too short':
        () => 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:abc',
};

async function refusesNobody(t) {
    const a = await joinSynced(t);
    for (const make of Object.values(NOBODY))
        await a.refused('message.send', { to: make(), type: 'text', content: 'x' }, INVALID,
            { field: 'to' });
    await a.refused('message.history', { peer: ZERO }, INVALID, { field: 'peer' });
}

async function refusesOneself(t) {
    const a = await joinSynced(t);
    for (const to of [a.address, a.address.toLowerCase(), `eip155:0:${a.address}`]) {
        const send = { to, type: 'text', content: 'x' };
        await a.refused('message.send', send, INVALID, { field: 'to' });
    }
    same((await a.ok('conversation.list', {})).conversations, [], 'conversations');
}

/** Each form is the same mailbox; EIP-55 goes out. */
async function writesToEachForm(t) {
    const [a, b] = await joinAll(t, 2);
    const { address } = b;
    const forms = [
        address, address.toLowerCase(), `0x${address.slice(2).toUpperCase()}`,
        `eip155:0:${address}`, `eip155:1:${address.toLowerCase()}`,
    ];
    for (const form of forms) same((await a.send(form, 'x')).to, address, 'to');
    same((await b.takeAll('message.new', forms.length)).at(-1).seq, forms.length, 'seq');
    same((await a.ok('conversation.list', {})).conversations.length, 1, 'conversations');
}

/** A contract's wallet of another chain is another account, and so is one of Solana. */
async function writesToOtherChains(t) {
    const a = await joinSynced(t);
    const address = wallet();
    const others = [`eip155:137:${address}`,
        'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv'];
    for (const to of [address, ...others]) {
        const message = await a.send(to, 'x');
        same([message.to, message.peer, message.seq], [to, to, 1], 'message');
    }
    const { conversations } = await a.ok('conversation.list', {});
    same(conversations.map(({ peer }) => peer), [...others].reverse().concat(address), 'peers');
}

export const rows = overTransports('messages', [
    ['sends, acknowledges, tells, delivers and reads, field by field', livesItsLife],
    ['answers a send without a callback with events', answersWithEvents],
    ['answers other requests without a callback when they fail', answersOthersWithEvents],
    ['knows a duplicate', knowsDuplicates],
    ['knows a conflict', knowsConflicts],
    ['knows a key in one conversation of one sender', keysAreOnesOwn],
    ['lets a duplicate wait for the first', waitsForTheFirst],
    ['lets a conflict wait for the first', conflictsUnderWay],
    ['stores once what a client retries', survivesRetries, { own: true }],
    ['refuses to write to nobody', refusesNobody],
    ['refuses to write to oneself', refusesOneself],
    ['writes to each form of an address', writesToEachForm],
    ['writes to other chains', writesToOtherChains],
]);
