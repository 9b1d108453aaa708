#include "io/pool.h"
#include "support/t.h"

static void it_starts_and_the_loop_ends_by_itself(void **state)
{
    struct loop *loop = NULL;

    (void)state;
    assert_int_equal(loop_new(&loop), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pool_start(loop), 0);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_and_the_loop_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
