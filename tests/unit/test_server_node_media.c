#include "server/node_media.h"
#include "support/announced.h"
#include "support/folder.h"
#include "support/t.h"

struct world {
    struct folder folder;
    struct loop *home_loop;
    struct loop *loop;
    struct announced uploads;
    struct serve_media_options options;
    struct serve_media media;
    struct http_origins origins;
    struct http_proxies proxies;
    struct node_media home;
    struct node_media other;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    folder_make(&w->folder);
    assert_int_equal(loop_new(&w->home_loop), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    announced_init(&w->uploads, &w->home_loop->later);
    w->options =
        (struct serve_media_options){.put_ttl = 60000, .get_ttl = 60000, .write_rate = 1 << 20};
    w->media.public_url = STR("https://chat.example");
    *state = w;
    return 0;
}

static void open_both(struct world *w, enum serve_media_where where)
{
    w->media.where = where;
    const struct node_media_config config = {
        .loop = w->home_loop,
        .uploads = &w->uploads.port,
        .options = &w->options,
        .media = &w->media,
        .origins = &w->origins,
        .proxies = &w->proxies,
        .data = w->folder.path,
        .secret = "0123456789abcdef0123456789abcdef",
    };
    const struct addr at = {.host = "127.0.0.1", .port = 1};

    assert_int_equal(node_media_open(&w->home, &config), 0);
    node_media_listening(&w->home, "http", &at);
    assert_int_equal(node_media_share(&w->other, &w->home, w->loop), 0);
    node_media_listening(&w->other, "http", &at);
}

static int teardown(void **state)
{
    struct world *w = *state;

    node_media_stop(&w->other);
    node_media_stop(&w->home);
    while (!node_media_is_idle(&w->other) || !node_media_is_idle(&w->home)) {
        loop_run_once(w->loop);
        loop_run_once(w->home_loop);
    }
    node_media_close(&w->other);
    node_media_close(&w->home);
    loop_free(w->loop);
    loop_free(w->home_loop);
    folder_remove(&w->folder);
    free(w);
    return 0;
}

static void on_done(void *arg, int r)
{
    *(int *)arg = r;
}

static void another_loop_has_the_same_files_and_no_requests(void **state)
{
    struct world *w = *state;
    const struct chat_upload u = {.id = STR("abcdefghijklmnopqrst"), .mime = STR("a/b")};
    int r = -1;
    struct buf url;
    str id;

    open_both(w, SERVE_MEDIA_LOCAL);
    assert_null(w->other.local);
    assert_null(w->other.s3);
    buf_init(&url, MEDIA_URL_MAX);
    media_put_link(w->other.port, &u, 0, &url);
    assert_true(str_starts(buf_str(&url), STR("https://chat.example/media/")));
    assert_true(media_find(w->home.port, buf_str(&url), &id));
    buf_fini(&url);
    media_take(w->other.port, &u, on_done, &r);
    assert_false(node_media_is_idle(&w->other));
    while (!node_media_is_idle(&w->other)) {
        loop_run_once(w->loop);
        loop_run_once(w->home_loop);
    }
    assert_int_equal(r, MEDIA_MISSING);
}

static void another_loop_has_none_where_they_are_off(void **state)
{
    struct world *w = *state;

    open_both(w, SERVE_MEDIA_OFF);
    assert_null(w->other.port);
    assert_true(node_media_is_idle(&w->other));
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(another_loop_has_the_same_files_and_no_requests),
        UNIT(another_loop_has_none_where_they_are_off),
    };
    return cmocka_run_group_tests_name("server_node_media", tests, NULL, NULL);
}
