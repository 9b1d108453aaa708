import { describe, expect, test } from 'vitest';
import { ParleyError, isPassing } from '../src/errors.js';

const refused = (retry_after_ms: unknown) =>
    new ParleyError({ code: 'quota_exceeded', message: '', retry_after_ms } as never);

describe('how long an error says to wait', () => {
    test.each([
        ['nothing', undefined, undefined],
        ['no time at all', 0, 0],
        ['some time', 5000, 5000],
        ['the most that a timer can', 2 ** 31 - 1, 2 ** 31 - 1],
        ['one millisecond more, of which a timer makes none', 2 ** 31, 2 ** 31 - 1],
        ['the 30 days of a quota', 30 * 86_400_000, 2 ** 31 - 1],
        ['for ever', 1e308, 2 ** 31 - 1],
        ['less than nothing', -1, undefined],
        ['what is no number', '5000', undefined],
    ])('%s', (_, said, ms) => {
        expect(refused(said).retryAfterMs).toBe(ms);
    });

    test('is what makes a quota pass', () => {
        expect([isPassing(refused(5)), isPassing(refused(undefined))]).toEqual([true, false]);
    });
});
