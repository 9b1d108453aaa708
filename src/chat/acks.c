/**
 * What a client has acknowledged, and what follows: an account's mark moves where one session
 * has acknowledged every message of the peer up to it. What a client never acknowledges is
 * forgotten in the end, and is not missing in its window any more; it comes again when the
 * account connects anew.
 */
#include "base/mem.h"
#include "chat/core.h"

#define TAKEN_MS 100 // between two looks at what a silent session has taken

const struct window *acks_window(const struct chat_session *s)
{
    static const struct window empty = {0};

    return s->unacked ? &s->unacked->window : &empty;
}

// Threads.

static bool is_thread(struct map_node *node, const void *key)
{
    const conversation_id *conversation = key;
    return container_of(node, struct thread, by_conversation)->conversation == *conversation;
}

struct thread *thread_find(const struct chat_session *s, conversation_id conversation)
{
    // The store makes these ids: half of each is random.
    struct map_node *node = map_find(&s->threads, conversation, is_thread, &conversation);

    return node ? container_of(node, struct thread, by_conversation) : NULL;
}

static bool is_needed(const struct chat_session *s, const struct thread *t)
{
    return t->is_marking || t->hole_seq > 0 || window_first(acks_window(s), t->conversation, 0);
}

/** A read may bring what it remembers. */
static bool is_remembered(const struct chat_session *s, const struct thread *t)
{
    return t->upto > s->after || t->upto > s->receipts_after;
}

static void drop_thread(struct chat_session *s, struct thread *t)
{
    map_remove(&s->threads, &t->by_conversation);
    pool_give(t);
}

void thread_rest(struct chat_session *s, struct thread *t)
{
    if (s->actor.chat->ports.bus->is_ordered && !is_needed(s, t))
        drop_thread(s, t);
}

static void drop_threads(struct chat_session *s, bool all)
{
    for (size_t i = 0; i < s->threads.n_buckets; i++) {
        struct map_node *next = NULL;
        for (struct map_node *node = map_bucket(&s->threads, i); node; node = next) {
            struct thread *t = container_of(node, struct thread, by_conversation);
            next = node->next;
            if (all || (!is_remembered(s, t) && !is_needed(s, t)))
                drop_thread(s, t);
        }
    }
}

/**
 * Where there are many, forget those for which nothing waits and of which no read brings again
 * what the session was sent. Where too many are left of which one would, the session wants to
 * read: that moves its numbers above them.
 */
static void forget_threads(struct chat_session *s)
{
    const size_t max = CHAT_THREADS_MAX;

    if (s->threads.n_nodes < max << s->more_threads)
        return;
    drop_threads(s, false);
    s->more_threads = 0;
    while (2 * s->threads.n_nodes > max << s->more_threads)
        s->more_threads++;
    if (s->more_threads > 0 && !s->actor.chat->ports.bus->is_ordered)
        s->wants_messages = s->wants_receipts = true;
}

struct thread *thread_get(struct chat_session *s, conversation_id conversation,
                          int64_t position)
{
    struct thread *t = thread_find(s, conversation);

    if (!t) {
        forget_threads(s);
        t = pool_take(s->actor.chat->thread_pool);
        t->session = s;
        t->conversation = conversation;
        map_add(&s->threads, &t->by_conversation, conversation);
    }
    if (position > t->upto)
        t->upto = position;
    return t;
}

// A client that acknowledges nothing.

static void drop_unacked(struct chat_session *s)
{
    struct unacked *u = s->unacked;

    if (!u)
        return;
    timer_cancel(s->actor.chat->ports.timers, &u->timer);
    window_clear(&u->window);
    s->unacked = NULL;
    free(u);
}

/** Forget what waits for acknowledgements. None of it counts as delivered any more. */
static void forget_unacked(struct chat_session *s)
{
    const struct window *window = acks_window(s);

    for (uint32_t i = 0; i < window->n; i++) {
        const struct window_item *item = window_at(window, i);
        if (item->from_peer)
            item->thread->hole_seq = item->seq;
    }
    drop_unacked(s);
}

static void on_unacked(struct timer *timer)
{
    struct unacked *u = container_of(timer, struct unacked, timer);
    struct chat_session *s = u->session;
    const int64_t now_ms = chat_now_ms(s->actor.chat);

    if (u->window.n == 0) {
        drop_unacked(s);
        return;
    }
    if (!s->is_silent && now_ms < u->acked_ms + CHAT_UNACKED_MS) {
        timer_set(s->actor.chat->ports.timers, timer, u->acked_ms + CHAT_UNACKED_MS);
        return;
    }
    s->is_silent = true;
    if (!s->is_warned) {
        s->is_warned = true;
        s->actor.chat->counters.warnings++;
        log_debug(s->actor.log, "chat_not_acknowledging", "messages=%u", u->window.n);
        s->events->on_not_acknowledging(s->arg);
    }
    if (!s->events->has_taken_all(s->arg)) {
        timer_set(s->actor.chat->ports.timers, timer, now_ms + TAKEN_MS);
        return;
    }
    forget_unacked(s);
    pump_on_room(s);
}

static struct unacked *unacked_new(struct chat_session *s)
{
    struct timers *timers = s->actor.chat->ports.timers;
    struct unacked *u = NEW(struct unacked);

    u->session = s;
    timer_init(&u->timer, on_unacked);
    timer_set(timers, &u->timer, timers->now_ms + (s->is_silent ? TAKEN_MS : CHAT_UNACKED_MS));
    return u;
}

static void await_ack(struct chat_session *s, const struct window_item *item)
{
    if (!s->unacked)
        s->unacked = unacked_new(s);
    if (s->unacked->window.n == 0)
        s->unacked->acked_ms = chat_now_ms(s->actor.chat);
    window_add(&s->unacked->window, item);
}

// The client's acknowledgements.

void acks_expect(struct chat_session *s, struct thread *t, const struct chat_message *m,
                 int64_t token)
{
    const bool from_peer = !account_eq(&m->from, s->actor.account);

    if (from_peer)
        t->peer_seq = m->seq;
    if (from_peer && m->status != CHAT_UNDELIVERED && m->seq > t->mark_seq)
        t->mark_seq = m->seq;
    await_ack(s, &(struct window_item){
                     .token = token,
                     .conversation = m->conversation,
                     .thread = t,
                     .seq = m->seq,
                     .bytes = (uint32_t)m->content.len,
                     .from_peer = from_peer,
                 });
}

/** Mark as delivered what this session alone has acknowledged without a gap. */
static void mark_acked(struct chat_session *s, struct thread *t)
{
    const struct window_item *first =
        window_first(acks_window(s), t->conversation, t->mark_seq);
    const uint64_t upto = first ? first->seq - 1 : t->peer_seq;

    if (t->hole_seq > 0 || upto <= t->acked_seq || upto <= t->mark_seq)
        return;
    t->acked_seq = upto;
    receipts_push(s, t);
}

void acks_note_mark(struct chat_session *s, const struct chat_receipt *r)
{
    if (!account_eq(&r->by, s->actor.account))
        return;
    struct thread *t = thread_find(s, r->conversation);
    if (!t || r->seq <= t->mark_seq)
        return;
    t->mark_seq = r->seq;
    if (t->hole_seq <= r->seq)
        t->hole_seq = 0;
    mark_acked(s, t);
    thread_rest(s, t);
}

void chat_session_ack(struct chat_session *s, int64_t token)
{
    struct window_item item;

    chat_note_life(s);
    if (!s->unacked || !window_take(&s->unacked->window, token, &item))
        return;
    s->actor.chat->counters.acked++;
    s->unacked->acked_ms = chat_now_ms(s->actor.chat);
    s->is_silent = false;
    struct thread *t = item.from_peer ? item.thread : thread_find(s, item.conversation);
    if (item.from_peer)
        mark_acked(s, t);
    if (t)
        thread_rest(s, t);
    if (window_is_roomy(acks_window(s)))
        pump_on_room(s);
}

// Its life.

void acks_stop(struct chat_session *s)
{
    drop_unacked(s);
}

void acks_fini(struct chat_session *s)
{
    drop_threads(s, true);
    map_fini(&s->threads);
}
