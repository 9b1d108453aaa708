/**
 * HTTP/1 on a stream: requests in, responses out, keep-alive and pipelining between.
 *
 * A request is answered by http_respond(), at once or later, or turned into another
 * protocol by http_upgrade(). One request of a connection is answered at a time; what
 * was pipelined behind it waits, also until the client has taken a long answer.
 *
 * Several servers, each on a loop of its own, may share the work: a connection moves to where
 * its next request is served.
 */
#pragma once

#include "base/clock.h"
#include "base/job.h"
#include "base/log.h"
#include "base/timer.h"
#include "http/head.h"
#include "io/addr.h"
#include "io/stream.h"

#define HTTP_FIRST_HEAD_MS    10000 // from the connection's start to the end of its first head
#define HTTP_HEAD_MS          5000  // from the first byte of any later head to its end
#define HTTP_IDLE_MS          75000 // between requests
#define HTTP_BODY_GRACE_MS    5000  // then a body must come at HTTP_BODY_BYTES_PER_S
#define HTTP_BODY_BYTES_PER_S 1024
#define HTTP_PIPELINE_MAX     65536 // bytes read ahead of the request under way

// Of answers. The next request of who has more than so many bytes of them to take waits, and
// after the grace they must have been taken at this rate.
#define HTTP_UNTAKEN_MAX        65536
#define HTTP_ANSWER_GRACE_MS    10000
#define HTTP_ANSWER_BYTES_PER_S 1024

#define HTTP_DROPPED_MAX 134217728 // bytes of a body that is answered before its end

struct http_request;

struct http_handler {
    /**
     * A head was read; it is borrowed until the callback returns. Answer, or set
     * max_body (and state, for later) and wait for on_body. Or have the body in pieces, by
     * setting is_streamed as well.
     */
    void (*on_head)(void *arg, struct http_request *rq, const struct http_head *head);

    /** Of a streamed body: the next bytes, at least one; borrowed. The sender of more than
     * max_body gets no on_piece() of it, and is_too_large with on_body(). NULL: never streams.
     */
    void (*on_piece)(void *arg, struct http_request *rq, str piece);

    /** The body is in rq->body, or was larger than max_body: rq->is_too_large. Now or later,
     * answer. */
    void (*on_body)(void *arg, struct http_request *rq);

    /** The client is gone before the answer; rq is no more. Not after http_abort(). */
    void (*on_gone)(void *arg, struct http_request *rq);
};

/** Requests whose path begins with prefix; the first match counts. */
struct http_route {
    str prefix;
    const struct http_handler *handler;
    void *arg;
};

struct http_request {
    enum http_method method;
    size_t max_body;  // bytes; 0 unless on_head sets it
    void *state;      // the handler's
    bool is_streamed; // on_head sets it: on_piece() gets the body, and on_body() its end
    char *body;       // in on_body, and until it returns; may be changed in place
    size_t body_len;
    bool is_too_large;
    struct log_ctx log; // conn=N
};

#define HTTP_HERE (-1)

struct http_config {
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock; // for the Date field
    const struct http_route *routes;
    size_t n_routes;

    /**
     * Where is this request served? Asked before any handler sees it, perhaps more than once,
     * and answered alike at all places. NULL: here, as all.
     *
     * @return HTTP_HERE, or a number for move()
     */
    int (*place)(void *arg, const struct http_head *head);

    /** The connection of a request that is served elsewhere: for http_server_adopt(), there.
     * @param parcel  moved; its unread bytes begin with the request */
    void (*move)(void *arg, int place, struct stream_parcel *parcel);
    void *move_arg;
};

struct http_server;

/** @param config  copied; what it points to is borrowed, and must outlive the server */
struct http_server *http_server_new(const struct http_config *config);

/** After its last connection is gone. */
void http_server_free(struct http_server *s);

/** Serve a connection. @param stream moved */
void http_server_accept(struct http_server *s, struct stream *stream);

/**
 * The same for one that comes from elsewhere, as tcp_attach() gives it.
 *
 * @param unread  of its parcel; used before what is still to be read, at the end of the turn
 */
void http_server_adopt(struct http_server *s, struct stream *stream, str unread);

/** The same for one that who was to serve it has given back: its first request is served here,
 * whatever place() says. */
void http_server_adopt_here(struct http_server *s, struct stream *stream, str unread);

/** Close idle connections now, the others with their answer. New ones are closed at once. */
void http_server_drain(struct http_server *s);

/** Of the connection; all zeroes where it is gone already. */
ip http_peer(struct http_request *rq);

/**
 * Read no more of a body, or go on: what has come meanwhile comes as pieces later, and so does
 * on_body(). Nothing comes in between, nor counts as slowness of the client's, who may leave
 * unnoticed. Paused in on_head(), a client that waits to be asked for its body (100 Continue)
 * is asked when it goes on, and not at all if it is answered before. Harmless where there is
 * nothing to pause any more, or nothing is paused.
 */
void http_pause(struct http_request *rq);
void http_resume(struct http_request *rq);

/** A part of a file: it goes from the disk to the network, past us. */
struct http_file {
    int fd; // moved: closed once it was sent, or is not going to be; -1: none
    uint64_t offset;
    uint64_t length; // bytes; they must be there
};

struct http_response {
    unsigned status;
    str type;    // Content-Type; empty for none
    str headers; // further whole lines, each with its CR LF
    str body;
    const struct http_file *file; // instead of body; not sent for HEAD. NULL: none
    uint64_t length; // of a HEAD's answer: what a GET would have; read where body is empty
    bool close;      // and close the connection
    bool is_patient; // where a body is still on its way: read and drop HTTP_DROPPED_MAX of it
                     // before that, or the reset would overtake the answer. Not of a client
                     // that waits to be asked for it

    /** Of what is left to take there is little, or nobody takes it. Once, perhaps before
     * http_respond() has returned. May be NULL. */
    void (*on_taken)(void *arg);
    void *arg;
};

/**
 * Answer; rq is no more. The bytes are copied.
 *
 * @return false: the connection could not take the answer, and was cut
 */
bool http_respond(struct http_request *rq, const struct http_response *r);

/** Cut the connection without an answer; rq is no more. */
void http_abort(struct http_request *rq);

/**
 * Answer 101 with these header lines and let go of the connection. Only from on_head.
 *
 * @param rest  the bytes that came behind the head; borrowed until on_head returns, and
 *              may be changed in place
 * @return the stream, moved to the caller, which sets itself as its owner at once; NULL
 *         if the connection could not take the answer: rq is no more all the same
 */
struct stream *http_upgrade(struct http_request *rq, str headers, char **rest,
                            size_t *rest_len);
