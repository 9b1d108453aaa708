#include "store/sent.h"

#include <endian.h>

#include "chat/types.h"

bool sent_is_whole(struct crypto_sha256 *h, const struct sent *s)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];
    const uint64_t reply_to = htobe64(s->reply_to);

    if (str_eq(s->type, STR(CHAT_TYPE_GONE)))
        return true;
    crypto_sha256_add(h, s->type);
    crypto_sha256_add(h, STR("\0"));
    crypto_sha256_add(h, (str){(const char *)&reply_to, sizeof(reply_to)});
    crypto_sha256_add(h, s->content);
    crypto_sha256_end(h, digest);
    return str_eq(s->digest, (str){(const char *)digest, CHAT_DIGEST_SIZE});
}
