#include "store/sqlite_keep.h"

#include "base/err.h"

#define CHECKPOINT_PAGES 8192 // 32 MiB

static const char pragmas[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA cache_size = -1024";

int sqlite_keep_open(struct sqlite_keep *k, struct sqlite_writer *w, const char *path)
{
    k->writer = w;
    int r = sqlite_db_open(&k->log, path);
    if (r == 0)
        r = sqlite_db_exec(&k->log, pragmas);
    if (r < 0)
        return err_up(r);
    k->log.patience_ms = SQLITE_KEEP_PATIENCE;
    return 0;
}

void sqlite_keep_close(struct sqlite_keep *k)
{
    sqlite_index_close(&k->index);
    sqlite_db_close(&k->log);
}

static bool is_checkpoint_due(struct sqlite_keep *k)
{
    return sqlite_db_needs_checkpoint(atomic_load(&k->writer->wal_pages), &k->n_checked,
                                      CHECKPOINT_PAGES);
}

bool sqlite_keep_is_due(struct sqlite_keep *k)
{
    return tail_is_filling(&k->writer->tail) || is_checkpoint_due(k);
}

/** @return 0 or a fault: nothing is lost, all of it is in the *-wal */
static int copy_pages(struct sqlite_keep *k, int mode)
{
    const int r = sqlite3_wal_checkpoint_v2(k->log.db, NULL, mode, NULL, NULL);

    return r == SQLITE_OK || r == SQLITE_BUSY ? 0 : sqlite_db_fault(&k->log, "checkpoint");
}

/**
 * Nearly all of it is copied and synced without the writer's knowledge; then, while the writer
 * waits, what has come in the meantime, so that the *-wal begins anew. Who still reads there
 * (SQLITE_BUSY) keeps it from that until the next time.
 */
static int checkpoint(struct sqlite_keep *k)
{
    k->n_checked = atomic_load(&k->writer->wal_pages);
    int r = copy_pages(k, SQLITE_CHECKPOINT_PASSIVE);
    if (r == 0)
        r = sqlite_db_sync(&k->log);
    if (r == 0)
        r = copy_pages(k, SQLITE_CHECKPOINT_RESTART);
    if (r == 0)
        sqlite_db_works(&k->log);
    return r;
}

int sqlite_keep_run(struct sqlite_keep *k)
{
    int r = 0;

    if (is_checkpoint_due(k))
        r = checkpoint(k);
    if (r == 0 && tail_is_filling(&k->writer->tail))
        r = sqlite_index_fill(&k->index, &k->writer->tail);
    return r == 0 ? sqlite_index_checkpoint(&k->index) : r;
}
