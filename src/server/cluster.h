/**
 * This node among those that share its store: it is in their table, and knows where the others
 * are reached. One for all loops of a process.
 */
#pragma once

#include "server/node_url.h"

struct cluster;

struct cluster_config {
    const char *postgres;       // a URL
    const char *name;           // of this node
    const struct node_url *url; // where the others reach it
};

/**
 * Be one of them; blocks until the database has said so.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @param config  used in here only @param out  owned; cluster_close() @return 0 or a fault
 */
MUST_CHECK int cluster_open(struct cluster **out, struct loop *l,
                            const struct cluster_config *config);

/** Not be there any more. On the loop, or after it. NULL is fine. */
void cluster_close(struct cluster *c);

/** Above 0. */
unsigned cluster_number(const struct cluster *c);

/** Where that node is reached. Thread: any. @return false: it is not there, or is this one */
bool cluster_find(struct cluster *c, unsigned number, struct node_url *out);

struct cluster_numbers {
    size_t nodes;  // that are there, this one too
    bool is_taken; // another server has the name
};

/** Thread: any. */
struct cluster_numbers cluster_numbers(struct cluster *c);
