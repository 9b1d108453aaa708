import { format, pageLocale } from './when';

/** @param at  Unix, milliseconds */
export const formatTime = (at: number, locale?: string): string =>
    format(at, locale, { hour: 'numeric', minute: '2-digit' });

/** Day and time. */
export const formatWhen = (at: number, locale?: string): string =>
    format(at, locale, { dateStyle: 'long', timeStyle: 'short' });

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** As `1.2 MB`: of 1000 kB. */
export function formatSize(bytes: number, locale = pageLocale()): string {
    let unit = 0;
    let value = bytes;
    // What would be rounded to 1000 of a unit is 1 of the next.
    for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
    return new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: UNITS[unit]!,
        unitDisplay: unit === 0 ? 'long' : 'short',
        maximumFractionDigits: unit > 1 && value < 100 ? 1 : 0,
    }).format(value);
}

const twoDigits = (n: number) => String(n).padStart(2, '0');

/** As `0:07` or `1:02:03`. */
export function formatDuration(seconds: number): string {
    const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
    const minutes = Math.floor(whole / 60);
    const hours = Math.floor(minutes / 60);
    const rest = twoDigits(whole % 60);
    return hours ? `${hours}:${twoDigits(minutes % 60)}:${rest}` : `${minutes}:${rest}`;
}

/** Of a whole clip: the shortest one is of a second. */
export const formatLength = (seconds: number): string =>
    formatDuration(seconds > 0 ? Math.max(1, seconds) : 0);

/** What people see as one character may be of many: a family, an accented letter. */
const graphemes =
    typeof Intl.Segmenter === 'function'
        ? new Intl.Segmenter(undefined, { granularity: 'grapheme' })
        : undefined;

function* characters(text: string): Generator<string> {
    if (!graphemes) yield* text;
    else for (const { segment } of graphemes.segment(text)) yield segment;
}

/** At most so many characters, the last of them `…` where it was longer. */
export function cutText(text: string, max: number): string {
    // Letters with hundreds of accents are cut, too.
    const enough = text.slice(0, max * 16);
    const kept: string[] = [];
    for (const char of characters(enough)) {
        kept.push(char);
        if (kept.length > max) break;
    }
    if (kept.length <= max && enough.length === text.length) return text;
    // The last one may be a part of a character alone.
    return `${kept
        .slice(0, Math.min(max, kept.length) - 1)
        .join('')
        .trimEnd()}…`;
}
