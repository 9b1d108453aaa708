#include "base/signal_line.h"

#include <errno.h>
#include <unistd.h>

#include "base/digits.h"
#include "base/hex.h"

#define DAY_S 86400

static void add(struct signal_line *l, str text)
{
    const size_t room = SIGNAL_LINE_SIZE - 1 - l->n; // the last byte is for the newline

    l->n += str_copy(l->bytes + l->n, (str){text.ptr, text.len < room ? text.len : room}).len;
}

static void add_fixed(struct signal_line *l, size_t n_digits, uint64_t n, const char *behind)
{
    char digits[DIGITS_SIZE];

    digits_fixed(digits, n_digits, n);
    add(l, (str){digits, n_digits});
    add(l, str_of(behind));
}

/** gmtime_r() may lock. Years begin in March here, so that a leap day is a year's last. */
static void add_date(struct signal_line *l, uint64_t days)
{
    const uint64_t since_0000 = days + 719468; // of March 1st
    const uint64_t era = since_0000 / 146097;  // 400 years
    const uint64_t day = since_0000 % 146097;
    const uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    const uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    const uint64_t month = (5 * of_year + 2) / 153;

    add_fixed(l, 4, era * 400 + year + (month >= 10), "-");
    add_fixed(l, 2, month < 10 ? month + 3 : month - 9, "-");
    add_fixed(l, 2, of_year - (153 * month + 2) / 5 + 1, "T");
}

void signal_line_time(struct signal_line *l, uint64_t s, uint64_t ns)
{
    add_date(l, s / DAY_S);
    add_fixed(l, 2, s % DAY_S / 3600, ":");
    add_fixed(l, 2, s % 3600 / 60, ":");
    add_fixed(l, 2, s % 60, ".");
    add_fixed(l, 3, ns / 1000000, "Z");
}

void signal_line_begin(struct signal_line *l, enum log_level level, const char *event)
{
    const struct timespec now = log_time();
    str rest = str_of(event);

    l->n = 0;
    add(l, str_of(log_prefix(level)));
    add(l, STR("ts="));
    signal_line_time(l, (uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
    signal_line_text(l, "level", log_level_name(level));
    add(l, STR(" layer="));
    add(l, str_take_until(&rest, '_'));
    signal_line_text(l, "event", event);
}

void signal_line_add(struct signal_line *l, const char *text)
{
    add(l, str_of(text));
}

static void add_key(struct signal_line *l, const char *key)
{
    add(l, STR(" "));
    add(l, str_of(key));
    add(l, STR("="));
}

void signal_line_text(struct signal_line *l, const char *key, const char *value)
{
    add_key(l, key);
    add(l, str_of(value));
}

void signal_line_number(struct signal_line *l, const char *key, uint64_t n)
{
    char digits[DIGITS_SIZE];

    add_key(l, key);
    add(l, digits_of(digits, n));
}

void signal_line_hex(struct signal_line *l, const char *key, uint64_t n)
{
    add_key(l, key);
    add(l, STR("0x"));
    for (int shift = 60; shift >= 0; shift -= 4) {
        if (n >> shift == 0 && shift > 0)
            continue;
        add(l, (str){&(char){hex_digit((unsigned)(n >> shift) & 15U)}, 1});
    }
}

void signal_line_end(struct signal_line *l)
{
    const int before = errno;

    l->bytes[l->n++] = '\n';
    // A log that can't be written has nowhere to be reported.
    const ssize_t written = write(STDERR_FILENO, l->bytes, l->n);
    (void)written;
    errno = before;
}
