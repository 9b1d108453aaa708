/** Which pages may connect. */
import { match, same } from '../../lib.mjs';
import { ask } from '../../wire.mjs';
import { Peer, joinSynced, overTransports, refusal } from '../peer.mjs';
import { wallet } from '../wallet.mjs';

const from = (origin) => ({ extraHeaders: { Origin: origin } });

const ALLOWED = ['https://app.test', 'http://other.test:8080'];
const DENIED = [
    'https://evil.test', 'http://app.test', 'https://app.test:8443', 'https://sub.app.test',
    'https://app.test.evil.test', 'http://other.test', 'null', 'https://app.test/',
];
const LOOPBACK = [
    'http://localhost', 'http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:8080',
    'https://localhost:8443',
];
const NOT_LOOPBACK = [
    'https://evil.test', 'http://localhost.evil.test', 'http://127.0.0.1.evil.test',
    'http://128.0.0.1', 'null',
];

const takes = (origins) => async (t) => {
    for (const origin of origins) {
        const peer = await joinSynced(t, wallet(), from(origin));
        await peer.works();
        await peer.leave();
    }
};

/** Of a poll the page is shown the answer; of a WebSocket what CONNECT is answered with. */
async function isDenied(t, options, what) {
    if (t.transport === 'websocket') {
        const { data } = await refusal(t, wallet(), options);
        same(data, { code: 'origin_denied' }, what);
        return;
    }
    const peer = await Peer.dial(t, wallet(), options);
    const { context } = await peer.take('connect_error');
    same(context.status, 403, `${what}: status`);
}

const refuses = (origins) => async (t) => {
    for (const origin of origins) await isDenied(t, from(origin), origin);
};

/** What is no page names none, and needs a token all the same. */
async function takesWhatIsNoPage(t) {
    await (await joinSynced(t)).works();
    same((await refusal(t, wallet(), { token: null })).data, { code: 'token_missing' }, 'data');
}

/** Before the token: a page that may not connect learns nothing about it. */
async function looksAtTheOriginFirst(t) {
    await isDenied(t, { token: 'garbage', ...from('https://evil.test') }, 'with a bad token');
}

const target = '/socket.io/?EIO=4&transport=polling';

/** So that a browser shows an allowed page what it gets, and any other that it is refused. */
async function tellsBrowsers(t) {
    for (const origin of ALLOWED) {
        const headers = { Origin: origin };
        const { headers: got } = await ask(t, t.url, 'GET', target, { headers });
        same(got['access-control-allow-origin'], origin, 'Access-Control-Allow-Origin');
        const preflight = await ask(t, t.url, 'OPTIONS', target,
            { headers: { ...headers, 'Access-Control-Request-Method': 'POST' } });
        same(preflight.headers['access-control-allow-origin'], origin, 'of the preflight');
    }
    for (const origin of DENIED) {
        const headers = { Origin: origin };
        const got = await ask(t, t.url, 'GET', target, { headers });
        same(got.status, 403, origin);
        same(got.headers['access-control-allow-origin'], origin, 'for the refused page');
        const { status, error } = JSON.parse(got.body);
        same([status, error.code], ['error', 'origin_denied'], origin);
        match(error.message, /origin/, 'message');
    }
}

export const rows = overTransports('origins', [
    ['takes the pages that it was told of', takes(ALLOWED), { server: 'origins' }],
    ['refuses other pages', refuses(DENIED), { server: 'origins' }],
    ['takes what is no page', takesWhatIsNoPage, { server: 'origins' }],
    ['looks at the origin before the token', looksAtTheOriginFirst, { server: 'origins' }],
    ['tells browsers', tellsBrowsers, { server: 'origins', over: ['polling'] }],
    ['takes pages of this machine where it is told to', takes(LOOPBACK), { server: 'dev' }],
    ['refuses other pages there, too', refuses(NOT_LOOPBACK), { server: 'dev' }],
    ['refuses every page where it was told of none', refuses(['https://app.test',
        'http://localhost:5173'])],
]);
