#include "crypto/mem.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "crypto/vault.h"

static void *on_malloc(size_t size, const char *file, int line)
{
    void *p = vault_is_entered() ? vault_take(size) : NULL;

    (void)file, (void)line;
    return p ? p : mem_malloc(size);
}

static void on_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    if (p && vault_has(p)) {
        vault_give(p);
    } else {
        free(p);
    }
}

/** It grows where it is, in the vault or not. */
static void *on_realloc(void *p, size_t size, const char *file, int line)
{
    if (!p || !vault_has(p))
        return !p && vault_is_entered() ? on_malloc(size, file, line) : mem_realloc(p, size);
    const size_t before = vault_size_of(p);
    void *more = vault_take(size);
    if (!more)
        more = mem_malloc(size);
    memcpy(more, p, before < size ? before : size);
    vault_give(p);
    return more;
}

void crypto_mem_set(void)
{
    const int r = CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
    assert(r == 1); // it refuses once it has allocated anything
    (void)r;
}
