/**
 * One HTTP connection. Private to http/: server.c has its life, its clocks and what it reads,
 * respond.c what is written.
 *
 * It reads a head, perhaps a body, and then waits for the answer; then it reads the next head,
 * once the client has taken most of the answer. It is freed by a job, never below a frame that
 * still uses it.
 */
#pragma once

#include "base/fsm.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/pace.h"
#include "http/server.h"

enum conn_state {
    CONN_HEAD,     // between requests, or in the middle of a head
    CONN_BODY,     // the handler has seen the head; the body is not all here
    CONN_PAUSED,   // likewise, and the handler wants no more of it now
    CONN_WAITING,  // the handler has all, we wait for its answer
    CONN_DROPPING, // answered before the body's end, which goes by
    CONN_TAKING,   // answered, and the client has much of that to take before its next request
    CONN_GONE,     // closed, aborted, upgraded or moved
};

struct http_conn {
    struct http_server *server;
    struct stream *stream;
    struct list node;
    struct fsm fsm;
    struct timer timer;
    struct job job;         // reads on, or frees
    struct http_request rq; // the one under way
    const struct http_route *route;
    struct buf in;   // what could not be used yet
    char *parsed;    // while parsing: the bytes, in c->in or in the loop's read buffer
    str rest;        // and what of them is behind the request under way
    struct buf body; // gathered, where it came in pieces
    struct http_body coming;
    uint64_t body_received;
    uint64_t dropped;            // bytes of a body whose request is answered
    struct http_pace pace;       // of the body, or of who takes the answer
    size_t untaken;              // bytes, when the last answer was given
    size_t looked_at;            // bytes of them that were left at the last look
    void (*on_taken)(void *arg); // of that answer; NULL: nobody wants to know
    void *taken_arg;
    bool is_http10;
    bool keep_alive;
    bool owes_continue; // the client waits for us to want its body
    bool has_file;      // the last answer
    bool is_last;       // the answer that is taken closes
    bool is_leaving;    // once it is taken: the next request is for elsewhere
    bool is_parsing;    // parse() is on the stack and goes on by itself
    bool is_held_up;    // not reading
    bool is_first;      // no head was read yet
    bool stays;         // the next request is served here
    bool is_head_begun;
};

struct http_server {
    struct http_config config;
    struct list conns;
    uint64_t n_accepted;
    bool is_draining;
    struct http_date date;
};

static inline struct http_conn *http_conn_of(struct http_request *rq)
{
    return container_of(rq, struct http_conn, rq);
}

// server.c

/** The connection is over; the stream has been given away or is about to be. */
void http_conn_end(struct http_conn *c);

void http_conn_close(struct http_conn *c);
void http_conn_abort(struct http_conn *c);

void http_conn_set_deadline(struct http_conn *c, int64_t in_ms);

/** From now on somebody must keep a rate, after the time of grace. */
void http_conn_start_pace(struct http_conn *c, int64_t bytes_per_s, int64_t grace_ms);

/** Read on, unless enough is waiting already, or nobody wants more. */
void http_conn_update_reading(struct http_conn *c);

/** Use what has been kept, at the end of the turn. */
void http_conn_parse_later(struct http_conn *c);

// respond.c

/** Answer without a handler, and close. */
void http_conn_refuse(struct http_conn *c, unsigned status);

/** The request is over: go on once its answer is taken. */
void http_conn_end_request(struct http_conn *c);

/** Go on once what is written is taken. */
void http_conn_start_taking(struct http_conn *c);

/** The last answer is taken: close, or read the next head. */
void http_conn_go_on(struct http_conn *c);

/** The last answer is taken, or nobody takes it. */
void http_conn_tell_taken(struct http_conn *c);
