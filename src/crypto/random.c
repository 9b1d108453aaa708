#include "crypto/random.h"

#include <stdlib.h>

#include <openssl/rand.h>

static void random_bytes(struct rand *r, void *out, size_t n)
{
    (void)r;
    assert(n <= INT32_MAX);
    if (RAND_bytes(out, (int)n) != 1)
        abort();
}

struct rand *crypto_random(void)
{
    static struct rand openssl = {.bytes = random_bytes};
    return &openssl;
}
