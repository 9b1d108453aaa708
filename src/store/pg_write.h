/**
 * The writer on PostgreSQL: what waits becomes a few transactions, in the order of the calls of
 * each port. It belongs to one thread from its opening to its closing.
 */
#pragma once

#include "store/pg_group.h"
#include "store/pg_pairs.h"

struct pg_writer {
    struct pg_txn txn;
    struct store_limits limits;
    struct pg_pairs pairs;
    struct pg_mailboxes mailboxes;
    struct pg_all_known known;
    struct pg_args args;
    struct pg_group group;
};

/** @param link  borrowed @param is_alone  no other process writes @param rand  used in here
 * only */
void pg_writer_init(struct pg_writer *w, struct pg_link *link,
                    const struct store_limits *limits, bool is_alone, struct rand *rand);
void pg_writer_fini(struct pg_writer *w);

/** @param writes  of struct write_op: answered, and if 0, durable */
void pg_writer_run(struct pg_writer *w, struct list *writes);
