/** Signing in over HTTP, in the world of support/api_world.h. */
#pragma once

#include <time.h>

#include "api/call.h"
#include "support/api_world.h"
#include "support/wallet.h"

#define SITE "app.test"

/** An answer of the server's, whose body is JSON or empty. */
struct reply {
    unsigned status;
    char head[4096]; // its lines
    struct json *json;
};

static inline void reply_fini(struct reply *r)
{
    json_free(r->json);
    r->json = NULL;
}

/** What came on the connection. @param r  was the reply before, or zeroes */
static inline void reply_take(struct reply *r, struct client *c)
{
    const struct answer a = client_take_answer(c);

    reply_fini(r);
    r->status = a.status;
    assert_true(a.head.len < sizeof(r->head));
    str_copy(r->head, a.head);
    r->head[a.head.len] = '\0';
    if (a.body.len > 0) {
        CLEANUP(exact_freep) char *copy = exact_copy(a.body);
        expect_int("JSON", json_parse(&r->json, copy, a.body.len), 0);
    }
}

static inline str reply_field(const struct reply *r, const char *name)
{
    const struct answer a = {.head = str_of(r->head)};
    return answer_field(&a, str_of(name));
}

/** One request on a connection of its own. */
static inline void ask(struct api_world *w, struct reply *r, const struct request *rq)
{
    struct client *c = client_new(&w->eio);

    client_send(c, rq);
    api_world_settle(w);
    reply_take(r, c);
}

static inline void ask_get(struct api_world *w, struct reply *r, const char *path,
                           const char *fields)
{
    ask(w, r, &(struct request){.path = path, .fields = fields});
}

static inline void ask_post(struct api_world *w, struct reply *r, const char *path,
                            const char *fields, str body)
{
    ask(w, r,
        &(struct request){
            .method = "POST", .path = path, .fields = fields, .body = body, .has_body = true});
}

/** @param code  NULL: it must be ok */
static inline void expect_reply(const char *what, const struct reply *r, unsigned status,
                                const char *code)
{
    expect_int(what, r->status, status);
    expect_str(what, json_text(json_at(r->json, "status")), code ? STR("error") : STR("ok"));
    if (code)
        expect_str(what, json_text(json_at(r->json, "error.code")), str_of(code));
    assert_true(!code || json_text(json_at(r->json, "error.message")).len > 0);
}

// Messages.

/** What a wallet is asked to sign; NULL: as it must be. */
struct draft {
    const char *domain; // with its scheme, if it has one
    const char *address;
    const char *uri;
    const char *version;
    const char *chain;
    const char *nonce;
    const char *issued_at;
    const char *more; // further lines, each with the LF before it
};

static inline const char *or_else(const char *one, const char *other)
{
    return one ? one : other;
}

/** Appended to out. @param key  of the wallet */
static inline void draft_print(struct buf *out, const struct draft *d, uint8_t key)
{
    char address[AUTH_ACCOUNT_TEXT_SIZE];
    const account a = wallet_account(key);

    auth_account_text(address, &a);
    const int r = buf_addf(
        out,
        "%s wants you to sign in with your Ethereum account:\n%s\n\nHello.\n\nURI: %s\n"
        "Version: %s\nChain ID: %s\nNonce: %s\nIssued At: %s%s",
        or_else(d->domain, SITE), or_else(d->address, address),
        or_else(d->uri, "https://" SITE "/login"), or_else(d->version, "1"),
        or_else(d->chain, "1"), d->nonce, or_else(d->issued_at, "2023-11-14T22:13:20Z"),
        or_else(d->more, ""));
    assert_int_equal(r, 0);
}

/** A nonce of the server's, in out. */
static inline void take_nonce(struct api_world *w, char out[AUTH_NONCE_TEXT_SIZE])
{
    struct reply r = {0};

    ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("nonce", &r, 200, NULL);
    const str nonce = json_text(json_at(r.json, "nonce"));
    assert_true(nonce.len > 0 && nonce.len < AUTH_NONCE_TEXT_SIZE);
    str_copy(out, nonce);
    out[nonce.len] = '\0';
    reply_fini(&r);
}

static inline void print_login(struct buf *out, str message, str signature)
{
    int r = buf_add(out, STR("{\"message\":"));
    r |= json_print_str(out, message);
    r |= buf_add(out, STR(",\"signature\":"));
    r |= json_print_str(out, signature);
    r |= buf_add(out, STR("}"));
    assert_int_equal(r, 0);
}

static inline void post_login(struct api_world *w, struct reply *r, str message, str signature)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    print_login(&body, message, signature);
    ask_post(w, r, "/v1/auth/login", NULL, buf_str(&body));
    buf_fini(&body);
}

/** The wallet of this key signs the draft, which gets a nonce if it has none, and logs in. */
static inline void log_in_with(struct api_world *w, struct reply *r, const struct draft *draft,
                               uint8_t key)
{
    struct draft d = *draft;
    char nonce[AUTH_NONCE_TEXT_SIZE];
    char signature[WALLET_SIGNATURE_SIZE];
    struct buf message;

    if (!d.nonce) {
        take_nonce(w, nonce);
        d.nonce = nonce;
    }
    buf_init(&message, SIZE_MAX / 2);
    draft_print(&message, &d, key);
    wallet_sign_text(signature, key, buf_str(&message));
    post_login(w, r, buf_str(&message), str_of(signature));
    buf_fini(&message);
}

/** What a session was given. */
struct granted {
    char account[AUTH_ACCOUNT_TEXT_SIZE];
    char access[1024];
    char refresh[256];
    char session[AUTH_SESSION_SIZE];
};

static inline void granted_copy(char *out, size_t size, const struct json *j, const char *name)
{
    const str s = json_text(json_member(j, name));

    assert_true(s.len > 0 && s.len < size);
    str_copy(out, s);
    out[s.len] = '\0';
}

static inline struct granted granted_of(const struct reply *r)
{
    struct granted g;

    expect_reply("grant", r, 200, NULL);
    granted_copy(g.account, sizeof(g.account), r->json, "account");
    granted_copy(g.access, sizeof(g.access), r->json, "access_token");
    granted_copy(g.refresh, sizeof(g.refresh), r->json, "refresh_token");
    granted_copy(g.session, sizeof(g.session), r->json, "session");
    return g;
}

static inline struct granted log_in(struct api_world *w, uint8_t key)
{
    static const struct draft draft = {0};
    char now[32];
    struct reply r = {0};
    const time_t s = (time_t)(clock_unix_ms(&w->clock) / 1000);
    struct draft d = draft;
    struct tm utc;

    gmtime_r(&s, &utc);
    strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &utc);
    d.issued_at = now;
    log_in_with(w, &r, &d, key);
    const struct granted g = granted_of(&r);
    reply_fini(&r);
    return g;
}

static inline void post_refresh(struct api_world *w, struct reply *r, const char *token)
{
    char body[512];

    snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\"}", token);
    ask_post(w, r, "/v1/auth/refresh", NULL, str_of(body));
}

static inline void post_logout(struct api_world *w, struct reply *r, const char *access,
                               const char *body)
{
    char fields[1200];

    snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n", access);
    ask_post(w, r, "/v1/auth/logout", access ? fields : NULL, str_of(body));
}

/** One can sign in at SITE. */
static inline struct api_world *start_with_site(void **state)
{
    struct api_world *w = *state;

    assert_int_equal(auth_domains_add(&w->domains, STR(SITE)), 0);
    api_world_start(w);
    return w;
}

// Sockets of a wallet that has signed in.

static inline struct user *connect_with(struct api_world *w, const char *token)
{
    struct user *u = user_open(w, "");
    char packet[2048];

    snprintf(packet, sizeof(packet), "0{\"token\":\"%s\"}", token);
    user_tell(u, packet);
    return u;
}

/** Join, and be told `ready` and `synced`. */
static inline struct user *join_with(struct api_world *w, const char *token)
{
    struct user *u = connect_with(w, token);

    user_expect(u, '0');
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    return u;
}

/** Its session was ended. */
static inline void expect_refused(struct api_world *w, const char *token)
{
    struct user *u = connect_with(w, token);

    expect_json(user_expect(u, '4'), "data.code", "\"token_revoked\"");
    client_lose(&w->eio, u->client);
    w->n_users--;
    json_free(u->json);
    u->json = NULL;
}

/** It is told why, and does not come back by itself. */
static inline void expect_ended(struct user *u)
{
    expect_json(user_expect_event(u, "error"), "error.code", "\"token_revoked\"");
    user_expect(u, '1');
    user_expect_nothing(u);
}

static inline void expect_no_refresh(struct api_world *w, const char *token, const char *code)
{
    struct reply r = {0};

    post_refresh(w, &r, token);
    expect_reply(code, &r, 401, code);
    reply_fini(&r);
}
