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
#include "chat/media.h"
#include "chat/store.h"
#include "chat/uploads.h"

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
#define CHAT_WATCHES_MAX         200     // accounts that a session watches
#define CHAT_ASKED_MS            300     // for an account's nodes to say that it is online
#define CHAT_OFFLINE_MS          10000   // from an account's last session to its being offline
#define CHAT_TYPING_MS           6000    // from a start to its end by itself
#define CHAT_TYPINGS_MAX         64      // peers who write to an account at once
#define CHAT_DESCRIPTION_MAX     4096    // bytes of what is known of a file
#define CHAT_UPLOAD_WAIT_MS      5000    // for a file's check, of the send that it is in
#define CHAT_WAITING_MAX         8388608 // bytes of sends that wait so; each costs 1024 more
#define CHAT_HINTS_MS            5000    // between two checks that no hint was lost, at most
#define CHAT_HINTS_LATE_MS       2000    // so late a hint may be
#define CHAT_TOUCHES_MAX         4096    // of one question about accounts, between two of these
#define CHAT_REACH_MS            200     // between two looks at how far all has come
#define CHAT_SWEEP_MS            60000   // between two looks for uploads whose time is over
#define CHAT_SWEEP_AGAIN_MS      600000  // until it is tried again to delete a file

/** A key that begins so is the chat's own, of a send without one, and is never shown. */
#define CHAT_INTERNAL_KEY '~'

struct chat;
struct chat_limits;
struct chat_session;

/**
 * Who asks: an account, over a session, or on its own where there is none. Requests take one.
 * It must stay where it is until all of its requests are answered.
 */
struct chat_actor {
    struct chat *chat;
    struct chat_session *session; // NULL: none
    const account *account;       // borrowed for its life
    const struct log_ctx *log;    // likewise
    unsigned n_requests;          // under way
    int64_t retry_after_ms;       // after CHAT_RATE_LIMITED, CHAT_UPLOAD_QUOTA: for so long
    uint64_t max_bytes;           // after CHAT_UPLOAD_TOO_LARGE: of a file of its kind
};

struct chat_ports {
    struct store *store;
    struct uploads *uploads; // of the same store
    struct media *media;     // NULL: no files are taken, and uploads does not matter
    struct bus *bus;
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock;
    struct rand *rand;
};

/** What a file is, by its mime; and what the messages that have one are called. */
enum chat_kind {
    CHAT_IMAGE,
    CHAT_VIDEO,
    CHAT_AUDIO,
    CHAT_FILE, // of any mime
    CHAT_N_KINDS,
};

struct chat_uploads_config {
    uint64_t max_bytes[CHAT_N_KINDS]; // of one file, by what its mime is
    uint64_t quota_bytes;             // as in chat/uploads.h
    int64_t quota_ms;
    uint64_t max_pending; // of an account
    int64_t kept_ms;      // one that is in no message

    /** Add to out what is stored of a message: its content, and what is known of its file. It
     * takes CHAT_DESCRIPTION_MAX bytes more than the content has. Before the check, so u may be
     * pending still. */
    void (*describe)(struct buf *out, str content, const struct chat_upload *u);
};

struct chat_config {
    bool rate_limits;           // off: none of the rates and counts below
    struct rate sends;          // of an account
    struct rate requests;       // of an account: all others
    uint64_t sessions;          // of an account; one more ends the one silent longest
    struct chat_limits *limits; // borrowed: those of several chats, which say instead of
                                // these three. NULL: it has its own
    struct chat_uploads_config uploads; // read where there is a media port alone
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

    /** on_ready() has to wait until the store comes back. */
    void (*on_delay)(void *arg);

    /** @return the token that its acknowledgement will carry, or -1: it could not be sent */
    int64_t (*on_message)(void *arg, const struct chat_message *m, str cursor);

    void (*on_receipt)(void *arg, const struct chat_receipt *r, str cursor);

    /** The account has accepted, blocked or unblocked a peer. */
    void (*on_changed)(void *arg, const struct chat_conversation *c, str cursor);

    // Of these only the latest counts, and none has a cursor. A session whose connection has
    // much to take may miss some of what is typed; of a presence it gets the latest later.
    void (*on_typing)(void *arg, const struct chat_typing *t);
    void (*on_presence)(void *arg, const struct chat_presence *p);

    /** Has the connection so much to take that what can wait had better wait? */
    bool (*is_stuffed)(void *arg);

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
    CHAT_RATE_LIMITED,          // the actor's retry_after_ms says for how long
    CHAT_BUSY,                  // over CHAT_REQUESTS_MAX, or a queue is full
    CHAT_NOT_FOUND,             // no such conversation
    CHAT_NO_SUCH_SEQ,           // reply_to, or the receipt's seq, is above the last one
    CHAT_CONFLICT,              // the key is taken by another message
    CHAT_MAILBOX_FULL,
    CHAT_FORBIDDEN,   // the account has blocked the recipient
    CHAT_TOO_MANY,    // over CHAT_WATCHES_MAX
    CHAT_UNAVAILABLE, // the store is; nothing was done
    CHAT_UNANSWERED,  // nobody knows, and nothing must be said; the session ends

    CHAT_UPLOAD_TOO_LARGE,  // over max_bytes
    CHAT_UPLOAD_QUOTA,      // the actor's retry_after_ms says for how long; 0: for ever
    CHAT_UPLOADS_PENDING,   // over max_pending
    CHAT_UPLOAD_MISSING,    // it is not the account's, or is over; or nobody has put the file
    CHAT_UPLOAD_MISMATCH,   // the file, or the message's type, is not as announced
    CHAT_UPLOAD_REJECTED,   // by the operator's check
    CHAT_MEDIA_UNAVAILABLE, // out of reach, or not in CHAT_UPLOAD_WAIT_MS; nothing was stored
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
    uint64_t contacts;  // accepted, blocked, unblocked
    uint64_t typings;   // told to sessions, starts and ends
    uint64_t presences; // told to sessions
    uint64_t watches;   // now
    uint64_t fills;     // reads of what was missed
    uint64_t unhinted;  // of these: by sessions to which a hint did not come
    uint64_t warnings;  // sessions that acknowledge nothing
    uint64_t uncertain; // appends whose outcome was unknown

    uint64_t uploads;         // announced
    uint64_t uploads_taken;   // checked, and accepted
    uint64_t uploads_refused; // checked, and not accepted, or not there
    uint64_t uploads_late;    // sends that did not wait for their check any more
    uint64_t uploads_swept;   // deleted
    uint64_t uploads_unswept; // tries to delete one that failed

    struct histogram delivery; // of what came to a session live: since its message was stored
};

/** @param ports, config  copied; what ports point to is borrowed and must outlive the chat */
struct chat *chat_new(const struct chat_ports *ports, const struct chat_config *config);

/** Every session must have been closed, and every request answered: see chat_is_idle(). */
void chat_free(struct chat *c);

/** Is nothing under way, of closed sessions either? */
bool chat_is_idle(const struct chat *c);

/**
 * No session comes any more: who is online is seen now, for the store; chat_is_idle() waits for
 * that. Sessions go on until they are closed.
 */
void chat_shut_down(struct chat *c);

/**
 * Answer no uncertain request any more: those under way end with CHAT_UNANSWERED. Before the
 * end. Shuts down, too.
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

/** For requests of the session's client. */
struct chat_actor *chat_session_actor(struct chat_session *s);

/**
 * For requests of an account without a session: its sessions are told what it does.
 *
 * @param who  borrowed for the life of the actor, as log is
 */
void chat_actor_init(struct chat_actor *a, struct chat *c, const account *who,
                     const struct log_ctx *log);

/**
 * A request that was refused before it came here counts like one that was not: it has cost
 * something, too. @return 0 or CHAT_RATE_LIMITED
 */
MUST_CHECK int chat_charge(struct chat_actor *a);

/**
 * The requests. Each returns 0, and done is called once, later; or a refusal at once (one of
 * CHAT_RECIPIENT_INVALID, CHAT_RATE_LIMITED, CHAT_BUSY, CHAT_TOO_MANY, CHAT_UPLOAD_TOO_LARGE),
 * and done is not called. done gets 0, an enum chat_refusal, or a fault; it may come after the
 * session is closed.
 */
struct chat_send {
    account to;
    str type;
    str content;
    uint8_t digest[CHAT_DIGEST_SIZE];
    uint64_t reply_to;   // 0: none
    str key;             // empty: none, then the send is not idempotent
    str upload;          // the file that is in it; empty: none. Needs a media port
    enum chat_kind kind; // of it, as the type says
};

/**
 * What a session sends to one recipient is stored in the order of the calls, also where a file
 * has to be checked first: what is behind it waits, CHAT_UPLOAD_WAIT_MS at most.
 *
 * @param a  NULL unless r is 0
 */
typedef void chat_send_fn(void *arg, int r, const struct store_appended *a);
MUST_CHECK int chat_send(struct chat_actor *a, const struct chat_send *send, chat_send_fn *done,
                         void *arg);

/** A file to announce. */
struct chat_announce {
    str name; // as in struct chat_upload, like the others
    str mime;
    uint64_t size;
    const uint8_t *sha256; // CHAT_SHA256_SIZE bytes; NULL: not known
};

/** What its mime makes of a file: all before a ';' counts. */
enum chat_kind chat_kind_of(str mime);

/** @param u  NULL unless r is 0 */
typedef void chat_upload_fn(void *arg, int r, const struct chat_upload *u);

/** Needs a media port. */
MUST_CHECK int chat_upload(struct chat_actor *a, const struct chat_announce *what,
                           chat_upload_fn *done, void *arg);

/** @param seq  the resulting mark */
typedef void chat_mark_fn(void *arg, int r, uint64_t seq);
MUST_CHECK int chat_mark(struct chat_actor *a, const struct chat_place *place,
                         enum chat_mark mark, uint64_t seq, chat_mark_fn *done, void *arg);

struct chat_history {
    struct chat_place place;
    uint64_t before; // as in store_history
    uint64_t after;
    size_t limit; // 1 to CHAT_HISTORY_MAX
};

MUST_CHECK int chat_history(struct chat_actor *a, const struct chat_history *h,
                            store_history_fn *done, void *arg);

/** @param limit  1 to CHAT_LIST_MAX @param before  a page's next; 0: from the latest */
MUST_CHECK int chat_list(struct chat_actor *a, size_t limit, int64_t before,
                         store_list_fn *done, void *arg);

/** @param c  as it is now; NULL unless r is 0 */
MUST_CHECK int chat_contact(struct chat_actor *a, const struct chat_place *place,
                            enum chat_contact what, store_conversation_fn *done, void *arg);

MUST_CHECK int chat_conversation(struct chat_actor *a, const struct chat_place *place,
                                 store_conversation_fn *done, void *arg);

typedef void chat_done_fn(void *arg, int r);

/**
 * It writes, or has stopped. The peer's sessions are told if each has accepted the other; the
 * answer is the same if not. Ends by itself after CHAT_TYPING_MS.
 */
MUST_CHECK int chat_type(struct chat_actor *a, const struct chat_place *place, bool is_on,
                         chat_done_fn *done, void *arg);

/** @param p  one for each account, in their order; NULL unless r is 0 */
typedef void chat_watch_fn(void *arg, int r, const struct chat_presence *p, size_t n);

/**
 * Be told when these come and go, until the session ends. Those of whom the account may not
 * know are offline, and it is told once it may. Watching one twice is watching it once. One is
 * online to oneself, and is not watched. After a refusal nothing more is watched than before.
 *
 * @param accounts  n of them, 1 to CHAT_WATCHES_MAX; copied
 */
MUST_CHECK int chat_watch(struct chat_session *s, const account *accounts, size_t n,
                          chat_watch_fn *done, void *arg);

/** Those that are not watched are left out. */
MUST_CHECK int chat_unwatch(struct chat_session *s, const account *accounts, size_t n,
                            chat_done_fn *done, void *arg);
