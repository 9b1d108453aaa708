import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { coalesce } from '../src/coalesce.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('what is called often', () => {
    test('runs at the end of the turn, once', async () => {
        const run = vi.fn();
        const call = coalesce(run);
        for (let i = 0; i < 3; i++) call();
        expect(run).not.toHaveBeenCalled();
        await Promise.resolve();
        expect(run).toHaveBeenCalledTimes(1);
    });

    test('runs again after a frame, and not before', async () => {
        const run = vi.fn();
        const call = coalesce(run);
        call();
        await Promise.resolve();
        call();
        await vi.advanceTimersByTimeAsync(15);
        expect(run).toHaveBeenCalledTimes(1);
        await vi.advanceTimersByTimeAsync(2);
        expect(run).toHaveBeenCalledTimes(2);
    });

    test('leaves as much time to others as it takes, with what it leads to', async () => {
        let extraMs = 0;
        const now = performance.now.bind(performance);
        vi.spyOn(performance, 'now').mockImplementation(() => now() + extraMs);
        const run = vi.fn(() => queueMicrotask(() => (extraMs += 100))); // as what is rendered
        const call = coalesce(run);
        call();
        await Promise.resolve();
        call();
        await vi.advanceTimersByTimeAsync(99);
        expect(run).toHaveBeenCalledTimes(1);
        await vi.advanceTimersByTimeAsync(2);
        expect(run).toHaveBeenCalledTimes(2);
    });
});
