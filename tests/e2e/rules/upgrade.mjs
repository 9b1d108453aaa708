/** Chapter 6: from polling to a WebSocket. */
import { between, nothing, now, oneOf, same, sleep } from '../lib.mjs';
import {
    CLOSE, Poll, SESSIONS, TEXT, UPGRADE, Wire, Ws, ask, frame, handshakeOf, probe, request,
} from '../wire.mjs';
import { isPacket } from './script.mjs';
import {
    ENGINE, LATE, POLLING, SOCKET, Table, WEBSOCKET, alive, hasHeaders, isError, numbers,
} from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

/** A polling session, and a WebSocket that probes. */
async function probing(t, path) {
    const s = await Poll.open(t, t.url, path);
    return [s, await probe(t, s)];
}

rule(6, 'the probe is answered, and "5" makes it the transport', async (t) => {
    const [, ws] = await probing(t);
    ws.say('5');
    await alive(ws);
});
rule(6, 'a waiting GET gets "6"', async (t) => {
    const s = await Poll.open(t, t.url);
    const get = s.get();
    await probe(t, s);
    same((await get).body, '6', 'poll');
});
rule(6, 'every GET that comes while probing gets "6"', async (t) => {
    const [s, ws] = await probing(t);
    for (let i = 0; i < 5; i++) same((await s.get()).body, '6', 'poll');
    ws.say('5');
    await alive(ws);
});
rule(6, 'and at once', async (t) => {
    const [s] = await probing(t);
    const from = now();
    for (let i = 0; i < 10; i++) same((await s.get()).body, '6', 'poll');
    between(now() - from, 0, 300, 'ms for ten polls');
}, { alone: true, dev: 'looks every 100 ms' });
rule(6, '"5" needs no probe', async (t) => {
    const s = await Poll.open(t, t.url);
    const [ws] = await Ws.open(t, t.url, s.wsTarget);
    ws.say('5');
    await alive(ws);
    isError(await s.get(), 3);
});
rule(6, 'the probe and "5" may come in one piece', async (t) => {
    const s = await Poll.open(t, t.url);
    const [ws] = await Ws.open(t, t.url, s.wsTarget);
    ws.wire.send(Buffer.concat(['2probe', '5', '4x'].map((packet) => frame(TEXT, packet))));
    for (const want of ['3probe', '4x']) same(await ws.hear(), want, 'packet');
});
rule(6, 'the probe and "5" may come with the request', async (t) => {
    const s = await Poll.open(t, t.url);
    const behind = Buffer.concat(['2probe', '5', '4x'].map((packet) => frame(TEXT, packet)));
    const [ws] = await Ws.open(t, t.url, s.wsTarget, { behind });
    for (const want of ['3probe', '4x']) same(await ws.hear(), want, 'packet');
});
rule(6, 'the upgrade may follow the handshake on its connection, as with an ESP', async (t) => {
    const wire = await Wire.open(t, t.url);
    const { sid } = handshakeOf((await wire.ask('GET', `${POLLING}&b64=true`)).body);
    const headers = { 'Sec-WebSocket-Protocol': 'arduino', Connection: 'keep-alive, Upgrade' };
    const behind = Buffer.concat([frame(TEXT, '2probe'), frame(TEXT, '5')]);
    const target = `${WEBSOCKET}&sid=${sid}`;
    const [ws, response] = await Ws.open(t, t.url, target, { wire, headers, behind });
    hasHeaders(response, { 'Sec-WebSocket-Protocol': 'arduino', Connection: 'Upgrade' });
    same(await ws.hear(), '3probe', 'packet');
    await alive(ws);
});
rule(6, 'a GET that still waits at "5" gets "1"', async (t) => {
    const s = await Poll.open(t, t.url);
    const get = s.get();
    const [ws] = await Ws.open(t, t.url, s.wsTarget);
    ws.say('5');
    same((await get).body, '1', 'poll');
    await alive(ws);
});
rule(6, 'polling after "5" is code 3, and does no harm', async (t) => {
    for (let i = 0; i < 20; i++) {
        const [s, ws] = await probing(t);
        ws.say('5');
        isError(await s.get(), 3); // the "5" came first, on another connection
        isError(await s.post('4x'), 3);
        await alive(ws);
    }
});
rule(6, 'what is buffered is flushed in order', async (t) => {
    const [s, ws] = await probing(t);
    await s.say('4a', 'bAQID');
    await s.say('4c');
    ws.say('5', '4d');
    for (const want of ['4a', 'bAQID', '4c', '4d']) same(await ws.hear(), want, 'packet');
});
rule(6, 'more than one poll holds is flushed in order', async (t) => {
    const [s, ws] = await probing(t, SOCKET);
    await s.say('40');
    await s.say('42["burst",500]');
    ws.say('5');
    isPacket(await ws.hear(), '40{"sid":"SID"}');
    isPacket(await ws.hear(), '42["auth",{}]');
    for (const i of numbers(500)) isPacket(await ws.hear(), `42["b",${i}]`);
});
rule(6, 'POSTs and GETs do their work while probing', async (t) => {
    const [s, ws] = await probing(t);
    await s.say('4a');
    same((await s.get()).body, '4a', 'poll');
    await s.say('4b');
    ws.say('5');
    same(await ws.hear(), '4b', 'packet');
});
rule(6, 'a POST under way goes before what follows "5"', async (t) => {
    const [s, ws] = await probing(t);
    const slow = await Wire.open(t, t.url);
    slow.send(request('POST', s.target, { headers: { 'Content-Length': 4 }, body: '4a' }));
    await sleep(50);
    ws.say('5', '4later');
    await sleep(50);
    slow.send('bc');
    same((await slow.response()).body, 'ok', 'answer to the POST');
    for (const want of ['4abc', '4later']) same(await ws.hear(), want, 'packet');
}, { dev: 'does not wait for it' });
for (const packet of ['2wrong', '2', '4x', '3probe', '6', '0', '1', 'x', '', 'bAQID'])
    rule(6, `"${packet}" on a probing WebSocket closes that only`, async (t) => {
        const s = await Poll.open(t, t.url);
        const [ws] = await Ws.open(t, t.url, s.wsTarget);
        ws.say(packet);
        await ws.gone();
        await alive(s);
        const again = await probe(t, s);
        again.say('5');
        await alive(again);
    });
rule(6, 'a second probe is fatal to the WebSocket only', async (t) => {
    const [s, ws] = await probing(t);
    ws.say('4x');
    await ws.gone();
    await alive(s);
});
for (const [name, leave] of [
    ['dies', (ws) => ws.leave()],
    ['closes', (ws) => ws.frame(CLOSE, '')],
    ['is reset', (ws) => ws.wire.socket.resetAndDestroy()],
])
    rule(6, `polling survives a probing WebSocket that ${name}`, async (t) => {
        const [s, ws] = await probing(t);
        leave(ws);
        await sleep(50);
        const get = s.get();
        await nothing(150, 'poll, now that nothing probes', get);
        await s.say('4x');
        same((await get).body, '4x', 'poll');
        const again = await probe(t, s);
        again.say('5');
        await alive(again);
    });
rule(6, 'no "5" within upgradeTimeout closes the WebSocket only', async (t) => {
    const s = await Poll.open(t, t.url);
    const from = now();
    const ws = await probe(t, s);
    const to = now();
    await ws.gone();
    between(now(), from + 300 - 2, to + 300 + LATE, 'time of the close');
    await alive(s);
}, { server: 'hasty', alone: true });
rule(6, 'no probe within upgradeTimeout closes the WebSocket only', async (t) => {
    const s = await Poll.open(t, t.url);
    const [ws] = await Ws.open(t, t.url, s.wsTarget);
    await ws.gone();
    await alive(s);
}, { server: 'hasty' });
rule(6, 'the session takes a probing WebSocket with it', async (t) => {
    const [s, ws] = await probing(t);
    await s.say('1');
    await ws.gone();
    await s.unknown();
});

/** Not taken: an HTTP refusal, or 101 and an empty close frame. */
async function refused(t, url, target) {
    const wire = await Wire.open(t, url);
    wire.send(request('GET', target, { headers: UPGRADE }));
    const { status } = await wire.response();
    oneOf(status, [400, 101], 'status');
    if (status === 400) return;
    const ws = Object.assign(new Ws(), { wire });
    ws.say('2probe', '5');
    await ws.gone();
}
rule(6, 'a second WebSocket on a probing session is refused', async (t) => {
    const [s, ws] = await probing(t);
    await refused(t, t.url, s.wsTarget);
    ws.say('5');
    await alive(ws);
});
rule(6, 'a second WebSocket on an upgraded session is refused', async (t) => {
    const [s, ws] = await probing(t);
    ws.say('5');
    await alive(ws);
    await refused(t, t.url, s.wsTarget);
    await alive(ws);
});
rule(6, 'a second WebSocket on a websocket session is refused', async (t) => {
    const ws = await SESSIONS.websocket(t, t.url, ENGINE);
    await refused(t, t.url, ws.wsTarget);
    await alive(ws);
}, { dev: 'lets it take over' });
rule(6, 'polling on a websocket session is code 3, and does no harm', async (t) => {
    const ws = await SESSIONS.websocket(t, t.url, ENGINE);
    isError(await ask(t, t.url, 'GET', ws.target), 3);
    isError(await ask(t, t.url, 'POST', ws.target, { body: '4x' }), 3);
    await alive(ws);
});

export const { rows } = table;
