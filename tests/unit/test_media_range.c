#include "media/range.h"
#include "support/exact.h"
#include "support/t.h"

#define SIZE 1000 // bytes of the file, where a row does not say otherwise

// clang-format off
static const struct row {
    const char *name;
    str field;
    uint64_t size; // 0: SIZE
    int r;
    uint64_t offset;
    uint64_t n;
} rows[] = {
    // name                       field                   size r  offset n
    {"the first",                 STR("bytes=0-0"),       0, 0,   0,   1},
    {"the first hundred",         STR("bytes=0-99"),      0, 0,   0,   100},
    {"in the middle",             STR("bytes=100-199"),   0, 0,   100, 100},
    {"all but the last",          STR("bytes=0-998"),     0, 0,   0,   999},
    {"up to the last",            STR("bytes=0-999"),     0, 0,   0,   1000},
    {"one more",                  STR("bytes=0-1000"),    0, 0,   0,   1000},
    {"the last alone",            STR("bytes=999-999"),   0, 0,   999, 1},
    {"the last, and one more",    STR("bytes=999-1000"),  0, 0,   999, 1},
    {"all, to an open end",       STR("bytes=0-"),        0, 0,   0,   1000},
    {"from the middle on",        STR("bytes=500-"),      0, 0,   500, 500},
    {"from the last on",          STR("bytes=999-"),      0, 0,   999, 1},
    {"the last one",              STR("bytes=-1"),        0, 0,   999, 1},
    {"the last hundred",          STR("bytes=-100"),      0, 0,   900, 100},
    {"the last 1000 of as many",  STR("bytes=-1000"),     0, 0,   0,   1000},
    {"the last 1001 of 1000",     STR("bytes=-1001"),     0, 0,   0,   1000},
    {"of one byte",               STR("bytes=0-"),        1, 0,   0,   1},
    {"the last of one byte",      STR("bytes=-1"),        1, 0,   0,   1},
    {"any case",                  STR("BYTES=1-2"),       0, 0,   1,   2},
    {"zeroes before",             STR("bytes=001-0000002"), 0, 0, 1,   2},
    {"to 2^63 - 1",               STR("bytes=1-9223372036854775807"),  0, 0, 1, 999},
    {"to 2^63",                   STR("bytes=1-9223372036854775808"),  0, 0, 1, 999},
    {"to 2^64 - 1",               STR("bytes=1-18446744073709551615"), 0, 0, 1, 999},
    {"to 2^64",                   STR("bytes=1-18446744073709551616"), 0, 0, 1, 999},
    {"to more than has a name",   STR("bytes=1-99999999999999999999999999999999999999"), 0, 0, 1, 999},
    {"the last 2^64",             STR("bytes=-18446744073709551616"),  0, 0, 0, 1000},
    {"the end of the largest",    STR("bytes=9223372036854775806-"),   INT64_MAX, 0, INT64_MAX - 1, 1},

    {"behind the end",            STR("bytes=1000-"),     0, RANGE_UNSATISFIABLE, 0, 0},
    {"behind the end, and on",    STR("bytes=1000-1001"), 0, RANGE_UNSATISFIABLE, 0, 0},
    {"behind one byte",           STR("bytes=1-"),        1, RANGE_UNSATISFIABLE, 0, 0},
    {"from 2^63 on",              STR("bytes=9223372036854775808-"),  0, RANGE_UNSATISFIABLE, 0, 0},
    {"from 2^64 on",              STR("bytes=18446744073709551616-"), 0, RANGE_UNSATISFIABLE, 0, 0},
    {"from 2^64 to 2^64",         STR("bytes=18446744073709551616-18446744073709551616"), 0, RANGE_UNSATISFIABLE, 0, 0},
    {"the last none",             STR("bytes=-0"),        0, RANGE_UNSATISFIABLE, 0, 0},

    {"nothing",                   STR(""),                0, RANGE_NONE, 0, 0},
    {"the unit alone",            STR("bytes"),           0, RANGE_NONE, 0, 0},
    {"no range",                  STR("bytes="),          0, RANGE_NONE, 0, 0},
    {"a dash alone",              STR("bytes=-"),         0, RANGE_NONE, 0, 0},
    {"two dashes",                STR("bytes=--1"),       0, RANGE_NONE, 0, 0},
    {"no dash",                   STR("bytes=1"),         0, RANGE_NONE, 0, 0},
    {"backwards",                 STR("bytes=2-1"),       0, RANGE_NONE, 0, 0},
    {"backwards behind the end",  STR("bytes=2000-1999"), 0, RANGE_NONE, 0, 0},
    {"two ranges",                STR("bytes=0-1,3-4"),   0, RANGE_NONE, 0, 0},
    {"an empty second",           STR("bytes=0-1,"),      0, RANGE_NONE, 0, 0},
    {"another unit",              STR("lines=0-1"),       0, RANGE_NONE, 0, 0},
    {"a longer unit",             STR("kbytes=0-1"),      0, RANGE_NONE, 0, 0},
    {"a space before",            STR(" bytes=0-1"),      0, RANGE_NONE, 0, 0},
    {"a space behind",            STR("bytes=0-1 "),      0, RANGE_NONE, 0, 0},
    {"a space within",            STR("bytes= 0-1"),      0, RANGE_NONE, 0, 0},
    {"a sign",                    STR("bytes=+0-1"),      0, RANGE_NONE, 0, 0},
    {"hexadecimal",               STR("bytes=0x0-1"),     0, RANGE_NONE, 0, 0},
    {"a letter",                  STR("bytes=0-1a"),      0, RANGE_NONE, 0, 0},
    {"a NUL",                     STR("bytes=0-1\0"),     0, RANGE_NONE, 0, 0},
    {"a digit of another script", STR("bytes=0-\xd9\xa1"), 0, RANGE_NONE, 0, 0},
};

// clang-format on

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *field = exact_copy(row->field);
        uint64_t offset = 0;
        uint64_t n = 0;

        const int r = range_parse(&offset, &n, (str){field, row->field.len},
                                  row->size > 0 ? row->size : SIZE);
        expect_int(row->name, r, row->r);
        expect_int(row->name, offset, row->offset);
        expect_int(row->name, n, row->n);
    }
}

/** What a cut leaves is another range, or none: never read past. */
static void reads_every_cut(void **state)
{
    (void)state;
    const str whole = STR("bytes=12-345");
    // how many bytes from 12 on each length of it asks for; -1: no range
    static const int want[] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, 988, -1, 23, 334};

    for (size_t cut = 0; cut <= whole.len; cut++) {
        CLEANUP(exact_freep) char *field = exact_copy((str){whole.ptr, cut});
        uint64_t offset = 0;
        uint64_t n = 0;

        const int r = range_parse(&offset, &n, (str){field, cut}, SIZE);
        expect_int("answer", r, want[cut] < 0 ? RANGE_NONE : 0);
        if (r == 0)
            expect_int("bytes", n, want[cut]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(reads_every_cut),
    };
    return cmocka_run_group_tests_name("media/range", tests, NULL, NULL);
}
