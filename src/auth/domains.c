#include "auth/domains.h"

/** Letters, digits and what else an authority has without a user (RFC 3986, section 3.2). */
static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._:[]", c);
}

static bool is_name(str s)
{
    if (s.len == 0 || s.len > AUTH_DOMAIN_MAX || s.ptr[0] == ':')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\0' || !is_of_name(s.ptr[i]))
            return false;
    }
    return true;
}

static void lower(char name[AUTH_DOMAIN_SIZE], str s)
{
    str_copy(name, s);
    for (size_t i = 0; i < s.len; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] - 'A' + 'a');
    }
    name[s.len] = '\0';
}

/** The host of host or host:port; an IPv6 address is in brackets. */
static str host_of(str name)
{
    const size_t n = name.len;
    size_t end = n;

    while (end > 0 && name.ptr[end - 1] >= '0' && name.ptr[end - 1] <= '9')
        end--;
    if (end == n || end == 0 || name.ptr[end - 1] != ':')
        return name;
    return (str){name.ptr, end - 1};
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

int auth_domains_add(struct auth_domains *d, str text)
{
    struct auth_domain *to = &d->list[d->n];

    if (d->n == AUTH_DOMAINS_MAX)
        return AUTH_DOMAINS_TOO_MANY;
    const bool is_plain = take(&text, STR("http://"));
    if (!is_plain)
        take(&text, STR("https://"));
    const str port = is_plain ? STR(":80") : STR(":443");
    if (ends_with(text, port))
        text.len -= port.len;
    const str host = host_of(text);
    const bool has_colon = str_find(host, ':') < host.len;
    if (!is_name(text) || (has_colon && host.ptr[0] != '['))
        return AUTH_DOMAINS_BAD;
    to->is_plain = is_plain;
    lower(to->name, text);
    d->n++;
    return 0;
}

static bool is_loopback(str name)
{
    const str host = host_of(name);

    return str_eq(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) ||
           str_eq(host, STR("[::1]"));
}

int auth_domains_find(const struct auth_domains *d, str domain, str scheme,
                      char name[AUTH_DOMAIN_SIZE])
{
    const bool is_plain = str_eq_nocase(scheme, STR("http"));

    if (!is_name(domain) ||
        (scheme.len > 0 && !is_plain && !str_eq_nocase(scheme, STR("https"))))
        return AUTH_DOMAINS_OTHER;
    lower(name, domain);
    if (d->loopback && is_loopback(str_of(name)))
        return 0;
    for (size_t i = 0; i < d->n; i++) {
        // Where a site is by http, who does not say by what means the same.
        const bool fits = scheme.len == 0 || d->list[i].is_plain == is_plain;
        if (fits && strcmp(d->list[i].name, name) == 0)
            return 0;
    }
    return AUTH_DOMAINS_OTHER;
}

const char *auth_domains_first(const struct auth_domains *d)
{
    if (d->n > 0)
        return d->list[0].name;
    return d->loopback ? "localhost" : NULL;
}
