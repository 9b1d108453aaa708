#include "ws/frame.h"

#define FIN    0x80u
#define RSV    0x70u
#define OPCODE 0x0fu
#define MASKED 0x80u
#define LEN7   0x7fu

#define LEN_IN_2 126 // in LEN7: the length is in the next two bytes
#define LEN_IN_8 127

static bool opcode_is_known(unsigned opcode)
{
    switch (opcode) {
    case WS_CONTINUATION:
    case WS_TEXT:
    case WS_BINARY:
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG: return true;
    default: return false;
    }
}

static uint64_t load_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/** Section 5.2: the shortest form alone is valid, and so is no length of 2^63 or more. */
static bool length_is_valid(uint64_t len, size_t n_bytes)
{
    switch (n_bytes) {
    case 2: return len >= LEN_IN_2;
    case 8: return len > UINT16_MAX && len <= INT64_MAX;
    default: return true;
    }
}

int ws_frame_decode(struct ws_frame *f, str *in, uint64_t max_payload)
{
    const uint8_t *p = (const uint8_t *)in->ptr;

    // No extension is ever negotiated, so the RSV bits mean nothing to us.
    if (in->len >= 1 && ((p[0] & RSV) || !opcode_is_known(p[0] & OPCODE)))
        return WS_FRAME_BAD;
    if (in->len < 2)
        return WS_FRAME_MORE;

    const enum ws_opcode opcode = p[0] & OPCODE;
    const bool fin = p[0] & FIN;
    const size_t len7 = p[1] & LEN7;
    if (!(p[1] & MASKED)) // section 5.1
        return WS_FRAME_BAD;
    if (ws_opcode_is_control(opcode) && (!fin || len7 > WS_CONTROL_MAX)) // section 5.5
        return WS_FRAME_BAD;

    const size_t extended = len7 == LEN_IN_2 ? 2 : len7 == LEN_IN_8 ? 8 : 0;
    if (in->len < 2 + extended)
        return WS_FRAME_MORE;
    const uint64_t len = extended ? load_be(p + 2, extended) : len7;
    if (!length_is_valid(len, extended))
        return WS_FRAME_BAD;
    if (!ws_opcode_is_control(opcode) && len > max_payload)
        return WS_FRAME_TOO_BIG;

    const size_t header = 2 + extended + sizeof(f->mask);
    if (in->len < header)
        return WS_FRAME_MORE;
    *f = (struct ws_frame){.payload_len = len, .opcode = opcode, .fin = fin};
    memcpy(f->mask, p + 2 + extended, sizeof(f->mask));
    str_take(in, header);
    return 0;
}

size_t ws_frame_encode(char out[WS_FRAME_OURS_MAX], enum ws_opcode opcode, uint64_t payload_len)
{
    const size_t extended = payload_len < LEN_IN_2 ? 0 : payload_len <= UINT16_MAX ? 2 : 8;

    out[0] = (char)(FIN | opcode);
    out[1] = (char)(extended == 0 ? payload_len : extended == 2 ? LEN_IN_2 : LEN_IN_8);
    for (size_t i = 0; i < extended; i++)
        out[2 + i] = (char)(payload_len >> 8 * (extended - 1 - i));
    return 2 + extended;
}

void ws_unmask(const uint8_t mask[4], uint64_t offset, char *bytes, size_t n)
{
    uint8_t key[8];
    uint64_t key8;

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = mask[(offset + i) % 4];
    memcpy(&key8, key, sizeof(key8));

    for (; n >= sizeof(key8); bytes += sizeof(key8), n -= sizeof(key8)) {
        uint64_t eight;
        memcpy(&eight, bytes, sizeof(eight));
        eight ^= key8;
        memcpy(bytes, &eight, sizeof(eight));
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(bytes[i] ^ key[i]);
}
