#include "media/sigv4_canonical.h"

#include <stdio.h>
#include <time.h>

#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/secret.h"

static void add(struct buf *out, str s)
{
    assert(s.ptr || s.len == 0);
    const int r = buf_add(out, s);
    assert(r == 0);
    (void)r;
}

/** RFC 3986, section 2.3. */
static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

/** How many bytes at the start of s stay as they are. */
static size_t count_kept(str s, bool keeps_slash)
{
    size_t n = 0;

    while (n < s.len && (is_unreserved(s.ptr[n]) || (s.ptr[n] == '/' && keeps_slash)))
        n++;
    return n;
}

void sigv4_encode(struct buf *out, str s, bool keeps_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    while (s.len > 0) {
        add(out, str_take(&s, count_kept(s, keeps_slash)));
        if (s.len == 0)
            break;
        const uint8_t c = (uint8_t)*str_take(&s, 1).ptr;
        const char escape[] = {'%', digits[c >> 4], digits[c & 15]};
        add(out, (str){escape, sizeof(escape)});
    }
}

/** The first byte of c as it is encoded. */
static int first_encoded(char c)
{
    return is_unreserved(c) ? (uint8_t)c : '%';
}

/** As memcmp() of both when they are encoded: what is escaped then comes before what is not. */
static int compare_encoded(str a, str b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
        i++;
    if (i == a.len || i == b.len)
        return (i < a.len) - (i < b.len);
    const int first = first_encoded(a.ptr[i]) - first_encoded(b.ptr[i]);
    return first != 0 ? first : (uint8_t)a.ptr[i] - (uint8_t)b.ptr[i];
}

int sigv4_canonical_compare(str a, str b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int bytes = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return bytes != 0 ? bytes : (a.len > n) - (b.len > n);
}

static int compare_parameters(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    const int names = compare_encoded(a->name, b->name);
    return names != 0 ? names : compare_encoded(a->value, b->value);
}

static int compare_headers(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    return sigv4_canonical_compare(a->name, b->name);
}

typedef int compare_fn(const struct sigv4_pair *a, const struct sigv4_pair *b);

/** Behind those that it is not before. */
static void insert(struct sigv4_pair *pairs, size_t *n, struct sigv4_pair pair,
                   compare_fn *compare)
{
    size_t at = *n;

    assert(*n < SIGV4_ITEMS_MAX);
    for (; at > 0 && compare(&pairs[at - 1], &pair) > 0; at--)
        pairs[at] = pairs[at - 1];
    pairs[at] = pair;
    ++*n;
}

void sigv4_canonical_add_query(struct sigv4_canonical *c, str name, str value)
{
    insert(c->query, &c->n_query, (struct sigv4_pair){name, value}, compare_parameters);
}

void sigv4_canonical_add_header(struct sigv4_canonical *c, str name, str value)
{
    insert(c->headers, &c->n_headers, (struct sigv4_pair){name, value}, compare_headers);
}

void sigv4_canonical_query(struct buf *out, const struct sigv4_canonical *c)
{
    for (size_t i = 0; i < c->n_query; i++) {
        add(out, i > 0 ? STR("&") : STR(""));
        sigv4_encode(out, c->query[i].name, false);
        add(out, STR("="));
        sigv4_encode(out, c->query[i].value, false);
    }
}

static bool is_repeated(const struct sigv4_canonical *c, const struct sigv4_pair *header)
{
    return header > c->headers && str_eq(header->name, header[-1].name);
}

void sigv4_canonical_names(struct buf *out, const struct sigv4_canonical *c)
{
    for (const struct sigv4_pair *h = c->headers; h < c->headers + c->n_headers; h++) {
        if (is_repeated(c, h))
            continue;
        add(out, h > c->headers ? STR(";") : STR(""));
        add(out, h->name);
    }
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** Without the white space at its ends, and with one space for any other: so do the SDKs, and
 * so no value can be taken for another line. */
static void add_value(struct buf *out, str value)
{
    bool is_first = true;

    while (value.len > 0) {
        size_t n = 0;
        while (n < value.len && !is_space(value.ptr[n]))
            n++;
        if (n > 0 && !is_first)
            add(out, STR(" "));
        is_first &= n == 0;
        add(out, str_take(&value, n));
        while (value.len > 0 && is_space(value.ptr[0]))
            str_take(&value, 1);
    }
}

static void add_headers(struct buf *out, const struct sigv4_canonical *c)
{
    for (const struct sigv4_pair *h = c->headers; h < c->headers + c->n_headers; h++) {
        if (is_repeated(c, h)) {
            add(out, STR(","));
        } else {
            add(out, h > c->headers ? STR("\n") : STR(""));
            add(out, h->name);
            add(out, STR(":"));
        }
        add_value(out, h->value);
    }
    add(out, STR("\n"));
}

void sigv4_canonical_request(struct buf *out, const struct sigv4_canonical *c)
{
    add(out, c->method);
    add(out, STR("\n"));
    sigv4_encode(out, c->path, true);
    add(out, STR("\n"));
    sigv4_canonical_query(out, c);
    add(out, STR("\n"));
    add_headers(out, c);
    add(out, STR("\n"));
    sigv4_canonical_names(out, c);
    add(out, STR("\n"));
    add(out, c->payload_hash);
}

void sigv4_date_format(char out[SIGV4_DATE_SIZE], int64_t unix_ms)
{
    const time_t seconds = unix_ms / 1000;
    struct tm utc;

    assert(unix_ms >= 0);
    gmtime_r(&seconds, &utc);
    const size_t n = strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &utc);
    assert(n == SIGV4_DATE_SIZE - 1);
}

static bool take_number(int *out, str *date, size_t n_digits, int min, int max)
{
    uint64_t n = 0;

    if (str_to_u64(str_take(date, n_digits), (uint64_t)max, &n) != 0 || (int)n < min)
        return false;
    *out = (int)n;
    return true;
}

static bool take_mark(str *date, str mark)
{
    return str_eq(str_take(date, mark.len), mark);
}

int sigv4_date_parse(int64_t *unix_ms, str date)
{
    struct tm utc = {0};
    int year = 0;
    int month = 0;
    int day = 0;

    if (date.len != SIGV4_DATE_SIZE - 1 || !take_number(&year, &date, 4, 1970, 9999) ||
        !take_number(&month, &date, 2, 1, 12) || !take_number(&day, &date, 2, 1, 31) ||
        !take_mark(&date, STR("T")) || !take_number(&utc.tm_hour, &date, 2, 0, 23) ||
        !take_number(&utc.tm_min, &date, 2, 0, 59) ||
        !take_number(&utc.tm_sec, &date, 2, 0, 59) || !take_mark(&date, STR("Z")))
        return SIGV4_DATE_BAD;
    utc.tm_year = year - 1900;
    utc.tm_mon = month - 1;
    utc.tm_mday = day;
    const int64_t seconds = timegm(&utc);
    if (utc.tm_mday != day) // the 31st of June has become the 1st of July
        return SIGV4_DATE_BAD;
    *unix_ms = seconds * 1000;
    return 0;
}

static str day_of(const struct sigv4_scope *scope)
{
    return (str){scope->date, SIGV4_DAY_SIZE};
}

void sigv4_scope_add(struct buf *out, const struct sigv4_scope *scope)
{
    add(out, day_of(scope));
    add(out, STR("/"));
    add(out, scope->region);
    add(out, STR("/"));
    add(out, scope->service);
    add(out, STR("/aws4_request"));
}

void sigv4_string_to_sign(struct buf *out, const struct sigv4_scope *scope, str request)
{
    uint8_t hash[CRYPTO_SHA256_SIZE];
    char hex[SIGV4_HEX_SIZE];

    crypto_sha256(hash, request);
    hex_encode(hex, hash, CRYPTO_SHA256_SIZE);
    add(out, STR(SIGV4_ALGORITHM "\n"));
    add(out, str_of(scope->date));
    add(out, STR("\n"));
    sigv4_scope_add(out, scope);
    add(out, STR("\n"));
    add(out, (str){hex, sizeof(hex)});
}

static void first_key(uint8_t key[CRYPTO_SHA256_SIZE], str secret, str day)
{
    struct buf prefixed;

    buf_init(&prefixed, 4 + secret.len);
    buf_room(&prefixed, prefixed.max); // all of it, before there is a secret in it
    add(&prefixed, STR("AWS4"));
    add(&prefixed, secret);
    crypto_hmac_sha256(key, buf_str(&prefixed), day);
    secret_buf_fini(&prefixed);
}

void sigv4_sign(char out[SIGV4_HEX_SIZE], str secret, const struct sigv4_scope *scope,
                str string_to_sign)
{
    const str texts[] = {scope->region, scope->service, STR("aws4_request"), string_to_sign};
    uint8_t keys[1 + COUNT_OF(texts)][CRYPTO_SHA256_SIZE];

    first_key(keys[0], secret, day_of(scope));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const str key = {(const char *)keys[i], CRYPTO_SHA256_SIZE};
        crypto_hmac_sha256(keys[i + 1], key, texts[i]);
    }
    hex_encode(out, keys[COUNT_OF(texts)], CRYPTO_SHA256_SIZE);
    crypto_wipe(keys, sizeof(keys));
}

void sigv4_terms_add(struct sigv4_terms *t, struct sigv4_canonical *c)
{
    assert(t->expires_s >= 1 && t->expires_s <= SIGV4_EXPIRES_MAX);
    snprintf(t->expires, sizeof(t->expires), "%u", t->expires_s);
    buf_init(&t->credential, SIGV4_SIGNED_MAX);
    add(&t->credential, t->key->access);
    add(&t->credential, STR("/"));
    sigv4_scope_add(&t->credential, &t->scope);
    buf_init(&t->names, SIGV4_SIGNED_MAX);
    sigv4_canonical_names(&t->names, c);

    sigv4_canonical_add_query(c, STR("X-Amz-Algorithm"), STR(SIGV4_ALGORITHM));
    sigv4_canonical_add_query(c, STR("X-Amz-Credential"), buf_str(&t->credential));
    sigv4_canonical_add_query(c, STR("X-Amz-Date"), str_of(t->scope.date));
    sigv4_canonical_add_query(c, STR("X-Amz-Expires"), str_of(t->expires));
    sigv4_canonical_add_query(c, STR("X-Amz-SignedHeaders"), buf_str(&t->names));
    if (t->key->token.len > 0)
        sigv4_canonical_add_query(c, STR("X-Amz-Security-Token"), t->key->token);
}

void sigv4_terms_fini(struct sigv4_terms *t)
{
    buf_fini(&t->credential);
    buf_fini(&t->names);
}
