/** Chapter 1: CORS is on every answer, or the browser hides it from the script. */
import { same } from '../lib.mjs';
import { Poll, UPGRADE, ask } from '../wire.mjs';
import { NO_SESSION, POLLING, Table, WEBSOCKET, alive, hasHeaders } from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

const A = 'http://a.test';
const B = 'http://b.test';
const FOREIGN = 'http://foreign.test';
const METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE';

/** Every kind of answer to a script's request: CORS is on each, or the browser hides it. */
const ANSWERS = [
    ['a handshake', 200, (t, headers) => ask(t, t.url, 'GET', POLLING, { headers })],
    ['a poll', 200, async (t, headers) => {
        const s = await Poll.open(t, t.url);
        await s.say('4x');
        return ask(t, t.url, 'GET', s.target, { headers });
    }],
    ['a POST', 200, async (t, headers) => {
        const s = await Poll.open(t, t.url);
        return ask(t, t.url, 'POST', s.target, { headers, body: '4x' });
    }],
    ['an error', 400, (t, headers) => ask(t, t.url, 'GET', NO_SESSION, { headers })],
    ['413', 413, async (t, headers) => {
        const s = await Poll.open(t, t.url);
        return ask(t, t.url, 'POST', s.target, { headers, body: 'x'.repeat(1000001) });
    }],
    ['101', 101, (t, headers) => {
        return ask(t, t.url, 'GET', WEBSOCKET, { headers: { ...UPGRADE, ...headers } });
    }],
    ['a preflight', 204, (t, headers) => ask(t, t.url, 'OPTIONS', POLLING, {
        headers: { ...headers, 'Access-Control-Request-Method': 'POST' },
    })],
];

const ORIGIN = 'access-control-allow-origin';
const CREDENTIALS = 'access-control-allow-credentials';

function varies(response, name) {
    const vary = (response.headers.vary ?? '').toLowerCase().split(/, */);
    same(vary.includes(name.toLowerCase()), true, `Vary: ${name}`);
}

for (const [name, status, get] of ANSWERS) {
    rule(1, `${name} has no CORS headers when there is no cors-origin`, async (t) => {
        const response = await get(t, { Origin: A });
        same(response.status, name === 'a preflight' ? 400 : status, 'status');
        hasHeaders(response, { [ORIGIN]: undefined, [CREDENTIALS]: undefined });
    });
    rule(1, `${name} has Allow-Origin: * with cors-origin=*`, async (t) => {
        const response = await get(t, { Origin: A });
        same(response.status, status, 'status');
        hasHeaders(response, { [ORIGIN]: '*', [CREDENTIALS]: undefined });
    }, { server: 'cors any' });
    rule(1, `${name} names each origin of the list`, async (t) => {
        for (const origin of [A, B]) {
            const response = await get(t, { Origin: origin });
            same(response.status, status, 'status');
            hasHeaders(response, { [ORIGIN]: origin, [CREDENTIALS]: undefined });
            varies(response, 'Origin');
        }
    }, { server: 'cors list' });
    rule(1, `${name} allows credentials when told so`, async (t) => {
        const response = await get(t, { Origin: B });
        same(response.status, status, 'status');
        hasHeaders(response, { [ORIGIN]: B, [CREDENTIALS]: 'true' });
    }, { server: 'cors credentials' });
    // Whether a WebSocket of a foreign origin is refused is the server's choice.
    if (status === 101) continue;
    rule(1, `${name} does not name a foreign origin, and is as it would be`, async (t) => {
        for (const origin of [FOREIGN, `${A}.evil.test`, 'http://A.test', 'null']) {
            const response = await get(t, { Origin: origin });
            same(response.status, status, 'status');
            hasHeaders(response, { [ORIGIN]: undefined });
            varies(response, 'Origin');
        }
    }, { server: 'cors list' });
}
rule(1, 'a preflight is 204, and allows what is asked', async (t) => {
    const response = await ask(t, t.url, 'OPTIONS', POLLING, { headers: {
        Origin: A, 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,x-own',
    } });
    same([response.status, response.body], [204, ''], 'answer');
    hasHeaders(response, { 'Access-Control-Allow-Methods': METHODS });
    hasHeaders(response, { 'Access-Control-Allow-Headers': 'content-type,x-own' });
    varies(response, 'Access-Control-Request-Headers');
}, { server: 'cors any' });
rule(1, 'a preflight with the sid of a session leaves that alone', async (t) => {
    const s = await Poll.open(t, t.url);
    same((await ask(t, t.url, 'OPTIONS', s.target, { headers: { Origin: A } })).status, 204);
    await alive(s);
}, { server: 'cors list' });

export const { rows } = table;
