#include "api/call.h"

#include <stdio.h>

#include "api/caller.h"
#include "api/encode.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/cors.h"

#define HEADERS_MAX    (HTTP_CORS_MAX + 512) // bytes of header lines
#define RETRY_AFTER_MS 1000                  // where an error passes, and does not say when

// Answers.

static void call_free(struct job *job)
{
    struct api_call *c = container_of(job, struct api_call, job);

    if (c->caller)
        api_caller_free(c->caller);
    if (c->bearer)
        crypto_wipe(c->bearer, strlen(c->bearer));
    free(c->bearer);
    json_free(c->body);
    buf_fini(&c->headers);
    c->api->n_calls--;
    free(c);
}

/** Freed later: the chat still counts a request of the caller's when it has answered it. */
static void call_end(struct api_call *c)
{
    if (c->caller)
        api_caller_end(c->caller);
    job_push(c->api->config.later, &c->job, call_free);
}

static void add_field(struct api_call *c, const char *line)
{
    const int r = buf_addf(&c->headers, "%s\r\n", line);
    assert(r == 0);
    (void)r;
}

/** It counts for its wallet until then. */
static void on_taken(void *arg)
{
    if (arg)
        api_wallets_give(arg);
}

static void respond_to(struct http_request *rq, struct api_call *c, unsigned status, str body)
{
    const struct http_response r = {
        .status = status,
        .type = body.len > 0 ? STR("application/json") : (str){0},
        .headers = buf_str(&c->headers),
        .body = body,
        .on_taken = on_taken,
        .arg = c->caller ? api_caller_take_wallet(c->caller) : NULL,
    };

    http_respond(rq, &r);
}

/** c is over. */
static void respond(struct api_call *c, unsigned status, str body)
{
    if (c->rq)
        respond_to(c->rq, c, status, body);
    c->rq = NULL;
    call_end(c);
}

void api_call_answer(struct api_call *c, str body, unsigned cache_s)
{
    char line[64];

    snprintf(line, sizeof(line), "Cache-Control: public, max-age=%u", cache_s);
    add_field(c, cache_s > 0 ? line : "Cache-Control: no-store");
    respond(c, api_error_status(API_OK), body);
}

void api_call_answer_created(struct api_call *c, str body)
{
    add_field(c, "Cache-Control: no-store");
    respond(c, 201, body);
}

void api_call_abort(struct api_call *c)
{
    if (c->rq)
        http_abort(c->rq);
    c->rq = NULL;
    call_end(c);
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

/** @return false: it is none that we take, and c is over */
static bool parse_body(struct api_call *c, char *body, size_t n)
{
    static const struct api_problem bad = {API_BAD_REQUEST, NULL,
                                           "The body must be a JSON object (application/json), "
                                           "no member of which comes twice.",
                                           0};
    const bool may_be_none =
        c->route->method == HTTP_GET || c->route->body == API_BODY_OPTIONAL;

    if (n == 0 && may_be_none)
        return true;
    if (json_parse_unique(&c->body, body, n) == 0 && json_kind(c->body) == JSON_KIND_OBJECT)
        return true;
    api_call_refuse(c, &bad);
    return false;
}

void api_call_start(struct api_call *c, char *body, size_t n)
{
    if (!parse_body(c, body, n))
        return;
    c->is_started = true;
    c->route->start(c, c->body);
    if (c->keeps_body) // it may be over by now, but is still there
        return;
    json_free(c->body);
    c->body = NULL;
}

/** What a GET has of a body is nobody's business. */
static bool has_too_much(const struct api_call *c)
{
    return c->rq->is_too_large && c->route->method != HTTP_GET;
}

static void on_body(void *arg, struct http_request *rq)
{
    static const struct api_problem too_large = {API_TOO_LARGE, NULL,
                                                 "The body is longer than 64 KiB.", 0};
    static const struct api_problem too_long = {.error = API_TOO_LARGE};
    struct api_call *c = rq->state;

    (void)arg;
    static_assert(API_BODY_MAX == 65536, "as the message says");
    if (has_too_much(c)) {
        api_call_refuse(c, c->route->body == API_BODY_MESSAGE ? &too_long : &too_large);
    } else if (c->caller) {
        api_caller_on_body(c->caller, rq);
    } else {
        api_call_start(c, rq->body, rq->body_len);
    }
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct api_call *c = rq->state;

    (void)arg;
    c->rq = NULL;
    if (!c->is_started)
        call_end(c);
}

// The head.

static struct api_call *call_new(struct api *a, struct http_request *rq,
                                 const struct http_head *head)
{
    struct api_call *c = NEW(struct api_call);
    const str bearer = http_head_bearer(head);

    c->api = a;
    c->rq = rq;
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

    if (api_route_takes(c->route, method))
        return true;
    add_field(c, api_route_allow(c->route));
    refuse_as(c, 405, &wrong);
    return false;
}

bool api_call_take_rate(struct api_call *c)
{
    struct api *a = c->api;
    struct api_problem limited = {.error = API_RATE_LIMITED};

    if (!a->config.rate_limits)
        return true;
    limited.retry_after_ms =
        rates_take(&a->ip_rates, ip_str(&c->from), c->route->rate, a->config.timers->now_ms);
    if (limited.retry_after_ms == 0)
        return true;
    api_call_refuse(c, &limited);
    return false;
}

/** For rates. */
static void note_address(struct api_call *c, const struct http_head *head)
{
    const struct api_config *config = &c->api->config;

    if (!config->rate_limits)
        return;
    const ip from = http_proxies_client(config->proxies, http_peer(c->rq), head);
    c->from = ip_network(&from);
}

/** A text may have each of its bytes escaped. */
static size_t max_body(const struct api_call *c)
{
    if (c->route->method == HTTP_GET)
        return 0;
    if (c->route->body != API_BODY_MESSAGE)
        return API_BODY_MAX;
    return c->api->config.content_bytes * JSON_ESCAPE_SIZE + API_FRAME_MAX;
}

static void begin(struct api_call *c, const struct http_head *head, str peer)
{
    note_address(c, head);
    c->rq->max_body = max_body(c);
    if (c->route->is_of_wallet) {
        api_caller_begin(c, head, peer);
    } else if (api_call_take_rate(c) && c->route->method == HTTP_GET) {
        c->is_started = true;
        c->head = head;
        c->route->start(c, NULL);
    }
}

static void serve(struct api_call *c, const struct http_head *head)
{
    static const struct api_problem nothing = {
        API_NOT_FOUND, NULL, "There is nothing at this path. Check its spelling.", 0};
    str peer = {0};

    c->route = api_route_find(head, &peer);
    if (!c->route) {
        api_call_refuse(c, &nothing);
    } else if (check_method(c, head->method)) {
        begin(c, head, peer);
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
