#include <fcntl.h>

#include "cli/make_keys.h"
#include "cli/rotate.h"
#include "cli/token.h"
#include "server/keys.h"
#include "server/rotation.h"
#include "support/cli.h"
#include "support/folder.h"
#include "support/said.h"

#define ALICE "0x52908400098527886E0F7030069857D2E4169EE7"

struct world {
    struct folder folder;
    char keys[512]; // not made yet
    struct said said;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){0};
    folder_make(&w.folder);
    folder_path(w.keys, &w.folder, "keys");
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    said_free(&w->said);
    folder_remove(&w->folder);
    return 0;
}

static int say(struct world *w, int (*main_of)(int argc, char **argv), const char *const *args)
{
    said_free(&w->said);
    said_start(&w->said);
    const int code = cli_run(main_of, args);
    said_stop(&w->said);
    return code;
}

static int make(struct world *w)
{
    return say(w, make_keys_main, ARGS("--keys", w->keys));
}

/** As a server reads them, which makes none. */
static int read_all(struct world *w, struct keys_sign_in *sign_in, char kid[AUTH_KID_SIZE])
{
    struct auth_keyring ring;

    said_free(&w->said);
    said_start(&w->said);
    int r = keys_sign_in(sign_in, str_of(w->keys), NULL);
    if (r == 0)
        r = rotation_load(&ring, str_of(w->keys), INT64_C(1700000000000), NULL);
    said_stop(&w->said);
    if (r != 0)
        return r;
    memcpy(kid, ring.signer.kid, AUTH_KID_SIZE);
    auth_keyring_fini(&ring);
    return 0;
}

static void makes_what_servers_share_once(void **state)
{
    struct world *w = *state;
    struct keys_sign_in keys[2];
    char kids[2][AUTH_KID_SIZE];
    struct stat st;

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(make(w), 0);
        expect_in("stdout", w->said.out, "Copy it to each server");
        assert_int_equal(w->said.n_err, 0);
        assert_int_equal(read_all(w, &keys[i], kids[i]), 0);
    }
    assert_memory_equal(&keys[0], &keys[1], sizeof(keys[0]));
    assert_string_equal(kids[0], kids[1]);
    assert_int_equal(stat(w->keys, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(folder_count(w->keys), 2);
}

static void a_server_that_shares_them_makes_none(void **state)
{
    static const char *const files[] = {KEYS_SIGN_IN_FILE, KEYS_OWN_FILE};
    struct world *w = *state;
    struct keys_sign_in keys;
    char kid[AUTH_KID_SIZE];
    char path[600];

    assert_int_equal(read_all(w, &keys, kid), KEYS_UNUSABLE);
    expect_in("no directory", w->said.err, "can't be opened");
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        assert_int_equal(make(w), 0);
        (void)snprintf(path, sizeof(path), "%s/%s", w->keys, files[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(read_all(w, &keys, kid), KEYS_UNUSABLE);
        expect_in(files[i], w->said.err, "parley make-keys");
        expect_in(files[i], w->said.err, files[i]);
        assert_int_equal(folder_count(w->keys), 1);
    }
}

static void tokens_and_rotations_are_of_these(void **state)
{
    struct world *w = *state;
    struct keys_sign_in keys;
    char kids[2][AUTH_KID_SIZE];
    char data[512];

    folder_path(data, &w->folder, "data");
    assert_int_equal(say(w, token_main, ARGS("--keys", w->keys, ALICE)), 1); // none is made
    assert_int_equal(make(w), 0);
    assert_int_equal(read_all(w, &keys, kids[0]), 0);
    assert_int_equal(say(w, token_main, ARGS("--keys", w->keys, "--data", data, ALICE)), 0);
    assert_int_not_equal(access(data, F_OK), 0);
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(say(w, rotate_main, ARGS("--keys", w->keys, "--data", data)), 0);
    assert_int_equal(read_all(w, &keys, kids[1]), 0);
    assert_string_not_equal(kids[0], kids[1]);
    assert_int_equal(folder_count(w->keys), 3); // the retired one
}

static void wants_to_know_where(void **state)
{
    struct world *w = *state;

    assert_int_equal(say(w, make_keys_main, ARGS(NULL)), 2);
    expect_in("stderr", w->said.err, "--keys");
    assert_int_equal(say(w, make_keys_main, ARGS("--data", w->keys)), 2);
    assert_int_equal(say(w, make_keys_main, ARGS("--help")), 0);
    expect_in("stdout", w->said.out, "PARLEY_KEYS");
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    assert_int_equal(setenv("PARLEY_KEYS", w->keys, 1), 0);
    assert_int_equal(say(w, make_keys_main, ARGS(NULL)), 0);
    assert_int_equal(unsetenv("PARLEY_KEYS"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    assert_int_equal(folder_count(w->keys), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(makes_what_servers_share_once),
        TEST(a_server_that_shares_them_makes_none),
        TEST(tokens_and_rotations_are_of_these),
        TEST(wants_to_know_where),
    };

    return cmocka_run_group_tests_name("cli/make_keys", tests, NULL, NULL);
}
