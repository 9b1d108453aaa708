import { io, type Socket } from 'socket.io-client';
import { cancelled } from './abort.js';
import type { Auth } from './auth.js';
import { Emitter } from './emitter.js';
import { ParleyError, isPassing } from './errors.js';
import { isObject, isWireError } from './http.js';
import type { Ready, Requests, ServerEvents, WireError } from './protocol.js';
import type { Status, Wire, WireEvents } from './wire.js';

const ANSWER_MS = 10_000;
/** From the first packet until the server says `ready`: a socket may be open, and mute. */
const READY_MS = 30_000;
const RENEW_AGAIN_MS = 5_000;
/** As socket.io-client has it by itself: half of it more or less, so that not all come at once. */
const BACKOFF_MS = { first: 1_000, most: 5_000 };

/** The connection is over for good when the server says one of these. */
const ENDING = new Set(['token_revoked', 'too_many_sockets', 'origin_denied']);
const CURSORED = ['message.delivered', 'message.read', 'conversation.changed', 'synced'] as const;
const PLAIN = ['typing.start', 'typing.stop', 'presence.changed', 'warning'] as const;

export interface ConnectionOptions {
    /** An origin. */
    server: string;
    auth: Auth;
    path?: string | undefined;
    /** Of socket.io-client, or of a test. */
    dial?: typeof io;
}

type Transport = typeof import('./polling.js').polling;
type Answer = { status: 'ok' } | { status: 'error'; error: WireError };

const offline = () => new ParleyError({ code: 'offline', message: 'There is no connection.' });
const late = () => new ParleyError({ code: 'busy', message: 'The answer takes too long.' });
const originDenied = () =>
    new ParleyError({
        code: 'origin_denied',
        message: 'This server does not take connections from pages of this origin.',
    });

/** What is no error of the protocol's may be a proxy's, or a bug's: it passes, perhaps. */
const said = (error: unknown): ParleyError =>
    new ParleyError(
        isWireError(error)
            ? error
            : { code: 'internal', message: 'The answer of the server can’t be read.' },
    );

const isSignedOut = (error: unknown): error is ParleyError =>
    error instanceof ParleyError && error.code === 'signed_out';

/** To ask again is in vain. What is no ParleyError is an application's, whose network fails. */
const isFinal = (error: unknown): error is ParleyError =>
    error instanceof ParleyError && !isPassing(error);

/** What the server has refused the connection for; undefined where it was not the server. */
function refusalOf(error: unknown): ParleyError | undefined {
    const { data, message, context } = error as {
        data?: Partial<WireError>;
        message: string;
        context?: { status?: number };
    };
    if (context?.status === 403) return originDenied();
    if (typeof data?.code !== 'string') return undefined;
    return new ParleyError({ message, ...data, code: data.code });
}

/** Half to one and a half of 1, 2, 4, 5, 5 … seconds. */
const backoff = (tries: number): number =>
    Math.min(BACKOFF_MS.first * 2 ** tries, BACKOFF_MS.most) * (0.5 + Math.random());

/** Calls back when the network, or the user, comes or goes. @return a function that ends it */
function watchPage(onBack: () => void, onGone: () => void): () => void {
    if (typeof window === 'undefined') return () => {};
    const onVisible = () => {
        if (document.visibilityState === 'visible') onBack();
    };
    window.addEventListener('online', onBack);
    window.addEventListener('offline', onGone);
    document.addEventListener('visibilitychange', onVisible);
    return () => {
        window.removeEventListener('online', onBack);
        window.removeEventListener('offline', onGone);
        document.removeEventListener('visibilitychange', onVisible);
    };
}

/**
 * Each attempt has a socket of its own, which is not used again: nothing that waits in one can be
 * sent later, and there is one place that decides when to try anew, the network's errors and the
 * server's refusals alike.
 */
class Connection implements Wire {
    readonly events = new Emitter<WireEvents>();
    readonly #options: ConnectionOptions;
    #status: Status = 'idle';
    #error: ParleyError | undefined;
    #ready: Ready | undefined;
    #socket: Socket | undefined;
    /** Of the attempt that counts: what an earlier one still says is not for us. */
    #attempt = 0;
    #isOpening = false;
    #tries = 0;
    /** The last connection did not come about over the other transport. */
    #isPolling = false;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #token: string | undefined;
    #refused: string | undefined;
    /** What the server said of the connection, which it then ends. */
    #lastWords: ParleyError | undefined;
    #cursor: string | undefined;
    #unwatch: (() => void) | undefined;

    constructor(options: ConnectionOptions) {
        this.#options = options;
    }

    get status(): Status {
        return this.#status;
    }

    get error(): ParleyError | undefined {
        return this.#error;
    }

    get ready(): Ready | undefined {
        return this.#ready;
    }

    connect(): void {
        if (this.#socket || this.#isOpening) return;
        this.#unwatch ??= watchPage(
            () => this.#hurry(),
            () => this.#lose(),
        );
        if (this.#status !== 'offline') this.#say('connecting');
        this.#refused = undefined;
        void this.#open();
    }

    disconnect(): void {
        this.#end('idle');
    }

    request<K extends keyof Requests>(
        event: K,
        payload: Requests[K][0],
        { timeoutMs = ANSWER_MS, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
    ): Promise<Requests[K][1]> {
        const socket = this.#socket;
        if (signal?.aborted) return Promise.reject(cancelled());
        if (!socket || this.#status !== 'online') return Promise.reject(offline());
        return new Promise((resolve, reject) => {
            const cancel = () => reject(cancelled());
            signal?.addEventListener('abort', cancel);
            const answered = (lost: Error | null, answer?: Answer & Requests[K][1]) => {
                signal?.removeEventListener('abort', cancel);
                if (lost) reject(socket === this.#socket ? late() : offline());
                else if (answer?.status === 'ok') resolve(answer);
                else reject(said(answer?.error));
            };
            socket.timeout(timeoutMs).emit(event, payload, answered);
        });
    }

    hint(event: 'typing.start' | 'typing.stop', payload: { peer: string }): void {
        if (this.#status === 'online') this.#socket?.volatile.emit(event, payload);
    }

    #say(status: Status, error?: ParleyError): void {
        if (status === this.#status && error === this.#error) return;
        this.#status = status;
        this.#error = error;
        this.events.emit('status', status);
    }

    async #open(): Promise<void> {
        clearTimeout(this.#timer);
        const attempt = ++this.#attempt;
        this.#isOpening = true;
        try {
            const token = await this.#options.auth.token(this.#refused);
            const transport = await this.#transport();
            if (attempt === this.#attempt) this.#dial(token, transport);
        } catch (error) {
            if (attempt !== this.#attempt) return;
            if (isFinal(error)) this.#end('stopped', error);
            else this.#retry((error as ParleyError | undefined)?.retryAfterMs, this.#refused);
        } finally {
            if (attempt === this.#attempt) this.#isOpening = false;
        }
    }

    /** WebSocket first: it takes fewer round trips, and nearly every network lets it through. */
    async #transport(): Promise<Transport> {
        if (!this.#isPolling) return 'websocket';
        try {
            return (await import('./polling.js')).polling;
        } catch {
            return 'websocket'; // no network at all, most likely
        }
    }

    #dial(token: string, transport: Transport): void {
        const { server, path = '/socket.io/', dial = io } = this.#options;
        const cursor = this.#cursor === undefined ? {} : { cursor: this.#cursor };
        const auth = { token, ...cursor };
        const transports = [transport] as string[];
        const socket = dial(server, {
            path,
            auth,
            transports,
            forceNew: true,
            reconnection: false,
        });
        this.#socket = socket;
        this.#token = token;
        this.#lastWords = undefined;
        this.#timer = setTimeout(() => this.#retry(), READY_MS);
        socket.on('connect_error', (error) => this.#onRefused(error));
        socket.on('disconnect', () => this.#onDisconnect());
        this.#listen(socket);
    }

    #listen(socket: Socket): void {
        const { events } = this;
        /** What has no body is not of the protocol. */
        const hear = <T>(event: string, listener: (body: T, acknowledge: () => void) => void) =>
            socket.on(event, (body: T, acknowledge: () => void) => {
                if (isObject(body)) listener(body, acknowledge);
            });
        hear('ready', (ready: Ready) => this.#onReady(ready));
        hear('error', (body: ServerEvents['error']) => this.#onError(body));
        hear('auth.expiring', (value: ServerEvents['auth.expiring']) => {
            events.emit('auth.expiring', value);
            void this.#renew(this.#attempt);
        });
        hear('message.new', (message: ServerEvents['message.new'], acknowledge) => {
            const ack = () => {
                this.#cursor = message.cursor ?? this.#cursor;
                acknowledge();
            };
            events.emit('message.new', { message, ack });
        });
        for (const event of PLAIN) hear(event, (value) => events.emit(event, value as never));
        for (const event of CURSORED)
            hear(event, (value: { cursor: string }) => {
                events.emit(event, value as never);
                this.#cursor = value.cursor;
            });
    }

    #onReady(ready: Ready): void {
        clearTimeout(this.#timer);
        this.#ready = ready;
        this.#tries = 0;
        this.#refused = undefined;
        if (!ready.recovered && this.#cursor) {
            this.#cursor = undefined;
            this.events.emit('restored', undefined);
        }
        this.#say('online');
        this.events.emit('ready', ready);
    }

    #onError({ error, event }: ServerEvents['error']): void {
        const words = said(error);
        if (event === undefined) this.#lastWords = words;
        this.events.emit('error', words);
    }

    #onDisconnect(): void {
        const words = this.#lastWords;
        if (words && ENDING.has(words.code)) this.#end('stopped', words);
        else if (words?.code.startsWith('token_')) this.#retry(0, this.#token);
        else this.#retry();
    }

    #onRefused(error: unknown): void {
        const refusal = refusalOf(error);
        if (!refusal) {
            this.#isPolling = !this.#isPolling;
            return this.#retry();
        }
        const isOfToken = refusal.code.startsWith('token_');
        if (isOfToken && this.#refused === undefined) return this.#openAnew();
        if (isOfToken || ENDING.has(refusal.code)) this.#end('stopped', refusal);
        else this.#retry(refusal.retryAfterMs);
    }

    /** With another token, and once: where that is refused as well, it is not for its age. */
    #openAnew(): void {
        this.#drop();
        this.#refused = this.#token;
        void this.#open();
    }

    async #renew(attempt: number): Promise<void> {
        try {
            const token = await this.#options.auth.token(this.#token);
            if (attempt !== this.#attempt) return;
            await this.request('auth.refresh', { token });
            if (attempt === this.#attempt) this.#token = token;
        } catch (error) {
            if (attempt !== this.#attempt) return;
            if (isSignedOut(error)) this.#end('stopped', error);
            else if (!(error instanceof ParleyError) || isPassing(error))
                this.#timer = setTimeout(() => void this.#renew(attempt), RENEW_AGAIN_MS);
            // Else it is cut off in time, and comes back with whatever token there is then.
        }
    }

    /** @param refused  a token that is not to be used again */
    #retry(afterMs = 0, refused?: string): void {
        this.#drop();
        this.#refused = refused;
        const delay = Math.max(afterMs, backoff(this.#tries++));
        this.#timer = setTimeout(() => void this.#open(), delay);
        this.#say('offline');
    }

    /** Whoever waits to try again tries now. */
    #hurry(): void {
        if (this.#status === 'offline' && !this.#socket && !this.#isOpening) void this.#open();
    }

    /** The page has lost the network: a socket would find out in half a minute only. */
    #lose(): void {
        if (this.#status === 'online' || this.#status === 'connecting') this.#retry();
    }

    #end(status: Status, error?: ParleyError): void {
        this.#drop();
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#tries = 0;
        this.#say(status, error);
    }

    /** Requests under way are answered with `offline`. */
    #drop(): void {
        this.#attempt++;
        this.#isOpening = false;
        clearTimeout(this.#timer);
        const socket = this.#socket;
        this.#socket = undefined;
        socket?.removeAllListeners();
        socket?.disconnect();
    }
}

export const openConnection = (options: ConnectionOptions): Wire => new Connection(options);
