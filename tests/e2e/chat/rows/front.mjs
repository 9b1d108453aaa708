/** The front end: what the program has of it inside, and the wallets to try it with. */
import http from 'node:http';
import https from 'node:https';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join as path } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { privateKeyToAccount } from 'viem/accounts';
import { Failure, match, same, until, within } from '../../lib.mjs';
import { joinSynced } from '../peer.mjs';
import { get } from '../serve.mjs';
import { siwe } from '../signer.mjs';
import { challenge, granted, login } from '../site.mjs';
import { holdsNone } from './secrets.mjs';

const DEV = ['--rate-limits=off', '--drain=1s', '--dev'];
const NAMED = ['/embed/parley-chat.js', '/embed/parley-sdk.js'];
const WALLETS = ['/dev/wallets/alice', '/dev/wallets/bob'];

/** As it comes, without what fetch() does to it. */
function load(t, target, { method = 'GET', headers = {} } = {}) {
    const answer = new Promise((resolve, reject) => {
        const { request } = t.url.startsWith('https:') ? https : http;
        const asking = request(new URL(t.url), {
            method, path: target, headers, agent: false, servername: '',
            checkServerIdentity: () => undefined, // the Host may be another's
        });
        asking.on('error', reject).on('response', async (response) => {
            const pieces = [];
            for await (const piece of response) pieces.push(piece);
            const { statusCode: status } = response;
            resolve({ status, headers: response.headers, body: Buffer.concat(pieces) });
        });
        asking.end();
    });
    return within(5000, `answer to ${target}`, answer);
}

/** What the page loads itself: its name changes with what is in it. */
async function scriptOf(t) {
    const { body } = await load(t, '/');
    const [, name] = /<script[^>]* src="\.?(\/embed\/[\w-]+\.js)"/.exec(body.toString()) ?? [];
    if (!name) throw new Failure(`no script in ${body}`);
    return name;
}

function has(answer, headers, what) {
    for (const [name, value] of Object.entries(headers))
        same(answer.headers[name], value, `${what}: ${name}`);
}

const SHARED = {
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    vary: 'Accept-Encoding',
};

async function givesModules(t) {
    for (const name of NAMED) {
        const answer = await load(t, name, { headers: { Origin: 'https://shop.example' } });
        same(answer.status, 200, name);
        has(answer, {
            ...SHARED, 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache',
            'content-length': String(answer.body.length), 'content-encoding': undefined,
        }, name);
        match(answer.headers.etag, /^W\/"[0-9a-f]{32}"$/, `${name}: ETag`);
        const head = await load(t, `${name}?v=1`, { method: 'HEAD' });
        same(head.body.length, 0, `${name}: bytes with its head`);
        has(head, { etag: answer.headers.etag, 'content-length': String(answer.body.length) }, name);
    }
}

async function answersPreflights(t) {
    const headers = { Origin: 'https://shop.example', 'Access-Control-Request-Method': 'GET' };
    const answer = await load(t, NAMED[0], { method: 'OPTIONS', headers });
    same(answer.status, 204, 'status');
    has(answer, {
        'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD',
    }, 'preflight');
    const post = await load(t, NAMED[0], { method: 'POST' });
    same([post.status, post.headers.allow], [405, 'GET, HEAD, OPTIONS'], 'POST');
}

async function givesWithGzipTheSame(t) {
    for (const name of [...NAMED, await scriptOf(t), '/']) {
        const plain = await load(t, name, { headers: { 'Accept-Encoding': 'gzip;q=0, br' } });
        const small = await load(t, name, { headers: { 'Accept-Encoding': 'br, gzip;q=0.1' } });
        same(plain.headers['content-encoding'], undefined, `${name}: its encoding`);
        const isSmall = small.headers['content-encoding'] === 'gzip';
        if (isSmall && small.body.length >= plain.body.length)
            throw new Failure(`${name}: ${small.body.length} bytes of ${plain.body.length}`);
        if (!isSmall && plain.body.length > 1000) throw new Failure(`${name}: no gzip`);
        const got = isSmall ? gunzipSync(small.body) : small.body;
        same(got.equals(plain.body), true, `${name}: with gzip the same`);
        same(small.headers.etag, plain.headers.etag, `${name}: ETag`);
    }
}

async function answersWhoHasIt(t) {
    for (const name of [...NAMED, await scriptOf(t), '/']) {
        const first = await load(t, name);
        const { etag, vary, 'cache-control': cache } = first.headers;
        for (const known of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
            const answer = await load(t, name, { headers: { 'If-None-Match': known } });
            same([answer.status, answer.body.length], [304, 0], `${name} ${known}`);
            has(answer, { etag, vary, 'cache-control': cache, 'content-length': undefined }, name);
        }
        const other = await load(t, name, { headers: { 'If-None-Match': '"x"' } });
        same(other.status, 200, `${name}: of another tag`);
    }
}

async function letsWhatLastsBeKept(t) {
    const answer = await load(t, await scriptOf(t));
    same(answer.status, 200, 'status');
    has(answer, { ...SHARED, 'cache-control': 'public, max-age=31536000, immutable' }, 'script');
}

async function servesThePage(t) {
    const page = await load(t, '/');
    for (const name of ['/', '/?x=1', '/index.html']) {
        const answer = await load(t, name);
        same(answer.status, 200, name);
        same(answer.body.equals(page.body), true, `${name}: the page`);
        has(answer, {
            'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache',
            'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
            'permissions-policy': 'microphone=(self), camera=()',
            'cross-origin-opener-policy': 'same-origin-allow-popups',
            'access-control-allow-origin': undefined, 'cross-origin-resource-policy': undefined,
        }, name);
        const policy = answer.headers['content-security-policy'].split('; ');
        for (const one of ["default-src 'none'", "script-src 'self'", "style-src 'self'",
            "base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'",
            "require-trusted-types-for 'script'"])
            same(policy.includes(one), true, `${name}: ${one}`);
        same(/unsafe|[ ;]\*|data:[^;]*script/.test(policy.join('; ')), false, `${name}: its policy`);
    }
    if (/<script(?![^>]* src=)|<style|style=|\son\w+=/i.test(page.body.toString()))
        throw new Failure('the page has what its policy forbids');
}

async function hasNothingElse(t) {
    for (const name of ['/x', '/embed/', '/embed', '/embed/x.js', '/embed/../index.html',
        '/embed/%70arley-chat.js', '/src/demo.ts', '/dev/', '/dev/wallets/carol', '//']) {
        const answer = await load(t, name);
        same([answer.status, answer.body.toString()], [404, 'Not Found\n'], name);
    }
}

/** Without --dev there is the widget, and nothing to try it with. */
async function hasNoPageOtherwise(t) {
    const server = await t.serve({ options: ['--drain=1s'] });
    for (const name of ['/', '/index.html', ...WALLETS])
        same((await load(t, name)).status, 404, name);
    for (const name of NAMED) same((await load(t, name)).status, 200, name);
    same(existsSync(path(server.data, 'demo-wallets.key')), false, 'keys of a demo');
    await server.stop();
}

/** @return both, as a page gets them */
async function walletsOf(t) {
    const answers = await Promise.all(WALLETS.map((name) =>
        load(t, name, { headers: { 'Sec-Fetch-Site': 'same-origin' } })));
    for (const answer of answers) {
        same(answer.status, 200, 'status');
        has(answer, {
            'content-type': 'application/json', 'cache-control': 'no-store',
            'access-control-allow-origin': undefined,
            'cross-origin-resource-policy': 'same-origin',
        }, 'a wallet');
    }
    return answers.map(({ body }) => JSON.parse(body));
}

async function givesWallets(t) {
    const [alice, bob] = await walletsOf(t);
    same([alice.name, bob.name], ['Alice', 'Bob'], 'names');
    for (const [one, other] of [[alice, bob], [bob, alice]]) {
        match(one.key, /^0x[0-9a-f]{64}$/, `key of ${one.name}`);
        same(one.address, privateKeyToAccount(one.key).address, `address of ${one.name}`);
        same(one.peer, { name: other.name, address: other.address }, `peer of ${one.name}`);
    }
}

const port = (t) => new URL(t.url).port;

/** Who asks, by the header that gives them away. */
const REFUSED = [
    ['a name that leads here', (t) => ({ Host: `rebound.example:${port(t)}` })],
    ['a name that begins like this machine', () => ({ Host: '127.0.0.1.example' })],
    ['an address of the network', (t) => ({ Host: `192.168.0.1:${port(t)}` })],
    ['a page of another site', () => ({ 'Sec-Fetch-Site': 'cross-site' })],
    ['a page of another port', () => ({ 'Sec-Fetch-Site': 'same-site' })],
    ['an origin of another site', () => ({ Origin: 'https://evil.example' })],
    ['an origin of another port', () => ({ Origin: 'http://127.0.0.1:1' })],
    ['an origin of no site', () => ({ Origin: 'null' })],
];

const keepsWalletsFrom = (headersOf) => async (t) => {
    for (const name of WALLETS)
        for (const method of ['GET', 'HEAD', 'POST']) {
            const answer = await load(t, name, { method, headers: headersOf(t) });
            same(answer.status, 403, `${method} ${name}`);
            same(answer.headers['access-control-allow-origin'], undefined, 'CORS');
            same(/0x|key/.test(answer.body), false, `${method} ${name}: its body`);
        }
};

async function looksBehindTrustedProxies(t) {
    const server = await t.serve({ options: [...DEV, '--trusted-proxies=127.0.0.1'] });
    const by = async (hops) =>
        (await load(t, WALLETS[0], { headers: { 'X-Forwarded-For': hops } })).status;
    same(await by('127.0.0.1'), 200, 'this machine');
    same(await by('203.0.113.1'), 403, 'another');
    same(await by('127.0.0.1, 203.0.113.1'), 403, 'another, which says it is here');
    await server.stop();
}

async function keepsItsWallets(t) {
    const server = await t.serve({ options: DEV });
    const file = path(server.data, 'demo-wallets.key');
    const first = await walletsOf(t);
    same(statSync(file).mode & 0o777, 0o600, 'mode of demo-wallets.key');
    same(readFileSync(file, 'latin1'),
        first.map(({ key }) => `${key.slice(2)}\n`).join(''), 'what is in it');
    await server.stop();
    await t.serveAgain({ options: DEV });
    same(await walletsOf(t), first, 'wallets after a restart');
    await t.server.stop();

    chmodSync(file, 0o640);
    const said = await t.serveAgain({ options: DEV }).then(() => 'started', (e) => e.message);
    match(said, /others may read .*demo-wallets\.key/, 'what it says of a key that others may read');
}

async function leavesNoTraceOfKeys(t) {
    await t.serve({ options: [...DEV, '--log=trace'] });
    const wallets = await walletsOf(t);
    for (const [, headersOf] of REFUSED) await load(t, WALLETS[0], { headers: headersOf(t) });
    const metrics = await get(`${t.url}/metrics`);
    await t.server.stop();

    const secrets = wallets.flatMap(({ name, key }) => [
        [`the key of ${name}`, Buffer.from(key.slice(2), 'hex')], ['its digits', key.slice(2)],
    ]);
    match(t.server.stderr, /event=http_response .*status=200/, 'log');
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(t.server.stdout, secrets, 'what it says');
    holdsNone(metrics, secrets, '/metrics');
}

async function saysWhereToLook(t) {
    const server = await t.serve({ options: DEV });
    await server.stop();
    for (const name of ['alice', 'bob'])
        same(server.stdout.includes(`    ${server.url}/#${name}\n`), true, name);
}

/** As the page does it: EIP-4361 for the site in the address line. */
async function signsIn(t, { address, key }, origin) {
    const told = await challenge(t, { origin });
    same(told.domain, new URL(origin).host, `domain for ${origin}`);
    const message = siwe({ address }, told, { uri: `${origin}/` });
    const signature = await privateKeyToAccount(key).signMessage({ message });
    const grant = await granted(login(t, { message, signature }, { Origin: origin }));
    return joinSynced(t, address, { token: grant.access_token, extraHeaders: { Origin: origin } });
}

async function signsItsWalletsIn(t) {
    const wallets = await walletsOf(t);
    for (const host of ['127.0.0.1', 'localhost']) {
        const origin = `http://${host}:${port(t)}`;
        const [alice, bob] = await Promise.all(wallets.map((wallet) => signsIn(t, wallet, origin)));
        const sent = await alice.send(bob.address, `hi from ${host}`);
        const got = await until('the message', async () => {
            const message = await bob.take('message.new');
            return message.id === sent.id && message;
        });
        same(got.content, `hi from ${host}`, 'content');
        await Promise.all([alice.leave(), bob.leave()]);
    }
}

const dev = { server: 'dev' };
const ofOne = { single: true }; // --dev makes each server wallets of its own

export const rows = [
    ['gives its modules to pages of any site', givesModules],
    ['answers preflights', answersPreflights],
    ['gives with gzip what it gives without', givesWithGzipTheSame, dev],
    ['answers who has it already', answersWhoHasIt, dev],
    ['lets what lasts be kept', letsWhatLastsBeKept, dev],
    ['serves the page to try it on', servesThePage, dev],
    ['has nothing else', hasNothingElse, dev],
    ['has no page where it was not told to', hasNoPageOtherwise, { own: true }],
    ['gives its page two wallets', givesWallets, { ...dev, ...ofOne }],
    ...REFUSED.map(([who, headersOf]) =>
        [`keeps them from ${who}`, keepsWalletsFrom(headersOf), dev]),
    ['looks behind trusted proxies', looksBehindTrustedProxies, { own: true }],
    ['keeps its wallets over a restart', keepsItsWallets, { own: true, ...ofOne }],
    ['leaves no trace of their keys', leavesNoTraceOfKeys, { own: true }],
    ['says where to look', saysWhereToLook, { own: true, ...ofOne }],
    ['signs them in', signsItsWalletsIn, { ...dev, ...ofOne, transport: 'websocket' }],
].map(([name, run, more = {}]) => ({ name: `front: ${name}`, run, ...more }));
