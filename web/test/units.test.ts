import { describe, expect, test } from 'vitest';
import { formatSize, formatDuration } from '../src/units';

describe('a size in words', () => {
    test.each([
        [1, '1 byte'],
        [1023, '1,023 bytes'],
        [1024, '1 kB'],
        [1536, '1.5 kB'],
        [12 * 1024, '12 kB'],
        [1024 * 1024 - 1, '1,024 kB'],
        [1024 * 1024, '1 MB'],
        [26214400, '25 MB'],
        [5 * 1024 ** 3, '5 GB'],
        [5000 * 1024 ** 3, '5,000 GB'],
    ])('%d bytes are %s', (bytes, expected) => {
        expect(formatSize(bytes, 'en')).toBe(expected);
    });

    test('is in the words of a language', () => {
        expect(formatSize(1536, 'de')).toBe('1,5 kB');
    });
});

describe('a time in words', () => {
    test.each([
        [0, '0:00'],
        [0.999, '0:00'],
        [7, '0:07'],
        [59.99, '0:59'],
        [60, '1:00'],
        [15 * 60, '15:00'],
        [3599, '59:59'],
        [3600, '1:00:00'],
        [3723, '1:02:03'],
    ])('%d seconds are %s', (seconds, expected) => {
        expect(formatDuration(seconds)).toBe(expected);
    });
});
