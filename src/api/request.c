#include "api/request.h"

#include "api/encode.h"
#include "api/gate.h"
#include "api/identify.h"
#include "base/mem.h"

static_assert(JSON_DEPTH_MAX == 32, "as the message below says");

#define ECHO_MAX 64 // bytes of an unknown event's name that we say again

/** It may outlive its client: the chat still has it then. */
struct request {
    struct list node;
    struct api_client *client; // NULL: over
    const struct event *event;
    str event_name; // of an event that we do not know: borrowed
    int64_t ack_id; // -1: no answer is waited for
    size_t bytes;   // of the answer, as the gate counts them
    uint8_t key_len;
    char key[]; // the client_msg_id of a send without a callback
};

static_assert(CHAT_KEY_MAX <= UINT8_MAX, "the length of a key fits");

struct event {
    str name;
    void (*start)(struct request *rq, const struct json *payload);
    bool is_send; // answered in any case, with an event where there is no callback
    bool is_page; // the answer has the contents of many
};

static void request_free(struct request *rq)
{
    if (rq->client)
        api_gate_remove(rq->client, rq->bytes);
    list_remove(&rq->node);
    free(rq);
}

void api_request_forget_all(struct list *requests)
{
    list_each (node, requests) {
        container_of(node, struct request, node)->client = NULL;
        list_remove(node);
    }
}

// Answers.

static bool is_waited_for(const struct request *rq)
{
    return rq->client && (rq->ack_id >= 0 || rq->event->is_send);
}

/** rq is over. */
static void answer(struct request *rq, struct buf *out)
{
    if (rq->ack_id < 0) {
        api_client_emit(rq->client, out);
    } else {
        api_client_answer(rq->client, rq->ack_id, out);
    }
    request_free(rq);
}

static void send_problem(const struct request *rq, const struct api_problem *p)
{
    struct buf out;

    rq->client->api->counters.errors[p->error]++;
    if (rq->ack_id < 0) {
        api_client_begin(&out, STR("error"));
        api_encode_error_event(&out, p, rq->event_name, (str){rq->key, rq->key_len});
        api_client_emit(rq->client, &out);
    } else {
        api_client_begin(&out, (str){0});
        api_encode_error(&out, p);
        api_client_answer(rq->client, rq->ack_id, &out);
    }
}

/** rq is over. */
static void refuse(struct request *rq, const struct api_problem *p)
{
    if (rq->client)
        send_problem(rq, p);
    request_free(rq);
}

/** @param r  what the chat has said: an enum chat_refusal, or a fault */
static struct api_problem problem_of(const struct request *rq, int r)
{
    const bool is_send = rq->event->is_send;

    switch (r) {
    case CHAT_RECIPIENT_INVALID:
        return (struct api_problem){API_RECIPIENT_INVALID, is_send ? "to" : "peer",
                                    "One can't write to oneself. Check the address.", 0};
    case CHAT_RATE_LIMITED:
        return (struct api_problem){.error = API_RATE_LIMITED,
                                    .retry_after_ms = chat_retry_after_ms(rq->client->session)};
    case CHAT_BUSY: return (struct api_problem){.error = API_BUSY};
    case CHAT_NOT_FOUND: return (struct api_problem){.error = API_NOT_FOUND};
    case CHAT_NO_SUCH_SEQ:
        return (struct api_problem){API_BAD_REQUEST, is_send ? "reply_to" : "seq",
                                    "The conversation has no message of this number yet.", 0};
    case CHAT_CONFLICT:
        return (struct api_problem){.error = API_CONFLICT, .field = "client_msg_id"};
    case CHAT_MAILBOX_FULL: return (struct api_problem){.error = API_MAILBOX_FULL};
    case CHAT_UNAVAILABLE: return (struct api_problem){.error = API_STORAGE_UNAVAILABLE};
    default: return (struct api_problem){.error = API_INTERNAL};
    }
}

/** The client has sent what can't be meant: rq is over. */
static void refuse_bad(struct request *rq, const struct api_problem *p)
{
    struct chat_session *session = rq->client->session;
    struct api_problem limited = {.error = API_RATE_LIMITED};

    if (chat_charge(session) == 0) {
        refuse(rq, p);
        return;
    }
    limited.retry_after_ms = chat_retry_after_ms(session);
    refuse(rq, &limited);
}

/** rq is over. @param r  as the chat has it; 0: all is well, and nobody waits to hear it */
static void end(struct request *rq, int r)
{
    // After CHAT_UNANSWERED nothing may be said: an error means that nothing was stored.
    if (r == 0 || r == CHAT_UNANSWERED || !rq->client) {
        request_free(rq);
        return;
    }
    const struct api_problem p = problem_of(rq, r);
    refuse(rq, &p);
}

/** @return false: there is nothing to say but what was said, and rq is over */
static bool begin_answer(struct request *rq, int r, struct buf *out)
{
    if (r != 0 || !is_waited_for(rq)) {
        end(rq, r);
        return false;
    }
    api_client_begin(out, rq->ack_id < 0 ? STR("ack") : (str){0});
    return true;
}

// The events.

static void on_sent(void *arg, int r, const struct store_appended *a)
{
    struct request *rq = arg;
    struct buf out;

    if (!begin_answer(rq, r, &out))
        return;
    api_encode_sent(&out, a, &rq->client->account);
    answer(rq, &out);
}

/** Printed anew, a content may be longer than it was. */
static void weigh(struct request *rq, str content)
{
    const size_t bytes = API_ANSWER_BYTES + content.len;

    if (bytes <= rq->bytes)
        return;
    api_gate_add(rq->client, bytes - rq->bytes);
    rq->bytes = bytes;
}

static void start_send(struct request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_send send;

    if (api_decode_send(&send, d, payload) != 0) {
        refuse_bad(rq, &d->problem);
        return;
    }
    weigh(rq, send.content);
    const int r = chat_send(rq->client->session, &send, on_sent, rq);
    if (r != 0)
        end(rq, r);
}

static void on_marked(void *arg, int r, uint64_t seq)
{
    struct request *rq = arg;
    struct buf out;

    if (!begin_answer(rq, r, &out))
        return;
    api_encode_marked(&out, seq);
    answer(rq, &out);
}

static void start_mark(struct request *rq, const struct json *payload, enum chat_mark kind)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_mark mark;

    if (api_decode_mark(&mark, d, payload) != 0) {
        refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_mark(rq->client->session, &mark.place, kind, mark.seq, on_marked, rq);
    if (r != 0)
        end(rq, r);
}

static void start_delivered(struct request *rq, const struct json *payload)
{
    start_mark(rq, payload, CHAT_MARK_DELIVERED);
}

static void start_read(struct request *rq, const struct json *payload)
{
    start_mark(rq, payload, CHAT_MARK_READ);
}

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct request *rq = arg;
    struct buf out;

    if (!begin_answer(rq, r, &out))
        return;
    api_encode_history(&out, page, &rq->client->account);
    answer(rq, &out);
}

static void start_history(struct request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct chat_history history;

    if (api_decode_history(&history, d, payload) != 0) {
        refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_history(rq->client->session, &history, on_history, rq);
    if (r != 0)
        end(rq, r);
}

static void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct request *rq = arg;
    struct buf out;

    if (!begin_answer(rq, r, &out))
        return;
    api_encode_list(&out, page, &rq->client->account);
    answer(rq, &out);
}

static void start_list(struct request *rq, const struct json *payload)
{
    struct api_decoder *d = &rq->client->api->decoder;
    struct api_list list;

    if (api_decode_list(&list, d, payload) != 0) {
        refuse_bad(rq, &d->problem);
        return;
    }
    const int r = chat_list(rq->client->session, list.limit, list.before, on_list, rq);
    if (r != 0)
        end(rq, r);
}

/** @return what is wrong, or API_OK */
static struct api_problem problem_of_token(const struct api_client *c,
                                           const struct api_identity *id)
{
    if (id->error == API_OK && !account_eq(&id->who.account, &c->account)) {
        return (struct api_problem){API_FORBIDDEN, "token",
                                    "This token is of another account. Connect anew with it.",
                                    0};
    }
    return (struct api_problem){.error = id->error,
                                .field = id->error == API_OK ? NULL : "token"};
}

static void renew(struct request *rq, const struct api_identity *id)
{
    const struct api_problem problem = problem_of_token(rq->client, id);
    struct buf out;

    if (problem.error != API_OK) {
        refuse(rq, &problem);
        return;
    }
    api_client_renew(rq->client, &id->who);
    if (!begin_answer(rq, 0, &out))
        return;
    api_encode_renewed(&out, id->who.expires_at_ms);
    answer(rq, &out);
}

static void on_identified(void *arg, const struct api_identity *id)
{
    struct request *rq = arg;

    if (rq->client) {
        renew(rq, id);
    } else {
        request_free(rq);
    }
}

static void start_refresh(struct request *rq, const struct json *payload)
{
    struct api_client *c = rq->client;
    const struct api_asker asker = {on_identified, rq, sio_log(c->socket)};
    struct api_identity id;
    str token;

    if (api_decode_token(&token, &c->api->decoder, payload) != 0) {
        refuse_bad(rq, &c->api->decoder.problem);
        return;
    }
    const int r = chat_charge(c->session); // a signature is checked, and the token may wait
    if (r != 0) {
        end(rq, r);
    } else if (!api_identify(c->api, token, &asker, &id)) {
        renew(rq, &id);
    }
}

static const struct event events[] = {
    {{"message.send", 12}, start_send, true, false},
    {{"message.delivered", 17}, start_delivered, false, false},
    {{"message.read", 12}, start_read, false, false},
    {{"message.history", 15}, start_history, false, true},
    {{"conversation.list", 17}, start_list, false, true},
    {{"auth.refresh", 12}, start_refresh, false, false},
};

static const struct event *find_event(str name)
{
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (str_eq(name, events[i].name))
            return &events[i];
    }
    return NULL;
}

/** Of the answer, as far as can be told before anything is decoded. */
static size_t answer_bytes(const struct event *event, const struct sio_event *e)
{
    if (event && event->is_page)
        return CHAT_PAGE_BYTES_MAX;
    return API_ANSWER_BYTES + (event && event->is_send ? e->text.len : 0);
}

static struct request *request_new(struct api_client *c, const struct event *event,
                                   const struct sio_event *e, size_t bytes)
{
    const bool has_key = event && event->is_send && e->ack_id < 0;
    const str key = has_key ? api_decode_key(json_item(e->data, 1)) : (str){0};
    struct request *rq = mem_alloc(sizeof(*rq) + key.len);

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
    const struct event *event = find_event(e->name);
    struct request *rq = request_new(c, event, e, bytes);

    if (!event) {
        refuse_bad(rq, &unknown);
    } else if (e->n_attachments > 0) {
        refuse_bad(rq, &binary);
    } else {
        event->start(rq, json_item(e->data, 1));
    }
}

void api_request(struct api_client *c, const struct sio_event *e)
{
    static const struct api_problem busy = {.error = API_BUSY};
    const struct event *event = find_event(e->name);
    const size_t bytes = answer_bytes(event, e);

    c->api->counters.requests++;
    if (api_gate_is_open(c, bytes)) {
        api_request_start(c, e, bytes);
    } else if (api_gate_wait(c, e, bytes) != 0) {
        refuse(request_new(c, event, e, 0), &busy);
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
    refuse_bad(request_new(c, NULL, &(struct sio_event){.ack_id = ack_id}, 0), &unreadable);
}
