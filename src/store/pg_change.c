#include "store/pg_change.h"

#include "base/mem.h"

// Conversations.

static bool is_made(const struct pg_thread *t)
{
    return t && (t->now.last.seq > 0 || t->now.of[0].contact_pos != 0 ||
                 t->now.of[1].contact_pos != 0);
}

/** The account's, or 2: it has none such. */
static unsigned side_in(const struct pg_item *item, const account *a)
{
    return is_made(item->thread) ? pg_thread_side_of(item->thread, a) : 2;
}

static int64_t take(struct pg_group *g, struct pg_item *item)
{
    item->thread->has_changed = true;
    item->op->has_changed = true;
    item->op->position = -++g->n_taken;
    return item->op->position;
}

static struct mailbox_share share_of(const struct pg_side *s)
{
    return (struct mailbox_share){.n = s->undelivered.n,
                                  .n_of_strangers = s->accepted ? 0 : s->undelivered.n};
}

/** Of both sides, before something changes; count_shares() behind it. */
struct shares {
    struct mailbox_share of[2];
};

static struct shares shares_of(const struct pg_thread *t)
{
    return (struct shares){{share_of(&t->now.of[0]), share_of(&t->now.of[1])}};
}

static void count_shares(const struct pg_rules *rules, const struct pg_thread *t,
                         const struct shares *before)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct mailbox_share now = share_of(&t->now.of[i]);
        if (now.n == before->of[i].n && now.n_of_strangers == before->of[i].n_of_strangers)
            continue;
        struct pg_mailbox *m = pg_mailboxes_find(rules->mailboxes, &t->now.of[i].account);
        if (m && m->is_known)
            pg_mailbox_change(m, &before->of[i], &now);
    }
}

// Marks.

static bool are_known(const struct pg_rules *rules, const struct pg_side *s)
{
    return !s->blocked && (s->accepted || !rules->limits->only_accepted_know);
}

/** The peer gets to know the marks of the side, if it may. @return how many are new to it */
static size_t make_known(const struct pg_rules *rules, struct pg_thread *t, unsigned side,
                         int64_t position, struct chat_receipt out[2])
{
    const struct pg_side *s = &t->now.of[side];
    struct pg_side *peer = &t->now.of[1 - side];
    size_t n = 0;

    for (unsigned i = 0; i < 2 && are_known(rules, s); i++) {
        if (peer->peer_marks[i].seq == s->marks[i].seq)
            continue;
        peer->peer_marks[i] = s->marks[i];
        peer->peer_marks[i].position = position;
        out[n++] = (struct chat_receipt){
            .conversation = t->id,
            .by = s->account,
            .peer = peer->account,
            .mark = (enum chat_mark)i,
            .seq = s->marks[i].seq,
            .at_ms = s->marks[i].at_ms,
            .position = position,
        };
    }
    return n;
}

// Appends.

static bool is_over(const struct pg_side *recipient, const struct store_quota *quota)
{
    return recipient->undelivered.n + recipient->withheld.n >= quota->messages ||
           recipient->undelivered.bytes + recipient->withheld.bytes >= quota->bytes;
}

static bool is_full(const struct pg_rules *rules, const struct pg_side *recipient)
{
    const struct pg_mailbox *m = pg_mailboxes_find(rules->mailboxes, &recipient->account);
    const uint64_t most = rules->limits->mailbox;

    assert(m && m->is_known);
    return m->waiting.n >= most ||
           (!recipient->accepted && m->waiting.n_of_strangers >= most / 2);
}

/** @return 0, or why this new message can't be appended */
static int check(const struct pg_rules *rules, const struct pg_item *item, unsigned sender)
{
    const struct store_append *a = &item->op->append.asked;
    const struct pg_thread *t = item->thread;
    const struct pg_side *recipient = &t->now.of[1 - sender];
    const struct store_limits *limits = rules->limits;

    if (a->reply_to > t->now.last.seq)
        return STORE_NO_SUCH_SEQ;
    if (t->now.of[sender].blocked)
        return STORE_FORBIDDEN;
    if (is_over(recipient, recipient->accepted ? &limits->accepted : &limits->stranger))
        return STORE_MAILBOX_FULL;
    if (is_full(rules, recipient))
        return STORE_MAILBOX_FULL;
    return item->upload && !account_eq(&item->upload->owner, &a->from) ? STORE_NO_UPLOAD : 0;
}

static void answer(struct pg_item *item, unsigned sender, const struct chat_message *m)
{
    const struct store_append *a = &item->op->append.asked;
    const struct chat_marks theirs = thread_marks_of(item->thread->now.of[sender].peer_marks);
    struct chat_message *out = &item->op->append.answer.message;

    *out = *m;
    out->conversation = item->thread->id;
    out->from = a->from;
    out->to = a->to;
    out->key = a->key;
    out->status = chat_status_of(m->seq, &theirs);
}

/** Of this group, with its key. @return NULL: none */
static const struct pg_message *find_fresh(const struct pg_item *item, unsigned sender)
{
    const struct pg_message *m = item->thread->messages;

    while (m && (m->side != sender || !str_eq(m->asked->key, item->op->append.asked.key)))
        m = m->next_of_thread;
    return m;
}

/** A copy of both, which lives as long as the answer. */
static void keep_found(struct write_op *op, str *type, str *content)
{
    free(op->append.found); // of a try before this one
    op->append.found = mem_alloc(type->len + content->len + 1);
    *type = str_copy(op->append.found, *type);
    *content = str_copy(op->append.found + type->len, *content);
}

static int answer_fresh(struct pg_item *item, unsigned sender, const struct pg_message *first)
{
    const struct store_append *a = &item->op->append.asked;
    str type = first->asked->type;
    str content = first->asked->content;

    if (memcmp(first->asked->digest, a->digest, CHAT_DIGEST_SIZE) != 0)
        return STORE_CONFLICT;
    item->op->append.answer.is_duplicate = true;
    item->op->append.answer.is_withheld = first->is_withheld;
    keep_found(item->op, &type, &content); // the first one is answered, and gone, before it
    answer(item, sender,
           &(struct chat_message){
               .position = first->position,
               .seq = first->seq,
               .created_at_ms = first->created_at_ms,
               .reply_to = first->asked->reply_to,
               .type = type,
               .content = content,
           });
    return 0;
}

static int answer_found(struct pg_item *item, unsigned sender)
{
    const struct pg_found *found = &item->found;
    struct write_op *op = item->op;
    str type = found->type;
    str content = found->content;

    if (!found->is_same)
        return STORE_CONFLICT;
    keep_found(op, &type, &content);
    op->append.answer.is_duplicate = true;
    op->append.answer.is_withheld = found->is_withheld;
    answer(item, sender,
           &(struct chat_message){
               .position = found->position,
               .seq = found->seq,
               .created_at_ms = found->created_at_ms,
               .reply_to = found->reply_to,
               .type = type,
               .content = content,
           });
    return 0;
}

static void grow(struct pg_thread *t, const struct pg_message *m)
{
    struct pg_side *recipient = &t->now.of[1 - m->side];
    const size_t bytes = m->asked->content.len;
    const struct pg_last last = {m->seq, m->position, m->created_at_ms};

    t->now.last = last;
    t->now.of[m->side].accepted = true; // who writes to the peer has accepted it
    t->now.of[m->side].shown = last;
    if (m->is_withheld) {
        recipient->withheld.n++;
        recipient->withheld.bytes += bytes;
        return;
    }
    recipient->shown = last;
    recipient->undelivered.n++;
    recipient->undelivered.bytes += bytes;
    recipient->unread++;
    if (recipient->due_pos == 0)
        recipient->due_pos = m->position;
}

static struct pg_message *add_message(struct pg_group *g, struct pg_item *item, unsigned sender)
{
    const struct store_append *a = &item->op->append.asked;
    struct pg_thread *t = item->thread;
    struct pg_message *m = arena_alloc(&g->arena, sizeof(*m));

    *m = (struct pg_message){
        .next = g->messages,
        .next_of_thread = t->messages,
        .asked = a,
        .thread = t,
        .seq = t->now.last.seq + 1,
        .previous = t->now.last.position,
        .side = sender,
        .is_withheld = t->now.of[1 - sender].blocked,
        .created_at_ms = a->now_ms > t->now.last.at_ms ? a->now_ms : t->now.last.at_ms,
    };
    m->position = take(g, item);
    g->messages = t->messages = m;
    g->n_messages++;
    return m;
}

static void add(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item,
                unsigned sender)
{
    struct store_appended *out = &item->op->append.answer;
    const struct store_append *a = &item->op->append.asked;
    struct pg_thread *t = item->thread;
    const struct shares before = shares_of(t);
    const bool had_accepted = t->now.of[sender].accepted;
    const struct pg_message *m = add_message(g, item, sender);

    grow(t, m);
    out->previous = m->previous;
    out->is_withheld = m->is_withheld;
    out->is_accepted = !had_accepted;
    out->n_known = make_known(rules, t, sender, m->position, out->known);
    answer(item, sender,
           &(struct chat_message){
               .position = m->position,
               .seq = m->seq,
               .created_at_ms = m->created_at_ms,
               .reply_to = a->reply_to,
               .type = a->type,
               .content = a->content,
           });
    count_shares(rules, t, &before);
    if (item->upload)
        g->kept[g->n_kept++] = item->upload;
}

static int append(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    const unsigned sender = pg_thread_side_of(item->thread, &item->op->append.asked.from);
    const struct pg_message *fresh = find_fresh(item, sender);

    item->op->append.answer = (struct store_appended){0};
    if (fresh)
        return answer_fresh(item, sender, fresh);
    if (item->found.is_there)
        return answer_found(item, sender);
    const int r = check(rules, item, sender);
    if (r == 0)
        add(g, rules, item, sender);
    return r;
}

void pg_change_append(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    item->op->r = append(g, rules, item);
}

// Receipts.

static bool move_mark(struct thread_mark *mark, uint64_t seq, int64_t at_ms, int64_t position)
{
    if (seq <= mark->seq)
        return false;
    *mark = (struct thread_mark){.seq = seq, .at_ms = at_ms, .position = position};
    return true;
}

/** Of this group, for this side, visible and above seq. @param first  the position of the first
 * one; left as it is where there is none */
static struct tally fresh_above(const struct pg_thread *t, unsigned side, uint64_t seq,
                                int64_t *first)
{
    struct tally above = {0};

    for (const struct pg_message *m = t->messages; m; m = m->next_of_thread) {
        if (m->side == side || m->is_withheld || m->seq <= seq)
            continue;
        above.n++;
        above.bytes += m->asked->content.len;
        *first = m->position; // the last one comes first
    }
    return above;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/** What was counted up to the new mark is above the one that was loaded. */
static void count_delivered(struct pg_item *item, unsigned side)
{
    struct pg_thread *t = item->thread;
    struct pg_side *s = &t->now.of[side];
    const struct tally loaded = t->before.of[side].undelivered;
    int64_t first = 0;
    const struct tally fresh = fresh_above(t, side, s->marks[CHAT_MARK_DELIVERED].seq, &first);

    s->undelivered.n = minus(loaded.n, item->found.delivered.n) + fresh.n;
    s->undelivered.bytes = minus(loaded.bytes, item->found.delivered.bytes) + fresh.bytes;
    s->due_pos = item->found.next_due != 0 ? item->found.next_due : first;
}

static void count_read(struct pg_item *item, unsigned side)
{
    struct pg_thread *t = item->thread;
    struct pg_side *s = &t->now.of[side];
    int64_t first = 0;

    s->unread = minus(t->before.of[side].unread, item->found.read) +
                fresh_above(t, side, s->marks[CHAT_MARK_READ].seq, &first).n;
}

static int receipt(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    const struct store_receipt *asked = &item->op->receipt.asked;
    struct store_receipted *out = &item->op->receipt.answer;
    const unsigned side = side_in(item, &asked->by);
    const uint64_t delivered =
        asked->read_seq > asked->delivered_seq ? asked->read_seq : asked->delivered_seq;
    struct chat_receipt known[2]; // they are what has moved

    if (side == 2)
        return STORE_NOT_FOUND;
    struct pg_thread *t = item->thread;
    struct pg_side *s = &t->now.of[side];
    if (delivered > t->now.last.seq)
        return STORE_NO_SUCH_SEQ;
    const struct shares before = shares_of(t);
    const int64_t position = -(g->n_taken + 1);
    *out = (struct store_receipted){
        .conversation = t->id,
        .peer = t->now.of[1 - side].account,
        .delivered_moved =
            move_mark(&s->marks[CHAT_MARK_DELIVERED], delivered, asked->now_ms, position),
        .read_moved =
            move_mark(&s->marks[CHAT_MARK_READ], asked->read_seq, asked->now_ms, position),
        .is_known = are_known(rules, s),
    };
    out->marks = thread_marks_of(s->marks);
    if (!out->delivered_moved && !out->read_moved)
        return 0;
    out->at_ms = asked->now_ms;
    out->position = take(g, item);
    if (out->delivered_moved)
        count_delivered(item, side);
    if (out->read_moved)
        count_read(item, side);
    make_known(rules, t, side, position, known);
    count_shares(rules, t, &before);
    return 0;
}

void pg_change_receipt(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    item->op->r = receipt(g, rules, item);
}

// Contacts.

/** What is undelivered is withheld. */
static void block(struct pg_side *s)
{
    s->blocked = true;
    s->block_seq = s->marks[CHAT_MARK_DELIVERED].seq;
    s->unread = minus(s->unread, s->undelivered.n); // it is above the mark of read, too
    s->withheld = s->undelivered;
    s->undelivered = (struct tally){0};
    s->due_pos = 0;
}

static void unblock(struct pg_side *s)
{
    s->blocked = false;
    s->withheld = (struct tally){0};
}

/** @return whether this changes anything */
static bool change(struct pg_group *g, struct pg_thread *t, unsigned side,
                   enum chat_contact what)
{
    struct pg_side *s = &t->now.of[side];

    if (what == CHAT_ACCEPT) {
        const bool had_accepted = s->accepted;
        s->accepted = true;
        return !had_accepted;
    }
    if (s->blocked == (what == CHAT_BLOCK))
        return false;
    g->withhold = (struct pg_withhold){.conversation = t->id,
                                       .sender = 1 - side,
                                       .from = what == CHAT_BLOCK ? 0 : 1,
                                       .to = what == CHAT_BLOCK ? 1 : 2};
    if (what == CHAT_BLOCK) {
        block(s);
    } else {
        unblock(s);
    }
    g->withhold.behind = s->block_seq;
    return true;
}

static int contact(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    const struct store_contact *asked = &item->op->contact.asked;
    struct store_contacted *out = &item->op->contact.answer;
    struct pg_thread *t = item->thread;
    const bool makes = asked->place.conversation == 0 && asked->what != CHAT_UNBLOCK;

    if (!t || (!makes && !is_made(t)))
        return STORE_NOT_FOUND;
    const unsigned side = pg_thread_side_of(t, &asked->by);
    if (side == 2)
        return STORE_NOT_FOUND;
    const struct shares before = shares_of(t);
    *out = (struct store_contacted){.conversation = t->id, .peer = t->now.of[1 - side].account};
    if (!change(g, t, side, asked->what))
        return 0;
    out->position = t->now.of[side].contact_pos = take(g, item);
    out->n_known = make_known(rules, t, side, out->position, out->known);
    count_shares(rules, t, &before);
    return 0;
}

void pg_change_contact(struct pg_group *g, const struct pg_rules *rules, struct pg_item *item)
{
    item->op->r = contact(g, rules, item);
}

// Positions.

static void settle(int64_t *position, int64_t before)
{
    if (*position < 0)
        *position = before - *position;
}

static void settle_known(struct chat_receipt *known, size_t n, int64_t before)
{
    for (size_t i = 0; i < n; i++)
        settle(&known[i].position, before);
}

static void settle_append(struct store_appended *a, int64_t before)
{
    settle(&a->message.position, before);
    settle(&a->previous, before);
    if (a->is_duplicate)
        a->previous = a->message.position - 1;
    settle_known(a->known, a->n_known, before);
}

void pg_change_settle(struct pg_group *g, int64_t before)
{
    for (size_t i = 0; i < g->n_items; i++) {
        struct write_op *op = g->items[i].op;
        settle(&op->position, before);
        if (op->kind == WRITE_APPEND) {
            settle_append(&op->append.answer, before);
        } else if (op->kind == WRITE_RECEIPT) {
            settle(&op->receipt.answer.position, before);
        } else if (op->kind == WRITE_CONTACT) {
            settle(&op->contact.answer.position, before);
            settle_known(op->contact.answer.known, op->contact.answer.n_known, before);
        }
    }
}
