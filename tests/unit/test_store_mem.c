#include "support/store_world.h"

static int setup(void **state)
{
    *state = store_world_new(false);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static void refuses_as_often_as_it_is_told(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "k", "k");
    const struct store_receipt seen = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = 1, .now_ms = NOW};

    store_mem_fail(w->store, STORE_UNAVAILABLE, 2);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(w->store->counters.refused, 2);
    put(w, 'a', 'b', "k", 1);
    store_mem_fail(w->store, STORE_UNCERTAIN, 1);
    ask_receipt(w, &seen, STORE_UNCERTAIN, "");
    ask_receipt(w, &seen, 0, "a 1+ 0");
}

static void loses_answers_of_what_it_has_done(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "k", "k");

    store_mem_lose(w->store, 1);
    assert_int_equal(append(w, &what).r, STORE_UNCERTAIN);
    const struct store_answer again = append(w, &what);
    assert_int_equal(again.r, 0);
    assert_int_equal(again.seq, 1);
    assert_true(again.is_duplicate);
}

static void fails_reads_apart_from_writes(void **state)
{
    struct store_world *w = *state;
    const struct store_list l = {.account = who('a'), .max_conversations = 1};

    store_mem_fail_reads(w->store, 1);
    put(w, 'a', 'b', "k", 1);
    ask_list(w, &l, STORE_UNAVAILABLE, "");
    ask_list(w, &l, 0, "[b u0 a1]");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refuses_as_often_as_it_is_told),
        TEST(loses_answers_of_what_it_has_done),
        TEST(fails_reads_apart_from_writes),
    };
    return cmocka_run_group_tests_name("store_mem", tests, NULL, NULL);
}
