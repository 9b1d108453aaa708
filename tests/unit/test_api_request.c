#include <errno.h>

#include "api/errors.h"
#include "support/api_world.h"

#define TO_BOB "\"to\":\"" BOB "\""
#define HI     "\"type\":\"text\",\"content\":\"hi\""
#define SEND   "[\"message.send\",{" TO_BOB "," HI "}]"
#define KEYED  "[\"message.send\",{" TO_BOB "," HI ",\"client_msg_id\":\"k1\"}]"

static void expect_error(struct user *u, const char *event, const char *code, const char *field)
{
    const struct json *answer = user_ask(u, event);

    expect_json(answer, "status", "\"error\"");
    expect_json(answer, "error.code", code);
    expect_json(answer, "error.field", field);
    const str message = json_text(json_at(answer, "error.message"));
    assert_true(message.len > 0 && message.ptr[message.len - 1] == '.');
}

// Messages.

static void a_message_is_answered_delivered_and_read(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    const struct json *answer = user_ask(alice, KEYED);
    expect_json(answer, "status", "\"ok\"");
    expect_json(answer, "duplicate", "false");
    expect_json(answer, "message.seq", "1");
    expect_json(answer, "message.peer", "\"" BOB "\"");
    expect_json(answer, "message.client_msg_id", "\"k1\"");
    expect_json(answer, "message.status", "\"undelivered\"");
    expect_json(answer, "message.cursor", NULL);
    user_expect_nothing(alice); // the answer, and not the event

    const struct json *got = user_expect_event(bob, "message.new");
    expect_json(got, "seq", "1");
    expect_json(got, "peer", "\"" ALICE "\"");
    expect_json(got, "content", "\"hi\"");
    expect_json(got, "client_msg_id", NULL);
    assert_true(json_text(json_at(got, "cursor")).len > 0);
    user_ack(bob);
    const struct json *delivered = user_expect_event(alice, "message.delivered");
    expect_json(delivered, "seq", "1");
    expect_json(delivered, "peer", "\"" BOB "\"");
    expect_json(delivered, "by", "\"" BOB "\"");
    expect_json(user_expect_event(bob, "message.delivered"), "peer", "\"" ALICE "\"");

    expect_json(user_ask(bob, "[\"message.read\",{\"peer\":\"" ALICE "\",\"seq\":1}]"), "seq",
                "1");
    user_expect_event(alice, "message.read");
    expect_json(user_ask(alice, KEYED), "message.status", "\"read\"");
    expect_json(alice->json, "0.duplicate", "true");
}

static void other_devices_of_the_sender_get_the_event(void **state)
{
    struct api_world *w = start(state);
    struct user *phone = user_new(w, ALICE);
    struct user *tab = user_new(w, ALICE);

    user_ask(phone, KEYED);
    const struct json *event = user_expect_event(tab, "message.new");
    expect_json(event, "client_msg_id", "\"k1\"");
    expect_json(event, "from", "\"" ALICE "\"");
    assert_true(tab->id >= 0);
}

static void a_send_without_a_key_shows_none(void **state)
{
    struct api_world *w = start(state);
    struct user *phone = user_new(w, ALICE);
    struct user *tab = user_new(w, ALICE);

    expect_json(user_ask(phone, SEND), "message.client_msg_id", NULL);
    expect_json(user_expect_event(tab, "message.new"), "client_msg_id", NULL);
}

static void a_key_is_of_one_message(void **state)
{
    struct user *u = user_new(start(state), ALICE);

    user_ask(u, "[\"message.send\",{" TO_BOB
                ",\"type\":\"x-a\",\"content\":{\"a\":1,\"b\":2},\"client_msg_id\":\"k\"}]");
    expect_json(user_ask(u, "[\"message.send\",{" TO_BOB ",\"type\":\"x-a\",\"content\":"
                            "{\"b\":2.0,\"a\":1},\"client_msg_id\":\"k\"}]"),
                "duplicate", "true");
    expect_error(u,
                 "[\"message.send\",{" TO_BOB
                 ",\"type\":\"x-a\",\"content\":{\"a\":1},"
                 "\"client_msg_id\":\"k\"}]",
                 "\"conflict\"", "\"client_msg_id\"");
}

// Without a callback.

static void a_send_without_a_callback_is_answered_with_an_event(void **state)
{
    struct user *u = user_new(start(state), ALICE);

    user_tell(u, "2" KEYED);
    const struct json *ack = user_expect_event(u, "ack");
    expect_json(ack, "status", "\"ok\"");
    expect_json(ack, "message.client_msg_id", "\"k1\"");
    user_expect_nothing(u);
}

static void an_error_without_a_callback_names_the_request(void **state)
{
    static const struct {
        const char *name;
        const char *packet;
        const char *code;
        const char *event;
        const char *key;
    } rows[] = {
        {"decoded", "2[\"message.send\",{\"to\":1,\"client_msg_id\":\"k1\"}]",
         "\"bad_request\"", "\"message.send\"", "\"k1\""},
        {"of the domain",
         "2[\"message.send\",{\"to\":\"" ALICE "\"," HI ",\"client_msg_id\":\"k1\"}]",
         "\"recipient_invalid\"", "\"message.send\"", "\"k1\""},
        {"of the store",
         "2[\"message.send\",{" TO_BOB "," HI ",\"client_msg_id\":\"k1\",\"reply_to\":9}]",
         "\"bad_request\"", "\"message.send\"", "\"k1\""},
        {"a bad key", "2[\"message.send\",{\"client_msg_id\":\"~\"}]", "\"bad_request\"",
         "\"message.send\"", NULL},
        {"another request",
         "2[\"message.history\",{\"peer\":\"" BOB "\",\"client_msg_id\":\"k1\"}]",
         "\"not_found\"", "\"message.history\"", NULL},
        {"unknown", "2[\"message.sent\",{\"client_msg_id\":\"k1\"}]", "\"unknown_event\"",
         "\"message.sent\"", NULL},
        {"a number", "2[5]", "\"unknown_event\"", "\"5\"", NULL},
        {"a long name",
         "2[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]",
         "\"unknown_event\"", NULL, NULL},
    };
    struct user *u = user_new(start(state), ALICE);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        user_tell(u, rows[i].packet);
        const struct json *error = user_expect_event(u, "error");
        expect_json(error, "error.code", rows[i].code);
        expect_json(error, "event", rows[i].event);
        expect_json(error, "client_msg_id", rows[i].key);
    }
}

static void other_requests_without_a_callback_have_no_answer(void **state)
{
    static const char *const packets[] = {
        "2[\"message.read\",{\"peer\":\"" BOB "\",\"seq\":1}]",
        "2[\"message.history\",{\"peer\":\"" BOB "\"}]",
        "2[\"conversation.list\",{}]",
    };
    struct user *u = user_new(start(state), ALICE);

    user_ask(u, SEND);
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        user_tell(u, packets[i]);
        while (user_take(u)) { // receipts are no answers
            const str name = json_text(json_item(u->json, 0));
            assert_true(str_starts(name, STR("message.")));
        }
    }
}

// Refusals.

static void says_what_is_wrong_with_a_request(void **state)
{
    static const struct {
        const char *event;
        const char *code;
        const char *field;
    } rows[] = {
        {"[\"message.send\"]", "\"bad_request\"", NULL},
        {"[\"message.send\",{\"to\":\"" ALICE "\"," HI "}]", "\"recipient_invalid\"", "\"to\""},
        {"[\"message.send\",{\"to\":\"x\"," HI "}]", "\"recipient_invalid\"", "\"to\""},
        {"[\"message.send\",{" TO_BOB ",\"type\":\"image\",\"content\":{}}]",
         "\"unsupported_type\"", "\"type\""},
        {"[\"message.send\",{" TO_BOB "," HI ",\"reply_to\":2}]", "\"bad_request\"",
         "\"reply_to\""},
        {"[\"message.delivered\",{\"peer\":\"" BOB "\",\"seq\":2}]", "\"bad_request\"",
         "\"seq\""},
        {"[\"message.read\",{\"peer\":\"" CAROL "\",\"seq\":1}]", "\"not_found\"", NULL},
        {"[\"message.history\",{\"peer\":\"" CAROL "\"}]", "\"not_found\"", NULL},
        {"[\"message.history\",{\"conversation\":\"00000000000000ff\"}]", "\"not_found\"",
         NULL},
        {"[\"message.read\",{\"peer\":\"" BOB "\"}]", "\"bad_request\"", "\"seq\""},
        {"[\"message.history\",{}]", "\"bad_request\"", "\"peer\""},
        {"[\"conversation.list\",{\"limit\":0}]", "\"bad_request\"", "\"limit\""},
        {"[\"call.start\",{\"peer\":\"" BOB "\"}]", "\"unknown_event\"", NULL},
        {"[\"\",{}]", "\"unknown_event\"", NULL},
    };
    struct user *u = user_new(start(state), ALICE);

    expect_json(user_ask(u, SEND), "message.seq", "1");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_error(u, rows[i].event, rows[i].code, rows[i].field);
}

static void says_what_the_store_could_not_do(void **state)
{
    static const struct {
        int r;
        const char *code;
    } rows[] = {
        {STORE_UNAVAILABLE, "\"storage_unavailable\""},
        {STORE_BUSY, "\"busy\""},
        {STORE_MAILBOX_FULL, "\"mailbox_full\""},
        {-EIO, "\"internal\""},
    };
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        store_mem_fail(w->store, rows[i].r, 1);
        expect_error(u, SEND, rows[i].code, NULL);
    }
    store_mem_fail_reads(w->store, 1);
    expect_error(u, "[\"conversation.list\",{}]", "\"storage_unavailable\"", NULL);
    assert_int_equal(api_counters(w->api)->errors[API_STORAGE_UNAVAILABLE], 2);
    assert_int_equal(api_counters(w->api)->errors[API_INTERNAL], 1);
    assert_int_equal(api_counters(w->api)->requests, COUNT_OF(rows) + 1);
}

static void says_how_long_to_wait(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {1, 2, 1000}, .requests = {1, 1, 1000}, .sessions = 9};
    api_world_start(w);
    struct user *u = user_new(w, ALICE);
    expect_json(user_ask(u, SEND), "status", "\"ok\"");
    const struct json *answer = user_ask(u, SEND);
    expect_json(answer, "error.code", "\"rate_limited\"");
    expect_json(answer, "error.retry_after_ms", "500");
    api_world_pass(w, 500);
    expect_json(user_ask(u, SEND), "status", "\"ok\"");
}

static void each_request_counts_but_a_send(void **state)
{
    static const char *const events[] = {
        "[\"conversation.list\",{}]",
        "[\"message.history\",{\"peer\":\"" BOB "\"}]",
        "[\"message.delivered\",{\"peer\":\"" BOB "\",\"seq\":1}]",
        "[\"message.read\",{\"peer\":\"" BOB "\",\"seq\":1}]",
        "[\"no.such.event\"]", // what can't be meant costs as much
        "[\"message.send\",{\"to\":\"0x12\"}]",
    };
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {9, 9, 1000}, .requests = {1, 1, 1000}, .sessions = 9};
    api_world_start(w);
    struct user *u = user_new(w, ALICE);
    expect_json(user_ask(u, events[0]), "status", "\"ok\"");
    for (size_t i = 0; i < COUNT_OF(events); i++)
        expect_error(u, events[i], "\"rate_limited\"", NULL);
    expect_json(user_ask(u, SEND), "status", "\"ok\"");
}

static void binary_data_is_refused_and_harms_nothing(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    user_tell(u, "51-7[\"message.send\",{" TO_BOB
                 ",\"type\":\"x-a\",\"content\":"
                 "{\"_placeholder\":true,\"num\":0}}]");
    client_send_frame(u->client, WS_BINARY, STR("bytes"));
    const struct json *all = user_expect(u, '3');
    assert_int_equal(u->id, 7);
    expect_json(all, "0.error.code", "\"bad_request\"");
    expect_json(user_ask(u, SEND), "message.seq", "1");
}

static void json_that_is_too_much_is_refused_and_harms_nothing(void **state)
{
#define FIVE(s) s s s s s
    static const char *const contents[] = {
        FIVE(FIVE("[")) "[[[[1]]]]" FIVE(FIVE("]")) "}]", // an answer has three more around it
        FIVE(FIVE("[")) FIVE("[") "[1]" FIVE(FIVE("]")) FIVE("]") "}]",
        "{\"a\\u0000\":1}}]",
        "1e400}]",
    };
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "[\"message.send\",{" TO_BOB ",\"type\":\"x-a\",\"content\":%s", contents[i]);
        const struct json *answer = user_ask(u, text);
        expect_json(answer, "status", i == 0 ? "\"ok\"" : "\"error\"");
        if (i > 0)
            expect_json(answer, "error.code", "\"bad_request\"");
    }
    user_tell(u, "2[\"message.send\",{\"content\":1e400}]");
    expect_json(user_expect_event(u, "error"), "error.code", "\"bad_request\"");
    expect_json(user_ask(u, SEND), "message.seq", "2");
}

static void what_comes_after_the_payload_is_ignored(void **state)
{
    struct user *u = user_new(start(state), ALICE);

    expect_json(user_ask(u, "[\"message.send\",{" TO_BOB "," HI "},7,{}]"), "status", "\"ok\"");
    user_tell(u, "399[]"); // an acknowledgement of nothing
    user_expect_nothing(u);
}

// History and list.

static void a_history_comes_in_pages(void **state)
{
    struct user *u = user_new(start(state), ALICE);
    char event[256];

    for (int i = 1; i <= 5; i++) {
        snprintf(event, sizeof(event),
                 "[\"message.send\",{" TO_BOB ",\"type\":\"x-n\",\"content\":%d}]", i);
        user_ask(u, event);
    }
    const struct json *page =
        user_ask(u, "[\"message.history\",{\"peer\":\"" BOB "\",\"limit\":2}]");
    expect_json(page, "messages.0.seq", "4");
    expect_json(page, "messages.1.seq", "5");
    expect_json(page, "messages.2", NULL);
    expect_json(page, "messages.0.cursor", NULL);
    expect_json(page, "has_more", "true");
    expect_json(page, "first_seq", "1");
    snprintf(event, sizeof(event),
             "[\"message.history\",{\"conversation\":\"" STR_FMT
             "\",\"before\":4,\"after\":1}]",
             STR_ARG(json_text(json_at(page, "messages.0.conversation"))));
    page = user_ask(u, event);
    expect_json(page, "messages.0.content", "2");
    expect_json(page, "messages.1.content", "3");
    expect_json(page, "has_more", "false");
}

static void a_list_comes_in_pages(void **state)
{
    struct user *u = user_new(start(state), ALICE);
    char event[256];

    user_ask(u, SEND);
    user_ask(u, "[\"message.send\",{\"to\":\"" CAROL "\"," HI "}]");
    const struct json *page = user_ask(u, "[\"conversation.list\",{\"limit\":1}]");
    expect_json(page, "conversations.0.peer", "\"" CAROL "\"");
    expect_json(page, "conversations.0.last_message.content", "\"hi\"");
    expect_json(page, "conversations.0.accepted", "true");
    snprintf(event, sizeof(event), "[\"conversation.list\",{\"after\":\"" STR_FMT "\"}]",
             STR_ARG(json_text(json_at(page, "next"))));
    page = user_ask(u, event);
    expect_json(page, "conversations.0.peer", "\"" BOB "\"");
    expect_json(page, "conversations.1", NULL);
    expect_json(page, "next", NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_answered_delivered_and_read),
        TEST(other_devices_of_the_sender_get_the_event),
        TEST(a_send_without_a_key_shows_none),
        TEST(a_key_is_of_one_message),
        TEST(a_send_without_a_callback_is_answered_with_an_event),
        TEST(an_error_without_a_callback_names_the_request),
        TEST(other_requests_without_a_callback_have_no_answer),
        TEST(says_what_is_wrong_with_a_request),
        TEST(says_what_the_store_could_not_do),
        TEST(says_how_long_to_wait),
        TEST(each_request_counts_but_a_send),
        TEST(binary_data_is_refused_and_harms_nothing),
        TEST(json_that_is_too_much_is_refused_and_harms_nothing),
        TEST(what_comes_after_the_payload_is_ignored),
        TEST(a_history_comes_in_pages),
        TEST(a_list_comes_in_pages),
    };
    return cmocka_run_group_tests_name("api_request", tests, NULL, NULL);
}
