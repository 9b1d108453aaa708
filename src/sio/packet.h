/**
 * Socket.IO 5 packets (socket.io-protocol v5, "Packet encoding"): the text of an
 * Engine.IO message, taken apart and put together.
 *
 *   <type>[<attachments>-][<namespace>,][<ack id>][JSON]
 *
 * Sans-I/O. The attachments themselves are messages of their own (sio/connection).
 */
#pragma once

#include "base/buf.h"
#include "json/json.h"

#define SIO_ATTACHMENTS_MAX 10                 // clients with parser >= 4.2.6 refuse more
#define SIO_NAMESPACE_MAX   128                // bytes
#define SIO_ACK_ID_MAX      9007199254740991LL // clients count in doubles

enum sio_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
};

struct sio_packet {
    enum sio_type type;
    unsigned n_attachments; // 1 to SIO_ATTACHMENTS_MAX for the binary types, else 0
    str namespace;          // "/" where none is written
    int64_t ack_id;         // -1: none
    struct json *data;      // owned by the packet; NULL where there is none
    str text;               // of data, as it came; in the decoded text
};

enum sio_packet_refusal {
    SIO_PACKET_BAD = 1,    // close the whole connection
    SIO_PACKET_IGNORE,     // an event without a payload, an ack without a payload or an id:
                           // harmless, means nothing. Not the binary ones, whose attachments
                           // would be left over: those are bad.
    SIO_PACKET_UNREADABLE, // an event whose JSON may be good, but passes what we can hold
                           // (JSON_TOO_DEEP, JSON_BEYOND). Its namespace and ack_id are there
};

/**
 * Decode what a client may send, and check what can be checked in the packet alone:
 *
 *   CONNECT         no payload, or an object
 *   DISCONNECT      no payload
 *   EVENT           an array that begins with a string that is not reserved (connect,
 *                   connect_error, disconnect, disconnecting, newListener,
 *                   removeListener), or with a number
 *   ACK             an array; an id
 *   CONNECT_ERROR   never
 *   the binary ones 1 to max_attachments, and each placeholder's number below that
 *
 * @param text  changed in place where json_parse() does; the packet points into it
 * @return 0 (then sio_packet_fini()), or an enum sio_packet_refusal
 */
MUST_CHECK int sio_packet_decode(struct sio_packet *p, char *text, size_t len,
                                 unsigned max_attachments);
void sio_packet_fini(struct sio_packet *p);

/** Of an EVENT: its name. A number's name is the number as it is written. */
str sio_packet_event(const struct sio_packet *p);

#define SIO_HEAD_SIZE (SIO_NAMESPACE_MAX + 48) // bytes

/**
 * Write what stands before the JSON. n_attachments above 0 turns EVENT and ACK into
 * their binary forms; ack_id -1 writes none.
 *
 * @return the head, in out
 */
str sio_packet_head(char out[SIO_HEAD_SIZE], enum sio_type type, unsigned n_attachments,
                    str namespace, int64_t ack_id);
