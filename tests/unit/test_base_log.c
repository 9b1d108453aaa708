#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "support/aborts.h"

static void keep_line(void *arg, str line)
{
    assert_int_equal(buf_add(arg, line), 0);
}

static int setup(void **state)
{
    static struct buf lines;
    buf_init(&lines, 1 << 16);
    log_set_sink(keep_line, &lines);
    *state = &lines;
    return 0;
}

static int teardown(void **state)
{
    log_set_sink(NULL, NULL);
    buf_fini(*state);
    return log_set_levels(STR("info"));
}

/** The first line in the sink, without its time; dropped from the sink. */
static str take_line(struct buf *lines)
{
    str all = buf_str(lines);
    str line = str_take_until(&all, '\n');

    buf_consume(lines, line.len + 1);
    const str ts = str_take_until(&line, ' ');
    // ts=YYYY-MM-DDTHH:MM:SS.mmmZ
    static const char form[] = "ts=dddd-dd-ddTdd:dd:dd.dddZ";
    expect_int("length of ts", ts.len, sizeof(form) - 1);
    for (size_t i = 0; i < ts.len; i++) {
        if (form[i] == 'd' ? ts.ptr[i] < '0' || ts.ptr[i] > '9' : ts.ptr[i] != form[i])
            fail_msg("ts is " STR_FMT, STR_ARG(ts));
    }
    return line;
}

static void a_line_has_level_layer_event_context_and_fields(void **state)
{
    struct buf *lines = *state;
    const struct log_ctx node = {.key = "node", .id = 7};
    const struct log_ctx conn = {.up = &node, .key = "conn", .id = UINT64_MAX};

    log_info(&conn, "ws_open", "peer=%s n=%d", "127.0.0.1", 3);
    expect_str("all", take_line(lines),
               STR("level=info layer=ws event=ws_open conn=18446744073709551615 node=7 "
                   "peer=127.0.0.1 n=3"));
    log_error(NULL, "start", "%s", "");
    expect_str("no context", take_line(lines), STR("level=error layer=start event=start "));
    log_line(NULL, LOG_WARN, "eio_x_y", "x=%d", 1);
    expect_str("the first _", take_line(lines), STR("level=warn layer=eio event=eio_x_y x=1"));
    expect_int("nothing else", lines->len, 0);
}

static void a_line_too_long_is_cut_and_still_ends(void **state)
{
    struct buf *lines = *state;
    char longer[3000];

    memset(longer, 'x', sizeof(longer));
    for (int n = 900; n < 1100; n++) { // around the size of a line
        log_info(NULL, "ws_open", "a=%.*s", n, longer);
        const str all = buf_str(lines);
        assert_true(all.len <= 1024);
        assert_int_equal(str_find(all, '\n'), all.len - 1);
        buf_clear(lines);
    }
    log_info(&(struct log_ctx){.key = "conn"}, "ws_open", "a=%.*s b=%d", 3000, longer, 1);
    assert_int_equal(buf_str(lines).ptr[lines->len - 1], '\n');
}

/** Of lines that go elsewhere than to the journal nobody would take it off. */
static void in_the_journal_a_line_begins_with_its_priority(void **state)
{
    struct buf *lines = *state;
    struct stat st;
    char stream[64];

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    log_find_journal(stream);
    assert_int_equal(log_set_levels(STR("trace")), 0);
    for (int level = LOG_ERROR; level <= LOG_TRACE; level++) {
        static const char *const priorities[] = {
            "<2>ts=", "<3>ts=", "<4>ts=", "<6>ts=", "<7>ts=", "<7>ts="};
        log_line(NULL, (enum log_level)level, "ws_open", "%s", "a=1");
        expect_int(priorities[level], str_starts(buf_str(lines), str_of(priorities[level])),
                   true);
        buf_clear(lines);
    }
    static const char *const others[] = {NULL,      "",      "1",
                                         "nothing", "1:2:3", "18446744073709551615:1"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        log_find_journal(others[i]);
        log_info(NULL, "ws_open", "%s", "a=1");
        expect_str("elsewhere", take_line(lines), STR("level=info layer=ws event=ws_open a=1"));
        assert_string_equal(log_prefix(LOG_ERROR), "");
    }
}

static void levels_hold_by_layer(void **state)
{
    static const struct {
        const char *spec;
        enum log_level level;
        const char *event;
        bool want;
    } rows[] = {
        {"", LOG_INFO, "ws_open", true},
        {"", LOG_DEBUG, "ws_open", false},
        {"error", LOG_ERROR, "ws_open", true},
        {"error", LOG_WARN, "ws_open", false},
        {"trace", LOG_TRACE, "ws_open", true},
        {"warn,ws=trace", LOG_TRACE, "ws_open", true},
        {"warn,ws=trace", LOG_TRACE, "ws", true},
        {"warn,ws=trace", LOG_INFO, "wss_open", false},
        {"warn,ws=trace", LOG_INFO, "eio_open", false},
        {"warn,ws=trace", LOG_WARN, "eio_open", true},
        {"debug,ws=error", LOG_WARN, "ws_open", false},
        {"debug,ws=error", LOG_DEBUG, "eio_open", true},
        {"ws=debug,warn", LOG_DEBUG, "ws_open", true},
        {"ws=debug,warn", LOG_INFO, "eio_open", false},
    };
    struct buf *lines = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(log_set_levels(str_of(rows[i].spec)), 0);
        expect_int(rows[i].spec, log_is_on(rows[i].level, rows[i].event), rows[i].want);
        buf_clear(lines);
        log_at(NULL, rows[i].level, rows[i].event, "%s", "x=1");
        expect_int(rows[i].spec, lines->len > 0, rows[i].want);
    }
}

static void a_bad_spec_changes_nothing(void **state)
{
    static const struct {
        const char *spec;
        int r;
    } rows[] = {
        {"loud", LOG_SPEC_BAD_LEVEL},
        {"INFO", LOG_SPEC_BAD_LEVEL},
        {",", LOG_SPEC_BAD_LEVEL},
        {"info,ws=", LOG_SPEC_BAD_LEVEL},
        {"trace,ws=trace=x", LOG_SPEC_BAD_LEVEL},
        {"info,abcdefghijklmno=info", 0}, // 15 characters
        {"info,abcdefghijklmnop=info", LOG_SPEC_BAD_LEVEL},
        // LOG_LAYERS_MAX of them, and one more
        {"a=info,b=info,c=info,d=info,e=info,f=info,g=info,h=info,"
         "i=info,j=info,k=info,l=info,m=info,n=info,o=info,p=info",
         0},
        {"a=info,b=info,c=info,d=info,e=info,f=info,g=info,h=info,"
         "i=info,j=info,k=info,l=info,m=info,n=info,o=info,p=info,q=info",
         LOG_SPEC_TOO_MANY},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(log_set_levels(STR("error,ws=trace")), 0);
        expect_int(rows[i].spec, log_set_levels(str_of(rows[i].spec)), rows[i].r);
        expect_int(rows[i].spec, log_is_on(LOG_TRACE, "ws_x"), rows[i].r != 0);
        expect_int(rows[i].spec, log_is_on(LOG_INFO, "eio_x"), rows[i].r == 0);
    }
}

static void a_quote_can_forge_neither_a_field_nor_a_line(void **state)
{
    static const struct {
        const char *name;
        str in;
        str want;
    } rows[] = {
        // clang-format off
        {"empty",     {0},                       STR("\"\"")},
        {"plain",     STR("a b=c"),              STR("\"a b=c\"")},
        {"a quote",   STR("\" level=error x=\""), STR("\"\\\" level=error x=\\\"\"")},
        {"a backslash before a quote", STR("\\\""), STR("\"\\\\\\\"\"")},
        {"a newline", STR("a\nts=1"),            STR("\"a\\x0ats=1\"")},
        {"a CR",      STR("\r"),                 STR("\"\\x0d\"")},
        {"a NUL",     STR("a\0b"),               STR("\"a\\x00b\"")},
        {"an escape sequence", STR("\x1b[2J"),   STR("\"\\x1b[2J\"")},
        {"DEL",       STR("\x7f"),               STR("\"\\x7f\"")},
        {"UTF-8",     STR("\xc3\xa9"),           STR("\"\\xc3\\xa9\"")},
        // clang-format on
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[LOG_QUOTE_SIZE];
        expect_str(rows[i].name, str_of(log_quote(out, rows[i].in)), rows[i].want);
    }
}

/** Whatever the bytes, it is one value: no bare quote or control inside, NUL in its place. */
static void a_long_quote_is_cut_and_stays_one_value(void **state)
{
    static const char fills[] = {'a', '"', '\\', '\n', '\xff'};
    char text[2 * LOG_QUOTE_SIZE];

    (void)state;
    for (size_t f = 0; f < COUNT_OF(fills); f++) {
        for (size_t len = 0; len < sizeof(text); len++) {
            struct {
                char out[LOG_QUOTE_SIZE];
                char after;
            } q = {.after = 'k'};

            memset(text, 'a', len); // the fill last: its escape meets the end
            if (len > 0)
                text[len - 1] = fills[f];
            log_quote(q.out, (str){text, len});

            const str got = str_of(q.out);
            assert_true(got.len >= 2 && got.len < LOG_QUOTE_SIZE);
            assert_int_equal(q.after, 'k');
            assert_int_equal(got.ptr[0], '"');
            size_t i = 1;
            while (got.ptr[i] != '"')
                i += got.ptr[i] == '\\' ? 2 : 1;
            assert_int_equal(i, got.len - 1);
            const bool is_cut = got.len > 4 && memcmp(got.ptr + got.len - 4, "...\"", 4) == 0;
            assert_int_equal(is_cut, len > LOG_QUOTE_SIZE - 9); // room for \xff...", and NUL
        }
    }
}

static void log_to_stderr(void *arg)
{
    (void)arg;
    log_set_sink(NULL, NULL);
    log_info(NULL, "ws_open", "x=%d", 1);
}

static void without_a_sink_lines_go_to_stderr(void **state)
{
    (void)state;
    char said[256];

    assert_false(aborts(log_to_stderr, NULL, said, sizeof(said)));
    assert_non_null(strstr(said, " level=info layer=ws event=ws_open x=1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_line_has_level_layer_event_context_and_fields),
        TEST(a_line_too_long_is_cut_and_still_ends),
        TEST(in_the_journal_a_line_begins_with_its_priority),
        TEST(levels_hold_by_layer),
        TEST(a_bad_spec_changes_nothing),
        TEST(a_quote_can_forge_neither_a_field_nor_a_line),
        TEST(a_long_quote_is_cut_and_stays_one_value),
        TEST(without_a_sink_lines_go_to_stderr),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
