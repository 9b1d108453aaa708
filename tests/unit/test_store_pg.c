/** What is PostgreSQL's own: its URLs, the groups, how long the sum of a mailbox is believed.
 */
#include "store/pg_mailbox.h"
#include "support/store_contacts.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_POSTGRES);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static void finds_a_password_in_a_url(void **state)
{
    static const struct {
        const char *url;
        bool has;
    } rows[] = {
        {"postgresql://u:secret@h/db", true},
        {"postgres://u:secret@[::1]:5432/db", true},
        {"postgresql://h/db?password=secret", true},
        {"postgresql://h/db?user=u&password=secret", true},
        {"postgresql://u@h/db", false},
        {"postgresql://u:@h/db", false},
        {"postgresql://[::1]:5432/db?application_name=a@b", false},
        {"postgresql://h:5432/db?application_name=password%3Dx", false},
        {"postgresql:///db?host=/run/postgresql", false},
        {"sqlite", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].url, store_pg_has_password(rows[i].url), rows[i].has);
}

static void what_waits_is_one_commit_up_to_its_largest(void **state)
{
    struct store_world *w = *state;
    struct store_answer *answers = mem_alloc((STORE_PG_GROUP_MAX + 1) * sizeof(*answers));

    for (unsigned n = STORE_PG_GROUP_MAX; n <= STORE_PG_GROUP_MAX + 1; n++) {
        const uint64_t before = w->store->counters.commits;
        for (unsigned i = 0; i < n; i++) {
            char key[24];
            snprintf(key, sizeof(key), "%u/%u", n, i);
            const struct store_append what = message('a', 'b', key, "hi");
            answer_init(&answers[i], w);
            store_append(w->store, &what, on_append, &answers[i]);
        }
        for (unsigned i = 0; i < n; i++) {
            answer_await(&answers[i]);
            assert_int_equal(answers[i].r, 0);
            answer_fini(&answers[i]);
        }
        assert_int_equal(w->store->counters.commits - before, n - STORE_PG_GROUP_MAX + 1);
    }
    free(answers);
}

// The sum of a mailbox.

#define MOST 100

static void expect_good(const struct mailbox_share *waiting, int64_t age_ms, bool is_one_node,
                        bool is_good)
{
    const uint8_t key[HASH_KEY_SIZE] = {0};
    const struct pg_mailbox mailbox = {.waiting = *waiting, .read_ms = 1000, .is_known = true};
    struct pg_mailboxes all;

    pg_mailboxes_init(&all, key, MOST);
    all.is_one_node = is_one_node;
    assert_int_equal(pg_mailbox_is_good(&all, &mailbox, 1000 + age_ms), is_good);
}

static void a_sum_is_believed_for_a_while(void **state)
{
    const struct mailbox_share little = {MOST / 2 - 1, MOST / 4 - 1};

    (void)state;
    expect_good(&little, 0, false, true);
    expect_good(&little, PG_MAILBOX_MS - 1, false, true);
    expect_good(&little, PG_MAILBOX_MS, false, false);
    expect_good(&little, PG_MAILBOX_MS, true, true); // nobody else changes it
}

static void a_sum_that_is_half_of_what_may_be_is_believed_for_less(void **state)
{
    const struct mailbox_share half[] = {{MOST / 2, 0}, {MOST / 4, MOST / 4}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(half); i++) {
        expect_good(&half[i], PG_MAILBOX_FULL_MS - 1, false, true);
        expect_good(&half[i], PG_MAILBOX_FULL_MS, false, false);
        expect_good(&half[i], PG_MAILBOX_FULL_MS, true, true);
    }
}

static void what_was_not_asked_for_is_not_known(void **state)
{
    const uint8_t key[HASH_KEY_SIZE] = {0};
    const account a = who('a');
    struct pg_mailboxes all;

    (void)state;
    pg_mailboxes_init(&all, key, MOST);
    all.is_one_node = true;
    assert_null(pg_mailboxes_find(&all, &a));
    assert_false(pg_mailbox_is_good(&all, pg_mailboxes_get(&all, &a), 0));
    assert_non_null(pg_mailboxes_find(&all, &a));
    pg_mailboxes_drop(&all);
    assert_null(pg_mailboxes_find(&all, &a));
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_password_in_a_url),
        cmocka_unit_test_setup_teardown(what_waits_is_one_commit_up_to_its_largest, setup,
                                        teardown),
        cmocka_unit_test(a_sum_is_believed_for_a_while),
        cmocka_unit_test(a_sum_that_is_half_of_what_may_be_is_believed_for_less),
        cmocka_unit_test(what_was_not_asked_for_is_not_known),
    };
    return PG_WORLD_RUN("store_pg", tests);
}
