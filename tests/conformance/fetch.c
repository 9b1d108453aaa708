#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "server/fetcher.h"
#include "support/fake_fetcher.h"
#include "support/raw_server.h"
#include "support/t.h"

/** What everyone owes who answers auth/fetch.h. Each test gets a new one. */

#define ASKED_MAX  512
#define GIVE_UP_MS INT64_C(20000)
#define SHORT_MS   50
#define MAX_BYTES  64
#define ECHO_SIZE  (MAX_BYTES + 1)
#define MAX_TEXT   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world;
typedef void hook_fn(struct world *w);

struct asked {
    struct world *w;
    unsigned times;
    int r;
    str body;    // the copy below
    char *bytes; // owned
    hook_fn *then;
};

struct world {
    struct loop *loop;
    struct auth_fetcher *port;
    struct auth_fetcher_http *http; // NULL: the fake
    struct raw_server server;       // whom http asks
    struct fake_fetcher fake;
    char echoes[ASKED_MAX][ECHO_SIZE];
    size_t n_echoes;
    struct asked asked[ASKED_MAX];
    size_t n_asked;
    size_t n_answered;
    bool is_inside; // a call of the port is under way: nothing may come
};

// Whom both ask: the same paths say the same.

static const struct {
    const char *path;
    unsigned status; // 0: none comes
    str body;
} pages[] = {
    {"/ok", 200, STR("{}")},
    {"/empty", 200, STR("")},
    {"/nul", 200, STR("a\0b")},
    {"/longest", 200, STR(MAX_TEXT)},
    {"/too-long", 200, STR(MAX_TEXT "!")},
    {"/created", 201, STR("{}")},
    {"/nothing", 204, STR("")},
    {"/moved", 302, STR("")},
    {"/not-here", 404, STR("{}")},
    {"/broken", 500, STR("{}")},
    {"/silent", 0, STR("")},
};

static size_t find_page(str path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (str_eq(path, str_of(pages[i].path)))
            return i;
    }
    fail_msg("no page " STR_FMT, STR_ARG(path));
    return 0;
}

/** The answer to "/echo/N": what was asked. */
static str echo(struct world *w, str path, bool posts, str body)
{
    assert_true(w->n_echoes < ASKED_MAX);
    char *out = w->echoes[w->n_echoes++];
    const int n =
        snprintf(out, ECHO_SIZE, "%s " STR_FMT " ", posts ? "POST" : "GET", STR_ARG(path));

    assert_true((size_t)n + body.len < ECHO_SIZE);
    str_copy(out + n, body);
    return (str){out, (size_t)n + body.len};
}

static void serve(void *arg, struct raw_request *rq)
{
    struct world *w = arg;
    str line = str_of(rq->head);
    const bool posts = str_eq(str_take_until(&line, ' '), STR("POST"));
    const str path = str_take_until(&line, ' ');
    unsigned status = 200;
    str body = {0};
    char head[128];

    if (str_starts(path, STR("/echo"))) {
        body = echo(w, path, posts, (str){rq->body, rq->body_len});
    } else {
        status = pages[find_page(path)].status;
        body = pages[find_page(path)].body;
    }
    if (status == 0)
        return;
    snprintf(head, sizeof(head), "HTTP/1.1 %u \r\n%s", status,
             status == 302 ? "Location: /ok\r\n" : "");
    raw_say(rq->conn, str_of(head));
    snprintf(head, sizeof(head), "Content-Length: %zu\r\n\r\n", body.len);
    raw_say(rq->conn, status == 204 ? STR("\r\n") : str_of(head));
    raw_say(rq->conn, body);
}

static struct fake_answer decide(void *arg, const struct auth_fetch *what)
{
    struct world *w = arg;
    str path = what->url;

    str_take(&path, strlen("http://"));
    str_take(&path, str_find(path, '/'));
    if (str_starts(path, STR("/echo")))
        return (struct fake_answer){0, echo(w, path, what->body.ptr != NULL, what->body)};
    const size_t i = find_page(path);
    if (pages[i].status != 200)
        return (struct fake_answer){.r = AUTH_FETCH_FAILED};
    return (struct fake_answer){0, pages[i].body};
}

static int open_fake(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->loop), 0);
    raw_server_open(&w->server, w->loop, "127.0.0.1"); // for its address
    fake_fetcher_init(&w->fake, &w->loop->later);
    w->fake.decide = decide;
    w->fake.decide_arg = w;
    w->port = &w->fake.port;
    *state = w;
    return 0;
}

static int open_http(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->loop), 0);
    raw_server_open(&w->server, w->loop, "127.0.0.1");
    w->server.serve = serve;
    w->server.arg = w;
    assert_int_equal(auth_fetcher_http_new(&w->http, w->loop, NULL), 0);
    w->port = auth_fetcher_http_port(w->http);
    *state = w;
    return 0;
}

static void await_all(struct world *w);

static int close_world(void **state)
{
    struct world *w = *state;

    if (w->http) {
        auth_fetcher_http_stop(w->http);
    } else {
        fake_fetcher_release_all(&w->fake);
    }
    await_all(w);
    if (w->http) {
        assert_true(auth_fetcher_http_is_idle(w->http));
    } else {
        fake_fetcher_fini(&w->fake);
    }
    auth_fetcher_http_free(w->http);
    raw_server_close(&w->server);
    raw_loop_free(w->loop);
    for (size_t i = 0; i < w->n_asked; i++)
        free(w->asked[i].bytes);
    free(w);
    return 0;
}

static void on_answer(void *arg, int r, str body)
{
    struct asked *a = arg;

    assert_false(a->w->is_inside);
    a->times++;
    a->r = r;
    a->bytes = exact_copy(body);
    a->body = (str){a->bytes, body.len};
    a->w->n_answered++;
    if (r != 0)
        assert_int_equal(body.len, 0);
    if (a->then)
        a->then(a->w);
}

/** Its arguments are gone as soon as the call has returned. @param body  ptr is NULL: a GET */
static struct asked *ask_with(struct world *w, const char *path, str body, int64_t timeout_ms)
{
    char url[RAW_URL_SIZE];
    CLEANUP(exact_freep) char *u = exact_copy(str_of(raw_url(url, &w->server, "http", path)));
    CLEANUP(exact_freep) char *b = body.ptr ? exact_copy(body) : NULL;
    struct auth_fetch what = {.url = {u, strlen(url)},
                              .body = {b, body.len},
                              .timeout_ms = timeout_ms,
                              .max_bytes = MAX_BYTES};

    assert_true(w->n_asked < ASKED_MAX);
    struct asked *a = &w->asked[w->n_asked++];
    *a = (struct asked){.w = w, .r = -1};
    w->is_inside = true;
    auth_fetcher_fetch(w->port, &what, on_answer, a);
    w->is_inside = false;
    assert_int_equal(a->times, 0);
    memset(u, 'X', strlen(url));
    memset(&what, 'X', sizeof(what));
    return a;
}

static struct asked *ask(struct world *w, const char *path)
{
    return ask_with(w, path, (str){0}, GIVE_UP_MS);
}

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

/** Until all is answered; and then nothing more comes. */
static void await_all(struct world *w)
{
    while (w->n_answered < w->n_asked)
        turn(w);
    for (int i = 0; i < 20; i++)
        turn(w);
    for (size_t i = 0; i < w->n_asked; i++)
        assert_int_equal(w->asked[i].times, 1);
}

static void brings_what_is_answered(void **state)
{
    static const struct {
        const char *path;
        str body;
    } rows[] = {
        {"/ok", STR("{}")},
        {"/empty", STR("")},
        {"/nul", STR("a\0b")},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct asked *a = ask(w, rows[i].path);
        await_all(w);
        expect_int(rows[i].path, a->r, 0);
        expect_str(rows[i].path, a->body, rows[i].body);
    }
}

static void asks_what_it_is_told_to(void **state)
{
    static const struct {
        const char *path;
        str body;
        str answer;
    } rows[] = {
        {"/echo/1", {0}, STR("GET /echo/1 ")},
        {"/echo/2?a=b&c", {0}, STR("GET /echo/2?a=b&c ")},
        {"/echo/3", STR("{\"a\":1}"), STR("POST /echo/3 {\"a\":1}")},
        {"/echo/4", STR(""), STR("POST /echo/4 ")},
        {"/echo/5", STR("a\0b\r\n\r\n"), STR("POST /echo/5 a\0b\r\n\r\n")},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct asked *a = ask_with(w, rows[i].path, rows[i].body, GIVE_UP_MS);
        await_all(w);
        expect_int(rows[i].path, a->r, 0);
        expect_str(rows[i].path, a->body, rows[i].answer);
    }
}

static void another_status_is_no_answer(void **state)
{
    static const char *const paths[] = {"/created", "/nothing", "/moved", "/not-here",
                                        "/broken"};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const struct asked *a = ask(w, paths[i]);
        await_all(w);
        expect_int(paths[i], a->r, AUTH_FETCH_FAILED);
    }
}

static void takes_so_many_bytes_and_no_more(void **state)
{
    struct world *w = *state;
    const struct asked *longest = ask(w, "/longest");
    const struct asked *too_long = ask(w, "/too-long");

    await_all(w);
    assert_int_equal(longest->r, 0);
    assert_int_equal(longest->body.len, MAX_BYTES);
    assert_int_equal(too_long->r, AUTH_FETCH_FAILED);
}

static void an_answer_that_does_not_come_fails_in_time(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask_with(w, "/silent", (str){0}, SHORT_MS);

    await_all(w);
    assert_int_equal(a->r, AUTH_FETCH_FAILED);
}

/** In whatever order: each gets its own. */
static void answers_each_of_many_once(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 100; i++) {
        char path[32];
        snprintf(path, sizeof(path), i % 5 == 4 ? "/broken" : "/echo/%d", i);
        ask(w, path);
        if (i % 7 == 0)
            turn(w);
    }
    await_all(w);
    for (int i = 0; i < 100; i++) {
        char want[32];
        snprintf(want, sizeof(want), "GET /echo/%d ", i);
        expect_int(want, w->asked[i].r, i % 5 == 4 ? AUTH_FETCH_FAILED : 0);
        expect_str(want, w->asked[i].body, i % 5 == 4 ? STR("") : str_of(want));
    }
}

static void ask_again(struct world *w)
{
    struct asked *a = ask(w, w->n_asked % 2 ? "/broken" : "/ok");

    if (w->n_asked < 20)
        a->then = ask_again;
}

static void an_answer_may_ask_again(void **state)
{
    struct world *w = *state;

    ask(w, "/ok")->then = ask_again;
    await_all(w);
    assert_int_equal(w->n_asked, 20);
    for (size_t i = 0; i < w->n_asked; i++)
        assert_int_equal(w->asked[i].r, i % 2 ? AUTH_FETCH_FAILED : 0);
}

/** Nobody answers, and there is no room for another one. */
static void fill(struct world *w)
{
    const size_t n = w->http ? AUTH_FETCHER_RUNNING_MAX + FETCH_WAITING_MAX : 10;

    w->fake.is_holding = true;
    for (size_t i = 0; i < n; i++)
        ask(w, "/silent");
    w->fake.is_busy = true;
}

static void says_so_when_too_many_wait(void **state)
{
    struct world *w = *state;

    fill(w);
    const struct asked *one_more = ask(w, "/ok");
    while (one_more->times == 0)
        turn(w);
    assert_int_equal(one_more->r, AUTH_FETCH_BUSY);
    assert_int_equal(w->n_answered, 1);
    w->fake.is_busy = false; // the others are answered at the end
}

static void is_freed_unused(void **state)
{
    const struct world *w = *state;

    assert_int_equal(w->n_asked, 0); // setup and teardown do it
    auth_fetcher_http_free(NULL);
}

// Of the one over HTTP.

static void what_is_stopped_fails(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < AUTH_FETCHER_RUNNING_MAX + 10; i++)
        ask(w, "/silent");
    while (w->server.n_requests < AUTH_FETCHER_RUNNING_MAX)
        turn(w);
    auth_fetcher_http_stop(w->http);
    ask(w, "/ok");
    await_all(w);
    for (size_t i = 0; i < w->n_asked; i++)
        assert_int_equal(w->asked[i].r, AUTH_FETCH_FAILED);
    assert_int_equal(w->server.n_requests, AUTH_FETCHER_RUNNING_MAX);
}

// Of the fake, which other tests rely on.

static void remembers_what_was_asked(void **state)
{
    struct world *w = *state;

    ask_with(w, "/ok", STR("{}"), 123);
    ask_with(w, "/empty", (str){0}, 456);
    await_all(w);
    assert_int_equal(w->fake.n_fetched, 2);
    const struct auth_fetch *first = fake_fetcher_asked(&w->fake, 0);
    const struct auth_fetch *second = fake_fetcher_asked(&w->fake, 1);
    assert_true(str_eq(first->body, STR("{}")));
    assert_int_equal(first->timeout_ms, 123);
    assert_int_equal(first->max_bytes, MAX_BYTES);
    assert_null(second->body.ptr);
    assert_int_equal(second->timeout_ms, 456);
    assert_non_null(memmem(second->url.ptr, second->url.len, "/empty", 6));
}

static void plays_its_script_and_then_fails(void **state)
{
    struct world *w = *state;

    w->fake.decide = NULL;
    fake_fetcher_will_say(&w->fake, 0, STR("1"));
    fake_fetcher_will_say(&w->fake, AUTH_FETCH_BUSY, STR("2"));
    for (int i = 0; i < 3; i++)
        ask(w, "/any");
    await_all(w);
    assert_int_equal(w->asked[0].r, 0);
    assert_true(str_eq(w->asked[0].body, STR("1")));
    assert_int_equal(w->asked[1].r, AUTH_FETCH_BUSY);
    assert_int_equal(w->asked[2].r, AUTH_FETCH_FAILED);
}

static void holds_back_what_is_then_answered_in_any_order(void **state)
{
    struct world *w = *state;

    w->fake.is_holding = true;
    for (int i = 0; i < 4; i++)
        ask(w, "/ok");
    for (int i = 0; i < 5; i++)
        turn(w);
    assert_int_equal(w->n_answered, 0);
    assert_int_equal(w->fake.n_under_way, 4);
    fake_fetcher_answer(&w->fake, 2, 0, STR("x"));
    turn(w);
    assert_true(str_eq(w->asked[2].body, STR("x")));
    assert_int_equal(w->n_answered, 1);
    fake_fetcher_release(&w->fake, 1);
    turn(w);
    assert_true(str_eq(w->asked[1].body, STR("{}")));
    assert_int_equal(w->n_answered, 2);
    fake_fetcher_release_all(&w->fake);
    await_all(w);
    assert_int_equal(w->fake.n_under_way, 0);
}

int main(void)
{
#define FOR_BACKEND(test, backend)                                                             \
    {                                                                                          \
        #backend ": " #test, test, open_##backend, close_world, NULL                           \
    }
#define SUITE(backend)                                                                         \
    FOR_BACKEND(brings_what_is_answered, backend),                                             \
        FOR_BACKEND(asks_what_it_is_told_to, backend),                                         \
        FOR_BACKEND(another_status_is_no_answer, backend),                                     \
        FOR_BACKEND(takes_so_many_bytes_and_no_more, backend),                                 \
        FOR_BACKEND(an_answer_that_does_not_come_fails_in_time, backend),                      \
        FOR_BACKEND(answers_each_of_many_once, backend),                                       \
        FOR_BACKEND(an_answer_may_ask_again, backend),                                         \
        FOR_BACKEND(says_so_when_too_many_wait, backend),                                      \
        FOR_BACKEND(is_freed_unused, backend)
    const struct CMUnitTest tests[] = {
        SUITE(fake),
        SUITE(http),
        FOR_BACKEND(what_is_stopped_fails, http),
        FOR_BACKEND(remembers_what_was_asked, fake),
        FOR_BACKEND(plays_its_script_and_then_fails, fake),
        FOR_BACKEND(holds_back_what_is_then_answered_in_any_order, fake),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
