/** What a session sends to one recipient is stored in the order of the calls. */
#include "support/file_world.h"

static void a_text_waits_behind_a_file(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answers[4];

    hold_takes(w);
    start_text(&p->alice, wallet(2), "a", &answers[0]);
    start_file(&p->alice, wallet(2), "b", file, &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    start_text(&p->alice, wallet(2), "d", &answers[3]);
    settle(w);
    expect_got(&p->bob, "a");
    end_take(w, file, 0);
    expect_got(&p->bob, "a b+name c d");
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        expect_answer(answers[i], 0);
    assert_int_equal(say(&p->alice, wallet(2), "e"), 5);
    pair_free(p);
}

static void a_text_waits_behind_a_file_that_was_accepted_before(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const account owner = wallet(1);
    const char *file = fake_upload_add(w->uploads, &owner, "image/png", UPLOAD_ACCEPTED);
    struct answer answers[2];

    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    start_text(&p->alice, wallet(2), "b", &answers[1]);
    settle(w);
    expect_got(&p->bob, "a+name b");
    pair_free(p);
}

static void checks_go_side_by_side_and_appends_in_order(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *first = announced(w, 1, "image/png");
    const char *second = announced(w, 1, "image/png");
    struct answer answers[3];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", first, &answers[0]);
    start_file(&p->alice, wallet(2), "b", second, &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    settle(w);
    assert_int_equal(w->media->ways[FAKE_TAKE].n_now, 2);
    end_take(w, second, 0);
    assert_int_equal(answers[1].times, 0);
    expect_got(&p->bob, "");
    end_take(w, first, 0);
    expect_got(&p->bob, "a+name b+name c");
    pair_free(p);
}

static void one_that_is_ready_goes_in_time_when_the_one_before_it_is_late(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *first = announced(w, 1, "image/png");
    const char *second = announced(w, 1, "image/png");
    struct answer answers[3];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", first, &answers[0]);
    start_file(&p->alice, wallet(2), "b", second, &answers[1]); // in the same millisecond
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    settle(w);
    end_take(w, second, 0);
    pass(w, CHAT_UPLOAD_WAIT_MS - 1);
    assert_int_equal(answers[0].times + answers[1].times + answers[2].times, 0);
    pass(w, 1);
    expect_answer(answers[0], CHAT_MEDIA_UNAVAILABLE);
    expect_answer(answers[1], 0);
    expect_answer(answers[2], 0);
    expect_got(&p->bob, "b+name c");
    assert_int_equal(chat_counters(w->chat)->uploads_late, 1);
    end_take(w, first, 0);
    expect_got(&p->bob, "b+name c");
    pair_free(p);
}

static void one_that_is_refused_lets_those_behind_it_go_on(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *files[2] = {announced(w, 1, "image/png"), announced(w, 1, "image/png")};
    struct answer answers[4];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", files[0], &answers[0]);
    start_text(&p->alice, wallet(2), "b", &answers[1]);
    start_file(&p->alice, wallet(2), "c", files[1], &answers[2]);
    start_text(&p->alice, wallet(2), "d", &answers[3]);
    settle(w);
    end_take(w, files[1],
             MEDIA_REJECTED); // in the middle: answered, but nobody passes the first
    expect_answer(answers[2], CHAT_UPLOAD_REJECTED);
    expect_got(&p->bob, "");
    end_take(w, files[0], MEDIA_MISMATCH);
    expect_answer(answers[0], CHAT_UPLOAD_MISMATCH);
    expect_got(&p->bob, "b d");
    pair_free(p);
}

static void others_are_not_held_up(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct device carol;
    struct device phone;
    struct answer answers[4];

    connect_device(w, &carol, wallet(3), "");
    connect_device(w, &phone, wallet(1), "");
    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    start_text(&p->alice, wallet(3), "to another", &answers[1]);
    start_text(&phone, wallet(2), "other socket", &answers[2]);
    start_text(&p->alice, wallet(2), "c", &answers[3]);
    settle(w);
    expect_got(&carol, "to another");
    expect_got(&p->bob, "other socket");
    end_take(w, file, 0);
    expect_got(&p->bob, "other socket a+name c");
    close_device(&carol);
    close_device(&phone);
    pair_free(p);
}

static void files_to_others_hold_up_nobody(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *files[2] = {announced(w, 1, "image/png"), announced(w, 1, "image/png")};
    struct device carol;
    struct answer answers[4];

    connect_device(w, &carol, wallet(3), "");
    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", files[0], &answers[0]);
    start_file(&p->alice, wallet(3), "b", files[1], &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    start_text(&p->alice, wallet(3), "d", &answers[3]);
    settle(w);
    end_take(w, files[1], 0);
    expect_got(&carol, "b+name d");
    expect_got(&p->bob, "");
    end_take(w, files[0], MEDIA_MISSING);
    expect_got(&p->bob, "c");
    close_device(&carol);
    pair_free(p);
}

static void sends_without_a_session_have_no_order(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const account self = wallet(1);
    const char *file = announced(w, 1, "image/png");
    const struct chat_send first = file_to(wallet(2), "a", file, NULL);
    const struct chat_send second = text_to(wallet(2), "b", NULL);
    struct chat_actor actor;
    struct answer answers[2] = {0};

    chat_actor_init(&actor, w->chat, &self, NULL);
    hold_takes(w);
    assert_int_equal(chat_send(&actor, &first, on_sent, &answers[0]), 0);
    assert_int_equal(chat_send(&actor, &second, on_sent, &answers[1]), 0);
    settle(w);
    expect_answer(answers[1], 0);
    end_take(w, file, 0);
    expect_answer(answers[0], 0);
    assert_int_equal(actor.n_requests, 0);
    expect_got(&p->bob, "b a+name");
    pair_free(p);
}

struct again {
    struct device *device;
    struct answer answer;
    struct answer next;
};

static void on_sent_send_again(void *arg, int r, const struct store_appended *a)
{
    struct again *again = arg;

    on_sent(&again->answer, r, a);
    start_text(again->device, wallet(2), "again", &again->next);
}

static void what_is_sent_with_an_answer_goes_behind_what_waits(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    const struct chat_send send = file_to(wallet(2), "a", file, NULL);
    struct again again = {.device = &p->alice};
    struct answer text;

    w->media->ways[FAKE_TAKE].r = MEDIA_MISSING;
    assert_int_equal(
        chat_send(chat_session_actor(p->alice.session), &send, on_sent_send_again, &again), 0);
    start_text(&p->alice, wallet(2), "b", &text);
    settle(w);
    expect_answer(again.answer, CHAT_UPLOAD_MISSING);
    expect_answer(again.next, 0);
    expect_got(&p->bob, "b again");
    pair_free(p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_text_waits_behind_a_file),
        TEST(a_text_waits_behind_a_file_that_was_accepted_before),
        TEST(checks_go_side_by_side_and_appends_in_order),
        TEST(one_that_is_ready_goes_in_time_when_the_one_before_it_is_late),
        TEST(one_that_is_refused_lets_those_behind_it_go_on),
        TEST(others_are_not_held_up),
        TEST(files_to_others_hold_up_nobody),
        TEST(sends_without_a_session_have_no_order),
        TEST(what_is_sent_with_an_answer_goes_behind_what_waits),
    };
    return cmocka_run_group_tests_name("chat_attach_order", tests, NULL, NULL);
}
