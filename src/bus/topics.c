#include "bus/topics.h"

#include <stdlib.h>

#include "base/mem.h"

/** An account that somebody wants to hear of. */
struct topic {
    struct map_node node;
    account account;
    uint64_t wanted[BUS_WANTS]; // a bit each
};

uint64_t topics_hash(const struct topics *all, const account *a)
{
    return hash_keyed(all->hash_key, account_str(a));
}

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct topic, node)->account, key);
}

/** @return NULL: nobody wants to hear of it */
static struct topic *find(const struct topics *all, const account *a)
{
    struct map_node *node = map_find(&all->map, topics_hash(all, a), is_account, a);

    return node ? container_of(node, struct topic, node) : NULL;
}

static struct topic *find_or_add(struct topics *all, const account *a)
{
    struct topic *t = find(all, a);

    if (t)
        return t;
    t = NEW(struct topic);
    t->account = *a;
    map_add(&all->map, &t->node, topics_hash(all, a));
    return t;
}

static void drop_unwanted(struct topics *all, struct topic *t)
{
    for (size_t how = 0; how < BUS_WANTS; how++) {
        if (t->wanted[how] != 0)
            return;
    }
    map_remove(&all->map, &t->node);
    free(t);
}

void topics_want(struct topics *all, const account *a, enum bus_want how, uint64_t who)
{
    find_or_add(all, a)->wanted[how] |= who;
}

void topics_want_no_more(struct topics *all, const account *a, enum bus_want how, uint64_t who)
{
    struct topic *t = find(all, a);

    t->wanted[how] &= ~who;
    drop_unwanted(all, t);
}

uint64_t topics_who(const struct topics *all, const account *a, enum bus_want how)
{
    const struct topic *t = find(all, a);

    return t ? t->wanted[how] : 0;
}

static void forget(struct topics *all, struct topic *t, uint64_t who, topics_fn *fn, void *arg)
{
    for (enum bus_want how = BUS_SUBSCRIBED; how < BUS_WANTS; how++) {
        if (t->wanted[how] & who)
            fn(arg, &t->account, how);
        t->wanted[how] &= ~who;
    }
    drop_unwanted(all, t);
}

void topics_forget(struct topics *all, uint64_t who, topics_fn *fn, void *arg)
{
    for (size_t i = 0; i < all->map.n_buckets; i++) {
        for (struct map_node *n = map_bucket(&all->map, i), *next = NULL; n; n = next) {
            next = n->next;
            forget(all, container_of(n, struct topic, node), who, fn, arg);
        }
    }
}
