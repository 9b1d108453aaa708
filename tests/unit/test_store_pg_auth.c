/** Sessions in PostgreSQL, changed by two nodes at the same time. */
#include "store/pg_auth.h"
#include "support/auth_store_world.h"
#include "support/pg_nodes.h"

struct change {
    struct auth_change is;
    int r;
    struct auth_answer answer;
};

struct world {
    struct pg_nodes nodes;    // first
    struct change changes[2]; // of the nodes; one at a time
};

static struct pg_node *node_of(struct world *w, unsigned i)
{
    return &w->nodes.nodes[i];
}

static void do_change(struct pg_node *n)
{
    struct world *w = (struct world *)n->all;
    struct change *c = &w->changes[n - w->nodes.nodes];

    n->refusal = pg_auth_change(n->link, &c->is, &c->r);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    pg_nodes_open(&w->nodes, do_change);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    pg_nodes_close(&w->nodes);
    free(w);
    return 0;
}

// What a node is about.

static struct change *change_of(struct world *w, unsigned i)
{
    struct change *c = &w->changes[i];

    c->is = (struct auth_change){0};
    auth_answer_init(&c->answer, NULL);
    return c;
}

static void begin(struct world *w, unsigned i, const struct auth_store_begin *b)
{
    struct change *c = change_of(w, i);
    auth_change_begin(&c->is, b, on_begun, &c->answer);
}

static void begin_plainly(struct world *w, unsigned i, const char *session, const char *nonce)
{
    const struct auth_store_begin b = begin_of('a', session, nonce);
    begin(w, i, &b);
}

static void refresh(struct world *w, unsigned i, const struct auth_store_refresh *r)
{
    struct change *c = change_of(w, i);
    auth_change_refresh(&c->is, r, on_refreshed, &c->answer);
}

static void end(struct world *w, unsigned i, const struct auth_store_end *e)
{
    struct change *c = change_of(w, i);
    auth_change_end(&c->is, e, on_ended, &c->answer);
}

/** In the transaction that it has; nobody is in its way. */
static void is_done(struct world *w, unsigned i)
{
    do_change(node_of(w, i));
    assert_int_equal(node_of(w, i)->refusal, 0);
}

static void send_revoked(struct pg_node *n)
{
    struct world *w = (struct world *)n->all;
    struct change *c = &w->changes[n - w->nodes.nodes];

    n->refusal = 0;
    if (!pg_auth_send_revoked(n->link, &c->is, c->r))
        return;
    pg_link_sync(n->link);
    n->refusal = pg_link_result(n->link, NULL);
}

/** Commit it, and this is what it is answered with. */
static void commit(struct world *w, unsigned i, int r, const char *want)
{
    struct change *c = &w->changes[i];

    send_revoked(node_of(w, i));
    assert_int_equal(node_of(w, i)->refusal, 0);
    pg_node_run(node_of(w, i), "COMMIT");
    auth_change_answer(&c->is, c->r);
    expect_int("r", c->answer.r, r);
    expect_str("answer", buf_str(&c->answer.text), str_of(want));
    auth_answer_fini(&c->answer);
}

/** All of it. */
static void answers(struct world *w, unsigned i, int r, const char *want)
{
    pg_node_run(node_of(w, i), "BEGIN");
    is_done(w, i);
    commit(w, i, r, want);
}

/** The first node is done, and is not committed; the second one waits for it. */
static void meet(struct world *w)
{
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    pg_node_run(node_of(w, 1), "BEGIN");
    pg_node_start(node_of(w, 1));
}

/** And now it need not any more. */
static void part(struct world *w)
{
    pg_node_join(node_of(w, 1));
    assert_int_equal(node_of(w, 1)->refusal, 0);
}

/** a has so many, of which s1 was refreshed longest ago. */
static void has_sessions(struct world *w, unsigned n)
{
    char text[512];

    begin_plainly(w, 0, "of-a", "of-a"); // who is known from now on
    answers(w, 0, 0, "a/of-a g1 0-3600000");
    snprintf(text, sizeof(text),
             "INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms,"
             " expires_at_ms, proof_chain) SELECT convert_to('s' || i, 'UTF8'), account, 1,"
             " began_at_ms - 1000, began_at_ms - 1000 + i, expires_at_ms, 0"
             " FROM session, generate_series(1, %u) AS i",
             n - 1);
    pg_run(&w->nodes, text);
}

#define COUNT_SESSIONS "SELECT count(*) FROM session"

// Nonces.

static void one_of_two_nodes_uses_a_nonce(void **state)
{
    struct world *w = *state;

    begin_plainly(w, 0, "laptop", "n");
    begin_plainly(w, 1, "phone", "n");
    meet(w);
    commit(w, 0, 0, "a/laptop g1 0-3600000");
    part(w);
    commit(w, 1, AUTH_STORE_NONCE_USED, "");
    pg_expect(&w->nodes, "SELECT string_agg(convert_from(name, 'UTF8'), ' ') FROM session",
              "laptop");
}

static void a_nonce_is_free_again_when_its_user_was_not_committed(void **state)
{
    struct world *w = *state;

    begin_plainly(w, 0, "laptop", "n");
    begin_plainly(w, 1, "phone", "n");
    meet(w);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    part(w);
    commit(w, 1, 0, "a/phone g1 0-3600000");
    answers(w, 0, AUTH_STORE_NONCE_USED, "");
}

// Refreshing.

static void two_nodes_make_one_next_generation(void **state)
{
    static const struct {
        const char *name;
        int64_t after_ms;
        int r;
        const char *want;
    } rows[] = {
        {"within the grace", MINUTE, 0, "a/s g2 0-3600000"},
        {"after it", MINUTE + 1, AUTH_STORE_LATE, ""},
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct auth_store_refresh r = refresh_of("s", 1, 0);
        const struct auth_store_refresh again = refresh_of("s", 1, rows[i].after_ms);
        begin_plainly(w, 0, "s", rows[i].name);
        answers(w, 0, 0, "a/s g1 0-3600000");
        refresh(w, 0, &r);
        refresh(w, 1, &again);
        meet(w);
        commit(w, 0, 0, "a/s g2 0-3600000");
        part(w);
        assert_false(w->changes[1].is.has_changed);
        commit(w, 1, rows[i].r, rows[i].want);
        pg_expect(&w->nodes, "SELECT generation FROM session", "2");
        pg_run(&w->nodes, "TRUNCATE session");
    }
}

static void what_was_reused_at_one_node_is_gone_at_the_other(void **state)
{
    struct world *w = *state;
    const struct auth_store_refresh reused = refresh_of("s", 1, 0);
    const struct auth_store_refresh current = refresh_of("s", 3, 0);

    begin_plainly(w, 0, "s", "n");
    answers(w, 0, 0, "a/s g1 0-3600000");
    pg_run(&w->nodes, "UPDATE session SET generation = 3");
    refresh(w, 0, &reused);
    refresh(w, 1, &current);
    meet(w);
    commit(w, 0, AUTH_STORE_REUSED, "");
    part(w);
    commit(w, 1, AUTH_STORE_NO_SESSION, "");
    pg_expect(&w->nodes, COUNT_SESSIONS, "0");
    pg_expect(&w->nodes, "SELECT convert_from(session, 'UTF8') FROM revocation", "s");
}

// As many as an account may have.

static void two_nodes_leave_an_account_with_as_many_sessions_as_it_may_have(void **state)
{
    static const struct {
        const char *name;
        unsigned n; // before
        const char *first;
        const char *second;
    } rows[] = {
        {"two short", AUTH_SESSIONS_MAX - 2, "a/x g1 0-3600000", "a/y g1 0-3600000"},
        {"one short", AUTH_SESSIONS_MAX - 1, "a/x g1 0-3600000", "a/y g1 0-3600000 -s1"},
        {"full", AUTH_SESSIONS_MAX, "a/x g1 0-3600000 -s1", "a/y g1 0-3600000 -s2"},
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        has_sessions(w, rows[i].n);
        begin_plainly(w, 0, "x", "n1");
        begin_plainly(w, 1, "y", "n2");
        meet(w);
        commit(w, 0, 0, rows[i].first);
        part(w);
        commit(w, 1, 0, rows[i].second);
        pg_expect(&w->nodes, COUNT_SESSIONS, "100");
        pg_run(&w->nodes, "TRUNCATE session, nonce");
    }
}

static void new_accounts_are_no_exception(void **state)
{
    struct world *w = *state;

    begin_plainly(w, 0, "x", "n1");
    begin_plainly(w, 1, "y", "n2");
    meet(w);
    commit(w, 0, 0, "a/x g1 0-3600000");
    part(w);
    commit(w, 1, 0, "a/y g1 0-3600000");
    pg_expect(&w->nodes, "SELECT count(*) FROM account", "1");
}

static void others_do_not_wait(void **state)
{
    struct world *w = *state;
    const struct auth_store_begin b = begin_of('b', "of-b", "n2");

    begin_plainly(w, 0, "of-a", "n1");
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    begin(w, 1, &b);
    answers(w, 1, 0, "b/of-b g1 0-3600000");
    commit(w, 0, 0, "a/of-a g1 0-3600000");
}

static void a_session_that_is_refreshed_meanwhile_is_not_the_surplus(void **state)
{
    struct world *w = *state;
    const struct auth_store_refresh r = refresh_of("s1", 1, 0);

    has_sessions(w, AUTH_SESSIONS_MAX);
    refresh(w, 0, &r);
    begin_plainly(w, 1, "x", "n1");
    meet(w);
    commit(w, 0, 0, "a/s1 g2 -1000-3600000");
    part(w);
    commit(w, 1, 0, "a/x g1 0-3600000 -s2");
    pg_expect(&w->nodes, COUNT_SESSIONS, "100");
}

static void a_session_that_ends_meanwhile_leaves_room(void **state)
{
    struct world *w = *state;
    const struct auth_store_end e = end_of("s1");

    has_sessions(w, AUTH_SESSIONS_MAX);
    end(w, 0, &e);
    begin_plainly(w, 1, "x", "n1");
    meet(w);
    commit(w, 0, 0, "1");
    part(w);
    commit(w, 1, 0, "a/x g1 0-3600000");
    pg_expect(&w->nodes, COUNT_SESSIONS, "100");
}

static void ending_all_ends_what_is_beginning_at_another_node(void **state)
{
    struct world *w = *state;
    const struct auth_store_end all = end_all_of('a');

    has_sessions(w, 2);
    begin_plainly(w, 0, "x", "n1");
    end(w, 1, &all);
    meet(w);
    commit(w, 0, 0, "a/x g1 0-3600000");
    part(w);
    commit(w, 1, 0, "3");
    pg_expect(&w->nodes, COUNT_SESSIONS, "0");
}

// Revocations.

static void positions_are_committed_in_their_order(void **state)
{
    struct world *w = *state;
    const struct auth_store_end x = end_of("x");
    const struct auth_store_end y = end_of("y");

    end(w, 0, &x);
    end(w, 1, &y);
    for (unsigned i = 0; i < 2; i++) {
        pg_node_run(node_of(w, i), "BEGIN");
        is_done(w, i);
        node_of(w, i)->fn = send_revoked;
    }
    send_revoked(node_of(w, 0));
    pg_node_start(node_of(w, 1)); // it waits
    pg_node_run(node_of(w, 0), "COMMIT");
    part(w);
    pg_node_run(node_of(w, 1), "COMMIT");
    pg_expect(&w->nodes,
              "SELECT string_agg(convert_from(session, 'UTF8') || '@' || position, ' '"
              " ORDER BY position) FROM revocation",
              "x@1 y@2");
    for (unsigned i = 0; i < 2; i++) {
        auth_change_answer(&w->changes[i].is, 0);
        auth_answer_fini(&w->changes[i].answer);
    }
}

static void who_revokes_is_in_nobodys_way_before_it_is_written(void **state)
{
    struct world *w = *state;
    const struct auth_store_end x = end_of("x");
    const struct auth_store_end y = end_all_of('b');

    end(w, 0, &x);
    end(w, 1, &y);
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    answers(w, 1, 0, "0");
    commit(w, 0, 0, "0");
    pg_expect(&w->nodes, "SELECT position FROM revocation WHERE session = 'x'", "2");
}

static void the_same_is_revoked_by_two_nodes_once(void **state)
{
    struct world *w = *state;
    struct auth_store_end e = end_of("s");

    begin_plainly(w, 0, "s", "n");
    answers(w, 0, 0, "a/s g1 0-3600000");
    end(w, 0, &e);
    e.until_ms = NOW + MINUTE;
    end(w, 1, &e);
    meet(w);
    commit(w, 0, 0, "1");
    part(w);
    commit(w, 1, 0, "0");
    pg_expect(&w->nodes, "SELECT position || '~' || until_ms FROM revocation",
              "2~1700003600000");
}

// Tried again.

/** One more in the transaction that it has, for this account. */
static void begin_next(struct world *w, unsigned i, char letter, const char *session,
                       const char *nonce)
{
    const struct auth_store_begin b = begin_of(letter, session, nonce);
    begin(w, i, &b);
}

static void a_deadlock_is_told_and_both_can_be_done_then(void **state)
{
    struct world *w = *state;

    begin_next(w, 0, 'a', "x", "n1");
    begin_next(w, 1, 'b', "y", "n2");
    for (unsigned i = 0; i < 2; i++) {
        pg_node_run(node_of(w, i), "BEGIN");
        is_done(w, i);
    }
    begin_next(w, 0, 'b', "x2", "n3");
    begin_next(w, 1, 'a', "y2", "n4");
    pg_node_start(node_of(w, 0));
    do_change(node_of(w, 1));
    pg_node_join(node_of(w, 0));
    const unsigned loser = node_of(w, 0)->refusal == 0; // whoever has noticed it
    assert_int_equal(node_of(w, loser)->refusal, PG_AGAIN);
    assert_int_equal(node_of(w, 1 - loser)->refusal, 0);
    pg_node_run(node_of(w, loser), "ROLLBACK");
    commit(w, 1 - loser, 0, loser ? "b/x2 g1 0-3600000" : "a/y2 g1 0-3600000");
    answers(w, loser, 0, loser ? "a/y2 g1 0-3600000" : "b/x2 g1 0-3600000");
}

static void what_is_tried_again_answers_by_what_is_there_then(void **state)
{
    struct world *w = *state;

    has_sessions(w, AUTH_SESSIONS_MAX);
    begin_plainly(w, 0, "x", "n1");
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    pg_run(&w->nodes, "DELETE FROM session WHERE name = 's7'");
    answers(w, 0, 0, "a/x g1 0-3600000"); // nothing had to end for it
    pg_expect(&w->nodes, "SELECT count(*) FROM revocation", "0");
}

static void a_proof_is_the_same_when_it_is_tried_again(void **state)
{
    struct world *w = *state;
    struct auth_store_begin b = begin_of('a', "s", "n");
    struct auth_store_refresh r = refresh_of("s", 1, 0);

    b.proof = proof_of(10, 'd', STR("ok"));
    begin(w, 0, &b);
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    answers(w, 0, 0, "a/s g1 0-3600000 10:dddddddddddddddddddddddddddddddd:ok");
    r.is_proven = true;
    refresh(w, 0, &r);
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    answers(w, 0, 0, "a/s g2 0-3600000 10:dddddddddddddddddddddddddddddddd:ok");
}

static void what_was_refused_once_may_be_done_the_next_time(void **state)
{
    struct world *w = *state;
    const struct auth_store_refresh r = refresh_of("s", 1, 0);

    begin_plainly(w, 1, "s", "n");
    pg_node_run(node_of(w, 1), "BEGIN");
    is_done(w, 1);
    refresh(w, 0, &r);
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    assert_int_equal(w->changes[0].r, AUTH_STORE_NO_SESSION);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    commit(w, 1, 0, "a/s g1 0-3600000");
    answers(w, 0, 0, "a/s g2 0-3600000");
}

// What is over.

static void two_nodes_forget_at_the_same_time(void **state)
{
    struct world *w = *state;

    pg_run(&w->nodes,
           "INSERT INTO nonce SELECT convert_to('n' || i, 'UTF8'), i"
           " FROM generate_series(1, 100) AS i");
    begin_plainly(w, 0, "x", "nx");
    const struct auth_store_begin b = begin_of('b', "y", "ny");
    begin(w, 1, &b);
    pg_node_run(node_of(w, 0), "BEGIN");
    is_done(w, 0);
    pg_expect(&w->nodes, "SELECT count(*) FROM nonce", "100");
    answers(w, 1, 0, "b/y g1 0-3600000");                     // it does not wait
    pg_expect(&w->nodes, "SELECT count(*) FROM nonce", "65"); // 64 are the first one's
    commit(w, 0, 0, "a/x g1 0-3600000");
    pg_expect(&w->nodes, "SELECT count(*) FROM nonce", "2");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        UNIT(one_of_two_nodes_uses_a_nonce),
        UNIT(a_nonce_is_free_again_when_its_user_was_not_committed),
        UNIT(two_nodes_make_one_next_generation),
        UNIT(what_was_reused_at_one_node_is_gone_at_the_other),
        UNIT(two_nodes_leave_an_account_with_as_many_sessions_as_it_may_have),
        UNIT(new_accounts_are_no_exception),
        UNIT(others_do_not_wait),
        UNIT(a_session_that_is_refreshed_meanwhile_is_not_the_surplus),
        UNIT(a_session_that_ends_meanwhile_leaves_room),
        UNIT(ending_all_ends_what_is_beginning_at_another_node),
        UNIT(positions_are_committed_in_their_order),
        UNIT(who_revokes_is_in_nobodys_way_before_it_is_written),
        UNIT(the_same_is_revoked_by_two_nodes_once),
        UNIT(a_deadlock_is_told_and_both_can_be_done_then),
        UNIT(what_is_tried_again_answers_by_what_is_there_then),
        UNIT(a_proof_is_the_same_when_it_is_tried_again),
        UNIT(what_was_refused_once_may_be_done_the_next_time),
        UNIT(two_nodes_forget_at_the_same_time),
    };
    return PG_WORLD_RUN("store_pg_auth", tests);
}
