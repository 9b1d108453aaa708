/** Inside of bus/nats.h: what its thread has, and what others tell it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/seldom.h"
#include "bus/nats.h"
#include "bus/nats_link.h"
#include "bus/nats_nodes.h"
#include "bus/nats_url.h"
#include "io/inbox.h"

#define NATS_PREFIX_SIZE 33 // bytes, NUL included

enum nats_letter_kind {
    LETTER_WANT,
    LETTER_WANT_NO_MORE,
    LETTER_EVENT,
    LETTER_NODE, // has announced itself
    LETTER_LOST, // the link
    LETTER_SLOW,
    LETTER_STOP,
};

/** What the thread is told. */
struct nats_letter {
    struct list node;
    enum nats_letter_kind kind;
    struct bus_wish wish; // of an event only how and the account
    uint64_t link;        // of LETTER_LOST: which
    size_t waits;         // bytes that it counts
    size_t n;
    char bytes[];
};

/** An account that is subscribed, or watched. */
struct nats_topic {
    struct map_node node;
    enum bus_want how;
    account account;
    size_t n_wishes;
    struct nats_subscription *subscription; // NULL while there is no link
};

struct bus_nats {
    struct bus_uplink uplink;
    struct nats_urls urls;
    char *ca_file; // or NULL
    char name[BUS_NODE_NAME_MAX + 1];
    char prefix[NATS_PREFIX_SIZE];
    struct rand *rand;
    int64_t node_ms;
    int64_t node_lost_ms;
    size_t queue_max;

    struct loop *loop;
    struct loop_thread thread;
    bool has_thread;
    struct inbox *inbox;

    pthread_mutex_t hub_mutex;
    struct bus_hub *hub; // NULL: there is none, and nothing comes

    atomic_bool is_stopping;
    atomic_bool is_up;
    atomic_size_t waits; // bytes in the inbox
    atomic_bool is_slow; // a letter says so
    atomic_uint_fast64_t n_published;
    atomic_uint_fast64_t n_received;
    atomic_uint_fast64_t n_dropped;
    atomic_uint_fast64_t n_unreadable;
    atomic_uint_fast64_t n_lost;
    atomic_uint_fast64_t n_slow;
    atomic_uint_fast64_t n_subjects;
    atomic_uint_fast64_t n_nodes;

    // The thread's.
    struct nats_link *link; // NULL: NATS is away
    uint64_t link_number;
    size_t at; // its URL
    int64_t away_since_ms;
    struct nats_subscription *announcements;
    uint8_t hash_key[HASH_KEY_SIZE];
    struct map topics;
    struct list to_confirm; // wishes, once the server has them
    struct nats_node self;
    struct nats_nodes nodes;
    struct timer announce;
    struct timer again;
    struct seldom dropped;
    uint64_t dropped_before;
    struct seldom forbidden;
    struct seldom refused;
};

/** @param n  bytes that it has room for @return owned */
struct nats_letter *nats_letter_new(enum nats_letter_kind kind, size_t n);

/** It is the thread's then. Thread: any. */
void nats_put(struct bus_nats *n, struct nats_letter *l);

/** Room in the queue, for a letter that counts so much. Thread: any. @return false: there is
 * none */
bool nats_take_room(struct bus_nats *n, size_t waits);

/** One attempt at each URL. @return 0 or the enum nats_link_refusal that says most */
MUST_CHECK int nats_connect(struct bus_nats *n);

/** @return the enum bus_nats_refusal that an enum nats_link_refusal is, 0: it goes away by
 * itself */
int nats_refusal_of_link(int r);

/** Begin: with the link, or without. The thread does not run yet. */
void nats_begin(struct bus_nats *n);

/** What the thread does with what it is told: an inbox_fn. */
void nats_on_letters(void *arg, struct list *letters);

/** The thread does not run any more. */
void nats_end(struct bus_nats *n);
