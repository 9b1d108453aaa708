#include "base/mem.h"
#include "http/byte.h"
#include "http/url.h"
#include "media/sigv4_canonical.h"

#define NOW_MS      INT64_C(1369353600000) // 2013-05-24T00:00:00Z
#define HEADERS_MAX 40
#define TEXT_MAX    ((size_t)4 * SIGV4_SIGNED_MAX)
#define ADDED       8 // parameters that a signature may add

static const struct sigv4_key key = {
    .access = STR("parley"), .secret = STR("secret"), .region = STR("local")};

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzzed {
    struct sigv4_received rq;
    struct sigv4_pair headers[HEADERS_MAX];
    char decoded[TEXT_MAX];
    size_t n_decoded;
};

static bool decode(struct fuzzed *f, str *out, str encoded)
{
    char *at = f->decoded + f->n_decoded;
    size_t n = 0;

    if (url_decode(at, sizeof(f->decoded) - f->n_decoded, &n, encoded, false) != 0)
        return false;
    *out = (str){at, n};
    f->n_decoded += n;
    return true;
}

static bool is_signature(str name)
{
    return str_eq(name, STR("X-Amz-Signature"));
}

/** The path and the query, all but the signature, in canonical order. @return false: they are
 * broken, or too many */
static bool read_canonical(struct fuzzed *f, struct sigv4_canonical *c, str path, str query)
{
    f->n_decoded = 0;
    if (!decode(f, &c->path, path))
        return false;
    while (query.len > 0) {
        str value = str_take_until(&query, '&');
        if (value.len == 0)
            continue;
        str name = str_take_until(&value, '=');
        if (!decode(f, &name, name) || !decode(f, &value, value))
            return false;
        if (is_signature(name))
            continue;
        if (c->n_query == SIGV4_ITEMS_MAX)
            return false;
        sigv4_canonical_add_query(c, name, value);
    }
    return true;
}

static bool add_canonical(struct fuzzed *f, struct buf *out, str path, str query)
{
    struct sigv4_canonical c = {0};

    if (!read_canonical(f, &c, path, query))
        return false;
    sigv4_encode(out, c.path, true);
    const int r = buf_add(out, STR("?"));
    assert(r == 0);
    sigv4_canonical_query(out, &c);
    return true;
}

static int verify(const struct sigv4_received *rq)
{
    const int r = sigv4_verify(&key, rq, STR(""));

    assert(r >= 0 && r <= SIGV4_SIGNATURE);
    return r;
}

/** The signature as it came, or nothing. */
static str signature_of(str query)
{
    while (query.len > 0) {
        str value = str_take_until(&query, '&');
        if (is_signature(str_take_until(&value, '=')))
            return value;
    }
    return (str){0};
}

/** What is encoded otherwise, and in another order, is judged the same. */
static void check_received(struct fuzzed *f)
{
    struct sigv4_received again = f->rq;
    const str signature = signature_of(f->rq.query);
    struct buf text;

    const int r = verify(&f->rq);
    (void)sigv4_has_signed(&f->rq, STR("content-type"));
    buf_init(&text, TEXT_MAX);
    if (r != SIGV4_MALFORMED && signature.ptr &&
        add_canonical(f, &text, f->rq.path, f->rq.query)) {
        const int full = buf_addf(&text, "&X-Amz-Signature=" STR_FMT, STR_ARG(signature));
        assert(full == 0);
        again.query = buf_str(&text);
        again.path = str_take_until(&again.query, '?');
        const bool fits = f->rq.method.len + text.len < SIGV4_SIGNED_MAX / 2;
        assert(!fits || verify(&again) == r);
    }
    buf_fini(&text);
}

static bool is_token(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_byte_is_token((uint8_t)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool is_header(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            return false;
    }
    return is_token(name) && !str_eq(name, STR("host"));
}

/** What is signed passes; and if one of its bytes is another one, only if it means the same. */
static void check_signed(struct fuzzed *f, const struct sigv4_request *rq, size_t at, char to)
{
    struct sigv4_received received = {
        .method = rq->method, .headers = f->headers, .n_headers = f->rq.n_headers + 1};
    struct buf url;
    struct buf before;
    struct buf after;

    buf_init(&url, TEXT_MAX);
    buf_init(&before, TEXT_MAX);
    buf_init(&after, TEXT_MAX);
    sigv4_presign(&url, &key, rq);
    received.now_ms = rq->unix_ms;
    received.query = buf_str(&url);
    str_take(&received.query, strlen("http://h"));
    char *bytes = buf_ptr(&url) + strlen("http://h");
    const size_t n = received.query.len;
    received.path = str_take_until(&received.query, '?');
    assert(verify(&received) == 0);
    assert(sigv4_has_signed(&received, STR("host")));
    bool is_whole = add_canonical(f, &before, received.path, received.query);
    assert(is_whole);

    at %= n;
    if (at != received.path.len) // the '?' is not received
        bytes[at] = to;
    if (verify(&received) == 0) {
        is_whole = add_canonical(f, &after, received.path, received.query);
        assert(is_whole && str_eq(buf_str(&after), buf_str(&before)));
    }
    buf_fini(&url);
    buf_fini(&before);
    buf_fini(&after);
}

static bool is_of_amz(const struct sigv4_pair *p)
{
    return str_starts(p->name, STR("X-Amz-"));
}

/** Sign what came, if it can be. */
static void check_presigned(struct fuzzed *f, size_t at, char to)
{
    struct sigv4_canonical c = {0};
    struct sigv4_request rq = {.method = f->rq.method,
                               .scheme = STR("http"),
                               .host = STR("h"),
                               .headers = f->headers,
                               .n_headers = f->rq.n_headers,
                               .unix_ms = NOW_MS,
                               .expires_s = 60};

    if (!is_token(rq.method) || !read_canonical(f, &c, f->rq.path, f->rq.query))
        return;
    struct sigv4_pair query[SIGV4_ITEMS_MAX];
    char *texts = mem_alloc(f->n_decoded + 1); // f->decoded is used again
    memcpy(texts, f->decoded, f->n_decoded);
    for (size_t i = 0; i < c.n_query && rq.n_query + ADDED < SIGV4_ITEMS_MAX; i++) {
        struct sigv4_pair *p = &query[rq.n_query];
        p->name = (str){texts + (c.query[i].name.ptr - f->decoded), c.query[i].name.len};
        p->value = (str){texts + (c.query[i].value.ptr - f->decoded), c.query[i].value.len};
        rq.n_query += !is_of_amz(p);
    }
    rq.query = query;
    rq.path = (str){texts, c.path.len};
    f->headers[f->rq.n_headers] = (struct sigv4_pair){STR("Host"), STR("h")};
    check_signed(f, &rq, at, to);
    free(texts);
}

static void take_headers(struct fuzzed *f, str text)
{
    while (text.len > 0 && f->rq.n_headers < HEADERS_MAX - 1) {
        str value = str_take_until(&text, '\n');
        const str name = str_take_until(&value, ':');
        f->headers[f->rq.n_headers++] = (struct sigv4_pair){name, value};
    }
}

/** Only what may be signed, each name once. */
static void keep_tokens(struct fuzzed *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->rq.n_headers && n < SIGV4_ITEMS_MAX - 1; i++) {
        bool is_new = is_header(f->headers[i].name);
        for (size_t k = 0; k < n; k++)
            is_new &= !str_eq(f->headers[k].name, f->headers[i].name);
        if (is_new)
            f->headers[n++] = f->headers[i];
    }
    f->rq.n_headers = n;
}

/** Where and how a byte is changed, in three; then lines: the method, the path, the query, and
 * headers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size};

    if (size < 3 || size > SIGV4_SIGNED_MAX / 8)
        return 0;
    const uint8_t *change = (const uint8_t *)str_take(&text, 3).ptr;
    struct fuzzed *f = NEW(struct fuzzed);
    f->rq.method = str_take_until(&text, '\n');
    f->rq.path = str_take_until(&text, '\n');
    f->rq.query = str_take_until(&text, '\n');
    f->rq.headers = f->headers;
    f->rq.now_ms = NOW_MS;
    take_headers(f, text);
    check_received(f);
    keep_tokens(f);
    check_presigned(f, (size_t)change[0] << 8 | change[1], (char)change[2]);
    free(f);
    return 0;
}
