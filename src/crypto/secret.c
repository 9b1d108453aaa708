#include "crypto/secret.h"

#include <sodium.h>

#include "crypto/vault.h"

void crypto_wipe(void *bytes, size_t n)
{
    if (n > 0)
        sodium_memzero(bytes, n);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

struct secret *secret_new(str bytes)
{
    struct secret *s = vault_alloc(sizeof(*s) + bytes.len);

    s->len = bytes.len;
    str_copy(s->bytes, bytes);
    return s;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    vault_free(s, sizeof(*s) + s->len);
}

void secret_buf_fini(struct buf *b)
{
    crypto_wipe(b->ptr, b->cap);
    buf_fini(b);
}
