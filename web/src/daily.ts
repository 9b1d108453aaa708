import type { ReactiveControllerHost } from 'lit';

/** A timer till midnight would be late after a night in which the machine slept. */
const LOOK_EVERY_MS = 60_000;

/** Renders an element anew on another day: "Today" is yesterday then, and a time wants its weekday. */
export function daily(host: ReactiveControllerHost): void {
    let timer: ReturnType<typeof setInterval> | undefined;
    let rendered = '';
    const today = () => new Date().toDateString();

    host.addController({
        hostConnected() {
            timer = setInterval(() => rendered !== today() && host.requestUpdate(), LOOK_EVERY_MS);
        },
        hostUpdated() {
            rendered = today();
        },
        hostDisconnected() {
            clearInterval(timer);
        },
    });
}
