/**
 * What a page sees: a Chat, and of it a Thread for each peer. Both are live: they say `change`, and
 * who shows them reads them anew. Everything they hand out is to be read only.
 */
import type {
    Account,
    Conversation,
    Limits,
    MediaContent,
    MediaType,
    Message,
    MessageType,
    Presence,
} from './protocol.js';
import type { ParleyError } from './errors.js';
import type { Status } from './wire.js';

/**
 * Of one's own message:
 * - `queued`: kept, waits for the connection (or for what is before it)
 * - `uploading`: its file is on the way; `progress` says how far
 * - `sending`: asked, no answer yet
 * - `sent`, `delivered`, `read`: stored, and what the other side has said since
 * - `failed`: refused; `error` says why. retry() or discard() it
 *
 * Of others': `received`.
 */
export type ItemState =
    | 'queued'
    | 'uploading'
    | 'sending'
    | 'sent'
    | 'delivered'
    | 'read'
    | 'failed'
    | 'received';

/** A message of a thread, stored or not yet. A changed one is a new object; `key` stays. */
export interface Item {
    /** Unique in its thread, and the same before and after it is stored. */
    readonly key: string;
    readonly own: boolean;
    readonly type: MessageType;
    /** As in Message. Of a file that is not stored yet: name, mime, size and whatever is known. */
    readonly content: unknown;
    readonly replyTo: number | undefined;
    /** Unix, milliseconds: of the server; or when it was written, while it is not stored. */
    readonly at: number;
    readonly state: ItemState;
    /** Undefined while it is not stored. */
    readonly seq: number | undefined;
    /** 0 to 1, while it is uploading. */
    readonly progress: number | undefined;
    /** While it failed. */
    readonly error: ParleyError | undefined;
    /** The file itself, while this tab has it: to show it without loading it. */
    readonly file: Blob | undefined;
}

export interface FileOptions {
    /** Else by the type of the file. */
    type?: MediaType;
    name?: string;
    caption?: string;
    /** Pixels, and seconds, where they are known. */
    width?: number;
    height?: number;
    duration?: number;
    replyTo?: number;
}

export interface ThreadEvents {
    /** Items, conversation, typing, presence, loading: something is not as it was. */
    change: void;
}

export interface Thread {
    readonly peer: Account;
    /** Undefined until it is known, and where nobody has written yet. */
    readonly conversation: Conversation | undefined;
    /** Ascending: stored ones by seq without holes, then one's own that are not. */
    readonly items: readonly Item[];
    /** Whether the latest messages are here; false until they were asked for the first time. */
    readonly isLoaded: boolean;
    readonly isLoading: boolean;
    /** Whether there are older messages than the first item. */
    readonly hasOlder: boolean;
    /** Why the last loading failed; until it is tried again. */
    readonly loadError: ParleyError | undefined;
    readonly unread: number;
    readonly accepted: boolean;
    readonly blocked: boolean;
    /** The peer writes at this moment. */
    readonly isTyping: boolean;
    /** Undefined where it is not known. */
    readonly presence: Presence | undefined;

    on<K extends keyof ThreadEvents>(event: K, listener: (v: ThreadEvents[K]) => void): () => void;

    /** Somebody looks at it: latest messages are loaded, and its peer's presence is watched, until
     * each who has opened it has closed it. */
    open(): void;
    close(): void;

    /** Resolves when they are among the items, or it failed (loadError). */
    loadOlder(): Promise<void>;

    /**
     * Kept in the outbox, and then sent as soon as that can be, once; in this order. The item is
     * there when it returns.
     */
    sendText(text: string, options?: { replyTo?: number }): Item;
    sendFile(file: Blob, options?: FileOptions): Item;
    /** An `x-…` of the application's. */
    sendCustom(type: `x-${string}`, content: unknown, options?: { replyTo?: number }): Item;
    retry(key: string): void;
    /** Give up one that failed, is queued, or is uploading. One that is being sent stays. */
    discard(key: string): void;
    /** Resolves with the stored message; rejects with why it was refused, or `cancelled`. */
    stored(key: string): Promise<Message>;

    /** Everything up to seq was seen by the user. The peer is told, but a stranger not before the
     * user has accepted it, or written to it. */
    markRead(seq: number): void;
    /** Call it as the user writes, and with false when there is nothing written any more. */
    setTyping(isTyping: boolean): void;

    accept(): Promise<void>;
    block(): Promise<void>;
    unblock(): Promise<void>;

    /** A link to the file of a stored item that is good for a while: the one it came with, or a
     * fresh one. */
    fileUrl(item: Item, options?: { fresh?: boolean }): Promise<string>;
}

/** A line of the list of conversations. */
export interface Summary {
    readonly peer: Account;
    readonly conversation: Conversation | undefined;
    /** The latest, one's own that is not stored yet included. */
    readonly last: Item | undefined;
    readonly unread: number;
    /** A stranger's: neither accepted nor blocked. */
    readonly isRequest: boolean;
    readonly blocked: boolean;
    readonly isTyping: boolean;
    readonly presence: Presence | undefined;
    /** Unix, milliseconds; 0: never. */
    readonly at: number;
}

export interface ChatEvents {
    /** Status, account, list: something is not as it was. */
    change: void;
    /** A message of somebody else, that was not there before; for sounds and notifications. */
    message: { thread: Thread; item: Item };
    /** What the server says of this connection (`not_acknowledging`). */
    warning: { code: string; message: string };
}

export interface Chat {
    readonly server: string;
    readonly status: Status;
    /** Why it is stopped. */
    readonly error: ParleyError | undefined;
    readonly account: Account | undefined;
    readonly limits: Limits | undefined;
    /** The latest first. */
    readonly summaries: readonly Summary[];
    /** Whether the first page of the list is here. */
    readonly isListed: boolean;
    readonly hasMore: boolean;
    /** Conversations with unread messages, of those that are listed, without requests. */
    readonly unread: number;

    on<K extends keyof ChatEvents>(event: K, listener: (v: ChatEvents[K]) => void): () => void;

    connect(): void;
    disconnect(): void;
    /** Ends the session on the server, too, forgets what is kept of it here, and disconnects. */
    signOut(): Promise<void>;

    /** More of the list. */
    loadMore(): Promise<void>;
    /** The same object each time for the same account. @throws ParleyError `recipient_invalid` */
    thread(peer: Account): Thread;

    /** For who needs no thread: thread(to).sendText(), and when it is stored. */
    send(to: Account, content: string | Blob, options?: FileOptions): Promise<Message>;
    history(
        peer: Account,
        options?: { before?: number; after?: number; limit?: number },
    ): Promise<{ messages: Message[]; hasMore: boolean }>;
}

export type { Conversation, MediaContent, Message, Presence };
