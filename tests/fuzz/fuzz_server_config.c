#include <stdio.h>

#include "base/mem.h"
#include "server/options_file.h"

#define THINGS_MAX 3

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct thing {
    str name;
    str what;
    uint64_t count;
};

struct values {
    str text;
    struct option_list list;
    struct addr addr;
    int64_t duration;
    uint64_t size;
    bool is_on;
    size_t n_things;
    struct thing things[THINGS_MAX];
};

#define FIELD(name) offsetof(struct values, name)
static const struct option thing_rows[] = {
    {"what", OPTION_TEXT, offsetof(struct thing, what), "nothing", "TEXT", "", 0, 0},
    {"count", OPTION_COUNT, offsetof(struct thing, count), "3", "N", "", 1, 9},
};
static const struct option rows[] = {
    {"text", OPTION_TEXT, FIELD(text), NULL, "TEXT", "", 0, 0},
    {"list", OPTION_LIST, FIELD(list), NULL, "LIST", "", 0, 0},
    {"listen", OPTION_ADDR, FIELD(addr), NULL, "ADDR", "", 0, 0},
    {"drain", OPTION_DURATION, FIELD(duration), NULL, "DURATION", "", 10, 5000},
    {"size", OPTION_SIZE, FIELD(size), NULL, "SIZE", "", 1, 1000},
    {"dev", OPTION_FLAG, FIELD(is_on), NULL, "", "", 0, 0},
};
static const struct option_section sections[] = {
    {"thing", "a thing", thing_rows, COUNT_OF(thing_rows), FIELD(n_things), FIELD(things),
     sizeof(struct thing), THINGS_MAX},
};
#undef FIELD

static const struct option_table table = {
    .command = "fuzz",
    .options = rows,
    .n_options = COUNT_OF(rows),
    .sections = sections,
    .n_sections = COUNT_OF(sections),
};

static bool is_inside(str s, str whole)
{
    return s.ptr >= whole.ptr && s.ptr + s.len <= whole.ptr + whole.len;
}

/** @return how many lines say something, up to one that is wrong */
static size_t check_lines(str text, bool *is_wrong)
{
    struct options_lines lines = {.rest = text};
    struct options_line line;
    size_t n = 0;
    size_t last = 0;

    for (;;) {
        const enum options_line_kind kind = options_lines_next(&lines, &line);
        assert(lines.line >= last);
        *is_wrong = kind == OPTIONS_NO_LINE;
        assert((line.wrong != NULL) == *is_wrong);
        if (kind == OPTIONS_END || *is_wrong)
            return n;
        assert(lines.line > last); // a line says one thing
        assert(line.key.len > 0 && is_inside(line.key, text));
        assert(is_inside(line.value, text) && str_eq(str_trim(line.value), line.value));
        assert(memchr(line.value.ptr, '\n', line.value.len) == NULL);
        last = lines.line;
        n++;
    }
}

static void check_values(const struct values *v)
{
    assert(v->n_things <= THINGS_MAX && v->list.n <= OPTIONS_LIST_MAX);
    assert(v->duration == 0 || (v->duration >= 10 && v->duration <= 5000));
    assert(v->size <= 1000);
    for (size_t i = 0; i < v->n_things; i++) {
        assert(v->things[i].name.len > 0);
        assert(v->things[i].count >= 1 && v->things[i].count <= 9);
        for (size_t j = 0; j < i; j++)
            assert(!str_eq(v->things[i].name, v->things[j].name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    const str text = {(const char *)data, size};
    struct values v = {0};
    bool is_wrong = false;

    if (!nowhere)
        nowhere = fopen("/dev/null", "we");
    assert(nowhere);
    const size_t n = check_lines(text, &is_wrong);
    const int r = options_file_apply(&table, &v, "file", text, nowhere);
    assert(r == 0 || r == OPTIONS_BAD);
    assert(!is_wrong || r == OPTIONS_BAD);
    assert(n > 0 || is_wrong || r == 0);
    if (r == 0)
        check_values(&v);
    return 0;
}
