/**
 * What is counted of a run. Times belong to the message: one that was planned within the
 * measured time counts, whenever it was answered; one of the warm-up never does. Several runs
 * may follow each other.
 */
#pragma once

#include "base/str.h"
#include "bench/histogram.h"

#define MEASURE_CODES_MAX 32 // kinds of errors that are told apart
#define MEASURE_CODE_SIZE 32 // bytes of one's name, NUL included

struct measure_error {
    char code[MEASURE_CODE_SIZE];
    uint64_t n;
};

struct measure {
    int64_t from_us; // INT64_MAX: it has not begun
    int64_t to_us;   // INT64_MAX: it has not ended
    uint64_t sent;
    uint64_t acked;
    uint64_t delivered;
    uint64_t acked_meanwhile;     // answers that came within the measured time
    uint64_t delivered_meanwhile; // and messages
    struct histogram ack;
    struct histogram delivery;

    // These over all runs, and what was between.
    uint64_t n_acked;
    uint64_t n_refused;
    char first_refusal[MEASURE_CODE_SIZE]; // its code
    uint64_t n_delivered;
    uint64_t n_errors; // refused sends, lost connections, and what else the server said
    uint64_t n_reconnects;
    uint64_t n_echoed;  // a client's own messages, which it may get after a reconnect
    uint64_t n_repeats; // sends repeated on a new connection
    size_t n_codes;
    struct measure_error errors[MEASURE_CODES_MAX];
};

void measure_init(struct measure *m);

/** For the next run: what is over all of them stays. */
void measure_next(struct measure *m);

void measure_sent(struct measure *m, int64_t planned_us);
void measure_acked(struct measure *m, int64_t planned_us, int64_t now_us);
void measure_delivered(struct measure *m, int64_t planned_us, int64_t now_us);

/** A send was answered with an error. */
void measure_refused(struct measure *m, str code);

/** One more of the code that is this text; what is no plain character in it becomes '?'. Beyond
 * MEASURE_CODES_MAX they are counted, and not named. */
void measure_error(struct measure *m, str text);
