/**
 * Port: what reaches an account wherever it is connected. The chat owns this interface;
 * src/bus/ holds the backends, and tests/conformance/bus.c is what every one must pass.
 *
 * The store is the truth, the bus a hint: an event may be lost, unless the bus says that it
 * loses nothing. Calls and callbacks are on the loop's thread; a callback comes after the call
 * has returned, never inside it. Arguments and results are borrowed until the call or the
 * callback returns.
 */
#pragma once

#include "chat/types.h"

struct bus;

enum bus_kind {
    BUS_MESSAGE,
    BUS_RECEIPT,
    BUS_CHANGE, // the account has accepted, blocked or unblocked a peer: the store has it
    BUS_TYPING,
    BUS_ASK,      // whoever has the account online shall publish its presence
    BUS_CROWDED,  // one of the account's sessions must go: their chats look which (limits.h)
    BUS_PRESENCE, // to those who watch the account that it is about
};

struct bus_event {
    enum bus_kind kind;
    account to;       // whose sockets shall get it: one of the two sides. Of BUS_PRESENCE: whom
                      // it is about
    uint64_t origin;  // the session that caused it, 0: none
    bool is_followed; // by another one for the account that is of the same position
    union {
        struct { // of a BUS_MESSAGE
            struct chat_message message;
            int64_t previous; // as store_appended has it
        };
        struct chat_receipt receipt;
        struct chat_typing typing;
        int64_t position; // of a BUS_CHANGE, in the store
        account asker;    // of a BUS_ASK: to whom it matters; len is 0: to all who watch
        struct {          // of a BUS_PRESENCE
            struct chat_presence presence;
            account only; // as the asker
        };
    };
};

struct bus_handler {
    /** An event for an account that is subscribed here; BUS_PRESENCE of one that is watched. */
    void (*on_event)(void *arg, const struct bus_event *e);

    /** Events may have been lost, for any account. */
    void (*on_gap)(void *arg);

    /** From now on every event for the account arrives, until it is unsubscribed. */
    void (*on_subscribed)(void *arg, const account *a);

    /** Whatever any node has published of up to this position has come: of a bus that loses
     * nothing. Never goes back. */
    void (*on_reach)(void *arg, int64_t position);
};

struct bus_ops {
    const char *name;
    void (*attach)(struct bus *b, const struct bus_handler *handler, void *arg);
    void (*subscribe)(struct bus *b, const account *a);
    void (*unsubscribe)(struct bus *b, const account *a);
    void (*watch)(struct bus *b, const account *a);
    void (*unwatch)(struct bus *b, const account *a);
    void (*publish)(struct bus *b, const struct bus_event *e);
    void (*reach)(struct bus *b, int64_t position);
    void (*free)(struct bus *b);
};

/** A backend embeds this as its first member. */
struct bus {
    const struct bus_ops *ops;
    // What is published arrives: true only of the workers of one process, on the embedded
    // store, which always knows what became of a change.
    bool loses_nothing;
    // And in that order: true only of one worker, where the order of publishing is that of
    // committing.
    bool is_ordered;
};

/** Before anything else. @param handler  borrowed for the life of the bus */
static inline void bus_attach(struct bus *b, const struct bus_handler *handler, void *arg)
{
    b->ops->attach(b, handler, arg);
}

/** Not while it is subscribed. */
static inline void bus_subscribe(struct bus *b, const account *a)
{
    b->ops->subscribe(b, a);
}

/** No event for it comes from now on, and no on_subscribed(). */
static inline void bus_unsubscribe(struct bus *b, const account *a)
{
    b->ops->unsubscribe(b, a);
}

/**
 * From now on its presence arrives, when it is published; and whatever is published after this
 * call to the account, by this same bus, arrives there after it was watched here: so one may
 * ask right away. Not while it is watched.
 */
static inline void bus_watch(struct bus *b, const account *a)
{
    b->ops->watch(b, a);
}

/** No BUS_PRESENCE of it comes from now on. */
static inline void bus_unwatch(struct bus *b, const account *a)
{
    b->ops->unwatch(b, a);
}

static inline void bus_publish(struct bus *b, const struct bus_event *e)
{
    b->ops->publish(b, e);
}

/** This node has published all of its own of up to this position. Of a bus that loses nothing.
 */
static inline void bus_reach(struct bus *b, int64_t position)
{
    b->ops->reach(b, position);
}

/** What was published and has not arrived is dropped. NULL is fine. */
static inline void bus_free(struct bus *b)
{
    if (b)
        b->ops->free(b);
}
