/** A thread with a peer, anew for each test of the file that asks for it. */
import { afterEach, beforeEach, vi } from 'vitest';
import { ParleyError } from '../src/errors.js';
import type { Thread } from '../src/model.js';
import type { Message } from '../src/protocol.js';
import { BOB, ME, message, settled, setup, type Setup } from './core-fakes.js';

export let it: Setup;
export let thread: Thread;
export const seqs = () => thread.items.map((item) => item.seq);
export const states = () => thread.items.map((item) => item.state);
export const refused = (code: string, retry_after_ms?: number) =>
    new ParleyError({
        code,
        message: code,
        ...(retry_after_ms !== undefined && { retry_after_ms }),
    });

/** One's own, as the server tells of it. */
export const own = (seq: number, more: Partial<Message> = {}) =>
    message(seq, { from: ME, to: BOB, ...more });

export function eachTestHasOne(): void {
    beforeEach(() => {
        vi.useFakeTimers();
        it = setup();
        thread = it.chat.thread(BOB);
    });

    afterEach(() => {
        vi.useRealTimers();
    });
}

/** Opened, with what the server has. */
export async function open(all: Message[]): Promise<void> {
    it.wire.has(all);
    thread.open();
    it.wire.online();
    await settled();
}
