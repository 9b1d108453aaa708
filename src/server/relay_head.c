#include "server/relay_head.h"

#include "crypto/secret.h"

#define FIELD "Parley-Node"

static const str ours = {"Parley-", 7};

static bool is_ours(str name)
{
    return name.len >= ours.len && str_eq_nocase((str){name.ptr, ours.len}, ours);
}

/** Of the connection that it came on. */
static bool is_of_hop(str name)
{
    static const str names[] = {STR("Connection"),
                                STR("Keep-Alive"),
                                STR("Proxy-Connection"),
                                STR("Proxy-Authorization"),
                                STR("TE"),
                                STR("Trailer"),
                                STR("Upgrade"),
                                STR("HTTP2-Settings")};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq_nocase(name, names[i]))
            return true;
    }
    return false;
}

bool relay_head_is_relayed(const struct http_head *h)
{
    return http_head_get(h, STR(FIELD)).ptr != NULL;
}

bool relay_head_is_upgrade(const struct http_head *h)
{
    return h->is_upgrade && http_head_has(h, STR("Upgrade"), STR("websocket"));
}

bool relay_key_is_good(str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return false;
    }
    return key.len > 0 && key.len <= RELAY_KEY_MAX;
}

static void add(struct buf *out, str bytes)
{
    const int r = buf_add(out, bytes);
    assert(r == 0); // RELAY_HEAD_SIZE has room for it
    (void)r;
}

static void add_field(struct buf *out, str name, str value)
{
    add(out, name);
    add(out, STR(": "));
    add(out, value);
    add(out, STR("\r\n"));
}

/** With its line's end, and without the empty lines before it. */
static str request_line_of(str raw)
{
    while (str_starts(raw, STR("\r\n")))
        str_take(&raw, 2);
    return str_take(&raw, str_find(raw, '\n') + 1);
}

void relay_head_write(struct buf *out, str raw, const struct http_head *h, str key)
{
    add(out, request_line_of(raw));
    for (size_t i = 0; i < h->n_headers; i++) {
        const struct http_header *f = &h->headers[i];
        if (!is_of_hop(f->name) && !is_ours(f->name))
            add_field(out, f->name, f->value);
    }
    if (relay_head_is_upgrade(h)) {
        add(out, STR("Connection: Upgrade, close\r\nUpgrade: websocket\r\n"));
    } else {
        add(out, STR("Connection: close\r\n"));
    }
    add(out, STR(FIELD ": " RELAY_VERSION " "));
    add(out, key);
    add(out, STR("\r\n\r\n"));
}

int relay_head_check(const struct http_head *h, str key)
{
    str value = http_head_get(h, STR(FIELD));

    if (!str_eq(str_take_until(&value, ' '), STR(RELAY_VERSION)))
        return RELAY_HEAD_VERSION;
    if (key.len == 0 || value.len != key.len || !crypto_equal(value.ptr, key.ptr, key.len))
        return RELAY_HEAD_KEY;
    return 0;
}
