/**
 * SQLite's files on a disk of ours, in memory, which writes down what is done to them
 * (power/disk.h). It does as SQLite's own for Unix does: the same sector size, the same promise
 * that a torn write spoils nothing beside it, and a new journal or log has its directory synced
 * with the first sync of its own.
 *
 * It is the default, so that a store which knows nothing of it has its files here; the
 * directory that the store is given need be there all the same. One disk at a time. Thread:
 * any.
 */
#pragma once

#include <sqlite3.h>

#include "power/disk.h"

/** What a disk may answer with. */
enum power_fault_kind {
    POWER_WORKS,
    POWER_FAILS_TO_WRITE, // or to change a size; half of what was to be written is
    POWER_FAILS_TO_SYNC,
    POWER_FAILS_TO_READ,
};

struct power_fault {
    enum power_fault_kind kind;
    int code;        // of SQLite's
    unsigned after;  // so many of them go well
    bool for_ever;   // from then on, or once
    unsigned n_done; // how often it has failed
};

/** What a disk may say and not do; and what a test may make of the store, to see it noticed. */
enum power_lie {
    POWER_HONEST = 0,
    POWER_NO_SYNC_OF_LOG = 1,
    POWER_NO_SYNC_OF_DATABASE = 2,
    POWER_NO_SYNC_OF_DIR = 4,
    POWER_SYNCHRONOUS_NORMAL = 8, // whatever a PRAGMA asks for: a commit is not synced
    POWER_SYNCHRONOUS_OFF = 16,
};

struct power_disk;

/** It is the current one from now on. @param log  borrowed @return owned; power_disk_free() */
struct power_disk *power_disk_new(const struct power_image *from, struct power_log *log);

/** No file may be open. */
void power_disk_free(struct power_disk *disk);

void power_disk_fail(struct power_disk *disk, const struct power_fault *fault);
unsigned power_disk_failed(struct power_disk *disk);

/** @param lies  of enum power_lie */
void power_disk_lie(struct power_disk *disk, unsigned lies);

/** How many reads there were. */
unsigned power_disk_reads(struct power_disk *disk);
