/** Servers that share a database, as each of them knows the others. */
#include "base/mem.h"
#include "server/cluster.h"
#include "store/pg_schema.h"
#include "support/pg_proxy.h"
#include "support/pg_world.h"

#define NODES      2
#define GIVE_UP_MS 20000

struct world {
    struct pg_world pg;
    struct loop *loop;
    struct cluster *nodes[NODES];
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    uint64_t epoch = 0;

    pg_world_open(&w->pg);
    assert_int_equal(pg_schema_open(w->pg.admin, 1, &epoch), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    *state = w;
    return 0;
}

static void leave(struct world *w, unsigned i)
{
    cluster_close(w->nodes[i]);
    w->nodes[i] = NULL;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < NODES; i++)
        leave(w, i);
    loop_free(w->loop);
    pg_world_close(&w->pg);
    free(w);
    return 0;
}

static void join_at(struct world *w, unsigned i, const char *url, const char *name)
{
    w->nodes[i] = cluster_new();
    assert_int_equal(cluster_join(w->nodes[i], url, name), 0);
}

static void join(struct world *w, unsigned i, const char *name)
{
    join_at(w, i, w->pg.url, name);
}

static void start(struct world *w, unsigned i, uint16_t port)
{
    const struct node_url url = {.host = "127.0.0.1", .port = port};

    assert_int_equal(cluster_start(w->nodes[i], w->loop, &url), 0);
}

static void look(struct world *w, unsigned i)
{
    const int64_t from_ms = clock_unix_ms(loop_wall_clock());
    const uint64_t ticket = cluster_look(w->nodes[i]);

    while (!cluster_has_looked(w->nodes[i], ticket)) {
        assert_true(clock_unix_ms(loop_wall_clock()) - from_ms < GIVE_UP_MS);
        loop_run_once(w->loop);
    }
}

static bool knows(const struct world *w, unsigned i, unsigned number, uint16_t port)
{
    struct node_url url;

    return cluster_find(w->nodes[i], number, &url) && url.port == port &&
           strcmp(url.host, "127.0.0.1") == 0;
}

static void each_finds_the_other_and_not_itself(void **state)
{
    struct world *w = *state;

    join(w, 0, "a");
    join(w, 1, "b");
    assert_int_equal(cluster_number(w->nodes[0]), 1);
    assert_int_equal(cluster_number(w->nodes[1]), 2);
    start(w, 0, 1000);
    look(w, 0);
    assert_false(knows(w, 0, 1, 1000) || knows(w, 0, 2, 2000));
    assert_int_equal(cluster_numbers(w->nodes[0]).nodes, 1);
    start(w, 1, 2000);
    look(w, 1);
    assert_true(knows(w, 1, 1, 1000));
    look(w, 0);
    assert_true(knows(w, 0, 2, 2000));
    assert_int_equal(cluster_numbers(w->nodes[0]).nodes, 2);
    leave(w, 1);
    look(w, 0);
    assert_false(knows(w, 0, 2, 2000));
}

/** However many ask. */
static void looks_are_apart(void **state)
{
    struct world *w = *state;

    join(w, 0, "a");
    start(w, 0, 1000);
    look(w, 0);
    const uint64_t first = cluster_look(w->nodes[0]);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(cluster_look(w->nodes[0]), first);
    const int64_t from_ms = clock_unix_ms(loop_wall_clock());
    for (unsigned i = 0; i < 3; i++)
        look(w, 0);
    assert_true(clock_unix_ms(loop_wall_clock()) - from_ms >= INT64_C(2) * CLUSTER_LOOK_MS);
}

static void what_is_no_url_is_nobodys(void **state)
{
    struct world *w = *state;

    join(w, 0, "a");
    start(w, 0, 1000);
    pg_world_run(w->pg.admin,
                 "INSERT INTO node (name, number, url, instance, has_left) VALUES"
                 " ('b', 2, 'ftp://b', 1, false),"
                 " ('c', 3, 'http://127.0.0.1:3000', 1, false)");
    look(w, 0);
    assert_false(knows(w, 0, 2, 80));
    assert_true(knows(w, 0, 3, 3000));
    assert_int_equal(cluster_numbers(w->nodes[0]).nodes, 2);
}

static void who_has_its_name_taken_says_so(void **state)
{
    struct world *w = *state;

    join(w, 0, "a");
    start(w, 0, 1000);
    look(w, 0);
    assert_false(cluster_numbers(w->nodes[0]).is_taken);
    join(w, 1, "a");
    start(w, 1, 2000);
    look(w, 1);
    look(w, 0);
    assert_true(cluster_numbers(w->nodes[0]).is_taken);
    assert_false(cluster_numbers(w->nodes[1]).is_taken);
}

static void run_sql(struct world *w, const char *text)
{
    pg_world_run(w->pg.admin, text);
}

static void are_gone(struct world *w, const char *which)
{
    char text[200];

    snprintf(text, sizeof(text),
             "UPDATE node SET seen_at = now() - interval '1 hour' WHERE name IN (%s)", which);
    run_sql(w, text);
}

static void looks_until_it_knows(struct world *w, unsigned number, uint16_t port)
{
    const int64_t from_ms = clock_unix_ms(loop_wall_clock());

    while (!knows(w, 0, number, port)) {
        assert_true(clock_unix_ms(loop_wall_clock()) - from_ms < GIVE_UP_MS);
        look(w, 0);
    }
}

/** Nobody could say that they are there, and will in a moment. */
static void others_stay_while_the_database_was_away(void **state)
{
    struct world *w = *state;
    PGconn *as_operator = PQconnectdb(w->pg.url);
    struct pg_proxy proxy;
    char url[PG_WORLD_URL_SIZE];

    assert_int_equal(PQstatus(as_operator), CONNECTION_OK);
    pg_proxy_open(&proxy, as_operator);
    const int n =
        snprintf(url, sizeof(url), "%s&host=127.0.0.1&port=%u", w->pg.url, proxy.port);
    assert_in_range(n, 1, sizeof(url) - 1);
    run_sql(w,
            "INSERT INTO node (name, number, url, instance, has_left) VALUES"
            " ('b', 2, 'http://127.0.0.1:2000', 1, false),"
            " ('c', 3, 'http://127.0.0.1:3000', 1, false),"
            " ('d', 4, 'http://127.0.0.1:4000', 1, true)");
    join_at(w, 0, url, "a");
    start(w, 0, 1000);
    look(w, 0);
    are_gone(w, "'b'");
    look(w, 0);
    assert_false(knows(w, 0, 2, 2000));

    pg_proxy_set(&proxy, PG_PROXY_IS_AWAY);
    look(w, 0);
    assert_true(knows(w, 0, 3, 3000));
    are_gone(w, "'c'");
    run_sql(w, "UPDATE node SET has_left = false WHERE name = 'd'");
    pg_proxy_set(&proxy, PG_PROXY_PASSES);
    looks_until_it_knows(w, 4, 4000);
    assert_true(knows(w, 0, 3, 3000));
    assert_false(knows(w, 0, 2, 2000));
    assert_int_equal(cluster_numbers(w->nodes[0]).nodes, 3);
    leave(w, 0);
    pg_proxy_close(&proxy);
    PQfinish(as_operator);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    struct CMUnitTest tests[] = {
        TEST(each_finds_the_other_and_not_itself),
        TEST(looks_are_apart),
        TEST(what_is_no_url_is_nobodys),
        TEST(who_has_its_name_taken_says_so),
        TEST(others_stay_while_the_database_was_away),
    };

    return PG_WORLD_RUN("servers that share a database", tests);
}
