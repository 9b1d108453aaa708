#include "bus/local.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"

// What is under way lies in chunks, in order, and these are used again: under load thousands of
// events are published before the first of them is delivered, and malloc would go through as
// many pieces of cold memory, twice. With AddressSanitizer each event is an allocation of its
// own, so that what is kept of one for too long is found.
#define CHUNK_BYTES (IS_SANITIZED ? 0 : 16384)
#define N_SPARES    64 // chunks that are kept

/** An account whose events are wanted, or that is watched. */
struct subscription {
    struct map_node node;
    account account;
    bool is_confirmed; // of a watched one from the start
    bool is_over;      // it goes with the last parcel for it
    uint32_t n_parcels;
};

/** An event on its way; its strings are behind it. Or a confirmation that is due, or how far
 * all has come. */
struct parcel {
    uint32_t size; // bytes, up to the next one
    bool is_confirmation;
    struct subscription *to; // nobody's: how far, as the event's position
    struct bus_event event;  // as much of it as its kind has
};

struct chunk {
    struct chunk *next;
    size_t size; // bytes
    size_t used;
    uint64_t bytes[];
};

struct bus_local {
    struct bus bus;
    const struct bus_handler *handler;
    void *arg;
    struct job_queue *later;
    struct job job;
    struct chunk *first; // of what is under way
    struct chunk *last;
    struct chunk *spare;
    unsigned n_spares;
    struct map subscriptions;
    struct map watched;
    struct subscription nobodys;
    struct pool *pool; // for both
    uint8_t hash_key[HASH_KEY_SIZE];
};

static struct bus_local *local_of(struct bus *b)
{
    return container_of(b, struct bus_local, bus);
}

// Subscriptions.

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct subscription, node)->account, key);
}

static uint64_t hash_of(const struct bus_local *b, const account *a)
{
    return hash_keyed(b->hash_key, account_str(a));
}

/** NULL: nobody wants it. */
static struct subscription *find(const struct bus_local *b, const struct map *in,
                                 const account *a)
{
    struct map_node *node = map_find(in, hash_of(b, a), is_account, a);

    return node ? container_of(node, struct subscription, node) : NULL;
}

static struct subscription *add(struct bus_local *b, struct map *to, const account *a)
{
    struct subscription *s = pool_take(b->pool);

    s->account = *a;
    map_add(to, &s->node, hash_of(b, a));
    return s;
}

static void free_unused(struct subscription *s)
{
    if (s->is_over && s->n_parcels == 0)
        pool_give(s);
}

static void take_out(struct map *of, struct subscription *s)
{
    map_remove(of, &s->node);
    s->is_over = true;
    free_unused(s);
}

// Parcels.

static struct chunk *chunk_new(struct bus_local *b, size_t size)
{
    struct chunk *c = b->spare;

    if (size > CHUNK_BYTES || !c) {
        c = mem_resize(NULL, sizeof(*c) + (size > CHUNK_BYTES ? size : CHUNK_BYTES));
        c->size = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    } else {
        b->spare = c->next;
        b->n_spares--;
    }
    c->next = NULL;
    c->used = 0;
    return c;
}

static void chunk_free(struct bus_local *b, struct chunk *c)
{
    if (c->size > CHUNK_BYTES || b->n_spares == N_SPARES) {
        free(c);
        return;
    }
    c->next = b->spare;
    b->spare = c;
    b->n_spares++;
}

static void on_job(struct job *job);

/** @param n  bytes of it @return one for the caller to fill */
static struct parcel *push(struct bus_local *b, struct subscription *to, size_t n)
{
    const size_t size = (n + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);

    if (!b->first) {
        b->first = b->last = chunk_new(b, size);
        job_push(b->later, &b->job, on_job);
    } else if (b->last->size - b->last->used < size) {
        b->last = b->last->next = chunk_new(b, size);
    }
    struct parcel *p = (void *)((char *)b->last->bytes + b->last->used);
    b->last->used += size;
    p->size = (uint32_t)size;
    p->is_confirmation = false;
    p->to = to;
    to->n_parcels++;
    return p;
}

static void deliver(struct bus_local *b, const struct parcel *p)
{
    if (p->to->is_over)
        return;
    if (p->to == &b->nobodys) {
        b->handler->on_reach(b->arg, p->event.position);
    } else if (p->is_confirmation) {
        p->to->is_confirmed = true;
        b->handler->on_subscribed(b->arg, &p->to->account);
    } else if (p->to->is_confirmed) {
        b->handler->on_event(b->arg, &p->event);
    }
}

/** @param is_dropped  nobody is told */
static void empty(struct bus_local *b, bool is_dropped)
{
    struct chunk *c = b->first;

    b->first = b->last = NULL; // what is published meanwhile waits for the next turn
    while (c) {
        struct chunk *next = c->next;
        for (size_t at = 0; at < c->used;) {
            struct parcel *p = (void *)((char *)c->bytes + at);
            if (!is_dropped)
                deliver(b, p);
            p->to->n_parcels--;
            free_unused(p->to);
            at += p->size;
        }
        chunk_free(b, c);
        c = next;
    }
}

static void on_job(struct job *job)
{
    empty(container_of(job, struct bus_local, job), false);
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

    push(b, add(b, &b->subscriptions, a), sizeof(struct parcel))->is_confirmation = true;
}

static void local_unsubscribe(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    take_out(&b->subscriptions, find(b, &b->subscriptions, a));
}

static void local_watch(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    add(b, &b->watched, a)->is_confirmed = true;
}

static void local_unwatch(struct bus *bus, const account *a)
{
    struct bus_local *b = local_of(bus);

    take_out(&b->watched, find(b, &b->watched, a));
}

static void push_message(struct bus_local *b, struct subscription *to,
                         const struct bus_event *e)
{
    const struct chat_message *m = &e->message;
    struct parcel *p = push(b, to, sizeof(*p) + m->type.len + m->content.len + m->key.len);
    char *at = (char *)(p + 1);

    p->event = *e;
    p->event.message.type = str_copy(at, m->type);
    p->event.message.content = str_copy(at += m->type.len, m->content);
    p->event.message.key = str_copy(at + m->content.len, m->key);
}

/** All but a message has no strings; of the many receipts no more is copied than they have. */
static void push_plain(struct bus_local *b, struct subscription *to, const struct bus_event *e)
{
    const size_t n = e->kind == BUS_RECEIPT
                         ? offsetof(struct bus_event, receipt) + sizeof(e->receipt)
                         : sizeof(*e);

    memcpy(&push(b, to, offsetof(struct parcel, event) + n)->event, e, n);
}

static void local_publish(struct bus *bus, const struct bus_event *e)
{
    struct bus_local *b = local_of(bus);
    struct subscription *to =
        find(b, e->kind == BUS_PRESENCE ? &b->watched : &b->subscriptions, &e->to);

    if (!to)
        return; // whoever subscribes later reads it from the store
    if (e->kind == BUS_MESSAGE) {
        push_message(b, to, e);
    } else {
        push_plain(b, to, e);
    }
}

static void local_reach(struct bus *bus, int64_t position)
{
    struct bus_local *b = local_of(bus);

    push(b, &b->nobodys, sizeof(struct parcel))->event.position = position;
}

static void drop_all(struct map *m)
{
    for (size_t i = 0; i < m->n_buckets; i++) {
        for (struct map_node *n = map_bucket(m, i); n; n = map_bucket(m, i))
            take_out(m, container_of(n, struct subscription, node));
    }
    map_fini(m);
}

static void on_free(struct job *job)
{
    struct bus_local *b = container_of(job, struct bus_local, job);

    empty(b, true);
    drop_all(&b->subscriptions);
    drop_all(&b->watched);
    while (b->spare) {
        struct chunk *c = b->spare;
        b->spare = c->next;
        free(c);
    }
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
    .reach = local_reach,
    .free = local_free,
};

struct bus *bus_local_new(struct job_queue *later, struct rand *rand)
{
    struct bus_local *b = NEW(struct bus_local);

    b->bus = (struct bus){.ops = &ops, .loses_nothing = true, .is_ordered = true};
    b->later = later;
    b->pool = pool_new(sizeof(struct subscription));
    rand_bytes(rand, b->hash_key, sizeof(b->hash_key));
    return &b->bus;
}
