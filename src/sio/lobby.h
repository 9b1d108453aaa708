/** What a client needs only until it has joined, or while it joins one more namespace. Private
 * to the server. */
#pragma once

#include "sio/server.h"

struct sio_conn;

/** One that waits for the application's decision. */
struct lobby_message {
    struct lobby_message *next;
    bool is_binary;
    size_t len;
    char bytes[];
};

static_assert(sizeof(struct lobby_message) <= SIO_WAITING_COST,
              "a message costs what it takes");

struct lobby {
    struct sio_conn *conn;
    struct timers *timers;
    struct timer timer; // until when it must have joined, or is told that it has
    struct lobby_message *waiting;
    struct lobby_message **waiting_tail;
    size_t waiting_bytes;
    size_t unjoined_bytes;
    struct sio_socket *owed; // accepted, and its client is not told yet; NULL: none
};

/** @return owned; lobby_free() */
struct lobby *lobby_new(struct timers *timers, struct sio_conn *conn);

/** NULL is fine. */
void lobby_free(struct lobby *l);

static inline bool lobby_has_waiting(const struct lobby *l)
{
    return l->waiting;
}

/** @param bytes  copied @return false: as many wait as may (SIO_WAITING_MAX) */
bool lobby_keep(struct lobby *l, bool is_binary, str bytes);

/** The first one; there is one. @return owned; free() */
struct lobby_message *lobby_take(struct lobby *l);
