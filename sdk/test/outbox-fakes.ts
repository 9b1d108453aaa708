/** What an outbox stands on, to be told what to do. */
import type { Requests } from '../src/protocol.js';
import type { Message } from '../src/protocol.js';
import { ParleyError } from '../src/errors.js';
import type { Status, Wire } from '../src/wire.js';
import '../src/upload.js'; // loaded late by itself, in more turns than these tests wait
import { openOutbox } from '../src/outbox-open.js';
import type { Outbox } from '../src/outbox.js';

export const ME = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
export const BOB = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';
export const EVE = '0x8ba1f109551bD432803012645Ac136ddd64DBA72';

export const parleyError = (code: string, retry_after_ms?: number): ParleyError =>
    new ParleyError({ code, message: code, ...(retry_after_ms && { retry_after_ms }) });

export function messageOf(payload: Requests['message.send'][0], seq = 1): Message {
    return {
        id: `c:${seq}`,
        conversation: 'c',
        seq,
        peer: payload.to,
        from: ME,
        to: payload.to,
        type: payload.type as Message['type'],
        content: payload.content,
        client_msg_id: payload.client_msg_id,
        created_at: '2026-11-26T09:00:00.000Z',
        status: 'undelivered',
    };
}

type Payload = Requests['message.send'][0] & Requests['upload.create'][0];

/** A request that waits for the test's answer. */
export interface Asked {
    event: string;
    payload: Payload;
    answer(value: unknown): void;
    refuse(error: unknown): void;
}

/** Answers nothing by itself. */
export class FakeWire implements Pick<Wire, 'request' | 'status'> {
    status: Status = 'online';
    readonly asked: Asked[] = [];

    request<K extends keyof Requests>(
        event: K,
        payload: Requests[K][0],
        options?: { signal?: AbortSignal },
    ): Promise<Requests[K][1]> {
        return new Promise((resolve, reject) => {
            options?.signal?.addEventListener('abort', () => reject(parleyError('cancelled')));
            this.asked.push({
                event,
                payload: payload as Payload,
                answer: (value) => resolve(value as Requests[K][1]),
                refuse: reject,
            });
        });
    }

    sent(to?: string): Asked[] {
        return this.asked.filter(
            (one) => one.event === 'message.send' && (!to || one.payload.to === to),
        );
    }
}

export const store = (asked: Asked, duplicate = false): void =>
    asked.answer({ duplicate, message: messageOf(asked.payload) });

interface Waiting {
    mode: string;
    grant(): void;
}

/** navigator.locks of one origin. */
export class FakeLocks {
    readonly #held = new Map<string, string[]>();
    readonly #waiting = new Map<string, Waiting[]>();

    #delay: Promise<void> | undefined;

    /** The next request waits until this is called. */
    delayNext(): () => void {
        let grant = (): void => {};
        this.#delay = new Promise((resolve) => (grant = resolve));
        return grant;
    }

    async request(name: string, ...rest: unknown[]): Promise<unknown> {
        const f = rest.pop() as (lock: object | null) => unknown;
        const options = (rest[0] ?? {}) as LockOptions;
        const mode = options.mode ?? 'exclusive';
        const delay = this.#delay;
        this.#delay = undefined;
        await delay;
        if (!this.#isFree(name, mode)) {
            if (options.ifAvailable) return f(null);
            await this.#wait(name, mode, options.signal);
        }
        this.#held.set(name, [...(this.#held.get(name) ?? []), mode]);
        try {
            return await f({ name, mode });
        } finally {
            this.#release(name, mode);
        }
    }

    #isFree(name: string, mode: string): boolean {
        const held = this.#held.get(name) ?? [];
        return held.length === 0 || (mode === 'shared' && !held.includes('exclusive'));
    }

    #wait(name: string, mode: string, signal?: AbortSignal): Promise<void> {
        return new Promise((resolve, reject) => {
            const waiting = this.#waiting.get(name) ?? [];
            this.#waiting.set(name, [...waiting, { mode, grant: resolve }]);
            signal?.addEventListener('abort', () => reject(signal.reason));
        });
    }

    #release(name: string, mode: string): void {
        const held = this.#held.get(name) ?? [];
        held.splice(held.indexOf(mode), 1);
        const waiting = this.#waiting.get(name) ?? [];
        this.#waiting.delete(name);
        for (const one of waiting) one.grant();
    }
}

/** As a page that is killed: its locks go, and it hears and says nothing any more. */
export const kill = (box: Outbox): void => box.close();

export const open = (wire: Pick<Wire, 'request' | 'status'>, server = 'http://s'): Outbox =>
    openOutbox({ server, account: ME, wire, persist: true });

export const text = (content: string, to = BOB) => ({ to, type: 'text', content });

export const states = (box: Outbox, to = BOB): string[] =>
    box.of(to).map((line) => `${String(line.entry.content)} ${line.state}`);

/** The turns of the loop that IndexedDB and channels need. */
export async function turns(n = 20): Promise<void> {
    for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function until(isSo: () => boolean, turn = () => turns(1)): Promise<void> {
    for (let i = 0; i < 5000 && !isSo(); i++) await turn();
    if (!isSo()) throw new Error(`it never came: ${isSo}`);
}
