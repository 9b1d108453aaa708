#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/child.h"
#include "support/folder.h"
#include "support/t.h"

#define LONG_MS  60000
#define SHORT_MS 50

struct world {
    struct loop *loop;
    unsigned n_done;
    enum child_end end;
    int status;
    struct buf log;
};

static void hear(void *arg, str line)
{
    struct world *w = arg;

    assert_int_equal(buf_add(&w->log, line), 0);
}

static void on_done(void *arg, enum child_end end, int status)
{
    struct world *w = arg;

    w->n_done++;
    w->end = end;
    w->status = status;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    buf_init(&w->log, 65536);
    log_set_sink(hear, w);
    assert_int_equal(loop_new(&w->loop), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    loop_free(w->loop);
    log_set_sink(NULL, NULL);
    buf_fini(&w->log);
    // No zombie is left, and nobody else's child was waited for.
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    free(w);
    return 0;
}

static void await(struct world *w, unsigned n)
{
    while (w->n_done < n)
        loop_run_once(w->loop);
}

static struct child *start(struct world *w, const char *const *argv, int64_t timeout_ms)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "GREETING=a b", NULL};
    const unsigned before = w->n_done;
    struct child *c = child_run(
        w->loop, &(struct child_config){.argv = argv, .env = env, .timeout_ms = timeout_ms},
        on_done, w);

    assert_int_equal(w->n_done, before); // later
    return c;
}

static struct child *start_shell(struct world *w, const char *script, const char *one,
                                 int64_t timeout_ms)
{
    const char *const argv[] = {"/bin/sh", "-c", script, "sh", one, NULL};

    return start(w, argv, timeout_ms);
}

static void says_how_it_has_ended(void **state)
{
    static const struct {
        const char *script;
        enum child_end end;
        int status;
    } rows[] = {
        {"exit 0", CHILD_EXITED, 0},
        {"exit 1", CHILD_EXITED, 1},
        {"exit 255", CHILD_EXITED, 255},
        {"kill -TERM $$", CHILD_KILLED, SIGTERM},
        {"kill -KILL $$", CHILD_KILLED, SIGKILL},
        {"test \"$GREETING\" = 'a b'", CHILD_EXITED, 0},
        {"test \"$(env | grep -vc '^\\(PWD\\|OLDPWD\\|SHLVL\\|_\\)=')\" = 2", CHILD_EXITED, 0},
        {"test \"$1\" = '; exit 3'", CHILD_EXITED, 0}, // no shell has looked at it
        {"cat | wc -c | grep -qx 0", CHILD_EXITED, 0}, // nothing to read
        {"trap '' PIPE; exit 0", CHILD_EXITED, 0},
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        start_shell(w, rows[i].script, "; exit 3", LONG_MS);
        await(w, i + 1);
        expect_int(rows[i].script, w->end, rows[i].end);
        expect_int(rows[i].script, w->status, rows[i].status);
    }
}

static void what_a_library_has_left_open_is_not_for_it(void **state)
{
    struct world *w = *state;
    int fds[2];
    char fd[16];

    assert_int_equal(pipe(fds), 0); // without O_CLOEXEC
    snprintf(fd, sizeof(fd), "%d", fds[0]);
    start_shell(w, "test ! -e /proc/$$/fd/$1", fd, LONG_MS);
    await(w, 1);
    assert_int_equal(w->end, CHILD_EXITED);
    assert_int_equal(w->status, 0);
    close(fds[0]);
    close(fds[1]);
}

static void runs_without_a_shell(void **state)
{
    static const char *const argv[] = {"/bin/false", NULL};
    struct world *w = *state;

    start(w, argv, LONG_MS);
    await(w, 1);
    assert_int_equal(w->end, CHILD_EXITED);
    assert_int_equal(w->status, 1);
}

static void a_missing_program_is_said_later(void **state)
{
    static const char *const argv[] = {"/no/such/program", NULL};
    struct world *w = *state;

    struct child *c = start(w, argv, LONG_MS);
    child_kill(c); // harmless
    await(w, 1);
    assert_int_equal(w->end, CHILD_MISSING);
    const str log = buf_str(&w->log);
    assert_true(log.len > 0 && memmem(log.ptr, log.len, argv[0], strlen(argv[0])));
}

static void what_hangs_is_killed_when_its_time_is_over(void **state)
{
    struct world *w = *state;

    start_shell(w, "trap '' TERM INT HUP; while :; do sleep 1000; done", "", SHORT_MS);
    await(w, 1);
    assert_int_equal(w->end, CHILD_STOPPED);
}

static void what_it_has_started_is_killed_with_it(void **state)
{
    struct world *w = *state;
    struct folder f;
    char path[512];
    int pid = 0;

    folder_make(&f);
    folder_path(path, &f, "pid");
    struct child *c = start_shell(
        w, "sleep 1000 & echo $! >\"$1.new\"; mv \"$1.new\" \"$1\"; wait", path, LONG_MS);
    while (access(path, R_OK) != 0)
        loop_run_once(w->loop);
    child_kill(c);
    await(w, 1);
    assert_int_equal(w->end, CHILD_STOPPED);

    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1); // NOLINT(cert-err34-c): the shell wrote it
    (void)fclose(file);
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
        usleep(1000); // whoever inherits it waits for it
    // A container's first process may never do so; but it runs no more.
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file) {
        char dead = '\0';
        assert_int_equal(fscanf(file, "%*d %*s %c", &dead), 1);
        assert_int_equal(dead, 'Z');
        (void)fclose(file);
    }
    folder_remove(&f);
}

static void a_short_time_is_no_race(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < 20; i++)
        start_shell(w, "exit 0", "", i / 4);
    await(w, 20);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(says_how_it_has_ended),
        TEST(what_a_library_has_left_open_is_not_for_it),
        TEST(runs_without_a_shell),
        TEST(a_missing_program_is_said_later),
        TEST(what_hangs_is_killed_when_its_time_is_over),
        TEST(what_it_has_started_is_killed_with_it),
        TEST(a_short_time_is_no_race),
    };
    return cmocka_run_group_tests_name("io_child", tests, NULL, NULL);
}
