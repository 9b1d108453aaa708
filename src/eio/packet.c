#include "eio/packet.h"

#include "base/base64.h"

#define BINARY 'b'

int eio_packet_decode(struct eio_packet *p, char *text, size_t len)
{
    if (len == 0)
        return EIO_PACKET_BAD;

    *p = (struct eio_packet){
        .type = EIO_MESSAGE,
        .is_binary = text[0] == BINARY,
        .data = text + 1,
        .len = len - 1,
    };
    if (p->is_binary) {
        if (base64_decode_lenient(p->data, &p->len, (str){p->data, p->len}) != 0)
            return EIO_PACKET_BAD;
        return 0;
    }
    if (text[0] < '0' + EIO_OPEN || text[0] > '0' + EIO_NOOP)
        return EIO_PACKET_BAD;
    p->type = (enum eio_type)(text[0] - '0');
    return 0;
}

int eio_payload_next(struct eio_payload *p, struct eio_packet *out)
{
    if (p->is_over)
        return EIO_PAYLOAD_END;

    char *const packet = p->text;
    const size_t len = str_find((str){p->text, p->len}, EIO_SEPARATOR);
    if (len == p->len) {
        p->is_over = true;
    } else {
        p->text += len + 1;
        p->len -= len + 1;
    }
    if (eio_packet_decode(out, packet, len) != 0) {
        p->is_over = true; // what follows a bad packet is not to be trusted
        return EIO_PAYLOAD_BAD;
    }
    return 0;
}

size_t eio_packet_size(const struct eio_packet *p)
{
    return 1 + (p->is_binary ? BASE64_LEN(p->len) : p->len);
}

int eio_packet_write(struct buf *out, const struct eio_packet *p)
{
    assert(!p->is_binary || p->type == EIO_MESSAGE);

    const str data = {p->data, p->len};
    const size_t size = eio_packet_size(p);
    char *room = buf_room(out, size);
    if (!room)
        return BUF_FULL;

    if (p->is_binary) {
        room[0] = BINARY;
        base64_encode(room + 1, data);
    } else {
        room[0] = (char)('0' + p->type);
        str_copy(room + 1, data);
    }
    buf_added(out, size);
    return 0;
}
