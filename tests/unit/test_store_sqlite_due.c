/** How SQLite comes to what is due: the first undelivered message that each side's row names,
 * and how little is looked at besides a page. */
#include <time.h>

#include "store/sqlite_row.h"
#include "support/sqlite_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int setup_indexed(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    index_at_once(*state);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static void reopen(struct store_world *w)
{
    store_world_close(w);
    store_world_open(w);
}

// What a row says.

/** Of the messages that b has from a. */
static int64_t due_pos(struct store_world *w)
{
    await_index(w);
    return sql_number(w,
                      "SELECT due_pos FROM side WHERE account ="
                      " (SELECT id FROM account WHERE substr(bytes, -1) = x'62')");
}

/** The next message of this sender to the other; its key is its seq. @return its position */
static int64_t put_next(struct store_world *w, char from, char to, uint64_t seq)
{
    char key[24];

    snprintf(key, sizeof(key), "%llu", (unsigned long long)seq);
    return put(w, from, to, key, seq).position;
}

static void get(struct store_world *w, uint64_t seq)
{
    const struct store_receipt r = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = seq, .now_ms = NOW};
    ask_receipt(w, &r, 0, NULL);
}

static void a_row_names_the_first_undelivered_message(void **state)
{
    struct store_world *w = *state;

    const int64_t first = put_next(w, 'a', 'b', 1);
    const int64_t second = put_next(w, 'a', 'b', 2);
    assert_int_equal(due_pos(w), first);
    get(w, 1);
    assert_int_equal(due_pos(w), second);
    reopen(w);
    const int64_t third = put_next(w, 'a', 'b', 3);
    assert_int_equal(due_pos(w), second);
    get(w, 2);
    assert_int_equal(due_pos(w), third);
    get(w, 3);
    assert_int_equal(due_pos(w), 0);
    reopen(w);
    const int64_t fourth = put_next(w, 'a', 'b', 4);
    assert_int_equal(due_pos(w), fourth);
}

static void a_mark_at_any_own_message_finds_the_next_of_the_peers(void **state)
{
    struct store_world *w = *state;
    int64_t positions[64] = {0};
    uint64_t seq = 0;

    for (unsigned run = 0; run < 9; run++) { // a b a bb a bbb a ...
        seq++;
        positions[seq] = put_next(w, 'a', 'b', seq);
        for (unsigned i = 0; i < run; i++)
            put_next(w, 'b', 'a', ++seq);
    }
    seq++;
    positions[seq] = put_next(w, 'a', 'b', seq);
    for (uint64_t mark = 1; mark <= seq; mark++) {
        uint64_t next = mark + 1;
        while (next < seq && positions[next] == 0)
            next++;
        get(w, mark);
        assert_int_equal(due_pos(w), positions[next]);
    }
}

static void what_is_withheld_is_passed(void **state)
{
    struct store_world *w = *state;

    put_next(w, 'a', 'b', 1);
    put_next(w, 'a', 'b', 2);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    assert_int_equal(due_pos(w), 0);
    put_next(w, 'a', 'b', 3);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    assert_int_equal(due_pos(w), 0);
    const int64_t fourth = put_next(w, 'a', 'b', 4);
    assert_int_equal(due_pos(w), fourth);
    get(w, 1);
    assert_int_equal(due_pos(w), fourth);
    get(w, 3);
    assert_int_equal(due_pos(w), fourth);
    reopen(w);
    const int64_t fifth = put_next(w, 'a', 'b', 5);
    get(w, 4);
    assert_int_equal(due_pos(w), fifth);
}

static void a_block_and_its_end_in_one_group_leave_nothing_due(void **state)
{
    struct store_world *w = *state;
    const struct store_append next = message('a', 'b', "2", "2");
    struct store_contact c = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_BLOCK, .now_ms = NOW};
    struct store_answer answers[3];

    put_next(w, 'a', 'b', 1);
    const uint64_t n_commits = w->store->counters.commits;
    for (unsigned i = 0; i < COUNT_OF(answers); i++)
        answer_init(&answers[i], w);
    store_contact(w->store, &c, on_contact, &answers[0]);
    c.what = CHAT_UNBLOCK;
    store_contact(w->store, &c, on_contact, &answers[1]);
    store_append(w->store, &next, on_append, &answers[2]);
    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        answer_await(&answers[i]);
        answer_fini(&answers[i]);
    }
    assert_int_equal(w->store->counters.commits, n_commits + 1);
    assert_int_equal(due_pos(w), answers[2].position);
}

static void what_is_gone_is_undelivered_as_it_is_counted(void **state)
{
    struct store_world *w = *state;
    const struct store_read r = {SOME_OF('b'), .since = INT64_MAX};

    for (uint64_t seq = 1; seq <= 4; seq++)
        put_next(w, 'a', 'b', seq);
    run_sql(w, "DELETE FROM message WHERE seq IN (2, 4)");
    get(w, 1);
    assert_int_equal(due_pos(w), 3);
    get(w, 3);
    assert_true(due_pos(w) > 0 && due_pos(w) <= 4);
    ask_read(w, &r, 0, "");
    get(w, 4);
    assert_int_equal(due_pos(w), 0);
}

// By chance.

#define ROUNDS 60

static void each_row_is_exact(void **state)
{
    struct store_world *w = *state;
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t number = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);

    w->chance = seeded_of(number);
    print_message("SEED=%llu\n", (unsigned long long)number);
    int64_t n_due = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (next_u64(&w->chance) % 10 == 0)
            reopen(w);
        change_some(w, &w->chance);
        await_index(w);
        assert_int_equal(sql_number(w, N_INEXACT_DUE), 0);
        assert_int_equal(sql_number(w, N_INEXACT_MEMBERS), 0);
        n_due += sql_number(w, "SELECT count(*) FROM side WHERE due_pos > 0");
    }
    assert_true(n_due > 0);
}

// Work.

#define SENDERS    2000
#define PAGE       10
#define EACH_LOOKS 4 // at most, for a message of a page
#define COUNTED    (UINT64_C(8) * SENDERS)
#define PASSED     (UINT64_C(50) * SENDERS) // rows of the index that the tail has newer

static account stranger(uint32_t number)
{
    account a = who('x');

    memcpy(a.bytes + ACCOUNT_KEY_AT, &number, sizeof(number));
    return a;
}

static void on_any_append(void *arg, int r, const struct store_appended *a)
{
    (void)a;
    assert_int_equal(r, 0);
    ++*(unsigned *)arg;
}

/** Each stranger writes one message to a. */
static void write_all(struct store_world *w, const char *key)
{
    unsigned n_done = 0;

    for (uint32_t i = 0; i < SENDERS; i++) {
        struct store_append what = message('x', 'a', key, key);
        what.from = stranger(i);
        store_append(w->store, &what, on_any_append, &n_done);
    }
    while (n_done < SENDERS)
        loop_run_once(w->loop);
}

static void on_any_read(void *arg, int r, const struct store_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(r, 0);
    a->n = page->n_messages;
    end_page(a, page->has_more, page->upto);
}

static uint64_t looks_of(const struct store_world *w)
{
    sqlite3_stmt *stmt = sqlite_engine_in(w->store)->reader.db.stmts[R_PROBE];
    return (uint64_t)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_RUN, 0);
}

static uint64_t steps_of(const struct store_world *w)
{
    struct sqlite_reader *rd = &sqlite_engine_in(w->store)->reader;
    uint64_t n = 0;

    for (unsigned i = 0; i < R_COUNT; i++)
        n += (uint64_t)sqlite3_stmt_status(rd->db.stmts[i], SQLITE_STMTSTATUS_VM_STEP, 0);
    return n;
}

/** A page of a's, behind `after`. @return where it ends */
static int64_t expect_cheap(struct store_world *w, const char *name, int64_t since,
                            int64_t after, uint64_t max_steps)
{
    const struct store_read r = {.account = who('a'),
                                 .since = since,
                                 .after = after,
                                 .max_messages = PAGE,
                                 .max_bytes = PLENTY};
    struct store_answer a;
    const uint64_t n_looks = looks_of(w);
    const uint64_t n_steps = steps_of(w);

    answer_init(&a, w);
    store_read(w->store, &r, on_any_read, &a);
    answer_await(&a);
    answer_fini(&a);
    expect_int(name, a.n, PAGE);
    assert_true(a.has_more);
    if (looks_of(w) - n_looks > (uint64_t)EACH_LOOKS * (PAGE + 1))
        fail_msg("%s: %llu looks", name, (unsigned long long)(looks_of(w) - n_looks));
    if (steps_of(w) - n_steps > max_steps)
        fail_msg("%s: %llu steps", name, (unsigned long long)(steps_of(w) - n_steps));
    return a.upto;
}

static void get_from(struct store_world *w, uint32_t number, uint64_t seq)
{
    struct store_receipt r = {.by = who('a'), .delivered_seq = seq, .now_ms = NOW};

    r.place.peer = stranger(number);
    ask_receipt(w, &r, 0, NULL);
}

/** Where it has an index, that has all. */
static void settle(struct store_world *w)
{
    if (w->index_after > 0)
        await_index(w);
}

/** What the index has of a conversation is passed, where the tail has that, too. */
static void a_page_costs_at_most_what_the_index_has_besides(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    write_all(w, "1");
    await_index(w);
    store_world_close(w);
    w->index_after = SIZE_MAX / 4;
    store_world_open(w);
    write_all(w, "2");
    expect_cheap(w, "of two each", store_horizon(w->store), 0, PASSED);
}

/** What waits is neither looked at nor stepped over, whatever comes meanwhile: of what the tail
 * has, or else the index. */
static void a_page_costs_what_is_in_it(void **state)
{
    struct store_world *w = *state;

    write_all(w, "1");
    settle(w);
    const int64_t now = store_horizon(w->store);
    const int64_t upto = expect_cheap(w, "the first", now, 0, SENDERS);
    expect_cheap(w, "the next", now, upto, SENDERS);
    write_all(w, "2");
    settle(w);
    expect_cheap(w, "of two each", now, 0, SENDERS);
    for (uint32_t i = 0; i < 2 * PAGE; i++)
        get_from(w, i, 1);
    settle(w);
    expect_cheap(w, "behind a mark each", now, upto, SENDERS);
    expect_cheap(w, "from the beginning again", store_horizon(w->store), 0, SENDERS);
}

/** They are counted, and not looked into. */
static void a_page_behind_a_cursor_costs_a_count_and_what_is_in_it(void **state)
{
    struct store_world *w = *state;

    const int64_t cursor = put(w, 'b', 'a', "1", 1).position;
    write_all(w, "1");
    write_all(w, "2");
    const int64_t upto = expect_cheap(w, "the first", cursor, 0, COUNTED);
    assert_int_equal(upto, PAGE); // one is undelivered from before
    for (uint32_t i = 0; i < PAGE; i++)
        get_from(w, i, 2);
    expect_cheap(w, "the next", cursor, upto, COUNTED);
}

int main(void)
{
#define UNIT(f)    cmocka_unit_test_setup_teardown(f, setup, teardown)
#define INDEXED(f) cmocka_unit_test_setup_teardown(f, setup_indexed, teardown)
    const struct CMUnitTest tests[] = {
        INDEXED(a_row_names_the_first_undelivered_message),
        INDEXED(a_mark_at_any_own_message_finds_the_next_of_the_peers),
        INDEXED(what_is_withheld_is_passed),
        INDEXED(a_block_and_its_end_in_one_group_leave_nothing_due),
        INDEXED(what_is_gone_is_undelivered_as_it_is_counted),
        INDEXED(each_row_is_exact),
        UNIT(a_page_costs_what_is_in_it),
        INDEXED(a_page_costs_what_is_in_it),
        UNIT(a_page_costs_at_most_what_the_index_has_besides),
        UNIT(a_page_behind_a_cursor_costs_a_count_and_what_is_in_it),
        INDEXED(a_page_behind_a_cursor_costs_a_count_and_what_is_in_it),
    };
    return cmocka_run_group_tests_name("store_sqlite_due", tests, NULL, NULL);
}
