#include "store/migrate_rows.h"
#include "support/t.h"

#define COLUMNS 3

static const struct migrate_value table[][COLUMNS] = {
    {{0}, {0}, {0}},
    {{.kind = MIGRATE_NUMBER}, {0}, {0}},
    {{0}, {.kind = MIGRATE_NUMBER}, {0}},
    {{.kind = MIGRATE_NUMBER, .number = 1}, {0}, {0}},
    {{.kind = MIGRATE_NUMBER, .number = -1}, {0}, {0}},
    {{.kind = MIGRATE_BYTES}, {0}, {0}},
    {{.kind = MIGRATE_BYTES, .bytes = {"a", 1}}, {.kind = MIGRATE_BYTES}, {0}},
    {{.kind = MIGRATE_BYTES}, {.kind = MIGRATE_BYTES, .bytes = {"a", 1}}, {0}},
    {{.kind = MIGRATE_BYTES, .bytes = {"ab", 2}}, {.kind = MIGRATE_BYTES}, {0}},
    {{.kind = MIGRATE_BYTES, .bytes = {"a", 1}},
     {.kind = MIGRATE_BYTES, .bytes = {"b", 1}},
     {0}},
    {{.kind = MIGRATE_BYTES, .bytes = {"a\0", 2}}, {.kind = MIGRATE_BYTES}, {0}},
};

static struct buf printed(size_t i)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    migrate_row_print(&b, table[i], COLUMNS);
    return b;
}

static void each_row_is_itself_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        for (size_t k = 0; k < COUNT_OF(table); k++) {
            struct buf a = printed(i);
            struct buf b = printed(k);
            assert_int_equal(migrate_row_eq(table[i], table[k], COLUMNS), i == k);
            assert_int_equal(str_eq(buf_str(&a), buf_str(&b)), i == k);
            buf_fini(&a);
            buf_fini(&b);
        }
    }
}

static void says_what_people_can_read(void **state)
{
    static const char long_text[] = "0123456789012345678901234567890123456789 and more";
    const struct migrate_value row[] = {
        {.kind = MIGRATE_NUMBER, .number = -7},
        {0},
        {.kind = MIGRATE_BYTES, .bytes = {"\x1b\xff", 2}},
        {.kind = MIGRATE_BYTES, .bytes = {long_text, sizeof(long_text) - 1}},
    };
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX / 2);
    migrate_row_say(&b, row, 3);
    expect_str("row", buf_str(&b), STR("-7 NULL x'1bff'"));
    buf_clear(&b);
    migrate_row_say(&b, row + 3, 1);
    assert_int_equal(b.len, 2 + 80 + 3 + 1); // it is cut
    buf_fini(&b);
}

static void rows_keep_what_they_were_given(void **state)
{
    struct migrate_rows rows;
    char text[] = "abc";

    (void)state;
    migrate_rows_init(&rows, 2, 3);
    for (int64_t i = 0; i < 3; i++) {
        struct migrate_value *row = migrate_rows_add(&rows);
        row[0] = migrate_number(i);
        row[1] = migrate_bytes(&rows, str_of(text));
        text[0]++;
    }
    assert_int_equal(rows.n, 3);
    assert_int_equal(rows.n_bytes, 9);
    expect_str("first", migrate_row(&rows, 0)[1].bytes, STR("abc"));
    expect_str("last", migrate_row(&rows, 2)[1].bytes, STR("cbc"));
    migrate_rows_clear(&rows);
    assert_int_equal(rows.n, 0);
    assert_int_equal(migrate_rows_add(&rows)[1].kind, MIGRATE_NULL);
    migrate_rows_fini(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_itself_alone),
        cmocka_unit_test(says_what_people_can_read),
        cmocka_unit_test(rows_keep_what_they_were_given),
    };

    return cmocka_run_group_tests_name("store_migrate_rows", tests, NULL, NULL);
}
