#include "api/rest.h"

#include "api/caller.h"
#include "api/encode.h"
#include "api/file.h"
#include "api/refusal.h"

static struct api_decoder *decoder_of(const struct api_call *c)
{
    return &c->api->decoder;
}

static struct chat_actor *actor_of(const struct api_call *c)
{
    return &c->caller->actor;
}

static struct api_reader reader_of(const struct api_call *c)
{
    return api_reader_of(c->api, actor_of(c)->account);
}

// Answers. With each the call is over.

/** What can't be meant costs its wallet what a request costs. */
static void refuse_as(struct api_call *c, const struct api_problem *problem)
{
    struct api_problem limited = {.error = API_RATE_LIMITED};

    if (chat_charge(actor_of(c)) == 0) {
        api_call_refuse(c, problem);
        return;
    }
    limited.retry_after_ms = actor_of(c)->retry_after_ms;
    api_call_refuse(c, &limited);
}

/** As the decoder says. */
static void refuse_bad(struct api_call *c)
{
    refuse_as(c, &decoder_of(c)->problem);
}

/** @param r  an enum chat_refusal or a fault */
static void refuse(struct api_call *c, int r)
{
    if (r == CHAT_UNANSWERED) {
        api_call_abort(c);
        return;
    }
    char text[API_REFUSAL_SIZE];
    struct api_problem problem =
        api_refusal(text, actor_of(c), r, c->route->body == API_BODY_MESSAGE);
    if (r == CHAT_RECIPIENT_INVALID || r == CHAT_FORBIDDEN)
        problem.field = "peer"; // as the path calls it
    api_call_refuse(c, &problem);
}

/** @param r  what the chat has answered @return false: nothing is to be added, and c is over */
static bool begin_answer(struct api_call *c, int r, struct buf *out)
{
    if (!c->rq) {
        api_call_abort(c); // nobody waits for it any more
        return false;
    }
    if (r != 0) {
        refuse(c, r);
        return false;
    }
    buf_init(out, SIZE_MAX / 2);
    return true;
}

static void answer(struct api_call *c, struct buf *out)
{
    api_call_answer(c, buf_str(out), 0);
    buf_fini(out);
}

// GET /v1/conversations

static void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    const struct api_reader reader = reader_of(c);
    api_encode_list(&out, page, &reader);
    answer(c, &out);
}

static void start_list(struct api_call *c, const struct json *body)
{
    struct api_list list;

    (void)body;
    if (api_decode_list_in(&list, decoder_of(c), str_of(c->caller->query)) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_list(actor_of(c), list.limit, list.before, on_list, c);
    if (r != 0)
        refuse(c, r);
}

// GET /v1/conversations/{peer}

/** @return false: c is over */
static bool take_place(struct api_call *c, struct chat_place *out)
{
    if (api_decode_place_in(out, decoder_of(c), str_of(c->caller->peer)) == 0)
        return true;
    refuse_bad(c);
    return false;
}

static void on_found(void *arg, int r, const struct chat_conversation *conversation)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    const struct api_reader reader = reader_of(c);
    api_encode_found(&out, conversation, &reader);
    answer(c, &out);
}

static void start_find(struct api_call *c, const struct json *body)
{
    struct chat_place place;

    (void)body;
    if (!take_place(c, &place))
        return;
    const int r = chat_conversation(actor_of(c), &place, on_found, c);
    if (r != 0)
        refuse(c, r);
}

// GET /v1/conversations/{peer}/messages

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    const struct api_reader reader = reader_of(c);
    api_encode_history(&out, page, &reader);
    answer(c, &out);
}

static void start_history(struct api_call *c, const struct json *body)
{
    struct chat_history history;

    (void)body;
    if (api_decode_history_in(&history, decoder_of(c), str_of(c->caller->peer),
                              str_of(c->caller->query)) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_history(actor_of(c), &history, on_history, c);
    if (r != 0)
        refuse(c, r);
}

// POST /v1/conversations/{peer}/messages

static void on_sent(void *arg, int r, const struct store_appended *a)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    const struct api_reader reader = reader_of(c);
    api_encode_sent(&out, a, &reader);
    if (a->is_duplicate) {
        api_call_answer(c, buf_str(&out), 0);
    } else {
        api_call_answer_created(c, buf_str(&out));
    }
    buf_fini(&out);
}

static void send_to(struct api_call *c, const account *to)
{
    struct chat_send send;

    if (api_decode_send_to(&send, decoder_of(c), to, c->body) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_send(actor_of(c), &send, on_sent, c);
    if (r != 0)
        refuse(c, r);
}

/** Whose conversation it is. */
static void on_recipient(void *arg, int r, const struct chat_conversation *conversation)
{
    struct api_call *c = arg;

    if (r != 0) {
        refuse(c, r);
    } else {
        send_to(c, &conversation->peer);
    }
}

static void start_send(struct api_call *c, const struct json *body)
{
    struct chat_place place;

    (void)body; // it is c's for as long as that is needed
    if (!take_place(c, &place))
        return;
    if (place.conversation == 0) {
        send_to(c, &place.peer);
        return;
    }
    const int r = chat_conversation(actor_of(c), &place, on_recipient, c);
    c->keeps_body = r == 0;
    if (r != 0)
        refuse(c, r);
}

// POST /v1/conversations/{peer}/delivered, /read

static void on_marked(void *arg, int r, uint64_t seq)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    api_encode_marked(&out, seq);
    answer(c, &out);
}

static void start_mark(struct api_call *c, const struct json *body, enum chat_mark kind)
{
    struct chat_place place;
    uint64_t seq;

    if (!take_place(c, &place))
        return;
    if (api_decode_seq(&seq, decoder_of(c), body) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_mark(actor_of(c), &place, kind, seq, on_marked, c);
    if (r != 0)
        refuse(c, r);
}

static void start_delivered(struct api_call *c, const struct json *body)
{
    start_mark(c, body, CHAT_MARK_DELIVERED);
}

static void start_read(struct api_call *c, const struct json *body)
{
    start_mark(c, body, CHAT_MARK_READ);
}

// POST /v1/conversations/{peer}/accept, /block, /unblock

static void start_contact(struct api_call *c, const struct json *body, enum chat_contact what)
{
    struct chat_place place;

    if (!take_place(c, &place))
        return;
    if (api_decode_about(decoder_of(c), body) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_contact(actor_of(c), &place, what, on_found, c);
    if (r != 0)
        refuse(c, r);
}

static void start_accept(struct api_call *c, const struct json *body)
{
    start_contact(c, body, CHAT_ACCEPT);
}

static void start_block(struct api_call *c, const struct json *body)
{
    start_contact(c, body, CHAT_BLOCK);
}

static void start_unblock(struct api_call *c, const struct json *body)
{
    start_contact(c, body, CHAT_UNBLOCK);
}

// POST /v1/uploads

static void on_uploaded(void *arg, int r, const struct chat_upload *u)
{
    struct api_call *c = arg;
    struct buf out;

    if (!begin_answer(c, r, &out))
        return;
    const struct api_reader reader = reader_of(c);
    api_encode_upload(&out, u, &reader);
    api_call_answer_created(c, buf_str(&out));
    buf_fini(&out);
}

static void start_upload(struct api_call *c, const struct json *body)
{
    struct chat_announce what;

    if (!c->api->config.media) {
        refuse_as(c, &api_takes_no_files);
        return;
    }
    if (api_decode_upload(&what, decoder_of(c), body) != 0) {
        refuse_bad(c);
        return;
    }
    const int r = chat_upload(actor_of(c), &what, on_uploaded, c);
    if (r != 0)
        refuse(c, r);
}

// POST /v1/conversations/{peer}/attachment

static void answer_with_file(struct api_call *c, struct buf *out,
                             const struct store_history_page *page)
{
    const struct api_reader reader = reader_of(c);
    struct api_file file;

    const struct api_problem *problem = api_file_find(&file, page, reader.media);
    if (problem) {
        buf_fini(out);
        api_call_refuse(c, problem);
        return;
    }
    api_encode_attachment(out, &file, &reader);
    answer(c, out);
    api_file_close(&file);
}

static void on_message(void *arg, int r, const struct store_history_page *page)
{
    struct api_call *c = arg;
    struct buf out;

    if (begin_answer(c, r, &out))
        answer_with_file(c, &out, page);
}

static void start_attachment(struct api_call *c, const struct json *body)
{
    struct chat_place place;
    uint64_t seq;

    if (!take_place(c, &place))
        return;
    if (api_decode_seq(&seq, decoder_of(c), body) != 0) {
        refuse_bad(c);
        return;
    }
    const struct chat_history where = api_file_where(&place, seq);
    const int r = chat_history(actor_of(c), &where, on_message, c);
    if (r != 0)
        refuse(c, r);
}

#define PEER "/v1/conversations/{peer}"

#define GET(path, start)                                                                       \
    {                                                                                          \
        {path, sizeof(path) - 1}, HTTP_GET, API_RATE_AUTHS, true, API_BODY_OPTIONAL, start     \
    }
#define POST(path, body, start)                                                                \
    {                                                                                          \
        {path, sizeof(path) - 1}, HTTP_POST, API_RATE_AUTHS, true, body, start                 \
    }

static const struct api_route routes[] = {
    GET("/v1/conversations", start_list),
    GET(PEER, start_find),
    GET(PEER "/messages", start_history),
    POST(PEER "/messages", API_BODY_MESSAGE, start_send),
    POST(PEER "/delivered", API_BODY_OBJECT, start_delivered),
    POST(PEER "/read", API_BODY_OBJECT, start_read),
    POST(PEER "/accept", API_BODY_OPTIONAL, start_accept),
    POST(PEER "/block", API_BODY_OPTIONAL, start_block),
    POST(PEER "/unblock", API_BODY_OPTIONAL, start_unblock),
    POST(PEER "/attachment", API_BODY_OBJECT, start_attachment),
    POST("/v1/uploads", API_BODY_OBJECT, start_upload),
};

const struct api_route_table api_rest_routes = {routes, COUNT_OF(routes)};
