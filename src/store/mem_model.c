#include "store/mem_model.h"

#include "base/mem.h"
#include "store/copy.h"

void mem_model_init(struct mem_model *m, struct rand *rand, const struct store_limits *limits)
{
    *m = (struct mem_model){.rand = rand, .limits = *limits};
}

void mem_model_fini(struct mem_model *m)
{
    for (size_t i = 0; i < m->n_log; i++)
        free(m->log[i]);
    for (size_t i = 0; i < m->n_conversations; i++) {
        free((void *)m->conversations[i]->messages);
        free(m->conversations[i]);
    }
    for (size_t i = 0; i < m->n_accounts; i++)
        free(m->accounts[i]);
    free((void *)m->conversations);
    free((void *)m->log);
    free((void *)m->accounts);
}

/** Room for one more pointer behind n; grows at every power of two. */
static void *room_for_one(void *array, size_t n)
{
    if (n > 0 && (n & (n - 1)) != 0)
        return array;
    return mem_resize(array, (n > 0 ? 2 * n : 1) * sizeof(void *));
}

// Accounts and conversations.

struct mem_account *mem_find_account(const struct mem_model *m, const account *a)
{
    for (size_t i = 0; i < m->n_accounts; i++) {
        if (account_eq(&m->accounts[i]->is, a))
            return m->accounts[i];
    }
    return NULL;
}

static void know_account(struct mem_model *m, const account *a)
{
    if (mem_find_account(m, a))
        return;
    struct mem_account *new = NEW(struct mem_account);
    new->is = *a;
    m->accounts = (struct mem_account **)room_for_one((void *)m->accounts, m->n_accounts);
    m->accounts[m->n_accounts++] = new;
}

unsigned mem_side_of(const struct mem_conversation *c, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&c->sides[side].account, a))
        side++;
    return side;
}

struct mem_conversation *mem_find_pair(const struct mem_model *m, const account *a,
                                       const account *b)
{
    for (size_t i = 0; i < m->n_conversations; i++) {
        struct mem_conversation *c = m->conversations[i];
        const unsigned side = mem_side_of(c, a);
        if (side < 2 && account_eq(&c->sides[1 - side].account, b))
            return c;
    }
    return NULL;
}

struct mem_conversation *mem_find_place(const struct mem_model *m, const account *a,
                                        const struct chat_place *place)
{
    if (place->conversation == 0)
        return mem_find_pair(m, a, &place->peer);
    for (size_t i = 0; i < m->n_conversations; i++) {
        struct mem_conversation *c = m->conversations[i];
        if (c->id == place->conversation && mem_side_of(c, a) < 2)
            return c;
    }
    return NULL;
}

struct mem_conversation *mem_add_conversation(struct mem_model *m, const account *a,
                                              const account *b)
{
    struct mem_conversation *c = NEW(struct mem_conversation);
    uint32_t chance = 0;

    know_account(m, a);
    know_account(m, b);
    rand_bytes(m->rand, &chance, sizeof(chance));
    c->id = (uint64_t)(m->n_conversations + 1) << 32 | chance;
    c->sides[0].account = *a;
    c->sides[1].account = *b;
    m->conversations =
        (struct mem_conversation **)room_for_one((void *)m->conversations, m->n_conversations);
    m->conversations[m->n_conversations++] = c;
    return c;
}

// Messages.

static int64_t not_before_the_last(const struct mem_conversation *c, int64_t now_ms)
{
    if (c->n_messages == 0)
        return now_ms;
    const int64_t last = c->messages[c->n_messages - 1]->created_at_ms;
    return now_ms > last ? now_ms : last;
}

struct mem_message *mem_add_message(struct mem_model *m, struct mem_conversation *c,
                                    const struct store_append *a)
{
    struct mem_message *new = mem_alloc(sizeof(*new) + append_size(a));

    new->conversation = c;
    new->side = mem_side_of(c, &a->from);
    new->seq = c->n_messages + 1;
    new->position = ++m->position;
    new->created_at_ms = not_before_the_last(c, a->now_ms);
    new->came_withheld = c->sides[1 - new->side].is_blocking;
    new->withheld = new->came_withheld ? MEM_BLOCKED : MEM_SHOWN;
    new->append = append_copy(a, new->bytes);
    c->sides[new->side].has_accepted = true;

    c->messages = (struct mem_message **)room_for_one((void *)c->messages, c->n_messages);
    c->messages[c->n_messages++] = new;
    m->log = (struct mem_message **)room_for_one((void *)m->log, m->n_log);
    m->log[m->n_log++] = new;
    return new;
}

bool mem_is_undelivered(const struct mem_message *m)
{
    const struct mem_side *recipient = &m->conversation->sides[1 - m->side];

    return m->withheld == MEM_SHOWN && m->seq > recipient->marks[CHAT_MARK_DELIVERED].seq;
}

static struct chat_marks values_of(const struct mem_mark marks[2])
{
    return (struct chat_marks){.delivered_seq = marks[CHAT_MARK_DELIVERED].seq,
                               .read_seq = marks[CHAT_MARK_READ].seq};
}

struct chat_message mem_view(const struct mem_message *m, unsigned side)
{
    const struct mem_side *recipient = &m->conversation->sides[1 - m->side];
    const bool is_own = m->side == side;
    const struct chat_marks marks = values_of(is_own ? recipient->known : recipient->marks);
    struct chat_message view = {
        .conversation = m->conversation->id,
        .seq = m->seq,
        .position = m->position,
        .from = m->append.from,
        .to = m->append.to,
        .type = STR(CHAT_TYPE_GONE),
        .content = STR("null"),
        .created_at_ms = m->created_at_ms,
        .status = chat_status_of(m->seq, &marks),
    };

    if (!is_own && m->withheld != MEM_SHOWN)
        return view;
    view.type = m->append.type;
    view.content = m->append.content;
    view.reply_to = m->append.reply_to;
    if (is_own)
        view.key = m->append.key;
    return view;
}

const struct mem_message *mem_last_message(const struct mem_conversation *c, unsigned side)
{
    for (size_t i = c->n_messages; i-- > 0;) {
        if (c->messages[i]->side == side || !c->messages[i]->came_withheld)
            return c->messages[i];
    }
    return NULL;
}

uint64_t mem_count_unread(const struct mem_conversation *c, unsigned side)
{
    uint64_t n = 0;

    for (size_t i = c->sides[side].marks[CHAT_MARK_READ].seq; i < c->n_messages; i++)
        n += c->messages[i]->side != side && c->messages[i]->withheld == MEM_SHOWN;
    return n;
}

uint64_t mem_n_unread(const struct mem_model *m, const account *a)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->n_conversations; i++) {
        const unsigned side = mem_side_of(m->conversations[i], a);
        n += side < 2 && mem_count_unread(m->conversations[i], side) > 0;
    }
    return n;
}

// Marks.

struct chat_marks mem_marks_of(const struct mem_side *side)
{
    return values_of(side->marks);
}

struct chat_marks mem_known_marks_of(const struct mem_side *side)
{
    return values_of(side->known);
}

bool mem_is_known(const struct mem_model *m, const struct mem_side *side)
{
    return !side->is_blocking && (side->has_accepted || !m->limits.only_accepted_know);
}

struct chat_receipt mem_receipt_of(const struct mem_conversation *c, unsigned side,
                                   enum chat_mark which, const struct mem_mark *mark)
{
    return (struct chat_receipt){.conversation = c->id,
                                 .by = c->sides[side].account,
                                 .peer = c->sides[1 - side].account,
                                 .mark = which,
                                 .seq = mark->seq,
                                 .at_ms = mark->at_ms,
                                 .position = mark->position};
}

size_t mem_make_known(const struct mem_model *m, struct mem_conversation *c, unsigned side,
                      int64_t position, struct chat_receipt out[2])
{
    struct mem_side *s = &c->sides[side];
    size_t n = 0;

    for (unsigned i = 0; i < 2 && mem_is_known(m, s); i++) {
        if (s->known[i].seq == s->marks[i].seq)
            continue;
        s->known[i] = s->marks[i];
        s->known[i].position = position;
        out[n++] = mem_receipt_of(c, side, (enum chat_mark)i, &s->known[i]);
    }
    return n;
}
