#include "cli/migrate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/migrate_print.h"
#include "cli/progress.h"
#include "cli/where.h"
#include "crypto/random.h"
#include "server/options.h"
#include "store/pg.h"

struct values {
    struct where where;
    str to;
    bool only_compare;
    bool is_quiet;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"to", OPTION_TEXT, FIELD(to), NULL, "URL",
     "the database, as the --store of serve; by itself it is PARLEY_STORE. A password is in "
     "PARLEY_STORE, PGPASSWORD or ~/.pgpass, and not on a command line",
     0, 0},
    {"check", OPTION_FLAG, FIELD(only_compare), NULL, "",
     "change nothing: compare what was moved before", 0, 0},
    {"quiet", OPTION_FLAG, FIELD(is_quiet), NULL, "", "no progress", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the data directory of the server, which is stopped (./parley-data)", 0, 0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of DIR and URL", 0, 0},
};
#undef FIELD

const struct option_table migrate_table = {
    .command = "parley migrate",
    .summary =
        "Move the messages of a stopped server, and all else in its parley.db, into\n"
        "PostgreSQL: accounts, conversations, receipts, contacts, sessions, uploads. What\n"
        "clients have kept stays good: they go on where they were. The directory's keys,\n"
        "and files in messages, are not moved (docs/scaling.md); what is moved stays there\n"
        "as well, but no server starts on it any more.\n\n"
        "It may be stopped, or killed, at any moment: run again it goes on where it was.\n"
        "Until all is there and was compared, both ways and by checksum, no server starts\n"
        "on the database. Run it as the server's user. Like 'parley serve' it looks into\n"
        "the environment: PARLEY_DATA, PARLEY_CONFIG, PARLEY_STORE.\n\n"
        "  PARLEY_STORE=postgresql://parley:...@db/parley parley migrate --data DIR",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int usage(const char *what)
{
    fprintf(stderr, "parley migrate: %s; 'parley migrate --help' tells more\n", what);
    return 2;
}

// What it says.

static void on_compared(void *arg, const struct migrate_compared *c)
{
    progress_print_end(arg);
    migrate_print_compared(stdout, c);
}

/** What to do, and why. */
static const char *advice(int r, bool only_compare)
{
    switch (r) {
    case MIGRATE_NO_STORE:
        return "--data names the directory that 'parley serve' has had: there is no parley.db "
               "in "
               "this one";
    case MIGRATE_NOT_EMPTY:
        return "make a new database: this one has accounts or messages that are not from here. "
               "Nothing was changed";
    case MIGRATE_OTHER:
        return "make a new database: what is in this one is of another directory, or of this "
               "one "
               "before a server ran on it again. Nothing was changed";
    case MIGRATE_DONE:
        return "start the server with this --store: all was moved before. 'parley migrate "
               "--check' compares it once more";
    case MIGRATE_NOT_YET: return "run it without --check first: it has not come to its end";
    case MIGRATE_DIFFERS:
        return only_compare
                   ? "what differs is said above. A server that has run on the database since "
                     "is "
                     "a reason; if none has, make a new database, and move it anew"
                   : "make a new database, and move it anew, without index.db, which is made "
                     "again: what was moved is not what is here, as is said above";
    case MIGRATE_AWAY:
        return "see what was said above, and run it again: it goes on where it was";
    default: return "see what was said above. Run it again: it goes on where it was";
    }
}

static int say_moved(bool only_compare)
{
    printf("%s\n", only_compare ? "The database has what the directory has."
                                : "All is moved. Start the server with this --store from now "
                                  "on, and put the directory's parley.db and index.db away.");
    return fflush(stdout) == 0 ? 0 : 1;
}

// The arguments.

static int move(const char *dir, const char *url, const struct values *v)
{
    struct progress_print print;
    const struct migrate_config config = {
        .dir = dir,
        .url = url,
        .only_compare = v->only_compare,
        .rand = crypto_random(),
        .to = {.progress = {progress_print, &print}, .compared = on_compared, .arg = &print},
    };

    signal(SIGHUP, SIG_IGN); // rotate-key takes whoever has the directory for a server
    progress_print_init(&print, "parley migrate", v->is_quiet);
    const int r = migrate_run(&config);
    progress_print_end(&print);
    if (r == 0)
        return say_moved(v->only_compare);
    fprintf(stderr, "parley migrate: %s\n", advice(r, v->only_compare));
    return 1;
}

static int check_and_move(void *values)
{
    struct values *v = values;
    const bool is_of_flag = v->to.len > 0;

    if (!is_of_flag)
        v->to = v->where.store;
    if (v->where.data.len == 0)
        return usage("--data needs a directory");
    if (str_eq(v->to, STR("sqlite")) || v->to.len == 0)
        return usage("where to? --to, or PARLEY_STORE, names a PostgreSQL");
    char *dir = str_dup(v->where.data); // in a file no NUL stands behind it
    char *url = str_dup(v->to);
    const int code = is_of_flag && store_pg_has_password(url)
                         ? usage(
                               "--to: others can read a password on a command line; it is in "
                               "PARLEY_STORE, PGPASSWORD or ~/.pgpass")
                         : move(dir, url, v);
    free(dir);
    free(url);
    return code;
}

int migrate_main(int argc, char **argv)
{
    struct values v = {0};
    const struct options_from from = {.argc = argc, .argv = argv};

    return where_run(&migrate_table, &from, &v, &v.where, check_and_move);
}
