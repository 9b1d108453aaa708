/** The wall clock, as an argument: the loop has the real one, tests pass their own. */
#pragma once

#include "base/base.h"

struct clock {
    int64_t (*unix_ms)(struct clock *c);
};

static inline int64_t clock_unix_ms(struct clock *c)
{
    return c->unix_ms(c);
}
