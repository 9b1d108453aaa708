/** Issuers whose keys are at a URL: they change their keys, go away, and say anything. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { between, match, now, oneOf, same, sleep } from '../../lib.mjs';
import { Peer, isRefusal, joinSynced, overTransports, refusal, saw } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { Idp } from '../idp.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];
const KEYS_MAX = 65536; // bytes of what an issuer publishes
const MANY = 40;
const ENDS = ['transport close', 'transport error']; // the stock client comes back after these

/** A server that takes the tokens of these, and those of issuers in files. */
async function serve(t, ...idps) {
    const config = path(folder('idp'), 'parley.conf');
    const files = readFileSync(t.issuers.config, 'utf8');
    writeFileSync(config, `${files}\n${idps.map((idp) => idp.section).join('\n')}`);
    await t.serve({ options: [...QUIET, `--config=${config}`] });
    for (const idp of idps)
        same(t.server.stderr.includes(`of-${idp.name}`), false, 'its URL is in the log');
}

async function comes(what, is, ms = 10000) {
    for (const until = now() + ms; !(await is()); await sleep(5))
        same(now() < until, true, what);
}

const lines = (t, pattern) => t.server.stderr.match(new RegExp(pattern, 'g')) ?? [];
const kept = (t) => lines(t, 'event=auth_issuer_keys_kept .*\n');
const taken = (t) => lines(t, 'event=auth_issuer_keys issuer=.*\n');

/** Each worker has got the keys, so often since its start. */
const hasTaken = (t, n) =>
    comes(`it has taken keys ${n} times`, () => taken(t).length === n * t.server.workers);

/** One more failure in the log, of each worker, than there were. */
const hasFailed = (t, what, before = 0) =>
    comes(what, () => kept(t).length === before + t.server.workers);

/** For n reasons: a worker asks for itself, some of them when a token comes that needs it. */
const wasAsked = (t, idp, n) => between(idp.asked, n, n * t.server.workers, 'fetches');

async function joins(t, idp, by, address = wallet()) {
    const peer = await joinSynced(t, address, { token: await idp.token(address, by) });
    same(peer.ready.account, address, 'account');
    return peer;
}

async function isRefused(t, idp, by, how) {
    const address = wallet();
    const error = await refusal(t, address, { token: await idp.token(address, by, how) });
    same(error.data, { code: 'token_invalid' }, 'data');
}

const many = (n, make) => Promise.all(Array.from({ length: n }, make));

async function takesItsTokens(t) {
    const idp = await Idp.start(t, 'idp');
    await serve(t, idp);
    const peer = await joins(t, idp, 'first'); // at once, with the keys here or not
    await peer.works();
    await peer.ok('auth.refresh', { token: await idp.token(peer.address) });
    wasAsked(t, idp, 1);
}

/** Nobody is refused while the issuer goes over to another key, and takes the old one back. */
async function changesItsKey(t) {
    const idp = await Idp.start(t, 'idp');
    await serve(t, idp);
    const live = await joins(t, idp, 'first');
    await idp.make('second');
    idp.publish('second', 'first');
    await many(MANY, () => joins(t, idp, 'second'));
    wasAsked(t, idp, 2);
    await joins(t, idp, 'first');
    await live.ok('auth.refresh', { token: await idp.token(live.address, 'second') });

    idp.publish('second');
    await comes('it has what it asked for', () => taken(t).length === idp.asked);
    const before = taken(t).length;
    t.server.child.kill('SIGHUP');
    await comes('it has taken the keys', () => taken(t).length === before + t.server.workers);
    await isRefused(t, idp, 'first');
    await joins(t, idp, 'second');
    await live.works();
    wasAsked(t, idp, 3);
}

/** By no help of ours: with the stock client's own way to come back. */
async function isAwayAtTheStart(t) {
    const idp = await Idp.start(t, 'idp');
    idp.close();
    await serve(t, idp);
    await hasFailed(t, 'a failure in the log');
    const from = now();
    const peers = await many(5, async () => {
        const address = wallet();
        const token = await idp.token(address);
        return Peer.dial(t, address, { token, reconnection: true });
    });
    for (const peer of peers)
        oneOf(await peer.take('disconnect'), ENDS, 'reason');
    const other = await joinSynced(t);
    idp.open();
    for (const peer of peers) {
        same((await peer.take('ready', 60000)).account, peer.address, 'account');
        same(peer.heard.get('connect_error') ?? [], [], 'refusals');
        await peer.works();
    }
    between(now() - from, 20000, 50000, 'milliseconds until they are in');
    await other.works();
}

/** One who is in, or asks over HTTP, is told; one who comes is cut, and comes again. */
async function saysThatItCannotTell(t) {
    const idp = await Idp.start(t, 'idp');
    idp.close();
    await serve(t, idp);
    await hasFailed(t, 'a failure in the log');
    const live = await joinSynced(t);
    const token = await idp.token(live.address);
    isRefusal(await live.ask('auth.refresh', { token }), 'login_unavailable', { field: 'token' });
    await live.works();
    const response = await fetch(`${t.url}/v1/auth/logout`, {
        method: 'POST', body: '{}',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    same(response.status, 503, 'status');
    const body = await response.json();
    saw(body.error.code);
    same(body.error.code, 'login_unavailable', 'code');
    const late = await Peer.dial(t, live.address, { token });
    oneOf(await late.take('disconnect'), ENDS, 'reason');
}

/** Made-up kids cost the issuer one request. */
async function isFlooded(t) {
    const idp = await Idp.start(t, 'idp');
    await serve(t, idp);
    await hasTaken(t, 1);
    let n = 0;
    const madeUp = () => isRefused(t, idp, 'first', { kid: `made-up-${n++}` });
    await many(MANY, madeUp);
    wasAsked(t, idp, 2);
    await many(MANY, madeUp);
    await idp.make('wrong');
    await many(MANY, () => isRefused(t, idp, 'wrong', { kid: 'first' }));
    wasAsked(t, idp, 2);
    await joins(t, idp, 'first');
}

/** One that does not answer holds up nobody else's tokens. */
async function standsBesideOthers(t) {
    const [one, other, silent] = [
        await Idp.start(t, 'one'), await Idp.start(t, 'other'), await Idp.start(t, 'silent'),
    ];
    silent.say = () => {};
    await serve(t, one, other, silent);
    const peers = [await joins(t, one, 'first'), await joins(t, other, 'first'), await joinSynced(t)];
    await peers[0].send(peers[1].address, 'hello');
    same((await peers[1].take('message.new')).content, 'hello', 'message');
    const address = wallet();
    const token = await one.token(address);
    same((await refusal(t, address, { // signed by another issuer than it says
        token: [(await other.token(address)).split('.').slice(0, 2), token.split('.')[2]].flat().join('.'),
    })).data, { code: 'token_invalid' }, 'data');
    for (const idp of [one, silent]) wasAsked(t, idp, 1);
}

/** What an answer is padded to. */
const padded = (text, n) => text + ' '.repeat(n - Buffer.byteLength(text));
const numbered = (idp, n) => {
    const { keys: [key] } = JSON.parse(idp.jwks());
    return JSON.stringify({ keys: Array.from({ length: n }, (_, i) => ({ ...key, kid: `${i}` })) });
};

const HOSTILE = [
    ['a byte over 64 KiB', (idp, r) => r.end(padded(idp.jwks(), KEYS_MAX + 1)), /could not be fetched/],
    ['33 keys', (idp, r) => r.end(numbered(idp, 33)), /more than 32 keys/],
    ['another status', (idp, r) => r.writeHead(404).end(idp.jwks()), /could not be fetched/],
    ['an answer that breaks off', (idp, r) => {
        r.writeHead(200, { 'content-length': 1000 });
        r.write(idp.jwks().slice(0, 50), () => r.destroy());
    }, /could not be fetched/],
    ['a page', (idp, r) => r.end('<!DOCTYPE html><title>Sign in</title>'), /no JSON/],
    ['no keys', (idp, r) => r.end('{"keys":[]}'), /no key in it/],
    ['half of it', (idp, r) => r.end(idp.jwks().slice(0, -5)), /no JSON/],
    ['a secret', (idp, r) => r.end(idp.jwks([{ kty: 'oct', k: 'A'.repeat(43) }])), /published/],
    ['a private key', (idp, r) => {
        const { keys } = JSON.parse(idp.jwks());
        r.end(JSON.stringify({ keys: [{ ...keys[0], d: 'A'.repeat(43) }] }));
    }, /published/],
];

/** Each is asked for by SIGHUP, and the old keys stay. */
async function isHostile(t) {
    const idp = await Idp.start(t, 'idp');
    await serve(t, idp);
    await hasTaken(t, 1);
    for (const [what, answer, why] of HOSTILE) {
        const before = kept(t).length;
        idp.say = (response) => answer(idp, response);
        t.server.child.kill('SIGHUP');
        await hasFailed(t, what, before);
        match(kept(t).at(-1), why, what);
        match(kept(t).at(-1), /issuer=idp .* keys=1 failed=\d+\n$/, what);
        await (await joins(t, idp, 'first')).leave();
    }
    idp.say = (response) => response.end(padded(idp.jwks(), KEYS_MAX));
    t.server.child.kill('SIGHUP');
    await hasTaken(t, 2);
    await joins(t, idp, 'first');
    same(t.server.stderr.includes('of-idp'), false, 'its URL is in the log');
}

/** Whoever has the name of the issuer's host for a while could send us elsewhere for good. */
async function followsNobody(t) {
    const [idp, elsewhere] = [await Idp.start(t, 'idp'), await Idp.start(t, 'elsewhere')];
    await serve(t, idp);
    await hasTaken(t, 1);
    for (const status of [301, 302, 307, 308]) {
        const before = kept(t).length;
        idp.say = (response) => response.writeHead(status, { location: elsewhere.url }).end();
        t.server.child.kill('SIGHUP');
        await hasFailed(t, `${status}`, before);
    }
    same(elsewhere.asked, 0, 'requests elsewhere');
    await joins(t, idp, 'first');
}

/** A fetch that hangs, and who waits for it, hold up no end. */
async function isSilentAtTheEnd(t) {
    const idp = await Idp.start(t, 'idp');
    idp.say = () => {};
    await serve(t, idp);
    await comes('it is asked', () => idp.asked === t.server.workers);
    const address = wallet();
    const token = await idp.token(address);
    const peer = await Peer.dial(t, address, { token });
    await comes('it is there', async () =>
        (await t.server.metrics()).get('parley_sessions') === 1);
    await t.server.stop();
    oneOf(await peer.take('disconnect'), ENDS, 'reason');
    same(idp.asked, t.server.workers, 'fetches');
}

const BAD_URLS = [
    ['http to another machine', 'http://idp.test/keys', /jwks-url is http:\/\/ to another machine/],
    ['another scheme', 'file:///etc/passwd', /jwks-url is not a URL such as https:\/\//],
    ['no URL', 'keys.json', /jwks-url is not a URL/],
    ['a user', 'https://me:pw@idp.test/keys', /jwks-url is not a URL/],
];

async function refusesToStart(t) {
    const config = path(folder('idp'), 'parley.conf');
    for (const [what, url, pattern] of BAD_URLS) {
        writeFileSync(config, `[issuer idp]\njwks-url = ${url}\n`);
        const why = await t.servers.serve({ options: [`--config=${config}`] })
            .then((server) => server.stop(), (error) => error.message);
        match(why, /ended \(2\), not ready/, what);
        match(why, pattern, what);
    }
}

const own = { own: true };
const once = { own: true, over: ['websocket'] };

export const rows = overTransports('idp', [
    ['takes tokens of a key that is at a URL', takesItsTokens, own],
    ['refuses nobody while an issuer changes its key', changesItsKey, own],
    ['lets clients in once an issuer is back', isAwayAtTheStart,
        { own: true, over: ['websocket', 'polling'], idle: true, limit: 70000 }],
    ['says that it cannot tell', saysThatItCannotTell, once],
    ['asks once for any number of made-up keys', isFlooded, once],
    ['has issuers beside each other', standsBesideOthers, once],
    ['keeps the keys that it has', isHostile, { ...once, limit: 30000 }],
    ['follows no redirect', followsNobody, once],
    ['ends while an issuer is silent', isSilentAtTheEnd, { own: true, over: ['websocket', 'polling'] }],
    ['refuses URLs that are not safe', refusesToStart, once],
]);
