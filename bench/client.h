/**
 * One wallet with one socket: it sends, acknowledges what it gets, and when its connection is
 * lost makes another and repeats, under the same client_msg_id, what was not answered.
 */
#pragma once

#include "base/timer.h"
#include "bench/ledger.h"
#include "bench/measure.h"
#include "bench/session.h"
#include "bench/wire.h"

/** A send that is not answered yet. */
struct client_slot {
    struct flow *flow;  // NULL: the slot is free
    uint32_t next_free; // of a free one
    uint32_t n;         // its number in the flow
    uint64_t order;     // of sending, among those of the wallet
    int64_t planned_us;
    uint64_t chance[2]; // for client_msg_id
};

/** What all wallets of a run share. */
struct crowd {
    struct net *net;
    struct timers *timers;
    const struct transport_ops *transport;
    struct prng prng;
    const struct wire *wire;
    struct ledger *ledger;
    struct measure measure;
    struct buf scratch;
    uint32_t n_slots;     // that a client has, at most
    uint64_t n_under_way; // sends of all that are not answered
    bool has_receipts;
    const struct client_events *events;
    void *owner;
};

struct client {
    struct crowd *crowd;
    const struct target *target;
    str token;
    uint32_t i;
    uint32_t socket; // how many it had before this one
    struct session *session;
    struct timer retry;
    struct timer pause;    // while it is set, nothing is sent
    struct job read_later; // one receipt for all that came in a turn
    uint32_t read_peer;
    int64_t read_seq;          // 0: none to send
    struct client_slot *slots; // NULL before the first send
    uint32_t first_free;
    uint32_t n_taken;
    uint64_t order;
    bool is_ready;
    // For who drives it.
    uint64_t n_due;     // messages whose time has come
    uint64_t n_started; // of these, sent
};

struct client_events {
    /** It has joined, and everything that waited for it has come. Also after a reconnect. */
    void (*on_ready)(void *owner, struct client *c);

    /** A send was answered with an error; on_room() follows. */
    void (*on_refused)(void *owner, struct client *c);

    /** An answer came, or a pause is over, so that there is room for another send. */
    void (*on_room)(void *owner, struct client *c);

    /** The answer to client_ask(); 0: nobody has written there yet. */
    void (*on_page)(void *owner, const struct client *c, uint32_t n_messages);

    /** The connection ended. Where `end` is SESSION_LOST it tries again by itself. */
    void (*on_end)(void *owner, struct client *c, enum session_end end, const char *why);
};

/** @param target, token  borrowed for its life */
void client_init(struct client *c, struct crowd *crowd, uint32_t i, const struct target *target,
                 str token);
void client_fini(struct client *c);

void client_connect(struct client *c);

static inline bool client_has_room(const struct client *c, uint32_t window)
{
    return c->is_ready && !timer_is_set(&c->pause) && c->n_taken < window;
}

/** Have no room for so long. */
void client_pause(struct client *c, int64_t ms);

/** Send the next message; there must be room. @param planned_us  when it should have been */
void client_send(struct client *c, uint32_t to, int64_t planned_us);

/** For the latest page of what was written between it and the peer; it must be ready. */
void client_ask(struct client *c, uint32_t peer);
