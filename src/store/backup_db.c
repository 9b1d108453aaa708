#include "store/backup_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/sent.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_file.h"
#include "store/sqlite_seal.h"
#include "store/sqlite_write.h"

#define TELL_EVERY 5000 // messages

_Static_assert(SQLITE_SEAL_NAME_SIZE == BACKUP_TABLE_SIZE, "of the same");

struct backup_db {
    struct sqlite_copy copy; // of one that there is, without a log
    struct sqlite_db *db;
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS backup ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  version TEXT NOT NULL,"
    "  made_at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE IF NOT EXISTS backup_file ("
    "  id TEXT PRIMARY KEY,"
    "  size INTEGER NOT NULL,"
    "  sha256 BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS backup_key ("
    "  name TEXT PRIMARY KEY,"
    "  bytes BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID";

/** With its statement, for those who ask once. @return 0, SQLITE_DB_NO_ROW, or a fault */
static int ask(struct backup_db *b, const char *text, str arg, sqlite3_stmt **stmt)
{
    const int r = sqlite_db_prepare_into(b->db, &text, 1, stmt);

    if (r < 0)
        return r;
    sqlite_db_bind_text(*stmt, 1, arg);
    return sqlite_db_step(b->db, *stmt);
}

/** @return 0 or a fault */
static int run(struct backup_db *b, const char *text, str arg)
{
    sqlite3_stmt *stmt = NULL;

    const int r = ask(b, text, arg, &stmt);
    sqlite3_finalize(stmt);
    return r < 0 ? r : 0;
}

static bool is_there(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

/** Of a file in a folder, and of nothing else: backups come from anywhere. */
static bool is_name(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return s.len >= 2 && s.ptr[0] != '.';
}

// --- making one --------------------------------------------------------------------

/** What is known of files that are with the backup before this one. */
static int take_files(struct backup_db *b, const char *previous)
{
    char *text = sqlite3_mprintf("ATTACH %Q AS previous", previous);
    const int r = sqlite_db_exec(b->db, text);

    sqlite3_free(text);
    return r == 0 ? sqlite_db_exec(b->db,
                                   "INSERT OR IGNORE INTO main.backup_file"
                                   " SELECT * FROM previous.backup_file;"
                                   "DETACH previous")
                  : r;
}

int backup_db_begin(struct backup_db **out, const struct backup_db_paths *paths)
{
    struct backup_db *b = NEW(struct backup_db);

    *out = b;
    b->db = &b->copy.db;
    int r = sqlite_copy_open(&b->copy, paths->part, paths->log);
    if (r == 0)
        r = sqlite_db_exec(b->db, tables);
    if (r == 0 && !b->copy.is_resumed && is_there(paths->previous))
        r = take_files(b, paths->previous);
    if (r == SQLITE_COPY_OTHER)
        return BACKUP_DB_OTHER;
    return r < 0 ? err_up(r) : 0;
}

int backup_db_copy(struct backup_db *b, const struct progress_to *to)
{
    const int r = sqlite_copy_run(&b->copy, to);

    return r < 0 ? err_up(r) : 0;
}

void backup_db_close(struct backup_db *b)
{
    sqlite_copy_close(&b->copy);
    free(b);
}

// --- files -------------------------------------------------------------------------

#define LACKED                                                                                 \
    ".upload u WHERE u.state = 1"                                                              \
    " AND NOT EXISTS (SELECT 1 FROM main.backup_file f WHERE f.id = u.id)"

_Static_assert(UPLOAD_ACCEPTED == 1, "as the statements have it");

/** Of rows of id, size and two digests, of which either may be empty. */
static int take_page(struct backup_db *b, const char *text, const char *after,
                     struct backup_files *out)
{
    sqlite3_stmt *stmt = NULL;
    int r = ask(b, text, str_of(after), &stmt);

    out->n = 0;
    while (r == 0) {
        struct backup_file *f = &out->all[out->n++];
        const str id = sqlite_db_str(stmt, 0);
        const str announced = sqlite_db_str(stmt, 2);
        const str sha256 = sqlite_db_str(stmt, 3);
        *f = (struct backup_file){.size = sqlite3_column_int64(stmt, 1)};
        if (id.len >= sizeof(f->id) || !is_name(id)) {
            r = sqlite_db_fault(b->db, "a file has no good name");
            break;
        }
        str_copy(f->id, id);
        f->is_announced = announced.len == sizeof(f->announced);
        if (f->is_announced)
            str_copy((char *)f->announced, announced);
        if (sha256.len == sizeof(f->sha256))
            str_copy((char *)f->sha256, sha256);
        r = out->n < BACKUP_FILES ? sqlite_db_step(b->db, stmt) : SQLITE_DB_NO_ROW;
    }
    sqlite3_finalize(stmt);
    return r < 0 ? r : 0;
}

int backup_db_lacks(struct backup_db *b, enum backup_db_whose whose, const char *after,
                    struct backup_files *out)
{
    static const char *const pages[] = {
        [BACKUP_OF_LOG] = "SELECT id, size, sha256, x'' FROM src" LACKED
                          " AND u.id > ?1 ORDER BY u.id LIMIT 256",
        [BACKUP_OF_COPY] = "SELECT id, size, sha256, x'' FROM main" LACKED
                           " AND u.id > ?1 ORDER BY u.id LIMIT 256",
    };
    const int r = take_page(b, pages[whose], after, out);

    return r < 0 ? err_up(r) : 0;
}

_Static_assert(BACKUP_FILES == 256, "as the statements have it");

int backup_db_count_lacks(struct backup_db *b, enum backup_db_whose whose, int64_t *n)
{
    const int r = sqlite_db_number(b->db,
                                   whose == BACKUP_OF_LOG ? "SELECT count(*) FROM src" LACKED
                                                          : "SELECT count(*) FROM main" LACKED,
                                   n);

    return r < 0 ? err_up(r) : 0;
}

/** Is there a row? */
static int exists(struct backup_db *b, const char *text, const char *id, bool *is)
{
    sqlite3_stmt *stmt = NULL;

    const int r = ask(b, text, str_of(id), &stmt);
    *is = r == 0;
    sqlite3_finalize(stmt);
    return r < 0 ? err_up(r) : 0;
}

int backup_db_is_live(struct backup_db *b, const char *id, bool *is)
{
    return exists(b, "SELECT 1 FROM src.upload WHERE id = ?1 AND state = 1", id, is);
}

int backup_db_has_file(struct backup_db *b, const char *id, bool *has)
{
    return exists(b, "SELECT 1 FROM main.backup_file WHERE id = ?1", id, has);
}

static int add_file(struct backup_db *b, sqlite3_stmt *stmt, const struct backup_file *f)
{
    sqlite_db_bind_text(stmt, 1, str_of(f->id));
    sqlite_db_bind(stmt, 2, f->size);
    sqlite_db_bind_bytes(stmt, 3, (str){(const char *)f->sha256, sizeof(f->sha256)});
    return sqlite_db_run(b->db, stmt);
}

int backup_db_add_files(struct backup_db *b, const struct backup_files *files)
{
    static const char *const text =
        "INSERT OR REPLACE INTO main.backup_file (id, size, sha256) VALUES (?1, ?2, ?3)";
    sqlite3_stmt *stmt = NULL;

    int r = sqlite_db_exec(b->db, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sqlite_db_prepare_into(b->db, &text, 1, &stmt);
    for (size_t i = 0; r == 0 && i < files->n; i++)
        r = add_file(b, stmt, &files->all[i]);
    sqlite3_finalize(stmt);
    if (r == 0)
        r = sqlite_db_exec(b->db, "COMMIT");
    return r < 0 ? err_up(r) : 0;
}

int backup_db_drop_file(struct backup_db *b, const char *id)
{
    const int r = run(b, "DELETE FROM main.backup_file WHERE id = ?1", str_of(id));

    return r < 0 ? err_up(r) : 0;
}

int backup_db_files(struct backup_db *b, const char *after, struct backup_files *out)
{
    const int r = take_page(b,
                            "SELECT id, size, x'', sha256 FROM main.backup_file WHERE id > ?1"
                            " ORDER BY id LIMIT 256",
                            after, out);

    return r < 0 ? err_up(r) : 0;
}

// --- keys --------------------------------------------------------------------------

int backup_db_set_key(struct backup_db *b, const char *name, str bytes)
{
    static const char *const text =
        "INSERT OR REPLACE INTO main.backup_key (name, bytes) VALUES (?1, ?2)";
    sqlite3_stmt *stmt = NULL;

    int r = sqlite_db_prepare_into(b->db, &text, 1, &stmt);
    if (r == 0) {
        sqlite_db_bind_text(stmt, 1, str_of(name));
        sqlite_db_bind_bytes(stmt, 2, bytes);
        r = sqlite_db_run(b->db, stmt);
    }
    sqlite3_finalize(stmt);
    return r < 0 ? err_up(r) : 0;
}

int backup_db_keys(struct backup_db *b, backup_key_fn *fn, void *arg)
{
    sqlite3_stmt *stmt = NULL;
    char name[BACKUP_KEY_NAME_SIZE];
    int r = ask(b, "SELECT name, bytes FROM main.backup_key WHERE ?1 = '' ORDER BY name",
                STR(""), &stmt);

    while (r == 0) {
        snprintf(name, sizeof(name), "%s", (const char *)sqlite3_column_text(stmt, 0));
        r = is_name(sqlite_db_str(stmt, 0)) ? fn(arg, name, sqlite_db_str(stmt, 1))
                                            : sqlite_db_fault(b->db, "a key has no good name");
        if (r == 0)
            r = sqlite_db_step(b->db, stmt);
    }
    sqlite3_finalize(stmt);
    return r == SQLITE_DB_NO_ROW ? 0 : r;
}

// --- its end -----------------------------------------------------------------------

/** One file, synced, without a *-wal. */
static int become_one_file(struct sqlite_db *d)
{
    int64_t is = 0;

    int r = sqlite_db_exec(d, "PRAGMA main.journal_mode = DELETE");
    if (r == 0)
        r = sqlite_db_number(d, "SELECT journal_mode = 'delete' FROM pragma_journal_mode", &is);
    if (r == 0 && !is)
        r = sqlite_db_fault(d, "the copy keeps its log");
    return r == 0 ? sqlite_db_sync(d) : r;
}

static const char no_unused_files[] =
    "DELETE FROM main.backup_file WHERE NOT EXISTS"
    " (SELECT 1 FROM main.upload u WHERE u.id = main.backup_file.id AND u.state = 1)";

int backup_db_end(struct backup_db *b, const char *version, int64_t made_at_ms,
                  const struct progress_to *to)
{
    char made[128];

    snprintf(made, sizeof(made), "INSERT OR REPLACE INTO main.backup VALUES (1, ?1, %lld)",
             (long long)made_at_ms);
    int r = sqlite_copy_end(&b->copy);
    if (r == 0)
        r = sqlite_db_exec(b->db, no_unused_files);
    if (r == 0)
        r = run(b, made, str_of(version));
    if (r == 0)
        r = sqlite_seal_make(b->db, to);
    if (r == 0)
        r = sqlite_db_exec(b->db, "DETACH src");
    if (r == 0)
        r = become_one_file(b->db);
    return r < 0 ? err_up(r) : 0;
}

// --- one that there is -------------------------------------------------------------

int backup_db_open(struct backup_db **out, const char *path)
{
    struct backup_db *b = NEW(struct backup_db);

    *out = b;
    b->db = &b->copy.db;
    if (!is_there(path))
        return BACKUP_DB_NONE;
    int r = sqlite_db_open_as(b->db, path, SQLITE_OPEN_READONLY);
    if (r == 0)
        r = sqlite_file_check(b->db, "main", path);
    if (r == SQLITE_FILE_EMPTY)
        r = err_fault(-EINVAL, "%s has nothing in it", path);
    return r < 0 ? err_up(r) : 0;
}

int backup_db_info(struct backup_db *b, struct backup_info *out)
{
    sqlite3_stmt *stmt = NULL;
    const int r = ask(b,
                      "SELECT version, made_at_ms,"
                      " (SELECT count(*) FROM message), (SELECT count(*) FROM account),"
                      " (SELECT count(*) FROM backup_file), (SELECT coalesce(sum(size), 0) FROM"
                      " backup_file), (SELECT count(*) FROM backup_key),"
                      " (SELECT count(*) FROM upload u WHERE u.state = 1 AND NOT EXISTS"
                      "  (SELECT 1 FROM backup_file f WHERE f.id = u.id))"
                      " FROM backup WHERE ?1 = ''",
                      STR(""), &stmt);

    *out = (struct backup_info){0};
    if (r == 0) {
        snprintf(out->version, sizeof(out->version), "%s",
                 (const char *)sqlite3_column_text(stmt, 0));
        out->made_at_ms = sqlite3_column_int64(stmt, 1);
        out->n_messages = sqlite3_column_int64(stmt, 2);
        out->n_accounts = sqlite3_column_int64(stmt, 3);
        out->n_files = sqlite3_column_int64(stmt, 4);
        out->n_bytes = sqlite3_column_int64(stmt, 5);
        out->n_keys = sqlite3_column_int64(stmt, 6);
        out->n_missing = sqlite3_column_int64(stmt, 7);
    }
    sqlite3_finalize(stmt);
    if (r == SQLITE_DB_NO_ROW)
        return err_fault(-EBADMSG, "backup.db does not say when it was made");
    return r < 0 ? err_up(r) : 0;
}

static const char all_messages[] =
    "SELECT position, conversation, seq, sender, type, reply_to, content, digest FROM message"
    " WHERE ?1 = '' UNION ALL SELECT position, conversation, seq, sender, 'gone', 0, '', x''"
    " FROM removed ORDER BY 1";

static void check_message(sqlite3_stmt *stmt, struct crypto_sha256 *hash,
                          struct backup_damage *out)
{
    const struct sent sent = {
        .type = sqlite_db_str(stmt, 4),
        .reply_to = (uint64_t)sqlite3_column_int64(stmt, 5),
        .content = sqlite_db_str(stmt, 6),
        .digest = sqlite_db_str(stmt, 7),
    };

    if (!sent_is_whole(hash, &sent) && out->n_changed++ == 0)
        out->changed_at = sqlite3_column_int64(stmt, 0);
}

/** @param chain  of all messages there ever were */
static int read_messages(struct backup_db *b, const struct progress_to *to, uint64_t *chain,
                         struct backup_damage *out)
{
    struct crypto_sha256 *hash = crypto_sha256_new();
    struct progress p = {.doing = "checking", .what = "contents of messages"};
    sqlite3_stmt *stmt = NULL;
    int r = ask(b, all_messages, STR(""), &stmt);

    for (; r == 0; r = sqlite_db_step(b->db, stmt)) {
        *chain = sqlite_index_chain(*chain, sqlite3_column_int64(stmt, 0),
                                    (conversation_id)sqlite3_column_int64(stmt, 1),
                                    (uint64_t)sqlite3_column_int64(stmt, 2),
                                    (unsigned)sqlite3_column_int(stmt, 3));
        check_message(stmt, hash, out);
        if (p.n++ % TELL_EVERY == 0)
            progress_tell(to, p);
    }
    sqlite3_finalize(stmt);
    crypto_sha256_free(hash);
    return r < 0 ? r : 0;
}

static int refuse(struct backup_damage *out, const char *table, const char *what)
{
    snprintf(out->table, sizeof(out->table), "%s", table);
    out->what = what;
    return BACKUP_DB_DAMAGED;
}

/** @return 0, BACKUP_DB_DAMAGED, or a fault */
static int check_chain(struct backup_db *b, const struct progress_to *to,
                       struct backup_damage *out)
{
    uint64_t chain = 0;
    int64_t has = 0;

    int r = read_messages(b, to, &chain, out);
    if (r == 0)
        r = sqlite_db_number(b->db, "SELECT chain FROM meta", &has);
    if (r < 0)
        return r;
    return chain == (uint64_t)has ? 0
                                  : refuse(out, "message", "has not all messages there were");
}

/** Its pages, and that each index has what its table has: a seal is of tables. @return 0,
 * BACKUP_DB_DAMAGED, or a fault */
static int check_pages(struct backup_db *b, const struct progress_to *to,
                       struct backup_damage *out)
{
    static const char text[] =
        "SELECT integrity_check FROM pragma_integrity_check(1) WHERE ?1 = ''";
    sqlite3_stmt *stmt = NULL;

    progress_tell(to, (struct progress){.doing = "checking", .what = "pages and indices"});
    int r = ask(b, text, STR(""), &stmt);
    if (r == 0 && !str_eq(sqlite_db_str(stmt, 0), STR("ok"))) {
        r = refuse(out, "sqlite_schema",
                   "has a damaged page, or an index that is not of its table");
    }
    sqlite3_finalize(stmt);
    return r;
}

int backup_db_check(struct backup_db *b, const struct progress_to *to,
                    struct backup_damage *out)
{
    char table[SQLITE_SEAL_NAME_SIZE];

    *out = (struct backup_damage){0};
    int r = sqlite_seal_check(b->db, to, table);
    if (r == SQLITE_SEAL_BROKEN)
        return refuse(out, table, "is not what it was when the backup was made");
    if (r == 0)
        r = check_chain(b, to, out);
    if (r == 0)
        r = check_pages(b, to, out);
    return r < 0 ? err_up(r) : r;
}

// --- a store of it -----------------------------------------------------------------

// The keys are to be nowhere in it.
static const char begin_store[] =
    "PRAGMA secure_delete = 1; BEGIN IMMEDIATE;"
    "DROP TABLE backup; DROP TABLE backup_file; DROP TABLE backup_key; DROP TABLE seal";

int backup_db_make_store(const char *path, const struct backup_store *store)
{
    struct sqlite_db d = {0};
    char epoch[80];

    snprintf(epoch, sizeof(epoch), "UPDATE meta SET epoch = %lld", (long long)store->epoch);
    int r = sqlite_db_open_as(&d, path, SQLITE_OPEN_READWRITE);
    if (r == 0)
        r = sqlite_db_exec(&d, begin_store);
    if (r == 0 && store->is_sign_out)
        r = sqlite_db_exec(&d, "DELETE FROM session");
    if (r == 0)
        r = sqlite_db_exec(&d, epoch);
    if (r == 0)
        r = sqlite_db_exec(&d, "COMMIT");
    sqlite_db_close(&d);
    return r < 0 ? err_up(r) : 0;
}

/** As a server does it. */
static int make_index(const struct sqlite_paths *paths, struct rand *rand)
{
    struct sqlite_writer *w = NEW(struct sqlite_writer);
    struct sqlite_index *ix = NEW(struct sqlite_index);

    const int r = sqlite_writer_open_alone(w, ix, paths, rand);
    sqlite_writer_close(w);
    sqlite_index_close(ix);
    free(w);
    free(ix);
    return r;
}

int backup_db_make_index(const char *dir, struct rand *rand)
{
    struct sqlite_paths paths;

    int r = sqlite_file_paths(&paths, dir);
    if (r == 0)
        r = sqlite_file_make(paths.index);
    if (r == 0)
        r = make_index(&paths, rand);
    return r < 0 ? err_up(r) : 0;
}
