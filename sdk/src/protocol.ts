/**
 * What goes over the wire, as docs/protocol.md has it. Servers may send more members, types and
 * codes than are named here: what is not known is ignored.
 */

/** `0x…` in the case of EIP-55, `eip155:<chain>:0x…`, or `solana:…`. Compare with sameAccount(). */
export type Account = string;

export type MessageStatus = 'undelivered' | 'delivered' | 'read';

export type MediaType = 'image' | 'video' | 'audio' | 'file';

/** `gone` is a stub: it keeps the place of what the reader may not have. */
export type MessageType = 'text' | MediaType | 'gone' | `x-${string}`;

/** The content of a message with a file, as a client gets it. */
export interface MediaContent {
    upload?: string;
    /** Good until expires_at, for whoever has it: not to be kept. */
    url?: string;
    /** null: a file of another site, which does not expire. */
    expires_at?: string | null;
    name?: string;
    mime?: string;
    /** Bytes. */
    size?: number;
    caption?: string;
    /** Pixels. */
    width?: number;
    height?: number;
    /** Seconds. */
    duration?: number;
    [more: string]: unknown;
}

export interface Message {
    /** Unique everywhere. */
    id: string;
    conversation: string;
    /** From 1, without gaps, the same for both sides. */
    seq: number;
    /** The other side, whoever reads. */
    peer: Account;
    from: Account;
    to: Account;
    type: MessageType;
    /** A string of a text, MediaContent of a file, null of a stub. */
    content: unknown;
    reply_to?: number;
    /** The sender's own key; only its own devices see it. */
    client_msg_id?: string;
    created_at: string;
    status: MessageStatus;
    /** In events only. */
    cursor?: string;
}

export interface Marks {
    delivered_seq: number;
    read_seq: number;
}

export interface Conversation {
    conversation: string;
    peer: Account;
    /** What the reader wants of the peer. */
    accepted: boolean;
    blocked: boolean;
    first_seq: number;
    last_seq: number;
    last_message: Message | null;
    unread: number;
    mine: Marks;
    theirs: Marks;
    updated_at: string | null;
}

export interface Presence {
    account: Account;
    online: boolean;
    /** When an offline wallet's last connection went; null where that is not known. */
    last_seen: string | null;
}

export interface Limits {
    /** Bytes of a content. */
    content_bytes: number;
    /** Bytes of a file; missing where the server takes none. */
    upload_bytes?: number;
}

export interface Ready {
    account: Account;
    session: string;
    server_time: string;
    recovered: boolean;
    /** Conversations with unread messages. */
    unread: number;
    limits: Limits;
}

/** `by` has everything up to seq. */
export interface Receipt {
    conversation: string;
    peer: Account;
    seq: number;
    by: Account;
    at: string;
    cursor: string;
}

export interface WireError {
    code: string;
    /** A sentence for a person. */
    message: string;
    field?: string;
    retry_after_ms?: number;
}

export interface SendRequest {
    to: Account;
    type: string;
    content: unknown;
    client_msg_id: string;
    reply_to?: number;
}

export interface UploadTicket {
    upload: string;
    method: string;
    url: string;
    headers: Record<string, string>;
    expires_at: string;
}

/** What each request takes, and what an ok answer to it has. */
export interface Requests {
    'message.send': [SendRequest, { duplicate: boolean; message: Message }];
    'message.delivered': [{ peer: Account; seq: number }, { seq: number }];
    'message.read': [{ peer: Account; seq: number }, { seq: number }];
    'message.history': [
        { peer: Account; before?: number; after?: number; limit?: number },
        { messages: Message[]; has_more: boolean; first_seq: number },
    ];
    'conversation.list': [
        { limit?: number; after?: string },
        { conversations: Conversation[]; next?: string },
    ];
    'conversation.accept': [{ peer: Account }, { conversation: Conversation }];
    'conversation.block': [{ peer: Account }, { conversation: Conversation }];
    'conversation.unblock': [{ peer: Account }, { conversation: Conversation }];
    'typing.start': [{ peer: Account }, object];
    'typing.stop': [{ peer: Account }, object];
    'presence.watch': [{ accounts: Account[] }, { accounts: Presence[] }];
    'presence.unwatch': [{ accounts: Account[] }, object];
    'upload.create': [{ name: string; mime: string; size: number; sha256?: string }, UploadTicket];
    'attachment.url': [{ peer: Account; seq: number }, { url: string; expires_at: string | null }];
    'auth.refresh': [{ token: string }, { expires_at: string }];
}

/** What the server says by itself. */
export interface ServerEvents {
    ready: Ready;
    synced: { cursor: string };
    'message.new': Message;
    'message.delivered': Receipt;
    'message.read': Receipt;
    'conversation.changed': { conversation: Conversation; cursor: string };
    'typing.start': { conversation: string; peer: Account };
    'typing.stop': { conversation: string; peer: Account };
    'presence.changed': Presence;
    'auth.expiring': { expires_at: string };
    warning: { code: string; message: string };
    error: { error: WireError; event?: string; client_msg_id?: string };
}

/** Of POST /v1/auth/login and /v1/auth/refresh. */
export interface SessionTokens {
    account: Account;
    access_token: string;
    expires_at: string;
    refresh_token: string;
    session: string;
}
