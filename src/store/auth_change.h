/**
 * A change of auth/store.h on its way: what was asked, whom to answer, and the answer. Every
 * backend keeps this of it; it stays where it is, for its strings are inside, but for the one
 * that few have and that may be long.
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
    char *signature; // of the proof, owned; NULL: there is none
};

/** Zeroes become this change; its strings are copied. It is freed by being answered. */
void auth_change_begin(struct auth_change *c, const struct auth_store_begin *b,
                       auth_store_begin_fn *done, void *arg);
void auth_change_refresh(struct auth_change *c, const struct auth_store_refresh *r,
                         auth_store_refresh_fn *done, void *arg);
void auth_change_end(struct auth_change *c, const struct auth_store_end *e,
                     auth_store_end_fn *done, void *arg);

/** As if it had not been tried: there is no answer yet. */
void auth_change_reset(struct auth_change *c);

/** It has begun. @param ended  the session that has ended for it, or empty; copied */
void auth_change_begun(struct auth_change *c, str ended);

/** A copy of the proof of its session, whose signature is c's. Zeroes, if its chain is 0. */
struct auth_session_proof auth_change_keep(struct auth_change *c,
                                           const struct auth_session_proof *proof);

/**
 * What a session makes of a refresh token.
 *
 * @param refreshed_at_ms  when its generation was first given out
 * @param next  its generation from now on: the same, or with 0 maybe one more
 * @return 0, AUTH_STORE_NO_SESSION, AUTH_STORE_LATE, AUTH_STORE_REUSED, or AUTH_STORE_UNPROVEN
 */
MUST_CHECK int auth_change_next(const struct auth_store_refresh *asked,
                                const struct auth_session *s, int64_t refreshed_at_ms,
                                uint32_t *next);

/** Call back, once, and free what c owns. @param r  0, or an enum auth_store_refusal */
void auth_change_answer(struct auth_change *c, int r);
