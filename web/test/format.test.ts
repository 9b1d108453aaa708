import { describe, expect, it } from 'vitest';
import {
    cutText,
    formatDuration,
    formatLength,
    formatSize,
    formatTime,
    formatWhen,
} from '../src/format';

const noon = new Date(2026, 10, 26, 12, 5).getTime();
/** Newer tables of languages have a narrow space before AM and PM. */
const plain = (text: string) => text.replace(/\s/g, ' ');

describe('a time', () => {
    it.each([
        ['en-US', '12:05 PM'],
        ['en-GB', '12:05'],
        ['de', '12:05'],
    ])('is said as in %s', (locale, text) => {
        expect(plain(formatTime(noon, locale))).toBe(text);
    });

    it('is that of its locale also when another one was asked for before', () => {
        expect(formatWhen(noon, 'de')).toContain('26. November 2026');
        expect(formatWhen(noon, 'en-GB')).toContain('26 November 2026');
    });
});

describe('a size', () => {
    it.each([
        [1, '1 byte'],
        [999, '999 bytes'],
        [1000, '1 kB'],
        [12_345, '12 kB'],
        [999_499, '999 kB'],
        [999_500, '1 MB'],
        [1_234_567, '1.2 MB'],
        [26_214_400, '26.2 MB'],
        [123_456_789, '123 MB'],
        [5_368_709_120, '5.4 GB'],
    ])('of %d is %s', (bytes, text) => {
        expect(plain(formatSize(bytes, 'en'))).toBe(text);
    });

    it('is said in its locale', () => {
        expect(plain(formatSize(1_500_000, 'de'))).toBe('1,5 MB');
    });
});

describe('a duration', () => {
    it.each([
        [0, '0:00'],
        [0.9, '0:00'],
        [7.4, '0:07'],
        [59.99, '0:59'],
        [60, '1:00'],
        [3599, '59:59'],
        [3600, '1:00:00'],
        [3723, '1:02:03'],
        [Infinity, '0:00'],
        [NaN, '0:00'],
        [-1, '0:00'],
    ])('of %d s is %s', (seconds, text) => {
        expect(formatDuration(seconds)).toBe(text);
    });
});

describe('the length', () => {
    it.each([
        [0.2, '0:01'],
        [7.4, '0:07'],
        [0, '0:00'],
        [Infinity, '0:00'],
        [NaN, '0:00'],
    ])('of a clip of %d s is %s', (seconds, text) => {
        expect(formatLength(seconds)).toBe(text);
    });
});

describe('a text is cut', () => {
    it.each([
        ['not where it is as long as it may be', 'abcde', 'abcde'],
        ['where it is one longer', 'abcdef', 'abcd…'],
        ['without the space before', 'abc def', 'abc…'],
        ['between surrogates, never in them', '😀😀😀😀😀😀', '😀😀😀😀…'],
        ['not within a family', '👨‍👩‍👧‍👦'.repeat(6), `${'👨‍👩‍👧‍👦'.repeat(4)}…`],
        ['not between a letter and its accent', 'e\u0301'.repeat(5), 'e\u0301'.repeat(5)],
    ])('%s', (_, text, cut) => {
        expect(cutText(text, 5)).toBe(cut);
    });

    it('also where one character goes on for ever', () => {
        expect(cutText(`ab${'\u0301'.repeat(60_000)}`, 5)).toBe('a…');
    });
});
