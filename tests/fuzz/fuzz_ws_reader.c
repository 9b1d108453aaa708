#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "ws/reader.h"
#include "ws/ws.h"

#define MAX_MESSAGE 300

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct buf *log, const void *bytes, size_t n)
{
    const int full = buf_add(log, (str){bytes, n});
    assert(!full);
}

/** What must hold for every item, and the item in the log. */
static void check(struct buf *log, int refusal, const struct ws_item *item)
{
    const str payload = {item->bytes, item->n};

    if (refusal == WS_READER_BROKEN) {
        assert(item->code == WS_PROTOCOL_ERROR || item->code == WS_BAD_PAYLOAD ||
               item->code == WS_POLICY || item->code == WS_TOO_BIG);
        add(log, "broken", 6);
        add(log, &item->code, sizeof(item->code));
        return;
    }
    assert(refusal == 0);
    switch (item->opcode) {
    case WS_TEXT: assert(item->n <= MAX_MESSAGE && utf8_is_valid(payload)); break;
    case WS_BINARY: assert(item->n <= MAX_MESSAGE); break;
    case WS_PING:
    case WS_PONG: assert(item->n <= WS_CONTROL_MAX); break;
    case WS_CLOSE:
        assert(item->n <= WS_CONTROL_MAX - 2 && utf8_is_valid(payload));
        assert(item->code == WS_NO_CODE || (item->code >= 1000 && item->code < 5000));
        add(log, &item->code, sizeof(item->code));
        break;
    case WS_CONTINUATION: abort();
    }
    add(log, &item->opcode, sizeof(item->opcode));
    add(log, &item->n, sizeof(item->n));
    add(log, item->bytes, item->n);
}

/** One piece, with memory of its own. @return the last refusal */
static int read_piece(struct ws_reader *r, str piece, struct buf *log)
{
    char *copy = malloc(piece.len + 1);
    assert(copy);
    str_copy(copy, piece);
    struct ws_input in = {copy, piece.len};
    struct ws_item item;
    int refusal = 0;

    while (refusal == 0) {
        const size_t before = in.len;
        refusal = ws_reader_next(r, &in, &item);
        assert(in.len < before || (in.len == 0 && refusal == WS_READER_MORE) ||
               refusal == WS_READER_BROKEN);
        if (refusal != WS_READER_MORE)
            check(log, refusal, &item);
    }
    assert(refusal == WS_READER_BROKEN || in.len == 0);
    free(copy);
    return refusal;
}

/** cuts: how long each piece is, over and over. */
static void read_all(str input, str cuts, struct buf *log)
{
    struct ws_reader r;
    int refusal = WS_READER_MORE;

    ws_reader_init(&r, MAX_MESSAGE);
    for (size_t i = 0; input.len > 0 && refusal == WS_READER_MORE; i++) {
        const size_t n = cuts.len > 0 ? (uint8_t)cuts.ptr[i % cuts.len] + 1u : input.len;
        refusal = read_piece(&r, str_take(&input, n < input.len ? n : input.len), log);
    }
    ws_reader_fini(&r);
}

/** The first eight bytes say where the rest is cut: the outcome must not depend on it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str input = {(const char *)data, size};
    const str cuts = str_take(&input, size < 8 ? size : 8);
    struct buf whole;
    struct buf cut;
    struct buf single;

    buf_init(&whole, SIZE_MAX);
    buf_init(&cut, SIZE_MAX);
    buf_init(&single, SIZE_MAX);
    read_all(input, STR(""), &whole);
    read_all(input, cuts, &cut);
    read_all(input, STR("\0"), &single);
    assert(str_eq(buf_str(&whole), buf_str(&cut)));
    assert(str_eq(buf_str(&whole), buf_str(&single)));
    buf_fini(&whole);
    buf_fini(&cut);
    buf_fini(&single);
    return 0;
}
