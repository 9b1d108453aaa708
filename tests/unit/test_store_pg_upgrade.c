/** New versions of the tables, while servers of the version before have them open, or not. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "store/pg_schema.h"
#include "support/said.h"
#include "support/store_world.h"

static const char *const none[] = {"SELECT 1"};
static const char *const more[] = {"ALTER TABLE message ADD COLUMN colour int8",
                                   "CREATE TABLE shelf (id int8 PRIMARY KEY)"};
static const char *const other[] = {"ALTER TABLE conversation RENAME COLUMN last_seq TO seq"};

/** Behind version PG_SCHEMA_VERSION, which is there. */
static struct pg_step steps[PG_SCHEMA_VERSION + 3];

enum {
    OURS = PG_SCHEMA_VERSION,
    GENTLE,
    GENTLER,
    HARSH
};

static int setup(void **state)
{
    for (size_t v = 0; v < OURS; v++)
        steps[v] = (struct pg_step){none, 1, false};
    steps[OURS] = (struct pg_step){more, COUNT_OF(more), true};
    steps[GENTLE] = (struct pg_step){none, 1, true};
    steps[GENTLER] = (struct pg_step){other, 1, false};
    *state = store_world_new(BACKEND_POSTGRES);
    store_world_close(*state);
    ((struct store_world *)*state)->has_company = true;
    store_world_open(*state);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

/** A server of this version comes. @return as pg_schema_open() */
static int come(const struct store_world *w, size_t version, struct pg_lines *lines)
{
    const struct pg_steps by = {.n = version, .steps = steps};
    struct pg_link *l = pg_world_connect(w->pg.url);
    uint64_t has = 0;

    log_set_sink(pg_on_line, lines);
    const int r = pg_schema_open_by(l, &by, 1, &has);
    log_set_sink(NULL, NULL);
    if (r == 0)
        assert_true(has == w->store->epoch);
    pg_link_free(l);
    return r;
}

static void expect_come(const struct store_world *w, size_t version)
{
    struct pg_lines lines = {0};

    expect_int("comes", come(w, version, &lines), 0);
}

static void expect_refused(const struct store_world *w, size_t version, int code,
                           const char *says)
{
    struct pg_lines lines = {0};

    expect_int(says, come(w, version, &lines), code);
    expect_in("the log", lines.text, says);
}

/** The server of our version: its message n. */
static void goes_on(struct store_world *w, uint64_t n)
{
    char key[] = {'k', (char)('0' + n), '\0'};

    put(w, 'a', 'b', key, n);
    expect_counted(w, 'b', 1);
}

static void by_a_gentle_step_while_others_write(void **state)
{
    struct store_world *w = *state;

    goes_on(w, 1);
    expect_come(w, GENTLE);
    goes_on(w, 2);
    expect_come(w, GENTLER);
    goes_on(w, 3);
    expect_come(w, GENTLE); // one that knows less comes again
    expect_come(w, OURS);
    store_world_close(w);
    store_world_open(w);
    goes_on(w, 4);
    expect_come(w, GENTLER);
}

static void by_another_step_only_when_nobody_has_it_open(void **state)
{
    struct store_world *w = *state;
    const uint64_t epoch = w->store->epoch;

    goes_on(w, 1);
    expect_refused(w, HARSH, -EBUSY, "stop the servers that have this database open");
    goes_on(w, 2);
    store_world_close(w);
    const struct pg_steps by = {.n = HARSH, .steps = steps};
    uint64_t has = 0;
    assert_int_equal(pg_schema_open_by(w->pg.admin, &by, 1, &has), 0);
    assert_true(has == epoch);
    assert_true(store_world_try(w) < 0); // it does not know that
    for (size_t v = OURS; v < HARSH; v++) {
        const struct pg_steps older = {.n = v, .steps = steps};
        assert_int_equal(pg_schema_open_by(w->pg.admin, &older, 1, &has), -EINVAL);
    }
    pg_world_run(w->pg.admin,
                 "ALTER TABLE conversation RENAME COLUMN seq TO last_seq;"
                 " UPDATE meta SET version = 1, oldest = 1");
    store_world_open(w);
}

// Who has it open is just going.

#define LOCK "(1349676153, hashtext(current_schema()))" // as each server has it

struct comer {
    const char *url;
    int r;
    atomic_bool has_ended;
};

static void *come_on_thread(void *arg)
{
    struct comer *c = arg;
    const struct pg_steps by = {.n = HARSH, .steps = steps};
    struct pg_link *l = pg_world_connect(c->url);
    uint64_t has = 0;

    c->r = pg_schema_open_by(l, &by, 1, &has);
    pg_link_free(l);
    atomic_store(&c->has_ended, true);
    return NULL;
}

/** It has asked for the lock, in vain, and pauses. */
static bool is_waiting(PGconn *as_operator)
{
    PGresult *r = PQexec(as_operator,
                         "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'"
                         " AND query LIKE '%pg_try_advisory_xact_lock%hashtext%'");
    const bool is = PQntuples(r) > 0;

    PQclear(r);
    return is;
}

static void waits_for_who_goes_just_now(void **state)
{
    struct store_world *w = *state;
    struct comer comer = {.url = w->pg.url, .r = 1};
    PGconn *as_operator = PQconnectdb(w->pg.url);
    pthread_t thread;

    assert_int_equal(PQstatus(as_operator), CONNECTION_OK);
    store_world_close(w);
    pg_world_run(w->pg.admin, "SELECT pg_advisory_lock_shared" LOCK);
    assert_int_equal(pthread_create(&thread, NULL, come_on_thread, &comer), 0);
    while (!is_waiting(as_operator) && !atomic_load(&comer.has_ended))
        ;
    pg_world_run(w->pg.admin, "SELECT pg_advisory_unlock_shared" LOCK);
    pthread_join(thread, NULL);
    assert_int_equal(comer.r, 0);
    PQfinish(as_operator);
    pg_world_run(w->pg.admin,
                 "ALTER TABLE conversation RENAME COLUMN seq TO last_seq;"
                 " UPDATE meta SET version = 1, oldest = 1");
    store_world_open(w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    struct CMUnitTest tests[] = {
        TEST(by_a_gentle_step_while_others_write),
        TEST(by_another_step_only_when_nobody_has_it_open),
        TEST(waits_for_who_goes_just_now),
    };

    return PG_WORLD_RUN("new versions of the tables", tests);
}
