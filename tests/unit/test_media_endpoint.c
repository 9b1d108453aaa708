#include "base/base64.h"
#include "crypto/digest.h"
#include "media/endpoint.h"
#include "media/sigv4.h"
#include "support/media_world.h"

#define ID       "abCD012345678901234-"
#define OTHER    "ab_D012345678901234-"
#define PNG      "\x89PNG\r\n\x1a\n and so on"
#define PNG_SIZE (sizeof(PNG) - 1)
#define IN       "/media/files/in/"
#define KEPT     "/media/files/kept/"
#define DAY_MS   86400000

static const struct sigv4_key key = {
    .access = {MEDIA_LOCAL_ACCESS, sizeof(MEDIA_LOCAL_ACCESS) - 1},
    .secret = {MEDIA_WORLD_SECRET, sizeof(MEDIA_WORLD_SECRET) - 1},
    .region = {MEDIA_LOCAL_REGION, sizeof(MEDIA_LOCAL_REGION) - 1},
};

struct world {
    struct media_world *w;
    struct media_client client;
    struct buf url;
    struct chat_upload *upload;
};

static int setup(void **state)
{
    struct world *t = NEW(struct world);
    struct loop *loop;

    assert_int_equal(loop_new(&loop), 0);
    t->w = media_world_new_on(loop);
    media_client_open(&t->client, t->w);
    buf_init(&t->url, 1 << 16);
    t->upload = announced_add(&t->w->uploads,
                              &(struct chat_upload){.id = STR(ID),
                                                    .owner = account_of(STR("\x01wallet")),
                                                    .mime = STR("image/png"),
                                                    .size = PNG_SIZE,
                                                    .name = STR("a.png")});
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct world *t = *state;

    struct loop *loop = t->w->loop;

    media_client_close(&t->client);
    media_world_free(t->w);
    loop_free(loop);
    buf_fini(&t->url);
    free(t);
    return 0;
}

/** A fresh connection: after a refusal, for one. */
static void redial(struct world *t)
{
    media_client_close(&t->client);
    loop_run_once(t->w->loop);
    media_client_open(&t->client, t->w);
}

static void reopen(struct world *t)
{
    media_client_close(&t->client);
    media_world_reopen(t->w);
    media_client_open(&t->client, t->w);
}

static str put_url(struct world *t)
{
    buf_clear(&t->url);
    media_put_link(t->w->media, t->upload, media_world_now(t->w), &t->url);
    return buf_str(&t->url);
}

static str get_url(struct world *t)
{
    buf_clear(&t->url);
    media_get_link(t->w->media,
                   &(struct media_file){
                       .id = t->upload->id, .mime = t->upload->mime, .name = t->upload->name},
                   media_world_now(t->w), &t->url);
    return buf_str(&t->url);
}

static bool has(str text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

#define expect_has(what, text, part)                                                           \
    do {                                                                                       \
        if (!has((text), (part)))                                                              \
            fail_msg("%s: \"%s\" is not in \"" STR_FMT "\"", (what), (part), STR_ARG(text));   \
    } while (0)

static void expect_refusal(const char *what, const struct media_answer *a, unsigned status,
                           const char *code)
{
    char xml[128];

    (void)snprintf(xml, sizeof(xml),
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>",
                   code);
    expect_has(what, a->body, xml);
    expect_int(what, a->status, status);
    expect_has(what, a->head, "Content-Type: application/xml\r\n");
    expect_has(what, a->head, "X-Content-Type-Options: nosniff\r\n");
    expect_has(what, a->body, "</Message></Error>");
}

static struct media_answer put_png(struct world *t)
{
    return media_client_put(&t->client, put_url(t), STR("image/png"), STR(PNG));
}

/** The file is there, and kept. */
static void keep_png(struct world *t)
{
    expect_int("put", put_png(t).status, 200);
    assert_int_equal(media_world_take(t->w, t->upload), 0);
}

static size_t count(const struct world *t, const char *name)
{
    char path[512];

    return folder_count(folder_path(path, &t->w->folder, name));
}

static bool is_there(const struct world *t, const char *name)
{
    char path[512];

    return access(folder_path(path, &t->w->folder, name), F_OK) == 0;
}

// There and back.

static void a_file_goes_up_and_comes_down(void **state)
{
    struct world *t = *state;

    struct media_answer a = put_png(t);
    assert_int_equal(a.status, 200);
    expect_has("put", a.head, "ETag: \"" ID "\"\r\n");
    expect_has("put", a.head, "Content-Length: 0\r\n");
    a = media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
    expect_refusal("not taken", &a, 404, "NoSuchKey");
    assert_int_equal(media_world_take(t->w, t->upload), 0);
    a = media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
    expect_str("body", a.body, STR(PNG));
    assert_int_equal(a.status, 200);
    static const char *const fields[] = {
        "Content-Type: image/png\r\n",
        "ETag: \"abCD012345678901234-\"\r\n",
        "Last-Modified: ",
        "Accept-Ranges: bytes\r\n",
        "Content-Disposition: inline",
        "X-Content-Type-Options: nosniff\r\n",
        "Content-Security-Policy: sandbox; default-src 'none'\r\n",
        "Cross-Origin-Resource-Policy: cross-origin\r\n",
        "Referrer-Policy: no-referrer\r\n",
        "Cache-Control: private\r\n",
        "Access-Control-Expose-Headers: ETag, Content-Length, Content-Range, Accept-Ranges\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        expect_has("get", a.head, fields[i]);

    const struct media_local_counters *n = media_local_counters(t->w->local);
    assert_int_equal(n->puts, 1);
    assert_int_equal(n->put_bytes, PNG_SIZE);
    assert_int_equal(n->gets, 1);
    assert_int_equal(n->get_bytes, PNG_SIZE);
    assert_int_equal(n->refused, 1);
    assert_int_equal(n->putting, 0);
}

static void any_pieces_make_the_same_file(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    for (size_t cut = 0; cut <= PNG_SIZE; cut++) {
        media_client_begin(&t->client, "PUT", put_url(t), fields);
        media_client_send(&t->client, (str){PNG, cut});
        media_client_send(&t->client, (str){&PNG[cut], PNG_SIZE - cut});
        assert_int_equal(media_client_await(&t->client, true).status, 200);
        assert_int_equal(media_world_take(t->w, t->upload), 0);
        expect_str("body", media_client_ask(&t->client, "GET", get_url(t), "", STR("")).body,
                   STR(PNG));
        assert_int_equal(media_world_drop(t->w, t->upload->id), 0);
    }
}

static void a_large_file_waits_for_the_disk(void **state)
{
    struct world *t = *state;
    const size_t size = 8 << 20;
    char *bytes = mem_alloc(size);
    char fields[128];
    bool was_paused = false;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 >> 3);
    t->upload->size = size;
    t->upload->mime = STR("application/x-any");
    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: application/x-any\r\nContent-Length: %zu\r\n", size);
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    str rest = {bytes, size};
    while (rest.len > 0) {
        if (t->client.stream.is_reading) {
            mem_stream_feed(&t->client.stream,
                            str_take(&rest, rest.len < 50000 ? rest.len : 50000));
        } else {
            was_paused = true;
            loop_run_once(t->w->loop);
        }
    }
    assert_int_equal(media_client_await(&t->client, true).status, 200);
    assert_true(was_paused);
    assert_int_equal(media_world_take(t->w, t->upload), 0);
    const struct media_answer a = media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
    assert_int_equal(a.body.len, size);
    assert_memory_equal(a.body.ptr, bytes, size);
    expect_has("of no safe type", a.head, "Content-Type: application/octet-stream\r\n");
    expect_has("of no safe type", a.head, "Content-Disposition: attachment");
    free(bytes);
}

static void many_requests_share_a_connection(void **state)
{
    struct world *t = *state;

    keep_png(t);
    for (int i = 0; i < 20; i++) {
        const struct media_answer a =
            media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
        assert_int_equal(a.status, 200);
    }
    assert_false(mem_stream_is_over(&t->client.stream));
}

// Who may put what.

struct put_row {
    const char *name;
    const char *method;
    int64_t signed_at_ms; // from now
    const char *type;
    const char *length; // field; NULL: that of the body
    str body;
    enum upload_state state;
    int refusal; // of the store of uploads
    unsigned status;
    const char *code;
};

#define PENDING UPLOAD_PENDING

static const struct put_row put_rows[] = {
    {"another type than signed", "PUT", 0, "text/html", NULL, STR(PNG), PENDING, 0, 403,
     "SignatureDoesNotMatch"},
    {"more than signed", "PUT", 0, "image/png", NULL, STR(PNG "!"), PENDING, 0, 403,
     "SignatureDoesNotMatch"},
    {"less than signed", "PUT", 0, "image/png", NULL, STR("\x89PNG\r\n\x1a\n"), PENDING, 0, 403,
     "SignatureDoesNotMatch"},
    {"in chunks", "PUT", 0, "image/png", "Transfer-Encoding: chunked\r\n",
     STR("1\r\nx\r\n0\r\n\r\n"), PENDING, 0, 411, "MissingContentLength"},
    {"without a length", "PUT", 0, "image/png", "", STR(""), PENDING, 0, 411,
     "MissingContentLength"},
    {"too late", "PUT", -DAY_MS, "image/png", NULL, STR(PNG), PENDING, 0, 403, "AccessDenied"},
    {"too early", "PUT", DAY_MS, "image/png", NULL, STR(PNG), PENDING, 0, 403,
     "RequestTimeTooSkewed"},
    {"another method", "POST", 0, "image/png", NULL, STR(PNG), PENDING, 0, 405,
     "MethodNotAllowed"},
    {"deleting it", "DELETE", 0, "image/png", NULL, STR(""), PENDING, 0, 405,
     "MethodNotAllowed"},
    {"getting it", "GET", 0, "image/png", "", STR(""), PENDING, 0, 405, "MethodNotAllowed"},
    {"accepted", "PUT", 0, "image/png", NULL, STR(PNG), UPLOAD_ACCEPTED, 0, 403,
     "AccessDenied"},
    {"rejected", "PUT", 0, "image/png", NULL, STR(PNG), UPLOAD_REJECTED, 0, 403,
     "AccessDenied"},
    {"being deleted", "PUT", 0, "image/png", NULL, STR(PNG), UPLOAD_DELETING, 0, 403,
     "AccessDenied"},
    {"not announced", "PUT", 0, "image/png", NULL, STR(PNG), PENDING, UPLOADS_NOT_FOUND, 404,
     "NoSuchKey"},
    {"the store is out of reach", "PUT", 0, "image/png", NULL, STR(PNG), PENDING,
     UPLOADS_UNAVAILABLE, 503, "ServiceUnavailable"},
    {"no PNG", "PUT", 0, "image/png", NULL, STR("<html> and so on"), PENDING, 0, 400,
     "InvalidRequest"},
};

static void nobody_puts_but_what_was_announced(void **state)
{
    struct world *t = *state;

    assert_int_equal(strlen("<html> and so on"), PNG_SIZE - 2);
    for (size_t i = 0; i < COUNT_OF(put_rows); i++) {
        const struct put_row *row = &put_rows[i];
        char fields[256];
        char length[64];

        t->upload->state = row->state;
        t->upload->size = strcmp(row->name, "no PNG") == 0 ? row->body.len : PNG_SIZE;
        t->w->uploads.refusal = row->refusal;
        buf_clear(&t->url);
        media_put_link(t->w->media, t->upload, media_world_now(t->w) + row->signed_at_ms,
                       &t->url);
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", row->body.len);
        (void)snprintf(fields, sizeof(fields), "Content-Type: %s\r\n%s", row->type,
                       row->length ? row->length : length);
        const struct media_answer a =
            media_client_ask(&t->client, row->method, buf_str(&t->url), fields, row->body);
        expect_refusal(row->name, &a, row->status, row->code);
        expect_int(row->name, has(a.head, "Allow: PUT, OPTIONS\r\n"), row->status == 405);
        expect_int(row->name, has(a.head, "Retry-After: "), row->status == 503);
        redial(t);
        media_world_settle(t->w);
        expect_int(row->name, count(t, "media/tmp"), 0);
        expect_int(row->name, is_there(t, "media/in/ab/" ID), false);
    }
}

/** Signed by whoever has the key, in other ways than we do. */
static str sign(struct world *t, const char *method, const char *path,
                const struct sigv4_pair *headers, size_t n_headers,
                const struct sigv4_pair *query, size_t n_query)
{
    const struct sigv4_request rq = {
        .method = str_of(method),
        .scheme = STR("https"),
        .host = STR("chat.example"),
        .path = str_of(path),
        .headers = headers,
        .n_headers = n_headers,
        .query = query,
        .n_query = n_query,
        .unix_ms = media_world_now(t->w),
        .expires_s = 60,
    };

    buf_clear(&t->url);
    sigv4_presign(&t->url, &key, &rq);
    return buf_str(&t->url);
}

static void a_link_that_does_not_sign_type_and_length_is_none(void **state)
{
    static const struct sigv4_pair headers[] = {
        {STR("content-type"), STR("image/png")},
        {STR("content-length"), STR("18")},
    };
    struct world *t = *state;

    assert_int_equal(PNG_SIZE, 18);
    for (unsigned which = 0; which < 4; which++) {
        struct sigv4_pair some[2];
        size_t n = 0;
        for (unsigned i = 0; i < 2; i++) {
            if (which & 1U << i)
                some[n++] = headers[i];
        }
        const struct media_answer a = media_client_put(
            &t->client, sign(t, "PUT", IN ID, some, n, NULL, 0), STR("image/png"), STR(PNG));
        if (which == 3) {
            expect_int("both", a.status, 200);
        } else {
            expect_refusal("not both", &a, 403, "AccessDenied");
        }
        redial(t);
    }
}

static void it_has_the_announced_type_and_size_whoever_has_signed(void **state)
{
    static const struct {
        const char *name;
        const char *type;
        const char *length;
        str body;
        unsigned status;
        const char *code;
    } rows[] = {
        {"one more", "image/png", "19", STR(PNG "!"), 413, "EntityTooLarge"},
        {"one less", "image/png", "8", STR("\x89PNG\r\n\x1a\n"), 400, "InvalidArgument"},
        {"nothing", "image/png", "0", STR(""), 400, "InvalidArgument"},
        {"another type", "image/PNG", "18", STR(PNG), 400, "InvalidArgument"},
    };
    struct world *t = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct sigv4_pair headers[] = {
            {STR("content-type"), str_of(rows[i].type)},
            {STR("content-length"), str_of(rows[i].length)},
        };
        const struct media_answer a =
            media_client_put(&t->client, sign(t, "PUT", IN ID, headers, 2, NULL, 0),
                             str_of(rows[i].type), rows[i].body);
        expect_refusal(rows[i].name, &a, rows[i].status, rows[i].code);
        redial(t);
    }
}

static void what_was_changed_in_a_link_is_noticed(void **state)
{
    struct world *t = *state;
    char url[4096];

    struct media_answer a;
    str link = put_url(t);
    (void)snprintf(url, sizeof(url), STR_FMT, STR_ARG(link));
    memcpy(strstr(url, ID), OTHER, sizeof(OTHER) - 1);
    announced_add(&t->w->uploads, t->upload)->id = STR(OTHER);
    a = media_client_put(&t->client, str_of(url), STR("image/png"), STR(PNG));
    expect_refusal("another id", &a, 403, "SignatureDoesNotMatch");
    redial(t);

    link = put_url(t);
    *strchr(url, '?') = '\0';
    a = media_client_put(&t->client, str_of(url), STR("image/png"), STR(PNG));
    expect_refusal("no query", &a, 403, "AccessDenied");
    redial(t);

    (void)snprintf(url, sizeof(url), STR_FMT "&x=1", STR_ARG(link));
    a = media_client_put(&t->client, str_of(url), STR("image/png"), STR(PNG));
    expect_refusal("more query", &a, 403, "SignatureDoesNotMatch");
    redial(t);

    link = get_url(t);
    a = media_client_put(&t->client, link, STR("image/png"), STR(PNG));
    expect_refusal("a link to get", &a, 405, "MethodNotAllowed");
}

static void the_digest_is_checked(void **state)
{
    struct world *t = *state;
    struct media_answer a;
    char text[BASE64_LEN(32) + 1] = "";
    char fields[256];

    crypto_sha256(t->upload->sha256, STR(PNG));
    base64_encode(text, (str){(char *)t->upload->sha256, 32});
    t->upload->has_sha256 = true;
    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: image/png\r\nContent-Length: %zu\r\n"
                   "x-amz-checksum-sha256: %s\r\n",
                   PNG_SIZE, text);
    a = media_client_ask(&t->client, "PUT", put_url(t), fields,
                         STR("\x89PNG\r\n\x1a\n and so oN"));
    expect_refusal("another", &a, 400, "BadDigest");
    redial(t);
    a = media_client_ask(&t->client, "PUT", put_url(t), fields, STR(PNG));
    assert_int_equal(a.status, 200);
    assert_int_equal(media_world_drop(t->w, t->upload->id), 0);

    const str link = put_url(t);
    a = media_client_put(&t->client, link, STR("image/png"), STR(PNG));
    expect_refusal("not sent although it is signed", &a, 403, "SignatureDoesNotMatch");
    redial(t);

    // One that only the client knows of.
    t->upload->has_sha256 = false;
    a = media_client_ask(&t->client, "PUT", put_url(t), fields,
                         STR("\x89PNG\r\n\x1a\n and so oN"));
    expect_refusal("another than the client's", &a, 400, "BadDigest");
    redial(t);
    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: image/png\r\nContent-Length: %zu\r\n"
                   "x-amz-checksum-sha256: nonsense\r\n",
                   PNG_SIZE);
    a = media_client_ask(&t->client, "PUT", put_url(t), fields, STR(PNG));
    expect_refusal("nonsense", &a, 400, "InvalidRequest");
}

static void a_crc_that_an_sdk_adds_is_ignored(void **state)
{
    static const struct sigv4_pair headers[] = {
        {STR("content-type"), STR("image/png")},
        {STR("content-length"), STR("18")},
    };
    static const struct sigv4_pair query[] = {
        {STR("x-amz-checksum-crc32"), STR("AAAAAA==")},
        {STR("x-id"), STR("PutObject")},
    };
    struct world *t = *state;
    const struct media_answer a = media_client_put(
        &t->client, sign(t, "PUT", IN ID, headers, 2, query, 2), STR("image/png"), STR(PNG));

    assert_int_equal(a.status, 200);
}

static void what_was_put_is_not_overwritten(void **state)
{
    struct world *t = *state;
    struct media_answer a = put_png(t);

    assert_int_equal(a.status, 200);
    a = put_png(t);
    expect_refusal("again", &a, 412, "PreconditionFailed");
}

static void no_path_leads_anywhere_else(void **state)
{
    static const char *const paths[] = {
        IN,
        KEPT,
        IN "..",
        IN "../../../etc/passwd",
        IN "%2e%2e%2fkept%2f" ID,
        IN "..%2fkept%2f" ID,
        IN "%2e%2e/%2e%2e/parley.db",
        IN "../kept/" ID,
        IN "./" ID,
        IN "/" ID,
        IN ID "/",
        IN ID "%00",
        IN ID ".",
        IN "abCD012345678901234",
        IN ID ID,
        IN "abCD012345678901234%2d",
        IN "\xef\xbc\x8e\xef\xbc\x8e/" ID,
        IN "ab\\D012345678901234-",
        "/media/files/tmp/" ID,
        "/media/files/../files/in/" ID,
        "/media/files//in/" ID,
        "/media/other/in/" ID,
        "/media/",
        "/media/files",
    };
    static const struct sigv4_pair headers[] = {
        {STR("content-type"), STR("image/png")},
        {STR("content-length"), STR("18")},
    };
    struct world *t = *state;

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char url[512];
        str query = sign(t, "PUT", IN ID, headers, 2, NULL, 0);
        str_take_until(&query, '?');
        (void)snprintf(url, sizeof(url), "https://chat.example%s?" STR_FMT, paths[i],
                       STR_ARG(query));
        const struct media_answer a =
            media_client_put(&t->client, str_of(url), STR("image/png"), STR(PNG));
        expect_int(paths[i], a.status == 404 || a.status == 400, true);
        redial(t);
        media_world_settle(t->w);
    }
    assert_int_equal(count(t, "media/in"), 0);
    assert_int_equal(count(t, "media/tmp"), 0);
}

// Ends before the end.

static void who_leaves_in_the_middle_leaves_nothing(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    for (int turns = 0; turns < 60; turns++) {
        media_client_begin(&t->client, "PUT", put_url(t), fields);
        if (turns % 2)
            media_client_send(&t->client, (str){PNG, (size_t)turns / 4});
        for (int i = 0; i < turns; i++)
            loop_run_once(t->w->loop);
        redial(t);
        media_world_settle(t->w);
        assert_int_equal(count(t, "media/tmp"), 0);
        assert_false(is_there(t, "media/in/ab/" ID));
    }
    assert_int_equal(put_png(t).status, 200);
}

static void who_leaves_while_the_store_is_asked_is_forgotten(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    t->w->uploads.is_held = true;
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    redial(t);
    assert_false(media_is_idle(t->w->media));
    announced_release(&t->w->uploads);
    media_world_settle(t->w);
    assert_int_equal(count(t, "media/tmp"), 0);
}

static void a_body_waits_until_the_store_has_answered(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    t->w->uploads.is_held = true;
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    loop_run_once(t->w->loop);
    assert_false(t->client.stream.is_reading);
    announced_release(&t->w->uploads);
    media_client_send(&t->client, STR(PNG));
    assert_int_equal(media_client_await(&t->client, true).status, 200);
}

static void who_asks_first_sends_nothing_that_is_refused(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: image/png\r\nContent-Length: %zu\r\nExpect: 100-continue\r\n",
                   PNG_SIZE);
    t->upload->state = UPLOAD_ACCEPTED;
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    const struct media_answer a = media_client_await(&t->client, true);
    expect_refusal("asked", &a, 403, "AccessDenied");
}

static void a_newer_put_of_a_file_ends_the_older(void **state)
{
    struct world *t = *state;
    struct media_client second;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    media_client_send(&t->client, (str){PNG, 5});
    media_client_open(&second, t->w);
    const struct media_answer b =
        media_client_put(&second, put_url(t), STR("image/png"), STR(PNG));
    assert_int_equal(b.status, 200);
    const struct media_answer a = media_client_await(&t->client, true);
    expect_refusal("the older", &a, 409, "OperationAborted");
    media_client_close(&second);
}

static void when_it_stops_everybody_is_told(void **state)
{
    struct world *t = *state;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    media_client_begin(&t->client, "PUT", put_url(t), fields);
    media_client_send(&t->client, (str){PNG, 5});
    media_stop(t->w->media);
    struct media_answer a = media_client_await(&t->client, true);
    expect_refusal("under way", &a, 503, "ServiceUnavailable");
    redial(t);
    a = media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
    expect_refusal("new", &a, 503, "ServiceUnavailable");
    assert_int_equal(media_world_take(t->w, t->upload), MEDIA_UNAVAILABLE);
    assert_int_equal(media_world_drop(t->w, t->upload->id), MEDIA_UNAVAILABLE);
    media_world_settle(t->w);
    assert_int_equal(count(t, "media/tmp"), 0);
}

static void a_full_disk_is_said(void **state)
{
    struct world *t = *state;

    t->w->config.reserve_bytes = UINT64_MAX / 2;
    reopen(t);
    const struct media_answer a = put_png(t);
    expect_refusal("full", &a, 507, "InsufficientStorage");
}

// Limits.

static void so_many_are_put_at_once(void **state)
{
    struct world *t = *state;
    struct media_client *clients = mem_alloc((MEDIA_PUTS_MAX + 1) * sizeof(*clients));
    static char ids[MEDIA_PUTS_MAX + 1][FILES_ID_SIZE + 1];
    const struct chat_upload like = *t->upload;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    for (size_t i = 0; i <= MEDIA_PUTS_MAX; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "ab-%017zu", i);
        t->upload = announced_add(&t->w->uploads, &like);
        t->upload->id = str_of(ids[i]);
        t->upload->owner.bytes[1] = (uint8_t)i;
        media_client_open(&clients[i], t->w);
        media_client_begin(&clients[i], "PUT", put_url(t), fields);
    }
    const struct media_answer a = media_client_await(&clients[MEDIA_PUTS_MAX], true);
    expect_refusal("one more", &a, 503, "SlowDown");
    expect_has("one more", a.head, "Retry-After: ");
    for (size_t i = 0; i < MEDIA_PUTS_MAX; i++) {
        media_client_send(&clients[i], STR(PNG));
        assert_int_equal(media_client_await(&clients[i], true).status, 200);
    }
    for (size_t i = 0; i <= MEDIA_PUTS_MAX; i++)
        media_client_close(&clients[i]);
    free(clients);
}

static void so_many_are_put_at_once_by_one_wallet(void **state)
{
    struct world *t = *state;
    struct media_client clients[MEDIA_OWNER_PUTS_MAX + 1];
    static char ids[MEDIA_OWNER_PUTS_MAX + 1][FILES_ID_SIZE + 1];
    const struct chat_upload like = *t->upload;
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: image/png\r\nContent-Length: %zu\r\n",
                   PNG_SIZE);
    for (size_t i = 0; i <= MEDIA_OWNER_PUTS_MAX; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "ab-%017zu", i);
        t->upload = announced_add(&t->w->uploads, &like);
        t->upload->id = str_of(ids[i]);
        media_client_open(&clients[i], t->w);
        media_client_begin(&clients[i], "PUT", put_url(t), fields);
    }
    const struct media_answer a = media_client_await(&clients[MEDIA_OWNER_PUTS_MAX], true);
    expect_refusal("one more", &a, 503, "SlowDown");
    for (size_t i = 0; i < MEDIA_OWNER_PUTS_MAX; i++) {
        media_client_send(&clients[i], STR(PNG));
        assert_int_equal(media_client_await(&clients[i], true).status, 200);
    }
    for (size_t i = 0; i <= MEDIA_OWNER_PUTS_MAX; i++)
        media_client_close(&clients[i]);
}

static void so_many_are_sent_at_once(void **state)
{
    struct world *t = *state;
    struct media_client *clients = mem_alloc((MEDIA_GETS_MAX + 1) * sizeof(*clients));
    const size_t size = HTTP_UNTAKEN_MAX + 1; // so that it is not taken at once
    char *bytes = mem_alloc(size);

    t->upload->size = size;
    t->upload->mime = STR("application/x-any");
    assert_int_equal(
        media_client_put(&t->client, put_url(t), t->upload->mime, (str){bytes, size}).status,
        200);
    assert_int_equal(media_world_take(t->w, t->upload), 0);
    for (size_t i = 0; i <= MEDIA_GETS_MAX; i++) {
        media_client_open(&clients[i], t->w);
        media_client_begin(&clients[i], "GET", get_url(t), "");
    }
    struct media_answer a = media_client_await(&clients[MEDIA_GETS_MAX], true);
    expect_refusal("one more", &a, 503, "SlowDown");
    a = media_client_await(&clients[0], true);
    assert_int_equal(a.status, 200);
    a = media_client_ask(&clients[0], "GET", get_url(t), "", STR(""));
    assert_int_equal(a.status, 200); // its place was free again
    for (size_t i = 0; i <= MEDIA_GETS_MAX; i++)
        media_client_close(&clients[i]);
    free(clients);
    free(bytes);
}

/** The world's peers are 127.0.0.1, and speak for others now. */
static void count_addresses(struct world *t)
{
    assert_int_equal(http_proxies_add(&t->w->proxies, STR("127.0.0.1")), 0);
    t->w->config.rate_limits = true;
    reopen(t);
}

#define FROM(address) "X-Forwarded-For: " address "\r\n"

static void begin_put_from(struct world *t, struct media_client *c, size_t i, const char *from)
{
    static char ids[MEDIA_PUTS_MAX][FILES_ID_SIZE + 1];
    const struct chat_upload like = *t->upload;
    char fields[256];

    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: image/png\r\nContent-Length: %zu\r\n%s", PNG_SIZE, from);
    (void)snprintf(ids[i], sizeof(ids[i]), "ab-%017zu", i);
    t->upload = announced_add(&t->w->uploads, &like);
    t->upload->id = str_of(ids[i]);
    t->upload->owner.bytes[1] = (uint8_t)i;
    media_client_open(c, t->w);
    media_client_begin(c, "PUT", put_url(t), fields);
}

static void so_many_are_put_at_once_from_one_address(void **state)
{
    struct world *t = *state;
    struct media_client clients[MEDIA_ADDRESS_PUTS_MAX + 2];
    const size_t max = MEDIA_ADDRESS_PUTS_MAX;

    count_addresses(t);
    for (size_t i = 0; i <= max; i++)
        begin_put_from(t, &clients[i], i, FROM("192.0.2.1"));
    const struct media_answer a = media_client_await(&clients[max], true);
    expect_refusal("one more", &a, 503, "SlowDown");
    expect_has("one more", a.head, "Retry-After: ");
    begin_put_from(t, &clients[max + 1], max + 1, FROM("192.0.2.2"));
    media_client_send(&clients[max + 1], STR(PNG));
    assert_int_equal(media_client_await(&clients[max + 1], true).status, 200);
    for (size_t i = 0; i < max; i++) {
        media_client_send(&clients[i], STR(PNG));
        assert_int_equal(media_client_await(&clients[i], true).status, 200);
    }
    media_client_close(&clients[0]);
    begin_put_from(t, &clients[0], max + 2, FROM("192.0.2.1")); // places are free again
    media_client_send(&clients[0], STR(PNG));
    assert_int_equal(media_client_await(&clients[0], true).status, 200);
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        media_client_close(&clients[i]);
}

/** One that is not taken at once. */
static void keep_long(struct world *t)
{
    const size_t size = HTTP_UNTAKEN_MAX + 1;
    char *bytes = mem_alloc(size);

    t->upload->size = size;
    t->upload->mime = STR("application/x-any");
    media_client_put(&t->client, put_url(t), t->upload->mime, (str){bytes, size});
    assert_int_equal(media_world_take(t->w, t->upload), 0);
    free(bytes);
}

static void so_many_are_sent_at_once_to_one_address(void **state)
{
    struct world *t = *state;
    struct media_client clients[MEDIA_ADDRESS_GETS_MAX + 1];
    const size_t max = MEDIA_ADDRESS_GETS_MAX;

    count_addresses(t);
    keep_long(t);
    for (size_t i = 0; i <= max; i++) {
        media_client_open(&clients[i], t->w);
        media_client_begin(&clients[i], "GET", get_url(t), FROM("2001:db8::1"));
    }
    struct media_answer a = media_client_await(&clients[max], true);
    expect_refusal("one more", &a, 503, "SlowDown");
    expect_has("one more", a.head, "Retry-After: ");
    a = media_client_ask(&t->client, "GET", get_url(t), FROM("2001:db8:0:1::1"), STR(""));
    expect_int("another address", a.status, 200);
    a = media_client_await(&clients[0], true);
    assert_int_equal(a.status, 200);
    a = media_client_ask(&clients[0], "GET", get_url(t), FROM("2001:db8::2"), STR(""));
    expect_int("its place is free again", a.status, 200);
    for (size_t i = 0; i <= max; i++)
        media_client_close(&clients[i]);
}

static void a_file_being_sent_does_not_hold_up_a_stop(void **state)
{
    struct world *t = *state;
    const size_t size = HTTP_UNTAKEN_MAX + 1;
    char *bytes = mem_alloc(size);

    t->upload->size = size;
    t->upload->mime = STR("application/x-any");
    media_client_put(&t->client, put_url(t), t->upload->mime, (str){bytes, size});
    assert_int_equal(media_world_take(t->w, t->upload), 0);
    media_client_begin(&t->client, "GET", get_url(t), "");
    while (t->client.stream.stream.out.len < size)
        loop_run_once(t->w->loop);
    assert_false(media_is_idle(t->w->media));
    media_stop(t->w->media);
    assert_true(media_is_idle(t->w->media));
    const struct media_answer a = media_client_await(&t->client, true);
    assert_int_equal(a.body.len, size); // and comes whole
    free(bytes);
}

static void the_longest_name_fits(void **state)
{
    struct world *t = *state;
    static char name[CHAT_FILE_NAME_MAX];

    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = "\xce\xba\""[i % 3];
    keep_png(t);
    t->upload->name = (str){name, sizeof(name)};
    assert_int_equal(media_client_ask(&t->client, "GET", get_url(t), "", STR("")).status, 200);
}

// Parts, and what did not change.

static void a_part_is_sent_and_nothing_that_did_not_change(void **state)
{
    static const struct {
        const char *name;
        const char *method;
        const char *fields;
        unsigned status;
        const char *range; // Content-Range
        str body;
    } rows[] = {
        {"all", "GET", "", 200, NULL, STR(PNG)},
        {"the beginning", "GET", "Range: bytes=0-3\r\n", 206, "bytes 0-3/18", STR("\x89PNG")},
        {"the end", "GET", "Range: bytes=16-\r\n", 206, "bytes 16-17/18", STR("on")},
        {"the last bytes", "GET", "Range: bytes=-2\r\n", 206, "bytes 16-17/18", STR("on")},
        {"beyond the end", "GET", "Range: bytes=16-99\r\n", 206, "bytes 16-17/18", STR("on")},
        {"behind the end", "GET", "Range: bytes=18-\r\n", 416, "bytes */18", STR("")},
        {"two parts", "GET", "Range: bytes=0-1,3-4\r\n", 200, NULL, STR(PNG)},
        {"nonsense", "GET", "Range: words=0-1\r\n", 200, NULL, STR(PNG)},
        {"if it is the same", "GET", "Range: bytes=16-\r\nIf-Range: \"" ID "\"\r\n", 206,
         "bytes 16-17/18", STR("on")},
        {"if it was another", "GET", "Range: bytes=16-\r\nIf-Range: \"" OTHER "\"\r\n", 200,
         NULL, STR(PNG)},
        {"if it was weakly the same", "GET", "Range: bytes=16-\r\nIf-Range: W/\"" ID "\"\r\n",
         200, NULL, STR(PNG)},
        {"if it is of another time", "GET",
         "Range: bytes=16-\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200, NULL,
         STR(PNG)},
        {"known", "GET", "If-None-Match: \"" ID "\"\r\n", 304, NULL, STR("")},
        {"known, by a proxy", "GET", "If-None-Match: \"x\", W/\"" ID "\"\r\n", 304, NULL,
         STR("")},
        {"any is known", "GET", "If-None-Match: *\r\n", 304, NULL, STR("")},
        {"another is known", "GET", "If-None-Match: \"" OTHER "\"\r\n", 200, NULL, STR(PNG)},
        {"known, and a part", "GET", "Range: bytes=16-\r\nIf-None-Match: \"" ID "\"\r\n", 304,
         NULL, STR("")},
    };
    struct world *t = *state;

    keep_png(t);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char field[64];
        const struct media_answer a =
            media_client_ask(&t->client, rows[i].method, get_url(t), rows[i].fields, STR(""));
        expect_int(rows[i].name, a.status, rows[i].status);
        if (rows[i].status != 416)
            expect_str(rows[i].name, a.body, rows[i].body);
        (void)snprintf(field, sizeof(field), "\r\nContent-Range: %s\r\n",
                       rows[i].range ? rows[i].range : "");
        expect_int(rows[i].name, has(a.head, rows[i].range ? field : "\r\nContent-Range:"),
                   rows[i].range != NULL);
        if (rows[i].status != 416)
            expect_has(rows[i].name, a.head, "ETag: \"" ID "\"\r\n");
    }
}

static void the_time_of_a_file_is_good_for_a_part(void **state)
{
    static const char field[] = "Last-Modified: ";
    struct world *t = *state;
    char fields[128];

    keep_png(t);
    struct media_answer a = media_client_ask(&t->client, "GET", get_url(t), "", STR(""));
    const char *date = memmem(a.head.ptr, a.head.len, field, strlen(field));
    assert_non_null(date);
    (void)snprintf(fields, sizeof(fields), "Range: bytes=16-\r\nIf-Range: %.29s\r\n",
                   date + strlen(field));
    a = media_client_ask(&t->client, "GET", get_url(t), fields, STR(""));
    assert_int_equal(a.status, 206);
}

static void head_says_what_get_would_have(void **state)
{
    struct world *t = *state;

    keep_png(t);
    const struct media_answer a = media_client_ask(
        &t->client, "HEAD", sign(t, "HEAD", KEPT ID, NULL, 0, NULL, 0), "", STR(""));
    assert_int_equal(a.status, 200);
    expect_has("head", a.head, "Content-Length: 18\r\n");
    expect_has("head", a.head, "Accept-Ranges: bytes\r\n");
    assert_int_equal(a.head.len, buf_str(&t->client.got).len); // and no body
}

static void a_link_to_get_is_for_nothing_else(void **state)
{
    struct world *t = *state;
    struct media_answer a;

    keep_png(t);
    a = media_client_ask(&t->client, "HEAD", get_url(t), "", STR(""));
    assert_int_equal(a.status, 403);
    a = media_client_ask(&t->client, "DELETE", get_url(t), "", STR(""));
    expect_refusal("delete", &a, 405, "MethodNotAllowed");
    expect_has("delete", a.head, "Allow: GET, HEAD, OPTIONS\r\n");
    a = media_client_ask(&t->client, "GET", get_url(t), "Content-Length: 1\r\n", STR("x"));
    expect_refusal("with a body", &a, 400, "InvalidRequest");
}

// What the link says of the answer.

static void what_is_not_safe_is_never_shown(void **state)
{
    static const struct {
        const char *name;
        const char *type;        // NULL: none is asked for
        const char *disposition; // likewise
        const char *got_type;
        const char *got_disposition; // NULL: none
    } rows[] = {
        {"nothing", NULL, NULL, "application/octet-stream", "attachment"},
        {"a safe one", "image/png", NULL, "image/png", NULL},
        {"a safe one, inline", "image/png", "inline; filename=\"a.png\"", "image/png",
         "inline; filename=\"a.png\""},
        {"a safe one, to save", "image/png", "attachment", "image/png", "attachment"},
        {"HTML", "text/html", NULL, "application/octet-stream", "attachment"},
        {"HTML, inline", "text/html", "inline", "application/octet-stream", "attachment"},
        {"HTML, inline, with a name", "text/html", "inline; filename=\"a.html\"",
         "application/octet-stream", "attachment; filename=\"a.html\""},
        {"HTML, in disguise", "text/html", "attachmentx", "application/octet-stream",
         "attachment"},
        {"HTML, in capitals", "TEXT/HTML", "INLINE", "application/octet-stream", "attachment"},
        {"SVG", "image/svg+xml", "inline", "application/octet-stream", "attachment"},
        {"PDF, to save", "application/pdf", "Attachment; filename=x", "application/pdf",
         "Attachment; filename=x"},
    };
    struct world *t = *state;

    keep_png(t);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sigv4_pair query[2];
        size_t n = 0;
        char field[128];
        if (rows[i].disposition) {
            query[n++] = (struct sigv4_pair){STR("response-content-disposition"),
                                             str_of(rows[i].disposition)};
        }
        if (rows[i].type) {
            query[n++] =
                (struct sigv4_pair){STR("response-content-type"), str_of(rows[i].type)};
        }
        const struct media_answer a = media_client_ask(
            &t->client, "GET", sign(t, "GET", KEPT ID, NULL, 0, query, n), "", STR(""));
        expect_int(rows[i].name, a.status, 200);
        (void)snprintf(field, sizeof(field), "\r\nContent-Type: %s\r\n", rows[i].got_type);
        expect_has(rows[i].name, a.head, field);
        (void)snprintf(field, sizeof(field), "\r\nContent-Disposition: %s\r\n",
                       rows[i].got_disposition ? rows[i].got_disposition : "");
        expect_int(rows[i].name,
                   has(a.head, rows[i].got_disposition ? field : "Content-Disposition"),
                   rows[i].got_disposition != NULL);
    }
}

static void other_fields_may_be_asked_for(void **state)
{
    static const struct sigv4_pair query[] = {
        {STR("response-cache-control"), STR("max-age=60")},
        {STR("response-content-encoding"), STR("gzip")},
        {STR("response-content-language"), STR("el, en")},
        {STR("response-expires"), STR("Sun, 06 Nov 1994 08:49:37 GMT")},
    };
    static const char *const fields[] = {
        "\r\nCache-Control: max-age=60\r\n",
        "\r\nContent-Encoding: gzip\r\n",
        "\r\nContent-Language: el, en\r\n",
        "\r\nExpires: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
    };
    struct world *t = *state;

    keep_png(t);
    const struct media_answer a =
        media_client_ask(&t->client, "GET",
                         sign(t, "GET", KEPT ID, NULL, 0, query, COUNT_OF(query)), "", STR(""));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        expect_has("get", a.head, fields[i]);
    assert_false(has(a.head, "private"));
}

static void no_field_is_smuggled_in(void **state)
{
    static const char *const parameters[] = {
        "response-content-type",     "response-content-disposition", "response-cache-control",
        "response-content-encoding", "response-content-language",    "response-expires",
    };
    static const struct {
        const char *name;
        str value;
    } rows[] = {
        {"CR LF", STR("a\r\nX-Evil: 1")},
        {"LF", STR("a\nX-Evil: 1")},
        {"CR", STR("a\rX-Evil: 1")},
        {"a tab", STR("a\tb")},
        {"DEL", STR("a\x7f"
                    "b")},
        {"UTF-8", STR("\xc3\xa9")},
        {"an early control", STR("\x01")},
    };
    struct world *t = *state;

    keep_png(t);
    for (size_t p = 0; p < COUNT_OF(parameters); p++) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const struct sigv4_pair query = {str_of(parameters[p]), rows[i].value};
            const struct media_answer a = media_client_ask(
                &t->client, "GET", sign(t, "GET", KEPT ID, NULL, 0, &query, 1), "", STR(""));
            expect_refusal(rows[i].name, &a, 400, "InvalidArgument");
            expect_int(rows[i].name, has(a.head, "X-Evil"), false);
        }
    }
}

static void a_field_that_is_too_long_is_refused(void **state)
{
    struct world *t = *state;
    static char text[4096];

    keep_png(t);
    memset(text, 'a', sizeof(text));
    static const struct {
        const char *parameter;
        size_t n;
        unsigned status;
    } rows[] = {
        {"response-content-type", CHAT_MIME_MAX, 200},
        {"response-content-type", CHAT_MIME_MAX + 1, 400},
        {"response-content-disposition", 2048, 200},
        {"response-content-disposition", 2049, 400},
        {"response-expires", 2048, 200},
        {"response-expires", 2049, 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct sigv4_pair query = {str_of(rows[i].parameter), {text, rows[i].n}};
        const struct media_answer a = media_client_ask(
            &t->client, "GET", sign(t, "GET", KEPT ID, NULL, 0, &query, 1), "", STR(""));
        expect_int(rows[i].parameter, a.status, rows[i].status);
    }
}

// Pages of others, and proxies.

static void pages_are_told_whether_they_may(void **state)
{
    struct world *t = *state;
    struct media_answer a;

    assert_int_equal(http_origins_add(&t->w->origins, STR("https://app.example")), 0);
    a = media_client_ask(&t->client, "OPTIONS", put_url(t),
                         "Origin: https://app.example\r\n"
                         "Access-Control-Request-Method: PUT\r\n"
                         "Access-Control-Request-Headers: content-type\r\n",
                         STR(""));
    assert_int_equal(a.status, 204);
    expect_has("preflight", a.head, "Access-Control-Allow-Origin: https://app.example\r\n");
    expect_has("preflight", a.head, "Access-Control-Allow-Headers: content-type\r\n");
    expect_has("preflight", a.head, "PUT");

    a = media_client_ask(&t->client, "OPTIONS", put_url(t), "Origin: https://evil.example\r\n",
                         STR(""));
    assert_false(has(a.head, "Access-Control-Allow-Origin"));

    a = media_client_ask(&t->client, "GET", get_url(t), "Origin: https://app.example\r\n",
                         STR(""));
    expect_refusal("a refusal", &a, 404, "NoSuchKey");
    expect_has("a refusal", a.head, "Access-Control-Allow-Origin: https://app.example\r\n");
    keep_png(t);
    a = media_client_ask(&t->client, "GET", get_url(t), "Origin: https://app.example\r\n",
                         STR(""));
    assert_int_equal(a.status, 200);
    expect_has("get", a.head, "Access-Control-Allow-Origin: https://app.example\r\n");
}

/** As a request comes from a proxy: to another host, perhaps without the URL's path. */
static struct media_answer ask_behind_proxy(struct world *t, const char *method, str url,
                                            const char *fields, str body, size_t path_len)
{
    char inner[8192];
    str rest = url;

    str_take(&rest, strlen(MEDIA_WORLD_URL) + path_len);
    (void)snprintf(inner, sizeof(inner), "http://127.0.0.1:8080" STR_FMT, STR_ARG(rest));
    return media_client_ask(&t->client, method, str_of(inner), fields, body);
}

static void a_proxy_may_change_the_host_and_take_the_path_off(void **state)
{
    static const struct {
        const char *url;
        size_t path_len;
    } rows[] = {
        {"https://chat.example", 0},
        {"https://CHAT.example:443/", 0},
        {"https://chat.example/parley", 7},
        {"https://chat.example/parley/", 7},
    };
    struct world *t = *state;

    assert_int_equal(http_proxies_add(&t->w->proxies, STR("127.0.0.1")), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        str id;
        media_local_set_url(t->w->local, str_of(rows[i].url));
        struct media_answer a = ask_behind_proxy(
            t, "PUT", put_url(t), "Content-Type: image/png\r\nContent-Length: 18\r\n", STR(PNG),
            rows[i].path_len);
        expect_int(rows[i].url, a.status, 200);
        assert_int_equal(media_world_take(t->w, t->upload), 0);
        const str link = get_url(t);
        assert_true(media_find(t->w->media, link, &id));
        expect_str(rows[i].url, id, STR(ID));
        a = ask_behind_proxy(t, "GET", link, "", STR(""), rows[i].path_len);
        expect_str(rows[i].url, a.body, STR(PNG));
        assert_int_equal(media_world_drop(t->w, STR(ID)), 0);
    }
}

static void nobody_else_may(void **state)
{
    struct world *t = *state;

    const struct media_answer a = ask_behind_proxy(
        t, "PUT", put_url(t), "Content-Type: image/png\r\nContent-Length: 18\r\n", STR(PNG), 0);
    expect_int("another Host", a.status, 403);
    assert_non_null(memmem(a.body.ptr, a.body.len, "SignatureDoesNotMatch", 21));
}

// The operator's check.

static void what_the_check_rejects_is_dropped(void **state)
{
    static const struct {
        const char *name;
        const char *script;
        int r;
        bool is_kept;
    } rows[] = {
        {"it may pass", "#!/bin/sh\ngrep -q PNG \"$1\"\n", 0, true},
        {"it is rejected", "#!/bin/sh\nexit 1\n", MEDIA_REJECTED, false},
        {"nobody knows", "#!/bin/sh\nexit 2\n", MEDIA_UNAVAILABLE, true},
    };
    struct world *t = *state;
    char path[512];

    folder_path(path, &t->w->folder, "check");
    t->w->config.scan = path;
    reopen(t);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(rows[i].script, file) >= 0);
        (void)fclose(file);
        assert_int_equal(chmod(path, 0700), 0);
        expect_int(rows[i].name, put_png(t).status, 200);
        expect_int(rows[i].name, media_world_take(t->w, t->upload), rows[i].r);
        expect_int(rows[i].name, is_there(t, "media/kept/ab/" ID), rows[i].is_kept);
        expect_int(rows[i].name, is_there(t, "media/in/ab/" ID), false);
        if (rows[i].is_kept) { // what was accepted is not asked about again
            t->upload->state = UPLOAD_ACCEPTED;
            expect_int(rows[i].name, media_world_take(t->w, t->upload), 0);
            t->upload->state = UPLOAD_PENDING;
        }
        assert_int_equal(media_world_drop(t->w, STR(ID)), 0);
    }
}

static void a_take_that_is_late_is_answered_once(void **state)
{
    struct world *t = *state;
    struct media_done d = {0};
    char path[512];

    folder_path(path, &t->w->folder, "check");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("#!/bin/sh\nwhile :; do sleep 1; done\n", file) >= 0);
    (void)fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
    t->w->config.scan = path;
    reopen(t);
    expect_int("put", put_png(t).status, 200);
    media_take(t->w->media, t->upload, media_world_on_done, &d);
    while (!is_there(t, "media/kept/ab/" ID))
        loop_run_once(t->w->loop);
    timers_run(&t->w->loop->timers, t->w->loop->timers.now_ms + MEDIA_TAKE_MS);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.r, MEDIA_UNAVAILABLE);
    media_stop(t->w->media);
    media_world_settle(t->w);
    assert_int_equal(d.n, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_goes_up_and_comes_down),
        TEST(any_pieces_make_the_same_file),
        TEST(a_large_file_waits_for_the_disk),
        TEST(many_requests_share_a_connection),
        TEST(nobody_puts_but_what_was_announced),
        TEST(a_link_that_does_not_sign_type_and_length_is_none),
        TEST(it_has_the_announced_type_and_size_whoever_has_signed),
        TEST(what_was_changed_in_a_link_is_noticed),
        TEST(the_digest_is_checked),
        TEST(a_crc_that_an_sdk_adds_is_ignored),
        TEST(what_was_put_is_not_overwritten),
        TEST(no_path_leads_anywhere_else),
        TEST(who_leaves_in_the_middle_leaves_nothing),
        TEST(who_leaves_while_the_store_is_asked_is_forgotten),
        TEST(a_body_waits_until_the_store_has_answered),
        TEST(who_asks_first_sends_nothing_that_is_refused),
        TEST(a_newer_put_of_a_file_ends_the_older),
        TEST(when_it_stops_everybody_is_told),
        TEST(a_full_disk_is_said),
        TEST(so_many_are_put_at_once),
        TEST(so_many_are_put_at_once_by_one_wallet),
        TEST(so_many_are_sent_at_once),
        TEST(so_many_are_put_at_once_from_one_address),
        TEST(so_many_are_sent_at_once_to_one_address),
        TEST(a_file_being_sent_does_not_hold_up_a_stop),
        TEST(the_longest_name_fits),
        TEST(a_part_is_sent_and_nothing_that_did_not_change),
        TEST(the_time_of_a_file_is_good_for_a_part),
        TEST(head_says_what_get_would_have),
        TEST(a_link_to_get_is_for_nothing_else),
        TEST(what_is_not_safe_is_never_shown),
        TEST(other_fields_may_be_asked_for),
        TEST(no_field_is_smuggled_in),
        TEST(a_field_that_is_too_long_is_refused),
        TEST(pages_are_told_whether_they_may),
        TEST(a_proxy_may_change_the_host_and_take_the_path_off),
        TEST(nobody_else_may),
        TEST(what_the_check_rejects_is_dropped),
        TEST(a_take_that_is_late_is_answered_once),
    };
    return cmocka_run_group_tests_name("media_endpoint", tests, NULL, NULL);
}
