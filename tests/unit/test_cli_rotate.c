#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "cli/rotate.h"
#include "crypto/random.h"
#include "server/rotation.h"
#include "support/cli.h"
#include "support/folder.h"
#include "support/said.h"

#define START_MS INT64_C(1700000000000)

struct world {
    struct folder folder;
    char data[512];
    struct auth_keyring ring; // before
    struct said said;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){0};
    folder_make(&w.folder);
    folder_path(w.data, &w.folder, "data");
    assert_int_equal(rotation_load(&w.ring, str_of(w.data), START_MS, crypto_random()), 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    auth_keyring_fini(&w->ring);
    said_free(&w->said);
    folder_remove(&w->folder);
    return 0;
}

/** `parley rotate-key` with these words, up to NULL. @return its exit code */
static int rotate_key(struct world *w, const char *const *args)
{
    said_free(&w->said);
    said_start(&w->said);
    const int code = cli_run(rotate_main, args);
    said_stop(&w->said);
    return code;
}

/** The keys now: another one signs, and so many are retired. */
static void expect_rotated(struct world *w, size_t n_retired)
{
    char want[128];
    char before[AUTH_KID_SIZE];

    memcpy(before, w->ring.signer.kid, AUTH_KID_SIZE);
    assert_int_equal(rotation_load(&w->ring, str_of(w->data), START_MS, crypto_random()), 0);
    assert_string_not_equal(w->ring.signer.kid, before);
    assert_int_equal(w->ring.n_retired, n_retired);
    (void)snprintf(want, sizeof(want), "parley: the key is now %s\n", w->ring.signer.kid);
    expect_in("stdout", w->said.out, want);
    assert_int_equal(w->said.n_err, 0);
}

static void without_a_server_the_next_start_takes_it(void **state)
{
    struct world *w = *state;

    assert_int_equal(rotate_key(w, ARGS("--data", w->data)), 0);
    expect_rotated(w, 1);
    expect_in("stdout", w->said.out, "no server runs on it; the next start takes it\n");
}

static void drops_the_old_ones_when_told_so(void **state)
{
    struct world *w = *state;

    assert_int_equal(rotate_key(w, ARGS("--data", w->data)), 0);
    expect_rotated(w, 1);
    assert_int_equal(rotate_key(w, ARGS("--drop-old", "--data", w->data)), 0);
    expect_rotated(w, 0);
}

static void looks_where_the_server_looks(void **state)
{
    struct world *w = *state;
    char path[512];

    folder_path(path, &w->folder, "parley.conf");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "data = %s\nlisten = 127.0.0.1:1\n", w->data) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rotate_key(w, ARGS("--config", path)), 0);
    expect_rotated(w, 1);

    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    assert_int_equal(setenv("PARLEY_DATA", w->data, 1), 0);
    assert_int_equal(rotate_key(w, ARGS("--drop-old")), 0);
    assert_int_equal(unsetenv("PARLEY_DATA"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    expect_rotated(w, 0);
}

/** A process that has the directory as a server has it, and ends with 0 at SIGHUP. */
static pid_t start_server(const struct world *w)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[512];
    int ready[2];
    sigset_t hang_up;
    char byte;

    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int fd = open(folder_path(path, &w->folder, "data/lock"),
                            O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int got = 0;
        sigemptyset(&hang_up);
        sigaddset(&hang_up, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &hang_up, NULL);
        alarm(20);
        if (fd < 0 || fcntl(fd, F_SETLK, &whole) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(sigwait(&hang_up, &got) != 0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void tells_the_server_that_runs(void **state)
{
    struct world *w = *state;
    char want[64];
    int status = -1;
    const pid_t server = start_server(w);

    assert_int_equal(rotate_key(w, ARGS("--data", w->data)), 0);
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_int_equal(status, 0);
    expect_rotated(w, 1);
    (void)snprintf(want, sizeof(want), "the server, process %d, was told", (int)server);
    expect_in("stdout", w->said.out, want);
}

static void tells_nobody_of_what_was_refused(void **state)
{
    struct world *w = *state;
    char path[512];
    int status = -1;
    const pid_t server = start_server(w);

    assert_int_equal(chmod(folder_path(path, &w->folder, "data/signing-key.pem"), 0644), 0);
    assert_int_equal(rotate_key(w, ARGS("--data", w->data)), 1);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "others may read");
    assert_int_equal(waitpid(server, &status, WNOHANG), 0);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, &status, 0), server);
}

static void a_wrong_use_changes_nothing_and_ends_with_2(void **state)
{
    static const struct {
        const char *name;
        const char *args[4];
        const char *said;
    } rows[] = {
        {"an operand", {"now"}, "'now' is no option"},
        {"an unknown option", {"--drop-odl"}, "did you mean --drop-old?"},
        {"no switch", {"--drop-old=maybe"}, "--drop-old"},
        {"a value is missing", {"--data"}, "--data needs a value"},
        {"no such file", {"--config=/nowhere/x"}, "can't read /nowhere/x"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, rotate_key(w, rows[i].args), 2);
        expect_int(rows[i].name, w->said.n_out, 0);
        expect_in(rows[i].name, w->said.err, rows[i].said);
    }
    assert_int_equal(folder_count(w->data), 1);
}

static void without_a_key_it_ends_with_1(void **state)
{
    struct world *w = *state;

    assert_int_equal(rotate_key(w, ARGS("--data", w->folder.path)), 1);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "nothing to rotate");
    assert_int_equal(folder_count(w->folder.path), 1); // and makes none
}

static void help_says_what_is_dropped(void **state)
{
    struct world *w = *state;

    assert_int_equal(rotate_key(w, ARGS("--help")), 0);
    assert_int_equal(w->said.n_err, 0);
    expect_in("usage", w->said.out, "parley rotate-key [OPTIONS]\n");
    expect_in("the option", w->said.out, "--drop-old");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_server_the_next_start_takes_it),
        TEST(drops_the_old_ones_when_told_so),
        TEST(looks_where_the_server_looks),
        TEST(tells_the_server_that_runs),
        TEST(tells_nobody_of_what_was_refused),
        TEST(a_wrong_use_changes_nothing_and_ends_with_2),
        TEST(without_a_key_it_ends_with_1),
        TEST(help_says_what_is_dropped),
    };
    return cmocka_run_group_tests_name("cli/rotate", tests, NULL, NULL);
}
