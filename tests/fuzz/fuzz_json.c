#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"

/** Print j; it must fit in exactly as many bytes as it takes. @return owned; buf_fini() */
static struct buf print(const struct json *j)
{
    struct buf b;
    struct buf exact;

    buf_init(&b, SIZE_MAX / 2);
    int r = json_print(&b, j);
    assert(r == 0);

    buf_init(&exact, buf_str(&b).len);
    r = json_print(&exact, j);
    assert(r == 0 && str_eq(buf_str(&exact), buf_str(&b)));
    buf_fini(&exact);

    buf_init(&exact, buf_str(&b).len - 1);
    r = json_print(&exact, j);
    assert(r == BUF_FULL && buf_str(&exact).len == 0);
    buf_fini(&exact);
    return b;
}

/** Parse text, which must be good. @return owned; json_free() */
static struct json *parse_again(str text)
{
    char *copy = mem_resize(NULL, text.len + 1);
    struct json *j = NULL;

    str_copy(copy, text);
    const int r = json_parse(&j, copy, text.len);
    assert(r == 0);
    assert(str_eq((str){copy, text.len}, text)); // nothing is left to put right
    free(copy);
    return j;
}

static void prints_as(const struct json *j, str want)
{
    struct buf b = print(j);
    assert(str_eq(buf_str(&b), want));
    buf_fini(&b);
}

static struct buf print_canonical(const struct json *j)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    const int r = json_print_canonical(&b, j);
    assert(r == 0 && utf8_is_valid(buf_str(&b)));
    return b;
}

/** What is printed, in whichever form, has the same canonical form. */
static void check_canonical(const struct json *j, str printed)
{
    struct buf canonical = print_canonical(j);
    const str texts[] = {printed, buf_str(&canonical)};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct json *again = parse_again(texts[i]);
        struct buf b = print_canonical(again);
        assert(str_eq(buf_str(&b), buf_str(&canonical)));
        buf_fini(&b);
        json_free(again);
    }
    buf_fini(&canonical);
}

struct walk {
    size_t n;
    size_t depth;
};

static void check_tree(const struct json *j, size_t depth);

static bool check_member(void *arg, str name, const struct json *value)
{
    struct walk *walk = arg;

    assert(utf8_is_valid(name));
    walk->n++;
    check_tree(value, walk->depth + 1);
    return true;
}

static void check_tree(const struct json *j, size_t depth)
{
    const enum json_kind kind = json_kind(j);
    struct walk walk = {.depth = depth};
    int64_t n;

    json_each_member(j, check_member, &walk);
    assert(kind == JSON_KIND_OBJECT ? walk.n == json_count(j) : walk.n == 0);
    if (kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT) {
        assert(depth < JSON_DEPTH_MAX);
    } else {
        assert(json_count(j) == 0);
    }
    for (size_t i = 0; kind == JSON_KIND_ARRAY && i < json_count(j); i++)
        check_tree(json_item(j, i), depth + 1);
    assert(kind == JSON_KIND_ARRAY || !json_item(j, 0));

    assert((json_text(j).ptr != NULL) == (kind == JSON_KIND_STR));
    assert(utf8_is_valid(json_text(j)));
    assert(json_integer_of(j, &n) == (kind == JSON_KIND_INT));
    assert(!json_is_true(j) || kind == JSON_KIND_BOOL);
}

static void check_parse(const uint8_t *data, size_t size)
{
    char *text = mem_resize(NULL, size > 0 ? size : 1);
    struct json *j = NULL;

    str_copy(text, (str){(const char *)data, size});
    const int r = json_parse(&j, text, size);
    if (r == 0) {
        check_tree(j, 0);
        struct buf printed = print(j);
        assert(utf8_is_valid(buf_str(&printed)));

        struct json *of_text = parse_again((str){text, size});
        prints_as(of_text, buf_str(&printed));
        json_free(of_text);

        struct json *of_print = parse_again(buf_str(&printed));
        prints_as(of_print, buf_str(&printed));
        json_free(of_print);

        check_canonical(j, buf_str(&printed));
        buf_fini(&printed);
        json_free(j);
    } else {
        assert(r == JSON_BAD || r == JSON_TOO_DEEP || r == JSON_BEYOND);
        assert(!j);
    }
    free(text);
}

static void check_print_str(str s)
{
    struct buf b;

    if (!utf8_is_valid(s))
        return;
    buf_init(&b, s.len * 6 + 2);
    const int r = json_print_str(&b, s);
    assert(r == 0);
    for (size_t i = 0; i < b.len; i++)
        assert((uint8_t)buf_str(&b).ptr[i] >= 0x20);

    struct json *j = parse_again(buf_str(&b));
    assert(str_eq(json_text(j), s));
    json_free(j);
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse(data, size);
    check_print_str((str){(const char *)data, size});
    return 0;
}
