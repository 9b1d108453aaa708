#include "json/json.h"

#include <jansson.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/mem.h"

#undef json_is_true // jansson's macro; ours is a function

#define DECODING (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define ENCODING (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17))

void json_set_mem(void)
{
    json_set_alloc_funcs(mem_malloc, free);
}

static const json_t *tree_of(const struct json *j)
{
    return (const json_t *)j;
}

/** @return the length of the string that text begins with, quotes included; all of text if
 * it has no end */
static size_t string_len(str text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '"')
            return i + 1;
        if (text.ptr[i] == '\\')
            i++;
    }
    return text.len;
}

#define ESCAPE_LEN 6 // of \uXXXX

/** @return the code unit of the \uXXXX that text begins with, or -1: it begins with none */
static int escaped_unit(str text)
{
    int unit = 0;

    if (text.len < ESCAPE_LEN || text.ptr[0] != '\\' || text.ptr[1] != 'u')
        return -1;
    for (size_t i = 2; i < ESCAPE_LEN; i++) {
        const int digit = hex_value(text.ptr[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static void replace_lone_surrogates(char *string, size_t len)
{
    size_t i = 0;

    while (i < len) {
        const char *escape = memchr(string + i, '\\', len - i);
        if (!escape)
            return;
        i = (size_t)(escape - string);

        const int unit = escaped_unit((str){string + i, len - i});
        if (unit < 0) {
            i += 2; // another escape: what it escapes begins none
            continue;
        }
        i += ESCAPE_LEN;
        if (is_high_surrogate(unit) &&
            is_low_surrogate(escaped_unit((str){string + i, len - i}))) {
            i += ESCAPE_LEN;
        } else if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
            str_copy(string + i - 4, STR("fffd"));
        }
    }
}

/** What has to be right, or put right, before jansson sees the text. */
static int prepare(char *text, size_t len)
{
    size_t depth = 0;
    size_t i = 0;

    while (i < len) {
        switch (text[i]) {
        case '"': {
            const size_t n = string_len((str){text + i, len - i});
            replace_lone_surrogates(text + i, n);
            i += n;
            continue;
        }
        case '[':
        case '{':
            if (++depth > JSON_DEPTH_MAX)
                return JSON_TOO_DEEP;
            break;
        case ']':
        case '}':
            if (depth-- == 0)
                return JSON_BAD;
            break;
        case '\0': return JSON_BAD; // jansson would skip it after a number
        default: break;
        }
        i++;
    }
    return 0;
}

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static str take_number(str *text)
{
    size_t n = 0;

    while (n < text->len && is_of_number(text->ptr[n]))
        n++;
    return str_take(text, n);
}

static bool is_beyond_64_bits(str number)
{
    const bool is_negative = str_starts(number, STR("-"));
    uint64_t value;

    if (is_negative)
        str_take(&number, 1);
    return str_to_u64(number, (uint64_t)INT64_MAX + is_negative, &value) == STR_TOO_LARGE;
}

/**
 * Parse a text with integers beyond 64 bits, which JSON.stringify writes up to 1e21.
 *
 * jansson refuses them. Its JSON_DECODE_INT_AS_REAL takes them, but makes reals of all the
 * other integers too, among them a placeholder's number; so these get ".0" in a copy.
 */
static json_t *parse_large(str text, size_t flags, json_error_t *error)
{
    assert(text.len > 0);                       // a number is in it
    char *const copy = mem_alloc(text.len * 2); // 19 digits or more grow by 2
    size_t len = 0;

    while (text.len > 0) {
        const str number = take_number(&text);
        len += str_copy(copy + len, number).len;
        if (is_beyond_64_bits(number))
            len += str_copy(copy + len, STR(".0")).len;
        if (text.len > 0) {
            const size_t n = text.ptr[0] == '"' ? string_len(text) : 1;
            len += str_copy(copy + len, str_take(&text, n)).len;
        }
    }

    json_t *tree = json_loadb(copy, len, flags, error);
    free(copy);
    return tree;
}

static int refusal_of(const json_error_t *error)
{
    const enum json_error_code code = json_error_code(error);
    const bool is_beyond =
        code == json_error_numeric_overflow || code == json_error_null_byte_in_key;

    return is_beyond ? JSON_BEYOND : JSON_BAD;
}

static int parse(struct json **out, char *text, size_t len, size_t flags)
{
    json_error_t error;

    const int refusal = prepare(text, len);
    if (refusal)
        return refusal;

    json_t *tree = json_loadb(text, len, flags, &error);
    if (!tree && json_error_code(&error) == json_error_numeric_overflow)
        tree = parse_large((str){text, len}, flags, &error);
    if (!tree)
        return refusal_of(&error);
    *out = (struct json *)tree;
    return 0;
}

int json_parse(struct json **out, char *text, size_t len)
{
    return parse(out, text, len, DECODING);
}

int json_parse_unique(struct json **out, char *text, size_t len)
{
    return parse(out, text, len, DECODING | JSON_REJECT_DUPLICATES);
}

void json_free(struct json *j)
{
    json_decref((json_t *)j);
}

enum json_kind json_kind(const struct json *j)
{
    static const enum json_kind kinds[] = {
        [JSON_OBJECT] = JSON_KIND_OBJECT, [JSON_ARRAY] = JSON_KIND_ARRAY,
        [JSON_STRING] = JSON_KIND_STR,    [JSON_INTEGER] = JSON_KIND_INT,
        [JSON_REAL] = JSON_KIND_REAL,     [JSON_TRUE] = JSON_KIND_BOOL,
        [JSON_FALSE] = JSON_KIND_BOOL,    [JSON_NULL] = JSON_KIND_NULL,
    };

    return kinds[json_typeof(tree_of(j))];
}

size_t json_count(const struct json *j)
{
    // Each is 0 for what is not of its kind.
    return json_array_size(tree_of(j)) + json_object_size(tree_of(j));
}

const struct json *json_item(const struct json *j, size_t i)
{
    return (const struct json *)json_array_get(tree_of(j), i);
}

const struct json *json_member(const struct json *j, const char *name)
{
    return (const struct json *)json_object_get(tree_of(j), name);
}

void json_each_member(const struct json *j, json_member_fn *fn, void *arg)
{
    // jansson's iterators change nothing, but are not declared so.
    const union {
        const struct json *borrowed;
        json_t *tree;
    } u = {.borrowed = j};

    for (void *i = json_object_iter(u.tree); i; i = json_object_iter_next(u.tree, i)) {
        const str name = {json_object_iter_key(i), json_object_iter_key_len(i)};
        if (!fn(arg, name, (const struct json *)json_object_iter_value(i)))
            return;
    }
}

str json_text(const struct json *j)
{
    return (str){json_string_value(tree_of(j)), json_string_length(tree_of(j))};
}

bool json_integer_of(const struct json *j, int64_t *out)
{
    if (!json_is_integer(tree_of(j)))
        return false;
    *out = json_integer_value(tree_of(j));
    return true;
}

bool json_number_of(const struct json *j, double *out)
{
    if (!json_is_number(tree_of(j)))
        return false;
    *out = json_number_value(tree_of(j));
    return true;
}

bool json_is_true(const struct json *j)
{
    return j && json_typeof(tree_of(j)) == JSON_TRUE;
}

bool json_holds(const struct json *j, str text)
{
    for (size_t i = 0; i < json_array_size(tree_of(j)); i++) {
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

/** @return the bytes that j takes; they are in out if they fit */
static size_t dump(char *out, size_t size, const struct json *j)
{
    const size_t n = json_dumpb(tree_of(j), out, size, ENCODING);
    if (n == 0)
        abort(); // no value is empty, and nothing is nested too deep
    return n;
}

int json_print(struct buf *out, const struct json *j)
{
    // The size first: jansson ignores what a callback refuses while it prints a name.
    const size_t size = dump(NULL, 0, j);
    char *room = buf_room(out, size);
    if (!room)
        return BUF_FULL;
    buf_added(out, dump(room, size, j));
    return 0;
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

static bool must_escape(char c)
{
    return (uint8_t)c < 0x20 || c == '"' || c == '\\';
}

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define EACH_HIGH UINT64_C(0x8080808080808080)

/** Is there a byte below limit in it? For limits up to 0x80. */
static bool has_below(uint64_t eight, uint64_t limit)
{
    return ((eight - limit * EACH_BYTE) & ~eight & EACH_HIGH) != 0;
}

static bool has_byte(uint64_t eight, uint64_t byte)
{
    return has_below(eight ^ byte * EACH_BYTE, 1);
}

/** Bytes before the first that must be escaped: most strings have none. */
static size_t plain_len(str s)
{
    size_t n = 0;
    uint64_t eight;

    for (; s.len - n >= sizeof(eight); n += sizeof(eight)) {
        memcpy(&eight, s.ptr + n, sizeof(eight));
        if (has_below(eight, 0x20) || has_byte(eight, '"') || has_byte(eight, '\\'))
            break;
    }
    while (n < s.len && !must_escape(s.ptr[n]))
        n++;
    return n;
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
        if (must_escape(s.ptr[i]))
            size += letter_for(s.ptr[i]) ? 1 : ESCAPE_LEN - 1;
    }
    char *at = buf_room(out, size);
    if (!at)
        return BUF_FULL;

    *at++ = '"';
    while (s.len > 0) {
        at += str_copy(at, str_take(&s, plain_len(s))).len;
        if (s.len > 0)
            at = write_escape(at, *str_take(&s, 1).ptr);
    }
    *at = '"';
    buf_added(out, size);
    return 0;
}

int json_print_str(struct buf *out, str s)
{
    const size_t n_plain = plain_len(s);

    return n_plain == s.len ? print_plain(out, s) : print_escaped(out, s, n_plain);
}

// The canonical form.

#define REAL_DIGITS_MIN 15 // that every double keeps
#define REAL_DIGITS_MAX 17 // that tell all doubles apart
#define REAL_SIZE       32 // bytes of a double's text, NUL included

#define INT64_END 9223372036854775808.0 // 2^63: it is no int64_t, and its negative is one

static int print_real(struct buf *out, double value)
{
    char text[REAL_SIZE];

    if (value >= -INT64_END && value < INT64_END && (double)(int64_t)value == value)
        return buf_addf(out, "%lld", (long long)value);
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
    const str x = ((const struct member *)a)->name;
    const str y = ((const struct member *)b)->name;
    const int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

    if (order != 0)
        return order;
    return (x.len > y.len) - (x.len < y.len);
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
    case JSON_KIND_REAL: return print_real(out, json_real_value(tree_of(j)));
    case JSON_KIND_ARRAY: return print_array(out, j);
    case JSON_KIND_OBJECT: return print_object(out, j, NULL, 0);
    case JSON_KIND_NULL:
    case JSON_KIND_BOOL:
    case JSON_KIND_INT: break;
    }
    return json_print(out, j); // has one form
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
