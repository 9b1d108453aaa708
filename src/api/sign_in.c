#include "api/sign_in.h"

#include <stdio.h>

#include "api/encode.h"
#include "api/identify.h"
#include "crypto/secret.h"
#include "http/url.h"

#define JWKS_CACHE_S 300 // so long after a change of keys somebody may not know the new one

/** c is over. */
static void answer(struct api_call *c, struct buf *body)
{
    api_call_answer(c, buf_str(body), 0);
    buf_fini(body);
}

/** A member that is text. @return false: there is none, or it is no text; c is over */
static bool take_text(struct api_call *c, const struct json *body, const char *name, str *out)
{
    const struct api_problem bad = {API_BAD_REQUEST, name, "This must be a text.", 0};

    *out = json_text(json_member(body, name));
    if (!out->ptr)
        api_call_refuse(c, &bad);
    return out->ptr;
}

// GET /v1/auth/nonce

/** Host and port of the page that asks. With a GET to the page's own server browsers send no
 * Origin: then that is its host. */
static str page_of(const struct http_head *head)
{
    str origin = http_head_get(head, STR("Origin"));
    const size_t colon = str_find(origin, ':');

    if (!origin.ptr)
        return http_head_get(head, STR("Host"));
    if (colon + 3 > origin.len)
        return (str){0};
    str_take(&origin, colon + 3); // "://"
    return origin;
}

static bool is_contract(const struct http_head *head)
{
    char text[8];
    str value;

    return url_query_get(head->query, STR("contract"), text, sizeof(text), &value) == 0 &&
           str_eq(value, STR("1"));
}

static void start_nonce(struct api_call *c, const struct json *body)
{
    static const struct api_problem nowhere = {API_LOGIN_DOMAIN, NULL,
                                               "This server has no site where one can sign in. "
                                               "Its operator names them with --domains.",
                                               0};
    struct auth_challenge challenge;
    struct buf out;

    (void)body;
    if (auth_sign_in_challenge(c->api->config.sign_in, page_of(c->head), is_contract(c->head),
                               &challenge) != 0) {
        api_call_refuse(c, &nowhere);
        return;
    }
    buf_init(&out, SIZE_MAX / 2);
    api_encode_challenge(&out, &challenge);
    answer(c, &out);
}

// POST /v1/auth/login, /v1/auth/refresh

static void answer_grant(struct api_call *c, const struct auth_grant *grant)
{
    struct buf out;

    buf_init(&out, SIZE_MAX / 2);
    api_encode_grant(&out, grant);
    api_call_answer(c, buf_str(&out), 0);
    secret_buf_fini(&out);
}

static enum api_error error_of_login(int r)
{
    switch (r) {
    case AUTH_LOGIN_MALFORMED: return API_LOGIN_MALFORMED;
    case AUTH_LOGIN_NO_SIGNATURE: return API_BAD_REQUEST;
    case AUTH_LOGIN_DOMAIN: return API_LOGIN_DOMAIN;
    case AUTH_LOGIN_URI: return API_LOGIN_URI;
    case AUTH_LOGIN_CHAIN: return API_LOGIN_CHAIN;
    case AUTH_LOGIN_NONCE: return API_LOGIN_NONCE;
    case AUTH_LOGIN_EXPIRED: return API_LOGIN_EXPIRED;
    case AUTH_LOGIN_NOT_YET: return API_LOGIN_NOT_YET;
    case AUTH_LOGIN_ADDRESS: return API_LOGIN_ADDRESS;
    case AUTH_LOGIN_SIGNATURE: return API_LOGIN_SIGNATURE;
    case AUTH_LOGIN_LIMITED: return API_RATE_LIMITED;
    case AUTH_LOGIN_BUSY: return API_BUSY;
    case AUTH_LOGIN_UNCHECKED: return API_LOGIN_UNAVAILABLE;
    case AUTH_LOGIN_UNAVAILABLE: return API_STORAGE_UNAVAILABLE;
    default: return API_INTERNAL;
    }
}

/** @param why  for its developer, behind the sentence for a person; NULL: nothing */
static void refuse_login(struct api_call *c, int r, const char *why)
{
    struct api_problem problem = {.error = error_of_login(r)};
    char message[256];

    if (r == AUTH_LOGIN_NO_SIGNATURE)
        problem.field = "signature";
    if (r == AUTH_LOGIN_LIMITED)
        problem.retry_after_ms = auth_sessions_retry_after_ms(c->api->config.sessions);
    snprintf(message, sizeof(message), "%s (%s.)", api_error_message(problem.error),
             why ? why : "");
    if (why)
        problem.message = message;
    api_call_refuse(c, &problem);
}

static void on_login(void *arg, int r, const struct auth_grant *grant)
{
    struct api_call *c = arg;

    if (r == 0) {
        c->api->counters.logins++;
        answer_grant(c, grant);
    } else {
        refuse_login(c, r, NULL);
    }
}

static void start_login(struct api_call *c, const struct json *body)
{
    const char *why = NULL;
    str message;
    str signature;

    if (!take_text(c, body, "message", &message) ||
        !take_text(c, body, "signature", &signature))
        return;
    const int r =
        auth_sign_in_login(c->api->config.sign_in, message, signature, on_login, c, &why);
    if (r != 0)
        refuse_login(c, r, why);
}

static enum api_error error_of_session(int r)
{
    switch (r) {
    case AUTH_SESSIONS_LIMITED: return API_RATE_LIMITED;
    case AUTH_SESSIONS_INVALID: return API_TOKEN_INVALID;
    case AUTH_SESSIONS_EXPIRED: return API_TOKEN_EXPIRED;
    case AUTH_SESSIONS_REVOKED: return API_TOKEN_REVOKED;
    case AUTH_SESSIONS_UNCHECKED: return API_LOGIN_UNAVAILABLE;
    case AUTH_SESSIONS_BUSY: return API_BUSY;
    default: return API_STORAGE_UNAVAILABLE;
    }
}

static void refuse_session(struct api_call *c, int r)
{
    struct api_problem problem = {.error = error_of_session(r)};

    if (r == AUTH_SESSIONS_LIMITED)
        problem.retry_after_ms = auth_sessions_retry_after_ms(c->api->config.sessions);
    api_call_refuse(c, &problem);
}

static void on_refresh(void *arg, int r, const struct auth_grant *grant)
{
    struct api_call *c = arg;

    if (r == 0) {
        c->api->counters.refreshes++;
        answer_grant(c, grant);
    } else {
        refuse_session(c, r);
    }
}

static void start_refresh(struct api_call *c, const struct json *body)
{
    str token;

    if (!take_text(c, body, "refresh_token", &token))
        return;
    const int r = auth_sessions_refresh(c->api->config.sessions, token, on_refresh, c);
    if (r != 0)
        refuse_session(c, r);
}

// POST /v1/auth/logout

static void on_logout(void *arg, int r)
{
    struct api_call *c = arg;

    if (r == 0) {
        c->api->counters.logouts++;
        api_call_answer(c, STR("{\"status\":\"ok\"}"), 0);
    } else {
        refuse_session(c, r);
    }
}

/** Of a session that has ended already, too: the answer is the same. But whoever has found its
 * token can't end others with it. */
static void end_session(struct api_call *c, const struct api_identity *id)
{
    if (id->error == API_OK || (id->error == API_TOKEN_REVOKED && !c->ends_all)) {
        auth_sessions_end(c->api->config.sessions, &id->who, c->ends_all, on_logout, c);
        return;
    }
    api_call_refuse(c, &(struct api_problem){.error = id->error});
}

static void on_identified(void *arg, const struct api_identity *id)
{
    end_session(arg, id);
}

static void log_out_by_bearer(struct api_call *c)
{
    const struct api_asker asker = {.done = on_identified, .arg = c, .log = &c->log};
    struct api_identity id;

    if (!api_identify(c->api, str_of(c->bearer), &asker, &id))
        end_session(c, &id);
}

static void log_out_by_refresh(struct api_call *c, const struct json *body)
{
    str token;

    if (!take_text(c, body, "refresh_token", &token))
        return;
    const int r =
        auth_sessions_end_by(c->api->config.sessions, token, c->ends_all, on_logout, c);
    if (r != 0)
        refuse_session(c, r);
}

static void start_logout(struct api_call *c, const struct json *body)
{
    c->ends_all = json_is_true(json_member(body, "all"));
    if (json_member(body, "refresh_token")) {
        log_out_by_refresh(c, body);
    } else {
        log_out_by_bearer(c);
    }
}

// GET /.well-known/jwks.json

static void start_jwks(struct api_call *c, const struct json *body)
{
    struct buf out;

    (void)body;
    buf_init(&out, SIZE_MAX / 2);
    auth_keyring_print_jwks(&out, c->api->config.keyring);
    api_call_answer(c, buf_str(&out), JWKS_CACHE_S);
    buf_fini(&out);
}

static const struct api_route routes[] = {
    {{"/v1/auth/nonce", 14}, HTTP_GET, API_RATE_AUTHS, false, API_BODY_OBJECT, start_nonce},
    {{"/v1/auth/login", 14}, HTTP_POST, API_RATE_LOGINS, false, API_BODY_OBJECT, start_login},
    {{"/v1/auth/refresh", 16},
     HTTP_POST,
     API_RATE_AUTHS,
     false,
     API_BODY_OBJECT,
     start_refresh},
    {{"/v1/auth/logout", 15}, HTTP_POST, API_RATE_AUTHS, false, API_BODY_OBJECT, start_logout},
    {{"/.well-known/jwks.json", 22},
     HTTP_GET,
     API_RATE_AUTHS,
     false,
     API_BODY_OBJECT,
     start_jwks},
};

const struct api_route_table api_sign_in_routes = {routes, COUNT_OF(routes)};
