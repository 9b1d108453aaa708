#include "crypto/keccak.h"

#define N_LANES  25
#define N_ROUNDS 24
#define RATE     136 // bytes taken in at once: 200 less twice the digest

static const uint64_t round_constants[N_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

// Rho and pi walk the same path through the lanes, which begins at lane 1.
static const uint8_t path[N_LANES - 1] = {
    10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
};
static const uint8_t rotations[N_LANES - 1] = {
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
};

static uint64_t rotate(uint64_t lane, unsigned n)
{
    return lane << n | lane >> (64 - n);
}

// The loops are unrolled: the tables become numbers, and the lanes can stay in registers.

static inline void theta(uint64_t lanes[N_LANES])
{
    uint64_t columns[5];

#pragma GCC unroll 5
    for (size_t x = 0; x < 5; x++)
        columns[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
#pragma GCC unroll 25
    for (size_t i = 0; i < N_LANES; i++)
        lanes[i] ^= columns[(i + 4) % 5] ^ rotate(columns[(i + 1) % 5], 1);
}

static inline void rho_pi(uint64_t lanes[N_LANES])
{
    uint64_t moving = lanes[1];

#pragma GCC unroll 24
    for (size_t i = 0; i < N_LANES - 1; i++) {
        const uint64_t next = lanes[path[i]];
        lanes[path[i]] = rotate(moving, rotations[i]);
        moving = next;
    }
}

static inline void chi(uint64_t lanes[N_LANES])
{
#pragma GCC unroll 5
    for (size_t y = 0; y < N_LANES; y += 5) {
        uint64_t row[5];
        memcpy(row, lanes + y, sizeof(row));
#pragma GCC unroll 5
        for (size_t x = 0; x < 5; x++)
            lanes[y + x] ^= ~row[(x + 1) % 5] & row[(x + 2) % 5];
    }
}

static void permute(uint64_t lanes[N_LANES])
{
    for (size_t round = 0; round < N_ROUNDS; round++) {
        theta(lanes);
        rho_pi(lanes);
        chi(lanes);
        lanes[0] ^= round_constants[round];
    }
}

static void absorb(uint64_t lanes[N_LANES], const uint8_t block[RATE])
{
    for (size_t i = 0; i < RATE; i++)
        lanes[i / 8] ^= (uint64_t)block[i] << (i % 8 * 8);
    permute(lanes);
}

void crypto_keccak256(uint8_t out[CRYPTO_KECCAK_SIZE], str bytes)
{
    uint64_t lanes[N_LANES] = {0};
    uint8_t last[RATE] = {0};

    while (bytes.len >= RATE)
        absorb(lanes, (const uint8_t *)str_take(&bytes, RATE).ptr);
    str_copy((char *)last, bytes);
    last[bytes.len] ^= 0x01;
    last[RATE - 1] ^= 0x80;
    absorb(lanes, last);
    for (size_t i = 0; i < CRYPTO_KECCAK_SIZE; i++)
        out[i] = (uint8_t)(lanes[i / 8] >> (i % 8 * 8));
}
