/** What `parley-bench` can be told. */
#pragma once

#include "server/options.h"

struct bench_options {
    struct option_list urls;
    str data;
    str config;
    uint64_t sessions;
    uint64_t window;
    uint64_t rate;
    uint64_t size;
    uint64_t seconds;
    str transport;
    str peers;
    bool receipts;
    uint64_t stored_per_conversation;
    uint64_t preload;
    uint64_t runs;
    uint64_t history;
    str wallets;
    uint64_t stored;
    bool idle;
    str floor;
    struct option_list pids;
    bool json;
};

#define BENCH_SESSIONS_MAX 200000
#define BENCH_RUNS_MAX     100
#define BENCH_WINDOW_MAX   1024 // as many requests of a client may be under way at the server

/** @return 0, or an enum options_refusal: said */
MUST_CHECK int bench_options_parse(struct bench_options *out, int argc, char **argv);
