#include "bus/hub.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/local.h"
#include "io/inbox.h"

enum how {
    SUBSCRIBED,
    WATCHED,
    N_HOWS,
};

/** An account that somebody wants to hear of. */
struct topic {
    struct map_node node;
    account account;
    uint64_t wanted[N_HOWS]; // by front, a bit each
};

static_assert(BUS_HUB_MAX <= 64, "a bit each");

struct front;

struct bus_hub {
    uint8_t hash_key[HASH_KEY_SIZE];
    pthread_mutex_t mutex; // of what follows
    struct map topics;
    struct front *fronts[BUS_HUB_MAX];
    int64_t reached; // by all of them
};

/** An event on its way to another loop; its strings are behind it. */
struct item {
    struct list node;
    int64_t reached; // not 0: no event, but how far all has come
    struct bus_event event;
    char bytes[];
};

struct front {
    struct bus bus;
    struct bus_hub *hub;
    unsigned number;
    struct bus *own; // what brings this loop its events, its own and those of others
    struct job_queue *later;
    struct job job;
    struct inbox *inbox;
    int64_t reaches;  // as its chat has said
    int64_t reached;  // likewise, and all of that is with the others: the hub's mutex
    uint64_t has_for; // others that it has something for, in this turn
    struct list out[BUS_HUB_MAX];
};

static struct front *front_of(struct bus *b)
{
    return container_of(b, struct front, bus);
}

static uint64_t bit_of(const struct front *f)
{
    return UINT64_C(1) << f->number;
}

// Topics.

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct topic, node)->account, key);
}

/** With the mutex, like all of topics. @return NULL: nobody wants to hear of it */
static struct topic *find(const struct bus_hub *hub, const account *a)
{
    const uint64_t hash = hash_keyed(hub->hash_key, account_str(a));
    struct map_node *node = map_find(&hub->topics, hash, is_account, a);

    return node ? container_of(node, struct topic, node) : NULL;
}

static struct topic *find_or_add(struct bus_hub *hub, const account *a)
{
    struct topic *t = find(hub, a);

    if (t)
        return t;
    t = NEW(struct topic);
    t->account = *a;
    map_add(&hub->topics, &t->node, hash_keyed(hub->hash_key, account_str(a)));
    return t;
}

static void drop_unwanted(struct bus_hub *hub, struct topic *t)
{
    if (t->wanted[SUBSCRIBED] != 0 || t->wanted[WATCHED] != 0)
        return;
    map_remove(&hub->topics, &t->node);
    free(t);
}

static void want(const struct front *f, const account *a, enum how how)
{
    pthread_mutex_lock(&f->hub->mutex);
    find_or_add(f->hub, a)->wanted[how] |= bit_of(f);
    pthread_mutex_unlock(&f->hub->mutex);
}

static void want_no_more(const struct front *f, const account *a, enum how how)
{
    pthread_mutex_lock(&f->hub->mutex);
    struct topic *t = find(f->hub, a);
    t->wanted[how] &= ~bit_of(f);
    drop_unwanted(f->hub, t);
    pthread_mutex_unlock(&f->hub->mutex);
}

static void front_subscribe(struct bus *bus, const account *a)
{
    const struct front *f = front_of(bus);

    want(f, a, SUBSCRIBED);
    bus_subscribe(f->own, a);
}

static void front_unsubscribe(struct bus *bus, const account *a)
{
    const struct front *f = front_of(bus);

    bus_unsubscribe(f->own, a);
    want_no_more(f, a, SUBSCRIBED);
}

static void front_watch(struct bus *bus, const account *a)
{
    const struct front *f = front_of(bus);

    want(f, a, WATCHED);
    bus_watch(f->own, a);
}

static void front_unwatch(struct bus *bus, const account *a)
{
    const struct front *f = front_of(bus);

    bus_unwatch(f->own, a);
    want_no_more(f, a, WATCHED);
}

/** @return the fronts that want this event */
static uint64_t who_wants(struct bus_hub *hub, const struct bus_event *e)
{
    uint64_t who = 0;

    pthread_mutex_lock(&hub->mutex);
    const struct topic *t = find(hub, &e->to);
    if (t)
        who = t->wanted[e->kind == BUS_PRESENCE ? WATCHED : SUBSCRIBED];
    pthread_mutex_unlock(&hub->mutex);
    return who;
}

// Events.

static void on_attach(struct bus *bus, const struct bus_handler *handler, void *arg)
{
    bus_attach(front_of(bus)->own, handler, arg);
}

static struct item *item_of(const struct bus_event *e)
{
    const struct chat_message *m = &e->message;
    const bool has_strings = e->kind == BUS_MESSAGE;
    const size_t n = has_strings ? m->type.len + m->content.len + m->key.len : 0;
    struct item *item = mem_alloc(sizeof(*item) + n);
    char *at = item->bytes;

    item->reached = 0;
    item->event = *e;
    if (!has_strings)
        return item;
    item->event.message.type = str_copy(at, m->type);
    item->event.message.content = str_copy(at += m->type.len, m->content);
    item->event.message.key = str_copy(at + m->content.len, m->key);
    return item;
}

static void free_all(struct list *items)
{
    list_each (node, items)
        free(container_of(node, struct item, node));
    list_init(items);
}

static int64_t least_reached(const struct bus_hub *hub)
{
    int64_t least = INT64_MAX;

    for (unsigned i = 0; i < BUS_HUB_MAX; i++) {
        if (hub->fronts[i] && hub->fronts[i]->reached < least)
            least = hub->fronts[i]->reached;
    }
    return least;
}

/** Behind all that each was handed before: so it gets there first. With the mutex. */
static void tell_reached(struct bus_hub *hub)
{
    const int64_t least = least_reached(hub);

    if (least <= hub->reached)
        return;
    hub->reached = least;
    for (unsigned i = 0; i < BUS_HUB_MAX; i++) {
        if (!hub->fronts[i])
            continue;
        struct item *item = NEW(struct item);
        item->reached = least;
        inbox_put_one(hub->fronts[i]->inbox, &item->node);
    }
}

/** All that a turn has published, in one piece: each loop wakes once for it. Who has gone in
 * the meantime has nobody left to tell. */
static void hand_over(struct job *job)
{
    struct front *f = container_of(job, struct front, job);

    pthread_mutex_lock(&f->hub->mutex);
    for (; f->has_for != 0; f->has_for &= f->has_for - 1) {
        const unsigned to = (unsigned)__builtin_ctzll(f->has_for);
        const struct front *other = f->hub->fronts[to];
        if (other)
            inbox_put(other->inbox, &f->out[to]);
        free_all(&f->out[to]);
    }
    f->reached = f->reaches;
    tell_reached(f->hub);
    pthread_mutex_unlock(&f->hub->mutex);
}

static void front_publish(struct bus *bus, const struct bus_event *e)
{
    struct front *f = front_of(bus);
    uint64_t who = who_wants(f->hub, e);

    if (who & bit_of(f))
        bus_publish(f->own, e);
    who &= ~bit_of(f);
    if (who == 0)
        return;
    f->has_for |= who;
    for (; who != 0; who &= who - 1)
        list_push(&f->out[__builtin_ctzll(who)], &item_of(e)->node);
    if (!job_is_queued(&f->job))
        job_push(f->later, &f->job, hand_over);
}

static void front_reach(struct bus *bus, int64_t position)
{
    struct front *f = front_of(bus);

    f->reaches = position;
    if (!job_is_queued(&f->job))
        job_push(f->later, &f->job, hand_over);
}

static void on_items(void *arg, struct list *items)
{
    struct front *f = arg;

    list_each (node, items) {
        const struct item *item = container_of(node, struct item, node);
        if (item->reached > 0) {
            bus_reach(f->own, item->reached);
        } else {
            bus_publish(f->own, &item->event);
        }
    }
    free_all(items);
}

// Life.

/** What it still wanted nobody wants for it. */
static void leave(struct front *f)
{
    struct map *topics = &f->hub->topics;
    const uint64_t others = ~bit_of(f);

    pthread_mutex_lock(&f->hub->mutex);
    f->hub->fronts[f->number] = NULL;
    for (size_t i = 0; i < topics->n_buckets; i++) {
        for (struct map_node *n = map_bucket(topics, i), *next = NULL; n; n = next) {
            struct topic *t = container_of(n, struct topic, node);
            next = n->next;
            t->wanted[SUBSCRIBED] &= others;
            t->wanted[WATCHED] &= others;
            drop_unwanted(f->hub, t);
        }
    }
    pthread_mutex_unlock(&f->hub->mutex);
}

static void on_free(struct job *job)
{
    free(container_of(job, struct front, job));
}

static void front_free(struct bus *bus)
{
    struct front *f = front_of(bus);
    struct list left;

    leave(f);
    inbox_free(f->inbox, &left);
    free_all(&left);
    for (unsigned i = 0; i < BUS_HUB_MAX; i++)
        free_all(&f->out[i]);
    bus_free(f->own);
    job_push(f->later, &f->job, on_free); // in the place of what it may still have to do
}

static const struct bus_ops ops = {
    .name = "hub",
    .attach = on_attach,
    .subscribe = front_subscribe,
    .unsubscribe = front_unsubscribe,
    .watch = front_watch,
    .unwatch = front_unwatch,
    .publish = front_publish,
    .reach = front_reach,
    .free = front_free,
};

struct bus_hub *bus_hub_new(struct rand *rand)
{
    struct bus_hub *hub = NEW(struct bus_hub);

    rand_bytes(rand, hub->hash_key, sizeof(hub->hash_key));
    pthread_mutex_init(&hub->mutex, NULL);
    return hub;
}

void bus_hub_free(struct bus_hub *hub)
{
    if (!hub)
        return;
    map_fini(&hub->topics);
    pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

static void enter(struct front *f)
{
    pthread_mutex_lock(&f->hub->mutex);
    while (f->number < BUS_HUB_MAX && f->hub->fronts[f->number])
        f->number++;
    assert(f->number < BUS_HUB_MAX);
    f->hub->fronts[f->number] = f;
    pthread_mutex_unlock(&f->hub->mutex);
}

int bus_hub_join(struct bus **out, struct bus_hub *hub, struct loop *l, struct rand *rand)
{
    struct front *f = NEW(struct front);

    f->bus = (struct bus){.ops = &ops, .loses_nothing = true};
    f->hub = hub;
    f->later = &l->later;
    for (unsigned i = 0; i < BUS_HUB_MAX; i++)
        list_init(&f->out[i]);
    const int r = inbox_new(&f->inbox, l, on_items, f);
    if (r < 0) {
        free(f);
        return r;
    }
    f->own = bus_local_new(&l->later, rand);
    enter(f);
    *out = &f->bus;
    return 0;
}
