/**
 * Typing: who writes to whom at this moment. Nothing of it is stored. The side that is written
 * to keeps who writes to it, each with an end of its own: so a stop that is lost, a node that
 * dies and a page that is closed all end it.
 */
#include "base/mem.h"
#include "chat/requests.h"

// Telling the peer.

struct type_op {
    struct chat_actor *actor;
    account peer;
    bool is_on;
    chat_done_fn *done;
    void *arg;
};

static void finish(struct type_op *op, int r)
{
    struct chat_actor *a = op->actor;

    op->done(op->arg, r);
    free(op);
    requests_end(a, r);
}

static void publish(const struct type_op *op, conversation_id conversation)
{
    const struct chat_actor *a = op->actor;
    const struct bus_event e = {
        .kind = BUS_TYPING,
        .to = op->peer,
        .origin = a->session ? a->session->id : 0,
        .typing = {.conversation = conversation, .from = *a->account, .is_on = op->is_on},
    };

    bus_publish(a->chat->ports.bus, &e);
}

static void on_relation(void *arg, int r, const struct chat_relation *relation)
{
    struct type_op *op = arg;

    if (r == 0 && relation->is_mutual)
        publish(op, relation->conversation);
    finish(op, requests_refusal(op->actor->chat, r));
}

static void ask_relation(struct type_op *op)
{
    const struct store_relations question = {*op->actor->account, &op->peer, 1};

    store_relations(op->actor->chat->ports.store, &question, on_relation, op);
}

static void on_conversation(void *arg, int r, const struct chat_conversation *conversation)
{
    struct type_op *op = arg;

    if (r != 0) {
        finish(op, requests_refusal(op->actor->chat, r));
        return;
    }
    op->peer = conversation->peer;
    ask_relation(op);
}

int chat_type(struct chat_actor *a, const struct chat_place *place, bool is_on,
              chat_done_fn *done, void *arg)
{
    if (place->conversation == 0 && account_eq(&place->peer, a->account)) {
        a->chat->counters.refused++;
        return CHAT_RECIPIENT_INVALID;
    }
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct type_op *op = NEW(struct type_op);
    *op = (struct type_op){
        .actor = a, .peer = place->peer, .is_on = is_on, .done = done, .arg = arg};
    if (place->conversation == 0) {
        ask_relation(op);
        return 0;
    }
    const struct store_conversation read = {.account = *a->account, .place = *place};
    store_conversation(a->chat->ports.store, &read, on_conversation, op);
    return 0;
}

// Being told.

struct typing {
    struct list node; // of the account's; who has said so last is the last
    struct timer timer;
    struct chat_account *owner;
    struct chat_typing what;
};

static void tell(struct chat_account *owner, struct chat_typing what)
{
    list_each (node, &owner->sessions) {
        struct chat_session *s = container_of(node, struct chat_session, node);
        if (!s->is_ready || s->events->is_stuffed(s->arg))
            continue;
        owner->chat->counters.typings++;
        s->events->on_typing(s->arg, &what);
    }
}

static struct typing *find(const struct chat_account *owner, conversation_id conversation,
                           const account *from)
{
    list_each (node, &owner->typings) {
        struct typing *t = container_of(node, struct typing, node);
        if (t->what.conversation == conversation && account_eq(&t->what.from, from))
            return t;
    }
    return NULL;
}

static void drop(struct typing *t)
{
    struct chat_account *owner = t->owner;

    timer_cancel(owner->chat->ports.timers, &t->timer);
    list_remove(&t->node);
    owner->n_typings--;
    free(t);
}

static void end(struct typing *t)
{
    struct chat_account *owner = t->owner;
    struct chat_typing what = t->what;

    drop(t);
    what.is_on = false;
    tell(owner, what);
}

static void on_over(struct timer *timer)
{
    end(container_of(timer, struct typing, timer));
}

static struct typing *typing_new(struct chat_account *owner, const struct chat_typing *what)
{
    struct typing *t = NEW(struct typing);

    if (owner->n_typings == CHAT_TYPINGS_MAX)
        end(container_of(owner->typings.next, struct typing, node));
    t->owner = owner;
    t->what = *what;
    list_init(&t->node);
    timer_init(&t->timer, on_over);
    owner->n_typings++;
    return t;
}

static void start(struct chat_account *owner, const struct chat_typing *what)
{
    struct chat *c = owner->chat;
    struct typing *t = find(owner, what->conversation, &what->from);

    if (!t)
        t = typing_new(owner, what);
    list_remove(&t->node);
    list_push(&owner->typings, &t->node);
    timer_set(c->ports.timers, &t->timer, chat_now_ms(c) + CHAT_TYPING_MS);
    tell(owner, *what);
}

void typing_on_event(struct chat_account *owner, const struct chat_typing *what)
{
    struct typing *t;

    if (owner->n_sessions == 0)
        return;
    if (what->is_on) {
        start(owner, what);
    } else if ((t = find(owner, what->conversation, &what->from))) {
        end(t);
    }
}

void typing_on_message(struct chat_account *owner, const struct chat_message *m)
{
    struct typing *t = find(owner, m->conversation, &m->from);

    if (t)
        end(t);
}

void typing_drop_all(struct chat_account *owner)
{
    list_each (node, &owner->typings)
        drop(container_of(node, struct typing, node));
}
