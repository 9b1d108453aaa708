import { isPassing, ParleyError } from './errors.js';
import type { Account } from './protocol.js';
import type { Wire } from './wire.js';

const EVERY_MS = 1_000;

/** Tells the server what was read of one thread: at most once a second, the last seq alone. */
export class ReadMarks {
    readonly #wire: Pick<Wire, 'request'>;
    #wanted = 0;
    #answered = 0;
    #isAsking = false;
    /** What was asked in an earlier life says nothing of this one. */
    #life = 0;
    #timer: ReturnType<typeof setTimeout> | undefined;

    constructor(wire: Pick<Wire, 'request'>) {
        this.#wire = wire;
    }

    read(peer: Account, seq: number): void {
        this.#wanted = Math.max(this.#wanted, seq);
        this.flush(peer);
    }

    /** What is not answered is asked again: after a connect. */
    flush(peer: Account): void {
        if (this.#wanted > this.#answered && !this.#isAsking && this.#timer === undefined)
            void this.#ask(peer, this.#wanted);
    }

    forget(): void {
        this.#life++;
        this.#isAsking = false;
        this.#wanted = this.#answered = 0;
        clearTimeout(this.#timer);
        this.#timer = undefined;
    }

    async #ask(peer: Account, seq: number): Promise<void> {
        const life = this.#life;
        this.#isAsking = true;
        const error: unknown = await this.#wire.request('message.read', { peer, seq }).then(
            () => undefined,
            (refused: unknown) => refused,
        );
        if (life !== this.#life) return;
        this.#isAsking = false;
        const waitMs = error === undefined ? this.#done(seq) : this.#waitAfter(error, seq);
        if (waitMs !== undefined) this.#timer = setTimeout(() => this.#again(peer), waitMs);
    }

    #done(seq: number): number {
        this.#answered = Math.max(this.#answered, seq);
        return EVERY_MS;
    }

    /** @return undefined: not before the next connect */
    #waitAfter(error: unknown, seq: number): number | undefined {
        if (!isPassing(error)) this.#done(seq);
        const { code, retryAfterMs } = error as ParleyError;
        return code === 'offline' ? undefined : Math.max(EVERY_MS, retryAfterMs ?? 0);
    }

    #again(peer: Account): void {
        this.#timer = undefined;
        this.flush(peer);
    }
}
