/**
 * EIP-55: which letters of an address are large is said by a hash of its small digits. That
 * takes longer than all else about an address, so it is kept for those that were needed of
 * late.
 */
#pragma once

#include "base/base.h"

#define AUTH_ADDRESS_SIZE 20   // bytes of an address
#define AUTH_CASES_N      8192 // addresses that are kept, at most: 200 KiB

/** Bit i is of digit i, where that is a letter. */
typedef uint64_t auth_cases_bits;

struct auth_cases;

/** @return owned; auth_cases_free() */
struct auth_cases *auth_cases_new(void);
void auth_cases_free(struct auth_cases *c);

/** @param c  NULL: nothing is kept @return whose letters are large */
auth_cases_bits auth_cases_get(struct auth_cases *c, const uint8_t address[AUTH_ADDRESS_SIZE]);
