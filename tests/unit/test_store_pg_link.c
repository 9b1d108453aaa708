#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "store/pg_link.h"
#include "support/pg_world.h"

static const struct pg_statement echo = {
    0, "SELECT $1::int8, $2::boolean, $3::bytea, $4::text, $5::bytea, $6::int8"};
static const struct pg_statement arrays = {
    1,
    "SELECT a, b, c, d FROM unnest($1::int8[], $2::boolean[], $3::bytea[], $4::text[])"
    " WITH ORDINALITY AS t(a, b, c, d, n) ORDER BY n"};
static const struct pg_statement small = {2, "SELECT 7::int2, -8::int4, NULL::int4"};
static const struct pg_statement insert = {
    3, "INSERT INTO t (id, bytes) VALUES ($1::int8, $2::bytea)"};
static const struct pg_statement update = {4, "UPDATE t SET n = n + 1 WHERE id = $1::int8"};
static const struct pg_statement count = {5, "SELECT count(*) FROM t"};
static const struct pg_statement begin = {6, "BEGIN"};
static const struct pg_statement commit = {7, "COMMIT"};
static const struct pg_statement rollback = {8, "ROLLBACK"};
static const struct pg_statement wrong = {9, "SELECT * FROM there_is_none"};
static const struct pg_statement pid = {10, "SELECT pg_backend_pid()"};
static const struct pg_statement kill_one = {11, "SELECT pg_terminate_backend($1::int8::int4)"};
static const struct pg_statement nap = {12, "SELECT pg_sleep($1::int8)"};
static const struct pg_statement large = {13, "SELECT repeat('x', $1::int8::int4), $2::bytea"};
static const struct pg_statement zero = {14, "SELECT 1 / $1::int8"};
static const struct pg_statement setting = {15, "SELECT current_setting($1::text)"};
static const struct pg_statement one = {16, "SELECT 1::int8"};
static const struct pg_statement raise = {18, "SELECT raise($1::text)"};
static const struct pg_statement waiting = {
    17,
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = $1::int8"};

struct world {
    struct pg_world pg;
    struct pg_link *l;
    struct pg_args a;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    pg_world_open(&w->pg);
    pg_world_run(w->pg.admin,
                 "CREATE TABLE t (id int8 PRIMARY KEY, n int8 DEFAULT 0, bytes bytea)");
    w->l = pg_world_connect(w->pg.url);
    pg_args_init(&w->a);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    pg_args_fini(&w->a);
    pg_link_free(w->l);
    pg_world_close(&w->pg);
    free(w);
    return 0;
}

/** One statement, by itself. @return 0 or an enum pg_refusal */
static int ask(struct pg_link *l, const struct pg_statement *s, const struct pg_args *a,
               PGresult **out)
{
    pg_link_send(l, s, a);
    pg_link_sync(l);
    return pg_link_result(l, out);
}

static const struct pg_args *number(struct pg_args *a, int64_t value)
{
    pg_args_clear(a);
    pg_arg_i64(a, value);
    return a;
}

static int64_t ask_number(struct pg_link *l, const struct pg_statement *s,
                          const struct pg_args *a)
{
    PGresult *r = NULL;

    expect_int(s->text, ask(l, s, a, &r), 0);
    const int64_t value = pg_i64(r, 0, 0);
    pg_result_free(&r);
    return value;
}

static void send_insert(struct world *w, int64_t id, str bytes)
{
    number(&w->a, id);
    pg_arg_bytes(&w->a, bytes);
    pg_link_send(w->l, &insert, &w->a);
}

// --- arguments and results ---------------------------------------------------------

static void what_is_sent_comes_back(void **state)
{
    struct world *w = *state;
    account someone = {.len = ACCOUNT_EVM_SIZE};
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1LL << 40};
    static const str texts[] = {{"", 0}, {"a", 1}, {"l\303\266we", 5}, {"'; --\\", 6}};
    static const str bytes[] = {{"", 0}, {"\0", 1}, {"a\0b\377", 4}, {"\\x00", 4}};

    memset(someone.bytes, 0xab, someone.len);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        PGresult *r = NULL;
        const str b = bytes[i % COUNT_OF(bytes)];
        const str t = texts[i % COUNT_OF(texts)];
        number(&w->a, numbers[i]);
        pg_arg_bool(&w->a, i % 2 == 1);
        pg_arg_bytes(&w->a, b);
        pg_arg_bytes(&w->a, t);
        pg_arg_account(&w->a, &someone);
        pg_arg_null(&w->a);
        assert_int_equal(ask(w->l, &echo, &w->a, &r), 0);
        assert_int_equal(PQntuples(r), 1);
        expect_int("int8", pg_i64(r, 0, 0), numbers[i]);
        expect_int("boolean", pg_bool(r, 0, 1), i % 2 == 1);
        expect_str("bytea", pg_str(r, 0, 2), b);
        expect_str("text", pg_str(r, 0, 3), t);
        const account back = pg_account(r, 0, 4);
        assert_true(account_eq(&back, &someone));
        assert_false(pg_is_null(r, 0, 2)); // though it may be empty
        assert_true(pg_is_null(r, 0, 5));
        expect_int("NULL", pg_i64(r, 0, 5), 0);
        pg_result_free(&r);
    }
}

static void small_integers_are_read_by_their_size(void **state)
{
    struct world *w = *state;
    PGresult *r = NULL;

    assert_int_equal(ask(w->l, &small, NULL, &r), 0);
    expect_int("int2", pg_i64(r, 0, 0), 7);
    expect_int("int4", pg_i64(r, 0, 1), -8);
    expect_int("NULL", pg_i64(r, 0, 2), 0);
    assert_false(pg_bool(r, 0, 2));
    expect_str("NULL", pg_str(r, 0, 2), STR(""));
    pg_result_free(&r);
}

static void send_arrays(struct world *w, int n)
{
    pg_args_clear(&w->a);
    pg_arg_array(&w->a, PG_INT8);
    for (int i = 0; i < n; i++)
        pg_arg_array_i64(&w->a, i - 1);
    pg_arg_array_end(&w->a);
    pg_arg_array(&w->a, PG_BOOL);
    for (int i = 0; i < n; i++)
        pg_arg_array_bool(&w->a, i % 3 == 0);
    pg_arg_array_end(&w->a);
    pg_arg_array(&w->a, PG_BYTEA);
    for (int i = 0; i < n; i++) {
        if (i % 2 == 0) {
            pg_arg_array_bytes(&w->a, (str){"\0\1\2\3\4", (size_t)i % 5});
        } else {
            pg_arg_array_null(&w->a);
        }
    }
    pg_arg_array_end(&w->a);
    pg_arg_array(&w->a, PG_TEXT);
    for (int i = 0; i < n; i++)
        pg_arg_array_bytes(&w->a, STR("text"));
    pg_arg_array_end(&w->a);
    pg_link_send(w->l, &arrays, &w->a);
}

static void arrays_have_elements_of_each_type_and_nulls_or_nothing(void **state)
{
    struct world *w = *state;
    static const int lengths[] = {0, 1, 2, 1000};

    for (size_t k = 0; k < COUNT_OF(lengths); k++) {
        PGresult *r = NULL;
        send_arrays(w, lengths[k]);
        pg_link_sync(w->l);
        assert_int_equal(pg_link_result(w->l, &r), 0);
        assert_int_equal(PQntuples(r), lengths[k]);
        for (int i = 0; i < lengths[k]; i++) {
            expect_int("int8", pg_i64(r, i, 0), i - 1);
            expect_int("boolean", pg_bool(r, i, 1), i % 3 == 0);
            expect_int("NULL", pg_is_null(r, i, 2), i % 2);
            if (i % 2 == 0)
                expect_str("bytea", pg_str(r, i, 2), ((str){"\0\1\2\3\4", (size_t)i % 5}));
            expect_str("text", pg_str(r, i, 3), STR("text"));
        }
        pg_result_free(&r);
    }
}

static void a_mebibyte_goes_there_and_back(void **state)
{
    struct world *w = *state;
    const str bytes = {mem_alloc(1 << 20), 1 << 20};
    PGresult *r = NULL;

    number(&w->a, 1 << 20);
    pg_arg_bytes(&w->a, bytes);
    assert_int_equal(ask(w->l, &large, &w->a, &r), 0);
    expect_int("text", PQgetlength(r, 0, 0), 1 << 20);
    assert_true(str_eq(pg_str(r, 0, 1), bytes));
    pg_result_free(&r);
    free((void *)(uintptr_t)bytes.ptr); // NOLINT(performance-no-int-to-ptr)
}

// --- pipelines ---------------------------------------------------------------------

static void results_come_in_order_and_rows_that_changed_are_counted(void **state)
{
    struct world *w = *state;
    PGresult *r = NULL;

    send_insert(w, 1, STR("a"));
    send_insert(w, 2, STR("b"));
    pg_link_send(w->l, &update, number(&w->a, 2));
    pg_link_send(w->l, &update, number(&w->a, 3));
    pg_link_send(w->l, &count, NULL);
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(pg_link_result(w->l, &r), 0);
    expect_int("there", pg_n_changed(r), 1);
    pg_result_free(&r);
    assert_int_equal(pg_link_result(w->l, &r), 0);
    expect_int("not there", pg_n_changed(r), 0);
    pg_result_free(&r);
    assert_int_equal(pg_link_result(w->l, &r), 0);
    expect_int("rows", pg_i64(r, 0, 0), 2);
    pg_result_free(&r);
}

static void those_behind_one_that_fails_are_not_done_and_the_next_sync_works(void **state)
{
    struct world *w = *state;
    PGresult *r = NULL;

    send_insert(w, 1, STR("a"));
    send_insert(w, 1, STR("the same id"));
    send_insert(w, 2, STR("behind it"));
    pg_link_send(w->l, &update, number(&w->a, 1)); // which is prepared for this
    pg_link_sync(w->l);
    pg_link_send(w->l, &count, NULL);
    pg_link_send(w->l, &update, number(&w->a, 1)); // which was not prepared then
    pg_link_sync(w->l);

    assert_int_equal(pg_link_result(w->l, &r), 0);
    pg_result_free(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pg_link_result(w->l, &r), PG_ERROR);
        assert_null(r);
        assert_string_equal(pg_link_sqlstate(w->l), "23505");
    }
    assert_int_equal(pg_link_result(w->l, &r), 0);
    expect_int("rows", pg_i64(r, 0, 0), 0); // it was one transaction
    pg_result_free(&r);
    // It was sent before that was known, and goes well another time.
    assert_int_equal(pg_link_result(w->l, &r), PG_AGAIN);
    assert_string_equal(pg_link_sqlstate(w->l), "26000");
    assert_int_equal(ask(w->l, &update, number(&w->a, 1), NULL), 0);
    assert_int_equal(ask(w->l, &update, number(&w->a, 1), NULL), 0);
    assert_string_equal(pg_link_sqlstate(w->l), "");
}

static void one_that_is_prepared_again_too_early_goes_well_another_time(void **state)
{
    struct world *w = *state;

    pg_link_send(w->l, &wrong, NULL);
    pg_link_send(w->l, &one, NULL);
    pg_link_sync(w->l);
    pg_link_send(w->l, &one, NULL);
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), PG_ERROR);
    assert_int_equal(pg_link_result(w->l, NULL), PG_ERROR);
    pg_link_send(w->l, &one, NULL); // prepared
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), PG_AGAIN); // was not, then
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(ask(w->l, &one, NULL, NULL), PG_AGAIN); // is already
    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
}

static void a_statement_that_is_wrong_is_refused_each_time(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(w->l, &wrong, NULL, NULL), PG_ERROR);
        assert_string_equal(pg_link_sqlstate(w->l), "42P01");
    }
    expect_int("rows", ask_number(w->l, &count, NULL), 0);
}

static void what_fails_as_it_commits_refuses_the_last_one(void **state)
{
    struct world *w = *state;

    pg_world_run(w->pg.admin, "ALTER TABLE t ADD UNIQUE (n) DEFERRABLE INITIALLY DEFERRED");
    send_insert(w, 1, STR(""));
    send_insert(w, 2, STR(""));
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(pg_link_result(w->l, NULL), PG_ERROR);
    assert_string_equal(pg_link_sqlstate(w->l), "23505");
    expect_int("rows", ask_number(w->l, &count, NULL), 0);
}

static void a_transaction_may_go_over_several_syncs(void **state)
{
    struct world *w = *state;

    pg_link_send(w->l, &begin, NULL);
    send_insert(w, 1, STR(""));
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    expect_int("seen from within", ask_number(w->l, &count, NULL), 1);
    expect_int("not from outside", ask_number(w->pg.admin, &count, NULL), 0);
    assert_int_equal(ask(w->l, &commit, NULL, NULL), 0);
    expect_int("from outside", ask_number(w->pg.admin, &count, NULL), 1);
}

static void one_that_was_refused_is_rolled_back_and_the_link_goes_on(void **state)
{
    struct world *w = *state;

    pg_link_send(w->l, &begin, NULL);
    pg_link_send(w->l, &zero, number(&w->a, 0));
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    assert_int_equal(pg_link_result(w->l, NULL), PG_ERROR);
    assert_string_equal(pg_link_sqlstate(w->l), "22012");
    assert_int_equal(ask(w->l, &one, NULL, NULL), PG_ERROR);
    assert_string_equal(pg_link_sqlstate(w->l), "25P02");
    assert_int_equal(ask(w->l, &rollback, NULL, NULL), 0);
    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
}

static void a_sync_of_nothing_is_none(void **state)
{
    struct world *w = *state;

    pg_link_sync(w->l);
    pg_link_sync(w->l);
    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
    pg_link_sync(w->l);
    assert_int_equal(pg_link_run(w->l, "SELECT 1"), 0);
}

static void ten_thousand_at_once_fill_neither_side(void **state)
{
    struct world *w = *state;
    const str bytes = {mem_alloc(4000), 4000};

    for (int i = 0; i < 10000; i++) {
        number(&w->a, 4000);
        pg_arg_bytes(&w->a, bytes);
        pg_link_send(w->l, &large, &w->a);
    }
    pg_link_sync(w->l);
    for (int i = 0; i < 10000; i++) {
        PGresult *r = NULL;
        assert_int_equal(pg_link_result(w->l, &r), 0);
        expect_int("bytea", PQgetlength(r, 0, 1), 4000);
        pg_result_free(&r);
    }
    free((void *)(uintptr_t)bytes.ptr); // NOLINT(performance-no-int-to-ptr)
}

static void text_is_run_as_a_whole_or_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(pg_link_run(w->l, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"),
                     0);
    assert_int_equal(pg_link_run(w->l, "INSERT INTO t VALUES (3); INSERT INTO t VALUES (1)"),
                     PG_ERROR);
    assert_string_equal(pg_link_sqlstate(w->l), "23505");
    expect_int("rows", ask_number(w->l, &count, NULL), 2);
}

static void the_session_is_set_up(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"application_name", "test"},
        {"client_encoding", "UTF8"},
        {"default_transaction_isolation", "read committed"},
        {"default_transaction_read_only", "on"},
        {"idle_in_transaction_session_timeout", "10s"},
        {"lock_timeout", "10s"},
        {"statement_timeout", "12s"},
    };
    const struct pg_link_config config = {
        .url = w->pg.url, .name = "test", .is_read_only = true};
    struct pg_link *l = NULL;

    assert_int_equal(pg_link_new(&l, &config), 0);
    assert_int_equal(pg_link_up(l), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        PGresult *r = NULL;
        pg_args_clear(&w->a);
        pg_arg_bytes(&w->a, str_of(rows[i][0]));
        assert_int_equal(ask(l, &setting, &w->a, &r), 0);
        expect_str(rows[i][0], pg_str(r, 0, 0), str_of(rows[i][1]));
        pg_result_free(&r);
    }
    assert_int_equal(ask(l, &update, number(&w->a, 1), NULL), PG_ERROR);
    assert_string_equal(pg_link_sqlstate(l), "25006");
    pg_link_free(l);
}

// --- what goes away by itself ------------------------------------------------------

/** Until a link waits for a lock that another has. */
static void wait_until_blocked(struct world *w, struct pg_link *l)
{
    struct pg_args a;

    pg_args_init(&a);
    const int64_t since_ns = loop_now_ns();
    while (ask_number(w->pg.admin, &waiting, number(&a, pg_link_pid(l))) == 0)
        assert_in_range(loop_now_ns() - since_ns, 0, 10000000000);
    pg_args_fini(&a);
}

static void of_two_that_wait_for_each_other_one_is_told_to_try_again(void **state)
{
    struct world *w = *state;
    struct pg_link *other = pg_world_connect(w->pg.url);

    pg_world_run(w->l, "INSERT INTO t VALUES (1), (2)");
    pg_world_run(w->l, "BEGIN; UPDATE t SET n = 1 WHERE id = 1");
    pg_world_run(other, "BEGIN; UPDATE t SET n = 1 WHERE id = 2");
    pg_link_send(w->l, &update, number(&w->a, 2));
    pg_link_send(w->l, &commit, NULL);
    pg_link_sync(w->l);
    wait_until_blocked(w, w->l);
    pg_link_send(other, &update, number(&w->a, 1));
    pg_link_send(other, &commit, NULL);
    pg_link_sync(other);

    const int one_r = pg_link_result(w->l, NULL);
    const int other_r = pg_link_result(other, NULL);
    expect_int("one of them", one_r == PG_AGAIN, other_r != PG_AGAIN);
    expect_int("the other is done", one_r + other_r, PG_AGAIN);
    assert_string_equal(pg_link_sqlstate(one_r ? w->l : other), "40P01");
    expect_int("its COMMIT likewise", pg_link_result(w->l, NULL), one_r);
    expect_int("and the other's", pg_link_result(other, NULL), other_r);
    pg_world_run(one_r ? w->l : other, "ROLLBACK");
    pg_link_free(other);
}

static void what_takes_too_long_may_be_tried_again(void **state)
{
    struct world *w = *state;
    struct pg_link *other = pg_world_connect(w->pg.url);

    pg_world_run(w->l, "SET statement_timeout = 50");
    assert_int_equal(ask(w->l, &nap, number(&w->a, 10), NULL), PG_AGAIN);
    assert_string_equal(pg_link_sqlstate(w->l), "57014");

    pg_world_run(w->l, "SET statement_timeout = 0; SET lock_timeout = 50");
    pg_world_run(other, "INSERT INTO t VALUES (1)");
    pg_world_run(other, "BEGIN; UPDATE t SET n = 1");
    assert_int_equal(ask(w->l, &update, number(&w->a, 1), NULL), PG_AGAIN);
    assert_string_equal(pg_link_sqlstate(w->l), "55P03");
    pg_link_free(other);
}

static void what_a_refusal_means_is_in_its_sqlstate(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *sqlstate;
        int refusal;
    } rows[] = {
        {"08006", PG_LOST},  {"40001", PG_AGAIN}, {"40002", PG_ERROR}, {"40003", PG_LOST},
        {"42501", PG_ERROR}, {"53100", PG_ERROR}, {"53200", PG_ERROR}, {"57014", PG_AGAIN},
        {"57P01", PG_LOST},  {"57P03", PG_LOST},  {"XX001", PG_ERROR},
    };

    pg_world_run(w->pg.admin,
                 "CREATE FUNCTION raise(code text) RETURNS void LANGUAGE plpgsql AS "
                 "$$ BEGIN RAISE EXCEPTION USING ERRCODE = code; END $$");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(pg_link_up(w->l), 0);
        pg_args_clear(&w->a);
        pg_arg_bytes(&w->a, str_of(rows[i].sqlstate));
        expect_int(rows[i].sqlstate, ask(w->l, &raise, &w->a, NULL), rows[i].refusal);
        assert_string_equal(pg_link_sqlstate(w->l), rows[i].sqlstate);
        expect_int("connected", pg_link_pid(w->l) != 0, rows[i].refusal != PG_LOST);
    }
}

static void a_server_that_does_not_let_it_write_any_more_is_left(void **state)
{
    struct world *w = *state;

    pg_world_run(w->l, "SET default_transaction_read_only = on");
    assert_int_equal(ask(w->l, &update, number(&w->a, 1), NULL), PG_LOST);
    assert_string_equal(pg_link_sqlstate(w->l), "25006");
    assert_int_equal(pg_link_up(w->l), 0);
    assert_int_equal(ask(w->l, &update, number(&w->a, 1), NULL), 0);
}

// --- lost, and up again ------------------------------------------------------------

static void terminate(struct world *w, struct pg_link *l)
{
    expect_int("it was there", ask(w->pg.admin, &kill_one, number(&w->a, pg_link_pid(l)), NULL),
               0);
}

static void a_backend_that_is_killed_is_lost_and_then_up_again(void **state)
{
    struct world *w = *state;

    pg_link_send(w->l, &nap, number(&w->a, 10));
    pg_link_send(w->l, &one, NULL);
    pg_link_sync(w->l);
    terminate(w, w->l);
    assert_int_equal(pg_link_result(w->l, NULL), PG_LOST);
    assert_string_equal(pg_link_sqlstate(w->l), "57P01");
    assert_int_equal(pg_link_result(w->l, NULL), PG_LOST);
    expect_int("pid", pg_link_pid(w->l), 0);
    assert_int_equal(ask(w->l, &one, NULL, NULL), PG_LOST);

    assert_int_equal(pg_link_up(w->l), 0);
    expect_int("prepared anew", ask_number(w->l, &pid, NULL), pg_link_pid(w->l));
    expect_int("likewise", ask_number(w->l, &one, NULL), 1);
}

static void one_that_is_killed_while_much_is_on_its_way_is_lost(void **state)
{
    struct world *w = *state;
    const str bytes = {mem_alloc(100000), 100000};

    number(&w->a, 100000);
    pg_arg_bytes(&w->a, bytes);
    for (int i = 0; i < 500; i++) {
        if (i == 250) {
            struct pg_args pid_of;
            pg_args_init(&pid_of);
            assert_int_equal(
                ask(w->pg.admin, &kill_one, number(&pid_of, pg_link_pid(w->l)), NULL), 0);
            pg_args_fini(&pid_of);
        }
        pg_link_send(w->l, &large, &w->a);
    }
    pg_link_sync(w->l);
    int r = 0;
    for (int i = 0; i < 500; i++) {
        const int was = r;
        r = pg_link_result(w->l, NULL);
        assert_true(r == PG_LOST || (r == 0 && was == 0));
    }
    expect_int("in the end", r, PG_LOST);
    assert_int_equal(pg_link_up(w->l), 0);
    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
    free((void *)(uintptr_t)bytes.ptr); // NOLINT(performance-no-int-to-ptr)
}

static void one_that_died_while_nobody_looked_is_up_again_at_once(void **state)
{
    struct world *w = *state;
    const int was = pg_link_pid(w->l);

    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
    terminate(w, w->l);
    const int64_t since_ns = loop_now_ns();
    while (pg_link_pid(w->l) == was) { // until it hears of it
        assert_int_equal(pg_link_up(w->l), 0);
        assert_in_range(loop_now_ns() - since_ns, 0, 10000000000);
    }
    assert_int_equal(ask(w->l, &one, NULL, NULL), 0);
}

static void what_a_dropped_one_had_not_committed_is_undone(void **state)
{
    struct world *w = *state;

    pg_link_send(w->l, &begin, NULL);
    send_insert(w, 1, STR(""));
    pg_link_sync(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), 0);
    pg_link_drop(w->l);
    assert_int_equal(pg_link_result(w->l, NULL), PG_LOST);
    assert_int_equal(pg_link_up(w->l), 0);
    expect_int("rows", ask_number(w->l, &count, NULL), 0);
}

static void one_that_is_silent_is_lost(void **state)
{
    struct world *w = *state;
    const struct pg_link_config config = {.url = w->pg.url, .name = "test", .silence_ms = 300};
    struct pg_link *l = NULL;

    assert_int_equal(pg_link_new(&l, &config), 0);
    assert_int_equal(pg_link_up(l), 0);
    const int64_t since_ns = loop_now_ns();
    assert_int_equal(ask(l, &nap, number(&w->a, 10), NULL), PG_LOST);
    assert_in_range(loop_now_ns() - since_ns, 300000000, 5000000000);
    pg_link_free(l);
}

/** A server that takes connections, and never says a word. @return its socket */
static int be_silent(char *url, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(url, size, "postgresql://somebody:secret@127.0.0.1:%d/db", ntohs(at.sin_port));
    return fd;
}

static void one_that_never_answers_is_given_up_and_not_asked_again_at_once(void **state)
{
    char url[PG_WORLD_URL_SIZE];
    const int fd = be_silent(url, sizeof(url));
    const struct pg_link_config config = {.url = url, .name = "test", .silence_ms = 300};
    struct pg_link *l = NULL;

    (void)state;
    assert_int_equal(pg_link_new(&l, &config), 0);
    int64_t since_ns = loop_now_ns();
    assert_int_equal(pg_link_up(l), PG_LOST);
    assert_in_range(loop_now_ns() - since_ns, 300000000, 5000000000);
    since_ns = loop_now_ns();
    assert_int_equal(pg_link_up(l), PG_LOST);
    assert_in_range(loop_now_ns() - since_ns, 0, 200000000);
    pg_link_free(l);
    close(fd);
}

static void *stop_when_it_waits(void *arg)
{
    struct world *w = arg;

    wait_until_blocked(w, w->l);
    pg_link_stop(w->l);
    return NULL;
}

static void another_thread_makes_an_end_to_waiting(void **state)
{
    struct world *w = *state;
    pthread_t thread;

    pg_world_run(w->pg.admin, "INSERT INTO t VALUES (1)");
    pg_world_run(w->pg.admin, "BEGIN; UPDATE t SET n = 1");
    pg_link_send(w->l, &update, number(&w->a, 1));
    pg_link_sync(w->l);
    assert_int_equal(pthread_create(&thread, NULL, stop_when_it_waits, w), 0);
    assert_int_equal(pg_link_result(w->l, NULL), PG_LOST);
    pthread_join(thread, NULL);
    assert_int_equal(pg_link_up(w->l), PG_LOST);
    pg_world_run(w->pg.admin, "COMMIT");
}

// --- what is said ------------------------------------------------------------------

static unsigned n_said(const struct pg_lines *lines, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(lines->text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

static void a_refusal_is_said_without_what_was_sent(void **state)
{
    struct world *w = *state;
    struct pg_lines lines = {0};

    log_set_sink(pg_on_line, &lines);
    for (int i = 0; i < 3; i++) {
        send_insert(w, 424242, STR("a body"));
        pg_link_sync(w->l);
        assert_int_equal(pg_link_result(w->l, NULL), i == 0 ? 0 : PG_ERROR);
    }
    log_set_sink(NULL, NULL);
    expect_int("once in a second", n_said(&lines, "event=store_postgres_refused"), 1);
    expect_int("why", n_said(&lines, "sqlstate=23505 why=\"duplicate key value violates"), 1);
    expect_int("detail", n_said(&lines, "424242"), 0);
}

static void an_outage_is_said_once_and_without_the_password(void **state)
{
    char url[PG_WORLD_URL_SIZE];
    const int fd = be_silent(url, sizeof(url));
    struct pg_link *l = pg_world_link(url);
    struct pg_lines lines = {0};

    (void)state;
    close(fd); // nobody is there at all
    log_set_sink(pg_on_line, &lines);
    assert_int_equal(pg_link_up(l), PG_LOST);
    const int64_t since_ns = loop_now_ns();
    while (loop_now_ns() - since_ns < (PG_LINK_AGAIN_MS + 100) * INT64_C(1000000)) {
        assert_int_equal(pg_link_up(l), PG_LOST);
        assert_int_equal(poll(NULL, 0, 20), 0);
    }
    log_set_sink(NULL, NULL);
    expect_int("once", n_said(&lines, "event=store_postgres_away"), 1);
    expect_int("all", n_said(&lines, "event="), 1);
    expect_int("why", n_said(&lines, "refused"), 1);
    expect_int("password", n_said(&lines, "secret"), 0);
    pg_link_free(l);
}

static void that_it_is_back_is_said(void **state)
{
    struct world *w = *state;
    struct pg_lines lines = {0};

    log_set_sink(pg_on_line, &lines);
    pg_link_send(w->l, &nap, number(&w->a, 10));
    pg_link_sync(w->l);
    terminate(w, w->l);
    assert_int_equal(pg_link_result(w->l, NULL), PG_LOST);
    assert_int_equal(pg_link_up(w->l), 0);
    log_set_sink(NULL, NULL);
    expect_int("lost", n_said(&lines, "event=store_postgres_lost"), 1);
    expect_int("why", n_said(&lines, "sqlstate=57P01 why=\"terminating connection"), 1);
    expect_int("back", n_said(&lines, "event=store_postgres_back"), 1);
    expect_int("all", n_said(&lines, "event="), 2);
}

static void what_is_no_url_is_a_fault_that_does_not_repeat_it(void **state)
{
    static const char *const urls[] = {"postgresql://me:pa%zzss@host/db", "secret",
                                       "mysql://a/b"};
    struct pg_lines lines = {0};
    struct pg_link *l = NULL;

    (void)state;
    log_set_sink(pg_on_line, &lines);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        const struct pg_link_config config = {.url = urls[i], .name = "test"};
        expect_int(urls[i], pg_link_new(&l, &config), -EINVAL);
    }
    log_set_sink(NULL, NULL);
    expect_int("said", n_said(&lines, "this is no URL of PostgreSQL"), COUNT_OF(urls));
    expect_int("password", n_said(&lines, "zzss") + n_said(&lines, "secret"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        T(what_is_sent_comes_back),
        T(small_integers_are_read_by_their_size),
        T(arrays_have_elements_of_each_type_and_nulls_or_nothing),
        T(a_mebibyte_goes_there_and_back),
        T(results_come_in_order_and_rows_that_changed_are_counted),
        T(those_behind_one_that_fails_are_not_done_and_the_next_sync_works),
        T(one_that_is_prepared_again_too_early_goes_well_another_time),
        T(a_statement_that_is_wrong_is_refused_each_time),
        T(what_fails_as_it_commits_refuses_the_last_one),
        T(a_transaction_may_go_over_several_syncs),
        T(one_that_was_refused_is_rolled_back_and_the_link_goes_on),
        T(a_sync_of_nothing_is_none),
        T(ten_thousand_at_once_fill_neither_side),
        T(text_is_run_as_a_whole_or_refused),
        T(the_session_is_set_up),
        T(of_two_that_wait_for_each_other_one_is_told_to_try_again),
        T(what_takes_too_long_may_be_tried_again),
        T(what_a_refusal_means_is_in_its_sqlstate),
        T(a_server_that_does_not_let_it_write_any_more_is_left),
        T(a_backend_that_is_killed_is_lost_and_then_up_again),
        T(one_that_is_killed_while_much_is_on_its_way_is_lost),
        T(one_that_died_while_nobody_looked_is_up_again_at_once),
        T(what_a_dropped_one_had_not_committed_is_undone),
        T(one_that_is_silent_is_lost),
        T(another_thread_makes_an_end_to_waiting),
        T(a_refusal_is_said_without_what_was_sent),
        T(that_it_is_back_is_said),
        cmocka_unit_test(one_that_never_answers_is_given_up_and_not_asked_again_at_once),
        cmocka_unit_test(an_outage_is_said_once_and_without_the_password),
        cmocka_unit_test(what_is_no_url_is_a_fault_that_does_not_repeat_it),
    };

    return PG_WORLD_RUN("store_pg_link", tests);
}
