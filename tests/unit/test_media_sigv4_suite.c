#include <dirent.h>

#include "base/buf.h"
#include "crypto/digest.h"
#include "http/url.h"
#include "media/sigv4_canonical.h"
#include "support/vectors.h"

// AWS's own suite. Its requests are not of S3: their path is normalised, where a case does not
// say otherwise, and what is signed of the body is its hash.

#define SUITE      "aws-sigv4/v4"
#define N_CASES    38
#define TEXT_MAX   16384 // bytes
#define SHA256_HEX 65    // bytes, NUL included

/** One of its folders. */
struct test_case {
    const char *name;
    char *request; // owned, as text; what follows points into it
    struct json *context;
    char *bytes; // owned: of what was decoded
    size_t n_bytes;
    char body_hash[SHA256_HEX];
    struct sigv4_key key;
    struct sigv4_canonical canonical;
    struct sigv4_scope scope;
};

static void path_in(char *out, size_t size, const struct test_case *c, const char *file)
{
    (void)snprintf(out, size, SUITE "/%s/%s", c->name, file);
}

static str keep(struct test_case *c, str s)
{
    const str kept = str_copy(c->bytes + c->n_bytes, s);

    c->n_bytes += s.len;
    assert_true(c->n_bytes <= TEXT_MAX);
    return kept;
}

static str decoded(struct test_case *c, str encoded)
{
    const str kept = keep(c, encoded);
    size_t n = 0;

    assert_int_equal(url_decode(c->bytes + (kept.ptr - c->bytes), kept.len, &n, kept, false),
                     0);
    return (str){kept.ptr, n};
}

static str lower_case(struct test_case *c, str s)
{
    const str kept = keep(c, s);
    char *bytes = c->bytes + (kept.ptr - c->bytes);

    for (size_t i = 0; i < kept.len; i++)
        bytes[i] = (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] | 0x20 : bytes[i]);
    return kept;
}

/** RFC 3986, section 5.2.4, and of several slashes one. S3 does nothing of this. */
static str normalized(struct test_case *c, str path)
{
    char *out = c->bytes + c->n_bytes;
    size_t n = 0;
    bool is_open = true; // nothing stands behind the last slash

    while (path.len > 0) {
        const str segment = str_take_until(&path, '/');
        is_open = segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR(".."));
        if (str_eq(segment, STR(".."))) {
            while (n > 0 && out[--n] != '/')
                ;
        }
        if (is_open)
            continue;
        out[n++] = '/';
        n += str_copy(out + n, segment).len;
        is_open = path.ptr[-1] == '/';
    }
    if (is_open)
        out[n++] = '/';
    c->n_bytes += n;
    return (str){out, n};
}

static void read_target(struct test_case *c, str target)
{
    const str path = str_take_until(&target, '?');

    c->canonical.path = decoded(c, path);
    if (json_is_true(json_member(c->context, "normalize")))
        c->canonical.path = normalized(c, c->canonical.path);
    while (target.len > 0) {
        str value = str_take_until(&target, '&');
        const str name = decoded(c, str_take_until(&value, '='));
        sigv4_canonical_add_query(&c->canonical, name, decoded(c, value));
    }
}

/** A line that begins with a space goes on with the one before it. */
static str take_line(str *text)
{
    const char *begin = text->ptr;
    size_t n = str_take_until(text, '\n').len;

    while (text->len > 0 && text->ptr[0] == ' ')
        n = (size_t)(text->ptr - begin) + str_take_until(text, '\n').len;
    return (str){begin, n};
}

static void to_hex(char out[SHA256_HEX], str bytes)
{
    uint8_t hash[CRYPTO_SHA256_SIZE];

    crypto_sha256(hash, bytes);
    for (size_t i = 0; i < sizeof(hash); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static void read_request(struct test_case *c, str text)
{
    str line = take_line(&text);

    c->canonical.method = str_take_until(&line, ' ');
    line.len -= strlen(" HTTP/1.1");
    read_target(c, line);
    while (text.len > 0) {
        line = take_line(&text);
        if (line.len == 0)
            break;
        const str name = lower_case(c, str_take_until(&line, ':'));
        sigv4_canonical_add_header(&c->canonical, name, line);
    }
    const bool signs_body = json_is_true(json_member(c->context, "sign_body"));
    to_hex(c->body_hash, signs_body ? text : STR(""));
    c->canonical.payload_hash = str_of(c->body_hash);
}

/** "2015-08-30T12:36:00Z" without its marks. */
static void read_date(struct test_case *c)
{
    const str text = vector_text(c->context, "timestamp");
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < SIGV4_DATE_SIZE - 1; i++) {
        if (text.ptr[i] != '-' && text.ptr[i] != ':')
            c->scope.date[n++] = text.ptr[i];
    }
    assert_int_equal(n, SIGV4_DATE_SIZE - 1);
}

static void case_init(struct test_case *c, const char *name)
{
    char path[512];
    size_t n = 0;

    *c = (struct test_case){.name = name, .bytes = mem_alloc(TEXT_MAX)};
    path_in(path, sizeof(path), c, "context.json");
    c->context = vectors_open(path);
    path_in(path, sizeof(path), c, "request.txt");
    c->request = vectors_read(path, &n);
    assert_true(c->context && c->request);
    const struct json *credentials = json_member(c->context, "credentials");
    c->key.access = vector_text(credentials, "access_key_id");
    c->key.secret = vector_text(credentials, "secret_access_key");
    c->key.token = vector_text(credentials, "token");
    c->scope.region = vector_text(c->context, "region");
    c->scope.service = vector_text(c->context, "service");
    read_date(c);
    read_request(c, (str){c->request, n});
}

static void case_fini(struct test_case *c)
{
    json_free(c->context);
    free(c->request);
    free(c->bytes);
}

static void check_text(const struct test_case *c, const char *file, str got)
{
    char path[512];
    char what[600];
    size_t n = 0;

    path_in(path, sizeof(path), c, file);
    char *want = vectors_read(path, &n);
    (void)snprintf(what, sizeof(what), "%s/%s", c->name, file);
    expect_str(what, got, ((str){want, n}));
    free(want);
}

/** @param how  "header" or "query" */
static void check_signed(const struct test_case *c, const char *how)
{
    char signature[SIGV4_HEX_SIZE];
    char file[64];
    struct buf request;
    struct buf text;

    buf_init(&request, SIGV4_CANONICAL_SIZE);
    buf_init(&text, SIGV4_CANONICAL_SIZE);
    sigv4_canonical_request(&request, &c->canonical);
    (void)snprintf(file, sizeof(file), "%s-canonical-request.txt", how);
    check_text(c, file, buf_str(&request));
    sigv4_string_to_sign(&text, &c->scope, buf_str(&request));
    (void)snprintf(file, sizeof(file), "%s-string-to-sign.txt", how);
    check_text(c, file, buf_str(&text));
    sigv4_sign(signature, c->key.secret, &c->scope, buf_str(&text));
    (void)snprintf(file, sizeof(file), "%s-signature.txt", how);
    check_text(c, file, (str){signature, sizeof(signature)});
    buf_fini(&request);
    buf_fini(&text);
}

static bool has_token(const struct test_case *c)
{
    return c->key.token.len > 0 && !json_is_true(json_member(c->context, "omit_session_token"));
}

static void check_header(struct test_case *c)
{
    sigv4_canonical_add_header(&c->canonical, STR("x-amz-date"), str_of(c->scope.date));
    if (has_token(c))
        sigv4_canonical_add_header(&c->canonical, STR("x-amz-security-token"), c->key.token);
    if (json_is_true(json_member(c->context, "sign_body"))) {
        sigv4_canonical_add_header(&c->canonical, STR("x-amz-content-sha256"),
                                   str_of(c->body_hash));
    }
    check_signed(c, "header");
}

static void check_query(struct test_case *c)
{
    struct sigv4_terms terms = {
        .key = &c->key,
        .scope = c->scope,
        .expires_s = (unsigned)vector_number(c->context, "expiration_in_seconds")};

    if (!has_token(c))
        c->key.token = STR("");
    sigv4_terms_add(&terms, &c->canonical);
    check_signed(c, "query");
    sigv4_terms_fini(&terms);
}

static void run_suite(void (*check)(struct test_case *))
{
    char path[4096];
    int n = 0;

    vectors_path(path, sizeof(path), SUITE);
    DIR *folder = opendir(path);
    if (!folder) {
        skip();
        return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        struct test_case c;
        if (e->d_name[0] == '.')
            continue;
        case_init(&c, e->d_name);
        check(&c);
        case_fini(&c);
        n++;
    }
    (void)closedir(folder);
    assert_int_equal(n, N_CASES);
}

static void signing_by_headers(void **state)
{
    (void)state;
    run_suite(check_header);
}

static void signing_by_the_query(void **state)
{
    (void)state;
    run_suite(check_query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VECTORS_TEST(signing_by_headers),
        VECTORS_TEST(signing_by_the_query),
    };
    return cmocka_run_group_tests_name("media/sigv4_suite", tests, NULL, NULL);
}
