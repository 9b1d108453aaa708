#include "auth/cases.h"
#include "base/hex.h"
#include "support/seeded.h"
#include "support/t.h"

static void large_letters_are_those_of_eip_55(void **state)
{
    uint8_t address[AUTH_ADDRESS_SIZE];

    (void)state;
    // 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed: bit 0 is of the first digit
    const auth_cases_bits letters = UINT64_C(0xfb40254a1e);
    const auth_cases_bits large = UINT64_C(0x2940044a04);
    assert_int_equal(hex_decode(address, STR("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")), 0);
    assert_int_equal(auth_cases_get(NULL, address) & letters, large);
}

static void what_is_kept_is_what_a_hash_says(void **state)
{
    struct auth_cases *cases = auth_cases_new();
    uint8_t addresses[64][AUTH_ADDRESS_SIZE] = {{0}}; // address zero is one of them
    struct seeded chance;

    (void)state;
    seeded_init(&chance, 1);
    rand_bytes(&chance.rand, addresses[1], sizeof(addresses) - sizeof(addresses[0]));
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        addresses[i][AUTH_ADDRESS_SIZE - 1] = addresses[i][AUTH_ADDRESS_SIZE - 2] = i % 8;

    // Eight at a time want the same place.
    for (size_t n = 0; n < 2000; n++) {
        const uint8_t *address = addresses[seeded_next(&chance) / 7 % COUNT_OF(addresses)];
        const auth_cases_bits want = auth_cases_get(NULL, address);
        assert_int_equal(auth_cases_get(cases, address), want); // perhaps anew
        assert_int_equal(auth_cases_get(cases, address), want); // kept
    }
    auth_cases_free(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_letters_are_those_of_eip_55),
        cmocka_unit_test(what_is_kept_is_what_a_hash_says),
    };

    return cmocka_run_group_tests_name("auth/cases", tests, NULL, NULL);
}
