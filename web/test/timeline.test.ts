import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTimeline, daysBetween, lineIndex, type Row } from '../src/timeline';
import { item } from './fake';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 26, 12);
const zone = process.env['TZ'];

beforeEach(() => {
    process.env['TZ'] = 'UTC';
});
afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
});

/** Rows in short: `edge beginning`, `day`, `new`, `1`, `typing`. */
const brief = (rows: readonly Row[]) =>
    rows.map((row) => {
        if (row.kind === 'message') return String(row.item.seq ?? row.item.key);
        return row.kind === 'edge' ? `edge ${row.edge}` : row.kind;
    });

/** Runs as strings of seqs: `['1 2', '3']`. */
function runs(rows: readonly Row[]): string[] {
    const all: string[][] = [];
    for (const row of rows) {
        if (row.kind !== 'message') continue;
        if (row.place.isFirstOfRun) all.push([]);
        all.at(-1)!.push(String(row.item.seq));
    }
    return all.map((run) => run.join(' '));
}

const at = (seq: number, ms: number, own = false) => item({ seq, own, at: NOON + ms });

describe('days', () => {
    test.each([
        ['UTC', '2026-11-26T23:59:59.999Z', '2026-11-27T00:00:00.000Z', 2],
        ['UTC', '2026-11-26T00:00:00.000Z', '2026-11-26T23:59:59.999Z', 1],
        ['America/New_York', '2026-11-27T04:59:59.999Z', '2026-11-27T05:00:00.000Z', 2],
        ['America/New_York', '2026-11-26T23:59:59.999Z', '2026-11-27T00:00:00.000Z', 1],
        ['Asia/Kolkata', '2026-11-26T18:29:59.999Z', '2026-11-26T18:30:00.000Z', 2],
        ['Pacific/Kiritimati', '2026-11-26T09:59:59.999Z', '2026-11-26T10:00:00.000Z', 2],
        // A day of 25 hours, and one of 23.
        ['Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T22:59:59.999Z', 1],
        ['Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z', 2],
        ['Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z', 2],
    ])('in %s, %s and %s are on so many', (tz, first, second, days) => {
        process.env['TZ'] = tz;
        const items = [first, second].map((time, i) => item({ seq: i + 1, at: Date.parse(time) }));
        const rows = buildTimeline(items, { edge: 'beginning' });
        expect(rows.filter((row) => row.kind === 'day')).toHaveLength(days);
    });

    test('begin before the first message of each', () => {
        const items = [at(1, 0), at(2, MINUTE), at(3, 24 * 60 * MINUTE)];
        expect(brief(buildTimeline(items, { edge: 'older' }))).toEqual([
            'edge older',
            'day',
            '1',
            '2',
            'day',
            '3',
        ]);
    });

    test('do not begin again where a clock was behind', () => {
        const items = [at(1, 0), item({ own: true, seq: undefined, at: NOON - 24 * 60 * MINUTE })];
        const rows = buildTimeline(items, { edge: 'beginning' });
        expect(rows.filter((row) => row.kind === 'day')).toHaveLength(1);
    });

    test.each([
        ['2026-10-24T12:00:00Z', '2026-10-25T23:30:00Z', 2],
        ['2026-10-25T00:30:00Z', '2026-10-25T22:30:00Z', 0],
        ['2026-03-28T23:30:00Z', '2026-03-29T22:30:00Z', 1],
        ['2026-03-29T12:00:00Z', '2026-03-28T12:00:00Z', -1],
    ])('from %s to %s in Berlin are %d', (from, to, days) => {
        process.env['TZ'] = 'Europe/Berlin';
        expect(daysBetween(Date.parse(from), Date.parse(to))).toBe(days);
    });
});

describe('runs', () => {
    test.each([
        ['of one side go on', [at(1, 0), at(2, 0), at(3, 0)], ['1 2 3']],
        ['end where the side changes', [at(1, 0), at(2, 0, true), at(3, 0)], ['1', '2', '3']],
        ['go on within five minutes', [at(1, 0), at(2, 5 * MINUTE)], ['1 2']],
        ['end after five minutes', [at(1, 0), at(2, 5 * MINUTE + 1)], ['1', '2']],
        ['end with the day', [at(1, 719 * MINUTE), at(2, 720 * MINUTE)], ['1', '2']],
        ['end where a clock goes back far', [at(1, 6 * MINUTE), at(2, 0)], ['1', '2']],
    ])('%s', (_, items, expected) => {
        expect(runs(buildTimeline(items, { edge: 'beginning' }))).toEqual(expected);
    });

    test('end at the line', () => {
        const items = [at(1, 0), at(2, 0)];
        expect(runs(buildTimeline(items, { edge: 'beginning', newFrom: 2 }))).toEqual(['1', '2']);
    });

    test('say which message is their last', () => {
        const rows = buildTimeline([at(1, 0), at(2, 0), at(3, 0, true)], { edge: 'beginning' });
        const last = rows.flatMap((row) => (row.kind === 'message' ? [row.place.isLastOfRun] : []));
        expect(last).toEqual([false, true, true]);
    });
});

describe('the line', () => {
    const items = [at(5, 0), at(6, 0, true), at(7, 0), at(8, 0)];
    test.each([
        ['nowhere where nothing is new', undefined, 'older', -1],
        ['before the first new one', 7, 'older', 2],
        ['past one’s own', 6, 'older', 2],
        ['nowhere behind the last', 9, 'older', -1],
        ['before the first item, where that is just the one', 5, 'older', 0],
        ['nowhere while new ones may be missing before', 3, 'older', -1],
        ['nowhere where all of the conversation is new', 3, 'beginning', -1],
    ] as const)('is %s', (_, newFrom, edge, index) => {
        expect(lineIndex(items, newFrom, edge)).toBe(index);
    });

    test('is nowhere while new ones may be missing before one’s own', () => {
        expect(lineIndex(items.slice(1), 5, 'older')).toBe(-1);
    });

    test('is a row behind the day', () => {
        expect(brief(buildTimeline(items, { edge: 'older', newFrom: 5 }))).toEqual([
            'edge older',
            'day',
            'new',
            '5',
            '6',
            '7',
            '8',
        ]);
    });

    test('is never before what is not stored', () => {
        const queued = item({ own: false, seq: undefined });
        expect(lineIndex([at(1, 0), queued], 2, 'beginning')).toBe(-1);
    });
});

describe('rows', () => {
    const items = [at(1, 0), at(2, 0), at(3, 0, true)];

    test('know what they reply to, where that is here', () => {
        const reply = item({ seq: 4, replyTo: 2 });
        const far = item({ seq: 5, replyTo: 900 });
        const rows = buildTimeline([...items, reply, far], { edge: 'beginning' });
        const replied = rows.flatMap((row) =>
            row.kind === 'message' ? [row.place.repliedTo] : [],
        );
        expect(replied).toEqual([undefined, undefined, undefined, items[1], undefined]);
    });

    test('stay the same objects while they say the same', () => {
        const before = buildTimeline(items, { edge: 'older' });
        const after = buildTimeline([...items, at(4, 0)], { edge: 'older', previous: before });
        expect(after.slice(0, before.length).map((row, i) => row === before[i])).toEqual(
            before.map(() => true),
        );
    });

    test('are new where the item, its run or what it replies to is another', () => {
        const reply = item({ seq: 4, own: true, replyTo: 1, at: NOON });
        const before = buildTimeline([...items, reply], { edge: 'older' });
        const changed = [{ ...items[0]! }, items[1]!, { ...items[2]!, own: false }, reply];
        const after = buildTimeline(changed, { edge: 'older', previous: before });
        expect(after.map((row, i) => row === before[i])).toEqual([
            true,
            true,
            false,
            false,
            false,
            false,
        ]);
    });

    test('have the typing last, and keys of their own', () => {
        const rows = buildTimeline(items, { edge: 'older', newFrom: 2, isTyping: true });
        expect(brief(rows).at(-1)).toBe('typing');
        expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
    });

    test('keep their keys whatever the items are called', () => {
        const odd = [item({ key: 'new', seq: 1 }), item({ key: 'typing', seq: 2 })];
        const rows = buildTimeline(odd, { edge: 'beginning', newFrom: 1, isTyping: true });
        expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
    });
});
