#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/fetch_world.h"

// What is asked

/** It is these lines, and what every request has, to the byte: no cookie, no encodings. */
static void expect_head(struct world *w, size_t i, const char *first, const char *last)
{
    char addr[ADDR_TEXT_SIZE];
    char want[512];

    snprintf(want, sizeof(want),
             "%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: parley\r\nAccept: */*\r\n%s\r\n", first,
             addr_text(addr, &w->server.addr), last);
    assert_string_equal(w->server.requests[i].head, want);
}

static void gets(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    const struct asked *a = ask(w, "/a/b?c=d&e", LONG_MS);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    assert_int_equal(w->server.n_requests, 1);
    expect_head(w, 0, "GET /a/b?c=d&e", "");
}

static void posts(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .method = FETCH_POST,
        .url = str_of(raw_url(url, &w->server, "http", "/p")),
        .body = STR("{\"a\0\":1}"),
        .type = STR("application/json"),
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
    };

    reply_with(w, OK("{}"));
    const struct asked *a = ask_with(w, &what);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    expect_head(w, 0, "POST /p", "Content-Type: application/json\r\nContent-Length: 8\r\n");
    expect_str("body", ((str){w->server.requests[0].body, w->server.requests[0].body_len}),
               STR("{\"a\0\":1}"));
}

static void posts_nothing(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .method = FETCH_POST,
        .url = str_of(raw_url(url, &w->server, "http", "/p")),
        .body = STR(""),
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
    };

    reply_with(w, OK("{}"));
    ask_with(w, &what);
    await_all(w);
    expect_head(w, 0, "POST /p", "Content-Length: 0\r\n");
}

/** So large that curl would rather be asked to go on. */
static void posts_much_without_being_asked_to_go_on(void **state)
{
    struct world *w = *state;
    const size_t n = 3UL << 20;
    char *body = mem_alloc(n);
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .method = FETCH_POST,
        .url = str_of(raw_url(url, &w->server, "http", "/p")),
        .body = {body, n},
        .type = STR("text/plain"),
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
    };

    for (size_t i = 0; i < n; i++)
        body[i] = (char)('a' + i % 23);
    reply_with(w, OK("{}"));
    const struct asked *a = ask_with(w, &what);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    assert_null(strstr(w->server.requests[0].head, "Expect"));
    assert_int_equal(w->server.requests[0].body_len, n);
    assert_memory_equal(w->server.requests[0].body, body, n);
    free(body);
}

static void keeps_a_connection_and_no_cookie(void **state)
{
    struct world *w = *state;

    reply_with(w, STR("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}"));
    for (int i = 0; i < 3; i++) {
        const struct asked *a = ask(w, "/", LONG_MS);
        await_all(w);
        expect_answer("it", a, 200, STR("{}"));
    }
    assert_int_equal(w->server.n_conns, 1);
    assert_int_equal(w->server.n_requests, 3);
    expect_head(w, 2, "GET /", "");
}

static void asks_anew_where_a_kept_connection_has_ended(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    ask(w, "/1", LONG_MS);
    await_all(w);
    raw_close(&w->server.conns[0]);
    const struct asked *a = ask(w, "/2", LONG_MS);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    assert_int_equal(w->server.n_conns, 2);
    assert_int_equal(w->server.n_requests, 2);
}

static void end_the_first(void *arg, struct raw_request *rq)
{
    struct world *w = arg;

    if (raw_is(rq, "/2") && rq->conn == &w->server.conns[0]) {
        raw_close(rq->conn);
    } else {
        serve(arg, rq);
    }
}

static void repeats_what_a_kept_connection_did_not_take(void **state)
{
    struct world *w = *state;

    w->server.serve = end_the_first;
    reply_with(w, OK("{}"));
    ask(w, "/1", LONG_MS);
    await_all(w);
    const struct asked *a = ask(w, "/2", LONG_MS);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    assert_int_equal(w->server.n_requests, 3);
}

// What is answered

static void passes_the_status_and_follows_no_redirect(void **state)
{
    static const struct {
        const char *name;
        str reply;
        unsigned status;
        str body;
    } rows[] = {
        {"no content", STR("HTTP/1.1 204 No Content\r\n\r\n"), 204, STR("")},
        {"moved", STR("HTTP/1.1 301 \r\nLocation: /there\r\nContent-Length: 1\r\n\r\nx"), 301,
         STR("x")},
        {"found",
         STR("HTTP/1.1 302 \r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n"), 302,
         STR("")},
        {"repeat it there", STR("HTTP/1.1 307 \r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
         307, STR("")},
        {"who are you",
         STR("HTTP/1.1 401 \r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
             "Content-Length: 0\r\n\r\n"),
         401, STR("")},
        {"nothing there", STR("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"), 404,
         STR("no\n")},
        {"too many", STR("HTTP/1.1 429 \r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"), 429,
         STR("")},
        {"broken", STR("HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n"), 500, STR("")},
        {"go on first",
         STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\n\r\n"
             "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx"),
         200, STR("x")},
        {"chunked",
         STR("HTTP/1.1 200 \r\nTransfer-Encoding: "
             "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
         200, STR("abc")},
        {"packed, as it came",
         STR("HTTP/1.1 200 \r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\0x"),
         200, STR("\x1f\x8b\0x")},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_with(w, rows[i].reply);
        const struct asked *a = ask(w, "/", LONG_MS);
        await_all(w);
        expect_answer(rows[i].name, a, rows[i].status, rows[i].body);
        turns(w);
        expect_int(rows[i].name, w->server.n_requests, i + 1);
    }
}

enum form {
    DECLARED,
    CHUNKED,
    TO_THE_END
};

/** An answer of n bytes. */
static void make_reply(struct buf *out, enum form form, size_t n)
{
    int r = 0;

    buf_clear(out);
    switch (form) {
    case DECLARED: r = buf_addf(out, "HTTP/1.1 200 \r\nContent-Length: %zu\r\n\r\n", n); break;
    case CHUNKED:
        r = buf_addf(out, "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
        break;
    case TO_THE_END: r = buf_addf(out, "HTTP/1.1 200 \r\n\r\n"); break;
    }
    for (size_t i = 0; i < n; i++) {
        r += form == CHUNKED ? buf_addf(out, "1\r\nx\r\n") : buf_addf(out, "x");
    }
    r += form == CHUNKED ? buf_addf(out, "0\r\n\r\n") : 0;
    assert_int_equal(r, 0);
}

static void takes_so_many_bytes_and_no_more(void **state)
{
    static const struct {
        const char *name;
        enum form form;
    } rows[] = {{"declared", DECLARED}, {"chunked", CHUNKED}, {"to the end", TO_THE_END}};
    static const size_t sizes[] = {0, 1, MAX_BYTES};
    struct world *w = *state;
    char url[RAW_URL_SIZE];
    struct buf reply;

    buf_init(&reply, RAW_BYTES_MAX);
    w->closes = true;
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(sizes) * 2; i++) {
        const char *name = rows[i / 2 % COUNT_OF(rows)].name;
        const size_t max = sizes[i / 2 / COUNT_OF(rows)];
        const size_t n = max + i % 2;
        const struct fetch what = {
            .url = str_of(raw_url(url, &w->server, "http", "/")),
            .timeout_ms = LONG_MS,
            .max_bytes = max,
        };
        make_reply(&reply, rows[i / 2 % COUNT_OF(rows)].form, n);
        reply_with(w, buf_str(&reply));
        const struct asked *a = ask_with(w, &what);
        await_all(w);
        if (n > max) {
            expect_failure(name, a, FETCH_TOO_LONG);
        } else {
            expect_int(name, a->r, 0);
            expect_int(name, a->body.len, n);
        }
        expect_int(name, a->status, 200);
    }
    buf_fini(&reply);
}

/** The server says no more, and closes nothing: it is given up all the same. */
static void gives_up_what_will_be_too_long(void **state)
{
    static const struct {
        const char *name;
        str reply;
        unsigned status;
    } rows[] = {
        {"declared", STR("HTTP/1.1 200 \r\nContent-Length: 1000000000\r\n\r\n"), 200},
        {"of another status", STR("HTTP/1.1 503 \r\nContent-Length: 65\r\n\r\n<html>"), 503},
        {"chunked",
         STR("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef!"),
         200},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_with(w, rows[i].reply);
        const struct asked *a = ask(w, "/", LONG_MS);
        await_all(w);
        expect_failure(rows[i].name, a, FETCH_TOO_LONG);
        expect_int(rows[i].name, a->status, rows[i].status);
        UNTIL(w, w->server.conns[i].has_ended); // what is left of it does not get in the way
    }
}

static void fails_where_the_answer_is_none(void **state)
{
    static const struct {
        const char *name;
        str reply;
    } rows[] = {
        {"nothing", STR("")},
        {"no HTTP", STR("hello\n")},
        {"no HTTP, and long", STR("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and more of it\r\n")},
        {"chunks that are cut",
         STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")},
        {"no last chunk",
         STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")},
        {"no chunk", STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n")},
        {"a length that is none", STR("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx")},
        {"only that it goes on", STR("HTTP/1.1 100 Continue\r\n\r\n")},
    };
    struct world *w = *state;

    w->closes = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_with(w, rows[i].reply);
        const struct asked *a = ask(w, "/secret", LONG_MS);
        await_all(w);
        expect_failure(rows[i].name, a, FETCH_FAILED);
        expect_int(rows[i].name, w->server.n_requests, i + 1);
    }
}

static void fails_where_the_answer_is_cut(void **state)
{
    struct world *w = *state;
    const str whole = OK("{}");

    w->closes = true;
    for (size_t n = 0; n <= whole.len; n++) {
        char name[32];
        snprintf(name, sizeof(name), "at byte %zu", n);
        reply_with(w, (str){whole.ptr, n});
        const struct asked *a = ask(w, "/", LONG_MS);
        await_all(w);
        if (n < whole.len) {
            expect_failure(name, a, FETCH_FAILED);
        } else {
            expect_answer(name, a, 200, STR("{}"));
        }
    }
}

static void fails_where_the_head_has_no_end(void **state)
{
    struct world *w = *state;
    const str line = STR("X-Filler: 0123456789abcdef0123456789abcdef0123456789abcdef\r\n");

    reply_with(w, STR("HTTP/1.1 200 OK\r\n"));
    const struct asked *a = ask(w, "/", LONG_MS);
    UNTIL(w, w->server.n_requests == 1);
    for (int64_t end_ms = monotonic_ms() + GIVE_UP_MS; a->times == 0; turn(w)) {
        assert_true(monotonic_ms() < end_ms);
        for (int i = 0; i < 100 && w->server.conns[0].stream; i++)
            raw_say(&w->server.conns[0], line);
    }
    expect_failure("it", a, FETCH_FAILED);
    assert_true(a->took_ms < LONG_MS);
}

static void fails_where_nobody_listens(void **state)
{
    struct world *w = *state;

    raw_server_refuse(&w->server);
    const struct asked *a = ask(w, "/secret", LONG_MS);
    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    assert_true(a->took_ms < LONG_MS);
}

static void fails_where_the_connection_is_cut(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask(w, "/", LONG_MS);

    UNTIL(w, w->server.n_requests == 1);
    raw_say(&w->server.conns[0], STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"));
    turns(w);
    raw_abort(&w->server.conns[0]);
    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
}

// Time

static void a_server_that_says_nothing_is_given_up_in_time(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask(w, "/", SHORT_MS);

    await_all(w);
    expect_too_late("it", a);
    UNTIL(w, w->server.conns[0].has_ended);
}

/** One byte at a time, so that something always comes. */
static void drip(struct world *w, const struct asked *a, str bytes)
{
    size_t n = 0;

    UNTIL(w, w->server.n_requests > 0);
    for (int64_t end_ms = monotonic_ms() + GIVE_UP_MS; a->times == 0; turn(w)) {
        assert_true(monotonic_ms() < end_ms);
        if (n < bytes.len) {
            raw_say(&w->server.conns[0], (str){bytes.ptr + n++, 1});
        } else {
            raw_say(&w->server.conns[0], STR(" "));
        }
    }
}

static void so_is_one_that_drips_its_head(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask(w, "/", SHORT_MS);

    drip(w, a, STR("HTTP/1.1 200 OK\r\nX: "));
    expect_too_late("it", a);
}

static void so_is_one_that_drips_its_body(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .url = str_of(raw_url(url, &w->server, "http", "/")),
        .timeout_ms = SHORT_MS,
        .max_bytes = 1 << 20,
    };
    const struct asked *a = ask_with(w, &what);

    drip(w, a, STR("HTTP/1.1 200 OK\r\n\r\n"));
    expect_too_late("it", a);
}

/** The kernel takes the connection, and nobody ever reads from it. */
static void so_is_one_that_does_not_accept(void **state)
{
    struct world *w = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    char url[RAW_URL_SIZE];

    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(at.sin_port));
    const struct asked *plain = ask_url(w, url, SHORT_MS);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", ntohs(at.sin_port));
    const struct asked *tls = ask_url(w, url, SHORT_MS);
    await_all(w);
    expect_too_late("http", plain);
    expect_too_late("https", tls);
    assert_int_equal(close(fd), 0);
}

static void so_is_a_resolver_that_hangs(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask_url(w, "https://hangs.example/secret", SHORT_MS);

    await_all(w);
    expect_too_late("it", a);
    assert_int_equal(atomic_load(&n_hanging), 1); // until teardown, after the fetcher is freed
}

static void no_time_at_all_is_over_at_once(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask(w, "/", 0);

    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    assert_string_equal(a->why, "timed out");
    turns(w);
    assert_int_equal(w->server.n_conns, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gets),
        TEST(posts),
        TEST(posts_nothing),
        TEST(posts_much_without_being_asked_to_go_on),
        TEST(keeps_a_connection_and_no_cookie),
        TEST(asks_anew_where_a_kept_connection_has_ended),
        TEST(repeats_what_a_kept_connection_did_not_take),
        TEST(passes_the_status_and_follows_no_redirect),
        TEST(takes_so_many_bytes_and_no_more),
        TEST(gives_up_what_will_be_too_long),
        TEST(fails_where_the_answer_is_none),
        TEST(fails_where_the_answer_is_cut),
        TEST(fails_where_the_head_has_no_end),
        TEST(fails_where_nobody_listens),
        TEST(fails_where_the_connection_is_cut),
        TEST(a_server_that_says_nothing_is_given_up_in_time),
        TEST(so_is_one_that_drips_its_head),
        TEST(so_is_one_that_drips_its_body),
        TEST(so_is_one_that_does_not_accept),
        TEST(so_is_a_resolver_that_hangs),
        TEST(no_time_at_all_is_over_at_once),
    };
    return cmocka_run_group_tests_name("io/fetch", tests, NULL, NULL);
}
