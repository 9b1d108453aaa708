/**
 * The tables in PostgreSQL, and what a server must be set to. Several nodes may open one
 * database at the same time: one of them makes the tables, the others wait for it.
 */
#pragma once

#include "store/pg_link.h"

#define PG_SCHEMA_VERSION 1

/** In SQL, of a position: there is an era for each 2^20 of them, from 1 on. An index that has
 * eras in place of positions is seldom written, and what is behind a position is found in a
 * few. */
#define PG_ERA_OF(position) "((" position " >> 20) + 1)"

/**
 * Make the tables where they are missing, bring them up to this version, and check the server:
 * UTF-8, synchronous_commit.
 *
 * @param l      connected
 * @param epoch  random; of a new database
 * @param has    what the database has: the same, or that of who has made it
 * @return 0 or a fault: it says what to do
 */
MUST_CHECK int pg_schema_open(struct pg_link *l, uint64_t epoch, uint64_t *has);
