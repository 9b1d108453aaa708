#include "chat/limits.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"

/** Of one account. It is its hash, which nobody outside can foresee. */
struct chat_seats {
    struct map_node node;
    struct list counted; // in the order in which they came
    size_t n_counted;
    size_t n_going; // that must go
};

struct chat_limits {
    struct rates rates; // by enum chat_bucket
    uint64_t max;       // sessions of an account
    uint8_t hash_key[HASH_KEY_SIZE];
    pthread_mutex_t mutex; // of what follows, and of the seats
    struct map accounts;   // that have a session
    struct pool *pool;     // where they are
};

struct chat_limits *chat_limits_new(const struct chat_config *config, struct rand *rand)
{
    struct chat_limits *l = NEW(struct chat_limits);
    const struct rate rates[CHAT_N_BUCKETS] = {
        [CHAT_BUCKET_SENDS] = config->sends,
        [CHAT_BUCKET_REQUESTS] = config->requests,
    };

    rates_init(&l->rates, rates, CHAT_N_BUCKETS, rand);
    l->max = config->sessions;
    rand_bytes(rand, l->hash_key, sizeof(l->hash_key));
    pthread_mutex_init(&l->mutex, NULL);
    l->pool = pool_new(sizeof(struct chat_seats));
    return l;
}

void chat_limits_free(struct chat_limits *l)
{
    if (!l)
        return;
    rates_fini(&l->rates);
    map_fini(&l->accounts);
    pool_free(l->pool);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

int64_t chat_limits_take(struct chat_limits *l, const account *a, enum chat_bucket bucket,
                         int64_t now_ms)
{
    return rates_take(&l->rates, account_str(a), bucket, now_ms);
}

static bool is_it(struct map_node *node, const void *key)
{
    (void)node;
    (void)key;
    return true; // its hash is the same
}

static struct chat_seats *get(struct chat_limits *l, uint64_t hash)
{
    struct map_node *node = map_find(&l->accounts, hash, is_it, NULL);

    if (node)
        return container_of(node, struct chat_seats, node);
    struct chat_seats *of = pool_take(l->pool);
    list_init(&of->counted);
    map_add(&l->accounts, &of->node, hash);
    return of;
}

static int64_t heard_ms(const struct chat_seat *seat)
{
    return atomic_load_explicit(&seat->heard_ms, memory_order_relaxed);
}

/** @return the one that has been silent longest of those that count, or NULL */
static struct chat_seat *most_silent(const struct chat_seats *of)
{
    struct chat_seat *found = NULL;
    int64_t found_ms = 0;

    list_each (node, &of->counted) {
        struct chat_seat *seat = container_of(node, struct chat_seat, node);
        const int64_t ms = heard_ms(seat);
        if (found && ms >= found_ms)
            continue;
        found = seat;
        found_ms = ms;
    }
    return found;
}

/** There is one too many. The newcomer is not among those that count yet. */
static void make_room(struct chat_seats *of)
{
    struct chat_seat *seat = most_silent(of);

    if (!seat) // not even one is allowed, and one there is always room for
        return;
    list_remove(&seat->node);
    of->n_counted--;
    of->n_going++;
}

size_t chat_limits_sit(struct chat_limits *l, struct chat_seat *seat, const account *a)
{
    const uint64_t hash = hash_keyed(l->hash_key, account_str(a));

    pthread_mutex_lock(&l->mutex);
    struct chat_seats *of = get(l, hash);
    if (of->n_counted >= l->max)
        make_room(of);
    seat->of = of;
    list_init(&seat->node);
    list_push(&of->counted, &seat->node);
    of->n_counted++;
    const size_t n_going = of->n_going;
    pthread_mutex_unlock(&l->mutex);
    return n_going;
}

bool chat_limits_must_go(struct chat_limits *l, const struct chat_seat *seat)
{
    pthread_mutex_lock(&l->mutex);
    const bool is_counted = !list_is_empty(&seat->node);
    pthread_mutex_unlock(&l->mutex);
    return !is_counted;
}

void chat_limits_stand(struct chat_limits *l, struct chat_seat *seat)
{
    struct chat_seats *of = seat->of;

    seat->of = NULL;
    pthread_mutex_lock(&l->mutex);
    if (list_is_empty(&seat->node)) {
        of->n_going--;
    } else {
        list_remove(&seat->node);
        of->n_counted--;
    }
    if (of->n_counted + of->n_going == 0) {
        map_remove(&l->accounts, &of->node);
        pool_give(of);
    }
    pthread_mutex_unlock(&l->mutex);
}
