/**
 * The nodes that share a PostgreSQL database: a table that says where each is reached. A node
 * says every STORE_NODES_MS that it is there, and is told who else is; one that was silent for
 * STORE_NODES_LOST_MS, by the database's clock, is not.
 *
 * A node has a name, which the operator gives it, and keeps the number that the name got: the
 * names of its sessions have it in them. Of two servers of the same name the later one has it.
 *
 * With a connection and a thread of its own: what else the store has to do delays nobody's
 * being there.
 */
#pragma once

#include "base/rand.h"
#include "io/loop.h"

#define STORE_NODES_MS      5000
#define STORE_NODES_LOST_MS 15000
#define STORE_NODES_KEPT_MS 3600000 // the number of one that is gone; then another may get it
#define STORE_NODES_MAX     256     // that are there at once
#define STORE_NODE_NUMBERS  4096    // above 0
#define STORE_NODE_NAME_MAX 64      // bytes
#define STORE_NODE_URL_MAX  255     // bytes

struct store_node {
    unsigned number;
    char name[STORE_NODE_NAME_MAX + 1];
    char url[STORE_NODE_URL_MAX + 1];
};

struct store_nodes;

struct store_nodes_config {
    const char *postgres; // a URL
    const char *name;     // at most STORE_NODE_NAME_MAX bytes
    struct rand *rand;    // used while opening only
};

/**
 * Find out which number the name has; blocks until the database has said so, whose tables have
 * been made (store/pg.h). It is not there yet: the first announcement says so.
 *
 * @param config  copied
 * @param out     owned; store_nodes_close() @return 0 or a fault
 */
MUST_CHECK int store_nodes_open(struct store_nodes **out,
                                const struct store_nodes_config *config);

/**
 * Before the first announcement; once.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @param url  where the others reach it, at most STORE_NODE_URL_MAX bytes; copied
 * @return 0 or a fault
 */
MUST_CHECK int store_nodes_start(struct store_nodes *x, struct loop *l, const char *url);

/** 1 to STORE_NODE_NUMBERS - 1; does not change. */
unsigned store_nodes_number(const struct store_nodes *x);

enum store_nodes_refusal {
    STORE_NODES_UNAVAILABLE = 1, // the database is
    STORE_NODES_TAKEN,           // another server has the name, or the number, now
};

/**
 * @param r      0 or an enum store_nodes_refusal
 * @param nodes  who is there, by number, this one too; NULL unless r is 0, or TAKEN. Borrowed
 */
typedef void store_nodes_fn(void *arg, int r, const struct store_node *nodes, size_t n);

/** On the loop; done comes once, after this has returned. Not while one is under way. */
void store_nodes_announce(struct store_nodes *x, store_nodes_fn *done, void *arg);

/** Not be there any more, which the others are told if the database is in reach. What is under
 * way is not answered. NULL is fine. */
void store_nodes_close(struct store_nodes *x);
