/**
 * Connections that are lost while something is stored: what was answered is so, and what can
 * be known of the rest is.
 */
#include "store/pg_txn.h"
#include "support/pg_crew.h"
#include "support/pg_proxy.h"
#include "support/store_contacts.h"

#define MS INT64_C(1000000)

struct world {
    struct store_world *w;    // its store is behind the proxy
    struct store_world other; // another node, which is not
    struct pg_proxy proxy;
    PGconn *as_operator;
    struct store_answer answer; // of the message that is under way
    atomic_uint n_again;
};

static void on_line(void *arg, str line)
{
    struct world *lost = arg;

    if (memmem(line.ptr, line.len, "store_postgres_again", 20))
        atomic_fetch_add(&lost->n_again, 1);
}

static int setup(void **state)
{
    struct world *lost = NEW(struct world);

    log_set_sink(on_line, lost);
    struct store_world *w = store_world_new(BACKEND_POSTGRES);
    lost->w = w;
    lost->as_operator = PQconnectdb(w->pg.url);
    assert_int_equal(PQstatus(lost->as_operator), CONNECTION_OK);
    pg_proxy_open(&lost->proxy, lost->as_operator);
    store_world_close(w);
    w->has_company = true;
    lost->other = *w;
    lost->other.chance = seeded_of(2); // it is another writer
    store_world_open(&lost->other);
    const size_t len = strlen(w->pg.url);
    const int n = snprintf(w->pg.url + len, sizeof(w->pg.url) - len, "&host=127.0.0.1&port=%u",
                           lost->proxy.port);
    assert_in_range(n, 1, sizeof(w->pg.url) - len - 1);
    store_world_open(w);
    *state = lost;
    return 0;
}

static int teardown(void **state)
{
    struct world *lost = *state;

    log_set_sink(NULL, NULL);
    store_world_close(&lost->other);
    free(lost->other.named);
    PQfinish(lost->as_operator);
    store_world_free(lost->w);
    pg_proxy_close(&lost->proxy);
    free(lost);
    return 0;
}

// The operator.

static PGresult *ask(struct world *lost, const char *text)
{
    PGresult *r = PQexec(lost->as_operator, text);
    const ExecStatusType status = PQresultStatus(r);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(lost->as_operator));
    return r;
}

static void operate(struct world *lost, const char *text)
{
    PQclear(ask(lost, text));
}

/** 0 where there is no row. */
static long long count(struct world *lost, const char *text)
{
    PGresult *r = ask(lost, text);
    const long long n = PQntuples(r) > 0 ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;

    PQclear(r);
    return n;
}

/** In a transaction of the test's other connection, which waits for let_go(). */
static void hold(struct world *lost, const char *table)
{
    char text[96];

    snprintf(text, sizeof(text), "BEGIN; SELECT FROM %s FOR UPDATE", table);
    pg_world_run(lost->w->pg.admin, text);
}

static void let_go(struct world *lost)
{
    pg_world_run(lost->w->pg.admin, "COMMIT");
}

/** The process that waits for what is held. 0: none does */
static int find_waiting(struct world *lost)
{
    char text[128];

    snprintf(text, sizeof(text),
             "SELECT pid FROM pg_stat_activity WHERE %d = ANY(pg_blocking_pids(pid))",
             pg_link_pid(lost->w->pg.admin));
    return (int)count(lost, text);
}

static int await_waiting(struct world *lost)
{
    int pid = 0;

    while (pid == 0)
        pid = find_waiting(lost);
    return pid;
}

static void signal_it(struct world *lost, const char *function, int pid)
{
    char text[64];

    snprintf(text, sizeof(text), "SELECT %s(%d)", function, pid);
    operate(lost, text);
}

// The message.

static void start(struct world *lost, const char *key)
{
    const struct store_append what = message('a', 'b', key, key);

    answer_init(&lost->answer, lost->w);
    store_append(lost->w->store, &what, on_append, &lost->answer);
    loop_run_once(lost->w->loop);
}

/** @param longest_ms  from now on */
static void await_within(struct world *lost, int64_t longest_ms)
{
    const int64_t until_ns = loop_now_ns() + longest_ms * MS;

    while (lost->answer.times == 0 && loop_now_ns() < until_ns)
        loop_run_once(lost->w->loop);
    expect_int("answers in time", lost->answer.times, 1);
    answer_fini(&lost->answer);
}

/** It is answered as if nothing had been, and as it is there. */
static void expect_stored(struct world *lost, uint64_t seq)
{
    char text[96];

    await_within(lost, PG_PATIENCE_MS);
    expect_int("r", lost->answer.r, 0);
    expect_int("is a duplicate", lost->answer.is_duplicate, false);
    expect_int("seq", lost->answer.seq, seq);
    snprintf(text, sizeof(text), "SELECT position FROM message WHERE seq = %llu",
             (unsigned long long)seq);
    expect_int("position", lost->answer.position, count(lost, text));
}

static void expect_messages(struct world *lost, long long n)
{
    expect_int("messages", count(lost, "SELECT count(*) FROM message"), n);
}

static void cut(struct world *lost)
{
    pg_proxy_set(&lost->proxy, PG_PROXY_IS_AWAY);
    pg_proxy_set(&lost->proxy, PG_PROXY_PASSES);
}

/** The second message of the conversation is committed, and the store does not hear of it. */
static void commit_unheard(struct world *lost)
{
    put(lost->w, 'a', 'b', "k1", 1);
    hold(lost, "meta");
    start(lost, "k2");
    await_waiting(lost);
    pg_proxy_set(&lost->proxy, PG_PROXY_HOLDS);
    let_go(lost);
    while (count(lost, "SELECT count(*) FROM message") < 2)
        ;
}

// What has become of a commit.

static void a_commit_whose_answer_is_lost_is_answered_as_done(void **state)
{
    struct world *lost = *state;

    commit_unheard(lost);
    put(&lost->other, 'b', 'a', "k3", 3); // its positions are not ours
    put(&lost->other, 'c', 'a', "k1", 1);
    cut(lost);
    expect_stored(lost, 2);
    put(lost->w, 'a', 'b', "k4", 4);
    expect_messages(lost, 5);
}

static void one_that_was_not_done_is_done_anew(void **state)
{
    struct world *lost = *state;

    put(lost->w, 'a', 'b', "k1", 1);
    for (uint64_t seq = 2; seq < 5; seq++) {
        hold(lost, "meta");
        start(lost, seq == 2 ? "k2" : seq == 3 ? "k3" : "k4");
        signal_it(lost, "pg_terminate_backend", await_waiting(lost));
        let_go(lost);
        expect_stored(lost, seq);
    }
    expect_messages(lost, 4);
}

/** It has been sent, and waits behind another one, when the way to the server is gone. */
static void one_that_goes_on_when_its_connection_is_lost_is_waited_for(void **state)
{
    struct world *lost = *state;

    put(lost->w, 'a', 'b', "k1", 1);
    hold(lost, "meta");
    start(lost, "k2");
    await_waiting(lost);
    cut(lost);
    let_go(lost);
    expect_stored(lost, 2);
    expect_messages(lost, 2);
}

static void what_disturbs_the_look_at_the_last_commit_does_not_repeat_it(void **state)
{
    struct world *lost = *state;

    commit_unheard(lost);
    hold(lost, "writer");
    cut(lost);
    signal_it(lost, "pg_cancel_backend", await_waiting(lost));
    while (atomic_load(&lost->n_again) == 0)
        ;
    let_go(lost);
    expect_stored(lost, 2);
    expect_messages(lost, 2);
}

static void a_commit_that_nobody_knows_of_any_more_is_uncertain(void **state)
{
    struct world *lost = *state;

    commit_unheard(lost);
    operate(lost, "DELETE FROM writer");
    cut(lost);
    await_within(lost, PG_PATIENCE_MS);
    expect_int("r", lost->answer.r, STORE_UNCERTAIN);
    expect_messages(lost, 2);

    const struct store_append again = message('a', 'b', "k2", "k2");
    const struct store_answer a = append(lost->w, &again);
    expect_int("r", a.r, 0);
    expect_int("is a duplicate", a.is_duplicate, true);
    expect_int("seq", a.seq, 2);
    put(lost->w, 'a', 'b', "k3", 3);
}

static void a_writer_whose_row_was_removed_gets_a_new_one(void **state)
{
    struct world *lost = *state;

    put(lost->w, 'a', 'b', "k1", 1);
    put(lost->w, 'a', 'b', "k2", 2);
    operate(lost, "DELETE FROM writer");
    put(lost->w, 'a', 'b', "k3", 3);
    put(lost->w, 'a', 'b', "k4", 4);
    expect_messages(lost, 4);
    expect_int("rows", count(lost, "SELECT count(*) FROM writer"), 1);
}

static void conversations_that_were_removed_are_made_anew(void **state)
{
    struct world *lost = *state;
    const struct store_receipt nothing = receipt_at('b', 'a', 1, 0);

    put(lost->w, 'a', 'b', "k1", 1);
    operate(lost, "DELETE FROM message; DELETE FROM conversation");
    ask_receipt(lost->w, &nothing, STORE_NOT_FOUND, NULL);
    put(lost->w, 'a', 'b', "k1", 1);
    operate(lost, "DELETE FROM message; DELETE FROM conversation");
    put(&lost->other, 'b', 'a', "k2", 1);
    mark(lost->w, 'a', 'b', 1, 0, "b 1+ 0");
    operate(lost, "DELETE FROM message; DELETE FROM conversation");
    contact(lost->w, 'b', CHAT_BLOCK, 'a', "a+");
}

static void a_database_that_was_set_back_takes_nothing_more(void **state)
{
    struct world *lost = *state;

    put(lost->w, 'a', 'b', "k1", 1);
    put(lost->w, 'a', 'b', "k2", 2);
    operate(lost,
            "DELETE FROM message WHERE seq = 2; UPDATE meta SET position = 1;"
            "UPDATE conversation SET last_seq = 1, last_pos = 1; UPDATE writer SET done = 1");
    cut(lost);
    start(lost, "k3");
    await_within(lost, PG_PATIENCE_MS);
    expect_int("r", lost->answer.r, STORE_UNAVAILABLE);
    expect_messages(lost, 1);
}

// Bounds.

/** @return when its transaction has begun, in µs; 0: none waits */
static long long cancel_waiting(struct world *lost)
{
    char text[320];

    snprintf(text, sizeof(text),
             "SELECT (extract(epoch FROM xact_start) * 1000000)::int8 FROM pg_stat_activity"
             " WHERE CASE WHEN %d = ANY(pg_blocking_pids(pid)) THEN pg_cancel_backend(pid)"
             " ELSE false END",
             pg_link_pid(lost->w->pg.admin));
    return count(lost, text);
}

/** Somebody has a lock for long, and each wait for it ends: as lock_timeout would do it. */
static void a_lock_that_is_held_for_long_is_not_waited_for_by_each_message_alone(void **state)
{
    struct world *lost = *state;
    struct store_answer answers[8];
    char key[8];
    long long waiting = 0; // since when its transaction is there, in µs
    unsigned n_waits = 0;
    unsigned n_answered = 0;

    put(lost->w, 'a', 'b', "k1", 1);
    hold(lost, "meta");
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        snprintf(key, sizeof(key), "m%zu", i);
        const struct store_append what = message('a', 'b', key, key);
        answer_init(&answers[i], lost->w);
        store_append(lost->w->store, &what, on_append, &answers[i]);
    }
    while (n_answered < COUNT_OF(answers)) {
        const long long now = cancel_waiting(lost);
        n_waits += now != 0 && now != waiting;
        waiting = now != 0 ? now : waiting;
        loop_run_once(lost->w->loop);
        n_answered = 0;
        for (size_t i = 0; i < COUNT_OF(answers); i++)
            n_answered += answers[i].times;
    }
    assert_in_range(n_waits, 1, 16); // of two groups at most
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        expect_int("r", answers[i].r, STORE_UNAVAILABLE);
        answer_fini(&answers[i]);
    }
    let_go(lost);
    put(lost->w, 'a', 'b', "k2", 2);
    expect_messages(lost, 2);
}

static void a_server_that_is_away_for_a_moment_costs_that_moment(void **state)
{
    struct world *lost = *state;

    put(lost->w, 'a', 'b', "k1", 1);
    pg_proxy_set(&lost->proxy, PG_PROXY_IS_AWAY);
    start(lost, "k2");
    usleep(400000);
    pg_proxy_set(&lost->proxy, PG_PROXY_PASSES);
    expect_stored(lost, 2);
    expect_messages(lost, 2);
}

static int try_to_read(struct world *lost)
{
    const struct store_read read = {SOME_OF('b')};
    struct store_answer a;

    answer_init(&a, lost->w);
    store_read(lost->w->store, &read, on_read, &a);
    answer_await(&a);
    answer_fini(&a);
    return a.r;
}

/** Another node's, that ends its connection each time, and is not committed. */
static void start_poison(struct world *lost, struct store_answer *a)
{
    const struct store_append what = message('a', 'b', "poison", "poison");

    operate(lost,
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
            "CREATE TRIGGER die BEFORE INSERT ON message FOR EACH ROW"
            " WHEN (NEW.content = 'poison') EXECUTE FUNCTION die()");
    answer_init(a, &lost->other);
    store_append(lost->other.store, &what, on_append, a);
}

static void expect_unavailable(struct world *lost, const char *key, int64_t within_ms)
{
    start(lost, key);
    await_within(lost, within_ms);
    expect_int("r", lost->answer.r, STORE_UNAVAILABLE);
}

static void expect_found_again(struct world *lost)
{
    const int64_t until_ns = loop_now_ns() + 3000 * MS;

    do {
        start(lost, "k2");
        await_within(lost, 1000);
    } while (lost->answer.r == STORE_UNAVAILABLE && loop_now_ns() < until_ns);
    expect_int("r", lost->answer.r, 0);
    expect_int("seq", lost->answer.seq, 2);
    while (try_to_read(lost) != 0)
        assert_true(loop_now_ns() < until_ns);
}

static void patience_ends_with_a_server_that_is_away_and_with_one_that_drops_all(void **state)
{
    struct world *lost = *state;
    struct store_answer poison;

    put(lost->w, 'a', 'b', "k1", 1);
    const int64_t since_ns = loop_now_ns();
    pg_proxy_set(&lost->proxy, PG_PROXY_IS_AWAY);
    start_poison(lost, &poison);
    expect_unavailable(lost, "k2", PG_PATIENCE_MS + 2000);
    assert_true(loop_now_ns() - since_ns >= PG_PATIENCE_MS * MS);
    while (poison.times == 0 && loop_now_ns() - since_ns < (PG_PATIENCE_MS + 2000) * MS)
        loop_run_once(lost->w->loop);
    expect_int("answers of what drops all", poison.times, 1);
    expect_int("what drops all", poison.r, STORE_UNCERTAIN); // it was lost as it was committed
    answer_fini(&poison);
    expect_int("a read", try_to_read(lost), STORE_UNAVAILABLE);
    expect_unavailable(lost, "k2", 1000); // who knows that it is away does not wait
    expect_messages(lost, 1);

    pg_proxy_set(&lost->proxy, PG_PROXY_PASSES);
    expect_found_again(lost);
    put(&lost->other, 'a', 'b', "k3", 3);
    expect_messages(lost, 3);
}

#define LOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        LOST_TEST(a_commit_whose_answer_is_lost_is_answered_as_done),
        LOST_TEST(one_that_was_not_done_is_done_anew),
        LOST_TEST(one_that_goes_on_when_its_connection_is_lost_is_waited_for),
        LOST_TEST(what_disturbs_the_look_at_the_last_commit_does_not_repeat_it),
        LOST_TEST(a_commit_that_nobody_knows_of_any_more_is_uncertain),
        LOST_TEST(a_writer_whose_row_was_removed_gets_a_new_one),
        LOST_TEST(conversations_that_were_removed_are_made_anew),
        LOST_TEST(a_database_that_was_set_back_takes_nothing_more),
        LOST_TEST(a_lock_that_is_held_for_long_is_not_waited_for_by_each_message_alone),
        LOST_TEST(a_server_that_is_away_for_a_moment_costs_that_moment),
        LOST_TEST(patience_ends_with_a_server_that_is_away_and_with_one_that_drops_all),
    };

    return PG_WORLD_RUN("store_pg_lost", tests);
}
