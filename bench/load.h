/**
 * Connect, store what is to be there before, and then for each run: warm up, measure, drain,
 * check. At the end ask for histories. Or connect, and be idle.
 */
#pragma once

#include "bench/client.h"
#include "bench/process.h"

#define LOAD_PIDS_MAX    32
#define LOAD_WARM_UP_US  2000000  // not measured
#define LOAD_QUIET_US    1000000  // after the last message, for one that comes twice
#define LOAD_PATIENCE_US 10000000 // without any progress; then it is given up
#define LOAD_HEARTBEATS  2        // that each idle session has answered
#define LOAD_AT_ONCE     64       // connections under way at first

struct load_config {
    const struct target *targets; // sessions are dealt out to them
    size_t n_targets;
    const struct transport_ops *transport;
    const str *tokens; // one a session
    const struct wire *wire;
    uint32_t n_sessions;
    uint32_t window; // unanswered sends of a session
    uint64_t rate;   // messages a second, of all; 0: as fast as the windows let it
    int64_t measured_us;
    uint64_t n_preload;
    uint32_t n_runs;
    uint64_t n_pages;          // histories to ask for
    uint64_t n_stored;         // messages that the wallets have, of runs before this one
    uint32_t per_conversation; // messages stored for each that is in play; 0: see is_uniform
    bool is_uniform;           // to any other wallet; else i writes to i xor 1
    bool has_receipts;
    bool is_idle;
    uint64_t seed;
    size_t n_pids;
    uint64_t pids[LOAD_PIDS_MAX];
};

/** What one run has measured. */
struct load_run {
    struct measure measure;
    int64_t measured_us;         // that measuring took
    struct process_use from;     // of all pids, when measuring, or being idle, began
    struct process_use to;       // and when it ended
    struct process_use own_from; // and of this program
    struct process_use own_to;
    uint64_t n_stored;        // messages, at its end
    uint64_t n_conversations; // in play then; 0: that does not depend on it
};

/** The latest page of conversations: how long it took, and how much is on it. */
struct load_pages {
    struct histogram us;
    uint64_t n_messages;
};

struct load_result {
    struct load_run *runs;  // of --idle one
    size_t n_runs;          // that were measured to their end
    struct measure measure; // what is over all of them
    struct load_pages any;  // of any conversations in play
    struct load_pages old;  // of those of the first round, which are the longest
    struct ledger_counts counts;
    uint64_t n_unanswered;     // sends with neither an answer nor an error
    uint64_t n_stored;         // messages, at the end
    int64_t connected_us;      // that connecting took
    struct process_use before; // of all pids, before the first connection
    bool is_use_lost;          // of the pids some has ended
};

enum load_refusal {
    LOAD_FAILED = 1, // said on stderr, with what to do
};

/** Tells on stderr how far it is. @return 0 or LOAD_FAILED: there is no result */
MUST_CHECK int load_run(struct load_config *config, struct load_result *out);

/** Whatever load_run() has returned. */
void load_result_fini(struct load_result *r);
