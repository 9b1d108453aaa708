#include <stdio.h>

#include "base/mem.h"
#include "bench/measure.h"
#include "support/t.h"

#define FROM INT64_C(1000)
#define TO   INT64_C(2000)

/** @return owned; measuring from FROM to TO */
static struct measure *begin(void)
{
    struct measure *m = NEW(struct measure);

    measure_init(m);
    m->from_us = FROM;
    m->to_us = TO;
    return m;
}

static const struct {
    const char *name;
    int64_t us;
    bool is_within;
} moments[] = {
    {"long before", 0, false},
    {"right before", FROM - 1, false},
    {"at the beginning", FROM, true},
    {"between", 1500, true},
    {"right before the end", TO - 1, true},
    {"at the end", TO, false},
    {"long after", TO * 9, false},
};

/** @param us  -1: there is none in it */
static void check_one(const char *name, const struct histogram *h, int64_t us)
{
    expect_int(name, h->n, us >= 0);
    expect_int(name, histogram_at(h, 1), us >= 0 ? us : 0);
}

/** One message, planned then. */
static void check_planned(const char *name, int64_t planned_us, bool is_within)
{
    struct measure *m = begin();

    measure_sent(m, planned_us);
    measure_acked(m, planned_us, planned_us + 30);
    measure_delivered(m, planned_us, planned_us + 40);

    expect_int(name, m->sent, is_within);
    expect_int(name, m->acked, is_within);
    expect_int(name, m->delivered, is_within);
    expect_int(name, m->n_acked + m->n_delivered, 2);
    expect_int(name, m->delivered_meanwhile, planned_us + 40 >= FROM && planned_us + 40 < TO);
    check_one(name, &m->ack, is_within ? 30 : -1);
    check_one(name, &m->delivery, is_within ? 40 : -1);
    free(m);
}

static void what_was_planned_outside_is_not_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moments); i++)
        check_planned(moments[i].name, moments[i].us, moments[i].is_within);
}

static void answers_meanwhile_are_those_that_come_within(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        struct measure *m = begin();

        measure_acked(m, 0, moments[i].us);
        expect_int(moments[i].name, m->acked_meanwhile, moments[i].is_within);
        expect_int(moments[i].name, m->acked, 0);
        measure_acked(m, FROM, moments[i].us);
        expect_int(moments[i].name, m->acked_meanwhile, moments[i].is_within * 2);
        expect_int(moments[i].name, m->acked, 1);
        free(m);
    }
}

static void before_it_has_begun_nothing_is_measured(void **state)
{
    struct measure *m = NEW(struct measure);

    (void)state;
    memset(m, 0xff, sizeof(*m));
    measure_init(m);
    measure_sent(m, FROM);
    measure_acked(m, FROM, TO);
    measure_delivered(m, FROM, TO);
    assert_int_equal(m->sent + m->acked + m->delivered + m->acked_meanwhile, 0);
    assert_int_equal(m->n_acked, 1);
    assert_int_equal(m->n_delivered, 1);
    assert_int_equal(m->n_errors + m->n_refused + m->n_reconnects + m->n_repeats, 0);

    m->from_us = FROM; // and has not ended
    measure_sent(m, TO * 1000);
    assert_int_equal(m->sent, 1);
    free(m);
}

static void a_next_run_begins_with_nothing_but_the_totals(void **state)
{
    struct measure *m = begin();

    (void)state;
    measure_sent(m, FROM);
    measure_acked(m, FROM, FROM);
    measure_delivered(m, FROM, FROM);
    measure_refused(m, STR("a"));
    m->n_reconnects = 4;
    measure_next(m);
    assert_int_equal(m->sent + m->acked + m->delivered, 0);
    assert_int_equal(m->acked_meanwhile + m->delivered_meanwhile, 0);
    assert_int_equal(m->ack.n + m->delivery.n, 0);
    assert_int_equal(histogram_at(&m->ack, 1), 0);
    assert_int_equal(m->n_acked + m->n_delivered + m->n_refused + m->n_errors, 4);
    assert_int_equal(m->n_reconnects, 4);
    assert_string_equal(m->errors[0].code, "a");
    measure_acked(m, FROM, FROM); // it has not begun
    assert_int_equal(m->acked + m->acked_meanwhile, 0);
    free(m);
}

static void codes_are_told_apart(void **state)
{
    static const str codes[] = {STR("a"), STR("b"), STR("a"), STR("ab"), STR(""), STR("a")};
    static const struct {
        const char *code;
        uint64_t n;
    } want[] = {{"a", 3}, {"b", 1}, {"ab", 1}, {"", 1}};
    struct measure *m = begin();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        measure_error(m, codes[i]);
    assert_int_equal(m->n_errors, COUNT_OF(codes));
    assert_int_equal(m->n_refused, 0);
    assert_int_equal(m->n_codes, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_string_equal(m->errors[i].code, want[i].code);
        expect_int(want[i].code, m->errors[i].n, want[i].n);
    }
    free(m);
}

static void a_refused_send_is_an_error_too(void **state)
{
    struct measure *m = begin();

    (void)state;
    measure_refused(m, STR("rate_limited"));
    measure_error(m, STR("lost"));
    assert_int_equal(m->n_refused, 1);
    assert_int_equal(m->n_errors, 2);
    assert_string_equal(m->errors[0].code, "rate_limited");
    assert_string_equal(m->errors[1].code, "lost");
    free(m);
}

static void so_many_codes_are_named_and_the_others_counted(void **state)
{
    struct measure *m = begin();
    char code[16];

    (void)state;
    for (unsigned i = 0; i < MEASURE_CODES_MAX + 2; i++) {
        (void)snprintf(code, sizeof(code), "code_%u", i);
        measure_error(m, str_of(code));
    }
    assert_int_equal(m->n_codes, MEASURE_CODES_MAX);
    assert_int_equal(m->n_errors, MEASURE_CODES_MAX + 2);
    (void)snprintf(code, sizeof(code), "code_%u", MEASURE_CODES_MAX - 1);
    measure_error(m, str_of(code));
    assert_string_equal(m->errors[MEASURE_CODES_MAX - 1].code, code);
    assert_int_equal(m->errors[MEASURE_CODES_MAX - 1].n, 2);
    assert_int_equal(m->n_errors, MEASURE_CODES_MAX + 3);
    free(m);
}

static void a_code_is_of_plain_characters(void **state)
{
    struct measure *m = begin();

    (void)state;
    measure_refused(m, STR("a\"\\ b\n\x1b\xff~"));
    measure_refused(m, STR("second"));
    assert_string_equal(m->errors[0].code, "a???b???~");
    assert_string_equal(m->first_refusal, "a???b???~");
    free(m);
}

static void a_long_code_is_cut(void **state)
{
    static const char fits[] = "0123456789012345678901234567890";
    struct measure *m = begin();

    (void)state;
    assert_int_equal(sizeof(fits), MEASURE_CODE_SIZE);
    measure_error(m, str_of(fits));
    measure_error(m, STR("0123456789012345678901234567890x"));
    measure_error(m, STR("0123456789012345678901234567890 and what else there was"));
    assert_int_equal(m->n_codes, 1);
    assert_string_equal(m->errors[0].code, fits);
    assert_int_equal(m->errors[0].n, 3);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_planned_outside_is_not_measured),
        cmocka_unit_test(answers_meanwhile_are_those_that_come_within),
        cmocka_unit_test(before_it_has_begun_nothing_is_measured),
        cmocka_unit_test(a_next_run_begins_with_nothing_but_the_totals),
        cmocka_unit_test(codes_are_told_apart),
        cmocka_unit_test(a_refused_send_is_an_error_too),
        cmocka_unit_test(so_many_codes_are_named_and_the_others_counted),
        cmocka_unit_test(a_code_is_of_plain_characters),
        cmocka_unit_test(a_long_code_is_cut),
    };
    return cmocka_run_group_tests_name("bench/measure", tests, NULL, NULL);
}
