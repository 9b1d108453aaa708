import type { Auth } from './auth.js';
import type { Account, SessionTokens } from './protocol.js';

export interface SessionOptions {
    /** Kept in localStorage, for the next page and other tabs (default); else with this page only. */
    remember?: boolean;
    /** Several wallets of one page, each under a name of its own. Default: `default`. */
    profile?: string;
}

/** A wallet that has signed in: its access token, made anew from its refresh token as needed. */
export class Session implements Auth {
    readonly account: Account;

    private constructor(account: Account) {
        this.account = account;
    }

    /** The one that is kept here for this server; undefined where there is none. */
    static open(_server: string, _options?: Pick<SessionOptions, 'profile'>): Session | undefined {
        throw new Error('not built yet');
    }

    /** What /v1/auth/login has answered; kept as the options say. */
    static from(_server: string, _tokens: SessionTokens, _options?: SessionOptions): Session {
        throw new Error('not built yet');
    }

    token(_refused?: string): Promise<string> {
        throw new Error('not built yet');
    }

    signOut(): Promise<void> {
        throw new Error('not built yet');
    }
}
