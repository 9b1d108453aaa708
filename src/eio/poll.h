/**
 * Long-polling: the GET that waits for packets, the POST that brings some, and the queue
 * of those that no GET has taken yet. Private to eio/.
 */
#pragma once

#include "eio/packet.h"
#include "eio/session.h"

/** Bytes of one poll's answer, unless a single packet is larger. */
#define EIO_POLL_BYTES_MAX 1048576

/** A polling request under way: who it is for, and the header lines of its answer. */
struct eio_poll {
    struct eio_session *session;
    size_t headers_len;
    char headers[]; // CORS
};

/** A packet of its own; free(). */
struct eio_queued {
    struct eio_queued *next;
    struct eio_packet packet; // its data is bytes[]
    char bytes[];
};

static_assert(sizeof(struct eio_queued) <= EIO_QUEUED_COST, "a packet costs what it takes");

/** For a session that no WebSocket carries yet. @return owned */
struct eio_polling *eio_polling_new(size_t max_payload);

/** Nothing is left there: the session is over, or a WebSocket carries it. */
void eio_polling_end(struct eio_session *s);

/** A GET has come, or a POST's head. @param poll  moved */
void eio_poll_on_get(struct eio_session *s, struct http_request *rq, struct eio_poll *poll);
void eio_poll_on_post(struct eio_session *s, struct http_request *rq, struct eio_poll *poll);

/** The POST's body has come, whole. */
void eio_poll_on_body(struct eio_session *s);

/** The connection of a GET or POST is gone. */
void eio_poll_on_gone(struct eio_session *s, struct http_request *rq);

/** Put a packet together from parts; p->len is their sum. @return owned */
struct eio_queued *eio_poll_packet(const struct eio_packet *p, const str *parts,
                                   size_t n_parts);

/** Queue a packet. @param q  moved */
void eio_poll_queue(struct eio_session *s, struct eio_queued *q);

/** The oldest packet of the queue, which must not be empty; owned by the caller. */
struct eio_queued *eio_poll_shift(struct eio_session *s);

/** Give the waiting GET, if there is one, what there is for it. */
void eio_poll_flush(struct eio_session *s);

/** Answer the GET that must not wait any longer. */
void eio_poll_answer_get(struct eio_session *s, str body);

/** The session is over: a waiting GET gets what is queued, or else last. */
void eio_poll_finish(struct eio_session *s, str last);
