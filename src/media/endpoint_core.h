/** What the files of the endpoint share; nobody else may look. */
#pragma once

#include "base/ips.h"
#include "media/endpoint.h"
#include "media/refusal.h"

struct endpoint {
    struct endpoint_config config;
    char *host; // owned
    char *path; // owned
    struct list puts;
    struct list gets;
    size_t n_puts;
    size_t n_gets;
    struct ips put_ips;
    struct ips get_ips;
    struct media_local_counters counters;
    bool is_stopped;
};

/** A request that was let in. */
struct endpoint_call {
    struct http_request *rq;
    const struct http_head *head;
    str id;
    struct buf headers; // of any answer; moved to whom it is given
};

/** Answer with a refusal, and count it; rq is no more. */
void endpoint_refuse(struct endpoint *e, struct http_request *rq, enum refusal why,
                     str headers);

/** Is there a place for its address? @param taken  what to give back; NULL where nobody counts
 * @return 0 or REFUSAL_SLOW_DOWN */
enum refusal endpoint_count(const struct endpoint *e, struct ips *ips,
                            const struct endpoint_call *c, struct ips_count **taken);

// Each takes c->headers, and answers now or later.

void endpoint_put_start(struct endpoint *e, struct endpoint_call *c);
void endpoint_put_on_piece(struct http_request *rq, str piece);
void endpoint_put_on_body(struct http_request *rq);
void endpoint_put_on_gone(struct http_request *rq);
void endpoint_put_stop_all(struct endpoint *e);

void endpoint_get_start(struct endpoint *e, struct endpoint_call *c);
void endpoint_get_on_body(struct http_request *rq);
void endpoint_get_on_gone(struct http_request *rq);
void endpoint_get_stop_all(struct endpoint *e);
