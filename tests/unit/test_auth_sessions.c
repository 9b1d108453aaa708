#include <stdio.h>

#include "auth/refresh.h"
#include "auth/revoked.h"
#include "auth/sessions.h"
#include "base/mem.h"
#include "store/mem.h"
#include "support/auth_keys.h"
#include "support/limits.h"
#include "support/own_key.h"
#include "support/seeded.h"
#include "support/t.h"

#define NOW        INT64_C(1700000000000)
#define SECOND     INT64_C(1000)
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define DAY        (24 * HOUR)
#define ACCESS_MS  (10 * MINUTE)
#define SESSION_MS (30 * DAY)

#define ENDED_MAX 32   // of a test
#define SAID_SIZE 4096 // bytes

// What an own token may still be good for when its session ends, and a clock may be off.
#define TOKEN_LEFT_MS (AUTH_ACCESS_MS_MAX + AUTH_SKEW_MS_MAX)

static const uint8_t refresh_key[AUTH_KEY_SIZE] = "for refresh tokens";

static const account alice = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 1}};
static const account bob = {.len = ACCOUNT_SOLANA_SIZE, .bytes = {ACCOUNT_SOLANA, [40] = 1}};

/** A store whose beginnings wait until they are let go of. */
struct late_store {
    struct auth_store port;
    struct auth_store *inner;
    bool holds;
    struct auth_store_begin begin;
    auth_store_begin_fn *done;
    void *arg;
    char session[AUTH_SESSION_SIZE];
    char nonce[AUTH_NONCE_MAX];
};

/** Sessions on the memory store. Times in the tests are milliseconds behind NOW. */
struct world {
    struct job_queue later;
    struct timers timers;
    struct clock clock;
    int64_t unix_ms;
    struct seeded chance;
    struct store *store;
    struct late_store late;
    struct auth_signer signer;
    struct auth *auth; // that takes the signer's tokens
    struct auth_sessions_config config;
    struct auth_sessions *sessions;
    unsigned n_nonces;
    char said[SAID_SIZE];                      // what was revoked
    char told[SAID_SIZE];                      // and of that, what others are to hear
    struct auth_revocation *copies[ENDED_MAX]; // of it
    size_t n_copies;
};

/** What was asked for, and its answer. */
struct answer {
    struct world *w;
    unsigned times;
    bool is_inside; // the call has not returned yet
    int r;
    account account;
    int64_t expires_at_ms;
    char session[AUTH_SESSION_SIZE];
    char access[AUTH_TOKEN_MAX];
    char refresh[AUTH_REFRESH_TEXT_SIZE];
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
}

// The store.

static struct late_store *late_of(struct auth_store *s)
{
    return container_of(s, struct late_store, port);
}

static void late_begin(struct auth_store *s, const struct auth_store_begin *b,
                       auth_store_begin_fn *done, void *arg)
{
    struct late_store *l = late_of(s);

    if (!l->holds) {
        auth_store_begin(l->inner, b, done, arg);
        return;
    }
    l->begin = *b;
    l->begin.session = str_copy(l->session, b->session);
    l->begin.nonce = str_copy(l->nonce, b->nonce);
    l->done = done;
    l->arg = arg;
}

static void late_let_go(struct world *w)
{
    w->late.holds = false;
    auth_store_begin(w->late.inner, &w->late.begin, w->late.done, w->late.arg);
    settle(w);
}

static void late_refresh(struct auth_store *s, const struct auth_store_refresh *r,
                         auth_store_refresh_fn *done, void *arg)
{
    auth_store_refresh(late_of(s)->inner, r, done, arg);
}

static void late_end(struct auth_store *s, const struct auth_store_end *e,
                     auth_store_end_fn *done, void *arg)
{
    auth_store_end(late_of(s)->inner, e, done, arg);
}

static void late_revocations(struct auth_store *s, const struct auth_store_revocations *r,
                             auth_store_revocations_fn *done, void *arg)
{
    auth_store_revocations(late_of(s)->inner, r, done, arg);
}

// The world.

/** "alice/SESSION~UNTIL", and of a whole account "alice<BEFORE~UNTIL"; "?" is nobody. */
static void write_down(const struct world *w, char said[SAID_SIZE],
                       const struct auth_revocation *what)
{
    const size_t n = strlen(said);
    const size_t left = SAID_SIZE - n;
    const char *name = account_eq(&what->account, &alice) ? "alice"
                       : account_eq(&what->account, &bob) ? "bob"
                                                          : "?";
    const long long until = what->until_ms - w->unix_ms;

    if (what->session.len > 0) {
        (void)snprintf(said + n, left, "%s/" STR_FMT "~%lld ", name, STR_ARG(what->session),
                       until);
    } else {
        (void)snprintf(said + n, left, "%s<%lld~%lld ", name,
                       (long long)(what->before_ms - NOW), until);
    }
    assert_true(strlen(said) < SAID_SIZE - 1);
}

static void on_revoked(void *arg, const struct auth_revocation *what)
{
    struct world *w = arg;

    write_down(w, w->said, what);
}

static void on_told(void *arg, const struct auth_revocation *what)
{
    struct world *w = arg;

    assert_true(w->n_copies < ENDED_MAX);
    w->copies[w->n_copies++] = auth_revoked_dup(what);
    write_down(w, w->told, what);
}

static void open_sessions(struct world *w)
{
    w->sessions = auth_sessions_new(&w->config);
    auth_sessions_on_revoked(w->sessions, on_revoked, w);
    auth_sessions_on_ended(w->sessions, on_told, w);
}

static int setup(void **state)
{
    static const struct auth_store_ops late_ops = {late_begin, late_refresh, late_end,
                                                   late_revocations};
    const struct store_limits limits = limits_of(1, 1);
    struct world *w = NEW(struct world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->clock.unix_ms = unix_ms;
    w->unix_ms = NOW;
    seeded_init(&w->chance, 1);
    w->store = store_mem_new(&w->later, &w->chance.rand, &limits);
    w->late = (struct late_store){.port.ops = &late_ops, .inner = store_mem_auth(w->store)};
    w->auth = auth_new(1);
    assert_int_equal(set_own_key(w->auth, STR(ED25519_PRIVATE)), 0);
    assert_int_equal(auth_signer_init(&w->signer, STR(ED25519_PRIVATE)), 0);
    w->config = (struct auth_sessions_config){
        .store = &w->late.port,
        .signer = &w->signer,
        .refresh_key = refresh_key,
        .clock = &w->clock,
        .rand = &w->chance.rand,
        .timers = &w->timers,
        .access_ms = ACCESS_MS,
        .session_ms = SESSION_MS,
    };
    open_sessions(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    assert_true(auth_sessions_is_idle(w->sessions));
    auth_sessions_free(w->sessions);
    auth_signer_fini(&w->signer);
    auth_free(w->auth);
    store_free(w->store);
    settle(w);
    for (size_t i = 0; i < w->n_copies; i++)
        free(w->copies[i]);
    free(w);
    return 0;
}

/** As after a start: nothing is known but what the store has. */
static void start_anew(struct world *w)
{
    auth_sessions_free(w->sessions);
    open_sessions(w);
}

static void forget_said(struct world *w)
{
    w->said[0] = w->told[0] = '\0';
}

/** What was revoked since the last time; and others are to hear of all of it. */
static void expect_said(struct world *w, const char *want)
{
    assert_string_equal(w->said, want);
    assert_string_equal(w->told, want);
    forget_said(w);
}

// Asking.

static void on_answer(struct answer *a, int r)
{
    assert_false(a->is_inside);
    assert_false(auth_sessions_is_idle(a->w->sessions));
    assert_string_equal(a->w->told, a->w->said); // before the answer
    a->times++;
    a->r = r;
}

static void on_granted(void *arg, int r, const struct auth_grant *grant)
{
    struct answer *a = arg;

    assert_int_equal(grant != NULL, r == 0);
    on_answer(a, r);
    if (!grant)
        return;
    a->account = grant->account;
    a->expires_at_ms = grant->expires_at_ms;
    str_copy(a->session, grant->session);
    str_copy(a->access, grant->access_token);
    str_copy(a->refresh, grant->refresh_token);
}

static void on_ended(void *arg, int r)
{
    on_answer(arg, r);
}

static void start_begin(struct answer *out, struct world *w, account a, int64_t expires_at_ms)
{
    char nonce[16]; // borrowed until the call returns
    struct auth_sessions_begin b = {
        .account = a, .nonce_until_ms = w->unix_ms + HOUR, .expires_at_ms = expires_at_ms};

    (void)snprintf(nonce, sizeof(nonce), "nonce%u", w->n_nonces++);
    b.nonce = str_of(nonce);
    *out = (struct answer){.w = w, .is_inside = true};
    assert_int_equal(auth_sessions_begin(w->sessions, &b, on_granted, out), 0);
    out->is_inside = false;
    memset(nonce, 'X', sizeof(nonce));
    memset(&b, 'X', sizeof(b));
}

/** Of a contract wallet. */
static struct answer sign_in_contract(struct world *w)
{
    struct answer out = {.w = w};
    const struct auth_sessions_begin b = {
        .account = alice,
        .nonce = STR("of a contract"),
        .nonce_until_ms = w->unix_ms + HOUR,
        .expires_at_ms = INT64_MAX,
        .proof = {.chain = 1, .digest = "what was signed", .signature = STR("how")},
    };

    assert_int_equal(auth_sessions_begin(w->sessions, &b, on_granted, &out), 0);
    settle(w);
    assert_int_equal(out.times, 1);
    assert_int_equal(out.r, 0);
    return out;
}

static int await(struct answer *a)
{
    settle(a->w);
    assert_int_equal(a->times, 1);
    return a->r;
}

static struct answer sign_in(struct world *w, account a)
{
    struct answer out;

    start_begin(&out, w, a, INT64_MAX);
    assert_int_equal(await(&out), 0);
    return out;
}

static struct answer refresh(struct world *w, const struct answer *last)
{
    struct answer out = {.w = w, .is_inside = true};
    char token[AUTH_REFRESH_TEXT_SIZE];
    const str text = str_copy(token, str_of(last->refresh));

    assert_int_equal(auth_sessions_refresh(w->sessions, text, on_granted, &out), 0);
    memset(token, 'X', sizeof(token));
    out.is_inside = false;
    (void)await(&out);
    return out;
}

static void expect_refreshed(const char *what, struct world *w, const struct answer *last,
                             int r)
{
    const struct answer a = refresh(w, last);

    expect_int(what, a.r, r);
}

/** Is its access token one of ours, now? And is it not revoked? */
static bool is_good(const struct answer *a)
{
    struct auth_identity id;
    const char *why = "nothing";

    expect_int(why, auth_verify(a->w->auth, str_of(a->access), a->w->unix_ms, &id, &why), 0);
    return !auth_sessions_is_revoked(a->w->sessions, &id);
}

static struct auth_identity identity_of(const struct answer *a)
{
    struct auth_identity id;
    const char *why = "nothing";

    expect_int(why, auth_verify(a->w->auth, str_of(a->access), a->w->unix_ms, &id, &why), 0);
    return id;
}

static struct answer end_identity(struct world *w, const struct auth_identity *id, bool all)
{
    struct answer out = {.w = w, .is_inside = true};
    struct auth_identity borrowed = *id;

    auth_sessions_end(w->sessions, &borrowed, all, on_ended, &out);
    memset(&borrowed, 'X', sizeof(borrowed));
    out.is_inside = false;
    (void)await(&out);
    return out;
}

static int end(const struct answer *a, bool all)
{
    const struct auth_identity id = identity_of(a);

    return end_identity(a->w, &id, all).r;
}

static int end_by(const struct answer *a, bool all)
{
    struct answer out = {.w = a->w, .is_inside = true};
    char token[AUTH_REFRESH_TEXT_SIZE];
    const str text = str_copy(token, str_of(a->refresh));

    assert_int_equal(auth_sessions_end_by(a->w->sessions, text, all, on_ended, &out), 0);
    memset(token, 'X', sizeof(token));
    out.is_inside = false;
    return await(&out);
}

static uint32_t generation_of(const struct answer *a)
{
    struct auth_refresh r;

    assert_int_equal(auth_refresh_parse(&r, str_of(a->refresh), refresh_key), 0);
    assert_string_equal(r.session, a->session);
    assert_true(account_eq(&r.account, &a->account));
    return r.generation;
}

// Beginning.

static void a_sign_in_gives_tokens_that_are_good(void **state)
{
    const account accounts[] = {alice, bob};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(accounts); i++) {
        const struct answer a = sign_in(w, accounts[i]);
        const struct auth_identity id = identity_of(&a);

        assert_true(account_eq(&a.account, &accounts[i]));
        assert_true(account_eq(&id.account, &accounts[i]));
        assert_int_equal(strlen(a.session), RAND_NAME_SIZE - 1);
        assert_string_equal(id.session, a.session);
        assert_int_equal(id.issued_at_ms, NOW);
        assert_int_equal(id.expires_at_ms, NOW + ACCESS_MS);
        assert_int_equal(a.expires_at_ms, id.expires_at_ms);
        assert_int_equal(generation_of(&a), 1);
        assert_true(is_good(&a));
    }
    expect_said(w, "");
}

static void each_sign_in_is_a_session_of_its_own(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    const struct answer laptop = sign_in(w, alice);

    assert_string_not_equal(phone.session, laptop.session);
    assert_string_not_equal(phone.access, laptop.access);
    assert_string_not_equal(phone.refresh, laptop.refresh);
}

static void a_nonce_is_good_once(void **state)
{
    struct world *w = *state;
    struct answer a;

    (void)sign_in(w, alice);
    w->n_nonces = 0;
    start_begin(&a, w, alice, INT64_MAX);
    assert_int_equal(await(&a), AUTH_SESSIONS_NONCE_USED);
    w->n_nonces = 0;
    start_begin(&a, w, bob, INT64_MAX);
    assert_int_equal(await(&a), AUTH_SESSIONS_NONCE_USED);
    (void)sign_in(w, alice);
}

static void an_access_token_ends_with_its_session_at_the_latest(void **state)
{
    static const struct {
        const char *name;
        int64_t now;
        int64_t session_ends; // behind NOW, as the message of the sign-in has it
        int64_t want;
    } rows[] = {
        {"a long session", 0, DAY, ACCESS_MS},
        {"within a second", 999, DAY, ACCESS_MS},
        {"in the next", 1000, DAY, ACCESS_MS + SECOND},
        {"a session as long as it", 0, ACCESS_MS, ACCESS_MS},
        {"a second less", 0, ACCESS_MS - SECOND, ACCESS_MS - SECOND},
        {"a millisecond less", 0, ACCESS_MS - 1, ACCESS_MS - SECOND},
        {"a short one", 0, 2 * SECOND, 2 * SECOND},
        {"one that is over", 0, -5 * SECOND, -5 * SECOND},
        {"no end is said", 0, INT64_MAX - NOW, ACCESS_MS},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer a;
        w->unix_ms = NOW + rows[i].now;
        start_begin(&a, w, alice, NOW + rows[i].session_ends);
        expect_int(rows[i].name, await(&a), 0);
        expect_int(rows[i].name, a.expires_at_ms - NOW, rows[i].want);
        expect_int(rows[i].name, identity_of(&a).expires_at_ms, a.expires_at_ms);
    }
}

static void a_session_ends_as_it_is_configured_or_sooner(void **state)
{
    static const struct {
        const char *name;
        int64_t wants; // behind NOW
        int64_t lasts;
    } rows[] = {
        {"no end is said", INT64_MAX - NOW, SESSION_MS},
        {"later", SESSION_MS + 1, SESSION_MS},
        {"the same", SESSION_MS, SESSION_MS},
        {"sooner", SESSION_MS - 1, SESSION_MS - 1},
        {"soon", MINUTE, MINUTE},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer first;
        struct answer other;
        w->unix_ms = NOW;
        start_begin(&first, w, alice, NOW + rows[i].wants);
        expect_int(rows[i].name, await(&first), 0);
        start_begin(&other, w, alice, NOW + rows[i].wants);
        expect_int(rows[i].name, await(&other), 0);
        w->unix_ms = NOW + rows[i].lasts - 1;
        expect_refreshed(rows[i].name, w, &first, 0);
        w->unix_ms = NOW + rows[i].lasts;
        expect_refreshed(rows[i].name, w, &other, AUTH_SESSIONS_EXPIRED);
    }
}

// Refreshing.

static void a_refresh_gives_the_next_tokens_of_the_session(void **state)
{
    struct world *w = *state;
    struct answer a = sign_in(w, alice);

    for (uint32_t i = 2; i < 20; i++) {
        pass(w, 5 * MINUTE);
        const struct answer next = refresh(w, &a);
        assert_int_equal(next.r, 0);
        assert_string_equal(next.session, a.session);
        assert_true(account_eq(&next.account, &alice));
        assert_int_equal(generation_of(&next), i);
        assert_int_equal(next.expires_at_ms, w->unix_ms + ACCESS_MS);
        assert_true(is_good(&next));
        assert_true(is_good(&a)); // its own time has not come
        a = next;
    }
    expect_said(w, "");
}

static void a_refresh_prolongs_no_session(void **state)
{
    struct world *w = *state;
    struct answer a = sign_in(w, alice);

    for (int i = 0; i < 29; i++) {
        pass(w, DAY);
        a = refresh(w, &a);
        assert_int_equal(a.r, 0);
    }
    pass(w, DAY - 2 * SECOND);
    a = refresh(w, &a);
    assert_int_equal(a.expires_at_ms, NOW + SESSION_MS);
    pass(w, 2 * SECOND);
    expect_refreshed("over", w, &a, AUTH_SESSIONS_EXPIRED);
}

static void a_repeat_is_answered_the_same_for_a_minute(void **state)
{
    static const struct {
        const char *name;
        int64_t after_ms;
        int r;
    } rows[] = {
        {"at once", 0, 0},
        {"a second later", 1000, 0},
        {"at the end", AUTH_REFRESH_GRACE_MS, 0},
        {"a millisecond more", AUTH_REFRESH_GRACE_MS + 1, AUTH_SESSIONS_EXPIRED},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct answer first = sign_in(w, alice);
        const struct answer next = refresh(w, &first);
        pass(w, rows[i].after_ms);
        const struct answer again = refresh(w, &first);
        expect_int(rows[i].name, again.r, rows[i].r);
        if (again.r == 0)
            assert_string_equal(again.refresh, next.refresh);
        expect_refreshed(rows[i].name, w, &next, 0); // the session goes on
    }
    expect_said(w, "");
}

static void an_older_token_ends_the_session(void **state)
{
    struct world *w = *state;
    const struct answer other = sign_in(w, alice);
    const struct answer first = sign_in(w, alice);
    const struct answer second = refresh(w, &first);
    const struct answer third = refresh(w, &second);
    char want[128];

    expect_refreshed("the first", w, &first, AUTH_SESSIONS_REVOKED);
    (void)snprintf(want, sizeof(want), "alice/%s~%lld ", first.session,
                   (long long)TOKEN_LEFT_MS);
    expect_said(w, want);
    assert_false(is_good(&first) || is_good(&second) || is_good(&third));
    expect_refreshed("the last", w, &third, AUTH_SESSIONS_REVOKED);
    expect_refreshed("the first again", w, &first, AUTH_SESSIONS_REVOKED);
    expect_said(w, ""); // it had ended already
    assert_true(is_good(&other));
    expect_refreshed("another session", w, &other, 0);
}

static void what_is_no_refresh_token_of_ours_is_refused_at_once(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);
    char other_key[AUTH_REFRESH_TEXT_SIZE];
    char changed[AUTH_REFRESH_TEXT_SIZE] = "";
    const uint8_t zeroes[AUTH_KEY_SIZE] = {0};
    struct auth_refresh r;

    str_copy(changed, str_of(a.refresh));
    changed[3] ^= 1;
    assert_int_equal(auth_refresh_parse(&r, str_of(a.refresh), refresh_key), 0);
    const str rows[] = {
        STR(""),
        STR("x"),
        str_of(a.access),
        {changed, strlen(a.refresh)},
        {a.refresh, strlen(a.refresh) - 1},
        auth_refresh_text(other_key, &r, zeroes),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer none = {.w = w};
        expect_int("refresh", auth_sessions_refresh(w->sessions, rows[i], on_granted, &none),
                   AUTH_SESSIONS_INVALID);
        expect_int("end", auth_sessions_end_by(w->sessions, rows[i], true, on_ended, &none),
                   AUTH_SESSIONS_INVALID);
        assert_true(auth_sessions_is_idle(w->sessions));
        settle(w);
        assert_int_equal(none.times, 0);
    }
    expect_said(w, "");
}

/** The store was put back to an older state, or is another one. */
static void a_token_of_a_session_that_is_not_there_has_expired(void **state)
{
    struct world *w = *state;
    struct answer a = {.w = w};
    const struct auth_refresh r = {
        .account = alice, .session = "abcdefghijklmnopqrst", .generation = 1};

    (void)auth_refresh_text(a.refresh, &r, refresh_key);
    expect_refreshed("no session", w, &a, AUTH_SESSIONS_EXPIRED);
}

// Ending.

static void a_logout_ends_its_session_alone(void **state)
{
    static const bool by_refresh_token[] = {false, true};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(by_refresh_token); i++) {
        const struct answer phone = sign_in(w, alice);
        const struct answer laptop = sign_in(w, alice);
        char want[128];

        assert_int_equal(by_refresh_token[i] ? end_by(&phone, false) : end(&phone, false), 0);
        (void)snprintf(want, sizeof(want), "alice/%s~%lld ", phone.session,
                       (long long)TOKEN_LEFT_MS);
        expect_said(w, want);
        assert_false(is_good(&phone));
        assert_true(is_good(&laptop));
        expect_refreshed("the one that has ended", w, &phone, AUTH_SESSIONS_REVOKED);
        expect_refreshed("the other", w, &laptop, 0);
    }
}

static void any_generation_ends_its_session(void **state)
{
    struct world *w = *state;
    const struct answer first = sign_in(w, alice);
    const struct answer second = refresh(w, &first);
    const struct answer third = refresh(w, &second);

    assert_int_equal(end_by(&first, false), 0);
    assert_false(is_good(&third));
    expect_refreshed("the last", w, &third, AUTH_SESSIONS_REVOKED);
}

static void a_logout_of_all_ends_whatever_the_account_has(void **state)
{
    static const bool by_refresh_token[] = {false, true};
    struct world *w = *state;
    const struct answer others = sign_in(w, bob);

    for (size_t i = 0; i < COUNT_OF(by_refresh_token); i++) {
        pass(w, MINUTE);
        const struct answer phone = sign_in(w, alice);
        const struct answer laptop = sign_in(w, alice);
        char want[256];
        int n = 0;

        assert_int_equal(by_refresh_token[i] ? end_by(&phone, true) : end(&phone, true), 0);
        if (by_refresh_token[i]) { // it is for its own session first
            n = snprintf(want, sizeof(want), "alice/%s~%lld ", phone.session,
                         (long long)TOKEN_LEFT_MS);
        }
        (void)snprintf(want + n, sizeof(want) - (size_t)n, "alice<%lld~%lld ",
                       (long long)(w->unix_ms - NOW), (long long)AUTH_REVOKED_MS);
        expect_said(w, want);
        assert_false(is_good(&phone) || is_good(&laptop));
        expect_refreshed("the phone", w, &phone, AUTH_SESSIONS_REVOKED);
        expect_refreshed("the laptop", w, &laptop, AUTH_SESSIONS_REVOKED);
        assert_true(is_good(&others));
    }
    expect_refreshed("another's", w, &others, 0);
    pass(w, MINUTE);
    const struct answer again = sign_in(w, alice);
    assert_true(is_good(&again));
    expect_refreshed("the new one", w, &again, 0);
}

/** Whoever has found an old token can't throw its wallet out again and again. */
static void a_session_that_is_over_ends_no_other(void **state)
{
    struct world *w = *state;
    struct answer ended = sign_in(w, alice);
    struct answer over;
    char want[128];

    start_begin(&over, w, alice, NOW + MINUTE);
    assert_int_equal(await(&over), 0);
    assert_int_equal(end_by(&ended, false), 0);
    forget_said(w);
    pass(w, MINUTE);
    const struct answer other = sign_in(w, alice);
    assert_int_equal(end_by(&ended, true), AUTH_SESSIONS_REVOKED);
    assert_int_equal(end_by(&over, true), AUTH_SESSIONS_EXPIRED);
    expect_said(w, "");
    assert_true(is_good(&other));
    assert_int_equal(end_by(&ended, false), 0); // by itself it has, as it was asked to
    (void)snprintf(want, sizeof(want), "alice/%s~%lld ", ended.session,
                   (long long)TOKEN_LEFT_MS);
    expect_said(w, want);
    expect_refreshed("the other", w, &other, 0);
}

/** Which is all that a backup, or a look at the clock, can tell. */
static void long_after_a_logout_of_all_a_session_has_just_expired(void **state)
{
    struct world *w = *state;
    const struct answer first = sign_in(w, alice);

    pass(w, MINUTE);
    assert_int_equal(end(&first, true), 0);
    pass(w, MINUTE);
    const struct answer later = sign_in(w, alice);
    pass(w, SESSION_MS - MINUTE - 1);
    expect_refreshed("while what had ended could go on", w, &first, AUTH_SESSIONS_REVOKED);
    pass(w, MINUTE + 1);
    expect_refreshed("after that", w, &later, AUTH_SESSIONS_EXPIRED);
}

static void a_session_of_another_issuer_ends_too(void **state)
{
    static const struct {
        const char *name;
        int64_t expires_in_ms;
        int64_t skew_ms;
        int64_t until_ms; // from now
    } rows[] = {
        {"a short token", MINUTE, AUTH_SKEW_MS, TOKEN_LEFT_MS},
        {"as long as ours", TOKEN_LEFT_MS - AUTH_SKEW_MS, AUTH_SKEW_MS, TOKEN_LEFT_MS},
        {"a second longer", TOKEN_LEFT_MS, SECOND, TOKEN_LEFT_MS + SECOND},
        {"a long one", 365 * DAY, AUTH_SKEW_MS_MAX, 365 * DAY + AUTH_SKEW_MS_MAX},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct auth_identity id = {.account = bob,
                                   .expires_at_ms = w->unix_ms + rows[i].expires_in_ms,
                                   .skew_ms = rows[i].skew_ms};
        char want[128];

        (void)snprintf(id.session, sizeof(id.session), "host-%zu", i);
        (void)snprintf(id.key, sizeof(id.key), "bobs-%zu", i);
        assert_false(auth_sessions_is_revoked(w->sessions, &id));
        assert_int_equal(end_identity(w, &id, false).r, 0);
        assert_true(auth_sessions_is_revoked(w->sessions, &id));
        (void)snprintf(want, sizeof(want), "bob/%s~%lld ", id.key, (long long)rows[i].until_ms);
        expect_said(w, want);
    }
}

static void a_long_token_of_another_issuer_stays_ended_with_all(void **state)
{
    struct world *w = *state;
    struct auth_identity id = {
        .account = bob, .key = "host", .expires_at_ms = NOW + 500 * DAY, .skew_ms = SECOND};
    char want[128];

    assert_int_equal(end_identity(w, &id, true).r, 0);
    (void)snprintf(want, sizeof(want), "bob<0~%lld ", (long long)(500 * DAY + SECOND));
    expect_said(w, want);
    assert_true(auth_sessions_is_revoked(w->sessions, &id)); // it says no time of issue
    id.issued_at_ms = NOW + 1;
    assert_false(auth_sessions_is_revoked(w->sessions, &id));
}

// What an operator ends.

struct revoke_answer {
    const struct world *w;
    unsigned times;
    int r;
    size_t n;
};

static void on_operator_revoked(void *arg, int r, size_t n)
{
    struct revoke_answer *a = arg;

    assert_string_equal(a->w->told, a->w->said);
    a->times++;
    a->r = r;
    a->n = n;
}

/** @param session  empty: all of the account's */
static struct revoke_answer revoke(struct world *w, account of, const char *session)
{
    struct revoke_answer a = {.w = w};
    char name[AUTH_SESSION_SIZE];
    const struct auth_revocation what = {.session = str_copy(name, str_of(session)),
                                         .account = of};

    auth_sessions_revoke(w->sessions, &what, on_operator_revoked, &a);
    memset(name, 'X', sizeof(name));
    assert_int_equal(a.times, 0);
    assert_false(auth_sessions_is_idle(w->sessions));
    settle(w);
    assert_int_equal(a.times, 1);
    return a;
}

static void an_operator_ends_a_session_by_its_name(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    const struct answer laptop = sign_in(w, alice);
    const struct auth_identity host = {.account = bob, .session = "tab", .key = "a digest"};
    char want[128];

    assert_int_equal(revoke(w, (account){0}, phone.session).n, 1);
    (void)snprintf(want, sizeof(want), "?/%s~%lld ", phone.session, (long long)AUTH_REVOKED_MS);
    expect_said(w, want);
    assert_false(is_good(&phone));
    assert_true(is_good(&laptop));
    expect_refreshed("the phone", w, &phone, AUTH_SESSIONS_REVOKED);
    expect_refreshed("the laptop", w, &laptop, 0);

    const struct revoke_answer a = revoke(w, (account){0}, "tab"); // of a host
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n, 0);
    assert_true(auth_sessions_is_revoked(w->sessions, &host));
}

static void an_operator_ends_all_of_an_account(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    const struct answer laptop = sign_in(w, alice);
    const struct answer others = sign_in(w, bob);
    char want[128];

    const struct revoke_answer a = revoke(w, alice, "");
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n, 2);
    (void)snprintf(want, sizeof(want), "alice<0~%lld ", (long long)AUTH_REVOKED_MS);
    expect_said(w, want);
    assert_false(is_good(&phone) || is_good(&laptop));
    assert_true(is_good(&others));
    const struct answer again = sign_in(w, alice);
    assert_true(is_good(&again));
    assert_int_equal(revoke(w, alice, "").n, 1);
    assert_false(is_good(&again));
}

static void an_operator_is_told_that_the_store_is_out_of_reach(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);

    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 2);
    assert_int_equal(revoke(w, alice, "").r, AUTH_SESSIONS_UNAVAILABLE);
    assert_int_equal(revoke(w, (account){0}, a.session).r, AUTH_SESSIONS_UNAVAILABLE);
    expect_said(w, "");
    assert_true(is_good(&a));
}

// What another instance has ended.

/** One beside the world's own, which hears; and what it says. */
struct other {
    struct world *w;
    struct auth_sessions *sessions;
    char said[SAID_SIZE];
    unsigned n_told;
};

static void on_other_revoked(void *arg, const struct auth_revocation *what)
{
    struct other *o = arg;

    write_down(o->w, o->said, what);
}

static void on_other_told(void *arg, const struct auth_revocation *what)
{
    struct other *o = arg;

    (void)what;
    o->n_told++;
}

static void other_open(struct other *o, struct world *w)
{
    *o = (struct other){.w = w, .sessions = auth_sessions_new(&w->config)};
    auth_sessions_on_revoked(o->sessions, on_other_revoked, o);
    auth_sessions_on_ended(o->sessions, on_other_told, o);
}

static void other_close(struct other *o)
{
    assert_int_equal(o->n_told, 0); // no echo
    auth_sessions_free(o->sessions);
}

/** All that the first one has ended, as copies in memory of their own. */
static void other_hear(struct other *o)
{
    for (size_t i = 0; i < o->w->n_copies; i++)
        auth_sessions_hear(o->sessions, o->w->copies[i]);
}

static bool is_good_there(const struct other *o, const struct answer *a)
{
    const struct auth_identity id = identity_of(a);

    return !auth_sessions_is_revoked(o->sessions, &id);
}

static void what_is_heard_has_ended_here_too(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    const struct answer laptop = sign_in(w, alice);
    const struct answer bobs = sign_in(w, bob);
    const struct answer carols = sign_in(w, bob);
    struct other other;

    other_open(&other, w);
    assert_int_equal(end(&phone, false), 0);
    assert_int_equal(revoke(w, (account){0}, bobs.session).r, 0);
    assert_true(is_good_there(&other, &phone)); // nobody has told it
    other_hear(&other);
    assert_string_equal(other.said, w->told); // on to its sockets
    assert_false(is_good_there(&other, &phone) || is_good_there(&other, &bobs));
    assert_true(is_good_there(&other, &laptop) && is_good_there(&other, &carols));
    assert_int_equal(end(&laptop, true), 0);
    other_hear(&other); // the first ones twice
    assert_false(is_good_there(&other, &laptop) || is_good_there(&other, &phone));
    assert_true(is_good_there(&other, &carols));
    pass(w, SECOND);
    const struct answer again = sign_in(w, alice);
    other_hear(&other);
    assert_true(is_good_there(&other, &again));
    other_close(&other);
}

/** Whoever asks it for more with a token of what has ended is told so. */
static void what_was_heard_is_why_a_refresh_is_refused(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    struct other other;

    other_open(&other, w);
    assert_int_equal(end(&phone, false), 0);
    other_hear(&other);
    struct auth_sessions *first = w->sessions;
    w->sessions = other.sessions;
    expect_refreshed("heard", w, &phone, AUTH_SESSIONS_REVOKED);
    w->sessions = first;
    other_close(&other);
}

// All in one second.

static void a_token_that_was_asked_for_after_all_is_good(void **state)
{
    static const int64_t rows[] = {0, 1, 200, 499, 500, 999, 1000, 5000};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->unix_ms = NOW + (int64_t)i * MINUTE + 500; // in the middle of a second
        const struct answer before = sign_in(w, alice);
        assert_int_equal(end(&before, true), 0);
        pass(w, rows[i]);
        const struct answer after = sign_in(w, alice);
        expect_int("before", is_good(&before), false);
        expect_int("after", is_good(&after), true);
        expect_int("refreshed", refresh(w, &after).r, 0);
    }
}

static void a_token_that_was_asked_for_before_is_not(void **state)
{
    static const int64_t rows[] = {0, 1, 499, 500, 5000};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer late;
        w->unix_ms = NOW + (int64_t)i * MINUTE + 500;
        const struct answer other = sign_in(w, alice);
        w->late.holds = true;
        start_begin(&late, w, alice, INT64_MAX);
        pass(w, rows[i]);
        assert_int_equal(end(&other, true), 0);
        late_let_go(w);
        expect_int("late", await(&late), 0);
        expect_int("late", is_good(&late), false);
    }
}

static void all_can_be_ended_twice_in_a_second(void **state)
{
    struct world *w = *state;

    w->unix_ms += 500;
    for (int i = 0; i < 5; i++) {
        const struct answer a = sign_in(w, alice);
        assert_true(is_good(&a));
        assert_int_equal(end(&a, true), 0);
        assert_false(is_good(&a));
    }
}

// The store.

static void on_loaded(void *arg, int r)
{
    struct answer *a = arg;

    a->times++;
    a->r = r;
}

static int load(struct world *w)
{
    struct answer a = {.w = w};

    auth_sessions_load(w->sessions, on_loaded, &a);
    assert_int_equal(a.times, 0);
    assert_false(auth_sessions_is_idle(w->sessions));
    (void)await(&a);
    assert_true(auth_sessions_is_idle(w->sessions));
    return a.r;
}

static void after_a_start_it_knows_what_has_ended(void **state)
{
    struct world *w = *state;
    const struct answer phone = sign_in(w, alice);
    const struct answer laptop = sign_in(w, alice);
    const struct answer others = sign_in(w, bob);

    assert_int_equal(end(&phone, false), 0);
    assert_int_equal(end(&others, true), 0);
    forget_said(w);
    start_anew(w);
    assert_true(is_good(&phone)); // nobody knows yet
    assert_int_equal(load(w), 0);
    expect_said(w, ""); // there are no sockets to end
    assert_false(is_good(&phone) || is_good(&others));
    assert_true(is_good(&laptop));
    expect_refreshed("the phone", w, &phone, AUTH_SESSIONS_REVOKED);
    expect_refreshed("bob's", w, &others, AUTH_SESSIONS_REVOKED);
}

static void on_stored(void *arg, int r, size_t n)
{
    (void)n;
    assert_int_equal(r, 0);
    ++*(unsigned *)arg;
}

/** One that is over when a page is read is left out of it. */
static void it_reads_as_many_as_there_are(void **state)
{
    static const unsigned numbers[] = {0, 1, 999, 1000, 1001, 2500};
    struct world *w = *state;
    unsigned n_stored = 0;

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        for (unsigned k = n_stored; k < numbers[i]; k++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "tab-%u", k);
            const struct auth_store_end ended = {
                .session = str_of(name), .now_ms = NOW, .until_ms = NOW + HOUR};
            auth_store_end(&w->late.port, &ended, on_stored, &n_stored);
            settle(w);
        }
        assert_int_equal(n_stored, numbers[i]);
        start_anew(w);
        assert_int_equal(load(w), 0);
        for (unsigned k = 0; k <= numbers[i]; k++) {
            struct auth_identity id = {.account = alice, .issued_at_ms = NOW};
            (void)snprintf(id.key, sizeof(id.key), "tab-%u", k);
            expect_int(id.key, auth_sessions_is_revoked(w->sessions, &id), k < numbers[i]);
        }
    }
}

static void a_store_that_can_not_be_read_is_unavailable(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);

    assert_int_equal(end(&a, false), 0);
    start_anew(w);
    store_mem_fail_auth_reads(w->store, 1);
    assert_int_equal(load(w), AUTH_SESSIONS_UNAVAILABLE);
    assert_int_equal(load(w), 0);
    assert_false(is_good(&a));
}

static void what_is_not_stored_has_not_happened(void **state)
{
    static const int refusals[] = {AUTH_STORE_UNAVAILABLE, AUTH_STORE_UNCERTAIN};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct answer a = sign_in(w, alice);
        struct answer failed;

        store_mem_fail_auth(w->store, refusals[i], 4);
        start_begin(&failed, w, alice, INT64_MAX);
        expect_int("begin", await(&failed), AUTH_SESSIONS_UNAVAILABLE);
        expect_refreshed("refresh", w, &a, AUTH_SESSIONS_UNAVAILABLE);
        expect_int("end", end(&a, false), AUTH_SESSIONS_UNAVAILABLE);
        expect_int("end all", end_by(&a, true), AUTH_SESSIONS_UNAVAILABLE);
        expect_said(w, "");
        assert_true(is_good(&a));
        w->n_nonces--;
        start_begin(&failed, w, alice, INT64_MAX); // with the same nonce
        expect_int("begin again", await(&failed), 0);
        expect_refreshed("refresh again", w, &a, 0);
    }
}

/** Done, but nobody knows: who asks again gets what was made. */
static void what_may_be_stored_can_be_asked_for_again(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);
    struct answer lost;

    store_mem_lose_auth(w->store, 3);
    start_begin(&lost, w, alice, INT64_MAX);
    assert_int_equal(await(&lost), AUTH_SESSIONS_UNAVAILABLE);
    expect_refreshed("lost", w, &a, AUTH_SESSIONS_UNAVAILABLE);
    assert_int_equal(end_by(&a, false), AUTH_SESSIONS_UNAVAILABLE);
    expect_said(w, "");

    w->n_nonces--;
    start_begin(&lost, w, alice, INT64_MAX);
    assert_int_equal(await(&lost), AUTH_SESSIONS_NONCE_USED);
    assert_int_equal(end_by(&a, false), 0);
    assert_false(is_good(&a));
    expect_refreshed("ended", w, &a, AUTH_SESSIONS_REVOKED);
}

static void a_refresh_that_was_lost_comes_again(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);

    store_mem_lose_auth(w->store, 1);
    expect_refreshed("lost", w, &a, AUTH_SESSIONS_UNAVAILABLE);
    const struct answer again = refresh(w, &a);
    assert_int_equal(again.r, 0);
    assert_int_equal(generation_of(&again), 2);
}

static void is_idle_when_all_is_answered(void **state)
{
    struct world *w = *state;
    const struct answer a = sign_in(w, alice);
    const struct auth_identity id = identity_of(&a);
    struct answer all[4] = {{.w = w}, {.w = w}, {.w = w}, {.w = w}};

    assert_true(auth_sessions_is_idle(w->sessions));
    start_begin(&all[0], w, bob, INT64_MAX);
    assert_int_equal(auth_sessions_refresh(w->sessions, str_of(a.refresh), on_granted, &all[1]),
                     0);
    auth_sessions_end(w->sessions, &id, false, on_ended, &all[2]);
    auth_sessions_load(w->sessions, on_loaded, &all[3]);
    assert_false(auth_sessions_is_idle(w->sessions));
    for (size_t i = 0; i < COUNT_OF(all); i++)
        assert_int_equal(await(&all[i]), 0);
    assert_true(auth_sessions_is_idle(w->sessions));
}

static void one_session_too_many_ends_the_oldest(void **state)
{
    static struct answer all[AUTH_SESSIONS_MAX];
    struct world *w = *state;
    char want[128];

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = sign_in(w, alice);
        pass(w, SECOND);
    }
    const struct answer others = sign_in(w, bob);
    all[0] = refresh(w, &all[0]); // now the second is the one refreshed longest ago
    expect_said(w, "");
    const struct answer one_more = sign_in(w, alice);
    (void)snprintf(want, sizeof(want), "alice/%s~%lld ", all[1].session,
                   (long long)TOKEN_LEFT_MS);
    expect_said(w, want);
    for (size_t i = 0; i < COUNT_OF(all); i++)
        expect_int("a session", is_good(&all[i]), i != 1);
    assert_true(is_good(&one_more) && is_good(&others));
    expect_refreshed("the one that has ended", w, &all[1], AUTH_SESSIONS_REVOKED);
    expect_refreshed("the one that was refreshed", w, &all[0], 0);
}

// Rates.

static void limit_rates(struct world *w)
{
    w->config.rate_limits = true;
    w->config.begins = (struct rate){.burst = 2, .n = 1, .per_ms = MINUTE};
    w->config.refreshes = (struct rate){.burst = 3, .n = 1, .per_ms = MINUTE};
    start_anew(w);
}

static int try_begin(struct world *w, account a, struct answer *out)
{
    const struct auth_sessions_begin b = {.account = a,
                                          .nonce = STR("another"),
                                          .nonce_until_ms = w->unix_ms,
                                          .expires_at_ms = INT64_MAX};
    *out = (struct answer){.w = w};
    return auth_sessions_begin(w->sessions, &b, on_granted, out);
}

static void an_account_signs_in_so_often(void **state)
{
    struct world *w = *state;
    struct answer a;

    limit_rates(w);
    (void)sign_in(w, alice);
    (void)sign_in(w, alice);
    assert_int_equal(try_begin(w, alice, &a), AUTH_SESSIONS_LIMITED);
    assert_int_equal(auth_sessions_retry_after_ms(w->sessions), MINUTE);
    assert_true(auth_sessions_is_idle(w->sessions));
    settle(w);
    assert_int_equal(a.times, 0);
    (void)sign_in(w, bob);
    pass(w, MINUTE - 1);
    assert_int_equal(try_begin(w, alice, &a), AUTH_SESSIONS_LIMITED);
    assert_int_equal(auth_sessions_retry_after_ms(w->sessions), 1);
    pass(w, 1);
    assert_int_equal(try_begin(w, alice, &a), 0);
    assert_int_equal(await(&a), 0);
}

static void and_refreshes_so_often(void **state)
{
    struct world *w = *state;
    struct answer none = {.w = w};

    limit_rates(w);
    struct answer a = sign_in(w, alice);
    for (int i = 0; i < 3; i++) {
        a = refresh(w, &a);
        assert_int_equal(a.r, 0);
    }
    assert_int_equal(auth_sessions_refresh(w->sessions, str_of(a.refresh), on_granted, &none),
                     AUTH_SESSIONS_LIMITED);
    assert_int_equal(auth_sessions_retry_after_ms(w->sessions), MINUTE);
    assert_int_equal(auth_sessions_refresh(w->sessions, STR("x"), on_granted, &none),
                     AUTH_SESSIONS_INVALID);
    settle(w);
    assert_int_equal(none.times, 0);
    (void)sign_in(w, alice);               // of another bucket
    assert_int_equal(end_by(&a, true), 0); // and an end is never refused
    pass(w, MINUTE);
    expect_refreshed("later", w, &a, AUTH_SESSIONS_REVOKED);
}

static void without_limits_as_often_as_one_likes(void **state)
{
    struct world *w = *state;
    struct answer a;

    for (int i = 0; i < 50; i++)
        a = sign_in(w, alice);
    for (int i = 0; i < 50; i++)
        a = refresh(w, &a);
    assert_int_equal(a.r, 0);
}

// Contract wallets; what becomes of them where they can be asked is in test_api_contracts.c.

/** The operator has taken the RPC away: nobody can say that it is no longer good. */
static void a_session_whose_contract_nobody_can_ask_goes_on_no_longer_and_does_not_end(
    void **state)
{
    struct world *w = *state;
    const struct answer first = sign_in_contract(w);

    expect_refreshed("no RPC", w, &first, AUTH_SESSIONS_UNCHECKED);
    pass(w, HOUR);
    expect_refreshed("still none", w, &first, AUTH_SESSIONS_UNCHECKED);
    expect_said(w, "");
    pass(w, AUTH_CONTRACT_SESSION_MS - HOUR);
    expect_refreshed("over", w, &first, AUTH_SESSIONS_EXPIRED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sign_in_gives_tokens_that_are_good),
        TEST(each_sign_in_is_a_session_of_its_own),
        TEST(a_nonce_is_good_once),
        TEST(an_access_token_ends_with_its_session_at_the_latest),
        TEST(a_session_ends_as_it_is_configured_or_sooner),
        TEST(a_refresh_gives_the_next_tokens_of_the_session),
        TEST(a_refresh_prolongs_no_session),
        TEST(a_repeat_is_answered_the_same_for_a_minute),
        TEST(an_older_token_ends_the_session),
        TEST(what_is_no_refresh_token_of_ours_is_refused_at_once),
        TEST(a_token_of_a_session_that_is_not_there_has_expired),
        TEST(a_logout_ends_its_session_alone),
        TEST(any_generation_ends_its_session),
        TEST(a_logout_of_all_ends_whatever_the_account_has),
        TEST(a_session_that_is_over_ends_no_other),
        TEST(long_after_a_logout_of_all_a_session_has_just_expired),
        TEST(a_session_of_another_issuer_ends_too),
        TEST(a_long_token_of_another_issuer_stays_ended_with_all),
        TEST(an_operator_ends_a_session_by_its_name),
        TEST(an_operator_ends_all_of_an_account),
        TEST(an_operator_is_told_that_the_store_is_out_of_reach),
        TEST(what_is_heard_has_ended_here_too),
        TEST(what_was_heard_is_why_a_refresh_is_refused),
        TEST(a_token_that_was_asked_for_after_all_is_good),
        TEST(a_token_that_was_asked_for_before_is_not),
        TEST(all_can_be_ended_twice_in_a_second),
        TEST(after_a_start_it_knows_what_has_ended),
        TEST(it_reads_as_many_as_there_are),
        TEST(a_store_that_can_not_be_read_is_unavailable),
        TEST(what_is_not_stored_has_not_happened),
        TEST(what_may_be_stored_can_be_asked_for_again),
        TEST(a_refresh_that_was_lost_comes_again),
        TEST(is_idle_when_all_is_answered),
        TEST(one_session_too_many_ends_the_oldest),
        TEST(an_account_signs_in_so_often),
        TEST(and_refreshes_so_often),
        TEST(without_limits_as_often_as_one_likes),
        TEST(a_session_whose_contract_nobody_can_ask_goes_on_no_longer_and_does_not_end),
    };
    return cmocka_run_group_tests_name("auth/sessions", tests, NULL, NULL);
}
