#include "crypto/mem.h"

#include <openssl/crypto.h>

#include "base/mem.h"

static void *on_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return mem_malloc(size);
}

static void *on_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return mem_realloc(p, size);
}

static void on_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

void crypto_mem_set(void)
{
    const int r = CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
    assert(r == 1); // it refuses once it has allocated anything
    (void)r;
}
