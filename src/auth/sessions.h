/**
 * Sessions: what a sign-in begins, its refresh tokens keep going, and a logout or a revocation
 * ends. The store has them; here is what it takes to check a token at once, and to make one.
 */
#pragma once

#include "auth/contracts.h"
#include "auth/signer.h"
#include "auth/store.h"
#include "base/clock.h"
#include "base/rates.h"
#include "base/timer.h"

#define AUTH_ACCESS_MS_MAX       3600000     // of an access token
#define AUTH_SESSION_MS_MAX      34560000000 // of a session; 400 days
#define AUTH_CONTRACT_SESSION_MS 86400000    // of a contract wallet's, at most
#define AUTH_REFRESH_GRACE_MS    60000 // a refresh token may come again: two tabs, a lost answer

/** How long a revocation is remembered where nobody knows how long its tokens are good. */
#define AUTH_REVOKED_MS 34560000000

struct auth_sessions;

struct auth_sessions_config {
    struct auth_store *store;
    struct auth_contracts *contracts; // NULL: none can be asked
    const struct auth_signer *signer;
    const uint8_t *refresh_key; // AUTH_KEY_SIZE bytes
    struct clock *clock;
    struct rand *rand;
    struct timers *timers;
    bool rate_limits;      // off: neither of the next two
    struct rate begins;    // of an account
    struct rate refreshes; // likewise
    int64_t access_ms;     // at most AUTH_ACCESS_MS_MAX
    int64_t session_ms;    // at most AUTH_SESSION_MS_MAX, from its sign-in
};

/** @param config  copied; what it points to is borrowed and must outlive the sessions */
struct auth_sessions *auth_sessions_new(const struct auth_sessions_config *config);

/** Nothing may be under way. NULL is fine. */
void auth_sessions_free(struct auth_sessions *s);

bool auth_sessions_is_idle(const struct auth_sessions *s);

/** @param r  0 or AUTH_SESSIONS_UNAVAILABLE */
typedef void auth_sessions_load_fn(void *arg, int r);

/** Read what was revoked so far, before the first token is checked. */
void auth_sessions_load(struct auth_sessions *s, auth_sessions_load_fn *done, void *arg);

/** Up to which position of the store that was. */
int64_t auth_sessions_loaded(const struct auth_sessions *s);

/** Something has ended before its time: sockets that are of it end, too. Also of a session its
 * account is said, unless an operator has ended it, who knows but its name. */
typedef void auth_sessions_revoked_fn(void *arg, const struct auth_revocation *what);
void auth_sessions_on_revoked(struct auth_sessions *s, auth_sessions_revoked_fn *fn, void *arg);

/**
 * It has ended here, and other instances on the same store are to hear of it: called before
 * whoever has ended it is answered, and not for what was heard. Whoever keeps it, or gives it
 * to another thread, copies it (auth_revoked_dup()).
 */
void auth_sessions_on_ended(struct auth_sessions *s, auth_sessions_revoked_fn *fn, void *arg);

/**
 * Another instance has ended this: its tokens are refused from now on, and on_revoked() is
 * told. Twice is harmless. Which token came before the end of all of an account's is known to
 * the instance alone that has granted it: let one grant them all.
 */
void auth_sessions_hear(struct auth_sessions *s, const struct auth_revocation *what);

/** The same of what the store says, unless it is known: on_ended() is told as well. */
void auth_sessions_learn(struct auth_sessions *s, const struct auth_revocation *what);

/** Was this, which a token said, ended before its time? */
bool auth_sessions_is_revoked(const struct auth_sessions *s, const struct auth_identity *who);

/** What a sign-in and a refresh give. The tokens are secrets of their owner's. */
struct auth_grant {
    account account;
    str session;
    str access_token;
    int64_t expires_at_ms; // Unix; of the access token
    str refresh_token;
};

enum auth_sessions_refusal {
    AUTH_SESSIONS_UNAVAILABLE = 1, // the store is
    AUTH_SESSIONS_NONCE_USED,      // begin
    AUTH_SESSIONS_LIMITED,         // begin, refresh: the account's rate. At once
    AUTH_SESSIONS_INVALID,         // refresh, end: no refresh token of ours. At once
    AUTH_SESSIONS_EXPIRED,         // refresh: it came too late; or the session is over
    AUTH_SESSIONS_REVOKED,         // refresh: the session was ended, or has ended with this
    AUTH_SESSIONS_UNCHECKED,       // refresh: the contract of its wallet can't be asked now
    AUTH_SESSIONS_BUSY,            // refresh: too many ask contracts
};

/** @param r  0 or an enum auth_sessions_refusal @param grant  NULL unless r is 0 */
typedef void auth_sessions_grant_fn(void *arg, int r, const struct auth_grant *grant);

struct auth_sessions_begin {
    account account;
    str nonce; // 1 to AUTH_NONCE_MAX bytes
    int64_t nonce_until_ms;
    int64_t expires_at_ms; // no later than that, whatever the configuration says
    struct auth_session_proof proof;
};

/** @return 0, and done comes; or AUTH_SESSIONS_LIMITED, and it does not */
MUST_CHECK int auth_sessions_begin(struct auth_sessions *s, const struct auth_sessions_begin *b,
                                   auth_sessions_grant_fn *done, void *arg);

/**
 * The next tokens of a session. A contract wallet's contract is asked first whether it stands
 * by the signature: if it does not, the session ends.
 *
 * @return 0, and done comes; or AUTH_SESSIONS_INVALID or _LIMITED, and it does not
 */
MUST_CHECK int auth_sessions_refresh(struct auth_sessions *s, str refresh_token,
                                     auth_sessions_grant_fn *done, void *arg);

/** After AUTH_SESSIONS_LIMITED: when there is room again. */
int64_t auth_sessions_retry_after_ms(const struct auth_sessions *s);

/** @param r  0 or AUTH_SESSIONS_UNAVAILABLE; end_by with `all`: or _EXPIRED or _REVOKED */
typedef void auth_sessions_end_fn(void *arg, int r);

/** Log out: the session of an access token, or with `all` whatever the account has. */
void auth_sessions_end(struct auth_sessions *s, const struct auth_identity *who, bool all,
                       auth_sessions_end_fn *done, void *arg);

/**
 * The same by a refresh token, of any generation. Once its session is over it can't end what
 * the account has begun since.
 *
 * @return 0 or AUTH_SESSIONS_INVALID
 */
MUST_CHECK int auth_sessions_end_by(struct auth_sessions *s, str refresh_token, bool all,
                                    auth_sessions_end_fn *done, void *arg);

/** @param r  0 or AUTH_SESSIONS_UNAVAILABLE @param n  sessions that have ended in the store */
typedef void auth_sessions_revoke_fn(void *arg, int r, size_t n);

/**
 * What an operator ends: all that an account was issued up to now, by anybody; or the session
 * of this name, whosever it is. Remembered for AUTH_REVOKED_MS, as of neither it is known how
 * long its tokens are good.
 *
 * @param what  session; or account, with an empty session. The rest is not read
 */
void auth_sessions_revoke(struct auth_sessions *s, const struct auth_revocation *what,
                          auth_sessions_revoke_fn *done, void *arg);
