/**
 * Requests over HTTP: JSON in, JSON out, with the bodies and the codes of the requests over
 * Socket.IO, and the status that fits. Which there are, and what becomes of them, is in
 * api/sign_in.h.
 */
#pragma once

#include "api/client.h"
#include "http/server.h"
#include "json/json.h"

#define API_BODY_MAX 65536 // bytes of a request's body

struct api_call;

struct api_route {
    str path;
    enum http_method
        method;         // GET, then HEAD does as well; or POST, which has an object as body
    enum api_rate rate; // of addresses
    void (*start)(struct api_call *c, const struct json *body); // body is NULL of a GET
};

struct api_call {
    struct api *api;
    struct http_request *rq;       // NULL: nobody waits for the answer any more
    const struct api_route *route; // NULL: there is nothing at the path
    bool is_started;
    bool ends_all;                // of a logout: all sessions of the account
    const struct http_head *head; // of a GET, until start() returns; else NULL
    struct log_ctx log;
    char *bearer; // the token of Authorization; a secret; NULL: none
    struct buf headers;
};

/** Answer, now or later. c is over. @param problem  what is in it is borrowed */
void api_call_refuse(struct api_call *c, const struct api_problem *problem);

/** @param body  JSON @param cache  how long it may be kept, seconds; 0: not at all */
void api_call_answer(struct api_call *c, str body, unsigned cache_s);
