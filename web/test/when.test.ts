import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { english } from '../src/strings';
import { dayLabel, lastSeenLabel, pageLocale } from '../src/when';

const zone = process.env['TZ'];
const NOW = Date.parse('2026-11-26T12:00:00Z');

beforeEach(() => {
    process.env['TZ'] = 'UTC';
});
afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
});

describe('a day', () => {
    test.each([
        ['2026-11-26T00:00:00Z', 'Today'],
        ['2026-11-25T23:59:59Z', 'Yesterday'],
        ['2026-11-24T12:00:00Z', 'Tuesday'],
        ['2026-11-20T00:00:00Z', 'Friday'],
        ['2026-11-19T23:59:59Z', '19 November'],
        ['2025-12-31T12:00:00Z', '31 December 2025'],
        ['2026-11-27T12:00:00Z', '27 November'],
    ])('of %s is %s', (at, label) => {
        expect(dayLabel(Date.parse(at), NOW, english, 'en-GB')).toBe(label);
    });
});

describe('last seen', () => {
    test.each([
        ['2026-11-26T09:05:00Z', 'Last seen 9:05'],
        ['2026-11-25T09:05:00Z', 'Last seen Wed 9:05'],
        ['2026-11-01T09:05:00Z', 'Last seen 1 Nov 2026'],
    ])('at %s is %s', (at, label) => {
        const said = lastSeenLabel(Date.parse(at), NOW, english, 'en-GB');
        expect(said.replace(/,|\b0(?=\d:)/g, '')).toBe(label);
    });
});

describe('the language of the page', () => {
    test.each([
        ['de', 'de'],
        ['EN-gb', 'en-GB'],
        ['not a language', undefined],
        ['', undefined],
    ])('"%s" is %s', (lang, locale) => {
        expect(pageLocale(lang)).toBe(locale);
    });
});
