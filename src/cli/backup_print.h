/** What `parley backup` and `parley restore` say of a backup. */
#pragma once

#include <stdio.h>

#include "store/backup_db.h"

/** A line. */
void backup_print_info(FILE *out, const struct backup_info *info);
