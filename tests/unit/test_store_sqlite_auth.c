/** What is SQLite's own about sessions: groups, the disk, what is forgotten. */
#include "base/log.h"
#include "support/aborts.h"
#include "support/sqlite_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

// Groups.

/** Changes of both ports, called at once. */
struct group {
    struct store_world *w;
    struct auth_answer answers[8];
    unsigned n;
};

static struct auth_answer *next_of(struct group *g)
{
    struct auth_answer *a = &g->answers[g->n++];

    assert_true(g->n <= COUNT_OF(g->answers));
    auth_answer_init(a, g->w);
    return a;
}

static void call_begin(struct group *g, const char *session, const char *nonce)
{
    const struct auth_store_begin b = begin_of('a', session, nonce);
    auth_store_begin(auth_of(g->w), &b, on_begun, next_of(g));
}

#define PROOF " 10:dddddddddddddddddddddddddddddddd:ok"

static void call_begin_by_contract(struct group *g, const char *session, const char *nonce)
{
    struct auth_store_begin b = begin_of('a', session, nonce);

    b.proof = proof_of(10, 'd', STR("ok"));
    auth_store_begin(auth_of(g->w), &b, on_begun, next_of(g));
}

static void call_refresh(struct group *g, const char *session, uint32_t generation,
                         int64_t after_ms)
{
    const struct auth_store_refresh r = refresh_of(session, generation, after_ms);
    auth_store_refresh(auth_of(g->w), &r, on_refreshed, next_of(g));
}

static void call_end(struct group *g, const char *session)
{
    const struct auth_store_end e = end_of(session);
    auth_store_end(auth_of(g->w), &e, on_ended, next_of(g));
}

static void on_appended(void *arg, int r, const struct store_appended *a)
{
    struct auth_answer *answer = auth_answered(arg, r, a);

    if (a)
        auth_say(answer, "%llu", (unsigned long long)a->message.seq);
}

static void call_append(struct group *g, const char *key)
{
    const struct store_append a = message('a', 'b', key, key);
    store_append(g->w->store, &a, on_appended, next_of(g));
}

static void on_receipted(void *arg, int r, const struct store_receipted *a)
{
    auth_answered(arg, r, a);
}

static void call_receipt(struct group *g, uint64_t delivered)
{
    const struct store_receipt r = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = delivered, .now_ms = NOW};
    store_receipt(g->w->store, &r, on_receipted, next_of(g));
}

/** "a/s1 g1 0-3600000; !3; 1": what each is answered with, or its refusal. */
static void expect_answers(struct group *g, const char *want)
{
    struct buf all;
    int r = 0;

    buf_init(&all, PLENTY);
    for (unsigned i = 0; i < g->n; i++) {
        struct auth_answer *a = &g->answers[i];
        auth_answer_await(a);
        if (a->r != 0)
            auth_say(a, "!%d", a->r);
        r |= buf_addf(&all, "%s" STR_FMT, i > 0 ? "; " : "", STR_ARG(buf_str(&a->text)));
        auth_answer_fini(a);
    }
    assert_int_equal(r, 0);
    expect_str("answers", buf_str(&all), str_of(want));
    buf_fini(&all);
    *g = (struct group){.w = g->w};
}

static void messages_and_sessions_share_a_commit(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_append(&g, "1");
    call_begin(&g, "s1", "n1");
    call_append(&g, "2");
    call_refresh(&g, "s1", 1, 0);
    call_end(&g, "s1");
    call_append(&g, "3");
    expect_answers(&g, "1; a/s1 g1 0-3600000; 2; a/s1 g2 0-3600000; 1; 3");
    assert_int_equal(w->store->counters.commits, 1);
    assert_int_equal(w->store->counters.appended, 3);
}

static void a_change_of_sessions_alone_is_synced_before_its_answer(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    sign_in(w, 'a', "s1");
    for (unsigned i = 1; i <= 3; i++) {
        const unsigned before = atomic_load(&n_syncs);
        if (i == 1)
            call_begin(&g, "s2", "n2");
        if (i == 2)
            call_refresh(&g, "s1", 1, 0);
        if (i == 3)
            call_end(&g, "s1");
        auth_answer_await(&g.answers[0]);
        assert_int_equal(g.answers[0].r, 0);
        assert_true(atomic_load(&n_syncs) > before);
        assert_int_equal(w->store->counters.commits, 1 + i);
        auth_answer_fini(&g.answers[0]);
        g.n = 0;
    }
}

static void a_reused_token_is_synced_before_its_refusal(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_refresh r = refresh_of("s", 1, 0);

    sign_in(w, 'a', "s");
    turn(w, "s", 1, 0, 0, 2);
    turn(w, "s", 2, 0, 0, 3);
    const unsigned before = atomic_load(&n_syncs);
    ask_refresh(w, &r, AUTH_STORE_REUSED, "");
    assert_true(atomic_load(&n_syncs) > before);
    assert_int_equal(w->store->counters.commits, 4);
}

static void what_changes_nothing_commits_nothing(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    sign_in(w, 'a', "s");
    turn(w, "s", 1, 0, 0, 2);
    const unsigned before = atomic_load(&n_syncs);
    call_begin(&g, "s2", "s");
    call_refresh(&g, "s", 1, MINUTE);
    call_refresh(&g, "s", 1, MINUTE + 1);
    call_refresh(&g, "nobody", 1, 0);
    expect_answers(&g, "!3; a/s g2 0-3600000; !5; !4");
    assert_int_equal(atomic_load(&n_syncs), before);
    assert_int_equal(w->store->counters.commits, 2);
    assert_int_equal(w->store->counters.refused, 0);
}

static void an_unproven_refresh_commits_nothing(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_begin_by_contract(&g, "s", "n");
    expect_answers(&g, "a/s g1 0-3600000" PROOF);
    const unsigned before = atomic_load(&n_syncs);
    call_refresh(&g, "s", 1, 0);
    call_refresh(&g, "s", 1, MINUTE);
    expect_answers(&g, "a/s g1 0-3600000" PROOF "!7; a/s g1 0-3600000" PROOF "!7");
    assert_int_equal(atomic_load(&n_syncs), before);
    assert_int_equal(w->store->counters.commits, 1);
    assert_int_equal(w->store->counters.refused, 0);
}

static void an_unproven_refresh_leaves_the_rest_of_its_group(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_append(&g, "1");
    call_begin_by_contract(&g, "s1", "n1");
    call_refresh(&g, "s1", 1, 0);
    call_begin(&g, "s2", "n2");
    call_refresh(&g, "s2", 1, 0);
    expect_answers(&g, "1; a/s1 g1 0-3600000" PROOF "; a/s1 g1 0-3600000" PROOF
                       "!7; a/s2 g1 0-3600000; a/s2 g2 0-3600000");
    assert_int_equal(w->store->counters.commits, 1);
    assert_int_equal(sql_number(w,
                                "SELECT count(*) FROM session WHERE proof_chain = 0"
                                " AND length(proof_digest) = 0"
                                " AND length(proof_signature) = 0"),
                     1);
}

static void a_refusal_leaves_the_rest_of_its_group(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_begin(&g, "s1", "n");
    call_begin(&g, "s2", "n");
    call_append(&g, "1");
    call_refresh(&g, "s2", 1, 0);
    call_refresh(&g, "s1", 1, 0);
    call_refresh(&g, "s1", 1, MINUTE + 1);
    call_begin(&g, "s3", "n3");
    expect_answers(&g,
                   "a/s1 g1 0-3600000; !3; 1; !4; a/s1 g2 0-3600000; !5; a/s3 g1 0-3600000");
    assert_int_equal(w->store->counters.commits, 1);
    store_world_close(w);
    store_world_open(w);
    turn(w, "s1", 2, 0, 0, 3);
    turn(w, "s3", 1, 0, 0, 2);
    assert_true(put(w, 'a', 'b', "1", 1).is_duplicate);
    call_begin(&g, "s4", "n");
    expect_answers(&g, "!3");
}

static void a_session_may_live_and_die_in_one_group(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_begin(&g, "s", "n");
    call_refresh(&g, "s", 1, 0);
    call_refresh(&g, "s", 1, 0); // within the grace
    call_refresh(&g, "s", 2, 0);
    call_refresh(&g, "s", 1, 0); // stolen
    call_refresh(&g, "s", 3, 0);
    call_end(&g, "s");
    expect_answers(&g,
                   "a/s g1 0-3600000; a/s g2 0-3600000; a/s g2 0-3600000; a/s g3 0-3600000;"
                   " !6; !4; 0");
    expect_revoked(w, 0, "s@2~3600000");
    assert_int_equal(w->store->counters.commits, 1);
}

static void a_change_of_sessions_takes_waiting_receipts_along(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    put(w, 'a', 'b', "1", 1);
    call_receipt(&g, 1);
    assert_true(timers_next_ms(&w->loop->timers) != INT64_MAX);
    call_begin(&g, "s", "n");
    assert_true(timers_next_ms(&w->loop->timers) == INT64_MAX); // it waits for nothing
    auth_answer_await(&g.answers[1]);
    assert_int_equal(g.answers[0].times, 1); // called before, answered before
    assert_int_equal(w->store->counters.commits, 2);
    assert_int_equal(w->store->counters.receipts, 1);
    expect_answers(&g, "; a/s g1 0-3600000");
}

// The disk.

static void a_full_disk_refuses_changes_and_recovers(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    sign_in(w, 'a', "s");
    turn(w, "s", 1, 0, 0, 2);
    turn(w, "s", 2, 0, 0, 3);
    atomic_store(&of_log.is_full, true);
    call_begin(&g, "s2", "n2");
    call_refresh(&g, "s", 3, 0);
    call_end(&g, "s");
    call_append(&g, "1");
    expect_answers(&g, "!2; !2; !2; !2");
    call_refresh(&g, "s", 1, 0); // reused: that must be durable
    expect_answers(&g, "!2");
    assert_int_equal(w->store->counters.refused, 5);
    assert_int_equal(w->store->counters.commits, 3);

    call_begin(&g, "s2", "s"); // what changes nothing needs no room
    call_refresh(&g, "s", 2, 0);
    call_refresh(&g, "s", 2, MINUTE + 1);
    expect_answers(&g, "!3; a/s g3 0-3600000; !5");
    expect_revoked(w, 0, "");

    atomic_store(&of_log.is_full, false);
    call_begin(&g, "s2", "n2");
    call_refresh(&g, "s", 1, 0);
    expect_answers(&g, "a/s2 g1 0-3600000; !6");
    expect_revoked(w, 0, "s@1~3600000");
}

static void a_full_disk_keeps_no_proof_and_asks_for_those_it_has(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_begin_by_contract(&g, "s", "n");
    expect_answers(&g, "a/s g1 0-3600000" PROOF);
    atomic_store(&of_log.is_full, true);
    call_refresh(&g, "s", 1, 0);
    expect_answers(&g, "a/s g1 0-3600000" PROOF "!7");
    call_refresh(&g, "s", 1, 0); // and in a group that fails
    call_begin_by_contract(&g, "s2", "n2");
    call_refresh(&g, "s2", 1, 0);
    expect_answers(&g, "!2; !2; !2");
    atomic_store(&of_log.is_full, false);
    call_begin_by_contract(&g, "s2", "n2");
    call_refresh(&g, "s", 1, 0);
    expect_answers(&g, "a/s2 g1 0-3600000" PROOF "; a/s g1 0-3600000" PROOF "!7");
}

/** The n-th read fails, of a store that has just been opened: nothing is in its memory. */
static int refresh_with_reads(struct store_world *w, int n, const char *want)
{
    const struct auth_store_refresh r = refresh_of("s", 1, 0);
    struct auth_answer a;

    store_world_close(w);
    store_world_open(w);
    auth_answer_init(&a, w);
    atomic_store(&of_log.reads_left, n);
    auth_store_refresh(auth_of(w), &r, on_refreshed, &a);
    auth_answer_await(&a);
    atomic_store(&of_log.reads_left, -1);
    expect_str("refresh", buf_str(&a.text), str_of(a.r == AUTH_STORE_UNPROVEN ? want : ""));
    auth_answer_fini(&a);
    return a.r;
}

static void a_proof_that_can_not_be_read_is_unavailable(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "s", "n");
    char signature[AUTH_SIGNATURE_MAX + 1] = ""; // more than one page
    char want[sizeof(signature) + 128];
    int n = 0;
    int r = 0;

    memset(signature, 's', sizeof(signature) - 1);
    b.proof = proof_of(10, 'd', str_of(signature));
    snprintf(want, sizeof(want), "a/s g1 0-3600000 10:dddddddddddddddddddddddddddddddd:%s",
             signature);
    ask_begin(w, &b, 0, want);
    for (; (r = refresh_with_reads(w, n, want)) != AUTH_STORE_UNPROVEN; n++) {
        assert_int_equal(r, AUTH_STORE_UNAVAILABLE);
        assert_int_equal(w->store->counters.refused, 1);
    }
    assert_true(n >= 4); // the index, the row, and two pages of its signature
    assert_int_equal(w->store->counters.refused, 0);
}

static atomic_uint n_works; // said to the log

static void hear(void *arg, str line)
{
    (void)arg;
    if (memmem(line.ptr, line.len, STR("store_works").ptr, STR("store_works").len))
        atomic_fetch_add(&n_works, 1);
}

static void a_session_alone_shows_that_the_disk_has_room_again(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    log_set_sink(hear, NULL);
    sign_in(w, 'a', "s");
    atomic_store(&of_log.is_full, true);
    call_begin(&g, "s2", "n2");
    expect_answers(&g, "!2");
    call_begin(&g, "s2", "s"); // gets through to a full disk, too
    expect_answers(&g, "!3");
    atomic_store(&of_log.is_full, false);
    assert_int_equal(atomic_load(&n_works), 0);
    call_begin(&g, "s2", "n2");
    expect_answers(&g, "a/s2 g1 0-3600000");
    log_set_sink(NULL, NULL);
    assert_int_equal(atomic_load(&n_works), 1);
}

/** All that one round changes is named by its number: it has not been there before. */
static void call_round(struct group *g, int n)
{
    char s[16];
    char t[16];

    snprintf(s, sizeof(s), "s%d", n);
    snprintf(t, sizeof(t), "t%d", n);
    call_begin(g, s, s);
    call_append(g, s);
    call_begin(g, t, t);
    call_refresh(g, t, 1, 0);
    call_end(g, s);
}

static void a_group_of_both_ports_is_stored_whole_or_not_at_all(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};
    unsigned n_failed = 0;
    bool has_failed = true;

    for (int n = 0; has_failed; n++) { // the n-th write fails
        char want[256];
        snprintf(want, sizeof(want),
                 "a/s%d g1 0-3600000; %d; a/t%d g1 0-3600000; a/t%d g2 0-3600000; 1", n, n + 1,
                 n, n);
        atomic_store(&of_log.writes_left, n);
        call_round(&g, n);
        auth_answer_await(&g.answers[0]);
        has_failed = g.answers[0].r != 0;
        atomic_store(&of_log.writes_left, -1);
        expect_answers(&g, has_failed ? "!2; !2; !2; !2; !2" : want);
        if (has_failed) { // nothing is left of it
            call_round(&g, n);
            expect_answers(&g, want);
        }
        n_failed += has_failed;
    }
    assert_true(n_failed > 5); // the writes of a group
    assert_int_equal(sql_number(w, "SELECT count(*) FROM session"), n_failed + 1);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM nonce"), 2 * (n_failed + 1));
    assert_int_equal(sql_number(w, "SELECT max(position) FROM revocation"), n_failed + 1);
}

static void begin_on_a_broken_disk(void *dir)
{
    struct store_world *w = store_world_in(dir);
    const struct auth_store_begin b = begin_of('a', "s2", "n2");

    sign_in(w, 'a', "s1");
    atomic_store(&is_broken, true);
    printf("answered %d\n", ask_begin(w, &b, 0, NULL).r);
}

static void begin_one_name_twice(void *dir)
{
    struct store_world *w = store_world_in(dir);
    const struct auth_store_begin b = begin_of('a', "s", "n2");

    sign_in(w, 'a', "s");
    printf("answered %d\n", ask_begin(w, &b, 0, NULL).r);
}

static void expect_abort(void (*fn)(void *), const char *want)
{
    char dir[] = "/tmp/parley-store-XXXXXX";
    char text[4096];

    assert_non_null(mkdtemp(dir));
    assert_true(aborts(fn, dir, text, sizeof(text)));
    if (!strstr(text, want))
        fail_msg("no \"%s\" in: %s", want, text);
    remove_dir(dir);
}

static void an_unknown_commit_of_sessions_ends_the_process(void **state)
{
    (void)state;
    expect_abort(begin_on_a_broken_disk, "event=store_unknown");
}

static void a_name_of_a_session_is_new(void **state)
{
    (void)state;
    expect_abort(begin_one_name_twice, "add_session");
}

// What is over.

#define ROWS (2 * AUTH_STORE_FORGOTTEN_MAX + 1)

static void add_rows(const struct store_world *w, int64_t until_ms)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO nonce SELECT CAST(i AS BLOB), %lld FROM n;"
             "INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms,"
             " expires_at_ms) SELECT CAST(bytes AS TEXT), bytes, 1, 0, 0, until_ms FROM nonce;"
             "INSERT INTO revocation (session, before_ms, until_ms)"
             " SELECT CAST(bytes AS TEXT), 0, until_ms FROM nonce",
             ROWS, (long long)until_ms);
    run_sql(w, text);
}

static void expect_rows(const struct store_world *w, int64_t nonces, int64_t sessions,
                        int64_t revocations)
{
    assert_int_equal(sql_number(w, "SELECT count(*) FROM nonce"), nonces);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM session"), sessions);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM revocation"), revocations);
}

static void what_has_been_over_for_an_hour_goes_a_few_with_each_change(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end e = end_of("x");

    add_rows(w, NOW);
    e.now_ms = NOW + AUTH_STORE_KEPT_MS - 1; // not yet: the clock may be set back
    e.until_ms = NOW + DAY;
    ask_end(w, &e, 0, "0");
    expect_rows(w, ROWS, ROWS, ROWS + 1);
    e.now_ms = NOW + HOUR;
    ask_end(w, &e, 0, "0");
    expect_rows(w, ROWS - 64, ROWS - 64, ROWS - 64 + 1);
    ask_end(w, &e, 0, "0");
    expect_rows(w, 1, 1, 2);
    struct auth_store_refresh r = refresh_of("nobody", 1, HOUR);
    ask_refresh(w, &r, AUTH_STORE_NO_SESSION, ""); // no change
    expect_rows(w, 1, 1, 2);
    ask_end(w, &e, 0, "0");
    expect_rows(w, 0, 0, 1);
    expect_revoked(w, HOUR, "x@133~86400000");
}

static void a_generation_never_begins_anew(void **state)
{
    struct store_world *w = *state;

    sign_in(w, 'a', "s");
    run_sql(w, "UPDATE session SET generation = 4294967294");
    turn(w, "s", UINT32_MAX - 1, 0, 0, UINT32_MAX);
    turn(w, "s", UINT32_MAX, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s", UINT32_MAX - 1, 0, 0, UINT32_MAX);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_commit_of_sessions_ends_the_process),
        cmocka_unit_test(a_name_of_a_session_is_new),
        UNIT(messages_and_sessions_share_a_commit),
        UNIT(a_change_of_sessions_alone_is_synced_before_its_answer),
        UNIT(a_reused_token_is_synced_before_its_refusal),
        UNIT(what_changes_nothing_commits_nothing),
        UNIT(an_unproven_refresh_commits_nothing),
        UNIT(an_unproven_refresh_leaves_the_rest_of_its_group),
        UNIT(a_refusal_leaves_the_rest_of_its_group),
        UNIT(a_session_may_live_and_die_in_one_group),
        UNIT(a_change_of_sessions_takes_waiting_receipts_along),
        UNIT(a_full_disk_refuses_changes_and_recovers),
        UNIT(a_full_disk_keeps_no_proof_and_asks_for_those_it_has),
        UNIT(a_proof_that_can_not_be_read_is_unavailable),
        UNIT(a_session_alone_shows_that_the_disk_has_room_again),
        UNIT(a_group_of_both_ports_is_stored_whole_or_not_at_all),
        UNIT(what_has_been_over_for_an_hour_goes_a_few_with_each_change),
        UNIT(a_generation_never_begins_anew),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite_auth", tests, NULL, NULL);
}
