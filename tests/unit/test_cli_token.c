#include "auth/account.h"
#include "auth/auth.h"
#include "cli/token.h"
#include "crypto/secret.h"
#include "io/loop.h"
#include "server/keys.h"
#include "support/cli.h"
#include "support/folder.h"
#include "support/own_key.h"
#include "support/said.h"

#define ADDRESS "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

struct world {
    struct folder folder;
    char data[512];
    struct said said;
};

static int setup(void **state)
{
    static struct world w;
    w = (struct world){0};
    folder_make(&w.folder);
    folder_path(w.data, &w.folder, "data");
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    said_free(&w->said);
    folder_remove(&w->folder);
    return 0;
}

/** `parley token` with these words, up to NULL. @return its exit code */
static int token(struct world *w, const char *const *args)
{
    said_free(&w->said);
    said_start(&w->said);
    const int code = cli_run(token_main, args);
    said_stop(&w->said);
    return code;
}

/** Does a server with this folder accept what was printed? */
static void verify(struct world *w, uint64_t home_chain, struct auth_identity *id)
{
    struct auth *a = auth_new(home_chain);
    struct buf pem;
    const char *why = NULL;
    str printed = str_of(w->said.out);

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    assert_int_equal(keys_own(&pem, str_of(w->data), NULL), 0); // it is there: no chance in it
    assert_int_equal(set_own_key(a, buf_str(&pem)), 0);
    secret_buf_fini(&pem);

    const str line = str_take_until(&printed, '\n');
    assert_int_equal(printed.len, 0); // one line and nothing else
    const int r = auth_verify(a, line, clock_unix_ms(loop_wall_clock()), id, &why);
    expect_int(why ? why : "verified", r, 0);
    auth_free(a);
}

static void expect_account(const struct auth_identity *id, const char *want)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    expect_str("account", auth_account_text(text, &id->account), str_of(want));
}

static void prints_a_token_that_the_server_accepts(void **state)
{
    struct world *w = *state;
    struct auth_identity first;
    struct auth_identity second;
    const int64_t before_ms = clock_unix_ms(loop_wall_clock());

    assert_int_equal(token(w, ARGS(ADDRESS, "--data", w->data)), 0);
    assert_int_equal(w->said.n_err, 0);
    verify(w, 1, &first);
    expect_account(&first, ADDRESS);
    assert_in_range(first.expires_at_ms - before_ms, 3599000, 3601000 + 5000);

    assert_int_equal(token(w, ARGS(ADDRESS, "--data", w->data)), 0);
    verify(w, 1, &second);
    assert_string_not_equal(first.session, second.session);
}

static void takes_its_options_on_both_sides_of_the_address(void **state)
{
    struct world *w = *state;
    struct auth_identity id;
    const int64_t before_ms = clock_unix_ms(loop_wall_clock());

    assert_int_equal(token(w, ARGS("--data", w->data, "--ttl=30d", ("eip155:137:" ADDRESS),
                                   "--home-chain", "137")),
                     0);
    verify(w, 137, &id);
    expect_account(&id, ADDRESS);
    assert_in_range(id.expires_at_ms - before_ms, INT64_C(2591999000), INT64_C(2592006000));

    assert_int_equal(token(w, ARGS("eip155:10:" ADDRESS, "--data", w->data)), 0);
    verify(w, 1, &id);
    expect_account(&id, "eip155:10:" ADDRESS);
}

static void looks_where_the_server_looks(void **state)
{
    struct world *w = *state;
    struct auth_identity id;
    char path[512];
    char text[700];

    folder_path(path, &w->folder, "parley.conf");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    snprintf(text, sizeof(text),
             "data = %s\nhome-chain = 137\nlisten = 127.0.0.1:1\n"
             "[issuer idp]\njwks-url = https://idp.test/keys\n", // of which nothing is asked
             w->data);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);

    assert_int_equal(token(w, ARGS("eip155:137:" ADDRESS, "--config", path)), 0);
    verify(w, 137, &id);
    expect_account(&id, ADDRESS);

    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    assert_int_equal(setenv("PARLEY_DATA", w->data, 1), 0);
    assert_int_equal(token(w, ARGS(ADDRESS)), 0);
    verify(w, 1, &id);
    assert_int_equal(setenv("PARLEY_CONFIG", path, 1), 0);
    assert_int_equal(token(w, ARGS("eip155:1:" ADDRESS, "--home-chain", "1")), 0); // flags win
    verify(w, 1, &id);
    expect_account(&id, ADDRESS);
    assert_int_equal(unsetenv("PARLEY_CONFIG"), 0);
    assert_int_equal(unsetenv("PARLEY_DATA"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
}

static void a_wrong_use_prints_no_token_and_ends_with_2(void **state)
{
    static const struct {
        const char *name;
        const char *args[4];
        const char *said;
    } rows[] = {
        {"nothing", {NULL}, "parley token: whose? It needs an ADDRESS"},
        {"an empty address", {""}, "whose?"},
        {"no address", {"alice"}, "that is no ADDRESS"},
        {"a wrong checksum", {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"}, "EIP-55"},
        {"the zero address", {"0x0000000000000000000000000000000000000000"}, "nobody's"},
        {"two addresses", {ADDRESS, "bob"}, "'bob' is no option"},
        {"too long", {ADDRESS, "--ttl=2592001s"}, "--ttl: '2592001s' is above"},
        {"too short", {ADDRESS, "--ttl=999ms"}, "--ttl: '999ms' is below"},
        {"no chain", {ADDRESS, "--home-chain=0"}, "--home-chain: '0' is below 1"},
        {"an unknown option", {ADDRESS, "--tll=1h"}, "did you mean --ttl?"},
        {"a value is missing", {ADDRESS, "--ttl"}, "--ttl needs a value"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, token(w, rows[i].args), 2);
        expect_int(rows[i].name, w->said.n_out, 0);
        expect_in(rows[i].name, w->said.err, rows[i].said);
    }
}

static void without_a_key_it_ends_with_1(void **state)
{
    struct world *w = *state;
    char path[512];

    folder_path(path, &w->folder, "no/such");
    assert_int_equal(token(w, ARGS(ADDRESS, "--data", path)), 1);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "can't be made");
}

static void help_tells_of_the_address(void **state)
{
    struct world *w = *state;

    assert_int_equal(token(w, ARGS("--help")), 0);
    assert_int_equal(w->said.n_err, 0);
    expect_in("usage", w->said.out, "parley token ADDRESS [OPTIONS]\n");
    expect_in("default", w->said.out, "(./parley-data)");
    assert_int_equal(token(w, ARGS("-h", ADDRESS)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prints_a_token_that_the_server_accepts),
        TEST(takes_its_options_on_both_sides_of_the_address),
        TEST(looks_where_the_server_looks),
        TEST(a_wrong_use_prints_no_token_and_ends_with_2),
        TEST(without_a_key_it_ends_with_1),
        TEST(help_tells_of_the_address),
    };
    return cmocka_run_group_tests_name("cli/token", tests, NULL, NULL);
}
