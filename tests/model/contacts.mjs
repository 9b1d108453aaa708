/**
 * What one side wants of the other, as far as the test knows it: a change is made somewhen
 * between being asked for and being answered. There is one at a time, which is asked for
 * again until it is answered.
 */
export class Contacts {
    #changes = []; // of blocked, each unlike the one before: { isBlock, from, to }
    pending = undefined;
    acceptedFrom = Infinity; // when it was asked first to accept, or to send
    acceptedTo = Infinity;   // and when the first of these was answered
    sentFrom = Infinity;     // when it was asked first to send
    isTold = false;          // accepting has changed something, for sure

    get isBlocked() {
        return this.#changes.at(-1)?.isBlock ?? false;
    }

    /** @return whether it is a new one, and not the pending one again */
    asks(what, at) {
        if (this.pending?.what === what) return false;
        this.pending = { what, from: at, to: Infinity, isBlock: what === 'block' };
        if (what === 'accept') this.acceptedFrom = Math.min(at, this.acceptedFrom);
        else if (this.isBlocked !== this.pending.isBlock) this.#changes.push(this.pending);
        return true;
    }

    /** @return the change that was pending */
    answered(at, isOk) {
        const change = this.pending;
        if (!change) return undefined; // an answer to what was asked twice
        this.pending = undefined;
        change.to = at;
        if (!isOk) this.#changes = this.#changes.filter((one) => one !== change);
        else if (change.what === 'accept') this.#accepted(at);
        return change;
    }

    #accepted(at) {
        this.isTold ||= this.sentFrom > at;
        this.acceptedTo = Math.min(at, this.acceptedTo);
    }

    asksToSend(at) {
        this.sentFrom = Math.min(at, this.sentFrom);
        this.acceptedFrom = Math.min(at, this.acceptedFrom);
    }

    hasSent(at) {
        this.acceptedTo = Math.min(at, this.acceptedTo);
    }

    /** The times in which it may block: { from, answered, to }. */
    periods() {
        return this.#changes.flatMap((change, i) => (change.isBlock
            ? [{ block: change, from: change.from, answered: change.to,
                free: this.#changes[i + 1]?.from ?? Infinity,
                to: this.#changes[i + 1]?.to ?? Infinity }]
            : []));
    }

    /** May it have blocked at some time from i to j? */
    may(i, j) {
        return this.periods().some(({ from, to }) => from <= j && to >= i);
    }

    /** Has it blocked all the time from i to j? */
    must(i, j) {
        return this.periods().some(({ answered, free }) => answered <= i && free >= j);
    }

    /** What was before is not asked about any more. */
    forget() {
        this.#changes = this.isBlocked ? this.#changes.slice(-1) : [];
    }
}
