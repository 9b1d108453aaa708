#include <stdio.h>

#include "base/mem.h"
#include "bus/nats_nodes.h"
#include "support/t.h"

static enum nats_heard hear(struct nats_nodes *all, const char *name, uint64_t instance,
                            int64_t now_ms)
{
    struct nats_node n = nats_node_of(str_of(name), instance);

    n.heard_ms = now_ms;
    return nats_nodes_heard(all, &n);
}

static void an_announcement_comes_back_as_it_was(void **state)
{
    char name[BUS_NODE_NAME_MAX];
    char out[NATS_NODE_SIZE + 1];
    struct nats_node got;

    (void)state;
    memset(name, 'n', sizeof(name));
    for (size_t len = 1; len <= BUS_NODE_NAME_MAX; len++) {
        const struct nats_node n = nats_node_of((str){name, len}, 0x0102030405060708);
        const size_t size = nats_node_encode(out, &n);
        assert_int_equal(size, 9 + len);
        assert_memory_equal(out, "\1\1\2\3\4\5\6\7\10n", 10);
        assert_int_equal(nats_node_decode(&got, (str){out, size}), 0);
        assert_int_equal(got.instance, n.instance);
        assert_true(str_eq(nats_node_name(&got), nats_node_name(&n)));
    }
}

static void what_is_none_is_refused(void **state)
{
    char bytes[NATS_NODE_SIZE + 1];
    struct nats_node got;

    (void)state;
    memset(bytes, 1, sizeof(bytes));
    for (size_t len = 0; len < 10; len++)
        expect_int("cut", nats_node_decode(&got, (str){bytes, len}), NATS_NODE_BAD);
    expect_int("a name of a byte", nats_node_decode(&got, (str){bytes, 10}), 0);
    expect_int("the longest", nats_node_decode(&got, (str){bytes, NATS_NODE_SIZE}), 0);
    expect_int("longer", nats_node_decode(&got, (str){bytes, NATS_NODE_SIZE + 1}),
               NATS_NODE_BAD);
    bytes[0] = 2;
    expect_int("a later version", nats_node_decode(&got, (str){bytes, 10}), NATS_NODE_UNKNOWN);
}

static void one_that_begins_anew_is_told_from_one_that_goes_on(void **state)
{
    struct nats_nodes *all = NEW(struct nats_nodes);

    (void)state;
    assert_int_equal(hear(all, "a", 1, 0), NATS_HEARD_NEW);
    assert_int_equal(hear(all, "b", 1, 0), NATS_HEARD_NEW);
    assert_int_equal(hear(all, "a", 1, 1), NATS_HEARD_KNOWN);
    assert_int_equal(hear(all, "a", 2, 2), NATS_HEARD_ANEW);
    assert_int_equal(hear(all, "a", 2, 3), NATS_HEARD_KNOWN);
    assert_int_equal(all->n, 2);
    free(all);
}

static void one_that_is_silent_is_lost_once(void **state)
{
    struct nats_nodes *all = NEW(struct nats_nodes);
    struct nats_node lost;

    (void)state;
    hear(all, "a", 1, 0);
    hear(all, "b", 1, 5);
    hear(all, "c", 1, 6);
    assert_false(nats_nodes_lose(all, 0, &lost));
    assert_true(nats_nodes_lose(all, 6, &lost));
    assert_true(str_eq(nats_node_name(&lost), STR("a")));
    assert_true(nats_nodes_lose(all, 6, &lost));
    assert_true(str_eq(nats_node_name(&lost), STR("b")));
    assert_false(nats_nodes_lose(all, 6, &lost));
    assert_int_equal(hear(all, "a", 1, 7), NATS_HEARD_NEW);
    nats_nodes_excuse(all, 100);
    assert_false(nats_nodes_lose(all, 100, &lost));
    free(all);
}

static void no_more_are_known_than_may_be(void **state)
{
    struct nats_nodes *all = NEW(struct nats_nodes);
    char name[16];

    (void)state;
    for (unsigned i = 0; i < BUS_NODES_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(hear(all, name, 1, 0), NATS_HEARD_NEW);
    }
    assert_int_equal(hear(all, "one more", 1, 0), NATS_HEARD_TOO_MANY);
    assert_int_equal(hear(all, "n7", 1, 0), NATS_HEARD_KNOWN);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_comes_back_as_it_was),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(one_that_begins_anew_is_told_from_one_that_goes_on),
        cmocka_unit_test(one_that_is_silent_is_lost_once),
        cmocka_unit_test(no_more_are_known_than_may_be),
    };
    return cmocka_run_group_tests_name("bus_nats_nodes", tests, NULL, NULL);
}
