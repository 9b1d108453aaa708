#include "cli/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/sql_print.h"
#include "cli/where.h"
#include "server/options.h"
#include "server/serve_options.h"

#define STATEMENT_MAX 1048576 // bytes of what is read from stdin until a ';'

struct values {
    struct where where;
    bool is_json;
    bool without_index;
    int64_t timeout_ms;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"json", OPTION_FLAG, FIELD(is_json), NULL, "", "a JSON object for each row, on a line", 0,
     0},
    {"timeout", OPTION_DURATION, FIELD(timeout_ms), "10s", "DURATION",
     "how long a statement may take, at most 24h", 1, 86400000},
    {"no-index", OPTION_FLAG, FIELD(without_index), NULL, "",
     "do without index.db, which may be damaged: go through all of the log", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the server's data directory (./parley-data)", 0, 0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of DIR and CHAIN", 0, 0},
    {"home-chain", OPTION_COUNT, FIELD(where.home_chain), NULL, "CHAIN",
     "the chain of 0x... addresses, as the server has it (1)", 1, (UINT64_C(1) << 53) - 1},
};
#undef FIELD

const struct option_table sql_table = {
    .command = "parley sql",
    .operand = "[STATEMENTS]",
    .summary =
        "Look into a store with SQL, whether a server runs on it or not. Without STATEMENTS\n"
        "they are read from stdin, each up to its ';'. It reads only, and holds nobody up:\n"
        "a statement that takes longer than --timeout is ended. Run it as the server's user.\n"
        "Like 'parley serve' it looks into the environment: PARLEY_DATA, PARLEY_CONFIG,\n"
        "PARLEY_HOME_CHAIN.\n\n"
        "  messages       conversation seq \"from\" \"to\" type content client_msg_id\n"
        "                 reply_to created_at position\n"
        "  conversations  conversation a b first_seq last_seq updated_at\n"
        "  sides          conversation account peer accepted blocked delivered_seq\n"
        "                 read_seq undelivered\n"
        "  undelivered    account conversations messages oldest_at\n"
        "  accounts       account last_seen conversations\n"
        "  sessions       session account began_at refreshed_at expires_at\n"
        "  uploads        upload account state name mime size sha256 created_at\n"
        "                 expires_at messages\n\n"
        "Words and forms are those of the protocol. These are fast in a large store: messages\n"
        "by conversation, by \"from\", by \"to\" and by position; conversations, accounts,\n"
        "sessions and uploads by what they have first. Who wants to know of sides and of\n"
        "undelivered goes through all receipts. The tables of the log itself are there as\n"
        "well (SELECT sql FROM sqlite_schema); address(BYTES), account_bytes(ADDRESS),\n"
        "conversation_text(ID) and conversation_id(TEXT) convert what is in them.\n\n"
        "  parley sql 'SELECT * FROM undelivered ORDER BY messages DESC LIMIT 10'\n"
        "  parley sql \"SELECT seq, created_at, content FROM messages\n"
        "    WHERE conversation = '00000001acd033a5' ORDER BY seq DESC LIMIT 50\"\n"
        "  parley sql --json \"SELECT peer, read_seq, undelivered FROM sides\n"
        "    WHERE account = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'\"",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

struct sql {
    const struct values *values;
    const char *dir;
    struct sqlite_look *look;
    struct sql_print print;
    bool has_told; // that there is no index
};

static int usage(const char *what)
{
    fprintf(stderr, "parley sql: %s; 'parley sql --help' tells more\n", what);
    return 2;
}

static int fail(const char *what)
{
    fprintf(stderr, "parley sql: %s\n", what);
    return 1;
}

// Running.

/** It is slower, and the same. */
static void tell_of_index(struct sql *s)
{
    const char *why = sqlite_look_without_index(s->look);

    if (!why || s->has_told)
        return;
    s->has_told = true;
    fprintf(stderr,
            "parley sql: %s/index.db %s: all of the log is gone through instead, which takes "
            "longer\n",
            s->dir, why);
}

static int say_late(const struct sql *s)
{
    const long long ms = (long long)s->values->timeout_ms;

    fprintf(
        stderr,
        "parley sql: it was ended after %lld.%03lld s: --timeout gives a statement more, and "
        "'parley sql --help' says what is fast\n",
        ms / 1000, ms % 1000);
    return 1;
}

/** @param r  of sqlite_look_run() @return the exit code */
static int say(const struct sql *s, int r)
{
    const char *why = sqlite_look_why(s->look);

    switch (r) {
    case LOOK_WRONG: return fail(why);
    case LOOK_READS_ONLY:
        fprintf(stderr,
                "parley sql: %s: it only looks, by SELECT, EXPLAIN, and PRAGMAs that tell "
                "something. To change something, stop the server, and use sqlite3 on "
                "%s/parley.db\n",
                why, s->dir);
        return 1;
    case LOOK_INDEX_DAMAGED:
        return fail(
            "index.db is damaged, and rows are missing above: try again with "
            "--no-index");
    case LOOK_STOPPED:
        if (!s->print.is_late)
            return fail("stdout can't be written to");
        return say_late(s);
    default: return say_late(s);
    }
}

/** Take one statement off the text. @return the exit code */
static int run_one(struct sql *s, str *text)
{
    const struct sqlite_look_rows to = {
        .on_columns = sql_print_columns, .on_row = sql_print_row, .arg = &s->print};

    const int r = sqlite_look_run(s->look, text, &to);
    tell_of_index(s);
    if (r != 0) {
        sql_print_drop(&s->print);
        return say(s, r);
    }
    return sql_print_end(&s->print) == 0 ? 0 : fail("stdout can't be written to");
}

/** Up to the first that fails. */
static int run_all(struct sql *s, str text)
{
    int code = 0;

    if (!utf8_is_valid(text) || str_find(text, '\0') < text.len)
        return fail("that is not UTF-8, or has a NUL in it");
    while (code == 0 && text.len > 0)
        code = run_one(s, &text);
    return code;
}

// From stdin.

/** At a terminal, and not in what is kept of the output. */
static void prompt(bool is_begun)
{
    if (isatty(fileno(stdin))) {
        fprintf(stderr, "%s", is_begun ? "   ...> " : "parley> ");
        fflush(stderr);
    }
}

/** @return the exit code; of who types, it is their own mistake and goes on */
static int run_typed(struct sql *s, struct buf *text)
{
    const int code = run_all(s, buf_str(text));

    buf_clear(text);
    return isatty(fileno(stdin)) ? 0 : code;
}

static bool is_whole(const struct buf *text)
{
    char *copy = str_dup(buf_str(text));
    const bool is = sqlite_look_is_whole(copy);

    free(copy);
    return is;
}

/** @param line  owned by the caller, as getline() has it */
static int read_all(struct sql *s, struct buf *text, char **line)
{
    size_t size = 0;
    int code = 0;

    for (;;) {
        prompt(text->len > 0);
        const ssize_t n = getline(line, &size, stdin);
        if (n < 0)
            break;
        if (buf_add(text, (str){*line, (size_t)n}) != 0)
            return fail("a statement has at most 1 MiB");
        if (str_find((str){*line, (size_t)n}, ';') < (size_t)n && is_whole(text))
            code = run_typed(s, text);
        if (code != 0)
            return code;
    }
    if (ferror(stdin))
        return fail("stdin can't be read");
    return run_typed(s, text);
}

static int run_stdin(struct sql *s)
{
    struct buf text;
    char *line = NULL;

    buf_init(&text, STATEMENT_MAX);
    const int code = read_all(s, &text, &line);
    free(line);
    buf_fini(&text);
    return code;
}

// Opening.

static int say_not_open(const struct sql *s, int r)
{
    if (r == LOOK_NO_STORE) {
        fprintf(stderr,
                "parley sql: no store in %s: there is no parley.db. --data names the directory "
                "that 'parley serve' has\n",
                s->dir);
    } else {
        fprintf(
            stderr,
            "parley sql: %s/parley.db can't be read: %s. Run this as the server's user, who "
            "may write there: SQLite needs to, beside it\n",
            s->dir, sqlite_look_why(s->look));
    }
    return 1;
}

static int look(struct sql *s, str statements)
{
    const struct sqlite_look_config config = {
        .dir = s->dir,
        .home_chain = s->values->where.home_chain,
        .timeout_ms = s->values->timeout_ms,
        .without_index = s->values->without_index,
    };

    const int r = sqlite_look_open(&s->look, &config);
    if (r != 0)
        return say_not_open(s, r);
    tell_of_index(s);
    sql_print_init(&s->print, s->values->is_json, s->look);
    const int code = statements.ptr ? run_all(s, statements) : run_stdin(s);
    sql_print_fini(&s->print);
    return code;
}

static int open_and_look(const struct values *v, str statements)
{
    char *dir = str_dup(v->where.data); // in a file no NUL stands behind it
    struct sql s = {.values = v, .dir = dir};

    const int code = look(&s, statements);
    sqlite_look_close(s.look);
    free(dir);
    return code;
}

int sql_main(int argc, char **argv)
{
    struct values v = {0};
    struct buf file;

    const str statements = options_take_operand(&sql_table, &argc, argv);
    const struct options_from from = {.argc = argc, .argv = argv};
    const int r = options_parse(&sql_table, &v, &from);
    if (r != 0)
        return r == OPTIONS_HELP ? 0 : 2;
    buf_init(&file, OPTIONS_FILE_MAX + 1);
    int code = where_read(&v.where, &file);
    if (code == 0 && v.where.data.len == 0)
        code = usage("--data needs a directory");
    if (code == 0)
        code = open_and_look(&v, statements);
    buf_fini(&file);
    return code;
}
