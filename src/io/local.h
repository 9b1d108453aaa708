/**
 * UNIX sockets: for programs of this machine, and of this user alone. What is accepted is a
 * stream like any other, whose peer has no address: "-".
 */
#pragma once

#include "base/buf.h"
#include "io/tcp.h"

#define LOCAL_PATH_MAX 107 // bytes of a socket's path; what the system has room for

/**
 * Listen on a socket at this path, which nobody but its owner may open, from its first moment
 * on. One that is there is replaced: that nobody listens on it the caller must know.
 * listener_close() removes it. Thread: while no other one makes files that others shall open.
 *
 * @param how  without an address
 * @return 0 or a fault: -ENAMETOOLONG, -EEXIST (something else is there), or what binding says
 */
MUST_CHECK int local_listen(struct listener **out, struct loop *l, const char *path,
                            const struct tcp_listen *how);

enum local_refusal {
    LOCAL_NOBODY = 1, // listens there
    LOCAL_LATE,       // no answer in time
};

/**
 * Send a question to who listens at this path, and take all that comes until they close. It
 * blocks: for programs without a loop.
 *
 * @param answer      appended; what does not fit is a fault (-EMSGSIZE)
 * @param timeout_ms  without a byte either way
 * @return 0, an enum local_refusal, or a fault
 */
MUST_CHECK int local_ask(const char *path, str question, struct buf *answer,
                         int64_t timeout_ms);
