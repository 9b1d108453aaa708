#include "cli/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/backup.h"
#include "cli/backup_print.h"
#include "cli/progress.h"
#include "cli/where.h"
#include "io/loop.h"

#define NICE 10

struct values {
    struct where where;
    bool is_quiet;
    const char *dir; // of the backup; owned
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"quiet", OPTION_FLAG, FIELD(is_quiet), NULL, "", "no progress", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the server's data directory (./parley-data)", 0, 0},
    {"keys", OPTION_TEXT, FIELD(where.keys), NULL, "DIR",
     "the server's directory of keys, where it has one (the data directory)", 0, 0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of these", 0, 0},
};
#undef FIELD

const struct option_table backup_table = {
    .command = "parley backup",
    .operand = "BACKUP",
    .summary =
        "Back up a server's data directory into the directory BACKUP, while the server runs:\n"
        "all that parley.db has at one moment, the files in messages, and the keys. Again\n"
        "into the same BACKUP it replaces what is there, which stays good until then; files\n"
        "are copied once. It may be stopped, or killed, at any moment: run again it goes on\n"
        "where it was. 'parley restore BACKUP --check' says whether a backup is whole.\n\n"
        "A backup lets who has it read all messages, and make tokens: keep it as you keep\n"
        "the data directory. Files in S3 are not in it, nor is what is in PostgreSQL\n"
        "(docs/operations.md). Run it as the server's user, or as root. Like 'parley serve'\n"
        "it looks into the environment: PARLEY_DATA, PARLEY_KEYS, PARLEY_CONFIG.\n\n"
        "  parley backup --data /var/lib/parley /var/backups/parley",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int usage(const char *what)
{
    fprintf(stderr, "parley backup: %s; 'parley backup --help' tells more\n", what);
    return 2;
}

static const char *advice(int r)
{
    switch (r) {
    case BACKUP_NO_STORE:
        return "--data names the directory that 'parley serve' has: there is no parley.db in "
               "this one";
    case BACKUP_BUSY: return "wait for the other one, which is at work on this backup";
    case BACKUP_SAME: return "name another directory: this is the data directory itself";
    default:
        return "see what was said above, and run it again: it goes on where it was. The backup "
               "before this one is what it was";
    }
}

static void warn_of(const char *what, int64_t n, const char *first)
{
    if (n > 0)
        fprintf(stderr, "parley backup: %" PRId64 " %s, the first is %s\n", n, what, first);
}

/** What was wrong before is in the backup, too, and said. */
static int say_done(const struct values *v, const struct backup_result *result)
{
    if (result->is_begun_anew) {
        fprintf(stderr,
                "parley backup: what was begun there was of another store, and was "
                "begun anew\n");
    }
    warn_of("files of messages are missing in media/kept", result->n_lost, result->lost);
    warn_of("files of messages are not what was uploaded", result->n_unlike, result->unlike);
    printf("%s: ", v->dir);
    backup_print_info(stdout, &result->info);
    printf("To see that it is whole: parley restore %s --check\n", v->dir);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int back_up(const struct values *v, const char *data, const char *keys)
{
    struct progress_print print;
    struct backup_result result;
    const struct backup_config config = {
        .dir = v->dir,
        .data = data,
        .keys = keys,
        .has_files = !v->where.is_media_elsewhere,
        .version = PARLEY_VERSION,
        .now_ms = clock_unix_ms(loop_wall_clock()),
        .to = {progress_print, &print},
    };

    progress_print_init(&print, "parley backup", v->is_quiet);
    const int r = backup_run(&config, &result);
    progress_print_end(&print);
    if (r == 0)
        return say_done(v, &result);
    fprintf(stderr, "parley backup: %s\n", advice(r));
    return 1;
}

static int check_and_back_up(void *values)
{
    struct values *v = values;

    if (v->where.data.len == 0)
        return usage("--data needs a directory");
    if (v->dir[0] == '\0')
        return usage("where to? It wants the directory of the backup");
    if (v->where.is_store_elsewhere) {
        fprintf(stderr,
                "parley backup: back the database up with pg_dump, and the keys with cp: this "
                "server has its messages in PostgreSQL (docs/operations.md, Backups)\n");
        return 1;
    }
    if (nice(NICE) == -1) // it is not in a hurry; a server beside it may be
        fprintf(stderr, "parley backup: it runs as fast as it can\n");
    char *data = str_dup(v->where.data); // in a file no NUL stands behind it
    char *keys = str_dup(where_keys(&v->where));
    const int code = back_up(v, data, keys);
    free(data);
    free(keys);
    return code;
}

int backup_main(int argc, char **argv)
{
    struct values v = {0};

    const str dir = options_take_operand(&backup_table, &argc, argv);
    const struct options_from from = {.argc = argc, .argv = argv};
    char *name = str_dup(dir);
    v.dir = name;
    const int code = where_run(&backup_table, &from, &v, &v.where, check_and_back_up);
    free(name);
    return code;
}
