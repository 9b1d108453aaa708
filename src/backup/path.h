/** Paths of a backup, and of what it is of. */
#pragma once

#include <errno.h>
#include <stdio.h>

#include "base/err.h"

#define BACKUP_PATH_SIZE 4096 // bytes, NUL included

/** @return 0 or a fault */
MUST_CHECK static inline int backup_path(char out[BACKUP_PATH_SIZE], const char *dir,
                                         const char *name)
{
    return snprintf(out, BACKUP_PATH_SIZE, "%s/%s", dir, name) < BACKUP_PATH_SIZE
               ? 0
               : err_fault(-ENAMETOOLONG, "%s", dir);
}
