/** What every backend of chat/store.h must say of what was touched: one suite, run on each. */
#include "support/store_contacts.h"

#define MANY 50

static void each_touch_is_told_to_both_sides(void **state)
{
    struct store_world *w = *state;

    touched(w, "ab", 0, MANY, "");
    put(w, 'a', 'b', "1", 1);
    touched(w, "ab", 0, MANY, "a:c1 m1@1 b:c1 m1@1");
    touched(w, "ba", 0, MANY, "b:c1 m1@1 a:c1 m1@1");
    touched(w, "ab", 1, MANY, "");
    mark(w, 'b', 'a', 1, 0, NULL);
    touched(w, "ab", 1, MANY, "a:c1 m1@1, d1@2 b:c1 m1@1 d1@2");
    mark(w, 'b', 'a', 0, 1, NULL);
    touched(w, "ab", 2, MANY, "a:c1 m1@1, d1@2 r1@3 b:c1 m1@1 d1@2 r1@3");
    put(w, 'b', 'a', "1", 2);
    touched(w, "ab", 3, MANY, "a:c1 m2@4, d1@2 r1@3 b:c1 m2@4 d1@2 r1@3");
    touched(w, "ab", 4, MANY, "");
}

static void a_contact_touches_its_own_side(void **state)
{
    struct store_world *w = *state;

    contact(w, 'a', CHAT_ACCEPT, 'b', NULL);
    touched(w, "ab", 0, MANY, "a:c1 x1");
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    touched(w, "ab", 0, MANY, "a:c1 x1 b:c1 x2");
    touched(w, "ab", 1, MANY, "b:c1 x2");
}

static void what_is_withheld_touches_its_sender_alone(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "2", 2);
    touched(w, "ab", 2, MANY, "a:c1 m2@3");
    mark(w, 'b', 'a', 2, 0, NULL); // which a does not know yet
    touched(w, "ab", 3, MANY, "b:c1 m1@1 x2 d2@4");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    touched(w, "ab", 4, MANY, "a:c1 m2@3, d2@5 b:c1 m1@1 x5 d2@4");
}

static void of_each_account_all_conversations(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'a', "1", 1);
    put(w, 'c', 'd', "1", 1);
    touched(w, "a", 0, MANY, "a:c1 m1@1 a:c2 m1@2");
    touched(w, "cza", 1, MANY, "c:c2 m1@2 c:c3 m1@3 a:c2 m1@2"); // nobody knows z
    touched(w, "acd", 2, MANY, "c:c3 m1@3 d:c3 m1@3");
}

static void too_much_is_said_to_be_too_much(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'c', "1", 1);
    put(w, 'b', 'c', "1", 1);
    touched(w, "ab", 0, 4, "a:c1 m1@1 a:c2 m1@2 b:c1 m1@1 b:c3 m1@3");
    touched(w, "ab", 0, 3, "more");
    touched(w, "ab", 0, 1, "more");
    touched(w, "ab", 1, 2, "a:c2 m1@2 b:c3 m1@3");
}

static void a_question_is_for_so_many_accounts(void **state)
{
    struct store_world *w = *state;
    account accounts[STORE_TOUCHED_MAX];
    const struct store_touched what = {
        .accounts = accounts, .n_accounts = COUNT_OF(accounts), .max_touches = MANY};
    struct store_answer a;

    put(w, 'a', 'b', "1", 1);
    for (size_t i = 0; i < COUNT_OF(accounts); i++)
        accounts[i] = who('z');
    accounts[STORE_TOUCHED_MAX - 1] = who('b');
    answer_init(&a, w);
    store_touched(w->store, &what, on_touched, &a);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    expect_str("the last of all", buf_str(&a.text), STR("b:c1 m1@1"));
    answer_fini(&a);
}

// The suite.

static struct store_limits plenty = {PLENTY_OF_ALL};

#define SUITE(backend)                                                                         \
    TEST(backend, each_touch_is_told_to_both_sides, plenty),                                   \
        TEST(backend, a_contact_touches_its_own_side, plenty),                                 \
        TEST(backend, what_is_withheld_touches_its_sender_alone, plenty),                      \
        TEST(backend, of_each_account_all_conversations, plenty),                              \
        TEST(backend, too_much_is_said_to_be_too_much, plenty),                                \
        TEST(backend, a_question_is_for_so_many_accounts, plenty)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_touched", on_postgres);
    return cmocka_run_group_tests_name("store_touched", tests, NULL, NULL);
}
