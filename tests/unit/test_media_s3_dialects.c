/** The URLs of tests/e2e/media/dialects.json, which AWS's own SDK has made. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "media/s3_url.h"
#include "support/t.h"

#define URL_MAX      4096
#define FILE_SIZE    (1UL << 20)
#define PARTS_MAX    16
#define DIALECTS     "tests/e2e/media/dialects.json"
#define HEADER_COUNT 3

static struct json *read_dialects(void)
{
    const char *root = getenv("TESTS_OF"); // NOLINT(concurrency-mt-unsafe): one thread
    char path[4096];
    struct json *j = NULL;

    (void)snprintf(path, sizeof(path), "%s/" DIALECTS, root ? root : ".");
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("not there: %s", path);
    char *text = mem_alloc(FILE_SIZE);
    const size_t n = fread(text, 1, FILE_SIZE, f);
    (void)fclose(f);
    assert_true(n < FILE_SIZE);
    assert_int_equal(json_parse(&j, text, n), 0);
    free(text);
    return j;
}

static str text_of(const struct json *row, const char *name)
{
    return json_text(json_member(row, name));
}

static uint64_t number_of(const struct json *row, const char *name)
{
    int64_t n = 0;

    assert_true(json_integer_of(json_member(row, name), &n));
    return (uint64_t)n;
}

static void add_pair(struct sigv4_pair *pairs, size_t *n, const char *name, str value)
{
    if (value.len > 0)
        pairs[(*n)++] = (struct sigv4_pair){str_of(name), value};
}

/** Parley's URL of the row. The SDK says in it what its signature covers of the body: nothing.
 */
static void presign(struct buf *out, const struct json *row, const struct s3_url *u,
                    int64_t unix_ms)
{
    struct sigv4_pair query[3];
    struct sigv4_pair headers[HEADER_COUNT];
    char size[24] = "";
    const struct sigv4_key key = {text_of(row, "access"), text_of(row, "secret"),
                                  text_of(row, "token"), text_of(row, "region")};
    struct sigv4_request rq = {
        .method = text_of(row, "method"),
        .query = query,
        .headers = headers,
        .unix_ms = unix_ms,
        .expires_s = (unsigned)number_of(row, "expires_s"),
    };

    add_pair(query, &rq.n_query, "X-Amz-Content-Sha256", STR("UNSIGNED-PAYLOAD"));
    add_pair(query, &rq.n_query, "response-content-type", text_of(row, "type"));
    add_pair(query, &rq.n_query, "response-content-disposition", text_of(row, "disposition"));
    if (str_eq(rq.method, STR("PUT"))) {
        (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)number_of(row, "size"));
    }
    add_pair(headers, &rq.n_headers, "content-length", str_of(size));
    add_pair(headers, &rq.n_headers, "content-type", text_of(row, "mime"));
    add_pair(headers, &rq.n_headers, "x-amz-checksum-sha256", text_of(row, "sha256"));
    s3_url_presign(out, u, text_of(row, "key"), &key, rq);
}

static bool has_part(str query, str part)
{
    while (query.len > 0) {
        if (str_eq(str_take_until(&query, '&'), part))
            return true;
    }
    return false;
}

/** Parameters may come in another order. */
static void expect_same(const char *name, str got, str want)
{
    expect_int(name, got.len, want.len);
    expect_str(name, str_take_until(&got, '?'), str_take_until(&want, '?'));
    while (got.len > 0) {
        const str part = str_take_until(&got, '&');
        if (!has_part(want, part)) {
            fail_msg("%s: \"" STR_FMT "\" is not in " STR_FMT, name, STR_ARG(part),
                     STR_ARG(want));
        }
    }
}

static void compare(const struct json *row, int64_t unix_ms)
{
    char name[64] = "";
    const struct s3_bucket bucket = {text_of(row, "endpoint"), text_of(row, "bucket"),
                                     json_is_true(json_member(row, "path_style"))};
    const str key = text_of(row, "key");
    struct s3_url u;
    struct buf url;
    str id;

    (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(text_of(row, "name")));
    buf_init(&url, URL_MAX);
    expect_int(name, s3_url_init(&u, &bucket), 0);
    presign(&url, row, &u, unix_ms);
    expect_same(name, buf_str(&url), text_of(row, "url"));
    expect_int(name, s3_url_find(&u, text_of(row, "url"), &id), 1);
    expect_str(name, id, ((str){key.ptr + key.len - id.len, id.len}));
    s3_url_fini(&u);
    buf_fini(&url);
}

static void urls_are_those_of_the_sdk_in_every_dialect(void **state)
{
    struct json *dialects = read_dialects();
    const struct json *rows = json_member(dialects, "rows");

    (void)state;
    assert_true(json_count(rows) >= 12);
    for (size_t i = 0; i < json_count(rows); i++)
        compare(json_item(rows, i), (int64_t)number_of(dialects, "unix_ms"));
    json_free(dialects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_those_of_the_sdk_in_every_dialect),
    };
    return cmocka_run_group_tests_name("media/s3_url, dialects", tests, NULL, NULL);
}
