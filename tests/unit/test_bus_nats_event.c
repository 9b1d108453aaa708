#include "support/t.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "bus/nats_event.h"
#include "support/exact.h"

#define ROOM 1024

static account wallet(uint8_t n, uint8_t len)
{
    account a = {.len = len};

    memset(a.bytes, n, len);
    return a;
}

#define TO wallet(1, ACCOUNT_SIZE)

/** One of each kind, with all that it can have. */
static const struct bus_event *events(size_t *n)
{
    static struct bus_event all[16];
    const struct bus_event made[] = {
        {.kind = BUS_MESSAGE,
         .to = TO,
         .origin = UINT64_MAX,
         .is_followed = true,
         .message = {.conversation = UINT64_MAX,
                     .seq = 128,
                     .position = INT64_MAX,
                     .from = wallet(2, ACCOUNT_EVM_SIZE),
                     .to = TO,
                     .type = STR("text"),
                     .content = STR("{\"a\":\"b\"}"),
                     .reply_to = 127,
                     .key = STR("a key"),
                     .created_at_ms = 1795000000000,
                     .status = CHAT_READ},
         .previous = 16384},
        {.kind = BUS_MESSAGE, .to = wallet(1, 1)}, // and nothing else
        {.kind = BUS_RECEIPT,
         .to = TO,
         .origin = 1,
         .receipt = {.conversation = 7,
                     .by = wallet(3, ACCOUNT_SOLANA_SIZE),
                     .peer = TO,
                     .mark = CHAT_MARK_READ,
                     .seq = 300,
                     .at_ms = 1795000000001,
                     .position = 301}},
        {.kind = BUS_CHANGE, .to = TO, .is_followed = true, .position = 12},
        {.kind = BUS_TYPING,
         .to = TO,
         .typing = {.conversation = 5, .from = wallet(4, 29), .is_on = true}},
        {.kind = BUS_TYPING, .to = TO, .typing = {.conversation = 5, .from = wallet(4, 29)}},
        {.kind = BUS_ASK, .to = TO, .asker = wallet(5, 29)},
        {.kind = BUS_ASK, .to = TO},
        {.kind = BUS_CROWDED, .to = TO, .origin = 9},
        {.kind = BUS_PRESENCE,
         .to = TO,
         .presence = {.account = TO, .is_online = true},
         .only = wallet(6, 29)},
        {.kind = BUS_PRESENCE,
         .to = TO,
         .presence = {.account = TO, .last_seen_ms = 1795000000002}},
    };

    memcpy(all, made, sizeof(made));
    *n = COUNT_OF(made);
    return all;
}

static str encode(char out[ROOM], const struct bus_event *e)
{
    assert_in_range(nats_event_room(e), 1, ROOM);
    return (str){out, nats_event_encode(out, e)};
}

static void expect_message(const struct chat_message *got, const struct chat_message *want)
{
    assert_int_equal(got->conversation, want->conversation);
    assert_int_equal(got->seq, want->seq);
    assert_int_equal(got->position, want->position);
    assert_true(account_eq(&got->from, &want->from));
    assert_true(account_eq(&got->to, &want->to));
    expect_str("type", got->type, want->type);
    expect_str("content", got->content, want->content);
    assert_int_equal(got->reply_to, want->reply_to);
    expect_str("key", got->key, want->key);
    assert_int_equal(got->created_at_ms, want->created_at_ms);
    assert_int_equal(got->status, want->status);
}

static void expect_receipt(const struct chat_receipt *got, const struct chat_receipt *want)
{
    assert_int_equal(got->conversation, want->conversation);
    assert_true(account_eq(&got->by, &want->by));
    assert_true(account_eq(&got->peer, &want->peer));
    assert_int_equal(got->mark, want->mark);
    assert_int_equal(got->seq, want->seq);
    assert_int_equal(got->at_ms, want->at_ms);
    assert_int_equal(got->position, want->position);
}

static void expect_presence(const struct bus_event *got, const struct bus_event *want)
{
    assert_true(account_eq(&got->presence.account, &want->presence.account));
    assert_int_equal(got->presence.is_online, want->presence.is_online);
    assert_int_equal(got->presence.last_seen_ms, want->presence.last_seen_ms);
    assert_true(account_eq(&got->only, &want->only));
}

static void expect_event(const struct bus_event *got, const struct bus_event *want)
{
    assert_int_equal(got->kind, want->kind);
    assert_true(account_eq(&got->to, &want->to));
    assert_int_equal(got->origin, want->origin);
    assert_int_equal(got->is_followed, want->is_followed);
    switch (want->kind) {
    case BUS_MESSAGE:
        expect_message(&got->message, &want->message);
        assert_int_equal(got->previous, want->previous);
        break;
    case BUS_RECEIPT: expect_receipt(&got->receipt, &want->receipt); break;
    case BUS_CHANGE: assert_int_equal(got->position, want->position); break;
    case BUS_TYPING:
        assert_int_equal(got->typing.conversation, want->typing.conversation);
        assert_true(account_eq(&got->typing.from, &want->typing.from));
        assert_int_equal(got->typing.is_on, want->typing.is_on);
        break;
    case BUS_ASK: assert_true(account_eq(&got->asker, &want->asker)); break;
    case BUS_CROWDED: break;
    case BUS_PRESENCE: expect_presence(got, want); break;
    }
}

static void each_kind_comes_back_as_it_was(void **state)
{
    size_t n = 0;
    const struct bus_event *all = events(&n);
    char out[ROOM];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct bus_event got;
        expect_int("decode", nats_event_decode(&got, encode(out, &all[i])), 0);
        expect_event(&got, &all[i]);
    }
}

/** An event of another process is of its version: what it once meant it means for ever. */
static void its_form_is_what_it_was(void **state)
{
    static const char want[] =
        "0101030101010500"
        "0786010000"
        "000474657874022230"
        "00016b000106";
    const struct bus_event e = {.kind = BUS_MESSAGE,
                                .to = {.len = 3, .bytes = {1, 1, 1}},
                                .origin = 5,
                                .message = {.conversation = 7,
                                            .seq = 134,
                                            .type = STR("text"),
                                            .content = STR("\"0"),
                                            .key = STR("k"),
                                            .status = CHAT_DELIVERED},
                                .previous = 6};
    char out[ROOM];
    char hex[2 * ROOM];

    (void)state;
    const str bytes = encode(out, &e);
    *hex_encode(hex, (const uint8_t *)bytes.ptr, bytes.len) = '\0';
    assert_string_equal(hex, want);
}

static int decode(str bytes)
{
    struct bus_event e;
    char *exact =
        malloc(bytes.len > 0 ? bytes.len : 1); // so that what is read behind it is seen

    assert_non_null(exact);
    const int r = nats_event_decode(&e, str_copy(exact, bytes));
    free(exact);
    return r;
}

static void one_that_is_cut_is_none(void **state)
{
    size_t n = 0;
    const struct bus_event *all = events(&n);
    char out[ROOM + 1];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const str whole = encode(out, &all[i]);
        for (size_t at = 0; at < whole.len; at++)
            expect_int("cut", decode((str){whole.ptr, at}), NATS_EVENT_BAD);
        out[whole.len] = 0;
        expect_int("longer", decode((str){whole.ptr, whole.len + 1}), NATS_EVENT_BAD);
    }
}

/** Whatever a byte becomes, it is refused, or is an event that is written as these bytes. */
static void one_with_another_byte_is_refused_or_whole(void **state)
{
    size_t n = 0;
    const struct bus_event *all = events(&n);
    char out[ROOM];
    char again[2 * ROOM];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const str whole = encode(out, &all[i]);
        for (size_t at = 0; at < whole.len; at++) {
            for (unsigned by = 1; by < 256; by++) {
                struct bus_event e;
                out[at] = (char)(out[at] ^ (char)by);
                if (nats_event_decode(&e, whole) == 0)
                    assert_true(str_eq((str){again, nats_event_encode(again, &e)}, whole));
                out[at] = (char)(out[at] ^ (char)by);
            }
        }
    }
}

static void what_is_no_event_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *hex;
        int want;
    } rows[] = {
        {"nothing", "", NATS_EVENT_BAD},
        {"a version alone", "01", NATS_EVENT_BAD},
        {"a later version", "0206010100", NATS_EVENT_UNKNOWN},
        {"no version", "0006010100", NATS_EVENT_UNKNOWN},
        {"a later kind", "0108010100", NATS_EVENT_UNKNOWN},
        {"no kind", "0100010100", NATS_EVENT_UNKNOWN},
        {"crowded", "010601010000", 0},
        {"to nobody", "0106000000", NATS_EVENT_BAD},
        {"more than an account", "01062a", NATS_EVENT_BAD},
        {"a flag that is none", "010601010002", NATS_EVENT_BAD},
        {"a number in two bytes that needs one", "01060101800000", NATS_EVENT_BAD},
        {"the largest number", "01060101ffffffffffffffffff0100", 0},
        {"one more", "01060101ffffffffffffffffff0200", NATS_EVENT_BAD},
        {"a number without an end", "01060101ffffffffffffffffffff0100", NATS_EVENT_BAD},
        {"the last position", "010301010000ffffffffffffffff7f", 0},
        {"a position that is negative", "01030101000080808080808080808001", NATS_EVENT_BAD},
        {"no mark", "0102010100000000000200", NATS_EVENT_BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[64];
        const str hex = str_of(rows[i].hex);
        assert_int_equal(hex_decode(bytes, hex), 0);
        expect_int(rows[i].name, decode((str){(char *)bytes, hex.len / 2}), rows[i].want);
    }
}

static void text_has_its_limits(void **state)
{
    char text[CHAT_KEY_MAX + CHAT_TYPE_MAX];
    char out[ROOM];
    struct bus_event e = {.kind = BUS_MESSAGE, .to = wallet(1, 1)};
    struct bus_event got;

    (void)state;
    memset(text, 'a', sizeof(text));
    e.message.key = (str){text, CHAT_KEY_MAX};
    e.message.type = (str){text, CHAT_TYPE_MAX};
    expect_int("as long as may be", nats_event_decode(&got, encode(out, &e)), 0);
    e.message.key.len++;
    expect_int("a key", nats_event_decode(&got, encode(out, &e)), NATS_EVENT_BAD);
    e.message.key.len--;
    e.message.type.len++;
    expect_int("a type", nats_event_decode(&got, encode(out, &e)), NATS_EVENT_BAD);
}

static void an_event_needs_no_more_room_than_it_says(void **state)
{
    const account most = wallet(255, ACCOUNT_SIZE);
    const struct bus_event e = {.kind = BUS_MESSAGE,
                                .to = most,
                                .origin = UINT64_MAX,
                                .message = {.conversation = UINT64_MAX,
                                            .seq = UINT64_MAX,
                                            .position = -1,
                                            .from = most,
                                            .to = most,
                                            .reply_to = UINT64_MAX,
                                            .created_at_ms = -1},
                                .previous = -1};
    char out[ROOM];

    (void)state;
    assert_in_range(encode(out, &e).len, 1,
                    NATS_EVENT_SIZE - 3 * 10); // of three texts' lengths
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_comes_back_as_it_was),
        cmocka_unit_test(its_form_is_what_it_was),
        cmocka_unit_test(one_that_is_cut_is_none),
        cmocka_unit_test(one_with_another_byte_is_refused_or_whole),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(text_has_its_limits),
        cmocka_unit_test(an_event_needs_no_more_room_than_it_says),
    };
    return cmocka_run_group_tests_name("bus_nats_event", tests, NULL, NULL);
}
