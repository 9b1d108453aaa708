/** A new token for a client that stays. */
#include "api/encode.h"
#include "api/event.h"
#include "api/identify.h"

/** @return what is wrong, or API_OK */
static struct api_problem problem_of_token(const struct api_client *c,
                                           const struct api_identity *id)
{
    if (id->error == API_OK && !account_eq(&id->who.account, api_client_account(c))) {
        return (struct api_problem){API_FORBIDDEN, "token",
                                    "This token is of another account. Connect anew with it.",
                                    0};
    }
    return (struct api_problem){.error = id->error,
                                .field = id->error == API_OK ? NULL : "token"};
}

static void renew(struct api_request *rq, const struct api_identity *id)
{
    const struct api_problem problem = problem_of_token(rq->client, id);
    struct buf out;

    if (problem.error != API_OK) {
        api_request_refuse(rq, &problem);
        return;
    }
    api_client_renew(rq->client, &id->who);
    if (!api_request_begin_answer(rq, 0, &out))
        return;
    api_encode_renewed(&out, id->who.expires_at_ms);
    api_request_answer(rq, &out);
}

static void on_identified(void *arg, const struct api_identity *id)
{
    struct api_request *rq = arg;

    if (rq->client) {
        renew(rq, id);
    } else {
        api_request_free(rq);
    }
}

static void start_refresh(struct api_request *rq, const struct json *payload)
{
    struct api_client *c = rq->client;
    const struct api_asker asker = {on_identified, rq, sio_log(c->socket)};
    struct api_identity id;
    str token;

    if (api_decode_token(&token, &c->api->decoder, payload) != 0) {
        api_request_refuse_bad(rq, &c->api->decoder.problem);
        return;
    }
    const int r = chat_charge(
        chat_session_actor(c->session)); // a signature is checked, and the token may wait
    if (r != 0) {
        api_request_end(rq, r);
    } else if (!api_identify(c->api, token, &asker, &id)) {
        renew(rq, &id);
    }
}

static const struct api_event events[] = {
    {{"auth.refresh", 12}, start_refresh, false, false},
};

const struct api_event_table api_token_events = {events, COUNT_OF(events)};
