/**
 * Vectors of others, which lie beside the repository: ../shared/vectors. A test of them is
 * skipped where they are absent; its name has the path, because a skip shows nothing else.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "json/json.h"
#include "support/t.h"

#define VECTORS "../shared/vectors/"

#define VECTORS_TEST(fn)                                                                       \
    {                                                                                          \
        #fn "_agrees_with_" VECTORS, fn, NULL, NULL, NULL                                      \
    }

/** The path of a file or folder of VECTORS, behind the root of the sources, as meson tells it.
 */
static inline void vectors_path(char *out, size_t size, const char *file)
{
    const char *root = getenv("TESTS_OF"); // NOLINT(concurrency-mt-unsafe): one thread

    (void)snprintf(out, size, "%s/" VECTORS "%s", root ? root : ".", file);
}

/** @return the bytes of a file, owned; free(); or NULL: absent */
static inline char *vectors_read(const char *file, size_t *n)
{
    char path[4096];

    vectors_path(path, sizeof(path), file);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = mem_alloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    (void)fclose(f);
    return bytes;
}

/** @return owned, or NULL: absent */
static inline struct json *vectors_open(const char *file)
{
    struct json *j = NULL;
    size_t n = 0;
    char *text = vectors_read(file, &n);

    if (!text)
        return NULL;
    assert_int_equal(json_parse(&j, text, n), 0);
    free(text);
    return j;
}

/** The text of a member. */
static inline str vector_text(const struct json *object, const char *name)
{
    return json_text(json_member(object, name));
}

/** The bytes of a member in hex. @return owned; free() */
static inline char *vector_bytes(const struct json *object, const char *name, size_t *n)
{
    const str hex = vector_text(object, name);
    char *bytes = mem_alloc(hex.len / 2 + 1);

    for (size_t i = 0; i + 1 < hex.len; i += 2)
        bytes[i / 2] = (char)(hex_value(hex.ptr[i]) * 16 + hex_value(hex.ptr[i + 1]));
    *n = hex.len / 2;
    return bytes;
}

static inline int64_t vector_number(const struct json *object, const char *name)
{
    int64_t n = -1;

    assert_true(json_integer_of(json_member(object, name), &n));
    return n;
}

typedef void vector_fn(const struct json *group, const struct json *test, const char *name);

/** Call fn for each test of each group; its name is for a failure. */
static inline void vectors_run(const char *path, vector_fn *fn)
{
    struct json *file = vectors_open(path);
    const struct json *groups = json_member(file, "testGroups");
    int64_t n = 0;

    if (!file)
        skip();
    for (size_t i = 0; i < json_count(groups); i++) {
        const struct json *group = json_item(groups, i);
        const struct json *tests = json_member(group, "tests");
        for (size_t k = 0; k < json_count(tests); k++) {
            const struct json *test = json_item(tests, k);
            char name[128];
            (void)snprintf(name, sizeof(name), "test %lld (" STR_FMT ")",
                           (long long)vector_number(test, "tcId"),
                           STR_ARG(vector_text(test, "comment")));
            fn(group, test, name);
            n++;
        }
    }
    assert_int_equal(n, vector_number(file, "numberOfTests"));
    json_free(file);
}
