/** Chance that a seed decides. */

/** mulberry32: the same numbers from the same seed. */
export class Chance {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    /** @return a whole number from 0 to 2^32 - 1 */
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let z = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
        z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
        return (z ^ (z >>> 14)) >>> 0;
    }

    draw(n) {
        return Array.from({ length: n }, () => this.next());
    }
}

/** For what comes in an order that no seed decides: the same number for the same words. */
export function hash(...words) {
    let state = 0x811c9dc5;
    for (const c of words.join(' ')) state = Math.imul(state ^ c.charCodeAt(0), 0x01000193);
    return new Chance(state).next();
}
