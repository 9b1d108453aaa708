#include "store/pg_load.h"

#include "base/mem.h"

// clang-format off

#define SIDE(s)                                                                                \
    "c." s "undelivered, c." s "undelivered_bytes, c." s "due_pos, c." s "unread, "            \
    "c." s "delivered_seq, c." s "delivered_at_ms, c." s "delivered_pos, "                     \
    "c." s "read_seq, c." s "read_at_ms, c." s "read_pos, "                                    \
    "c." s "accepted, c." s "blocked, c." s "block_seq, c." s "contact_pos, "                  \
    "c." s "withheld, c." s "withheld_bytes, "                                                 \
    "c." s "shown_seq, c." s "shown_pos, c." s "shown_at_ms, "                                 \
    "c." s "peer_delivered_seq, c." s "peer_delivered_at_ms, c." s "peer_delivered_pos, "      \
    "c." s "peer_read_seq, c." s "peer_read_at_ms, c." s "peer_read_pos"

// clang-format on

static const struct pg_statement lock = {
    28,
    "SELECT id, changed_pos FROM conversation WHERE id = ANY($1::int8[]) ORDER BY id"
    " FOR UPDATE"};

static const struct pg_statement load = {
    16,
    "SELECT c.id, c.a, c.b, x.address, y.address, c.last_seq, c.last_pos, c.last_at_ms, "
    SIDE("a_") ", " SIDE("b_")
    " FROM conversation c JOIN account x ON x.id = c.a JOIN account y ON y.id = c.b"
    " WHERE c.id = ANY($1::int8[])"};

enum { // its columns
    LOAD_ID,
    LOAD_ACCOUNT,
    LOAD_ADDRESS = LOAD_ACCOUNT + 2,
    LOAD_LAST = LOAD_ADDRESS + 2,
    LOAD_SIDE = LOAD_LAST + 3,
};

enum { // of a side's
    LOAD_UNDELIVERED,
    LOAD_DUE = LOAD_UNDELIVERED + 2,
    LOAD_UNREAD,
    LOAD_MARKS,
    LOAD_ACCEPTED = LOAD_MARKS + 6,
    LOAD_BLOCKED,
    LOAD_BLOCK_SEQ,
    LOAD_CONTACT,
    LOAD_WITHHELD,
    LOAD_SHOWN = LOAD_WITHHELD + 2,
    LOAD_KNOWN = LOAD_SHOWN + 3,
    LOAD_COLUMNS = LOAD_KNOWN + 6,
};

static const struct pg_statement find_keys = {
    17,
    "SELECT u.i, m.seq, m.position, m.created_at_ms, m.reply_to, m.withheld <> 0,"
    " m.digest = u.digest, m.type, m.content"
    " FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::bytea[], $5::bytea[])"
    "  u(i, conversation, side, key, digest)"
    " JOIN message m ON m.conversation = u.conversation AND m.side = u.side AND m.key = u.key"};

// Each message is counted once as it is delivered, and once as it is read.
static const struct pg_statement count_marked = {
    18,
    "SELECT u.i, d.n, d.bytes, r.n, coalesce(f.position, 0)"
    " FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[],"
    "  $7::int8[]) u(i, conversation, side, delivered, to_delivered, read, to_read)"
    " CROSS JOIN LATERAL (SELECT count(*) n,"
    "  coalesce(sum(octet_length(m.content)), 0)::int8 bytes"
    "  FROM message m WHERE m.conversation = u.conversation AND m.seq > u.delivered"
    "  AND m.seq <= u.to_delivered AND m.side <> u.side AND m.withheld = 0) d"
    " CROSS JOIN LATERAL (SELECT count(*) n"
    "  FROM message m WHERE m.conversation = u.conversation AND m.seq > u.read"
    "  AND m.seq <= u.to_read AND m.side <> u.side AND m.withheld = 0) r"
    " LEFT JOIN LATERAL (SELECT m.position"
    "  FROM message m WHERE m.conversation = u.conversation"
    "  AND m.seq > greatest(u.to_delivered, u.delivered) AND m.side <> u.side"
    "  AND m.withheld = 0 ORDER BY m.seq LIMIT 1) f ON true"};

static const struct pg_statement sum_up = {
    19,
    "SELECT x.address, sum(m.undelivered)::int8,"
    " coalesce(sum(m.undelivered) FILTER (WHERE NOT m.accepted), 0)::int8"
    " FROM account x JOIN member m ON m.account = x.id AND m.is_due AND m.due_pos > 0"
    " WHERE x.address = ANY($1::bytea[]) GROUP BY x.id, x.address"};

// Sending.

static void send_lock(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_array(args, PG_INT8);
    for (const struct pg_thread *t = g->all; t; t = t->next)
        pg_arg_array_i64(args, (int64_t)t->id);
    pg_arg_array_end(args);
    pg_link_send(l, &lock, args);
}

/** Those that are to be loaded: they are locked. @return false: there are none */
static bool send_load(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    bool is_any = false;

    pg_args_clear(args);
    pg_arg_array(args, PG_INT8);
    for (const struct pg_thread *t = g->all; t; t = t->next) {
        if (t->is_there || t->known)
            continue;
        is_any = true;
        pg_arg_array_i64(args, (int64_t)t->id);
    }
    pg_arg_array_end(args);
    if (is_any)
        pg_link_send(l, &load, args);
    return is_any;
}

enum { // in the order of the statement's arguments
    KEY_ITEM,
    KEY_CONVERSATION,
    KEY_SIDE,
    KEY_NUMBERS,
    KEY_BYTES = KEY_NUMBERS,
    KEY_DIGEST,
    KEY_COLUMNS,
};

static void put_key(const struct pg_group *g, size_t i, unsigned column, struct pg_args *args)
{
    const struct pg_item *item = &g->items[i];
    const struct store_append *a = &item->op->append.asked;

    switch (column) {
    case KEY_ITEM: pg_arg_array_i64(args, (int64_t)i); break;
    case KEY_CONVERSATION: pg_arg_array_i64(args, (int64_t)item->conversation); break;
    case KEY_SIDE: pg_arg_array_i64(args, item->side); break;
    case KEY_BYTES: pg_arg_array_bytes(args, a->key); break;
    default: pg_arg_array_bytes(args, (str){(const char *)a->digest, CHAT_DIGEST_SIZE}); break;
    }
}

static void send_keys(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    for (unsigned column = 0; column < KEY_COLUMNS; column++) {
        pg_arg_array(args, column < KEY_NUMBERS ? PG_INT8 : PG_BYTEA);
        for (size_t i = 0; i < g->n_items; i++) {
            if (g->items[i].op->kind == WRITE_APPEND)
                put_key(g, i, column, args);
        }
        pg_arg_array_end(args);
    }
    pg_link_send(l, &find_keys, args);
}

/** Those of recipients that are not known, or not any more. @return how many */
static size_t put_mailboxes(const struct pg_group *g, struct pg_mailboxes *mailboxes,
                            struct pg_args *args, int64_t now_ms)
{
    size_t n = 0;

    pg_args_clear(args);
    pg_arg_array(args, PG_BYTEA);
    for (size_t i = 0; i < g->n_items; i++) {
        if (g->items[i].op->kind != WRITE_APPEND)
            continue;
        struct pg_mailbox *m = pg_mailboxes_get(mailboxes, &g->items[i].op->append.asked.to);
        if (pg_mailbox_is_good(mailboxes, m, now_ms))
            continue;
        m->is_known = true; // when the answer is there
        m->read_ms = now_ms;
        m->waiting = (struct mailbox_share){0};
        pg_arg_array_bytes(args, account_str(&m->account));
        n++;
    }
    pg_arg_array_end(args);
    return n;
}

static bool has_appends(const struct pg_group *g)
{
    for (size_t i = 0; i < g->n_items; i++) {
        if (g->items[i].op->kind == WRITE_APPEND)
            return true;
    }
    return false;
}

void pg_load_send(struct pg_group *g, struct pg_mailboxes *mailboxes, struct pg_link *l,
                  struct pg_args *args, int64_t now_ms)
{
    g->has_appends = has_appends(g);
    send_lock(g, l, args);
    g->has_unknown = send_load(g, l, args);
    if (g->has_appends)
        send_keys(g, l, args);
    g->n_sums = put_mailboxes(g, mailboxes, args, now_ms);
    if (g->n_sums > 0)
        pg_link_send(l, &sum_up, args);
}

// Reading.

static bool is_id(struct map_node *node, const void *key)
{
    return container_of(node, struct pg_thread, by_id)->id == *(const conversation_id *)key;
}

struct pg_thread *pg_group_find(const struct pg_group *g, conversation_id id)
{
    struct map_node *node = map_find(&g->threads, hash_number(id), is_id, &id);

    return node ? container_of(node, struct pg_thread, by_id) : NULL;
}

/** Three columns from this one on. */
static struct thread_mark read_mark(const PGresult *r, int row, int column)
{
    return (struct thread_mark){.seq = (uint64_t)pg_i64(r, row, column),
                                .at_ms = pg_i64(r, row, column + 1),
                                .position = pg_i64(r, row, column + 2)};
}

static struct tally read_tally(const PGresult *r, int row, int column)
{
    return (struct tally){.n = (uint64_t)pg_i64(r, row, column),
                          .bytes = (uint64_t)pg_i64(r, row, column + 1)};
}

static struct pg_last read_last(const PGresult *r, int row, int column)
{
    return (struct pg_last){.seq = (uint64_t)pg_i64(r, row, column),
                            .position = pg_i64(r, row, column + 1),
                            .at_ms = pg_i64(r, row, column + 2)};
}

static void read_side(struct pg_sides *all, unsigned side, const PGresult *r, int row)
{
    const int at = LOAD_SIDE + (int)side * LOAD_COLUMNS;
    struct pg_side *s = &all->of[side];

    *s = (struct pg_side){
        .account_id = pg_i64(r, row, LOAD_ACCOUNT + (int)side),
        .account = pg_account(r, row, LOAD_ADDRESS + (int)side),
        .shown = all->last,
        .undelivered = read_tally(r, row, at + LOAD_UNDELIVERED),
        .due_pos = pg_i64(r, row, at + LOAD_DUE),
        .unread = (uint64_t)pg_i64(r, row, at + LOAD_UNREAD),
        .marks = {read_mark(r, row, at + LOAD_MARKS), read_mark(r, row, at + LOAD_MARKS + 3)},
        .accepted = pg_bool(r, row, at + LOAD_ACCEPTED),
        .blocked = pg_bool(r, row, at + LOAD_BLOCKED),
        .block_seq = (uint64_t)pg_i64(r, row, at + LOAD_BLOCK_SEQ),
        .contact_pos = pg_i64(r, row, at + LOAD_CONTACT),
        .withheld = read_tally(r, row, at + LOAD_WITHHELD),
    };
    if (!pg_is_null(r, row, at + LOAD_SHOWN))
        s->shown = read_last(r, row, at + LOAD_SHOWN);
}

/** What a side knows of the other one's marks: behind read_side() of both. */
static void read_known(struct pg_sides *all, unsigned side, const PGresult *r, int row)
{
    const int at = LOAD_SIDE + (int)side * LOAD_COLUMNS + LOAD_KNOWN;

    for (int i = 0; i < 2; i++) {
        all->of[side].peer_marks[i] =
            pg_is_null(r, row, at) ? all->of[1 - side].marks[i] : read_mark(r, row, at + 3 * i);
    }
}

static void read_thread(struct pg_thread *t, const PGresult *r, int row)
{
    t->now.last = read_last(r, row, LOAD_LAST);
    for (unsigned side = 0; side < 2; side++)
        read_side(&t->now, side, r, row);
    for (unsigned side = 0; side < 2; side++)
        read_known(&t->now, side, r, row);
    t->before = t->now;
    t->is_there = true;
}

static int read_threads(const struct pg_group *g, struct pg_link *l)
{
    PGresult *found = NULL;

    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++)
        read_thread(pg_group_find(g, (conversation_id)pg_i64(found, i, LOAD_ID)), found, i);
    pg_result_free(&found);
    return r;
}

/** What is known is what is there, unless somebody else has changed it since. */
static void take_locked(struct pg_thread *t, int64_t changed_pos)
{
    t->changed_pos = changed_pos;
    if (t->known && t->known->changed_pos == changed_pos) {
        t->now = t->before = t->known->sides;
        t->is_there = true;
    } else if (t->known) {
        t->known = NULL;
        t->is_behind = true;
    }
}

static int read_locked(const struct pg_group *g, struct pg_link *l)
{
    PGresult *found = NULL;

    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++) {
        take_locked(pg_group_find(g, (conversation_id)pg_i64(found, i, 0)),
                    pg_i64(found, i, 1));
    }
    pg_result_free(&found);
    return r;
}

static void join_threads(const struct pg_group *g)
{
    for (size_t i = 0; i < g->n_items; i++) {
        struct pg_thread *t = pg_group_find(g, g->items[i].conversation);
        g->items[i].thread = t && t->is_there ? t : NULL;
    }
}

static str keep(struct pg_group *g, str s)
{
    return str_copy(arena_alloc(&g->arena, s.len + 1), s);
}

static int read_keys(struct pg_group *g, struct pg_link *l)
{
    PGresult *found = NULL;

    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++) {
        g->items[pg_i64(found, i, 0)].found = (struct pg_found){
            .is_there = true,
            .seq = (uint64_t)pg_i64(found, i, 1),
            .position = pg_i64(found, i, 2),
            .created_at_ms = pg_i64(found, i, 3),
            .reply_to = (uint64_t)pg_i64(found, i, 4),
            .is_withheld = pg_bool(found, i, 5),
            .is_same = pg_bool(found, i, 6),
            .type = keep(g, pg_str(found, i, 7)),
            .content = keep(g, pg_str(found, i, 8)),
        };
    }
    pg_result_free(&found);
    return r;
}

static int read_mailboxes(struct pg_mailboxes *mailboxes, struct pg_link *l)
{
    PGresult *found = NULL;

    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++) {
        const account a = pg_account(found, i, 0);
        pg_mailboxes_find(mailboxes, &a)->waiting =
            (struct mailbox_share){.n = (uint64_t)pg_i64(found, i, 1),
                                   .n_of_strangers = (uint64_t)pg_i64(found, i, 2)};
    }
    pg_result_free(&found);
    return r;
}

int pg_load_read(struct pg_group *g, struct pg_mailboxes *mailboxes, struct pg_link *l)
{
    int r = read_locked(g, l);

    if (g->has_unknown) {
        const int one = read_threads(g, l);
        r = r == 0 ? one : r;
    }
    if (g->has_appends) {
        const int one = read_keys(g, l);
        r = r == 0 ? one : r;
    }
    if (g->n_sums > 0) {
        const int one = read_mailboxes(mailboxes, l);
        r = r == 0 ? one : r;
    }
    return r;
}

static bool is_any_behind(const struct pg_group *g)
{
    bool is_any = false;

    for (const struct pg_thread *t = g->all; t; t = t->next)
        is_any |= t->is_behind;
    return is_any;
}

int pg_load_changed(struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    int r = 0;

    if (is_any_behind(g) && send_load(g, l, args)) {
        pg_link_sync(l);
        r = read_threads(g, l);
    }
    join_threads(g);
    return r;
}

// What marks pass over.

static uint64_t delivered_of(const struct store_receipt *r)
{
    return r->read_seq > r->delivered_seq ? r->read_seq : r->delivered_seq;
}

/** Where it moves to, and what is above that is to be counted; else all, or nothing. */
static bool is_within(uint64_t seq, const struct thread_mark *mark, const struct pg_thread *t)
{
    return seq > mark->seq && seq < t->now.last.seq;
}

static bool moves_within(const struct pg_item *item, enum chat_mark mark)
{
    const struct store_receipt *asked = &item->op->receipt.asked;
    const uint64_t seq = mark == CHAT_MARK_READ ? asked->read_seq : delivered_of(asked);

    return is_within(seq, &item->thread->now.of[item->side].marks[mark], item->thread);
}

/** Among the recent messages. @return false: not all that is to be found */
static bool find_recent(struct pg_item *item)
{
    const struct store_receipt *asked = &item->op->receipt.asked;
    const struct pg_known *k = item->thread->known;
    const struct thread_mark *marks = item->thread->now.of[item->side].marks;
    struct tally read;

    if (!k)
        return false;
    if (moves_within(item, CHAT_MARK_DELIVERED)) {
        const uint64_t to = delivered_of(asked);
        if (!pg_known_count(k, item->side, marks[CHAT_MARK_DELIVERED].seq, to,
                            &item->found.delivered) ||
            !pg_known_first(k, item->side, to, &item->found.next_due))
            return false;
    }
    if (!moves_within(item, CHAT_MARK_READ))
        return true;
    if (!pg_known_count(k, item->side, marks[CHAT_MARK_READ].seq, asked->read_seq, &read))
        return false;
    item->found.read = read.n;
    return true;
}

/** @return false: the database is to be asked */
static bool find_without_asking(struct pg_item *item)
{
    const struct pg_thread *t = item->thread;
    const unsigned side = pg_thread_side_of(t, &item->op->receipt.asked.by);

    if (side == 2)
        return true;
    item->side = side;
    item->found = (struct pg_found){.delivered = t->now.of[side].undelivered,
                                    .read = t->now.of[side].unread};
    return (!moves_within(item, CHAT_MARK_DELIVERED) && !moves_within(item, CHAT_MARK_READ)) ||
           find_recent(item);
}

enum { // in the order of the statement's arguments
    COUNTED_ITEM,
    COUNTED_CONVERSATION,
    COUNTED_SIDE,
    COUNTED_DELIVERED,
    COUNTED_TO_DELIVERED,
    COUNTED_READ,
    COUNTED_TO_READ,
    COUNTED_COLUMNS,
};

/** Of a receipt that is to be counted for. */
static int64_t counted_of(const struct pg_group *g, size_t i, unsigned column)
{
    const struct pg_item *item = &g->items[i];
    const struct store_receipt *asked = &item->op->receipt.asked;

    assert(item->thread);
    const struct thread_mark *marks = item->thread->now.of[item->side].marks;
    switch (column) {
    case COUNTED_ITEM: return (int64_t)i;
    case COUNTED_CONVERSATION: return (int64_t)item->conversation;
    case COUNTED_SIDE: return item->side;
    case COUNTED_DELIVERED: return (int64_t)marks[CHAT_MARK_DELIVERED].seq;
    case COUNTED_TO_DELIVERED: return (int64_t)delivered_of(asked);
    case COUNTED_READ: return (int64_t)marks[CHAT_MARK_READ].seq;
    default: return (int64_t)asked->read_seq;
    }
}

static void put_counted(const struct pg_group *g, struct pg_args *args)
{
    pg_args_clear(args);
    for (unsigned column = 0; column < COUNTED_COLUMNS; column++) {
        pg_arg_array(args, PG_INT8);
        for (size_t i = 0; i < g->n_items; i++) {
            if (g->items[i].is_counted)
                pg_arg_array_i64(args, counted_of(g, i, column));
        }
        pg_arg_array_end(args);
    }
}

/** At the last message: nothing is left above. Not moved: nothing is between. */
static void take_found(struct pg_item *item, const PGresult *found, int row)
{
    if (moves_within(item, CHAT_MARK_DELIVERED)) {
        item->found.delivered = read_tally(found, row, 1);
        item->found.next_due = pg_i64(found, row, 4);
    }
    if (moves_within(item, CHAT_MARK_READ))
        item->found.read = (uint64_t)pg_i64(found, row, 3);
}

int pg_load_marked(struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    PGresult *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < g->n_items; i++) {
        struct pg_item *item = &g->items[i];
        if (item->op->kind == WRITE_RECEIPT && item->thread)
            item->is_counted = !find_without_asking(item);
        n += item->is_counted;
    }
    if (n == 0)
        return 0;
    put_counted(g, args);
    pg_link_send(l, &count_marked, args);
    pg_link_sync(l);
    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++)
        take_found(&g->items[pg_i64(found, i, 0)], found, i);
    pg_result_free(&found);
    return r;
}
