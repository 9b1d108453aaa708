#include <stdio.h>

#include "api/errors.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/make_keys.h"
#include "cli/migrate.h"
#include "cli/revoke.h"
#include "cli/rotate.h"
#include "cli/sql.h"
#include "cli/token.h"
#include "crypto/mem.h"
#include "io/loop.h"
#include "server/selftest.h"
#include "server/serve.h"
#include "store/sqlite_mem.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", serve_main, "serve the chat"},
    {"selftest", selftest_main,
     "serve the transport with an echo application, for test suites"},
    {"token", token_main, "print a token for an account, made with the server's own key"},
    {"revoke", revoke_main,
     "end the sessions of an account, or one session, before their time"},
    {"rotate-key", rotate_main, "replace the server's own key"},
    {"make-keys", make_keys_main, "make the keys that several servers share"},
    {"migrate", migrate_main, "move a stopped server's messages into PostgreSQL"},
    {"sql", sql_main, "look into a store with SQL, also while a server has it"},
};

static void print_help(FILE *out)
{
    fprintf(out, "parley " PARLEY_VERSION
                 ": a chat between two wallets\n\n"
                 "usage: parley COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "  %-10s %s\n", "version", "print the version");
    fprintf(out, "  %-10s %s\n\n", "help",
            "this, or with 'errors' what errors clients can get");
    fprintf(out, "'parley COMMAND --help' tells more.\n");
}

static void print_errors(void)
{
    printf("%-22s %-9s %s\n", "code", "sent", "message");
    for (int i = API_OK + 1; i < API_N_ERRORS; i++) {
        const enum api_error e = (enum api_error)i;
        printf("%-22s %-9s %s\n", api_error_code(e), api_error_is_sent(e) ? "yes" : "reserved",
               api_error_message(e));
    }
}

/** Before any of these libraries has allocated anything. libcurl's is set where it begins. */
static void set_mem(void)
{
    mem_keep_freed();
    crypto_mem_set();
    loop_set_mem();
    sqlite_mem_set();
}

int main(int argc, char **argv)
{
    const str name = str_of(argc > 1 ? argv[1] : NULL);

    set_mem();
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_eq(name, str_of(commands[i].name)))
            return commands[i].run(argc - 2, argv + 2);
    }
    if (str_eq(name, STR("version")) || str_eq(name, STR("--version"))) {
        printf("parley " PARLEY_VERSION "\n");
        return 0;
    }
    if (str_eq(name, STR("help")) || str_eq(name, STR("--help")) || str_eq(name, STR("-h"))) {
        if (argc > 2 && str_eq(str_of(argv[2]), STR("errors"))) {
            print_errors();
        } else {
            print_help(stdout);
        }
        return 0;
    }
    if (name.len > 0)
        fprintf(stderr, "parley: there is no command '%s'\n\n", argv[1]);
    print_help(stderr);
    return 2;
}
