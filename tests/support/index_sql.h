/** What the index has packed, for SQL: a view `side` of conversations on each of their sides,
 * and two counts of what must not be. */
#pragma once

#include <sqlite3.h>

#include "store/sqlite_pack.h"
#include "support/t.h"

static inline int64_t field_of_side(const struct thread_side *s, const char *name)
{
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        {"due_pos", s->due_pos},
        {"delivered_seq", (int64_t)s->marks[CHAT_MARK_DELIVERED].seq},
        {"blocked", s->blocked},
        {"block_seq", (int64_t)s->block_seq},
        {"withheld_n", (int64_t)s->withheld.n},
        {"last_pos", s->message_pos > s->receipt_pos ? s->message_pos : s->receipt_pos},
    };

    for (unsigned i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].value;
    }
    fail_msg("a side has no %s", name);
    return 0;
}

static inline str sql_blob(sqlite3_value *value)
{
    const char *ptr = sqlite3_value_blob(value);
    return (str){ptr, (size_t)sqlite3_value_bytes(value)};
}

/** side_field(state, side, name) */
static inline void sql_side_field(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct thread_side sides[2] = {0};
    struct thread_keys keys;

    (void)n;
    assert_int_equal(unpack_thread(sql_blob(values[0]), sides, &keys), 0);
    sqlite3_result_int64(context, field_of_side(&sides[sqlite3_value_int(values[1])],
                                                (const char *)sqlite3_value_text(values[2])));
}

/** is_listed(list, id, state, side): the list has it, as the state has it */
static inline void sql_is_listed(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct member_list list = member_list_of(sql_blob(values[0]));
    struct thread_side sides[2] = {0};
    struct thread_keys keys;
    struct member m;
    int r = 0;

    (void)n;
    assert_int_equal(unpack_thread(sql_blob(values[2]), sides, &keys), 0);
    const struct member want = member_of((conversation_id)sqlite3_value_int64(values[1]), sides,
                                         (unsigned)sqlite3_value_int(values[3]));
    do {
        r = member_next(&list, &m);
    } while (r == 0 && m.id != want.id);
    sqlite3_result_int(
        context, r == 0 && m.side == want.side && m.is_unread == want.is_unread &&
                     m.message_pos == want.message_pos && m.receipt_pos == want.receipt_pos &&
                     m.contact_pos == want.contact_pos && m.due_pos == want.due_pos);
}

#define FIELD(name) "side_field(t.state, n.side, '" #name "') AS " #name

/** @param db  the log, and attached as ix the index */
static inline void index_sql_register(sqlite3 *db)
{
    static const char views[] =
        "CREATE TEMP VIEW side AS"
        " SELECT c.id AS conversation, n.side AS side,"
        "  CASE n.side WHEN 0 THEN c.a ELSE c.b END AS account, t.state AS state,"
        "  " FIELD(due_pos) ", " FIELD(delivered_seq) ", " FIELD(blocked) ", " FIELD(
            block_seq) ", " FIELD(withheld_n) ", " FIELD(last_pos) " FROM (SELECT 0 AS side UNION ALL SELECT 1) n"
                                              " CROSS JOIN conversation c"
                                              " JOIN ix.thread t ON t.id = c.id >> 32";

    int r = sqlite3_create_function(db, "side_field", 3, SQLITE_UTF8, NULL, sql_side_field,
                                    NULL, NULL);
    assert_int_equal(r, SQLITE_OK);
    r = sqlite3_create_function(db, "is_listed", 4, SQLITE_UTF8, NULL, sql_is_listed, NULL,
                                NULL);
    assert_int_equal(r, SQLITE_OK);
    r = sqlite3_exec(db, views, NULL, NULL, NULL);
    assert_int_equal(r, SQLITE_OK);
}

/** How many sides' rows don't name their first message that is neither delivered nor withheld,
 * looked for in another way than the store's. */
#define N_INEXACT_DUE                                                                          \
    "SELECT count(*) FROM side m WHERE due_pos <> ifnull("                                     \
    "  (SELECT min(x.position) FROM message x"                                                 \
    "    WHERE x.conversation = m.conversation AND x.sender <> m.side"                         \
    "    AND x.seq > m.delivered_seq AND NOT (m.blocked AND x.seq > m.block_seq)"              \
    "    AND NOT EXISTS (SELECT 1 FROM withheld h WHERE h.conversation = m.conversation"       \
    "      AND h.side = m.side AND x.seq > h.after_seq AND x.seq <= h.upto_seq)), 0)"

/** How many sides are not in the list of their account as they are. */
#define N_INEXACT_MEMBERS                                                                      \
    "SELECT count(*) FROM side s LEFT JOIN ix.member m ON m.account = s.account"               \
    " WHERE m.list IS NULL OR NOT is_listed(m.list, s.conversation, s.state, s.side)"
