#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "io/loop.h"
#include "support/aborts.h"

#if IS_WATCHED

static void sanitizers_have_reports_of_their_own(void **state)
{
    struct sigaction before;
    struct sigaction now;

    (void)state;
    assert_int_equal(sigaction(SIGSEGV, NULL, &before), 0);
    crash_open("1.2.3");
    crash_open_thread();
    assert_int_equal(sigaction(SIGSEGV, NULL, &now), 0);
    assert_ptr_equal(now.sa_sigaction, before.sa_sigaction);
}

#else

    #define SAID_SIZE 16384

/** @param what  a void (**)(void) */
static void crash(void *what)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    crash_open("1.2.3");
    (*(void (**)(void))what)();
}

/** How a child ends that does this, and what it says. @return the signal */
static int end_of(void (*fn)(void), char *said)
{
    const int status = status_of(crash, (void *)&fn, said, SAID_SIZE);

    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void *volatile nowhere = (void *)16;

static void write_nowhere(void)
{
    *(volatile int *)nowhere = 1;
}

static void divide(void)
{
    (void)raise(SIGFPE);
}

static void be_sent_one(void)
{
    (void)kill(getpid(), SIGSEGV);
}

static void do_no_instruction(void)
{
    __builtin_trap();
}

static unsigned dig(unsigned n) // NOLINT(misc-no-recursion): it is meant to
{
    volatile char room[4096];

    room[0] = (char)n;
    return n == UINT32_MAX ? 0 : dig(n + 1) + (unsigned)room[0];
}

static void use_up_the_stack(void)
{
    (void)dig(0);
}

static void on_thread(void *arg)
{
    (void)arg;
    use_up_the_stack();
}

static void use_up_the_stack_of_a_thread(void)
{
    struct loop_thread t;

    (void)!loop_thread_start(&t, "digger", on_thread, NULL);
    loop_thread_join(&t);
}

static void assert_something(void)
{
    assert(!nowhere);
}

static const struct {
    const char *name;
    void (*fn)(void);
    int signal;
    const char *text;
    const char *in_trace; // NULL: a static function has no name
} rows[] = {
    {"a write to nowhere", write_nowhere, SIGSEGV,
     " signal=SIGSEGV address=0x10 thread=", NULL},
    {"a signal that was sent", be_sent_one, SIGSEGV, " signal=SIGSEGV thread=", NULL},
    {"arithmetic", divide, SIGFPE, " signal=SIGFPE ", NULL},
    {"no instruction", do_no_instruction, SIGILL, " signal=SIGILL address=0x", NULL},
    {"abort()", abort, SIGABRT, " signal=SIGABRT thread=", "abort"},
    {"an assertion", assert_something, SIGABRT, " signal=SIGABRT ", "abort"},
    {"a stack that has run out", use_up_the_stack, SIGSEGV, " signal=SIGSEGV address=0x", NULL},
    {"that of a thread", use_up_the_stack_of_a_thread, SIGSEGV,
     " thread=digger version=1.2.3\n", NULL},
};

static void it_says_what_and_where_and_ends_as_without(void **state)
{
    static char said[SAID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, end_of(rows[i].fn, said), rows[i].signal);
        const char *first = strstr(said, " level=fatal layer=base event=base_crash signal=");
        const char *last = strstr(said, " level=fatal layer=base event=base_crash_end ");
        if (!first || !last || !strstr(first, rows[i].text) ||
            !strstr(first, "version=1.2.3\n")) {
            fail_msg("%s: said\n%s", rows[i].name, said);
            return;
        }
        const char *frame = strstr(first, "test_base_crash(");
        if (!frame || frame > last || strchr(last, '\n')[1] != '\0')
            fail_msg("%s: said\n%s", rows[i].name, said);
        if (rows[i].in_trace && !strstr(first, rows[i].in_trace))
            fail_msg("%s: said\n%s", rows[i].name, said);
    }
}

static void run_out(void)
{
    mem_fail(17);
}

static void what_was_said_is_not_said_again(void **state)
{
    static char said[SAID_SIZE];

    (void)state;
    assert_int_equal(end_of(run_out, said), SIGABRT);
    assert_non_null(strstr(said, "event=base_no_memory bytes=17"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); // one line
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if IS_WATCHED
        cmocka_unit_test(sanitizers_have_reports_of_their_own),
#else
        cmocka_unit_test(it_says_what_and_where_and_ends_as_without),
        cmocka_unit_test(what_was_said_is_not_said_again),
#endif
    };
    return cmocka_run_group_tests_name("base_crash", tests, NULL, NULL);
}
