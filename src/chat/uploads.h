/**
 * Port: which files were announced, whose they are, and what became of them. The files
 * themselves are behind chat/media.h. The chat owns this interface; src/store/ holds the
 * backends, beside those of chat/store.h and in the same transactions, and
 * tests/conformance/uploads*.c are what every one of them must pass.
 *
 * The contract is that of chat/store.h: called on the loop's thread and answered there, once,
 * after the call has returned; arguments are borrowed until the call returns, results until
 * the callback does; 0 means durable. Changes happen in the order of the calls, also among
 * those of chat/store.h. A read that is called inside or after a callback sees what that
 * callback answered.
 *
 * An upload is pending, then accepted or rejected, and ends by being claimed and removed.
 * store_append() keeps the one that it names: while a message has it, it has no end. When its
 * last message is gone, it ends at once. Until it is in a message it ends at its until_ms.
 *
 * Quota: the sizes of what an account announces are taken from a bucket that holds quota_bytes
 * and fills up within quota_ms; a size counts for at least UPLOADS_COST_MIN. What was announced
 * and is claimed while it is pending is given back. One that was accepted and is in no message
 * does not count as pending any more, and gives nothing back: the quota alone bounds those.
 */
#pragma once

#include "chat/types.h"

#define UPLOADS_QUEUE_MAX 1024 // changes that wait
#define UPLOADS_CLAIM_MAX 64   // uploads of one claim
#define UPLOADS_COST_MIN  4096 // bytes

#define UPLOADS_QUOTA_MS_MAX 34560000000 // 400 days

struct uploads;

// The first two as in chat/store.h.
enum uploads_refusal {
    UPLOADS_UNCERTAIN = 1, // a change: it went away in the middle. Done, or not
    UPLOADS_UNAVAILABLE,   // any: full, out of reach, or over UPLOADS_QUEUE_MAX. Not done
    UPLOADS_NOT_FOUND,     // find, settle: unknown, or being deleted
    UPLOADS_QUOTA,         // create: over the quota
    UPLOADS_TOO_MANY,      // create: the owner has too many pending ones; before the quota
};

/** Announce one. Its owner may be new. */
struct uploads_create {
    struct chat_upload upload; // its id is new, its state UPLOAD_PENDING
    int64_t now_ms;            // Unix
    int64_t until_ms;          // Unix, above 0
    uint64_t quota_bytes;
    int64_t quota_ms;
    uint64_t max_pending; // of the owner, with this one
};

/** @param retry_after_ms  of UPLOADS_QUOTA: until there is room for it; 0: there never is */
typedef void uploads_create_fn(void *arg, int r, int64_t retry_after_ms);

/** @param u  NULL unless r is 0 */
typedef void uploads_find_fn(void *arg, int r, const struct chat_upload *u);

/** A pending one was checked. Of one that was settled before, nothing changes. */
struct uploads_settle {
    str id;
    enum upload_state state; // accepted, or rejected
    int64_t until_ms;        // Unix, above 0: from now on
};

/** @param state  as it is now, whoever has settled it; r may be UPLOADS_NOT_FOUND */
typedef void uploads_settle_fn(void *arg, int r, enum upload_state state);

/** Take some whose time is over, the first to end first, those that were claimed and not
 * removed in time included: their state is UPLOAD_DELETING from now on. */
struct uploads_claim {
    int64_t now_ms;   // Unix
    int64_t again_ms; // Unix, above now_ms: when they may be claimed again
    size_t max;       // 1 to UPLOADS_CLAIM_MAX
};

/** @param n  max: there may be more; 0 unless r is 0 */
typedef void uploads_claim_fn(void *arg, int r, const str *ids, size_t n);

typedef void uploads_remove_fn(void *arg, int r);

struct uploads_ops {
    void (*create)(struct uploads *u, const struct uploads_create *c, uploads_create_fn *done,
                   void *arg);
    void (*find)(struct uploads *u, str id, uploads_find_fn *done, void *arg);
    void (*settle)(struct uploads *u, const struct uploads_settle *s, uploads_settle_fn *done,
                   void *arg);
    void (*claim)(struct uploads *u, const struct uploads_claim *c, uploads_claim_fn *done,
                  void *arg);
    void (*remove)(struct uploads *u, str id, uploads_remove_fn *done, void *arg);
};

/** A backend embeds this. It lives as long as the store that it belongs to. */
struct uploads {
    const struct uploads_ops *ops;
};

static inline void uploads_create(struct uploads *u, const struct uploads_create *c,
                                  uploads_create_fn *done, void *arg)
{
    u->ops->create(u, c, done, arg);
}

/** @param id  of any length */
static inline void uploads_find(struct uploads *u, str id, uploads_find_fn *done, void *arg)
{
    u->ops->find(u, id, done, arg);
}

static inline void uploads_settle(struct uploads *u, const struct uploads_settle *s,
                                  uploads_settle_fn *done, void *arg)
{
    u->ops->settle(u, s, done, arg);
}

static inline void uploads_claim(struct uploads *u, const struct uploads_claim *c,
                                 uploads_claim_fn *done, void *arg)
{
    u->ops->claim(u, c, done, arg);
}

/** One that was claimed, and whose file is gone. Idempotent; any other is left as it is. */
static inline void uploads_remove(struct uploads *u, str id, uploads_remove_fn *done, void *arg)
{
    u->ops->remove(u, id, done, arg);
}
