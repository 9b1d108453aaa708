#include "store/pg_save.h"

#include <stdlib.h>

// From here on nobody else commits: so the positions are in the order of commits.
static const struct pg_statement take = {20, "UPDATE meta SET position = position + $1::int8"};

#define BASE "(SELECT position - $1::int8 AS base FROM meta) b"

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

/** A position of the group, or one that it had. */
#define AT(column)                                                                             \
    column " = CASE WHEN u." column " < 0 THEN b.base - u." column " ELSE u." column " END"
#define AS(column) column " = u." column

static const struct pg_statement update = {
    22,
    "UPDATE member m SET " AS("last_seq") ", " AT("last_pos") ", " AS("last_at_ms") ", "
    AS("shown_seq") ", " AT("shown_pos") ", " AS("shown_at_ms") ", " AS("accepted") ", "
    AS("blocked") ", " AS("block_seq") ", " AT("contact_pos") ", " AS("undelivered") ", "
    AS("undelivered_bytes") ", " AT("due_pos") ", " AS("withheld") ", " AS("withheld_bytes")
    ", " AS("unread") ", has_unread = u.unread > 0, " AS("delivered_seq") ", "
    AS("delivered_at_ms") ", " AT("delivered_pos") ", " AS("read_seq") ", " AS("read_at_ms")
    ", " AT("read_pos") ", " AS("peer_delivered_seq") ", " AS("peer_delivered_at_ms") ", "
    AT("peer_delivered_pos") ", " AS("peer_read_seq") ", " AS("peer_read_at_ms") ", "
    AT("peer_read_pos") ", " AT("marked_pos")
    " FROM " BASE ", unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[],"
    " $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int8[],"
    " $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::int8[], $19::int8[],"
    " $20::int8[], $21::int8[], $22::int8[], $23::int8[], $24::int8[], $25::int8[],"
    " $26::int8[], $27::int8[], $28::int8[], $29::int8[], $30::int8[], $31::bool[],"
    " $32::bool[])"
    " u(conversation, side, last_seq, last_pos, last_at_ms, shown_seq, shown_pos,"
    " shown_at_ms, block_seq, contact_pos, undelivered, undelivered_bytes, due_pos,"
    " withheld, withheld_bytes, unread, delivered_seq, delivered_at_ms, delivered_pos,"
    " read_seq, read_at_ms, read_pos, peer_delivered_seq, peer_delivered_at_ms,"
    " peer_delivered_pos, peer_read_seq, peer_read_at_ms, peer_read_pos, marked_pos,"
    " accepted, blocked)"
    " WHERE m.conversation = u.conversation AND m.side = u.side"};

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
    "  WHERE m.account = a.id"
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
    case MESSAGE_SENDER: return m->thread->sides[m->side].account_id;
    case MESSAGE_RECIPIENT: return m->thread->sides[1 - m->side].account_id;
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

// A side's.

#define IN_THREAD(member) offsetof(struct pg_thread, member)
#define IN_SIDE(member)   offsetof(struct pg_side, member)

// Where the numbers are that a row gets, of eight bytes each: in the order of the statement's
// arguments, behind the conversation and the side.
static const size_t of_thread[] = {IN_THREAD(last_seq), IN_THREAD(last_pos),
                                   IN_THREAD(last_at_ms)};
static const size_t of_side[] = {
    IN_SIDE(shown_seq),
    IN_SIDE(shown_pos),
    IN_SIDE(shown_at_ms),
    IN_SIDE(block_seq),
    IN_SIDE(contact_pos),
    IN_SIDE(undelivered.n),
    IN_SIDE(undelivered.bytes),
    IN_SIDE(due_pos),
    IN_SIDE(withheld.n),
    IN_SIDE(withheld.bytes),
    IN_SIDE(unread),
    IN_SIDE(marks[CHAT_MARK_DELIVERED].seq),
    IN_SIDE(marks[CHAT_MARK_DELIVERED].at_ms),
    IN_SIDE(marks[CHAT_MARK_DELIVERED].position),
    IN_SIDE(marks[CHAT_MARK_READ].seq),
    IN_SIDE(marks[CHAT_MARK_READ].at_ms),
    IN_SIDE(marks[CHAT_MARK_READ].position),
    IN_SIDE(peer_marks[CHAT_MARK_DELIVERED].seq),
    IN_SIDE(peer_marks[CHAT_MARK_DELIVERED].at_ms),
    IN_SIDE(peer_marks[CHAT_MARK_DELIVERED].position),
    IN_SIDE(peer_marks[CHAT_MARK_READ].seq),
    IN_SIDE(peer_marks[CHAT_MARK_READ].at_ms),
    IN_SIDE(peer_marks[CHAT_MARK_READ].position),
    IN_SIDE(marked_pos),
};
static const size_t flags_of_side[] = {IN_SIDE(accepted), IN_SIDE(blocked)};

static int64_t number_at(const void *base, size_t offset)
{
    int64_t number = 0;

    memcpy(&number, (const char *)base + offset, sizeof(number));
    return number;
}

static bool flag_at(const void *base, size_t offset)
{
    return *(const bool *)((const char *)base + offset);
}

/** Of both sides of each conversation that was changed. */
typedef void put_side_fn(struct pg_args *args, const struct pg_thread *t, unsigned side,
                         size_t offset);

static void put_which(struct pg_args *args, const struct pg_thread *t, unsigned side,
                      size_t offset)
{
    (void)t, (void)offset;
    pg_arg_array_i64(args, side);
}

static void put_of_thread(struct pg_args *args, const struct pg_thread *t, unsigned side,
                          size_t offset)
{
    (void)side;
    pg_arg_array_i64(args, number_at(t, offset));
}

static void put_of_side(struct pg_args *args, const struct pg_thread *t, unsigned side,
                        size_t offset)
{
    pg_arg_array_i64(args, number_at(&t->sides[side], offset));
}

static void put_flag(struct pg_args *args, const struct pg_thread *t, unsigned side,
                     size_t offset)
{
    pg_arg_array_bool(args, flag_at(&t->sides[side], offset));
}

static void put_column(const struct pg_group *g, struct pg_args *args, put_side_fn *put,
                       size_t offset)
{
    pg_arg_array(args, put == put_flag ? PG_BOOL : PG_INT8);
    for (const struct pg_thread *t = g->all; t; t = t->next) {
        for (unsigned side = 0; t->has_changed && side < 2; side++)
            put(args, t, side, offset);
    }
    pg_arg_array_end(args);
}

static void send_sides(const struct pg_group *g, struct pg_link *l, struct pg_args *args)
{
    pg_args_clear(args);
    pg_arg_i64(args, g->n_taken);
    put_column(g, args, put_of_thread, IN_THREAD(id));
    put_column(g, args, put_which, 0);
    for (size_t i = 0; i < COUNT_OF(of_thread); i++)
        put_column(g, args, put_of_thread, of_thread[i]);
    for (size_t i = 0; i < COUNT_OF(of_side); i++)
        put_column(g, args, put_of_side, of_side[i]);
    for (size_t i = 0; i < COUNT_OF(flags_of_side); i++)
        put_column(g, args, put_flag, flags_of_side[i]);
    pg_link_send(l, &update, args);
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
    send_sides(g, l, args);
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
