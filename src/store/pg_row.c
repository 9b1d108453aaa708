#include "store/pg_row.h"

void pg_row_ask_place(struct pg_args *a, const account *viewer, const struct chat_place *place)
{
    pg_arg_account(a, viewer);
    // An id that is larger than any: none has it.
    pg_arg_i64(a, pg_row_i64(place->conversation));
    pg_arg_account(a, &place->peer);
}

struct chat_message pg_row_message(struct read_op *op, const account *viewer, const PGresult *r,
                                   int row)
{
    const bool is_mine = pg_bool(r, row, PG_ROW_IS_MINE);
    const account peer = pg_account(r, row, PG_ROW_PEER);
    const struct chat_marks marks = {.delivered_seq = pg_row_u64(r, row, PG_ROW_DELIVERED),
                                     .read_seq = pg_row_u64(r, row, PG_ROW_READ)};
    struct chat_message m = {
        .conversation = pg_row_u64(r, row, PG_ROW_CONVERSATION),
        .seq = pg_row_u64(r, row, PG_ROW_SEQ),
        .position = pg_i64(r, row, PG_ROW_POSITION),
        .from = is_mine ? *viewer : peer,
        .to = is_mine ? peer : *viewer,
        .type = STR(CHAT_TYPE_GONE),
        .content = STR("null"),
        .created_at_ms = pg_i64(r, row, PG_ROW_CREATED),
    };

    m.status = chat_status_of(m.seq, &marks);
    if (pg_is_null(r, row, PG_ROW_TYPE))
        return m;
    const str type = pg_str(r, row, PG_ROW_TYPE);
    const str key = pg_str(r, row, PG_ROW_KEY);
    const str content = pg_str(r, row, PG_ROW_CONTENT);
    char *bytes = read_op_room(op, type.len + key.len + content.len);
    m.reply_to = pg_row_u64(r, row, PG_ROW_REPLY_TO);
    m.type = str_copy(bytes, type);
    m.key = str_copy(bytes + type.len, key);
    m.content = str_copy(bytes + type.len + key.len, content);
    return m;
}

static struct chat_marks marks_at(const PGresult *r, int row, int column)
{
    return (struct chat_marks){.delivered_seq = pg_row_u64(r, row, column),
                               .read_seq = pg_row_u64(r, row, column + 1)};
}

struct chat_conversation pg_row_conversation(struct read_op *op, const account *viewer,
                                             const PGresult *r, int row)
{
    struct chat_conversation c = {
        .id = pg_row_u64(r, row, PG_ROW_CONVERSATION),
        .peer = pg_account(r, row, PG_ROW_PEER),
        .accepted = pg_bool(r, row, PG_ROW_ACCEPTED),
        .blocked = pg_bool(r, row, PG_ROW_BLOCKED),
        .first_seq = 1,
        .last_seq = pg_row_u64(r, row, PG_ROW_LAST_SEQ),
        .unread = pg_row_u64(r, row, PG_ROW_UNREAD),
        .mine = marks_at(r, row, PG_ROW_MINE),
        .theirs = marks_at(r, row, PG_ROW_THEIRS),
        .updated_at_ms = pg_i64(r, row, PG_ROW_UPDATED),
    };

    if (!pg_is_null(r, row, PG_ROW_SEQ))
        c.last_message = pg_row_message(op, viewer, r, row);
    return c;
}
