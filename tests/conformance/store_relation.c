/** What every backend of chat/store.h must say of how accounts stand with each other, and of
 * when they were online: one suite, run on each. */
#include "support/store_contacts.h"

static void a_relation_is_mutual_while_both_accept_and_neither_blocks(void **state)
{
    static const struct {
        char by;
        enum chat_contact what;
        bool is_mutual;
    } rows[] = {
        {'a', CHAT_ACCEPT, false},  {'b', CHAT_ACCEPT, true},  {'b', CHAT_BLOCK, false},
        {'b', CHAT_UNBLOCK, true},  {'a', CHAT_BLOCK, false},  {'b', CHAT_BLOCK, false},
        {'a', CHAT_UNBLOCK, false}, {'b', CHAT_UNBLOCK, true},
    };
    struct store_world *w = *state;

    relations(w, 'a', "b", "-");
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        contact(w, rows[i].by, rows[i].what, rows[i].by == 'a' ? 'b' : 'a', NULL);
        if (i == 0) { // they are known by now
            seen(w, 'a', NOW + 1);
            seen(w, 'b', NOW + 2);
        }
        relations(w, 'a', "b", rows[i].is_mutual ? "c1+1700000000002" : "c1");
        relations(w, 'b', "a", rows[i].is_mutual ? "c1+1700000000001" : "c1");
    }
}

static void relations_are_in_the_order_of_the_peers(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'a', "1", 1);
    put(w, 'a', 'c', "2", 2);
    contact(w, 'd', CHAT_ACCEPT, 'a', NULL);
    put(w, 'b', 'c', "1", 1);
    relations(w, 'a', "becdabAc", "c1 - c2+0 c3 - c1 - c2+0"); // twice the same, and itself
    relations(w, 'c', "ab", "c2+0 c4");
    relations(w, 'e', "ae", "- -"); // whom nobody knows
}

static void a_question_is_for_so_many_peers(void **state)
{
    struct store_world *w = *state;
    account peers[STORE_RELATIONS_MAX];
    const struct store_relations what = {
        .account = who('a'), .peers = peers, .n_peers = COUNT_OF(peers)};
    struct store_answer a;

    for (size_t i = 0; i < COUNT_OF(peers); i++)
        peers[i] = who(i % 2 ? 'b' : 'c');
    peers[STORE_RELATIONS_MAX - 1] = who('d');
    contact(w, 'a', CHAT_ACCEPT, 'd', NULL);
    answer_init(&a, w);
    a.n = COUNT_OF(peers);
    store_relations(w->store, &what, on_relations, &a);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.text.len, 2 * STORE_RELATIONS_MAX); // "- - … - c1"
    assert_true(shows(&a, STR("- c1")));
    answer_fini(&a);
}

static void remembers_when_an_account_was_last_seen(void **state)
{
    struct store_world *w = *state;

    seen(w, 'b', 9); // whom the store does not know
    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_ACCEPT, 'a', NULL);
    relations(w, 'a', "b", "c1+0");
    seen(w, 'b', 5);
    relations(w, 'a', "b", "c1+5");
    seen(w, 'b', 4); // never back
    relations(w, 'a', "b", "c1+5");
    seen(w, 'b', 7);
    seen(w, 'B', 8); // another
    relations(w, 'a', "b", "c1+7");
    relations(w, 'b', "a", "c1+0");
    contact(w, 'c', CHAT_ACCEPT, 'b', NULL); // of the account, in all conversations
    put(w, 'b', 'c', "1", 1);
    relations(w, 'c', "b", "c2+7");
}

// The suite.

static struct store_limits plenty = {PLENTY_OF_ALL};

#define SUITE(backend)                                                                         \
    TEST(backend, a_relation_is_mutual_while_both_accept_and_neither_blocks, plenty),          \
        TEST(backend, relations_are_in_the_order_of_the_peers, plenty),                        \
        TEST(backend, a_question_is_for_so_many_peers, plenty),                                \
        TEST(backend, remembers_when_an_account_was_last_seen, plenty)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_relation", on_postgres);
    return cmocka_run_group_tests_name("store_relation", tests, NULL, NULL);
}
