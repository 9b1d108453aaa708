#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/account.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "io/local.h"
#include "json/json.h"
#include "server/admin_socket.h"
#include "store/mem.h"
#include "support/beside.h"
#include "support/folder.h"
#include "support/last_line.h"
#include "support/limits.h"

#define ALICE       "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define ANSWER_MAX  4096
#define ASKED_MS    10000
#define N_TURNS_MAX 200000

/** The socket on a store in memory, and an operator who sends bytes. */
struct world {
    struct folder folder;
    struct loop *loop;
    struct store *store;
    struct auth_sessions *sessions;
    struct admin_socket *socket;
    char path[512];
    struct buf question;
    struct buf answer;
    int asked; // what local_ask() has returned
    unsigned n_revoked;
    struct auth_revocation revoked; // the last one, without its session
    char session[AUTH_SESSION_SIZE];
    struct last_line logged;
};

static void on_revoked(void *arg, const struct auth_revocation *what)
{
    struct world *w = arg;

    w->n_revoked++;
    w->revoked = *what;
    w->session[str_copy(w->session, what->session).len] = '\0';
}

static void open_socket(struct world *w)
{
    const struct admin_socket_config config = {
        .loop = w->loop,
        .data = str_of(w->folder.path),
        .sessions = w->sessions,
        .home_chain = 1,
    };
    assert_int_equal(admin_socket_open(&w->socket, &config), 0);
}

static int setup(void **state)
{
    const struct store_limits limits = limits_of(10, 10);
    struct world *w = NEW(struct world);

    log_set_sink(last_line_keep, &w->logged);
    folder_make(&w->folder);
    folder_path(w->path, &w->folder, ADMIN_SOCKET_FILE);
    assert_int_equal(loop_new(&w->loop), 0);
    w->store = store_mem_new(&w->loop->later, crypto_random(), &limits);
    w->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = store_mem_auth(w->store),
        .clock = &w->loop->clock,
        .rand = crypto_random(),
        .timers = &w->loop->timers,
        .access_ms = 1000,
        .session_ms = 1000,
    });
    auth_sessions_on_revoked(w->sessions, on_revoked, w);
    open_socket(w);
    buf_init(&w->question, 1 << 20);
    buf_init(&w->answer, ANSWER_MAX);
    *state = w;
    return 0;
}

static void turn_until_idle(struct world *w)
{
    for (int i = 0; w->loop->n_streams > 0 || !auth_sessions_is_idle(w->sessions); i++) {
        assert_true(i < N_TURNS_MAX);
        loop_run_once(w->loop);
    }
    loop_run_once(w->loop); // the last jobs
}

static int teardown(void **state)
{
    struct world *w = *state;

    admin_socket_close(w->socket);
    turn_until_idle(w);
    admin_socket_free(w->socket);
    auth_sessions_free(w->sessions);
    store_free(w->store);
    loop_free(w->loop);
    buf_fini(&w->question);
    buf_fini(&w->answer);
    folder_remove(&w->folder);
    log_set_sink(NULL, NULL);
    free(w);
    return 0;
}

// Asking.

static void send_question(void *arg)
{
    struct world *w = arg;
    w->asked = local_ask(w->path, buf_str(&w->question), &w->answer, ASKED_MS);
}

static void ask_bytes(struct world *w)
{
    buf_clear(&w->answer);
    beside(w->loop, send_question, w);
    expect_int("asked", w->asked, 0);
}

/** @param line  "POST /v1/revoke" */
static void ask(struct world *w, const char *line, str body)
{
    buf_clear(&w->question);
    const int r = buf_addf(&w->question,
                           "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                           "Content-Length: %zu\r\n\r\n" STR_FMT,
                           line, body.len, STR_ARG(body));
    assert_int_equal(r, 0);
    ask_bytes(w);
}

/** @return the answer's body, which is gone with the next */
static struct json *body_of(struct world *w, const char *what, unsigned status)
{
    struct json *j = NULL;
    char line[32];

    snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    if (!str_starts(buf_str(&w->answer), str_of(line))) {
        fail_msg("%s: %u was expected, and came: " STR_FMT, what, status,
                 STR_ARG(buf_str(&w->answer)));
    }
    const char *end = memmem(buf_ptr(&w->answer), w->answer.len, "\r\n\r\n", 4);
    assert_non_null(end);
    buf_consume(&w->answer, (size_t)(end - buf_ptr(&w->answer)) + 4);
    expect_int(what, json_parse(&j, buf_ptr(&w->answer), w->answer.len), 0);
    return j;
}

static void expect_sessions(struct world *w, int64_t want)
{
    CLEANUP(json_freep) struct json *j = body_of(w, "ok", 200);
    int64_t n = -1;

    expect_str("status", json_text(json_member(j, "status")), STR("ok"));
    assert_true(json_integer_of(json_member(j, "sessions"), &n));
    expect_int("sessions", n, want);
}

static void expect_error(struct world *w, const char *what, unsigned status, const char *code)
{
    CLEANUP(json_freep) struct json *j = body_of(w, what, status);
    const struct json *error = json_member(j, "error");

    expect_str(what, json_text(json_member(j, "status")), STR("error"));
    expect_str(what, json_text(json_member(error, "code")), str_of(code));
    assert_true(json_text(json_member(error, "message")).len > 0);
    expect_int(what, w->n_revoked, 0);
}

// What is revoked.

static void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    unsigned *n = arg;

    (void)b;
    assert_int_equal(r, 0);
    ++*n;
}

static void begin_sessions(struct world *w, const account *a, const char *const *names)
{
    const int64_t now_ms = clock_unix_ms(&w->loop->clock);
    unsigned n_begun = 0;
    unsigned n = 0;

    for (; names[n]; n++) {
        const struct auth_store_begin begin = {
            .account = *a,
            .session = str_of(names[n]),
            .nonce = str_of(names[n]),
            .nonce_until_ms = now_ms + ASKED_MS,
            .now_ms = now_ms,
            .expires_at_ms = now_ms + ASKED_MS,
            .revoked_until_ms = now_ms + ASKED_MS,
        };
        auth_store_begin(store_mem_auth(w->store), &begin, on_begun, &n_begun);
        loop_run_once(w->loop);
    }
    assert_int_equal(n_begun, n);
}

static account alice(void)
{
    account a;

    assert_int_equal(auth_account_parse(&a, STR(ALICE), 1), 0);
    return a;
}

static void revokes_an_account(void **state)
{
    struct world *w = *state;
    const account a = alice();
    const int64_t before_ms = clock_unix_ms(&w->loop->clock);

    begin_sessions(w, &a, (const char *const[]){"one", "two", NULL});
    ask(w, "POST /v1/revoke", STR("{\"account\":\"eip155:1:" ALICE "\"}"));
    expect_sessions(w, 2);
    assert_int_equal(w->n_revoked, 1);
    assert_true(account_eq(&w->revoked.account, &a));
    assert_string_equal(w->session, "");
    assert_true(w->revoked.before_ms >= before_ms);
    assert_non_null(strstr(w->logged.text, "level=info"));
    assert_non_null(
        strstr(w->logged.text, "event=admin_revoke account=" ALICE " sessions=2\n"));
    ask(w, "POST /v1/revoke", STR("{\"account\":\"" ALICE "\"}"));
    expect_sessions(w, 0);
}

static void revokes_a_session(void **state)
{
    struct world *w = *state;
    const account a = alice();

    begin_sessions(w, &a, (const char *const[]){"one", "two", NULL});
    ask(w, "POST /v1/revoke", STR("{\"session\":\"two\"}"));
    expect_sessions(w, 1);
    assert_int_equal(w->n_revoked, 1);
    assert_string_equal(w->session, "two");
    assert_int_equal(w->revoked.account.len, 0);
    assert_non_null(strstr(w->logged.text, "event=admin_revoke session=\"two\" sessions=1\n"));
    ask(w, "POST /v1/revoke", STR("{\"session\":\"\\\"\"}"));
    expect_sessions(w, 0);
    assert_non_null(strstr(w->logged.text, "event=admin_revoke session=\"\\\"\" sessions=0\n"));
}

static void refuses_what_is_no_request(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *line;
        const char *body;
        unsigned status;
        const char *code;
    } rows[] = {
        {"another path", "POST /v1/revok", "{}", 404, "not_found"},
        {"a longer path", "POST /v1/revoke/", "{}", 404, "not_found"},
        {"no path of the api's", "GET /metrics", "", 404, "not_found"},
        {"GET", "GET /v1/revoke", "", 405, "bad_request"},
        {"no body", "POST /v1/revoke", "", 400, "bad_request"},
        {"no JSON", "POST /v1/revoke", "account=x", 400, "bad_request"},
        {"an array", "POST /v1/revoke", "[]", 400, "bad_request"},
        {"nothing", "POST /v1/revoke", "{}", 400, "bad_request"},
        {"both", "POST /v1/revoke", "{\"account\":\"" ALICE "\",\"session\":\"one\"}", 400, "bad_request"},
        {"one twice", "POST /v1/revoke", "{\"session\":\"one\",\"session\":\"two\"}", 400, "bad_request"},
        {"no account", "POST /v1/revoke", "{\"account\":\"alice\"}", 400, "bad_request"},
        {"a wrong checksum", "POST /v1/revoke", "{\"account\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed\"}", 400, "bad_request"},
        {"a number", "POST /v1/revoke", "{\"session\":1}", 400, "bad_request"},
        {"an empty name", "POST /v1/revoke", "{\"session\":\"\"}", 400, "bad_request"},
        {"a name with a space", "POST /v1/revoke", "{\"session\":\"a b\"}", 400, "bad_request"},
        {"a name with a NUL", "POST /v1/revoke", "{\"session\":\"a\\u0000\"}", 400, "bad_request"},
    };
    // clang-format on
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ask(w, rows[i].line, str_of(rows[i].body));
        expect_error(w, rows[i].name, rows[i].status, rows[i].code);
    }
}

/** {"session":"xxx…"} of so many characters. */
static void ask_for_name(struct world *w, size_t n)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    int r = buf_add(&body, STR("{\"session\":\""));
    for (size_t i = 0; i < n; i++)
        r |= buf_add(&body, STR("x"));
    r |= buf_add(&body, STR("\"}"));
    assert_int_equal(r, 0);
    ask(w, "POST /v1/revoke", buf_str(&body));
    buf_fini(&body);
}

static void a_name_may_be_so_long_and_no_longer(void **state)
{
    struct world *w = *state;

    ask_for_name(w, AUTH_SESSION_SIZE);
    expect_error(w, "one more", 400, "bad_request");
    ask_for_name(w, AUTH_SESSION_SIZE - 1);
    expect_sessions(w, 0);
}

static void a_body_may_be_so_long_and_no_longer(void **state)
{
    static const size_t around = sizeof("{\"session\":\"\"}") - 1;
    struct world *w = *state;

    ask_for_name(w, ADMIN_SOCKET_BODY_MAX - around);
    expect_error(w, "the longest, no name all the same", 400, "bad_request");
    ask_for_name(w, ADMIN_SOCKET_BODY_MAX - around + 1);
    expect_error(w, "one more", 413, "too_large");
}

static void says_when_the_store_is_out_of_reach(void **state)
{
    struct world *w = *state;

    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 1);
    ask(w, "POST /v1/revoke", STR("{\"session\":\"one\"}"));
    expect_error(w, "unavailable", 503, "storage_unavailable");
}

static void answers_one_after_the_other_on_a_connection(void **state)
{
    struct world *w = *state;
    const int r = buf_add(&w->question, STR("POST /v1/revoke HTTP/1.1\r\nHost: x\r\n"
                                            "Content-Length: 17\r\n\r\n{\"session\":\"one\"}"
                                            "GET / HTTP/1.1\r\nHost: x\r\n"
                                            "Connection: close\r\n\r\n"));

    assert_int_equal(r, 0);
    ask_bytes(w);
    assert_non_null(memmem(buf_ptr(&w->answer), w->answer.len, "\"sessions\":0", 12));
    assert_non_null(memmem(buf_ptr(&w->answer), w->answer.len, "HTTP/1.1 404 ", 13));
}

// Its life.

static void the_socket_is_there_until_it_is_closed(void **state)
{
    struct world *w = *state;
    struct stat st;

    assert_int_equal(lstat(w->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    expect_int("mode", st.st_mode & 07777, 0600);
    admin_socket_close(w->socket);
    assert_int_equal(lstat(w->path, &st), -1);
    admin_socket_close(w->socket); // once more is fine
    admin_socket_close(NULL);
    admin_socket_free(NULL);
}

/** The operator is gone before its answer, and the socket before the store has answered. */
static void what_is_under_way_is_done_all_the_same(void **state)
{
    struct world *w = *state;
    struct buf question;

    ask(w, "POST /v1/revoke", STR("{\"session\":\"zero\"}"));
    w->n_revoked = 0;
    buf_init(&question, ANSWER_MAX);
    const int r = buf_add(&question, buf_str(&w->question));
    assert_int_equal(r, 0);
    // Nobody turns the loop: the question waits, and who has asked it goes.
    buf_clear(&w->answer);
    assert_int_equal(local_ask(w->path, buf_str(&question), &w->answer, 20), LOCAL_LATE);
    buf_fini(&question);
    loop_run_once(w->loop);
    loop_run_once(w->loop);
    admin_socket_close(w->socket);
    turn_until_idle(w);
    assert_int_equal(w->n_revoked, 1);
    assert_string_equal(w->session, "zero");
}

static int dial(struct world *w)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(str_of(w->path).len < sizeof(to.sun_path));
    str_copy(to.sun_path, str_of(w->path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/** Turn until so many connections are there. */
static void wait_for_streams(struct world *w, size_t n)
{
    for (int i = 0; w->loop->n_streams != n; i++) {
        assert_true(i < N_TURNS_MAX);
        loop_run_once(w->loop);
    }
}

static void has_room_for_so_many_whatever_clients_have(void **state)
{
    struct world *w = *state;
    int fds[ADMIN_SOCKET_STREAMS_MAX];

    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = dial(w);
        wait_for_streams(w, i + 1);
    }
    buf_clear(&w->answer);
    beside(w->loop, send_question, w);
    assert_true(w->asked < 0 || w->answer.len == 0); // turned away

    close(fds[0]);
    wait_for_streams(w, COUNT_OF(fds) - 1);
    ask(w, "POST /v1/revoke", STR("{\"session\":\"one\"}"));
    expect_sessions(w, 0);
    for (size_t i = 1; i < COUNT_OF(fds); i++)
        close(fds[i]);
}

static void a_path_may_be_so_long_and_no_longer(void **state)
{
    char data[ADMIN_SOCKET_PATH_SIZE];
    char path[ADMIN_SOCKET_PATH_SIZE];
    const size_t longest = ADMIN_SOCKET_PATH_SIZE - sizeof("/" ADMIN_SOCKET_FILE);

    (void)state;
    memset(data, 'x', sizeof(data));
    assert_int_equal(admin_socket_path(path, (str){data, longest}), 0);
    assert_int_equal(strlen(path), ADMIN_SOCKET_PATH_SIZE - 1);
    assert_int_equal(admin_socket_path(path, (str){data, longest + 1}), ADMIN_SOCKET_TOO_LONG);
    assert_int_equal(admin_socket_path(path, STR("/var/lib/parley")), 0);
    assert_string_equal(path, "/var/lib/parley/admin.sock");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(revokes_an_account),
        TEST(revokes_a_session),
        TEST(refuses_what_is_no_request),
        TEST(a_name_may_be_so_long_and_no_longer),
        TEST(a_body_may_be_so_long_and_no_longer),
        TEST(says_when_the_store_is_out_of_reach),
        TEST(answers_one_after_the_other_on_a_connection),
        TEST(the_socket_is_there_until_it_is_closed),
        TEST(what_is_under_way_is_done_all_the_same),
        TEST(has_room_for_so_many_whatever_clients_have),
        TEST(a_path_may_be_so_long_and_no_longer),
    };
    return cmocka_run_group_tests_name("server/admin_socket", tests, NULL, NULL);
}
