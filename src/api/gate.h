/**
 * What a client asks for, it takes: a request starts once the client is ready, while little is
 * queued for it and little is under way for it. The others wait here, in their order, and while
 * many do nothing more is read from a WebSocket. docs/decisions/0009-the-peer-is-the-boss.md
 * has the why.
 */
#pragma once

#include "api/client.h"

#define API_QUEUED_MAX     1048576 // bytes that a client has not taken; more and nothing starts
#define API_UNDER_WAY_MAX  1048576 // bytes of answers to come; a single one may pass it
#define API_ANSWER_BYTES   1024    // that an answer counts there beside its contents
#define API_LINK_BYTES     4096    // that a link to a file counts there besides
#define API_WAITING_MAX    2097152 // bytes of requests that wait; a single one may pass it
#define API_WAITING_COST   128     // bytes that a request counts there beside its text
#define API_READ_AHEAD_MAX 262144  // bytes of those; more and a WebSocket is not read
#define API_SLOW_MS        10000   // so long a client may take nothing while requests wait

struct api_gate;

/** May a request start now? @param bytes  of its answer, at most */
bool api_gate_is_open(const struct api_client *c, size_t bytes);

enum api_gate_refusal {
    API_GATE_FULL = 1, // over API_WAITING_MAX
};

/** Have the request wait, behind the others. @return 0 or API_GATE_FULL */
MUST_CHECK int api_gate_wait(struct api_client *c, const struct sio_event *e, size_t bytes);

/** A request of c's has begun, or its answer turns out to be larger. */
void api_gate_add(struct api_client *c, size_t bytes);

/** Its answer is no longer to come. */
void api_gate_remove(struct api_client *c, size_t bytes);

/** Another request may start now. */
void api_gate_look(struct api_client *c);

/** Bytes have been queued for c. */
void api_gate_on_queued(struct api_client *c, size_t bytes);

/** c is over: what waits is dropped. */
void api_gate_close(struct api_client *c);
