/** Where requests over HTTP go: the paths that there are, and what each takes. */
#pragma once

#include "api/api.h"
#include "http/head.h"
#include "json/json.h"

struct api_call;

/** Of a POST. */
enum api_body {
    API_BODY_OBJECT,
    API_BODY_OPTIONAL, // an object, or nothing
    API_BODY_MESSAGE,  // an object with a message in it, which may be long
};

struct api_route {
    str path;                // "{peer}" in it stands for one segment, which is not empty
    enum http_method method; // GET, then HEAD does as well; or POST
    enum api_rate rate;      // of addresses; of a wallet's it is for tokens that are no good
    bool is_of_wallet;       // a token says of which: the call has a caller
    enum api_body body;
    void (*start)(struct api_call *c, const struct json *body); // body is NULL where none came
};

/** A file has a table of its routes; api/route.c looks through all of these. */
struct api_route_table {
    const struct api_route *routes;
    size_t n;
};

/**
 * @param peer  what stands for "{peer}", still percent-encoded; empty: nothing
 * @return what is at the path, and takes the method if anything there does; NULL: nothing
 */
const struct api_route *api_route_find(const struct http_head *head, str *peer);

bool api_route_takes(const struct api_route *route, enum http_method method);

/** @return the field Allow of what is at the route's path; static */
const char *api_route_allow(const struct api_route *route);
