#include "cli/token.h"

#include <stdio.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/signer.h"
#include "base/clock.h"
#include "cli/where.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/loop.h"
#include "server/keys.h"
#include "server/options.h"
#include "server/serve_options.h"

struct values {
    struct where where;
    int64_t ttl;
    str address;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"ttl", OPTION_DURATION, FIELD(ttl), "1h", "DURATION", "how long it is good, at most 30d",
     1000, AUTH_MINT_MS_MAX},
    {"config", OPTION_FILE, FIELD(where.config), NULL, "FILE",
     "the server's file of options, for what it says of these", 0, 0},
    {"data", OPTION_TEXT, FIELD(where.data), NULL, "DIR",
     "the server's data directory; its key is made if there is none (./parley-data)", 0, 0},
    {"keys", OPTION_TEXT, FIELD(where.keys), NULL, "DIR",
     "the keys of servers that share them, in its place", 0, 0},
    {"home-chain", OPTION_COUNT, FIELD(where.home_chain), NULL, "CHAIN",
     "the chain of 0x... addresses, as the server has it (1)", 1, (UINT64_C(1) << 53) - 1},
};
#undef FIELD

const struct option_table token_table = {
    .command = "parley token",
    .operand = "ADDRESS",
    .summary =
        "Print a token with which a client connects as ADDRESS, for trying things out\n"
        "and for servers of yours. The server need not run; when it does, it accepts the\n"
        "token if it has the same data directory, or keys. Like 'parley serve' it looks into "
        "the\n"
        "environment: PARLEY_DATA, PARLEY_KEYS, PARLEY_CONFIG, PARLEY_HOME_CHAIN.\n\n"
        "ADDRESS is 0x... of the home chain, or eip155:CHAIN:0x..., or\n"
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:... (CAIP-10).",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int usage(const char *what)
{
    fprintf(stderr, "parley token: %s; 'parley token --help' tells more\n", what);
    return 2;
}

static int print_token(str pem, const account *a, int64_t ttl_ms)
{
    struct auth_signer signer;
    struct buf token;
    char session[RAND_NAME_SIZE];

    if (auth_signer_init(&signer, pem) != 0)
        return 1;
    auth_session_name_new(session, crypto_random());
    const struct auth_mint m = {
        .account = *a,
        .now_ms = clock_unix_ms(loop_wall_clock()),
        .ttl_ms = ttl_ms,
        .session = str_of(session),
    };
    buf_init(&token, AUTH_TOKEN_MAX);
    auth_mint(&token, &signer, &m);
    auth_signer_fini(&signer);
    printf(STR_FMT "\n", STR_ARG(buf_str(&token)));
    buf_fini(&token);
    return fflush(stdout) != 0;
}

static int make(const account *a, const struct values *v)
{
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    struct rand *rand = v->where.keys.len > 0 ? NULL : crypto_random();
    int code = keys_own(&pem, where_keys(&v->where), rand) != 0;
    if (code == 0)
        code = print_token(buf_str(&pem), a, v->ttl);
    secret_buf_fini(&pem);
    return code;
}

static int check_and_make(void *values)
{
    const struct values *v = values;
    account a;

    if (v->address.len == 0)
        return usage("whose? It needs an ADDRESS");
    if (auth_account_parse(&a, v->address, v->where.home_chain) != 0) {
        return usage(
            "that is no ADDRESS: not 0x and 40 hex digits, nor CAIP-10, or a capital "
            "letter of it is wrong (EIP-55)");
    }
    if (auth_account_is_zero(&a))
        return usage("the address of zeroes is nobody's");
    return make(&a, v);
}

int token_main(int argc, char **argv)
{
    struct values v = {.address = options_take_operand(&token_table, &argc, argv)};
    const struct options_from from = {.argc = argc, .argv = argv};

    return where_run(&token_table, &from, &v, &v.where, check_and_make);
}
