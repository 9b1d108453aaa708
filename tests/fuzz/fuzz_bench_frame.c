#include "base/mem.h"
#include "bench/frame.h"
#include "ws/frame.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What the first n bytes say, in memory that ends with them. */
static int answer_to_cut(str whole, size_t n)
{
    char *bytes = mem_resize(NULL, n > 0 ? n : 1);
    struct frame f;
    size_t used;

    str_copy(bytes, (str){whole.ptr, n});
    const int r = frame_read(&f, &used, bytes, n);
    free(bytes);
    return r;
}

/** An answer other than MORE is final, and is not given before the bytes that it needs. */
static void check_cuts(str whole, int r, size_t used)
{
    bool is_decided = false;

    for (size_t n = 0; n < whole.len; n += 1 + n / 32) {
        const int early = answer_to_cut(whole, n);
        assert(early == FRAME_MORE || early == r);
        assert(r != 0 || early == (n < used ? FRAME_MORE : 0));
        assert(!is_decided || early == r);
        is_decided = early == r && r != FRAME_MORE;
    }
    if (r == 0) {
        assert(answer_to_cut(whole, used - 1) == FRAME_MORE);
        assert(answer_to_cut(whole, used) == 0);
    }
}

/** Whatever is taken, the server would have written: of each frame there is one form. */
static void check_header(const struct frame *f, str whole)
{
    char ours[WS_FRAME_OURS_MAX];
    const size_t n = ws_frame_encode(ours, (enum ws_opcode)f->opcode, f->len);

    assert(f->payload == whole.ptr + n);
    assert(memcmp(whole.ptr, ours, n) == 0);
    assert(f->opcode < FRAME_CLOSE || f->len <= WS_CONTROL_MAX);
}

/** Sent back, the server reads it. */
static void check_written(const struct frame *f, uint32_t key)
{
    const str payload = {f->payload, f->len};
    struct ws_frame read;
    struct buf out;

    buf_init(&out, payload.len + FRAME_OVERHEAD_MAX);
    frame_write(&out, f->opcode, key, payload);
    str in = buf_str(&out);
    const int r = ws_frame_decode(&read, &in, payload.len);
    assert(r == 0 && read.fin);
    assert(read.opcode == (enum ws_opcode)f->opcode);
    assert(read.payload_len == payload.len && in.len == payload.len);
    ws_unmask(read.mask, 0, buf_ptr(&out) + (out.len - in.len), in.len);
    assert(str_eq(in, payload));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = mem_resize(NULL, size > 0 ? size : 1);
    const str whole = str_copy(bytes, (str){(const char *)data, size});
    struct frame f;
    size_t used = 0;

    const int r = frame_read(&f, &used, bytes, size);

    assert(r == 0 || r == FRAME_MORE || r == FRAME_BAD);
    if (r == 0) {
        uint32_t key = 0;
        assert(used <= size && f.payload + f.len == bytes + used);
        check_header(&f, whole);
        memcpy(&key, data + size - 2, 2); // by chance, as good as any
        check_written(&f, key * 65537);
    }
    check_cuts(whole, r, used);
    free(bytes);
    return 0;
}
