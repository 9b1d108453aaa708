#include "http/cors.h"
#include "support/exact.h"
#include "support/t.h"

#define GET       "GET / HTTP/1.1\r\nHost: chat.test\r\n"
#define PREFLIGHT "OPTIONS / HTTP/1.1\r\nHost: chat.test\r\n"
#define ASKS                                                                                   \
    "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "                  \
    "authorization,content-type\r\n"
#define METHODS   "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
#define BY_ASKED  "Vary: Access-Control-Request-Headers\r\n"
#define ALLOWS(o) "Access-Control-Allow-Origin: " o "\r\n"
#define BY_ORIGIN "Vary: Origin\r\n"

enum {
    ANY = 1,
    OWN = 2,
    LIST = 4
};

// clang-format off
static const struct row {
    const char *name;
    unsigned policy; // the list: https://shop.test
    str head;        // without the empty line at its end
    bool is_allowed;
    str added;
    str refused; // what is added where it says why
} rows[] = {
    {"no Origin",              LIST, STR(GET),                                    true,  STR(BY_ORIGIN),                                 STR(BY_ORIGIN)},
    {"listed",                 LIST, STR(GET "Origin: https://shop.test\r\n"),    true,  STR(BY_ORIGIN ALLOWS("https://shop.test")),     STR(BY_ORIGIN ALLOWS("https://shop.test"))},
    {"its field in capitals",  LIST, STR(GET "ORIGIN: https://shop.test\r\n"),    true,  STR(BY_ORIGIN ALLOWS("https://shop.test")),     STR(BY_ORIGIN ALLOWS("https://shop.test"))},
    {"not listed",             LIST, STR(GET "Origin: https://evil.test\r\n"),    false, STR(BY_ORIGIN),                                 STR(BY_ORIGIN ALLOWS("https://evil.test"))},
    {"null",                   LIST, STR(GET "Origin: null\r\n"),                 false, STR(BY_ORIGIN),                                 STR(BY_ORIGIN ALLOWS("null"))},
    {"an empty one",           LIST, STR(GET "Origin:\r\n"),                      false, STR(BY_ORIGIN),                                 STR(BY_ORIGIN)},
    {"of two the first",       LIST, STR(GET "Origin: https://evil.test\r\nOrigin: https://shop.test\r\n"), false, STR(BY_ORIGIN),        STR(BY_ORIGIN ALLOWS("https://evil.test"))},
    {"our own, not let in",    LIST, STR(GET "Origin: https://chat.test\r\n"),    false, STR(BY_ORIGIN),                                 STR(BY_ORIGIN ALLOWS("https://chat.test"))},
    {"our own",                OWN,  STR(GET "Origin: https://chat.test\r\n"),    true,  STR(BY_ORIGIN ALLOWS("https://chat.test")),     STR(BY_ORIGIN ALLOWS("https://chat.test"))},
    {"any",                    ANY,  STR(GET "Origin: https://evil.test\r\n"),    true,  STR(ALLOWS("*")),                               STR(BY_ORIGIN ALLOWS("https://evil.test"))},
    {"any, and none comes",    ANY,  STR(GET),                                    true,  STR(ALLOWS("*")),                               STR(BY_ORIGIN)},

    {"a preflight",            LIST, STR(PREFLIGHT "Origin: https://shop.test\r\n" ASKS), true,
        STR(BY_ORIGIN ALLOWS("https://shop.test") METHODS BY_ASKED "Access-Control-Allow-Headers: authorization,content-type\r\n"),
        STR(BY_ORIGIN ALLOWS("https://shop.test") METHODS BY_ASKED "Access-Control-Allow-Headers: authorization,content-type\r\n")},
    {"of another origin",      LIST, STR(PREFLIGHT "Origin: https://evil.test\r\n"), false,
        STR(BY_ORIGIN METHODS BY_ASKED),
        STR(BY_ORIGIN ALLOWS("https://evil.test") METHODS BY_ASKED)},
    {"of any",                 ANY,  STR(PREFLIGHT "Origin: https://evil.test\r\n"), true,
        STR(ALLOWS("*") METHODS BY_ASKED),
        STR(BY_ORIGIN ALLOWS("https://evil.test") METHODS BY_ASKED)},
    {"that asks for nothing",  LIST, STR(PREFLIGHT "Origin: https://shop.test\r\nAccess-Control-Request-Headers:\r\n"), true,
        STR(BY_ORIGIN ALLOWS("https://shop.test") METHODS BY_ASKED),
        STR(BY_ORIGIN ALLOWS("https://shop.test") METHODS BY_ASKED)},
    {"only OPTIONS is one",    LIST, STR(GET "Origin: https://shop.test\r\n" ASKS), true,
        STR(BY_ORIGIN ALLOWS("https://shop.test")),
        STR(BY_ORIGIN ALLOWS("https://shop.test"))},
};
// clang-format on

static struct http_origins origins_of(unsigned policy)
{
    struct http_origins o = {.any = policy == ANY, .own = policy == OWN};

    if (policy == LIST)
        assert_int_equal(http_origins_add(&o, STR("https://shop.test")), 0);
    return o;
}

/** @return owned: what the head points to */
static char *parse(struct http_head *head, str fields)
{
    char *text = mem_alloc(fields.len + 2);
    str in = {text, fields.len + 2};

    str_copy(text + str_copy(text, fields).len, STR("\r\n"));
    assert_int_equal(http_head_parse(head, &in), 0);
    return text;
}

static void answers_each_origin(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const struct http_origins origins = origins_of(row->policy);
        struct http_head head;
        struct buf out;
        char *text = parse(&head, row->head);

        buf_init(&out, HTTP_CORS_MAX);
        expect_int(row->name, http_cors_allows(&origins, &head), row->is_allowed);
        http_cors_add(&out, &origins, &head);
        expect_str(row->name, buf_str(&out), row->added);
        buf_clear(&out);
        http_cors_add_refused(&out, &head);
        expect_str(row->name, buf_str(&out), row->refused);
        buf_fini(&out);
        free(text);
    }
}

/** A preflight of an origin of so many bytes, which asks for so many. @return owned */
static char *parse_long(struct http_head *head, size_t n_origin, size_t n_asked)
{
    const str start = STR(PREFLIGHT "Origin: https://");
    const str middle = STR("\r\nAccess-Control-Request-Headers: ");
    char *fields = mem_alloc(HTTP_HEAD_MAX);
    size_t n = str_copy(fields, start).len;

    memset(fields + n, 'o', n_origin - strlen("https://"));
    n += n_origin - strlen("https://");
    n += str_copy(fields + n, middle).len;
    memset(fields + n, 'h', n_asked);
    n += n_asked;
    n += str_copy(fields + n, STR("\r\n")).len;
    char *text = parse(head, (str){fields, n});
    free(fields);
    return text;
}

static bool says(const struct buf *out, const char *field, size_t n_value)
{
    str rest = buf_str(out);

    while (rest.len > 0) {
        str line = str_take_until(&rest, '\n');
        if (str_eq(str_take_until(&line, ':'), str_of(field)))
            return str_trim(line).len - 1 == n_value; // there is a CR behind it
    }
    return false;
}

static void the_longest_fit_and_longer_ones_are_not_repeated(void **state)
{
    static const struct {
        const char *name;
        size_t n_origin;
        size_t n_asked;
        bool has_origin;
        bool has_asked;
    } longs[] = {
        {"the longest", HTTP_ORIGIN_MAX, HTTP_CORS_REFLECT_MAX, true, true},
        {"an origin too long", HTTP_ORIGIN_MAX + 1, HTTP_CORS_REFLECT_MAX, false, true},
        {"too many headers", HTTP_ORIGIN_MAX, HTTP_CORS_REFLECT_MAX + 1, true, false},
        {"far too long", 4000, 4000, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(longs); i++) {
        struct http_origins origins = {0};
        struct http_head head;
        struct buf out;
        char *text = parse_long(&head, longs[i].n_origin, longs[i].n_asked);
        const str origin = http_head_get(&head, STR("Origin"));
        const int r = http_origins_add(&origins, origin);

        expect_int(longs[i].name, r, longs[i].has_origin ? 0 : HTTP_ORIGIN_BAD);
        buf_init(&out, HTTP_CORS_MAX);
        for (int is_refused = 0; is_refused <= 1; is_refused++) {
            buf_clear(&out);
            if (is_refused) {
                http_cors_add_refused(&out, &head);
            } else {
                http_cors_add(&out, &origins, &head);
            }
            expect_int(longs[i].name,
                       says(&out, "Access-Control-Allow-Origin", longs[i].n_origin),
                       longs[i].has_origin);
            expect_int(longs[i].name,
                       says(&out, "Access-Control-Allow-Headers", longs[i].n_asked),
                       longs[i].has_asked);
        }
        buf_fini(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_origin),
        cmocka_unit_test(the_longest_fit_and_longer_ones_are_not_repeated),
    };
    return cmocka_run_group_tests_name("http/cors", tests, NULL, NULL);
}
