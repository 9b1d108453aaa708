/** A server's data directory: whose it is. */
#pragma once

#include <sys/types.h>

#include "base/str.h"

/**
 * Take the directory for this process; it is made where it is missing.
 *
 * @param fd  close() gives the directory back, also after a fault unless it is -1
 * @return 0 or a fault: another process has it
 */
MUST_CHECK int store_dir_take(int *fd, const char *dir);

/**
 * Who has this directory open? Asking keeps nobody out.
 *
 * @param pid  0: nobody; -1: somebody in another container, who has no number here
 * @return 0 or a fault
 */
MUST_CHECK int store_dir_holder(pid_t *pid, const char *dir);

/**
 * The files in it are there after a power cut, once the store is open: SQLite syncs the
 * directory with its first commit, and does not look at what that gives.
 *
 * @return 0 or a fault
 */
MUST_CHECK int store_dir_sync(const char *dir);

/**
 * What was in it is elsewhere now, and goes on there: say so in the file `moved`, which is
 * there after a power cut. Idempotent.
 *
 * @return 0 or a fault
 */
MUST_CHECK int store_dir_set_moved(const char *dir);

/**
 * A backup is on its way into it: say so in the file `restoring`, which is there after a power
 * cut. Until it is taken away no server has the directory. Idempotent.
 *
 * @return 0 or a fault
 */
MUST_CHECK int store_dir_set_restoring(const char *dir);
MUST_CHECK int store_dir_clear_restoring(const char *dir);

/** @return 0 or a fault */
MUST_CHECK int store_dir_is_restoring(const char *dir, bool *is);

/** May a server have it? @return 0, or a fault: it was moved, or is not restored yet, or that
 * can't be told */
MUST_CHECK int store_dir_check(const char *dir);
