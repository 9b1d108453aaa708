/** The heights of a column of rows: which row is where, and what a changed one moves, in log n. */
export class Heights {
    #heights: Float64Array;
    /** A Fenwick tree: #sums[i] is the sum of the (i & -i) rows that end with the i-th. */
    #sums: Float64Array;

    constructor(heights: ArrayLike<number> = []) {
        this.#heights = Float64Array.from(heights);
        this.#sums = new Float64Array(this.#heights.length + 1);
        for (let i = 1; i < this.#sums.length; i++) {
            this.#sums[i] = this.#sums[i]! + this.#heights[i - 1]!;
            const parent = i + (i & -i);
            if (parent < this.#sums.length) this.#sums[parent]! += this.#sums[i]!;
        }
    }

    get count(): number {
        return this.#heights.length;
    }

    get total(): number {
        return this.offset(this.count);
    }

    height(index: number): number {
        return this.#heights[index] ?? 0;
    }

    /** Where the row begins; of `count`, where the last one ends. */
    offset(index: number): number {
        let sum = 0;
        for (let i = Math.min(index, this.count); i > 0; i -= i & -i) sum += this.#sums[i]!;
        return sum;
    }

    set(index: number, height: number): void {
        const change = height - this.height(index);
        if (change === 0 || index < 0 || index >= this.count) return;
        this.#heights[index] = height;
        for (let i = index + 1; i < this.#sums.length; i += i & -i) this.#sums[i]! += change;
    }

    /** The row that `y` falls on: the first one above all, the last one below all; -1 of none. */
    find(y: number): number {
        if (this.count === 0) return -1;
        let index = 0;
        let rest = y;
        for (let step = 1 << (31 - Math.clz32(this.count)); step > 0; step >>= 1) {
            const next = index + step;
            if (next < this.#sums.length && this.#sums[next]! <= rest) {
                index = next;
                rest -= this.#sums[next]!;
            }
        }
        return Math.min(index, this.count - 1);
    }
}

export interface Span {
    /** The first row, and the one after the last. */
    readonly from: number;
    readonly to: number;
}

export interface SpanOptions {
    /** In the column's own measure. */
    readonly top: number;
    readonly view: number;
    /** Pixels to have ready beyond what is seen, at most. */
    readonly overscan: number;
    /** Rows in all, at most; but what is seen is always there. */
    readonly maxRows: number;
    /** Where one scrolls to: twice as much is made ready there. */
    readonly isUp: boolean;
}

/** The rows to have: those that are seen, and around them what the limits allow. */
export function spanOf(heights: Heights, options: SpanOptions): Span {
    const { top, view, overscan, maxRows, isUp } = options;
    if (heights.count === 0) return { from: 0, to: 0 };
    let from = heights.find(top);
    let to = heights.find(top + view) + 1;
    const first = heights.find(top - overscan);
    const last = heights.find(top + view + overscan) + 1;
    for (let turn = 0; to - from < maxRows && (from > first || to < last); turn++) {
        const wantsUp = (turn % 3 === 0) !== isUp;
        if (from > first && (wantsUp || to >= last)) from--;
        else if (to < last) to++;
        else from--;
    }
    return { from, to };
}
