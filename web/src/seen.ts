/** At most so often what is seen is looked at: one scrolls through many. */
const EVERY_MS = 300;

export const isLooking = (): boolean =>
    document.visibilityState === 'visible' && document.hasFocus();

/** Has `mark` called while somebody looks at the page: when told so, and when they come back to it. */
export class SeenMarks {
    readonly #mark: () => void;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #isDue = false;

    constructor(mark: () => void) {
        this.#mark = mark;
    }

    connect(): void {
        window.addEventListener('focus', this.look);
        document.addEventListener('visibilitychange', this.look);
    }

    disconnect(): void {
        window.removeEventListener('focus', this.look);
        document.removeEventListener('visibilitychange', this.look);
        this.forget();
    }

    /** At once, or as soon as that may be again. */
    readonly look = (): void => {
        if (this.#timer !== undefined) {
            this.#isDue = true;
            return;
        }
        if (isLooking()) this.#mark();
        this.#timer = setTimeout(() => {
            const isDue = this.#isDue;
            this.forget();
            if (isDue) this.look();
        }, EVERY_MS);
    };

    /** What was to be looked at is not shown any more. */
    forget(): void {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#isDue = false;
    }
}
