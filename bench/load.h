/**
 * One run: connect, store what is to be there before, warm up, measure, drain, check. Or
 * connect, and be idle.
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
    bool is_uniform; // to any other wallet; else i writes to i xor 1
    bool has_receipts;
    bool is_idle;
    uint64_t seed;
    size_t n_pids;
    uint64_t pids[LOAD_PIDS_MAX];
};

struct load_result {
    struct measure measure;
    struct ledger_counts counts;
    uint64_t n_unanswered;       // sends with neither an answer nor an error
    int64_t connected_us;        // that connecting took
    int64_t measured_us;         // that measuring took
    struct process_use before;   // of all pids, before the first connection
    struct process_use from;     // when measuring, or being idle, began
    struct process_use to;       // and when it ended
    bool is_use_lost;            // of these three, some is not known: a process has ended
    struct process_use own_from; // and of this program
    struct process_use own_to;
};

enum load_refusal {
    LOAD_FAILED = 1, // said on stderr, with what to do
};

/** Tells on stderr how far it is. @return 0 or LOAD_FAILED: there is no result */
MUST_CHECK int load_run(struct load_config *config, struct load_result *out);
