#include "cli/doctor.h"

#include <stdlib.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/said.h"
#include "server/options_help.h"
#include "server/serve_config.h"

/** What was typed; the environment and the file are for a finding. @return 0 or an enum
 * options_refusal: said */
static int check_words(int argc, char **argv)
{
    struct option_table words = doctor_table;
    struct serve_options unused = {0};
    const struct options_from from = {.argc = argc, .argv = argv};

    words.env_prefix = NULL;
    words.file_option = NULL;
    return options_parse(&words, &unused, &from);
}

static int examine(struct serve_options *o, const struct options_from *from)
{
    struct said said;

    said_begin(&said);
    const int refusal = options_parse(&doctor_table, o, from);
    char *words = said_end(&said);
    const int code = refusal != 0 ? doctor_refuse(o, stdout, words) : 0;
    free(words);
    if (code != 0)
        return code;
    const int secrets = serve_config_check_secrets(o, from);
    return secrets != 0 ? secrets : doctor_run(o, stdout);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const str word = str_of(argv[i]);
        if (str_eq(word, STR("--help")) || str_eq(word, STR("-h")))
            return true;
    }
    return false;
}

int doctor_main(int argc, char **argv)
{
    struct serve_options o = {0};
    struct buf file;

    if (asks_for_help(argc, argv)) {
        options_print_help(stdout, &doctor_table);
        return 0;
    }
    const int refusal = check_words(argc, argv);
    if (refusal != 0)
        return refusal == OPTIONS_HELP ? 0 : 2;
    buf_init(&file, 0); // the options give it its size
    const int code = examine(
        &o, &(struct options_from){.argc = argc, .argv = argv, .env = environ, .file = &file});
    buf_fini(&file);
    return code;
}
