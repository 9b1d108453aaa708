#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "http/pace.h"
#include "http/server.h"
#include "support/mem_stream.h"
#include "support/t.h"

// Bodies that come in pieces, and answers that are files.

#define MAX_QUEUED 1000000u
#define MAX_BODY   16u
#define START_MS   INT64_C(1000000)

#define HOST              "Host: a\r\n"
#define GET(path)         "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define PUT(length, body) "PUT /put HTTP/1.1\r\n" HOST "Content-Length: " length "\r\n\r\n" body
#define CHUNKED(body)     "PUT /put HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" body
#define EXPECT            "PUT /put HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
#define CONTINUE          "HTTP/1.1 100 Continue\r\n\r\n"

#define DATE  "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define CLOSE "Connection: close\r\n"

#define ANSWER_WITH(status, fields, length, body)                                              \
    "HTTP/1.1 " status "\r\n" DATE "Content-Length: " length "\r\n" fields "\r\n" body
#define OK(length, body) ANSWER_WITH("200 OK", "", length, body)
#define FORBIDDEN        ANSWER_WITH("403 Forbidden", CLOSE, "0", "")

enum when {
    AT_END,
    AT_HEAD,
    AT_PIECE,
    LATER, // the test does it
};

struct world {
    struct clock clock;
    struct timers timers;
    struct job_queue later;
    struct http_route routes[3];
    struct http_server *server;
    struct mem_stream peer;
    struct buf seen; // what the handler was told, in its order
    struct http_request *held;

    // what the handler of /put does
    enum when answers;
    unsigned status; // with 200 it repeats the body
    size_t max_body;
    bool is_patient;
    bool pauses_head;
    bool pauses_pieces;
    bool is_paused;
    struct buf body;   // gathered from its pieces
    const char *piece; // where the last one was

    // what that of /file sends
    struct http_file file;
    size_t n_taken;
};

static void see(struct world *w, const char *what, str s)
{
    assert_int_equal(buf_addf(&w->seen, "%s", what), 0);
    assert_int_equal(buf_add(&w->seen, s), 0);
}

static void answer(struct world *w)
{
    struct http_request *rq = STEAL(w->held);
    const struct http_response r = {
        .status = w->status,
        .body = w->status == 200 ? buf_str(&w->body) : (str){0},
        .is_patient = w->is_patient,
    };

    assert_non_null(rq);
    w->is_paused = false;
    http_respond(rq, &r);
}

static void pause_it(struct world *w)
{
    w->is_paused = true;
    http_pause(w->held);
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct world *w = arg;

    (void)head;
    assert_false(rq->is_streamed);
    rq->is_streamed = true;
    rq->max_body = w->max_body;
    rq->state = w;
    w->held = rq;
    buf_clear(&w->body);
    see(w, "head;", STR(""));
    if (w->pauses_head)
        pause_it(w);
    if (w->answers == AT_HEAD)
        answer(w);
}

static void on_piece(void *arg, struct http_request *rq, str piece)
{
    struct world *w = arg;

    assert_ptr_equal(rq, w->held);
    assert_ptr_equal(rq->state, w);
    assert_false(w->is_paused);
    assert_true(piece.len > 0);
    w->piece = piece.ptr;
    assert_int_equal(buf_add(&w->body, piece), 0);
    assert_true(w->body.len <= w->max_body);
    if (w->pauses_pieces)
        pause_it(w);
    if (w->answers == AT_PIECE)
        answer(w);
}

static void on_body(void *arg, struct http_request *rq)
{
    struct world *w = arg;

    assert_ptr_equal(rq, w->held);
    assert_int_equal(rq->body_len, 0);
    assert_false(w->is_paused && !rq->is_too_large);
    w->is_paused = false;
    if (rq->is_too_large) {
        see(w, "too large;", STR(""));
        w->status = 413;
    } else {
        see(w, "end ", buf_str(&w->body));
        see(w, ";", STR(""));
    }
    if (w->answers == AT_END)
        answer(w);
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct world *w = arg;

    assert_ptr_equal(rq, w->held);
    see(w, "gone;", STR(""));
    w->held = NULL;
    w->is_paused = false;
}

static void on_taken(void *arg)
{
    struct world *w = arg;
    w->n_taken++;
}

static void on_head_of_file(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct world *w = arg;

    (void)head;
    see(w, "file;", STR(""));
    http_respond(rq, &(struct http_response){.status = 206,
                                             .type = STR("a/b"),
                                             .file = &w->file,
                                             .is_patient = w->is_patient,
                                             .on_taken = on_taken,
                                             .arg = w});
}

static void on_head_of_length(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct world *w = arg;

    (void)head;
    http_respond(rq, &(struct http_response){.status = w->status, .length = 12345678901});
}

static const struct http_handler put_handler = {
    .on_head = on_head, .on_piece = on_piece, .on_body = on_body, .on_gone = on_gone};
static const struct http_handler file_handler = {.on_head = on_head_of_file};
static const struct http_handler length_handler = {.on_head = on_head_of_length};

static int64_t fixed_unix_ms(struct clock *c)
{
    (void)c;
    return INT64_C(784111777999);
}

static void open_world(struct world *w)
{
    *w = (struct world){
        .clock.unix_ms = fixed_unix_ms, .status = 200, .max_body = MAX_BODY, .file.fd = -1};
    w->timers.now_ms = START_MS;
    w->later = JOB_QUEUE_INIT(w->later);
    buf_init(&w->seen, MAX_QUEUED);
    buf_init(&w->body, MAX_QUEUED);
    w->routes[0] = (struct http_route){STR("/put"), &put_handler, w};
    w->routes[1] = (struct http_route){STR("/file"), &file_handler, w};
    w->routes[2] = (struct http_route){STR("/length"), &length_handler, w};
    w->server = http_server_new(&(struct http_config){.timers = &w->timers,
                                                      .later = &w->later,
                                                      .clock = &w->clock,
                                                      .routes = w->routes,
                                                      .n_routes = COUNT_OF(w->routes)});
    mem_stream_init(&w->peer, MAX_QUEUED);
    http_server_accept(w->server, &w->peer.stream);
}

/** Whatever is left must be freed by now, or ASan says so. */
static void close_world(struct world *w)
{
    mem_stream_end(&w->peer, STREAM_LOST);
    job_run_all(&w->later);
    assert_null(w->later.head);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    http_server_free(w->server);
    mem_stream_fini(&w->peer);
    buf_fini(&w->body);
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
    mem_stream_feed(&w->peer, bytes);
    job_run_all(&w->later);
}

static void pass_ms(struct world *w, int64_t ms)
{
    timers_run(&w->timers, w->timers.now_ms + ms);
    job_run_all(&w->later);
}

static void resume(struct world *w)
{
    w->is_paused = false;
    http_resume(w->held);
    job_run_all(&w->later);
}

enum fate {
    STAYS,
    CLOSED,
    ABORTED
};

static enum fate fate_of(const struct world *w)
{
    assert_false(w->peer.is_closed && w->peer.is_aborted);
    return w->peer.is_closed ? CLOSED : w->peer.is_aborted ? ABORTED : STAYS;
}

static void expect_sent(const char *what, struct world *w, str want)
{
    expect_str(what, mem_stream_take(&w->peer), want);
}

static void expect_seen(const char *what, struct world *w, str want)
{
    expect_str(what, buf_str(&w->seen), want);
    buf_clear(&w->seen);
}

static void expect_fate(const char *what, const struct world *w, enum fate want)
{
    expect_int(what, fate_of(w), want);
}

// Pieces

// clang-format off
static const struct row {
    const char *name;
    str in;
    str seen;
    str sent;
    enum fate fate;
} rows[] = {
    {"none",              STR(GET("/put")), STR("head;end ;"), STR(OK("0", "")), STAYS},
    {"empty",             STR(PUT("0", "")), STR("head;end ;"), STR(OK("0", "")), STAYS},
    {"one byte",          STR(PUT("1", "a")), STR("head;end a;"), STR(OK("1", "a")), STAYS},
    {"exactly the most",  STR(PUT("16", "0123456789abcdef")), STR("head;end 0123456789abcdef;"), STR(OK("16", "0123456789abcdef")), STAYS},
    {"one more",          STR(PUT("17", "0123456789abcdefg") GET("/put")), STR("head;too large;"), STR(ANSWER_WITH("413 Content Too Large", CLOSE, "0", "")), CLOSED},
    {"length of 64 bits", STR(PUT("18446744073709551615", "")), STR("head;too large;"), STR(ANSWER_WITH("413 Content Too Large", CLOSE, "0", "")), CLOSED},
    {"pipelined",         STR(PUT("3", "abc") PUT("2", "de") PUT("0", "") PUT("1", "f")), STR("head;end abc;head;end de;head;end ;head;end f;"), STR(OK("3", "abc") OK("2", "de") OK("0", "") OK("1", "f")), STAYS},
    {"then bad",          STR(PUT("1", "a") "bad\r\n"), STR("head;end a;"), STR(OK("1", "a") ANSWER_WITH("400 Bad Request", CLOSE, "0", "")), CLOSED},
    {"chunked",           STR(CHUNKED("3\r\nabc\r\n1;x=y\r\nz\r\n0\r\nT: t\r\n\r\n") PUT("1", "b")), STR("head;end abcz;head;end b;"), STR(OK("4", "abcz") OK("1", "b")), STAYS},
    {"chunked, empty",    STR(CHUNKED("0\r\n\r\n") GET("/put")), STR("head;end ;head;end ;"), STR(OK("0", "") OK("0", "")), STAYS},
    {"chunked, exactly the most", STR(CHUNKED("f\r\n0123456789abcde\r\n1\r\nf\r\n0\r\n\r\n")), STR("head;end 0123456789abcdef;"), STR(OK("16", "0123456789abcdef")), STAYS},
    {"chunked, one more", STR(CHUNKED("f\r\n0123456789abcde\r\n2\r\nfg\r\n0\r\n\r\n") GET("/put")), STR("head;too large;"), STR(ANSWER_WITH("413 Content Too Large", CLOSE, "0", "")), CLOSED},
    {"chunked, bad",      STR(CHUNKED("1\r\nab\r\n") GET("/put")), STR("head;gone;"), STR(ANSWER_WITH("400 Bad Request", CLOSE, "0", "")), CLOSED},
};
// clang-format on

static void go_on_while_paused(struct world *w)
{
    while (w->is_paused)
        resume(w);
}

/** @param step  bytes fed at once, after the first `first` */
static void run_row(const struct row *row, size_t first, size_t step, bool pauses)
{
    struct world w;
    str in = row->in;

    open_world(&w);
    w.pauses_head = w.pauses_pieces = pauses;
    feed(&w, str_take(&in, first));
    while (in.len > 0) {
        go_on_while_paused(&w);
        feed(&w, str_take(&in, in.len < step ? in.len : step));
    }
    go_on_while_paused(&w);
    expect_seen(row->name, &w, row->seen);
    expect_sent(row->name, &w, row->sent);
    expect_fate(row->name, &w, row->fate);
    close_world(&w);
}

static void pieces_make_the_body_wherever_it_is_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t cut = 0; cut < row->in.len; cut++)
            run_row(row, cut, row->in.len, false);
        run_row(row, 0, 1, false);
    }
}

static void pauses_change_nothing_in_that(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t cut = 0; cut < row->in.len; cut++)
            run_row(row, cut, row->in.len, true);
        run_row(row, 0, 1, true);
    }
}

static void pieces_are_not_copied(void **state)
{
    struct world *w = *state;
    char in[] = PUT("9", "abc");

    w->answers = LATER;
    w->peer.stream.events->on_bytes(w->peer.stream.owner, in, sizeof(in) - 1);
    expect_str("body", buf_str(&w->body), STR("abc"));
    assert_ptr_equal(w->piece, in + sizeof(in) - 1 - 3);
}

// Pauses

static void a_paused_body_waits_and_keeps_its_order(void **state)
{
    struct world *w = *state;

    w->pauses_pieces = true;
    feed(w, STR(PUT("9", "abc")));
    expect_str("first", buf_str(&w->body), STR("abc"));
    assert_false(w->peer.is_reading);
    feed(w, STR("def")); // was on its way
    feed(w, STR("ghi" PUT("1", "x")));
    expect_str("nothing meanwhile", buf_str(&w->body), STR("abc"));

    w->is_paused = false;
    http_resume(w->held);
    expect_str("not from inside", buf_str(&w->body), STR("abc"));
    assert_true(w->peer.is_reading);
    job_run_all(&w->later);
    expect_str("then all of it", buf_str(&w->body), STR("abcdefghi"));
    assert_false(w->peer.is_reading);
    expect_seen("but not its end", w, STR("head;"));
    resume(w);
    expect_seen("its end, and the next", w, STR("end abcdefghi;head;"));
}

static void bytes_between_resuming_and_its_job_keep_their_order(void **state)
{
    struct world *w = *state;

    w->pauses_pieces = true;
    w->answers = LATER;
    feed(w, STR(PUT("9", "abc")));
    mem_stream_feed(&w->peer, STR("def"));
    w->pauses_pieces = w->is_paused = false;
    http_resume(w->held);
    mem_stream_feed(&w->peer, STR("ghi"));
    job_run_all(&w->later);
    expect_seen("all", w, STR("head;end abcdefghi;"));
}

static void what_is_read_ahead_is_bounded_by_the_pause(void **state)
{
    static char bytes[STREAM_READ_MAX];
    struct world *w = *state;

    w->max_body = sizeof(bytes) * 4;
    w->pauses_pieces = true;
    w->answers = LATER;
    feed(w, STR(PUT("262144", "")));
    for (int i = 0; i < 3; i++) { // one is used, and two are what is kept at most
        feed(w, (str){bytes, sizeof(bytes)});
        assert_false(w->peer.is_reading);
    }
    resume(w);
    assert_int_equal(w->body.len, sizeof(bytes) * 3);
    resume(w);
    assert_true(w->peer.is_reading);
}

static void a_request_may_be_answered_while_it_is_paused(void **state)
{
    static const struct {
        const char *name;
        str in;
        str sent;
        enum fate fate;
    } cases[] = {
        {"in the middle", STR(PUT("9", "abc")), STR(FORBIDDEN), CLOSED},
        {"with the last piece", STR(PUT("3", "abc")),
         STR(ANSWER_WITH("403 Forbidden", "", "0", "")), STAYS},
        {"with the last piece of chunks", STR(CHUNKED("1\r\na\r\n")), STR(FORBIDDEN), CLOSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int at_once = 0; at_once < 2; at_once++) {
            struct world w;
            open_world(&w);
            w.status = 403;
            w.pauses_pieces = true;
            w.answers = at_once ? AT_PIECE : LATER;
            feed(&w, cases[i].in);
            if (!at_once)
                answer(&w);
            expect_sent(cases[i].name, &w, cases[i].sent);
            expect_fate(cases[i].name, &w, cases[i].fate);
            if (cases[i].fate == STAYS)
                assert_true(w.peer.is_reading);
            feed(&w, STR(GET("/length")));
            expect_int(cases[i].name, mem_stream_take(&w.peer).len > 0, cases[i].fate == STAYS);
            close_world(&w);
        }
    }
}

static void who_is_paused_at_the_head_is_not_asked_to_go_on(void **state)
{
    struct world *w = *state;

    w->pauses_head = true;
    feed(w, STR(EXPECT));
    expect_sent("not asked", w, STR(""));
    assert_false(w->peer.is_reading);
    resume(w);
    expect_sent("asked", w, STR(CONTINUE));
    feed(w, STR("a"));
    feed(w, STR("bc"));
    expect_sent("once", w, STR(OK("3", "abc")));

    feed(w, STR(EXPECT));
    feed(w, STR("abc")); // it did not wait
    expect_sent("not asked", w, STR(""));
    resume(w);
    expect_sent("and need not be", w, STR(OK("3", "abc")));

    w->status = 403;
    w->is_patient = true; // of nobody who waits
    feed(w, STR(EXPECT));
    answer(w);
    expect_sent("not asked at all", w, STR(FORBIDDEN));
    expect_fate("not asked at all", w, CLOSED);
}

static void what_is_refused_at_its_head_is_not_asked_for(void **state)
{
    struct world *w = *state;

    w->answers = AT_HEAD;
    w->status = 403;
    w->is_patient = true;
    feed(w, STR(EXPECT));
    expect_sent("at once", w, STR(FORBIDDEN));
    expect_fate("at once", w, CLOSED);
}

static void pausing_what_is_over_is_harmless(void **state)
{
    struct world *w = *state;

    w->answers = LATER;
    feed(w, STR(PUT("1", "a")));
    http_resume(w->held);
    http_pause(w->held);
    http_resume(w->held);
    assert_true(w->peer.is_reading);
    answer(w);
    w->max_body = 0;
    feed(w, STR(PUT("1", "")));
    http_pause(w->held);
    assert_true(w->peer.is_reading);
    expect_seen("both", w, STR("head;end a;head;too large;"));
}

// Answers before the end

static void an_answer_before_the_end_closes_at_once(void **state)
{
    static const struct {
        enum when answers;
        size_t max_body;
        str in;
    } cases[] = {
        {AT_HEAD, MAX_BODY, STR(PUT("9", ""))},   {AT_HEAD, MAX_BODY, STR(CHUNKED(""))},
        {AT_PIECE, MAX_BODY, STR(PUT("9", "a"))}, {AT_PIECE, MAX_BODY, STR(CHUNKED("1\r\na"))},
        {LATER, MAX_BODY, STR(PUT("9", "a"))},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        open_world(&w);
        w.status = 403;
        w.answers = cases[i].answers;
        feed(&w, cases[i].in);
        if (w.held)
            answer(&w);
        expect_sent("answer", &w, STR(FORBIDDEN));
        expect_fate("closed", &w, CLOSED);
        close_world(&w);
    }
}

static void a_patient_answer_lets_the_rest_go_by(void **state)
{
    static const struct {
        const char *name;
        enum when answers;
        str in;
        str rest;
    } cases[] = {
        {"at the head", AT_HEAD, STR(PUT("9", "")), STR("abcdefghi")},
        {"at the head, some is there", AT_HEAD, STR(PUT("9", "abc")), STR("defghi")},
        {"at the head, chunks", AT_HEAD, STR(CHUNKED("")), STR("1\r\na\r\n0\r\n\r\n")},
        {"at a piece", AT_PIECE, STR(PUT("9", "a")), STR("bcdefghi")},
        {"at a chunk", AT_PIECE, STR(CHUNKED("2\r\na")), STR("b\r\n0\r\n\r\n")},
        {"later", LATER, STR(PUT("9", "abc")), STR("defghi")},
        {"too large", AT_END, STR(PUT("17", "abc")), STR("0123456789abcd")},
        {"too large, later", LATER, STR(PUT("17", "abc")), STR("0123456789abcd")},
        {"too large, chunks", AT_END, STR(CHUNKED("11\r\n0123456789abcdefg")),
         STR("\r\n3\r\nabc\r\n0\r\n\r\n")},
        {"too large, chunks, later", LATER, STR(CHUNKED("20\r\n0123456789abcdefg")),
         STR("0123456789abcde\r\n0\r\n\r\n")},
        {"then it is bad", AT_HEAD, STR(CHUNKED("1\r\n")), STR("ab")},
    };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        const size_t n = i / 2;
        struct world w;
        str rest = cases[n].rest;

        open_world(&w);
        w.status = 403;
        w.is_patient = true;
        w.answers = cases[n].answers;
        w.pauses_pieces = i % 2; // it goes by all the same
        feed(&w, cases[n].in);
        if (w.held)
            answer(&w);
        job_run_all(&w.later);
        expect_int(
            cases[n].name, mem_stream_take(&w.peer).len,
            sizeof(FORBIDDEN) - 1 +
                (w.status == 413 ? sizeof("Content Too Large") - sizeof("Forbidden") : 0));
        assert_true(w.peer.is_reading);
        while (rest.len > 0) {
            expect_fate(cases[n].name, &w, STAYS);
            feed(&w, str_take(&rest, 1));
        }
        expect_fate(cases[n].name, &w, CLOSED);
        expect_sent(cases[n].name, &w, STR(""));
        close_world(&w);
    }
}

static void what_goes_by_may_be_followed_by_more(void **state)
{
    struct world *w = *state;

    w->status = 403;
    w->is_patient = true;
    w->answers = AT_HEAD;
    feed(w, STR(PUT("3", "abc") GET("/length")));
    expect_sent("one answer", w, STR(FORBIDDEN));
    expect_fate("closed", w, CLOSED);
}

static void so_much_goes_by_and_no_more(void **state)
{
    static char bytes[STREAM_READ_MAX];
    struct world *w = *state;

    static_assert(HTTP_DROPPED_MAX % STREAM_READ_MAX == 0, "they fill it exactly");
    w->status = 403;
    w->is_patient = true;
    w->answers = AT_HEAD;
    feed(w, STR(PUT("999999999999", "")));
    for (size_t n = 0; n < HTTP_DROPPED_MAX; n += sizeof(bytes))
        feed(w, (str){bytes, sizeof(bytes)});
    expect_fate("the most", w, STAYS);
    feed(w, STR("x"));
    expect_fate("one more", w, CLOSED);
}

static void what_goes_by_must_keep_its_rate(void **state)
{
    static char bytes[HTTP_BODY_BYTES_PER_S];
    struct world *w = *state;

    w->status = 403;
    w->is_patient = true;
    w->answers = AT_HEAD;
    feed(w, STR(PUT("999999999999", "")));
    pass_ms(w, HTTP_BODY_GRACE_MS);
    feed(w, (str){bytes, sizeof(bytes)});
    pass_ms(w, 1000);
    expect_fate("just enough", w, STAYS);
    feed(w, (str){bytes, sizeof(bytes) - 1});
    pass_ms(w, 1000);
    expect_fate("one too few", w, CLOSED);
    expect_sent("one answer", w, STR(FORBIDDEN));
    expect_seen("nobody is told", w, STR("head;"));
}

static void an_end_while_it_goes_by_is_nobodys(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world w;
        open_world(&w);
        w.status = 403;
        w.is_patient = true;
        w.answers = AT_HEAD;
        feed(&w, STR(PUT("9", "abc")));
        if (i < 2) {
            mem_stream_end(&w.peer, i == 0 ? STREAM_FIN : STREAM_LOST);
        } else {
            http_server_drain(w.server);
        }
        expect_fate("closed", &w, CLOSED);
        expect_seen("not gone", &w, STR("head;"));
        close_world(&w);
    }
}

// Time, and ends

static void a_slow_sender_is_cut(void **state)
{
    struct world *w = *state;

    w->answers = LATER;
    feed(w, STR(PUT("9", "abc")));
    pass_ms(w, HTTP_BODY_GRACE_MS);
    expect_fate("grace", w, STAYS);
    pass_ms(w, 1000);
    expect_sent("then not", w, STR(ANSWER_WITH("408 Request Timeout", CLOSE, "0", "")));
    expect_fate("then not", w, CLOSED);
    expect_seen("told", w, STR("head;gone;"));
}

/** Time goes by as it does, in steps. @return ms until the end of the connection */
static int64_t ms_to_the_end(struct world *w)
{
    int64_t ms = 0;

    for (; fate_of(w) == STAYS; ms++)
        pass_ms(w, 1);
    return ms;
}

static void a_pause_is_not_slowness(void **state)
{
    static const struct {
        int64_t before_ms; // the pause
        int64_t behind_ms; // it, to the end
    } cases[] = {
        {0, HTTP_BODY_GRACE_MS + 1000},   {1, HTTP_BODY_GRACE_MS + 999},
        {HTTP_BODY_GRACE_MS - 1, 1001},   {HTTP_BODY_GRACE_MS, 1000},
        {HTTP_BODY_GRACE_MS + 999, 1000}, // the next look
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        open_world(&w);
        w.answers = LATER;
        feed(&w, STR(PUT("9", "abc")));
        for (int64_t ms = 0; ms < cases[i].before_ms; ms++)
            pass_ms(&w, 1);
        http_pause(w.held);
        expect_int("no deadline", timers_next_ms(&w.timers), INT64_MAX);
        pass_ms(&w, 3600000);
        resume(&w);
        expect_int("the rest of its time", ms_to_the_end(&w), cases[i].behind_ms);
        expect_seen("told", &w, STR("head;gone;"));
        close_world(&w);
    }
}

static void who_was_fast_stands_still_no_longer_than_others(void **state)
{
    static char bytes[STREAM_READ_MAX];
    struct world *w = *state;

    w->answers = AT_HEAD;
    w->status = 403;
    w->is_patient = true;
    feed(w, STR(PUT("999999999999", "")));
    for (int i = 0; i < 1000; i++)
        feed(w, (str){bytes, sizeof(bytes)});
    expect_int("of a body", ms_to_the_end(w), HTTP_BODY_GRACE_MS + HTTP_STALL_MS + 1000);
}

static void the_handler_hears_of_a_client_that_leaves(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct world w;
        open_world(&w);
        w.answers = LATER;
        w.pauses_head = i & 1;
        w.pauses_pieces = i & 2;
        feed(&w, i & 4 ? STR(CHUNKED("9\r\nab")) : STR(PUT("9", "ab")));
        mem_stream_end(&w.peer, i & 1 ? STREAM_FIN : STREAM_LOST);
        job_run_all(&w.later);
        expect_seen("gone", &w, STR("head;gone;"));
        expect_fate("closed", &w, CLOSED);
        close_world(&w);
    }
}

static void an_abort_is_possible_wherever_it_stands(void **state)
{
    struct world *w = *state;

    w->answers = LATER;
    w->pauses_pieces = true;
    feed(w, STR(PUT("9", "abc")));
    http_abort(w->held);
    w->is_paused = false;
    job_run_all(&w->later);
    expect_fate("aborted", w, ABORTED);
    expect_seen("not gone", w, STR("head;"));
}

static void drain_waits_for_a_body(void **state)
{
    struct world *w = *state;

    w->pauses_pieces = true;
    feed(w, STR(PUT("3", "a")));
    http_server_drain(w->server);
    expect_fate("paused", w, STAYS);
    w->pauses_pieces = false;
    resume(w);
    feed(w, STR("bc"));
    expect_sent("answered", w, STR(ANSWER_WITH("200 OK", CLOSE, "3", "abc")));
    expect_fate("and closed", w, CLOSED);
}

// Files

#define FILE_WITH(fields, length, body)                                                        \
    "HTTP/1.1 206 Partial Content\r\n" DATE "Content-Type: a/b\r\nContent-Length: " length     \
    "\r\n" fields "\r\n" body

/** @param offset, length  of what will be sent of "0123456789" */
static void put_file(struct world *w, uint64_t offset, uint64_t length)
{
    const int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    w->file = (struct http_file){fd, offset, length};
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void a_part_of_a_file_is_sent(void **state)
{
    static const struct {
        const char *name;
        uint64_t offset;
        uint64_t length;
        str in;
        str sent;
    } cases[] = {
        {"whole", 0, 10, STR(GET("/file")), STR(FILE_WITH("", "10", "0123456789"))},
        {"a part", 3, 4, STR(GET("/file")), STR(FILE_WITH("", "4", "3456"))},
        {"one byte", 9, 1, STR(GET("/file")), STR(FILE_WITH("", "1", "9"))},
        {"nothing", 0, 0, STR(GET("/file")), STR(FILE_WITH("", "0", ""))},
        {"HEAD", 0, 10, STR("HEAD /file HTTP/1.1\r\n" HOST "\r\n"),
         STR(FILE_WITH("", "10", ""))},
        {"HEAD, a part", 3, 4, STR("HEAD /file HTTP/1.1\r\n" HOST "\r\n"),
         STR(FILE_WITH("", "4", ""))},
        {"close", 0, 10, STR("GET /file HTTP/1.1\r\n" HOST CLOSE "\r\n"),
         STR(FILE_WITH(CLOSE, "10", "0123456789"))},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        open_world(&w);
        put_file(&w, cases[i].offset, cases[i].length);
        feed(&w, cases[i].in);
        expect_int(cases[i].name, is_open(w.file.fd), false);
        expect_sent(cases[i].name, &w, cases[i].sent);
        mem_stream_drain(&w.peer);
        job_run_all(&w.later);
        expect_int(cases[i].name, w.n_taken, 1);
        expect_fate(cases[i].name, &w,
                    str_eq(str_of(cases[i].name), STR("close")) ? CLOSED : STAYS);
        close_world(&w);
    }
}

static void a_head_without_a_file_needs_no_descriptor(void **state)
{
    struct world *w = *state;

    w->file = (struct http_file){.fd = -1, .length = 5000000000};
    feed(w, STR("HEAD /file HTTP/1.1\r\n" HOST "\r\n"));
    expect_sent("length", w, STR(FILE_WITH("", "5000000000", "")));
    feed(w, STR("HEAD /length HTTP/1.1\r\n" HOST "\r\n"));
    expect_sent("length", w, STR(OK("12345678901", "")));
    feed(w, STR(GET("/length")));
    expect_sent("not of a GET", w, STR(OK("0", "")));
    w->status = 304;
    feed(w, STR(GET("/length")));
    expect_sent("nor of 304", w, STR("HTTP/1.1 304 Not Modified\r\n" DATE "\r\n"));
}

static void the_next_request_waits_until_the_file_is_taken(void **state)
{
    struct world *w = *state;

    put_file(w, 0, 10);
    feed(w, STR(GET("/file") GET("/file") GET("/length")));
    expect_seen("one", w, STR("file;"));
    for (int i = 0; i < 2; i++) {
        expect_sent("file", w, STR(FILE_WITH("", "10", "0123456789")));
        pass_ms(w, HTTP_ANSWER_GRACE_MS - 1);
        put_file(w, 0, 10);
        mem_stream_drain(&w->peer);
        assert_int_equal(w->n_taken, i + 1);
        job_run_all(&w->later);
    }
    expect_seen("two", w, STR("file;"));
    expect_sent("what is behind them", w, STR(OK("0", "")));
    close(w->file.fd);
}

static void a_stream_too_full_for_a_file_closes_it(void **state)
{
    struct world *w = *state;

    put_file(w, 0, 10);
    w->peer.stream.in_flight = MAX_QUEUED - 100;
    feed(w, STR(GET("/file")));
    expect_fate("cut", w, ABORTED);
    assert_false(is_open(w->file.fd));
}

static void drain_lets_a_file_end(void **state)
{
    struct world *w = *state;

    put_file(w, 0, 10);
    feed(w, STR(GET("/file")));
    http_server_drain(w->server);
    expect_fate("its stream sends on by itself", w, CLOSED);
    expect_int("told", w->n_taken, 1);
}

static void a_file_may_answer_a_body_that_goes_by(void **state)
{
    struct world *w = *state;

    w->is_patient = true;
    put_file(w, 0, 10);
    feed(w, STR("PUT /file HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na"));
    expect_fate("not yet", w, STAYS);
    feed(w, STR("b"));
    expect_fate("it is still taken", w, STAYS);
    mem_stream_drain(&w->peer);
    expect_fate("taken", w, CLOSED);
    expect_int("told", w->n_taken, 1);

    struct world other;
    open_world(&other);
    other.is_patient = true;
    put_file(&other, 0, 10);
    feed(&other, STR("PUT /file HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na"));
    mem_stream_drain(&other.peer);
    expect_fate("taken before", &other, STAYS);
    feed(&other, STR("b"));
    expect_fate("and all gone by", &other, CLOSED);
    close_world(&other);
}

// Of a file that is only told to be there.

static void send_no_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    (void)offset;
    close(fd);
    s->in_flight += n;
}

static void start_huge_file(struct world *w, struct stream_ops *ops, uint64_t n)
{
    *ops = *w->peer.stream.ops;
    ops->send_file = send_no_file;
    w->peer.stream.ops = ops;
    put_file(w, 0, n);
    feed(w, STR(GET("/file")));
    assert_int_equal(w->peer.stream.in_flight, n);
    mem_stream_take(&w->peer); // the head
}

static void a_huge_file_must_be_taken_at_its_rate(void **state)
{
    const uint64_t huge = UINT64_C(1) << 40;
    struct world *w = *state;
    struct stream_ops ops;

    start_huge_file(w, &ops, huge);
    pass_ms(w, HTTP_ANSWER_GRACE_MS - 1000);
    for (int i = 0; i < 10000; i++) { // in hours
        w->peer.stream.in_flight -= HTTP_ANSWER_BYTES_PER_S;
        pass_ms(w, 1000);
        expect_fate("just enough", w, STAYS);
    }
    w->peer.stream.in_flight -= UINT64_C(1) << 39;
    expect_int("it stands still", ms_to_the_end(w), HTTP_STALL_MS + 1000);
    expect_fate("then it is cut", w, ABORTED);
    expect_int("told", w->n_taken, 1);
}

static void a_file_that_nobody_takes_is_cut_after_the_grace(void **state)
{
    struct world *w = *state;
    struct stream_ops ops;

    start_huge_file(w, &ops, 10);
    pass_ms(w, HTTP_ANSWER_GRACE_MS);
    expect_fate("grace", w, STAYS);
    pass_ms(w, 1000); // its head was taken
    expect_fate("cut", w, ABORTED);
}

static void what_seems_to_grow_is_not_taken(void **state)
{
    struct world *w = *state;
    struct stream_ops ops;

    start_huge_file(w, &ops, 1000000);
    w->peer.stream.in_flight -= 5;
    pass_ms(w, HTTP_ANSWER_GRACE_MS);
    w->peer.stream.in_flight += 262144;
    pass_ms(w, 1000);
    expect_fate("too slow", w, ABORTED);
}

static void who_closes_its_half_still_takes_its_file_at_the_rate(void **state)
{
    static const struct {
        const char *name;
        bool is_taken;
        bool is_lost;
        enum fate fate;
    } cases[] = {
        {"taken", true, false, CLOSED},
        {"not taken", false, false, ABORTED},
        {"and then is lost", false, true, CLOSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        struct stream_ops ops;
        open_world(&w);
        start_huge_file(&w, &ops, 10);
        feed(&w, STR(GET("/length"))); // is not answered any more
        mem_stream_end(&w.peer, STREAM_FIN);
        expect_fate(cases[i].name, &w, STAYS);
        expect_int("it counts until then", w.n_taken, 0);
        if (cases[i].is_taken) {
            mem_stream_drain(&w.peer);
        } else if (cases[i].is_lost) {
            mem_stream_end(&w.peer, STREAM_LOST);
        } else {
            pass_ms(&w, HTTP_ANSWER_GRACE_MS);
            pass_ms(&w, 1000);
        }
        expect_fate(cases[i].name, &w, cases[i].fate);
        expect_int(cases[i].name, w.n_taken, 1);
        expect_sent(cases[i].name, &w, STR(""));
        close_world(&w);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_the_body_wherever_it_is_cut),
        cmocka_unit_test(pauses_change_nothing_in_that),
        TEST(pieces_are_not_copied),
        TEST(a_paused_body_waits_and_keeps_its_order),
        TEST(bytes_between_resuming_and_its_job_keep_their_order),
        TEST(what_is_read_ahead_is_bounded_by_the_pause),
        cmocka_unit_test(a_request_may_be_answered_while_it_is_paused),
        TEST(who_is_paused_at_the_head_is_not_asked_to_go_on),
        TEST(what_is_refused_at_its_head_is_not_asked_for),
        TEST(pausing_what_is_over_is_harmless),
        cmocka_unit_test(an_answer_before_the_end_closes_at_once),
        cmocka_unit_test(a_patient_answer_lets_the_rest_go_by),
        TEST(what_goes_by_may_be_followed_by_more),
        TEST(so_much_goes_by_and_no_more),
        TEST(what_goes_by_must_keep_its_rate),
        cmocka_unit_test(an_end_while_it_goes_by_is_nobodys),
        TEST(a_slow_sender_is_cut),
        cmocka_unit_test(a_pause_is_not_slowness),
        TEST(who_was_fast_stands_still_no_longer_than_others),
        cmocka_unit_test(the_handler_hears_of_a_client_that_leaves),
        TEST(an_abort_is_possible_wherever_it_stands),
        TEST(drain_waits_for_a_body),
        cmocka_unit_test(a_part_of_a_file_is_sent),
        TEST(a_head_without_a_file_needs_no_descriptor),
        TEST(the_next_request_waits_until_the_file_is_taken),
        TEST(a_stream_too_full_for_a_file_closes_it),
        TEST(drain_lets_a_file_end),
        TEST(a_file_may_answer_a_body_that_goes_by),
        TEST(a_huge_file_must_be_taken_at_its_rate),
        TEST(a_file_that_nobody_takes_is_cut_after_the_grace),
        TEST(what_seems_to_grow_is_not_taken),
        cmocka_unit_test(who_closes_its_half_still_takes_its_file_at_the_rate),
    };
    return cmocka_run_group_tests_name("http/stream", tests, NULL, NULL);
}
