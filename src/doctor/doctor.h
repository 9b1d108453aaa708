/**
 * `parley doctor`: what is right and what is wrong about a server that is, or is to be, started
 * with these options. Nothing is changed but for a probe of its own in the bucket, which it
 * takes out again. Each check is bounded in time; they run one after the other.
 */
#pragma once

#include "doctor/ask.h"
#include "doctor/finding.h"
#include "doctor/listener.h"
#include "doctor/server.h"
#include "server/node.h"
#include "server/serve_options.h"

/** Clocks that ours was compared with. */
struct doctor_clocks {
    unsigned n;
    int64_t worst_ms; // by how much it is ahead
    char whose[64];   // that one
};

struct doctor {
    const struct serve_options *options;
    struct node_config config; // what they mean
    struct findings findings;
    struct asker asker;
    char *data; // owned, like the next ones; each with a NUL
    char *ca_file;
    char *scan;
    char *store;
    char *user; // who it is now, where that was root; NULL: whoever started it. Owned
    struct server server;
    struct listener_found listener; // of --listen's port
    struct doctor_clocks clocks;
    char bus_prefix[64]; // of subjects
    bool has_bus_prefix;
    uint64_t n_nodes; // that the store knows of
};

/** @param o  as options_parse() has left them @param out  where to @return the exit code */
int doctor_run(const struct serve_options *o, FILE *out);

/** The options can't even be read. @param why  what was said of them @return the exit code */
int doctor_refuse(const struct serve_options *o, FILE *out, const char *why);

/** Of an answer that came from whose. */
void doctor_note_clock(struct doctor *d, const char *whose, const struct answer *a);
void doctor_note_ahead(struct doctor *d, const char *whose, int64_t ahead_ms);
