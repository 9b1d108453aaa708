#include "media/sigv4.h"

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/byte.h"
#include "http/url.h"
#include "media/sigv4_canonical.h"

#define SERVICE "s3"

static void add(struct buf *out, str s)
{
    const int r = buf_add(out, s);
    assert(r == 0);
    (void)r;
}

static void sign(char out[SIGV4_HEX_SIZE], str secret, const struct sigv4_scope *scope,
                 const struct sigv4_canonical *c)
{
    struct buf request;
    struct buf text;

    buf_init(&request, SIGV4_CANONICAL_SIZE);
    buf_init(&text, SIGV4_CANONICAL_SIZE);
    sigv4_canonical_request(&request, c);
    sigv4_string_to_sign(&text, scope, buf_str(&request));
    sigv4_sign(out, secret, scope, buf_str(&text));
    buf_fini(&request);
    buf_fini(&text);
}

void sigv4_presign(struct buf *url, const struct sigv4_key *key, const struct sigv4_request *rq)
{
    struct sigv4_canonical c = {
        .method = rq->method, .path = rq->path, .payload_hash = STR(SIGV4_UNSIGNED)};
    struct sigv4_terms terms = {.key = key,
                                .scope = {.region = key->region, .service = STR(SERVICE)},
                                .expires_s = rq->expires_s};
    char signature[SIGV4_HEX_SIZE];

    sigv4_canonical_add_header(&c, STR("host"), rq->host);
    for (size_t i = 0; i < rq->n_headers; i++)
        sigv4_canonical_add_header(&c, rq->headers[i].name, rq->headers[i].value);
    for (size_t i = 0; i < rq->n_query; i++)
        sigv4_canonical_add_query(&c, rq->query[i].name, rq->query[i].value);
    sigv4_date_format(terms.scope.date, rq->unix_ms);
    sigv4_terms_add(&terms, &c);
    sign(signature, key->secret, &terms.scope, &c);

    add(url, rq->scheme);
    add(url, STR("://"));
    add(url, rq->host);
    sigv4_encode(url, rq->path, true);
    add(url, STR("?"));
    sigv4_canonical_query(url, &c);
    add(url, STR("&X-Amz-Signature="));
    add(url, (str){signature, sizeof(signature)});
    sigv4_terms_fini(&terms);
}

// What came.

enum parameter {
    ALGORITHM,
    CREDENTIAL,
    DATE,
    EXPIRES,
    SIGNED_HEADERS,
    SIGNATURE,
    N_REQUIRED,
    TOKEN = N_REQUIRED,
    CONTENT_HASH,
    N_PARAMETERS,
};

static const str parameter_names[N_PARAMETERS] = {
    [ALGORITHM] = STR("X-Amz-Algorithm"),
    [CREDENTIAL] = STR("X-Amz-Credential"),
    [DATE] = STR("X-Amz-Date"),
    [EXPIRES] = STR("X-Amz-Expires"),
    [SIGNED_HEADERS] = STR("X-Amz-SignedHeaders"),
    [SIGNATURE] = STR("X-Amz-Signature"),
    [TOKEN] = STR("X-Amz-Security-Token"),
    [CONTENT_HASH] = STR("X-Amz-Content-Sha256"),
};

/** A request, decoded. */
struct claim {
    struct sigv4_canonical canonical; // its headers come last
    str parameters[N_PARAMETERS];     // ptr is NULL: it did not come
    str access;
    struct sigv4_scope scope;
    int64_t unix_ms; // when it was signed
    uint64_t expires_s;
    str names[SIGV4_ITEMS_MAX]; // of the headers that are signed
    size_t n_names;
    char *bytes; // owned: of the texts
    size_t n_bytes;
    size_t size;
};

static int decode(struct claim *c, str *out, str encoded)
{
    char *at = c->bytes + c->n_bytes;
    size_t n = 0;

    if (url_decode(at, c->size - c->n_bytes, &n, encoded, false) != 0)
        return SIGV4_MALFORMED;
    c->n_bytes += n;
    *out = (str){at, n};
    return 0;
}

/** @return its enum parameter, or N_PARAMETERS */
static size_t find_parameter(str name)
{
    size_t i = 0;

    while (i < N_PARAMETERS && !str_eq(parameter_names[i], name))
        i++;
    return i;
}

static int take_parameter(struct claim *c, str name, str value)
{
    const size_t which = find_parameter(name);

    if (which < N_PARAMETERS && c->parameters[which].ptr)
        return SIGV4_MALFORMED;
    if (which < N_PARAMETERS)
        c->parameters[which] = value;
    if (which == SIGNATURE)
        return 0;
    if (c->canonical.n_query == SIGV4_ITEMS_MAX)
        return SIGV4_MALFORMED;
    sigv4_canonical_add_query(&c->canonical, name, value);
    return 0;
}

static int take_query(struct claim *c, str query)
{
    while (query.len > 0) {
        str value = str_take_until(&query, '&');
        if (value.len == 0) // "a=1&&b=2"
            continue;
        str name = str_take_until(&value, '=');
        if (decode(c, &name, name) != 0 || decode(c, &value, value) != 0 ||
            take_parameter(c, name, value) != 0)
            return SIGV4_MALFORMED;
    }
    return 0;
}

static int check_presence(const struct claim *c)
{
    size_t n = 0;

    for (size_t i = 0; i < N_REQUIRED; i++)
        n += c->parameters[i].ptr != NULL;
    if (n == 0)
        return SIGV4_MISSING;
    return n == N_REQUIRED ? 0 : SIGV4_MALFORMED;
}

/** "access/20150830/region/s3/aws4_request" */
static int read_credential(struct claim *c)
{
    str text = c->parameters[CREDENTIAL];

    c->access = str_take_until(&text, '/');
    const str day = str_take_until(&text, '/');
    c->scope.region = str_take_until(&text, '/');
    c->scope.service = str_take_until(&text, '/');
    const bool is_whole = str_eq(text, STR("aws4_request"));
    return is_whole && str_eq(day, (str){c->scope.date, SIGV4_DAY_SIZE}) ? 0 : SIGV4_MALFORMED;
}

static int read_times(struct claim *c)
{
    if (sigv4_date_parse(&c->unix_ms, c->parameters[DATE]) != 0)
        return SIGV4_MALFORMED;
    sigv4_date_format(c->scope.date, c->unix_ms);
    const int r = str_to_u64(c->parameters[EXPIRES], SIGV4_EXPIRES_MAX, &c->expires_s);
    return r == 0 && c->expires_s > 0 ? 0 : SIGV4_MALFORMED;
}

static bool is_token(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_byte_is_token((uint8_t)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

/** A token that has no capitals. */
static bool is_signed_name(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
            return false;
    }
    return is_token(s);
}

static bool is_among(const struct claim *c, str name)
{
    size_t i = 0;

    while (i < c->n_names && !str_eq(c->names[i], name))
        i++;
    return i < c->n_names;
}

/** "content-type;host" */
static int read_names(struct claim *c)
{
    str text = c->parameters[SIGNED_HEADERS];
    const bool is_open = text.len > 0 && text.ptr[text.len - 1] == ';';

    while (text.len > 0) {
        const str name = str_take_until(&text, ';');
        const size_t n = c->n_names;
        if (n == SIGV4_ITEMS_MAX || !is_signed_name(name))
            return SIGV4_MALFORMED;
        if (n > 0 && sigv4_canonical_compare(c->names[n - 1], name) >= 0)
            return SIGV4_MALFORMED;
        c->names[c->n_names++] = name;
    }
    return is_among(c, STR("host")) && !is_open ? 0 : SIGV4_MALFORMED;
}

static bool is_signature(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const int value = hex_value(s.ptr[i]);
        if (value < 0 || s.ptr[i] != hex_digit((unsigned)value))
            return false;
    }
    return s.len == SIGV4_HEX_SIZE;
}

static int read_parameters(struct claim *c)
{
    const str content_hash = c->parameters[CONTENT_HASH];

    if (!str_eq(c->parameters[ALGORITHM], STR(SIGV4_ALGORITHM)) ||
        !is_signature(c->parameters[SIGNATURE]) ||
        (content_hash.ptr && !str_eq(content_hash, STR(SIGV4_UNSIGNED))))
        return SIGV4_MALFORMED;
    if (read_times(c) != 0 || read_credential(c) != 0 || read_names(c) != 0)
        return SIGV4_MALFORMED;
    return 0;
}

/** @param c  zeroes @return 0, SIGV4_MISSING or SIGV4_MALFORMED; claim_fini() in any case */
static int claim_init(struct claim *c, const struct sigv4_received *rq)
{
    if (rq->method.len + rq->path.len + rq->query.len > SIGV4_SIGNED_MAX ||
        !is_token(rq->method))
        return SIGV4_MALFORMED;
    c->size = rq->path.len + rq->query.len;
    c->bytes = mem_alloc(c->size + 1);
    c->canonical.method = rq->method;
    c->canonical.payload_hash = STR(SIGV4_UNSIGNED);
    if (decode(c, &c->canonical.path, rq->path) != 0 || take_query(c, rq->query) != 0)
        return SIGV4_MALFORMED;
    const int r = check_presence(c);
    return r == 0 ? read_parameters(c) : r;
}

static void claim_fini(struct claim *c)
{
    free(c->bytes);
}

static bool is_same_secret(str a, str b)
{
    return a.len == b.len && crypto_equal(a.ptr, b.ptr, a.len);
}

static int check_key(const struct claim *c, const struct sigv4_key *key)
{
    const str token = c->parameters[TOKEN];

    if (!str_eq(c->access, key->access) || !str_eq(c->scope.region, key->region) ||
        !str_eq(c->scope.service, STR(SERVICE)))
        return SIGV4_KEY;
    const bool has_token = key->token.len > 0;
    if (has_token != (token.ptr != NULL) || (has_token && !is_same_secret(token, key->token)))
        return SIGV4_KEY;
    return 0;
}

static int check_time(const struct claim *c, int64_t now_ms)
{
    if (c->unix_ms > now_ms + SIGV4_SKEW_MS)
        return SIGV4_NOT_YET;
    return now_ms < c->unix_ms + (int64_t)c->expires_s * 1000 ? 0 : SIGV4_EXPIRED;
}

/** @param size  what may be added to c yet; taken from */
static int take_header(struct claim *c, str name, str value, size_t *size)
{
    if (c->canonical.n_headers == SIGV4_ITEMS_MAX || name.len + value.len > *size)
        return SIGV4_MALFORMED;
    *size -= name.len + value.len;
    sigv4_canonical_add_header(&c->canonical, name, value);
    return 0;
}

static int take_headers(struct claim *c, str name, const struct sigv4_received *rq,
                        size_t *size)
{
    const size_t n = c->canonical.n_headers;

    for (size_t i = 0; i < rq->n_headers; i++) {
        if (!str_eq_nocase(rq->headers[i].name, name))
            continue;
        if (take_header(c, name, rq->headers[i].value, size) != 0)
            return SIGV4_MALFORMED;
    }
    return c->canonical.n_headers > n ? 0 : SIGV4_SIGNATURE;
}

static int take_signed(struct claim *c, const struct sigv4_received *rq, str host)
{
    size_t size = SIGV4_SIGNED_MAX - rq->method.len - rq->path.len - rq->query.len;

    for (size_t i = 0; i < c->n_names; i++) {
        const bool is_given = host.len > 0 && str_eq(c->names[i], STR("host"));
        const int r = is_given ? take_header(c, c->names[i], host, &size)
                               : take_headers(c, c->names[i], rq, &size);
        if (r != 0)
            return r;
    }
    return 0;
}

static int check_signature(const struct claim *c, str secret)
{
    char want[SIGV4_HEX_SIZE];

    sign(want, secret, &c->scope, &c->canonical);
    const bool is_right = crypto_equal(want, c->parameters[SIGNATURE].ptr, sizeof(want));
    crypto_wipe(want, sizeof(want)); // it would open the door
    return is_right ? 0 : SIGV4_SIGNATURE;
}

int sigv4_verify(const struct sigv4_key *key, const struct sigv4_received *rq, str host)
{
    struct claim c = {0};

    int r = claim_init(&c, rq);
    if (r == 0)
        r = check_key(&c, key);
    if (r == 0)
        r = check_time(&c, rq->now_ms);
    if (r == 0)
        r = take_signed(&c, rq, host);
    if (r == 0)
        r = check_signature(&c, key->secret);
    claim_fini(&c);
    return r;
}

bool sigv4_has_signed(const struct sigv4_received *rq, str name)
{
    struct claim c = {0};

    const bool is_signed = claim_init(&c, rq) == 0 && is_among(&c, name);
    claim_fini(&c);
    return is_signed;
}
