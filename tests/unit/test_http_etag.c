#include "http/etag.h"
#include "support/exact.h"
#include "support/t.h"

// clang-format off
static const struct row {
    const char *name;
    str list;
    str etag;
    bool is_listed;
} rows[] = {
    {"the same",            STR("\"a\""),                  STR("\"a\""),   true},
    {"both weak",           STR("W/\"a\""),                STR("W/\"a\""), true},
    {"weak there",          STR("W/\"a\""),                STR("\"a\""),   true},
    {"weak here",           STR("\"a\""),                  STR("W/\"a\""), true},
    {"the first",           STR("\"a\", \"b\""),           STR("\"a\""),   true},
    {"the last",            STR("\"b\",W/\"c\",\"a\""),    STR("\"a\""),   true},
    {"blanks around",       STR(" \t\"a\"\t "),            STR("\"a\""),   true},
    {"any",                 STR("*"),                      STR("\"a\""),   true},
    {"between empty ones",  STR(", ,\"a\", ,"),            STR("\"a\""),   true},

    {"nothing",             STR(""),                       STR("\"a\""),   false},
    {"another",             STR("\"b\""),                  STR("\"a\""),   false},
    {"others",              STR("\"b\", \"c\""),           STR("\"a\""),   false},
    {"longer",              STR("\"ab\""),                 STR("\"a\""),   false},
    {"shorter",             STR("\"\""),                   STR("\"a\""),   false},
    {"another case",        STR("\"A\""),                  STR("\"a\""),   false},
    {"no quotes",           STR("a"),                      STR("\"a\""),   false},
    {"w is not W",          STR("w/\"a\""),                STR("\"a\""),   false},
    {"weak twice",          STR("W/W/\"a\""),              STR("\"a\""),   false},
    {"W/ alone",            STR("W/"),                     STR("\"a\""),   false},
    {"a star in quotes",    STR("\"*\""),                  STR("\"a\""),   false},
    {"two stars",           STR("**"),                     STR("\"a\""),   false},
};
// clang-format on

static void finds_each_tag(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *list = exact_copy(row->list);
        expect_int(row->name, http_etag_is_listed((str){list, row->list.len}, row->etag),
                   row->is_listed);
    }
}

/** Where a list is cut, a tag that is not whole is not there. */
static void each_beginning_of_a_list_is_a_list(void **state)
{
    const str all = STR("\"b\", W/\"c\" ,\"a\"");

    (void)state;
    for (size_t n = 0; n <= all.len; n++) {
        CLEANUP(exact_freep) char *list = exact_copy((str){all.ptr, n});
        expect_int("a", http_etag_is_listed((str){list, n}, STR("\"a\"")), n == all.len);
        expect_int("b", http_etag_is_listed((str){list, n}, STR("\"b\"")), n >= 3);
        expect_int("c", http_etag_is_listed((str){list, n}, STR("\"c\"")), n >= 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_tag),
        cmocka_unit_test(each_beginning_of_a_list_is_a_list),
    };
    return cmocka_run_group_tests_name("http/etag", tests, NULL, NULL);
}
