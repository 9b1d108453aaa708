#include "base/mem.h"
#include "bench/frame.h"
#include "support/exact.h"
#include "support/t.h"
#include "ws/frame.h"

struct row {
    const char *name;
    str head;         // what stands before the payload
    size_t n_payload; // bytes of it that are there
    int r;
    enum frame_opcode opcode; // this and the next are looked at only when r is 0
    size_t len;
};

// clang-format off
static const struct row rows[] = {
    // name                        head                                         payload r          opcode        len
    {"no byte",                    {"", 0},                                     0,     FRAME_MORE, 0,            0},
    {"one byte",                   STR("\x81"),                                 0,     FRAME_MORE, 0,            0},
    {"empty text",                 STR("\x81\x00"),                             0,     0,          FRAME_TEXT,   0},
    {"empty, more behind",         STR("\x81\x00"),                             9,     0,          FRAME_TEXT,   0},
    {"short text",                 STR("\x81\x05"),                             5,     0,          FRAME_TEXT,   5},
    {"short text, more behind",    STR("\x81\x05"),                             8,     0,          FRAME_TEXT,   5},
    {"payload cut short",          STR("\x81\x05"),                             4,     FRAME_MORE, 0,            0},
    {"longest in one byte",        STR("\x82\x7d"),                             125,   0,          FRAME_BINARY, 125},
    {"a byte short of it",         STR("\x82\x7d"),                             124,   FRAME_MORE, 0,            0},
    {"two bytes cut short",        STR("\x82\x7e\x00"),                         0,     FRAME_MORE, 0,            0},
    {"shortest in two bytes",      STR("\x82\x7e\x00\x7e"),                     126,   0,          FRAME_BINARY, 126},
    {"longest in two bytes",       STR("\x82\x7e\xff\xff"),                     65535, 0,          FRAME_BINARY, 65535},
    {"eight bytes cut short",      STR("\x82\x7f\0\0\0\0\0\x01\0"),             0,     FRAME_MORE, 0,            0},
    {"shortest in eight bytes",    STR("\x82\x7f\0\0\0\0\0\x01\0\0"),           65536, 0,          FRAME_BINARY, 65536},
    {"a byte short of this",       STR("\x82\x7f\0\0\0\0\0\x01\0\0"),           65535, FRAME_MORE, 0,            0},
    {"a length to wait for",       STR("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), 9, FRAME_MORE, 0,            0},
    {"top bit of the length",      STR("\x82\x7f\x80\0\0\0\0\0\0\0"),           0,     FRAME_BAD,  0,            0},
    {"the largest length",         STR("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 9, FRAME_BAD,  0,            0},
    {"two bytes, one would do",    STR("\x82\x7e\x00\x7d"),                     125,   FRAME_BAD,  0,            0},
    {"eight bytes, two would do",  STR("\x82\x7f\0\0\0\0\0\0\xff\xff"),         65535, FRAME_BAD,  0,            0},
    {"masked",                     STR("\x81\x85\0\0\0\0"),                     5,     FRAME_BAD,  0,            0},
    {"masked, empty",              STR("\x81\x80"),                             0,     FRAME_BAD,  0,            0},
    {"first fragment",             STR("\x01"),                                 0,     FRAME_BAD,  0,            0},
    {"middle fragment",            STR("\x00"),                                 0,     FRAME_BAD,  0,            0},
    {"last fragment",              STR("\x80"),                                 0,     FRAME_BAD,  0,            0},
    {"fragmented ping",            STR("\x09"),                                 0,     FRAME_BAD,  0,            0},
    {"opcode 3",                   STR("\x83"),                                 0,     FRAME_BAD,  0,            0},
    {"opcode 7",                   STR("\x87"),                                 0,     FRAME_BAD,  0,            0},
    {"opcode 11",                  STR("\x8b"),                                 0,     FRAME_BAD,  0,            0},
    {"opcode 15",                  STR("\x8f"),                                 0,     FRAME_BAD,  0,            0},
    {"RSV1",                       STR("\xc1"),                                 0,     FRAME_BAD,  0,            0},
    {"RSV2",                       STR("\xa1"),                                 0,     FRAME_BAD,  0,            0},
    {"RSV3",                       STR("\x91"),                                 0,     FRAME_BAD,  0,            0},
    {"close",                      STR("\x88\x02"),                             2,     0,          FRAME_CLOSE,  2},
    {"ping",                       STR("\x89\x00"),                             0,     0,          FRAME_PING,   0},
    {"the largest pong",           STR("\x8a\x7d"),                             125,   0,          FRAME_PONG,   125},
    {"a larger pong",              STR("\x8a\x7e"),                             0,     FRAME_BAD,  0,            0},
    {"a much larger close",        STR("\x88\x7f"),                             0,     FRAME_BAD,  0,            0},
};
// clang-format on

/** @return owned, exactly as large as it is */
static char *bytes_of(const struct row *row, size_t *n)
{
    *n = row->head.len + row->n_payload;
    char *bytes = mem_resize(NULL, *n > 0 ? *n : 1);

    str_copy(bytes, row->head);
    memset(bytes + row->head.len, 'x', row->n_payload);
    return bytes;
}

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct frame f;
        size_t used = 0;
        size_t n;
        char *bytes = bytes_of(row, &n);

        expect_int(row->name, frame_read(&f, &used, bytes, n), row->r);
        if (row->r == 0) {
            expect_int(row->name, f.opcode, row->opcode);
            expect_int(row->name, f.len, row->len);
            expect_int(row->name, f.payload - bytes, row->head.len);
            expect_int(row->name, used, row->head.len + row->len);
        }
        free(bytes);
    }
}

/** What a cut of it says, in memory that ends with the cut. */
static int answer_to_cut(const char *bytes, size_t n)
{
    struct frame f;
    size_t used;
    char *cut = exact_copy((str){bytes, n});

    const int r = frame_read(&f, &used, cut, n);
    free(cut);
    return r;
}

/** Of a good frame, each cut; of a bad one, each before the byte that shows it. */
static void asks_for_more_at_every_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        size_t n;
        char *bytes = bytes_of(row, &n);
        const size_t last = row->r == 0 ? row->head.len + row->len : row->head.len;
        bool is_decided = false;

        for (size_t cut = 0; cut < last; cut += 1 + cut / 512) {
            const int r = answer_to_cut(bytes, cut);
            if (r == FRAME_BAD && row->r == FRAME_BAD)
                is_decided = true;
            expect_int(row->name, r, is_decided ? FRAME_BAD : FRAME_MORE);
        }
        if (row->r == 0 && last > 0)
            expect_int(row->name, answer_to_cut(bytes, last - 1), FRAME_MORE);
        free(bytes);
    }
}

static void reads_frames_one_behind_the_other(void **state)
{
    char in[] = "\x81\x02hi\x89\x01!\x81\x00\x82";
    const str want[] = {STR("hi"), STR("!"), STR("")};
    size_t at = 0;
    struct frame f;
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(frame_read(&f, &used, in + at, sizeof(in) - 1 - at), 0);
        expect_str("payload", ((str){f.payload, f.len}), want[i]);
        at += used;
    }
    assert_int_equal(frame_read(&f, &used, in + at, sizeof(in) - 1 - at), FRAME_MORE);
    assert_int_equal(at, sizeof(in) - 2);
}

/** Write it, and read it as the server does. */
static void check_written(enum frame_opcode opcode, uint32_t key, str payload)
{
    static const str before = STR("before");
    struct buf out;
    struct ws_frame f;

    buf_init(&out, 1 << 20);
    assert_int_equal(buf_add(&out, before), 0);
    frame_write(&out, opcode, key, payload);

    str in = buf_str(&out);
    expect_str("what was there", str_take(&in, before.len), before);
    const size_t n = in.len;
    assert_int_equal(ws_frame_decode(&f, &in, payload.len), 0);
    assert_true(f.fin);
    assert_int_equal(f.opcode, opcode);
    assert_int_equal(f.payload_len, payload.len);
    assert_int_equal(in.len, payload.len);
    assert_true(n - in.len <= FRAME_OVERHEAD_MAX);
    ws_unmask(f.mask, 0, buf_ptr(&out) + (out.len - in.len), in.len);
    assert_true(str_eq(in, payload));
    buf_fini(&out);
}

static const uint32_t keys[] = {0, 1, 0xffffffff, 0x80000000, 0x04030201, 0x9c017fe0};

static void the_server_reads_what_is_written(void **state)
{
    static const size_t sizes[] = {65535, 65536, 65537, 70003};
    static const size_t longest = 70003;
    static const size_t n_short = 301;
    char *bytes = mem_alloc(longest);

    (void)state;
    for (size_t i = 0; i < longest; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        for (size_t n = 0; n < n_short; n++) {
            char *payload = exact_copy((str){bytes, n});
            check_written(n % 2 ? FRAME_TEXT : FRAME_BINARY, keys[k], (str){payload, n});
            free(payload);
        }
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            check_written(FRAME_TEXT, keys[k], (str){bytes, sizes[i]});
    }
    free(bytes);
}

static void the_server_reads_control_frames(void **state)
{
    static const enum frame_opcode opcodes[] = {FRAME_CLOSE, FRAME_PING, FRAME_PONG};
    static const char bytes[WS_CONTROL_MAX] = {1, 2, 3};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(opcodes); i++) {
        check_written(opcodes[i], keys[4], (str){NULL, 0});
        check_written(opcodes[i], keys[5], (str){bytes, sizeof(bytes)});
    }
}

static void the_key_is_in_the_frame_and_on_the_payload(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 64);
    frame_write(&out, FRAME_TEXT, 0x3d21fa37, STR("Hello")); // section 5.7
    expect_str("frame", buf_str(&out), STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(asks_for_more_at_every_cut),
        cmocka_unit_test(reads_frames_one_behind_the_other),
        cmocka_unit_test(the_server_reads_what_is_written),
        cmocka_unit_test(the_server_reads_control_frames),
        cmocka_unit_test(the_key_is_in_the_frame_and_on_the_payload),
    };
    return cmocka_run_group_tests_name("bench/frame", tests, NULL, NULL);
}
