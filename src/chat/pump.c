/**
 * The pump: what a session gets, and when. It is also all there is of flow control, slow
 * consumers, gaps and resync.
 *
 * Three numbers say what a session has: every message that concerns it up to `after`, every
 * receipt up to `receipts_after`, every change of what its account wants of others up to
 * `changes_after`. None is above where the store was when they were read, so nothing can commit
 * below them later. A cursor is the smallest of the three.
 *
 * Filling reads the store behind these, a window at a time, until nothing is left; an event
 * from the bus only says how far there is something. Live, an event is sent on as it is, unless
 * it shows that something is missing: then the session fills again. Nothing is queued for a
 * session beyond its window.
 *
 * Changes are rare, and large with the conversation that they are of: of these the bus says
 * that there are some, and they are always read.
 *
 * An ordered bus loses nothing and keeps the order of commits, so each event moves all
 * numbers. Otherwise they stay where the last read has put them, or what the bus says of how
 * far all has come (reach.c), or where it may lose something the last check of hints
 * (hints.c); and what was sent above is remembered as the last seq and the marks of each
 * conversation. Nothing is missing before a message then whose predecessor is not above
 * `after`, or is the last one that was sent.
 */
#include "base/err.h"
#include "base/mem.h"
#include "chat/core.h"

#define RETRY_MS   1000 // until the store is asked again that could not answer
#define N_RECEIPTS 256  // of one read
#define N_CHANGES  64

/** The store could not answer. */
struct retry {
    struct timer timer;
    struct chat_session *session;
};

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

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static str cursor_of(const struct chat_session *s, char out[CURSOR_SIZE])
{
    const int64_t messages = larger(s->since, s->after);
    const int64_t others = smaller(s->receipts_after, s->changes_after);

    return cursor_print(out, s->actor.chat->ports.store->epoch, s->actor.account,
                        smaller(messages, others));
}

// What it has. An ordered bus brings each position once, so that the conversation need not be
// looked at.

static bool is_ordered(const struct chat_session *s)
{
    return s->actor.chat->ports.bus->is_ordered;
}

/** @param t  may be NULL */
static bool has_seq(const struct thread *t, uint64_t seq)
{
    return t && (seq <= t->last_seq || (seq >= t->own_first && seq <= t->own_last));
}

static bool is_known(const struct chat_session *s, const struct chat_message *m)
{
    return m->position <= s->after ||
           (!is_ordered(s) && has_seq(thread_find(s, m->conversation), m->seq));
}

/** Has it all that the conversation had before m? */
static bool is_next(const struct chat_session *s, const struct chat_message *m,
                    int64_t previous)
{
    if (previous <= s->after || is_ordered(s))
        return true;
    const struct thread *t = thread_find(s, m->conversation);
    return t && t->last_seq + 1 == m->seq;
}

/** It has all up to seq, and what it has of its own behind that. */
static void reach(struct thread *t, uint64_t seq)
{
    t->last_seq = seq == t->own_first - 1 ? t->own_last : seq;
}

/**
 * A message of its own, which the client has. What was stored right before it is often from
 * another node, and still on its way: that alone is no reason to read.
 *
 * @return false: it does not join what it has of its own already
 */
static bool note_own(struct chat_session *s, const struct chat_message *m, int64_t previous)
{
    struct thread *t = thread_get(s, m->conversation, m->position);

    if (is_next(s, m, previous)) {
        reach(t, m->seq);
        return true;
    }
    if (t->own_last <= t->last_seq) {
        t->own_first = m->seq;
    } else if (m->seq != t->own_last + 1) {
        return false;
    }
    t->own_last = m->seq;
    return true;
}

// Sending to the client.

/** A mark may have overtaken the message on its way here. */
static enum chat_status status_of(const struct chat_session *s, const struct thread *t,
                                  const struct chat_message *m)
{
    const uint64_t *told = account_eq(&m->from, s->actor.account) ? t->theirs : t->mine;
    const struct chat_marks marks = {told[CHAT_MARK_DELIVERED], told[CHAT_MARK_READ]};
    const enum chat_status status = chat_status_of(m->seq, &marks);

    return status > m->status ? status : m->status;
}

static void emit(struct chat_session *s, const struct chat_message *m)
{
    struct thread *t = thread_get(s, m->conversation, m->position);
    char text[CURSOR_SIZE];
    struct chat_message shown;

    reach(t, m->seq);
    if (!is_ordered(s)) {
        shown = *m;
        shown.status = status_of(s, t, m);
        m = &shown;
    }
    const int64_t token = s->events->on_message(s->arg, m, cursor_of(s, text));
    if (token < 0)
        return; // its connection is over, and it will be closed
    s->actor.chat->counters.emitted++;
    acks_expect(s, t, m, token);
}

/** An event of a bus that is not ordered may be late, and a mark never goes back. */
static bool is_told(struct chat_session *s, const struct chat_receipt *r)
{
    struct thread *t = thread_get(s, r->conversation, r->position);
    const bool is_mine = account_eq(&r->by, s->actor.account);
    uint64_t *told = &(is_mine ? t->mine : t->theirs)[r->mark];

    if (r->seq <= *told)
        return true;
    *told = r->seq;
    return false;
}

static void emit_receipt(struct chat_session *s, const struct chat_receipt *r)
{
    char text[CURSOR_SIZE];

    if (!is_ordered(s) && is_told(s, r))
        return;
    s->events->on_receipt(s->arg, r, cursor_of(s, text));
}

void pump_on_room(struct chat_session *s)
{
    if (s->fsm.now == SESSION_WAITING && !s->retry)
        go(s);
}

static bool wants_any(const struct chat_session *s)
{
    return s->wants_messages || s->wants_receipts || s->wants_changes;
}

/** Of a live session: it remembers too much. */
static void read_if_wanted(struct chat_session *s)
{
    if (s->fsm.now == SESSION_LIVE && wants_any(s))
        go(s);
}

/** A live session was sent whatever has come. */
static void catch_up(struct chat_session *s)
{
    const int64_t reached = s->actor.chat->reached;

    if (s->fsm.now != SESSION_LIVE)
        return;
    s->after = larger(s->after, reached);
    s->receipts_after = larger(s->receipts_after, reached);
    s->changes_after = larger(s->changes_after, reached);
}

void pump_on_own(struct chat_session *s, const struct store_appended *a)
{
    const struct chat_message *m = &a->message;

    catch_up(s);
    if (is_ordered(s))
        return; // the event is on its way, behind those of what was stored before it
    if (is_known(s, m))
        return;
    if (s->fsm.now != SESSION_LIVE || !note_own(s, m, a->previous))
        own_add(&s->own, m->position);
    read_if_wanted(s);
}

// Filling.

/** @return the session, which waits no more */
static struct chat_session *end_retry(struct retry *r)
{
    struct chat_session *s = r->session;

    timer_cancel(timers_of(s), &r->timer);
    s->retry = NULL;
    free(r);
    return s;
}

static void on_retry(struct timer *timer)
{
    go(end_retry(container_of(timer, struct retry, timer)));
}

static void retry_later(struct chat_session *s)
{
    assert(!s->retry); // nothing is asked while it waits
    s->retry = NEW(struct retry);
    s->retry->session = s;
    timer_init(&s->retry->timer, on_retry);
    timer_set(timers_of(s), &s->retry->timer, chat_now_ms(s->actor.chat) + RETRY_MS);
}

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
    retry_later(s);
    return true;
}

static void tell_ready(struct chat_session *s, uint64_t n_unread)
{
    s->is_ready = true;
    log_debug(s->actor.log, "chat_open", "recovered=%d", s->is_recovered);
    s->events->on_ready(s->arg, s->is_recovered, n_unread);
}

/** It may have been told so before. */
static void tell_delay(struct chat_session *s)
{
    if (!s->is_ready)
        s->events->on_delay(s->arg);
}

static void on_page(void *arg, int r, const struct store_page *page)
{
    struct chat_session *s = arg;

    if (!came_back(s, r))
        return;
    if (r != 0) {
        s->wants_messages = true;
        tell_delay(s);
        return;
    }
    if (!s->is_ready)
        tell_ready(s, page->unread);
    if (chat_is_closed(s))
        return;
    for (size_t i = 0; i < page->n_messages; i++) {
        const struct chat_message *m = &page->messages[i];
        s->after = m->position;
        if (has_seq(thread_find(s, m->conversation), m->seq))
            continue;
        if (own_take(s->own, m->position)) {
            reach(thread_get(s, m->conversation, m->position), m->seq);
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
        acks_note_mark(s, &page->receipts[i]);
        emit_receipt(s, &page->receipts[i]);
        if (chat_is_closed(s))
            return;
    }
    s->receipts_after = page->upto;
    s->wants_receipts |= page->has_more;
    go(s);
}

static void on_changes(void *arg, int r, const struct store_changes_page *page)
{
    struct chat_session *s = arg;
    char text[CURSOR_SIZE];

    if (!came_back(s, r))
        return;
    if (r != 0) {
        s->wants_changes = true;
        return;
    }
    for (size_t i = 0; i < page->n_conversations; i++) {
        s->events->on_changed(s->arg, &page->conversations[i], cursor_of(s, text));
        if (chat_is_closed(s))
            return;
    }
    s->changes_after = page->upto;
    s->wants_changes |= page->has_more;
    go(s);
}

/**
 * Where the client stands. Until the store has answered, this node may be behind the one that
 * has given out the cursor; one that is ahead of the store then is from before it was restored.
 */
static void begin(struct chat_session *s)
{
    const int64_t horizon = store_horizon(s->actor.chat->ports.store);

    s->is_recovered &= s->since <= horizon;
    if (!s->is_recovered)
        s->since = horizon;
    s->receipts_after = s->changes_after = s->since;
    s->wants_messages = true;
    s->wants_receipts |= s->since < horizon;
    s->wants_changes |= s->since < horizon;
}

static void on_unread(void *arg, int r, uint64_t n)
{
    struct chat_session *s = arg;

    if (!came_back(s, r))
        return;
    if (r != 0) {
        tell_delay(s);
        return;
    }
    begin(s);
    tell_ready(s, n);
    if (!chat_is_closed(s))
        go(s);
}

static void read_receipts(struct chat_session *s)
{
    const struct store_receipts read = {
        .account = *s->actor.account,
        .after = s->receipts_after,
        .max_receipts = N_RECEIPTS,
    };

    s->wants_receipts = false;
    store_receipts(s->actor.chat->ports.store, &read, on_receipts, s);
}

static void read_changes(struct chat_session *s)
{
    const struct store_changes read = {
        .account = *s->actor.account,
        .after = s->changes_after,
        .max_conversations = N_CHANGES,
        .max_bytes = CHAT_WINDOW_BYTES_MAX,
    };

    s->wants_changes = false;
    store_changes(s->actor.chat->ports.store, &read, on_changes, s);
}

static void read_messages(struct chat_session *s)
{
    struct store_read read = {
        .account = *s->actor.account,
        .since = s->since,
        .after = s->after,
        .counts_unread = !s->is_ready,
    };

    s->wants_messages = false;
    read.max_messages = window_room(acks_window(s), &read.max_bytes);
    s->actor.chat->counters.fills++;
    store_read(s->actor.chat->ports.store, &read, on_page, s);
}

/**
 * Without a cursor one question will do, if this process alone writes. What others have stored
 * it may not know of yet; then what was delivered there would be for a new device all the same.
 */
static void read_first(struct chat_session *s)
{
    if (s->is_recovered || s->actor.chat->ports.store->has_other_writers) {
        store_unread(s->actor.chat->ports.store, s->actor.account, on_unread, s);
    } else {
        begin(s);
        read_messages(s);
    }
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

static bool wants_messages(const struct chat_session *s)
{
    return s->wants_messages || own_heard(s->own, OWN_MESSAGES) > s->after;
}

static bool wants_receipts(const struct chat_session *s)
{
    return s->wants_receipts || own_heard(s->own, OWN_RECEIPTS) > s->receipts_after;
}

static void read_next(struct chat_session *s)
{
    if (!s->is_ready) {
        read_first(s);
    } else if (wants_receipts(s)) {
        read_receipts(s);
    } else if (s->wants_changes) {
        read_changes(s);
    } else {
        read_messages(s);
    }
}

/** The next step of filling: messages last, as a cursor never passes the others. */
static void go(struct chat_session *s)
{
    const bool has_others = s->is_ready && !wants_receipts(s) && !s->wants_changes;

    if (has_others && !wants_messages(s)) {
        go_live(s);
    } else if (has_others && !window_is_open(acks_window(s))) {
        move(s, SESSION_WAITING);
    } else {
        move(s, SESSION_FILLING);
        s->n_refs++;
        s->actor.chat->n_under_way++;
        read_next(s);
    }
}

// Live.

/** What a block that the session knows of has withheld since is for the store to say. */
static bool is_expected(const struct chat_session *s, const struct bus_event *e)
{
    const bool may_be_withheld = !is_ordered(s) && e->message.position <= s->changes_after;

    return !may_be_withheld && is_next(s, &e->message, e->previous);
}

/** With an ordered bus, all up to the event has arrived. */
static void advance(struct chat_session *s, const struct bus_event *e, int64_t of)
{
    // A client that has kept this one alone has not got all of the position, but its message.
    const int64_t position = e->is_followed ? of - 1 : of;

    if (!is_ordered(s))
        return;
    s->after = larger(s->after, e->kind == BUS_MESSAGE ? of : position);
    s->receipts_after = larger(s->receipts_after, position);
    s->changes_after = larger(s->changes_after, position);
}

/** Its own, which the client has. */
static void skip(struct chat_session *s, const struct bus_event *e)
{
    const struct chat_message *m = &e->message;

    if (is_ordered(s)) {
        advance(s, e, m->position);
    } else if (!note_own(s, m, e->previous)) {
        s->wants_messages = true;
        own_add(&s->own, m->position);
        go(s);
    }
}

static void count_delivery(struct chat *c, const struct chat_message *m)
{
    const int64_t ms = clock_unix_ms(c->ports.clock) - m->created_at_ms;

    histogram_add(&c->counters.delivery, ms * 1000);
}

static void on_live_message(struct chat_session *s, const struct bus_event *e)
{
    const struct chat_message *m = &e->message;

    if (is_known(s, m))
        return;
    if (e->origin == s->id) {
        skip(s, e);
        return;
    }
    if (!is_expected(s, e) || !window_is_open(acks_window(s))) {
        s->wants_messages = true;
        go(s);
        return;
    }
    advance(s, e, m->position);
    count_delivery(s->actor.chat, m);
    emit(s, m);
}

static void on_message(struct chat_session *s, const struct bus_event *e)
{
    if (s->fsm.now == SESSION_LIVE) {
        on_live_message(s, e);
        return;
    }
    own_hear(&s->own, OWN_MESSAGES, e->message.position);
    if (e->origin == s->id)
        own_add(&s->own, e->message.position);
}

static void on_receipt(struct chat_session *s, const struct bus_event *e)
{
    const struct chat_receipt *r = &e->receipt;

    if (s->fsm.now != SESSION_LIVE) {
        own_hear(&s->own, OWN_RECEIPTS, r->position);
        return;
    }
    if (r->position <= s->receipts_after)
        return; // read already
    advance(s, e, r->position);
    acks_note_mark(s, r);
    emit_receipt(s, r);
}

static void on_change(struct chat_session *s, int64_t position)
{
    if (position <= s->changes_after)
        return; // read already
    s->wants_changes = true;
    if (s->fsm.now == SESSION_LIVE)
        go(s);
}

void pump_on_event(struct chat_session *s, const struct bus_event *e)
{
    if (chat_is_closed(s))
        return;
    catch_up(s);
    switch (e->kind) {
    case BUS_MESSAGE: on_message(s, e); break;
    case BUS_RECEIPT: on_receipt(s, e); break;
    case BUS_CHANGE: on_change(s, e->position); break;
    case BUS_TYPING:
    case BUS_ASK:
    case BUS_CROWDED:
    case BUS_PRESENCE: break;
    }
    read_if_wanted(s);
}

// Checks of hints: what the store has, against what the session was sent.

static bool has_message(const struct chat_session *s, const struct store_touch *touch)
{
    const struct thread *t = thread_find(s, touch->conversation);

    return touch->message_position <= s->after || (t && t->last_seq >= touch->message_seq);
}

static bool has_marks(const struct chat_session *s, const struct store_mark marks[2],
                      const uint64_t *told)
{
    bool has = true;

    for (unsigned i = 0; i < 2; i++)
        has &= marks[i].position <= s->receipts_after || (told && told[i] >= marks[i].seq);
    return has;
}

static void want_what_is_missing(struct chat_session *s, const struct store_touch *touch)
{
    const struct thread *t = thread_find(s, touch->conversation);

    s->wants_messages |= !has_message(s, touch);
    s->wants_receipts |= !has_marks(s, touch->mine, t ? t->mine : NULL) ||
                         !has_marks(s, touch->theirs, t ? t->theirs : NULL);
    s->wants_changes |= touch->change_position > s->changes_after;
}

/** Has it been sent all up to where the touches begin? */
static bool reaches(const struct chat_session *s, int64_t position)
{
    return s->after >= position && s->receipts_after >= position &&
           s->changes_after >= position;
}

void pump_on_touches(struct chat_session *s, const struct pump_touches *t)
{
    if (s->fsm.now == SESSION_OPENING)
        return; // it has nothing yet
    for (size_t i = 0; i < t->n; i++)
        want_what_is_missing(s, &t->touches[i]);
    if (s->fsm.now != SESSION_LIVE)
        return;
    if (!reaches(s, t->after)) // its last read began before that
        s->wants_messages = s->wants_receipts = s->wants_changes = true;
    if (wants_any(s)) {
        s->actor.chat->counters.unhinted++;
        go(s);
        return;
    }
    s->after = larger(s->after, t->upto);
    s->receipts_after = larger(s->receipts_after, t->upto);
    s->changes_after = larger(s->changes_after, t->upto);
}

// Its life.

void pump_init(struct chat_session *s, str cursor)
{
    const struct store *store = s->actor.chat->ports.store;

    s->is_recovered = cursor_parse(cursor, store->epoch, s->actor.account, &s->since) == 0;
}

void pump_start(struct chat_session *s)
{
    if (s->fsm.now == SESSION_OPENING)
        go(s);
}

void pump_stop(struct chat_session *s)
{
    acks_stop(s);
    if (s->retry)
        end_retry(s->retry);
}

void pump_fini(struct chat_session *s)
{
    acks_fini(s);
    own_clear(&s->own);
}
