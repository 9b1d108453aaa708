#include "api/caller.h"
#include "support/rest_world.h"

#define TEXT         "{\"type\":\"text\",\"content\":\"hi\"}"
#define TEXT_OF(key) "{\"type\":\"text\",\"content\":\"hi\",\"client_msg_id\":\"" key "\"}"
#define MESSAGES     "/messages"

// Sending.

static void a_message_reaches_all_sockets_of_both_sides(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);
    struct reply r = {0};

    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT_OF("k"));
    expect_reply("send", &r, 201, NULL);
    expect_json(r.json, "duplicate", "false");
    expect_json(r.json, "message.seq", "1");
    expect_json(r.json, "message.peer", "\"" BOB "\"");
    expect_json(r.json, "message.client_msg_id", "\"k\"");
    expect_json(r.json, "message.cursor", NULL);
    expect_str("cache", reply_field(&r, "Cache-Control"), STR("no-store"));
    expect_str("type", reply_field(&r, "Content-Type"), STR("application/json"));
    expect_json(user_expect_event(alice, "message.new"), "client_msg_id", "\"k\"");
    const struct json *got = user_expect_event(bob, "message.new");
    expect_json(got, "content", "\"hi\"");
    expect_json(got, "from", "\"" ALICE "\"");
    expect_json(got, "client_msg_id", NULL);
    user_ack(bob);
    expect_json(user_expect_event(alice, "message.delivered"), "seq", "1");
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

static void a_repeat_gets_the_first_one_and_another_is_a_conflict(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT_OF("k"));
    expect_reply("first", &r, 201, NULL);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT_OF("k"));
    expect_reply("again", &r, 200, NULL);
    expect_json(r.json, "duplicate", "true");
    expect_json(r.json, "message.seq", "1");
    post_as(w, &r, ALICE, AT(BOB) MESSAGES,
            "{\"type\":\"text\",\"content\":\"other\",\"client_msg_id\":\"k\"}");
    expect_reply("another", &r, 409, "conflict");
    expect_json(r.json, "error.field", "\"client_msg_id\"");
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_json(r.json, "message.seq", "2");
    // The same as over a socket: the key is of the sender, however it sends.
    struct user *alice = user_new(w, ALICE);
    const struct json *answer = user_ask(alice, "[\"message.send\",{\"to\":\"" BOB
                                                "\",\"type\":\"text\",\"content\":\"hi\","
                                                "\"client_msg_id\":\"k\"}]");
    expect_json(answer, "duplicate", "true");
    reply_fini(&r);
}

static void each_form_of_an_address_will_do(void **state)
{
    static const struct {
        const char *path;
        const char *peer;
    } rows[] = {
        {AT("0xFB6916095CA1DF60BB79CE92CE3EA74C37C5D359"), "\"" BOB "\""},
        {AT("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"), "\"" BOB "\""},
        {AT("eip155:1:" BOB), "\"" BOB "\""},
        {AT("eip155%3a1%3A" BOB), "\"" BOB "\""},
        {AT("%30x%66B6916095ca1df60bB79Ce92cE3Ea74c37c5d359"), "\"" BOB "\""},
        {AT("eip155:8453:" BOB), "\"eip155:8453:" BOB "\""},
        {AT("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:"
            "4Nd1mYkmNTeaT7nMzs5LKRQZpJ3wFVQgUcSgCmvmvcxK"),
         "\"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:"
         "4Nd1mYkmNTeaT7nMzs5LKRQZpJ3wFVQgUcSgCmvmvcxK\""},
    };
    struct api_world *w = start(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s" MESSAGES, rows[i].path);
        post_as(w, &r, ALICE, path, TEXT);
        expect_reply(rows[i].path, &r, 201, NULL);
        expect_json(r.json, "message.peer", rows[i].peer);
    }
    reply_fini(&r);
}

// What is refused.

#define ZERO  "0x0000000000000000000000000000000000000000"
#define TYPO  "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"
#define NONE  "0123456789abcdef"
#define WRONG "recipient_invalid"
#define BAD   "bad_request"

static void each_refusal_has_its_status_and_its_field(void **state)
{
    static const struct {
        const char *path;
        const char *body; // NULL: it is a GET
        unsigned status;
        const char *code;
        const char *field;
    } rows[] = {
        // who
        {AT("nobody"), NULL, 400, WRONG, "\"peer\""},
        {AT(TYPO), NULL, 400, WRONG, "\"peer\""},
        {AT(ZERO), NULL, 400, WRONG, "\"peer\""},
        {AT("%"), NULL, 400, WRONG, "\"peer\""},
        {AT("%00"), NULL, 400, WRONG, "\"peer\""},
        {AT("0123456789abcde"), NULL, 400, WRONG, "\"peer\""},
        {AT(BOB "%2f"), NULL, 400, WRONG, "\"peer\""},
        {AT("0000000000000000") MESSAGES, NULL, 404, "not_found", "\"peer\""},
        {AT("0123456789ABCDEF") MESSAGES, NULL, 404, "not_found", "\"peer\""},
        {AT(NONE) MESSAGES, NULL, 404, "not_found", NULL},
        {AT(CAROL) MESSAGES, NULL, 404, "not_found", NULL},
        {AT(NONE) "/read", "{\"seq\":1}", 404, "not_found", NULL},
        {AT(CAROL) "/delivered", "{\"seq\":1}", 404, "not_found", NULL},
        {AT(TYPO) MESSAGES, TEXT, 400, WRONG, "\"peer\""},
        {AT(ALICE) MESSAGES, TEXT, 400, WRONG, "\"peer\""},
        {AT(ALICE) "/accept", "{}", 400, WRONG, "\"peer\""},
        {AT(ALICE) "/block", "", 400, WRONG, "\"peer\""},
        {AT(ALICE) "/unblock", "", 400, WRONG, "\"peer\""},
        {AT(TYPO) "/accept", "", 400, WRONG, "\"peer\""},
        // queries
        {AT(BOB) MESSAGES "?limit=0", NULL, 400, BAD, "\"limit\""},
        {AT(BOB) MESSAGES "?limit=201", NULL, 400, BAD, "\"limit\""},
        {AT(BOB) MESSAGES "?limit=ten", NULL, 400, BAD, "\"limit\""},
        {AT(BOB) MESSAGES "?limit=", NULL, 400, BAD, "\"limit\""},
        {AT(BOB) MESSAGES "?before=-1", NULL, 400, BAD, "\"before\""},
        {AT(BOB) MESSAGES "?after=9007199254740992", NULL, 400, BAD, "\"after\""},
        {"/v1/conversations?limit=1.5", NULL, 400, BAD, "\"limit\""},
        {"/v1/conversations?after=1", NULL, 400, BAD, "\"after\""},
        // bodies
        {AT(BOB) MESSAGES, "", 400, BAD, NULL},
        {AT(BOB) MESSAGES, "[]", 400, BAD, NULL},
        {AT(BOB) MESSAGES, "{", 400, BAD, NULL},
        {AT(BOB) MESSAGES, "{\"type\":\"text\",\"content\":\"a\",\"content\":\"b\"}", 400, BAD,
         NULL},
        {AT(BOB) MESSAGES, "{\"content\":\"hi\"}", 400, BAD, "\"type\""},
        {AT(BOB) MESSAGES, "{\"type\":\"image\",\"content\":{}}", 400, "unsupported_type",
         "\"type\""},
        {AT(BOB) MESSAGES, "{\"type\":\"text\",\"content\":\"\"}", 400, BAD, "\"content\""},
        {AT(BOB) MESSAGES, "{\"type\":\"text\",\"content\":\"x\",\"client_msg_id\":\"a b\"}",
         400, BAD, "\"client_msg_id\""},
        {AT(BOB) MESSAGES, "{\"type\":\"text\",\"content\":\"x\",\"reply_to\":0}", 400, BAD,
         "\"reply_to\""},
        {AT(BOB) MESSAGES, "{\"type\":\"text\",\"content\":\"x\",\"reply_to\":99}", 400, BAD,
         "\"reply_to\""},
        {AT(BOB) MESSAGES, "{\"to\":\"" BOB "\",\"type\":\"text\",\"content\":\"x\"}", 400, BAD,
         "\"to\""},
        {AT(BOB) "/read", "{\"peer\":\"" CAROL "\",\"seq\":1}", 400, BAD, "\"peer\""},
        {AT(BOB) "/accept", "{\"conversation\":\"" NONE "\"}", 400, BAD, "\"conversation\""},
        {AT(BOB) "/accept", "[]", 400, BAD, NULL},
        {AT(BOB) "/delivered", "", 400, BAD, NULL},
        {AT(BOB) "/delivered", "{}", 400, BAD, "\"seq\""},
        {AT(BOB) "/read", "{\"seq\":\"1\"}", 400, BAD, "\"seq\""},
        {AT(BOB) "/read", "{\"seq\":2}", 400, BAD, "\"seq\""},
        // files
        {AT(BOB) "/attachment", "", 400, BAD, NULL},
        {AT(BOB) "/attachment", "{}", 400, BAD, "\"seq\""},
        {AT(BOB) "/attachment", "{\"seq\":0}", 400, BAD, "\"seq\""},
        {AT(BOB) "/attachment", "{\"peer\":\"" BOB "\",\"seq\":1}", 400, BAD, "\"peer\""},
        {AT(BOB) "/attachment", "{\"seq\":1}", 404, "not_found", "\"seq\""},
        {AT(BOB) "/attachment", "{\"seq\":2}", 404, "not_found", "\"seq\""},
        {AT(CAROL) "/attachment", "{\"seq\":1}", 404, "not_found", NULL},
        {AT(TYPO) "/attachment", "{\"seq\":1}", 400, WRONG, "\"peer\""},
        {"/v1/uploads", "", 400, BAD, NULL},
        {"/v1/uploads", "{}", 400, "unsupported_type", NULL},
    };
    struct api_world *w = start(state);
    struct reply r = {0};

    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT); // there is one conversation
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].body) {
            post_as(w, &r, ALICE, rows[i].path, rows[i].body);
        } else {
            get_as(w, &r, ALICE, rows[i].path);
        }
        expect_reply(rows[i].path, &r, rows[i].status, rows[i].code);
        expect_json(r.json, "error.field", rows[i].field);
    }
    assert_int_equal(w->store->counters.appended, 1);
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

static void a_path_takes_its_methods(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        unsigned status;
        const char *allow;
    } rows[] = {
        {"POST", "/v1/conversations", 405, "GET, HEAD"},
        {"DELETE", AT(BOB), 405, "GET, HEAD"},
        {"PUT", AT(BOB) MESSAGES, 405, "GET, HEAD, POST"},
        {"GET", AT(BOB) "/read", 405, "POST"},
        {"HEAD", AT(BOB) "/accept", 405, "POST"},
        {"GET", AT(BOB) "/attachment", 405, "POST"},
        {"PUT", "/v1/uploads", 405, "POST"},
        {"POST", "/v1/uploads/x", 404, ""},
        {"GET", "/v1/conversations/", 404, ""},
        {"GET", "/v1/conversationsx", 404, ""},
        {"GET", AT(BOB) "/", 404, ""},
        {"GET", AT("") "/messages", 404, ""},
        {"GET", AT(BOB) MESSAGES "/", 404, ""},
        {"GET", AT(BOB) MESSAGES "/1", 404, ""},
        {"POST", AT(BOB) "/mute", 404, ""},
        {"POST", AT("a/b") "/read", 404, ""},
    };
    struct api_world *w = start(state);
    struct client *c = NULL;
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) { // whoever asks
        c = client_new(&w->eio);
        client_send(c, &(struct request){.method = rows[i].method, .path = rows[i].path});
        api_world_settle(w);
        if (strcmp(rows[i].method, "HEAD") == 0) {
            assert_true(str_starts(buf_str(&c->stream.stream.out), STR("HTTP/1.1 405 ")));
            continue;
        }
        reply_take(&r, c);
        expect_reply(rows[i].path, &r, rows[i].status,
                     rows[i].status == 404 ? "not_found" : BAD);
        expect_str(rows[i].path, reply_field(&r, "Allow"), str_of(rows[i].allow));
    }
    c = client_new(&w->eio);
    client_send(c, &(struct request){.method = "HEAD",
                                     .path = "/v1/conversations",
                                     .fields = fields_of(w, ALICE)});
    api_world_settle(w);
    assert_true(str_starts(buf_str(&c->stream.stream.out), STR("HTTP/1.1 200 ")));
    reply_fini(&r);
}

static void content_nests_as_deep_as_an_event_can_carry(void **state)
{
    struct api_world *w = start(state);
    char body[256];
    struct reply r = {0};

    for (int depth = 30; depth <= 31; depth++) {
        const int n = snprintf(body, sizeof(body), "{\"type\":\"x-a\",\"content\":%.*s1%.*s}",
                               depth, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
                               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        assert_true(n > 0 && (size_t)n < sizeof(body));
        post_as(w, &r, ALICE, AT(BOB) MESSAGES, body);
        expect_reply("depth", &r, depth == 30 ? 201 : 400, depth == 30 ? NULL : BAD);
        expect_json(r.json, "error.field", depth == 30 ? NULL : "\"content\"");
    }
    reply_fini(&r);
}

/** {"type":"text","content":"\u0001…"} @return owned */
static char *print_escaped(size_t n, size_t spaces)
{
    struct buf out;

    buf_init(&out, SIZE_MAX / 2);
    int r = buf_add(&out, STR("{\"type\":\"text\",\"content\":\""));
    for (size_t i = 0; i < n; i++)
        r |= buf_add(&out, STR("\\u0001"));
    r |= buf_add(&out, STR("\""));
    for (size_t i = 0; i < spaces; i++)
        r |= buf_add(&out, STR(" "));
    r |= buf_add(&out, STR("}"));
    assert_int_equal(r, 0);
    char *text = str_dup(buf_str(&out));
    buf_fini(&out);
    return text;
}

static void a_message_has_so_many_bytes_and_its_body_room_to_escape_them(void **state)
{
    struct api_world *w = start(state);
    const size_t max = API_CONTENT_MAX * (size_t)JSON_ESCAPE_SIZE + API_FRAME_MAX;
    char *longest = print_escaped(API_CONTENT_MAX, 0);
    const size_t spaces = max - strlen(longest);
    char *longer = print_escaped(API_CONTENT_MAX + 1, 0);
    char *padded = print_escaped(API_CONTENT_MAX, spaces);
    char *too_padded = print_escaped(API_CONTENT_MAX, spaces + 1);

    struct client *c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, longest);
    expect_answer(c, "the longest", 201, NULL);
    c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, longer);
    expect_answer(c, "longer", 413, "too_large");
    assert_false(client_is_cut(c));
    c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, padded);
    expect_answer(c, "the longest body", 201, NULL);
    c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, too_padded);
    expect_answer(c, "a longer body", 413, "too_large");
    assert_true(client_is_cut(c)); // what is left of it is not read
    c = begin_post(w, fields_of(w, ALICE), AT(BOB) "/read", longest);
    expect_answer(c, "what is no message", 413, "too_large");
    free(longest);
    free(longer);
    free(padded);
    free(too_padded);
}

// Reading, and what was read.

/** Alice is told n texts by Bob. */
static void tell(struct api_world *w, int n)
{
    struct reply r = {0};

    for (int i = 0; i < n; i++) {
        post_as(w, &r, BOB, AT(ALICE) MESSAGES, TEXT);
        expect_reply("told", &r, 201, NULL);
    }
    reply_fini(&r);
}

static void history_comes_in_pages(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    tell(w, 5);
    get_as(w, &r, ALICE, AT(BOB) MESSAGES);
    expect_reply("all", &r, 200, NULL);
    expect_json(r.json, "messages.4.seq", "5");
    expect_json(r.json, "messages.5", NULL);
    expect_json(r.json, "has_more", "false");
    expect_json(r.json, "first_seq", "1");
    get_as(w, &r, ALICE, AT(BOB) MESSAGES "?limit=2&unknown=1&peer=x");
    expect_json(r.json, "messages.0.seq", "4");
    expect_json(r.json, "has_more", "true");
    get_as(w, &r, ALICE, AT(BOB) MESSAGES "?limit=2&before=4");
    expect_json(r.json, "messages.0.seq", "2");
    get_as(w, &r, ALICE, AT(BOB) MESSAGES "?after=%31&limit=9&limit=2");
    expect_json(r.json, "messages.0.seq", "2");
    expect_json(r.json, "messages.2", NULL);
    reply_fini(&r);
}

static void conversations_come_in_pages(void **state)
{
    struct api_world *w = start(state);
    char path[128];
    struct reply r = {0};

    get_as(w, &r, ALICE, "/v1/conversations");
    expect_json(r.json, "conversations", "[]");
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    post_as(w, &r, ALICE, AT(CAROL) MESSAGES, TEXT);
    get_as(w, &r, ALICE, "/v1/conversations?limit=1");
    expect_json(r.json, "conversations.0.peer", "\"" CAROL "\"");
    const str next = json_text(json_at(r.json, "next"));
    snprintf(path, sizeof(path), "/v1/conversations?limit=1&after=" STR_FMT, STR_ARG(next));
    get_as(w, &r, ALICE, path);
    expect_json(r.json, "conversations.0.peer", "\"" BOB "\"");
    expect_json(r.json, "next", NULL);
    reply_fini(&r);
}

static void marks_move_and_both_sides_are_told(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    tell(w, 2);
    struct user *alice = user_new(w, CAROL); // nobody's business
    struct user *bob = user_new(w, BOB);
    post_as(w, &r, ALICE, AT(BOB) "/delivered", "{\"seq\":2,\"more\":1}");
    expect_reply("delivered", &r, 200, NULL);
    expect_json(r.json, "seq", "2");
    expect_json(user_expect_event(bob, "message.delivered"), "seq", "2");
    post_as(w, &r, ALICE, AT(BOB) "/read", "{\"seq\":1}");
    expect_json(r.json, "seq", "1");
    expect_json(user_expect_event(bob, "message.read"), "by", "\"" ALICE "\"");
    post_as(w, &r, ALICE, AT(BOB) "/delivered", "{\"seq\":1}");
    expect_json(r.json, "seq", "2"); // they never go back
    user_expect_nothing(bob);
    user_expect_nothing(alice);
    reply_fini(&r);
}

static void an_id_will_do_where_an_address_does(void **state)
{
    struct api_world *w = start(state);
    char id[32];
    char path[128];
    struct reply r = {0};

    tell(w, 1);
    get_as(w, &r, ALICE, "/v1/conversations");
    const str text = json_text(json_at(r.json, "conversations.0.conversation"));
    id[str_copy(id, text).len] = '\0';
    snprintf(path, sizeof(path), AT("%s") MESSAGES, id);
    get_as(w, &r, ALICE, path);
    expect_json(r.json, "messages.0.seq", "1");
    get_as(w, &r, CAROL, path);
    expect_reply("another's", &r, 404, "not_found");
    snprintf(path, sizeof(path), AT("%s") "/read", id);
    post_as(w, &r, ALICE, path, "{\"seq\":1}");
    expect_reply("read", &r, 200, NULL);
    reply_fini(&r);
}

// Rates and numbers.

static struct api_world *start_with_rates(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {2, 1, 1000}, .requests = {3, 1, 1000}, .sessions = 9};
    w->config.rate_limits = true;
    w->config.rates[API_RATE_LOGINS] = (struct rate){1, 1, 60000};
    w->config.rates[API_RATE_AUTHS] = (struct rate){2, 1, 60000};
    return start(state);
}

static void a_wallet_has_the_rates_that_it_has_on_sockets(void **state)
{
    struct api_world *w = start_with_rates(state);
    struct reply r = {0};

    for (int i = 0; i < 2; i++)
        post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_reply("sends", &r, 201, NULL);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_reply("one more", &r, 429, "rate_limited");
    expect_json(r.json, "error.retry_after_ms", "1000");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("a request", &r, 200, NULL);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, "{}"); // what is wrong counts there, too
    expect_reply("wrong", &r, 400, BAD);
    get_as(w, &r, ALICE, AT("nobody"));
    expect_reply("wrong as well", &r, 400, WRONG);
    get_as(w, &r, ALICE, AT("nobody"));
    expect_reply("one more", &r, 429, "rate_limited");
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("one more", &r, 429, "rate_limited");
    get_as(w, &r, BOB, "/v1/conversations");
    expect_reply("another wallet", &r, 200, NULL);
    reply_fini(&r);
}

static void a_token_that_is_no_good_costs_the_address(void **state)
{
    struct api_world *w = start_with_rates(state);
    struct reply r = {0};

    for (int i = 0; i < 3; i++) { // what is good does not
        get_as(w, &r, ALICE, "/v1/conversations");
        expect_reply("good", &r, 200, NULL);
    }
    ask_get(w, &r, "/v1/conversations", NULL);
    expect_reply("none", &r, 401, "token_missing");
    ask_get(w, &r, "/v1/conversations", "Authorization: Bearer x\r\n");
    expect_reply("garbage", &r, 401, "token_invalid");
    ask_get(w, &r, "/v1/conversations", "Authorization: Bearer x\r\n");
    expect_reply("one more", &r, 429, "rate_limited");
    expect_str("when", reply_field(&r, "Retry-After"), STR("60"));
    get_as(w, &r, BOB, "/v1/conversations");
    expect_reply("and who has a good one is let in", &r, 200, NULL);
    reply_fini(&r);
}

static void so_many_calls_of_a_wallet_are_under_way_and_no_more(void **state)
{
    struct api_world *w = start(state);
    struct client *half[API_CALLS_MAX];
    const str body = STR(TEXT);
    struct reply r = {0};

    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        half[i] = begin_half(w, fields_of(w, ALICE), AT(BOB) MESSAGES, body, 1);
        expect_no_answer(half[i]);
    }
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("one more", &r, 503, "busy");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    get_as(w, &r, BOB, "/v1/conversations");
    expect_reply("another wallet's", &r, 200, NULL);
    client_lose(&w->eio, half[0]);
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("in the place of one that has gone", &r, 200, NULL);
    for (size_t i = 1; i < API_CALLS_MAX; i++) {
        mem_stream_feed(&half[i]->stream, STR("}"));
        api_world_settle(w);
        expect_answer(half[i], "whole", 201, NULL);
    }
    assert_true(api_is_idle(w->api));
    reply_fini(&r);
}

static void what_is_answered_counts_until_it_is_taken(void **state)
{
    struct api_world *w = start(state);
    struct client *full[API_CALLS_MAX];
    struct reply r = {0};

    for (size_t i = 0; i < API_CALLS_MAX; i++) {
        full[i] = client_new(&w->eio);
        full[i]->stream.stream.in_flight = HTTP_UNTAKEN_MAX;
        client_send(full[i], &(struct request){.path = "/v1/conversations",
                                               .fields = fields_of(w, ALICE)});
        api_world_settle(w);
        expect_answer(full[i], "answered", 200, NULL);
    }
    assert_true(api_is_idle(w->api));
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("one more", &r, 503, "busy");
    mem_stream_drain(&full[0]->stream);
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("in the place of one that was taken", &r, 200, NULL);
    full[0]->stream.stream.in_flight = HTTP_UNTAKEN_MAX;
    client_send(full[0],
                &(struct request){.path = "/v1/conversations", .fields = fields_of(w, ALICE)});
    api_world_settle(w);
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("one more again", &r, 503, "busy");
    api_world_pass(w, HTTP_ANSWER_GRACE_MS);
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("who takes nothing is cut", &r, 200, NULL);
    reply_fini(&r);
}

// Who is not answered.

static void nothing_is_said_of_what_nobody_knows(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    store_mem_lose(w->store, 1000);
    struct client *c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, TEXT_OF("k"));
    expect_no_answer(c);
    api_world_pass(w, CHAT_UNCERTAIN_MS + 1000);
    assert_int_equal(client_take_answer(c).status, 0);
    assert_true(c->stream.is_aborted);
    store_mem_lose(w->store, 0);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT_OF("k"));
    expect_reply("the retry finds out", &r, 200, NULL);
    expect_json(r.json, "duplicate", "true");
    reply_fini(&r);
}

static void who_is_gone_has_sent_all_the_same(void **state)
{
    struct api_world *w = start(state);
    struct client *gone = client_new(&w->eio);
    struct client *unsent = begin_half(w, fields_of(w, ALICE), AT(BOB) MESSAGES, STR(TEXT), 1);

    client_send(gone, &(struct request){.method = "POST",
                                        .path = AT(BOB) MESSAGES,
                                        .fields = fields_of(w, ALICE),
                                        .body = STR(TEXT),
                                        .has_body = true});
    assert_false(api_is_idle(w->api));
    mem_stream_end(&gone->stream, STREAM_LOST);
    client_lose(&w->eio, unsent);
    assert_true(api_is_idle(w->api));
    assert_int_equal(w->store->counters.appended, 1);
    struct client *reader = client_new(&w->eio);
    client_send(reader,
                &(struct request){.path = AT(BOB) MESSAGES, .fields = fields_of(w, ALICE)});
    mem_stream_end(&reader->stream, STREAM_FIN);
    api_world_settle(w);
    assert_true(api_is_idle(w->api));
}

static void who_is_gone_while_nobody_knows_leaves_nothing(void **state)
{
    struct api_world *w = start(state);

    store_mem_lose(w->store, 1000);
    struct client *c = begin_post(w, fields_of(w, ALICE), AT(BOB) MESSAGES, TEXT);
    client_lose(&w->eio, c);
    assert_false(api_is_idle(w->api));
    api_world_pass(w, CHAT_UNCERTAIN_MS + 1000);
    assert_true(api_is_idle(w->api));
}

static void a_store_out_of_reach_is_said(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    store_mem_fail(w->store, STORE_UNAVAILABLE, 2);
    store_mem_fail_reads(w->store, 2);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_reply("send", &r, 503, "storage_unavailable");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    post_as(w, &r, ALICE, AT(BOB) "/read", "{\"seq\":1}");
    expect_reply("read", &r, 503, "storage_unavailable");
    get_as(w, &r, ALICE, "/v1/conversations");
    expect_reply("list", &r, 503, "storage_unavailable");
    get_as(w, &r, ALICE, AT(BOB) MESSAGES);
    expect_reply("history", &r, 503, "storage_unavailable");
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_reply("then", &r, 201, NULL);
    reply_fini(&r);
}

static void a_mailbox_may_be_full(void **state)
{
    struct api_world *w = *state;
    struct reply r = {0};

    w->store_limits = limits_of(1, 1);
    start(state);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    post_as(w, &r, ALICE, AT(BOB) MESSAGES, TEXT);
    expect_reply("full", &r, 409, "mailbox_full");
    reply_fini(&r);
}

// Pages of other origins.

static void a_page_of_ours_may_bring_its_token(void **state)
{
    struct api_world *w = *state;
    char fields[1400];
    struct reply r = {0};

    assert_int_equal(http_origins_add(&w->origins, STR("https://app.test")), 0);
    start(state);
    ask(w, &r,
        &(struct request){.method = "OPTIONS",
                          .path = AT(BOB) MESSAGES,
                          .fields = "Origin: https://app.test\r\n"
                                    "Access-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: "
                                    "authorization,content-type\r\n"});
    expect_int("preflight", r.status, 204);
    expect_str("origin", reply_field(&r, "Access-Control-Allow-Origin"),
               STR("https://app.test"));
    expect_str("fields", reply_field(&r, "Access-Control-Allow-Headers"),
               STR("authorization,content-type"));
    expect_str("methods", reply_field(&r, "Access-Control-Allow-Methods"),
               STR("GET,HEAD,PUT,PATCH,POST,DELETE"));
    snprintf(fields, sizeof(fields), "Origin: https://app.test\r\n%s", fields_of(w, ALICE));
    ask_post(w, &r, AT(BOB) MESSAGES, fields, STR(TEXT));
    expect_reply("ours", &r, 201, NULL);
    expect_str("it reads", reply_field(&r, "Access-Control-Allow-Origin"),
               STR("https://app.test"));
    snprintf(fields, sizeof(fields), "Origin: https://evil.test\r\n%s", fields_of(w, ALICE));
    ask_post(w, &r, AT(BOB) MESSAGES, fields, STR(TEXT));
    expect_reply("another's", &r, 403, "origin_denied");
    assert_int_equal(w->store->counters.appended, 1);
    reply_fini(&r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_reaches_all_sockets_of_both_sides),
        TEST(a_repeat_gets_the_first_one_and_another_is_a_conflict),
        TEST(each_form_of_an_address_will_do),
        TEST(each_refusal_has_its_status_and_its_field),
        TEST(a_path_takes_its_methods),
        TEST(content_nests_as_deep_as_an_event_can_carry),
        TEST(a_message_has_so_many_bytes_and_its_body_room_to_escape_them),
        TEST(history_comes_in_pages),
        TEST(conversations_come_in_pages),
        TEST(marks_move_and_both_sides_are_told),
        TEST(an_id_will_do_where_an_address_does),
        TEST(a_wallet_has_the_rates_that_it_has_on_sockets),
        TEST(a_token_that_is_no_good_costs_the_address),
        TEST(so_many_calls_of_a_wallet_are_under_way_and_no_more),
        TEST(what_is_answered_counts_until_it_is_taken),
        TEST(nothing_is_said_of_what_nobody_knows),
        TEST(who_is_gone_has_sent_all_the_same),
        TEST(who_is_gone_while_nobody_knows_leaves_nothing),
        TEST(a_store_out_of_reach_is_said),
        TEST(a_mailbox_may_be_full),
        TEST(a_page_of_ours_may_bring_its_token),
    };
    return cmocka_run_group_tests_name("api/rest", tests, NULL, NULL);
}
