/**
 * media/s3 against an object store, which the environment names: S3_ENDPOINT, S3_REGION,
 * S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY. Without one all is skipped; tests/e2e/media
 * starts one.
 */
#include <time.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "media/s3_ask.h"
#include "support/fake_scan.h"
#include "support/said.h"
#include "support/t.h"

#define GIVE_UP_MS INT64_C(60000)
#define LOGGED_MAX 65536

struct world {
    struct loop *loop;
    struct media_s3 *s3;
    struct media *media;
    struct fetcher *client;
    struct rand *rand;
    char id[CHAT_UPLOAD_ID_SIZE];
    struct buf url;
    bool has_ended;
    int r;
    unsigned status; // of the client's last answer; 0: none
    struct buf body;
    char type[FETCH_FIELD_MAX + 1];
    char logged[LOGGED_MAX];
    size_t n_logged;
};

static const char *env(const char *name)
{
    return getenv(name); // NOLINT(concurrency-mt-unsafe): nobody writes it
}

static struct media_s3_config config_of(const struct world *w)
{
    return (struct media_s3_config){
        .loop = w->loop,
        .rand = w->rand,
        .endpoint = str_of(env("S3_ENDPOINT")),
        .region = str_of(env("S3_REGION")),
        .bucket = str_of(env("S3_BUCKET")),
        .path_style = true,
        .access_key = str_of(env("S3_ACCESS_KEY")),
        .secret_key = str_of(env("S3_SECRET_KEY")),
        .put_ms = 60000,
        .get_ms = 60000,
    };
}

static void keep_log(void *arg, str line)
{
    struct world *w = arg;

    assert_true(w->n_logged + line.len < LOGGED_MAX);
    str_copy(w->logged + w->n_logged, line);
    w->n_logged += line.len;
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    const struct fetcher_config how = {.name = "client", .max_running = 1};

    *state = w;
    if (!env("S3_ENDPOINT"))
        return 0;
    w->rand = crypto_random();
    rand_name(w->rand, w->id);
    buf_init(&w->url, MEDIA_URL_MAX);
    buf_init(&w->body, 1 << 20);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(fetcher_new(&w->client, w->loop, &how), 0);
    const struct media_s3_config config = config_of(w);
    assert_int_equal(media_s3_new(&w->s3, &config), 0);
    w->media = media_s3_port(w->s3);
    log_set_sink(keep_log, w);
    return 0;
}

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 200000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

static void await(struct world *w)
{
    struct timespec now;
    struct timespec from;

    clock_gettime(CLOCK_MONOTONIC, &from);
    while (!w->has_ended) {
        turn(w);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true(now.tv_sec - from.tv_sec < GIVE_UP_MS / 1000);
    }
}

static void on_done(void *arg, int r)
{
    struct world *w = arg;

    assert_false(w->has_ended);
    w->has_ended = true;
    w->r = r;
}

static int take(struct world *w, const struct chat_upload *u)
{
    w->has_ended = false;
    media_take(w->media, u, on_done, w);
    await(w);
    return w->r;
}

static int drop(struct world *w)
{
    w->has_ended = false;
    media_drop(w->media, str_of(w->id), on_done, w);
    await(w);
    return w->r;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->loop) {
        assert_int_equal(drop(w), 0);
        media_free(w->media);
        fetcher_free(w->client);
        log_set_sink(NULL, NULL);
        for (int i = 0; i < 10; i++)
            turn(w);
        loop_free(w->loop);
        buf_fini(&w->url);
        buf_fini(&w->body);
        w->logged[w->n_logged] = '\0';
        assert_null(strstr(w->logged, w->id));
    }
    free(w);
    return 0;
}

/** An upload of this world's id. */
static struct chat_upload upload_of(const struct world *w, const char *mime, uint64_t size)
{
    return (struct chat_upload){
        .id = str_of(w->id), .name = STR("\xc3\xa4 b.png"), .mime = str_of(mime), .size = size};
}

static void on_answer(void *arg, int r, const char *why, const struct fetch_answer *answer)
{
    struct world *w = arg;

    (void)why;
    w->has_ended = true;
    w->status = r == 0 ? answer->status : 0;
    buf_clear(&w->body);
    if (r == 0) {
        assert_int_equal(buf_add(&w->body, answer->body), 0);
        (void)snprintf(w->type, sizeof(w->type), STR_FMT, STR_ARG(answer->type));
    }
}

static unsigned ask(struct world *w, const struct fetch *what)
{
    struct fetch f = *what;

    f.timeout_ms = GIVE_UP_MS;
    f.max_bytes = 1 << 20;
    f.is_plain = true;
    w->has_ended = false;
    fetcher_ask(w->client, &f, on_answer, w);
    await(w);
    return w->status;
}

static str put_link(struct world *w, const struct chat_upload *u, int64_t ago_ms)
{
    buf_clear(&w->url);
    media_put_link(w->media, u, clock_unix_ms(&w->loop->clock) - ago_ms, &w->url);
    return buf_str(&w->url);
}

static unsigned put_at(struct world *w, str url, const char *mime, str bytes)
{
    const struct fetch what = {
        .method = FETCH_PUT, .url = url, .body = bytes, .type = str_of(mime)};
    return ask(w, &what);
}

static unsigned put(struct world *w, const struct chat_upload *u, str bytes)
{
    char mime[CHAT_MIME_MAX + 1] = "";

    str_copy(mime, u->mime);
    return put_at(w, put_link(w, u, 0), mime, bytes);
}

static unsigned get(struct world *w, const char *mime, str range)
{
    const struct media_file f = {str_of(w->id), str_of(mime), STR("a.png")};

    buf_clear(&w->url);
    media_get_link(w->media, &f, clock_unix_ms(&w->loop->clock), &w->url);
    const struct fetch what = {.url = buf_str(&w->url), .headers = {range}};
    return ask(w, &what);
}

#define NEEDS_STORE(w)                                                                         \
    do {                                                                                       \
        if (!(w)->loop)                                                                        \
            skip();                                                                            \
    } while (0)

static void what_was_put_is_taken_and_got(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 10);
    assert_int_equal(put(w, &u, STR("0123456789")), 200);
    assert_int_equal(get(w, "image/png", STR("")), 404);
    assert_int_equal(take(w, &u), 0);
    assert_int_equal(get(w, "image/png", STR("")), 200);
    expect_str("whole", buf_str(&w->body), STR("0123456789"));
    assert_string_equal(w->type, "image/png");
    assert_int_equal(get(w, "image/png", STR("Range: bytes=2-4")), 206);
    expect_str("part", buf_str(&w->body), STR("234"));
    assert_int_equal(get(w, "text/html", STR("")), 200);
    assert_string_equal(w->type, "application/octet-stream");
    assert_int_equal(media_s3_counters(w->s3)->failures, 0);
}

static void what_is_put_later_takes_no_taken_ones_place(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 3);
    assert_int_equal(put(w, &u, STR("old")), 200);
    assert_int_equal(take(w, &u), 0);
    assert_int_equal(take(w, &u), 0);
    assert_int_equal(put(w, &u, STR("new")), 200);
    assert_int_equal(take(w, &u), 0);
    assert_int_equal(get(w, "image/png", STR("")), 200);
    expect_str("it", buf_str(&w->body), STR("old"));
}

static void a_link_is_good_for_what_it_says_alone(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 3);
    assert_int_equal(put_at(w, put_link(w, &u, 0), "image/jpeg", STR("abc")), 403);
    assert_int_equal(put_at(w, put_link(w, &u, 0), "image/png", STR("abcd")), 403);
    assert_int_equal(put_at(w, put_link(w, &u, 0), "image/png", STR("ab")), 403);
    assert_int_equal(put_at(w, put_link(w, &u, 61000), "image/png", STR("abc")), 403);
    put_link(w, &u, 0);
    char *id = memmem(buf_ptr(&w->url), w->url.len, w->id, CHAT_UPLOAD_ID_SIZE - 1);
    *id = *id == 'a' ? 'b' : 'a';
    assert_int_equal(put_at(w, buf_str(&w->url), "image/png", STR("abc")), 403);
    put_link(w, &u, 0);
    const struct fetch what = {.url = buf_str(&w->url)};
    assert_int_equal(ask(w, &what), 403); // it is no link to get
    assert_int_equal(take(w, &u), MEDIA_MISSING);
}

static void types_stay_letter_by_letter(void **state)
{
    static const char *const mimes[] = {"text/plain",
                                        "text/plain; charset=utf-8",
                                        "application/octet-stream",
                                        "image/svg+xml",
                                        "Image/PNG",
                                        "text/html",
                                        "audio/ogg; codecs=\"opus\"",
                                        "application/json",
                                        "x/y",
                                        "text/plain;charset=UTF-8"};
    struct world *w = *state;

    NEEDS_STORE(w);
    for (size_t i = 0; i < COUNT_OF(mimes); i++) {
        rand_name(w->rand, w->id);
        const struct chat_upload u = upload_of(w, mimes[i], 3);
        expect_int(mimes[i], put(w, &u, STR("abc")), 200);
        expect_int(mimes[i], take(w, &u), 0);
        expect_int(mimes[i], take(w, &u), 0);
        expect_int(mimes[i], drop(w), 0);
    }
}

static void what_is_not_as_announced_is_not_taken(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 3);
    const struct chat_upload larger = upload_of(w, "image/png", 4);
    const struct chat_upload other = upload_of(w, "image/jpeg", 3);
    assert_int_equal(take(w, &u), MEDIA_MISSING);
    assert_int_equal(put(w, &u, STR("abc")), 200);
    assert_int_equal(take(w, &larger), MEDIA_MISMATCH);
    assert_int_equal(take(w, &other), MEDIA_MISMATCH);
    assert_int_equal(take(w, &u), 0);
}

static void a_sum_is_signed_as_well(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    struct chat_upload u = upload_of(w, "image/png", 3);
    u.has_sha256 = true;
    crypto_sha256(u.sha256, STR("abc"));
    struct fetch what = {
        .method = FETCH_PUT, .url = put_link(w, &u, 0), .body = STR("abc"), .type = u.mime};
    assert_int_equal(ask(w, &what), 403);
    what.headers[0] =
        STR("x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_int_equal(ask(w, &what), 200);
    assert_int_equal(take(w, &u), 0);
}

static void what_was_dropped_is_gone(void **state)
{
    struct world *w = *state;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 3);
    assert_int_equal(put(w, &u, STR("abc")), 200);
    assert_int_equal(take(w, &u), 0);
    assert_int_equal(put(w, &u, STR("abc")), 200);
    assert_int_equal(drop(w), 0);
    assert_int_equal(get(w, "image/png", STR("")), 404);
    assert_int_equal(take(w, &u), MEDIA_MISSING);
    assert_int_equal(drop(w), 0);
}

static void on_asked(void *arg, const struct fetch_answer *answer)
{
    struct world *w = arg;

    w->has_ended = true;
    w->status = answer ? answer->status : 0;
}

/** A copy of what was changed meanwhile is none. */
static void a_copy_is_of_what_was_looked_at(void **state)
{
    struct world *w = *state;
    char in[S3_KEY_SIZE];
    char kept[S3_KEY_SIZE];
    struct s3_url at;
    struct s3_asker *asker = NULL;

    NEEDS_STORE(w);
    const struct media_s3_config c = config_of(w);
    const struct s3_bucket bucket = {c.endpoint, c.bucket, true};
    const struct sigv4_key signer = {c.access_key, c.secret_key, STR(""), c.region};
    const struct s3_asker_config config = {w->loop, w->rand, &at, c.bucket, &signer, NULL};
    const struct chat_upload u = upload_of(w, "image/png", 3);
    assert_int_equal(put(w, &u, STR("abc")), 200);
    assert_int_equal(s3_url_init(&at, &bucket), 0);
    assert_int_equal(s3_asker_new(&asker, &config), 0);
    struct s3_ask what = {
        .method = FETCH_PUT,
        .key = s3_url_key(kept, S3_KEPT, u.id),
        .source = s3_url_key(in, S3_IN, u.id),
        .source_etag = STR("\"00000000000000000000000000000000\""),
        .deadline_ms = w->loop->timers.now_ms + GIVE_UP_MS,
        .max_tries = 1,
    };
    w->has_ended = false;
    s3_ask(asker, &what, on_asked, w);
    await(w);
    assert_int_equal(w->status, 412);
    what.source_etag = STR("\"900150983cd24fb0d6963f7d28e17f72\""); // MD5 of abc
    w->has_ended = false;
    s3_ask(asker, &what, on_asked, w);
    await(w);
    assert_int_equal(w->status, 200);
    s3_asker_free(asker);
    s3_url_fini(&at);
}

static void a_wrong_key_is_said_in_the_log(void **state)
{
    struct world *w = *state;
    struct media *right = w->media;
    struct media_s3 *s = NULL;

    NEEDS_STORE(w);
    const struct chat_upload u = upload_of(w, "image/png", 3);
    struct media_s3_config c = config_of(w);
    c.secret_key = STR("another");
    assert_int_equal(media_s3_new(&s, &c), 0);
    w->media = media_s3_port(s);
    assert_int_equal(take(w, &u), MEDIA_UNAVAILABLE);
    expect_in("log", w->logged, "method=HEAD status=403");
    assert_int_equal(drop(w), MEDIA_UNAVAILABLE);
    media_free(w->media);
    w->media = right;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_taken_and_got),
        TEST(what_is_put_later_takes_no_taken_ones_place),
        TEST(a_link_is_good_for_what_it_says_alone),
        TEST(types_stay_letter_by_letter),
        TEST(what_is_not_as_announced_is_not_taken),
        TEST(a_sum_is_signed_as_well),
        TEST(what_was_dropped_is_gone),
        TEST(a_copy_is_of_what_was_looked_at),
        TEST(a_wrong_key_is_said_in_the_log),
    };
    return cmocka_run_group_tests_name("media/s3 and a real store", tests, NULL, NULL);
}
