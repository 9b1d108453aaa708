#include <endian.h>

#include "store/pg_link.h"

// int32 each: dimensions, whether there are NULLs, the type, elements, the first one's number.
#define ARRAY_HEAD 20

#define BYTES (1 << 30) // the server takes no longer message

void pg_args_init(struct pg_args *a)
{
    *a = (struct pg_args){0};
    buf_init(&a->bytes, BYTES);
}

void pg_args_fini(struct pg_args *a)
{
    buf_fini(&a->bytes);
}

void pg_args_clear(struct pg_args *a)
{
    buf_clear(&a->bytes);
    a->n = 0;
    a->array.type = 0;
}

static void add(struct pg_args *a, str bytes)
{
    const int r = buf_add(&a->bytes, bytes);

    assert(r == 0); // a group is far from it
    (void)r;
}

static void add_i32(struct pg_args *a, int32_t value)
{
    const uint32_t big = htobe32((uint32_t)value);

    add(a, (str){(const char *)&big, sizeof(big)});
}

static void add_i64(struct pg_args *a, int64_t value)
{
    const uint64_t big = htobe64((uint64_t)value);

    add(a, (str){(const char *)&big, sizeof(big)});
}

static void begin(struct pg_args *a)
{
    assert(a->n < PG_ARGS && a->array.type == 0);
    a->at[a->n] = a->bytes.len;
}

static void end(struct pg_args *a)
{
    const size_t length = a->bytes.len - a->at[a->n];

    assert(length <= INT32_MAX);
    a->lengths[a->n] = (int)length;
    a->n++;
}

void pg_arg_i64(struct pg_args *a, int64_t value)
{
    begin(a);
    add_i64(a, value);
    end(a);
}

void pg_arg_bool(struct pg_args *a, bool value)
{
    begin(a);
    add(a, value ? STR("\1") : STR("\0"));
    end(a);
}

void pg_arg_bytes(struct pg_args *a, str bytes)
{
    begin(a);
    add(a, bytes);
    end(a);
}

void pg_arg_account(struct pg_args *a, const account *value)
{
    pg_arg_bytes(a, account_str(value));
}

void pg_arg_null(struct pg_args *a)
{
    begin(a);
    a->at[a->n] = SIZE_MAX;
    a->lengths[a->n] = 0;
    a->n++;
}

void pg_arg_array(struct pg_args *a, enum pg_type type)
{
    begin(a);
    a->array.type = type;
    a->array.n = 0;
    a->array.has_null = false;
    add(a, (str){(const char[ARRAY_HEAD]){0}, ARRAY_HEAD}); // which the end knows
}

static void begin_element(struct pg_args *a, bool is_of_type, int32_t length)
{
    assert(is_of_type && a->array.n < INT32_MAX);
    (void)is_of_type;
    a->array.n++;
    add_i32(a, length);
}

void pg_arg_array_i64(struct pg_args *a, int64_t value)
{
    begin_element(a, a->array.type == PG_INT8, sizeof(value));
    add_i64(a, value);
}

void pg_arg_array_bool(struct pg_args *a, bool value)
{
    begin_element(a, a->array.type == PG_BOOL, 1);
    add(a, value ? STR("\1") : STR("\0"));
}

void pg_arg_array_bytes(struct pg_args *a, str bytes)
{
    assert(bytes.len <= INT32_MAX);
    begin_element(a, a->array.type == PG_BYTEA || a->array.type == PG_TEXT, (int32_t)bytes.len);
    add(a, bytes);
}

void pg_arg_array_null(struct pg_args *a)
{
    begin_element(a, a->array.type != 0, -1);
    a->array.has_null = true;
}

void pg_arg_array_end(struct pg_args *a)
{
    const int32_t n = a->array.n;
    const int32_t head[] = {n > 0, a->array.has_null, a->array.type, n, 1};
    char *at = buf_ptr(&a->bytes) + a->at[a->n];

    assert(a->array.type != 0);
    _Static_assert(sizeof(head) == ARRAY_HEAD, "");
    for (size_t i = 0; i < COUNT_OF(head); i++) {
        const uint32_t big = htobe32((uint32_t)head[i]);
        memcpy(at + i * sizeof(big), &big, sizeof(big));
    }
    // One without elements has no dimension, and says nothing of any.
    if (n == 0)
        a->bytes.len -= 2 * sizeof(int32_t);
    a->array.type = 0;
    end(a);
}

int64_t pg_i64(const PGresult *r, int row, int column)
{
    const str s = pg_str(r, row, column);
    uint64_t value = 0;

    if (s.len == 0)
        return 0;
    for (size_t i = 0; i < s.len; i++)
        value = value << 8 | (uint8_t)s.ptr[i];
    switch (s.len) {
    case sizeof(int64_t): return (int64_t)value;
    case sizeof(int32_t): return (int32_t)value;
    default: assert(s.len == sizeof(int16_t)); return (int16_t)value;
    }
}

bool pg_bool(const PGresult *r, int row, int column)
{
    const str s = pg_str(r, row, column);

    assert(s.len <= 1);
    return s.len > 0 && s.ptr[0] != 0;
}

str pg_str(const PGresult *r, int row, int column)
{
    return (str){PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

account pg_account(const PGresult *r, int row, int column)
{
    return account_of(pg_str(r, row, column));
}

bool pg_is_null(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) != 0;
}
