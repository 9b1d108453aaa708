#include "api/client.h"
#include "api/gate.h"
#include "support/api_world.h"

#define SAY(to)      "[\"message.send\",{\"to\":\"" to "\",\"type\":\"text\",\"content\":\"hi\"}]"
#define WATCH(who)   "[\"presence.watch\",{\"accounts\":[\"" who "\"]}]"
#define UNWATCH(who) "[\"presence.unwatch\",{\"accounts\":[\"" who "\"]}]"
#define START(to)    "[\"typing.start\",{\"peer\":\"" to "\"}]"
#define STOP(to)     "[\"typing.stop\",{\"peer\":\"" to "\"}]"

#define PRESENCE_BYTES 192 // that an account counts in an answer

static void ask_ok(struct user *u, const char *event)
{
    expect_json(user_ask(u, event), "status", "\"ok\"");
}

static void expect_error(const struct json *answer, const char *code, const char *field)
{
    expect_json(answer, "status", "\"error\"");
    expect_json(answer, "error.code", code);
    expect_json(answer, "error.field", field);
}

/** Alice and Bob have accepted each other. */
static void befriend(struct user *alice, struct user *bob)
{
    ask_ok(alice, SAY(BOB));
    user_expect_event(bob, "message.new");
    ask_ok(bob, SAY(ALICE));
    user_expect_event(alice, "message.new");
}

static void typing_goes_from_one_to_the_other(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    ask_ok(alice, START(BOB)); // and nothing comes of it yet
    user_expect_nothing(bob);
    befriend(alice, bob);
    expect_json(user_ask(alice, START(BOB)), "", "{\"status\":\"ok\"}");
    const struct json *event = user_expect_event(bob, "typing.start");
    expect_json(event, "peer", "\"" ALICE "\"");
    char conversation[32];
    snprintf(conversation, sizeof(conversation), STR_FMT,
             STR_ARG(json_text(json_at(event, "conversation"))));
    expect_int("id", strlen(conversation), 16);
    ask_ok(alice, STOP(BOB));
    event = user_expect_event(bob, "typing.stop");
    expect_json(event, "peer", "\"" ALICE "\"");
    expect_str("conversation", json_text(json_at(event, "conversation")), str_of(conversation));

    char by_id[64];
    snprintf(by_id, sizeof(by_id), "[\"typing.start\",{\"conversation\":\"%s\"}]",
             conversation);
    ask_ok(alice, by_id);
    user_expect_event(bob, "typing.start");
    api_world_pass(w, CHAT_TYPING_MS);
    user_expect_event(bob, "typing.stop");
    ask_ok(alice, START(BOB));
    user_expect_event(bob, "typing.start");
    ask_ok(alice, SAY(BOB));
    user_expect_event(bob, "typing.stop");
    user_expect_event(bob, "message.new");
    user_expect_nothing(bob);
    user_expect_nothing(alice);
}

static void typing_says_what_is_wrong(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);

    expect_error(user_ask(alice, START(ALICE)), "\"recipient_invalid\"", "\"peer\"");
    expect_error(user_ask(alice, STOP("0x5")), "\"recipient_invalid\"", "\"peer\"");
    expect_error(user_ask(alice, "[\"typing.start\",{\"conversation\":\"00000000000000ff\"}]"),
                 "\"not_found\"", NULL);
    expect_error(user_ask(alice, "[\"typing.start\",{}]"), "\"bad_request\"", "\"peer\"");
    user_tell(alice, "2[\"typing.stop\",{}]"); // nobody waits for the answer
    expect_json(user_expect_event(alice, "error"), "event", "\"typing.stop\"");
    user_tell(alice, "2[\"typing.stop\",{\"peer\":\"" BOB "\"}]");
    user_expect_nothing(alice);
}

static void presence_is_told_to_those_who_watch(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    expect_json(user_ask(alice, WATCH(BOB)), "accounts",
                "[{\"account\":\"" BOB "\",\"last_seen\":null,\"online\":false}]");
    befriend(alice, bob);
    expect_json(user_expect_event(alice, "presence.changed"), "",
                "{\"account\":\"" BOB "\",\"last_seen\":null,\"online\":true}");
    user_tell(bob, "1");
    api_world_pass(w, CHAT_OFFLINE_MS - 1);
    user_expect_nothing(alice);
    api_world_pass(w, 1);
    const struct json *event = user_expect_event(alice, "presence.changed");
    expect_json(event, "online", "false");
    expect_json(event, "last_seen", "\"2023-11-14T22:13:20.000Z\"");
    expect_json(user_ask(alice, WATCH(BOB)), "accounts.0.last_seen",
                "\"2023-11-14T22:13:20.000Z\"");
    ask_ok(alice, UNWATCH(BOB));
    struct user *again = user_open(w, "");
    user_join(again, BOB, "");
    user_expect(again, '0');
    user_expect_nothing(alice);
}

static void a_block_takes_both_away(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    befriend(alice, bob);
    expect_json(user_ask(alice, WATCH(BOB)), "accounts.0.online", "true");
    ask_ok(bob, "[\"conversation.block\",{\"peer\":\"" ALICE "\"}]");
    user_expect_event(bob, "conversation.changed");
    expect_json(user_expect_event(alice, "presence.changed"), "",
                "{\"account\":\"" BOB "\",\"last_seen\":null,\"online\":false}");
    ask_ok(alice, START(BOB));
    user_expect_nothing(bob);
    ask_ok(bob, "[\"conversation.unblock\",{\"peer\":\"" ALICE "\"}]");
    expect_json(user_expect_event(alice, "presence.changed"), "online", "true");
}

static void watching_says_what_is_wrong(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);

    expect_error(user_ask(alice, WATCH("0x5")), "\"recipient_invalid\"", "\"accounts\"");
    expect_error(user_ask(alice, "[\"presence.watch\",{\"accounts\":[]}]"), "\"bad_request\"",
                 "\"accounts\"");
    expect_error(user_ask(alice, "[\"presence.unwatch\",{}]"), "\"bad_request\"",
                 "\"accounts\"");
    ask_ok(alice, UNWATCH(BOB)); // which it does not watch
    expect_json(user_ask(alice, WATCH(ALICE)), "accounts.0.online", "true");
    store_mem_fail_reads(w->store, 1);
    expect_error(user_ask(alice, WATCH(BOB)), "\"storage_unavailable\"", NULL);
}

/** Each request names n wallets, from the i-th on. */
static void watch_many(struct user *u, unsigned i, unsigned n)
{
    struct buf event;

    buf_init(&event, SIZE_MAX / 2);
    int r = buf_addf(&event, "2%u[\"presence.watch\",{\"accounts\":[", u->n_asked++);
    for (unsigned k = 0; k < n; k++)
        r |= buf_addf(&event, "%s\"0x%040x\"", k > 0 ? "," : "", i + k);
    r |= buf_add(&event, STR("]}]"));
    assert_int_equal(r, 0);
    user_send(u, buf_str(&event));
    buf_fini(&event);
}

static void a_connection_watches_200(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);

    watch_many(alice, 1, CHAT_WATCHES_MAX);
    expect_json(user_expect(alice, '3'), "0.status", "\"ok\"");
    assert_int_equal(json_count(json_at(alice->json, "0.accounts")), CHAT_WATCHES_MAX);
    expect_error(user_ask(alice, WATCH(BOB)), "\"bad_request\"", "\"accounts\"");
}

static const struct api_client *client_of(const struct api_world *w)
{
    return container_of(w->api->clients.next, struct api_client, node);
}

/** So many who are asked about at once do not make more of an answer than may be queued. */
static void answers_count_as_much_as_they_are(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    const size_t each = API_ANSWER_BYTES + CHAT_WATCHES_MAX * PRESENCE_BYTES;
    const unsigned n = 2 * API_UNDER_WAY_MAX / (CHAT_WATCHES_MAX * PRESENCE_BYTES);

    for (unsigned i = 0; i < n; i++) {
        watch_many(alice, 1, CHAT_WATCHES_MAX);
        assert_true(client_of(w)->under_way <= API_UNDER_WAY_MAX + each);
    }
    assert_true(client_of(w)->under_way > API_UNDER_WAY_MAX - each);
    for (unsigned i = 0; i < n; i++)
        expect_json(user_expect(alice, '3'), "0.status", "\"ok\"");
    assert_int_equal(client_of(w)->under_way, 0);
}

/** Have more queued for it than what can wait is added to. @return how many answers */
static unsigned stuff(struct user *u)
{
    unsigned n = 0;

    while (sio_queued(client_of(u->w)->socket) <= API_LIVE_QUEUED_MAX) {
        watch_many(u, 1, CHAT_WATCHES_MAX - 1);
        api_world_settle(u->w);
        n++;
    }
    return n;
}

/** What is only of this moment is not piled up for one who does not read. */
static void one_who_does_not_read_is_told_the_latest_later(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    befriend(alice, bob);
    expect_json(user_ask(alice, WATCH(BOB)), "accounts.0.online", "true");
    const unsigned n = stuff(alice);
    const size_t before = sio_queued(client_of(w)->socket);
    ask_ok(bob, START(ALICE));
    user_tell(bob, "1");
    api_world_pass(w, CHAT_OFFLINE_MS);
    assert_int_equal(sio_queued(client_of(w)->socket), before);
    for (unsigned i = 0; i < n; i++)
        user_expect(alice, '3');
    user_expect_nothing(alice); // of the typing, for good
    api_world_pass(w, 1000);
    expect_json(user_expect_event(alice, "presence.changed"), "online", "false");
    user_expect_nothing(alice);
}

int main(void)
{
#define LIVE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        LIVE(typing_goes_from_one_to_the_other),
        LIVE(typing_says_what_is_wrong),
        LIVE(presence_is_told_to_those_who_watch),
        LIVE(a_block_takes_both_away),
        LIVE(watching_says_what_is_wrong),
        LIVE(a_connection_watches_200),
        LIVE(answers_count_as_much_as_they_are),
        LIVE(one_who_does_not_read_is_told_the_latest_later),
    };
    return cmocka_run_group_tests_name("api_live", tests, NULL, NULL);
}
