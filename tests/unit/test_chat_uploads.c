#include "support/file_world.h"

static void kinds_are_what_the_mime_says(void **state)
{
    static const struct {
        const char *mime;
        enum chat_kind want;
    } rows[] = {
        {"image/png", CHAT_IMAGE},
        {"IMAGE/PNG", CHAT_IMAGE},
        {"image/svg+xml; charset=utf-8", CHAT_IMAGE},
        {"video/mp4", CHAT_VIDEO},
        {"video/mp4;codecs=\"avc1, audio/x\"", CHAT_VIDEO},
        {"audio/ogg", CHAT_AUDIO},
        {"application/pdf", CHAT_FILE},
        {"text/plain;image/png", CHAT_FILE},
        {"image;/png", CHAT_FILE},
        {"image", CHAT_FILE},
        {"imagery/png", CHAT_FILE},
        {" image/png", CHAT_FILE},
        {"", CHAT_FILE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].mime, chat_kind_of(str_of(rows[i].mime)), rows[i].want);
}

struct uploaded {
    int times;
    int r;
    char id[CHAT_UPLOAD_ID_SIZE];
    char name[CHAT_FILE_NAME_MAX + 1];
    struct chat_upload upload;
};

static void on_upload(void *arg, int r, const struct chat_upload *u)
{
    struct uploaded *got = arg;

    got->times++;
    got->r = r;
    assert_int_equal(r == 0, u != NULL);
    if (!u)
        return;
    got->upload = *u;
    assert_int_equal(u->id.len, CHAT_UPLOAD_ID_SIZE - 1);
    str_copy(got->id, u->id);
    str_copy(got->name, u->name);
}

static const struct chat_announce photo = {
    .name = {"a photo.png", 11},
    .mime = {"image/png", 9},
    .size = 1000,
};

/** @return what chat_upload() did */
static int start_upload(struct device *d, const struct chat_announce *what,
                        struct uploaded *got)
{
    *got = (struct uploaded){0};
    const int r = chat_upload(chat_session_actor(d->session), what, on_upload, got);
    assert_int_equal(got->times, 0); // never inside the call
    return r;
}

static void an_announced_file_is_pending_under_a_new_id(void **state)
{
    struct chat_world *w = *state;
    uint8_t sha256[CHAT_SHA256_SIZE];
    struct chat_announce what = photo;
    const account owner = wallet(1);
    struct device alice;
    struct uploaded first;
    struct uploaded second;

    memset(sha256, 7, sizeof(sha256));
    what.sha256 = sha256;
    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(start_upload(&alice, &what, &first), 0);
    assert_int_equal(start_upload(&alice, &photo, &second), 0);
    assert_false(chat_is_idle(w->chat));
    settle(w);
    assert_int_equal(first.times, 1);
    assert_int_equal(first.r, 0);
    assert_string_not_equal(first.id, second.id);
    assert_string_equal(first.name, "a photo.png");
    assert_true(account_eq(&first.upload.owner, &owner));
    assert_int_equal(first.upload.size, 1000);
    assert_int_equal(first.upload.state, UPLOAD_PENDING);
    assert_true(first.upload.has_sha256);
    assert_memory_equal(first.upload.sha256, sha256, sizeof(sha256));
    assert_false(second.upload.has_sha256);
    assert_int_equal(fake_upload_state(w->uploads, first.id), UPLOAD_PENDING);
    assert_int_equal(chat_counters(w->chat)->uploads, 2);
    close_device(&alice);
}

static void the_store_is_told_the_limits(void **state)
{
    struct chat_world *w = *state;
    const struct uploads_create *c = &w->uploads->created;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(start_upload(&alice, &photo, &got), 0);
    settle(w);
    assert_int_equal(c->now_ms, w->unix_ms);
    assert_int_equal(c->until_ms, w->unix_ms + w->config.uploads.kept_ms);
    assert_int_equal(c->quota_bytes, 100000);
    assert_int_equal(c->quota_ms, 86400000);
    assert_int_equal(c->max_pending, 20);
    close_device(&alice);
}

static void a_file_may_be_as_large_as_its_kind_allows(void **state)
{
    static const struct {
        const char *mime;
        uint64_t max;
    } rows[] = {
        {"image/png", 1000}, {"video/mp4", 2000}, {"audio/ogg", 3000}, {"text/plain", 4000}};
    struct chat_world *w = *state;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chat_announce what = photo;
        what.mime = str_of(rows[i].mime);
        what.size = rows[i].max;
        expect_int(rows[i].mime, start_upload(&alice, &what, &got), 0);
        settle(w);
        expect_int(rows[i].mime, got.r, 0);
        what.size++;
        expect_int(rows[i].mime, start_upload(&alice, &what, &got), CHAT_UPLOAD_TOO_LARGE);
        settle(w);
        expect_int(rows[i].mime, got.times, 0);
    }
    assert_int_equal(chat_counters(w->chat)->refused, COUNT_OF(rows));
    close_device(&alice);
}

static void tells_each_refusal_of_the_store(void **state)
{
    static const struct {
        const char *name;
        int r;
        int want;
    } rows[] = {
        {"quota", UPLOADS_QUOTA, CHAT_UPLOAD_QUOTA},
        {"too many", UPLOADS_TOO_MANY, CHAT_UPLOADS_PENDING},
        {"unavailable", UPLOADS_UNAVAILABLE, CHAT_UNAVAILABLE},
        {"uncertain", UPLOADS_UNCERTAIN, CHAT_UNAVAILABLE},
        {"a fault", -EIO, CHAT_UNAVAILABLE},
    };
    struct chat_world *w = *state;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->uploads->ways[FAKE_CREATE].n_failing = 1;
        w->uploads->ways[FAKE_CREATE].r = rows[i].r;
        expect_int(rows[i].name, start_upload(&alice, &photo, &got), 0);
        settle(w);
        expect_int(rows[i].name, got.times, 1);
        expect_int(rows[i].name, got.r, rows[i].want);
    }
    assert_int_equal(chat_counters(w->chat)->refused, COUNT_OF(rows));
    assert_int_equal(chat_counters(w->chat)->uploads, 0);
    close_device(&alice);
}

static void over_the_quota_it_says_for_how_long(void **state)
{
    static const int64_t waits_ms[] = {4321, 0}; // 0: for ever
    struct chat_world *w = *state;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        w->uploads->ways[FAKE_CREATE].n_failing = 1;
        w->uploads->ways[FAKE_CREATE].r = UPLOADS_QUOTA;
        w->uploads->retry_after_ms = waits_ms[i];
        assert_int_equal(start_upload(&alice, &photo, &got), 0);
        settle(w);
        assert_int_equal(got.r, CHAT_UPLOAD_QUOTA);
        assert_int_equal(chat_session_actor(alice.session)->retry_after_ms, waits_ms[i]);
    }
    close_device(&alice);
}

static void an_announcement_outlives_its_session(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(start_upload(&alice, &photo, &got), 0);
    close_device(&alice);
    assert_int_equal(got.times, 1);
    assert_int_equal(got.r, 0);
}

static int start_with_limits(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->takes_files = true;
    w->config = (struct chat_config){
        .rate_limits = true,
        .sends = {1, 1, 1000},
        .requests = {2, 10, 1000},
        .sessions = 2,
    };
    world_start(w, NULL);
    *state = w;
    return 0;
}

static void announcements_have_the_rate_of_requests(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct uploaded got;

    connect_device(w, &alice, wallet(1), "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(start_upload(&alice, &photo, &got), 0);
        settle(w);
    }
    assert_int_equal(start_upload(&alice, &photo, &got), CHAT_RATE_LIMITED);
    assert_int_equal(chat_session_actor(alice.session)->retry_after_ms, 100);
    pass(w, 100);
    assert_int_equal(start_upload(&alice, &photo, &got), 0);
    settle(w);
    assert_int_equal(got.r, 0);
    close_device(&alice);
}

static void a_send_with_a_file_has_the_rate_of_sends(void **state)
{
    struct chat_world *w = *state;
    const char *file = announced(w, 1, "image/png");
    const struct chat_send send = file_to(wallet(2), "a", file, NULL);
    struct device alice;
    struct answer answer = {0};
    struct answer refused = {0};

    connect_device(w, &alice, wallet(1), "");
    struct chat_actor *actor = chat_session_actor(alice.session);
    assert_int_equal(chat_send(actor, &send, on_sent, &answer), 0);
    assert_int_equal(chat_send(actor, &send, on_sent, &refused), CHAT_RATE_LIMITED);
    assert_int_equal(actor->retry_after_ms, 1000);
    settle(w);
    expect_answer(answer, 0);
    assert_int_equal(refused.times, 0);
    close_device(&alice);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, file_world_setup, world_teardown)
#define LIMITED_TEST(name)                                                                     \
    cmocka_unit_test_setup_teardown(name, start_with_limits, world_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_what_the_mime_says),
        TEST(an_announced_file_is_pending_under_a_new_id),
        TEST(the_store_is_told_the_limits),
        TEST(a_file_may_be_as_large_as_its_kind_allows),
        TEST(tells_each_refusal_of_the_store),
        TEST(over_the_quota_it_says_for_how_long),
        TEST(an_announcement_outlives_its_session),
        LIMITED_TEST(announcements_have_the_rate_of_requests),
        LIMITED_TEST(a_send_with_a_file_has_the_rate_of_sends),
    };
    return cmocka_run_group_tests_name("chat_uploads", tests, NULL, NULL);
}
