#include "cli/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup/restore.h"
#include "cli/backup_print.h"
#include "cli/progress.h"
#include "cli/where.h"
#include "crypto/random.h"

struct values {
    struct where where;
    bool only_check;
    bool verifies;
    bool is_sign_out;
    bool is_quiet;
    const char *dir; // of the backup; owned
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"check", OPTION_FLAG, FIELD(only_check), NULL, "",
     "restore nothing: read all of the backup, and say whether it is whole", 0, 0},
    {"verify", OPTION_FLAG, FIELD(verifies), NULL, "",
     "read what was restored once more, all of it, and compare it with what was backed up", 0,
     0},
    {"sign-out", OPTION_FLAG, FIELD(is_sign_out), NULL, "",
     "all wallets sign in anew: sessions end, and keys for tokens are not put back. Who was "
     "logged out, or revoked, since the backup is in again otherwise",
     0, 0},
    {"quiet", OPTION_FLAG, FIELD(is_quiet), NULL, "", "no progress", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the data directory, which is missing or empty (./parley-data)", 0, 0},
    {"keys", OPTION_TEXT, FIELD(where.keys), NULL, "DIR",
     "the directory of keys, where it is another one (the data directory)", 0, 0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of these", 0, 0},
};
#undef FIELD

const struct option_table restore_table = {
    .command = "parley restore",
    .operand = "BACKUP",
    .summary =
        "Make a data directory of what 'parley backup' has put into the directory BACKUP.\n"
        "Clients find the server as it was then; what they have kept of where they were is\n"
        "no good any more, so that they read anew what there is. The server is stopped\n"
        "meanwhile. It may be killed at any moment: no server takes the directory until it\n"
        "was run again to its end.\n\n"
        "Run it as the server's user; or as root, and what it makes is whose the directory\n"
        "is. Like 'parley serve' it looks into the environment: PARLEY_DATA, PARLEY_KEYS,\n"
        "PARLEY_CONFIG.\n\n"
        "  parley restore --verify --data /var/lib/parley /var/backups/parley",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int usage(const char *what)
{
    fprintf(stderr, "parley restore: %s; 'parley restore --help' tells more\n", what);
    return 2;
}

static const char *advice(int r)
{
    switch (r) {
    case RESTORE_NO_BACKUP:
        return "name the directory that 'parley backup' has had: there is no backup.db in this "
               "one";
    case RESTORE_UNDONE:
        return "run 'parley backup' again first: it has not come to its end there";
    case RESTORE_NOT_EMPTY:
        return "stop the server, and move away what is in the data directory: it is not empty, "
               "and nothing is overwritten";
    case RESTORE_DAMAGED:
        return "take another backup: this one is damaged, as is said above, or the disk that "
               "it "
               "goes to is";
    default: return "see what was said above, and run it again";
    }
}

static void say_damage(const struct restore_result *result)
{
    const struct backup_damage *d = &result->damage;

    if (d->what)
        fprintf(stderr, "parley restore: the table %s %s\n", d->table, d->what);
    if (result->file[0]) {
        fprintf(stderr,
                "parley restore: the file media/%.2s/%s is missing, or is another one\n",
                result->file, result->file);
    }
}

static int say_done(const struct values *v, const struct restore_result *result)
{
    const struct backup_damage *d = &result->damage;

    backup_print_info(stdout, &result->info);
    if (d->n_changed > 0) {
        printf("%" PRId64
               " messages were not what their senders had sent when they were backed up, the "
               "first at position %" PRId64 ": somebody, or a disk, had changed parley.db\n",
               d->n_changed, d->changed_at);
    }
    if (v->only_check) {
        printf("It is whole.\n");
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (result->kept_key[0])
        printf("%s was there already, and is another one: it stays\n", result->kept_key);
    printf("Restored%s into " STR_FMT ". Start the server.\n",
           v->verifies ? ", and as it was backed up," : "", STR_ARG(v->where.data));
    if (!v->is_sign_out && result->info.n_keys > 0) {
        printf(
            "Sessions are those of the backup: who was logged out since then is in again. "
            "'parley revoke' ends theirs; with --sign-out all sign in anew.\n");
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

static int restore(const struct values *v, const char *data, const char *keys)
{
    struct progress_print print;
    struct restore_result result;
    const struct restore_config config = {
        .from = v->dir,
        .data = data,
        .keys = keys,
        .only_check = v->only_check,
        .verifies = v->verifies,
        .is_sign_out = v->is_sign_out,
        .rand = crypto_random(),
        .to = {progress_print, &print},
    };

    progress_print_init(&print, "parley restore", v->is_quiet);
    const int r = restore_run(&config, &result);
    progress_print_end(&print);
    if (r == 0)
        return say_done(v, &result);
    say_damage(&result);
    fprintf(stderr, "parley restore: %s\n", advice(r));
    return 1;
}

static int check_and_restore(void *values)
{
    struct values *v = values;

    if (v->where.data.len == 0)
        return usage("--data needs a directory");
    if (v->dir[0] == '\0')
        return usage("which backup? It wants its directory");
    char *data = str_dup(v->where.data); // in a file no NUL stands behind it
    char *keys = str_dup(where_keys(&v->where));
    const int code = restore(v, data, keys);
    free(data);
    free(keys);
    return code;
}

int restore_main(int argc, char **argv)
{
    struct values v = {0};

    const str dir = options_take_operand(&restore_table, &argc, argv);
    const struct options_from from = {.argc = argc, .argv = argv};
    char *name = str_dup(dir);
    v.dir = name;
    const int code = where_run(&restore_table, &from, &v, &v.where, check_and_restore);
    free(name);
    return code;
}
