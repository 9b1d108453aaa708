#include "server/options.h"

#include <unistd.h>

#include "base/mem.h"
#include "server/options_credentials.h"
#include "server/options_file.h"
#include "server/options_help.h"
#include "server/options_row.h"

/** One option of the command line. */
struct arg {
    const struct option *option; // NULL: there is none of this name
    str name;
    str value;
    bool has_value;
};

/** @return how many words of argv it takes, or 0: it is no option, or its value is missing */
static int take_arg(const struct option_table *t, int argc, char **argv, struct arg *out)
{
    str word = str_of(argv[0]);

    *out = (struct arg){0};
    if (!str_starts(word, STR("--")))
        return 0;
    str_take(&word, 2);
    out->has_value = str_find(word, '=') < word.len;
    out->name = str_take_until(&word, '=');
    out->value = word;
    out->option = option_find(t->options, t->n_options, out->name);
    if (!out->option || out->has_value)
        return 1;
    if (out->option->kind == OPTION_FLAG) {
        out->value = STR("on");
        return 1;
    }
    if (argc < 2)
        return 0;
    out->value = str_of(argv[1]);
    return 2;
}

static int say_bad_arg(const struct option_source *from, const struct arg *arg,
                       const char *word)
{
    const struct option_table *t = from->table;

    option_say_where(from);
    if (arg->option) {
        fprintf(stderr, "--%s needs a value: %s\n", arg->option->name,
                option_form(arg->option->kind));
    } else if (str_starts(str_of(word), STR("--"))) {
        fprintf(stderr, "there is no option --" STR_FMT, STR_ARG(arg->name));
        option_say_nearest(from, t->options, t->n_options, arg->name);
    } else {
        fprintf(stderr, "'%s' is no option; '%s --help' lists them\n", word, t->command);
    }
    return OPTIONS_BAD;
}

static int apply_argv(const struct option_table *t, void *into, int argc, char **argv)
{
    const struct option_source from = {.table = t, .origin = OPTION_FROM_ARGV, .err = stderr};
    struct arg arg;

    for (int i = 0; i < argc;) {
        const str word = str_of(argv[i]);
        if (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))) {
            options_print_help(stdout, t);
            return OPTIONS_HELP;
        }
        const int n = take_arg(t, argc - i, argv + i, &arg);
        if (n == 0 || !arg.option)
            return say_bad_arg(&from, &arg, argv[i]);
        if (option_set(&from, arg.option, into, arg.value) != 0)
            return OPTIONS_BAD;
        i += n;
    }
    return 0;
}

static int say_unknown_variable(const struct option_source *from, str variable)
{
    char name[64]; // of a longer one no option is near
    size_t n = 0;

    for (; n < variable.len && n < sizeof(name); n++) {
        const char c = variable.ptr[n];
        name[n] = c;
        if (c == '_')
            name[n] = '-';
        if (c >= 'A' && c <= 'Z')
            name[n] = (char)(c - 'A' + 'a');
    }
    option_say_where(from);
    fprintf(stderr, "there is no option %s" STR_FMT, from->table->env_prefix,
            STR_ARG(variable));
    option_say_nearest(from, from->table->options, from->table->n_options, (str){name, n});
    return OPTIONS_BAD;
}

static int apply_env(const struct option_table *t, void *into, char *const *env)
{
    const struct option_source from = {.table = t, .origin = OPTION_FROM_ENV, .err = stderr};

    for (; *env; env++) {
        str value = str_of(*env);
        if (!str_starts(value, str_of(t->env_prefix)))
            continue;
        str_take(&value, strlen(t->env_prefix));
        const str variable = str_take_until(&value, '=');
        const struct option *o = option_find_env(t, variable);
        if (!o)
            return say_unknown_variable(&from, variable);
        if (option_set(&from, o, into, value) != 0)
            return OPTIONS_BAD;
    }
    return 0;
}

/** The file that the flags or, before them, the environment have named. */
static int apply_file(const struct option_table *t, void *into, struct buf *text)
{
    const struct option *o = option_find(t->options, t->n_options, str_of(t->file_option));

    assert(o && o->kind == OPTION_FILE);
    const str path = *(const str *)(const void *)((const char *)into + o->offset);
    if (path.len == 0 || (path.ptr == o->fallback && access(path.ptr, F_OK) != 0))
        return 0;
    // Flags, the environment and defaults all end in a NUL.
    if (options_file_read(t, path.ptr, text) != 0)
        return OPTIONS_BAD;
    return options_file_apply(t, into, path.ptr, buf_str(text), stderr);
}

/** What values of files point to. */
static int apply_files(const struct option_table *t, void *into,
                       const struct options_from *from)
{
    const char *dir = t->env_prefix ? options_credentials_dir(from->env) : NULL;

    buf_init(from->file, OPTIONS_TEXTS_MAX);
    if (!buf_room(from->file, OPTIONS_TEXTS_MAX)) // at once: it must not move any more
        mem_fail(OPTIONS_TEXTS_MAX);
    const int r = apply_file(t, into, from->file);
    return r == 0 && dir ? options_credentials_apply(t, into, dir, from->file) : r;
}

static int apply_env_and_argv(const struct option_table *t, void *into,
                              const struct options_from *from)
{
    if (t->env_prefix) {
        const int r = apply_env(t, into, from->env);
        if (r != 0)
            return r;
    }
    return apply_argv(t, into, from->argc, from->argv);
}

int options_parse(const struct option_table *t, void *into, const struct options_from *from)
{
    if (option_set_defaults(t, t->options, t->n_options, into) != 0)
        return OPTIONS_BAD;
    int r = apply_env_and_argv(t, into, from);
    if (r != 0 || !t->file_option)
        return r;
    r = from->file ? apply_files(t, into, from) : 0;
    if (r != 0)
        return r;
    return apply_env_and_argv(t, into, from); // they win over the file that they have named
}

bool options_has(const struct option_table *t, const char *name, int argc, char **argv)
{
    struct arg arg;

    for (int i = 0; i < argc;) {
        const int n = take_arg(t, argc - i, argv + i, &arg);
        if (n > 0 && str_eq(arg.name, str_of(name)))
            return true;
        i += n > 0 ? n : 1;
    }
    return false;
}

static void take_out(int *argc, char **argv, int i)
{
    memmove((void *)(argv + i), (void *)(argv + i + 1),
            (size_t)(*argc - i - 1) * sizeof(*argv));
    --*argc;
}

/** Has the word behind this one to be its value? */
static bool takes_next(const struct option_table *t, str word)
{
    str name = word;

    str_take(&name, name.len < 2 ? name.len : 2);
    const struct option *o = option_find(t->options, t->n_options, name);
    return str_find(word, '=') == word.len && !(o && o->kind == OPTION_FLAG);
}

str options_take_operand(const struct option_table *t, int *argc, char **argv)
{
    for (int i = 0; i < *argc; i++) {
        const bool is_said = strcmp(argv[i], "--") == 0 && i + 1 < *argc;
        if (is_said)
            take_out(argc, argv, i);
        const str arg = str_of(argv[i]);
        if (!is_said && str_starts(arg, STR("-"))) {
            i += takes_next(t, arg); // whatever that looks like
            continue;
        }
        take_out(argc, argv, i);
        return arg;
    }
    return (str){0};
}
