/** What may be in no log and no metric, in no form. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join as path } from 'node:path';
import { Failure, match, same } from '../../lib.mjs';
import { Wire, ask } from '../../wire.mjs';
import {
    UNREACHABLE, chains, contractAt, rpcSecrets, serverOf,
} from '../contracts.mjs';
import { unix } from '../issuers.mjs';
import { joinSynced, overTransports, refusal } from '../peer.mjs';
import { MISBEHAVIOURS } from '../rpc.mjs';
import { SIGN_IN, get } from '../serve.mjs';
import { evmWallet, solanaWallet } from '../signer.mjs';
import {
    bearer, call, challenge, denied, granted, isRevoked, login, logout, proof, refresh,
} from '../site.mjs';
import { wallet } from '../wallet.mjs';

/** Of bytes that may stand anywhere in what was encoded: only the characters they alone make. */
function base64At(bytes, shift) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const from = Math.ceil((shift * 8) / 6);
    return text.slice(from, Math.floor(((shift + bytes.length) * 8) / 6));
}

/** Each form in which a secret might be there. */
export function forms(secret) {
    const bytes = Buffer.from(secret);
    const base64 = [0, 1, 2].map((shift) => base64At(bytes, shift));
    return [
        bytes.toString('latin1'), bytes.toString('utf8'),
        bytes.toString('hex'), bytes.toString('hex').toUpperCase(),
        ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ];
}

export function holdsNone(text, secrets, what) {
    for (const [name, secret] of secrets)
        for (const form of forms(secret))
            if (text.includes(form)) throw new Failure(`${what} holds ${name}, as ${form}`);
}

/** Would it be found? */
function findsWhatIsThere() {
    const secret = randomBytes(24);
    for (const shift of [0, 1, 2, 3, 4]) {
        const around = Buffer.concat([randomBytes(shift), secret, randomBytes(7)]);
        for (const text of ['hex', 'base64', 'base64url', 'latin1'].map((e) => around.toString(e)))
            try {
                holdsNone(`event=x value=${text}\n`, [['it', secret]], 'the log');
                throw new Error(`not found behind ${shift} bytes: ${text}`);
            } catch (error) {
                if (!(error instanceof Failure)) throw error;
            }
    }
}

/** The private key that the server has made, and the text in which it keeps it. */
function ownKeys(data) {
    const keys = readdirSync(data, { withFileTypes: true })
        .filter((file) => file.isFile())
        .map((file) => readFileSync(path(data, file.name), 'latin1'))
        .filter((text) => text.includes('PRIVATE KEY'));
    same(keys.length, 1, 'files with a private key');
    const base64 = keys[0].split('\n').filter((line) => line && !line.startsWith('-')).join('');
    return Buffer.from(base64, 'base64').subarray(-32);
}

/** Everything that a client might do, with something to look for in each place. */
async function leavesNoTrace(t) {
    await t.serve({ options: ['--log=trace', '--rate-limits=off', '--drain=1s'] });
    const secrets = [];
    const secret = (name) => {
        const text = `${name.replaceAll(' ', '-')}-${randomBytes(9).toString('hex')}`;
        secrets.push([name, text]);
        return text;
    };
    const token = async (name, address, how) => {
        const made = await t.issuers.token(address, how);
        made.split('.').forEach((part, i) => i && secrets.push([`part ${i} of ${name}`, part]));
        return made;
    };
    const [wa, wb] = [wallet(), wallet()];
    const a = await joinSynced(t, wa, { token: await token('a token', wa) });
    const extraHeaders = { Authorization: `Bearer ${await token('a token in a header', wb)}` };
    const b = await joinSynced(t, wb, { token: null, extraHeaders });

    const refused = [
        await token('an expired token', wa, { claims: { exp: unix() - 100 } }),
        await token('a forged token', wa, { key: randomBytes(48) }),
        await token('a token of an unknown issuer', wa, { claims: { iss: 'https://other' } }),
        secret('garbage'),
    ];
    for (const one of refused) await refusal(t, wa, { token: one });
    await refusal(t, wa, { token: null, query: { token: secret('a token in the URL') } });
    await refusal(t, wa, {
        token: null, extraHeaders: { Authorization: `Basic ${secret('a password')}` },
    });
    const own = t.servers.command('token', wa, '--ttl=1h', `--data=${t.server.data}`).trim();
    secrets.push(['its own token', own.split('.')[2]]);
    await (await joinSynced(t, wa, { token: own })).leave();
    await (await joinSynced(t, wa, { cursor: secret('a cursor') })).leave();

    await a.send(wb, secret('a text'), { client_msg_id: 'k1' });
    await a.send(wb, secret('a text'), { client_msg_id: 'k2' });
    await a.refused('message.send',
        { to: wb, type: 'text', content: secret('a conflict'), client_msg_id: 'k1' },
        'conflict', { field: 'client_msg_id' });
    await a.ok('message.send', { to: wb, type: 'x-any', content: { [secret('a key')]: 1 } });
    await a.refused('message.send', { to: secret('a recipient'), type: 'text', content: 'x' },
        'recipient_invalid', { field: 'to' });
    await a.refused('message.send', { to: wb, type: secret('a type'), content: 'x' },
        'unsupported_type', { field: 'type' });
    await a.ask('message.send',
        { to: wb, type: 'text', content: Buffer.from(secret('some bytes')) });
    await a.refused('message.send', { to: wb, type: 'text', content: `${secret('a long text')}\0` },
        'bad_request', { field: 'content' });
    await a.refused(secret('an event'), { x: secret('a payload') }, 'unknown_event');
    a.socket.emit('message.send', { to: wb, type: 'text', content: secret('a quiet text') });
    await a.take('ack');
    await b.takeAll('message.new', 4);
    await b.ok('message.read', { peer: wa, seq: 4 });
    await b.ok('message.history', { peer: wa });
    await b.send(wa, secret('an answer'));
    await a.take('message.new');
    secrets.push(['a session id', a.socket.io.engine.id], ['a socket id', a.socket.id]);

    const wire = await Wire.open(t, t.url);
    wire.send(`GET /${secret('a path')} HTTP/1.1\r\nHost: x\r\n` +
        `Cookie: ${secret('a cookie')}\r\n\r\n`);
    await wire.response();
    await ask(t, t.url, 'POST', '/socket.io/?EIO=4&transport=polling',
        { body: secret('a body') });
    const metrics = await get(`${t.url}/metrics`);
    for (const by of ['hs', 'claim', 'strict'])
        secrets.push([`the secret of ${by}`, t.issuers.all[by].secret]);
    secrets.push(['the private key', ownKeys(t.server.data)]);
    await b.drop();
    await t.server.stop();

    match(t.server.stderr, /level=trace/, 'log');
    findsWhatIsThere();
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(metrics, secrets, '/metrics');
    for (const address of [wa, wb])
        if (metrics.toLowerCase().includes(address.slice(2).toLowerCase()))
            throw new Failure('/metrics names a wallet');
}

/** What a key is kept as, and what it is. */
function signInKey(data) {
    const text = readFileSync(path(data, 'sign-in.key'), 'latin1').trim();
    match(text, /^[0-9a-f]{64}$/, 'sign-in.key');
    return [['the text of its key', text], ['its key', Buffer.from(text, 'hex')]];
}

/** The parts of a token that are one's own, and the bytes behind a text. */
const ofToken = (name, token) => token.split('.').flatMap((part, i, { length }) => {
    const isHeader = i === 0 && length > 1; // which is the same of each token
    return isHeader ? [] : [[name, part], [`the bytes of ${name}`, Buffer.from(part, 'base64url')]];
});
const ofSignature = (name, text) => [
    [name, text.replace(/^0x/, '')],
    ...(text.startsWith('0x') ? [[`bytes of ${name}`, Buffer.from(text.slice(2), 'hex')]] : []),
];
const ofGrant = (name, grant) => [
    ...ofToken(`the access token of ${name}`, grant.access_token),
    ...ofToken(`the refresh token of ${name}`, grant.refresh_token),
    [`the session of ${name}`, grant.session],
];

/** Everything that a page does to sign in, right and wrong. */
async function signsInWithoutATrace(t) {
    await t.serve({ options: [...SIGN_IN, '--log=trace'] });
    const secrets = signInKey(t.server.data);
    const words = (name) => {
        const text = `${name} ${randomBytes(9).toString('hex')}`;
        secrets.push([name, text.split(' ').at(-1)]);
        return text;
    };
    /** A message with a statement of its own, and everything of it a secret. */
    const signed = async (name, wallet, fields) => {
        const told = await challenge(t);
        const statement = words(`statement ${name}`);
        const message = wallet.write(wallet, told, { statement, ...fields });
        const signature = await wallet.sign(message);
        secrets.push([`nonce ${name}`, told.nonce], ...ofSignature(`signature ${name}`, signature));
        return { message, signature };
    };

    for (const wallet of [evmWallet(), solanaWallet()]) {
        const body = await signed('in', wallet);
        const first = await granted(login(t, body));
        await denied(login(t, body), 'login_nonce');
        const second = await granted(refresh(t, { refresh_token: first.refresh_token }));
        const { access_token: token } = second;
        const peer = await joinSynced(t, wallet.account, { token });
        await peer.ok('auth.refresh', { token: first.access_token });
        await peer.refused('auth.refresh', { token: words('not a token') }, 'token_invalid',
            { field: 'token' });
        const third = await granted(refresh(t, { refresh_token: second.refresh_token }));
        await denied(refresh(t, { refresh_token: first.refresh_token }), 'token_revoked');
        await peer.take('disconnect');
        await isRevoked(t, token);
        await denied(refresh(t, { refresh_token: third.refresh_token }), 'token_revoked');
        const last = await granted(login(t, await signed('again', wallet)));
        await granted(logout(t, { all: true }, bearer(last.access_token)));
        [first, second, third, last].forEach((grant) => secrets.push(...ofGrant('in', grant)));
    }

    const wallet = evmWallet();
    const wrong = [
        ['login_domain', { domain: 'evil.test' }], ['login_uri', { uri: 'https://evil.test' }],
        ['login_chain', { chainId: 5 }],
        ['login_nonce', { nonce: randomBytes(12).toString('hex') }],
        ['login_expired', { issuedAt: new Date(Date.now() - 3600000) }],
        ['login_not_yet', { issuedAt: new Date(Date.now() + 3600000) }],
    ];
    for (const [code, fields] of wrong) {
        if (fields.nonce) secrets.push(['a nonce of its own', fields.nonce]);
        await denied(login(t, await signed(code, wallet, fields)), code);
    }
    const { message, signature } = await signed('of another', wallet);
    await denied(login(t, { message, signature: (await signed('other', wallet)).signature }),
        'login_signature');
    await denied(login(t, { message: `${message}\n`, signature }), 'login_malformed');
    const nobody = message.replace(wallet.address, words('an address'));
    await denied(login(t, { message: nobody, signature }), 'login_address');
    await denied(login(t, { message, signature: words('no signature') }), 'bad_request',
        { field: 'signature' });
    await denied(login(t, `{"message":"${words('half a body')}`), 'bad_request');
    await denied(login(t, { [words('a member')]: words('a value') }), 'bad_request',
        { field: 'message' });
    await denied(refresh(t, { refresh_token: words('no refresh token') }), 'token_invalid');
    await denied(logout(t, { refresh_token: words('nor this') }), 'token_invalid');
    await denied(logout(t, {}, bearer(randomBytes(9).toString('hex'))), 'token_invalid');
    await challenge(t, { query: `?contract=${words('a query').split(' ').at(-1)}` });
    await denied(call(t, 'GET', `/v1/auth/${words('a path').split(' ').at(-1)}`), 'not_found');
    const metrics = await get(`${t.url}/metrics`);
    await t.server.stop();

    match(t.server.stderr, /level=trace/, 'log');
    match(t.server.stderr, /event=api_call_refuse .*reason=login_signature/, 'log');
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(metrics, secrets, '/metrics');
}

/** By what comes of their signing in. */
async function contractWallets({ home, away }) {
    const owner = evmWallet();
    const nowhere = { ...contractAt(UNREACHABLE, evmWallet().address, owner.sign), owner };
    const badly = Object.values(MISBEHAVIOURS).map(async (how) => {
        const wallet = await home.deployed();
        home.rpc.misbehave(wallet.address, how);
        return wallet;
    });
    return Object.entries({
        ok: [await home.deployed(), await home.counterfactual(), await away.counterfactual()],
        login_signature: [
            { ...await home.deployed(), sign: owner.sign },
            ...await Promise.all(['Reverting', 'Burning', 'Echoing'].map((name) =>
                home.odd(name))),
        ],
        login_unavailable: [nowhere, ...await Promise.all(badly)],
    });
}

/** Of an RPC the path may be the password; with what is wrong, too. */
async function refusesRpcsWithoutATrace(t) {
    const secret = randomBytes(9).toString('hex');
    const wrong = [
        `1=http://node.test/v2/${secret}`, `1=ftp://node.test/v2/${secret}`,
        `1=https://${secret}@node.test`, `1=https://node.test/v2/ ${secret}`,
        `x=https://node.test/v2/${secret}`, `5=https://node.test/v2/${secret}`,
        `1=https://node.test/v2/${secret},1=https://node.test`, secret,
    ];
    for (const item of wrong) {
        const starting = t.servers.serve({ options: [...SIGN_IN, `--rpc=${item}`] });
        const said = await starting.then(() => 'started', ({ message }) => message);
        match(said, /--rpc: /, `what it says of ${item}`);
        holdsNone(said, [['the path of an RPC', secret]], 'what it says');
    }
}

async function asksChainsWithoutATrace(t) {
    const [home, away] = await chains();
    const { options, env } = serverOf({ home, away });
    await t.serve({ options: [...options, '--log=trace'], env });
    let said = '';
    t.server.child.stdout.on('data', (text) => (said += text));
    const secrets = rpcSecrets({ home, away });
    for (const [outcome, wallets] of await contractWallets({ home, away }))
        await Promise.all(wallets.map(async (wallet) => {
            const body = await proof(t, wallet);
            const own = await wallet.owner.sign(body.message);
            secrets.push(...ofSignature(`signature (${outcome})`, body.signature),
                ...ofSignature(`signature of an owner (${outcome})`, own));
            const calling = login(t, body);
            if (outcome !== 'ok') return denied(calling, outcome);
            const first = await granted(calling);
            const second = await granted(refresh(t, { refresh_token: first.refresh_token }));
            [first, second].forEach((grant) => secrets.push(...ofGrant('in', grant)));
            const { account } = wallet;
            await (await joinSynced(t, account, { token: second.access_token })).works();
        }));
    const metrics = await get(`${t.url}/metrics`);
    await t.server.stop();

    match(t.server.stderr, /level=trace/, 'log');
    match(t.server.stderr, /127\.0\.0\.1:1\b/, 'log'); // who is out of reach
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(said, secrets, 'what it says');
    holdsNone(metrics, secrets, '/metrics');
}

export const rows = overTransports('secrets', [
    ['leaves no trace of what is secret', leavesNoTrace, { own: true, limit: 30000 }],
    ['leaves no trace of a sign-in', signsInWithoutATrace,
        { own: true, limit: 30000, over: ['websocket'] }],
    ['leaves no trace of RPCs that it refuses', refusesRpcsWithoutATrace,
        { own: true, over: ['websocket'] }],
    ['leaves no trace of what chains are asked', asksChainsWithoutATrace,
        { own: true, limit: 30000, over: ['websocket'] }],
]);

