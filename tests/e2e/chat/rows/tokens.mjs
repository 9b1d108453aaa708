/** Who comes in, and who does not. */
import { match, oneOf, same } from '../../lib.mjs';
import { UPGRADE, Wire } from '../../wire.mjs';
import { Peer, join, joinSynced, overTransports, refusal } from '../peer.mjs';
import { AUDIENCE, HOUR, unix } from '../issuers.mjs';
import { ZERO, badChecksum, wallet } from '../wallet.mjs';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const EVERY = [
    'hs', 'rs256', 'ps256', 'es256', 'eddsa',
    'jwks-rs256', 'jwks-ps256', 'jwks-es256', 'jwks-eddsa',
];
const PUBLIC = EVERY.filter((by) => by !== 'hs');

const INVALID = 'token_invalid';
const EXPIRED = 'token_expired';

/** One character of the last part is another one; not the last one, some bits of which pad. */
function altered(token) {
    const at = token.length - 4;
    return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

/** The claims of one token under the signature of another. */
async function spliced(t, address, by) {
    const [mine, theirs] = await Promise.all([address, wallet()].map((one) =>
        t.issuers.token(one, { by })));
    return [mine.split('.')[0], mine.split('.')[1], theirs.split('.')[2]].join('.');
}

/** What makes a token wrong: a name, (trial, address, issuer) => token, the code. */
const WRONG = [
    ['a signature of another key', (t, a, by) => t.issuers.forged(a, by), INVALID],
    ['a signature with a flipped bit', async (t, a, by) =>
        altered(await t.issuers.token(a, { by })), INVALID],
    ['the signature of another token', spliced, INVALID],
    ['no signature', async (t, a, by) =>
        (await t.issuers.token(a, { by })).replace(/[^.]*$/, ''), INVALID],
    ['alg none', (t, a, by) => t.issuers.unsigned(a, by), INVALID],
    ['a past exp', (t, a, by) =>
        t.issuers.token(a, { by, claims: { exp: unix() - 31 } }), EXPIRED],
    ['no exp', (t, a, by) => t.issuers.token(a, { by, claims: { exp: undefined } }), INVALID],
    ['a text for exp', (t, a, by) =>
        t.issuers.token(a, { by, claims: { exp: `${unix() + HOUR}` } }), INVALID],
    ['a future nbf', (t, a, by) =>
        t.issuers.token(a, { by, claims: { nbf: unix() + 60 } }), INVALID],
    ['another iss', (t, a, by) =>
        t.issuers.token(a, { by, claims: { iss: 'https://other.test' } }), INVALID],
    ['the iss of another issuer', (t, a, by) => t.issuers.token(a, {
        by, claims: { iss: by === 'hs' ? 'https://strict.test' : 'https://hs.test' },
    }), INVALID],
    ['no iss', (t, a, by) => t.issuers.token(a, { by, claims: { iss: undefined } }), INVALID],
    ['another aud', (t, a, by) =>
        t.issuers.token(a, { by, claims: { aud: 'shop.test' } }), INVALID],
    ['no aud', (t, a, by) => t.issuers.token(a, { by, claims: { aud: undefined } }), INVALID],
    ['no address', (t, a, by) => t.issuers.token(undefined, { by }), INVALID],
    ['a number for the address', (t, a, by) => t.issuers.token(42, { by }), INVALID],
    ['a name for the address', (t, a, by) => t.issuers.token('alice', { by }), INVALID],
    ['an address with a wrong checksum', (t, a, by) =>
        t.issuers.token(badChecksum(a), { by }), INVALID],
    ['an address that is too short', (t, a, by) => t.issuers.token(a.slice(0, -1), { by }),
        INVALID],
    ['the zero address', (t, a, by) => t.issuers.token(ZERO, { by }), INVALID],
    ['a crit that we do not know', (t, a, by) =>
        t.issuers.token(a, { by, header: { crit: ['b64'], b64: true } }), INVALID],
];

const CONFUSED = ['the public key as an HS256 secret',
    (t, a, by) => t.issuers.confused(a, by), INVALID];

const JWKS = [
    ['an unknown kid', (t, a, by) => t.issuers.token(a, { by, header: { kid: 'other' } }),
        INVALID],
    ['the kid of a key for another alg', (t, a, by) => t.issuers.token(a, {
        by, header: { kid: by === 'jwks-es256' ? 'key-EdDSA' : 'key-ES256' },
    }), INVALID],
];

const refuses = (make, by, code) => async (t) => {
    const address = wallet();
    const error = await refusal(t, address, { token: await make(t, address, by) });
    same(error.data, { code }, 'data');
    match(error.message, /\w/, 'message');
};

const wrongFor = (by) => [
    ...WRONG,
    ...(by === 'hs' ? [] : [CONFUSED]),
    ...(by.startsWith('jwks') ? JWKS : []),
];

/** Of one issuer of each kind over each transport; of the others over one. */
const refusals = EVERY.flatMap((by) => wrongFor(by).map(([what, make, code]) => [
    `refuses ${what} (${by})`, refuses(make, by, code),
    ['hs', 'rs256', 'jwks-es256'].includes(by) ? {} : { over: ['websocket'] },
]));

/** What is no token at all. */
const NONE = [
    ['no token', null, 'token_missing'],
    ['an empty token', '', 'token_missing'],
    ['garbage', 'garbage', INVALID],
    ['three dots', '...', INVALID],
    ['a token in quotes', '"e30.e30.e30"', INVALID],
    ['a token of 8193 bytes', 'x'.repeat(8193), INVALID],
    ['an address for a token', `0x${'1'.repeat(40)}`, INVALID],
    ['a number for a token', 42, INVALID],
    ['an object for a token', { token: 'x' }, INVALID],
];

async function accepts(t, by) {
    const address = wallet();
    const token = await t.issuers.token(address, { by });
    const peer = await joinSynced(t, address, { token });
    same(peer.ready.account, address, 'account');
    await peer.works();
}

/** What a client is told first, field by field. */
async function saysReady(t) {
    const address = wallet();
    const sid = `session-${address.slice(2, 12)}`;
    const token = await t.issuers.token(address, { claims: { sid } });
    const { ready, log } = await joinSynced(t, address, { token });
    const { server_time: time, limits, ...rest } = ready;
    same(rest, { account: address, session: sid, recovered: false, unread: 0 }, 'ready');
    match(time, TIME, 'server_time');
    same(Math.abs(Date.parse(time) - Date.now()) < 60000, true, 'server_time is now');
    same(limits.content_bytes, 65536, 'limits.content_bytes');
    same(Object.values(limits).every(Number.isSafeInteger), true, 'limits are numbers');
    same(log.map(([event]) => event), ['ready', 'synced'], 'events');
}

async function takesItFromTheHeader(t) {
    const address = wallet();
    const extraHeaders = { Authorization: `Bearer ${await t.issuers.token(address)}` };
    const peer = await joinSynced(t, address, { token: null, extraHeaders });
    same(peer.ready.account, address, 'account');
}

async function refusesAHeader(t) {
    const extraHeaders = { Authorization: `Bearer ${await t.issuers.forged(wallet(), 'hs')}` };
    const error = await refusal(t, wallet(), { token: null, extraHeaders });
    same(error.data, { code: INVALID }, 'data');
}

/** A URL is in the log of each proxy. */
async function doesNotTakeItFromTheUrl(t) {
    const query = { token: await t.issuers.token(wallet()) };
    const error = await refusal(t, wallet(), { token: null, query });
    same(error.data, { code: 'token_missing' }, 'data');
}

async function comesBackWithAnother(t) {
    const address = wallet();
    const token = await t.issuers.token(address, { claims: { exp: unix() - 100 } });
    const peer = await Peer.dial(t, address, { token });
    same((await peer.take('connect_error')).data, { code: EXPIRED }, 'data');
    peer.socket.auth = { token: await t.issuers.token(address) };
    peer.socket.connect();
    same((await peer.take('ready')).account, address, 'account');
}

const IN = {
    'small letters': (a) => a.toLowerCase(),
    'capital letters': (a) => `0x${a.slice(2).toUpperCase()}`,
    'EIP-55': (a) => a,
    'CAIP-10 of no chain': (a) => `eip155:0:${a}`,
    'CAIP-10 of the home chain': (a) => `eip155:1:${a}`,
};

/** It goes on for exp and the skew; what was sent to it by then stays. */
async function endsWhenItExpires(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    const claims = { exp: unix() + 5 }; // the machine may be busy
    const b = await joinSynced(t, address, {
        token: await t.issuers.token(address, { by: 'strict', claims }),
    });
    await a.send(address, 'in time');
    same((await b.take('message.new')).content, 'in time', 'message');
    const { error } = await b.take('error', 12000);
    same(error.code, EXPIRED, 'code');
    oneOf(await b.take('disconnect'), ['transport close', 'transport error'], 'reason');
    same(Date.now() > claims.exp * 1000 - 200, true, 'not before exp, but for its timers');
    await a.send(address, 'too late');
    const again = await joinSynced(t, address);
    same((await again.take('message.new')).content, 'too late', 'message');
}

/** Where the skew is 30 s, a second after exp is in time. */
async function hasASkew(t) {
    const claims = { exp: unix() - 5 };
    const token = await t.issuers.token(wallet(), { claims });
    await (await join(t, undefined, { token })).works();
}

async function ownToken(t) {
    const { data } = await t.serve({ options: ['--rate-limits=off'] });
    const address = wallet();
    const token = t.servers.command('token', address, '--ttl=1h', `--data=${data}`).trim();
    same((await joinSynced(t, address, { token })).ready.account, address, 'account');
    const other = wallet();
    const brief = t.servers.command('token', other, '--ttl', '1s', '--data', data).trim();
    same((await joinSynced(t, other, { token: brief })).ready.account, other, 'account');
    same((await refusal(t, address, { token: altered(token) })).data, { code: INVALID }, 'data');
}

/** On plain HTTP nothing that needs a token is there, and no token is asked for. */
async function badUpgrade(t) {
    const wire = await Wire.open(t, t.url);
    const { status } = await wire.ask('GET', '/nothing-here', { headers: UPGRADE });
    same(status, 404, 'status');
}

export const rows = overTransports('tokens', [
    ...NONE.map(([what, token, code]) => [`refuses ${what}`, refuses(() => token, 'hs', code)]),
    ...refusals,
    ...[...EVERY, 'claim'].map((by) => [`accepts ${by}`, (t) => accepts(t, by)]),
    ...Object.entries(IN).map(([form, make]) => [`takes an address in ${form}`, async (t) => {
        const address = wallet();
        const token = await t.issuers.token(make(address));
        same((await join(t, address, { token })).ready.account, address, 'account');
    }]),
    ['accepts one of several aud', async (t) => {
        const claims = { aud: ['shop.test', AUDIENCE] };
        const token = await t.issuers.token(wallet(), { claims });
        await (await join(t, undefined, { token })).works();
    }],
    ['accepts an exp within the skew', hasASkew],
    ['accepts what `parley token` makes', ownToken, { own: true }],
    ['says ready, field by field', saysReady],
    ['takes a token from the Authorization header', takesItFromTheHeader],
    ['refuses a forged token in the Authorization header', refusesAHeader],
    ['takes no token from the URL', doesNotTakeItFromTheUrl],
    ['comes back with another token', comesBackWithAnother],
    ['ends a socket whose token expires', endsWhenItExpires, { idle: true, limit: 30000 }],
    ['has nothing behind other paths', badUpgrade, { over: ['websocket'] }],
]);

