/**
 * What an account wants of a peer: stored first, then answered, then told to its own devices,
 * which read it from the store. The peer is told nothing but what it may know from then on.
 */
#include "base/mem.h"
#include "chat/requests.h"

struct contact_op {
    struct chat_actor *actor;
    uint8_t change; // see reach_begin(); 0: it only looks
    store_conversation_fn *done;
    void *arg;
};

static void finish(struct contact_op *op, int r, const struct chat_conversation *conversation)
{
    struct chat_actor *a = op->actor;

    op->done(op->arg, r, conversation);
    reach_end(a->chat, op->change);
    free(op);
    requests_end(a, r);
}

static struct contact_op *op_new(struct chat_actor *a, store_conversation_fn *done, void *arg)
{
    struct contact_op *op = NEW(struct contact_op);

    *op = (struct contact_op){.actor = a, .done = done, .arg = arg};
    return op;
}

static void ask(struct contact_op *op, const struct chat_place *place,
                store_conversation_fn *done)
{
    const struct store_conversation read = {.account = *op->actor->account, .place = *place};

    store_conversation(op->actor->chat->ports.store, &read, done, op);
}

// Looking.

static void on_found(void *arg, int r, const struct chat_conversation *conversation)
{
    struct contact_op *op = arg;

    finish(op, requests_refusal(op->actor->chat, r), conversation);
}

int chat_conversation(struct chat_actor *a, const struct chat_place *place,
                      store_conversation_fn *done, void *arg)
{
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    ask(op_new(a, done, arg), place, on_found);
    return 0;
}

// Changing.

static void announce(struct chat *c, const account *by, const struct store_contacted *contacted)
{
    const struct bus_event change = {
        .kind = BUS_CHANGE, .to = *by, .position = contacted->position};

    bus_publish(c->ports.bus, &change);
    receipts_tell(c, &contacted->peer, contacted->known, contacted->n_known);
    presence_on_relation(c, by, &contacted->peer);
}

/** What was asked for is done: if it can't be read, nobody may say that it is not. */
static void on_changed(void *arg, int r, const struct chat_conversation *conversation)
{
    struct contact_op *op = arg;

    finish(op, r == 0 ? 0 : CHAT_UNANSWERED, conversation);
}

static void on_contacted(void *arg, int r, const struct store_contacted *contacted)
{
    struct contact_op *op = arg;
    struct chat *c = op->actor->chat;

    if (r != 0) {
        finish(op, requests_refusal(c, r), NULL);
        return;
    }
    // Asked before it is announced: so the answer comes first.
    ask(op, &(struct chat_place){.conversation = contacted->conversation}, on_changed);
    if (contacted->position == 0)
        return;
    c->counters.contacts++;
    announce(c, op->actor->account, contacted);
}

int chat_contact(struct chat_actor *a, const struct chat_place *place, enum chat_contact what,
                 store_conversation_fn *done, void *arg)
{
    struct chat *c = a->chat;

    if (place->conversation == 0 && account_eq(&place->peer, a->account)) {
        c->counters.refused++;
        return CHAT_RECIPIENT_INVALID;
    }
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    const struct store_contact contact = {
        .by = *a->account,
        .place = *place,
        .what = what,
        .now_ms = clock_unix_ms(c->ports.clock),
    };
    struct contact_op *op = op_new(a, done, arg);
    op->change = reach_begin(c);
    store_contact(c->ports.store, &contact, on_contacted, op);
    return 0;
}
