/**
 * Secrets: bytes that nobody may read in memory given back, or guess by the time that a
 * comparison takes. A secret has no STR_ARG() and is never logged.
 */
#pragma once

#include "base/buf.h"

/** Overwrite, in a way that the compiler does not leave out. */
void crypto_wipe(void *bytes, size_t n);

/** In a time that tells nothing about where they differ. */
bool crypto_equal(const void *a, const void *b, size_t n);

struct secret {
    size_t len;
    char bytes[];
};

/** A copy, in the vault (crypto/vault.h). @return owned; secret_free() */
struct secret *secret_new(str bytes);

/** Wiped. NULL is fine. */
void secret_free(struct secret *s);

DEFINE_CLEANUP(struct secret *, secret_free)

static inline str secret_str(const struct secret *s)
{
    return (str){s->bytes, s->len};
}

/** buf_fini() of a buf that held secrets, and got its room before the first of them. */
void secret_buf_fini(struct buf *b);
