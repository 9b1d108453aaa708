#include "ws/handshake.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Lines, each ended by CR LF, with nothing in them that a client could smuggle in. */
static void check_answer(str answer)
{
    size_t n_lines = 0;

    assert(str_starts(answer, STR("Upgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: ")));
    while (answer.len > 0) {
        const str line = str_take_until(&answer, '\n');
        assert(line.len > 1 && line.ptr[line.len - 1] == '\r');
        for (size_t i = 0; i < line.len - 1; i++)
            assert(line.ptr[i] >= ' ' && line.ptr[i] <= '~');
        n_lines++;
    }
    assert(n_lines == 3 || n_lines == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    str in = {(const char *)data, size};

    if (http_head_parse(&head, &in))
        return 0;
    const int refusal = ws_handshake_check(&head);
    assert(refusal >= 0 && refusal <= WS_HANDSHAKE_KEY);
    if (refusal)
        return 0;

    struct buf out;
    buf_init(&out, HTTP_HEAD_MAX);
    const int full = ws_handshake_answer(&out, &head);
    assert(!full);
    check_answer(buf_str(&out));
    buf_fini(&out);
    return 0;
}
