#include "support/fetch_world.h"

// Places

static void so_many_run_at_once_and_the_others_wait(void **state)
{
    struct world *w = *state;

    ask_many(w, MAX_RUNNING + 3);
    UNTIL(w, w->server.n_requests == MAX_RUNNING);
    turns(w);
    assert_int_equal(w->server.n_requests, MAX_RUNNING);
    for (size_t i = 0; i < 3; i++) {
        char path[16];
        raw_say(w->server.requests[i].conn, OK("{}"));
        UNTIL(w, w->server.n_requests == MAX_RUNNING + i + 1);
        turns(w);
        assert_int_equal(w->server.n_requests, MAX_RUNNING + i + 1);
        snprintf(path, sizeof(path), "/%zu", MAX_RUNNING + i); // in their order
        assert_true(raw_is(&w->server.requests[MAX_RUNNING + i], path));
    }
    for (size_t i = 3; i < w->server.n_requests; i++)
        raw_say(w->server.requests[i].conn, OK("{}"));
    await_all(w);
    for (size_t i = 0; i < w->n_asked; i++)
        expect_answer("each", &w->asked[i], 200, STR("{}"));
    assert_int_equal(w->server.n_conns, MAX_RUNNING);
}

static void so_many_wait_and_one_more_is_refused(void **state)
{
    struct world *w = *state;

    ask_many(w, MAX_RUNNING + FETCH_WAITING_MAX);
    const struct asked *one_more = ask(w, "/more", LONG_MS);
    const struct asked *another = ask(w, "/another", LONG_MS);
    UNTIL(w, w->n_answered == 2);
    expect_failure("one more", one_more, FETCH_BUSY);
    expect_failure("another", another, FETCH_BUSY);

    UNTIL(w, w->server.n_requests == MAX_RUNNING);
    raw_say(w->server.requests[0].conn, OK("{}"));
    UNTIL(w, w->n_answered == 3);
    const struct asked *in_its_place = ask(w, "/place", LONG_MS);
    reply_with(w, OK("{}"));
    for (size_t i = 1; i < MAX_RUNNING; i++)
        raw_say(w->server.requests[i].conn, OK("{}"));
    if (w->server.n_requests > MAX_RUNNING) // it has come meanwhile, unanswered
        raw_say(w->server.requests[MAX_RUNNING].conn, OK("{}"));
    await_all(w);
    expect_answer("in its place", in_its_place, 200, STR("{}"));
    for (size_t i = 0; i < MAX_RUNNING + FETCH_WAITING_MAX; i++)
        expect_answer("each", &w->asked[i], 200, STR("{}"));
}

static void who_waits_too_long_is_never_sent(void **state)
{
    struct world *w = *state;

    ask_many(w, MAX_RUNNING);
    const struct asked *late = ask(w, "/late", SHORT_MS);
    const struct asked *patient = ask(w, "/patient", LONG_MS);
    UNTIL(w, late->times == 1);
    expect_too_late("late", late);
    UNTIL(w, w->server.n_requests == MAX_RUNNING);
    raw_say(w->server.requests[0].conn, OK("{}"));
    UNTIL(w, w->server.n_requests == MAX_RUNNING + 1);
    assert_true(raw_is(&w->server.requests[MAX_RUNNING], "/patient"));
    raw_say(w->server.requests[MAX_RUNNING].conn, OK("{}"));
    UNTIL(w, patient->times == 1);
    expect_answer("patient", patient, 200, STR("{}"));
}

/** The one that was asked for less time, but later, is given up later. */
static void the_time_in_which_it_waits_counts(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < MAX_RUNNING; i++)
        ask(w, "/", SHORT_MS);
    const struct asked *waited = ask(w, "/waits", 4 * SHORT_MS);
    UNTIL(w, w->server.n_requests == MAX_RUNNING + 1); // SHORT_MS have gone by
    const struct asked *did_not = ask(w, "/", 4 * SHORT_MS - SHORT_MS / 2);
    await_all(w);
    expect_too_late("waited", waited);
    expect_too_late("did not", did_not);
    assert_true(waited->place < did_not->place);
}

/** Of several servers, each of which would keep its own. */
static size_t count_kept(const struct raw_server *servers, size_t n)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++)
        n_kept += servers[i].n_conns == 1 && !servers[i].conns[0].has_ended;
    return n_kept;
}

static void keeps_no_more_connections_than_run_at_once(void **state)
{
    const size_t n = MAX_RUNNING + 3;
    struct world *w = *state;
    struct raw_server *servers = mem_alloc(n * sizeof(*servers));
    char url[RAW_URL_SIZE];

    reply_with(w, OK("{}"));
    for (size_t i = 0; i < n; i++) {
        raw_server_open(&servers[i], w->loop, "127.0.0.1");
        servers[i].serve = serve;
        servers[i].arg = w;
        ask_url(w, raw_url(url, &servers[i], "http", "/"), LONG_MS);
        await_all(w);
        const size_t n_kept = i < MAX_RUNNING ? i + 1 : MAX_RUNNING;
        UNTIL(w, count_kept(servers, i + 1) == n_kept);
    }
    for (size_t i = 0; i < n; i++)
        raw_server_close(&servers[i]);
    free(servers);
}

// Stopping, and asking from within an answer

static void stopping_ends_what_runs_and_what_waits(void **state)
{
    struct world *w = *state;

    ask_many(w, MAX_RUNNING + 10);
    UNTIL(w, w->server.n_requests == MAX_RUNNING);
    assert_false(fetcher_is_idle(w->fetcher));
    w->is_inside = true;
    fetcher_stop(w->fetcher);
    w->is_inside = false;
    const struct asked *later = ask(w, "/later", LONG_MS);
    await_all(w);
    assert_true(fetcher_is_idle(w->fetcher));
    for (size_t i = 0; i < w->n_asked; i++) {
        expect_failure("each", &w->asked[i], FETCH_STOPPED);
        assert_true(w->asked[i].took_ms < LONG_MS);
    }
    expect_failure("later", later, FETCH_STOPPED);
    assert_int_equal(w->server.n_requests, MAX_RUNNING);
    for (size_t i = 0; i < MAX_RUNNING; i++) {
        UNTIL(w, w->server.conns[i].has_ended);
    }
}

static void stopping_ends_what_was_asked_right_before(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    ask_many(w, MAX_RUNNING + 1);
    fetcher_stop(w->fetcher);
    fetcher_stop(w->fetcher);
    await_all(w);
    for (size_t i = 0; i < w->n_asked; i++)
        expect_failure("each", &w->asked[i], FETCH_STOPPED);
}

static void stopping_leaves_a_resolver_that_hangs(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask_url(w, "https://hangs.example/", LONG_MS);

    UNTIL(w, atomic_load(&n_hanging) == 1);
    fetcher_stop(w->fetcher);
    await_all(w);
    expect_failure("it", a, FETCH_STOPPED);
    assert_true(a->took_ms < LONG_MS);
}

static void stop(struct world *w)
{
    fetcher_stop(w->fetcher);
}

static void an_answer_may_stop_it(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    struct asked *first = ask(w, "/first", LONG_MS);
    first->then = stop;
    ask_many(w, MAX_RUNNING + 5);
    await_all(w);
    expect_answer("first", first, 200, STR("{}"));
    for (size_t i = 0; i < w->n_asked; i++) {
        if (w->asked[i].place > first->place)
            expect_failure("each behind it", &w->asked[i], FETCH_STOPPED);
    }
}

static void ask_again(struct world *w)
{
    struct asked *a = ask(w, "/", LONG_MS);

    if (w->n_asked < 100)
        a->then = ask_again;
}

static void an_answer_may_ask_again(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    ask(w, "/", LONG_MS)->then = ask_again;
    await_all(w);
    assert_int_equal(w->n_asked, 100);
    for (size_t i = 0; i < w->n_asked; i++)
        expect_answer("each", &w->asked[i], 200, STR("{}"));
    assert_int_equal(w->server.n_conns, 1);
}

static void ask_badly(struct world *w)
{
    struct asked *a = ask_url(w, "http://a.example/", LONG_MS);

    if (w->n_asked < 10)
        a->then = ask_badly;
}

static void a_refusal_may_ask_again(void **state)
{
    struct world *w = *state;

    ask_badly(w);
    await_all(w);
    assert_int_equal(w->n_asked, 10);
}

static void free_it(struct world *w)
{
    if (w->n_answered == 3) {
        const struct fetcher_config config = {.name = "another", .max_running = 1};
        fetcher_free(w->fetcher);
        assert_int_equal(fetcher_new(&w->fetcher, w->loop, &config), 0);
    }
}

static void the_last_answer_may_free_it(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    for (int i = 0; i < 3; i++)
        ask(w, "/", LONG_MS)->then = free_it;
    await_all(w);
    const struct asked *a = ask(w, "/", LONG_MS);
    await_all(w);
    expect_answer("another", a, 200, STR("{}"));
}

static void is_freed_unused(void **state)
{
    const struct world *w = *state;

    assert_int_equal(w->n_asked, 0); // setup and teardown do it
    fetcher_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(so_many_run_at_once_and_the_others_wait),
        TEST(so_many_wait_and_one_more_is_refused),
        TEST(who_waits_too_long_is_never_sent),
        TEST(the_time_in_which_it_waits_counts),
        TEST(keeps_no_more_connections_than_run_at_once),
        TEST(stopping_ends_what_runs_and_what_waits),
        TEST(stopping_ends_what_was_asked_right_before),
        TEST(stopping_leaves_a_resolver_that_hangs),
        TEST(an_answer_may_stop_it),
        TEST(an_answer_may_ask_again),
        TEST(a_refusal_may_ask_again),
        TEST(the_last_answer_may_free_it),
        TEST(is_freed_unused),
    };
    return cmocka_run_group_tests_name("io/fetch, who waits", tests, NULL, NULL);
}
