#include "auth/cases.h"

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"

#define N_DIGITS  ((size_t)AUTH_ADDRESS_SIZE * 2)
#define BITS_SIZE (N_DIGITS / 8)

/** Of zeroes: address zero, which has no letters. */
struct known {
    uint8_t address[AUTH_ADDRESS_SIZE];
    uint8_t bits[BITS_SIZE]; // the lowest first
};

struct auth_cases {
    struct known all[AUTH_CASES_N];
};

static_assert(sizeof(struct auth_cases) == (size_t)200 * 1024, "as the header says");

struct auth_cases *auth_cases_new(void)
{
    return NEW(struct auth_cases);
}

void auth_cases_free(struct auth_cases *c)
{
    free(c);
}

static void take_hash(uint8_t out[BITS_SIZE], const uint8_t address[AUTH_ADDRESS_SIZE])
{
    char digits[N_DIGITS];
    uint8_t hash[CRYPTO_KECCAK_SIZE];

    hex_encode(digits, address, AUTH_ADDRESS_SIZE);
    crypto_keccak256(hash, (str){digits, sizeof(digits)});
    memset(out, 0, BITS_SIZE);
    for (size_t i = 0; i < N_DIGITS; i++) {
        const unsigned nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15U;
        out[i / 8] |= (uint8_t)((nibble > 7) << i % 8);
    }
}

static auth_cases_bits load(const uint8_t bytes[BITS_SIZE])
{
    auth_cases_bits bits = 0;

    for (size_t i = 0; i < BITS_SIZE; i++)
        bits |= (auth_cases_bits)bytes[i] << 8 * i;
    return bits;
}

/** An address is the end of a hash itself: who makes some that meet here makes them no slower
 * than they would be without all this. */
static struct known *slot_of(struct auth_cases *c, const uint8_t address[AUTH_ADDRESS_SIZE])
{
    return &c->all[((size_t)address[AUTH_ADDRESS_SIZE - 2] << 8 |
                    address[AUTH_ADDRESS_SIZE - 1]) %
                   AUTH_CASES_N];
}

auth_cases_bits auth_cases_get(struct auth_cases *c, const uint8_t address[AUTH_ADDRESS_SIZE])
{
    uint8_t bits[BITS_SIZE];

    if (!c) {
        take_hash(bits, address);
        return load(bits);
    }
    struct known *k = slot_of(c, address);
    if (memcmp(k->address, address, AUTH_ADDRESS_SIZE) != 0) {
        memcpy(k->address, address, AUTH_ADDRESS_SIZE);
        take_hash(k->bits, address);
    }
    return load(k->bits);
}
