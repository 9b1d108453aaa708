/**
 * Memory for many objects of one size that live long, such as what each connection has: side by
 * side, without what malloc adds to each, and without the holes that is left between them where
 * something else has come and gone.
 *
 * With AddressSanitizer each is an allocation of its own, so that what is used after its end is
 * found.
 */
#pragma once

#include "base/base.h"

struct pool;

/** @param size  bytes of an object, whose alignment is that of a pointer at most */
struct pool *pool_new(size_t size);

/** Nothing is taken any more; what was may be given back later. NULL is fine. */
void pool_free(struct pool *p);

/** @return zeroes, owned; pool_give() */
__attribute__((returns_nonnull)) void *pool_take(struct pool *p);

/** It knows its pool. */
void pool_give(void *object);
