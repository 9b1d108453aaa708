/** What a session meets: a server that keeps to docs/protocol.md, storage, locks. */
import type { SessionTokens } from '../src/protocol.js';

export const SERVER = 'https://chat.example';
export const ACCOUNT = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';

const MINUTE_MS = 60_000;

const base64url = (value: object): string =>
    btoa(JSON.stringify(value)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

export const jwt = (claims: object): string => `e30.${base64url(claims)}.sig`;

export interface Asked {
    method: string;
    path: string;
    body: Record<string, unknown>;
    init: RequestInit;
}

export type Answer = { status: number; body: unknown };

export const ok = (body: object): Answer => ({ status: 200, body: { status: 'ok', ...body } });

export const refused = (code: string, more: object = {}): Answer => ({
    status: 401,
    body: { status: 'error', error: { code, message: `It is ${code}.`, ...more } },
});

/** fetch(): `answer` says what comes; what it throws is a network's error. */
export function fakeFetch(answer: (asked: Asked) => Answer | Promise<Answer>) {
    const asked: Asked[] = [];
    const fetch = async (input: URL | string, init: RequestInit = {}): Promise<Response> => {
        const { pathname, search } = new URL(input);
        const body = init.body === undefined ? {} : JSON.parse(String(init.body));
        const one = { method: init.method ?? 'GET', path: pathname + search, body, init };
        asked.push(one);
        init.signal?.throwIfAborted();
        const aborted = new Promise<never>((_, reject) => {
            init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        });
        const { status, body: text } = await Promise.race([answer(one), aborted]);
        return new Response(typeof text === 'string' ? text : JSON.stringify(text), { status });
    };
    return { asked, fetch };
}

interface ServerSession {
    generation: number;
    rotatedAt: number;
    isEnded: boolean;
}

/** @param skewMs  how far its clock is ahead of this device's */
export function fakeServer({ ttlMs = 10 * MINUTE_MS, skewMs = 0, account = ACCOUNT } = {}) {
    const sessions = new Map<string, ServerSession>();
    const now = () => Date.now() + skewMs;
    /** Of the answers to come: which are lost on the way, after it was done. */
    const state = { lost: 0, isDown: false, refusal: undefined as Answer | undefined };

    const tokensOf = (session: string, generation: number, at: number): SessionTokens => ({
        account,
        session,
        access_token: jwt({
            sid: session,
            n: generation,
            iat: Math.floor(at / 1000),
            exp: Math.floor((at + ttlMs) / 1000),
        }),
        expires_at: new Date(at + ttlMs).toISOString(),
        refresh_token: `refresh:${session}:${generation}`,
    });
    const signIn = (): SessionTokens => {
        const session = `s${sessions.size + 1}`;
        sessions.set(session, { generation: 1, rotatedAt: 0, isEnded: false });
        return tokensOf(session, 1, now());
    };
    const find = (token: unknown): [string, ServerSession | undefined, number] => {
        const [, id = '', n] = String(token).split(':');
        return [id, sessions.get(id), Number(n)];
    };
    const refresh = (token: unknown): Answer => {
        const [id, session, generation] = find(token);
        if (!session) return refused('token_invalid');
        if (session.isEnded) return refused('token_revoked');
        if (generation === session.generation) {
            session.generation++;
            session.rotatedAt = now();
        } else if (generation < session.generation - 1) {
            session.isEnded = true; // a stolen one
            return refused('token_revoked');
        } else if (now() - session.rotatedAt > MINUTE_MS) {
            return refused('token_expired');
        }
        return ok(tokensOf(id, session.generation, session.rotatedAt));
    };
    const logout = (token: unknown): Answer => {
        const [, session] = find(token);
        if (session) session.isEnded = true;
        return session ? ok({}) : refused('token_invalid');
    };
    const network = fakeFetch(({ path, body }) => {
        if (state.isDown) throw new TypeError('fetch failed');
        if (state.refusal) return state.refusal;
        const answer = (path.endsWith('/logout') ? logout : refresh)(body['refresh_token']);
        if (state.lost === 0) return answer;
        state.lost--;
        throw new TypeError('fetch failed');
    });
    return { ...network, state, sessions, signIn };
}

/** localStorage. @param isFull  then nothing more can be put there */
export function fakeStorage() {
    const items = new Map<string, string>();
    const storage = {
        isFull: false,
        items,
        getItem: (key: string) => items.get(key) ?? null,
        setItem: (key: string, value: string) => {
            if (storage.isFull) throw new Error('QuotaExceededError');
            items.set(key, value);
        },
        removeItem: (key: string) => void items.delete(key),
    };
    return storage;
}

/** navigator.locks, of one browser. */
export function fakeLocks() {
    const tails = new Map<string, Promise<unknown>>();
    const state = { held: 0, most: 0, names: new Set<string>() };
    const request = <T>(name: string, work: () => Promise<T>): Promise<T> => {
        state.names.add(name);
        const turn = (tails.get(name) ?? Promise.resolve()).then(async () => {
            state.most = Math.max(state.most, ++state.held);
            try {
                return await work();
            } finally {
                state.held--;
            }
        });
        tails.set(
            name,
            turn.catch(() => undefined),
        );
        return turn;
    };
    return { request, state };
}
