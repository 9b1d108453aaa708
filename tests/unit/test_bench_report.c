#include "support/t.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/report.h"
#include "json/json.h"
#include "support/said.h"

/** A run, as it may have been, and what is told of it. */
struct world {
    struct bench_options options;
    struct load_run runs[3];
    struct load_result result;
    struct floor floors[2];
    struct report report;
    char *text; // what was told last
};

static void add_latencies(struct measure *m)
{
    for (unsigned i = 0; i < 999; i++) {
        histogram_add(&m->ack, 64);
        histogram_add(&m->delivery, 127);
    }
    histogram_add(&m->ack, 100);
    histogram_add(&m->delivery, 126);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    struct measure *m = &w->runs[0].measure;

    w->options = (struct bench_options){
        .urls = {.n = 2},
        .sessions = 100,
        .window = 16,
        .rate = 500,
        .size = 200,
        .seconds = 10,
        .transport = STR("websocket"),
        .peers = STR("pair"),
        .receipts = true,
        .preload = 77,
        .pids = {.n = 1},
    };
    measure_init(m);
    m->sent = 5001;
    m->acked = 5000;
    m->delivered = 4999;
    m->acked_meanwhile = 4000;
    m->delivered_meanwhile = 3990;
    m->n_reconnects = 3;
    m->n_repeats = 4;
    add_latencies(m);
    measure_refused(m, STR("rate_limited"));
    measure_error(m, STR("lost"));
    measure_error(m, STR("lost"));
    w->result.counts.redelivered = 6;
    w->result.connected_us = 500000;
    w->runs[0].measured_us = 10000000;
    w->result.before = (struct process_use){.cpu_us = 0, .rss_kib = 1000};
    w->runs[0].from = (struct process_use){.cpu_us = 1000000, .rss_kib = 2000};
    w->runs[0].to = (struct process_use){.cpu_us = 3000000, .rss_kib = 3000};
    w->runs[0].own_from = (struct process_use){.cpu_us = 100000, .rss_kib = 9};
    w->runs[0].own_to = (struct process_use){.cpu_us = 500000, .rss_kib = 9};
    w->result.runs = w->runs;
    w->result.n_runs = 1;
    w->result.measure = *m;
    w->report = (struct report){.options = &w->options, .result = &w->result};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    free(w->text);
    free(w);
    return 0;
}

static const char *tell(struct world *w, void (*how)(FILE *out, const struct report *r))
{
    size_t size;

    free(w->text);
    FILE *out = open_memstream(&w->text, &size);
    assert_non_null(out);
    how(out, &w->report);
    (void)fclose(out);
    assert_non_null(w->text);
    assert_int_equal(strlen(w->text), size);
    return w->text;
}

/** @return owned; json_free() */
static struct json *tell_json(struct world *w)
{
    struct json *j = NULL;

    tell(w, report_json);
    const size_t n = strlen(w->text);
    assert_int_equal(str_find(str_of(w->text), '\n'), n - 1); // one line
    expect_int(w->text, json_parse_unique(&j, w->text, n), 0);
    return j;
}

static void expect_number(const struct json *j, const char *name, double want)
{
    double got = -1;

    if (!json_number_of(json_member(j, name), &got) || got < want - 0.0005 ||
        got > want + 0.0005)
        fail_msg("%s is %f, want %f", name, got, want);
}

static void expect_null(const struct json *j, const char *name)
{
    const struct json *member = json_member(j, name);

    if (!member || json_kind(member) != JSON_KIND_NULL)
        fail_msg("%s is not null", name);
}

struct want {
    const char *name;
    double value;
};

static void expect_numbers(const struct json *j, const struct want *wants, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_number(j, wants[i].name, wants[i].value);
}

static void the_json_has_every_figure(void **state)
{
    static const struct want wants[] = {
        {"sessions", 100},
        {"servers", 2},
        {"window", 16},
        {"rate", 500},
        {"size", 200},
        {"preload", 77},
        {"seconds", 10},
        {"sent", 5001},
        {"acked", 5000},
        {"delivered", 4999},
        {"lost", 0},
        {"duplicated", 0},
        {"reordered", 0},
        {"invented", 0},
        {"unanswered", 0},
        {"errors", 3},
        {"reconnects", 3},
        {"repeated", 4},
        {"redelivered", 6},
        {"acked_per_s", 400},
        {"delivered_per_s", 399},
        {"runs", 1},
        {"connects_per_s", 200},
        {"server_cpu_us_per_message", 500},
        {"server_cores", 0.2},
        {"server_rss_kib", 3000},
        {"generator_cpu_us_per_message", 100},
    };
    static const struct want ack[] = {
        {"p50", 0.064}, {"p90", 0.064}, {"p99", 0.064}, {"p999", 0.064}};
    static const struct want delivery[] = {
        {"p50", 0.127}, {"p90", 0.127}, {"p99", 0.127}, {"p999", 0.127}};
    struct json *j = tell_json(*state);

    expect_numbers(j, wants, COUNT_OF(wants));
    expect_str("kind", json_text(json_member(j, "kind")), STR("load"));
    expect_str("transport", json_text(json_member(j, "transport")), STR("websocket"));
    expect_str("peers", json_text(json_member(j, "peers")), STR("pair"));
    assert_true(json_is_true(json_member(j, "receipts")));
    expect_numbers(json_member(j, "ack_ms"), ack, COUNT_OF(ack));
    expect_numbers(json_member(j, "delivery_ms"), delivery, COUNT_OF(delivery));
    const struct json *errors = json_member(j, "errors_by_code");
    assert_int_equal(json_count(errors), 2);
    expect_number(errors, "rate_limited", 1);
    expect_number(errors, "lost", 2);
    json_free(j);
}

static void each_count_has_its_own_member(void **state)
{
    struct world *w = *state;
    static const struct want wants[] = {
        {"lost", 11},     {"duplicated", 12}, {"reordered", 13},
        {"invented", 14}, {"unanswered", 15},
    };

    w->result.counts.lost = 11;
    w->result.counts.duplicated = 12;
    w->result.counts.reordered = 13;
    w->result.counts.invented = 14;
    w->result.n_unanswered = 15;
    struct json *j = tell_json(w);
    expect_numbers(j, wants, COUNT_OF(wants));
    json_free(j);
}

static void expect_no_use(struct world *w)
{
    struct json *j = tell_json(w);

    expect_null(j, "server_cpu_us_per_message");
    expect_null(j, "server_cores");
    expect_null(j, "server_rss_kib");
    expect_null(j, "server_rss_kib_per_session");
    expect_number(j, "generator_cpu_us_per_message", 100);
    json_free(j);
}

static void what_no_pid_has_shown_is_null(void **state)
{
    struct world *w = *state;

    w->options.pids.n = 0;
    expect_no_use(w);
}

static void what_an_ended_process_has_used_is_null(void **state)
{
    struct world *w = *state;

    w->result.is_use_lost = true;
    expect_no_use(w);
}

static void what_did_not_happen_is_null(void **state)
{
    struct world *w = *state;

    measure_init(&w->runs[0].measure);
    measure_init(&w->result.measure);
    w->result.connected_us = 0;
    w->runs[0].measured_us = 0;
    struct json *j = tell_json(w);
    expect_null(j, "ack_ms");
    expect_null(j, "delivery_ms");
    expect_null(j, "connects_per_s");
    expect_null(j, "server_cores");
    expect_null(j, "server_cpu_us_per_message");
    expect_null(j, "generator_cpu_us_per_message");
    expect_number(j, "acked_per_s", 0);
    assert_int_equal(json_count(json_member(j, "errors_by_code")), 0);
    assert_int_equal(json_kind(json_member(j, "errors_by_code")), JSON_KIND_OBJECT);
    json_free(j);
}

static void an_idle_run_has_what_a_session_costs(void **state)
{
    struct world *w = *state;

    measure_init(&w->runs[0].measure);
    w->options.idle = true;
    w->options.receipts = false;
    struct json *j = tell_json(w);
    expect_str("kind", json_text(json_member(j, "kind")), STR("idle"));
    assert_int_equal(json_kind(json_member(j, "receipts")), JSON_KIND_BOOL);
    assert_false(json_is_true(json_member(j, "receipts")));
    expect_number(j, "server_rss_kib_per_session", 20); // of 2000 more, for 100
    expect_null(j, "server_cpu_us_per_connect");        // with messages between
    expect_number(j, "server_rss_kib", 3000);
    expect_number(j, "server_cores", 0.2);
    expect_null(j, "acked_per_s");
    expect_null(j, "server_cpu_us_per_message");
    expect_null(j, "generator_cpu_us_per_message");
    json_free(j);
    assert_null(report_verdict(&w->report)); // nothing was to be acknowledged
}

static void connecting_has_its_own_cpu(void **state)
{
    struct world *w = *state;

    w->options.idle = true;
    w->options.preload = 0;
    w->result.before.cpu_us = 400000;
    struct json *j = tell_json(w);
    expect_number(j, "server_cpu_us_per_connect", 6000); // of 600 ms, for 100
    json_free(j);
}

static void codes_from_outside_stay_json(void **state)
{
    static const str codes[] = {
        STR("\""),   STR("\\"),       STR("a\nb"),     STR("\x01\x1f"),
        STR("\x7f"), STR("\xff\xfe"), STR("\xc3\xa9"), STR("\",\"lost\":9,\""),
        STR("</a>"), STR(" "),        STR(""),
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct json *j = NULL;
        measure_init(&w->result.measure);
        measure_error(&w->result.measure, codes[i]);
        tell(w, report_json);
        expect_int(codes[i].ptr, json_parse(&j, w->text, strlen(w->text)), 0);
        assert_int_equal(json_count(json_member(j, "errors_by_code")), 1);
        expect_number(j, "lost", 0);
        json_free(j);
    }
}

static void each_count_is_a_verdict(void **state)
{
    struct world *w = *state;
    struct ledger_counts *c = &w->result.counts;
    const struct {
        uint64_t *count;
        const char *want;
    } rows[] = {
        {&c->lost, "acknowledged did not come"},
        {&c->duplicated, "came twice"},
        {&c->reordered, "behind later ones"},
        {&c->invented, "not sent so, or had been refused"},
        {&w->result.n_unanswered, "neither an acknowledgement nor an error"},
    };

    assert_null(report_verdict(&w->report));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        *rows[i].count = 1;
        const char *verdict = report_verdict(&w->report);
        assert_non_null(verdict);
        expect_in("verdict", verdict, rows[i].want);
        expect_in("text", tell(w, report_text), "FAILED: ");
        expect_in("text", w->text, verdict);
        *rows[i].count = 0;
    }
    assert_null(report_verdict(&w->report));
    w->runs[0].measure.acked = 0;
    assert_string_equal(report_verdict(&w->report), "nothing was acknowledged");
}

static void what_the_contract_allows_is_no_failure(void **state)
{
    struct world *w = *state;

    w->result.counts.redelivered = 1000;
    w->result.measure.n_reconnects = 1000;
    w->result.measure.n_errors = 1000;
    assert_null(report_verdict(&w->report));
    assert_null(strstr(tell(w, report_text), "FAILED"));
}

static void the_text_has_the_same_figures(void **state)
{
    static const char *const parts[] = {
        "200 a second",  "400 a second",   "4000 in 10.0 s", "5001 sent",    "4999 delivered",
        "p50 0.06 ms",   "p50 0.13 ms",    "100.0 µs",       "500.0 µs",     "0.20 cores",
        "3000 KiB",      "11 lost",        "12 duplicated",  "13 reordered", "14 invented",
        "15 unanswered", "rate_limited 1", "lost 2",
    };
    struct world *w = *state;

    w->result.counts.lost = 11;
    w->result.counts.duplicated = 12;
    w->result.counts.reordered = 13;
    w->result.counts.invented = 14;
    w->result.n_unanswered = 15;
    tell(w, report_text);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        expect_in("text", w->text, parts[i]);
}

static void the_text_leaves_out_what_was_not_measured(void **state)
{
    struct world *w = *state;

    w->options.pids.n = 0;
    assert_null(strstr(tell(w, report_text), "server"));
    w->options.idle = true;
    assert_null(strstr(tell(w, report_text), "server"));
    w->options.pids.n = 1;
    expect_in("idle", tell(w, report_text), "20.00 KiB a session");
    expect_in("idle", w->text, "0.200 cores");
    assert_null(strstr(w->text, "p99"));
}

/** Three runs, of which the second was the slowest and the third the fastest. */
static void run_three_times(struct world *w)
{
    w->runs[1] = w->runs[2] = w->runs[0];
    w->runs[1].measure.acked_meanwhile = 2000;
    w->runs[2].measure.acked_meanwhile = 5000;
    w->runs[2].n_stored = 70000;
    w->runs[2].n_conversations = 7000;
    w->result.n_runs = 3;
}

static void several_runs_are_told_by_their_medians_and_each(void **state)
{
    struct world *w = *state;

    run_three_times(w);
    struct json *j = tell_json(w);
    expect_number(j, "runs", 3);
    expect_number(j, "acked_per_s", 400);
    expect_number(j, "server_cpu_us_per_message", 500);
    expect_number(j, "sent", 15003);
    const struct json *each = json_member(j, "each");
    assert_int_equal(json_count(each), 3);
    expect_number(json_item(each, 0), "acked_per_s", 400);
    expect_number(json_item(each, 1), "acked_per_s", 200);
    expect_number(json_item(each, 2), "acked_per_s", 500);
    expect_number(json_item(each, 2), "stored", 70000);
    expect_number(json_item(each, 2), "conversations", 7000);
    expect_null(json_item(each, 1), "conversations");
    expect_number(json_member(j, "least"), "acked_per_s", 200);
    expect_number(json_member(j, "least"), "server_cpu_us_per_message", 400);
    expect_number(json_member(j, "most"), "acked_per_s", 500);
    expect_number(json_member(j, "most"), "server_cpu_us_per_message", 1000);
    json_free(j);
}

static void several_runs_are_a_table_for_people(void **state)
{
    static const char *const lines[] = {
        "| run    |     acked/s |", "| 1      |         400 |", "| 2      |         200 |",
        "| 3      |         500 |", "| median |         400 |", "| least  |         200 |",
        "| most   |         500 |",
    };
    struct world *w = *state;

    run_three_times(w);
    tell(w, report_text);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        expect_in("text", w->text, lines[i]);
}

static void a_run_without_answers_is_one_too_many(void **state)
{
    struct world *w = *state;

    run_three_times(w);
    assert_null(report_verdict(&w->report));
    w->runs[1].measure.acked = 0;
    assert_string_equal(report_verdict(&w->report), "nothing was acknowledged");
}

/** --runs=0, with what was stored before. */
static void no_run_is_no_failure(void **state)
{
    struct world *w = *state;

    w->result.n_runs = 0;
    w->result.n_stored = 77;
    w->options.wallets = STR("a");
    struct json *j = tell_json(w);
    expect_number(j, "runs", 0);
    expect_number(j, "stored_at_end", 77);
    expect_null(j, "acked_per_s");
    expect_null(j, "history_ms");
    json_free(j);
    assert_null(report_verdict(&w->report));
    expect_in("text", tell(w, report_text), "--stored=77 goes on with them");
}

static void pages_of_history_are_told(void **state)
{
    struct world *w = *state;
    const struct json *pages;

    histogram_add(&w->result.any.us, 64);
    histogram_add(&w->result.any.us, 63);
    w->result.any.n_messages = 21;
    struct json *j = tell_json(w);
    pages = json_member(j, "history_ms");
    expect_number(pages, "pages", 2);
    expect_number(pages, "messages", 10.5);
    expect_number(pages, "p50", 0.063);
    expect_number(pages, "p99", 0.064);
    expect_null(j, "history_long_ms");
    json_free(j);
    expect_in("text", tell(w, report_text), "2 pages of any, 10.5 messages on each");
    assert_null(strstr(w->text, "of the longest"));
}

static void set_floor(struct floor *f, uint64_t n_forwarded)
{
    *f = (struct floor){.n_forwarded = n_forwarded,
                        .forward_us = 2000000,
                        .server_cpu_us = 1000000,
                        .own_cpu_us = 500000};
    for (uint32_t i = 0; i < FLOOR_GROUPS; i++) {
        struct floor_append *a = &f->appends[i];
        *a = (struct floor_append){
            .n_group = i + 1, .n = 300, .took_us = 1000000, .cpu_us = 60000};
        histogram_add(&a->sync_us, 32);
    }
}

static void expect_floor(const struct json *j, double per_s, double cpu_us)
{
    const struct json *forward = json_member(j, "forward");
    const struct json *append = json_item(json_member(j, "append"), 2);

    expect_number(forward, "per_s", per_s);
    expect_number(forward, "server_cpu_us", cpu_us);
    expect_number(forward, "generator_cpu_us", cpu_us / 2);
    assert_int_equal(json_count(json_member(j, "append")), FLOOR_GROUPS);
    expect_number(append, "group", 3);
    expect_number(append, "per_s", 300);
    expect_number(append, "cpu_us", 200);
    expect_number(append, "sync_ms_p50", 0.032);
}

static void the_floor_stands_beside_the_runs_or_alone(void **state)
{
    struct world *w = *state;

    set_floor(&w->floors[0], 1000000);
    set_floor(&w->floors[1], 500000);
    w->report.floors = w->floors;
    w->report.n_floors = 2;
    struct json *j = tell_json(w);
    assert_int_equal(json_count(json_member(j, "floor")), 2);
    expect_floor(json_item(json_member(j, "floor"), 0), 500000, 1);
    expect_floor(json_item(json_member(j, "floor"), 1), 250000, 2);
    expect_number(j, "acked_per_s", 400);
    json_free(j);
    expect_in("text", tell(w, report_text), "500000 frames forwarded a second, 1.00 µs");
    expect_in("text", w->text, "250000 frames forwarded a second, 2.00 µs");
    expect_in("text", w->text, "300 records appended a second, in groups of 3, 200.00 µs");
    expect_in("text", w->text, "checked ");

    w->report.result = NULL;
    w->report.n_floors = 1;
    j = tell_json(w);
    expect_str("kind", json_text(json_member(j, "kind")), STR("floor"));
    assert_int_equal(json_count(json_member(j, "floor")), 1);
    assert_null(json_member(j, "acked_per_s"));
    json_free(j);
    assert_null(report_verdict(&w->report));
    expect_in("text", tell(w, report_text), "500000 frames forwarded a second");
    assert_null(strstr(w->text, "checked"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_json_has_every_figure),
        TEST(each_count_has_its_own_member),
        TEST(what_no_pid_has_shown_is_null),
        TEST(what_an_ended_process_has_used_is_null),
        TEST(what_did_not_happen_is_null),
        TEST(an_idle_run_has_what_a_session_costs),
        TEST(connecting_has_its_own_cpu),
        TEST(codes_from_outside_stay_json),
        TEST(each_count_is_a_verdict),
        TEST(what_the_contract_allows_is_no_failure),
        TEST(the_text_has_the_same_figures),
        TEST(the_text_leaves_out_what_was_not_measured),
        TEST(several_runs_are_told_by_their_medians_and_each),
        TEST(several_runs_are_a_table_for_people),
        TEST(a_run_without_answers_is_one_too_many),
        TEST(no_run_is_no_failure),
        TEST(pages_of_history_are_told),
        TEST(the_floor_stands_beside_the_runs_or_alone),
    };
    return cmocka_run_group_tests_name("bench/report", tests, NULL, NULL);
}
