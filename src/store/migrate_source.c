#include "store/migrate_source.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "store/dir.h"
#include "store/migrate_thread.h"
#include "store/sqlite.h"
#include "store/sqlite_file.h"

#define BATCH_BYTES 4194304 // that are enough at once

enum { // beside the selects, see migrate_kinds.h
    SEQ_AT,
    MARK,
    N_MORE,
};

// --- opening -----------------------------------------------------------------------

static const char ask_mark[] =
    "SELECT epoch, position, chain, conversations, (SELECT count(*) FROM message),"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0) FROM meta";

static const char ask_seq[] =
    "SELECT seq FROM message WHERE position = ?1"
    " UNION ALL SELECT seq FROM removed WHERE position = ?1";

static int read_mark(struct migrate_source *s)
{
    sqlite3_stmt *stmt = s->db.stmts[MARK];

    const int r = sqlite_db_step(&s->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&s->db, "meta has no row");
    s->mark = (struct migrate_mark){
        .epoch = sqlite3_column_int64(stmt, 0),
        .position = sqlite3_column_int64(stmt, 1),
        .chain = sqlite3_column_int64(stmt, 2),
        .n_conversations = sqlite3_column_int64(stmt, 3),
        .n_messages = sqlite3_column_int64(stmt, 4),
        .revocations = sqlite3_column_int64(stmt, 5),
    };
    sqlite3_reset(stmt);
    return 0;
}

/** A connection of its own: what it reads row by row is in nobody's way. */
static int open_rows(struct migrate_source *s, const char *path)
{
    static const char *const more[N_MORE] = {[SEQ_AT] = ask_seq, [MARK] = ask_mark};
    const char *texts[MIGRATE_KINDS];

    for (size_t i = 0; i < MIGRATE_KINDS; i++)
        texts[i] = migrate_kinds[i].select;
    int r = sqlite_db_open(&s->db, path);
    if (r == 0)
        r = sqlite_db_exec(&s->db, "PRAGMA temp_store = FILE;" MIGRATE_BLOCKS);
    if (r == 0)
        r = sqlite_db_prepare(&s->db, more, N_MORE);
    if (r == 0)
        r = sqlite_db_prepare_into(&s->db, texts, MIGRATE_KINDS, s->selects);
    return r == 0 ? read_mark(s) : r;
}

static int open_all(struct migrate_source *s, const struct sqlite_paths *paths,
                    struct rand *rand)
{
    int r = sqlite_writer_open_alone(&s->writer, &s->index, paths, rand);
    if (r == 0)
        r = open_rows(s, paths->log);
    return r < 0 ? err_up(r) : 0;
}

int migrate_source_open(struct migrate_source *s, const char *dir, struct rand *rand)
{
    char path[SQLITE_FILE_PATH_SIZE];
    struct sqlite_paths paths;

    bool is_restoring = false;

    s->lock = -1;
    int r = store_dir_is_restoring(dir, &is_restoring);
    if (r == 0 && is_restoring)
        r = err_fault(-EEXIST, "%s is not restored yet: run 'parley restore' again", dir);
    if (r < 0)
        return err_up(r);
    const int n = snprintf(path, sizeof(path), "%s/parley.db", dir);
    if (n >= (int)sizeof(path) || access(path, F_OK) != 0)
        return MIGRATE_NO_STORE;
    r = sqlite_file_take(&s->lock, dir, &paths);
    return r == 0 ? open_all(s, &paths, rand) : err_up(r);
}

void migrate_source_close(struct migrate_source *s)
{
    if (s->is_looking)
        (void)!sqlite_writer_unlook(&s->writer);
    for (size_t i = 0; i < MIGRATE_KINDS; i++)
        sqlite3_finalize(s->selects[i]);
    sqlite_db_close(&s->db);
    sqlite_writer_close(&s->writer);
    sqlite_index_close(&s->index);
    if (s->lock >= 0)
        close(s->lock);
}

// --- reading -----------------------------------------------------------------------

static int seq_at(void *arg, int64_t position, uint64_t *seq)
{
    struct migrate_source *s = arg;
    sqlite3_stmt *stmt = s->db.stmts[SEQ_AT];

    sqlite_db_bind(stmt, 1, position);
    const int r = sqlite_db_step(&s->db, stmt);
    if (r == SQLITE_DB_NO_ROW) {
        return err_fault(
            -EBADMSG,
            "delete index.db, and try again: it has a message at %lld, and the log "
            "has none",
            (long long)position);
    }
    if (r < 0)
        return r;
    *seq = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

int migrate_source_conversation(struct migrate_source *s, conversation_id id,
                                struct migrate_rows *rows)
{
    struct thread *t = NULL;
    int r = 0;

    if (!s->is_looking)
        r = sqlite_writer_look(&s->writer);
    s->is_looking = true;
    if (r == 0)
        r = threads_find_id(&s->writer.threads, id, &t);
    if (r == THREADS_NONE)
        return err_fault(-EBADMSG, "conversation %llx has no accounts", (unsigned long long)id);
    if (r == 0)
        r = migrate_thread_add(rows, t, seq_at, s);
    sqlite_writer_trim(&s->writer);
    return r;
}

static int take_row(struct migrate_source *s, enum migrate_kind_id kind, sqlite3_stmt *stmt,
                    struct migrate_rows *rows)
{
    if (kind == MIGRATE_CONVERSATIONS)
        return migrate_source_conversation(s, (uint64_t)sqlite3_column_int64(stmt, 0), rows);
    migrate_rows_take(rows, stmt);
    return 0;
}

static void bind_key(sqlite3_stmt *stmt, char key, const struct migrate_at *after)
{
    switch (key) {
    case 't': sqlite_db_bind_text(stmt, 1, after->bytes); break;
    case 'b': sqlite_db_bind_bytes(stmt, 1, after->bytes); break;
    default: sqlite_db_bind(stmt, 1, after->number);
    }
}

int migrate_source_read(struct migrate_source *s, enum migrate_kind_id kind,
                        const struct migrate_at *after, struct migrate_rows *rows)
{
    sqlite3_stmt *stmt = s->selects[kind];
    int r = 0;

    migrate_rows_clear(rows);
    bind_key(stmt, migrate_kinds[kind].key, after);
    sqlite_db_bind(stmt, 2, (int64_t)rows->max);
    while (r == 0 && rows->n < rows->max && rows->n_bytes < BATCH_BYTES) {
        r = sqlite_db_step(&s->db, stmt);
        if (r == 0)
            r = take_row(s, kind, stmt, rows);
    }
    sqlite3_reset(stmt);
    return r == SQLITE_DB_NO_ROW ? 0 : r;
}
