/** What a group was about, for those that come after it (store/pg_known.h). */
#pragma once

#include "store/pg_group.h"

/** It is committed. @param position  of the store, then */
void pg_remember(const struct pg_group *g, struct pg_all_known *all, int64_t position);
