#include "base/hash.h"

#include <endian.h>

struct sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline uint64_t load(const char bytes[8])
{
    uint64_t x;

    memcpy(&x, bytes, sizeof(x));
    return le64toh(x);
}

/** Little endian; fewer than 8 bytes. */
static inline uint64_t load_rest(str s)
{
    uint64_t x = 0;

    for (size_t i = s.len; i > 0; i--)
        x = x << 8 | (uint8_t)s.ptr[i - 1];
    return x;
}

// By value, so that all of it is in registers: this runs for each account that is looked up.
static inline struct sip mix(struct sip s)
{
    s.v0 += s.v1;
    s.v1 = rotate(s.v1, 13) ^ s.v0;
    s.v0 = rotate(s.v0, 32);
    s.v2 += s.v3;
    s.v3 = rotate(s.v3, 16) ^ s.v2;
    s.v0 += s.v3;
    s.v3 = rotate(s.v3, 21) ^ s.v0;
    s.v2 += s.v1;
    s.v1 = rotate(s.v1, 17) ^ s.v2;
    s.v2 = rotate(s.v2, 32);
    return s;
}

static inline struct sip absorb(struct sip s, uint64_t word)
{
    s.v3 ^= word;
    s = mix(mix(s));
    s.v0 ^= word;
    return s;
}

uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], str s)
{
    const uint64_t k0 = load((const char *)key);
    const uint64_t k1 = load((const char *)key + 8);
    const uint64_t len = (uint64_t)s.len << 56;
    struct sip sip = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };

    for (; s.len >= 8; s.ptr += 8, s.len -= 8)
        sip = absorb(sip, load(s.ptr));
    sip = absorb(sip, len | load_rest(s));
    sip.v2 ^= 0xff;
    sip = mix(mix(mix(mix(sip))));
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
