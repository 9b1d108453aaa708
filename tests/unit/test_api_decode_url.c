#include <stdio.h>

#include "api/decode.h"
#include "auth/account.h"
#include "support/exact.h"
#include "support/t.h"

#define HOME 1

#define A    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define ZERO "0x0000000000000000000000000000000000000000"
#define SOLANA                                                                                 \
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:4Nd1mYkmNTeaT7nMzs5LKRQZpJ3wFVQgUcSgCmvmvcxK"
#define ID    "00000000000000ff"
#define BAD   "bad_request "
#define WRONG "recipient_invalid peer"

static void say_number(struct buf *said, const char *what, uint64_t n)
{
    const int r = n > 0 ? buf_addf(said, "%s%llu", what, (unsigned long long)n) : 0;
    assert_int_equal(r, 0);
}

static void say_text(struct buf *said, const char *text)
{
    const int r = buf_addf(said, "%s", text);
    assert_int_equal(r, 0);
}

static void say_refusal(struct buf *said, const struct api_decoder *d)
{
    const struct api_problem *p = &d->problem;
    const str message = str_of(p->message ? p->message : api_error_message(p->error));

    assert_true(message.len > 0 && message.ptr[message.len - 1] == '.');
    assert_true(api_error_is_sent(p->error));
    say_text(said, api_error_code(p->error));
    say_text(said, " ");
    say_text(said, p->field ? p->field : "");
}

static void say_place(struct buf *said, const struct chat_place *place)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    say_number(said, "#", place->conversation);
    if (place->conversation == 0)
        say_text(said, auth_account_text(text, &place->peer).ptr);
}

/** What is made of a path's segment, and of the query for a page of messages there. */
static void decode_history(struct buf *said, struct api_decoder *d, str segment, str query)
{
    CLEANUP(exact_freep) char *own_segment = exact_copy(segment);
    CLEANUP(exact_freep) char *own_query = exact_copy(query);
    struct chat_history h;

    buf_clear(said);
    if (api_decode_history_in(&h, d, (str){own_segment, segment.len},
                              (str){own_query, query.len}) != 0) {
        say_refusal(said, d);
        return;
    }
    say_place(said, &h.place);
    say_number(said, " before=", h.before);
    say_number(said, " after=", h.after);
    say_number(said, " limit=", h.limit);
}

static void decode_list(struct buf *said, struct api_decoder *d, str query)
{
    CLEANUP(exact_freep) char *own = exact_copy(query);
    struct api_list list;

    buf_clear(said);
    if (api_decode_list_in(&list, d, (str){own, query.len}) != 0) {
        say_refusal(said, d);
        return;
    }
    say_number(said, "limit=", list.limit);
    say_number(said, " before=", (uint64_t)list.before);
}

// clang-format off
static const struct row {
    const char *name;
    const char *segment; // NULL: it is a page of conversations
    const char *query;
    const char *want;
} rows[] = {
    {"an address",               A, "", A " limit=50"},
    {"in small letters",         "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "", A " limit=50"},
    {"of another chain",         "eip155:5:" A, "", "eip155:5:" A " limit=50"},
    {"of the home chain",        "eip155:1:" A, "", A " limit=50"},
    {"colons encoded",           "eip155%3A0%3a" A, "", A " limit=50"},
    {"Solana",                   SOLANA, "", SOLANA " limit=50"},
    {"an id",                    ID, "", "#255 limit=50"},
    {"an id, encoded",           "%300000000000000%66f", "", "#255 limit=50"},

    {"nothing",                  "", "", WRONG},
    {"a wrong checksum",         "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "", WRONG},
    {"nobody",                   ZERO, "", WRONG},
    {"a plus is no space",       A "+", "", WRONG},
    {"a space",                  A "%20", "", WRONG},
    {"half of an escape",        A "%2", "", WRONG},
    {"no hex in an escape",      A "%2x", "", WRONG},
    {"a NUL",                    A "%00", "", WRONG},
    {"encoded twice",            "eip155%253A0%253A" A, "", WRONG},
    {"longer than any",          A A A A, "", WRONG},
    {"too few digits",           "0000000000000ff", "", WRONG},
    {"too many",                 "000000000000000ff", "", WRONG},
    {"no hex digit",             "00000000000000fg", "", WRONG},
    {"an id in capitals",        "00000000000000FF", "", "not_found peer"},
    {"no id of ours",            "0000000000000000", "", "not_found peer"},

    {"all of them",              ID, "before=9&after=3&limit=7", "#255 before=9 after=3 limit=7"},
    {"the least",                ID, "before=1&after=1&limit=1", "#255 before=1 after=1 limit=1"},
    {"the largest",              ID, "before=9007199254740991&limit=200", "#255 before=9007199254740991 limit=200"},
    {"zeros before it",          ID, "limit=007", "#255 limit=7"},
    {"encoded",                  ID, "%6cimit=%37", "#255 limit=7"},
    {"the last counts",          ID, "limit=x&limit=2", "#255 limit=2"},
    {"what nobody knows",        ID, "x=%&seq=0&Limit=0&&=", "#255 limit=50"},
    {"empty is no number",       ID, "limit=", BAD "limit"},
    {"nor is nothing",           ID, "after", BAD "after"},
    {"zero",                     ID, "before=0", BAD "before"},
    {"one more",                 ID, "after=9007199254740992", BAD "after"},
    {"one more of a page",       ID, "limit=201", BAD "limit"},
    {"beyond 64 bits",           ID, "limit=18446744073709551617", BAD "limit"},
    {"longer than any number",   ID, "limit=00000000000000000000000000000000001", BAD "limit"},
    {"a sign",                   ID, "limit=%2B1", BAD "limit"},
    {"a space that was a plus",  ID, "limit=+1", BAD "limit"},
    {"a fraction",               ID, "limit=1.0", BAD "limit"},
    {"hex",                      ID, "limit=0x1", BAD "limit"},
    {"in quotes",                ID, "limit=%221%22", BAD "limit"},
    {"half of an escape",        ID, "limit=1%", BAD "limit"},
    {"the path is looked at first", "x", "limit=0", WRONG},

    {"no query",                 NULL, "", "limit=50"},
    {"both",                     NULL, "limit=2&after=" ID, "limit=2 before=255"},
    {"no next: a number",        NULL, "after=255", BAD "after"},
    {"no next: capitals",        NULL, "after=00000000000000FF", BAD "after"},
    {"no next: zero",            NULL, "after=0000000000000000", BAD "after"},
    {"no next: negative",        NULL, "after=8000000000000000", BAD "after"},
    {"no next: empty",           NULL, "after=", BAD "after"},
    {"the limit",                NULL, "limit=0&after=" ID, BAD "limit"},
    {"before is for messages",   NULL, "before=0", "limit=50"},
};
// clang-format on

static void decodes_each_row(void **state)
{
    struct api_decoder d;
    struct buf said;

    (void)state;
    api_decoder_init(&d, &(struct api_decoder_config){.home_chain = HOME, .content_bytes = 20});
    buf_init(&said, SIZE_MAX / 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].segment) {
            decode_history(&said, &d, str_of(rows[i].segment), str_of(rows[i].query));
        } else {
            decode_list(&said, &d, str_of(rows[i].query));
        }
        expect_str(rows[i].name, buf_str(&said), str_of(rows[i].want));
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

/** Whatever is missing at the end, there is an answer. */
static void takes_each_cut_for_something(void **state)
{
    struct api_decoder d;
    struct buf said;

    (void)state;
    api_decoder_init(&d, &(struct api_decoder_config){.home_chain = HOME, .content_bytes = 20});
    buf_init(&said, SIZE_MAX / 2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const str segment = str_of(rows[i].segment);
        const str query = str_of(rows[i].query);
        for (size_t n = 0; n < segment.len; n++) {
            decode_history(&said, &d, (str){segment.ptr, n}, query);
            assert_true(buf_str(&said).len > 0);
        }
        for (size_t n = 0; n < query.len; n++) {
            decode_list(&said, &d, (str){query.ptr, n});
            assert_true(buf_str(&said).len > 0);
        }
    }
    buf_fini(&said);
    api_decoder_fini(&d);
}

static void a_body_does_not_say_again_with_whom(void **state)
{
    static const struct {
        const char *body;
        const char *field;
    } bodies[] = {
        {"{\"to\":\"" A "\",\"seq\":1}", "to"},
        {"{\"peer\":1,\"seq\":1}", "peer"},
        {"{\"conversation\":\"\",\"seq\":1}", "conversation"},
        {"{\"to\":null,\"peer\":null,\"x\":{\"to\":1},\"seq\":1}", NULL},
    };
    struct chat_send send;
    struct api_decoder d;
    account to;
    uint64_t seq;

    (void)state;
    api_decoder_init(&d, &(struct api_decoder_config){.home_chain = HOME, .content_bytes = 20});
    assert_int_equal(auth_account_parse(&to, STR(A), HOME), 0);
    assert_int_equal(api_decode_about(&d, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const str text = str_of(bodies[i].body);
        CLEANUP(exact_freep) char *copy = exact_copy(text);
        CLEANUP(json_freep) struct json *body = NULL;
        expect_int("JSON", json_parse(&body, copy, text.len), 0);
        const int want = bodies[i].field ? API_DECODE_REFUSED : 0;
        expect_int(bodies[i].body, api_decode_about(&d, body), want);
        if (bodies[i].field)
            assert_string_equal(d.problem.field, bodies[i].field);
        expect_int(bodies[i].body, api_decode_seq(&seq, &d, body), want);
        expect_int(bodies[i].body, api_decode_send_to(&send, &d, &to, body),
                   API_DECODE_REFUSED);
        assert_string_equal(d.problem.field, bodies[i].field ? bodies[i].field : "type");
    }
    api_decoder_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(takes_each_cut_for_something),
        cmocka_unit_test(a_body_does_not_say_again_with_whom),
    };
    return cmocka_run_group_tests_name("api/decode_url", tests, NULL, NULL);
}
