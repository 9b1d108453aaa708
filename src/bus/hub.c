#include "bus/hub.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "bus/local.h"
#include "bus/topics.h"
#include "io/inbox.h"

static_assert(BUS_HUB_MAX <= 64, "a bit each");

struct front;

struct bus_hub {
    struct bus_uplink *uplink; // NULL: there is none
    pthread_mutex_t mutex;     // of what follows
    struct topics topics;
    struct front *fronts[BUS_HUB_MAX];
    int64_t reached; // by all of them
    uint64_t n_tickets;
};

enum item_kind {
    ITEM_EVENT,
    ITEM_REACHED,   // how far all has come
    ITEM_CONFIRMED, // by the uplink
    ITEM_GAP,
};

/** An event on its way to another loop, with its strings behind it; or what else it is told. */
struct item {
    struct list node;
    enum item_kind kind;
    size_t waits; // bytes, of one that came by the uplink
    union {
        int64_t reached;
        struct bus_wish confirmed;
        struct bus_event event;
    };
    char bytes[];
};

/** A subscription that the uplink is to confirm. */
struct awaited {
    struct map_node node;
    account account;
    uint64_t ticket;
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

    // With an uplink.
    const struct bus_handler *handler;
    void *arg;
    struct list batch; // for it, of this turn
    struct map awaited;
    size_t waits; // bytes in the inbox that came by it: the hub's mutex
    bool has_gap; // in the inbox: likewise
};

static struct front *front_of(struct bus *b)
{
    return container_of(b, struct front, bus);
}

static uint64_t bit_of(const struct front *f)
{
    return UINT64_C(1) << f->number;
}

static void hand_over(struct job *job);

/** At the end of the turn. */
static void hand_over_later(struct front *f)
{
    if (!job_is_queued(&f->job))
        job_push(f->later, &f->job, hand_over);
}

// What is wanted.

static void want(const struct front *f, const account *a, enum bus_want how)
{
    pthread_mutex_lock(&f->hub->mutex);
    topics_want(&f->hub->topics, a, how, bit_of(f));
    pthread_mutex_unlock(&f->hub->mutex);
}

static void want_no_more(const struct front *f, const account *a, enum bus_want how)
{
    pthread_mutex_lock(&f->hub->mutex);
    topics_want_no_more(&f->hub->topics, a, how, bit_of(f));
    pthread_mutex_unlock(&f->hub->mutex);
}

// What is wanted of the uplink.

static bool is_awaited(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct awaited, node)->account, key);
}

/** @return NULL: it does not wait */
static struct awaited *find_awaited(const struct front *f, const account *a)
{
    const uint64_t hash = topics_hash(&f->hub->topics, a);
    struct map_node *node = map_find(&f->awaited, hash, is_awaited, a);

    return node ? container_of(node, struct awaited, node) : NULL;
}

/** @return its ticket, which none had before: whatever is confirmed late is not taken for it */
static uint64_t await(struct front *f, const account *a)
{
    struct awaited *w = NEW(struct awaited);

    pthread_mutex_lock(&f->hub->mutex);
    w->ticket = ++f->hub->n_tickets;
    pthread_mutex_unlock(&f->hub->mutex);
    w->account = *a;
    map_add(&f->awaited, &w->node, topics_hash(&f->hub->topics, a));
    return w->ticket;
}

static void await_no_more(struct front *f, struct awaited *w)
{
    map_remove(&f->awaited, &w->node);
    free(w);
}

static struct bus_wish wish_of(const struct front *f, const account *a, enum bus_want how)
{
    return (struct bus_wish){.how = how, .account = *a, .front = f->number};
}

/** A client does not wait for an uplink that is down: what comes meanwhile is in the store. */
static void subscribe_afar(struct front *f, const account *a)
{
    struct bus_uplink *u = f->hub->uplink;
    struct bus_wish wish = wish_of(f, a, BUS_SUBSCRIBED);

    if (u->ops->is_up(u)) {
        wish.ticket = await(f, a);
    } else {
        bus_subscribe(f->own, a);
    }
    u->ops->want(u, &f->batch, &wish);
    hand_over_later(f);
}

static void want_no_more_afar(struct front *f, const account *a, enum bus_want how)
{
    struct bus_uplink *u = f->hub->uplink;
    const struct bus_wish wish = wish_of(f, a, how);

    if (!u)
        return;
    u->ops->want_no_more(u, &f->batch, &wish);
    hand_over_later(f);
}

static void on_confirmed(struct front *f, const struct bus_wish *wish)
{
    struct awaited *w = find_awaited(f, &wish->account);

    if (!w || w->ticket != wish->ticket)
        return; // it was taken back
    await_no_more(f, w);
    bus_subscribe(f->own, &wish->account);
}

static void front_subscribe(struct bus *bus, const account *a)
{
    struct front *f = front_of(bus);

    want(f, a, BUS_SUBSCRIBED);
    if (f->hub->uplink) {
        subscribe_afar(f, a);
    } else {
        bus_subscribe(f->own, a);
    }
}

static void front_unsubscribe(struct bus *bus, const account *a)
{
    struct front *f = front_of(bus);
    struct awaited *w = find_awaited(f, a);

    if (w) {
        await_no_more(f, w);
    } else {
        bus_unsubscribe(f->own, a);
    }
    want_no_more(f, a, BUS_SUBSCRIBED);
    want_no_more_afar(f, a, BUS_SUBSCRIBED);
}

static void front_watch(struct bus *bus, const account *a)
{
    struct front *f = front_of(bus);
    struct bus_uplink *u = f->hub->uplink;
    const struct bus_wish wish = wish_of(f, a, BUS_WATCHED);

    want(f, a, BUS_WATCHED);
    bus_watch(f->own, a);
    if (!u)
        return;
    u->ops->want(u, &f->batch, &wish);
    hand_over_later(f);
}

static void front_unwatch(struct bus *bus, const account *a)
{
    struct front *f = front_of(bus);

    bus_unwatch(f->own, a);
    want_no_more(f, a, BUS_WATCHED);
    want_no_more_afar(f, a, BUS_WATCHED);
}

/** With the mutex. @return the fronts that want this event */
static uint64_t who_wants(const struct bus_hub *hub, const struct bus_event *e)
{
    return topics_who(&hub->topics, &e->to,
                      e->kind == BUS_PRESENCE ? BUS_WATCHED : BUS_SUBSCRIBED);
}

// Events.

static void on_attach(struct bus *bus, const struct bus_handler *handler, void *arg)
{
    struct front *f = front_of(bus);

    f->handler = handler;
    f->arg = arg;
    bus_attach(f->own, handler, arg);
}

/** @return bytes */
static size_t strings_of(const struct bus_event *e)
{
    const struct chat_message *m = &e->message;

    return e->kind == BUS_MESSAGE ? m->type.len + m->content.len + m->key.len : 0;
}

static struct item *item_of(const struct bus_event *e)
{
    const struct chat_message *m = &e->message;
    struct item *item = mem_alloc(sizeof(*item) + strings_of(e));
    char *at = item->bytes;

    item->kind = ITEM_EVENT;
    item->waits = 0;
    item->event = *e;
    if (e->kind != BUS_MESSAGE)
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
        item->kind = ITEM_REACHED;
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
    if (f->hub->uplink)
        f->hub->uplink->ops->hand_over(f->hub->uplink, &f->batch);
}

static void publish_here(struct front *f, const struct bus_event *e)
{
    pthread_mutex_lock(&f->hub->mutex);
    uint64_t who = who_wants(f->hub, e);
    pthread_mutex_unlock(&f->hub->mutex);

    if (who & bit_of(f))
        bus_publish(f->own, e);
    who &= ~bit_of(f);
    if (who == 0)
        return;
    f->has_for |= who;
    for (; who != 0; who &= who - 1)
        list_push(&f->out[__builtin_ctzll(who)], &item_of(e)->node);
    hand_over_later(f);
}

static void front_publish(struct bus *bus, const struct bus_event *e)
{
    struct front *f = front_of(bus);
    struct bus_uplink *u = f->hub->uplink;

    publish_here(f, e);
    if (!u)
        return;
    u->ops->publish(u, &f->batch, e);
    hand_over_later(f);
}

static void front_reach(struct bus *bus, int64_t position)
{
    struct front *f = front_of(bus);

    assert(bus->loses_nothing);
    f->reaches = position;
    hand_over_later(f);
}

/** From here on what the uplink brings has room again, and what it then has none for is another
 * gap. */
static void take_off(struct front *f, struct list *items)
{
    size_t waited = 0;

    list_each (node, items)
        waited += container_of(node, struct item, node)->waits;
    pthread_mutex_lock(&f->hub->mutex);
    f->waits -= waited;
    f->has_gap = false;
    pthread_mutex_unlock(&f->hub->mutex);
}

static void on_item(struct front *f, const struct item *item)
{
    switch (item->kind) {
    case ITEM_EVENT: bus_publish(f->own, &item->event); break;
    case ITEM_REACHED: bus_reach(f->own, item->reached); break;
    case ITEM_CONFIRMED: on_confirmed(f, &item->confirmed); break;
    case ITEM_GAP: f->handler->on_gap(f->arg); break;
    }
}

static void on_items(void *arg, struct list *items)
{
    struct front *f = arg;

    if (f->hub->uplink)
        take_off(f, items);
    list_each (node, items)
        on_item(f, container_of(node, struct item, node));
    free_all(items);
}

// What comes by the uplink. With the mutex.

static void put_gap(struct front *f)
{
    if (f->has_gap)
        return;
    struct item *item = NEW(struct item);
    item->kind = ITEM_GAP;
    f->has_gap = true;
    inbox_put_one(f->inbox, &item->node);
}

/** @return false: there is no room, and the loop is told so */
static bool put_from_afar(struct front *f, const struct bus_event *e)
{
    const size_t size = sizeof(struct item) + strings_of(e);

    if (f->waits + size > BUS_HUB_WAITING_MAX) {
        put_gap(f);
        return false;
    }
    struct item *item = item_of(e);
    item->waits = size;
    f->waits += size;
    inbox_put_one(f->inbox, &item->node);
    return true;
}

unsigned bus_hub_bring(struct bus_hub *hub, const struct bus_event *e)
{
    unsigned n_dropped = 0;

    pthread_mutex_lock(&hub->mutex);
    for (uint64_t who = who_wants(hub, e); who != 0; who &= who - 1)
        n_dropped += !put_from_afar(hub->fronts[__builtin_ctzll(who)], e);
    pthread_mutex_unlock(&hub->mutex);
    return n_dropped;
}

void bus_hub_confirm(struct bus_hub *hub, const struct bus_wish *wish)
{
    pthread_mutex_lock(&hub->mutex);
    const struct front *f = hub->fronts[wish->front];
    if (f) {
        struct item *item = NEW(struct item);
        item->kind = ITEM_CONFIRMED;
        item->confirmed = *wish;
        inbox_put_one(f->inbox, &item->node);
    }
    pthread_mutex_unlock(&hub->mutex);
}

void bus_hub_tell_gap(struct bus_hub *hub, unsigned front)
{
    pthread_mutex_lock(&hub->mutex);
    for (unsigned i = 0; i < BUS_HUB_MAX; i++) {
        if (hub->fronts[i] && (front == BUS_HUB_ALL || front == i))
            put_gap(hub->fronts[i]);
    }
    pthread_mutex_unlock(&hub->mutex);
}

// Life.

static void was_wanted(void *arg, const account *a, enum bus_want how)
{
    want_no_more_afar(arg, a, how);
}

/** What it still wanted nobody wants for it. */
static void leave(struct front *f)
{
    pthread_mutex_lock(&f->hub->mutex);
    f->hub->fronts[f->number] = NULL;
    topics_forget(&f->hub->topics, bit_of(f), was_wanted, f);
    pthread_mutex_unlock(&f->hub->mutex);
}

static void on_free(struct job *job)
{
    free(container_of(job, struct front, job));
}

static void free_awaited(struct front *f)
{
    for (size_t i = 0; i < f->awaited.n_buckets; i++) {
        for (struct map_node *n = map_bucket(&f->awaited, i), *next = NULL; n; n = next) {
            next = n->next;
            free(container_of(n, struct awaited, node));
        }
    }
    map_drop(&f->awaited);
}

static void front_free(struct bus *bus)
{
    struct front *f = front_of(bus);
    struct list left;

    leave(f);
    if (f->hub->uplink)
        f->hub->uplink->ops->hand_over(f->hub->uplink, &f->batch);
    free_awaited(f);
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

struct bus_hub *bus_hub_new(struct rand *rand, struct bus_uplink *uplink)
{
    struct bus_hub *hub = NEW(struct bus_hub);

    rand_bytes(rand, hub->topics.hash_key, sizeof(hub->topics.hash_key));
    pthread_mutex_init(&hub->mutex, NULL);
    hub->uplink = uplink;
    if (uplink)
        uplink->ops->attach(uplink, hub);
    return hub;
}

void bus_hub_free(struct bus_hub *hub)
{
    if (!hub)
        return;
    if (hub->uplink)
        hub->uplink->ops->attach(hub->uplink, NULL);
    topics_fini(&hub->topics);
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

    f->bus = (struct bus){.ops = &ops, .loses_nothing = !hub->uplink};
    f->hub = hub;
    list_init(&f->batch);
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
