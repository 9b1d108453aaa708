/** Files: announcing one, and getting that of a message. */
#include "api/encode.h"
#include "api/event.h"
#include "api/file.h"
#include "api/gate.h"

static void on_created(void *arg, int r, const struct chat_upload *u)
{
    struct api_request *rq = arg;
    struct buf out;

    if (!api_request_begin_answer(rq, r, &out))
        return;
    const struct api_reader reader = api_client_reader(rq->client);
    api_encode_upload(&out, u, &reader);
    api_request_answer(rq, &out);
}

static void start_create(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_announce what;

    if (!rq->client->api->config.media) {
        api_request_refuse_bad(rq, &api_takes_no_files);
        return;
    }
    if (api_decode_upload(&what, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    api_request_weigh(rq, API_LINK_BYTES);
    const int r = chat_upload(api_request_actor(rq), &what, on_created, rq);
    if (r != 0)
        api_request_end(rq, r);
}

/** The message is there, and its page; rq is over. */
static void answer(struct api_request *rq, const struct store_history_page *page)
{
    const struct api_reader reader = api_client_reader(rq->client);
    struct api_file file;
    struct buf out;

    const struct api_problem *problem = api_file_find(&file, page, reader.media);
    if (problem) {
        api_request_refuse(rq, problem);
        return;
    }
    if (api_request_begin_answer(rq, 0, &out)) {
        api_encode_attachment(&out, &file, &reader);
        api_request_answer(rq, &out);
    }
    api_file_close(&file);
}

static void on_message(void *arg, int r, const struct store_history_page *page)
{
    struct api_request *rq = arg;

    if (r != 0 || !rq->client) {
        api_request_end(rq, r);
    } else {
        answer(rq, page);
    }
}

static void start_url(struct api_request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_mark mark;

    if (api_decode_mark(&mark, d, payload) != 0) {
        api_request_refuse_bad(rq, &d->problem);
        return;
    }
    api_request_weigh(rq, API_LINK_BYTES);
    const struct chat_history where = api_file_where(&mark.place, mark.seq);
    const int r = chat_history(api_request_actor(rq), &where, on_message, rq);
    if (r != 0)
        api_request_end(rq, r);
}

static const struct api_event events[] = {
    {{"upload.create", 13}, start_create, false, false},
    {{"attachment.url", 14}, start_url, false, false},
};

const struct api_event_table api_upload_events = {events, COUNT_OF(events)};
