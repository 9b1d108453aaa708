#include <stdlib.h>

#include "ws/frame.h"

#define MAX_PAYLOAD (1u << 20)

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A header that was decoded is the one that we would write, but for the mask. */
static void encodes_as_it_came(const struct ws_frame *f, const uint8_t *data, size_t n_header)
{
    char ours[WS_FRAME_OURS_MAX];
    const size_t n = ws_frame_encode(ours, f->opcode, f->payload_len);

    assert(n + sizeof(f->mask) == n_header);
    assert((data[0] | 0x80) == (uint8_t)ours[0]);
    assert(data[1] == ((uint8_t)ours[1] | 0x80));
    assert(memcmp(data + 2, ours + 2, n - 2) == 0);
    assert(memcmp(data + n, f->mask, sizeof(f->mask)) == 0);
}

/** What the first n bytes show stays true, whatever follows. */
static void decides_alike_at_every_cut(const uint8_t *data, size_t n_header, int r)
{
    for (size_t n = 0; n < n_header; n++) {
        struct ws_frame f;
        str in = {(const char *)data, n};
        const int early = ws_frame_decode(&f, &in, MAX_PAYLOAD);
        assert(in.len == n);
        assert(early == WS_FRAME_MORE || (r != 0 && early == r));
    }
}

/** In two parts, with the cut anywhere, and byte by byte. */
static void unmasks_alike_in_parts(const struct ws_frame *f, str payload)
{
    char *whole = malloc(payload.len + 1);
    char *parts = malloc(payload.len + 1);
    assert(whole && parts);
    str_copy(whole, payload);
    str_copy(parts, payload);
    const size_t cut = f->mask[0] % (payload.len + 1);

    ws_unmask(f->mask, 0, whole, payload.len);
    ws_unmask(f->mask, 0, parts, cut);
    ws_unmask(f->mask, cut, parts + cut, payload.len - cut);

    for (size_t i = 0; i < payload.len; i++) {
        assert(whole[i] == parts[i]);
        assert((uint8_t)whole[i] == ((uint8_t)payload.ptr[i] ^ f->mask[i % 4]));
    }
    free(whole);
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str in = {(const char *)data, size};
    struct ws_frame f;

    const int r = ws_frame_decode(&f, &in, MAX_PAYLOAD);

    const size_t n_header = size - in.len;
    if (r != 0) {
        assert(n_header == 0);
        decides_alike_at_every_cut(data,
                                   size < WS_FRAME_HEADER_MAX ? size : WS_FRAME_HEADER_MAX, r);
        return 0;
    }
    assert(n_header >= 6 && n_header <= WS_FRAME_HEADER_MAX);
    assert(f.payload_len <= MAX_PAYLOAD);
    assert(!ws_opcode_is_control(f.opcode) || (f.fin && f.payload_len <= WS_CONTROL_MAX));
    encodes_as_it_came(&f, data, n_header);
    decides_alike_at_every_cut(data, n_header, r);
    unmasks_alike_in_parts(&f, in);
    return 0;
}
