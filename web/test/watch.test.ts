import { describe, expect, it } from 'vitest';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { watch } from '../src/watch';
import { FakeChat } from './fake';

/** An element that counts how often it is asked to update, and updates when told. */
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
    }
    update(): void {
        this.controller.hostUpdate?.();
    }
}

function watching(first: FakeChat | undefined) {
    const host = new Host();
    const shown = { chat: first };
    let changes = 0;
    watch(
        host,
        () => shown.chat,
        () => changes++,
    );
    host.controller.hostConnected?.();
    host.update();
    host.updates = 0;
    return { host, shown, changes: () => changes };
}

describe('an element that shows something live', () => {
    it('updates with each change of it', () => {
        const chat = new FakeChat();
        const { host, changes } = watching(chat);
        chat.set({});
        chat.set({});
        expect([host.updates, changes()]).toEqual([2, 2]);
    });

    it('follows another one from its next update on', () => {
        const [before, after] = [new FakeChat(), new FakeChat()];
        const { host, shown } = watching(before);
        shown.chat = after;
        host.update();
        before.set({});
        expect(host.updates).toBe(0);
        after.set({});
        expect(host.updates).toBe(1);
    });

    it('hears nothing outside of the page, and catches up when it is back', () => {
        const chat = new FakeChat();
        const { host } = watching(chat);
        host.controller.hostDisconnected?.();
        chat.set({});
        expect(host.updates).toBe(0);
        host.controller.hostConnected?.();
        host.update();
        chat.set({});
        expect(host.updates).toBe(2);
    });

    it('is fine with nothing to show', () => {
        const { host } = watching(undefined);
        host.update();
        expect(host.updates).toBe(0);
    });
});
