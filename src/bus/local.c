#include "bus/local.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"

/** An account whose events are wanted, or that is watched. */
struct subscription {
    struct map_node node;
    account account;
    bool is_confirmed; // of a watched one from the start
};

/** An event on its way; its strings point into bytes[]. Or a confirmation that is due. */
struct parcel {
    struct list node;
    uint64_t hash; // of the account that it is for
    bool is_confirmation;
    struct bus_event event;
    char bytes[];
};

struct bus_local {
    struct bus bus;
    const struct bus_handler *handler;
    void *arg;
    struct job_queue *later;
    struct job job;
    struct list parcels;
    struct map subscriptions;
    struct map watched;
    struct pool *pool; // for both
    uint8_t hash_key[HASH_KEY_SIZE];
};

static struct bus_local *local_of(struct bus *b)
{
    return container_of(b, struct bus_local, bus);
}

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct subscription, node)->account, key);
}

static uint64_t hash_of(const struct bus_local *b, const account *a)
{
    return hash_keyed(b->hash_key, account_str(a));
}

static struct subscription *find(const struct map *in, uint64_t hash, const account *a)
{
    struct map_node *node = map_find(in, hash, is_account, a);

    return node ? container_of(node, struct subscription, node) : NULL;
}

static struct subscription *add(struct bus_local *b, struct map *to, const account *a)
{
    struct subscription *s = pool_take(b->pool);

    s->account = *a;
    map_add(to, &s->node, hash_of(b, a));
    return s;
}

static void take_out(struct bus_local *b, struct map *of, const account *a)
{
    struct subscription *s = find(of, hash_of(b, a), a);

    map_remove(of, &s->node);
    pool_give(s);
}

/** Whoever shall get it; NULL: nobody. */
static struct subscription *find_recipient(const struct bus_local *b, uint64_t hash,
                                           const struct bus_event *e)
{
    return find(e->kind == BUS_PRESENCE ? &b->watched : &b->subscriptions, hash, &e->to);
}

static void deliver(struct bus_local *b, const struct parcel *p)
{
    struct subscription *s = p->is_confirmation ? find(&b->subscriptions, p->hash, &p->event.to)
                                                : find_recipient(b, p->hash, &p->event);

    if (!s)
        return;
    if (p->is_confirmation) {
        s->is_confirmed = true;
        b->handler->on_subscribed(b->arg, &p->event.to);
    } else if (s->is_confirmed) {
        b->handler->on_event(b->arg, &p->event);
    }
}

static void on_job(struct job *job)
{
    struct bus_local *b = container_of(job, struct bus_local, job);
    struct list now;
    struct list *node;

    list_init(&now);
    list_move_all(&now, &b->parcels);
    while ((node = list_shift(&now))) {
        struct parcel *p = container_of(node, struct parcel, node);
        deliver(b, p);
        free(p);
    }
}

static void push(struct bus_local *b, struct parcel *p)
{
    list_push(&b->parcels, &p->node);
    if (!job_is_queued(&b->job))
        job_push(b->later, &b->job, on_job);
}

static void local_attach(struct bus *bus, const struct bus_handler *handler, void *arg)
{
    struct bus_local *b = local_of(bus);

    b->handler = handler;
    b->arg = arg;
}

static void local_subscribe(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);
    struct parcel *p = mem_alloc(sizeof(*p));

    add(b, &b->subscriptions, a);
    list_init(&p->node);
    p->is_confirmation = true;
    p->event.to = *a;
    p->hash = hash_of(b, a);
    push(b, p);
}

static void local_unsubscribe(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    take_out(b, &b->subscriptions, a);
}

static void local_watch(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    add(b, &b->watched, a)->is_confirmed = true;
}

static void local_unwatch(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    take_out(b, &b->watched, a);
}

static struct parcel *parcel_new(uint64_t hash, const struct bus_event *e)
{
    const bool is_message = e->kind == BUS_MESSAGE;
    const struct chat_message *m = &e->message;
    const size_t n = is_message ? m->type.len + m->content.len + m->key.len : 0;
    struct parcel *p = mem_resize(NULL, sizeof(*p) + n);
    char *at = p->bytes;

    list_init(&p->node);
    p->hash = hash;
    p->is_confirmation = false;
    p->event = *e;
    if (!is_message)
        return p;
    p->event.message.type = str_copy(at, m->type);
    p->event.message.content = str_copy(at += m->type.len, m->content);
    p->event.message.key = str_copy(at + m->content.len, m->key);
    return p;
}

static void local_publish(struct bus *bus, const struct bus_event *e)
{
    struct bus_local *b = local_of(bus);

    const uint64_t hash = hash_of(b, &e->to);

    if (find_recipient(b, hash, e)) // whoever subscribes later reads it from the store
        push(b, parcel_new(hash, e));
}

static void drop_parcels(struct bus_local *b)
{
    list_each (node, &b->parcels)
        free(container_of(node, struct parcel, node));
    list_init(&b->parcels);
}

static void drop_all(struct map *m)
{
    for (size_t i = 0; i < m->n_buckets; i++) {
        while (m->buckets[i]) {
            struct map_node *node = m->buckets[i];
            map_remove(m, node);
            pool_give(container_of(node, struct subscription, node));
        }
    }
    map_fini(m);
}

static void on_free(struct job *job)
{
    struct bus_local *b = container_of(job, struct bus_local, job);

    drop_parcels(b);
    drop_all(&b->subscriptions);
    drop_all(&b->watched);
    pool_free(b->pool);
    free(b);
}

static void local_free(struct bus *bus)
{
    struct bus_local *b = local_of(bus);

    // A job may be queued for it: that one frees it instead.
    if (job_is_queued(&b->job)) {
        job_push(b->later, &b->job, on_free);
    } else {
        on_free(&b->job);
    }
}

static const struct bus_ops ops = {
    .name = "local",
    .attach = local_attach,
    .subscribe = local_subscribe,
    .unsubscribe = local_unsubscribe,
    .watch = local_watch,
    .unwatch = local_unwatch,
    .publish = local_publish,
    .free = local_free,
};

struct bus *bus_local_new(struct job_queue *later, struct rand *rand)
{
    struct bus_local *b = NEW(struct bus_local);

    b->bus = (struct bus){.ops = &ops, .is_ordered = true};
    b->later = later;
    list_init(&b->parcels);
    b->pool = pool_new(sizeof(struct subscription));
    rand_bytes(rand, b->hash_key, sizeof(b->hash_key));
    return &b->bus;
}
