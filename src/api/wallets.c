#include "api/wallets.h"

#include "base/mem.h"

struct api_wallet {
    struct map_node node;
    struct api_wallets *wallets;
    account account;
    unsigned n_calls;
};

void api_wallets_init(struct api_wallets *w, struct rand *rand)
{
    *w = (struct api_wallets){0};
    rand_bytes(rand, w->key, sizeof(w->key));
}

void api_wallets_fini(struct api_wallets *w)
{
    map_fini(&w->map);
}

static bool is_of(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct api_wallet, node)->account, key);
}

static struct api_wallet *wallet_new(struct api_wallets *w, const account *a, uint64_t hash)
{
    struct api_wallet *one = NEW(struct api_wallet);

    one->wallets = w;
    one->account = *a;
    map_add(&w->map, &one->node, hash);
    return one;
}

struct api_wallet *api_wallets_take(struct api_wallets *w, const account *a)
{
    const uint64_t hash = hash_keyed(w->key, account_str(a));
    struct map_node *node = map_find(&w->map, hash, is_of, a);
    struct api_wallet *one =
        node ? container_of(node, struct api_wallet, node) : wallet_new(w, a, hash);

    if (one->n_calls == API_CALLS_MAX)
        return NULL;
    one->n_calls++;
    return one;
}

void api_wallets_give(struct api_wallet *taken)
{
    if (--taken->n_calls > 0)
        return;
    map_remove(&taken->wallets->map, &taken->node);
    free(taken);
}
