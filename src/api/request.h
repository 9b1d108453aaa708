/** What clients ask for: which events there are, and what becomes of each. */
#pragma once

#include "api/client.h"

/** Answer it, now or later. c may be over afterwards. */
void api_request(struct api_client *c, const struct sio_event *e);

/** Their client is over: nobody waits for their answers. */
void api_request_forget_all(struct list *requests);
