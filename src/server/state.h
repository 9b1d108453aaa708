/** SIGUSR1: what a worker is doing, in the log. No wallet, no token, no text, no name of a
 * session. */
#pragma once

#include "server/admin.h"

#define STATE_SESSIONS_MAX 50 // that each worker names: those that have the most to take

/** On its loop. */
void state_say(const struct admin *a, unsigned worker);
