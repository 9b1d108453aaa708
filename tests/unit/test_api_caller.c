#include "api/caller.h"
#include "support/auth_keys.h"
#include "support/fake_contacts.h"
#include "support/rest_world.h"

#define TEXT     "{\"type\":\"text\",\"content\":\"hi\"}"
#define LIST     "/v1/conversations"
#define MESSAGES AT(BOB) "/messages"

// Whose call it is.

static void a_token_is_judged_before_the_body_is_read(void **state)
{
    static const struct {
        const char *name;
        const char *fields;
        const char *code;
    } rows[] = {
        {"no token", "", "token_missing"},
        {"another scheme", "Authorization: Basic eDp5\r\n", "token_missing"},
        {"an empty one", "Authorization: Bearer \r\n", "token_missing"},
        {"garbage", "Authorization: Bearer x.y.z\r\n", "token_invalid"},
        {"of nobody we know", "Authorization: Bearer " TOKEN_ES256 "\r\n", "token_invalid"},
    };
    struct api_world *w = start(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client *c = begin_half(w, rows[i].fields, MESSAGES, STR(TEXT), 1);
        reply_take(&r, c);
        expect_reply(rows[i].name, &r, 401, rows[i].code);
        expect_str(rows[i].name, reply_field(&r, "WWW-Authenticate"), STR("Bearer"));
        expect_str(rows[i].name, reply_field(&r, "Cache-Control"), STR("no-store"));
        assert_true(client_is_cut(c));
        assert_true(api_is_idle(w->api));
    }
    ask_get(w, &r, LIST, NULL);
    assert_non_null(strstr(json_text(json_at(r.json, "error.message")).ptr, "Authorization"));
    assert_int_equal(errors(w, API_TOKEN_MISSING), 4);
    reply_fini(&r);
}

static void a_token_expires(void **state)
{
    struct api_world *w = start(state);
    char fields[1200];
    struct reply r = {0};

    snprintf(fields, sizeof(fields), "%s", fields_of(w, ALICE));
    api_world_pass(w, API_WORLD_TTL_MS + AUTH_SKEW_MS - 1);
    ask_get(w, &r, LIST, fields);
    expect_reply("just", &r, 200, NULL);
    struct client *half = begin_half(w, fields, MESSAGES, STR(TEXT), 1);
    expect_no_answer(half);
    api_world_pass(w, 1);
    ask_get(w, &r, LIST, fields);
    expect_reply("over", &r, 401, "token_expired");
    mem_stream_feed(&half->stream, STR("}"));
    api_world_settle(w);
    expect_answer(half, "before its body came", 401, "token_expired");
    assert_int_equal(w->store->counters.appended, 0);
    reply_fini(&r);
}

static void a_session_that_has_ended_calls_no_more(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    char fields[1200];
    struct reply r = {0};

    snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\n", g.access);
    ask_get(w, &r, LIST, fields);
    expect_reply("it calls", &r, 200, NULL);
    struct client *half = begin_half(w, fields, MESSAGES, STR(TEXT), 1);
    expect_no_answer(half);
    post_logout(w, &r, g.access, "{}");
    expect_reply("it ends", &r, 200, NULL);
    ask_get(w, &r, LIST, fields);
    expect_reply("no more", &r, 401, "token_revoked");
    mem_stream_feed(&half->stream, STR("}"));
    api_world_settle(w);
    expect_answer(half, "nor what had begun", 401, "token_revoked");
    assert_int_equal(w->store->counters.appended, 0);
    reply_fini(&r);
}

// Tokens that wait for the keys of their issuer.

#define KEYS   STR(JWKS("{" JWK_P256 ",\"kid\":\"e\"}")) // TOKEN_ES256's, which is Alice's
#define OTHERS STR(JWKS("{" JWK_P256_OTHER ",\"kid\":\"f\"}"))
#define WAITS  "Authorization: Bearer " TOKEN_ES256 "\r\n"

/** The fetch at the start is held back. */
static struct api_world *start_at_url(void **state)
{
    struct api_world *w = *state;

    w->urls =
        (struct auth_issuer_urls){1, {{0, STR("host"), STR("https://host.example/jwks")}}};
    w->fetcher.is_holding = true;
    api_world_start(w);
    api_world_pass(w, 0);
    return w;
}

static void fetched(struct api_world *w, int r, str keys)
{
    fake_fetcher_answer(&w->fetcher, w->fetcher.n_fetched - 1, r, keys);
    api_world_settle(w);
}

static struct client *begin_list(struct api_world *w)
{
    struct client *c = client_new(&w->eio);

    client_send(c, &(struct request){.path = LIST, .fields = WAITS});
    api_world_settle(w);
    return c;
}

static void calls_wait_for_the_keys_and_are_answered(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *list = begin_list(w);
    struct client *whole = begin_post(w, WAITS, MESSAGES, TEXT);
    struct client *half = begin_half(w, WAITS, MESSAGES, STR(TEXT), 1);

    expect_no_answer(list);
    expect_no_answer(whole);
    expect_no_answer(half);
    assert_false(api_is_idle(w->api));
    fetched(w, 0, KEYS);
    expect_answer(list, "list", 200, NULL);
    expect_answer(whole, "its body was kept", 201, NULL);
    expect_no_answer(half);
    mem_stream_feed(&half->stream, STR("}"));
    api_world_settle(w);
    expect_answer(half, "its body came later", 201, NULL);
    expect_answer(begin_list(w), "at once", 200, NULL);
    assert_true(api_is_idle(w->api));
}

static void what_waits_may_turn_out_to_be_no_good(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {9, 9, 1000}, .requests = {9, 9, 1000}, .sessions = 9};
    w->config.rate_limits = true;
    w->config.rates[API_RATE_LOGINS] = (struct rate){1, 1, 1000};
    w->config.rates[API_RATE_AUTHS] = (struct rate){1, 1, 60000};
    start_at_url(state);
    struct client *list = begin_list(w);
    struct client *post = begin_post(w, WAITS, MESSAGES, TEXT);
    fetched(w, 0, OTHERS);
    expect_answer(list, "unknown", 401, "token_invalid");
    expect_answer(post, "the address has tried enough", 429, "rate_limited");
    assert_true(api_is_idle(w->api));
}

static void what_can_not_be_judged_may_come_again(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *post = begin_post(w, WAITS, MESSAGES, TEXT);
    struct reply r = {0};

    fetched(w, AUTH_FETCH_FAILED, (str){0});
    reply_take(&r, post);
    expect_reply("post", &r, 503, "login_unavailable");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    expect_answer(begin_list(w), "at once", 503, "login_unavailable");
    assert_int_equal(w->store->counters.appended, 0);
    reply_fini(&r);
}

static void who_calls_may_leave_while_its_token_waits(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *clients[] = {begin_list(w), begin_post(w, WAITS, MESSAGES, TEXT),
                                begin_half(w, WAITS, MESSAGES, STR(TEXT), 1)};

    for (size_t i = 0; i < COUNT_OF(clients); i++)
        client_lose(&w->eio, clients[i]);
    assert_true(api_is_idle(w->api));
    fetched(w, 0, KEYS);
    assert_int_equal(w->store->counters.appended, 0);
}

static void a_body_that_is_too_large_does_not_wait(void **state)
{
    struct api_world *w = start_at_url(state);
    char fields[1400];
    struct client *c = client_new(&w->eio);

    snprintf(fields, sizeof(fields), WAITS "Content-Length: %d\r\n", API_BODY_MAX + 1);
    client_send(c,
                &(struct request){.method = "POST", .path = AT(BOB) "/read", .fields = fields});
    api_world_settle(w);
    expect_answer(c, "too large", 413, "too_large");
    assert_true(api_is_idle(w->api));
    fetched(w, 0, KEYS);
}

static void so_many_bytes_of_bodies_are_kept_and_no_more(void **state)
{
    struct api_world *w = start_at_url(state);
    char *body = mem_alloc(API_BODY_MAX + 1);
    struct client *first = NULL;

    memset(body, ' ', API_BODY_MAX);
    body[API_BODY_MAX] = '\0';
    for (size_t i = 0; i < API_KEPT_MAX / API_BODY_MAX; i++) {
        struct client *c = begin_post(w, WAITS, AT(BOB) "/read", body);
        expect_no_answer(c);
        first = first ? first : c;
    }
    expect_answer(begin_post(w, WAITS, AT(BOB) "/read", " "), "one more", 503, "busy");
    expect_no_answer(begin_list(w)); // which has none
    client_lose(&w->eio, first);
    expect_no_answer(begin_post(w, WAITS, AT(BOB) "/read", body));
    expect_answer(begin_post(w, WAITS, AT(BOB) "/read", " "), "one more", 503, "busy");
    free(body);
}

static void so_many_calls_of_one_start_once_they_are_known(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *half[API_CALLS_MAX + 1];

    for (size_t i = 0; i < COUNT_OF(half); i++)
        half[i] = begin_half(w, WAITS, MESSAGES, STR(TEXT), 1);
    fetched(w, 0, KEYS);
    expect_answer(half[API_CALLS_MAX], "one more", 503, "busy");
    for (size_t i = 0; i < API_CALLS_MAX; i++)
        expect_no_answer(half[i]);
}

// What the chat knows of a conversation, from a store that is told what to know.

#define ID "00000000000000ff"

static struct api_world *start_with_contacts(void **state, struct fake_contacts *f)
{
    struct api_world *w = start(state);

    fake_contacts_init(f, w->store, &w->eio.later);
    f->conversation.id = 0xff;
    assert_int_equal(auth_account_parse(&f->conversation.peer, STR(BOB), 1), 0);
    return w;
}

static struct fake_contacts contacts;

static void a_conversation_is_found_by_its_peer_and_by_its_id(void **state)
{
    struct api_world *w = start_with_contacts(state, &contacts);
    struct reply r = {0};

    get_as(w, &r, ALICE, AT(BOB));
    expect_reply("by its peer", &r, 200, NULL);
    expect_json(r.json, "conversation.conversation", "\"" ID "\"");
    expect_json(r.json, "conversation.last_message", "null");
    get_as(w, &r, ALICE, AT(ID));
    expect_json(r.json, "conversation.peer", "\"" BOB "\"");
    get_as(w, &r, ALICE, AT(CAROL));
    expect_reply("no such", &r, 404, "not_found");
    reply_fini(&r);
}

static void a_message_goes_to_whose_conversation_it_is(void **state)
{
    struct api_world *w = start_with_contacts(state, &contacts);
    struct reply r = {0};

    post_as(w, &r, ALICE, AT(ID) "/messages", TEXT);
    expect_reply("sent", &r, 201, NULL);
    expect_json(r.json, "message.to", "\"" BOB "\"");
    expect_json(r.json, "message.content", "\"hi\"");
    post_as(w, &r, ALICE, AT(ID) "/messages", "{\"type\":\"text\",\"content\":1}");
    expect_reply("wrong", &r, 400, "bad_request");
    post_as(w, &r, ALICE, AT("00000000000000fe") "/messages", TEXT);
    expect_reply("no such", &r, 404, "not_found");
    contacts.r = STORE_UNAVAILABLE;
    post_as(w, &r, ALICE, AT(ID) "/messages", TEXT);
    expect_reply("not known", &r, 503, "storage_unavailable");
    assert_int_equal(w->store->counters.appended, 1);
    contacts.r = 0;

    struct client *c = client_new(&w->eio); // who leaves while it is looked up has sent
    client_send(c, &(struct request){.method = "POST",
                                     .path = AT(ID) "/messages",
                                     .fields = fields_of(w, ALICE),
                                     .body = STR(TEXT),
                                     .has_body = true});
    client_lose(&w->eio, c);
    assert_int_equal(w->store->counters.appended, 2);
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

static void a_peer_is_accepted_blocked_and_unblocked(void **state)
{
    static const struct {
        const char *path;
        const char *body;
        enum chat_contact what;
    } rows[] = {
        {AT(BOB) "/accept", "", CHAT_ACCEPT},
        {AT(BOB) "/block", "{}", CHAT_BLOCK},
        {AT(BOB) "/unblock", "{\"unknown\":1}", CHAT_UNBLOCK},
        {AT(ID) "/block", "", CHAT_BLOCK},
    };
    struct api_world *w = start_with_contacts(state, &contacts);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        post_as(w, &r, ALICE, rows[i].path, rows[i].body);
        expect_reply(rows[i].path, &r, 200, NULL);
        expect_json(r.json, "conversation.peer", "\"" BOB "\"");
        expect_int(rows[i].path, contacts.what, rows[i].what);
    }
    assert_int_equal(contacts.n_contacts, COUNT_OF(rows));
    post_as(w, &r, ALICE, AT("00000000000000fe") "/accept", "");
    expect_reply("no such", &r, 404, "not_found");
    ask(w, &r,
        &(struct request){
            .method = "POST", .path = AT(BOB) "/accept", .fields = fields_of(w, ALICE)});
    expect_reply("no length at all", &r, 200, NULL);
    reply_fini(&r);
}

/** It was done, but what has become of it can't be read. */
static void nothing_is_said_of_a_change_that_can_not_be_read(void **state)
{
    struct api_world *w = start_with_contacts(state, &contacts);

    contacts.r = STORE_UNAVAILABLE;
    struct client *c = begin_post(w, fields_of(w, ALICE), AT(BOB) "/block", "{}");
    assert_int_equal(client_take_answer(c).status, 0);
    assert_true(c->stream.is_aborted);
    assert_int_equal(contacts.n_contacts, 1);
    assert_true(api_is_idle(w->api));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_judged_before_the_body_is_read),
        TEST(a_token_expires),
        TEST(a_session_that_has_ended_calls_no_more),
        TEST(calls_wait_for_the_keys_and_are_answered),
        TEST(what_waits_may_turn_out_to_be_no_good),
        TEST(what_can_not_be_judged_may_come_again),
        TEST(who_calls_may_leave_while_its_token_waits),
        TEST(a_body_that_is_too_large_does_not_wait),
        TEST(so_many_bytes_of_bodies_are_kept_and_no_more),
        TEST(so_many_calls_of_one_start_once_they_are_known),
        TEST(a_conversation_is_found_by_its_peer_and_by_its_id),
        TEST(a_message_goes_to_whose_conversation_it_is),
        TEST(a_peer_is_accepted_blocked_and_unblocked),
        TEST(nothing_is_said_of_a_change_that_can_not_be_read),
    };
    return cmocka_run_group_tests_name("api/caller", tests, NULL, NULL);
}
