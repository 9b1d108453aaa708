/** What a client wants of a peer. */
#include "api/encode.h"
#include "api/event.h"

static void on_changed(void *arg, int r, const struct chat_conversation *c)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    const struct api_reader reader = api_client_reader(rq->client);
    api_encode_found(&out, c, &reader);
    api_request_answer(rq, &out);
}

static void start(struct api_request *rq, const struct json *payload, enum chat_contact what)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_place place;

    if (api_decode_place(&place, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    api_request_weigh(rq, rq->client->api->config.content_bytes); // of the last message
    const int r = chat_contact(api_request_actor(rq), &place, what, on_changed, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void start_accept(struct api_request *rq, const struct json *payload)
{
    start(rq, payload, CHAT_ACCEPT);
}

static void start_block(struct api_request *rq, const struct json *payload)
{
    start(rq, payload, CHAT_BLOCK);
}

static void start_unblock(struct api_request *rq, const struct json *payload)
{
    start(rq, payload, CHAT_UNBLOCK);
}

static const struct api_event events[] = {
    {{"conversation.accept", 19}, start_accept, false, false},
    {{"conversation.block", 18}, start_block, false, false},
    {{"conversation.unblock", 20}, start_unblock, false, false},
};

const struct api_event_table api_contact_events = {events, COUNT_OF(events)};
