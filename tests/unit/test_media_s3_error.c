#include "media/s3_error.h"
#include "support/exact.h"
#include "support/t.h"

#define CODE_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static void reads_the_code_of_an_error(void **state)
{
    static const struct {
        const char *name;
        str body;
        bool is_error;
        str code;
    } rows[] = {
        {"nothing", STR(""), false, STR("")},
        {"an error",
         STR("<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>no</Message>"),
         true, STR("NoSuchKey")},
        {"with an attribute", STR("<Error xmlns=\"a\"><Code>A</Code></Error>"), true, STR("A")},
        {"a copy", STR("<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>"), false,
         STR("")},
        {"of another name", STR("<Errors><Codes>A</Codes></Errors>"), false, STR("")},
        {"without a code", STR("<Error><Message>no</Message></Error>"), true, STR("")},
        {"an empty code", STR("<Error><Code></Code></Error>"), true, STR("")},
        {"no end", STR("<Error><Code>AccessDenied"), true, STR("")},
        {"the longest", STR("<Error><Code>" CODE_64 "</Code>"), true, STR(CODE_64)},
        {"one more", STR("<Error><Code>" CODE_64 "m</Code>"), true, STR("")},
        {"behind white space", STR("   \n  <Error><Code>SlowDown</Code></Error>"), true,
         STR("SlowDown")},
        {"HTML", STR("<html><body>502 Bad Gateway</body></html>"), false, STR("")},
        {"a NUL", STR("\0<Error><Code>a\0b</Code>"), true, STR("a\0b")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(exact_freep) char *bytes = exact_copy(rows[i].body);
        const str body = {bytes, rows[i].body.len};
        expect_int(rows[i].name, s3_error_is(body), rows[i].is_error);
        expect_str(rows[i].name, s3_error_code(body), rows[i].code);
    }
}

static void reads_no_part_of_a_code(void **state)
{
    const str whole = STR("<Error><Code>NoSuchKey<");

    (void)state;
    for (size_t n = 0; n <= whole.len; n++) {
        CLEANUP(exact_freep) char *bytes = exact_copy((str){whole.ptr, n});
        const str code = s3_error_code((str){bytes, n});
        expect_str("code", code, n < whole.len ? STR("") : STR("NoSuchKey"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_code_of_an_error),
        cmocka_unit_test(reads_no_part_of_a_code),
    };
    return cmocka_run_group_tests_name("media/s3_error", tests, NULL, NULL);
}
