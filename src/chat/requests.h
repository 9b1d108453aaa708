/** What all requests of a client have in common: their limits, and their count. */
#pragma once

#include "chat/core.h"

/** @return 0, CHAT_RATE_LIMITED or CHAT_BUSY; after 0, requests_end() */
MUST_CHECK int requests_begin(struct chat_actor *a, enum chat_bucket bucket);

/**
 * It has been answered with r. The actor may be no more. After CHAT_UNANSWERED its session is
 * over: a client that is told nothing must not wait for ever.
 */
void requests_end(struct chat_actor *a, int r);

/** The store's refusal as the chat's. Counts it. */
int requests_refusal(struct chat *c, int r);

/** What the port of uploads answers where it can't do what it was asked, as the chat's. */
int requests_unavailable(int r);
