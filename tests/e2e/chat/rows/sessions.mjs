/** What a sign-in has begun: how it is kept going, and how it ends. */
import { between, now, oneOf, same, sleepUntil, spare } from '../../lib.mjs';
import { ENDS_MS, soon } from '../cluster.mjs';
import { HOUR, unix } from '../issuers.mjs';
import { join, joinSynced, overTransports, refusal } from '../peer.mjs';
import { SIGN_IN } from '../serve.mjs';
import { evmWallet, solanaWallet } from '../signer.mjs';
import {
    arrive, bearer, challenge, denied, granted, isGrant, isRevoked, login, logout, overHttp,
    proof, refresh, signIn,
} from '../site.mjs';
import { wallet as anAddress } from '../wallet.mjs';

export const refreshed = (t, { refresh_token: token }) =>
    granted(refresh(t, { refresh_token: token }));
export const isRefused = (t, { refresh_token: token }, code) =>
    soon(() => denied(refresh(t, { refresh_token: token }), code));

const WAYS = {
    'its access token': (t, grant, more = {}) =>
        logout(t, more, bearer(grant.access_token)),
    'its refresh token': (t, grant, more = {}) =>
        logout(t, { refresh_token: grant.refresh_token, ...more }),
};
const byEach = (table) => Object.entries(WAYS).flatMap(([by, out]) =>
    table.map(([what, run, more]) => [`${what}, by ${by}`, (t) => run(t, out), more]));

/** On purpose: the stock client stays away. */
export async function isEnded(peer) {
    same((await peer.take('error', ENDS_MS)).error.code, 'token_revoked', 'code');
    same(await peer.take('disconnect', ENDS_MS), 'io server disconnect', 'reason');
    same(peer.socket.active, false, 'will come again');
}

async function isOver(t, peer) {
    await isEnded(peer);
    await isRevoked(t, peer.token);
    await isRefused(t, peer.grant, 'token_revoked');
}

// Refreshing.

async function goesOn(t) {
    const wallet = evmWallet();
    let grant = await signIn(t, wallet);
    const { session } = grant;
    const tokens = new Set([grant.refresh_token]);
    for (let i = 2; i <= 5; i++) {
        const next = await refreshed(t, grant);
        isGrant(next, wallet.account);
        same(next.session, session, 'session');
        tokens.add(next.refresh_token);
        same(tokens.size, i, 'refresh tokens');
        grant = next;
        const peer = await joinSynced(t, wallet.account, { token: grant.access_token });
        same(peer.ready.session, session, 'session');
        await peer.leave();
    }
}

/** Two tabs. */
async function answersTwoAtOnce(t, make) {
    const wallet = make();
    const grant = await signIn(t, wallet);
    const answers = await Promise.all([1, 2, 3].map(() => refreshed(t, grant)));
    same(new Set(answers.map(({ refresh_token: token }) => token)).size, 1, 'refresh tokens');
    for (const { access_token: token } of answers)
        await (await join(t, wallet.account, { token })).works();
    await refreshed(t, answers[0]);
}

async function answersAgain(t) {
    const grant = await signIn(t);
    const lost = await refreshed(t, grant);
    const again = await refreshed(t, grant);
    same(again.refresh_token, lost.refresh_token, 'refresh token');
    await refreshed(t, again);
}

/** Somebody has taken a token, and either uses it second: nobody knows which one it was. */
async function endsWhatWasStolen(t) {
    const wallet = evmWallet();
    const peer = await arrive(t, wallet);
    const other = await arrive(t, wallet);
    const second = await refreshed(t, peer.grant);
    const third = await refreshed(t, second);
    await isRefused(t, peer.grant, 'token_revoked');
    await isEnded(peer);
    for (const { access_token: token } of [peer.grant, second, third]) await isRevoked(t, token);
    for (const grant of [third, second, peer.grant]) await isRefused(t, grant, 'token_revoked');
    await other.works(); // another session of the wallet
    await refreshed(t, other.grant);
}

/** One character at a time, of which some are of a generation or a session. */
async function refusesForgedOnes(t) {
    const grant = await signIn(t);
    const { refresh_token: token, access_token: access } = grant;
    const other = await signIn(t);
    const forged = [
        '', 'x', 'garbage', `${token}x`, token.slice(1), token.slice(0, -1), token.toLowerCase(),
        `${token}=`, access, `${'A'.repeat(1000)}`,
        token.slice(0, 70) + other.refresh_token.slice(70),
        other.refresh_token.slice(0, 70) + token.slice(70),
    ];
    for (let at = 0; at < token.length - 1; at += 5)
        forged.push(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1));
    for (const one of forged) {
        await denied(refresh(t, { refresh_token: one }), 'token_invalid');
        await denied(logout(t, { refresh_token: one }), 'token_invalid');
    }
    await refreshed(t, await refreshed(t, grant));
    await refreshed(t, other);
}

async function refusesBadMembers(t) {
    const { refresh_token: token } = await signIn(t);
    for (const other of [undefined, null, 7, [token], { token }]) {
        const field = { field: 'refresh_token' };
        await denied(refresh(t, { refresh_token: other }), 'bad_request', field);
        if (other !== undefined) // then it is by access token
            await denied(logout(t, { refresh_token: other }), 'bad_request', field);
    }
    await refreshed(t, { refresh_token: token });
}

/** Whoever refreshes ends with it, and so does each access token. */
async function endsByItself(t) {
    await t.serve({ options: [...SIGN_IN, '--session-ttl=3s'] });
    const from = Date.now();
    const first = await signIn(t);
    const until = Date.parse(first.expires_at);
    between(until, from + 1000, Date.now() + 3000, 'expires_at of an access token');
    const second = await refreshed(t, first);
    between(Date.parse(second.expires_at), from + 1000, until, 'expires_at of the next');
    await sleepUntil(now() + (from + 4000 - Date.now())); // there is nothing to be told
    for (const grant of [first, second]) await isRefused(t, grant, 'token_expired');
}

// Logging out.

async function endsOneSession(t, out) {
    const wallet = evmWallet();
    const [peer, other] = [await arrive(t, wallet), await arrive(t, wallet)];
    await granted(out(t, peer.grant));
    await isOver(t, peer);
    await granted(out(t, peer.grant)); // again: it is as it is to be
    await other.works();
    await refreshed(t, other.grant);
}

/** By any token of it: a tab that has slept has an older one. */
async function endsByAnOlderToken(t, out) {
    const peer = await arrive(t);
    const third = await refreshed(t, await refreshed(t, peer.grant));
    await granted(out(t, peer.grant));
    await isOver(t, peer);
    await isRefused(t, third, 'token_revoked');
    await isRevoked(t, third.access_token);
}

/** Who has it by other means than signing in. */
async function byOtherTokens(t, { account }) {
    const { data } = t.server;
    const tokens = [
        t.servers.command('token', account, '--ttl=1h', `--data=${data}`).trim(),
        await t.issuers.token(account, { claims: { iat: unix() } }),
        await t.issuers.token(account), // which does not say when it was issued
    ];
    return Promise.all(tokens.map((token) => joinSynced(t, account, { token })));
}

async function endsAll(t, out) {
    const wallet = evmWallet();
    const signedIn = [await arrive(t, wallet), await arrive(t, wallet)];
    const others = await byOtherTokens(t, wallet);
    const stranger = await arrive(t);
    await granted(out(t, signedIn[0].grant, { all: true }));
    await Promise.all([...signedIn, ...others].map(isEnded));
    for (const { token } of [...signedIn, ...others]) await isRevoked(t, token);
    for (const { grant } of signedIn) await isRefused(t, grant, 'token_revoked');
    await stranger.works();
    await refreshed(t, stranger.grant);
}

/** In the same second, of which a token says no more: over and over. */
async function comesBackAtOnce(t, out) {
    const wallet = evmWallet();
    let peer = await arrive(t, wallet);
    for (let i = 0; i < 4; i++) {
        await granted(out(t, peer.grant, { all: true }));
        const back = await arrive(t, wallet);
        await isOver(t, peer);
        await back.works();
        await refreshed(t, back.grant);
        peer = back;
    }
}

async function endsWhatTheHostGave(t) {
    const account = anAddress();
    const sid = `host-${account.slice(2, 12)}`;
    const [one, other] = await Promise.all([sid, `${sid}-2`].map(async (name) => {
        const token = await t.issuers.token(account, { claims: { sid: name } });
        return joinSynced(t, account, { token });
    }));
    await granted(logout(t, {}, bearer(one.token)));
    await isEnded(one);
    await isRevoked(t, one.token);
    await isRevoked(t, await t.issuers.token(account, { claims: { sid } }));
    await other.works();
}

/** Hosts name their sessions as they like: two accounts may have one of the same name. */
async function endsNobodyElses(t) {
    const claims = { sid: `tab-${anAddress().slice(2, 8)}` };
    const [one, other] = await Promise.all([anAddress(), anAddress()].map(async (account) =>
        joinSynced(t, account, { token: await t.issuers.token(account, { claims }) })));
    await granted(logout(t, {}, bearer(one.token)));
    await isEnded(one);
    await isRevoked(t, one.token);
    await other.works();
    await (await join(t, other.address, { token: other.token })).works();
}

/** Whoever has found a token of a session that is over can end no other with it. */
async function endsNothingMore(t, out) {
    const wallet = evmWallet();
    const ended = [await signIn(t, wallet), await signIn(t, wallet)];
    await granted(out(t, ended[0]));
    await granted(out(t, ended[1], { all: true }));
    await isRevoked(t, ended[1].access_token);
    const peer = await arrive(t, wallet);
    for (const grant of ended) {
        await denied(out(t, grant, { all: true }), 'token_revoked');
        await granted(out(t, grant)); // which has ended
    }
    await peer.works();
    await refreshed(t, peer.grant);
    await (await join(t, wallet.account, { token: peer.token })).works();
}

async function refusesToLogOut(t) {
    const { access_token: token } = await signIn(t);
    const bad = (code, headers) => denied(logout(t, {}, headers), code);
    await bad('token_missing');
    await bad('token_missing', { Authorization: `Basic ${token}` });
    await bad('token_invalid', bearer('garbage'));
    await bad('token_invalid', bearer(`${token.slice(0, -4)}AAAA`));
    const expired = await t.issuers.token(anAddress(), { claims: { exp: unix() - 60 } });
    await bad('token_expired', bearer(expired));
    await (await join(t, undefined, { token })).works();
}

/** The hundred and first: the one that was refreshed longest ago is forgotten for it. */
async function endsTheOldestOfMany(t) {
    const wallet = evmWallet();
    const peer = await arrive(t, wallet);
    const kept = await signIn(t, wallet);
    const grant = await refreshed(t, peer.grant); // and now the other is the oldest
    for (let i = 0; i < 98; i += 14)
        await Promise.all(Array.from({ length: 14 }, () => signIn(t, wallet)));
    const other = await joinSynced(t, wallet.account, { token: kept.access_token });
    await signIn(t, wallet);
    await isEnded(other);
    await isRefused(t, kept, 'token_revoked');
    await isRevoked(t, kept.access_token);
    await peer.works();
    await refreshed(t, grant);
}

// Restarts.

const again = async (t, end) => {
    await end(t.server);
    await t.serveAgain({ options: SIGN_IN });
};
const ENDS = { 'a restart': (server) => server.stop(), 'a crash': (server) => server.kill() };
const afterEach = (table) => Object.entries(ENDS).flatMap(([what, end]) =>
    table.map(([name, run]) => [`${name} after ${what}`, async (t) => {
        await t.serve({ options: SIGN_IN });
        await run(t, end);
    }, { own: true, limit: 30000 }]));

async function knowsSessions(t, end) {
    const wallet = evmWallet();
    const told = await challenge(t);
    const used = await proof(t, wallet);
    const first = await granted(login(t, used));
    const second = await refreshed(t, first);
    await again(t, end);
    await denied(login(t, used), 'login_nonce');
    const message = wallet.write(wallet, told); // with a nonce from before
    await granted(login(t, { message, signature: await wallet.sign(message) }));
    await (await join(t, wallet.account, { token: second.access_token })).works();
    same((await refreshed(t, first)).refresh_token, second.refresh_token, 'a repeated refresh');
    const third = await refreshed(t, second);
    same(third.session, first.session, 'session');
    await isRefused(t, first, 'token_revoked');
    await again(t, end);
    await isRefused(t, third, 'token_revoked');
    await isRevoked(t, third.access_token);
}

async function knowsWhoHasLeft(t, end) {
    const [one, many] = [await signIn(t), evmWallet()];
    const all = [await signIn(t, many), await signIn(t, many)];
    const host = await t.issuers.token(many.account, { claims: { iat: unix() } });
    const stays = await signIn(t);
    await granted(logout(t, {}, bearer(one.access_token)));
    await granted(logout(t, { refresh_token: all[0].refresh_token, all: true }));
    await again(t, end);
    for (const grant of [one, ...all]) {
        await isRevoked(t, grant.access_token);
        await isRefused(t, grant, 'token_revoked');
    }
    await isRevoked(t, host);
    await (await join(t, undefined, { token: stays.access_token })).works();
    await refreshed(t, stays);
    const peer = await arrive(t, many);
    await peer.works();
}

// A socket and its token.

/** From token to token, each time it is told to: beyond the end of the first two. */
async function goesOnWithAnother(t) {
    const account = anAddress();
    const token = async (seconds) => {
        const exp = unix() + seconds;
        return [await t.issuers.token(account, { by: 'strict', claims: { exp } }), exp];
    };
    let [current, exp] = await token(7); // the machine may be busy
    const peer = await joinSynced(t, account, { token: current });
    const { id } = peer.socket;
    for (const seconds of [9, 13]) {
        const { expires_at: at } = await peer.take('auth.expiring', 10000);
        same(Date.parse(at), exp * 1000, 'expires_at');
        between(Date.now(), 0, exp * 1000, 'when it is told');
        [current, exp] = await token(seconds);
        const answer = await peer.ok('auth.refresh', { token: current });
        same(answer, { expires_at: new Date(exp * 1000).toISOString() }, 'answer');
    }
    await peer.take('auth.expiring', 10000);
    await peer.works();
    same([peer.socket.id, peer.isLive], [id, true], 'socket');
    same(peer.log.map(([event]) => event).filter((event) => event === 'error'), [], 'errors');
}

/** What was said by then is of the first session; what ends the socket from now on, of this. */
async function belongsToTheOther(t) {
    const wallet = evmWallet();
    const peer = await arrive(t, wallet);
    const other = await signIn(t, wallet);
    const { expires_at: at } = await peer.ok('auth.refresh', { token: other.access_token });
    same(at, other.expires_at, 'expires_at');
    await granted(logout(t, { refresh_token: peer.grant.refresh_token }));
    await isRevoked(t, peer.grant.access_token);
    await peer.works();
    await granted(logout(t, { refresh_token: other.refresh_token }));
    await isEnded(peer);
}

async function refusesToGoOn(t) {
    const peer = await arrive(t);
    const { account } = peer.wallet;
    const gone = await signIn(t, peer.wallet);
    await granted(logout(t, {}, bearer(gone.access_token)));
    await isRevoked(t, gone.access_token);
    const refuses = (payload, code) =>
        peer.refused('auth.refresh', payload, code, { field: 'token' });
    const token = (claims, how) => t.issuers.token(account, { claims, ...how });
    await refuses({ token: (await signIn(t)).access_token }, 'forbidden');
    await refuses({ token: await t.issuers.token(anAddress()) }, 'forbidden');
    await refuses({ token: 'garbage' }, 'token_invalid');
    await refuses({ token: await t.issuers.forged(account, 'hs') }, 'token_invalid');
    await refuses({ token: peer.grant.refresh_token }, 'token_invalid');
    await refuses({ token: await token({ exp: unix() - 60 }) }, 'token_expired');
    await refuses({ token: gone.access_token }, 'token_revoked');
    await refuses({}, 'token_missing');
    await refuses({ token: '' }, 'token_missing');
    await refuses({ token: 7 }, 'bad_request');
    await peer.works();
    await peer.ok('auth.refresh', { token: await token({ exp: unix() + HOUR }) });
}

/** Also of who asks for no answer. */
async function saysSoWithoutACallback(t) {
    const peer = await arrive(t);
    peer.socket.emit('auth.refresh', { token: 'garbage' });
    const { error, event } = await peer.take('error');
    same([error.code, error.field, event], ['token_invalid', 'token', 'auth.refresh'], 'error');
    await peer.works();
}

/** Told before; let go of only when the clocks can't be meant. One refreshes, and stays. */
async function endsWhenItsTokenDoes(t) {
    await t.serve({ options: [...SIGN_IN, '--access-ttl=2s'] });
    const [peer, stays] = [await arrive(t), await arrive(t, solanaWallet())];
    const { id } = stays.socket;
    const stay = async () => {
        for (let { grant } = stays; peer.isLive;) {
            const { expires_at: at } = await stays.take('auth.expiring');
            same(at, grant.expires_at, 'expires_at');
            grant = await refreshed(t, grant);
            const answer = await stays.ok('auth.refresh', { token: grant.access_token });
            same(answer.expires_at, grant.expires_at, 'expires_at');
        }
    };
    const staying = spare(stay());
    same(await peer.take('auth.expiring'), { expires_at: peer.grant.expires_at }, 'auth.expiring');
    const { error } = await peer.take('error', 40000);
    same(error.code, 'token_expired', 'code');
    oneOf(await peer.take('disconnect'), ['transport close', 'transport error'], 'reason');
    const late = Date.now() - Date.parse(peer.grant.expires_at);
    between(late, 30000 - 200, 35000, 'milliseconds after exp'); // timers may be early
    const told = peer.log.filter(([event]) => event === 'auth.expiring');
    same(told.length, 1, 'how often it was told');
    await staying;
    await stays.works();
    same(stays.socket.id, id, 'socket');

    const { access_token: token } = peer.grant;
    same((await refusal(t, undefined, { token })).data, { code: 'token_expired' }, 'data');
    await denied(logout(t, {}, bearer(token)), 'token_expired');
    const next = await refreshed(t, peer.grant); // the session goes on
    peer.socket.auth = { token: next.access_token };
    peer.socket.connect();
    same((await peer.take('ready')).account, peer.wallet.account, 'account');
}

const ofMakes = (run) => (t) => Promise.all([evmWallet, solanaWallet].map((make) => run(t, make)));
const signedIn = { server: 'sign in' };

export const rows = [
    ...overHttp('sessions', [
        ['answers a refresh that comes twice at once', ofMakes(answersTwoAtOnce)],
        ['answers a refresh again whose answer was lost', answersAgain],
        ['refuses forged refresh tokens, and the session goes on', refusesForgedOnes],
        ['refuses members that are no texts', refusesBadMembers],
        ['ends by itself', endsByItself, { own: true, idle: true }],
    ]),
    ...overTransports('sessions', [
        ['goes on with each refresh', goesOn, signedIn],
        ['ends what was stolen', endsWhatWasStolen, signedIn],
        // "single": a second of which several nodes each know a part (docs/scaling.md).
        ...byEach([
            ['ends one session', endsOneSession, signedIn],
            ['ends a session that was refreshed', endsByAnOlderToken, signedIn],
            ['ends all sessions of a wallet', endsAll, signedIn],
            ['comes back in the second in which all was ended', comesBackAtOnce,
                { ...signedIn, single: true }],
            ['ends no other session once it has ended', endsNothingMore, signedIn],
        ]),
        ['ends a session that the host application began', endsWhatTheHostGave, signedIn],
        ['ends no session of the same name of another account', endsNobodyElses, signedIn],
        ['refuses to log out without a token', refusesToLogOut,
            { ...signedIn, over: ['websocket'] }],
        ['ends the oldest session of more than a hundred', endsTheOldestOfMany,
            { ...signedIn, over: ['websocket'], limit: 40000 }],
        ...afterEach([
            ['knows its sessions', knowsSessions],
            ['knows who has left', knowsWhoHasLeft],
        ]).map(([name, run, more]) => [name, run, { ...more, over: ['websocket'] }]),
        ['goes on with another token', goesOnWithAnother, { idle: true, limit: 40000 }],
        ['belongs to the session of its token', belongsToTheOther, signedIn],
        ['refuses to go on with a token that is no good', refusesToGoOn, signedIn],
        ['says so to who asks for no answer', saysSoWithoutACallback, signedIn],
        ['ends a socket whose access token expires', endsWhenItsTokenDoes,
            { own: true, idle: true, limit: 60000, over: ['websocket'] }],
    ]),
];
