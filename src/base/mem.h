/**
 * Allocation that cannot fail: it ends the process instead, because a server that is out
 * of memory serves nobody and its error paths are never tested. Sizes that come from
 * outside are checked against a limit before they get here.
 *
 * Libraries get the functions of mem.c where they take some, so that their error paths
 * are not taken either (docs/decisions/0020).
 */
#pragma once

#include <stdlib.h>

#include "base/base.h"

#define MEM_KEEP_BYTES (16 << 20)

/**
 * From now on keep up to MEM_KEEP_BYTES that are free at the end of the heap, for the next
 * burst. libc gives back all but 128 KiB, so that each group of messages would ask the kernel
 * for its memory anew: that costs a tenth of all.
 */
void mem_keep_freed(void);

/** There are no such bytes: says so in one line of the log, and aborts. Thread: any. */
_Noreturn void mem_fail(size_t size);

/** @return size bytes of zeroes, owned; free() */
__attribute__((malloc, returns_nonnull)) static inline void *mem_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        mem_fail(size);
    return p;
}

/** realloc that cannot fail; what is new is not zeroed. p may be NULL. */
__attribute__((returns_nonnull)) static inline void *mem_resize(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        mem_fail(size);
    return p;
}

#define NEW(type) ((type *)mem_alloc(sizeof(type)))

// For libraries: as those of libc, a size of 0 included, and free() frees. Thread: any.

void *mem_malloc(size_t size);
void *mem_calloc(size_t n, size_t size);
void *mem_realloc(void *p, size_t size);
char *mem_strdup(const char *s);
