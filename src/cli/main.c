#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/backup.h"
#include "cli/doctor.h"
#include "cli/help.h"
#include "cli/make_keys.h"
#include "cli/migrate.h"
#include "cli/restore.h"
#include "cli/revoke.h"
#include "cli/rotate.h"
#include "cli/sql.h"
#include "cli/token.h"
#include "crypto/mem.h"
#include "io/loop.h"
#include "server/selftest.h"
#include "server/serve.h"
#include "server/serve_options.h"
#include "store/sqlite_mem.h"

static const struct command commands[] = {
    {"serve", serve_main, &serve_table, "serve the chat"},
    {"doctor", doctor_main, &doctor_table, "say what is wrong with a server, and what to do"},
    {"selftest", selftest_main, &selftest_table,
     "serve the transport with an echo application, for test suites"},
    {"token", token_main, &token_table,
     "print a token for an account, made with the server's own key"},
    {"revoke", revoke_main, &revoke_table,
     "end the sessions of an account, or one session, before their time"},
    {"rotate-key", rotate_main, &rotate_table, "replace the server's own key"},
    {"make-keys", make_keys_main, &make_keys_table, "make the keys that several servers share"},
    {"backup", backup_main, &backup_table, "back up a server, while it runs"},
    {"restore", restore_main, &restore_table,
     "make a data directory of a backup, or check one"},
    {"migrate", migrate_main, &migrate_table,
     "move a stopped server's messages into PostgreSQL"},
    {"sql", sql_main, &sql_table, "look into a store with SQL, also while a server has it"},
};

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
    if (str_eq(name, STR("help")))
        return help_main(commands, COUNT_OF(commands), argc - 2, argv + 2);
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h"))) {
        help_print(stdout, commands, COUNT_OF(commands));
        return 0;
    }
    if (name.len > 0)
        fprintf(stderr, "parley: there is no command '%s'\n\n", argv[1]);
    help_print(stderr, commands, COUNT_OF(commands));
    return 2;
}
