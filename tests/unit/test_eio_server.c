#include "support/eio_peer.h"

// The entry.

#define WS_FIELDS EIO_UPGRADE_FIELDS
#define WS_FIELDS_OF(version, key)                                                             \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: " version             \
    "\r\nSec-WebSocket-Key: " key "\r\n"

// clang-format off
static const struct refusal_row {
    const char *name;
    const char *method;
    const char *query;  // "$" stands for the sid of a session that polls
    const char *fields;
    unsigned status;
    str body;
} refusals[] = {
    // name                          method     query                                    fields     status
    {"no transport",                 "GET",     "EIO=4",                                 NULL,      400, STR(NO_TRANSPORT)},
    {"empty transport",              "GET",     "EIO=4&transport=",                      NULL,      400, STR(NO_TRANSPORT)},
    {"unknown transport",            "GET",     "EIO=4&transport=pigeon",                NULL,      400, STR(NO_TRANSPORT)},
    {"transport of another case",    "GET",     "EIO=4&transport=Polling",               NULL,      400, STR(NO_TRANSPORT)},
    {"transport constructor",        "GET",     "EIO=4&transport=constructor",           NULL,      400, STR(NO_TRANSPORT)},
    {"transport webtransport",       "GET",     "EIO=4&transport=webtransport",          NULL,      400, STR(NO_TRANSPORT)},
    {"transport with a bad escape",  "GET",     "EIO=4&transport=polling%2",             NULL,      400, STR(NO_TRANSPORT)},
    {"transport of 64 bytes",        "GET",     "EIO=4&transport=pollingpollingpollingpollingpollingpollingpollingpollingpollingp", NULL, 400, STR(NO_TRANSPORT)},
    {"the last transport counts",    "GET",     "EIO=4&transport=polling&transport=x",   NULL,      400, STR(NO_TRANSPORT)},
    {"transport before all",         "POST",    "EIO=9&transport=x&sid=nobody",          NULL,      400, STR(NO_TRANSPORT)},
    {"known transport, then sid",    "POST",    "EIO=9&transport=polling&sid=nobody",    NULL,      400, STR(NO_SESSION)},
    {"sid __proto__",                "GET",     POLLING "&sid=__proto__",                NULL,      400, STR(NO_SESSION)},
    {"sid with a bad escape",        "GET",     POLLING "&sid=%zz",                      NULL,      400, STR(NO_SESSION)},
    {"sid cut by a NUL",             "GET",     POLLING "&sid=$%00",                     NULL,      400, STR(NO_SESSION)},
    {"sid with more behind it",      "GET",     POLLING "&sid=$x",                       NULL,      400, STR(NO_SESSION)},
    {"sid of 64 bytes",              "GET",     POLLING "&sid=0123456789012345678901234567890123456789012345678901234567890123", NULL, 400, STR(NO_SESSION)},
    {"the last sid counts",          "GET",     POLLING "&sid=$&sid=nobody",             NULL,      400, STR(NO_SESSION)},
    {"unknown sid, websocket",       "GET",     WEBSOCKET "&sid=nobody",                 NULL,      400, STR(NO_SESSION)},
    {"POST without a sid",           "POST",    POLLING,                                 NULL,      400, STR(NO_METHOD)},
    {"PUT without a sid",            "PUT",     POLLING "&sid=",                         NULL,      400, STR(NO_METHOD)},
    {"OPTIONS without CORS",         "OPTIONS", POLLING,                                 NULL,      400, STR(NO_METHOD)},
    {"method before EIO",            "DELETE",  "EIO=3&transport=polling",               NULL,      400, STR(NO_METHOD)},
    {"HEAD without a sid",           "HEAD",    POLLING,                                 NULL,      400, STR(NO_METHOD)},
    {"websocket without Upgrade",    "GET",     WEBSOCKET,                               NULL,      400, STR(BAD)},
    {"Upgrade before EIO",           "GET",     "transport=websocket",                   NULL,      400, STR(BAD)},
    {"no EIO",                       "GET",     "transport=polling",                     NULL,      400, STR(NO_VERSION)},
    {"EIO 3",                        "GET",     "EIO=3&transport=polling",               NULL,      400, STR(NO_VERSION)},
    {"EIO 5",                        "GET",     "EIO=5&transport=polling",               NULL,      400, STR(NO_VERSION)},
    {"EIO abc",                      "GET",     "EIO=abc&transport=polling",             NULL,      400, STR(NO_VERSION)},
    {"EIO 44",                       "GET",     "EIO=44&transport=polling",              NULL,      400, STR(NO_VERSION)},
    {"the last EIO counts",          "GET",     POLLING "&EIO=3",                        NULL,      400, STR(NO_VERSION)},
    {"session, no Upgrade",          "GET",     WEBSOCKET "&sid=$",                      NULL,      400, STR(BAD)},
    {"session, EIO 3",               "GET",     "EIO=3&transport=polling&sid=$",         NULL,      400, STR(BAD)},
    {"session, no EIO",              "POST",    "transport=polling&sid=$",               NULL,      400, STR(BAD)},
    {"session, PUT",                 "PUT",     POLLING "&sid=$",                        NULL,      405, STR("")},
    {"session, DELETE",              "DELETE",  POLLING "&sid=$",                        NULL,      405, STR("")},
    {"session, HEAD",                "HEAD",    POLLING "&sid=$",                        NULL,      405, STR("")},
    {"session, OPTIONS",             "OPTIONS", POLLING "&sid=$",                        NULL,      405, STR("")},
    {"session, PATCH",               "PATCH",   POLLING "&sid=$",                        NULL,      405, STR("")},
    {"session, BREW",                "BREW",    POLLING "&sid=$",                        NULL,      405, STR("")},
    // A failed upgrade is told by the text alone.
    {"upgrade, unknown transport",   "GET",     "EIO=4&transport=x",                     WS_FIELDS, 400, STR("Transport unknown")},
    {"upgrade, unknown sid",         "GET",     WEBSOCKET "&sid=nobody",                 WS_FIELDS, 400, STR("Session ID unknown")},
    {"upgrade by POST",              "POST",    WEBSOCKET,                               WS_FIELDS, 400, STR("Bad handshake method")},
    {"upgrade of a session by POST", "POST",    WEBSOCKET "&sid=$",                      WS_FIELDS, 400, STR("Bad request")},
    {"upgrade of polling",           "GET",     POLLING,                                 WS_FIELDS, 400, STR("Bad request")},
    {"upgrade of a session's poll",  "GET",     POLLING "&sid=$",                        WS_FIELDS, 400, STR("Bad request")},
    {"upgrade without EIO",          "GET",     "transport=websocket",                   WS_FIELDS, 400, STR("Unsupported protocol version")},
    {"upgrade, wrong EIO",           "GET",     "EIO=3&transport=websocket&sid=$",       WS_FIELDS, 400, STR("Bad request")},
    {"upgrade, wrong key",           "GET",     WEBSOCKET, WS_FIELDS_OF("13", "short"),             400, STR("Bad request")},
    {"upgrade, wrong version",       "GET",     WEBSOCKET, WS_FIELDS_OF("8", "dGhlIHNhbXBsZSBub25jZQ=="), 400, STR("Bad request")},
};
// clang-format on

static void put_sid(char out[QUERY_SIZE], const char *query, const char *sid)
{
    const char *mark = strchr(query, '$');
    const int n = mark ? (int)(mark - query) : (int)strlen(query);

    snprintf(out, QUERY_SIZE, "%.*s%s%s", n, query, mark ? sid : "", mark ? mark + 1 : "");
}

/** An answer to HEAD has no body, whatever length it tells. */
static void expect_no_body(const char *what, struct client *c)
{
    const str all = buf_str(&c->stream.stream.out);

    assert(all.ptr);
    expect_int(what, str_starts(all, STR("HTTP/1.1 4")), true);
    expect_str(what, ((str){all.ptr + all.len - 4, 4}), STR("\r\n\r\n"));
}

static void expect_refusal(const struct refusal_row *row, struct client *c)
{
    const struct answer a = client_take_answer(c);
    const bool is_json = str_starts(a.body, STR("{"));
    const str type = is_json          ? STR("application/json")
                     : a.body.len > 0 ? STR("text/html")
                                      : STR("");

    expect_int(row->name, a.status, row->status);
    expect_str(row->name, a.body, row->body);
    expect_str(row->name, answer_field(&a, STR("Content-Type")), type);
    expect_str(row->name, answer_field(&a, STR("Cache-Control")), STR("no-store"));
}

static void refuses_each_row_and_keeps_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];

    for (const struct refusal_row *row = refusals; row < refusals + COUNT_OF(refusals); row++) {
        put_sid(query, row->query, p->sid);
        struct client *c = ask(
            w, &(struct request){.method = row->method, .query = query, .fields = row->fields});
        if (strcmp(row->method, "HEAD") == 0) {
            expect_no_body(row->name, c);
        } else {
            expect_refusal(row, c);
        }
        // A failed upgrade ends its connection.
        expect_int(row->name, client_is_cut(c), row->fields != NULL);
    }
    assert_int_equal(w->n_peers, 1);
    expect_polling("after all rows", p);
}

static void names_what_it_takes_where_it_refuses(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];
    const char *fields = WS_FIELDS_OF("8", "dGhlIHNhbXBsZSBub25jZQ==");

    struct answer a =
        client_take_answer(ask(w, &(struct request){.query = WEBSOCKET, .fields = fields}));
    expect_str("version", answer_field(&a, STR("Sec-WebSocket-Version")), STR("13"));
    a = client_take_answer(
        ask(w, &(struct request){.method = "PUT", .query = query_of(p, POLLING, query)}));
    expect_str("methods", answer_field(&a, STR("Allow")), STR("GET, POST"));
}

static void takes_what_the_query_means(void **state)
{
    static const char *const queries[] = {
        "EIO=4&transport=polling",
        "transport=polling&EIO=4",
        "t=abc&EIO=4&transport=polling&b64=1",
        "E%49O=%34&transport=p%6flling",
        "EIO=3&transport=x&EIO=4&transport=polling",
        "EIO=4&transport=polling&sid=",
        "EIO=4&transport=polling&sid",
    };
    struct world *w = serve(state);

    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        const struct answer a =
            client_take_answer(ask(w, &(struct request){.query = queries[i]}));
        expect_int(queries[i], a.status, 200);
    }
    assert_int_equal(w->n_peers, COUNT_OF(queries));
}

static void handshakes_in_the_words_of_the_protocol(void **state)
{
    struct world *w = serve(state);
    char want[QUERY_SIZE];

    const struct answer a = client_take_answer(ask(w, &(struct request){.query = POLLING}));
    const struct peer *p = last_peer(w, a.body);
    snprintf(want, sizeof(want),
             "0{\"sid\":\"%s\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
             "\"pingTimeout\":20000,\"maxPayload\":100000}",
             p->sid);
    expect_str("polling", a.body, str_of(want));
    expect_str("type", answer_field(&a, STR("Content-Type")), STR("text/plain; charset=UTF-8"));
    expect_str("cache", answer_field(&a, STR("Cache-Control")), STR("no-store"));
    assert_int_equal(strspn(p->sid,
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                            "0123456789-_"),
                     20);

    struct client *c = ask_websocket(w, WEBSOCKET);
    const str frames = take_frames(w, c);
    const struct peer *q = last_peer(w, frames);
    snprintf(want, sizeof(want),
             "0{\"sid\":\"%s\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
             "\"maxPayload\":100000}",
             q->sid);
    expect_str("websocket", frames, str_of(want));
    assert_string_not_equal(p->sid, q->sid);
}

/** @return "WORKER NODE", or "nowhere" */
static const char *place_of(const char *query)
{
    static char out[32];
    char text[QUERY_SIZE + 64];
    struct http_head head;
    struct eio_place place;

    (void)snprintf(text, sizeof(text), "GET /engine.io/?%s HTTP/1.1\r\nHost: a\r\n\r\n", query);
    str in = str_of(text);
    assert_int_equal(http_head_parse(&head, &in), 0);
    if (!eio_place_of(&head, &place))
        return "nowhere";
    (void)snprintf(out, sizeof(out), "%u %u", place.worker, place.node);
    return out;
}

static void a_sid_names_its_place(void **state)
{
    static const struct {
        unsigned worker;
        unsigned node;
        const char *want;
    } rows[] = {
        {0, 0, "0 0"},
        {1, 63, "1 63"},
        {26, 64, "26 64"},
        {62, 2345, "62 2345"},
        {EIO_WORKERS - 1, EIO_NODES - 1, "63 4095"},
    };
    char query[QUERY_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        ((struct world *)own)->config.worker = rows[i].worker;
        ((struct world *)own)->config.node = rows[i].node;
        struct world *w = serve(&own);

        const struct answer a = client_take_answer(ask(w, &(struct request){.query = POLLING}));
        const struct peer *p = last_peer(w, a.body);
        assert_string_equal(place_of(query_of(p, POLLING, query)), rows[i].want);
        assert_string_equal(place_of(query_of(p, WEBSOCKET, query)), rows[i].want);
        const struct peer *q = last_peer(w, take_frames(w, ask_websocket(w, WEBSOCKET)));
        assert_string_equal(place_of(query_of(q, WEBSOCKET, query)), rows[i].want);
        assert_string_not_equal(p->sid + 3, q->sid + 3);
        teardown(&own);
    }
}

static void what_is_no_sid_names_no_place(void **state)
{
    static const struct {
        const char *query;
        const char *place;
    } rows[] = {
        {"", "nowhere"},
        {POLLING, "nowhere"},
        {POLLING "&sid=", "nowhere"},
        {POLLING "&sid", "nowhere"},
        {POLLING "&sid=B", "nowhere"},
        {POLLING "&sid=BAC3456789012345678", "nowhere"},
        {POLLING "&sid=BAC34567890123456789", "1 2"},
        {POLLING "&sid=BAC345678901234567890", "nowhere"},
        {POLLING "&sid=BAC345678901234567+9", "nowhere"},
        {POLLING "&sid=%42%41C3456789012345678_", "1 2"},
        {POLLING "&sid=%zzAC3456789012345678_", "nowhere"},
        {POLLING "&sid=BAC345678901234567%00", "nowhere"},
        {POLLING "&sid=___34567890123456789", "63 4095"},
        {"sid=CBA34567890123456789&sid=BAC34567890123456789", "1 2"}, // the last, as anywhere
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_str(rows[i].query, str_of(place_of(rows[i].query)), str_of(rows[i].place));
}

static void offers_no_upgrade_that_it_would_refuse(void **state)
{
    static const struct {
        const char *name;
        unsigned transports;
        bool allow_upgrades;
        unsigned upgrade; // the status of one that is tried all the same
        str says;
    } rows[] = {
        {"not allowed", EIO_POLLING_TRANSPORT | EIO_WEBSOCKET_TRANSPORT, false, 400,
         STR("Bad request")},
        {"no websocket", EIO_POLLING_TRANSPORT, true, 400, STR("Transport unknown")},
    };
    char query[QUERY_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        ((struct world *)own)->config.transports = rows[i].transports;
        ((struct world *)own)->config.allow_upgrades = rows[i].allow_upgrades;
        struct world *w = serve(&own);

        struct answer a = client_take_answer(ask(w, &(struct request){.query = POLLING}));
        struct peer *p = last_peer(w, a.body);
        const bool is_none = memmem(a.body.ptr, a.body.len, "\"upgrades\":[],", 14);
        expect_int(rows[i].name, is_none, true);
        struct client *c = ask(w, &(struct request){.query = query_of(p, WEBSOCKET, query),
                                                    .fields = EIO_UPGRADE_FIELDS});
        expect_answer_of(rows[i].name, c, rows[i].upgrade, rows[i].says);
        expect_polling(rows[i].name, p);
        teardown(&own);
    }
}

static void serves_websockets_alone_where_polling_is_off(void **state)
{
    ((struct world *)*state)->config.transports = EIO_WEBSOCKET_TRANSPORT;
    ((struct world *)*state)->config.allow_upgrades = false;
    struct world *w = serve(state);
    struct client *c;

    expect_answer(ask(w, &(struct request){.query = POLLING}), 400, NO_TRANSPORT);
    struct peer *p = open_websocket(w, &c);
    tell(w, c, "4hi");
    expect_heard(p, "hi");
}

// CORS.

enum cors_mode {
    CORS_OFF,
    CORS_ANY,
    CORS_LIST,
    CORS_LIST_CREDENTIALS,
};

static const struct cors_row {
    const char *name;
    enum cors_mode mode;
    const char *origin; // a header line
    str allow_origin;
    str credentials;
    str vary;
} cors_rows[] = {
    {"off", CORS_OFF, "Origin: http://a.test\r\n", STR(""), STR(""), STR("")},
    {"any", CORS_ANY, "Origin: http://a.test\r\n", STR("*"), STR(""), STR("")},
    {"any, no origin", CORS_ANY, "", STR("*"), STR(""), STR("")},
    {"first", CORS_LIST, "Origin: http://a.test\r\n", STR("http://a.test"), STR(""),
     STR("Origin")},
    {"second", CORS_LIST, "Origin: http://b.test\r\n", STR("http://b.test"), STR(""),
     STR("Origin")},
    {"foreign", CORS_LIST, "Origin: http://c.test\r\n", STR(""), STR(""), STR("Origin")},
    {"longer", CORS_LIST, "Origin: http://a.test.evil\r\n", STR(""), STR(""), STR("Origin")},
    {"null", CORS_LIST, "Origin: null\r\n", STR(""), STR(""), STR("Origin")},
    {"none", CORS_LIST, "", STR(""), STR(""), STR("Origin")},
    {"with credentials", CORS_LIST_CREDENTIALS, "Origin: http://b.test\r\n",
     STR("http://b.test"), STR("true"), STR("Origin")},
    {"foreign, with credentials", CORS_LIST_CREDENTIALS, "Origin: http://c.test\r\n", STR(""),
     STR("true"), STR("Origin")},
};

static void set_cors(struct eio_config *config, enum cors_mode mode)
{
    static const str list[] = {STR("http://a.test"), STR("http://b.test")};

    config->cors = mode != CORS_OFF;
    config->cors_credentials = mode == CORS_LIST_CREDENTIALS;
    if (mode == CORS_ANY)
        assert_int_equal(http_origins_add(&config->origins, STR("*")), 0);
    for (size_t i = 0; mode >= CORS_LIST && i < COUNT_OF(list); i++)
        assert_int_equal(http_origins_add(&config->origins, list[i]), 0);
}

static void expect_cors(const struct cors_row *row, const char *what, struct client *c,
                        unsigned status)
{
    char name[64];
    const struct answer a = client_take_answer(c);

    snprintf(name, sizeof(name), "%s: %s", row->name, what);
    expect_int(name, a.status, status);
    expect_str(name, answer_field(&a, STR("Access-Control-Allow-Origin")), row->allow_origin);
    expect_str(name, answer_field(&a, STR("Access-Control-Allow-Credentials")),
               row->credentials);
    expect_str(name, answer_field(&a, STR("Vary")), row->vary);
}

/** Browsers hide an answer without the lines from the page, the failed ones too. */
static void every_answer_tells_which_origins_may_read_it(void **state)
{
    (void)state;
    for (const struct cors_row *row = cors_rows; row < cors_rows + COUNT_OF(cors_rows); row++) {
        void *own;
        char query[QUERY_SIZE];
        char fields[512];
        setup(&own);
        set_cors(&((struct world *)own)->config, row->mode);
        ((struct world *)own)->config.max_payload = 3;
        struct world *w = serve(&own);
        struct peer *p = open_polling(w);
        query_of(p, POLLING, query);
        snprintf(fields, sizeof(fields), "%s" EIO_UPGRADE_FIELDS, row->origin);

        const struct request handshake = {.query = POLLING, .fields = row->origin};
        const struct request error = {.query = "EIO=4", .fields = row->origin};
        const struct request get = {.query = query, .fields = row->origin};
        struct request post = {.method = "POST",
                               .query = query,
                               .fields = row->origin,
                               .body = STR("4hi"),
                               .has_body = true};
        const struct request upgrade = {.query = WEBSOCKET, .fields = fields};
        expect_cors(row, "handshake", ask(w, &handshake), 200);
        expect_cors(row, "error", ask(w, &error), 400);
        expect_cors(row, "POST", ask(w, &post), 200);
        post.body = STR("4hi!");
        expect_cors(row, "413", ask(w, &post), 413);
        say(p, "hi");
        expect_cors(row, "GET", ask(w, &get), 200);
        expect_cors(row, "101", ask(w, &upgrade), 101);
        struct client *waiting = ask(w, &get);
        expect_cors(row, "overlap", ask(w, &get), 400);
        expect_cors(row, "cut off", waiting, 200);
        teardown(&own);
    }
}

static void a_preflight_is_answered_before_any_check(void **state)
{
    set_cors(&((struct world *)*state)->config, CORS_LIST);
    struct world *w = serve(state);
    char asked[1100] =
        "Origin: http://a.test\r\nAccess-Control-Request-Headers: X-One, x-two\r\n";
    struct request rq = {.method = "OPTIONS", .query = "", .fields = asked};

    struct answer a = client_take_answer(ask(w, &rq));
    expect_int("status", a.status, 204);
    expect_str("origin", answer_field(&a, STR("Access-Control-Allow-Origin")),
               STR("http://a.test"));
    expect_str("methods", answer_field(&a, STR("Access-Control-Allow-Methods")),
               STR("GET,HEAD,PUT,PATCH,POST,DELETE"));
    expect_str("headers", answer_field(&a, STR("Access-Control-Allow-Headers")),
               STR("X-One, x-two"));
    assert(a.head.ptr);
    assert_non_null(memmem(a.head.ptr, a.head.len, "Vary: Access-Control-Request-Headers", 36));

    rq.fields = "Origin: http://a.test\r\n"; // asks for no headers
    a = client_take_answer(ask(w, &rq));
    expect_int("no headers", a.status, 204);
    assert_null(answer_field(&a, STR("Access-Control-Allow-Headers")).ptr);
}

#define FOREIGN "Origin: http://c.test\r\n"

static struct world *serve_with_denial(void **state)
{
    struct world *w = *state;

    set_cors(&w->config, CORS_LIST);
    w->config.denial = STR("{\"no\":1}");
    return serve(state);
}

static void a_page_that_is_not_let_in_reads_why(void **state)
{
    struct world *w = serve_with_denial(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];

    query_of(p, POLLING, query);
    const struct request denied[] = {
        {.query = POLLING, .fields = FOREIGN},
        {.query = query, .fields = FOREIGN},
        {.method = "POST", .query = query, .fields = FOREIGN, .has_body = true},
        {.query = "EIO=4", .fields = FOREIGN},
    };
    for (size_t i = 0; i < COUNT_OF(denied); i++) {
        const struct answer a = client_take_answer(ask(w, &denied[i]));
        expect_int("status", a.status, 403);
        expect_str("body", a.body, STR("{\"no\":1}"));
        expect_str("it may read it", answer_field(&a, STR("Access-Control-Allow-Origin")),
                   STR("http://c.test"));
    }
    assert_int_equal(eio_counters(w->eio.server).denied, COUNT_OF(denied));
    assert_int_equal(eio_counters(w->eio.server).sessions, 1);
}

static void who_is_let_in_hears_of_no_denial(void **state)
{
    static const struct {
        const char *name;
        struct request rq;
        unsigned status;
    } rows[] = {
        {"one of ours", {.query = POLLING, .fields = "Origin: http://b.test\r\n"}, 200},
        {"no page", {.query = POLLING}, 200},
        {"a preflight", {.method = "OPTIONS", .query = POLLING, .fields = FOREIGN}, 204},
        {"a WebSocket, which the application tells",
         {.query = WEBSOCKET, .fields = FOREIGN EIO_UPGRADE_FIELDS},
         101},
    };
    struct world *w = serve_with_denial(state);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct answer a = client_take_answer(ask(w, &rows[i].rq));
        expect_int(rows[i].name, a.status, rows[i].status);
    }
    assert_int_equal(eio_counters(w->eio.server).denied, 0);
}

/** An origin of the longest that may match, and headers of the longest that are reflected. */
static void reflects_no_more_than_it_has_room_for(void **state)
{
    static char origin[HTTP_ORIGIN_MAX + 2] = "http://";
    static char fields[4096];
    static const struct {
        const char *name;
        int n_origin;
        int n_headers;
        bool names_origin;
        bool names_headers;
    } rows[] = {
        {"both the longest", HTTP_ORIGIN_MAX, 1024, true, true},
        {"longer origin", HTTP_ORIGIN_MAX + 1, 1024, false, true},
        {"longer headers", HTTP_ORIGIN_MAX, 1025, true, false},
    };

    memset(origin + 7, 'o', sizeof(origin) - 8);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = own;
        w->config.cors = true;
        w->config.cors_credentials = true;
        assert_int_equal(http_origins_add(&w->config.origins, (str){origin, HTTP_ORIGIN_MAX}),
                         0);
        serve(&own);
        snprintf(fields, sizeof(fields),
                 "Origin: %.*s\r\nAccess-Control-Request-Headers: %0*d\r\n", rows[i].n_origin,
                 origin, rows[i].n_headers, 0);
        const struct answer a = client_take_answer(
            ask(w, &(struct request){.method = "OPTIONS", .query = "", .fields = fields}));
        expect_int(rows[i].name, a.status, 204);
        expect_int(rows[i].name, answer_field(&a, STR("Access-Control-Allow-Origin")).len,
                   rows[i].names_origin ? rows[i].n_origin : 0);
        expect_int(rows[i].name, answer_field(&a, STR("Access-Control-Allow-Headers")).len,
                   rows[i].names_headers ? rows[i].n_headers : 0);
        teardown(&own);
    }
}

// Who has come.

static void expect_peer(const char *what, const struct peer *p, const char *address)
{
    ip want;

    assert_int_equal(ip_parse(&want, str_of(address)), 0);
    expect_int(what, memcmp(&eio_peer(p->session)->ip, &want, sizeof(want)), 0);
}

static void knows_whose_handshake_it_was(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *fields;
        const char *trusted; // NULL: nobody
        const char *ip;
        bool is_allowed;
    } rows[] = {
        {"nothing is said",   "",                             NULL,        "127.0.0.1", true},
        {"listed",            "Origin: http://a.test\r\n",    NULL,        "127.0.0.1", true},
        {"our own",           "Origin: http://localhost\r\n", NULL,        "127.0.0.1", true},
        {"foreign",           "Origin: http://c.test\r\n",    NULL,        "127.0.0.1", false},
        {"null",              "Origin: null\r\n",             NULL,        "127.0.0.1", false},
        {"empty",             "Origin:\r\n",                  NULL,        "127.0.0.1", false},
        {"a stranger's word", "X-Forwarded-For: 2.2.2.2\r\n", NULL,        "127.0.0.1", true},
        {"a proxy's word",    "X-Forwarded-For: 2.2.2.2\r\n", "127.0.0.1", "2.2.2.2",   true},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        char fields[512];
        struct client *c;
        setup(&own);
        struct world *w = own;
        w->config.origins.own = true;
        assert_int_equal(http_origins_add(&w->config.origins, STR("http://a.test")), 0);
        if (rows[i].trusted)
            assert_int_equal(http_proxies_add(&w->config.proxies, str_of(rows[i].trusted)), 0);
        serve(&own);
        (void)ask(w, &(struct request){.query = POLLING, .fields = rows[i].fields});
        snprintf(fields, sizeof(fields), "%s" EIO_UPGRADE_FIELDS, rows[i].fields);
        c = ask(w, &(struct request){.query = WEBSOCKET, .fields = fields});
        expect_int(rows[i].name, client_take_answer(c).status, 101);
        assert_int_equal(w->n_peers, 2);
        for (size_t j = 0; j < w->n_peers; j++) {
            expect_peer(rows[i].name, &w->peers[j], rows[i].ip);
            expect_int(rows[i].name, eio_peer(w->peers[j].session)->origin_is_allowed,
                       rows[i].is_allowed);
        }
        teardown(&own);
    }
}

static void keeps_the_bearer_until_it_is_dropped(void **state)
{
    static const struct {
        const char *fields;
        str want;
    } rows[] = {
        {"", STR("")},
        {"Authorization: Bearer a.b-c_d\r\n", STR("a.b-c_d")},
        {"authorization: bearer \t x y \r\n", STR("x y")},
        {"Authorization: Bearer\r\n", STR("")},
        {"Authorization: Bearer \r\n", STR("")},
        {"Authorization: Bearers x\r\n", STR("")},
        {"Authorization: Basic x\r\n", STR("")},
        {"Authorization: x\r\n", STR("")},
        {"Proxy-Authorization: Bearer x\r\n", STR("")},
    };
    char fields[512];
    struct world *w = serve(state);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->n_peers = 0;
        (void)ask(w, &(struct request){.query = POLLING, .fields = rows[i].fields});
        snprintf(fields, sizeof(fields), "%s" EIO_UPGRADE_FIELDS, rows[i].fields);
        (void)ask(w, &(struct request){.query = WEBSOCKET, .fields = fields});
        assert_int_equal(w->n_peers, 2);
        for (size_t j = 0; j < w->n_peers; j++) {
            struct peer *p = &w->peers[j];
            expect_str(rows[i].fields, eio_bearer(p->session), rows[i].want);
            if (j == 0) // the other's goes with its session
                eio_drop_bearer(p->session);
            expect_int(rows[i].fields, eio_bearer(p->session).len,
                       j == 0 ? 0 : rows[i].want.len);
            close_peer(p);
            buf_fini(&p->heard);
        }
        settle(w);
    }
    w->n_peers = 0;
}

/** The answer to the upgrade finds no room: the bearer must not stay behind. */
static void a_lost_handshake_leaves_no_bearer(void **state)
{
    struct world *w = serve(state);

    w->eio.max_queued = 20;
    struct client *c =
        ask(w, &(struct request){.query = WEBSOCKET,
                                 .fields = "Authorization: Bearer x\r\n" EIO_UPGRADE_FIELDS});
    assert_true(c->stream.is_aborted);
    assert_int_equal(w->n_peers, 0); // and ASan counts
}

static void counts_what_the_client_has_not_taken(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *polling = open_polling(w);
    struct peer *websocket = open_websocket(w, &c);

    assert_int_equal(eio_queued(polling->session), 0);
    say(polling, "hello");
    say(polling, "you");
    assert_int_equal(eio_queued(polling->session), 2 * EIO_QUEUED_COST + 8);
    (void)get(polling);
    assert_int_equal(eio_queued(polling->session), 0);

    assert_int_equal(eio_queued(websocket->session), 0);
    say(websocket, "hello");
    assert_int_equal(eio_queued(websocket->session), 2 + 1 + 5); // a frame
    expect_frames(w, c, "4hello");
    assert_int_equal(eio_queued(websocket->session), 0);
    c->stream.stream.in_flight = 1000;
    assert_int_equal(eio_queued(websocket->session), 1000);
    c->stream.stream.in_flight = 0;
}

static void greet(struct peer *p)
{
    say(p, "welcome");
}

// The end of the server, and connections with little room.

static void shutting_down_tells_every_client(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *polling = open_polling(w);
    struct peer *silent = open_polling(w);
    struct peer *probing = open_polling(w);
    struct peer *posting = open_polling(w);
    struct peer *closing = open_polling(w);
    struct peer *websocket = open_websocket(w, &ws);
    struct client *waiting = get(polling);
    struct client *candidate = probe(probing);
    struct client *body = begin_post(posting);

    close_peer(closing);
    eio_server_shut_down(w->eio.server);
    settle(w);
    expect_answer(waiting, 200, "1");
    expect_frames(w, candidate, "<close>");
    expect_answer(body, 400, "");
    expect_frames(w, ws, "<close>");
    expect_over("polling", polling, EIO_SHUTTING_DOWN);
    expect_over("silent", silent, EIO_SHUTTING_DOWN);
    expect_over("probing", probing, EIO_SHUTTING_DOWN);
    expect_over("posting", posting, EIO_SHUTTING_DOWN);
    expect_over("closing", closing, EIO_CLOSED_BY_APP);
    expect_over("websocket", websocket, EIO_SHUTTING_DOWN);
}

static void expect_later(const char *what, struct client *c)
{
    const struct answer a = client_take_answer(c);

    expect_int(what, a.status, 503);
    expect_str(what, answer_field(&a, STR("Retry-After")), STR("7"));
    expect_str(what, answer_field(&a, STR("Access-Control-Allow-Origin")),
               STR("http://a.test"));
}

static void refuses_handshakes_and_keeps_its_sessions(void **state)
{
    set_cors(&((struct world *)*state)->config, CORS_LIST);
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    const char *origin = "Origin: http://a.test\r\n";
    const char *upgrade = "Origin: http://a.test\r\n" EIO_UPGRADE_FIELDS;
    char query[QUERY_SIZE];

    eio_server_refuse(w->eio.server, 7);
    struct client *c = ask(w, &(struct request){.query = POLLING, .fields = origin});
    expect_later("polling", c);
    assert_false(client_is_cut(c));
    c = ask(w, &(struct request){.query = WEBSOCKET, .fields = upgrade});
    expect_later("websocket", c);
    assert_true(client_is_cut(c));
    expect_answer(ask(w, &(struct request){.query = "EIO=3&transport=polling"}), 400,
                  NO_VERSION);
    expect_answer(ask(w, &(struct request){.method = "OPTIONS", .query = ""}), 204, "");
    expect_polling("goes on", p);
    (void)ask_websocket(w, query_of(p, WEBSOCKET, query)); // and may upgrade
    struct eio_counters n = eio_counters(w->eio.server);
    assert_int_equal(n.sessions, 1);
    assert_int_equal(n.opened, 1);
    assert_int_equal(n.refused, 2);

    eio_server_refuse(w->eio.server, 0);
    (void)open_polling(w);
    n = eio_counters(w->eio.server);
    assert_int_equal(n.opened, 2);
    assert_int_equal(n.refused, 2);
}

static size_t n_open(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_peers; i++)
        n += w->peers[i].fate == STILL_OPEN;
    return n;
}

static void drains_a_few_at_a_time(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    for (size_t i = 0; i < 4; i++)
        (void)open_polling(w);
    (void)open_websocket(w, &c);
    assert_int_equal(eio_server_drain(w->eio.server, 2), 5); // chosen, not ended
    assert_int_equal(n_open(w), 5);
    assert_int_equal(eio_server_drain(w->eio.server, 2), 3);
    assert_int_equal(n_open(w), 3);
    assert_int_equal(eio_server_drain(w->eio.server, 2), 1);
    assert_int_equal(eio_server_drain(w->eio.server, 2), 0);
    assert_int_equal(eio_server_drain(w->eio.server, 2), 0);
    settle(w);
    for (size_t i = 0; i < w->n_peers; i++)
        assert_int_equal(w->peers[i].fate, EIO_SHUTTING_DOWN);
}

static void what_is_drained_is_answered_and_no_longer_heard(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_websocket(w, &c);

    tell(w, c, "4before");
    (void)eio_server_drain(w->eio.server, 1);
    tell(w, c, "4behind");
    say(p, "the answer");
    expect_heard(p, "before");
    assert_int_equal(eio_server_drain(w->eio.server, 1), 0);
    settle(w);
    expect_frames(w, c, "4the answer|<close>");
}

static void drain_in_close(struct peer *p)
{
    struct world *w = p->world;

    for (size_t i = 0; i < w->n_peers; i++) {
        if (w->peers[i].fate == STILL_OPEN)
            close_peer(&w->peers[i]);
    }
}

static void what_ends_in_a_drain_may_end_the_others(void **state)
{
    struct world *w = serve(state);

    for (size_t i = 0; i < 40; i++) // so many that some share a bucket
        (void)open_polling(w);
    w->in_close = drain_in_close;
    (void)eio_server_drain(w->eio.server, 40);
    (void)eio_server_drain(w->eio.server, 40);
    settle(w);
    assert_int_equal(n_open(w), 0);
}

/** A connection with room for the answer to the upgrade, and for little more. */
static void a_handshake_that_does_not_fit_ends_the_session(void **state)
{
    struct world *w = serve(state);

    w->in_open = greet;
    w->eio.max_queued = 260;
    struct client *c =
        ask(w, &(struct request){.query = WEBSOCKET, .fields = EIO_UPGRADE_FIELDS});
    expect_int("upgrade", client_take_answer(c).status, 101);
    expect_frames(w, c, ""); // nothing follows what was lost
    assert_true(c->stream.is_aborted);
    assert_int_equal(w->n_peers, 1);
    assert_int_equal(w->peers[0].fate, EIO_SLOW_CONSUMER);

    w->eio.max_queued = 20;
    c = ask(w, &(struct request){.query = WEBSOCKET, .fields = EIO_UPGRADE_FIELDS});
    assert_true(c->stream.is_aborted);
    assert_int_equal(w->n_peers, 1); // never opened
}

/** A subprotocol is echoed; one that is longer than an answer's head is not. */
static void a_subprotocol_has_a_limit(void **state)
{
    static char fields[6000];
    struct world *w = serve(state);

    snprintf(fields, sizeof(fields), EIO_UPGRADE_FIELDS "Sec-WebSocket-Protocol: %05000d\r\n",
             0);
    struct client *c = ask(w, &(struct request){.query = WEBSOCKET, .fields = fields});
    const struct answer a = client_take_answer(c);
    expect_int("status", a.status, 400);
    expect_str("body", a.body, STR("Bad request"));
    assert_null(answer_field(&a, STR("Upgrade")).ptr);
    assert_int_equal(w->n_peers, 0);
}

static void reasons_have_names(void **state)
{
    static const char *const names[] = {
        [EIO_TRANSPORT_CLOSE] = "transport_close", [EIO_PING_TIMEOUT] = "ping_timeout",
        [EIO_PARSE_ERROR] = "parse_error",         [EIO_SLOW_CONSUMER] = "slow_consumer",
        [EIO_SHUTTING_DOWN] = "shutting_down",     [EIO_CLOSED_BY_APP] = "closed_by_app",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(eio_reason_name((enum eio_reason)i), names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_each_row_and_keeps_the_session),
        TEST(names_what_it_takes_where_it_refuses),
        TEST(takes_what_the_query_means),
        TEST(handshakes_in_the_words_of_the_protocol),
        cmocka_unit_test(a_sid_names_its_place),
        cmocka_unit_test(what_is_no_sid_names_no_place),
        cmocka_unit_test(offers_no_upgrade_that_it_would_refuse),
        TEST(serves_websockets_alone_where_polling_is_off),
        cmocka_unit_test(every_answer_tells_which_origins_may_read_it),
        TEST(a_preflight_is_answered_before_any_check),
        TEST(a_page_that_is_not_let_in_reads_why),
        TEST(who_is_let_in_hears_of_no_denial),
        cmocka_unit_test(reflects_no_more_than_it_has_room_for),
        cmocka_unit_test(knows_whose_handshake_it_was),
        TEST(keeps_the_bearer_until_it_is_dropped),
        TEST(a_lost_handshake_leaves_no_bearer),
        TEST(counts_what_the_client_has_not_taken),
        TEST(shutting_down_tells_every_client),
        TEST(refuses_handshakes_and_keeps_its_sessions),
        TEST(drains_a_few_at_a_time),
        TEST(what_is_drained_is_answered_and_no_longer_heard),
        TEST(what_ends_in_a_drain_may_end_the_others),
        TEST(a_handshake_that_does_not_fit_ends_the_session),
        TEST(a_subprotocol_has_a_limit),
        cmocka_unit_test(reasons_have_names),
    };
    return cmocka_run_group_tests_name("eio/server", tests, NULL, NULL);
}
