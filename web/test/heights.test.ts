import { describe, expect, test } from 'vitest';
import { Heights, spanOf } from '../src/heights';

/** The same, in the way that cannot be wrong. */
const naive = {
    offset: (heights: number[], index: number) =>
        heights.slice(0, index).reduce((a, b) => a + b, 0),
    find(heights: number[], y: number): number {
        let end = 0;
        for (const [i, height] of heights.entries()) {
            end += height;
            if (y < end) return i;
        }
        return heights.length - 1;
    },
};

/** Numbers from 0 to 1, the same each time (mulberry32). */
function random(seed: number): () => number {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

describe('Heights', () => {
    test('of nothing has no row and no height', () => {
        const heights = new Heights();
        expect([heights.count, heights.total, heights.find(0), heights.height(0)]).toEqual([
            0, 0, -1, 0,
        ]);
    });

    test.each([
        [-5, 0],
        [0, 0],
        [9.99, 0],
        [10, 1],
        [29, 1],
        [30, 2],
        [59, 2],
        [60, 2],
        [1e9, 2],
    ])('finds at %d the row %d', (y, row) => {
        expect(new Heights([10, 20, 30]).find(y)).toBe(row);
    });

    test('ignores a row that is not there', () => {
        const heights = new Heights([10, 20]);
        heights.set(2, 5);
        heights.set(-1, 5);
        expect(heights.total).toBe(30);
    });

    test.each([1, 2, 3, 4, 5, 6, 7, 8])('agrees with a naive model, seed %d', (seed) => {
        const next = random(seed);
        const any = (n: number) => Math.floor(next() * n);
        // Whole numbers, so that sums are exact in any order; with rows of no height among them.
        let model = Array.from({ length: any(70) }, () => any(5) * 20);
        let heights = new Heights(model);
        for (let step = 0; step < 300; step++) {
            if (next() < 0.1) {
                const older = Array.from({ length: any(20) }, () => 1 + any(90));
                model = [...older, ...model];
                heights = new Heights(model);
            } else if (model.length > 0) {
                const index = any(model.length);
                model[index] = any(100);
                heights.set(index, model[index]!);
            }
            const at = any(model.length + 1);
            expect(heights.offset(at)).toBe(naive.offset(model, at));
            const y = any(heights.total + 50) - 20;
            if (model.length > 0) expect(heights.find(y)).toBe(naive.find(model, y));
        }
        expect(heights.total).toBe(naive.offset(model, model.length));
    });

    test('answers for 50 000 rows without walking over them', () => {
        const heights = new Heights(new Float64Array(50_000).fill(40));
        const start = performance.now();
        for (let i = 0; i < 20_000; i++) {
            heights.set(i, 41);
            heights.find(heights.offset(25_000));
        }
        expect(heights.total).toBe(50_000 * 40 + 20_000);
        // A walk would take 10^9 steps: seconds. This takes some ten milliseconds.
        expect(performance.now() - start).toBeLessThan(2000);
    });
});

describe('spanOf', () => {
    const column = new Heights(new Array(100).fill(10));
    const limits = { view: 100, overscan: 50, maxRows: 100, isUp: true };

    test.each([
        ['at the start', 0, 0, 16],
        ['in the middle', 500, 45, 66],
        ['at the end', 900, 85, 100],
    ])('has %s what is seen and the overscan', (_, top, from, to) => {
        expect(spanOf(column, { ...limits, top })).toEqual({ from, to });
    });

    test.each([
        [true, { from: 46, to: 63 }],
        [false, { from: 48, to: 65 }],
    ])('has more rows where one scrolls to, up: %s', (isUp, span) => {
        expect(spanOf(column, { ...limits, top: 500, maxRows: 17, isUp })).toEqual(span);
    });

    test('has what is seen, however many rows that is', () => {
        expect(spanOf(column, { ...limits, top: 500, maxRows: 3 })).toEqual({ from: 50, to: 61 });
    });

    test('uses all of the rows where one side has none', () => {
        expect(spanOf(column, { ...limits, top: 900, maxRows: 13 })).toEqual({ from: 87, to: 100 });
    });

    test('of no rows is empty', () => {
        expect(spanOf(new Heights(), { ...limits, top: 0 })).toEqual({ from: 0, to: 0 });
    });
});
