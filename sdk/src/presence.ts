import { accountKey } from './address.js';
import { isPassing, type ParleyError } from './errors.js';
import type { Account, Presence } from './protocol.js';
import type { Wire } from './wire.js';

/** Of the server: so many a socket. */
const MOST = 200;
const AGAIN_MS = 5_000;

export interface PresenceOptions {
    wire: Pick<Wire, 'request' | 'status'>;
    /** Whose is to be known, the most wanted first. */
    wanted: () => Account[];
    onPresence: (presence: Presence) => void;
}

/** Has the server tell of those that are wanted; each connection anew. */
export class PresenceWatch {
    readonly #options: PresenceOptions;
    #watched = new Map<string, Account>();
    /** Of whom was told since the last question: the answer is older, though it is read later. */
    readonly #told = new Set<string>();
    #isBusy = false;
    #isDue = false;
    #connection = 0;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(options: PresenceOptions) {
        this.#options = options;
    }

    /** A new connection, of which nothing is watched yet. */
    restart(): void {
        this.#watched.clear();
        this.#connection++;
        this.sync();
    }

    /** Others may be wanted now. One request at a time. */
    sync(): void {
        if (this.#options.wire.status !== 'online') return;
        this.#isDue = true;
        if (!this.#isBusy) void this.#run();
    }

    /** What the server has told. It may come in one payload with an answer, and is seen to first. */
    tell(presence: Presence): void {
        this.#told.add(accountKey(presence.account));
        this.#options.onPresence(presence);
    }

    async #run(): Promise<void> {
        this.#isBusy = true;
        clearTimeout(this.#timer);
        while (this.#isDue) {
            this.#isDue = false;
            try {
                await this.#step();
            } catch (error) {
                this.#later(error);
            }
        }
        this.#isBusy = false;
    }

    async #step(): Promise<void> {
        const wanted = this.#options.wanted().slice(0, MOST);
        const byKey = new Map(wanted.map((account) => [accountKey(account), account]));
        const old = [...this.#watched].filter(([key]) => !byKey.has(key));
        const fresh = [...byKey].filter(([key]) => !this.#watched.has(key));
        if (old.length > 0) await this.#unwatch(old);
        if (fresh.length > 0) await this.#watchAll(fresh);
    }

    async #unwatch(old: [string, Account][]): Promise<void> {
        const accounts = old.map(([, account]) => account);
        await this.#options.wire.request('presence.unwatch', { accounts });
        for (const [key] of old) this.#watched.delete(key);
    }

    /** One that the server does not take is not to keep it from the others. */
    async #watchAll(fresh: [string, Account][]): Promise<void> {
        try {
            await this.#watch(fresh);
        } catch (error) {
            if (isPassing(error)) throw error;
            if (fresh.length > 1) for (const one of fresh) await this.#watchAll([one]);
            else for (const [key, account] of fresh) this.#watched.set(key, account);
        }
    }

    async #watch(fresh: [string, Account][]): Promise<void> {
        const { wire, onPresence } = this.#options;
        const connection = this.#connection;
        const accounts = fresh.map(([, account]) => account);
        this.#told.clear();
        const answer = await wire.request('presence.watch', { accounts });
        if (connection !== this.#connection) return;
        for (const [key, account] of fresh) this.#watched.set(key, account);
        answer.accounts
            .filter(({ account }) => !this.#told.has(accountKey(account)))
            .forEach(onPresence);
    }

    /** Where the connection went there is another one, or will be; what is refused stays so. */
    #later(error: unknown): void {
        if (!isPassing(error) || (error as ParleyError).code === 'offline') return;
        const waitMs = Math.max(AGAIN_MS, (error as ParleyError).retryAfterMs ?? 0);
        this.#timer = setTimeout(() => this.sync(), waitMs);
    }
}
