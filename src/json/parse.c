/**
 * One pass over the text. Values lie in memory that is had in one piece for most texts, and
 * freed with the root: its size is guessed from that of the text, and what does not fit goes to
 * further pieces, each as large as all before.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json/tree.h"

#define ESCAPE_LEN  6   // of \uXXXX
#define NUMBER_SIZE 64  // bytes of most numbers, NUL included
#define N_PENDING   32  // values whose array or object is not closed, mostly
#define FEW         16  // members that are compared each with each
#define PIECE_MIN   128 // bytes

#define REPLACEMENT 0xfffdu // for what is no character

struct piece {
    struct piece *next;
};

struct root {
    struct json value; // the first: it is what the caller has
    struct piece *more;
};

struct parser {
    char *at;
    char *end;
    size_t depth;
    bool must_be_unique;
    struct root *root;
    char *low;  // free memory: structs come from its begin,
    char *high; // text from its end
    size_t taken;
    struct json_pair *pending; // of open arrays and objects, the innermost last
    size_t n_pending;
    size_t max_pending;
    struct json_pair first[N_PENDING];
};

// Memory.

static void more(struct parser *p, size_t n)
{
    const size_t size = n > p->taken ? n : p->taken;
    struct piece *piece = mem_resize(NULL, sizeof(*piece) + size);

    piece->next = p->root->more;
    p->root->more = piece;
    p->low = (char *)(piece + 1);
    p->high = p->low + size;
    p->taken += size;
}

static void *take_room(struct parser *p, size_t n)
{
    if (n > (size_t)(p->high - p->low))
        more(p, n);
    void *room = p->low;
    p->low += n;
    return room;
}

static char *take_text(struct parser *p, size_t n)
{
    if (n > (size_t)(p->high - p->low))
        more(p, n);
    p->high -= n;
    return p->high;
}

static void push(struct parser *p, const struct json_pair *pair)
{
    if (p->n_pending == p->max_pending) {
        const bool is_first = p->pending == p->first;
        p->max_pending *= 2;
        p->pending =
            mem_resize(is_first ? NULL : p->pending, p->max_pending * sizeof(*p->pending));
        if (is_first)
            memcpy(p->pending, p->first, sizeof(p->first));
    }
    p->pending[p->n_pending++] = *pair;
}

// What stands between values.

static void skip_space(struct parser *p)
{
    while (p->at < p->end &&
           (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

/** @return whether this is next, behind white space: then it is taken */
static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, str word)
{
    if (!str_starts((str){p->at, (size_t)(p->end - p->at)}, word))
        return false;
    p->at += word.len;
    return true;
}

// Strings.

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

static char *put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/** @param at  at a \uXXXX, or two that are a pair; moved behind. A lone surrogate is replaced
 * where it is. @return the character, or -1: it is none of these */
static int32_t take_unicode(char **at, const char *end)
{
    const int unit = escaped_unit((str){*at, (size_t)(end - *at)});

    if (unit < 0)
        return -1;
    *at += ESCAPE_LEN;
    if (!is_high_surrogate(unit) && !is_low_surrogate(unit))
        return unit;
    const int low = escaped_unit((str){*at, (size_t)(end - *at)});
    if (is_high_surrogate(unit) && is_low_surrogate(low)) {
        *at += ESCAPE_LEN;
        return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    str_copy(*at - 4, STR("fffd"));
    return REPLACEMENT;
}

/** @return what stands for the letter behind a backslash, or 0: nothing does */
static char escaped_letter(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

/** @param at  at a backslash that is not the last byte; moved behind the escape
 * @return behind what it stands for, or NULL */
static char *unescape_one(char *out, char **at, const char *end)
{
    const char letter = escaped_letter((*at)[1]);

    if (letter) {
        *at += 2;
        *out++ = letter;
        return out;
    }
    const int32_t c = take_unicode(at, end);
    return c < 0 ? NULL : put_character(out, (uint32_t)c);
}

/** @param raw  what stands between the quotes @return behind the last byte, or NULL */
static char *unescape(char *out, char *raw, const char *end)
{
    while (raw < end) {
        const char *escape = memchr(raw, '\\', (size_t)(end - raw));
        const size_t n = (size_t)((escape ? escape : end) - raw);
        out += str_copy(out, (str){raw, n}).len;
        raw += n;
        if (escape)
            out = unescape_one(out, &raw, end);
        if (!out)
            return NULL;
    }
    return out;
}

/** @return false: the string has no end, or a control character. Else p is at its quote */
static bool find_quote(struct parser *p, bool *has_escape)
{
    *has_escape = false;
    while (p->at < p->end) {
        p->at += json_plain_len((str){p->at, (size_t)(p->end - p->at)});
        if (p->at == p->end || *p->at != '\\')
            break;
        *has_escape = true;
        if (p->end - p->at < 2)
            return false;
        p->at += 2;
    }
    return p->at < p->end && *p->at == '"';
}

/** p is behind the first quote. */
static int parse_string(struct parser *p, const char **text, uint32_t *n)
{
    char *const raw = p->at;
    bool has_escape;

    if (!find_quote(p, &has_escape))
        return JSON_BAD;
    const char *end = p->at++;
    const str all = {raw, (size_t)(end - raw)};
    if (!utf8_is_valid(all))
        return JSON_BAD;
    char *out = take_text(p, all.len + 1); // no escape is shorter than what it stands for
    char *behind = has_escape ? unescape(out, raw, end) : out + str_copy(out, all).len;
    if (!behind)
        return JSON_BAD;
    *behind = '\0';
    *text = out;
    *n = (uint32_t)(behind - out);
    return 0;
}

// Numbers.

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *skip_digits(const char *at, const char *end)
{
    while (is_digit(at, end))
        at++;
    return at;
}

/** Digits, at least one. @return behind them, or NULL */
static const char *need_digits(const char *at, const char *end)
{
    return is_digit(at, end) ? skip_digits(at, end) : NULL;
}

/** @return behind the fraction and the exponent, if there are any; or NULL */
static const char *skip_real(const char *at, const char *end)
{
    if (at < end && *at == '.')
        at = need_digits(at + 1, end);
    if (!at || at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    return need_digits(at, end);
}

/** @return false: it is beyond 64 bits */
static bool to_integer(int64_t *out, str digits, bool is_negative)
{
    uint64_t value;

    if (str_to_u64(digits, (uint64_t)INT64_MAX + is_negative, &value) != 0)
        return false;
    *out = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static int to_real(struct json *out, str number)
{
    char few[NUMBER_SIZE];
    char *text = number.len < sizeof(few) ? few : mem_resize(NULL, number.len + 1);

    str_copy(text, number);
    text[number.len] = '\0';
    out->kind = JSON_KIND_REAL;
    out->real = strtod(text, NULL);
    if (text != few)
        free(text);
    return isfinite(out->real) ? 0 : JSON_BEYOND;
}

static int parse_number(struct parser *p, struct json *out)
{
    const char *from = p->at;
    const bool is_negative = *from == '-';
    const char *digits = from + is_negative;
    const char *behind = need_digits(digits, p->end);

    if (!behind || (*digits == '0' && behind - digits > 1))
        return JSON_BAD;
    const char *end = skip_real(behind, p->end);
    if (!end)
        return JSON_BAD;
    p->at += end - from;
    out->kind = JSON_KIND_INT;
    if (end == behind &&
        to_integer(&out->integer, (str){digits, (size_t)(end - digits)}, is_negative))
        return 0;
    return to_real(out, (str){from, (size_t)(end - from)});
}

// Arrays and objects.

static int parse_value(struct parser *p, struct json *out);

static int close_array(struct parser *p, size_t first, struct json *out)
{
    const size_t n = p->n_pending - first;
    struct json *items = take_room(p, n * sizeof(*items));

    for (size_t i = 0; i < n; i++)
        items[i] = p->pending[first + i].value;
    p->n_pending = first;
    *out = (struct json){.kind = JSON_KIND_ARRAY, .n = (uint32_t)n, .items = items};
    return 0;
}

static int parse_array(struct parser *p, struct json *out)
{
    const size_t first = p->n_pending;
    struct json_pair item = {0};

    if (take(p, ']'))
        return close_array(p, first, out);
    do {
        const int r = parse_value(p, &item.value);
        if (r != 0)
            return r;
        push(p, &item);
    } while (take(p, ','));
    return take(p, ']') ? close_array(p, first, out) : JSON_BAD;
}

static bool is_same_name(const struct json_pair *a, const struct json_pair *b)
{
    return str_eq(json_pair_name(a), json_pair_name(b));
}

/** Of one name the first stays, with the value of the last. @return how many stay */
static size_t merge_few(struct json_pair *pairs, size_t n)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_kept && !is_same_name(&pairs[k], &pairs[i]))
            k++;
        if (k == n_kept) {
            pairs[n_kept++] = pairs[i];
        } else {
            pairs[k].value = pairs[i].value;
        }
    }
    return n_kept;
}

static int by_name_and_place(const void *a, const void *b)
{
    const struct json_pair *const x = *(struct json_pair *const *)a;
    const struct json_pair *const y = *(struct json_pair *const *)b;
    const int order = json_compare_names(json_pair_name(x), json_pair_name(y));

    return order != 0 ? order : (x > y) - (x < y);
}

/** Likewise: who sends many shall not have each compared with each. */
static size_t merge_many(struct json_pair *pairs, size_t n)
{
    struct json_pair **sorted = mem_resize(NULL, n * sizeof(struct json_pair *));
    struct json_pair *first = NULL;
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++)
        sorted[i] = &pairs[i];
    qsort(sorted, n, sizeof(struct json_pair *), by_name_and_place);
    for (size_t i = 0; i < n; i++) {
        if (!first || !is_same_name(first, sorted[i])) {
            first = sorted[i];
        } else {
            first->value = sorted[i]->value;
            sorted[i]->name = NULL;
        }
    }
    free(sorted);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].name)
            pairs[n_kept++] = pairs[i];
    }
    return n_kept;
}

static int close_object(struct parser *p, size_t first, struct json *out)
{
    struct json_pair *pairs = p->pending + first;
    const size_t n_all = p->n_pending - first;
    const size_t n = n_all <= FEW ? merge_few(pairs, n_all) : merge_many(pairs, n_all);

    if (n < n_all && p->must_be_unique)
        return JSON_BAD;
    struct json_pair *members = take_room(p, n * sizeof(*members));
    if (n > 0)
        memcpy(members, pairs, n * sizeof(*members));
    p->n_pending = first;
    *out = (struct json){.kind = JSON_KIND_OBJECT, .n = (uint32_t)n, .members = members};
    return 0;
}

static int parse_pair(struct parser *p, struct json_pair *out)
{
    if (!take(p, '"'))
        return JSON_BAD;
    const int r = parse_string(p, &out->name, &out->n_name);
    if (r != 0)
        return r;
    if (str_find(json_pair_name(out), '\0') < out->n_name)
        return JSON_BEYOND;
    if (!take(p, ':'))
        return JSON_BAD;
    return parse_value(p, &out->value);
}

static int parse_object(struct parser *p, struct json *out)
{
    const size_t first = p->n_pending;
    struct json_pair pair;

    if (take(p, '}'))
        return close_object(p, first, out);
    do {
        const int r = parse_pair(p, &pair);
        if (r != 0)
            return r;
        push(p, &pair);
    } while (take(p, ','));
    return take(p, '}') ? close_object(p, first, out) : JSON_BAD;
}

static int parse_inner(struct parser *p, struct json *out)
{
    const bool is_array = *p->at++ == '[';

    if (++p->depth > JSON_DEPTH_MAX)
        return JSON_TOO_DEEP;
    const int r = is_array ? parse_array(p, out) : parse_object(p, out);
    p->depth--;
    return r;
}

static int parse_word(struct parser *p, struct json *out)
{
    out->kind = JSON_KIND_BOOL;
    out->is_true = take_word(p, STR("true"));
    if (out->is_true || take_word(p, STR("false")))
        return 0;
    out->kind = JSON_KIND_NULL;
    return take_word(p, STR("null")) ? 0 : JSON_BAD;
}

/** The depth of it is bounded: JSON_DEPTH_MAX. */
static int parse_value(struct parser *p, struct json *out)
{
    *out = (struct json){0};
    skip_space(p);
    if (p->at == p->end)
        return JSON_BAD;
    switch (*p->at) {
    case '[':
    case '{': return parse_inner(p, out);
    case '"':
        p->at++;
        out->kind = JSON_KIND_STR;
        return parse_string(p, &out->text, &out->n);
    case '-': return parse_number(p, out);
    default: return is_digit(p->at, p->end) ? parse_number(p, out) : parse_word(p, out);
    }
}

static int parse_all(struct parser *p)
{
    const int r = parse_value(p, &p->root->value);

    skip_space(p);
    return r == 0 && p->at < p->end ? JSON_BAD : r;
}

static int parse(struct json **out, char *text, size_t len, bool must_be_unique)
{
    // What most texts need: their strings, and less for the rest than they have bytes.
    const size_t size = len * 2 + PIECE_MIN;
    struct parser p;

    assert(len <= UINT32_MAX / 16);
    p.root = mem_resize(NULL, sizeof(*p.root) + size);
    p.root->more = NULL;
    p.low = (char *)(p.root + 1);
    p.high = p.low + size;
    p.taken = size;
    p.at = text;
    p.end = text + len;
    p.depth = p.n_pending = 0;
    p.must_be_unique = must_be_unique;
    p.pending = p.first;
    p.max_pending = N_PENDING;

    const int r = parse_all(&p);
    if (p.pending != p.first)
        free(p.pending);
    if (r == 0) {
        *out = &p.root->value;
    } else {
        json_free(&p.root->value);
    }
    return r;
}

int json_parse(struct json **out, char *text, size_t len)
{
    return parse(out, text, len, false);
}

int json_parse_unique(struct json **out, char *text, size_t len)
{
    return parse(out, text, len, true);
}

void json_free(struct json *j)
{
    if (!j)
        return;
    struct root *root = container_of(j, struct root, value);
    while (root->more) {
        struct piece *piece = root->more;
        root->more = piece->next;
        free(piece);
    }
    free(root);
}
