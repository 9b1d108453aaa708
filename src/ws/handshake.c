#include "ws/handshake.h"

#include "base/base64.h"
#include "crypto/digest.h"
#include "http/byte.h"

#define KEY_LEN 24                                     // characters: 16 bytes in base64
#define GUID    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // section 1.3

/** The value of a field that must not come twice; of no bytes if it does, or not at all. */
static str get_single(const struct http_head *h, str name)
{
    str value = {0};
    size_t n = 0;

    for (size_t i = 0; i < h->n_headers; i++) {
        if (!str_eq_nocase(h->headers[i].name, name))
            continue;
        value = h->headers[i].value;
        n++;
    }
    return n == 1 ? value : STR("");
}

static bool is_base64_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '+' || c == '/';
}

/**
 * Base64 of 16 bytes: 22 digits and the padding. The last digit has four bits too many;
 * clients that draw digits instead of bytes set them, so they are not looked at.
 */
static bool is_key(str s)
{
    if (s.len != KEY_LEN)
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++) {
        if (!is_base64_digit(s.ptr[i]))
            return false;
    }
    return s.ptr[KEY_LEN - 2] == '=' && s.ptr[KEY_LEN - 1] == '=';
}

int ws_handshake_check(const struct http_head *h)
{
    // A body would be taken for frames, by us or by what stands before us.
    if (h->method != HTTP_GET || h->minor_version != 1 || h->is_chunked ||
        h->content_length > 0)
        return WS_HANDSHAKE_METHOD;
    if (!http_head_has(h, STR("Upgrade"), STR("websocket")) ||
        !http_head_has(h, STR("Connection"), STR("Upgrade")))
        return WS_HANDSHAKE_UPGRADE;
    if (!str_eq(get_single(h, STR("Sec-WebSocket-Version")), STR("13")))
        return WS_HANDSHAKE_VERSION;
    if (!is_key(get_single(h, STR("Sec-WebSocket-Key"))))
        return WS_HANDSHAKE_KEY;
    return 0;
}

/** Section 4.2.2, point 5.4. */
static void make_accept(char out[BASE64_LEN(CRYPTO_SHA1_SIZE)], str key)
{
    char text[KEY_LEN + sizeof(GUID) - 1];
    uint8_t digest[CRYPTO_SHA1_SIZE];

    assert(key.len == KEY_LEN);
    str_copy(text, key);
    str_copy(text + KEY_LEN, STR(GUID));
    crypto_sha1(digest, (str){text, sizeof(text)});
    base64_encode(out, (str){(const char *)digest, sizeof(digest)});
}

/** A token: RFC 9110, section 5.6.2. */
static bool is_subprotocol(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_byte_is_token((uint8_t)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

/** The first subprotocol of the client's list; empty without one, or if it isn't a token. */
static str first_protocol(const struct http_head *h)
{
    str list = http_head_get(h, STR("Sec-WebSocket-Protocol"));
    const str first = str_trim(str_take_until(&list, ','));

    return is_subprotocol(first) ? first : STR("");
}

int ws_handshake_answer(struct buf *out, const struct http_head *h)
{
    char accept[BASE64_LEN(CRYPTO_SHA1_SIZE)];
    const str protocol = first_protocol(h);
    const bool has_protocol = protocol.len > 0;

    make_accept(accept, get_single(h, STR("Sec-WebSocket-Key")));
    return buf_addf(out,
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: " STR_FMT
                    "\r\n"
                    "%s" STR_FMT "%s",
                    (int)sizeof(accept), accept, has_protocol ? "Sec-WebSocket-Protocol: " : "",
                    STR_ARG(protocol), has_protocol ? "\r\n" : "");
}
