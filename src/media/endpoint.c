#include "media/endpoint.h"

#include "base/mem.h"
#include "http/cors.h"
#include "media/endpoint_core.h"

#define BUCKET      MEDIA_LOCAL_PREFIX MEDIA_LOCAL_BUCKET "/"
#define HEADERS_MAX (HTTP_CORS_MAX + 256) // bytes
#define EXPOSE                                                                                 \
    "Access-Control-Expose-Headers: ETag, Content-Length, Content-Range, Accept-Ranges\r\n"

void endpoint_refuse(struct endpoint *e, struct http_request *rq, enum refusal why, str headers)
{
    e->counters.refused++;
    refusal_answer(rq, why, headers);
}

enum refusal endpoint_count(const struct endpoint *e, struct ips *ips,
                            const struct endpoint_call *c, struct ips_count **taken)
{
    *taken = NULL;
    if (!e->config.rate_limits)
        return REFUSAL_NONE;
    const ip from = http_proxies_client(e->config.proxies, http_peer(c->rq), c->head);
    *taken = ips_take(ips, &from);
    return *taken ? REFUSAL_NONE : REFUSAL_SLOW_DOWN;
}

// Where a request goes.

/** An id needs no percent-encoding: what has any is no file's. */
static enum refusal route(const struct http_head *head, str *id)
{
    const bool puts = head->method == HTTP_PUT;
    const bool gets = head->method == HTTP_GET || head->method == HTTP_HEAD;
    str rest = head->path;

    if (!str_starts(rest, STR(BUCKET)))
        return REFUSAL_NO_BUCKET;
    str_take(&rest, strlen(BUCKET));
    const str folder = str_take_until(&rest, '/');
    const bool is_in = str_eq(folder, STR("in"));
    if ((!is_in && !str_eq(folder, STR("kept"))) || !rand_is_name(rest))
        return REFUSAL_NO_KEY;
    if (is_in ? !puts : !gets)
        return is_in ? REFUSAL_PUT_ONLY : REFUSAL_GET_ONLY;
    *id = rest;
    return REFUSAL_NONE;
}

// Who may.

static enum refusal refusal_of(int sigv4)
{
    switch ((enum sigv4_refusal)sigv4) {
    case SIGV4_MISSING: return REFUSAL_UNSIGNED;
    case SIGV4_MALFORMED: return REFUSAL_QUERY;
    case SIGV4_KEY: return REFUSAL_KEY;
    case SIGV4_NOT_YET: return REFUSAL_NOT_YET;
    case SIGV4_EXPIRED: return REFUSAL_EXPIRED;
    case SIGV4_SIGNATURE: return REFUSAL_SIGNATURE;
    }
    return REFUSAL_NONE;
}

static str method_of(const struct http_head *head)
{
    if (head->method == HTTP_PUT)
        return STR("PUT");
    return head->method == HTTP_HEAD ? STR("HEAD") : STR("GET"); // route() lets no other pass
}

/** Has one spoken to us who may have changed Host? */
static bool is_proxy(const struct endpoint *e, struct http_request *rq)
{
    const ip peer = http_peer(rq);
    return http_proxies_trust(e->config.proxies, &peer);
}

static enum refusal verify(const struct endpoint *e, struct http_request *rq,
                           const struct sigv4_received *in)
{
    int r = sigv4_verify(e->config.key, in, (str){0});

    if (r == SIGV4_SIGNATURE && is_proxy(e, rq))
        r = sigv4_verify(e->config.key, in, str_of(e->host));
    if (r != 0)
        return refusal_of(r);
    // Else a link would be good for a file of any size and type.
    if (rq->method == HTTP_PUT && (!sigv4_has_signed(in, STR("content-type")) ||
                                   !sigv4_has_signed(in, STR("content-length"))))
        return REFUSAL_UNSIGNED_HEADERS;
    return REFUSAL_NONE;
}

static enum refusal authorize(const struct endpoint *e, struct http_request *rq,
                              const struct http_head *head)
{
    struct sigv4_pair headers[HTTP_HEADERS_MAX];
    const str prefix = str_of(e->path);
    char *path = mem_alloc(prefix.len + head->path.len);

    for (size_t i = 0; i < head->n_headers; i++)
        headers[i] = (struct sigv4_pair){head->headers[i].name, head->headers[i].value};
    str_copy(path, prefix);
    str_copy(path + prefix.len, head->path);
    const struct sigv4_received in = {
        .method = method_of(head),
        .path = {path, prefix.len + head->path.len},
        .query = head->query,
        .headers = headers,
        .n_headers = head->n_headers,
        .now_ms = clock_unix_ms(&e->config.loop->clock),
    };
    const enum refusal why = verify(e, rq, &in);
    free(path);
    return why;
}

static enum refusal check(const struct endpoint *e, struct http_request *rq,
                          const struct http_head *head, str *id)
{
    if (e->is_stopped)
        return REFUSAL_UNAVAILABLE;
    const enum refusal why = route(head, id);
    if (why != REFUSAL_NONE)
        return why;
    if (head->method == HTTP_PUT && !head->has_length)
        return REFUSAL_NO_LENGTH;
    return authorize(e, rq, head);
}

static void add_headers(const struct endpoint *e, struct buf *out, const struct http_head *head)
{
    buf_init(out, HEADERS_MAX);
    http_cors_add(out, e->config.origins, head);
    const int r = buf_add(out, STR(EXPOSE));
    assert(r == 0);
    (void)r;
}

static void start(struct endpoint *e, struct endpoint_call *c)
{
    if (c->head->method == HTTP_PUT) {
        endpoint_put_start(e, c);
    } else {
        endpoint_get_start(e, c);
    }
}

void endpoint_on_head(struct endpoint *e, struct http_request *rq, const struct http_head *head)
{
    struct endpoint_call c = {.rq = rq, .head = head};

    add_headers(e, &c.headers, head);
    if (head->method == HTTP_OPTIONS) {
        http_respond(rq,
                     &(struct http_response){.status = 204, .headers = buf_str(&c.headers)});
        buf_fini(&c.headers);
        return;
    }
    const enum refusal why = check(e, rq, head, &c.id);
    if (why == REFUSAL_NONE) {
        start(e, &c);
        return;
    }
    endpoint_refuse(e, rq, why, buf_str(&c.headers));
    buf_fini(&c.headers);
}

void endpoint_on_piece(struct endpoint *e, struct http_request *rq, str piece)
{
    (void)e;
    endpoint_put_on_piece(rq, piece);
}

void endpoint_on_body(struct endpoint *e, struct http_request *rq)
{
    (void)e;
    if (rq->method == HTTP_PUT) {
        endpoint_put_on_body(rq);
    } else {
        endpoint_get_on_body(rq);
    }
}

void endpoint_on_gone(struct endpoint *e, struct http_request *rq)
{
    (void)e;
    if (rq->method == HTTP_PUT) {
        endpoint_put_on_gone(rq);
    } else {
        endpoint_get_on_gone(rq);
    }
}

struct endpoint *endpoint_new(const struct endpoint_config *config)
{
    struct endpoint *e = NEW(struct endpoint);

    e->config = *config;
    e->host = str_dup(STR(""));
    e->path = str_dup(STR(""));
    list_init(&e->puts);
    list_init(&e->gets);
    ips_init(&e->put_ips, MEDIA_ADDRESS_PUTS_MAX, config->rand);
    ips_init(&e->get_ips, MEDIA_ADDRESS_GETS_MAX, config->rand);
    return e;
}

void endpoint_set_place(struct endpoint *e, str host, str path)
{
    free(e->host);
    free(e->path);
    e->host = str_dup(host);
    e->path = str_dup(path);
}

void endpoint_stop(struct endpoint *e)
{
    e->is_stopped = true;
    endpoint_put_stop_all(e);
    endpoint_get_stop_all(e);
}

bool endpoint_is_idle(const struct endpoint *e)
{
    return e->n_puts + e->n_gets == 0;
}

const struct media_local_counters *endpoint_counters(const struct endpoint *e)
{
    return &e->counters;
}

void endpoint_free(struct endpoint *e)
{
    assert(endpoint_is_idle(e));
    ips_fini(&e->put_ips);
    ips_fini(&e->get_ips);
    free(e->host);
    free(e->path);
    free(e);
}
