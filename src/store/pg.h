/**
 * The store for several machines: PostgreSQL. Several processes may have one database open at
 * the same time, and each has two threads with a connection each: one writes what waits, in
 * groups, each one transaction; the other reads.
 *
 * Positions are in the order of commits, on whatever process:
 * docs/decisions/0025-postgresql.md.
 */
#pragma once

#include "base/rand.h"
#include "chat/store.h"
#include "io/loop.h"

#define STORE_PG_GROUP_MAX 1024 // changes, of whatever kind, of one transaction

struct store_pg_config {
    const char *url;  // postgresql://…, or what else libpq takes
    const char *dir;  // a server's, taken for it; NULL: none
    const char *name; // of this process, for who looks at the database's connections
    bool is_alone;    // nobody else may write to the database
    struct store_limits limits;
    struct rand *rand; // used while opening only
};

/** Is there a password in this URL? What is none has none. */
bool store_pg_has_password(const char *url);

/**
 * Tell of each file that libpq may read for this URL, or because of the environment, whenever
 * it connects; and of hosts that are sockets without a path, which begin with '@'. The path is
 * lent.
 */
void store_pg_files(const char *url, void (*fn)(void *arg, const char *path), void *arg);

/**
 * @param out  owned; store_free(). Its other ports, and other loops': store/front.h
 * @return 0 or a fault: it is not in reach, a newer Parley has written it, or it is not set as
 * it must be
 */
MUST_CHECK int store_pg_open(struct store **out, struct loop *l,
                             const struct store_pg_config *config);
