/**
 * The disk under media/local.h: files that come, are kept, and go. No HTTP in here.
 *
 * A thread makes all that changes something, one thing after the other, and so that it is on
 * the disk before it is said to be done. Another opens files, and so does not stand behind what
 * is being written. No link is followed but media/ itself, and no name is overwritten.
 *
 * What is being put is in the hands of the thread one piece at a time, so that many of them are
 * written in turns.
 */
#pragma once

#include "base/buf.h"
#include "base/rand.h"
#include "base/str.h"
#include "io/loop.h"

#define FILES_ID_SIZE                                                                          \
    (RAND_NAME_SIZE - 1) // characters: rand_is_name(), or it gets near no path

/** Bytes: of a put that come after it has asked for a rest. */
#define FILES_PUT_SLACK 1048576

#define FILES_SHA256_SIZE 32

struct files;

struct files_config {
    struct loop *loop;
    struct rand *rand;
    const char *data;           // the directory, which is there; media/ is made in it
    uint64_t reserve_bytes;     // of the disk, which are left free
    uint64_t write_bytes_per_s; // at least 1
    size_t put_queued;          // bytes of one put that may wait
};

enum files_refusal {
    FILES_MISSING = 1, // take, open: there is none
    FILES_MISMATCH,    // take, put: its size is another one than was announced
    FILES_TAKEN,       // put: there is one of this name
    FILES_DIGEST,      // put: it is another one than was announced
    FILES_FULL,        // put: the disk is, or would be
    FILES_GONE,        // put: the name was dropped meanwhile
    FILES_STOPPED,     // any
    FILES_BROKEN,      // any: a fault, which was logged
};

/** @param config  copied; what it points to is borrowed @param out  owned; files_free()
 * @return 0 or a fault: the directories can't be made, or written to */
MUST_CHECK int files_new(struct files **out, const struct files_config *config);

/** What is under way ends soon, and so does what is asked from now on: FILES_STOPPED. */
void files_stop(struct files *f);

bool files_is_idle(const struct files *f);

/** Nothing may be under way. NULL is fine. */
void files_free(struct files *f);

// Putting. Nothing is on the disk under its name until all of it is.

struct files_put;

struct files_put_events {
    /** There is room again. */
    void (*on_room)(void *arg);

    /** @param r  0: it is there; or an enum files_refusal, also before it was finished. The put
     * is no more */
    void (*on_end)(void *arg, int r);
};

struct files_put_config {
    str id;
    uint64_t size;         // bytes that will come
    const uint8_t *sha256; // of them, FILES_SHA256_SIZE bytes; NULL: anything
    const struct files_put_events *events;
    void *arg;
};

/** @param config  borrowed until this returns @return borrowed, until on_end() */
struct files_put *files_put_begin(struct files *f, const struct files_put_config *config);

/**
 * The next bytes; copied. Not after files_put_finish().
 *
 * @return whether there is room for more; else on_room() comes. No more than
 *         FILES_PUT_SLACK bytes may come until then
 */
bool files_put_write(struct files_put *p, str bytes);

/** That was all. */
void files_put_finish(struct files_put *p);

/** Nobody wants it any more: it is no more, and on_end() does not come. */
void files_put_drop(struct files_put *p);

// Keeping. Done, or an enum files_refusal.

typedef void files_done_fn(void *arg, int r);

/** Keep what was put, if it has this size. Idempotent. */
void files_take(struct files *f, str id, uint64_t size, files_done_fn *done, void *arg);

/** Remove it, kept or not. Idempotent. */
void files_drop(struct files *f, str id, files_done_fn *done, void *arg);

struct files_opened {
    int fd; // moved
    uint64_t size;
    int64_t modified_ms; // Unix
};

/** @param file  NULL unless r is 0 */
typedef void files_open_fn(void *arg, int r, const struct files_opened *file);

/** Open what is kept, for reading. */
void files_open(struct files *f, str id, files_open_fn *done, void *arg);

/** Where it is kept, for another program. @param path  added to; must take it */
void files_path(const struct files *f, str id, struct buf *path);
