#include "support/file_world.h"

/** Two nodes that have one store, what was announced in it, and one place for files. */
struct nodes {
    struct chat_world w; // its chat is the one that devices are opened on
    struct chat *idle;   // the world's own
    struct fake_media *media;
    struct bus *buses[2];
    struct chat *chats[2];
    struct device alices[2];
    char file[CHAT_UPLOAD_ID_SIZE];
};

static struct chat *node_new(struct nodes *n, struct bus *bus)
{
    struct chat_world *w = &n->w;
    struct chat_config config = {.uploads = {.max_bytes = {1000, 1000, 1000, 1000},
                                             .quota_bytes = 100000,
                                             .quota_ms = 86400000,
                                             .max_pending = 20,
                                             .kept_ms = 2000,
                                             .describe = world_describe}};

    return chat_new(&(struct chat_ports){.store = w->store,
                                         .uploads = store_mem_uploads(w->mem),
                                         .media = &n->media->media,
                                         .bus = bus,
                                         .timers = &w->timers,
                                         .later = &w->later,
                                         .clock = &w->clock,
                                         .rand = &w->rand},
                    &config);
}

static void on_announced(void *arg, int r, const struct chat_upload *u)
{
    struct nodes *n = arg;

    assert_int_equal(r, 0);
    str_copy(n->file, u->id);
}

static void announce(struct nodes *n)
{
    const struct chat_announce what = {STR("name"), STR("image/png"), 7, NULL};

    assert_int_equal(
        chat_upload(chat_session_actor(n->alices[0].session), &what, on_announced, n), 0);
    settle(&n->w);
}

static int setup(void **state)
{
    struct nodes *n = NEW(struct nodes);
    struct chat_world *w = &n->w;

    world_start(w, NULL);
    n->idle = w->chat;
    n->media = fake_media_new(&w->later);
    n->media->ways[FAKE_TAKE].is_held = true;
    for (size_t i = 2; i-- > 0;) { // the second one sweeps first
        n->buses[i] = bus_local_new(&w->later, &w->rand);
        n->chats[i] = node_new(n, n->buses[i]);
        w->chat = n->chats[i];
        connect_device(w, &n->alices[i], wallet(1), "");
    }
    announce(n);
    *state = n;
    return 0;
}

static int teardown(void **state)
{
    struct nodes *n = *state;

    for (size_t i = 0; i < 2; i++) {
        close_device(&n->alices[i]);
        chat_stop(n->chats[i]);
        pass(&n->w, 20000); // who was online is seen
        assert_true(chat_is_idle(n->chats[i]));
        chat_free(n->chats[i]);
        settle(&n->w);
        bus_free(n->buses[i]);
    }
    media_free(&n->media->media);
    n->w.chat = n->idle;
    world_stop(&n->w);
    free(n);
    return 0;
}

static void end_next_take(struct nodes *n, int r)
{
    fake_media_answer(n->media, FAKE_TAKE, n->file, r);
    settle(&n->w);
}

static void nodes_that_check_one_file_at_once_agree(void **state)
{
    static const struct {
        int first;
        int second;
        int want_first;
        int want_second;
    } rows[] = {
        {0, 0, 0, 0},
        {0, MEDIA_REJECTED, 0, 0},
        {MEDIA_REJECTED, 0, CHAT_UPLOAD_REJECTED, CHAT_UPLOAD_REJECTED},
        {MEDIA_MISSING, 0, CHAT_UPLOAD_MISSING, 0},
        {0, MEDIA_UNAVAILABLE, 0, CHAT_MEDIA_UNAVAILABLE},
    };
    struct nodes *n = *state;
    struct answer answers[2];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        announce(n);
        start_file(&n->alices[0], wallet(2), "a", n->file, &answers[0]);
        start_file(&n->alices[1], wallet(2), "b", n->file, &answers[1]);
        settle(&n->w);
        assert_int_equal(n->media->ways[FAKE_TAKE].n_now, 2);
        end_next_take(n, rows[i].first);
        expect_answer(answers[0], rows[i].want_first);
        end_next_take(n, rows[i].second);
        expect_answer(answers[1], rows[i].want_second);
    }
    assert_int_equal(n->media->ways[FAKE_DROP].n_asked, 0);
}

static void what_a_node_sweeps_while_another_checks_it_is_deleted_once_more(void **state)
{
    struct nodes *n = *state;
    struct answer answer;

    start_file(&n->alices[0], wallet(2), "a", n->file, &answer);
    pass(&n->w, 3500);
    assert_int_equal(answer.times, 0);
    assert_int_equal(chat_counters(n->chats[1])->uploads_swept, 1);
    assert_int_equal(n->media->ways[FAKE_DROP].n_asked, 1);
    end_next_take(n, 0); // the copy that it has made is there now
    expect_answer(answer, CHAT_UPLOAD_MISSING);
    assert_int_equal(n->media->ways[FAKE_DROP].n_asked, 2);
    assert_int_equal(chat_counters(n->chats[0])->sent, 0);
}

static void what_a_message_has_no_node_sweeps(void **state)
{
    struct nodes *n = *state;
    struct answer answer;

    start_file(&n->alices[0], wallet(2), "a", n->file, &answer);
    settle(&n->w);
    end_next_take(n, 0);
    expect_answer(answer, 0);
    pass(&n->w, 10000);
    assert_int_equal(n->media->ways[FAKE_DROP].n_asked, 0);
    start_file(&n->alices[1], wallet(2), "b", n->file,
               &answer); // on the other, without a check
    settle(&n->w);
    expect_answer(answer, 0);
}

static void what_no_message_has_is_swept_once(void **state)
{
    struct nodes *n = *state;

    pass(&n->w, 10000);
    assert_int_equal(n->media->ways[FAKE_DROP].n_asked, 1);
    assert_int_equal(chat_counters(n->chats[0])->uploads_swept +
                         chat_counters(n->chats[1])->uploads_swept,
                     1);
}

int main(void)
{
#define NODES(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        NODES(nodes_that_check_one_file_at_once_agree),
        NODES(what_a_node_sweeps_while_another_checks_it_is_deleted_once_more),
        NODES(what_a_message_has_no_node_sweeps),
        NODES(what_no_message_has_is_swept_once),
    };
    return cmocka_run_group_tests_name("chat/attach_nodes", tests, NULL, NULL);
}
