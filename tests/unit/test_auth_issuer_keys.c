#include <stdio.h>

#include "auth/issuer_keys.h"
#include "base/log.h"
#include "support/auth_keys.h"
#include "support/auth_token.h"
#include "support/fake_fetcher.h"
#include "support/t.h"

#define E_KEY   "{" JWK_P256 ",\"kid\":\"e\"}"
#define D_KEY   "{" JWK_ED25519 ",\"kid\":\"d\"}"
#define SET(ks) STR(JWKS(ks))
#define APP_URL "https://app.example/jwks?key=of-the-operator"
#define IDP_URL "https://idp.example/.well-known/jwks.json"

#define WAITERS 100

/** Who waits for a token. */
struct token {
    struct auth_issuer_keys_waiter waiter;
    struct world *w;
    unsigned n_told;
    int r;
    struct token *cancels; // when it is told
};

/** Two issuers at URLs, with one in a file between them. */
struct world {
    struct timers timers;
    struct job_queue later;
    struct fake_fetcher fetcher;
    struct auth *auth;
    struct auth_issuer_urls urls;
    struct auth_issuer_keys *keys;
    struct token tokens[WAITERS];
    size_t n_told;
    struct buf log;
};

enum {
    APP = 0,
    IDP = 2
}; // as auth counts them

static void hear(void *arg, str line)
{
    struct world *w = arg;
    const int r = buf_add(&w->log, line);
    assert_int_equal(r, 0);
}

static void add_issuer(struct world *w, const char *name, enum auth_key_form form)
{
    const char *why = NULL;
    const struct auth_issuer issuer = {.name = str_of(name),
                                       .iss = str_of(name),
                                       .aud = STR("chat"),
                                       .form = form,
                                       .key =
                                           form == AUTH_KEY_SECRET ? TOKEN_SECRET : (str){0}};
    assert_int_equal(auth_add_issuer(w->auth, &issuer, &why), 0);
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.timers.now_ms = 1000000};
    w.later = JOB_QUEUE_INIT(w.later);
    fake_fetcher_init(&w.fetcher, &w.later);
    w.auth = auth_new(1);
    add_issuer(&w, "host", AUTH_KEY_URL);
    add_issuer(&w, "file", AUTH_KEY_SECRET);
    add_issuer(&w, "idp", AUTH_KEY_URL);
    w.urls = (struct auth_issuer_urls){
        2, {{APP, STR("app"), STR(APP_URL)}, {IDP, STR("idp"), STR(IDP_URL)}}};
    w.keys = auth_issuer_keys_new(&(struct auth_issuer_keys_config){.auth = w.auth,
                                                                    .fetcher = &w.fetcher.port,
                                                                    .timers = &w.timers,
                                                                    .later = &w.later,
                                                                    .urls = &w.urls});
    buf_init(&w.log, SIZE_MAX / 2);
    log_set_sink(hear, &w);
    *state = &w;
    return 0;
}

static void settle(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static int teardown(void **state)
{
    struct world *w = *state;

    w->fetcher.is_holding = false;
    fake_fetcher_release_all(&w->fetcher);
    settle(w);
    assert_true(auth_issuer_keys_is_idle(w->keys));
    auth_issuer_keys_free(w->keys);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    fake_fetcher_fini(&w->fetcher);
    auth_free(w->auth);
    log_set_sink(NULL, NULL);
    buf_fini(&w->log);
    return 0;
}

static void pass(struct world *w, int64_t ms)
{
    const int64_t until_ms = w->timers.now_ms + ms;

    settle(w);
    while (timers_next_ms(&w->timers) <= until_ms) {
        const int64_t next_ms = timers_next_ms(&w->timers);
        timers_run(&w->timers, next_ms > w->timers.now_ms ? next_ms : w->timers.now_ms);
        settle(w);
    }
    w->timers.now_ms = until_ms;
}

/** How often this issuer was asked. */
static size_t n_asked(const struct world *w, const char *url)
{
    size_t n = 0;

    for (size_t i = 0; i < w->fetcher.n_fetched; i++)
        n += str_eq(fake_fetcher_asked(&w->fetcher, i)->url, str_of(url));
    return n;
}

/** From now on every issuer publishes this. */
static struct fake_answer say(void *arg, const struct auth_fetch *what)
{
    (void)what;
    return *(struct fake_answer *)arg;
}

static void publish(struct world *w, struct fake_answer *answer)
{
    w->fetcher.decide = say;
    w->fetcher.decide_arg = answer;
}

static int verify(const struct world *w, const char *token)
{
    struct auth_identity id;
    const char *why;

    return auth_verify(w->auth, str_of(token), 0, &id, &why);
}

static void on_told(struct auth_issuer_keys_waiter *waiter, int r)
{
    struct token *t = container_of(waiter, struct token, waiter);

    t->n_told++;
    t->r = r;
    t->w->n_told++;
    if (t->cancels)
        auth_issuer_keys_cancel(&t->cancels->waiter);
}

static int wait_as(struct world *w, size_t i, size_t issuer)
{
    struct token *t = &w->tokens[i];

    *t = (struct token){.waiter.done = on_told, .w = w};
    const int r = auth_issuer_keys_wait(w->keys, issuer, &t->waiter);
    expect_int("told from within", t->n_told, 0);
    return r;
}

/** @param r  what it was told */
static void expect_told(const struct world *w, size_t i, int r)
{
    expect_int("told once", w->tokens[i].n_told, 1);
    expect_int("told", w->tokens[i].r, r);
}

static bool is_logged(const struct world *w, const char *text)
{
    const str log = buf_str(&w->log);
    return log.len > 0 && memmem(log.ptr, log.len, text, strlen(text));
}

static void expect_log(const struct world *w, const char *want)
{
    if (!is_logged(w, want))
        fail_msg("\"%s\" is not in \"" STR_FMT "\"", want, STR_ARG(buf_str(&w->log)));
}

// When they are fetched.

static void are_fetched_at_the_start_and_every_ten_minutes(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    assert_int_equal(verify(w, TOKEN_ES256), AUTH_NO_KEY);
    pass(w, 0);
    assert_int_equal(n_asked(w, APP_URL), 1);
    assert_int_equal(n_asked(w, IDP_URL), 1);
    assert_null(fake_fetcher_asked(&w->fetcher, 0)->body.ptr);
    assert_int_equal(fake_fetcher_asked(&w->fetcher, 0)->timeout_ms, 5000);
    assert_int_equal(fake_fetcher_asked(&w->fetcher, 0)->max_bytes, 65536);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    assert_int_equal(auth_n_issuer_keys(w->auth, IDP), 1);
    pass(w, AUTH_ISSUER_KEYS_MS - 1);
    assert_int_equal(n_asked(w, APP_URL), 1);
    pass(w, 1);
    assert_int_equal(n_asked(w, APP_URL), 2);
    assert_int_equal(n_asked(w, IDP_URL), 2);
}

static void are_tried_again_every_thirty_seconds(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.r = AUTH_FETCH_FAILED};

    publish(w, &answer);
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS - 1);
    assert_int_equal(n_asked(w, APP_URL), 1);
    pass(w, 1);
    assert_int_equal(n_asked(w, APP_URL), 2);
    pass(w, INT64_C(8) * AUTH_ISSUER_KEYS_AGAIN_MS);
    assert_int_equal(n_asked(w, APP_URL), 10);
    answer = (struct fake_answer){.body = SET(E_KEY)};
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    assert_int_equal(n_asked(w, APP_URL), 11);
    pass(w, AUTH_ISSUER_KEYS_MS - 1); // as after any that went well
    assert_int_equal(n_asked(w, APP_URL), 11);
}

static void the_old_ones_count_for_as_long_as_it_takes(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    pass(w, 0);
    answer = (struct fake_answer){.r = AUTH_FETCH_FAILED};
    pass(w, INT64_C(10) * AUTH_ISSUER_KEYS_MS);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    expect_log(w,
               "level=warn layer=auth event=auth_issuer_keys_kept issuer=app "
               "why=\"could not be fetched\" keys=1 failed=181\n");
}

static void what_comes_replaces_what_there_was(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY "," D_KEY)};

    publish(w, &answer);
    pass(w, 0);
    expect_log(w, "level=info layer=auth event=auth_issuer_keys issuer=app keys=2\n");
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    answer.body = SET(D_KEY);
    pass(w, AUTH_ISSUER_KEYS_MS);
    assert_int_equal(verify(w, TOKEN_ES256), AUTH_NO_KEY);
    assert_int_equal(verify(w, TOKEN_ED25519), 0);
}

static void the_same_again_is_as_good_as_another(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    pass(w, 0);
    answer.body = STR("{}");
    pass(w, AUTH_ISSUER_KEYS_MS);
    answer.body = SET(E_KEY);
    buf_clear(&w->log);
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    expect_log(w, "event=auth_issuer_keys issuer=app keys=1\n");
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    answer.body = SET(D_KEY);
    pass(w, AUTH_ISSUER_KEYS_MS);
    assert_int_equal(verify(w, TOKEN_ES256), AUTH_NO_KEY);
    answer.body = SET(E_KEY); // and back
    pass(w, AUTH_ISSUER_KEYS_MS);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
}

/** Append a set of n keys, with white space up to this length. */
static void print_set(struct buf *out, size_t n, size_t bytes)
{
    assert_int_equal(buf_add(out, STR("{\"keys\":[")), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(
            buf_addf(out, "%s{" JWK_ED25519 ",\"kid\":\"%zu\"}", i > 0 ? "," : "", i), 0);
    }
    assert_int_equal(buf_add(out, STR("]}")), 0);
    while (buf_str(out).len < bytes)
        assert_int_equal(buf_add(out, STR(" ")), 0);
}

static void what_can_not_be_used_leaves_the_old_ones(void **state)
{
    static const struct {
        const char *name;
        struct fake_answer answer;
        size_t n_keys; // of a set that is made; 0: the answer
        size_t n_bytes;
        const char *log; // NULL: it is taken
    } rows[] = {
        {"out of reach", {.r = AUTH_FETCH_FAILED}, 0, 0, "why=\"could not be fetched\""},
        {"busy", {.r = AUTH_FETCH_BUSY}, 0, 0, "why=\"too much is being fetched\""},
        {"a page", {.body = STR("<html>")}, 0, 0, "why=\"no JSON, or"},
        {"nothing", {.body = STR("")}, 0, 0, "why=\"no JSON, or"},
        {"no JWKS", {.body = STR("{}")}, 0, 0, "why=\"no JWKS:"},
        {"no key", {.body = STR("{\"keys\":[]}")}, 0, 0, "why=\"no key in it\""},
        {"a secret", {.body = SET("{" JWK_SECRET "}")}, 0, 0, "why=\"a secret or a private"},
        {"32 keys", {0}, 32, 0, NULL},
        {"33 keys", {0}, 33, 0, "why=\"more than 32 keys\""},
        {"64 KiB", {0}, 1, 65536, NULL},
        {"a byte more", {0}, 1, 65537, "why=\"could not be fetched\""},
    };
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    pass(w, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf made;
        buf_init(&made, SIZE_MAX / 2);
        print_set(&made, rows[i].n_keys, rows[i].n_bytes);
        answer = rows[i].answer;
        if (rows[i].n_keys > 0)
            answer.body = buf_str(&made);
        buf_clear(&w->log);
        auth_issuer_keys_fetch(w->keys);
        settle(w);
        if (rows[i].log)
            expect_log(w, rows[i].log);
        expect_int(rows[i].name, verify(w, TOKEN_ES256), rows[i].log ? 0 : AUTH_NO_KEY);
        answer = (struct fake_answer){.body = SET(E_KEY)};
        auth_issuer_keys_fetch(w->keys);
        settle(w);
        buf_fini(&made);
    }
}

static void no_more_than_its_name_is_logged(void **state)
{
    struct world *w = *state;

    pass(w, 0); // fails: nothing was published
    expect_log(w, "issuer=app");
    assert_false(is_logged(w, "of-the-operator"));
    assert_false(is_logged(w, "example"));
}

// Who waits.

static void a_token_waits_for_the_keys_that_are_being_fetched(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    w->fetcher.is_holding = true;
    pass(w, 0);
    assert_int_equal(wait_as(w, 0, APP), 0);
    assert_int_equal(wait_as(w, 1, APP), 0);
    assert_int_equal(wait_as(w, 2, IDP), 0);
    assert_int_equal(n_asked(w, APP_URL), 1); // one at a time
    settle(w);
    assert_int_equal(w->n_told, 0);
    assert_false(auth_issuer_keys_is_idle(w->keys));
    fake_fetcher_release(&w->fetcher, 0);
    settle(w);
    expect_told(w, 0, 0);
    expect_told(w, 1, 0);
    assert_int_equal(w->n_told, 2);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    fake_fetcher_release(&w->fetcher, 1);
    settle(w);
    expect_told(w, 2, 0);
}

/** Before the timers have run for the first time. */
static void a_token_may_come_before_the_first_fetch(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    assert_int_equal(wait_as(w, 0, APP), 0);
    pass(w, 0);
    expect_told(w, 0, 0);
    assert_int_equal(n_asked(w, APP_URL), 1);
    assert_int_equal(n_asked(w, IDP_URL), 1);
}

static void tokens_have_them_fetched_once_in_thirty_seconds(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.body = SET(E_KEY)};

    publish(w, &answer);
    pass(w, 0);
    assert_int_equal(wait_as(w, 0, APP), 0);
    pass(w, 0);
    expect_told(w, 0, 0);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(wait_as(w, 1, APP), AUTH_ISSUER_KEYS_CURRENT);
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS - 1);
    assert_int_equal(wait_as(w, 1, APP), AUTH_ISSUER_KEYS_CURRENT);
    assert_int_equal(n_asked(w, APP_URL), 2);
    assert_int_equal(wait_as(w, 2, IDP), 0); // another issuer's are another matter
    pass(w, 1);
    assert_int_equal(wait_as(w, 1, APP), 0);
    pass(w, 0);
    expect_told(w, 1, 0);
    expect_told(w, 2, 0);
    assert_int_equal(n_asked(w, APP_URL), 3);
    pass(w, AUTH_ISSUER_KEYS_MS - 1); // the age of the keys begins anew as well
    assert_int_equal(n_asked(w, APP_URL), 3);
    pass(w, 1);
    assert_int_equal(n_asked(w, APP_URL), 4);
}

static void after_a_failure_nobody_can_tell_for_thirty_seconds(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.r = AUTH_FETCH_FAILED};

    publish(w, &answer);
    assert_int_equal(wait_as(w, 0, APP), 0);
    pass(w, 0);
    expect_told(w, 0, AUTH_ISSUER_KEYS_UNAVAILABLE);
    assert_int_equal(wait_as(w, 1, APP), AUTH_ISSUER_KEYS_UNAVAILABLE);
    answer = (struct fake_answer){.body = SET(E_KEY)};
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS - 1);
    assert_int_equal(wait_as(w, 1, APP), AUTH_ISSUER_KEYS_UNAVAILABLE);
    assert_int_equal(n_asked(w, APP_URL), 1);
    pass(w, 1); // by itself
    assert_int_equal(n_asked(w, APP_URL), 2);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    assert_int_equal(wait_as(w, 1, APP), 0);
    pass(w, 0);
    expect_told(w, 1, 0);
}

static void who_has_left_is_not_told(void **state)
{
    struct world *w = *state;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(wait_as(w, i, APP), 0);
    w->tokens[1].cancels = &w->tokens[2]; // when it is told itself
    auth_issuer_keys_cancel(&w->tokens[0].waiter);
    fake_fetcher_answer(&w->fetcher, 0, 0, SET(E_KEY));
    settle(w);
    assert_int_equal(w->tokens[0].n_told, 0);
    expect_told(w, 1, 0);
    assert_int_equal(w->tokens[2].n_told, 0);
    expect_told(w, 3, 0);
}

static void all_may_leave_before_they_are_told(void **state)
{
    struct world *w = *state;

    w->fetcher.is_holding = true;
    assert_int_equal(wait_as(w, 0, APP), 0);
    fake_fetcher_answer(&w->fetcher, 0, 0, SET(E_KEY));
    job_run_all(&w->later); // it is here, and nobody was told
    assert_false(auth_issuer_keys_is_idle(w->keys));
    auth_issuer_keys_cancel(&w->tokens[0].waiter);
    settle(w);
    assert_int_equal(w->n_told, 0);
    assert_true(auth_issuer_keys_is_idle(w->keys));
}

static void many_are_told_a_few_at_a_time(void **state)
{
    struct world *w = *state;
    size_t n_turns = 0;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < WAITERS; i++)
        assert_int_equal(wait_as(w, i, APP), 0);
    fake_fetcher_answer(&w->fetcher, 0, 0, SET(E_KEY));
    job_run_all(&w->later);
    for (; w->n_told < WAITERS; n_turns++) {
        const size_t before = w->n_told;
        job_run_all(&w->later);
        assert_in_range(w->n_told - before, 1, 16);
    }
    assert_int_equal(n_turns, (WAITERS + 15) / 16);
    for (size_t i = 0; i < WAITERS; i++)
        expect_told(w, i, 0);
}

// When the operator says so.

static void are_fetched_at_once_when_the_operator_says_so(void **state)
{
    struct world *w = *state;
    struct fake_answer answer = {.r = AUTH_FETCH_FAILED};

    publish(w, &answer);
    pass(w, 0);
    answer = (struct fake_answer){.body = SET(E_KEY)};
    auth_issuer_keys_fetch(w->keys);
    settle(w);
    assert_int_equal(verify(w, TOKEN_ES256), 0);
    assert_int_equal(n_asked(w, APP_URL), 2);
    assert_int_equal(n_asked(w, IDP_URL), 2);
    assert_int_equal(wait_as(w, 0, APP), 0); // as if it had not failed
    pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);      // nor is it tried again for that
    assert_int_equal(n_asked(w, APP_URL), 3);
    assert_int_equal(n_asked(w, IDP_URL), 2);
}

/** The answer under way may have left before the issuer took the key back. */
static void are_fetched_once_more_if_that_has_begun_before(void **state)
{
    struct world *w = *state;

    w->fetcher.is_holding = true;
    assert_int_equal(wait_as(w, 0, APP), 0);
    auth_issuer_keys_fetch(w->keys);
    auth_issuer_keys_fetch(w->keys);
    assert_int_equal(n_asked(w, APP_URL), 1);
    fake_fetcher_answer(&w->fetcher, 0, 0, SET(E_KEY "," D_KEY));
    settle(w);
    assert_int_equal(n_asked(w, APP_URL), 2);
    assert_int_equal(w->n_told, 0); // nor may it be told by what is old
    fake_fetcher_answer(&w->fetcher, w->fetcher.n_fetched - 1, 0, SET(D_KEY));
    settle(w);
    expect_told(w, 0, 0);
    assert_int_equal(verify(w, TOKEN_ES256), AUTH_NO_KEY);
    assert_int_equal(n_asked(w, APP_URL), 2);
}

// The end.

static void nothing_is_fetched_after_the_stop(void **state)
{
    struct world *w = *state;

    pass(w, 0);
    auth_issuer_keys_stop(w->keys);
    auth_issuer_keys_fetch(w->keys);
    pass(w, INT64_C(2) * AUTH_ISSUER_KEYS_MS);
    assert_int_equal(wait_as(w, 0, APP), AUTH_ISSUER_KEYS_UNAVAILABLE);
    assert_int_equal(w->fetcher.n_fetched, 2);
    assert_true(auth_issuer_keys_is_idle(w->keys));
}

static void what_is_under_way_at_the_stop_is_the_last(void **state)
{
    struct world *w = *state;

    w->fetcher.is_holding = true;
    assert_int_equal(wait_as(w, 0, APP), 0);
    auth_issuer_keys_fetch(w->keys); // and once more
    auth_issuer_keys_stop(w->keys);
    assert_false(auth_issuer_keys_is_idle(w->keys));
    fake_fetcher_answer(&w->fetcher, 0, AUTH_FETCH_FAILED, (str){0});
    fake_fetcher_answer(&w->fetcher, 1, AUTH_FETCH_FAILED, (str){0});
    settle(w);
    expect_told(w, 0, AUTH_ISSUER_KEYS_UNAVAILABLE);
    assert_int_equal(w->fetcher.n_fetched, 2);
    assert_true(auth_issuer_keys_is_idle(w->keys));
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(are_fetched_at_the_start_and_every_ten_minutes),
        TEST(are_tried_again_every_thirty_seconds),
        TEST(the_old_ones_count_for_as_long_as_it_takes),
        TEST(what_comes_replaces_what_there_was),
        TEST(the_same_again_is_as_good_as_another),
        TEST(what_can_not_be_used_leaves_the_old_ones),
        TEST(no_more_than_its_name_is_logged),
        TEST(a_token_waits_for_the_keys_that_are_being_fetched),
        TEST(a_token_may_come_before_the_first_fetch),
        TEST(tokens_have_them_fetched_once_in_thirty_seconds),
        TEST(after_a_failure_nobody_can_tell_for_thirty_seconds),
        TEST(who_has_left_is_not_told),
        TEST(all_may_leave_before_they_are_told),
        TEST(many_are_told_a_few_at_a_time),
        TEST(are_fetched_at_once_when_the_operator_says_so),
        TEST(are_fetched_once_more_if_that_has_begun_before),
        TEST(nothing_is_fetched_after_the_stop),
        TEST(what_is_under_way_at_the_stop_is_the_last),
    };
    return cmocka_run_group_tests_name("auth/issuer_keys", tests, NULL, NULL);
}
