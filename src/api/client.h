/**
 * One client: a socket of an account's, from its acceptance to its end, and what the chat
 * tells it. What it asks for is in api/request.h.
 */
#pragma once

#include "api/api.h"
#include "api/decode.h"
#include "base/ips.h"
#include "base/list.h"

struct api {
    struct api_config config;
    struct api_counters counters;
    struct api_decoder decoder;
    struct ips ips;
};

struct api_client {
    struct api *api;
    struct sio_socket *socket;
    struct chat_session *session;
    struct ips_count *ip;  // NULL: not counted
    char *name;            // of the token's session; NULL once the client knows it
    struct list requests;  // under way: they are told when the client goes
    size_t under_way;      // bytes of answers to come
    struct api_gate *gate; // NULL: no request waits
    struct timer expiry;
    account account;
};

static_assert(sizeof(struct api_client) <= 192, "an idle client is small: there are many");

/**
 * Accept the socket. The client is its state from then on.
 *
 * @param cursor  as the client sent it; may be empty
 * @return NULL: its address has too many; nothing was done
 */
struct api_client *api_client_open(struct api *a, struct sio_socket *s,
                                   const struct auth_identity *who, str cursor);

/** The socket is over. @param why  for the log */
void api_client_close(struct api_client *c, const char *why);

/** Say what is wrong, then end the connection as a network would: the client comes back. */
void api_client_fail(struct api_client *c, enum api_error error);

// What is said to a client: begin, add a value, send.

/** @param event  empty: the answer to a request */
void api_client_begin(struct buf *out, str event);

/** out is over. */
void api_client_emit(struct api_client *c, struct buf *out);
void api_client_answer(struct api_client *c, int64_t ack_id, struct buf *out);
