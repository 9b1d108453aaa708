#include "base/mem.h"
#include "eio/packet.h"

static bool is_same(const struct eio_packet *a, const struct eio_packet *b)
{
    return a->type == b->type && a->is_binary == b->is_binary &&
           str_eq((str){a->data, a->len}, (str){b->data, b->len});
}

/** What is written has the size that was said, and reads back the same. */
static void check_round_trip(const struct eio_packet *p)
{
    const size_t size = eio_packet_size(p);
    struct eio_packet back;
    struct buf b;

    buf_init(&b, size);
    int r = eio_packet_write(&b, p);
    assert(r == 0 && buf_str(&b).len == size);
    r = eio_packet_decode(&back, buf_ptr(&b), size);
    assert(r == 0 && is_same(p, &back));
    buf_fini(&b);

    buf_init(&b, size - 1);
    r = eio_packet_write(&b, p);
    assert(r == BUF_FULL && buf_str(&b).len == 0);
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str in = {(const char *)data, size};
    char *text = mem_resize(NULL, size > 0 ? size : 1);
    struct eio_payload payload = {.text = text, .len = size};
    struct eio_packet p;
    size_t n_parts = 1;
    size_t n_packets = 0;
    int r;

    str_copy(text, in);
    for (size_t i = 0; i < size; i++)
        n_parts += in.ptr[i] == EIO_SEPARATOR;

    while ((r = eio_payload_next(&payload, &p)) == 0) {
        n_packets++;
        assert(p.type >= EIO_OPEN && p.type <= EIO_NOOP);
        assert(!p.is_binary || p.type == EIO_MESSAGE);
        assert(p.data > text && p.data + p.len <= text + size);
        assert(p.is_binary || str_find((str){p.data, p.len}, EIO_SEPARATOR) == p.len);
        check_round_trip(&p);
    }
    assert(r == EIO_PAYLOAD_END ? n_packets == n_parts : n_packets < n_parts);
    assert(eio_payload_next(&payload, &p) == EIO_PAYLOAD_END);
    free(text);
    return 0;
}
