/** Connections that go to the worker that serves their next request (http/server.h). */
#pragma once

#include "http/server.h"
#include "server/posts.h"

/** Of a worker; all but the last is the owner's to set. */
struct moves {
    struct posts *posts;
    struct moves *const *all; // of all workers, by number
    unsigned number;
    struct loop *loop;
    struct http_server *http;
    bool has_ended; // its loop: what still comes is dropped. Set before its box is closed
};

/** As place() of http_config. @param worker  whose it is; -1, or one that is not there:
 * anybody's
 * @return worker, or HTTP_HERE */
int moves_place(const struct moves *m, int worker);

/** As move() of http_config. */
void moves_move(const struct moves *m, int place, struct stream_parcel *parcel);
