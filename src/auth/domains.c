#include "auth/domains.h"

#include "auth/chars.h"
#include "auth/uri.h"

/** As browsers write it: names are compared as texts. */
static bool is_port(str s)
{
    uint64_t port = 0;

    return s.len > 0 && s.ptr[0] != '0' && str_to_u64(s, UINT16_MAX, &port) == 0;
}

/** The host of host or host:port, with the characters of names. Empty: it is neither. */
static str host_of(str name)
{
    struct auth_authority a;

    if (auth_authority_parse(&a, name) != 0 || a.has_user || a.host.len == 0)
        return (str){0};
    if (a.host.ptr[0] != '[' && !auth_chars_are(a.host, STR(CHARS_ALPHA CHARS_DIGIT "-._")))
        return (str){0};
    return a.host.len == name.len || is_port(a.port) ? a.host : (str){0};
}

static bool take(str *text, str prefix)
{
    if (text->len < prefix.len || !str_eq_nocase((str){text->ptr, prefix.len}, prefix))
        return false;
    str_take(text, prefix.len);
    return true;
}

static bool ends_with(str s, str end)
{
    return s.len > end.len && str_eq((str){s.ptr + s.len - end.len, end.len}, end);
}

static void lower(char name[AUTH_DOMAIN_SIZE], str s)
{
    str_copy(name, s);
    name[s.len] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    }
}

int auth_domains_add(struct auth_domains *d, str text)
{
    const bool is_plain = take(&text, STR("http://"));

    if (!is_plain)
        take(&text, STR("https://"));
    if (host_of(text).len == 0)
        return AUTH_DOMAINS_BAD;
    const str port = is_plain ? STR(":80") : STR(":443");
    if (ends_with(text, port))
        text.len -= port.len;
    if (text.len > AUTH_DOMAIN_MAX)
        return AUTH_DOMAINS_BAD;
    if (d->n == AUTH_DOMAINS_MAX)
        return AUTH_DOMAINS_TOO_MANY;
    struct auth_domain *to = &d->list[d->n++];
    to->is_plain = is_plain;
    lower(to->name, text);
    return 0;
}

static bool is_loopback(str host)
{
    return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) ||
           str_eq(host, STR("[::1]"));
}

static bool is_listed(const struct auth_domains *d, str domain, str scheme)
{
    const bool is_plain = str_eq_nocase(scheme, STR("http"));

    for (size_t i = 0; i < d->n; i++) {
        // Where a site is by http, who does not say by what means the same.
        const bool fits = scheme.len == 0 || d->list[i].is_plain == is_plain;
        if (fits && str_eq_nocase(str_of(d->list[i].name), domain))
            return true;
    }
    return false;
}

int auth_domains_find(const struct auth_domains *d, str domain, str scheme,
                      char name[AUTH_DOMAIN_SIZE])
{
    const str host = host_of(domain);
    const bool is_web = scheme.len == 0 || str_eq_nocase(scheme, STR("http")) ||
                        str_eq_nocase(scheme, STR("https"));

    if (host.len == 0 || domain.len > AUTH_DOMAIN_MAX || !is_web)
        return AUTH_DOMAINS_OTHER;
    if (!(d->loopback && is_loopback(host)) && !is_listed(d, domain, scheme))
        return AUTH_DOMAINS_OTHER;
    lower(name, domain);
    return 0;
}

const char *auth_domains_first(const struct auth_domains *d)
{
    if (d->n > 0)
        return d->list[0].name;
    return d->loopback ? "localhost" : NULL;
}
