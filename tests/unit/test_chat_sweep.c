#include "support/file_world.h"

static struct fake_media_way *drops(struct chat_world *w)
{
    return &w->media->ways[FAKE_DROP];
}

static unsigned n_asked(const struct chat_world *w, enum fake_uploads_kind kind)
{
    return w->uploads->ways[kind].n_asked;
}

/** Uploads of wallet 1 whose time is over. @return the first one's id */
static const char *add_over(struct chat_world *w, size_t n)
{
    const char *first = NULL;

    for (size_t i = 0; i < n; i++) {
        const char *id = announced(w, 1, "image/png");
        fake_upload_get(w->uploads, id)->until_ms = w->unix_ms;
        if (!first)
            first = id;
    }
    return first;
}

static void sweep(struct chat_world *w)
{
    pass(w, CHAT_SWEEP_MS);
}

static void deletes_what_is_over_and_nothing_else(void **state)
{
    struct chat_world *w = *state;
    const char *over = add_over(w, 1);
    const char *other = announced(w, 1, "image/png");

    fake_upload_get(w->uploads, other)->until_ms = w->unix_ms + CHAT_SWEEP_MS + 1;
    sweep(w);
    assert_false(fake_upload_is_there(w->uploads, over));
    assert_true(fake_upload_is_there(w->uploads, other));
    assert_int_equal(drops(w)->n_asked, 1);
    assert_int_equal(chat_counters(w->chat)->uploads_swept, 1);
    sweep(w);
    assert_false(fake_upload_is_there(w->uploads, other));
    assert_int_equal(chat_counters(w->chat)->uploads_swept, 2);
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, 0);
    assert_true(chat_is_idle(w->chat));
}

static void a_claim_says_until_when(void **state)
{
    struct chat_world *w = *state;

    sweep(w);
    assert_int_equal(w->uploads->claimed.now_ms, w->unix_ms);
    assert_int_equal(w->uploads->claimed.again_ms, w->unix_ms + CHAT_SWEEP_AGAIN_MS);
    assert_int_equal(w->uploads->claimed.max, UPLOADS_CLAIM_MAX);
}

static void looks_twice_in_the_time_for_which_uploads_are_kept(void **state)
{
    static const struct {
        const char *name;
        int64_t kept_ms;
        int64_t want_ms;
    } rows[] = {
        {"a day", 86400000, CHAT_SWEEP_MS},
        {"two minutes", INT64_C(2) * CHAT_SWEEP_MS, CHAT_SWEEP_MS},
        {"a little less", INT64_C(2) * CHAT_SWEEP_MS - 2, CHAT_SWEEP_MS - 1},
        {"a second", 1000, 500},
        {"200 ms", 200, 100},
        {"less than that", 100, 100},
        {"next to nothing", 1, 100},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chat_world *w = NEW(struct chat_world);
        void *started = w;
        w->takes_files = true;
        w->config.uploads.kept_ms = rows[i].kept_ms;
        world_start(w, NULL);
        pass(w, rows[i].want_ms - 1);
        expect_int(rows[i].name, n_asked(w, FAKE_CLAIM), 0);
        pass(w, 1);
        expect_int(rows[i].name, n_asked(w, FAKE_CLAIM), 1);
        pass(w, rows[i].want_ms - 1);
        expect_int(rows[i].name, n_asked(w, FAKE_CLAIM), 1);
        pass(w, 1);
        expect_int(rows[i].name, n_asked(w, FAKE_CLAIM), 2);
        world_teardown(&started);
    }
}

static void a_page_that_was_full_is_followed_by_the_next(void **state)
{
    static const struct {
        const char *name;
        size_t n;
        unsigned n_claims;
    } rows[] = {
        {"none", 0, 1},
        {"one less than a page", UPLOADS_CLAIM_MAX - 1, 1},
        {"a page", UPLOADS_CLAIM_MAX, 2},
        {"one more", UPLOADS_CLAIM_MAX + 1, 2},
        {"two pages and some", 2 * UPLOADS_CLAIM_MAX + 3, 3},
    };
    struct chat_world *w = *state;
    uint64_t n = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const unsigned n_before = n_asked(w, FAKE_CLAIM);
        add_over(w, rows[i].n);
        sweep(w);
        n += rows[i].n;
        expect_int(rows[i].name, n_asked(w, FAKE_CLAIM) - n_before, rows[i].n_claims);
        expect_int(rows[i].name, chat_counters(w->chat)->uploads_swept, n);
    }
}

static void deletes_a_few_at_a_time(void **state)
{
    struct chat_world *w = *state;
    const char *first = add_over(w, 20);

    drops(w)->is_held = true;
    sweep(w);
    assert_int_equal(drops(w)->n_now, 8);
    fake_media_answer(w->media, FAKE_DROP, first, 0);
    settle(w);
    assert_int_equal(drops(w)->n_now, 8);
    assert_int_equal(drops(w)->n_asked, 9);
    assert_false(chat_is_idle(w->chat));
    pass(w, INT64_C(5) * CHAT_SWEEP_MS);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 1); // one sweep after the other
    media_stop(&w->media->media);
    settle(w);
    assert_true(chat_is_idle(w->chat));
    assert_int_equal(chat_counters(w->chat)->uploads_swept, 1);
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, 19);
}

struct warnings {
    size_t n;
    char last[256];
};

static void on_line(void *arg, str line)
{
    struct warnings *warnings = arg;

    snprintf(warnings->last, sizeof(warnings->last), STR_FMT, STR_ARG(line));
    warnings->n++;
}

static void what_cannot_be_deleted_is_tried_again_and_said_once(void **state)
{
    struct chat_world *w = *state;
    const size_t n = UPLOADS_CLAIM_MAX - 1;
    struct warnings warnings = {0};

    add_over(w, n);
    drops(w)->r = MEDIA_UNAVAILABLE;
    log_set_sink(on_line, &warnings);
    sweep(w);
    log_set_sink(NULL, NULL);
    assert_int_equal(warnings.n, 1);
    assert_non_null(strstr(warnings.last, "event=chat_unswept files=63"));
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, n);
    drops(w)->r = 0;
    pass(w, CHAT_SWEEP_AGAIN_MS - CHAT_SWEEP_MS);
    assert_int_equal(chat_counters(w->chat)->uploads_swept, 0);
    sweep(w);
    assert_int_equal(chat_counters(w->chat)->uploads_swept, n);
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, n);
    assert_int_equal(n_asked(w, FAKE_REMOVE), n);
}

static void a_page_of_which_nothing_could_be_deleted_is_the_last(void **state)
{
    struct chat_world *w = *state;

    add_over(w, (size_t)2 * UPLOADS_CLAIM_MAX);
    drops(w)->r = -EIO;
    sweep(w);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 1);
    sweep(w);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 2);
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, 2 * UPLOADS_CLAIM_MAX);
}

static void what_the_store_does_not_answer_is_for_the_next_time(void **state)
{
    static const struct {
        const char *name;
        int r;
        enum fake_uploads_kind kind;
        uint64_t n_unswept;
        int64_t again_ms;
    } rows[] = {
        {"claim, unavailable", UPLOADS_UNAVAILABLE, FAKE_CLAIM, 0, CHAT_SWEEP_MS},
        {"claim, uncertain", UPLOADS_UNCERTAIN, FAKE_CLAIM, 0,
         CHAT_SWEEP_AGAIN_MS + CHAT_SWEEP_MS},
        {"claim, a fault", -EIO, FAKE_CLAIM, 0, CHAT_SWEEP_MS},
        {"remove, unavailable", UPLOADS_UNAVAILABLE, FAKE_REMOVE, 1,
         CHAT_SWEEP_AGAIN_MS + CHAT_SWEEP_MS},
        {"remove, a fault", -EIO, FAKE_REMOVE, 1, CHAT_SWEEP_AGAIN_MS + CHAT_SWEEP_MS},
    };
    struct chat_world *w = *state;
    uint64_t n_unswept = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_uploads_way *way = &w->uploads->ways[rows[i].kind];
        const char *id = add_over(w, 1);
        way->r = rows[i].r;
        way->n_failing = 1;
        sweep(w);
        n_unswept += rows[i].n_unswept;
        expect_int(rows[i].name, chat_counters(w->chat)->uploads_swept, i);
        expect_int(rows[i].name, chat_counters(w->chat)->uploads_unswept, n_unswept);
        expect_int(rows[i].name, fake_upload_is_there(w->uploads, id), true);
        expect_int(rows[i].name, chat_is_idle(w->chat), true);
        pass(w, rows[i].again_ms);
        expect_int(rows[i].name, fake_upload_is_there(w->uploads, id), false);
        expect_int(rows[i].name, chat_counters(w->chat)->uploads_swept, i + 1);
    }
}

static void shutting_down_ends_the_sweeping(void **state)
{
    struct chat_world *w = *state;
    const char *first = add_over(w, (size_t)2 * UPLOADS_CLAIM_MAX);

    drops(w)->is_held = true;
    sweep(w);
    chat_shut_down(w->chat);
    fake_media_answer(w->media, FAKE_DROP, first, 0);
    settle(w);
    assert_int_equal(drops(w)->n_now, 7); // none in its place
    assert_false(fake_upload_is_there(w->uploads, first));
    media_stop(&w->media->media);
    settle(w);
    assert_true(chat_is_idle(w->chat));
    assert_int_equal(drops(w)->n_asked, 8);
    pass(w, INT64_C(10) * CHAT_SWEEP_MS);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 1);
}

static void shutting_down_before_a_sweep_leaves_none(void **state)
{
    struct chat_world *w = *state;

    add_over(w, 1);
    chat_shut_down(w->chat);
    pass(w, INT64_C(2) * CHAT_SWEEP_MS);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 0);
}

static void without_media_there_is_nothing_to_sweep(void **state)
{
    struct chat_world *w = *state;

    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
}

// Sweeping and taking the same.

struct race {
    const char *name;
    int taken;
    bool is_removed; // by another node, already
    int dropped;
};

static void expect_deleted_once_more(struct chat_world *w, struct device *alice,
                                     const struct race *row)
{
    const unsigned n_before = drops(w)->n_asked;
    const char *file = announced(w, 1, "image/png");
    char id[CHAT_UPLOAD_ID_SIZE];
    struct answer answer;

    snprintf(id, sizeof(id), "%s", file);
    start_file(alice, wallet(2), "a", file, &answer);
    settle(w);
    fake_upload_get(w->uploads, file)->upload.state = UPLOAD_DELETING;
    if (row->is_removed)
        fake_upload_remove(w->uploads, str_of(id));
    end_take(w, id, row->taken);
    expect_int(row->name, answer.times, 1);
    expect_int(row->name, answer.r, CHAT_UPLOAD_MISSING);
    expect_int(row->name, drops(w)->n_asked - n_before, 1);
    expect_str(row->name, str_of(w->media->last_drop), str_of(id));
    expect_int(row->name, chat_is_idle(w->chat), false);
    fake_media_answer(w->media, FAKE_DROP, id, row->dropped);
    settle(w);
    expect_int(row->name, chat_is_idle(w->chat), true);
}

static void what_was_swept_while_it_was_taken_is_deleted_once_more(void **state)
{
    static const struct race rows[] = {
        {"claimed", 0, false, 0},
        {"removed", 0, true, 0},
        {"rejected", MEDIA_REJECTED, true, 0},
        {"it can't be deleted", 0, true, MEDIA_UNAVAILABLE},
    };
    struct chat_world *w = *state;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    hold_takes(w);
    drops(w)->is_held = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_deleted_once_more(w, &alice, &rows[i]);
    assert_int_equal(chat_counters(w->chat)->uploads_taken, 0);
    close_device(&alice);
}

static void what_is_being_taken_here_is_swept_later(void **state)
{
    struct chat_world *w = *state;
    const char *file = add_over(w, 1);
    struct device alice;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    pass(w, CHAT_SWEEP_MS - 100);
    hold_takes(w);
    start_file(&alice, wallet(2), "a", file, &answer);
    pass(w, 100);
    assert_int_equal(n_asked(w, FAKE_CLAIM), 1);
    assert_int_equal(drops(w)->n_asked, 0);
    pass(w, 1000);
    end_take(w, file, MEDIA_UNAVAILABLE); // but the copy may come to be all the same
    expect_answer(answer, CHAT_MEDIA_UNAVAILABLE);
    assert_int_equal(drops(w)->n_asked, 0);
    pass(w, CHAT_SWEEP_AGAIN_MS + CHAT_SWEEP_MS);
    assert_int_equal(drops(w)->n_asked, 1);
    assert_false(fake_upload_is_there(w->uploads, file));
    assert_int_equal(chat_counters(w->chat)->uploads_unswept, 0);
    close_device(&alice);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(deletes_what_is_over_and_nothing_else),
        TEST(a_claim_says_until_when),
        cmocka_unit_test(looks_twice_in_the_time_for_which_uploads_are_kept),
        TEST(a_page_that_was_full_is_followed_by_the_next),
        TEST(deletes_a_few_at_a_time),
        TEST(what_cannot_be_deleted_is_tried_again_and_said_once),
        TEST(a_page_of_which_nothing_could_be_deleted_is_the_last),
        TEST(what_the_store_does_not_answer_is_for_the_next_time),
        TEST(shutting_down_ends_the_sweeping),
        TEST(shutting_down_before_a_sweep_leaves_none),
        cmocka_unit_test_setup_teardown(without_media_there_is_nothing_to_sweep, world_setup,
                                        world_teardown),
        TEST(what_was_swept_while_it_was_taken_is_deleted_once_more),
        TEST(what_is_being_taken_here_is_swept_later),
    };
    return cmocka_run_group_tests_name("chat_sweep", tests, NULL, NULL);
}
