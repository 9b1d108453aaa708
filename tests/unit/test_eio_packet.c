#include "support/t.h"

#include "eio/packet.h"
#include "support/exact.h"

#define PAYLOAD_MAX 4096

struct row {
    const char *name;
    str in;
    int r;
    enum eio_type type;
    bool is_binary;
    str data;
};

// clang-format off
static const struct row rows[] = {
    {"open",                    STR("0{\"sid\":\"a\"}"), 0, EIO_OPEN,    false, STR("{\"sid\":\"a\"}")},
    {"close",                   STR("1"),          0, EIO_CLOSE,   false, STR("")},
    {"ping",                    STR("2"),          0, EIO_PING,    false, STR("")},
    {"ping of a probe",         STR("2probe"),     0, EIO_PING,    false, STR("probe")},
    {"pong",                    STR("3"),          0, EIO_PONG,    false, STR("")},
    {"pong of a probe",         STR("3probe"),     0, EIO_PONG,    false, STR("probe")},
    {"message",                 STR("4hello"),     0, EIO_MESSAGE, false, STR("hello")},
    {"message of nothing",      STR("4"),          0, EIO_MESSAGE, false, STR("")},
    {"message with a NUL",      STR("4a\0b"),      0, EIO_MESSAGE, false, STR("a\0b")},
    {"message with a separator", STR("4a\x1e" "b"), 0, EIO_MESSAGE, false, STR("a\x1e" "b")},
    {"message that looks binary", STR("4bAAEC"),   0, EIO_MESSAGE, false, STR("bAAEC")},
    {"upgrade",                 STR("5"),          0, EIO_UPGRADE, false, STR("")},
    {"noop",                    STR("6"),          0, EIO_NOOP,    false, STR("")},
    {"noop with data",          STR("6x"),         0, EIO_NOOP,    false, STR("x")},

    {"binary of nothing",       STR("b"),          0, EIO_MESSAGE, true, STR("")},
    {"binary, one byte",        STR("bAA=="),      0, EIO_MESSAGE, true, STR("\0")},
    {"binary, two bytes",       STR("bAAE="),      0, EIO_MESSAGE, true, STR("\0\x01")},
    {"binary, three bytes",     STR("bAAEC"),      0, EIO_MESSAGE, true, STR("\0\x01\x02")},
    {"binary, no padding",      STR("bAAECAw"),    0, EIO_MESSAGE, true, STR("\0\x01\x02\x03")},
    {"binary, standard alphabet", STR("b+/+/"),    0, EIO_MESSAGE, true, STR("\xfb\xff\xbf")},
    {"binary, url alphabet",    STR("b-_-_"),      0, EIO_MESSAGE, true, STR("\xfb\xff\xbf")},
    {"binary, line breaks",     STR("bAA\r\nEC\n"), 0, EIO_MESSAGE, true, STR("\0\x01\x02")},

    {"nothing",                 STR(""),           EIO_PACKET_BAD, 0, false, {0}},
    {"one above the last type", STR("7"),          EIO_PACKET_BAD, 0, false, {0}},
    {"one below the first",     STR("/"),          EIO_PACKET_BAD, 0, false, {0}},
    {"a letter",                STR("abc"),        EIO_PACKET_BAD, 0, false, {0}},
    {"a capital B",             STR("BAAEC"),      EIO_PACKET_BAD, 0, false, {0}},
    {"a NUL",                   STR("\0"),         EIO_PACKET_BAD, 0, false, {0}},
    {"a high byte",             STR("\xb4"),       EIO_PACKET_BAD, 0, false, {0}},
    {"base64 garbage",          STR("b????"),      EIO_PACKET_BAD, 0, false, {0}},
    {"base64, a digit left over", STR("bAAECA"),   EIO_PACKET_BAD, 0, false, {0}},
    {"base64, after the padding", STR("bAA==AA=="), EIO_PACKET_BAD, 0, false, {0}},
};
// clang-format on

static void expect_packet(const struct row *row, const struct eio_packet *p)
{
    expect_int(row->name, p->type, row->type);
    expect_int(row->name, p->is_binary, row->is_binary);
    expect_str(row->name, ((str){p->data, p->len}), row->data);
}

static void decodes_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        struct eio_packet p;

        expect_int(row->name, eio_packet_decode(&p, text, row->in.len), row->r);
        if (row->r == 0)
            expect_packet(row, &p);
    }
}

static void writes_what_decodes_to_the_same(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        if (row->r != 0)
            continue;
        CLEANUP(exact_freep) char *data = exact_copy(row->data);
        const struct eio_packet p = {row->type, row->is_binary, data, row->data.len};
        const size_t size = eio_packet_size(&p);
        struct eio_packet back;
        struct buf out;

        buf_init(&out, size);
        expect_int(row->name, eio_packet_write(&out, &p), 0);
        expect_int(row->name, buf_str(&out).len, size);
        expect_int(row->name, eio_packet_decode(&back, buf_ptr(&out), size), 0);
        expect_packet(row, &back);
        buf_fini(&out);

        buf_init(&out, size - 1);
        expect_int(row->name, eio_packet_write(&out, &p), BUF_FULL);
        expect_int(row->name, buf_str(&out).len, 0);
        buf_fini(&out);
    }
}

static void writes_the_standard_alphabet_padded(void **state)
{
    char bytes[] = "\xfb\xff\xbf\xff";
    const struct eio_packet p = {EIO_MESSAGE, true, bytes, 4};
    struct buf out;

    (void)state;
    buf_init(&out, PAYLOAD_MAX);
    assert_int_equal(eio_packet_write(&out, &p), 0);
    expect_str("written", buf_str(&out), STR("b+/+//w=="));
    buf_fini(&out);
}

#define PARTS_MAX 4

// clang-format off
static const struct payload_row {
    const char *name;
    str in;
    const char *parts[PARTS_MAX]; // type and data of each good packet, up to NULL
    int r;                        // after them
} payloads[] = {
    {"one packet", STR("4a"), {"4a"}, EIO_PAYLOAD_END},
    {"three packets", STR("4a\x1e" "2\x1e" "4b"), {"4a", "2", "4b"}, EIO_PAYLOAD_END},
    {"binary among them", STR("451-\x1e" "bYQ==\x1e" "4"), {"451-", "ba", "4"}, EIO_PAYLOAD_END},
    {"nothing", STR(""), {0}, EIO_PAYLOAD_BAD},
    {"only a separator", STR("\x1e"), {0}, EIO_PAYLOAD_BAD},
    {"a separator first", STR("\x1e" "4a"), {0}, EIO_PAYLOAD_BAD},
    {"a separator at the end", STR("4a\x1e"), {"4a"}, EIO_PAYLOAD_BAD},
    {"two separators", STR("4a\x1e\x1e" "4b"), {"4a"}, EIO_PAYLOAD_BAD},
    {"a bad one among good", STR("4a\x1e" "x\x1e" "4b"), {"4a"}, EIO_PAYLOAD_BAD},
    {"broken base64", STR("4a\x1e" "b?\x1e" "4b"), {"4a"}, EIO_PAYLOAD_BAD},
};
// clang-format on

static str part_of(char out[static 64], const struct eio_packet *p)
{
    assert_true(p->len < 63);
    out[0] = (char)(p->is_binary ? 'b' : '0' + p->type);
    str_copy(out + 1, (str){p->data, p->len});
    return (str){out, p->len + 1};
}

static void walks_over_each_payload(void **state)
{
    (void)state;
    for (const struct payload_row *row = payloads; row < payloads + COUNT_OF(payloads); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        struct eio_payload payload = {.text = text, .len = row->in.len};
        struct eio_packet p;
        char part[64];

        for (size_t i = 0; i < PARTS_MAX && row->parts[i]; i++) {
            expect_int(row->name, eio_payload_next(&payload, &p), 0);
            expect_str(row->name, part_of(part, &p), str_of(row->parts[i]));
        }
        expect_int(row->name, eio_payload_next(&payload, &p), row->r);
        expect_int(row->name, eio_payload_next(&payload, &p), EIO_PAYLOAD_END);
    }
}

/** Cut anywhere, a payload has the same packets, but for the one that the cut goes through. */
static void a_cut_spoils_only_the_last_packet(void **state)
{
    const str in =
        STR("4hello\x1e"
            "bAAECAwQ=\x1e"
            "2\x1e"
            "46[\"\xc3\xa9\"]");
    const str parts[] = {STR("4hello"), STR("b\0\x01\x02\x03\x04"), STR("2"),
                         STR("46[\"\xc3\xa9\"]")};
    size_t n_separators = 0;

    (void)state;
    for (size_t n = 0; n < in.len; n++) {
        CLEANUP(exact_freep) char *text = exact_copy((str){in.ptr, n});
        struct eio_payload payload = {.text = text, .len = n};
        struct eio_packet p;
        char part[64];

        n_separators += n > 0 && in.ptr[n - 1] == EIO_SEPARATOR;
        for (size_t i = 0; i < n_separators; i++) {
            assert_int_equal(eio_payload_next(&payload, &p), 0);
            expect_str("a whole packet", part_of(part, &p), parts[i]);
        }
        const int r = eio_payload_next(&payload, &p);
        assert_in_range(r, 0, EIO_PAYLOAD_BAD);
        assert_int_not_equal(r, EIO_PAYLOAD_END);
        if (r == 0)
            assert_true(str_starts(parts[n_separators], part_of(part, &p)));
        assert_int_equal(eio_payload_next(&payload, &p), EIO_PAYLOAD_END);
    }
}

static void reads_back_the_payload_that_it_wrote(void **state)
{
    const size_t n_packets = EIO_PAYLOAD_PACKETS_MAX;
    char bytes[EIO_PAYLOAD_PACKETS_MAX] = {0, 1, EIO_SEPARATOR, 3, 4, 5, 6, 7};
    struct buf out;

    (void)state;
    buf_init(&out, PAYLOAD_MAX);
    for (size_t i = 0; i < n_packets; i++) {
        const struct eio_packet p = {EIO_MESSAGE, true, bytes, i};
        if (i > 0)
            assert_int_equal(buf_add(&out, STR("\x1e")), 0);
        assert_int_equal(eio_packet_write(&out, &p), 0);
    }

    struct eio_payload payload = {.text = buf_ptr(&out), .len = buf_str(&out).len};
    struct eio_packet p;
    for (size_t i = 0; i < n_packets; i++) {
        assert_int_equal(eio_payload_next(&payload, &p), 0);
        assert_true(p.is_binary);
        expect_str("bytes", ((str){p.data, p.len}), ((str){bytes, i}));
    }
    assert_int_equal(eio_payload_next(&payload, &p), EIO_PAYLOAD_END);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(writes_what_decodes_to_the_same),
        cmocka_unit_test(writes_the_standard_alphabet_padded),
        cmocka_unit_test(walks_over_each_payload),
        cmocka_unit_test(a_cut_spoils_only_the_last_packet),
        cmocka_unit_test(reads_back_the_payload_that_it_wrote),
    };
    return cmocka_run_group_tests_name("eio_packet", tests, NULL, NULL);
}
