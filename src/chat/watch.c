/**
 * Watching: a session names the accounts of which it wants to hear. They are watched first, and
 * asked about second, so that nothing that changes meanwhile is missed: the store how they
 * stand with the account, then their nodes whether they are online, then the store once more,
 * as that took a while. Where all that are online are here, its first word is the answer.
 */
#include "base/mem.h"
#include "chat/requests.h"
#include "chat/watched.h"

static_assert(CHAT_WATCHES_MAX <= STORE_RELATIONS_MAX, "one question is enough");

struct watch_op {
    struct chat_session *session; // stays until it is answered; it may be closed
    struct timer timer;
    chat_watch_fn *done;
    void *arg;
    size_t n;
    bool is_new[CHAT_WATCHES_MAX]; // not watched before
    bool has_asked;                // the nodes of those that may be shown
    struct chat_presence presences[];
};

static struct chat *chat_of(const struct watch_op *op)
{
    return op->session->actor.chat;
}

/** One is online to oneself, and does not watch oneself. */
static bool is_oneself(const struct watch_op *op, const account *a)
{
    return account_eq(a, op->session->actor.account);
}

static void finish(struct watch_op *op, int r)
{
    struct chat_session *s = op->session;

    op->done(op->arg, r, r == 0 ? op->presences : NULL, r == 0 ? op->n : 0);
    free(op);
    requests_end(&s->actor, r);
}

static void forget_new(struct watch_op *op)
{
    for (size_t i = 0; i < op->n; i++) {
        struct watch *w = watched_find(op->session, &op->presences[i].account);
        if (op->is_new[i] && w)
            watched_remove(w);
    }
}

/** @return false: that would be too many, and nothing has changed */
static bool add_all(struct watch_op *op)
{
    struct chat_session *s = op->session;

    for (size_t i = 0; i < op->n; i++) {
        const account *a = &op->presences[i].account;
        if (is_oneself(op, a) || watched_find(s, a))
            continue;
        if (s->n_watches == CHAT_WATCHES_MAX) {
            forget_new(op);
            return false;
        }
        watched_add(s, a);
        op->is_new[i] = true;
    }
    return true;
}

/** The answer tells of them, and no event before it does. */
static void await_all(struct watch_op *op)
{
    for (size_t i = 0; i < op->n; i++) {
        struct watch *w = watched_find(op->session, &op->presences[i].account);
        if (w)
            w->awaited_by = op;
    }
}

// The answer.

static void look(const struct watch_op *op, struct chat_presence *p)
{
    struct watch *w = watched_find(op->session, &p->account);
    const bool is_own = is_oneself(op, &p->account);

    p->is_online = is_own || (w && w->is_mutual && w->watched->is_online);
    if (!w || !w->is_mutual || p->is_online) {
        p->last_seen_ms = 0;
    } else if (p->last_seen_ms < w->watched->seen_ms) {
        p->last_seen_ms = w->watched->seen_ms; // on its way to the store
    }
    if (w)
        w->told_online = p->is_online;
}

/** What is not asked for by a later request as well is told by events from now on. */
static void release_all(const struct watch_op *op)
{
    for (size_t i = 0; i < op->n; i++) {
        struct watch *w = watched_find(op->session, &op->presences[i].account);
        if (w && w->awaited_by == op)
            watched_release(w);
    }
}

static void answer(struct watch_op *op)
{
    for (size_t i = 0; i < op->n; i++)
        look(op, &op->presences[i]);
    release_all(op);
    finish(op, 0);
}

static void fail(struct watch_op *op, int r)
{
    forget_new(op);
    release_all(op);
    finish(op, requests_refusal(chat_of(op), r));
}

/** @return whether its nodes are being asked */
static bool take_relation(struct watch_op *op, size_t i, const struct chat_relation *relation)
{
    struct watch *w = watched_find(op->session, &op->presences[i].account);

    if (!w)
        return false; // oneself; or unwatched since, or its session is closed
    w->is_mutual = relation->is_mutual;
    op->presences[i].last_seen_ms = relation->peer_seen_ms;
    return w->is_mutual && !op->has_asked && watched_ask(w->watched);
}

static void on_relations(void *arg, int r, const struct chat_relation *relations)
{
    struct watch_op *op = arg;
    struct chat *c = chat_of(op);
    bool is_asking = false;

    if (r != 0) {
        fail(op, r);
        return;
    }
    for (size_t i = 0; i < op->n; i++)
        is_asking |= take_relation(op, i, &relations[i]);
    op->has_asked = true;
    if (is_asking) {
        timer_set(c->ports.timers, &op->timer, chat_now_ms(c) + CHAT_ASKED_MS);
    } else {
        answer(op);
    }
}

static void ask_store(struct watch_op *op)
{
    account peers[CHAT_WATCHES_MAX];

    for (size_t i = 0; i < op->n; i++) {
        struct watch *w = watched_find(op->session, &op->presences[i].account);
        peers[i] = op->presences[i].account;
        if (w && w->awaited_by == op)
            w->is_missed = false;
    }
    store_relations(chat_of(op)->ports.store,
                    &(struct store_relations){*op->session->actor.account, peers, op->n},
                    on_relations, op);
}

static void on_asked(struct timer *t)
{
    ask_store(container_of(t, struct watch_op, timer));
}

static struct watch_op *op_new(struct chat_session *s, const account *accounts, size_t n)
{
    struct watch_op *op = mem_alloc(sizeof(*op) + n * sizeof(op->presences[0]));

    op->session = s;
    op->n = n;
    timer_init(&op->timer, on_asked);
    for (size_t i = 0; i < n; i++)
        op->presences[i].account = accounts[i];
    return op;
}

int chat_watch(struct chat_session *s, const account *accounts, size_t n, chat_watch_fn *done,
               void *arg)
{
    const int refusal = requests_begin(&s->actor, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct watch_op *op = op_new(s, accounts, n);
    op->done = done;
    op->arg = arg;
    if (!add_all(op)) {
        free(op);
        s->actor.chat->counters.refused++;
        requests_end(&s->actor, CHAT_TOO_MANY);
        return CHAT_TOO_MANY;
    }
    await_all(op);
    ask_store(op);
    return 0;
}

// Not any more.

struct unwatch_op {
    struct job job;
    struct chat_session *session;
    chat_done_fn *done;
    void *arg;
};

static void on_unwatched(struct job *job)
{
    struct unwatch_op *op = container_of(job, struct unwatch_op, job);
    struct chat_session *s = op->session;

    op->done(op->arg, 0);
    free(op);
    requests_end(&s->actor, 0);
}

int chat_unwatch(struct chat_session *s, const account *accounts, size_t n, chat_done_fn *done,
                 void *arg)
{
    const int refusal = requests_begin(&s->actor, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    for (size_t i = 0; i < n; i++) {
        struct watch *w = watched_find(s, &accounts[i]);
        if (w)
            watched_remove(w);
    }
    struct unwatch_op *op = NEW(struct unwatch_op);
    op->session = s;
    op->done = done;
    op->arg = arg;
    job_push(s->actor.chat->ports.later, &op->job, on_unwatched);
    return 0;
}
