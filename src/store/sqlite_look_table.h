/**
 * What an operator sees of a store, as tables in the words of the protocol: `messages`,
 * `conversations` and so on. They read the log and of the index its places, on the connection
 * that they are asked on, and can't be written to.
 *
 * They are virtual tables and no views, because a view has one way to its rows: of a
 * conversation's messages the index knows where they are, of all of them the log has the
 * order. Here each way is written down, and SQLite chooses by what is given.
 */
#pragma once

#include "store/sqlite_look_text.h"

#define SQLITE_LOOK_COLUMNS 12 // of a table, at most
#define SQLITE_LOOK_WAYS    5
#define SQLITE_LOOK_PARTS   3
#define SQLITE_LOOK_JOINS   2

struct sqlite_look_column {
    const char *name;
    const char *type;                     // and collation
    const char *text;                     // what it is, in SQL
    const char *joins[SQLITE_LOOK_JOINS]; // what FROM needs for that beside the way's own
};

/** What the column that is given is, and which parameter it is then. */
enum sqlite_look_key {
    LOOK_NO_KEY,
    LOOK_CONVERSATION, // ?1: its id
    LOOK_ACCOUNT,      // ?4: its bytes
    LOOK_TEXT,         // ?5
};

/** Statements that give a way's rows one after the other. */
struct sqlite_look_part {
    const char *from;  // NULL: there is no such part
    const char *where; // NULL: all
    const char *order; // NULL: none
};

/** How to come to the rows of which one column is given. */
struct sqlite_look_way {
    const char *column; // NULL: none
    enum sqlite_look_key key;
    const char *range;     // the column whose bounds are ?2 and ?3; NULL: none
    const char *orders[2]; // the columns by which the rows come in order, one or the other
    struct sqlite_look_part parts[SQLITE_LOOK_PARTS]; // in that order
    double cost;                                      // as SQLite counts it
    int64_t n_rows;
};

struct sqlite_look_table {
    const char *name;
    const char *key; // the columns that tell its rows apart
    struct sqlite_look_column columns[SQLITE_LOOK_COLUMNS];
    struct sqlite_look_way ways[SQLITE_LOOK_WAYS]; // the best first; the last has all rows
};

/** The tables that there are; each struct is a static one. */
extern const struct sqlite_look_table *const sqlite_look_tables[];
extern const size_t sqlite_look_n_tables;

/**
 * Let db have these tables. They need some views there: `indexed (position)`, up to where the
 * index has all; `placed (id, position)` and `kept (number, position)`, where it has a
 * conversation's messages, the older ones and the last ones; and of the latter `last_kept`, the
 * last one of each conversation.
 *
 * @param text  outlives db
 */
void sqlite_look_table_init(sqlite3 *db, const struct sqlite_look_text *text);

/**
 * Declare the tables to SQLite, which asks for the right to make tables then, and find out
 * whether the log has all that they are made of.
 *
 * @return SQLite's; SQLITE_ERROR: it has not
 */
int sqlite_look_table_connect(sqlite3 *db);
