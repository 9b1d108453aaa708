#include "chat/own.h"
#include "support/t.h"

static void nothing_is_there_at_first(void **state)
{
    (void)state;
    struct own *o = NULL;

    assert_false(own_take(o, 1));
    own_clear(&o);
    assert_null(o);
}

static void finds_what_was_added_and_nothing_between(void **state)
{
    (void)state;
    struct own *o = NULL;

    for (int64_t i = 1; i <= 100; i++)
        own_add(&o, i * 3);
    for (int64_t i = 1; i <= 301; i++)
        assert_int_equal(own_take(o, i), i % 3 == 0 && i <= 300);
    own_clear(&o);
}

static void what_is_asked_for_twice_is_there_twice(void **state)
{
    (void)state;
    struct own *o = NULL;

    own_add(&o, 5);
    assert_true(own_take(o, 5));
    assert_true(own_take(o, 5));
    assert_false(own_take(o, 6));
    assert_false(own_take(o, 5)); // passed
    own_clear(&o);
}

static void takes_them_in_any_order_and_twice(void **state)
{
    (void)state;
    static const int64_t added[] = {7, 3, 9, 3, 8, 1, 9, 7};
    struct own *o = NULL;

    for (size_t i = 0; i < COUNT_OF(added); i++)
        own_add(&o, added[i]);
    for (int64_t i = 0; i <= 10; i++)
        assert_int_equal(own_take(o, i), i == 1 || i == 3 || (i >= 7 && i <= 9));
    own_clear(&o);
}

static void remembers_the_first_so_many(void **state)
{
    (void)state;
    struct own *o = NULL;

    for (int64_t i = 1; i <= CHAT_OWN_MAX + 1; i++)
        own_add(&o, i);
    for (int64_t i = 1; i <= CHAT_OWN_MAX; i++)
        assert_true(own_take(o, i));
    assert_false(own_take(o, CHAT_OWN_MAX + 1)); // which was one too many
    own_clear(&o);
}

static void has_room_again_for_what_was_passed(void **state)
{
    (void)state;
    struct own *o = NULL;

    for (int64_t i = 1; i <= INT64_C(10) * CHAT_OWN_MAX; i++) {
        own_add(&o, i);
        if (i > CHAT_OWN_MAX / 2)
            assert_true(own_take(o, i - CHAT_OWN_MAX / 2));
    }
    own_clear(&o);
}

static void hears_how_far_there_is_something(void **state)
{
    (void)state;
    struct own *o = NULL;

    assert_int_equal(own_heard(o, OWN_MESSAGES), 0);
    own_hear(&o, OWN_MESSAGES, 7);
    own_hear(&o, OWN_MESSAGES, 5); // late
    own_hear(&o, OWN_RECEIPTS, 9);
    for (int64_t i = 1; i <= 100; i++)
        own_add(&o, i);
    assert_int_equal(own_heard(o, OWN_MESSAGES), 7);
    assert_int_equal(own_heard(o, OWN_RECEIPTS), 9);
    assert_true(own_take(o, 100));
    own_clear(&o);
    assert_int_equal(own_heard(o, OWN_RECEIPTS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_there_at_first),
        cmocka_unit_test(finds_what_was_added_and_nothing_between),
        cmocka_unit_test(what_is_asked_for_twice_is_there_twice),
        cmocka_unit_test(takes_them_in_any_order_and_twice),
        cmocka_unit_test(remembers_the_first_so_many),
        cmocka_unit_test(has_room_again_for_what_was_passed),
        cmocka_unit_test(hears_how_far_there_is_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
