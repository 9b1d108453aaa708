#include "bus/nats_url.h"

#include <ctype.h>

#include "base/hex.h"
#include "io/addr.h"

#define PORT 4222

/** @param out  max + 1 bytes, which get a NUL as well */
static bool read_secret(char *out, str text, size_t max)
{
    size_t n = 0;

    if (text.len == 0)
        return false;
    while (text.len > 0) {
        uint8_t c = (uint8_t)str_take(&text, 1).ptr[0];
        if (n == max || c <= ' ' || c > '~' || c == ':' || c == '/')
            return false;
        if (c == '%') {
            if (text.len < 2 || hex_decode(&c, str_take(&text, 2)) != 0 || c == 0)
                return false;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

static bool read_who(struct nats_url *u, str text)
{
    const size_t n = str_find(text, ':');
    const str user = str_take(&text, n);

    if (!read_secret(u->user, user, NATS_URL_SECRET_MAX))
        return false;
    if (text.len == 0)
        return true;
    str_take(&text, 1);
    return read_secret(u->password, text, NATS_URL_SECRET_MAX);
}

static bool is_name(str host)
{
    for (size_t i = 0; i < host.len; i++) {
        const unsigned char c = (unsigned char)host.ptr[i];
        if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '.' && c != '_'))
            return false;
    }
    return host.len > 0 && host.len <= NATS_URL_HOST_MAX && isalnum((unsigned char)*host.ptr);
}

/** [::1] without its brackets. */
static bool read_brackets(str *host, str *rest)
{
    const size_t n = str_find(*rest, ']');

    if (n == rest->len)
        return false;
    *host = str_take(rest, n + 1);
    *host = (str){host->ptr + 1, host->len - 2};
    return true;
}

static bool read_place(struct nats_url *u, str rest, bool *is_address)
{
    str host = {0};
    ip address;
    uint64_t port = PORT;

    const bool has_brackets = str_starts(rest, STR("["));
    if (!has_brackets) {
        host = str_take(&rest, str_find(rest, ':'));
    } else if (!read_brackets(&host, &rest)) {
        return false;
    }
    if (rest.len > 0 && (rest.ptr[0] != ':' ||
                         str_to_u64((str){rest.ptr + 1, rest.len - 1}, UINT16_MAX, &port) != 0))
        return false;
    *is_address = ip_parse(&address, host) == 0;
    if (port == 0 || host.len > NATS_URL_HOST_MAX ||
        !(has_brackets ? *is_address : is_name(host)))
        return false;
    u->port = (uint16_t)port;
    u->is_here = *is_address ? ip_is_loopback(&address) : str_eq_nocase(host, STR("localhost"));
    str_copy(u->host, host);
    return true;
}

/** @return 0 or an enum nats_url_refusal */
static int read_url(struct nats_url *u, str text)
{
    bool is_address = false;

    u->is_tls = str_starts(text, STR("tls://"));
    if (!u->is_tls && !str_starts(text, STR("nats://")))
        return NATS_URL_BAD;
    str_take(&text, str_find(text, '/') + 2);
    const size_t at = str_find(text, '@');
    if (at < text.len) {
        const str who = str_take(&text, at);
        str_take(&text, 1);
        if (!read_who(u, who))
            return NATS_URL_BAD;
    }
    if (!read_place(u, text, &is_address))
        return NATS_URL_BAD;
    if (u->is_tls && is_address)
        return NATS_URL_NO_NAME;
    return u->is_here || u->user[0] ? 0 : NATS_URL_NO_PASSWORD;
}

int nats_urls_read(struct nats_urls *out, str text)
{
    *out = (struct nats_urls){0};
    if (text.len == 0 || text.ptr[text.len - 1] == ',')
        return NATS_URL_BAD;
    while (text.len > 0) {
        if (out->n == NATS_URLS_MAX)
            return NATS_URL_BAD;
        const int r = read_url(&out->all[out->n++], str_take_until(&text, ','));
        if (r != 0)
            return r;
    }
    for (size_t i = 1; i < out->n; i++) {
        if (out->all[i].is_tls != out->all[0].is_tls)
            return NATS_URL_MIXED;
    }
    return 0;
}
