#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/server.h"
#include "support/mem_stream.h"
#include "support/t.h"

#define MAX_QUEUED 1000000u
#define MAX_BODY   16u     // of /echo, /hold and /later
#define BIG_BODY   100000u // of /big
#define N_PEERS    4
#define START_MS   INT64_C(1000000)

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path, length, body)                                                               \
    "POST " path " HTTP/1.1\r\n" HOST "Content-Length: " length "\r\n\r\n" body
#define CHUNKED(path, body)                                                                    \
    "POST " path " HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" body
#define EXPECT(fields) "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n" fields "\r\n"
#define CONTINUE       "HTTP/1.1 100 Continue\r\n\r\n"

#define UNIX_MS INT64_C(784111777999) // the RFC's example, and 999 ms
#define DATE    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define TEXT    "Content-Type: text/plain\r\n"
#define CLOSE   "Connection: close\r\n"
#define KEEP    "Connection: keep-alive\r\n"

#define OK_WITH(fields, length, body)                                                          \
    "HTTP/1.1 200 OK\r\n" DATE TEXT "Content-Length: " length "\r\n" fields "\r\n" body
#define OK(length, body) OK_WITH("", length, body)
#define REFUSED(status)  "HTTP/1.1 " status "\r\n" DATE "Content-Length: 0\r\n" CLOSE "\r\n"
#define NOT_FOUND_(fields)                                                                     \
    "HTTP/1.1 404 Not Found\r\n" DATE TEXT "Content-Length: 10\r\n" fields
#define NOT_FOUND NOT_FOUND_("\r\nNot Found\n")

struct world;

/** What the handler does with the requests of a route. */
enum action {
    NOW,     // answers the head: 200 and the path
    ECHO,    // answers the body: 200 and the same
    LATER,   // keeps the request when its body is there; the test answers
    HOLD,    // keeps it from the head on
    CLOSING, // answers the head and closes
    FORBID,  // answers the head with 403 and further lines
    ABORT,   // aborts when it sees the head
    ABORT_BODY,
    UPGRADE,
};

struct endpoint {
    struct world *world;
    enum action action;
    size_t max_body;
};

struct world {
    struct clock clock;
    int64_t unix_ms;
    struct timers timers;
    struct job_queue later;
    struct endpoint endpoints[16];
    struct http_route routes[16];
    struct http_server *server;
    struct mem_stream peers[N_PEERS];
    size_t n_peers;
    struct buf seen; // what the handler was told, in its order
    struct http_request *held;
    const char *body; // where the last one was
};

static void see(struct world *w, const char *what, str s)
{
    assert_int_equal(buf_addf(&w->seen, "%s", what), 0);
    assert_int_equal(buf_add(&w->seen, s), 0);
}

static void heir_on_bytes(void *owner, char *bytes, size_t n)
{
    see(owner, "", (str){bytes, n});
}

static void heir_on_end(void *owner, enum stream_end end)
{
    struct world *w = owner;

    (void)end;
    see(w, ";heir ends", STR(""));
    stream_close(&w->peers[0].stream);
}

static const struct stream_events heir_events = {.on_bytes = heir_on_bytes,
                                                 .on_end = heir_on_end};

static void upgrade(struct world *w, struct http_request *rq)
{
    char *rest = NULL;
    size_t rest_len = 0;
    struct stream *s = http_upgrade(rq, STR("Upgrade: x\r\n"), &rest, &rest_len);

    if (!s)
        return;
    stream_set_owner(s, &heir_events, w);
    see(w, "heir ", (str){rest, rest_len});
    for (size_t i = 0; i < rest_len; i++) // it is ours to change
        rest[i] = '\0';
}

static void respond(struct http_request *rq, unsigned status, str body)
{
    http_respond(rq,
                 &(struct http_response){.status = status,
                                         .type = status == 200 ? STR("text/plain") : (str){0},
                                         .body = body});
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const struct endpoint *e = arg;
    struct world *w = e->world;

    assert_null(rq->state);
    assert_null(rq->body);
    assert_int_equal(rq->max_body, 0);
    assert_int_equal(rq->method, head->method);
    rq->state = w;
    rq->max_body = e->max_body;
    see(w, "head ", head->path);
    see(w, ";", STR(""));
    switch (e->action) {
    case NOW: respond(rq, 200, head->path); break;
    case HOLD: w->held = rq; break;
    case CLOSING:
        http_respond(rq, &(struct http_response){.status = 503, .close = true});
        break;
    case FORBID:
        http_respond(rq, &(struct http_response){.status = 403, .headers = STR("X: y\r\n")});
        break;
    case ABORT: http_abort(rq); break;
    case UPGRADE: upgrade(w, rq); break;
    case ECHO:
    case LATER:
    case ABORT_BODY: break;
    }
}

static void on_body(void *arg, struct http_request *rq)
{
    const struct endpoint *e = arg;
    struct world *w = e->world;

    assert_ptr_equal(rq->state, w);
    if (rq->is_too_large) {
        see(w, "too large;", STR(""));
        assert_null(rq->body);
        if (e->action == ECHO) {
            respond(rq, 413, (str){0});
        } else {
            w->held = rq;
        }
        return;
    }
    char *body = rq->body;
    const size_t n = rq->body_len;
    w->body = body;
    if (e->action == ECHO) {
        respond(rq, 200, (str){body, n});
    } else if (e->action == ABORT_BODY) {
        http_abort(rq);
    } else {
        w->held = rq;
    }
    // Answered or not, the body is there until we return, and ours to change.
    see(w, "body ", (str){body, n});
    see(w, ";", STR(""));
    for (size_t i = 0; i < n; i++)
        body[i] = '!';
}

static void on_gone(void *arg, struct http_request *rq)
{
    const struct endpoint *e = arg;

    assert_ptr_equal(rq->state, e->world);
    see(e->world, "gone;", STR(""));
    e->world->held = NULL;
}

static const struct http_handler handler = {
    .on_head = on_head, .on_body = on_body, .on_gone = on_gone};

static int64_t fixed_unix_ms(struct clock *c)
{
    return container_of(c, struct world, clock)->unix_ms;
}

static struct mem_stream *connect_peer(struct world *w)
{
    assert_true(w->n_peers < N_PEERS);
    struct mem_stream *peer = &w->peers[w->n_peers++];
    mem_stream_init(peer, MAX_QUEUED);
    http_server_accept(w->server, &peer->stream);
    return peer;
}

static void open_world(struct world *w)
{
    static const struct {
        str prefix;
        enum action action;
        size_t max_body;
    } endpoints[] = {
        {STR("/now"), NOW, 0},
        {STR("/echo"), ECHO, MAX_BODY},
        {STR("/later"), LATER, MAX_BODY},
        {STR("/hold"), HOLD, MAX_BODY},
        {STR("/big"), LATER, BIG_BODY},
        {STR("/closing"), CLOSING, 0},
        {STR("/forbid"), FORBID, 0},
        {STR("/abort-body"), ABORT_BODY, MAX_BODY},
        {STR("/abort"), ABORT, 0},
        {STR("/upgrade"), UPGRADE, 0},
        {STR("/a/b"), CLOSING, 0},
        {STR("/a"), NOW, 0},
        {STR("/a/b/c"), ABORT, 0}, // never: the first that matches counts
    };

    *w = (struct world){.clock.unix_ms = fixed_unix_ms, .unix_ms = UNIX_MS};
    w->timers.now_ms = START_MS;
    w->later = JOB_QUEUE_INIT(w->later);
    buf_init(&w->seen, MAX_QUEUED);
    for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
        w->endpoints[i] = (struct endpoint){w, endpoints[i].action, endpoints[i].max_body};
        w->routes[i] = (struct http_route){endpoints[i].prefix, &handler, &w->endpoints[i]};
    }
    w->server = http_server_new(&(struct http_config){.timers = &w->timers,
                                                      .later = &w->later,
                                                      .clock = &w->clock,
                                                      .routes = w->routes,
                                                      .n_routes = COUNT_OF(endpoints)});
    connect_peer(w);
}

/** Whatever is left must be freed by now, or ASan says so. */
static void close_world(struct world *w)
{
    for (size_t i = 0; i < w->n_peers; i++)
        mem_stream_end(&w->peers[i], STREAM_LOST);
    job_run_all(&w->later);
    assert_null(w->later.head);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    http_server_free(w->server);
    for (size_t i = 0; i < w->n_peers; i++)
        mem_stream_fini(&w->peers[i]);
    buf_fini(&w->seen);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    open_world(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    close_world(*state);
    free(*state);
    return 0;
}

static void feed(struct world *w, str bytes)
{
    mem_stream_feed(&w->peers[0], bytes);
    job_run_all(&w->later);
}

static void pass_ms(struct world *w, int64_t ms)
{
    timers_run(&w->timers, w->timers.now_ms + ms);
    job_run_all(&w->later);
}

static void answer_held(struct world *w)
{
    struct http_request *rq = w->held;

    assert_non_null(rq);
    w->held = NULL;
    respond(rq, 200, STR("later"));
    job_run_all(&w->later);
}

/** Leave room for n bytes of output. */
static void fill_stream(struct mem_stream *peer, size_t n)
{
    peer->stream.in_flight = MAX_QUEUED - n;
}

enum fate {
    STAYS,
    CLOSED,
    ABORTED
};

static enum fate fate_of(const struct mem_stream *peer)
{
    assert_false(peer->is_closed && peer->is_aborted);
    return peer->is_closed ? CLOSED : peer->is_aborted ? ABORTED : STAYS;
}

static void expect_sent(const char *what, struct world *w, str want)
{
    expect_str(what, mem_stream_take(&w->peers[0]), want);
}

static void expect_seen(const char *what, struct world *w, str want)
{
    expect_str(what, buf_str(&w->seen), want);
    buf_clear(&w->seen);
}

static void expect_fate(const char *what, const struct world *w, enum fate want)
{
    expect_int(what, fate_of(&w->peers[0]), want);
}

// clang-format off
static const struct row {
    const char *name;
    str in;
    str seen;
    str sent;
    enum fate fate;
} rows[] = {
    {"one request",            STR(GET("/now")), STR("head /now;"), STR(OK("4", "/now")), STAYS},
    {"empty lines before it",  STR("\r\n\r\n" GET("/now")), STR("head /now;"), STR(OK("4", "/now")), STAYS},
    {"query",                  STR(GET("/now?a=b")), STR("head /now;"), STR(OK("4", "/now")), STAYS},
    {"HEAD gets no body",      STR("HEAD /now HTTP/1.1\r\n" HOST "\r\n" GET("/now")), STR("head /now;head /now;"), STR(OK("4", "") OK("4", "/now")), STAYS},
    {"HEAD, no route",         STR("HEAD / HTTP/1.1\r\n" HOST "\r\n"), STR(""), STR(NOT_FOUND_("\r\n")), STAYS},
    {"answer without type",    STR(GET("/forbid")), STR("head /forbid;"), STR("HTTP/1.1 403 Forbidden\r\n" DATE "Content-Length: 0\r\nX: y\r\n\r\n"), STAYS},

    {"1.1, close",             STR("GET /now HTTP/1.1\r\n" HOST CLOSE "\r\n" GET("/now")), STR("head /now;"), STR(OK_WITH(CLOSE, "4", "/now")), CLOSED},
    {"1.1, keep-alive",        STR("GET /now HTTP/1.1\r\n" HOST KEEP "\r\n"), STR("head /now;"), STR(OK("4", "/now")), STAYS},
    {"1.0",                    STR("GET /now HTTP/1.0\r\n\r\n" GET("/now")), STR("head /now;"), STR(OK_WITH(CLOSE, "4", "/now")), CLOSED},
    {"1.0, keep-alive",        STR("GET /now HTTP/1.0\r\n" KEEP "\r\n" GET("/now")), STR("head /now;head /now;"), STR(OK_WITH(KEEP, "4", "/now") OK("4", "/now")), STAYS},
    {"handler closes",         STR(GET("/closing") GET("/now")), STR("head /closing;"), STR(REFUSED("503 Service Unavailable")), CLOSED},
    {"handler aborts",         STR(GET("/abort") GET("/now")), STR("head /abort;"), STR(""), ABORTED},
    {"handler aborts, body",   STR(POST("/abort-body", "1", "a") GET("/now")), STR("head /abort-body;body a;"), STR(""), ABORTED},

    {"no route",               STR(GET("/") GET("/nowhere") GET("/NOW") GET("/now")), STR("head /nowhere;head /now;"), STR(NOT_FOUND OK("8", "/nowhere") NOT_FOUND OK("4", "/now")), STAYS},
    {"OPTIONS *",              STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), STR(""), STR(NOT_FOUND), STAYS},
    {"first route counts",     STR(GET("/a") GET("/ab") GET("/a/b/c")), STR("head /a;head /ab;head /a/b/c;"), STR(OK("2", "/a") OK("3", "/ab") REFUSED("503 Service Unavailable")), CLOSED},
    {"no route, body",         STR(POST("/", "3", "abc") GET("/now")), STR(""), STR(NOT_FOUND_(CLOSE "\r\nNot Found\n")), CLOSED},

    {"pipelined, at once",     STR(GET("/now") GET("/now/2") GET("/now/3")), STR("head /now;head /now/2;head /now/3;"), STR(OK("4", "/now") OK("6", "/now/2") OK("6", "/now/3")), STAYS},
    {"pipelined, later",       STR(GET("/later") GET("/now") GET("/later/2")), STR("head /later;body ;head /now;head /later/2;body ;"), STR(OK("5", "later") OK("4", "/now") OK("5", "later")), STAYS},
    {"pipelined, bodies",      STR(POST("/echo", "3", "abc") POST("/later", "2", "de") POST("/echo", "1", "f")), STR("head /echo;body abc;head /later;body de;head /echo;body f;"), STR(OK("3", "abc") OK("5", "later") OK("1", "f")), STAYS},
    {"pipelined, then bad",    STR(GET("/later") "bad\r\n"), STR("head /later;body ;"), STR(OK("5", "later") REFUSED("400 Bad Request")), CLOSED},

    {"body, none",             STR(GET("/echo")), STR("head /echo;body ;"), STR(OK("0", "")), STAYS},
    {"body, empty",            STR(POST("/echo", "0", "")), STR("head /echo;body ;"), STR(OK("0", "")), STAYS},
    {"body, one byte",         STR(POST("/echo", "1", "a")), STR("head /echo;body a;"), STR(OK("1", "a")), STAYS},
    {"body, exactly the most", STR(POST("/echo", "16", "0123456789abcdef") GET("/now")), STR("head /echo;body 0123456789abcdef;head /now;"), STR(OK("16", "0123456789abcdef") OK("4", "/now")), STAYS},
    {"body, one more",         STR(POST("/echo", "17", "0123456789abcdefg") GET("/now")), STR("head /echo;too large;"), STR(REFUSED("413 Content Too Large")), CLOSED},
    {"body, length of 64 bits", STR(POST("/echo", "18446744073709551615", "")), STR("head /echo;too large;"), STR(REFUSED("413 Content Too Large")), CLOSED},
    {"body, too large, later", STR(POST("/later", "17", "0123456789abcdefg")), STR("head /later;too large;"), STR(OK_WITH(CLOSE, "5", "later")), CLOSED},
    {"answer before the body", STR(POST("/forbid", "1", "a") GET("/now")), STR("head /forbid;"), STR("HTTP/1.1 403 Forbidden\r\n" DATE "Content-Length: 0\r\n" CLOSE "X: y\r\n\r\n"), CLOSED},
    {"answer before chunks",   STR(CHUNKED("/now", "0\r\n\r\n")), STR("head /now;"), STR(OK_WITH(CLOSE, "4", "/now")), CLOSED},
    {"answer, empty body",     STR(POST("/now", "0", "") GET("/now")), STR("head /now;head /now;"), STR(OK("4", "/now") OK("4", "/now")), STAYS},

    {"chunked",                STR(CHUNKED("/echo", "3\r\nabc\r\n1;x=y\r\nz\r\n0\r\nT: t\r\n\r\n") GET("/now")), STR("head /echo;body abcz;head /now;"), STR(OK("4", "abcz") OK("4", "/now")), STAYS},
    {"chunked, empty",         STR(CHUNKED("/echo", "0\r\n\r\n") GET("/now")), STR("head /echo;body ;head /now;"), STR(OK("0", "") OK("4", "/now")), STAYS},
    {"chunked, later",         STR(CHUNKED("/later", "2\r\nab\r\n0\r\n\r\n") CHUNKED("/later", "1\r\nc\r\n0\r\n\r\n")), STR("head /later;body ab;head /later;body c;"), STR(OK("5", "later") OK("5", "later")), STAYS},
    {"chunked, exactly the most", STR(CHUNKED("/echo", "f\r\n0123456789abcde\r\n1\r\nf\r\n0\r\n\r\n")), STR("head /echo;body 0123456789abcdef;"), STR(OK("16", "0123456789abcdef")), STAYS},
    {"chunked, one more",      STR(CHUNKED("/echo", "f\r\n0123456789abcde\r\n2\r\nfg\r\n0\r\n\r\n") GET("/now")), STR("head /echo;too large;"), STR(REFUSED("413 Content Too Large")), CLOSED},
    {"chunked, too large, later", STR(CHUNKED("/later", "11\r\n0123456789abcdefg\r\n0\r\n\r\n") GET("/now")), STR("head /later;too large;"), STR(OK_WITH(CLOSE, "5", "later")), CLOSED},
    {"chunked, bad",           STR(CHUNKED("/echo", "1\r\nab\r\n") GET("/now")), STR("head /echo;gone;"), STR(REFUSED("400 Bad Request")), CLOSED},
    {"chunked behind a length", STR(POST("/echo", "1", "a") CHUNKED("/echo", "1\r\nb\r\n0\r\n\r\n") POST("/echo", "1", "c")), STR("head /echo;body a;head /echo;body b;head /echo;body c;"), STR(OK("1", "a") OK("1", "b") OK("1", "c")), STAYS},

    {"upgrade",                STR(GET("/upgrade") "rest\0rest"), STR("head /upgrade;heir rest\0rest"), STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), STAYS},
    {"upgrade, no rest",       STR(GET("/upgrade")), STR("head /upgrade;heir "), STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), STAYS},
    {"upgrade behind others",  STR(GET("/now") GET("/later") GET("/upgrade") GET("/now")), STR("head /now;head /later;body ;head /upgrade;heir " GET("/now")), STR(OK("4", "/now") OK("5", "later") "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), STAYS},

    {"refused: bad",           STR("GET /now\r\n" GET("/now")), STR(""), STR(REFUSED("400 Bad Request")), CLOSED},
    {"refused: no host",       STR("GET /now HTTP/1.1\r\n\r\n" GET("/now")), STR(""), STR(REFUSED("400 Bad Request")), CLOSED},
    {"refused: version",       STR("GET /now HTTP/2.0\r\n" HOST "\r\n"), STR(""), STR(REFUSED("505 HTTP Version Not Supported")), CLOSED},
    {"refused: coding",        STR("POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"), STR(""), STR(REFUSED("501 Not Implemented")), CLOSED},
    {"refused: expectation",   STR("POST /now HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n"), STR(""), STR(REFUSED("417 Expectation Failed")), CLOSED},
    {"refused behind HEAD",    STR("HEAD /now HTTP/1.0\r\n" KEEP "\r\nbad\r\n"), STR("head /now;"), STR(OK_WITH(KEEP, "4", "") REFUSED("400 Bad Request")), CLOSED},
};
// clang-format on

/** Feed a row in these pieces, answer what waits, and compare. */
static void run_row(const struct row *row, const size_t *cuts, size_t n_cuts)
{
    struct world w;
    str in = row->in;

    open_world(&w);
    for (size_t i = 0; i < n_cuts; i++)
        feed(&w, str_take(&in, cuts[i]));
    feed(&w, in);
    while (w.held)
        answer_held(&w);

    expect_seen(row->name, &w, row->seen);
    expect_sent(row->name, &w, row->sent);
    expect_fate(row->name, &w, row->fate);
    close_world(&w);
}

static void answers_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++)
        run_row(row, NULL, 0);
}

static void answers_the_same_wherever_the_bytes_are_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t cut = 1; cut < row->in.len; cut++)
            run_row(row, &cut, 1);
    }
}

static void answers_the_same_byte_by_byte(void **state)
{
    size_t ones[1024];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ones); i++)
        ones[i] = 1;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        expect_int(row->name, row->in.len <= COUNT_OF(ones), true);
        run_row(row, ones, row->in.len - 1);
    }
}

static void a_head_above_the_limit_gets_431(void **state)
{
    struct world *w = *state;
    static char head[HTTP_HEAD_MAX + 1];
    const str start = STR("GET /now HTTP/1.1\r\n" HOST "X: ");

    memset(head, 'x', HTTP_HEAD_MAX + 1);
    str_copy(head, start);
    str_copy(head + HTTP_HEAD_MAX - 4, STR("\r\n\r\n"));
    feed(w, (str){head, HTTP_HEAD_MAX});
    expect_sent("the largest", w, STR(OK("4", "/now")));

    str_copy(head + HTTP_HEAD_MAX - 4, STR("x\r\n\r\n"));
    feed(w, (str){head, HTTP_HEAD_MAX - 1});
    expect_sent("not yet too large", w, STR(""));
    feed(w, (str){head + HTTP_HEAD_MAX - 1, 1});
    expect_sent("one more", w, STR(REFUSED("431 Request Header Fields Too Large")));
    expect_fate("one more", w, CLOSED);
}

static void a_body_in_the_input_is_not_copied(void **state)
{
    struct world *w = *state;
    char in[] = POST("/later", "3", "abc") POST("/later", "3", "def");
    const size_t end = sizeof(in) - 1;

    // The second begins in one read and ends in the next, so it can't be without a copy.
    w->peers[0].stream.events->on_bytes(w->peers[0].stream.owner, in, end - 1);
    assert_ptr_equal(w->body, in + end / 2 - 3);
    answer_held(w);
    feed(w, STR("f"));
    assert_true(w->body < in || w->body > in + end);
    expect_seen("both", w, STR("head /later;body abc;head /later;body def;"));
}

static void a_request_that_waits_holds_no_body(void **state)
{
    struct world *w = *state;

    feed(w, STR(POST("/later", "3", "ab")));
    feed(w, STR("c"));
    expect_seen("body", w, STR("head /later;body abc;"));
    assert_null(w->held->body);
    assert_int_equal(w->held->body_len, 0);
}

static void a_large_body_in_pieces_is_whole(void **state)
{
    struct world *w = *state;
    static char all[BIG_BODY];

    for (size_t i = 0; i < BIG_BODY; i++)
        all[i] = (char)('a' + i % 23);
    feed(w, STR(POST("/big", "100000", "")));
    expect_seen("head", w, STR("head /big;"));
    for (str rest = {all, BIG_BODY}; rest.len > 0;)
        feed(w, str_take(&rest, rest.len < 4321 ? rest.len : 4321));
    str seen = buf_str(&w->seen);
    expect_str("told", str_take(&seen, 5), STR("body "));
    expect_str("body", str_take(&seen, BIG_BODY), ((str){all, BIG_BODY}));
    assert_true(w->peers[0].is_reading);
}

// Expect: 100-continue

static void says_continue_once_and_only_to_who_waits(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        str in;
        str sent; // then the body comes byte by byte, and no more is said until its end
        str body;
        str answer;
    } cases[] = {
        {"length",         STR(EXPECT("Content-Length: 3\r\n")),            STR(CONTINUE), STR("abc"), STR(OK("3", "abc"))},
        {"chunked",        STR(EXPECT("Transfer-Encoding: chunked\r\n")),   STR(CONTINUE), STR("1\r\na\r\n0\r\n\r\n"), STR(OK("1", "a"))},
        {"behind another", STR(GET("/now") EXPECT("Content-Length: 1\r\n")), STR(OK("4", "/now") CONTINUE), STR("a"), STR(OK("1", "a"))},
        {"body came too",  STR(EXPECT("Content-Length: 3\r\n") "a"),        STR(""), STR("bc"), STR(OK("3", "abc"))},
        {"no body",        STR(EXPECT("")),                                 STR(OK("0", "")), STR(""), STR("")},
        {"empty body",     STR(EXPECT("Content-Length: 0\r\n")),            STR(OK("0", "")), STR(""), STR("")},
        {"too large",      STR(EXPECT("Content-Length: 17\r\n")),           STR(REFUSED("413 Content Too Large")), STR(""), STR("")},
        {"1.0",            STR("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), STR(""), STR("a"), STR(OK_WITH(CLOSE, "1", "a"))},
        {"answered before", STR("POST /now HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"), STR(OK_WITH(CLOSE, "4", "/now")), STR(""), STR("")},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        str body = cases[i].body;

        open_world(&w);
        feed(&w, cases[i].in);
        expect_sent(cases[i].name, &w, cases[i].sent);
        while (body.len > 1)
            feed(&w, str_take(&body, 1));
        expect_sent(cases[i].name, &w, STR(""));
        feed(&w, body);
        expect_sent(cases[i].name, &w, cases[i].answer);
        close_world(&w);
    }
}

static void says_continue_when_it_is_the_requests_turn(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later") EXPECT("Content-Length: 1\r\n")));
    expect_sent("not yet", w, STR(""));
    answer_held(w);
    expect_sent("now", w, STR(OK("5", "later") CONTINUE));
    feed(w, STR("a"));
    expect_sent("the answer", w, STR(OK("1", "a")));
}

static void a_stream_too_full_for_continue_is_aborted(void **state)
{
    struct world *w = *state;

    fill_stream(&w->peers[0], sizeof(CONTINUE) - 2);
    feed(w, STR(EXPECT("Content-Length: 1\r\n")));
    expect_seen("gone", w, STR("head /echo;gone;"));
    expect_fate("aborted", w, ABORTED);
}

// Time

/** The last millisecond in which the connection stays, and the one in which it ends. */
static void expect_end_after(const char *what, struct world *w, int64_t ms, str sent)
{
    expect_int(what, timers_next_ms(&w->timers), w->timers.now_ms + ms);
    pass_ms(w, ms - 1);
    expect_sent(what, w, STR(""));
    expect_fate(what, w, STAYS);
    pass_ms(w, 1);
    expect_sent(what, w, sent);
    expect_fate(what, w, CLOSED);
    expect_int(what, timers_next_ms(&w->timers), INT64_MAX);
}

static void each_wait_for_a_head_ends_at_its_deadline(void **state)
{
    static const struct {
        const char *name;
        str first;      // comes at the start
        int64_t gap_ms; // then, after so long
        str second;     // comes this
        int64_t left_ms;
        str sent;
    } cases[] = {
        {"first, silent", STR(""), 1, STR(""), HTTP_FIRST_HEAD_MS - 1, STR("")},
        {"first, begun", STR("G"), 1, STR("E"), HTTP_FIRST_HEAD_MS - 1,
         STR(REFUSED("408 Request Timeout"))},
        {"first, begun late", STR(""), HTTP_FIRST_HEAD_MS - 1, STR("G"), 1,
         STR(REFUSED("408 Request Timeout"))},
        {"idle", STR(GET("/now")), 0, STR(""), HTTP_IDLE_MS, STR("")},
        {"second, begun with the first", STR(GET("/now") "G"), 1, STR("E"), HTTP_HEAD_MS - 1,
         STR(REFUSED("408 Request Timeout"))},
        {"an empty line behind it", STR(GET("/now") "\r\n"), 1, STR("\r"), HTTP_IDLE_MS - 1,
         STR("")},
        {"second, begun late", STR(GET("/now")), HTTP_IDLE_MS - 1, STR("G"), HTTP_HEAD_MS,
         STR(REFUSED("408 Request Timeout"))},
        {"idle once more", STR(GET("/now") "G"), HTTP_HEAD_MS - 1,
         STR("ET /now HTTP/1.1\r\n" HOST "\r\n"), HTTP_IDLE_MS, STR("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;

        open_world(&w);
        feed(&w, cases[i].first);
        pass_ms(&w, cases[i].gap_ms);
        feed(&w, cases[i].second);
        mem_stream_take(&w.peers[0]);
        expect_fate(cases[i].name, &w, STAYS);
        expect_end_after(cases[i].name, &w, cases[i].left_ms, cases[i].sent);
        close_world(&w);
    }
}

static void a_head_kept_behind_an_answer_has_its_own_time(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later") "G"));
    pass_ms(w, 10L * HTTP_HEAD_MS);
    answer_held(w);
    mem_stream_take(&w->peers[0]);
    expect_end_after("second", w, HTTP_HEAD_MS, STR(REFUSED("408 Request Timeout")));
}

static void a_request_may_wait_for_ever(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later")));
    expect_int("no deadline", timers_next_ms(&w->timers), INT64_MAX);
    answer_held(w);
    mem_stream_take(&w->peers[0]);
    expect_end_after("then idle", w, HTTP_IDLE_MS, STR(""));
}

static void a_body_must_come_at_its_rate(void **state)
{
    static char zeroes[2 * HTTP_BODY_BYTES_PER_S];
    static const struct {
        const char *name;
        size_t n_first;  // bytes, by the end of the grace and one second
        size_t n_second; // and these by the end of the next
        int64_t late_ms; // from the head on; 0: not
    } cases[] = {
        {"nothing", 0, 0, HTTP_BODY_GRACE_MS + 1000},
        {"one too few", HTTP_BODY_BYTES_PER_S - 1, 0, HTTP_BODY_GRACE_MS + 1000},
        {"just enough, then nothing", HTTP_BODY_BYTES_PER_S, 0, HTTP_BODY_GRACE_MS + 2000},
        {"just enough, then one too few", HTTP_BODY_BYTES_PER_S, HTTP_BODY_BYTES_PER_S - 1,
         HTTP_BODY_GRACE_MS + 2000},
        {"enough ahead", 2UL * HTTP_BODY_BYTES_PER_S, 0, 0},
        {"the slowest", HTTP_BODY_BYTES_PER_S, HTTP_BODY_BYTES_PER_S, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;

        open_world(&w);
        feed(&w, STR(POST("/big", "100000", "")));
        pass_ms(&w, HTTP_BODY_GRACE_MS);
        feed(&w, (str){zeroes, cases[i].n_first});
        pass_ms(&w, 999);
        expect_fate(cases[i].name, &w, STAYS);
        pass_ms(&w, 1);
        expect_fate(cases[i].name, &w,
                    cases[i].late_ms == HTTP_BODY_GRACE_MS + 1000 ? CLOSED : STAYS);
        feed(&w, (str){zeroes, cases[i].n_second});
        pass_ms(&w, 1000);
        expect_fate(cases[i].name, &w, cases[i].late_ms > 0 ? CLOSED : STAYS);
        if (cases[i].late_ms > 0) {
            expect_seen(cases[i].name, &w, STR("head /big;gone;"));
            expect_sent(cases[i].name, &w, STR(REFUSED("408 Request Timeout")));
        }
        close_world(&w);
    }
}

static void what_frames_the_chunks_does_not_count_as_body(void **state)
{
    struct world *w = *state;

    feed(w, STR(CHUNKED("/big", "")));
    for (size_t i = 0; i < HTTP_BODY_BYTES_PER_S - 1; i++)
        feed(w, STR("1;extension\r\na\r\n"));
    pass_ms(w, HTTP_BODY_GRACE_MS);
    expect_fate("grace", w, STAYS);
    pass_ms(w, 1000);
    expect_fate("one too few", w, CLOSED);
}

// Ends

static void the_handler_hears_of_a_client_that_leaves_its_request(void **state)
{
    static const struct {
        const char *name;
        str in;
        str seen;
    } cases[] = {
        {"at the start", STR(""), STR("")},
        {"in the first head", STR("GET /now HT"), STR("")},
        {"between requests", STR(GET("/now")), STR("head /now;")},
        {"in a later head", STR(GET("/now") "G"), STR("head /now;")},
        {"in the body", STR(POST("/echo", "3", "ab")), STR("head /echo;gone;")},
        {"in the chunks", STR(CHUNKED("/echo", "3\r\nab")), STR("head /echo;gone;")},
        {"waiting", STR(GET("/later")), STR("head /later;body ;gone;")},
        {"waiting, more behind", STR(GET("/later") GET("/now")),
         STR("head /later;body ;gone;")},
        {"too large", STR(POST("/later", "17", "")), STR("head /later;too large;gone;")},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        const size_t n = i / 2;
        struct world w;

        (void)state;
        open_world(&w);
        feed(&w, cases[n].in);
        mem_stream_end(&w.peers[0], i % 2 ? STREAM_FIN : STREAM_LOST);
        job_run_all(&w.later);
        expect_seen(cases[n].name, &w, cases[n].seen);
        expect_fate(cases[n].name, &w, CLOSED);
        close_world(&w);
    }
}

static void an_aborted_request_is_not_said_to_be_gone(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later")));
    http_abort(w->held);
    w->held = NULL;
    job_run_all(&w->later);
    expect_seen("only this", w, STR("head /later;body ;"));
    expect_sent("nothing", w, STR(""));
    expect_fate("aborted", w, ABORTED);
}

static void an_answer_in_the_middle_of_the_body_closes(void **state)
{
    struct world *w = *state;

    feed(w, STR(POST("/hold", "3", "ab")));
    answer_held(w);
    expect_sent("answer", w, STR(OK_WITH(CLOSE, "5", "later")));
    expect_fate("closed", w, CLOSED);
    expect_seen("no body", w, STR("head /hold;"));
}

static void a_body_too_large_goes_by_until_it_is_answered(void **state)
{
    struct world *w = *state;
    static char more[STREAM_READ_MAX];

    feed(w, STR(CHUNKED("/later", "100000\r\n0123456789abcdefg")));
    expect_seen("once", w, STR("head /later;too large;"));
    for (size_t i = 0; i < 8; i++)
        feed(w, (str){more, STREAM_READ_MAX});
    pass_ms(w, HTTP_IDLE_MS);
    expect_seen("once", w, STR(""));
    assert_true(w->peers[0].is_reading);
    answer_held(w);
    expect_sent("answer", w, STR(OK_WITH(CLOSE, "5", "later")));
    expect_fate("closed", w, CLOSED);
}

static void an_answer_that_the_stream_cannot_take_aborts(void **state)
{
    const size_t all = sizeof(OK("5", "later")) - 1;

    (void)state;
    for (size_t room = 0; room <= all; room++) {
        struct world w;

        open_world(&w);
        feed(&w, STR(GET("/later") GET("/later")));
        fill_stream(&w.peers[0], room);
        answer_held(&w);
        expect_fate("answer", &w, room < all ? ABORTED : STAYS);
        mem_stream_drain(&w.peers[0]);
        job_run_all(&w.later);
        expect_seen("next", &w,
                    room < all ? STR("head /later;body ;")
                               : STR("head /later;body ;head /later;body ;"));
        close_world(&w);
    }
}

// Upgrades

static void an_upgrade_that_the_stream_cannot_take_aborts(void **state)
{
    const size_t all = sizeof("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n") - 1;

    (void)state;
    for (size_t room = 0; room <= all; room++) {
        struct world w;

        open_world(&w);
        fill_stream(&w.peers[0], room);
        feed(&w, STR(GET("/upgrade") "x"));
        expect_fate("upgrade", &w, room < all ? ABORTED : STAYS);
        expect_seen("heir", &w,
                    room < all ? STR("head /upgrade;") : STR("head /upgrade;heir x"));
        close_world(&w);
    }
}

static void an_upgraded_stream_is_the_heirs(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/upgrade")));
    expect_int("no deadline", timers_next_ms(&w->timers), INT64_MAX);
    http_server_drain(w->server); // no connection of its own any more
    expect_fate("kept", w, STAYS);
    feed(w, STR(GET("/now")));
    mem_stream_end(&w->peers[0], STREAM_FIN);
    expect_seen("all goes to the heir", w, STR("head /upgrade;heir " GET("/now") ";heir ends"));
}

static void an_upgrade_of_a_paused_stream_reads_on(void **state)
{
    struct world *w = *state;
    static char rest[HTTP_PIPELINE_MAX];

    feed(w, STR(GET("/later") GET("/upgrade")));
    feed(w, (str){rest, HTTP_PIPELINE_MAX});
    assert_false(w->peers[0].is_reading);
    answer_held(w);
    expect_int("rest", w->seen.len,
               sizeof("head /later;body ;head /upgrade;heir ") - 1 + HTTP_PIPELINE_MAX);
    assert_true(w->peers[0].is_reading);
}

// Reading ahead

#define PADDED "GET /now HTTP/1.1\r\n" HOST "X: 12345678901234567890123456789\r\n\r\n"

static void reading_ahead_pauses_above_the_limit(void **state)
{
    const size_t n_padded = HTTP_PIPELINE_MAX / (sizeof(PADDED) - 1);
    struct world *w = *state;

    static_assert(HTTP_PIPELINE_MAX % (sizeof(PADDED) - 1) == 0, "they fill it exactly");
    feed(w, STR(GET("/later")));
    for (size_t i = 0; i < n_padded; i++)
        feed(w, STR(PADDED));
    assert_true(w->peers[0].is_reading);
    feed(w, STR("G"));
    assert_false(w->peers[0].is_reading);
    expect_seen("one at a time", w, STR("head /later;body ;"));

    answer_held(w);
    assert_true(w->peers[0].is_reading);
    assert_true(w->seen.len < n_padded * (sizeof("head /now;") - 1)); // of many answers
    mem_stream_drain(&w->peers[0]);
    job_run_all(&w->later);
    expect_int("all the others", w->seen.len, n_padded * (sizeof("head /now;") - 1));
    mem_stream_take(&w->peers[0]);
    feed(w, STR("ET /now HTTP/1.1\r\n" HOST "\r\n"));
    expect_sent("the last", w, STR(OK("4", "/now")));
}

static void one_read_more_fits_when_the_limit_is_reached(void **state)
{
    struct world *w = *state;
    static char body[STREAM_READ_MAX];

    feed(w, STR(GET("/later")));
    feed(w, (str){body, HTTP_PIPELINE_MAX});
    assert_true(w->peers[0].is_reading);
    feed(w, (str){body, STREAM_READ_MAX});
    assert_false(w->peers[0].is_reading);
    answer_held(w);
    expect_sent("then what it is", w, STR(OK("5", "later") REFUSED("400 Bad Request")));
}

static void bytes_between_an_answer_and_its_job_keep_their_order(void **state)
{
    struct world *w = *state;
    struct http_request *rq = NULL;

    feed(w, STR(GET("/later") "GET /now/2 HTTP/1.1\r\n"));
    rq = w->held;
    w->held = NULL;
    respond(rq, 200, STR("later"));
    mem_stream_feed(&w->peers[0], STR(HOST "\r\n" GET("/now/3")));
    expect_seen("never from inside the answer", w, STR("head /later;body ;"));
    job_run_all(&w->later);
    expect_seen("then both", w, STR("head /now/2;head /now/3;"));
}

static void an_end_between_an_answer_and_its_job_ends_all(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later") GET("/now")));
    respond(w->held, 200, STR("later"));
    w->held = NULL;
    mem_stream_end(&w->peers[0], STREAM_FIN);
    job_run_all(&w->later);
    expect_seen("no more", w, STR("head /later;body ;"));
    expect_fate("closed", w, CLOSED);
}

// Answers that nobody takes

#define LATER_LEN (sizeof(OK("5", "later")) - 1)

/** /later was answered, of which so many bytes are untaken; /now is behind it. */
static void answer_untaken(struct world *w, size_t bytes)
{
    feed(w, STR(GET("/later") GET("/now")));
    w->peers[0].stream.in_flight = bytes - LATER_LEN;
    answer_held(w);
}

static void the_next_request_waits_until_a_long_answer_is_taken(void **state)
{
    struct world *w = *state;

    answer_untaken(w, HTTP_UNTAKEN_MAX);
    expect_seen("so much", w, STR("head /later;body ;head /now;"));
    mem_stream_drain(&w->peers[0]);
    answer_untaken(w, HTTP_UNTAKEN_MAX + 1);
    feed(w, STR(GET("/now/2")));
    expect_seen("more", w, STR("head /later;body ;"));
    mem_stream_drain(&w->peers[0]);
    expect_seen("not from below whoever drains", w, STR(""));
    job_run_all(&w->later);
    expect_seen("taken", w, STR("head /now;head /now/2;"));
    pass_ms(w, HTTP_IDLE_MS - 1);
    expect_fate("idle since then", w, STAYS);
    pass_ms(w, 1);
    expect_fate("idle for too long", w, CLOSED);
}

static void a_long_answer_must_be_taken_at_its_rate(void **state)
{
    static const struct {
        const char *name;
        size_t taken; // in the time of grace
        int64_t ms;   // after it
        enum fate fate;
    } cases[] = {
        {"nothing in the time of grace", 0, 0, ABORTED},
        {"something", 1, 0, STAYS},
        {"enough for a second", HTTP_ANSWER_BYTES_PER_S, 1000, STAYS},
        {"not enough for a second", HTTP_ANSWER_BYTES_PER_S - 1, 1000, ABORTED},
        {"enough for some", HTTP_ANSWER_BYTES_PER_S * (size_t)20, 20999, STAYS},
        {"not for more", HTTP_ANSWER_BYTES_PER_S * (size_t)20, 21000, ABORTED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        open_world(&w);
        answer_untaken(&w, (size_t)HTTP_UNTAKEN_MAX * 2);
        pass_ms(&w, HTTP_ANSWER_GRACE_MS - 1);
        expect_fate(cases[i].name, &w, STAYS);
        w.peers[0].stream.in_flight -= cases[i].taken;
        pass_ms(&w, 1);
        for (int64_t ms = 0; ms < cases[i].ms; ms++)
            pass_ms(&w, 1);
        expect_fate(cases[i].name, &w, cases[i].fate);
        expect_seen(cases[i].name, &w, STR("head /later;body ;"));
        close_world(&w);
    }
}

static void note_taken(void *arg)
{
    see(arg, "taken;", STR(""));
}

/** So many bytes are untaken with it. */
static void answer_and_note(struct world *w, size_t bytes, bool close)
{
    struct http_request *rq = w->held;

    w->held = NULL;
    w->peers[0].stream.in_flight = bytes;
    http_respond(rq, &(struct http_response){
                         .status = 200, .close = close, .on_taken = note_taken, .arg = w});
    job_run_all(&w->later);
}

static void whoever_answers_hears_when_that_is_taken(void **state)
{
    enum end {
        DRAINED,
        LOST,
        SLOW,
        STOPPED,
        N_ENDS
    };
    (void)state;
    for (int end = DRAINED; end < N_ENDS; end++) {
        struct world w;
        open_world(&w);
        feed(&w, STR(GET("/later") GET("/later")));
        answer_and_note(&w, 0, false);
        expect_seen("little", &w, STR("head /later;body ;taken;head /later;body ;"));
        answer_and_note(&w, HTTP_UNTAKEN_MAX, false);
        expect_seen("much", &w, STR(""));
        switch (end) {
        case DRAINED: mem_stream_drain(&w.peers[0]); break;
        case LOST: mem_stream_end(&w.peers[0], STREAM_LOST); break;
        case SLOW: pass_ms(&w, HTTP_ANSWER_GRACE_MS); break;
        default: http_server_drain(w.server); break;
        }
        expect_seen("once", &w, STR("taken;"));
        expect_fate("its connection", &w,
                    end == DRAINED ? STAYS
                    : end == SLOW  ? ABORTED
                                   : CLOSED);
        close_world(&w);
    }
}

static void a_long_answer_that_closes_is_taken_at_its_rate_as_well(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/later")));
    answer_and_note(w, HTTP_UNTAKEN_MAX, true);
    expect_fate("much", w, STAYS);
    feed(w, STR(GET("/now")));
    mem_stream_drain(&w->peers[0]);
    expect_fate("taken", w, CLOSED);
    expect_seen("and nothing is asked after it", w, STR("head /later;body ;taken;"));
}

static void what_is_refused_behind_answers_waits_for_them(void **state)
{
    struct world *w = *state;

    answer_untaken(w, HTTP_UNTAKEN_MAX - 1);
    expect_seen("it goes on", w, STR("head /later;body ;head /now;"));
    expect_fate("it goes on", w, STAYS);
    mem_stream_drain(&w->peers[0]);
    w->peers[0].stream.in_flight = HTTP_UNTAKEN_MAX;
    feed(w, STR("bad\r\n\r\n"));
    expect_fate("refused", w, STAYS);
    mem_stream_drain(&w->peers[0]);
    expect_fate("and heard", w, CLOSED);
}

static void who_leaves_an_answer_untaken_had_its_answer(void **state)
{
    struct world *w = *state;
    struct mem_stream *drained = connect_peer(w);

    answer_untaken(w, HTTP_UNTAKEN_MAX + 1);
    mem_stream_end(&w->peers[0], STREAM_LOST);
    expect_seen("nothing is said to be gone", w, STR("head /later;body ;"));
    expect_fate("its connection ends", w, CLOSED);

    mem_stream_feed(drained, STR(GET("/later")));
    drained->stream.in_flight = HTTP_UNTAKEN_MAX;
    answer_held(w);
    http_server_drain(w->server);
    expect_int("a server that ends does not wait", fate_of(drained), CLOSED);
}

// Drain

static void drain_closes_the_idle_now_and_the_busy_with_their_answer(void **state)
{
    struct world *w = *state;
    struct mem_stream *in_head = connect_peer(w);
    struct mem_stream *in_body = connect_peer(w);

    mem_stream_feed(in_head, STR("GET /now"));
    mem_stream_feed(in_body, STR(POST("/echo", "2", "a")));
    feed(w, STR(GET("/later") GET("/now")));

    http_server_drain(w->server);
    expect_int("in a head", fate_of(in_head), CLOSED);
    expect_int("in a body", fate_of(in_body), STAYS);
    expect_fate("waiting", w, STAYS);
    expect_int("new", fate_of(connect_peer(w)), CLOSED);

    mem_stream_feed(in_body, STR("b"));
    expect_str("body", mem_stream_take(in_body), STR(OK_WITH(CLOSE, "2", "ab")));
    expect_int("body", fate_of(in_body), CLOSED);
    answer_held(w);
    expect_sent("waiting", w, STR(OK_WITH(CLOSE, "5", "later")));
    expect_fate("waiting", w, CLOSED);
}

static void drain_closes_a_connection_between_requests(void **state)
{
    struct world *w = *state;
    struct mem_stream *fresh = connect_peer(w);

    feed(w, STR(GET("/now")));
    mem_stream_take(&w->peers[0]);
    http_server_drain(w->server);
    expect_fate("idle", w, CLOSED);
    expect_int("fresh", fate_of(fresh), CLOSED);
    expect_sent("silently", w, STR(""));
}

// Fields and lines of the answer

static void the_date_is_that_of_the_clock(void **state)
{
    static const struct {
        int64_t unix_ms;
        str want;
    } dates[] = {
        {0, STR("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")},
        {999, STR("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")},
        {1000, STR("Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n")},
        {INT64_C(951782400000), STR("Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n")},
        {INT64_C(4102444799999), STR("Date: Thu, 31 Dec 2099 23:59:59 GMT\r\n")},
        {1000, STR("Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n")}, // a clock may be set back
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        w->unix_ms = dates[i].unix_ms;
        feed(w, STR(GET("/now")));
        str sent = mem_stream_take(&w->peers[0]);
        str_take(&sent, sizeof("HTTP/1.1 200 OK\r\n") - 1);
        expect_str("date", str_take(&sent, dates[i].want.len), dates[i].want);
    }
}

static void each_status_has_its_reason(void **state)
{
    static const struct {
        unsigned status;
        const char *line;
    } lines[] = {
        {200, "HTTP/1.1 200 OK\r\n"},
        {201, "HTTP/1.1 201 Created\r\n"},
        {204, "HTTP/1.1 204 No Content\r\n"},
        {206, "HTTP/1.1 206 Partial Content\r\n"},
        {304, "HTTP/1.1 304 Not Modified\r\n"},
        {400, "HTTP/1.1 400 Bad Request\r\n"},
        {403, "HTTP/1.1 403 Forbidden\r\n"},
        {404, "HTTP/1.1 404 Not Found\r\n"},
        {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
        {408, "HTTP/1.1 408 Request Timeout\r\n"},
        {411, "HTTP/1.1 411 Length Required\r\n"},
        {412, "HTTP/1.1 412 Precondition Failed\r\n"},
        {413, "HTTP/1.1 413 Content Too Large\r\n"},
        {416, "HTTP/1.1 416 Range Not Satisfiable\r\n"},
        {417, "HTTP/1.1 417 Expectation Failed\r\n"},
        {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
        {500, "HTTP/1.1 500 Internal Server Error\r\n"},
        {501, "HTTP/1.1 501 Not Implemented\r\n"},
        {503, "HTTP/1.1 503 Service Unavailable\r\n"},
        {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
        {507, "HTTP/1.1 507 Insufficient Storage\r\n"},
        {599, "HTTP/1.1 599 Unknown\r\n"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const str line = str_of(lines[i].line);

        feed(w, STR(GET("/later")));
        respond(w->held, lines[i].status, (str){0});
        w->held = NULL;
        str sent = mem_stream_take(&w->peers[0]);
        expect_str("line", str_take(&sent, line.len), line);
        expect_str("date", str_take(&sent, sizeof(DATE) - 1), STR(DATE));
    }
}

static void each_connection_has_a_number(void **state)
{
    struct world *w = *state;
    struct mem_stream *second = connect_peer(w);

    feed(w, STR(GET("/later")));
    assert_string_equal(w->held->log.key, "conn");
    assert_int_equal(w->held->log.id, 1);
    mem_stream_feed(second, STR(GET("/later")));
    assert_int_equal(w->held->log.id, 2);
}

static void knows_the_address_of_its_peer(void **state)
{
    struct world *w = *state;
    ip want;

    feed(w, STR(GET("/later")));
    assert_int_equal(ip_parse(&want, STR("127.0.0.1")), 0);
    const ip got = http_peer(w->held);
    assert_memory_equal(&got, &want, sizeof(got));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_row),
        cmocka_unit_test(answers_the_same_wherever_the_bytes_are_cut),
        cmocka_unit_test(answers_the_same_byte_by_byte),
        TEST(a_head_above_the_limit_gets_431),
        TEST(a_body_in_the_input_is_not_copied),
        TEST(a_request_that_waits_holds_no_body),
        TEST(a_large_body_in_pieces_is_whole),
        cmocka_unit_test(says_continue_once_and_only_to_who_waits),
        TEST(says_continue_when_it_is_the_requests_turn),
        TEST(a_stream_too_full_for_continue_is_aborted),
        cmocka_unit_test(each_wait_for_a_head_ends_at_its_deadline),
        TEST(a_head_kept_behind_an_answer_has_its_own_time),
        TEST(a_request_may_wait_for_ever),
        cmocka_unit_test(a_body_must_come_at_its_rate),
        TEST(what_frames_the_chunks_does_not_count_as_body),
        cmocka_unit_test(the_handler_hears_of_a_client_that_leaves_its_request),
        TEST(an_aborted_request_is_not_said_to_be_gone),
        TEST(an_answer_in_the_middle_of_the_body_closes),
        TEST(a_body_too_large_goes_by_until_it_is_answered),
        cmocka_unit_test(an_answer_that_the_stream_cannot_take_aborts),
        cmocka_unit_test(an_upgrade_that_the_stream_cannot_take_aborts),
        TEST(an_upgraded_stream_is_the_heirs),
        TEST(an_upgrade_of_a_paused_stream_reads_on),
        TEST(reading_ahead_pauses_above_the_limit),
        TEST(one_read_more_fits_when_the_limit_is_reached),
        TEST(bytes_between_an_answer_and_its_job_keep_their_order),
        TEST(an_end_between_an_answer_and_its_job_ends_all),
        TEST(the_next_request_waits_until_a_long_answer_is_taken),
        cmocka_unit_test(a_long_answer_must_be_taken_at_its_rate),
        cmocka_unit_test(whoever_answers_hears_when_that_is_taken),
        TEST(a_long_answer_that_closes_is_taken_at_its_rate_as_well),
        TEST(what_is_refused_behind_answers_waits_for_them),
        TEST(who_leaves_an_answer_untaken_had_its_answer),
        TEST(drain_closes_the_idle_now_and_the_busy_with_their_answer),
        TEST(drain_closes_a_connection_between_requests),
        TEST(the_date_is_that_of_the_clock),
        TEST(each_status_has_its_reason),
        TEST(each_connection_has_a_number),
        TEST(knows_the_address_of_its_peer),
    };
    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
