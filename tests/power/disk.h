/**
 * A disk on which the power may go: what was done to its files, operation by operation and in
 * the order over all of them, and what may be left of that.
 *
 * Left is what was synced, and of all else any part: a file's bytes are safe by a sync of the
 * file, that it has its name (or has it no more) by a sync of the directory.
 */
#pragma once

#include <stdatomic.h>

#include "base/rand.h"
#include "base/str.h"

#define POWER_SECTOR    512 // bytes that the disk writes whole, or not
#define POWER_DATABASE  "parley.db"
#define POWER_WAL       "parley.db-wal"
#define POWER_INDEX     "index.db" // and what belongs to it begins so
#define POWER_NAME_SIZE 32         // bytes, NUL included
#define POWER_NAMES_MAX 8          // files of one image
#define POWER_FILES_MAX 96 // that a log knows: a name that is used again is another file
#define POWER_OPS_MAX   (UINT64_C(1) << 17)
#define POWER_LOG_BYTES                                                                        \
    (UINT64_C(1) << 29)         // that were written; of memory it costs what is used
#define POWER_PENDING_MAX 65536 // operations that wait for a sync of their file

/** @return from 0 to n - 1 */
static inline uint64_t power_below(struct rand *chance, uint64_t n)
{
    uint64_t x = 0;

    rand_bytes(chance, &x, sizeof(x));
    return (x >> 16) % n;
}

/** What a file holds. */
struct power_bytes {
    uint8_t *ptr;
    size_t n;
    size_t cap;
};

/** Bytes that it grows by are 0. */
void power_bytes_resize(struct power_bytes *b, size_t n);
void power_bytes_write(struct power_bytes *b, const void *bytes, size_t n, size_t at);
void power_bytes_fini(struct power_bytes *b);

struct power_image {
    unsigned n_files;
    struct {
        char name[POWER_NAME_SIZE];
        struct power_bytes bytes;
    } files[POWER_NAMES_MAX];
};

void power_image_fini(struct power_image *image);

/** Its index is that of another image, or none. */
void power_image_take_index(struct power_image *image, const struct power_image *from);

/** By content and name. */
uint64_t power_image_hash(const struct power_image *image);

enum power_op_kind {
    POWER_CREATE,
    POWER_DELETE,
    POWER_WRITE,
    POWER_TRUNCATE, // or make longer
    POWER_SYNC,
    POWER_SYNC_DIR,
    POWER_OP_KINDS
};

struct power_op {
    enum power_op_kind kind;
    bool has_failed; // a sync
    unsigned file;
    size_t at; // of a truncate the size
    size_t n_bytes;
    size_t bytes_at; // in the log
};

/**
 * The operations on a disk. It is in memory that a child shares, so that what a process has
 * done is known after its end. Thread: one at a time adds; any counts.
 */
struct power_log {
    atomic_size_t n_ops;
    size_t n_bytes;
    unsigned n_files;
    char names[POWER_FILES_MAX][POWER_NAME_SIZE];
    struct power_op ops[POWER_OPS_MAX];
    uint8_t bytes[POWER_LOG_BYTES];
};

static inline bool power_op_is_of(const struct power_log *log, const struct power_op *op,
                                  const char *name)
{
    return strcmp(log->names[op->file], name) == 0;
}

/** Of the index, or what belongs to it? It may be lost at any time. */
static inline bool power_op_is_of_index(const struct power_log *log, const struct power_op *op)
{
    return strncmp(log->names[op->file], POWER_INDEX, strlen(POWER_INDEX)) == 0;
}

/** @return owned; power_log_free() */
struct power_log *power_log_new(void);
void power_log_free(struct power_log *log);

/** Forget all of it, and begin with these files, which are safe. */
void power_log_begin(struct power_log *log, const struct power_image *from);

/** @return the number of a file that was just made */
unsigned power_log_name(struct power_log *log, const char *name);
void power_log_add(struct power_log *log, const struct power_op *op, const void *bytes);

static inline size_t power_log_count(const struct power_log *log)
{
    return atomic_load(&log->n_ops);
}

/** What is left of that which was not synced. */
enum power_cut {
    POWER_KEPT,     // all
    POWER_DROPPED,  // nothing
    POWER_TORN,     // any sectors of each write, and the last write of each file cut anywhere
    POWER_SHUFFLED, // any operations of each file, later ones without earlier ones, too
    POWER_CUTS
};

extern const char *const power_cut_names[POWER_CUTS];

struct power_past;

/**
 * The disk after the first operations of a log, none as yet.
 *
 * @param from     as at power_log_begin()
 * @param forgets  what a sync has failed to write is clean for the system, and never written
 * again; else it was written all the same
 * @return owned; power_past_free()
 */
struct power_past *power_past_new(const struct power_log *log, const struct power_image *from,
                                  bool forgets);
void power_past_free(struct power_past *past);

/** On to the state after the first n operations; it never goes back. */
void power_past_go(struct power_past *past, size_t n);

/** The power goes now. @param out  owned; power_image_fini() */
void power_past_cut(const struct power_past *past, enum power_cut cut, struct rand *chance,
                    struct power_image *out);
