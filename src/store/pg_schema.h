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

/** What makes a version of the one before it. */
struct pg_step {
    const char *const *texts;
    size_t n;
    // Whoever knows only the version before may go on using the database: while this is done,
    // and afterwards. So it takes nothing away, and what it adds may be left out by who writes.
    bool is_gentle;
};

/** steps[v] makes version v + 1 of v; a new database goes through all of them. One that was
 * released is never changed: what comes next is a step of its own. */
struct pg_steps {
    size_t n;
    const struct pg_step *steps;
};

/**
 * Make the tables where they are missing, bring them up to this version, and check the server:
 * UTF-8, synchronous_commit. By gentle steps while others have it open; else nobody may.
 *
 * @param l      connected
 * @param epoch  random; of a new database
 * @param has    what the database has: the same, or that of who has made it
 * @return 0 or a fault: it says what to do
 */
MUST_CHECK int pg_schema_open(struct pg_link *l, uint64_t epoch, uint64_t *has);

/** The same with other steps than those of this version. */
MUST_CHECK int pg_schema_open_by(struct pg_link *l, const struct pg_steps *steps,
                                 uint64_t epoch, uint64_t *has);

/** Is all there that is being moved into it (`parley migrate`)? @return 0, also where nothing
 * ever was, or a fault: it says what to do */
MUST_CHECK int pg_schema_check_moved(struct pg_link *l);
