/** How PostgreSQL is asked: pages, their order and their ends, and what may fail. */
#include "base/log.h"
#include "support/pg_read_world.h"

// Messages.

/** The i-th message of the second account to the first is 10 i bytes long. */
static void add_long_ones(const struct pg_read_world *w)
{
    add_accounts(w, 2);
    run(w, MESSAGES("SELECT 2, i, i, 1, 0, convert_to(repeat('x', 10 * i), 'UTF8')"
                    " FROM generate_series(1, 5) i"));
    run(w, tally);
    run(w,
        "UPDATE conversation SET a_delivered_seq = 0, a_undelivered = 5, a_due_pos = 1,"
        " a_is_due = true");
}

/** Twenty in each of sixty conversations, one after the other, by both sides and some withheld;
 * in one of three half of it is undelivered. */
static void add_many(const struct pg_read_world *w)
{
    add_accounts(w, 61);
    run(w, MESSAGES("SELECT c, i, 60 * (i - 1) + c - 1, abs(hashint8(60 * i + c)) % 2,"
                    " CASE WHEN hashint8(60 * i + c) % 11 = 0 THEN 1 ELSE 0 END, 'null'::bytea"
                    " FROM generate_series(1, 20) i, generate_series(2, 61) c"));
    run(w, tally);
}

// Questions.

static struct read_op *ask(enum read_kind kind)
{
    struct read_op *op = NEW(struct read_op);

    op->kind = kind;
    return op;
}

static void answer(struct pg_read_world *w, struct read_op *op)
{
    struct list reads;

    list_init(&reads);
    list_push(&reads, &op->task.node);
    pg_reader_run(&w->reader, &reads);
}

static struct read_op *ask_due(size_t max_messages, size_t max_bytes)
{
    struct read_op *op = ask(READ_DUE);

    op->asked.read = (struct store_read){
        .account = who(ME), .max_messages = max_messages, .max_bytes = max_bytes};
    return op;
}

// Pages.

static const struct {
    const char *name;
    size_t max_messages;
    size_t max_bytes;
    size_t n;
} ends[] = {
    {"no room for the first", 5, 9, 1},
    {"room for one", 5, 29, 1},
    {"for two, to the byte", 5, 30, 2},
    {"one byte less than for all", 5, 149, 4},
    {"for all", 5, 150, 5},
    {"two messages", 2, 1000, 2},
    {"no room at all", 5, 0, 1},
    {"any room", SIZE_MAX, SIZE_MAX, 5},
};

static void a_page_of_what_is_due_ends_where_its_room_does(void **state)
{
    struct pg_read_world *w = *state;

    add_long_ones(w);
    for (unsigned i = 0; i < COUNT_OF(ends); i++) {
        struct read_op *op = ask_due(ends[i].max_messages, ends[i].max_bytes);
        answer(w, op);
        const struct store_page *page = &op->answer.read;
        expect_int(ends[i].name, op->r, 0);
        expect_int(ends[i].name, page->n_messages, ends[i].n);
        expect_int(ends[i].name, page->has_more, ends[i].n < 5);
        expect_int(ends[i].name, page->upto, ends[i].n);
        for (size_t k = 0; k < page->n_messages; k++)
            expect_int(ends[i].name, page->messages[k].content.len, 10 * (k + 1));
        read_op_free(op);
    }
}

static void a_page_of_history_ends_where_its_room_does(void **state)
{
    static const struct {
        const char *name;
        uint64_t after;
        size_t max_bytes;
        uint64_t first;
        uint64_t last;
    } rows[] = {
        {"from the last one back, two to the byte", 0, 90, 4, 5},
        {"one byte less", 0, 89, 5, 5},
        {"from the second on, two to the byte", 1, 50, 2, 3},
        {"one byte less on", 1, 49, 2, 2},
    };
    struct pg_read_world *w = *state;

    add_long_ones(w);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct read_op *op = ask(READ_HISTORY);
        op->asked.history = (struct store_history){.account = who(ME),
                                                   .place.peer = who(2),
                                                   .after = rows[i].after,
                                                   .max_messages = 10,
                                                   .max_bytes = rows[i].max_bytes};
        answer(w, op);
        const struct store_history_page *page = &op->answer.history;
        expect_int(rows[i].name, op->r, 0);
        expect_int(rows[i].name, page->n_messages, rows[i].last - rows[i].first + 1);
        for (size_t k = 0; k < page->n_messages; k++)
            expect_int(rows[i].name, page->messages[k].seq, rows[i].first + k);
        expect_int(rows[i].name, page->has_more, true);
        read_op_free(op);
    }
}

static void contents_that_a_page_has_no_room_for_are_not_sent(void **state)
{
    struct pg_read_world *w = *state;
    struct read_op *op = ask_due(256, 65536);
    struct pg_args args;
    PGresult *r = NULL;
    size_t n = 0; // bytes

    add_accounts(w, 2);
    run(w, MESSAGES("SELECT 2, i, i, 1, 0, convert_to(repeat('x', 65536), 'UTF8')"
                    " FROM generate_series(1, 20) i"));
    run(w, tally);
    pg_args_init(&args);
    pg_due.ask(op, &args);
    assert_int_equal(pg_link_up(w->reader.link), 0);
    pg_link_send(w->reader.link, &pg_due.statement, &args);
    pg_link_sync(w->reader.link);
    assert_int_equal(pg_link_result(w->reader.link, &r), 0);
    assert_true(PQntuples(r) > 1);
    for (int row = 0; row < PQntuples(r); row++)
        n += pg_str(r, row, PG_ROW_CONTENT).len;
    assert_int_equal(n, 65536);
    pg_result_free(&r);
    pg_args_fini(&args);
    read_op_free(op);
}

// Order.

static char *positions_of(const struct store_page *page)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < page->n_messages; i++)
        assert_int_equal(buf_addf(&b, "%lld ", (long long)page->messages[i].position), 0);
    char *text = str_dup(buf_str(&b));
    buf_fini(&b);
    return text;
}

static void expect_due(struct pg_read_world *w, int64_t after, int64_t since, size_t max)
{
    char text[768];
    struct read_op *op = ask_due(max, SIZE_MAX);

    snprintf(text, sizeof(text),
             "SELECT coalesce(string_agg(position::text || ' ', '' ORDER BY position), '') FROM"
             " (SELECT position FROM undelivered WHERE account = 1 AND position > %lld"
             "  UNION SELECT position FROM message WHERE position > %lld AND position > %lld"
             "  AND (sender = 1 OR (recipient = 1 AND withheld = 0))"
             "  ORDER BY position LIMIT %zu) due",
             (long long)after, (long long)after, (long long)since, max);
    char *want = look(w, text);
    op->asked.read.after = after;
    op->asked.read.since = since;
    answer(w, op);
    assert_int_equal(op->r, 0);
    char *got = positions_of(&op->answer.read);
    expect_str(text, str_of(got), str_of(want));
    free(got);
    free(want);
    read_op_free(op);
}

static void what_is_due_comes_in_the_order_of_positions(void **state)
{
    static const int64_t places[] = {0, 1, 59, 600, 601, 777, 1100, 1199, 1200, 5000};
    static const size_t sizes[] = {1, 2, 7, 50, 300, 2000};
    struct pg_read_world *w = *state;

    add_many(w);
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        for (unsigned k = 0; k < COUNT_OF(places); k++)
            expect_due(w, places[i], places[k], sizes[(i + k) % COUNT_OF(sizes)]);
    }
    for (unsigned i = 0; i < COUNT_OF(sizes); i++)
        expect_due(w, 0, 1200, sizes[i]);
}

// What is not there.

static void a_conversation_made_for_a_message_that_was_refused_is_not_there(void **state)
{
    struct pg_read_world *w = *state;
    const account peer = who(2);

    add_accounts(w, 2);
    run(w, tally);
    for (int64_t is_there = 0; is_there < 2; is_there++) {
        struct read_op *one = ask(READ_CONVERSATION);
        struct read_op *history = ask(READ_HISTORY);
        struct read_op *relation = ask(READ_RELATIONS);
        one->asked.conversation =
            (struct store_conversation){.account = who(ME), .place.conversation = 2};
        history->asked.history = (struct store_history){
            .account = who(ME), .place.peer = peer, .max_messages = 1, .max_bytes = 1};
        relation->asked.relations =
            (struct store_relations){.account = who(ME), .peers = &peer, .n_peers = 1};
        answer(w, one);
        answer(w, history);
        answer(w, relation);
        expect_int("one", one->r, is_there ? 0 : STORE_NOT_FOUND);
        expect_int("history", history->r, is_there ? 0 : STORE_NOT_FOUND);
        expect_int("relation", relation->answer.relations[0].conversation, 2 * is_there);
        read_op_free(one);
        read_op_free(history);
        read_op_free(relation);
        run(w, "UPDATE conversation SET b_contact_pos = 1"); // the other one's
    }
}

/** A question of each kind, of an account that nobody knows. */
static struct read_op *ask_for_nobody(enum read_kind kind)
{
    static const account nobody = {.len = 1};
    struct read_op *op = ask(kind);

    switch (kind) {
    case READ_DUE: op->asked.read = (struct store_read){.max_messages = 1}; break;
    case READ_RECEIPTS: op->asked.receipts = (struct store_receipts){.max_receipts = 2}; break;
    case READ_HISTORY: op->asked.history = (struct store_history){.max_messages = 1}; break;
    case READ_LIST: op->asked.list = (struct store_list){.max_conversations = 1}; break;
    case READ_CHANGES:
        op->asked.changes = (struct store_changes){.max_conversations = 1};
        break;
    case READ_RELATIONS:
        op->asked.relations = (struct store_relations){.peers = &nobody, .n_peers = 1};
        break;
    case READ_TOUCHED:
        op->asked.touched =
            (struct store_touched){.accounts = &nobody, .n_accounts = 1, .max_touches = 1};
        break;
    case READ_REVOCATIONS: op->asked.revocations.max_revocations = 1; break;
    case READ_UPLOAD: op->asked.upload = STR("none"); break;
    case READ_CONVERSATION:
    case READ_UNREAD: break;
    }
    return op;
}

static bool is_of_what_is_there(enum read_kind kind)
{
    return kind == READ_HISTORY || kind == READ_CONVERSATION || kind == READ_UPLOAD;
}

static void ask_all(struct pg_read_world *w, int64_t horizon,
                    struct read_op *ops[READ_UPLOAD + 1])
{
    struct list reads;

    list_init(&reads);
    for (unsigned i = 0; i <= READ_UPLOAD; i++) {
        ops[i] = ask_for_nobody((enum read_kind)i);
        ops[i]->horizon = horizon;
        list_push(&reads, &ops[i]->task.node);
    }
    pg_reader_run(&w->reader, &reads);
}

static void all_kinds_at_once_find_nothing_of_who_is_not_known(void **state)
{
    struct pg_read_world *w = *state;
    struct read_op *ops[READ_UPLOAD + 1];

    run(w, "UPDATE meta SET position = 77");
    ask_all(w, 77, ops);
    for (unsigned i = 0; i <= READ_UPLOAD; i++) {
        const bool is_refused = is_of_what_is_there((enum read_kind)i);
        expect_int(pg_questions[i]->statement.text, ops[i]->r != 0, is_refused);
    }
    assert_int_equal(ops[READ_HISTORY]->r, STORE_NOT_FOUND);
    assert_int_equal(ops[READ_CONVERSATION]->r, STORE_NOT_FOUND);
    assert_int_equal(ops[READ_UPLOAD]->r, UPLOADS_NOT_FOUND);
    assert_int_equal(ops[READ_DUE]->answer.read.upto, 77);
    assert_int_equal(ops[READ_RECEIPTS]->answer.receipts.upto, 77);
    assert_int_equal(ops[READ_CHANGES]->answer.changes.upto, 77);
    assert_int_equal(atomic_load(&w->engine.durable), 77);
    for (unsigned i = 0; i <= READ_UPLOAD; i++)
        read_op_free(ops[i]);
}

// Sessions and uploads.

static void revocations_come_by_position_and_without_what_is_over(void **state)
{
    struct pg_read_world *w = *state;
    struct read_op *op = ask(READ_REVOCATIONS);

    run(w,
        "INSERT INTO revocation VALUES (1, 'a', NULL, 0, 9), (2, 'over', NULL, 0, 5),"
        " (4, 'z', NULL, 0, 9);"
        "INSERT INTO revocation SELECT 3, NULL, " ADDRESS("7") ", 6, 9");
    op->asked.revocations =
        (struct auth_store_revocations){.after = 0, .now_ms = 5, .max_revocations = 2};
    answer(w, op);
    const struct auth_store_revocations_page *page = &op->answer.revocations;
    const account seven = who(7);
    assert_int_equal(page->n_revocations, 2);
    assert_true(page->has_more);
    expect_str("the first", page->revocations[0].session, STR("a"));
    assert_int_equal(page->revocations[0].account.len, 0);
    assert_int_equal(page->revocations[1].position, 3);
    assert_true(account_eq(&page->revocations[1].account, &seven));
    assert_int_equal(page->revocations[1].before_ms, 6);
    assert_int_equal(page->revocations[1].until_ms, 9);
    read_op_free(op);
}

static void an_upload_is_found_until_it_is_on_its_way_out(void **state)
{
    struct pg_read_world *w = *state;

    run(w, "INSERT INTO upload SELECT 'u', " ADDRESS("7") ", 'name', 'a/b', 5,"
           " decode(repeat('ab', 32), 'hex'), 1, 0, 0");
    for (unsigned i = 0; i < 2; i++) {
        struct read_op *op = ask(READ_UPLOAD);
        const struct chat_upload *u = &op->answer.upload;
        op->asked.upload = STR("u");
        answer(w, op);
        expect_int("found", op->r, i == 0 ? 0 : UPLOADS_NOT_FOUND);
        if (i == 0) {
            expect_str("name", u->name, STR("name"));
            expect_str("mime", u->mime, STR("a/b"));
            expect_int("size", u->size, 5);
            expect_int("state", u->state, UPLOAD_ACCEPTED);
            assert_true(u->has_sha256 && u->sha256[31] == 0xab);
        }
        read_op_free(op);
        run(w, "UPDATE upload SET state = 3");
    }
}

// What fails.

static void ignore_line(void *arg, str line)
{
    (void)arg;
    (void)line;
}

static void expect_all_refused(struct pg_read_world *w, int64_t horizon)
{
    struct read_op *ops[READ_UPLOAD + 1];

    log_set_sink(ignore_line, NULL);
    ask_all(w, horizon, ops);
    log_set_sink(NULL, NULL);
    for (unsigned i = 0; i <= READ_UPLOAD; i++) {
        expect_int(pg_questions[i]->statement.text, ops[i]->r, STORE_UNAVAILABLE);
        read_op_free(ops[i]);
    }
}

static void a_database_without_what_was_answered_answers_nothing(void **state)
{
    struct pg_read_world *w = *state;

    run(w, "UPDATE meta SET position = 76");
    expect_all_refused(w, 77);
    run(w, "DELETE FROM meta");
    expect_all_refused(w, 0);
}

static void a_connection_that_is_lost_is_made_anew(void **state)
{
    struct pg_read_world *w = *state;
    struct read_op *ops[READ_UPLOAD + 1];
    char text[64];

    ask_all(w, 0, ops);
    for (unsigned i = 0; i <= READ_UPLOAD; i++)
        read_op_free(ops[i]);
    snprintf(text, sizeof(text), "SELECT pg_terminate_backend(%d, 5000)",
             pg_link_pid(w->reader.link));
    run(w, text);
    log_set_sink(ignore_line, NULL);
    ask_all(w, 0, ops);
    log_set_sink(NULL, NULL);
    for (unsigned i = 0; i <= READ_UPLOAD; i++) {
        const bool is_refused = is_of_what_is_there((enum read_kind)i);
        expect_int(pg_questions[i]->statement.text, ops[i]->r != 0, is_refused);
        read_op_free(ops[i]);
    }
}

static void one_that_is_refused_takes_no_other_one_along(void **state)
{
    struct pg_read_world *w = *state;
    struct read_op *ops[READ_UPLOAD + 1];

    run(w, "DROP TABLE revocation");
    log_set_sink(ignore_line, NULL);
    ask_all(w, 0, ops);
    log_set_sink(NULL, NULL);
    assert_int_equal(ops[READ_REVOCATIONS]->r, AUTH_STORE_UNAVAILABLE);
    assert_int_equal(ops[READ_DUE]->r, 0);
    assert_int_equal(ops[READ_UPLOAD]->r, UPLOADS_NOT_FOUND);
    for (unsigned i = 0; i <= READ_UPLOAD; i++)
        read_op_free(ops[i]);
}

static void what_is_out_of_reach_is_unavailable(void **state)
{
    struct pg_read_world w = {0};

    (void)state;
    w.reader = (struct pg_reader){.link = pg_world_link("postgresql://127.0.0.1:1/none"),
                                  .engine = &w.engine};
    expect_all_refused(&w, 0);
    pg_link_free(w.reader.link);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        PG_READ_TEST(a_page_of_what_is_due_ends_where_its_room_does),
        PG_READ_TEST(a_page_of_history_ends_where_its_room_does),
        PG_READ_TEST(contents_that_a_page_has_no_room_for_are_not_sent),
        PG_READ_TEST(what_is_due_comes_in_the_order_of_positions),
        PG_READ_TEST(a_conversation_made_for_a_message_that_was_refused_is_not_there),
        PG_READ_TEST(all_kinds_at_once_find_nothing_of_who_is_not_known),
        PG_READ_TEST(revocations_come_by_position_and_without_what_is_over),
        PG_READ_TEST(an_upload_is_found_until_it_is_on_its_way_out),
        PG_READ_TEST(a_database_without_what_was_answered_answers_nothing),
        PG_READ_TEST(a_connection_that_is_lost_is_made_anew),
        PG_READ_TEST(one_that_is_refused_takes_no_other_one_along),
        cmocka_unit_test(what_is_out_of_reach_is_unavailable),
    };

    return PG_WORLD_RUN("store_pg_read", tests);
}
