/** A wallet signs, and is in; and what is not taken for that. */
import { calculateJwkThumbprint, createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { between, match, same, sleep } from '../../lib.mjs';
import { ask } from '../../wire.mjs';
import { isTime } from '../expect.mjs';
import { joinSynced, overTransports } from '../peer.mjs';
import { base58, evmWallet, solanaWallet } from '../signer.mjs';
import {
    arrive, bearer, call, challenge, denied, granted, login, overHttp, proof, refresh, signIn,
} from '../site.mjs';
import { ZERO, badChecksum } from '../wallet.mjs';

const MINUTE = 60000;
const later = (ms) => new Date(Date.now() + ms);
const ago = (ms) => later(-ms);

// What is asked for first.

const SITES = {
    'no page': [undefined, 'app.test'],
    'a page of the first site': ['https://app.test', 'app.test'],
    'a page of another site': ['https://shop.test:8443', 'shop.test:8443'],
    'a page by http': ['http://plain.test', 'plain.test'],
    'a page of no site': ['https://page.test', 'app.test'],
};

async function givesANonce(t) {
    const { nonce, issued_at: from, expires_at: until, ...rest } = await challenge(t);
    match(nonce, /^[A-Za-z0-9]{16,64}$/, 'nonce');
    isTime(from, 'issued_at');
    between(Date.parse(until) - Date.parse(from), 5 * MINUTE - 1000, 5 * MINUTE, 'life');
    same(rest, { domain: 'app.test', chain_ids: [1, 8453] }, 'the rest');
    same((await challenge(t)).nonce === nonce, false, 'the same nonce again');
}

async function givesANonceForLonger(t) {
    for (const [query, minutes] of [['?contract=1', 15], ['?contract=0', 5], ['?contract', 5]]) {
        const { issued_at: from, expires_at: until } = await challenge(t, { query });
        const life = Date.parse(until) - Date.parse(from);
        between(life, minutes * MINUTE - 1000, minutes * MINUTE, `life with ${query}`);
    }
}

async function namesTheSite(t) {
    for (const [what, [origin, domain]] of Object.entries(SITES))
        same((await challenge(t, { origin })).domain, domain, what);
}

/** Browsers send no Origin with a GET to the page's own server. */
async function namesItsOwnSite(t) {
    const hosts = [['shop.test:8443', 'shop.test:8443'], ['SHOP.test:8443', 'shop.test:8443'],
        ['shop.test', 'app.test'], ['evil.test', 'app.test']];
    for (const [host, domain] of hosts)
        same((await challenge(t, { host })).domain, domain, host);
    const other = await challenge(t, { host: 'shop.test:8443', origin: 'http://plain.test' });
    same(other.domain, 'plain.test', 'with an origin');
}

async function hasNoSite(t) {
    const sentence = await denied(call(t, 'GET', '/v1/auth/nonce'), 'login_domain');
    match(sentence, /--domains/, 'message');
    const wallet = evmWallet();
    const message = wallet.write(wallet, { nonce: 'abcdefgh', domain: 'app.test', chain_ids: [1] });
    const signature = await wallet.sign(message);
    await denied(login(t, { message, signature }), 'login_domain');
}

/** Where wallets of Solana do not sign in, and the home chain is the only one. */
async function hasOneChain(t) {
    await t.serve({ options: ['--domains=app.test', '--chains=137'] });
    const { chain_ids: chains, domain } = await challenge(t);
    same([chains, domain], [[137], 'app.test'], 'challenge');
    await signIn(t);
    await denied(login(t, await proof(t, solanaWallet())), 'login_chain');
    const fields = { chainId: 1 };
    await denied(login(t, await proof(t, evmWallet(), { fields })), 'login_chain');
}

// What is taken.

/** Who signs is who is there, whatever chain its wallet is on. */
async function isThatWallet(t, make, options) {
    const wallet = make();
    const peer = await arrive(t, wallet, options);
    const other = await joinSynced(t);
    await other.send(wallet.account, 'hello');
    const { from, to, content } = await peer.take('message.new');
    same([from, to, content], [other.address, wallet.account, 'hello'], 'message');
    await peer.send(other.address, 'hello to you');
    same((await other.take('message.new')).from, wallet.account, 'from');
}

async function writesAcross(t) {
    const [a, b] = [await arrive(t, evmWallet()), await arrive(t, solanaWallet())];
    for (const [one, two] of [[a, b], [b, a]]) {
        const { id } = await one.send(two.address, `from ${one.address}`);
        const got = await two.take('message.new');
        same([got.id, got.from, got.to], [id, one.address, two.address], 'message');
    }
    await b.ok('message.read', { peer: a.address, seq: 1 });
    same((await a.take('message.read')).by, b.address, 'by');
}

async function wasAMailbox(t, make) {
    const wallet = make();
    const sender = await joinSynced(t);
    const { id } = await sender.send(wallet.account, 'you do not know me');
    const peer = await arrive(t, wallet);
    same((await peer.take('message.new')).id, id, 'message');
    same(peer.ready.unread, 1, 'unread');
}

async function comesByHeader(t) {
    const wallet = evmWallet();
    const { access_token: token } = await signIn(t, wallet);
    const extraHeaders = bearer(token);
    const peer = await joinSynced(t, wallet.account, { token: null, extraHeaders });
    same(peer.ready.account, wallet.account, 'account');
}

async function isOneAccountOnAllChains(t) {
    const wallets = [[evmWallet(), [1, 8453]], [solanaWallet(), ['mainnet', 'devnet', undefined]]];
    for (const [wallet, chains] of wallets)
        for (const chainId of chains)
            same((await signIn(t, wallet, { fields: { chainId } })).account, wallet.account,
                `account on ${chainId}`);
}

const SIGNED_V = /(1b|1c)$/;
const withV = (change) => (signature) => signature.slice(0, -2) + change(signature.slice(-2));

/** Hardware wallets say 0 and 1. Both come, as a key signs now with the one, now with the other. */
async function takesEachV(t) {
    const seen = new Set();
    while (seen.size < 2) {
        const { message, signature } = await proof(t, evmWallet());
        match(signature, SIGNED_V, 'signature');
        await granted(login(t, { message, signature }));
        seen.add(signature.slice(-2));
    }
    seen.clear();
    while (seen.size < 2) {
        const { message, signature } = await proof(t, evmWallet());
        const other = withV((v) => (v === '1b' ? '00' : '01'))(signature);
        await granted(login(t, { message, signature: other }));
        seen.add(other.slice(-2));
    }
}

/** A message as long as it may be: what is missing is in the last resource but one. */
function paddedTo(length, wallet, told) {
    const resources = Array.from({ length: 15 }, () => `https://app.test/${'r'.repeat(200)}`);
    const missing = length - wallet.write(wallet, told, { resources }).length;
    const more = Math.ceil(missing / 15);
    const padded = resources.map((uri, i) =>
        uri + 'x'.repeat(Math.min(more, Math.max(0, missing - i * more))));
    const message = wallet.write(wallet, told, { resources: padded });
    same(message.length, length, 'length');
    return message;
}

const isOfLength = (length) => (_, wallet, told) => paddedTo(length, wallet, told);

/**
 * A sign-in in which something is as it may also be, or as it may not.
 *
 * - fields, or () => fields: of the message, as siwe() takes them
 * - write(text, wallet, challenge): another text, which then is signed
 * - signer(wallet): who signs it
 * - tamper(text): what is sent, where that is not what was signed
 * - signature(hex): what is sent
 * - origin, query: what the nonce is for; nonce: instead of it
 */
async function tryWith(t, change, make) {
    const {
        fields, write = (text) => text, signer = (wallet) => wallet, tamper = (text) => text,
        signature = (text) => text, nonce = (text) => text, ...how
    } = change;
    const wallet = make();
    const told = await challenge(t, how);
    told.nonce = nonce(told.nonce);
    told.domain = 'app.test';
    const plain = wallet.write(wallet, told, typeof fields === 'function' ? fields() : fields);
    const message = write(plain, wallet, told);
    const signed = await signer(wallet).sign(message);
    return [wallet, login(t, { message: tamper(message), signature: signature(signed) })];
}

const replaced = (from, to) => (text) => {
    const changed = text.replace(from, to);
    same(changed === text, false, `${from} was not there: is unchanged`);
    return changed;
};
const withLine = (name, value) => replaced(new RegExp(`^${name}: .*$`, 'm'), `${name}: ${value}`);
const issuedAt = (change) => ({ write: (text) => withLine('Issued At', change(new Date()))(text) });

/** As RFC 3339 has it in the time zone of India. */
const inIndia = (date) => new Date(date.getTime() + 330 * MINUTE).toISOString()
    .replace('Z', '+05:30');

const PLAIN = 'http://plain.test';

/** What is right, though not usual; of both kinds of wallets. */
const FINE = [
    ['without a statement', { fields: { statement: undefined } }],
    ['with a statement of all that it may have', { fields: {
        statement: `a-z A-Z 0-9 -._~:/?#[]@!$&'()*+,;=`,
    } }],
    ['with all fields', { fields: () => ({
        expirationTime: later(MINUTE), notBefore: ago(MINUTE), requestId: 'one.2:3@4',
        resources: ['https://app.test/terms', 'ipfs://bafybeiemxf5', 'urn:uuid:1'],
    }) }],
    ['with no resource in its list', { fields: { resources: [] } }],
    ['with another path, query and port in URI',
        { fields: { uri: 'https://app.test:9000/a/b?c=d#e' } }],
    ['with the host of URI in capitals', { fields: { uri: 'https://APP.test' } }],
    ['with its domain in capitals', { fields: { domain: 'APP.Test' } }],
    ['for another site', {
        fields: { domain: 'shop.test:8443', uri: 'https://shop.test:8443' },
        origin: 'https://shop.test:8443',
    }],
    ['for a site by http, without a scheme',
        { fields: { domain: 'plain.test', uri: 'http://plain.test' }, origin: PLAIN }],
    ['issued 9 minutes ago', { fields: () => ({ issuedAt: ago(9 * MINUTE) }) }],
    ['issued in half a minute', { fields: () => ({ issuedAt: later(MINUTE / 2) }) }],
    ['issued 14 minutes ago, with a nonce for a contract',
        { fields: () => ({ issuedAt: ago(14 * MINUTE) }), query: '?contract=1' }],
    ['good from half a minute on', { fields: () => ({ notBefore: later(MINUTE / 2) }) }],
    ['issued at a time without a fraction',
        issuedAt((date) => date.toISOString().replace(/\.\d+/, ''))],
    ['issued in another time zone', issuedAt(inIndia)],
];

const FINE_OF_EVM = [
    ['with a scheme', { fields: { scheme: 'https' } }],
    ['for a site by http, with its scheme', {
        fields: { scheme: 'http', domain: 'plain.test', uri: 'http://plain.test' },
        origin: PLAIN,
    }],
    ['of 4096 bytes', { write: isOfLength(4096) }],
    ['with a signature in capitals',
        { signature: (text) => `0x${text.slice(2).toUpperCase()}` }],
];

const takes = (change, make) => async (t) => {
    const [wallet, calling] = await tryWith(t, change, make);
    same((await granted(calling)).account, wallet.account, 'account');
};

const KINDS = { Ethereum: evmWallet, Solana: solanaWallet };
const ofEach = (table, row) => Object.entries(KINDS).flatMap(([kind, make]) =>
    table.map(([what, ...more]) => row(`${what} (${kind})`, make, ...more)));

const fine = [
    ...ofEach(FINE, (what, make, change) => [`takes a message ${what}`, takes(change, make)]),
    ...FINE_OF_EVM.map(([what, change]) =>
        [`takes a message ${what}`, takes(change, evmWallet)]),
];

// What is not taken.

const N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141n; // of secp256k1
const hex64 = (n) => n.toString(16).padStart(64, '0');
const partsOf = (signature) =>
    [signature.slice(2, 66), signature.slice(66, 130), signature.slice(130)];

/** Another signature of the same key for the same message, which anybody can make. */
export function highS(signature) {
    const [r, s, v] = partsOf(signature);
    return `0x${r}${hex64(N - BigInt(`0x${s}`))}${v === '1b' ? '1c' : '1b'}`;
}

/** EIP-2098 */
function compact(signature) {
    const [r, s, v] = partsOf(signature);
    return `0x${r}${hex64(BigInt(`0x${s}`) | (v === '1c' ? 1n << 255n : 0n))}`;
}

/** Another character of base58, in the middle. */
function altered(text) {
    const at = text.length >> 1;
    return text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
}

const url = 'https://app.test/';
const swapped = (a, b) => replaced(new RegExp(`(${a}: .*)\n(${b}: .*)`), '$2\n$1');

/** What makes a sign-in wrong, of both kinds of wallets: a name, the change, the code. */
const WRONG = [
    ['for another site', { fields: { domain: 'evil.test', uri: 'https://evil.test' } },
        'login_domain'],
    ['for a site below ours', { fields: { domain: 'x.app.test', uri: 'https://x.app.test' } },
        'login_domain'],
    ['for a site above which ours would be',
        { fields: { domain: 'app.test.evil.test', uri: url } }, 'login_domain'],
    ['for another port', { fields: { domain: 'app.test:8443', uri: url } }, 'login_domain'],
    ['for no port where there is one',
        { fields: { domain: 'shop.test', uri: 'https://shop.test' } }, 'login_domain'],
    ['for a user of the site', { write: replaced('app.test wants', 'me@app.test wants') },
        'login_domain'],
    ['with a URI of another site', { fields: { uri: 'https://evil.test/sign-in' } }, 'login_uri'],
    ['with a URI whose user is our site', { fields: { uri: 'https://app.test@evil.test' } },
        'login_uri'],
    ['with a URI below our site', { fields: { uri: 'https://x.app.test' } }, 'login_uri'],
    ['with a URI of no host', { fields: { uri: 'urn:app.test' } }, 'login_uri'],
    ['with a nonce of its own', { nonce: () => '12345678abcdefgh' }, 'login_nonce'],
    ['with a nonce of one character changed', { nonce: altered }, 'login_nonce'],
    ['with a nonce cut short', { nonce: (text) => text.slice(0, -1) }, 'login_nonce'],
    ['with the nonce of another site', { origin: 'https://shop.test:8443' }, 'login_nonce'],
    ['issued 11 minutes ago', { fields: () => ({ issuedAt: ago(11 * MINUTE) }) },
        'login_expired'],
    ['issued 16 minutes ago, with a nonce for a contract',
        { fields: () => ({ issuedAt: ago(16 * MINUTE) }), query: '?contract=1' },
        'login_expired'],
    ['that has expired', { fields: () => ({ expirationTime: ago(1000) }) }, 'login_expired'],
    ['issued in two minutes', { fields: () => ({ issuedAt: later(2 * MINUTE) }) },
        'login_not_yet'],
    ['good from two minutes on', { fields: () => ({ notBefore: later(2 * MINUTE) }) },
        'login_not_yet'],
    ['that was changed after it was signed',
        { tamper: replaced('costs nothing', 'costs nothimg') }, 'login_signature'],
];

const WRONG_OF_EVM = [
    ['by http where https is', { fields: { scheme: 'http' } }, 'login_domain'],
    ['by https where http is', {
        fields: { scheme: 'https', domain: 'plain.test', uri: 'http://plain.test' },
        origin: PLAIN,
    }, 'login_domain'],
    ['by what is neither', { fields: { scheme: 'ftp' } }, 'login_domain'],
    ['of a chain that is not taken', { fields: { chainId: 5 } }, 'login_chain'],
    ['of chain 0', { write: withLine('Chain ID', '0') }, 'login_chain'],
    ['of a chain with a leading zero', { write: withLine('Chain ID', '01') }, 'login_chain'],
    ['of a chain beyond 2^53', { write: withLine('Chain ID', '18446744073709551617') },
        'login_chain'],
    ['of an address in small letters',
        { write: (text, { address }) => replaced(address, address.toLowerCase())(text) },
        'login_address'],
    ['of an address in capitals', { write: (text, { address }) =>
        replaced(address, `0x${address.slice(2).toUpperCase()}`)(text) }, 'login_address'],
    ['of an address with a wrong checksum',
        { write: (text, { address }) => replaced(address, badChecksum(address))(text) },
        'login_address'],
    ['of an address that is too short',
        { write: (text, { address }) => replaced(address, address.slice(0, -1))(text) },
        'login_address'],
    ['of an account in CAIP-10',
        { write: (text, { address }) => replaced(address, `eip155:1:${address}`)(text) },
        'login_address'],
    ['of the zero address',
        { write: (text, { address }) => replaced(address, ZERO)(text) }, 'login_address'],
    ['that another wallet has signed', { signer: evmWallet }, 'login_signature'],
    ['with the high twin of its signature', { signature: highS }, 'login_signature'],
    ['with a v of 29', { signature: withV(() => '1d') }, 'login_signature'],
    ['with a v of 2', { signature: withV(() => '02') }, 'login_signature'],
    ['with the other v', { signature: withV((v) => (v === '1b' ? '1c' : '1b')) },
        'login_signature'],
    ['with a compact signature', { signature: compact }, 'login_signature'],
    ['with an empty signature', { signature: () => '0x' }, 'login_signature'],
    ['with a signature and a byte', { signature: (text) => `${text}00` }, 'login_signature'],
    ['with a signature of zeroes', { signature: () => `0x${'00'.repeat(64)}1b` },
        'login_signature'],
    ['with a signature as long as it may be', { signature: () => `0x${'ab'.repeat(8192)}` },
        'login_signature'],
];

const WRONG_OF_SOLANA = [
    ['that another key has signed', { signer: solanaWallet }, 'login_signature'],
    ['with a signature of zeroes', { signature: () => base58(Buffer.alloc(64)) },
        'login_signature'],
    ['with one character of its signature changed', { signature: altered }, 'login_signature'],
    ['of an address of Ethereum',
        { write: (text, { address }) => replaced(address, evmWallet().address)(text) },
        'login_address'],
    ['of an address that is too long',
        { write: (text, { address }) => replaced(address, base58(Buffer.alloc(33, 7)))(text) },
        'login_address'],
];

/** What is no message at all; its author is told why. */
const MALFORMED = [
    ['with CRLF', { write: (text) => text.replaceAll('\n', '\r\n') }],
    ['with an LF at its end', { write: (text) => `${text}\n` }],
    ['with a space at its end', { write: (text) => `${text} ` }],
    ['with an LF before it', { write: (text) => `\n${text}` }],
    ['with a byte order mark', { write: (text) => `\ufeff${text}` }],
    ['with a NUL', { fields: { statement: 'a\0b' } }],
    ['with a letter beyond ASCII', { fields: { statement: 'Zażółć' } }],
    ['with quotes in its statement', { fields: { statement: 'a "b" c' } }],
    ['with a statement of two lines', { write: replaced('costs', 'costs\n') }],
    ['with a statement of 1025 bytes', { fields: { statement: 'x'.repeat(1025) } }],
    ['with URI and Version swapped', { write: swapped('URI', 'Version') }],
    ['with Version and Chain ID swapped', { write: swapped('Version', 'Chain ID') }],
    ['with Nonce and Issued At swapped', { write: swapped('Nonce', 'Issued At') }],
    ['of version 2', { write: withLine('Version', '2') }],
    ['without a version', { write: replaced(/Version: .*\n/, '') }],
    ['without a nonce', { write: replaced(/Nonce: .*\n/, '') }],
    ['with two nonces', { write: replaced(/(Nonce: .*\n)/, '$1$1') }],
    ['without Issued At', { write: replaced(/\nIssued At: .*/, '') }],
    ['without its domain', { write: replaced('app.test wants', ' wants') }],
    ['with a nonce of 7 letters', { write: withLine('Nonce', 'abcdefg') }],
    ['with a nonce of 65 letters', { write: withLine('Nonce', 'a'.repeat(65)) }],
    ['with a hyphen in its nonce', { write: withLine('Nonce', 'abcd-efgh') }],
    ['with a label in small letters', { write: replaced('Issued At', 'issued at') }],
    ['with a day that there is not', { write: withLine('Issued At', '2026-02-30T00:00:00Z') }],
    ['with a time without its zone', { write: withLine('Issued At', '2026-02-03T00:00:00') }],
    ['with a URI that is none', { write: withLine('URI', 'not a uri') }],
    ['with a field of its own', { write: (text) => `${text}\nColor: red` }],
    ['with 17 resources', { fields: { resources: Array(17).fill(url) } }],
    ['with a text about something else', { write: () => 'I owe you 100.' }],
    ['with an empty text', { write: () => '' }],
];

const MALFORMED_OF_EVM = [
    ['of 4097 bytes', { write: isOfLength(4097) }],
    ['without a chain', { write: replaced(/Chain ID: .*\n/, '') }],
    ['of a chain by its name', { write: withLine('Chain ID', 'mainnet') }],
    ['of a chain below 0', { write: withLine('Chain ID', '-1') }],
];

/** Where nobody has looked at the signature, a developer is told what else is wrong. */
const refuses = (change, code, make) => async (t) => {
    const [, calling] = await tryWith(t, change, make);
    const sentence = await denied(calling, code);
    if (code !== 'login_signature') match(sentence, /\. \([^()].*\.\)$/, 'message');
};

const wrong = [
    ...ofEach(WRONG, (what, make, change, code) => [what, change, code, make]),
    ...ofEach(MALFORMED, (what, make, change) => [what, change, 'login_malformed', make]),
    ...WRONG_OF_EVM.map((row) => [...row, evmWallet]),
    ...WRONG_OF_SOLANA.map(([what, ...row]) => [`${what} (Solana)`, ...row, solanaWallet]),
    ...MALFORMED_OF_EVM.map((row) => [...row, 'login_malformed', evmWallet]),
].map(([what, change, code, make]) =>
    [`refuses a message ${what}: ${code}`, refuses(change, code, make)]);

/** No text, or no bytes: nobody knows what it is about. */
const BAD_SIGNATURES = [
    ['a word', 'signed'], ['an empty text', ''], ['hex without 0x', 'ab'.repeat(65)],
    ['half a byte', '0xabc'], ['what is no hex digit', `0x${'gg'.repeat(65)}`],
    ['8193 bytes', `0x${'ab'.repeat(8193)}`], ['base58', base58(Buffer.alloc(64, 9))],
];
const BAD_SIGNATURES_OF_SOLANA = [
    ['hex', `0x${'ab'.repeat(64)}`], ['63 bytes', base58(Buffer.alloc(63, 9))],
    ['65 bytes', base58(Buffer.alloc(65, 9))], ['a 0, which base58 has not', '0'.repeat(64)],
    ['an empty text', ''],
];

const refusesSignatures = (table, make) => async (t) => {
    const { message } = await proof(t, make());
    for (const [, signature] of table)
        match(await denied(login(t, { message, signature }), 'bad_request', { field: 'signature' }),
            /signature/, 'message');
};

async function refusesBadMembers(t) {
    const { message, signature } = await proof(t, evmWallet());
    const bad = (body, field) => denied(login(t, body), 'bad_request', { field });
    for (const other of [undefined, null, 7, true, [message], { message }]) {
        await bad({ message: other, signature }, 'message');
        await bad({ message, signature: other }, 'signature');
    }
    await granted(login(t, { message, signature }));
}

async function refusesBadBodies(t) {
    const { message, signature } = await proof(t, evmWallet());
    const body = JSON.stringify({ message, signature });
    const bodies = [
        '', 'null', '[]', `[${body}]`, JSON.stringify(body), body.slice(0, -1), `${body},`,
        body.replace('}', `,"message":${JSON.stringify(message)}}`),
        `${'['.repeat(100000 / 2)}`, body.replace('"message"', 'message'),
    ];
    for (const one of bodies) await denied(login(t, one), 'bad_request');
    await granted(login(t, body));
}

/** 64 KiB, to the byte. */
async function refusesLongBodies(t) {
    const { message, signature } = await proof(t, evmWallet());
    const body = JSON.stringify({ message, signature });
    await denied(login(t, body.padEnd(65537)), 'too_large');
    await granted(login(t, body.padEnd(65536)));
}

async function refusesAnotherMethod(t) {
    const paths = {
        '/v1/auth/nonce': ['GET, HEAD', 'POST'], '/.well-known/jwks.json': ['GET, HEAD', 'POST'],
        '/v1/auth/login': ['POST', 'GET'], '/v1/auth/refresh': ['POST', 'PUT'],
        '/v1/auth/logout': ['POST', 'DELETE'],
    };
    for (const [path, [allowed, other]] of Object.entries(paths)) {
        const { status, headers, answer } = await call(t, other, path);
        same([status, answer.error.code], [405, 'bad_request'], `${other} ${path}`);
        same(headers.allow, allowed, 'Allow');
    }
    const { status, body } = await call(t, 'HEAD', '/v1/auth/nonce');
    same([status, body], [200, ''], 'HEAD');
}

async function refusesAnotherPath(t) {
    const others = ['', '/', '/nonce/', '/Nonce', '/nonce%20', '/login/../nonce'];
    for (const path of [...others.map((one) => `/v1/auth${one}`), '/.well-known/jwks'])
        await denied(call(t, 'GET', path), 'not_found');
    await denied(call(t, 'POST', '/v1/auth/verify', { body: {} }), 'not_found');
}

// The nonce, once.

async function takesANonceOnce(t) {
    const wallet = evmWallet();
    const told = await challenge(t);
    const signed = async (one) => {
        const message = one.write(one, told);
        return { message, signature: await one.sign(message) };
    };
    const first = await signed(wallet);
    await granted(login(t, first));
    await denied(login(t, first), 'login_nonce');
    await denied(login(t, await signed(wallet)), 'login_nonce');
    await denied(login(t, await signed(evmWallet())), 'login_nonce');
}

/** What was refused has used nothing up. */
async function keepsTheNonce(t) {
    const { message, signature } = await proof(t, evmWallet());
    const { signature: other } = await proof(t, evmWallet());
    await denied(login(t, { message, signature: other }), 'login_signature');
    await granted(login(t, { message, signature }));
}

/** Of many who come with it at the same moment, one. */
async function takesANonceOnceAtOnce(t) {
    const body = await proof(t, evmWallet());
    const answers = await Promise.all(Array.from({ length: 10 }, () => login(t, body)));
    const codes = answers.map(({ answer }) => answer.error?.code ?? answer.status);
    same(codes.sort(), [...Array(9).fill('login_nonce'), 'ok'], 'answers');
}

async function takesMany(t) {
    const wallets = Array.from({ length: 40 }, (_, i) => (i % 2 ? evmWallet : solanaWallet)());
    const grants = await Promise.all(wallets.map((wallet) => signIn(t, wallet)));
    same(new Set(grants.map(({ session }) => session)).size, wallets.length, 'sessions');
}

async function endsWithTheMessage(t) {
    const expirationTime = later(90000);
    const first = await signIn(t, evmWallet(), { fields: { expirationTime } });
    const next = await granted(refresh(t, { refresh_token: first.refresh_token }));
    for (const { expires_at: at, access_token: token } of [first, next]) {
        between(Date.parse(at), Date.now() + MINUTE, expirationTime.getTime(), 'expires_at');
        same(decodeJwt(token).exp * 1000, Date.parse(at), 'exp');
    }
}

// Rates.

const limited = (...options) => ['--domains=app.test', '--trusted-proxies=127.0.0.1', ...options];

/** Who says that it speaks for that address. */
const from = (address) => ({ 'X-Forwarded-For': address });

/** @return for how many milliseconds to wait */
async function isLimited(calling, most) {
    const { answer, headers } = await calling;
    const wait = answer.error?.retry_after_ms;
    await denied(calling, 'rate_limited', { retry_after_ms: wait });
    between(wait, 1, most, 'retry_after_ms');
    same(headers['retry-after'], `${Math.ceil(wait / 1000)}`, 'Retry-After');
    return wait;
}

/** What was refused has used nothing up, and another address has a rate of its own. */
async function limitsAnAddress(t) {
    await t.serve({ options: limited('--login-burst=3', '--login-rate=20') });
    for (let i = 0; i < 3; i++) {
        const body = i === 1 ? {} : await proof(t, evmWallet()); // a wrong one counts, too
        const { status } = await login(t, body, from('192.0.2.1'));
        same(status, i === 1 ? 400 : 200, 'status');
    }
    const body = await proof(t, evmWallet());
    const wait = await isLimited(login(t, body, from('192.0.2.1')), 3000);
    await granted(login(t, await proof(t, evmWallet()), from('192.0.2.2')));
    await sleep(wait + 50); // there is nothing else to wait for
    await granted(login(t, body, from('192.0.2.1')));
}

/** From wherever it comes; what others do in its name does not count: they can't sign for it. */
async function limitsAWallet(t) {
    await t.serve({ options: limited('--login-burst=3', '--login-rate=5') });
    const wallet = evmWallet();
    const { signature } = await proof(t, evmWallet());
    for (let i = 1; i <= 5; i++) {
        const { message } = await proof(t, wallet);
        await denied(login(t, { message, signature }, from(`192.0.2.${i}`)), 'login_signature');
    }
    for (let i = 11; i <= 13; i++)
        await granted(login(t, await proof(t, wallet), from(`192.0.2.${i}`)));
    await isLimited(login(t, await proof(t, wallet), from('192.0.2.14')), 12000);
    await granted(login(t, await proof(t, evmWallet()), from('192.0.2.14')));
}

async function limitsNonces(t) {
    await t.serve({ options: limited('--auth-burst=5', '--auth-rate=6') });
    const ask = (address) => call(t, 'GET', '/v1/auth/nonce', { headers: from(address) });
    for (let i = 0; i < 5; i++) await granted(ask('2001:db8::1'));
    await isLimited(ask('2001:db8::2'), 10000); // of the same /64
    await granted(ask('2001:db8:0:1::1'));
    for (let i = 0; i < 5; i++)
        await denied(refresh(t, { refresh_token: 'x' }, from('192.0.2.1')), 'token_invalid');
    await isLimited(refresh(t, { refresh_token: 'x' }, from('192.0.2.1')), 10000);
}

// The access token, for those who check it themselves.

async function isCheckedByOthers(t) {
    const { headers, answer } = await call(t, 'GET', '/.well-known/jwks.json');
    same(headers['cache-control'], 'public, max-age=300', 'Cache-Control');
    same(answer.keys.length, 1, 'keys');
    const [key] = answer.keys;
    same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'], 'members of the key');
    same(key.kid, await calculateJwkThumbprint(key), 'kid');
    const keys = createLocalJWKSet(answer);
    for (const make of Object.values(KINDS)) {
        const wallet = make();
        const grant = await signIn(t, wallet);
        const { payload, protectedHeader } = await jwtVerify(grant.access_token, keys, {
            issuer: 'parley', audience: 'parley', typ: 'at+jwt', algorithms: ['EdDSA'],
        });
        same(protectedHeader, { alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }, 'header');
        const { iat, exp, jti, ...rest } = payload;
        same(rest, { iss: 'parley', aud: 'parley', sub: wallet.account, sid: grant.session },
            'claims');
        between(iat, Date.now() / 1000 - 60, Date.now() / 1000, 'iat');
        same([exp - iat, exp * 1000], [600, Date.parse(grant.expires_at)], 'exp');
        match(jti, /^[\w-]{16,}$/, 'jti');
    }
}

// Pages.

const PATHS = [
    ['GET', '/v1/auth/nonce'], ['POST', '/v1/auth/login'], ['POST', '/v1/auth/refresh'],
    ['POST', '/v1/auth/logout'], ['GET', '/.well-known/jwks.json'],
];
const ALLOWED = ['https://app.test', 'https://page.test', 'http://plain.test'];
const DENIED = ['https://evil.test', 'http://app.test', 'https://app.test:8443', 'null'];

async function answersPages(t) {
    for (const [method, path] of PATHS)
        for (const Origin of ALLOWED) {
            const body = method === 'POST' ? {} : undefined;
            const { headers, status } = await call(t, method, path, { body, headers: { Origin } });
            same(headers['access-control-allow-origin'], Origin, 'Access-Control-Allow-Origin');
            match(headers.vary, /(^|, )Origin($|, )/, 'Vary');
            same(status === 403, false, 'is denied');
        }
}

/** The page that is refused reads why; and nothing was done for it. */
async function refusesOtherPages(t) {
    const body = await proof(t, evmWallet());
    for (const Origin of DENIED) {
        for (const [method, path] of PATHS) {
            const calling = call(t, method, path,
                { body: method === 'POST' ? body : undefined, headers: { Origin } });
            await denied(calling, 'origin_denied');
            const { headers } = await calling;
            same(headers['access-control-allow-origin'], Origin, 'Access-Control-Allow-Origin');
            match(headers.vary, /(^|, )Origin($|, )/, 'Vary');
        }
    }
    await granted(login(t, body));
}

async function answersPreflights(t) {
    for (const Origin of [...ALLOWED, ...DENIED])
        for (const [method, path] of PATHS) {
            const { status, headers, body } = await ask(t, t.url, 'OPTIONS', path, { headers: {
                Origin, 'Access-Control-Request-Method': method,
                'Access-Control-Request-Headers': 'authorization,content-type',
            } });
            same([status, body], [204, ''], 'answer');
            same(headers['access-control-allow-origin'], Origin, 'Access-Control-Allow-Origin');
            match(headers['access-control-allow-methods'], new RegExp(`\\b${method}\\b`),
                'Access-Control-Allow-Methods');
            same(headers['access-control-allow-headers'], 'authorization,content-type',
                'Access-Control-Allow-Headers');
            same(headers['access-control-max-age'], '600', 'Access-Control-Max-Age');
        }
}

/** Any port of this machine, by http or https; and nothing else. */
async function takesPagesOfThisMachine(t) {
    const { listen } = t.server;
    same((await challenge(t, { host: listen })).domain, listen, 'domain of its own page');
    same((await challenge(t, { host: 'a.test' })).domain, 'localhost', 'domain of no page');
    const pages = ['http://localhost:5173', 'http://localhost', 'https://localhost:8443',
        'http://127.0.0.1:3000', 'http://[::1]:8080'];
    for (const origin of pages) {
        const { host, protocol } = new URL(origin);
        const told = await challenge(t, { origin });
        same(told.domain, host, 'domain');
        const wallet = evmWallet();
        for (const line of [host, `${protocol}//${host}`]) { // viem writes no IPv6
            const message = wallet.write(wallet, { ...await challenge(t, { origin }),
                domain: 'app.test' }, { uri: origin }).replace('app.test', line);
            await granted(login(t, { message, signature: await wallet.sign(message) }));
        }
    }
    const fields = { domain: 'app.test', uri: 'https://app.test' };
    await denied(login(t, await proof(t, evmWallet(), { fields })), 'login_domain');
}

const ofMake = (run) => Object.entries(KINDS).map(([kind, make]) =>
    [kind, (t) => run(t, make)]);

export const rows = [
    ...overHttp('sign in', [
        ['gives a nonce, and what belongs to it', givesANonce],
        ['gives a nonce for longer, where several have to sign', givesANonceForLonger],
        ['names the site of the page that asks', namesTheSite],
        ['names the site of a page of its own', namesItsOwnSite],
        ['says that it has no site', hasNoSite, { server: 'default' }],
        ['takes one chain alone', hasOneChain, { own: true }],
        ['takes every v that wallets give', takesEachV],
        ['knows one account on all chains', isOneAccountOnAllChains],
        ...fine,
        ...wrong,
        ['refuses what is no signature',
            refusesSignatures(BAD_SIGNATURES, evmWallet)],
        ['refuses what is no signature of Solana',
            refusesSignatures(BAD_SIGNATURES_OF_SOLANA, solanaWallet)],
        ['refuses members that are no texts', refusesBadMembers],
        ['refuses bodies that are no objects', refusesBadBodies],
        ['refuses bodies that are too long', refusesLongBodies],
        ['refuses other methods', refusesAnotherMethod],
        ['refuses other paths', refusesAnotherPath],
        ['takes a nonce once', takesANonceOnce],
        ['takes a nonce once, of many at the same moment', takesANonceOnceAtOnce],
        ['keeps a nonce that was refused', keepsTheNonce],
        ['takes many wallets at once', takesMany],
        ['ends with its message', endsWithTheMessage],
        // Rates hold for each node (docs/decisions/0028-nodes.md).
        ['limits the logins of an address', limitsAnAddress,
            { own: true, idle: true, single: true }],
        ['limits the logins of a wallet', limitsAWallet, { own: true, single: true }],
        ['limits nonces and refreshes', limitsNonces, { own: true, single: true }],
        ['makes tokens that others can check', isCheckedByOthers],
        ['answers pages', answersPages],
        ['refuses other pages, and they can read why', refusesOtherPages],
        ['answers preflights', answersPreflights],
        ['takes pages of this machine', takesPagesOfThisMachine, { server: 'dev' }],
    ]),
    ...overTransports('sign in', [
        ...ofMake(isThatWallet).map(([kind, run]) => [`is that wallet (${kind})`, run]),
        ...ofMake(wasAMailbox).map(([kind, run]) =>
            [`was a mailbox before its first sign-in (${kind})`, run]),
        ['brings both kinds of wallets together', writesAcross],
        ['takes an access token from the header', comesByHeader],
    ].map(([name, run]) => [name, run, { server: 'sign in' }])),
];
