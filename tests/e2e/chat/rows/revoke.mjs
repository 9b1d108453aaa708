/** `parley revoke`: what an operator ends, with a server that runs and without. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join as path } from 'node:path';
import { between, match, now, run, same, within } from '../../lib.mjs';
import { ENDS_MS, NODES, soon } from '../cluster.mjs';
import { storeOf } from '../database.mjs';
import { joinSynced, overTransports, refusal } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
/** tests/support/postgres has no fsync, unless it is --durable. */
const OF_TESTS = /^.* event=store_postgres_fsync .*\n/;
const REVOKED = { code: 'token_revoked' };

/**
 * `parley revoke` with these words, while we go on.
 *
 * @param env  beside ours
 * @return its exit code, and what it says
 */
async function revokeWith(t, words, env) {
    const { child, ended } = run(t.servers.binary, ['revoke', ...words], ['ignore', 'pipe', 'pipe'],
        { env: { ...process.env, ...env } });
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => (said.out += text));
    child.stderr.on('data', (text) => (said.err += text));
    const code = await within(10000, 'end of parley revoke', ended);
    return { code, ...said };
}

/** It is done. @return the line that it prints */
export async function revoke(t, what) {
    const { data } = t.server;
    const { code, out, err } = await revokeWith(t, [what, `--data=${data}`], await storeOf(data));
    same([code, err.replace(OF_TESTS, '')], [0, ''], 'exit code, and stderr');
    match(out, /^[^\n]+\n$/, 'one line');
    return out.trimEnd();
}

const ownToken = (t, address) =>
    t.servers.command('token', address, '--ttl=1h', `--data=${t.server.data}`).trim();

/** On purpose: the stock client stays away. */
async function isEnded(peer) {
    same((await peer.take('error', ENDS_MS)).error.code, 'token_revoked', 'code');
    same(await peer.take('disconnect', ENDS_MS), 'io server disconnect', 'reason');
    same(peer.socket.active, false, 'will come again');
}

const isRefused = (t, address, token) => soon(async () =>
    same((await refusal(t, address, { token })).data, REVOKED, 'data'));

/** A wallet with a token of each kind, and a socket for each. */
async function arrive(t, address = wallet()) {
    const tokens = [
        ownToken(t, address), await t.issuers.token(address),
        await t.issuers.token(address, { by: 'eddsa' }),
    ];
    const peers = [];
    for (const token of tokens) peers.push(await joinSynced(t, address, { token }));
    return { address, tokens, peers };
}

/** From its start to the last of them. */
async function endsAtOnce(t, what, peers) {
    const from = now();
    const revoking = revoke(t, what);
    await Promise.all(peers.map(isEnded));
    between(now() - from, 0, ENDS_MS, 'milliseconds until they have ended');
    return revoking;
}

async function areRefused(t, { address, tokens }) {
    for (const token of tokens) await isRefused(t, address, token);
}

async function mayComeBack(t, address) {
    for (const token of [ownToken(t, address), await t.issuers.token(address, { claims: {
        iat: Math.floor(Date.now() / 1000),
    } })]) {
        const peer = await joinSynced(t, address, { token });
        await peer.works();
        await peer.leave();
    }
}

async function endsAnAccount(t) {
    await t.serve({ options: QUIET });
    const [it, other] = [await arrive(t), await arrive(t)];
    const line = await endsAtOnce(t, it.address, it.peers);
    same(line, `0 sessions ended; all tokens issued to ${it.address} until now are refused`,
        'line');
    await mayComeBack(t, it.address);
    await areRefused(t, it);
    for (const peer of other.peers) await peer.works();
    if (NODES === 1) match(t.server.stderr, new RegExp(
        `level=info layer=admin event=admin_revoke account=${it.address} sessions=0\n`), 'log');
    await t.server.stop();

    await t.serveAgain({ options: QUIET });
    await areRefused(t, it);
    await mayComeBack(t, it.address);
    await joinSynced(t, other.address, { token: other.tokens[0] });
}

async function endsASession(t) {
    await t.serve({ options: QUIET });
    const it = await arrive(t);
    for (const [i, peer] of it.peers.entries()) {
        const again = await joinSynced(t, it.address, { token: it.tokens[i] });
        const line = await endsAtOnce(t, peer.ready.session, [peer, again]);
        match(line, /^0 sessions ended: .*; tokens that bear it are refused$/, 'line');
        await isRefused(t, it.address, it.tokens[i]);
        for (const other of it.peers.slice(i + 1)) await other.works();
    }
    await t.server.stop();
    await t.serveAgain({ options: QUIET });
    await areRefused(t, it);
    await mayComeBack(t, it.address);
}

/** Two applications, or one, may name the sessions of their users alike. */
async function endsAllOfAName(t) {
    await t.serve({ options: QUIET });
    const peers = [];
    for (const by of ['hs', 'eddsa', 'eddsa']) {
        const address = wallet();
        const token = await t.issuers.token(address, { by, claims: { sid: 'tab 1 of "me"' } });
        peers.push(await joinSynced(t, address, { token }));
    }
    const name = peers[0].ready.session;
    const other = await arrive(t);
    await endsAtOnce(t, name, peers);
    for (const { address, token } of peers) await isRefused(t, address, token);
    for (const peer of other.peers) await peer.works();
}

/** What was revoked then is refused from the start on. */
async function worksWithoutAServer(t) {
    await t.serve({ options: QUIET });
    const [all, one, other] = [await arrive(t), await arrive(t), await arrive(t)];
    await t.server.stop();
    await revoke(t, all.address);
    await revoke(t, one.peers[0].ready.session);
    await revoke(t, one.peers[1].ready.session);
    await t.serveAgain({ options: QUIET });
    await areRefused(t, all);
    await areRefused(t, { address: one.address, tokens: one.tokens.slice(0, 2) });
    await joinSynced(t, one.address, { token: one.tokens[2] });
    for (const token of other.tokens) await joinSynced(t, other.address, { token });
    await mayComeBack(t, all.address);
}

/** Before the first start there are tokens, and no store. */
async function worksBeforeTheFirstStart(t) {
    const [data, address] = [folder('data'), wallet()];
    const token = t.servers.command('token', address, '--ttl=1h', `--data=${data}`).trim();
    const { code, out } = await revokeWith(t, [address, '--data', data], await storeOf(data));
    same(code, 0, 'exit code');
    match(out, /until now are refused\n$/, 'line');
    await t.serve({ data, options: QUIET });
    await isRefused(t, address, token);
    await mayComeBack(t, address);
}

/** Nobody but its owner may use it, and it does not outlive its server. */
async function keepsItsSocket(t) {
    const { data } = await t.serve({ options: QUIET });
    const socket = path(data, 'admin.sock');
    const isThere = (what) => {
        const stat = lstatSync(socket);
        same([stat.isSocket(), stat.mode & 0o7777], [true, 0o600], what);
    };
    isThere('while it runs');
    await t.server.kill();
    isThere('left by one that was killed');
    await revoke(t, wallet()); // nobody listens on it
    await t.serveAgain({ options: QUIET });
    isThere('of the next one');
    const it = await arrive(t);
    await endsAtOnce(t, it.address, it.peers);
    await t.server.stop();
    same(existsSync(socket), false, 'admin.sock after a clean stop');
}

const LONG = 'x'.repeat(65);

async function refusesWrongUse(t) {
    const nowhere = path(folder('nowhere'), 'data');
    const [empty, foreign] = [folder('empty'), `--data=${t.server.data}`];
    const rows = [
        ['nothing', [foreign], 2, /It needs an ACCOUNT or a SESSION/],
        ['two', ['tab-1', 'tab-2', foreign], 2, /tab-2/],
        ['a wrong checksum', ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed', foreign], 2, /EIP-55/],
        ['too long a name', [LONG, foreign], 2, /1 to 64 printable characters/],
        ['an unknown option', ['tab-1', '--force', foreign], 2, /--force/],
        ['no directory', [wallet(), `--data=${nowhere}`], 1, /no data directory of a server/],
        ['an empty one', [wallet(), `--data=${empty}`], 1, /no data directory of a server/],
        ['too long a path', ['tab-1', `--data=/tmp/${LONG}${LONG}`], 2, /path is too long/],
    ];
    for (const [what, words, want, pattern] of rows) {
        const { code, out, err } = await revokeWith(t, words);
        same([code, out], [want, ''], what);
        match(err, pattern, what);
    }
    same([existsSync(nowhere), readdirSync(empty)], [false, []], 'what it has made');
    const { code, out } = await revokeWith(t, ['--help']);
    same(code, 0, '--help');
    match(out, /^parley revoke ACCOUNT\|SESSION \[OPTIONS\]\n/, '--help');
}

/** Rather than to start without its socket. */
async function startsWithNoPathThatIsTooLong(t) {
    const data = path(folder('long'), LONG, LONG);
    const why = await t.servers.serve({ data }).then((server) => {
        server.child.kill('SIGKILL');
        return 'it starts';
    }, (error) => error.message);
    match(why, /ended \(2\), not ready:\n.*is too long for the socket in it: at most 96 bytes/, 'why');
    same(existsSync(data), false, 'what it has made');
}

const once = { over: ['websocket'] };

export const rows = overTransports('revoke', [
    ['ends all that an account has, and nothing else', endsAnAccount, { own: true, limit: 30000 }],
    ['ends a session alone', endsASession, { own: true, limit: 30000, ...once }],
    ['ends all sessions of a name', endsAllOfAName, { own: true, ...once }],
    ['works without a server', worksWithoutAServer, { own: true, limit: 30000, ...once }],
    ['works before the first start', worksBeforeTheFirstStart, { own: true, ...once }],
    ['keeps its socket to itself', keepsItsSocket, // of one server's data directory
        { own: true, limit: 30000, ...once, single: true }],
    ['refuses wrong use', refusesWrongUse, once],
    ['starts with no path that is too long for a socket', startsWithNoPathThatIsTooLong,
        { own: true, ...once, single: true }], // likewise
]);
