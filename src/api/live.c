/** What is only of this moment: who is writing, and who is there. */
#include "api/encode.h"
#include "api/event.h"
#include "auth/account.h"

#define PRESENCE_BYTES 192 // of one in an answer, at most

static_assert(
    sizeof("{\"account\":\"\",\"online\":false,\"last_seen\":\"2026-11-25T19:00:00.000Z\"},") +
            AUTH_ACCOUNT_TEXT_SIZE <=
        PRESENCE_BYTES,
    "it is no longer");

static void on_done(void *arg, int r)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    api_encode_ok(&out);
    api_request_answer(rq, &out);
}

static void start_typing(struct api_request *rq, const struct json *payload, bool is_on)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_place place;

    if (api_decode_place(&place, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_type(api_request_actor(rq), &place, is_on, on_done, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void start_start(struct api_request *rq, const struct json *payload)
{
    start_typing(rq, payload, true);
}

static void start_stop(struct api_request *rq, const struct json *payload)
{
    start_typing(rq, payload, false);
}

static void on_watched(void *arg, int r, const struct chat_presence *p, size_t n)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    api_encode_watched(&out, p, n);
    api_request_answer(rq, &out);
}

static void start_watch(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_accounts all;

    if (api_decode_accounts(&all, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    api_request_weigh(rq, all.n * PRESENCE_BYTES);
    const int r = chat_watch(rq->client->session, all.accounts, all.n, on_watched, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static void start_unwatch(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_accounts all;

    if (api_decode_accounts(&all, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_unwatch(rq->client->session, all.accounts, all.n, on_done, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static const struct api_event events[] = {
    {{"typing.start", 12}, start_start, false, false},
    {{"typing.stop", 11}, start_stop, false, false},
    {{"presence.watch", 14}, start_watch, false, false},
    {{"presence.unwatch", 16}, start_unwatch, false, false},
};

const struct api_event_table api_live_events = {events, COUNT_OF(events)};
