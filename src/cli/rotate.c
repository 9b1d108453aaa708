#include "cli/rotate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/where.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "server/options.h"
#include "server/rotation.h"
#include "server/serve_options.h"
#include "store/dir.h"

struct values {
    struct where where;
    bool drop_old;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"drop-old", OPTION_FLAG, FIELD(drop_old), NULL, "",
     "the old keys count no more: for a key that somebody may have read", 0, 0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of these", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the server's data directory (./parley-data)", 0, 0},
    {"keys", OPTION_TEXT, FIELD(where.keys), NULL, "DIR",
     "the keys of servers that share them, in its place", 0, 0},
};
#undef FIELD

const struct option_table rotate_table = {
    .command = "parley rotate-key",
    .summary =
        "Make a new key for the server's own tokens, and have the running server take it.\n"
        "Tokens of the old key are good until they end: the public key is kept for 30 days.\n"
        "With --drop-old they are refused from now on; sessions go on all the same, and\n"
        "sockets that are open stay until their token ends. Like 'parley serve' it looks into\n"
        "the environment: PARLEY_DATA, PARLEY_KEYS, PARLEY_CONFIG.\n\n"
        "Of servers that share their keys one makes the new one. Copy the directory to each "
        "of\n"
        "the others at once, and send them SIGHUP: until one has it, it refuses the tokens "
        "that\n"
        "those who have it make.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int tell(const char *dir, pid_t pid)
{
    if (pid < 0) {
        fprintf(stderr,
                "parley rotate-key: a server in another container has '%s': send it SIGHUP "
                "from there, and it takes the new key\n",
                dir);
        return 1;
    }
    if (kill(pid, SIGHUP) != 0) {
        fprintf(stderr,
                "parley rotate-key: the server, process %d, can't be told: %s. Send it SIGHUP, "
                "and it takes the new key\n",
                (int)pid, strerrordesc_np(errno));
        return 1;
    }
    printf(
        "parley: the server, process %d, was told to take it; its log has event=server_keys\n",
        (int)pid);
    return 0;
}

/** The key first, then the question who runs: a server that starts meanwhile finds the new key,
 * because it reads it when it has the directory. */
static int tell_server(str data)
{
    char *dir = str_dup(data);
    pid_t pid;
    int code = 1;

    if (store_dir_holder(&pid, dir) == 0) {
        if (pid == 0)
            printf("parley: no server runs on it; the next start takes it\n");
        code = pid == 0 ? 0 : tell(dir, pid);
    }
    free(dir);
    return code;
}

static int rotate(void *values)
{
    const struct values *v = values;
    char kid[AUTH_KID_SIZE];
    const struct rotation how = {
        .dir = where_keys(&v->where),
        .drops_old = v->drop_old,
        .unix_ms = clock_unix_ms(loop_wall_clock()),
        .rand = crypto_random(),
    };

    if (rotation_make(kid, &how) != 0)
        return 1;
    printf("parley: the key is now %s\n", kid);
    if (v->where.keys.len > 0) {
        printf("parley: copy '" STR_FMT "' to each other server, and send them SIGHUP\n",
               STR_ARG(v->where.keys));
    }
    const int code = tell_server(v->where.data);
    return fflush(stdout) != 0 ? 1 : code;
}

int rotate_main(int argc, char **argv)
{
    struct values v = {0};
    const struct options_from from = {.argc = argc, .argv = argv};

    return where_run(&rotate_table, &from, &v, &v.where, rotate);
}
