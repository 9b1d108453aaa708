#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "server/fetcher.h"
#include "support/raw_server.h"
#include "support/t.h"

// What it answers is in tests/conformance/fetch.c. Here is what it tells the log.

#define GIVE_UP_MS INT64_C(20000)
#define MAX_BYTES  8

struct world {
    struct loop *loop;
    struct raw_server server;
    struct auth_fetcher_http *fetcher;
    const char *reply; // to each request; NULL: none
    size_t n_asked;
    size_t n_answered;
    int r; // of the last answer
    size_t n_lines;
    char line[1024]; // the last one
};

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

static void keep_line(void *arg, str line)
{
    struct world *w = arg;

    assert_true(line.len < sizeof(w->line));
    w->line[str_copy(w->line, line).len] = '\0';
    w->n_lines++;
}

static void serve(void *arg, struct raw_request *rq)
{
    struct world *w = arg;

    if (w->reply)
        raw_say(rq->conn, str_of(w->reply));
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->loop), 0);
    raw_server_open(&w->server, w->loop, "127.0.0.1");
    w->server.serve = serve;
    w->server.arg = w;
    assert_int_equal(auth_fetcher_http_new(&w->fetcher, w->loop, NULL), 0);
    log_set_sink(keep_line, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    auth_fetcher_http_stop(w->fetcher);
    while (!auth_fetcher_http_is_idle(w->fetcher))
        turn(w);
    assert_int_equal(w->n_answered, w->n_asked);
    auth_fetcher_http_free(w->fetcher);
    raw_server_close(&w->server);
    log_set_sink(NULL, NULL);
    raw_loop_free(w->loop);
    free(w);
    return 0;
}

static void on_answer(void *arg, int r, str body)
{
    struct world *w = arg;

    w->n_answered++;
    w->r = r;
    if (r != 0)
        assert_int_equal(body.len, 0);
}

static void ask_url(struct world *w, const char *url)
{
    const struct auth_fetch what = {.url = str_of(url),
                                    .body = STR("secret"),
                                    .timeout_ms = GIVE_UP_MS,
                                    .max_bytes = MAX_BYTES};

    w->n_asked++;
    auth_fetcher_fetch(auth_fetcher_http_port(w->fetcher), &what, on_answer, w);
}

static void ask(struct world *w)
{
    char url[RAW_URL_SIZE];
    ask_url(w, raw_url(url, &w->server, "http", "/secret?secret=secret"));
}

static void await_all(struct world *w)
{
    while (w->n_answered < w->n_asked)
        turn(w);
}

/** The last line has `event=... fields`, where ms is any. */
static void expect_line(const struct world *w, const char *reason, unsigned status,
                        unsigned unsaid)
{
    char addr[ADDR_TEXT_SIZE];
    char front[256];
    char back[64];

    snprintf(front, sizeof(front),
             " level=warn layer=server event=server_fetch_failed host=\"%s\" reason=\"%s\" "
             "status=%u ms=",
             addr_text(addr, &w->server.addr), reason, status);
    snprintf(back, sizeof(back), " unsaid=%u\n", unsaid);
    if (!strstr(w->line, front) || !strstr(w->line, back))
        fail_msg("%s%s is not in %s", front, back, w->line);
    assert_null(strstr(w->line, "secret"));
}

static void says_nothing_of_an_answer(void **state)
{
    struct world *w = *state;

    w->reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    ask(w);
    await_all(w);
    assert_int_equal(w->r, 0);
    assert_int_equal(w->n_lines, 0);
}

static void posts_json(void **state)
{
    struct world *w = *state;

    w->reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    ask(w);
    await_all(w);
    assert_true(str_starts(str_of(w->server.requests[0].head), STR("POST /secret?")));
    assert_non_null(
        strstr(w->server.requests[0].head, "\r\nContent-Type: application/json\r\n"));
}

static void says_which_status_it_was(void **state)
{
    struct world *w = *state;

    w->reply = "HTTP/1.1 503 \r\nContent-Length: 6\r\n\r\nsecret";
    ask(w);
    await_all(w);
    assert_int_equal(w->r, AUTH_FETCH_FAILED);
    assert_int_equal(w->n_lines, 1);
    expect_line(w, "another status than 200", 503, 0);
}

static void says_it_of_a_page_that_is_too_long_as_well(void **state)
{
    struct world *w = *state;

    w->reply = "HTTP/1.1 403 \r\nContent-Length: 9\r\n\r\n";
    ask(w);
    await_all(w);
    assert_int_equal(w->r, AUTH_FETCH_FAILED);
    expect_line(w, "longer than it may be", 403, 0);
}

static void says_why_there_was_no_answer(void **state)
{
    struct world *w = *state;

    raw_server_refuse(&w->server);
    ask(w);
    await_all(w);
    assert_int_equal(w->r, AUTH_FETCH_FAILED);
    expect_line(w, "Couldn't connect to server", 0, 0);
}

static void says_that_too_many_wait(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i <= AUTH_FETCHER_RUNNING_MAX + FETCH_WAITING_MAX; i++)
        ask(w);
    while (w->n_answered == 0)
        turn(w);
    assert_int_equal(w->r, AUTH_FETCH_BUSY);
    expect_line(w, "too many wait", 0, 0);
}

static void says_nothing_of_what_was_stopped(void **state)
{
    struct world *w = *state;

    ask(w);
    while (w->server.n_requests == 0)
        turn(w);
    auth_fetcher_http_stop(w->fetcher);
    ask(w);
    await_all(w);
    assert_int_equal(w->r, AUTH_FETCH_FAILED);
    assert_int_equal(w->n_lines, 0);
}

/** Ask for what is no URL of ours, which is answered by a job, so long after. */
static void fail_after(struct world *w, const char *url, int64_t ms)
{
    ask_url(w, url);
    w->loop->timers.now_ms += ms;
    job_run_all(&w->loop->later);
    assert_int_equal(w->n_answered, w->n_asked);
    assert_int_equal(w->r, AUTH_FETCH_FAILED);
}

static void says_it_once_a_second_of_each_host(void **state)
{
    static const char a[] = "ftp://a.example/secret";
    static const char b[] = "ftp://b.example:2121/secret";
    static const struct {
        const char *url;
        int64_t ms;
        const char *says; // at the end; NULL: nothing
    } rows[] = {
        {a, 7,
         "host=\"a.example:21\" reason=\"no URL that can be asked for\" status=0 ms=7 "
         "unsaid=0\n"},
        {a, 0, NULL},
        {b, 1,
         "host=\"b.example:2121\" reason=\"no URL that can be asked for\" status=0 ms=1 "
         "unsaid=0\n"},
        {a, 500, NULL},
        {b, 498, NULL},
        {a, 1, "status=0 ms=1 unsaid=2\n"}, // a second after the first
        {a, 999, NULL},
        {a, 1, "status=0 ms=1 unsaid=1\n"},
        {b, 0, "status=0 ms=0 unsaid=1\n"},
        {a, 5000, "status=0 ms=5000 unsaid=0\n"},
    };
    struct world *w = *state;
    size_t n_said = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[16];
        snprintf(name, sizeof(name), "row %zu", i);
        fail_after(w, rows[i].url, rows[i].ms);
        n_said += rows[i].says != NULL;
        expect_int(name, w->n_lines, n_said);
        if (rows[i].says && !strstr(w->line, rows[i].says))
            fail_msg("%s: %s", name, w->line);
        assert_null(strstr(w->line, "secret"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_nothing_of_an_answer),
        TEST(posts_json),
        TEST(says_which_status_it_was),
        TEST(says_it_of_a_page_that_is_too_long_as_well),
        TEST(says_why_there_was_no_answer),
        TEST(says_that_too_many_wait),
        TEST(says_nothing_of_what_was_stopped),
        TEST(says_it_once_a_second_of_each_host),
    };
    return cmocka_run_group_tests_name("server/fetcher", tests, NULL, NULL);
}
