import type { Emitter } from './emitter.js';
import type { Ready, Requests, ServerEvents } from './protocol.js';
import type { ParleyError } from './errors.js';

/**
 * - `idle`: not asked to connect.
 * - `connecting`: for the first time.
 * - `online`: ready, requests are answered.
 * - `offline`: was online or could not connect, and is trying again by itself.
 * - `stopped`: the server or the application ended it: `error` says why. `connect()` tries again.
 */
export type Status = 'idle' | 'connecting' | 'online' | 'offline' | 'stopped';

export interface WireEvents extends Omit<ServerEvents, 'message.new' | 'error'> {
    status: Status;
    /** Acknowledged by its listener, and only once it has kept the message. */
    'message.new': { message: ServerEvents['message.new']; ack: () => void };
    /** What the server says before it ends the connection, or of a request without an answer. */
    error: ParleyError;
    /** Before `ready`: what was told so far is of another store, or of one that a backup was put back in. */
    restored: undefined;
}

/** One connection, which comes back by itself and then gets what it missed. */
export interface Wire {
    readonly status: Status;
    /** Why it is stopped. */
    readonly error: ParleyError | undefined;
    /** Of the connection there is, or was last. */
    readonly ready: Ready | undefined;
    readonly events: Pick<Emitter<WireEvents>, 'on'>;

    connect(): void;
    disconnect(): void;

    /**
     * @throws ParleyError as the server has said; or `offline`: there is no connection, or it broke;
     *         or `busy`: there was no answer in `timeoutMs` (10 s), and the connection is there. What
     *         was asked may have been done or not in both cases
     */
    request<K extends keyof Requests>(
        event: K,
        payload: Requests[K][0],
        options?: { timeoutMs?: number; signal?: AbortSignal },
    ): Promise<Requests[K][1]>;

    /** What need not arrive: nothing happens where there is no connection. */
    hint(event: 'typing.start' | 'typing.stop', payload: { peer: string }): void;
}
