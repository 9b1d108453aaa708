/**
 * What is sent and what comes, as text: message.send and the receipts, and as much of the
 * server's packets as the generator must know. It looks for the members that it needs and
 * parses no JSON: at the rates in question that would cost more than all the rest.
 */
#pragma once

#include "base/buf.h"

#define WIRE_RUN_SIZE     8      // characters of what tells one run's messages from another's
#define WIRE_ADDRESS_SIZE 42     // characters of "0x" and 40 hex digits
#define WIRE_ID_SIZE      36     // characters of a UUID
#define WIRE_CONTENT_MIN  64     // bytes: what a content says of itself takes at most 42
#define WIRE_CONTENT_MAX  262144 // bytes
#define WIRE_PAGE_SIZE    50     // messages of a history

/** One run: its contents and its wallets. */
struct wire {
    char run[WIRE_RUN_SIZE];
    uint8_t wallets[16]; // the beginning of each address
    size_t size;         // of a content, bytes
    struct buf pad;      // what contents are filled up with
};

struct rand;

/** @param size  of a content, WIRE_CONTENT_MIN to WIRE_CONTENT_MAX */
void wire_init(struct wire *w, struct rand *rand, size_t size);
void wire_fini(struct wire *w);

/** The wallets that have this name, in place of some by chance. */
void wire_name(struct wire *w, str name);

/** The address of wallet i, in lower case; not NUL-terminated. */
void wire_address(const struct wire *w, uint32_t i, char out[WIRE_ADDRESS_SIZE]);

/** A version 4 UUID (RFC 9562, section 5.4) of 16 bytes by chance. */
void wire_uuid(char out[WIRE_ID_SIZE], const uint8_t chance[16]);

/** Who wrote a content to whom, and as which of their messages. */
struct wire_mark {
    uint32_t from;
    uint32_t to;
    uint32_t n;
};

struct wire_send {
    struct wire_mark mark;
    uint32_t ack_id;
    const uint8_t *chance; // 16 bytes, for client_msg_id; the same again for a repeat
};

/** Append the packet of a message.send. */
void wire_put_send(const struct wire *w, struct buf *out, const struct wire_send *s);

/** Append the packet of a message.history: the latest WIRE_PAGE_SIZE messages. */
void wire_put_history(const struct wire *w, struct buf *out, uint64_t ack_id, uint32_t peer);

/** Append the packet of a message.read; no answer is asked for. */
void wire_put_read(const struct wire *w, struct buf *out, uint32_t peer, int64_t seq);

/** Append the acknowledgement of an event. */
void wire_put_ack(struct buf *out, uint64_t ack_id);

enum wire_kind {
    WIRE_ANSWER,  // to a message.send: ack_id, is_ok; then seq or code
    WIRE_PAGE,    // answer to a message.history: ack_id, n_messages
    WIRE_MESSAGE, // message.new: ack_id, seq, content
    WIRE_SYNCED,  // the session has all that it missed
    WIRE_ERROR,   // error or warning: code
    WIRE_OTHER,   // nothing that matters here
};

struct wire_packet {
    enum wire_kind kind;
    uint64_t ack_id;
    bool is_ok;
    int64_t seq;
    uint32_t n_messages;
    str code;
    str content; // as it stands there; ours has nothing that JSON escapes
};

enum wire_refusal {
    WIRE_BAD = 1, // nothing that a server of the protocol sends
};

/** What stands behind an Engine.IO message's type: a Socket.IO packet of type 2 or 3.
 * @return 0 or WIRE_BAD */
MUST_CHECK int wire_read(struct wire_packet *p, str text);

/** Whose message is this? @return 0, or WIRE_BAD: no content of this run, or not as sent */
MUST_CHECK int wire_read_content(const struct wire *w, struct wire_mark *out, str content);

/**
 * The value of the first member of this name, anywhere in a JSON text: a string without its
 * quotes, a number. @param quoted  `"seq":`, with quotes and colon @return empty without one
 */
str wire_member(str json, str quoted);
