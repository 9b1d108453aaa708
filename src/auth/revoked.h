/**
 * What has ended before its time, in memory: the store has it, too. An entry is forgotten
 * AUTH_STORE_KEPT_MS after no token that it is about can be good any more.
 */
#pragma once

#include "auth/store.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/timer.h"

struct auth_revoked {
    struct map entries;
    struct timers ends; // of the entries; its time is Unix time
    uint8_t hash_key[HASH_KEY_SIZE];
};

void auth_revoked_init(struct auth_revoked *r, struct rand *rand);
void auth_revoked_fini(struct auth_revoked *r);

/** One more, or the same for longer; its position does not matter. @param now_ms  Unix */
void auth_revoked_add(struct auth_revoked *r, const struct auth_revocation *what,
                      int64_t now_ms);

/** @return a copy that shares nothing with it, its strings included; owned; free() */
struct auth_revocation *auth_revoked_dup(const struct auth_revocation *what);

/** Is what says this no longer good, by its session or by when it was issued? */
bool auth_revoked_has(const struct auth_revoked *r, const struct auth_identity *who);

bool auth_revoked_has_session(const struct auth_revoked *r, str session);

/** What was issued to the account up to then is no longer good; INT64_MIN: all is. */
int64_t auth_revoked_before_ms(const struct auth_revoked *r, const account *a);

// What is issued to an account and what ends all of it have an order, which is finer than the
// seconds of a token, and than the milliseconds of a clock. So their times are these, in Unix
// milliseconds: now, or soon after.

/** Of a request for a token: behind what has ended so far. */
int64_t auth_revoked_ask_ms(struct auth_revoked *r, const account *a, int64_t now_ms);

/**
 * Of issue, which a token says to the second: behind what had ended when it was asked for, and
 * not behind what has ended since.
 *
 * @param asked_ms  as above
 */
int64_t auth_revoked_issue_ms(struct auth_revoked *r, const account *a, int64_t asked_ms);

/** Up to which all ends: not before anything that was asked for so far. */
int64_t auth_revoked_end_ms(const struct auth_revoked *r, const account *a, int64_t now_ms);
