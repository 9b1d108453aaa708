/**
 * The store as one node has it: the shared one, far away. A change is done when it is asked
 * for, and answered later, in the order of the calls; in between the node may crash. Or it is
 * not done, and said not to be; or nobody can say. A read has what was there when it was asked.
 *
 * The horizon is below whatever this node was not answered yet: so no page shows a session its
 * own message before the answer to it.
 */
#include "sim.h"

struct sim_store {
    struct store store;
    struct sim *sim;
    struct store *disk;
    struct list calls; // under way
    int64_t last_ms;   // when the last change is answered
    int64_t horizon;   // as it was said last
    int64_t seen;      // the disk's, as this node has heard of it
    bool is_crashed;
    bool is_over;
};

enum call_kind {
    CALL_APPEND,
    CALL_RECEIPT,
    CALL_CONTACT,
    CALL_SEEN,
    CALL_READ,
    CALL_RECEIPTS,
    CALL_CHANGES,
    CALL_TOUCHED,
    CALL_UNREAD,
};

/** The strings of what was answered live as long as the disk. */
struct call {
    struct list node;
    struct timer timer;
    struct sim_store *s;
    enum call_kind kind;
    bool is_lost;     // its answer
    int64_t horizon;  // of a read: when it was called
    int64_t disk;     // where the disk was then
    int64_t position; // of a change; 0: none
    int r;
    void *items;
    void *done;
    void *arg;
    union {
        struct store_appended appended;
        struct store_receipted receipted;
        struct store_contacted contacted;
        struct store_page page;
        struct store_receipts_page receipts;
        struct store_changes_page changes;
        struct store_touched_page touched;
        uint64_t unread;
    };
};

static struct sim_store *of(struct store *s)
{
    return container_of(s, struct sim_store, store);
}

static bool is_change(const struct call *c)
{
    return c->kind <= CALL_SEEN;
}

/** The disk is there, or further. */
static void hear(struct sim_store *s, int64_t position)
{
    if (position > s->seen)
        s->seen = position;
}

static void answer(struct call *c)
{
    const bool ok = c->r == 0;

    list_remove(&c->node);
    timer_cancel(&c->s->sim->timers, &c->timer);
    hear(c->s, is_change(c) ? c->position : c->disk);
    switch (c->kind) {
    case CALL_APPEND:
        ((store_append_fn *)c->done)(c->arg, c->r, ok ? &c->appended : NULL);
        break;
    case CALL_RECEIPT:
        ((store_receipt_fn *)c->done)(c->arg, c->r, ok ? &c->receipted : NULL);
        break;
    case CALL_CONTACT:
        ((store_contact_fn *)c->done)(c->arg, c->r, ok ? &c->contacted : NULL);
        break;
    case CALL_SEEN: ((store_seen_fn *)c->done)(c->arg, c->r); break;
    case CALL_READ: ((store_read_fn *)c->done)(c->arg, c->r, ok ? &c->page : NULL); break;
    case CALL_RECEIPTS:
        ((store_receipts_fn *)c->done)(c->arg, c->r, ok ? &c->receipts : NULL);
        break;
    case CALL_CHANGES:
        ((store_changes_fn *)c->done)(c->arg, c->r, ok ? &c->changes : NULL);
        break;
    case CALL_UNREAD: ((store_unread_fn *)c->done)(c->arg, c->r, ok ? c->unread : 0); break;
    case CALL_TOUCHED:
        ((store_touched_fn *)c->done)(c->arg, c->r, ok ? &c->touched : NULL);
        break;
    }
    free(c->items);
    free(c);
}

static void on_time(struct timer *t)
{
    answer(container_of(t, struct call, timer));
}

/** The disk has done it, or it was refused: the answer is on its way. */
static void answer_later(struct call *c)
{
    struct sim_store *s = c->s;
    struct sim *sim = s->sim;
    int64_t at_ms = sim->timers.now_ms + sim_between(sim, 0, sim->config.store_ms);

    if (is_change(c) && at_ms < s->last_ms)
        at_ms = s->last_ms;
    if (is_change(c))
        s->last_ms = at_ms;
    if (s->is_over)
        at_ms = sim->timers.now_ms;
    timer_init(&c->timer, on_time);
    timer_set(&sim->timers, &c->timer, at_ms);
}

static struct call *call_new(struct store *base, enum call_kind kind, void *done, void *arg)
{
    struct sim_store *s = of(base);
    struct call *c = NEW(struct call);

    c->s = s;
    c->kind = kind;
    c->done = done;
    c->arg = arg;
    c->horizon = store_horizon(base);
    c->disk = store_horizon(s->disk);
    list_push(&s->calls, &c->node);
    timer_init(&c->timer, on_time);
    return c;
}

/** @return 0: the disk shall do it; else what it is answered with instead */
static int fate(struct call *c)
{
    struct sim *sim = c->s->sim;
    const struct sim_config *config = &sim->config;

    if (c->s->is_crashed)
        return STORE_UNAVAILABLE;
    if (sim->is_store_away ||
        (!sim->is_calm && config->store_fails > 0 && sim_one_in(sim, config->store_fails))) {
        sim->counters.store_refused++;
        // With the embedded store a process whose store does not know is no more.
        if (is_change(c) && c->kind != CALL_SEEN && config->n_nodes > 1 && !config->is_one &&
            sim_one_in(sim, 2)) {
            sim->counters.store_uncertain++;
            c->is_lost = sim_one_in(sim, 2);
            return c->is_lost ? 0 : STORE_UNCERTAIN;
        }
        return STORE_UNAVAILABLE;
    }
    return 0;
}

/** @return whether the disk shall do it */
static bool begin(struct call *c)
{
    c->r = fate(c);
    if (c->r != 0)
        answer_later(c);
    return c->r == 0;
}

static void came_back(struct call *c, int r, int64_t position)
{
    c->r = c->is_lost && r == 0 ? (int)STORE_UNCERTAIN : r;
    c->position = r == 0 ? position : 0;
    answer_later(c);
}

// Changes.

static void on_append(void *arg, int r, const struct store_appended *a)
{
    struct call *c = arg;

    if (r == 0)
        c->appended = *a;
    came_back(c, r, r == 0 && !a->is_duplicate ? a->message.position : 0);
}

static void sim_append(struct store *s, const struct store_append *a, store_append_fn *done,
                       void *arg)
{
    struct call *c = call_new(s, CALL_APPEND, (void *)done, arg);

    if (begin(c))
        store_append(c->s->disk, a, on_append, c);
}

static void on_receipt(void *arg, int r, const struct store_receipted *a)
{
    struct call *c = arg;

    if (r == 0)
        c->receipted = *a;
    came_back(c, r, r == 0 ? a->position : 0);
}

static void sim_receipt(struct store *s, const struct store_receipt *a, store_receipt_fn *done,
                        void *arg)
{
    struct call *c = call_new(s, CALL_RECEIPT, (void *)done, arg);

    if (begin(c))
        store_receipt(c->s->disk, a, on_receipt, c);
}

static void on_contact(void *arg, int r, const struct store_contacted *a)
{
    struct call *c = arg;

    if (r == 0)
        c->contacted = *a;
    came_back(c, r, r == 0 ? a->position : 0);
}

static void sim_contact(struct store *s, const struct store_contact *a, store_contact_fn *done,
                        void *arg)
{
    struct call *c = call_new(s, CALL_CONTACT, (void *)done, arg);

    if (begin(c))
        store_contact(c->s->disk, a, on_contact, c);
}

static void on_seen(void *arg, int r)
{
    came_back(arg, r, 0);
}

static void sim_seen(struct store *s, const account *a, int64_t at_ms, store_seen_fn *done,
                     void *arg)
{
    struct call *c = call_new(s, CALL_SEEN, (void *)done, arg);

    if (begin(c))
        store_seen(c->s->disk, a, at_ms, on_seen, c);
}

// Reads. Of the disk's messages a node gets what is not above its own horizon.

static void *copy(const void *items, size_t n, size_t size)
{
    char *bytes = mem_alloc(n * size + 1);

    str_copy(bytes, (str){items, n * size});
    return bytes;
}

static void on_read(void *arg, int r, const struct store_page *page)
{
    struct call *c = arg;

    if (r == 0) {
        size_t n = 0;
        c->page = *page;
        while (n < page->n_messages && page->messages[n].position <= c->horizon)
            n++;
        if (n < page->n_messages || page->upto > c->horizon) {
            c->page.has_more &= n == page->n_messages;
            c->page.upto = c->horizon;
        }
        c->page.n_messages = n;
        c->page.messages = c->items = copy(page->messages, n, sizeof(*page->messages));
    }
    came_back(c, r, 0);
}

static void sim_read(struct store *s, const struct store_read *a, store_read_fn *done,
                     void *arg)
{
    struct call *c = call_new(s, CALL_READ, (void *)done, arg);

    if (begin(c))
        store_read(c->s->disk, a, on_read, c);
}

static void on_receipts(void *arg, int r, const struct store_receipts_page *page)
{
    struct call *c = arg;

    if (r == 0) {
        c->receipts = *page;
        c->receipts.receipts = c->items =
            copy(page->receipts, page->n_receipts, sizeof(*page->receipts));
    }
    came_back(c, r, 0);
}

static void sim_receipts(struct store *s, const struct store_receipts *a,
                         store_receipts_fn *done, void *arg)
{
    struct call *c = call_new(s, CALL_RECEIPTS, (void *)done, arg);

    if (begin(c))
        store_receipts(c->s->disk, a, on_receipts, c);
}

static void on_changes(void *arg, int r, const struct store_changes_page *page)
{
    struct call *c = arg;

    if (r == 0) {
        c->changes = *page;
        c->changes.conversations = c->items =
            copy(page->conversations, page->n_conversations, sizeof(*page->conversations));
    }
    came_back(c, r, 0);
}

static void sim_changes(struct store *s, const struct store_changes *a, store_changes_fn *done,
                        void *arg)
{
    struct call *c = call_new(s, CALL_CHANGES, (void *)done, arg);

    if (begin(c))
        store_changes(c->s->disk, a, on_changes, c);
}

static void on_touched(void *arg, int r, const struct store_touched_page *page)
{
    struct call *c = arg;

    if (r == 0) {
        c->touched = *page;
        c->touched.touches = c->items =
            copy(page->touches, page->n_touches, sizeof(*page->touches));
    }
    came_back(c, r, 0);
}

static void sim_touched(struct store *s, const struct store_touched *a, store_touched_fn *done,
                        void *arg)
{
    struct call *c = call_new(s, CALL_TOUCHED, (void *)done, arg);

    if (begin(c))
        store_touched(c->s->disk, a, on_touched, c);
}

static void on_unread(void *arg, int r, uint64_t n)
{
    struct call *c = arg;

    c->unread = n;
    came_back(c, r, 0);
}

static void sim_unread(struct store *s, const account *a, store_unread_fn *done, void *arg)
{
    struct call *c = call_new(s, CALL_UNREAD, (void *)done, arg);

    if (begin(c))
        store_unread(c->s->disk, a, on_unread, c);
}

// As if the disk were here.

static void sim_history(struct store *s, const struct store_history *a, store_history_fn *done,
                        void *arg)
{
    store_history(of(s)->disk, a, done, arg);
}

static void sim_list(struct store *s, const struct store_list *a, store_list_fn *done,
                     void *arg)
{
    store_list(of(s)->disk, a, done, arg);
}

static void sim_conversation(struct store *s, const struct store_conversation *a,
                             store_conversation_fn *done, void *arg)
{
    store_conversation(of(s)->disk, a, done, arg);
}

static void sim_relations(struct store *s, const struct store_relations *a,
                          store_relations_fn *done, void *arg)
{
    store_relations(of(s)->disk, a, done, arg);
}

/** A node hears of what others have committed now and then, but within a process at once. */
static int64_t sim_horizon(struct store *base)
{
    struct sim_store *s = of(base);
    const int64_t disk = store_horizon(s->disk);

    if (s->sim->config.is_one)
        return s->horizon = disk;
    if (s->sim->config.n_nodes == 1 || sim_one_in(s->sim, 2) || s->sim->is_calm)
        s->seen = disk;
    int64_t horizon = s->seen;
    list_each (node, &s->calls) {
        const struct call *c = container_of(node, struct call, node);
        if (c->position > 0 && c->position <= horizon)
            horizon = c->position - 1;
    }
    if (horizon > s->horizon)
        s->horizon = horizon;
    return s->horizon;
}

void sim_store_crash(struct store *base)
{
    of(base)->is_crashed = true;
}

void sim_store_end(struct store *base)
{
    struct sim_store *s = of(base);

    s->is_over = true;
    sim_settle(s->sim); // the disk has done what it was given
    while (!list_is_empty(&s->calls)) {
        struct timer *t = &container_of(s->calls.next, struct call, node)->timer;
        t->fire(t);
        sim_settle(s->sim);
    }
}

static void sim_free(struct store *base)
{
    assert(list_is_empty(&of(base)->calls));
    free(of(base));
}

static const struct store_ops ops = {
    .name = "sim",
    .append = sim_append,
    .receipt = sim_receipt,
    .contact = sim_contact,
    .seen = sim_seen,
    .read = sim_read,
    .receipts = sim_receipts,
    .history = sim_history,
    .list = sim_list,
    .conversation = sim_conversation,
    .changes = sim_changes,
    .relations = sim_relations,
    .touched = sim_touched,
    .unread = sim_unread,
    .horizon = sim_horizon,
    .free = sim_free,
};

struct store *sim_store_new(struct sim *sim, struct store *disk)
{
    struct sim_store *s = NEW(struct sim_store);

    s->store.ops = &ops;
    s->store.epoch = disk->epoch;
    s->sim = sim;
    s->disk = disk;
    s->seen = s->horizon = store_horizon(disk);
    list_init(&s->calls);
    return &s->store;
}
