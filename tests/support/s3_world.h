/** media/s3.h, an object store that answers as the test's script says, and all that was asked.
 */
#pragma once

#include <stdarg.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/fetch.h"
#include "media/s3.h"
#include "support/fake_scan.h"
#include "support/raw_server.h"
#include "support/seeded.h"
#include "support/t.h"

#define GIVE_UP_MS INT64_C(20000)
#define SCRIPT_MAX 64
#define ENDED_MAX  2048
#define LOGGED_MAX 65536
#define ID         "ABCDEFGHIJKLMNOPQRST"
#define OTHER_ID   "-_34567890123456789z"

#define NOT_FOUND   STR("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
#define NO_CONTENT  STR("HTTP/1.1 204 No Content\r\n\r\n")
#define CHANGED     STR("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n")
#define UNAVAILABLE STR("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n")
#define SILENCE     ((str){"silence", 0}) // no answer at all
#define CUT         ((str){"cut", 0})     // nor a connection any more
#define FOUND(n)    STR("HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n" IS_PNG)
#define IS_PNG      "Content-Type: image/png\r\nETag: \"e1\"\r\n\r\n"
#define BODY_OF(n)  "Content-Type: application/xml\r\nContent-Length: " #n "\r\n\r\n"
#define COPIED      STR("HTTP/1.1 200 OK\r\n" BODY_OF(37) "<CopyObjectResult></CopyObjectResult>")
#define HALF_COPIED                                                                            \
    STR("HTTP/1.1 200 OK\r\n" BODY_OF(39) "<Error><Code>InternalError</Code></Error>")
#define DENIED                                                                                 \
    STR("HTTP/1.1 403 Forbidden\r\n" BODY_OF(                                                  \
        46) "<Error><Code>SignatureDoesNotMatch</Code></Error>")
#define NO_BUCKET                                                                              \
    STR("HTTP/1.1 404 Not Found\r\n" BODY_OF(37) "<Error><Code>NoSuchBucket</Code></Error>")

struct ended {
    struct world *w;
    unsigned times;
    int r;
};

struct world {
    struct loop *loop;
    struct raw_server server;
    struct seeded chance;
    struct media_s3 *s3;
    struct media *media;
    str script[SCRIPT_MAX];
    size_t n_script;
    size_t n_served;
    struct ended ended[ENDED_MAX];
    size_t n_begun;
    size_t n_ended;
    bool is_inside;
    char logged[LOGGED_MAX];
    size_t n_logged;
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

#define UNTIL(w, condition)                                                                    \
    for (int64_t end_ = monotonic_ms() + GIVE_UP_MS; !(condition); turn(w)) {                  \
        if (monotonic_ms() > end_)                                                             \
            fail_msg("never came: %s", #condition);                                            \
    }

static inline void turns(struct world *w)
{
    for (int i = 0; i < 50; i++)
        turn(w);
}

/** What is due within this time is due now. */
static inline void skip_ms(struct world *w, int64_t ms)
{
    timers_run(&w->loop->timers, w->loop->timers.now_ms + ms);
}

static inline void serve(void *arg, struct raw_request *rq)
{
    struct world *w = arg;

    if (w->n_served >= w->n_script)
        fail_msg("nobody expected this: %s", rq->head);
    const str reply = w->script[w->n_served++];
    if (reply.len > 0) {
        raw_say(rq->conn, reply);
    } else if (reply.ptr[0] == 'c') {
        raw_close(rq->conn);
    }
}

/** The next request is answered so. */
static inline void answer_with(struct world *w, str reply)
{
    assert_true(w->n_script < SCRIPT_MAX);
    w->script[w->n_script++] = reply;
}

/** Forget what was asked. */
static inline void start_anew(struct world *w)
{
    for (size_t i = 0; i < w->server.n_requests; i++) {
        free(w->server.requests[i].head);
        free(w->server.requests[i].body);
    }
    w->server.n_requests = 0;
    w->n_script = w->n_served = 0;
}

static inline void keep_log(void *arg, str line)
{
    struct world *w = arg;

    assert_true(w->n_logged + line.len < LOGGED_MAX);
    str_copy(w->logged + w->n_logged, line);
    w->n_logged += line.len;
}

static inline struct media_s3_config config_of(struct world *w, const char *endpoint)
{
    return (struct media_s3_config){
        .loop = w->loop,
        .rand = &w->chance.rand,
        .endpoint = str_of(endpoint),
        .public_endpoint = STR("https://s3.example"),
        .region = STR("eu-1"),
        .bucket = STR("files"),
        .path_style = true,
        .access_key = STR("AK"),
        .secret_key = STR("hush-hush"),
        .session_token = STR("hush-token"),
        .put_ms = 300000,
        .get_ms = 600000,
    };
}

static inline int world_open(void **state, const char *scan)
{
    struct world *w = NEW(struct world);
    char url[RAW_URL_SIZE];

    assert_int_equal(loop_new(&w->loop), 0);
    raw_server_open(&w->server, w->loop, "127.0.0.1");
    w->server.serve = serve;
    w->server.arg = w;
    seeded_init(&w->chance, 1);
    struct media_s3_config config = config_of(w, raw_url(url, &w->server, "http", ""));
    config.scan = scan;
    assert_int_equal(media_s3_new(&w->s3, &config), 0);
    w->media = media_s3_port(w->s3);
    log_set_sink(keep_log, w);
    *state = w;
    return 0;
}

static inline int setup(void **state)
{
    return world_open(state, NULL);
}

static inline int setup_scan(void **state)
{
    return world_open(state, "/bin/scan");
}

/** Nothing that is a secret, or good for one, was ever logged. */
static inline void expect_no_secrets(struct world *w)
{
    static const char *const secrets[] = {"hush", "X-Amz", "Signature=", ID, "?"};

    w->logged[w->n_logged] = '\0';
    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        assert_null(strstr(w->logged, secrets[i]));
}

static inline int teardown(void **state)
{
    struct world *w = *state;

    media_stop(w->media);
    UNTIL(w, media_is_idle(w->media));
    turns(w); // anything that came twice
    assert_int_equal(w->n_ended, w->n_begun);
    for (size_t i = 0; i < w->n_begun; i++)
        assert_int_equal(w->ended[i].times, 1);
    media_free(w->media);
    log_set_sink(NULL, NULL);
    expect_no_secrets(w);
    raw_server_close(&w->server);
    raw_loop_free(w->loop);
    free(w);
    return 0;
}

static inline void on_ended(void *arg, int r)
{
    struct ended *e = arg;

    assert_false(e->w->is_inside);
    e->times++;
    e->r = r;
    e->w->n_ended++;
}

static inline struct ended *begin(struct world *w)
{
    assert_true(w->n_begun < ENDED_MAX);
    struct ended *e = &w->ended[w->n_begun++];
    *e = (struct ended){.w = w, .r = -1};
    return e;
}

/** An upload that is a PNG of 7 bytes. */
static inline struct chat_upload upload_of(const char *id)
{
    return (struct chat_upload){
        .id = str_of(id), .name = STR("a.png"), .mime = STR("image/png"), .size = 7};
}

/** Its arguments are gone as soon as the call has returned. */
static inline struct ended *take(struct world *w, const char *id)
{
    struct chat_upload u = upload_of(id);
    CLEANUP(exact_freep) char *text = exact_copy(u.id);
    CLEANUP(exact_freep) char *mime = exact_copy(u.mime);
    struct ended *e = begin(w);

    u.id.ptr = text;
    u.mime.ptr = mime;
    w->is_inside = true;
    media_take(w->media, &u, on_ended, e);
    w->is_inside = false;
    return e;
}

static inline struct ended *drop(struct world *w, const char *id)
{
    CLEANUP(exact_freep) char *text = exact_copy(str_of(id));
    struct ended *e = begin(w);

    w->is_inside = true;
    media_drop(w->media, (str){text, strlen(id)}, on_ended, e);
    w->is_inside = false;
    return e;
}

static inline void await_all(struct world *w)
{
    UNTIL(w, w->n_ended == w->n_begun);
}

/** The requests so far: "HEAD kept, PUT kept". */
static inline void expect_asked(const char *name, struct world *w, const char *want)
{
    char got[2048] = "";
    size_t n = 0;

    for (size_t i = 0; i < w->server.n_requests; i++) {
        const char *head = w->server.requests[i].head;
        str line = str_of(head);
        const str method = str_take_until(&line, ' ');
        assert_true(str_starts(line, STR("/files/")));
        str_take(&line, 7);
        const str folder = str_take_until(&line, '/');
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s" STR_FMT " " STR_FMT,
                              i == 0 ? "" : ", ", STR_ARG(method), STR_ARG(folder));
    }
    expect_str(name, str_of(got), str_of(want));
}
