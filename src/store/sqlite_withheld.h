/**
 * What blocks withhold, in the writer: a range of the peer's messages for each, see
 * sqlite_file.c. All within a transaction of the writer's.
 */
#pragma once

#include "store/sqlite_thread.h"

/** Is this message of the peer's withheld from the side? @return 0 or a fault */
MUST_CHECK int withheld_is(struct threads *ts, const struct thread *t, unsigned side,
                           uint64_t seq, bool *is);

/** @param out  of the peer, up to seq, what the side may see @return 0 or a fault */
MUST_CHECK int withheld_visible_up_to(struct threads *ts, const struct thread *t, unsigned side,
                                      uint64_t seq, struct tally *out);

/**
 * Where is the peer's first message above seq that the side, which does not block it, may see?
 *
 * @param position  left as it is where there is none
 * @return          0 or a fault
 */
MUST_CHECK int withheld_next_visible(struct threads *ts, const struct thread *t, unsigned side,
                                     uint64_t seq, int64_t *position);

/** The side, which does not, blocks its peer; whoever calls touches t. @return 0 or a fault */
MUST_CHECK int withheld_begin(struct threads *ts, struct thread *t, unsigned side);

/** And no longer. @return 0 or a fault */
MUST_CHECK int withheld_end(struct threads *ts, struct thread *t, unsigned side);
