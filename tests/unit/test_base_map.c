#include "base/map.h"
#include "base/mem.h"
#include "support/aborts.h"

struct item {
    struct map_node node;
    uint64_t key;
};

static bool item_is(struct map_node *node, const void *key)
{
    return container_of(node, struct item, node)->key == *(const uint64_t *)key;
}

/** Bad on purpose: eight keys share each value, and a bucket has several of these, whose
 * highest bits differ: they are all that its filter tells them apart by. */
static uint64_t hash_of(uint64_t key)
{
    return key / 8 % 256 | key / 8 / 256 << 60;
}

static struct item *find(const struct map *m, uint64_t key)
{
    struct map_node *node = map_find(m, hash_of(key), item_is, &key);
    return node ? container_of(node, struct item, node) : NULL;
}

static void an_empty_map_finds_nothing(void **state)
{
    (void)state;
    struct map m = {0};

    assert_null(find(&m, 1));
    map_fini(&m);
    map_fini(&m);
}

static void finds_what_was_added_and_not_what_was_removed(void **state)
{
    (void)state;
    enum {
        N = 10000
    };
    struct item *items = mem_alloc(N * sizeof(*items));
    struct map m = {0};

    for (uint64_t i = 0; i < N; i++) {
        items[i].key = i;
        map_add(&m, &items[i].node, hash_of(i));
    }
    expect_int("held", m.n_nodes, N);
    assert_true(m.n_buckets >= N && m.n_buckets < 4 * (size_t)N);
    for (uint64_t i = 0; i < N; i++)
        assert_ptr_equal(find(&m, i), &items[i]);
    assert_null(find(&m, N));

    for (uint64_t i = 0; i < N; i += 3)
        map_remove(&m, &items[i].node);
    for (uint64_t i = 0; i < N; i++)
        assert_ptr_equal(find(&m, i), i % 3 == 0 ? NULL : &items[i]);

    for (uint64_t i = 0; i < N; i++) {
        if (i % 3 != 0)
            map_remove(&m, &items[i].node);
    }
    expect_int("emptied", m.n_nodes, 0);
    map_fini(&m);
    free(items);
}

static size_t count(const struct map *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_buckets; i++) {
        for (struct map_node *node = map_bucket(m, i); node; node = node->next)
            n++;
    }
    return n;
}

static void is_gone_through_and_cleared_for_as_many_more(void **state)
{
    (void)state;
    struct item items[100];
    struct map m = {0};

    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < COUNT_OF(items); i++) {
            items[i].key = 1000 * round + i;
            map_add(&m, &items[i].node, hash_of(items[i].key));
        }
        expect_int("gone through", count(&m), COUNT_OF(items));
        assert_ptr_equal(find(&m, 1000 * round), &items[0]);
        const size_t n_buckets = m.n_buckets;
        map_clear(&m);
        expect_int("cleared", m.n_nodes, 0);
        expect_int("gone through", count(&m), 0);
        assert_null(find(&m, 1000 * round));
        expect_int("room", m.n_buckets, n_buckets);
    }
    map_fini(&m);
}

static void a_removed_node_may_be_added_again_under_another_key(void **state)
{
    (void)state;
    struct map m = {0};
    struct item item = {.key = 1};

    map_add(&m, &item.node, hash_of(1));
    map_remove(&m, &item.node);
    item.key = 99;
    map_add(&m, &item.node, hash_of(99));
    assert_null(find(&m, 1));
    assert_ptr_equal(find(&m, 99), &item);
    map_remove(&m, &item.node);
    map_fini(&m);
}

struct removal {
    struct map m;
    struct item in;
    struct item out; // of the same hash, and not in the map
};

static void remove_a_stranger(void *arg)
{
    struct removal *r = arg;
    map_remove(&r->m, &r->out.node);
}

static void fini_a_full_one(void *arg)
{
    struct removal *r = arg;
    map_fini(&r->m);
}

static void removing_a_stranger_and_leaving_nodes_behind_are_bugs(void **state)
{
    (void)state;
    struct removal r = {0};
    char said[256];

    map_add(&r.m, &r.in.node, 0);
    assert_true(aborts(remove_a_stranger, &r, said, sizeof(said)));
    assert_true(aborts(fini_a_full_one, &r, said, sizeof(said)));
    map_remove(&r.m, &r.in.node);
    map_fini(&r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(finds_what_was_added_and_not_what_was_removed),
        cmocka_unit_test(is_gone_through_and_cleared_for_as_many_more),
        cmocka_unit_test(a_removed_node_may_be_added_again_under_another_key),
        cmocka_unit_test(removing_a_stranger_and_leaving_nodes_behind_are_bugs),
    };
    return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
