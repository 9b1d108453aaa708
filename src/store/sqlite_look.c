#include "store/sqlite_look.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "io/loop.h"
#include "store/sqlite_file.h"
#include "store/sqlite_look_table.h"

#define STEPS     1000 // of SQLite's machine, between two looks at the clock
#define BUSY_MS   5000 // for a server that starts, and goes through its logs
#define NS_PER_MS INT64_C(1000000)

struct sqlite_look {
    sqlite3 *db;
    struct sqlite_look_text text;
    int64_t timeout_ms;
    int64_t ends_at_ns;
    bool is_ours;    // what is prepared now, which may do more than look
    bool is_refused; // by on_authorize()
    bool has_index;
    const char *index_why;
    char why[SQLITE_LOOK_WHY_SIZE];
};

// What a statement may do.

static bool is_harmless(const char *pragma, const char *value)
{
    static const struct {
        const char *name;
        bool has_value; // which says what to tell of, and sets nothing
    } harmless[] = {
        {"application_id", false}, {"collation_list", false}, {"compile_options", false},
        {"database_list", false},  {"encoding", false},       {"freelist_count", false},
        {"function_list", false},  {"index_info", true},      {"index_list", true},
        {"index_xinfo", true},     {"integrity_check", true}, {"module_list", false},
        {"page_count", false},     {"page_size", false},      {"quick_check", true},
        {"table_info", true},      {"table_list", true},      {"table_xinfo", true},
        {"user_version", false},
    };

    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        if (strcmp(harmless[i].name, pragma) == 0)
            return !value || harmless[i].has_value;
    }
    return false;
}

/** What wallets have signed in by, and the key of the index: what is printed gets around. */
static bool is_secret(const char *table, const char *column)
{
    static const char *const secrets[][2] = {
        {"session", "proof_digest"},
        {"session", "proof_signature"},
        {"nonce", "bytes"},
        {"state", "hash_key"},
    };

    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        if (strcmp(table, secrets[i][0]) == 0 && strcmp(column, secrets[i][1]) == 0)
            return true;
    }
    return false;
}

/** Not the last word: what writes is refused as such (run_one()). */
static bool may(int what, const char *a, const char *b)
{
    switch (what) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
    case SQLITE_READ: return true;
    // Virtual tables ask for that at their first use, as json_each does.
    case SQLITE_UPDATE: return strcmp(a, "sqlite_master") == 0;
    case SQLITE_FUNCTION: return strcmp(b, "load_extension") != 0;
    case SQLITE_PRAGMA: return is_harmless(a, b);
    default: return false;
    }
}

static int on_authorize(void *arg, int what, const char *a, const char *b, const char *schema,
                        const char *trigger)
{
    struct sqlite_look *l = arg;

    (void)schema, (void)trigger;
    if (l->is_ours)
        return SQLITE_OK;
    if (what == SQLITE_READ && is_secret(a, b))
        return SQLITE_IGNORE; // it is NULL
    if (may(what, a, b))
        return SQLITE_OK;
    l->is_refused = true;
    return SQLITE_DENY;
}

static int on_progress(void *arg)
{
    return sqlite_look_left_ms(arg) == 0;
}

int64_t sqlite_look_left_ms(const struct sqlite_look *l)
{
    const int64_t left_ns = l->ends_at_ns - loop_now_ns();
    return left_ns > 0 ? (left_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
}

// The reasons.

static int refuse(struct sqlite_look *l, int refusal, const char *why)
{
    snprintf(l->why, sizeof(l->why), "%s", why);
    return refusal;
}

const char *sqlite_look_why(const struct sqlite_look *l)
{
    return l->why;
}

const char *sqlite_look_without_index(const struct sqlite_look *l)
{
    return l->index_why;
}

// The index.

/** What we ask for ourselves. @return SQLite's */
static int exec(struct sqlite_look *l, const char *text)
{
    l->is_ours = true;
    const int r = sqlite3_exec(l->db, text, NULL, NULL, NULL);
    l->is_ours = false;
    return r;
}

/** The one number that a query returns, or 0, also where it can't be asked. */
static int64_t number(struct sqlite_look *l, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int64_t n = 0;

    l->is_ours = true;
    if (sqlite3_prepare_v2(l->db, text, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(stmt, 0);
    l->is_ours = false;
    sqlite3_finalize(stmt);
    return n;
}

#define HAS_PLACES                                                                             \
    "SELECT count(*) + 1 FROM (SELECT id, position FROM ix.place LIMIT 1)"                     \
    " LEFT JOIN (SELECT id, places FROM ix.thread LIMIT 1)"

// As sqlite_index_open() finds it out.
#define IS_OF_THIS_LOG                                                                         \
    "SELECT count(*) FROM ix.state s CROSS JOIN meta m WHERE s.epoch = m.epoch"                \
    " AND s.ahead <= m.position AND (s.position = 0 OR EXISTS"                                 \
    " (SELECT 1 FROM milestone t WHERE t.position = s.position AND t.chain = s.chain))"        \
    " AND (s.ahead = 0 OR EXISTS"                                                              \
    " (SELECT 1 FROM milestone t WHERE t.position = s.ahead AND t.chain = s.ahead_chain))"

// Behind its position it may have some of what there is, and not all.
#define WITH_INDEX                                                                             \
    "CREATE TEMP VIEW indexed AS SELECT position FROM ix.state;"                               \
    "CREATE TEMP VIEW placed AS SELECT id, position FROM ix.place"                             \
    " WHERE position <= (SELECT position FROM ix.state);"                                      \
    "CREATE TEMP VIEW kept AS SELECT t.id AS number, j.value AS position FROM ix.thread t"     \
    " CROSS JOIN json_each(kept_positions(t.places)) j"                                        \
    " WHERE j.value <= (SELECT position FROM ix.state);"                                       \
    "CREATE TEMP VIEW last_kept AS SELECT id AS number,"                                       \
    " kept_last(places, (SELECT position FROM ix.state)) AS position FROM ix.thread"

#define WITHOUT_INDEX                                                                          \
    "CREATE TEMP VIEW indexed AS SELECT 0 AS position;"                                        \
    "CREATE TEMP VIEW placed AS SELECT 0 AS id, 0 AS position WHERE 0;"                        \
    "CREATE TEMP VIEW kept AS SELECT 0 AS number, 0 AS position WHERE 0;"                      \
    "CREATE TEMP VIEW last_kept AS SELECT 0 AS number, 0 AS position WHERE 0"

#define NO_MORE                                                                                \
    "DROP VIEW temp.indexed; DROP VIEW temp.placed; DROP VIEW temp.kept;"                      \
    "DROP VIEW temp.last_kept; DETACH ix"

/** @return SQLite's */
static int connect_tables(struct sqlite_look *l)
{
    l->is_ours = true;
    const int r = sqlite_look_table_connect(l->db);
    l->is_ours = false;
    return r;
}

/** @return SQLite's */
static int do_without(struct sqlite_look *l, const char *why)
{
    l->index_why = why;
    const int r = exec(l, WITHOUT_INDEX);
    return r == SQLITE_OK ? connect_tables(l) : r;
}

/** @return SQLite's */
static int do_with(struct sqlite_look *l)
{
    const int r = exec(l, WITH_INDEX);
    return r == SQLITE_OK ? connect_tables(l) : r;
}

/** @return SQLite's, of what came instead of it */
static int leave_index(struct sqlite_look *l)
{
    l->has_index = false;
    const int r = exec(l, NO_MORE);
    return r == SQLITE_OK ? do_without(l, "is damaged") : r;
}

/** The snapshot of the index begins first: what the log says of it must not be older. */
static bool is_index_good(struct sqlite_look *l)
{
    bool is = exec(l, "BEGIN") == SQLITE_OK;

    is = is && number(l, HAS_PLACES) > 0;
    is = is && number(l, IS_OF_THIS_LOG) > 0;
    // There may be none: of a damaged database SQLite ends it by itself.
    (void)exec(l, "ROLLBACK");
    return is;
}

static int attach(struct sqlite_look *l, const char *path)
{
    char *text = sqlite3_mprintf("ATTACH %Q AS ix", path);
    const int r = exec(l, text);

    sqlite3_free(text);
    return r;
}

/** @return SQLite's */
static int open_index(struct sqlite_look *l, const struct sqlite_look_config *c)
{
    char path[SQLITE_FILE_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/index.db", c->dir); // the log's is longer, and had room
    if (c->without_index)
        return do_without(l, NULL);
    // It is made by nobody but the server: this connection is for reading.
    const int r = attach(l, path);
    if (r != SQLITE_OK) {
        return do_without(l, (r & 0xff) == SQLITE_CANTOPEN ? "is missing, or can't be opened"
                                                           : "is damaged");
    }
    l->has_index = is_index_good(l);
    if (l->has_index)
        return do_with(l);
    const int over = exec(l, "DETACH ix");
    return over == SQLITE_OK ? do_without(l, "is damaged, or of another store or version")
                             : over;
}

// Opening.

/** @return 0, LOOK_NO_STORE or LOOK_UNREADABLE */
static int find_log(struct sqlite_look *l, const char *dir, char path[SQLITE_FILE_PATH_SIZE])
{
    struct stat st;

    if (snprintf(path, SQLITE_FILE_PATH_SIZE, "%s/parley.db", dir) >= SQLITE_FILE_PATH_SIZE)
        return refuse(l, LOOK_UNREADABLE, "the path is too long");
    if (stat(path, &st) == 0)
        return 0;
    const bool is_missing = errno == ENOENT || errno == ENOTDIR;
    return refuse(l, is_missing ? LOOK_NO_STORE : LOOK_UNREADABLE, strerrordesc_np(errno));
}

/** @return 0 or LOOK_UNREADABLE */
static int open_log(struct sqlite_look *l, const char *path)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(path, &l->db, flags, NULL) != SQLITE_OK)
        return refuse(l, LOOK_UNREADABLE, sqlite3_errmsg(l->db));
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_timeout(l->db, BUSY_MS);
    sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_progress_handler(l->db, STEPS, on_progress, l);
    sqlite3_set_authorizer(l->db, on_authorize, l);
    return 0;
}

/** @return 0 or LOOK_UNREADABLE: it can't be read, or has not what our tables are made of */
static int open_tables(struct sqlite_look *l, const struct sqlite_look_config *c)
{
    sqlite_look_text_init(&l->text, l->db, c->home_chain);
    sqlite_look_table_init(l->db, &l->text);
    int r = exec(l, "SELECT count(*) FROM sqlite_schema");
    if (r == SQLITE_OK)
        r = open_index(l, c);
    if (r == SQLITE_OK)
        return 0;
    const char *said = sqlite3_errmsg(l->db);
    if (r != SQLITE_ERROR)
        return refuse(l, LOOK_UNREADABLE, said);
    snprintf(l->why, sizeof(l->why), "it is no store, or of another version of Parley (%s)",
             said);
    return LOOK_UNREADABLE;
}

static void start_clock(struct sqlite_look *l)
{
    l->ends_at_ns = loop_now_ns() + l->timeout_ms * NS_PER_MS;
}

int sqlite_look_open(struct sqlite_look **out, const struct sqlite_look_config *c)
{
    char path[SQLITE_FILE_PATH_SIZE];
    struct sqlite_look *l = NEW(struct sqlite_look);

    *out = l;
    l->timeout_ms = c->timeout_ms;
    start_clock(l);
    int r = find_log(l, c->dir, path);
    if (r == 0)
        r = open_log(l, path);
    return r == 0 ? open_tables(l, c) : r;
}

void sqlite_look_close(struct sqlite_look *l)
{
    const int r = sqlite3_close(l->db);

    assert(r == SQLITE_OK);
    (void)r;
    sqlite_look_text_fini(&l->text);
    free(l);
}

// Running.

bool sqlite_look_is_whole(const char *text)
{
    return sqlite3_complete(text) != 0;
}

static struct sqlite_look_value value_of(sqlite3_stmt *stmt, int i)
{
    struct sqlite_look_value v = {.kind = LOOK_NULL};

    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: return v;
    case SQLITE_INTEGER: v.kind = LOOK_NUMBER; break;
    case SQLITE_FLOAT:
        v.kind = isfinite(sqlite3_column_double(stmt, i)) ? LOOK_NUMBER : LOOK_STRING;
        break;
    case SQLITE_BLOB: v.kind = LOOK_BYTES; break;
    default: v.kind = LOOK_STRING; break;
    }
    const void *ptr = v.kind == LOOK_BYTES ? sqlite3_column_blob(stmt, i)
                                           : (const void *)sqlite3_column_text(stmt, i);
    v.text = (str){ptr, (size_t)sqlite3_column_bytes(stmt, i)};
    return v;
}

/** @return 0 or LOOK_INDEX_DAMAGED */
static int tell_columns(sqlite3_stmt *stmt, size_t n, const struct sqlite_look_rows *rows)
{
    const char **names = (const char **)mem_alloc(n * sizeof(*names) + 1);

    for (size_t i = 0; i < n; i++)
        names[i] = sqlite3_column_name(stmt, (int)i);
    const int r = rows->on_columns(rows->arg, n, names);
    free((void *)names);
    return r == 0 ? 0 : LOOK_INDEX_DAMAGED;
}

/** @return SQLite's; SQLITE_ABORT: enough */
static int tell_rows(sqlite3_stmt *stmt, size_t n, const struct sqlite_look_rows *rows)
{
    struct sqlite_look_value *values = mem_alloc(n * sizeof(*values) + 1);
    int r = sqlite3_step(stmt);

    while (r == SQLITE_ROW) {
        for (size_t i = 0; i < n; i++)
            values[i] = value_of(stmt, (int)i);
        r = rows->on_row(rows->arg, n, values) == 0 ? sqlite3_step(stmt) : SQLITE_ABORT;
    }
    free(values);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

/** @return 0, or an enum sqlite_look_refusal: what SQLite's result comes to */
static int judge(struct sqlite_look *l, int r)
{
    if (r == SQLITE_OK)
        return 0;
    if (r == SQLITE_ABORT)
        return LOOK_STOPPED;
    if (l->is_refused)
        return refuse(l, LOOK_READS_ONLY, sqlite3_errmsg(l->db));
    if ((r & 0xff) == SQLITE_INTERRUPT)
        return refuse(l, LOOK_LATE, "");
    return refuse(l, LOOK_WRONG, sqlite3_errmsg(l->db));
}

/** @param r  SQLite's @return may that be because of the index? */
static bool is_damage(int r)
{
    return (r & 0xff) == SQLITE_CORRUPT || (r & 0xff) == SQLITE_NOTADB ||
           (r & 0xff) == SQLITE_IOERR;
}

/** In one snapshot of each file. @return as judge(), or LOOK_INDEX_DAMAGED */
static int run_prepared(struct sqlite_look *l, sqlite3_stmt *stmt,
                        const struct sqlite_look_rows *rows, bool *is_damaged)
{
    const size_t n = (size_t)sqlite3_column_count(stmt);

    if (tell_columns(stmt, n, rows) != 0)
        return refuse(l, LOOK_INDEX_DAMAGED, "");
    const int r = tell_rows(stmt, n, rows);
    *is_damaged = is_damage(r);
    return judge(l, r);
}

static int run_one(struct sqlite_look *l, str *text, const struct sqlite_look_rows *rows,
                   bool *is_damaged)
{
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;

    l->is_refused = false;
    // The virtual tables read by statements of their own: it takes a BEGIN for them to see the
    // same store.
    int r = exec(l, "BEGIN");
    if (r == SQLITE_OK)
        r = sqlite3_prepare_v2(l->db, text->ptr, (int)text->len, &stmt, &rest);
    *is_damaged = is_damage(r);
    if (r != SQLITE_OK)
        return judge(l, r);
    str_take(text, (size_t)(rest - text->ptr));
    if (stmt && !sqlite3_stmt_readonly(stmt)) {
        sqlite3_finalize(stmt);
        return refuse(l, LOOK_READS_ONLY, "not authorized");
    }
    const int result = stmt ? run_prepared(l, stmt, rows, is_damaged) : 0;
    sqlite3_finalize(stmt);
    return result;
}

int sqlite_look_run(struct sqlite_look *l, str *text, const struct sqlite_look_rows *rows)
{
    const str all = *text;
    bool is_damaged = false;

    start_clock(l);
    int result = run_one(l, text, rows, &is_damaged);
    // There may be none: of a damaged database SQLite ends it by itself.
    (void)exec(l, "ROLLBACK");
    if (!is_damaged || !l->has_index)
        return result;
    if (leave_index(l) != SQLITE_OK)
        return refuse(l, LOOK_WRONG, sqlite3_errmsg(l->db));
    *text = all;
    result = run_one(l, text, rows, &is_damaged);
    (void)exec(l, "ROLLBACK");
    return result;
}
