#include "server/admin_socket.h"

#include <stdio.h>
#include <unistd.h>

#include "api/encode.h"
#include "auth/account.h"
#include "base/mem.h"
#include "io/local.h"
#include "json/json.h"

#define QUEUED_MAX 65536 // bytes unsent of a connection; an answer has some hundred

struct admin_socket {
    struct admin_socket_config config;
    struct listener *listener; // NULL once closed
    struct tcp_limit limit;
    struct http_server *http;
    struct http_route route;
};

struct call {
    struct admin_socket *socket;
    struct http_request *rq; // NULL: nobody waits for the answer any more
    bool is_started;
    const char *allows; // which method, of 405
    struct auth_revocation what;
    char session[AUTH_SESSION_SIZE]; // which what.session points to
};

// Answers. Each is the last of its call.

static void respond(struct call *c, unsigned status, const struct buf *body)
{
    char fields[64];
    const int n = snprintf(fields, sizeof(fields), "Cache-Control: no-store\r\n%s%s%s",
                           c->allows ? "Allow: " : "", c->allows ? c->allows : "",
                           c->allows ? "\r\n" : "");
    const struct http_response r = {
        .status = status,
        .type = STR("application/json"),
        .headers = {fields, (size_t)n},
        .body = buf_str(body),
    };

    if (c->rq)
        http_respond(c->rq, &r);
    free(c);
}

static void refuse_as(struct call *c, unsigned status, const struct api_problem *problem)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    api_encode_error(&body, problem);
    respond(c, status, &body);
    buf_fini(&body);
}

static void refuse(struct call *c, enum api_error error, const char *field, const char *message)
{
    const struct api_problem problem = {error, field, message, 0};

    refuse_as(c, api_error_status(error), &problem);
}

static void answer_revoked(struct call *c, size_t n)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    const int r = buf_addf(&body, "{\"status\":\"ok\",\"sessions\":%zu}", n);
    assert(r == 0);
    (void)r;
    respond(c, api_error_status(API_OK), &body);
    buf_fini(&body);
}

// POST /v1/revoke

/** A session's name opens nothing, and this one is over: it may be in the log. */
static void log_revoked(const struct call *c, size_t n)
{
    char acct[AUTH_ACCOUNT_TEXT_SIZE];
    char session[LOG_QUOTE_SIZE];

    if (c->what.session.len > 0) {
        log_info(NULL, "admin_revoke", "session=%s sessions=%zu",
                 log_quote(session, c->what.session), n);
    } else {
        auth_account_text(acct, &c->what.account);
        log_info(NULL, "admin_revoke", "account=%s sessions=%zu", acct, n);
    }
}

static void on_revoked(void *arg, int r, size_t n)
{
    struct call *c = arg;

    if (r == 0) {
        log_revoked(c, n);
        answer_revoked(c, n);
    } else {
        refuse(c, API_STORAGE_UNAVAILABLE, NULL, NULL);
    }
}

/** @return false: it is refused, and c is over */
static bool take_account(struct call *c, str text)
{
    if (auth_account_parse(&c->what.account, text, c->socket->config.home_chain) == 0)
        return true;
    refuse(c, API_BAD_REQUEST, "account", "This is no account.");
    return false;
}

static bool take_session(struct call *c, str name)
{
    if (auth_is_session_name(name)) {
        c->what.session = str_copy(c->session, name);
        return true;
    }
    refuse(c, API_BAD_REQUEST, "session", "This is no name of a session.");
    return false;
}

static bool take_what(struct call *c, const struct json *body)
{
    const str whose = json_text(json_member(body, "account"));
    const str session = json_text(json_member(body, "session"));

    if (!whose.ptr == !session.ptr) {
        refuse(c, API_BAD_REQUEST, NULL, "The body must have an account or a session, a text.");
        return false;
    }
    return whose.ptr ? take_account(c, whose) : take_session(c, session);
}

static void start(struct call *c, struct http_request *rq)
{
    CLEANUP(json_freep) struct json *body = NULL;

    if (json_parse_unique(&body, rq->body, rq->body_len) != 0 ||
        json_kind(body) != JSON_KIND_OBJECT) {
        refuse(c, API_BAD_REQUEST, NULL, "The body must be a JSON object.");
    } else if (take_what(c, body)) {
        c->is_started = true;
        auth_sessions_revoke(c->socket->config.sessions, &c->what, on_revoked, c);
    }
}

// /v1/probe

static void answer_probe(struct call *c, const struct admin_socket_config *config)
{
    char at[ADDR_TEXT_SIZE];
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    const int r = buf_addf(
        &body,
        "{\"status\":\"ok\",\"probe\":\"%s\",\"pid\":%lld,"
        "\"version\":\"" PARLEY_VERSION "\",\"listen\":\"%s\",\"given\":%s,\"tls\":%s}",
        probes_make(config->probes), (long long)getpid(), addr_text(at, config->at),
        config->is_given ? "true" : "false", config->is_tls ? "true" : "false");
    assert(r == 0);
    (void)r;
    respond(c, api_error_status(API_OK), &body);
    buf_fini(&body);
}

static void add_seen(struct buf *body, const struct probe_seen *seen)
{
    char peer[ADDR_HOST_SIZE];
    char client[ADDR_HOST_SIZE];

    int r = buf_addf(body,
                     "{\"status\":\"ok\",\"seen\":true,\"peer\":\"%s\",\"client\":\"%s\","
                     "\"forwarded\":%s,\"host\":",
                     ip_text(peer, &seen->peer), ip_text(client, &seen->client),
                     seen->has_forwarded ? "true" : "false");
    r |= json_print_str(body, str_of(seen->host));
    r |= buf_add(body, STR("}"));
    assert(r == 0);
    (void)r;
}

static void answer_seen(struct call *c, const struct probe *probe)
{
    struct buf body;

    if (!probe) {
        refuse(c, API_NOT_FOUND, NULL, "No probe has this name, or not any more.");
        return;
    }
    buf_init(&body, SIZE_MAX / 2);
    if (probe->is_seen) {
        add_seen(&body, &probe->seen);
    } else {
        const int r = buf_add(&body, STR("{\"status\":\"ok\",\"seen\":false}"));
        assert(r == 0);
        (void)r;
    }
    respond(c, api_error_status(API_OK), &body);
    buf_fini(&body);
}

// Requests.

static void on_body(void *arg, struct http_request *rq)
{
    struct call *c = rq->state;

    (void)arg;
    if (rq->is_too_large) {
        refuse(c, API_TOO_LARGE, NULL, "The body is longer than 4 KiB.");
    } else {
        start(c, rq);
    }
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct call *c = rq->state;

    (void)arg;
    c->rq = NULL;
    if (!c->is_started)
        free(c);
}

static void refuse_method(struct call *c, bool is_get)
{
    static const struct api_problem wrong = {
        API_BAD_REQUEST, NULL,
        "This path takes another method. The field Allow of this answer "
        "says which.",
        0};

    c->allows = is_get ? "GET" : "POST";
    refuse_as(c, 405, &wrong);
}

static void take_revoke(struct call *c, str rest)
{
    (void)rest;
    c->rq->max_body = ADMIN_SOCKET_BODY_MAX;
}

static void take_probe(struct call *c, str rest)
{
    (void)rest;
    answer_probe(c, &c->socket->config);
}

static void take_seen(struct call *c, str name)
{
    answer_seen(c, probes_find(c->socket->config.probes, name));
}

static const struct {
    str path;
    bool has_rest; // behind it
    enum http_method method;
    void (*take)(struct call *c, str rest);
} paths[] = {
    {{"/v1/revoke", 10}, false, HTTP_POST, take_revoke},
    {{"/v1/probe", 9}, false, HTTP_POST, take_probe},
    {{"/v1/probe/", 10}, true, HTTP_GET, take_seen},
};

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct call *c = NEW(struct call);

    c->socket = arg;
    c->rq = rq;
    rq->state = c;
    rq->max_body = 0;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        str rest = head->path;
        if (!str_starts(rest, paths[i].path))
            continue;
        (void)str_take(&rest, paths[i].path.len);
        if (rest.len > 0 && !paths[i].has_rest)
            continue;
        if (head->method == paths[i].method) {
            paths[i].take(c, rest);
        } else {
            refuse_method(c, paths[i].method == HTTP_GET);
        }
        return;
    }
    refuse(c, API_NOT_FOUND, NULL, "There is nothing at this path. Check its spelling.");
}

static const struct http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_gone = on_gone,
};

// The socket.

int admin_socket_path(char out[ADMIN_SOCKET_PATH_SIZE], str data)
{
    const int n =
        snprintf(out, ADMIN_SOCKET_PATH_SIZE, STR_FMT "/" ADMIN_SOCKET_FILE, STR_ARG(data));

    static_assert(ADMIN_SOCKET_PATH_SIZE == LOCAL_PATH_MAX + 1, "with the NUL");
    return n < ADMIN_SOCKET_PATH_SIZE ? 0 : ADMIN_SOCKET_TOO_LONG;
}

static void on_accept(void *arg, struct stream *stream)
{
    struct admin_socket *s = arg;
    http_server_accept(s->http, stream);
}

static int listen_at(struct admin_socket *s, const char *path)
{
    const struct tcp_listen how = {
        .max_queued = QUEUED_MAX,
        .limit = &s->limit,
        .on_accept = on_accept,
        .arg = s,
    };
    const int r = local_listen(&s->listener, s->config.loop, path, &how);

    if (r == 0)
        return 0;
    fprintf(stderr, "parley serve: can't make %s: %s; the log says more\n", path,
            strerrordesc_np(-r));
    return ADMIN_SOCKET_FAILED;
}

int admin_socket_open(struct admin_socket **out, const struct admin_socket_config *config)
{
    struct admin_socket *s = NEW(struct admin_socket);
    char path[ADMIN_SOCKET_PATH_SIZE];

    s->config = *config;
    s->limit.max = ADMIN_SOCKET_STREAMS_MAX;
    s->route = (struct http_route){STR("/"), &handler, s};
    s->http = http_server_new(&(struct http_config){
        .timers = &config->loop->timers,
        .later = &config->loop->later,
        .clock = &config->loop->clock,
        .routes = &s->route,
        .n_routes = 1,
    });
    const int r = admin_socket_path(path, config->data);
    assert(r == 0); // the options were checked
    (void)r;
    if (listen_at(s, path) != 0) {
        admin_socket_free(s);
        return ADMIN_SOCKET_FAILED;
    }
    *out = s;
    return 0;
}

void admin_socket_close(struct admin_socket *s)
{
    if (!s || !s->listener)
        return;
    listener_close(STEAL(s->listener));
    http_server_drain(s->http);
}

void admin_socket_free(struct admin_socket *s)
{
    if (!s)
        return;
    assert(!s->listener);
    http_server_free(s->http);
    free(s);
}
