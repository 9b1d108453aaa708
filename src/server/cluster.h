/**
 * This node among those that share its store: it is in their table, and knows where the others
 * are reached. One for all loops of a process.
 */
#pragma once

#include "server/node_url.h"

// Between two looks into the table, however many ask for one.
#define CLUSTER_LOOK_MS 200

struct cluster;

/** Not one of them yet. @return owned; cluster_close() */
struct cluster *cluster_new(void);

/**
 * Find out which of them it is; blocks until the database has said so, whose tables have been
 * made. Once, before all that follows.
 *
 * @param postgres  a URL @param name  of this node @return 0 or a fault
 */
MUST_CHECK int cluster_join(struct cluster *c, const char *postgres, const char *name);

/**
 * Be there for the others from now on; once.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @param url  where they reach it @return 0 or a fault
 */
MUST_CHECK int cluster_start(struct cluster *c, struct loop *l, const struct node_url *url);

/** Not be there any more. On the loop, or after it. NULL is fine. */
void cluster_close(struct cluster *c);

/** Above 0. */
unsigned cluster_number(const struct cluster *c);

/** Where that node is reached. Thread: any. @return false: it is not there, or is this one */
bool cluster_find(struct cluster *c, unsigned number, struct node_url *out);

/**
 * What is known may be old: have the table looked into. Thread: any.
 *
 * @return a ticket for cluster_has_looked()
 */
uint64_t cluster_look(struct cluster *c);

/** Thread: any. */
bool cluster_has_looked(struct cluster *c, uint64_t ticket);

struct cluster_numbers {
    size_t nodes;  // that are there, this one too
    bool is_taken; // another server has the name
};

/** Thread: any. */
struct cluster_numbers cluster_numbers(struct cluster *c);
