/** What the operations of a group do, within its transaction. Private to the writer. */
#pragma once

#include "store/sqlite_write.h"

// Each answers op. @return 0, a refusal of store_append() or its like, which has changed
// nothing, or a fault: nothing of the group is stored.

MUST_CHECK int sqlite_change_append(struct sqlite_writer *w, struct write_op *op);
MUST_CHECK int sqlite_change_receipt(struct sqlite_writer *w, struct write_op *op);
MUST_CHECK int sqlite_change_contact(struct sqlite_writer *w, struct write_op *op);
MUST_CHECK int sqlite_change_seen(struct sqlite_writer *w, struct write_op *op);

/** op has changed t, and takes the next position. @return it */
int64_t sqlite_change_take(struct sqlite_writer *w, struct write_op *op, struct thread *t);

/** Does the peer know the marks of this side, as they are now? */
bool sqlite_marks_are_known(const struct sqlite_writer *w, const struct thread *t,
                            unsigned side);

/**
 * If so: the peer is told what it does not know yet.
 *
 * @param position  where it gets to know that
 * @param out       what is new to it
 * @return          how many
 */
size_t sqlite_marks_tell(const struct sqlite_writer *w, struct thread *t, unsigned side,
                         int64_t position, struct chat_receipt out[2]);

/** Likewise, whatever the peer may know. */
size_t sqlite_marks_tell_anyway(struct thread *t, unsigned side, int64_t position,
                                struct chat_receipt out[2]);

/**
 * How this side stands with its peer, for the log.
 *
 * @param is_known  its marks are known to the peer from there on
 * @return          0 or a fault
 */
MUST_CHECK int sqlite_contact_log(struct sqlite_writer *w, const struct thread *t,
                                  unsigned side, int64_t position, bool is_known);
