/**
 * The pump: what a session gets, and when. It is also all there is of flow control, slow
 * consumers, gaps and resync.
 *
 * Two numbers say what a session has: every message that concerns it up to `after`, every
 * receipt up to `receipts_after`. Both are never above what the store's horizon was when they
 * were read, so nothing can commit below them later. A cursor is the smaller of the two.
 *
 * Filling reads the store behind these, a window at a time, until nothing is left; an event
 * from the bus only says that there is more. Live, an event is sent on as it is, unless it
 * shows that something is missing: then the session fills again. Nothing is queued for a
 * session beyond its window.
 *
 * An ordered bus loses nothing and keeps the order of commits, so each event moves both
 * numbers. Otherwise they stay where the last read put them, and what was sent above is
 * remembered as the last seq of each conversation.
 */
#include "base/err.h"
#include "base/mem.h"
#include "chat/core.h"

#define RETRY_MS   1000 // until the store is asked again that could not answer
#define TAKEN_MS   100  // between two looks at what a silent session has taken
#define N_RECEIPTS 256  // of one read

static void go(struct chat_session *s);

static struct timers *timers_of(const struct chat_session *s)
{
    return s->actor.chat->ports.timers;
}

static void move(struct chat_session *s, enum session_state state)
{
    if (s->fsm.now != (unsigned)state)
        fsm_move(&s->fsm, state);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static str cursor_of(const struct chat_session *s, char out[CURSOR_SIZE])
{
    const int64_t messages = larger(s->since, s->after);
    const int64_t position = messages < s->receipts_after ? messages : s->receipts_after;

    return cursor_print(out, s->actor.chat->ports.store->epoch, &s->actor.account, position);
}

// Threads.

static bool is_thread(struct map_node *node, const void *key)
{
    const conversation_id *conversation = key;
    return container_of(node, struct thread, by_conversation)->conversation == *conversation;
}

static struct thread *find_thread(const struct chat_session *s, conversation_id conversation)
{
    // The store makes these ids: half of each is random.
    struct map_node *node = map_find(&s->threads, conversation, is_thread, &conversation);

    return node ? container_of(node, struct thread, by_conversation) : NULL;
}

static bool is_needed(const struct chat_session *s, const struct thread *t)
{
    return t->is_marking || t->hole_seq > 0 || window_first(&s->window, t->conversation, 0);
}

/** Forget the threads for which is_kept does not hold; all where it is NULL. */
static void drop_threads(struct chat_session *s,
                         bool (*is_kept)(const struct chat_session *, const struct thread *))
{
    for (size_t i = 0; i < s->threads.n_buckets; i++) {
        struct map_node *next = NULL;
        for (struct map_node *node = s->threads.buckets[i]; node; node = next) {
            struct thread *t = container_of(node, struct thread, by_conversation);
            next = node->next;
            if (is_kept && is_kept(s, t))
                continue;
            map_remove(&s->threads, node);
            free(t);
        }
    }
}

static struct thread *get_thread(struct chat_session *s, conversation_id conversation)
{
    struct thread *t = find_thread(s, conversation);
    if (t)
        return t;
    if (s->threads.n_nodes >= CHAT_THREADS_MAX)
        drop_threads(s, is_needed);
    t = NEW(struct thread);
    t->conversation = conversation;
    map_add(&s->threads, &t->by_conversation, conversation);
    return t;
}

// A client that acknowledges nothing.

/** Forget what waits for acknowledgements. None of it counts as delivered any more. */
static void forget_window(struct chat_session *s)
{
    for (uint32_t i = 0; i < s->window.n; i++) {
        const struct window_item *item = window_at(&s->window, i);
        struct thread *t = find_thread(s, item->conversation);
        if (item->from_peer)
            t->hole_seq = item->seq;
    }
    window_clear(&s->window);
}

static void on_unacked(struct timer *timer)
{
    struct chat_session *s = container_of(timer, struct chat_session, unacked_timer);
    const int64_t now_ms = chat_now_ms(s->actor.chat);

    if (s->window.n == 0)
        return;
    if (!s->is_silent && now_ms < s->acked_ms + CHAT_UNACKED_MS) {
        timer_set(timers_of(s), timer, s->acked_ms + CHAT_UNACKED_MS);
        return;
    }
    s->is_silent = true;
    if (!s->is_warned) {
        s->is_warned = true;
        s->actor.chat->counters.warnings++;
        log_debug(s->actor.log, "chat_not_acknowledging", "messages=%u", s->window.n);
        s->events->on_not_acknowledging(s->arg);
    }
    if (!s->events->has_taken_all(s->arg)) {
        timer_set(timers_of(s), timer, now_ms + TAKEN_MS);
        return;
    }
    forget_window(s);
    if (s->fsm.now == SESSION_WAITING && !s->retry_timer.is_set)
        go(s);
}

static void watch_acks(struct chat_session *s)
{
    struct timer *timer = &s->unacked_timer;
    const int64_t now_ms = chat_now_ms(s->actor.chat);

    if (s->window.n == 0)
        s->acked_ms = now_ms;
    if (!timer->is_set)
        timer_set(timers_of(s), timer, now_ms + (s->is_silent ? TAKEN_MS : CHAT_UNACKED_MS));
}

// Sending to the client.

static void emit(struct chat_session *s, const struct chat_message *m)
{
    struct thread *t = get_thread(s, m->conversation);
    const bool from_peer = !account_eq(&m->from, &s->actor.account);
    char text[CURSOR_SIZE];

    t->last_seq = m->seq;
    const int64_t token = s->events->on_message(s->arg, m, cursor_of(s, text));
    if (token < 0)
        return; // its connection is over, and it will be closed
    if (from_peer)
        t->peer_seq = m->seq;
    if (from_peer && m->status != CHAT_UNDELIVERED && m->seq > t->mark_seq)
        t->mark_seq = m->seq;
    s->actor.chat->counters.emitted++;
    watch_acks(s);
    window_add(&s->window, &(struct window_item){
                               .token = token,
                               .conversation = m->conversation,
                               .seq = m->seq,
                               .bytes = (uint32_t)m->content.len,
                               .from_peer = from_peer,
                           });
}

static void emit_receipt(struct chat_session *s, const struct chat_receipt *r)
{
    char text[CURSOR_SIZE];

    s->events->on_receipt(s->arg, r, cursor_of(s, text));
}

// The client's acknowledgements.

/** Mark as delivered what this session alone has acknowledged without a gap. */
static void mark_acked(struct chat_session *s, struct thread *t)
{
    const struct window_item *first = window_first(&s->window, t->conversation, t->mark_seq);
    const uint64_t upto = first ? first->seq - 1 : t->peer_seq;

    if (t->hole_seq > 0 || upto <= t->acked_seq || upto <= t->mark_seq)
        return;
    t->acked_seq = upto;
    receipts_push(s, t);
}

/** Some device of the account has moved its mark: what is below is not missing any more. */
static void note_mark(struct chat_session *s, const struct chat_receipt *r)
{
    if (!account_eq(&r->by, &s->actor.account))
        return;
    struct thread *t = find_thread(s, r->conversation);
    if (!t || r->seq <= t->mark_seq)
        return;
    t->mark_seq = r->seq;
    if (t->hole_seq <= r->seq)
        t->hole_seq = 0;
    mark_acked(s, t);
}

void chat_session_ack(struct chat_session *s, int64_t token)
{
    struct window_item item;

    s->heard_ms = chat_now_ms(s->actor.chat);
    if (!window_take(&s->window, token, &item))
        return;
    s->actor.chat->counters.acked++;
    s->acked_ms = s->heard_ms;
    s->is_silent = false;
    if (item.from_peer)
        mark_acked(s, find_thread(s, item.conversation));
    if (s->fsm.now == SESSION_WAITING && !s->retry_timer.is_set && window_is_roomy(&s->window))
        go(s);
}

void pump_on_own(struct chat_session *s, const struct chat_message *m)
{
    struct thread *t = find_thread(s, m->conversation);

    if (s->actor.chat->ports.bus->is_ordered)
        return; // the event is on its way, behind those of what was stored before it
    if (s->fsm.now == SESSION_LIVE && t && t->last_seq + 1 == m->seq) {
        t->last_seq = m->seq;
    } else {
        own_add(&s->own, m->position);
    }
}

// Filling.

/** @return false: it is closed, and done with */
static bool came_back(struct chat_session *s, int r)
{
    s->actor.chat->n_under_way--;
    if (!chat_session_unref(s))
        return false;
    if (r == 0)
        return true;
    if (r != STORE_UNAVAILABLE)
        err_up(r);
    move(s, SESSION_WAITING);
    timer_set(timers_of(s), &s->retry_timer, chat_now_ms(s->actor.chat) + RETRY_MS);
    return true;
}

static void on_retry(struct timer *timer)
{
    go(container_of(timer, struct chat_session, retry_timer));
}

static void on_page(void *arg, int r, const struct store_page *page)
{
    struct chat_session *s = arg;

    if (!came_back(s, r))
        return;
    if (r != 0) {
        s->wants_messages = true;
        return;
    }
    for (size_t i = 0; i < page->n_messages; i++) {
        const struct chat_message *m = &page->messages[i];
        const struct thread *t = find_thread(s, m->conversation);
        s->after = m->position;
        if (t && t->last_seq >= m->seq)
            continue;
        if (own_take(s->own, m->position)) {
            get_thread(s, m->conversation)->last_seq = m->seq;
            continue;
        }
        emit(s, m);
        if (chat_is_closed(s))
            return;
    }
    s->after = page->upto;
    s->wants_messages |= page->has_more;
    go(s);
}

static void on_receipts(void *arg, int r, const struct store_receipts_page *page)
{
    struct chat_session *s = arg;

    if (!came_back(s, r))
        return;
    if (r != 0) {
        s->wants_receipts = true;
        return;
    }
    for (size_t i = 0; i < page->n_receipts; i++) {
        note_mark(s, &page->receipts[i]);
        emit_receipt(s, &page->receipts[i]);
        if (chat_is_closed(s))
            return;
    }
    s->receipts_after = page->upto;
    s->wants_receipts |= page->has_more;
    go(s);
}

static void on_unread(void *arg, int r, uint64_t n)
{
    struct chat_session *s = arg;

    if (!came_back(s, r) || r != 0)
        return;
    s->is_ready = true;
    s->events->on_ready(s->arg, s->is_recovered, n);
    if (!chat_is_closed(s))
        go(s);
}

static void read_receipts(struct chat_session *s)
{
    const struct store_receipts read = {
        .account = s->actor.account,
        .after = s->receipts_after,
        .max_receipts = N_RECEIPTS,
    };

    s->wants_receipts = false;
    store_receipts(s->actor.chat->ports.store, &read, on_receipts, s);
}

static void read_messages(struct chat_session *s)
{
    struct store_read read = {
        .account = s->actor.account, .since = s->since, .after = s->after};

    s->wants_messages = false;
    read.max_messages = window_room(&s->window, &read.max_bytes);
    s->actor.chat->counters.fills++;
    store_read(s->actor.chat->ports.store, &read, on_page, s);
}

static void go_live(struct chat_session *s)
{
    char text[CURSOR_SIZE];

    own_clear(&s->own);
    move(s, SESSION_LIVE);
    if (s->is_synced)
        return;
    s->is_synced = true;
    s->events->on_synced(s->arg, cursor_of(s, text));
}

/** The next step of filling: receipts first, as a cursor never passes them. */
static void go(struct chat_session *s)
{
    if (s->is_ready && !s->wants_receipts && !s->wants_messages) {
        go_live(s);
        return;
    }
    if (s->is_ready && !s->wants_receipts && !window_is_open(&s->window)) {
        move(s, SESSION_WAITING);
        return;
    }
    move(s, SESSION_FILLING);
    s->n_refs++;
    s->actor.chat->n_under_way++;
    if (!s->is_ready) {
        store_unread(s->actor.chat->ports.store, &s->actor.account, on_unread, s);
    } else if (s->wants_receipts) {
        read_receipts(s);
    } else {
        read_messages(s);
    }
}

// Live.

static bool is_expected(const struct chat_session *s, const struct chat_message *m)
{
    const struct thread *t = find_thread(s, m->conversation);

    if (s->actor.chat->ports.bus->is_ordered)
        return true;
    return t && t->last_seq + 1 == m->seq;
}

static bool is_known(const struct chat_session *s, const struct chat_message *m)
{
    const struct thread *t = find_thread(s, m->conversation);

    return m->position <= s->after || (t && t->last_seq >= m->seq);
}

/** With an ordered bus, all up to that position has arrived. */
static void advance(struct chat_session *s, int64_t position)
{
    if (!s->actor.chat->ports.bus->is_ordered)
        return;
    s->after = larger(s->after, position);
    s->receipts_after = larger(s->receipts_after, position);
}

static void on_live_message(struct chat_session *s, const struct bus_event *e)
{
    const struct chat_message *m = &e->message;

    if (is_known(s, m))
        return;
    if (!is_expected(s, m)) {
        s->wants_messages = true;
        if (e->origin == s->id)
            own_add(&s->own, m->position);
        go(s);
        return;
    }
    if (e->origin == s->id) {
        advance(s, m->position);
        get_thread(s, m->conversation)->last_seq = m->seq;
        return;
    }
    if (!window_is_open(&s->window)) {
        s->wants_messages = true;
        go(s);
        return;
    }
    advance(s, m->position);
    emit(s, m);
}

static void on_message(struct chat_session *s, const struct bus_event *e)
{
    if (s->fsm.now == SESSION_LIVE) {
        on_live_message(s, e);
        return;
    }
    s->wants_messages = true;
    if (e->origin == s->id)
        own_add(&s->own, e->message.position);
}

static void on_receipt(struct chat_session *s, const struct chat_receipt *r)
{
    if (s->fsm.now != SESSION_LIVE) {
        s->wants_receipts = true;
        return;
    }
    advance(s, r->position);
    note_mark(s, r);
    emit_receipt(s, r);
}

void pump_on_event(struct chat_session *s, const struct bus_event *e)
{
    if (chat_is_closed(s))
        return;
    switch (e->kind) {
    case BUS_MESSAGE: on_message(s, e); break;
    case BUS_RECEIPT: on_receipt(s, &e->receipt); break;
    case BUS_CHANGE:
    case BUS_TYPING:
    case BUS_ASK:
    case BUS_PRESENCE: break;
    }
}

void pump_on_gap(struct chat_session *s)
{
    s->wants_messages = true;
    s->wants_receipts = true;
    if (s->fsm.now == SESSION_LIVE)
        go(s);
}

// Its life.

void pump_init(struct chat_session *s, str cursor)
{
    struct store *store = s->actor.chat->ports.store;

    timer_init(&s->unacked_timer, on_unacked);
    timer_init(&s->retry_timer, on_retry);
    s->is_recovered = cursor_parse(cursor, store->epoch, &s->actor.account, &s->since) == 0 &&
                      s->since <= store_horizon(store);
}

void pump_start(struct chat_session *s)
{
    const int64_t horizon = store_horizon(s->actor.chat->ports.store);

    if (s->fsm.now != SESSION_OPENING)
        return;
    if (!s->is_recovered)
        s->since = horizon;
    s->receipts_after = s->since;
    s->wants_messages = true;
    s->wants_receipts = s->since < horizon;
    log_debug(s->actor.log, "chat_open", "recovered=%d", s->is_recovered);
    go(s);
}

void pump_stop(struct chat_session *s)
{
    timer_cancel(timers_of(s), &s->unacked_timer);
    timer_cancel(timers_of(s), &s->retry_timer);
}

void pump_fini(struct chat_session *s)
{
    drop_threads(s, NULL);
    map_fini(&s->threads);
    window_clear(&s->window);
    own_clear(&s->own);
}
