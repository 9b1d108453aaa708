/**
 * A change of auth/store.h on its way: what was asked, whom to answer, and the answer. Every
 * backend keeps this of it; it stays where it is, for its strings are inside.
 */
#pragma once

#include "auth/store.h"

enum auth_change_kind {
    AUTH_CHANGE_BEGIN,
    AUTH_CHANGE_REFRESH,
    AUTH_CHANGE_END,
};

struct auth_change {
    enum auth_change_kind kind;
    bool has_changed; // anything; REUSED has, though it is a refusal
    int64_t now_ms;   // Unix
    void *arg;
    union {
        struct {
            auth_store_begin_fn *done;
            struct auth_store_begin asked;
            struct auth_store_begun answer;
        } begin;
        struct {
            auth_store_refresh_fn *done;
            struct auth_store_refresh asked;
            struct auth_session answer;
        } refresh;
        struct {
            auth_store_end_fn *done;
            struct auth_store_end asked;
            size_t answer;
        } end;
    };
    char session[AUTH_SESSION_SIZE]; // no NUL is added to these
    char nonce[AUTH_NONCE_MAX];
    char ended[AUTH_SESSION_SIZE];
};

/** Zeroes become this change; its strings are copied. */
void auth_change_begin(struct auth_change *c, const struct auth_store_begin *b,
                       auth_store_begin_fn *done, void *arg);
void auth_change_refresh(struct auth_change *c, const struct auth_store_refresh *r,
                         auth_store_refresh_fn *done, void *arg);
void auth_change_end(struct auth_change *c, const struct auth_store_end *e,
                     auth_store_end_fn *done, void *arg);

/** It has begun. @param ended  the session that has ended for it, or empty; copied */
void auth_change_begun(struct auth_change *c, str ended);

/**
 * What a session makes of a refresh token.
 *
 * @param refreshed_at_ms  when its generation was first given out
 * @param next  its generation from now on, if 0 is returned: the same, or one more
 * @return 0, AUTH_STORE_NO_SESSION, AUTH_STORE_LATE, or AUTH_STORE_REUSED
 */
MUST_CHECK int auth_change_next(const struct auth_store_refresh *asked,
                                const struct auth_session *s, int64_t refreshed_at_ms,
                                uint32_t *next);

/** Call back. @param r  0, or an enum auth_store_refusal */
void auth_change_answer(const struct auth_change *c, int r);
