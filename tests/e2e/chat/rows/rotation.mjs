/** The server's own key is replaced: `parley rotate-key`. */
import { chmodSync, readdirSync } from 'node:fs';
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { match, now, same, sleep } from '../../lib.mjs';
import { NODES, urlsOf } from '../cluster.mjs';
import { joinSynced, overTransports, refusal } from '../peer.mjs';
import { folder, get } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];

const kidOf = (token) => decodeProtectedHeader(token).kid;
export const own = (t, address, data) =>
    t.servers.command('token', address, '--ttl=30d', `--data=${data}`).trim();

/** @return the kid of the new key, and what else was said */
export function rotate(t, data, ...options) {
    const text = t.servers.command('rotate-key', `--data=${data}`, ...options);
    const [, kid, rest] = /^parley: the key is now (\S{43})\n([^]*)$/.exec(text) ?? [];
    match(kid, /./, `kid in ${JSON.stringify(text)}`);
    if (NODES > 1) t.server.child.kill('SIGHUP'); // as an operator who has copied it to all
    return { kid, rest };
}

async function kids(t, url = t.url) {
    const { keys } = JSON.parse(await get(`${url}/.well-known/jwks.json`));
    for (const key of keys)
        same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'], 'members');
    return keys.map(({ kid }) => kid);
}

async function comes(what, is) {
    for (const until = now() + 10000; !(await is()); await sleep(5))
        same(now() < until, true, what);
}

/** The server is told by a signal, and takes the key some time after that. */
export const hasTaken = (t, kid) => Promise.all(urlsOf(t).map((url) =>
    comes('it has taken the key', async () => (await kids(t, url))[0] === kid)));

/** As somebody else checks them, who knows no more than the URL. */
async function areVerified(t, tokens) {
    const set = createRemoteJWKSet(new URL(`${t.url}/.well-known/jwks.json`));
    for (const token of tokens) {
        const how = { issuer: 'parley', audience: 'parley', algorithms: ['EdDSA'] };
        same((await jwtVerify(token, set, how)).protectedHeader.kid, kidOf(token), 'kid');
    }
}

async function joins(t, address, token) {
    const peer = await joinSynced(t, address, { token });
    same(peer.ready.account, address, 'account');
    return peer;
}

/** Both tokens are good, and stay so over a restart. */
async function keepsOldTokens(t) {
    const { data, child } = await t.serve({ options: QUIET });
    const [a, b] = [wallet(), wallet()];
    const before = own(t, a, data);
    const live = await joins(t, a, before);
    const { kid, rest } = rotate(t, data);
    if (NODES === 1) match(rest, new RegExp(`^parley: the server, process ${child.pid}, was told`), 'said');
    await hasTaken(t, kid);
    same(await kids(t), [kid, kidOf(before)], 'keys');

    const after = own(t, b, data);
    same(kidOf(after), kid, 'kid of a new token');
    await areVerified(t, [before, after]);
    const there = await joins(t, b, after);
    await live.send(b, 'from a socket of before');
    same((await there.take('message.new')).content, 'from a socket of before', 'message');
    await (await joins(t, a, before)).works();
    match(t.server.stderr, new RegExp(`event=server_keys kid=${kid} retired=1\n`), 'log');

    await t.server.stop();
    await t.serveAgain({ options: QUIET });
    same(await kids(t), [kid, kidOf(before)], 'keys');
    await areVerified(t, [before, after]);
    await joins(t, a, before);
    await joins(t, b, after);
}

async function dropsOldTokens(t) {
    const { data } = await t.serve({ options: QUIET });
    const address = wallet();
    const oldest = own(t, address, data);
    await hasTaken(t, rotate(t, data).kid);
    const old = own(t, address, data);
    const live = await joins(t, address, old);
    const { kid } = rotate(t, data, '--drop-old');
    await hasTaken(t, kid);
    same(await kids(t), [kid], 'keys');
    for (const token of [oldest, old])
        same((await refusal(t, address, { token })).data, { code: 'token_invalid' }, 'data');
    await live.works(); // until its token ends
    const peer = await joins(t, address, own(t, address, data));
    await peer.works();
    await t.server.stop();
    await t.serveAgain({ options: QUIET });
    same(await kids(t), [kid], 'keys');
    same((await refusal(t, address, { token: old })).data, { code: 'token_invalid' }, 'data');
}

async function rotatesWithoutAServer(t) {
    const { data } = await t.serve({ options: QUIET });
    const address = wallet();
    const before = own(t, address, data);
    await t.server.stop();
    const { kid, rest } = rotate(t, data);
    same(rest, 'parley: no server runs on it; the next start takes it\n', 'said');
    await t.serveAgain({ options: QUIET });
    same(await kids(t), [kid, kidOf(before)], 'keys');
    await joins(t, address, before);
    await joins(t, address, own(t, address, data));
}

/** All at once: each is told, the last one is what is taken, and no key is lost. */
async function rotatesSeveralTimesAtOnce(t) {
    const { data } = await t.serve({ options: QUIET });
    const address = wallet();
    const first = own(t, address, data);
    const made = await Promise.all(Array.from({ length: 4 }, () =>
        promisify(execFile)(t.servers.binary, ['rotate-key', `--data=${data}`])));
    const all = made.map(({ stdout }) => /now (\S{43})$/m.exec(stdout)[1]);
    const last = kidOf(own(t, address, data));
    if (NODES > 1) t.server.child.kill('SIGHUP');
    await hasTaken(t, last);
    same((await kids(t)).sort(), [kidOf(first), ...all].sort(), 'keys');
    await joins(t, address, first);
}

/** What it can't read changes nothing, and does not end it. */
async function keepsItsKeysWhereItCannotRead(t) {
    const { data, child } = await t.serve({ options: QUIET });
    const address = wallet();
    const token = own(t, address, data);
    chmodSync(`${data}/signing-key.pem`, 0o644);
    child.kill('SIGHUP');
    await comes('it is in the log', () => /event=server_keys_kept/.test(t.server.stderr));
    await (await joins(t, address, token)).works();
    same(await kids(t), [kidOf(token)], 'keys');
}

const WRONG = [
    ['a directory that is not there', (data) => [`--data=${data}/none`], 1, /can't be opened/],
    ['a directory without a key', () => [`--data=${folder('empty')}`], 1, /nothing to rotate/],
    ['a word', (data) => [`--data=${data}`, 'now'], 2, /'now' is no option/],
    ['an option that there is not', (data) => [`--data=${data}`, '--drop'], 2, /--drop/],
];

async function refusesWrongUse(t) {
    const { data } = await t.serve({ options: QUIET });
    const before = await kids(t);
    const files = readdirSync(data);
    for (const [what, options, code, pattern] of WRONG) {
        const { status, stdout, stderr } = spawnSync(t.servers.binary,
            ['rotate-key', ...options(data)], { encoding: 'utf8', timeout: 10000 });
        same([status, stdout], [code, ''], what);
        match(stderr, pattern, what);
    }
    same(readdirSync(data), files, 'files');
    same(await kids(t), before, 'keys');
}

const once = { own: true, over: ['websocket'] };

export const rows = overTransports('rotation', [
    ['old tokens are good, and new ones', keepsOldTokens, { own: true, limit: 30000 }],
    ['old tokens are refused when they are dropped', dropsOldTokens,
        { own: true, over: ['websocket', 'polling'], limit: 30000 }],
    ['rotates while no server runs', rotatesWithoutAServer, { ...once, limit: 30000 }],
    ['rotates several times at once', rotatesSeveralTimesAtOnce, once],
    ['keeps its keys where it cannot read', keepsItsKeysWhereItCannotRead, once],
    ['refuses wrong use', refusesWrongUse, once],
]);
