#include "chat/cursor.h"
#include "support/t.h"

static const account alice = {.len = 3, .bytes = {1, 2, 3}};
static const account bob = {.len = 3, .bytes = {1, 2, 4}};

static void comes_back_as_it_went(void **state)
{
    static const int64_t positions[] = {0, 1, 255, 1LL << 40, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(positions); i++) {
        char text[CURSOR_SIZE];
        int64_t got = -1;
        const str cursor = cursor_print(text, UINT64_MAX, &alice, positions[i]);
        assert_int_equal(cursor_parse(cursor, UINT64_MAX, &alice, &got), 0);
        assert_int_equal(got, positions[i]);
    }
}

static void belongs_to_one_account_and_one_store(void **state)
{
    char text[CURSOR_SIZE];
    int64_t got = 0;
    const str cursor = cursor_print(text, 7, &alice, 5);

    (void)state;
    assert_int_equal(cursor_parse(cursor, 7, &bob, &got), CURSOR_BAD);
    assert_int_equal(cursor_parse(cursor, 8, &alice, &got), CURSOR_BAD);
}

static void refuses_what_is_none(void **state)
{
    char text[CURSOR_SIZE];
    char longer[CURSOR_SIZE + 1];
    int64_t got = 0;
    const str cursor = cursor_print(text, 7, &alice, 5);

    (void)state;
    for (size_t n = 0; n < cursor.len; n++)
        expect_int("cut", cursor_parse((str){text, n}, 7, &alice, &got), CURSOR_BAD);
    memcpy(longer, text, cursor.len);
    longer[cursor.len] = '0';
    assert_int_equal(cursor_parse((str){longer, cursor.len + 1}, 7, &alice, &got), CURSOR_BAD);
    for (size_t i = 0; i < cursor.len; i++) {
        memcpy(longer, text, cursor.len);
        longer[i] = 'g';
        expect_int("no digit", cursor_parse((str){longer, cursor.len}, 7, &alice, &got),
                   CURSOR_BAD);
    }
    memcpy(longer, text, cursor.len);
    longer[32] = 'f'; // a position below 0
    assert_int_equal(cursor_parse((str){longer, cursor.len}, 7, &alice, &got), CURSOR_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(belongs_to_one_account_and_one_store),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
