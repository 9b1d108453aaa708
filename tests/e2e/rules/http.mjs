/** Chapter 1: the way in, by HTTP. */
import { SMALL, match, same, sleep } from '../lib.mjs';
import { EIO, Poll, UPGRADE, Wire, ask, handshakeOf, request } from '../wire.mjs';
import {
    ENGINE, ERRORS, NO_SESSION, POLLING, SOCKET, Table, WEBSOCKET, alive, hasHeaders, isError,
    numbers,
} from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

const QUERIES = [
    ['no query', 'GET', '', 0],
    ['no transport', 'GET', '?EIO=4', 0],
    ['an empty transport', 'GET', '?EIO=4&transport=', 0],
    ['an unknown transport', 'GET', '?EIO=4&transport=tcp', 0],
    ['transport=webtransport', 'GET', '?EIO=4&transport=webtransport', 0],
    ['transport=constructor', 'GET', '?EIO=4&transport=constructor', 0],
    ['transport=__proto__', 'GET', '?EIO=4&transport=__proto__', 0],
    ['the case of the transport', 'GET', '?EIO=4&transport=Polling', 0],
    ['the transport before the sid', 'GET', '?EIO=4&transport=tcp&sid=none', 0],
    ['the transport before the method', 'POST', '?EIO=4&transport=tcp', 0],
    ['the transport before the EIO', 'GET', '?EIO=3&transport=tcp', 0],
    ['an unknown sid', 'GET', `?${EIO}polling&sid=none`, 1],
    ['an unknown sid in a POST', 'POST', `?${EIO}polling&sid=none`, 1],
    ['sid=__proto__', 'GET', `?${EIO}polling&sid=__proto__`, 1],
    ['sid=constructor', 'GET', `?${EIO}polling&sid=constructor`, 1],
    ['a sid of 10 000 bytes', 'GET', `?${EIO}polling&sid=${'a'.repeat(10000)}`, 1],
    ['the sid before the method', 'PUT', `?${EIO}polling&sid=none`, 1],
    ['the sid before the EIO', 'GET', '?EIO=3&transport=polling&sid=none', 1],
    ['an unknown sid without an Upgrade', 'GET', `?${EIO}websocket&sid=none`, 1],
    ['POST without a sid', 'POST', `?${EIO}polling`, 2],
    ['POST with an empty sid', 'POST', `?${EIO}polling&sid=`, 2],
    ['PUT without a sid', 'PUT', `?${EIO}polling`, 2],
    ['PATCH without a sid', 'PATCH', `?${EIO}polling`, 2],
    ['DELETE without a sid', 'DELETE', `?${EIO}polling`, 2],
    ['OPTIONS without CORS', 'OPTIONS', `?${EIO}polling`, 2],
    ['the method before the EIO', 'POST', '?transport=polling', 2],
    ['the method before the Upgrade', 'POST', `?${EIO}websocket`, 2],
    ['transport=websocket without an Upgrade', 'GET', `?${EIO}websocket`, 3],
    ['the Upgrade before the EIO', 'GET', '?EIO=3&transport=websocket', 3],
    ['no EIO', 'GET', '?transport=polling', 5],
    ['EIO=3', 'GET', '?EIO=3&transport=polling', 5],
    ['EIO=5', 'GET', '?EIO=5&transport=polling', 5],
    ['EIO=abc', 'GET', '?EIO=abc&transport=polling', 5],
    ['the last of two EIO', 'GET', '?EIO=4&EIO=3&transport=polling', 5],
    ['the last of two transports', 'GET', `?${EIO}polling&transport=tcp`, 0],
];
for (const path of [ENGINE, SOCKET])
    for (const [name, method, query, code] of QUERIES)
        rule(1, `${path} answers ${name} with code ${code}`, async (t) => {
            isError(await ask(t, t.url, method, path + query), code);
        });

rule(1, 'HEAD without a sid is 400 without a body', async (t) => {
    same((await ask(t, t.url, 'HEAD', POLLING)).status, 400, 'status');
});
rule(1, 'an Origin with a control character is 400', async (t) => {
    const headers = { Origin: 'http://a\x01' };
    same((await ask(t, t.url, 'GET', POLLING, { headers })).status, 400, 'status');
});

const HANDSHAKES = [
    ['any order and unknown keys', `${ENGINE}?t=abc&x&transport=polling&=&EIO=4&b64=1`],
    ['an empty sid', `${POLLING}&sid=`],
    ['percent-encoded values', `${ENGINE}?EIO=%34&transport=%70oll%69ng`],
    ['percent-encoded keys', `${ENGINE}?%45IO=4&transpor%74=polling`],
    ['the last of two', `${ENGINE}?EIO=3&transport=tcp&EIO=4&transport=polling`],
    ['more of a path', `${ENGINE}extra/path?${EIO}polling`],
    ['a broken escape elsewhere', `${POLLING}&x=%zz&y=%`],
    ['the absolute form', `http://127.0.0.1${POLLING}`, 'does not find it'],
];
for (const [name, target, dev] of HANDSHAKES)
    rule(1, `takes ${name}`, async (t) => {
        const response = await ask(t, t.url, 'GET', target);
        same(response.status, 200, 'status');
        handshakeOf(response.body);
    }, { dev });

const FOREIGN = ['/', '/foreign', '/socket.io', '/engine.io', '/socket.ioo/', '//socket.io/'];
for (const path of FOREIGN)
    rule(1, `${path} is not found`, async (t) => {
        same((await ask(t, t.url, 'GET', `${path}?${EIO}polling`)).status, 404, 'status');
    });
rule(1, 'an upgrade on a foreign path is not found', async (t) => {
    const target = `/foreign?${EIO}websocket`;
    const response = await ask(t, t.url, 'GET', target, { headers: UPGRADE });
    same(response.status, 404, 'status');
}, { dev: 'drops the connection, after a second' });
rule(1, 'JSONP is not offered: j means nothing', async (t) => {
    handshakeOf((await ask(t, t.url, 'GET', `${POLLING}&j=0`)).body);
}, { dev: 'answers with a script' });
rule(1, 'serves another path when told so', async (t) => {
    handshakeOf((await ask(t, t.url, 'GET', `/chat/?${EIO}polling`)).body);
    same((await ask(t, t.url, 'GET', `${SOCKET}?${EIO}polling`)).status, 404, 'status');
}, { server: 'path' });

rule(1, 'the handshake and polls are text/plain, not to be stored', async (t) => {
    const wanted = { 'Content-Type': 'text/plain; charset=UTF-8', 'Cache-Control': 'no-store' };
    hasHeaders(await ask(t, t.url, 'GET', POLLING), { ...wanted, 'Set-Cookie': undefined });
    const s = await Poll.open(t, t.url);
    await s.say('4x');
    const poll = await s.get();
    hasHeaders(poll, { ...wanted, 'Content-Length': '2', 'Content-Encoding': undefined });
});
rule(1, 'a POST is answered with text/html "ok", not to be stored', async (t) => {
    const s = await Poll.open(t, t.url);
    const response = await s.post('4x');
    same([response.status, response.body], [200, 'ok'], 'answer');
    hasHeaders(response, { 'Content-Type': 'text/html', 'Cache-Control': 'no-store' });
});
rule(1, 'a large poll is not compressed unless asked for', async (t) => {
    const s = await Poll.open(t, t.url);
    await s.say(`4${'x'.repeat(5000)}`);
    const poll = await s.get();
    hasHeaders(poll, { 'Content-Encoding': undefined, 'Content-Length': '5001' });
});
rule(1, 'HTTP/1.0 is served, and closed after the answer', async (t) => {
    const wire = await Wire.open(t, t.url);
    const response = await wire.ask('GET', POLLING, { version: '1.0' });
    handshakeOf(response.body);
    await wire.over();
});
rule(1, 'HTTP/1.0 with keep-alive stays open', async (t) => {
    const wire = await Wire.open(t, t.url);
    const options = { version: '1.0', headers: { Connection: 'keep-alive' } };
    for (let i = 0; i < 2; i++)
        handshakeOf((await wire.ask('GET', POLLING, options)).body);
});
rule(1, 'Connection: close is done', async (t) => {
    const wire = await Wire.open(t, t.url);
    await wire.ask('GET', POLLING, { headers: { Connection: 'close' } });
    await wire.over();
});
rule(1, 'a connection is kept for the next request, also after an error', async (t) => {
    const wire = await Wire.open(t, t.url);
    for (let i = 0; i < 3; i++) {
        handshakeOf((await wire.ask('GET', POLLING)).body);
        isError(await wire.ask('GET', NO_SESSION), 1);
    }
});
rule(1, 'an idle connection is kept for six seconds', async (t) => {
    const wire = await Wire.open(t, t.url);
    handshakeOf((await wire.ask('GET', POLLING)).body);
    await sleep(6000);
    handshakeOf((await wire.ask('GET', POLLING)).body);
}, { dev: 'closes it after five' });
rule(1, 'a head that does not end is given up within ten seconds', async (t) => {
    const wire = await Wire.open(t, t.url);
    wire.send(`GET ${POLLING} HTTP/1.1\r\nHost: 127.0.0.1\r\nX: `);
    const drip = setInterval(() => wire.send('x'), 500);
    t.defer(() => clearInterval(drip));
    match(await wire.over(12000), /^(HTTP\/1\.1 408 [^]*)?$/, 'answer, if any');
}, { dev: 'waits for a minute' });
rule(1, 'pipelined requests are answered in order', async (t) => {
    const wire = await Wire.open(t, t.url);
    wire.send(Buffer.concat([
        request('GET', POLLING), request('GET', NO_SESSION), request('GET', POLLING),
    ]));
    handshakeOf((await wire.response()).body);
    isError(await wire.response(), 1);
    handshakeOf((await wire.response()).body);
});
rule(1, 'a pipelined POST is done although the GET before it waits', async (t) => {
    const s = await Poll.open(t, t.url);
    const wire = await Wire.open(t, t.url);
    await s.say('4x');
    wire.send(Buffer.concat([
        request('GET', s.target), request('POST', s.target, { body: '4y' }),
    ]));
    same((await wire.response()).body, '4x', 'poll');
    same((await wire.response()).body, 'ok', 'answer to the POST');
    same(await s.hear(), '4y', 'echo');
});
rule(1, 'a request may come byte by byte', async (t) => {
    const s = await Poll.open(t, t.url);
    const wire = await Wire.open(t, t.url);
    for (const byte of request('POST', s.target, { body: '4x' })) {
        wire.send(Buffer.from([byte]));
        await sleep(0);
    }
    same((await wire.response()).body, 'ok', 'answer');
    same(await s.hear(), '4x', 'echo');
});

const chunked = (...parts) => {
    const chunks = parts.map((part) => {
        return `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`;
    });
    return `${chunks.join('')}0\r\n\r\n`;
};
const CHUNKED = { 'Transfer-Encoding': 'chunked' };
const BODIES = [
    ['chunked', CHUNKED, chunked('4a', 'b')],
    ['without a Content-Type', {}, '4ab'],
    ['application/json', { 'Content-Type': 'application/json' }, '4ab'],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }, '4ab'],
];
for (const [name, headers, body] of BODIES)
    rule(1, `takes a POST that is ${name}`, async (t) => {
        const s = await Poll.open(t, t.url);
        const response = await s.post(body, headers);
        same([response.status, response.body], [200, 'ok'], 'answer');
        same(await s.hear(), '4ab', 'echo');
    });
rule(1, 'Expect: 100-continue is answered', async (t) => {
    const s = await Poll.open(t, t.url);
    const wire = await Wire.open(t, t.url);
    const headers = { Expect: '100-continue', 'Content-Length': 2 };
    wire.send(request('POST', s.target, { headers }));
    same((await wire.response()).status, 100, 'first answer');
    wire.send('4x');
    same((await wire.response()).body, 'ok', 'answer');
    same(await s.hear(), '4x', 'echo');
});
rule(1, 'application/octet-stream is 400, and closes', async (t) => {
    const s = await Poll.open(t, t.url);
    const response = await s.post('4x', { 'Content-Type': 'application/octet-stream' });
    same([response.status, response.body], [400, ''], 'answer');
    await s.gone();
});
rule(1, 'EIO other than that of the session is code 3', async (t) => {
    const s = await Poll.open(t, t.url);
    isError(await ask(t, t.url, 'GET', s.target.replace('EIO=4', 'EIO=3')), 3);
    await alive(s);
});
rule(1, 'EIO other than that of the session is no upgrade', async (t) => {
    const s = await Poll.open(t, t.url);
    const target = s.wsTarget.replace('EIO=4', 'EIO=3');
    const response = await ask(t, t.url, 'GET', target, { headers: UPGRADE });
    same([response.status, response.body], [400, ERRORS[3]], 'answer');
    await alive(s);
});
rule(1, 'a polling session is not a websocket one without an Upgrade', async (t) => {
    const s = await Poll.open(t, t.url);
    isError(await ask(t, t.url, 'GET', s.wsTarget), 3);
    await alive(s);
});
for (const method of ['PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'])
    rule(1, `${method} with a sid is 405, and the session lives`, async (t) => {
        const s = await Poll.open(t, t.url);
        const response = await ask(t, t.url, method, s.target);
        same(response.status, 405, 'status');
        match(response.headers.allow, /^GET, ?POST$|^POST, ?GET$/, 'Allow'); // RFC 9110, 15.5.6
        await alive(s);
    }, { dev: '500' });

rule(1, 'a body of max-payload is taken', async (t) => {
    const s = await Poll.open(t, t.url);
    const packet = `4${'x'.repeat(SMALL - 1)}`;
    await s.say(packet);
    same(await s.hear(), packet, 'echo');
}, { server: 'small' });
rule(1, 'one byte more is 413, and the session lives', async (t) => {
    const s = await Poll.open(t, t.url);
    const response = await s.post(`4${'x'.repeat(SMALL)}`);
    same([response.status, response.body], [413, ''], 'answer');
    await alive(s);
}, { server: 'small' });
rule(1, 'one byte more in chunks is 413, and the session lives', async (t) => {
    const s = await Poll.open(t, t.url);
    const response = await s.post(chunked('4', 'x'.repeat(SMALL)), CHUNKED);
    same([response.status, response.body], [413, ''], 'answer');
    await alive(s);
}, { server: 'small' });
rule(1, 'max-payload in chunks is taken', async (t) => {
    const s = await Poll.open(t, t.url);
    const packet = `4${'x'.repeat(SMALL - 1)}`;
    const { body } = await s.post(chunked(packet.slice(0, 500), packet.slice(500)), CHUNKED);
    same(body, 'ok', 'answer');
    same(await s.hear(), packet, 'echo');
}, { server: 'small' });
rule(1, 'a length beyond reason is 413 before any of the body', async (t) => {
    const s = await Poll.open(t, t.url);
    const wire = await Wire.open(t, t.url);
    wire.send(request('POST', s.target, { headers: { 'Content-Length': 1e15 } }));
    same((await wire.response()).status, 413, 'status');
    await alive(s);
}, { dev: 'waits for what comes' });
rule(1, 'a head over 16 KiB is 431', async (t) => {
    const headers = { 'X-Long': 'x'.repeat(17000) };
    same((await ask(t, t.url, 'GET', POLLING, { headers })).status, 431, 'status');
});
for (const [n, status] of [[100, 200], [101, 431]])
    rule(1, `${n} header fields are ${status}`, async (t) => {
        const fields = numbers(n - 1).map((i) => [`X-${i}`, 'x']); // and Host
        const headers = Object.fromEntries(fields);
        same((await ask(t, t.url, 'GET', POLLING, { headers })).status, status, 'status');
    }, { dev: status === 431 ? 'takes 2000' : undefined });
rule(1, 'a body of less than 1 KiB a second is given up', async (t) => {
    const s = await Poll.open(t, t.url);
    const wire = await Wire.open(t, t.url);
    wire.send(request('POST', s.target, { headers: { 'Content-Length': 100000 }, body: '4' }));
    const drip = setInterval(() => wire.send('x'.repeat(100)), 200);
    t.defer(() => clearInterval(drip));
    match(await wire.over(12000), /^(HTTP\/1\.1 408 [^]*)?$/, 'answer, if any');
    await s.unknown();
}, { dev: 'waits for minutes' });
rule(1, 'what is not HTTP is 400', async (t) => {
    const wire = await Wire.open(t, t.url);
    wire.send('4hello\r\n\r\n');
    same((await wire.response()).status, 400, 'status');
    await wire.over();
});

const UPGRADES = [
    ['no transport', `${ENGINE}?EIO=4`, {}, ERRORS[0]],
    ['an unknown transport', `${ENGINE}?EIO=4&transport=tcp`, {}, ERRORS[0]],
    ['an unknown sid', `${WEBSOCKET}&sid=none`, {}, ERRORS[1]],
    ['no EIO', `${ENGINE}?transport=websocket`, {}, ERRORS[5], '101, then an error'],
    ['EIO=3', `${ENGINE}?EIO=3&transport=websocket`, {}, ERRORS[5], '101, then an error'],
    ['transport=polling', POLLING, {}, undefined, '101, then closes'],
    ['a bad key', WEBSOCKET, { 'Sec-WebSocket-Key': 'short' }],
    ['no key', WEBSOCKET, { 'Sec-WebSocket-Key': '' }],
    ['a bad version', WEBSOCKET, { 'Sec-WebSocket-Version': 12 }],
];
for (const [name, target, headers, body, dev] of UPGRADES)
    rule(1, `an upgrade with ${name} is 400`, async (t) => {
        const wire = await Wire.open(t, t.url);
        const options = { headers: { ...UPGRADE, ...headers } };
        const response = await wire.ask('GET', target, options);
        same(response.status, 400, 'status');
        match(response.headers.connection, /^close$/i, 'Connection');
        if (body) same(response.body, body, 'body');
        if (body) match(response.headers['content-type'], /^text\/html/, 'Content-Type');
        if (headers['Sec-WebSocket-Version'])
            match(response.headers['sec-websocket-version'], /^13\b/, 'Sec-WebSocket-Version');
        await wire.over();
    }, { dev });

export const { rows } = table;
