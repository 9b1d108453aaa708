#include "io/fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/fetch_url.h"
#include "io/uv_loop.h"

#define POLL_MS      60000 // curl itself wakes the thread when something is due
#define NAME_SIZE    16
#define CONTENT_TYPE "Content-Type: "

static const char timed_out[] = "timed out";
static const char stopped[] = "stopped";

struct fetcher {
    struct uv_loop *loop;
    char name[NAME_SIZE];
    char *ca_file; // NULL: the system's
    size_t max_running;
    uv_thread_t thread;
    uv_async_t wake_loop;
    CURLM *multi;        // the thread's, but for curl_multi_wakeup()
    struct list running; // the thread's

    // the loop's
    bool is_stopping;
    size_t n_under_way; // asked and not answered
    size_t n_running;   // with the thread
    size_t n_waiting;
    struct list waiting;

    pthread_mutex_t mutex; // of what follows
    struct list handed;    // to the thread
    struct list finished;
    bool cuts; // all that is running
    bool ends;
};

/** What is taken of an answer's head. */
struct head {
    bool has_length;
    uint64_t length;
    char type[FETCH_FIELD_MAX + 1];
    char etag[FETCH_FIELD_MAX + 1];
};

/** The thread's while it is with the thread, else the loop's. */
struct request {
    struct list node; // of those that wait, run, or are on their way from here to there
    struct job job;
    struct timer too_late; // while it waits
    struct fetcher *fetcher;
    fetch_fn *done;
    void *arg;
    enum fetch_method method;
    struct fetch_url url;
    int64_t deadline_ms;
    int64_t left_ms;                        // of it, when it went to the thread
    const char *type;                       // a line of the head
    const char *headers[FETCH_HEADERS_MAX]; // likewise; NULL: none
    str body;
    size_t max_bytes;
    CURL *curl;
    struct curl_slist *lines; // of the head
    bool has_head;
    struct head head; // the last
    bool wants_head;
    struct buf head_lines; // of it
    struct buf answer;
    unsigned status; // 0: none has come
    int r;
    const char *why;
    char bytes[];
};

// On the thread

// What curl can refuse here is memory, or what it was not built with.
#define SET(rq, option, value)                                                                 \
    do {                                                                                       \
        const CURLcode set_ = curl_easy_setopt((rq)->curl, (option), (value));                 \
        assert(set_ == CURLE_OK);                                                              \
    } while (0)

static str without_end(str line)
{
    while (line.len > 0 && strchr("\r\n", line.ptr[line.len - 1]))
        line.len--;
    return line;
}

static void keep_text(char out[FETCH_FIELD_MAX + 1], str value)
{
    if (value.len > FETCH_FIELD_MAX)
        value.len = 0; // a part of it would be another one
    str_copy(out, value);
    out[value.len] = '\0';
}

static void keep_field(struct head *h, str line)
{
    str value = without_end(line);
    const str name = str_take_until(&value, ':');

    value = str_trim(value);
    if (str_eq_nocase(name, STR("Content-Length"))) {
        h->has_length = str_to_u64(value, INT64_MAX, &h->length) == 0;
    } else if (str_eq_nocase(name, STR("Content-Type"))) {
        keep_text(h->type, value);
    } else if (str_eq_nocase(name, STR("ETag"))) {
        keep_text(h->etag, value);
    }
}

str fetch_field(str head, str name)
{
    while (head.len > 0) {
        str value = without_end(str_take_until(&head, '\n'));
        if (str_eq_nocase(str_take_until(&value, ':'), name))
            return value.ptr ? str_trim(value) : STR("");
    }
    return (str){0};
}

static void keep_line(struct request *rq, str line)
{
    if (rq->wants_head && buf_add(&rq->head_lines, line) != 0)
        rq->wants_head = false; // a part of the rest would be another head
}

/** One line of a head; there are several heads where a proxy or a 100 comes first. What comes
 * behind the last is a trailer. */
static size_t on_line(char *bytes, size_t size, size_t n, void *arg)
{
    struct request *rq = arg;
    const str line = {bytes, size * n};

    if (str_starts(line, STR("HTTP/"))) {
        rq->has_head = false;
        rq->head = (struct head){0};
        buf_clear(&rq->head_lines);
    } else if (without_end(line).len == 0) {
        rq->has_head = true;
    } else if (!rq->has_head) {
        keep_field(&rq->head, line);
        keep_line(rq, line);
    }
    return line.len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct request *rq = arg;

    if (buf_add(&rq->answer, (str){bytes, size * n}) == BUF_FULL) {
        rq->r = FETCH_TOO_LONG;
        return 0; // which ends it
    }
    return size * n;
}

static void add_line(struct request *rq, const char *line)
{
    rq->lines = curl_slist_append(rq->lines, line);
    assert(rq->lines);
}

static void set_body(struct request *rq)
{
    SET(rq, CURLOPT_POST, 1L);
    SET(rq, CURLOPT_POSTFIELDS, rq->body.ptr);
    SET(rq, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
    add_line(rq, rq->type);
    add_line(rq, "Expect:"); // no 100-continue
}

static void set_method(struct request *rq)
{
    switch (rq->method) {
    case FETCH_GET: break;
    case FETCH_HEAD: SET(rq, CURLOPT_NOBODY, 1L); break;
    case FETCH_POST: set_body(rq); break;
    case FETCH_PUT:
        set_body(rq); // CURLOPT_UPLOAD would have to be asked for the bytes
        SET(rq, CURLOPT_CUSTOMREQUEST, "PUT");
        break;
    case FETCH_DELETE: SET(rq, CURLOPT_CUSTOMREQUEST, "DELETE"); break;
    case FETCH_OPTIONS: SET(rq, CURLOPT_CUSTOMREQUEST, "OPTIONS"); break;
    }
}

static void set_request(struct request *rq)
{
    SET(rq, CURLOPT_CURLU, rq->url.curl);
    SET(rq, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(rq, CURLOPT_USERAGENT, "parley");
    set_method(rq);
    for (size_t i = 0; i < FETCH_HEADERS_MAX; i++) {
        if (rq->headers[i])
            add_line(rq, rq->headers[i]);
    }
    SET(rq, CURLOPT_HTTPHEADER, rq->lines);
}

static void set_answer(struct request *rq)
{
    SET(rq, CURLOPT_PRIVATE, rq);
    SET(rq, CURLOPT_HEADERFUNCTION, on_line);
    SET(rq, CURLOPT_HEADERDATA, rq);
    SET(rq, CURLOPT_WRITEFUNCTION, on_body);
    SET(rq, CURLOPT_WRITEDATA, rq);
    if (rq->method != FETCH_HEAD) // whose length is that of another answer
        SET(rq, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)rq->max_bytes);
    SET(rq, CURLOPT_FOLLOWLOCATION, 0L);
}

static void set_connection(struct request *rq)
{
    SET(rq, CURLOPT_PROTOCOLS_STR, rq->url.is_plain ? "http" : "https");
    SET(rq, CURLOPT_TIMEOUT_MS, (long)rq->left_ms);
    SET(rq, CURLOPT_NOSIGNAL, 1L);
    SET(rq, CURLOPT_QUICK_EXIT, 1L); // a resolver that hangs is left behind
    if (rq->url.is_here)
        SET(rq, CURLOPT_PROXY, "");
}

static void set_trust(struct request *rq)
{
    SET(rq, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rq, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(rq, CURLOPT_SSL_VERIFYHOST, 2L);
    if (rq->fetcher->ca_file) {
        SET(rq, CURLOPT_CAINFO, rq->fetcher->ca_file);
        SET(rq, CURLOPT_CAPATH, (const char *)NULL); // the system's would count as well
    }
}

static void begin(struct request *rq)
{
    rq->curl = curl_easy_init();
    assert(rq->curl);
    buf_init(&rq->answer, rq->max_bytes);
    buf_init(&rq->head_lines, FETCH_HEAD_MAX);
    set_request(rq);
    set_answer(rq);
    set_connection(rq);
    set_trust(rq);
    const CURLMcode r = curl_multi_add_handle(rq->fetcher->multi, rq->curl);
    assert(r == CURLM_OK);
    list_push(&rq->fetcher->running, &rq->node);
}

static void end(struct request *rq)
{
    struct fetcher *f = rq->fetcher;

    curl_multi_remove_handle(f->multi, rq->curl);
    curl_easy_cleanup(rq->curl);
    curl_slist_free_all(rq->lines);
    list_remove(&rq->node);
    pthread_mutex_lock(&f->mutex);
    list_push(&f->finished, &rq->node);
    pthread_mutex_unlock(&f->mutex);
    uv_async_send(&f->wake_loop); // several before the loop wakes are one
}

/** @return static */
static const char *why_of(const struct request *rq, CURLcode code)
{
    long verified = X509_V_OK;

    if (code == CURLE_OPERATION_TIMEDOUT)
        return timed_out;
    if (code != CURLE_PEER_FAILED_VERIFICATION)
        return curl_easy_strerror(code);
    curl_easy_getinfo(rq->curl, CURLINFO_SSL_VERIFYRESULT, &verified);
    return verified == X509_V_OK ? "the certificate is of another name"
                                 : X509_verify_cert_error_string(verified);
}

static void judge(struct request *rq, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(rq->curl, CURLINFO_RESPONSE_CODE, &status);
    rq->status = (unsigned)status;
    if (code == CURLE_OK && !rq->has_head) // curl takes a head that is cut for one without more
        code = CURLE_GOT_NOTHING;
    if (code == CURLE_OK)
        return;
    if (rq->r == FETCH_TOO_LONG || code == CURLE_FILESIZE_EXCEEDED) {
        rq->r = FETCH_TOO_LONG;
        rq->why = "longer than it may be";
    } else {
        rq->r = FETCH_FAILED;
        rq->why = why_of(rq, code);
    }
}

static void end_those_done(struct fetcher *f)
{
    const struct CURLMsg *msg = NULL;
    int n_left = 0;

    while ((msg = curl_multi_info_read(f->multi, &n_left))) {
        struct request *rq = NULL;

        assert(msg->msg == CURLMSG_DONE);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &rq);
        judge(rq, msg->data.result);
        end(rq); // and msg with it
    }
}

/** @return false: that was all */
static bool take_orders(struct fetcher *f)
{
    struct list handed;

    list_init(&handed);
    pthread_mutex_lock(&f->mutex);
    list_move_all(&handed, &f->handed);
    const bool cuts = f->cuts;
    const bool ends = f->ends;
    pthread_mutex_unlock(&f->mutex);

    while (!list_is_empty(&handed))
        begin(container_of(list_shift(&handed), struct request, node));
    if (cuts) {
        list_each (node, &f->running)
            end(container_of(node, struct request, node));
    }
    return !ends;
}

static void run(void *arg)
{
    struct fetcher *f = arg;
    int n_running = 0;

    crash_open_thread();
    pthread_setname_np(pthread_self(), f->name);
    while (take_orders(f)) {
        curl_multi_perform(f->multi, &n_running);
        end_those_done(f);
        curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
    }
}

static void wake_thread(struct fetcher *f)
{
    const CURLMcode r = curl_multi_wakeup(f->multi);
    assert(r == CURLM_OK);
}

// On the loop

static void answer(struct request *rq)
{
    struct fetcher *f = rq->fetcher;
    const struct fetch_answer a = {
        .status = rq->status,
        .has_length = rq->head.has_length,
        .length = rq->head.length,
        .type = str_of(rq->head.type),
        .etag = str_of(rq->head.etag),
        .head = buf_str(&rq->head_lines),
        .body = rq->r == 0 ? buf_str(&rq->answer) : (str){0},
    };

    if (f->is_stopping) { // whatever the thread has brought
        rq->r = FETCH_STOPPED;
        rq->why = stopped;
    }
    const bool has_status = rq->r == 0 || rq->r == FETCH_TOO_LONG;
    f->n_under_way--;
    rq->done(rq->arg, rq->r, rq->why, has_status ? &a : NULL);
    buf_fini(&rq->answer);
    buf_fini(&rq->head_lines);
    fetch_url_fini(&rq->url);
    free(rq);
}

static void answer_later(struct job *job)
{
    answer(container_of(job, struct request, job));
}

static void refuse(struct request *rq, int r, const char *why)
{
    rq->r = r;
    rq->why = why;
    job_push(&rq->fetcher->loop->loop.later, &rq->job, answer_later);
}

static void start(struct request *rq)
{
    struct fetcher *f = rq->fetcher;

    rq->left_ms = rq->deadline_ms - f->loop->loop.timers.now_ms;
    if (rq->left_ms <= 0) {
        refuse(rq, FETCH_FAILED, timed_out);
        return;
    }
    f->n_running++;
    pthread_mutex_lock(&f->mutex);
    list_push(&f->handed, &rq->node);
    pthread_mutex_unlock(&f->mutex);
    wake_thread(f);
}

static void stop_waiting(struct request *rq)
{
    struct fetcher *f = rq->fetcher;

    timer_cancel(&f->loop->loop.timers, &rq->too_late);
    list_remove(&rq->node);
    f->n_waiting--;
}

static void on_too_late(struct timer *t)
{
    struct request *rq = container_of(t, struct request, too_late);

    stop_waiting(rq);
    refuse(rq, FETCH_FAILED, timed_out);
}

static void await_place(struct request *rq)
{
    struct fetcher *f = rq->fetcher;

    timer_init(&rq->too_late, on_too_late);
    timer_set(&f->loop->loop.timers, &rq->too_late, rq->deadline_ms);
    list_push(&f->waiting, &rq->node);
    f->n_waiting++;
}

static void start_waiting(struct fetcher *f)
{
    while (f->n_running < f->max_running && !list_is_empty(&f->waiting)) {
        struct request *rq = container_of(f->waiting.next, struct request, node);
        stop_waiting(rq);
        start(rq);
    }
}

static void on_wake_loop(uv_async_t *handle)
{
    struct fetcher *f = handle->data;
    struct list finished;

    uv_loop_tick(f->loop);
    list_init(&finished);
    pthread_mutex_lock(&f->mutex);
    list_move_all(&finished, &f->finished);
    pthread_mutex_unlock(&f->mutex);

    while (!list_is_empty(&finished)) {
        struct request *rq = container_of(list_shift(&finished), struct request, node);
        f->n_running--;
        start_waiting(f);
        answer(rq);
    }
}

static void destroy(struct fetcher *f)
{
    curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    free(f->ca_file);
    free(f);
}

static void on_closed(uv_handle_t *handle)
{
    destroy(handle->data);
}

/** @return 0 or a fault */
static int init_curl(struct fetcher *f)
{
    const CURLcode r = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_malloc, free, mem_realloc,
                                            mem_strdup, mem_calloc); // it counts how often
    if (r != CURLE_OK)
        return err_fault(-ENOMEM, "curl: %s", curl_easy_strerror(r));
    f->multi = curl_multi_init();
    // Without files for its wakeup it is made all the same.
    if (!f->multi || curl_multi_wakeup(f->multi) != CURLM_OK)
        return err_fault(-EMFILE, "curl: no handle");
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)f->max_running);
    return 0;
}

int fetcher_new(struct fetcher **out, struct loop *l, const struct fetcher_config *config)
{
    struct fetcher *f = NEW(struct fetcher);

    assert(strlen(config->name) < NAME_SIZE && config->max_running > 0);
    f->loop = uv_loop_of(l);
    snprintf(f->name, sizeof(f->name), "%s", config->name);
    f->ca_file = config->ca_file ? str_dup(str_of(config->ca_file)) : NULL;
    f->max_running = config->max_running;
    f->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    list_init(&f->running);
    list_init(&f->waiting);
    list_init(&f->handed);
    list_init(&f->finished);

    int r = init_curl(f);
    if (r < 0) {
        destroy(f);
        return r;
    }
    f->wake_loop.data = f;
    r = uv_async_init(&f->loop->uv, &f->wake_loop, on_wake_loop);
    if (r < 0) {
        destroy(f);
        return uv_fault(r, config->name);
    }
    r = uv_thread_create(&f->thread, run, f);
    if (r < 0) {
        uv_close((uv_handle_t *)&f->wake_loop, on_closed);
        return uv_fault(r, config->name);
    }
    *out = f;
    return 0;
}

static size_t size_of_headers(const struct fetch *what)
{
    size_t n = 0;

    for (size_t i = 0; i < FETCH_HEADERS_MAX; i++) {
        const str line = what->headers[i];
        assert(str_find(line, '\r') == line.len && str_find(line, '\n') == line.len);
        n += line.len + 1;
    }
    return n;
}

/** @return the end of what was copied to `to` */
static char *copy_headers(struct request *rq, char *to, const struct fetch *what)
{
    for (size_t i = 0; i < FETCH_HEADERS_MAX; i++) {
        const str line = what->headers[i];
        if (line.len == 0)
            continue;
        rq->headers[i] = str_copy(to, line).ptr;
        to += line.len + 1; // it is all zeroes
    }
    return to;
}

static struct request *request_new(struct fetcher *f, const struct fetch *what, fetch_fn *done,
                                   void *arg)
{
    const size_t type_size = sizeof(CONTENT_TYPE) + what->type.len;
    const size_t headers_size = size_of_headers(what);
    struct request *rq = mem_alloc(sizeof(*rq) + type_size + headers_size + what->body.len + 1);

    rq->fetcher = f;
    rq->done = done;
    rq->arg = arg;
    rq->method = what->method;
    rq->deadline_ms = f->loop->loop.timers.now_ms + what->timeout_ms;
    rq->max_bytes = what->max_bytes;
    rq->wants_head = what->wants_head;
    snprintf(rq->bytes, type_size, CONTENT_TYPE STR_FMT, STR_ARG(what->type));
    rq->type = rq->bytes;
    rq->body = str_copy(copy_headers(rq, rq->bytes + type_size, what), what->body);
    return rq;
}

void fetcher_ask(struct fetcher *f, const struct fetch *what, fetch_fn *done, void *arg)
{
    struct request *rq = request_new(f, what, done, arg);

    f->n_under_way++;
    if (f->is_stopping) {
        refuse(rq, FETCH_STOPPED, stopped);
    } else if (fetch_url_init(&rq->url, what->url, what->is_plain) != 0) {
        refuse(rq, FETCH_FAILED, "no URL that can be asked for");
    } else if (f->n_running < f->max_running) {
        start(rq);
    } else if (f->n_waiting < FETCH_WAITING_MAX) {
        await_place(rq);
    } else {
        refuse(rq, FETCH_BUSY, "too many wait");
    }
}

void fetcher_stop(struct fetcher *f)
{
    f->is_stopping = true;
    list_each (node, &f->waiting) {
        struct request *rq = container_of(node, struct request, node);
        stop_waiting(rq);
        refuse(rq, FETCH_STOPPED, stopped);
    }
    pthread_mutex_lock(&f->mutex);
    f->cuts = true;
    pthread_mutex_unlock(&f->mutex);
    wake_thread(f);
}

bool fetcher_is_idle(const struct fetcher *f)
{
    return f->n_under_way == 0;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    assert(fetcher_is_idle(f));
    pthread_mutex_lock(&f->mutex);
    f->ends = true;
    pthread_mutex_unlock(&f->mutex);
    wake_thread(f);
    uv_thread_join(&f->thread);
    uv_close((uv_handle_t *)&f->wake_loop, on_closed);
}
