/** One backend and several loops (tests/conformance/media_share.c has the rest). */
#include "media/s3.h"
#include "media/share.h"
#include "support/fake_media.h"
#include "support/media_home.h"
#include "support/media_world.h"

#define ID(n) STR("abcdefghijklmnopqr-" n)

// On one thread: two loops, and a backend that says what it is asked for.

struct world {
    struct loop *home_loop;
    struct fake_media *home;
    struct media_share *share;
    struct loop *loop;
    struct media *front;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->home_loop), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    w->home = fake_media_new(&w->home_loop->later);
    w->home->ways[FAKE_TAKE].is_held = true;
    assert_int_equal(media_share_new(&w->share, &w->home->media, w->home_loop), 0);
    assert_int_equal(media_share_join(&w->front, w->share, w->loop), 0);
    *state = w;
    return 0;
}

static void settle(struct world *w)
{
    for (unsigned i = 0; i < 4; i++) { // there, its answer, back, and once more
        loop_run_once(w->home_loop);
        loop_run_once(w->loop);
    }
}

static int teardown(void **state)
{
    struct world *w = *state;

    media_free(w->front);
    media_stop(&w->home->media);
    settle(w);
    media_free(&w->home->media);
    media_share_free(w->share);
    loop_free(w->loop);
    loop_free(w->home_loop);
    free(w);
    return 0;
}

static void take(struct world *w, str id, struct media_done *d)
{
    const struct chat_upload u = {.id = id, .mime = STR("image/png"), .name = STR("a.png")};

    media_take(w->front, &u, media_world_on_done, d);
}

static void what_is_asked_for_is_copied(void **state)
{
    struct world *w = *state;
    char id[] = "abcdefghijklmnopqr-1";
    struct media_done d = {0};

    w->home->ways[FAKE_TAKE].r = MEDIA_MISMATCH;
    take(w, str_of(id), &d);
    media_drop(w->front, str_of(id), media_world_on_done, &d);
    memset(id, 'x', sizeof(id) - 1);
    settle(w);
    assert_string_equal(w->home->last_drop, "abcdefghijklmnopqr-1");
    fake_media_answer(w->home, FAKE_TAKE, "abcdefghijklmnopqr-1", 0);
    settle(w);
    assert_int_equal(d.n, 2);
}

static void it_comes_home_in_its_order_and_is_answered_as_home_does(void **state)
{
    struct world *w = *state;
    struct media_done d[3] = {{0}};
    unsigned n = 0;

    take(w, ID("1"), &d[0]);
    take(w, ID("2"), &d[1]);
    take(w, ID("3"), &d[2]);
    settle(w);
    list_each (node, &w->home->held) {
        const struct fake_media_op *op = container_of(node, struct fake_media_op, node);
        assert_int_equal(op->id[CHAT_UPLOAD_ID_SIZE - 2], '1' + (int)n++);
    }
    assert_int_equal(n, 3);
    fake_media_answer(w->home, FAKE_TAKE, ID("3").ptr, MEDIA_MISSING);
    fake_media_answer(w->home, FAKE_TAKE, ID("1").ptr, MEDIA_REJECTED);
    settle(w);
    assert_int_equal(d[0].r, MEDIA_REJECTED);
    assert_int_equal(d[1].n, 0);
    assert_int_equal(d[2].r, MEDIA_MISSING);
    assert_false(media_is_idle(w->front));
    fake_media_answer(w->home, FAKE_TAKE, ID("2").ptr, 0);
    settle(w);
    assert_int_equal(d[1].n, 1);
    assert_int_equal(d[1].r, 0);
    assert_true(media_is_idle(w->front));
}

static void a_home_that_has_stopped_refuses(void **state)
{
    struct world *w = *state;
    struct media_done d[2] = {{0}};

    take(w, ID("1"), &d[0]);
    settle(w);
    media_stop(&w->home->media);
    take(w, ID("2"), &d[1]);
    settle(w);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(d[i].n, 1);
        assert_int_equal(d[i].r, MEDIA_UNAVAILABLE);
    }
    assert_true(media_is_idle(w->front));
}

/** One is on its way, one at home, one on its way back. */
static void one_that_stops_answers_all_without_home_and_once(void **state)
{
    struct world *w = *state;
    struct media_done d[3] = {{0}};

    take(w, ID("1"), &d[0]);
    take(w, ID("2"), &d[1]);
    loop_run_once(w->home_loop);
    fake_media_answer(w->home, FAKE_TAKE, ID("1").ptr, 0);
    loop_run_once(w->home_loop);
    take(w, ID("3"), &d[2]);
    media_stop(w->front);
    media_stop(w->front); // that changes nothing
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(d[i].n, 0);
    assert_false(media_is_idle(w->front));
    loop_run_once(w->loop);
    assert_true(media_is_idle(w->front));
    fake_media_answer(w->home, FAKE_TAKE, ID("2").ptr, 0);
    settle(w);
    fake_media_answer(w->home, FAKE_TAKE, ID("3").ptr, 0);
    settle(w);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(d[i].n, 1);
        assert_int_equal(d[i].r, MEDIA_UNAVAILABLE);
    }
}

/** One is on its way back, one at home, one on its way there: for nobody, whoever else is there
 * by then. */
static void one_may_go_while_home_has_something_of_it(void **state)
{
    struct world *w = *state;
    struct media_done d = {0};

    take(w, ID("1"), &d);
    take(w, ID("2"), &d);
    loop_run_once(w->home_loop);
    take(w, ID("3"), &d);
    media_stop(w->front);
    loop_run_once(w->loop);
    assert_int_equal(d.n, 3);
    fake_media_answer(w->home, FAKE_TAKE, ID("1").ptr, 0);
    loop_run_once(w->home_loop);
    media_free(w->front);
    fake_media_answer(w->home, FAKE_TAKE, ID("2").ptr, 0);
    loop_run_once(w->home_loop);
    assert_int_equal(media_share_join(&w->front, w->share, w->loop), 0);
    fake_media_answer(w->home, FAKE_TAKE, ID("3").ptr, 0);
    settle(w);
    assert_int_equal(d.n, 3);
}

/** Neither is anything lost of what home never got. */
static void one_may_go_when_homes_loop_has_ended(void **state)
{
    struct world *w = *state;
    struct media_done d = {0};

    take(w, ID("1"), &d);
    media_stop(w->front);
    loop_run_once(w->loop);
    assert_int_equal(d.r, MEDIA_UNAVAILABLE);
    media_free(w->front);
    media_share_free(w->share); // the operation is in its inbox
    assert_int_equal(w->home->ways[FAKE_TAKE].n_asked, 0);
    assert_int_equal(media_share_new(&w->share, &w->home->media, w->home_loop), 0);
    assert_int_equal(media_share_join(&w->front, w->share, w->loop), 0);
}

// On many threads: the files of this machine.

#define NODES   4
#define FILES   5
#define EACH    300
#define AT_ONCE 16

static const str text = STR("what is in the file");

struct node {
    struct loop *loop;
    struct media *front;
    pthread_t thread;
    pthread_t self; // the same, as the thread says
    const struct links *want;
    bool asks;     // and does not only make links
    bool may_stop; // in the middle of all
    bool has_stopped;
    unsigned n_answered;
    unsigned n_wrong; // answers, and links
};

struct asked {
    struct node *node;
    int want;
    bool is_inside;
};

/** Of one file, as home makes them. */
struct links {
    int64_t now_ms;
    struct chat_upload upload;
    struct buf put;
    struct buf get;
};

static void make_links(struct media *m, const struct links *of, struct buf *put,
                       struct buf *get)
{
    const struct chat_upload *u = &of->upload;
    const struct media_file f = {.id = u->id, .mime = u->mime, .name = u->name};

    buf_init(put, MEDIA_URL_MAX);
    buf_init(get, MEDIA_URL_MAX);
    media_put_link(m, u, of->now_ms, put);
    media_get_link(m, &f, of->now_ms, get);
}

static void check_links(struct node *n)
{
    struct buf put;
    struct buf get;
    str id = {0};

    make_links(n->front, n->want, &put, &get);
    n->n_wrong += !str_eq(buf_str(&put), buf_str(&n->want->put));
    n->n_wrong += !str_eq(buf_str(&get), buf_str(&n->want->get));
    n->n_wrong += !media_find(n->front, buf_str(&get), &id);
    n->n_wrong += !str_eq(id, n->want->upload.id);
    buf_fini(&put);
    buf_fini(&get);
}

static void on_done(void *arg, int r)
{
    struct asked *a = arg;
    struct node *n = a->node;

    n->n_answered++;
    n->n_wrong += r != (n->has_stopped ? MEDIA_UNAVAILABLE : a->want);
    n->n_wrong += a->is_inside || n->self != pthread_self();
    free(a);
}

/** @param i  which of the files; FILES: one that nobody has put */
static void ask(struct node *n, unsigned i, bool is_take)
{
    struct asked *a = NEW(struct asked);
    char id[] = "abcdefghijklmnopqr-0";
    struct chat_upload u = n->want->upload;

    id[sizeof(id) - 2] = (char)('0' + i);
    u.id = str_of(id);
    u.size += i == 1;
    *a = (struct asked){.node = n, .is_inside = true};
    if (is_take) {
        a->want = i == 1 ? MEDIA_MISMATCH : i == FILES ? MEDIA_MISSING : 0;
        media_take(n->front, &u, on_done, a);
    } else {
        media_drop(n->front, u.id, on_done, a);
    }
    memset(id, 'x', sizeof(id) - 1);
    a->is_inside = false;
}

static void *run_node(void *arg)
{
    struct node *n = arg;

    n->self = pthread_self();
    for (unsigned i = 0; i < EACH; i++) {
        check_links(n);
        if (!n->asks)
            continue;
        ask(n, i % (FILES + 1), true);
        ask(n, FILES, false);
        while (2 * (i + 1) - n->n_answered > AT_ONCE)
            loop_run_once(n->loop);
    }
    n->has_stopped = n->may_stop;
    if (n->may_stop)
        media_stop(n->front);
    while (!media_is_idle(n->front))
        loop_run_once(n->loop);
    media_free(n->front);
    return NULL;
}

static void put_files(struct media_world *m, const struct chat_upload *like)
{
    static const str ids[FILES] = {ID("0"), ID("1"), ID("2"), ID("3"), ID("4")};
    struct media_client client;
    struct buf url;

    buf_init(&url, MEDIA_URL_MAX);
    media_client_open(&client, m);
    for (unsigned i = 0; i < FILES; i++) {
        struct chat_upload u = *like;
        u.id = ids[i];
        announced_add(&m->uploads, &u);
        buf_clear(&url);
        media_put_link(m->media, &u, media_world_now(m), &url);
        assert_int_equal(media_client_put(&client, buf_str(&url), u.mime, text).status, 200);
    }
    media_client_close(&client);
    buf_fini(&url);
}

static void nodes_init(struct node nodes[NODES], struct media_share *share,
                       const struct links *links)
{
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i] = (struct node){.want = links};
        assert_int_equal(loop_new(&nodes[i].loop), 0);
        assert_int_equal(media_share_join(&nodes[i].front, share, nodes[i].loop), 0);
    }
}

static void run_all(struct node nodes[NODES])
{
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
}

/** When home has closed its files: TSan does not see libuv close those of a loop, whose numbers
 * would come again at home. */
static void nodes_fini(struct node nodes[NODES])
{
    for (unsigned i = 0; i < NODES; i++) {
        expect_int("answers", nodes[i].n_answered, nodes[i].asks ? 2 * EACH : 0);
        expect_int("wrong ones", nodes[i].n_wrong, 0);
        loop_free(nodes[i].loop);
    }
}

static struct links links_of(struct media *home, int64_t now_ms)
{
    struct links l = {
        .now_ms = now_ms,
        .upload = {.id = ID("0"), .mime = STR("text/plain"), .name = STR("a.txt")},
    };

    l.upload.size = text.len;
    make_links(home, &l, &l.put, &l.get);
    return l;
}

static void links_fini(struct links *l)
{
    buf_fini(&l->put);
    buf_fini(&l->get);
}

/** Two of them go with something at home: that is answered, for nobody. */
static void each_loop_has_its_answers_and_its_links(void **state)
{
    struct media_home home;
    struct media_share *share = NULL;
    struct node nodes[NODES];

    (void)state;
    media_home_init(&home);
    struct media_world *m = media_world_new_on(home.loop);
    struct links links = links_of(m->media, media_world_now(m));
    put_files(m, &links.upload);
    assert_int_equal(media_share_new(&share, m->media, home.loop), 0);
    nodes_init(nodes, share, &links);
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].asks = true;
        nodes[i].may_stop = i % 2 == 1;
    }
    media_home_go_on(&home);
    run_all(nodes);
    media_home_halt(&home);
    media_world_free(m);
    media_share_free(share);
    media_home_fini(&home);
    nodes_fini(nodes);
    links_fini(&links);
}

static void each_loop_has_the_links_of_an_object_store(void **state)
{
    struct media_share *share = NULL;
    struct media_s3 *s3 = NULL;
    struct loop *loop = NULL;
    struct node nodes[NODES];
    struct seeded rand;

    (void)state;
    seeded_init(&rand, 1);
    assert_int_equal(loop_new(&loop), 0);
    const struct media_s3_config config = {
        .loop = loop,
        .rand = &rand.rand,
        .endpoint = STR("https://s3.example"),
        .region = STR("somewhere"),
        .bucket = STR("files"),
        .access_key = STR("id"),
        .secret_key = STR("secret"),
        .session_token = STR("token"),
        .put_ms = 60000,
        .get_ms = 60000,
    };
    assert_int_equal(media_s3_new(&s3, &config), 0);
    struct links links = links_of(media_s3_port(s3), clock_unix_ms(&loop->clock));
    assert_int_equal(media_share_new(&share, media_s3_port(s3), loop), 0);
    nodes_init(nodes, share, &links);
    run_all(nodes);
    media_free(media_s3_port(s3));
    media_share_free(share);
    loop_free(loop);
    nodes_fini(nodes);
    links_fini(&links);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(what_is_asked_for_is_copied),
        UNIT(it_comes_home_in_its_order_and_is_answered_as_home_does),
        UNIT(a_home_that_has_stopped_refuses),
        UNIT(one_that_stops_answers_all_without_home_and_once),
        UNIT(one_may_go_while_home_has_something_of_it),
        UNIT(one_may_go_when_homes_loop_has_ended),
        cmocka_unit_test(each_loop_has_its_answers_and_its_links),
        cmocka_unit_test(each_loop_has_the_links_of_an_object_store),
    };
    return cmocka_run_group_tests_name("media_share", tests, NULL, NULL);
}
