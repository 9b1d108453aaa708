#include "cli/revoke.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/sessions.h"
#include "cli/where.h"
#include "crypto/random.h"
#include "io/local.h"
#include "io/loop.h"
#include "json/json.h"
#include "server/admin_socket.h"
#include "server/keys.h"
#include "server/options.h"
#include "server/serve_options.h"
#include "store/front.h"
#include "store/pg.h"
#include "store/sqlite.h"

#define ANSWER_MAX 16384 // bytes of the server's answer, its head included
#define ANSWER_MS  30000 // for the server to answer: its disk may be slow

#define FIELD(name) offsetof(struct where, name)
static const struct option rows[] = {
    {"data", OPTION_TEXT, FIELD(data), NULL, "DIR",
     "the server's data directory (./parley-data)", 0, 0},
    {"config", OPTION_FILE, FIELD(config), NULL, "FILE",
     "the server's file of options, for what it says of DIR and CHAIN", 0, 0},
    {"home-chain", OPTION_COUNT, FIELD(home_chain), NULL, "CHAIN",
     "the chain of 0x... addresses, as the server has it (1)", 1, (UINT64_C(1) << 53) - 1},
};
#undef FIELD

const struct option_table revoke_table = {
    .command = "parley revoke",
    .operand = "ACCOUNT|SESSION",
    .summary =
        "End sessions before their time: of a wallet whose device was lost, say. Live\n"
        "connections end at once, and the tokens are refused from then on, whoever has\n"
        "issued them. The wallet is not locked out: it may sign in anew.\n\n"
        "ACCOUNT ends with all that it was issued until now. It is 0x... of the home\n"
        "chain, or eip155:CHAIN:0x..., or solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:...\n"
        "SESSION ends alone. It is the name that a client is told in 'ready', and that\n"
        "its token has as sid; one that begins with a '-' stands behind '--'.\n\n"
        "A server that runs is asked to, over admin.sock in its data directory; without\n"
        "one its store is written to. Run it as the server's user. Like 'parley serve' it\n"
        "looks into the environment: PARLEY_DATA, PARLEY_CONFIG, PARLEY_HOME_CHAIN,\n"
        "PARLEY_STORE.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

/** What to end, and where. */
struct target {
    str operand;
    const char *data;
    const char *postgres; // a URL; NULL: sessions are in the data directory
    char socket[ADMIN_SOCKET_PATH_SIZE];
    bool is_account;
    account account;
};

static int usage(const char *what)
{
    fprintf(stderr, "parley revoke: %s; 'parley revoke --help' tells more\n", what);
    return 2;
}

static int fail(const struct target *t, const char *what, const char *advice)
{
    fprintf(stderr, "parley revoke: %s %s. Nothing was revoked. %s\n", t->data, what, advice);
    return 1;
}

// What was ended.

/**
 * Tokens say to the second when they were issued. What the wallet gets once we have said that
 * all until now is over shall not be of the second in which it was: wait for the next one.
 */
static void wait_for_next_second(void)
{
    const int64_t left_ms = 1000 - clock_unix_ms(loop_wall_clock()) % 1000;
    const struct timespec wait = {.tv_sec = left_ms / 1000,
                                  .tv_nsec = left_ms % 1000 * 1000000};

    nanosleep(&wait, NULL);
}

static int say_done(const struct target *t, int64_t n)
{
    if (t->is_account) {
        wait_for_next_second();
        printf("%lld session%s ended; all tokens issued to " STR_FMT " until now are refused\n",
               (long long)n, n == 1 ? "" : "s", STR_ARG(t->operand));
    } else if (n > 0) {
        printf("%lld session ended; its tokens are refused\n", (long long)n);
    } else {
        printf(
            "0 sessions ended: the server has begun none of this name, or it is over; "
            "tokens that bear it are refused\n");
    }
    return fflush(stdout) != 0;
}

// Without a server.

struct ending {
    struct loop *loop;
    int r;
    size_t n;
};

static void on_ended(void *arg, int r, size_t n)
{
    struct ending *e = arg;

    e->r = r;
    e->n = n;
    loop_stop(e->loop);
}

static int end_in(struct store *store, struct loop *loop, const struct target *t)
{
    struct ending e = {.loop = loop};
    const int64_t now_ms = clock_unix_ms(&loop->clock);

    auth_store_end(store_front_auth(store),
                   &(struct auth_store_end){
                       .session = t->is_account ? (str){0} : t->operand,
                       .account = t->account,
                       .now_ms = now_ms,
                       .until_ms = now_ms + AUTH_REVOKED_MS,
                   },
                   on_ended, &e);
    loop_run(loop);
    if (e.r == 0)
        return say_done(t, (int64_t)e.n);
    return fail(t, "can't be written to", "The log says why.");
}

static int open_postgres_and_end(struct loop *loop, const struct target *t)
{
    const struct store_pg_config config = {
        .url = t->postgres, .name = "revoke", .rand = crypto_random()};
    struct store *store = NULL;

    if (store_pg_open(&store, loop, &config) != 0) {
        fprintf(
            stderr,
            "parley revoke: the database can't be opened. Nothing was revoked. The log says "
            "why.\n");
        return 1;
    }
    const int code = end_in(store, loop, t);
    store_free(store);
    return code;
}

static int open_and_end(struct loop *loop, const struct target *t)
{
    const struct store_sqlite_config config = {.dir = t->data, .rand = crypto_random()};
    struct store *store = NULL;

    signal(SIGHUP, SIG_IGN); // rotate-key takes whoever has the directory for a server
    const int r = store_sqlite_open(&store, loop, &config);
    if (r == -EBUSY) {
        return fail(t, "is open in another process, which listens to nobody",
                    "If that is a server, it starts or stops: try again in a moment.");
    }
    if (r != 0)
        return fail(t, "can't be opened", "The log says why.");
    const int code = end_in(store, loop, t);
    store_free(store);
    return code;
}

/** Opening the store would make one. Tokens may be there before it: of `parley token`. */
static bool is_data(const char *dir)
{
    static const char *const files[] = {"parley.db", KEYS_OWN_FILE};
    char path[ADMIN_SOCKET_PATH_SIZE];

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        const int n = snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        if (n < (int)sizeof(path) && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static int revoke_here(const struct target *t)
{
    struct loop *loop = NULL;

    if (!t->postgres && !is_data(t->data)) {
        return fail(t, "is no data directory of a server",
                    "--data names the one that 'parley serve' has.");
    }
    if (loop_new(&loop) != 0)
        return 1;
    const int code = t->postgres ? open_postgres_and_end(loop, t) : open_and_end(loop, t);
    loop_free(loop);
    return code;
}

// By a server that runs.

static void print_question(struct buf *out, const struct target *t)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    // As it was typed: the server knows best which chain is its home.
    int r = buf_addf(&body, "{\"%s\":", t->is_account ? "account" : "session");
    r |= json_print_str(&body, t->operand);
    r |= buf_add(&body, STR("}"));
    r |= buf_addf(out,
                  "POST /v1/revoke HTTP/1.1\r\nHost: parley\r\nConnection: close\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n" STR_FMT,
                  body.len, STR_ARG(buf_str(&body)));
    assert(r == 0);
    (void)r;
    buf_fini(&body);
}

static int say_no_answer(const struct target *t)
{
    fprintf(stderr,
            "parley revoke: a server listens at %s, and gives no answer that makes sense. "
            "Perhaps it has revoked, perhaps not: try again.\n",
            t->socket);
    return 1;
}

static int read_answer(const struct target *t, const struct json *answer)
{
    const struct json *error = json_member(answer, "error");
    const str message = json_text(json_member(error, "message"));
    int64_t n = 0;

    if (json_integer_of(json_member(answer, "sessions"), &n))
        return say_done(t, n);
    if (message.len == 0)
        return say_no_answer(t);
    fprintf(stderr, "parley revoke: the server has revoked nothing: " STR_FMT "\n",
            STR_ARG(message));
    return 1;
}

/** @param text  a whole answer, head and body, which may be changed */
static int parse_answer(const struct target *t, struct buf *text)
{
    CLEANUP(json_freep) struct json *answer = NULL;
    const char *body = text->len > 0 ? memmem(buf_ptr(text), text->len, "\r\n\r\n", 4) : NULL;

    if (!body)
        return say_no_answer(t);
    buf_consume(text, (size_t)(body - buf_ptr(text)) + 4);
    if (json_parse(&answer, buf_ptr(text), text->len) != 0)
        return say_no_answer(t);
    return read_answer(t, answer);
}

static int ask_server(const struct target *t)
{
    struct buf question;
    struct buf answer;
    int code = 1;

    buf_init(&question, SIZE_MAX / 2);
    buf_init(&answer, ANSWER_MAX);
    print_question(&question, t);
    switch (local_ask(t->socket, buf_str(&question), &answer, ANSWER_MS)) {
    case 0: code = parse_answer(t, &answer); break;
    case LOCAL_NOBODY: code = revoke_here(t); break;
    case LOCAL_LATE: code = say_no_answer(t); break;
    default:
        fprintf(stderr,
                "parley revoke: can't ask the server at %s; the log says why. Run this as the "
                "server's user.\n",
                t->socket);
        break;
    }
    buf_fini(&answer);
    buf_fini(&question);
    return code;
}

// The arguments.

/** An address with a wrong digit shall not be taken for the name of a session. */
static bool looks_like_account(str s)
{
    return (s.len == 42 && str_starts(s, STR("0x"))) || str_starts(s, STR("eip155:")) ||
           str_starts(s, STR("solana:"));
}

static int read_operand(struct target *t, const struct where *v)
{
    if (t->operand.len == 0)
        return usage("whose? It needs an ACCOUNT or a SESSION");
    t->is_account = auth_account_parse(&t->account, t->operand, v->home_chain) == 0;
    if (t->is_account)
        return 0;
    if (looks_like_account(t->operand)) {
        return usage(
            "that is no ACCOUNT: not 0x and 40 hex digits, nor CAIP-10, or a capital letter of "
            "it is wrong (EIP-55)");
    }
    if (!auth_is_session_name(t->operand)) {
        return usage(
            "that is no ACCOUNT, nor a SESSION, whose name has 1 to 64 printable characters "
            "and no space");
    }
    return 0;
}

static int read_target(struct target *t, const struct where *v)
{
    const int code = read_operand(t, v);

    if (code != 0)
        return code;
    if (v->data.len == 0)
        return usage("--data needs a directory");
    if (admin_socket_path(t->socket, v->data) != 0) {
        return usage(
            "--data: that path is too long for the socket in it; name a link to it, or a "
            "path relative to here");
    }
    return 0;
}

static int check_and_revoke(str operand, const struct where *v)
{
    struct target t = {.operand = operand};
    char *data = str_dup(v->data); // in a file no NUL stands behind it
    char *store = str_dup(v->store);

    t.data = data;
    t.postgres = str_eq(v->store, STR("sqlite")) ? NULL : store;
    int code = read_target(&t, v);
    if (code == 0)
        code = ask_server(&t);
    free(data);
    free(store);
    return code;
}

int revoke_main(int argc, char **argv)
{
    struct where v = {0};
    struct buf file;

    const str operand = options_take_operand(&revoke_table, &argc, argv);
    const struct options_from from = {.argc = argc, .argv = argv};
    const int r = options_parse(&revoke_table, &v, &from);
    if (r != 0)
        return r == OPTIONS_HELP ? 0 : 2;
    buf_init(&file, OPTIONS_FILE_MAX + 1);
    int code = where_read(&v, &file);
    if (code == 0)
        code = check_and_revoke(operand, &v);
    buf_fini(&file);
    return code;
}
