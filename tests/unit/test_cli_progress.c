#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"
#include "support/said.h"
#include "support/t.h"

/** Shown, one after the other, each so long after the first. */
struct shown {
    int64_t after_ms;
    struct progress progress;
};

static char *show(bool is_quiet, bool is_terminal, const struct shown *all, size_t n)
{
    struct progress_print p;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    progress_print_init(&p, "parley migrate", is_quiet);
    p.out = out;
    p.is_terminal = is_terminal;
    for (size_t i = 0; i < n; i++)
        progress_print_at(&p, &all[i].progress, 1000000 + all[i].after_ms);
    progress_print_end(&p);
    (void)fclose(out);
    return text;
}

#define MESSAGES(count)                                                                        \
    {                                                                                          \
        .what = "messages", .n = (count), .of = 1000000                                        \
    }

static const struct shown moving[] = {
    {0, MESSAGES(0)},           {100, MESSAGES(10000)},   {200, MESSAGES(20000)},
    {4999, MESSAGES(499000)},   {5000, MESSAGES(500000)}, {9000, MESSAGES(900000)},
    {10000, MESSAGES(1000000)},
};

static void says_it_in_lines_where_nobody_looks(void **state)
{
    (void)state;
    char *text = show(false, false, moving, COUNT_OF(moving));
    expect_str("lines", str_of(text),
               STR("parley migrate: messages 0 of 1000000, 0 %, 0/s\n"
                   "parley migrate: messages 500000 of 1000000, 50 %, 100000/s, 5 s left\n"
                   "parley migrate: messages 1000000 of 1000000, 100 %, 100000/s, 0 s left\n"));
    free(text);
}

static void shows_a_bar_on_a_terminal(void **state)
{
    (void)state;
    char *text = show(false, true, moving, 3);
    expect_str("bar", str_of(text),
               STR("\r[........................] messages 0 of 1000000, 0 %, 0/s\x1b[K"
                   "\r[........................] messages 20000 of 1000000, 2 %, 100000/s, 9 s "
                   "left\x1b[K"
                   "\r\x1b[K"));
    free(text);
    text = show(false, true, moving, COUNT_OF(moving));
    expect_in("half", text, "\r[###########.............] messages 499000 of 1000000, 49 %");
    expect_in("all", text, "\r[########################] messages 1000000 of");
    free(text);
}

static void says_nothing_where_it_is_to_be_quiet(void **state)
{
    (void)state;
    char *text = show(true, false, moving, COUNT_OF(moving));
    expect_str("quiet", str_of(text), STR(""));
    free(text);
}

/** The rate is that of this run. */
static void says_where_it_goes_on(void **state)
{
    static const struct shown resumed[] = {
        {0, {.what = "messages", .n = 600000, .of = 1000000, .is_resumed = true}},
        {5000, MESSAGES(610000)},
    };
    (void)state;
    char *text = show(false, false, resumed, COUNT_OF(resumed));
    expect_str(
        "resumed", str_of(text),
        STR("parley migrate: goes on behind 600000 messages\n"
            "parley migrate: messages 600000 of 1000000, 60 %, 0/s\n"
            "parley migrate: messages 610000 of 1000000, 61 %, 2000/s, 3 min 15 s left\n"));
    free(text);
}

static void says_what_is_compared(void **state)
{
    static const struct shown compared[] = {
        {0, {.what = "receipts", .n = 500, .doing = "comparing"}},
        {5000, {.what = "receipts", .n = 1000, .doing = "comparing"}},
        {5000, {.what = "messages", .n = 0, .of = 7200, .doing = "comparing"}},
        {10000, {.what = "messages", .n = 5, .of = 7200, .doing = "comparing"}},
    };
    (void)state;
    char *text = show(false, false, compared, COUNT_OF(compared));
    expect_str(
        "compared", str_of(text),
        STR("parley migrate: comparing receipts 1000\n"
            "parley migrate: comparing messages 0 of 7200, 0 %, 0/s\n"
            "parley migrate: comparing messages 5 of 7200, 0 %, 1/s, 1 h 59 min left\n"));
    free(text);
}

/** Who tells has let go of its texts by then. */
static void texts_may_be_anywhere(void **state)
{
    struct progress_print p;
    char what[16];
    char *text = NULL;
    size_t len = 0;

    (void)state;
    progress_print_init(&p, "parley backup", false);
    p.out = open_memstream(&text, &len);
    p.is_terminal = false;
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(what, sizeof(what), "table %u", i);
        progress_print_at(&p, &(struct progress){.doing = "sealing", .what = what, .of = 9}, i);
    }
    (void)fclose(p.out);
    expect_str("each", str_of(text),
               STR("parley backup: sealing table 0 0 of 9, 0 %, 0/s\n"
                   "parley backup: sealing table 1 0 of 9, 0 %, 0/s\n"
                   "parley backup: sealing table 2 0 of 9, 0 %, 0/s\n"));
    free(text);
}

/** Bytes are shown as MiB. */
static void says_how_many_bytes(void **state)
{
    static const struct shown copied[] = {
        {0, {.what = "files", .n = 0, .of = 209715200, .is_bytes = true}},
        {5000, {.what = "files", .n = 104857600, .of = 209715200, .is_bytes = true}},
    };
    (void)state;
    char *text = show(false, false, copied, COUNT_OF(copied));
    expect_str("bytes", str_of(text),
               STR("parley migrate: files 0 of 200 MiB, 0 %, 0 MiB/s\n"
                   "parley migrate: files 100 of 200 MiB, 50 %, 20 MiB/s, 5 s left\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_it_in_lines_where_nobody_looks),
        cmocka_unit_test(shows_a_bar_on_a_terminal),
        cmocka_unit_test(says_nothing_where_it_is_to_be_quiet),
        cmocka_unit_test(says_where_it_goes_on),
        cmocka_unit_test(says_what_is_compared),
        cmocka_unit_test(says_how_many_bytes),
        cmocka_unit_test(texts_may_be_anywhere),
    };
    return cmocka_run_group_tests_name("cli/progress", tests, NULL, NULL);
}
