/**
 * What is done in the background, on a thread of its own, while others write and read: the
 * index is filled, and what SQLite keeps in its own logs (the files *-wal) is copied into the
 * databases.
 *
 * Nobody waits for it unless the tail is full: where processors are few, others come first.
 */
#pragma once

#include "store/sqlite_write.h"

#define SQLITE_KEEP_AGAIN_MS 1000 // after a failure

struct sqlite_keep {
    struct sqlite_writer *writer;
    struct sqlite_index index;
    struct sqlite_db log; // a connection of its own
    pthread_t thread;
    bool is_started;

    pthread_mutex_t mutex; // of what follows
    pthread_cond_t wake;
    int n_checked; // pages of the log's *-wal at the last checkpoint; the thread's while it
                   // runs
    bool is_asked;
    bool is_running;
    bool is_resting; // it has failed
    bool is_stopping;
};

/** The index is open. @param w  borrowed, for its life @return 0 or a fault;
 * sqlite_keep_close() */
MUST_CHECK int sqlite_keep_open(struct sqlite_keep *k, struct sqlite_writer *w,
                                const char *path);

/** The writer has no thread yet. @return 0 or a fault */
MUST_CHECK int sqlite_keep_start(struct sqlite_keep *k);

/** Do what is due, if anything is. Thread: the writer's. */
void sqlite_keep_wake(struct sqlite_keep *k);

/** Has it done all that it was woken for, or failed? Thread: any. */
bool sqlite_keep_is_idle(struct sqlite_keep *k);

/** Zeroes will do. The thread ends first, with what it is about. */
void sqlite_keep_close(struct sqlite_keep *k);
