#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/base64.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "server/keys.h"
#include "server/rotation.h"
#include "support/auth_keys.h"
#include "support/folder.h"
#include "support/said.h"

#define START_MS      INT64_C(1700000000000)
#define DAY_MS        INT64_C(86400000)
#define NAME_MAX_SIZE 64

struct world {
    struct folder folder;
    char data[512];
    int64_t now_ms;
    struct auth_keyring ring; // as it was loaded last
    struct said said;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.now_ms = START_MS};
    folder_make(&w.folder);
    folder_path(w.data, &w.folder, "data");
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

static int load(struct world *w)
{
    said_free(&w->said);
    auth_keyring_fini(&w->ring);
    said_start(&w->said);
    const int r = rotation_load(&w->ring, str_of(w->data), w->now_ms, crypto_random());
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static int rotate_with(struct world *w, bool drops_old, char kid[AUTH_KID_SIZE])
{
    const struct rotation how = {
        .dir = str_of(w->data),
        .drops_old = drops_old,
        .unix_ms = w->now_ms,
        .rand = crypto_random(),
    };

    said_free(&w->said);
    said_start(&w->said);
    const int r = rotation_make(kid, &how);
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static int rotate(struct world *w)
{
    char kid[AUTH_KID_SIZE];
    return rotate_with(w, false, kid);
}

static int drop_old(struct world *w)
{
    char kid[AUTH_KID_SIZE];
    return rotate_with(w, true, kid);
}

/** A directory with a key, which is loaded. */
static struct world *start(void **state)
{
    struct world *w = *state;

    assert_int_equal(load(w), 0);
    return w;
}

static const char *path_of(char out[512], const struct world *w, const char *name)
{
    char relative[NAME_MAX_SIZE + 8];

    (void)snprintf(relative, sizeof(relative), "data/%s", name);
    return folder_path(out, &w->folder, relative);
}

/** Where a key is that was retired at this time. */
static const char *retired_path(char out[512], const struct world *w, int64_t unix_ms)
{
    char name[NAME_MAX_SIZE];

    snprintf(name, sizeof(name), "signing-key.%lld.pem", (long long)(unix_ms / 1000));
    return path_of(out, w, name);
}

static void put(const char *path, str bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    close(fd);
}

static void print_new_public(struct buf *out)
{
    struct crypto_ed25519 key;

    buf_init(out, AUTH_OWN_KEY_SIZE);
    crypto_ed25519_init(&key, crypto_random());
    crypto_ed25519_print_public(out, &key);
    crypto_ed25519_fini(&key);
}

static void put_retired(const struct world *w, int64_t at_ms)
{
    char path[512];
    struct buf pem;

    print_new_public(&pem);
    put(retired_path(path, w, at_ms), buf_str(&pem));
    buf_fini(&pem);
}

static bool has_retired(const struct world *w, const char *kid)
{
    for (size_t i = 0; i < w->ring.n_retired; i++) {
        if (strcmp(w->ring.retired[i].key.kid, kid) == 0)
            return true;
    }
    return false;
}

static void a_new_key_signs_and_the_old_one_counts(void **state)
{
    struct world *w = start(state);
    const struct auth_keyring before = w->ring;
    char kid[AUTH_KID_SIZE];
    char path[512];
    struct stat st;

    assert_int_equal(before.n_retired, 0);
    assert_int_equal(rotate_with(w, false, kid), 0);
    assert_int_equal(load(w), 0);
    assert_string_equal(w->ring.signer.kid, kid);
    assert_string_not_equal(kid, before.signer.kid);
    assert_int_equal(w->ring.n_retired, 1);
    assert_string_equal(w->ring.retired[0].key.kid, before.signer.kid);
    assert_int_equal(w->ring.retired[0].until_ms, START_MS + 30 * DAY_MS + AUTH_SKEW_MS);

    assert_int_equal(stat(retired_path(path, w, START_MS), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(path_of(path, w, KEYS_OWN_FILE), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(folder_count(w->data), 2);
}

/** Nobody can sign with a key that was retired. */
static void of_a_retired_key_the_private_half_is_gone(void **state)
{
    struct world *w = start(state);
    char path[512];
    char text[AUTH_OWN_KEY_SIZE];

    assert_int_equal(rotate(w), 0);
    const int fd = open(retired_path(path, w, START_MS), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    close(fd);
    expect_in("the file", text, "BEGIN PUBLIC KEY");
    assert_null(strstr(text, "PRIVATE"));
}

static void the_newest_of_them_is_first(void **state)
{
    struct world *w = start(state);
    char kids[4][AUTH_KID_SIZE];

    memcpy(kids[0], w->ring.signer.kid, AUTH_KID_SIZE);
    for (size_t i = 1; i < COUNT_OF(kids); i++) {
        w->now_ms += 1000;
        assert_int_equal(rotate_with(w, false, kids[i]), 0);
    }
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(w->ring.retired[i].key.kid, kids[2 - i]);
}

static void in_one_second_there_may_be_several(void **state)
{
    struct world *w = start(state);
    char kids[4][AUTH_KID_SIZE];

    memcpy(kids[0], w->ring.signer.kid, AUTH_KID_SIZE);
    for (size_t i = 1; i < COUNT_OF(kids); i++)
        assert_int_equal(rotate_with(w, false, kids[i]), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(has_retired(w, kids[i]));
}

static void a_retired_key_counts_for_30_days_and_the_skew(void **state)
{
    struct world *w = start(state);
    char first[AUTH_KID_SIZE];
    char path[512];

    memcpy(first, w->ring.signer.kid, AUTH_KID_SIZE);
    assert_int_equal(rotate(w), 0);
    w->now_ms = START_MS + ROTATION_RETIRED_MS - 1;
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 1);
    w->now_ms = START_MS + ROTATION_RETIRED_MS;
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 0);

    assert_int_equal(access(retired_path(path, w, START_MS), F_OK), 0);
    assert_int_equal(rotate(w), 0); // which removes it
    assert_int_equal(access(retired_path(path, w, START_MS), F_OK), -1);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 1);
    assert_false(has_retired(w, first));
}

static void keeps_8_of_them_and_says_what_to_do_with_one_more(void **state)
{
    struct world *w = start(state);
    char current[AUTH_KID_SIZE];

    for (int i = 0; i < AUTH_RETIRED_MAX; i++) {
        w->now_ms = START_MS + i * DAY_MS;
        expect_int("one", rotate(w), 0);
    }
    assert_int_equal(load(w), 0);
    memcpy(current, w->ring.signer.kid, AUTH_KID_SIZE);
    assert_int_equal(w->ring.n_retired, AUTH_RETIRED_MAX);
    assert_int_equal(rotate(w), ROTATION_REFUSED);
    expect_in("when", w->said.err, "The oldest goes in 24 days");
    expect_in("what to do", w->said.err, "--drop-old makes a new key now");
    assert_int_equal(load(w), 0); // and nothing has changed
    assert_string_equal(w->ring.signer.kid, current);
    assert_int_equal(w->ring.n_retired, AUTH_RETIRED_MAX);
    assert_int_equal(folder_count(w->data), 1 + AUTH_RETIRED_MAX);

    w->now_ms = START_MS + ROTATION_RETIRED_MS;
    assert_int_equal(rotate(w), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, AUTH_RETIRED_MAX);
}

static void more_than_8_are_not_loaded(void **state)
{
    struct world *w = start(state);

    for (int i = 0; i < AUTH_RETIRED_MAX; i++)
        put_retired(w, START_MS - i * INT64_C(1000));
    put_retired(w, START_MS - ROTATION_RETIRED_MS); // which counts no more
    assert_int_equal(load(w), 0);
    put_retired(w, START_MS - 100000);
    assert_int_equal(load(w), ROTATION_REFUSED);
    expect_in("what to do", w->said.err, "Remove the oldest");
    assert_string_equal(w->ring.signer.kid, "");
}

static void old_keys_that_are_dropped_are_gone(void **state)
{
    struct world *w = start(state);
    char old[AUTH_KID_SIZE];
    char kid[AUTH_KID_SIZE];

    assert_int_equal(rotate(w), 0);
    assert_int_equal(rotate_with(w, false, old), 0);
    assert_int_equal(rotate_with(w, true, kid), 0);
    assert_int_equal(load(w), 0);
    assert_string_equal(w->ring.signer.kid, kid);
    assert_string_not_equal(kid, old);
    assert_int_equal(w->ring.n_retired, 0);
    assert_int_equal(folder_count(w->data), 1);
}

static void a_key_that_others_may_have_read_can_only_be_dropped(void **state)
{
    struct world *w = start(state);
    char path[512];

    assert_int_equal(chmod(path_of(path, w, KEYS_OWN_FILE), 0644), 0);
    assert_int_equal(rotate(w), ROTATION_REFUSED);
    expect_in("why", w->said.err, "others may read");
    assert_int_equal(load(w), ROTATION_REFUSED);
    assert_int_equal(drop_old(w), 0);
    assert_int_equal(load(w), 0);

    put(path, STR("no key"));
    assert_int_equal(rotate(w), ROTATION_REFUSED);
    assert_int_equal(drop_old(w), 0);
    assert_int_equal(load(w), 0);
}

static void a_retired_key_that_is_none_is_refused(void **state)
{
    struct world *w = start(state);
    char path[512];

    assert_int_equal(rotate(w), 0);
    retired_path(path, w, START_MS);
    put(path, STR(P256_PUBLIC));
    assert_int_equal(load(w), ROTATION_REFUSED);
    expect_in("why", w->said.err, "is no public Ed25519 key in PEM");
    expect_in("what to do", w->said.err, "remove it: tokens of that key are refused");
    assert_int_equal(rotate(w), ROTATION_REFUSED);

    put(path, STR(ED25519_PUBLIC));
    assert_int_equal(chmod(path, 0644), 0); // it is public
    assert_int_equal(load(w), 0);
    assert_true(has_retired(w, ED25519_KID));
    assert_int_equal(chmod(path, 0620), 0);
    assert_int_equal(load(w), ROTATION_REFUSED);
    expect_in("why", w->said.err, "others may change");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 0);
}

static void other_files_are_nothing_of_ours(void **state)
{
    static const char *const names[] = {
        "signing-key..pem",
        "signing-key.1x.pem",
        "signing-key.1700000000.pem.new",
        "signing-key.-1.pem",
        "signing-key.253402300800.pem",
        "xsigning-key.1700000000.pem",
        "signing-key.pem.new2",
        "signing-key.1700000000",
        "signing-key.1.2.pem",
    };
    struct world *w = start(state);
    char path[512];

    for (size_t i = 0; i < COUNT_OF(names); i++)
        put(path_of(path, w, names[i]), STR("no key"));
    assert_int_equal(load(w), 0);
    assert_int_equal(rotate(w), 0);
    assert_int_equal(drop_old(w), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        expect_int(names[i], access(path_of(path, w, names[i]), F_OK), 0);
}

static void where_there_is_no_key_nothing_is_made(void **state)
{
    struct world *w = *state;

    for (int drops_old = 0; drops_old < 2; drops_old++) {
        char kid[AUTH_KID_SIZE];
        assert_int_equal(rotate_with(w, drops_old, kid), ROTATION_REFUSED);
        expect_in("no directory", w->said.err, "can't be opened: No such file");
        expect_in("what to do", w->said.err, "--data names another");
    }
    assert_int_equal(mkdir(w->data, 0700), 0);
    for (int drops_old = 0; drops_old < 2; drops_old++) {
        char kid[AUTH_KID_SIZE];
        assert_int_equal(rotate_with(w, drops_old, kid), ROTATION_REFUSED);
        expect_in("no key", w->said.err, "is not there: nothing to rotate");
    }
    assert_int_equal(folder_count(w->data), 0);
}

// Cut short.

/** Between its two steps: the copy is there, the new key is not. */
static void a_copy_of_the_key_that_signs_is_no_second_key(void **state)
{
    struct world *w = start(state);
    const struct auth_keyring before = w->ring;
    char path[512];
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    crypto_ed25519_print_public(&pem, &before.signer.key);
    put(retired_path(path, w, START_MS - DAY_MS), buf_str(&pem));
    buf_fini(&pem);
    assert_int_equal(load(w), 0);
    assert_string_equal(w->ring.signer.kid, before.signer.kid);
    assert_int_equal(w->ring.n_retired, 0);

    assert_int_equal(rotate(w), 0); // says anew when it was retired
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 1);
    assert_string_equal(w->ring.retired[0].key.kid, before.signer.kid);
    assert_int_equal(w->ring.retired[0].until_ms, START_MS + ROTATION_RETIRED_MS);
}

static void half_a_file_is_never_taken_for_one(void **state)
{
    struct world *w = start(state);
    char path[512];

    put(path_of(path, w, KEYS_OWN_FILE ".new"), STR("-----BEGIN PRIV"));
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 0);
    assert_int_equal(rotate(w), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, 1);
}

static void what_can_not_be_replaced_is_kept(void **state)
{
    struct world *w = start(state);
    char path[512];
    char current[AUTH_KID_SIZE];

    memcpy(current, w->ring.signer.kid, AUTH_KID_SIZE);
    assert_int_equal(mkdir(path_of(path, w, KEYS_OWN_FILE ".new"), 0700), 0);
    assert_int_equal(rotate(w), ROTATION_REFUSED);
    expect_in("why", w->said.err, ".new can't be removed");
    assert_int_equal(load(w), 0);
    assert_string_equal(w->ring.signer.kid, current);
    assert_int_equal(rmdir(path), 0);
}

static pid_t start_rotation(const struct world *w)
{
    const struct rotation how = {
        .dir = str_of(w->data), .unix_ms = w->now_ms, .rand = crypto_random()};
    char kid[AUTH_KID_SIZE];
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(rotation_make(kid, &how) != 0);
    return child;
}

/** Rotations are killed after more and more microseconds, up to well behind the end of one. */
static void a_kill_at_any_moment_loses_no_key(void **state)
{
    enum {
        N_KILLS = 60
    };
    struct world *w = start(state);

    for (int i = 0; i < N_KILLS; i++) {
        const struct timespec pause = {.tv_nsec = i * 50000L};
        char before[AUTH_KID_SIZE];
        int status;
        memcpy(before, w->ring.signer.kid, AUTH_KID_SIZE);
        w->now_ms += 5 * DAY_MS; // so that there is room
        const pid_t child = start_rotation(w);
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(load(w), 0);
        const bool is_rotated = strcmp(w->ring.signer.kid, before) != 0;
        expect_int("the old one counts", has_retired(w, before), is_rotated);
        if (WIFEXITED(status))
            expect_int("it was done", WEXITSTATUS(status) == 0 && is_rotated, true);
    }
    assert_int_equal(rotate(w), 0); // whatever is left lying there
    assert_int_equal(load(w), 0);
}

static void at_once_each_is_done_as_a_whole(void **state)
{
    struct world *w = start(state);
    char first[AUTH_KID_SIZE];
    pid_t children[AUTH_RETIRED_MAX];

    memcpy(first, w->ring.signer.kid, AUTH_KID_SIZE);
    for (size_t i = 0; i < COUNT_OF(children); i++)
        children[i] = start_rotation(w);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        expect_int("a rotation", status, 0);
    }
    assert_int_equal(load(w), 0);
    assert_int_equal(w->ring.n_retired, AUTH_RETIRED_MAX);
    assert_true(has_retired(w, first));
    assert_int_equal(folder_count(w->data), 1 + AUTH_RETIRED_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_signs_and_the_old_one_counts),
        TEST(of_a_retired_key_the_private_half_is_gone),
        TEST(the_newest_of_them_is_first),
        TEST(in_one_second_there_may_be_several),
        TEST(a_retired_key_counts_for_30_days_and_the_skew),
        TEST(keeps_8_of_them_and_says_what_to_do_with_one_more),
        TEST(more_than_8_are_not_loaded),
        TEST(old_keys_that_are_dropped_are_gone),
        TEST(a_key_that_others_may_have_read_can_only_be_dropped),
        TEST(a_retired_key_that_is_none_is_refused),
        TEST(other_files_are_nothing_of_ours),
        TEST(where_there_is_no_key_nothing_is_made),
        TEST(a_copy_of_the_key_that_signs_is_no_second_key),
        TEST(half_a_file_is_never_taken_for_one),
        TEST(what_can_not_be_replaced_is_kept),
        TEST(a_kill_at_any_moment_loses_no_key),
        TEST(at_once_each_is_done_as_a_whole),
    };
    return cmocka_run_group_tests_name("server/rotation", tests, NULL, NULL);
}
