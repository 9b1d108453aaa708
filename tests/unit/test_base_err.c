#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "support/t.h"

static void keep_line(void *arg, str line)
{
    assert_int_equal(buf_add(arg, line), 0);
}

static int setup(void **state)
{
    static struct buf lines;
    buf_init(&lines, 4096);
    log_set_sink(keep_line, &lines);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    log_set_sink(NULL, NULL);
    buf_fini(*state);
    return 0;
}

static bool has(const struct buf *lines, str what)
{
    const str all = buf_str(lines);
    assert(all.ptr);
    return memmem(all.ptr, all.len, what.ptr, what.len) != NULL;
}

static void a_fault_says_where_what_and_errno(void **state)
{
    struct buf *lines = *state;

    assert_int_equal(err_fault(-EIO, "disk %d: %s", 3, "a \"lie\"\n"), -EIO);
    assert_true(has(lines, STR("level=error layer=fault event=fault at=")));
    assert_true(has(lines, STR("test_base_err.c:")));
    assert_true(has(lines, STR("what=\"disk 3: a \\\"lie\\\"\\x0a\" errno=EIO\n")));
}

static void a_fault_goes_up_with_its_trace(void **state)
{
    struct buf *lines = *state;

    assert_int_equal(err_up(-ENOSPC), -ENOSPC);
    assert_true(has(lines, STR("event=fault_via at=")));
    assert_true(has(lines, STR("test_base_err.c:")));
}

static void a_refusal_that_goes_up_becomes_a_fault(void **state)
{
    struct buf *lines = *state;

    assert_int_equal(err_up(7), -ENOTRECOVERABLE);
    assert_true(has(lines, STR("what=\"refusal 7 was not handled\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fault_says_where_what_and_errno, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fault_goes_up_with_its_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_that_goes_up_becomes_a_fault, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
