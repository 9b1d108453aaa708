#include "chat/watched.h"

#include "base/err.h"
#include "base/mem.h"

#define OWED_MS   1000 // until those are looked at again who could not be told
#define GAP_MS    100  // after a gap the accounts are asked for again, so often
#define GAP_ASKS  64   // so many, or
#define GAP_TURNS 100  // so much of all of them

static_assert(STORE_RELATIONS_MAX <= UINT16_MAX, "a watch knows its place in a question");

static struct timers *timers_of(const struct watched *of)
{
    return of->chat->ports.timers;
}

// Telling.

/** May its session be told of another state than last time? */
static bool is_open(const struct watch *w)
{
    return w->watched->is_online || w->told_online;
}

static bool can_be_told(const struct chat_session *s)
{
    return s->is_ready && !s->events->is_stuffed(s->arg);
}

/** May end the session, and the watch with it. */
static void tell(struct watch *w)
{
    const struct watched *of = w->watched;
    struct chat_session *s = w->session;
    const bool is_online = w->is_mutual && of->is_online;

    if (is_online == w->told_online)
        return;
    w->told_online = is_online;
    of->chat->counters.presences++;
    s->events->on_presence(s->arg, &(struct chat_presence){
                                       .account = of->account,
                                       .is_online = is_online,
                                       .last_seen_ms = w->is_mutual ? of->seen_ms : 0,
                                   });
}

// Judging.

/** The next ones of those that are pending. @return how many */
static size_t gather(struct watched *of, account *peers)
{
    struct list *node;
    size_t n = 0;

    while (n < STORE_RELATIONS_MAX && (node = list_shift(&of->pending))) {
        struct watch *w = container_of(node, struct watch, of_watched);
        if (w->awaited_by) {
            w->is_missed = true;
            list_push(&of->at_rest, node);
        } else if (!is_open(w)) {
            list_push(&of->at_rest, node);
        } else if (!can_be_told(w->session)) {
            list_push(&of->owed, node);
        } else {
            w->is_stale = false;
            w->i = (uint16_t)n;
            peers[n++] = *w->session->actor.account;
            list_push(&of->asked, node);
        }
    }
    return n;
}

static void on_relations(void *arg, int r, const struct chat_relation *relations);

static void go_on(struct watched *of)
{
    account peers[STORE_RELATIONS_MAX];
    struct chat *c = of->chat;
    const size_t n = gather(of, peers);

    if (!list_is_empty(&of->owed) && !timer_is_set(&of->owed_timer))
        timer_set(timers_of(of), &of->owed_timer, chat_now_ms(c) + OWED_MS);
    if (n == 0)
        return;
    of->is_judging = true;
    of->is_stale = false;
    c->n_under_way++;
    store_relations(c->ports.store, &(struct store_relations){of->account, peers, n},
                    on_relations, of);
}

static void watched_free(struct watched *of)
{
    struct chat *c = of->chat;

    bus_unwatch(c->ports.bus, &of->account);
    timer_cancel(timers_of(of), &of->asked_timer);
    timer_cancel(timers_of(of), &of->owed_timer);
    list_remove(&of->node);
    map_remove(&c->watched, &of->by_account);
    free(of);
}

static void judge_one(struct watch *w, const struct chat_relation *relation)
{
    struct watched *of = w->watched;
    const bool is_stale = of->is_stale || w->is_stale;

    w->is_mutual = relation->is_mutual;
    if (w->awaited_by) {
        w->is_missed |= is_stale;
        list_push(&of->at_rest, &w->of_watched);
    } else if (can_be_told(w->session)) {
        list_push(is_stale ? &of->pending : &of->at_rest, &w->of_watched);
        tell(w);
    } else {
        list_push(&of->owed, &w->of_watched);
    }
}

static void on_relations(void *arg, int r, const struct chat_relation *relations)
{
    struct watched *of = arg;
    struct list *node;

    of->chat->n_under_way--;
    if (r != 0) {
        if (r != STORE_UNAVAILABLE)
            err_up(r);
        list_move_all(&of->owed, &of->asked);
    }
    while ((node = list_shift(&of->asked))) {
        struct watch *w = container_of(node, struct watch, of_watched);
        judge_one(w, &relations[w->i]);
    }
    of->is_judging = false;
    if (of->n_watches == 0) {
        watched_free(of);
    } else {
        go_on(of);
    }
}

/** What its sessions were told may not be so any more. */
static void judge(struct watched *of)
{
    list_move_all(&of->pending, &of->at_rest);
    list_move_all(&of->pending, &of->owed);
    of->is_stale = true;
    if (!of->is_judging)
        go_on(of);
}

static bool is_of(const struct watch *w, const account *a)
{
    return account_eq(w->session->actor.account, a);
}

/** What the sessions of this account were told. */
static void judge_those_of(struct watched *of, const account *a)
{
    list_each (node, &of->at_rest) {
        if (!is_of(container_of(node, struct watch, of_watched), a))
            continue;
        list_remove(node);
        list_push(&of->pending, node);
    }
    list_each (asked, &of->asked) {
        struct watch *w = container_of(asked, struct watch, of_watched);
        w->is_stale |= is_of(w, a);
    }
    if (!of->is_judging)
        go_on(of);
}

static void on_owed(struct timer *t)
{
    struct watched *of = container_of(t, struct watched, owed_timer);

    list_move_all(&of->pending, &of->owed);
    if (!of->is_judging)
        go_on(of);
}

void watched_release(struct watch *w)
{
    struct watched *of = w->watched;

    w->awaited_by = NULL;
    if (!w->is_missed)
        return;
    list_remove(&w->of_watched);
    list_push(&of->pending, &w->of_watched);
    if (!of->is_judging)
        go_on(of);
}

// What is known.

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct watched, by_account)->account, key);
}

static struct watched *find(const struct chat *c, const account *a)
{
    struct map_node *node = map_find(&c->watched, chat_hash_of(c, a), is_account, a);

    return node ? container_of(node, struct watched, by_account) : NULL;
}

static void be_online(struct watched *of)
{
    of->is_online = true;
    of->seen_ms = 0;
    timer_cancel(timers_of(of), &of->asked_timer);
}

/** Nobody has answered that it is. */
static void on_silence(struct timer *t)
{
    struct watched *of = container_of(t, struct watched, asked_timer);

    of->is_online = presence_is_here(of->chat, &of->account);
    judge(of);
}

bool watched_ask(struct watched *of)
{
    struct chat *c = of->chat;

    if (c->ports.bus->is_ordered)
        return false; // what there is, is here, and each event has come
    if (presence_is_here(c, &of->account)) {
        be_online(of);
        return false;
    }
    presence_ask(c, &of->account, NULL);
    if (!timer_is_set(&of->asked_timer))
        timer_set(timers_of(of), &of->asked_timer, chat_now_ms(c) + CHAT_ASKED_MS);
    return true;
}

void watched_on_presence(struct chat *c, const struct bus_event *e)
{
    const struct chat_presence *p = &e->presence;
    struct watched *of = find(c, &p->account);

    if (!of)
        return;
    if (p->is_online) {
        const bool is_known = of->is_online;
        be_online(of);
        if (is_known && e->only.len > 0) {
            judge_those_of(of, &e->only);
        } else {
            judge(of);
        }
        return;
    }
    of->seen_ms = p->last_seen_ms;
    if (watched_ask(of))
        return; // it may be online on another node: that one answers
    of->is_online = presence_is_here(c, &of->account);
    judge(of);
}

// Gaps.

static void on_gap(struct timer *t)
{
    struct chat *c = container_of(t, struct chat, gap_timer);
    const size_t part = c->watched.n_nodes / GAP_TURNS;
    const size_t n = part > GAP_ASKS ? part : GAP_ASKS;

    for (size_t i = 0; i < n && !list_is_empty(&c->unasked); i++) {
        struct watched *of = container_of(list_shift(&c->unasked), struct watched, node);
        list_push(&c->known, &of->node);
        if (!watched_ask(of))
            judge(of);
    }
    if (!list_is_empty(&c->unasked))
        timer_set(c->ports.timers, t, chat_now_ms(c) + GAP_MS);
}

void watched_on_gap(struct chat *c)
{
    list_move_all(&c->unasked, &c->known);
    if (!timer_is_set(&c->gap_timer) && !list_is_empty(&c->unasked))
        timer_set(c->ports.timers, &c->gap_timer, chat_now_ms(c) + GAP_MS);
}

// Their life.

void watched_init(struct chat *c)
{
    list_init(&c->known);
    list_init(&c->unasked);
    timer_init(&c->gap_timer, on_gap);
}

void watched_fini(struct chat *c)
{
    timer_cancel(c->ports.timers, &c->gap_timer);
    map_fini(&c->watched);
}

static struct watched *watched_new(struct chat *c, const account *a)
{
    struct watched *of = NEW(struct watched);

    of->chat = c;
    of->account = *a;
    of->is_online = presence_is_here(c, a);
    list_init(&of->at_rest);
    list_init(&of->pending);
    list_init(&of->asked);
    list_init(&of->owed);
    timer_init(&of->asked_timer, on_silence);
    timer_init(&of->owed_timer, on_owed);
    list_push(&c->known, &of->node);
    map_add(&c->watched, &of->by_account, chat_hash_of(c, a));
    bus_watch(c->ports.bus, a);
    return of;
}

struct watch *watched_find(const struct chat_session *s, const account *a)
{
    const struct watched *of = s->n_watches > 0 ? find(s->actor.chat, a) : NULL;

    if (!of)
        return NULL;
    list_each (node, &s->watches) {
        struct watch *w = container_of(node, struct watch, of_session);
        if (w->watched == of)
            return w;
    }
    return NULL;
}

struct watch *watched_add(struct chat_session *s, const account *a)
{
    struct chat *c = s->actor.chat;
    struct watch *w = NEW(struct watch);

    w->session = s;
    w->watched = find(c, a);
    if (!w->watched)
        w->watched = watched_new(c, a);
    w->watched->n_watches++;
    list_push(&w->watched->at_rest, &w->of_watched);
    list_push(&s->watches, &w->of_session);
    s->n_watches++;
    c->counters.watches++;
    return w;
}

void watched_remove(struct watch *w)
{
    struct watched *of = w->watched;

    of->chat->counters.watches--;
    w->session->n_watches--;
    list_remove(&w->of_session);
    list_remove(&w->of_watched);
    free(w);
    if (--of->n_watches == 0 && !of->is_judging)
        watched_free(of);
}

void watched_on_close(struct chat_session *s)
{
    list_each (node, &s->watches)
        watched_remove(container_of(node, struct watch, of_session));
}
