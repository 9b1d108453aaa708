#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/serve.h"
#include "server/serve_options.h"
#include "support/folder.h"
#include "support/said.h"
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
        {"the path of the API", {"--path=/v1/"}, 2, "--path: '/v1/' is not free"},
        {"the path of the widget", {"--path=/embed/chat/"}, 2, "--path: '/embed/chat/' is not free"},
        {"the path of files", {"--path=/media/"}, 2, "--path: '/media/' is not free"},
        {"the path of the metrics", {"--path=/metrics/"}, 2, "--path: '/metrics/' is not free"},
        {"the path of the page", {"--dev", "--path=/"}, 2, "with --dev, / is the page"},
        {"no data", {"--data="}, 2, "--data needs a directory"},
        {"log", {"--log=loud"}, 2, "--log takes a level"},
        {"media", {"--media=ftp"}, 2, "--media: 'ftp' is not local, s3 or off"},
        {"no bucket", {"--media=s3", "--s3-endpoint=http://s3.test"}, 2, "--s3-bucket: "},
        {"a secret for all to see", {"--s3-secret-key=x"}, 2, "--s3-secret-key on the command line"},
        {"a token for all to see", {"--s3-session-token", "x"}, 2, "--s3-session-token on the command line"},
        {"no scanner", {"--media-scan=/nowhere/scan", "--data=/dev/null/x"}, 2, "can't run '/nowhere/scan'"},
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

// What a program beside the server reads.

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wbe");

    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, true);
    assert_int_equal(fclose(f), 0);
}

struct beside_row {
    const char *name;
    bool is_given;   // the first file, as --config
    bool is_in_env;  // the second, as PARLEY_CONFIG
    const char *env; // NULL: none
    int r;
    str data; // these are looked at only when r is 0
    const char *host;
};

// clang-format off
static const struct beside_row beside_rows[] = {
    {"nothing", false, false, NULL, 0, STR("./parley-data"), "127.0.0.1"},
    {"given", true, false, NULL, 0, STR("one"), "127.0.0.2"},
    {"in the environment", false, true, NULL, 0, STR("two"), "127.0.0.1"},
    {"both: what is given", true, true, NULL, 0, STR("one"), "127.0.0.2"},
    {"data in the environment", false, false, "PARLEY_DATA=three", 0, STR("three"), "127.0.0.1"},
    {"which wins over the file", true, false, "PARLEY_DATA=three", 0, STR("three"), "127.0.0.2"},
    {"another program's", true, false, "DATA=three", 0, STR("one"), "127.0.0.2"},
    {"no option", false, false, "PARLEY_DAT=three", OPTIONS_BAD, {0}, NULL},
    {"no value", true, false, "PARLEY_LISTEN=x", OPTIONS_BAD, {0}, NULL},
};
// clang-format on

/** serve_options_read() with this file, or "", and this environment. */
static void check_beside(const struct beside_row *row, str config, char *const *env)
{
    struct serve_options o;
    struct buf file;
    struct said said;

    buf_init(&file, OPTIONS_FILE_MAX + 1);
    said_start(&said);
    const int r = serve_options_read(&o, config, env, &file);
    said_stop(&said);
    expect_int(row->name, r, row->r);
    expect_int(row->name, said.n_err > 0, r != 0);
    if (r == 0) {
        expect_str(row->name, o.data, row->data);
        expect_str(row->name, str_of(o.listen.host), str_of(row->host));
    }
    if (r == 0 && row->is_given)
        expect_str(row->name, o.config, config);
    said_free(&said);
    buf_fini(&file);
}

static void the_options_of_a_server_beside_are_its_own(void **state)
{
    struct folder folder;
    char one[512];
    char two[512];
    char variable[600];

    (void)state;
    folder_make(&folder);
    write_file(folder_path(one, &folder, "one"), "data = one\nlisten = 127.0.0.2:81\n");
    write_file(folder_path(two, &folder, "two"), "data = two\n");
    (void)snprintf(variable, sizeof(variable), "PARLEY_CONFIG=%s", two);
    for (size_t i = 0; i < COUNT_OF(beside_rows); i++) {
        const struct beside_row *row = &beside_rows[i];
        char *other = row->env ? strdup(row->env) : NULL;
        char *env[3] = {variable, other, NULL};

        check_beside(row, row->is_given ? str_of(one) : STR(""),
                     row->is_in_env ? env : env + 1);
        free(other);
    }
    folder_remove(&folder);
}

static void a_server_beside_whose_file_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *text; // NULL: there is no file
        const char *said; // a part of it
    } rows[] = {
        {"absent", NULL, "can't read "},
        {"an option that is none", "dta = x\n", "did you mean data?"},
        {"a value that is none", "drain = x\n", "'x' is not a duration"},
        {"no worker", "workers = 0\n", "'0' is below 1"},
        {"one worker too many", "workers = 65\n", "'65' is above 64"},
    };
    struct folder folder;
    char path[512];
    char *env[] = {NULL};

    (void)state;
    folder_make(&folder);
    folder_path(path, &folder, "options");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct serve_options o;
        struct buf file;
        struct said said;

        if (rows[i].text)
            write_file(path, rows[i].text);
        buf_init(&file, OPTIONS_FILE_MAX + 1);
        said_start(&said);
        const int r = serve_options_read(&o, str_of(path), env, &file);
        said_stop(&said);
        expect_int(rows[i].name, r, OPTIONS_BAD);
        expect_in(rows[i].name, said.err, rows[i].said);
        expect_in(rows[i].name, said.err, path);
        said_free(&said);
        buf_fini(&file);
    }
    folder_remove(&folder);
}

static void a_server_may_have_as_many_workers_as_letters(void **state)
{
    struct folder folder;
    char path[512];
    char *env[] = {NULL};
    struct serve_options o;
    struct buf file;

    (void)state;
    folder_make(&folder);
    folder_path(path, &folder, "options");
    write_file(path, "workers = 64\n");
    buf_init(&file, OPTIONS_FILE_MAX + 1);
    assert_int_equal(serve_options_read(&o, str_of(path), env, &file), 0);
    assert_int_equal(o.workers, POSTS_MAX);
    buf_fini(&file);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_to_start_on_what_can_not_work),
        cmocka_unit_test(help_is_no_error),
        cmocka_unit_test(the_options_of_a_server_beside_are_its_own),
        cmocka_unit_test(a_server_beside_whose_file_is_wrong_is_refused),
        cmocka_unit_test(a_server_may_have_as_many_workers_as_letters),
    };
    return cmocka_run_group_tests_name("server/serve", tests, NULL, NULL);
}
