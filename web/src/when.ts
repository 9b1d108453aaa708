/** Days and times as people say them, by Intl. */
import { say, type Strings } from './strings';
import { daysBetween } from './timeline';

/** Of the page, where it has one that Intl knows; else of the browser. */
export function pageLocale(
    lang = globalThis.document?.documentElement.lang ?? '',
): string | undefined {
    try {
        return Intl.getCanonicalLocales(lang)[0];
    } catch {
        // What a page writes there need not be a language; then the browser's will do.
        return undefined;
    }
}

/** To make one takes longer than to show a message. */
const formatters = new Map<string, Intl.DateTimeFormat>();

export function format(
    at: number,
    locale: string | undefined,
    options: Intl.DateTimeFormatOptions,
): string {
    const key = `${locale} ${Object.entries(options).join()}`;
    const made = formatters.get(key) ?? new Intl.DateTimeFormat(locale, options);
    formatters.set(key, made);
    return made.format(at);
}

/** `Today`, `Yesterday`, a weekday of the last seven days, or the date. */
export function dayLabel(
    at: number,
    now: number,
    strings: Strings,
    locale: string | undefined,
): string {
    const days = daysBetween(at, now);
    if (days === 0) return strings.today;
    if (days === 1) return strings.yesterday;
    if (days > 1 && days < 7) return format(at, locale, { weekday: 'long' });
    const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    const date = { day: 'numeric', month: 'long' } as const;
    return format(at, locale, isThisYear ? date : { ...date, year: 'numeric' });
}

/** `Last seen 14:05`, with the weekday or the date where it was not today. */
export function lastSeenLabel(
    at: number,
    now: number,
    strings: Strings,
    locale: string | undefined,
): string {
    const days = daysBetween(at, now);
    const time = { hour: 'numeric', minute: '2-digit' } as const;
    const date = { day: 'numeric', month: 'short', year: 'numeric' } as const;
    const options = days <= 0 ? time : days < 7 ? { weekday: 'short' as const, ...time } : date;
    return say(strings.lastSeen, { when: format(at, locale, options) });
}
