/** The machine's secure random numbers. */
#pragma once

#include "base/rand.h"

/** Borrowed, for ever. Its use ends the process if the system has none to give: nothing that
 * needs them may go on. */
struct rand *crypto_random(void);
