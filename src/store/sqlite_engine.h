/** What the embedded store is made of: its files, and what its threads do with them. For
 * sqlite.c and for tests. */
#pragma once

#include "store/front.h"
#include "store/sqlite.h"
#include "store/sqlite_keep.h"
#include "store/sqlite_read.h"
#include "store/sqlite_write.h"

struct sqlite_engine {
    struct store_engine engine;
    int lock;                    // descriptor of the directory's lock
    struct sqlite_writer writer; // its thread's, while there is one
    struct sqlite_keep keep;     // likewise
    struct sqlite_reader reader; // likewise
};

static inline struct sqlite_engine *sqlite_engine_of(struct store_engine *e)
{
    return container_of(e, struct sqlite_engine, engine);
}

/** Of a store that store_sqlite_open() has made. */
static inline struct sqlite_engine *sqlite_engine_in(struct store *s)
{
    return sqlite_engine_of(store_front_of(s)->engine);
}
