#include "store/migrate_rows.h"

#include <endian.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "store/sqlite_db.h"

#define SAID_MAX 40 // bytes of one value

void migrate_rows_init(struct migrate_rows *r, size_t n_columns, size_t max)
{
    *r = (struct migrate_rows){.n_columns = n_columns, .max = max};
    r->values = mem_alloc(max * n_columns * sizeof(*r->values));
}

void migrate_rows_fini(struct migrate_rows *r)
{
    arena_fini(&r->arena);
    free(r->values);
    r->values = NULL;
}

void migrate_rows_clear(struct migrate_rows *r)
{
    arena_clear(&r->arena);
    r->n = 0;
    r->n_bytes = 0;
}

struct migrate_value *migrate_rows_add(struct migrate_rows *r)
{
    struct migrate_value *values = migrate_row(r, r->n);

    assert(r->n < r->max);
    memset(values, 0, r->n_columns * sizeof(*values));
    r->n++;
    return values;
}

struct migrate_value migrate_bytes(struct migrate_rows *r, str bytes)
{
    r->n_bytes += bytes.len;
    return (struct migrate_value){
        .kind = MIGRATE_BYTES, .bytes = str_copy(arena_alloc(&r->arena, bytes.len + 1), bytes)};
}

void migrate_rows_take(struct migrate_rows *r, sqlite3_stmt *stmt)
{
    struct migrate_value *values = migrate_rows_add(r);

    for (size_t i = 0; i < r->n_columns; i++) {
        const int type = sqlite3_column_type(stmt, (int)i);
        if (type == SQLITE_INTEGER) {
            values[i] = migrate_number(sqlite3_column_int64(stmt, (int)i));
        } else if (type != SQLITE_NULL) {
            values[i] = migrate_bytes(r, sqlite_db_str(stmt, (int)i));
        }
    }
}

void migrate_row_of(struct migrate_value *values, const PGresult *found, int row)
{
    for (int i = 0; i < PQnfields(found); i++) {
        const Oid type = PQftype(found, i);
        if (pg_is_null(found, row, i)) {
            values[i] = (struct migrate_value){0};
        } else if (type == PG_BOOL) {
            values[i] = migrate_number(pg_bool(found, row, i));
        } else if (type == PG_BYTEA || type == PG_TEXT) {
            values[i] =
                (struct migrate_value){.kind = MIGRATE_BYTES, .bytes = pg_str(found, row, i)};
        } else {
            values[i] = migrate_number(pg_i64(found, row, i));
        }
    }
}

bool migrate_row_eq(const struct migrate_value *a, const struct migrate_value *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].kind != b[i].kind || a[i].number != b[i].number ||
            !str_eq(a[i].bytes, b[i].bytes))
            return false;
    }
    return true;
}

static void print(struct buf *out, const void *bytes, size_t n)
{
    const int r = buf_add(out, (str){bytes, n});

    assert(r == 0); // a row has less than its buffer
    (void)r;
}

void migrate_row_print(struct buf *out, const struct migrate_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct migrate_value *v = &values[i];
        const char kind = (char)v->kind;
        const uint64_t number =
            htobe64(v->kind == MIGRATE_BYTES ? v->bytes.len : (uint64_t)v->number);
        print(out, &kind, sizeof(kind));
        print(out, &number, sizeof(number));
        print(out, v->bytes.ptr, v->bytes.len);
    }
}

/** In hex: it may be anything. */
static void say_bytes(struct buf *out, str bytes)
{
    char hex[2 * SAID_MAX + 1];
    const bool is_cut = bytes.len > SAID_MAX;
    const size_t n = is_cut ? SAID_MAX : bytes.len;

    *hex_encode(hex, (const uint8_t *)bytes.ptr, n) = '\0';
    const int r = buf_addf(out, "x'%s%s'", hex, is_cut ? "..." : "");
    assert(r == 0);
    (void)r;
}

void migrate_row_say(struct buf *out, const struct migrate_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = i > 0 ? buf_add(out, STR(" ")) : 0;
        if (values[i].kind == MIGRATE_BYTES) {
            say_bytes(out, values[i].bytes);
        } else if (r == 0 && values[i].kind == MIGRATE_NULL) {
            r = buf_add(out, STR("NULL"));
        } else if (r == 0) {
            r = buf_addf(out, "%lld", (long long)values[i].number);
        }
        assert(r == 0);
        (void)r;
    }
}

static void put(const struct migrate_value *v, char type, struct pg_args *a)
{
    if (v->kind == MIGRATE_NULL) {
        pg_arg_array_null(a);
    } else if (type == 'b') {
        pg_arg_array_bytes(a, v->bytes);
    } else if (type == 'o') {
        pg_arg_array_bool(a, v->number != 0);
    } else {
        pg_arg_array_i64(a, v->number);
    }
}

void migrate_rows_args(const struct migrate_rows *r, const char *types, struct pg_args *a)
{
    pg_args_clear(a);
    for (size_t column = 0; column < r->n_columns; column++) {
        const char type = types[column];
        pg_arg_array(a, type == 'b' ? PG_BYTEA : type == 'o' ? PG_BOOL : PG_INT8);
        for (size_t row = 0; row < r->n; row++)
            put(&migrate_row(r, row)[column], type, a);
        pg_arg_array_end(a);
    }
}
