/**
 * Port: what is used once, and what ends before its time: nonces, sessions, revocations. The
 * auth layer owns this interface; src/store/ holds the backends, and
 * tests/conformance/auth_store.c and auth_store_proof.c are what every one of them must pass.
 *
 * The contract is that of chat/store.h: called on the loop's thread and answered there, once,
 * after the call has returned; arguments are borrowed until the call returns, results until
 * the callback does; 0 means durable. Changes happen in the order of the calls. A read that is
 * called inside or after a callback sees what that callback answered.
 *
 * A session is one sign-in, on one device, and all its tokens. It has generations: each use of
 * a refresh token makes the next one, and which is the current one is all that is kept of them.
 *
 * What is over by the clock of a call (now_ms) is as good as gone: nonces and revocations from
 * their until_ms on, sessions from expires_at_ms on. A backend removes it by and by, and not
 * before AUTH_STORE_KEPT_MS have passed: a clock that is set back by less does no harm.
 */
#pragma once

#include "auth/auth.h"
#include "auth/proof.h"

#define AUTH_NONCE_MAX           64 // bytes of a nonce
#define AUTH_SESSIONS_MAX        100 // of one account; one more ends the one refreshed longest ago
#define AUTH_STORE_FORGOTTEN_MAX 64 // rows that are over, removed with a change; of each kind
#define AUTH_STORE_KEPT_MS       3600000 // what is over
#define AUTH_STORE_QUEUE_MAX     1024    // changes that wait

struct auth_store;

enum auth_store_refusal {
    AUTH_STORE_UNCERTAIN = 1, // a change: it went away in the middle. Done, or not
    AUTH_STORE_UNAVAILABLE,   // any: full, out of reach, or over AUTH_STORE_QUEUE_MAX. Not done
    AUTH_STORE_NONCE_USED,    // begin
    AUTH_STORE_NO_SESSION,    // refresh: unknown, ended, or over. Nothing was done
    AUTH_STORE_LATE,          // refresh: the last generation, after the grace. Nothing was done
    AUTH_STORE_REUSED,        // refresh: an older one. The session has ended with this
    AUTH_STORE_UNPROVEN,      // refresh: its proof has to be checked first. Nothing was done
};

/** By what a contract wallet has signed in. It is kept, for a contract may change its mind. */
struct auth_session_proof {
    uint64_t chain; // of the contract; 0: the wallet is a key, and there is nothing to check
    uint8_t digest[AUTH_DIGEST_SIZE];
    str signature; // at most AUTH_SIGNATURE_MAX; may be empty
};

/** A session as it is now. */
struct auth_session {
    account account;
    str name;
    uint32_t generation; // of the current refresh token; the first is 1
    int64_t began_at_ms; // Unix
    int64_t expires_at_ms;
    struct auth_session_proof proof;
};

/** Use up a nonce and begin a session, both or neither. */
struct auth_store_begin {
    account account;
    str session; // its name, which is new: 1 to AUTH_SESSION_SIZE - 1 characters
    str nonce;   // 1 to AUTH_NONCE_MAX bytes
    int64_t nonce_until_ms;
    int64_t now_ms;
    int64_t expires_at_ms;
    int64_t revoked_until_ms; // of the session that ends for it, if one does
    struct auth_session_proof proof;
};

struct auth_store_begun {
    struct auth_session session;
    str ended; // the session that has ended for it, revoked; empty: none
};

/** @param b  NULL unless r is 0 */
typedef void auth_store_begin_fn(void *arg, int r, const struct auth_store_begun *b);

/**
 * A refresh token is presented. Of the current generation: the next one becomes current. Of the
 * one before, up to grace_ms after its first use: the same answer again, and nothing changes.
 *
 * Where either is the case, and the session has a proof that is_proven does not vouch for, the
 * answer is AUTH_STORE_UNPROVEN with the session as it is.
 */
struct auth_store_refresh {
    str session;
    uint32_t generation; // at least 1; a later one than the current is AUTH_STORE_NO_SESSION
    bool is_proven;      // its proof has been checked just now
    int64_t now_ms;
    int64_t grace_ms;
    int64_t revoked_until_ms; // of the session, if it ends with this
};

/** @param s  NULL unless r is 0 or AUTH_STORE_UNPROVEN */
typedef void auth_store_refresh_fn(void *arg, int r, const struct auth_session *s);

/**
 * End a session, or with an empty name all of an account's, and remember it until until_ms:
 * either way also where there is none, as tokens of other issuers have no session in here.
 */
struct auth_store_end {
    str session;
    account account; // read only with an empty session; then what was issued up to now_ms ends
    int64_t now_ms;
    int64_t until_ms; // if it is remembered for longer already, that stays
};

/** @param n  sessions that have ended; 0 unless r is 0 */
typedef void auth_store_end_fn(void *arg, int r, size_t n);

/** What has ended before its time. */
struct auth_revocation {
    int64_t
        position;    // above 0; a revocation that is made anew gets a new one, above all others
    str session;     // empty: the account's
    account account; // len is 0: the session's
    int64_t before_ms; // of an account: what was issued up to then
    int64_t until_ms;
};

/** A page of them, of both kinds, by position. */
struct auth_store_revocations {
    int64_t after; // a position, or 0
    int64_t now_ms;
    size_t max_revocations; // at least 1
};

struct auth_store_revocations_page {
    const struct auth_revocation *revocations;
    size_t n_revocations;
    bool has_more;
};

/** @param page  NULL unless r is 0 */
typedef void auth_store_revocations_fn(void *arg, int r,
                                       const struct auth_store_revocations_page *page);

struct auth_store_ops {
    void (*begin)(struct auth_store *s, const struct auth_store_begin *b,
                  auth_store_begin_fn *done, void *arg);
    void (*refresh)(struct auth_store *s, const struct auth_store_refresh *r,
                    auth_store_refresh_fn *done, void *arg);
    void (*end)(struct auth_store *s, const struct auth_store_end *e, auth_store_end_fn *done,
                void *arg);
    void (*revocations)(struct auth_store *s, const struct auth_store_revocations *r,
                        auth_store_revocations_fn *done, void *arg);
};

/** A backend embeds this. It lives as long as the store that it belongs to. */
struct auth_store {
    const struct auth_store_ops *ops;
};

static inline void auth_store_begin(struct auth_store *s, const struct auth_store_begin *b,
                                    auth_store_begin_fn *done, void *arg)
{
    s->ops->begin(s, b, done, arg);
}

static inline void auth_store_refresh(struct auth_store *s, const struct auth_store_refresh *r,
                                      auth_store_refresh_fn *done, void *arg)
{
    s->ops->refresh(s, r, done, arg);
}

static inline void auth_store_end(struct auth_store *s, const struct auth_store_end *e,
                                  auth_store_end_fn *done, void *arg)
{
    s->ops->end(s, e, done, arg);
}

static inline void auth_store_revocations(struct auth_store *s,
                                          const struct auth_store_revocations *r,
                                          auth_store_revocations_fn *done, void *arg)
{
    s->ops->revocations(s, r, done, arg);
}
