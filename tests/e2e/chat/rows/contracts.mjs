/** Wallets that are contracts: whether they have signed, their chain knows. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { erc6492SignatureValidatorByteCode, hashMessage } from 'viem';
import { Failure, between, match, now, oneOf, run, same, sleep, within } from '../../lib.mjs';
import {
    AWAY, HOME, UNKNOWN, UNREACHABLE, chains, contractAt, factoryData, serverOf, wrapped,
} from '../contracts.mjs';
import { joinSynced, overTransports } from '../peer.mjs';
import { BYTES_MOST, MISBEHAVIOURS, yesOf } from '../rpc.mjs';
import { evmWallet } from '../signer.mjs';
import {
    arrive, denied, granted, isRevoked, login, logout, overHttp, proof, refresh, signIn,
} from '../site.mjs';
import { isEnded, isRefused, refreshed } from './sessions.mjs';
import { highS } from './sign-in.mjs';

const GAS_MOST = 5000000;
const SIGNATURE_MOST = 8192; // bytes
const KEPT_MS = 30000;       // an answer counts
const ANSWER_MS = 3000;      // a chain may take
const UNDER_WAY = 8;
const WAITING = 64;

const refuses = async (t, wallet, code = 'login_signature') =>
    denied(login(t, await proof(t, wallet)), code);

/** A wallet of whatever is at the address, and the owner's signature. */
const at = (chain, address, sign = evmWallet().sign) => contractAt(chain, address, sign);
const precompile = (n) => `0x${n.toString(16).padStart(40, '0')}`;

// What is asked.

/** The only one about a wallet, and as it should be. @return what is called */
function onlyQuestion({ rpc }, { address }) {
    const questions = rpc.about(address);
    same(questions.length, 1, 'questions');
    const [{ method, path, headers, body }] = questions;
    same([method, path, headers['content-type']],
        ['POST', `/v2/${rpc.secret}`, 'application/json'], 'request');
    const { jsonrpc, method: name, params: [call, block] } = body;
    same([jsonrpc, name, block], ['2.0', 'eth_call', 'latest'], 'question');
    between(Number(call.gas), 1, GAS_MOST, 'gas');
    return call;
}

/** ERC-1271 */
function asksTheWallet(chain, wallet) {
    const { to, data, ...rest } = onlyQuestion(chain, wallet);
    same(to.toLowerCase(), wallet.address.toLowerCase(), 'to');
    match(data, /^0x1626ba7e/, 'data');
    same(Object.keys(rest), ['gas'], 'the rest of the call');
}

/** ERC-6492: code that says who has signed, and is deployed nowhere. */
function asksTheValidator(chain, wallet) {
    const { data, ...rest } = onlyQuestion(chain, wallet);
    same(data.startsWith(erc6492SignatureValidatorByteCode), true, 'data is the validator');
    same(Object.keys(rest), ['gas'], 'the rest of the call');
}

// What is taken.

async function takesOneThatIsThere(t) {
    const wallet = await t.home.deployed();
    await signIn(t, wallet);
    asksTheWallet(t.home, wallet);
}

/** Nothing is deployed by that, and once it is, both kinds of signatures are good. */
async function takesOneThatIsNotThereYet(t) {
    const wallet = await t.home.counterfactual();
    await signIn(t, wallet);
    asksTheValidator(t.home, wallet);
    same(await t.home.isDeployed(wallet), false, 'is deployed');
    await wallet.deploy();
    await signIn(t, wallet);
    await signIn(t, wallet.plain);
    same(await t.home.isDeployed(wallet), true, 'is deployed');
}

/** As a Safe: its owners have said yes on the chain. */
async function takesAnEmptySignature(t) {
    const wallet = await t.home.deployed();
    const body = await proof(t, { ...wallet, sign: async () => '0x' });
    await t.home.approve(wallet, hashMessage(body.message));
    same((await granted(login(t, body))).account, wallet.account, 'account');
    asksTheWallet(t.home, wallet);
}

/** 288 of its bytes are not the call of the factory. */
async function takesALongSignature(t) {
    const { owner, address, salt } = await t.home.counterfactual();
    const data = factoryData(owner.address, salt).padEnd(2 + 2 * (SIGNATURE_MOST - 288), '0');
    const wrap = wrapped(t.home.factory, data);
    const wallet = contractAt(HOME, address, async (message) => wrap(await owner.sign(message)));
    const body = await proof(t, wallet);
    same(body.signature.length, 2 + 2 * SIGNATURE_MOST, 'length');
    await granted(login(t, body));
}

/** Recovery is enough for a wallet with a key, whatever chain it names. */
async function asksNobodyAboutAKey(t) {
    for (const [chainId, { rpc }] of [[HOME, t.home], [AWAY, t.away], [UNKNOWN, t.home]]) {
        const wallet = evmWallet();
        const grant = await signIn(t, wallet, { fields: { chainId } });
        await refreshed(t, grant);
        same(rpc.about(wallet.address), [], 'questions');
    }
}

/** EIP-7702: another key signs in for it, too, if the code that it was lent says so. */
async function takesAKeyWithCode(t) {
    const wallet = evmWallet();
    const code = `0xef0100${(await t.home.deployed()).address.slice(2)}`;
    await t.home.anvil.client.setCode({ address: wallet.address, bytecode: code });
    const owner = evmWallet();
    await t.home.setOwner(wallet, owner);
    await signIn(t, wallet);
    same(t.home.rpc.about(wallet.address), [], 'questions');
    const other = at(HOME, wallet.address, owner.sign);
    same((await signIn(t, other)).account, wallet.account, 'account');
    asksTheWallet(t.home, wallet);
}

async function areTwoOfOneAddress(t) {
    const owner = evmWallet();
    const salt = `0x${'5a'.repeat(32)}`;
    const wallets = await Promise.all([t.home, t.away].map((chain) =>
        chain.counterfactual(owner, salt)));
    const [one, other] = await Promise.all(wallets.map((wallet) => arrive(t, wallet)));
    same(wallets[0].address, wallets[1].address, 'address');
    same(other.address, `eip155:${AWAY}:${one.address}`, 'account');
    await one.send(other.address, 'to my other self');
    same((await other.take('message.new')).from, one.address, 'from');
    await granted(logout(t, { refresh_token: one.grant.refresh_token, all: true }));
    await isEnded(one);
    await other.works();
}

// What is not taken.

const SALT = `0x${'00'.repeat(32)}`; // nobody's

/** One that is not there, and would not be if that were called. */
async function withFactory({ home }, factory) {
    const { address, owner } = await home.counterfactual();
    const wrap = wrapped(await factory, factoryData(owner.address, SALT));
    return at(HOME, address, async (message) => wrap(await owner.sign(message)));
}

/** A name, and what makes the wallet. */
const WRONG = [
    ['that another key has signed for', async ({ home }) =>
        ({ ...await home.deployed(), sign: evmWallet().sign })],
    ['with an empty signature that it knows nothing of', async ({ home }) =>
        ({ ...await home.deployed(), sign: async () => '0x' })],
    ['with a signature of zeroes', async ({ home }) =>
        ({ ...await home.deployed(), sign: async () => `0x${'00'.repeat(65)}` })],
    ['with the signature of another message', async ({ home }) => {
        const wallet = await home.deployed();
        return { ...wallet, sign: (message) => wallet.owner.sign(`${message}.`) };
    }],
    ['on another chain than its own', async ({ home }) => {
        const { address, owner } = await home.deployed();
        return at(AWAY, address, owner.sign);
    }],
    ['that is not there, with a bare signature', async ({ home }) =>
        (await home.counterfactual()).plain],
    ['that is not there, and that another key has signed for', async ({ home }) => {
        const { address, owner, salt } = await home.counterfactual();
        const wrap = wrapped(home.factory, factoryData(owner.address, salt));
        return at(HOME, address, async (message) => wrap(await evmWallet().sign(message)));
    }],
    ['whose factory makes another', (t) => withFactory(t, t.home.factory)],
    ['whose factory is nowhere', (t) => withFactory(t, evmWallet().address)],
    ['whose factory reverts', (t) => withFactory(t, t.home.anvil.deploy('Reverting'))],
    ['whose factory burns its gas', (t) => withFactory(t, t.home.anvil.deploy('Burning'))],
    ['with a wrapper that is broken', async ({ home }) => ({ ...await home.deployed(),
        sign: async () => `0x${'ab'.repeat(SIGNATURE_MOST - 32)}${'6492'.repeat(16)}` })],
    ['with nothing but a suffix', async ({ home }) => ({ ...await home.deployed(),
        sign: async () => `0x${'6492'.repeat(16)}` })],
    ['that has a key, with the high twin of its signature', () => {
        const { address, sign } = evmWallet();
        return at(HOME, address, async (message) => highS(await sign(message)));
    }],
    ['that has a key, with its signature in a wrapper', ({ home }) => {
        const { address, sign } = evmWallet();
        const wrap = wrapped(home.factory, factoryData(address, SALT));
        return at(HOME, address, async (message) => wrap(await sign(message)));
    }],
    ...[1, 2, 4].map((n) => [`that is precompile ${n}`, () => at(HOME, precompile(n))]),
    ['that is precompile 4, with its signature in a wrapper', ({ home }) => {
        const wrap = wrapped(home.factory, '0x');
        return at(HOME, precompile(4), async (message) => wrap(await evmWallet().sign(message)));
    }],
    ...['Reverting', 'Burning', 'Echoing', 'Dirty', 'Short'].flatMap((name) => [
        [`that answers as ${name} does`, ({ home }) => home.odd(name)],
        [`that answers as ${name} does, with its signature in a wrapper`, async ({ home }) => {
            const { address, owner } = await home.odd(name);
            const wrap = wrapped(home.factory, factoryData(owner.address, SALT));
            return at(HOME, address, async (message) => wrap(await owner.sign(message)));
        }],
    ]),
    ['of a chain without an RPC', async ({ home }) => {
        const { address, owner } = await home.deployed();
        return at(UNKNOWN, address, owner.sign);
    }],
];

/** Meanwhile others come and go as ever. */
const refusesIt = (make, code) => async (t) => {
    const wallet = await make(t);
    const others = [signIn(t), t.home.deployed().then((other) => signIn(t, other))];
    await Promise.all([refuses(t, wallet, code), ...others]);
};

const after = (ms) => (_, __, pass) => sleep(ms).then(pass);

/** What was said a moment ago is still so. */
async function asksOnce(t) {
    const wallet = await t.home.deployed();
    const body = await proof(t, { ...wallet, sign: evmWallet().sign });
    for (let i = 0; i < 3; i++) await denied(login(t, body), 'login_signature');
    asksTheWallet(t.home, wallet);
    const right = await proof(t, wallet);
    const grant = await granted(login(t, right));
    await denied(login(t, right), 'login_nonce');
    await refreshed(t, await refreshed(t, grant));
    same(t.home.rpc.about(wallet.address).length, 2, 'questions');
}

async function asksOnceForMany(t) {
    const wallet = await t.home.deployed();
    const body = await proof(t, { ...wallet, sign: evmWallet().sign });
    t.home.rpc.misbehave(wallet.address, after(ANSWER_MS / 3));
    await Promise.all(Array.from({ length: 10 }, () =>
        denied(login(t, body), 'login_signature')));
    asksTheWallet(t.home, wallet);
}

// RPCs.

/** Somebody has mixed up two URLs: the owner there would be let in as who is here. */
async function asksForItsChain(t) {
    await t.serve(serverOf({ home: t.away, away: t.home }));
    const elsewhere = await t.away.deployed();
    const here = at(HOME, elsewhere.address, elsewhere.owner.sign);
    for (const wallet of [here, elsewhere, await t.home.deployed()])
        await refuses(t, wallet, 'login_unavailable');
    same(t.away.rpc.about(here.address), [], 'questions');
    match(t.server.stderr, /event=auth_rpc_of_another_chain/, 'log');
    await signIn(t);
}

/** When the RPC is itself again, the same sign-in is fine. */
const misbehaves = (how) => async (t) => {
    const wallet = await t.home.deployed();
    t.home.rpc.misbehave(wallet.address, how);
    const body = await proof(t, wallet);
    await denied(login(t, body), 'login_unavailable');
    if (how !== MISBEHAVIOURS['hangs up']) // who does may have closed the connection before
        onlyQuestion(t.home, wallet);
    t.home.rpc.misbehave(wallet.address);
    await granted(login(t, body));
};

async function waitsNoLonger(t) {
    const from = now();
    await misbehaves(MISBEHAVIOURS['never answers'])(t);
    between(now() - from, ANSWER_MS - 50, ANSWER_MS + 3000, 'milliseconds');
}

async function takesALongAnswer(t) {
    const wallet = at(HOME, evmWallet().address);
    t.home.rpc.misbehave(wallet.address, yesOf(BYTES_MOST));
    await signIn(t, wallet);
}

async function waitsForIt(t) {
    const wallet = await t.home.deployed();
    t.home.rpc.misbehave(wallet.address, after(ANSWER_MS / 3));
    await signIn(t, wallet);
}

/** Those that are too many are told so at once; the others when there is an answer. */
async function isBusy(t) {
    await t.serve(serverOf(t));
    const wallet = await t.home.deployed();
    let release;
    const held = new Promise((resolve) => (release = resolve));
    t.home.rpc.misbehave(wallet.address, (_, __, pass) => held.then(pass));
    const bodies = await Promise.all(Array.from({ length: UNDER_WAY + WAITING + 3 }, () =>
        proof(t, wallet)));
    const calling = bodies.map((body) => login(t, body));
    const refused = new Promise((resolve) => {
        const got = [];
        for (const one of calling) one.then(() => got.push(one) === 3 && resolve(got), () => {});
    });
    for (const one of await within(ANSWER_MS, 'three answers', refused)) await denied(one, 'busy');
    release();
    const codes = (await Promise.all(calling)).map(({ answer }) => answer.error?.code ?? 'ok');
    same(codes.filter((code) => code !== 'ok'), Array(3).fill('busy'), 'refusals');
}

/** Of strangers; what costs no question is not counted. */
async function limitsStrangers(t) {
    const { options, env } = serverOf(t);
    const limited = ['--rate-limits=on', '--rpc-burst=2', '--rpc-rate=30', '--login-burst=50'];
    await t.serve({ options: [...options, ...limited], env });
    const wallet = await t.home.deployed();
    const other = { ...wallet, sign: evmWallet().sign };
    const body = await proof(t, other);
    await signIn(t, wallet);
    await denied(login(t, body), 'login_signature');
    const last = await proof(t, wallet);
    await denied(login(t, last), 'busy');
    await denied(login(t, body), 'login_signature'); // which is known
    await signIn(t);
    same(t.home.rpc.about(wallet.address).length, 2, 'questions');
    await sleep(2000 + 50); // there is nothing else to wait for
    await granted(login(t, last));
}

// Who they are.

async function writesAcross(t) {
    const wallets = [evmWallet(), await t.home.deployed(), await t.away.deployed()];
    const peers = await Promise.all(wallets.map((wallet) => arrive(t, wallet)));
    const names = wallets.map(({ account }) => account);
    for (const from of peers) {
        const others = peers.filter((peer) => peer !== from);
        for (const to of others) {
            const { id } = await from.send(to.address, `from ${from.address}`);
            const { id: got, ...message } = await to.take('message.new');
            same([got, message.from, message.to, message.peer],
                [id, from.address, to.address, from.address], 'message');
        }
        const { conversations } = await from.ok('conversation.list', {});
        same(conversations.map(({ peer }) => peer).sort(),
            names.filter((name) => name !== from.address).sort(), 'peers');
    }
}

async function wasAMailbox(t) {
    const [home, away] = await Promise.all([t.home, t.away].map((one) => one.counterfactual()));
    const sender = await joinSynced(t);
    for (const [name, wallet] of [
        [home.account, home], [`eip155:${HOME}:${home.address}`, home], [away.account, away],
        [away.account.toLowerCase(), away],
    ]) {
        const { to } = await sender.send(name, 'you do not know me');
        same(to, wallet.account, `to of ${name}`);
    }
    for (const wallet of [home, away]) {
        const peer = await arrive(t, wallet);
        for (const { to } of await peer.takeAll('message.new', 2))
            same(to, wallet.account, 'to');
    }
}

// As long as it says so.

/** A refresh, one a second, until one is refused. @return that one */
async function refreshedUntil(t, { grant }, ms) {
    const until = now() + ms;
    for (let token = grant.refresh_token; now() < until; await sleep(1000)) {
        const calling = refresh(t, { refresh_token: token });
        const { status, answer } = await calling;
        if (status !== 200) return calling;
        token = answer.refresh_token;
    }
    throw new Failure(`a refresh is refused: not within ${ms} ms`);
}

/** An answer counts for a while, and then it is another. */
async function endsWithItsOwner(t) {
    const from = now();
    const wallet = await t.home.deployed();
    const stays = await arrive(t, await t.away.deployed()); // asked again no later than the other
    const peer = await arrive(t, wallet);
    await t.home.setOwner(wallet, evmWallet());
    await denied(refreshedUntil(t, peer, KEPT_MS + 10000), 'token_revoked');
    between(now() - from, KEPT_MS, KEPT_MS + 15000, 'milliseconds');
    same(t.home.rpc.about(wallet.address).length, 2, 'questions');
    await isEnded(peer);
    await isRevoked(t, peer.token);
    await isRefused(t, peer.grant, 'token_revoked');
    await refreshed(t, await refreshed(t, stays.grant));
    await stays.works();
    same(t.away.rpc.about(stays.wallet.address).length, 2, 'questions about the other');
}

const again = async (t, how = serverOf(t)) => {
    await t.server.stop();
    await t.serveAgain(how);
};

/** A server that has just been started knows no answers, and so it asks. */
async function asksAgain(t) {
    await t.serve(serverOf(t));
    const wallets = await Promise.all([
        t.home.deployed(), t.home.deployed(), t.away.counterfactual(),
    ]);
    const [sold, kept, young] = wallets;
    const grants = await Promise.all([...wallets, evmWallet()].map((one) => signIn(t, one)));
    await Promise.all([t.home.setOwner(sold, evmWallet()), young.deploy()]);
    await again(t);
    await isRefused(t, grants[0], 'token_revoked');
    await isRevoked(t, grants[0].access_token);
    await refreshed(t, await refreshed(t, grants[1]));
    await refreshed(t, await refreshed(t, grants[2]));
    await refreshed(t, grants[3]);
    const asked = [[t.home, sold], [t.home, kept], [t.away, young]];
    for (const [{ rpc }, { address }] of asked) same(rpc.about(address).length, 2, 'questions');
}

/** A session that nobody can say no about goes on, but not for longer than its access token. */
async function outlivesItsRpc(t) {
    await t.serve(serverOf(t));
    const wallet = await t.home.deployed();
    const { rpc } = t.home;
    const grant = await signIn(t, wallet);
    rpc.misbehave(wallet.address, MISBEHAVIOURS['answers 500']);
    await again(t);
    const peer = await joinSynced(t, wallet.account, { token: grant.access_token });
    for (let i = 0; i < 2; i++) await isRefused(t, grant, 'login_unavailable');
    await peer.works();
    rpc.misbehave(wallet.address);
    const next = await refreshed(t, grant);
    await again(t, { options: serverOf(t).options });
    await isRefused(t, next, 'login_unavailable');
    await again(t);
    same((await refreshed(t, next)).session, grant.session, 'session');
}

/** Whoever waits for it, too, and nothing is left over. */
async function endsMeanwhile(t) {
    await t.serve(serverOf(t));
    const wallet = await t.home.deployed();
    t.home.rpc.misbehave(wallet.address, MISBEHAVIOURS['never answers']);
    const body = await proof(t, wallet);
    const calling = login(t, body).then(({ answer }) => answer.error.code, () => 'cut');
    while (t.home.rpc.about(wallet.address).length === 0) await sleep(5);
    await t.server.stop();
    oneOf(await calling, ['login_unavailable', 'cut'], 'what the client gets');
}

// What this is made of.

const fileAt = (path) => fileURLToPath(new URL(path, import.meta.url));

async function isWhatItsSourcesGive() {
    const script = fileAt('../../contracts/compile.mjs');
    const { child, ended } = run(process.execPath, [script, '--check'], ['ignore', 'pipe', 'pipe']);
    let said = '';
    child.stderr.on('data', (text) => (said += text));
    same(await within(10000, 'end of the compiler', ended), 0, `exit status (${said})`);
}

async function isViems() {
    const source = readFileSync(fileAt('../../../../src/auth/erc6492_validator.c'), 'utf8');
    const [, array] = /\[AUTH_ERC6492_VALIDATOR_SIZE\] = \{([^}]*)\};/.exec(source);
    const bytes = array.match(/\b0x[0-9a-f]{2}\b/g).map((byte) => byte.slice(2)).join('');
    same(`0x${bytes}` === erc6492SignatureValidatorByteCode, true, 'are the same');
}

/** @param more  own: the row starts a server itself */
const onChains = (table) => table.map(([name, run, more = {}]) => [name, async (t) => {
    const [home, away] = await chains();
    Object.assign(t, { home, away });
    if (!more.own) {
        const server = await t.servers.get('contracts', serverOf(t));
        Object.assign(t, { server, url: server.url });
    }
    await run(t);
}, { ...more, own: true }]);

const own = { own: true };

export const rows = [
    { name: 'contracts: are what their sources give', run: isWhatItsSourcesGive, own: true },
    { name: 'contracts: the validator is the one of viem', run: isViems, own: true },
    ...overHttp('contracts', onChains([
        ['takes one that is there', takesOneThatIsThere],
        ['takes one that is not there yet', takesOneThatIsNotThereYet],
        ['takes an empty signature that the chain knows of', takesAnEmptySignature],
        ['takes a signature as long as it may be', takesALongSignature],
        ['asks nobody about a wallet that has a key', asksNobodyAboutAKey],
        ['takes one that has a key, and code', takesAKeyWithCode],
        ...WRONG.map(([what, make]) =>
            [`refuses one ${what}`, refusesIt(make, 'login_signature')]),
        ['refuses one that answers at length',
            refusesIt(({ home }) => home.odd('Long'), 'login_unavailable')],
        // "single": what a chain has said, and how often it is asked, each node knows by itself.
        ['asks once about what it was told just now', asksOnce, { single: true }],
        ['asks once for many at the same moment', asksOnceForMany, { single: true }],
        ['believes no RPC of another chain', asksForItsChain, own],
        ['cannot ask where nobody is', refusesIt(
            async () => at(UNREACHABLE, evmWallet().address), 'login_unavailable')],
        ...Object.entries(MISBEHAVIOURS).filter(([what]) => what !== 'never answers')
            .map(([what, how]) => [`bears an RPC that ${what}`, misbehaves(how)]),
        ['takes an answer as long as it may be', takesALongAnswer],
        ['waits no longer than it should for an RPC', waitsNoLonger, { idle: true }],
        ['waits for an RPC that takes its time', waitsForIt, { idle: true }],
        ['is busy, where too many wait', isBusy, { ...own, single: true }],
        ['limits the questions of strangers', limitsStrangers, { ...own, single: true }],
        ['asks again once it was started again', asksAgain, { ...own, single: true }],
        ['ends while an RPC does not answer', endsMeanwhile, own],
        ['keeps a session while its RPC is away', outlivesItsRpc, own],
    ])),
    ...overTransports('contracts', onChains([
        ['writes across kinds and chains', writesAcross],
        ['was a mailbox before it was there', wasAMailbox, { over: ['websocket'] }],
        ['is two of one address on two chains', areTwoOfOneAddress, { over: ['websocket'] }],
        ['ends with its owner', endsWithItsOwner,
            { idle: true, limit: 60000, over: ['websocket'], single: true }],
    ])),
];
