/**
 * Allocation that cannot fail: it aborts instead, because a server that is out of
 * memory serves nobody and its error paths are never tested. Sizes that come from
 * outside are checked against a limit before they get here.
 */
#pragma once

#include <stdlib.h>

#include "base/base.h"

/** @return size bytes of zeroes, owned; free() */
__attribute__((malloc, returns_nonnull)) static inline void *mem_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        abort();
    return p;
}

/** realloc that cannot fail; what is new is not zeroed. p may be NULL. */
__attribute__((returns_nonnull)) static inline void *mem_resize(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        abort();
    return p;
}

#define NEW(type) ((type *)mem_alloc(sizeof(type)))
