#include "server/options_file.h"

#include <errno.h>

#include "server/options_row.h"

// Lines.

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.';
}

static bool is_name(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_of_name(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool has_control(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') || s.ptr[i] == 127)
            return true;
    }
    return false;
}

static str without_comment(str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '#' &&
            (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t')) {
            line.len = i;
            break;
        }
    }
    return str_trim(line);
}

static enum options_line_kind no_line(struct options_line *out, const char *wrong)
{
    out->wrong = wrong;
    return OPTIONS_NO_LINE;
}

/** @param line  without its brackets */
static enum options_line_kind section_of(str line, struct options_line *out)
{
    line = str_trim(line);
    for (out->key = line; line.len > 0 && is_of_name(line.ptr[0]);)
        str_take(&line, 1);
    out->key.len -= line.len;
    out->value = str_trim(line);
    if (!is_name(out->key) || !is_name(out->value))
        return no_line(out, "a section is [KIND NAME], of letters, digits, '-', '_' and '.'");
    return OPTIONS_SECTION;
}

static enum options_line_kind assignment_of(str line, struct options_line *out)
{
    if (str_find(line, '=') == line.len)
        return no_line(out, "this is neither 'key = value' nor [section NAME]");
    out->key = str_trim(str_take_until(&line, '='));
    out->value = str_trim(line);
    if (!is_name(out->key))
        return no_line(out, "a key stands before '=', of letters, digits and '-'");
    if (out->value.len > 0 && (out->value.ptr[0] == '"' || out->value.ptr[0] == '\''))
        return no_line(out, "a value stands without quotes");
    return OPTIONS_ASSIGNMENT;
}

enum options_line_kind options_lines_next(struct options_lines *l, struct options_line *out)
{
    *out = (struct options_line){0};
    while (l->rest.len > 0) {
        str line = str_take_until(&l->rest, '\n');
        l->line++;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = without_comment(line);
        if (line.len == 0)
            continue;
        if (has_control(line))
            return no_line(out, "there is a byte in it that is no text");
        if (line.ptr[0] != '[')
            return assignment_of(line, out);
        if (line.len < 2 || line.ptr[line.len - 1] != ']')
            return no_line(out, "a section ends with ']'");
        return section_of((str){line.ptr + 1, line.len - 2}, out);
    }
    return OPTIONS_END;
}

// What they mean.

/** Where in the file we are: before the first section, or in one. */
struct place {
    struct option_source from;
    void *whole;                          // the caller's struct
    void *into;                           // of which this is the part
    const struct option_section *section; // NULL: before the first
    const struct option *options;
    size_t n_options;
    bool seen[OPTIONS_ROWS_SIZE]; // the options that were set here
};

static int say(const struct place *p, const char *text)
{
    option_say_where(&p->from);
    fprintf(p->from.err, "%s\n", text);
    return OPTIONS_BAD;
}

static int say_unknown_key(const struct place *p, str key)
{
    const struct option_table *t = p->from.table;

    option_say_where(&p->from);
    if (p->section && option_find(t->options, t->n_options, key)) {
        fprintf(p->from.err, "'" STR_FMT "' stands before the first section\n", STR_ARG(key));
        return OPTIONS_BAD;
    }
    fprintf(p->from.err, "there is no key '" STR_FMT "'", STR_ARG(key));
    if (p->section)
        fprintf(p->from.err, " in a section [%s NAME]", p->section->kind);
    option_say_nearest(&p->from, p->options, p->n_options, key);
    return OPTIONS_BAD;
}

static int assign(struct place *p, const struct options_line *line)
{
    const struct option *o = option_find(p->options, p->n_options, line->key);

    if (!o)
        return say_unknown_key(p, line->key);
    const char *file_option = p->from.table->file_option;
    if (!p->section && file_option && str_eq(line->key, str_of(file_option)))
        return say(p, "a file names no other file");
    bool *seen = &p->seen[o - p->options];
    if (*seen) {
        option_say_where(&p->from);
        fprintf(p->from.err, "'%s' is set a second time\n", o->name);
        return OPTIONS_BAD;
    }
    *seen = true;
    return option_set(&p->from, o, p->into, line->value);
}

static int say_unknown_section(const struct place *p, str kind)
{
    const struct option_table *t = p->from.table;
    const char *words[OPTIONS_ROWS_SIZE] = {0};

    assert(t->n_sections <= OPTIONS_ROWS_SIZE);
    for (size_t i = 0; i < t->n_sections; i++)
        words[i] = t->sections[i].kind;
    const size_t nearest = option_nearest(words, t->n_sections, kind);
    option_say_where(&p->from);
    fprintf(p->from.err, "there is no section [" STR_FMT " NAME]", STR_ARG(kind));
    if (nearest < t->n_sections) {
        fprintf(p->from.err, "; did you mean [%s NAME]?\n", words[nearest]);
    } else {
        fprintf(p->from.err, "; '%s --help' lists them\n", t->command);
    }
    return OPTIONS_BAD;
}

static const struct option_section *find_section(const struct option_table *t, str kind)
{
    for (size_t i = 0; i < t->n_sections; i++) {
        if (str_eq(kind, str_of(t->sections[i].kind)))
            return &t->sections[i];
    }
    return NULL;
}

static char *item_at(const struct place *p, const struct option_section *s, size_t i)
{
    return (char *)p->whole + s->items + i * s->item_size;
}

static bool has_item(const struct place *p, const struct option_section *s, size_t n, str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(*(const str *)(const void *)item_at(p, s, i), name))
            return true;
    }
    return false;
}

static int begin_section(struct place *p, const struct options_line *line)
{
    const struct option_section *s = find_section(p->from.table, line->key);

    if (!s)
        return say_unknown_section(p, line->key);
    size_t *count = (size_t *)(void *)((char *)p->whole + s->count);
    if (has_item(p, s, *count, line->value))
        return say(p, "there is a section of this name already");
    if (*count == s->max)
        return say(p, "there are too many sections of this kind");
    char *item = item_at(p, s, (*count)++);
    memset(item, 0, s->item_size);
    *(str *)(void *)item = line->value;
    p->into = item;
    p->section = s;
    p->options = s->options;
    p->n_options = s->n_options;
    memset(p->seen, 0, sizeof(p->seen));
    return option_set_defaults(p->from.table, s->options, s->n_options, item);
}

int options_file_apply(const struct option_table *t, void *into, const char *path, str text,
                       FILE *err)
{
    struct options_lines lines = {.rest = text};
    struct options_line line;
    struct place p = {
        .from = {.table = t, .origin = OPTION_FROM_FILE, .err = err, .path = path},
        .whole = into,
        .into = into,
        .options = t->options,
        .n_options = t->n_options,
    };

    for (;;) {
        const enum options_line_kind kind = options_lines_next(&lines, &line);
        int r = 0;
        p.from.line = lines.line;
        switch (kind) {
        case OPTIONS_ASSIGNMENT: r = assign(&p, &line); break;
        case OPTIONS_SECTION: r = begin_section(&p, &line); break;
        case OPTIONS_NO_LINE: r = say(&p, line.wrong); break;
        case OPTIONS_END: return 0;
        }
        if (r != 0)
            return OPTIONS_BAD;
    }
}

int options_file_read(const struct option_table *t, const char *path, struct buf *text)
{
    size_t n = 0;

    char *room = buf_room(text, OPTIONS_FILE_MAX + 1);
    FILE *file = fopen(path, "re");
    if (file)
        n = fread(room, 1, OPTIONS_FILE_MAX + 1, file);
    const bool is_read = file && !ferror(file);
    const int why = errno;
    if (file)
        (void)fclose(file);
    if (!is_read) {
        fprintf(stderr, "%s: can't read %s: %s\n", t->command, path, strerrordesc_np(why));
        return OPTIONS_BAD;
    }
    if (n > OPTIONS_FILE_MAX) {
        fprintf(stderr, "%s: %s has more than %d bytes\n", t->command, path, OPTIONS_FILE_MAX);
        return OPTIONS_BAD;
    }
    buf_added(text, n);
    return 0;
}
