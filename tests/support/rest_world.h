/** Calls of wallets over HTTP, in the world of support/api_world.h. */
#pragma once

#include "support/sign_in_world.h"

#define AT(peer) "/v1/conversations/" peer

/** Fields that carry a token of the wallet's; borrowed until the next. */
static inline const char *fields_of(struct api_world *w, const char *wallet)
{
    static char fields[1200];
    const str token = api_world_token(w, wallet, API_WORLD_TTL_MS);

    snprintf(fields, sizeof(fields), "Authorization: Bearer " STR_FMT "\r\n", STR_ARG(token));
    return fields;
}

static inline void get_as(struct api_world *w, struct reply *r, const char *wallet,
                          const char *path)
{
    ask_get(w, r, path, fields_of(w, wallet));
}

/** @param body  NULL: none */
static inline void post_as(struct api_world *w, struct reply *r, const char *wallet,
                           const char *path, const char *body)
{
    ask_post(w, r, path, fields_of(w, wallet), str_of(body));
}

/** @param fields  those of a token */
static inline struct client *begin_post(struct api_world *w, const char *fields,
                                        const char *path, const char *body)
{
    struct client *c = client_new(&w->eio);

    client_send(c, &(struct request){.method = "POST",
                                     .path = path,
                                     .fields = fields,
                                     .body = str_of(body),
                                     .has_body = true});
    api_world_settle(w);
    return c;
}

/** The head, and of the body all but the last n bytes. */
static inline struct client *begin_half(struct api_world *w, const char *fields,
                                        const char *path, str body, size_t n)
{
    struct client *c = client_new(&w->eio);
    char all[1400];

    snprintf(all, sizeof(all), "%sContent-Length: %zu\r\n", fields, body.len);
    client_send(c, &(struct request){.method = "POST",
                                     .path = path,
                                     .fields = all,
                                     .body = {body.ptr, body.len - n}});
    api_world_settle(w);
    return c;
}

static inline void expect_answer(struct client *c, const char *what, unsigned status,
                                 const char *code)
{
    struct reply r = {0};

    reply_take(&r, c);
    expect_reply(what, &r, status, code);
    reply_fini(&r);
}

static inline void expect_no_answer(struct client *c)
{
    assert_int_equal(client_take_answer(c).status, 0);
    assert_false(client_is_cut(c));
}
