/**
 * What the files of chat/ share; nobody else may look.
 *
 * A session goes
 *
 *   opening    until the bus confirms that the account's events arrive here
 *   filling    a store operation for it is under way, for what it has missed
 *   waiting    for acknowledgements to make room, or for the store to come back
 *   live       it has all; what the bus brings is sent on
 *   closed     given back by its owner; freed when nothing is under way for it any more
 */
#pragma once

#include "base/fsm.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/seldom.h"
#include "chat/chat.h"
#include "chat/cursor.h"
#include "chat/limits.h"
#include "chat/own.h"
#include "chat/window.h"

static_assert(CURSOR_SIZE - 1 <= CHAT_CURSOR_MAX, "a cursor is as short as was promised");

enum session_state {
    SESSION_OPENING,
    SESSION_FILLING,
    SESSION_WAITING,
    SESSION_LIVE,
    SESSION_CLOSED,
};

struct hints;
struct reach;
struct sweep;

struct chat {
    struct chat_ports ports;
    struct chat_config config;
    struct chat_counters counters;
    uint8_t hash_key[HASH_KEY_SIZE];
    struct map accounts;
    struct pool *account_pool; // where they are, and their sessions
    struct pool *session_pool;
    struct pool *send_pool; // of what is under way
    struct pool *mark_pool; // likewise
    struct pool *thread_pool;
    struct map watched;  // accounts that sessions here watch
    struct list known;   // the same
    struct list unasked; // or here, while they are to be asked for after a gap
    struct timer gap_timer;
    struct chat_limits *limits;     // of accounts; NULL: there are none
    struct chat_limits *own_limits; // the same, where they are its own
    struct list uncertain;          // sends that wait to be repeated
    struct seldom unmarked;         // what was told of marks that could not be stored
    struct list attaching;          // sends with a file that wait
    size_t waiting_bytes;           // of these, and of those behind them
    struct map checks;              // of files, under way
    struct sweep *sweep;            // NULL: there is no media port
    struct hints *hints;            // NULL: the bus loses none
    struct reach *reach;            // NULL: it does, or is ordered
    int64_t reached;                // whatever was announced of up to here has come
    size_t n_under_way;             // operations of the ports, and sends that wait
    bool is_shut_down;
    bool is_stopping;
};

/** An account with a session here, or with one until just now. */
struct chat_account {
    struct map_node by_account;
    struct chat *chat;
    account account;
    bool is_subscribed;
    bool is_dropped;
    unsigned n_sessions;
    unsigned n_refs; // of these, and of closed ones that are not freed yet
    unsigned n_typings;
    struct list sessions;
    struct list typings;     // who writes to it
    struct leaving *leaving; // NULL: it has a session
};

/** What a session was sent and has not acknowledged. There while its timer is set. */
struct unacked {
    struct chat_session *session;
    struct timer timer;
    struct window window;
    int64_t acked_ms; // monotonic: the last acknowledgement, or when there was first one to
                      // give
};

/** A conversation that a session has seen; where the bus is ordered, one for which something
 * waits. */
struct thread {
    struct map_node by_conversation;
    struct chat_session *session;
    conversation_id conversation;
    int64_t upto;        // the last position of what the session was sent of it
    uint64_t last_seq;   // that the session has, and all before it
    uint64_t own_first;  // of its own behind that, where others are missing in between
    uint64_t own_last;   // likewise; not above last_seq: none
    uint64_t peer_seq;   // the peer's last one that it was sent
    uint64_t mark_seq;   // what the account has, as far as the session has heard
    uint64_t acked_seq;  // what its acknowledgements allow to mark as delivered
    uint64_t marked_seq; // what has been marked, or is being marked
    uint64_t hole_seq;   // sent, never acknowledged and forgotten; 0: none
    bool is_marking;
    uint8_t change; // while it is_marking, see reach_begin()
    // By enum chat_mark, where the bus is not ordered: what the session was told of.
    uint64_t mine[2];
    uint64_t theirs[2];
};

struct chat_session {
    struct list node; // of the account's
    struct chat_actor actor;
    struct chat_account *owner;
    const struct chat_session_events *events;
    void *arg;
    struct fsm fsm;
    uint64_t id; // random; the origin of what it causes
    struct job job;
    struct list watches; // whom it watches
    unsigned n_refs;     // operations under way that will come back to it
    uint16_t n_watches;
    // Bits, because there are many sessions, and they fill a gap. The wants are of the pump.
    bool is_recovered : 1;
    bool is_ready : 1;
    bool is_synced : 1;
    bool wants_messages : 1;
    bool wants_receipts : 1;
    bool wants_changes : 1;
    bool is_silent : 1; // it acknowledges nothing, and its window moves with what it takes
    bool is_warned : 1;
    uint8_t more_threads; // some are forgotten at CHAT_THREADS_MAX << this
    struct list waiting;  // sends that can't be stored yet (attach.c)

    // What it has (pump.c). Everything behind `since` concerns it; before that, only what is
    // undelivered.
    int64_t since;
    int64_t after;          // up to here it was sent every message that concerns it
    int64_t receipts_after; // and up to here every receipt
    int64_t changes_after;  // and every change of what the account wants of its peers
    struct own *own;        // what has come since it was live last
    struct map threads;
    struct chat_seat seat;   // taken where there are limits
    struct unacked *unacked; // NULL: nothing, and that for a while
    struct retry *retry;     // NULL: no question to the store waits for it to come back
};

static_assert(CHAT_WATCHES_MAX <= UINT16_MAX, "the number of watches fits");
static_assert(sizeof(struct chat_session) <= 288 && sizeof(struct chat_account) <= 120,
              "who is idle is small: there are many");

static inline int64_t chat_now_ms(const struct chat *c)
{
    return c->ports.timers->now_ms;
}

/** The session's client has given a sign of life. */
static inline void chat_note_life(struct chat_session *s)
{
    atomic_store_explicit(&s->seat.heard_ms, chat_now_ms(s->actor.chat), memory_order_relaxed);
}

static inline bool chat_is_closed(const struct chat_session *s)
{
    return s->fsm.now == SESSION_CLOSED;
}

/** Bytes of the strings of an upload. */
static inline size_t upload_bytes(const struct chat_upload *u)
{
    return u->id.len + u->name.len + u->mime.len;
}

/** @param at  has room for its strings @return one whose strings are there */
static inline struct chat_upload upload_copy(char *at, const struct chat_upload *u)
{
    struct chat_upload copy = *u;

    copy.id = str_copy(at, u->id);
    copy.name = str_copy(at += u->id.len, u->name);
    copy.mime = str_copy(at + u->name.len, u->mime);
    return copy;
}

// chat.c

/** A hash of an account that nobody outside can foresee. */
static inline uint64_t chat_hash_of(const struct chat *c, const account *a)
{
    return hash_keyed(c->hash_key, account_str(a));
}

/** @return NULL: it is not online here */
struct chat_account *chat_find_account(const struct chat *c, const account *a);

/** It has no session any more. */
void chat_account_drop(struct chat_account *owner);

/** An operation for the session has come back. @return false: the session is closed, and may
 * be no more */
bool chat_session_unref(struct chat_session *s);

/** Tell the owner that it is over, and close it. */
void chat_session_end(struct chat_session *s, enum chat_end why);

// pump.c

void pump_init(struct chat_session *s, str cursor);
void pump_fini(struct chat_session *s);

/** No timer fires any more. */
void pump_stop(struct chat_session *s);

/** The bus has confirmed the account. */
void pump_start(struct chat_session *s);
void pump_on_event(struct chat_session *s, const struct bus_event *e);

/** There may be room in its window. */
void pump_on_room(struct chat_session *s);

/** What was touched of an account's conversations. */
struct pump_touches {
    const struct store_touch *touches; // all that were, behind `after`
    size_t n;
    int64_t after; // up to here nothing is missing
    int64_t upto;  // the horizon when the store was asked
};

/** Whatever was announced of these has come by now, or was lost. */
void pump_on_touches(struct chat_session *s, const struct pump_touches *t);

/** The session has stored a message, and will be told so. */
void pump_on_own(struct chat_session *s, const struct store_appended *a);

// acks.c

void acks_fini(struct chat_session *s);

/** No timer fires any more. */
void acks_stop(struct chat_session *s);

/** What it was sent and has not acknowledged. */
const struct window *acks_window(const struct chat_session *s);

/** @return NULL: the session has not seen it, or has forgotten it */
struct thread *thread_find(const struct chat_session *s, conversation_id conversation);

/** @param position  of what the session is sent of it. May forget others, and
 * have the session want to read. */
struct thread *thread_get(struct chat_session *s, conversation_id conversation,
                          int64_t position);

/** Forgets it where nothing waits for it, and the bus needs no memory: ordered, it brings each
 * message once. */
void thread_rest(struct chat_session *s, struct thread *t);

/** The session was sent this message. @param t  its thread @param token  that its
 * acknowledgement will carry */
void acks_expect(struct chat_session *s, struct thread *t, const struct chat_message *m,
                 int64_t token);

/** Some device has moved its mark: if it is the account's, what is below is not missing any
 * more. */
void acks_note_mark(struct chat_session *s, const struct chat_receipt *r);

// reach.c

void reach_init(struct chat *c);
void reach_fini(struct chat *c);

/** A change goes to the store. @return for reach_end() */
uint8_t reach_begin(struct chat *c);

/** It was announced, or not done. @param change  0: there was none */
void reach_end(struct chat *c, uint8_t change);

// send.c

/** For struct chat. */
struct pool *send_pool_new(void);

// receipts.c

/** For struct chat. */
struct pool *receipts_pool_new(void);

/** Acknowledgements of the session allow more of the thread to be marked as delivered. */
void receipts_push(struct chat_session *s, struct thread *t);

/** Of one position: only the last has it as its cursor. */
void receipts_tell(struct chat *c, const account *to, const struct chat_receipt *receipts,
                   size_t n);

// presence.c

/** The account is online from now on. */
void presence_init(struct chat_account *owner);
void presence_fini(struct chat_account *owner);

/** It has got its first session, or its first one again. */
void presence_on_first(struct chat_account *owner);

/** It has lost its last session. */
void presence_on_last(struct chat_account *owner);
bool presence_is_here(const struct chat *c, const account *a);

/** Somebody wants to know. @param asker  of that account; its len is 0: anybody */
void presence_on_ask(struct chat_account *owner, const account *asker);

/** Whoever has it online shall say so. @param asker  to those of this account; NULL: to all */
void presence_ask(struct chat *c, const account *a, const account *asker);

/**
 * How the two stand with each other has changed, and the store has it: those who watch one of
 * them may have to be told. Idempotent, and nothing comes of it where nobody watches.
 */
void presence_on_relation(struct chat *c, const account *a, const account *peer);

// watched.c

void watched_init(struct chat *c);
void watched_fini(struct chat *c);
void watched_on_presence(struct chat *c, const struct bus_event *e);

/** Events may have been lost. */
void watched_on_gap(struct chat *c);
void watched_on_close(struct chat_session *s);

// typing.c

void typing_on_event(struct chat_account *owner, const struct chat_typing *what);

/** Who has sent it does not write it any more. */
void typing_on_message(struct chat_account *owner, const struct chat_message *m);
void typing_drop_all(struct chat_account *owner);

// attach.c

/** No send waits for its file any more: those that do are refused. */
void attach_stop(struct chat *c);

// hints.c

void hints_init(struct chat *c);
void hints_fini(struct chat *c);

/** Events may have been lost: the next check is soon. */
void hints_on_gap(struct chat *c);

// sweep.c

void sweep_init(struct chat *c);
void sweep_fini(struct chat *c);

/** None begins any more. One that is under way ends with what it is at. */
void sweep_stop(struct chat *c);
