#include "chat/chat.h"
#include "chat/window.h"
#include "support/t.h"

static void add(struct window *w, int64_t token, uint64_t seq, uint32_t bytes)
{
    const struct window_item item = {
        .token = token, .conversation = 1, .seq = seq, .bytes = bytes, .from_peer = true};

    window_add(w, &item);
}

static void takes_items_in_any_order(void **state)
{
    static const int64_t order[] = {3, 0, 9, 1, 2, 8, 4, 7, 5, 6};
    struct window w = {0};
    struct window_item item;

    (void)state;
    for (int64_t i = 0; i < 10; i++)
        add(&w, i, (uint64_t)i + 1, 10);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_true(window_take(&w, order[i], &item));
        assert_int_equal(item.seq, order[i] + 1);
        assert_false(window_take(&w, order[i], &item));
        // what is left keeps its order
        for (uint32_t j = 1; j < w.n; j++)
            assert_true(window_at(&w, j - 1)->token < window_at(&w, j)->token);
    }
    assert_int_equal(w.n, 0);
    assert_int_equal(w.bytes, 0);
    window_clear(&w);
}

static void goes_round_for_ever(void **state)
{
    struct window w = {0};
    struct window_item item;

    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        add(&w, i, (uint64_t)i + 1, 1);
        add(&w, i + 1000000, (uint64_t)i + 1, 1);
        assert_true(window_take(&w, i, &item));
        if (i >= 5)
            assert_true(window_take(&w, i + 1000000 - 5, &item));
    }
    assert_int_equal(w.n, 5);
    window_clear(&w);
    assert_null(w.items);
}

static void closes_at_its_limits(void **state)
{
    struct window w = {0};
    size_t bytes = 0;

    (void)state;
    for (int64_t i = 0; i < CHAT_WINDOW_MESSAGES_MAX; i++) {
        assert_true(window_is_open(&w));
        add(&w, i, 1, 1);
    }
    assert_false(window_is_open(&w));
    assert_int_equal(window_room(&w, &bytes), 0);
    window_clear(&w);

    add(&w, 0, 1, CHAT_WINDOW_BYTES_MAX - 1);
    assert_true(window_is_open(&w));
    assert_int_equal(window_room(&w, &bytes), CHAT_WINDOW_MESSAGES_MAX - 1);
    assert_int_equal(bytes, 1);
    add(&w, 1, 2, 1);
    assert_false(window_is_open(&w));
    window_clear(&w);
}

static void is_roomy_from_half_on(void **state)
{
    struct window w = {0};

    (void)state;
    for (int64_t i = 0; i < CHAT_WINDOW_MESSAGES_MAX / 2; i++)
        add(&w, i, 1, 1);
    assert_true(window_is_roomy(&w));
    add(&w, 999, 1, 1);
    assert_false(window_is_roomy(&w));
    window_clear(&w);
}

static void finds_the_first_of_the_peer(void **state)
{
    struct window w = {0};

    (void)state;
    window_add(&w, &(struct window_item){.token = 1, .conversation = 7, .seq = 1});
    window_add(
        &w, &(struct window_item){.token = 2, .conversation = 8, .seq = 1, .from_peer = true});
    assert_null(window_first(&w, 7, 0)); // its own is not the peer's
    window_add(
        &w, &(struct window_item){.token = 3, .conversation = 7, .seq = 2, .from_peer = true});
    window_add(
        &w, &(struct window_item){.token = 4, .conversation = 7, .seq = 3, .from_peer = true});
    assert_int_equal(window_first(&w, 7, 0)->token, 3);
    assert_int_equal(window_first(&w, 7, 2)->token, 4);
    assert_null(window_first(&w, 7, 3));
    window_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_items_in_any_order),    cmocka_unit_test(goes_round_for_ever),
        cmocka_unit_test(closes_at_its_limits),        cmocka_unit_test(is_roomy_from_half_on),
        cmocka_unit_test(finds_the_first_of_the_peer),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
