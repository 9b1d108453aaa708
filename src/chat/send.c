/**
 * Sending: check, store, answer the sender, announce to both sides. In this order: the answer
 * names the seq that receipts speak of, and nothing is announced that is not stored. What has
 * to wait before it can be stored does so in attach.c.
 *
 * Where the store can't say whether it has stored a message, the append is repeated under the
 * same key until it can. An error answer would be a promise that the message never shows up.
 */
#include "base/mem.h"
#include "chat/attach.h"
#include "chat/requests.h"

#define REPEAT_MS 250 // between two attempts

struct send_op {
    struct list node; // of the uncertain ones
    struct chat_actor *actor;
    struct timer timer;
    int64_t give_up_ms;         // monotonic; set when it is uncertain for the first time
    bool is_uncertain;          // some attempt of it is
    bool is_short;              // and of the pool
    uint8_t change;             // see reach_begin()
    struct store_append append; // its strings point into bytes[], or stored
    struct buf stored;          // the content of one with a file, where that is there
    chat_send_fn *done;
    void *arg;
    char bytes[];
};

#define SHORT_BYTES 320 // of its strings; longer ones are seldom

struct pool *send_pool_new(void)
{
    return pool_new(sizeof(struct send_op) + SHORT_BYTES);
}

static struct chat *chat_of(const struct send_op *op)
{
    return op->actor->chat;
}

static void publish(const struct send_op *op, const struct store_appended *a)
{
    struct bus *bus = chat_of(op)->ports.bus;
    struct bus_event e = {
        .kind = BUS_MESSAGE,
        .to = a->message.from,
        .origin = op->actor->session ? op->actor->session->id : 0,
        .message = a->message,
        .previous = a->previous,
    };

    bus_publish(bus, &e);
    if (a->is_accepted)
        presence_on_relation(chat_of(op), &a->message.from, &a->message.to);
    e.to = a->message.to;
    e.is_followed = a->n_known > 0;
    if (!a->is_withheld)
        bus_publish(bus, &e);
    receipts_tell(chat_of(op), &a->message.to, a->known, a->n_known);
}

static void finish(struct send_op *op, int r)
{
    struct chat_actor *a = op->actor;

    list_remove(&op->node);
    timer_cancel(a->chat->ports.timers, &op->timer);
    buf_fini(&op->stored);
    reach_end(a->chat, op->change);
    if (op->is_short) {
        pool_give(op);
    } else {
        free(op);
    }
    requests_end(a, r);
}

/** @param r  an enum chat_refusal, or a fault */
static void answer(struct send_op *op, int r)
{
    op->done(op->arg, r, NULL);
    finish(op, r);
}

static void stored(struct send_op *op, const struct store_appended *a)
{
    struct chat_session *s = op->actor->session;
    struct chat *c = chat_of(op);

    if (a->is_duplicate) {
        c->counters.duplicates++;
    } else {
        c->counters.sent++;
    }
    if (s && !chat_is_closed(s))
        pump_on_own(s, a);
    op->done(op->arg, 0, a);
    // A duplicate was announced by whoever stored it, unless that was an attempt of ours.
    if (!a->is_duplicate || op->is_uncertain)
        publish(op, a);
    finish(op, 0);
}

static void append(struct send_op *op);

static void on_repeat(struct timer *t)
{
    struct send_op *op = container_of(t, struct send_op, timer);

    list_remove(&op->node);
    append(op);
}

static void repeat(struct send_op *op)
{
    struct chat *c = chat_of(op);
    const int64_t now_ms = chat_now_ms(c);

    if (!op->is_uncertain) {
        op->is_uncertain = true;
        op->give_up_ms = now_ms + CHAT_UNCERTAIN_MS;
        c->counters.uncertain++;
    }
    if (c->is_stopping || now_ms >= op->give_up_ms) {
        answer(op, CHAT_UNANSWERED);
        return;
    }
    list_push(&c->uncertain, &op->node);
    timer_set(c->ports.timers, &op->timer, now_ms + REPEAT_MS);
}

/** What this attempt did not do, an uncertain one before it may have done. */
static bool says_nothing(const struct send_op *op, int r)
{
    if (r == STORE_UNCERTAIN)
        return true;
    return op->is_uncertain && (r < 0 || r == STORE_UNAVAILABLE || r == STORE_BUSY);
}

static void on_append(void *arg, int r, const struct store_appended *a)
{
    struct send_op *op = arg;

    if (r == 0) {
        stored(op, a);
    } else if (says_nothing(op, r)) {
        repeat(op);
    } else {
        answer(op, requests_refusal(chat_of(op), r));
    }
}

static void append(struct send_op *op)
{
    op->append.now_ms = clock_unix_ms(chat_of(op)->ports.clock);
    store_append(chat_of(op)->ports.store, &op->append, on_append, op);
}

static void begin(struct send_op *op)
{
    op->change = reach_begin(chat_of(op));
    append(op);
}

static void on_attached(void *arg, int r)
{
    struct send_op *op = arg;

    if (r != 0) {
        chat_of(op)->counters.refused++;
        answer(op, r);
        return;
    }
    if (op->stored.len > 0)
        op->append.content = buf_str(&op->stored);
    begin(op);
}

static void attach(struct send_op *op, enum chat_kind kind)
{
    attach_wait(&(struct attach_options){
        .actor = op->actor,
        .append = &op->append,
        .kind = kind,
        .content = &op->stored,
        .done = on_attached,
        .arg = op,
    });
}

void chat_stop(struct chat *c)
{
    chat_shut_down(c);
    c->is_stopping = true;
    list_each (node, &c->uncertain)
        answer(container_of(node, struct send_op, node), CHAT_UNANSWERED);
    attach_stop(c);
}

/** A key for a send without one, so that it can be repeated; no client can choose one like it.
 */
static str key_of(const struct chat_actor *a, const struct chat_send *send,
                  char internal[1 + RAND_NAME_SIZE])
{
    if (send->key.len > 0)
        return send->key;
    internal[0] = CHAT_INTERNAL_KEY;
    rand_name(a->chat->ports.rand, internal + 1);
    return str_of(internal);
}

static struct send_op *op_new(struct chat_actor *a, const struct chat_send *send)
{
    char internal[1 + RAND_NAME_SIZE];
    const str key = key_of(a, send, internal);
    const size_t n = send->type.len + send->content.len + key.len + send->upload.len;
    const bool is_short = n <= SHORT_BYTES;
    struct send_op *op = is_short ? pool_take(a->chat->send_pool) : mem_alloc(sizeof(*op) + n);
    char *at = op->bytes;

    op->is_short = is_short;
    op->change = 0;
    list_init(&op->node);
    op->actor = a;
    timer_init(&op->timer, on_repeat);
    op->append = (struct store_append){
        .from = *a->account,
        .to = send->to,
        .reply_to = send->reply_to,
    };
    memcpy(op->append.digest, send->digest, sizeof(send->digest));
    op->append.type = str_copy(at, send->type);
    op->append.content = str_copy(at += send->type.len, send->content);
    op->append.key = str_copy(at += send->content.len, key);
    op->append.upload = str_copy(at + key.len, send->upload);
    return op;
}

int chat_send(struct chat_actor *a, const struct chat_send *send, chat_send_fn *done, void *arg)
{
    const bool waits = send->upload.len > 0 || attach_is_behind(a, &send->to);

    assert(send->upload.len == 0 || a->chat->ports.media);
    if (account_eq(&send->to, a->account)) {
        a->chat->counters.refused++;
        return CHAT_RECIPIENT_INVALID;
    }
    if (waits && !attach_has_room(a->chat, send->content.len)) {
        a->chat->counters.refused++;
        return CHAT_BUSY;
    }
    const int refusal = requests_begin(a, CHAT_BUCKET_SENDS);
    if (refusal)
        return refusal;

    struct send_op *op = op_new(a, send);
    op->done = done;
    op->arg = arg;
    if (waits) {
        attach(op, send->kind);
    } else {
        begin(op);
    }
    return 0;
}
