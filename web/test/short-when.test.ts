import { describe, expect, it } from 'vitest';
import { shortWhen } from '../src/short-when';

const at = (text: string): number => new Date(text).getTime();
const NOW = at('2026-11-26T12:00:00');

describe('when it was, in short', () => {
    it.each([
        ['now', '2026-11-26T12:00:00', '12:00'],
        ['the first moment of today', '2026-11-26T00:00:00', '00:00'],
        ['a clock that is ahead', '2026-11-26T12:05:00', '12:05'],
        ['a clock that is a day ahead', '2026-11-27T09:00:00', '09:00'],
        ['the last moment of yesterday', '2026-11-25T23:59:59', 'Wed'],
        ['six days ago', '2026-11-20T08:00:00', 'Fri'],
        ['seven days ago', '2026-11-19T23:00:00', '19 Nov'],
        ['earlier this year', '2026-01-01T00:00:00', '1 Jan'],
        ['last year', '2025-12-31T23:59:59', '31/12/2025'],
    ])('of %s', (_, text, said) => {
        expect(shortWhen(at(text), NOW, 'en-GB')).toBe(said);
    });

    it('counts days by the calendar where one of them has 23 or 25 hours', () => {
        // Wherever this runs, one of these weeks has such a day, or none has.
        for (const month of ['03-31', '04-05', '10-28', '11-03']) {
            const now = at(`2026-${month}T00:30:00`);
            const before = new Date(now);
            before.setDate(before.getDate() - 6);
            expect(shortWhen(before.getTime(), now, 'en-GB')).toMatch(/^[A-Z][a-z]{2}$/);
        }
    });

    it('speaks the language that it is told', () => {
        expect(shortWhen(at('2026-11-25T10:00:00'), NOW, 'de')).toBe('Mi');
    });
});
