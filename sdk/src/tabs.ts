import { isObject } from './http.js';

/**
 * The tabs of a page's origin that share an outbox: who is there, and what they tell each other.
 *
 * Each holds a Web Lock of its own for as long as it lives. Where there are no locks (pages that
 * are not secure), they ask each other: who does not answer is taken for gone. That may be wrong of
 * one that the browser has frozen, and does no harm: see outbox.ts.
 */
import { newKey } from './key.js';

const ANSWER_MS = 1000;

export interface Tabs {
    readonly id: string;
    /** The others can see that this one is there: nothing is to be kept in its name before. */
    readonly joined: Promise<void>;
    /** To all others that are there, once this one has joined. */
    tell(message: unknown): void;
    isGone(id: string): Promise<boolean>;
    /** Calls back once that tab is gone; never where there are no locks. */
    watch(id: string, onGone: () => void): void;
    close(): void;
}

type Packet = { told: unknown } | { who: string } | { here: string };

const lockOf = (id: string): string => `parley:tab:${id}`;

// The locks.

class Locks {
    readonly #locks: LockManager;
    readonly #watched = new Set<string>();
    readonly #closing = new AbortController();
    /** Resolves when this tab has its own, or can't. */
    readonly held: Promise<void>;
    constructor(locks: LockManager, id: string) {
        this.#locks = locks;
        const closed = new Promise<void>((resolve) =>
            this.#closing.signal.addEventListener('abort', () => resolve()),
        );
        this.held = new Promise((resolve) => {
            setTimeout(resolve, ANSWER_MS);
            locks
                .request(lockOf(id), () => {
                    resolve();
                    return closed;
                })
                .catch(() => resolve()); // isFree() finds that out, too
        });
    }

    /** Undefined where the browser has locks, but not here: in a frame without an origin. */
    isFree(id: string): Promise<boolean | undefined> {
        const options = { mode: 'shared', ifAvailable: true } as const;
        return this.#locks
            .request(lockOf(id), options, (lock) => lock !== null)
            .catch(() => undefined);
    }

    whenFree(id: string, then: () => void): void {
        if (this.#watched.has(id)) return;
        this.#watched.add(id);
        const options = { mode: 'shared', signal: this.#closing.signal } as const;
        this.#locks
            .request(lockOf(id), options, () => {})
            .then(
                () => {
                    this.#watched.delete(id);
                    then();
                },
                () => this.#watched.delete(id), // closed meanwhile
            );
    }

    close(): void {
        this.#closing.abort();
    }
}

// The channel.

class Channel {
    readonly #channel: BroadcastChannel | undefined;
    readonly #asked = new Map<string, () => void>();

    constructor(name: string, id: string, onTold: (message: unknown) => void) {
        if (typeof BroadcastChannel === 'undefined') return;
        this.#channel = new BroadcastChannel(name);
        this.#channel.onmessage = ({ data }: MessageEvent<Packet>) => {
            if (!isObject(data)) return; // any script of the origin may write there
            if ('told' in data) {
                if (isObject(data.told)) onTold(data.told);
            } else if ('here' in data) this.#asked.get(data.here)?.();
            else if (data.who === id) this.post({ here: id });
        };
    }

    post(packet: Packet): void {
        try {
            this.#channel?.postMessage(packet);
        } catch {
            // What can't be cloned is this tab's alone, as it is not in the store either; and after
            // close() nobody is to be told.
        }
    }

    answers(id: string): Promise<boolean> {
        if (!this.#channel) return Promise.resolve(false);
        return new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), ANSWER_MS);
            this.#asked.set(id, () => {
                clearTimeout(timer);
                resolve(true);
            });
            this.post({ who: id });
        }).finally(() => this.#asked.delete(id));
    }

    close(): void {
        this.#channel?.close();
    }
}

/** @param name  of what they share */
export function joinTabs(name: string, onTold: (message: unknown) => void): Tabs {
    const id = newKey();
    const channel = new Channel(name, id, onTold);
    const manager = globalThis.navigator?.locks as LockManager | undefined;
    const locks = manager && new Locks(manager, id);
    const joined = locks?.held ?? Promise.resolve();
    return {
        id,
        joined,
        tell: (message) => void joined.then(() => channel.post({ told: message })),
        isGone: async (other) => (await locks?.isFree(other)) ?? !(await channel.answers(other)),
        watch: (other, onGone) => locks?.whenFree(other, onGone),
        close: () => {
            locks?.close();
            channel.close();
        },
    };
}

/** Where nothing is shared. */
export const alone = (): Tabs => ({
    id: newKey(),
    joined: Promise.resolve(),
    tell: () => {},
    isGone: async () => true,
    watch: () => {},
    close: () => {},
});
