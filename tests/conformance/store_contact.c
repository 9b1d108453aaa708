/** What every backend of chat/store.h must do with contacts: one suite, run on each. */
#include "support/store_contacts.h"

// Contacts.

static void a_contact_makes_the_conversation(void **state)
{
    struct store_world *w = *state;
    struct store_conversation c = {.account = who('b')};

    c.place.conversation = contact(w, 'a', CHAT_ACCEPT, 'b', "b+").conversation;
    conversation(w, 'a', 'b', "[b u0]");
    conversation(w, 'b', 'a', "[a? u0]");
    assert_int_equal(ask_conversation(w, &c, 0, "[a? u0]").at_ms, 0);
    contact(w, 'c', CHAT_BLOCK, 'b', "b+");
    conversation(w, 'c', 'b', "[b?! u0]");
    conversation(w, 'b', 'c', "[c? u0]"); // and does not learn of it
    contact(w, 's', CHAT_BLOCK, 't', "t+");
    conversation(w, 's', 't', "[t?! u0]");
    no_conversation(w, 'a', 'c');

    assert_int_equal(put(w, 'b', 'a', "1", 1).conversation, c.place.conversation);
    conversation(w, 'a', 'b', "[b u1 b1]");
}

static void a_conversation_without_a_message_is_empty(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt first = receipt_at('b', 'a', 1, 0);
    struct store_append reply = message('b', 'a', "k", "k");

    contact(w, 'a', CHAT_ACCEPT, 'b', NULL);
    for (const char *side = "ab"; *side; side++) {
        const struct store_answer page = history(w, *side, (char)('a' + 'b' - *side), "");
        assert_false(page.has_more);
        assert_int_equal(page.upto, 1); // first_seq
        listed(w, *side, "");
        due(w, *side, 0, 0, "");
        moved(w, *side, 0, "");
        assert_int_equal(ask_unread(w, *side), 0);
    }
    ask_receipt(w, &first, STORE_NO_SUCH_SEQ, "");
    mark(w, 'b', 'a', 0, 0, "a 0 0");
    reply.reply_to = 1;
    refused(w, &reply, STORE_NO_SUCH_SEQ);
}

static void a_contact_is_for_what_is_there(void **state)
{
    struct store_world *w = *state;
    struct store_contact c = {
        .by = who('a'), .place.peer = who('b'), .what = CHAT_UNBLOCK, .now_ms = NOW};

    ask_contact(w, &c, STORE_NOT_FOUND, "");
    assert_int_equal(store_horizon(w->store), 0);
    no_conversation(w, 'a', 'b');
    no_conversation(w, 'b', 'a');

    c.place.conversation = put(w, 'c', 'b', "1", 1).conversation;
    for (int what = CHAT_ACCEPT; what <= CHAT_UNBLOCK; what++) {
        c.what = (enum chat_contact)what;
        ask_contact(w, &c, STORE_NOT_FOUND, ""); // somebody else's
        c.place.conversation++;
        ask_contact(w, &c, STORE_NOT_FOUND, ""); // nobody's
        c.place.conversation--;
    }
    assert_int_equal(store_horizon(w->store), 1);
    assert_int_equal(w->store->counters.contacts, 0);
    no_conversation(w, 'a', 'b');
    c.by = who('b');
    c.what = CHAT_ACCEPT;
    ask_contact(w, &c, 0, "c+"); // with an id the peer does not count
}

static void a_contact_that_changes_nothing_takes_no_position(void **state)
{
    static const struct {
        enum chat_contact what;
        const char *answer;
        const char *conversation;
    } rows[] = {
        {CHAT_BLOCK, "b+", "[b?! u0]"}, {CHAT_BLOCK, "b", "[b?! u0]"},
        {CHAT_ACCEPT, "b+", "[b! u0]"}, {CHAT_ACCEPT, "b", "[b! u0]"},
        {CHAT_BLOCK, "b", "[b! u0]"},   {CHAT_UNBLOCK, "b+", "[b u0]"},
        {CHAT_UNBLOCK, "b", "[b u0]"},  {CHAT_ACCEPT, "b", "[b u0]"},
        {CHAT_BLOCK, "b+", "[b! u0]"},  {CHAT_ACCEPT, "b", "[b! u0]"},
        {CHAT_UNBLOCK, "b+", "[b u0]"},
    };
    struct store_world *w = *state;
    const conversation_id id = contact(w, 'b', CHAT_ACCEPT, 'a', "a+").conversation;
    int64_t last = store_horizon(w->store);

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct store_answer a = contact(w, 'a', rows[i].what, 'b', rows[i].answer);
        assert_int_equal(a.conversation, id);
        if (rows[i].answer[1] == '+') {
            assert_true(a.position > last);
            last = a.position;
        }
        assert_int_equal(store_horizon(w->store), last);
        conversation(w, 'a', 'b', rows[i].conversation);
        conversation(w, 'b', 'a', "[a u0]"); // the other side has its own
    }
    assert_int_equal(w->store->counters.contacts, 6);
}

static void who_has_written_has_accepted(void **state)
{
    struct store_world *w = *state;
    struct store_append reply = message('b', 'a', "k", "k");

    assert_true(put(w, 'a', 'b', "1", 1).is_accepted);
    assert_false(put(w, 'a', 'b', "1", 1).is_accepted); // the duplicate
    assert_false(put(w, 'a', 'b', "2", 2).is_accepted);
    contact(w, 'a', CHAT_ACCEPT, 'b', "b");
    reply.reply_to = 9;
    refused(w, &reply, STORE_NO_SUCH_SEQ);
    conversation(w, 'b', 'a', "[a? u2 a2]");
    contact(w, 'b', CHAT_BLOCK, 'a', "a+");
    refused(w, &reply, STORE_NO_SUCH_SEQ);
    reply.reply_to = 0;
    refused(w, &reply, STORE_FORBIDDEN);
    conversation(w, 'b', 'a', "[a?! u0 a2x]");
    contact(w, 'b', CHAT_UNBLOCK, 'a', "a+");
    assert_true(put(w, 'b', 'a', "1", 3).is_accepted);
    conversation(w, 'b', 'a', "[a u0 b3]");

    contact(w, 'c', CHAT_ACCEPT, 'd', "d+");
    assert_false(put(w, 'c', 'd', "1", 1).is_accepted);
    contact(w, 'd', CHAT_BLOCK, 'e', "e+");
    const struct store_answer withheld = put(w, 'e', 'd', "1", 1);
    assert_true(withheld.is_accepted && withheld.is_withheld);
    conversation(w, 'e', 'd', "[d u0 e1]");
}

static void contacts_are_with_accounts_equal_in_all_of_their_bytes(void **state)
{
    struct store_world *w = *state;

    contact(w, 'a', CHAT_BLOCK, 'b', "b+");
    contact(w, 'A', CHAT_ACCEPT, 'b', "b+");
    contact(w, 'a', CHAT_ACCEPT, 'B', "B+");
    contact(w, 'a', CHAT_ACCEPT, 's', "s+");
    changes(w, 'a', 0, "[b?! u0] [B u0] [s u0]");
    changes(w, 'A', 0, "[b u0]");
}

// Conversations.

static void a_conversation_is_found_by_its_id_or_its_peer(void **state)
{
    struct store_world *w = *state;
    struct store_conversation c = {.account = who('b'), .place.peer = who('c')};

    ask_conversation(w, &c, STORE_NOT_FOUND, "");
    c.place.conversation = put(w, 'a', 'b', "1", 1).conversation;
    ask_conversation(w, &c, 0, "[a? u1 a1]");
    c.account = who('c'); // somebody else's
    ask_conversation(w, &c, STORE_NOT_FOUND, "");
    c.account = who('a');
    ask_conversation(w, &c, 0, "[b u0 a1]");
    c.place.conversation++;
    ask_conversation(w, &c, STORE_NOT_FOUND, "");
    c.place.conversation = UINT64_MAX;
    ask_conversation(w, &c, STORE_NOT_FOUND, "");
}

static void a_conversation_has_all_that_a_list_has(void **state)
{
    struct store_world *w = *state;
    const char *want = "[b u1 b2>a c1 @2 t1700000000000 re0 text//y] c1 mine 1 1 theirs 1 0";

    put(w, 'a', 'b', "x", 1);
    put(w, 'b', 'a', "y", 2);
    mark(w, 'a', 'b', 0, 1, NULL);
    mark(w, 'b', 'a', 1, 0, NULL);
    w->in_full = true;
    assert_int_equal(conversation(w, 'a', 'b', want).at_ms, NOW);
}

// Changes.

static void changes_are_ones_own_and_the_latest_of_each(void **state)
{
    struct store_world *w = *state;

    changes(w, 'a', 0, "");
    const int64_t first = contact(w, 'a', CHAT_ACCEPT, 'b', "b+").position;
    contact(w, 'a', CHAT_BLOCK, 'c', "c+");
    contact(w, 'd', CHAT_BLOCK, 'a', "a+");
    changes(w, 'a', 0, "[b u0] [c?! u0]");
    changes(w, 'b', 0, "");
    changes(w, 'd', 0, "[a?! u0]");
    changes(w, 'e', 0, "");
    changes(w, 'a', first, "[c?! u0]");
    changes(w, 'a', first - 1, "[b u0] [c?! u0]");
    const int64_t third = contact(w, 'a', CHAT_BLOCK, 'b', "b+").position;
    changes(w, 'a', 0, "[c?! u0] [b! u0]");
    contact(w, 'a', CHAT_BLOCK, 'c', "c"); // no change
    changes(w, 'a', third - 1, "[b! u0]");
    const struct store_answer none = changes(w, 'a', third, "");
    assert_int_equal(none.upto, store_horizon(w->store));
    changes(w, 'a', INT64_MAX, "");
    changes(w, 'a', -1, "[c?! u0] [b! u0]");
}

static void messages_and_marks_are_no_changes(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "1", 2);
    mark(w, 'a', 'b', 0, 2, NULL);
    changes(w, 'a', 0, "");
    changes(w, 'b', 0, "");
    contact(w, 'a', CHAT_BLOCK, 'b', "b+");
    contact(w, 'a', CHAT_BLOCK, 'c', "c+");
    put(w, 'b', 'a', "2", 3);
    mark(w, 'a', 'b', 0, 3, NULL);
    changes(w, 'a', 0, "[b! u0 b2r last3] [c?! u0]"); // in their order, and as they are now
}

static void changes_are_paged(void **state)
{
    struct store_world *w = *state;
    struct store_changes c = {.account = who('a'), .max_conversations = 2, .max_bytes = PLENTY};

    for (const char *peer = "bcdef"; *peer; peer++)
        contact(w, 'a', CHAT_ACCEPT, *peer, NULL);
    contact(w, 'a', CHAT_BLOCK, 'c', NULL);
    struct store_answer a = ask_changes(w, &c, 0, "[b u0] [d u0]");
    assert_true(a.has_more);
    c.after = a.upto;
    a = ask_changes(w, &c, 0, "[e u0] [f u0]");
    assert_true(a.has_more);
    c.after = a.upto;
    a = ask_changes(w, &c, 0, "[c! u0]");
    assert_false(a.has_more);
    assert_int_equal(a.upto, store_horizon(w->store));
    c = (struct store_changes){.account = who('a'), .max_conversations = 5};
    a = ask_changes(w, &c, 0, "[b u0] [d u0] [e u0] [f u0] [c! u0]"); // just full
    assert_false(a.has_more);
    assert_int_equal(a.upto, store_horizon(w->store));
}

static void a_page_of_changes_is_bounded_in_bytes(void **state)
{
    struct store_world *w = *state;
    struct store_changes c = {.account = who('a'), .max_conversations = PLENTY, .max_bytes = 6};

    put(w, 'b', 'a', "1234", 1);
    put(w, 'c', 'a', "12", 1);
    put(w, 'd', 'a', "1234567", 1);
    for (const char *peer = "bcd"; *peer; peer++)
        contact(w, 'a', CHAT_ACCEPT, *peer, NULL);
    struct store_answer a = ask_changes(w, &c, 0, "[b u1 b1] [c u1 c1]");
    assert_true(a.has_more);
    c.after = a.upto;
    a = ask_changes(w, &c, 0, "[d u1 d1]"); // the first may be larger
    assert_false(a.has_more);
    c = (struct store_changes){.account = who('a'), .max_conversations = 9};
    assert_true(ask_changes(w, &c, 0, "[b u1 b1]").has_more);
}

// Order.

struct looks {
    struct store_answer done;
    struct store_answer conversation;
    struct store_answer changes;
    struct store_answer list;
};

static void look(void *arg, int r, const struct store_contacted *c)
{
    struct looks *l = arg;
    struct store *s = l->done.w->store;
    const account by = who('b');

    on_contact(&l->done, r, c);
    store_conversation(
        s, &(struct store_conversation){.account = by, .place.conversation = c->conversation},
        on_conversation, &l->conversation);
    store_changes(
        s,
        &(struct store_changes){
            .account = by, .after = c->position - 1, .max_conversations = 1, .max_bytes = 1},
        on_changes, &l->changes);
    store_list(s, &(struct store_list){.account = by, .max_conversations = 1, .max_bytes = 1},
               on_list, &l->list);
}

static void a_read_in_a_callback_sees_the_contact(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    for (unsigned i = 0; i < 20; i++) {
        const struct store_contact c = {.by = who('b'),
                                        .place.peer = who('a'),
                                        .what = i % 2 ? CHAT_UNBLOCK : CHAT_BLOCK,
                                        .now_ms = NOW};
        const str want = i % 2 ? STR("[a? u0 a1x]") : STR("[a?! u0 a1x]");
        struct looks l;
        answer_init(&l.done, w);
        answer_init(&l.conversation, w);
        answer_init(&l.changes, w);
        answer_init(&l.list, w);
        store_contact(w->store, &c, look, &l);
        answer_await(&l.done);
        answer_await(&l.conversation);
        answer_await(&l.changes);
        answer_await(&l.list);
        expect_str("conversation", buf_str(&l.conversation.text), want);
        expect_str("changes", buf_str(&l.changes.text), want);
        expect_str("list", buf_str(&l.list.text), want);
        assert_int_equal(l.changes.upto, l.done.position);
        answer_fini(&l.done);
        answer_fini(&l.conversation);
        answer_fini(&l.changes);
        answer_fini(&l.list);
    }
}

/** Calls one after the other without waiting: each sees what those before it have done. */
static void operations_of_one_group_see_each_other(void **state)
{
    struct store_world *w = *state;
    const struct store_append texts[] = {
        message('a', 'b', "1", "1"), message('a', 'b', "2", "2"), message('b', 'a', "3", "3"),
        message('a', 'b', "4", "4")};
    struct store_contact c = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_BLOCK, .now_ms = NOW};
    struct store_answer sent[COUNT_OF(texts)];
    struct store_answer blocked;
    struct store_answer unblocked;

    for (unsigned i = 0; i < COUNT_OF(texts); i++)
        answer_init(&sent[i], w);
    answer_init(&blocked, w);
    answer_init(&unblocked, w);
    store_append(w->store, &texts[0], on_append, &sent[0]);
    store_contact(w->store, &c, on_contact, &blocked);
    store_append(w->store, &texts[1], on_append, &sent[1]);
    store_append(w->store, &texts[2], on_append, &sent[2]);
    c.what = CHAT_UNBLOCK;
    store_contact(w->store, &c, on_contact, &unblocked);
    store_append(w->store, &texts[3], on_append, &sent[3]);
    answer_await(&sent[3]); // the last one
    assert_true(blocked.times == 1 && unblocked.times == 1);
    assert_true(sent[0].position > 0 && blocked.position > sent[0].position);
    assert_true(sent[1].position > blocked.position);
    assert_true(unblocked.position > sent[1].position);
    assert_true(sent[3].position > unblocked.position);
    assert_true(!sent[0].is_withheld && sent[1].is_withheld && !sent[3].is_withheld);
    assert_int_equal(sent[2].r, STORE_FORBIDDEN);
    history(w, 'b', 'a', "a1x a2x a3");
    for (unsigned i = 0; i < COUNT_OF(texts); i++)
        answer_fini(&sent[i]);
    answer_fini(&blocked);
    answer_fini(&unblocked);
}

// The suite.

static struct store_limits plenty = {PLENTY_OF_ALL};

#define SUITE(backend)                                                                         \
    TEST(backend, a_contact_makes_the_conversation, plenty),                                   \
        TEST(backend, a_conversation_without_a_message_is_empty, plenty),                      \
        TEST(backend, a_contact_is_for_what_is_there, plenty),                                 \
        TEST(backend, a_contact_that_changes_nothing_takes_no_position, plenty),               \
        TEST(backend, who_has_written_has_accepted, plenty),                                   \
        TEST(backend, contacts_are_with_accounts_equal_in_all_of_their_bytes, plenty),         \
        TEST(backend, a_conversation_is_found_by_its_id_or_its_peer, plenty),                  \
        TEST(backend, a_conversation_has_all_that_a_list_has, plenty),                         \
        TEST(backend, changes_are_ones_own_and_the_latest_of_each, plenty),                    \
        TEST(backend, messages_and_marks_are_no_changes, plenty),                              \
        TEST(backend, changes_are_paged, plenty),                                              \
        TEST(backend, a_page_of_changes_is_bounded_in_bytes, plenty),                          \
        TEST(backend, a_read_in_a_callback_sees_the_contact, plenty),                          \
        TEST(backend, operations_of_one_group_see_each_other, plenty)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_contact", on_postgres);
    return cmocka_run_group_tests_name("store_contact", tests, NULL, NULL);
}
