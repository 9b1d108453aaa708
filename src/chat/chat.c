#include "base/mem.h"
#include "chat/core.h"

#define TO(state) FSM_TO(SESSION_##state)
static const struct fsm_state states[] = {
    [SESSION_OPENING] = {"chat_opening", TO(FILLING) | TO(CLOSED)},
    [SESSION_FILLING] = {"chat_filling", TO(WAITING) | TO(LIVE) | TO(CLOSED)},
    [SESSION_WAITING] = {"chat_waiting", TO(FILLING) | TO(LIVE) | TO(CLOSED)},
    [SESSION_LIVE] = {"chat_live", TO(FILLING) | TO(WAITING) | TO(CLOSED)},
    [SESSION_CLOSED] = {"chat_closed", 0},
};
#undef TO

// Accounts.

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct chat_account, by_account)->account, key);
}

struct chat_account *chat_find_account(const struct chat *c, const account *a)
{
    struct map_node *node = map_find(&c->accounts, chat_hash_of(c, a), is_account, a);

    return node ? container_of(node, struct chat_account, by_account) : NULL;
}

static struct chat_account *account_new(struct chat *c, const account *a)
{
    struct chat_account *owner = pool_take(c->account_pool);

    owner->chat = c;
    owner->account = *a;
    list_init(&owner->sessions);
    list_init(&owner->typings);
    map_add(&c->accounts, &owner->by_account, chat_hash_of(c, a));
    bus_subscribe(c->ports.bus, a);
    presence_init(owner);
    return owner;
}

/** Sessions that are closed and not freed yet are still of it. */
static void free_unused(struct chat_account *owner)
{
    if (owner->is_dropped && owner->n_refs == 0)
        pool_give(owner);
}

void chat_account_drop(struct chat_account *owner)
{
    struct chat *c = owner->chat;

    presence_fini(owner);
    typing_drop_all(owner);
    bus_unsubscribe(c->ports.bus, &owner->account);
    map_remove(&c->accounts, &owner->by_account);
    owner->is_dropped = true;
    free_unused(owner);
}

// The life of a session.

static void session_free(struct chat_session *s)
{
    assert(list_is_empty(&s->waiting));
    pump_fini(s);
    fsm_fini(&s->fsm);
    s->owner->n_refs--;
    free_unused(s->owner);
    pool_give(s);
}

static void on_free(struct job *job)
{
    session_free(container_of(job, struct chat_session, job));
}

static void free_later(struct chat_session *s)
{
    job_push(s->actor.chat->ports.later, &s->job, on_free);
}

bool chat_session_unref(struct chat_session *s)
{
    s->n_refs--;
    if (!chat_is_closed(s))
        return true;
    if (s->n_refs == 0)
        free_later(s);
    return false;
}

void chat_session_close(struct chat_session *s)
{
    struct chat_account *owner = s->owner;

    log_debug(s->actor.log, "chat_close", "unacknowledged=%u", acks_window(s)->n);
    pump_stop(s);
    watched_on_close(s);
    fsm_move(&s->fsm, SESSION_CLOSED);
    if (s->actor.chat->limits)
        chat_limits_stand(s->actor.chat->limits, &s->seat);
    s->actor.chat->counters.sessions--;
    list_remove(&s->node);
    if (--owner->n_sessions == 0) {
        typing_drop_all(owner);
        presence_on_last(owner);
    }
    if (s->n_refs == 0)
        free_later(s);
}

void chat_session_end(struct chat_session *s, enum chat_end why)
{
    s->events->on_end(s->arg, why);
    chat_session_close(s);
}

static void on_too_many(struct job *job)
{
    struct chat_session *s = container_of(job, struct chat_session, job);

    if (!chat_is_closed(s)) // by its client, meanwhile
        chat_session_end(s, CHAT_END_TOO_MANY);
}

/** End those that must go for others. @return how many */
static size_t end_crowded(const struct chat_account *owner)
{
    struct chat *c = owner->chat;
    size_t n = 0;

    if (!c->limits)
        return 0;
    list_each (node, &owner->sessions) {
        struct chat_session *s = container_of(node, struct chat_session, node);
        if (!chat_limits_must_go(c->limits, &s->seat))
            continue;
        job_push(c->ports.later, &s->job, on_too_many); // instead of its start, if need be
        n++;
    }
    return n;
}

/** Where that is one too many another one goes: most often of here, else of another chat. */
static void sit(struct chat_session *s)
{
    struct chat *c = s->actor.chat;
    const account *a = &s->owner->account;

    if (!c->limits)
        return;
    const size_t n_going = chat_limits_sit(c->limits, &s->seat, a);
    // Of what another thread chooses meanwhile it tells the others itself, and of this too.
    if (n_going > 0 && end_crowded(s->owner) < n_going)
        bus_publish(c->ports.bus, &(struct bus_event){.kind = BUS_CROWDED, .to = *a});
}

/** Already subscribed, but nothing may come inside chat_session_open(). */
static void on_start(struct job *job)
{
    pump_start(container_of(job, struct chat_session, job));
}

void chat_actor_init(struct chat_actor *a, struct chat *c, const account *who,
                     const struct log_ctx *log)
{
    *a = (struct chat_actor){.chat = c, .account = who, .log = log};
}

struct chat_actor *chat_session_actor(struct chat_session *s)
{
    return &s->actor;
}

struct chat_session *chat_session_open(struct chat *c, const account *a, str cursor,
                                       const struct log_ctx *log,
                                       const struct chat_session_events *events, void *arg)
{
    struct chat_session *s = pool_take(c->session_pool);
    struct chat_account *owner = chat_find_account(c, a);

    if (!owner)
        owner = account_new(c, a);
    chat_actor_init(&s->actor, c, &owner->account, log);
    s->actor.session = s;
    s->owner = owner;
    owner->n_refs++;
    s->events = events;
    s->arg = arg;
    chat_note_life(s);
    rand_bytes(c->ports.rand, &s->id, sizeof(s->id));
    fsm_init(&s->fsm, states, SESSION_OPENING);
    list_init(&s->watches);
    list_init(&s->waiting);
    pump_init(s, cursor);
    list_push(&owner->sessions, &s->node);
    if (owner->n_sessions++ == 0)
        presence_on_first(owner);
    c->counters.sessions++;
    if (owner->is_subscribed)
        job_push(c->ports.later, &s->job, on_start);
    sit(s);
    return s;
}

void *chat_session_find(const struct chat *c, const account *a, chat_session_is_fn *is,
                        const void *key)
{
    const struct chat_account *owner = chat_find_account(c, a);

    if (!owner)
        return NULL;
    list_each (node, &owner->sessions) {
        const struct chat_session *s = container_of(node, struct chat_session, node);
        if (is(s->arg, key))
            return s->arg;
    }
    return NULL;
}

// What the bus brings.

static void tell_pumps(const struct chat_account *owner, const struct bus_event *e)
{
    list_each (node, &owner->sessions)
        pump_on_event(container_of(node, struct chat_session, node), e);
}

static void on_account_event(struct chat_account *owner, const struct bus_event *e)
{
    switch (e->kind) {
    case BUS_MESSAGE: typing_on_message(owner, &e->message); break;
    case BUS_TYPING: typing_on_event(owner, &e->typing); break;
    case BUS_ASK: presence_on_ask(owner, &e->asker); break;
    case BUS_CROWDED: end_crowded(owner); break;
    case BUS_RECEIPT:
    case BUS_CHANGE:
    case BUS_PRESENCE: break;
    }
    tell_pumps(owner, e);
}

static void on_event(void *arg, const struct bus_event *e)
{
    struct chat_account *owner;

    if (e->kind == BUS_PRESENCE) {
        watched_on_presence(arg, e);
    } else if ((owner = chat_find_account(arg, &e->to))) {
        on_account_event(owner, e);
    }
}

static void on_gap(void *arg)
{
    struct chat *c = arg;

    watched_on_gap(c);
    hints_on_gap(c);
    for (size_t i = 0; i < c->accounts.n_buckets; i++) {
        for (struct map_node *n = map_bucket(&c->accounts, i); n; n = n->next) {
            struct chat_account *owner = container_of(n, struct chat_account, by_account);
            end_crowded(owner);
        }
    }
}

static void on_subscribed(void *arg, const account *a)
{
    struct chat_account *owner = chat_find_account(arg, a);

    if (!owner)
        return;
    owner->is_subscribed = true;
    end_crowded(owner); // what was said of it before did not come here
    list_each (node, &owner->sessions)
        pump_start(container_of(node, struct chat_session, node));
}

static void on_reach(void *arg, int64_t position)
{
    struct chat *c = arg;

    c->reached = position;
}

static const struct bus_handler handler = {
    .on_event = on_event,
    .on_gap = on_gap,
    .on_subscribed = on_subscribed,
    .on_reach = on_reach,
};

// The whole.

static void init_limits(struct chat *c)
{
    if (!c->config.rate_limits)
        return;
    if (!c->config.limits)
        c->own_limits = chat_limits_new(&c->config, c->ports.rand);
    c->limits = c->config.limits ? c->config.limits : c->own_limits;
}

struct chat *chat_new(const struct chat_ports *ports, const struct chat_config *config)
{
    struct chat *c = NEW(struct chat);

    assert(!ports->media || (ports->uploads && config->uploads.describe));
    c->ports = *ports;
    c->config = *config;
    c->account_pool = pool_new(sizeof(struct chat_account));
    c->session_pool = pool_new(sizeof(struct chat_session));
    c->thread_pool = pool_new(sizeof(struct thread));
    c->send_pool = send_pool_new();
    c->mark_pool = receipts_pool_new();
    list_init(&c->uncertain);
    list_init(&c->attaching);
    watched_init(c);
    rand_bytes(ports->rand, c->hash_key, sizeof(c->hash_key));
    init_limits(c);
    bus_attach(ports->bus, &handler, c);
    sweep_init(c);
    hints_init(c);
    reach_init(c);
    return c;
}

/** Those that are online still, as their last session has just gone. */
static void drop_accounts(struct chat *c)
{
    for (size_t i = 0; i < c->accounts.n_buckets; i++) {
        struct map_node *next = NULL;
        for (struct map_node *node = map_bucket(&c->accounts, i); node; node = next) {
            next = node->next;
            chat_account_drop(container_of(node, struct chat_account, by_account));
        }
    }
    map_fini(&c->accounts);
}

void chat_free(struct chat *c)
{
    assert(chat_is_idle(c) && c->counters.sessions == 0 && c->waiting_bytes == 0);
    drop_accounts(c);
    watched_fini(c);
    sweep_fini(c);
    hints_fini(c);
    reach_fini(c);
    map_fini(&c->checks);
    chat_limits_free(c->own_limits);
    pool_free(c->mark_pool);
    pool_free(c->send_pool);
    pool_free(c->session_pool);
    pool_free(c->thread_pool);
    pool_free(c->account_pool);
    free(c);
}

bool chat_is_idle(const struct chat *c)
{
    return c->n_under_way == 0;
}

const struct chat_counters *chat_counters(const struct chat *c)
{
    return &c->counters;
}
