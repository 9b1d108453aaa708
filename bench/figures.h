/** What the measured runs make as numbers, once for every form of the report. */
#pragma once

#include "bench/load.h"
#include "bench/options.h"

enum figure {
    FIGURE_SECONDS,
    FIGURE_ACKED_PER_S,
    FIGURE_DELIVERED_PER_S,
    FIGURE_ACK_MS, // four of them: FIGURES_SHARES
    FIGURE_DELIVERY_MS = FIGURE_ACK_MS + 4,
    FIGURE_SERVER_CPU_US = FIGURE_DELIVERY_MS + 4,
    FIGURE_SERVER_CORES,
    FIGURE_SERVER_RSS_KIB,
    FIGURE_SERVER_RSS_KIB_PER_SESSION,
    FIGURE_SERVER_CPU_US_PER_CONNECT, // of idle sessions: their joining included
    FIGURE_OWN_CPU_US,
    FIGURE_OWN_CORES,
    FIGURE_STORED,
    FIGURE_CONVERSATIONS,
    FIGURES
};

#define FIGURES_SHARES 4 // of latencies: p50, p90, p99, p99.9

/** By enum figure; NAN: it was not measured. */
struct figures {
    double of[FIGURES];
};

/** Of one run, or of none: r is NULL. */
void figures_of(struct figures *f, const struct bench_options *o, const struct load_result *x,
                const struct load_run *r);

/** Of several runs, figure by figure: what a share of them does not pass; 0 is the least, 0.5
 * the median, 1 the most. */
void figures_at(struct figures *f, const struct figures *all, size_t n, double share);
