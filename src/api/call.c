#include "api/call.h"

#include <stdio.h>

#include "api/encode.h"
#include "api/sign_in.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/cors.h"

#define HEADERS_MAX    (HTTP_CORS_MAX + 512) // bytes of header lines
#define RETRY_AFTER_MS 1000                  // where an error passes, and does not say when

// Answers.

static void call_free(struct api_call *c)
{
    if (c->rq)
        c->rq->state = NULL;
    if (c->bearer)
        crypto_wipe(c->bearer, strlen(c->bearer));
    free(c->bearer);
    buf_fini(&c->headers);
    c->api->n_calls--;
    free(c);
}

static void add_field(struct api_call *c, const char *line)
{
    const int r = buf_addf(&c->headers, "%s\r\n", line);
    assert(r == 0);
    (void)r;
}

/** c is over. */
static void respond(struct api_call *c, unsigned status, str body)
{
    const struct http_response r = {
        .status = status,
        .type = body.len > 0 ? STR("application/json") : (str){0},
        .headers = buf_str(&c->headers),
        .body = body,
    };

    if (c->rq)
        http_respond(c->rq, &r);
    c->rq = NULL;
    call_free(c);
}

void api_call_answer(struct api_call *c, str body, unsigned cache_s)
{
    char line[64];

    snprintf(line, sizeof(line), "Cache-Control: public, max-age=%u", cache_s);
    add_field(c, cache_s > 0 ? line : "Cache-Control: no-store");
    respond(c, api_error_status(API_OK), body);
}

/** What RFC 9110 wants with some statuses. */
static void add_advice(struct api_call *c, unsigned status, int64_t ms)
{
    char line[64];

    if (status == 401)
        add_field(c, "WWW-Authenticate: Bearer");
    if (status != 429 && status != 503)
        return;
    if (ms <= 0)
        ms = RETRY_AFTER_MS;
    snprintf(line, sizeof(line), "Retry-After: %lld", (long long)((ms + 999) / 1000));
    add_field(c, line);
}

static void refuse_as(struct api_call *c, unsigned status, const struct api_problem *problem)
{
    struct buf body;

    log_debug(&c->log, "api_call_refuse", "path=" STR_FMT " reason=%s",
              STR_ARG(c->route ? c->route->path : (str){0}), api_error_code(problem->error));
    c->api->counters.errors[problem->error]++;
    add_field(c, "Cache-Control: no-store");
    add_advice(c, status, problem->retry_after_ms);
    buf_init(&body, SIZE_MAX / 2);
    api_encode_error(&body, problem);
    respond(c, status, buf_str(&body));
    buf_fini(&body);
}

void api_call_refuse(struct api_call *c, const struct api_problem *problem)
{
    refuse_as(c, api_error_status(problem->error), problem);
}

// Requests.

static void start(struct api_call *c, struct http_request *rq)
{
    static const struct api_problem bad = {API_BAD_REQUEST, NULL,
                                           "The body must be a JSON object (application/json), "
                                           "no member of which comes twice.",
                                           0};
    CLEANUP(json_freep) struct json *body = NULL;

    if (json_parse_unique(&body, rq->body, rq->body_len) != 0 ||
        json_kind(body) != JSON_KIND_OBJECT) {
        api_call_refuse(c, &bad);
        return;
    }
    c->is_started = true;
    c->route->start(c, body);
}

static void on_body(void *arg, struct http_request *rq)
{
    static const struct api_problem too_large = {API_TOO_LARGE, NULL,
                                                 "The body is longer than 64 KiB.", 0};
    struct api_call *c = rq->state;

    (void)arg;
    static_assert(API_BODY_MAX == 65536, "as the message says");
    if (rq->is_too_large) {
        api_call_refuse(c, &too_large);
    } else {
        start(c, rq);
    }
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct api_call *c = rq->state;

    (void)arg;
    c->rq = NULL;
    if (!c->is_started)
        call_free(c);
}

static const struct api_route *find_route(const struct http_head *head)
{
    for (size_t i = 0; i < api_n_sign_in_routes; i++) {
        if (str_eq(api_sign_in_routes[i].path, head->path))
            return &api_sign_in_routes[i];
    }
    return NULL;
}

static struct api_call *call_new(struct api *a, struct http_request *rq,
                                 const struct http_head *head)
{
    struct api_call *c = NEW(struct api_call);
    const str bearer = http_head_bearer(head);

    c->api = a;
    c->rq = rq;
    c->route = find_route(head);
    c->log = rq->log;
    buf_init(&c->headers, HEADERS_MAX);
    if (bearer.len > 0)
        c->bearer = str_dup(bearer); // no field has a NUL in it
    rq->state = c;
    rq->max_body = 0;
    a->n_calls++;
    a->counters.calls++;
    return c;
}

/** @return false: c is over */
static bool check_method(struct api_call *c, enum http_method method)
{
    static const struct api_problem wrong = {
        API_BAD_REQUEST, NULL,
        "This path takes another method. The field Allow of this answer "
        "says which.",
        0};
    const bool is_get = method == HTTP_GET || method == HTTP_HEAD;

    if (c->route->method == HTTP_GET ? is_get : method == c->route->method)
        return true;
    add_field(c, c->route->method == HTTP_GET ? "Allow: GET, HEAD" : "Allow: POST");
    refuse_as(c, 405, &wrong);
    return false;
}

/** @return false: c is over */
static bool take_rate(struct api_call *c, const struct http_head *head)
{
    struct api *a = c->api;
    struct api_problem limited = {.error = API_RATE_LIMITED};

    if (!a->config.rate_limits)
        return true;
    const ip from = http_proxies_client(a->config.proxies, http_peer(c->rq), head);
    const ip counted = ip_network(&from);
    limited.retry_after_ms =
        rates_take(&a->ip_rates, ip_str(&counted), c->route->rate, a->config.timers->now_ms);
    if (limited.retry_after_ms == 0)
        return true;
    api_call_refuse(c, &limited);
    return false;
}

static void serve(struct api_call *c, const struct http_head *head)
{
    static const struct api_problem nothing = {
        API_NOT_FOUND, NULL, "There is nothing at this path. Check its spelling.", 0};

    if (!c->route) {
        api_call_refuse(c, &nothing);
    } else if (check_method(c, head->method) && take_rate(c, head)) {
        if (c->route->method == HTTP_POST) {
            c->rq->max_body = API_BODY_MAX;
            return;
        }
        c->is_started = true;
        c->head = head;
        c->route->start(c, NULL);
    }
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    static const struct api_problem denied = {.error = API_ORIGIN_DENIED};
    struct api_call *c = call_new(arg, rq, head);
    const struct http_origins *origins = c->api->config.origins;
    const bool is_allowed = http_cors_allows(origins, head);

    if (is_allowed) {
        http_cors_add(&c->headers, origins, head);
    } else {
        http_cors_add_refused(&c->headers, head); // so that its developer reads why
    }
    if (head->method == HTTP_OPTIONS) {
        add_field(c, "Access-Control-Max-Age: 600");
        respond(c, 204, (str){0});
    } else if (!is_allowed) {
        api_call_refuse(c, &denied);
    } else {
        serve(c, head);
    }
}

const struct http_handler api_http_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_gone = on_gone,
};
