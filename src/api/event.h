/**
 * Requests of clients, for the files that know what becomes of them. A file has a table of its
 * events; api/request.c looks through all of these.
 *
 * A request is over when it was answered, refused or ended, and each does that once.
 */
#pragma once

#include "api/client.h"

/** It may outlive its client: the chat still has it then. */
struct api_request {
    struct list node;
    struct api_client *client;     // NULL: over
    const struct api_event *event; // NULL: unknown
    str event_name;                // of an event that we do not know: borrowed
    int64_t ack_id;                // -1: no answer is waited for
    size_t bytes;                  // of the answer, as the gate counts them
    uint8_t key_len;
    char key[]; // the client_msg_id of a send without a callback
};

struct api_event {
    str name;
    void (*start)(struct api_request *rq, const struct json *payload);
    bool is_send; // answered in any case, with an event where there is no callback
    bool is_page; // the answer has the contents of many
};

struct api_event_table {
    const struct api_event *events;
    size_t n;
};

extern const struct api_event_table api_message_events; // api/messages.c
extern const struct api_event_table api_contact_events; // api/contacts.c
extern const struct api_event_table api_live_events;    // api/live.c
extern const struct api_event_table api_token_events;   // api/token.c
extern const struct api_event_table api_upload_events;  // api/uploads.c

/** Of the client, which is there. */
struct chat_actor *api_request_actor(const struct api_request *rq);

/**
 * The chat has answered. @param r  0, an enum chat_refusal, or a fault
 * @return false: there is nothing to say but what was said, and rq is over
 */
bool api_request_begin_answer(struct api_request *rq, int r, struct buf *out);

/** out is over, and rq. */
void api_request_answer(struct api_request *rq, struct buf *out);

/** rq is over. @param r  as the chat has it; 0: all is well, and nobody waits to hear it */
void api_request_end(struct api_request *rq, int r);

/** rq is over. */
void api_request_refuse(struct api_request *rq, const struct api_problem *p);

/** The client has sent what can't be meant, which counts for its rate: rq is over. */
void api_request_refuse_bad(struct api_request *rq, const struct api_problem *p);

/** The answer may be longer than was thought: its content has so many bytes. */
void api_request_weigh(struct api_request *rq, size_t content_bytes);

/** Nobody is there to be answered: rq is over. */
void api_request_free(struct api_request *rq);
