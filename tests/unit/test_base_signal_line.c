#include <errno.h>
#include <unistd.h>

#include "base/signal_line.h"
#include "support/t.h"

struct said {
    char text[2 * SIGNAL_LINE_SIZE];
    size_t n;
};

/** What fn writes to stderr. */
static struct said hear(void (*fn)(void))
{
    struct said said = {0};
    int ends[2];
    const int before = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    fn();
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    const ssize_t n = read(ends[0], said.text, sizeof(said.text) - 1);
    assert_true(n > 0);
    said.n = (size_t)n;
    close(ends[0]);
    return said;
}

static void say_each(void)
{
    struct signal_line l;

    signal_line_begin(&l, LOG_ERROR, "io_call_refused");
    signal_line_number(&l, "none", 0);
    signal_line_number(&l, "most", UINT64_MAX);
    signal_line_hex(&l, "zero", 0);
    signal_line_hex(&l, "some", 0xdead0);
    signal_line_hex(&l, "all", UINT64_MAX);
    signal_line_text(&l, "name", "x");
    signal_line_add(&l, " more");
    errno = 77;
    signal_line_end(&l);
    assert_int_equal(errno, 77);
}

static void has_each_form(void **state)
{
    const struct said said = hear(say_each);
    const char *fields = strstr(said.text, " level=");

    (void)state;
    assert_non_null(fields);
    assert_string_equal(fields,
                        " level=error layer=io event=io_call_refused none=0 "
                        "most=18446744073709551615 zero=0x0 some=0xdead0 "
                        "all=0xffffffffffffffff name=x more\n");
}

/** As the log writes it, which asks the C library. */
static void knows_the_date(void **state)
{
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},          {68169599, "1972-02-28T23:59:59.000Z"},
        {68169600, "1972-02-29T00:00:00.000Z"},   {951782400, "2000-02-29T00:00:00.000Z"},
        {978307199, "2000-12-31T23:59:59.000Z"},  {1709251200, "2024-03-01T00:00:00.000Z"},
        {4107542399, "2100-02-28T23:59:59.000Z"}, {4107542400, "2100-03-01T00:00:00.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct signal_line l = {0};
        signal_line_time(&l, rows[i].s, 0);
        expect_str(rows[i].text, ((str){l.bytes, l.n}), str_of(rows[i].text));
    }
}

static void say_too_much(void)
{
    struct signal_line l;

    signal_line_begin(&l, LOG_FATAL, "base_x");
    for (size_t i = 0; i < SIGNAL_LINE_SIZE; i++)
        signal_line_add(&l, "abc");
    signal_line_number(&l, "n", 1);
    signal_line_end(&l);
}

static void what_is_too_long_is_cut(void **state)
{
    const struct said said = hear(say_too_much);

    (void)state;
    assert_int_equal(said.n, SIGNAL_LINE_SIZE);
    assert_int_equal(said.text[said.n - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_each_form),
        cmocka_unit_test(knows_the_date),
        cmocka_unit_test(what_is_too_long_is_cut),
    };
    return cmocka_run_group_tests_name("base_signal_line", tests, NULL, NULL);
}
