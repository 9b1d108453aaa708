#include "eio/server.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/mem.h"
#include "eio/poll.h"
#include "eio/upgrade.h"
#include "http/cors.h"
#include "http/url.h"
#include "ws/handshake.h"

#define HEADERS_MAX    4096 // bytes of header lines
#define PARAMETER_SIZE 64   // bytes of a query parameter that can mean anything to us
#define DIGITS         64   // of base64url

static_assert(EIO_WORKERS == DIGITS && EIO_NODES == DIGITS * DIGITS, "a digit, and two");

// The codes and texts of engine.io's error answers; clients look at the code.
enum refusal {
    UNKNOWN_TRANSPORT,
    UNKNOWN_SID,
    BAD_METHOD,
    BAD_REQUEST,
    BAD_VERSION = 5, // 4, Forbidden, is for servers that choose whom to answer
};

static const char *const refusals[] = {
    [UNKNOWN_TRANSPORT] = "Transport unknown",      [UNKNOWN_SID] = "Session ID unknown",
    [BAD_METHOD] = "Bad handshake method",          [BAD_REQUEST] = "Bad request",
    [BAD_VERSION] = "Unsupported protocol version",
};

/** A request, as far as its head tells. */
struct entry {
    struct eio_server *server;
    struct http_request *rq;
    const struct http_head *head;
    enum eio_transport transport;
    struct eio_session *session; // NULL: a handshake
    bool is_websocket;           // it asks for a WebSocket
    struct buf headers;          // lines for whatever the answer is
};

static void add_field(struct buf *out, const char *name, str value)
{
    const int r = buf_addf(out, "%s: " STR_FMT "\r\n", name, STR_ARG(value));
    assert(r == 0); // HEADERS_MAX has room for all of them, each as long as it may be
}

/** A page that shall read why it is refused. */
static bool is_denied(const struct eio_config *config, const struct http_head *head)
{
    return config->denial.len > 0 && !http_cors_allows(&config->origins, head);
}

static void add_cors_fields(struct buf *out, const struct eio_config *config,
                            const struct http_head *head)
{
    if (!config->cors)
        return;
    if (config->cors_credentials)
        add_field(out, "Access-Control-Allow-Credentials", STR("true"));
    if (is_denied(config, head)) {
        http_cors_add_refused(out, head);
    } else {
        http_cors_add(out, &config->origins, head);
    }
}

// Answers.

static void respond(const struct entry *e, unsigned status, str type, str body)
{
    const struct http_response r = {
        .status = status,
        .type = type,
        .headers = buf_str(&e->headers),
        .body = body,
        .close = e->is_websocket,
    };
    http_respond(e->rq, &r);
}

static void respond_refusal(const struct entry *e, enum refusal code)
{
    char body[96];

    if (e->is_websocket) { // a failed upgrade gets the text alone
        respond(e, 400, STR("text/html"), str_of(refusals[code]));
        return;
    }
    snprintf(body, sizeof(body), "{\"code\":%d,\"message\":\"%s\"}", (int)code, refusals[code]);
    respond(e, 400, STR("application/json"), str_of(body));
}

static struct eio_poll *poll_new(const struct entry *e)
{
    const str headers = buf_str(&e->headers);
    struct eio_poll *poll = mem_alloc(sizeof(*poll) + headers.len);

    poll->headers_len = headers.len;
    str_copy(poll->headers, headers);
    return poll;
}

// What the request is.

/** A parameter's value; empty where it is missing, broken or too long to mean anything. */
static str parameter(const struct http_head *head, const char *key, char out[PARAMETER_SIZE])
{
    str value = {0};

    if (url_query_get(head->query, str_of(key), out, PARAMETER_SIZE, &value) != 0)
        return (str){0};
    return value;
}

static bool sid_is(struct map_node *node, const void *key)
{
    const struct eio_session *s = container_of(node, struct eio_session, by_sid);
    return str_eq(str_of(s->sid), *(const str *)key);
}

static struct eio_session *find_session(const struct eio_server *server, str sid)
{
    struct map_node *node = map_find(&server->sessions, str_hash(sid), sid_is, &sid);

    return node ? container_of(node, struct eio_session, by_sid) : NULL;
}

static bool has_sid(const struct http_head *head)
{
    char text[PARAMETER_SIZE];
    str value;
    const int r = url_query_get(head->query, STR("sid"), text, sizeof(text), &value);

    return r == 0 ? value.len > 0 : r != URL_NOT_FOUND;
}

static bool is_current_protocol(const struct http_head *head)
{
    char text[PARAMETER_SIZE];
    return str_eq(parameter(head, "EIO", text), STR("4"));
}

/** The checks in the reference's order: clients tell errors apart by it. @return 0, or -1 when
 * answered */
static int check(struct entry *e)
{
    const struct eio_config *config = &e->server->config;
    char text[PARAMETER_SIZE];

    const str transport = parameter(e->head, "transport", text);
    if (str_eq(transport, STR("polling"))) {
        e->transport = EIO_POLLING_TRANSPORT;
    } else if (str_eq(transport, STR("websocket"))) {
        e->transport = EIO_WEBSOCKET_TRANSPORT;
    }
    if (!(e->transport & config->transports)) {
        respond_refusal(e, UNKNOWN_TRANSPORT);
        return -1;
    }
    if (has_sid(e->head)) {
        e->session = find_session(e->server, parameter(e->head, "sid", text));
        if (!e->session || !eio_session_is_alive(e->session)) {
            respond_refusal(e, UNKNOWN_SID);
            return -1;
        }
    }
    if (!e->session && e->head->method != HTTP_GET) {
        respond_refusal(e, BAD_METHOD);
        return -1;
    }
    // A WebSocket is asked for in both places or in neither.
    const bool wants_websocket = e->transport == EIO_WEBSOCKET_TRANSPORT;
    const bool polls_no_more = e->session && e->session->ws && !e->is_websocket;
    const bool is_no_upgrade = e->session && e->is_websocket && !config->allow_upgrades;
    if (wants_websocket != e->is_websocket || polls_no_more || is_no_upgrade) {
        respond_refusal(e, BAD_REQUEST);
        return -1;
    }
    if (!is_current_protocol(e->head)) {
        respond_refusal(e, e->session ? BAD_REQUEST : BAD_VERSION);
        return -1;
    }
    return 0;
}

// Who has sent it.

static struct eio_peer peer_of(const struct entry *e)
{
    const struct eio_config *config = &e->server->config;

    return (struct eio_peer){
        .ip = http_proxies_client(&config->proxies, http_peer(e->rq), e->head),
        .origin_is_allowed = http_cors_allows(&config->origins, e->head),
    };
}

/** @return the token, owned; NULL: there is none */
static char *bearer_of(const struct http_head *head)
{
    const str token = http_head_bearer(head);

    return token.len > 0 ? str_dup(token) : NULL; // no field has a NUL in it
}

// What is done with it.

static void open_polling(const struct entry *e)
{
    struct eio_session *s = eio_session_new(e->server, NULL, false);

    s->peer = peer_of(e);
    s->bearer = bearer_of(e->head);
    eio_poll_on_get(s, e->rq, poll_new(e)); // the handshake is its first poll
    eio_session_open(s);
}

/** @return the connection, turned into a WebSocket, or NULL: the answer found no room */
static struct ws *take_websocket(struct entry *e, char **rest, size_t *rest_len)
{
    struct stream *stream = http_upgrade(e->rq, buf_str(&e->headers), rest, rest_len);

    return stream ? ws_new(stream, &e->server->ws_config, NULL, NULL) : NULL;
}

static void feed(struct ws *ws, char *rest, size_t rest_len)
{
    if (rest_len > 0)
        ws_feed(ws, rest, rest_len);
}

static void probe(struct entry *e, bool is_b64)
{
    char *rest = NULL;
    size_t rest_len = 0;
    struct ws *ws = take_websocket(e, &rest, &rest_len);

    if (ws && eio_upgrade_probe(e->session, ws, is_b64))
        feed(ws, rest, rest_len);
}

static void open_websocket(struct entry *e, bool is_b64)
{
    char *rest = NULL;
    size_t rest_len = 0;
    const struct eio_peer peer = peer_of(e); // the head is gone with the upgrade
    char *bearer = bearer_of(e->head);
    struct ws *ws = take_websocket(e, &rest, &rest_len);

    if (!ws) {
        eio_bearer_free(bearer);
        return;
    }
    struct eio_session *s = eio_session_new(e->server, ws, is_b64);
    s->peer = peer;
    s->bearer = bearer;
    eio_session_open(s);
    if (s->ws) // the application may have closed it
        feed(ws, rest, rest_len);
}

static void upgrade(struct entry *e)
{
    char text[PARAMETER_SIZE];

    const int refusal = ws_handshake_check(e->head);
    if (refusal == WS_HANDSHAKE_VERSION)
        add_field(&e->headers, "Sec-WebSocket-Version", STR("13"));
    if (refusal != 0)
        return respond_refusal(e, BAD_REQUEST);
    if (ws_handshake_answer(&e->headers, e->head) != 0)
        return respond_refusal(e, BAD_REQUEST); // a subprotocol of kilobytes

    const bool is_b64 = str_eq(parameter(e->head, "b64", text), STR("1"));
    if (e->session) {
        probe(e, is_b64);
    } else {
        open_websocket(e, is_b64);
    }
}

static void respond_bad_method(struct entry *e)
{
    add_field(&e->headers, "Allow", STR("GET, POST"));
    respond(e, 405, (str){0}, (str){0});
}

static void poll(struct entry *e)
{
    const str type = http_head_get(e->head, STR("Content-Type"));

    switch (e->head->method) {
    case HTTP_GET: eio_poll_on_get(e->session, e->rq, poll_new(e)); break;
    case HTTP_POST:
        // Engine.IO 4 has no binary payloads.
        if (str_starts(type, STR("application/octet-stream"))) {
            respond(e, 400, (str){0}, (str){0});
            eio_session_end(e->session, EIO_PARSE_ERROR);
        } else {
            eio_poll_on_post(e->session, e->rq, poll_new(e));
        }
        break;
    case HTTP_HEAD:
    case HTTP_PUT:
    case HTTP_DELETE:
    case HTTP_OPTIONS:
    case HTTP_PATCH:
    case HTTP_OTHER: respond_bad_method(e); break;
    }
}

static void respond_later(struct entry *e, unsigned retry_after_s)
{
    char seconds[16];

    snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
    add_field(&e->headers, "Retry-After", str_of(seconds));
    respond(e, 503, STR("text/plain"), STR("Come back later\n"));
}

static void serve(struct entry *e)
{
    const struct eio_config *config = &e->server->config;

    if (config->cors && e->head->method == HTTP_OPTIONS) {
        respond(e, 204, (str){0}, (str){0});
        return;
    }
    if (!e->is_websocket && is_denied(config, e->head)) {
        e->server->n_denied++;
        respond(e, 403, STR("application/json"), config->denial);
        return;
    }
    if (check(e) != 0)
        return;
    if (!e->session && e->server->retry_after_s > 0) {
        e->server->n_refused++;
        respond_later(e, e->server->retry_after_s);
    } else if (e->is_websocket) {
        upgrade(e);
    } else if (e->session) {
        poll(e);
    } else {
        open_polling(e);
    }
}

static void entry_init(struct entry *e, struct eio_server *server, struct http_request *rq,
                       const struct http_head *head)
{
    *e = (struct entry){
        .server = server,
        .rq = rq,
        .head = head,
        .is_websocket =
            head->is_upgrade && http_head_has(head, STR("Upgrade"), STR("websocket")),
    };
    buf_init(&e->headers, HEADERS_MAX);
    rq->state = NULL;
    add_cors_fields(&e->headers, &server->config, head);
    add_field(&e->headers, "Cache-Control", STR("no-store"));
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct entry e;

    entry_init(&e, arg, rq, head);
    serve(&e);
    buf_fini(&e.headers);
}

void eio_server_turn_away(struct eio_server *s, struct http_request *rq,
                          const struct http_head *head, unsigned retry_after_s)
{
    struct entry e;

    entry_init(&e, s, rq, head);
    respond_later(&e, retry_after_s);
    buf_fini(&e.headers);
}

static void on_body(void *arg, struct http_request *rq)
{
    struct eio_poll *p = rq->state;

    (void)arg;
    if (rq->method == HTTP_POST)
        eio_poll_on_body(p->session);
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct eio_poll *p = rq->state;

    (void)arg;
    eio_poll_on_gone(p->session, rq);
}

const struct http_handler eio_http_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_gone = on_gone,
};

bool eio_place_of(const struct http_head *head, struct eio_place *out)
{
    char text[PARAMETER_SIZE];
    const str sid = parameter(head, "sid", text);

    if (!sid.ptr || !rand_is_name(sid))
        return false;
    out->worker = (unsigned)base64_url_value(sid.ptr[0]);
    out->node = (unsigned)base64_url_value(sid.ptr[1]) * DIGITS +
                (unsigned)base64_url_value(sid.ptr[2]);
    return true;
}

void eio_place_write(const struct eio_config *config, char sid[RAND_NAME_SIZE])
{
    sid[0] = base64_url_digit(config->worker);
    sid[1] = base64_url_digit(config->node / DIGITS);
    sid[2] = base64_url_digit(config->node % DIGITS);
}

struct eio_server *eio_server_new(const struct eio_config *config, const struct eio_app *app,
                                  void *app_arg)
{
    struct eio_server *s = NEW(struct eio_server);

    assert(config->worker < EIO_WORKERS && config->node < EIO_NODES);
    s->config = *config;
    s->ws_config = (struct ws_config){
        .timers = config->timers, .later = config->later, .max_message = config->max_payload};
    s->app = app;
    s->app_arg = app_arg;
    s->pool = pool_new(sizeof(struct eio_session));
    return s;
}

void eio_server_refuse(struct eio_server *s, unsigned retry_after_s)
{
    s->retry_after_s = retry_after_s;
}

static struct eio_session *find_deaf(struct map_node *bucket)
{
    for (struct map_node *node = bucket; node; node = node->next) {
        struct eio_session *s = container_of(node, struct eio_session, by_sid);
        if (s->is_deaf)
            return s;
    }
    return NULL;
}

/** Looked for anew each time: what the application is told may make it end another one. */
static void end_deaf(const struct eio_server *server)
{
    for (size_t i = 0; i < server->sessions.n_buckets; i++) {
        struct eio_session *s;
        while ((s = find_deaf(map_bucket(&server->sessions, i))))
            eio_session_end(s, EIO_SHUTTING_DOWN);
    }
}

size_t eio_server_drain(struct eio_server *server, size_t n)
{
    end_deaf(server);
    for (size_t i = 0; n > 0 && i < server->sessions.n_buckets; i++) {
        for (struct map_node *node = map_bucket(&server->sessions, i); n > 0 && node;
             node = node->next, n--)
            container_of(node, struct eio_session, by_sid)->is_deaf = true;
    }
    return server->sessions.n_nodes;
}

struct eio_counters eio_counters(const struct eio_server *s)
{
    return (struct eio_counters){.sessions = s->sessions.n_nodes,
                                 .opened = s->n_opened,
                                 .refused = s->n_refused,
                                 .denied = s->n_denied};
}

void eio_server_shut_down(struct eio_server *server)
{
    for (size_t i = 0; i < server->sessions.n_buckets; i++) {
        struct map_node *node;
        while ((node = map_bucket(&server->sessions, i)))
            eio_session_end(container_of(node, struct eio_session, by_sid), EIO_SHUTTING_DOWN);
    }
}

void eio_server_free(struct eio_server *s)
{
    map_fini(&s->sessions);
    pool_free(s->pool);
    free(s);
}
