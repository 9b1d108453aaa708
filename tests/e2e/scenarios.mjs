/**
 * What applications do, with the official clients as they are: socket.io-client, and the
 * engine.io-client under it. Each scenario runs over each transport.
 */
import { io } from 'socket.io-client';
import { Socket as Engine } from 'engine.io-client';
import {
    Failure, collect, match, next, nothing, now, oneOf, same, sleep, within,
} from './lib.mjs';

const TRANSPORTS = {
    websocket: ['websocket'],
    polling: ['polling'],
    upgrade: ['polling', 'websocket'],
};
const FIRST = { websocket: 'websocket', polling: 'polling', upgrade: 'polling' };
const LAST = { websocket: 'websocket', polling: 'polling', upgrade: 'websocket' };

/** A client that connects by itself, on a connection of its own. */
function dial(t, namespace = '/', options = {}) {
    const socket = io(t.url + namespace, {
        transports: TRANSPORTS[t.transport],
        forceNew: true,
        reconnection: false,
        ...options,
    });
    t.defer(() => socket.io._close());
    socket.io.engine.once('open', () => (socket.firstTransport = transportOf(socket)));
    return socket;
}

const transportOf = (socket) => socket.io.engine.transport.name;

async function upgraded(t, socket) {
    const engine = socket.io.engine;
    if (t.transport === 'upgrade' && transportOf(socket) === 'polling')
        await next(engine, 'upgrade');
    same(transportOf(socket), LAST[t.transport], 'transport');
}

async function connected(socket) {
    const refused = new Promise((_, reject) => {
        socket.once('connect_error', (error) => {
            reject(new Failure(`refused: ${error.message}`));
        });
    });
    if (!socket.connected) await Promise.race([next(socket, 'connect'), refused]);
}

/** Connected, and on the transport that the scenario is about. */
async function join(t, namespace, options) {
    const socket = dial(t, namespace, options);
    await connected(socket);
    same(socket.firstTransport, FIRST[t.transport], 'first transport');
    await upgraded(t, socket);
    return socket;
}

async function refusal(socket) {
    const [error] = await next(socket, 'connect_error');
    return error;
}

/** Another namespace on the same connection. */
function beside(socket, namespace, auth) {
    return socket.io.socket(namespace, { auth }); // which connects by itself
}

async function echoes(socket, ...args) {
    const back = next(socket, 'message-back');
    socket.emit('message', ...args);
    same(await back, args, 'message-back');
}

/** Still in use, both ways. */
const works = (socket) => echoes(socket, 'still here');

async function authOf(t, options) {
    const socket = dial(t, '/', options);
    const [auth] = await next(socket, 'auth');
    return auth;
}

const numbers = (n) => Array.from({ length: n }, (_, i) => i);

const KINDS = [
    null, true, false, 0, -1, 1.5, -2.25e-7, 2 ** 31, Number.MAX_SAFE_INTEGER, 1e21, '', 'text',
    [], {}, [[], [{}]], { a: { b: [1, { c: null }] }, '': 0 },
];

const TEXTS = {
    unicode: 'Grüße, мир, 世界, שלום, \u00e9 and e\u0301',
    emoji: '\u{1f469}\u200d\u{1f680} \u{1f1eb}\u{1f1f7} \u{10ffff}',
    'U+0000': 'before\0after',
    'the separator U+001E': '\x1e4\x1e1',
    'U+2028 and U+2029': 'a\u2028b\u2029c',
    'control characters': numbers(32).map((c) => String.fromCharCode(c)).join('') + '\x7f',
    'quotes and backslashes': '"\\"/\\u0041\\',
    'what looks like a packet': '451-["x",{"_placeholder":true,"num":0}]',
};

async function sendsWhileUpgrading(t) {
    const socket = dial(t);
    const all = collect(socket, 'message-back', 300);
    for (const i of numbers(300)) {
        socket.emit('message', i); // buffered by the client until it is connected
        await sleep(0);
    }
    same(await all, numbers(300), 'order');
    await upgraded(t, socket);
}

async function sendsWhileUpgradingOnEngine(t) {
    const socket = dialEngine(t);
    const all = collect(socket, 'message', 300);
    await next(socket, 'open');
    const used = new Set();
    for (const i of numbers(300)) {
        if (i === 200 && !used.has('websocket')) await next(socket, 'upgrade');
        used.add(socket.transport.name);
        socket.send(`${i}`);
        await sleep(0);
    }
    same(await all, numbers(300).map(String), 'order');
    same([...used], ['polling', 'websocket'], 'transports used');
}

async function hearsWhileUpgrading(t) {
    const socket = dial(t);
    const all = collect(socket, 'b', 2000);
    socket.emit('burst', 1000); // buffered by the client, and so sent at once on CONNECT
    await next(socket.io.engine, 'upgrading');
    socket.emit('burst', 1000);
    await upgraded(t, socket);
    same(await all, [...numbers(1000), ...numbers(1000)], 'order');
    await works(socket);
}

async function connectsManyAtOnce(t) {
    const sockets = numbers(200).map(() => dial(t));
    await Promise.all(sockets.map(async (socket, i) => {
        await within(20000, `connection of client ${i}`, new Promise((resolve, reject) => {
            socket.once('connect', resolve).once('connect_error', reject);
        }));
        const back = next(socket, 'message-back', 20000);
        socket.emit('message', i);
        same(await back, [i], 'message-back');
    }));
    same(new Set(sockets.map((socket) => socket.id)).size, 200, 'different ids');
}

async function reconnectsToANewServer(t) {
    const first = await t.start([]);
    t.url = first.url;
    const socket = await join(t, '/', { reconnection: true, reconnectionDelay: 50 });
    const { id } = socket;
    const disconnected = next(socket, 'disconnect');
    await first.stop();
    oneOf((await disconnected)[0], ['transport close', 'transport error'], 'reason');
    const again = next(socket, 'connect');
    await t.start([], first.listen);
    await again;
    same(socket.id === id, false, 'same id as before');
    await works(socket);
}

async function staysWhenIdle(t) {
    const socket = await join(t);
    const { id } = socket;
    const lost = next(socket, 'disconnect', 60000);
    await nothing(3000, 'disconnect', lost);
    same(socket.id, id, 'id');
    await works(socket);
}

async function acksInOrder(t) {
    const socket = await join(t);
    const answers = [];
    const all = numbers(200).map((i) => new Promise((resolve) => {
        socket.emit('message-with-ack', i, (got) => resolve(answers.push(got)));
    }));
    await within(5000, '200 acks', Promise.all(all));
    same(answers, numbers(200), 'acks');
}

async function answersTheServersAck(socket, args, answer) {
    const asked = new Promise((resolve) => {
        socket.once('please-ack', (...got) => {
            got.pop()(...answer);
            resolve(got);
        });
    });
    const was = next(socket, 'ack-was');
    socket.emit('need-ack', ...args);
    same(await within(5000, 'please-ack', asked), args, 'please-ack');
    same(await was, answer, 'ack-was');
}

async function kicks(t) {
    const socket = await join(t);
    const custom = beside(socket, '/custom');
    await connected(custom);
    const gone = next(socket, 'disconnect');
    socket.emit('kick');
    same((await gone)[0], 'io server disconnect', 'reason');
    same(socket.active, false, 'will reconnect');
    await works(custom);
    socket.connect();
    await connected(socket);
    await works(socket);
}

async function kicksAll(t) {
    const socket = await join(t);
    const custom = beside(socket, '/custom');
    await connected(custom);
    const gone = [next(socket, 'disconnect'), next(custom, 'disconnect')];
    const closed = next(socket.io, 'close');
    socket.emit('kick-all');
    for (const one of gone) same((await one)[0], 'io server disconnect', 'reason');
    await closed;
}

async function leavesAndComesBack(t) {
    const socket = await join(t);
    const { id } = socket;
    const gone = next(socket, 'disconnect');
    socket.disconnect();
    same((await gone)[0], 'io client disconnect', 'reason');
    socket.connect();
    await connected(socket);
    same(socket.id === id, false, 'same id as before');
    await works(socket);
}

async function leavesOneNamespace(t) {
    const socket = await join(t);
    const custom = beside(socket, '/custom');
    await connected(custom);
    custom.disconnect();
    await works(socket);
    custom.connect();
    await connected(custom);
    await works(custom);
}

async function comesBackAfterALostTransport(t) {
    const socket = await join(t, '/', { reconnection: true, reconnectionDelay: 20 });
    const gone = next(socket, 'disconnect');
    const again = next(socket, 'connect');
    socket.io.engine.close();
    await gone;
    await again;
    await works(socket);
}

async function tellsTheRoom(t) {
    const [a, b, c] = await Promise.all([join(t), join(t), join(t)]);
    const room = `room ${t.transport}`;
    let strays = 0;
    c.on('roomev', () => strays++);
    a.emit('join', room);
    b.emit('join', room);
    await Promise.all([works(a), works(b)]);
    const heard = [next(a, 'roomev'), next(b, 'roomev')];
    c.emit('room', room, 'x', Buffer.from('y'), { z: 1 });
    for (const one of heard) same(await one, ['x', Buffer.from('y'), { z: 1 }], 'roomev');
    b.disconnect().connect();
    await connected(b);
    b.on('roomev', () => strays++);
    const last = next(a, 'roomev');
    a.emit('room', room, 'again');
    same(await last, ['again'], 'roomev');
    await Promise.all([works(b), works(c)]);
    same(strays, 0, 'events to who is not in the room');
}

/** Over polling one is lost whenever no GET waits, but not every one, and none comes twice. */
async function sendsVolatile(t) {
    const socket = await join(t);
    const got = [];
    socket.on('vol', (i) => got.push(i));
    const tries = 20;
    for (const i of numbers(tries)) {
        socket.emit('volatile', i);
        await works(socket);
    }
    if (t.transport !== 'polling') return same(got, numbers(tries), 'vol');
    same(got.length > 0, true, 'any vol');
    return same(got, [...new Set(got)].sort((x, y) => x - y), 'vol');
}

async function refusesElevenAttachments(t) {
    const socket = await join(t);
    const gone = next(socket, 'disconnect');
    socket.emit('message', ...numbers(11).map((i) => Buffer.from([i])));
    oneOf((await gone)[0], ['transport close', 'transport error'], 'reason');
}

async function refusesWhatIsTooLarge(t) {
    const socket = await join(t);
    const gone = next(socket, 'disconnect');
    socket.emit('message', 'x'.repeat(2000));
    oneOf((await gone)[0], ['transport close', 'transport error'], 'reason');
}

async function refusesNamespaces(t) {
    const socket = await join(t);
    same((await refusal(beside(socket, '/unknown'))).message, 'Invalid namespace', 'message');
    same((await refusal(beside(socket, '/secret2'))).message, 'nope', 'message');
    const secret = beside(socket, '/secret', { token: 'wrong' });
    const error = await refusal(secret);
    same(error.message, 'not authorized', 'message');
    same(error.data, { code: 'E_AUTH', retry: false }, 'data');
    same(secret.active, false, 'will try again');
    secret.auth = { token: 'ok' };
    secret.connect();
    await connected(secret);
    await Promise.all([works(secret), works(socket)]);
}

async function sharesOneConnection(t) {
    const socket = await join(t);
    const custom = beside(socket, '/custom', { who: 'custom' });
    same(await next(custom, 'auth'), [{ who: 'custom' }], 'auth');
    const ids = [socket.id, custom.id, socket.io.engine.id];
    same(new Set(ids).size, 3, 'different ids');
    const backs = [next(socket, 'message-back'), next(custom, 'message-back')];
    socket.emit('message', 'root');
    custom.emit('message', 'custom');
    same(await Promise.all(backs), [['root'], ['custom']], 'message-back');
    same(await custom.emitWithAck('message-with-ack', 1), 1, 'ack');
    same(await socket.emitWithAck('message-with-ack', 2), 2, 'ack');
    await answersTheServersAck(custom, ['q'], ['a']);
}

async function waitsInVainForAnAck(t) {
    const socket = await join(t);
    const started = now();
    const error = await socket.timeout(200).emitWithAck('nobody-hears', 1).catch((e) => e);
    match(error.message, /timed out/, 'error');
    same(now() - started < 2000, true, 'in time');
    await works(socket);
}

async function retries(t) {
    const socket = await join(t, '/', { retries: 3, ackTimeout: 1000 });
    const answers = numbers(20).map((i) => new Promise((resolve, reject) => {
        socket.emit('message-with-ack', i, (error, got) => {
            if (error) reject(error);
            else resolve(got);
        });
    }));
    same(await within(5000, 'acks', Promise.all(answers)), numbers(20), 'acks');
}

async function givesUpRetrying(t) {
    const socket = await join(t, '/', { retries: 2, ackTimeout: 50 });
    const lost = new Promise((resolve) => socket.emit('nobody-hears', resolve));
    match((await within(5000, 'failure', lost)).message, /timed out/, 'error');
    same(await socket.emitWithAck('message-with-ack', 'x'), 'x', 'ack of the next one');
}

async function connectsTwiceQuickly(t) {
    const [a, b] = await Promise.all([join(t), join(t)]);
    same(a.id === b.id, false, 'one id for both');
    a.disconnect().connect().disconnect().connect();
    await connected(a);
    await Promise.all([works(a), works(b)]);
}

const BUFFERS = [Buffer.from([0, 1, 2, 255]), Buffer.alloc(0), Buffer.from('text')];
const TEN = numbers(10).map((i) => Buffer.alloc(i * 100, i));
const NESTED = { list: [BUFFERS[0], { deep: { er: BUFFERS[2] } }], n: 1, none: BUFFERS[1] };

function dialEngine(t) {
    const transports = TRANSPORTS[t.transport];
    const socket = new Engine(t.url, { path: '/engine.io/', transports });
    t.defer(() => socket.close());
    return socket;
}

async function engine(t) {
    const socket = dialEngine(t);
    await next(socket, 'open');
    if (t.transport === 'upgrade') await next(socket, 'upgrade');
    same(socket.transport.name, LAST[t.transport], 'transport');
    return socket;
}

async function echoesOnEngine(t, ...messages) {
    const socket = await engine(t);
    const all = collect(socket, 'message', messages.length);
    for (const message of messages) socket.send(message);
    same(await all, messages, 'echo');
}

async function closesOnEngine(t) {
    const socket = await engine(t);
    const closed = next(socket, 'close');
    socket.close();
    same((await closed)[0], 'forced close', 'reason');
}

const echo = (...args) => async (t) => echoes(await join(t), ...args);

// name, what it does; then server: "default" where none is said; over: all transports.
const TABLE = [
    ['connects without auth', async (t) => same(await authOf(t), {}, 'auth')],
    ['connects with auth', async (t) => {
        const auth = { token: 'x', list: [1, { a: null }], text: TEXTS.emoji };
        same(await authOf(t, { auth }), auth, 'auth');
    }],
    ['connects with an auth function', async (t) => {
        same(await authOf(t, { auth: (give) => give({ late: true }) }), { late: true }, 'auth');
    }],
    ['connects to /custom', async (t) => works(await join(t, '/custom'))],
    ['connects to /secret with the token', async (t) => {
        await works(await join(t, '/secret', { auth: { token: 'ok' } }));
    }],
    ['refuses an unknown namespace', async (t) => {
        same((await refusal(dial(t, '/unknown'))).message, 'Invalid namespace', 'message');
    }],
    ['refuses /secret with message and data', async (t) => {
        const { message, data } = await refusal(dial(t, '/secret'));
        same({ message, data },
            { message: 'not authorized', data: { code: 'E_AUTH', retry: false } }, 'error');
    }],
    ['refuses /secret2 without data', async (t) => {
        const { message, data } = await refusal(dial(t, '/secret2'));
        same({ message, data }, { message: 'nope', data: undefined }, 'error');
    }],
    ['refuses namespaces and keeps the others', refusesNamespaces],
    ['has several namespaces on one connection', sharesOneConnection],
    ['leaves one namespace and comes back', leavesOneNamespace],

    ['echoes no argument', echo()],
    ['echoes every kind of JSON', echo(...KINDS)],
    ...Object.entries(TEXTS).map(([what, text]) => [
        `echoes ${what}`, echo(text, { [what]: text }),
    ]),
    ['makes lone surrogates U+FFFD', async (t) => {
        const socket = await join(t);
        const back = next(socket, 'message-back');
        socket.emit('message', 'a\ud800b', 'c\udfff', '\udc00\ud800');
        same(await back, ['a\ufffdb', 'c\ufffd', '\ufffd\ufffd'], 'message-back');
    }, { dev: 'echoes them' }],
    ['echoes 900 kB of text', echo('x'.repeat(900000))],
    ['echoes 300 kB of euros, 900 kB of UTF-8', echo('€'.repeat(300000))],
    ['echoes a large object', echo(numbers(5000).map((i) => ({ i, s: `item ${i}` })))],
    ['echoes events sent before the connection', async (t) => {
        const socket = dial(t);
        const all = collect(socket, 'message-back', 3);
        for (const i of numbers(3)) socket.emit('message', i);
        same(await all, numbers(3), 'message-back');
    }],
    ['ignores an unknown event', async (t) => {
        const socket = await join(t);
        socket.emit('nobody-hears', 1, { a: 2 });
        await works(socket);
    }],

    ['acknowledges', async (t) => {
        const socket = await join(t);
        same(await socket.emitWithAck('message-with-ack', { a: 1 }), { a: 1 }, 'ack');
        const got = new Promise((done) => {
            socket.emit('message-with-ack', 1, 'b', null, (...args) => done(args));
        });
        same(await within(5000, 'ack', got), [1, 'b', null], 'ack');
    }],
    ['acknowledges without arguments', async (t) => {
        const socket = await join(t);
        const got = new Promise((done) => {
            socket.emit('message-with-ack', (...args) => done(args));
        });
        same(await within(5000, 'ack', got), [], 'ack');
    }],
    ['acknowledges 200 in order', acksInOrder],
    ['hears the ack that it asked for', async (t) => {
        const socket = await join(t);
        await answersTheServersAck(socket, [1, 'x'], ['y', { z: null }]);
        await answersTheServersAck(socket, [], []);
    }],
    ['times out an ack that never comes', waitsInVainForAnAck],
    ['is fast enough for retries', retries],
    ['loses one to retries and goes on', givesUpRetrying],

    ['echoes binary', echo(...BUFFERS)],
    ['echoes nested binary', echo(NESTED, 'text', BUFFERS[0])],
    ['echoes ten attachments', echo(...TEN)],
    ['echoes 675 kB of binary, 900 kB of base64', echo(Buffer.alloc(675000).map((_, i) => i))],
    ['acknowledges binary', async (t) => {
        const socket = await join(t);
        same(await socket.emitWithAck('message-with-ack', NESTED), NESTED, 'ack');
        await answersTheServersAck(socket, [BUFFERS[0]], [NESTED, BUFFERS[2]]);
    }],
    ['echoes binary in another namespace', async (t) => {
        await echoes(await join(t, '/custom'), NESTED);
    }],
    ['echoes binary as base64', async (t) => {
        await echoes(await join(t, '/', { forceBase64: true }), ...BUFFERS, NESTED);
    }],
    ['closes on eleven attachments', refusesElevenAttachments],
    ['closes on more than max-payload', refusesWhatIsTooLarge, { server: 'small' }],

    ['sends 2000 in order', async (t) => {
        const socket = await join(t);
        const all = collect(socket, 'b', 2000);
        socket.emit('burst', 2000);
        same(await all, numbers(2000), 'order');
    }],
    ['takes 2000 in order', async (t) => {
        const socket = await join(t);
        const all = collect(socket, 'message-back', 2000);
        for (const i of numbers(2000)) socket.emit('message', i);
        same(await all, numbers(2000), 'order');
    }],
    ['keeps the order of text and binary', async (t) => {
        const socket = await join(t);
        const sent = numbers(200).map((i) => (i % 3 ? i : Buffer.from([i])));
        const all = collect(socket, 'message-back', 200);
        for (const one of sent) socket.emit('message', one);
        same(await all, sent, 'order');
    }],
    ['keeps the order of what is sent while upgrading', sendsWhileUpgrading,
        { over: ['upgrade'] }],
    ['keeps the order of what is heard while upgrading', hearsWhileUpgrading,
        { over: ['upgrade'] }],

    ['tells a room, and only the room', tellsTheRoom],
    ['sends volatile events', sendsVolatile],

    ['kicks from one namespace', kicks],
    ['kicks from the connection', kicksAll],
    ['leaves and comes back', leavesAndComesBack],
    ['comes back after a lost transport', comesBackAfterALostTransport],
    ['comes back to a new server', reconnectsToANewServer, { own: true, limit: 20000 }],
    ['connects twice quickly', connectsTwiceQuickly],
    ['connects 200 clients at once', connectsManyAtOnce, { alone: true, limit: 30000 }],
    ['stays for seconds of silence', staysWhenIdle, { server: 'short' }],

    ['echoes Engine.IO messages', (t) => echoesOnEngine(t, 'x', TEXTS.unicode, '4', 'b')],
    ['echoes binary Engine.IO messages', (t) => echoesOnEngine(t, ...BUFFERS, ...TEN)],
    ['echoes mixed Engine.IO messages in order', (t) => {
        const mixed = numbers(300).map((i) => (i % 2 ? `${i}` : Buffer.from([i])));
        return echoesOnEngine(t, ...mixed);
    }],
    ['keeps the order of Engine.IO messages sent while upgrading', sendsWhileUpgradingOnEngine,
        { over: ['upgrade'] }],
    ['closes an Engine.IO session', closesOnEngine],
];


export const scenarios = TABLE.flatMap(([name, run, more = {}]) => {
    return (more.over ?? Object.keys(TRANSPORTS)).map((transport) => ({
        name: `scenario/${transport}: ${name}`,
        run: (t) => run(Object.assign(t, { transport })),
        ...more,
    }));
});
