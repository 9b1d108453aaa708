/** Who shares a database, as each of them sees it (store/nodes.h). */
#include <pthread.h>

#include "base/mem.h"
#include "store/nodes.h"
#include "store/pg_schema.h"
#include "support/pg_proxy.h"

#define NODES 3

struct answer {
    struct loop *loop;
    unsigned times;
    int r;
    bool has_nodes;
    size_t n;
    struct store_node nodes[4];
};

struct world {
    struct pg_world pg;
    struct loop *loop;
    struct rand rand;
    uint8_t chance; // of the next one's instance
    struct store_nodes *nodes[NODES];
};

static void next_chance(struct rand *rand, void *out, size_t n)
{
    memset(out, ++container_of(rand, struct world, rand)->chance, n);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    uint64_t epoch = 0;

    w->rand.bytes = next_chance;
    pg_world_open(&w->pg);
    assert_int_equal(pg_schema_open(w->pg.admin, 1, &epoch), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < NODES; i++)
        store_nodes_close(w->nodes[i]);
    loop_free(w->loop);
    pg_world_close(&w->pg);
    free(w);
    return 0;
}

static void on_announced(void *arg, int r, const struct store_node *nodes, size_t n)
{
    struct answer *a = arg;

    a->times++;
    a->r = r;
    a->has_nodes = nodes != NULL;
    a->n = n;
    for (size_t i = 0; nodes && i < n && i < COUNT_OF(a->nodes); i++)
        a->nodes[i] = nodes[i];
    loop_stop(a->loop);
}

static struct answer announce(struct world *w, unsigned i)
{
    struct answer a = {.loop = w->loop};

    store_nodes_announce(w->nodes[i], on_announced, &a);
    assert_int_equal(a.times, 0);
    loop_run(w->loop);
    assert_int_equal(a.times, 1);
    return a;
}

static int try_open_at(struct world *w, unsigned i, const char *url, const char *name,
                       const char *at)
{
    const struct store_nodes_config config = {.postgres = url, .name = name, .rand = &w->rand};
    const int r = store_nodes_open(&w->nodes[i], &config);

    return r == 0 ? store_nodes_start(w->nodes[i], w->loop, at) : r;
}

static void open_node(struct world *w, unsigned i, const char *name, const char *at)
{
    assert_int_equal(try_open_at(w, i, w->pg.url, name, at), 0);
    assert_int_equal(announce(w, i).r, 0);
}

static void close_node(struct world *w, unsigned i)
{
    store_nodes_close(w->nodes[i]);
    w->nodes[i] = NULL;
}

static void expect_node(const struct store_node *n, unsigned number, const char *name,
                        const char *url)
{
    assert_int_equal(n->number, number);
    assert_string_equal(n->name, name);
    assert_string_equal(n->url, url);
}

static void run_sql(struct world *w, const char *text)
{
    pg_world_run(w->pg.admin, text);
}

#define AGO(ms) "now() - " #ms " * interval '1 millisecond'"

static void each_is_told_of_all(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a:1", "http://a:1");
    struct answer a = announce(w, 0);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n, 1);
    open_node(w, 1, "b:1", "http://10.0.0.2:1");
    assert_int_equal(store_nodes_number(w->nodes[0]), 1);
    assert_int_equal(store_nodes_number(w->nodes[1]), 2);
    for (unsigned i = 0; i < 2; i++) {
        a = announce(w, i);
        assert_int_equal(a.r, 0);
        assert_int_equal(a.n, 2);
        expect_node(&a.nodes[0], 1, "a:1", "http://a:1");
        expect_node(&a.nodes[1], 2, "b:1", "http://10.0.0.2:1");
    }
}

static void who_leaves_is_gone_at_once_and_comes_back_by_its_number(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a", "http://a:1");
    open_node(w, 1, "b", "http://b:1");
    close_node(w, 0);
    struct answer a = announce(w, 1);
    assert_int_equal(a.n, 1);
    expect_node(&a.nodes[0], 2, "b", "http://b:1");
    open_node(w, 2, "c", "http://c:1");
    assert_int_equal(store_nodes_number(w->nodes[2]), 3);
    open_node(w, 0, "a", "http://a:2");
    assert_int_equal(store_nodes_number(w->nodes[0]), 1);
    a = announce(w, 1);
    assert_int_equal(a.n, 3);
    expect_node(&a.nodes[0], 1, "a", "http://a:2");
}

static void who_is_silent_is_not_there(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a", "http://a:1");
    open_node(w, 1, "b", "http://b:1");
    run_sql(w, "UPDATE node SET seen_at = " AGO(14000) " WHERE name = 'a'");
    assert_int_equal(announce(w, 1).n, 2);
    run_sql(w, "UPDATE node SET seen_at = " AGO(15000) " WHERE name = 'a'");
    assert_int_equal(announce(w, 1).n, 1);
    assert_int_equal(announce(w, 0).n, 2); // it is heard again
    assert_int_equal(announce(w, 1).n, 2);
}

/** It may have been killed, and be there again before anybody has missed it. */
static void the_later_one_of_a_name_has_it(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a", "http://a:1");
    open_node(w, 1, "a", "http://a:2");
    assert_int_equal(store_nodes_number(w->nodes[1]), 1);
    struct answer a = announce(w, 0);
    assert_int_equal(a.r, STORE_NODES_TAKEN);
    assert_int_equal(a.n, 1);
    expect_node(&a.nodes[0], 1, "a", "http://a:2");
    assert_int_equal(announce(w, 1).r, 0);
    close_node(w, 0); // which leaves nothing that is the other's
    assert_int_equal(announce(w, 1).n, 1);
}

static void a_number_is_kept_for_a_while(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a", "http://a:1");
    close_node(w, 0);
    run_sql(w, "UPDATE node SET seen_at = " AGO(3590000));
    open_node(w, 1, "b", "http://b:1");
    assert_int_equal(store_nodes_number(w->nodes[1]), 2);
    run_sql(w, "UPDATE node SET seen_at = " AGO(3600000) " WHERE name = 'a'");
    open_node(w, 2, "c", "http://c:1");
    assert_int_equal(store_nodes_number(w->nodes[2]), 1);
}

#define AT_ONCE 8

struct comer {
    pthread_t thread;
    const char *url;
    char name[8];
    struct rand rand;
    struct store_nodes *nodes;
    int r;
};

static void always_the_same(struct rand *rand, void *out, size_t n)
{
    (void)rand;
    memset(out, 5, n);
}

static void *come(void *arg)
{
    struct comer *c = arg;
    const struct store_nodes_config config = {
        .postgres = c->url, .name = c->name, .rand = &c->rand};

    c->r = store_nodes_open(&c->nodes, &config);
    return NULL;
}

static void of_many_that_come_at_once_each_has_a_number(void **state)
{
    struct world *w = *state;
    struct comer comers[AT_ONCE];
    unsigned seen = 0;

    for (unsigned i = 0; i < AT_ONCE; i++) {
        struct comer *c = &comers[i];
        *c = (struct comer){.url = w->pg.url, .rand.bytes = always_the_same};
        snprintf(c->name, sizeof(c->name), "n%u", i);
        assert_int_equal(pthread_create(&c->thread, NULL, come, c), 0);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        pthread_join(comers[i].thread, NULL);
        assert_int_equal(comers[i].r, 0);
        const unsigned number = store_nodes_number(comers[i].nodes);
        assert_in_range(number, 1, AT_ONCE);
        seen |= 1U << number;
        store_nodes_close(comers[i].nodes);
    }
    assert_int_equal(seen, (1U << (AT_ONCE + 1)) - 2);
}

static void whose_row_was_deleted_is_there_again(void **state)
{
    struct world *w = *state;

    open_node(w, 0, "a", "http://a:1");
    open_node(w, 1, "b", "http://b:1");
    run_sql(w, "DELETE FROM node");
    assert_int_equal(announce(w, 1).r, 0);
    struct answer a = announce(w, 1);
    assert_int_equal(a.n, 1);
    expect_node(&a.nodes[0], 2, "b", "http://b:1");
    run_sql(w,
            "INSERT INTO node (name, number, url, instance, has_left)"
            " VALUES ('c', 1, 'http://c:1', 5, false)");
    a = announce(w, 0); // its number is another one's
    assert_int_equal(a.r, STORE_NODES_TAKEN);
    assert_int_equal(a.n, 2);
}

static void there_are_so_many_numbers(void **state)
{
    struct world *w = *state;

    static_assert(STORE_NODE_NUMBERS == 4096, "as below");
    run_sql(w,
            "INSERT INTO node (name, number, url, instance, has_left)"
            " SELECT 'n' || i, i, 'http://n', 1, false FROM generate_series(1, 4095) i"
            " WHERE i <> 4000");
    open_node(w, 0, "a", "http://a:1");
    assert_int_equal(store_nodes_number(w->nodes[0]), 4000);
    assert_true(try_open_at(w, 1, w->pg.url, "b", "http://b:1") < 0);
    const struct answer a = announce(w, 0);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n, STORE_NODES_MAX);
}

static void what_is_longer_than_it_may_be_is_left_out(void **state)
{
    struct world *w = *state;
    char name[STORE_NODE_NAME_MAX + 1];

    memset(name, 'x', STORE_NODE_NAME_MAX);
    name[STORE_NODE_NAME_MAX] = '\0';
    open_node(w, 0, name, "http://a:1");
    run_sql(w,
            "INSERT INTO node (name, number, url, instance, has_left) VALUES"
            " (repeat('y', 65), 2, 'http://b', 1, false),"
            " ('c', 3, 'http://' || repeat('z', 249), 1, false),"
            " ('d', 4, 'http://' || repeat('z', 248), 1, false)");
    const struct answer a = announce(w, 0);
    assert_int_equal(a.n, 2);
    expect_node(&a.nodes[0], 1, name, "http://a:1");
    assert_int_equal(a.nodes[1].number, 4);
}

static void says_so_while_the_database_is_away(void **state)
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
    assert_int_equal(try_open_at(w, 0, url, "a", "http://a:1"), 0);
    pg_proxy_set(&proxy, PG_PROXY_IS_AWAY);
    struct answer a = announce(w, 0);
    assert_int_equal(a.r, STORE_NODES_UNAVAILABLE);
    assert_false(a.has_nodes);
    assert_true(try_open_at(w, 1, url, "b", "http://b:1") < 0);
    pg_proxy_set(&proxy, PG_PROXY_PASSES);
    const int64_t from_ms = clock_unix_ms(loop_wall_clock());
    while (a.r != 0) { // it is tried again only PG_LINK_AGAIN_MS later
        assert_true(clock_unix_ms(loop_wall_clock()) - from_ms < 10000);
        a = announce(w, 0);
    }
    assert_int_equal(a.n, 1);
    close_node(w, 0);
    pg_proxy_close(&proxy);
    PQfinish(as_operator);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    struct CMUnitTest tests[] = {
        TEST(each_is_told_of_all),
        TEST(who_leaves_is_gone_at_once_and_comes_back_by_its_number),
        TEST(who_is_silent_is_not_there),
        TEST(the_later_one_of_a_name_has_it),
        TEST(a_number_is_kept_for_a_while),
        TEST(of_many_that_come_at_once_each_has_a_number),
        TEST(whose_row_was_deleted_is_there_again),
        TEST(there_are_so_many_numbers),
        TEST(what_is_longer_than_it_may_be_is_left_out),
        TEST(says_so_while_the_database_is_away),
    };

    return PG_WORLD_RUN("nodes that share a database", tests);
}
