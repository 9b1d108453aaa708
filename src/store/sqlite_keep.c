#include "store/sqlite_keep.h"

#include <errno.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/err.h"
#include "io/loop.h"

#define CHECKPOINT_PAGES 8192 // 32 MiB
#define NICE             5

static const char pragmas[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA cache_size = -1024";

static bool is_checkpoint_due(struct sqlite_keep *k)
{
    return sqlite_db_needs_checkpoint(atomic_load(&k->writer->wal_pages), &k->n_checked,
                                      CHECKPOINT_PAGES);
}

static bool is_due(struct sqlite_keep *k)
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

/** @return 0 or a fault: it can be tried again */
static int keep(struct sqlite_keep *k)
{
    int r = 0;

    if (is_checkpoint_due(k))
        r = checkpoint(k);
    if (r == 0 && tail_is_filling(&k->writer->tail))
        r = sqlite_index_fill(&k->index, &k->writer->tail);
    return r == 0 ? sqlite_index_checkpoint(&k->index) : r;
}

// The thread.

/** With the mutex, like all that is below. */
static void rest(struct sqlite_keep *k)
{
    const int64_t until_ns = loop_now_ns() + SQLITE_KEEP_AGAIN_MS * INT64_C(1000000);
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    int r = 0;

    k->is_resting = true;
    while (!k->is_stopping && r == 0)
        r = pthread_cond_timedwait(&k->wake, &k->mutex, &until);
    k->is_resting = false;
}

static void run_once(struct sqlite_keep *k)
{
    k->is_asked = false;
    k->is_running = true;
    pthread_mutex_unlock(&k->mutex);
    const int r = keep(k);
    pthread_mutex_lock(&k->mutex);
    k->is_running = false;
    if (r < 0)
        rest(k);
    k->is_asked = is_due(k);
}

static void *run(void *arg)
{
    struct sqlite_keep *k = arg;

    crash_open_thread();
    pthread_setname_np(pthread_self(), "store-keep");
    // Linux does it for this thread alone, and never refuses more of it.
    errno = 0;
    const int now = nice(NICE);
    assert(now != -1 || errno == 0);
    (void)now;
    pthread_mutex_lock(&k->mutex);
    while (!k->is_stopping) {
        if (k->is_asked) {
            run_once(k);
        } else {
            pthread_cond_wait(&k->wake, &k->mutex);
        }
    }
    pthread_mutex_unlock(&k->mutex);
    return NULL;
}

void sqlite_keep_wake(struct sqlite_keep *k)
{
    pthread_mutex_lock(&k->mutex);
    if (!k->is_asked && !k->is_running && !k->is_resting && is_due(k)) {
        k->is_asked = true;
        pthread_cond_signal(&k->wake);
    }
    pthread_mutex_unlock(&k->mutex);
}

bool sqlite_keep_is_idle(struct sqlite_keep *k)
{
    pthread_mutex_lock(&k->mutex);
    const bool is_idle = !k->is_asked && !k->is_running;
    pthread_mutex_unlock(&k->mutex);
    return is_idle;
}

// Life.

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

int sqlite_keep_start(struct sqlite_keep *k)
{
    pthread_condattr_t steady;

    pthread_mutex_init(&k->mutex, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &steady);
    pthread_condattr_destroy(&steady);
    const int r = pthread_create(&k->thread, NULL, run, k);
    if (r != 0) {
        pthread_cond_destroy(&k->wake);
        pthread_mutex_destroy(&k->mutex);
        return err_fault(-r, "thread store-keep");
    }
    k->is_started = true;
    return 0;
}

static void stop(struct sqlite_keep *k)
{
    pthread_mutex_lock(&k->mutex);
    k->is_stopping = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->mutex);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->mutex);
    k->is_started = false;
}

void sqlite_keep_close(struct sqlite_keep *k)
{
    if (k->is_started)
        stop(k);
    sqlite_index_close(&k->index);
    sqlite_db_close(&k->log);
}
