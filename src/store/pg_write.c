#include "store/pg_write.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/loop.h"
#include "store/pg_auth.h"
#include "store/pg_change.h"
#include "store/pg_load.h"
#include "store/pg_remember.h"
#include "store/pg_save.h"

/** Operations that go together. */
struct batch {
    struct pg_writer *w;
    struct write_op **ops;
    size_t n;
};

// What an operation is answered with whose transaction was not done, whichever port it is of.
static_assert((int)PG_TXN_UNCERTAIN == (int)STORE_UNCERTAIN, "one answer for all");
static_assert((int)PG_TXN_UNAVAILABLE == (int)STORE_UNAVAILABLE, "one answer for all");
static_assert((int)PG_TXN_UNCERTAIN == (int)AUTH_STORE_UNCERTAIN, "one answer for all");
static_assert((int)PG_TXN_UNAVAILABLE == (int)AUTH_STORE_UNAVAILABLE, "one answer for all");
static_assert((int)PG_TXN_UNCERTAIN == (int)UPLOADS_UNCERTAIN, "one answer for all");
static_assert((int)PG_TXN_UNAVAILABLE == (int)UPLOADS_UNAVAILABLE, "one answer for all");

static void forget_answers(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        b->ops[i]->r = 0;
        b->ops[i]->has_changed = false;
        b->ops[i]->position = 0;
    }
}

static void refuse_all(const struct batch *b, int r)
{
    forget_answers(b);
    for (size_t i = 0; i < b->n; i++)
        b->ops[i]->r = r;
}

// Which conversations.

/** Of an operation that names a peer. @return NULL: it names the conversation, or none */
static const struct chat_place *place_of(const struct write_op *op)
{
    switch (op->kind) {
    case WRITE_RECEIPT: return &op->receipt.asked.place;
    case WRITE_CONTACT: return &op->contact.asked.place;
    case WRITE_APPEND:
    case WRITE_SEEN:
    case WRITE_AUTH:
    case WRITE_UPLOAD: break;
    }
    return NULL;
}

/** @return false: it names no two accounts */
static bool pair_of(const struct write_op *op, struct pg_pair *out)
{
    const struct chat_place *place = place_of(op);

    if (op->kind == WRITE_APPEND) {
        *out = (struct pg_pair){
            .x = op->append.asked.from, .y = op->append.asked.to, .is_made = true};
        return true;
    }
    if (!place || place->conversation != 0)
        return false;
    *out = (struct pg_pair){.x = op->kind == WRITE_RECEIPT ? op->receipt.asked.by
                                                           : op->contact.asked.by,
                            .y = place->peer};
    out->is_made = op->kind == WRITE_CONTACT && op->contact.asked.what != CHAT_UNBLOCK;
    return true;
}

/** @return 0 or an enum pg_refusal */
static int find_conversations(struct pg_writer *w, struct pg_group *g)
{
    struct pg_pair *pairs = arena_alloc(&g->arena, (g->n_items + 1) * sizeof(*pairs));
    size_t n = 0;

    for (size_t i = 0; i < g->n_items; i++)
        n += pair_of(g->items[i].op, &pairs[n]);
    const int r = pg_pairs_find(&w->pairs, w->txn.link, pairs, n);
    for (size_t i = 0, k = 0; r == 0 && i < g->n_items; i++) {
        struct pg_item *item = &g->items[i];
        const struct chat_place *place = place_of(item->op);
        struct pg_pair unused;
        if (pair_of(item->op, &unused)) {
            item->conversation = pairs[k].conversation;
            item->side = pairs[k++].x_side;
        } else if (place) {
            item->conversation = place->conversation;
        }
    }
    return r;
}

static void add_thread(struct pg_writer *w, struct pg_group *g, conversation_id id)
{
    if (id == 0 || pg_group_find(g, id))
        return;
    struct pg_thread *t = arena_alloc(&g->arena, sizeof(*t));
    t->id = id;
    t->known = pg_known_find(&w->known, id);
    t->next = g->all;
    g->all = t;
    map_add(&g->threads, &t->by_id, hash_number(id));
}

// Uploads that messages name.

static int by_id(const void *a, const void *b)
{
    const str x = ((const struct pg_upload *)a)->id;
    const str y = ((const struct pg_upload *)b)->id;
    const int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static bool names_upload(const struct pg_item *item)
{
    return item->op->kind == WRITE_APPEND && item->op->append.asked.upload.len > 0;
}

/** Once each, though several messages may name it. */
static void list_uploads(struct pg_group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_items; i++)
        n += names_upload(&g->items[i]);
    g->uploads = arena_alloc(&g->arena, (n + 1) * sizeof(*g->uploads));
    g->kept = arena_alloc(&g->arena, (n + 1) * sizeof(struct pg_upload *));
    n = 0;
    for (size_t i = 0; i < g->n_items; i++) {
        if (names_upload(&g->items[i])) {
            g->uploads[n++] = (struct pg_upload){.id = g->items[i].op->append.asked.upload};
        }
    }
    if (n > 0)
        qsort(g->uploads, n, sizeof(*g->uploads), by_id);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by_id(&g->uploads[i], &g->uploads[g->n_uploads - 1]) != 0)
            g->uploads[g->n_uploads++] = g->uploads[i];
    }
}

static void join_uploads(struct pg_group *g)
{
    for (size_t i = 0; g->n_uploads > 0 && i < g->n_items; i++) {
        if (!names_upload(&g->items[i]))
            continue;
        const struct pg_upload key = {.id = g->items[i].op->append.asked.upload};
        g->items[i].upload = bsearch(&key, g->uploads, g->n_uploads, sizeof(key), by_id);
    }
}

// A group.

static void begin_group(struct pg_group *g, const struct batch *b)
{
    struct arena arena;
    struct map threads;

    arena_clear(&g->arena);
    map_clear(&g->threads);
    arena = g->arena;
    threads = g->threads;
    *g = (struct pg_group){.arena = arena, .threads = threads, .n_items = b->n};
    g->items = arena_alloc(&g->arena, b->n * sizeof(*g->items));
    for (size_t i = 0; i < b->n; i++) {
        g->items[i].op = b->ops[i];
        g->has_seen |= b->ops[i]->kind == WRITE_SEEN;
    }
    forget_answers(b);
}

/** Everything that it is about is locked, and loaded. @return 0 or an enum pg_refusal */
static int load(struct pg_writer *w, struct pg_group *g)
{
    struct pg_link *l = w->txn.link;

    pg_txn_send_begin(&w->txn);
    pg_load_send(g, &w->mailboxes, l, &w->args, loop_now_ns() / 1000000);
    pg_link_sync(l);
    int r = pg_txn_begun(&w->txn);
    const int r_load = pg_load_read(g, &w->mailboxes, l);
    r = r == 0 ? r_load : r;
    if (r == 0)
        r = pg_load_changed(g, l, &w->args);
    if (r == 0)
        r = pg_load_marked(g, l, &w->args);
    if (r == 0 && g->n_uploads > 0)
        r = pg_uploads_look(l, g->uploads, g->n_uploads);
    return r;
}

/** The conversation of two accounts that we know is there no more: by somebody's hand, or by a
 * crash, before anything was in it. */
static bool is_gone(const struct pg_item *item)
{
    struct pg_pair unused;

    if (item->thread)
        return false;
    return item->op->kind == WRITE_APPEND ||
           (item->conversation != 0 && pair_of(item->op, &unused));
}

/** @return 0, or PG_AGAIN: they are to be found anew */
static int decide(struct pg_writer *w, struct pg_group *g)
{
    const struct pg_rules rules = {.limits = &w->limits, .mailboxes = &w->mailboxes};

    for (size_t i = 0; i < g->n_items; i++) {
        struct pg_item *item = &g->items[i];
        if (is_gone(item)) {
            pg_pairs_drop(&w->pairs);
            return PG_AGAIN;
        }
        if (item->op->kind == WRITE_APPEND) {
            pg_change_append(g, &rules, item);
        } else if (item->op->kind == WRITE_RECEIPT) {
            pg_change_receipt(g, &rules, item);
        } else if (item->op->kind == WRITE_CONTACT) {
            pg_change_contact(g, &rules, item);
        }
    }
    return 0;
}

/** @return 0 or an enum pg_refusal */
static int save(struct pg_writer *w, struct pg_group *g)
{
    struct pg_link *l = w->txn.link;
    size_t n = 0;

    if (g->has_seen) {
        pg_save_send_seen(g, l, &w->args);
        n++;
    }
    if (g->n_taken > 0)
        n += pg_save_send(g, l, &w->args);
    if (n == 0) {
        pg_txn_send_end(&w->txn);
        pg_link_sync(l);
        return pg_txn_ended(&w->txn);
    }
    pg_txn_send_commit(&w->txn);
    pg_link_sync(l);
    const int r = pg_link_results(l, n);
    const int r_commit = pg_txn_committed(&w->txn);
    return r == 0 ? r_commit : r;
}

/** A pg_txn_fn. */
static int run_group(struct pg_txn *t, void *arg)
{
    const struct batch *b = arg;
    struct pg_writer *w = b->w;
    struct pg_group *g = &w->group;

    (void)t;
    begin_group(g, b);
    int r = find_conversations(w, g);
    if (r != 0)
        return r;
    for (size_t i = 0; i < g->n_items; i++)
        add_thread(w, g, g->items[i].conversation);
    list_uploads(g);
    r = load(w, g);
    join_uploads(g);
    if (r == 0)
        r = decide(w, g);
    if (r == 0)
        r = save(w, g);
    if (r != 0)
        pg_mailboxes_drop(&w->mailboxes); // they count what is not there
    return r;
}

/** A message that another node has stored is below the horizon, too, once it is answered. */
static void reach_duplicates(struct pg_writer *w)
{
    for (size_t i = 0; i < w->group.n_items; i++) {
        const struct write_op *op = w->group.items[i].op;
        if (op->kind == WRITE_APPEND && op->r == 0 &&
            op->append.answer.message.position > w->txn.position)
            w->txn.position = op->append.answer.message.position;
    }
}

/**
 * One that the database does not take as it is shall not keep the others out: a group that
 * fails by itself is tried in halves.
 */
static void do_group(struct pg_writer *w, struct write_op **ops, size_t n)
{
    struct batch b = {.w = w, .ops = ops, .n = n};

    const int r = pg_txn_do(&w->txn, run_group, &b);
    if (r == PG_TXN_UNAVAILABLE && n > 1 && w->txn.is_refused) {
        do_group(w, ops, n / 2);
        do_group(w, ops + n / 2, n - n / 2);
    } else if (r != 0) {
        pg_mailboxes_drop(&w->mailboxes);
        refuse_all(&b, r);
    } else {
        pg_change_settle(&w->group, w->txn.position - w->group.n_taken);
        pg_remember(&w->group, &w->known, w->txn.position);
        reach_duplicates(w);
        pg_mailboxes_trim(&w->mailboxes);
    }
}

// Sessions and uploads: some in one transaction.

static int change_one(struct pg_link *l, struct write_op *op)
{
    int r = 0;

    if (op->kind == WRITE_AUTH) {
        r = pg_auth_change(l, &op->auth, &op->r);
        op->has_changed = op->auth.has_changed;
    } else {
        r = pg_uploads_change(l, &op->upload, &op->r);
        op->has_changed = op->upload.has_changed;
    }
    return r;
}

/** What they revoke takes positions, which nobody else can then: last, and with the commit.
 * @return 0 or an enum pg_refusal */
static int commit_others(struct pg_txn *t, const struct batch *b)
{
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct write_op *op = b->ops[i];
        if (op->kind == WRITE_AUTH)
            n += pg_auth_send_revoked(t->link, &op->auth, op->r);
    }
    pg_txn_send_commit(t);
    pg_link_sync(t->link);
    for (size_t i = 0; i < n; i++) {
        const int one = pg_link_result(t->link, NULL);
        r = r == 0 ? one : r;
    }
    const int r_commit = pg_txn_committed(t);
    return r == 0 ? r_commit : r;
}

/** A pg_txn_fn. */
static int run_others(struct pg_txn *t, void *arg)
{
    const struct batch *b = arg;

    forget_answers(b);
    pg_txn_send_begin(t);
    pg_link_sync(t->link);
    int r = pg_txn_begun(t);
    for (size_t i = 0; r == 0 && i < b->n; i++)
        r = change_one(t->link, b->ops[i]);
    return r == 0 ? commit_others(t, b) : r;
}

static void do_others(struct pg_writer *w, struct write_op **ops, size_t n)
{
    struct batch b = {.w = w, .ops = ops, .n = n};

    const int r = pg_txn_do(&w->txn, run_others, &b);
    if (r == PG_TXN_UNAVAILABLE && n > 1 && w->txn.is_refused) {
        do_others(w, ops, n / 2);
        do_others(w, ops + n / 2, n - n / 2);
    } else if (r != 0) {
        refuse_all(&b, r);
    }
}

// All that waits.

/**
 * May it be in one transaction with those before it? Contacts change messages that are there,
 * and have one of their own. Who was seen is known already, or not: not by a message of the
 * group.
 */
static bool goes_with(const struct write_op *op, const struct write_op *first, bool has_appends)
{
    switch (op->kind) {
    case WRITE_AUTH:
    case WRITE_UPLOAD: return op->kind == first->kind;
    case WRITE_CONTACT: return false;
    case WRITE_SEEN:
        return first->kind < WRITE_AUTH && first->kind != WRITE_CONTACT && !has_appends;
    case WRITE_APPEND:
    case WRITE_RECEIPT: break;
    }
    return first->kind < WRITE_AUTH && first->kind != WRITE_CONTACT;
}

static void do_batch(struct pg_writer *w, struct write_op **ops, size_t n)
{
    if (ops[0]->kind < WRITE_AUTH) {
        do_group(w, ops, n);
    } else {
        do_others(w, ops, n);
    }
}

/** Those of one port are in no order with the others': they go first. @return how many */
static size_t sort(struct list *writes, struct write_op **out)
{
    size_t n = 0;

    for (unsigned k = 0; k < 2; k++) {
        list_each (node, writes) {
            struct write_op *op = write_op_of(node);
            if ((op->kind == WRITE_AUTH) == (k == 0))
                out[n++] = op;
        }
    }
    return n;
}

void pg_writer_run(struct pg_writer *w, struct list *writes)
{
    size_t n_all = 0;

    list_each (node, writes)
        n_all++;
    struct write_op **ops = mem_alloc((n_all + 1) * sizeof(struct write_op *));
    const size_t n = sort(writes, ops);
    bool has_appends = false;
    for (size_t first = 0, i = 1; i <= n; i++) {
        has_appends |= ops[i - 1]->kind == WRITE_APPEND;
        if (i < n && goes_with(ops[i], ops[first], has_appends))
            continue;
        do_batch(w, ops + first, i - first);
        has_appends = false;
        first = i;
    }
    free(ops);
}

// Life.

void pg_writer_init(struct pg_writer *w, struct pg_link *link,
                    const struct store_limits *limits, bool is_alone, struct rand *rand)
{
    uint8_t key[HASH_KEY_SIZE];

    *w = (struct pg_writer){.limits = *limits};
    pg_txn_init(&w->txn, link, rand);
    rand_bytes(rand, key, sizeof(key));
    pg_pairs_init(&w->pairs, key);
    pg_mailboxes_init(&w->mailboxes, key, limits->mailbox);
    w->mailboxes.is_one_node = w->txn.is_alone = is_alone;
    pg_known_init(&w->known);
    pg_args_init(&w->args);
}

void pg_writer_fini(struct pg_writer *w)
{
    pg_txn_fini(&w->txn);
    pg_pairs_fini(&w->pairs);
    pg_mailboxes_drop(&w->mailboxes);
    pg_known_fini(&w->known);
    pg_args_fini(&w->args);
    arena_fini(&w->group.arena);
    map_drop(&w->group.threads);
}
