/** What a value is made of; for the files of json/ alone. */
#pragma once

#include "json/json.h"

struct json {
    uint8_t kind; // enum json_kind
    bool is_true;
    uint32_t n; // items, members, or bytes of the text
    union {
        int64_t integer;
        double real;
        const char *text; // never NULL; a NUL is behind it
        const struct json *items;
        const struct json_pair *members; // in the order of their names' first coming
    };
};

struct json_pair {
    const char *name;
    uint32_t n_name; // bytes
    struct json value;
};

static inline str json_pair_name(const struct json_pair *p)
{
    return (str){p->name, p->n_name};
}

/** The order of bytes. */
static inline int json_compare_names(str x, str y)
{
    const size_t n = x.len < y.len ? x.len : y.len;
    const int order = n > 0 ? memcmp(x.ptr, y.ptr, n) : 0;

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static inline bool json_must_escape(char c)
{
    return (uint8_t)c < 0x20 || c == '"' || c == '\\';
}

#define JSON_EACH_BYTE UINT64_C(0x0101010101010101)
#define JSON_EACH_HIGH UINT64_C(0x8080808080808080)

/** Is there a byte below limit in it? For limits up to 0x80. */
static inline bool json_has_below(uint64_t eight, uint64_t limit)
{
    return ((eight - limit * JSON_EACH_BYTE) & ~eight & JSON_EACH_HIGH) != 0;
}

static inline bool json_has_byte(uint64_t eight, char byte)
{
    return json_has_below(eight ^ (uint8_t)byte * JSON_EACH_BYTE, 1);
}

/** Bytes before the first that can't stand in a string as it is: most strings have none. */
static inline size_t json_plain_len(str s)
{
    size_t n = 0;
    uint64_t eight;

    for (; s.len - n >= sizeof(eight); n += sizeof(eight)) {
        memcpy(&eight, s.ptr + n, sizeof(eight));
        if (json_has_below(eight, 0x20) || json_has_byte(eight, '"') ||
            json_has_byte(eight, '\\'))
            break;
    }
    while (n < s.len && !json_must_escape(s.ptr[n]))
        n++;
    return n;
}
