#include <stdlib.h>

#include "base/mem.h"
#include "bench/answer.h"
#include "support/exact.h"
#include "support/t.h"

#define OK(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

struct row {
    const char *name;
    str in;
    int r;
    unsigned status; // these are looked at only when r is 0
    str body;
    str accept;
    bool is_close;
    str left; // behind it
};

// clang-format off
static const struct row rows[] = {
    // name                  input                                                       r            status body        accept     close  left
    {"with a body",          STR(OK("Content-Length: 5\r\n") "hello"),                   0,           200,   STR("hello"), STR(""),   false, STR("")},
    {"with an empty body",   STR(OK("Content-Length: 0\r\n")),                           0,           200,   STR(""),    STR(""),   false, STR("")},
    {"without a length",     STR(OK("")),                                                0,           200,   STR(""),    STR(""),   false, STR("")},
    {"without a length, more behind", STR(OK("Date: x\r\n") "more"),                     0,           200,   STR(""),    STR(""),   false, STR("more")},
    {"more behind",          STR(OK("Content-Length: 2\r\n") "okHTTP"),                  0,           200,   STR("ok"),  STR(""),   false, STR("HTTP")},
    {"a body like a head",   STR(OK("Content-Length: 4\r\n") "\r\n\r\n"),                0,           200,   STR("\r\n\r\n"), STR(""), false, STR("")},
    {"a body with a NUL",    STR(OK("Content-Length: 3\r\n") "a\0b"),                    0,           200,   STR("a\0b"), STR(""),  false, STR("")},
    {"accept",               STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81"), 0, 101, STR(""), STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), false, STR("\x81")},
    {"101 with a length",    STR("HTTP/1.1 101 x\r\nContent-Length: 2\r\n\r\n\x81\x00"), 0,           101,   STR(""),    STR(""),   false, STR("\x81\x00")},
    {"in small letters",     STR(OK("content-length:2\r\nsec-websocket-accept:x\r\nconnection:close\r\n") "ab"), 0, 200, STR("ab"), STR("x"), true, STR("")},
    {"in capitals",          STR(OK("CONTENT-LENGTH: 2\r\nSEC-WEBSOCKET-ACCEPT: x\r\nCONNECTION: CLOSE\r\n") "ab"), 0, 200, STR("ab"), STR("x"), true, STR("")},
    {"space around a value", STR(OK("Content-Length: \t 2\t \r\n") "ab"),                0,           200,   STR("ab"),  STR(""),   false, STR("")},
    {"keep-alive",           STR(OK("Connection: keep-alive\r\n")),                      0,           200,   STR(""),    STR(""),   false, STR("")},
    {"an empty value",       STR(OK("X:\r\n")),                                          0,           200,   STR(""),    STR(""),   false, STR("")},
    {"colons in a value",    STR(OK("X: a:b:c\r\nContent-Length: 1\r\n") "z"),           0,           200,   STR("z"),   STR(""),   false, STR("")},
    {"a longer name",        STR(OK("X-Content-Length: 5\r\n")),                         0,           200,   STR(""),    STR(""),   false, STR("")},
    {"the same length twice", STR(OK("Content-Length: 1\r\nContent-Length: 1\r\n") "z"), 0,           200,   STR("z"),   STR(""),   false, STR("")},
    {"no reason",            STR("HTTP/1.1 204 \r\n\r\n"),                               0,           204,   STR(""),    STR(""),   false, STR("")},
    {"no reason and no space", STR("HTTP/1.1 204\r\n\r\n"),                              0,           204,   STR(""),    STR(""),   false, STR("")},
    {"a reason of words",    STR("HTTP/1.1 503 Service Unavailable 7\r\n\r\n"),          0,           503,   STR(""),    STR(""),   false, STR("")},
    {"the smallest status",  STR("HTTP/1.1 100 x\r\n\r\n"),                              0,           100,   STR(""),    STR(""),   false, STR("")},
    {"the largest status",   STR("HTTP/1.1 999 x\r\n\r\n"),                              0,           999,   STR(""),    STR(""),   false, STR("")},
    {"status below",         STR("HTTP/1.1 099 x\r\n\r\n"),                              ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"status of two digits", STR("HTTP/1.1 20 x\r\n\r\n"),                               ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"status of four digits", STR("HTTP/1.1 2000 x\r\n\r\n"),                            ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"status of letters",    STR("HTTP/1.1 2x0 x\r\n\r\n"),                              ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"a sign",               STR("HTTP/1.1 +20 x\r\n\r\n"),                              ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"no status",            STR("HTTP/1.1\r\n\r\n"),                                    ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"two spaces",           STR("HTTP/1.1  200 OK\r\n\r\n"),                            ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"HTTP/1.0",             STR("HTTP/1.0 200 OK\r\n\r\n"),                             ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"another protocol",     STR("SSH-2.0-x\r\n\r\n"),                                   ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"no line",              STR("\r\n\r\n"),                                            ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"an empty line before", STR("\r\nHTTP/1.1 200 OK\r\n\r\n"),                         ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"LF alone",             STR("HTTP/1.1 200 OK\nX: y\r\n\r\n"),                       ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"LF alone in a field",  STR(OK("X: y\nZ: a\r\n")),                                  ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"no colon",             STR(OK("Date\r\n")),                                        ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"no name",              STR(OK(": x\r\n")),                                         ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"folded",               STR(OK("X: y\r\n z\r\n")),                                  ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"folded, with a colon", STR(OK("X: y\r\n\tz: 1\r\n")),                              ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"space before a colon", STR(OK("Content-Length : 5\r\n") "hello"),                  ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"chunked",              STR(OK("Transfer-Encoding: chunked\r\n") "0\r\n\r\n"),      ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"length of letters",    STR(OK("Content-Length: five\r\n") "hello"),                ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"length below zero",    STR(OK("Content-Length: -1\r\n")),                          ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"no number",            STR(OK("Content-Length:\r\n")),                             ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"a list of lengths",    STR(OK("Content-Length: 5, 5\r\n") "hello"),                ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"two lengths",          STR(OK("Content-Length: 4\r\nContent-Length: 5\r\n") "hello"), ANSWER_BAD, 0,   {0},        {0},       false, {0}},
    {"nothing, then a length", STR(OK("Content-Length: 0\r\nContent-Length: 5\r\n") "hello"), ANSWER_BAD, 0, {0},        {0},       false, {0}},
    {"length too large",     STR(OK("Content-Length: 16777217\r\n")),                    ANSWER_BAD,  0,     {0},        {0},       false, {0}},
    {"length above 64 bits", STR(OK("Content-Length: 18446744073709551621\r\n") "hello"), ANSWER_BAD, 0,     {0},        {0},       false, {0}},
    {"the largest length",   STR(OK("Content-Length: 16777216\r\n")),                    ANSWER_MORE, 0,     {0},        {0},       false, {0}},
    {"body cut short",       STR(OK("Content-Length: 5\r\n") "hell"),                    ANSWER_MORE, 0,     {0},        {0},       false, {0}},
    {"no byte",              {"", 0},                                                    ANSWER_MORE, 0,     {0},        {0},       false, {0}},
};
// clang-format on

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct answer a;
        size_t used = 0;
        char *bytes = exact_copy(row->in);

        expect_int(row->name, answer_read(&a, &used, bytes, row->in.len), row->r);
        if (row->r == 0) {
            expect_int(row->name, a.status, row->status);
            expect_str(row->name, ((str){a.body, a.body_len}), row->body);
            expect_str(row->name, a.accept, row->accept);
            expect_int(row->name, a.is_close, row->is_close);
            expect_str(row->name, ((str){bytes + used, row->in.len - used}), row->left);
        }
        free(bytes);
    }
}

/** A whole head decides; before its end, nothing does. */
static void asks_for_more_at_every_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const size_t whole = row->in.len - (row->r == 0 ? row->left.len : 0);

        for (size_t cut = 0; cut < whole; cut++) {
            struct answer a;
            size_t used;
            char *bytes = exact_copy((str){row->in.ptr, cut});
            const bool has_head = cut > 0 && memmem(bytes, cut, "\r\n\r\n", 4);
            const bool is_decided = row->r == ANSWER_BAD && has_head;

            expect_int(row->name, answer_read(&a, &used, bytes, cut),
                       is_decided ? ANSWER_BAD : ANSWER_MORE);
            free(bytes);
        }
    }
}

static void reads_answers_one_behind_the_other(void **state)
{
    char in[] = OK("Content-Length: 2\r\n") "ok" OK("Content-Length: 0\r\n")
        OK("Content-Length: 3\r\n") "end" OK("Content-Length: 9\r\n") "cut";
    const str want[] = {STR("ok"), STR(""), STR("end")};
    struct answer a;
    size_t at = 0;
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(answer_read(&a, &used, in + at, sizeof(in) - 1 - at), 0);
        assert_int_equal(a.status, 200);
        expect_str("body", ((str){a.body, a.body_len}), want[i]);
        at += used;
    }
    assert_int_equal(answer_read(&a, &used, in + at, sizeof(in) - 1 - at), ANSWER_MORE);
}

/** A head of n bytes, with n_behind bytes of another answer behind it. */
static int answer_to_head(size_t n, size_t n_behind)
{
    static const str front = STR("HTTP/1.1 200 OK\r\nX: ");
    static const str end = STR("\r\n\r\n");
    char *bytes = mem_alloc(n + n_behind);
    struct answer a;
    size_t used = 0;

    str_copy(bytes, front);
    memset(bytes + front.len, 'a', n - front.len - end.len);
    str_copy(bytes + n - end.len, end);
    memset(bytes + n, 'H', n_behind);
    const int r = answer_read(&a, &used, bytes, n + n_behind);
    if (r == 0)
        assert_int_equal(used, n);
    free(bytes);
    return r;
}

/** n bytes of a head without its end. */
static int answer_to_endless(size_t n)
{
    char *bytes = mem_alloc(n);
    struct answer a;
    size_t used;

    memset(bytes, 'a', n);
    str_copy(bytes, STR("HTTP/1.1 200 OK\r\nX: "));
    const int r = answer_read(&a, &used, bytes, n);
    free(bytes);
    return r;
}

static void takes_the_longest_head_and_not_one_byte_more(void **state)
{
    (void)state;
    assert_int_equal(answer_to_head(ANSWER_HEAD_MAX, 0), 0);
    assert_int_equal(answer_to_head(ANSWER_HEAD_MAX, 100), 0);
    assert_int_equal(answer_to_head(ANSWER_HEAD_MAX + 1, 0), ANSWER_BAD);
    assert_int_equal(answer_to_head(ANSWER_HEAD_MAX + 1, 100), ANSWER_BAD);
    assert_int_equal(answer_to_endless(ANSWER_HEAD_MAX - 1), ANSWER_MORE);
    assert_int_equal(answer_to_endless(ANSWER_HEAD_MAX), ANSWER_BAD);
}

static void takes_the_longest_body(void **state)
{
    static const str head = STR(OK("Content-Length: 16777216\r\n"));
    const size_t n = head.len + ANSWER_BODY_MAX;
    char *bytes = mem_alloc(n);
    struct answer a;
    size_t used = 0;

    (void)state;
    str_copy(bytes, head);
    assert_int_equal(answer_read(&a, &used, bytes, n - 1), ANSWER_MORE);
    assert_int_equal(answer_read(&a, &used, bytes, n), 0);
    assert_int_equal(a.body_len, ANSWER_BODY_MAX);
    assert_int_equal(used, n);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(asks_for_more_at_every_cut),
        cmocka_unit_test(reads_answers_one_behind_the_other),
        cmocka_unit_test(takes_the_longest_head_and_not_one_byte_more),
        cmocka_unit_test(takes_the_longest_body),
    };
    return cmocka_run_group_tests_name("bench/answer", tests, NULL, NULL);
}
