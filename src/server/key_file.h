/**
 * Keys in files of the data directory: each is whole and on the disk before it has its name.
 * What is wrong is said on stderr, with what to do.
 */
#pragma once

#include "base/buf.h"

/** What a file holds, and what to tell the operator of it. */
struct key_kind {
    size_t size;     // bytes that it takes, at most
    unsigned closed; // bits that its mode must not have
    bool (*is_good)(str bytes);
    const char *form;    // "is no …"
    const char *access;  // what others may do with a file whose mode has one of these bits
    const char *abuse;   // and what with the key
    const char *renewed; // what happens when it is removed
};

/** fini: key_dir_close(). */
struct key_dir {
    char *path; // owned, like the other
    int fd;
};

enum key_file_refusal {
    KEY_FILE_UNUSABLE = 1, // said
    KEY_FILE_ABSENT,       // not said
};

/** Made where it is missing. @return 0 or KEY_FILE_UNUSABLE; closed in either case by the
 * caller */
MUST_CHECK int key_dir_open(struct key_dir *d, str path);

/** Where it is missing, that is said. Otherwise the same. */
MUST_CHECK int key_dir_find(struct key_dir *d, str path);
void key_dir_close(struct key_dir *d);

/** What was done to its names stays done. @param name  which @return 0 or KEY_FILE_UNUSABLE */
MUST_CHECK int key_dir_sync(const struct key_dir *d, const char *name);

/** @param out  has room for kind->size @return 0 or an enum key_file_refusal */
MUST_CHECK int key_file_read(const struct key_dir *d, const char *name,
                             const struct key_kind *kind, struct buf *out);

/** A new file, synced. Run by root, it belongs to whom the directory belongs to. @return 0 or
 * KEY_FILE_UNUSABLE */
MUST_CHECK int key_file_write(const struct key_dir *d, const char *name, str bytes);

/** Say that it is so, by errno as well. @return KEY_FILE_UNUSABLE */
int key_file_refuse(const struct key_dir *d, const char *name, const char *what);
int key_file_refuse_errno(const struct key_dir *d, const char *name, const char *what);
