/** Messages, receipts, and where they are. */
#include "api/encode.h"
#include "api/event.h"
#include "api/gate.h"

static void on_sent(void *arg, int r, const struct store_appended *a)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    const struct api_reader reader = api_client_reader(rq->client);
    api_encode_sent(&out, a, &reader);
    api_request_answer(rq, &out);
}

static void start_send(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_send send;

    if (api_decode_send(&send, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    api_request_weigh(rq, send.content.len + (send.upload.len > 0 ? API_LINK_BYTES : 0));
    const int r = chat_send(api_request_actor(rq), &send, on_sent, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void on_marked(void *arg, int r, uint64_t seq)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    api_encode_marked(&out, seq);
    api_request_answer(rq, &out);
}

static void start_mark(struct api_request *rq, const struct json *payload, enum chat_mark kind)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_mark mark;

    if (api_decode_mark(&mark, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_mark(api_request_actor(rq), &mark.place, kind, mark.seq, on_marked, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void start_delivered(struct api_request *rq, const struct json *payload)
{
    start_mark(rq, payload, CHAT_MARK_DELIVERED);
}

static void start_read(struct api_request *rq, const struct json *payload)
{
    start_mark(rq, payload, CHAT_MARK_READ);
}

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    const struct api_reader reader = api_client_reader(rq->client);
    api_encode_history(&out, page, &reader);
    api_request_answer(rq, &out);
}

static void start_history(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_history history;

    if (api_decode_history(&history, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_history(api_request_actor(rq), &history, on_history, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    const struct api_reader reader = api_client_reader(rq->client);
    api_encode_list(&out, page, &reader);
    api_request_answer(rq, &out);
}

static void start_list(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_list list;

    if (api_decode_list(&list, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_list(api_request_actor(rq), list.limit, list.before, on_list, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static const struct api_event events[] = {
    {{"message.send", 12}, start_send, true, false},
    {{"message.delivered", 17}, start_delivered, false, false},
    {{"message.read", 12}, start_read, false, false},
    {{"message.history", 15}, start_history, false, true},
    {{"conversation.list", 17}, start_list, false, true},
};

const struct api_event_table api_message_events = {events, COUNT_OF(events)};
