/**
 * JSON values, parsed and printed.
 *
 * A value is a tree with one owner: the root. What the accessors return is borrowed
 * from it. Numbers are kept as they are where they fit in 64 bits, else as doubles.
 */
#pragma once

#include "base/buf.h"

#define JSON_DEPTH_MAX   32 // arrays and objects inside each other
#define JSON_ESCAPE_SIZE 6  // bytes that one of a text takes, at most

struct json;

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_INT,
    JSON_KIND_REAL,
    JSON_KIND_STR,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};

enum json_refusal {
    JSON_BAD = 1,  // not one JSON value (RFC 8259), or not UTF-8
    JSON_TOO_DEEP, // more than JSON_DEPTH_MAX
    JSON_BEYOND,   // a number beyond a double, or a member's name with U+0000 in it, which
                   // json_member() can't ask for. It may be JSON otherwise, or not
};

/**
 * Parse one value; white space around it is fine, anything else is not.
 *
 * A lone surrogate (\ud800 without its partner, which JSON.stringify makes of broken
 * strings) becomes \ufffd, in text itself: it is no character, and a client that sent
 * one would otherwise be refused for ever. Of members with the same name the last wins.
 *
 * @param text  changed in place as said; borrowed until the call returns
 * @param out   owned by the caller; json_free()
 * @return 0, or an enum json_refusal
 */
MUST_CHECK int json_parse(struct json **out, char *text, size_t len);

/** Likewise, but two members with the same name are JSON_BAD: of what was signed, nobody may
 * read another one than we do. */
MUST_CHECK int json_parse_unique(struct json **out, char *text, size_t len);

/** NULL is fine. */
void json_free(struct json *j);
DEFINE_CLEANUP(struct json *, json_free)

enum json_kind json_kind(const struct json *j);

/** Members of an object, items of an array; 0 for anything else. */
size_t json_count(const struct json *j);

/** @return the item, or NULL: not an array, or not that many */
const struct json *json_item(const struct json *j, size_t i);

/** @return the member, or NULL: not an object, or no such name. name is NUL-terminated. */
const struct json *json_member(const struct json *j, const char *name);

/** Called for each member of an object, in no order that means anything. Stop with false. */
typedef bool json_member_fn(void *arg, str name, const struct json *value);
void json_each_member(const struct json *j, json_member_fn *fn, void *arg);

/** @return the text, with a NUL behind it, or the empty str with a NULL ptr if j is NULL or no
 * string */
str json_text(const struct json *j);

/** @return false if j is NULL or not an integer */
bool json_integer_of(const struct json *j, int64_t *out);

/** An integer or a real, which is finite. @return false if j is NULL or no number */
bool json_number_of(const struct json *j, double *out);

/** True only for the value true. */
bool json_is_true(const struct json *j);

/** Is this text among the items of an array? False if j is NULL or no array. */
bool json_holds(const struct json *j, str text);

/** Are there at most depth arrays and objects inside each other in j, itself included? */
bool json_nests_within(const struct json *j, size_t depth);

/** Print j without white space. @return 0 or BUF_FULL */
MUST_CHECK int json_print(struct buf *out, const struct json *j);

/**
 * Print j so that values that are equal are equal as bytes: members sorted by their names'
 * bytes, no white space, one way to escape, numbers in the shortest form that reads back the
 * same, and whole ones that fit in 64 bits as integers (2.0 and 2e0 are 2, -0.0 is 0).
 *
 * @return 0, or BUF_FULL: nothing was added
 */
MUST_CHECK int json_print_canonical(struct buf *out, const struct json *j);

struct json_instead {
    str name;
    str value; // canonical JSON; empty: there is to be no such member
};

/**
 * Print an object likewise, with these members instead of those of their names.
 *
 * @param with  n of them, each of another name; none has U+0000 in it
 */
MUST_CHECK int json_print_canonical_with(struct buf *out, const struct json *j,
                                         const struct json_instead *with, size_t n);

/** Print s, which must be UTF-8, as a JSON string with its quotes. @return 0 or BUF_FULL */
MUST_CHECK int json_print_str(struct buf *out, str s);
