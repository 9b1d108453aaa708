import type { ReactiveController, ReactiveControllerHost } from 'lit';

interface Live {
    on(event: 'change', listener: () => void): () => void;
}

/**
 * Renders an element anew with each change of what it shows, while it is in the page.
 *
 * @param target    asked before each update: it may be another one by then
 * @param onChange  before the element is asked to update
 */
export function watch(
    host: ReactiveControllerHost,
    target: () => Live | undefined,
    onChange: () => void = () => {},
): void {
    let watched: Live | undefined;
    let end = () => {};

    const changed = () => {
        onChange();
        host.requestUpdate();
    };
    const follow = (next: Live | undefined) => {
        if (next === watched) return;
        end();
        watched = next;
        end = next ? next.on('change', changed) : () => {};
    };
    const controller: ReactiveController = {
        hostConnected: () => host.requestUpdate(),
        hostUpdate: () => follow(target()),
        hostDisconnected: () => follow(undefined),
    };
    host.addController(controller);
}
