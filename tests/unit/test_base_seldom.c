#include "base/seldom.h"
#include "support/t.h"

static void the_first_one_is_said_whenever_it_is(void **state)
{
    struct seldom s = {0};
    unsigned long long unsaid = 7;

    (void)state;
    assert_true(seldom_is_due(&s, 0, 1000, &unsaid));
    assert_int_equal(unsaid, 0);
}

static void others_are_counted_until_it_is_time(void **state)
{
    struct seldom s = {0};
    unsigned long long unsaid = 0;

    (void)state;
    assert_true(seldom_is_due(&s, 5000, 1000, &unsaid));
    assert_false(seldom_is_due(&s, 5000, 1000, &unsaid));
    assert_false(seldom_is_due(&s, 5999, 1000, &unsaid));
    assert_true(seldom_is_due(&s, 6000, 1000, &unsaid));
    assert_int_equal(unsaid, 2);
    assert_false(seldom_is_due(&s, 6999, 1000, &unsaid));
    assert_true(seldom_is_due(&s, 9000, 1000, NULL));
    assert_true(seldom_is_due(&s, 10000, 1000, &unsaid));
    assert_int_equal(unsaid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_one_is_said_whenever_it_is),
        cmocka_unit_test(others_are_counted_until_it_is_time),
    };
    return cmocka_run_group_tests_name("base/seldom", tests, NULL, NULL);
}
