#include "store/pg.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/front.h"
#include "store/pg_read.h"
#include "store/pg_schema.h"
#include "store/pg_write.h"

// A page may be large: those that are done shall not wait for many others. And what comes
// meanwhile, to who has asked, is to be read again.
#define READ_BATCH 4

struct pg_engine {
    struct store_engine engine;
    struct pg_link *write_link;
    struct pg_link *read_link;
    struct pg_writer writer; // its thread's, while there is one
    struct pg_reader reader; // likewise
    bool has_writer;
    int lock; // descriptor of the directory's lock
};

static struct pg_engine *engine_of(struct store_engine *e)
{
    return container_of(e, struct pg_engine, engine);
}

static void run_writes(struct store_engine *base, struct list *writes)
{
    struct pg_engine *e = engine_of(base);

    pg_writer_run(&e->writer, writes);
    store_engine_reach(base, e->writer.txn.position);
}

static void run_reads(struct store_engine *base, struct list *reads)
{
    pg_reader_run(&engine_of(base)->reader, reads);
}

static void engine_free(struct store_engine *base)
{
    struct pg_engine *e = engine_of(base);

    if (e->has_writer)
        pg_writer_fini(&e->writer);
    pg_link_free(e->read_link);
    pg_link_free(e->write_link);
    if (e->lock >= 0)
        close(e->lock);
    free(e);
}

static const struct store_engine_ops engine_ops = {
    .name = "postgres",
    .max_writes = STORE_PG_GROUP_MAX,
    .max_reads = READ_BATCH,
    .run_writes = run_writes,
    .run_reads = run_reads,
    .free = engine_free,
};

static int make_links(struct pg_engine *e, const struct store_pg_config *config)
{
    char name[64]; // PostgreSQL's own limit
    struct pg_link_config link = {.url = config->url, .name = name};

    snprintf(name, sizeof(name), "parley %s write", config->name);
    int r = pg_link_new(&e->write_link, &link);
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "parley %s read", config->name);
    link.is_read_only = true;
    r = pg_link_new(&e->read_link, &link);
    return r;
}

static int open_database(struct pg_engine *e, const struct store_pg_config *config)
{
    uint64_t epoch = 0;

    int r = config->dir ? store_dir_take(&e->lock, config->dir) : 0;
    if (r == 0)
        r = make_links(e, config);
    if (r < 0)
        return err_up(r);
    if (pg_link_up(e->write_link) != 0 || pg_link_up(e->read_link) != 0)
        return err_fault(-ECONNREFUSED, "PostgreSQL is not in reach: see what was said before");
    rand_bytes(config->rand, &epoch, sizeof(epoch));
    r = pg_schema_open(e->write_link, epoch, &e->engine.epoch);
    if (r == 0)
        r = pg_schema_check_moved(e->write_link);
    if (r < 0)
        return err_up(r);
    pg_writer_init(&e->writer, e->write_link, &config->limits, config->is_alone, config->rand);
    e->has_writer = true;
    if (pg_txn_do(&e->writer.txn, NULL, NULL) != 0)
        return err_fault(-EIO, "PostgreSQL refuses: see what was said before");
    return 0;
}

bool store_pg_has_password(const char *url)
{
    char *wrong = NULL;
    PQconninfoOption *all = PQconninfoParse(url, &wrong);
    bool has = false;

    for (const PQconninfoOption *o = all; o && o->keyword; o++)
        has |= strcmp(o->keyword, "password") == 0 && o->val && o->val[0] != '\0';
    PQfreemem(wrong);
    PQconninfoFree(all);
    return has;
}

static bool is_file(const PQconninfoOption *o)
{
    static const char *const files[] = {"passfile",    "sslcert", "sslkey",
                                        "sslrootcert", "sslcrl",  "sslcrldir"};

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (strcmp(o->keyword, files[i]) == 0)
            return o->val && o->val[0] != '\0';
    }
    return strcmp(o->keyword, "host") == 0 && o->val && o->val[0] == '@';
}

/** @param all  owned, or NULL */
static void tell_files(PQconninfoOption *all, void (*fn)(void *arg, const char *path),
                       void *arg)
{
    for (const PQconninfoOption *o = all; o && o->keyword; o++) {
        if (is_file(o))
            fn(arg, o->val);
    }
    PQconninfoFree(all);
}

void store_pg_files(const char *url, void (*fn)(void *arg, const char *path), void *arg)
{
    char *wrong = NULL;

    tell_files(PQconninfoParse(url, &wrong), fn, arg);
    tell_files(PQconndefaults(), fn, arg);
    PQfreemem(wrong);
}

int store_pg_open(struct store **out, struct loop *l, const struct store_pg_config *config)
{
    struct pg_engine *e = NEW(struct pg_engine);

    e->lock = -1;
    e->engine.ops = &engine_ops;
    e->engine.is_shared = true;
    e->engine.has_other_writers = !config->is_alone;
    const int r = open_database(e, config);
    if (r < 0) {
        engine_free(&e->engine);
        return err_up(r);
    }
    e->reader = (struct pg_reader){.link = e->read_link, .engine = &e->engine};
    store_engine_reach(&e->engine, e->writer.txn.position);
    return store_front_new(out, l, &e->engine);
}
