#include "server/options_row.h"

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

static int parse_one_more(str text, struct option_list *out)
{
    if (text.len == 0 || out->n == OPTIONS_LIST_MAX)
        return OPTIONS_BAD;
    out->items[out->n++] = text;
    return 0;
}

static int parse_switch(str text, bool *out)
{
    *out = str_eq(text, STR("on")) || str_eq(text, STR("true"));
    return *out || str_eq(text, STR("off")) || str_eq(text, STR("false")) ? 0 : OPTIONS_BAD;
}

const char *option_form(enum option_kind kind)
{
    static_assert(OPTIONS_LIST_MAX == 32, "as the text below says");
    switch (kind) {
    case OPTION_LIST: return "a list such as a,b (at most 32 values)";
    case OPTION_EACH: return "a value, or one too many (at most 32)";
    case OPTION_ADDR: return "an address such as 127.0.0.1:8080 or [::1]:8080";
    case OPTION_DURATION: return "a duration such as 500ms, 30s, 15m, 12h or 30d";
    case OPTION_SIZE: return "a size such as 1000000, 64KiB or 8MiB";
    case OPTION_COUNT: return "a number";
    case OPTION_FLAG:
    case OPTION_SWITCH: return "on or off";
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_HEADING:
    case OPTION_IGNORED: break;
    }
    return "a text";
}

static int parse_value(const struct option *o, void *field, str text)
{
    switch (o->kind) {
    case OPTION_TEXT:
    case OPTION_FILE: *(str *)field = text; return 0;
    case OPTION_LIST: return parse_list(text, field);
    case OPTION_EACH: return parse_one_more(text, field);
    case OPTION_ADDR: return addr_parse(field, text);
    case OPTION_DURATION: return options_duration(text, field);
    case OPTION_SIZE: return options_size(text, field);
    case OPTION_COUNT: return str_to_u64(text, UINT64_MAX, field);
    case OPTION_FLAG:
    case OPTION_SWITCH: return parse_switch(text, field);
    case OPTION_IGNORED: return 0;
    case OPTION_HEADING: break;
    }
    return OPTIONS_BAD;
}

// What is said.

void option_say_where(const struct option_source *from)
{
    if (from->origin == OPTION_FROM_FILE) {
        fprintf(from->err, "%s:%zu: ", from->path, from->line);
    } else if (from->origin == OPTION_FROM_CREDENTIAL) {
        fprintf(from->err, "credentials in %s: ", from->path);
    } else {
        fprintf(from->err, "%s: ", from->table->command);
    }
}

char option_env_char(char c)
{
    if (c == '-')
        return '_';
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c;
}

void option_say_name(const struct option_source *from, str name)
{
    switch (from->origin) {
    case OPTION_FROM_ARGV: fprintf(from->err, "--" STR_FMT, STR_ARG(name)); return;
    case OPTION_FROM_FILE: fprintf(from->err, STR_FMT, STR_ARG(name)); return;
    case OPTION_FROM_CREDENTIAL: fprintf(from->err, "parley." STR_FMT, STR_ARG(name)); return;
    case OPTION_FROM_ENV: break;
    }
    fprintf(from->err, "%s", from->table->env_prefix);
    for (size_t i = 0; i < name.len; i++)
        fputc(option_env_char(name.ptr[i]), from->err);
}

/** Begin to say that a value is no good. */
static void say_bad_value(const struct option_source *from, const struct option *o, str value)
{
    option_say_where(from);
    option_say_name(from, str_of(o->name));
    if (from->origin == OPTION_FROM_CREDENTIAL) {
        fprintf(from->err, ": it is ");
    } else {
        fprintf(from->err, ": '" STR_FMT "' is ", STR_ARG(value));
    }
}

void option_say_nearest(const struct option_source *from, const struct option *options,
                        size_t n, str name)
{
    const char *words[OPTIONS_ROWS_SIZE] = {0};

    assert(n <= OPTIONS_ROWS_SIZE);
    for (size_t i = 0; i < n; i++)
        words[i] = options[i].name; // of a heading nothing, which is like no name
    const size_t nearest = option_nearest(words, n, name);
    if (nearest < n) {
        fprintf(from->err, "; did you mean ");
        option_say_name(from, str_of(words[nearest]));
        fprintf(from->err, "?\n");
    } else {
        fprintf(from->err, "; '%s --help' lists them\n", from->table->command);
    }
}

// The rows.

static bool is_number(enum option_kind kind)
{
    return kind == OPTION_DURATION || kind == OPTION_SIZE || kind == OPTION_COUNT;
}

int option_set(const struct option_source *from, const struct option *o, void *into, str text)
{
    void *field = (char *)into + o->offset;

    if (parse_value(o, field, text) != 0) {
        say_bad_value(from, o, text);
        fprintf(from->err, "not %s\n", option_form(o->kind));
        return OPTIONS_BAD;
    }
    if (!is_number(o->kind))
        return 0;
    uint64_t value = 0; // an int64_t that is not negative has the same bytes
    memcpy(&value, field, sizeof(value));
    const bool is_below = value < o->min;
    if (!is_below && (o->max == 0 || value <= o->max))
        return 0;
    say_bad_value(from, o, text);
    fprintf(from->err, "%s %llu%s\n", is_below ? "below" : "above",
            (unsigned long long)(is_below ? o->min : o->max),
            o->kind == OPTION_DURATION ? " ms" : "");
    return OPTIONS_BAD;
}

int option_set_defaults(const struct option_table *t, const struct option *options, size_t n,
                        void *into)
{
    const struct option_source from = {.table = t, .err = stderr};

    assert(n <= OPTIONS_ROWS_SIZE);
    for (size_t i = 0; i < n; i++) {
        const struct option *o = &options[i];
        if (o->fallback && option_set(&from, o, into, str_of(o->fallback)) != 0)
            return OPTIONS_BAD;
    }
    return 0;
}

const struct option *option_find(const struct option *options, size_t n, str name)
{
    for (size_t i = 0; i < n; i++) {
        if (options[i].kind != OPTION_HEADING && str_eq(name, str_of(options[i].name)))
            return &options[i];
    }
    return NULL;
}

static bool is_env_of(str name, str variable)
{
    if (name.len != variable.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (option_env_char(name.ptr[i]) != variable.ptr[i])
            return false;
    }
    return true;
}

const struct option *option_find_env(const struct option_table *t, str variable)
{
    for (size_t i = 0; i < t->n_options; i++) {
        const struct option *o = &t->options[i];
        if (o->kind != OPTION_HEADING && is_env_of(str_of(o->name), variable))
            return o;
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

size_t option_nearest(const char *const *words, size_t n, str name)
{
    size_t nearest = n;
    size_t best = name.len < 4 ? name.len : 4; // further away it is no slip of the fingers

    for (size_t i = 0; i < n; i++) {
        const str word = str_of(words[i]);
        if (name.len > NAME_MAX_LEN || word.len > NAME_MAX_LEN)
            continue;
        const size_t d = distance(name, word);
        if (d < best) {
            best = d;
            nearest = i;
        }
    }
    return nearest;
}
