#include "store/sqlite_copy.h"

#include <stdio.h>

#include "base/err.h"
#include "store/sqlite_file.h"

#define TEXT_SIZE 1024 // of a statement, NUL included

// As many times at most are the tables gone through before the last snapshot, which is for what
// was written during the last of them.
#define ROUNDS 4

/** Those that grow at their ends, by their keys. */
static const struct grown {
    const char *name;
    const char *key;
    const char *what;     // for people
    unsigned number_from; // bit of the key from which on it counts
} grown[] = {
    {"account", "id", "accounts", 0},
    {"conversation", "id", "conversations", 32},
    {"message", "position", "messages: position", 0},
    {"removed", "position", "messages that were removed: position", 0},
    {"mark", "position", "receipts: position", 0},
    {"contact", "position", "contacts: position", 0},
    {"attachment", "position", "attachments: position", 0},
};

/** Those that are copied whole, each time. sqlite_sequence is of SQLite: AUTOINCREMENT. */
static const char *const whole[] = {
    "withheld", "milestone", "session", "nonce",           "revocation",
    "upload",   "uploader",  "changed", "sqlite_sequence", "meta",
};

// The copy's own *-wal takes a sync each so often, and no commit one: what is lost with the
// power is copied again. What is overwritten is to be gone.
static const char pragmas[] =
    "PRAGMA main.journal_mode = WAL;"
    "PRAGMA main.synchronous = NORMAL;"
    "PRAGMA main.secure_delete = 1;"
    "PRAGMA main.cache_size = -65536;"
    "PRAGMA main.wal_autocheckpoint = 16384;"
    "PRAGMA temp_store = MEMORY";

// --- opening -----------------------------------------------------------------------

/** A path within a URI, for reading only. @return owned */
static char *uri_of(const char *path)
{
    static const char kept[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    sqlite3_str *out = sqlite3_str_new(NULL);

    sqlite3_str_appendall(out, path[0] == '/' ? "file://" : "file:");
    for (const char *c = path; *c; c++) {
        if (strchr(kept, *c)) {
            sqlite3_str_appendchar(out, 1, *c);
        } else {
            sqlite3_str_appendf(out, "%%%02X", (unsigned char)*c);
        }
    }
    sqlite3_str_appendall(out, "?mode=ro");
    return sqlite3_str_finish(out);
}

static int attach(struct sqlite_copy *c, const char *log)
{
    char *uri = uri_of(log);
    char *text = sqlite3_mprintf("ATTACH %Q AS src", uri);
    const int r = sqlite_db_exec(&c->db, text);

    sqlite3_free(text);
    sqlite3_free(uri);
    return r;
}

/** What has changed until now needs no second look. */
static int begin(struct sqlite_copy *c)
{
    int r = sqlite_db_exec(&c->db, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sqlite_file_make_tables(&c->db);
    return r == 0 ? sqlite_db_exec(&c->db,
                                   "INSERT INTO main.meta SELECT * FROM src.meta;"
                                   "INSERT INTO main.changed SELECT * FROM src.changed;"
                                   "COMMIT")
                  : r;
}

// The last row of a table that is here: there it is another one, or none.
#define ENDS_OTHERWISE(table, is_another, or_else)                                             \
    " OR EXISTS (SELECT 1 FROM"                                                                \
    " (SELECT * FROM main." table                                                              \
    " ORDER BY position DESC LIMIT 1) m"                                                       \
    " LEFT JOIN src." table                                                                    \
    " s ON s.position = m.position"                                                            \
    " WHERE s.position IS NULL" or_else                                                        \
    " OR s.conversation <> m.conversation"                                                     \
    " OR " is_another ")"

/** Of another store, or of a later time than what is there now: somebody has put an older one
 * in its place. */
static const char is_other[] =
    "SELECT main.meta.epoch <> src.meta.epoch OR main.meta.position > src.meta.position"
    " OR coalesce((SELECT max(id) FROM main.changed), 0)"
    "  > coalesce((SELECT max(id) FROM src.changed), 0)" ENDS_OTHERWISE(
        "message", "s.seq <> m.seq OR s.created_at_ms <> m.created_at_ms",
        " AND NOT EXISTS (SELECT 1 FROM src.removed r WHERE r.position = m.position)")
        ENDS_OTHERWISE("mark", "s.at_ms <> m.at_ms", "") ENDS_OTHERWISE(
            "contact", "s.side <> m.side", "") " FROM main.meta CROSS JOIN src.meta";

/** @return 0, SQLITE_COPY_OTHER, or a fault */
static int find(struct sqlite_copy *c)
{
    int64_t is = 0;

    int r = sqlite_file_check(&c->db, "src", "parley.db");
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&c->db, "parley.db has nothing in it yet");
    r = sqlite_file_check(&c->db, "main", "the copy");
    if (r == SQLITE_FILE_EMPTY)
        return begin(c);
    if (r == 0 && sqlite_db_number(&c->db, is_other, &is) == 0 && !is) {
        c->is_resumed = true;
        return 0;
    }
    return SQLITE_COPY_OTHER; // or damaged, or of another version
}

/** A disk has had it, or somebody. */
static bool is_damaged(const struct sqlite_copy *c)
{
    const int primary = c->db.db ? sqlite3_errcode(c->db.db) & 0xff : SQLITE_OK;

    return primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT;
}

int sqlite_copy_open(struct sqlite_copy *c, const char *path, const char *log)
{
    c->n_rows = SQLITE_COPY_ROWS;
    int r = sqlite_file_make(path);
    if (r == 0)
        r = sqlite_db_open_as(&c->db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI);
    if (r == 0)
        r = sqlite_db_exec(&c->db, pragmas);
    if (r < 0 && is_damaged(c))
        return SQLITE_COPY_OTHER;
    if (r == 0)
        r = attach(c, log);
    if (r == 0)
        r = find(c);
    return r < 0 ? err_up(r) : r;
}

void sqlite_copy_close(struct sqlite_copy *c)
{
    sqlite_db_close(&c->db);
}

// --- what grows --------------------------------------------------------------------

/** The last key of it, counted as people do; 0: there is none. */
static int last_of(struct sqlite_copy *c, const char *schema, const struct grown *g,
                   int64_t *out)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "SELECT coalesce(max(%s) >> %u, 0) FROM %s.%s", g->key,
             g->number_from, schema, g->name);
    return sqlite_db_number(&c->db, text, out);
}

/** @param limit  rows; -1: all */
static int copy_rows(struct sqlite_copy *c, const struct grown *g, long limit, int *n)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "INSERT INTO main.%s SELECT * FROM src.%s"
             " WHERE %s > (SELECT coalesce(max(%s), 0) FROM main.%s) ORDER BY %s LIMIT %ld",
             g->name, g->name, g->key, g->key, g->name, g->key, limit);
    const int r = sqlite_db_exec(&c->db, text);
    *n = sqlite3_changes(c->db.db);
    return r;
}

/** Up to what there is when it begins, about. */
static int copy_table(struct sqlite_copy *c, const struct grown *g,
                      const struct progress_to *to)
{
    struct progress p = {.what = g->what};
    int n = (int)c->n_rows;

    int r = last_of(c, "src", g, &p.of);
    if (r == 0)
        r = last_of(c, "main", g, &p.n);
    p.is_resumed = c->is_resumed && p.n > 0;
    while (r == 0 && n == (int)c->n_rows && p.n < p.of) {
        progress_tell(to, p);
        p.is_resumed = false;
        r = copy_rows(c, g, (long)c->n_rows, &n);
        if (r == 0)
            r = last_of(c, "main", g, &p.n);
        p.of = p.n > p.of ? p.n : p.of;
    }
    if (p.of > 0)
        progress_tell(to, p);
    return r;
}

static int copy_grown(struct sqlite_copy *c, const struct progress_to *to)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < COUNT_OF(grown); i++)
        r = copy_table(c, &grown[i], to);
    c->is_resumed = false;
    return r;
}

/** @param is  is what is left less than a few portions? */
static int is_close(struct sqlite_copy *c, bool *is)
{
    int64_t left = 0;

    *is = true;
    for (size_t i = 0; *is && i < COUNT_OF(grown); i++) {
        int64_t there = 0;
        int64_t here = 0;
        int r = last_of(c, "src", &grown[i], &there);
        if (r == 0)
            r = last_of(c, "main", &grown[i], &here);
        if (r < 0)
            return r;
        left += there - here;
        *is = left <= (int64_t)c->n_rows * 4;
    }
    return 0;
}

// --- the last snapshot -------------------------------------------------------------

#define CHANGED(relation)                                                                      \
    "(SELECT row FROM src.changed WHERE relation = '" relation                                 \
    "'"                                                                                        \
    " AND id > (SELECT coalesce(max(id), 0) FROM main.changed))"

#define AGAIN(table, key, relation)                                                            \
    "DELETE FROM main." table " WHERE " key " IN " CHANGED(relation) ";"                       \
    "INSERT INTO main." table " SELECT * FROM src." table " WHERE " key                        \
    " IN " CHANGED(relation) ";"

static const char copy_changed[] = AGAIN("account", "id", "account")
    AGAIN("conversation", "id", "conversation") AGAIN("message", "position", "message")
        AGAIN("removed", "position", "message") AGAIN("attachment", "position", "message")
    // When somebody was last there is written by the way, and needs no `changed`.
    "UPDATE main.account SET seen_ms = s.seen_ms FROM src.account s"
    " WHERE s.id = main.account.id AND s.seen_ms <> main.account.seen_ms";

static int copy_whole(struct sqlite_copy *c, const char *table)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "DELETE FROM main.%s; INSERT INTO main.%s SELECT * FROM src.%s", table, table,
             table);
    return sqlite_db_exec(&c->db, text);
}

static int copy_rest(struct sqlite_copy *c)
{
    int n = 0;
    int r = sqlite_db_exec(&c->db, "BEGIN IMMEDIATE");

    for (size_t i = 0; r == 0 && i < COUNT_OF(grown); i++)
        r = copy_rows(c, &grown[i], -1, &n);
    if (r == 0)
        r = sqlite_db_exec(&c->db, copy_changed);
    for (size_t i = 0; r == 0 && i < COUNT_OF(whole); i++)
        r = copy_whole(c, whole[i]);
    if (r == 0)
        r = sqlite_db_exec(&c->db, "COMMIT");
    // Of some failures SQLite ends it by itself.
    if (r < 0 && !sqlite3_get_autocommit(c->db.db))
        (void)!sqlite_db_exec(&c->db, "ROLLBACK");
    return r;
}

int sqlite_copy_run(struct sqlite_copy *c, const struct progress_to *to)
{
    bool is = false;

    int r = sqlite_file_drop_triggers(&c->db); // they are for who changes it
    for (unsigned i = 0; r == 0 && !is && i < ROUNDS; i++) {
        r = copy_grown(c, to);
        if (r == 0)
            r = is_close(c, &is);
    }
    progress_tell(to, (struct progress){.what = "what is left"});
    if (r == 0)
        r = copy_rest(c);
    return r < 0 ? err_up(r) : 0;
}

int sqlite_copy_end(struct sqlite_copy *c)
{
    const int r = sqlite_file_make_triggers(&c->db);

    return r < 0 ? err_up(r) : 0;
}
