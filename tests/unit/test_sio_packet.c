#include "support/t.h"

#include "sio/packet.h"
#include "support/exact.h"

#define PRINT_MAX 4096

#define TIMES_8(x)  x x x x x x x x
#define TIMES_32(x) TIMES_8(x) TIMES_8(x) TIMES_8(x) TIMES_8(x)

#define PLACEHOLDER(num) "{\"_placeholder\":true,\"num\":" num "}"

struct row {
    const char *name;
    str in;
    enum sio_type type;
    unsigned n_attachments;
    str namespace;
    int64_t ack_id;
    str json; // printed; empty: there is none
};

#define ROOT   STR("/")
#define NS_127 TIMES_32("abc") "0123456789012345678901234567890" // with its slash: the longest

// clang-format off
static const struct row good[] = {
    {"connect",                    STR("0"),                  SIO_CONNECT,    0, ROOT,             -1, {0}},
    {"connect with a payload",     STR("0{\"token\":\"x\"}"), SIO_CONNECT,    0, ROOT,             -1, STR("{\"token\":\"x\"}")},
    {"connect, empty payload",     STR("0{}"),                SIO_CONNECT,    0, ROOT,             -1, STR("{}")},
    {"connect, bare slash",        STR("0/"),                 SIO_CONNECT,    0, ROOT,             -1, {0}},
    {"connect, slash and comma",   STR("0/,"),                SIO_CONNECT,    0, ROOT,             -1, {0}},
    {"connect, slash and payload", STR("0/,{}"),              SIO_CONNECT,    0, ROOT,             -1, STR("{}")},
    {"namespace, no comma",        STR("0/custom"),           SIO_CONNECT,    0, STR("/custom"),   -1, {0}},
    {"namespace and comma",        STR("0/custom,"),          SIO_CONNECT,    0, STR("/custom"),   -1, {0}},
    {"namespace and payload",      STR("0/admin,{\"a\":1}"),  SIO_CONNECT,    0, STR("/admin"),    -1, STR("{\"a\":1}")},
    {"namespace with a query",     STR("0/custom?a=1&b,{}"),  SIO_CONNECT,    0, STR("/custom?a=1&b"), -1, STR("{}")},
    {"namespace keeps its case",   STR("0/Custom/A,"),        SIO_CONNECT,    0, STR("/Custom/A"), -1, {0}},
    {"namespace runs to a comma",  STR("0/a{\"b\":1}"),       SIO_CONNECT,    0, STR("/a{\"b\":1}"), -1, {0}},
    {"the longest namespace",      STR("0/" NS_127 ","),      SIO_CONNECT,    0, STR("/" NS_127),  -1, {0}},
    {"disconnect",                 STR("1"),                  SIO_DISCONNECT, 0, ROOT,             -1, {0}},
    {"disconnect, namespace",      STR("1/admin,"),           SIO_DISCONNECT, 0, STR("/admin"),    -1, {0}},

    {"event",                      STR("2[\"foo\",1]"),       SIO_EVENT,      0, ROOT,             -1, STR("[\"foo\",1]")},
    {"event, namespace and id",    STR("2/admin,12[\"foo\"]"), SIO_EVENT,     0, STR("/admin"),    12, STR("[\"foo\"]")},
    {"event, slash and id",        STR("2/,3[\"foo\"]"),      SIO_EVENT,      0, ROOT,              3, STR("[\"foo\"]")},
    {"id zero",                    STR("20[\"a\"]"),          SIO_EVENT,      0, ROOT,              0, STR("[\"a\"]")},
    {"id with leading zeros",      STR("2000000000000000000000012[\"a\"]"), SIO_EVENT, 0, ROOT,    12, STR("[\"a\"]")},
    {"the largest id",             STR("29007199254740991[\"a\"]"), SIO_EVENT, 0, ROOT, SIO_ACK_ID_MAX, STR("[\"a\"]")},
    {"white space before JSON",    STR("2 \t\r\n[\"a\"]"),    SIO_EVENT,      0, ROOT,             -1, STR("[\"a\"]")},
    {"white space after an id",    STR("27 [\"a\"]\n"),       SIO_EVENT,      0, ROOT,              7, STR("[\"a\"]")},
    {"event named by a number",    STR("2[1,2]"),             SIO_EVENT,      0, ROOT,             -1, STR("[1,2]")},
    {"event with an empty name",   STR("2[\"\"]"),            SIO_EVENT,      0, ROOT,             -1, STR("[\"\"]")},
    {"event named error",          STR("2[\"error\"]"),       SIO_EVENT,      0, ROOT,             -1, STR("[\"error\"]")},
    {"reserved, in capitals",      STR("2[\"Connect\"]"),     SIO_EVENT,      0, ROOT,             -1, STR("[\"Connect\"]")},
    {"reserved, and a NUL",        STR("2[\"connect\\u0000\"]"), SIO_EVENT,   0, ROOT,             -1, STR("[\"connect\\u0000\"]")},
    {"reserved, not in the front", STR("2[\"a\",\"connect\"]"), SIO_EVENT,    0, ROOT,             -1, STR("[\"a\",\"connect\"]")},
    {"a placeholder is only data", STR("2[\"a\"," PLACEHOLDER("9") "]"), SIO_EVENT, 0, ROOT,       -1, STR("[\"a\"," PLACEHOLDER("9") "]")},
    {"a lone surrogate",           STR("2[\"\\ud800\"]"),     SIO_EVENT,      0, ROOT,             -1, STR("[\"\xef\xbf\xbd\"]")},
    {"as deep as may be",          STR("2[\"a\"," TIMES_8("[") TIMES_8("[") TIMES_8("[") "[[[[[[["
                                       "]]]]]]]" TIMES_8("]") TIMES_8("]") TIMES_8("]") "]"), SIO_EVENT, 0, ROOT, -1,
                                   STR("[\"a\"," TIMES_8("[") TIMES_8("[") TIMES_8("[") "[[[[[[["
                                       "]]]]]]]" TIMES_8("]") TIMES_8("]") TIMES_8("]") "]")},

    {"ack",                        STR("312[\"bar\"]"),       SIO_ACK,        0, ROOT,             12, STR("[\"bar\"]")},
    {"ack of nothing",             STR("30[]"),               SIO_ACK,        0, ROOT,              0, STR("[]")},
    {"ack, namespace",             STR("3/admin,12[1]"),      SIO_ACK,        0, STR("/admin"),    12, STR("[1]")},
    {"ack that names an event",    STR("31[\"connect\"]"),    SIO_ACK,        0, ROOT,              1, STR("[\"connect\"]")},

    {"binary event",               STR("51-[\"a\"," PLACEHOLDER("0") "]"), SIO_BINARY_EVENT, 1, ROOT, -1, STR("[\"a\"," PLACEHOLDER("0") "]")},
    {"binary event, all parts",    STR("52-/admin,7[\"f\"," PLACEHOLDER("0") "," PLACEHOLDER("1") "]"),
                                   SIO_BINARY_EVENT, 2, STR("/admin"), 7, STR("[\"f\"," PLACEHOLDER("0") "," PLACEHOLDER("1") "]")},
    {"the most attachments",       STR("510-[\"a\"," PLACEHOLDER("9") "]"), SIO_BINARY_EVENT, 10, ROOT, -1, STR("[\"a\"," PLACEHOLDER("9") "]")},
    {"a count with leading zeros", STR("501-[\"a\"]"),        SIO_BINARY_EVENT, 1, ROOT,           -1, STR("[\"a\"]")},
    {"no placeholder at all",      STR("51-[\"a\"]"),         SIO_BINARY_EVENT, 1, ROOT,           -1, STR("[\"a\"]")},
    {"one attachment twice",       STR("51-[\"a\"," PLACEHOLDER("0") "," PLACEHOLDER("0") "]"), SIO_BINARY_EVENT, 1, ROOT, -1,
                                   STR("[\"a\"," PLACEHOLDER("0") "," PLACEHOLDER("0") "]")},
    {"nested placeholders",        STR("52-[\"a\",{\"b\":[[" PLACEHOLDER("1") "]],\"c\":{\"d\":" PLACEHOLDER("0") "}}]"), SIO_BINARY_EVENT, 2, ROOT, -1,
                                   STR("[\"a\",{\"b\":[[" PLACEHOLDER("1") "]],\"c\":{\"d\":" PLACEHOLDER("0") "}}]")},
    {"_placeholder is not true",   STR("51-[\"a\",{\"_placeholder\":1,\"num\":9},{\"_placeholder\":false}]"), SIO_BINARY_EVENT, 1, ROOT, -1,
                                   STR("[\"a\",{\"_placeholder\":1,\"num\":9},{\"_placeholder\":false}]")},
    {"a number beyond 64 bits",    STR("51-[\"a\"," PLACEHOLDER("0") ",100000000000000000000]"), SIO_BINARY_EVENT, 1, ROOT, -1,
                                   STR("[\"a\"," PLACEHOLDER("0") ",1e20]")},
    {"binary ack",                 STR("61-7[" PLACEHOLDER("0") "]"), SIO_BINARY_ACK, 1, ROOT,      7, STR("[" PLACEHOLDER("0") "]")},
    {"binary ack, namespace",      STR("61-/a,7[" PLACEHOLDER("0") "]"), SIO_BINARY_ACK, 1, STR("/a"), 7, STR("[" PLACEHOLDER("0") "]")},
};

static const struct refused {
    const char *name;
    str in;
    int r;
} refused[] = {
    {"nothing",                      STR(""),                      SIO_PACKET_BAD},
    {"the type above the last",      STR("7"),                     SIO_PACKET_BAD},
    {"the type below the first",     STR("/"),                     SIO_PACKET_BAD},
    {"a letter",                     STR("abc"),                   SIO_PACKET_BAD},
    {"white space before the type",  STR(" 2[\"a\"]"),             SIO_PACKET_BAD},
    {"a NUL",                        STR("\0"),                    SIO_PACKET_BAD},

    {"connect with an array",        STR("0[]"),                   SIO_PACKET_BAD},
    {"connect with null",            STR("0null"),                 SIO_PACKET_BAD},
    {"connect with a string",        STR("0\"a\""),                SIO_PACKET_BAD},
    {"connect with a number",        STR("0 1"),                   SIO_PACKET_BAD},
    {"connect with broken JSON",     STR("0{"),                    SIO_PACKET_BAD},
    {"connect, namespace, array",    STR("0/a,[]"),                SIO_PACKET_BAD},
    {"a namespace too long",         STR("0/" NS_127 "x,"),        SIO_PACKET_BAD},
    {"too long, no comma",           STR("0/" NS_127 "x"),         SIO_PACKET_BAD},
    {"disconnect with an object",    STR("1{}"),                   SIO_PACKET_BAD},
    {"disconnect with null",         STR("1null"),                 SIO_PACKET_BAD},
    {"disconnect with garbage",      STR("1x"),                    SIO_PACKET_BAD},
    {"connect error",                STR("4"),                     SIO_PACKET_BAD},
    {"connect error, with object",   STR("4{\"message\":\"a\"}"),  SIO_PACKET_BAD},

    {"event without payload",        STR("2"),                     SIO_PACKET_IGNORE},
    {"event without payload, id",    STR("212"),                   SIO_PACKET_IGNORE},
    {"event without payload, all",   STR("2/admin,12"),            SIO_PACKET_IGNORE},
    {"event of nothing",             STR("2[]"),                   SIO_PACKET_BAD},
    {"event that is an object",      STR("2{}"),                   SIO_PACKET_BAD},
    {"event that is a string",       STR("2\"a\""),                SIO_PACKET_BAD},
    {"event named by null",          STR("2[null]"),               SIO_PACKET_BAD},
    {"event named by true",          STR("2[true]"),               SIO_PACKET_BAD},
    {"event named by an array",      STR("2[[]]"),                 SIO_PACKET_BAD},
    {"event named by an object",     STR("2[{}]"),                 SIO_PACKET_BAD},
    {"reserved: connect",            STR("2[\"connect\"]"),        SIO_PACKET_BAD},
    {"reserved: connect_error",      STR("2[\"connect_error\"]"),  SIO_PACKET_BAD},
    {"reserved: disconnect",         STR("2[\"disconnect\"]"),     SIO_PACKET_BAD},
    {"reserved: disconnecting",      STR("2[\"disconnecting\"]"),  SIO_PACKET_BAD},
    {"reserved: newListener",        STR("2[\"newListener\"]"),    SIO_PACKET_BAD},
    {"reserved: removeListener",     STR("2[\"removeListener\",1]"), SIO_PACKET_BAD},
    {"reserved, with an escape",     STR("2[\"conn\\u0065ct\"]"),  SIO_PACKET_BAD},
    {"reserved, binary",             STR("51-[\"connect\"]"),      SIO_PACKET_BAD},
    {"broken JSON",                  STR("2[\"a\""),               SIO_PACKET_BAD},
    {"garbage after the JSON",       STR("2[\"a\"]x"),             SIO_PACKET_BAD},
    {"JSON after the JSON",          STR("2[\"a\"][]"),            SIO_PACKET_BAD},
    {"only white space",             STR("2 "),                    SIO_PACKET_BAD},
    {"a namespace without slash",    STR("2admin,[\"a\"]"),        SIO_PACKET_BAD},
    {"no comma after the namespace", STR("2/[\"a\",1]"),           SIO_PACKET_BAD},
    {"the id before the namespace",  STR("21/a,[\"a\"]"),          SIO_PACKET_BAD},
    {"a count where none can be",    STR("21-[\"a\"]"),            SIO_PACKET_BAD},
    {"a negative id",                STR("2-1[\"a\"]"),            SIO_PACKET_BAD},
    {"one above the largest id",     STR("29007199254740992[\"a\"]"), SIO_PACKET_BAD},
    {"an id beyond 64 bits",         STR("218446744073709551616[\"a\"]"), SIO_PACKET_BAD},
    {"too deep",                     STR("2[\"a\"," TIMES_32("[") TIMES_32("]") "]"), SIO_PACKET_UNREADABLE},
    {"too deep, not closed",         STR("2[\"a\"," TIMES_32("[") "[["),            SIO_PACKET_UNREADABLE},
    {"too deep, binary",             STR("51-[\"a\"," TIMES_32("[") TIMES_32("]") "]"), SIO_PACKET_BAD},
    {"too deep, an ack",             STR("31[" TIMES_32("[") TIMES_32("]") "]"),    SIO_PACKET_BAD},
    {"a number beyond a double",     STR("2[\"a\",1e309]"),                         SIO_PACKET_UNREADABLE},
    {"U+0000 in a name",             STR("2[\"a\",{\"\\u0000\":1}]"),                SIO_PACKET_UNREADABLE},

    {"ack without payload",          STR("312"),                   SIO_PACKET_IGNORE},
    {"ack of nothing at all",        STR("3"),                     SIO_PACKET_IGNORE},
    {"ack without an id",            STR("3[1]"),                  SIO_PACKET_IGNORE},
    {"ack with an object",           STR("31{}"),                  SIO_PACKET_BAD},
    {"ack with an object, no id",    STR("3{}"),                   SIO_PACKET_BAD},
    {"ack with null",                STR("31null"),                SIO_PACKET_BAD},

    {"no count",                     STR("5-[\"a\"]"),             SIO_PACKET_BAD},
    {"no count and no dash",         STR("5[\"a\"]"),              SIO_PACKET_BAD},
    {"a count of zero",              STR("50-[\"a\"]"),            SIO_PACKET_BAD},
    {"one above the most",           STR("511-[\"a\"]"),           SIO_PACKET_BAD},
    {"a count beyond 32 bits",       STR("54294967297-[\"a\"]"),   SIO_PACKET_BAD},
    {"a negative count",             STR("5-1-[\"a\"]"),           SIO_PACKET_BAD},
    {"a broken count",               STR("51.0-[\"a\"]"),          SIO_PACKET_BAD},
    {"no dash after the count",      STR("51[\"a\"]"),             SIO_PACKET_BAD},
    {"nothing after the count",      STR("51"),                    SIO_PACKET_BAD},
    {"the namespace first",          STR("5/a,1-[\"a\"]"),         SIO_PACKET_BAD},
    {"binary event, no payload",     STR("51-"),                   SIO_PACKET_BAD},
    {"binary event, object",         STR("51-{}"),                 SIO_PACKET_BAD},
    {"binary event, of nothing",     STR("51-[]"),                 SIO_PACKET_BAD},
    {"binary event, placeholder name", STR("51-[" PLACEHOLDER("0") "]"), SIO_PACKET_BAD},
    {"binary ack, no payload",       STR("61-7"),                  SIO_PACKET_BAD},
    {"binary ack, no id",            STR("61-[" PLACEHOLDER("0") "]"), SIO_PACKET_BAD},
    {"binary ack, object",           STR("61-7" PLACEHOLDER("0")), SIO_PACKET_BAD},
    {"binary ack, count of zero",    STR("60-7[]"),                SIO_PACKET_BAD},

    {"a placeholder too high",       STR("51-[\"a\"," PLACEHOLDER("1") "]"),   SIO_PACKET_BAD},
    {"a placeholder too low",        STR("51-[\"a\"," PLACEHOLDER("-1") "]"),  SIO_PACKET_BAD},
    {"a placeholder that is real",   STR("51-[\"a\"," PLACEHOLDER("0.0") "]"), SIO_PACKET_BAD},
    {"a placeholder that is text",   STR("51-[\"a\"," PLACEHOLDER("\"0\"") "]"), SIO_PACKET_BAD},
    {"a placeholder that is huge",   STR("51-[\"a\"," PLACEHOLDER("4294967296") "]"), SIO_PACKET_BAD},
    {"a placeholder beyond 64 bits", STR("51-[\"a\"," PLACEHOLDER("99999999999999999999") "]"), SIO_PACKET_BAD},
    {"a placeholder without num",    STR("51-[\"a\",{\"_placeholder\":true}]"), SIO_PACKET_BAD},
    {"a nested one in an array",     STR("51-[\"a\",[[" PLACEHOLDER("1") "]],0]"), SIO_PACKET_BAD},
    {"a nested one in an object",    STR("51-[\"a\",{\"b\":{\"c\":" PLACEHOLDER("1") ",\"d\":0}}]"), SIO_PACKET_BAD},
    {"a bad one after a good one",   STR("51-[\"a\"," PLACEHOLDER("0") "," PLACEHOLDER("1") "]"), SIO_PACKET_BAD},
    {"a bad one before a good one",  STR("51-[\"a\"," PLACEHOLDER("1") "," PLACEHOLDER("0") "]"), SIO_PACKET_BAD},
    {"a bad one in a binary ack",    STR("61-1[" PLACEHOLDER("1") "]"), SIO_PACKET_BAD},
};
// clang-format on

static void expect_json(const char *what, const struct json *j, str want)
{
    struct buf out;

    expect_int(what, j != NULL, want.len > 0);
    if (!j)
        return;
    buf_init(&out, PRINT_MAX);
    expect_int(what, json_print(&out, j), 0);
    expect_str(what, buf_str(&out), want);
    buf_fini(&out);
}

static void expect_packet(const struct row *row, const struct sio_packet *p)
{
    expect_int(row->name, p->type, row->type);
    expect_int(row->name, p->n_attachments, row->n_attachments);
    expect_str(row->name, p->namespace, row->namespace);
    expect_int(row->name, p->ack_id, row->ack_id);
    expect_json(row->name, p->data, row->json);
}

static void expect_parses(const struct row *row, str text)
{
    CLEANUP(exact_freep) char *copy = exact_copy(text);
    CLEANUP(json_freep) struct json *j = NULL;

    expect_int(row->name, json_parse(&j, copy, text.len), 0);
    expect_json(row->name, j, row->json);
}

static void decodes_each_good_row(void **state)
{
    (void)state;
    for (const struct row *row = good; row < good + COUNT_OF(good); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        struct sio_packet p;

        expect_int(row->name, sio_packet_decode(&p, text, row->in.len, SIO_ATTACHMENTS_MAX), 0);
        expect_packet(row, &p);

        // The text of the JSON is the end of what came, and parses to the same.
        assert_ptr_equal(p.text.ptr + p.text.len, text + row->in.len);
        if (p.data)
            expect_parses(row, p.text);

        sio_packet_fini(&p);
        assert_null(p.data);
    }
}

static void refuses_what_it_should(void **state)
{
    (void)state;
    for (const struct refused *row = refused; row < refused + COUNT_OF(refused); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        struct sio_packet p;

        expect_int(row->name, sio_packet_decode(&p, text, row->in.len, SIO_ATTACHMENTS_MAX),
                   row->r);
    }
}

/** Cut anywhere, a packet with a payload is not taken for one with another payload. */
static void takes_no_cut_for_a_whole_payload(void **state)
{
    (void)state;
    for (const struct row *row = good; row < good + COUNT_OF(good); row++) {
        for (size_t n = 0; n < row->in.len; n++) {
            CLEANUP(exact_freep) char *text = exact_copy((str){row->in.ptr, n});
            struct sio_packet p;

            if (sio_packet_decode(&p, text, n, SIO_ATTACHMENTS_MAX) != 0)
                continue;
            // The head of a CONNECT or DISCONNECT alone, or white space cut off the end.
            expect_int(row->name, p.type, row->type);
            if (p.data) {
                expect_packet(row, &p);
            } else {
                expect_int(row->name, p.type <= SIO_DISCONNECT, true);
            }
            sio_packet_fini(&p);
        }
    }
}

static void takes_as_many_attachments_as_it_is_told(void **state)
{
    char three[] = "53-[\"a\"]";
    struct sio_packet p;

    (void)state;
    assert_int_equal(sio_packet_decode(&p, three, sizeof(three) - 1, 3), 0);
    sio_packet_fini(&p);
    assert_int_equal(sio_packet_decode(&p, three, sizeof(three) - 1, 2), SIO_PACKET_BAD);
    assert_int_equal(sio_packet_decode(&p, three, sizeof(three) - 1, 0), SIO_PACKET_BAD);
}

static void names_each_event(void **state)
{
    const struct {
        const char *name;
        str in;
        str want;
    } events[] = {
        {"a word", STR("2[\"foo\",1]"), STR("foo")},
        {"an empty word", STR("2[\"\"]"), STR("")},
        {"escapes", STR("2[\"\\u00e9\\n\\u0000\"]"), STR("\xc3\xa9\n\0")},
        {"a number", STR("2[42]"), STR("42")},
        {"zero", STR("2[0,1]"), STR("0")},
        {"a negative number", STR("2[-1]"), STR("-1")},
        {"white space around", STR("2 \t[\r\n 7\n , 8]"), STR("7")},
        {"a tab behind", STR("2[7\t]"), STR("7")},
        {"a line break behind", STR("2[7\r\n]"), STR("7")},
        {"behind an id", STR("2/1,5[7]"), STR("7")},
        {"a real", STR("2[1.50]"), STR("1.50")},
        {"an exponent", STR("2[1e3]"), STR("1e3")},
        {"beyond 64 bits", STR("2[100000000000000000000]"), STR("100000000000000000000")},
        {"binary", STR("51-[3," PLACEHOLDER("0") "]"), STR("3")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        CLEANUP(exact_freep) char *text = exact_copy(events[i].in);
        struct sio_packet p;

        expect_int(events[i].name, sio_packet_decode(&p, text, events[i].in.len, 1), 0);
        expect_str(events[i].name, sio_packet_event(&p), events[i].want);
        sio_packet_fini(&p);
    }
}

static void changes_lone_surrogates_in_its_text(void **state)
{
    char text[] = "2[\"a\",\"\\ud800\"]";
    struct sio_packet p;

    (void)state;
    assert_int_equal(sio_packet_decode(&p, text, sizeof(text) - 1, 0), 0);
    expect_str("text", p.text, STR("[\"a\",\"\\ufffd\"]"));
    sio_packet_fini(&p);
}

static void writes_each_head(void **state)
{
    const struct {
        const char *name;
        str want;
        enum sio_type type;
        unsigned n_attachments;
        str namespace;
        int64_t ack_id;
    } heads[] = {
        {"connect", STR("0"), SIO_CONNECT, 0, ROOT, -1},
        {"connect, namespace", STR("0/admin,"), SIO_CONNECT, 0, STR("/admin"), -1},
        {"disconnect", STR("1/admin,"), SIO_DISCONNECT, 0, STR("/admin"), -1},
        {"event", STR("2"), SIO_EVENT, 0, ROOT, -1},
        {"event with id", STR("20"), SIO_EVENT, 0, ROOT, 0},
        {"ack", STR("3/a,12"), SIO_ACK, 0, STR("/a"), 12},
        {"connect error", STR("4/a,"), SIO_CONNECT_ERROR, 0, STR("/a"), -1},
        {"connect error, odd namespace", STR("4/a\0b,"), SIO_CONNECT_ERROR, 0, STR("/a\0b"),
         -1},
        {"event turned binary", STR("52-/admin,7"), SIO_EVENT, 2, STR("/admin"), 7},
        {"ack turned binary", STR("610-7"), SIO_ACK, 10, ROOT, 7},
        {"binary event", STR("51-"), SIO_BINARY_EVENT, 1, ROOT, -1},
        {"binary ack", STR("61-0"), SIO_BINARY_ACK, 1, ROOT, 0},
        {"the longest", STR("54294967295-/" NS_127 ",9223372036854775807"), SIO_EVENT,
         UINT32_MAX, STR("/" NS_127), INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        char out[SIO_HEAD_SIZE];
        expect_str(heads[i].name,
                   sio_packet_head(out, heads[i].type, heads[i].n_attachments,
                                   heads[i].namespace, heads[i].ack_id),
                   heads[i].want);
    }
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    for (const struct row *row = good; row < good + COUNT_OF(good); row++) {
        char head[SIO_HEAD_SIZE];
        struct sio_packet p;
        struct buf all;

        buf_init(&all, PRINT_MAX);
        expect_int(row->name,
                   buf_add(&all, sio_packet_head(head, row->type, row->n_attachments,
                                                 row->namespace, row->ack_id)),
                   0);
        expect_int(row->name, buf_add(&all, row->json), 0);

        const size_t len = buf_str(&all).len;
        expect_int(row->name, sio_packet_decode(&p, buf_ptr(&all), len, row->n_attachments), 0);
        expect_packet(row, &p);
        sio_packet_fini(&p);
        buf_fini(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_good_row),
        cmocka_unit_test(refuses_what_it_should),
        cmocka_unit_test(takes_no_cut_for_a_whole_payload),
        cmocka_unit_test(takes_as_many_attachments_as_it_is_told),
        cmocka_unit_test(names_each_event),
        cmocka_unit_test(changes_lone_surrogates_in_its_text),
        cmocka_unit_test(writes_each_head),
        cmocka_unit_test(reads_back_what_it_wrote),
    };
    return cmocka_run_group_tests_name("sio_packet", tests, NULL, NULL);
}
