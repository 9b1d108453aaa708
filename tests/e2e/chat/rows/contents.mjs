/** What a message may hold, and what a request may look like. */
import { same } from '../../lib.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const TEXTS = {
    'scripts of the world': 'Grüße, мир, 世界, שלום, नमस्ते, e\u0301',
    emoji: '\u{1f469}\u200d\u{1f680} \u{1f1eb}\u{1f1f7} \u{10ffff}',
    'what looks like a packet': '42["message.send",{}]\x1e451-["x",{"_placeholder":true}]',
    'control characters': Array.from({ length: 31 }, (_, i) =>
        String.fromCharCode(i + 1)).join('') + '\x7f',
    'quotes, backslashes, U+2028': '"\\"/\\u0041\\ \u2028\u2029',
    'spaces only': '  \n',
    'one letter': 'x',
    'a number': '12345678901234567890',
};

/** Each as it was, in the answer, the event and the history. */
async function keepsTexts(t) {
    const [a, b] = await joinAll(t, 2);
    const texts = Object.values(TEXTS);
    for (const text of texts) {
        same((await a.send(b.address, text)).content, text, 'answer');
        same((await b.take('message.new')).content, text, 'event');
    }
    const { messages } = await b.ok('message.history', { peer: a.address });
    same(messages.map(({ content }) => content), texts, 'history');
}

const VALUES = [
    null, true, false, 0, -1, 1.5, 2 ** 53 - 1, -2.25e-7, 1e21, '', 'text', '\u{1f680}', [], {},
    [[], [{}]], { a: { b: [1, { c: null }] }, '': 0, 'ключ': '值' },
    { status: 'ok', cursor: 'x', id: 1, _placeholder: false },
];

async function keepsValues(t) {
    const [a, b] = await joinAll(t, 2);
    for (const content of VALUES) {
        const { message } = await a.ok('message.send',
            { to: b.address, type: 'x-app.state_1', content });
        same([message.type, message.content], ['x-app.state_1', content], 'answer');
        same((await b.take('message.new')).content, content, 'event');
    }
    const { messages } = await b.ok('message.history', { peer: a.address });
    same(messages.map(({ content }) => content), VALUES, 'history');
}

const LIMIT = 65536; // bytes
const FULL = {
    'letters': (n) => 'x'.repeat(n),
    'euros': (n) => '€'.repeat(Math.floor(n / 3)) + 'x'.repeat(n % 3),
    'emoji': (n) => '\u{1f680}'.repeat(Math.floor(n / 4)) + 'x'.repeat(n % 4),
    'quotes, two bytes each on the wire': (n) => '"'.repeat(n),
};

/** @param limit  bytes of a text */
const takesUpTo = (limit, server = 'default') => [
    `takes ${limit} bytes of text, and not one more`, async (t) => {
        const [a, b] = await joinAll(t, 2);
        for (const fill of Object.values(FULL)) {
            const text = fill(limit);
            same(Buffer.byteLength(text), limit, 'bytes');
            same((await a.send(b.address, text)).content === text, true, 'same content');
            same((await b.take('message.new')).content === text, true, 'same content');
            await a.refused('message.send', { to: b.address, type: 'text', content: `${text}x` },
                'too_large', { field: 'content' });
        }
        same((await a.send(b.address, 'still here')).seq, Object.keys(FULL).length + 1, 'seq');
    }, { server },
];

/** Of other types the limit is of the JSON, without spaces. */
async function limitsValues(t) {
    const [a, b] = await joinAll(t, 2);
    const value = ['x'.repeat(LIMIT - '[""]'.length)];
    const send = { to: b.address, type: 'x-large' };
    await a.ok('message.send', { ...send, content: value });
    same((await b.take('message.new')).content, value, 'content');
    await a.refused('message.send', { ...send, content: [`${value[0]}x`] }, 'too_large',
        { field: 'content' });
    await a.refused('message.send', { ...send, content: Array(LIMIT).fill(0) }, 'too_large',
        { field: 'content' });
    await a.works();
}

const nested = (depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

/** The event's array and the payload's object count, too: 32 in all. */
const DEPTH = 30;
const UNHELD = [nested(DEPTH + 1), nested(1000), { 'a\0b': 1 }, { deep: nested(DEPTH) }];

async function refusesWhatItCannotHold(t) {
    const [a, b] = await joinAll(t, 2);
    const send = { to: b.address, type: 'x-deep' };
    await a.ok('message.send', { ...send, content: nested(DEPTH) });
    same((await b.take('message.new')).content, nested(DEPTH), 'content');
    for (const content of UNHELD) {
        await a.refused('message.send', { ...send, content }, 'bad_request');
        a.socket.emit('message.send', { ...send, content });
        same((await a.take('error')).error.code, 'bad_request', 'code');
    }
    same((await a.send(b.address, 'still here')).seq, 2, 'seq');
}

const BINARY = [Buffer.from([0, 1, 255]), Buffer.alloc(0), { deep: [Buffer.from('x')] }];

async function refusesBinary(t) {
    const [a, b] = await joinAll(t, 2);
    for (const content of BINARY)
        for (const type of ['text', 'x-binary']) {
            const answer = await a.ask('message.send', { to: b.address, type, content });
            same([answer.status, answer.error?.code], ['error', 'bad_request'], 'answer');
        }
    const answer = await a.ask('message.history', Buffer.from('x'));
    same([answer.status, answer.error?.code], ['error', 'bad_request'], 'answer');
    same((await a.send(b.address, 'still here')).seq, 1, 'seq');
    await b.take('message.new');
    await b.heardNo('message.new');
}

/** Binary where nothing asks for an answer is no reason to close, either. */
async function refusesBinaryEvents(t) {
    const a = await joinSynced(t);
    a.socket.emit('message.send', { to: wallet(), type: 'text', content: Buffer.from('x') });
    same((await a.take('error')).error.code, 'bad_request', 'code');
    a.socket.emit('no.such.event', Buffer.from('x'));
    const { error } = await a.take('error');
    same(['bad_request', 'unknown_event'].includes(error.code), true, error.code);
    await a.works();
}

const OTHERS = ['Image', 'files', 'sticker', 'Text', 'poll', 'gone', 'x-', 'X-app', 'x-Ä',
    '', `x-${'a'.repeat(63)}`];

async function refusesTypes(t) {
    const [a, b] = await joinAll(t, 2);
    for (const type of OTHERS)
        await a.refused('message.send', { to: b.address, type, content: 'x' }, 'unsupported_type',
            { field: 'type' });
    const type = `x-${'a'.repeat(62)}`;
    same((await a.ok('message.send', { to: b.address, type, content: 1 })).message.type, type,
        'the longest');
}

/** What is not as it must be: a request, the field that the answer names. */
const MALFORMED = [
    ['message.send', {}, 'to'],
    ['message.send', { to: 1 }, 'to'],
    ['message.send', { to: null }, 'to'],
    ['message.send', { content: 'x' }, 'type'],
    ['message.send', { type: 7, content: 'x' }, 'type'],
    ['message.send', { type: 'text' }, 'content'],
    ['message.send', { type: 'text', content: '' }, 'content'],
    ['message.send', { type: 'text', content: null }, 'content'],
    ['message.send', { type: 'text', content: 1 }, 'content'],
    ['message.send', { type: 'text', content: ['x'] }, 'content'],
    ['message.send', { type: 'text', content: 'before\0after' }, 'content'],
    ['message.send', { type: 'text', content: '\0' }, 'content'],
    ['message.send', { type: 'x-none' }, 'content'],
    ...['', 'a b', 'é', 'a/b', 'x'.repeat(65), 7, {}].map((key) =>
        ['message.send', { type: 'text', content: 'x', client_msg_id: key }, 'client_msg_id']),
    ...[0, -1, 1.5, '1', 2 ** 53, {}].map((seq) =>
        ['message.send', { type: 'text', content: 'x', reply_to: seq }, 'reply_to']),
    ...['message.delivered', 'message.read'].flatMap((event) => [
        [event, {}, 'peer'],
        [event, { conversation: 7 }, 'conversation'],
        ...[undefined, 0, -1, 0.5, '1', null].map((seq) => [event, { peer: true, seq }, 'seq']),
    ]),
    ['message.history', {}, 'peer'],
    ...[0, 201, -1, 1.5, '50'].map((n) => ['message.history', { peer: true, limit: n }, 'limit']),
    ...[0, -1, 1.5, '2'].flatMap((n) => [
        ['message.history', { peer: true, before: n }, 'before'],
        ['message.history', { peer: true, after: n }, 'after'],
    ]),
    ...[0, 201, '1'].map((limit) => ['conversation.list', { limit }, 'limit']),
    ...['', 'x', 7, '0', {}].map((after) => ['conversation.list', { after }, 'after']),
];

async function refusesWhatIsMalformed(t) {
    const [a, b] = await joinAll(t, 2);
    for (const [event, payload, field] of MALFORMED) {
        const whole = { ...payload };
        if (event === 'message.send' && !('to' in whole) && field !== 'to') whole.to = b.address;
        if (whole.peer === true) whole.peer = b.address;
        await a.refused(event, whole, 'bad_request', { field });
    }
    for (const payload of [null, 'text', 7, [], true])
        for (const event of ['message.send', 'message.read', 'message.history'])
            await a.refused(event, payload, 'bad_request');
    await b.heardNo('message.new');
    same((await a.ok('conversation.list', {})).conversations, [], 'conversations');
}

/** Nothing at all for a payload. */
async function refusesNoPayload(t) {
    const a = await joinSynced(t);
    for (const event of ['message.send', 'message.delivered', 'message.read', 'message.history']) {
        const answer = await a.socket.timeout(5000).emitWithAck(event);
        same([answer.status, answer.error?.code], ['error', 'bad_request'], event);
    }
    await a.works();
}

async function takesNullForNothing(t) {
    const [a, b] = await joinAll(t, 2);
    const message = await a.send(b.address, 'x', { client_msg_id: null, reply_to: null });
    same(['client_msg_id' in message, 'reply_to' in message], [false, false], 'members');
    const page = await a.ok('message.history',
        { peer: b.address, before: null, after: null, limit: null });
    same(page.messages.length, 1, 'messages');
}

async function takesTheLongestKey(t) {
    const [a, b] = await joinAll(t, 2);
    const longest = 'aZ09._:-'.repeat(8);
    for (const key of [longest, '-', '0'])
        same((await a.send(b.address, 'x', { client_msg_id: key })).client_msg_id, key, 'key');
}

/** A reply is to what is there, on either side. */
async function repliesToWhatIsThere(t) {
    const [a, b] = await joinAll(t, 2);
    const send = { to: b.address, type: 'text', content: 'x' };
    await a.refused('message.send', { ...send, reply_to: 1 }, 'bad_request',
        { field: 'reply_to' });
    await a.send(b.address, 'one');
    await a.refused('message.send', { ...send, reply_to: 2 }, 'bad_request',
        { field: 'reply_to' });
    same((await a.send(b.address, 'two', { reply_to: 1 })).reply_to, 1, 'reply_to');
    same((await b.take('message.new')).reply_to, undefined, 'reply_to');
    same((await b.take('message.new')).reply_to, 1, 'reply_to');
}

const UNKNOWN = [
    'conversation', 'conversation.changed', 'typing', 'presence.changed', 'upload',
    'attachment', 'message', 'message.new', 'ready', 'synced', 'message.Send',
    'x'.repeat(2000), 'constructor', '',
];

async function refusesUnknownEvents(t) {
    const a = await joinSynced(t);
    for (const event of UNKNOWN) await a.refused(event, { peer: wallet() }, 'unknown_event');
    await a.works();
}

/** More arguments than one, and members that nobody knows, may come from newer clients. */
async function ignoresMore(t) {
    const [a, b] = await joinAll(t, 2);
    const send = { to: b.address, type: 'text', content: 'x', colour: 'red', cursor: 'x' };
    const answer = await a.socket.timeout(5000).emitWithAck('message.send', send, 1, ['more']);
    same(answer.status, 'ok', 'status');
    const message = await b.take('message.new');
    same(['colour' in message, message.content], [false, 'x'], 'message');
    same(message.cursor === 'x', false, 'the sender names the cursor');
}

/** Those of newer clients: it is told, counted, delivered and read like any other. */
async function countsWhatNobodyKnows(t) {
    const [a, b] = await joinAll(t, 2);
    const send = { to: b.address, type: 'x-of.tomorrow', content: { target: 1 } };
    const reserved = { target: 1, context: 'x', device: 'x', edited_at: 'x', expires_at: 'x' };
    const { message } = await a.ok('message.send', { ...send, ...reserved });
    same(Object.keys(message).filter((key) => key in reserved), [], 'what is reserved');
    const got = await b.take('message.new');
    same([got.type, got.content], [send.type, send.content], 'message');
    await heardOf(a, 'message.delivered', 1);
    const { conversations: [{ unread, last_message: last }] } =
        await b.ok('conversation.list', {});
    same([unread, last.type], [1, send.type], 'unread');
    await b.ok('message.read', { peer: a.address, seq: 1 });
    await heardOf(a, 'message.read', 1);
}

export const rows = overTransports('contents', [
    ['keeps every text as it is', keepsTexts],
    ['keeps every JSON value of the application', keepsValues],
    takesUpTo(LIMIT),
    takesUpTo(1024, 'small contents'),
    ['limits the JSON of other types', limitsValues],
    ['refuses JSON that it cannot hold, and lives on', refusesWhatItCannotHold],
    ['refuses binary and lives on', refusesBinary],
    ['refuses binary without a callback and lives on', refusesBinaryEvents],
    ['refuses types', refusesTypes],
    ['refuses what is malformed, and names the field', refusesWhatIsMalformed],
    ['refuses a request without a payload', refusesNoPayload],
    ['takes null for nothing', takesNullForNothing],
    ['takes the longest key', takesTheLongestKey],
    ['replies to what is there', repliesToWhatIsThere],
    ['refuses events that it does not know', refusesUnknownEvents],
    ['ignores what it does not know', ignoresMore],
    ['counts a type that nobody knows as a message', countsWhatNobodyKnows],
]);
