/**
 * Memory of many sizes that ends all at once: what comes from it is never freed by itself.
 *
 * With AddressSanitizer each piece is an allocation of its own, so that what is used past its
 * end is found.
 */
#pragma once

#include "base/base.h"

struct arena_slab;

/** Zeroes will do. */
struct arena {
    struct arena_slab *slabs; // the newest first
    struct arena_slab *spare; // of before arena_clear()
    size_t n_left;            // bytes, of the first one
    size_t size;              // bytes that came from it
};

/** All that came from it ends. */
void arena_fini(struct arena *a);

/** The same, but it keeps the room for as much again: the system need not clear pages anew. */
void arena_clear(struct arena *a);

/** @return size bytes of zeroes, aligned for a pointer; borrowed until arena_fini() or _clear()
 */
__attribute__((returns_nonnull)) void *arena_alloc(struct arena *a, size_t size);
