#include <stdlib.h>

#include "support/mem_stream.h"
#include "support/t.h"
#include "support/ws_client.h"
#include "ws/ws.h"

#define MAX_MESSAGE 1000u
#define MAX_QUEUED  2000u

#define HELLO    "\x81\x85" NO_KEY "Hello"
#define PING     "\x89\x80" NO_KEY
#define PONG     "\x8a\x80" NO_KEY
#define CLOSE    "\x88\x80" NO_KEY
#define CLOSE_1K "\x88\x82" NO_KEY "\x03\xe8"
#define NOT_OVER (-1) // instead of a code: on_closed has not come
#define THE_RFC  "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

struct world;
typedef void in_message_fn(struct world *w);

struct world {
    struct mem_stream peer;
    struct timers timers;
    struct job_queue later;
    struct ws_config config;
    struct ws *ws;
    in_message_fn *in_message; // what the owner does with each; NULL: echo
    unsigned n_messages;
    unsigned n_messages_of_heir;
    long closed; // the code, or NOT_OVER
};

// NOLINTNEXTLINE(readability-non-const-parameter): the type is ws.h's
static void on_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct world *w = owner;

    w->n_messages++;
    assert_int_equal(w->closed, NOT_OVER);
    if (w->in_message) {
        w->in_message(w);
        return;
    }
    const str parts[] = {{bytes, n}};
    assert_int_equal(ws_send(w->ws, type, parts, 1), 0);
}

static void on_closed(void *owner, unsigned code)
{
    struct world *w = owner;

    assert_int_equal(w->closed, NOT_OVER);
    assert_true(mem_stream_is_over(&w->peer)); // the stream first, then the owner
    w->closed = code;
}

static const struct ws_events events = {.on_message = on_message, .on_closed = on_closed};

static void open_world(struct world *w)
{
    mem_stream_init(&w->peer, MAX_QUEUED);
    w->later = JOB_QUEUE_INIT(w->later);
    w->timers = (struct timers){.now_ms = 1000000};
    w->config = (struct ws_config){&w->timers, &w->later, MAX_MESSAGE};
    w->in_message = NULL;
    w->n_messages = 0;
    w->n_messages_of_heir = 0;
    w->closed = NOT_OVER;
    w->ws = ws_new(&w->peer.stream, &w->config, &events, w);
}

/** Whatever is left must be freed by now, or ASan says so. */
static void close_world(struct world *w)
{
    mem_stream_end(&w->peer, STREAM_LOST);
    job_run_all(&w->later);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    mem_stream_fini(&w->peer);
}

static int setup(void **state)
{
    struct world *w = malloc(sizeof(*w));
    assert_non_null(w);
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
}

static void pass_ms(struct world *w, int64_t ms)
{
    timers_run(&w->timers, w->timers.now_ms + ms);
}

/** Leave room for n bytes of output. */
static void fill_stream(struct world *w, size_t n)
{
    w->peer.stream.in_flight = MAX_QUEUED - n;
}

#define expect_sent(w, bytes) expect_str("sent", mem_stream_take(&(w)->peer), bytes)

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

// clang-format off
static const struct row {
    const char *name;
    str in;
    str sent;
    enum fate fate;
    long closed;
} rows[] = {
    {"text",                       STR(HELLO),                      STR("\x81\x05Hello"),           STAYS,  NOT_OVER},
    {"masked text",                STR(THE_RFC),                    STR("\x81\x05Hello"),           STAYS,  NOT_OVER},
    {"binary",                     STR("\x82\x81" NO_KEY "\xff"),   STR("\x82\x01\xff"),            STAYS,  NOT_OVER},
    {"empty",                      STR("\x81\x80" NO_KEY),          STR("\x81\x00"),                STAYS,  NOT_OVER},
    {"fragments",                  STR("\x01\x81" NO_KEY "a\x80\x81" NO_KEY "b"), STR("\x81\x02" "ab"), STAYS, NOT_OVER},
    {"ping",                       STR("\x89\x84" NO_KEY "\x00\xff" "ab"), STR("\x8a\x04\x00\xff" "ab"), STAYS, NOT_OVER},
    {"empty ping",                 STR(PING),                       STR("\x8a\x00"),                STAYS,  NOT_OVER},
    {"pong",                       STR(PONG "\x8a\x81" NO_KEY "x"), STR(""),                        STAYS,  NOT_OVER},
    {"ping amid fragments",        STR("\x01\x81" NO_KEY "a" PING "\x80\x81" NO_KEY "b"), STR("\x8a\x00\x81\x02" "ab"), STAYS, NOT_OVER},
    {"close",                      STR(CLOSE_1K),                   STR("\x88\x02\x03\xe8"),        CLOSED, 1000},
    {"close without a code",       STR(CLOSE),                      STR("\x88\x00"),                CLOSED, WS_NO_CODE},
    {"close, code of the app",     STR("\x88\x85" NO_KEY "\x0f\xa1" "bye"), STR("\x88\x02\x0f\xa1"), CLOSED, 4001},
    {"text, then close",           STR(HELLO CLOSE_1K),             STR("\x81\x05Hello\x88\x02\x03\xe8"), CLOSED, 1000},
    {"text after close",           STR(CLOSE_1K HELLO PING CLOSE),  STR("\x88\x02\x03\xe8"),        CLOSED, 1000},
    {"garbage after close",        STR(CLOSE_1K "\xff\xff\xff"),    STR("\x88\x02\x03\xe8"),        CLOSED, 1000},
    {"reserved bit",               STR("\xc1" HELLO CLOSE),         STR("\x88\x10\x03\xeaprotocol error"), CLOSED, 1002},
    {"text, then garbage",         STR(HELLO "\xff"),               STR("\x81\x05Hello\x88\x10\x03\xeaprotocol error"), CLOSED, 1002},
    {"half a close code",          STR("\x88\x81" NO_KEY "\x03"),   STR("\x88\x10\x03\xeaprotocol error"), CLOSED, 1002},
    {"not UTF-8",                  STR("\x81\x81" NO_KEY "\xff"),   STR("\x88\x0b\x03\xefnot UTF-8"), CLOSED, 1007},
    {"too big",                    STR("\x81\xfe\x03\xe9" NO_KEY),  STR("\x88\x11\x03\xf1message too big"), CLOSED, 1009},
};
// clang-format on

static void expect_row(const struct row *row, size_t n_each)
{
    struct world w;
    str rest = row->in;

    open_world(&w);
    while (rest.len > 0)
        feed(&w, str_take(&rest, n_each < rest.len ? n_each : rest.len));
    expect_str(row->name, mem_stream_take(&w.peer), row->sent);
    expect_int(row->name, fate_of(&w), row->fate);
    expect_int(row->name, w.closed, row->closed);
    close_world(&w);
}

static void answers_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++)
        expect_row(row, row->in.len);
}

static void answers_the_same_in_pieces(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 1; n < row->in.len; n++)
            expect_row(row, n);
    }
}

static void takes_what_came_with_the_request(void **state)
{
    struct world *w = *state;
    char bytes[] = HELLO;

    ws_feed(w->ws, bytes, 0);
    ws_feed(w->ws, bytes, sizeof(bytes) - 1);

    expect_sent(w, STR("\x81\x05Hello"));
}

static void takes_the_largest_message_and_no_larger(void **state)
{
    struct world *w = *state;
    struct buf in;

    buf_init(&in, (size_t)4 * MAX_MESSAGE);
    ws_client_frame(&in, 0x82, MAX_MESSAGE, 'x');
    feed(w, buf_str(&in));
    assert_int_equal(w->n_messages, 1);
    assert_int_equal(mem_stream_take(&w->peer).len, 4 + MAX_MESSAGE);

    buf_clear(&in);
    ws_client_frame(&in, 0x82, MAX_MESSAGE + 1, 'x');
    feed(w, buf_str(&in));
    assert_int_equal(w->n_messages, 1);
    assert_int_equal(w->closed, WS_TOO_BIG);
    buf_fini(&in);
}

static void sends_the_parts_as_one_message(void **state)
{
    struct world *w = *state;
    const str parts[] = {STR("4"), {NULL, 0}, STR("hello")};

    assert_int_equal(ws_send(w->ws, WS_TEXT_MESSAGE, parts, COUNT_OF(parts)), 0);
    assert_int_equal(ws_queued(w->ws), 8);
    expect_sent(w, STR("\x81\x06"
                       "4hello"));
    assert_int_equal(ws_send(w->ws, WS_BINARY_MESSAGE, NULL, 0), 0);
    expect_sent(w, STR("\x82\x00"));
}

static void sends_nothing_of_what_does_not_fit(void **state)
{
    struct world *w = *state;
    const str part = STR("123");

    fill_stream(w, 4);
    assert_int_equal(ws_send(w->ws, WS_TEXT_MESSAGE, &part, 1), STREAM_FULL);
    assert_int_equal(w->peer.stream.out.len, 0);
    fill_stream(w, 5);
    assert_int_equal(ws_send(w->ws, WS_TEXT_MESSAGE, &part, 1), 0);
    assert_int_equal(ws_queued(w->ws), MAX_QUEUED);
    assert_int_equal(fate_of(w), STAYS);
}

static void takes_as_many_control_frames_as_the_limit_and_no_more(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < WS_CONTROLS_MAX; i++)
        feed(w, i % 2 ? STR(PING) : STR(PONG));
    assert_int_equal(w->closed, NOT_OVER);
    pass_ms(w, WS_CONTROLS_MS - 1);
    mem_stream_take(&w->peer);

    feed(w, STR(PONG));
    assert_int_equal(w->closed, WS_POLICY);
    assert_int_equal(fate_of(w), CLOSED);
    expect_sent(w, STR("\x88\x11\x03\xf0too many frames"));
}

static void counts_control_frames_anew_in_the_next_window(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < (size_t)3 * WS_CONTROLS_MAX; i++) {
        if (i > 0 && i % WS_CONTROLS_MAX == 0)
            pass_ms(w, WS_CONTROLS_MS);
        feed(w, STR(PONG));
    }
    assert_int_equal(w->closed, NOT_OVER);
    feed(w, STR(PONG));
    assert_int_equal(w->closed, WS_POLICY);
}

static void sends_the_code_and_the_reason_when_it_closes(void **state)
{
    struct world *w = *state;

    ws_close(w->ws, WS_GOING_AWAY, STR("restart"));
    expect_sent(w, STR("\x88\x09\x03\xe9restart"));
    assert_int_equal(fate_of(w), STAYS);

    feed(w, STR("\x88\x82" NO_KEY "\x03\xe9"));
    expect_sent(w, STR("")); // theirs is the answer: no second one
    assert_int_equal(fate_of(w), CLOSED);
    assert_int_equal(w->closed, NOT_OVER); // the owner had let go
}

static void closes_without_a_code(void **state)
{
    struct world *w = *state;

    ws_close(w->ws, WS_NO_CODE, STR(""));
    expect_sent(w, STR("\x88\x00"));
    feed(w, STR(CLOSE));
    assert_int_equal(fate_of(w), CLOSED);
}

static void closes_with_the_longest_reason(void **state)
{
    struct world *w = *state;
    char reason[WS_CONTROL_MAX - 2];

    memset(reason, 'x', sizeof(reason));
    ws_close(w->ws, WS_NORMAL, (str){reason, sizeof(reason)});
    const str sent = mem_stream_take(&w->peer);
    assert_int_equal(sent.len, 2 + WS_CONTROL_MAX);
    assert_true(str_starts(sent, STR("\x88\x7d\x03\xe8x")));
}

static void waits_so_long_for_the_answer_and_no_longer(void **state)
{
    struct world *w = *state;

    ws_close(w->ws, WS_NORMAL, STR(""));
    pass_ms(w, WS_CLOSE_TIMEOUT_MS - 1);
    assert_int_equal(fate_of(w), STAYS);
    pass_ms(w, 1);
    assert_int_equal(fate_of(w), ABORTED);
    assert_int_equal(w->closed, NOT_OVER);
}

static void ends_the_wait_as_the_peer_does(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        str in;
        enum fate want;
    } ends[] = {
        {"nothing",                    {"", 0},                   STAYS},
        {"data, a ping and a pong",    STR(HELLO PING PONG),      STAYS},
        {"data, then the close frame", STR(HELLO CLOSE_1K),       CLOSED},
        {"a close frame in pieces",    STR("\x01\x80" NO_KEY CLOSE), CLOSED},
        {"garbage",                    STR("\xff"),               CLOSED},
        {"a bad close frame",          STR("\x88\x81" NO_KEY "x"), CLOSED},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct world w;
        open_world(&w);
        ws_close(w.ws, WS_NORMAL, STR(""));
        mem_stream_take(&w.peer);

        feed(&w, ends[i].in);

        expect_int(ends[i].name, fate_of(&w), ends[i].want);
        expect_str(ends[i].name, mem_stream_take(&w.peer), STR(""));
        expect_int(ends[i].name, w.n_messages, 0);
        expect_int(ends[i].name, w.closed, NOT_OVER);
        if (ends[i].want == STAYS)
            feed(&w, STR(CLOSE));
        close_world(&w);
    }
}

static void tells_when_the_peer_is_gone(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        bool is_closing;
        enum stream_end end;
        enum fate want;
        long closed;
    } ends[] = {
        {"no more comes",                false, STREAM_FIN,  CLOSED,  WS_ABNORMAL},
        {"lost",                         false, STREAM_LOST, ABORTED, WS_ABNORMAL},
        {"no more comes, while closing", true,  STREAM_FIN,  CLOSED,  NOT_OVER},
        {"lost, while closing",          true,  STREAM_LOST, ABORTED, NOT_OVER},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct world w;
        open_world(&w);
        feed(&w, STR("\x01\x85" NO_KEY "Hel")); // a message under way must not leak
        if (ends[i].is_closing)
            ws_close(w.ws, WS_NORMAL, STR(""));

        mem_stream_end(&w.peer, ends[i].end);

        expect_int(ends[i].name, fate_of(&w), ends[i].want);
        expect_int(ends[i].name, w.closed, ends[i].closed);
        close_world(&w);
    }
}

static void drops_a_peer_that_does_not_read_its_answers(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        str in;
        size_t room; // one byte less than the answer takes
        long closed;
    } answers[] = {
        {"pong",             STR(PING),     1,  WS_ABNORMAL},
        {"close",            STR(CLOSE_1K), 3,  1000},
        {"close for a rule", STR("\xff"),   17, 1002},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct world w;
        open_world(&w);
        fill_stream(&w, answers[i].room);

        feed(&w, answers[i].in);

        expect_int(answers[i].name, fate_of(&w), ABORTED);
        expect_int(answers[i].name, w.closed, answers[i].closed);
        close_world(&w);
    }
}

static void drops_the_peer_when_not_even_its_close_frame_fits(void **state)
{
    struct world *w = *state;

    fill_stream(w, 3);
    ws_close(w->ws, WS_NORMAL, STR(""));
    assert_int_equal(fate_of(w), ABORTED);
    assert_int_equal(w->closed, NOT_OVER);
}

static void close_it(struct world *w)
{
    ws_close(w->ws, WS_NORMAL, STR(""));
}

static void abort_it(struct world *w)
{
    ws_abort(w->ws);
}

static void send_and_close_it(struct world *w)
{
    const str part = STR("bye");
    assert_int_equal(ws_send(w->ws, WS_TEXT_MESSAGE, &part, 1), 0);
    ws_close(w->ws, WS_NORMAL, STR(""));
}

// NOLINTNEXTLINE(readability-non-const-parameter): the type is ws.h's
static void on_message_of_heir(void *owner, enum ws_type type, char *bytes, size_t n)
{
    (void)type;
    (void)bytes;
    (void)n;
    struct world *w = owner;
    w->n_messages_of_heir++;
}

static void hand_it_on(struct world *w)
{
    static const struct ws_events heir = {on_message_of_heir, on_closed};
    ws_set_owner(w->ws, &heir, w);
}

/** Whole, and in a form that is put together in memory of the ws, which must outlive it. */
static void lets_go_inside_on_message(void **state)
{
    static const str messages[] = {
        STR(HELLO HELLO CLOSE HELLO),
        STR("\x01\x81" NO_KEY "a\x80\x81" NO_KEY "b" HELLO CLOSE HELLO),
    };
    // clang-format off
    static const struct {
        const char *name;
        in_message_fn *in_message;
        str sent;
        enum fate want;
        unsigned n_of_heir;
        long closed;
    } acts[] = {
        {"close",          close_it,          STR("\x88\x02\x03\xe8"),                CLOSED,  0, NOT_OVER},
        {"abort",          abort_it,          STR(""),                                ABORTED, 0, NOT_OVER},
        {"send and close", send_and_close_it, STR("\x81\x03" "bye\x88\x02\x03\xe8"),  CLOSED,  0, NOT_OVER},
        {"hand on",        hand_it_on,        STR("\x88\x00"),                        CLOSED,  1, WS_NO_CODE},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(acts) * COUNT_OF(messages); i++) {
        const size_t act = i / COUNT_OF(messages);
        struct world w;
        open_world(&w);
        w.in_message = acts[act].in_message;

        feed(&w, messages[i % COUNT_OF(messages)]);

        expect_int(acts[act].name, w.n_messages, 1);
        expect_int(acts[act].name, w.n_messages_of_heir, acts[act].n_of_heir);
        expect_int(acts[act].name, w.closed, acts[act].closed);
        expect_int(acts[act].name, fate_of(&w), acts[act].want);
        expect_str(acts[act].name, mem_stream_take(&w.peer), acts[act].sent);
        close_world(&w);
    }
}

static void pause_it(struct world *w)
{
    ws_set_reading(w->ws, false);
}

/** The messages of one read come, the next read does not. */
static void what_was_read_comes_though_it_is_paused(void **state)
{
    struct world *w = *state;

    w->in_message = pause_it;
    feed(w, STR(HELLO HELLO PING));
    assert_int_equal(w->n_messages, 2);
    expect_sent(w, STR("\x8a\x00"));
    assert_false(w->peer.is_reading);
    ws_set_reading(w->ws, true);
    assert_true(w->peer.is_reading);
}

static void frees_itself_as_a_job(void **state)
{
    struct world *w = *state;

    assert_null(w->later.head);
    ws_abort(w->ws);
    assert_non_null(w->later.head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_row),
        cmocka_unit_test(answers_the_same_in_pieces),
        cmocka_unit_test_setup_teardown(takes_what_came_with_the_request, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_the_largest_message_and_no_larger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sends_the_parts_as_one_message, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_nothing_of_what_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_as_many_control_frames_as_the_limit_and_no_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(counts_control_frames_anew_in_the_next_window, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sends_the_code_and_the_reason_when_it_closes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(closes_without_a_code, setup, teardown),
        cmocka_unit_test_setup_teardown(closes_with_the_longest_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_so_long_for_the_answer_and_no_longer, setup,
                                        teardown),
        cmocka_unit_test(ends_the_wait_as_the_peer_does),
        cmocka_unit_test(tells_when_the_peer_is_gone),
        cmocka_unit_test(drops_a_peer_that_does_not_read_its_answers),
        cmocka_unit_test_setup_teardown(drops_the_peer_when_not_even_its_close_frame_fits,
                                        setup, teardown),
        cmocka_unit_test(lets_go_inside_on_message),
        cmocka_unit_test_setup_teardown(what_was_read_comes_though_it_is_paused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(frees_itself_as_a_job, setup, teardown),
    };
    return cmocka_run_group_tests_name("ws/ws", tests, NULL, NULL);
}
