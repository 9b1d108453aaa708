/** Wallets with real keys sign in through the SDK, at `parley serve`. */
import { io } from 'socket.io-client';
import { isPassing, Session, tokenAuth } from '../../sdk/dist/index.js';
import { signInWithEthereum, signInWithSolana } from '../../sdk/dist/wallets/index.js';
import { Failure, match, next, same } from '../e2e/lib.mjs';
import { evmWallet, solanaWallet } from '../e2e/chat/signer.mjs';
import { isRevoked } from '../e2e/chat/site.mjs';
import { unix } from '../e2e/chat/issuers.mjs';
import { Browser } from './browser.mjs';

const HOUR_MS = 3600000;
const APP = 'https://app.test';
const REFRESH = '/v1/auth/refresh';

/** As EIP-1193 has it, around a key. `text` is what it has signed last. */
function provider(wallet, { chain = '0x1', code = '0x' } = {}) {
    const answers = {
        eth_requestAccounts: () => [wallet.address.toLowerCase()],
        eth_chainId: () => chain,
        eth_getCode: () => code,
        personal_sign: (hex) => {
            self.text = Buffer.from(hex.slice(2), 'hex').toString();
            return wallet.sign(self.text);
        },
    };
    const self = { request: async ({ method, params = [] }) => answers[method](...params) };
    return self;
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** @param size  bytes, those of zero in front included */
function unbase58(text, size) {
    const n = [...text].reduce((sum, digit) => sum * 58n + BigInt(BASE58.indexOf(digit)), 0n);
    return Uint8Array.from(Buffer.from(n.toString(16).padStart(2 * size, '0'), 'hex'));
}

const solana = (wallet) => ({
    connect: async () => wallet.address,
    signMessage: async (bytes) =>
        unbase58(await wallet.sign(Buffer.from(bytes).toString()), 64),
});

const signIn = (t, options, wallet = evmWallet()) =>
    signInWithEthereum(t.url, provider(wallet), options);

function dial(t, token) {
    const socket = io(t.url, { transports: ['websocket'], forceNew: true, auth: { token },
        reconnection: false });
    t.defer(() => socket.close());
    return socket;
}

/** A socket that this token has let in. @param account  who it then is */
async function connect(t, token, account) {
    const socket = dial(t, token);
    const failed = next(socket, 'connect_error').then(([{ data }]) => {
        throw new Failure(`refused with ${data?.code}`);
    });
    const [ready] = await Promise.race([next(socket, 'ready'), failed]);
    same(ready.account, account, 'account');
    return socket;
}

async function refusedWith(t, token, code) {
    const [error] = await next(dial(t, token), 'connect_error');
    same(error.data?.code, code, 'connect_error');
}

/** @return the error, which has this code */
async function failsWith(code, doing) {
    const error = await doing.then(
        () => { throw new Failure(`it was done, want ${code}`); },
        (thrown) => thrown,
    );
    if (error.code !== code) throw error;
    return error;
}

// Wallets.

async function ethereumSignsIn(t) {
    const wallet = evmWallet();
    const session = await signIn(t, undefined, wallet);
    same(session.account, wallet.address, 'account');
    await connect(t, await session.token(), wallet.address);
}

async function signsOnItsChain(t) {
    for (const [chain, id] of [['0x1', 1], ['0x2105', 8453], ['0x89', 1]]) {
        const one = provider(evmWallet(), { chain });
        await signInWithEthereum(t.url, one);
        match(one.text, new RegExp(`\nChain ID: ${id}\n`), 'text');
    }
}

async function solanaSignsIn(t) {
    const wallet = solanaWallet();
    const session = await signInWithSolana(t.url, solana(wallet));
    same(session.account, wallet.account, 'account');
    await connect(t, await session.token(), wallet.account);
}

/** Every character that EIP-4361 lets it have, and as many as there may be. */
async function takesAStatement(t) {
    const statement = "A-z0.9_~:/?#[]@!$&'()*+,;= ".repeat(38).slice(0, 1024);
    await signIn(t, { statement });
    await signInWithSolana(t.url, solana(solanaWallet()), { statement });
}

async function hasTimeWithAContract(t) {
    const one = provider(evmWallet(), { code: '0x6080' });
    await signInWithEthereum(t.url, one);
    same(t.browser.callsOf('/v1/auth/nonce?contract=1').length, 1, 'nonces');
}

async function isOfNoSite(t) {
    t.browser.visit('https://page.test');
    const one = provider(evmWallet());
    const { message } = await failsWith('login_domain', signInWithEthereum(t.url, one));
    match(message, /on page\.test\..*--domains/, 'message');
    same(one.text, undefined, 'what was signed');
}

async function isDeniedItsOrigin(t) {
    t.browser.visit('https://evil.test');
    await failsWith('origin_denied', signIn(t));
}

async function hasNoSite(t) {
    await t.serve({ options: [`--origins=${APP}`, '--domains=shop.test'] });
    await failsWith('login_domain', signIn(t));
}

async function isSignedByAnother(t) {
    const wallet = { ...evmWallet(), sign: evmWallet().sign };
    await failsWith('login_signature', signIn(t, undefined, wallet));
}

// The session.

async function ignoresTheClock(t, aheadMs) {
    t.browser.setClock(aheadMs);
    const session = await signIn(t);
    for (const [minutes, refreshes] of [[8, 0], [9.5, 1]]) {
        t.browser.setClock(aheadMs + minutes * 60000);
        await connect(t, await session.token(), session.account);
        const { length } = t.browser.callsOf(REFRESH);
        same(length, refreshes, `refreshes after ${minutes} minutes`);
    }
}

async function goesOnInTheNextPage(t) {
    const { account } = await signIn(t);
    const session = Session.open(t.url);
    same(session.account, account, 'account');
    await connect(t, await session.token(), account);
}

async function twoTabs(t) {
    const { account } = await signIn(t);
    const tabs = [Session.open(t.url), Session.open(t.url)];
    const tokens = await Promise.all(tabs.map((tab) => tab.token()));
    for (const token of tokens) await connect(t, token, account);
    for (const tab of tabs) await connect(t, await tab.token(await tab.token()), account);
    const asked = t.browser.callsOf(REFRESH).map((body) => body.refresh_token);
    return asked;
}

/** Each with what the one before has stored. */
async function tabsTakeTurns(t) {
    const asked = await twoTabs(t);
    same(new Set(asked).size, 4, 'tokens');
}

/** Both at once with the same one, and the server gives both the same answer. */
async function tabsCollide(t) {
    t.browser.withoutLocks();
    const asked = await twoTabs(t);
    same([asked.length, new Set(asked).size], [4, 3], 'refreshes, tokens');
}

async function losesAnAnswer(t) {
    const session = await signIn(t);
    t.browser.lose(1);
    await connect(t, await session.token(await session.token()), session.account);
    t.browser.lose(2);
    await failsWith('offline', session.token(await session.token()));
    await connect(t, await session.token(), session.account);
    const [one, two, three, ...more] =
        t.browser.callsOf(REFRESH).map((body) => body.refresh_token);
    same([one === two, two === three], [true, false], 'the first two');
    same(more, [three], 'those that were lost');
    await connect(t, await session.token(await session.token()), session.account);
}

/** A thief has had a copy, and used it twice: whoever comes with the old one ends it. */
async function wasStolen(t) {
    const session = await signIn(t);
    const socket = await connect(t, await session.token(), session.account);
    const ended = next(socket, 'error');
    let { refresh_token: stolen } = t.browser.kept;
    for (let n = 0; n < 2; n++) {
        const response = await fetch(t.url + REFRESH, {
            method: 'POST', body: JSON.stringify({ refresh_token: stolen }),
            headers: { 'content-type': 'application/json' },
        });
        stolen = (await response.json()).refresh_token;
    }
    await failsWith('signed_out', session.token(await session.token()));
    same((await ended)[0].error.code, 'token_revoked', 'error');
    same(Session.open(t.url), undefined, 'what is kept');
}

async function signsOut(t) {
    const session = await signIn(t);
    const tab = Session.open(t.url);
    const token = await tab.token();
    const socket = await connect(t, token, session.account);
    const said = next(socket, 'error');
    const over = next(socket, 'disconnect');
    await session.signOut();
    same((await said)[0].error.code, 'token_revoked', 'error');
    await over;
    await isRevoked(t, token);
    await failsWith('signed_out', tab.token());
    await failsWith('signed_out', session.token());
    same(Session.open(t.url), undefined, 'what is kept');
}

async function isEndedElsewhere(t) {
    const session = await signIn(t, { remember: false });
    const token = await session.token();
    const response = await fetch(`${t.url}/v1/auth/logout`, {
        method: 'POST', body: '{}',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    same(response.status, 200, 'status');
    await isRevoked(t, token);
    await failsWith('signed_out', session.token(token));
}

/** And the socket goes on with the next one. */
async function replacesATokenThatEnds(t) {
    await t.serve({ options: ['--rate-limits=off', '--domains=app.test', `--origins=${APP}`,
        '--access-ttl=3s'] });
    const session = await signIn(t);
    const token = await session.token();
    const socket = await connect(t, token, session.account);
    await next(socket, 'auth.expiring');
    const fresh = await session.token(token);
    same(fresh === token, false, 'the same again');
    const { status } = await socket.timeout(5000).emitWithAck('auth.refresh', { token: fresh });
    same(status, 'ok', 'status');
}

async function waitsWhereThereAreTooMany(t) {
    await t.serve({ options: ['--domains=app.test', `--origins=${APP}`, '--auth-burst=2',
        '--auth-rate=1'] });
    const session = await signIn(t); // its nonce is one of the two
    await session.token(await session.token());
    const token = await session.token();
    const error = await failsWith('rate_limited', session.token(token));
    same([isPassing(error), error.retryAfterMs > 0], [true, true], 'passing, with a time');
    same(await session.token(), token, 'the token that is still good');
}

async function isGarbage(t) {
    const { storage } = t.browser;
    await signIn(t);
    const [[key, text]] = storage.items;
    storage.setItem(key, JSON.stringify({ ...JSON.parse(text), refresh_token: 'garbage' }));
    await failsWith('signed_out', Session.open(t.url).token());
    same(storage.items.size, 0, 'items');
}

// Tokens of an application.

async function usesTheApplications(t) {
    const { address } = evmWallet();
    const auth = tokenAuth(() => t.issuers.token(address));
    const token = await auth.token();
    await connect(t, token, address);
    await connect(t, await auth.token(token), address);
}

async function asksTheApplicationAgain(t) {
    const { address } = evmWallet();
    const lives = [-120, 3600];
    const auth = tokenAuth(() =>
        t.issuers.token(address, { claims: { exp: unix() + lives.shift() } }));
    const token = await auth.token();
    await refusedWith(t, token, 'token_expired');
    await connect(t, await auth.token(token), address);
}

/** Of several nodes each counts refreshes by itself. */
const SINGLE = ['session: too many refreshes are passing'];

/** One after another: a browser is what all of this process sees. */
export const rows = [
    ['wallet: an Ethereum wallet signs in and connects', ethereumSignsIn],
    ['wallet: signs for its own chain where that may sign in', signsOnItsChain],
    ['wallet: a Solana wallet signs in and connects', solanaSignsIn],
    ['wallet: a statement of all that may be in one is taken', takesAStatement],
    ['wallet: a contract has a nonce for longer', hasTimeWithAContract],
    ['wallet: signs for no other page', isOfNoSite],
    ['wallet: a page of an origin that is denied is told so', isDeniedItsOrigin],
    ['wallet: a server that knows other sites only is said to', hasNoSite],
    ['wallet: the signature of another key is refused', isSignedByAnother],
    ['session: a clock an hour ahead does no harm', (t) => ignoresTheClock(t, HOUR_MS)],
    ['session: a clock an hour behind does no harm', (t) => ignoresTheClock(t, -HOUR_MS)],
    ['session: goes on in the next page', goesOnInTheNextPage],
    ['session: two tabs refresh at once, in turns', tabsTakeTurns],
    ['session: two tabs without locks get the same answer', tabsCollide],
    ['session: a lost answer is had again', losesAnAnswer],
    ['session: a stolen one ends', wasStolen],
    ['session: signing out ends sockets and other tabs', signsOut],
    ['session: one that was ended elsewhere is over', isEndedElsewhere],
    ['session: a token that is about to end is replaced', replacesATokenThatEnds],
    ['session: too many refreshes are passing', waitsWhereThereAreTooMany],
    ['session: garbage is forgotten', isGarbage],
    ['token: the application makes them', usesTheApplications],
    ['token: the application is asked again', asksTheApplicationAgain],
].map(([name, run]) => ({
    name, server: 'sign in', alone: true,
    single: SINGLE.includes(name),
    run: (t) => {
        t.browser = new Browser(APP);
        t.defer(() => t.browser.close());
        return run(t);
    },
}));
