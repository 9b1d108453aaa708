#include "auth/jws.h"
#include "support/vectors.h"

/** Where we and the vectors differ, and why we are content with that. */
static const struct difference {
    int64_t first;
    int64_t last;
    const char *why;
} signatures[] =
    {
        {264, 271, "RS384 and RS512 are not taken"},
        {320, 323, "PS384 is not taken"},
        {325, 328, "PS512 is not taken"},
        {346, 347, "of RFC 7520: the key says PS256 and the token PS384, ES521 and ES512"},
        {350, 351, "the same two again"},
        {367, 367, "says that it has a wrong padding, and has none: it is a valid token"},
        {370, 370, "likewise"},
        {372, 373, "want a decoder that skips question marks"},
},
  keys[] = {
      {14, 15, "HS384 and HS512 are not taken"},
};

static bool differs(const struct difference *d, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (id >= d[i].first && id <= d[i].last)
            return true;
    }
    return false;
}

/** The keys of a group as a set; most have one key alone. */
static void print_keys(struct buf *out, const struct json *group)
{
    const struct json *public = json_member(group, "public");
    const struct json *key = public ? public : json_member(group, "private");
    const bool is_set = json_member(key, "keys");

    assert_int_equal(buf_add(out, is_set ? STR("") : STR("{\"keys\":[")), 0);
    assert_int_equal(json_print(out, key), 0);
    assert_int_equal(buf_add(out, is_set ? STR("") : STR("]}")), 0);
}

static bool is_taken(const struct json *group, const struct json *test)
{
    struct auth_jwks set;
    struct auth_jws jws;
    struct buf text;
    const char *why;
    bool is_right = false;

    buf_init(&text, 65536);
    print_keys(&text, group);
    const struct auth_issuer issuer = {.form = AUTH_KEY_JWKS, .key = buf_str(&text)};
    if (auth_jwks_init(&set, &issuer, &why) == 0) {
        if (auth_jws_init(&jws, vector_text(test, "jws"), &why) == 0) {
            is_right = auth_jws_is_of(&jws, &set);
            auth_jws_fini(&jws);
        }
        auth_jwks_fini(&set);
    }
    buf_fini(&text);
    return is_right;
}

static void check(const struct json *group, const struct json *test, const char *name,
                  bool is_different)
{
    const bool is_valid = str_eq(vector_text(test, "result"), STR("valid"));

    expect_int(name, is_taken(group, test), is_valid != is_different);
}

static void check_signature(const struct json *group, const struct json *test, const char *name)
{
    check(group, test, name,
          differs(signatures, COUNT_OF(signatures), vector_number(test, "tcId")));
}

static void check_key(const struct json *group, const struct json *test, const char *name)
{
    check(group, test, name, differs(keys, COUNT_OF(keys), vector_number(test, "tcId")));
}

static void json_web_signature(void **state)
{
    (void)state;
    vectors_run("wycheproof/json_web_signature_test.json", check_signature);
}

static void json_web_key(void **state)
{
    (void)state;
    vectors_run("wycheproof/json_web_key_test.json", check_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VECTORS_TEST(json_web_signature),
        VECTORS_TEST(json_web_key),
    };
    return cmocka_run_group_tests_name("auth/wycheproof", tests, NULL, NULL);
}
