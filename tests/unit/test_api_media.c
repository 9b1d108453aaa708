/** Files all the way: the api, the chat, and what the memory store keeps of uploads. */
#include "support/rest_world.h"

#define CAT "{\"name\":\"cat.png\",\"mime\":\"image/png\",\"size\":500}"

static struct api_world *start_keeping(void **state)
{
    struct api_world *w = *state;

    w->has_media = true;
    w->keeps_uploads = true;
    return start(state);
}

static const struct json *announce(struct user *u)
{
    return user_ask(u, "[\"upload.create\"," CAT "]");
}

/** @param id  gets the upload's */
static void announce_as(struct user *u, char id[CHAT_UPLOAD_ID_SIZE])
{
    const str got = json_text(json_at(announce(u), "upload"));

    assert_int_equal(got.len, CHAT_UPLOAD_ID_SIZE - 1);
    str_copy(id, got);
    id[got.len] = '\0';
}

/** To Bob. @param content  its members behind the file, such as ",\"width\":1" */
static const struct json *send_file(struct user *u, const char *key, const char *source,
                                    const char *id, const char *content)
{
    char text[512];

    snprintf(text, sizeof(text),
             "[\"message.send\",{\"to\":\"" BOB
             "\",\"type\":\"image\",\"client_msg_id\":\"%s\","
             "\"content\":{%s%s\"%s}}]",
             key, source, id, content);
    return user_ask(u, text);
}

#define AS_UPLOAD "\"upload\":\""
#define AS_PUT    "\"url\":\"" FAKE_MEDIA_HOST "put/"
#define AS_GET    "\"url\":\"" FAKE_MEDIA_HOST "get/"

static void expect_code(const struct json *answer, const char *code)
{
    expect_str("code", json_text(json_at(answer, "error.code")), str_of(code));
}

static void a_file_goes_from_its_announcement_to_the_other_side(void **state)
{
    struct api_world *w = start_keeping(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);
    char id[CHAT_UPLOAD_ID_SIZE];
    char want[256];

    announce_as(alice, id);
    snprintf(want, sizeof(want),
             "{\"caption\":\"x\",\"expires_at\":\"2023-11-14T22:28:20.000Z\","
             "\"mime\":\"image/png\",\"name\":\"cat.png\",\"size\":500,\"upload\":\"%s\","
             "\"url\":\"" FAKE_MEDIA_HOST "get/%s?as=image/png&name=cat.png\"}",
             id, id);
    expect_json(send_file(alice, "k", AS_UPLOAD, id, ",\"caption\":\"x\""), "message.content",
                want);
    expect_json(user_expect_event(bob, "message.new"), "content", want);
}

static void each_refusal_of_a_file_leaves_no_message(void **state)
{
    static const struct {
        int taken;
        const char *code;
    } rows[] = {
        {MEDIA_MISSING, "upload_missing"},
        {MEDIA_MISMATCH, "upload_mismatch"},
        {MEDIA_UNAVAILABLE, "storage_unavailable"},
        {MEDIA_REJECTED, "upload_rejected"}, // and it stays so
        {0, "upload_rejected"},
    };
    struct api_world *w = start_keeping(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);
    char id[CHAT_UPLOAD_ID_SIZE];

    announce_as(alice, id);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->media.take = rows[i].taken;
        expect_code(send_file(alice, "k", AS_UPLOAD, id, ""), rows[i].code);
    }
    expect_code(user_ask(alice, "[\"message.history\",{\"peer\":\"" BOB "\"}]"), "not_found");
    announce_as(alice, id);
    expect_code(send_file(bob, "k", AS_UPLOAD, id, ""), "recipient_invalid");
    struct user *carol = user_new(w, CAROL);
    expect_code(send_file(carol, "k", AS_UPLOAD, id, ""), "upload_missing"); // not hers
    expect_json(send_file(alice, "k", AS_UPLOAD, id, ""), "message.seq", "1");
    expect_json(user_expect_event(bob, "message.new"), "seq", "1");
    user_expect_nothing(bob);
}

static void a_repeat_is_a_duplicate_by_whatever_name(void **state)
{
    static const char *const sources[] = {AS_UPLOAD, AS_PUT, AS_GET};
    struct api_world *w = start_keeping(state);
    struct user *alice = user_new(w, ALICE);
    char id[CHAT_UPLOAD_ID_SIZE];
    char other[CHAT_UPLOAD_ID_SIZE];

    announce_as(alice, id);
    announce_as(alice, other);
    expect_json(send_file(alice, "k", AS_UPLOAD, id, ""), "duplicate", "false");
    w->media.take = MEDIA_UNAVAILABLE; // it is not looked at again
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const struct json *answer = send_file(alice, "k", sources[i], id, "");
        expect_json(answer, "duplicate", "true");
        expect_json(answer, "message.seq", "1");
    }
    expect_code(send_file(alice, "k", AS_UPLOAD, id, ",\"width\":1"), "conflict");
    expect_code(send_file(alice, "k", AS_UPLOAD, other, ""), "storage_unavailable");
    w->media.take = 0;
    expect_code(send_file(alice, "k", AS_UPLOAD, other, ""), "conflict");
    expect_json(send_file(alice, "k2", AS_UPLOAD, id, ""), "message.seq", "2");
}

static void what_a_message_has_is_kept_and_all_else_is_swept(void **state)
{
    struct api_world *w = start_keeping(state);
    struct user *alice = user_new(w, ALICE);
    char sent[CHAT_UPLOAD_ID_SIZE];
    char unsent[CHAT_UPLOAD_ID_SIZE];
    char accepted[CHAT_UPLOAD_ID_SIZE];

    announce_as(alice, sent);
    announce_as(alice, unsent);
    announce_as(alice, accepted);
    expect_json(send_file(alice, "k", AS_UPLOAD, sent, ""), "status", "\"ok\"");
    expect_code(send_file(alice, "k", AS_UPLOAD, accepted, ""),
                "conflict"); // checked, for all that
    api_world_pass(w, w->chat_config.uploads.kept_ms + INT64_C(2) * CHAT_SWEEP_MS);
    assert_int_equal(chat_counters(w->chat)->uploads_swept, 2);
    struct user *again = user_open(w, "");
    user_join(again, ALICE, "");
    while (user_take(again))
        ;
    expect_code(send_file(again, "k3", AS_UPLOAD, unsent, ""), "upload_missing");
    expect_code(send_file(again, "k4", AS_UPLOAD, accepted, ""), "upload_missing");
    expect_code(send_file(again, "k", AS_UPLOAD, unsent, ""), "conflict");
    expect_json(send_file(again, "k", AS_UPLOAD, sent, ""), "duplicate", "true");
    expect_json(send_file(again, "k2", AS_UPLOAD, sent, ""), "message.seq", "2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_goes_from_its_announcement_to_the_other_side),
        TEST(each_refusal_of_a_file_leaves_no_message),
        TEST(a_repeat_is_a_duplicate_by_whatever_name),
        TEST(what_a_message_has_is_kept_and_all_else_is_swept),
    };
    return cmocka_run_group_tests_name("api_media", tests, NULL, NULL);
}
