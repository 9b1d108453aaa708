#include "base/log.h"
#include "support/aborts.h"
#include "support/fetch_world.h"

// What is asked

static struct asked *ask_by(struct world *w, enum fetch_method method, str body, str header)
{
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .method = method,
        .url = str_of(raw_url(url, &w->server, "http", "/p?q")),
        .body = body,
        .headers = {header},
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
    };
    return ask_with(w, &what);
}

static void each_method_is_asked_for_as_it_is(void **state)
{
    static const struct {
        const char *name;
        enum fetch_method method;
        str body;
        const char *head;
        const char *more; // lines
    } rows[] = {
        {"get", FETCH_GET, STR(""), "GET", ""},
        {"head", FETCH_HEAD, STR(""), "HEAD", ""},
        {"post", FETCH_POST, STR("ab"), "POST", "Content-Length: 2\r\n"},
        {"post nothing", FETCH_POST, {0}, "POST", "Content-Length: 0\r\n"},
        {"put", FETCH_PUT, STR("abc"), "PUT", "Content-Length: 3\r\n"},
        {"put nothing", FETCH_PUT, {0}, "PUT", "Content-Length: 0\r\n"},
        {"delete", FETCH_DELETE, STR(""), "DELETE", ""},
        {"options", FETCH_OPTIONS, STR(""), "OPTIONS", ""},
    };
    struct world *w = *state;
    char addr[ADDR_TEXT_SIZE];
    char want[256];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_with(w, STR("HTTP/1.1 204 No Content\r\n\r\n"));
        const struct asked *a = ask_by(w, rows[i].method, rows[i].body, STR("X-A: b c"));
        await_all(w);
        expect_answer(rows[i].name, a, 204, STR(""));
        snprintf(want, sizeof(want),
                 "%s /p?q HTTP/1.1\r\nHost: %s\r\nUser-Agent: parley\r\nAccept: */*\r\n"
                 "X-A: b c\r\n%s\r\n",
                 rows[i].head, addr_text(addr, &w->server.addr), rows[i].more);
        expect_str(rows[i].name, str_of(w->server.requests[i].head), str_of(want));
        expect_int(rows[i].name, w->server.requests[i].body_len, rows[i].body.len);
    }
    assert_int_equal(w->server.n_conns, 1);
}

static void all_headers_are_sent(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .url = str_of(raw_url(url, &w->server, "http", "/")),
        .headers = {STR("X-A: 1"), STR(""), STR("X-C: 3"), STR("X-D: 4")},
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
    };

    assert_int_equal(COUNT_OF(what.headers), FETCH_HEADERS_MAX);
    reply_with(w, OK("{}"));
    ask_with(w, &what);
    await_all(w);
    assert_non_null(strstr(w->server.requests[0].head, "\r\nX-A: 1\r\nX-C: 3\r\nX-D: 4\r\n"));
}

static void ask_with_line(void *arg)
{
    const struct fetch what = {.url = STR("http://127.0.0.1/"),
                               .headers = {STR("A: b\r\nC: d")}};
    struct world *w = arg;

    fetcher_ask(w->fetcher, &what, on_answer, NULL);
}

static void a_line_end_in_a_header_is_a_bug(void **state)
{
    char said[256];

    assert_true(aborts(ask_with_line, *state, said, sizeof(said)));
    assert_non_null(strstr(said, "fetch.c"));
}

// What is answered

/** A server that takes a HEAD for a GET says no more than its head here. */
static void of_a_head_there_is_the_length_and_no_body(void **state)
{
    static const struct {
        const char *name;
        str reply;
        unsigned status;
        bool has_length;
        uint64_t length;
        const char *type;
        const char *etag;
    } rows[] = {
        {"all of it",
         STR("HTTP/1.1 200 OK\r\nContent-Length: 123456789012\r\nContent-Type: image/png\r\n"
             "ETag: \"abc\"\r\n\r\n"),
         200, true, 123456789012, "image/png", "\"abc\""},
        {"in any case",
         STR("HTTP/1.1 200 OK\r\ncontent-length:7\r\nCONTENT-TYPE:\t a/b \r\netag:x\r\n\r\n"),
         200, true, 7, "a/b", "x"},
        {"nothing", STR("HTTP/1.1 200 OK\r\n\r\n"), 200, false, 0, "", ""},
        {"not there", STR("HTTP/1.1 404 Not Found\r\nContent-Length: 300\r\n\r\n"), 404, true,
         300, "", ""},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *name = rows[i].name;
        reply_with(w, rows[i].reply);
        const struct asked *a = ask_by(w, FETCH_HEAD, STR(""), STR(""));
        await_all(w);
        expect_answer(name, a, rows[i].status, STR(""));
        expect_int(name, a->has_length, rows[i].has_length);
        expect_int(name, a->length, rows[i].length);
        expect_str(name, str_of(a->type), str_of(rows[i].type));
        expect_str(name, str_of(a->etag), str_of(rows[i].etag));
    }
    assert_int_equal(w->server.n_conns, 1);
}

static void the_last_head_counts_and_no_trailer(void **state)
{
    static const struct {
        const char *name;
        str reply;
        const char *type;
        const char *etag;
    } rows[] = {
        {"a 100 first",
         STR("HTTP/1.1 100 Continue\r\nETag: \"100\"\r\nContent-Type: x/y\r\n\r\n"
             "HTTP/1.1 200 OK\r\nETag: \"200\"\r\nContent-Length: 0\r\n\r\n"),
         "", "\"200\""},
        {"a trailer",
         STR("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n"
             "Trailer: ETag\r\n\r\n0\r\nETag: \"late\"\r\n\r\n"),
         "a/b", ""},
        {"twice", STR("HTTP/1.1 200 OK\r\nETag: 1\r\nETag: 2\r\nContent-Length: 0\r\n\r\n"), "",
         "2"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        reply_with(w, rows[i].reply);
        const struct asked *a = ask_by(w, FETCH_GET, STR(""), STR(""));
        await_all(w);
        expect_answer(rows[i].name, a, 200, STR(""));
        expect_str(rows[i].name, str_of(a->type), str_of(rows[i].type));
        expect_str(rows[i].name, str_of(a->etag), str_of(rows[i].etag));
    }
}

static void a_field_that_is_too_long_counts_as_none(void **state)
{
    struct world *w = *state;
    char reply[512];

    for (int more = 0; more < 2; more++) {
        const int n = snprintf(reply, sizeof(reply),
                               "HTTP/1.1 200 OK\r\nETag: %0*d\r\nContent-Length: 0\r\n\r\n",
                               FETCH_FIELD_MAX + more, 7);
        reply_with(w, (str){reply, (size_t)n});
        const struct asked *a = ask_by(w, FETCH_HEAD, STR(""), STR(""));
        await_all(w);
        expect_int("length", strlen(a->etag), more ? 0 : FETCH_FIELD_MAX);
    }
}

static void a_delete_may_be_answered_with_a_body(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    const struct asked *a = ask_by(w, FETCH_DELETE, STR(""), STR(""));
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
    expect_str("type", str_of(a->type), STR("application/json"));
    expect_int("length", a->length, 2);
}

static void end_the_first(void *arg, struct raw_request *rq)
{
    struct world *w = arg;

    if (w->server.n_requests % 3 == 2) {
        raw_close(rq->conn);
    } else {
        serve(arg, rq);
    }
}

static void what_a_kept_connection_did_not_take_is_asked_again(void **state)
{
    static const enum fetch_method methods[] = {FETCH_HEAD, FETCH_PUT, FETCH_DELETE};
    struct world *w = *state;

    w->server.serve = end_the_first;
    reply_with(w, STR("HTTP/1.1 204 No Content\r\n\r\n"));
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        ask_by(w, methods[i], STR(""), STR(""));
        await_all(w);
        const struct asked *a = ask_by(w, methods[i], STR(""), STR(""));
        await_all(w);
        expect_answer("it", a, 204, STR(""));
        expect_int("requests", w->server.n_requests, 3 * (i + 1));
    }
}

// Where it goes

/** No name is looked up in a test: it fails, but not for its scheme. */
static void plain_http_goes_elsewhere_where_it_is_meant(void **state)
{
    struct world *w = *state;
    struct fetch what = {.method = FETCH_HEAD,
                         .url = STR("http://unknown.example/secret"),
                         .timeout_ms = LONG_MS,
                         .max_bytes = MAX_BYTES};
    const struct asked *refused = ask_with(w, &what);

    await_all(w);
    expect_failure("not meant", refused, FETCH_FAILED);
    assert_int_equal(atomic_load(&n_looked_up), 0);
    what.is_plain = true;
    const struct asked *a = ask_with(w, &what);
    await_all(w);
    expect_failure("meant", a, FETCH_FAILED);
    assert_int_not_equal(atomic_load(&n_looked_up), 0);
}

static const struct asked *ask_for_head(struct world *w, bool wants_head)
{
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .url = str_of(raw_url(url, &w->server, "http", "/")),
        .timeout_ms = LONG_MS,
        .max_bytes = MAX_BYTES,
        .wants_head = wants_head,
    };
    const struct asked *a = ask_with(w, &what);

    await_all(w);
    return a;
}

#define LINE      "X-Long: 456789012345678901234567890123456789012345678901234567\r\n"
#define LINE_SIZE (sizeof(LINE) - 1)

static void all_of_a_head_is_told_where_it_is_wanted_up_to_its_limit(void **state)
{
    static const size_t n_fits = FETCH_HEAD_MAX / LINE_SIZE;
    struct world *w = *state;
    struct buf reply;
    int r = 0;

    reply_with(w, STR("HTTP/1.1 200 OK\r\nAge: 7\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(ask_for_head(w, false)->head_len, 0);
    const struct asked *a = ask_for_head(w, true);
    assert_int_equal(a->head_len, sizeof("Age: 7\r\nContent-Length: 0\r\n") - 1);
    assert_string_equal(a->age, "7");

    assert_int_equal(FETCH_HEAD_MAX % LINE_SIZE, 0);
    buf_init(&reply, SIZE_MAX / 2);
    r |= buf_add(&reply, STR("HTTP/1.1 200 OK\r\n"));
    for (size_t i = 0; i < n_fits; i++)
        r |= buf_add(&reply, STR(LINE));
    r |= buf_add(&reply, STR("Age: 7\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(r, 0);
    reply_with(w, buf_str(&reply));
    a = ask_for_head(w, true);
    assert_int_equal(a->head_len, FETCH_HEAD_MAX); // and not a byte more
    assert_string_equal(a->age, "");
    buf_fini(&reply);
}

static void nothing_is_logged(void *arg, str line)
{
    (void)arg;
    fail_msg("logged: " STR_FMT, STR_ARG(line));
}

static void of_a_request_nothing_is_logged(void **state)
{
    struct world *w = *state;

    assert_int_equal(log_set_levels(STR("trace")), 0);
    log_set_sink(nothing_is_logged, NULL);
    reply_with(w, OK("{}"));
    ask(w, "/a?X-Amz-Signature=secret", LONG_MS);
    await_all(w);
    raw_server_refuse(&w->server);
    raw_close(&w->server.conns[0]);
    const struct asked *a = ask(w, "/a?X-Amz-Signature=secret", LONG_MS);
    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    log_set_sink(NULL, NULL);
    assert_int_equal(log_set_levels(STR("info")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_method_is_asked_for_as_it_is),
        TEST(all_headers_are_sent),
        TEST(a_line_end_in_a_header_is_a_bug),
        TEST(of_a_head_there_is_the_length_and_no_body),
        TEST(the_last_head_counts_and_no_trailer),
        TEST(a_field_that_is_too_long_counts_as_none),
        TEST(a_delete_may_be_answered_with_a_body),
        TEST(what_a_kept_connection_did_not_take_is_asked_again),
        TEST(plain_http_goes_elsewhere_where_it_is_meant),
        TEST(all_of_a_head_is_told_where_it_is_wanted_up_to_its_limit),
        TEST(of_a_request_nothing_is_logged),
    };
    return cmocka_run_group_tests_name("io/fetch, by each method", tests, NULL, NULL);
}
