/** What every backend of chat/store.h must do with quotas: one suite, run on each. */
#include "support/store_contacts.h"

/** A message of so many bytes, which is refused, or not. */
static struct store_answer sent(struct store_world *w, char from, char to, const char *key,
                                size_t n_bytes, int r)
{
    static const char zeros[4096];
    struct store_append what = message(from, to, key, "");

    assert_true(n_bytes <= sizeof(zeros));
    what.content = (str){zeros, n_bytes};
    if (r != 0) {
        refused(w, &what, r);
        return (struct store_answer){.r = r};
    }
    const struct store_answer a = append(w, &what);
    expect_int(key, a.r, 0);
    return a;
}

static void full(struct store_world *w, char from, char to, const char *key)
{
    sent(w, from, to, key, 1, STORE_MAILBOX_FULL);
}

// Of one sender.

static void so_many_bytes_of_a_sender_may_be_undelivered(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 9, 0);
    sent(w, 'a', 'b', "2", 4000, 0); // the last one may pass the quota
    full(w, 'a', 'b', "3");
    sent(w, 'a', 'b', "3", 0, STORE_MAILBOX_FULL);
    assert_true(sent(w, 'a', 'b', "1", 9, 0).is_duplicate);
    sent(w, 'c', 'b', "1", 10, 0); // another sender
    full(w, 'c', 'b', "2");
    sent(w, 'a', 'c', "1", 9, 0); // another recipient
    mark(w, 'b', 'a', 1, 0, NULL);
    full(w, 'a', 'b', "3");
    mark(w, 'b', 'a', 2, 0, NULL);
    sent(w, 'a', 'b', "3", 10, 0);
    full(w, 'a', 'b', "4");
    mark(w, 'b', 'a', 0, 3, NULL); // read takes delivered along
    sent(w, 'a', 'b', "4", 9, 0);
    sent(w, 'a', 'b', "5", 1, 0);
    full(w, 'a', 'b', "6");
}

static void ones_own_bytes_are_the_peers_to_deliver(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 4000, 0);
    full(w, 'a', 'b', "2");
    sent(w, 'b', 'a', "1", 99, 0); // by whom a was written to: of an accepted one
    sent(w, 'b', 'a', "2", 1, 0);
    full(w, 'b', 'a', "3");
    mark(w, 'a', 'b', 2, 0, NULL);
    sent(w, 'b', 'a', "3", 99, 0);
    full(w, 'a', 'b', "2");
}

static void whom_one_accepts_has_the_larger_quota(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 10, 0);
    full(w, 'a', 'b', "2");
    contact(w, 'a', CHAT_ACCEPT, 'b', "b"); // is the recipient's to say
    full(w, 'a', 'b', "2");
    contact(w, 'b', CHAT_ACCEPT, 'a', "a+");
    sent(w, 'a', 'b', "2", 89, 0);
    sent(w, 'a', 'b', "3", 1, 0);
    full(w, 'a', 'b', "4");

    sent(w, 'c', 'b', "1", 10, 0);
    full(w, 'c', 'b', "2");
    sent(w, 'b', 'c', "1", 1, 0); // or to do
    sent(w, 'c', 'b', "2", 1, 0);
}

static void a_quota_of_messages_is_as_good_as_one_of_bytes(void **state)
{
    struct store_world *w = *state;

    for (unsigned i = 0; i < 4; i++)
        sent(w, 'a', 'b', (const char[]){(char)('0' + i), '\0'}, 0, 0);
    sent(w, 'a', 'b', "more", 0, STORE_MAILBOX_FULL);
    contact(w, 'b', CHAT_ACCEPT, 'a', NULL);
    for (unsigned i = 4; i < 8; i++)
        sent(w, 'a', 'b', (const char[]){(char)('0' + i), '\0'}, 0, 0);
    sent(w, 'a', 'b', "more", 0, STORE_MAILBOX_FULL);
}

static void a_full_mailbox_is_the_last_reason(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "2", "2");

    sent(w, 'a', 'b', "1", 10, 0);
    refused(w, &what, STORE_MAILBOX_FULL);
    what.reply_to = 2;
    refused(w, &what, STORE_NO_SUCH_SEQ);
    contact(w, 'a', CHAT_BLOCK, 'b', NULL);
    refused(w, &what, STORE_NO_SUCH_SEQ);
    what.reply_to = 1;
    refused(w, &what, STORE_FORBIDDEN);
    contact(w, 'a', CHAT_UNBLOCK, 'b', NULL);
    refused(w, &what, STORE_MAILBOX_FULL);
}

// Of a sender who is blocked.

static void a_blocked_sender_has_as_much_room_as_before(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 4, 0);
    mark(w, 'b', 'a', 1, 0, NULL); // what was delivered counts no more
    sent(w, 'a', 'b', "2", 4, 0);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    sent(w, 'a', 'b', "3", 5, 0); // 4 bytes before
    sent(w, 'a', 'b', "4", 1, 0); // 9
    full(w, 'a', 'b', "5");
    mark(w, 'b', 'a', 0, 4, NULL); // which a does not learn
    full(w, 'a', 'b', "5");
    contact(w, 'b', CHAT_ACCEPT, 'a', "a+"); // is blocked still
    sent(w, 'a', 'b', "5", 1, 0);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    sent(w, 'a', 'b', "6", 99, 0); // they count nowhere now
    sent(w, 'a', 'b', "7", 1, 0);
    full(w, 'a', 'b', "8");
}

static void what_an_earlier_block_has_withheld_counts_no_more(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 5, 0);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    sent(w, 'a', 'b', "2", 5, 0);
    full(w, 'a', 'b', "3");
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    sent(w, 'a', 'b', "3", 5, 0);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    sent(w, 'a', 'b', "4", 4, 0);
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    sent(w, 'a', 'b', "5", 5, 0); // 4 before
    sent(w, 'a', 'b', "6", 1, 0); // 9
    full(w, 'a', 'b', "7");
}

static void a_blocked_senders_messages_count_too(void **state)
{
    struct store_world *w = *state;

    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    for (unsigned i = 0; i < 4; i++)
        sent(w, 'a', 'b', (const char[]){(char)('0' + i), '\0'}, 0, 0);
    sent(w, 'a', 'b', "more", 0, STORE_MAILBOX_FULL);
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    for (unsigned i = 4; i < 8; i++)
        sent(w, 'a', 'b', (const char[]){(char)('0' + i), '\0'}, 0, 0);
    sent(w, 'a', 'b', "more", 0, STORE_MAILBOX_FULL);
}

// Of the whole mailbox: five, two of them from strangers.

static void a_mailbox_holds_so_many_of_all_senders(void **state)
{
    struct store_world *w = *state;

    for (const char *peer = "cd"; *peer; peer++)
        contact(w, 'b', CHAT_ACCEPT, *peer, NULL);
    sent(w, 'a', 'b', "1", 1, 0);
    sent(w, 'e', 'b', "1", 1, 0);
    full(w, 'e', 'b', "2"); // a stranger meets it
    full(w, 'f', 'b', "1");
    sent(w, 'c', 'b', "1", 1, 0); // before a friend does
    sent(w, 'd', 'b', "1", 1, 0);
    sent(w, 'd', 'b', "2", 1, 0);
    full(w, 'c', 'b', "2");
    no_conversation(w, 'f', 'b'); // a refused message leaves nothing
    sent(w, 'f', 'c', "1", 1, 0); // another mailbox
    sent(w, 'b', 'c', "1", 1, 0); // and what b sends is not in its own

    mark(w, 'b', 'd', 1, 0, NULL);
    full(w, 'f', 'b', "1");
    sent(w, 'c', 'b', "2", 1, 0);
    full(w, 'c', 'b', "3");
    mark(w, 'b', 'a', 1, 0, NULL);
    sent(w, 'f', 'b', "1", 1, 0);
    full(w, 'c', 'b', "3");
}

static void whom_one_accepts_is_no_stranger_to_the_mailbox(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 1, 0);
    sent(w, 'a', 'b', "2", 1, 0);
    full(w, 'a', 'b', "3");
    full(w, 'c', 'b', "1");
    contact(w, 'b', CHAT_ACCEPT, 'a', NULL);
    sent(w, 'c', 'b', "1", 1, 0); // a's are not of a stranger any more
    sent(w, 'd', 'b', "1", 1, 0);
    full(w, 'e', 'b', "1");
    sent(w, 'a', 'b', "3", 1, 0);
    full(w, 'a', 'b', "4");
    sent(w, 'b', 'c', "1", 1, 0); // to write is to accept
    full(w, 'c', 'b', "2");       // five are there
    mark(w, 'b', 'a', 3, 0, NULL);
    sent(w, 'e', 'b', "1", 1, 0);
    full(w, 'e', 'b', "2");
}

static void what_is_withheld_is_not_in_the_mailbox(void **state)
{
    struct store_world *w = *state;

    sent(w, 'a', 'b', "1", 1, 0);
    sent(w, 'a', 'b', "2", 1, 0);
    full(w, 'c', 'b', "1");
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    contact(w, 'b', CHAT_BLOCK, 'e', NULL);
    sent(w, 'a', 'b', "3", 1, 0); // which is withheld
    sent(w, 'a', 'b', "4", 1, 0);
    full(w, 'a', 'b', "5"); // by its own quota
    sent(w, 'c', 'b', "1", 1, 0);
    sent(w, 'd', 'b', "1", 1, 0);
    full(w, 'c', 'b', "2");
    full(w, 'e', 'b', "1"); // as it would if it were not blocked
    contact(w, 'b', CHAT_UNBLOCK, 'a', NULL);
    full(w, 'a', 'b', "5"); // by the mailbox, as any other
    mark(w, 'b', 'c', 1, 0, NULL);
    sent(w, 'e', 'b', "1", 1, 0); // which is withheld, and takes no room
    sent(w, 'a', 'b', "5", 1, 0);
    full(w, 'a', 'b', "6");
    full(w, 'c', 'b', "2");
}

static void a_mailbox_of_one_is_for_friends(void **state)
{
    struct store_world *w = *state;

    full(w, 'a', 'b', "1");
    no_conversation(w, 'a', 'b');
    contact(w, 'b', CHAT_BLOCK, 'a', NULL);
    full(w, 'a', 'b', "1");
    contact(w, 'b', CHAT_ACCEPT, 'c', NULL);
    sent(w, 'c', 'b', "1", 1, 0);
    full(w, 'c', 'b', "2");
}

// The suite.

static struct store_limits small_quotas = {
    .accepted = {.messages = 8, .bytes = 100},
    .stranger = {.messages = 4, .bytes = 10},
    .mailbox = UINT64_MAX,
};

static struct store_limits small_mailbox = {
    .accepted = {.messages = 100, .bytes = UINT64_MAX},
    .stranger = {.messages = 4, .bytes = UINT64_MAX},
    .mailbox = 5,
};

static struct store_limits mailbox_of_one = {
    .accepted = {.messages = 100, .bytes = UINT64_MAX},
    .stranger = {.messages = 100, .bytes = UINT64_MAX},
    .mailbox = 1,
};

#define SUITE(backend)                                                                         \
    TEST(backend, so_many_bytes_of_a_sender_may_be_undelivered, small_quotas),                 \
        TEST(backend, ones_own_bytes_are_the_peers_to_deliver, small_quotas),                  \
        TEST(backend, whom_one_accepts_has_the_larger_quota, small_quotas),                    \
        TEST(backend, a_quota_of_messages_is_as_good_as_one_of_bytes, small_quotas),           \
        TEST(backend, a_full_mailbox_is_the_last_reason, small_quotas),                        \
        TEST(backend, a_blocked_sender_has_as_much_room_as_before, small_quotas),              \
        TEST(backend, what_an_earlier_block_has_withheld_counts_no_more, small_quotas),        \
        TEST(backend, a_blocked_senders_messages_count_too, small_quotas),                     \
        TEST(backend, a_mailbox_holds_so_many_of_all_senders, small_mailbox),                  \
        TEST(backend, whom_one_accepts_is_no_stranger_to_the_mailbox, small_mailbox),          \
        TEST(backend, what_is_withheld_is_not_in_the_mailbox, small_mailbox),                  \
        TEST(backend, a_mailbox_of_one_is_for_friends, mailbox_of_one)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store_quota", on_postgres);
    return cmocka_run_group_tests_name("store_quota", tests, NULL, NULL);
}
