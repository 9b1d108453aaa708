#include "base/hash.h"

#include <endian.h>

struct sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/** Little endian; at most 8 bytes. */
static uint64_t load(const char *bytes, size_t n)
{
    uint64_t x = 0;

    if (n > 0) // of nothing they may be NULL
        memcpy(&x, bytes, n);
    return le64toh(x);
}

static void mix(struct sip *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void absorb(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s, 2);
    s->v0 ^= word;
}

uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], str s)
{
    const uint64_t k0 = load((const char *)key, 8);
    const uint64_t k1 = load((const char *)key + 8, 8);
    struct sip sip = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
    const uint64_t len = (uint64_t)s.len << 56;

    while (s.len >= 8)
        absorb(&sip, load(str_take(&s, 8).ptr, 8));
    absorb(&sip, len | load(s.ptr, s.len));
    sip.v2 ^= 0xff;
    mix(&sip, 4);
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
