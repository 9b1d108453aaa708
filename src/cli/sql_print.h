/**
 * The rows of a look into a store on stdout: a table, or a JSON object each.
 *
 * Most results are kept until their statement is over, so that whoever pages through them holds
 * no snapshot of the store. What is longer goes out meanwhile, within the statement's time.
 * Nothing is printed as it is that a terminal would obey: contents are of strangers.
 */
#pragma once

#include "base/buf.h"
#include "store/sqlite_look.h"

#define SQL_PRINT_KEPT  8388608 // bytes
#define SQL_PRINT_WIDTH 64      // columns that a cell is padded to, at most

struct sql_print {
    bool is_json;
    const struct sqlite_look *look; // whose time it is; borrowed
    struct buf names;               // of the columns, a NUL behind each
    struct buf cells;               // of a table: a letter, the text, and a NUL
    struct buf out;
    size_t *widths; // owned; in characters
    size_t n_columns;
    size_t n_tables; // that were begun
    bool has_gone_out;
    bool is_late;
};

void sql_print_init(struct sql_print *p, bool is_json, const struct sqlite_look *look);
void sql_print_fini(struct sql_print *p);

/** As struct sqlite_look_rows has them. */
int sql_print_columns(void *print, size_t n, const char *const *names);
int sql_print_row(void *print, size_t n, const struct sqlite_look_value *values);

/** The statement is over. @return 0, or 1: stdout does not take it */
MUST_CHECK int sql_print_end(struct sql_print *p);

/** It has failed: what was kept of it is forgotten. */
void sql_print_drop(struct sql_print *p);
