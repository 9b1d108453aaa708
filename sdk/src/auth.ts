import type { Account } from './protocol.js';

/** Who connects. `tokenAuth()` and `Session` are the two there are; an application may bring its own. */
export interface Auth {
    /**
     * A token that is good now. Asked for at each connection, and when the server says that the old
     * one is about to end.
     *
     * @param refused  one that the server has just refused, or that ends: not that one again
     * @throws ParleyError `signed_out`, where only signing in helps. It ends the connection, as any
     *         other does that is not passing (isPassing); what is no ParleyError is passing
     */
    token(refused?: string): Promise<string>;

    /** Whose it is, where that is known without asking the server. */
    readonly account?: Account | undefined;

    /** End it on the server, too, where that can be. */
    signOut?(): Promise<void>;
}
