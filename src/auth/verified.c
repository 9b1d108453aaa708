#include "auth/verified.h"

#include "base/hash.h"
#include "base/mem.h"

/** What a token is known by: 128 bits, that nobody can find another token for who does not know
 * the keys. Zeroes are as good as never one. */
struct tag {
    uint64_t halves[2];
};

struct auth_verified {
    uint8_t keys[2][HASH_KEY_SIZE]; // of the halves
    struct tag tags[AUTH_VERIFIED_MAX];
};

struct auth_verified *auth_verified_new(struct rand *rand)
{
    struct auth_verified *v = NEW(struct auth_verified);

    rand_bytes(rand, v->keys, sizeof(v->keys));
    auth_verified_clear(v); // now its memory is there, and does not grow with who comes
    return v;
}

void auth_verified_free(struct auth_verified *v)
{
    if (!v)
        return;
    explicit_bzero(v->keys, sizeof(v->keys));
    free(v);
}

void auth_verified_clear(struct auth_verified *v)
{
    if (v)
        memset(v->tags, 0, sizeof(v->tags));
}

bool auth_verified_is_of(struct auth_verified *v, const struct auth_jws *jws,
                         const struct auth_jwks *keys)
{
    if (!v)
        return auth_jws_is_of(jws, keys);

    const struct tag tag = {
        {hash_keyed(v->keys[0], jws->text), hash_keyed(v->keys[1], jws->text)}};
    struct tag *known = &v->tags[tag.halves[0] % AUTH_VERIFIED_MAX];
    if (memcmp(known, &tag, sizeof(tag)) == 0)
        return true;
    if (!auth_jws_is_of(jws, keys))
        return false;
    *known = tag;
    return true;
}
