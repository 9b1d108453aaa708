/**
 * A data directory into PostgreSQL, where the server goes on as if nothing had happened: with
 * the same epoch, positions, ids and seqs, so that what clients have kept is good
 * (docs/decisions/0029-migrate.md).
 *
 * It may be stopped, or killed, at any moment, and goes on when it is called again. Threads:
 * one.
 */
#pragma once

#include "base/progress.h"
#include "base/rand.h"

#define MIGRATE_BATCH       2000
#define MIGRATE_DIGEST_SIZE 32 // bytes: SHA-256

enum migrate_refusal {
    MIGRATE_NO_STORE = 1, // there is none in the directory
    MIGRATE_NOT_EMPTY,    // in the database is something that is of no migration
    MIGRATE_OTHER,        // or of another one; or the directory has changed since it was begun
    MIGRATE_DONE,         // before
    MIGRATE_NOT_YET,      // to be compared: it is not done
    MIGRATE_AWAY, // the database is not in reach, has not done it, or may have: see the log
    MIGRATE_DIFFERS,
};

/** One kind of what is in both. */
struct migrate_compared {
    const char *name;
    int64_t n[2]; // rows: here, there
    uint8_t digests[2][MIGRATE_DIGEST_SIZE];
    bool is_same;
    const char
        *here; // where they differ first: the first columns of either; "": it has no more
    const char *there;
    // Of messages: that are not what their senders have sent, wherever they are now. What an
    // operator has changed is not, either.
    int64_t n_changed;
    int64_t changed_at; // the first one's position
};

/** What is told on the way. */
struct migrate_listener {
    struct progress_to progress;
    // May be NULL.
    void (*compared)(void *arg, const struct migrate_compared *c); // borrowed, with its texts
    void *arg;
};

struct migrate_config {
    const char *dir;
    const char *url;
    bool only_compare;
    size_t batch;      // rows of a transaction, at most; 0: MIGRATE_BATCH
    struct rand *rand; // used while opening only
    struct migrate_listener to;
};

/** @return 0, an enum migrate_refusal, or a fault */
MUST_CHECK int migrate_run(const struct migrate_config *config);
