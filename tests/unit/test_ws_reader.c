#include <stdio.h>
#include <stdlib.h>

#include "support/t.h"
#include "support/ws_client.h"
#include "ws/reader.h"
#include "ws/ws.h"

#define MAX 12 // bytes of a message, in the table

#define FIVE(x) x x x x x

struct row {
    const char *name;
    str in;
    const char *want; // what comes out, in the words of note()
};

// clang-format off
static const struct row rows[] = {
    {"nothing",                      {"", 0},                                         ""},
    {"text",                         STR("\x81\x85" NO_KEY "Hello"),                  "text(Hello)"},
    {"the text of section 5.7",      STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text(Hello)"},
    {"binary",                       STR("\x82\x83" NO_KEY "\x00\xff\x80"),           "binary(<00ff80>)"},
    {"empty text",                   STR("\x81\x80" NO_KEY),                          "text()"},
    {"empty binary",                 STR("\x82\x80" NO_KEY),                          "binary()"},
    {"two messages",                 STR("\x81\x81" NO_KEY "a\x81\x81" NO_KEY "b"),   "text(a) text(b)"},
    {"a message and a half",         STR("\x81\x81" NO_KEY "a\x81\x82" NO_KEY "b"),   "text(a)"},
    {"two fragments",                STR("\x01\x83" NO_KEY "Hel\x80\x82" NO_KEY "lo"), "text(Hello)"},
    {"three fragments",              STR("\x02\x81" NO_KEY "1\x00\x81" NO_KEY "2\x80\x81" NO_KEY "3"), "binary(123)"},
    {"empty fragments",              STR("\x01\x80" NO_KEY "\x00\x80" NO_KEY "\x80\x80" NO_KEY), "text()"},
    {"fragments, then a message",    STR("\x01\x81" NO_KEY "a\x80\x81" NO_KEY "b\x82\x81" NO_KEY "c"), "text(ab) binary(c)"},
    {"ping amid fragments",          STR("\x01\x81" NO_KEY "a\x89\x81" NO_KEY "?\x80\x81" NO_KEY "b"), "ping(?) text(ab)"},
    {"ping and pong",                STR("\x89\x81" NO_KEY "x\x8a\x80" NO_KEY),       "ping(x) pong()"},
    {"the largest message",          STR("\x81\x8c" NO_KEY "123456789012"),           "text(123456789012)"},
    {"one more",                     STR("\x81\x8d" NO_KEY),                          "broken(1009)"},
    {"the largest, in fragments",    STR("\x01\x8b" NO_KEY "12345678901\x80\x81" NO_KEY "2"), "text(123456789012)"},
    {"one more, in fragments",       STR("\x01\x8b" NO_KEY "12345678901\x80\x82" NO_KEY), "broken(1009)"},
    {"a ping may be longer",         STR("\x89\x8d" NO_KEY "1234567890123"),          "ping(1234567890123)"},
    {"a ping when no more fits",     STR("\x01\x8c" NO_KEY "123456789012\x89\x81" NO_KEY "?\x80\x80" NO_KEY), "ping(?) text(123456789012)"},
    {"not masked",                   STR("\x81\x05"),                                 "broken(1002)"},
    {"nothing to continue",          STR("\x80\x80" NO_KEY),                          "broken(1002)"},
    {"nothing to continue any more", STR("\x81\x80" NO_KEY "\x00\x80" NO_KEY),        "text() broken(1002)"},
    {"a message within a message",   STR("\x01\x80" NO_KEY "\x81\x80" NO_KEY),        "broken(1002)"},
    {"fragments within a message",   STR("\x01\x80" NO_KEY "\x02\x80" NO_KEY),        "broken(1002)"},
    {"a character over a cut",       STR("\x01\x81" NO_KEY "\xce\x80\x81" NO_KEY "\xba"), "text(<ceba>)"},
    {"a character never finished",   STR("\x81\x81" NO_KEY "\xce"),                   "broken(1007)"},
    {"unfinished, in fragments",     STR("\x01\x81" NO_KEY "\xce\x80\x80" NO_KEY),    "broken(1007)"},
    {"not UTF-8",                    STR("\x81\x82" NO_KEY "a\xff"),                  "broken(1007)"},
    {"not UTF-8, more to come",      STR("\x81\x8c" NO_KEY "a\xff"),                  "broken(1007)"},
    {"not UTF-8, second fragment",   STR("\x01\x81" NO_KEY "\xce\x00\x8a" NO_KEY "a"), "broken(1007)"},
    {"UTF-8 of the next message",    STR("\x01\x82" NO_KEY "\xce\xba\x80\x80" NO_KEY "\x01\x81" NO_KEY "a\x80\x80" NO_KEY), "text(<ceba>) text(a)"},
    {"binary need not be UTF-8",     STR("\x02\x81" NO_KEY "\xff\x80\x81" NO_KEY "\xfe"), "binary(<fffe>)"},
    {"nor need a ping",              STR("\x01\x81" NO_KEY "a\x89\x81" NO_KEY "\xff\x80\x80" NO_KEY), "ping(<ff>) text(a)"},
    {"close",                        STR("\x88\x80" NO_KEY),                          "close(0)"},
    {"close with a code",            STR("\x88\x82" NO_KEY "\x03\xe8"),               "close(1000)"},
    {"close with a reason",          STR("\x88\x85" NO_KEY "\x03\xe9" "bye"),         "close(1001 bye)"},
    {"close amid a message",         STR("\x01\x81" NO_KEY "a\x88\x80" NO_KEY),       "close(0)"},
    {"close with half a code",       STR("\x88\x81" NO_KEY "\x03"),                   "broken(1002)"},
    {"close with a bad code",        STR("\x88\x82" NO_KEY "\x03\xe7"),               "broken(1002)"},
    {"close with a bad reason",      STR("\x88\x83" NO_KEY "\x03\xe8\xff"),           "broken(1007)"},
    {"close, the largest",           STR("\x88\xfd" NO_KEY "\x03\xe8" "123" FIVE(FIVE("1234")) FIVE("1234")), "close(1000 123" FIVE(FIVE("1234")) FIVE("1234") ")"},
};
// clang-format on

static void add(struct buf *out, str s)
{
    assert_int_equal(buf_add(out, s), 0);
}

/** Printable ASCII as it is, anything else in hex. */
static void add_payload(struct buf *out, const struct ws_item *item)
{
    bool is_plain = true;

    for (size_t i = 0; i < item->n; i++)
        is_plain = is_plain && item->bytes[i] >= ' ' && item->bytes[i] <= '~';
    if (is_plain) {
        add(out, (str){item->bytes, item->n});
        return;
    }
    add(out, STR("<"));
    for (size_t i = 0; i < item->n; i++)
        assert_int_equal(buf_addf(out, "%02x", (uint8_t)item->bytes[i]), 0);
    add(out, STR(">"));
}

static void note(struct buf *out, int refusal, const struct ws_item *item)
{
    static const char *const names[] = {
        [WS_TEXT] = "text", [WS_BINARY] = "binary", [WS_CLOSE] = "close",
        [WS_PING] = "ping", [WS_PONG] = "pong",
    };

    if (out->len > 0)
        add(out, STR(" "));
    if (refusal == WS_READER_BROKEN) {
        assert_int_equal(buf_addf(out, "broken(%u)", item->code), 0);
        return;
    }
    add(out, str_of(names[item->opcode]));
    add(out, STR("("));
    if (item->opcode == WS_CLOSE) {
        assert_int_equal(buf_addf(out, "%u", item->code), 0);
        if (item->n > 0)
            add(out, STR(" "));
    }
    add_payload(out, item);
    add(out, STR(")"));
}

/** One piece, which ends where its memory does. @return the last refusal */
static int read_piece(struct ws_reader *r, str piece, struct buf *out)
{
    char *copy = malloc(piece.len + 1);
    assert_non_null(copy);
    struct ws_input in = {copy + 1, piece.len}; // not aligned
    struct ws_item item;
    int refusal = 0;

    str_copy(in.ptr, piece);
    while (refusal == 0) {
        refusal = ws_reader_next(r, &in, &item);
        if (refusal != WS_READER_MORE)
            note(out, refusal, &item);
    }
    if (refusal == WS_READER_MORE)
        assert_int_equal(in.len, 0);
    free(copy);
    return refusal;
}

/** The first piece has n_first bytes, the others n_each. */
static void expect_row(const struct row *row, size_t n_first, size_t n_each)
{
    struct ws_reader r;
    struct buf out;
    str rest = row->in;
    size_t n = n_first;
    int refusal = WS_READER_MORE;

    ws_reader_init(&r, MAX);
    buf_init(&out, 4096);
    while (rest.len > 0 && refusal == WS_READER_MORE) {
        refusal = read_piece(&r, str_take(&rest, n < rest.len ? n : rest.len), &out);
        n = n_each;
    }
    expect_str(row->name, buf_str(&out), str_of(row->want));
    buf_fini(&out);
    ws_reader_fini(&r);
}

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++)
        expect_row(row, row->in.len, 1);
}

static void reads_the_same_at_every_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t cut = 1; cut < row->in.len; cut++)
            expect_row(row, cut, row->in.len);
    }
}

static void reads_the_same_in_pieces_of_each_size(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 1; n < 8; n++)
            expect_row(row, n, n);
    }
}

/** "It has all come, but for its last byte": what is wrong is known before. */
static void refuses_text_at_the_first_impossible_byte(void **state)
{
    (void)state;
    // U+D800, a surrogate: its second byte is the first that can't be.
    const str text = STR("\x81\x8a" NO_KEY "ab\xed\xa0\x80");
    struct ws_reader r;
    struct buf out;

    ws_reader_init(&r, MAX);
    buf_init(&out, 64);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(read_piece(&r, (str){text.ptr + i, 1}, &out), WS_READER_MORE);
    assert_int_equal(read_piece(&r, (str){text.ptr + 9, 1}, &out), WS_READER_BROKEN);
    expect_str("out", buf_str(&out), STR("broken(1007)"));
    buf_fini(&out);
    ws_reader_fini(&r);
}

static void knows_the_codes_that_may_be_sent(void **state)
{
    static const struct {
        unsigned first;
        unsigned last;
    } valid[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
    (void)state;

    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        char frame[] = "\x88\x82" NO_KEY "\0";
        struct ws_input in = {frame, 8};
        struct ws_item item;
        struct ws_reader r;
        bool is_valid = false;
        char name[16];

        snprintf(name, sizeof(name), "%u", code);
        frame[6] = (char)(code >> 8);
        frame[7] = (char)code;
        for (size_t i = 0; i < COUNT_OF(valid); i++)
            is_valid = is_valid || (code >= valid[i].first && code <= valid[i].last);

        ws_reader_init(&r, MAX);
        const int refusal = ws_reader_next(&r, &in, &item);
        expect_int(name, refusal, is_valid ? 0 : WS_READER_BROKEN);
        expect_int(name, item.code, is_valid ? code : WS_PROTOCOL_ERROR);
        ws_reader_fini(&r);
    }
}

static void delivers_a_whole_frame_where_it_is(void **state)
{
    (void)state;
    char bytes[] = "\x81\x85" NO_KEY "Hello";
    struct ws_input in = {bytes, sizeof(bytes) - 1};
    struct ws_item item;
    struct ws_reader r;

    ws_reader_init(&r, MAX);
    assert_int_equal(ws_reader_next(&r, &in, &item), 0);
    assert_ptr_equal(item.bytes, bytes + 6);
    assert_int_equal(item.n, 5);
    assert_null(r.partial);
}

/** Under the limits of the limits: memory for what has come, never for what is announced. */
static void keeps_nothing_once_a_message_is_done(void **state)
{
    (void)state;
    const str text = STR("\x01\x81" NO_KEY "a\x80\x81" NO_KEY "b");
    struct ws_reader r;
    struct buf out;

    ws_reader_init(&r, MAX);
    buf_init(&out, 64);
    assert_int_equal(read_piece(&r, (str){text.ptr, text.len - 1}, &out), WS_READER_MORE);
    assert_non_null(r.partial);
    assert_int_equal(read_piece(&r, (str){text.ptr + text.len - 1, 1}, &out), WS_READER_MORE);
    assert_null(r.partial);
    buf_fini(&out);
}

static void takes_as_many_fragments_as_the_limit_and_no_more(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 2; cut++) {
        struct ws_reader r;
        struct buf in;
        struct buf out;

        ws_reader_init(&r, MAX);
        buf_init(&in, (size_t)64 * 1024);
        buf_init(&out, 64);
        add(&in, STR("\x01\x80" NO_KEY));
        for (size_t i = 1; i < WS_FRAGMENTS_MAX - 1; i++)
            add(&in, STR("\x00\x80" NO_KEY));
        assert_int_equal(read_piece(&r, buf_str(&in), &out), WS_READER_MORE);
        if (cut == 0) {
            assert_int_equal(read_piece(&r, STR("\x80\x80" NO_KEY), &out), WS_READER_MORE);
            expect_str("the last that passes", buf_str(&out), STR("text()"));
        } else {
            assert_int_equal(read_piece(&r, STR("\x00\x80" NO_KEY), &out), WS_READER_MORE);
            assert_int_equal(read_piece(&r, STR("\x80\x80" NO_KEY), &out), WS_READER_BROKEN);
            expect_str("one more", buf_str(&out), STR("broken(1008)"));
        }
        buf_fini(&in);
        buf_fini(&out);
        ws_reader_fini(&r);
    }
}

static void puts_large_fragments_together(void **state)
{
    static const size_t each = 70000;
    (void)state;
    struct ws_reader r;
    struct buf in;
    struct ws_item item;

    ws_reader_init(&r, 2 * each);
    buf_init(&in, 4 * each);
    ws_client_frame(&in, 0x01, each, 'a');
    ws_client_frame(&in, 0x80, each, 'b');

    for (size_t i = 0; i + 1 < in.len; i++) {
        struct ws_input one = {buf_ptr(&in) + i, 1};
        assert_int_equal(ws_reader_next(&r, &one, &item), WS_READER_MORE);
    }
    struct ws_input last = {buf_ptr(&in) + in.len - 1, 1};
    assert_int_equal(ws_reader_next(&r, &last, &item), 0);
    assert_int_equal(item.opcode, WS_TEXT);
    assert_int_equal(item.n, 2 * each);
    for (size_t i = 0; i < item.n; i++)
        assert_int_equal(item.bytes[i], i < each ? 'a' : 'b');
    ws_reader_fini(&r);
    buf_fini(&in);
}

/** The limit may change between any two bytes. */
static void the_limit_may_change_amid_a_message(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        size_t before;
        const char *first;
        size_t n_first;
        size_t after;
        const char *second;
        size_t n_second;
        int r;
        unsigned code;
    } changes[] = {
        // a fragment of 3 bytes, then one of 2
        {"raised",               3, "\x01\x83\0\0\0\0abc", 9, 5, "\x80\x82\0\0\0\0de", 8, 0, 0},
        {"not raised enough",    3, "\x01\x83\0\0\0\0abc", 9, 4, "\x80\x82\0\0\0\0de", 8, WS_READER_BROKEN, WS_TOO_BIG},
        {"lowered to what came", 9, "\x01\x83\0\0\0\0abc", 9, 3, "\x80\x80\0\0\0\0",   6, 0, 0},
        {"lowered below it",     9, "\x01\x83\0\0\0\0abc", 9, 1, "\x80\x80\0\0\0\0",   6, 0, 0},
        {"and one more",         9, "\x01\x83\0\0\0\0abc", 9, 1, "\x80\x81\0\0\0\0d",  7, WS_READER_BROKEN, WS_TOO_BIG},
        // a frame of 3 bytes, of which 1 has come
        {"lowered amid a frame", 9, "\x81\x83\0\0\0\0a",   7, 1, "bc", 2, 0, 0},
        {"lowered in a header",  9, "\x81",                 1, 2, "\x83\0\0\0\0abc", 8, WS_READER_BROKEN, WS_TOO_BIG},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct ws_reader r;
        struct ws_item item;
        char first[16];
        char second[16];
        str_copy(first, (str){changes[i].first, changes[i].n_first});
        str_copy(second, (str){changes[i].second, changes[i].n_second});
        struct ws_input in = {first, changes[i].n_first};

        ws_reader_init(&r, changes[i].before);
        expect_int(changes[i].name, ws_reader_next(&r, &in, &item), WS_READER_MORE);
        ws_reader_set_max(&r, changes[i].after);
        in = (struct ws_input){second, changes[i].n_second};
        expect_int(changes[i].name, ws_reader_next(&r, &in, &item), changes[i].r);
        if (changes[i].r != 0)
            expect_int(changes[i].name, item.code, changes[i].code);
        ws_reader_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(reads_the_same_at_every_cut),
        cmocka_unit_test(reads_the_same_in_pieces_of_each_size),
        cmocka_unit_test(refuses_text_at_the_first_impossible_byte),
        cmocka_unit_test(knows_the_codes_that_may_be_sent),
        cmocka_unit_test(delivers_a_whole_frame_where_it_is),
        cmocka_unit_test(keeps_nothing_once_a_message_is_done),
        cmocka_unit_test(takes_as_many_fragments_as_the_limit_and_no_more),
        cmocka_unit_test(puts_large_fragments_together),
        cmocka_unit_test(the_limit_may_change_amid_a_message),
    };
    return cmocka_run_group_tests_name("ws/reader", tests, NULL, NULL);
}
