#include "api/caller.h"

#include "base/mem.h"

// The end.

static void drop_kept(struct api_caller *caller)
{
    caller->call->api->kept_bytes -= caller->n_kept;
    free(caller->kept);
    caller->kept = NULL;
    caller->n_kept = 0;
}

struct api_wallet *api_caller_take_wallet(struct api_caller *caller)
{
    struct api_wallet *wallet = caller->wallet;

    caller->wallet = NULL;
    return wallet;
}

void api_caller_end(struct api_caller *caller)
{
    struct api_wallet *wallet = api_caller_take_wallet(caller);

    if (wallet)
        api_wallets_give(wallet);
    if (caller->waiting)
        api_identify_cancel(caller->waiting);
    caller->waiting = NULL;
    drop_kept(caller);
}

void api_caller_free(struct api_caller *caller)
{
    free(caller->peer);
    free(caller->query);
    free(caller);
}

// Whose it is.

/** The call is over. */
static void refuse(struct api_caller *caller, enum api_error error)
{
    struct api_problem problem = {.error = error};

    if (error == API_TOKEN_MISSING) {
        problem.message =
            "No token came with the request. Sign in, and send the token in "
            "Authorization: Bearer.";
    }
    api_call_refuse(caller->call, &problem);
}

static bool is_no_good(enum api_error error)
{
    switch ((int)error) {
    case API_TOKEN_MISSING:
    case API_TOKEN_INVALID:
    case API_TOKEN_EXPIRED:
    case API_TOKEN_REVOKED: return true;
    default: return false;
    }
}

/** It is known whose it is, and the body has come: that may have taken a while. */
static void start(struct api_caller *caller, char *body, size_t n)
{
    const enum api_error error = api_identity_now(caller->call->api, &caller->who);

    if (error != API_OK) {
        refuse(caller, error);
    } else {
        api_call_start(caller->call, body, n);
    }
}

static void start_kept(struct api_caller *caller)
{
    char *kept = caller->kept;
    const size_t n = caller->n_kept;

    caller->kept = NULL;
    drop_kept(caller);
    start(caller, kept, n);
    free(kept);
}

static void admit(struct api_caller *caller)
{
    struct api_call *c = caller->call;

    caller->wallet = api_wallets_take(&c->api->wallets, &caller->who.account);
    if (!caller->wallet) {
        refuse(caller, API_BUSY);
        return;
    }
    chat_actor_init(&caller->actor, c->api->config.chat, &caller->who.account, &c->log);
    if (caller->is_whole)
        start_kept(caller);
}

static void decide(struct api_caller *caller, const struct api_identity *id)
{
    if (id->error == API_OK) {
        caller->who = id->who;
        admit(caller);
    } else if (!is_no_good(id->error) || api_call_take_rate(caller->call)) {
        refuse(caller, id->error);
    }
}

static void on_identified(void *arg, const struct api_identity *id)
{
    struct api_caller *caller = arg;

    caller->waiting = NULL;
    decide(caller, id);
}

static struct api_caller *caller_new(struct api_call *c, const struct http_head *head, str peer)
{
    struct api_caller *caller = NEW(struct api_caller);

    caller->call = c;
    caller->peer = str_dup(peer); // no head has a NUL in it
    caller->query = str_dup(head->query);
    return caller;
}

void api_caller_begin(struct api_call *c, const struct http_head *head, str peer)
{
    struct api_caller *caller = caller_new(c, head, peer);
    const struct api_asker asker = {.done = on_identified, .arg = caller, .log = &c->log};
    struct api_identity id;

    c->caller = caller;
    caller->waiting = api_identify(c->api, str_of(c->bearer), &asker, &id);
    if (!caller->waiting)
        decide(caller, &id);
}

// Its body.

static void keep(struct api_caller *caller, str body)
{
    struct api *a = caller->call->api;

    if (a->kept_bytes + body.len > API_KEPT_MAX) {
        refuse(caller, API_BUSY);
        return;
    }
    caller->kept = mem_alloc(body.len + 1);
    caller->n_kept = str_copy(caller->kept, body).len;
    a->kept_bytes += body.len;
    caller->is_whole = true;
}

void api_caller_on_body(struct api_caller *caller, struct http_request *rq)
{
    if (caller->waiting) {
        keep(caller, (str){rq->body, rq->body_len});
    } else {
        start(caller, rq->body, rq->body_len);
    }
}
