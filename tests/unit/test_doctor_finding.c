#include <stdio.h>
#include <stdlib.h>

#include "doctor/finding.h"
#include "doctor/said.h"
#include "support/t.h"

/** What is printed. */
struct world {
    struct findings findings;
    char *text;
    size_t len;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){0};
    w.findings.out = open_memstream(&w.text, &w.len);
    assert_non_null(w.findings.out);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fclose(w->findings.out);
    free(w->text);
    return 0;
}

static void expect_text(struct world *w, const char *want)
{
    fflush(w->findings.out);
    assert_string_equal(w->text, want);
}

static void a_finding_is_a_line_and_its_remedy_below(void **state)
{
    struct world *w = *state;

    finding_add(&w->findings, VERDICT_OK, "disk", NULL, "%s: %d MiB free", "data", 7);
    finding_add(&w->findings, VERDICT_WARN, "clock", "Set it.", "it is off");
    finding_add(&w->findings, VERDICT_BAD, "issuer keys",
                "One two three four five six seven eight nine ten eleven twelve thirteen "
                "fourteen fifteen.",
                "none");
    finding_add(&w->findings, VERDICT_SKIP, "RPC", NULL, "no --rpc");
    finding_end(&w->findings);
    expect_text(w,
                "  ok    disk            data: 7 MiB free\n"
                "  warn  clock           it is off\n"
                "        Set it.\n"
                "  bad   issuer keys     none\n"
                "        One two three four five six seven eight nine ten eleven twelve "
                "thirteen fourteen\n"
                "        fifteen.\n"
                "  skip  RPC             no --rpc\n"
                "1 ok, 1 warn, 1 bad, 1 skipped\n");
}

static void for_programs_each_is_an_object(void **state)
{
    struct world *w = *state;

    w->findings.is_json = true;
    finding_add(&w->findings, VERDICT_BAD, "store", "Do \"this\".", "a\\b");
    finding_add(&w->findings, VERDICT_OK, "store", NULL, "well");
    finding_end(&w->findings);
    expect_text(w,
                "{\"name\":\"store\",\"verdict\":\"bad\",\"what\":\"a\\\\b\","
                "\"remedy\":\"Do \\\"this\\\".\"}\n"
                "{\"name\":\"store\",\"verdict\":\"ok\",\"what\":\"well\",\"remedy\":null}\n");
}

static void a_terminal_obeys_nothing_of_what_others_say(void **state)
{
    struct world *w = *state;

    finding_add(&w->findings, VERDICT_BAD, "x", "\x1b[2J\r\n", "%s", "a\x1b]0;b\x07\nc\x7f");
    finding_add(&w->findings, VERDICT_OK, "x", NULL, "%s", "no \xff UTF-8");
    finding_add(&w->findings, VERDICT_OK, "x", NULL, "%s", "gr\xc3\xbc\xc3\x9f");
    expect_text(w,
                "  bad   x               a?]0;b? c?\n"
                "        ?[2J?\n"
                "  ok    x               no ? UTF-8\n"
                "  ok    x               gr\xc3\xbc\xc3\x9f\n");
}

static void what_is_longer_is_cut(void **state)
{
    struct world *w = *state;
    char text[FINDING_TEXT_SIZE + 1];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    w->findings.is_json = true;
    finding_add(&w->findings, VERDICT_OK, "x", NULL, "%s", text);
    text[FINDING_TEXT_SIZE - 1] = '\0';
    fflush(w->findings.out);
    assert_non_null(strstr(w->text, text));
    assert_int_equal(strspn(strstr(w->text, text), "a"), FINDING_TEXT_SIZE - 1);
}

static void progress_is_for_terminals_alone(void **state)
{
    struct world *w = *state;

    finding_progress(&w->findings, "store");
    expect_text(w, "");
    w->findings.has_progress = true;
    finding_progress(&w->findings, "store");
    finding_add(&w->findings, VERDICT_OK, "store", NULL, "well");
    expect_text(w, "\r\033[K  ...   store\r\033[K  ok    store           well\n");
}

static void what_others_say_on_stderr_is_one_line(void **state)
{
    struct said s;
    FILE *before = stderr;

    (void)state;
    said_begin(&s);
    fprintf(stderr, "parley serve: --x: is none\nparley: a key\nmore\n");
    char *words = said_end(&s);
    assert_string_equal(words, "--x: is none a key more");
    assert_ptr_equal(stderr, before);
    free(words);
    said_begin(&s);
    words = said_end(&s);
    assert_string_equal(words, "");
    free(words);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finding_is_a_line_and_its_remedy_below),
        TEST(for_programs_each_is_an_object),
        TEST(a_terminal_obeys_nothing_of_what_others_say),
        TEST(what_is_longer_is_cut),
        TEST(progress_is_for_terminals_alone),
        TEST(what_others_say_on_stderr_is_one_line),
    };
    return cmocka_run_group_tests_name("doctor/finding", tests, NULL, NULL);
}
