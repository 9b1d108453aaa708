/**
 * Marks: what a side of a conversation has, and has read. They are stored first, and announced
 * to the devices of both sides second.
 */
#include "chat/requests.h"

#define SAID_EVERY_MS 1000 // while the store is away all fail

void receipts_tell(struct chat *c, const account *to, const struct chat_receipt *receipts,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bus_event e = {
            .kind = BUS_RECEIPT, .to = *to, .is_followed = i + 1 < n, .receipt = receipts[i]};
        bus_publish(c->ports.bus, &e);
    }
}

static void announce(struct chat *c, const account *by, const struct store_receipted *a)
{
    const struct chat_receipt receipt = {
        .conversation = a->conversation,
        .by = *by,
        .peer = a->peer,
        .at_ms = a->at_ms,
        .position = a->position,
    };
    struct chat_receipt moved[2];
    size_t n = 0;

    if (a->delivered_moved) {
        moved[n] = receipt;
        moved[n].mark = CHAT_MARK_DELIVERED;
        moved[n++].seq = a->marks.delivered_seq;
    }
    if (a->read_moved) {
        moved[n] = receipt;
        moved[n].mark = CHAT_MARK_READ;
        moved[n++].seq = a->marks.read_seq;
    }
    receipts_tell(c, by, moved, n);
    if (a->is_known)
        receipts_tell(c, &a->peer, moved, n);
    c->counters.receipts += n;
}

// What acknowledgements say. One operation at a time for a thread: what comes meanwhile goes
// with the next, so that a fast reader does not make a receipt of every message.

static void say_failed(struct chat *c, int r)
{
    unsigned long long unsaid = 0;

    if (seldom_is_due(&c->unmarked, chat_now_ms(c), SAID_EVERY_MS, &unsaid))
        log_warn(NULL, "chat_mark_failed", "r=%d unsaid=%llu", r, unsaid);
}

static void on_marked(void *arg, int r, const struct store_receipted *a)
{
    struct thread *t = arg; // stays as long as it is_marking, as its session does
    struct chat_session *s = t->session;

    s->actor.chat->n_under_way--;
    if (r == 0)
        announce(s->actor.chat, s->actor.account, a);
    reach_end(s->actor.chat, t->change);
    t->is_marking = false;
    if (r == 0 && t->acked_seq > t->marked_seq)
        receipts_push(s, t);
    if (r != 0) {
        // Nobody waits for an answer: the messages stay undelivered, and the next
        // acknowledgement tries again, or they come again.
        say_failed(s->actor.chat, r);
        t->acked_seq = t->marked_seq = 0;
    }
    thread_rest(s, t);
    chat_session_unref(s);
}

void receipts_push(struct chat_session *s, struct thread *t)
{
    if (t->is_marking)
        return;
    t->is_marking = true;
    t->change = reach_begin(s->actor.chat);
    t->marked_seq = t->acked_seq;
    s->n_refs++;
    s->actor.chat->n_under_way++;
    const struct store_receipt receipt = {
        .by = *s->actor.account,
        .place = {.conversation = t->conversation},
        .delivered_seq = t->acked_seq,
        .now_ms = clock_unix_ms(s->actor.chat->ports.clock),
    };
    store_receipt(s->actor.chat->ports.store, &receipt, on_marked, t);
}

// What a client says itself.

struct mark_op {
    struct chat_actor *actor;
    enum chat_mark mark;
    uint8_t change; // see reach_begin()
    chat_mark_fn *done;
    void *arg;
};

struct pool *receipts_pool_new(void)
{
    return pool_new(sizeof(struct mark_op));
}

static void on_mark(void *arg, int r, const struct store_receipted *a)
{
    struct mark_op *op = arg;
    struct chat_actor *actor = op->actor;
    const int refusal = requests_refusal(actor->chat, r);
    uint64_t seq = 0;

    if (r == 0)
        seq = op->mark == CHAT_MARK_READ ? a->marks.read_seq : a->marks.delivered_seq;
    op->done(op->arg, refusal, seq);
    if (r == 0)
        announce(actor->chat, actor->account, a);
    reach_end(actor->chat, op->change);
    pool_give(op);
    requests_end(actor, refusal);
}

int chat_mark(struct chat_actor *a, const struct chat_place *place, enum chat_mark mark,
              uint64_t seq, chat_mark_fn *done, void *arg)
{
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct mark_op *op = pool_take(a->chat->mark_pool);
    op->actor = a;
    op->mark = mark;
    op->change = reach_begin(a->chat);
    op->done = done;
    op->arg = arg;
    const struct store_receipt receipt = {
        .by = *a->account,
        .place = *place,
        .delivered_seq = mark == CHAT_MARK_DELIVERED ? seq : 0,
        .read_seq = mark == CHAT_MARK_READ ? seq : 0,
        .now_ms = clock_unix_ms(a->chat->ports.clock),
    };
    store_receipt(a->chat->ports.store, &receipt, on_mark, op);
    return 0;
}
