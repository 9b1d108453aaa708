/**
 * Rates of accounts: token buckets, one table a process. An account that has been quiet until
 * its buckets are full again is forgotten: a new one would be the same.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "chat/types.h"

enum limits_bucket {
    LIMITS_SENDS,
    LIMITS_REQUESTS,
    LIMITS_N_BUCKETS,
};

struct limits {
    struct chat_rate rates[LIMITS_N_BUCKETS];
    struct map accounts;
    struct list by_use; // least recently used first
    uint8_t hash_key[HASH_KEY_SIZE];
};

void limits_init(struct limits *l, const struct chat_rate rates[LIMITS_N_BUCKETS],
                 struct rand *rand);
void limits_fini(struct limits *l);

/**
 * Take one from the account's bucket.
 *
 * @param now_ms  monotonic
 * @return 0, or the milliseconds until there will be one
 */
MUST_CHECK int64_t limits_take(struct limits *l, const account *a, enum limits_bucket bucket,
                               int64_t now_ms);
