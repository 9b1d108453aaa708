/**
 * A look at a NATS that servers have, or are to have: does what is published come, and who else
 * is there? It blocks, and announces nobody.
 */
#pragma once

#include "base/rand.h"
#include "bus/nats.h"

// To hear of each of the others once: they say so every BUS_NODE_MS.
#define BUS_NATS_LOOK_MS 5500

struct bus_nats_look {
    int64_t round_trip_ms;
    uint64_t nodes; // that were heard; only those that were waited for
};

enum bus_nats_look_refusal {
    BUS_NATS_LOOK_AWAY = BUS_NATS_BAD_CA + 1, // nobody answers, or it is no NATS
    BUS_NATS_LOOK_SILENT, // what is published does not come: it may be forbidden
};

struct bus_nats_look_config {
    const char *urls;
    const char *ca_file; // as in bus/nats.h
    const char *prefix;  // of subjects
    const char *self;    // the name of a node that does not count
    bool hears;          // waits for the others
    struct rand *rand;
};

/** @return 0, an enum bus_nats_refusal or an enum bus_nats_look_refusal */
MUST_CHECK int bus_nats_look(struct bus_nats_look *out, const struct bus_nats_look_config *c);
