#include "support/file_world.h"

static unsigned n_takes(const struct chat_world *w)
{
    return w->media->ways[FAKE_TAKE].n_asked;
}

// One file.

static void a_file_is_checked_then_stored_with_what_is_known_of_it(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answer);
    settle(w);
    assert_int_equal(answer.times, 0);
    assert_int_equal(fake_upload_state(w->uploads, file), UPLOAD_PENDING);
    end_take(w, file, 0);
    expect_answer(answer, 0);
    assert_int_equal(fake_upload_state(w->uploads, file), UPLOAD_ACCEPTED);
    assert_int_equal(fake_upload_get(w->uploads, file)->until_ms,
                     w->unix_ms + w->config.uploads.kept_ms);
    expect_got(&p->bob, "a+name");
    assert_int_equal(chat_counters(w->chat)->uploads_taken, 1);
    pair_free(p);
}

static void a_file_that_was_accepted_is_not_checked_again(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    for (int i = 0; i < 2; i++) {
        start_file(&p->alice, wallet(2), "a", file, &answer);
        settle(w);
        expect_answer(answer, 0);
    }
    assert_int_equal(n_takes(w), 1);
    assert_int_equal(w->uploads->ways[FAKE_SETTLE].n_asked, 1);
    expect_got(&p->bob, "a+name a+name");
    pair_free(p);
}

static void tells_why_a_file_is_not_taken(void **state)
{
    static const struct {
        const char *name;
        uint8_t owner;
        enum upload_state state;
        int taken; // what the take is answered; -1: it is not asked for
        int want;
        enum upload_state then;
        unsigned n_refused; // checks
    } rows[] = {
        {"another's", 2, UPLOAD_ACCEPTED, -1, CHAT_UPLOAD_MISSING, UPLOAD_ACCEPTED, 0},
        {"another's, pending", 2, UPLOAD_PENDING, -1, CHAT_UPLOAD_MISSING, UPLOAD_PENDING, 0},
        {"another's, rejected", 2, UPLOAD_REJECTED, -1, CHAT_UPLOAD_MISSING, UPLOAD_REJECTED,
         0},
        {"over", 1, UPLOAD_DELETING, -1, CHAT_UPLOAD_MISSING, UPLOAD_DELETING, 0},
        {"rejected before", 1, UPLOAD_REJECTED, -1, CHAT_UPLOAD_REJECTED, UPLOAD_REJECTED, 0},
        {"not there", 1, UPLOAD_PENDING, MEDIA_MISSING, CHAT_UPLOAD_MISSING, UPLOAD_PENDING, 1},
        {"other than announced", 1, UPLOAD_PENDING, MEDIA_MISMATCH, CHAT_UPLOAD_MISMATCH,
         UPLOAD_PENDING, 1},
        {"rejected", 1, UPLOAD_PENDING, MEDIA_REJECTED, CHAT_UPLOAD_REJECTED, UPLOAD_REJECTED,
         1},
        {"out of reach", 1, UPLOAD_PENDING, MEDIA_UNAVAILABLE, CHAT_MEDIA_UNAVAILABLE,
         UPLOAD_PENDING, 0},
        {"a fault", 1, UPLOAD_PENDING, -EIO, CHAT_MEDIA_UNAVAILABLE, UPLOAD_PENDING, 0},
    };
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    uint64_t n_refused = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const account owner = wallet(rows[i].owner);
        const char *file = fake_upload_add(w->uploads, &owner, "image/png", rows[i].state);
        const unsigned n_before = n_takes(w);
        struct answer answer;

        w->media->ways[FAKE_TAKE].r = rows[i].taken;
        start_file(&p->alice, wallet(2), "a", file, &answer);
        settle(w);
        expect_int(rows[i].name, answer.times, 1);
        expect_int(rows[i].name, answer.r, rows[i].want);
        expect_int(rows[i].name, fake_upload_state(w->uploads, file), rows[i].then);
        expect_int(rows[i].name, n_takes(w) - n_before, rows[i].taken != -1);
        n_refused += rows[i].n_refused;
        expect_int(rows[i].name, chat_counters(w->chat)->uploads_refused, n_refused);
        expect_int(rows[i].name, chat_counters(w->chat)->refused, i + 1);
    }
    assert_int_equal(p->bob.n_got, 0);
    pair_free(p);
}

static void a_file_that_nobody_has_announced_is_missing(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    struct answer answer;

    start_file(&p->alice, wallet(2), "a", "upload00000000000000", &answer);
    settle(w);
    expect_answer(answer, CHAT_UPLOAD_MISSING);
    pair_free(p);
}

/** Its sender never heard that it is stored: "missing" would be said of a message that is
 * there. */
static void a_repeat_is_a_duplicate_when_its_file_is_over(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct chat_send send = file_to(wallet(2), "a", file, "k");
    struct answer answers[4] = {0};

    for (size_t i = 0; i < 3; i++) {
        if (i == 1)
            fake_upload_get(w->uploads, file)->upload.state = UPLOAD_DELETING;
        if (i == 2)
            fake_upload_remove(w->uploads, str_of(send.upload.ptr));
        assert_int_equal(
            chat_send(chat_session_actor(p->alice.session), &send, on_sent, &answers[i]), 0);
        settle(w);
        expect_answer(answers[i], 0);
        assert_int_equal(answers[i].seq, 1);
        assert_int_equal(answers[i].duplicate, i > 0);
    }
    send.digest[0]++;
    assert_int_equal(
        chat_send(chat_session_actor(p->alice.session), &send, on_sent, &answers[3]), 0);
    settle(w);
    expect_answer(answers[3], CHAT_CONFLICT);
    expect_got(&p->bob, "a+name");
    pair_free(p);
}

static void what_is_behind_a_file_that_is_over_keeps_its_order(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answers[3];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    start_file(&p->alice, wallet(2), "b", "upload99999999999999", &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    settle(w);
    assert_int_equal(answers[1].times + answers[2].times, 0);
    end_take(w, file, 0);
    expect_answer(answers[0], 0);
    expect_answer(answers[1], CHAT_UPLOAD_MISSING);
    expect_answer(answers[2], 0);
    expect_got(&p->bob, "a+name c");
    pair_free(p);
}

static void a_file_that_comes_late_can_be_sent_then(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    w->media->ways[FAKE_TAKE].r = MEDIA_MISSING;
    start_file(&p->alice, wallet(2), "a", file, &answer);
    settle(w);
    expect_answer(answer, CHAT_UPLOAD_MISSING);
    w->media->ways[FAKE_TAKE].r = 0;
    start_file(&p->alice, wallet(2), "a", file, &answer);
    settle(w);
    expect_answer(answer, 0);
    pair_free(p);
}

static void the_type_of_the_message_fits_the_file(void **state)
{
    static const struct {
        const char *mime;
        bool fits[CHAT_N_KINDS]; // image, video, audio, file
    } rows[] = {
        {"image/png", {true, false, false, true}},
        {"video/mp4", {false, true, false, true}},
        {"audio/ogg", {false, false, true, true}},
        {"text/plain", {false, false, false, true}},
    };
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t kind = 0; kind < CHAT_N_KINDS; kind++) {
            const char *file = announced(w, 1, rows[i].mime);
            struct chat_send send = file_to(wallet(2), "a", file, NULL);
            struct answer answer = {0};
            const unsigned n_before = n_takes(w);
            send.kind = (enum chat_kind)kind;
            expect_int(rows[i].mime,
                       chat_send(chat_session_actor(p->alice.session), &send, on_sent, &answer),
                       0);
            settle(w);
            expect_int(rows[i].mime, answer.r, rows[i].fits[kind] ? 0 : CHAT_UPLOAD_MISMATCH);
            expect_int(rows[i].mime, n_takes(w) - n_before, rows[i].fits[kind]);
        }
    }
    pair_free(p);
}

static void nothing_is_stored_while_the_uploads_are_out_of_reach(void **state)
{
    static const struct {
        const char *name;
        enum fake_uploads_kind kind;
        int r;
    } rows[] = {
        {"find, unavailable", FAKE_FIND, UPLOADS_UNAVAILABLE},
        {"find, a fault", FAKE_FIND, -EIO},
        {"settle, unavailable", FAKE_SETTLE, UPLOADS_UNAVAILABLE},
        {"settle, uncertain", FAKE_SETTLE, UPLOADS_UNCERTAIN},
        {"settle, a fault", FAKE_SETTLE, -EIO},
    };
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *file = announced(w, 1, "image/png");
        struct fake_uploads_way *way = &w->uploads->ways[rows[i].kind];
        struct answer answer;

        way->n_failing = 1;
        way->r = rows[i].r;
        start_file(&p->alice, wallet(2), "a", file, &answer);
        settle(w);
        expect_int(rows[i].name, answer.times, 1);
        expect_int(rows[i].name, answer.r, CHAT_UNAVAILABLE);
        expect_int(rows[i].name, p->bob.n_got, i);
        start_file(&p->alice, wallet(2), "a", file, &answer); // again, and all is well
        settle(w);
        expect_int(rows[i].name, answer.r, 0);
    }
    pair_free(p);
}

static void a_file_that_went_before_the_append_is_missing(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    store_mem_fail(w->mem, STORE_NO_UPLOAD, 1);
    start_file(&p->alice, wallet(2), "a", file, &answer);
    settle(w);
    expect_answer(answer, CHAT_UPLOAD_MISSING);
    assert_int_equal(p->bob.n_got, 0);
    pair_free(p);
}

static void what_somebody_else_has_settled_counts(void **state)
{
    static const struct {
        const char *name;
        enum upload_state settled;
        int taken;
        int want;
    } rows[] = {
        {"rejected there, taken here", UPLOAD_REJECTED, 0, CHAT_UPLOAD_REJECTED},
        {"taken there, rejected here", UPLOAD_ACCEPTED, MEDIA_REJECTED, 0},
    };
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);

    hold_takes(w);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *file = announced(w, 1, "image/png");
        struct answer answer;

        start_file(&p->alice, wallet(2), "a", file, &answer);
        settle(w);
        fake_upload_get(w->uploads, file)->upload.state = rows[i].settled;
        end_take(w, file, rows[i].taken);
        expect_int(rows[i].name, answer.times, 1);
        expect_int(rows[i].name, answer.r, rows[i].want);
        expect_int(rows[i].name, w->media->ways[FAKE_DROP].n_asked, 0);
    }
    pair_free(p);
}

static void an_uncertain_append_of_a_file_is_repeated_as_it_was(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    store_mem_lose(w->mem, 2);
    start_file(&p->alice, wallet(2), "a", file, &answer);
    settle(w);
    assert_int_equal(answer.times, 0);
    pass(w, 6000); // the deadline of the check is none of the append's
    expect_answer(answer, 0);
    expect_got(&p->bob, "a+name");
    assert_int_equal(n_takes(w), 1);
    assert_int_equal(chat_counters(w->chat)->uploads_late, 0);
    pair_free(p);
}

// The deadline.

static void waits_for_a_check_until_its_deadline(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answer);
    pass(w, CHAT_UPLOAD_WAIT_MS - 1);
    assert_int_equal(answer.times, 0);
    end_take(w, file, 0);
    expect_answer(answer, 0);
    pass(w, 1000);
    assert_int_equal(answer.times, 1);
    assert_int_equal(chat_counters(w->chat)->uploads_late, 0);
    pair_free(p);
}

static void a_late_send_is_never_stored_and_a_repeat_finds_the_check_done(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answer);
    pass(w, CHAT_UPLOAD_WAIT_MS - 1);
    assert_int_equal(answer.times, 0);
    pass(w, 1);
    expect_answer(answer, CHAT_MEDIA_UNAVAILABLE);
    assert_int_equal(chat_counters(w->chat)->uploads_late, 1);
    assert_false(chat_is_idle(w->chat)); // the check goes on
    end_take(w, file, 0);
    assert_true(chat_is_idle(w->chat));
    assert_int_equal(fake_upload_state(w->uploads, file), UPLOAD_ACCEPTED);
    pass(w, 20000);
    assert_int_equal(answer.times, 1);
    assert_int_equal(p->bob.n_got, 0);

    start_file(&p->alice, wallet(2), "b", file, &answer);
    settle(w);
    expect_answer(answer, 0);
    expect_got(&p->bob, "b+name");
    assert_int_equal(n_takes(w), 1);
    pair_free(p);
}

static void a_send_may_be_late_while_its_file_is_looked_for(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answer;
    struct answer text;

    w->uploads->ways[FAKE_FIND].is_held = true;
    start_file(&p->alice, wallet(2), "a", file, &answer);
    start_text(&p->alice, wallet(2), "b", &text);
    pass(w, CHAT_UPLOAD_WAIT_MS);
    expect_answer(answer, CHAT_MEDIA_UNAVAILABLE);
    expect_answer(text, 0);
    close_device(&p->alice);
    assert_false(chat_is_idle(w->chat));
    fake_uploads_release(w->uploads);
    settle(w);
    assert_true(chat_is_idle(w->chat));
    assert_int_equal(n_takes(w), 0);
    expect_got(&p->bob, "b");
    pair_free(p);
}

// Checks that are shared.

static void sends_of_one_file_share_its_check(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct device phone;
    struct device carol;
    struct answer answers[3];

    connect_device(w, &phone, wallet(1), "");
    connect_device(w, &carol, wallet(3), "");
    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    start_file(&p->alice, wallet(3), "b", file, &answers[1]);
    settle(w);
    start_file(&phone, wallet(3), "c", file, &answers[2]);
    settle(w);
    assert_int_equal(n_takes(w), 1);
    end_take(w, file, 0);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        expect_answer(answers[i], 0);
    assert_int_equal(n_takes(w), 1);
    assert_int_equal(chat_counters(w->chat)->uploads_taken, 1);
    expect_got(&p->bob, "a+name");
    expect_got(&carol, "b+name c+name");
    close_device(&phone);
    close_device(&carol);
    pair_free(p);
}

static void a_check_that_fails_fails_for_all_who_share_it(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answers[3];

    hold_takes(w);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        start_file(&p->alice, wallet(2), "a", file, &answers[i]);
    settle(w);
    end_take(w, file, MEDIA_MISSING);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        expect_answer(answers[i], CHAT_UPLOAD_MISSING);
    assert_int_equal(chat_counters(w->chat)->uploads_refused, 1);
    pair_free(p);
}

static void a_later_send_joins_the_check_of_one_that_was_late(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer first;
    struct answer second;

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &first);
    pass(w, CHAT_UPLOAD_WAIT_MS);
    expect_answer(first, CHAT_MEDIA_UNAVAILABLE);
    start_file(&p->alice, wallet(2), "b", file, &second);
    pass(w, 3000);
    end_take(w, file, 0);
    expect_answer(second, 0);
    assert_int_equal(n_takes(w), 1);
    expect_got(&p->bob, "b+name");
    pair_free(p);
}

static void a_repeat_under_way_is_a_duplicate(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    const struct chat_send send = file_to(wallet(2), "a", file, "key");
    struct device phone;
    struct answer answers[3] = {0};

    connect_device(w, &phone, wallet(1), "");
    struct device *devices[3] = {&p->alice, &p->alice, &phone};
    hold_takes(w);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct chat_actor *actor = chat_session_actor(devices[i]->session);
        assert_int_equal(chat_send(actor, &send, on_sent, &answers[i]), 0);
        settle(w);
    }
    end_take(w, file, 0);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        expect_answer(answers[i], 0);
        assert_int_equal(answers[i].seq, 1);
        assert_int_equal(answers[i].duplicate, i > 0);
    }
    expect_got(&p->bob, "a+name");
    close_device(&phone);
    pair_free(p);
}

// Ends.

static void sends_that_wait_outlive_their_session(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *files[2] = {announced(w, 1, "image/png"), announced(w, 1, "image/png")};
    struct answer answers[3];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", files[0], &answers[0]);
    start_file(&p->alice, wallet(2), "b", files[1], &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    settle(w);
    close_device(&p->alice);
    assert_false(chat_is_idle(w->chat));
    pass(w, 100);
    end_take(w, files[1], 0);
    pass(w, CHAT_UPLOAD_WAIT_MS);
    expect_answer(answers[0], CHAT_MEDIA_UNAVAILABLE);
    expect_answer(answers[1], 0);
    expect_answer(answers[2], 0);
    expect_got(&p->bob, "b+name c");
    end_take(w, files[0], 0);
    assert_true(chat_is_idle(w->chat));
    pair_free(p);
}

static void stopping_refuses_what_waits_for_a_file(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *files[3] = {announced(w, 1, "image/png"), announced(w, 1, "image/png"),
                            announced(w, 1, "image/png")};
    struct answer answers[5];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", files[0], &answers[0]);
    start_file(&p->alice, wallet(2), "b", files[1], &answers[1]);
    start_text(&p->alice, wallet(2), "c", &answers[2]);
    settle(w);
    end_take(w, files[1], 0);
    start_file(&p->alice, wallet(3), "d", files[2], &answers[3]); // it is looked for still
    chat_stop(w->chat);
    start_file(&p->alice, wallet(3), "e", files[2], &answers[4]);
    settle(w);
    expect_answer(answers[0], CHAT_MEDIA_UNAVAILABLE);
    expect_answer(answers[1], 0); // it was in nobody's way but the first's
    expect_answer(answers[2], 0);
    expect_answer(answers[3], CHAT_MEDIA_UNAVAILABLE);
    expect_answer(answers[4], CHAT_MEDIA_UNAVAILABLE);
    assert_int_equal(n_takes(w), 2);
    assert_int_equal(chat_counters(w->chat)->uploads_late, 0);
    assert_false(chat_is_idle(w->chat)); // a check is under way
    media_stop(&w->media->media);
    settle(w);
    assert_true(chat_is_idle(w->chat));
    expect_got(&p->bob, "b+name c");
    pair_free(p);
}

static void media_that_stop_first_end_what_waits(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    struct answer answers[2];

    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    start_text(&p->alice, wallet(2), "b", &answers[1]);
    settle(w);
    chat_shut_down(w->chat);
    settle(w);
    assert_int_equal(answers[0].times, 0);
    media_stop(&w->media->media);
    settle(w);
    expect_answer(answers[0], CHAT_MEDIA_UNAVAILABLE);
    expect_answer(answers[1], 0);
    assert_true(chat_is_idle(w->chat));
    pair_free(p);
}

static void sends_that_wait_count_as_requests(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    static struct answer answers[CHAT_REQUESTS_MAX];
    struct answer answer;

    say(&p->bob, wallet(1), "hi"); // so he takes more than of a stranger
    hold_takes(w);
    start_file(&p->alice, wallet(2), "a", file, &answers[0]);
    for (size_t i = 1; i < CHAT_REQUESTS_MAX; i++)
        start_text(&p->alice, wallet(2), "b", &answers[i]);
    settle(w);
    assert_int_equal(start_send(&p->alice, wallet(2), "c", NULL, &answer), CHAT_BUSY);
    end_take(w, file, 0);
    for (size_t i = 0; i < CHAT_REQUESTS_MAX; i++) {
        expect_answer(answers[i], 0);
        assert_int_equal(answers[i].seq, i + 2);
    }
    pair_free(p);
}

/** @return what chat_send() did */
static int start_large(struct device *d, account to, const char *file, str content,
                       struct answer *answer)
{
    struct chat_send send = file_to(to, "", file, NULL);

    send.content = content;
    *answer = (struct answer){0};
    return chat_send(chat_session_actor(d->session), &send, on_sent, answer);
}

static void what_waits_has_a_limit_in_bytes(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    const size_t max = CHAT_WAITING_MAX - 1024;
    char *content = mem_alloc(max + 1);
    struct answer answers[3];

    memset(content, 'x', max + 1);
    hold_takes(w);
    for (int i = 0; i < 2; i++) { // what one has taken, it gives back
        assert_int_equal(
            start_large(&p->alice, wallet(2), file, (str){content, max + 1}, &answers[0]),
            CHAT_BUSY);
        assert_int_equal(
            start_large(&p->alice, wallet(2), file, (str){content, max}, &answers[0]), 0);
        settle(w);
        assert_int_equal(start_send(&p->alice, wallet(2), "", NULL, &answers[1]), CHAT_BUSY);
        start_text(&p->alice, wallet(3), "does not wait", &answers[2]);
        settle(w);
        expect_answer(answers[2], 0);
        end_take(w, file, MEDIA_MISSING);
        expect_answer(answers[0], CHAT_UPLOAD_MISSING);
    }
    free(content);
    pair_free(p);
}

static void sends_that_wait_share_the_limit_in_bytes(void **state)
{
    struct chat_world *w = *state;
    struct pair *p = pair_new(w);
    const char *file = announced(w, 1, "image/png");
    const size_t max = CHAT_WAITING_MAX - (size_t)3 * 1024 - 1;
    char *content = mem_alloc(max);
    struct answer answers[3];

    memset(content, 'x', max);
    hold_takes(w);
    assert_int_equal(start_large(&p->alice, wallet(2), file, (str){content, max}, &answers[0]),
                     0);
    start_text(&p->alice, wallet(2), "a", &answers[1]);
    assert_int_equal(start_send(&p->alice, wallet(2), "a", NULL, &answers[2]), CHAT_BUSY);
    start_text(&p->alice, wallet(2), "", &answers[2]);
    settle(w);
    end_take(w, file, MEDIA_MISSING);
    expect_got(&p->bob, "a ");
    free(content);
    pair_free(p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_checked_then_stored_with_what_is_known_of_it),
        TEST(a_file_that_was_accepted_is_not_checked_again),
        TEST(tells_why_a_file_is_not_taken),
        TEST(a_file_that_nobody_has_announced_is_missing),
        TEST(a_repeat_is_a_duplicate_when_its_file_is_over),
        TEST(what_is_behind_a_file_that_is_over_keeps_its_order),
        TEST(a_file_that_comes_late_can_be_sent_then),
        TEST(the_type_of_the_message_fits_the_file),
        TEST(nothing_is_stored_while_the_uploads_are_out_of_reach),
        TEST(a_file_that_went_before_the_append_is_missing),
        TEST(what_somebody_else_has_settled_counts),
        TEST(an_uncertain_append_of_a_file_is_repeated_as_it_was),
        TEST(waits_for_a_check_until_its_deadline),
        TEST(a_late_send_is_never_stored_and_a_repeat_finds_the_check_done),
        TEST(a_send_may_be_late_while_its_file_is_looked_for),
        TEST(sends_of_one_file_share_its_check),
        TEST(a_check_that_fails_fails_for_all_who_share_it),
        TEST(a_later_send_joins_the_check_of_one_that_was_late),
        TEST(a_repeat_under_way_is_a_duplicate),
        TEST(sends_that_wait_outlive_their_session),
        TEST(stopping_refuses_what_waits_for_a_file),
        TEST(media_that_stop_first_end_what_waits),
        TEST(sends_that_wait_count_as_requests),
        TEST(what_waits_has_a_limit_in_bytes),
        TEST(sends_that_wait_share_the_limit_in_bytes),
    };
    return cmocka_run_group_tests_name("chat_attach", tests, NULL, NULL);
}
