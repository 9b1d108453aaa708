#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/head.h"
#include "support/t.h"

#define MORE      HTTP_HEAD_MORE
#define BAD       HTTP_HEAD_BAD
#define TOO_LARGE HTTP_HEAD_TOO_LARGE

#define GET(fields)   STR("GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n")
#define GET_0(fields) STR("GET / HTTP/1.0\r\n" fields "\r\n")
#define HOST(value)   STR("GET / HTTP/1.1\r\nHost: " value "\r\n\r\n")
#define TARGET(t)     STR("GET " t " HTTP/1.1\r\nHost: a\r\n\r\n")

/** A head in memory of its own, so that ASan sees its edges. */
struct parsed {
    char *bytes; // owned
    str left;    // what the parser left of them
    int r;
    struct http_head head; // points into bytes
};

static void parse(struct parsed *p, str in)
{
    p->bytes = malloc(in.len + 1);
    assert_non_null(p->bytes);
    p->left = str_copy(p->bytes + 1, in); // no byte too many at the end
    p->r = http_head_parse(&p->head, &p->left);
}

static void parsed_fini(struct parsed *p)
{
    free(p->bytes);
}

static int answer_to(str in)
{
    struct parsed p;
    parse(&p, in);
    if (p.r != 0)
        expect_int("bytes left by a refusal", p.left.len, in.len);
    parsed_fini(&p);
    return p.r;
}

struct target_row {
    const char *name;
    str in;
    enum http_method method;
    str path;
    str query;
};

// clang-format off
static const struct target_row target_rows[] = {
    // name                         input                                        method        path             query
    {"root",                        TARGET("/"),                                 HTTP_GET,     STR("/"),        STR("")},
    {"path",                        TARGET("/socket.io/"),                       HTTP_GET,     STR("/socket.io/"), STR("")},
    {"query",                       TARGET("/a?EIO=4&transport=polling"),        HTTP_GET,     STR("/a"),       STR("EIO=4&transport=polling")},
    {"empty query",                 TARGET("/a?"),                               HTTP_GET,     STR("/a"),       STR("")},
    {"query with question marks",   TARGET("/a?b?c?"),                           HTTP_GET,     STR("/a"),       STR("b?c?")},
    {"query with slashes",          TARGET("/a?b=/c"),                           HTTP_GET,     STR("/a"),       STR("b=/c")},
    {"stays encoded",               TARGET("/%41%00%zz?%26"),                    HTTP_GET,     STR("/%41%00%zz"), STR("%26")},
    {"what browsers do not encode", TARGET("/a|b\"c?{d}^`<e>\\"),                HTTP_GET,     STR("/a|b\"c"),  STR("{d}^`<e>\\")},
    {"two slashes are a path",      TARGET("//a/b"),                             HTTP_GET,     STR("//a/b"),    STR("")},
    {"absolute",                    TARGET("http://a.b/c?d"),                    HTTP_GET,     STR("/c"),       STR("d")},
    {"absolute with a port",        TARGET("http://a:80/c"),                     HTTP_GET,     STR("/c"),       STR("")},
    {"absolute with an empty port", TARGET("http://a:/c"),                       HTTP_GET,     STR("/c"),       STR("")},
    {"absolute, https",             TARGET("https://a/c"),                       HTTP_GET,     STR("/c"),       STR("")},
    {"absolute, capital scheme",    TARGET("HTTP://a/c"),                        HTTP_GET,     STR("/c"),       STR("")},
    {"absolute without a path",     TARGET("http://a"),                          HTTP_GET,     STR("/"),        STR("")},
    {"absolute, query at once",     TARGET("http://a?b/c"),                      HTTP_GET,     STR("/"),        STR("b/c")},
    {"absolute, https, no path",    TARGET("https://a:1?b"),                     HTTP_GET,     STR("/"),        STR("b")},
    {"absolute to IPv6",            TARGET("http://[::1]:80/c"),                 HTTP_GET,     STR("/c"),       STR("")},
    {"a URL in a query",            TARGET("/?u=http://u@h/"),                   HTTP_GET,     STR("/"),        STR("u=http://u@h/")},
    {"asterisk",                    STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OPTIONS, STR("*"),       STR("")},
    {"OPTIONS of a path",           STR("OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OPTIONS, STR("/a"),     STR("")},
    {"HEAD",                        STR("HEAD / HTTP/1.0\r\n\r\n"),              HTTP_HEAD,    STR("/"),        STR("")},
    {"POST",                        STR("POST / HTTP/1.0\r\n\r\n"),              HTTP_POST,    STR("/"),        STR("")},
    {"PUT",                         STR("PUT / HTTP/1.0\r\n\r\n"),               HTTP_PUT,     STR("/"),        STR("")},
    {"DELETE",                      STR("DELETE / HTTP/1.0\r\n\r\n"),            HTTP_DELETE,  STR("/"),        STR("")},
    {"PATCH",                       STR("PATCH / HTTP/1.0\r\n\r\n"),             HTTP_PATCH,   STR("/"),        STR("")},
    {"a method is case-sensitive",  STR("get / HTTP/1.0\r\n\r\n"),               HTTP_OTHER,   STR("/"),        STR("")},
    {"longer than a known method",  STR("GETS / HTTP/1.0\r\n\r\n"),              HTTP_OTHER,   STR("/"),        STR("")},
    {"every tchar in a method",     STR("!#$%&'*+-.^_`|~09AZaz / HTTP/1.0\r\n\r\n"), HTTP_OTHER, STR("/"),      STR("")},
    {"empty lines before it",       STR("\r\n\r\nGET / HTTP/1.0\r\n\r\n"),       HTTP_GET,     STR("/"),        STR("")},
};

struct meaning_row {
    const char *name;
    str in;
    str want; // as describe() writes it
};

static const struct meaning_row meaning_rows[] = {
    {"HTTP/1.1",                    GET(""), STR("HTTP/1.1 keep")},
    {"HTTP/1.1, close",             GET("Connection: close\r\n"), STR("HTTP/1.1")},
    {"close among others",          GET("Connection: x,CLOSE , y\r\n"), STR("HTTP/1.1")},
    {"close wins over keep-alive",  GET("Connection: keep-alive\r\nConnection: close\r\n"), STR("HTTP/1.1")},
    {"closed is not close",         GET("Connection: closed\r\n"), STR("HTTP/1.1 keep")},
    {"HTTP/1.0",                    GET_0(""), STR("HTTP/1.0")},
    {"HTTP/1.0 with Host",          GET_0("Host: a\r\n"), STR("HTTP/1.0")},
    {"HTTP/1.0, keep-alive",        GET_0("Connection: Keep-Alive\r\n"), STR("HTTP/1.0 keep")},
    {"HTTP/1.0, close wins",        GET_0("Connection: keep-alive, close\r\n"), STR("HTTP/1.0")},
    {"length",                      GET("Content-Length: 5\r\n"), STR("HTTP/1.1 keep length 5")},
    {"length of zero",              GET("Content-Length: 0\r\n"), STR("HTTP/1.1 keep length 0")},
    {"space around a length",       GET("Content-Length: \t  5 \t\r\n"), STR("HTTP/1.1 keep length 5")},
    {"zeros before a length",       GET("Content-Length: 005\r\n"), STR("HTTP/1.1 keep length 5")},
    {"largest length",              GET("Content-Length: 18446744073709551615\r\n"), STR("HTTP/1.1 keep length 18446744073709551615")},
    {"HTTP/1.0 with a length",      GET_0("content-length:7\r\n"), STR("HTTP/1.0 length 7")},
    {"chunked",                     GET("Transfer-Encoding: chunked\r\n"), STR("HTTP/1.1 keep chunked")},
    {"Chunked, in any case",        GET("TRANSFER-encoding:\tChUNKED \r\n"), STR("HTTP/1.1 keep chunked")},
    {"upgrade",                     GET("Connection: Upgrade\r\nUpgrade: websocket\r\n"), STR("HTTP/1.1 keep upgrade")},
    {"upgrade among others",        GET("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"), STR("HTTP/1.1 keep upgrade")},
    {"upgrade in a second field",   GET("Connection: x\r\nConnection: upgrade\r\nUpgrade: w\r\n"), STR("HTTP/1.1 keep upgrade")},
    {"Upgrade alone",               GET("Upgrade: websocket\r\n"), STR("HTTP/1.1 keep")},
    {"Connection alone",            GET("Connection: upgrade\r\n"), STR("HTTP/1.1 keep")},
    {"an empty Upgrade",            GET("Connection: upgrade\r\nUpgrade:\r\n"), STR("HTTP/1.1 keep")},
    {"no upgrade from HTTP/1.0",    GET_0("Connection: upgrade\r\nUpgrade: w\r\n"), STR("HTTP/1.0")},
    {"expects 100",                 GET("Expect: 100-Continue\r\n"), STR("HTTP/1.1 keep expects")},
    {"HTTP/1.0 expects nothing",    GET_0("Expect: 100-continue\r\n"), STR("HTTP/1.0")},
};

struct refusal_row {
    const char *name;
    str in;
    int r;
};

static const struct refusal_row refusal_rows[] = {
    // the request line
    {"no method",                   STR(" / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"no target",                   STR("GET HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"two spaces before the target", STR("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"two spaces behind the target", STR("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a space in the target",       TARGET("/a b"), BAD},
    {"a space at the end",          STR("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), BAD},
    {"a tab behind the method",     STR("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a tab behind the target",     STR("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a separator in the method",   STR("GE:T / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a brace in the method",       STR("GET} / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"obs-text in the method",      STR("G\xc3\x8bT / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"obs-text in the target",      TARGET("/\xc3\xbc"), BAD},
    {"DEL in the target",           TARGET("/\x7f"), BAD},
    {"NUL in the target",           TARGET("/\0"), BAD},
    {"a space before it",           STR(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a bare LF before it",         STR("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"a bare CR before it",         STR("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"HTTP/0.9",                    STR("GET /\r\n"), BAD},
    {"HTTP/0.9 with a space",       STR("GET / \r\n"), BAD},
    {"lower-case version",          STR("GET / http/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"another protocol",            STR("GET / ICE/1.0\r\n\r\n"), BAD},
    {"a version without a dot",     STR("GET / HTTP/1,1\r\nHost: a\r\n\r\n"), BAD},
    {"a version that is no number", STR("GET / HTTP/x.1\r\nHost: a\r\n\r\n"), BAD},
    {"a minor one that is none",    STR("GET / HTTP/1.x\r\nHost: a\r\n\r\n"), BAD},
    {"a version of more digits",    STR("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), BAD},
    {"a space in the version",      STR("GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"), BAD},
    {"HTTP/0.9, named",             STR("GET / HTTP/0.9\r\n\r\n"), HTTP_HEAD_VERSION},
    {"HTTP/1.2",                    STR("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), HTTP_HEAD_VERSION},
    {"HTTP/2.0",                    STR("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), HTTP_HEAD_VERSION},
    {"HTTP/2 connection preface",   STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP_HEAD_VERSION},
    {"TLS ClientHello",             STR("\x16\x03\x01\x02\x00\x01"), BAD},
    // the target
    {"a fragment",                  TARGET("/a#b"), BAD},
    {"a fragment in the query",     TARGET("/a?b#c"), BAD},
    {"no slash before the path",    TARGET("a/b"), BAD},
    {"only a query",                TARGET("?a"), BAD},
    {"authority-form",              STR("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"an asterisk with GET",        TARGET("*"), BAD},
    {"more than an asterisk",       STR("OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"an asterisk with a query",    STR("OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
    {"another scheme",              TARGET("ftp://a/"), BAD},
    {"a scheme with one slash",     TARGET("http:/a/"), BAD},
    {"absolute without a host",     TARGET("http:///a"), BAD},
    {"absolute with nothing else",  TARGET("http://"), BAD},
    {"absolute, port without host", TARGET("http://:80/"), BAD},
    {"absolute with userinfo",      TARGET("http://user@a/"), BAD},
    {"absolute with a password",    TARGET("http://user:pass@a/"), BAD},
    {"absolute, port is a word",    TARGET("http://a:b/"), BAD},
    {"absolute, backslash",         TARGET("http://a\\b/"), BAD},
    // lines
    {"bare LF behind the first",    STR("GET / HTTP/1.1\nHost: a\r\n\r\n"), BAD},
    {"bare CR behind the first",    STR("GET / HTTP/1.1\rHost: a\r\n\r\n"), BAD},
    {"bare LF behind a field",      STR("GET / HTTP/1.1\r\nHost: a\n\r\n"), BAD},
    {"bare CR behind a field",      STR("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), BAD},
    {"two CR behind a field",       STR("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), BAD},
    {"bare LF at the end",          STR("GET / HTTP/1.1\r\nHost: a\r\n\n"), BAD},
    {"bare CR at the end",          STR("GET / HTTP/1.1\r\nHost: a\r\n\rX"), BAD},
    // fields
    {"no colon",                    GET("X\r\n"), BAD},
    {"no name",                     GET(": b\r\n"), BAD},
    {"a space before the colon",    GET("X : b\r\n"), BAD},
    {"a tab before the colon",      GET("X\t: b\r\n"), BAD},
    {"a space before the name",     STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), BAD},
    {"obs-fold with a space",       GET("X: b\r\n c\r\n"), BAD},
    {"obs-fold with a tab",         GET("X: b\r\n\tc\r\n"), BAD},
    {"obs-fold of nothing",         GET("X: b\r\n \r\n"), BAD},
    {"a space in the name",         GET("X Y: b\r\n"), BAD},
    {"NUL in the name",             GET("X\0: b\r\n"), BAD},
    {"obs-text in the name",        GET("\xc3\xbc: b\r\n"), BAD},
    {"a quote in the name",         GET("\"X\": b\r\n"), BAD},
    {"NUL in a value",              GET("X: a\0b\r\n"), BAD},
    {"escape in a value",           GET("X: a\x1b[0m\r\n"), BAD},
    {"DEL in a value",              GET("X: a\x7f\r\n"), BAD},
    // Host
    {"no Host",                     STR("GET / HTTP/1.1\r\n\r\n"), BAD},
    {"no Host, absolute-form",      STR("GET http://a/ HTTP/1.1\r\n\r\n"), BAD},
    {"two hosts",                   STR("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), BAD},
    {"the same host twice",         STR("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), BAD},
    {"two hosts, HTTP/1.0",         GET_0("Host: a\r\nHost: b\r\n"), BAD},
    {"two hosts in one",            HOST("a, b"), BAD},
    {"a host with userinfo",        HOST("u@a"), BAD},
    {"a host with a path",          HOST("a/b"), BAD},
    {"a host with two ports",       HOST("a:1:2"), BAD},
    {"a host whose port is a word", HOST("a:b"), BAD},
    {"a port without a host",       HOST(":80"), BAD},
    {"IPv6 without brackets",       HOST("::1"), BAD},
    {"IPv6 without an end",         HOST("[::1"), BAD},
    {"nothing in brackets",         HOST("[]"), BAD},
    {"a name in brackets",          HOST("[host]"), BAD},
    {"a name behind brackets",      HOST("[::1]a"), BAD},
    {"obs-text in a host",          HOST("\xc3\xbc"), BAD},
    // what frames the body
    {"a length and chunked",        GET("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), BAD},
    {"chunked and a length",        GET("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), BAD},
    {"a length and identity",       GET("Content-Length: 5\r\nTransfer-Encoding: identity\r\n"), BAD},
    {"two lengths",                 GET("Content-Length: 5\r\nContent-Length: 6\r\n"), BAD},
    {"the same length twice",       GET("Content-Length: 5\r\ncontent-length: 5\r\n"), BAD},
    {"a list of lengths",           GET("Content-Length: 5, 5\r\n"), BAD},
    {"a length with a comma",       GET("Content-Length: 5,\r\n"), BAD},
    {"a length with a plus",        GET("Content-Length: +5\r\n"), BAD},
    {"a length below zero",         GET("Content-Length: -1\r\n"), BAD},
    {"a length in hex",             GET("Content-Length: 0x5\r\n"), BAD},
    {"a length with a fraction",    GET("Content-Length: 5.0\r\n"), BAD},
    {"a length with a space in it", GET("Content-Length: 5 5\r\n"), BAD},
    {"a length with an underscore", GET("Content-Length: 1_0\r\n"), BAD},
    {"an empty length",             GET("Content-Length:\r\n"), BAD},
    {"a length of 2^64",            GET("Content-Length: 18446744073709551616\r\n"), BAD},
    {"a length that wraps to 5",    GET("Content-Length: 18446744073709551621\r\n"), BAD},
    {"a bad length, HTTP/1.0",      GET_0("Content-Length: 5, 5\r\n"), BAD},
    {"chunked from HTTP/1.0",       GET_0("Transfer-Encoding: chunked\r\n"), BAD},
    {"chunked, identity",           GET("Transfer-Encoding: chunked, identity\r\n"), BAD},
    {"chunked, chunked",            GET("Transfer-Encoding: chunked, chunked\r\n"), BAD},
    {"chunked twice",               GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), BAD},
    {"chunked, then gzip",          GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"), BAD},
    {"gzip",                        GET("Transfer-Encoding: gzip\r\n"), HTTP_HEAD_CODING},
    {"gzip, chunked",               GET("Transfer-Encoding: gzip, chunked\r\n"), HTTP_HEAD_CODING},
    {"gzip, then chunked",          GET("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), HTTP_HEAD_CODING},
    {"identity",                    GET("Transfer-Encoding: identity\r\n"), HTTP_HEAD_CODING},
    {"identity, then chunked",      GET("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), HTTP_HEAD_CODING},
    {"xchunked",                    GET("Transfer-Encoding: xchunked\r\n"), HTTP_HEAD_CODING},
    {"chunked in quotes",           GET("Transfer-Encoding: \"chunked\"\r\n"), HTTP_HEAD_CODING},
    {"chunked with a parameter",    GET("Transfer-Encoding: chunked;q=1\r\n"), HTTP_HEAD_CODING},
    {"a vertical tab and chunked",  GET("Transfer-Encoding: \vchunked\r\n"), BAD},
    {"nothing, chunked",            GET("Transfer-Encoding: ,chunked\r\n"), HTTP_HEAD_CODING},
    {"chunked, nothing",            GET("Transfer-Encoding: chunked,\r\n"), HTTP_HEAD_CODING},
    {"no coding",                   GET("Transfer-Encoding:\r\n"), HTTP_HEAD_CODING},
    {"a space before the colon, chunked", GET("Transfer-Encoding : chunked\r\n"), BAD},
    // what is expected
    {"another expectation",         GET("Expect: 200-ok\r\n"), HTTP_HEAD_EXPECTATION},
    {"an empty expectation",        GET("Expect:\r\n"), HTTP_HEAD_EXPECTATION},
    {"100-continue and another",    GET("Expect: 100-continue\r\nExpect: a\r\n"), HTTP_HEAD_EXPECTATION},
};

// What decides is the last byte: it is refused with it, and not without it.
static const struct refusal_row early_rows[] = {
    {"a byte that begins nothing",  STR("\x16"), BAD},
    {"bare LF before it",           STR("\n"), BAD},
    {"not LF behind an empty CR",   STR("\r\r"), BAD},
    {"a control in the method",     STR("GET\x01"), BAD},
    {"the second space",            STR("GET  "), BAD},
    {"a fragment",                  STR("GET /#"), BAD},
    {"the end of an HTTP/0.9 line", STR("GET /\r"), BAD},
    {"lower-case version",          STR("GET / h"), BAD},
    {"a version not ours",          STR("GET / HTTP/2.0"), HTTP_HEAD_VERSION},
    {"bare LF behind the first",    STR("GET / HTTP/1.1\n"), BAD},
    {"the asterisk, seen in whole", STR("GET * HTTP/1.1\r\n"), BAD},
    {"a folded line",               STR("GET / HTTP/1.1\r\nA: b\r\n "), BAD},
    {"a space before the colon",    STR("GET / HTTP/1.1\r\nA "), BAD},
    {"a line without a colon",      STR("GET / HTTP/1.1\r\nA\r"), BAD},
    {"a name that is empty",        STR("GET / HTTP/1.1\r\n:"), BAD},
    {"NUL in a value",              STR("GET / HTTP/1.1\r\nA: \0"), BAD},
    {"bare LF behind a field",      STR("GET / HTTP/1.1\r\nA: b\n"), BAD},
    {"bare CR behind a field",      STR("GET / HTTP/1.1\r\nA: b\rB"), BAD},
    {"bare CR for the last line",   STR("GET / HTTP/1.1\r\nA: b\r\n\rB"), BAD},
};

// clang-format on

static void splits_the_request_line(void **state)
{
    (void)state;
    for (const struct target_row *row = target_rows; row < target_rows + COUNT_OF(target_rows);
         row++) {
        struct parsed p;
        parse(&p, row->in);

        expect_int(row->name, p.r, 0);
        expect_int(row->name, p.left.len, 0);
        expect_int(row->name, p.head.method, row->method);
        expect_str(row->name, p.head.path, row->path);
        expect_str(row->name, p.head.query, row->query);
        parsed_fini(&p);
    }
}

/** What the fields mean, in words. */
static str describe(const struct http_head *h, char out[128])
{
    char length[32] = "";
    assert_true(h->has_length || h->content_length == 0);
    if (h->has_length)
        snprintf(length, sizeof(length), " length %" PRIu64, h->content_length);
    snprintf(out, 128, "HTTP/1.%u%s%s%s%s%s", h->minor_version, h->keep_alive ? " keep" : "",
             h->is_chunked ? " chunked" : "", length, h->expects_continue ? " expects" : "",
             h->is_upgrade ? " upgrade" : "");
    return str_of(out);
}

static void reads_what_the_fields_mean(void **state)
{
    (void)state;
    for (const struct meaning_row *row = meaning_rows;
         row < meaning_rows + COUNT_OF(meaning_rows); row++) {
        struct parsed p;
        char meaning[128];
        parse(&p, row->in);

        expect_int(row->name, p.r, 0);
        expect_int(row->name, p.left.len, 0);
        expect_str(row->name, describe(&p.head, meaning), row->want);
        parsed_fini(&p);
    }
}

static void refuses_each_row_and_takes_nothing(void **state)
{
    (void)state;
    for (const struct refusal_row *row = refusal_rows;
         row < refusal_rows + COUNT_OF(refusal_rows); row++)
        expect_int(row->name, answer_to(row->in), row->r);
}

static void refuses_at_the_first_byte_that_decides(void **state)
{
    (void)state;
    for (const struct refusal_row *row = early_rows; row < early_rows + COUNT_OF(early_rows);
         row++) {
        expect_int(row->name, answer_to((str){row->in.ptr, row->in.len - 1}), MORE);
        expect_int(row->name, answer_to(row->in), row->r);
    }
}

static void asks_for_more_at_every_cut(void **state)
{
    (void)state;
    for (const struct target_row *row = target_rows; row < target_rows + COUNT_OF(target_rows);
         row++) {
        for (size_t n = 0; n < row->in.len; n++)
            expect_int(row->name, answer_to((str){row->in.ptr, n}), MORE);
    }
    for (const struct meaning_row *row = meaning_rows;
         row < meaning_rows + COUNT_OF(meaning_rows); row++) {
        for (size_t n = 0; n < row->in.len; n++)
            expect_int(row->name, answer_to((str){row->in.ptr, n}), MORE);
    }
}

static void refuses_a_control_byte_anywhere(void **state)
{
    (void)state;
    const str good = GET("X: ab\r\n");

    for (size_t at = 0; at < good.len; at++) {
        for (int c = 0; c <= 0x7f; c = c == 0x1f ? 0x7f : c + 1) {
            char bytes[64];
            const str in = str_copy(bytes, good);
            const bool is_in_value =
                in.ptr[at] == 'a' || in.ptr[at] == 'b' || (at > 0 && in.ptr[at - 1] == ':');
            if (bytes[at] == c || (c == '\t' && is_in_value))
                continue;
            bytes[at] = (char)c;

            char what[64];
            snprintf(what, sizeof(what), "byte %zu is %#x", at, (unsigned)c);
            expect_int(what, answer_to(in), BAD);
        }
    }
}

static void takes_exactly_the_token_bytes_in_names(void **state)
{
    (void)state;
    char line[] = "GET / HTTP/1.1\r\nHost: a\r\nX_: b\r\n\r\n";
    char *byte = strchr(line, '_');

    for (int c = 0; c <= 0xff; c++) {
        if (c == ':') // the name ends before it
            continue;
        // RFC 9110, section 5.6.2
        const bool is_token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                              (c >= 'a' && c <= 'z') ||
                              (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
        char what[32];
        snprintf(what, sizeof(what), "byte %#x", (unsigned)c);
        *byte = (char)c;
        expect_int(what, answer_to((str){line, sizeof(line) - 1}), is_token ? 0 : BAD);
    }
}

static void takes_tabs_and_obs_text_in_values(void **state)
{
    (void)state;
    char line[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a_b\r\n\r\n";
    char *byte = strchr(line, '_');

    for (unsigned c = ' '; c <= 0xff; c = c == '~' ? 0x80 : c + 1) {
        struct parsed p;
        *byte = (char)c;
        parse(&p, str_of(line));

        assert_int_equal(p.r, 0);
        expect_str("value", http_head_get(&p.head, STR("x")), ((str){byte - 1, 3}));
        parsed_fini(&p);
    }
    *byte = '\t';
    assert_int_equal(answer_to(str_of(line)), 0);
}

static void takes_the_hosts_that_are_one(void **state)
{
    (void)state;
    static const str hosts[] = {
        HOST(""),
        HOST("a"),
        HOST("a:"),
        HOST("a:65535"),
        HOST("A-1.b_c~"),
        HOST("127.0.0.1"),
        HOST("[::1]"),
        HOST("[::1]:80"),
        HOST("[::ffff:127.0.0.1]"),
        HOST("%41!$&'()*+,;="),
        HOST("localhost:3000"),
    };

    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (answer_to(hosts[i]) != 0)
            fail_msg("refused: " STR_FMT, STR_ARG(hosts[i]));
    }
}

static void gives_headers_in_order_and_without_the_space_around_them(void **state)
{
    (void)state;
    static const struct http_header want[] = {
        {STR("Host"), STR("a")}, {STR("A"), STR("b")},
        {STR("b"), STR("")},     {STR("!#$%&'*+-.^_`|~09AZaz"), STR("c: d\t e")},
        {STR("A"), STR("f")},
    };
    struct parsed p;

    parse(&p, GET("A:b\r\nb: \t \r\n!#$%&'*+-.^_`|~09AZaz:\tc: d\t e  \r\nA: f\r\n"));

    assert_int_equal(p.r, 0);
    assert_int_equal(p.head.n_headers, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        expect_str("name", p.head.headers[i].name, want[i].name);
        expect_str("value", p.head.headers[i].value, want[i].value);
    }
    parsed_fini(&p);
}

static void finds_the_first_field_of_a_name_in_any_case(void **state)
{
    (void)state;
    struct parsed p;

    parse(&p, GET("X-A: 1\r\nx-a: 2\r\nEmpty:\r\n"));

    assert_int_equal(p.r, 0);
    expect_str("X-A", http_head_get(&p.head, STR("x-A")), STR("1"));
    expect_str("Empty", http_head_get(&p.head, STR("empty")), STR(""));
    assert_non_null(http_head_get(&p.head, STR("empty")).ptr);
    assert_null(http_head_get(&p.head, STR("x")).ptr);
    assert_null(http_head_get(&p.head, STR("x-ab")).ptr);
    parsed_fini(&p);
}

static void finds_a_token_in_the_lists_of_every_field(void **state)
{
    (void)state;
    static const struct {
        str token;
        bool want;
    } rows[] = {
        {STR("a"), true},  {STR("B"), true},   {STR("c d"), true}, {STR("e"), true},
        {STR("c"), false}, {STR("ab"), false}, {STR("f"), false},
    };
    struct parsed p;

    parse(&p, GET("L: a,b\t, c d\r\nOther: f\r\nl: ,,E,\r\n"));

    assert_int_equal(p.r, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const bool has = http_head_has(&p.head, STR("L"), rows[i].token);
        expect_int(rows[i].token.ptr, has, rows[i].want);
    }
    assert_false(http_head_has(&p.head, STR("M"), STR("a")));
    parsed_fini(&p);
}

static void finds_the_token_of_a_bearer(void **state)
{
    static const struct {
        const char *name;
        str in;
        str want;
    } rows[] = {
        {"no field", GET(""), STR("")},
        {"a token", GET("Authorization: Bearer a.b-c_d\r\n"), STR("a.b-c_d")},
        {"in capitals", GET("AUTHORIZATION: BEARER x\r\n"), STR("x")},
        {"in small letters", GET("authorization: bearer x\r\n"), STR("x")},
        {"more blanks", GET("Authorization: \t Bearer   x  \r\n"), STR("x")},
        {"its case stays", GET("Authorization: Bearer aB\r\n"), STR("aB")},
        {"no token", GET("Authorization: Bearer\r\n"), STR("")},
        {"a blank for one", GET("Authorization: Bearer  \r\n"), STR("")},
        {"an empty field", GET("Authorization:\r\n"), STR("")},
        {"a token alone", GET("Authorization: x\r\n"), STR("")},
        {"another scheme", GET("Authorization: Basic x\r\n"), STR("")},
        {"a longer scheme", GET("Authorization: Bearers x\r\n"), STR("")},
        {"a tab behind the scheme", GET("Authorization: Bearer\tx\r\n"), STR("")},
        {"a colon behind it", GET("Authorization: Bearer: x\r\n"), STR("")},
        {"of two the first", GET("Authorization: Basic x\r\nAuthorization: Bearer y\r\n"),
         STR("")},
        {"another field", GET("Proxy-Authorization: Bearer x\r\n"), STR("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed p;
        parse(&p, rows[i].in);
        expect_int(rows[i].name, p.r, 0);
        expect_str(rows[i].name, http_head_bearer(&p.head), rows[i].want);
        parsed_fini(&p);
    }
}

static void leaves_what_is_behind_the_head(void **state)
{
    (void)state;
    const str first = STR("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    const str second = GET("");
    const str body = STR("\r\n\r\n");
    struct buf all;
    struct http_head h;
    buf_init(&all, 1024);
    assert_int_equal(buf_add(&all, first), 0);
    assert_int_equal(buf_add(&all, body), 0);
    assert_int_equal(buf_add(&all, second), 0);

    str in = buf_str(&all);
    assert_int_equal(http_head_parse(&h, &in), 0);
    expect_str("path", h.path, STR("/1"));
    expect_str("body", str_take(&in, (size_t)h.content_length), body);
    assert_int_equal(http_head_parse(&h, &in), 0);
    expect_str("path", h.path, STR("/"));
    assert_int_equal(h.content_length, 0);
    assert_int_equal(in.len, 0);
    buf_fini(&all);
}

/** A head of n bytes: prefix, then as many 'a' as it takes, then suffix; and some body. */
static int answer_to_padded(str prefix, size_t n, str suffix, size_t n_behind)
{
    const size_t n_padding = n - prefix.len - suffix.len;
    char *bytes = malloc(n + n_behind);
    assert_non_null(bytes);
    str_copy(bytes, prefix);
    memset(bytes + prefix.len, 'a', n_padding);
    str_copy(bytes + prefix.len + n_padding, suffix);
    memset(bytes + n, 'b', n_behind);
    struct http_head h;
    str in = {bytes, n + n_behind};

    const int r = http_head_parse(&h, &in);

    if (r == 0)
        expect_int("bytes behind the head", in.len, n_behind);
    free(bytes);
    return r;
}

static void takes_the_largest_head_and_not_one_byte_more(void **state)
{
    (void)state;
    const size_t max = HTTP_HEAD_MAX;
    static const struct {
        const char *name;
        str prefix;
        str suffix;
    } rows[] = {
        {"a long target", STR("GET /"), STR(" HTTP/1.1\r\nHost: a\r\n\r\n")},
        {"a long method", STR("G"), STR(" / HTTP/1.1\r\nHost: a\r\n\r\n")},
        {"a long name", STR("GET / HTTP/1.1\r\nHost: a\r\n"), STR(":\r\n\r\n")},
        {"a long value", STR("GET / HTTP/1.1\r\nHost: a\r\nX: "), STR("\r\n\r\n")},
        {"empty lines count", STR("\r\n\r\nGET / HTTP/1.1\r\nHost: "), STR("\r\n\r\n")},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *name = rows[i].name;
        expect_int(name, answer_to_padded(rows[i].prefix, max, rows[i].suffix, 0), 0);
        expect_int(name, answer_to_padded(rows[i].prefix, max, rows[i].suffix, 9), 0);
        expect_int(name, answer_to_padded(rows[i].prefix, max + 1, rows[i].suffix, 0),
                   TOO_LARGE);
        // and while it has no end
        expect_int(name, answer_to_padded(rows[i].prefix, max - 1, STR(""), 0), MORE);
        expect_int(name, answer_to_padded(rows[i].prefix, max, STR(""), 0), TOO_LARGE);
        expect_int(name, answer_to_padded(rows[i].prefix, max + 9, STR(""), 0), TOO_LARGE);
    }
}

static void refuses_empty_lines_without_end(void **state)
{
    (void)state;
    char lines[HTTP_HEAD_MAX];
    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % 2 == 0 ? '\r' : '\n';

    assert_int_equal(answer_to((str){lines, sizeof(lines) - 1}), MORE);
    assert_int_equal(answer_to((str){lines, sizeof(lines)}), TOO_LARGE);
}

static void takes_the_most_headers_and_not_one_more(void **state)
{
    (void)state;
    struct buf in;
    struct parsed p;
    buf_init(&in, HTTP_HEAD_MAX);

    assert_int_equal(buf_add(&in, STR("GET / HTTP/1.1\r\nHost: a\r\n")), 0);
    for (size_t i = 1; i < HTTP_HEADERS_MAX; i++)
        assert_int_equal(buf_add(&in, STR("X: y\r\n")), 0);
    assert_int_equal(answer_to(buf_str(&in)), MORE);

    assert_int_equal(buf_add(&in, STR("\r\n")), 0);
    parse(&p, buf_str(&in));
    assert_int_equal(p.r, 0);
    assert_int_equal(p.head.n_headers, HTTP_HEADERS_MAX);
    parsed_fini(&p);

    in.len -= 2;
    assert_int_equal(buf_add(&in, STR("X")), 0); // the first byte of one more
    assert_int_equal(answer_to(buf_str(&in)), TOO_LARGE);
    buf_fini(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_the_request_line),
        cmocka_unit_test(reads_what_the_fields_mean),
        cmocka_unit_test(refuses_each_row_and_takes_nothing),
        cmocka_unit_test(refuses_at_the_first_byte_that_decides),
        cmocka_unit_test(asks_for_more_at_every_cut),
        cmocka_unit_test(refuses_a_control_byte_anywhere),
        cmocka_unit_test(takes_exactly_the_token_bytes_in_names),
        cmocka_unit_test(takes_tabs_and_obs_text_in_values),
        cmocka_unit_test(takes_the_hosts_that_are_one),
        cmocka_unit_test(gives_headers_in_order_and_without_the_space_around_them),
        cmocka_unit_test(finds_the_first_field_of_a_name_in_any_case),
        cmocka_unit_test(finds_a_token_in_the_lists_of_every_field),
        cmocka_unit_test(finds_the_token_of_a_bearer),
        cmocka_unit_test(leaves_what_is_behind_the_head),
        cmocka_unit_test(takes_the_largest_head_and_not_one_byte_more),
        cmocka_unit_test(refuses_empty_lines_without_end),
        cmocka_unit_test(takes_the_most_headers_and_not_one_more),
    };
    return cmocka_run_group_tests_name("http/head", tests, NULL, NULL);
}
