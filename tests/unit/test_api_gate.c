#include "api/errors.h"
#include "api/gate.h"
#include "support/api_world.h"

#define LETTERS     65000
#define QUEUE_MOST  (API_QUEUED_MAX + API_UNDER_WAY_MAX + API_CONTENT_MAX * 2)
#define PAGE_OF_BOB "[\"message.history\",{\"peer\":\"" BOB "\",\"limit\":200}]"

static int setup(void **state)
{
    struct api_world *w = api_world_new();

    w->store_limits = limits_of(1000, 1000);
    *state = w;
    return 0;
}

static size_t queued(struct user *u)
{
    return stream_queued(&u->client->stream.stream);
}

static bool is_read(const struct user *u)
{
    return u->client->stream.is_reading;
}

/** @param id  of the request; its end: without an answer @param event  an array */
static void ask(struct user *u, int id, str event)
{
    struct buf packet;

    buf_init(&packet, SIZE_MAX / 2);
    int r = buf_addf(&packet, "2%d", id);
    r |= buf_add(&packet, event);
    assert_int_equal(r, 0);
    user_send(u, buf_str(&packet));
    buf_fini(&packet);
}

/** A message.send to BOB of so many letters; borrowed until the next. */
static str letters(size_t n)
{
    static char event[API_CONTENT_MAX + 256];
    const int len = snprintf(event, sizeof(event),
                             "[\"message.send\",{\"to\":\"" BOB
                             "\",\"type\":\"text\",\"content\":\"%0*d\"}]",
                             (int)n, 0);

    return (str){event, (size_t)len};
}

/** Numbers that are written short, and printed long. */
static str numbers(void)
{
    static char event[API_CONTENT_MAX];
    size_t n = (size_t)snprintf(event, sizeof(event),
                                "[\"message.send\",{\"to\":\"" BOB
                                "\",\"type\":\"x-n\",\"content\":[1e18");

    for (int i = 1; i < API_CONTENT_MAX / 20; i++)
        n += (size_t)snprintf(event + n, sizeof(event) - n, ",1e18");
    n += (size_t)snprintf(event + n, sizeof(event) - n, "]}]");
    assert_true(n < sizeof(event));
    return (str){event, n};
}

/** A conversation of ALICE's with BOB, of more than a page. */
static struct user *with_a_history(struct api_world *w)
{
    struct user *alice = user_new(w, ALICE);

    for (int i = 0; i < 20; i++) {
        ask(alice, i, letters(LETTERS));
        user_expect(alice, '3');
    }
    return alice;
}

/** A client as it should be: it sends while it can, and reads all that there is. */
static void expect_all_answered(struct user *u, str event, int n)
{
    size_t most = 0;
    int asked = 0;

    for (int answered = 0; answered < n;) {
        while (asked < n && is_read(u))
            ask(u, asked++, event);
        api_world_settle(u->w);
        most = queued(u) > most ? queued(u) : most;
        const int before = answered;
        while (user_take(u)) {
            expect_int("type", u->type, '3');
            expect_int("id", u->id, answered++);
            expect_json(u->json, "0.status", "\"ok\"");
        }
        assert_true(answered > before || answered < asked);
        api_world_pass(u->w, 10);
    }
    assert_in_range(most, 1, QUEUE_MOST);
    assert_true(is_read(u));
    assert_int_equal(errors(u->w, API_SLOW_CONSUMER), 0);
}

static void many_messages_at_once_are_all_answered(void **state)
{
    expect_all_answered(user_new(start(state), ALICE), letters(LETTERS), 300);
}

static void messages_that_grow_are_counted_as_they_are(void **state)
{
    expect_all_answered(user_new(start(state), ALICE), numbers(), 300);
}

static void many_small_messages_at_once_are_not_too_many(void **state)
{
    struct api_world *w = *state;

    w->store_limits.stranger.messages = 10000;
    api_world_start(w);
    expect_all_answered(user_new(w, ALICE), letters(2), 3 * CHAT_REQUESTS_MAX);
}

static void many_pages_at_once_are_all_answered(void **state)
{
    struct user *u = with_a_history(start(state));

    expect_all_answered(u, STR(PAGE_OF_BOB), 50);
}

static void answers_keep_the_order_of_the_requests(void **state)
{
    static const char *const events[] = {
        PAGE_OF_BOB,
        "[\"no.such.event\",{}]",
        "[\"message.send\",{}]",
        "[\"message.send\",{\"to\":\"" BOB "\",\"type\":\"text\",\"content\":\"hi\"}]",
        "[\"conversation.list\",{}]",
        "[\"message.history\",{\"peer\":\"" BOB "\",\"limit\":1}]",
        "[\"message.read\",{\"peer\":\"" BOB "\",\"seq\":99}]",
    };
    struct user *u = with_a_history(start(state));

    for (size_t i = 0; i < COUNT_OF(events); i++)
        ask(u, (int)i, str_of(events[i]));
    for (int i = 0; i < (int)COUNT_OF(events); i++) {
        api_world_pass(u->w, 10);
        user_expect(u, '3');
        expect_int("id", u->id, i);
        if (i == 5)
            expect_json(u->json, "0.messages.0.content", "\"hi\"");
    }
    user_expect_nothing(u);
}

static void binary_data_is_refused_when_it_has_waited(void **state)
{
    struct user *u = with_a_history(start(state));

    ask(u, 0, STR(PAGE_OF_BOB));
    user_send(u, STR("51-1[\"x\",{\"_placeholder\":true,\"num\":0}]"));
    client_send_frame(u->client, WS_BINARY, STR("bytes"));
    user_send(u, STR("51-2[\"message.send\",{\"_placeholder\":true,\"num\":0}]"));
    client_send_frame(u->client, WS_BINARY, STR("bytes"));
    user_expect(u, '3');
    api_world_pass(u->w, 10);
    expect_json(user_expect(u, '3'), "0.error.code", "\"unknown_event\"");
    expect_json(user_expect(u, '3'), "0.error.code", "\"bad_request\"");
}

// Who does not read.

static void who_takes_nothing_is_told_and_cut(void **state)
{
    struct api_world *w = start(state);
    struct user *u = with_a_history(w);
    unsigned n_asked = 0;

    for (; is_read(u); n_asked++)
        ask(u, 0, STR(PAGE_OF_BOB));
    // Each costs its text, too.
    assert_in_range(n_asked, API_READ_AHEAD_MAX / (API_WAITING_COST + 100),
                    API_READ_AHEAD_MAX / API_WAITING_COST);
    api_world_settle(w);
    const size_t all = queued(u);
    assert_in_range(all, API_QUEUED_MAX - API_CONTENT_MAX, QUEUE_MOST);

    api_world_pass(w, API_SLOW_MS - 1);
    assert_int_equal(queued(u), all);
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 0);
    api_world_pass(w, 1);
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 1);
    while (user_take(u) && u->type == '3')
        expect_json(u->json, "0.status", "\"ok\"");
    expect_json(u->json, "0", "\"error\"");
    expect_json(u->json, "1.error.code", "\"slow_consumer\"");
    user_expect_closed(u);
    assert_int_equal(chat_counters(w->chat)->sessions, 0);
    assert_true(chat_is_idle(w->chat));
}

static void who_takes_a_little_is_waited_for(void **state)
{
    struct api_world *w = start(state);
    struct user *u = with_a_history(w);

    for (int i = 0; i < 10; i++)
        ask(u, i, STR(PAGE_OF_BOB));
    for (int i = 0; i < 10; i++) {
        api_world_pass(w, API_SLOW_MS - 1000);
        user_expect(u, '3');
        expect_int("id", u->id, i);
    }
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 0);
}

/** What it takes is seen, though as much is added. */
static void messages_that_come_meanwhile_hide_nothing(void **state)
{
    struct api_world *w = start(state);
    struct user *u = with_a_history(w);
    struct user *carol = user_new(w, CAROL);
    struct stream *out = &u->client->stream.stream;

    for (int i = 0; i < 3; i++)
        ask(u, i, STR(PAGE_OF_BOB));
    api_world_settle(w);
    out->in_flight = API_QUEUED_MAX;
    for (int i = 0; i < 30; i++) {
        api_world_pass(w, 1000);
        const size_t before = queued(u);
        user_ask(carol, "[\"message.send\",{\"to\":\"" ALICE
                        "\",\"type\":\"text\",\"content\":\"hi\"}]");
        api_world_settle(w);
        assert_true(queued(u) > before);
        out->in_flight -= queued(u) - before;
    }
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 0);
    api_world_pass(w, API_SLOW_MS + 1000); // from when it was looked
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 1);
    out->in_flight = 0;
}

/** The store is slow, and not the client. */
static void who_waits_for_the_store_is_not_slow(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    store_mem_lose(w->store, 4);
    for (int i = 0; i < 40; i++)
        ask(u, i, letters(LETTERS));
    assert_false(is_read(u));
    for (int i = 0; i < 40; i++) {
        api_world_pass(w, 500);
        user_expect(u, '3');
    }
    assert_int_equal(errors(w, API_SLOW_CONSUMER), 0);
    assert_true(is_read(u));
}

static void acknowledgements_need_not_wait(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = with_a_history(w);
    struct user *carol = user_new(w, CAROL);

    user_ask(carol,
             "[\"message.send\",{\"to\":\"" ALICE "\",\"type\":\"text\",\"content\":\"hi\"}]");
    user_expect_event(alice, "message.new");
    const int64_t id = alice->id;
    for (int i = 0; i < 3; i++)
        ask(alice, i, STR(PAGE_OF_BOB));
    api_world_settle(w);
    assert_true(queued(alice) > API_QUEUED_MAX); // the last one waits
    alice->id = id;
    user_ack(alice);
    user_expect_event(carol, "message.delivered");
    int n_pages = 0;
    for (int i = 0; i < 2; i++) {
        while (user_take(alice))
            n_pages += alice->type == '3';
        api_world_pass(w, 10);
    }
    assert_int_equal(n_pages, 3);
}

static void what_waits_is_dropped_with_its_client(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    while (is_read(u))
        ask(u, 0, letters(LETTERS));
    client_lose(&w->eio, u->client);
    assert_true(chat_is_idle(w->chat));
    assert_in_range(chat_counters(w->chat)->sent, 1, API_UNDER_WAY_MAX / LETTERS);
}

static void who_leaves_the_namespace_is_read_again(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    while (is_read(u))
        ask(u, 0, letters(LETTERS));
    user_tell(u, "1");
    assert_true(is_read(u));
    user_join(u, ALICE, "");
    while (user_take(u) && u->type != '0')
        assert_true(u->type == '3' || u->type == '2');
    expect_int("type", u->type, '0');
}

// Polling can't be paused.

static str say(struct api_world *w, const char *query, str body)
{
    struct client *c = client_new(&w->eio);

    client_send(
        c, &(struct request){.method = "POST", .query = query, .body = body, .has_body = true});
    return client_take_answer(c).body;
}

static str hear(struct api_world *w, const char *query)
{
    struct client *c = client_new(&w->eio);

    client_send(c, &(struct request){.query = query});
    api_world_settle(w);
    return client_take_answer(c).body;
}

static void who_polls_is_told_that_it_is_too_much(void **state)
{
    struct api_world *w = start(state);
    char query[96];
    struct buf body;
    size_t n_ok = 0;
    size_t n_busy = 0;

    snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%.20s",
             hear(w, "EIO=4&transport=polling").ptr + 9);
    buf_init(&body, SIZE_MAX / 2);
    int r = buf_addf(&body, "40{\"token\":\"" STR_FMT "\"}",
                     STR_ARG(api_world_token(w, ALICE, API_WORLD_TTL_MS)));
    expect_str("joining", say(w, query, buf_str(&body)), STR("ok"));
    hear(w, query);

    for (int i = 0; i < 60; i++) {
        const str event = letters(LETTERS);
        r |= buf_addf(&body, "%s42%d", i % 15 == 0 ? "" : "\x1e", i);
        if (i % 15 == 0) {
            buf_clear(&body);
            r |= buf_addf(&body, "42%d", i);
        }
        r |= buf_add(&body, event);
        assert_int_equal(r, 0);
        if (i % 15 == 14)
            expect_str("a POST", say(w, query, buf_str(&body)), STR("ok"));
    }
    buf_fini(&body);
    while (n_ok + n_busy < 60) {
        str rest = hear(w, query);
        assert_true(rest.len > 0);
        while (rest.len > 0) {
            const str packet = str_take_until(&rest, '\x1e');
            if (!str_starts(packet, STR("43")))
                continue;
            const bool is_busy = memmem(packet.ptr, packet.len, "\"busy\"", 6) != NULL;
            n_busy += is_busy;
            n_ok += !is_busy;
        }
        api_world_pass(w, 10);
    }
    const size_t cost = letters(LETTERS).len;
    assert_int_equal(n_ok, API_UNDER_WAY_MAX / (cost + API_ANSWER_BYTES) +
                               API_WAITING_MAX / (cost + API_WAITING_COST));
    assert_int_equal(errors(w, API_BUSY), n_busy);
    assert_int_equal(chat_counters(w->chat)->sent, n_ok);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_messages_at_once_are_all_answered),
        TEST(messages_that_grow_are_counted_as_they_are),
        TEST(many_small_messages_at_once_are_not_too_many),
        TEST(many_pages_at_once_are_all_answered),
        TEST(answers_keep_the_order_of_the_requests),
        TEST(binary_data_is_refused_when_it_has_waited),
        TEST(who_takes_nothing_is_told_and_cut),
        TEST(who_takes_a_little_is_waited_for),
        TEST(messages_that_come_meanwhile_hide_nothing),
        TEST(who_waits_for_the_store_is_not_slow),
        TEST(acknowledgements_need_not_wait),
        TEST(what_waits_is_dropped_with_its_client),
        TEST(who_leaves_the_namespace_is_read_again),
        TEST(who_polls_is_told_that_it_is_too_much),
    };
    return cmocka_run_group_tests_name("api_gate", tests, NULL, NULL);
}
