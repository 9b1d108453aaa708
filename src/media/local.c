#include "media/local.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "media/endpoint.h"
#include "media/mime.h"
#include "media/scan.h"

#define FOLDER_IN      MEDIA_LOCAL_PREFIX MEDIA_LOCAL_BUCKET "/in/"
#define FOLDER_KEPT    MEDIA_LOCAL_PREFIX MEDIA_LOCAL_BUCKET "/kept/"
#define PATH_MAX_BYTES 4096
#define S_MS           1000

struct media_local {
    struct media media; // first
    struct loop *loop;
    struct files *files;
    struct endpoint *endpoint;
    struct media_scan *scan; // NULL: nobody checks
    struct secret *secret;
    struct sigv4_key key;
    int64_t put_ms;
    int64_t get_ms;
    size_t n_works;
    bool is_stopped;

    // Where clients reach us: "https", "chat.example:8443", "/path" or "". In one piece, owned.
    char *url;
    str scheme;
    str host;
    str path;
};

static struct media_local *local_of(struct media *m)
{
    return container_of(m, struct media_local, media);
}

// Links.

static unsigned seconds_of(int64_t ms)
{
    const int64_t s = ms / S_MS;

    if (s < 1)
        return 1;
    return s < SIGV4_EXPIRES_MAX ? (unsigned)s : SIGV4_EXPIRES_MAX;
}

/** @param rq  all but where it goes, and until when @return when it expires */
static int64_t sign(const struct media_local *l, struct sigv4_request *rq, const char *folder,
                    str id, struct buf *url)
{
    struct buf path;

    assert(l->url);
    buf_init(&path, PATH_MAX_BYTES);
    const int r = buf_addf(&path, STR_FMT "%s" STR_FMT, STR_ARG(l->path), folder, STR_ARG(id));
    assert(r == 0);
    (void)r;
    rq->scheme = l->scheme;
    rq->host = l->host;
    rq->path = buf_str(&path);
    sigv4_presign(url, &l->key, rq);
    buf_fini(&path);
    return (rq->unix_ms / S_MS + rq->expires_s) * S_MS; // a signature has whole seconds
}

static int64_t put_link(struct media *m, const struct chat_upload *u, int64_t now_ms,
                        struct buf *url)
{
    const struct media_local *l = local_of(m);
    char length[24];
    char checksum[BASE64_LEN(CHAT_SHA256_SIZE)];

    (void)snprintf(length, sizeof(length), "%llu", (unsigned long long)u->size);
    base64_encode(checksum, (str){(const char *)u->sha256, sizeof(u->sha256)});
    const struct sigv4_pair headers[] = {
        {STR("content-type"), u->mime},
        {STR("content-length"), str_of(length)},
        {STR("x-amz-checksum-sha256"), {checksum, sizeof(checksum)}},
    };
    struct sigv4_request rq = {
        .method = STR("PUT"),
        .headers = headers,
        .n_headers = u->has_sha256 ? 3 : 2,
        .unix_ms = now_ms,
        .expires_s = seconds_of(l->put_ms),
    };
    return sign(l, &rq, FOLDER_IN, u->id, url);
}

static int64_t get_link(struct media *m, const struct media_file *f, int64_t now_ms,
                        struct buf *url)
{
    const struct media_local *l = local_of(m);
    const bool is_safe = mime_is_safe(f->mime);
    struct buf disposition;

    buf_init(&disposition, MIME_DISPOSITION_SIZE(f->name.len));
    mime_disposition(&disposition, is_safe, f->name);
    const struct sigv4_pair query[] = {
        {STR("response-content-disposition"), buf_str(&disposition)},
        {STR("response-content-type"), is_safe ? f->mime : STR("application/octet-stream")},
    };
    struct sigv4_request rq = {
        .method = STR("GET"),
        .query = query,
        .n_query = COUNT_OF(query),
        .unix_ms = now_ms,
        .expires_s = seconds_of(l->get_ms),
    };
    const int64_t expires_ms = sign(l, &rq, FOLDER_KEPT, f->id, url);
    buf_fini(&disposition);
    return expires_ms;
}

static bool skip(str *s, str prefix)
{
    if (!str_starts(*s, prefix))
        return false;
    str_take(s, prefix.len);
    return true;
}

static bool skip_nocase(str *s, str prefix)
{
    if (s->len < prefix.len || !str_eq_nocase((str){s->ptr, prefix.len}, prefix))
        return false;
    str_take(s, prefix.len);
    return true;
}

static bool find(struct media *m, str url, str *id)
{
    const struct media_local *l = local_of(m);

    if (!l->url || !skip_nocase(&url, l->scheme) || !skip(&url, STR("://")) ||
        !skip_nocase(&url, l->host) || !skip(&url, l->path))
        return false;
    if (!skip(&url, STR(FOLDER_IN)) && !skip(&url, STR(FOLDER_KEPT)))
        return false;
    const str name = str_take_until(&url, '?');
    if (!rand_is_name(name))
        return false;
    *id = name;
    return true;
}

// Taking and dropping.

struct work {
    struct media_local *l;
    struct job job; // of one that is refused
    struct timer timer;
    media_done_fn *done; // NULL: it was too late, and was told so
    void *arg;
    int r; // of the job
    struct chat_upload upload;
    char *id; // its texts
    char *mime;
};

static void tell(struct work *w, int r)
{
    media_done_fn *done = w->done;

    timer_cancel(&w->l->loop->timers, &w->timer);
    w->done = NULL;
    if (done)
        done(w->arg, r);
}

static void work_end(struct work *w, int r)
{
    w->l->n_works--;
    tell(w, r);
    free(w->id);
    free(w->mime);
    free(w);
}

static void on_late(struct timer *t)
{
    tell(container_of(t, struct work, timer), MEDIA_UNAVAILABLE);
}

static struct work *work_new(struct media_local *l, str id, media_done_fn *done, void *arg)
{
    struct work *w = NEW(struct work);

    w->l = l;
    w->done = done;
    w->arg = arg;
    w->id = str_dup(id);
    l->n_works++;
    timer_init(&w->timer, on_late);
    timer_set(&l->loop->timers, &w->timer, l->loop->timers.now_ms + MEDIA_TAKE_MS);
    return w;
}

static void run_answer(struct job *job)
{
    struct work *w = container_of(job, struct work, job);

    work_end(w, w->r);
}

static void answer_later(struct work *w, int r)
{
    w->r = r;
    job_push(&w->l->loop->later, &w->job, run_answer);
}

static int refusal_of(int files)
{
    switch (files) {
    case 0: return 0;
    case FILES_MISSING: return MEDIA_MISSING;
    case FILES_MISMATCH: return MEDIA_MISMATCH;
    default: return MEDIA_UNAVAILABLE;
    }
}

static void on_rejected(void *arg, int r)
{
    (void)r; // the sweeper drops it once more
    work_end(arg, MEDIA_REJECTED);
}

static void on_scanned(void *arg, int r)
{
    struct work *w = arg;

    if (r == MEDIA_REJECTED && w->done) { // else a later check may have accepted it meanwhile
        files_drop(w->l->files, str_of(w->id), on_rejected, w);
    } else {
        work_end(w, r);
    }
}

static void on_taken(void *arg, int r)
{
    struct work *w = arg;
    struct media_local *l = w->l;
    struct buf path;

    // What was accepted has been checked, and is in messages: it is not for us to remove.
    if (r != 0 || !l->scan || w->upload.state != UPLOAD_PENDING) {
        work_end(w, refusal_of(r));
        return;
    }
    buf_init(&path, PATH_MAX_BYTES);
    files_path(l->files, str_of(w->id), &path);
    media_scan_run(l->scan, buf_str(&path), &w->upload, on_scanned, w);
    buf_fini(&path);
}

static void take(struct media *m, const struct chat_upload *u, media_done_fn *done, void *arg)
{
    struct media_local *l = local_of(m);
    struct work *w = work_new(l, u->id, done, arg);

    w->mime = str_dup(u->mime);
    w->upload = *u;
    w->upload.id = str_of(w->id);
    w->upload.mime = str_of(w->mime);
    w->upload.name = (str){0};
    if (l->is_stopped) {
        answer_later(w, MEDIA_UNAVAILABLE);
    } else if (!rand_is_name(u->id)) {
        answer_later(w, MEDIA_MISSING);
    } else {
        files_take(l->files, u->id, u->size, on_taken, w);
    }
}

static void on_dropped(void *arg, int r)
{
    work_end(arg, refusal_of(r));
}

static void drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    struct media_local *l = local_of(m);
    struct work *w = work_new(l, id, done, arg);

    if (l->is_stopped) {
        answer_later(w, MEDIA_UNAVAILABLE);
    } else if (!rand_is_name(id)) {
        answer_later(w, 0); // there can be none
    } else {
        files_drop(l->files, id, on_dropped, w);
    }
}

// The whole.

static void stop(struct media *m)
{
    struct media_local *l = local_of(m);

    l->is_stopped = true;
    endpoint_stop(l->endpoint);
    files_stop(l->files);
    if (l->scan)
        media_scan_stop(l->scan);
}

static bool is_idle(const struct media *m)
{
    const struct media_local *l = (const struct media_local *)m; // its first member

    return l->n_works == 0 && endpoint_is_idle(l->endpoint) && files_is_idle(l->files) &&
           (!l->scan || media_scan_is_idle(l->scan));
}

static void local_free(struct media *m)
{
    struct media_local *l = local_of(m);

    endpoint_free(l->endpoint);
    files_free(l->files);
    media_scan_free(l->scan);
    secret_free(l->secret);
    free(l->url);
    free(l);
}

static const struct media_ops ops = {
    .name = "local",
    .put_link = put_link,
    .get_link = get_link,
    .find = find,
    .take = take,
    .drop = drop,
    .stop = stop,
    .is_idle = is_idle,
    .free = local_free,
};

static int open_files(struct media_local *l, const struct media_local_config *config)
{
    const struct files_config files = {
        .loop = config->loop,
        .rand = config->rand,
        .data = config->data,
        .reserve_bytes = config->reserve_bytes,
        .write_bytes_per_s = config->write_bytes_per_s,
        .put_queued = MEDIA_PUT_QUEUED_MAX,
    };
    return files_new(&l->files, &files);
}

static void set_key(struct media_local *l, str secret)
{
    l->secret = secret_new(secret);
    l->key = (struct sigv4_key){
        .access = STR(MEDIA_LOCAL_ACCESS),
        .secret = secret_str(l->secret),
        .region = STR(MEDIA_LOCAL_REGION),
    };
}

int media_local_new(struct media_local **out, const struct media_local_config *config)
{
    struct media_local *l = NEW(struct media_local);

    l->media.ops = &ops;
    l->loop = config->loop;
    l->put_ms = config->put_ms;
    l->get_ms = config->get_ms;
    const int r = open_files(l, config);
    if (r < 0) {
        free(l);
        return err_up(r);
    }
    set_key(l, config->secret);
    l->endpoint = endpoint_new(&(struct endpoint_config){
        .loop = config->loop,
        .uploads = config->uploads,
        .origins = config->origins,
        .proxies = config->proxies,
        .rate_limits = config->rate_limits,
        .rand = config->rand,
        .files = l->files,
        .key = &l->key,
    });
    if (config->scan)
        l->scan = media_scan_new(config->loop, config->scan);
    *out = l;
    return 0;
}

static bool ends(str s, str end)
{
    return s.len >= end.len && str_eq((str){s.ptr + s.len - end.len, end.len}, end);
}

/** As clients will say it in Host: they leave out the port that the scheme has anyway. */
static str without_port(str scheme, str host)
{
    const str port = str_eq(scheme, STR("https")) ? STR(":443") : STR(":80");

    return ends(host, port) ? (str){host.ptr, host.len - port.len} : host;
}

static void lower(str s, char *owned)
{
    for (size_t i = 0; i < s.len; i++) {
        char *c = &owned[s.ptr - owned + (ptrdiff_t)i];
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
}

void media_local_set_url(struct media_local *l, str url)
{
    free(l->url);
    l->url = str_dup(url);
    str rest = {l->url, url.len};
    const char *colon = memmem(rest.ptr, rest.len, "://", 3);

    assert(colon); // options take no other
    l->scheme = str_take(&rest, (size_t)(colon - rest.ptr));
    lower(l->scheme, l->url);
    str_take(&rest, 3);
    l->host = str_take(&rest, str_find(rest, '/'));
    lower(l->host, l->url);
    l->host = without_port(l->scheme, l->host);
    while (ends(rest, STR("/")))
        rest.len--;
    l->path = rest;
    endpoint_set_place(l->endpoint, l->host, l->path);
}

struct media *media_local_port(struct media_local *l)
{
    return &l->media;
}

const struct media_local_counters *media_local_counters(const struct media_local *l)
{
    return endpoint_counters(l->endpoint);
}

// Requests.

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const struct media_local *l = arg;

    endpoint_on_head(l->endpoint, rq, head);
}

static void on_piece(void *arg, struct http_request *rq, str piece)
{
    const struct media_local *l = arg;

    endpoint_on_piece(l->endpoint, rq, piece);
}

static void on_body(void *arg, struct http_request *rq)
{
    const struct media_local *l = arg;

    endpoint_on_body(l->endpoint, rq);
}

static void on_gone(void *arg, struct http_request *rq)
{
    const struct media_local *l = arg;

    endpoint_on_gone(l->endpoint, rq);
}

const struct http_handler media_local_http_handler = {
    .on_head = on_head,
    .on_piece = on_piece,
    .on_body = on_body,
    .on_gone = on_gone,
};
