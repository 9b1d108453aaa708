/** What `parley migrate` says of what it has compared. */
#pragma once

#include <stdio.h>

#include "store/migrate.h"

/** One kind, to where results go. */
void migrate_print_compared(FILE *to, const struct migrate_compared *c);
