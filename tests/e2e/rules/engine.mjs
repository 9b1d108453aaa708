/** Chapters 2 to 4: handshake, packets, polling. */
import { SMALL, between, match, nothing, oneOf, same, sleep } from '../lib.mjs';
import {
    BINARY, PING, PONG, Poll, SEPARATOR, SESSIONS, TEXT, UPGRADE, Wire, Ws, ask, frame,
    handshakeOf, request,
} from '../wire.mjs';
import { JOIN, JOIN_CUSTOM, play, script } from './script.mjs';
import {
    ENGINE, ERRORS, POLLING, SOCKET, Table, WEBSOCKET, alive, isError, numbers,
} from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

const OPEN = {
    upgrades: ['websocket'], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000000,
};
function isHandshake(packet, want) {
    const { sid, ...rest } = handshakeOf(packet);
    match(packet, /^0\{"sid":"[A-Za-z0-9_-]{20}",/, 'sid, and first');
    same(rest, want, 'handshake');
}
rule(2, 'polling has exactly these keys', async (t) => {
    isHandshake((await ask(t, t.url, 'GET', POLLING)).body, OPEN);
});
rule(2, 'a WebSocket has no upgrades to offer', async (t) => {
    const [ws] = await Ws.open(t, t.url, WEBSOCKET);
    isHandshake(await ws.hear(), { ...OPEN, upgrades: [] });
});
rule(2, 'it tells the times that were set', async (t) => {
    const want = { ...OPEN, pingInterval: 300, pingTimeout: 200 };
    isHandshake((await ask(t, t.url, 'GET', POLLING)).body, want);
}, { server: 'short' });
rule(2, 'it tells the payload that was set', async (t) => {
    isHandshake((await ask(t, t.url, 'GET', POLLING)).body, { ...OPEN, maxPayload: SMALL });
}, { server: 'small' });
for (const server of ['no upgrades', 'polling'])
    rule(2, `it offers no upgrade with ${server}`, async (t) => {
        isHandshake((await ask(t, t.url, 'GET', POLLING)).body, { ...OPEN, upgrades: [] });
    }, { server });
rule(2, 'polling is unknown where only websocket is served', async (t) => {
    isError(await ask(t, t.url, 'GET', POLLING), 0);
    await alive(await SESSIONS.websocket(t, t.url, ENGINE));
}, { server: 'websocket' });
rule(2, 'websocket is unknown where only polling is served', async (t) => {
    const response = await ask(t, t.url, 'GET', WEBSOCKET, { headers: UPGRADE });
    same([response.status, response.body], [400, ERRORS[0]], 'answer');
    await alive(await Poll.open(t, t.url));
}, { server: 'polling', dev: 'does not look at it' });
rule(2, 'no two sessions have the same sid', async (t) => {
    const wire = await Wire.open(t, t.url);
    const sids = new Set();
    for (let i = 0; i < 300; i++)
        sids.add(handshakeOf((await wire.ask('GET', POLLING)).body).sid);
    same(sids.size, 300, 'sids');
});
for (const [name, open] of Object.entries(SESSIONS))
    rule(2, `over ${name} the sid is not the public id`, async (t) => {
        const s = await open(t, t.url, SOCKET);
        await s.say('40');
        const { sid } = JSON.parse((await s.hear()).slice(2));
        same(sid === s.sid, false, 'same id');
    });

const engine = (name, lines, more) => {
    const after = ['>4alive', '<4alive'];
    script(table, 3, name, lines, { path: ENGINE, before: [], after, ...more });
};

engine('a message is echoed', ['>4x', '<4x']);
engine('an empty message is echoed', ['>4', '<4']);
engine('UTF-8 is echoed', ['>4\u00e9 \u4e16 \u{1f680}', '<4\u00e9 \u4e16 \u{1f680}']);
engine('a binary message is echoed', ['>bAAEC/w==', '<bAAEC/w==']);
engine('an empty binary message is echoed', ['>b', '<b']);
engine('an empty packet closes', ['>', 'closes']);
engine('type 7 closes', ['>7', 'closes']);
engine('type 9 closes', ['>9x', 'closes']);
engine('a letter closes', ['>abc', 'closes']);
engine('a space closes', ['> 4x', 'closes']);
engine('a ping from the client closes', ['>2', 'closes']);
engine('a ping with data closes', ['>2x', 'closes']);
engine('a probe where nothing is probing closes', ['>2probe', 'closes']);
engine('a pong that nobody asked for is fine', ['>3', '>3x']);
engine('0 is ignored', ['>0']);
engine('5 is ignored', ['>5']);
engine('6 is ignored', ['>6']);
engine('1 closes over websocket', ['>1', 'closes'],
    { over: ['websocket', 'upgrade'], dev: 'ignores it' });

const BASE64 = [
    ['standard', 'b+/+/AA==', 'b+/+/AA=='],
    ['url-safe', 'b-_-_AA==', 'b+/+/AA=='],
    ['without padding', 'b+/+/AA', 'b+/+/AA=='],
    ['with line breaks', 'b+/+\n/AA\r\n==\n', 'b+/+/AA=='],
];
for (const [name, said, heard] of BASE64) {
    engine(`base64 may be ${name}`, [`>${said}`, `<${heard}`], { over: ['polling'] });
    rule(3, `base64 as text on a WebSocket may be ${name}`, async (t) => {
        const s = await SESSIONS.websocket(t, t.url, ENGINE);
        s.frame(TEXT, said);
        same(await s.hear(), heard, 'echo');
        await alive(s);
    });
}
rule(3, 'a WebSocket with b64=1 hears binary as text', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE, '&b64=1');
    s.say('bAAEC');
    same(await s.hearFrame(), { first: 0x80 | TEXT, payload: Buffer.from('bAAEC') }, 'frame');
});
rule(3, 'a WebSocket with b64=1 hears empty binary as "b"', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE, '&b64=1');
    s.say('b');
    same(await s.hearFrame(), { first: 0x80 | TEXT, payload: Buffer.from('b') }, 'frame');
    await alive(s);
});
rule(3, 'a WebSocket hears binary as it is, without a type', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.say('bAAEC');
    const payload = Buffer.from([0, 1, 2]);
    same(await s.hearFrame(), { first: 0x80 | BINARY, payload }, 'frame');
});
for (const garbage of ['b?!', 'bA', 'bAA=A', 'b\u00e9'])
    rule(3, `garbage for base64, ${garbage}, is refused or taken for some bytes`, async (t) => {
        const s = await Poll.open(t, t.url);
        const { status, body } = await s.post(garbage);
        oneOf([status, body], [[200, 'ok'], [400, '']], 'answer to the POST');
        if (status === 400) return s.gone();
        return match(await s.hear(), /^b[A-Za-z0-9+/]*=*$/, 'echo');
    });

rule(3, 'a payload has many packets', async (t) => {
    const s = await Poll.open(t, t.url);
    await s.say('4a', 'bAQID', '4', '3', '4b');
    same((await s.get()).body, ['4a', 'bAQID', '4', '4b'].join(SEPARATOR), 'poll');
});
for (const [name, body] of [
    ['empty', ''], ['ending in a separator', '4a\x1e'], ['beginning with one', '\x1e4a'],
    ['with two in a row', '4a\x1e\x1e4b'], ['of a separator', SEPARATOR],
    ['of a bad packet behind a good one', '4a\x1ex'],
])
    rule(3, `a payload ${name} is 400, and closes`, async (t) => {
        const s = await Poll.open(t, t.url);
        same((await s.post(body)).status, 400, 'status');
        for (;;) {
            const response = await s.get();
            if (response.status === 400) return isError(response, 1);
            match(response.body, /^((4a|6)\x1e)?(4a|1|6)$/, 'what was there before');
        }
    }, { dev: 'answers ok' });
rule(3, 'packets before an invalid one are processed', async (t) => {
    const s = await Poll.open(t, t.url);
    const get = s.get();
    await s.post(['4a', 'x', '4b'].join(SEPARATOR));
    match((await get).body, /^4a(\x1e1)?$/, 'poll');
    await s.gone();
});
rule(3, 'a poll has at most 16 packets, in order', async (t) => {
    const s = await Poll.open(t, t.url, SOCKET);
    await play(s, [...JOIN, '>42["burst",100]']);
    const got = [];
    while (got.length < 100) {
        const packets = (await s.get()).body.split(SEPARATOR);
        between(packets.length, 1, 16, 'packets in a poll');
        got.push(...packets);
    }
    same(got, numbers(100).map((i) => `42["b",${i}]`), 'packets');
}, { dev: 'sends all at once' });
rule(3, 'a message may be fragmented, with control frames between', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    s.frame(TEXT, '4a', { fin: false });
    s.frame(PING, 'p');
    s.frame(0, 'b', { fin: false });
    s.frame(0, 'c');
    same(await s.hearFrame(), { first: 0x80 | PONG, payload: Buffer.from('p') }, 'pong');
    same(await s.hear(), '4abc', 'echo');
});
rule(3, 'packets may come with the upgrade request', async (t) => {
    const [ws] = await Ws.open(t, t.url, WEBSOCKET, { behind: frame(TEXT, '4early') });
    match(await ws.hear(), /^0/, 'handshake first');
    same(await ws.hear(), '4early', 'echo');
}, { dev: 'may lose them' });
rule(3, 'the server does not fragment', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, ENGINE);
    const large = `4${'x'.repeat(999999)}`;
    s.say(large);
    same((await s.hear()) === large, true, 'echo');
});

rule(4, 'a GET waits until there is a packet', async (t) => {
    const s = await Poll.open(t, t.url);
    const get = s.get();
    await nothing(200, 'poll', get);
    await s.say('4x');
    same((await get).body, '4x', 'poll');
});
rule(4, 'what is buffered goes in one poll', async (t) => {
    const s = await Poll.open(t, t.url);
    for (const packet of ['4a', '4b', '4c']) await s.say(packet);
    same((await s.get()).body, ['4a', '4b', '4c'].join(SEPARATOR), 'poll');
    await alive(s);
});
rule(4, 'a second GET is 400, the first gets "1", and it closes', async (t) => {
    const s = await Poll.open(t, t.url);
    const other = await Wire.open(t, t.url);
    const first = s.get();
    const second = await other.ask('GET', s.target);
    same([second.status, second.body], [400, ''], 'second');
    same([(await first).status, (await first).body], [200, '1'], 'first');
    await s.unknown();
});
rule(4, 'a second POST is 400, the first is cut, and it closes', async (t) => {
    const s = await Poll.open(t, t.url);
    const [first, second] = [await Wire.open(t, t.url), await Wire.open(t, t.url)];
    first.send(request('POST', s.target, { headers: { 'Content-Length': 10 }, body: '4half' }));
    await sleep(50); // its body has begun to be read
    const { status, body } = await second.ask('POST', s.target, { body: '4x' });
    same([status, body], [400, ''], 'second');
    same(await first.over(), '', 'answer to the first');
    await s.unknown();
});
for (const [name, cut] of [
    ['closed', (socket) => socket.destroy()],
    ['reset', (socket) => socket.resetAndDestroy()],
    ['half closed', (socket) => socket.end()],
]) {
    rule(4, `a waiting GET ${name} closes the session at once`, async (t) => {
        const s = await Poll.open(t, t.url);
        const [doomed, probing] = [await Wire.open(t, t.url), await Wire.open(t, t.url)];
        doomed.send(request('GET', s.target));
        await sleep(50);
        cut(doomed.socket);
        await sleep(50);
        isError(await probing.ask('GET', s.target), 1);
    });
    rule(4, `a POST ${name} in its body closes the session`, async (t) => {
        const s = await Poll.open(t, t.url);
        const doomed = await Wire.open(t, t.url);
        const options = { headers: { 'Content-Length': 10 }, body: '4half' };
        doomed.send(request('POST', s.target, options));
        await sleep(50);
        cut(doomed.socket);
        await sleep(50);
        await s.unknown();
    });
}
rule(4, 'a GET and a POST run at the same time, in either order', async (t) => {
    const s = await Poll.open(t, t.url);
    const slow = await Wire.open(t, t.url);
    slow.send(request('POST', s.target, { headers: { 'Content-Length': 4 }, body: '4a' }));
    const get = s.get();
    await nothing(100, 'poll', get);
    slow.send('bc');
    same((await slow.response()).body, 'ok', 'answer to the POST');
    same((await get).body, '4abc', 'poll');
});
rule(4, '"1" is answered ok, the waiting GET gets "6", and it is over', async (t) => {
    for (let i = 0; i < 20; i++) {
        const s = await Poll.open(t, t.url);
        const get = s.get();
        await s.say('1');
        same((await get).body, '6', 'poll');
        await s.unknown();
    }
});
rule(4, '"1" without a waiting GET is over at once', async (t) => {
    const s = await Poll.open(t, t.url);
    await s.say('1');
    await s.unknown();
});
rule(4, 'a close without a waiting GET is kept for the next', async (t) => {
    const s = await Poll.open(t, t.url, SOCKET);
    await play(s, [...JOIN, '>42["kick-all"]']);
    const got = [await s.hear(), await s.hear()];
    if (got[1] === '6') got[1] = await s.hear();
    same(got, ['41', '1'], 'packets');
    await s.unknown();
});
rule(4, 'a close goes behind what the waiting GET gets', async (t) => {
    const s = await Poll.open(t, t.url, SOCKET);
    await play(s, [...JOIN, ...JOIN_CUSTOM]);
    const heard = s.hear();
    await s.say('42["kick-all"]');
    const got = [await heard];
    while (got.at(-1) !== '1') got.push(await s.hear());
    const packets = got.filter((packet) => packet !== '6');
    same(packets.pop(), '1', 'last packet');
    same(packets.sort(), ['41', '41/custom,'], 'packets');
    await s.unknown();
});
rule(4, 'who never polls is closed when too much waits', async (t) => {
    const s = await Poll.open(t, t.url);
    const large = `4${'x'.repeat(900000)}`;
    let status = 200;
    for (let i = 0; i < 20 && status === 200; i++) ({ status } = await s.post(large));
    same(status, 400, 'status of a POST in the end');
    await s.unknown();
}, { dev: 'keeps it all' });

export const { rows } = table;
