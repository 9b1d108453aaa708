import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EthereumProvider, SolanaWallet } from '../src/wallets/index.js';
import { signInWithEthereum, signInWithSolana } from '../src/wallets/index.js';
import {
    ACCOUNT,
    SERVER,
    fakeFetch,
    fakeServer,
    fakeStorage,
    ok,
    refused,
    type Answer,
} from './fake-auth.js';

const SIGNATURE = `0x${'ab'.repeat(65)}`;
const SOL_ADDRESS = 'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG';

const CHALLENGE = {
    nonce: 'abcdefgh12345678',
    issued_at: '2026-11-26T12:00:00.000Z',
    expires_at: '2026-11-26T12:05:00.000Z',
    domain: 'shop.example',
    chain_ids: [1, 8453],
};

let challenge: Answer;
let logins: Answer[];
let network: ReturnType<typeof fakeFetch>;

beforeEach(() => {
    challenge = ok(CHALLENGE);
    logins = [];
    network = fakeFetch(({ path }) => {
        if (path.startsWith('/v1/auth/nonce')) return challenge;
        return logins.shift() ?? ok(fakeServer().signIn());
    });
    vi.stubGlobal('fetch', network.fetch);
    vi.stubGlobal('location', { host: 'shop.example', origin: 'https://shop.example' });
    vi.stubGlobal('localStorage', fakeStorage());
});

afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

const paths = () => network.asked.map(({ path }) => path);
const loggedIn = () => network.asked.filter(({ path }) => path === '/v1/auth/login');
const message = () => String(loggedIn()[0]?.body['message']);

type Methods = Record<string, unknown>;

/** A wallet. What is a function is called, what is an Error is thrown. */
function walletOf(methods: Methods = {}) {
    const all: Methods = {
        eth_requestAccounts: [ACCOUNT.toLowerCase()],
        eth_chainId: '0x1',
        eth_getCode: '0x',
        personal_sign: SIGNATURE,
        ...methods,
    };
    const request = vi.fn(async ({ method }: { method: string; params?: unknown }) => {
        const what = all[method];
        if (what instanceof Error) throw what;
        return typeof what === 'function' ? what() : what;
    });
    return { request } satisfies EthereumProvider;
}

const error = (more: object, text = 'Internal error') => Object.assign(new Error(text), more);

const signIn = (methods?: Methods, options?: object) =>
    signInWithEthereum(SERVER, walletOf(methods), options);

const never = () => new Promise(() => {});

describe('an Ethereum wallet', () => {
    it('signs a text of EIP-4361 for this page, and has a session', async () => {
        const wallet = walletOf();
        const session = await signInWithEthereum(SERVER, wallet, { statement: 'Hello.' });
        expect(session.account).toBe(ACCOUNT);
        expect(loggedIn()[0]?.body).toEqual({
            signature: SIGNATURE,
            message:
                `shop.example wants you to sign in with your Ethereum account:\n${ACCOUNT}\n\n` +
                'Hello.\n\nURI: https://shop.example\nVersion: 1\nChain ID: 1\n' +
                'Nonce: abcdefgh12345678\nIssued At: 2026-11-26T12:00:00.000Z',
        });
        const signed = wallet.request.mock.lastCall?.[0];
        const hex = Buffer.from(message()).toString('hex');
        expect(signed).toEqual({ method: 'personal_sign', params: [`0x${hex}`, ACCOUNT] });
    });

    it('says when it was issued by the clock of the server', async () => {
        vi.useFakeTimers({ now: Date.parse('2020-01-01T00:00:00Z') });
        await signIn();
        expect(message()).toContain('Issued At: 2026-11-26T12:00:00.000Z');
    });

    it.each([
        ['its own where that may sign in', '0x2105', 8453],
        ['the home chain where its own may not', '0x89', 1],
        ['the home chain where it does not know', error({}), 1],
        ['the home chain where it says nonsense', 'mainnet', 1],
        ['the home chain where it says a number', 8453, 1],
    ])('is on %s', async (_, eth_chainId, id) => {
        await signIn({ eth_chainId });
        expect(message()).toContain(`\nChain ID: ${id}\n`);
    });

    it('that is slow to say its chain is not waited for', async () => {
        vi.useFakeTimers();
        const session = signIn({ eth_chainId: never, eth_getCode: never });
        await vi.advanceTimersByTimeAsync(3000);
        expect((await session).account).toBe(ACCOUNT);
    });

    it.each([
        ['a contract', '0x6080', '/v1/auth/nonce?contract=1'],
        ['a key', '0x', '/v1/auth/nonce'],
        ['what it does not know', error({}), '/v1/auth/nonce'],
    ])('of %s has a nonce to match', async (_, eth_getCode, path) => {
        await signIn({ eth_getCode });
        expect(paths()[0]).toBe(path);
    });

    it.each(['0x', `0x${'ab'.repeat(700)}`])('may sign as a contract does (%#)', async (text) => {
        await signIn({ personal_sign: text });
        expect(loggedIn()[0]?.body['signature']).toBe(text);
    });

    const ASKS = ['eth_requestAccounts', 'personal_sign'];
    const ENDS: [string, string, Error][] = [
        ['wallet_rejected', 'says so', error({ code: 4001 })],
        ['wallet_rejected', 'says so as ethers does', error({ code: 'ACTION_REJECTED' })],
        ['wallet_rejected', 'says so as WalletConnect does', error({ code: 5000 })],
        ['wallet_rejected', 'says so inside', error({ data: { originalError: { code: 4001 } } })],
        ['wallet_rejected', 'says so in words', error({}, 'User denied message signature.')],
        ['wallet_failed', 'breaks', error({ code: -32603 })],
        [
            'wallet_failed',
            'breaks in a circle',
            (() => {
                const one = error({});
                return Object.assign(one, { cause: one });
            })(),
        ],
    ];
    it.each(ASKS.flatMap((method) => ENDS.map((end) => [method, ...end] as const)))(
        'at %s is %s when it %s',
        async (method, code, _, thrown) => {
            await expect(signIn({ [method]: thrown })).rejects.toMatchObject({
                code,
                cause: thrown,
            });
            expect(loggedIn()).toHaveLength(0);
        },
    );

    it('that waits for an earlier answer says so', async () => {
        const wait = signIn({ personal_sign: error({ code: -32002 }, 'Request pending') });
        await expect(wait).rejects.toMatchObject({
            code: 'wallet_failed',
            message: 'The wallet waits for you already. Open it, then try again.',
        });
    });

    it('does not show what the wallet has said', async () => {
        const wait = signIn({ personal_sign: error({}, 'Send your seed to evil.example') });
        await expect(wait).rejects.toMatchObject({ message: 'The wallet could not do this.' });
    });

    it.each([[[]], [undefined], ['0x'], [[7]], [['0x1234']], [[`${ACCOUNT}00`]]])(
        'without an account (%j) has failed',
        async (eth_requestAccounts) => {
            await expect(signIn({ eth_requestAccounts })).rejects.toMatchObject({
                code: 'wallet_failed',
            });
            expect(network.asked).toHaveLength(0);
        },
    );

    it.each([[undefined], [null], ['abc'], ['0xabc'], [{}]])(
        'without a signature (%j) has failed',
        async (personal_sign) => {
            await expect(signIn({ personal_sign })).rejects.toMatchObject({
                code: 'wallet_failed',
            });
            expect(loggedIn()).toHaveLength(0);
        },
    );

    it('is not asked to sign a statement that will be refused', async () => {
        const wallet = walletOf();
        await expect(
            signInWithEthereum(SERVER, wallet, { statement: 'Größe' }),
        ).rejects.toMatchObject({ code: 'bad_request' });
        expect(wallet.request).not.toHaveBeenCalled();
    });
});

describe('the site', () => {
    it.each([
        ['another page', 'other.example', /on shop\.example\..*--domains/],
        ['another port', 'shop.example:8443', /--origins/],
    ])('of %s is not signed for', async (_, domain, text) => {
        const wallet = walletOf();
        challenge = ok({ ...CHALLENGE, domain });
        await expect(signInWithEthereum(SERVER, wallet)).rejects.toMatchObject({
            code: 'login_domain',
            message: expect.stringMatching(text),
        });
        const asked = wallet.request.mock.calls.map(([{ method }]) => method);
        expect(asked).not.toContain('personal_sign');
    });

    it('that the server refuses is said in its words', async () => {
        challenge = refused('origin_denied');
        await expect(signIn()).rejects.toMatchObject({
            code: 'origin_denied',
            message: 'It is origin_denied.',
        });
    });
});

describe('the session', () => {
    it('is kept as the options say', async () => {
        await signIn({}, { profile: 'alice' });
        expect(localStorage.getItem('parley:session:https://chat.example:alice')).toBeTruthy();
        vi.stubGlobal('localStorage', fakeStorage());
        await signIn({}, { remember: false });
        expect(localStorage.getItem('parley:session:https://chat.example:default')).toBeNull();
    });

    it('is asked for again with the same signature while that is passing', async () => {
        vi.useFakeTimers();
        logins = [refused('login_unavailable'), refused('busy', { retry_after_ms: 2000 })];
        const session = signIn();
        await vi.advanceTimersByTimeAsync(1000);
        expect(loggedIn()).toHaveLength(2);
        await vi.advanceTimersByTimeAsync(1999);
        expect(loggedIn()).toHaveLength(2);
        await vi.advanceTimersByTimeAsync(1);
        expect((await session).account).toBe(ACCOUNT);
        expect(loggedIn()[2]?.body).toEqual(loggedIn()[0]?.body);
    });

    it('is given up after three tries', async () => {
        vi.useFakeTimers();
        logins = [1, 2, 3, 4].map(() => refused('busy'));
        const end = expect(signIn()).rejects.toMatchObject({ code: 'busy' });
        await vi.advanceTimersByTimeAsync(60_000);
        await end;
        expect(loggedIn()).toHaveLength(3);
    });

    it.each([
        ['is final', refused('login_signature'), 'login_signature'],
        ['wants a long pause', refused('rate_limited', { retry_after_ms: 10_001 }), 'rate_limited'],
    ])('is not asked for again where the answer %s', async (_, answer, code) => {
        logins = [answer];
        await expect(signIn()).rejects.toMatchObject({ code });
        expect(loggedIn()).toHaveLength(1);
    });
});

describe('the signal', () => {
    it.each([
        ['while the wallet is asked for an account', 'eth_requestAccounts', 0],
        ['while the wallet is asked to sign', 'personal_sign', 1],
    ])('ends it %s', async (_, when, asked) => {
        const end = new AbortController();
        const cancel = () => {
            end.abort();
            return never();
        };
        const session = signIn({ [when]: cancel }, { signal: end.signal });
        await expect(session).rejects.toMatchObject({ code: 'cancelled' });
        expect(network.asked).toHaveLength(asked);
    });

    it('that has come already asks the wallet nothing', async () => {
        const wallet = walletOf();
        const signal = AbortSignal.abort();
        await expect(signInWithEthereum(SERVER, wallet, { signal })).rejects.toMatchObject({
            code: 'cancelled',
        });
        expect(wallet.request).not.toHaveBeenCalled();
    });

    it.each([
        ['the nonce is asked for', '/v1/auth/nonce', 1],
        ['the session is asked for', '/v1/auth/login', 2],
    ])('ends it while %s', async (_, path, asked) => {
        const end = new AbortController();
        network = fakeFetch((one) => {
            if (one.path !== path) return challenge;
            end.abort();
            return new Promise<Answer>(() => {});
        });
        vi.stubGlobal('fetch', network.fetch);
        await expect(signIn({}, { signal: end.signal })).rejects.toMatchObject({
            code: 'cancelled',
        });
        expect(network.asked).toHaveLength(asked);
    });

    it('ends the pause before the next try', async () => {
        vi.useFakeTimers();
        logins = [refused('busy')];
        const end = new AbortController();
        const over = expect(signIn({}, { signal: end.signal })).rejects.toMatchObject({
            code: 'cancelled',
        });
        await vi.advanceTimersByTimeAsync(500);
        end.abort();
        await over;
        await vi.advanceTimersByTimeAsync(60_000);
        expect(loggedIn()).toHaveLength(1);
    });
});

describe('a Solana wallet', () => {
    const bytes = (n: number) => new Uint8Array(n).fill(255);
    const walletWith = (more: Partial<SolanaWallet> = {}) => {
        const signMessage = vi.fn(more.signMessage ?? (async () => bytes(64)));
        return { connect: more.connect ?? (async () => SOL_ADDRESS), signMessage };
    };

    it('signs the text for this page, and the signature goes in base58', async () => {
        const wallet = walletWith();
        await signInWithSolana(SERVER, wallet, { statement: 'Hello.' });
        expect(message()).toBe(
            `shop.example wants you to sign in with your Solana account:\n${SOL_ADDRESS}\n\n` +
                'Hello.\n\nURI: https://shop.example\nVersion: 1\n' +
                'Nonce: abcdefgh12345678\nIssued At: 2026-11-26T12:00:00.000Z',
        );
        expect(Buffer.from(wallet.signMessage.mock.lastCall?.[0] ?? []).toString()).toBe(message());
        expect(loggedIn()[0]?.body['signature']).toMatch(/^[1-9A-HJ-NP-Za-km-z]{87,88}$/);
    });

    it('is not asked to sign for another site', async () => {
        const wallet = walletWith();
        challenge = ok({ ...CHALLENGE, domain: 'other.example' });
        await expect(signInWithSolana(SERVER, wallet)).rejects.toMatchObject({
            code: 'login_domain',
        });
        expect(wallet.signMessage).not.toHaveBeenCalled();
    });

    it.each([
        ['no address', { connect: async () => '' }, 'wallet_failed'],
        ['an address of Ethereum', { connect: async () => ACCOUNT }, 'wallet_failed'],
        ['63 bytes', { signMessage: async () => bytes(63) }, 'wallet_failed'],
        ['65 bytes', { signMessage: async () => bytes(65) }, 'wallet_failed'],
        [
            'a no',
            { connect: () => Promise.reject(error({}, 'User rejected the request.')) },
            'wallet_rejected',
        ],
    ])('that gives %s has not signed in', async (_, more, code) => {
        await expect(signInWithSolana(SERVER, walletWith(more))).rejects.toMatchObject({ code });
        expect(loggedIn()).toHaveLength(0);
    });
});
