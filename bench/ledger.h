/**
 * What was sent, what was acknowledged, and what came: each message is checked against the
 * contract when it comes, and is forgotten once nothing more can be said of it.
 *
 * A flow is what one wallet sends another; its messages are numbered from 0 in the order of
 * sending. It takes 64 bytes and its part of a hash table; what is under way takes more, while
 * it is. Pure: no clock, no network.
 */
#pragma once

#include "base/base.h"

struct ledger;
struct flow;

struct ledger_counts {
    uint64_t lost;        // acknowledged, and not there: see ledger_count_lost()
    uint64_t duplicated;  // came twice on one socket
    uint64_t reordered;   // came behind a later one of its sender, or of its conversation
    uint64_t invented;    // came, and was not sent; or was refused; or is not what was stored
    uint64_t redelivered; // came again on a new socket, which the contract allows
    uint64_t awaited;     // acknowledged, and not there yet
};

/** @param out  owned; ledger_free() */
struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

const struct ledger_counts *ledger_counts(const struct ledger *l);

/** Borrowed, as long as the ledger. */
struct flow *ledger_flow(struct ledger *l, uint32_t from, uint32_t to);
uint32_t flow_to(const struct flow *f);

/** @param planned_us  from when on it is late @return its number */
uint32_t ledger_sent(struct ledger *l, struct flow *f, int64_t planned_us);

/** It is stored, under this seq: 1 or more. */
void ledger_acked(struct ledger *l, struct flow *f, uint32_t n, int64_t seq);

/** The server has said that it is not stored, and never will be. */
void ledger_refused(struct ledger *l, struct flow *f, uint32_t n);

struct arrival {
    uint32_t from;
    uint32_t to;
    uint32_t n;
    uint32_t socket; // of the recipient, its how-manieth: 0, 1, 2 …
    int64_t seq;
};

/** Count it. @return true the first time that this message comes: *planned_us is its own */
bool ledger_arrived(struct ledger *l, const struct arrival *a, int64_t *planned_us);

/** One came that bears the mark of no flow. */
void ledger_arrived_unsent(struct ledger *l);

/** At the end, when no more will come: what is still awaited is lost. */
void ledger_count_lost(struct ledger *l);
