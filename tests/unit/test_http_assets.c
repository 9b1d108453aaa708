#include "http/assets.h"
#include "support/handler_world.h"

#define TEXT    "Content-Type: text/plain; charset=utf-8\r\n"
#define JS      "Content-Type: text/javascript; charset=utf-8\r\n"
#define HTML    "Content-Type: text/html; charset=utf-8\r\n"
#define LENGTH  "Content-Length: "
#define BY      "Vary: Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n"
#define FRESH   "Cache-Control: no-cache\r\n" BY
#define FOREVER "Cache-Control: public, max-age=31536000, immutable\r\n" BY
#define GZIP    "Content-Encoding: gzip\r\n"
#define SHARED                                                                                 \
    "Access-Control-Allow-Origin: *\r\nCross-Origin-Resource-Policy: cross-origin\r\n"
#define PAGE                                                                                   \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
    "connect-src 'self' http: https: ws: wss:; img-src 'self' blob: data: http: https:; "      \
    "media-src 'self' blob: http: https:; base-uri 'none'; form-action 'none'; "               \
    "frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types lit-html\r\n"   \
    "Referrer-Policy: no-referrer\r\nPermissions-Policy: microphone=(self), camera=()\r\n"     \
    "Cross-Origin-Opener-Policy: same-origin-allow-popups\r\n"
#define STATUS(text) "HTTP/1.1 " text "\r\n" HANDLER_DATE
#define END          "\r\n"

#define CHAT  "export const chat = 'chat';\n"
#define SMALL "\x1f\x8b\x08 small"

#define NOT_FOUND                                                                              \
    STATUS("404 Not Found")                                                                    \
    TEXT LENGTH "10\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" END     \
                "Not Found\n"
#define NOT_SHARED                                                                             \
    STATUS("404 Not Found")                                                                    \
    TEXT LENGTH                                                                                \
        "10\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" SHARED END      \
        "Not Found\n"
#define CHAT_PLAIN  STATUS("200 OK") JS LENGTH "28\r\nETag: W/\"chat\"\r\n" FRESH SHARED END
#define CHAT_GZIP   STATUS("200 OK") JS LENGTH "9\r\nETag: W/\"chat\"\r\n" FRESH GZIP SHARED END
#define CHAT_SAME   STATUS("304 Not Modified") "ETag: W/\"chat\"\r\n" FRESH SHARED END
#define INDEX_PLAIN STATUS("200 OK") HTML LENGTH "20\r\nETag: W/\"index\"\r\n" FRESH PAGE END
#define INDEX       "<!doctype html>\n<p>\n"

static const struct http_asset list[] = {
    {.path = STR("/embed/chat.js"),
     .type = STR("text/javascript; charset=utf-8"),
     .etag = STR("W/\"chat\""),
     .bytes = STR(CHAT),
     .gzip = STR(SMALL)},
    {.path = STR("/embed/part-a1b2c3d4.js"),
     .type = STR("text/javascript; charset=utf-8"),
     .etag = STR("W/\"part\""),
     .bytes = STR("part\n"),
     .is_lasting = true},
    {.path = STR("/index.html"),
     .type = STR("text/html; charset=utf-8"),
     .etag = STR("W/\"index\""),
     .bytes = STR(INDEX)},
};

// clang-format off
static const struct row {
    const char *name;
    const char *request; // its line, without the version
    const char *fields;
    str answer;
} rows[] = {
    {"a module",            "GET /embed/chat.js",  "",                              STR(CHAT_PLAIN CHAT)},
    {"with a query",        "GET /embed/chat.js?v=/../1", "",                       STR(CHAT_PLAIN CHAT)},
    {"gzip",                "GET /embed/chat.js",  "Accept-Encoding: gzip, br\r\n", STR(CHAT_GZIP SMALL)},
    {"gzip refused",        "GET /embed/chat.js",  "Accept-Encoding: gzip;q=0\r\n", STR(CHAT_PLAIN CHAT)},
    {"its head",            "HEAD /embed/chat.js", "",                              STR(CHAT_PLAIN)},
    {"its head, gzip",      "HEAD /embed/chat.js", "Accept-Encoding: gzip\r\n",     STR(CHAT_GZIP)},
    {"known",               "GET /embed/chat.js",  "If-None-Match: W/\"chat\"\r\n", STR(CHAT_SAME)},
    {"known, gzip or not",  "GET /embed/chat.js",  "If-None-Match: W/\"chat\"\r\nAccept-Encoding: gzip\r\n", STR(CHAT_SAME)},
    {"known, as strong",    "GET /embed/chat.js",  "If-None-Match: \"chat\"\r\n",   STR(CHAT_SAME)},
    {"one of the known",    "GET /embed/chat.js",  "If-None-Match: \"x\", W/\"chat\"\r\n", STR(CHAT_SAME)},
    {"in another field",    "GET /embed/chat.js",  "If-None-Match: \"x\"\r\nIf-None-Match: \"chat\"\r\n", STR(CHAT_SAME)},
    {"any is known",        "GET /embed/chat.js",  "If-None-Match: *\r\n",          STR(CHAT_SAME)},
    {"its head is known",   "HEAD /embed/chat.js", "If-None-Match: *\r\n",          STR(CHAT_SAME)},
    {"an older is known",   "GET /embed/chat.js",  "If-None-Match: W/\"old\"\r\n",  STR(CHAT_PLAIN CHAT)},
    {"the start of one",    "GET /embed/chat.js",  "If-None-Match: W/\"cha\r\n",    STR(CHAT_PLAIN CHAT)},
    {"from another site",   "GET /embed/chat.js",  "Origin: https://shop.test\r\nSec-Fetch-Site: cross-site\r\n", STR(CHAT_PLAIN CHAT)},
    {"a part of it is all", "GET /embed/chat.js",  "Range: bytes=0-1\r\n",          STR(CHAT_PLAIN CHAT)},

    {"that lasts",          "GET /embed/part-a1b2c3d4.js", "", STR(STATUS("200 OK") JS LENGTH "5\r\nETag: W/\"part\"\r\n" FOREVER SHARED END "part\n")},
    {"that has no gzip",    "GET /embed/part-a1b2c3d4.js", "Accept-Encoding: gzip\r\n", STR(STATUS("200 OK") JS LENGTH "5\r\nETag: W/\"part\"\r\n" FOREVER SHARED END "part\n")},
    {"that lasts, known",   "GET /embed/part-a1b2c3d4.js", "If-None-Match: \"part\"\r\n", STR(STATUS("304 Not Modified") "ETag: W/\"part\"\r\n" FOREVER SHARED END)},

    {"the page",            "GET /",               "",                              STR(INDEX_PLAIN INDEX)},
    {"by its name",         "GET /index.html",     "",                              STR(INDEX_PLAIN INDEX)},
    {"the page, and a query", "GET /?to=alice",      "",                              STR(INDEX_PLAIN INDEX)},
    {"the head of the page", "HEAD /",              "",                              STR(INDEX_PLAIN)},
    {"the page is known",   "GET /",               "If-None-Match: \"index\"\r\n",  STR(STATUS("304 Not Modified") "ETag: W/\"index\"\r\n" FRESH PAGE END)},

    {"a folder",            "GET /embed/",         "",                              STR(NOT_SHARED)},
    {"a folder's name",     "GET /embed",          "",                              STR(NOT_FOUND)},
    {"a longer name",       "GET /embed/chat.js.map", "",                           STR(NOT_SHARED)},
    {"a slash behind it",   "GET /embed/chat.js/", "",                              STR(NOT_SHARED)},
    {"a shorter name",      "GET /embed/chat.j",   "",                              STR(NOT_SHARED)},
    {"another case",        "GET /embed/Chat.js",  "",                              STR(NOT_SHARED)},
    {"in other letters",    "GET /embed/%63hat.js", "",                             STR(NOT_SHARED)},
    {"a way round",         "GET /embed/../index.html", "",                         STR(NOT_SHARED)},
    {"two slashes",         "GET //index.html",    "",                              STR(NOT_FOUND)},
    {"nothing of that name, and known", "GET /x",  "If-None-Match: *\r\n",          STR(NOT_FOUND)},
    {"a part of an older one", "GET /embed/part-00000000.js", "Origin: https://shop.test\r\n", STR(NOT_SHARED)},
    {"to put what is not there", "PUT /x",         "",                              STR(NOT_FOUND)},

    {"to put a module",     "PUT /embed/chat.js",  "", STR(STATUS("405 Method Not Allowed") TEXT LENGTH "19\r\nX-Content-Type-Options: nosniff\r\n" SHARED "Allow: GET, HEAD, OPTIONS\r\n" END "Method Not Allowed\n")},
    {"to put the page",     "POST /",              "", STR(STATUS("405 Method Not Allowed") TEXT LENGTH "19\r\nX-Content-Type-Options: nosniff\r\nAllow: GET, HEAD\r\n" END "Method Not Allowed\n")},
    {"a preflight",         "OPTIONS /embed/chat.js", "Origin: https://shop.test\r\nAccess-Control-Request-Method: GET\r\n", STR(STATUS("204 No Content") LENGTH "0\r\nX-Content-Type-Options: nosniff\r\n" SHARED "Access-Control-Allow-Methods: GET, HEAD\r\nAccess-Control-Allow-Headers: *\r\nAccess-Control-Max-Age: 86400\r\nAllow: GET, HEAD, OPTIONS\r\n" END)},
    {"one of the page",     "OPTIONS /",           "", STR(STATUS("405 Method Not Allowed") TEXT LENGTH "19\r\nX-Content-Type-Options: nosniff\r\nAllow: GET, HEAD\r\n" END "Method Not Allowed\n")},
};
// clang-format on

struct world {
    struct handler_world http;
    struct http_assets assets;
};

static void start(struct world *w, const struct http_asset *assets, size_t n)
{
    w->assets = (struct http_assets){.list = assets, .n = n};
    handler_world_start(&w->http, &http_assets_handler, &w->assets);
}

static str head_of(char out[512], const struct row *row)
{
    const int n = snprintf(out, 512, "%s HTTP/1.1\r\nHost: chat.test\r\n%s\r\n", row->request,
                           row->fields);
    assert_in_range(n, 1, 511);
    return (str){out, (size_t)n};
}

static void answers_each_request(void **state)
{
    struct world w;

    (void)state;
    start(&w, list, COUNT_OF(list));
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        char text[512];
        expect_str(row->name, handler_world_ask(&w.http, head_of(text, row)), row->answer);
    }
    handler_world_stop(&w.http);
}

/** Wherever its head is cut. */
static void answers_a_request_in_two_pieces(void **state)
{
    const struct row *row = &rows[2];
    struct world w;
    char text[512];
    const str head = head_of(text, row);

    (void)state;
    start(&w, list, COUNT_OF(list));
    for (size_t n = 1; n < head.len; n++) {
        expect_str("a piece", handler_world_ask(&w.http, (str){head.ptr, n}), STR(""));
        expect_str(row->name, handler_world_ask(&w.http, (str){head.ptr + n, head.len - n}),
                   row->answer);
    }
    handler_world_stop(&w.http);
}

static void the_largest_is_answered_whole(void **state)
{
    char *bytes = mem_alloc(HTTP_ASSET_MAX);
    const struct http_asset largest = {.path = STR("/embed/x.js"),
                                       .type = STR("text/javascript"),
                                       .etag = STR("W/\"x\""),
                                       .bytes = {bytes, HTTP_ASSET_MAX}};
    struct world w;

    (void)state;
    memset(bytes, 'x', HTTP_ASSET_MAX);
    start(&w, &largest, 1);
    const str answer =
        handler_world_ask(&w.http, STR("GET /embed/x.js HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect_int("status", handler_world_status(answer), 200);
    assert_true(str_eq(handler_world_body(answer), largest.bytes));
    handler_world_stop(&w.http);
    free(bytes);
}

static void an_empty_table_has_nothing(void **state)
{
    struct world w;

    (void)state;
    start(&w, NULL, 0);
    expect_str("/", handler_world_ask(&w.http, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
               STR(NOT_FOUND));
    handler_world_stop(&w.http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_request),
        cmocka_unit_test(answers_a_request_in_two_pieces),
        cmocka_unit_test(the_largest_is_answered_whole),
        cmocka_unit_test(an_empty_table_has_nothing),
    };
    return cmocka_run_group_tests_name("http/assets", tests, NULL, NULL);
}
