/**
 * The reader: pages of messages, receipts, conversations and revocations, and uploads, each
 * from one snapshot, which those that come together share. It belongs to one thread from its
 * opening to its closing.
 */
#pragma once

#include "store/op.h"
#include "store/sqlite_db.h"
#include "store/sqlite_place.h"

struct sqlite_reader {
    struct sqlite_db db; // the log, and attached the index
    struct sqlite_places places;
    bool has_begun; // its snapshot
};

/** Both must be there. @param tail  borrowed @return 0 or a fault; then sqlite_reader_close()
 */
MUST_CHECK int sqlite_reader_open(struct sqlite_reader *rd, const char *path,
                                  const char *index_path, struct tail *tail);

/** Zeroes will do. */
void sqlite_reader_close(struct sqlite_reader *rd);

/** Answer it: from the snapshot of the last one, unless that has ended. */
void sqlite_reader_run(struct sqlite_reader *rd, struct read_op *op);

/** The snapshot is over. Soon: what it sees can't be dropped. */
void sqlite_reader_end(struct sqlite_reader *rd);
