import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Session } from '../src/session.js';
import { ACCOUNT, SERVER, fakeLocks, fakeServer, fakeStorage, refused } from './fake-auth.js';

const MINUTE_MS = 60_000;
const KEY = 'parley:session:https://chat.example:default';

let server: ReturnType<typeof fakeServer>;
let storage: ReturnType<typeof fakeStorage>;
let locks: ReturnType<typeof fakeLocks>;

function use(next: ReturnType<typeof fakeServer>) {
    server = next;
    vi.stubGlobal('fetch', next.fetch);
}

beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse('2026-11-26T12:00:00Z') });
    storage = fakeStorage();
    locks = fakeLocks();
    vi.stubGlobal('localStorage', storage);
    vi.stubGlobal('navigator', { locks });
    use(fakeServer());
});

afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

const signIn = () => Session.from(SERVER, server.signIn());

/** Another tab of the same browser. */
function openTab(): Session {
    const tab = Session.open(SERVER);
    if (!tab) throw new Error('nothing is kept');
    return tab;
}

const refreshes = () => server.asked.filter(({ path }) => path === '/v1/auth/refresh');
const keptToken = () => JSON.parse(storage.items.get(KEY) ?? '{}').refresh_token;
const claims = (token: string) => JSON.parse(atob(token.split('.')[1] ?? ''));

describe('the access token', () => {
    it('is the one of the sign-in, for as long as it has a minute left', async () => {
        const session = signIn();
        const first = await session.token();
        vi.advanceTimersByTime(9 * MINUTE_MS - 1);
        expect(await session.token()).toBe(first);
        expect(refreshes()).toHaveLength(0);
        vi.advanceTimersByTime(1);
        expect(await session.token()).not.toBe(first);
        expect(refreshes()).toHaveLength(1);
    });

    it('is made anew when the server has refused it', async () => {
        const session = signIn();
        const first = await session.token();
        const next = await session.token(first);
        expect(next).not.toBe(first);
        expect(await session.token(first)).toBe(next);
        expect(refreshes()).toHaveLength(1);
    });

    it('is refreshed once for all who ask at the same time', async () => {
        const session = signIn();
        const first = await session.token();
        const got = await Promise.all([1, 2, 3].map(() => session.token(first)));
        expect(new Set(got).size).toBe(1);
        expect(refreshes()).toHaveLength(1);
    });

    it.each([
        ['an hour behind', 60 * MINUTE_MS],
        ['an hour ahead', -60 * MINUTE_MS],
    ])('lives as long on a device whose clock is %s', async (_, skewMs) => {
        use(fakeServer({ skewMs }));
        const session = signIn();
        const first = await session.token();
        vi.advanceTimersByTime(9 * MINUTE_MS - 1000);
        expect(await session.token()).toBe(first);
        vi.advanceTimersByTime(1000);
        expect(await session.token()).not.toBe(first);
    });

    it('of half a minute is used for half of that', async () => {
        use(fakeServer({ ttlMs: 30_000 }));
        const session = signIn();
        const first = await session.token();
        vi.advanceTimersByTime(14_999);
        expect(await session.token()).toBe(first);
        vi.advanceTimersByTime(1);
        expect(await session.token()).not.toBe(first);
    });

    it('that is no JWT lives until expires_at', async () => {
        const session = Session.from(SERVER, { ...server.signIn(), access_token: 'opaque' });
        vi.advanceTimersByTime(9 * MINUTE_MS - 1);
        expect(await session.token()).toBe('opaque');
        vi.advanceTimersByTime(1);
        expect(await session.token()).not.toBe('opaque');
    });

    it.each([
        ['the network is down', () => void (server.state.isDown = true), 'offline'],
        ['there are too many', () => void (server.state.refusal = refused('busy')), 'busy'],
    ])('is used to its end while %s', async (_, breakIt, code) => {
        const session = signIn();
        const first = await session.token();
        breakIt();
        vi.advanceTimersByTime(10 * MINUTE_MS - 1);
        expect(await session.token()).toBe(first);
        vi.advanceTimersByTime(1);
        await expect(session.token()).rejects.toMatchObject({ code });
    });

    it('that was refused is not used while the network is down', async () => {
        const session = signIn();
        const first = await session.token();
        server.state.isDown = true;
        await expect(session.token(first)).rejects.toMatchObject({ code: 'offline' });
    });
});

describe('what is kept', () => {
    it('is found by the next page, without an access token', async () => {
        signIn();
        expect(storage.items.get(KEY)).not.toContain('access');
        const session = openTab();
        expect(session.account).toBe(ACCOUNT);
        expect(claims(await session.token())).toMatchObject({ n: 2 });
    });

    it('is of one server and profile', () => {
        Session.from(SERVER, server.signIn(), { profile: 'alice' });
        expect(Session.open(SERVER, { profile: 'alice' })).toBeDefined();
        expect(Session.open(SERVER)).toBeUndefined();
        expect(Session.open('https://other.example', { profile: 'alice' })).toBeUndefined();
        expect(Session.open(`${SERVER}/`, { profile: 'alice' })).toBeDefined();
    });

    it('is nothing of a session that is not to be remembered', async () => {
        const session = Session.from(SERVER, server.signIn(), { remember: false });
        expect(storage.items.size).toBe(0);
        expect(claims(await session.token(await session.token()))).toMatchObject({ n: 2 });
        expect(storage.items.size).toBe(0);
        await session.signOut();
        await expect(session.token()).rejects.toMatchObject({ code: 'signed_out' });
    });

    it.each(['no JSON', '7', 'null', '{}', '{"account":"0x0","session":"s","refresh_token":5}'])(
        'is not taken for a session where it is %s',
        (text) => {
            storage.items.set(KEY, text);
            expect(Session.open(SERVER)).toBeUndefined();
        },
    );

    it('is the next token before that is used', async () => {
        const session = signIn();
        await session.token(await session.token());
        expect(keptToken()).toBe('refresh:s1:2');
    });

    it('is in memory where the page may not have storage', async () => {
        vi.stubGlobal('localStorage', undefined);
        Object.defineProperty(globalThis, 'localStorage', {
            configurable: true,
            get: () => {
                throw new Error('SecurityError');
            },
        });
        const session = signIn();
        await session.token(await session.token());
        expect(claims(await session.token())).toMatchObject({ n: 2 });
        expect(Session.open(SERVER)).toBeUndefined();
    });

    it('is no old token once the storage is full', async () => {
        const session = signIn();
        storage.isFull = true;
        const second = await session.token(await session.token());
        expect(storage.items.size).toBe(0);
        expect(claims(await session.token(second))).toMatchObject({ n: 3 });
    });
});

describe('a refresh', () => {
    it('whose answer was lost is asked for again with the same token', async () => {
        const session = signIn();
        const first = await session.token();
        server.state.lost = 1;
        expect(claims(await session.token(first))).toMatchObject({ n: 2 });
        expect(refreshes().map(({ body }) => body['refresh_token'])).toEqual([
            'refresh:s1:1',
            'refresh:s1:1',
        ]);
    });

    it('that is lost twice is passing, and comes with the next call', async () => {
        const session = signIn();
        const first = await session.token();
        server.state.lost = 2;
        await expect(session.token(first)).rejects.toMatchObject({ code: 'offline' });
        vi.advanceTimersByTime(MINUTE_MS);
        expect(claims(await session.token(first))).toMatchObject({ n: 2 });
    });

    it('that comes a minute too late is the end of the session', async () => {
        const session = signIn();
        const first = await session.token();
        server.state.lost = 2;
        await expect(session.token(first)).rejects.toMatchObject({ code: 'offline' });
        vi.advanceTimersByTime(MINUTE_MS + 1);
        await expect(session.token(first)).rejects.toMatchObject({ code: 'signed_out' });
        expect(storage.items.size).toBe(0);
    });

    it('that has no answer is given up after 15 s, and asked for once more', async () => {
        const session = signIn();
        const first = await session.token();
        vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
            server.asked.push({ method: 'POST', path: url.pathname, body: {}, init });
            return new Promise((_, reject) => {
                init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
            });
        });
        const got = expect(session.token(first)).rejects.toMatchObject({ code: 'offline' });
        await vi.advanceTimersByTimeAsync(15_000);
        expect(refreshes()).toHaveLength(2);
        await vi.advanceTimersByTimeAsync(15_000);
        await got;
        expect(refreshes()).toHaveLength(2);
    });

    it.each(['token_invalid', 'token_expired', 'token_revoked', 'token_missing'])(
        'that is answered with %s is the end, and it is forgotten',
        async (code) => {
            const session = signIn();
            server.state.refusal = refused(code);
            await expect(session.token(await session.token())).rejects.toMatchObject({
                code: 'signed_out',
            });
            expect(storage.items.size).toBe(0);
            server.state.refusal = undefined;
            await expect(session.token()).rejects.toMatchObject({ code: 'signed_out' });
            expect(refreshes()).toHaveLength(1);
        },
    );

    it.each(['rate_limited', 'busy', 'login_unavailable', 'storage_unavailable', 'internal'])(
        'that is answered with %s is passing, and nothing is forgotten',
        async (code) => {
            const session = signIn();
            const first = await session.token();
            server.state.refusal = refused(code, { retry_after_ms: 1500 });
            await expect(session.token(first)).rejects.toMatchObject({ code, retryAfterMs: 1500 });
            server.state.refusal = undefined;
            expect(claims(await session.token(first))).toMatchObject({ n: 2 });
        },
    );

    it.each([
        ['a page of a proxy', '<html>Bad Gateway</html>'],
        ['JSON of somebody else', { error: 'nope' }],
        ['nothing', ''],
    ])('that is answered with %s is passing', async (_, body) => {
        const session = signIn();
        server.state.refusal = { status: 502, body };
        await expect(session.token(await session.token())).rejects.toMatchObject({
            code: 'offline',
        });
        expect(keptToken()).toBe('refresh:s1:1');
    });
});

describe('several tabs', () => {
    it('refresh one at a time, each with what the one before has stored', async () => {
        signIn();
        const tabs = [openTab(), openTab(), openTab()];
        const got = await Promise.all(tabs.map((tab) => tab.token()));
        expect(got.map((token) => claims(token).n)).toEqual([2, 3, 4]);
        expect(locks.state).toMatchObject({ most: 1, names: new Set([KEY]) });
        expect(keptToken()).toBe('refresh:s1:4');
    });

    it.each([
        ['there are no locks', {}],
        [
            'the page may have no locks',
            { locks: { request: () => Promise.reject(new Error('SecurityError')) } },
        ],
    ])('all get the same answer where %s', async (_, navigator) => {
        vi.stubGlobal('navigator', navigator);
        signIn();
        const tabs = [openTab(), openTab()];
        const got = await Promise.all(tabs.map((tab) => tab.token()));
        expect(got.map((token) => claims(token).n)).toEqual([2, 2]);
        expect(keptToken()).toBe('refresh:s1:2');
        expect(claims(await openTab().token())).toMatchObject({ n: 3 });
    });

    it('go on with the token of the other one when theirs was late', async () => {
        const session = signIn();
        const first = await session.token();
        const other = server.signIn();
        const late = vi.fn(server.fetch).mockImplementationOnce(async () => {
            storage.setItem(KEY, JSON.stringify({ ...other, access_token: undefined }));
            return new Response(JSON.stringify(refused('token_revoked').body), { status: 401 });
        });
        vi.stubGlobal('fetch', late);
        expect(claims(await session.token(first))).toMatchObject({ sid: 's2', n: 2 });
    });

    it('are signed out by one of them, also by one that is offline', async () => {
        const session = signIn();
        const tab = openTab();
        await tab.token();
        server.state.isDown = true;
        await session.signOut();
        await expect(tab.token()).rejects.toMatchObject({ code: 'signed_out' });
        expect(refreshes()).toHaveLength(1);
    });

    it('take over a new sign-in of the same wallet', async () => {
        signIn();
        const tab = openTab();
        await tab.token();
        signIn();
        expect(claims(await tab.token())).toMatchObject({ sid: 's2' });
    });

    it('are signed out when another wallet has signed in, and leave it alone', async () => {
        const session = signIn();
        const other = fakeServer({ account: '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359' });
        Session.from(SERVER, other.signIn());
        await expect(session.token()).rejects.toMatchObject({ code: 'signed_out' });
        await session.signOut();
        expect(Session.open(SERVER)?.account).toMatch(/^0xfB69/);
    });
});

describe('signing out', () => {
    it('ends the session on the server, and forgets it', async () => {
        const session = signIn();
        await session.signOut();
        expect(server.asked.map(({ path, body }) => [path, body])).toEqual([
            ['/v1/auth/logout', { refresh_token: 'refresh:s1:1' }],
        ]);
        expect(server.asked[0]?.init.keepalive).toBe(true);
        expect(storage.items.size).toBe(0);
        await expect(session.token()).rejects.toMatchObject({ code: 'signed_out' });
        expect(Session.open(SERVER)).toBeUndefined();
    });

    it.each([
        ['is offline', () => void (server.state.isDown = true)],
        ['says no', () => void (server.state.refusal = refused('token_invalid'))],
    ])('is done here whether or not the server %s', async (_, breakIt) => {
        const session = signIn();
        breakIt();
        await session.signOut();
        expect(storage.items.size).toBe(0);
    });

    it('is not undone by a refresh that is under way, of this tab or another', async () => {
        const session = signIn();
        const tab = openTab();
        let answer = () => {};
        const isAsked = new Promise<void>((resolve) => {
            vi.stubGlobal('fetch', async (url: URL, init: RequestInit) => {
                const response = await server.fetch(url, init);
                if (!url.pathname.endsWith('/refresh')) return response;
                resolve();
                await new Promise<void>((go) => (answer = go));
                return response;
            });
        });
        const got = [tab.token(), session.token(await session.token())];
        const ends = got.map((one) => expect(one).rejects.toMatchObject({ code: 'signed_out' }));
        await isAsked;
        await session.signOut();
        answer();
        await Promise.all(ends);
        expect(storage.items.size).toBe(0);
        expect(server.sessions.get('s1')).toMatchObject({ isEnded: true });
    });

    it('twice asks the server once', async () => {
        const session = signIn();
        await session.signOut();
        await session.signOut();
        expect(server.asked).toHaveLength(1);
    });

    it('stays so when the same wallet signs in again', async () => {
        const session = signIn();
        await session.signOut();
        const next = signIn();
        await expect(session.token()).rejects.toMatchObject({ code: 'signed_out' });
        expect(await next.token()).toBeTypeOf('string');
    });
});

describe('what is asked', () => {
    it('goes as JSON, without cookies, and is kept in no cache', async () => {
        const session = signIn();
        await session.token(await session.token());
        expect(refreshes()[0]).toMatchObject({
            method: 'POST',
            body: { refresh_token: 'refresh:s1:1' },
            init: {
                credentials: 'omit',
                cache: 'no-store',
                headers: { 'content-type': 'application/json' },
            },
        });
    });
});
