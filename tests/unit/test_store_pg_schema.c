#include <errno.h>
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/pg_schema.h"
#include "support/pg_world.h"
#include "support/said.h"

#define OPENERS 8

static int setup(void **state)
{
    struct pg_world *w = NEW(struct pg_world);

    pg_world_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    pg_world_close(*state);
    free(*state);
    return 0;
}

/** By a connection of its own: the statement is no static one. */
static int64_t number_of(const struct pg_world *w, const char *text)
{
    const struct pg_statement s = {0, text};
    struct pg_link *l = pg_world_connect(w->url);
    PGresult *r = NULL;

    pg_link_send(l, &s, NULL);
    pg_link_sync(l);
    expect_int(text, pg_link_result(l, &r), 0);
    const int64_t n = pg_i64(r, 0, 0);
    pg_result_free(&r);
    pg_link_free(l);
    return n;
}

/** Opening by this URL is a fault that says this. */
static void expect_fault(const char *url, int code, const char *says)
{
    struct pg_link *l = pg_world_connect(url);
    struct pg_lines lines = {0};
    uint64_t has = 0;

    log_set_sink(pg_on_line, &lines);
    const int r = pg_schema_open(l, 1, &has);
    log_set_sink(NULL, NULL);
    expect_int(says, r, code);
    expect_in(url, lines.text, says);
    assert_int_equal(pg_link_run(l, "SELECT 1"), 0); // and no transaction is left open
    pg_link_free(l);
}

static void the_first_one_makes_all_and_the_next_finds_its_epoch(void **state)
{
    struct pg_world *w = *state;
    uint64_t has = 0;

    assert_int_equal(pg_schema_open(w->admin, UINT64_MAX - 5, &has), 0);
    assert_true(has == UINT64_MAX - 5);
    expect_int("version", number_of(w, "SELECT version FROM meta"), PG_SCHEMA_VERSION);
    expect_int("position", number_of(w, "SELECT position FROM meta"), 0);
    for (int i = 0; i < 2; i++) {
        has = 0;
        assert_int_equal(pg_schema_open(w->admin, 7, &has), 0);
        assert_true(has == UINT64_MAX - 5);
    }
    expect_int("rows", number_of(w, "SELECT count(*) FROM meta"), 1);
}

struct opener {
    pthread_t thread;
    const char *url;
    uint64_t epoch;
    uint64_t has;
    int r;
};

static void *open_it(void *arg)
{
    struct opener *o = arg;
    const struct pg_link_config config = {.url = o->url, .name = "test"};
    struct pg_link *l = NULL;

    o->r = pg_link_new(&l, &config);
    if (o->r == 0)
        o->r = pg_link_up(l);
    if (o->r == 0)
        o->r = pg_schema_open(l, o->epoch, &o->has);
    pg_link_free(l);
    return NULL;
}

static void of_many_that_open_at_once_one_makes_it(void **state)
{
    struct pg_world *w = *state;
    struct opener all[OPENERS];

    for (size_t i = 0; i < OPENERS; i++) {
        all[i] = (struct opener){.url = w->url, .epoch = i + 1};
        assert_int_equal(pthread_create(&all[i].thread, NULL, open_it, &all[i]), 0);
    }
    for (size_t i = 0; i < OPENERS; i++)
        pthread_join(all[i].thread, NULL);
    for (size_t i = 0; i < OPENERS; i++) {
        expect_int("opened", all[i].r, 0);
        expect_int("epoch", all[i].has, all[0].has);
    }
    assert_in_range(all[0].has, 1, OPENERS);
    expect_int("rows", number_of(w, "SELECT count(*) FROM meta"), 1);
}

static void a_table_of_that_name_elsewhere_is_not_taken_for_ours(void **state)
{
    struct pg_world *w = *state;
    char url[PG_WORLD_URL_SIZE];
    char more[160];
    char text[160];
    uint64_t has = 0;

    pg_world_run(w->admin, "CREATE TABLE meta (something text)");
    snprintf(text, sizeof(text), "CREATE SCHEMA %s_2", w->schema);
    pg_world_run(w->admin, text);
    snprintf(more, sizeof(more), "options=-csearch_path%%3D%s_2,%s", w->schema, w->schema);
    pg_world_url(url, more);
    struct pg_link *l = pg_world_connect(url);
    assert_int_equal(pg_schema_open(l, 3, &has), 0);
    expect_int("epoch", has, 3);
    pg_link_free(l);
    snprintf(text, sizeof(text), "SET client_min_messages = warning; DROP SCHEMA %s_2 CASCADE",
             w->schema);
    pg_world_run(w->admin, text);
}

static void a_newer_one_is_refused(void **state)
{
    struct pg_world *w = *state;
    uint64_t has = 0;

    assert_int_equal(pg_schema_open(w->admin, 1, &has), 0);
    pg_world_run(w->admin, "UPDATE meta SET version = version + 1, oldest = version + 1");
    expect_fault(w->url, -EINVAL,
                 "update Parley, or restore a backup: the database has version");
}

static void tables_of_somebody_else_are_refused_and_left_alone(void **state)
{
    struct pg_world *w = *state;

    pg_world_run(w->admin, "CREATE TABLE session (x text)");
    expect_fault(w->url, -EEXIST, "make a database or a schema for Parley alone");
    expect_int("others",
               number_of(w,
                         "SELECT count(*) FROM pg_tables WHERE schemaname ="
                         " current_schema() AND tablename <> 'session'"),
               0);
    pg_world_run(w->admin, "CREATE TABLE meta (something text)");
    expect_fault(w->url, -EEXIST, "make a database or a schema for Parley alone");
}

static void a_server_that_is_set_wrongly_is_refused(void **state)
{
    struct pg_world *w = *state;
    static const struct {
        const char *set;
        int code;
        const char *says;
    } rows[] = {
        {"default_transaction_read_only%3Don", -EROFS, "connect to the primary"},
        {"synchronous_commit%3Doff", -EINVAL, "set synchronous_commit to on"},
        {"search_path%3Dthere_is_none", -EINVAL, "make the schema that the search_path names"},
    };
    char url[PG_WORLD_URL_SIZE];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pg_world_url_with(w, url, rows[i].set);
        expect_fault(url, rows[i].code, rows[i].says);
    }
    expect_int("tables",
               number_of(w,
                         "SELECT count(*) FROM pg_tables WHERE schemaname ="
                         " current_schema()"),
               0);
}

static void a_database_that_is_not_utf8_is_refused(void **state)
{
    struct pg_world *w = *state;
    char url[PG_WORLD_URL_SIZE];
    char more[64];
    char text[160];

    snprintf(text, sizeof(text),
             "CREATE DATABASE %s ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' "
             "LC_CTYPE 'C'",
             w->schema);
    pg_world_run(w->admin, text);
    snprintf(more, sizeof(more), "dbname=%s", w->schema);
    pg_world_url(url, more);
    expect_fault(url, -EINVAL, "make a database with ENCODING 'UTF8'");
    snprintf(text, sizeof(text), "DROP DATABASE %s WITH (FORCE)", w->schema);
    pg_world_run(w->admin, text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        T(the_first_one_makes_all_and_the_next_finds_its_epoch),
        T(of_many_that_open_at_once_one_makes_it),
        T(a_table_of_that_name_elsewhere_is_not_taken_for_ours),
        T(a_newer_one_is_refused),
        T(tables_of_somebody_else_are_refused_and_left_alone),
        T(a_server_that_is_set_wrongly_is_refused),
        T(a_database_that_is_not_utf8_is_refused),
    };

    return PG_WORLD_RUN("store_pg_schema", tests);
}
