/**
 * The directories of media/files.h, by blocking calls: media/tmp/, media/in/ and media/kept/,
 * where a file is in the folder of the first two characters of its name. All is found from
 * directories that are open, and no link is followed but media/ itself, which may be the
 * operator's, to another disk.
 *
 * What is done is on the disk when a call returns. Names are checked: see rand_is_name().
 * Thread: any; those that change something one at a time.
 */
#pragma once

#include "base/base.h"

struct disk {
    int tmp; // directories
    int in;
    int kept;
};

enum disk_refusal {
    DISK_MISSING = 1, // take, read: there is none
    DISK_MISMATCH,    // take: its size is another one
    DISK_TAKEN,       // publish: there is one of this name
    DISK_FULL,        // create, write, publish
};

/** Make them, for us alone, and empty tmp/. @return 0 or a fault, also where they are not in
 * one file system: d is as disk_close() leaves it */
MUST_CHECK int disk_open(struct disk *d, const char *data);
void disk_close(struct disk *d);

/** How much there is for us. @return 0 or a fault */
MUST_CHECK int disk_room(const struct disk *d, uint64_t *bytes);

/** A new file in tmp/, to be written. @return 0, DISK_FULL or a fault */
MUST_CHECK int disk_create(const struct disk *d, int *fd, const char *name);

/** All of it. @return 0, DISK_FULL or a fault */
MUST_CHECK int disk_write(int fd, const char *bytes, size_t n);

/** Have the disk begin to write what is in [done, until), and end what is in [0, done). @return
 * as disk_write() */
MUST_CHECK int disk_write_back(int fd, uint64_t done, uint64_t until);

/** Give the file of tmp/ its name in in/. @return 0, DISK_TAKEN, DISK_FULL or a fault */
MUST_CHECK int disk_publish(const struct disk *d, int fd, const char *name, const char *id);

/** Remove from tmp/. */
void disk_forget(const struct disk *d, const char *name);

/** Is it in in/, or kept? */
bool disk_has(const struct disk *d, const char *id);

/** From in/ to kept/. @return 0, also if it is kept already; DISK_MISSING, DISK_MISMATCH, or a
 * fault */
MUST_CHECK int disk_take(const struct disk *d, const char *id, uint64_t size);

/** Remove from both. @return 0, also if there is none, or a fault */
MUST_CHECK int disk_drop(const struct disk *d, const char *id);

/** Open one that is kept. @return 0, DISK_MISSING or a fault */
MUST_CHECK int disk_read(const struct disk *d, const char *id, int *fd, uint64_t *size,
                         int64_t *modified_ms);
