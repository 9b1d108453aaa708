/** What every backend of chat/store.h must do with blocks: one suite, run on each. */
#include "support/store_contacts.h"

/** Whether this message is withheld, asked by sending it once more. */
static void expect_withheld(struct store_world *w, char from, char to, const char *key,
                            bool is_withheld)
{
    const struct store_append what = message(from, to, key, key);
    const struct store_answer a = append(w, &what);

    assert_true(a.is_duplicate);
    expect_int(key, a.is_withheld, is_withheld);
}

// What a block withholds.

static void what_a_blocked_one_sends_is_withheld(void **state)
{
    struct store_world *w = *state;

    assert_false(put(w, 'a', 'b', "1", 1).is_withheld);
    mark(w, 'b', 'a', 0, 1, NULL);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    assert_true(put(w, 'a', 'b', "2", 2).is_withheld);
    assert_true(put(w, 'a', 'b', "3", 3).is_withheld);
    assert_false(put(w, 'a', 'c', "1", 1).is_withheld);
    assert_false(put(w, 'c', 'b', "1", 1).is_withheld);
    history(w, 'b', 'a', "a1r a2x a3x");
    due(w, 'b', 0, 0, "a1r c1");
    due(w, 'b', store_horizon(w->store), 0, "c1");
    assert_int_equal(ask_unread(w, 'b'), 1);
    conversation(w, 'b', 'a', "[a?! u0 a1r last3]");
}

static void what_comes_next_is_behind_what_was_withheld(void **state)
{
    struct store_world *w = *state;

    const struct store_answer seen = put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    const struct store_answer withheld = put(w, 'a', 'b', "2", 2);
    assert_int_equal(withheld.previous, seen.position);
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+");
    assert_int_equal(put(w, 'b', 'a', "3", 3).previous, withheld.position);
}

static void a_block_withholds_what_is_stored_and_undelivered(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    put(w, 'b', 'a', "3", 3);
    put(w, 'a', 'b', "4", 4);
    mark(w, 'b', 'a', 1, 0, NULL);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    mark(w, 'b', 'a', 0, 0, "a 1 0"); // marks stay where they are
    history(w, 'b', 'a', "a1d a2x b3 a4x");
    due(w, 'b', 0, 0, "a1d b3"); // own ones between are not withheld
    due(w, 'b', store_horizon(w->store), 0, "");
    conversation(w, 'b', 'a', "[a! u1 a4x]"); // a1 is not read
    expect_withheld(w, 'a', 'b', "1", false);
    expect_withheld(w, 'a', 'b', "2", true);
    expect_withheld(w, 'a', 'b', "4", true);
    expect_withheld(w, 'b', 'a', "3", false);
}

static void what_was_withheld_stays_so_after_the_unblock(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    put(w, 'a', 'b', "2", 2);
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+");
    assert_false(put(w, 'a', 'b', "3", 3).is_withheld);
    history(w, 'b', 'a', "a1x a2x a3");
    due(w, 'b', 0, 0, "a3");
    due(w, 'b', store_horizon(w->store), 0, "a3");
    conversation(w, 'b', 'a', "[a? u1 a3]");
    expect_withheld(w, 'a', 'b', "1", true);
    expect_withheld(w, 'a', 'b', "2", true);
    expect_withheld(w, 'a', 'b', "3", false);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+"); // once more
    history(w, 'b', 'a', "a1x a2x a3x");
    due(w, 'b', 0, 0, "");
    expect_withheld(w, 'a', 'b', "3", true);
}

static void marks_pass_over_what_was_withheld(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "2", 2);
    mark(w, 'b', 'a', 1, 0, "a 1+ 0");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    put(w, 'a', 'b', "3", 3);
    put(w, 'a', 'b', "4", 4);
    mark(w, 'b', 'a', 3, 0, "a 3+ 0");
    due(w, 'b', store_horizon(w->store), 0, "a4");
    conversation(w, 'b', 'a', "[a? u2 a4]"); // 3 and 4
    mark(w, 'b', 'a', 0, 3, "a 3 3+");
    conversation(w, 'b', 'a', "[a? u1 a4]");
    history(w, 'b', 'a', "a1rx a2rx a3r a4");
    history(w, 'a', 'b', "a1r a2r a3r a4"); // as its sender may see
}

static void what_was_delivered_is_withheld_no_more(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    mark(w, 'b', 'a', 2, 0, NULL);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    history(w, 'b', 'a', "a1d a2d");
    conversation(w, 'b', 'a', "[a?! u2 a2d]");
    assert_int_equal(ask_unread(w, 'b'), 1);
    due(w, 'b', 0, 0, "a1d a2d");
    mark(w, 'b', 'a', 0, 2, "a 2 2+");
    assert_int_equal(ask_unread(w, 'b'), 0);
}

static void nothing_withheld_is_unread(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'b', "1", 1);
    assert_int_equal(ask_unread(w, 'b'), 2);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    assert_int_equal(ask_unread(w, 'b'), 1);
    put(w, 'a', 'b', "2", 2);
    assert_int_equal(ask_unread(w, 'b'), 1);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    assert_int_equal(ask_unread(w, 'b'), 1);
    put(w, 'a', 'b', "3", 3);
    assert_int_equal(ask_unread(w, 'b'), 2);
    mark(w, 'b', 'a', 0, 2, NULL);
    assert_int_equal(ask_unread(w, 'b'), 2);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    assert_int_equal(ask_unread(w, 'b'), 1);
}

static void each_side_has_its_own_block(void **state)
{
    struct store_world *w = *state;
    const struct store_append to_b = message('a', 'b', "k", "k");
    const struct store_append to_a = message('b', 'a', "k", "k");

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "3", 3);
    refused(w, &to_a, STORE_FORBIDDEN);
    contact(w, 'a', CHAT_BLOCK, 'b', NULL);
    refused(w, &to_a, STORE_FORBIDDEN);
    refused(w, &to_b, STORE_FORBIDDEN);
    history(w, 'a', 'b', "a1 b2x a3");
    history(w, 'b', 'a', "a1x b2 a3x");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    refused(w, &to_b, STORE_FORBIDDEN);
    assert_true(append(w, &to_a).is_withheld);
    contact(w, 'a', CHAT_UNBLOCK, 'b', NULL);
    assert_false(append(w, &to_b).is_withheld);
    history(w, 'a', 'b', "a1 b2x a3 b4x a5");
    history(w, 'b', 'a', "a1x b2 a3x b4 a5");
}

// What the one who blocks sees.

static void a_stub_says_who_and_when_and_no_more(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "key", "\"secret\"");

    put(w, 'b', 'a', "k", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    what.reply_to = 1;
    what.now_ms = NOW + 5;
    assert_int_equal(append(w, &what).seq, 2);
    w->in_full = true;
    history(w, 'b', 'a',
            "b1>a c1 @1 t1700000000000 re0 text/k/k "
            "a2x>b c1 @3 t1700000000005 re0 gone//null more0 upto1");
    history(w, 'a', 'b',
            "b1>a c1 @1 t1700000000000 re0 text//k "
            "a2>b c1 @3 t1700000000005 re1 text/key/\"secret\" more0 upto1");
}

static void what_comes_withheld_does_not_move_a_conversation(void **state)
{
    struct store_world *w = *state;
    struct store_append late = message('a', 'b', "late", "late");

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    late.now_ms = NOW + 9;
    assert_int_equal(append(w, &late).at_ms, NOW + 9);
    listed(w, 'b', "[c? u1 c1] [a?! u0 a1x last2]");
    assert_int_equal(conversation(w, 'b', 'a', NULL).at_ms, NOW); // updated_at_ms
    listed(w, 'a', "[b u0 a2]");
    assert_int_equal(conversation(w, 'a', 'b', NULL).at_ms, NOW + 9);
    changes(w, 'b', 0, "[a?! u0 a1x last2]");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    listed(w, 'b', "[c? u1 c1] [a? u0 a1x last2]");
    put(w, 'b', 'a', "2", 3); // its own does
    listed(w, 'b', "[a u0 b3] [c? u1 c1]");
}

static void a_list_goes_on_behind_what_came_withheld(void **state)
{
    struct store_world *w = *state;
    struct store_list l = {.account = who('b'), .max_conversations = 1, .max_bytes = PLENTY};

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'c', NULL);
    put(w, 'd', 'b', "1", 1);
    put(w, 'c', 'b', "2", 2);
    struct store_answer a = ask_list(w, &l, 0, "[d? u1 d1]");
    l.before = a.upto;
    a = ask_list(w, &l, 0, "[c?! u0 c1x last2]");
    l.before = a.upto;
    a = ask_list(w, &l, 0, "[a? u1 a1]");
    assert_int_equal(a.upto, 0);
}

static void a_conversation_with_nothing_but_withheld_messages_is_not_listed(void **state)
{
    struct store_world *w = *state;

    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "1", 1);
    listed(w, 'b', "");
    due(w, 'b', 0, 0, "");
    assert_int_equal(conversation(w, 'b', 'a', "[a?! u0 last1]").at_ms, 0);
    changes(w, 'b', 0, "[a?! u0 last1]");
    history(w, 'b', 'a', "a1x");
    listed(w, 'a', "[b u0 a1]");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    listed(w, 'b', "");
    put(w, 'a', 'b', "2", 2);
    listed(w, 'b', "[a? u1 a2]");
}

static void a_stub_counts_as_many_bytes_as_it_has(void **state)
{
    struct store_world *w = *state;
    struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = PLENTY, .max_bytes = 9};
    struct store_list l = {.account = who('b'), .max_conversations = 9, .max_bytes = 5};
    struct store_changes c = {.account = who('b'), .max_conversations = 9, .max_bytes = 5};

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    put(w, 'a', 'b', "a long one", 3);
    put(w, 'a', 'b', "3", 4);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL); // 4, 1, 4 and 4 bytes
    assert_true(ask_history(w, &h, 0, "b2 a3x a4x").has_more);
    h.max_bytes = 8;
    assert_true(ask_history(w, &h, 0, "a3x a4x").has_more);
    h.max_bytes = 13;
    assert_false(ask_history(w, &h, 0, "a1x b2 a3x a4x").has_more);
    h.after = 1;
    h.max_bytes = 8;
    assert_true(ask_history(w, &h, 0, "b2 a3x").has_more);

    put(w, 'b', 'c', "1", 1);
    ask_list(w, &l, 0, "[c u0 b1] [a! u0 a4x]");
    contact(w, 'b', CHAT_BLOCK, 'c', NULL);
    ask_changes(w, &c, 0, "[a! u0 a4x] [c! u0 b1]");
    l.max_bytes = 4;
    ask_list(w, &l, 0, "[c! u0 b1]");
    c.max_bytes = 4;
    ask_changes(w, &c, 0, "[a! u0 a4x]");
}

static void pages_of_what_is_due_pass_over_what_is_withheld(void **state)
{
    struct store_world *w = *state;
    struct store_read r = {.account = who('b'), .max_messages = 1, .max_bytes = PLENTY};
    char key[8];

    for (unsigned i = 0; i < 60; i++) { // every second ten are withheld
        if (i % 10 == 0)
            contact(w, 'b', i % 20 ? CHAT_UNBLOCK : CHAT_BLOCK, 'a', NULL);
        snprintf(key, sizeof(key), "%u", i);
        put(w, 'a', 'b', key, i + 1);
        if (i % 10 == 9)
            mark(w, 'b', 'a', i + 1, 0, NULL);
    }
    due(w, 'b', store_horizon(w->store), 0, "");
    for (unsigned i = 0; i < 60; i++) {
        char want[16];
        if (i / 10 % 2 == 0)
            continue;
        snprintf(want, sizeof(want), "a%ud", i + 1);
        const struct store_answer page = ask_read(w, &r, 0, want);
        assert_int_equal(page.has_more, i < 59);
        r.after = page.upto;
    }
}

// What the one who is blocked sees.

static void nothing_is_different_for_who_is_blocked(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "2", "2");

    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'd', 'a', "1", 1);
    what.reply_to = 1;
    const struct store_answer sent = append(w, &what);
    assert_int_equal(sent.r, 0);
    assert_int_equal(sent.seq, 2);
    const struct store_answer again = append(w, &what);
    assert_true(again.is_duplicate);
    assert_int_equal(again.position, sent.position);
    what.digest[0] ^= 1;
    refused(w, &what, STORE_CONFLICT);
    history(w, 'a', 'b', "a1 a2");
    listed(w, 'a', "[b u0 a2] [d? u1 d1]");
    conversation(w, 'a', 'b', "[b u0 a2]");
    due(w, 'a', 0, 0, "a1 d1 a2");
    due(w, 'a', sent.position - 1, 0, "d1 a2");
    changes(w, 'a', 0, "");
    moved(w, 'a', 0, "");
    relations(w, 'a', "b", "c1");
}

static void to_write_to_whom_one_blocks_is_forbidden(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "k", "k");

    contact(w, 'a', CHAT_BLOCK, 'b', NULL);
    refused(w, &what, STORE_FORBIDDEN);
    contact(w, 'a', CHAT_ACCEPT, 'b', NULL); // is blocked still
    refused(w, &what, STORE_FORBIDDEN);
    what.reply_to = 1;
    refused(w, &what, STORE_NO_SUCH_SEQ);
    what.reply_to = 0;
    put(w, 'a', 'c', "k", 1);
    contact(w, 'a', CHAT_UNBLOCK, 'b', NULL);
    assert_int_equal(append(w, &what).seq, 1);
    contact(w, 'a', CHAT_BLOCK, 'b', NULL);
    assert_true(append(w, &what).is_duplicate); // was stored before
    what.digest[0] ^= 1;
    refused(w, &what, STORE_CONFLICT);
}

static void what_is_withheld_may_be_replied_to(void **state)
{
    struct store_world *w = *state;
    struct store_append reply = message('b', 'a', "k", "k");

    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    reply.reply_to = 1;
    assert_int_equal(append(w, &reply).seq, 2);
}

static void a_block_withholds_all_of_many(void **state)
{
    struct store_world *w = *state;
    struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 2, .max_bytes = 99};
    char key[16];

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        put(w, 'a', 'b', key, i + 1);
    }
    put(w, 'c', 'b', "1", 1);
    mark(w, 'b', 'a', 500, 400, NULL);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    h.before = 502;
    ask_history(w, &h, 0, "a500d a501x");
    h.before = 0;
    ask_history(w, &h, 0, "a999x a1000x");
    conversation(w, 'b', 'a', "[a?! u100 a1000x]");
    const struct store_read r = {
        .account = who('b'), .after = 499, .max_messages = 3, .max_bytes = 99};
    ask_read(w, &r, 0, "a500d c1");
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+");
    put(w, 'a', 'b', "more", 1001);
    ask_read(w, &r, 0, "a500d c1 a1001");
    conversation(w, 'b', 'a', "[a? u101 a1001]");
}

// The suite.

static struct store_limits plenty = {PLENTY_OF_ALL};

#define SUITE(backend)                                                                         \
    TEST(backend, what_a_blocked_one_sends_is_withheld, plenty),                               \
        TEST(backend, what_comes_next_is_behind_what_was_withheld, plenty),                    \
        TEST(backend, a_block_withholds_what_is_stored_and_undelivered, plenty),               \
        TEST(backend, what_was_withheld_stays_so_after_the_unblock, plenty),                   \
        TEST(backend, marks_pass_over_what_was_withheld, plenty),                              \
        TEST(backend, what_was_delivered_is_withheld_no_more, plenty),                         \
        TEST(backend, nothing_withheld_is_unread, plenty),                                     \
        TEST(backend, each_side_has_its_own_block, plenty),                                    \
        TEST(backend, a_stub_says_who_and_when_and_no_more, plenty),                           \
        TEST(backend, what_comes_withheld_does_not_move_a_conversation, plenty),               \
        TEST(backend, a_list_goes_on_behind_what_came_withheld, plenty),                       \
        TEST(backend, a_conversation_with_nothing_but_withheld_messages_is_not_listed,         \
             plenty),                                                                          \
        TEST(backend, a_stub_counts_as_many_bytes_as_it_has, plenty),                          \
        TEST(backend, pages_of_what_is_due_pass_over_what_is_withheld, plenty),                \
        TEST(backend, nothing_is_different_for_who_is_blocked, plenty),                        \
        TEST(backend, to_write_to_whom_one_blocks_is_forbidden, plenty),                       \
        TEST(backend, what_is_withheld_may_be_replied_to, plenty),                             \
        TEST(backend, a_block_withholds_all_of_many, plenty)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_block", on_postgres);
    return cmocka_run_group_tests_name("store_block", tests, NULL, NULL);
}
