/** What clients ask for: which events there are, and what becomes of each. */
#pragma once

#include "api/client.h"

/** For struct api. */
struct pool *api_request_pool_new(void);

/** Start it, or have it wait for its turn: it is answered now or later. */
void api_request(struct api_client *c, const struct sio_event *e);

/** One came whose JSON passes what we can hold. */
void api_request_unreadable(struct api_client *c, int64_t ack_id);

/** It is its turn. @param bytes  as the gate was told; e->text and the attachments are not
 * asked for */
void api_request_start(struct api_client *c, const struct sio_event *e, size_t bytes);

/** Their client is over: nobody waits for their answers. */
void api_request_forget_all(struct list *requests);
