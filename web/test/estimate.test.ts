import { describe, expect, test } from 'vitest';
import { estimateHeight } from '../src/estimate';
import type { Row } from '../src/timeline';
import { item } from './fake';

const row = (type: string, content: unknown, isFirstOfRun = false): Row => ({
    kind: 'message',
    key: 'm',
    item: item({ type: type as 'text', content }),
    place: { isFirstOfRun, isLastOfRun: true, repliedTo: undefined },
});

describe('a row that is not there yet', () => {
    test.each([
        ['a line', row('text', 'hi'), 39],
        ['the first of a run', row('text', 'hi', true), 49],
        ['two lines', row('text', 'hi\nthere'), 60],
        ['an empty line is one', row('text', 'hi\n\nthere'), 81],
        ['a square picture', row('image', { width: 900, height: 900 }), 322],
        ['a wide picture', row('image', { width: 3000, height: 100 }), 122],
        ['a picture with words', row('image', { width: 640, height: 320, caption: 'x' }), 199],
        ['a picture of no known size', row('image', null), 322],
        ['a file', row('file', {}), 66],
        ['what can’t be shown', row('x-poll', {}), 39],
        ['a text that is none', row('text', { toString: 1 }), 39],
        ['a picture of sizes that are none', row('image', { width: 'a', height: [] }), 322],
        ['a picture without end', row('image', { width: Infinity, height: Infinity }), 322],
        ['a day', { kind: 'day', key: 'd', at: 0 }, 44],
    ] as const)('%s: is thought to be so high', (_, one, height) => {
        expect(estimateHeight(one, 800)).toBe(height);
    });

    test('is higher where it is narrow', () => {
        const text = row('text', 'word '.repeat(100));
        expect(estimateHeight(text, 320)).toBeGreaterThan(1.5 * estimateHeight(text, 1200));
    });

    test('is of a text as long as may be no higher than what is shown of it', () => {
        const cut = estimateHeight(row('text', 'a'.repeat(4000)), 800);
        expect(estimateHeight(row('text', 'a'.repeat(65_536)), 800)).toBe(cut);
    });
});
