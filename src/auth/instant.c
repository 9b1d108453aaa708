#include "auth/instant.h"

#include "auth/chars.h"

#define HOUR_MINUTES    60
#define DAY_MINUTES     INT64_C(1440)
#define DAYS_UNTIL_1970 719528 // from the first day of the year 0

struct date {
    unsigned year;
    unsigned month; // from 1
    unsigned day;   // from 1
};

static bool take_one_of(str *text, str set)
{
    if (text->len == 0 || !auth_chars_are((str){text->ptr, 1}, set))
        return false;
    str_take(text, 1);
    return true;
}

static bool take_number(unsigned *out, str *text, size_t n_digits, unsigned max)
{
    uint64_t n = 0;

    if (text->len < n_digits || str_to_u64(str_take(text, n_digits), max, &n) != 0)
        return false;
    *out = (unsigned)n;
    return true;
}

static unsigned days_of_month(const struct date *d)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

    return days[d->month - 1] + (d->month == 2 && is_leap ? 1U : 0U);
}

static bool take_date(struct date *d, str *text)
{
    return take_number(&d->year, text, 4, 9999) && take_one_of(text, STR("-")) &&
           take_number(&d->month, text, 2, 12) && take_one_of(text, STR("-")) &&
           take_number(&d->day, text, 2, 31) && d->month > 0 && d->day > 0 &&
           d->day <= days_of_month(d);
}

/** "23:59" */
static bool take_minutes(unsigned *out, str *text)
{
    unsigned hour = 0;
    unsigned minute = 0;

    if (!take_number(&hour, text, 2, 23) || !take_one_of(text, STR(":")) ||
        !take_number(&minute, text, 2, 59))
        return false;
    *out = hour * HOUR_MINUTES + minute;
    return true;
}

static bool take_fraction(unsigned *ms, str *text)
{
    size_t n = 0;

    *ms = 0;
    if (!take_one_of(text, STR(".")))
        return true;
    for (unsigned unit = 100; text->len > 0; unit /= 10, n++) {
        const char c = text->ptr[0];
        if (!take_one_of(text, STR(CHARS_DIGIT)))
            break;
        *ms += unit * (unsigned)(c - '0');
    }
    return n >= 1 && n <= AUTH_FRACTION_MAX;
}

/** Minutes east of Greenwich; "-00:00" is UTC, said by somebody who does not know where he is.
 */
static bool take_offset(int *out, str *text)
{
    const bool is_west = str_starts(*text, STR("-"));
    unsigned minutes = 0;

    if (take_one_of(text, STR("Zz"))) {
        *out = 0;
        return true;
    }
    if (!take_one_of(text, STR("+-")) || !take_minutes(&minutes, text))
        return false;
    *out = is_west ? -(int)minutes : (int)minutes;
    return true;
}

/** From 1970 to the first day of the month. */
static int64_t days_until_month(const struct date *d)
{
    const unsigned n_leap_days =
        (d->year + 3) / 4 - (d->year + 99) / 100 + (d->year + 399) / 400;
    int64_t days = (int64_t)d->year * 365 + n_leap_days - DAYS_UNTIL_1970;

    for (struct date m = {d->year, 1, 1}; m.month < d->month; m.month++)
        days += days_of_month(&m);
    return days;
}

/** The date is local, the minute is not: a month may begin on the very day, or on the next. */
static bool is_last_of_a_month(int64_t minute, const struct date *d)
{
    const int64_t first_day = days_until_month(d);

    return minute + 1 == first_day * DAY_MINUTES ||
           minute + 1 == (first_day + days_of_month(d)) * DAY_MINUTES;
}

int auth_instant_parse(int64_t *unix_ms, str text)
{
    struct date d = {0};
    unsigned minutes = 0;
    unsigned second = 0;
    unsigned ms = 0;
    int offset = 0;

    if (!take_date(&d, &text) || !take_one_of(&text, STR("Tt")) ||
        !take_minutes(&minutes, &text) || !take_one_of(&text, STR(":")) ||
        !take_number(&second, &text, 2, 60) || !take_fraction(&ms, &text) ||
        !take_offset(&offset, &text) || text.len > 0)
        return AUTH_INSTANT_BAD;
    const int64_t minute =
        (days_until_month(&d) + d.day - 1) * DAY_MINUTES + (int64_t)minutes - offset;
    // RFC 3339, section 5.7: leap seconds come at the end of a month.
    if (second == 60 && !is_last_of_a_month(minute, &d))
        return AUTH_INSTANT_BAD;
    *unix_ms = (minute * 60 + second) * 1000 + ms;
    return 0;
}
