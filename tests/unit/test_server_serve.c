#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/serve.h"
#include "support/t.h"

#define ARGS_MAX 6

/** serve_main() with these words, up to NULL. @return its exit code; *said is owned */
static int serve(const char *const *words, char **said)
{
    FILE *const err = stderr;
    char *argv[ARGS_MAX + 1] = {0};
    size_t size;
    int argc = 0;

    for (; words[argc]; argc++) {
        assert_true(argc < ARGS_MAX);
        argv[argc] = strdup(words[argc]);
    }
    stderr = open_memstream(said, &size);
    const int code = serve_main(argc, argv);
    (void)fclose(stderr);
    stderr = err;
    while (argc > 0)
        free(argv[--argc]);
    return code;
}

/** What can't work is said before anything is made or opened. */
static void refuses_to_start_on_what_can_not_work(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *args[ARGS_MAX];
        int code;
        const char *said; // a part of it
    } rows[] = {
        {"dev on the network", {"--dev", "--listen=0.0.0.0:0"}, 2, "listen on 127.0.0.1"},
        {"dev on IPv6", {"--dev", "--listen=[::]:0"}, 2, "listen on 127.0.0.1"},
        {"payload too small", {"--max-payload=262143"}, 2, "at least 262144"},
        {"content too large", {"--content-bytes=250001"}, 2, "at least 1000004"},
        {"content above all", {"--content-bytes=262145", "--max-payload=8MiB"}, 2, "above 262144"},
        {"origin with a path", {"--origins=https://a.test/"}, 2, "'https://a.test/' is not an origin"},
        {"origin null", {"--origins=*,null"}, 2, "'null' is not an origin"},
        {"proxy by name", {"--trusted-proxies=10.0.0.0/8,proxy"}, 2, "'proxy' is not an address"},
        {"transport", {"--transports=polling,pigeon"}, 2, "'pigeon' is not polling or websocket"},
        {"no transport", {"--transports="}, 2, "--transports takes"},
        {"path", {"--path=/chat"}, 2, "--path must begin and end with '/'"},
        {"no path", {"--path="}, 2, "--path must begin and end with '/'"},
        {"no data", {"--data="}, 2, "--data needs a directory"},
        {"log", {"--log=loud"}, 2, "--log takes a level"},
        {"unknown", {"--lissen=x"}, 2, "did you mean --listen?"},
        {"no such file", {"--config=/nowhere/x"}, 2, "can't read /nowhere/x"},
        {"data below a file", {"--data=/dev/null/x", "--listen=127.0.0.1:0"}, 1, "--data names another"},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *said = NULL;

        expect_int(rows[i].name, serve(rows[i].args, &said), rows[i].code);
        assert_non_null(said);
        if (!strstr(said, rows[i].said))
            fail_msg("%s: said \"%s\", and not \"%s\"", rows[i].name, said, rows[i].said);
        free(said);
    }
}

static void help_is_no_error(void **state)
{
    FILE *const out = stdout;
    char *said = NULL;
    char *help = NULL;
    size_t size;

    (void)state;
    stdout = open_memstream(&help, &size);
    const int code = serve((const char *const[]){"--help", NULL}, &said);
    (void)fclose(stdout);
    stdout = out;
    assert_int_equal(code, 0);
    expect_str("said", str_of(said), STR(""));
    str rest = str_of(help);
    while (rest.len > 0) {
        const str line = str_take_until(&rest, '\n');
        if (line.len > 100)
            fail_msg("a long line: " STR_FMT, STR_ARG(line));
    }
    free(help);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_to_start_on_what_can_not_work),
        cmocka_unit_test(help_is_no_error),
    };
    return cmocka_run_group_tests_name("server/serve", tests, NULL, NULL);
}
