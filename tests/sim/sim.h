/**
 * The simulator: whole nodes in one process, from the bytes of a WebSocket to the store, and
 * the devices of a few wallets, on virtual time. Chance comes from one seed, so that a run can
 * be had again: which node is asked, how long each byte, hint and answer of the store takes,
 * what is lost, who crashes when. After each event what must always hold is checked
 * (truth.c).
 *
 * One thread; nothing here knows a clock, a socket or a disk.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/timer.h"
#include "chat/chat.h"
#include "chat/store.h"
#include "store/mem.h"
#include "store/mem_op.h"
#include "support/mem_stream.h"
#include "support/seeded.h"

#define SIM_NODES    3
#define SIM_WALLETS  4
#define SIM_DEVICES  8
#define SIM_SEQS     4096 // of one conversation
#define SIM_SENDS    8192
#define SIM_UNIX_MS  INT64_C(1700000000000)
#define SIM_START_MS 1000000
#define SIM_KEY_SIZE 16 // bytes of a client_msg_id, NUL included

struct sim;

// chance

uint64_t sim_below(struct sim *sim, uint64_t n);

static inline bool sim_one_in(struct sim *sim, uint64_t n)
{
    return sim_below(sim, n) == 0;
}

/** Both included. */
static inline int64_t sim_between(struct sim *sim, int64_t a, int64_t b)
{
    return a + (int64_t)sim_below(sim, (uint64_t)(b - a + 1));
}

// links

struct sim_piece {
    int64_t at_ms; // when it arrives
    size_t len;
    bool is_end;
};

/** What a peer has written, and has not arrived yet. */
struct sim_pipe {
    struct buf bytes;
    struct sim_piece *pieces; // of these, in order
    size_t n_pieces;
    struct timer timer; // for the first of them
    int64_t last_ms;    // when the last one arrives
};

/** A TCP connection. The device's end is the device, the server's a stream of its node. */
struct sim_link {
    struct list node; // of the simulation's
    struct sim *sim;
    struct sim_device *device; // NULL: it has let go of it
    unsigned at;               // the node
    bool is_up;                // the server still has its end
    bool is_black;             // nothing arrives any more, and nobody is told
    struct mem_stream stream;
    struct sim_pipe up;
    struct sim_pipe down;
    struct timer server_end; // it hears then that the connection is lost
    struct timer device_end;
};

/** @return NULL: nobody listens there */
struct sim_link *sim_link_new(struct sim_device *d, unsigned node);
void sim_link_write(struct sim_link *l, str bytes);

/** The device closes it: what it has written before arrives. */
void sim_link_close(struct sim_link *l);

/** The network lets go of it, in the middle of whatever is under way. */
void sim_link_cut(struct sim_link *l);

/** The server's end is no more. */
void sim_link_drop(struct sim_link *l);

/** Take along what nodes have written, and free what is over. After each event. */
void sim_links_turn(struct sim *sim);
void sim_links_free(struct sim *sim);

// the store, as a node has it

/** @param disk  shared by all nodes, borrowed @return owned; store_free() */
struct store *sim_store_new(struct sim *sim, struct store *disk);

/** The node has crashed: nothing that it asks for is done any more. */
void sim_store_crash(struct store *base);

/** All that waits is answered now. */
void sim_store_end(struct store *base);

// the bus

/** One of a node. @return owned; bus_free() */
struct bus *sim_bus_new(struct sim *sim, unsigned node);

/** Nothing from it arrives anywhere any more. */
void sim_bus_end(struct bus *b);

/** The node has been away from the bus, and finds out that it was. */
void sim_bus_gap(struct bus *b);

// nodes

struct sim_node;

void sim_node_start(struct sim *sim, unsigned i);

/** Kill it, or have it stop in good order. */
void sim_node_end(struct sim *sim, unsigned i, bool is_crash);
void sim_node_accept(struct sim_node *n, struct stream *s);
struct bus *sim_node_bus(struct sim_node *n);
struct chat *sim_node_chat(struct sim_node *n);

// devices

enum sim_device_state {
    SIM_DEVICE_OFF,
    SIM_DEVICE_OPENING, // the WebSocket
    SIM_DEVICE_JOINING, // the namespace
    SIM_DEVICE_ON,
};

#define SIM_ASKED_MAX  4096 // requests of one connection
#define SIM_TO_ACK_MAX 4096 // events without an acknowledgement
#define SIM_TOGETHER   8    // sends of a device without an answer

struct sim_to_ack {
    int64_t id; // of the acknowledgement
    unsigned peer;
    uint64_t seq;
    bool from_peer;
};

struct sim_device {
    struct sim *sim;
    unsigned number;
    unsigned wallet;
    enum sim_device_state state;
    struct sim_link *link;
    struct buf in;    // bytes that have arrived
    struct buf frame; // the one that is looked at
    bool is_upgraded;
    unsigned laziness; // how often it sends, where it could acknowledge
    struct timer act;
    struct timer watchdog; // no ping has come
    // Of the connection.
    int64_t joined_ms;            // when it asked to join
    int64_t asked[SIM_ASKED_MAX]; // by the id of the answer: a send's number; -1: no send's
    size_t n_asked;
    struct sim_to_ack to_ack[SIM_TO_ACK_MAX];
    size_t n_to_ack;
    uint64_t last_seq[SIM_WALLETS];    // by peer: the last event's
    uint64_t heard[SIM_WALLETS][2][2]; // as marks below
    // Kept.
    bool has_started;   // it has been synced
    int64_t started_at; // the position of its first cursor: behind it, it needs all
    char cursor[64];
    bool kept[SIM_WALLETS][SIM_SEQS];
    uint64_t marks[SIM_WALLETS][2][2]; // by peer, whether it is the peer's, enum chat_mark
    bool blocks[SIM_WALLETS];          // as it was told last
    unsigned outbox[SIM_TOGETHER];     // sends without an answer, in their order
    size_t n_outbox;
};

void sim_device_init(struct sim *sim, unsigned i);
void sim_device_fini(struct sim_device *d);
void sim_device_on_bytes(struct sim_device *d, str bytes);

/** The connection is over, and so is the link for the device. */
void sim_device_on_end(struct sim_device *d);

/** It leaves, and comes back. */
void sim_device_come_again(struct sim_device *d);

/** Has it nothing left to send or to acknowledge? */
bool sim_device_is_done(const struct sim_device *d);

// truth

enum sim_send_state {
    SIM_SEND_OPEN,
    SIM_SEND_OK,
    SIM_SEND_REFUSED, // for good: its sender has given it up
};

struct sim_send {
    unsigned device;
    unsigned from;
    unsigned to;
    enum sim_send_state state;
    unsigned n_attempts; // connections on which it was sent
    unsigned n_unknown;  // of these without an answer, so far
    unsigned n_stored;
    uint64_t seq; // as stored
};

struct sim_truth {
    struct sim_send sends[SIM_SENDS];
    size_t n_sends;
    size_t n_log;                                // of the store's messages that were looked at
    int64_t position;                            // of the last of these
    uint64_t last_seq[SIM_WALLETS][SIM_WALLETS]; // by both wallets, the lower first
    uint64_t marks[SIM_WALLETS][SIM_WALLETS][2]; // by account and peer
    uint64_t said[SIM_WALLETS][SIM_WALLETS];     // a client has said that it keeps all up to
    bool acked[SIM_WALLETS][SIM_WALLETS][SIM_SEQS]; // by a client of the account's
    int64_t crowded_until_ms[SIM_WALLETS]; // by then its nodes know which sessions must go
};

/** Ends the process: what must hold does not. */
_Noreturn void sim_fail(struct sim *sim, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** One line of what happened; the last ones are shown with a failure. */
void sim_note(struct sim *sim, const char *fmt, ...) PRINTF_LIKE(2, 3);

unsigned truth_new_send(struct sim *sim, const struct sim_device *d, unsigned to);
void truth_key(unsigned send, char out[SIM_KEY_SIZE]);

/** A device was told that its message is stored. */
void truth_on_ok(struct sim *sim, struct sim_device *d, unsigned number, uint64_t seq,
                 str text);
void truth_on_refused(struct sim *sim, unsigned number);

/** A device has got it. */
void truth_on_message(struct sim *sim, struct sim_device *d, unsigned peer, uint64_t seq,
                      str key);
void truth_on_mark(struct sim *sim, struct sim_device *d, unsigned peer, bool by_peer,
                   enum chat_mark mark, uint64_t seq);
void truth_on_cursor(struct sim *sim, struct sim_device *d, str cursor, bool is_synced);

/** A device has lost its session for another one. */
void truth_on_too_many(struct sim *sim, const struct sim_device *d);

/** A BUS_CROWDED is under way. @param until_ms  it arrives by then; INT64_MAX: nowhere */
void truth_on_crowded(struct sim *sim, const account *a, int64_t until_ms);

/** After each event. */
void truth_check(struct sim *sim);

/** @return NULL, or what is missing still */
const char *truth_is_missing(struct sim *sim);

/** @return NULL, or what was not delivered, or not told to be */
const char *truth_is_undelivered(struct sim *sim);

// the whole

/** What this run is about, by its seed. */
struct sim_config {
    uint64_t seed;
    unsigned n_nodes; // 1: an ordered bus, as with the embedded store
    bool is_one; // process: they end together, their bus loses nothing, and the store knows
    int64_t busy_ms;
    unsigned bus_loses;   // one in so many hints; 0: none
    unsigned store_fails; // one in so many operations; 0: none
    int64_t store_ms;     // at most, for an answer
    int64_t net_ms;       // at most, for a byte
    int64_t bus_ms;       // at most, for a hint
    int64_t between_ms;   // two faults, at most; 0: none
    int64_t act_ms;       // two things that a device does, at most
    uint64_t sessions;    // of a wallet, on all nodes together; 0: as many as come
};

struct sim_counters {
    uint64_t events;
    uint64_t sent;
    uint64_t acked;
    uint64_t refused;
    uint64_t unknown; // sends whose connection ended before their answer
    uint64_t crashes;
    uint64_t stops;
    uint64_t cuts;
    uint64_t holes;  // links that went black
    uint64_t clocks; // jumps of them
    uint64_t hints_lost;
    uint64_t hints;
    uint64_t store_refused;
    uint64_t store_uncertain;
    uint64_t unhinted; // found by a check of hints
    uint64_t crowded;  // sessions that had to go for others
};

#define SIM_NOTES     64
#define SIM_NOTE_SIZE 160

/** What comes back by itself. */
struct sim_later {
    struct timer timer;
    struct sim *sim;
    unsigned node;
};

struct sim {
    struct sim_config config;
    struct sim_counters counters;
    struct timers timers;
    struct job_queue later;
    struct clock clock;
    int64_t clock_off_ms;
    struct seeded chance;
    struct store *disk;
    struct chat_limits *limits; // NULL: there are none
    struct auth_keyring keyring;
    struct buf text;
    struct list links;
    struct sim_node *nodes[SIM_NODES]; // NULL: it is down
    bool is_cut_off[SIM_NODES];        // from the bus
    int64_t reached[SIM_NODES];        // what each has announced all of, where they are one
    struct sim_device devices[SIM_DEVICES];
    struct sim_truth truth;
    bool is_calm; // no faults any more
    bool is_store_away;
    struct timer fault;
    struct timer store_back;
    struct sim_later node_back[SIM_NODES];
    struct sim_later bus_back[SIM_NODES];
    bool traces;
    char notes[SIM_NOTES][SIM_NOTE_SIZE];
    size_t n_notes;
};

account sim_account(unsigned wallet);

/** "0x1111…" */
const char *sim_address(unsigned wallet);

/** @return the wallet with this address */
unsigned sim_wallet(struct sim *sim, str address);

/** Everything that has to be done now. */
void sim_settle(struct sim *sim);
