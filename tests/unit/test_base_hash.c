#include "base/hash.h"
#include "support/t.h"

/** Keys and inputs 00 01 02 …, as in the reference's vectors; the values are OpenSSL's. */
static void hashes_as_the_reference(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        uint64_t want;
    } rows[] = {
        {"nothing", 0, UINT64_C(0x726fdb47dd0e0e31)},
        {"one byte", 1, UINT64_C(0x74f839c593dc67fd)},
        {"seven bytes", 7, UINT64_C(0xab0200f58b01d137)},
        {"a word", 8, UINT64_C(0x93f5f5799a932462)},
        {"fifteen bytes", 15, UINT64_C(0xa129ca6149be45e5)},
    };
    uint8_t key[HASH_KEY_SIZE];
    char bytes[16];

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        key[i] = (uint8_t)i;
        bytes[i] = (char)i;
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].name, hash_keyed(key, (str){bytes, rows[i].len}), rows[i].want);
}

static void depends_on_the_key(void **state)
{
    const uint8_t a[HASH_KEY_SIZE] = {1};
    const uint8_t b[HASH_KEY_SIZE] = {2};

    (void)state;
    assert_true(hash_keyed(a, STR("x")) != hash_keyed(b, STR("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_the_reference),
        cmocka_unit_test(depends_on_the_key),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
