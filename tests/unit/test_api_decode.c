#include <stdio.h>

#include "api/api.h"
#include "api/decode.h"
#include "auth/account.h"
#include "base/mem.h"
#include "support/exact.h"
#include "support/fake_media_links.h"
#include "support/t.h"

#define HOME    1
#define CONTENT 20 // bytes that a message may have here

#define A     "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define ZERO  "0x0000000000000000000000000000000000000000"
#define TO    "\"to\":\"" A "\""
#define PEER  "\"peer\":\"" A "\""
#define TEXT  "\"type\":\"text\",\"content\":\"hi\""
#define X_32  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X_64  X_32 X_32
#define ID    "\"conversation\":\"00000000000000ff\""
#define BAD   "bad_request "
#define WRONG "recipient_invalid "
#define TYPE  "unsupported_type type"

/** Where there are no files. */
static void begin(struct api_decoder *d, size_t content_bytes)
{
    api_decoder_init(
        d, &(struct api_decoder_config){.home_chain = HOME, .content_bytes = content_bytes});
}

/** Decodes a payload, and says what was made of it. */
typedef int decode_fn(struct buf *said, struct api_decoder *d, const struct json *payload);

static void say(struct buf *said, const char *what, str value)
{
    const int r = buf_addf(said, "%s" STR_FMT, what, STR_ARG(value));
    assert_int_equal(r, 0);
}

static void say_number(struct buf *said, const char *what, uint64_t n)
{
    const int r = n > 0 ? buf_addf(said, "%s%llu", what, (unsigned long long)n) : 0;
    assert_int_equal(r, 0);
}

static void say_place(struct buf *said, const struct chat_place *place)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    say_number(said, "#", place->conversation);
    if (place->conversation == 0)
        say(said, "", auth_account_text(text, &place->peer));
}

static int send(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct chat_send send;
    const int r = api_decode_send(&send, d, payload);

    if (r != 0)
        return r;
    say_place(said, &(struct chat_place){.peer = send.to});
    say(said, " ", send.type);
    say(said, " ", send.content);
    say_number(said, " reply_to=", send.reply_to);
    if (send.key.len > 0)
        say(said, " key=", send.key);
    if (send.upload.len > 0)
        say(said, " upload=", send.upload);
    return 0;
}

static int upload(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct chat_announce what;
    const int r = api_decode_upload(&what, d, payload);

    if (r != 0)
        return r;
    say(said, "", what.name);
    say(said, " ", what.mime);
    say_number(said, " ", what.size);
    for (size_t i = 0; what.sha256 && i < CHAT_SHA256_SIZE; i++)
        assert_int_equal(buf_addf(said, i > 0 ? "%02x" : " %02x", what.sha256[i]), 0);
    return 0;
}

static int mark(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct api_mark mark;
    const int r = api_decode_mark(&mark, d, payload);

    if (r != 0)
        return r;
    say_place(said, &mark.place);
    say_number(said, " seq=", mark.seq);
    return 0;
}

static int accounts(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct api_accounts all;
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    const int r = api_decode_accounts(&all, d, payload);

    assert_true((r == 0) == (all.n > 0));
    for (size_t i = 0; i < all.n; i++)
        say(said, i > 0 ? " " : "", auth_account_text(text, &all.accounts[i]));
    return r;
}

static int history(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct chat_history history;
    const int r = api_decode_history(&history, d, payload);

    if (r != 0)
        return r;
    say_place(said, &history.place);
    say_number(said, " before=", history.before);
    say_number(said, " after=", history.after);
    say_number(said, " limit=", history.limit);
    return 0;
}

static int list(struct buf *said, struct api_decoder *d, const struct json *payload)
{
    struct api_list list;
    const int r = api_decode_list(&list, d, payload);

    if (r != 0)
        return r;
    say_number(said, "limit=", list.limit);
    say_number(said, " before=", (uint64_t)list.before);
    return 0;
}

struct row {
    const char *name;
    decode_fn *decode;
    str payload; // empty: none
    const char *want;
};

// clang-format off
static const struct row rows[] = {
    // the payload
    {"none",                      send,    {0},                           BAD},
    {"an array",                  send,    STR("[]"),                     BAD},
    {"a string",                  mark,    STR("\"x\""),                  BAD},
    {"null",                      history, STR("null"),                   BAD},
    {"no object for a list",      list,    STR("1"),                      BAD},

    // who
    {"in capitals",               send,    STR("{\"to\":\"0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED\"," TEXT "}"), A " text \"hi\""},
    {"in small letters",          send,    STR("{\"to\":\"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\"," TEXT "}"), A " text \"hi\""},
    {"of the home chain",         send,    STR("{\"to\":\"eip155:1:" A "\"," TEXT "}"), A " text \"hi\""},
    {"of another chain",          send,    STR("{\"to\":\"eip155:137:" A "\"," TEXT "}"), "eip155:137:" A " text \"hi\""},
    {"a wrong checksum",          send,    STR("{\"to\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\"," TEXT "}"), WRONG "to"},
    {"malformed",                 send,    STR("{\"to\":\"alice\"," TEXT "}"), WRONG "to"},
    {"empty",                     send,    STR("{\"to\":\"\"," TEXT "}"), WRONG "to"},
    {"the zero address",          send,    STR("{\"to\":\"" ZERO "\"," TEXT "}"), WRONG "to"},
    {"zero elsewhere",            send,    STR("{\"to\":\"eip155:5:" ZERO "\"," TEXT "}"), WRONG "to"},
    {"nobody",                    send,    STR("{" TEXT "}"),             BAD "to"},
    {"null as nobody",            send,    STR("{\"to\":null," TEXT "}"), BAD "to"},
    {"a number",                  send,    STR("{\"to\":5," TEXT "}"),    BAD "to"},
    {"a conversation to send to", send,    STR("{" ID "," TEXT "}"),      BAD "to"},
    {"a peer",                    mark,    STR("{" PEER ",\"seq\":1}"),   A " seq=1"},
    {"a bad peer",                mark,    STR("{\"peer\":\"0x5\",\"seq\":1}"), WRONG "peer"},
    {"the zero peer",             history, STR("{\"peer\":\"" ZERO "\"}"), WRONG "peer"},
    {"no peer",                   history, STR("{}"),                     BAD "peer"},
    {"a peer that is an object",  history, STR("{\"peer\":{}}"),          BAD "peer"},
    {"a conversation",            mark,    STR("{" ID ",\"seq\":1}"),     "#255 seq=1"},
    {"a conversation and a peer", history, STR("{" ID ",\"peer\":1}"),    "#255 limit=50"},
    {"null as a conversation",    history, STR("{\"conversation\":null," PEER "}"), A " limit=50"},
    {"an id in capitals",         mark,    STR("{\"conversation\":\"00000000000000FF\",\"seq\":1}"), "not_found conversation"},
    {"an id of none",             mark,    STR("{\"conversation\":\"0000000000000000\",\"seq\":1}"), "not_found conversation"},
    {"the last id",               mark,    STR("{\"conversation\":\"ffffffffffffffff\",\"seq\":1}"), "#18446744073709551615 seq=1"},
    {"an id that is a number",    mark,    STR("{\"conversation\":255,\"seq\":1}"), BAD "conversation"},

    // type
    {"no type",                   send,    STR("{" TO ",\"content\":\"hi\"}"), BAD "type"},
    {"a type that is no string",  send,    STR("{" TO ",\"type\":1,\"content\":\"hi\"}"), BAD "type"},
    {"an empty type",             send,    STR("{" TO ",\"type\":\"\",\"content\":\"hi\"}"), TYPE},
    {"an image",                  send,    STR("{" TO ",\"type\":\"image\",\"content\":{}}"), TYPE},
    {"a video",                   send,    STR("{" TO ",\"type\":\"video\",\"content\":{}}"), TYPE},
    {"audio",                     send,    STR("{" TO ",\"type\":\"audio\",\"content\":{}}"), TYPE},
    {"a file",                    send,    STR("{" TO ",\"type\":\"file\",\"content\":{}}"), TYPE},
    {"a stub",                    send,    STR("{" TO ",\"type\":\"gone\",\"content\":{}}"), TYPE},
    {"TEXT",                      send,    STR("{" TO ",\"type\":\"TEXT\",\"content\":\"hi\"}"), TYPE},
    {"an own type",               send,    STR("{" TO ",\"type\":\"x-a.b_c-1\",\"content\":1}"), A " x-a.b_c-1 1"},
    {"the longest own type",      send,    STR("{" TO ",\"type\":\"x-" X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"content\":1}"), A " x-" X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 1"},
    {"one longer",                send,    STR("{" TO ",\"type\":\"x-" X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"content\":1}"), TYPE},
    {"an own type without name",  send,    STR("{" TO ",\"type\":\"x-\",\"content\":1}"), TYPE},
    {"an own type in capitals",   send,    STR("{" TO ",\"type\":\"x-A\",\"content\":1}"), TYPE},
    {"an own type with NUL",      send,    STR("{" TO ",\"type\":\"x-a\\u0000\",\"content\":1}"), TYPE},

    // content
    {"one byte",                  send,    STR("{" TO ",\"type\":\"text\",\"content\":\"a\"}"), A " text \"a\""},
    {"the longest text",          send,    STR("{" TO ",\"type\":\"text\",\"content\":\"01234567890123456789\"}"), A " text \"01234567890123456789\""},
    {"one byte more",             send,    STR("{" TO ",\"type\":\"text\",\"content\":\"012345678901234567890\"}"), "too_large content"},
    {"bytes and no characters",   send,    STR("{" TO ",\"type\":\"text\",\"content\":\"0123456789012345678\\u00e9\"}"), "too_large content"},
    {"escapes do not count",      send,    STR("{" TO ",\"type\":\"text\",\"content\":\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\"}"),
                                           A " text \"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\""},
    {"an empty text",             send,    STR("{" TO ",\"type\":\"text\",\"content\":\"\"}"), BAD "content"},
    {"U+0000",                    send,    STR("{" TO ",\"type\":\"text\",\"content\":\"a\\u0000\"}"), BAD "content"},
    {"no content",                send,    STR("{" TO ",\"type\":\"text\"}"), BAD "content"},
    {"a text that is an object",  send,    STR("{" TO ",\"type\":\"text\",\"content\":{}}"), BAD "content"},
    {"a text that is null",       send,    STR("{" TO ",\"type\":\"text\",\"content\":null}"), BAD "content"},
    {"any JSON",                  send,    STR("{" TO ",\"type\":\"x-a\",\"content\":{\"b\":[1.0,{}],\"a\":\"\"}}"), A " x-a {\"a\":\"\",\"b\":[1,{}]}"},
    {"null",                      send,    STR("{" TO ",\"type\":\"x-a\",\"content\":null}"), A " x-a null"},
    {"an empty string",           send,    STR("{" TO ",\"type\":\"x-a\",\"content\":\"\"}"), A " x-a \"\""},
    {"the longest JSON",          send,    STR("{" TO ",\"type\":\"x-a\",\"content\":[ \"0123456789012345\" ]}"), A " x-a [\"0123456789012345\"]"},
    {"JSON of one byte more",     send,    STR("{" TO ",\"type\":\"x-a\",\"content\":[ \"01234567890123456\" ]}"), "too_large content"},
    {"JSON far too long",         send,    STR("{" TO ",\"type\":\"x-a\",\"content\":[\"" X_64 X_64 X_64 X_64 X_64 "\"]}"), "too_large content"},
    {"own type without content",  send,    STR("{" TO ",\"type\":\"x-a\"}"), BAD "content"},

    // client_msg_id
    {"a key",                     send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"aZ09._:-\"}"), A " text \"hi\" key=aZ09._:-"},
    {"the longest key",           send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"" X_64 "\"}"), A " text \"hi\" key=" X_64},
    {"one character more",        send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"" X_64 "x\"}"), BAD "client_msg_id"},
    {"an empty key",              send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"\"}"), BAD "client_msg_id"},
    {"a key of ours",             send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"~a\"}"), BAD "client_msg_id"},
    {"a space in it",             send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"a b\"}"), BAD "client_msg_id"},
    {"a NUL in it",               send,    STR("{" TO "," TEXT ",\"client_msg_id\":\"a\\u0000\"}"), BAD "client_msg_id"},
    {"a key that is a number",    send,    STR("{" TO "," TEXT ",\"client_msg_id\":1}"), BAD "client_msg_id"},
    {"null as no key",            send,    STR("{" TO "," TEXT ",\"client_msg_id\":null}"), A " text \"hi\""},

    // numbers
    {"reply_to",                  send,    STR("{" TO "," TEXT ",\"reply_to\":1}"), A " text \"hi\" reply_to=1"},
    {"null as no reply_to",       send,    STR("{" TO "," TEXT ",\"reply_to\":null}"), A " text \"hi\""},
    {"reply_to 0",                send,    STR("{" TO "," TEXT ",\"reply_to\":0}"), BAD "reply_to"},
    {"reply_to as a string",      send,    STR("{" TO "," TEXT ",\"reply_to\":\"1\"}"), BAD "reply_to"},
    {"the largest seq",           mark,    STR("{" PEER ",\"seq\":9007199254740991}"), A " seq=9007199254740991"},
    {"one more",                  mark,    STR("{" PEER ",\"seq\":9007199254740992}"), BAD "seq"},
    {"seq 0",                     mark,    STR("{" PEER ",\"seq\":0}"),   BAD "seq"},
    {"a negative seq",            mark,    STR("{" PEER ",\"seq\":-1}"),  BAD "seq"},
    {"a fraction",                mark,    STR("{" PEER ",\"seq\":1.5}"), BAD "seq"},
    {"no seq",                    mark,    STR("{" PEER "}"),             BAD "seq"},
    {"null as no seq",            mark,    STR("{" PEER ",\"seq\":null}"), BAD "seq"},
    {"all of a history",          history, STR("{" PEER ",\"before\":9,\"after\":2,\"limit\":3}"), A " before=9 after=2 limit=3"},
    {"before 0",                  history, STR("{" PEER ",\"before\":0}"), BAD "before"},
    {"after 0",                   history, STR("{" PEER ",\"after\":0}"), BAD "after"},
    {"the default limit",         history, STR("{" PEER "}"),             A " limit=50"},
    {"the smallest limit",        history, STR("{" PEER ",\"limit\":1}"), A " limit=1"},
    {"the largest limit",         history, STR("{" PEER ",\"limit\":200}"), A " limit=200"},
    {"limit 0",                   history, STR("{" PEER ",\"limit\":0}"), BAD "limit"},
    {"limit 201",                 history, STR("{" PEER ",\"limit\":201}"), BAD "limit"},
    {"a limit that is a string",  history, STR("{" PEER ",\"limit\":\"5\"}"), BAD "limit"},

    // conversation.list
    {"an empty list request",     list,    STR("{}"),                     "limit=50"},
    {"a limited list",            list,    STR("{\"limit\":200}"),        "limit=200"},
    {"too long a list",           list,    STR("{\"limit\":201}"),        BAD "limit"},
    {"the next page",             list,    STR("{\"after\":\"7fffffffffffffff\"}"), "limit=50 before=9223372036854775807"},
    {"one more than a next",      list,    STR("{\"after\":\"8000000000000000\"}"), BAD "after"},
    {"a next of nothing",         list,    STR("{\"after\":\"0000000000000000\"}"), BAD "after"},
    {"a next that is a number",   list,    STR("{\"after\":5}"),          BAD "after"},
    {"null as no next",           list,    STR("{\"after\":null}"),       "limit=50"},

    // presence.watch
    {"an account",                accounts, STR("{\"accounts\":[\"" A "\"]}"), A},
    {"an account twice",          accounts, STR("{\"accounts\":[\"" A "\",\"" A "\"]}"), A " " A},
    {"no accounts",               accounts, STR("{}"),                    BAD "accounts"},
    {"null as accounts",          accounts, STR("{\"accounts\":null}"),   BAD "accounts"},
    {"an empty list",             accounts, STR("{\"accounts\":[]}"),     BAD "accounts"},
    {"an account that is no list", accounts, STR("{\"accounts\":\"" A "\"}"), BAD "accounts"},
    {"accounts as an object",     accounts, STR("{\"accounts\":{\"0\":\"" A "\"}}"), BAD "accounts"},
    {"a list in a list",          accounts, STR("{\"accounts\":[\"" A "\",[]]}"), BAD "accounts"},
    {"null in the list",          accounts, STR("{\"accounts\":[null]}"), BAD "accounts"},
    {"a bad address in it",       accounts, STR("{\"accounts\":[\"" A "\",\"0x5\"]}"), WRONG "accounts"},
    {"the zero address in it",    accounts, STR("{\"accounts\":[\"" ZERO "\"]}"), WRONG "accounts"},
    {"no object at all",          accounts, STR("[]"),                    BAD},

    // what nobody knows
    {"unknown members",           send,    STR("{" TO "," TEXT ",\"x\":{\"y\":[]},\"peer\":7}"), A " text \"hi\""},
};
// clang-format on

static struct json *parse(const char *what, str text)
{
    if (text.len == 0)
        return NULL;
    CLEANUP(exact_freep) char *copy = exact_copy(text);
    struct json *j = NULL;
    expect_int(what, json_parse(&j, copy, text.len), 0);
    return j;
}

/** "code field", or what was made of the payload. */
static void decode(struct buf *said, struct api_decoder *d, const struct row *row)
{
    CLEANUP(json_freep) struct json *payload = parse(row->name, row->payload);
    const struct api_problem *p = &d->problem;

    buf_clear(said);
    if (row->decode(said, d, payload) == 0)
        return;
    say(said, api_error_code(p->error), STR(" "));
    say(said, p->field ? p->field : "", STR(""));
    const str message = str_of(p->message ? p->message : api_error_message(p->error));
    assert_true(message.len > 0 && message.ptr[message.len - 1] == '.');
}

static void decodes_each_row(void **state)
{
    struct api_decoder d;
    struct buf said;

    (void)state;
    begin(&d, CONTENT);
    buf_init(&said, SIZE_MAX / 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        decode(&said, &d, &rows[i]);
        expect_str(rows[i].name, buf_str(&said), str_of(rows[i].want));
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

/** Whatever was asked before, the answer is the same. */
static void remembers_nothing(void **state)
{
    struct api_decoder d;
    struct buf said;

    (void)state;
    begin(&d, CONTENT);
    buf_init(&said, SIZE_MAX / 2);
    for (size_t i = COUNT_OF(rows); i > 0; i--) {
        decode(&said, &d, &rows[i - 1]);
        expect_str(rows[i - 1].name, buf_str(&said), str_of(rows[i - 1].want));
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

/** With the limit that a server has: the largest that passes, and one more. */
static void takes_a_text_of_64_kib(void **state)
{
    static const char head[] = "{" TO ",\"type\":\"text\",\"content\":\"";
    struct api_decoder d;

    (void)state;
    begin(&d, API_CONTENT_MAX);
    for (size_t n = API_CONTENT_MAX; n <= API_CONTENT_MAX + 1; n++) {
        struct buf text;
        struct chat_send send;
        buf_init(&text, SIZE_MAX / 2);
        assert_int_equal(buf_add(&text, str_of(head)), 0);
        memset(buf_room(&text, n), 'a', n);
        buf_added(&text, n);
        assert_int_equal(buf_add(&text, STR("\"}")), 0);
        CLEANUP(json_freep) struct json *payload = parse("long", buf_str(&text));
        buf_fini(&text);

        const int r = api_decode_send(&send, &d, payload);
        expect_int("r", r, n > API_CONTENT_MAX ? API_DECODE_REFUSED : 0);
        if (r == 0) {
            expect_int("content", send.content.len, n + 2);
        } else {
            expect_int("error", d.problem.error, API_TOO_LARGE);
        }
    }
    api_decoder_fini(&d);
}

static void takes_200_accounts(void **state)
{
    struct api_accounts all;
    struct api_decoder d;

    (void)state;
    begin(&d, CONTENT);
    for (size_t n = CHAT_WATCHES_MAX; n <= CHAT_WATCHES_MAX + 1; n++) {
        struct buf text;
        buf_init(&text, SIZE_MAX / 2);
        int r = buf_add(&text, STR("{\"accounts\":["));
        for (size_t i = 0; i < n; i++)
            r |= buf_addf(&text, "%s\"0x%040zx\"", i > 0 ? "," : "", i + 1);
        r |= buf_add(&text, STR("]}"));
        assert_int_equal(r, 0);
        CLEANUP(json_freep) struct json *payload = parse("many", buf_str(&text));
        buf_fini(&text);

        r = api_decode_accounts(&all, &d, payload);
        expect_int("r", r, n > CHAT_WATCHES_MAX ? API_DECODE_REFUSED : 0);
        if (r != 0) {
            expect_int("error", d.problem.error, API_BAD_REQUEST);
            continue;
        }
        expect_int("n", all.n, n);
        for (size_t i = 0; i < n; i++)
            expect_int("the last byte", all.accounts[i].bytes[ACCOUNT_EVM_SIZE - 1], i + 1);
    }
    api_decoder_fini(&d);
}

// Files.

#define U                        "abcdefghijklmnop-_09"
#define UP                       "\"upload\":\"" U "\""
#define LINK                     "https://media.test/get/" U "?as=image/png&name=a.png"
#define ELSE                     "https://cdn.example/files/a.png"
#define FILES                    200 // bytes that a message may have in this table
#define IMAGE(content)           STR("{" TO ",\"type\":\"image\",\"content\":" content "}")
#define GOT(content)             A " image " content " upload=" U
#define UPLOAD(name, mime, size) STR("{\"name\":" name ",\"mime\":" mime ",\"size\":" size "}")
#define NAME(name)               UPLOAD("\"" name "\"", "\"a/b\"", "1")
#define MIME(mime)               UPLOAD("\"n\"", "\"" mime "\"", "1")
#define SIZE(size)               UPLOAD("\"n\"", "\"a/b\"", size)
#define SHA(sha)                 STR("{\"name\":\"n\",\"mime\":\"a/b\",\"size\":1,\"sha256\":" sha "}")
#define HEX_62                   "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcd"
#define X_31                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X_128                    X_64 X_64

// clang-format off
static const struct row file_rows[] = {
    // where the file is
    {"an upload",                 send,    IMAGE("{" UP "}"),             GOT("{" UP "}")},
    {"a video",                   send,    STR("{" TO ",\"type\":\"video\",\"content\":{" UP "}}"), A " video {" UP "} upload=" U},
    {"audio",                     send,    STR("{" TO ",\"type\":\"audio\",\"content\":{" UP "}}"), A " audio {" UP "} upload=" U},
    {"a file",                    send,    STR("{" TO ",\"type\":\"file\",\"content\":{" UP "}}"), A " file {" UP "} upload=" U},
    {"a picture",                 send,    STR("{" TO ",\"type\":\"picture\",\"content\":{" UP "}}"), TYPE},
    {"a link of ours",            send,    IMAGE("{\"url\":\"" LINK "\"}"), GOT("{" UP "}")},
    {"and where it was put",      send,    IMAGE("{\"url\":\"https://media.test/put/" U "\",\"name\":\"n\"}"), GOT("{\"name\":\"n\"," UP "}")},
    {"a link of ours to no id",   send,    IMAGE("{\"url\":\"https://media.test/get/abc\"}"), BAD "content"},
    {"a file of others",          send,    IMAGE("{\"url\":\"" ELSE "\"}"), A " image {\"url\":\"" ELSE "\"}"},
    {"not of these others",       send,    IMAGE("{\"url\":\"https://cdn.example/a.png\"}"), BAD "content"},
    {"a URL that is a number",    send,    IMAGE("{\"url\":1}"),          BAD "content"},
    {"an empty URL",              send,    IMAGE("{\"url\":\"\"}"),       BAD "content"},
    {"a URL with NUL",            send,    IMAGE("{\"url\":\"" ELSE "\\u0000\"}"), BAD "content"},
    {"a file of this computer",   send,    IMAGE("{\"url\":\"file:///etc/passwd\"}"), BAD "content"},
    {"both",                      send,    IMAGE("{" UP ",\"url\":\"" ELSE "\"}"), BAD "content"},
    {"neither",                   send,    IMAGE("{\"name\":\"n\"}"),     BAD "content"},
    {"nothing",                   send,    IMAGE("{}"),                   BAD "content"},
    {"both null",                 send,    IMAGE("{\"upload\":null,\"url\":null}"), BAD "content"},
    {"null beside an upload",     send,    IMAGE("{" UP ",\"url\":null}"), GOT("{" UP "}")},
    {"null beside a URL",         send,    IMAGE("{\"upload\":null,\"url\":\"" ELSE "\"}"), A " image {\"url\":\"" ELSE "\"}"},
    {"an id that is too short",   send,    IMAGE("{\"upload\":\"abcdefghijklmnop-_0\"}"), BAD "content"},
    {"an id that is too long",    send,    IMAGE("{\"upload\":\"" U "9\"}"), BAD "content"},
    {"an id of a path",           send,    IMAGE("{\"upload\":\"abcdefghijklmnop/../\"}"), BAD "content"},
    {"an id that is a number",    send,    IMAGE("{\"upload\":1}"),       BAD "content"},
    {"an id with NUL",            send,    IMAGE("{\"upload\":\"abcdefghijklmnop-_0\\u0000\"}"), BAD "content"},
    {"no object",                 send,    IMAGE("\"" U "\""),            BAD "content"},
    {"a list",                    send,    IMAGE("[]"),                   BAD "content"},
    {"null",                      send,    IMAGE("null"),                 BAD "content"},
    {"no content",                send,    STR("{" TO ",\"type\":\"image\"}"), BAD "content"},

    // what is said of it
    {"all there is",              send,    IMAGE("{\"width\":1,\"height\":1000000,\"duration\":1.5,\"caption\":\"c\",\"name\":\"n\"," UP "}"),
                                           GOT("{\"caption\":\"c\",\"duration\":1.5,\"height\":1000000,\"name\":\"n\"," UP ",\"width\":1}")},
    {"all null",                  send,    IMAGE("{\"width\":null,\"height\":null,\"duration\":null,\"caption\":null,\"name\":null,\"mime\":null,\"size\":null,\"expires_at\":null," UP "}"), GOT("{" UP "}")},
    {"what nobody knows",         send,    IMAGE("{\"blur\":[1,null]," UP "}"), GOT("{\"blur\":[1,null]," UP "}")},
    {"an empty caption",          send,    IMAGE("{\"caption\":\"\"," UP "}"), GOT("{\"caption\":\"\"," UP "}")},
    {"a caption with NUL",        send,    IMAGE("{\"caption\":\"a\\u0000\"," UP "}"), BAD "content"},
    {"a caption that is a number", send,   IMAGE("{\"caption\":1," UP "}"), BAD "content"},
    {"no name",                   send,    IMAGE("{\"name\":\"\"," UP "}"), BAD "content"},
    {"a name that is a path",     send,    IMAGE("{\"name\":\"a/b\"," UP "}"), BAD "content"},
    {"a name that is a number",   send,    IMAGE("{\"name\":1," UP "}"),  BAD "content"},
    {"width 0",                   send,    IMAGE("{\"width\":0," UP "}"), BAD "content"},
    {"width and one more",        send,    IMAGE("{\"width\":1000001," UP "}"), BAD "content"},
    {"half a pixel",              send,    IMAGE("{\"width\":1.5," UP "}"), BAD "content"},
    {"height 0",                  send,    IMAGE("{\"height\":0," UP "}"), BAD "content"},
    {"height as a string",        send,    IMAGE("{\"height\":\"1\"," UP "}"), BAD "content"},
    {"no duration",               send,    IMAGE("{\"duration\":0," UP "}"), GOT("{\"duration\":0," UP "}")},
    {"the longest duration",      send,    IMAGE("{\"duration\":1e7," UP "}"), GOT("{\"duration\":10000000," UP "}")},
    {"a longer one",              send,    IMAGE("{\"duration\":10000000.5," UP "}"), BAD "content"},
    {"a negative one",            send,    IMAGE("{\"duration\":-0.5," UP "}"), BAD "content"},
    {"a duration that is true",   send,    IMAGE("{\"duration\":true," UP "}"), BAD "content"},
    {"a claim of its type",       send,    IMAGE("{\"mime\":\"image/png\"," UP "}"), BAD "content"},
    {"a claim of its size",       send,    IMAGE("{\"size\":1," UP "}"),  BAD "content"},
    {"a claim of its end",        send,    IMAGE("{\"expires_at\":\"\"," UP "}"), BAD "content"},
    {"a claim of another's size", send,    IMAGE("{\"size\":1,\"url\":\"" ELSE "\"}"), BAD "content"},
    {"as much as fits",           send,    IMAGE("{\"x\":\"" X_128 X_31 "x\"," UP "}"), GOT("{" UP ",\"x\":\"" X_128 X_31 "x\"}")},
    {"one byte more",             send,    IMAGE("{\"x\":\"" X_128 X_31 "xx\"," UP "}"), "too_large content"},

    // names
    {"a name",                    upload,  NAME("K\u00e4tzchen (1).jpg"), "K\u00e4tzchen (1).jpg a/b 1"},
    {"the longest name",          upload,  NAME(X_128 X_64 X_32 X_31),    X_128 X_64 X_32 X_31 " a/b 1"},
    {"one byte longer",           upload,  NAME(X_128 X_64 X_64),         BAD "name"},
    {"an empty name",             upload,  NAME(""),                      BAD "name"},
    {"a slash",                   upload,  NAME("a/b"),                   BAD "name"},
    {"a backslash",               upload,  NAME("a\\\\b"),            BAD "name"},
    {"NUL in it",                 upload,  NAME("a\\u0000"),            BAD "name"},
    {"a line feed",               upload,  NAME("a\\nb"),               BAD "name"},
    {"DEL",                       upload,  NAME("a\\u007fb"),           BAD "name"},
    {"U+0080",                    upload,  NAME("a\\u0080b"),           BAD "name"},
    {"U+009F",                    upload,  NAME("a\\u009fb"),           BAD "name"},
    {"U+00A0",                    upload,  NAME("\\u00a0"),             "\xc2\xa0 a/b 1"},
    {"U+2027",                    upload,  NAME("\\u2027"),             "\xe2\x80\xa7 a/b 1"},
    {"U+2028",                    upload,  NAME("\\u2028"),             BAD "name"},
    {"U+2029",                    upload,  NAME("\\u2029"),             BAD "name"},
    {"U+202A",                    upload,  NAME("\\u202a"),             BAD "name"},
    {"U+202E",                    upload,  NAME("exe.\\u202egpj"),      BAD "name"},
    {"U+202F",                    upload,  NAME("\\u202f"),             "\xe2\x80\xaf a/b 1"},
    {"U+2065",                    upload,  NAME("\\u2065"),             "\xe2\x81\xa5 a/b 1"},
    {"U+2066",                    upload,  NAME("\\u2066"),             BAD "name"},
    {"U+2069",                    upload,  NAME("\\u2069"),             BAD "name"},
    {"U+206A",                    upload,  NAME("\\u206a"),             "\xe2\x81\xaa a/b 1"},
    {"no name at all",            upload,  STR("{\"mime\":\"a/b\",\"size\":1}"), BAD "name"},
    {"null as a name",            upload,  UPLOAD("null", "\"a/b\"", "1"), BAD "name"},
    {"a list as a name",          upload,  UPLOAD("[]", "\"a/b\"", "1"),  BAD "name"},

    // types
    {"a type in capitals",        upload,  MIME("Image/PNG"),             "n image/png 1"},
    {"a type with a parameter",   upload,  MIME(" Text/Plain ; Charset=UTF-8 ; a=b "), "n text/plain;Charset=UTF-8;a=b 1"},
    {"a type of odd characters",  upload,  MIME("a!#$%&'*+-.^_`|~0/b"),   "n a!#$%&'*+-.^_`|~0/b 1"},
    {"what a browser records",    upload,  MIME("video/webm;codecs=vp8,opus"), "n video/webm;codecs=vp8,opus 1"},
    {"a semicolon at the end",    upload,  MIME("a/b;"),                  "n a/b 1"},
    {"the longest type",          upload,  MIME("a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), "n a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx 1"},
    {"one byte longer",           upload,  MIME("a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), BAD "mime"},
    {"spaces do not count",       upload,  MIME("a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxx  ; a=b"), "n a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxx;a=b 1"},
    {"one parameter too long",    upload,  MIME("a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxx;a=b"), BAD "mime"},
    {"no room for a semicolon",   upload,  MIME("a/" X_64 X_32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx;a=b"), BAD "mime"},
    {"an empty type",             upload,  MIME(""),                      BAD "mime"},
    {"no subtype",                upload,  MIME("image"),                 BAD "mime"},
    {"an empty subtype",          upload,  MIME("image/"),                BAD "mime"},
    {"nothing before it",         upload,  MIME("/png"),                  BAD "mime"},
    {"two slashes",               upload,  MIME("a/b/c"),                 BAD "mime"},
    {"a space in a type",         upload,  MIME("a /b"),                  BAD "mime"},
    {"a line break in it",        upload,  MIME("a/b\\r\\nX: y"),     BAD "mime"},
    {"NUL in it",                 upload,  MIME("a/b\\u0000"),          BAD "mime"},
    {"a parameter without value", upload,  MIME("a/b;c"),                 BAD "mime"},
    {"an empty value",            upload,  MIME("a/b;c="),                BAD "mime"},
    {"a value in quotes",         upload,  MIME("a/b;c=\\\"d\\\""), BAD "mime"},
    {"an empty parameter",        upload,  MIME("a/b;;c=d"),              BAD "mime"},
    {"a comma",                   upload,  MIME("a/b,c/d"),               BAD "mime"},
    {"a list that ends early",    upload,  MIME("a/b;c=d,"),              BAD "mime"},
    {"a list that begins late",   upload,  MIME("a/b;c=,d"),              BAD "mime"},
    {"a list with a hole",        upload,  MIME("a/b;c=d,,e"),            BAD "mime"},
    {"beyond ASCII",              upload,  MIME("a/\u00e9"),             BAD "mime"},
    {"null as a type",            upload,  UPLOAD("\"n\"", "null", "1"), BAD "mime"},
    {"a number as a type",        upload,  UPLOAD("\"n\"", "1", "1"),   BAD "mime"},

    // sizes
    {"the largest size",          upload,  SIZE("9007199254740991"),      "n a/b 9007199254740991"},
    {"one byte more",             upload,  SIZE("9007199254740992"),      BAD "size"},
    {"an empty file",             upload,  SIZE("0"),                     BAD "size"},
    {"less than that",            upload,  SIZE("-1"),                    BAD "size"},
    {"half a byte",               upload,  SIZE("1.5"),                   BAD "size"},
    {"a size as a string",        upload,  SIZE("\"1\""),               BAD "size"},
    {"null as a size",            upload,  SIZE("null"),                  BAD "size"},
    {"no size",                   upload,  STR("{\"name\":\"n\",\"mime\":\"a/b\"}"), BAD "size"},

    // sums
    {"a sum",                     upload,  SHA("\"" HEX_62 "fF\""),     "n a/b 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdff"},
    {"null as no sum",            upload,  SHA("null"),                   "n a/b 1"},
    {"a digit too few",           upload,  SHA("\"" HEX_62 "f\""),      BAD "sha256"},
    {"a digit too many",          upload,  SHA("\"" HEX_62 "fff\""),    BAD "sha256"},
    {"no digit",                  upload,  SHA("\"" HEX_62 "fg\""),     BAD "sha256"},
    {"an empty sum",              upload,  SHA("\"\""),                 BAD "sha256"},
    {"base64",                    upload,  SHA("\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\""), BAD "sha256"},
    {"a sum that is a number",    upload,  SHA("1"),                      BAD "sha256"},
    {"no object",                 upload,  STR("[]"),                     BAD},
    {"no upload",                 upload,  {0},                           BAD},
};
// clang-format on

static void expect_files(const struct api_decoder_config *config, const struct row *all,
                         size_t n)
{
    struct api_decoder d;
    struct buf said;

    api_decoder_init(&d, config);
    buf_init(&said, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        decode(&said, &d, &all[i]);
        expect_str(all[i].name, buf_str(&said), str_of(all[i].want));
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

static void decodes_what_is_said_of_files(void **state)
{
    struct api_urls urls = {0};
    struct fake_media media;

    (void)state;
    fake_media_init(&media, NULL);
    assert_int_equal(api_urls_add(&urls, STR("https://cdn.example/files")), 0);
    const struct api_decoder_config config = {
        .home_chain = HOME, .content_bytes = FILES, .media = &media.port, .urls = &urls};
    expect_files(&config, file_rows, COUNT_OF(file_rows));
}

// clang-format off
static const struct row no_media_rows[] = {
    {"an upload",                 send,    IMAGE("{" UP "}"),             TYPE},
    {"a file of others",          send,    IMAGE("{\"url\":\"" ELSE "\"}"), A " image {\"url\":\"" ELSE "\"}"},
    {"a link of ours once",       send,    IMAGE("{\"url\":\"" LINK "\"}"), BAD "content"},
};

static const struct row no_urls_rows[] = {
    {"an upload",                 send,    IMAGE("{" UP "}"),             GOT("{" UP "}")},
    {"a file of others",          send,    IMAGE("{\"url\":\"" ELSE "\"}"), BAD "content"},
};
// clang-format on

static void files_of_others_need_no_media_and_uploads_no_others(void **state)
{
    struct api_urls urls = {0};
    struct fake_media media;

    (void)state;
    fake_media_init(&media, NULL);
    assert_int_equal(api_urls_add(&urls, STR("https://cdn.example/files")), 0);
    const struct api_decoder_config no_media = {
        .home_chain = HOME, .content_bytes = FILES, .urls = &urls};
    expect_files(&no_media, no_media_rows, COUNT_OF(no_media_rows));
    const struct api_decoder_config no_urls = {
        .home_chain = HOME, .content_bytes = FILES, .media = &media.port};
    expect_files(&no_urls, no_urls_rows, COUNT_OF(no_urls_rows));
}

/** So that a repeat with a link that was made anew is a repeat. */
static void a_link_and_its_upload_have_one_digest(void **state)
{
    static const str payloads[] = {
        IMAGE("{" UP ",\"name\":\"n\"}"),
        IMAGE("{\"url\":\"" LINK "\",\"name\":\"n\"}"),
        IMAGE("{\"url\":\"https://media.test/put/" U "?x\",\"name\":\"n\",\"width\":null}"),
    };
    uint8_t first[CHAT_DIGEST_SIZE];
    struct fake_media media;
    struct api_decoder d;
    struct chat_send send;

    (void)state;
    fake_media_init(&media, NULL);
    api_decoder_init(&d, &(struct api_decoder_config){
                             .home_chain = HOME, .content_bytes = FILES, .media = &media.port});
    for (size_t i = 0; i < COUNT_OF(payloads); i++) {
        CLEANUP(json_freep) struct json *payload = parse("payload", payloads[i]);
        assert_int_equal(api_decode_send(&send, &d, payload), 0);
        assert_int_equal(send.kind, CHAT_IMAGE);
        if (i == 0)
            memcpy(first, send.digest, sizeof(first));
        assert_memory_equal(send.digest, first, sizeof(first));
    }
    api_decoder_fini(&d);
}

/** Cut and closed again: no piece of a name or a type is another's. */
static void a_type_may_be_cut_anywhere(void **state)
{
    static const char whole[] = "Video/webm ; codecs=vp8";
    struct api_decoder d;
    struct buf said;
    char payload[128];

    (void)state;
    begin(&d, CONTENT);
    buf_init(&said, SIZE_MAX / 2);
    for (size_t n = 0; n < sizeof(whole); n++) {
        snprintf(payload, sizeof(payload), "{\"name\":\"n\",\"mime\":\"%.*s\",\"size\":1}",
                 (int)n, whole);
        decode(&said, &d, &(struct row){payload, upload, str_of(payload), NULL});
        const bool is_good = (n >= 7 && n <= 12) || n >= 21;
        expect_int(payload, str_starts(buf_str(&said), STR("n video/")), is_good);
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

// Ids.

/** The payload is {"NAME":"ID","seq":1}, with as much of the id as there is. */
static void expect_cut(decode_fn *fn, const char *name, const char *refusal)
{
    static const char id[] = "1f1f1f1f1f1f1f1f1f";
    struct api_decoder d;
    struct buf said;
    char payload[256];

    begin(&d, CONTENT);
    buf_init(&said, SIZE_MAX / 2);
    for (size_t n = 0; n < sizeof(id); n++) {
        snprintf(payload, sizeof(payload), "{\"%s\":\"%.*s\",\"seq\":1}", name, (int)n, id);
        decode(&said, &d, &(struct row){payload, fn, str_of(payload), NULL});
        if (n == 16) {
            assert_false(str_starts(buf_str(&said), str_of(refusal)));
        } else {
            expect_str(payload, buf_str(&said), str_of(refusal));
        }
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

static void ids_have_one_length(void **state)
{
    (void)state;
    expect_cut(mark, "conversation", "not_found conversation");
    expect_cut(list, "after", BAD "after");
}

static void ids_are_made_of_small_hex_digits(void **state)
{
    struct api_decoder d;
    struct buf said;
    char payload[64];

    (void)state;
    begin(&d, CONTENT);
    buf_init(&said, SIZE_MAX / 2);
    for (int c = ' '; c < 0x7f; c++) {
        const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (c == '"' || c == '\\')
            continue;
        snprintf(payload, sizeof(payload), "{\"after\":\"00000001%c0000000\"}", c);
        decode(&said, &d, &(struct row){payload, list, str_of(payload), NULL});
        expect_int(payload, str_starts(buf_str(&said), STR("limit=50")), is_digit);
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

// Digests.

static void digest_of(uint8_t out[CHAT_DIGEST_SIZE], const char *rest)
{
    struct api_decoder d;
    struct chat_send send;
    char text[256];

    snprintf(text, sizeof(text), "{" TO ",%s}", rest);
    CLEANUP(json_freep) struct json *payload = parse(rest, str_of(text));
    begin(&d, CONTENT);
    expect_int(rest, api_decode_send(&send, &d, payload), 0);
    memcpy(out, send.digest, CHAT_DIGEST_SIZE);
    api_decoder_fini(&d);
}

/** A resend is known by it, so it may not change from one version to the next. */
static void the_digest_is_of_type_reply_to_and_content(void **state)
{
    // sha256(b'text\0' + bytes(7) + b'\3' + b'"hi"')
    static const uint8_t want[CHAT_DIGEST_SIZE] = {0x8a, 0x25, 0x15, 0x0f, 0x60, 0x73,
                                                   0x65, 0x4c, 0x75, 0x04, 0x7f, 0xf7,
                                                   0xf0, 0x8c, 0x0d, 0xee};
    uint8_t got[CHAT_DIGEST_SIZE];

    (void)state;
    digest_of(got, TEXT ",\"reply_to\":3");
    assert_memory_equal(got, want, sizeof(want));
}

static void digests_differ_where_messages_do(void **state)
{
    static const struct {
        const char *name;
        const char *a;
        const char *b;
        bool is_same;
    } pairs[] = {
        {"order of members", "\"type\":\"x-a\",\"content\":{\"a\":1,\"b\":2}",
         "\"content\":{\"b\":2.0,\"a\":1},\"type\":\"x-a\"", true},
        {"keys", TEXT ",\"client_msg_id\":\"a\"", TEXT ",\"client_msg_id\":\"b\"", true},
        {"content", "\"type\":\"x-a\",\"content\":1", "\"type\":\"x-a\",\"content\":\"1\"",
         false},
        {"type", "\"type\":\"x-a\",\"content\":1", "\"type\":\"x-b\",\"content\":1", false},
        {"where the type ends", "\"type\":\"x-a1\",\"content\":1",
         "\"type\":\"x-a\",\"content\":11", false},
        {"reply_to", TEXT ",\"reply_to\":1", TEXT ",\"reply_to\":2", false},
        {"a large reply_to", TEXT ",\"reply_to\":1", TEXT ",\"reply_to\":256", false},
        {"no reply_to", TEXT ",\"reply_to\":1", TEXT, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        uint8_t a[CHAT_DIGEST_SIZE];
        uint8_t b[CHAT_DIGEST_SIZE];
        digest_of(a, pairs[i].a);
        digest_of(b, pairs[i].b);
        expect_int(pairs[i].name, memcmp(a, b, sizeof(a)) == 0, pairs[i].is_same);
    }
}

static void finds_the_key_of_a_bad_send(void **state)
{
    static const struct {
        const char *name;
        str payload;
        str key;
    } keys[] = {
        {"a good key", STR("{\"client_msg_id\":\"a:1\",\"type\":7}"), STR("a:1")},
        {"a bad key", STR("{\"client_msg_id\":\"a b\"}"), {0}},
        {"a number", STR("{\"client_msg_id\":1}"), {0}},
        {"none", STR("{}"), {0}},
        {"no object", STR("[]"), {0}},
        {"nothing", {0}, {0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        CLEANUP(json_freep) struct json *payload = parse(keys[i].name, keys[i].payload);
        expect_str(keys[i].name, api_decode_key(payload), keys[i].key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(remembers_nothing),
        cmocka_unit_test(takes_200_accounts),
        cmocka_unit_test(takes_a_text_of_64_kib),
        cmocka_unit_test(decodes_what_is_said_of_files),
        cmocka_unit_test(files_of_others_need_no_media_and_uploads_no_others),
        cmocka_unit_test(a_link_and_its_upload_have_one_digest),
        cmocka_unit_test(a_type_may_be_cut_anywhere),
        cmocka_unit_test(ids_have_one_length),
        cmocka_unit_test(ids_are_made_of_small_hex_digits),
        cmocka_unit_test(the_digest_is_of_type_reply_to_and_content),
        cmocka_unit_test(digests_differ_where_messages_do),
        cmocka_unit_test(finds_the_key_of_a_bad_send),
    };
    return cmocka_run_group_tests_name("api_decode", tests, NULL, NULL);
}
