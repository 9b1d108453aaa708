/**
 * Engine.IO 4 packets, and the payloads that carry them in long-polling
 * (engine.io-protocol v4, "Packet encoding" and "Payload encoding").
 *
 * Sans-I/O: bytes in, views out.
 */
#pragma once

#include "base/buf.h"

#define EIO_SEPARATOR '\x1e'

/** python-engineio refuses a payload with more packets, and drops the connection. */
#define EIO_PAYLOAD_PACKETS_MAX 16

enum eio_type {
    EIO_OPEN,
    EIO_CLOSE,
    EIO_PING,
    EIO_PONG,
    EIO_MESSAGE,
    EIO_UPGRADE,
    EIO_NOOP
};

struct eio_packet {
    enum eio_type type;
    bool is_binary; // a message of bytes; only type EIO_MESSAGE
    char *data;     // in the decoded text itself, which may be changed in place
    size_t len;
};

enum eio_packet_refusal {
    EIO_PACKET_BAD = 1, // empty, of no known type, or with broken base64: close the session
};

/**
 * Decode one packet from a text: a WebSocket text message, or one part of a payload.
 * "b" + base64 is a binary message on either transport, and is decoded in place. A
 * text packet's UTF-8 is the transport's to check.
 *
 * @return 0 or EIO_PACKET_BAD
 */
MUST_CHECK int eio_packet_decode(struct eio_packet *p, char *text, size_t len);

/** Walks over a payload. Set text and len, leave the rest zero. */
struct eio_payload {
    char *text;
    size_t len;
    bool is_over; // the last packet was taken
};

enum eio_payload_refusal {
    EIO_PAYLOAD_END = 1, // there are no more packets
    EIO_PAYLOAD_BAD,     // as EIO_PACKET_BAD; also for what an empty payload and a
                         // separator at the end stand for: an empty packet
};

/** The next packet; the ones before a bad one are good. @return 0, or an enum
 * eio_payload_refusal */
MUST_CHECK int eio_payload_next(struct eio_payload *p, struct eio_packet *out);

/** Bytes that eio_packet_write() will add. */
size_t eio_packet_size(const struct eio_packet *p);

/** Append the text form of p, base64 if it is binary. @return 0 or BUF_FULL */
MUST_CHECK int eio_packet_write(struct buf *out, const struct eio_packet *p);
