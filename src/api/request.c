#include "api/request.h"

#include "api/encode.h"
#include "api/event.h"
#include "api/gate.h"
#include "api/refusal.h"
#include "base/mem.h"

static_assert(JSON_DEPTH_MAX == 32, "as the message below says");

#define ECHO_MAX 64 // bytes of an unknown event's name that we say again

struct pool *api_request_pool_new(void)
{
    return pool_new(sizeof(struct api_request));
}

void api_request_free(struct api_request *rq)
{
    if (rq->client)
        api_gate_remove(rq->client, rq->bytes);
    list_remove(&rq->node);
    if (rq->key_len > 0) {
        free(rq);
    } else {
        pool_give(rq);
    }
}

void api_request_forget_all(struct list *requests)
{
    list_each (node, requests) {
        container_of(node, struct api_request, node)->client = NULL;
        list_remove(node);
    }
}

// Answers.

struct chat_actor *api_request_actor(const struct api_request *rq)
{
    return chat_session_actor(rq->client->session);
}

static bool is_waited_for(const struct api_request *rq)
{
    return rq->client && (rq->ack_id >= 0 || rq->event->is_send);
}

void api_request_answer(struct api_request *rq, struct buf *out)
{
    if (rq->ack_id < 0) {
        api_client_emit(rq->client, out);
    } else {
        api_client_answer(rq->client, rq->ack_id, out);
    }
    api_request_free(rq);
}

static void send_problem(const struct api_request *rq, const struct api_problem *p)
{
    struct buf out;

    rq->client->api->counters.errors[p->error]++;
    if (rq->ack_id < 0) {
        api_client_begin(rq->client, &out, STR("error"));
        api_encode_error_event(&out, p, rq->event_name, (str){rq->key, rq->key_len});
        api_client_emit(rq->client, &out);
    } else {
        api_client_begin(rq->client, &out, (str){0});
        api_encode_error(&out, p);
        api_client_answer(rq->client, rq->ack_id, &out);
    }
}

void api_request_refuse(struct api_request *rq, const struct api_problem *p)
{
    if (rq->client)
        send_problem(rq, p);
    api_request_free(rq);
}

void api_request_refuse_bad(struct api_request *rq, const struct api_problem *p)
{
    struct chat_actor *actor = api_request_actor(rq);
    struct api_problem limited = {.error = API_RATE_LIMITED};

    if (chat_charge(actor) == 0) {
        api_request_refuse(rq, p);
        return;
    }
    limited.retry_after_ms = actor->retry_after_ms;
    api_request_refuse(rq, &limited);
}

void api_request_end(struct api_request *rq, int r)
{
    // After CHAT_UNANSWERED nothing may be said: an error means that nothing was stored.
    if (r == 0 || r == CHAT_UNANSWERED || !rq->client) {
        api_request_free(rq);
        return;
    }
    char text[API_REFUSAL_SIZE];
    const struct api_problem p =
        api_refusal(text, api_request_actor(rq), r, rq->event->is_send);
    api_request_refuse(rq, &p);
}

bool api_request_begin_answer(struct api_request *rq, int r, struct buf *out)
{
    if (r != 0 || !is_waited_for(rq)) {
        api_request_end(rq, r);
        return false;
    }
    api_client_begin(rq->client, out, rq->ack_id < 0 ? STR("ack") : (str){0});
    return true;
}

void api_request_weigh(struct api_request *rq, size_t content_bytes)
{
    const size_t bytes = API_ANSWER_BYTES + content_bytes;

    if (bytes <= rq->bytes)
        return;
    api_gate_add(rq->client, bytes - rq->bytes);
    rq->bytes = bytes;
}

// Which there are.

static const struct api_event_table *const tables[] = {
    &api_message_events, &api_contact_events, &api_live_events,
    &api_token_events,   &api_upload_events,
};

static const struct api_event *find_in(const struct api_event_table *t, str name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (str_eq(name, t->events[i].name))
            return &t->events[i];
    }
    return NULL;
}

static const struct api_event *find_event(str name)
{
    const struct api_event *found = NULL;

    for (size_t i = 0; !found && i < COUNT_OF(tables); i++)
        found = find_in(tables[i], name);
    return found;
}

/** Of the answer, as far as can be told before anything is decoded. */
static size_t answer_bytes(const struct api_event *event, const struct sio_event *e)
{
    if (event && event->is_page)
        return CHAT_PAGE_BYTES_MAX;
    return API_ANSWER_BYTES + (event && event->is_send ? e->text.len : 0);
}

static struct api_request *request_new(struct api_client *c, const struct api_event *event,
                                       const struct sio_event *e, size_t bytes)
{
    const bool has_key = event && event->is_send && e->ack_id < 0;
    const str key = has_key ? api_decode_key(json_item(e->data, 1)) : (str){0};
    struct api_request *rq =
        key.len > 0 ? mem_alloc(sizeof(*rq) + key.len) : pool_take(c->api->request_pool);

    rq->client = c;
    rq->event = event;
    rq->event_name = event ? event->name : e->name;
    if (rq->event_name.len > ECHO_MAX)
        rq->event_name = (str){0};
    rq->ack_id = e->ack_id;
    rq->bytes = bytes;
    rq->key_len = (uint8_t)key.len;
    str_copy(rq->key, key);
    list_push(&c->requests, &rq->node);
    api_gate_add(c, bytes);
    return rq;
}

void api_request_start(struct api_client *c, const struct sio_event *e, size_t bytes)
{
    static const struct api_problem unknown = {.error = API_UNKNOWN_EVENT};
    static const struct api_problem binary = {
        API_BAD_REQUEST, NULL, "Binary data can't be sent here. Send it as text.", 0};
    const struct api_event *event = find_event(e->name);
    struct api_request *rq = request_new(c, event, e, bytes);

    if (!event) {
        api_request_refuse_bad(rq, &unknown);
    } else if (e->n_attachments > 0) {
        api_request_refuse_bad(rq, &binary);
    } else {
        event->start(rq, json_item(e->data, 1));
    }
}

void api_request(struct api_client *c, const struct sio_event *e)
{
    static const struct api_problem busy = {.error = API_BUSY};
    const struct api_event *event = find_event(e->name);
    const size_t bytes = answer_bytes(event, e);

    c->api->counters.requests++;
    if (api_gate_is_open(c, bytes)) {
        api_request_start(c, e, bytes);
    } else if (api_gate_wait(c, e, bytes) != 0) {
        api_request_refuse(request_new(c, event, e, 0), &busy);
    }
}

void api_request_unreadable(struct api_client *c, int64_t ack_id)
{
    static const struct api_problem unreadable = {
        API_BAD_REQUEST, NULL,
        "This JSON can't be taken: it nests deeper than 32, or has a number beyond a double, "
        "or "
        "U+0000 in a member's name.",
        0};

    c->api->counters.requests++;
    api_request_refuse_bad(request_new(c, NULL, &(struct sio_event){.ack_id = ack_id}, 0),
                           &unreadable);
}
