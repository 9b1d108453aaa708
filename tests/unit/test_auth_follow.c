/** What other nodes have ended, as the sessions here learn of it from the store. */
#include <stdio.h>

#include "auth/follow.h"
#include "auth/refresh.h"
#include "base/mem.h"
#include "store/mem.h"
#include "support/auth_keys.h"
#include "support/limits.h"
#include "support/seeded.h"
#include "support/t.h"

#define NOW     INT64_C(1700000000000)
#define FOREVER (NOW + INT64_C(86400000))
#define MANY    2500 // more than two pages

static const account alice = {.len = 3, .bytes = {1, 2, 3}};

/** A store, which another node has as well, and sessions that follow it. */
struct world {
    struct job_queue later;
    struct timers timers;
    struct clock clock;
    int64_t unix_ms;
    struct seeded chance;
    struct store *store;
    struct auth_store port; // in between
    bool is_away;
    unsigned n_asked;
    struct auth_signer signer;
    struct auth_sessions *sessions;
    struct auth_follow *follow;
    unsigned n_revoked;
    unsigned n_ended;
};

static int64_t unix_ms(struct clock *c)
{
    return container_of(c, struct world, clock)->unix_ms;
}

static void settle(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static void pass(struct world *w, int64_t ms)
{
    w->unix_ms += ms;
    timers_run(&w->timers, w->timers.now_ms + ms);
    settle(w);
}

struct refused {
    struct job job;
    auth_store_revocations_fn *done;
    void *arg;
};

static void refuse(struct job *job)
{
    struct refused *r = container_of(job, struct refused, job);

    r->done(r->arg, AUTH_STORE_UNAVAILABLE, NULL);
    free(r);
}

static void ask(struct auth_store *s, const struct auth_store_revocations *r,
                auth_store_revocations_fn *done, void *arg)
{
    struct world *w = container_of(s, struct world, port);

    w->n_asked++;
    if (!w->is_away) {
        auth_store_revocations(store_mem_auth(w->store), r, done, arg);
        return;
    }
    struct refused *refused = NEW(struct refused);
    refused->done = done;
    refused->arg = arg;
    job_push(&w->later, &refused->job, refuse);
}

static const struct auth_store_ops between = {.revocations = ask};

static void on_revoked(void *arg, const struct auth_revocation *what)
{
    (void)what;
    ((struct world *)arg)->n_revoked++;
}

static void on_ended(void *arg, const struct auth_revocation *what)
{
    (void)what;
    ((struct world *)arg)->n_ended++;
}

static void on_loaded(void *arg, int r)
{
    (void)arg;
    assert_int_equal(r, 0);
}

static void on_end(void *arg, int r, size_t n)
{
    (void)arg, (void)n;
    assert_int_equal(r, 0);
}

/** Another node ends a session, or with an empty name all of Alice's. */
static void end_elsewhere(struct world *w, const char *session)
{
    const struct auth_store_end e = {
        .session = str_of(session),
        .account = alice,
        .now_ms = w->unix_ms,
        .until_ms = FOREVER,
    };

    auth_store_end(store_mem_auth(w->store), &e, on_end, w);
    settle(w);
}

static int setup(void **state)
{
    static const uint8_t refresh_key[AUTH_KEY_SIZE] = {0};
    const struct store_limits limits = limits_of(1, 1);
    struct world *w = NEW(struct world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->clock.unix_ms = unix_ms;
    w->unix_ms = NOW;
    seeded_init(&w->chance, 1);
    w->port.ops = &between;
    w->store = store_mem_new(&w->later, &w->chance.rand, &limits);
    assert_int_equal(auth_signer_init(&w->signer, STR(ED25519_PRIVATE)), 0);
    end_elsewhere(w, "before");
    w->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = &w->port,
        .signer = &w->signer,
        .refresh_key = refresh_key,
        .clock = &w->clock,
        .rand = &w->chance.rand,
        .timers = &w->timers,
        .access_ms = 1000,
        .session_ms = 1000,
    });
    auth_sessions_on_revoked(w->sessions, on_revoked, w);
    auth_sessions_on_ended(w->sessions, on_ended, w);
    auth_sessions_load(w->sessions, on_loaded, w);
    settle(w);
    w->follow = auth_follow_new(&(struct auth_follow_config){
        .sessions = w->sessions,
        .store = &w->port,
        .timers = &w->timers,
        .clock = &w->clock,
    });
    w->n_asked = 0;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    auth_follow_stop(w->follow);
    settle(w);
    assert_true(auth_follow_is_idle(w->follow));
    auth_follow_free(w->follow);
    auth_sessions_free(w->sessions);
    auth_signer_fini(&w->signer);
    store_free(w->store);
    settle(w);
    free(w);
    return 0;
}

static bool is_revoked(const struct world *w, const char *session, int64_t issued_ms)
{
    struct auth_identity id = {.account = alice, .issued_at_ms = issued_ms};

    str_copy(id.session, str_of(session));
    str_copy(id.key, str_of(session));
    return auth_sessions_is_revoked(w->sessions, &id);
}

static void learns_within_a_second(void **state)
{
    struct world *w = *state;

    end_elsewhere(w, "phone");
    pass(w, AUTH_FOLLOW_MS - 1);
    assert_false(is_revoked(w, "phone", NOW));
    pass(w, 1);
    assert_true(is_revoked(w, "phone", NOW));
    assert_false(is_revoked(w, "laptop", NOW));
    end_elsewhere(w, "");
    pass(w, AUTH_FOLLOW_MS);
    assert_true(is_revoked(w, "laptop", NOW));
    assert_false(is_revoked(w, "laptop", w->unix_ms + 2000));
    assert_int_equal(w->n_revoked, 2);
    assert_int_equal(w->n_ended, 2); // for the other instances in here
}

static void is_told_of_each_once(void **state)
{
    struct world *w = *state;

    end_elsewhere(w, "phone");
    pass(w, AUTH_FOLLOW_MS);
    for (unsigned i = 0; i < 5; i++)
        pass(w, AUTH_FOLLOW_MS);
    assert_int_equal(w->n_asked, 6);
    end_elsewhere(w, "phone"); // once more, which changes nothing
    pass(w, AUTH_FOLLOW_MS);
    assert_int_equal(w->n_revoked, 1);
    assert_int_equal(w->n_ended, 1);
}

static void reads_on_where_there_are_more_than_a_page(void **state)
{
    struct world *w = *state;
    char name[16];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        end_elsewhere(w, name);
    }
    pass(w, AUTH_FOLLOW_MS);
    assert_int_equal(w->n_revoked, MANY);
    assert_int_equal(w->n_asked, 3);
    assert_true(is_revoked(w, "s2499", NOW));
}

static void what_the_store_could_not_say_comes_later(void **state)
{
    struct world *w = *state;

    w->is_away = true;
    end_elsewhere(w, "phone");
    for (unsigned i = 0; i < 3; i++)
        pass(w, AUTH_FOLLOW_MS);
    assert_int_equal(w->n_asked, 3);
    assert_int_equal(w->n_revoked, 0);
    w->is_away = false;
    pass(w, AUTH_FOLLOW_MS);
    assert_int_equal(w->n_revoked, 1);
}

static void asks_no_more_once_stopped(void **state)
{
    struct world *w = *state;

    timers_run(&w->timers, w->timers.now_ms + AUTH_FOLLOW_MS); // one is under way
    assert_false(auth_follow_is_idle(w->follow));
    auth_follow_stop(w->follow);
    settle(w);
    assert_true(auth_follow_is_idle(w->follow));
    pass(w, INT64_C(10) * AUTH_FOLLOW_MS);
    assert_int_equal(w->n_asked, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(learns_within_a_second),
        TEST(is_told_of_each_once),
        TEST(reads_on_where_there_are_more_than_a_page),
        TEST(what_the_store_could_not_say_comes_later),
        TEST(asks_no_more_once_stopped),
    };

    return cmocka_run_group_tests_name("what other nodes have ended", tests, NULL, NULL);
}
