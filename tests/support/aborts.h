/** Tests of what ends a process, or changes it: a call in a child, and what it said on stderr.
 */
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/t.h"

/**
 * fn(arg), in a process of its own.
 *
 * @param said  gets what it wrote to stderr, NUL-terminated and cut to size
 * @return how that ended, as of waitpid(2)
 */
static inline int status_of(void (*fn)(void *arg), void *arg, char *said, size_t size)
{
    int ends[2];
    int status = 0;
    size_t n = 0;

    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); // cmocka would turn it into a failed test
        dup2(ends[1], STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0; n += (size_t)got) {
        got = read(ends[0], said + n, size - 1 - n);
        assert_true(got >= 0);
    }
    said[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/** Does fn(arg) end its process with SIGABRT? */
static inline bool aborts(void (*fn)(void *arg), void *arg, char *said, size_t size)
{
    const int status = status_of(fn, arg, said, size);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
