import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { daily } from '../src/daily';

const EVENING = new Date(2026, 10, 26, 23, 50);
const MINUTE_MS = 60_000;

/** An element that is updated at once, and counts how often. */
class Host implements ReactiveControllerHost {
    controller!: ReactiveController;
    updates = 0;
    readonly updateComplete = Promise.resolve(true);
    addController(controller: ReactiveController): void {
        this.controller = controller;
    }
    removeController(): void {}
    requestUpdate(): void {
        this.updates++;
        this.controller.hostUpdated?.();
    }
}

function shown(): Host {
    const host = new Host();
    daily(host);
    host.controller.hostConnected?.();
    host.requestUpdate();
    host.updates = 0;
    return host;
}

beforeEach(() => {
    vi.useFakeTimers({ now: EVENING });
});
afterEach(() => {
    vi.useRealTimers();
});

describe('an element that says when', () => {
    it('is rendered anew within a minute of midnight, and once', () => {
        const host = shown();
        vi.advanceTimersByTime(9 * MINUTE_MS);
        expect(host.updates).toBe(0);
        vi.advanceTimersByTime(2 * MINUTE_MS);
        expect(host.updates).toBe(1);
        vi.advanceTimersByTime(60 * MINUTE_MS);
        expect(host.updates).toBe(1);
    });

    it('is rendered anew soon after a sleep over midnight', () => {
        const host = shown();
        vi.setSystemTime(new Date(2026, 10, 27, 9, 0));
        vi.advanceTimersByTime(MINUTE_MS);
        expect(host.updates).toBe(1);
    });

    it('is left alone once it is not in the page', () => {
        const host = shown();
        host.controller.hostDisconnected?.();
        vi.advanceTimersByTime(60 * MINUTE_MS);
        expect(host.updates).toBe(0);
    });
});
