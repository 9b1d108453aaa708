#include "base/crash.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/signal_line.h"

#define FRAMES_N   64
#define STACK_SIZE 32768 // bytes; a signal's frame may take a fifth of it
#define LATE_S     10
#define NAME_SIZE  16 // of a thread: prctl(2)

static const struct {
    int signal;
    const char *name;
} signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
    {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"},
};

// A signal handler has no argument.
static const char *version_of;
static atomic_int crashed_by; // 0: nothing has
static _Thread_local char own_stack[STACK_SIZE];

static const char *name_of(int signal)
{
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        if (signals[i].signal == signal)
            return signals[i].name;
    }
    return "?";
}

static void report(int signal, const siginfo_t *info)
{
    struct signal_line l;
    char thread[NAME_SIZE + 1] = "";
    void *frames[FRAMES_N];

    prctl(PR_GET_NAME, thread);
    signal_line_begin(&l, LOG_FATAL, "base_crash");
    signal_line_text(&l, "signal", name_of(signal));
    if (info->si_code > 0) // the kernel's; others send one without any
        signal_line_hex(&l, "address", (uint64_t)(uintptr_t)info->si_addr);
    signal_line_text(&l, "thread", thread);
    signal_line_text(&l, "version", version_of);
    signal_line_end(&l);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_N), STDERR_FILENO);
    signal_line_begin(&l, LOG_FATAL, "base_crash_end");
    signal_line_add(&l,
                    " ends=\"the process: what was acknowledged is stored\" do=\"report it "
                    "with the lines from base_crash on: there is no message and no key in "
                    "them\"");
    signal_line_end(&l);
}

/** As if nobody had listened: once this handler is over, or for another thread at once. */
static void end_by(int which)
{
    (void)signal(which, SIG_DFL);
    (void)kill(getpid(), which);
}

/** A backtrace may wait for what the crashed thread has. */
static void on_late(int unused)
{
    (void)unused;
    end_by(atomic_load(&crashed_by));
}

static void on_crash(int which, siginfo_t *info, void *context)
{
    int none = 0;

    (void)context;
    if (!atomic_compare_exchange_strong(&crashed_by, &none, which)) {
        for (;;) // the first one's end is ours
            pause();
    }
    if (!log_has_said_fatal()) {
        alarm(LATE_S);
        report(which, info);
    }
    end_by(which);
}

static void listen_to(int which, void (*on)(int signal, siginfo_t *info, void *context))
{
    struct sigaction how = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&how.sa_mask);
    (void)sigaction(which, &how, NULL);
}

void crash_open(const char *version)
{
    void *frame = NULL;

    if (IS_WATCHED)
        return;
    version_of = version;
    (void)backtrace(&frame, 1); // loads what it needs, which no handler may
    crash_open_thread();
    (void)signal(SIGALRM, on_late);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        listen_to(signals[i].signal, on_crash);
}

void crash_open_thread(void)
{
    const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof(own_stack)};

    if (!IS_WATCHED)
        (void)sigaltstack(&stack, NULL);
}
