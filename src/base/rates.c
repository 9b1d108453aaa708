#include "base/rates.h"

#include "base/mem.h"

struct key {
    struct map_node node;
    struct list by_use;
    int64_t used_ms;
    // What is left at used_ms; one that is taken counts per_ms, so that a millisecond refills
    // a whole number.
    uint64_t left[RATES_BUCKETS];
    uint8_t len;
    char bytes[RATES_KEY_SIZE];
};

static bool is_key(struct map_node *node, const void *bytes)
{
    const struct key *k = container_of(node, struct key, node);
    return str_eq((str){k->bytes, k->len}, *(const str *)bytes);
}

static uint64_t full(const struct rate *rate)
{
    return rate->burst * rate->per_ms;
}

static uint64_t refilled(const struct rate *rate, uint64_t left, int64_t passed_ms)
{
    const uint64_t missing = full(rate) - left;

    if (passed_ms <= 0) // by the clock of another loop, which is ahead
        return left;
    if ((uint64_t)passed_ms >= missing / rate->n + 1)
        return full(rate);
    return left + (uint64_t)passed_ms * rate->n;
}

/** Is it as good as new? */
static bool is_full(const struct rates *r, const struct key *k, int64_t now_ms)
{
    for (size_t i = 0; i < r->n; i++) {
        if (refilled(&r->rates[i], k->left[i], now_ms - k->used_ms) < full(&r->rates[i]))
            return false;
    }
    return true;
}

static void forget(struct rates *r, struct key *k)
{
    list_remove(&k->by_use);
    map_remove(&r->keys, &k->node);
    free(k);
}

static struct key *oldest(const struct rates *r)
{
    if (list_is_empty(&r->by_use))
        return NULL;
    return container_of(r->by_use.next, struct key, by_use);
}

void rates_init(struct rates *r, const struct rate *rates, size_t n, struct rand *rand)
{
    assert(n > 0 && n <= RATES_BUCKETS);
    *r = (struct rates){.n = n};
    memcpy(r->rates, rates, n * sizeof(*rates));
    list_init(&r->by_use);
    pthread_mutex_init(&r->mutex, NULL);
    rand_bytes(rand, r->hash_key, sizeof(r->hash_key));
}

void rates_fini(struct rates *r)
{
    struct key *k;

    while ((k = oldest(r)))
        forget(r, k);
    map_fini(&r->keys);
    pthread_mutex_destroy(&r->mutex);
}

static struct key *get(struct rates *r, uint64_t hash, str bytes, int64_t now_ms)
{
    struct map_node *node = map_find(&r->keys, hash, is_key, &bytes);

    if (node)
        return container_of(node, struct key, node);

    struct key *k = NEW(struct key);
    assert(bytes.len > 0 && bytes.len <= RATES_KEY_SIZE);
    k->len = (uint8_t)str_copy(k->bytes, bytes).len;
    k->used_ms = now_ms;
    for (size_t i = 0; i < r->n; i++)
        k->left[i] = full(&r->rates[i]);
    list_init(&k->by_use);
    map_add(&r->keys, &k->node, hash);
    return k;
}

/** For each that is used one or two that are not needed any more: the table follows its use. */
static void forget_full(struct rates *r, int64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        struct key *k = oldest(r);
        if (!k || !is_full(r, k, now_ms))
            return;
        forget(r, k);
    }
}

static void refill(const struct rates *r, struct key *k, int64_t now_ms)
{
    for (size_t i = 0; i < r->n; i++)
        k->left[i] = refilled(&r->rates[i], k->left[i], now_ms - k->used_ms);
    if (now_ms > k->used_ms)
        k->used_ms = now_ms;
}

/** @return what was left before */
static uint64_t take(struct rates *r, struct key *k, size_t bucket, int64_t now_ms)
{
    refill(r, k, now_ms);
    list_remove(&k->by_use);
    list_push(&r->by_use, &k->by_use);
    const uint64_t left = k->left[bucket];
    if (left >= r->rates[bucket].per_ms)
        k->left[bucket] -= r->rates[bucket].per_ms;
    forget_full(r, now_ms);
    return left;
}

int64_t rates_take(struct rates *r, str bytes, size_t bucket, int64_t now_ms)
{
    const struct rate *rate = &r->rates[bucket];
    const uint64_t hash = hash_keyed(r->hash_key, bytes);

    pthread_mutex_lock(&r->mutex);
    const uint64_t left = take(r, get(r, hash, bytes, now_ms), bucket, now_ms);
    pthread_mutex_unlock(&r->mutex);
    if (left >= rate->per_ms)
        return 0;
    return (int64_t)((rate->per_ms - left + rate->n - 1) / rate->n);
}
