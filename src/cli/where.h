/** Which server a command is about: the one that `parley serve` would be in this environment.
 */
#pragma once

#include "base/buf.h"
#include "server/options.h"

/** What the flags of a command say of it. */
struct where {
    str config;          // empty: none
    str data;            // ptr is NULL: left open
    str keys;            // likewise; then of the server's options. Empty: the data directory
    uint64_t home_chain; // 0: left open
    str store;           // as serve has it; of the file and the environment alone
    bool is_store_elsewhere; // likewise: its messages are not in the data directory
    bool is_media_elsewhere; // likewise: files of users are not in the data directory
};

/**
 * Fill in what was left open, from the file of options and the environment.
 *
 * @param file  initialised; holds the file's text, to which *w may point
 * @return 0, or 2: said
 */
MUST_CHECK int where_read(struct where *w, struct buf *file);

/**
 * All of a command that is about one: its flags, then the rest of *where, then what it does.
 *
 * @param values  of the table; *where is in it
 * @param run     gets values; its strings live as long as it runs
 * @return the exit code
 */
int where_run(const struct option_table *table, const struct options_from *from, void *values,
              struct where *where, int (*run)(void *values));

/** The directory that its keys are in. */
str where_keys(const struct where *w);
