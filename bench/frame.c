#include "bench/frame.h"

#include "bench/put.h"

#define FIN      0x80u
#define MASKED   0x80u
#define LEN_IN_2 126
#define LEN_IN_8 127

static bool is_known(unsigned opcode)
{
    switch (opcode) {
    case FRAME_TEXT:
    case FRAME_BINARY:
    case FRAME_CLOSE:
    case FRAME_PING:
    case FRAME_PONG: return true;
    default: return false;
    }
}

/** Bytes behind the two, in the only form that section 5.2 allows. */
static size_t size_of_length(uint64_t len)
{
    return len < LEN_IN_2 ? 0 : len <= UINT16_MAX ? 2 : 8;
}

int frame_read(struct frame *f, size_t *used, char *bytes, size_t n)
{
    const uint8_t *p = (const uint8_t *)bytes;

    if (n >= 1 && (!(p[0] & FIN) || !is_known(p[0] & ~FIN)))
        return FRAME_BAD;
    if (n < 2)
        return FRAME_MORE;
    if (p[1] & MASKED) // section 5.1: not from a server
        return FRAME_BAD;
    if ((p[0] & ~FIN) >= FRAME_CLOSE && p[1] >= LEN_IN_2) // section 5.5: at most 125
        return FRAME_BAD;
    const size_t extended = p[1] == LEN_IN_2 ? 2 : p[1] == LEN_IN_8 ? 8 : 0;
    if (n < 2 + extended)
        return FRAME_MORE;
    uint64_t len = extended ? 0 : p[1];
    for (size_t i = 0; i < extended; i++)
        len = len << 8 | p[2 + i];
    if (len > SIZE_MAX / 2 || size_of_length(len) != extended)
        return FRAME_BAD;
    if (n - 2 - extended < len)
        return FRAME_MORE;
    *f = (struct frame){
        .opcode = p[0] & ~FIN, .payload = bytes + 2 + extended, .len = (size_t)len};
    *used = 2 + extended + (size_t)len;
    return 0;
}

/** Eight bytes at a time: this is half of what a send costs beside the system call. */
static void copy_masked(char *to, str from, uint32_t key)
{
    const uint64_t key8 = (uint64_t)key << 32 | key;
    size_t i = 0;

    for (; i + sizeof(key8) <= from.len; i += sizeof(key8)) {
        uint64_t eight;
        memcpy(&eight, from.ptr + i, sizeof(eight));
        eight ^= key8;
        memcpy(to + i, &eight, sizeof(eight));
    }
    for (size_t j = 0; i + j < from.len; j++)
        to[i + j] = (char)((uint8_t)from.ptr[i + j] ^ (uint8_t)(key >> 8 * (j % 4)));
}

void frame_write(struct buf *out, enum frame_opcode opcode, uint32_t key, str payload)
{
    const size_t extended = size_of_length(payload.len);
    const size_t n = 2 + extended + sizeof(key) + payload.len;
    char *p = put_room(out, n);

    p[0] = (char)(FIN | opcode);
    p[1] = (char)(MASKED | (extended == 0   ? payload.len
                            : extended == 2 ? (size_t)LEN_IN_2
                                            : (size_t)LEN_IN_8));
    for (size_t i = 0; i < extended; i++)
        p[2 + i] = (char)(payload.len >> 8 * (extended - 1 - i));
    for (size_t i = 0; i < sizeof(key); i++)
        p[2 + extended + i] = (char)(key >> 8 * i);
    copy_masked(p + 2 + extended + sizeof(key), payload, key);
    buf_added(out, n);
}
