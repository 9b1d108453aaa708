/**
 * A fetcher (io/fetch.h), the server that it asks, and all that was asked and answered. Both
 * ends are on one loop, which goes on turn by turn.
 */
#pragma once

#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "io/fetch.h"
#include "support/exact.h"
#include "support/raw_server.h"
#include "support/t.h"

#define MAX_RUNNING 3
#define ASKED_MAX   512
#define GIVE_UP_MS  INT64_C(20000)
#define LONG_MS     GIVE_UP_MS // a time that no test lets pass
#define SHORT_MS    INT64_C(60)
#define MAX_BYTES   64

// The system's resolver, for libcurl too: no name is looked up in a test. One hangs until the
// test lets it go, the others are unknown.

static atomic_uint n_looked_up;
static atomic_uint n_hanging;
static atomic_bool is_let_go;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
                struct addrinfo **pai)
{
    const struct timespec nap = {.tv_nsec = 100000};

    (void)service;
    (void)req;
    (void)pai;
    atomic_fetch_add(&n_looked_up, 1);
    if (strcmp(name, "hangs.example") == 0) {
        atomic_fetch_add(&n_hanging, 1);
        while (!atomic_load(&is_let_go))
            nanosleep(&nap, NULL);
        atomic_fetch_sub(&n_hanging, 1);
    }
    return EAI_NONAME;
}

struct world;
typedef void hook_fn(struct world *w);

struct asked {
    struct world *w;
    unsigned times;
    int r;
    char why[128];
    unsigned status;
    bool has_answer;
    size_t place;    // among the answers
    int64_t took_ms; // by the loop's clock
    int64_t asked_ms;
    hook_fn *then;
    bool has_length;
    uint64_t length;
    char type[FETCH_FIELD_MAX + 1];
    char etag[FETCH_FIELD_MAX + 1];
    size_t head_len; // of what is told of it
    char age[16];    // a field in there
    str body;        // the copy below
    char *bytes;     // owned
};

struct world {
    struct loop *loop;
    struct raw_server server;
    struct fetcher *fetcher;
    const char *reply; // to each request; NULL: none
    size_t reply_len;
    bool closes; // behind it
    struct asked asked[ASKED_MAX];
    size_t n_asked;
    size_t n_answered;
    bool is_inside; // a call is under way: nothing may come
};

static inline int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

/** Turn the loop until the condition holds. */
#define UNTIL(w, condition)                                                                    \
    for (int64_t end_ = monotonic_ms() + GIVE_UP_MS; !(condition); turn(w)) {                  \
        if (monotonic_ms() > end_)                                                             \
            fail_msg("never came: %s", #condition);                                            \
    }

/** So many turns as anything that still was to come would need. */
static inline void turns(struct world *w)
{
    for (int i = 0; i < 50; i++)
        turn(w);
}

static inline void serve(void *arg, struct raw_request *rq)
{
    struct world *w = arg;

    if (w->reply)
        raw_say(rq->conn, (str){w->reply, w->reply_len});
    if (w->closes)
        raw_close(rq->conn);
}

static inline void reply_with(struct world *w, str reply)
{
    w->reply = reply.ptr;
    w->reply_len = reply.len;
}

#define OK(text)                                                                               \
    STR("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n" text)

static inline int fetch_world_open(void **state, const char *host)
{
    struct world *w = NEW(struct world);
    const struct fetcher_config config = {.name = "test", .max_running = MAX_RUNNING};

    assert_int_equal(loop_new(&w->loop), 0);
    raw_server_open(&w->server, w->loop, host);
    w->server.serve = serve;
    w->server.arg = w;
    assert_int_equal(fetcher_new(&w->fetcher, w->loop, &config), 0);
    atomic_store(&n_looked_up, 0);
    atomic_store(&is_let_go, false);
    *state = w;
    return 0;
}

static inline int setup(void **state)
{
    return fetch_world_open(state, "127.0.0.1");
}

static inline int teardown(void **state)
{
    struct world *w = *state;

    fetcher_stop(w->fetcher);
    UNTIL(w, fetcher_is_idle(w->fetcher));
    turns(w); // anything that came twice
    for (size_t i = 0; i < w->n_asked; i++) {
        assert_int_equal(w->asked[i].times, 1);
        free(w->asked[i].bytes);
    }
    fetcher_free(w->fetcher);
    raw_server_close(&w->server);
    raw_loop_free(w->loop);
    atomic_store(&is_let_go, true);
    while (atomic_load(&n_hanging) > 0) {
    }
    free(w);
    return 0;
}

static inline void on_answer(void *arg, int r, const char *why,
                             const struct fetch_answer *answer)
{
    struct asked *a = arg;

    assert_false(a->w->is_inside);
    a->times++;
    a->r = r;
    a->place = a->w->n_answered++;
    a->took_ms = a->w->loop->timers.now_ms - a->asked_ms;
    a->has_answer = answer != NULL;
    if (r != 0) {
        snprintf(a->why, sizeof(a->why), "%s", why);
        assert_int_not_equal(a->why[0], '\0');
        assert_null(strstr(why, "secret"));
    }
    if (answer) {
        a->status = answer->status;
        a->has_length = answer->has_length;
        a->length = answer->length;
        snprintf(a->type, sizeof(a->type), STR_FMT, STR_ARG(answer->type));
        snprintf(a->etag, sizeof(a->etag), STR_FMT, STR_ARG(answer->etag));
        const str age = fetch_field(answer->head, STR("Age"));
        snprintf(a->age, sizeof(a->age), STR_FMT, STR_ARG(age));
        a->head_len = answer->head.len;
        a->bytes = exact_copy(answer->body);
        a->body = (str){a->bytes, answer->body.len};
    }
    if (a->then)
        a->then(a->w);
}

/** Its arguments are gone as soon as the call has returned. */
static inline struct asked *ask_with(struct world *w, const struct fetch *what)
{
    CLEANUP(exact_freep) char *url = exact_copy(what->url);
    CLEANUP(exact_freep) char *body = what->body.ptr ? exact_copy(what->body) : NULL;
    CLEANUP(exact_freep) char *type = exact_copy(what->type);
    struct fetch f = *what;

    f.url.ptr = url;
    f.body.ptr = body;
    f.type.ptr = type;
    assert_true(w->n_asked < ASKED_MAX);
    struct asked *a = &w->asked[w->n_asked++];
    *a = (struct asked){.w = w, .r = -1, .asked_ms = w->loop->timers.now_ms};
    w->is_inside = true;
    fetcher_ask(w->fetcher, &f, on_answer, a);
    w->is_inside = false;
    assert_int_equal(a->times, 0);
    memset(url, 'X', what->url.len);
    return a;
}

/** GET path of the server. */
static inline struct asked *ask(struct world *w, const char *path, int64_t timeout_ms)
{
    char url[RAW_URL_SIZE];
    const struct fetch what = {
        .url = str_of(raw_url(url, &w->server, "http", path)),
        .timeout_ms = timeout_ms,
        .max_bytes = MAX_BYTES,
    };
    return ask_with(w, &what);
}

static inline struct asked *ask_url(struct world *w, const char *url, int64_t timeout_ms)
{
    const struct fetch what = {
        .url = str_of(url), .timeout_ms = timeout_ms, .max_bytes = MAX_BYTES};
    return ask_with(w, &what);
}

static inline void await_all(struct world *w)
{
    UNTIL(w, w->n_answered == w->n_asked);
}

static inline void expect_answer(const char *name, const struct asked *a, unsigned status,
                                 str body)
{
    if (a->r != 0)
        fail_msg("%s: %d, %s", name, a->r, a->why);
    expect_int(name, a->status, status);
    expect_str(name, a->body, body);
}

static inline void expect_failure(const char *name, const struct asked *a, int r)
{
    expect_int(name, a->r, r);
    expect_int(name, a->has_answer, r == FETCH_TOO_LONG);
    expect_int(name, a->body.len, 0);
}

static inline void expect_too_late(const char *name, const struct asked *a)
{
    expect_failure(name, a, FETCH_FAILED);
    assert_string_equal(a->why, "timed out");
    assert_true(a->took_ms >= SHORT_MS - 2); // the loop's time and curl's are both rounded
}

/** Ask for /0, /1, and so on. */
static inline void ask_many(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%zu", w->n_asked);
        ask(w, path, LONG_MS);
    }
}
