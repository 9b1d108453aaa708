#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/process.h"
#include "support/exact.h"
#include "support/t.h"

#define BEFORE                     " S 1 2 3 0 -1 4194560 5 6 7 8 " // state to cmajflt
#define BETWEEN                    " 3 4 20 0 9 0 12345 987654321 " // children's times to the size
#define STAT(name)                 STR("42 (" name ")" BEFORE "150 50" BETWEEN "300 18446744073709551615 1\n")
#define NUMBERS(utime, stime, rss) STR("42 (a)" BEFORE utime " " stime BETWEEN rss " 1 2\n")

struct row {
    const char *name;
    str in;
    int r;
    int64_t cpu_us;
    int64_t rss_kib;
};

// clang-format off
static const struct row rows[] = {
    {"a plain name",          STAT("parley"),                        0, 2000000, 1200},
    {"an empty name",         STAT(""),                              0, 2000000, 1200},
    {"spaces",                STAT("a b  c"),                        0, 2000000, 1200},
    {"parentheses",           STAT("(a) (b"),                        0, 2000000, 1200},
    {"what looks like more",  STAT("x) R 1 2 3 4 5 6 7 8 9 (y"),     0, 2000000, 1200},
    {"a line feed",           STAT("a\nb"),                          0, 2000000, 1200},
    {"a NUL",                 STAT("a\0b"),                          0, 2000000, 1200},
    {"nothing used",          NUMBERS("0", "0", "0"),                0, 0, 0},
    {"user time alone",       NUMBERS("1", "0", "1"),                0, 10000, 4},
    {"system time alone",     NUMBERS("0", "1", "1"),                0, 10000, 4},
    {"the most",              NUMBERS("4294967295", "4294967295", "4294967295"), 0, INT64_C(85899345900000), INT64_C(17179869180)},
    {"user time too large",   NUMBERS("4294967296", "0", "0"),       PROCESS_GONE, 0, 0},
    {"memory too large",      NUMBERS("0", "0", "4294967296"),       PROCESS_GONE, 0, 0},
    {"a negative time",       NUMBERS("0", "-1", "0"),               PROCESS_GONE, 0, 0},
    {"a time of letters",     NUMBERS("x", "0", "0"),                PROCESS_GONE, 0, 0},
    {"an empty field",        NUMBERS("", "0", "0"),                 PROCESS_GONE, 0, 0},
    {"nothing",               STR(""),                               PROCESS_GONE, 0, 0},
    {"no name",               STR("42 S 1 2 3"),                     PROCESS_GONE, 0, 0},
    {"a name alone",          STR("42 (a)"),                         PROCESS_GONE, 0, 0},
};
// clang-format on

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct process_use use = {-1, -1};
        char *text = exact_copy(row->in);

        expect_int(row->name, process_read_stat((str){text, row->in.len}, 100, 4, &use),
                   row->r);
        if (row->r == 0) {
            expect_int(row->name, use.cpu_us, row->cpu_us);
            expect_int(row->name, use.rss_kib, row->rss_kib);
        }
        free(text);
    }
}

/** Least of all a part of a number is taken for it. */
static void a_text_that_is_cut_is_refused(void **state)
{
    static const str whole = STAT("a) (b c");
    static const str behind = STR("18446744073709551615 1\n"); // what is not looked at

    (void)state;
    for (size_t n = 0; n < whole.len; n++) {
        struct process_use use = {0};
        char *text = exact_copy((str){whole.ptr, n});

        const int r = process_read_stat((str){text, n}, 100, 4, &use);
        assert_int_equal(r, n < whole.len - behind.len ? PROCESS_GONE : 0);
        if (r == 0)
            assert_int_equal(use.rss_kib, 1200);
        free(text);
    }
}

static void ticks_and_pages_are_what_the_system_says(void **state)
{
    static const struct {
        const char *name;
        int64_t ticks_per_s;
        int64_t page_kib;
        int64_t cpu_us;
        int64_t rss_kib;
    } systems[] = {
        {"1000 ticks", 1000, 4, 200000, 1200},
        {"250 ticks", 250, 16, 800000, 4800},
        {"1024 ticks", 1024, 64, 195312, 19200},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(systems); i++) {
        struct process_use use = {0};
        const int r =
            process_read_stat(STAT("a"), systems[i].ticks_per_s, systems[i].page_kib, &use);
        expect_int(systems[i].name, r, 0);
        expect_int(systems[i].name, use.cpu_us, systems[i].cpu_us);
        expect_int(systems[i].name, use.rss_kib, systems[i].rss_kib);
    }
}

static int64_t own_cpu_us(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void what_this_process_uses_is_seen(void **state)
{
    struct process_use before;
    struct process_use by_pid;
    struct process_use after;

    (void)state;
    assert_int_equal(process_use(0, &before), 0);
    assert_true(before.cpu_us >= 0 && before.cpu_us <= own_cpu_us() + 50000);
    assert_in_range(before.rss_kib, 100, INT64_C(1) << 32);

    const int64_t until = own_cpu_us() + 100000;
    while (own_cpu_us() < until) {
        // burn it
    }
    assert_int_equal(process_use((uint64_t)getpid(), &by_pid), 0);
    assert_int_equal(process_use(0, &after), 0);
    assert_true(by_pid.cpu_us >= before.cpu_us + 50000);
    assert_true(after.cpu_us >= by_pid.cpu_us);
}

static int64_t thread_cpu_us(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *burn(void *arg)
{
    (void)arg;
    while (thread_cpu_us() < 100000) {
        // a tenth of a second, of this thread alone
    }
    return NULL;
}

/** What the server's threads do is the server's: also of one that has ended. */
static void what_another_thread_uses_is_counted(void **state)
{
    struct process_use before;
    struct process_use after;
    pthread_t thread;

    (void)state;
    const int64_t own_us = thread_cpu_us();
    assert_int_equal(process_use(0, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, burn, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(process_use(0, &after), 0);
    assert_true(after.cpu_us >= before.cpu_us + 80000);
    assert_true(thread_cpu_us() - own_us < 50000); // it was not this one
}

static void a_process_that_is_not_there_is_gone(void **state)
{
    struct process_use use;

    (void)state;
    assert_int_equal(process_use(INT32_MAX, &use), PROCESS_GONE); // above any pid_max
    assert_int_equal(process_use(UINT64_MAX, &use), PROCESS_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(a_text_that_is_cut_is_refused),
        cmocka_unit_test(ticks_and_pages_are_what_the_system_says),
        cmocka_unit_test(what_this_process_uses_is_seen),
        cmocka_unit_test(what_another_thread_uses_is_counted),
        cmocka_unit_test(a_process_that_is_not_there_is_gone),
    };
    return cmocka_run_group_tests_name("bench/process", tests, NULL, NULL);
}
