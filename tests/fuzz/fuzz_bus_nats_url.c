#include <stdlib.h>

#include "bus/nats_url.h"

/** What an operator gives as NATS' URLs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nats_url *u)
{
    if (u->port == 0 || u->host[0] == '\0')
        abort();
    if (!u->is_here && u->user[0] == '\0')
        abort();
    if (u->password[0] && u->user[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nats_urls urls;

    if (nats_urls_read(&urls, (str){(const char *)data, size}) != 0)
        return 0;
    if (urls.n == 0 || urls.n > NATS_URLS_MAX)
        abort();
    for (size_t i = 0; i < urls.n; i++)
        check(&urls.all[i]);
    return 0;
}
