#include "chat/requests.h"

#include "base/err.h"
#include "base/mem.h"

/** @return 0 or CHAT_RATE_LIMITED */
static int take_rate(struct chat_actor *a, enum chat_bucket bucket)
{
    struct chat *c = a->chat;

    if (!c->limits)
        return 0;
    a->retry_after_ms = chat_limits_take(c->limits, a->account, bucket, chat_now_ms(c));
    if (a->retry_after_ms == 0)
        return 0;
    c->counters.refused++;
    return CHAT_RATE_LIMITED;
}

static void note_life(const struct chat_actor *a)
{
    if (a->session)
        chat_note_life(a->session);
}

int chat_charge(struct chat_actor *a)
{
    note_life(a);
    return take_rate(a, CHAT_BUCKET_REQUESTS);
}

int requests_begin(struct chat_actor *a, enum chat_bucket bucket)
{
    struct chat *c = a->chat;

    note_life(a);
    if (a->n_requests == CHAT_REQUESTS_MAX) {
        c->counters.refused++;
        return CHAT_BUSY;
    }
    const int refusal = take_rate(a, bucket);
    if (refusal)
        return refusal;
    a->n_requests++;
    if (a->session)
        a->session->n_refs++;
    c->n_under_way++;
    return 0;
}

/** Nobody knows what has become of it, and nothing is said: the client finds out. */
static void end_unanswered(struct chat_actor *a)
{
    if (a->session && chat_is_closed(a->session))
        return;
    log_warn(a->log, "chat_unanswered", "why=%s",
             "\"the store went away in the middle of it\"");
    if (a->session)
        chat_session_end(a->session, CHAT_END_NO_ANSWER);
}

void requests_end(struct chat_actor *a, int r)
{
    a->n_requests--;
    a->chat->n_under_way--;
    if (r == CHAT_UNANSWERED)
        end_unanswered(a);
    if (a->session)
        chat_session_unref(a->session);
}

static int refusal_of(int r)
{
    switch (r) {
    case STORE_BUSY: return CHAT_BUSY;
    case STORE_UNAVAILABLE: return CHAT_UNAVAILABLE;
    case STORE_CONFLICT: return CHAT_CONFLICT;
    case STORE_NO_SUCH_SEQ: return CHAT_NO_SUCH_SEQ;
    case STORE_MAILBOX_FULL: return CHAT_MAILBOX_FULL;
    case STORE_FORBIDDEN: return CHAT_FORBIDDEN;
    case STORE_NOT_FOUND: return CHAT_NOT_FOUND;
    case STORE_UNCERTAIN: return CHAT_UNANSWERED;
    case STORE_NO_UPLOAD: return CHAT_UPLOAD_MISSING;
    default: return err_up(r);
    }
}

int requests_refusal(struct chat *c, int r)
{
    if (r == 0)
        return 0;
    c->counters.refused++;
    return refusal_of(r);
}

int requests_unavailable(int r)
{
    if (r != UPLOADS_UNCERTAIN && r != UPLOADS_UNAVAILABLE)
        err_up(r);
    return CHAT_UNAVAILABLE;
}

// History and list: the store's answers, as they are.

struct history_op {
    struct chat_actor *actor;
    store_history_fn *done;
    void *arg;
};

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct history_op *op = arg;
    struct chat_actor *a = op->actor;

    const int refusal = requests_refusal(a->chat, r);

    op->done(op->arg, refusal, page);
    free(op);
    requests_end(a, refusal);
}

int chat_history(struct chat_actor *a, const struct chat_history *h, store_history_fn *done,
                 void *arg)
{
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct history_op *op = NEW(struct history_op);
    *op = (struct history_op){.actor = a, .done = done, .arg = arg};
    const struct store_history read = {
        .account = *a->account,
        .place = h->place,
        .before = h->before,
        .after = h->after,
        .max_messages = h->limit,
        .max_bytes = CHAT_PAGE_BYTES_MAX,
    };
    store_history(a->chat->ports.store, &read, on_history, op);
    return 0;
}

struct list_op {
    struct chat_actor *actor;
    store_list_fn *done;
    void *arg;
};

static void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct list_op *op = arg;
    struct chat_actor *a = op->actor;

    const int refusal = requests_refusal(a->chat, r);

    op->done(op->arg, refusal, page);
    free(op);
    requests_end(a, refusal);
}

int chat_list(struct chat_actor *a, size_t limit, int64_t before, store_list_fn *done,
              void *arg)
{
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct list_op *op = NEW(struct list_op);
    *op = (struct list_op){.actor = a, .done = done, .arg = arg};
    const struct store_list read = {
        .account = *a->account,
        .before = before,
        .max_conversations = limit,
        .max_bytes = CHAT_PAGE_BYTES_MAX,
    };
    store_list(a->chat->ports.store, &read, on_list, op);
    return 0;
}
