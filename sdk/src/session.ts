import { sameAccount } from './address.js';
import type { Auth } from './auth.js';
import { ParleyError } from './errors.js';
import { call } from './http.js';
import type { Account, SessionTokens } from './protocol.js';
import { memoryStore, sharedStore, type KeptSession, type SessionStore } from './session-store.js';

export interface SessionOptions {
    /** Kept in localStorage, for the next page and other tabs (default); else with this page only. */
    remember?: boolean;
    /** Several wallets of one page, each under a name of its own. Default: `default`. */
    profile?: string;
}

interface AccessToken {
    token: string;
    session: string;
    /** Of this device's clock, milliseconds: when it ends, and when the next one is due. */
    endsAt: number;
    dueAt: number;
}

/** Before its end the next one is asked for, while a shorter life than twice that is halved. */
const MARGIN_MS = 60_000;

/** Of a refresh: only signing in helps. */
const OVER = new Set(['token_missing', 'token_invalid', 'token_expired', 'token_revoked']);

const isOver = (error: unknown): boolean => error instanceof ParleyError && OVER.has(error.code);

const isSignedOut = (error: unknown): boolean =>
    error instanceof ParleyError && error.code === 'signed_out';

const signedOut = (): ParleyError =>
    new ParleyError({ code: 'signed_out', message: 'You are signed out. Sign in again.' });

const keyOf = (server: string, profile = 'default'): string =>
    `parley:session:${new URL(server).origin}:${profile}`;

const keptOf = ({ account, session, refresh_token }: SessionTokens): KeptSession => ({
    account,
    session,
    refresh_token,
});

/** @return what the token says of itself; undefined where it is none of those we know to read */
function claimsOf(token: string): { iat?: unknown; exp?: unknown } | undefined {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    try {
        return JSON.parse(atob(payload)) as { iat?: unknown; exp?: unknown };
    } catch {
        return undefined;
    }
}

/** From the server's times alone, as this device's clock may be wrong. */
function lifeMsOf({ access_token, expires_at }: SessionTokens): number {
    const { iat, exp } = claimsOf(access_token) ?? {};
    if (typeof iat === 'number' && typeof exp === 'number') return (exp - iat) * 1000;
    return Date.parse(expires_at) - Date.now();
}

function accessOf(tokens: SessionTokens): AccessToken {
    const lifeMs = lifeMsOf(tokens);
    const endsAt = Date.now() + lifeMs;
    return {
        token: tokens.access_token,
        session: tokens.session,
        endsAt,
        dueAt: endsAt - Math.min(MARGIN_MS, lifeMs / 2),
    };
}

/** An answer that was lost is asked for again at once: the server gives it for a minute only. */
async function refresh(server: string, refresh_token: string): Promise<SessionTokens> {
    const ask = () => call<SessionTokens>(server, '/v1/auth/refresh', { body: { refresh_token } });
    return ask().catch((error: unknown) => {
        if (error instanceof ParleyError && error.code === 'offline') return ask();
        throw error;
    });
}

/** A wallet that has signed in: its access token, made anew from its refresh token as needed. */
export class Session implements Auth {
    readonly account: Account;
    readonly #server: string;
    readonly #store: SessionStore;
    #access: AccessToken | undefined;
    #refreshing: Promise<AccessToken> | undefined;
    #isOver = false;

    private constructor(server: string, account: Account, store: SessionStore) {
        this.account = account;
        this.#server = server;
        this.#store = store;
    }

    /** The one that is kept here for this server; undefined where there is none. */
    static open(server: string, options?: Pick<SessionOptions, 'profile'>): Session | undefined {
        const store = sharedStore(keyOf(server, options?.profile));
        const kept = store.load();
        return kept && new Session(server, kept.account, store);
    }

    /** What /v1/auth/login has answered; kept as the options say. */
    static from(server: string, tokens: SessionTokens, options: SessionOptions = {}): Session {
        const key = keyOf(server, options.profile);
        const store = options.remember === false ? memoryStore() : sharedStore(key);
        store.save(keptOf(tokens));
        const session = new Session(server, tokens.account, store);
        session.#access = accessOf(tokens);
        return session;
    }

    async token(refused?: string): Promise<string> {
        const { session } = this.#kept();
        const access = this.#access?.session === session ? this.#access : undefined;
        const now = access?.token === refused ? undefined : access;
        if (now && Date.now() < now.dueAt) return now.token;
        try {
            return (await this.#next()).token;
        } catch (error) {
            if (isSignedOut(error) || !now || Date.now() >= now.endsAt) throw error;
            return now.token; // it is good for a while, and next time is soon
        }
    }

    /**
     * It is forgotten here, and by the other tabs, whatever becomes of the rest. The server ends it
     * at once where it can be reached; else the session runs out there, and nobody has its tokens.
     */
    async signOut(): Promise<void> {
        const kept = this.#own();
        this.#isOver = true;
        this.#access = undefined;
        if (!kept) return;
        this.#store.clear();
        const { refresh_token } = kept;
        const options = { body: { refresh_token }, keepalive: true };
        await call(this.#server, '/v1/auth/logout', options).catch(() => undefined);
    }

    /** Undefined also where another wallet has signed in since, in its place. */
    #own(): KeptSession | undefined {
        const kept = this.#isOver ? undefined : this.#store.load();
        return kept && sameAccount(kept.account, this.account) ? kept : undefined;
    }

    #kept(): KeptSession {
        const kept = this.#own();
        if (!kept) throw signedOut();
        return kept;
    }

    /** One refresh at a time, for all who ask. */
    #next(): Promise<AccessToken> {
        this.#refreshing ??= this.#store
            .exclusively(() => this.#refresh())
            .finally(() => {
                this.#refreshing = undefined;
            });
        return this.#refreshing;
    }

    /** Again, where meanwhile another tab has stored other tokens than those it was asked with. */
    async #refresh(): Promise<AccessToken> {
        for (;;) {
            const kept = this.#kept();
            try {
                const tokens = await refresh(this.#server, kept.refresh_token);
                if (this.#keep(tokens, kept)) return (this.#access = accessOf(tokens));
            } catch (error) {
                if (!isOver(error)) throw error;
                this.#forget(kept);
            }
        }
    }

    /** Before any of them is used. @return false: this session is not the one that is kept now */
    #keep(tokens: SessionTokens, asked: KeptSession): boolean {
        const kept = this.#own();
        if (kept?.refresh_token === asked.refresh_token) this.#store.save(keptOf(tokens));
        return kept?.session === asked.session;
    }

    #forget({ refresh_token }: KeptSession): void {
        if (this.#own()?.refresh_token === refresh_token) this.#store.clear();
    }
}
