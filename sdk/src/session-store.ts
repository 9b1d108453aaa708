import type { Account } from './protocol.js';

/** What of a session outlives its access tokens. */
export interface KeptSession {
    account: Account;
    session: string;
    refresh_token: string;
}

/** Where the session of a server and profile is kept. */
export interface SessionStore {
    /** Undefined once somebody has signed out. */
    load(): KeptSession | undefined;
    save(kept: KeptSession): void;
    clear(): void;
    /** One at a time, of all tabs that have this store. */
    exclusively<T>(work: () => Promise<T>): Promise<T>;
}

export function memoryStore(): SessionStore {
    let kept: KeptSession | undefined;
    return {
        load: () => kept,
        save: (next) => {
            kept = next;
        },
        clear: () => {
            kept = undefined;
        },
        exclusively: (work) => work(),
    };
}

/** Undefined where the browser keeps nothing for this page: a sandboxed one, or by its settings. */
function findStorage(): Storage | undefined {
    try {
        return globalThis.localStorage;
    } catch {
        return undefined; // reading the property throws there
    }
}

/** What others have put there is not ours: undefined. */
function parse(text: string | null): KeptSession | undefined {
    let value: unknown;
    try {
        value = JSON.parse(text ?? 'null');
    } catch {
        return undefined;
    }
    const kept = value as Partial<Record<keyof KeptSession, unknown>> | null;
    const texts = [kept?.account, kept?.session, kept?.refresh_token];
    return texts.every((one) => typeof one === 'string') ? (value as KeptSession) : undefined;
}

/**
 * Where there are no locks two tabs may ask at once. That does no harm: the server gives both the
 * same answer, for a minute.
 */
async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
    let hasBegun = false;
    const begin = () => {
        hasBegun = true;
        return work();
    };
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    if (!locks) return work();
    try {
        return await locks.request(name, begin);
    } catch (error) {
        if (hasBegun) throw error;
        return work(); // a page that may have no locks is refused before it begins
    }
}

/**
 * localStorage, shared by the tabs of a browser and kept for the next ones; or memory, where there
 * is none or it is full. It is read anew each time: what another tab has stored, or removed, counts.
 */
export function sharedStore(key: string): SessionStore {
    const own = memoryStore();
    let storage = findStorage();

    /** An old token must not stay: used later it would look stolen, and end the session. */
    const keepAlone = (kept: KeptSession) => {
        storage?.removeItem(key);
        storage = undefined;
        own.save(kept);
    };
    return {
        load: () => (storage ? parse(storage.getItem(key)) : own.load()),
        save: (kept) => {
            try {
                if (storage) storage.setItem(key, JSON.stringify(kept));
                else own.save(kept);
            } catch {
                keepAlone(kept); // it is full
            }
        },
        clear: () => {
            storage?.removeItem(key);
            own.clear();
        },
        exclusively: (work) => locked(key, work),
    };
}
