import type { Account } from './protocol.js';
import type { Wire } from './wire.js';

const SAY_EVERY_MS = 3_000;
const SHOW_MS = 10_000;

/** That one writes, told to the peer. */
export class TypingSender {
    readonly #wire: Pick<Wire, 'hint'>;
    #saidAt: number | undefined;

    constructor(wire: Pick<Wire, 'hint'>) {
        this.#wire = wire;
    }

    set(peer: Account, isTyping: boolean): void {
        if (isTyping) this.#start(peer);
        else if (this.#saidAt !== undefined) {
            this.#saidAt = undefined;
            this.#wire.hint('typing.stop', { peer });
        }
    }

    #start(peer: Account): void {
        const now = Date.now();
        if (this.#saidAt !== undefined && Math.abs(now - this.#saidAt) < SAY_EVERY_MS) return;
        this.#saidAt = now;
        this.#wire.hint('typing.start', { peer });
    }
}

/** That the peer writes: for a while, as its end may get lost. */
export class TypingShown {
    readonly #onChange: () => void;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(onChange: () => void) {
        this.#onChange = onChange;
    }

    get isTyping(): boolean {
        return this.#timer !== undefined;
    }

    set(isTyping: boolean): void {
        const was = this.isTyping;
        clearTimeout(this.#timer);
        this.#timer = isTyping ? setTimeout(() => this.set(false), SHOW_MS) : undefined;
        if (was !== isTyping) this.#onChange();
    }
}
