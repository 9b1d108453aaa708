#include <stdio.h>

#include "api/urls.h"
#include "base/mem.h"
#include "support/exact.h"
#include "support/t.h"

#define CDN "https://cdn.example"

static void a_list_holds_sites_and_folders(void **state)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {CDN, 0},
        {CDN "/", 0},
        {CDN "/files", 0},
        {CDN "/files/", 0},
        {CDN ":8443/a/b", 0},
        {"HTTPS://CDN.example", 0},
        {"https://[::1]:9000", 0},
        {"https://192.0.2.1/x", 0},
        {"http://localhost:9000", 0},
        {"http://127.0.0.1:9000/bucket", 0},
        {"http://[::1]:9000/bucket", 0},
        {"http://cdn.example", API_URLS_BAD},
        {"http://localhost.example", API_URLS_BAD},
        {"ftp://cdn.example", API_URLS_BAD},
        {"file:///etc", API_URLS_BAD},
        {"javascript:alert(1)", API_URLS_BAD},
        {"", API_URLS_BAD},
        {"*", API_URLS_BAD},
        {"https", API_URLS_BAD},
        {"https:", API_URLS_BAD},
        {"https://", API_URLS_BAD},
        {"https:///files", API_URLS_BAD},
        {"cdn.example", API_URLS_BAD},
        {"//cdn.example", API_URLS_BAD},
        {"https:/cdn.example", API_URLS_BAD},
        {"https://*.example", API_URLS_BAD},
        {"https://user@cdn.example", API_URLS_BAD},
        {"https://user:pw@cdn.example", API_URLS_BAD},
        {CDN ":0", API_URLS_BAD},
        {CDN ":65536", API_URLS_BAD},
        {CDN ":", API_URLS_BAD},
        {CDN "?a", API_URLS_BAD},
        {CDN "/files?a", API_URLS_BAD},
        {CDN "/#a", API_URLS_BAD},
        {CDN "/a/../b", API_URLS_BAD},
        {CDN "/a b", API_URLS_BAD},
        {" " CDN, API_URLS_BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct api_urls u = {0};
        expect_int(rows[i].text, api_urls_add(&u, str_of(rows[i].text)), rows[i].want);
        expect_int(rows[i].text, u.n, rows[i].want == 0);
    }
}

static void a_list_has_so_many(void **state)
{
    struct api_urls u = {0};

    (void)state;
    for (size_t i = 0; i < API_URLS_MAX; i++)
        assert_int_equal(api_urls_add(&u, STR(CDN)), 0);
    assert_int_equal(api_urls_add(&u, STR(CDN)), API_URLS_TOO_MANY);
    assert_int_equal(api_urls_add(&u, STR("ftp://x")), API_URLS_BAD);
    assert_int_equal(u.n, API_URLS_MAX);
}

static void none_is_allowed_by_an_empty_list(void **state)
{
    const struct api_urls none = {0};

    (void)state;
    assert_false(api_urls_allow(&none, STR(CDN)));
    assert_false(api_urls_allow(&none, STR("")));
}

static const struct {
    const char *listed;
    const char *url;
    bool want;
} rows[] = {
    // the site
    {CDN, CDN, true},
    {CDN, CDN "/", true},
    {CDN, CDN "/a.png", true},
    {CDN, CDN "?a=b", true},
    {CDN, CDN "/a.png?x=1&y=/../z", true},
    {CDN "/", CDN "/a.png", true},
    {CDN "/", CDN, true},
    {CDN, "HTTPS://CDN.EXAMPLE/a.png", true},
    {CDN, CDN ":443/a.png", true},
    {CDN ":443", CDN "/a.png", true},
    {CDN ":8443", CDN ":8443/a.png", true},
    {CDN ":8443", CDN "/a.png", false},
    {CDN, CDN ":8443/a.png", false},
    {CDN, CDN ":/a.png", false},
    {CDN, "http://cdn.example/a.png", false},
    {CDN, "http://cdn.example:443/a.png", false},
    {CDN, "https://cdn.example.evil/a.png", false},
    {CDN, "https://cdn.example@evil/a.png", false},
    {CDN, "https://cdn.example:443@evil/a.png", false},
    {CDN, "https://evil@cdn.example/a.png", false},
    {CDN, "https://xcdn.example/a.png", false},
    {CDN, "https://a.cdn.example/a.png", false},
    {CDN, "https://cdn.example./a.png", false},
    {CDN, "https://evil/?https://cdn.example/a.png", false},
    {CDN, "https:cdn.example/a.png", false},
    {CDN, "https:/cdn.example/a.png", false},
    {CDN, "https:///cdn.example/a.png", false},
    {CDN, "//cdn.example/a.png", false},
    {CDN, "/a.png", false},
    {CDN, "", false},
    {CDN, "javascript:alert(1)//https://cdn.example/", false},
    {"http://localhost:9000", "http://localhost:9000/a", true},
    {"http://localhost:9000", "http://127.0.0.1:9000/a", false},
    {"https://[::1]", "https://[::1]/a", true},
    {"https://[::1]", "https://[::1/a", false},

    // the folder
    {CDN "/files", CDN "/files", true},
    {CDN "/files", CDN "/files/", true},
    {CDN "/files", CDN "/files/a/b.png", true},
    {CDN "/files", CDN "/files?a", true},
    {CDN "/files/", CDN "/files/a.png", true},
    {CDN "/files/", CDN "/files", false},
    {CDN "/files", CDN "/filesx/a.png", false},
    {CDN "/files", CDN "/Files/a.png", false},
    {CDN "/files", CDN "/", false},
    {CDN "/files", CDN, false},
    {CDN "/files", CDN "/x/files/a.png", false},
    {CDN "/files", CDN "//files/a.png", false},

    // what two readers read differently
    {CDN "/files", CDN "/files/../secret", false},
    {CDN "/files", CDN "/files/..", false},
    {CDN "/files", CDN "/files/./a", false},
    {CDN "/files", CDN "/files/.", false},
    {CDN "/files", CDN "/files/%2e%2e/secret", false},
    {CDN "/files", CDN "/files/.%2E/secret", false},
    {CDN "/files", CDN "/files/%2e", false},
    {CDN "/files", CDN "/files/..%2fsecret", false},
    {CDN "/files", CDN "/files/%2e%2e%2Fsecret", false},
    {CDN "/files", CDN "/files/x%2f..%2f..%2fsecret", false},
    {CDN "/files", CDN "/files/%252e%252e/secret", false},
    {CDN "/files", CDN "/files/%25252e./secret", false},
    {CDN "/files", CDN "/files/..;/secret", false},
    {CDN "/files", CDN "/files/..;x=1/secret", false},
    {CDN "/files", CDN "/files/..\\secret", false},
    {CDN "/files", CDN "/files/..%5csecret", false},
    {CDN "/files", CDN "/files/a%5Cb", false},
    {CDN "/files", CDN "\\files/a", false},
    {CDN "/files", CDN "/files/a%00.png", false},
    {CDN "/files", CDN "/files/a%0ab", false},
    {CDN "/files", CDN "/files/a%7f", false},
    {CDN "/files", CDN "/files/a%", false},
    {CDN "/files", CDN "/files/a%2", false},
    {CDN "/files", CDN "/files/a%zz", false},
    {CDN "/files", CDN "/files/a#b", false},
    {CDN "/files", CDN "/files/a b", false},
    {CDN "/files", CDN "/files/a\tb", false},
    {CDN "/files", CDN "/files/a\nb", false},
    {CDN "/files", CDN "/files/a\r\nX: y", false},
    {CDN "/files", " " CDN "/files/a", false},
    {CDN "/files", CDN "/files/a ", false},
    {CDN "/files", CDN "/files/\"onload", false},
    {CDN "/files", CDN "/files/<b>", false},
    {CDN "/files", CDN "/files/\xc3\xa9", false},
    {CDN "/files", CDN "/files/\x7f", false},

    // what only looks so
    {CDN "/files", CDN "/files/...", true},
    {CDN "/files", CDN "/files/..a", true},
    {CDN "/files", CDN "/files/a..", true},
    {CDN "/files", CDN "/files/.a/..b", true},
    {CDN "/files", CDN "/files/a%20b%C3%A9.png", true},
    {CDN "/files", CDN "/files/a%2fb.png?alt=media", true},
    {CDN "/files", CDN "/files/100%25", true},
    {CDN "/files", CDN "/files/a@b:c;d=e", true},
};

static void a_url_is_of_the_list_or_it_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct api_urls u = {0};
        CLEANUP(exact_freep) char *copy = exact_copy(str_of(rows[i].url));
        assert_int_equal(api_urls_add(&u, STR("https://other.example/x")), 0);
        expect_int(rows[i].listed, api_urls_add(&u, str_of(rows[i].listed)), 0);
        expect_int(rows[i].url, api_urls_allow(&u, (str){copy, strlen(rows[i].url)}),
                   rows[i].want);
    }
}

static void a_url_holds_no_nul(void **state)
{
    struct api_urls u = {0};

    (void)state;
    assert_int_equal(api_urls_add(&u, STR(CDN)), 0);
    assert_false(api_urls_allow(&u, STR(CDN "/a\0b")));
    assert_false(api_urls_allow(&u, STR(CDN "\0")));
}

/** Each beginning is read to its own end: ASan sees what is not. */
static void a_url_may_be_cut_anywhere(void **state)
{
    static const char whole[] = "https://cdn.example:443/files/%2541%20b/c?d=e";
    struct api_urls u = {0};

    (void)state;
    assert_int_equal(api_urls_add(&u, STR(CDN "/files")), 0);
    for (size_t n = 0; n < sizeof(whole); n++) {
        CLEANUP(exact_freep) char *copy = exact_copy((str){whole, n});
        const bool is_in_files = n >= STR("https://cdn.example:443/files").len;
        const bool ends_in_escape =
            n > 0 && (whole[n - 1] == '%' || (n > 1 && whole[n - 2] == '%'));
        expect_int(whole + n, api_urls_allow(&u, (str){copy, n}),
                   is_in_files && !ends_in_escape);
    }
}

static void a_url_has_so_many_bytes(void **state)
{
    struct api_urls u = {0};
    char text[API_URL_MAX + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    str_copy(text, STR(CDN "/"));
    assert_int_equal(api_urls_add(&u, STR(CDN)), 0);
    assert_true(api_urls_allow(&u, (str){text, API_URL_MAX}));
    assert_false(api_urls_allow(&u, (str){text, API_URL_MAX + 1}));
    assert_int_equal(api_urls_add(&u, (str){text, API_URL_MAX}), 0);
    assert_int_equal(api_urls_add(&u, (str){text, API_URL_MAX + 1}), API_URLS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_holds_sites_and_folders),
        cmocka_unit_test(a_list_has_so_many),
        cmocka_unit_test(none_is_allowed_by_an_empty_list),
        cmocka_unit_test(a_url_is_of_the_list_or_it_is_not),
        cmocka_unit_test(a_url_holds_no_nul),
        cmocka_unit_test(a_url_may_be_cut_anywhere),
        cmocka_unit_test(a_url_has_so_many_bytes),
    };
    return cmocka_run_group_tests_name("api_urls", tests, NULL, NULL);
}
