const DAY_MS = 24 * 60 * 60 * 1000;

const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);

/** What the page says of its language; undefined, which is the browser's own, where it does not. */
export function pageLocale(): string | undefined {
    const said = document.documentElement.lang;
    try {
        return Intl.DateTimeFormat.supportedLocalesOf(said)[0];
    } catch {
        return undefined; // not a language's name
    }
}

/** As short as says when it was: the time of today, the weekday of this week, else the date. */
export function shortWhen(at: number, now: number, locale?: string): string {
    const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
    const say = (options: Intl.DateTimeFormatOptions) =>
        new Intl.DateTimeFormat(locale, options).format(at);

    if (days <= 0) return say({ timeStyle: 'short' });
    if (days < 7) return say({ weekday: 'short' });
    if (new Date(at).getFullYear() === new Date(now).getFullYear())
        return say({ day: 'numeric', month: 'short' });
    return say({ day: '2-digit', month: '2-digit', year: 'numeric' });
}
