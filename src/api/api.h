/**
 * The chat on Socket.IO: event names and their JSON on one side, the domain's commands and
 * answers on the other. docs/protocol.md is what it speaks.
 */
#pragma once

#include "api/errors.h"
#include "auth/auth.h"
#include "chat/chat.h"
#include "sio/server.h"

#define API_CONTENT_MAX 65536 // bytes of a message's content, by default

struct api;

struct api_config {
    struct chat *chat;
    struct auth *auth;
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock;
    struct rand *rand;
    uint64_t home_chain;
    size_t content_bytes;    // of one message
    bool rate_limits;        // off: nor the count below
    uint64_t sockets_per_ip; // one more is refused with too_many_sockets
};

struct api_counters {
    uint64_t connects;
    uint64_t refused_connects;
    uint64_t requests;
    uint64_t errors[API_N_ERRORS]; // sent
};

struct api *api_new(const struct api_config *config);

/** After its Socket.IO server has no socket any more, and every request was answered. */
void api_free(struct api *a);

/** What to make the Socket.IO server with; its arg is the api. */
extern const struct sio_app api_sio_app;

const struct api_counters *api_counters(const struct api *a);
