#include "store/mem.h"

#include "base/mem.h"
#include "store/copy.h"
#include "store/mem_auth.h"
#include "store/page.h"

struct message {
    struct conversation *conversation;
    unsigned side; // of the sender
    uint64_t seq;  // in the conversation
    int64_t position;
    int64_t created_at_ms;
    struct store_append append; // as it was called; its strings are in bytes
    char bytes[];
};

struct mark {
    uint64_t seq;
    int64_t at_ms;
    int64_t position;
};

struct side {
    account account;
    bool accepted;
    struct mark marks[2]; // by enum chat_mark
};

struct conversation {
    conversation_id id;
    struct side sides[2];
    struct message **messages; // messages[i] has seq i + 1
    size_t n_messages;
};

struct store_mem {
    struct store store;
    struct job_queue *later;
    struct rand *rand;
    struct store_limits limits;
    struct conversation **conversations; // conversations[i] has i + 1 in its id
    size_t n_conversations;
    struct message **log; // all messages, in the order of positions
    size_t n_log;
    int64_t position;    // the last one taken
    size_t queued_bytes; // of waiting appends
    struct mem_faults faults;
    struct mem_auth auth;
};

struct op {
    struct job job;
    struct store_mem *s;
    int64_t horizon; // when it was called
    void *arg;
    union {
        struct store_append append;
        struct store_receipt receipt;
        struct store_read read;
        struct store_receipts receipts;
        struct store_history history;
        struct store_list list;
        account unread;
    };
    union {
        store_append_fn *on_append;
        store_receipt_fn *on_receipt;
        store_read_fn *on_read;
        store_receipts_fn *on_receipts;
        store_history_fn *on_history;
        store_list_fn *on_list;
        store_unread_fn *on_unread;
    };
    char bytes[];
};

static struct store_mem *mem_of(struct store *s)
{
    return container_of(s, struct store_mem, store);
}

static struct op *new_op(struct store *base, size_t n_bytes, void *arg)
{
    struct op *op = mem_alloc(sizeof(*op) + n_bytes);

    op->s = mem_of(base);
    op->horizon = op->s->position;
    op->arg = arg;
    base->counters.queued++;
    return op;
}

/** Before its callback, which may look at the counters. */
static struct store_mem *begin(struct op *op)
{
    op->s->store.counters.queued--;
    return op->s;
}

/** Room for one more pointer behind n; grows at every power of two. */
static void *room_for_one(void *array, size_t n)
{
    if (n > 0 && (n & (n - 1)) != 0)
        return array;
    return mem_resize(array, (n > 0 ? 2 * n : 1) * sizeof(void *));
}

// Conversations and messages.

/** @return 0 or 1, the side that the account has, or 2: none */
static unsigned side_of(const struct conversation *c, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&c->sides[side].account, a))
        side++;
    return side;
}

static struct conversation *find_pair(const struct store_mem *s, const account *a,
                                      const account *b)
{
    for (size_t i = 0; i < s->n_conversations; i++) {
        struct conversation *c = s->conversations[i];
        const unsigned side = side_of(c, a);
        if (side < 2 && account_eq(&c->sides[1 - side].account, b))
            return c;
    }
    return NULL;
}

static struct conversation *find_place(const struct store_mem *s, const account *a,
                                       const struct chat_place *place)
{
    if (place->conversation == 0)
        return find_pair(s, a, &place->peer);
    for (size_t i = 0; i < s->n_conversations; i++) {
        struct conversation *c = s->conversations[i];
        if (c->id == place->conversation && side_of(c, a) < 2)
            return c;
    }
    return NULL;
}

static struct conversation *add_conversation(struct store_mem *s, const account *from,
                                             const account *to)
{
    struct conversation *c = NEW(struct conversation);
    uint32_t chance = 0;

    rand_bytes(s->rand, &chance, sizeof(chance));
    c->id = (uint64_t)(s->n_conversations + 1) << 32 | chance;
    c->sides[0].account = *from;
    c->sides[1].account = *to;
    s->conversations =
        (struct conversation **)room_for_one((void *)s->conversations, s->n_conversations);
    s->conversations[s->n_conversations++] = c;
    return c;
}

static struct chat_marks marks_of(const struct side *side)
{
    return (struct chat_marks){.delivered_seq = side->marks[CHAT_MARK_DELIVERED].seq,
                               .read_seq = side->marks[CHAT_MARK_READ].seq};
}

static bool is_sent_by(const struct message *m, const account *a)
{
    return account_eq(&m->append.from, a);
}

/** As the viewer may see it: the key is for the sender. */
static struct chat_message view(const struct message *m, const account *viewer)
{
    const struct chat_marks theirs = marks_of(&m->conversation->sides[1 - m->side]);

    return (struct chat_message){
        .conversation = m->conversation->id,
        .seq = m->seq,
        .position = m->position,
        .from = m->append.from,
        .to = m->append.to,
        .type = m->append.type,
        .content = m->append.content,
        .reply_to = m->append.reply_to,
        .key = is_sent_by(m, viewer) ? m->append.key : (str){0},
        .created_at_ms = m->created_at_ms,
        .status = chat_status_of(m->seq, &theirs),
    };
}

/** Messages that the side has got from its peer with a seq above this one. */
static uint64_t count_above(const struct conversation *c, unsigned side, uint64_t seq)
{
    uint64_t n = 0;

    for (size_t i = seq; i < c->n_messages; i++)
        n += c->messages[i]->side != side;
    return n;
}

static uint64_t count_unread(const struct conversation *c, unsigned side)
{
    return count_above(c, side, c->sides[side].marks[CHAT_MARK_READ].seq);
}

// Append.

static struct message *find_key(const struct conversation *c, const account *from, str key)
{
    for (size_t i = 0; i < c->n_messages; i++) {
        if (is_sent_by(c->messages[i], from) && str_eq(c->messages[i]->append.key, key))
            return c->messages[i];
    }
    return NULL;
}

static uint64_t undelivered_limit(const struct store_mem *s, const struct conversation *c,
                                  unsigned recipient)
{
    return c && c->sides[recipient].accepted ? s->limits.accepted.messages
                                             : s->limits.stranger.messages;
}

/** @return 0, or why this new message can't be appended */
static int check_append(const struct store_mem *s, const struct conversation *c,
                        const struct store_append *a)
{
    const unsigned recipient = c ? side_of(c, &a->to) : 0;
    uint64_t n_undelivered = 0;

    if (a->reply_to > (c ? c->n_messages : 0))
        return STORE_NO_SUCH_SEQ;
    if (c) {
        n_undelivered =
            count_above(c, recipient, c->sides[recipient].marks[CHAT_MARK_DELIVERED].seq);
    }
    return n_undelivered >= undelivered_limit(s, c, recipient) ? STORE_MAILBOX_FULL : 0;
}

static int64_t not_before_the_last(const struct conversation *c, int64_t now_ms)
{
    if (c->n_messages == 0)
        return now_ms;
    const int64_t last = c->messages[c->n_messages - 1]->created_at_ms;
    return now_ms > last ? now_ms : last;
}

static struct message *add_message(struct store_mem *s, struct conversation *c,
                                   const struct store_append *a)
{
    struct message *m = mem_alloc(sizeof(*m) + append_size(a));

    m->conversation = c;
    m->side = side_of(c, &a->from);
    m->seq = c->n_messages + 1;
    m->position = ++s->position;
    m->created_at_ms = not_before_the_last(c, a->now_ms);
    m->append = append_copy(a, m->bytes);
    c->sides[m->side].accepted = true; // who writes to the peer has accepted it

    c->messages = (struct message **)room_for_one((void *)c->messages, c->n_messages);
    c->messages[c->n_messages++] = m;
    s->log = (struct message **)room_for_one((void *)s->log, s->n_log);
    s->log[s->n_log++] = m;
    s->store.counters.appended++;
    s->store.counters.commits++;
    return m;
}

static int append(struct store_mem *s, const struct store_append *a, struct store_appended *out)
{
    struct conversation *c = find_pair(s, &a->from, &a->to);
    struct message *m = c ? find_key(c, &a->from, a->key) : NULL;

    if (m && memcmp(m->append.digest, a->digest, CHAT_DIGEST_SIZE) != 0)
        return STORE_CONFLICT;
    if (m) {
        s->store.counters.duplicates++;
        *out = (struct store_appended){.message = view(m, &a->from), .is_duplicate = true};
        return 0;
    }
    const int r = check_append(s, c, a);
    if (r != 0)
        return r;
    if (!c)
        c = add_conversation(s, &a->from, &a->to);
    *out = (struct store_appended){.message = view(add_message(s, c, a), &a->from)};
    return 0;
}

static void run_append(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin(op);
    struct store_appended out;

    s->queued_bytes -= append_cost(&op->append);
    int r = mem_faults_before(&s->faults, &s->store.counters);
    if (r == 0)
        r = mem_faults_after(&s->faults, append(s, &op->append, &out));
    op->on_append(op->arg, r, r == 0 ? &out : NULL);
    free(op);
}

static void refuse_append(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    begin(op);
    op->on_append(op->arg, STORE_BUSY, NULL);
    free(op);
}

static void mem_append(struct store *base, const struct store_append *a, store_append_fn *done,
                       void *arg)
{
    struct store_mem *s = mem_of(base);
    struct op *op = new_op(base, append_size(a), arg);

    assert(a->key.len >= 1 && a->key.len <= CHAT_KEY_MAX && !account_eq(&a->from, &a->to));
    op->on_append = done;
    if (s->queued_bytes + append_cost(a) > STORE_QUEUE_MAX) {
        job_push(s->later, &op->job, refuse_append);
        return;
    }
    op->append = append_copy(a, op->bytes);
    s->queued_bytes += append_cost(a);
    job_push(s->later, &op->job, run_append);
}

// Receipts.

static bool move_mark(struct mark *mark, uint64_t seq, int64_t at_ms, int64_t position)
{
    if (seq <= mark->seq)
        return false;
    *mark = (struct mark){.seq = seq, .at_ms = at_ms, .position = position};
    return true;
}

static int receipt(struct store_mem *s, const struct store_receipt *r,
                   struct store_receipted *out)
{
    struct conversation *c = find_place(s, &r->by, &r->place);

    if (!c)
        return STORE_NOT_FOUND;
    if (r->delivered_seq > c->n_messages || r->read_seq > c->n_messages)
        return STORE_NO_SUCH_SEQ;

    const unsigned side = side_of(c, &r->by);
    struct mark *marks = c->sides[side].marks;
    const uint64_t delivered = r->read_seq > r->delivered_seq ? r->read_seq : r->delivered_seq;
    const int64_t position = s->position + 1;
    *out = (struct store_receipted){
        .conversation = c->id,
        .peer = c->sides[1 - side].account,
        .delivered_moved =
            move_mark(&marks[CHAT_MARK_DELIVERED], delivered, r->now_ms, position),
        .read_moved = move_mark(&marks[CHAT_MARK_READ], r->read_seq, r->now_ms, position),
    };
    out->marks = marks_of(&c->sides[side]);
    if (!out->delivered_moved && !out->read_moved)
        return 0;
    out->at_ms = r->now_ms;
    out->position = s->position = position;
    s->store.counters.receipts++;
    s->store.counters.commits++;
    return 0;
}

static void run_receipt(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin(op);
    struct store_receipted out;

    int r = mem_faults_before(&s->faults, &s->store.counters);
    if (r == 0)
        r = mem_faults_after(&s->faults, receipt(s, &op->receipt, &out));
    op->on_receipt(op->arg, r, r == 0 ? &out : NULL);
    free(op);
}

static void mem_receipt(struct store *base, const struct store_receipt *r,
                        store_receipt_fn *done, void *arg)
{
    struct op *op = new_op(base, 0, arg);

    op->receipt = *r;
    op->on_receipt = done;
    job_push(op->s->later, &op->job, run_receipt);
}

// Pages.

static struct store_mem *begin_read(struct op *op)
{
    struct store_mem *s = begin(op);

    s->store.counters.reads++;
    return s;
}

static int read_failure(struct store_mem *s)
{
    return mem_faults_of_read(&s->faults, &s->store.counters);
}

static bool is_due(const struct message *m, const struct store_read *r)
{
    const struct conversation *c = m->conversation;
    const unsigned side = side_of(c, &r->account);

    if (side == 2 || m->position <= r->after)
        return false;
    if (m->position > r->since)
        return true;
    return m->side != side && m->seq > c->sides[side].marks[CHAT_MARK_DELIVERED].seq;
}

static void run_read(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin_read(op);
    const struct store_read *r = &op->read;
    struct page_room room = page_room_of(r->max_messages, r->max_bytes);
    struct chat_message *messages = NULL;
    struct store_page page = {.upto = op->horizon};
    const int refusal = read_failure(s);
    int64_t last = 0; // position

    for (size_t i = 0; i < s->n_log && s->log[i]->position <= op->horizon; i++) {
        const struct message *m = s->log[i];
        if (!is_due(m, r))
            continue;
        page.has_more = !page_take(&room, m->append.content.len);
        if (page.has_more) {
            page.upto = last;
            break;
        }
        messages = mem_resize(messages, (page.n_messages + 1) * sizeof(*messages));
        messages[page.n_messages++] = view(m, &r->account);
        last = m->position;
    }
    page.messages = messages;
    op->on_read(op->arg, refusal, refusal == 0 ? &page : NULL);
    free(messages);
    free(op);
}

static void mem_read(struct store *base, const struct store_read *r, store_read_fn *done,
                     void *arg)
{
    struct op *op = new_op(base, 0, arg);

    assert(r->max_messages >= 1);
    op->read = *r;
    op->on_read = done;
    job_push(op->s->later, &op->job, run_read);
}

/** At most four: two marks of two sides. @return how many */
static size_t moved_marks(const struct conversation *c, const struct op *op,
                          struct chat_receipt *out)
{
    size_t n = 0;

    for (unsigned i = 0; i < 4; i++) {
        const struct side *side = &c->sides[i / 2];
        const struct mark *mark = &side->marks[i % 2];
        if (mark->position <= op->receipts.after || mark->position > op->horizon)
            continue;
        out[n++] = (struct chat_receipt){.conversation = c->id,
                                         .by = side->account,
                                         .peer = c->sides[1 - i / 2].account,
                                         .mark = (enum chat_mark)(i % 2),
                                         .seq = mark->seq,
                                         .at_ms = mark->at_ms,
                                         .position = mark->position};
    }
    return n;
}

static void run_receipts(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin_read(op);
    struct chat_receipt *all = mem_alloc((s->n_conversations * 4 + 1) * sizeof(*all));
    const int refusal = read_failure(s);
    size_t n = 0;

    for (size_t i = 0; i < s->n_conversations; i++) {
        if (side_of(s->conversations[i], &op->receipts.account) < 2)
            n += moved_marks(s->conversations[i], op, all + n);
    }
    const struct store_receipts_page page =
        page_of_receipts(all, n, op->receipts.max_receipts, op->horizon);
    op->on_receipts(op->arg, refusal, refusal == 0 ? &page : NULL);
    free(all);
    free(op);
}

static void mem_receipts(struct store *base, const struct store_receipts *r,
                         store_receipts_fn *done, void *arg)
{
    struct op *op = new_op(base, 0, arg);

    assert(r->max_receipts >= 2);
    op->receipts = *r;
    op->on_receipts = done;
    job_push(op->s->later, &op->job, run_receipts);
}

/** The seqs that a page of history has: first to last, none where last is below first. */
struct range {
    uint64_t first;
    uint64_t last;
};

static struct range range_of(const struct conversation *c, const struct store_history *h)
{
    const uint64_t last = c->n_messages;

    return (struct range){.first = h->after < last ? h->after + 1 : last + 1,
                          .last = h->before == 0 || h->before > last ? last : h->before - 1};
}

/** Cuts the range to what fits. @return whether that has left any out */
static bool fit(const struct conversation *c, const struct store_history *h,
                struct range *range)
{
    struct page_room room = page_room_of(h->max_messages, h->max_bytes);
    const struct range all = *range;
    uint64_t n = 0;

    while (all.first + n <= all.last) {
        const uint64_t seq = h->after > 0 ? all.first + n : all.last - n;
        if (!page_take(&room, c->messages[seq - 1]->append.content.len))
            break;
        n++;
    }
    if (all.first > all.last || n == all.last - all.first + 1)
        return false;
    if (h->after > 0) {
        range->last = all.first + n - 1;
    } else {
        range->first = all.last - n + 1;
    }
    return true;
}

static void answer_history(struct op *op, const struct conversation *c)
{
    const struct store_history *h = &op->history;
    struct range range = range_of(c, h);
    struct store_history_page page = {.has_more = fit(c, h, &range), .first_seq = 1};
    struct chat_message *messages = NULL;

    for (uint64_t seq = range.first; seq <= range.last; seq++) {
        messages = mem_resize(messages, (page.n_messages + 1) * sizeof(*messages));
        messages[page.n_messages++] = view(c->messages[seq - 1], &h->account);
    }
    page.messages = messages;
    op->on_history(op->arg, 0, &page);
    free(messages);
}

static void run_history(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin_read(op);
    const struct conversation *c = find_place(s, &op->history.account, &op->history.place);
    int r = read_failure(s);

    if (r == 0 && !c)
        r = STORE_NOT_FOUND;
    if (r == 0) {
        answer_history(op, c);
    } else {
        op->on_history(op->arg, r, NULL);
    }
    free(op);
}

static void mem_history(struct store *base, const struct store_history *h,
                        store_history_fn *done, void *arg)
{
    struct op *op = new_op(base, 0, arg);

    assert(h->max_messages >= 1);
    op->history = *h;
    op->on_history = done;
    job_push(op->s->later, &op->job, run_history);
}

static struct chat_conversation view_conversation(const struct conversation *c, unsigned side)
{
    const struct message *last = c->messages[c->n_messages - 1];

    return (struct chat_conversation){
        .id = c->id,
        .peer = c->sides[1 - side].account,
        .accepted = c->sides[side].accepted,
        .first_seq = 1,
        .last_seq = c->n_messages,
        .last_message = view(last, &c->sides[side].account),
        .unread = count_unread(c, side),
        .mine = marks_of(&c->sides[side]),
        .theirs = marks_of(&c->sides[1 - side]),
        .updated_at_ms = last->created_at_ms,
    };
}

static bool is_last(const struct message *m)
{
    return m->seq == m->conversation->n_messages;
}

static void run_list(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin_read(op);
    const struct store_list *l = &op->list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    struct chat_conversation *found = NULL;
    struct store_list_page page = {0};
    const int refusal = read_failure(s);
    int64_t last = 0; // position

    for (size_t i = s->n_log; i-- > 0;) {
        const struct message *m = s->log[i];
        const unsigned side = side_of(m->conversation, &l->account);
        if (side == 2 || !is_last(m) || (l->before != 0 && m->position >= l->before))
            continue;
        if (!page_take(&room, m->append.content.len)) {
            page.next = last;
            break;
        }
        found = mem_resize(found, (page.n_conversations + 1) * sizeof(*found));
        found[page.n_conversations++] = view_conversation(m->conversation, side);
        last = m->position;
    }
    page.conversations = found;
    op->on_list(op->arg, refusal, refusal == 0 ? &page : NULL);
    free(found);
    free(op);
}

static void mem_list(struct store *base, const struct store_list *l, store_list_fn *done,
                     void *arg)
{
    struct op *op = new_op(base, 0, arg);

    assert(l->max_conversations >= 1);
    op->list = *l;
    op->on_list = done;
    job_push(op->s->later, &op->job, run_list);
}

static void run_unread(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct store_mem *s = begin_read(op);
    const int refusal = read_failure(s);
    uint64_t n = 0;

    for (size_t i = 0; i < s->n_conversations; i++) {
        const unsigned side = side_of(s->conversations[i], &op->unread);
        n += side < 2 && count_unread(s->conversations[i], side) > 0;
    }
    op->on_unread(op->arg, refusal, refusal == 0 ? n : 0);
    free(op);
}

static void mem_unread(struct store *base, const account *a, store_unread_fn *done, void *arg)
{
    struct op *op = new_op(base, 0, arg);

    op->unread = *a;
    op->on_unread = done;
    job_push(op->s->later, &op->job, run_unread);
}

static int64_t mem_horizon(struct store *base)
{
    return mem_of(base)->position;
}

static void mem_free(struct store *base)
{
    struct store_mem *s = mem_of(base);

    assert(base->counters.queued == 0);
    mem_auth_fini(&s->auth);
    for (size_t i = 0; i < s->n_log; i++)
        free(s->log[i]);
    for (size_t i = 0; i < s->n_conversations; i++) {
        free((void *)s->conversations[i]->messages);
        free(s->conversations[i]);
    }
    free((void *)s->conversations);
    free((void *)s->log);
    free(s);
}

static const struct store_ops mem_ops = {
    .name = "mem",
    .append = mem_append,
    .receipt = mem_receipt,
    .read = mem_read,
    .receipts = mem_receipts,
    .history = mem_history,
    .list = mem_list,
    .unread = mem_unread,
    .horizon = mem_horizon,
    .free = mem_free,
};

struct store *store_mem_new(struct job_queue *later, struct rand *rand,
                            const struct store_limits *limits)
{
    struct store_mem *s = NEW(struct store_mem);

    s->store.ops = &mem_ops;
    rand_bytes(rand, &s->store.epoch, sizeof(s->store.epoch));
    s->later = later;
    s->rand = rand;
    s->limits = *limits;
    mem_auth_init(&s->auth, later, &s->store.counters);
    return &s->store;
}

struct auth_store *store_mem_auth(struct store *base)
{
    return &mem_of(base)->auth.store;
}

static void fail_changes(struct mem_faults *f, int r, unsigned times)
{
    f->fail_with = r;
    f->n_fail = times;
}

void store_mem_fail(struct store *base, int r, unsigned times)
{
    fail_changes(&mem_of(base)->faults, r, times);
}

void store_mem_lose(struct store *base, unsigned times)
{
    mem_of(base)->faults.n_lose = times;
}

void store_mem_fail_reads(struct store *base, unsigned times)
{
    mem_of(base)->faults.n_fail_reads = times;
}

void store_mem_fail_auth(struct store *base, int r, unsigned times)
{
    fail_changes(&mem_of(base)->auth.faults, r, times);
}

void store_mem_lose_auth(struct store *base, unsigned times)
{
    mem_of(base)->auth.faults.n_lose = times;
}

void store_mem_fail_auth_reads(struct store *base, unsigned times)
{
    mem_of(base)->auth.faults.n_fail_reads = times;
}
