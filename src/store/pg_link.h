/**
 * A connection to PostgreSQL, for one thread, which waits for it. Statements go out together
 * and their results are read in order (libpq's pipeline mode); each is prepared when a
 * connection first needs it. Arguments and results are binary. Nothing here waits for longer
 * than PG_LINK_SILENCE_MS for a sign of life, whatever fills up, but for the resolver of names.
 *
 * What goes wrong is logged here, once, without a statement's arguments or a password.
 */
#pragma once

#include <libpq-fe.h>

#include "base/account.h"
#include "base/buf.h"

#define PG_STATEMENTS 176 // ids are below this
#define PG_ARGS       64  // of one statement

// One that is silent for so long is lost: the server, or the way to it. The server has less for
// a statement, and for a lock, and says so.
#define PG_LINK_SILENCE_MS 15000

#define PG_LINK_CONNECT_MS 5000 // for each host that the URL names
#define PG_LINK_AGAIN_MS   1000 // from an attempt that failed to the next

// Of event=store_postgres_behind: how far it is, and what was answered before.
#define PG_BEHIND                                                                              \
    "position=%lld answered=%lld why=\"connect to the primary; if the database was restored, " \
    "set a new epoch and start the server again: it lacks what was answered\""

/** Whoever needs one has it as a static object. */
struct pg_statement {
    unsigned id;      // no other one has it: writers 0 to 31, readers 32 to 63, auth 64 to 95,
                      // uploads 96 to 127, the schema 128 to 135, nodes 136 to 143,
                      // migrate 144 to 175
    const char *text; // arguments by $1, with casts that say their types
};

enum pg_refusal {
    PG_LOST = 1, // the connection, or there is none: what was sent was done, or not
    PG_AGAIN,    // a deadlock, a lock or a statement that took too long, or what else goes away
                 // by itself. The transaction was not done
    PG_ERROR,    // any other. Likewise
};

// Arguments: of all together far less than 1 GiB, which the limits of a group see to.

/** The arguments of one statement. */
struct pg_args {
    struct buf bytes;
    int n;
    size_t at[PG_ARGS]; // in bytes; SIZE_MAX: NULL
    int lengths[PG_ARGS];
    struct {
        int32_t type; // enum pg_type; 0: no array is open
        int32_t n;
        bool has_null;
    } array; // the last argument
};

void pg_args_init(struct pg_args *a);
void pg_args_fini(struct pg_args *a);

/** Keep the memory, for the next statement. */
void pg_args_clear(struct pg_args *a);

void pg_arg_i64(struct pg_args *a, int64_t value);            // int8
void pg_arg_bool(struct pg_args *a, bool value);              // boolean
void pg_arg_bytes(struct pg_args *a, str bytes);              // bytea, or text that is UTF-8
void pg_arg_account(struct pg_args *a, const account *value); // bytea
void pg_arg_null(struct pg_args *a);

enum pg_type { // their OIDs
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_TEXT = 25,
};

/** An array begins: what comes until pg_arg_array_end() are its elements, each of this type. */
void pg_arg_array(struct pg_args *a, enum pg_type type);
void pg_arg_array_i64(struct pg_args *a, int64_t value);
void pg_arg_array_bool(struct pg_args *a, bool value);
void pg_arg_array_bytes(struct pg_args *a, str bytes); // of PG_BYTEA or PG_TEXT
void pg_arg_array_null(struct pg_args *a);
void pg_arg_array_end(struct pg_args *a);

// Results. A NULL reads as 0, false, or empty.

int64_t pg_i64(const PGresult *r, int row, int column); // of int8, int4 or int2
bool pg_bool(const PGresult *r, int row, int column);
str pg_str(const PGresult *r, int row, int column); // of bytea or text; borrowed from r
account pg_account(const PGresult *r, int row, int column);
bool pg_is_null(const PGresult *r, int row, int column);

static inline void pg_result_free(PGresult **r)
{
    PQclear(*r);
    *r = NULL;
}

// The connection.

struct pg_link;

struct pg_link_config {
    const char *url;   // of libpq: postgresql://… or key=value; copied
    const char *name;  // application_name: which node, which thread; copied
    bool is_read_only; // default_transaction_read_only
    int silence_ms;    // 0: PG_LINK_SILENCE_MS. To connect it has no more than it ever has
};

/** Not connected yet. @param out  owned; pg_link_free() @return 0 or a fault: the URL is none
 */
MUST_CHECK int pg_link_new(struct pg_link **out, const struct pg_link_config *config);

/** NULL is fine. */
void pg_link_free(struct pg_link *l);

/**
 * Connect, unless it is, also where the server has closed the connection meanwhile: by one
 * attempt. Where the last one failed less than PG_LINK_AGAIN_MS ago, none is made. Nothing may
 * be outstanding that the caller still wants to know of.
 *
 * @return 0 or PG_LOST
 */
MUST_CHECK int pg_link_up(struct pg_link *l);

/** Make an end to what it is waiting for, now and from now on: PG_LOST. Thread: any. */
void pg_link_stop(struct pg_link *l);

/** The server's process for this connection, of PQbackendPID(). 0: there is none. */
int pg_link_pid(const struct pg_link *l);

/**
 * The connection is given up: what is not committed is undone, or is found to have been done.
 * Nothing is outstanding any more.
 */
void pg_link_drop(struct pg_link *l);

/** Queue one. What fails here is told by pg_link_result(). @param a  NULL: it has none */
void pg_link_send(struct pg_link *l, const struct pg_statement *s, const struct pg_args *a);

/**
 * All that was queued goes out, and if one fails, those behind it are not done. Without a BEGIN
 * it is one transaction. Nothing, where nothing was queued.
 */
void pg_link_sync(struct pg_link *l);

/**
 * The result of the next statement that was queued and synced: exactly one call for each. Once
 * one was refused, those behind it are, too, with the same refusal, up to the sync. What the
 * last one before a sync answers is known of the sync as well: where nobody said BEGIN, all of
 * it is committed then, and not before.
 *
 * After PG_LOST nothing is outstanding: whoever asks for more is told PG_LOST again, and need
 * not ask.
 *
 * @param out  owned; PQclear(). NULL unless 0 is returned; NULL: the caller wants to know only
 *             that it was done
 * @return 0 or an enum pg_refusal
 */
MUST_CHECK int pg_link_result(struct pg_link *l, PGresult **out);

/** As that, of the next n, which are not looked at. @return 0, or the first refusal */
MUST_CHECK int pg_link_results(struct pg_link *l, size_t n);

/** How many rows it has changed. */
uint64_t pg_n_changed(const PGresult *r);

/**
 * Run statements that have no arguments, one after the other, as text: to set something up.
 * Nothing may be queued.
 *
 * @return 0 or an enum pg_refusal
 */
MUST_CHECK int pg_link_run(struct pg_link *l, const char *text);

/** Why the last one was refused: five letters of SQLSTATE, or "". */
const char *pg_link_sqlstate(const struct pg_link *l);
