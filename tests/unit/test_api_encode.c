#include <stdio.h>

#include "api/describe.h"
#include "api/encode.h"
#include "api/file.h"
#include "auth/account.h"
#include "json/json.h"
#include "support/exact.h"
#include "support/fake_media_links.h"
#include "support/t.h"

#define A "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define B "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"

#define AT_MS 1700000000007
#define AT    "2023-11-14T22:13:20.007Z"

#define IDS   "{\"id\":\"00000000000000ff:3\",\"conversation\":\"00000000000000ff\",\"seq\":3,"
#define SIDES "\"from\":\"" A "\",\"to\":\"" B "\","
#define REST  "\"type\":\"text\",\"content\":\"hi\","
#define TIMED "\"created_at\":\"" AT "\",\"status\":"

/** Who is told of no links. */
static struct api_reader reading(const account *a)
{
    return (struct api_reader){.account = a, .now_ms = AT_MS};
}

static account account_in(const char *text)
{
    account a;

    assert_int_equal(auth_account_parse(&a, str_of(text), 1), 0);
    return a;
}

static struct chat_message message(void)
{
    return (struct chat_message){
        .conversation = 0xff,
        .seq = 3,
        .position = 77,
        .from = account_in(A),
        .to = account_in(B),
        .type = STR("text"),
        .content = STR("\"hi\""),
        .created_at_ms = AT_MS,
        .status = CHAT_UNDELIVERED,
    };
}

/** It is JSON, and this. */
static void expect_out(const char *what, struct buf *out, const char *want)
{
    struct json *j = NULL;

    expect_str(what, buf_str(out), str_of(want));
    CLEANUP(exact_freep) char *copy = exact_copy(buf_str(out));
    expect_int(what, json_parse(&j, copy, buf_str(out).len), 0);
    json_free(j);
    buf_fini(out);
    buf_init(out, SIZE_MAX / 2);
}

static int setup(void **state)
{
    static struct buf out;

    buf_init(&out, SIZE_MAX / 2);
    *state = &out;
    return 0;
}

static void a_message_depends_on_its_reader(void **state)
{
    const struct {
        const char *name;
        const char *reader;
        str key;
        uint64_t reply_to;
        enum chat_status status;
        const char *want;
    } rows[] = {
        {"the sender",
         A,
         {0},
         0,
         CHAT_UNDELIVERED,
         IDS "\"peer\":\"" B "\"," SIDES REST TIMED "\"undelivered\"}"},
        {"the recipient",
         B,
         {0},
         0,
         CHAT_DELIVERED,
         IDS "\"peer\":\"" A "\"," SIDES REST TIMED "\"delivered\"}"},
        {"the sender's key", A, STR("k:1"), 0, CHAT_READ,
         IDS "\"peer\":\"" B "\"," SIDES REST "\"client_msg_id\":\"k:1\"," TIMED "\"read\"}"},
        {"is the sender's alone", B, STR("k:1"), 0, CHAT_READ,
         IDS "\"peer\":\"" A "\"," SIDES REST TIMED "\"read\"}"},
        {"a key of ours", A, STR("~k"), 0, CHAT_READ,
         IDS "\"peer\":\"" B "\"," SIDES REST TIMED "\"read\"}"},
        {"a reply",
         B,
         {0},
         2,
         CHAT_READ,
         IDS "\"peer\":\"" A "\"," SIDES REST "\"reply_to\":2," TIMED "\"read\"}"},
    };
    struct buf *out = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chat_message m = message();
        const account who = account_in(rows[i].reader);
        const struct api_reader reader = reading(&who);
        m.key = rows[i].key;
        m.reply_to = rows[i].reply_to;
        m.status = rows[i].status;
        api_encode_message(out, &m, &reader, NULL);
        expect_out(rows[i].name, out, rows[i].want);
    }
}

static void only_an_event_has_a_cursor(void **state)
{
    const struct chat_message m = message();
    const struct api_reader reader = reading(&m.to);
    const str cursor = STR("abc.1");

    api_encode_message(*state, &m, &reader, &cursor);
    expect_out("event", *state,
               IDS "\"peer\":\"" A "\"," SIDES REST TIMED
                   "\"undelivered\",\"cursor\":\"abc.1\"}");
}

static void ids_and_numbers_have_all_their_bits(void **state)
{
    struct chat_message m = message();
    const struct api_reader reader = reading(&m.to);

    m.conversation = UINT64_MAX;
    m.seq = UINT64_C(9007199254740991);
    m.type = STR("x-poll");
    m.content = STR("{\"a\":[1,2]}");
    api_encode_message(*state, &m, &reader, NULL);
    expect_out("large", *state,
               "{\"id\":\"ffffffffffffffff:9007199254740991\",\"conversation\":"
               "\"ffffffffffffffff\",\"seq\":9007199254740991,\"peer\":\"" A "\"," SIDES
               "\"type\":\"x-poll\",\"content\":{\"a\":[1,2]}," TIMED "\"undelivered\"}");
}

static void times_are_rfc_3339_with_milliseconds(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {86400000, "1970-01-02T00:00:00.000Z"},
        {68169599999, "1972-02-28T23:59:59.999Z"},
        {68169600000, "1972-02-29T00:00:00.000Z"},
        {68256000000, "1972-03-01T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1735689599999, "2024-12-31T23:59:59.999Z"},
        {1735689600000, "2025-01-01T00:00:00.000Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {13569465600000, "2400-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {253402300800000, "10000-01-01T00:00:00.000Z"},
    };
    struct buf *out = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct chat_receipt r = {
            .by = account_in(A), .peer = account_in(B), .at_ms = rows[i].ms};
        const struct api_reader reader = reading(&r.by);
        api_encode_receipt(out, &r, &reader, STR("c"));
        const str all = buf_str(out);
        assert(all.ptr);
        assert_non_null(memmem(all.ptr, all.len, rows[i].want, strlen(rows[i].want)));
        buf_fini(out);
    }
}

static struct chat_conversation conversation(void)
{
    return (struct chat_conversation){
        .id = 0xff,
        .peer = account_in(A),
        .accepted = true,
        .first_seq = 1,
        .last_seq = 3,
        .last_message = message(),
        .unread = 2,
        .mine = {3, 1},
        .theirs = {2, 0},
        .updated_at_ms = AT_MS,
    };
}

#define CONVERSATION                                                                           \
    "{\"conversation\":\"00000000000000ff\",\"peer\":\"" A                                     \
    "\",\"accepted\":true,\"blocked\":false,\"first_seq\":1,\"last_seq\":3,\"last_"            \
    "message\":" IDS "\"peer\":\"" A "\"," SIDES REST TIMED                                    \
    "\"undelivered\"},\"unread\":2,"                                                           \
    "\"mine\":{\"delivered_seq\":3,\"read_seq\":1},"                                           \
    "\"theirs\":{\"delivered_seq\":2,\"read_seq\":0},\"updated_at\":\"" AT "\"}"

static void a_conversation_is_as_one_side_sees_it(void **state)
{
    const struct chat_conversation c = conversation();
    const account who = account_in(B);
    const struct api_reader reader = reading(&who);

    api_encode_conversation(*state, &c, &reader);
    expect_out("conversation", *state, CONVERSATION);
}

static void the_peer_of_a_receipt_is_the_other_side(void **state)
{
    const struct chat_receipt r = {
        .conversation = 0xff,
        .by = account_in(B),
        .peer = account_in(A),
        .mark = CHAT_MARK_READ,
        .seq = 3,
        .at_ms = AT_MS,
    };

    const struct api_reader who = reading(&r.by);
    const struct api_reader sender = reading(&r.peer);
    api_encode_receipt(*state, &r, &who, STR("c1"));
    expect_out("who has read", *state,
               "{\"conversation\":\"00000000000000ff\",\"peer\":\"" A "\",\"seq\":3,\"by\":\"" B
               "\",\"at\":\"" AT "\",\"cursor\":\"c1\"}");
    api_encode_receipt(*state, &r, &sender, STR("c1"));
    expect_out("who has sent", *state,
               "{\"conversation\":\"00000000000000ff\",\"peer\":\"" B "\",\"seq\":3,\"by\":\"" B
               "\",\"at\":\"" AT "\",\"cursor\":\"c1\"}");
}

static void who_writes_is_the_peer(void **state)
{
    struct buf *out = *state;

    api_encode_typing(
        out, &(struct chat_typing){.conversation = 0xff, .from = account_in(A), .is_on = true});
    expect_out("typing", out, "{\"conversation\":\"00000000000000ff\",\"peer\":\"" A "\"}");
}

static void presence_says_when_one_was_seen_of_one_who_is_away(void **state)
{
    static const struct {
        const char *name;
        bool is_online;
        int64_t last_seen_ms;
        const char *want;
    } rows[] = {
        {"online", true, 0, "{\"account\":\"" A "\",\"online\":true,\"last_seen\":null}"},
        {"online, and seen before", true, AT_MS,
         "{\"account\":\"" A "\",\"online\":true,\"last_seen\":null}"},
        {"away", false, AT_MS,
         "{\"account\":\"" A "\",\"online\":false,\"last_seen\":\"" AT "\"}"},
        {"nobody knows", false, 0,
         "{\"account\":\"" A "\",\"online\":false,\"last_seen\":null}"},
    };
    struct buf *out = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        api_encode_presence(out, &(struct chat_presence){.account = account_in(A),
                                                         .is_online = rows[i].is_online,
                                                         .last_seen_ms = rows[i].last_seen_ms});
        expect_out(rows[i].name, out, rows[i].want);
    }
}

static void a_connection_begins_so(void **state)
{
    const struct api_ready ready = {
        .account = account_in(A),
        .session = STR("s\"1"),
        .server_time_ms = AT_MS,
        .is_recovered = true,
        .unread = 4,
        .content_bytes = 65536,
    };

    api_encode_ready(*state, &ready);
    expect_out("ready", *state,
               "{\"account\":\"" A "\",\"session\":\"s\\\"1\",\"server_time\":\"" AT
               "\",\"recovered\":true,\"unread\":4,\"limits\":{\"content_bytes\":65536}}");
    struct api_ready with_files = ready;
    with_files.upload_bytes = UINT64_C(5000000000);
    api_encode_ready(*state, &with_files);
    expect_out("with files", *state,
               "{\"account\":\"" A "\",\"session\":\"s\\\"1\",\"server_time\":\"" AT
               "\",\"recovered\":true,\"unread\":4,\"limits\":{\"content_bytes\":65536,"
               "\"upload_bytes\":5000000000}}");
    api_encode_synced(*state, STR("c1"));
    expect_out("synced", *state, "{\"cursor\":\"c1\"}");
    api_encode_warning(*state, STR("late"), STR("Hurry."));
    expect_out("warning", *state, "{\"code\":\"late\",\"message\":\"Hurry.\"}");
}

static void an_error_says_what_is_known(void **state)
{
    const struct api_problem all = {API_BAD_REQUEST, "seq", "Say \"please\".", 0};
    const struct api_problem later = {.error = API_RATE_LIMITED, .retry_after_ms = 250};
    struct buf *out = *state;

    api_encode_problem(out, &all);
    expect_out("all", out,
               "{\"code\":\"bad_request\",\"message\":\"Say \\\"please\\\".\","
               "\"field\":\"seq\"}");
    api_encode_error(out, &later);
    expect_out("later", out,
               "{\"status\":\"error\",\"error\":{\"code\":\"rate_limited\",\"message\":"
               "\"Too many requests. Wait for retry_after_ms, then try again.\","
               "\"retry_after_ms\":250}}");
    api_encode_error_event(out, &all, STR("message.send"), STR("k1"));
    expect_out("event", out,
               "{\"error\":{\"code\":\"bad_request\",\"message\":\"Say \\\"please\\\".\","
               "\"field\":\"seq\"},\"event\":\"message.send\",\"client_msg_id\":\"k1\"}");
    api_encode_error_event(out, &all, (str){0}, (str){0});
    expect_out("of no request", out,
               "{\"error\":{\"code\":\"bad_request\",\"message\":\"Say \\\"please\\\".\","
               "\"field\":\"seq\"}}");
}

static void answers_say_that_all_is_well(void **state)
{
    const struct chat_message messages[] = {message(), message()};
    const struct chat_conversation conversations[] = {conversation(), conversation()};
    const account who = account_in(B);
    const struct api_reader reader = reading(&who);
    struct buf *out = *state;

#define MESSAGE IDS "\"peer\":\"" A "\"," SIDES REST TIMED "\"undelivered\"}"
    api_encode_sent(out, &(struct store_appended){.message = messages[0]}, &reader);
    expect_out("sent", out, "{\"status\":\"ok\",\"duplicate\":false,\"message\":" MESSAGE "}");
    api_encode_sent(out, &(struct store_appended){.message = messages[0], .is_duplicate = true},
                    &reader);
    expect_out("again", out, "{\"status\":\"ok\",\"duplicate\":true,\"message\":" MESSAGE "}");
    api_encode_marked(out, 7);
    expect_out("marked", out, "{\"status\":\"ok\",\"seq\":7}");

    api_encode_ok(out);
    expect_out("ok", out, "{\"status\":\"ok\"}");

    const struct chat_presence presences[] = {
        {.account = account_in(A), .is_online = true},
        {.account = account_in(B), .last_seen_ms = AT_MS},
    };
    api_encode_watched(out, presences, COUNT_OF(presences));
    expect_out("watched", out,
               "{\"status\":\"ok\",\"accounts\":["
               "{\"account\":\"" A
               "\",\"online\":true,\"last_seen\":null},"
               "{\"account\":\"" B "\",\"online\":false,\"last_seen\":\"" AT "\"}]}");

    struct store_history_page page = {.has_more = false, .first_seq = 1};
    api_encode_history(out, &page, &reader);
    expect_out("no message", out,
               "{\"status\":\"ok\",\"messages\":[],\"has_more\":false,\"first_seq\":1}");
    page = (struct store_history_page){messages, COUNT_OF(messages), true, 2};
    api_encode_history(out, &page, &reader);
    expect_out("two", out,
               "{\"status\":\"ok\",\"messages\":[" MESSAGE "," MESSAGE
               "],\"has_more\":true,\"first_seq\":2}");

    struct store_list_page list = {0};
    api_encode_list(out, &list, &reader);
    expect_out("no conversation", out, "{\"status\":\"ok\",\"conversations\":[]}");
    list = (struct store_list_page){conversations, COUNT_OF(conversations), 255};
    api_encode_list(out, &list, &reader);
    expect_out("two conversations", out,
               "{\"status\":\"ok\",\"conversations\":[" CONVERSATION "," CONVERSATION
               "],\"next\":\"00000000000000ff\"}");
#undef MESSAGE
}

// Files.

#define U      "abcdefghijklmnop-_09"
#define UP     "\"upload\":\"" U "\""
#define STORED "{\"mime\":\"image/png\",\"name\":\"a\\\"b.png\",\"size\":7," UP "}"
#define LINKED                                                                                 \
    "{\"mime\":\"image/png\",\"name\":\"a\\\"b.png\",\"size\":7," UP                           \
    ",\"url\":\"https://media.test/get/" U                                                     \
    "?as=image/png&name=a\\\"b.png\","                                                         \
    "\"expires_at\":\"2023-11-14T22:28:20.007Z\"}"

static void a_file_goes_out_with_a_link_for_its_reader(void **state)
{
    static const struct {
        const char *name;
        str type;
        const char *content;
        const char *want; // of the content
        bool has_media;
    } rows[] = {
        {"an image", STR("image"), STORED, LINKED, true},
        {"a file", STR("file"), STORED, LINKED, true},
        {"of no media any more", STR("image"), STORED, STORED, false},
        {"of others", STR("image"), "{\"url\":\"https://x/\"}", "{\"url\":\"https://x/\"}",
         true},
        {"withheld", STR("gone"), "null", "null", true},
        {"of the application", STR("x-image"), STORED, STORED, true},
        {"that nobody has described", STR("image"), "{" UP "}", "{" UP "}", true},
        {"that is no object", STR("image"), "1", "1", true},
        {"that is no JSON", STR("image"), "\"image\"", "\"image\"", true},
    };
    struct buf *out = *state;
    struct fake_media media;

    fake_media_init(&media, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chat_message m = message();
        char want[1024];
        m.type = rows[i].type;
        m.content = str_of(rows[i].content);
        struct api_reader reader = reading(&m.to);
        reader.media = rows[i].has_media ? &media.port : NULL;
        snprintf(want, sizeof(want), "\"content\":%s,\"created_at\"", rows[i].want);
        api_encode_message(out, &m, &reader, NULL);
        const str all = buf_str(out);
        assert(all.ptr);
        if (!memmem(all.ptr, all.len, want, strlen(want)))
            fail_msg("%s: " STR_FMT, rows[i].name, STR_ARG(all));
        CLEANUP(exact_freep) char *copy = exact_copy(all);
        CLEANUP(json_freep) struct json *j = NULL;
        expect_int(rows[i].name, json_parse_unique(&j, copy, all.len), 0);
        buf_fini(out);
    }
}

static void what_is_stored_says_what_the_file_is(void **state)
{
    static const struct {
        const char *content;
        const char *want;
    } rows[] = {
        {"{" UP "}",
         "{\"mime\":\"image/png\",\"name\":\"a\\\"b\",\"size\":9007199254740991," UP "}"},
        {"{\"name\":\"mine\"," UP "}",
         "{\"mime\":\"image/png\",\"name\":\"mine\",\"size\":9007199254740991," UP "}"},
        {"{\"a\":[1.5],\"z\":null," UP "}",
         "{\"a\":[1.5],\"mime\":\"image/png\",\"name\":\"a\\\"b\",\"size\":9007199254740991," UP
         ",\"z\":null}"},
    };
    const struct chat_upload u = {.id = STR(U),
                                  .name = STR("a\"b"),
                                  .mime = STR("image/png"),
                                  .size = UINT64_C(9007199254740991)};
    struct buf *out = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        api_describe(out, str_of(rows[i].content), &u);
        expect_out("described", out, rows[i].want);
    }
}

static void an_upload_is_answered_with_how_to_put_it(void **state)
{
    struct chat_upload u = {.id = STR(U), .mime = STR("text/plain;charset=utf-8")};
    const account who = account_in(A);
    struct api_reader reader = reading(&who);
    struct buf *out = *state;
    struct fake_media media;

    fake_media_init(&media, NULL);
    reader.media = &media.port;
#define ANSWER(headers)                                                                        \
    "{\"status\":\"ok\",\"upload\":\"" U                                                       \
    "\",\"method\":\"PUT\",\"url\":"                                                           \
    "\"https://media.test/put/" U                                                              \
    "\",\"headers\":{\"content-type\":"                                                        \
    "\"text/plain;charset=utf-8\"" headers "},\"expires_at\":\"2023-11-14T22:28:20.007Z\"}"
    api_encode_upload(out, &u, &reader);
    expect_out("without a sum", out, ANSWER(""));
    u.has_sha256 = true;
    memset(u.sha256, 0xff, sizeof(u.sha256));
    api_encode_upload(out, &u, &reader);
    expect_out("with a sum", out,
               ANSWER(",\"x-amz-checksum-sha256\":"
                      "\"//////////////////////////////////////////8=\""));
#undef ANSWER
}

static void a_file_is_answered_with_where_it_is(void **state)
{
    const account who = account_in(A);
    struct api_reader reader = reading(&who);
    struct chat_message m = message();
    struct buf *out = *state;
    struct fake_media media;
    struct api_file f;

    fake_media_init(&media, NULL);
    reader.media = &media.port;
    m.type = STR("image");
    m.content = STR(STORED);
    assert_true(api_file_open(&f, &m));
    api_encode_attachment(out, &f, &reader);
    expect_out("an upload", out,
               "{\"status\":\"ok\",\"url\":\"https://media.test/get/" U
               "?as=image/png&name=a\\\"b.png\",\"expires_at\":\"2023-11-14T22:28:20.007Z\"}");
    api_file_close(&f);

    m.content = STR("{\"url\":\"https://x/\"}");
    assert_true(api_file_open(&f, &m));
    api_encode_attachment(out, &f, &reader);
    expect_out("elsewhere", out,
               "{\"status\":\"ok\",\"url\":\"https://x/\",\"expires_at\":null}");
    api_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_depends_on_its_reader),
        cmocka_unit_test(only_an_event_has_a_cursor),
        cmocka_unit_test(ids_and_numbers_have_all_their_bits),
        cmocka_unit_test(times_are_rfc_3339_with_milliseconds),
        cmocka_unit_test(a_conversation_is_as_one_side_sees_it),
        cmocka_unit_test(the_peer_of_a_receipt_is_the_other_side),
        cmocka_unit_test(who_writes_is_the_peer),
        cmocka_unit_test(presence_says_when_one_was_seen_of_one_who_is_away),
        cmocka_unit_test(a_connection_begins_so),
        cmocka_unit_test(an_error_says_what_is_known),
        cmocka_unit_test(answers_say_that_all_is_well),
        cmocka_unit_test(a_file_goes_out_with_a_link_for_its_reader),
        cmocka_unit_test(what_is_stored_says_what_the_file_is),
        cmocka_unit_test(an_upload_is_answered_with_how_to_put_it),
        cmocka_unit_test(a_file_is_answered_with_where_it_is),
    };
    return cmocka_run_group_tests_name("api_encode", tests, setup, NULL);
}
