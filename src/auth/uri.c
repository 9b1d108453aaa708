#include "auth/uri.h"

#include <arpa/inet.h>

#include "auth/chars.h"

bool auth_uri_is_scheme(str text)
{
    return text.len > 0 && auth_chars_are((str){text.ptr, 1}, STR(CHARS_ALPHA)) &&
           auth_chars_are(text, STR(CHARS_ALPHA CHARS_DIGIT "+-."));
}

/** With its brackets. inet_pton() knows no zones, and neither does a URI. */
static bool is_ipv6(str host)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr unused;

    host = (str){host.ptr + 1, host.len - 2};
    if (host.len >= sizeof(text) || str_find(host, '\0') < host.len)
        return false;
    str_copy(text, host);
    return inet_pton(AF_INET6, text, &unused) == 1;
}

/** To this grammar an IPv4 address is a name like any other. */
static bool is_name(str host)
{
    return auth_chars_are_or_escaped(host, STR(CHARS_UNRESERVED CHARS_SUB_DELIMS));
}

static int take_user(struct auth_authority *a, str *text)
{
    a->has_user = str_find(*text, '@') < text->len;
    if (!a->has_user)
        return 0;
    a->user = str_take_until(text, '@');
    return auth_chars_are_or_escaped(a->user, STR(CHARS_UNRESERVED CHARS_SUB_DELIMS ":"))
               ? 0
               : AUTH_URI_BAD;
}

static int take_host(struct auth_authority *a, str *text)
{
    const bool is_literal = str_starts(*text, STR("["));
    const size_t end = is_literal ? str_find(*text, ']') + 1 : str_find(*text, ':');

    if (end > text->len)
        return AUTH_URI_BAD;
    a->host = str_take(text, end);
    return (is_literal ? is_ipv6(a->host) : is_name(a->host)) ? 0 : AUTH_URI_BAD;
}

int auth_authority_parse(struct auth_authority *out, str text)
{
    struct auth_authority a = {0};

    if (take_user(&a, &text) != 0 || take_host(&a, &text) != 0)
        return AUTH_URI_BAD;
    if (text.len > 0 && !str_eq(str_take(&text, 1), STR(":")))
        return AUTH_URI_BAD;
    if (!auth_chars_are(text, STR(CHARS_DIGIT)))
        return AUTH_URI_BAD;
    a.port = text;
    *out = a;
    return 0;
}

/** What stands between the scheme and the query. */
static int parse_hierarchy(struct auth_uri *u, str text)
{
    if (str_starts(text, STR("//"))) {
        str_take(&text, 2);
        const str authority = str_take(&text, str_find(text, '/'));
        if (auth_authority_parse(&u->authority, authority) != 0)
            return AUTH_URI_BAD;
    }
    return auth_chars_are_or_escaped(text, STR(CHARS_PCHAR "/")) ? 0 : AUTH_URI_BAD;
}

int auth_uri_parse(struct auth_uri *out, str text)
{
    struct auth_uri u = {.scheme = str_take(&text, str_find(text, ':'))};

    if (!auth_uri_is_scheme(u.scheme) || text.len == 0)
        return AUTH_URI_BAD;
    str_take(&text, 1);
    str query = str_take_until(&text, '#');
    const str hierarchy = str_take_until(&query, '?');
    if (parse_hierarchy(&u, hierarchy) != 0 ||
        !auth_chars_are_or_escaped(query, STR(CHARS_PCHAR "/?")) ||
        !auth_chars_are_or_escaped(text, STR(CHARS_PCHAR "/?"))) // the fragment
        return AUTH_URI_BAD;
    *out = u;
    return 0;
}
