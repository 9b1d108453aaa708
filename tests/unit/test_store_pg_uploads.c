/** Uploads in PostgreSQL, changed by two nodes at the same time. */
#include "store/pg_uploads.h"
#include "support/pg_nodes.h"
#include "support/uploads_world.h"

struct change {
    struct upload_change is;
    int r;
    int answered;
    char text[64]; // "~250", "accepted", "u1 u2"
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

    n->refusal = pg_uploads_change(n->link, &c->is, &c->r);
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

static void say_created(void *arg, int r, int64_t retry_after_ms)
{
    struct change *c = arg;

    c->answered = r;
    if (r == UPLOADS_QUOTA)
        snprintf(c->text, sizeof(c->text), "~%lld", (long long)retry_after_ms);
}

static void say_settled(void *arg, int r, enum upload_state state)
{
    struct change *c = arg;

    c->answered = r;
    if (r == 0)
        snprintf(c->text, sizeof(c->text), "%s", upload_state_name(state));
}

static void say_claimed(void *arg, int r, const str *ids, size_t n)
{
    struct change *c = arg;
    size_t len = 0;

    c->answered = r;
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(c->text + len, sizeof(c->text) - len, "%s" STR_FMT,
                                i > 0 ? " " : "", STR_ARG(ids[i]));
    }
}

static void say_removed(void *arg, int r)
{
    struct change *c = arg;
    c->answered = r;
}

static struct change *change_of(struct world *w, unsigned i)
{
    w->changes[i] = (struct change){.r = -1, .answered = -1};
    return &w->changes[i];
}

static void creates(struct world *w, unsigned i, const struct uploads_create *asked)
{
    struct change *c = change_of(w, i);
    upload_change_create(&c->is, asked, say_created, c);
}

static void settles(struct world *w, unsigned i, const char *id, enum upload_state state)
{
    struct change *c = change_of(w, i);
    const struct uploads_settle asked = settle_of(id, state);
    upload_change_settle(&c->is, &asked, say_settled, c);
}

static void claims(struct world *w, unsigned i, size_t max)
{
    struct change *c = change_of(w, i);
    struct uploads_claim asked = claim_at(0);
    asked.max = max;
    upload_change_claim(&c->is, &asked, say_claimed, c);
}

static void removes(struct world *w, unsigned i, const char *id)
{
    struct change *c = change_of(w, i);
    upload_change_remove(&c->is, str_of(id), say_removed, c);
}

/** In a transaction of its own; nobody is in its way. */
static void is_done(struct world *w, unsigned i)
{
    pg_node_run(node_of(w, i), "BEGIN");
    do_change(node_of(w, i));
    assert_int_equal(node_of(w, i)->refusal, 0);
}

/** Commit it, and this is what it is answered with. */
static void commit(struct world *w, unsigned i, int r, const char *want)
{
    struct change *c = &w->changes[i];

    pg_node_run(node_of(w, i), "COMMIT");
    upload_change_answer(&c->is, c->r);
    expect_int("r", c->answered, r);
    expect_str("answer", str_of(c->text), str_of(want));
}

static void answers(struct world *w, unsigned i, int r, const char *want)
{
    is_done(w, i);
    commit(w, i, r, want);
}

/** The first node is done, and is not committed; the second one waits for it. */
static void meet(struct world *w)
{
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

/** Announced by a, so long behind NOW it is over, and maybe it is accepted. */
static void has(struct world *w, const char *id, int64_t until_ms, bool is_accepted)
{
    char text[128];
    struct uploads_create c = create_of('a', id);

    c.until_ms = NOW + until_ms;
    creates(w, 0, &c);
    answers(w, 0, 0, "");
    if (!is_accepted)
        return;
    settles(w, 0, id, UPLOAD_ACCEPTED);
    answers(w, 0, 0, "accepted");
    snprintf(text, sizeof(text), "UPDATE upload SET until_ms = %lld WHERE id = '%s'",
             (long long)c.until_ms, id);
    pg_run(&w->nodes, text);
}

#define N_PENDING "SELECT n_pending FROM upload_quota"
#define FULL_AT   "SELECT full_at_ms - 1700000000000 FROM upload_quota"
#define IDS                                                                                    \
    "SELECT coalesce(string_agg(convert_from(id, 'UTF8') || state, ' ' ORDER BY id), '')"      \
    " FROM upload"

// Creating.

static void two_nodes_do_not_pass_a_quota(void **state)
{
    static const struct {
        const char *name;
        uint64_t quota_bytes;
        uint64_t max_pending;
        bool has_announced; // another one before
        int r;
        const char *want;
    } rows[] = {
        {"of bytes", UPLOADS_COST_MIN, PLENTY, false, UPLOADS_QUOTA, "~1000000"},
        {"of bytes, known", UINT64_C(2) * UPLOADS_COST_MIN, PLENTY, true, UPLOADS_QUOTA,
         "~500000"},
        {"of pending ones", QUOTA_BYTES, 1, false, UPLOADS_TOO_MANY, ""},
        {"of pending ones, known", QUOTA_BYTES, 2, true, UPLOADS_TOO_MANY, ""},
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct uploads_create c = create_of('a', "u0");
        c.quota_bytes = rows[i].quota_bytes;
        c.max_pending = rows[i].max_pending;
        if (rows[i].has_announced) {
            creates(w, 0, &c);
            answers(w, 0, 0, "");
        }
        c.upload.id = STR("u1");
        creates(w, 0, &c);
        c.upload.id = STR("u2");
        creates(w, 1, &c);
        meet(w);
        commit(w, 0, 0, "");
        part(w);
        commit(w, 1, rows[i].r, rows[i].want);
        pg_expect(&w->nodes, N_PENDING, rows[i].has_announced ? "2" : "1");
        pg_run(&w->nodes, "TRUNCATE upload, upload_quota");
    }
}

static void what_was_not_committed_takes_nothing(void **state)
{
    struct world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.max_pending = 1;
    creates(w, 0, &c);
    c.upload.id = STR("u2");
    creates(w, 1, &c);
    meet(w);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    part(w);
    commit(w, 1, 0, "");
    answers(w, 0, UPLOADS_TOO_MANY, ""); // tried again
    pg_expect(&w->nodes, IDS, "u20");
}

static void a_refusal_leaves_nothing_for_the_next_try(void **state)
{
    struct world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.quota_bytes = UPLOADS_COST_MIN;
    creates(w, 0, &c);
    answers(w, 0, 0, "");
    c.upload.id = STR("u2");
    creates(w, 0, &c);
    is_done(w, 0);
    assert_int_equal(w->changes[0].r, UPLOADS_QUOTA);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    pg_run(&w->nodes, "TRUNCATE upload_quota");
    answers(w, 0, 0, "");
    assert_int_equal(w->changes[0].is.create.retry_after_ms, 0);
}

// Settling.

static void the_first_of_two_nodes_settles(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, false);
    has(w, "u2", HOUR, false);
    settles(w, 0, "u1", UPLOAD_ACCEPTED);
    settles(w, 1, "u1", UPLOAD_REJECTED);
    meet(w);
    commit(w, 0, 0, "accepted");
    part(w);
    assert_false(w->changes[1].is.has_changed);
    commit(w, 1, 0, "accepted");
    pg_expect(&w->nodes, N_PENDING, "1");
}

static void two_nodes_settle_two_of_one_owner(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, false);
    has(w, "u2", HOUR, false);
    settles(w, 0, "u1", UPLOAD_ACCEPTED);
    settles(w, 1, "u2", UPLOAD_REJECTED);
    meet(w);
    commit(w, 0, 0, "accepted");
    part(w);
    commit(w, 1, 0, "rejected");
    pg_expect(&w->nodes, N_PENDING, "0");
}

static void what_is_being_claimed_is_not_there_to_be_settled(void **state)
{
    struct world *w = *state;

    has(w, "u1", 0, false);
    claims(w, 0, 1);
    settles(w, 1, "u1", UPLOAD_ACCEPTED);
    meet(w);
    commit(w, 0, 0, "u1");
    part(w);
    commit(w, 1, UPLOADS_NOT_FOUND, "");
    pg_expect(&w->nodes, N_PENDING, "0");
}

// Claiming.

static void two_nodes_claim_different_ones(void **state)
{
    struct world *w = *state;

    has(w, "u3", -3, true);
    has(w, "u1", -4, true);
    has(w, "u4", -1, true);
    has(w, "u2", -1, true);
    has(w, "u5", 1, true);
    claims(w, 0, 2);
    claims(w, 1, UPLOADS_CLAIM_MAX);
    is_done(w, 0);
    answers(w, 1, 0, "u2 u4"); // it does not wait
    commit(w, 0, 0, "u1 u3");
    claims(w, 1, UPLOADS_CLAIM_MAX);
    answers(w, 1, 0, "");
}

static void two_nodes_give_back_what_one_owner_has_taken(void **state)
{
    struct world *w = *state;

    has(w, "u1", -2, false);
    has(w, "u2", -1, false);
    has(w, "u3", HOUR, false);
    pg_expect(&w->nodes, FULL_AT, "3000");
    claims(w, 0, 1);
    claims(w, 1, 1);
    meet(w);
    commit(w, 0, 0, "u1");
    part(w);
    commit(w, 1, 0, "u2");
    pg_expect(&w->nodes, N_PENDING, "1");
    pg_expect(&w->nodes, FULL_AT, "1000");
}

static void what_is_settled_meanwhile_is_not_claimed(void **state)
{
    struct world *w = *state;

    has(w, "u1", 0, false);
    settles(w, 0, "u1", UPLOAD_ACCEPTED);
    is_done(w, 0);
    claims(w, 1, 1);
    answers(w, 1, 0, "");
    commit(w, 0, 0, "accepted");
    claims(w, 1, 1);
    answers(w, 1, 0, ""); // it ends later now
}

static void a_claim_that_is_tried_again_answers_by_what_is_over_then(void **state)
{
    struct world *w = *state;

    has(w, "u1", -2, true);
    has(w, "u2", -1, true);
    claims(w, 0, 2);
    is_done(w, 0);
    pg_node_run(node_of(w, 0), "ROLLBACK");
    claims(w, 1, 1);
    answers(w, 1, 0, "u1");
    answers(w, 0, 0, "u2");
}

static void two_nodes_remove_the_same(void **state)
{
    struct world *w = *state;

    has(w, "u1", 0, true);
    claims(w, 0, 1);
    answers(w, 0, 0, "u1");
    removes(w, 0, "u1");
    removes(w, 1, "u1");
    meet(w);
    commit(w, 0, 0, "");
    part(w);
    assert_false(w->changes[1].is.has_changed);
    commit(w, 1, 0, "");
    pg_expect(&w->nodes, IDS, "");
}

// Messages that have one.

/** What a group of messages does, in its transaction. */
static void keep(struct pg_node *n, const char *message)
{
    struct pg_upload u = {.id = STR("u1")};
    const struct pg_upload *kept[] = {&u};

    n->refusal = pg_uploads_look(n->link, &u, 1);
    assert_int_equal(n->refusal, 0);
    assert_int_equal(letter_of(&u.owner), 'a');
    pg_uploads_send_keep(n->link, kept, 1);
    pg_link_sync(n->link);
    n->refusal = pg_link_result(n->link, NULL);
    assert_int_equal(n->refusal, 0);
    pg_node_run(n, message);
}

#define MESSAGE(seq)                                                                           \
    "INSERT INTO message VALUES (1, " #seq ", " #seq ", 0, 0, 1, 2, 0, 0, 't', 'k" #seq        \
    "', 'd', 'c', 'u1')"
#define IS_KEPT "SELECT CASE WHEN is_kept THEN 'kept' ELSE 'until ' || until_ms END FROM upload"

static void has_message(struct world *w, const char *message)
{
    pg_node_run(node_of(w, 0), "BEGIN");
    keep(node_of(w, 0), message);
    pg_node_run(node_of(w, 0), "COMMIT");
}

static void what_is_accepted_has_an_owner_who_may_send_it(void **state)
{
    static const char *const ids[] = {"missing", "u1", "u2", "u3", "v"};
    struct world *w = *state;
    const bool is_accepted[] = {false, true, false, true, false};
    struct pg_upload all[COUNT_OF(ids)];

    has(w, "u1", HOUR, true);
    has(w, "u2", HOUR, false);
    has(w, "u3", HOUR, true);
    for (unsigned i = 0; i < COUNT_OF(ids); i++)
        all[i] = (struct pg_upload){.id = str_of(ids[i]), .owner = who('x')};
    pg_node_run(node_of(w, 0), "BEGIN");
    const int r = pg_uploads_look(node_of(w, 0)->link, all, COUNT_OF(all));
    assert_int_equal(r, 0);
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        const account want = is_accepted[i] ? who('a') : (account){0};
        expect_int(ids[i], account_eq(&all[i].owner, &want), true);
    }
    pg_node_run(node_of(w, 0), "COMMIT");
}

static void what_a_message_is_about_to_keep_is_not_claimed(void **state)
{
    struct world *w = *state;

    has(w, "u1", 0, true);
    pg_node_run(node_of(w, 0), "BEGIN");
    keep(node_of(w, 0), MESSAGE(1));
    claims(w, 1, 1);
    answers(w, 1, 0, "");
    pg_node_run(node_of(w, 0), "COMMIT");
    claims(w, 1, 1);
    answers(w, 1, 0, "");
    pg_expect(&w->nodes, IS_KEPT, "kept");
}

static void an_upload_ends_with_its_last_message(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, true);
    has_message(w, MESSAGE(1));
    has_message(w, MESSAGE(2));
    pg_run(&w->nodes, "DELETE FROM message WHERE seq = 1");
    pg_expect(&w->nodes, IS_KEPT, "kept");
    pg_run(&w->nodes, "UPDATE message SET upload = NULL");
    pg_expect(&w->nodes, IS_KEPT, "until 0");
    claims(w, 0, 1);
    answers(w, 0, 0, "u1");
}

static void messages_of_one_upload_may_be_deleted_at_once(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, true);
    has_message(w, MESSAGE(1));
    has_message(w, MESSAGE(2));
    pg_run(&w->nodes, "DELETE FROM message");
    pg_expect(&w->nodes, IS_KEPT, "until 0");
}

static void delete_second(struct pg_node *n)
{
    n->refusal = pg_link_run(n->link, "DELETE FROM message WHERE seq = 2");
}

static void the_last_two_may_be_deleted_at_the_same_time(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, true);
    has_message(w, MESSAGE(1));
    has_message(w, MESSAGE(2));
    pg_node_run(node_of(w, 0), "BEGIN");
    pg_node_run(node_of(w, 0), "DELETE FROM message WHERE seq = 1");
    node_of(w, 1)->fn = delete_second;
    pg_node_start(node_of(w, 1));
    pg_node_run(node_of(w, 0), "COMMIT");
    part(w);
    pg_expect(&w->nodes, IS_KEPT, "until 0");
}

static void a_message_that_comes_while_another_goes_keeps_it(void **state)
{
    struct world *w = *state;

    has(w, "u1", HOUR, true);
    has_message(w, MESSAGE(2));
    pg_node_run(node_of(w, 0), "BEGIN");
    keep(node_of(w, 0), MESSAGE(3));
    node_of(w, 1)->fn = delete_second;
    pg_node_start(node_of(w, 1));
    pg_node_run(node_of(w, 0), "COMMIT");
    part(w);
    pg_expect(&w->nodes, IS_KEPT, "kept");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        UNIT(two_nodes_do_not_pass_a_quota),
        UNIT(what_was_not_committed_takes_nothing),
        UNIT(a_refusal_leaves_nothing_for_the_next_try),
        UNIT(the_first_of_two_nodes_settles),
        UNIT(two_nodes_settle_two_of_one_owner),
        UNIT(what_is_being_claimed_is_not_there_to_be_settled),
        UNIT(two_nodes_claim_different_ones),
        UNIT(two_nodes_give_back_what_one_owner_has_taken),
        UNIT(what_is_settled_meanwhile_is_not_claimed),
        UNIT(a_claim_that_is_tried_again_answers_by_what_is_over_then),
        UNIT(two_nodes_remove_the_same),
        UNIT(what_is_accepted_has_an_owner_who_may_send_it),
        UNIT(what_a_message_is_about_to_keep_is_not_claimed),
        UNIT(an_upload_ends_with_its_last_message),
        UNIT(messages_of_one_upload_may_be_deleted_at_once),
        UNIT(the_last_two_may_be_deleted_at_the_same_time),
        UNIT(a_message_that_comes_while_another_goes_keeps_it),
    };
    return PG_WORLD_RUN("store_pg_uploads", tests);
}
