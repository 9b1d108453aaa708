/** How questions to SQLite come together: those of one turn of the loop share a snapshot, and
 * one that fails takes no other along. */
#include <semaphore.h>
#include <time.h>

#include "support/sqlite_world.h"

/** What the reader's connection does; its thread's, while questions are under way. */
struct seen {
    const char *fails_at; // a part of a statement, which fails once; NULL: none
    bool must_fail;
    unsigned n_begun;
};

static int on_statement(unsigned what, void *arg, void *stmt, void *unused)
{
    struct seen *seen = arg;
    const char *text = sqlite3_sql(stmt);

    (void)what, (void)unused;
    seen->n_begun += strcmp(text, "BEGIN") == 0;
    if (seen->fails_at && strstr(text, seen->fails_at)) {
        seen->must_fail = true;
        seen->fails_at = NULL;
    }
    return 0;
}

static int on_progress(void *arg)
{
    struct seen *seen = arg;
    const bool must_fail = seen->must_fail;

    seen->must_fail = false;
    return must_fail;
}

static void watch_reader(struct store_world *w, struct seen *seen)
{
    sqlite3 *db = sqlite_engine_in(w->store)->reader.db.db;

    *seen = (struct seen){0};
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, seen);
    sqlite3_progress_handler(db, 1, on_progress, seen);
}

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

/** In one turn: unread conversations, what is due, unread ones again. */
static void ask_three(struct store_world *w, struct store_answer a[3])
{
    const account of = who('b');
    const struct store_read read = {SOME_OF('b')};

    for (size_t i = 0; i < 3; i++)
        answer_init(&a[i], w);
    store_unread(w->store, &of, on_unread, &a[0]);
    store_read(w->store, &read, on_read, &a[1]);
    store_unread(w->store, &of, on_unread, &a[2]);
    for (size_t i = 0; i < 3; i++) {
        answer_await(&a[i]);
        answer_fini(&a[i]);
    }
}

static void questions_of_one_turn_share_a_snapshot(void **state)
{
    struct store_world *w = *state;
    struct store_answer a[3];
    struct seen seen;

    put(w, 'a', 'b', "1", 1);
    watch_reader(w, &seen);
    ask_three(w, a);
    assert_int_equal(seen.n_begun, 1);
    assert_int_equal(a[0].n, 1);
    assert_int_equal(a[1].n, 1);
    assert_int_equal(a[2].n, 1);
}

static void each_turn_sees_what_was_done_before(void **state)
{
    struct store_world *w = *state;
    struct store_answer a[3];
    struct seen seen;

    watch_reader(w, &seen);
    for (uint64_t n = 1; n <= 3; n++) {
        char key[8];
        snprintf(key, sizeof(key), "%d", (int)n);
        put(w, 'a', 'b', key, n);
        ask_three(w, a);
        assert_int_equal(a[1].n, n);
    }
    assert_int_equal(seen.n_begun, 3);
}

static void one_that_fails_takes_no_other_along(void **state)
{
    struct store_world *w = *state;
    struct store_answer a[3];
    struct seen seen;

    put(w, 'a', 'b', "1", 1);
    watch_reader(w, &seen);
    seen.fails_at = "FROM message";
    ask_three(w, a);
    assert_int_equal(a[0].r, 0);
    assert_int_equal(a[0].n, 1);
    assert_int_equal(a[1].r, STORE_UNAVAILABLE);
    assert_int_equal(a[2].r, 0);
    assert_int_equal(a[2].n, 1);
    assert_int_equal(seen.n_begun, 2);
    ask_three(w, a);
    assert_int_equal(a[1].r, 0);
    assert_int_equal(a[1].n, 1);
}

/** The reader stops once, behind a statement. */
struct stop {
    const char *behind; // a part of it; NULL: it has stopped
    sem_t reached;
    sem_t over;
};

static int on_end(unsigned what, void *arg, void *stmt, void *unused)
{
    struct stop *stop = arg;

    (void)what, (void)unused;
    if (!stop->behind || !strstr(sqlite3_sql(stmt), stop->behind))
        return 0;
    stop->behind = NULL;
    sem_post(&stop->reached);
    sem_wait(&stop->over);
    return 0;
}

static void await_stop(struct stop *stop)
{
    struct timespec until = {.tv_sec = time(NULL) + 30};

    assert_int_equal(sem_timedwait(&stop->reached, &until), 0);
}

/** The log's snapshot has begun, and then the tail gets a message, which it has not. */
static void what_comes_behind_the_snapshot_is_asked_anew(void **state)
{
    struct store_world *w = *state;
    const struct store_history history = {SOME_OF('b'), .place.peer = who('a')};
    struct stop stop = {.behind = "z.seen_ms"};
    struct store_answer a;

    put(w, 'a', 'b', "1", 1);
    sem_init(&stop.reached, 0, 0);
    sem_init(&stop.over, 0, 0);
    sqlite3_trace_v2(sqlite_engine_in(w->store)->reader.db.db, SQLITE_TRACE_PROFILE, on_end,
                     &stop);
    answer_init(&a, w);
    store_history(w->store, &history, on_history, &a);
    loop_run_once(w->loop); // its thread gets it
    await_stop(&stop);
    put(w, 'a', 'b', "2", 2);
    sem_post(&stop.over);
    answer_await(&a);
    answer_fini(&a);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(questions_of_one_turn_share_a_snapshot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_turn_sees_what_was_done_before, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_takes_no_other_along, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_behind_the_snapshot_is_asked_anew, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("store_sqlite_ask", tests, NULL, NULL);
}
