#include <stdlib.h>

#include "support/t.h"
#include "ws/frame.h"

#define MASK        "\x01\x02\x03\x04"
#define MAX_PAYLOAD 70000

struct row {
    const char *name;
    str in;
    int r;
    struct ws_frame want; // looked at only when r is 0
};

// clang-format off
static const struct row rows[] = {
    // name                          input                                       r                   frame
    {"no byte",                      {"", 0},                                    WS_FRAME_MORE,      {0}},
    {"one byte",                     STR("\x81"),                                WS_FRAME_MORE,      {0}},
    {"empty text",                   STR("\x81\x80" MASK),                       0,                  {.opcode = WS_TEXT, .fin = true}},
    {"short text",                   STR("\x81\x85" MASK),                       0,                  {.opcode = WS_TEXT, .fin = true, .payload_len = 5}},
    {"first fragment",               STR("\x01\x80" MASK),                       0,                  {.opcode = WS_TEXT}},
    {"middle fragment",              STR("\x00\x81" MASK),                       0,                  {.opcode = WS_CONTINUATION, .payload_len = 1}},
    {"last fragment",                STR("\x80\x81" MASK),                       0,                  {.opcode = WS_CONTINUATION, .fin = true, .payload_len = 1}},
    {"mask cut short",               STR("\x81\x85\x01\x02\x03"),                WS_FRAME_MORE,      {0}},
    {"longest in one byte",          STR("\x82\xfd" MASK),                       0,                  {.opcode = WS_BINARY, .fin = true, .payload_len = 125}},
    {"shortest in two bytes",        STR("\x82\xfe\x00\x7e" MASK),               0,                  {.opcode = WS_BINARY, .fin = true, .payload_len = 126}},
    {"longest in two bytes",         STR("\x82\xfe\xff\xff" MASK),               0,                  {.opcode = WS_BINARY, .fin = true, .payload_len = 65535}},
    {"shortest in eight bytes",      STR("\x82\xff\0\0\0\0\0\x01\0\0" MASK),     0,                  {.opcode = WS_BINARY, .fin = true, .payload_len = 65536}},
    {"the largest that passes",      STR("\x82\xff\0\0\0\0\0\x01\x11\x70" MASK), 0,                  {.opcode = WS_BINARY, .fin = true, .payload_len = MAX_PAYLOAD}},
    {"one more, before the mask",     STR("\x82\xff\0\0\0\0\0\x01\x11\x71"),      WS_FRAME_TOO_BIG,   {0}},
    {"the largest length",           STR("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), WS_FRAME_TOO_BIG, {0}},
    {"top bit of the length",        STR("\x82\xff\x80\0\0\0\0\0\0\0"),          WS_FRAME_BAD,       {0}},
    {"two bytes, one would do",      STR("\x82\xfe\x00\x7d"),                    WS_FRAME_BAD,       {0}},
    {"eight bytes, two would do",    STR("\x82\xff\0\0\0\0\0\0\xff\xff"),        WS_FRAME_BAD,       {0}},
    {"RSV1",                         STR("\xc1"),                                WS_FRAME_BAD,       {0}},
    {"RSV2",                         STR("\xa1"),                                WS_FRAME_BAD,       {0}},
    {"RSV3",                         STR("\x91"),                                WS_FRAME_BAD,       {0}},
    {"opcode 3",                     STR("\x83"),                                WS_FRAME_BAD,       {0}},
    {"opcode 7",                     STR("\x87"),                                WS_FRAME_BAD,       {0}},
    {"opcode 11",                    STR("\x8b"),                                WS_FRAME_BAD,       {0}},
    {"opcode 15",                    STR("\x8f"),                                WS_FRAME_BAD,       {0}},
    {"not masked",                   STR("\x81\x05"),                            WS_FRAME_BAD,       {0}},
    {"close",                        STR("\x88\x80" MASK),                       0,                  {.opcode = WS_CLOSE, .fin = true}},
    {"pong",                         STR("\x8a\x80" MASK),                       0,                  {.opcode = WS_PONG, .fin = true}},
    {"the largest ping",             STR("\x89\xfd" MASK),                       0,                  {.opcode = WS_PING, .fin = true, .payload_len = WS_CONTROL_MAX}},
    {"a larger ping",                STR("\x89\xfe"),                            WS_FRAME_BAD,       {0}},
    {"a much larger ping",           STR("\x89\xff"),                            WS_FRAME_BAD,       {0}},
    {"fragmented ping",              STR("\x09\x80"),                            WS_FRAME_BAD,       {0}},
};
// clang-format on

static void decodes_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct ws_frame got;
        str in = row->in;

        const int r = ws_frame_decode(&got, &in, MAX_PAYLOAD);

        expect_int(row->name, r, row->r);
        expect_int(row->name, in.len, r == 0 ? 0 : row->in.len); // a refusal consumes nothing
        if (r != 0)
            continue;
        expect_int(row->name, got.opcode, row->want.opcode);
        expect_int(row->name, got.fin, row->want.fin);
        expect_int(row->name, got.payload_len, row->want.payload_len);
        expect_str(row->name, ((str){(const char *)got.mask, 4}), STR(MASK));
    }
}

/** However the bytes arrive, a header asks for more until the byte that decides. */
static void asks_for_more_at_every_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 0; n < row->in.len; n++) {
            struct ws_frame got;
            str in = {row->in.ptr, n};
            expect_int(row->name, ws_frame_decode(&got, &in, MAX_PAYLOAD), WS_FRAME_MORE);
            expect_int(row->name, in.len, n);
        }
    }
}

static void limits_control_frames_by_their_own_limit_alone(void **state)
{
    (void)state;
    struct ws_frame got;
    str in = STR("\x89\xfd" MASK);

    assert_int_equal(ws_frame_decode(&got, &in, 0), 0);
    assert_int_equal(got.payload_len, WS_CONTROL_MAX);
}

static void leaves_the_payload_alone(void **state)
{
    (void)state;
    struct ws_frame got;
    str in = STR("\x81\x82" MASK "hi\x81");

    assert_int_equal(ws_frame_decode(&got, &in, MAX_PAYLOAD), 0);
    expect_str("rest", in, STR("hi\x81"));
}

static void encodes_lengths_in_the_shortest_form(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        enum ws_opcode opcode;
        uint64_t len;
        str want;
    } lengths[] = {
        {"empty text",        WS_TEXT,   0,         STR("\x81\x00")},
        {"longest in one",    WS_BINARY, 125,       STR("\x82\x7d")},
        {"shortest in two",   WS_TEXT,   126,       STR("\x81\x7e\x00\x7e")},
        {"longest in two",    WS_TEXT,   65535,     STR("\x81\x7e\xff\xff")},
        {"shortest in eight", WS_TEXT,   65536,     STR("\x81\x7f\0\0\0\0\0\x01\0\0")},
        {"the largest",       WS_TEXT,   INT64_MAX, STR("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {"close",             WS_CLOSE,  2,         STR("\x88\x02")},
        {"pong",              WS_PONG,   125,       STR("\x8a\x7d")},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char out[WS_FRAME_OURS_MAX];
        const size_t n = ws_frame_encode(out, lengths[i].opcode, lengths[i].len);
        expect_str(lengths[i].name, ((str){out, n}), lengths[i].want);
    }
}

static void unmasks_the_example_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d}; // section 5.7
    char bytes[] = "\x7f\x9f\x4d\x51\x58";

    ws_unmask(mask, 0, bytes, 5);

    assert_string_equal(bytes, "Hello");
}

/** Against the definition in section 5.3, for every length up to some words, wherever the
 * bytes lie in memory and in the payload. Each copy ends where its memory does. */
static void unmasks_as_the_definition_does(void **state)
{
    static const size_t longest = 41;
    static const size_t places = 9;
    static const size_t offsets = 9;
    static const uint8_t mask[4] = {0x9c, 0x01, 0x7f, 0xe0};
    (void)state;

    for (size_t i = 0; i < (longest + 1) * places * offsets; i++) {
        const size_t n = i % (longest + 1);
        const size_t place = i / (longest + 1) % places;
        const uint64_t offset = UINT32_MAX - 4 + i / (longest + 1) / places;
        char *bytes = malloc(place + n + 1);
        assert_non_null(bytes);
        for (size_t k = 0; k < place + n + 1; k++)
            bytes[k] = (char)(k * 7 + 3);

        ws_unmask(mask, offset, bytes + place, n);

        for (size_t k = 0; k < place + n + 1; k++) {
            const uint8_t plain = (uint8_t)(k * 7 + 3);
            const bool is_inside = k >= place && k < place + n;
            const uint8_t key = is_inside ? mask[(offset + k - place) % 4] : 0;
            expect_int("byte", (uint8_t)bytes[k], plain ^ key);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(asks_for_more_at_every_cut),
        cmocka_unit_test(limits_control_frames_by_their_own_limit_alone),
        cmocka_unit_test(leaves_the_payload_alone),
        cmocka_unit_test(encodes_lengths_in_the_shortest_form),
        cmocka_unit_test(unmasks_the_example_of_the_rfc),
        cmocka_unit_test(unmasks_as_the_definition_does),
    };
    return cmocka_run_group_tests_name("ws/frame", tests, NULL, NULL);
}
