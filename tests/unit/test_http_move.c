#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/server.h"
#include "support/mem_stream.h"
#include "support/t.h"

// Two servers, between which a client's connection moves: the first character of a path says
// who serves it. tests/unit/test_http_move_loops.c has the same on two loops.

#define MAX_QUEUED 1000000u
#define MAX_BODY   200000u
#define N_STREAMS  300
#define START_MS   INT64_C(1000000)

#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path, length, body)                                                               \
    "POST " path " HTTP/1.1\r\n" HOST "Content-Length: " length "\r\n\r\n" body
#define EXPECT(path)                                                                           \
    "POST " path " HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define OK_WITH(fields, length, body)                                                          \
    "HTTP/1.1 200 OK\r\n" DATE "Content-Length: " length "\r\n" fields "\r\n" body
#define OK(length, body) OK_WITH("", length, body)
#define CLOSE            "Connection: close\r\n"
#define KEEP             "Connection: keep-alive\r\n"

struct world;

struct home {
    struct world *world;
    int number;
    struct http_route route;
    struct http_server *server;
};

struct world {
    struct clock clock;
    struct timers timers;
    struct job_queue later;
    struct home homes[2];
    struct mem_stream streams[N_STREAMS]; // the connection, at all places where it has been
    struct mem_stream *at;                // where it is, or was last
    size_t n_streams;
    struct stream_parcel parcel;
    int bound_for; // HTTP_HERE: no parcel is on its way
    struct buf seen;
    struct buf got; // by the client
    struct http_request *held;
    bool pauses;
};

static void see(struct world *w, const struct home *h, const char *what, str s)
{
    assert_int_equal(buf_addf(&w->seen, "%d %s" STR_FMT ";", h->number, what, STR_ARG(s)), 0);
}

static void take(struct world *w)
{
    assert_int_equal(buf_add(&w->got, mem_stream_take(w->at)), 0);
}

static void upgrade(struct world *w, const struct home *h, struct http_request *rq)
{
    char *rest = NULL;
    size_t rest_len = 0;
    struct stream *s = http_upgrade(rq, STR("Upgrade: x\r\n"), &rest, &rest_len);

    assert_non_null(s);
    assert_true(container_of(s, struct mem_stream, stream)->is_reading);
    see(w, h, "rest ", (str){rest, rest_len});
    stream_close(s);
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const struct home *h = arg;
    struct world *w = h->world;

    see(w, h, "head ", head->path);
    rq->state = w;
    rq->max_body = MAX_BODY;
    if (str_eq(head->query, STR("upgrade"))) {
        upgrade(w, h, rq);
    } else if (str_eq(head->query, STR("hold"))) {
        w->held = rq;
    } else if (w->pauses) {
        w->held = rq;
        http_pause(rq);
    }
}

static void on_body(void *arg, struct http_request *rq)
{
    const struct home *h = arg;
    struct world *w = h->world;
    const str body = {rq->body, rq->body_len};
    char text[32];

    if (rq == w->held && !w->pauses)
        return;
    w->held = NULL;
    snprintf(text, sizeof(text), "%d:%zu", h->number, body.len);
    http_respond(rq, &(struct http_response){.status = 200, .body = str_of(text)});
}

static void on_gone(void *arg, struct http_request *rq)
{
    const struct home *h = arg;

    (void)rq;
    see(h->world, h, "gone", STR(""));
    h->world->held = NULL;
}

static const struct http_handler handler = {
    .on_head = on_head, .on_body = on_body, .on_gone = on_gone};

static int place(void *arg, const struct http_head *head)
{
    const struct home *h = arg;
    const int number = head->path.ptr[1] - '0';

    return number == h->number ? HTTP_HERE : number;
}

static void move(void *arg, int number, struct stream_parcel *parcel)
{
    const struct home *h = arg;

    assert_int_equal(h->world->bound_for, HTTP_HERE);
    assert_int_not_equal(number, h->number);
    h->world->parcel = *parcel;
    h->world->bound_for = number;
}

static int64_t fixed_unix_ms(struct clock *c)
{
    (void)c;
    return INT64_C(784111777999);
}

static struct mem_stream *next_stream(struct world *w)
{
    assert_true(w->n_streams < N_STREAMS);
    w->at = &w->streams[w->n_streams++];
    return w->at;
}

static void arrive(struct world *w)
{
    struct home *h = &w->homes[w->bound_for];

    w->bound_for = HTTP_HERE;
    mem_stream_attach(next_stream(w), &w->parcel);
    http_server_adopt(h->server, &w->at->stream, buf_str(&w->parcel.unread));
    buf_fini(&w->parcel.unread);
    assert_false(w->at->is_reading);
}

/** Until nothing is left to do, and nobody on the way. */
static void run(struct world *w)
{
    job_run_all(&w->later);
    while (w->later.head || w->bound_for != HTTP_HERE) {
        if (w->bound_for != HTTP_HERE)
            arrive(w);
        job_run_all(&w->later);
    }
}

static void feed(struct world *w, str bytes)
{
    mem_stream_feed(w->at, bytes);
    run(w);
}

static void open_world(struct world *w)
{
    w->clock.unix_ms = fixed_unix_ms;
    w->timers.now_ms = START_MS;
    w->later = JOB_QUEUE_INIT(w->later);
    w->bound_for = HTTP_HERE;
    buf_init(&w->seen, MAX_QUEUED);
    buf_init(&w->got, MAX_QUEUED);
    for (int i = 0; i < 2; i++) {
        struct home *h = &w->homes[i];
        *h =
            (struct home){.world = w, .number = i, .route = {STR("/"), &handler, &w->homes[i]}};
        h->server = http_server_new(&(struct http_config){.timers = &w->timers,
                                                          .later = &w->later,
                                                          .clock = &w->clock,
                                                          .routes = &h->route,
                                                          .n_routes = 1,
                                                          .place = place,
                                                          .move = move,
                                                          .move_arg = h});
    }
    mem_stream_init(next_stream(w), MAX_QUEUED);
    http_server_accept(w->homes[0].server, &w->at->stream);
}

static void close_world(struct world *w)
{
    mem_stream_end(w->at, STREAM_LOST);
    job_run_all(&w->later);
    assert_null(w->later.head);
    assert_int_equal(w->bound_for, HTTP_HERE);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    for (size_t i = 0; i < w->n_streams; i++) {
        assert_true(mem_stream_is_over(&w->streams[i]));
        mem_stream_fini(&w->streams[i]);
    }
    for (size_t i = 0; i < 2; i++)
        http_server_free(w->homes[i].server);
    buf_fini(&w->seen);
    buf_fini(&w->got);
    memset(w, 0, sizeof(*w));
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

static void expect_got(const char *what, struct world *w, str want)
{
    take(w);
    expect_str(what, buf_str(&w->got), want);
    buf_clear(&w->got);
}

static void expect_seen(const char *what, struct world *w, str want)
{
    expect_str(what, buf_str(&w->seen), want);
    buf_clear(&w->seen);
}

static void a_request_moves_with_its_connection(void **state)
{
    struct world *w = *state;

    feed(w, STR(POST("/1/x", "5", "hello")));
    expect_seen("served there alone", w, STR("1 head /1/x;"));
    expect_got("answered", w, STR(OK("3", "1:5")));
    assert_true(w->streams[0].is_detached);
    assert_false(w->streams[0].is_closed || w->streams[0].is_aborted);
    assert_true(w->at->is_reading);

    feed(w, STR(GET("/1/y")));
    expect_int("stays there", w->n_streams, 2);
    expect_got("and is answered", w, STR(OK("3", "1:0")));
}

static void a_request_that_moves_may_be_cut_anywhere(void **state)
{
    static const char request[] = POST("/1/x?a=b", "10", "0123456789") GET("/0/y");
    struct world *w = *state;

    for (size_t cut = 1; cut < sizeof(request) - 1; cut++) {
        feed(w, (str){request, cut});
        feed(w, (str){request + cut, sizeof(request) - 1 - cut});
        expect_got("answers", w, STR(OK("4", "1:10") OK("3", "0:0")));
        expect_seen("heads", w, STR("1 head /1/x;0 head /0/y;"));
        close_world(w);
        open_world(w);
    }
}

static void a_request_that_moves_may_come_byte_by_byte(void **state)
{
    static const char request[] = GET("/0/a") POST("/1/x", "3", "abc") GET("/0/y");
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(request) - 1; i++)
        feed(w, (str){request + i, 1});
    expect_got("answers", w, STR(OK("3", "0:0") OK("3", "1:3") OK("3", "0:0")));
}

static void what_is_pipelined_is_answered_in_order_wherever(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/0/a") GET("/1/b") GET("/0/c") GET("/1/d") GET("/1/e")));
    expect_seen("in order", w,
                STR("0 head /0/a;1 head /1/b;0 head /0/c;1 head /1/d;1 head /1/e;"));
    expect_got("answers", w,
               STR(OK("3", "0:0") OK("3", "1:0") OK("3", "0:0") OK("3", "1:0") OK("3", "1:0")));
    expect_int("moved thrice", w->n_streams, 4);
}

static void moves_back_and_forth(void **state)
{
    struct world *w = *state;

    for (int i = 1; i < N_STREAMS; i++) {
        feed(w, i % 2 == 0 ? STR(GET("/0/")) : STR(GET("/1/")));
        expect_got("answer", w, i % 2 == 0 ? STR(OK("3", "0:0")) : STR(OK("3", "1:0")));
        expect_int("streams", w->n_streams, i + 1);
    }
}

static void a_request_behind_one_that_is_held_moves_after_its_answer(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/0/a?hold")));
    feed(w, STR(GET("/1/b")));
    expect_seen("the second waits", w, STR("0 head /0/a;"));
    http_respond(STEAL(w->held), &(struct http_response){.status = 200, .body = STR("late")});
    run(w);
    expect_seen("and moves", w, STR("1 head /1/b;"));
    expect_got("in order", w, STR(OK("4", "late") OK("3", "1:0")));
}

/** The kernel takes no more, and what follows an answer is for elsewhere. */
static void be_busy(struct world *w)
{
    w->at->stream.in_flight = 1000;
    feed(w, STR(GET("/0/a") GET("/1/b")));
    expect_seen("one is served", w, STR("0 head /0/a;"));
    assert_false(w->at->is_detached);
}

static void drain(struct world *w)
{
    take(w);
    mem_stream_drain(w->at);
    run(w);
}

static void does_not_leave_a_write_under_way(void **state)
{
    struct world *w = *state;

    be_busy(w);
    feed(w, STR(GET("/1/c")));
    expect_seen("nothing moves", w, STR(""));
    drain(w);
    expect_seen("now they do", w, STR("1 head /1/b;1 head /1/c;"));
    expect_got("all", w, STR(OK("3", "0:0") OK("3", "1:0") OK("3", "1:0")));
}

static void pass_ms(struct world *w, int64_t ms)
{
    timers_run(&w->timers, w->timers.now_ms + ms);
    job_run_all(&w->later);
}

static void who_takes_nothing_meanwhile_is_cut(void **state)
{
    struct world *w = *state;

    be_busy(w);
    pass_ms(w, HTTP_ANSWER_GRACE_MS - 1);
    assert_false(mem_stream_is_over(w->at));
    pass_ms(w, 1);
    assert_true(w->at->is_aborted);
    expect_seen("no more is served", w, STR(""));
}

static void reads_no_more_than_its_limit_meanwhile(void **state)
{
    struct world *w = *state;
    char *much = mem_alloc(STREAM_READ_MAX);

    memset(much, 'x', STREAM_READ_MAX);
    be_busy(w);
    feed(w, STR(POST("/1/c", "70000", "")));
    feed(w, (str){much, STREAM_READ_MAX});
    assert_false(w->at->is_reading);
    drain(w);
    assert_true(w->at->is_reading);
    feed(w, (str){much, 70000 - STREAM_READ_MAX});
    free(much);
    expect_got("all", w, STR(OK("3", "0:0") OK("3", "1:0") OK("7", "1:70000")));
}

static void who_has_sent_all_is_answered_after_it_has_moved(void **state)
{
    struct world *w = *state;

    be_busy(w);
    mem_stream_end(w->at, STREAM_FIN);
    run(w);
    assert_false(mem_stream_is_over(w->at));
    drain(w);
    expect_got("both", w, STR(OK("3", "0:0") OK("3", "1:0")));
    mem_stream_end(w->at, STREAM_FIN); // a stream that is read from anew says it again
    assert_true(w->at->is_closed);
}

static void who_ends_after_the_move_is_gone_there(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/1/a?hold")));
    mem_stream_end(w->at, STREAM_FIN);
    run(w);
    expect_seen("as anywhere", w, STR("1 head /1/a;1 gone;"));
    assert_true(w->at->is_closed);
}

static void the_end_does_not_overtake_what_is_unread(void **state)
{
    struct world *w = *state;

    mem_stream_feed(w->at, STR(GET("/1/a")));
    arrive(w);
    assert_false(w->at->is_reading); // so that it is not seen yet
    run(w);
    expect_got("answered", w, STR(OK("3", "1:0")));
    assert_true(w->at->is_reading);
}

static void a_fault_is_answered(void **state)
{
    struct world *w = *state;

    w->at->fault = -1;
    feed(w, STR(GET("/0/a") GET("/1/b")));
    assert_true(w->at->is_closed);
    expect_int("not moved", w->n_streams, 1);
    expect_got("behind what was answered", w,
               STR(OK("3", "0:0") "HTTP/1.1 503 Service Unavailable\r\n" DATE
                                  "Content-Length: 0\r\n" CLOSE "\r\n"));
    expect_seen("and nobody else hears of it", w, STR("0 head /0/a;"));
}

static void a_server_that_drains_takes_nobody_in(void **state)
{
    struct world *w = *state;

    http_server_drain(w->homes[1].server);
    feed(w, STR(GET("/0/a") GET("/1/b")));
    assert_true(w->at->is_closed);
    expect_int("it had moved", w->n_streams, 2);
    expect_got("what was unsent", w, STR(OK("3", "0:0")));
    expect_seen("served", w, STR("0 head /0/a;"));
}

static void who_waits_to_move_is_closed_when_the_server_drains(void **state)
{
    struct world *w = *state;

    be_busy(w);
    http_server_drain(w->homes[0].server);
    assert_true(w->at->is_closed);
}

static void who_has_just_come_is_closed_when_the_server_drains(void **state)
{
    struct world *w = *state;

    mem_stream_feed(w->at, STR(GET("/1/a")));
    arrive(w);
    http_server_drain(w->homes[1].server);
    assert_true(w->at->is_closed);
    run(w);
    expect_seen("not served", w, STR(""));
}

static void a_body_is_asked_for_once_and_there(void **state)
{
    struct world *w = *state;

    feed(w, STR(EXPECT("/1/a")));
    expect_got("asked for", w, STR(CONTINUE));
    feed(w, STR("abc"));
    expect_got("answered", w, STR(OK("3", "1:3")));
    expect_seen("there", w, STR("1 head /1/a;"));
}

static void http_1_0_moves_as_well(void **state)
{
    struct world *w = *state;

    feed(w, STR("GET /0/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    feed(w, STR("GET /1/b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    feed(w, STR("GET /0/c HTTP/1.0\r\n\r\n"));
    expect_got(
        "answers", w,
        STR(OK_WITH(KEEP, "3", "0:0") OK_WITH(KEEP, "3", "1:0") OK_WITH(CLOSE, "3", "0:0")));
    assert_true(w->at->is_closed);
}

static void an_upgrade_gets_what_came_behind_it(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/1/a?upgrade") "frames"));
    expect_seen("there", w, STR("1 head /1/a;1 rest frames;"));
}

static void who_is_paused_at_once_is_not_read(void **state)
{
    struct world *w = *state;

    w->pauses = true;
    feed(w, STR(POST("/1/a", "3", "ab")));
    assert_false(w->at->is_reading);
    http_resume(w->held);
    run(w);
    assert_true(w->at->is_reading);
    feed(w, STR("c"));
    expect_got("answered", w, STR(OK("3", "1:3")));
}

static void nothing_unread_is_no_harm(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    feed(w, STR(GET("/1/a")));
    assert_int_equal(stream_detach(&w->at->stream, STR(""), &parcel), 0);
    w->at->is_detached = false; // its server is told, as it does not know
    mem_stream_end(w->at, STREAM_LOST);
    take(w);
    mem_stream_attach(next_stream(w), &parcel);
    http_server_adopt(w->homes[0].server, &w->at->stream, buf_str(&parcel.unread));
    buf_fini(&parcel.unread);
    run(w);
    feed(w, STR(GET("/0/b")));
    expect_got("answered", w, STR(OK("3", "1:0") OK("3", "0:0")));
}

/** Elsewhere nobody could be found. What comes behind it is looked at anew. */
static void what_is_given_back_is_served_here_once(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    feed(w, STR(GET("/0/a")));
    assert_int_equal(stream_detach(&w->at->stream, STR(""), &parcel), 0);
    w->at->is_detached = false; // its server is told, as it does not know
    mem_stream_end(w->at, STREAM_LOST);
    take(w);
    mem_stream_attach(next_stream(w), &parcel);
    http_server_adopt_here(w->homes[0].server, &w->at->stream, STR(GET("/1/b") GET("/1/c")));
    buf_fini(&parcel.unread);
    run(w);
    expect_got("answered", w, STR(OK("3", "0:0") OK("3", "0:0") OK("3", "1:0")));
}

static void the_next_head_has_the_time_that_any_has(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/1/a")));
    feed(w, STR("GET"));
    pass_ms(w, HTTP_HEAD_MS);
    assert_true(w->at->is_closed);
}

static void who_is_idle_there_is_closed(void **state)
{
    struct world *w = *state;

    feed(w, STR(GET("/1/a")));
    pass_ms(w, HTTP_IDLE_MS - 1);
    assert_false(mem_stream_is_over(w->at));
    pass_ms(w, 1);
    assert_true(w->at->is_closed);
}

static void what_is_no_request_moves_nowhere(void **state)
{
    struct world *w = *state;

    feed(w, STR("GET /1/a HTTP/1.1\r\n\r\n")); // no Host
    assert_true(w->at->is_closed);
    expect_int("streams", w->n_streams, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_moves_with_its_connection),
        TEST(a_request_that_moves_may_be_cut_anywhere),
        TEST(a_request_that_moves_may_come_byte_by_byte),
        TEST(what_is_pipelined_is_answered_in_order_wherever),
        TEST(moves_back_and_forth),
        TEST(a_request_behind_one_that_is_held_moves_after_its_answer),
        TEST(does_not_leave_a_write_under_way),
        TEST(who_takes_nothing_meanwhile_is_cut),
        TEST(reads_no_more_than_its_limit_meanwhile),
        TEST(who_has_sent_all_is_answered_after_it_has_moved),
        TEST(who_ends_after_the_move_is_gone_there),
        TEST(the_end_does_not_overtake_what_is_unread),
        TEST(a_fault_is_answered),
        TEST(a_server_that_drains_takes_nobody_in),
        TEST(who_waits_to_move_is_closed_when_the_server_drains),
        TEST(who_has_just_come_is_closed_when_the_server_drains),
        TEST(a_body_is_asked_for_once_and_there),
        TEST(http_1_0_moves_as_well),
        TEST(an_upgrade_gets_what_came_behind_it),
        TEST(who_is_paused_at_once_is_not_read),
        TEST(nothing_unread_is_no_harm),
        TEST(what_is_given_back_is_served_here_once),
        TEST(the_next_head_has_the_time_that_any_has),
        TEST(who_is_idle_there_is_closed),
        TEST(what_is_no_request_moves_nowhere),
    };
    return cmocka_run_group_tests_name("http/move", tests, NULL, NULL);
}
