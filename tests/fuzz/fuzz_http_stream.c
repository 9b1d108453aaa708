#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "http/server.h"
#include "support/mem_stream.h"

// A client, and a handler that has bodies in pieces. The input is steps: each is a byte that
// says what it is, one with its length, and its bytes. There are two servers, and connections
// move between them: what begins with "/m" is for the second.

#define MAX_QUEUED 1000000u
#define MAX_BODY   64u
#define N_SERVERS  2
#define STEP_MS    100 // what a byte of KIND_PASS is

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind {
    KIND_BYTES,
    KIND_PLAN,
    KIND_PAUSE,
    KIND_RESUME,
    KIND_ANSWER,
    KIND_ABORT,
    KIND_PASS,
    KIND_TAKE, // the client takes what was sent
    KIND_END,
    KIND_STOP, // a server is told to
    KIND_FULL, // the kernel takes no more
    N_KINDS,
};

/** What the handler does, by the bits of a byte. */
enum plan {
    PLAN_ANSWER_HEAD = 1,
    PLAN_ANSWER_PIECE = 2,
    PLAN_ANSWER_END = 4,
    PLAN_PAUSE_HEAD = 8,
    PLAN_PAUSE_PIECE = 16,
    PLAN_PATIENT = 32,
    PLAN_FILE = 64,
    PLAN_WHOLE = 128, // not in pieces
};

static struct fuzz {
    struct clock clock;
    struct timers timers;
    struct job_queue later;
    struct http_server *servers[N_SERVERS];
    struct mem_stream *peer;
    struct stream_parcel parcel;
    int bound_for;           // HTTP_HERE: there is no parcel
    struct http_request *rq; // NULL: none is under way
    unsigned plan;
    size_t received;
    bool is_paused;
    bool has_ended; // on_body() has come
    size_t n_answered;
    size_t n_taken;
} fuzz;

static void on_taken(void *arg)
{
    (void)arg;
    fuzz.n_taken++;
}

static void answer(void)
{
    struct http_file file = {.fd = -1, .length = 5};
    struct http_response r = {
        .status = 200,
        .body = STR("hello"),
        .is_patient = fuzz.plan & PLAN_PATIENT,
        .on_taken = on_taken,
    };

    fuzz.n_answered++;
    if (fuzz.plan & PLAN_FILE) {
        file.fd = memfd_create("file", MFD_CLOEXEC);
        const ssize_t n = write(file.fd, "hello", 5);
        assert(n == 5);
        r.file = &file;
        r.body = (str){0};
    }
    http_respond(STEAL(fuzz.rq), &r);
}

static void pause_it(void)
{
    http_pause(fuzz.rq);
    fuzz.is_paused = !fuzz.has_ended;
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    (void)arg, (void)head;
    assert(!fuzz.rq && !rq->is_streamed && rq->max_body == 0);
    fuzz.rq = rq;
    fuzz.received = 0;
    fuzz.is_paused = fuzz.has_ended = false;
    rq->max_body = MAX_BODY;
    rq->is_streamed = !(fuzz.plan & PLAN_WHOLE);
    if (fuzz.plan & PLAN_PAUSE_HEAD)
        pause_it();
    if (fuzz.plan & PLAN_ANSWER_HEAD)
        answer();
}

static void on_piece(void *arg, struct http_request *rq, str piece)
{
    (void)arg;
    assert(rq == fuzz.rq && rq->is_streamed && piece.len > 0);
    assert(!fuzz.is_paused && !fuzz.has_ended);
    fuzz.received += piece.len;
    assert(fuzz.received <= MAX_BODY);
    if (fuzz.plan & PLAN_PAUSE_PIECE)
        pause_it();
    if (fuzz.plan & PLAN_ANSWER_PIECE)
        answer();
}

static void on_body(void *arg, struct http_request *rq)
{
    (void)arg;
    assert(rq == fuzz.rq && !fuzz.has_ended);
    assert(!fuzz.is_paused || rq->is_too_large);
    assert(rq->body_len <= MAX_BODY && (rq->body_len == 0 || !rq->is_streamed));
    fuzz.has_ended = true;
    fuzz.is_paused = false;
    if (fuzz.plan & PLAN_ANSWER_END)
        answer();
}

static void on_gone(void *arg, struct http_request *rq)
{
    (void)arg;
    assert(rq == fuzz.rq);
    fuzz.rq = NULL;
}

static const struct http_handler handler = {
    .on_head = on_head, .on_piece = on_piece, .on_body = on_body, .on_gone = on_gone};

// The arguments say which server is asked.
static int numbers[N_SERVERS] = {0, 1};

static int place(void *arg, const struct http_head *head)
{
    const int *here = arg;
    const int number = str_starts(head->path, STR("/m")) ? 1 : 0;

    return number == *here ? HTTP_HERE : number;
}

static void move(void *arg, int number, struct stream_parcel *parcel)
{
    const int *here = arg;

    assert(fuzz.bound_for == HTTP_HERE && number != *here && !fuzz.rq);
    assert(parcel->unread.len > 0);
    fuzz.parcel = *parcel;
    fuzz.bound_for = number;
}

static void free_peer(void)
{
    assert(mem_stream_is_over(fuzz.peer));
    mem_stream_fini(fuzz.peer);
    free(fuzz.peer);
}

/** The connection that has left a server comes to the other. */
static void arrive(void)
{
    free_peer();
    fuzz.peer = NEW(struct mem_stream);
    mem_stream_attach(fuzz.peer, &fuzz.parcel);
    http_server_adopt(fuzz.servers[fuzz.bound_for], &fuzz.peer->stream,
                      buf_str(&fuzz.parcel.unread));
    buf_fini(&fuzz.parcel.unread);
    fuzz.bound_for = HTTP_HERE;
}

/** The end of a turn, and of those that follow from it. */
static void settle(void)
{
    job_run_all(&fuzz.later);
    while (fuzz.bound_for != HTTP_HERE) {
        arrive();
        job_run_all(&fuzz.later);
    }
}

static int64_t no_time(struct clock *c)
{
    (void)c;
    return 0;
}

static void pass(size_t n)
{
    for (; n > 0; n--) {
        timers_run(&fuzz.timers, fuzz.timers.now_ms + STEP_MS);
        settle();
    }
}

/** What the handler does out of turn. */
static void act(enum kind kind)
{
    if (!fuzz.rq)
        return;
    if (kind == KIND_PAUSE)
        pause_it();
    if (kind == KIND_RESUME) {
        fuzz.is_paused = false;
        http_resume(fuzz.rq);
    }
    if (kind == KIND_ANSWER)
        answer();
    if (kind == KIND_ABORT)
        http_abort(STEAL(fuzz.rq));
}

static void take_step(enum kind kind, str bytes)
{
    switch (kind) {
    case KIND_BYTES: mem_stream_feed(fuzz.peer, bytes); break;
    case KIND_PLAN: fuzz.plan = bytes.len > 0 ? (uint8_t)bytes.ptr[0] : 0; break;
    case KIND_PAUSE:
    case KIND_RESUME:
    case KIND_ANSWER:
    case KIND_ABORT: act(kind); break;
    case KIND_PASS: pass(bytes.len); break;
    case KIND_TAKE: mem_stream_drain(fuzz.peer); break;
    case KIND_END: mem_stream_end(fuzz.peer, STREAM_FIN); break;
    case KIND_STOP: http_server_drain(fuzz.servers[bytes.len / 2 % N_SERVERS]); break;
    case KIND_FULL: fuzz.peer->stream.in_flight = bytes.len; break;
    case N_KINDS: abort();
    }
    // With an odd length the jobs wait for the next step.
    if (bytes.len % 2 == 0)
        settle();
}

static void open_fuzz(void)
{
    static const struct http_route route = {.handler = &handler}; // all

    fuzz = (struct fuzz){
        .clock.unix_ms = no_time, .plan = PLAN_ANSWER_END, .bound_for = HTTP_HERE};
    fuzz.later = JOB_QUEUE_INIT(fuzz.later);
    for (size_t i = 0; i < N_SERVERS; i++) {
        fuzz.servers[i] = http_server_new(&(struct http_config){.timers = &fuzz.timers,
                                                                .later = &fuzz.later,
                                                                .clock = &fuzz.clock,
                                                                .routes = &route,
                                                                .n_routes = 1,
                                                                .place = place,
                                                                .move = move,
                                                                .move_arg = &numbers[i]});
    }
    fuzz.peer = NEW(struct mem_stream);
    mem_stream_init(fuzz.peer, MAX_QUEUED);
    http_server_accept(fuzz.servers[0], &fuzz.peer->stream);
}

/** Each request has had its end, and each answer was taken, or not to be taken. */
static void close_fuzz(void)
{
    settle();
    mem_stream_end(fuzz.peer, STREAM_LOST);
    job_run_all(&fuzz.later);
    assert(!fuzz.rq && !fuzz.later.head);
    assert(fuzz.n_taken == fuzz.n_answered);
    assert(timers_next_ms(&fuzz.timers) == INT64_MAX);
    for (size_t i = 0; i < N_SERVERS; i++)
        http_server_free(fuzz.servers[i]);
    free_peer();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str in = {(const char *)data, size};

    open_fuzz();
    while (in.len >= 2) {
        const uint8_t *head = (const uint8_t *)str_take(&in, 2).ptr;
        const size_t n = head[1] < in.len ? head[1] : in.len;
        take_step((enum kind)(head[0] % N_KINDS), str_take(&in, n));
        assert(!fuzz.is_paused || !fuzz.rq || !fuzz.peer->is_reading);
    }
    close_fuzz();
    return 0;
}
