#include <inttypes.h>
#include <stdio.h>

#include "base/digits.h"
#include "support/t.h"

static void digits_are_those_of_printf(void **state)
{
    char out[DIGITS_SIZE];
    char want[DIGITS_SIZE + 1];

    (void)state;
    // Both sides of each power of ten, and the last number there is.
    for (uint64_t ten = 1; ten <= UINT64_MAX / 10; ten *= 10) {
        const uint64_t numbers[] = {ten - 1, ten, ten * 10 - 1, ten * 10, UINT64_MAX - ten + 1};
        for (size_t i = 0; i < COUNT_OF(numbers); i++) {
            snprintf(want, sizeof(want), "%" PRIu64, numbers[i]);
            expect_str(want, digits_of(out, numbers[i]), str_of(want));
        }
    }
}

static void a_fixed_number_of_digits_is_filled_and_cut(void **state)
{
    static const struct {
        const char *name;
        size_t n_digits;
        uint64_t n;
        const char *want;
    } rows[] = {
        {"zero", 3, 0, "000"},
        {"filled", 4, 26, "0026"},
        {"full", 2, 99, "99"},
        {"cut", 3, 12345, "345"},
    };
    char out[8];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *end = digits_fixed(out, rows[i].n_digits, rows[i].n);
        expect_str(rows[i].name, ((str){out, (size_t)(end - out)}), str_of(rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_those_of_printf),
        cmocka_unit_test(a_fixed_number_of_digits_is_filled_and_cut),
    };

    return cmocka_run_group_tests_name("base/digits", tests, NULL, NULL);
}
