/** What a page asks over HTTP to sign a wallet in, and what it is told. */
import { soon, urlsOf } from './cluster.mjs';
import { Failure, match, same } from '../lib.mjs';
import { ask } from '../wire.mjs';
import { joinSynced, refusal, saw } from './peer.mjs';
import { evmWallet } from './signer.mjs';

/**
 * @param body  a text as it is, anything else as JSON
 * @param ms    for the answer to come
 */
export async function call(t, method, path, { body, headers, ms } = {}) {
    const isJson = body !== undefined;
    const response = await ask(t, t.url, method, path, {
        headers: {
            Connection: 'close', ...(isJson && { 'Content-Type': 'application/json' }), ...headers,
        },
        body: isJson && typeof body !== 'string' ? JSON.stringify(body) : body,
        ms,
    });
    const answer = response.body ? JSON.parse(response.body) : undefined;
    if (answer?.error) saw(answer.error.code);
    return { ...response, answer };
}

const post = (path) => (t, body, headers, ms) => call(t, 'POST', path, { body, headers, ms });

/** Each gives the response as it is. */
export const login = post('/v1/auth/login');
export const refresh = post('/v1/auth/refresh');
export const logout = post('/v1/auth/logout');

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/** What it says beside its status, which must be ok. */
export async function granted(calling) {
    const { status, headers, answer } = await calling;
    const { status: said, ...rest } = answer ?? {};
    if (status !== 200 || said !== 'ok')
        throw new Failure(`status ${status} ${JSON.stringify(answer)}, want ok`);
    match(headers['content-type'], /^application\/json/, 'Content-Type');
    same(headers['cache-control'], 'no-store', 'Cache-Control');
    return rest;
}

/** By code, where it is not 401. */
const STATUSES = {
    bad_request: 400, login_malformed: 400, login_address: 400, origin_denied: 403,
    recipient_invalid: 400, unsupported_type: 400, forbidden: 403, conflict: 409,
    mailbox_full: 409, not_found: 404, too_large: 413, rate_limited: 429, storage_unavailable: 503,
    login_unavailable: 503, busy: 503, upload_missing: 404, upload_mismatch: 409,
    upload_rejected: 403, quota_exceeded: 403,
};

/** @param more  what the error says beside code and message */
export async function denied(calling, code, more = {}) {
    const { status, headers, answer } = await calling;
    const sentence = answer?.error?.message;
    same(answer, { status: 'error', error: { code, message: sentence, ...more } }, 'answer');
    match(sentence, /^\w.* .*\.\)?$/, `message of ${code}`);
    same(status, STATUSES[code] ?? 401, 'status');
    match(headers['content-type'], /^application\/json/, 'Content-Type');
    same(headers['cache-control'], 'no-store', 'Cache-Control');
    same(headers['www-authenticate'], status === 401 ? 'Bearer' : undefined, 'WWW-Authenticate');
    if (status === 429 || status === 503)
        match(headers['retry-after'], /^[1-9]\d*$/, 'Retry-After');
    return sentence;
}

/** @param origin  of the page; undefined for one of the server's own, at this host, or for none */
export async function challenge(t, { origin, host, query = '' } = {}) {
    const headers = { ...(origin && { Origin: origin }), ...(host && { Host: host }) };
    return granted(call(t, 'GET', `/v1/auth/nonce${query}`, { headers }));
}

/** A message with a nonce of the server's, signed. @param fields  as of siwe() */
export async function proof(t, wallet, { fields, ...how } = {}) {
    const told = await challenge(t, { query: wallet.query, ...how });
    const message = wallet.write(wallet, told, fields);
    return { message, signature: await wallet.sign(message) };
}

/** @return what the sign-in has given, which is nothing but what belongs there */
export async function signIn(t, wallet = evmWallet(), how) {
    const grant = await granted(login(t, await proof(t, wallet, how)));
    isGrant(grant, wallet.account);
    return grant;
}

export function isGrant({ access_token: access, refresh_token: token, ...rest }, account) {
    const { expires_at: at, session } = rest;
    match(access, /^[\w-]+\.[\w-]+\.[\w-]+$/, 'access_token');
    match(token, /^[\w-]{64,}$/, 'refresh_token');
    match(session, /^[\x21-\x7e]{1,64}$/, 'session');
    match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/, 'expires_at');
    same(rest, { account, expires_at: at, session }, 'grant');
}

/** Signed in, and there: a peer that knows its wallet and its grant. */
export async function arrive(t, wallet = evmWallet(), options) {
    const grant = await signIn(t, wallet);
    const peer = await joinSynced(t, wallet.account, { token: grant.access_token, ...options });
    same([peer.ready.account, peer.ready.session], [wallet.account, grant.session], 'who is here');
    return Object.assign(peer, { wallet, grant });
}

/** By all nodes, where there are several. */
export async function isRevoked(t, token) {
    for (const url of urlsOf(t))
        await soon(async () => same((await refusal(t, undefined, { token, url })).data,
            { code: 'token_revoked' }, 'data'));
}

/** Rows of a table that are about HTTP; the transport is for who looks whether a token is good. */
export const overHttp = (what, table) => table.map(([name, run, more = {}]) =>
    ({ name: `${what}: ${name}`, run, transport: 'websocket', server: 'sign in', ...more }));
