/**
 * Requests over HTTP: JSON in, JSON out, with the bodies and the codes of the requests over
 * Socket.IO, and the status that fits. Which there are, and what becomes of them, is in
 * api/sign_in.h and api/rest.h.
 */
#pragma once

#include "api/client.h"
#include "api/route.h"
#include "http/server.h"
#include "json/json.h"

#define API_BODY_MAX  65536 // bytes of a request's body, but for a message's
#define API_FRAME_MAX 4096  // bytes of a message's body beside its content

struct api_caller;

struct api_call {
    struct job job; // frees it
    struct api *api;
    struct http_request *rq;       // NULL: nobody waits for the answer any more
    const struct api_route *route; // NULL: there is nothing at the path
    struct api_caller *caller;     // NULL: no wallet's call, or it is not known to be one yet
    bool is_started;
    bool keeps_body;              // longer than start() takes
    bool ends_all;                // of a logout: all sessions of the account
    const struct http_head *head; // of a GET that is no wallet's, until start() returns
    struct log_ctx log;
    ip from;           // who asks, as rates count
    char *bearer;      // the token of Authorization; a secret; NULL: none
    struct json *body; // what start() got; NULL: none
    struct buf headers;
};

/** What begins with all that is needed to start. @param body  borrowed, and changed in place */
void api_call_start(struct api_call *c, char *body, size_t n);

/** @return false: its address has asked too often, and c is over */
bool api_call_take_rate(struct api_call *c);

/** Answer, now or later. c is over. @param problem  what is in it is borrowed */
void api_call_refuse(struct api_call *c, const struct api_problem *problem);

/** @param body  JSON @param cache  how long it may be kept, seconds; 0: not at all */
void api_call_answer(struct api_call *c, str body, unsigned cache_s);

/** Likewise: something is there that was not before. */
void api_call_answer_created(struct api_call *c, str body);

/** Nothing may be said: cut the connection. c is over. */
void api_call_abort(struct api_call *c);
