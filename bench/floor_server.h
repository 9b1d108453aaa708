/**
 * The least that a chat server can do: it takes WebSocket frames, passes each on to the
 * connection that its content names, and answers it with a short one; each connection is
 * written to once a turn. On epoll by itself, in a process of its own. There is no handshake.
 */
#pragma once

#include <sys/types.h>

#include "bench/net.h"

#define FLOOR_NUMBER_SIZE 4 // bytes: a content begins with the number of a connection
#define FLOOR_ANSWER_SIZE 2 // bytes of an answer's content

struct floor_server {
    pid_t pid;
    struct address address;
};

enum floor_server_refusal {
    FLOOR_SERVER_FAILED = 1, // said on stderr
};

/** A child process, which ends with this one. @return 0 or FLOOR_SERVER_FAILED */
MUST_CHECK int floor_server_start(struct floor_server *s);
void floor_server_stop(struct floor_server *s);
