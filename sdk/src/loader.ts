import { cancelled } from './abort.js';
import { ParleyError, isPassing } from './errors.js';
import type { Account, Message, Requests } from './protocol.js';
import type { Timeline } from './timeline.js';
import type { Wire } from './wire.js';

const PAGE = 50;
const FILL_PAGE = 200;
/** With more than that missing the block begins anew at the end; older ones are scrolled to. */
const FILL_MOST = 500;
/** What is only late is not asked for. */
const FILL_AFTER_MS = 200;
const AGAIN_MS = 2_000;

type Page = Requests['message.history'][1];

export interface LoaderOptions {
    wire: Pick<Wire, 'request'>;
    timeline: Timeline;
    peer: () => Account;
    /** Before they are in the timeline. */
    onMessages: (messages: readonly Message[]) => void;
    onChange: () => void;
}

const asError = (error: unknown): ParleyError =>
    error instanceof ParleyError
        ? error
        : new ParleyError({ code: 'internal', message: String(error) });

/** Brings the history of a thread into its timeline: its end, what is older, what is missing. */
export class Loader {
    readonly #options: LoaderOptions;
    #loading: Promise<void> | undefined;
    #error: ParleyError | undefined;
    #hasOlder = false;
    /** Whether there may be something at the end that is not here, and that no event tells of. */
    #isStale = true;
    #againTimer: ReturnType<typeof setTimeout> | undefined;
    #isFilling = false;
    #fillTimer: ReturnType<typeof setTimeout> | undefined;
    /** What was asked in an earlier life is not for this one. */
    #life = 0;

    constructor(options: LoaderOptions) {
        this.#options = options;
    }

    get isLoading(): boolean {
        return this.#loading !== undefined;
    }

    get hasOlder(): boolean {
        return this.#hasOlder;
    }

    get error(): ParleyError | undefined {
        return this.#error;
    }

    /** The latest page, the first time; then what is older. */
    load(): Promise<void> {
        if (this.#isStale) return this.#once(() => this.#loadEnd());
        return this.#hasOlder ? this.#once(() => this.#loadOlder()) : Promise.resolve();
    }

    /** There is a connection: what failed for want of one may be asked for. */
    online(): void {
        if (this.#error?.code !== 'offline') return;
        this.#error = undefined;
        this.#options.onChange();
    }

    /** Events may have been missed: load() is from the end back to what is here. */
    expire(): void {
        this.#isStale = true;
    }

    /** What is not here and should be, at the end or in a hole. */
    async catchUp(): Promise<void> {
        if (this.#isStale) await this.load();
        else if (this.#options.timeline.hasGap) await this.fill();
    }

    /** There is a hole: it is filled, unless what belongs there comes by itself. */
    fillSoon(afterMs = FILL_AFTER_MS): void {
        if (this.#isFilling || !this.#options.timeline.hasGap) return;
        this.#fillTimer ??= setTimeout(() => void this.fill(), afterMs);
    }

    async fill(): Promise<void> {
        clearTimeout(this.#fillTimer);
        this.#fillTimer = undefined;
        if (this.#isFilling) return;
        this.#isFilling = true;
        const failed = await this.#fillAll();
        this.#isFilling = false;
        if (failed) this.#onFillFailed(failed);
    }

    /** As if nothing had been loaded. */
    reset(): void {
        this.#life++;
        this.#loading = this.#error = undefined;
        this.#hasOlder = false;
        this.#isStale = true;
        clearTimeout(this.#againTimer);
        clearTimeout(this.#fillTimer);
        this.#fillTimer = undefined;
    }

    /** Without a connection it is tried again with the next one. */
    #onFillFailed(error: ParleyError): void {
        if (error.code === 'offline' || error.code === 'cancelled') return;
        this.#error = error;
        this.#options.onChange();
        if (isPassing(error)) this.fillSoon(Math.max(AGAIN_MS, error.retryAfterMs ?? 0));
    }

    async #once(work: () => Promise<void>): Promise<void> {
        this.#loading ??= this.#run(work);
        return this.#loading;
    }

    async #run(work: () => Promise<void>): Promise<void> {
        const life = this.#life;
        this.#error = undefined;
        clearTimeout(this.#againTimer);
        this.#options.onChange();
        try {
            await work();
        } catch (error) {
            if (life === this.#life) this.#onFailed(asError(error));
        }
        if (life !== this.#life) return;
        this.#loading = undefined;
        this.#options.onChange();
    }

    /** Older ones are asked for again by who scrolls to them. */
    #onFailed(error: ParleyError): void {
        this.#error = error;
        if (!this.#isStale || error.code === 'offline' || !isPassing(error)) return;
        const waitMs = Math.max(AGAIN_MS, error.retryAfterMs ?? 0);
        this.#againTimer = setTimeout(() => void this.load(), waitMs);
    }

    /** @throws ParleyError; `cancelled` where reset() came first */
    async #history(range: { before?: number; after?: number; limit: number }): Promise<Page> {
        const { wire, peer, onMessages } = this.#options;
        const life = this.#life;
        const page = await wire.request('message.history', { peer: peer(), ...range }).catch(empty);
        if (life !== this.#life) throw cancelled();
        onMessages(page.messages);
        return page;
    }

    async #loadEnd(): Promise<void> {
        const { timeline } = this.#options;
        const page = await this.#history({ limit: PAGE });
        const first = page.messages[0]?.seq ?? 1;
        if (!timeline.isStarted || first - timeline.next > FILL_MOST) this.#start(page);
        else for (const message of page.messages) timeline.put(message);
        this.#isStale = false;
        if (timeline.hasGap) await this.fill();
    }

    #start(page: Page): void {
        this.#options.timeline.start(page.messages);
        this.#hasOlder = page.has_more;
    }

    async #loadOlder(): Promise<void> {
        const { timeline } = this.#options;
        const { first } = timeline;
        const page = await this.#history({ before: first, limit: PAGE });
        if (timeline.first !== first) return; // the block has begun anew meanwhile
        timeline.prepend(page.messages);
        this.#hasOlder = page.has_more;
    }

    /** @return why not */
    async #fillAll(): Promise<ParleyError | undefined> {
        const { timeline, onChange } = this.#options;
        try {
            while (timeline.hasGap) {
                await this.#fillStep();
                this.#error = undefined;
                onChange();
            }
            return undefined;
        } catch (error) {
            return asError(error);
        }
    }

    async #fillStep(): Promise<void> {
        const { timeline } = this.#options;
        if (timeline.gap <= FILL_MOST) {
            const { next } = timeline;
            const page = await this.#history({ after: next - 1, limit: FILL_PAGE });
            for (const message of page.messages) timeline.put(message);
            if (timeline.next > next) return;
        }
        this.#start(await this.#history({ limit: PAGE }));
        if (timeline.hasGap)
            throw new ParleyError({ code: 'internal', message: 'The history lacks a message.' });
    }
}

/** Nobody has written yet. */
function empty(error: unknown): Page {
    if (error instanceof ParleyError && error.code === 'not_found')
        return { messages: [], has_more: false, first_seq: 1 };
    throw error;
}
