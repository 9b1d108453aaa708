/**
 * The domain: two accounts exchange messages. It knows no socket, no JSON, no SQL and no
 * clock; what it stores goes through chat/store.h, what it announces through chat/bus.h.
 *
 * A session is one connection of an account. What a session gets, and when, is the pump's
 * business (chat/pump.c).
 */
#pragma once

#include "base/clock.h"
#include "base/job.h"
#include "base/log.h"
#include "base/rates.h"
#include "base/timer.h"
#include "chat/bus.h"
#include "chat/store.h"

#define CHAT_WINDOW_MESSAGES_MAX 256     // sent to a session and not acknowledged
#define CHAT_WINDOW_BYTES_MAX    1048576 // of contents; a single message may pass it
#define CHAT_UNACKED_MS          30000   // without any acknowledgement: a warning
#define CHAT_UNCERTAIN_MS        10000   // so long an uncertain append is repeated
#define CHAT_REQUESTS_MAX        1024    // of one session under way
#define CHAT_THREADS_MAX         1024    // conversations that a session remembers
#define CHAT_PAGE_BYTES_MAX      1048576 // of contents in one answer
#define CHAT_HISTORY_MAX         200     // messages in one answer
#define CHAT_LIST_MAX            200     // conversations in one answer
#define CHAT_CURSOR_MAX          64      // bytes

/** A key that begins so is the chat's own, of a send without one, and is never shown. */
#define CHAT_INTERNAL_KEY '~'

struct chat;
struct chat_session;

struct chat_ports {
    struct store *store;
    struct bus *bus;
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock;
    struct rand *rand;
};

struct chat_config {
    bool rate_limits;     // off: none of the rates and counts below
    struct rate sends;    // of an account
    struct rate requests; // of an account: all others
    uint64_t sessions;    // of an account; one more ends the one silent longest
};

enum chat_end {
    CHAT_END_TOO_MANY,  // the account has opened more, and this one was silent longest
    CHAT_END_NO_ANSWER, // whether something was stored can't be known: the client finds out
};

/**
 * What a session is told. None comes inside chat_session_open(), and none after
 * chat_session_close() or on_end(). `cursor` is a text of at most CHAT_CURSOR_MAX bytes.
 */
struct chat_session_events {
    /** First of all. @param unread  conversations with unread messages */
    void (*on_ready)(void *arg, bool is_recovered, uint64_t unread);

    /** @return the token that its acknowledgement will carry, or -1: it could not be sent */
    int64_t (*on_message)(void *arg, const struct chat_message *m, str cursor);

    void (*on_receipt)(void *arg, const struct chat_receipt *r, str cursor);

    /** Has the connection taken all that it was given? Asked of a session that acknowledges
     * nothing. */
    bool (*has_taken_all)(void *arg);

    /** All that was missed has been sent. Once. */
    void (*on_synced)(void *arg, str cursor);

    /** It gets messages and acknowledges none. Once. */
    void (*on_not_acknowledging)(void *arg);

    /** The session is over, and no more. */
    void (*on_end)(void *arg, enum chat_end why);
};

enum chat_refusal {
    CHAT_RECIPIENT_INVALID = 1, // oneself
    CHAT_RATE_LIMITED,          // chat_retry_after_ms() says for how long
    CHAT_BUSY,                  // over CHAT_REQUESTS_MAX, or the store's queue is full
    CHAT_NOT_FOUND,             // no such conversation
    CHAT_NO_SUCH_SEQ,           // reply_to, or the receipt's seq, is above the last one
    CHAT_CONFLICT,              // the key is taken by another message
    CHAT_MAILBOX_FULL,
    CHAT_UNAVAILABLE, // the store is; nothing was done
    CHAT_UNANSWERED,  // nobody knows, and nothing must be said; the session ends
};

struct chat_counters {
    uint64_t sessions; // now
    uint64_t accounts; // online now
    uint64_t sent;     // acknowledged as stored, duplicates not counted
    uint64_t duplicates;
    uint64_t refused;   // requests
    uint64_t emitted;   // messages to sessions
    uint64_t acked;     // by sessions
    uint64_t receipts;  // marks that moved
    uint64_t fills;     // reads of what was missed
    uint64_t warnings;  // sessions that acknowledge nothing
    uint64_t uncertain; // appends whose outcome was unknown
};

/** @param ports, config  copied; what ports point to is borrowed and must outlive the chat */
struct chat *chat_new(const struct chat_ports *ports, const struct chat_config *config);

/** Every session must have been closed, and every request answered: see chat_is_idle(). */
void chat_free(struct chat *c);

/** Is nothing under way, of closed sessions either? */
bool chat_is_idle(const struct chat *c);

/**
 * Answer no uncertain request any more: those under way end with CHAT_UNANSWERED. Before the
 * end.
 */
void chat_stop(struct chat *c);

const struct chat_counters *chat_counters(const struct chat *c);

/**
 * @param cursor  as an event had it; empty for none. One that does not fit this account and
 *                store counts as none
 * @param log     borrowed for the life of the session
 */
struct chat_session *chat_session_open(struct chat *c, const account *a, str cursor,
                                       const struct log_ctx *log,
                                       const struct chat_session_events *events, void *arg);

/** Is it the one that is looked for? @param arg  of the session */
typedef bool chat_session_is_fn(const void *arg, const void *key);

/** @return the arg of the first of the account's sessions for which it is so, or NULL */
void *chat_session_find(const struct chat *c, const account *a, chat_session_is_fn *is,
                        const void *key);

/** Requests under way are answered all the same. */
void chat_session_close(struct chat_session *s);

/** The client has acknowledged the message that carried this token. Unknown ones are ignored.
 */
void chat_session_ack(struct chat_session *s, int64_t token);

/** After CHAT_RATE_LIMITED. */
int64_t chat_retry_after_ms(const struct chat_session *s);

/**
 * A request that was refused before it came here counts like one that was not: it has cost
 * something, too. @return 0 or CHAT_RATE_LIMITED
 */
MUST_CHECK int chat_charge(struct chat_session *s);

/**
 * The requests. Each returns 0, and done is called once, later; or a refusal at once (one of
 * CHAT_RECIPIENT_INVALID, CHAT_RATE_LIMITED, CHAT_BUSY), and done is not called. done gets 0,
 * an enum chat_refusal, or a fault; it may come after the session is closed.
 */
struct chat_send {
    account to;
    str type;
    str content;
    uint8_t digest[CHAT_DIGEST_SIZE];
    uint64_t reply_to; // 0: none
    str key;           // empty: none, then the send is not idempotent
};

/** @param a  NULL unless r is 0 */
typedef void chat_send_fn(void *arg, int r, const struct store_appended *a);
MUST_CHECK int chat_send(struct chat_session *s, const struct chat_send *send,
                         chat_send_fn *done, void *arg);

/** @param seq  the resulting mark */
typedef void chat_mark_fn(void *arg, int r, uint64_t seq);
MUST_CHECK int chat_mark(struct chat_session *s, const struct chat_place *place,
                         enum chat_mark mark, uint64_t seq, chat_mark_fn *done, void *arg);

struct chat_history {
    struct chat_place place;
    uint64_t before; // as in store_history
    uint64_t after;
    size_t limit; // 1 to CHAT_HISTORY_MAX
};

MUST_CHECK int chat_history(struct chat_session *s, const struct chat_history *h,
                            store_history_fn *done, void *arg);

/** @param limit  1 to CHAT_LIST_MAX @param before  a page's next; 0: from the latest */
MUST_CHECK int chat_list(struct chat_session *s, size_t limit, int64_t before,
                         store_list_fn *done, void *arg);
