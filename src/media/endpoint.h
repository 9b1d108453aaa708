/**
 * The small S3 of media/local.h: requests by pre-signed URLs, to put what was announced and to
 * get what is kept.
 */
#pragma once

#include "media/files.h"
#include "media/local.h"
#include "media/sigv4.h"

struct endpoint;

struct endpoint_config {
    struct loop *loop;
    struct uploads *uploads;
    const struct http_origins *origins;
    const struct http_proxies *proxies;
    bool rate_limits; // off: no limit for an address
    struct rand *rand;
    struct files *files;
    const struct sigv4_key *key;
};

/** @param config  copied; what it points to is borrowed */
struct endpoint *endpoint_new(const struct endpoint_config *config);

/** Where clients think that it is. A proxy may have changed the host, and taken the path off:
 * signatures are good for these, too. @param path  "" or "/chat" */
void endpoint_set_place(struct endpoint *e, str host, str path);

/** What is under way is refused, and so is what comes from now on. Files that are being sent
 * are none of its business any more. */
void endpoint_stop(struct endpoint *e);

/** No request is under way, nor, before endpoint_stop(), a file being sent. */
bool endpoint_is_idle(const struct endpoint *e);
void endpoint_free(struct endpoint *e);

const struct media_local_counters *endpoint_counters(const struct endpoint *e);

// As in struct http_handler.
void endpoint_on_head(struct endpoint *e, struct http_request *rq,
                      const struct http_head *head);
void endpoint_on_piece(struct endpoint *e, struct http_request *rq, str piece);
void endpoint_on_body(struct endpoint *e, struct http_request *rq);
void endpoint_on_gone(struct endpoint *e, struct http_request *rq);
