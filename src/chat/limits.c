#include "chat/limits.h"

#include "base/mem.h"

#define MILLI 1000 // what is taken counts so much, so that a millisecond refills a whole number

struct account_limits {
    struct map_node node;
    struct list by_use;
    account account;
    int64_t used_ms;
    uint64_t millis[LIMITS_N_BUCKETS]; // left, at used_ms
};

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct account_limits, node)->account, key);
}

static uint64_t refilled(const struct chat_rate *rate, uint64_t millis, int64_t passed_ms)
{
    const uint64_t full = rate->burst * MILLI;
    const uint64_t missing = full - millis;

    if ((uint64_t)passed_ms >= missing / rate->per_s + 1)
        return full;
    return millis + (uint64_t)passed_ms * rate->per_s;
}

/** Is it as good as new? */
static bool is_full(const struct limits *l, const struct account_limits *a, int64_t now_ms)
{
    for (size_t i = 0; i < LIMITS_N_BUCKETS; i++) {
        const struct chat_rate *rate = &l->rates[i];
        if (refilled(rate, a->millis[i], now_ms - a->used_ms) < rate->burst * MILLI)
            return false;
    }
    return true;
}

static void forget(struct limits *l, struct account_limits *a)
{
    list_remove(&a->by_use);
    map_remove(&l->accounts, &a->node);
    free(a);
}

static struct account_limits *oldest(const struct limits *l)
{
    if (list_is_empty(&l->by_use))
        return NULL;
    return container_of(l->by_use.next, struct account_limits, by_use);
}

void limits_init(struct limits *l, const struct chat_rate rates[LIMITS_N_BUCKETS],
                 struct rand *rand)
{
    *l = (struct limits){0};
    memcpy(l->rates, rates, sizeof(l->rates));
    list_init(&l->by_use);
    rand_bytes(rand, l->hash_key, sizeof(l->hash_key));
}

void limits_fini(struct limits *l)
{
    struct account_limits *a;

    while ((a = oldest(l)))
        forget(l, a);
    map_fini(&l->accounts);
}

static struct account_limits *get(struct limits *l, const account *who, int64_t now_ms)
{
    const uint64_t hash = hash_keyed(l->hash_key, account_str(who));
    struct map_node *node = map_find(&l->accounts, hash, is_account, who);

    if (node)
        return container_of(node, struct account_limits, node);

    struct account_limits *a = NEW(struct account_limits);
    a->account = *who;
    a->used_ms = now_ms;
    for (size_t i = 0; i < LIMITS_N_BUCKETS; i++)
        a->millis[i] = l->rates[i].burst * MILLI;
    list_init(&a->by_use);
    map_add(&l->accounts, &a->node, hash);
    return a;
}

/** For each that is used one or two that are not needed any more: the table follows its use. */
static void forget_full(struct limits *l, int64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        struct account_limits *a = oldest(l);
        if (!a || !is_full(l, a, now_ms))
            return;
        forget(l, a);
    }
}

int64_t limits_take(struct limits *l, const account *who, enum limits_bucket bucket,
                    int64_t now_ms)
{
    struct account_limits *a = get(l, who, now_ms);

    for (size_t i = 0; i < LIMITS_N_BUCKETS; i++)
        a->millis[i] = refilled(&l->rates[i], a->millis[i], now_ms - a->used_ms);
    a->used_ms = now_ms;
    list_remove(&a->by_use);
    list_push(&l->by_use, &a->by_use);
    const uint64_t left = a->millis[bucket];
    if (left >= MILLI)
        a->millis[bucket] -= MILLI;
    forget_full(l, now_ms);
    if (left >= MILLI)
        return 0;
    const uint64_t per_s = l->rates[bucket].per_s;
    return (int64_t)((MILLI - left + per_s - 1) / per_s);
}
