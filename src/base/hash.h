/** SipHash-2-4 (Aumasson, Bernstein): a hash for maps whose keys an outsider chooses. */
#pragma once

#include "base/str.h"

#define HASH_KEY_SIZE 16 // bytes; secret, made by chance

uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], str s);

/** For maps whose keys are numbers that nobody outside chooses. */
static inline uint64_t hash_number(uint64_t n)
{
    const uint64_t product = n * UINT64_C(0x9e3779b97f4a7c15); // of the golden ratio
    return product ^ product >> 32;
}
