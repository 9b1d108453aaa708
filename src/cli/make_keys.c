#include "cli/make_keys.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/where.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/loop.h"
#include "server/keys.h"
#include "server/options.h"
#include "server/rotation.h"

struct values {
    struct where where;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"keys", OPTION_TEXT, FIELD(where.keys), NULL, "DIR", "where to; made if it is missing", 0,
     0},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of --keys", 0, 0},
};
#undef FIELD

const struct option_table make_keys_table = {
    .command = "parley make-keys",
    .summary =
        "Make the keys that servers on one database share: what signs their tokens, and what\n"
        "vouches for sign-ins and for the servers among each other. Whoever has them can make\n"
        "tokens for any account. Keys that are there stay. Like 'parley serve' it looks into\n"
        "the environment: PARLEY_KEYS, PARLEY_CONFIG.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

/** @return 0 or the exit code */
static int make(str dir)
{
    const int64_t now_ms = clock_unix_ms(loop_wall_clock());
    struct auth_keyring keyring;
    struct keys_sign_in sign_in;

    if (keys_sign_in(&sign_in, dir, crypto_random()) != 0)
        return 1;
    crypto_wipe(&sign_in, sizeof(sign_in));
    if (rotation_load(&keyring, dir, now_ms, crypto_random()) != 0)
        return 1;
    printf("parley: '" STR_FMT "' has the key %s and " KEYS_SIGN_IN_FILE
           ". Copy it to each server, readable by the server alone, and name it with --keys\n",
           STR_ARG(dir), keyring.signer.kid);
    auth_keyring_fini(&keyring);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int make_where(void *values)
{
    const struct values *v = values;

    if (v->where.keys.len > 0) {
        umask(077);
        return make(v->where.keys);
    }
    fprintf(stderr, "parley make-keys: name a directory with --keys\n");
    return 2;
}

int make_keys_main(int argc, char **argv)
{
    struct values v = {0};
    const struct options_from from = {.argc = argc, .argv = argv};

    return where_run(&make_keys_table, &from, &v, &v.where, make_where);
}
