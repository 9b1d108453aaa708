#include "media/s3_url.h"

#include "base/rand.h"
#include "io/fetch.h"

#define HOST_MAX       (S3_ENDPOINT_MAX + 1 + S3_BUCKET_MAX)
#define PATH_MAX_BYTES (S3_ENDPOINT_MAX + S3_BUCKET_MAX + 2)
#define BASE_MAX       (8 + HOST_MAX + 3 * PATH_MAX_BYTES)

static const str folders[] = {[S3_IN] = {"in/", 3}, [S3_KEPT] = {"kept/", 5}};

static void add(struct buf *out, str s)
{
    const int r = buf_add(out, s);
    assert(r == 0);
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/** In a host's name, capitals would be another bucket's, or none's. */
static bool is_bucket(str name, bool path_style)
{
    if (name.len < 3 || name.len > S3_BUCKET_MAX || !is_letter_or_digit(name.ptr[0]) ||
        !is_letter_or_digit(name.ptr[name.len - 1]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-')
            return false;
        if (c >= 'A' && c <= 'Z' && !path_style)
            return false;
    }
    return true;
}

static bool has_any(str s, const char *chars)
{
    for (; *chars; chars++) {
        if (str_find(s, *chars) < s.len)
            return true;
    }
    return false;
}

/** A URL reader would change a path with dots or percents: signed would be another one. */
static bool is_endpoint(str url)
{
    const int r = fetch_check_url(url);

    if ((r != 0 && r != FETCH_URL_PLAIN) || url.len > S3_ENDPOINT_MAX)
        return false;
    return !has_any(url, "?#%\\") && (url.len == 0 || !memmem(url.ptr, url.len, "/.", 2));
}

static void add_lower(struct buf *out, str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const char lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        add(out, (str){&lower, 1});
    }
}

/** Without the scheme's own port, which no client says. */
static str without_port(str host, str port)
{
    if (host.len > port.len && str_eq((str){host.ptr + host.len - port.len, port.len}, port))
        host.len -= port.len;
    return host;
}

static void add_base(struct s3_url *u)
{
    add(&u->base, u->scheme);
    add(&u->base, STR("://"));
    add(&u->base, buf_str(&u->host));
    sigv4_encode(&u->base, buf_str(&u->path), true);
}

int s3_url_init(struct s3_url *out, const struct s3_bucket *b)
{
    str rest = b->endpoint;

    if (!is_endpoint(rest))
        return S3_URL_BAD_ENDPOINT;
    if (!is_bucket(b->name, b->path_style))
        return S3_URL_BAD_BUCKET;
    const bool is_plain = str_find(rest, ':') == 4;
    str_take(&rest, is_plain ? 7 : 8);
    const str host = str_take(&rest, str_find(rest, '/'));
    while (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;

    *out = (struct s3_url){.scheme = is_plain ? STR("http") : STR("https")};
    buf_init(&out->host, HOST_MAX);
    buf_init(&out->path, PATH_MAX_BYTES);
    buf_init(&out->base, BASE_MAX);
    if (!b->path_style) {
        add_lower(&out->host, b->name);
        add(&out->host, STR("."));
    }
    add_lower(&out->host, without_port(host, is_plain ? STR(":80") : STR(":443")));
    add(&out->path, rest);
    add(&out->path, STR("/"));
    if (b->path_style) {
        add(&out->path, b->name);
        add(&out->path, STR("/"));
    }
    add_base(out);
    return 0;
}

void s3_url_fini(struct s3_url *u)
{
    buf_fini(&u->host);
    buf_fini(&u->path);
    buf_fini(&u->base);
}

str s3_url_key(char out[S3_KEY_SIZE], enum s3_folder folder, str id)
{
    assert(rand_is_name(id));
    str key = str_copy(out, folders[folder]);
    key.len += str_copy(out + key.len, id).len;
    out[key.len] = '\0';
    return key;
}

void s3_url_presign(struct buf *out, const struct s3_url *u, str key,
                    const struct sigv4_key *signer, struct sigv4_request rq)
{
    struct buf path;

    buf_init(&path, PATH_MAX_BYTES + S3_KEY_SIZE);
    add(&path, buf_str(&u->path));
    add(&path, key);
    rq.scheme = u->scheme;
    rq.host = buf_str(&u->host);
    rq.path = buf_str(&path);
    sigv4_presign(out, signer, &rq);
    buf_fini(&path);
}

bool s3_url_find(const struct s3_url *u, str url, str *id)
{
    const str base = buf_str(&u->base);

    if (!str_starts(url, base))
        return false;
    str_take(&url, base.len);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        if (!str_starts(url, folders[i]))
            continue;
        str_take(&url, folders[i].len);
        *id = str_take(&url, str_find(url, '?'));
        return rand_is_name(*id);
    }
    return false;
}
