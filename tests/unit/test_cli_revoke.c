#include <errno.h>

#include "auth/account.h"
#include "auth/sessions.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/revoke.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/local.h"
#include "io/loop.h"
#include "server/admin_socket.h"
#include "server/keys.h"
#include "store/front.h"
#include "store/mem.h"
#include "store/sqlite.h"
#include "support/beside.h"
#include "support/cli.h"
#include "support/folder.h"
#include "support/limits.h"
#include "support/said.h"

#define ADDRESS "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define SOLANA                                                                                 \
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:DAWBRg2kNrwquVCmVoLPB9CBDy4SHCfp6Yc5mQ7W7MwC"

struct world {
    struct folder folder;
    char data[256];
    struct said said;
    struct loop *loop;
    const char *const *args;
    int code;
    int64_t done_ms; // Unix; when it had returned
};

static void drop_line(void *arg, str line)
{
    (void)arg, (void)line;
}

static int setup(void **state)
{
    static struct world w;
    char path[512];

    w = (struct world){0};
    log_set_sink(drop_line, NULL);
    folder_make(&w.folder);
    folder_path(path, &w.folder, "d");
    assert_true(strlen(path) < sizeof(w.data));
    str_copy(w.data, str_of(path));
    assert_int_equal(loop_new(&w.loop), 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    said_free(&w->said);
    loop_free(w->loop);
    folder_remove(&w->folder);
    log_set_sink(NULL, NULL);
    return 0;
}

static void run(void *arg)
{
    struct world *w = arg;

    w->code = cli_run(revoke_main, w->args);
    w->done_ms = clock_unix_ms(loop_wall_clock());
}

/** `parley revoke` with these words, up to NULL, while our loop turns. @return its exit code */
static int end(struct world *w, const char *const *args)
{
    said_free(&w->said);
    w->args = args;
    said_start(&w->said);
    beside(w->loop, run, w);
    said_stop(&w->said);
    return w->code;
}

/** A directory that a server, or `parley token`, has made. */
static void make_data(struct world *w)
{
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    assert_int_equal(keys_own(&pem, str_of(w->data), crypto_random()), 0);
    secret_buf_fini(&pem);
}

static account account_of_text(const char *text)
{
    account a;

    assert_int_equal(auth_account_parse(&a, str_of(text), 1), 0);
    return a;
}

// Without a server.

static void open_store(struct world *w, struct store **store)
{
    const struct store_sqlite_config config = {.dir = w->data, .rand = crypto_random()};
    assert_int_equal(store_sqlite_open(store, w->loop, &config), 0);
}

struct seen {
    struct world *w;
    size_t n;
    bool has_account; // ADDRESS, up to before_ms
    bool has_session; // "tab-1"
    int64_t before_ms;
    int64_t until_ms;
};

static void on_page(void *arg, int r, const struct auth_store_revocations_page *page)
{
    struct seen *s = arg;
    const account a = account_of_text(ADDRESS);

    assert_int_equal(r, 0);
    s->n = page->n_revocations;
    for (size_t i = 0; i < page->n_revocations; i++) {
        const struct auth_revocation *v = &page->revocations[i];
        s->until_ms = v->until_ms;
        s->has_session |= str_eq(v->session, STR("tab-1"));
        if (account_eq(&v->account, &a)) {
            s->has_account = true;
            s->before_ms = v->before_ms;
        }
    }
    loop_stop(s->w->loop);
}

/** What the next server will find. */
static struct seen look(struct world *w)
{
    struct store *store = NULL;
    struct seen s = {.w = w};

    open_store(w, &store);
    auth_store_revocations(store_front_auth(store),
                           &(struct auth_store_revocations){
                               .now_ms = clock_unix_ms(&w->loop->clock), .max_revocations = 9},
                           on_page, &s);
    loop_run(w->loop);
    store_free(store);
    return s;
}

static void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    struct world *w = arg;

    (void)b;
    assert_int_equal(r, 0);
    loop_stop(w->loop);
}

static void begin_session(struct world *w, const char *name)
{
    struct store *store = NULL;
    const int64_t now_ms = clock_unix_ms(&w->loop->clock);

    open_store(w, &store);
    auth_store_begin(store_front_auth(store),
                     &(struct auth_store_begin){.account = account_of_text(ADDRESS),
                                                .session = str_of(name),
                                                .nonce = str_of(name),
                                                .nonce_until_ms = now_ms + 60000,
                                                .now_ms = now_ms,
                                                .expires_at_ms = now_ms + 60000,
                                                .revoked_until_ms = now_ms + 60000},
                     on_begun, w);
    loop_run(w->loop);
    store_free(store);
}

static void without_a_server_it_writes_to_the_store(void **state)
{
    struct world *w = *state;
    const int64_t start_ms = clock_unix_ms(loop_wall_clock());

    make_data(w);
    begin_session(w, "one");
    begin_session(w, "two");
    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 0);
    assert_int_equal(w->said.n_err, 0);
    assert_string_equal(w->said.out, "2 sessions ended; all tokens issued to " ADDRESS
                                     " until now are refused\n");
    struct seen s = look(w);
    assert_true(s.has_account);
    assert_in_range(s.before_ms - start_ms, 0, 60000);
    assert_int_equal(s.until_ms - s.before_ms, AUTH_REVOKED_MS);
    // What is issued now says so to the second, and is of a later one.
    assert_true(w->done_ms / 1000 * 1000 > s.before_ms);

    begin_session(w, "tab-1");
    assert_int_equal(end(w, ARGS("--data", w->data, "tab-1")), 0);
    assert_string_equal(w->said.out, "1 session ended; its tokens are refused\n");
    assert_int_equal(end(w, ARGS("--data", w->data, "tab-1")), 0);
    expect_in("none", w->said.out, "0 sessions ended: ");
    s = look(w);
    assert_int_equal(s.n, 2);
    assert_true(s.has_session);
}

/** Of a host, or of an older server. */
static void a_name_that_looks_like_an_option_stands_behind_two_dashes(void **state)
{
    struct world *w = *state;

    make_data(w);
    begin_session(w, "-tab");
    assert_int_equal(end(w, ARGS("-tab", "--data", w->data)), 2);
    assert_int_equal(end(w, ARGS("--data", w->data, "--", "-tab")), 0);
    assert_string_equal(w->said.out, "1 session ended; its tokens are refused\n");
}

static void takes_each_form_of_an_account(void **state)
{
    static const char *const forms[] = {ADDRESS, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
                                        ("eip155:10:" ADDRESS), SOLANA};
    struct world *w = *state;

    make_data(w);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        expect_int(forms[i], end(w, ARGS(forms[i], "--data", w->data)), 0);
        expect_in(forms[i], w->said.out, "until now are refused\n");
    }
    const struct seen s = look(w);
    assert_int_equal(s.n, COUNT_OF(forms) - 1); // the first two are one
    assert_true(s.has_account);
}

static void looks_where_the_server_looks(void **state)
{
    struct world *w = *state;
    char path[512];
    char text[700];

    folder_path(path, &w->folder, "parley.conf");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    snprintf(text, sizeof(text),
             "data = %s\nhome-chain = 137\n"
             "[issuer idp]\njwks-url = https://idp.test/keys\n", // of which nothing is asked
             w->data);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    make_data(w);

    assert_int_equal(end(w, ARGS("eip155:137:" ADDRESS, "--config", path)), 0);
    assert_true(look(w).has_account); // the same bytes as 0x… where it is at home

    // NOLINTBEGIN(concurrency-mt-unsafe): no other thread runs
    assert_int_equal(setenv("PARLEY_DATA", w->data, 1), 0);
    assert_int_equal(end(w, ARGS("tab-1")), 0);
    assert_int_equal(unsetenv("PARLEY_DATA"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    assert_true(look(w).has_session);
}

static void makes_no_data_directory(void **state)
{
    struct world *w = *state;

    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 1);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "is no data directory of a server. Nothing was revoked.");
    assert_int_equal(access(w->data, F_OK), -1);

    assert_int_equal(mkdir(w->data, 0700), 0); // of something else
    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 1);
    assert_int_equal(folder_count(w->data), 0);
}

static void says_when_a_process_has_the_store_and_does_not_listen(void **state)
{
    struct world *w = *state;
    struct store *store = NULL;

    make_data(w);
    open_store(w, &store);
    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 1);
    store_free(store);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "is open in another process, which listens to nobody");
    expect_in("what now", w->said.err, "try again in a moment");
    assert_int_equal(look(w).n, 0);
}

static void says_when_it_cannot_open_the_store(void **state)
{
    struct world *w = *state;
    char path[512];

    make_data(w);
    snprintf(path, sizeof(path), "%s/parley.db", w->data);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_true(fputs("this is no database\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(end(w, ARGS("tab-1", "--data", w->data)), 1);
    expect_in("why", w->said.err, "can't be opened. Nothing was revoked.");
}

// By a server.

/** One that is there but for its clients. */
struct server {
    struct store *store;
    struct auth_sessions *sessions;
    struct admin_socket *socket;
    struct auth_revocation revoked; // the last one; without its session
    char session[AUTH_SESSION_SIZE];
};

static void on_revoked(void *arg, const struct auth_revocation *what)
{
    struct server *s = arg;

    s->revoked = *what;
    s->session[str_copy(s->session, what->session).len] = '\0';
}

static void server_start(struct world *w, struct server *s, uint64_t home_chain)
{
    const struct store_limits limits = limits_of(10, 10);

    make_data(w);
    *s = (struct server){0};
    s->store = store_mem_new(&w->loop->later, crypto_random(), &limits);
    s->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = store_mem_auth(s->store),
        .clock = &w->loop->clock,
        .rand = crypto_random(),
        .timers = &w->loop->timers,
        .access_ms = 1000,
        .session_ms = 1000,
    });
    auth_sessions_on_revoked(s->sessions, on_revoked, s);
    assert_int_equal(admin_socket_open(&s->socket,
                                       &(struct admin_socket_config){
                                           .loop = w->loop,
                                           .data = str_of(w->data),
                                           .sessions = s->sessions,
                                           .home_chain = home_chain,
                                       }),
                     0);
}

static void server_stop(struct world *w, struct server *s)
{
    admin_socket_close(s->socket);
    while (w->loop->n_streams > 0)
        loop_run_once(w->loop);
    loop_run_once(w->loop);
    admin_socket_free(s->socket);
    auth_sessions_free(s->sessions);
    store_free(s->store);
}

static void a_server_that_runs_is_asked_to(void **state)
{
    struct world *w = *state;
    const account a = account_of_text(ADDRESS);
    struct server s;

    server_start(w, &s, 1);
    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 0);
    assert_int_equal(w->said.n_err, 0);
    expect_in("said", w->said.out, "0 sessions ended; all tokens issued to " ADDRESS " until");
    assert_true(account_eq(&s.revoked.account, &a));
    assert_true(w->done_ms / 1000 * 1000 > s.revoked.before_ms);

    assert_int_equal(end(w, ARGS("\"\\tab", "--data", w->data)), 0);
    assert_string_equal(s.session, "\"\\tab");
    server_stop(w, &s);
    assert_int_equal(folder_count(w->data), 1); // the key alone: it has opened no store
}

/** Whose options may be others than those that we can read. */
static void the_server_knows_which_chain_is_its_home(void **state)
{
    struct world *w = *state;
    const account a = account_of_text(ADDRESS);
    struct server s;

    server_start(w, &s, 137);
    assert_int_equal(end(w, ARGS("eip155:137:" ADDRESS, "--data", w->data)), 0);
    assert_true(account_eq(&s.revoked.account, &a));
    assert_int_equal(end(w, ARGS("eip155:1:" ADDRESS, "--data", w->data)), 0);
    assert_false(account_eq(&s.revoked.account, &a));
    server_stop(w, &s);
}

static void says_what_the_server_refuses(void **state)
{
    struct world *w = *state;
    struct server s;

    server_start(w, &s, 1);
    store_mem_fail_auth(s.store, AUTH_STORE_UNAVAILABLE, 1);
    assert_int_equal(end(w, ARGS(ADDRESS, "--data", w->data)), 1);
    assert_int_equal(w->said.n_out, 0);
    expect_in("why", w->said.err, "parley revoke: the server has revoked nothing: ");
    server_stop(w, &s);
}

// By what is no server.

struct other {
    const char *answer;
    struct stream *stream;
};

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct other *o = owner;
    struct stream *s = STEAL(o->stream);

    (void)bytes, (void)n;
    assert_int_equal(stream_write(s, str_of(o->answer)), 0);
    stream_close(s);
}

static void on_end(void *owner, enum stream_end end)
{
    struct other *o = owner;
    struct stream *s = STEAL(o->stream);

    (void)end;
    stream_abort(s);
}

static const struct stream_events other_events = {.on_bytes = on_bytes, .on_end = on_end};

static void on_accept(void *arg, struct stream *s)
{
    struct other *o = arg;

    o->stream = s;
    stream_set_owner(s, &other_events, o);
}

static void what_answers_nonsense_is_not_believed(void **state)
{
    static const char *const answers[] = {
        "",
        "hello\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{",
        "HTTP/1.1 200 OK\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"sessions\":\"1\"}",
        "HTTP/1.1 408 Request Timeout\r\n\r\n",
    };
    struct world *w = *state;
    struct listener *listener = NULL;
    struct other other = {0};
    const struct tcp_listen how = {.max_queued = 4096, .on_accept = on_accept, .arg = &other};
    char path[ADMIN_SOCKET_PATH_SIZE];

    make_data(w);
    assert_int_equal(admin_socket_path(path, str_of(w->data)), 0);
    assert_int_equal(local_listen(&listener, w->loop, path, &how), 0);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        other.answer = answers[i];
        expect_int(answers[i], end(w, ARGS("tab-1", "--data", w->data)), 1);
        expect_int(answers[i], w->said.n_out, 0);
        expect_in(answers[i], w->said.err, "Perhaps it has revoked, perhaps not: try again.");
    }
    listener_close(listener);
    while (w->loop->n_streams > 0)
        loop_run_once(w->loop);
}

// Words.

static void a_wrong_use_revokes_nothing_and_ends_with_2(void **state)
{
    static const char long_name[] =
        "12345678901234567890123456789012345678901234567890123456789012345";
    static const char long_path[] =
        "--data="
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "12345678901234567";
    static const struct {
        const char *name;
        const char *args[4];
        const char *said;
    } table[] = {
        {"nothing", {NULL}, "parley revoke: whose? It needs an ACCOUNT or a SESSION"},
        {"an empty word", {""}, "whose?"},
        {"a wrong checksum", {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"}, "EIP-55"},
        {"a letter that is no digit",
         {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeO"},
         "that is no ACCOUNT"},
        {"another namespace", {"eip155:x:" ADDRESS}, "that is no ACCOUNT"},
        {"no key of Solana's", {"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:x"}, "that is no ACC"},
        {"a space", {"tab 1"}, "nor a SESSION"},
        {"65 characters", {long_name}, "nor a SESSION"},
        {"not ASCII", {"t\xc3\xa4"}, "nor a SESSION"},
        {"two", {"tab-1", "tab-2"}, "'tab-2' is no option"},
        {"no directory", {"tab-1", "--data="}, "--data needs a directory"},
        {"too long a path", {"tab-1", long_path}, "--data: that path is too long"},
        {"an unknown option", {"tab-1", "--dat=x"}, "did you mean --data?"},
        {"a file that is not there", {"tab-1", "--config=/no/such"}, "/no/such"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        expect_int(table[i].name, end(w, table[i].args), 2);
        expect_int(table[i].name, w->said.n_out, 0);
        expect_in(table[i].name, w->said.err, table[i].said);
    }
}

static void help_tells_how_to_begin(void **state)
{
    struct world *w = *state;

    assert_int_equal(end(w, ARGS("--help")), 0);
    assert_int_equal(w->said.n_err, 0);
    expect_in("usage", w->said.out, "parley revoke ACCOUNT|SESSION [OPTIONS]\n");
    expect_in("default", w->said.out, "(./parley-data)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_server_it_writes_to_the_store),
        TEST(a_name_that_looks_like_an_option_stands_behind_two_dashes),
        TEST(takes_each_form_of_an_account),
        TEST(looks_where_the_server_looks),
        TEST(makes_no_data_directory),
        TEST(says_when_a_process_has_the_store_and_does_not_listen),
        TEST(says_when_it_cannot_open_the_store),
        TEST(a_server_that_runs_is_asked_to),
        TEST(the_server_knows_which_chain_is_its_home),
        TEST(says_what_the_server_refuses),
        TEST(what_answers_nonsense_is_not_believed),
        TEST(a_wrong_use_revokes_nothing_and_ends_with_2),
        TEST(help_tells_how_to_begin),
    };
    return cmocka_run_group_tests_name("cli/revoke", tests, NULL, NULL);
}
