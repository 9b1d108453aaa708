/**
 * What other nodes have ended before its time: the store is asked every AUTH_FOLLOW_MS what was
 * revoked since, and the sessions here learn of it. One of a node's instances does that, for
 * all.
 */
#pragma once

#include "auth/sessions.h"

#define AUTH_FOLLOW_MS 1000

struct auth_follow;

/** All borrowed, and must outlive it. */
struct auth_follow_config {
    struct auth_sessions *sessions; // which are loaded
    struct auth_store *store;       // of theirs
    struct timers *timers;
    struct clock *clock;
};

/** From what the sessions were loaded with on. @param config  copied @return owned;
 * auth_follow_free() */
struct auth_follow *auth_follow_new(const struct auth_follow_config *config);

/** Ask no more. NULL is fine, here and in the next ones. */
void auth_follow_stop(struct auth_follow *f);

bool auth_follow_is_idle(const struct auth_follow *f);

/** It is idle. */
void auth_follow_free(struct auth_follow *f);
