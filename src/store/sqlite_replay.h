/** What the log has and the index has not, put into the tail again: at the start. */
#pragma once

#include "store/sqlite_write.h"

enum replay_statement {
    L_MESSAGES,
    L_REMOVED,
    L_MARKS,
    L_CONTACTS,
    L_COUNT,
};

extern const char *const sqlite_replay_texts[L_COUNT];

enum sqlite_replay_refusal {
    SQLITE_REPLAY_UNFIT = 1, // what the index has and what the log has can't both be
};

/**
 * The tail then has all that the index lacks, but for what would be too much for it: that is
 * put into the index first, and the log gets a milestone for it.
 *
 * @param from  the position that the index has
 * @return      0, SQLITE_REPLAY_UNFIT, or a fault
 */
MUST_CHECK int sqlite_replay(struct sqlite_writer *w, struct sqlite_index *ix, int64_t from);
