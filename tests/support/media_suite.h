/**
 * What every backend of chat/media.h owes the chat. A backend says how its files are put and
 * got by their links, and runs the suite:
 *
 *   return media_suite_run("media", &(struct media_backend){…});
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "chat/media.h"
#include "crypto/digest.h"
#include "io/loop.h"
#include "support/t.h"

#define MEDIA_SUITE_ANSWER_MAX (4 << 20)

/** Borrowed until the next request. */
struct media_suite_answer {
    unsigned status;
    str head; // the fields, each a whole line
    str body;
};

struct media_backend {
    const char *name;
    bool checks_sha256; // of what is put; not every store does

    /** @param arg  gets what the others are given @return borrowed, until close() */
    struct media *(*open)(void **arg, struct loop *l);
    void (*close)(void *arg); // its calls are over

    /** An upload was announced: a backend may want to know. Its texts live as long as the test.
     */
    void (*announce)(void *arg, const struct chat_upload *u);

    /** Run the loop until it is answered. With Content-Type, Content-Length and, of one that
     * has_sha256, its checksum, as they are in u. */
    struct media_suite_answer (*put)(void *arg, str url, const struct chat_upload *u, str body);
    struct media_suite_answer (*get)(void *arg, str url);
};

struct media_suite {
    const struct media_backend *backend;
    struct loop *loop;
    struct media *media;
    void *arg;
    struct buf url;
    unsigned n_ids;
    char ids[16][CHAT_UPLOAD_ID_SIZE];
};

static const struct media_backend *media_suite_backend;

static inline int media_suite_setup(void **state)
{
    struct media_suite *s = NEW(struct media_suite);

    s->backend = media_suite_backend;
    assert_int_equal(loop_new(&s->loop), 0);
    s->media = s->backend->open(&s->arg, s->loop);
    buf_init(&s->url, 1 << 16);
    *state = s;
    return 0;
}

static inline int media_suite_teardown(void **state)
{
    struct media_suite *s = *state;

    while (!media_is_idle(s->media))
        loop_run_once(s->loop);
    s->backend->close(s->arg);
    loop_free(s->loop);
    buf_fini(&s->url);
    free(s);
    return 0;
}

/** An id that no run has had: a store may keep what is in it. */
static inline str media_suite_id(struct media_suite *s)
{
    static unsigned n_all;
    char *id = s->ids[s->n_ids++];

    assert_true(s->n_ids <= COUNT_OF(s->ids));
    (void)snprintf(id, CHAT_UPLOAD_ID_SIZE, "%08x-%05u_%05u", (unsigned)loop_now_ns(),
                   ++n_all % 100000, 0U);
    return str_of(id);
}

static inline struct chat_upload media_suite_upload(struct media_suite *s, const char *mime,
                                                    str body)
{
    const struct chat_upload u = {
        .id = media_suite_id(s),
        .owner = account_of(STR("\x01wallet")),
        .name = STR("a \"file\" \xce\xba.bin"),
        .mime = str_of(mime),
        .size = body.len,
    };

    s->backend->announce(s->arg, &u);
    return u;
}

static inline int64_t media_suite_now(const struct media_suite *s)
{
    return clock_unix_ms(&s->loop->clock);
}

static inline str media_suite_put_url(struct media_suite *s, const struct chat_upload *u)
{
    buf_clear(&s->url);
    media_put_link(s->media, u, media_suite_now(s), &s->url);
    return buf_str(&s->url);
}

static inline str media_suite_get_url(struct media_suite *s, const struct chat_upload *u)
{
    buf_clear(&s->url);
    media_get_link(s->media,
                   &(struct media_file){.id = u->id, .mime = u->mime, .name = u->name},
                   media_suite_now(s), &s->url);
    return buf_str(&s->url);
}

static inline unsigned media_suite_put(struct media_suite *s, const struct chat_upload *u,
                                       str body)
{
    return s->backend->put(s->arg, media_suite_put_url(s, u), u, body).status;
}

static inline struct media_suite_answer media_suite_get(struct media_suite *s,
                                                        const struct chat_upload *u)
{
    return s->backend->get(s->arg, media_suite_get_url(s, u));
}

struct media_suite_done {
    unsigned n;
    int r;
};

static inline void media_suite_on_done(void *arg, int r)
{
    struct media_suite_done *d = arg;

    d->n++;
    d->r = r;
}

static inline int media_suite_await(struct media_suite *s, const struct media_suite_done *d)
{
    while (d->n == 0)
        loop_run_once(s->loop);
    loop_run_once(s->loop);
    assert_int_equal(d->n, 1); // once
    return d->r;
}

static inline int media_suite_take(struct media_suite *s, const struct chat_upload *u)
{
    struct media_suite_done d = {0};

    media_take(s->media, u, media_suite_on_done, &d);
    assert_int_equal(d.n, 0); // later
    return media_suite_await(s, &d);
}

static inline int media_suite_drop(struct media_suite *s, str id)
{
    struct media_suite_done d = {0};

    media_drop(s->media, id, media_suite_on_done, &d);
    assert_int_equal(d.n, 0);
    return media_suite_await(s, &d);
}

static inline bool media_suite_has(str text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

#define MEDIA_SUITE_TEXT STR("what is in the file")

// The suite.

static inline void what_was_put_and_taken_is_got(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_take(s, &u), 0);
    const struct media_suite_answer a = media_suite_get(s, &u);
    assert_int_equal(a.status, 200);
    expect_str("body", a.body, MEDIA_SUITE_TEXT);
}

static inline void any_byte_and_a_large_file_come_back_as_they_are(void **state)
{
    struct media_suite *s = *state;
    const size_t size = 3 * 1000 * 1000 + 1;
    char *bytes = mem_alloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i ^ i >> 8 ^ i >> 16);
    const struct chat_upload u = media_suite_upload(s, "application/x-any", (str){bytes, size});
    assert_int_equal(media_suite_put(s, &u, (str){bytes, size}), 200);
    assert_int_equal(media_suite_take(s, &u), 0);
    const struct media_suite_answer a = media_suite_get(s, &u);
    assert_int_equal(a.body.len, size);
    assert_memory_equal(a.body.ptr, bytes, size);
    free(bytes);
}

static inline void nothing_is_got_before_it_is_taken(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_get(s, &u).status, 404);
    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_get(s, &u).status, 404);
}

static inline void what_nobody_has_put_is_missing(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_take(s, &u), MEDIA_MISSING);
    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_take(s, &u), 0); // and a later take finds it
}

static inline void what_has_another_size_is_a_mismatch(void **state)
{
    struct media_suite *s = *state;
    struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    u.size++;
    assert_int_equal(media_suite_take(s, &u), MEDIA_MISMATCH);
    u.size -= 2;
    assert_int_equal(media_suite_take(s, &u), MEDIA_MISMATCH);
    u.size++;
    assert_int_equal(media_suite_take(s, &u), 0);
}

static inline void a_link_to_put_is_for_that_type_and_size(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    struct chat_upload other = u;

    other.mime = STR("text/html");
    assert_int_equal(
        s->backend->put(s->arg, media_suite_put_url(s, &u), &other, MEDIA_SUITE_TEXT).status,
        403);
    other = u;
    other.size = 4;
    assert_int_equal(
        s->backend->put(s->arg, media_suite_put_url(s, &u), &other, STR("what")).status, 403);
    assert_int_equal(media_suite_take(s, &u), MEDIA_MISSING);
}

static inline void a_digest_that_was_announced_is_checked(void **state)
{
    struct media_suite *s = *state;
    struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    u.has_sha256 = true;
    crypto_sha256(u.sha256, MEDIA_SUITE_TEXT);
    s->backend->announce(s->arg, &u);
    if (s->backend->checks_sha256) {
        assert_int_equal(media_suite_put(s, &u, STR("what is in the filE")), 400);
        assert_int_equal(media_suite_take(s, &u), MEDIA_MISSING);
    }
    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_take(s, &u), 0);
}

static inline void what_was_taken_is_not_changed_by_anybody(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_put(s, &u, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_take(s, &u), 0);
    media_suite_put(s, &u, STR("WHAT IS IN THE FILE")); // whatever is said to that
    expect_str("body", media_suite_get(s, &u).body, MEDIA_SUITE_TEXT);
    assert_int_equal(media_suite_take(s, &u), 0); // and once more
    expect_str("body", media_suite_get(s, &u).body, MEDIA_SUITE_TEXT);
}

static inline void what_is_dropped_is_gone_under_both_names(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload put = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    const struct chat_upload taken = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    const struct chat_upload never = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);

    assert_int_equal(media_suite_put(s, &put, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_put(s, &taken, MEDIA_SUITE_TEXT), 200);
    assert_int_equal(media_suite_take(s, &taken), 0);
    for (int i = 0; i < 2; i++) { // idempotent
        assert_int_equal(media_suite_drop(s, put.id), 0);
        assert_int_equal(media_suite_drop(s, taken.id), 0);
        assert_int_equal(media_suite_drop(s, never.id), 0);
    }
    assert_int_equal(media_suite_get(s, &taken).status, 404);
    assert_int_equal(media_suite_take(s, &put), MEDIA_MISSING);
    assert_int_equal(media_suite_take(s, &taken), MEDIA_MISSING);
}

static inline void many_are_taken_at_once(void **state)
{
    struct media_suite *s = *state;
    struct chat_upload u[8];
    struct media_suite_done d[COUNT_OF(u)] = {{0}};

    for (size_t i = 0; i < COUNT_OF(u); i++) {
        u[i] = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
        if (i % 2 == 0)
            assert_int_equal(media_suite_put(s, &u[i], MEDIA_SUITE_TEXT), 200);
    }
    for (size_t i = 0; i < COUNT_OF(u); i++)
        media_take(s->media, &u[i], media_suite_on_done, &d[i]);
    assert_false(media_is_idle(s->media));
    for (size_t i = 0; i < COUNT_OF(u); i++)
        assert_int_equal(media_suite_await(s, &d[i]), i % 2 == 0 ? 0 : MEDIA_MISSING);
}

static inline void a_link_is_good_for_a_time(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    const int64_t now_ms = media_suite_now(s);

    buf_clear(&s->url);
    const int64_t put_ms = media_put_link(s->media, &u, now_ms, &s->url);
    assert_true(put_ms > now_ms - 1000 && put_ms <= now_ms + INT64_C(7) * 86400000);
    assert_int_equal(put_ms % 1000, 0);
    buf_clear(&s->url);
    const int64_t past_ms = media_put_link(s->media, &u, now_ms - INT64_C(864000000), &s->url);
    assert_true(past_ms < now_ms);
    assert_int_equal(s->backend->put(s->arg, buf_str(&s->url), &u, MEDIA_SUITE_TEXT).status,
                     403);
}

static inline void only_what_is_safe_is_shown(void **state)
{
    static const struct {
        const char *mime;
        str body;
        const char *type;
        const char *disposition;
    } rows[] = {
        {"image/png", STR("\x89PNG\r\n\x1a\n and so on"), "image/png", "inline;"},
        {"text/html", STR("<html>"), "application/octet-stream", "attachment;"},
        {"image/svg+xml", STR("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
         "application/octet-stream", "attachment;"},
        {"application/x-any", STR("?"), "application/octet-stream", "attachment;"},
    };
    struct media_suite *s = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char field[128];
        const struct chat_upload u = media_suite_upload(s, rows[i].mime, rows[i].body);
        expect_int(rows[i].mime, media_suite_put(s, &u, rows[i].body), 200);
        expect_int(rows[i].mime, media_suite_take(s, &u), 0);
        const struct media_suite_answer a = media_suite_get(s, &u);
        expect_str(rows[i].mime, a.body, rows[i].body);
        (void)snprintf(field, sizeof(field), "Content-Type: %s\r\n", rows[i].type);
        expect_int(rows[i].mime, media_suite_has(a.head, field), true);
        (void)snprintf(field, sizeof(field), "Content-Disposition: %s", rows[i].disposition);
        expect_int(rows[i].mime, media_suite_has(a.head, field), true);
    }
}

static inline void its_own_links_are_found_and_no_others(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    char url[8192];
    str id;

    assert_true(media_find(s->media, media_suite_put_url(s, &u), &id));
    expect_str("put", id, u.id);
    const str link = media_suite_get_url(s, &u);
    assert_true(media_find(s->media, link, &id));
    expect_str("get", id, u.id);

    const size_t bare = str_find(link, '?');
    assert_true(media_find(s->media, (str){link.ptr, bare}, &id)); // the query does not count
    expect_str("bare", id, u.id);
    for (size_t n = 0; n < bare; n++)
        expect_int("cut", media_find(s->media, (str){link.ptr, n}, &id), false);
    (void)snprintf(url, sizeof(url), "%.*sx", (int)bare, link.ptr);
    assert_false(media_find(s->media, str_of(url), &id));
    (void)snprintf(url, sizeof(url), "x%.*s", (int)bare, link.ptr);
    assert_false(media_find(s->media, str_of(url), &id));
    (void)snprintf(url, sizeof(url), "https://evil.example/?%.*s", (int)bare, link.ptr);
    assert_false(media_find(s->media, str_of(url), &id));
    assert_false(media_find(s->media, STR(""), &id));
}

static inline void when_it_stops_all_is_answered(void **state)
{
    struct media_suite *s = *state;
    const struct chat_upload u = media_suite_upload(s, "text/plain", MEDIA_SUITE_TEXT);
    struct media_suite_done under_way = {0};
    struct media_suite_done late = {0};
    struct media_suite_done dropping = {0};

    media_take(s->media, &u, media_suite_on_done, &under_way);
    media_stop(s->media);
    assert_int_equal(under_way.n, 0);
    media_take(s->media, &u, media_suite_on_done, &late);
    media_drop(s->media, u.id, media_suite_on_done, &dropping);
    assert_int_equal(late.n + dropping.n, 0);
    const int r = media_suite_await(s, &under_way); // it may have been quicker
    assert_true(r == MEDIA_UNAVAILABLE || r == MEDIA_MISSING);
    assert_int_equal(media_suite_await(s, &late), MEDIA_UNAVAILABLE);
    assert_int_equal(media_suite_await(s, &dropping), MEDIA_UNAVAILABLE);
}

static inline int media_suite_run(const char *name, const struct media_backend *backend)
{
#define MEDIA_TEST(f)                                                                          \
    cmocka_unit_test_setup_teardown(f, media_suite_setup, media_suite_teardown)
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(what_was_put_and_taken_is_got),
        MEDIA_TEST(any_byte_and_a_large_file_come_back_as_they_are),
        MEDIA_TEST(nothing_is_got_before_it_is_taken),
        MEDIA_TEST(what_nobody_has_put_is_missing),
        MEDIA_TEST(what_has_another_size_is_a_mismatch),
        MEDIA_TEST(a_link_to_put_is_for_that_type_and_size),
        MEDIA_TEST(a_digest_that_was_announced_is_checked),
        MEDIA_TEST(what_was_taken_is_not_changed_by_anybody),
        MEDIA_TEST(what_is_dropped_is_gone_under_both_names),
        MEDIA_TEST(many_are_taken_at_once),
        MEDIA_TEST(a_link_is_good_for_a_time),
        MEDIA_TEST(only_what_is_safe_is_shown),
        MEDIA_TEST(its_own_links_are_found_and_no_others),
        MEDIA_TEST(when_it_stops_all_is_answered),
    };
#undef MEDIA_TEST
    media_suite_backend = backend;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
