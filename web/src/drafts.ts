import { accountKey } from 'parley-sdk';

const PREFIX = 'parley:draft:';

/**
 * What is written and not sent, by server, account and peer. It survives a reload, and ends with
 * the tab: two tabs do not write over each other, and nothing is left behind on a shared computer.
 * Where there is no storage (in a frame of another site, say) it survives as long as the page.
 */
export interface Drafts {
    /** Empty where there is none. */
    get(key: string): string;
    /** An empty text removes it. */
    set(key: string, text: string): void;
    /** Of an account that signs out. */
    forget(server: string, account: string): void;
}

const accountPrefix = (server: string, account: string) =>
    `${PREFIX}${server}|${accountKey(account)}|`;

/** The account is empty while it is not known yet. */
export const draftKey = (server: string, account: string | undefined, peer: string): string =>
    accountPrefix(server, account ?? '') + accountKey(peer);

/** Each access to a storage may throw: it is switched off, full, or not to be had here. */
function attempt<T>(access: () => T): T | undefined {
    try {
        return access();
    } catch {
        return undefined; // memory has it
    }
}

/** @param storage  may throw, and may be another one each time */
export function openDrafts(storage: () => Storage): Drafts {
    const memory = new Map<string, string>();
    const set = (key: string, text: string) => {
        memory.set(key, text);
        attempt(() => (text ? storage().setItem(key, text) : storage().removeItem(key)));
    };
    return {
        get: (key) => memory.get(key) ?? attempt(() => storage().getItem(key)) ?? '',
        set,
        forget(server, account) {
            const stored = attempt(() => Object.keys(storage())) ?? [];
            const prefix = accountPrefix(server, account);
            for (const key of [...memory.keys(), ...stored])
                if (key.startsWith(prefix)) set(key, '');
        },
    };
}

export const drafts = openDrafts(() => sessionStorage);
