#include "base/mem.h"
#include "base/utf8.h"
#include "sio/packet.h"

static struct buf print(const struct json *j)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    const int r = json_print(&b, j);
    assert(r == 0);
    return b;
}

static void check_fields(const struct sio_packet *p, unsigned max_attachments)
{
    const bool is_binary = p->type == SIO_BINARY_EVENT || p->type == SIO_BINARY_ACK;
    const bool is_event = p->type == SIO_EVENT || p->type == SIO_BINARY_EVENT;
    const bool is_ack = p->type == SIO_ACK || p->type == SIO_BINARY_ACK;

    assert(p->type <= SIO_BINARY_ACK && p->type != SIO_CONNECT_ERROR);
    assert(is_binary ? p->n_attachments > 0 : p->n_attachments == 0);
    assert(p->n_attachments <= max_attachments);
    assert(str_starts(p->namespace, STR("/")) && p->namespace.len <= SIO_NAMESPACE_MAX);
    assert(str_find(p->namespace, ',') == p->namespace.len);
    assert(p->ack_id >= (is_ack ? 0 : -1) && p->ack_id <= SIO_ACK_ID_MAX);
    assert((p->data == NULL) == (p->text.len == 0));
    if (p->type == SIO_CONNECT)
        assert(!p->data || json_kind(p->data) == JSON_KIND_OBJECT);
    if (p->type == SIO_DISCONNECT)
        assert(!p->data);
    if (is_event || is_ack)
        assert(json_kind(p->data) == JSON_KIND_ARRAY);
    if (is_event) {
        const str name = sio_packet_event(p);
        assert(utf8_is_valid(name));
        assert(!str_eq(name, STR("connect")) && !str_eq(name, STR("disconnect")));
    }
}

static void check_same_json(const struct json *a, const struct json *b)
{
    assert((a == NULL) == (b == NULL));
    if (!a)
        return;
    struct buf of_a = print(a);
    struct buf of_b = print(b);
    assert(str_eq(buf_str(&of_a), buf_str(&of_b)));
    buf_fini(&of_a);
    buf_fini(&of_b);
}

/** The head that we write and the JSON that we print read back as the same packet. */
static void check_round_trip(const struct sio_packet *p)
{
    char head[SIO_HEAD_SIZE];
    struct sio_packet back;
    struct buf all;

    buf_init(&all, SIZE_MAX / 2);
    int r = buf_add(&all,
                    sio_packet_head(head, p->type, p->n_attachments, p->namespace, p->ack_id));
    assert(r == 0);
    r = p->data ? json_print(&all, p->data) : 0;
    assert(r == 0);

    r = sio_packet_decode(&back, buf_ptr(&all), buf_str(&all).len, p->n_attachments);
    assert(r == 0);
    assert(back.type == p->type && back.n_attachments == p->n_attachments);
    assert(str_eq(back.namespace, p->namespace) && back.ack_id == p->ack_id);
    check_same_json(back.data, p->data);

    sio_packet_fini(&back);
    buf_fini(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_resize(NULL, size > 0 ? size : 1);
    struct sio_packet p;

    str_copy(text, (str){(const char *)data, size});
    const int r = sio_packet_decode(&p, text, size, SIO_ATTACHMENTS_MAX);
    if (r == 0) {
        check_fields(&p, SIO_ATTACHMENTS_MAX);
        check_round_trip(&p);
        sio_packet_fini(&p);
    } else {
        assert(r == SIO_PACKET_BAD || r == SIO_PACKET_IGNORE || r == SIO_PACKET_UNREADABLE);
    }
    free(text);
    return 0;
}
