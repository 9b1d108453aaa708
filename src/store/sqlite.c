#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/sqlite_engine.h"
#include "store/sqlite_file.h"

// A page may be large: those that are done shall not wait for many others.
#define READ_BATCH 16

static void run_writes(struct store_engine *base, struct list *writes)
{
    struct sqlite_engine *e = sqlite_engine_of(base);

    sqlite_writer_run(&e->writer, writes);
    store_engine_reach(base, e->writer.durable);
    sqlite_keep_wake(&e->keep);
}

static void run_reads(struct store_engine *base, struct list *reads)
{
    struct sqlite_engine *e = sqlite_engine_of(base);

    list_each (node, reads)
        sqlite_reader_run(&e->reader, read_op_of(node));
    sqlite_reader_end(&e->reader);
}

static void engine_free(struct store_engine *base)
{
    struct sqlite_engine *e = sqlite_engine_of(base);

    sqlite_keep_close(&e->keep);
    sqlite_reader_close(&e->reader);
    sqlite_writer_close(&e->writer); // the last one copies the log into the database
    if (e->lock >= 0)
        close(e->lock);
    free(e);
}

static const struct store_engine_ops engine_ops = {
    .name = "sqlite",
    .max_writes = STORE_SQLITE_GROUP_MAX,
    .max_reads = READ_BATCH,
    .run_writes = run_writes,
    .run_reads = run_reads,
    .free = engine_free,
};

static int open_files(struct sqlite_engine *e, const struct store_sqlite_config *config)
{
    uint8_t key[HASH_KEY_SIZE];
    uint8_t index_key[HASH_KEY_SIZE];
    struct sqlite_paths paths;
    struct sqlite_writer_config writer = {
        .path = paths.log,
        .index_path = paths.index,
        .limits = config->limits,
        .index_after = config->index_after ? config->index_after : STORE_SQLITE_TAIL_SIZE,
        .index_slice = config->index_slice ? config->index_slice : SQLITE_INDEX_SLICE,
        .threads_kept = config->threads_kept ? config->threads_kept : SQLITE_THREADS_KEPT,
        .tail_max = config->tail_max ? config->tail_max : STORE_SQLITE_TAIL_MAX,
        .key = key,
        .index_key = index_key,
    };

    rand_bytes(config->rand, key, sizeof(key));
    rand_bytes(config->rand, index_key, sizeof(index_key));
    rand_bytes(config->rand, &writer.epoch, sizeof(writer.epoch));
    int r = store_dir_check(config->dir);
    if (r == 0)
        r = sqlite_file_take(&e->lock, config->dir, &paths);
    if (r < 0)
        return err_up(r);
    r = sqlite_writer_open(&e->writer, &e->keep.index, &writer);
    if (r == 0)
        r = sqlite_keep_open(&e->keep, &e->writer, paths.log);
    if (r == 0)
        r = sqlite_reader_open(&e->reader, paths.log, paths.index, &e->writer.tail);
    if (r == 0)
        r = store_dir_sync(config->dir);
    return r < 0 ? err_up(r) : 0;
}

int store_sqlite_open(struct store **out, struct loop *l,
                      const struct store_sqlite_config *config)
{
    struct sqlite_engine *e = NEW(struct sqlite_engine);

    e->engine.ops = &engine_ops;
    e->lock = -1;
    int r = open_files(e, config);
    if (r == 0)
        r = sqlite_keep_start(&e->keep);
    if (r < 0) {
        engine_free(&e->engine);
        return err_up(r);
    }
    e->engine.epoch = e->writer.epoch;
    store_engine_reach(&e->engine, e->writer.durable);
    return store_front_new(out, l, &e->engine);
}
