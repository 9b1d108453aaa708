#include "server/options_help.h"

#define WIDTH      80 // columns
#define LEFT_WIDTH 28 // of an option and its value

/** Words until the line is full; the next ones go below the first. */
static void print_wrapped(FILE *out, str text, size_t column)
{
    const size_t left = column;

    while (text.len > 0) {
        const str word = str_take_until(&text, ' ');
        if (column > left && column + 1 + word.len > WIDTH) {
            fprintf(out, "\n%*s", (int)left, "");
            column = left;
        }
        const bool is_first = column == left;
        fprintf(out, "%s" STR_FMT, is_first ? "" : " ", STR_ARG(word));
        column += word.len + !is_first;
    }
    fprintf(out, "\n");
}

/** @param dashes  what stands before the name */
static void print_option(FILE *out, const struct option *o, const char *dashes)
{
    char left[64];
    char text[320];

    snprintf(left, sizeof(left), "%s%s%s%s", dashes, o->name, *o->value ? " " : "", o->value);
    snprintf(text, sizeof(text), o->fallback ? "%s (%s)" : "%s", o->help, o->fallback);
    fprintf(out, "  %-*s ", LEFT_WIDTH, left);
    print_wrapped(out, str_of(text), LEFT_WIDTH + 3);
}

static void print_rows(FILE *out, const struct option *options, size_t n, const char *dashes)
{
    for (size_t i = 0; i < n; i++) {
        if (options[i].kind == OPTION_HEADING) {
            fprintf(out, "\n%s:\n", options[i].help);
        } else if (options[i].kind != OPTION_IGNORED) {
            print_option(out, &options[i], dashes);
        }
    }
}

static void print_sources(FILE *out, const struct option_table *t)
{
    fprintf(out,
            "\nEach option is also a variable of the environment and a key of the file that\n"
            "--%s names, where # begins a comment:\n\n"
            "  --ping-interval 25s   %sPING_INTERVAL=25s   ping-interval = 25s\n\n"
            "The flag wins over the environment, and that over the file. Between these two is "
            "what\n"
            "stands in a file \"parley.ping-interval\" in $CREDENTIALS_DIRECTORY.\n",
            t->file_option, t->env_prefix);
    for (size_t i = 0; i < t->n_sections; i++) {
        const struct option_section *s = &t->sections[i];
        fprintf(out, "\n[%s NAME] in the file, up to %zu times: %s\n", s->kind, s->max,
                s->help);
        print_rows(out, s->options, s->n_options, "");
    }
}

void options_print_help(FILE *out, const struct option_table *t)
{
    fprintf(out, "%s%s%s [OPTIONS]\n\n%s\n", t->command, t->operand ? " " : "",
            t->operand ? t->operand : "", t->summary);
    if (t->n_options > 0 && t->options[0].kind != OPTION_HEADING)
        fprintf(out, "\nOptions:\n");
    print_rows(out, t->options, t->n_options, "--");
    if (t->file_option && t->env_prefix)
        print_sources(out, t);
}
