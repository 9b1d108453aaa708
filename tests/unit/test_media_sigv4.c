#include <stdio.h>

#include "base/hex.h"
#include "http/url.h"
#include "media/sigv4_canonical.h"
#include "support/exact.h"
#include "support/seeded.h"
#include "support/t.h"

#define DAY_S   86400
#define URL_MAX 8192 // bytes

// 2013-05-24T00:00:00Z, of the example in Amazon S3's reference
#define EXAMPLE_MS INT64_C(1369353600000)

static const struct sigv4_key example_key = {
    .access = STR("AKIAIOSFODNN7EXAMPLE"),
    .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .region = STR("us-east-1"),
};

static const struct sigv4_request example = {
    .method = STR("GET"),
    .scheme = STR("https"),
    .host = STR("examplebucket.s3.amazonaws.com"),
    .path = STR("/test.txt"),
    .unix_ms = EXAMPLE_MS,
    .expires_s = DAY_S,
};

/** A link, and what a client makes of it. */
struct link {
    struct buf url;
    struct sigv4_pair headers[SIGV4_ITEMS_MAX + 2];
    struct sigv4_received received;
};

/** What stands in the URL that was made. */
static void split(struct sigv4_received *rq, struct sigv4_pair *host, str url)
{
    str_take_until(&url, '/');
    str_take_until(&url, '/');
    host->value = str_take(&url, str_find(url, '/'));
    rq->path = str_take_until(&url, '?');
    rq->query = url;
}

/** @param l  link_fini() */
static void link_init(struct link *l, const struct sigv4_key *key,
                      const struct sigv4_request *rq)
{
    buf_init(&l->url, URL_MAX);
    sigv4_presign(&l->url, key, rq);
    for (size_t i = 0; i < rq->n_headers; i++)
        l->headers[1 + i] = rq->headers[i];
    l->headers[0].name = STR("Host");
    l->received = (struct sigv4_received){.method = rq->method,
                                          .headers = l->headers,
                                          .n_headers = 1 + rq->n_headers,
                                          .now_ms = rq->unix_ms};
    split(&l->received, &l->headers[0], buf_str(&l->url));
}

static void link_fini(struct link *l)
{
    buf_fini(&l->url);
}

static int verify(const struct link *l)
{
    return sigv4_verify(&example_key, &l->received, STR(""));
}

static void the_documented_example_has_its_url(void **state)
{
    (void)state;
    struct link l;

    link_init(&l, &example_key, &example);
    expect_str("url", buf_str(&l.url),
               STR("https://examplebucket.s3.amazonaws.com/test.txt"
                   "?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                   "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
                   "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
                   "&X-Amz-SignedHeaders=host&X-Amz-Signature="
                   "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
    expect_int("verified", verify(&l), 0);
    link_fini(&l);
}

// Links of all kinds. Their signatures are those that botocore, AWS's library for Python, has
// made.

static const struct sigv4_pair put_headers[] = {
    {STR("content-type"), STR("image/png")},
    {STR("content-length"), STR("1234")},
};

static const struct sigv4_pair spaced_headers[] = {
    {STR("x-b"), STR("  two   spaces\tand a tab ")},
    {STR("x-a"), STR("")},
};

static const struct sigv4_pair get_query[] = {
    {STR("response-content-type"), STR("text/plain; charset=utf-8")},
    {STR("response-content-disposition"), STR("attachment; filename*=UTF-8''%C3%BC")},
};

static const struct sigv4_pair odd_query[] = {
    {STR("a-b"), STR("")}, {STR("a"), STR("+")}, {STR("\xc3\xbc"), STR("&=~")}};

// clang-format off
static const struct link_row {
    const char *name;
    struct sigv4_key key;
    struct sigv4_request rq;
    str signature;
} link_rows[] = {
    {"virtual host", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("examplebucket.s3.amazonaws.com"), .path = STR("/test.txt"), .unix_ms = EXAMPLE_MS, .expires_s = 86400},
     STR("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")},
    {"path style", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("s3.us-east-1.amazonaws.com"), .path = STR("/examplebucket/test.txt"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("05ce71a15c27ded0057d568180a5293737394407fe6c29f1df2c37171661688a")},
    {"path style and a port", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("HEAD"), .scheme = STR("http"), .host = STR("127.0.0.1:9000"), .path = STR("/examplebucket/test.txt"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("03f3da67ae26f2307a937a4ccb096c3e2daa6602f9bd53028cdbfcec4fe6c34e")},
    {"region auto", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("auto")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("0123.r2.cloudflarestorage.com"), .path = STR("/bucket/key"), .unix_ms = EXAMPLE_MS, .expires_s = 604800},
     STR("ac7c3350fb7e3e7879fbe2c11afd9c4a418a20634f40a6194a3dabe9153bdf35")},
    {"a session's token", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("eu-central-1"), .token = STR("IQoJb3JpZ2luX2VjEP//////////wEaCXVz+a/b==")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.eu-central-1.amazonaws.com"), .path = STR("/key"), .unix_ms = EXAMPLE_MS, .expires_s = 1},
     STR("827b037d9da6c2922bcb5ee457240e64b47d93ba139a47206c8881ebfbe2045b")},
    {"a UTF-8 key", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/\xce\xba\xce\xbb\xce\xb5\xce\xb9\xce\xb4\xce\xaf \xc3\xbc+%/a b.bin"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("6f8486014cfa2a96d9eb3319b945bb28e2efd8041bdeaf28dce3e8efb9a5b0f0")},
    {"dots and slashes stay", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("//a/./../b//"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("e1b6e7ee2ec631b143b982ff6788eb515a450c155b47da4d84531e4c4e23ddf6")},
    {"all that is unreserved", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/azAZ09-._~!*'()"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("0882a474e62fe9a3d7804223720f238f1b7703cae23979498976f23b5fa29959")},
    {"a file that is put", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("PUT"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/in/abc"), .headers = put_headers, .n_headers = COUNT_OF(put_headers), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("372b7bfcfe29c9cfcd3abfe01c6189b059cbf25d95b035e9b471611440095652")},
    {"spaces in headers", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("PUT"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/in/abc"), .headers = spaced_headers, .n_headers = COUNT_OF(spaced_headers), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("952c2b9fa686535bbbd012d06b36647efc02ca149c2a7a4cb176c6cf0e5584cc")},
    {"how it is answered", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/kept/abc"), .query = get_query, .n_query = COUNT_OF(get_query), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("ffe2009fc4074860693501614cb4d1e7599c65185b2f64b8c276061138cc0b85")},
    {"an odd query", {.access = STR("AKIAIOSFODNN7EXAMPLE"), .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), .region = STR("us-east-1")},
     {.method = STR("GET"), .scheme = STR("https"), .host = STR("b.s3.amazonaws.com"), .path = STR("/k"), .query = odd_query, .n_query = COUNT_OF(odd_query), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("dcff8c2c7545da28e3a5df4eaa82de6d2794da7415cfbaa1452ae9125421fd9f")},
    {"swift's access key", {.access = STR("test:tester"), .secret = STR("testing"), .region = STR("us-east-1")},
     {.method = STR("DELETE"), .scheme = STR("http"), .host = STR("127.0.0.1:8080"), .path = STR("/b/k"), .unix_ms = EXAMPLE_MS, .expires_s = 300},
     STR("6b4b83b09ca07d5de0f38ede631c9c06ac065535caae3c313b37be37237ad585")},
};

// clang-format on

static void each_kind_of_link_is_signed_as_others_sign_it(void **state)
{
    (void)state;
    for (const struct link_row *row = link_rows; row < link_rows + COUNT_OF(link_rows); row++) {
        struct link l;

        link_init(&l, &row->key, &row->rq);
        str url = buf_str(&l.url);
        str_take(&url, url.len - SIGV4_HEX_SIZE);
        expect_str(row->name, url, row->signature);
        expect_int(row->name, sigv4_verify(&row->key, &l.received, STR("")), 0);
        link_fini(&l);
    }
}

static void parameters_of_one_name_are_sorted_by_their_values(void **state)
{
    (void)state;
    static const struct sigv4_pair orders[][3] = {
        {{STR("a"), STR("2")}, {STR("a-b"), STR("")}, {STR("a"), STR("+")}},
        {{STR("a"), STR("+")}, {STR("a"), STR("2")}, {STR("a-b"), STR("")}},
        {{STR("a-b"), STR("")}, {STR("a"), STR("2")}, {STR("a"), STR("+")}},
    };

    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct sigv4_canonical c = {0};
        struct buf query;
        buf_init(&query, URL_MAX);
        for (size_t k = 0; k < COUNT_OF(orders[i]); k++)
            sigv4_canonical_add_query(&c, orders[i][k].name, orders[i][k].value);
        sigv4_canonical_query(&query, &c);
        expect_str("query", buf_str(&query), STR("a=%2B&a=2&a-b="));
        buf_fini(&query);
    }
}

static void what_is_encoded_is_what_the_rules_name(void **state)
{
    (void)state;
    struct buf out;

    buf_init(&out, URL_MAX);
    for (unsigned c = 0; c < 256; c++) {
        const char byte = (char)c;
        const bool is_kept = c < 128 && c > 0 &&
                             strchr(
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789-._~/",
                                 (int)c);
        char want[4];
        (void)snprintf(want, sizeof(want), is_kept ? "%c" : "%%%02X", c);
        buf_clear(&out);
        sigv4_encode(&out, (str){&byte, 1}, true);
        expect_str("in a path", buf_str(&out), str_of(want));
    }
    buf_clear(&out);
    sigv4_encode(&out, STR("a/b"), false);
    expect_str("in a query", buf_str(&out), STR("a%2Fb"));
    buf_fini(&out);
}

// What came is not what was signed.

/** A link to put a file, with all that one can have. */
static const struct sigv4_request put = {
    .method = STR("PUT"),
    .scheme = STR("https"),
    .host = STR("chat.example:8443"),
    .path = STR("/media/files/in/abc_DEF-123"),
    .query = get_query,
    .n_query = COUNT_OF(get_query),
    .headers = put_headers,
    .n_headers = COUNT_OF(put_headers),
    .unix_ms = EXAMPLE_MS,
    .expires_s = 300,
};

/** A link, its bytes to be changed. */
struct changed {
    struct link link;
    char *path;
    char *query;
};

static void changed_init(struct changed *c)
{
    link_init(&c->link, &example_key, &put);
    char *bytes = buf_ptr(&c->link.url);
    c->path = bytes + (c->link.received.path.ptr - bytes);
    c->query = bytes + (c->link.received.query.ptr - bytes);
}

static char flipped(char c)
{
    return (char)((uint8_t)c ^ 1);
}

static void another_method_is_refused(void **state)
{
    (void)state;
    static const str methods[] = {STR("GET"), STR("HEAD"), STR("put"), STR("DELETE"),
                                  STR("PUTS")};
    struct link l;

    link_init(&l, &example_key, &put);
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        l.received.method = methods[i];
        expect_int(methods[i].ptr, verify(&l), SIGV4_SIGNATURE);
    }
    l.received.method = STR("PUT");
    expect_int("the method", verify(&l), 0);
    l.received.method = STR("");
    expect_int("no method", verify(&l), SIGV4_MALFORMED);
    l.received.method = STR("PUT\n");
    expect_int("two lines", verify(&l), SIGV4_MALFORMED);
    link_fini(&l);
}

static void another_byte_of_the_path_is_refused(void **state)
{
    (void)state;
    struct changed c;

    changed_init(&c);
    for (size_t i = 0; i < c.link.received.path.len; i++) {
        char what[32];
        (void)snprintf(what, sizeof(what), "byte %d", (int)i);
        c.path[i] = flipped(c.path[i]);
        expect_int(what, verify(&c.link), SIGV4_SIGNATURE);
        c.path[i] = flipped(c.path[i]);
    }
    c.link.received.path.len--;
    expect_int("one byte less", verify(&c.link), SIGV4_SIGNATURE);
    link_fini(&c.link);
}

static void a_path_is_never_normalised(void **state)
{
    (void)state;
    static const str paths[] = {
        STR("/media/files/in//abc_DEF-123"),       STR("/media/files/in/./abc_DEF-123"),
        STR("/media/files/out/../in/abc_DEF-123"), STR("/media/files/in/abc_DEF-123/"),
        STR("//media/files/in/abc_DEF-123"),
    };
    struct link l;

    link_init(&l, &example_key, &put);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        l.received.path = paths[i];
        expect_int(paths[i].ptr, verify(&l), SIGV4_SIGNATURE);
    }
    link_fini(&l);
}

/** Whatever byte of the query is another one, it does not pass. */
static void another_byte_of_the_query_is_refused(void **state)
{
    (void)state;
    struct changed c;

    changed_init(&c);
    for (size_t i = 0; i < c.link.received.query.len; i++) {
        char what[32];
        (void)snprintf(what, sizeof(what), "byte %d", (int)i);
        c.query[i] = flipped(c.query[i]);
        expect_int(what, verify(&c.link) != 0, true);
        c.query[i] = flipped(c.query[i]);
    }
    expect_int("as it was", verify(&c.link), 0);
    link_fini(&c.link);
}

/** The query with its i-th parameter left out, doubled, or with an empty value. */
enum edit {
    REMOVE,
    DOUBLE,
    EMPTY
};

static str edited(char *out, str query, size_t which, enum edit edit)
{
    size_t n = 0;

    for (size_t i = 0; query.len > 0; i++) {
        const str pair = str_take_until(&query, '&');
        str rest = pair;
        const str name = str_take_until(&rest, '=');
        if (i == which && edit == REMOVE)
            continue;
        n += str_copy(out + n, i == which && edit == EMPTY ? name : pair).len;
        out[n++] = '&';
        if (i == which && edit == DOUBLE) {
            n += str_copy(out + n, pair).len;
            out[n++] = '&';
        }
    }
    return (str){out, n - 1};
}

static void a_parameter_less_or_more_is_refused(void **state)
{
    (void)state;
    const size_t n_parameters = COUNT_OF(get_query) + 6;
    const size_t n_first = 5; // of X-Amz, and the last one is as well
    char query[URL_MAX];
    struct link l;

    link_init(&l, &example_key, &put);
    const str whole = l.received.query;
    for (size_t i = 0; i < n_parameters; i++) {
        const bool is_of_amz = i < n_first || i == n_parameters - 1;
        const int r = is_of_amz ? SIGV4_MALFORMED : SIGV4_SIGNATURE;
        char what[32];
        (void)snprintf(what, sizeof(what), "parameter %d", (int)i);
        l.received.query = edited(query, whole, i, REMOVE);
        expect_int(what, verify(&l), r);
        l.received.query = edited(query, whole, i, DOUBLE);
        expect_int(what, verify(&l), r);
        l.received.query = edited(query, whole, i, EMPTY);
        expect_int(what, verify(&l), r);
    }
    l.received.query = edited(query, whole, n_parameters, REMOVE);
    expect_int("as it was", verify(&l), 0);
    link_fini(&l);
}

static void another_header_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t which;
        struct sigv4_pair header;
    } rows[] = {
        {"another type", 1, {STR("content-type"), STR("text/html")}},
        {"a type in capitals", 1, {STR("content-type"), STR("IMAGE/PNG")}},
        {"a longer type", 1, {STR("content-type"), STR("image/png;a")}},
        {"an empty type", 1, {STR("content-type"), STR("")}},
        {"no type", 1, {STR("content-typ"), STR("image/png")}},
        {"another length", 2, {STR("content-length"), STR("1235")}},
        {"the length with a zero", 2, {STR("content-length"), STR("01234")}},
        {"no length", 2, {STR("x"), STR("1234")}},
        {"another host", 0, {STR("host"), STR("chat.example.org:8443")}},
        {"another port", 0, {STR("host"), STR("chat.example")}},
        {"no host", 0, {STR("x"), STR("chat.example:8443")}},
    };
    struct link l;

    link_init(&l, &example_key, &put);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct sigv4_pair before = l.headers[rows[i].which];
        l.headers[rows[i].which] = rows[i].header;
        expect_int(rows[i].name, verify(&l), SIGV4_SIGNATURE);
        l.headers[rows[i].which] = before;
    }
    l.headers[l.received.n_headers++] = put_headers[0];
    expect_int("the type twice", verify(&l), SIGV4_SIGNATURE);
    link_fini(&l);
}

/** A header that was signed with an empty value must come all the same. */
static void a_header_that_is_empty_is_not_one_that_is_missing(void **state)
{
    (void)state;
    struct sigv4_request rq = example;
    struct link l;

    rq.headers = spaced_headers;
    rq.n_headers = COUNT_OF(spaced_headers);
    link_init(&l, &example_key, &rq);
    expect_int("empty", verify(&l), 0);
    l.received.n_headers--;
    expect_int("missing", verify(&l), SIGV4_SIGNATURE);
    link_fini(&l);
}

// What came means the same.

static void headers_that_are_not_signed_may_come(void **state)
{
    (void)state;
    struct link l;

    link_init(&l, &example_key, &put);
    l.headers[l.received.n_headers++] = (struct sigv4_pair){STR("User-Agent"), STR("x")};
    l.headers[l.received.n_headers++] = (struct sigv4_pair){STR("x-amz-meta-a"), STR("\n")};
    expect_int("with more", verify(&l), 0);
    link_fini(&l);
}

static void names_of_headers_come_in_any_case_and_order(void **state)
{
    (void)state;
    struct link l;

    link_init(&l, &example_key, &put);
    const struct sigv4_pair host = l.headers[0];
    l.headers[0] = (struct sigv4_pair){STR("CONTENT-Length"), STR("\t1234 ")};
    l.headers[1] = (struct sigv4_pair){STR("HOST"), host.value};
    l.headers[2] = (struct sigv4_pair){STR("Content-Type"), STR("image/png")};
    expect_int("in another order", verify(&l), 0);
    link_fini(&l);
}

static void a_header_that_comes_twice_is_one_with_a_comma(void **state)
{
    (void)state;
    static const struct sigv4_pair headers[] = {{STR("x-a"), STR("1,2  3")}};
    struct sigv4_request rq = example;
    struct link l;

    rq.headers = headers;
    rq.n_headers = COUNT_OF(headers);
    link_init(&l, &example_key, &rq);
    l.headers[1] = (struct sigv4_pair){STR("X-A"), STR(" 1 ")};
    l.headers[2] = (struct sigv4_pair){STR("x-a"), STR("2    3")};
    l.received.n_headers = 3;
    expect_int("twice", verify(&l), 0);
    l.headers[1].value = STR("2 3");
    l.headers[2].value = STR("1");
    expect_int("the other way round", verify(&l), SIGV4_SIGNATURE);
    link_fini(&l);
}

static void the_host_may_be_said_by_the_caller(void **state)
{
    (void)state;
    struct link l;

    link_init(&l, &example_key, &put);
    l.headers[0].value = STR("127.0.0.1:8080");
    expect_int("changed by a proxy", verify(&l), SIGV4_SIGNATURE);
    expect_int("and given", sigv4_verify(&example_key, &l.received, put.host), 0);
    expect_int("and given wrong", sigv4_verify(&example_key, &l.received, STR("x")),
               SIGV4_SIGNATURE);
    l.headers[0].name = STR("x");
    expect_int("removed, and given", sigv4_verify(&example_key, &l.received, put.host), 0);
    link_fini(&l);
}

/** Each byte as an escape, in small letters. */
static str escaped(char *out, str s)
{
    size_t n = 0;

    while (s.len > 0) {
        const char c = *str_take(&s, 1).ptr;
        if (c == '%' || c == '&' || c == '=' || c == '/') { // as it is; '%' with its digits
            out[n++] = c;
            n += c == '%' ? str_copy(out + n, str_take(&s, 2)).len : 0;
            continue;
        }
        out[n++] = '%';
        out[n++] = hex_digit((uint8_t)c >> 4);
        out[n++] = hex_digit((uint8_t)c & 15);
    }
    return (str){out, n};
}

static void other_escapes_and_another_order_mean_the_same(void **state)
{
    (void)state;
    char path[URL_MAX];
    char query[URL_MAX];
    struct link l;

    link_init(&l, &example_key, &put);
    const str plain = l.received.query;
    l.received.path = escaped(path, l.received.path);
    l.received.query = escaped(query, plain);
    expect_int("escaped", verify(&l), 0);

    const size_t first = str_find(plain, '&');
    const int n =
        snprintf(query, sizeof(query), "&&" STR_FMT "&&" STR_FMT "&",
                 (int)(plain.len - first - 1), plain.ptr + first + 1, (int)first, plain.ptr);
    l.received.query = (str){query, (size_t)n};
    expect_int("in another order", verify(&l), 0);
    link_fini(&l);
}

static void a_plus_is_a_plus(void **state)
{
    (void)state;
    static const struct sigv4_pair plus[] = {{STR("a"), STR("1+2")}};
    static const struct sigv4_pair blank[] = {{STR("a"), STR("1 2")}};
    struct sigv4_request rq = example;
    char query[URL_MAX];
    struct link l;

    rq.n_query = 1;
    for (int i = 0; i < 2; i++) {
        rq.query = i == 0 ? plus : blank;
        link_init(&l, &example_key, &rq);
        str rest = l.received.query;
        str_take(&rest, (size_t)((char *)memmem(rest.ptr, rest.len, "&a=", 3) - rest.ptr));
        const str before = {l.received.query.ptr, l.received.query.len - rest.len};
        str_take(&rest, strlen("&a=1%202"));
        const int n = snprintf(query, sizeof(query), STR_FMT "&a=1+2" STR_FMT, STR_ARG(before),
                               STR_ARG(rest));
        l.received.query = (str){query, (size_t)n};
        expect_int(i == 0 ? "a plus" : "a blank", verify(&l), i == 0 ? 0 : SIGV4_SIGNATURE);
        link_fini(&l);
    }
}

// When.

static void a_link_is_good_until_it_expires(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t after_ms;
        int r;
    } rows[] = {
        {"when it is made", 0, 0},
        {"a millisecond before the end", 299999, 0},
        {"at the end", 300000, SIGV4_EXPIRED},
        {"a second after", 301000, SIGV4_EXPIRED},
        {"ten years after", INT64_C(315360000000), SIGV4_EXPIRED},
        {"before, by a clock that is behind", -1, 0},
        {"as far behind as may be", -SIGV4_SKEW_MS, 0},
        {"a millisecond more", -SIGV4_SKEW_MS - 1, SIGV4_NOT_YET},
        {"in 1970", -EXAMPLE_MS, SIGV4_NOT_YET},
    };
    struct link l;

    link_init(&l, &example_key, &put);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        l.received.now_ms = EXAMPLE_MS + rows[i].after_ms;
        expect_int(rows[i].name, verify(&l), rows[i].r);
    }
    link_fini(&l);
}

static void a_link_is_good_for_a_week_at_most(void **state)
{
    (void)state;
    struct sigv4_request rq = example;
    struct link l;

    rq.expires_s = SIGV4_EXPIRES_MAX;
    link_init(&l, &example_key, &rq);
    l.received.now_ms += SIGV4_EXPIRES_MAX * INT64_C(1000) - 1;
    expect_int("a week", verify(&l), 0);
    l.received.now_ms++;
    expect_int("and no more", verify(&l), SIGV4_EXPIRED);
    link_fini(&l);

    rq.expires_s = 1;
    link_init(&l, &example_key, &rq);
    l.received.now_ms += 999;
    expect_int("a second", verify(&l), 0);
    l.received.now_ms++;
    expect_int("and no more", verify(&l), SIGV4_EXPIRED);
    link_fini(&l);
}

/** The milliseconds in which a link was made are not in it. */
static void a_link_counts_from_its_second(void **state)
{
    (void)state;
    struct sigv4_request rq = put;
    struct link l;

    rq.unix_ms = EXAMPLE_MS + 999;
    link_init(&l, &example_key, &rq);
    l.received.now_ms = EXAMPLE_MS + 299999;
    expect_int("before", verify(&l), 0);
    l.received.now_ms = EXAMPLE_MS + 300000;
    expect_int("at the end", verify(&l), SIGV4_EXPIRED);
    link_fini(&l);
}

static void dates_are_read_as_they_are_written(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        str date;
        int64_t unix_s; // -1: refused
    } rows[] = {
        {STR("19700101T000000Z"), 0},
        {STR("20130524T000000Z"), EXAMPLE_MS / 1000},
        {STR("20000229T235959Z"), 951868799},
        {STR("20240229T120000Z"), 1709208000},
        {STR("20380119T031408Z"), INT64_C(2147483648)},
        {STR("99991231T235959Z"), INT64_C(253402300799)},
        {STR("19691231T235959Z"), -1},
        {STR("00000101T000000Z"), -1},
        {STR("20230229T000000Z"), -1},
        {STR("21000229T000000Z"), -1},
        {STR("20130431T000000Z"), -1},
        {STR("20130500T000000Z"), -1},
        {STR("20130532T000000Z"), -1},
        {STR("20130024T000000Z"), -1},
        {STR("20131324T000000Z"), -1},
        {STR("20130524T240000Z"), -1},
        {STR("20130524T006000Z"), -1},
        {STR("20130524T000060Z"), -1},
        {STR("20130524t000000Z"), -1},
        {STR("20130524T000000z"), -1},
        {STR("20130524T0000000"), -1},
        {STR("20130524 000000Z"), -1},
        {STR("20130524T00000Z"), -1},
        {STR("20130524T0000000Z"), -1},
        {STR("2013-5-24T00000Z"), -1},
        {STR("2013 524T000000Z"), -1},
        {STR("+0130524T000000Z"), -1},
        {STR("2013052\0T000000Z"), -1},
        {STR("20130524"), -1},
        {STR(""), -1},
    };
    // clang-format on

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char again[SIGV4_DATE_SIZE];
        int64_t unix_ms = -1000;

        const int r = sigv4_date_parse(&unix_ms, rows[i].date);
        expect_int(rows[i].date.ptr, r, rows[i].unix_s < 0 ? SIGV4_DATE_BAD : 0);
        expect_int(rows[i].date.ptr, unix_ms, rows[i].unix_s * 1000);
        if (r != 0)
            continue;
        sigv4_date_format(again, unix_ms + 999);
        expect_str(rows[i].date.ptr, str_of(again), rows[i].date);
    }
}

// What is signed rightly, and says what it must not.

struct claimed {
    const char *algorithm;
    const char *credential;
    const char *date;
    const char *expires;
    const char *names;
    const char *more; // of the query
};

static const struct claimed right = {
    .algorithm = "AWS4-HMAC-SHA256",
    .credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
    .date = "20130524T000000Z",
    .expires = "86400",
    .names = "host",
    .more = "",
};

static void put_claim(char query[URL_MAX], const struct claimed *c, const char *signature)
{
    (void)snprintf(query, URL_MAX,
                   "X-Amz-Algorithm=%s&X-Amz-Credential=%s&X-Amz-Date=%s&X-Amz-Expires=%s"
                   "&X-Amz-SignedHeaders=%s&X-Amz-Signature=%s%s",
                   c->algorithm, c->credential, c->date, c->expires, c->names, signature,
                   c->more);
}

#define HEX_64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// clang-format off
static const struct claim_row {
    const char *name;
    struct claimed c; // what is NULL is right
    int r;
} claim_rows[] = {
    {"right",                     {0}, SIGV4_SIGNATURE},
    {"another algorithm",         {.algorithm = "AWS4-HMAC-SHA512"}, SIGV4_MALFORMED},
    {"the asymmetric algorithm",  {.algorithm = "AWS4-ECDSA-P256-SHA256"}, SIGV4_MALFORMED},
    {"the algorithm, small",      {.algorithm = "aws4-hmac-sha256"}, SIGV4_MALFORMED},
    {"no algorithm",              {.algorithm = ""}, SIGV4_MALFORMED},
    {"expires at once",           {.expires = "0"}, SIGV4_MALFORMED},
    {"expires after a second",    {.expires = "1"}, SIGV4_SIGNATURE},
    {"expires after a week",      {.expires = "604800"}, SIGV4_SIGNATURE},
    {"expires later",             {.expires = "604801"}, SIGV4_MALFORMED},
    {"expired before",            {.expires = "-1"}, SIGV4_MALFORMED},
    {"expires after 2^64 + 1",    {.expires = "18446744073709551617"}, SIGV4_MALFORMED},
    {"expires never",             {.expires = "99999999999999999999999999"}, SIGV4_MALFORMED},
    {"a plus before it",          {.expires = "+60"}, SIGV4_MALFORMED},
    {"a blank before it",         {.expires = "%2060"}, SIGV4_MALFORMED},
    {"a fraction",                {.expires = "60.0"}, SIGV4_MALFORMED},
    {"hexadecimal",               {.expires = "0x60"}, SIGV4_MALFORMED},
    {"expires nothing",           {.expires = ""}, SIGV4_MALFORMED},
    {"no date",                   {.date = ""}, SIGV4_MALFORMED},
    {"the day alone",             {.date = "20130524"}, SIGV4_MALFORMED},
    {"no day of the calendar",    {.date = "20130532T000000Z"}, SIGV4_MALFORMED},
    {"another day",               {.date = "20130525T000000Z"}, SIGV4_MALFORMED},
    {"another access key",        {.credential = "AKIAIOSFODNN7EXAMPLF/20130524/us-east-1/s3/aws4_request"}, SIGV4_KEY},
    {"no access key",             {.credential = "/20130524/us-east-1/s3/aws4_request"}, SIGV4_KEY},
    {"another region",            {.credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-2/s3/aws4_request"}, SIGV4_KEY},
    {"another service",           {.credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/iam/aws4_request"}, SIGV4_KEY},
    {"another end",               {.credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws3_request"}, SIGV4_MALFORMED},
    {"a credential of four",      {.credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3"}, SIGV4_MALFORMED},
    {"a credential of six",       {.credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request/"}, SIGV4_MALFORMED},
    {"a credential of another day", {.credential = "AKIAIOSFODNN7EXAMPLE/20130523/us-east-1/s3/aws4_request"}, SIGV4_MALFORMED},
    {"a credential of no day",    {.credential = "AKIAIOSFODNN7EXAMPLE//us-east-1/s3/aws4_request"}, SIGV4_MALFORMED},
    {"no credential",             {.credential = ""}, SIGV4_MALFORMED},
    {"no names",                  {.names = ""}, SIGV4_MALFORMED},
    {"names without host",        {.names = "content-type"}, SIGV4_MALFORMED},
    {"names with a capital",      {.names = "Host"}, SIGV4_MALFORMED},
    {"names with a capital within", {.names = "content-Type;host"}, SIGV4_MALFORMED},
    {"names not sorted",          {.names = "host;content-type"}, SIGV4_MALFORMED},
    {"a name twice",              {.names = "host;host"}, SIGV4_MALFORMED},
    {"names with an end",         {.names = "host;"}, SIGV4_MALFORMED},
    {"names with an empty one",   {.names = ";host"}, SIGV4_MALFORMED},
    {"names with a comma",        {.names = "content-type,host"}, SIGV4_MALFORMED},
    {"names with a blank",        {.names = "a%20b;host"}, SIGV4_MALFORMED},
    {"names with a colon",        {.names = "a%3ab;host"}, SIGV4_MALFORMED},
    {"names with a line",         {.names = "a%0Ab;host"}, SIGV4_MALFORMED},
    {"a name that did not come",  {.names = "content-type;host"}, SIGV4_SIGNATURE},
    {"names, of them 16",         {.names = "a;b;c;d;e;f;g;h;host;i;j;k;l;m;n;o"}, SIGV4_SIGNATURE},
    {"names, of them 17",         {.names = "a;b;c;d;e;f;g;h;host;i;j;k;l;m;n;o;p"}, SIGV4_MALFORMED},
    {"a body that is signed",     {.more = "&X-Amz-Content-Sha256=" HEX_64}, SIGV4_MALFORMED},
    {"a body that is not",        {.more = "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"}, SIGV4_SIGNATURE},
    {"a body twice",              {.more = "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"}, SIGV4_MALFORMED},
    {"a token nobody has",        {.more = "&X-Amz-Security-Token=a"}, SIGV4_KEY},
    {"an empty token",            {.more = "&X-Amz-Security-Token="}, SIGV4_KEY},
    {"the date twice",            {.more = "&X-Amz-Date=20130524T000000Z"}, SIGV4_MALFORMED},
    {"the date twice, escaped",   {.more = "&%58-Amz-Date=20130524T000000Z"}, SIGV4_MALFORMED},
    {"the signature twice",       {.more = "&X-Amz-Signature=" HEX_64}, SIGV4_MALFORMED},
    {"a date in small letters",   {.more = "&x-amz-date=20130524T000000Z"}, SIGV4_SIGNATURE},
    {"16 parameters",             {.more = "&1&2&3&4&5&6&7&8&9&10&11"}, SIGV4_SIGNATURE},
    {"17 parameters",             {.more = "&1&2&3&4&5&6&7&8&9&10&11&12"}, SIGV4_MALFORMED},
    {"half an escape",            {.more = "&a=%4"}, SIGV4_MALFORMED},
    {"no escape",                 {.more = "&a=%zz"}, SIGV4_MALFORMED},
    {"half an escape in a name",  {.more = "&a%=1"}, SIGV4_MALFORMED},
    {"a NUL",                     {.more = "&a=%00"}, SIGV4_MALFORMED},
};

// clang-format on

static int verify_query(const char *path, const char *query)
{
    const struct sigv4_pair headers[] = {{STR("Host"), example.host}};
    const struct sigv4_received rq = {.method = STR("GET"),
                                      .path = str_of(path),
                                      .query = str_of(query),
                                      .headers = headers,
                                      .n_headers = 1,
                                      .now_ms = EXAMPLE_MS};
    CLEANUP(exact_freep) char *exact = exact_copy(rq.query);
    struct sigv4_received copy = rq;

    copy.query.ptr = exact;
    return sigv4_verify(&example_key, &copy, STR(""));
}

static const char *either(const char *a, const char *b)
{
    return a ? a : b;
}

static void each_claim_is_judged_as_its_row_says(void **state)
{
    (void)state;
    for (const struct claim_row *row = claim_rows; row < claim_rows + COUNT_OF(claim_rows);
         row++) {
        const struct claimed c = {
            .algorithm = either(row->c.algorithm, right.algorithm),
            .credential = either(row->c.credential, right.credential),
            .date = either(row->c.date, right.date),
            .expires = either(row->c.expires, right.expires),
            .names = either(row->c.names, right.names),
            .more = either(row->c.more, right.more),
        };
        char query[URL_MAX];

        put_claim(query, &c, HEX_64);
        expect_int(row->name, verify_query("/test.txt", query), row->r);
    }
}

#define RIGHT "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

static void a_signature_is_64_small_digits(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        const char *name;
        const char *signature;
        int r;
    } rows[] = {
        {"right",          RIGHT, 0},
        {"another",        HEX_64, SIGV4_SIGNATURE},
        {"another end",    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d405", SIGV4_SIGNATURE},
        {"another start",  "beeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", SIGV4_SIGNATURE},
        {"capitals",       "AEEED9BBCCD4D02EE5C0109B86D86835F995330DA4C265957D157751F604D404", SIGV4_MALFORMED},
        {"one less",       "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d40", SIGV4_MALFORMED},
        {"one more",       RIGHT "0", SIGV4_MALFORMED},
        {"none",           "", SIGV4_MALFORMED},
        {"another letter", "geeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", SIGV4_MALFORMED},
        {"escaped",        "%61eeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", 0},
    };
    // clang-format on

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char query[URL_MAX];
        put_claim(query, &right, rows[i].signature);
        expect_int(rows[i].name, verify_query("/test.txt", query), rows[i].r);
    }
}

static void what_is_not_signed_at_all_is_missing(void **state)
{
    (void)state;
    char query[URL_MAX];

    expect_int("nothing", verify_query("/test.txt", ""), SIGV4_MISSING);
    expect_int("another query", verify_query("/test.txt", "a=1&b"), SIGV4_MISSING);
    expect_int("a part", verify_query("/test.txt", "X-Amz-Signature="), SIGV4_MALFORMED);
    put_claim(query, &right, RIGHT);
    expect_int("half an escape", verify_query("/test.tx%7", query), SIGV4_MALFORMED);
    expect_int("a NUL", verify_query("/test.tx%00", query), SIGV4_MALFORMED);
    expect_int("an escape", verify_query("/test.tx%74", query), 0);
    expect_int("an escaped slash", verify_query("%2ftest.txt", query), 0);
}

static void a_query_cut_anywhere_is_refused(void **state)
{
    (void)state;
    char query[URL_MAX];

    put_claim(query, &right, RIGHT);
    expect_int("whole", verify_query("/test.txt", query), 0);
    for (size_t n = strlen(query); n > 0; n--) {
        query[n - 1] = '\0';
        expect_int(query, verify_query("/test.txt", query) != 0, true);
    }
}

/** Spaces, which are three bytes each when they are encoded. */
static int verify_long_path(size_t n)
{
    char *path = mem_alloc(n + 1);
    char query[URL_MAX];

    put_claim(query, &right, RIGHT);
    memset(path, ' ', n);
    const int r = verify_query(path, query);
    free(path);
    return r;
}

static void what_is_signed_has_a_size(void **state)
{
    (void)state;
    char query[URL_MAX];

    put_claim(query, &right, RIGHT);
    const size_t n_line = strlen("GET") + strlen(query);
    const size_t n_all = n_line + strlen("host") + example.host.len;
    const size_t max = SIGV4_SIGNED_MAX;
    expect_int("the largest", verify_long_path(max - n_all), SIGV4_SIGNATURE);
    expect_int("one more", verify_long_path(max - n_all + 1), SIGV4_MALFORMED);
    expect_int("no room for a header", verify_long_path(max - n_line), SIGV4_MALFORMED);
    expect_int("not even for the path", verify_long_path(max - n_line + 1), SIGV4_MALFORMED);
    expect_int("far too long", verify_long_path(10 * max), SIGV4_MALFORMED);
}

static void a_header_comes_at_most_so_often(void **state)
{
    (void)state;
    struct sigv4_pair headers[SIGV4_ITEMS_MAX + 1];
    char query[URL_MAX];

    put_claim(query, &right, RIGHT);
    struct sigv4_received rq = {.method = STR("GET"),
                                .path = STR("/test.txt"),
                                .query = str_of(query),
                                .headers = headers,
                                .now_ms = EXAMPLE_MS};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        headers[i] = (struct sigv4_pair){STR("host"), STR("a")};
    rq.n_headers = SIGV4_ITEMS_MAX;
    expect_int("16 times", sigv4_verify(&example_key, &rq, STR("")), SIGV4_SIGNATURE);
    rq.n_headers++;
    expect_int("17 times", sigv4_verify(&example_key, &rq, STR("")), SIGV4_MALFORMED);
}

static void a_session_needs_its_token(void **state)
{
    (void)state;
    struct sigv4_key key = example_key;
    struct link l;

    key.token = STR("a/b+c==");
    link_init(&l, &key, &put);
    expect_int("its token", sigv4_verify(&key, &l.received, STR("")), 0);
    key.token = STR("a/b+c=-");
    expect_int("another", sigv4_verify(&key, &l.received, STR("")), SIGV4_KEY);
    key.token = STR("a/b+c=");
    expect_int("a shorter one", sigv4_verify(&key, &l.received, STR("")), SIGV4_KEY);
    key.token = STR("a/b+c===");
    expect_int("a longer one", sigv4_verify(&key, &l.received, STR("")), SIGV4_KEY);
    expect_int("none wanted", verify(&l), SIGV4_KEY);
    link_fini(&l);

    link_init(&l, &example_key, &put);
    expect_int("none came", sigv4_verify(&key, &l.received, STR("")), SIGV4_KEY);
    link_fini(&l);
}

static void another_secret_signs_otherwise(void **state)
{
    (void)state;
    struct sigv4_key key = example_key;
    struct link l;

    link_init(&l, &example_key, &put);
    key.secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ");
    expect_int("another", sigv4_verify(&key, &l.received, STR("")), SIGV4_SIGNATURE);
    key.secret = STR("");
    expect_int("none", sigv4_verify(&key, &l.received, STR("")), SIGV4_SIGNATURE);
    link_fini(&l);
}

static void it_is_known_which_headers_were_signed(void **state)
{
    (void)state;
    struct link l;

    link_init(&l, &example_key, &put);
    assert_true(sigv4_has_signed(&l.received, STR("host")));
    assert_true(sigv4_has_signed(&l.received, STR("content-type")));
    assert_true(sigv4_has_signed(&l.received, STR("content-length")));
    assert_false(sigv4_has_signed(&l.received, STR("content")));
    assert_false(sigv4_has_signed(&l.received, STR("content-type;host")));
    assert_false(sigv4_has_signed(&l.received, STR("")));
    l.received.query = STR("");
    assert_false(sigv4_has_signed(&l.received, STR("host")));
    link_fini(&l);
}

// By chance.

#define N_LINKS 100

static size_t chance_below(struct seeded *s, size_t n)
{
    return (size_t)(seeded_next(s) >> 16) % n;
}

/** Up to 20 bytes but NUL, many of them plain. @return a view of out */
static str chance_text(struct seeded *s, char out[20])
{
    static const char plain[] = "abcXYZ019-._~/ +%&=;,\"'\n\t";
    const size_t n = chance_below(s, 20);

    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(1 + chance_below(s, 255));
        if (chance_below(s, 4) > 0)
            out[i] = plain[chance_below(s, sizeof(plain) - 1)];
    }
    return (str){out, n};
}

struct chance_link {
    char texts[16][20];
    struct sigv4_pair query[4];
    struct sigv4_pair headers[3];
    char path[21];
    struct sigv4_request rq;
};

static void chance_link_init(struct chance_link *c, struct seeded *s)
{
    static const str methods[] = {STR("GET"), STR("PUT"), STR("HEAD"), STR("DELETE")};
    static const str names[] = {STR("x-b"), STR("content-type"), STR("x-a")};

    for (size_t i = 0; i < COUNT_OF(c->query); i++) {
        c->query[i].name = chance_text(s, c->texts[2 * i]);
        c->query[i].value = chance_text(s, c->texts[2 * i + 1]);
    }
    for (size_t i = 0; i < COUNT_OF(c->headers); i++) {
        c->headers[i].name = names[i];
        c->headers[i].value = chance_text(s, c->texts[8 + i]);
    }
    c->path[0] = '/';
    const size_t n_path = 1 + chance_text(s, c->path + 1).len;
    c->rq = (struct sigv4_request){
        .method = methods[chance_below(s, COUNT_OF(methods))],
        .scheme = STR("http"),
        .host = STR("127.0.0.1:9000"),
        .path = {c->path, n_path},
        .query = c->query,
        .n_query = chance_below(s, COUNT_OF(c->query) + 1),
        .headers = c->headers,
        .n_headers = chance_below(s, COUNT_OF(c->headers) + 1),
        .unix_ms = (int64_t)(chance_below(s, 4000000) * 1000000),
        .expires_s = 1 + (unsigned)chance_below(s, SIGV4_EXPIRES_MAX),
    };
}

/** Add what s is an encoding of, and a NUL behind it. */
static void add_meaning(struct buf *out, str s)
{
    char *room = buf_room(out, s.len + 1);
    size_t n = 0;

    assert_non_null(room);
    if (url_decode(room, s.len, &n, s, false) != 0)
        n = str_copy(room, STR("?")).len;
    room[n] = '\0';
    buf_added(out, n + 1);
}

/** The path and the parameters: "a" is "a=". */
static void add_meaning_of(struct buf *out, const struct sigv4_received *rq)
{
    str query = rq->query;

    add_meaning(out, rq->path);
    while (query.len > 0) {
        str value = str_take_until(&query, '&');
        if (value.len == 0)
            continue;
        add_meaning(out, str_take_until(&value, '='));
        add_meaning(out, value);
    }
}

/** One byte is another one: what then passes means what was signed. */
static void check_flip(struct link *l, size_t at, char to, const char *what)
{
    char *bytes = buf_ptr(&l->url);
    const char byte = bytes[at];
    struct buf before;
    struct buf after;

    buf_init(&before, URL_MAX);
    buf_init(&after, URL_MAX);
    add_meaning_of(&before, &l->received);
    bytes[at] = to;
    add_meaning_of(&after, &l->received);
    if (verify(l) == 0)
        expect_str(what, buf_str(&after), buf_str(&before));
    bytes[at] = byte;
    buf_fini(&before);
    buf_fini(&after);
}

static void check_chance(struct seeded *s, const char *what)
{
    struct chance_link c;
    struct link l;

    chance_link_init(&c, s);
    link_init(&l, &example_key, &c.rq);
    expect_int(what, verify(&l), 0);
    const size_t first = (size_t)(l.received.path.ptr - buf_ptr(&l.url));
    for (size_t at = first; at < l.url.len; at++) {
        if (buf_ptr(&l.url)[at] == '?') // it is not received
            continue;
        check_flip(&l, at, (char)(1 + chance_below(s, 255)), what);
        check_flip(&l, at, "&=%+/;0aA"[chance_below(s, 9)], what);
    }
    l.received.method = str_eq(c.rq.method, STR("GET")) ? STR("HEAD") : STR("GET");
    expect_int(what, verify(&l), SIGV4_SIGNATURE);
    link_fini(&l);
}

static void what_is_signed_passes_and_nothing_else_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_LINKS; seed++) {
        struct seeded s;
        char what[32];

        seeded_init(&s, seed);
        (void)snprintf(what, sizeof(what), "seed %d", (int)seed);
        check_chance(&s, what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example_has_its_url),
        cmocka_unit_test(each_kind_of_link_is_signed_as_others_sign_it),
        cmocka_unit_test(parameters_of_one_name_are_sorted_by_their_values),
        cmocka_unit_test(what_is_encoded_is_what_the_rules_name),
        cmocka_unit_test(another_method_is_refused),
        cmocka_unit_test(another_byte_of_the_path_is_refused),
        cmocka_unit_test(a_path_is_never_normalised),
        cmocka_unit_test(another_byte_of_the_query_is_refused),
        cmocka_unit_test(a_parameter_less_or_more_is_refused),
        cmocka_unit_test(another_header_is_refused),
        cmocka_unit_test(a_header_that_is_empty_is_not_one_that_is_missing),
        cmocka_unit_test(headers_that_are_not_signed_may_come),
        cmocka_unit_test(names_of_headers_come_in_any_case_and_order),
        cmocka_unit_test(a_header_that_comes_twice_is_one_with_a_comma),
        cmocka_unit_test(the_host_may_be_said_by_the_caller),
        cmocka_unit_test(other_escapes_and_another_order_mean_the_same),
        cmocka_unit_test(a_plus_is_a_plus),
        cmocka_unit_test(a_link_is_good_until_it_expires),
        cmocka_unit_test(a_link_is_good_for_a_week_at_most),
        cmocka_unit_test(a_link_counts_from_its_second),
        cmocka_unit_test(dates_are_read_as_they_are_written),
        cmocka_unit_test(each_claim_is_judged_as_its_row_says),
        cmocka_unit_test(a_signature_is_64_small_digits),
        cmocka_unit_test(what_is_not_signed_at_all_is_missing),
        cmocka_unit_test(a_query_cut_anywhere_is_refused),
        cmocka_unit_test(what_is_signed_has_a_size),
        cmocka_unit_test(a_header_comes_at_most_so_often),
        cmocka_unit_test(a_session_needs_its_token),
        cmocka_unit_test(another_secret_signs_otherwise),
        cmocka_unit_test(it_is_known_which_headers_were_signed),
        cmocka_unit_test(what_is_signed_passes_and_nothing_else_does),
    };
    return cmocka_run_group_tests_name("media/sigv4", tests, NULL, NULL);
}
