import { ParleyError } from './errors.js';

export const cancelled = (): ParleyError =>
    new ParleyError({ code: 'cancelled', message: 'This was cancelled.' });

export function throwIfCancelled(signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw cancelled();
}

/** Rejects with `cancelled` as soon as the signal says so. What was begun goes on, unheard. */
export function untilCancelled<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
): Promise<T> {
    return new Promise<T>((resolve, reject) => {
        const onAbort = () => reject(cancelled());
        if (signal?.aborted) return onAbort();
        signal?.addEventListener('abort', onAbort);
        void work()
            .then(resolve, reject)
            .then(() => signal?.removeEventListener('abort', onAbort));
    });
}

export const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
    untilCancelled(() => new Promise((resolve) => setTimeout(resolve, ms)), signal);
