#include "support/t.h"

#include <stdio.h>

#include "http/accept.h"
#include "support/exact.h"

// clang-format off
static const struct row {
    const char *name;
    str field; // of Accept-Encoding
    bool is_gzip;
} rows[] = {
    {"nothing",                 STR(""),                              false},
    {"gzip",                    STR("gzip"),                          true},
    {"any case",                STR("GZip"),                          true},
    {"its old name",            STR("x-gzip"),                        true},
    {"as a browser says it",    STR("gzip, deflate, br, zstd"),       true},
    {"last",                    STR("br,deflate,gzip"),               true},
    {"anything",                STR("*"),                             true},
    {"another",                 STR("br"),                            false},
    {"longer",                  STR("gzipped"),                       false},
    {"shorter",                 STR("gzi"),                           false},
    {"identity alone",          STR("identity"),                      false},

    {"weight 1",                STR("gzip;q=1"),                      true},
    {"weight 1.000",            STR("gzip;q=1.000"),                  true},
    {"the least weight",        STR("gzip;q=0.001"),                  true},
    {"weight 0",                STR("gzip;q=0"),                      false},
    {"weight 0.0",              STR("gzip;q=0.0"),                    false},
    {"weight 0.000",            STR("gzip;q=0.000"),                  false},
    {"Q",                       STR("gzip;Q=0.5"),                    true},
    {"blanks around",           STR(" gzip \t; \tq=0.5 , br"),        true},
    {"a point and no digit",    STR("gzip;q=1."),                     true},

    {"not it, but anything",    STR("gzip;q=0, *"),                   false},
    {"anything, but not it",    STR("*;q=1, gzip;q=0"),               false},
    {"it, but nothing else",    STR("gzip, *;q=0"),                   true},
    {"nothing at all",          STR("*;q=0"),                         false},
    {"it is as good as none",   STR("gzip;q=0.5, identity;q=0.5"),    true},
    {"none is better",          STR("gzip;q=0.5, identity;q=0.501"),  false},
    {"none is worse",           STR("identity;q=0.5, gzip;q=0.501"),  true},
    {"none is not to be",       STR("identity;q=0, gzip;q=0.1"),      true},
    {"neither is to be",        STR("identity;q=0, gzip;q=0"),        false},
    {"anything, none better",   STR("*;q=0.5, identity"),             false},
    {"twice: the first",        STR("gzip, gzip;q=0"),                true},
    {"twice, the other way",    STR("gzip;q=0, gzip"),                false},
    {"by both names",           STR("x-gzip;q=0, gzip"),              false},

    {"above 1",                 STR("gzip;q=1.001"),                  false},
    {"2",                       STR("gzip;q=2"),                      false},
    {"four digits",             STR("gzip;q=0.5000"),                 false},
    {"no digit before",         STR("gzip;q=.5"),                     false},
    {"no point",                STR("gzip;q=05"),                     false},
    {"a comma for a point",     STR("gzip;q=0,5"),                    false},
    {"two points",              STR("gzip;q=0..5"),                   false},
    {"a sign",                  STR("gzip;q=-1"),                     false},
    {"no weight",               STR("gzip;q="),                       false},
    {"no number",               STR("gzip;q=x"),                      false},
    {"digits of hex",           STR("gzip;q=0.a"),                    false},
    {"nothing behind ;",        STR("gzip;"),                         false},
    {"q alone",                 STR("gzip;q"),                        false},
    {"blank before =",          STR("gzip;q =1"),                     false},
    {"another parameter",       STR("gzip;x=1"),                      false},
    {"two parameters",          STR("gzip;q=1;x=1"),                  false},
    {"a NUL in it",             STR("gzip;q=1\0"),                    false},
    {"what is bad is no first", STR("gzip;q=2, gzip;q=0.5"),          true},
    {"commas alone",            STR(",,,"),                           false},
    {"between empty ones",      STR(", ,gzip, ,"),                    true},
    {"quotes",                  STR("\"gzip\""),                      false},
};
// clang-format on

static bool accepts(str field)
{
    struct http_head head = {.n_headers = 1, .headers[0] = {STR("accept-encoding"), field}};

    return http_accepts_gzip(&head);
}

static void judges_each_field(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *field = exact_copy(row->field);
        expect_int(row->name, accepts((str){field, row->field.len}), row->is_gzip);
    }
}

/** Whatever is behind it: what was said of it first counts, and what is half said does not. */
static void each_beginning_of_a_field_counts_as_a_field(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 0; n <= row->field.len; n++) {
            char text[128];
            const str cut = {row->field.ptr, n};
            CLEANUP(exact_freep) char *field = exact_copy(cut);
            const bool is_gzip = accepts((str){field, n});

            (void)snprintf(text, sizeof(text), "gzip;q=0," STR_FMT, STR_ARG(cut));
            expect_int(row->name, accepts(str_of(text)), false);
            (void)snprintf(text, sizeof(text), STR_FMT ",identity;q=0,br;q=0", STR_ARG(cut));
            if (is_gzip)
                expect_int(row->name, accepts(str_of(text)), true);
        }
    }
}

static void several_fields_are_one_list(void **state)
{
    const struct http_head none = {0};
    const struct http_head other = {.n_headers = 1, .headers[0] = {STR("Accept"), STR("gzip")}};
    const struct http_head second = {.n_headers = 2,
                                     .headers = {{STR("Accept-Encoding"), STR("br")},
                                                 {STR("ACCEPT-ENCODING"), STR("gzip")}}};
    const struct http_head refused = {.n_headers = 2,
                                      .headers = {{STR("Accept-Encoding"), STR("gzip;q=0")},
                                                  {STR("Accept-Encoding"), STR("gzip")}}};

    (void)state;
    expect_int("no field", http_accepts_gzip(&none), false);
    expect_int("another field", http_accepts_gzip(&other), false);
    expect_int("in the second", http_accepts_gzip(&second), true);
    expect_int("refused in the first", http_accepts_gzip(&refused), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_field),
        cmocka_unit_test(each_beginning_of_a_field_counts_as_a_field),
        cmocka_unit_test(several_fields_are_one_list),
    };
    return cmocka_run_group_tests_name("http/accept", tests, NULL, NULL);
}
