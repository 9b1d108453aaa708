#include "support/api_world.h"

#define BLOCK_ALICE   "[\"conversation.block\",{\"peer\":\"" ALICE "\"}]"
#define UNBLOCK_ALICE "[\"conversation.unblock\",{\"peer\":\"" ALICE "\"}]"
#define ACCEPT_ALICE  "[\"conversation.accept\",{\"peer\":\"" ALICE "\"}]"
#define HI_TO(wallet)                                                                          \
    "[\"message.send\",{\"to\":\"" wallet "\",\"type\":\"text\",\"content\":\"hi\"}]"

// What a client wants of a peer.

static void each_is_answered_with_the_conversation_and_told(void **state)
{
    static const struct {
        const char *ask;
        const char *accepted;
        const char *blocked;
    } rows[] = {
        {ACCEPT_ALICE, "true", "false"},
        {BLOCK_ALICE, "true", "true"},
        {UNBLOCK_ALICE, "true", "false"},
    };
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    user_ask(alice, HI_TO(BOB));
    user_expect_event(bob, "message.new");
    user_ack(bob);
    user_expect_event(bob, "message.delivered");
    user_expect_event(alice, "message.delivered");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct json *answer = user_ask(bob, rows[i].ask);
        expect_json(answer, "status", "\"ok\"");
        expect_json(answer, "conversation.peer", "\"" ALICE "\"");
        expect_json(answer, "conversation.accepted", rows[i].accepted);
        expect_json(answer, "conversation.blocked", rows[i].blocked);
        expect_json(answer, "conversation.last_message.content", "\"hi\"");
        const struct json *event = user_expect_event(bob, "conversation.changed");
        expect_json(event, "conversation.accepted", rows[i].accepted);
        expect_json(event, "conversation.blocked", rows[i].blocked);
        expect_json(event, "conversation.unread", "1");
        assert_true(json_text(json_at(event, "cursor")).len > 0);
    }
    user_expect_nothing(bob);
    user_expect_nothing(alice);
}

static void one_without_a_message_has_none(void **state)
{
    struct user *bob = user_new(start(state), BOB);

    const struct json *answer = user_ask(bob, BLOCK_ALICE);
    expect_json(answer, "conversation.last_seq", "0");
    expect_json(answer, "conversation.last_message", "null");
    expect_json(answer, "conversation.updated_at", "null");
}

static void an_id_does_for_a_peer(void **state)
{
    struct api_world *w = start(state);
    struct user *bob = user_new(w, BOB);
    char event[128];

    const struct json *answer = user_ask(bob, HI_TO(ALICE));
    const str id = json_text(json_at(answer, "message.conversation"));
    snprintf(event, sizeof(event),
             "[\"conversation.block\",{\"conversation\":\"" STR_FMT "\"}]", STR_ARG(id));
    expect_json(user_ask(bob, event), "conversation.blocked", "true");
}

static void what_can_not_be_meant_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *ask;
        const char *code;
        const char *field; // NULL: none
    } rows[] = {
        {"oneself", "[\"conversation.block\",{\"peer\":\"" BOB "\"}]", "\"recipient_invalid\"",
         "\"peer\""},
        {"nobody", "[\"conversation.accept\",{}]", "\"bad_request\"", "\"peer\""},
        {"no object", "[\"conversation.accept\",1]", "\"bad_request\"", NULL},
        {"no wallet", "[\"conversation.unblock\",{\"peer\":\"0x1\"}]", "\"recipient_invalid\"",
         "\"peer\""},
        {"a stranger", UNBLOCK_ALICE, "\"not_found\"", NULL},
        {"an unknown id", "[\"conversation.block\",{\"conversation\":\"0123456789abcdef\"}]",
         "\"not_found\"", NULL},
    };
    struct user *bob = user_new(start(state), BOB);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct json *answer = user_ask(bob, rows[i].ask);
        expect_json(answer, "status", "\"error\"");
        expect_json(answer, "error.code", rows[i].code);
        if (rows[i].field) {
            expect_json(answer, "error.field", rows[i].field);
        } else {
            assert_null(json_at(answer, "error.field"));
        }
    }
    user_expect_nothing(bob);
}

static void who_has_blocked_can_not_write(void **state)
{
    struct user *bob = user_new(start(state), BOB);

    user_ask(bob, BLOCK_ALICE);
    user_expect_event(bob, "conversation.changed");
    const struct json *answer = user_ask(bob, HI_TO(ALICE));
    expect_json(answer, "error.code", "\"forbidden\"");
    expect_json(answer, "error.field", "\"to\"");
}

static void what_is_withheld_reads_as_gone(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    user_ask(bob, BLOCK_ALICE);
    user_expect_event(bob, "conversation.changed");
    expect_json(user_ask(alice, HI_TO(BOB)), "message.status", "\"undelivered\"");
    const struct json *page = user_ask(bob, "[\"message.history\",{\"peer\":\"" ALICE "\"}]");
    expect_json(page, "messages.0.type", "\"gone\"");
    expect_json(page, "messages.0.content", "null");
    expect_json(page, "messages.0.from", "\"" ALICE "\"");
    user_expect_nothing(bob);
}

// `ready` comes first.

static void what_is_asked_before_it_is_ready_is_answered_after(void **state)
{
    struct api_world *w = start(state);
    struct user *bob = user_open(w, "");
    char packet[2048];

    // All in one go, as a client does that connects and asks.
    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"}",
             STR_ARG(api_world_token(w, BOB, API_WORLD_TTL_MS)));
    user_send(bob, str_of(packet));
    user_send(bob, STR("20[\"conversation.list\",{}]"));
    user_send(bob, STR("21[\"no.such.event\",{}]"));
    user_expect(bob, '0');
    user_expect_event(bob, "ready");
    user_expect_event(bob, "synced");
    expect_json(user_expect(bob, '3'), "0.status", "\"ok\"");
    expect_json(user_expect(bob, '3'), "0.error.code", "\"unknown_event\"");
    user_expect_nothing(bob);
}

static void a_store_that_is_away_is_said_before_it_is_ready(void **state)
{
    struct api_world *w = start(state);
    struct user *bob = user_open(w, "");

    store_mem_fail_reads(w->store, 1000);
    user_join(bob, BOB, "");
    user_expect(bob, '0');
    expect_json(user_ask(bob, "[\"conversation.list\",{}]"), "error.code",
                "\"storage_unavailable\"");
    store_mem_fail_reads(w->store, 0);
    api_world_pass(w, 1000);
    user_expect_event(bob, "ready");
    user_expect_event(bob, "synced");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_answered_with_the_conversation_and_told),
        TEST(one_without_a_message_has_none),
        TEST(an_id_does_for_a_peer),
        TEST(what_can_not_be_meant_is_refused),
        TEST(who_has_blocked_can_not_write),
        TEST(what_is_withheld_reads_as_gone),
        TEST(what_is_asked_before_it_is_ready_is_answered_after),
        TEST(a_store_that_is_away_is_said_before_it_is_ready),
    };
    return cmocka_run_group_tests_name("api_contacts", tests, NULL, NULL);
}
