#include "media/s3_ask.h"

#include <stdio.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "media/s3_error.h"

#define SAID_EVERY_MS 1000 // so that a store that is down does not fill the log
#define EXPIRES_S     300  // of a request's signature; clocks differ
#define SOURCE_MAX    (2 + S3_BUCKET_MAX + S3_KEY_SIZE)
#define LINE_SIZE     (FETCH_FIELD_MAX + 64)

struct s3_asker {
    struct s3_asker_config config;
    struct fetcher *fetcher;
    struct list waiting; // for their next try
    size_t n_under_way;
    struct media_s3_counters counters;
    bool is_stopping;
    struct seldom said; // of failures
};

struct trying {
    struct list node; // while it waits
    struct timer again;
    struct job job;
    struct s3_asker *asker;
    s3_ask_fn *done;
    void *arg;
    enum fetch_method method;
    int64_t deadline_ms;
    unsigned max_tries;
    unsigned n_tries;
    char key[S3_KEY_SIZE];
    char source[SOURCE_MAX]; // "/bucket/key"; empty: none
    char source_etag[FETCH_FIELD_MAX + 1];
};

static const str methods[] = {
    [FETCH_GET] = {"GET", 3}, [FETCH_HEAD] = {"HEAD", 4},     [FETCH_POST] = {"POST", 4},
    [FETCH_PUT] = {"PUT", 3}, [FETCH_DELETE] = {"DELETE", 6}, [FETCH_OPTIONS] = {"OPTIONS", 7},
};

static int64_t now_ms(const struct s3_asker *a)
{
    return a->config.loop->timers.now_ms;
}

static void end(struct trying *t, const struct fetch_answer *answer)
{
    t->asker->n_under_way--;
    t->done(t->arg, answer);
    free(t);
}

static void end_later(struct job *job)
{
    end(container_of(job, struct trying, job), NULL);
}

/** @param why  NULL: the answer says it. Of the answer, what is no secret in any store */
static void say_failed(const struct trying *t, const char *why,
                       const struct fetch_answer *answer)
{
    struct s3_asker *a = t->asker;
    char code[LOG_QUOTE_SIZE];
    char reason[LOG_QUOTE_SIZE];
    unsigned long long unsaid = 0;

    if (!seldom_is_due(&a->said, now_ms(a), SAID_EVERY_MS, &unsaid))
        return;
    log_warn(NULL, "media_s3_failed",
             "method=%s status=%u code=%s reason=%s tries=%u unsaid=%llu",
             methods[t->method].ptr, answer ? answer->status : 0,
             log_quote(code, answer ? s3_error_code(answer->body) : (str){0}),
             log_quote(reason, str_of(why)), t->n_tries, unsaid);
}

static void fail(struct trying *t, const char *why, const struct fetch_answer *answer)
{
    if (!t->asker->is_stopping) {
        t->asker->counters.failures++;
        say_failed(t, why, answer);
    }
    end(t, NULL);
}

enum verdict {
    ANSWERED,
    AGAIN,
    LASTING,
};

static enum verdict judge(const struct trying *t, int r, const struct fetch_answer *answer)
{
    if (r == FETCH_FAILED)
        return AGAIN;
    if (r != 0 && r != FETCH_TOO_LONG)
        return LASTING;
    if (answer->status == 429 || answer->status >= 500)
        return AGAIN;
    if (r != 0)
        return LASTING;
    if (answer->status / 100 == 2) // a copy says 200 before it knows
        return t->method == FETCH_PUT && s3_error_is(answer->body) ? AGAIN : ANSWERED;
    if (answer->status == 404)
        return str_eq(s3_error_code(answer->body), STR("NoSuchBucket")) ? LASTING : ANSWERED;
    return answer->status == 412 ? ANSWERED : LASTING;
}

/** Half of it by chance: who failed together does not come back together. */
static int64_t until_next_ms(const struct trying *t)
{
    const int64_t longest_ms = (int64_t)MEDIA_S3_AGAIN_MS << (t->n_tries - 1);
    uint32_t chance = 0;

    rand_bytes(t->asker->config.rand, &chance, sizeof(chance));
    return longest_ms / 2 + chance % (longest_ms / 2 + 1);
}

static void try_now(struct trying *t);

static void on_again(struct timer *timer)
{
    struct trying *t = container_of(timer, struct trying, again);

    list_remove(&t->node);
    t->asker->counters.retries++;
    try_now(t);
}

/** @return false: no time is left, or no try */
static bool try_later(struct trying *t)
{
    struct s3_asker *a = t->asker;

    if (a->is_stopping || t->n_tries >= t->max_tries)
        return false;
    const int64_t at_ms = now_ms(a) + until_next_ms(t);
    if (at_ms >= t->deadline_ms)
        return false;
    list_push(&a->waiting, &t->node);
    timer_set(&a->config.loop->timers, &t->again, at_ms);
    return true;
}

static void on_answer(void *arg, int r, const char *why, const struct fetch_answer *answer)
{
    struct trying *t = arg;

    switch (judge(t, r, answer)) {
    case ANSWERED: end(t, answer); break;
    case LASTING: fail(t, why, answer); break;
    case AGAIN:
        if (!try_later(t))
            fail(t, why, answer);
        break;
    }
}

static void presign(struct buf *url, const struct trying *t)
{
    const struct s3_asker *a = t->asker;
    const struct sigv4_pair headers[] = {
        {STR("x-amz-copy-source"), str_of(t->source)},
        {STR("x-amz-copy-source-if-match"), str_of(t->source_etag)},
    };
    const struct sigv4_request rq = {
        .method = methods[t->method],
        .headers = headers,
        .n_headers = t->source[0] == '\0' ? 0 : (t->source_etag[0] == '\0' ? 1 : 2),
        .unix_ms = clock_unix_ms(&a->config.loop->clock),
        .expires_s = EXPIRES_S,
    };

    s3_url_presign(url, a->config.at, str_of(t->key), a->config.signer, rq);
}

/** @return the line "name: value"; empty where the value is */
static str line_of(char out[LINE_SIZE], const char *name, const char *value)
{
    const int n = snprintf(out, LINE_SIZE, "%s: %s", name, value);
    return (str){out, value[0] == '\0' ? 0 : (size_t)n};
}

static int64_t try_ms(const struct trying *t)
{
    const int64_t left_ms = t->deadline_ms - now_ms(t->asker);
    return t->method == FETCH_PUT || left_ms < MEDIA_S3_TRY_MS ? left_ms : MEDIA_S3_TRY_MS;
}

static void try_now(struct trying *t)
{
    char source[LINE_SIZE];
    char source_etag[LINE_SIZE];
    struct buf url;

    buf_init(&url, MEDIA_URL_MAX);
    presign(&url, t);
    const struct fetch what = {
        .method = t->method,
        .url = buf_str(&url),
        .is_plain = true,
        .headers = {line_of(source, "x-amz-copy-source", t->source),
                    line_of(source_etag, "x-amz-copy-source-if-match", t->source_etag)},
        .timeout_ms = try_ms(t),
        .max_bytes = MEDIA_S3_ANSWER_MAX,
    };
    t->n_tries++;
    t->asker->counters.requests++;
    fetcher_ask(t->asker->fetcher, &what, on_answer, t);
    buf_fini(&url);
}

int s3_asker_new(struct s3_asker **out, const struct s3_asker_config *config)
{
    struct s3_asker *a = NEW(struct s3_asker);
    const struct fetcher_config how = {
        .name = "s3", .ca_file = config->ca_file, .max_running = MEDIA_S3_RUNNING_MAX};

    a->config = *config;
    list_init(&a->waiting);
    const int r = fetcher_new(&a->fetcher, config->loop, &how);
    if (r < 0) {
        free(a);
        return err_up(r);
    }
    *out = a;
    return 0;
}

void s3_asker_stop(struct s3_asker *a)
{
    a->is_stopping = true;
    list_each (node, &a->waiting) {
        struct trying *t = container_of(node, struct trying, node);
        list_remove(node);
        timer_cancel(&a->config.loop->timers, &t->again);
        job_push(&a->config.loop->later, &t->job, end_later);
    }
    fetcher_stop(a->fetcher);
}

bool s3_asker_is_idle(const struct s3_asker *a)
{
    return a->n_under_way == 0;
}

void s3_asker_free(struct s3_asker *a)
{
    if (!a)
        return;
    assert(s3_asker_is_idle(a));
    fetcher_free(a->fetcher);
    free(a);
}

const struct media_s3_counters *s3_asker_counters(const struct s3_asker *a)
{
    return &a->counters;
}

void s3_ask(struct s3_asker *a, const struct s3_ask *what, s3_ask_fn *done, void *arg)
{
    struct trying *t = NEW(struct trying);

    assert(what->key.len < sizeof(t->key) && what->source_etag.len < sizeof(t->source_etag));
    t->asker = a;
    t->done = done;
    t->arg = arg;
    t->method = what->method;
    t->deadline_ms = what->deadline_ms;
    t->max_tries = what->max_tries;
    str_copy(t->key, what->key);
    str_copy(t->source_etag, what->source_etag);
    if (what->source.len > 0) {
        snprintf(t->source, sizeof(t->source), "/" STR_FMT "/" STR_FMT,
                 STR_ARG(a->config.bucket), STR_ARG(what->source));
    }
    list_init(&t->node);
    timer_init(&t->again, on_again);
    a->n_under_way++;
    try_now(t);
}
