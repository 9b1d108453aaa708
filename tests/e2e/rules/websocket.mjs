/** Chapters 7 and 8: the WebSocket itself, and how sessions end. */
import { SMALL, match, oneOf, same, sleep } from '../lib.mjs';
import { CLOSE, PING, PONG, Poll, SESSIONS, TEXT, Ws, ask, frame, probe } from '../wire.mjs';
import { JOIN, JOIN_CUSTOM, play } from './script.mjs';
import { ENGINE, SOCKET, Table, WEBSOCKET, alive, hasHeaders, isError } from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

rule(7, 'the first subprotocol is echoed, and "Upgrade" spelled so', async (t) => {
    const headers = {
        'Sec-WebSocket-Protocol': 'one, two',
        'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
    };
    const [, response] = await Ws.open(t, t.url, WEBSOCKET, { headers });
    hasHeaders(response, {
        Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'one',
        'Sec-WebSocket-Extensions': undefined,
    });
});
rule(7, 'no subprotocol is answered with none', async (t) => {
    const [, response] = await Ws.open(t, t.url, WEBSOCKET);
    hasHeaders(response, { 'Sec-WebSocket-Protocol': undefined });
});
rule(7, 'the Upgrade header may be written otherwise', async (t) => {
    const headers = { Connection: 'keep-alive, upgrade', Upgrade: 'WebSocket' };
    const [ws] = await Ws.open(t, t.url, WEBSOCKET, { headers });
    match(await ws.hear(), /^0/, 'handshake');
});

const x = (n) => `4${'x'.repeat(n - 1)}`;
const BROKEN = [
    // name, code, what is sent
    ['a frame that is not masked', 1002, frame(TEXT, '4x', { mask: false })],
    ['a reserved bit', 1002, frame(TEXT, '4x', { rsv: 4 })],
    ['a reserved opcode', 1002, frame(3, '')],
    ['a continuation of nothing', 1002, frame(0, 'x')],
    ['a fragmented ping', 1002, frame(PING, '', { fin: false })],
    ['text that is not UTF-8', 1007, frame(TEXT, Buffer.from([0x34, 0xc3, 0x28]))],
    ['text with a surrogate', 1007, frame(TEXT, Buffer.from([0x34, 0xed, 0xa0, 0x80]))],
    ['a message over max-payload', 1009, frame(TEXT, x(SMALL + 1))],
    ['the head of a huge frame', 1009, frame(TEXT, '', { length: 2 ** 40 })],
    ['fragments over max-payload', 1009,
        Buffer.concat([frame(TEXT, x(600), { fin: false }), frame(0, x(SMALL - 599))])],
];
for (const [name, code, bytes] of BROKEN)
    rule(7, `${name} is ${code}`, async (t) => {
        const s = await SESSIONS.websocket(t, t.url, ENGINE);
        s.wire.send(bytes);
        same((await s.closing()).code, code, 'close code');
        isError(await ask(t, t.url, 'GET', s.target), 1);
    }, { server: 'small' });
rule(7, '1009 has a reason', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.say(x(SMALL + 1));
    const { code, reason } = await s.closing();
    same(code, 1009, 'code');
    match(reason, /./, 'reason');
}, { server: 'small', dev: 'gives none' });
rule(7, 'a message of max-payload is taken', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.say(x(SMALL));
    same(await s.hear(), x(SMALL), 'echo');
    s.frame(TEXT, x(600), { fin: false });
    s.frame(0, x(SMALL - 600));
    same(await s.hear(), x(600) + x(SMALL - 600), 'echo');
}, { server: 'small' });
rule(7, 'a ping is answered with its payload', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    const payload = Buffer.alloc(125, 'p');
    s.frame(PING, payload);
    same(await s.hearFrame(), { first: 0x80 | PONG, payload }, 'pong');
    s.frame(PONG, 'unasked');
    await alive(s);
});
for (const code of [1000, 1001, 3000, 4999])
    rule(7, `the close code ${code} is echoed`, async (t) => {
        const s = await SESSIONS.websocket(t, t.url, ENGINE);
        s.frame(CLOSE, Buffer.from([code >> 8, code & 255]));
        same((await s.closing()).code, code, 'close code');
        await s.wire.over();
        isError(await ask(t, t.url, 'GET', s.target), 1);
    });
rule(7, 'an empty close frame is answered with one', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.frame(CLOSE, '');
    await s.gone();
});
rule(7, 'who never reads is closed when too much waits', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.wire.socket.pause();
    for (let i = 0; i < 40; i++) s.say(x(900000));
    await sleep(1000);
    isError(await ask(t, t.url, 'GET', s.target), 1);
}, { dev: 'keeps it all' });
rule(7, '/ws-echo echoes text and binary as they are', async (t) => {
    const [ws] = await Ws.open(t, t.url, '/ws-echo');
    ws.say('2', 'bAAEC', '');
    for (const want of ['2', 'bAAEC', '']) same(await ws.hear(), want, 'echo');
});

rule(8, 'SIGTERM closes every session, and the server ends', async (t) => {
    const server = await t.start([]);
    const waiting = await Poll.open(t, server.url);
    const ws = await SESSIONS.websocket(t, server.url, ENGINE);
    const probing = await probe(t, await Poll.open(t, server.url));
    const get = waiting.get();
    await (await Poll.open(t, server.url)).say('4x');
    server.terminate();
    same((await get).body, '1', 'poll');
    for (const one of [ws, probing])
        oneOf((await one.closing()).code, [1005, 1001], 'close code');
    await server.stop();
}, { own: true });
rule(8, 'SIGTERM ends the server though a WebSocket does not answer', async (t) => {
    const server = await t.start([]);
    await SESSIONS.websocket(t, server.url, ENGINE);
    await server.stop();
}, { own: true });

for (const [transport, open] of Object.entries(SESSIONS))
    rule(8, `kick-all sends 41 for each namespace and closes (${transport})`, async (t) => {
        const s = await open(t, t.url, SOCKET);
        await play(s, [...JOIN, ...JOIN_CUSTOM, '>42/custom,["kick-all"]']);
        const got = [await s.hear(), await s.hear()];
        same(got.sort(), ['41', '41/custom,'], 'packets');
        await s.gone();
    });
rule(8, 'a lost WebSocket is forgotten at once', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.leave();
    await sleep(50);
    isError(await ask(t, t.url, 'GET', s.target), 1);
});

export const { rows } = table;
