/**
 * Rows of one kind, whichever database they are of: what is read there, and what it is compared
 * with.
 */
#pragma once

#include <sqlite3.h>

#include "base/arena.h"
#include "store/pg_link.h"

enum migrate_value_kind {
    MIGRATE_NULL,
    MIGRATE_NUMBER, // also what is true or false
    MIGRATE_BYTES,
};

struct migrate_value {
    enum migrate_value_kind kind;
    int64_t number;
    str bytes;
};

/** Some of them; all that they have lives as long as they do. */
struct migrate_rows {
    struct arena arena;
    struct migrate_value *values; // row by row; owned
    size_t n_columns;
    size_t n; // rows
    size_t max;
    size_t n_bytes; // of what they have in bytes
};

/** @param max  rows */
void migrate_rows_init(struct migrate_rows *r, size_t n_columns, size_t max);
void migrate_rows_fini(struct migrate_rows *r);
void migrate_rows_clear(struct migrate_rows *r);

static inline struct migrate_value *migrate_row(const struct migrate_rows *r, size_t row)
{
    return r->values + row * r->n_columns;
}

/** One more, of which nothing is there yet. There is room. */
struct migrate_value *migrate_rows_add(struct migrate_rows *r);

/** Bytes that live as long as the rows. */
struct migrate_value migrate_bytes(struct migrate_rows *r, str bytes);

static inline struct migrate_value migrate_number(int64_t number)
{
    return (struct migrate_value){.kind = MIGRATE_NUMBER, .number = number};
}

/** The row that the statement is at. */
void migrate_rows_take(struct migrate_rows *r, sqlite3_stmt *stmt);

/** A row of an answer; its bytes are borrowed from there. */
void migrate_row_of(struct migrate_value *values, const PGresult *found, int row);

bool migrate_row_eq(const struct migrate_value *a, const struct migrate_value *b, size_t n);

/** A row as bytes, which no other row has. */
void migrate_row_print(struct buf *out, const struct migrate_value *values, size_t n);

/** For people: without what messages say. @param n  of its first columns */
void migrate_row_say(struct buf *out, const struct migrate_value *values, size_t n);

/** An argument of each column, an array, for unnest(). @param types  a letter a column: i int8,
 * b bytea, o boolean */
void migrate_rows_args(const struct migrate_rows *r, const char *types, struct pg_args *a);
