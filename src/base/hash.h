/** SipHash-2-4 (Aumasson, Bernstein): a hash for maps whose keys an outsider chooses. */
#pragma once

#include "base/str.h"

#define HASH_KEY_SIZE 16 // bytes; secret, made by chance

uint64_t hash_keyed(const uint8_t key[HASH_KEY_SIZE], str s);
