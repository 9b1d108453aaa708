#include "api/refusal.h"
#include "support/rest_world.h"

#define UPLOADS  "/v1/uploads"
#define U        "abcdefghijklmnop-_09"
#define CAT      "{\"name\":\"cat.png\",\"mime\":\"Image/PNG\",\"size\":500}"
#define TOO_LONG "{\"name\":\"cat.png\",\"mime\":\"image/png\",\"size\":501}"
#define EXPIRES  "\"2023-11-14T22:28:20.000Z\""
#define GET_LINK "\"https://media.test/get/" U "?as=image/png&name=cat.png\""
#define FOREIGN  "https://cdn.example/files/a.png"

static struct api_world *start_with_media(void **state)
{
    struct api_world *w = *state;

    w->has_media = true;
    return start(state);
}

/** Over Socket.IO. @return what the callback gets */
static const struct json *ask_for(struct user *u, const char *event, const char *payload)
{
    char text[1024];

    snprintf(text, sizeof(text), "[\"%s\",%s]", event, payload);
    return user_ask(u, text);
}

static void expect_refusal(const struct json *answer, const char *code, const char *field)
{
    expect_str("status", json_text(json_at(answer, "status")), STR("error"));
    expect_str("code", json_text(json_at(answer, "error.code")), str_of(code));
    expect_json(answer, "error.field", field);
}

// upload.create

static void expect_created(const struct json *answer)
{
    char want[128];
    const str id = json_text(json_at(answer, "upload"));

    expect_str("status", json_text(json_at(answer, "status")), STR("ok"));
    expect_int("id", id.len, CHAT_UPLOAD_ID_SIZE - 1);
    snprintf(want, sizeof(want), "\"https://media.test/put/" STR_FMT "\"", STR_ARG(id));
    expect_json(answer, "url", want);
    expect_json(answer, "method", "\"PUT\"");
    expect_json(answer, "headers", "{\"content-type\":\"image/png\"}");
    expect_json(answer, "expires_at", EXPIRES);
}

static void an_announced_file_gets_a_link_to_put_it(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);
    struct reply r = {0};

    expect_created(ask_for(alice, "upload.create", CAT));
    post_as(w, &r, ALICE, UPLOADS, CAT);
    expect_reply("over HTTP", &r, 201, NULL);
    expect_created(r.json);
    expect_str("cache", reply_field(&r, "Cache-Control"), STR("no-store"));
    assert_int_equal(w->uploads->ways[FAKE_CREATE].n_asked, 2);
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

static void what_was_summed_says_so_to_the_store(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);
    const struct json *answer =
        ask_for(alice, "upload.create",
                "{\"name\":\"n\",\"mime\":\"a/b;c=d\",\"size\":1,\"sha256\":"
                "\"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\"}");

    expect_json(answer, "headers",
                "{\"content-type\":\"a/b;c=d\",\"x-amz-checksum-sha256\":"
                "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}");
}

static void each_refusal_of_an_upload_is_the_same_both_ways(void **state)
{
    static const struct {
        const char *payload;
        int create; // what the store says
        int64_t retry_after_ms;
        unsigned status;
        const char *code;
        const char *field;
        const char *retry;
    } rows[] = {
        {"{}", 0, 0, 400, "bad_request", "\"name\"", NULL},
        {"{\"name\":\"a/b\"}", 0, 0, 400, "bad_request", "\"name\"", NULL},
        {"{\"name\":\"a\",\"mime\":\"png\"}", 0, 0, 400, "bad_request", "\"mime\"", NULL},
        {"{\"name\":\"a\",\"mime\":\"a/b\",\"size\":0}", 0, 0, 400, "bad_request", "\"size\"",
         NULL},
        {"{\"name\":\"a\",\"mime\":\"a/b\",\"size\":1,\"sha256\":\"00\"}", 0, 0, 400,
         "bad_request", "\"sha256\"", NULL},
        {TOO_LONG, 0, 0, 413, "too_large", "\"size\"", NULL},
        {CAT, UPLOADS_QUOTA, 1500, 403, "quota_exceeded", NULL, "1500"},
        {CAT, UPLOADS_QUOTA, 0, 403, "quota_exceeded", "\"size\"", NULL},
        {CAT, UPLOADS_TOO_MANY, 0, 403, "quota_exceeded", NULL, NULL},
        {CAT, UPLOADS_UNAVAILABLE, 0, 503, "storage_unavailable", NULL, NULL},
    };
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->uploads->ways[FAKE_CREATE].r = rows[i].create;
        w->uploads->ways[FAKE_CREATE].n_failing = rows[i].create ? 2 : 0;
        w->uploads->retry_after_ms = rows[i].retry_after_ms;
        const struct json *answer = ask_for(alice, "upload.create", rows[i].payload);
        expect_refusal(answer, rows[i].code, rows[i].field);
        expect_json(answer, "error.retry_after_ms", rows[i].retry);
        post_as(w, &r, ALICE, UPLOADS, rows[i].payload);
        expect_reply(rows[i].payload, &r, rows[i].status, rows[i].code);
        expect_json(r.json, "error.field", rows[i].field);
        expect_json(r.json, "error.retry_after_ms", rows[i].retry);
    }
    reply_fini(&r);
}

static void what_is_too_large_hears_how_large_it_may_be(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);

    expect_json(ask_for(alice, "upload.create", TOO_LONG), "error.message",
                "\"The file is too large. One of its kind may have at most 500 bytes here.\"");
    expect_json(ask_for(alice, "upload.create",
                        "{\"name\":\"n\",\"mime\":\"video/mp4\",\"size\":1001}"),
                "error.message",
                "\"The file is too large. One of its kind may have at most 1000 bytes here.\"");
}

static void without_media_no_files_are_taken(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct reply r = {0};

    const struct json *answer = ask_for(alice, "upload.create", CAT);
    expect_refusal(answer, "unsupported_type", NULL);
    expect_json(answer, "error.message", "\"This server takes no files.\"");
    post_as(w, &r, ALICE, UPLOADS, CAT);
    expect_reply("over HTTP", &r, 400, "unsupported_type");
    reply_fini(&r);
}

static void a_client_hears_how_large_files_may_be(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_open(w, "");

    user_join(alice, ALICE, "");
    user_expect(alice, '0');
    expect_json(user_expect_event(alice, "ready"), "limits",
                "{\"content_bytes\":65536,\"upload_bytes\":1000}");
}

static void an_upload_that_nobody_waits_for_is_made_all_the_same(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);

    user_tell(alice, "2[\"upload.create\"," CAT "]");
    user_expect_nothing(alice);
    assert_int_equal(w->uploads->ways[FAKE_CREATE].n_asked, 1);
    user_tell(alice, "2[\"upload.create\",{}]");
    const struct json *error = user_expect_event(alice, "error");
    expect_json(error, "event", "\"upload.create\"");
    expect_json(error, "error.field", "\"name\"");
}

// Refusals of a send.

static void each_refusal_of_a_file_has_its_code(void **state)
{
    static const struct {
        int r;
        enum api_error error;
        const char *field;
    } rows[] = {
        {CHAT_UPLOAD_TOO_LARGE, API_TOO_LARGE, "size"},
        {CHAT_UPLOAD_QUOTA, API_QUOTA_EXCEEDED, "size"},
        {CHAT_UPLOADS_PENDING, API_QUOTA_EXCEEDED, NULL},
        {CHAT_UPLOAD_MISSING, API_UPLOAD_MISSING, "content"},
        {CHAT_UPLOAD_MISMATCH, API_UPLOAD_MISMATCH, "content"},
        {CHAT_UPLOAD_REJECTED, API_UPLOAD_REJECTED, "content"},
        {CHAT_MEDIA_UNAVAILABLE, API_STORAGE_UNAVAILABLE, NULL},
        {CHAT_UNAVAILABLE, API_STORAGE_UNAVAILABLE, NULL},
        {-1, API_INTERNAL, NULL},
    };
    const struct chat_actor actor = {0};
    char text[API_REFUSAL_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct api_problem p = api_refusal(text, &actor, rows[i].r, true);
        expect_int(api_error_code(p.error), p.error, rows[i].error);
        expect_str("field", str_of(p.field), str_of(rows[i].field));
        assert_true(api_error_is_sent(p.error));
        expect_int("retry", p.retry_after_ms, 0);
    }
}

static void the_largest_number_fits_into_its_sentence(void **state)
{
    const struct chat_actor actor = {.max_bytes = UINT64_MAX};
    char text[API_REFUSAL_SIZE];

    (void)state;
    const struct api_problem p = api_refusal(text, &actor, CHAT_UPLOAD_TOO_LARGE, false);
    assert_string_equal(p.message,
                        "The file is too large. One of its kind may have at most "
                        "18446744073709551615 bytes here.");
}

// attachment.url

static void on_appended(void *arg, int r, const struct store_appended *a)
{
    (void)a;
    assert_int_equal(r, 0);
    ++*(int *)arg;
}

/** Alice has sent it to Bob, and the chat has described it. */
static void keep(struct api_world *w, const char *type, const char *content)
{
    struct store_append append = {
        .type = str_of(type), .content = str_of(content), .now_ms = clock_unix_ms(&w->clock)};
    char key[16];
    int n = 0;

    assert_int_equal(auth_account_parse(&append.from, STR(ALICE), 1), 0);
    assert_int_equal(auth_account_parse(&append.to, STR(BOB), 1), 0);
    snprintf(key, sizeof(key), "k%llu", (unsigned long long)w->store->counters.appended);
    append.key = str_of(key);
    store_append(w->store, &append, on_appended, &n);
    api_world_settle(w);
    assert_int_equal(n, 1);
}

#define STORED "{\"mime\":\"image/png\",\"name\":\"cat.png\",\"size\":500,\"upload\":\"" U "\"}"

static void both_sides_get_a_fresh_link_to_a_file(void **state)
{
    static const char *const wallets[][2] = {{ALICE, BOB}, {BOB, ALICE}};
    struct api_world *w = start_with_media(state);
    struct reply r = {0};
    char text[256];

    keep(w, "image", STORED);
    for (size_t i = 0; i < COUNT_OF(wallets); i++) {
        struct user *u = user_open(w, "");
        user_join(u, wallets[i][0], "");
        user_expect(u, '0');
        while (user_take(u)) // ready, what was missed, synced
            ;
        snprintf(text, sizeof(text), "{\"peer\":\"%s\",\"seq\":1}", wallets[i][1]);
        const struct json *answer = ask_for(u, "attachment.url", text);
        expect_json(answer, "status", "\"ok\"");
        expect_json(answer, "url", GET_LINK);
        expect_json(answer, "expires_at", EXPIRES);
        snprintf(text, sizeof(text), AT("%s") "/attachment", wallets[i][1]);
        post_as(w, &r, wallets[i][0], text, "{\"seq\":1}");
        expect_reply(text, &r, 200, NULL);
        expect_json(r.json, "url", GET_LINK);
    }
    reply_fini(&r);
}

static void each_reader_is_told_of_a_file_with_a_link(void **state)
{
    struct api_world *w = start_with_media(state);
    struct reply r = {0};

    keep(w, "image", STORED);
    struct user *bob = user_open(w, "");
    user_join(bob, BOB, "");
    user_expect(bob, '0');
    user_expect_event(bob, "ready");
    const struct json *m = user_expect_event(bob, "message.new");
    expect_json(m, "content.url", GET_LINK);
    expect_json(m, "content.expires_at", EXPIRES);
    expect_json(m, "content.mime", "\"image/png\"");
    user_expect_event(bob, "synced");
    m = ask_for(bob, "message.history", "{\"peer\":\"" ALICE "\"}");
    expect_json(m, "messages.0.content.url", GET_LINK);
    m = ask_for(bob, "conversation.list", "{}");
    expect_json(m, "conversations.0.last_message.content.url", GET_LINK);
    m = ask_for(bob, "conversation.accept", "{\"peer\":\"" ALICE "\"}");
    expect_json(m, "conversation.last_message.content.url", GET_LINK);
    get_as(w, &r, ALICE, AT(BOB));
    expect_json(r.json, "conversation.last_message.content.url", GET_LINK);
    get_as(w, &r, ALICE, AT(BOB) "/messages");
    expect_json(r.json, "messages.0.content.url", GET_LINK);
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_json(r.json, "conversations.0.last_message.content.url", GET_LINK);
    reply_fini(&r);
}

static void a_link_is_good_from_when_it_was_made(void **state)
{
    struct api_world *w = start_with_media(state);
    struct reply r = {0};

    keep(w, "image", STORED);
    api_world_pass(w, 60000);
    post_as(w, &r, BOB, AT(ALICE) "/attachment", "{\"seq\":1}");
    expect_json(r.json, "expires_at", "\"2023-11-14T22:29:20.000Z\"");
    reply_fini(&r);
}

static void where_there_is_no_file_no_link_is_made(void **state)
{
    static const struct {
        const char *payload; // behind the peer
        unsigned status;
        const char *code;
        const char *message; // NULL: any
    } rows[] = {
        {"\"seq\":3}", 404, "not_found", "\"The conversation has no message of this number.\""},
        {"\"seq\":9007199254740991}", 404, "not_found",
         "\"The conversation has no message of this number.\""},
        {"\"seq\":1}", 404, "not_found", "\"There is no file in this message.\""},
        {"\"seq\":2}", 404, "not_found", "\"There is no file in this message.\""},
        {"\"seq\":0}", 400, "bad_request", NULL},
        {"\"seq\":\"1\"}", 400, "bad_request", NULL},
        {"\"sec\":1}", 400, "bad_request", NULL},
    };
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);
    struct reply r = {0};
    char text[256];

    keep(w, "text", "\"hi\"");
    keep(w, "x-image", STORED);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(text, sizeof(text), "{\"peer\":\"" BOB "\",%s", rows[i].payload);
        const struct json *answer = ask_for(alice, "attachment.url", text);
        expect_refusal(answer, rows[i].code, "\"seq\"");
        if (rows[i].message)
            expect_json(answer, "error.message", rows[i].message);
        snprintf(text, sizeof(text), "{%s", rows[i].payload);
        post_as(w, &r, ALICE, AT(BOB) "/attachment", text);
        expect_reply(text, &r, rows[i].status, rows[i].code);
        expect_json(r.json, "error.field", "\"seq\"");
    }
    expect_refusal(ask_for(alice, "attachment.url", "{\"peer\":\"" CAROL "\",\"seq\":1}"),
                   "not_found", NULL);
    expect_refusal(ask_for(alice, "attachment.url", "{\"seq\":1}"), "bad_request", "\"peer\"");
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

/** The blocker has no message, so that there is no file either. */
static void a_withheld_file_is_none(void **state)
{
    struct api_world *w = start_with_media(state);
    struct reply r = {0};

    keep(w, "image", STORED);
    post_as(w, &r, BOB, AT(ALICE) "/block", "");
    expect_reply("block", &r, 200, NULL);
    get_as(w, &r, BOB, AT(ALICE) "/messages");
    expect_json(r.json, "messages.0.type", "\"gone\"");
    expect_json(r.json, "messages.0.content", "null");
    post_as(w, &r, BOB, AT(ALICE) "/attachment", "{\"seq\":1}");
    expect_reply("the blocker", &r, 404, "not_found");
    post_as(w, &r, ALICE, AT(BOB) "/attachment", "{\"seq\":1}");
    expect_reply("the sender", &r, 200, NULL);
    post_as(w, &r, CAROL, AT(BOB) "/attachment", "{\"seq\":1}");
    expect_reply("anybody else", &r, 404, "not_found");
    reply_fini(&r);
}

static void a_file_outlives_the_media_that_it_was_in(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    keep(w, "image", STORED);
    get_as(w, &r, BOB, AT(ALICE) "/messages");
    expect_json(r.json, "messages.0.content", STORED);
    post_as(w, &r, BOB, AT(ALICE) "/attachment", "{\"seq\":1}");
    expect_reply("where it is", &r, 404, "not_found");
    reply_fini(&r);
}

static void a_client_that_is_gone_is_told_nothing(void **state)
{
    struct api_world *w = start_with_media(state);
    struct user *alice = user_new(w, ALICE);

    keep(w, "image", STORED);
    user_send(alice, STR("20[\"attachment.url\",{\"peer\":\"" BOB "\",\"seq\":1}]"));
    user_send(alice, STR("21[\"upload.create\"," CAT "]"));
    user_send(alice, STR("1"));
    api_world_settle(w);
    assert_int_equal(chat_counters(w->chat)->sessions, 0);
    assert_int_equal(w->uploads->ways[FAKE_CREATE].n_asked, 1);
}

// Files of others.

static void a_file_of_others_is_sent_and_found(void **state)
{
    static struct api_urls urls;
    struct api_world *w = *state;
    struct reply r = {0};

    urls = (struct api_urls){0};
    assert_int_equal(api_urls_add(&urls, STR("https://cdn.example/files")), 0);
    w->config.media_urls = &urls;
    start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);
    const struct json *answer = ask_for(
        alice, "message.send",
        "{\"to\":\"" BOB "\",\"type\":\"image\",\"content\":{\"url\":\"" FOREIGN "\"}}");
    expect_json(answer, "message.content", "{\"url\":\"" FOREIGN "\"}");
    expect_json(user_expect_event(bob, "message.new"), "content", "{\"url\":\"" FOREIGN "\"}");
    answer = ask_for(bob, "attachment.url", "{\"peer\":\"" ALICE "\",\"seq\":1}");
    expect_json(answer, "url", "\"" FOREIGN "\"");
    expect_json(answer, "expires_at", "null");
    post_as(w, &r, ALICE, AT(BOB) "/messages",
            "{\"type\":\"image\",\"content\":{\"url\":\"https://evil.example/a.png\"}}");
    expect_reply("of nobody", &r, 400, "bad_request");
    expect_json(r.json, "error.field", "\"content\"");
    post_as(w, &r, ALICE, AT(BOB) "/messages",
            "{\"type\":\"image\",\"content\":{\"upload\":\"" U "\"}}");
    expect_reply("an upload", &r, 400, "unsupported_type");
    reply_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_announced_file_gets_a_link_to_put_it, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(what_was_summed_says_so_to_the_store, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(each_refusal_of_an_upload_is_the_same_both_ways,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_is_too_large_hears_how_large_it_may_be,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(without_media_no_files_are_taken, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_client_hears_how_large_files_may_be, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(an_upload_that_nobody_waits_for_is_made_all_the_same,
                                        world_setup, world_teardown),
        cmocka_unit_test(each_refusal_of_a_file_has_its_code),
        cmocka_unit_test(the_largest_number_fits_into_its_sentence),
        cmocka_unit_test_setup_teardown(both_sides_get_a_fresh_link_to_a_file, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(each_reader_is_told_of_a_file_with_a_link, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_link_is_good_from_when_it_was_made, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(where_there_is_no_file_no_link_is_made, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_withheld_file_is_none, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_file_outlives_the_media_that_it_was_in, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_client_that_is_gone_is_told_nothing, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_file_of_others_is_sent_and_found, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("api_uploads", tests, NULL, NULL);
}
