/**
 * What happens so often that the log would be full of it is said now and then: the first time
 * at once, and each line has how many have gone unsaid since the one before.
 */
#pragma once

#include "base/base.h"

/** Zeroed: it was never said. */
struct seldom {
    bool has_said;
    int64_t said_ms;
    unsigned long long n_unsaid;
};

/**
 * It has happened.
 *
 * @param every_ms  from one line to the next, at least
 * @param unsaid  may be NULL; how often it has happened since the last line
 * @return whether to say it
 */
static inline bool seldom_is_due(struct seldom *s, int64_t now_ms, int64_t every_ms,
                                 unsigned long long *unsaid)
{
    if (s->has_said && now_ms - s->said_ms < every_ms) {
        s->n_unsaid++;
        return false;
    }
    if (unsaid)
        *unsaid = s->n_unsaid;
    *s = (struct seldom){.has_said = true, .said_ms = now_ms};
    return true;
}
