/**
 * What a message can't cost less than, on this machine and right now: a frame taken and passed
 * on by a server that does nothing else, and a record appended to a file and synced. Beside a
 * measured run, the two say how slow the day is.
 */
#pragma once

#include "bench/histogram.h"
#include "bench/process.h"

#define FLOOR_WARM_UP_US   500000
#define FLOOR_FORWARD_US   2000000 // that forwarding is measured
#define FLOOR_APPEND_US    1000000 // that each size of groups is, at most
#define FLOOR_RECORD_SIZE  300     // bytes: a message of 200, and what is stored beside it
#define FLOOR_GROUPS       3       // sizes of groups
#define FLOOR_SESSIONS_MAX 4000    // of more, so many are taken
#define FLOOR_CONTENT_MAX  65535   // bytes; likewise

struct floor_config {
    uint32_t n_sessions;
    uint32_t window; // frames of a session that are not answered yet
    size_t size;     // of a frame's content, bytes
    str folder;      // for the file; it is removed
    uint64_t seed;
};

/** Records that were written in groups, each with one write and one sync. */
struct floor_append {
    uint32_t n_group; // records
    uint64_t n;       // records written
    int64_t took_us;
    int64_t cpu_us;
    struct histogram sync_us; // of fdatasync alone
};

struct floor {
    uint64_t n_forwarded;
    int64_t forward_us; // that it took
    int64_t server_cpu_us;
    int64_t own_cpu_us;
    struct floor_append appends[FLOOR_GROUPS];
};

enum floor_refusal {
    FLOOR_FAILED = 1, // said on stderr
};

/** Takes some seconds. No loop of libuv is open. @return 0 or FLOOR_FAILED */
MUST_CHECK int floor_measure(struct floor *out, const struct floor_config *config);

double floor_forward_per_s(const struct floor *f);
double floor_server_cpu_us(const struct floor *f); // a message
double floor_own_cpu_us(const struct floor *f);
double floor_append_per_s(const struct floor_append *a);

// Its two halves.
MUST_CHECK int floor_forward(struct floor *out, const struct floor_config *config);
MUST_CHECK int floor_append(struct floor *out, const struct floor_config *config);
