import { daysBetween } from './timeline';
import { format } from './when';

/** As short as says when it was: the time of today, the weekday of this week, else the date. */
export function shortWhen(at: number, now: number, locale?: string): string {
    const days = daysBetween(at, now);
    if (days <= 0) return format(at, locale, { timeStyle: 'short' });
    if (days < 7) return format(at, locale, { weekday: 'short' });
    if (new Date(at).getFullYear() === new Date(now).getFullYear())
        return format(at, locale, { day: 'numeric', month: 'short' });
    return format(at, locale, { day: '2-digit', month: '2-digit', year: 'numeric' });
}
