#include "auth/account.h"
#include "base/log.h"
#include "crypto/random.h"
#include "server/keys.h"
#include "server/own_keys.h"
#include "server/rotation.h"
#include "support/folder.h"
#include "support/said.h"

#define START_MS INT64_C(1700000000000)
#define HOUR_MS  INT64_C(3600000)

struct world {
    struct folder folder;
    char data[512];
    struct timers timers;
    struct clock clock; // START_MS when timers begin
    struct auth *auth;
    struct auth_keyring ring;
    struct own_keys keys;
    struct said said;
    struct buf log;
};

static int64_t unix_ms(struct clock *c)
{
    return START_MS + container_of(c, struct world, clock)->timers.now_ms;
}

static void hear(void *arg, str line)
{
    struct world *w = arg;
    const int r = buf_add(&w->log, line);
    assert_int_equal(r, 0);
}

static int load(struct world *w)
{
    said_free(&w->said);
    buf_clear(&w->log);
    said_start(&w->said);
    const int r = own_keys_load(&w->keys);
    said_stop(&w->said);
    return r;
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.clock = {.unix_ms = unix_ms}};
    folder_make(&w.folder);
    folder_path(w.data, &w.folder, "data");
    buf_init(&w.log, SIZE_MAX / 2);
    log_set_sink(hear, &w);
    w.auth = auth_new(1);
    own_keys_init(&w.keys, &(struct own_keys_config){.dir = str_of(w.data),
                                                     .auth = w.auth,
                                                     .keyring = &w.ring,
                                                     .timers = &w.timers,
                                                     .clock = &w.clock,
                                                     .rand = crypto_random()});
    assert_int_equal(load(&w), 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    own_keys_fini(&w->keys);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    auth_keyring_fini(&w->ring);
    auth_free(w->auth);
    log_set_sink(NULL, NULL);
    buf_fini(&w->log);
    said_free(&w->said);
    folder_remove(&w->folder);
    return 0;
}

static void expect_log(const struct world *w, const char *event, const char *kid, int n_retired)
{
    char want[256];
    char text[1024];
    const str log = buf_str(&w->log);

    assert_in_range(log.len, 1, sizeof(text) - 1);
    str_copy(text, log);
    text[log.len] = '\0';
    (void)snprintf(want, sizeof(want), "event=%s kid=%s retired=%d\n", event, kid, n_retired);
    expect_in("the log", text, want);
}

static void rotate(struct world *w)
{
    char kid[AUTH_KID_SIZE];
    const struct rotation how = {
        .dir = str_of(w->data), .unix_ms = unix_ms(&w->clock), .rand = crypto_random()};

    assert_int_equal(rotation_make(kid, &how), 0);
}

/** A token that is good for 30 days. */
static void mint(struct world *w, struct buf *token)
{
    struct auth_mint m = {
        .now_ms = unix_ms(&w->clock), .ttl_ms = AUTH_MINT_MS_MAX, .session = STR("a")};

    assert_int_equal(
        auth_account_parse(&m.account, STR("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), 1),
        0);
    buf_init(token, AUTH_TOKEN_MAX);
    auth_mint(token, &w->ring.signer, &m);
}

static int judge_at(struct world *w, const struct buf *token, int64_t at_ms)
{
    struct auth_identity id;
    const char *why = NULL;

    return auth_verify(w->auth, buf_str(token), at_ms, &id, &why);
}

static void says_what_it_has_read(void **state)
{
    struct world *w = *state;

    expect_log(w, "server_keys", w->ring.signer.kid, 0);
    rotate(w);
    assert_int_equal(load(w), 0);
    expect_log(w, "server_keys", w->ring.signer.kid, 1);
}

/** Who signs holds on to the signer, and signs with the new key. */
static void the_new_key_is_in_the_place_of_the_old_one(void **state)
{
    struct world *w = *state;
    struct buf before;
    struct buf after;

    mint(w, &before);
    rotate(w);
    assert_int_equal(load(w), 0);
    mint(w, &after);
    assert_false(str_eq(buf_str(&before), buf_str(&after)));
    assert_int_equal(judge_at(w, &before, START_MS), 0);
    assert_int_equal(judge_at(w, &after, START_MS), 0);
    buf_fini(&before);
    buf_fini(&after);
}

static void what_can_not_be_read_changes_nothing(void **state)
{
    struct world *w = *state;
    char path[512];
    char kid[AUTH_KID_SIZE];
    struct buf token;

    mint(w, &token);
    rotate(w);
    memcpy(kid, w->ring.signer.kid, AUTH_KID_SIZE);
    assert_int_equal(chmod(folder_path(path, &w->folder, "data/" KEYS_OWN_FILE), 0644), 0);
    assert_int_equal(load(w), OWN_KEYS_KEPT);
    expect_in("said", w->said.err, "others may read");
    expect_log(w, "server_keys_kept", kid, 0);
    assert_string_equal(w->ring.signer.kid, kid);
    assert_int_equal(judge_at(w, &token, START_MS), 0);

    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(load(w), 0);
    assert_string_not_equal(w->ring.signer.kid, kid);
    assert_int_equal(judge_at(w, &token, START_MS), 0);
    buf_fini(&token);
}

/** Whoever had that key could make a token for any time to come. */
static void a_retired_key_ends_while_the_server_runs(void **state)
{
    struct world *w = *state;
    struct buf token;

    mint(w, &token);
    rotate(w);
    assert_int_equal(load(w), 0);
    timers_run(&w->timers, ROTATION_RETIRED_MS - HOUR_MS);
    assert_int_equal(w->ring.n_retired, 1);
    buf_clear(&w->log);
    timers_run(&w->timers, ROTATION_RETIRED_MS + HOUR_MS);
    assert_int_equal(w->ring.n_retired, 0);
    expect_log(w, "server_keys", w->ring.signer.kid, 0);
    assert_int_equal(judge_at(w, &token, START_MS), AUTH_INVALID);
    buf_clear(&w->log);
    timers_run(&w->timers, ROTATION_RETIRED_MS + 2 * HOUR_MS);
    assert_int_equal(w->log.len, 0);
    buf_fini(&token);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_what_it_has_read),
        TEST(the_new_key_is_in_the_place_of_the_old_one),
        TEST(what_can_not_be_read_changes_nothing),
        TEST(a_retired_key_ends_while_the_server_runs),
    };
    return cmocka_run_group_tests_name("server/own_keys", tests, NULL, NULL);
}
