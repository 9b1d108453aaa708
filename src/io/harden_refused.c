#include "io/harden_refused.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#include "base/signal_line.h"
#include "io/harden_calls.h"

#define CALLS_MAX 1024
#define WORD      64
#define NO_CALL   UINT32_MAX // a tracer has answered in the kernel's place, as strace's faults do
#define FIRST_MAX 65535 // an option or a family; what is larger is an address, which is ours

#ifndef SYS_SECCOMP
    #define SYS_SECCOMP 1
#endif

static _Atomic uint64_t said[CALLS_MAX / WORD]; // a bit each

/** @return false: it was said before */
static bool is_news(unsigned call)
{
    const uint64_t bit = UINT64_C(1) << call % WORD;

    return call >= CALLS_MAX || !(atomic_fetch_or(&said[call / WORD], bit) & bit);
}

#if defined(__x86_64__)
static uint64_t first_of(const ucontext_t *at)
{
    return (uint64_t)at->uc_mcontext.gregs[REG_RDI];
}

static void answer(ucontext_t *at, int result)
{
    at->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
static uint64_t first_of(const ucontext_t *at)
{
    return at->uc_mcontext.regs[0]; // where the answer goes as well
}

static void answer(ucontext_t *at, int result)
{
    at->uc_mcontext.regs[0] = (uint64_t)(int64_t)result;
}
#else
static uint64_t first_of(const ucontext_t *at)
{
    (void)at;
    return 0;
}

static void answer(ucontext_t *at, int result)
{
    (void)at, (void)result;
}
#endif

static void on_refused(int signal, siginfo_t *info, void *context)
{
    struct signal_line line;

    (void)signal;
    if (info->si_code != SYS_SECCOMP) { // somebody has sent it: it ends us, as it would have
        (void)sigaction(SIGSYS, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        (void)raise(SIGSYS); // once we are back
        return;
    }
    const unsigned call = (unsigned)info->si_syscall;
    if (call == NO_CALL)
        return;
    if (call > HARDEN_CALLS_NEWEST) {
        answer(context, -ENOSYS);
        return;
    }
    if (is_news(call)) {
        signal_line_begin(&line, LOG_ERROR, "io_call_refused");
        signal_line_number(&line, "call", call);
        if (first_of(context) <= FIRST_MAX)
            signal_line_number(&line, "first", first_of(context));
        signal_line_end(&line);
    }
    answer(context, -EPERM);
}

int harden_refused_say(void)
{
    struct sigaction how = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigemptyset(&how.sa_mask);
    return sigaction(SIGSYS, &how, NULL) < 0 ? -errno : 0;
}
