/**
 * What is written and not stored yet: kept before it is sent, sent once, in the order of its peer.
 *
 * Each entry has a key, its client_msg_id: however often it is sent, by whichever tab, it is one
 * message. So tabs need not agree: each sends its own, and an entry whose tab is gone is taken over
 * by another one (Web Locks tell who is there).
 */
import type { Account, Message } from './protocol.js';
import type { ParleyError } from './errors.js';

export interface Entry {
    /** client_msg_id. */
    key: string;
    to: Account;
    type: string;
    /** As message.send takes it; of a file without `upload`, until that is there. */
    content: unknown;
    replyTo?: number;
    /** Unix, milliseconds: when it was written. Together with `n` the order of a peer's entries. */
    at: number;
    n: number;
    /** The tab that sends it. */
    tab: string;
    file?: { blob: Blob; name: string; mime: string };
    /** Of the file, once it is there: not to be put again. */
    upload?: string;
    /** Refused: it waits for the user. */
    error?: { code: string; message: string };
}

/** Where entries are kept: IndexedDB, or memory where that is not to be had. */
export interface OutboxStore {
    /** Of this server and account. Resolves when it is kept. */
    put(entry: Entry): Promise<void>;
    remove(key: string): Promise<void>;
    all(): Promise<Entry[]>;
    /** What is of one tab is another's from now on, in one step. Resolves with all that there is. */
    adopt(from: string, to: string): Promise<Entry[]>;
    /** Whether it outlives the page. */
    readonly isPersistent: boolean;
    close(): void;
}

export type EntryState = 'queued' | 'uploading' | 'sending' | 'failed';

/** An entry as it stands. */
export interface Outgoing {
    readonly entry: Entry;
    readonly state: EntryState;
    /** 0 to 1. */
    readonly progress: number | undefined;
    readonly error: ParleyError | undefined;
}

export interface OutboxEvents {
    /** Added, changed, or gone: of this peer. */
    change: { to: Account };
    /** Stored; `entry` is still listed by of(), and goes when the listeners have returned. */
    stored: { entry: Entry; message: Message };
    /** Given up by discard(). */
    discarded: { entry: Entry };
    /** Refused, and waits for retry() or discard(). */
    failed: { entry: Entry; error: ParleyError };
}

export interface Draft {
    /** Of the entry, where it has one already: written before the account was known. */
    key?: string;
    to: Account;
    type: string;
    content: unknown;
    replyTo?: number;
    file?: { blob: Blob; name: string; mime: string };
    /** As of an Entry, where it was one. */
    upload?: string;
    error?: { code: string; message: string };
}

export interface Outbox {
    /** Whether entries outlive the page. False until the store is open, and where it is memory. */
    readonly isPersistent: boolean;
    on<K extends keyof OutboxEvents>(event: K, listener: (v: OutboxEvents[K]) => void): () => void;
    /** In the order in which they are sent. */
    of(to: Account): readonly Outgoing[];
    /** To whom there is something. */
    readonly peers: readonly Account[];
    add(draft: Draft): Entry;
    retry(key: string): void;
    /** @return false where it is being sent, or not there */
    discard(key: string): boolean;
    /** It came as an event: another tab has sent it, or an answer was lost. */
    sawStored(message: Message): void;
    /** The connection is there, or gone. */
    setOnline(isOnline: boolean): void;
    close(): void;
}
