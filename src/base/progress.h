/** How far something long is: told now and then, on the way. */
#pragma once

#include "base/base.h"

/** Its texts are borrowed for the call that tells it. */
struct progress {
    const char *doing; // with it, as "comparing"; NULL: what the command is for
    const char *what;
    int64_t n;       // of them
    int64_t of;      // 0: nobody knows
    bool is_bytes;   // and not things
    bool is_resumed; // those before n were there before
};

/** fn may be NULL. */
struct progress_to {
    void (*fn)(void *arg, const struct progress *p);
    void *arg;
};

static inline void progress_tell(const struct progress_to *to, struct progress p)
{
    if (to->fn)
        to->fn(to->arg, &p);
}
