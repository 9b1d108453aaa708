#include "store/pg_save.h"

#include <stdlib.h>

#include "store/pg_schema.h"

// From here on nobody else commits: so the positions are in the order of commits.
static const struct pg_statement take = {20, "UPDATE meta SET position = position + $1::int8"};

#define BASE                                                                                   \
    "(SELECT position - $1::int8 AS base, " PG_ERA_OF("position") " AS era FROM meta) b"

static const struct pg_statement insert = {
    21,
    "INSERT INTO message (conversation, seq, position, side, withheld, sender, recipient,"
    " created_at_ms, reply_to, type, key, digest, content, upload)"
    " SELECT u.conversation, u.seq, b.base - u.position, u.side, u.withheld, u.sender,"
    " u.recipient, u.created_at_ms, u.reply_to, u.type, u.key, u.digest, u.content, u.upload"
    " FROM " BASE
    ", unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::bytea[], $12::bytea[],"
    " $13::bytea[], $14::bytea[], $15::bytea[])"
    " u(conversation, seq, position, side, withheld, sender, recipient, created_at_ms,"
    " reply_to, type, key, digest, content, upload)"};

#define AS(column) column " = u." column

/** A position of the group, or one that it had. */
#define AT(column)                                                                             \
    column " = CASE WHEN u." column " < 0 THEN b.base - u." column " ELSE u." column " END"

/** It may say so for longer, up to a change of an index. */
#define LAZY(column, is) column " = " is " OR (c." column " AND c.era = b.era AND $28::boolean)"

// clang-format off

#define SIDE(s)                                                                                \
    AS(s "undelivered") ", " AS(s "undelivered_bytes") ", " AT(s "due_pos") ", "               \
    AS(s "unread") ", " AS(s "delivered_seq") ", " AS(s "delivered_at_ms") ", "                \
    AT(s "delivered_pos") ", " AS(s "read_seq") ", " AS(s "read_at_ms") ", "                   \
    AT(s "read_pos") ", " AS(s "accepted") ", "                                                \
    LAZY(s "is_due", "u." s "due_pos <> 0") ", " LAZY(s "has_unread", "u." s "unread > 0")

#define NAMES(s)                                                                               \
    s "undelivered, " s "undelivered_bytes, " s "due_pos, " s "unread, "                       \
    s "delivered_seq, " s "delivered_at_ms, " s "delivered_pos, "                              \
    s "read_seq, " s "read_at_ms, " s "read_pos"

static const struct pg_statement update = {
    22,
    "UPDATE conversation c SET changed_pos = b.base + $1, era = b.era, "
    AS("last_seq") ", " AT("last_pos") ", " AS("last_at_ms") ", "
    SIDE("a_") ", " SIDE("b_")
    " FROM " BASE ", unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[],"
    " $13::int8[], $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::int8[],"
    " $19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::int8[], $24::int8[],"
    " $25::int8[], $26::bool[], $27::bool[])"
    " u(id, last_seq, last_pos, last_at_ms, " NAMES("a_") ", " NAMES("b_") ","
    " a_accepted, b_accepted)"
    " WHERE c.id = u.id"};

#define SELDOM(s)                                                                              \
    AS(s "blocked") ", " AS(s "block_seq") ", " AT(s "contact_pos") ", "                       \
    AS(s "withheld") ", " AS(s "withheld_bytes") ", "                                          \
    AS(s "shown_seq") ", " AT(s "shown_pos") ", " AS(s "shown_at_ms") ", "                     \
    AS(s "peer_delivered_seq") ", " AS(s "peer_delivered_at_ms") ", "                          \
    AT(s "peer_delivered_pos") ", " AS(s "peer_read_seq") ", "                                 \
    AS(s "peer_read_at_ms") ", " AT(s "peer_read_pos")

#define SELDOM_NAMES(s)                                                                        \
    s "blocked, " s "block_seq, " s "contact_pos, " s "withheld, " s "withheld_bytes, "        \
    s "shown_seq, " s "shown_pos, " s "shown_at_ms, "                                          \
    s "peer_delivered_seq, " s "peer_delivered_at_ms, " s "peer_delivered_pos, "               \
    s "peer_read_seq, " s "peer_read_at_ms, " s "peer_read_pos"

static const struct pg_statement update_seldom = {
    27,
    "UPDATE conversation c SET " SELDOM("a_") ", " SELDOM("b_")
    " FROM " BASE ", unnest($2::int8[], $3::bool[], $4::int8[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[],"
    " $13::int8[], $14::int8[], $15::int8[], $16::int8[], $17::bool[], $18::int8[],"
    " $19::int8[], $20::int8[], $21::int8[], $22::int8[], $23::int8[], $24::int8[],"
    " $25::int8[], $26::int8[], $27::int8[], $28::int8[], $29::int8[], $30::int8[])"
    " u(id, " SELDOM_NAMES("a_") ", " SELDOM_NAMES("b_") ")"
    " WHERE c.id = u.id"};

// clang-format on

static const struct pg_statement withhold = {
    23,
    "UPDATE message SET withheld = $5::int8 WHERE conversation = $1::int8 AND side = $2::int8"
    " AND seq > $3::int8 AND withheld = $4::int8"};

// Those of one statement in the order of their addresses, whoever else has some of them. An
// account that has no conversation is none that the store knows.
static const struct pg_statement see = {
    24,
    "UPDATE account a SET seen_ms = s.at_ms"
    " FROM (SELECT x.id, max(u.at_ms) AS at_ms"
    "  FROM unnest($1::bytea[], $2::int8[]) u(address, at_ms)"
    "  JOIN (SELECT id, address FROM account WHERE address = ANY($1::bytea[])"
    "   ORDER BY address FOR UPDATE) x ON x.address = u.address GROUP BY x.id) s"
    " WHERE a.id = s.id AND a.seen_ms < s.at_ms AND EXISTS (SELECT FROM member m"
    "  JOIN member p ON p.conversation = m.conversation AND p.side <> m.side"
    "  WHERE m.account = a.id AND m.era > 0"
    "  AND (m.last_seq > 0 OR m.contact_pos > 0 OR p.contact_pos > 0))"};

// A message's.

enum { // in the order of the statement's arguments
    MESSAGE_CONVERSATION,
    MESSAGE_SEQ,
    MESSAGE_POSITION,
    MESSAGE_SIDE,
    MESSAGE_WITHHELD,
    MESSAGE_SENDER,
    MESSAGE_RECIPIENT,
    MESSAGE_CREATED,
    MESSAGE_REPLY_TO,
    MESSAGE_NUMBERS,
    MESSAGE_TYPE = MESSAGE_NUMBERS,
    MESSAGE_KEY,
    MESSAGE_DIGEST,
    MESSAGE_CONTENT,
    MESSAGE_UPLOAD,
    MESSAGE_COLUMNS,
};

static int64_t number_of(const struct pg_message *m, unsigned column)
{
    switch (column) {
    case MESSAGE_CONVERSATION: return (int64_t)m->thread->id;
    case MESSAGE_SEQ: return (int64_t)m->seq;
    case MESSAGE_POSITION: return m->position;
    case MESSAGE_SIDE: return m->side;
    case MESSAGE_WITHHELD: return m->is_withheld;
    case MESSAGE_SENDER: return m->thread->now.of[m->side].account_id;
    case MESSAGE_RECIPIENT: return m->thread->now.of[1 - m->side].account_id;
    case MESSAGE_CREATED: return m->created_at_ms;
    default: return (int64_t)m->asked->reply_to;
    }
}

static str bytes_of(const struct pg_message *m, unsigned column)
{
    switch (column) {
    case MESSAGE_TYPE: return m->asked->type;
    case MESSAGE_KEY: return m->asked->key;
    case MESSAGE_DIGEST: return (str){(const char *)m->asked->digest, CHAT_DIGEST_SIZE};
    case MESSAGE_CONTENT: return m->asked->content;
    default: return m->asked->upload;
    }
}

static void put_bytes(struct pg_args *args, const struct pg_message *m, unsigned column)
{
    const str bytes = bytes_of(m, column);

    if (column == MESSAGE_UPLOAD && bytes.len == 0) {
        pg_arg_array_null(args);
    } else {
        pg_arg_array_bytes(args, bytes);
    }
}

static void send_messages(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_i64(args, g->n_taken);
    for (unsigned column = 0; column < MESSAGE_COLUMNS; column++) {
        pg_arg_array(args, column < MESSAGE_NUMBERS ? PG_INT8 : PG_BYTEA);
        for (const struct pg_message *m = g->messages; m; m = m->next) {
            if (column < MESSAGE_NUMBERS) {
                pg_arg_array_i64(args, number_of(m, column));
            } else {
                put_bytes(args, m, column);
            }
        }
        pg_arg_array_end(args);
    }
    pg_link_send(l, &insert, args);
}

// A conversation's.

#define IN(member) offsetof(struct pg_thread, now.member)
#define IN_SIDE(side)                                                                          \
    IN(of[side].undelivered.n), IN(of[side].undelivered.bytes), IN(of[side].due_pos),          \
        IN(of[side].unread), IN(of[side].marks[CHAT_MARK_DELIVERED].seq),                      \
        IN(of[side].marks[CHAT_MARK_DELIVERED].at_ms),                                         \
        IN(of[side].marks[CHAT_MARK_DELIVERED].position),                                      \
        IN(of[side].marks[CHAT_MARK_READ].seq), IN(of[side].marks[CHAT_MARK_READ].at_ms),      \
        IN(of[side].marks[CHAT_MARK_READ].position)

// Where the numbers are that a row gets, of eight bytes each: in the order of the statement's
// arguments.
static const size_t numbers[] = {
    offsetof(struct pg_thread, id),
    IN(last.seq),
    IN(last.position),
    IN(last.at_ms),
    IN_SIDE(0),
    IN_SIDE(1),
};

static int64_t number_at(const void *base, size_t offset)
{
    int64_t number = 0;

    memcpy(&number, (const char *)base + offset, sizeof(number));
    return number;
}

static void put_accepted(const struct pg_group *g, unsigned side, struct pg_args *args)
{
    pg_arg_array(args, PG_BOOL);
    for (const struct pg_thread *t = g->all; t; t = t->next) {
        if (t->has_changed)
            pg_arg_array_bool(args, t->now.of[side].accepted);
    }
    pg_arg_array_end(args);
}

static void send_threads(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_i64(args, g->n_taken);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        pg_arg_array(args, PG_INT8);
        for (const struct pg_thread *t = g->all; t; t = t->next) {
            if (t->has_changed)
                pg_arg_array_i64(args, number_at(t, numbers[i]));
        }
        pg_arg_array_end(args);
    }
    for (unsigned side = 0; side < 2; side++)
        put_accepted(g, side, args);
    pg_arg_bool(args, g->n_items > PG_EXACT_CHANGES);
    pg_link_send(l, &update, args);
}

// And what seldom changes.

static bool is_last(const struct pg_last *a, const struct pg_last *b)
{
    return a->seq == b->seq && a->position == b->position && a->at_ms == b->at_ms;
}

static bool are_marks(const struct thread_mark a[2], const struct thread_mark b[2])
{
    bool are = true;

    for (unsigned i = 0; i < 2; i++) {
        are &=
            a[i].seq == b[i].seq && a[i].at_ms == b[i].at_ms && a[i].position == b[i].position;
    }
    return are;
}

/** What it has seen come is all that there is. */
static bool has_seen_all(const struct pg_sides *s, unsigned side)
{
    return is_last(&s->of[side].shown, &s->last);
}

static bool knows_all(const struct pg_sides *s, unsigned side)
{
    return are_marks(s->of[side].peer_marks, s->of[1 - side].marks);
}

static bool is_side_same(const struct pg_thread *t, unsigned side)
{
    const struct pg_side *a = &t->before.of[side];
    const struct pg_side *b = &t->now.of[side];
    const bool sees = has_seen_all(&t->now, side);
    const bool knows = knows_all(&t->now, side);

    return a->blocked == b->blocked && a->block_seq == b->block_seq &&
           a->contact_pos == b->contact_pos && a->withheld.n == b->withheld.n &&
           a->withheld.bytes == b->withheld.bytes && sees == has_seen_all(&t->before, side) &&
           (sees || is_last(&a->shown, &b->shown)) && knows == knows_all(&t->before, side) &&
           (knows || are_marks(a->peer_marks, b->peer_marks));
}

static size_t find_unusual(struct pg_group *g)
{
    size_t n = 0;

    for (struct pg_thread *t = g->all; t; t = t->next) {
        t->is_unusual = t->has_changed && (!is_side_same(t, 0) || !is_side_same(t, 1));
        n += t->is_unusual;
    }
    return n;
}

/** One array of what those have. */
#define PUT_SELDOM(type, put, value)                                                           \
    do {                                                                                       \
        pg_arg_array(args, type);                                                              \
        for (const struct pg_thread *t = g->all; t; t = t->next) {                             \
            const struct pg_side *s = &t->now.of[side];                                        \
            if (t->is_unusual)                                                                 \
                put(args, value);                                                              \
        }                                                                                      \
        pg_arg_array_end(args);                                                                \
    } while (0)

#define PUT_UNLESS(is_null, value)                                                             \
    do {                                                                                       \
        pg_arg_array(args, PG_INT8);                                                           \
        for (const struct pg_thread *t = g->all; t; t = t->next) {                             \
            const struct pg_side *s = &t->now.of[side];                                        \
            if (t->is_unusual && is_null(&t->now, side)) {                                     \
                pg_arg_array_null(args);                                                       \
            } else if (t->is_unusual) {                                                        \
                pg_arg_array_i64(args, (int64_t)(value));                                      \
            }                                                                                  \
        }                                                                                      \
        pg_arg_array_end(args);                                                                \
    } while (0)

static void put_contact(const struct pg_group *g, unsigned side, struct pg_args *args)
{
    PUT_SELDOM(PG_BOOL, pg_arg_array_bool, s->blocked);
    PUT_SELDOM(PG_INT8, pg_arg_array_i64, (int64_t)s->block_seq);
    PUT_SELDOM(PG_INT8, pg_arg_array_i64, s->contact_pos);
    PUT_SELDOM(PG_INT8, pg_arg_array_i64, (int64_t)s->withheld.n);
    PUT_SELDOM(PG_INT8, pg_arg_array_i64, (int64_t)s->withheld.bytes);
}

static void put_shown(const struct pg_group *g, unsigned side, struct pg_args *args)
{
    PUT_UNLESS(has_seen_all, s->shown.seq);
    PUT_UNLESS(has_seen_all, s->shown.position);
    PUT_UNLESS(has_seen_all, s->shown.at_ms);
}

static void put_peer_mark(const struct pg_group *g, unsigned side, unsigned i,
                          struct pg_args *args)
{
    PUT_UNLESS(knows_all, s->peer_marks[i].seq);
    PUT_UNLESS(knows_all, s->peer_marks[i].at_ms);
    PUT_UNLESS(knows_all, s->peer_marks[i].position);
}

static void put_seldom(const struct pg_group *g, unsigned side, struct pg_args *args)
{
    put_contact(g, side, args);
    put_shown(g, side, args);
    for (unsigned i = 0; i < 2; i++)
        put_peer_mark(g, side, i, args);
}

static void send_seldom(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_i64(args, g->n_taken);
    pg_arg_array(args, PG_INT8);
    for (const struct pg_thread *t = g->all; t; t = t->next) {
        if (t->is_unusual)
            pg_arg_array_i64(args, (int64_t)t->id);
    }
    pg_arg_array_end(args);
    put_seldom(g, 0, args);
    put_seldom(g, 1, args);
    pg_link_send(l, &update_seldom, args);
}

static void send_withhold(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_i64(args, (int64_t)g->withhold.conversation);
    pg_arg_i64(args, g->withhold.sender);
    pg_arg_i64(args, (int64_t)g->withhold.behind);
    pg_arg_i64(args, g->withhold.from);
    pg_arg_i64(args, g->withhold.to);
    pg_link_send(l, &withhold, args);
}

size_t pg_save_send(struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    size_t n = 2;

    pg_args_clear(args);
    pg_arg_i64(args, g->n_taken);
    pg_link_send(l, &take, args);
    if (g->messages) {
        send_messages(g, l, args);
        n++;
    }
    send_threads(g, l, args);
    if (find_unusual(g) > 0) {
        send_seldom(g, l, args);
        n++;
    }
    if (g->withhold.conversation != 0) {
        send_withhold(g, l, args);
        n++;
    }
    if (g->n_kept > 0) {
        pg_uploads_send_keep(l, (const struct pg_upload *const *)g->kept, g->n_kept);
        n++;
    }
    return n;
}

void pg_save_send_seen(struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_array(args, PG_BYTEA);
    for (size_t i = 0; i < g->n_items; i++) {
        if (g->items[i].op->kind == WRITE_SEEN)
            pg_arg_array_bytes(args, account_str(&g->items[i].op->seen.account));
    }
    pg_arg_array_end(args);
    pg_arg_array(args, PG_INT8);
    for (size_t i = 0; i < g->n_items; i++) {
        if (g->items[i].op->kind == WRITE_SEEN)
            pg_arg_array_i64(args, g->items[i].op->seen.at_ms);
    }
    pg_arg_array_end(args);
    pg_link_send(l, &see, args);
}
