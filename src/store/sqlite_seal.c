#include "store/sqlite_seal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define TEXT_SIZE   512      // of a statement, NUL included
#define ROW_MAX     67108864 // bytes
#define TELL_EVERY  5000     // rows
#define MAX_TABLES  64
#define SIZE_OF_INT 8

static const char table_text[] =
    "CREATE TABLE IF NOT EXISTS seal ("
    "  name TEXT PRIMARY KEY,"
    "  n INTEGER NOT NULL,"
    "  digest BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID";

enum {
    S_TABLES,
    S_ADD,
    S_SEALS,
    S_COUNT,
};

static const char *const texts[S_COUNT] = {
    // sqlite_sequence is one of them; the statistics of ANALYZE are not.
    [S_TABLES] =
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
        " AND name <> 'seal' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite\\_schema' ESCAPE '\\' ORDER BY name",
    [S_ADD] = "INSERT INTO seal (name, n, digest) VALUES (?1, ?2, ?3)",
    [S_SEALS] = "SELECT name, n, digest FROM seal ORDER BY name",
};

struct table {
    char name[SQLITE_SEAL_NAME_SIZE];
    bool has_rowid;
    int64_t n;
    uint8_t digest[CRYPTO_SHA256_SIZE];
};

struct seal {
    struct sqlite_db *db;
    sqlite3_stmt *stmts[S_COUNT];
    const struct progress_to *to;
    const char *doing;
    struct table tables[MAX_TABLES];
    size_t n_tables;
    struct crypto_sha256 *hash;
    struct buf bytes;
};

// --- the digest of a table ---------------------------------------------------------

static void add_int(struct buf *out, uint64_t n)
{
    const uint64_t bytes = htobe64(n);
    const int r = buf_add(out, (str){(const char *)&bytes, SIZE_OF_INT});

    assert(r == 0);
    (void)r;
}

/** Its type first, so that no two rows of unlike values come to the same. */
static int add_value(struct seal *s, sqlite3_stmt *stmt, int column)
{
    const int type = sqlite3_column_type(stmt, column);

    add_int(&s->bytes, (uint64_t)type);
    if (type == SQLITE_NULL)
        return 0;
    if (type == SQLITE_INTEGER) {
        add_int(&s->bytes, (uint64_t)sqlite3_column_int64(stmt, column));
        return 0;
    }
    const str value = sqlite_db_str(stmt, column); // tables are strict: it is text, or bytes
    add_int(&s->bytes, value.len);
    return buf_add(&s->bytes, value) == 0 ? 0 : sqlite_db_fault(s->db, "a row is too long");
}

static int add_row(struct seal *s, sqlite3_stmt *stmt)
{
    const int n = sqlite3_column_count(stmt);
    int r = 0;

    buf_clear(&s->bytes);
    for (int i = 0; r == 0 && i < n; i++)
        r = add_value(s, stmt, i);
    crypto_sha256_add(s->hash, buf_str(&s->bytes));
    return r;
}

/** In the order of the key, which the first columns are where there is no rowid. An index would
 * have another. */
static int digest_rows(struct seal *s, struct table *t, sqlite3_stmt *stmt)
{
    int r = sqlite_db_step(s->db, stmt);

    while (r == 0) {
        if (t->n % TELL_EVERY == 0)
            progress_tell(s->to, (struct progress){s->doing, t->name, .n = t->n});
        t->n++;
        r = add_row(s, stmt);
        if (r == 0)
            r = sqlite_db_step(s->db, stmt);
    }
    crypto_sha256_end(s->hash, t->digest);
    return r < 0 ? r : 0;
}

static int digest_table(struct seal *s, struct table *t)
{
    char text[TEXT_SIZE];
    const char *const only = text;
    sqlite3_stmt *stmt = NULL;

    snprintf(text, sizeof(text), "SELECT * FROM main.\"%s\" NOT INDEXED ORDER BY %s", t->name,
             t->has_rowid ? "rowid" : "1");
    int r = sqlite_db_prepare_into(s->db, &only, 1, &stmt);
    if (r == 0)
        r = digest_rows(s, t, stmt);
    sqlite3_finalize(stmt);
    return r;
}

static int read_tables(struct seal *s)
{
    sqlite3_stmt *stmt = s->stmts[S_TABLES];
    int r = sqlite_db_step(s->db, stmt);

    while (r == 0 && s->n_tables < MAX_TABLES) {
        struct table *t = &s->tables[s->n_tables++];
        const str name = sqlite_db_str(stmt, 0);
        if (name.len >= sizeof(t->name))
            return sqlite_db_fault(s->db, "a table's name is too long");
        str_copy(t->name, name);
        t->has_rowid = sqlite3_column_int(stmt, 1) == 0;
        r = sqlite_db_step(s->db, stmt);
    }
    if (r == 0)
        return sqlite_db_fault(s->db, "there are too many tables");
    return r < 0 ? r : 0;
}

static int digest_all(struct seal *s)
{
    int r = read_tables(s);

    for (size_t i = 0; r == 0 && i < s->n_tables; i++)
        r = digest_table(s, &s->tables[i]);
    return r;
}

// --- making and checking -----------------------------------------------------------

static int open_seal(struct seal *s)
{
    s->hash = crypto_sha256_new();
    buf_init(&s->bytes, ROW_MAX);
    return sqlite_db_prepare_into(s->db, texts, S_COUNT, s->stmts);
}

static void close_seal(struct seal *s)
{
    for (size_t i = 0; i < S_COUNT; i++)
        sqlite3_finalize(s->stmts[i]);
    crypto_sha256_free(s->hash);
    buf_fini(&s->bytes);
}

static int add_seals(struct seal *s)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->n_tables; i++) {
        const struct table *t = &s->tables[i];
        sqlite_db_bind_text(s->stmts[S_ADD], 1, str_of(t->name));
        sqlite_db_bind(s->stmts[S_ADD], 2, t->n);
        sqlite_db_bind_bytes(s->stmts[S_ADD], 3,
                             (str){(const char *)t->digest, sizeof(t->digest)});
        r = sqlite_db_run(s->db, s->stmts[S_ADD]);
    }
    return r;
}

int sqlite_seal_make(struct sqlite_db *d, const struct progress_to *to)
{
    struct seal *s = NEW(struct seal);

    s->db = d;
    s->to = to;
    s->doing = "sealing";
    int r = sqlite_db_exec(d, table_text);
    if (r == 0)
        r = sqlite_db_exec(d, "DELETE FROM seal");
    if (r == 0)
        r = open_seal(s);
    if (r == 0)
        r = digest_all(s);
    if (r == 0)
        r = add_seals(s);
    close_seal(s);
    free(s);
    return r < 0 ? err_up(r) : 0;
}

static bool is_as_sealed(const struct table *t, sqlite3_stmt *stmt)
{
    return str_eq(sqlite_db_str(stmt, 0), str_of(t->name)) &&
           sqlite3_column_int64(stmt, 1) == t->n &&
           str_eq(sqlite_db_str(stmt, 2), (str){(const char *)t->digest, sizeof(t->digest)});
}

/** The first in the order of their names: either may lack it. @return SQLITE_SEAL_BROKEN */
static int refuse(char *table, const char *is, const char *was)
{
    const char *first = is && (!was || strcmp(is, was) < 0) ? is : was;

    snprintf(table, SQLITE_SEAL_NAME_SIZE, "%.*s", SQLITE_SEAL_NAME_SIZE - 1, first);
    return SQLITE_SEAL_BROKEN;
}

/** @return 0, SQLITE_SEAL_BROKEN, or a fault */
static int compare(struct seal *s, char *table)
{
    sqlite3_stmt *stmt = s->stmts[S_SEALS];

    for (size_t i = 0;; i++) {
        const struct table *t = i < s->n_tables ? &s->tables[i] : NULL;
        const int r = sqlite_db_step(s->db, stmt);
        if (r < 0)
            return r;
        const bool is_sealed = r == 0;
        if (!t && !is_sealed)
            return 0;
        if (!t || !is_sealed || !is_as_sealed(t, stmt)) {
            return refuse(table, t ? t->name : NULL,
                          is_sealed ? (const char *)sqlite3_column_text(stmt, 0) : NULL);
        }
    }
}

int sqlite_seal_check(struct sqlite_db *d, const struct progress_to *to, char *table)
{
    struct seal *s = NEW(struct seal);

    s->db = d;
    s->to = to;
    s->doing = "checking";
    table[0] = '\0';
    int r = open_seal(s);
    if (r == 0)
        r = digest_all(s);
    if (r == 0)
        r = compare(s, table);
    close_seal(s);
    free(s);
    return r < 0 ? err_up(r) : r;
}
