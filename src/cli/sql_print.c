#include "cli/sql_print.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"

#define PIECE 4096 // bytes that a pipe takes without waiting, if it takes any: PIPE_BUF

static void add(struct buf *b, str s)
{
    const int r = buf_add(b, s);

    assert(r == 0);
    (void)r;
}

static void add_hex(struct buf *b, str bytes)
{
    char *at = buf_room(b, 2 * bytes.len);

    hex_encode(at, (const uint8_t *)bytes.ptr, bytes.len);
    buf_added(b, 2 * bytes.len);
}

// A cell.

/** Of UTF-8: how many bytes of what begins at s a terminal must not get as they are. C0, DEL,
 * C1, and what turns the direction of text. */
static size_t n_unsafe(str s)
{
    const unsigned char *c = (const unsigned char *)s.ptr;

    if (c[0] < 0x20 || c[0] == 0x7f)
        return 1;
    if (c[0] == 0xc2 && s.len > 1 && c[1] < 0xa0)
        return 2;
    const bool is_turn = c[0] == 0xe2 && s.len > 2 &&
                         ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                          (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
    return is_turn ? 3 : 0;
}

/** As JSON writes it. */
static void add_escaped(struct buf *b, str s)
{
    const unsigned char *c = (const unsigned char *)s.ptr;
    unsigned code = c[0];

    if (s.len == 2)
        code = (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU);
    if (s.len == 3)
        code = (c[0] & 0x0fU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
    const int r = buf_addf(b, "\\u%04x", code);
    assert(r == 0);
    (void)r;
}

static void add_bytes(struct buf *b, str bytes)
{
    add(b, STR("x'"));
    add_hex(b, bytes);
    add(b, STR("'"));
}

static void add_text(struct buf *b, str s)
{
    while (s.len > 0) {
        size_t n = 0;
        while (n < s.len && n_unsafe((str){s.ptr + n, s.len - n}) == 0)
            n++;
        add(b, str_take(&s, n));
        if (s.len > 0)
            add_escaped(b, str_take(&s, n_unsafe(s)));
    }
}

static void add_cell(struct buf *b, const struct sqlite_look_value *v)
{
    add(b, v->kind == LOOK_NUMBER ? STR("n") : STR("t"));
    if (v->kind == LOOK_BYTES || !utf8_is_valid(v->text)) {
        add_bytes(b, v->text);
    } else {
        add_text(b, v->text);
    }
    add(b, (str){"", 1});
}

static size_t width_of(str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0U) != 0x80;
    return n;
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

// The table.

static void pad(struct buf *b, size_t n, char with)
{
    memset(buf_room(b, n), with, n);
    buf_added(b, n);
}

/** @param is_last  of its row: nothing stands behind it */
static void print_cell(struct sql_print *p, size_t i, str cell, bool is_right)
{
    const bool is_last = i + 1 == p->n_columns;
    const size_t width = width_of(cell);
    const size_t n = p->widths[i] > width ? p->widths[i] - width : 0;

    if (is_right)
        pad(&p->out, n, ' ');
    add(&p->out, cell);
    if (!is_right && !is_last)
        pad(&p->out, n, ' ');
    add(&p->out, is_last ? STR("\n") : STR("  "));
}

static void print_head(struct sql_print *p)
{
    str names = buf_str(&p->names);

    if (p->n_tables > 1)
        add(&p->out, STR("\n"));
    for (size_t i = 0; i < p->n_columns; i++)
        print_cell(p, i, str_take_until(&names, '\0'), false);
    for (size_t i = 0; i < p->n_columns; i++) {
        pad(&p->out, p->widths[i], '-');
        add(&p->out, i + 1 == p->n_columns ? STR("\n") : STR("  "));
    }
}

static void print_cells(struct sql_print *p)
{
    str cells = buf_str(&p->cells);

    for (size_t i = 0; cells.len > 0; i = (i + 1) % p->n_columns) {
        const bool is_number = str_take(&cells, 1).ptr[0] == 'n';
        print_cell(p, i, str_take_until(&cells, '\0'), is_number);
    }
    buf_clear(&p->cells);
}

/** A row is in the cells: it may make the table wider. */
static void widen(struct sql_print *p, str row)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        str_take(&row, 1);
        const size_t width = at_most(width_of(str_take_until(&row, '\0')), SQL_PRINT_WIDTH);
        if (p->widths[i] < width)
            p->widths[i] = width;
    }
}

// JSON.

/** What a terminal must not get may be escaped in JSON as well. */
static void add_json_str(struct buf *b, str s)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    const int r = json_print_str(&plain, s);
    assert(r == 0);
    (void)r;
    add_text(b, buf_str(&plain));
    buf_fini(&plain);
}

static void add_json(struct buf *b, const struct sqlite_look_value *v)
{
    switch (v->kind) {
    case LOOK_NULL: add(b, STR("null")); return;
    case LOOK_NUMBER: add(b, v->text); return;
    case LOOK_STRING:
        if (utf8_is_valid(v->text)) {
            add_json_str(b, v->text);
            return;
        }
        break;
    case LOOK_BYTES: break;
    }
    add(b, STR("\""));
    add_hex(b, v->text);
    add(b, STR("\""));
}

static void print_json(struct sql_print *p, const struct sqlite_look_value *values)
{
    str names = buf_str(&p->names);

    for (size_t i = 0; i < p->n_columns; i++) {
        add(&p->out, i == 0 ? STR("{") : STR(","));
        add_json_str(&p->out, str_take_until(&names, '\0'));
        add(&p->out, STR(":"));
        add_json(&p->out, &values[i]);
    }
    add(&p->out, STR("}\n"));
}

// Out.

/** Until stdout takes something, or the time is up. @return false: it is */
static bool await_reader(const struct sql_print *p)
{
    struct pollfd fd = {.fd = fileno(stdout), .events = POLLOUT};
    const int64_t left_ms = sqlite_look_left_ms(p->look);

    if (fd.fd < 0) // no file of the system's: it never waits
        return true;
    return left_ms > 0 && poll(&fd, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX) != 0;
}

/** @param is_bound  to the statement's time @return 0, or 1: late, or stdout does not take it
 */
static int write_out(struct sql_print *p, bool is_bound)
{
    str out = buf_str(&p->out);
    int r = 0;

    p->has_gone_out |= out.len > 0;
    while (r == 0 && out.len > 0) {
        p->is_late = is_bound && !await_reader(p);
        if (p->is_late)
            return 1;
        const str piece = str_take(&out, is_bound ? at_most(out.len, PIECE) : out.len);
        r = fwrite(piece.ptr, 1, piece.len, stdout) != piece.len || fflush(stdout) != 0;
    }
    buf_clear(&p->out);
    return r;
}

static int print_out(struct sql_print *p, bool is_bound)
{
    if (!p->is_json && p->n_columns > 0) {
        if (!p->has_gone_out)
            print_head(p);
        print_cells(p);
    }
    return write_out(p, is_bound);
}

// A result.

void sql_print_init(struct sql_print *p, bool is_json, const struct sqlite_look *look)
{
    *p = (struct sql_print){.is_json = is_json, .look = look};
    buf_init(&p->names, SIZE_MAX / 2);
    buf_init(&p->cells, SIZE_MAX / 2);
    buf_init(&p->out, SIZE_MAX / 2);
}

void sql_print_fini(struct sql_print *p)
{
    buf_fini(&p->names);
    buf_fini(&p->cells);
    buf_fini(&p->out);
    free(p->widths);
}

void sql_print_drop(struct sql_print *p)
{
    buf_clear(&p->names);
    buf_clear(&p->cells);
    buf_clear(&p->out);
    p->n_tables -= p->n_columns > 0 && !p->has_gone_out;
    p->n_columns = 0;
    p->has_gone_out = false;
}

/** What JSON can't have in a name is written as a table has it. */
static void add_name(struct sql_print *p, str name)
{
    if (!utf8_is_valid(name)) {
        add_bytes(&p->names, name);
    } else if (p->is_json) {
        add(&p->names, name);
    } else {
        add_text(&p->names, name);
    }
    add(&p->names, (str){"", 1});
}

int sql_print_columns(void *print, size_t n, const char *const *names)
{
    struct sql_print *p = print;

    if (p->has_gone_out)
        return 1;
    sql_print_drop(p);
    p->n_columns = n;
    p->n_tables += n > 0;
    p->widths = mem_resize(p->widths, n * sizeof(*p->widths) + 1);
    for (size_t i = 0; i < n; i++) {
        const size_t from = p->names.len;
        add_name(p, str_of(names[i]));
        const str name = {buf_ptr(&p->names) + from, p->names.len - from - 1};
        p->widths[i] = at_most(width_of(name), SQL_PRINT_WIDTH);
    }
    return 0;
}

int sql_print_row(void *print, size_t n, const struct sqlite_look_value *values)
{
    struct sql_print *p = print;
    const size_t from = p->cells.len;

    if (p->is_json) {
        print_json(p, values);
    } else {
        for (size_t i = 0; i < n; i++)
            add_cell(&p->cells, &values[i]);
        widen(p, (str){buf_ptr(&p->cells) + from, p->cells.len - from});
    }
    return p->cells.len + p->out.len > SQL_PRINT_KEPT ? print_out(p, true) : 0;
}

int sql_print_end(struct sql_print *p)
{
    const int r = print_out(p, false);

    p->n_columns = 0;
    sql_print_drop(p);
    return r;
}
