#include "server/options.h"

#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};
static const struct unit sizes[] = {
    {"", 1},
    {"KiB", 1024},
    {"MiB", 1U << 20},
    {"GiB", 1U << 30},
};

/** Digits, then one of the units. */
static int parse_with_unit(str text, const struct unit *units, size_t n_units, uint64_t *out)
{
    str unit = text;
    uint64_t n = 0;

    while (unit.len > 0 && unit.ptr[0] >= '0' && unit.ptr[0] <= '9')
        str_take(&unit, 1);
    const str digits = {text.ptr, text.len - unit.len};
    for (size_t i = 0; i < n_units; i++) {
        if (!str_eq(unit, str_of(units[i].name)))
            continue;
        if (str_to_u64(digits, (uint64_t)INT64_MAX / units[i].factor, &n) != 0)
            return OPTIONS_BAD;
        *out = n * units[i].factor;
        return 0;
    }
    return OPTIONS_BAD;
}

int options_duration(str text, int64_t *ms)
{
    uint64_t value = 0;
    const int r = parse_with_unit(text, durations, COUNT_OF(durations), &value);

    *ms = (int64_t)value;
    return r;
}

int options_size(str text, uint64_t *bytes)
{
    return parse_with_unit(text, sizes, COUNT_OF(sizes), bytes);
}

static int parse_list(str text, struct option_list *out)
{
    bool has_more = text.len > 0; // nothing at all is the empty list

    *out = (struct option_list){0};
    while (has_more) {
        has_more = str_find(text, ',') < text.len;
        const str item = str_trim(str_take_until(&text, ','));
        if (item.len == 0 || out->n == OPTIONS_LIST_MAX)
            return OPTIONS_BAD;
        out->items[out->n++] = item;
    }
    return 0;
}

static int parse_switch(str text, bool *out)
{
    *out = str_eq(text, STR("on")) || str_eq(text, STR("true"));
    return *out || str_eq(text, STR("off")) || str_eq(text, STR("false")) ? 0 : OPTIONS_BAD;
}

static const char *form_of(enum option_kind kind)
{
    static_assert(OPTIONS_LIST_MAX == 32, "as the text below says");
    switch (kind) {
    case OPTION_LIST: return "a list such as a,b (at most 32 values)";
    case OPTION_ADDR: return "an address such as 127.0.0.1:8080 or [::1]:8080";
    case OPTION_DURATION: return "a duration such as 500ms, 30s, 15m, 12h or 30d";
    case OPTION_SIZE: return "a size such as 1000000, 64KiB or 8MiB";
    case OPTION_COUNT: return "a number";
    case OPTION_SWITCH: return "on or off";
    case OPTION_TEXT:
    case OPTION_IGNORED: break;
    }
    return "a text";
}

static int parse_value(const struct option *o, void *field, str text)
{
    switch (o->kind) {
    case OPTION_TEXT: *(str *)field = text; return 0;
    case OPTION_LIST: return parse_list(text, field);
    case OPTION_ADDR: return addr_parse(field, text);
    case OPTION_DURATION: return options_duration(text, field);
    case OPTION_SIZE: return options_size(text, field);
    case OPTION_COUNT: return str_to_u64(text, UINT64_MAX, field);
    case OPTION_SWITCH: return parse_switch(text, field);
    case OPTION_IGNORED: return 0;
    }
    return OPTIONS_BAD;
}

static bool is_number(enum option_kind kind)
{
    return kind == OPTION_DURATION || kind == OPTION_SIZE || kind == OPTION_COUNT;
}

static int set(const struct option_table *t, const struct option *o, void *into, str text)
{
    void *field = (char *)into + o->offset;

    if (parse_value(o, field, text) != 0) {
        fprintf(stderr, "%s: --%s: '" STR_FMT "' is not %s\n", t->command, o->name,
                STR_ARG(text), form_of(o->kind));
        return OPTIONS_BAD;
    }
    if (!is_number(o->kind))
        return 0;
    uint64_t value = 0; // an int64_t that is not negative has the same bytes
    memcpy(&value, field, sizeof(value));
    const bool is_below = value < o->min;
    if (!is_below && (o->max == 0 || value <= o->max))
        return 0;
    fprintf(stderr, "%s: --%s: '" STR_FMT "' is %s %llu%s\n", t->command, o->name,
            STR_ARG(text), is_below ? "below" : "above",
            (unsigned long long)(is_below ? o->min : o->max),
            o->kind == OPTION_DURATION ? " ms" : "");
    return OPTIONS_BAD;
}

static const struct option *find(const struct option_table *t, str name)
{
    for (size_t i = 0; i < t->n_options; i++) {
        if (str_eq(name, str_of(t->options[i].name)))
            return &t->options[i];
    }
    return NULL;
}

#define NAME_MAX_LEN 32

/** How many letters to add, drop or change to make one of the other (Levenshtein). */
static size_t distance(str a, str b)
{
    size_t row[NAME_MAX_LEN + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            const size_t change = diagonal + (a.ptr[i] != b.ptr[j]);
            const size_t edit = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < edit ? change : edit;
        }
    }
    return row[b.len];
}

static void say_unknown(const struct option_table *t, str name)
{
    const struct option *nearest = NULL;
    size_t best = name.len < 4 ? name.len : 4; // further away it is no slip of the fingers

    for (size_t i = 0; i < t->n_options; i++) {
        const str other = str_of(t->options[i].name);
        if (name.len > NAME_MAX_LEN || other.len > NAME_MAX_LEN)
            continue;
        const size_t d = distance(name, other);
        if (d < best) {
            best = d;
            nearest = &t->options[i];
        }
    }
    fprintf(stderr, "%s: there is no option --" STR_FMT, t->command, STR_ARG(name));
    if (nearest) {
        fprintf(stderr, "; did you mean --%s?\n", nearest->name);
    } else {
        fprintf(stderr, "; '%s --help' lists them\n", t->command);
    }
}

static void print_help(const struct option_table *t)
{
    printf("%s%s%s [OPTIONS]\n\n%s\n\nOptions:\n", t->command, t->operand ? " " : "",
           t->operand ? t->operand : "", t->summary);
    for (size_t i = 0; i < t->n_options; i++) {
        const struct option *o = &t->options[i];
        char left[64];
        if (o->kind == OPTION_IGNORED)
            continue;
        snprintf(left, sizeof(left), "--%s %s", o->name, o->value);
        printf("  %-28s %s", left, o->help);
        if (o->fallback)
            printf(" (%s)", o->fallback);
        printf("\n");
    }
}

int options_parse(const struct option_table *t, void *into, int argc, char **argv)
{
    for (size_t i = 0; i < t->n_options; i++) {
        const struct option *o = &t->options[i];
        if (o->fallback && set(t, o, into, str_of(o->fallback)) != 0)
            return OPTIONS_BAD;
    }
    for (int i = 0; i < argc; i++) {
        str value = str_of(argv[i]);
        if (str_eq(value, STR("--help")) || str_eq(value, STR("-h"))) {
            print_help(t);
            return OPTIONS_HELP;
        }
        if (!str_starts(value, STR("--"))) {
            fprintf(stderr, "%s: '%s' is no option; '%s --help' lists them\n", t->command,
                    argv[i], t->command);
            return OPTIONS_BAD;
        }
        str_take(&value, 2);
        const bool has_value = str_find(value, '=') < value.len;
        const str name = str_take_until(&value, '=');
        const struct option *o = find(t, name);
        if (!o) {
            say_unknown(t, name);
            return OPTIONS_BAD;
        }
        if (!has_value && i + 1 == argc) {
            fprintf(stderr, "%s: --%s needs a value: %s\n", t->command, o->name,
                    form_of(o->kind));
            return OPTIONS_BAD;
        }
        if (!has_value)
            value = str_of(argv[++i]);
        if (set(t, o, into, value) != 0)
            return OPTIONS_BAD;
    }
    return 0;
}

bool options_has(const char *name, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        str arg = str_of(argv[i]);
        if (!str_starts(arg, STR("--")))
            continue;
        str_take(&arg, 2);
        const bool has_value = str_find(arg, '=') < arg.len;
        if (str_eq(str_take_until(&arg, '='), str_of(name)))
            return true;
        if (!has_value)
            i++; // the next is its value, whatever it looks like
    }
    return false;
}

str options_take_operand(int *argc, char **argv)
{
    for (int i = 0; i < *argc; i++) {
        const str arg = str_of(argv[i]);
        if (str_starts(arg, STR("-"))) {
            i += str_find(arg, '=') == arg.len; // the next is its value, whatever it looks like
            continue;
        }
        memmove((void *)(argv + i), (void *)(argv + i + 1),
                (size_t)(*argc - i - 1) * sizeof(*argv));
        --*argc;
        return arg;
    }
    return (str){0};
}
