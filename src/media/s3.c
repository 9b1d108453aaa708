#include "media/s3.h"

#include <errno.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "media/mime.h"
#include "media/s3_ask.h"
#include "media/s3_url.h"
#include "media/scan.h"

#define LENGTH_SIZE 21 // "18446744073709551615"

struct media_s3 {
    struct media port;
    struct loop *loop;
    struct s3_asker *asker;
    struct media_scan *scan;  // NULL: none
    struct s3_url here;       // where the server reaches it
    struct s3_url for_others; // where clients do
    struct sigv4_key signer;  // its texts are those below
    struct secret *access;
    struct secret *secret;
    struct secret *token;
    struct secret *region;
    char *bucket;
    char *ca_file; // NULL: the system's
    unsigned put_s;
    unsigned get_s;
    size_t n_works;
    bool is_stopping;
};

/** A take or a drop. */
struct work {
    struct job job;
    struct media_s3 *s3;
    media_done_fn *done;
    void *arg;
    int64_t deadline_ms;
    int result; // what it ends with, once it is known
    unsigned n_copies;
    struct chat_upload upload; // what is below; of a drop its id alone
    char id[CHAT_UPLOAD_ID_SIZE];
    char mime[CHAT_MIME_MAX + 1];
};

static struct media_s3 *s3_of(struct media *m)
{
    return container_of(m, struct media_s3, port);
}

// Links

/** What a link says is cut to whole seconds. @return when it expires, Unix */
static int64_t add_link(struct media_s3 *s, enum s3_folder folder, str id,
                        const struct sigv4_request *rq, struct buf *url)
{
    char key[S3_KEY_SIZE];

    s3_url_presign(url, &s->for_others, s3_url_key(key, folder, id), &s->signer, *rq);
    return (rq->unix_ms / 1000 + rq->expires_s) * 1000;
}

static int64_t s3_put_link(struct media *m, const struct chat_upload *u, int64_t now_ms,
                           struct buf *url)
{
    struct media_s3 *s = s3_of(m);
    char length[LENGTH_SIZE];
    char sum[BASE64_LEN(CHAT_SHA256_SIZE)];
    const struct sigv4_pair headers[] = {
        {STR("content-type"), u->mime},
        {STR("content-length"),
         {length,
          (size_t)snprintf(length, sizeof(length), "%llu", (unsigned long long)u->size)}},
        {STR("x-amz-checksum-sha256"), {sum, sizeof(sum)}},
    };
    const struct sigv4_request rq = {
        .method = STR("PUT"),
        .headers = headers,
        .n_headers = u->has_sha256 ? 3 : 2,
        .unix_ms = now_ms,
        .expires_s = s->put_s,
    };

    base64_encode(sum, (str){(const char *)u->sha256, sizeof(u->sha256)});
    return add_link(s, S3_IN, u->id, &rq, url);
}

static int64_t s3_get_link(struct media *m, const struct media_file *f, int64_t now_ms,
                           struct buf *url)
{
    struct media_s3 *s = s3_of(m);
    const bool is_safe = mime_is_safe(f->mime);
    struct buf disposition;

    buf_init(&disposition, MIME_DISPOSITION_SIZE(f->name.len));
    mime_disposition(&disposition, is_safe, f->name);
    const struct sigv4_pair query[] = {
        {STR("response-content-type"), is_safe ? f->mime : STR("application/octet-stream")},
        {STR("response-content-disposition"), buf_str(&disposition)},
    };
    const struct sigv4_request rq = {
        .method = STR("GET"),
        .query = query,
        .n_query = COUNT_OF(query),
        .unix_ms = now_ms,
        .expires_s = s->get_s,
    };
    const int64_t until_ms = add_link(s, S3_KEPT, f->id, &rq, url);
    buf_fini(&disposition);
    return until_ms;
}

static bool s3_find(struct media *m, str url, str *id)
{
    return s3_url_find(&s3_of(m)->for_others, url, id);
}

// Takes and drops

static void end(struct work *w, int r)
{
    w->s3->n_works--;
    w->done(w->arg, r);
    free(w);
}

static void end_later(struct job *job)
{
    struct work *w = container_of(job, struct work, job);
    end(w, w->result);
}

static void ask(struct work *w, enum fetch_method method, enum s3_folder folder,
                s3_ask_fn *done)
{
    char key[S3_KEY_SIZE];
    const struct s3_ask what = {
        .method = method,
        .key = s3_url_key(key, folder, w->upload.id),
        .deadline_ms = w->deadline_ms,
        .max_tries = MEDIA_S3_TRIES,
    };

    s3_ask(w->s3->asker, &what, done, w);
}

/** What is in the way of nobody if it stays. */
static void tidy(struct work *w, enum s3_folder folder, s3_ask_fn *done)
{
    char key[S3_KEY_SIZE];
    const int64_t soon_ms = w->s3->loop->timers.now_ms + MEDIA_S3_TIDY_MS;
    const struct s3_ask what = {
        .method = FETCH_DELETE,
        .key = s3_url_key(key, folder, w->upload.id),
        .deadline_ms = soon_ms < w->deadline_ms ? soon_ms : w->deadline_ms,
        .max_tries = 1,
    };

    s3_ask(w->s3->asker, &what, done, w);
}

static void on_tidied(void *arg, const struct fetch_answer *answer)
{
    struct work *w = arg;

    (void)answer;
    end(w, w->result);
}

static void on_kept_tidied(void *arg, const struct fetch_answer *answer)
{
    (void)answer;
    tidy(arg, S3_IN, on_tidied);
}

static void on_scanned(void *arg, int r)
{
    struct work *w = arg;

    w->result = r;
    switch (r) {
    case 0: tidy(w, S3_IN, on_tidied); break;
    case MEDIA_REJECTED: tidy(w, S3_KEPT, on_kept_tidied); break;
    default: end(w, r); break;
    }
}

/** What is kept is looked at even where it was before: nobody has said what came of that. */
static void scan(struct work *w)
{
    struct media_s3 *s = w->s3;
    char key[S3_KEY_SIZE];
    struct buf url;

    if (!s->scan) {
        on_scanned(w, 0);
        return;
    }
    if (w->deadline_ms - s->loop->timers.now_ms < MEDIA_SCAN_MS) {
        end(w, MEDIA_UNAVAILABLE); // who asks again comes here at once
        return;
    }
    const struct sigv4_request rq = {
        .method = STR("GET"),
        .unix_ms = clock_unix_ms(&s->loop->clock),
        .expires_s = MEDIA_SCAN_MS / 1000 * 2,
    };
    buf_init(&url, MEDIA_URL_MAX);
    s3_url_presign(&url, &s->here, s3_url_key(key, S3_KEPT, w->upload.id), &s->signer, rq);
    media_scan_run(s->scan, buf_str(&url), &w->upload, on_scanned, w);
    buf_fini(&url);
}

static bool is_as_announced(const struct work *w, const struct fetch_answer *answer)
{
    return answer->length == w->upload.size && str_eq(answer->type, w->upload.mime);
}

static void on_in(void *arg, const struct fetch_answer *answer);

static void on_copied(void *arg, const struct fetch_answer *answer)
{
    struct work *w = arg;

    if (answer && answer->status / 100 == 2) {
        scan(w);
    } else if (answer && w->n_copies < MEDIA_S3_TRIES) {
        ask(w, FETCH_HEAD, S3_IN, on_in); // meanwhile it became another one, or none
    } else {
        end(w, MEDIA_UNAVAILABLE);
    }
}

static void copy(struct work *w, str etag)
{
    char from[S3_KEY_SIZE];
    char to[S3_KEY_SIZE];
    const struct s3_ask what = {
        .method = FETCH_PUT,
        .key = s3_url_key(to, S3_KEPT, w->upload.id),
        .source = s3_url_key(from, S3_IN, w->upload.id),
        .source_etag = etag,
        .deadline_ms = w->deadline_ms,
        .max_tries = MEDIA_S3_TRIES,
    };

    w->n_copies++;
    s3_ask(w->s3->asker, &what, on_copied, w);
}

static void on_in(void *arg, const struct fetch_answer *answer)
{
    struct work *w = arg;

    if (!answer || (answer->status == 200 && !answer->has_length)) {
        end(w, MEDIA_UNAVAILABLE); // a file without its length is no object store's answer
    } else if (answer->status != 200) {
        end(w, MEDIA_MISSING);
    } else if (!is_as_announced(w, answer)) {
        end(w, MEDIA_MISMATCH);
    } else {
        copy(w, answer->etag);
    }
}

static void on_kept(void *arg, const struct fetch_answer *answer)
{
    struct work *w = arg;

    if (!answer) {
        end(w, MEDIA_UNAVAILABLE);
    } else if (answer->status == 200 && is_as_announced(w, answer)) {
        scan(w);
    } else {
        ask(w, FETCH_HEAD, S3_IN, on_in);
    }
}

static void on_kept_dropped(void *arg, const struct fetch_answer *answer)
{
    end(arg, answer ? 0 : MEDIA_UNAVAILABLE);
}

static void on_in_dropped(void *arg, const struct fetch_answer *answer)
{
    struct work *w = arg;

    if (answer) {
        ask(w, FETCH_DELETE, S3_KEPT, on_kept_dropped);
    } else {
        end(w, MEDIA_UNAVAILABLE);
    }
}

static struct work *work_new(struct media_s3 *s, str id, media_done_fn *done, void *arg)
{
    struct work *w = NEW(struct work);

    assert(id.len < sizeof(w->id));
    w->s3 = s;
    w->done = done;
    w->arg = arg;
    w->deadline_ms = s->loop->timers.now_ms + MEDIA_TAKE_MS;
    w->upload.id = str_copy(w->id, id);
    s->n_works++;
    return w;
}

/** @return false: it ends with MEDIA_UNAVAILABLE, later */
static bool may_begin(struct work *w)
{
    struct media_s3 *s = w->s3;

    if (!s->is_stopping && s->n_works <= MEDIA_S3_WORKS_MAX)
        return true;
    w->result = MEDIA_UNAVAILABLE;
    job_push(&s->loop->later, &w->job, end_later);
    return false;
}

/**
 * What is kept already comes first: a link to put is good for a while after a take, and what is
 * put by it then must not be kept in the place of what was.
 */
static void s3_take(struct media *m, const struct chat_upload *u, media_done_fn *done,
                    void *arg)
{
    struct work *w = work_new(s3_of(m), u->id, done, arg);

    assert(u->mime.len < sizeof(w->mime));
    w->upload = *u;
    w->upload.id = str_of(w->id);
    w->upload.mime = str_copy(w->mime, u->mime);
    w->upload.name = (str){0};
    w->upload.owner = (account){0};
    if (may_begin(w))
        ask(w, FETCH_HEAD, S3_KEPT, on_kept);
}

static void s3_drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    struct work *w = work_new(s3_of(m), id, done, arg);

    if (may_begin(w))
        ask(w, FETCH_DELETE, S3_IN, on_in_dropped);
}

// Its life

static void s3_stop(struct media *m)
{
    struct media_s3 *s = s3_of(m);

    s->is_stopping = true;
    s3_asker_stop(s->asker);
    if (s->scan)
        media_scan_stop(s->scan);
}

static bool s3_is_idle(const struct media *m)
{
    return ((const struct media_s3 *)m)->n_works == 0; // its first member
}

static void s3_free(struct media *m)
{
    struct media_s3 *s = s3_of(m);

    assert(s->n_works == 0);
    s3_asker_free(s->asker);
    media_scan_free(s->scan);
    s3_url_fini(&s->here);
    s3_url_fini(&s->for_others);
    secret_free(s->access);
    secret_free(s->secret);
    secret_free(s->token);
    secret_free(s->region);
    free(s->bucket);
    free(s->ca_file);
    free(s);
}

static const struct media_ops ops = {
    .name = "s3",
    .put_link = s3_put_link,
    .get_link = s3_get_link,
    .find = s3_find,
    .take = s3_take,
    .drop = s3_drop,
    .stop = s3_stop,
    .is_idle = s3_is_idle,
    .free = s3_free,
};

/** @return what is wrong; NULL: nothing */
static const char *find_fault(const struct media_s3_config *c)
{
    const int64_t longest_ms = SIGV4_EXPIRES_MAX * INT64_C(1000);

    if (c->region.len == 0 || c->region.len > MEDIA_S3_REGION_MAX)
        return "a region";
    if (c->access_key.len == 0 || c->access_key.len > MEDIA_S3_KEY_MAX)
        return "an access key";
    if (c->secret_key.len == 0 || c->secret_key.len > MEDIA_S3_KEY_MAX)
        return "a secret key";
    if (c->session_token.len > MEDIA_S3_TOKEN_MAX)
        return "a session token";
    if (c->put_ms < 1000 || c->put_ms > longest_ms)
        return "a link's time to put";
    if (c->get_ms < 1000 || c->get_ms > longest_ms)
        return "a link's time to get";
    return NULL;
}

/** @return 0 or a fault */
static int init_url(struct s3_url *out, const struct media_s3_config *c, str endpoint)
{
    const struct s3_bucket bucket = {endpoint, c->bucket, c->path_style};

    switch (s3_url_init(out, &bucket)) {
    case 0: return 0;
    case S3_URL_BAD_BUCKET: return err_fault(-EINVAL, "media: not a bucket's name");
    default: return err_fault(-EINVAL, "media: not an object store's endpoint");
    }
}

/** @return 0 or a fault */
static int init_urls(struct media_s3 *s, const struct media_s3_config *c)
{
    const str others = c->public_endpoint.len > 0 ? c->public_endpoint : c->endpoint;
    int r = init_url(&s->here, c, c->endpoint);

    if (r == 0)
        r = init_url(&s->for_others, c, others);
    return r;
}

static void init_signer(struct media_s3 *s, const struct media_s3_config *c)
{
    s->access = secret_new(c->access_key);
    s->secret = secret_new(c->secret_key);
    s->token = secret_new(c->session_token);
    s->region = secret_new(c->region);
    s->signer = (struct sigv4_key){
        .access = secret_str(s->access),
        .secret = secret_str(s->secret),
        .token = secret_str(s->token),
        .region = secret_str(s->region),
    };
}

static int init_asker(struct media_s3 *s, const struct media_s3_config *c)
{
    const struct s3_asker_config config = {
        .loop = c->loop,
        .rand = c->rand,
        .at = &s->here,
        .bucket = str_of(s->bucket),
        .signer = &s->signer,
        .ca_file = s->ca_file,
    };
    return s3_asker_new(&s->asker, &config);
}

/** The longest link of all is one to get a file of the longest name. @return 0 or a fault */
static int check_links(struct media_s3 *s)
{
    char name[CHAT_FILE_NAME_MAX];
    char mime[CHAT_MIME_MAX];
    const struct media_file f = {
        STR("ABCDEFGHIJKLMNOPQRST"), {mime, sizeof(mime)}, {name, sizeof(name)}};
    struct buf url;

    memset(name, '\xff', sizeof(name));
    memset(mime, '/', sizeof(mime));
    str_copy(mime, STR("image/png;"));
    buf_init(&url, 8UL * MEDIA_URL_MAX);
    s3_get_link(&s->port, &f, 0, &url);
    const bool fits = url.len <= MEDIA_URL_MAX && url.len <= FETCH_URL_MAX;
    buf_fini(&url);
    return fits ? 0 : err_fault(-EINVAL, "media: the token or the endpoint is too long");
}

int media_s3_new(struct media_s3 **out, const struct media_s3_config *config)
{
    const char *wrong = find_fault(config);

    if (wrong)
        return err_fault(-EINVAL, "media: s3 needs %s", wrong);
    struct media_s3 *s = NEW(struct media_s3);
    s->port.ops = &ops;
    s->loop = config->loop;
    s->put_s = (unsigned)(config->put_ms / 1000);
    s->get_s = (unsigned)(config->get_ms / 1000);
    s->bucket = str_dup(config->bucket);
    s->ca_file = config->ca_file ? str_dup(str_of(config->ca_file)) : NULL;
    init_signer(s, config);
    int r = init_urls(s, config);
    if (r == 0)
        r = check_links(s);
    if (r == 0)
        r = init_asker(s, config);
    if (r < 0) {
        s3_free(&s->port);
        return err_up(r);
    }
    if (config->scan)
        s->scan = media_scan_new(config->loop, config->scan);
    *out = s;
    return 0;
}

struct media *media_s3_port(struct media_s3 *s)
{
    return &s->port;
}

const struct media_s3_counters *media_s3_counters(const struct media_s3 *s)
{
    return s3_asker_counters(s->asker);
}
