/**
 * What the changes of a group do, on what was loaded of its conversations. Each answers its
 * operation: 0, or a refusal of the store's port, which has changed nothing.
 */
#pragma once

#include "store/pg_group.h"

struct pg_rules {
    const struct store_limits *limits;
    struct pg_mailboxes *mailboxes; // of recipients: known
};

void pg_change_append(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item);
void pg_change_receipt(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item);

/** What it means for messages that are there is in g->withholds. */
void pg_change_contact(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item);

/** Positions become those that the group has got. @param before  the store's, before them */
void pg_change_settle(struct pg_group *g, int64_t before);
