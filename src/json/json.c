#include <stdio.h>
#include <stdlib.h>

#include "base/digits.h"
#include "base/hex.h"
#include "base/mem.h"
#include "json/tree.h"

#define ESCAPE_LEN 6 // of \uXXXX

enum json_kind json_kind(const struct json *j)
{
    return (enum json_kind)j->kind;
}

static bool is(const struct json *j, enum json_kind kind)
{
    return j && j->kind == kind;
}

size_t json_count(const struct json *j)
{
    return is(j, JSON_KIND_ARRAY) || is(j, JSON_KIND_OBJECT) ? j->n : 0;
}

const struct json *json_item(const struct json *j, size_t i)
{
    return is(j, JSON_KIND_ARRAY) && i < j->n ? &j->items[i] : NULL;
}

const struct json *json_member(const struct json *j, const char *name)
{
    const str wanted = str_of(name);

    for (size_t i = 0; is(j, JSON_KIND_OBJECT) && i < j->n; i++) {
        if (str_eq(json_pair_name(&j->members[i]), wanted))
            return &j->members[i].value;
    }
    return NULL;
}

void json_each_member(const struct json *j, json_member_fn *fn, void *arg)
{
    for (size_t i = 0; is(j, JSON_KIND_OBJECT) && i < j->n; i++) {
        if (!fn(arg, json_pair_name(&j->members[i]), &j->members[i].value))
            return;
    }
}

str json_text(const struct json *j)
{
    return is(j, JSON_KIND_STR) ? (str){j->text, j->n} : (str){0};
}

bool json_integer_of(const struct json *j, int64_t *out)
{
    if (!is(j, JSON_KIND_INT))
        return false;
    *out = j->integer;
    return true;
}

bool json_number_of(const struct json *j, double *out)
{
    if (is(j, JSON_KIND_INT)) {
        *out = (double)j->integer;
        return true;
    }
    if (!is(j, JSON_KIND_REAL))
        return false;
    *out = j->real;
    return true;
}

bool json_is_true(const struct json *j)
{
    return is(j, JSON_KIND_BOOL) && j->is_true;
}

bool json_holds(const struct json *j, str text)
{
    for (size_t i = 0; json_item(j, i); i++) {
        const str item = json_text(json_item(j, i));
        if (item.ptr && str_eq(item, text))
            return true;
    }
    return false;
}

struct nesting {
    size_t depth;
    bool is_within;
};

static bool look_within(void *arg, str name, const struct json *value)
{
    struct nesting *n = arg;

    (void)name;
    n->is_within = json_nests_within(value, n->depth);
    return n->is_within;
}

bool json_nests_within(const struct json *j, size_t depth)
{
    const enum json_kind kind = json_kind(j);
    struct nesting inner = {depth - 1, true};

    if (kind != JSON_KIND_ARRAY && kind != JSON_KIND_OBJECT)
        return true;
    if (depth == 0)
        return false;
    for (size_t i = 0; kind == JSON_KIND_ARRAY && inner.is_within && i < json_count(j); i++)
        look_within(&inner, (str){0}, json_item(j, i));
    if (kind == JSON_KIND_OBJECT)
        json_each_member(j, look_within, &inner);
    return inner.is_within;
}

/** The letter that stands for c after a backslash, or 0: none does. */
static char letter_for(char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',  ['\r'] = 'r',
        ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\',
    };
    const uint8_t i = (uint8_t)c;

    if (i >= sizeof(letters))
        return '\0';
    return letters[i];
}

static char *write_escape(char *at, char c)
{
    const char letter = letter_for(c);

    *at++ = '\\';
    if (letter) {
        *at++ = letter;
        return at;
    }
    at += str_copy(at, STR("u00")).len;
    *at++ = hex_digit((uint8_t)c >> 4);
    *at++ = hex_digit((uint8_t)c & 15U);
    return at;
}

static int print_plain(struct buf *out, str s)
{
    char *at = buf_room(out, s.len + 2);

    if (!at)
        return BUF_FULL;
    *at++ = '"';
    at += str_copy(at, s).len;
    *at = '"';
    buf_added(out, s.len + 2);
    return 0;
}

/** @param n_plain  bytes that need no escape */
static int print_escaped(struct buf *out, str s, size_t n_plain)
{
    size_t size = s.len + 2;

    for (size_t i = n_plain; i < s.len; i++) {
        if (json_must_escape(s.ptr[i]))
            size += letter_for(s.ptr[i]) ? 1 : ESCAPE_LEN - 1;
    }
    char *at = buf_room(out, size);
    if (!at)
        return BUF_FULL;

    *at++ = '"';
    while (s.len > 0) {
        at += str_copy(at, str_take(&s, json_plain_len(s))).len;
        if (s.len > 0)
            at = write_escape(at, *str_take(&s, 1).ptr);
    }
    *at = '"';
    buf_added(out, size);
    return 0;
}

int json_print_str(struct buf *out, str s)
{
    const size_t n_plain = json_plain_len(s);

    return n_plain == s.len ? print_plain(out, s) : print_escaped(out, s, n_plain);
}

// Values as they are.

#define REAL_DIGITS_MIN 15 // that every double keeps
#define REAL_DIGITS_MAX 17 // that tell all doubles apart
#define REAL_SIZE       32 // bytes of a double's text, NUL included

static int print_integer(struct buf *out, int64_t n)
{
    char digits[DIGITS_SIZE];
    const uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    const int r = n < 0 ? buf_add(out, STR("-")) : 0;

    return r == 0 ? buf_add(out, digits_of(digits, size)) : r;
}

/** A point or an exponent shows that it is a real; of that, no plus and no zero before it. */
static int print_real(struct buf *out, double value)
{
    char text[REAL_SIZE];

    snprintf(text, sizeof(text), "%.*g", REAL_DIGITS_MAX, value);
    str exponent = str_of(text);
    const str number = str_take_until(&exponent, 'e');
    int r = buf_add(out, number);
    if (r == 0 && exponent.len == 0)
        return str_find(number, '.') < number.len ? 0 : buf_add(out, STR(".0"));
    if (r == 0)
        r = buf_add(out, STR("e"));
    if (r == 0 && exponent.ptr[0] == '-')
        r = buf_add(out, STR("-"));
    while (exponent.len > 1 && (exponent.ptr[0] < '1' || exponent.ptr[0] > '9'))
        str_take(&exponent, 1);
    return r == 0 ? buf_add(out, exponent) : r;
}

static int print(struct buf *out, const struct json *j);

static int print_inner(struct buf *out, const struct json *j)
{
    const bool is_array = is(j, JSON_KIND_ARRAY);
    int r = buf_add(out, is_array ? STR("[") : STR("{"));

    for (size_t i = 0; r == 0 && i < j->n; i++) {
        if (i > 0)
            r = buf_add(out, STR(","));
        if (r == 0 && !is_array)
            r = json_print_str(out, json_pair_name(&j->members[i]));
        if (r == 0 && !is_array)
            r = buf_add(out, STR(":"));
        if (r == 0)
            r = print(out, is_array ? &j->items[i] : &j->members[i].value);
    }
    return r == 0 ? buf_add(out, is_array ? STR("]") : STR("}")) : r;
}

static int print(struct buf *out, const struct json *j)
{
    switch (json_kind(j)) {
    case JSON_KIND_NULL: return buf_add(out, STR("null"));
    case JSON_KIND_BOOL: return buf_add(out, j->is_true ? STR("true") : STR("false"));
    case JSON_KIND_INT: return print_integer(out, j->integer);
    case JSON_KIND_REAL: return print_real(out, j->real);
    case JSON_KIND_STR: return json_print_str(out, json_text(j));
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT: break;
    }
    return print_inner(out, j);
}

int json_print(struct buf *out, const struct json *j)
{
    const size_t before = out->len;
    const int r = print(out, j);

    if (r != 0)
        out->len = before;
    return r;
}

// The canonical form.

#define INT64_END 9223372036854775808.0 // 2^63: it is no int64_t, and its negative is one

static int print_shortest(struct buf *out, double value)
{
    char text[REAL_SIZE];

    if (value >= -INT64_END && value < INT64_END && (double)(int64_t)value == value)
        return print_integer(out, (int64_t)value);
    for (int digits = REAL_DIGITS_MIN; digits <= REAL_DIGITS_MAX; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return buf_add(out, str_of(text));
}

static int print_canonical(struct buf *out, const struct json *j);

static int print_array(struct buf *out, const struct json *j)
{
    int r = buf_add(out, STR("["));

    for (size_t i = 0; r == 0 && i < json_count(j); i++) {
        if (i > 0)
            r = buf_add(out, STR(","));
        if (r == 0)
            r = print_canonical(out, json_item(j, i));
    }
    return r == 0 ? buf_add(out, STR("]")) : r;
}

struct member {
    str name;
    const struct json *value; // NULL: text
    str text;
};

struct members {
    struct member *all;
    size_t n;
    const struct json_instead *with;
    size_t n_with;
};

static bool is_instead(const struct members *m, str name)
{
    for (size_t i = 0; i < m->n_with; i++) {
        if (str_eq(m->with[i].name, name))
            return true;
    }
    return false;
}

static bool collect_member(void *arg, str name, const struct json *value)
{
    struct members *m = arg;

    if (!is_instead(m, name))
        m->all[m->n++] = (struct member){.name = name, .value = value};
    return true;
}

static void collect_instead(struct members *m)
{
    for (size_t i = 0; i < m->n_with; i++) {
        const struct json_instead *one = &m->with[i];
        if (one->value.len > 0)
            m->all[m->n++] = (struct member){.name = one->name, .text = one->value};
    }
}

static int compare_members(const void *a, const void *b)
{
    return json_compare_names(((const struct member *)a)->name,
                              ((const struct member *)b)->name);
}

static int print_member(struct buf *out, const struct member *m)
{
    int r = json_print_str(out, m->name);

    if (r == 0)
        r = buf_add(out, STR(":"));
    if (r != 0)
        return r;
    return m->value ? print_canonical(out, m->value) : buf_add(out, m->text);
}

static int print_members(struct buf *out, const struct members *m)
{
    int r = buf_add(out, STR("{"));

    for (size_t i = 0; r == 0 && i < m->n; i++) {
        if (i > 0)
            r = buf_add(out, STR(","));
        if (r == 0)
            r = print_member(out, &m->all[i]);
    }
    return r == 0 ? buf_add(out, STR("}")) : r;
}

static int print_object(struct buf *out, const struct json *j, const struct json_instead *with,
                        size_t n_with)
{
    const size_t n = json_count(j) + n_with;
    struct members m = {.with = with, .n_with = n_with};

    if (n == 0)
        return buf_add(out, STR("{}"));
    m.all = mem_alloc(n * sizeof(*m.all));
    json_each_member(j, collect_member, &m);
    collect_instead(&m);
    qsort(m.all, m.n, sizeof(*m.all), compare_members);
    const int r = print_members(out, &m);
    free(m.all);
    return r;
}

static int print_canonical(struct buf *out, const struct json *j)
{
    switch (json_kind(j)) {
    case JSON_KIND_STR: return json_print_str(out, json_text(j));
    case JSON_KIND_REAL: return print_shortest(out, j->real);
    case JSON_KIND_ARRAY: return print_array(out, j);
    case JSON_KIND_OBJECT: return print_object(out, j, NULL, 0);
    case JSON_KIND_NULL:
    case JSON_KIND_BOOL:
    case JSON_KIND_INT: break;
    }
    return print(out, j); // has one form
}

int json_print_canonical(struct buf *out, const struct json *j)
{
    const size_t before = out->len;
    const int r = print_canonical(out, j);

    if (r != 0)
        out->len = before;
    return r;
}

int json_print_canonical_with(struct buf *out, const struct json *j,
                              const struct json_instead *with, size_t n)
{
    const size_t before = out->len;
    const int r = print_object(out, j, with, n);

    if (r != 0)
        out->len = before;
    return r;
}
