#include "support/t.h"

#include <stdio.h>
#include <time.h>

#include "auth/instant.h"
#include "support/exact.h"

#define DAY_MS INT64_C(86400000)

// clang-format off
static const struct row {
    const char *name;
    str text;
    int64_t unix_ms;
} rows[] = {
    // RFC 3339, section 5.8
    {"a fraction",                STR("1985-04-12T23:20:50.52Z"),       482196050520},
    {"west of Greenwich",         STR("1996-12-19T16:39:57-08:00"),     851042397000},
    {"a leap second",             STR("1990-12-31T23:59:60Z"),          662688000000},
    {"the same one in the west",  STR("1990-12-31T15:59:60-08:00"),     662688000000},
    {"east, by 20 minutes",       STR("1937-01-01T12:00:27.87+00:20"),  -1041337172130},

    {"the epoch",                 STR("1970-01-01T00:00:00Z"),          0},
    {"a second before",           STR("1969-12-31T23:59:59Z"),          -1000},
    {"a millisecond before",      STR("1969-12-31T23:59:59.999Z"),      -1},
    {"a SIWE's",                  STR("2021-09-30T16:25:24.000Z"),      1633019124000},
    {"a SIWE's, not UTC",         STR("2021-09-30T16:25:24-02:00"),     1633026324000},
    {"the first of all",          STR("0000-01-01T00:00:00Z"),          -62167219200000},
    {"a day before the first",    STR("0000-01-01T00:00:00+23:59"),     -62167219200000 - DAY_MS + 60000},
    {"the year 1",                STR("0001-01-01T00:00:00Z"),          -62135596800000},
    {"the last of all",           STR("9999-12-31T23:59:59.999Z"),      253402300799999},
    {"a day behind the last",     STR("9999-12-31T23:59:59-23:59"),     253402300799000 + DAY_MS - 60000},
    {"UTC as an offset",          STR("1970-01-01T00:00:00+00:00"),     0},
    {"an unknown offset",         STR("1970-01-01T00:00:00-00:00"),     0},
    {"small letters",             STR("1970-01-01t00:00:00z"),          0},
    {"a leap day",                STR("2024-02-29T00:00:00Z"),          1709164800000},
    {"of a century",              STR("2000-02-29T00:00:00Z"),          951782400000},
    {"the day behind it",         STR("2024-03-01T00:00:00Z"),          1709251200000},

    {"one digit of a fraction",   STR("1970-01-01T00:00:00.1Z"),        100},
    {"four of them",              STR("1970-01-01T00:00:00.0019Z"),     1}, // cut, not rounded
    {"nanoseconds",               STR("1970-01-01T00:00:00.123456789Z"), 123},
    {"all nines",                 STR("1970-01-01T00:00:00.999999999Z"), 999},
    {"before the epoch",          STR("1969-12-31T23:59:59.0009Z"),     -1000},

    {"a leap second's fraction",  STR("2016-12-31T23:59:60.5Z"),        1483228800500},
    {"in the east, next month",   STR("2017-01-01T05:29:60+05:30"),     1483228800000},
    {"in the west, same day",     STR("2016-12-31T22:59:60-01:00"),     1483228800000},
    {"at the end of June",        STR("1972-06-30T23:59:60Z"),          78796800000},
    {"at the end of February",    STR("2024-02-29T23:59:60Z"),          1709251200000},
};

static const struct {
    const char *name;
    str text;
} refused[] = {
    {"nothing",                   STR("")},
    {"a date",                    STR("2021-09-30")},
    {"no offset",                 STR("2021-09-30T16:25:24")},
    {"no seconds",                STR("2021-09-30T16:25Z")},
    {"a blank for the T",         STR("2021-09-30 16:25:24Z")},
    {"an underline for the T",    STR("2021-09-30_16:25:24Z")},
    {"without its marks",         STR("20210930T162524Z")},
    {"slashes",                   STR("2021/09/30T16:25:24Z")},
    {"another calendar's form",   STR("Wed Oct 05 2011 16:48:00 GMT+0200 (CEST)")},
    {"a number",                  STR("1633019124")},
    {"a week's day",              STR("2021-W39-4T16:25:24Z")},
    {"a year's day",              STR("2021-273T16:25:24Z")},
    {"five digits of a year",     STR("12021-09-30T16:25:24Z")},
    {"a signed year",             STR("+2021-09-30T16:25:24Z")},
    {"a year before 0",           STR("-001-09-30T16:25:24Z")},
    {"two digits of a year",      STR("21-09-30T16:25:24Z")},
    {"one digit of a month",      STR("2021-9-30T16:25:24Z")},
    {"month 0",                   STR("2021-00-30T16:25:24Z")},
    {"month 13",                  STR("2021-13-30T16:25:24Z")},
    {"day 0",                     STR("2021-09-00T16:25:24Z")},
    {"day 32",                    STR("2021-10-32T16:25:24Z")},
    {"31 September",              STR("2021-09-31T16:25:24Z")},
    {"29 February",               STR("2021-02-29T16:25:24Z")},
    {"29 February of a century",  STR("1900-02-29T16:25:24Z")},
    {"30 February",               STR("2024-02-30T16:25:24Z")},
    {"24 o'clock",                STR("2021-09-30T24:00:00Z")},
    {"60 minutes",                STR("2021-09-30T16:60:24Z")},
    {"61 seconds",                STR("2021-09-30T23:59:61Z")},
    {"a leap second of the day",  STR("2021-09-30T16:25:60Z")},
    {"of the 30th of 31",         STR("2021-12-30T23:59:60Z")},
    {"of the first",              STR("2021-12-01T23:59:60Z")},
    {"of midnight elsewhere",     STR("2016-12-31T23:59:60-01:00")},
    {"at 23:58",                  STR("2016-12-31T23:58:60Z")},
    {"at midnight",               STR("2017-01-01T00:00:60Z")},
    {"a point alone",             STR("2021-09-30T16:25:24.Z")},
    {"a comma",                   STR("2021-09-30T16:25:24,0Z")},
    {"two points",                STR("2021-09-30T16:25:24.0.0Z")},
    {"a letter in the fraction",  STR("2021-09-30T16:25:24.0aZ")},
    {"a fraction and no offset",  STR("2021-09-30T16:25:24.000")},
    {"an offset without colon",   STR("2021-09-30T16:25:24+0200")},
    {"of hours",                  STR("2021-09-30T16:25:24+02")},
    {"of 24 hours",               STR("2021-09-30T16:25:24+24:00")},
    {"of 60 minutes",             STR("2021-09-30T16:25:24+00:60")},
    {"with seconds",              STR("2021-09-30T16:25:24+02:00:00")},
    {"of no sign",                STR("2021-09-30T16:25:2402:00")},
    {"two offsets",               STR("2021-09-30T16:25:24Z+02:00")},
    {"a zone by its name",        STR("2021-09-30T16:25:24 UTC")},
    {"a zone behind",             STR("2021-09-30T16:25:24Z[UTC]")},
    {"a blank before",            STR(" 2021-09-30T16:25:24Z")},
    {"a blank behind",            STR("2021-09-30T16:25:24Z ")},
    {"an LF behind",              STR("2021-09-30T16:25:24Z\n")},
    {"a NUL behind",              STR("2021-09-30T16:25:24Z\0")},
    {"a NUL in it",               STR("2021-09-30T16:25:24\0Z")},
    {"digits of another script",  STR("\xd9\xa2\xd9\xa0-09-30T16:25:24Z")},
};
// clang-format on

static int parse(int64_t *unix_ms, str text)
{
    CLEANUP(exact_freep) char *copy = exact_copy(text);

    return auth_instant_parse(unix_ms, (str){copy, text.len});
}

static void a_date_time_is_milliseconds_since_1970(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        int64_t unix_ms = INT64_MIN;
        expect_int(row->name, parse(&unix_ms, row->text), 0);
        expect_int(row->name, unix_ms, row->unix_ms);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        int64_t unix_ms = 7;
        expect_int(refused[i].name, parse(&unix_ms, refused[i].text), AUTH_INSTANT_BAD);
        expect_int(refused[i].name, unix_ms, 7);
    }
}

static void no_cut_of_one_is_one(void **state)
{
    static const str texts[] = {STR("2021-09-30T16:25:24Z"),
                                STR("2021-09-30T16:25:24.000-02:00")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t unix_ms = 0;
        expect_int(texts[i].ptr, parse(&unix_ms, texts[i]), 0);
        for (size_t n = 0; n < texts[i].len; n++)
            expect_int(texts[i].ptr, parse(&unix_ms, (str){texts[i].ptr, n}), AUTH_INSTANT_BAD);
    }
}

static void a_fraction_has_so_many_digits_and_no_more(void **state)
{
    (void)state;
    for (int n = 0; n <= AUTH_FRACTION_MAX + 20; n++) {
        char text[64];
        char name[32];
        int64_t unix_ms = 0;
        const int len = snprintf(text, sizeof(text), "1970-01-01T00:00:00.%.*sZ", n,
                                 "12300000000000000000000000000000");
        const bool is_one = n >= 1 && n <= AUTH_FRACTION_MAX;

        (void)snprintf(name, sizeof(name), "%d digits", n);
        expect_int(name, parse(&unix_ms, (str){text, (size_t)len}),
                   is_one ? 0 : AUTH_INSTANT_BAD);
        if (n >= 3 && is_one)
            expect_int(name, unix_ms, 123);
    }
}

/** What the C library's calendar says of a day: it moves those that do not exist. */
static bool is_day(struct tm *day, int64_t *unix_ms)
{
    const int want = day->tm_mday;

    *unix_ms = (int64_t)timegm(day) * 1000;
    return day->tm_mday == want;
}

static void check_day(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    char text[64];
    int64_t want = 0;
    int64_t got = 0;

    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z", year, month, day);
    const bool exists = is_day(&tm, &want);
    expect_int(text, auth_instant_parse(&got, str_of(text)), exists ? 0 : AUTH_INSTANT_BAD);
    if (exists)
        expect_int(text, got, want);
}

/** All days of two eras of 400 years, and the ends of all months. */
static void the_days_are_those_of_the_calendar(void **state)
{
    (void)state;
    for (int year = 0; year <= 9999; year++) {
        const bool is_whole = year >= 1600 && year < 2400;
        for (int month = 1; month <= 12; month++) {
            for (int day = is_whole ? 1 : 28; day <= 31; day++)
                check_day(year, month, day);
        }
    }
}

static void every_second_of_a_day_follows_the_one_before(void **state)
{
    (void)state;
    for (int s = 0; s < 86400; s++) {
        char text[64];
        int64_t unix_ms = 0;

        (void)snprintf(text, sizeof(text), "1970-01-01T%02d:%02d:%02dZ", s / 3600, s / 60 % 60,
                       s % 60);
        expect_int(text, auth_instant_parse(&unix_ms, str_of(text)), 0);
        expect_int(text, unix_ms, (int64_t)s * 1000);
    }
}

static void an_offset_moves_it_by_so_many_minutes(void **state)
{
    (void)state;
    for (int minutes = -1439; minutes <= 1439; minutes++) {
        char text[64];
        int64_t unix_ms = 0;
        const int n = minutes < 0 ? -minutes : minutes;

        (void)snprintf(text, sizeof(text), "1970-01-02T00:00:00%c%02d:%02d",
                       minutes < 0 ? '-' : '+', n / 60, n % 60);
        expect_int(text, auth_instant_parse(&unix_ms, str_of(text)), 0);
        expect_int(text, unix_ms, DAY_MS - (int64_t)minutes * 60000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_time_is_milliseconds_since_1970),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(no_cut_of_one_is_one),
        cmocka_unit_test(a_fraction_has_so_many_digits_and_no_more),
        cmocka_unit_test(the_days_are_those_of_the_calendar),
        cmocka_unit_test(every_second_of_a_day_follows_the_one_before),
        cmocka_unit_test(an_offset_moves_it_by_so_many_minutes),
    };
    return cmocka_run_group_tests_name("auth/instant", tests, NULL, NULL);
}
