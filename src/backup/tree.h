/**
 * Files of users, each in the folder of the first two characters of its name, as media/disk.h
 * has them and a backup, too. What is copied is whole, or not there; it is on the disk when
 * tree_sync() returns.
 *
 * No link is followed but the directory itself. Names are of uploads. Threads: one.
 */
#pragma once

#include "crypto/digest.h"

struct tree {
    int fd; // -1: there is none
};

enum tree_refusal {
    TREE_MISSING = 1, // there is no such file
};

/** @param is_made  where it is missing; otherwise there is then no file in it
 * @return 0 or a fault; tree_close() in either case */
MUST_CHECK int tree_open(struct tree *t, const char *path, bool is_made);
void tree_close(struct tree *t);

/** @return 0, TREE_MISSING, or a fault */
MUST_CHECK int tree_size(const struct tree *t, const char *id, int64_t *size);

struct tree_copied {
    int64_t size;
    uint8_t sha256[CRYPTO_SHA256_SIZE];
};

/** What `to` has of that name is replaced. @return 0, TREE_MISSING, or a fault */
MUST_CHECK int tree_copy(const struct tree *from, const struct tree *to, const char *id,
                         struct tree_copied *out);

/** Read it, and nothing else. @return 0, TREE_MISSING, or a fault */
MUST_CHECK int tree_read(const struct tree *t, const char *id, struct tree_copied *out);

/** All that was copied to it stays. @return 0 or a fault */
MUST_CHECK int tree_sync(const struct tree *t);

/** @return 0, also where there is none, or a fault */
MUST_CHECK int tree_remove(const struct tree *t, const char *id);

/** For each file, in no order, and what a copy that was killed has left.
 * @return 0, or a fault, or what is not 0 of fn's */
typedef int tree_fn(void *arg, const char *name);
MUST_CHECK int tree_each(const struct tree *t, tree_fn *fn, void *arg);
