#include "media/s3_url.h"
#include "support/exact.h"
#include "support/t.h"

#define ID "ABCDEFGHIJKLMNOPQRST"

static int init(struct s3_url *u, const char *endpoint, const char *bucket, bool path_style)
{
    const struct s3_bucket b = {str_of(endpoint), str_of(bucket), path_style};
    return s3_url_init(u, &b);
}

static void an_endpoint_says_where_a_bucket_is(void **state)
{
    static const struct {
        const char *name;
        const char *endpoint;
        bool path_style;
        str host;
        str path;
        str base;
    } rows[] = {
        {"path", "https://s3.example", true, STR("s3.example"), STR("/files/"),
         STR("https://s3.example/files/")},
        {"host", "https://s3.example", false, STR("files.s3.example"), STR("/"),
         STR("https://files.s3.example/")},
        {"port", "http://s3.example:9000/", true, STR("s3.example:9000"), STR("/files/"),
         STR("http://s3.example:9000/files/")},
        {"its own port", "https://s3.example:443", true, STR("s3.example"), STR("/files/"),
         STR("https://s3.example/files/")},
        {"its own port, plain", "http://s3.example:80", false, STR("files.s3.example"),
         STR("/"), STR("http://files.s3.example/")},
        {"the other's port", "http://s3.example:443", true, STR("s3.example:443"),
         STR("/files/"), STR("http://s3.example:443/files/")},
        {"a port that ends like it", "https://s3.example:8443", true, STR("s3.example:8443"),
         STR("/files/"), STR("https://s3.example:8443/files/")},
        {"upper case", "HTTPS://S3.Example", true, STR("s3.example"), STR("/files/"),
         STR("https://s3.example/files/")},
        {"a path", "https://example.com/a+b/s3//", true, STR("example.com"),
         STR("/a+b/s3/files/"), STR("https://example.com/a%2Bb/s3/files/")},
        {"IPv6", "http://[::1]:3900", true, STR("[::1]:3900"), STR("/files/"),
         STR("http://[::1]:3900/files/")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct s3_url u;
        expect_int(rows[i].name, init(&u, rows[i].endpoint, "files", rows[i].path_style), 0);
        expect_str(rows[i].name, buf_str(&u.host), rows[i].host);
        expect_str(rows[i].name, buf_str(&u.path), rows[i].path);
        expect_str(rows[i].name, buf_str(&u.base), rows[i].base);
        s3_url_fini(&u);
    }
}

static void what_is_no_endpoint_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "s3.example",
        "ftp://s3.example",
        "https://",
        "https:///files",
        "https://user@s3.example",
        "https://s3.example?a",
        "https://s3.example#a",
        "https://s3.example/a/../b",
        "https://s3.example/.",
        "https://s3.example/%41",
        "https://s3.example/a b",
        "https://s3.example:0",
        "https://s3.example:65536",
        "https://s3.example\r\nX: y",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct s3_url u;
        expect_int(rows[i], init(&u, rows[i], "files", true), S3_URL_BAD_ENDPOINT);
    }
}

static void a_bucket_has_a_name_that_needs_no_escapes(void **state)
{
    static const struct {
        const char *name;
        int r;
    } rows[] = {
        {"abc", 0},
        {"My_files-2.v1", 0},
        {"ab", S3_URL_BAD_BUCKET},
        {"", S3_URL_BAD_BUCKET},
        {"...", S3_URL_BAD_BUCKET},
        {"-abc", S3_URL_BAD_BUCKET},
        {"abc.", S3_URL_BAD_BUCKET},
        {"a/b", S3_URL_BAD_BUCKET},
        {"a%2fb", S3_URL_BAD_BUCKET},
        {"a b", S3_URL_BAD_BUCKET},
        {"abc?", S3_URL_BAD_BUCKET},
        {"b\xc3\xbc"
         "cher",
         S3_URL_BAD_BUCKET},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct s3_url u = {0};
        expect_int(rows[i].name, init(&u, "https://s3.example", rows[i].name, true), rows[i].r);
        s3_url_fini(&u);
    }
}

static void capitals_are_for_the_path_alone(void **state)
{
    struct s3_url u;

    (void)state;
    assert_int_equal(init(&u, "https://s3.example", "Files", false), S3_URL_BAD_BUCKET);
    assert_int_equal(init(&u, "https://s3.example", "Files", true), 0);
    s3_url_fini(&u);
}

static void lengths_have_their_limits(void **state)
{
    char endpoint[S3_ENDPOINT_MAX + 2];
    char bucket[S3_BUCKET_MAX + 2];
    struct s3_url u;

    (void)state;
    memset(endpoint, 'a', sizeof(endpoint));
    memset(bucket, 'b', sizeof(bucket));
    str_copy(endpoint, STR("https://s3.example/"));
    for (int style = 0; style < 2; style++) {
        endpoint[S3_ENDPOINT_MAX] = '\0';
        bucket[S3_BUCKET_MAX] = '\0';
        assert_int_equal(init(&u, endpoint, bucket, style), 0);
        s3_url_fini(&u);
        endpoint[S3_ENDPOINT_MAX] = 'a';
        endpoint[S3_ENDPOINT_MAX + 1] = '\0';
        assert_int_equal(init(&u, endpoint, bucket, style), S3_URL_BAD_ENDPOINT);
        endpoint[S3_ENDPOINT_MAX] = '\0';
        bucket[S3_BUCKET_MAX] = 'b';
        bucket[S3_BUCKET_MAX + 1] = '\0';
        assert_int_equal(init(&u, endpoint, bucket, style), S3_URL_BAD_BUCKET);
    }
}

static void knows_the_urls_of_uploads_and_no_others(void **state)
{
    static const struct {
        const char *url;
        bool is_one;
    } rows[] = {
        {"https://s3.example/files/in/" ID, true},
        {"https://s3.example/files/kept/" ID, true},
        {"https://s3.example/files/in/" ID "?", true},
        {"https://s3.example/files/in/" ID "?X-Amz-Signature=a/b?c", true},
        {"https://s3.example/files/in/-_34567890123456789z", true},
        {"https://s3.example/files/in/" ID "X", false},
        {"https://s3.example/files/in/" ID "/", false},
        {"https://s3.example/files/in/" ID "#a", false},
        {"https://s3.example/files/in/ABCDEFGHIJKLMNOPQR%53", false},
        {"https://s3.example/files/in/ABCDEFGHIJKLMNOPQR..", false},
        {"https://s3.example/files/in/", false},
        {"https://s3.example/files/" ID, false},
        {"https://s3.example/files/tmp/" ID, false},
        {"https://s3.example/file/in/" ID, false},
        {"https://s3.example:443/files/in/" ID, false},
        {"http://s3.example/files/in/" ID, false},
        {"https://s3.example.evil/files/in/" ID, false},
        {"https://a@s3.example/files/in/" ID, false},
        {"in/" ID, false},
        {"", false},
    };
    struct s3_url u;

    (void)state;
    assert_int_equal(init(&u, "https://s3.example", "files", true), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        str id = {0};
        expect_int(rows[i].url, s3_url_find(&u, str_of(rows[i].url), &id), rows[i].is_one);
        if (rows[i].is_one)
            expect_int(rows[i].url, id.len, CHAT_UPLOAD_ID_SIZE - 1);
    }
    s3_url_fini(&u);
}

static void a_url_that_is_cut_is_none(void **state)
{
    const str whole = STR("https://files.s3.example/kept/" ID);
    struct s3_url u;

    (void)state;
    assert_int_equal(init(&u, "https://s3.example", "files", false), 0);
    for (size_t n = 0; n <= whole.len; n++) {
        CLEANUP(exact_freep) char *bytes = exact_copy((str){whole.ptr, n});
        str id;
        assert_int_equal(s3_url_find(&u, (str){bytes, n}, &id), n == whole.len);
    }
    s3_url_fini(&u);
}

static void a_key_is_its_folder_and_its_id(void **state)
{
    char key[S3_KEY_SIZE];

    (void)state;
    expect_str("in", s3_url_key(key, S3_IN, STR(ID)), STR("in/" ID));
    expect_str("kept", s3_url_key(key, S3_KEPT, STR(ID)), STR("kept/" ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_says_where_a_bucket_is),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
        cmocka_unit_test(a_bucket_has_a_name_that_needs_no_escapes),
        cmocka_unit_test(capitals_are_for_the_path_alone),
        cmocka_unit_test(lengths_have_their_limits),
        cmocka_unit_test(knows_the_urls_of_uploads_and_no_others),
        cmocka_unit_test(a_url_that_is_cut_is_none),
        cmocka_unit_test(a_key_is_its_folder_and_its_id),
    };
    return cmocka_run_group_tests_name("media/s3_url", tests, NULL, NULL);
}
