#include "media/s3_ask.h"
#include "support/s3_world.h"
#include "support/said.h"

#define TAKEN "HEAD kept, HEAD in, PUT kept, DELETE in"

static void script(struct world *w, const str *replies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        answer_with(w, replies[i]);
}

#define SCRIPT(w, ...)                                                                         \
    script((w), (const str[]){__VA_ARGS__}, COUNT_OF(((const str[]){__VA_ARGS__})))

/** The value of a field of a request's head; empty: it is not there. */
static str field_of(const struct raw_request *rq, const char *name)
{
    char line[64];

    (void)snprintf(line, sizeof(line), "\r\n%s: ", name);
    const char *at = strstr(rq->head, line);
    if (!at)
        return STR("");
    at += strlen(line);
    return (str){at, strcspn(at, "\r")};
}

static bool has(const struct buf *url, const char *part)
{
    const str text = buf_str(url);
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

/** A retry is due within the longest pause: nothing else is that soon. */
static bool is_waiting(const struct world *w)
{
    const int64_t longest_ms = (int64_t)MEDIA_S3_AGAIN_MS << MEDIA_S3_TRIES;
    return timers_next_ms(&w->loop->timers) < w->loop->timers.now_ms + longest_ms;
}

static size_t lines_in(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

// Take

static void a_take_looks_copies_and_tidies(void **state)
{
    struct world *w = *state;

    SCRIPT(w, NOT_FOUND, FOUND(7), COPIED, NO_CONTENT);
    const struct ended *e = take(w, ID);
    assert_false(media_is_idle(w->media));
    await_all(w);
    assert_int_equal(e->r, 0);
    assert_true(media_is_idle(w->media));
    expect_asked("take", w, TAKEN);
    const struct raw_request *copy = &w->server.requests[2];
    expect_str("source", field_of(copy, "x-amz-copy-source"), STR("/files/in/" ID));
    expect_str("etag", field_of(copy, "x-amz-copy-source-if-match"), STR("\"e1\""));
    expect_str("length", field_of(copy, "Content-Length"), STR("0"));
    assert_non_null(strstr(copy->head,
                           "X-Amz-SignedHeaders=host%3Bx-amz-copy-source%3B"
                           "x-amz-copy-source-if-match"));
    assert_int_equal(media_s3_counters(w->s3)->requests, 4);
    assert_int_equal(media_s3_counters(w->s3)->retries, 0);
    assert_int_equal(w->n_logged, 0);
}

static void each_answer_of_a_store_has_its_end(void **state)
{
    static const struct {
        const char *name;
        str replies[6];
        int r;
        const char *asked;
    } rows[] = {
        {"nobody has put it", {NOT_FOUND, NOT_FOUND}, MEDIA_MISSING, "HEAD kept, HEAD in"},
        {"taken before", {FOUND(7), NO_CONTENT}, 0, "HEAD kept, DELETE in"},
        {"another is kept", {FOUND(8), FOUND(7), COPIED, NO_CONTENT}, 0, TAKEN},
        {"too short", {NOT_FOUND, FOUND(6)}, MEDIA_MISMATCH, "HEAD kept, HEAD in"},
        {"too long", {NOT_FOUND, FOUND(70000000000)}, MEDIA_MISMATCH, "HEAD kept, HEAD in"},
        {"of another type",
         {NOT_FOUND, STR("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"
                         "Content-Type: image/PNG\r\n\r\n")},
         MEDIA_MISMATCH,
         "HEAD kept, HEAD in"},
        {"of no type",
         {NOT_FOUND, STR("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")},
         MEDIA_MISMATCH,
         "HEAD kept, HEAD in"},
        {"of no length",
         {NOT_FOUND, STR("HTTP/1.1 200 OK\r\n" IS_PNG)},
         MEDIA_UNAVAILABLE,
         "HEAD kept, HEAD in"},
        {"changed in between, and still as announced",
         {NOT_FOUND, FOUND(7), CHANGED, FOUND(7), COPIED, NO_CONTENT},
         0,
         "HEAD kept, HEAD in, PUT kept, HEAD in, PUT kept, DELETE in"},
        {"changed in between to another one",
         {NOT_FOUND, FOUND(7), CHANGED, FOUND(8)},
         MEDIA_MISMATCH,
         "HEAD kept, HEAD in, PUT kept, HEAD in"},
        {"gone in between",
         {NOT_FOUND, FOUND(7), NOT_FOUND, NOT_FOUND},
         MEDIA_MISSING,
         "HEAD kept, HEAD in, PUT kept, HEAD in"},
        {"what is left stays", {NOT_FOUND, FOUND(7), COPIED, UNAVAILABLE}, 0, TAKEN},
        {"what is left may not be deleted", {NOT_FOUND, FOUND(7), COPIED, DENIED}, 0, TAKEN},
        {"denied", {DENIED}, MEDIA_UNAVAILABLE, "HEAD kept"},
        {"elsewhere",
         {STR("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n")},
         MEDIA_UNAVAILABLE,
         "HEAD kept"},
        {"no copy allowed",
         {NOT_FOUND, FOUND(7), DENIED},
         MEDIA_UNAVAILABLE,
         "HEAD kept, HEAD in, PUT kept"},
        {"no bucket to copy to",
         {NOT_FOUND, FOUND(7), NO_BUCKET},
         MEDIA_UNAVAILABLE,
         "HEAD kept, HEAD in, PUT kept"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows[i].replies) && rows[i].replies[k].ptr; k++)
            answer_with(w, rows[i].replies[k]);
        const struct ended *e = take(w, ID);
        await_all(w);
        expect_int(rows[i].name, e->r, rows[i].r);
        expect_asked(rows[i].name, w, rows[i].asked);
        expect_int(rows[i].name, w->n_served, w->n_script);
        start_anew(w);
    }
}

static void what_always_changes_is_given_up(void **state)
{
    struct world *w = *state;

    answer_with(w, NOT_FOUND);
    for (unsigned i = 0; i < MEDIA_S3_TRIES; i++)
        SCRIPT(w, FOUND(7), CHANGED);
    const struct ended *e = take(w, ID);
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
    assert_int_equal(w->n_served, 1 + 2 * MEDIA_S3_TRIES);
}

static void without_an_etag_a_copy_asks_for_none(void **state)
{
    struct world *w = *state;

    SCRIPT(w, NOT_FOUND,
           STR("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: image/png\r\n\r\n"),
           COPIED, NO_CONTENT);
    const struct ended *e = take(w, ID);
    await_all(w);
    assert_int_equal(e->r, 0);
    assert_null(strstr(w->server.requests[2].head, "if-match"));
}

// Tries

static void what_may_pass_is_tried_again(void **state)
{
    static const struct {
        const char *name;
        str reply;
    } rows[] = {
        {"cut", CUT}, // the first: on a kept connection it would be asked again by itself
        {"503", UNAVAILABLE},
        {"500", STR("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")},
        {"429", STR("HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n")},
        {"no HTTP", STR("hello\r\n")},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SCRIPT(w, rows[i].reply, NOT_FOUND, NOT_FOUND);
        const struct ended *e = take(w, ID);
        UNTIL(w, is_waiting(w));
        skip_ms(w, MEDIA_S3_AGAIN_MS);
        await_all(w);
        expect_int(rows[i].name, e->r, MEDIA_MISSING);
        expect_int(rows[i].name, media_s3_counters(w->s3)->retries, i + 1);
        expect_int(rows[i].name, media_s3_counters(w->s3)->failures, 0);
        start_anew(w);
    }
    assert_int_equal(w->n_logged, 0);
}

static void a_copy_that_says_200_and_an_error_is_tried_again(void **state)
{
    struct world *w = *state;

    SCRIPT(w, NOT_FOUND, FOUND(7), HALF_COPIED, COPIED, NO_CONTENT);
    const struct ended *e = take(w, ID);
    UNTIL(w, is_waiting(w));
    assert_int_equal(w->n_served, 3);
    skip_ms(w, MEDIA_S3_AGAIN_MS);
    await_all(w);
    assert_int_equal(e->r, 0);
    expect_asked("it", w, "HEAD kept, HEAD in, PUT kept, PUT kept, DELETE in");
}

/** Each pause is at least half of what it may be, and they double. */
static void tries_have_pauses_and_an_end(void **state)
{
    struct world *w = *state;

    const struct ended *e = take(w, ID);
    for (unsigned i = 1; i < MEDIA_S3_TRIES; i++) {
        const int64_t pause_ms = (int64_t)MEDIA_S3_AGAIN_MS << (i - 1);
        answer_with(w, UNAVAILABLE);
        UNTIL(w, is_waiting(w));
        const int64_t next_ms = timers_next_ms(&w->loop->timers);
        assert_true(next_ms <= w->loop->timers.now_ms + pause_ms);
        assert_true(next_ms > w->loop->timers.now_ms + pause_ms / 2 - 20);
        assert_int_equal(w->n_served, i);
        skip_ms(w, pause_ms);
    }
    answer_with(w, UNAVAILABLE);
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
    assert_int_equal(w->n_served, MEDIA_S3_TRIES);
    assert_int_equal(media_s3_counters(w->s3)->failures, 1);
    assert_int_equal(media_s3_counters(w->s3)->requests, MEDIA_S3_TRIES);
}

static void no_try_begins_when_the_time_is_over(void **state)
{
    struct world *w = *state;

    const struct ended *e = take(w, ID);
    answer_with(w, UNAVAILABLE);
    UNTIL(w, is_waiting(w));
    skip_ms(w, MEDIA_TAKE_MS); // the second is due, and too late
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
    assert_int_equal(w->n_served, 1);
}

static void a_store_that_is_down_is_unavailable(void **state)
{
    struct world *w = *state;

    raw_server_refuse(&w->server);
    const struct ended *e = take(w, ID);
    for (unsigned i = 1; i < MEDIA_S3_TRIES; i++) {
        UNTIL(w, is_waiting(w));
        skip_ms(w, (int64_t)MEDIA_S3_AGAIN_MS << i);
    }
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
    expect_in("log", w->logged, "event=media_s3_failed method=HEAD status=0");
}

/** An answer of this status whose body has so many bytes. @return owned; free() */
static char *long_reply(unsigned status, size_t n)
{
    char *reply = mem_alloc(n + 128);
    const int head =
        snprintf(reply, 128, "HTTP/1.1 %u \r\nContent-Length: %zu\r\n\r\n", status, n);

    memset(reply + head, ' ', n);
    return reply;
}

static void an_answer_has_a_longest_body(void **state)
{
    static const struct {
        const char *name;
        unsigned status;
        size_t n;
        int r;
        unsigned retries;
    } rows[] = {
        {"the longest", 200, MEDIA_S3_ANSWER_MAX, 0, 0},
        {"one more", 200, MEDIA_S3_ANSWER_MAX + 1, MEDIA_UNAVAILABLE, 0},
        {"one more, and what may pass", 503, MEDIA_S3_ANSWER_MAX + 1, 0, 1},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *reply = long_reply(rows[i].status, rows[i].n);
        SCRIPT(w, str_of(reply), NO_CONTENT, NO_CONTENT);
        const struct ended *e = drop(w, ID);
        if (rows[i].retries > 0) {
            UNTIL(w, is_waiting(w));
            skip_ms(w, MEDIA_S3_AGAIN_MS);
        }
        await_all(w);
        expect_int(rows[i].name, e->r, rows[i].r);
        expect_int(rows[i].name, media_s3_counters(w->s3)->retries, rows[i].retries);
        start_anew(w);
        free(reply);
    }
}

// Bounds

static void only_so_many_run_or_wait(void **state)
{
    struct world *w = *state;
    size_t n_refused = 0;

    w->server.serve = NULL;
    for (size_t i = 0; i <= MEDIA_S3_WORKS_MAX; i++)
        take(w, ID);
    turns(w);
    for (size_t i = 0; i < w->n_begun; i++)
        n_refused += w->ended[i].r == MEDIA_UNAVAILABLE;
    assert_int_equal(n_refused,
                     MEDIA_S3_WORKS_MAX + 1 - MEDIA_S3_RUNNING_MAX - FETCH_WAITING_MAX);
    assert_int_equal(w->ended[MEDIA_S3_WORKS_MAX].times, 1);
    UNTIL(w, w->server.n_requests == MEDIA_S3_RUNNING_MAX);
    assert_int_equal(w->server.n_conns, MEDIA_S3_RUNNING_MAX);
    assert_int_equal(lines_in(w->logged), 1); // all of them within a second
}

static void a_failure_is_said_once_a_second(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        answer_with(w, NOT_FOUND);
        answer_with(w, FOUND(7));
        answer_with(w, DENIED);
        take(w, ID);
        await_all(w);
    }
    assert_int_equal(lines_in(w->logged), 1);
    expect_in("log", w->logged,
              "level=warn layer=media event=media_s3_failed method=PUT status=403 "
              "code=\"SignatureDoesNotMatch\" reason=\"\" tries=1 unsaid=0");
}

// Drop

static void a_drop_deletes_both(void **state)
{
    static const struct {
        const char *name;
        str replies[2];
        int r;
        const char *asked;
    } rows[] = {
        {"204", {NO_CONTENT, NO_CONTENT}, 0, "DELETE in, DELETE kept"},
        {"404", {NOT_FOUND, NOT_FOUND}, 0, "DELETE in, DELETE kept"},
        {"200",
         {STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), NO_CONTENT},
         0,
         "DELETE in, DELETE kept"},
        {"denied at once", {DENIED}, MEDIA_UNAVAILABLE, "DELETE in"},
        {"denied then", {NO_CONTENT, DENIED}, MEDIA_UNAVAILABLE, "DELETE in, DELETE kept"},
        {"no bucket", {NO_BUCKET}, MEDIA_UNAVAILABLE, "DELETE in"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows[i].replies) && rows[i].replies[k].ptr; k++)
            answer_with(w, rows[i].replies[k]);
        const struct ended *e = drop(w, ID);
        await_all(w);
        expect_int(rows[i].name, e->r, rows[i].r);
        expect_asked(rows[i].name, w, rows[i].asked);
        start_anew(w);
    }
}

// The operator's check

static void what_was_copied_is_checked_by_a_link(void **state)
{
    struct world *w = *state;
    char start[256];
    char url[RAW_URL_SIZE];

    SCRIPT(w, NOT_FOUND, FOUND(7), COPIED, NO_CONTENT);
    const struct ended *e = take(w, ID);
    UNTIL(w, fake_scan->done);
    expect_asked("before", w, "HEAD kept, HEAD in, PUT kept");
    (void)snprintf(start, sizeof(start), "%s/files/kept/" ID "?X-Amz-",
                   raw_url(url, &w->server, "http", ""));
    assert_true(str_starts(str_of(fake_scan->place), str_of(start)));
    assert_string_equal(fake_scan->mime, "image/png");
    assert_int_equal(fake_scan->size, 7);
    fake_scan_answer(0);
    await_all(w);
    assert_int_equal(e->r, 0);
    expect_asked("after", w, TAKEN);
}

static void what_is_rejected_is_deleted(void **state)
{
    struct world *w = *state;

    SCRIPT(w, NOT_FOUND, FOUND(7), COPIED, NO_CONTENT, UNAVAILABLE);
    const struct ended *e = take(w, ID);
    UNTIL(w, fake_scan->done);
    fake_scan_answer(MEDIA_REJECTED);
    await_all(w);
    assert_int_equal(e->r, MEDIA_REJECTED);
    expect_asked("it", w, "HEAD kept, HEAD in, PUT kept, DELETE kept, DELETE in");
}

static void what_could_not_be_checked_stays_and_is_checked_when_asked_again(void **state)
{
    struct world *w = *state;

    SCRIPT(w, NOT_FOUND, FOUND(7), COPIED);
    const struct ended *e = take(w, ID);
    UNTIL(w, fake_scan->done);
    fake_scan_answer(MEDIA_UNAVAILABLE);
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
    SCRIPT(w, FOUND(7), NO_CONTENT);
    e = take(w, ID);
    UNTIL(w, fake_scan->done);
    fake_scan_answer(0);
    await_all(w);
    assert_int_equal(e->r, 0);
    assert_int_equal(fake_scan->n_run, 2);
}

// Stopping

static void stopping_ends_what_runs_waits_and_comes(void **state)
{
    struct world *w = *state;

    answer_with(w, UNAVAILABLE);
    const struct ended *waiting = take(w, ID);
    UNTIL(w, is_waiting(w));
    answer_with(w, SILENCE);
    const struct ended *running = drop(w, OTHER_ID);
    UNTIL(w, w->n_served == 2);
    media_stop(w->media);
    assert_int_equal(w->n_ended, 0);
    const struct ended *late = take(w, OTHER_ID);
    await_all(w);
    assert_int_equal(waiting->r, MEDIA_UNAVAILABLE);
    assert_int_equal(running->r, MEDIA_UNAVAILABLE);
    assert_int_equal(late->r, MEDIA_UNAVAILABLE);
    assert_int_equal(w->n_served, 2);
    assert_int_equal(w->n_logged, 0);
}

static void stopping_ends_a_check(void **state)
{
    struct world *w = *state;

    SCRIPT(w, FOUND(7));
    const struct ended *e = take(w, ID);
    UNTIL(w, fake_scan->done);
    media_stop(w->media);
    await_all(w);
    assert_int_equal(e->r, MEDIA_UNAVAILABLE);
}

// Links

static void a_link_to_put_signs_what_was_announced(void **state)
{
    struct world *w = *state;
    struct chat_upload u = upload_of(ID);
    struct buf url;

    buf_init(&url, MEDIA_URL_MAX);
    assert_int_equal(media_put_link(w->media, &u, 1000000000999, &url), 1000000300000);
    const str start = STR("https://s3.example/files/in/" ID "?");
    assert_true(str_starts(buf_str(&url), start));
    assert_true(has(&url, "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&"));
    assert_true(has(&url, "X-Amz-Expires=300&"));
    assert_true(has(&url, "X-Amz-Security-Token=hush-token&"));
    assert_false(has(&url, "hush-hush"));
    buf_clear(&url);
    u.has_sha256 = true;
    media_put_link(w->media, &u, 1000000000000, &url);
    assert_true(has(&url, "content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256"));
    buf_fini(&url);
}

static void a_link_to_get_shows_what_is_safe_and_saves_all_else(void **state)
{
    static const struct {
        const char *mime;
        const char *type;
        const char *how;
    } rows[] = {
        {"image/png", "response-content-type=image%2Fpng", "disposition=inline%3B"},
        {"text/html", "response-content-type=application%2Foctet-stream",
         "disposition=attachment%3B"},
        {"image/svg+xml", "response-content-type=application%2Foctet-stream",
         "disposition=attachment%3B"},
    };
    struct world *w = *state;
    struct buf url;

    buf_init(&url, MEDIA_URL_MAX);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct media_file f = {STR(ID), str_of(rows[i].mime), STR("a b.png")};
        buf_clear(&url);
        expect_int(rows[i].mime, media_get_link(w->media, &f, 1000000000000, &url),
                   1000000600000);
        const str start = STR("https://s3.example/files/kept/" ID "?");
        expect_int(rows[i].mime, str_starts(buf_str(&url), start), 1);
        expect_int(rows[i].mime, has(&url, rows[i].type), 1);
        expect_int(rows[i].mime, has(&url, rows[i].how), 1);
    }
    buf_fini(&url);
}

static void finds_links_of_its_own(void **state)
{
    struct world *w = *state;
    struct chat_upload u = upload_of(ID);
    struct buf url;
    str id;

    buf_init(&url, MEDIA_URL_MAX);
    media_put_link(w->media, &u, 0, &url);
    assert_true(media_find(w->media, buf_str(&url), &id));
    expect_str("put", id, STR(ID));
    assert_true(media_find(w->media, STR("https://s3.example/files/kept/" OTHER_ID), &id));
    expect_str("kept", id, STR(OTHER_ID));
    assert_false(media_find(w->media, STR("http://127.0.0.1/files/kept/" OTHER_ID), &id));
    buf_fini(&url);
}

// What is configured

static void so_long(char *out, size_t n)
{
    memset(out, '/', n);
}

static void what_can_not_be_is_refused_at_once(void **state)
{
    struct world *w = *state;
    char text[MEDIA_S3_TOKEN_MAX + 1];
    struct media_s3_config rows[18];
    size_t n = 0;

    so_long(text, sizeof(text));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rows[i] = config_of(w, "https://s3.example");
    rows[n++].region = STR("");
    rows[n++].region = (str){text, MEDIA_S3_REGION_MAX + 1};
    rows[n++].access_key = STR("");
    rows[n++].access_key = (str){text, MEDIA_S3_KEY_MAX + 1};
    rows[n++].secret_key = STR("");
    rows[n++].secret_key = (str){text, MEDIA_S3_KEY_MAX + 1};
    rows[n++].session_token = (str){text, MEDIA_S3_TOKEN_MAX + 1};
    rows[n++].session_token = (str){text, MEDIA_S3_TOKEN_MAX}; // all of it escaped: no room
    rows[n++].put_ms = 999;
    rows[n++].put_ms = SIGV4_EXPIRES_MAX * INT64_C(1000) + 1;
    rows[n++].get_ms = 999;
    rows[n++].get_ms = SIGV4_EXPIRES_MAX * INT64_C(1000) + 1;
    rows[n++].endpoint = STR("s3.example");
    rows[n++].public_endpoint = STR("ftp://s3.example");
    rows[n++].bucket = STR("..");
    for (size_t i = 0; i < n; i++) {
        char name[32];
        struct media_s3 *s = NULL;
        (void)snprintf(name, sizeof(name), "row %zu", i);
        expect_int(name, media_s3_new(&s, &rows[i]) < 0, 1);
    }
    turns(w);
}

static void the_longest_of_each_is_taken(void **state)
{
    struct world *w = *state;
    char text[MEDIA_S3_TOKEN_MAX];
    struct media_s3_config c = config_of(w, "https://s3.example");
    struct media_s3 *s = NULL;

    memset(text, 'a', sizeof(text));
    c.region = (str){text, MEDIA_S3_REGION_MAX};
    c.access_key = (str){text, MEDIA_S3_KEY_MAX};
    c.secret_key = (str){text, MEDIA_S3_KEY_MAX};
    c.session_token = (str){text, MEDIA_S3_TOKEN_MAX};
    c.put_ms = c.get_ms = SIGV4_EXPIRES_MAX * INT64_C(1000);
    assert_int_equal(media_s3_new(&s, &c), 0);
    media_free(media_s3_port(s));
    turns(w);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SCAN_TEST(name) cmocka_unit_test_setup_teardown(name, setup_scan, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_take_looks_copies_and_tidies),
        TEST(each_answer_of_a_store_has_its_end),
        TEST(what_always_changes_is_given_up),
        TEST(without_an_etag_a_copy_asks_for_none),
        TEST(what_may_pass_is_tried_again),
        TEST(a_copy_that_says_200_and_an_error_is_tried_again),
        TEST(tries_have_pauses_and_an_end),
        TEST(no_try_begins_when_the_time_is_over),
        TEST(a_store_that_is_down_is_unavailable),
        TEST(an_answer_has_a_longest_body),
        TEST(only_so_many_run_or_wait),
        TEST(a_failure_is_said_once_a_second),
        TEST(a_drop_deletes_both),
        SCAN_TEST(what_was_copied_is_checked_by_a_link),
        SCAN_TEST(what_is_rejected_is_deleted),
        SCAN_TEST(what_could_not_be_checked_stays_and_is_checked_when_asked_again),
        TEST(stopping_ends_what_runs_waits_and_comes),
        SCAN_TEST(stopping_ends_a_check),
        TEST(a_link_to_put_signs_what_was_announced),
        TEST(a_link_to_get_shows_what_is_safe_and_saves_all_else),
        TEST(finds_links_of_its_own),
        TEST(what_can_not_be_is_refused_at_once),
        TEST(the_longest_of_each_is_taken),
    };
    return cmocka_run_group_tests_name("media/s3", tests, NULL, NULL);
}
