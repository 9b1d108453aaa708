/**
 * Memory for keys that live long: locked, so that it is never on a disk (swap), left out of
 * cores, and wiped when given back. There is one, of a fixed size; where it is full, or was not
 * opened, as in programs beside the server, the heap is used, and wiped likewise.
 */
#pragma once

#include "base/base.h"

#define VAULT_SIZE 1048576 // bytes; a key takes some hundred, reading one of RSA a tenth of it

/** Before there are threads. What can't be locked is said, with the remedy, and used all the
 * same. */
void vault_open(void);

/** Thread: any, of all below. Never NULL; in zeroes. @return owned; vault_free() */
void *vault_alloc(size_t size);

/** NULL is fine. @param size  as it was asked for */
void vault_free(void *p, size_t size);

/** What OpenSSL allocates on this thread comes from there until vault_leave(): while it reads a
 * key. They nest. */
void vault_enter(void);
void vault_leave(void);

/** Lock other memory, and what is in the same pages, for as long as there are these. It is its
 * owner's, to be wiped. */
void vault_lock(void *p, size_t size);

// For crypto/mem.c, whose callers know no sizes.

bool vault_is_entered(void);
bool vault_has(const void *p);

/** @return NULL: there is no room */
void *vault_take(size_t size);

/** @param p  of vault_take() */
void vault_give(void *p);
size_t vault_size_of(const void *p);
