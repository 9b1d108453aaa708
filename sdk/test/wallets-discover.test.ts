import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FoundWallet } from '../src/wallets/index.js';
import { watchWallets } from '../src/wallets/index.js';
import { cleanIcon, cleanName } from '../src/wallets/found.js';
import { SERVER, fakeFetch, fakeServer, ok } from './fake-auth.js';

const ICON = 'data:image/svg+xml;base64,AAAA';

let page: EventTarget & Record<string, unknown>;
let lists: (readonly FoundWallet[])[];
let end: () => void;

beforeEach(() => {
    vi.useFakeTimers();
    page = new EventTarget() as typeof page;
    vi.stubGlobal('window', page);
    lists = [];
    end = () => {};
});

afterEach(() => {
    end();
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

const watch = () => {
    end = watchWallets((wallets) => void lists.push(wallets));
};
const names = () => lists.at(-1)?.map(({ name }) => name);
const eventOf = (type: string, detail: unknown) => Object.assign(new Event(type), { detail });

/** @return what it announces; it does so now, and whenever it is asked */
function announce(info: object, provider: unknown = PROVIDER) {
    const say = () =>
        page.dispatchEvent(eventOf('eip6963:announceProvider', Object.freeze({ info, provider })));
    page.addEventListener('eip6963:requestProvider', say);
    say();
    return say;
}

const PROVIDER = { request: async () => null as unknown };

const INFO = { uuid: 'u1', name: 'Fox', icon: ICON, rdns: 'io.fox' };

const ACCOUNT = {
    address: 'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG',
    chains: ['solana:mainnet'],
    features: ['solana:signMessage'],
};

const standardWallet = (more: object = {}) => ({
    version: '1.0.0',
    name: 'Ghost',
    icon: ICON,
    accounts: [],
    features: {
        'standard:connect': { connect: async () => ({ accounts: [ACCOUNT] }) },
        'solana:signMessage': { signMessage: async () => [{ signature: new Uint8Array(64) }] },
    },
    ...more,
});

type Api = { register(...wallets: unknown[]): () => void };

/** As a wallet does it that is there before the page, or comes later. @return its taking back */
function register(...wallets: unknown[]): () => void {
    let undo = () => {};
    const callback = (api: Api) => {
        undo = api.register(...wallets);
    };
    page.addEventListener('wallet-standard:app-ready', (event) =>
        callback((event as CustomEvent<Api>).detail),
    );
    page.dispatchEvent(eventOf('wallet-standard:register-wallet', callback));
    return () => undo();
}

describe('wallets of Ethereum', () => {
    it('are listed at once where they are there already', () => {
        announce(INFO);
        watch();
        expect(lists).toHaveLength(1);
        expect(lists[0]?.[0]).toMatchObject({
            kind: 'ethereum',
            id: 'io.fox',
            name: 'Fox',
            icon: ICON,
        });
    });

    it('are listed as they come', () => {
        watch();
        expect(lists).toEqual([[]]);
        announce(INFO);
        announce({ ...INFO, uuid: 'u2', name: 'Bear', rdns: 'io.bear' });
        expect(names()).toEqual(['Fox', 'Bear']);
        expect(lists).toHaveLength(3);
    });

    it.each([
        ['the same once more', INFO],
        ['one that calls itself otherwise', { ...INFO, rdns: 'io.bear', name: 'Bear' }],
        ['another with its rdns', { ...INFO, uuid: 'u2', name: 'Bear' }],
    ])('are listed once: %s', (_, info) => {
        watch();
        announce(INFO);
        announce(info);
        expect(names()).toEqual(['Fox']);
        expect(lists).toHaveLength(2);
    });

    it.each([
        ['nothing', undefined],
        ['no info', { provider: PROVIDER }],
        ['no provider', { info: INFO }],
        ['a provider that can do nothing', { info: INFO, provider: {} }],
        ['no name', { info: { ...INFO, name: ' ' }, provider: PROVIDER }],
        ['a name that is no text', { info: { ...INFO, name: 7 }, provider: PROVIDER }],
    ])('are none where there is %s', (_, detail) => {
        watch();
        page.dispatchEvent(eventOf('eip6963:announceProvider', detail));
        expect(lists).toEqual([[]]);
    });

    it('have their name for an id where their rdns is none', () => {
        watch();
        announce({ ...INFO, rdns: 'fox' });
        expect(lists.at(-1)?.[0]?.id).toBe('Fox');
    });

    it('are guessed from window.ethereum where none has announced itself in a moment', () => {
        page['ethereum'] = PROVIDER;
        watch();
        vi.advanceTimersByTime(299);
        expect(names()).toEqual([]);
        vi.advanceTimersByTime(1);
        expect(names()).toEqual(['Browser wallet']);
        announce(INFO);
        expect(names()).toEqual(['Fox']);
    });

    it('are not guessed where one has announced itself', () => {
        page['ethereum'] = PROVIDER;
        announce(INFO);
        watch();
        vi.advanceTimersByTime(300);
        expect(names()).toEqual(['Fox']);
    });

    it('are found when they come late without announcing themselves', () => {
        watch();
        vi.advanceTimersByTime(3000);
        page['ethereum'] = PROVIDER;
        page.dispatchEvent(new Event('ethereum#initialized'));
        expect(names()).toEqual(['Browser wallet']);
    });
});

describe('wallets of Solana', () => {
    it.each(['before', 'after'])('are found that come %s the page asks', (when) => {
        if (when === 'after') watch();
        register(standardWallet());
        if (when === 'before') watch();
        expect(lists.at(-1)?.[0]).toMatchObject({ kind: 'solana', id: 'Ghost', icon: ICON });
    });

    it('are gone when they take themselves back', () => {
        watch();
        const takeBack = register(standardWallet());
        takeBack();
        expect(names()).toEqual([]);
    });

    it('stand behind those of Ethereum', () => {
        watch();
        register(standardWallet());
        announce(INFO);
        expect(names()).toEqual(['Fox', 'Ghost']);
    });

    const { features } = standardWallet();
    it.each([
        ['nothing', null],
        ['a wallet without features', { name: 'Ghost' }],
        [
            'a wallet that can not connect',
            standardWallet({ features: { ...features, 'standard:connect': {} } }),
        ],
        [
            'a wallet of another chain',
            standardWallet({ features: { 'standard:connect': features['standard:connect'] } }),
        ],
        ['a wallet without a name', standardWallet({ name: '' })],
    ])('are none of %s', (_, wallet) => {
        watch();
        register(wallet);
        expect(lists).toEqual([[]]);
    });

    const legacy = (more: object = {}) => ({
        connect: async () => ({}),
        signMessage: async () => ({}),
        ...more,
    });
    it.each([
        ['Phantom', { phantom: { solana: legacy({ isPhantom: true }) } }],
        ['Solana wallet', { solana: legacy() }],
        ['Phantom', { phantom: { solana: legacy({ isPhantom: true }) }, solana: legacy() }],
    ])('are guessed where none has registered: %s', (name, globals) => {
        Object.assign(page, globals);
        watch();
        vi.advanceTimersByTime(300);
        expect(names()).toEqual([name]);
        register(standardWallet());
        expect(names()).toEqual(['Ghost']);
    });
});

describe('what was found', () => {
    const KEY = { toString: () => ACCOUNT.address };
    const SIGNATURE = new Uint8Array(64).fill(7);
    const legacy =
        (connected: unknown, signed: unknown, more: object = {}) =>
        () => {
            page['solana'] = {
                connect: async () => connected,
                signMessage: async () => signed,
                ...more,
            };
        };
    const standard = (accounts: unknown[], signed: unknown[]) => () => {
        const connect = async () => ({ accounts });
        const signMessage = async () => signed;
        const features = {
            'standard:connect': { connect },
            'solana:signMessage': { signMessage },
        };
        register(standardWallet({ features }));
    };
    const OTHER = { ...ACCOUNT, address: '0x', chains: ['eip155:1'] };
    const WATCHING = { ...ACCOUNT, address: '0x', features: [] };
    const SIGNED = [{ signature: SIGNATURE }];

    const found = async (put: () => void): Promise<FoundWallet | undefined> => {
        put();
        watch();
        await vi.advanceTimersByTimeAsync(300);
        return lists.at(-1)?.[0];
    };
    const { asked, fetch } = fakeFetch(({ path }) =>
        path === '/v1/auth/nonce'
            ? ok({ nonce: 'abcdefgh', issued_at: '', domain: 'shop.example', chain_ids: [1] })
            : ok(fakeServer({ account: `solana:x:${ACCOUNT.address}` }).signIn()),
    );
    beforeEach(() => {
        asked.length = 0;
        vi.stubGlobal('fetch', fetch);
        vi.stubGlobal('location', { host: 'shop.example', origin: 'https://shop.example' });
    });

    it.each([
        ['the Wallet Standard', standard([ACCOUNT], SIGNED)],
        ['several chains', standard([OTHER, WATCHING, ACCOUNT], SIGNED)],
        ['a page', legacy({ publicKey: KEY }, { signature: SIGNATURE })],
        ['a page, which has its key', legacy(true, SIGNATURE, { publicKey: KEY })],
    ])('signs in as a wallet of %s', async (_, put) => {
        const session = await (await found(put))?.signIn(SERVER, { remember: false });
        expect(session?.account).toBe(`solana:x:${ACCOUNT.address}`);
        expect(asked[1]?.body['message']).toContain(`account:\n${ACCOUNT.address}\n`);
    });

    it.each([
        ['account', standard([], SIGNED)],
        ['account of Solana', standard([OTHER, WATCHING], SIGNED)],
        ['signature', standard([ACCOUNT], [])],
        ['key', legacy({}, { signature: SIGNATURE })],
        ['bytes', legacy({ publicKey: KEY }, {})],
    ])('fails without a %s', async (_, put) => {
        const wallet = await found(put);
        await expect(wallet?.signIn(SERVER)).rejects.toMatchObject({ code: 'wallet_failed' });
        expect(asked.map(({ path }) => path)).not.toContain('/v1/auth/login');
    });

    it('asks the provider that was announced', async () => {
        const request = vi.fn(async () => [] as string[]);
        const wallet = await found(() => void announce(INFO, { request }));
        await expect(wallet?.signIn(SERVER)).rejects.toMatchObject({ code: 'wallet_failed' });
        expect(request).toHaveBeenCalledWith({ method: 'eth_requestAccounts' });
    });
});

describe('the listener', () => {
    it('is told nothing more once it has ended', () => {
        page['ethereum'] = PROVIDER;
        watch();
        end();
        announce(INFO);
        register(standardWallet());
        page.dispatchEvent(new Event('ethereum#initialized'));
        vi.advanceTimersByTime(1000);
        expect(lists).toEqual([[]]);
    });
});

describe('what a wallet says of itself', () => {
    it.each([
        ['Fox', 'Fox'],
        ['  The\n Fox\t', 'The Fox'],
        ['a\u202eb\u0000c\u200bd\u2066e', 'a b c d e'],
        ['🦊 Fuchs', '🦊 Fuchs'],
        ['x'.repeat(40), 'x'.repeat(40)],
        ['x'.repeat(41), `${'x'.repeat(39)}…`],
        ['🦊'.repeat(41), `${'🦊'.repeat(39)}…`],
        ['', ''],
        [undefined, ''],
    ])('names it: %j', (name, want) => {
        expect(cleanName(name)).toBe(want);
    });

    it.each([
        [ICON, ICON],
        [`\n${ICON}`, ICON],
        ['data:image/png,x', 'data:image/png,x'],
        ['data:text/html,<b>', undefined],
        ['data:image/svgx,x', undefined],
        ['https://fox.example/icon.png', undefined],
        ['javascript:alert(1)', undefined],
        [`data:image/png,${'x'.repeat(262_144 - 15)}`, expect.any(String)],
        [`data:image/png,${'x'.repeat(262_144 - 14)}`, undefined],
        [7, undefined],
    ])('pictures it (%#)', (icon, want) => {
        expect(cleanIcon(icon)).toEqual(want);
    });
});

describe('whoever announces wallets', () => {
    it('is heard a hundred times, and no more', () => {
        watch();
        for (let i = 1; i <= 101; i++)
            announce({ uuid: `u${i}`, name: `Fox ${i}`, icon: ICON, rdns: `io.fox${i}` });
        expect(names()).toHaveLength(100);
        expect(names()?.at(-1)).toBe('Fox 100');
    });
});
