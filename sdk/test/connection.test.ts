import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { io } from 'socket.io-client';
import { openConnection } from '../src/connection.js';
import { ParleyError } from '../src/errors.js';
import type { Auth } from '../src/auth.js';
import type { Wire } from '../src/wire.js';
import { message, settled } from './core-fakes.js';

type Ack = (error: Error | null, answer?: unknown) => void;

/** What connection.ts uses of a Socket; with a timeout as socket.io-client has it. */
class FakeSocket {
    readonly listeners = new Map<string, (...args: unknown[]) => void>();
    readonly sent: [string, unknown][] = [];
    readonly acks: Ack[] = [];
    isClosed = false;
    readonly volatile = {
        emit: (event: string, payload: unknown) => this.sent.push([event, payload]),
    };

    constructor(
        readonly server: string,
        readonly options: {
            auth: { token: string; cursor?: string };
            path: string;
            transports: string[];
        },
    ) {}

    on(event: string, listener: (...args: unknown[]) => void): void {
        this.listeners.set(event, listener);
    }

    say(event: string, ...args: unknown[]): void {
        this.listeners.get(event)?.(...args);
    }

    removeAllListeners(): void {
        this.listeners.clear();
    }

    disconnect(): void {
        this.isClosed = true;
        for (const ack of this.acks.splice(0)) ack(new Error('socket has been disconnected'));
    }

    timeout(ms: number) {
        return {
            emit: (event: string, payload: unknown, ack: Ack) => {
                this.sent.push([event, payload]);
                this.acks.push(ack);
                setTimeout(() => ack(new Error('operation has timed out')), ms);
            },
        };
    }

    ready(recovered = false): void {
        this.say('ready', { account: 'me', recovered, server_time: '', limits: {} });
    }
}

let sockets: FakeSocket[];
let wire: Wire;
let statuses: string[];
let token: ReturnType<typeof vi.fn<Auth['token']>>;
const last = () => sockets.at(-1)!;
const signedOut = () => new ParleyError({ code: 'signed_out', message: '' });

beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    vi.stubGlobal('window', new EventTarget());
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', page);
    sockets = [];
    token = vi.fn<Auth['token']>(() => Promise.resolve('t1'));
    const dial = ((server: string, options: FakeSocket['options']) => {
        sockets.push(new FakeSocket(server, options));
        return last();
    }) as unknown as typeof io;
    wire = openConnection({ server: 'http://h', auth: { token }, dial });
    statuses = [];
    wire.events.on('status', (status) => statuses.push(status));
});

afterEach(() => {
    wire.disconnect();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    vi.useRealTimers();
});

async function online(recovered = false): Promise<FakeSocket> {
    wire.connect();
    await settled();
    last().ready(recovered);
    return last();
}

describe('a connection', () => {
    test('is online once the server is ready, and not before', async () => {
        wire.connect();
        await settled();
        expect(last().options).toMatchObject({ auth: { token: 't1' }, path: '/socket.io/' });
        expect(wire.status).toBe('connecting');
        last().ready();
        expect(statuses).toEqual(['connecting', 'online']);
    });

    test('is asked for once, however often that is', async () => {
        wire.connect();
        wire.connect();
        await settled();
        wire.connect();
        await settled();
        expect(sockets).toHaveLength(1);
    });

    test('that breaks comes back by itself, later each time', async () => {
        await online();
        last().say('disconnect', 'transport close');
        for (const wait of [1000, 2000, 4000, 5000, 5000]) {
            const n = sockets.length;
            await vi.advanceTimersByTimeAsync(wait - 1);
            expect(sockets).toHaveLength(n);
            await vi.advanceTimersByTimeAsync(1);
            await vi.dynamicImportSettled(); // of the other transport
            expect(sockets).toHaveLength(n + 1);
            last().say('connect_error', new Error('websocket error'));
        }
        expect(statuses).toEqual(['connecting', 'online', 'offline']);
    });

    test('goes over the other transport after one that did not come about', async () => {
        await online();
        last().say('disconnect', 'transport close');
        const tried: unknown[] = [];
        for (const wait of [1000, 2000, 4000]) {
            await vi.advanceTimersByTimeAsync(wait);
            await vi.dynamicImportSettled();
            tried.push(last().options.transports);
            last().say('connect_error', new Error('websocket error'));
        }
        expect(tried).toEqual([['websocket'], ['polling'], ['websocket']]);
    });

    test.each([undefined, null, 7, 'text'])('takes no event whose body is %s', async (body) => {
        const socket = await online();
        const told = vi.fn();
        for (const event of ['message.new', 'synced', 'warning', 'error'] as const)
            wire.events.on(event, told);
        for (const event of socket.listeners.keys())
            if (event !== 'disconnect' && event !== 'connect_error') socket.say(event, body);
        expect(told).not.toHaveBeenCalled();
        expect(wire.status).toBe('online');
    });

    test('says that something is wrong, where the server’s error is none', async () => {
        const socket = await online();
        const told = vi.fn();
        wire.events.on('error', told);
        socket.say('error', { error: 'no' });
        expect(told.mock.calls[0]![0]).toMatchObject({ code: 'internal' });
    });

    test('that was online waits but little the next time', async () => {
        await online();
        last().say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        last().ready();
        last().say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        expect(sockets).toHaveLength(3);
    });

    test.each([
        ['window', 'online'],
        ['document', 'visibilitychange'],
    ])('that waits tries at once when the %s says %s', async (where, event) => {
        await online();
        last().say('disconnect', 'transport close');
        (globalThis as unknown as Record<string, EventTarget>)[where]!.dispatchEvent(
            new Event(event),
        );
        await settled();
        expect(sockets).toHaveLength(2);
    });

    test('is offline when the page is, and tries all the same', async () => {
        const socket = await online();
        window.dispatchEvent(new Event('offline'));
        expect(wire.status).toBe('offline');
        expect(socket.isClosed).toBe(true);
        await vi.advanceTimersByTimeAsync(1000);
        last().ready();
        expect(wire.status).toBe('online');
    });

    test('hears nothing of the page any more once it is over', async () => {
        await online();
        wire.disconnect();
        window.dispatchEvent(new Event('online'));
        await vi.advanceTimersByTimeAsync(10000);
        expect(sockets).toHaveLength(1);
        expect(wire.status).toBe('idle');
    });

    test('to a server that never gets ready is tried anew after 30 s', async () => {
        wire.connect();
        await settled();
        await vi.advanceTimersByTimeAsync(29999);
        expect([wire.status, last().isClosed]).toEqual(['connecting', false]);
        await vi.advanceTimersByTimeAsync(1);
        expect([wire.status, last().isClosed]).toEqual(['offline', true]);
        await vi.advanceTimersByTimeAsync(1000);
        last().ready();
        await vi.advanceTimersByTimeAsync(60000);
        expect([wire.status, sockets.length]).toEqual(['online', 2]);
    });

    test('that is given up while the token is asked for does not come', async () => {
        wire.connect();
        wire.disconnect();
        await settled();
        expect(sockets).toHaveLength(0);
    });
});

describe('a token', () => {
    test('that is refused is asked for anew, once', async () => {
        token.mockImplementation((refused) => Promise.resolve(refused ? 't2' : 't1'));
        wire.connect();
        await settled();
        last().say('connect_error', { message: 'no', data: { code: 'token_expired' } });
        await settled();
        expect(token).toHaveBeenLastCalledWith('t1');
        expect(last().options.auth.token).toBe('t2');
        last().say('connect_error', { message: 'no', data: { code: 'token_invalid' } });
        await vi.advanceTimersByTimeAsync(20000);
        expect(sockets).toHaveLength(2);
        expect([wire.status, wire.error?.code]).toEqual(['stopped', 'token_invalid']);
    });

    test('that is not to be had without signing in stops it', async () => {
        token.mockRejectedValue(signedOut());
        wire.connect();
        await settled();
        expect([wire.status, wire.error?.code]).toEqual(['stopped', 'signed_out']);
    });

    test.each(['login_domain', 'token_missing', 'token_expired'])(
        'that is not to be had for %s stops it, and says so',
        async (code) => {
            token.mockRejectedValue(new ParleyError({ code, message: 'no' }));
            wire.connect();
            await vi.advanceTimersByTimeAsync(20000);
            expect([wire.status, wire.error?.code]).toEqual(['stopped', code]);
            expect(token).toHaveBeenCalledTimes(1);
        },
    );

    test('that was refused is not taken again after a failure that passes', async () => {
        await online();
        last().say('error', { error: { code: 'token_expired', message: 'no' } });
        token.mockRejectedValueOnce(undefined);
        last().say('disconnect', 'io server disconnect');
        await vi.advanceTimersByTimeAsync(5000);
        expect(token.mock.calls).toEqual([[undefined], ['t1'], ['t1']]);
    });

    test('is asked for again when the server says', async () => {
        const error = { code: 'rate_limited', message: 'no', retry_after_ms: 9000 };
        token.mockRejectedValueOnce(new ParleyError(error));
        wire.connect();
        await vi.advanceTimersByTimeAsync(8999);
        expect(token).toHaveBeenCalledTimes(1);
        await vi.advanceTimersByTimeAsync(1);
        expect(token).toHaveBeenCalledTimes(2);
    });

    test('that is not to be had for now is asked for again', async () => {
        token.mockRejectedValueOnce(new Error('fetch failed'));
        wire.connect();
        await settled();
        expect(wire.status).toBe('offline');
        await vi.advanceTimersByTimeAsync(1000);
        expect(sockets).toHaveLength(1);
    });

    test('that is about to end is replaced', async () => {
        const socket = await online();
        token.mockResolvedValue('t2');
        socket.say('auth.expiring', { expires_at: '' });
        await settled();
        expect(token).toHaveBeenLastCalledWith('t1');
        expect(socket.sent).toEqual([['auth.refresh', { token: 't2' }]]);
        socket.acks[0]!(null, { status: 'ok', expires_at: '' });
        await settled();
        socket.say('auth.expiring', { expires_at: '' });
        await settled();
        expect(token).toHaveBeenLastCalledWith('t2');
    });

    test('that can not be replaced for now is tried again', async () => {
        const socket = await online();
        socket.say('auth.expiring', { expires_at: '' });
        await settled();
        const error = { code: 'login_unavailable', message: '' };
        socket.acks[0]!(null, { status: 'error', error });
        await vi.advanceTimersByTimeAsync(5000);
        expect(socket.sent.map(([event]) => event)).toEqual(['auth.refresh', 'auth.refresh']);
    });

    test('that ends under a connection is not used for the next one', async () => {
        const socket = await online();
        socket.say('error', { error: { code: 'token_expired', message: '' } });
        socket.say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        expect(token).toHaveBeenLastCalledWith('t1');
        expect(sockets).toHaveLength(2);
    });
});

describe('the server ends it for good', () => {
    test.each([
        ['too_many_sockets', { data: { code: 'too_many_sockets' }, message: 'x' }],
        ['origin_denied', { data: { code: 'origin_denied' }, message: 'x' }],
        ['origin_denied', { message: 'xhr poll error', context: { status: 403 } }],
    ])('with %s at the door', async (code, error) => {
        wire.connect();
        await settled();
        last().say('connect_error', error);
        await vi.advanceTimersByTimeAsync(20000);
        expect(sockets).toHaveLength(1);
        expect([wire.status, wire.error?.code]).toEqual(['stopped', code]);
    });

    test.each(['token_revoked', 'too_many_sockets'])('with %s later on', async (code) => {
        const socket = await online();
        socket.say('error', { error: { code, message: 'x' } });
        socket.say('disconnect', 'io server disconnect');
        await vi.advanceTimersByTimeAsync(20000);
        expect(sockets).toHaveLength(1);
        expect([wire.status, wire.error?.code]).toEqual(['stopped', code]);
    });

    test('until the application connects again', async () => {
        const socket = await online();
        socket.say('error', { error: { code: 'too_many_sockets', message: 'x' } });
        socket.say('disconnect', 'io server disconnect');
        await online();
        expect([wire.status, wire.error]).toEqual(['online', undefined]);
    });

    test('not with an error of a request', async () => {
        const socket = await online();
        const error = { code: 'too_many_sockets', message: 'x' };
        socket.say('error', { error, event: 'message.send' });
        socket.say('disconnect', 'transport close');
        expect(wire.status).toBe('offline');
    });

    test('not with what passes: it waits as long as it is told', async () => {
        wire.connect();
        await settled();
        const data = { code: 'rate_limited', retry_after_ms: 7000 };
        last().say('connect_error', { message: 'x', data });
        await vi.advanceTimersByTimeAsync(6999);
        expect(sockets).toHaveLength(1);
        await vi.advanceTimersByTimeAsync(1);
        expect(sockets).toHaveLength(2);
    });
});

describe('a cursor', () => {
    const cursors = () => sockets.map((socket) => socket.options.auth.cursor);
    const again = async () => {
        last().say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        last().ready(true);
    };

    test('is where the next connection goes on', async () => {
        await online();
        last().say('synced', { cursor: 'a' });
        await again();
        last().say('message.read', { cursor: 'b' });
        await again();
        expect(cursors()).toEqual([undefined, 'a', 'b']);
    });

    test('of a message is kept once that was acknowledged', async () => {
        await online();
        const acks: (() => void)[] = [];
        wire.events.on('message.new', ({ ack }) => acks.push(ack));
        const acknowledge = vi.fn();
        last().say('message.new', message(1), acknowledge);
        expect(acknowledge).not.toHaveBeenCalled();
        await again();
        acks[0]!();
        expect(acknowledge).toHaveBeenCalledOnce();
        await again();
        expect(cursors()).toEqual([undefined, undefined, 'at-1']);
    });

    test('that the server does not know is not told again, and what is here is not of it', async () => {
        const heard: string[] = [];
        wire.events.on('restored', () => heard.push('restored'));
        wire.events.on('ready', () => heard.push('ready'));
        await online();
        last().say('synced', { cursor: 'a' });
        await again();
        expect(heard).toEqual(['ready', 'ready']);
        last().say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        last().ready(false);
        expect(heard).toEqual(['ready', 'ready', 'restored', 'ready']);
        last().say('disconnect', 'transport close');
        await vi.advanceTimersByTimeAsync(1000);
        expect(cursors()).toEqual([undefined, 'a', 'a', undefined]);
    });
});

describe('a request', () => {
    const ask = (options = {}) => wire.request('message.read', { peer: 'p', seq: 1 }, options);

    test('is answered', async () => {
        const socket = await online();
        const answer = ask();
        socket.acks[0]!(null, { status: 'ok', seq: 1 });
        await expect(answer).resolves.toMatchObject({ seq: 1 });
    });

    test('is refused as the server says', async () => {
        const socket = await online();
        const answer = ask();
        const error = { code: 'rate_limited', message: 'Slow down.', retry_after_ms: 5 };
        socket.acks[0]!(null, { status: 'error', error });
        await expect(answer).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 5 });
    });

    test.each([
        ['nothing', undefined],
        ['null', null],
        ['a text', 'ok'],
        ['an object of no status', {}],
        ['an error of which nothing is said', { status: 'error' }],
        ['an error that is a text', { status: 'error', error: 'busy' }],
        ['an error of other types', { status: 'error', error: { code: 1, message: {} } }],
    ])('that is answered with %s fails, and passes perhaps', async (_, answer) => {
        const socket = await online();
        const asked = ask();
        socket.acks[0]!(null, answer);
        await expect(asked).rejects.toMatchObject({ code: 'internal' });
    });

    test('is not sent before the server is ready', async () => {
        wire.connect();
        await settled();
        await expect(ask()).rejects.toMatchObject({ code: 'offline' });
        expect(last().sent).toEqual([]);
    });

    test.each([
        ['10 s', {}, 10000],
        ['as long as it says', { timeoutMs: 300 }, 300],
    ])('without an answer is over after %s', async (_, options, ms) => {
        await online();
        const rejected = vi.fn();
        ask(options).catch(rejected);
        await vi.advanceTimersByTimeAsync(ms - 1);
        expect(rejected).not.toHaveBeenCalled();
        await vi.advanceTimersByTimeAsync(1);
        expect(rejected.mock.calls[0]![0]).toMatchObject({ code: 'busy' });
        expect(wire.status).toBe('online');
    });

    test('is over with its connection', async () => {
        const socket = await online();
        const answer = ask();
        socket.say('disconnect', 'transport close');
        await expect(answer).rejects.toMatchObject({ code: 'offline' });
    });

    test.each(['before', 'after'])('can be cancelled %s it was sent', async (when) => {
        await online();
        const abort = new AbortController();
        if (when === 'before') abort.abort();
        const answer = ask({ signal: abort.signal });
        abort.abort();
        await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
        expect(last().sent).toHaveLength(when === 'before' ? 0 : 1);
    });

    test('that need not arrive is not kept for later', async () => {
        wire.hint('typing.start', { peer: 'p' });
        const socket = await online();
        expect(socket.sent).toEqual([]);
        wire.hint('typing.start', { peer: 'p' });
        expect(socket.sent).toEqual([['typing.start', { peer: 'p' }]]);
    });
});
