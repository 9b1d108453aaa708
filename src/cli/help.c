#include "cli/help.h"

#include "api/errors.h"
#include "server/options_help.h"
#include "server/options_json.h"

void help_print(FILE *out, const struct command *all, size_t n)
{
    fprintf(out, "parley " PARLEY_VERSION
                 ": a chat between two wallets\n\n"
                 "usage: parley COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-10s %s\n", all[i].name, all[i].help);
    fprintf(out, "  %-10s %s\n", "version", "print the version");
    fprintf(out, "  %-10s %s\n\n", "help",
            "this; with 'options' all options, and with 'errors' what errors clients can get");
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

static void print_options(const struct command *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        printf("%s", i > 0 ? "\n\n" : "");
        options_print_help(stdout, all[i].table);
    }
}

static void print_json(const struct command *all, size_t n)
{
    struct buf out;
    int r = 0;

    buf_init(&out, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        r |= buf_addf(&out, i > 0 ? ",\n  " : "\n  ");
        r |= options_print_json(&out, all[i].table, all[i].name, all[i].help);
    }
    assert(r == 0);
    (void)r;
    printf("{\"version\": \"" PARLEY_VERSION "\", \"commands\": [" STR_FMT "\n]}\n",
           STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

static const struct command *find(const struct command *all, size_t n, str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(name, str_of(all[i].name)))
            return &all[i];
    }
    return NULL;
}

int help_main(const struct command *all, size_t n, int argc, char **argv)
{
    const str what = str_of(argc > 0 ? argv[0] : NULL);
    const str how = str_of(argc > 1 ? argv[1] : NULL);
    const struct command *command = find(all, n, what);

    if (argc == 0) {
        help_print(stdout, all, n);
    } else if (argc == 1 && str_eq(what, STR("errors"))) {
        print_errors();
    } else if (argc == 1 && str_eq(what, STR("options"))) {
        print_options(all, n);
    } else if (argc == 2 && str_eq(what, STR("options")) && str_eq(how, STR("--json"))) {
        print_json(all, n);
    } else if (argc == 1 && command) {
        options_print_help(stdout, command->table);
    } else {
        fprintf(stderr,
                "parley help: want nothing, a COMMAND, 'errors', or 'options [--json]'\n");
        return 2;
    }
    return 0;
}
