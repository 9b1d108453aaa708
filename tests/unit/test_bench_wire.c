#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "bench/wire.h"
#include "json/json.h"
#include "sio/packet.h"
#include "support/exact.h"
#include "support/t.h"

#define RUN        "01234567"
#define WALLETS    "000102030405060708090a0b0c0d0e0f" // the digits that each address begins with
#define PACKET_MAX (WIRE_CONTENT_MAX + 1024)

static const uint8_t chance[16] = {0xff, 1, 2,  3,  4,  5,  0xff, 7,
                                   0xff, 9, 10, 11, 12, 13, 14,   15};

/** 0, 1, 2 … */
static void count_up(struct rand *r, void *out, size_t n)
{
    uint8_t *bytes = out;

    (void)r;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)i;
}

static void wire_begin(struct wire *w, size_t size)
{
    struct rand rand = {count_up};

    wire_init(w, &rand, size);
}

static void an_address_is_of_its_run_and_its_wallet(void **state)
{
    static const struct {
        uint32_t i;
        str want;
    } rows[] = {
        {0, STR("0x" WALLETS "00000000")},
        {1, STR("0x" WALLETS "00000001")},
        {0x89abcdef, STR("0x" WALLETS "89abcdef")},
        {UINT32_MAX, STR("0x" WALLETS "ffffffff")},
    };
    struct wire w;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[WIRE_ADDRESS_SIZE];
        wire_address(&w, rows[i].i, out);
        expect_str("address", ((str){out, sizeof(out)}), rows[i].want);
    }
    wire_fini(&w);
}

static void a_uuid_has_its_version_and_its_variant(void **state)
{
    static const struct {
        uint8_t fill;
        str want;
    } rows[] = {
        {0x00, STR("00000000-0000-4000-8000-000000000000")},
        {0xff, STR("ffffffff-ffff-4fff-bfff-ffffffffffff")},
        {0x5a, STR("5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a")},
    };
    char out[WIRE_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[16];
        memset(bytes, rows[i].fill, sizeof(bytes));
        wire_uuid(out, bytes);
        expect_str("uuid", ((str){out, sizeof(out)}), rows[i].want);
    }
    wire_uuid(out, chance);
    expect_str("uuid", ((str){out, sizeof(out)}), STR("ff010203-0405-4f07-bf09-0a0b0c0d0e0f"));
}

static void a_send_is_this_text(void **state)
{
    const struct wire_send send = {.mark = {3, 2, 17}, .ack_id = 5, .chance = chance};
    struct wire w;
    struct buf out;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    buf_init(&out, PACKET_MAX);
    assert_int_equal(buf_add(&out, STR("before")), 0);
    wire_put_send(&w, &out, &send);
    expect_str(
        "packet", buf_str(&out),
        STR("before425[\"message.send\",{\"to\":\"0x" WALLETS "00000002\",\"type\":\"text\","
            "\"content\":\"" RUN ":3:2:17:abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstu\","
            "\"client_msg_id\":\"ff010203-0405-4f07-bf09-0a0b0c0d0e0f\"}]"));
    buf_fini(&out);
    wire_fini(&w);
}

static const size_t sizes[] = {WIRE_CONTENT_MIN, WIRE_CONTENT_MIN + 1, 200, 4096,
                               WIRE_CONTENT_MAX};
static const struct wire_mark marks[] = {
    {0, 0, 0}, {1, 0, 9}, {10, 99, 100}, {UINT32_MAX, UINT32_MAX, UINT32_MAX}};

/** The content of a packet that wire_put_send() has made; in out. */
static str content_of(const struct wire *w, struct buf *out, const struct wire_mark *mark)
{
    const struct wire_send send = {.mark = *mark, .ack_id = UINT32_MAX, .chance = chance};

    buf_clear(out);
    wire_put_send(w, out, &send);
    return wire_member(buf_str(out), STR("\"content\":"));
}

/** The server's eyes. */
static void decode(struct sio_packet *p, struct buf *out)
{
    str text = buf_str(out);

    expect_str("type", str_take(&text, 1), STR("4")); // a message of Engine.IO's
    assert_int_equal(sio_packet_decode(p, buf_ptr(out) + 1, text.len, 0), 0);
}

static void check_decoded(const struct wire *w, struct buf *out, const struct wire_mark *mark)
{
    struct sio_packet p;
    struct wire_mark read;
    char to[WIRE_ADDRESS_SIZE];

    content_of(w, out, mark);
    decode(&p, out);
    assert_int_equal(p.type, SIO_EVENT);
    assert_int_equal(p.ack_id, UINT32_MAX);
    expect_str("name", sio_packet_event(&p), STR("message.send"));
    assert_int_equal(json_count(p.data), 2);
    const struct json *args = json_item(p.data, 1);
    assert_int_equal(json_count(args), 4);
    wire_address(w, mark->to, to);
    expect_str("to", json_text(json_member(args, "to")), ((str){to, sizeof(to)}));
    expect_str("type", json_text(json_member(args, "type")), STR("text"));
    expect_str("id", json_text(json_member(args, "client_msg_id")),
               STR("ff010203-0405-4f07-bf09-0a0b0c0d0e0f"));
    const str content = json_text(json_member(args, "content"));
    assert_int_equal(content.len, w->size);
    assert_int_equal(wire_read_content(w, &read, content), 0);
    assert_memory_equal(&read, mark, sizeof(read));
    sio_packet_fini(&p);
}

/** With contents of every size and the largest numbers. */
static void the_server_reads_what_is_sent(void **state)
{
    struct wire w;
    struct buf out;

    (void)state;
    buf_init(&out, PACKET_MAX);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        wire_begin(&w, sizes[i]);
        for (size_t k = 0; k < COUNT_OF(marks); k++)
            check_decoded(&w, &out, &marks[k]);
        wire_fini(&w);
    }
    buf_fini(&out);
}

static void a_repeat_is_the_same_but_for_its_ack_id(void **state)
{
    struct wire_send send = {.mark = {1, 2, 3}, .ack_id = 7, .chance = chance};
    struct wire w;
    struct buf first;
    struct buf second;

    (void)state;
    wire_begin(&w, 100);
    buf_init(&first, PACKET_MAX);
    buf_init(&second, PACKET_MAX);
    wire_put_send(&w, &first, &send);
    send.ack_id = 8;
    wire_put_send(&w, &second, &send);
    str one = buf_str(&first);
    str two = buf_str(&second);
    expect_str("head", str_take(&one, 3), STR("427"));
    expect_str("head", str_take(&two, 3), STR("428"));
    expect_str("what follows", two, one);
    buf_fini(&first);
    buf_fini(&second);
    wire_fini(&w);
}

static void a_receipt_and_an_ack_are_these_texts(void **state)
{
    struct wire w;
    struct buf out;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    buf_init(&out, 1024);
    wire_put_read(&w, &out, 11, 1);
    expect_str("read", buf_str(&out),
               STR("42[\"message.read\",{\"peer\":\"0x" WALLETS "0000000b\",\"seq\":1}]"));
    buf_clear(&out);
    wire_put_read(&w, &out, 0, INT64_MAX);
    expect_str("read", buf_str(&out),
               STR("42[\"message.read\",{\"peer\":\"0x" WALLETS
                   "00000000\",\"seq\":9223372036854775807}]"));
    buf_clear(&out);
    wire_put_ack(&out, 0);
    wire_put_ack(&out, UINT64_MAX);
    expect_str("ack", buf_str(&out), STR("430[]4318446744073709551615[]"));
    buf_fini(&out);
    wire_fini(&w);
}

static void a_history_is_asked_for_with_this_text(void **state)
{
    struct wire w;
    struct buf out;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    buf_init(&out, 1024);
    wire_put_history(&w, &out, 1024, 11);
    expect_str(
        "history", buf_str(&out),
        STR("421024[\"message.history\",{\"peer\":\"0x" WALLETS "0000000b\",\"limit\":50}]"));
    buf_fini(&out);
    wire_fini(&w);
}

/** Whatever the chance of the run is; another name has others. */
static void wallets_of_a_name_are_the_same_in_each_run(void **state)
{
    static const struct {
        str name;
        const char *want; // SHA-256, its first half
    } names[] = {
        {STR("abc"), "0xba7816bf8f01cfea414140de5dae222300000001"},
        {STR("b"), "0x3e23e8160039594a33894f6564e1b13400000001"},
    };
    char address[WIRE_ADDRESS_SIZE];
    struct wire w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        wire_begin(&w, WIRE_CONTENT_MIN);
        wire_name(&w, names[i].name);
        wire_address(&w, 1, address);
        const str got = {address, sizeof(address)};
        expect_str("address", got, str_of(names[i].want));
        wire_fini(&w);
    }
}

static void the_server_reads_receipts_and_acks(void **state)
{
    struct wire w;
    struct buf out;
    struct sio_packet p;
    int64_t seq = 0;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    buf_init(&out, 1024);
    wire_put_read(&w, &out, 1, 12345678901);
    decode(&p, &out);
    assert_int_equal(p.type, SIO_EVENT);
    assert_int_equal(p.ack_id, -1);
    expect_str("name", sio_packet_event(&p), STR("message.read"));
    assert_true(json_integer_of(json_member(json_item(p.data, 1), "seq"), &seq));
    assert_int_equal(seq, 12345678901);
    sio_packet_fini(&p);

    buf_clear(&out);
    wire_put_ack(&out, 77);
    decode(&p, &out);
    assert_int_equal(p.type, SIO_ACK);
    assert_int_equal(p.ack_id, 77);
    sio_packet_fini(&p);
    buf_fini(&out);
    wire_fini(&w);
}

#define MESSAGE "{\"id\":\"x\",\"seq\":12,\"from\":\"0xa\",\"content\":\"c:1\",\"n\":3}"

struct row {
    const char *name;
    str in;
    int r;
    struct wire_packet want; // looked at only when r is 0
};

// clang-format off
static const struct row rows[] = {
    {"ok",                STR("317[{\"status\":\"ok\",\"duplicate\":false,\"message\":" MESSAGE "}]"), 0, {.kind = WIRE_ANSWER, .ack_id = 17, .is_ok = true, .seq = 12}},
    {"ok, a duplicate",   STR("30[{\"status\":\"ok\",\"duplicate\":true,\"message\":" MESSAGE "}]"), 0, {.kind = WIRE_ANSWER, .is_ok = true, .seq = 12}},
    {"ok, the most",      STR("39223372036854775807[{\"status\":\"ok\",\"seq\":9223372036854775807}]"), 0, {.kind = WIRE_ANSWER, .ack_id = INT64_MAX, .is_ok = true, .seq = INT64_MAX}},
    {"ok, seq one more",  STR("31[{\"status\":\"ok\",\"seq\":9223372036854775808}]"), WIRE_BAD, {0}},
    {"ok, id one more",   STR("39223372036854775808[{\"status\":\"ok\",\"seq\":1}]"), WIRE_BAD, {0}},
    {"ok without a seq",  STR("31[{\"status\":\"ok\"}]"),                            WIRE_BAD, {0}},
    {"ok, seq 0",         STR("31[{\"status\":\"ok\",\"seq\":0}]"),                  WIRE_BAD, {0}},
    {"ok, seq negative",  STR("31[{\"status\":\"ok\",\"seq\":-1}]"),                 WIRE_BAD, {0}},
    {"ok, seq no number", STR("31[{\"status\":\"ok\",\"seq\":null}]"),               WIRE_BAD, {0}},
    {"error",             STR("32[{\"status\":\"error\",\"error\":{\"code\":\"rate_limited\",\"seq\":1}}]"), 0, {.kind = WIRE_ANSWER, .ack_id = 2, .code = STR("rate_limited")}},
    {"error, no code",    STR("32[{\"status\":\"error\"}]"),                         WIRE_BAD, {0}},
    {"error, empty code", STR("32[{\"status\":\"error\",\"code\":\"\"}]"),           WIRE_BAD, {0}},
    {"an empty answer",   STR("32[]"),                                               WIRE_BAD, {0}},
    {"answer without id", STR("3[{\"status\":\"ok\",\"seq\":1}]"),                   WIRE_BAD, {0}},
    {"answer, no list",   STR("32{\"status\":\"ok\",\"seq\":1}"),                    WIRE_BAD, {0}},
    {"a page",            STR("38[{\"status\":\"ok\",\"messages\":[" MESSAGE "," MESSAGE "],\"has_more\":true,\"first_seq\":1}]"), 0, {.kind = WIRE_PAGE, .ack_id = 8, .is_ok = true, .n_messages = 2}},
    {"an empty page",     STR("30[{\"status\":\"ok\",\"messages\":[]}]"),          0, {.kind = WIRE_PAGE, .is_ok = true}},
    {"a list of others",  STR("30[{\"status\":\"ok\",\"accounts\":[]}]"),          WIRE_BAD, {0}},
    {"message",           STR("25[\"message.new\"," MESSAGE "]"),                    0, {.kind = WIRE_MESSAGE, .ack_id = 5, .seq = 12, .content = STR("c:1")}},
    {"message, id 0",     STR("20[\"message.new\"," MESSAGE "]"),                    0, {.kind = WIRE_MESSAGE, .ack_id = 0, .seq = 12, .content = STR("c:1")}},
    {"message without id", STR("2[\"message.new\"," MESSAGE "]"),                    WIRE_BAD, {0}},
    {"message, no seq",   STR("25[\"message.new\",{\"content\":\"x\"}]"),            WIRE_BAD, {0}},
    {"message, no content", STR("25[\"message.new\",{\"seq\":1}]"),                  0, {.kind = WIRE_MESSAGE, .ack_id = 5, .seq = 1}},
    {"a seq in a content", STR("25[\"message.new\",{\"content\":\"\\\"seq\\\":9\",\"seq\":1}]"), 0, {.kind = WIRE_MESSAGE, .ack_id = 5, .seq = 1, .content = STR("\\")}},
    {"synced",            STR("2[\"synced\",{\"cursor\":\"x\"}]"),                   0, {.kind = WIRE_SYNCED}},
    {"synced, alone",     STR("2[\"synced\"]"),                                      0, {.kind = WIRE_SYNCED}},
    {"error event",       STR("2[\"error\",{\"code\":\"internal\"}]"),               0, {.kind = WIRE_ERROR, .code = STR("internal")}},
    {"warning",           STR("2[\"warning\",{\"message\":\"x\",\"code\":\"slow\"}]"), 0, {.kind = WIRE_ERROR, .code = STR("slow")}},
    {"warning, no code",  STR("2[\"warning\",{}]"),                                  WIRE_BAD, {0}},
    {"another event",     STR("2[\"message.delivered\",{\"seq\":1}]"),               0, {.kind = WIRE_OTHER}},
    {"another, with id",  STR("29[\"whatever\"]"),                                   0, {.kind = WIRE_OTHER, .ack_id = 9}},
    {"a longer name",     STR("29[\"message.new2\",{\"seq\":1}]"),                   0, {.kind = WIRE_OTHER, .ack_id = 9}},
    {"event, no name",    STR("2[1]"),                                               WIRE_BAD, {0}},
    {"event, no list",    STR("2{}"),                                                WIRE_BAD, {0}},
    {"a namespace",       STR("2/admin,[\"synced\"]"),                               WIRE_BAD, {0}},
    {"nothing",           STR(""),                                                   WIRE_BAD, {0}},
    {"a type alone",      STR("2"),                                                  WIRE_BAD, {0}},
    {"an answer's type",  STR("3"),                                                  WIRE_BAD, {0}},
    {"another type",      STR("0{\"sid\":\"x\"}"),                                   WIRE_BAD, {0}},
    {"binary",            STR("51-[\"message.new\"]"),                               WIRE_BAD, {0}},
    {"garbage",           STR("\xff\x00[]\""),                                       WIRE_BAD, {0}},
};
// clang-format on

static void expect_packet(const char *name, const struct wire_packet *got,
                          const struct wire_packet *want)
{
    expect_int(name, got->kind, want->kind);
    expect_int(name, got->ack_id, want->ack_id);
    expect_int(name, got->is_ok, want->is_ok);
    expect_int(name, got->seq, want->seq);
    expect_int(name, got->n_messages, want->n_messages);
    expect_str(name, got->code, want->code);
    expect_str(name, got->content, want->content);
}

static void reads_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct wire_packet p;
        char *text = exact_copy(row->in);

        expect_int(row->name, wire_read(&p, (str){text, row->in.len}), row->r);
        if (row->r == 0)
            expect_packet(row->name, &p, &row->want);
        free(text);
    }
}

static bool is_inside(str part, str whole)
{
    return part.len == 0 ||
           (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/** What is cut off is not guessed: each text that is named lies in what there is. */
static void reads_nothing_behind_a_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 0; n < row->in.len; n++) {
            struct wire_packet p;
            char *cut = exact_copy((str){row->in.ptr, n});
            const str text = {cut, n};

            const int r = wire_read(&p, text);
            expect_int(row->name, r == 0 || r == WIRE_BAD, true);
            expect_int(row->name, is_inside(p.code, text), true);
            expect_int(row->name, is_inside(p.content, text), true);
            if (n == 0)
                expect_int(row->name, r, WIRE_BAD);
            free(cut);
        }
    }
}

static void finds_the_first_member_of_a_name(void **state)
{
    static const struct {
        const char *name;
        str json;
        str want;
    } members[] = {
        {"a text", STR("{\"a\":\"x\"}"), STR("x")},
        {"a number", STR("{\"a\":12}"), STR("12")},
        {"a number at the end", STR("\"a\":12"), STR("12")},
        {"the first of two", STR("{\"a\":1,\"a\":2}"), STR("1")},
        {"inside another", STR("{\"b\":{\"a\":7}}"), STR("7")},
        {"a longer name", STR("{\"aa\":1}"), STR("")},
        {"a value of the name", STR("{\"b\":\"a\"}"), STR("")},
        {"neither text nor number", STR("{\"a\":true}"), STR("")},
        {"no value", STR("{\"a\":"), STR("")},
        {"a text without end", STR("{\"a\":\"xy"), STR("xy")},
        {"a quote alone", STR("{\"a\":\""), STR("")},
        {"nothing", {0}, STR("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        char *json = exact_copy(members[i].json);
        expect_str(members[i].name,
                   wire_member((str){json, members[i].json.len}, STR("\"a\":")),
                   members[i].want);
        free(json);
    }
}

/** "run:from:to:n:" */
static size_t numbers_end(str content)
{
    size_t at = 0;

    for (unsigned colons = 0; colons < 4; at++)
        colons += content.ptr[at] == ':';
    return at;
}

/** Every other byte at one place. */
static void check_changed(const struct wire *w, char *content, size_t at,
                          const struct wire_mark *mark, bool is_number)
{
    const char was = content[at];

    for (unsigned other = 0; other < 256; other++) {
        struct wire_mark read;
        if ((char)other == was)
            continue;
        content[at] = (char)other;
        const int r = wire_read_content(w, &read, (str){content, w->size});
        if (r == 0 && (!is_number || memcmp(&read, mark, sizeof(read)) == 0))
            fail_msg("byte %zu, changed to %u, is not seen", at, other);
    }
    content[at] = was;
}

/** But in a digit it may make another number. */
static void a_changed_byte_is_seen_anywhere(void **state)
{
    struct wire w;
    struct buf out;

    (void)state;
    buf_init(&out, PACKET_MAX);
    wire_begin(&w, 100);
    for (size_t k = 0; k < COUNT_OF(marks); k++) {
        const str made = content_of(&w, &out, &marks[k]);
        assert(made.len > 0 && made.len == w.size);
        char *content = exact_copy(made);
        const size_t end = numbers_end((str){content, w.size});
        for (size_t at = 0; at < w.size; at++) {
            const bool is_number = at > WIRE_RUN_SIZE && at < end && content[at] != ':';
            check_changed(&w, content, at, &marks[k], is_number);
        }
        free(content);
    }
    wire_fini(&w);
    buf_fini(&out);
}

static void a_content_that_is_cut_or_longer_is_refused(void **state)
{
    struct wire w;
    struct buf out;
    struct wire_mark read;

    (void)state;
    buf_init(&out, PACKET_MAX);
    wire_begin(&w, WIRE_CONTENT_MIN);
    const str content = content_of(&w, &out, &marks[3]);
    assert_int_equal(wire_read_content(&w, &read, content), 0);
    for (size_t n = 0; n < content.len; n++) {
        char *cut = exact_copy((str){content.ptr, n});
        assert_int_equal(wire_read_content(&w, &read, (str){cut, n}), WIRE_BAD);
        free(cut);
    }
    assert_int_equal(wire_read_content(&w, &read, (str){content.ptr, content.len + 1}),
                     WIRE_BAD);
    assert_int_equal(wire_read_content(&w, &read, (str){0}), WIRE_BAD);
    wire_fini(&w);
    buf_fini(&out);
}

static void a_content_of_another_run_or_size_is_refused(void **state)
{
    struct wire w;
    struct wire other_run;
    struct wire other_size;
    struct buf out;
    struct wire_mark read;

    (void)state;
    buf_init(&out, PACKET_MAX);
    wire_begin(&w, 200);
    wire_begin(&other_run, 200);
    other_run.run[WIRE_RUN_SIZE - 1] = 'x';
    wire_begin(&other_size, 201);
    const str content = content_of(&w, &out, &marks[2]);
    assert_int_equal(wire_read_content(&w, &read, content), 0);
    assert_int_equal(wire_read_content(&other_run, &read, content), WIRE_BAD);
    assert_int_equal(wire_read_content(&other_size, &read, content), WIRE_BAD);
    wire_fini(&w);
    wire_fini(&other_run);
    wire_fini(&other_size);
    buf_fini(&out);
}

/** 64 bytes that begin with this are what follows. */
static void numbers_that_none_has_written_are_refused(void **state)
{
    static const struct {
        const char *name;
        str front;
        int r;
    } fronts[] = {
        {"the largest", STR(RUN ":4294967295:4294967295:4294967295:"), 0},
        {"from too large", STR(RUN ":4294967296:0:0:"), WIRE_BAD},
        {"to too large", STR(RUN ":0:4294967296:0:"), WIRE_BAD},
        {"n too large", STR(RUN ":0:0:4294967296:"), WIRE_BAD},
        {"above 64 bits", STR(RUN ":0:18446744073709551616:0:"), WIRE_BAD},
        {"a zero before", STR(RUN ":0:01:0:"), WIRE_BAD},
        {"zeroes", STR(RUN ":00:0:0:"), WIRE_BAD},
        {"signed", STR(RUN ":0:-1:0:"), WIRE_BAD},
        {"empty", STR(RUN ":0::0:"), WIRE_BAD},
        {"two", STR(RUN ":0:1:"), WIRE_BAD},
        {"four", STR(RUN ":0:1:2:3:"), WIRE_BAD},
    };
    struct wire w;

    (void)state;
    wire_begin(&w, WIRE_CONTENT_MIN);
    const str pad = buf_str(&w.pad);
    assert(pad.ptr);
    for (size_t i = 0; i < COUNT_OF(fronts); i++) {
        struct wire_mark read;
        char content[WIRE_CONTENT_MIN];
        const size_t n = str_copy(content, fronts[i].front).len;
        str_copy(content + n, (str){pad.ptr, sizeof(content) - n});
        expect_int(fronts[i].name,
                   wire_read_content(&w, &read, (str){content, sizeof(content)}), fronts[i].r);
    }
    wire_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_of_its_run_and_its_wallet),
        cmocka_unit_test(a_uuid_has_its_version_and_its_variant),
        cmocka_unit_test(a_send_is_this_text),
        cmocka_unit_test(the_server_reads_what_is_sent),
        cmocka_unit_test(a_repeat_is_the_same_but_for_its_ack_id),
        cmocka_unit_test(a_receipt_and_an_ack_are_these_texts),
        cmocka_unit_test(a_history_is_asked_for_with_this_text),
        cmocka_unit_test(wallets_of_a_name_are_the_same_in_each_run),
        cmocka_unit_test(the_server_reads_receipts_and_acks),
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(reads_nothing_behind_a_cut),
        cmocka_unit_test(finds_the_first_member_of_a_name),
        cmocka_unit_test(a_changed_byte_is_seen_anywhere),
        cmocka_unit_test(a_content_that_is_cut_or_longer_is_refused),
        cmocka_unit_test(a_content_of_another_run_or_size_is_refused),
        cmocka_unit_test(numbers_that_none_has_written_are_refused),
    };
    return cmocka_run_group_tests_name("bench/wire", tests, NULL, NULL);
}
