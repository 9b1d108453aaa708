/** Messages that have an upload (chat/uploads.h), on each backend. */
#include "support/store_contacts.h"
#include "support/uploads_world.h"

/** On disk all that was answered is still there when it is opened again. */
static void reopen(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    store_world_close(w);
    store_world_open(w);
}

static void a_message_has_what_its_sender_has_uploaded(void **state)
{
    struct store_world *w = *state;
    static const struct {
        const char *id;
        int r;
    } rows[] = {
        {"accepted", 0},
        {"pending", STORE_NO_UPLOAD},
        {"rejected", STORE_NO_UPLOAD},
        {"claimed", STORE_NO_UPLOAD},
        {"of the peer", STORE_NO_UPLOAD},
        {"of another", STORE_NO_UPLOAD},
        {"on another chain", STORE_NO_UPLOAD},
        {"unknown", STORE_NO_UPLOAD},
        {"a name that is longer than any id can be", STORE_NO_UPLOAD},
    };
    uint64_t seq = 0;

    upload(w, 'a', "claimed");
    claim(w, HOUR, "claimed");
    upload(w, 'a', "accepted");
    announce(w, 'a', "pending");
    announce(w, 'a', "rejected");
    settle(w, "rejected", UPLOAD_REJECTED);
    upload(w, 'z', "of the peer");
    upload(w, 'b', "of another");
    upload(w, 'A', "on another chain");
    reopen(w);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct store_answer a = send_upload(w, 'a', rows[i].id, rows[i].id, rows[i].r);
        seq += rows[i].r == 0;
        if (rows[i].r == 0)
            assert_int_equal(a.seq, seq);
    }
    assert_int_equal(w->store->counters.refused, 0);
    assert_int_equal(w->store->counters.appended, 1);
}

static void a_message_that_may_not_have_it_leaves_nothing(void **state)
{
    struct store_world *w = *state;

    send_upload(w, 'a', "1", "u1", STORE_NO_UPLOAD);
    assert_int_equal(store_horizon(w->store), 0);
    listed(w, 'a', "");
    listed(w, 'z', "");
    assert_int_equal(w->store->counters.commits, 0);
    upload(w, 'a', "u1");
    assert_int_equal(send_upload(w, 'a', "1", "u1", 0).seq, 1);
    send_upload(w, 'a', "2", "u2", STORE_NO_UPLOAD);
    assert_int_equal(send_upload(w, 'a', "2", "u1", 0).seq, 2);
}

static void a_message_keeps_what_it_has(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    upload(w, 'a', "u2");
    send_upload(w, 'a', "1", "u1", 0);
    claim(w, 1000 * DAY, "u2");
    reopen(w);
    claim(w, 1000 * DAY + HOUR, "u2");
    is_found(w, "u1", "a/u1 accepted");
    settle(w, "u1", UPLOAD_ACCEPTED); // settling it again does not give it an end
    claim(w, 2000 * DAY, "u2");
}

static void what_is_over_and_not_claimed_may_be_sent(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    struct store_append what = message_with('a', 'z', "1", "u1");
    what.now_ms = NOW + DAY;
    assert_int_equal(append(w, &what).r, 0);
    claim(w, DAY, "");
}

static void several_messages_may_have_one(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message_with('a', 's', "1", "u1");

    upload(w, 'a', "u1");
    send_upload(w, 'a', "1", "u1", 0);
    send_upload(w, 'a', "2", "u1", 0);
    assert_int_equal(append(w, &what).r, 0);
    reopen(w);
    send_upload(w, 'a', "3", "u1", 0);
    claim(w, 1000 * DAY, "");
}

static void a_resend_is_answered_whatever_became_of_its_upload(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message_with('a', 'z', "1", "u1");

    upload(w, 'a', "u1");
    assert_int_equal(append(w, &what).r, 0);
    assert_true(append(w, &what).is_duplicate);
    what.upload = STR("u2"); // its digest is the same: it is the same message
    assert_true(append(w, &what).is_duplicate);
    what.digest[0] ^= 1;
    assert_int_equal(append(w, &what).r, STORE_CONFLICT);
    what.upload = STR("u1");
    assert_int_equal(append(w, &what).r, STORE_CONFLICT);
}

/** The plain message with this key stays one without an upload. */
static void a_resend_takes_no_upload(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message_with('a', 'z', "1", "u1");

    put(w, 'a', 'z', "1", 1);
    upload(w, 'a', "u1");
    assert_true(append(w, &what).is_duplicate);
    claim(w, HOUR, "u1");
}

static void a_message_is_refused_for_its_place_first(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message_with('a', 'z', "1", "u");
    const struct store_limits none = {.mailbox = PLENTY};

    what.reply_to = 1;
    assert_int_equal(append(w, &what).r, STORE_NO_SUCH_SEQ);
    contact(w, 'a', CHAT_BLOCK, 'z', "z+");
    what.reply_to = 0;
    assert_int_equal(append(w, &what).r, STORE_FORBIDDEN);
    store_world_limit(w, &none);
    what.from = who('b');
    assert_int_equal(append(w, &what).r, STORE_MAILBOX_FULL);
}

static void a_message_that_is_withheld_keeps_it_too(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    contact(w, 'z', CHAT_BLOCK, 'a', "a+");
    assert_true(send_upload(w, 'a', "1", "u1", 0).is_withheld);
    claim(w, 1000 * DAY, "");
}

// The suite.

static struct store_limits limits = {.accepted = {.messages = PLENTY, .bytes = PLENTY},
                                     .stranger = {.messages = PLENTY, .bytes = PLENTY},
                                     .mailbox = PLENTY};

#define SUITE(backend)                                                                         \
    TEST(backend, a_message_has_what_its_sender_has_uploaded, limits),                         \
        TEST(backend, a_message_that_may_not_have_it_leaves_nothing, limits),                  \
        TEST(backend, a_message_keeps_what_it_has, limits),                                    \
        TEST(backend, what_is_over_and_not_claimed_may_be_sent, limits),                       \
        TEST(backend, several_messages_may_have_one, limits),                                  \
        TEST(backend, a_resend_is_answered_whatever_became_of_its_upload, limits),             \
        TEST(backend, a_resend_takes_no_upload, limits),                                       \
        TEST(backend, a_message_is_refused_for_its_place_first, limits),                       \
        TEST(backend, a_message_that_is_withheld_keeps_it_too, limits)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("uploads_message", on_postgres);
    return cmocka_run_group_tests_name("uploads_message", tests, NULL, NULL);
}
