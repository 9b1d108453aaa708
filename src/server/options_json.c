#include "server/options_json.h"

#include "json/json.h"
#include "server/options_row.h"

static const char *const kinds[] = {
    [OPTION_TEXT] = "text", [OPTION_FILE] = "file",    [OPTION_LIST] = "list",
    [OPTION_EACH] = "each", [OPTION_ADDR] = "address", [OPTION_DURATION] = "duration",
    [OPTION_SIZE] = "size", [OPTION_COUNT] = "count",  [OPTION_SWITCH] = "switch",
    [OPTION_FLAG] = "flag",
};

/** Of an object, with what stands before it. */
static int put(struct buf *out, const char *before, const char *text)
{
    int r = buf_addf(out, "%s", before);

    if (r == 0)
        r = text ? json_print_str(out, str_of(text)) : buf_add(out, STR("null"));
    return r;
}

/** All of it is printable and no quote: it needs no escape. */
static int put_variable(struct buf *out, const char *prefix, const char *name)
{
    int r = buf_addf(out, ", \"environment\": \"%s", prefix);

    for (; *name && r == 0; name++)
        r = buf_addf(out, "%c", option_env_char(*name));
    return r | buf_add(out, STR("\""));
}

static bool is_number(const struct option *o)
{
    return o->kind == OPTION_DURATION || o->kind == OPTION_SIZE || o->kind == OPTION_COUNT;
}

/** In milliseconds, bytes, or by number. */
static int put_range(struct buf *out, const struct option *o)
{
    int r = buf_addf(out, ", \"min\": %llu", (unsigned long long)o->min);

    if (r == 0 && o->max > 0)
        r = buf_addf(out, ", \"max\": %llu", (unsigned long long)o->max);
    return r;
}

static int put_option(struct buf *out, const struct option *o, const char *heading,
                      const char *env_prefix)
{
    int r = put(out, "{\"name\": ", o->name);

    r |= put(out, ", \"kind\": ", kinds[o->kind]);
    r |= put(out, ", \"value\": ", o->value);
    r |= put(out, ", \"default\": ", o->fallback);
    if (is_number(o))
        r |= put_range(out, o);
    if (env_prefix)
        r |= put_variable(out, env_prefix, o->name);
    r |= put(out, ", \"heading\": ", heading);
    r |= put(out, ", \"help\": ", o->help);
    return r | buf_add(out, STR("}"));
}

static int put_options(struct buf *out, const struct option *options, size_t n,
                       const char *env_prefix)
{
    const char *heading = NULL;
    const char *between = "";
    int r = buf_add(out, STR("["));

    for (size_t i = 0; i < n; i++) {
        if (options[i].kind == OPTION_HEADING)
            heading = options[i].help;
        if (options[i].kind == OPTION_HEADING || options[i].kind == OPTION_IGNORED)
            continue;
        r |= buf_addf(out, "%s\n      ", between);
        r |= put_option(out, &options[i], heading, env_prefix);
        between = ",";
    }
    return r | buf_add(out, STR("\n    ]"));
}

static int put_section(struct buf *out, const struct option_section *s)
{
    int r = put(out, "{\"kind\": ", s->kind);

    r |= put(out, ", \"help\": ", s->help);
    r |= buf_addf(out, ", \"max\": %zu, \"options\": ", s->max);
    r |= put_options(out, s->options, s->n_options, NULL);
    return r | buf_add(out, STR("}"));
}

int options_print_json(struct buf *out, const struct option_table *t, const char *name,
                       const char *help)
{
    int r = put(out, "{\"name\": ", name);

    r |= put(out, ", \"help\": ", help);
    r |= put(out, ",\n    \"operand\": ", t->operand);
    r |= put(out, ", \"environment\": ", t->env_prefix);
    r |= put(out, ", \"file\": ", t->file_option);
    r |= put(out, ",\n    \"summary\": ", t->summary);
    r |= buf_add(out, STR(",\n    \"options\": "));
    r |= put_options(out, t->options, t->n_options, t->env_prefix);
    r |= buf_add(out, STR(",\n    \"sections\": ["));
    for (size_t i = 0; i < t->n_sections; i++) {
        r |= buf_addf(out, "%s", i > 0 ? ", " : "");
        r |= put_section(out, &t->sections[i]);
    }
    r |= buf_add(out, STR("]}"));
    return r == 0 ? 0 : BUF_FULL;
}
