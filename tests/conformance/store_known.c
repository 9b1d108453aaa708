/** What of a side's marks every backend of chat/store.h lets the other side know: one suite,
 * run on each. */
#include "support/store_contacts.h"

/** A receipt that moves something, and whether the peer knows. */
static struct store_answer marks(struct store_world *w, char by, char peer, uint64_t delivered,
                                 uint64_t read, bool is_known)
{
    const struct store_answer a = mark(w, by, peer, delivered, read, NULL);

    assert_true(a.position > 0);
    expect_int("known", a.is_known, is_known);
    return a;
}

/** The marks of a conversation, its own and the other side's. */
static void both_marks(struct store_world *w, char letter, char peer, const char *want)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    struct store_answer a;

    w->in_full = true;
    answer_init(&a, w);
    store_conversation(w->store, &c, on_conversation, &a);
    answer_await(&a);
    w->in_full = false;
    assert_int_equal(a.r, 0);
    str text = buf_str(&a.text);
    while (text.len > 0 && !str_starts(text, STR("mine ")))
        str_take(&text, 1);
    expect_str("marks", text, str_of(want));
    answer_fini(&a);
}

/** Three messages from a to b. */
static void write_three(struct store_world *w)
{
    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    put(w, 'a', 'b', "3", 3);
}

// Blocks. Here strangers know.

static void a_block_stops_what_is_known(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    marks(w, 'b', 'a', 2, 1, true);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    const int64_t before = store_horizon(w->store);
    marks(w, 'b', 'a', 3, 2, false);
    history(w, 'a', 'b', "a1r a2d a3");
    history(w, 'b', 'a', "a1r a2r a3dx");
    both_marks(w, 'a', 'b', "mine 0 0 theirs 2 1");
    both_marks(w, 'b', 'a', "mine 3 2 theirs 0 0");
    conversation(w, 'a', 'b', "[b u0 a3]");
    listed(w, 'a', "[b u0 a3]");
    due(w, 'a', 0, 0, "a1r a2d a3");
    moved(w, 'a', 0, "bd2 br1");
    moved(w, 'a', before, "");
    moved(w, 'b', 0, "bd3 br2"); // its own it knows
    mark(w, 'b', 'a', 0, 0, "a 3 2");
    const struct store_append again = message('a', 'b', "2", "2");
    w->in_full = true;
    struct store_answer a;
    answer_init(&a, w);
    store_append(w->store, &again, on_append, &a);
    answer_await(&a);
    assert_true(str_starts(buf_str(&a.text), STR("a2d>")));
    answer_fini(&a);
}

static void the_unblock_lets_it_be_known(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    marks(w, 'b', 'a', 2, 1, true);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    const int64_t own = marks(w, 'b', 'a', 0, 3, false).position;
    const int64_t before = store_horizon(w->store);
    const int64_t known = contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ bd3 br3").position;
    assert_true(known > before);
    history(w, 'a', 'b', "a1r a2r a3r");
    both_marks(w, 'a', 'b', "mine 0 0 theirs 3 3");
    moved(w, 'a', known - 1, "bd3 br3");
    moved(w, 'a', known, "");
    moved(w, 'b', own, ""); // its own have not moved
    moved(w, 'b', own - 1, "bd3 br3");
    marks(w, 'a', 'b', 1, 0, true);
    put(w, 'a', 'b', "4", 4);
    marks(w, 'b', 'a', 4, 0, true);
    moved(w, 'a', known, "ad1 bd4");
}

static void what_becomes_known_has_its_details(void **state)
{
    struct store_world *w = *state;
    struct store_receipt r = receipt_at('b', 'a', 2, 0);

    write_three(w);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL); // @4
    r.now_ms = 77;
    ask_receipt(w, &r, 0, "a 2+ 0");
    r.read_seq = 1;
    r.now_ms = 88;
    ask_receipt(w, &r, 0, "a 2 1+"); // @6
    w->in_full = true;
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ c1 @7 bd2<a c1 @7 t77 br1<a c1 @7 t88");
    moved(w, 'a', 0, "bd2<a c1 @7 t77 br1<a c1 @7 t88 more0 upto7");
    moved(w, 'b', 0, "bd2<a c1 @5 t77 br1<a c1 @6 t88 more0 upto7");
}

static void only_what_has_moved_becomes_known(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    const int64_t first = marks(w, 'b', 'a', 2, 0, true).position;
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+"); // nothing has
    moved(w, 'a', first, "");
    moved(w, 'a', first - 1, "bd2");
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    marks(w, 'b', 'a', 0, 1, false);
    marks(w, 'b', 'a', 0, 2, false);
    const int64_t read = contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ br2").position;
    moved(w, 'a', first - 1, "bd2 br2");
    moved(w, 'a', first, "br2");
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    marks(w, 'b', 'a', 3, 0, false);
    contact(w, 'b', CHAT_BLOCK, 'a', "a");   // is blocked still
    contact(w, 'b', CHAT_ACCEPT, 'a', "a+"); // and still
    moved(w, 'a', 0, "bd2 br2");
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ bd3");
    moved(w, 'a', read - 1, "br2 bd3");
}

static void a_block_hides_the_blockers_marks_alone(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    marks(w, 'a', 'b', 0, 2, true); // who is blocked does not know
    marks(w, 'b', 'a', 1, 0, false);
    history(w, 'b', 'a', "a1dx b2r");
    history(w, 'a', 'b', "a1 b2r");
    both_marks(w, 'b', 'a', "mine 1 0 theirs 2 2");
    both_marks(w, 'a', 'b', "mine 2 2 theirs 0 0");
    moved(w, 'b', 0, "ad2 ar2 bd1");
    moved(w, 'a', 0, "ad2 ar2");
    contact(w, 'a', CHAT_BLOCK, 'b', NULL);
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ bd1");
    both_marks(w, 'a', 'b', "mine 2 2 theirs 1 0");
}

static void a_sender_may_see_what_was_withheld_as_delivered_after_the_unblock(void **state)
{
    struct store_world *w = *state;

    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+");
    history(w, 'a', 'b', "a1");
    put(w, 'a', 'b', "2", 2);
    marks(w, 'b', 'a', 2, 0, true);
    history(w, 'a', 'b', "a1d a2d");
}

static void strangers_know_unless_told_otherwise(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    const int64_t position = marks(w, 'b', 'a', 2, 1, true).position;
    conversation(w, 'b', 'a', "[a? u2 a3]");
    moved(w, 'a', 0, "bd2 br1");
    contact(w, 'b', CHAT_ACCEPT, 'a', "a+");
    moved(w, 'a', position, "");
    const struct store_append reply = message('b', 'a', "r", "r");
    struct store_answer a;
    answer_init(&a, w);
    store_append(w->store, &reply, on_append, &a);
    answer_await(&a);
    expect_str("nothing new", buf_str(&a.text), STR("b4"));
    answer_fini(&a);
}

// Where only accepted peers know.

static void a_stranger_does_not_know(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    marks(w, 'b', 'a', 2, 1, false);
    history(w, 'a', 'b', "a1 a2 a3");
    history(w, 'b', 'a', "a1r a2d a3");
    both_marks(w, 'a', 'b', "mine 0 0 theirs 0 0");
    moved(w, 'a', 0, "");
    moved(w, 'b', 0, "bd2 br1");
    const int64_t known = contact(w, 'b', CHAT_ACCEPT, 'a', "a+ bd2 br1").position;
    history(w, 'a', 'b', "a1r a2d a3");
    both_marks(w, 'a', 'b', "mine 0 0 theirs 2 1");
    moved(w, 'a', known - 1, "bd2 br1");
    moved(w, 'b', known - 1, "");
    marks(w, 'b', 'a', 3, 0, true);
    history(w, 'a', 'b', "a1r a2d a3d");
}

static void a_message_lets_it_be_known_as_well(void **state)
{
    struct store_world *w = *state;
    const struct store_append reply = message('b', 'a', "r", "r");
    struct store_receipt r = receipt_at('b', 'a', 2, 0);
    struct store_answer a;

    write_three(w);
    r.now_ms = 77;
    ask_receipt(w, &r, 0, "a 2+ 0"); // @4
    put(w, 'c', 'a', "1", 1);
    for (unsigned i = 0; i < 2; i++) {
        answer_init(&a, w);
        w->in_full = true;
        store_append(w->store, &reply, on_append, &a);
        answer_await(&a);
        w->in_full = false;
        expect_int("accepted", a.is_accepted, i == 0);
        assert_int_equal(a.position, 6);
        expect_str("answer", buf_str(&a.text),
                   i == 0 ? STR("b4>a c1 @6 t1700000000000 re0 text/r/r bd2<a c1 @6 t77 dup0")
                          : STR("b4>a c1 @6 t1700000000000 re0 text/r/r dup1"));
        answer_fini(&a);
    }
    history(w, 'a', 'b', "a1d a2d a3 b4");
    moved(w, 'a', 5, "bd2");
    moved(w, 'a', 6, "");
    moved(w, 'b', 4, "");
    due(w, 'a', 6, 5, "b4");
}

static void a_message_that_is_withheld_does_so_too(void **state)
{
    struct store_world *w = *state;
    const struct store_append reply = message('b', 'a', "r", "r");
    struct store_answer a;

    write_three(w);
    marks(w, 'b', 'a', 2, 0, false);
    contact(w, 'a', CHAT_BLOCK, 'b', "b+");
    answer_init(&a, w);
    store_append(w->store, &reply, on_append, &a);
    answer_await(&a);
    assert_true(a.is_withheld && a.is_accepted);
    expect_str("answer", buf_str(&a.text), STR("b4 bd2")); // it is b who lets it be known
    history(w, 'a', 'b', "a1d a2d a3 b4x");
    moved(w, 'a', a.position - 1, "bd2");
    answer_fini(&a);
}

static void a_message_with_nothing_to_tell_tells_nothing(void **state)
{
    struct store_world *w = *state;
    const struct store_append reply = message('b', 'a', "r", "r");
    struct store_answer a;

    write_three(w);
    answer_init(&a, w);
    store_append(w->store, &reply, on_append, &a);
    answer_await(&a);
    assert_true(a.is_accepted);
    expect_str("answer", buf_str(&a.text), STR("b4"));
    moved(w, 'a', 0, "");
    answer_fini(&a);
}

static void a_peer_must_be_accepted_and_not_blocked_to_know(void **state)
{
    struct store_world *w = *state;

    write_three(w);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    marks(w, 'b', 'a', 1, 0, false);
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+"); // is a stranger still
    marks(w, 'b', 'a', 2, 0, false);
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    contact(w, 'b', CHAT_ACCEPT, 'a', "a+"); // is blocked still
    marks(w, 'b', 'a', 0, 1, false);
    moved(w, 'a', 0, "");
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+ bd2 br1");
    moved(w, 'a', 0, "bd2 br1");
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    contact(w, 'a', CHAT_ACCEPT, 'b', "b"); // is the other side's
    marks(w, 'b', 'a', 3, 0, false);
    both_marks(w, 'a', 'b', "mine 0 0 theirs 2 1");
}

static void who_writes_is_known_from_its_first_mark(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    marks(w, 'a', 'b', 0, 2, true);
    marks(w, 'b', 'a', 1, 0, true);
    moved(w, 'a', 0, "ad2 ar2 bd1");
    moved(w, 'b', 0, "ad2 ar2 bd1");
}

static void pages_of_what_became_known_do_not_part_it(void **state)
{
    struct store_world *w = *state;
    struct store_receipts r = {.account = who('a'), .max_receipts = 2};

    for (const char *peer = "bcd"; *peer; peer++) {
        put(w, 'a', *peer, "1", 1);
        put(w, 'a', *peer, "2", 2);
        marks(w, *peer, 'a', 2, 0, false);
    }
    marks(w, 'c', 'a', 0, 1, false);
    marks(w, 'd', 'a', 0, 2, false);
    for (const char *peer = "bcd"; *peer; peer++)
        contact(w, *peer, CHAT_ACCEPT, 'a', NULL);
    struct store_answer a = ask_receipts(w, &r, 0, "bd2");
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_receipts(w, &r, 0, "cd2 cr1");
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_receipts(w, &r, 0, "dd2 dr2");
    assert_false(a.has_more);
    assert_int_equal(a.upto, store_horizon(w->store));
}

/** Its receipt is under way: the one before it was answered, and somebody may have been told.
 */
static void a_mark_that_moves_on_is_not_missing(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt mark = {
        .by = who('b'), .place = {.peer = who('a')}, .delivered_seq = 2, .now_ms = 1};
    const struct store_append a = message('c', 'd', "3", "3"); // receipts wait for one
    struct store_answer marked;
    struct store_answer sent;
    struct store_answer page;

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    const int64_t before = store_horizon(w->store);
    marks(w, 'b', 'a', 1, 0, true);
    answer_init(&marked, w);
    answer_init(&sent, w);
    answer_init(&page, w);
    store_receipt(w->store, &mark, on_receipt, &marked);
    store_append(w->store, &a, on_append, &sent);
    give_time(w);
    const int64_t horizon = store_horizon(w->store);
    store_receipts(
        w->store,
        &(struct store_receipts){.account = who('a'), .after = before, .max_receipts = 9},
        on_receipts, &page);
    answer_await(&page);
    while (marked.times == 0 || sent.times == 0)
        loop_run_once(w->loop);
    assert_true(page.upto >= horizon);
    expect_str("receipts", buf_str(&page.text),
               page.upto >= marked.position ? STR("bd2") : STR("bd1"));
    moved(w, 'a', page.upto, page.upto >= marked.position ? "" : "bd2");
    answer_fini(&marked);
    answer_fini(&sent);
    answer_fini(&page);
}

/** What ends the block, and the wait for marks, is on its way when the pages are asked for. */
static void a_contact_that_is_changed_again_is_not_missing(void **state)
{
    struct store_world *w = *state;
    const struct store_contact c = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_ACCEPT, .now_ms = NOW};
    struct store_answer done;
    struct store_answer changed;
    struct store_answer receipts;

    write_three(w);
    marks(w, 'b', 'a', 2, 0, false);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    contact(w, 'b', CHAT_ACCEPT, 'c', NULL);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    answer_init(&done, w);
    answer_init(&changed, w);
    answer_init(&receipts, w);
    store_contact(w->store, &c, on_contact, &done);
    give_time(w);
    const int64_t horizon = store_horizon(w->store);
    store_changes(w->store,
                  &(struct store_changes){
                      .account = who('b'), .max_conversations = PLENTY, .max_bytes = PLENTY},
                  on_changes, &changed);
    store_receipts(w->store, &(struct store_receipts){.account = who('a'), .max_receipts = 9},
                   on_receipts, &receipts);
    answer_await(&changed);
    answer_await(&receipts);
    while (done.times == 0)
        loop_run_once(w->loop);
    assert_true(changed.upto >= horizon && receipts.upto >= horizon);
    assert_true(shows(&changed, STR("[c u0]")));
    assert_true(shows(&changed, STR("[a ")));
    changes(w, 'b', changed.upto, changed.upto >= done.position ? "" : "[a u3 a3]");
    expect_str("receipts", buf_str(&receipts.text),
               receipts.upto >= done.position ? STR("bd2") : STR(""));
    moved(w, 'a', receipts.upto, receipts.upto >= done.position ? "" : "bd2");
    answer_fini(&done);
    answer_fini(&changed);
    answer_fini(&receipts);
}

// The suite.

static struct store_limits plenty = {PLENTY_OF_ALL};

static struct store_limits shy = {PLENTY_OF_ALL, .only_accepted_know = true};

#define SUITE(backend)                                                                         \
    TEST(backend, a_block_stops_what_is_known, plenty),                                        \
        TEST(backend, the_unblock_lets_it_be_known, plenty),                                   \
        TEST(backend, what_becomes_known_has_its_details, plenty),                             \
        TEST(backend, only_what_has_moved_becomes_known, plenty),                              \
        TEST(backend, a_block_hides_the_blockers_marks_alone, plenty),                         \
        TEST(backend, a_sender_may_see_what_was_withheld_as_delivered_after_the_unblock,       \
             plenty),                                                                          \
        TEST(backend, strangers_know_unless_told_otherwise, plenty),                           \
        TEST(backend, a_stranger_does_not_know, shy),                                          \
        TEST(backend, a_message_lets_it_be_known_as_well, shy),                                \
        TEST(backend, a_message_that_is_withheld_does_so_too, shy),                            \
        TEST(backend, a_message_with_nothing_to_tell_tells_nothing, shy),                      \
        TEST(backend, a_peer_must_be_accepted_and_not_blocked_to_know, shy),                   \
        TEST(backend, who_writes_is_known_from_its_first_mark, shy),                           \
        TEST(backend, pages_of_what_became_known_do_not_part_it, shy),                         \
        TEST(backend, a_mark_that_moves_on_is_not_missing, plenty),                            \
        TEST(backend, a_contact_that_is_changed_again_is_not_missing, shy)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_known", on_postgres);
    return cmocka_run_group_tests_name("store_known", tests, NULL, NULL);
}
