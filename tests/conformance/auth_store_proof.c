/** What every backend of auth/store.h does with the proof that a contract wallet signed in by.
 */
#include "support/aborts.h"
#include "support/auth_store_world.h"

#define BYTES_8(c) c c c c c c c c
#define DIGEST(c)  BYTES_8(c) BYTES_8(c) BYTES_8(c) BYTES_8(c)
#define PROOF      " 10:" DIGEST("d") ":ok"

/** On disk all that was answered is still there when it is opened again. */
static void reopen(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    store_world_close(w);
    store_world_open(w);
}

// Sessions of 'a' that have PROOF, for an hour, from NOW on.

static struct auth_store_begin begin_by_contract(const char *session)
{
    struct auth_store_begin b = begin_of('a', session, session);

    b.proof = proof_of(10, 'd', STR("ok"));
    return b;
}

static void sign_in_by_contract(struct store_world *w, const char *session)
{
    const struct auth_store_begin b = begin_by_contract(session);
    char want[256];

    snprintf(want, sizeof(want), "a/%s g1 0-3600000" PROOF, session);
    ask_begin(w, &b, 0, want);
}

enum proven {
    UNPROVEN,
    PROVEN,
};

struct turn {
    const char *name;
    uint32_t generation;
    int64_t after_ms;
    enum proven is_proven;
    int r;
    uint32_t then; // the generation of the session in the answer; 0: there is none in it
};

static void take(struct store_world *w, const char *session, const struct turn *t)
{
    struct auth_store_refresh asked = refresh_of(session, t->generation, t->after_ms);
    char want[256] = "";

    asked.is_proven = t->is_proven == PROVEN;
    if (t->then > 0)
        snprintf(want, sizeof(want), "a/%s g%u 0-3600000" PROOF, session, t->then);
    ask_refresh(w, &asked, t->r, want);
}

// What is kept.

static const struct kept {
    const char *name;
    uint64_t chain;
    size_t n; // bytes of the signature
} kept[] = {
    {"no bytes", 1, 0},
    {"one byte", 10, 1},
    {"an owner's", 8453, 65},
    {"more than a page", 42161, 5000},
    {"the longest", (UINT64_C(1) << 53) - 1, AUTH_SIGNATURE_MAX},
};

/** @param bytes  borrowed by the proof */
static struct auth_session_proof kept_proof(const struct kept *k,
                                            char bytes[AUTH_SIGNATURE_MAX])
{
    struct auth_session_proof proof = {.chain = k->chain, .signature = {bytes, k->n}};

    for (size_t i = 0; i < k->n; i++)
        bytes[i] = (char)(k->n + i * 31);
    for (size_t i = 0; i < sizeof(proof.digest); i++)
        proof.digest[i] = (uint8_t)(k->n - i); // with a 0 in it
    return proof;
}

static void expect_kept(struct auth_answer *got, const struct kept *k, int r,
                        uint32_t generation)
{
    char bytes[AUTH_SIGNATURE_MAX];
    const struct auth_session_proof proof = kept_proof(k, bytes);
    struct auth_answer want;

    auth_answer_init(&want, got->w);
    auth_say(&want, "a/%s g%u 0-3600000", k->name, generation);
    say_proof(&want, &proof);
    auth_answer_await(got);
    expect_int(k->name, got->r, r);
    expect_str(k->name, buf_str(&got->text), buf_str(&want.text));
    auth_answer_fini(&want);
    auth_answer_fini(got);
}

static void begin_kept(struct store_world *w, const struct kept *k)
{
    struct auth_store_begin b = begin_of('a', k->name, k->name);
    char bytes[AUTH_SIGNATURE_MAX];
    struct auth_answer a;

    b.proof = kept_proof(k, bytes);
    auth_answer_init(&a, w);
    auth_store_begin(auth_of(w), &b, on_begun, &a);
    memset(bytes, '!', sizeof(bytes)); // borrowed no longer
    expect_kept(&a, k, 0, 1);
}

static void refresh_kept(struct store_world *w, const struct kept *k, enum proven is_proven)
{
    struct auth_store_refresh asked = refresh_of(k->name, 1, 0);
    struct auth_answer a;

    asked.is_proven = is_proven == PROVEN;
    auth_answer_init(&a, w);
    auth_store_refresh(auth_of(w), &asked, on_refreshed, &a);
    expect_kept(&a, k, asked.is_proven ? 0 : AUTH_STORE_UNPROVEN, asked.is_proven ? 2 : 1);
}

static void a_proof_comes_back_byte_by_byte(void **state)
{
    struct store_world *w = *state;

    for (size_t i = 0; i < COUNT_OF(kept); i++)
        begin_kept(w, &kept[i]);
    reopen(w);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        refresh_kept(w, &kept[i], UNPROVEN);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        refresh_kept(w, &kept[i], PROVEN);
    reopen(w);
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        refresh_kept(w, &kept[i], PROVEN); // within the grace
}

static void of_a_key_nothing_is_kept_and_nothing_proven(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "s", "n");
    struct auth_store_refresh r = refresh_of("s", 1, 0);

    b.proof = proof_of(0, 'd', STR("ok"));
    ask_begin(w, &b, 0, "a/s g1 0-3600000");
    reopen(w);
    ask_refresh(w, &r, 0, "a/s g2 0-3600000");
    r.generation = 2;
    r.is_proven = true;
    ask_refresh(w, &r, 0, "a/s g3 0-3600000");
}

static void each_session_of_an_account_has_its_own(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "s2", "n2");
    struct auth_store_refresh r = refresh_of("s1", 1, 0);

    sign_in_by_contract(w, "s1");
    b.proof = proof_of(8453, 'e', (str){0});
    ask_begin(w, &b, 0, "a/s2 g1 0-3600000 8453:" DIGEST("e") ":");
    sign_in(w, 'a', "s3");
    reopen(w);
    ask_refresh(w, &r, AUTH_STORE_UNPROVEN, "a/s1 g1 0-3600000" PROOF);
    r.session = STR("s2");
    ask_refresh(w, &r, AUTH_STORE_UNPROVEN, "a/s2 g1 0-3600000 8453:" DIGEST("e") ":");
    r.is_proven = true;
    ask_refresh(w, &r, 0, "a/s2 g2 0-3600000 8453:" DIGEST("e") ":");
    take(w, "s1", &(struct turn){.generation = 1, .r = AUTH_STORE_UNPROVEN, .then = 1});
    turn(w, "s3", 1, 0, 0, 2);
}

// What is not proven.

/** Of a session in generation 3: 1 was used after 1 minute, 2 after 2 minutes. */
static const struct turn turns[] = {
    {"current", 3, 3 * MINUTE, UNPROVEN, AUTH_STORE_UNPROVEN, 3},
    {"current, proven", 3, 3 * MINUTE, PROVEN, 0, 4},
    {"current, long after", 3, HOUR - 1, UNPROVEN, AUTH_STORE_UNPROVEN, 3},
    {"current, when it is over", 3, HOUR, UNPROVEN, AUTH_STORE_NO_SESSION, 0},
    {"last, at once", 2, 2 * MINUTE, UNPROVEN, AUTH_STORE_UNPROVEN, 3},
    {"last, at once, proven", 2, 2 * MINUTE, PROVEN, 0, 3},
    {"last, at the end of the grace", 2, 3 * MINUTE, UNPROVEN, AUTH_STORE_UNPROVEN, 3},
    {"last, at its end, proven", 2, 3 * MINUTE, PROVEN, 0, 3},
    {"last, after the grace", 2, 3 * MINUTE + 1, UNPROVEN, AUTH_STORE_LATE, 0},
    {"last, after it, proven", 2, 3 * MINUTE + 1, PROVEN, AUTH_STORE_LATE, 0},
    {"last, when it is over", 2, HOUR, UNPROVEN, AUTH_STORE_NO_SESSION, 0},
    {"later", 4, 2 * MINUTE, UNPROVEN, AUTH_STORE_NO_SESSION, 0},
    {"none", 0, 2 * MINUTE, UNPROVEN, AUTH_STORE_NO_SESSION, 0},
    {"older, when it is over", 1, HOUR, UNPROVEN, AUTH_STORE_NO_SESSION, 0},
    {"older", 1, 2 * MINUTE, UNPROVEN, AUTH_STORE_REUSED, 0},
    {"older, proven", 1, 2 * MINUTE, PROVEN, AUTH_STORE_REUSED, 0},
};

static void a_token_is_judged_before_the_proof(void **state)
{
    struct store_world *w = *state;

    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        const struct turn *t = &turns[i];
        const uint32_t now = t->r == 0 ? t->then : 3;
        sign_in_by_contract(w, t->name);
        take(w, t->name, &(struct turn){"", 1, MINUTE, PROVEN, 0, 2});
        take(w, t->name, &(struct turn){"", 2, 2 * MINUTE, PROVEN, 0, 3});
        take(w, t->name, t);
        reopen(w);
        if (t->r == AUTH_STORE_REUSED) {
            take(w, t->name,
                 &(struct turn){"", 3, 2 * MINUTE, PROVEN, AUTH_STORE_NO_SESSION, 0});
        } else {
            take(w, t->name, &(struct turn){"", now, 3 * MINUTE, PROVEN, 0, now + 1});
        }
    }
    expect_revoked(w, 0, "older@1~3600000 older, proven@2~3600000");
}

static void an_unproven_refresh_changes_nothing(void **state)
{
    struct store_world *w = *state;

    sign_in_by_contract(w, "s");
    take(w, "s", &(struct turn){"", 1, 0, UNPROVEN, AUTH_STORE_UNPROVEN, 1});
    take(w, "s", &(struct turn){"", 1, 0, PROVEN, 0, 2});
    const uint64_t commits = w->store->counters.commits;
    for (unsigned i = 0; i < 3; i++) {
        take(w, "s", &(struct turn){"", 1, SECOND, UNPROVEN, AUTH_STORE_UNPROVEN, 2});
        take(w, "s", &(struct turn){"", 2, MINUTE, UNPROVEN, AUTH_STORE_UNPROVEN, 2});
    }
    assert_int_equal(w->store->counters.commits, commits);
    assert_int_equal(w->store->counters.refused, 0);
    reopen(w);
    // The grace is that of the first use: at 0.
    take(w, "s", &(struct turn){"", 1, MINUTE, PROVEN, 0, 2});
    take(w, "s", &(struct turn){"", 1, MINUTE + 1, PROVEN, AUTH_STORE_LATE, 0});
    take(w, "s", &(struct turn){"", 2, MINUTE + 1, PROVEN, 0, 3});
    expect_revoked(w, 0, "");
}

static void an_unproven_refresh_saves_no_session(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_by_contract("more");
    char name[16];

    for (unsigned i = 0; i < AUTH_SESSIONS_MAX; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        sign_in_by_contract(w, name);
    }
    take(w, "s0", &(struct turn){"", 1, MINUTE, UNPROVEN, AUTH_STORE_UNPROVEN, 1});
    take(w, "s1", &(struct turn){"", 1, MINUTE, PROVEN, 0, 2});
    reopen(w);
    ask_begin(w, &b, 0, "a/more g1 0-3600000" PROOF " -s0");
    b = begin_by_contract("yet more");
    ask_begin(w, &b, 0, "a/yet more g1 0-3600000" PROOF " -s2");
    take(w, "s0", &(struct turn){"", 1, 0, UNPROVEN, AUTH_STORE_NO_SESSION, 0});
    take(w, "s1", &(struct turn){"", 2, 0, UNPROVEN, AUTH_STORE_UNPROVEN, 2});
    expect_revoked(w, 0, "s0@1~3600000 s2@2~3600000");
}

// Ending.

static void sessions_with_a_proof_end_like_others(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_end one = end_of("s1");
    const struct auth_store_end all = end_all_of('a');

    sign_in_by_contract(w, "s1");
    sign_in_by_contract(w, "s2");
    sign_in(w, 'a', "s3");
    ask_end(w, &one, 0, "1");
    take(w, "s1", &(struct turn){"", 1, 0, PROVEN, AUTH_STORE_NO_SESSION, 0});
    take(w, "s2", &(struct turn){"", 1, 0, UNPROVEN, AUTH_STORE_UNPROVEN, 1});
    ask_end(w, &all, 0, "2");
    reopen(w);
    take(w, "s2", &(struct turn){"", 1, 0, UNPROVEN, AUTH_STORE_NO_SESSION, 0});
    expect_revoked(w, 0, "s1@1~3600000 a@2<0~3600000");
}

// Order.

static void call_refresh(struct auth_answer *a, uint32_t generation, enum proven is_proven)
{
    struct auth_store_refresh r = refresh_of("s", generation, 0);

    r.is_proven = is_proven == PROVEN;
    auth_store_refresh(auth_of(a->w), &r, on_refreshed, a);
}

/** All of them before the first is answered. */
static void call_all(struct auth_answer *a)
{
    const struct auth_store_begin b = begin_by_contract("s");
    const struct auth_store_end e = end_of("s");

    auth_store_begin(auth_of(a->w), &b, on_begun, a);
    call_refresh(a + 1, 1, UNPROVEN);
    call_refresh(a + 2, 1, PROVEN);
    call_refresh(a + 3, 2, UNPROVEN);
    call_refresh(a + 4, 1, UNPROVEN);
    call_refresh(a + 5, 1, PROVEN);
    auth_store_end(auth_of(a->w), &e, on_ended, a + 6);
    call_refresh(a + 7, 2, UNPROVEN);
}

static void proofs_are_asked_for_in_the_order_of_calls(void **state)
{
    struct store_world *w = *state;
    static const struct {
        int r;
        const char *text;
    } want[] = {
        {0, "a/s g1 0-3600000" PROOF},
        {AUTH_STORE_UNPROVEN, "a/s g1 0-3600000" PROOF},
        {0, "a/s g2 0-3600000" PROOF},
        {AUTH_STORE_UNPROVEN, "a/s g2 0-3600000" PROOF},
        {AUTH_STORE_UNPROVEN, "a/s g2 0-3600000" PROOF},
        {0, "a/s g2 0-3600000" PROOF},
        {0, "1"},
        {AUTH_STORE_NO_SESSION, ""},
    };
    struct auth_answer answers[COUNT_OF(want)];

    for (size_t i = 0; i < COUNT_OF(want); i++)
        auth_answer_init(&answers[i], w);
    call_all(answers);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        auth_answer_await(&answers[i]);
        expect_int("answer", answers[i].r, want[i].r);
        expect_str("answer", buf_str(&answers[i].text), str_of(want[i].text));
        auth_answer_fini(&answers[i]);
    }
    assert_int_equal(w->store->counters.queued, 0);
}

// The queue.

static void what_the_queue_refuses_leaves_no_proof(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin b = begin_by_contract("s");
    struct auth_answer *answers = mem_alloc((AUTH_STORE_QUEUE_MAX + 1) * sizeof(*answers));

    for (unsigned i = 0; i < AUTH_STORE_QUEUE_MAX; i++) {
        const struct auth_store_end e = end_of("x");
        auth_answer_init(&answers[i], w);
        auth_store_end(auth_of(w), &e, on_ended, &answers[i]);
    }
    auth_answer_init(&answers[AUTH_STORE_QUEUE_MAX], w);
    auth_store_begin(auth_of(w), &b, on_begun, &answers[AUTH_STORE_QUEUE_MAX]);
    for (unsigned i = 0; i <= AUTH_STORE_QUEUE_MAX; i++) {
        auth_answer_await(&answers[i]);
        expect_int("answer", answers[i].r,
                   i < AUTH_STORE_QUEUE_MAX ? 0 : AUTH_STORE_UNAVAILABLE);
        auth_answer_fini(&answers[i]);
    }
    free(answers);
    sign_in_by_contract(w, "s"); // nothing was done
}

// Mistakes of ours.

static void begin_with_too_long_a_signature(void *arg)
{
    static const char bytes[AUTH_SIGNATURE_MAX + 1] = "s";
    struct store_world *w = arg;
    struct auth_store_begin b = begin_by_contract("s");

    b.proof.signature = (str){bytes, sizeof(bytes)};
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void begin_on_too_high_a_chain(void *arg)
{
    struct store_world *w = arg;
    struct auth_store_begin b = begin_by_contract("s");

    b.proof.chain = (uint64_t)INT64_MAX + 1;
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void aborts_on_what_can_not_be_kept(void **state)
{
    char text[1024];

    assert_true(aborts(begin_with_too_long_a_signature, *state, text, sizeof(text)));
    assert_non_null(strstr(text, "AUTH_SIGNATURE_MAX"));
    assert_true(aborts(begin_on_too_high_a_chain, *state, text, sizeof(text)));
    assert_non_null(strstr(text, "INT64_MAX"));
}

// The suite.

static int setup_mem(void **state)
{
    *state = store_world_new(BACKEND_MEM);
    return 0;
}

static int setup_sqlite(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int setup_postgres(void **state)
{
    *state = store_world_new(BACKEND_POSTGRES);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

#define TEST(backend, test)                                                                    \
    {                                                                                          \
        #backend ": " #test, test, setup_##backend, teardown, NULL                             \
    }
#define SUITE(backend)                                                                         \
    TEST(backend, a_proof_comes_back_byte_by_byte),                                            \
        TEST(backend, of_a_key_nothing_is_kept_and_nothing_proven),                            \
        TEST(backend, each_session_of_an_account_has_its_own),                                 \
        TEST(backend, a_token_is_judged_before_the_proof),                                     \
        TEST(backend, an_unproven_refresh_changes_nothing),                                    \
        TEST(backend, an_unproven_refresh_saves_no_session),                                   \
        TEST(backend, sessions_with_a_proof_end_like_others),                                  \
        TEST(backend, proofs_are_asked_for_in_the_order_of_calls),                             \
        TEST(backend, what_the_queue_refuses_leaves_no_proof),                                 \
        TEST(backend, aborts_on_what_can_not_be_kept)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("auth_store_proof", on_postgres);
    return cmocka_run_group_tests_name("auth_store_proof", tests, NULL, NULL);
}
