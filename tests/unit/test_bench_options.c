#include <stdio.h>
#include <stdlib.h>

#include "bench/options.h"
#include "bench/wire.h"
#include "support/said.h"
#include "support/t.h"

#define URL      "--url=http://a"
#define GROWING  "--stored-per-conversation=10"
#define ARGS_MAX 80

/** Parsed options, and what was said. */
struct parsed {
    struct bench_options o; // its texts point to argv
    char *argv[ARGS_MAX];
    int argc;
    struct said said;
    int r;
};

/** With these words, up to NULL. @return owned; parsed_free() */
static struct parsed *parse(const char *const *words)
{
    struct parsed *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    int argc = 0;
    for (; words[argc]; argc++) {
        assert_true(argc < ARGS_MAX);
        p->argv[argc] = strdup(words[argc]);
    }
    p->argc = argc;
    said_start(&p->said);
    p->r = bench_options_parse(&p->o, p->argc, p->argv);
    said_stop(&p->said);
    return p;
}

static void parsed_free(struct parsed *p)
{
    while (p->argc > 0)
        free(p->argv[--p->argc]);
    said_free(&p->said);
    free(p);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_url_is_enough(void **state)
{
    struct parsed *p = parse(WORDS(URL));
    const struct bench_options *o = &p->o;

    (void)state;
    assert_int_equal(p->r, 0);
    expect_str("said", str_of(p->said.err), STR(""));
    assert_int_equal(o->urls.n, 1);
    expect_str("url", o->urls.items[0], STR("http://a"));
    assert_null(o->data.ptr);
    assert_null(o->config.ptr);
    assert_int_equal(o->sessions, 100);
    assert_int_equal(o->window, 16);
    assert_int_equal(o->rate, 0);
    assert_int_equal(o->size, 200);
    assert_int_equal(o->seconds, 10);
    expect_str("transport", o->transport, STR("websocket"));
    expect_str("peers", o->peers, STR("pair"));
    assert_true(o->receipts);
    assert_int_equal(o->stored_per_conversation, 0);
    assert_int_equal(o->preload, 0);
    assert_int_equal(o->runs, 1);
    assert_int_equal(o->history, 0);
    assert_null(o->wallets.ptr);
    assert_int_equal(o->stored, 0);
    assert_null(o->floor.ptr);
    assert_false(o->idle);
    assert_int_equal(o->pids.n, 0);
    assert_false(o->json);
    parsed_free(p);
}

static void each_option_is_taken(void **state)
{
    struct parsed *p =
        parse(WORDS(URL, "--config", "f", "--sessions=3", "--peers=uniform", "--window", "2",
                    "--rate=5", "--size=1KiB", "--receipts=off", "--transport=polling",
                    "--preload=7", "--seconds=8", "--idle", "--json"));
    const struct bench_options *o = &p->o;

    (void)state;
    assert_int_equal(p->r, 0);
    expect_str("config", o->config, STR("f"));
    assert_int_equal(o->sessions, 3);
    expect_str("peers", o->peers, STR("uniform"));
    assert_int_equal(o->window, 2);
    assert_int_equal(o->rate, 5);
    assert_int_equal(o->size, 1024);
    assert_false(o->receipts);
    expect_str("transport", o->transport, STR("polling"));
    assert_int_equal(o->preload, 7);
    assert_int_equal(o->seconds, 8);
    assert_true(o->idle);
    assert_true(o->json);
    parsed_free(p);
}

static void conversations_that_grow_go_on_from_run_to_run(void **state)
{
    struct parsed *p =
        parse(WORDS(URL, "--stored-per-conversation=10", "--wallets=a", "--stored=7000",
                    "--preload=3000", "--runs=5", "--history=8", "--floor=/tmp"));
    const struct bench_options *o = &p->o;

    (void)state;
    expect_str("said", str_of(p->said.err), STR(""));
    assert_int_equal(p->r, 0);
    assert_int_equal(o->stored_per_conversation, 10);
    expect_str("wallets", o->wallets, STR("a"));
    assert_int_equal(o->stored, 7000);
    assert_int_equal(o->preload, 3000);
    assert_int_equal(o->runs, 5);
    assert_int_equal(o->history, 8);
    expect_str("floor", o->floor, STR("/tmp"));
    parsed_free(p);
}

static void the_floor_needs_no_server(void **state)
{
    struct parsed *p = parse(WORDS("--floor=/tmp"));

    (void)state;
    assert_int_equal(p->r, 0);
    assert_int_equal(p->o.urls.n, 0);
    expect_str("floor", p->o.floor, STR("/tmp"));
    parsed_free(p);
}

static void urls_and_pids_are_gathered_in_order(void **state)
{
    struct parsed *p = parse(WORDS("--url", "http://a", "--pid=1", "--url=http://b", "--pid",
                                   "22", "--url", "http://a,http://c"));

    (void)state;
    assert_int_equal(p->r, 0);
    assert_int_equal(p->o.urls.n, 3);
    expect_str("first", p->o.urls.items[0], STR("http://a"));
    expect_str("second", p->o.urls.items[1], STR("http://b"));
    expect_str("third", p->o.urls.items[2], STR("http://a,http://c")); // it is no list
    assert_int_equal(p->o.pids.n, 2);
    expect_str("first", p->o.pids.items[0], STR("1"));
    expect_str("second", p->o.pids.items[1], STR("22"));
    parsed_free(p);
}

static void so_many_urls_and_no_more(void **state)
{
    const char *words[OPTIONS_LIST_MAX + 2] = {0};

    (void)state;
    for (size_t i = 0; i < OPTIONS_LIST_MAX; i++)
        words[i] = URL;
    struct parsed *p = parse(words);
    assert_int_equal(p->r, 0);
    assert_int_equal(p->o.urls.n, OPTIONS_LIST_MAX);
    parsed_free(p);

    words[OPTIONS_LIST_MAX] = "--url=http://more";
    p = parse(words);
    assert_int_equal(p->r, OPTIONS_BAD);
    expect_in("said", p->said.err, "--url: 'http://more'");
    expect_in("said", p->said.err, "at most 32");
    parsed_free(p);
}

static void how_long_depends_on_what_is_measured(void **state)
{
    static const struct {
        const char *name;
        const char *args[5];
        uint64_t seconds;
    } rows[] = {
        {"load", {URL}, 10},
        {"idle", {URL, "--idle"}, 60},
        {"idle off", {URL, "--idle=off"}, 10},
        {"load, so long", {URL, "--seconds=1"}, 1},
        {"idle, so long", {URL, "--idle", "--seconds=60"}, 60},
        {"a day", {URL, "--seconds=86400"}, 86400},
        {"zero is the default", {URL, "--seconds=0"}, 10},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed *p = parse(rows[i].args);
        expect_int(rows[i].name, p->r, 0);
        expect_int(rows[i].name, p->o.seconds, rows[i].seconds);
        parsed_free(p);
    }
}

static void what_can_not_work_is_refused(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *args[5];
        const char *said; // a part of it
    } rows[] = {
        {"nothing", {NULL}, "where is the server? It needs --url; 'parley-bench --help' tells more"},
        {"no url", {"--data=d"}, "It needs --url"},
        {"an empty url", {"--url="}, "--url: '' is not"},
        {"url without a value", {"--url"}, "--url needs a value"},
        {"data and config", {URL, "--data=d", "--config=c"}, "--data or --config, not both"},
        {"data and config, empty", {URL, "--data=", "--config="}, "--data or --config, not both"},
        {"transport", {URL, "--transport=pigeon"}, "--transport is websocket or polling"},
        {"no transport", {URL, "--transport="}, "--transport is websocket or polling"},
        {"both transports", {URL, "--transport=websocket,polling"}, "--transport is websocket or polling"},
        {"peers", {URL, "--peers=none"}, "--peers is pair or uniform"},
        {"an odd one", {URL, "--sessions=101"}, "pairs need an even number of --sessions"},
        {"one session", {URL, "--sessions=1"}, "'1' is below 2"},
        {"too many sessions", {URL, "--sessions=200001"}, "'200001' is above 200000"},
        {"no window", {URL, "--window=0"}, "'0' is below 1"},
        {"too large a window", {URL, "--window=1025"}, "'1025' is above 1024"},
        {"too high a rate", {URL, "--rate=10000001"}, "'10000001' is above 10000000"},
        {"too small a content", {URL, "--size=63"}, "'63' is below 64"},
        {"too large a content", {URL, "--size=262145"}, "'262145' is above 262144"},
        {"too long", {URL, "--seconds=86401"}, "'86401' is above 86400"},
        {"no floor", {"--floor="}, "--floor needs a directory"},
        {"too many runs", {URL, "--runs=101"}, "'101' is above 100"},
        {"idle runs", {URL, "--idle", "--runs=2"}, "--idle has no --runs, and no --history"},
        {"history of idle ones", {URL, "--idle", GROWING, "--history=1"}, "--idle has no --runs, and no --history"},
        {"history of pairs", {URL, "--history=1"}, "--history needs --stored-per-conversation"},
        {"stored of pairs", {URL, "--wallets=a", "--stored=1"}, "--stored needs --stored-per-conversation"},
        {"stored by whom", {URL, GROWING, "--stored=1"}, "--stored needs --wallets: whose messages are they?"},
        {"growing and uniform", {URL, GROWING, "--peers=uniform"}, "--peers=uniform or --stored-per-conversation, not both"},
        {"growing, an odd one", {URL, GROWING, "--sessions=101"}, "pairs need an even number of --sessions"},
        {"too few to preload", {URL, GROWING, "--preload=49510"}, "49510 messages make 4951 conversations, which takes 102 --sessions"},
        {"too few to go on", {URL, GROWING, "--wallets=a", "--stored=10000000"}, "10000000 messages make 1000000 conversations, which takes 1416 --sessions"},
        {"too few for the runs", {URL, GROWING, "--rate=1000", "--runs=5"}, "60000 messages make 6000 conversations, which takes 112 --sessions"},
        {"unknown", {URL, "--session=4"}, "did you mean --sessions?"},
        {"a word", {"http://a"}, "'http://a' is no option"},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed *p = parse(rows[i].args);
        expect_int(rows[i].name, p->r, OPTIONS_BAD);
        expect_in(rows[i].name, p->said.err, rows[i].said);
        expect_in(rows[i].name, p->said.err, "parley-bench: ");
        expect_str(rows[i].name, str_of(p->said.out), STR(""));
        parsed_free(p);
    }
}

static void the_edges_pass(void **state)
{
    static const struct {
        const char *name;
        const char *args[5];
    } rows[] = {
        {"two sessions", {URL, "--sessions=2"}},
        {"the most sessions", {URL, "--sessions=200000"}},
        {"an odd number, uniform", {URL, "--sessions=199999", "--peers=uniform"}},
        {"the least window", {URL, "--window=1"}},
        {"the largest window", {URL, "--window=1024"}},
        {"the highest rate", {URL, "--rate=10000000"}},
        {"the least content", {URL, "--size=64"}},
        {"the largest content", {URL, "--size=256KiB"}},
        {"data alone", {URL, "--data=d"}},
        {"idle, with a rate", {URL, GROWING, "--idle", "--rate=1000"}},
        {"the most conversations", {URL, GROWING, "--preload=49500"}},
        {"no run", {URL, "--runs=0"}},
        {"the most runs", {URL, "--runs=100"}},
    };

    (void)state;
    assert_int_equal(WIRE_CONTENT_MIN, 64);
    assert_int_equal(WIRE_CONTENT_MAX, 256 * 1024);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed *p = parse(rows[i].args);
        expect_int(rows[i].name, p->r, 0);
        expect_str(rows[i].name, str_of(p->said.err), STR(""));
        parsed_free(p);
    }
}

static void help_says_how_to_begin(void **state)
{
    struct parsed *p = parse(WORDS("--help"));

    (void)state;
    assert_int_equal(p->r, OPTIONS_HELP);
    expect_in("help", p->said.out, "--rate-limits off");
    expect_in("help", p->said.out, "--url URL");
    expect_str("said", str_of(p->said.err), STR(""));
    parsed_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_enough),
        cmocka_unit_test(each_option_is_taken),
        cmocka_unit_test(conversations_that_grow_go_on_from_run_to_run),
        cmocka_unit_test(the_floor_needs_no_server),
        cmocka_unit_test(urls_and_pids_are_gathered_in_order),
        cmocka_unit_test(so_many_urls_and_no_more),
        cmocka_unit_test(how_long_depends_on_what_is_measured),
        cmocka_unit_test(what_can_not_work_is_refused),
        cmocka_unit_test(the_edges_pass),
        cmocka_unit_test(help_says_how_to_begin),
    };
    return cmocka_run_group_tests_name("bench/options", tests, NULL, NULL);
}
