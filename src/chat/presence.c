/**
 * Who is online here: an account from its first session until CHAT_OFFLINE_MS after its last
 * one, so that a page that is loaded anew does not make it go and come. That it is, it says on
 * the bus when it comes, when it goes, and when it is asked; who may hear it is decided where
 * it is watched (chat/watched.h).
 */
#include "base/mem.h"
#include "chat/core.h"

/** An account whose last session is gone. */
struct leaving {
    struct timer timer;
    struct chat_account *owner;
    int64_t since_ms; // Unix
};

/** @param only  NULL: for all who watch it */
static void publish(struct chat *c, const struct chat_presence *p, const account *only)
{
    struct bus_event e = {.kind = BUS_PRESENCE, .to = p->account, .presence = *p};

    if (only)
        e.only = *only;
    bus_publish(c->ports.bus, &e);
}

static void publish_online(struct chat *c, const account *a, const account *only)
{
    publish(c, &(struct chat_presence){.account = *a, .is_online = true}, only);
}

/** Nothing else depends on it: the store has said what is wrong with it. */
static void on_seen(void *arg, int r)
{
    struct chat *c = arg;

    c->n_under_way--;
    if (r != 0)
        log_debug(NULL, "chat_seen_failed", "r=%d", r);
}

static void see(struct chat *c, const account *a, int64_t at_ms)
{
    c->n_under_way++;
    store_seen(c->ports.store, a, at_ms, on_seen, c);
}

static void on_offline(struct timer *t)
{
    const struct leaving *l = container_of(t, struct leaving, timer);
    struct chat_account *owner = l->owner;
    struct chat *c = owner->chat;
    const struct chat_presence gone = {
        .account = owner->account,
        .last_seen_ms = l->since_ms,
    };

    chat_account_drop(owner);
    see(c, &gone.account, gone.last_seen_ms);
    publish(c, &gone, NULL);
}

void presence_init(struct chat_account *owner)
{
    publish_online(owner->chat, &owner->account, NULL);
}

void presence_fini(struct chat_account *owner)
{
    if (!owner->leaving)
        return;
    timer_cancel(owner->chat->ports.timers, &owner->leaving->timer);
    free(owner->leaving);
    owner->leaving = NULL;
}

void presence_on_first(struct chat_account *owner)
{
    owner->chat->counters.accounts++;
    presence_fini(owner); // of its being about to go
}

void presence_on_last(struct chat_account *owner)
{
    struct chat *c = owner->chat;

    c->counters.accounts--;
    if (c->is_shut_down)
        return;
    owner->leaving = NEW(struct leaving);
    owner->leaving->owner = owner;
    owner->leaving->since_ms = clock_unix_ms(c->ports.clock);
    timer_init(&owner->leaving->timer, on_offline);
    timer_set(c->ports.timers, &owner->leaving->timer, chat_now_ms(c) + CHAT_OFFLINE_MS);
}

bool presence_is_here(const struct chat *c, const account *a)
{
    return chat_find_account(c, a) != NULL;
}

void presence_on_ask(struct chat_account *owner, const account *asker)
{
    publish_online(owner->chat, &owner->account, asker);
}

void presence_ask(struct chat *c, const account *a, const account *asker)
{
    struct bus_event e = {.kind = BUS_ASK, .to = *a};

    if (asker)
        e.asker = *asker;
    bus_publish(c->ports.bus, &e);
}

void presence_on_relation(struct chat *c, const account *a, const account *peer)
{
    presence_ask(c, a, peer);
    presence_ask(c, peer, a);
}

/** For the store alone. Others are not told: a client that comes back to another node is there
 * before they would have to know. */
void chat_shut_down(struct chat *c)
{
    const int64_t now_ms = clock_unix_ms(c->ports.clock);

    if (c->is_shut_down)
        return;
    c->is_shut_down = true;
    sweep_stop(c);
    for (size_t i = 0; i < c->accounts.n_buckets; i++) {
        for (struct map_node *n = map_bucket(&c->accounts, i); n; n = n->next) {
            struct chat_account *owner = container_of(n, struct chat_account, by_account);
            see(c, &owner->account, owner->leaving ? owner->leaving->since_ms : now_ms);
            presence_fini(owner);
        }
    }
}
