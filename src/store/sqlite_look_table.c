#include "store/sqlite_look_table.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

enum parameter {
    P_CONVERSATION = 1,
    P_FROM,
    P_TO,
    P_ACCOUNT,
    P_TEXT,
};

// A plan, as SQLite keeps it for us between xBestIndex and xFilter: an int.
#define PLAN_COLUMNS    0xffffU // those that are asked for, a bit each
#define PLAN_WAY        16      // four bits
#define PLAN_HAS_FROM   (1U << 20)
#define PLAN_HAS_TO     (1U << 21)
#define PLAN_IS_ONE     (1U << 22) // from there to there
#define PLAN_IS_DESC    (1U << 23)
#define PLAN_IS_ORDERED (1U << 24)

static_assert(SQLITE_LOOK_COLUMNS <= 16 && SQLITE_LOOK_WAYS <= 16, "as a plan has them");

struct module {
    const struct sqlite_look_table *table;
    const struct sqlite_look_text *text;
};

struct view {
    sqlite3_vtab base; // first: what SQLite knows
    sqlite3 *db;
    const struct module *of;
};

struct cursor {
    sqlite3_vtab_cursor base; // first
    unsigned plan;            // what was prepared for
    size_t n_parts;
    size_t part; // n_parts: there are no more rows
    sqlite3_stmt *parts[SQLITE_LOOK_PARTS];
};

static size_t n_columns(const struct sqlite_look_table *t)
{
    size_t n = 0;

    while (n < SQLITE_LOOK_COLUMNS && t->columns[n].name)
        n++;
    return n;
}

static bool is_column(const struct sqlite_look_table *t, int i, const char *name)
{
    return i >= 0 && name && strcmp(t->columns[i].name, name) == 0;
}

static const struct sqlite_look_way *way_of(const struct sqlite_look_table *t, unsigned plan)
{
    return &t->ways[plan >> PLAN_WAY & 15];
}

static void add(struct buf *b, const char *text)
{
    const int r = buf_add(b, str_of(text));

    assert(r == 0);
    (void)r;
}

// The table.

/** CREATE TABLE as SQLite wants it. Without a rowid: rows have none that stays. */
static void print_declaration(struct buf *out, const struct sqlite_look_table *t)
{
    add(out, "CREATE TABLE x (");
    for (size_t i = 0; i < n_columns(t); i++) {
        add(out, "\"");
        add(out, t->columns[i].name);
        add(out, "\" ");
        add(out, t->columns[i].type);
        add(out, ", ");
    }
    add(out, "PRIMARY KEY (");
    add(out, t->key);
    add(out, ")) WITHOUT ROWID");
    const int r = buf_add(out, (str){"", 1});
    assert(r == 0);
    (void)r;
}

static int on_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
                      sqlite3_vtab **out, char **why)
{
    const struct module *m = arg;
    struct buf text;

    (void)argc, (void)argv, (void)why;
    buf_init(&text, SIZE_MAX / 2);
    print_declaration(&text, m->table);
    const int r = sqlite3_declare_vtab(db, buf_ptr(&text));
    buf_fini(&text);
    if (r != SQLITE_OK)
        return r;
    struct view *v = NEW(struct view);
    v->db = db;
    v->of = m;
    *out = &v->base;
    return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *base)
{
    free((struct view *)base);
    return SQLITE_OK;
}

// The plan.

/** Which constraints a plan uses; -1: none. */
struct used {
    int key;
    int from;
    int to;
};

static int find_key(const struct sqlite_look_table *t, const sqlite3_index_info *info,
                    const struct sqlite_look_way *way)
{
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable &&
            info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
            is_column(t, info->aConstraint[i].iColumn, way->column))
            return i;
    }
    return -1;
}

/** @return the way's number */
static unsigned choose_way(const struct sqlite_look_table *t, const sqlite3_index_info *info,
                           struct used *used)
{
    for (unsigned i = 0;; i++) {
        if (!t->ways[i].column)
            return i;
        used->key = find_key(t, info, &t->ways[i]);
        if (used->key >= 0)
            return i;
    }
}

/** SQLite looks at the rows once more, so that > may be taken for >=. @return bits of a plan */
static unsigned choose_range(const struct sqlite_look_table *t, const sqlite3_index_info *info,
                             const struct sqlite_look_way *way, struct used *used)
{
    for (int i = 0; i < info->nConstraint; i++) {
        if (!info->aConstraint[i].usable ||
            !is_column(t, info->aConstraint[i].iColumn, way->range))
            continue;
        switch (info->aConstraint[i].op) {
        case SQLITE_INDEX_CONSTRAINT_EQ:
            *used = (struct used){.key = used->key, .from = i, .to = -1};
            return PLAN_HAS_FROM | PLAN_IS_ONE;
        case SQLITE_INDEX_CONSTRAINT_GT:
        case SQLITE_INDEX_CONSTRAINT_GE: used->from = i; break;
        case SQLITE_INDEX_CONSTRAINT_LT:
        case SQLITE_INDEX_CONSTRAINT_LE: used->to = i; break;
        default: break;
        }
    }
    return (used->from >= 0 ? PLAN_HAS_FROM : 0) | (used->to >= 0 ? PLAN_HAS_TO : 0);
}

static unsigned choose_order(const struct sqlite_look_table *t, sqlite3_index_info *info,
                             const struct sqlite_look_way *way)
{
    if (info->nOrderBy != 1)
        return 0;
    const int column = info->aOrderBy[0].iColumn;
    if (!is_column(t, column, way->orders[0]) && !is_column(t, column, way->orders[1]))
        return 0;
    info->orderByConsumed = 1;
    return PLAN_IS_ORDERED | (info->aOrderBy[0].desc ? PLAN_IS_DESC : 0);
}

static void use(sqlite3_index_info *info, int constraint, bool is_exact)
{
    int n = 0;

    if (constraint < 0)
        return;
    for (int i = 0; i < info->nConstraint; i++)
        n += info->aConstraintUsage[i].argvIndex > 0;
    info->aConstraintUsage[constraint].argvIndex = n + 1;
    // An address may come in another form than the one that goes out.
    info->aConstraintUsage[constraint].omit = is_exact;
}

/** Rough: enough to begin where the least is to be read. */
static void estimate(sqlite3_index_info *info, const struct sqlite_look_way *way, unsigned plan)
{
    double part = 1;

    if (plan & PLAN_HAS_FROM)
        part /= 100;
    if (plan & PLAN_HAS_TO)
        part /= 100;
    if (plan & PLAN_IS_ONE)
        part = 1 / way->cost;
    info->estimatedCost = way->cost * part + 1;
    info->estimatedRows = (sqlite3_int64)((double)way->n_rows * part) + 1;
}

static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct sqlite_look_table *t = ((const struct view *)base)->of->table;
    struct used used = {-1, -1, -1};

    const unsigned number = choose_way(t, info, &used);
    const struct sqlite_look_way *way = &t->ways[number];
    unsigned plan = number << PLAN_WAY | (unsigned)(info->colUsed & PLAN_COLUMNS);
    plan |= choose_range(t, info, way, &used);
    plan |= choose_order(t, info, way);
    use(info, used.key, true);
    use(info, used.from, false);
    use(info, used.to, false);
    estimate(info, way, plan);
    info->idxNum = (int)plan;
    info->idxStr = sqlite3_mprintf("by %s", way->column ? way->column : "position");
    info->needToFreeIdxStr = 1;
    return SQLITE_OK;
}

// The statements.

static bool is_joined(const char *const *joined, size_t n, const char *join)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(joined[i], join) == 0)
            return true;
    }
    return false;
}

/** One that several columns need is there once. */
static void print_joins(struct buf *out, const struct sqlite_look_table *t, unsigned plan)
{
    const char *joined[SQLITE_LOOK_COLUMNS * SQLITE_LOOK_JOINS];
    size_t n = 0;

    for (size_t i = 0; i < n_columns(t); i++) {
        if (!(plan & 1U << i))
            continue;
        for (size_t j = 0; j < SQLITE_LOOK_JOINS && t->columns[i].joins[j]; j++) {
            const char *join = t->columns[i].joins[j];
            if (is_joined(joined, n, join))
                continue;
            joined[n++] = join;
            add(out, join);
        }
    }
}

static void print_part(struct buf *out, const struct sqlite_look_table *t, unsigned plan,
                       const struct sqlite_look_part *part)
{
    const size_t n = n_columns(t);

    add(out, "SELECT ");
    for (size_t i = 0; i < n; i++) {
        add(out, i > 0 ? ", " : "");
        add(out, (plan & 1U << i) != 0 ? t->columns[i].text : "NULL");
    }
    add(out, " FROM ");
    add(out, part->from);
    print_joins(out, t, plan);
    if (part->where) {
        add(out, " WHERE ");
        add(out, part->where);
    }
    if (part->order && plan & PLAN_IS_ORDERED) {
        add(out, " ORDER BY ");
        add(out, part->order);
        add(out, plan & PLAN_IS_DESC ? " DESC" : "");
    }
}

static void forget(struct cursor *c)
{
    for (size_t i = 0; i < c->n_parts; i++)
        sqlite3_finalize(c->parts[i]);
    c->n_parts = c->part = 0;
}

/** For whoever asked us, who has no other way to hear it. */
static int say(struct view *v, int r)
{
    sqlite3_free(v->base.zErrMsg);
    v->base.zErrMsg = sqlite3_mprintf("%s", sqlite3_errmsg(v->db));
    return r;
}

/** @param stmts  gets those that there are @return SQLite's */
static int prepare_parts(sqlite3 *db, const struct sqlite_look_table *t, unsigned plan,
                         sqlite3_stmt *stmts[SQLITE_LOOK_PARTS], size_t *n)
{
    const struct sqlite_look_part *parts = way_of(t, plan)->parts;
    struct buf text;
    int r = SQLITE_OK;

    buf_init(&text, SIZE_MAX / 2);
    for (*n = 0; r == SQLITE_OK && *n < SQLITE_LOOK_PARTS && parts[*n].from;) {
        buf_clear(&text);
        print_part(&text, t, plan, &parts[*n]);
        r = sqlite3_prepare_v2(db, buf_ptr(&text), (int)text.len, &stmts[*n], NULL);
        *n += r == SQLITE_OK;
    }
    buf_fini(&text);
    return r;
}

static int prepare(struct cursor *c, unsigned plan)
{
    struct view *v = (struct view *)c->base.pVtab;

    forget(c);
    c->plan = plan;
    const int r = prepare_parts(v->db, v->of->table, plan, c->parts, &c->n_parts);
    return r == SQLITE_OK ? r : say(v, r);
}

// The rows.

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct cursor *c = NEW(struct cursor);

    (void)base;
    *out = &c->base;
    return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    forget(c);
    free(c);
    return SQLITE_OK;
}

static void bind_int(sqlite3_stmt *stmt, enum parameter which, int64_t value)
{
    if ((int)which <= sqlite3_bind_parameter_count(stmt))
        sqlite3_bind_int64(stmt, (int)which, value);
}

static void bind_bytes(sqlite3_stmt *stmt, enum parameter which, str s, bool is_text)
{
    if ((int)which > sqlite3_bind_parameter_count(stmt))
        return;
    if (is_text) {
        sqlite3_bind_text64(stmt, (int)which, s.ptr, s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
        sqlite3_bind_blob64(stmt, (int)which, s.ptr, s.len, SQLITE_TRANSIENT);
    }
}

/** @return false: there can be no such row */
static bool bind_key(const struct view *v, sqlite3_stmt *stmt, enum sqlite_look_key key,
                     sqlite3_value *value)
{
    const char *ptr = (const char *)sqlite3_value_text(value);
    const str text = {ptr ? ptr : "", (size_t)sqlite3_value_bytes(value)};
    int64_t id = 0;
    account a;

    switch (key) {
    case LOOK_CONVERSATION:
        if (!sqlite_look_conversation(text, &id))
            return false;
        bind_int(stmt, P_CONVERSATION, id);
        return true;
    case LOOK_ACCOUNT:
        if (!sqlite_look_account(v->of->text, text, &a))
            return false;
        bind_bytes(stmt, P_ACCOUNT, account_str(&a), false);
        return true;
    case LOOK_TEXT: bind_bytes(stmt, P_TEXT, text, true); return true;
    case LOOK_NO_KEY: break;
    }
    return true;
}

/** What is no integer bounds nothing here: SQLite sees to it. */
static int64_t bound(sqlite3_value *value, int64_t otherwise)
{
    return sqlite3_value_type(value) == SQLITE_INTEGER ? sqlite3_value_int64(value) : otherwise;
}

/** @param argv  as on_best_index() has counted it @return false: there can be no such row */
static bool bind(struct cursor *c, sqlite3_stmt *stmt, sqlite3_value **argv)
{
    const struct view *v = (const struct view *)c->base.pVtab;
    const struct sqlite_look_way *way = way_of(v->of->table, c->plan);
    int64_t from = INT64_MIN;
    int64_t to = INT64_MAX;

    if (way->column && !bind_key(v, stmt, way->key, *argv++))
        return false;
    if (c->plan & PLAN_HAS_FROM)
        from = bound(*argv, from);
    if (c->plan & PLAN_IS_ONE)
        to = bound(*argv, to);
    argv += (c->plan & PLAN_HAS_FROM) != 0;
    if (c->plan & PLAN_HAS_TO)
        to = bound(*argv, to);
    bind_int(stmt, P_FROM, from);
    bind_int(stmt, P_TO, to);
    return true;
}

static sqlite3_stmt *current(const struct cursor *c)
{
    const bool is_desc = c->plan & PLAN_IS_DESC;
    return c->parts[is_desc ? c->n_parts - 1 - c->part : c->part];
}

static int on_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    while (c->part < c->n_parts) {
        const int r = sqlite3_step(current(c));
        if (r == SQLITE_ROW)
            return SQLITE_OK;
        if (r != SQLITE_DONE)
            return say((struct view *)base->pVtab, r);
        c->part++;
    }
    return SQLITE_OK;
}

static int on_filter(sqlite3_vtab_cursor *base, int plan, const char *name, int argc,
                     sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    bool is_possible = true;
    int r = SQLITE_OK;

    (void)name, (void)argc;
    if (c->n_parts == 0 || c->plan != (unsigned)plan)
        r = prepare(c, (unsigned)plan);
    if (r != SQLITE_OK)
        return r;
    for (size_t i = 0; i < c->n_parts; i++) {
        sqlite3_reset(c->parts[i]);
        is_possible = bind(c, c->parts[i], argv) && is_possible;
    }
    c->part = is_possible ? 0 : c->n_parts;
    return on_next(base);
}

static int on_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = (const struct cursor *)base;
    return c->part == c->n_parts;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *out, int i)
{
    sqlite3_result_value(out, sqlite3_column_value(current((const struct cursor *)base), i));
    return SQLITE_OK;
}

/** Never: there is no rowid. */
static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    (void)base, (void)out;
    return SQLITE_ERROR;
}

static const sqlite3_module methods = {
    .iVersion = 1,
    .xConnect = on_connect, // without xCreate: it is there without CREATE
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_eof,
    .xColumn = on_column,
    .xRowid = on_rowid,
};

void sqlite_look_table_init(sqlite3 *db, const struct sqlite_look_text *text)
{
    for (size_t i = 0; i < sqlite_look_n_tables; i++) {
        struct module *m = NEW(struct module);
        *m = (struct module){.table = sqlite_look_tables[i], .text = text};
        const int r = sqlite3_create_module_v2(db, m->table->name, &methods, m, free);
        assert(r == SQLITE_OK);
        (void)r;
    }
}

static int check_way(sqlite3 *db, const struct sqlite_look_table *t, unsigned number)
{
    sqlite3_stmt *stmts[SQLITE_LOOK_PARTS];
    size_t n = 0;

    const int r = prepare_parts(db, t, number << PLAN_WAY | PLAN_COLUMNS, stmts, &n);
    for (size_t i = 0; i < n; i++)
        sqlite3_finalize(stmts[i]);
    return r;
}

static int connect_table(sqlite3 *db, const struct sqlite_look_table *t)
{
    sqlite3_stmt *stmt = NULL;
    unsigned number = 0;
    char text[64];

    snprintf(text, sizeof(text), "SELECT 1 FROM %s", t->name);
    int r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    sqlite3_finalize(stmt);
    while (r == SQLITE_OK && t->ways[number].column)
        r = check_way(db, t, number++);
    return r == SQLITE_OK ? check_way(db, t, number) : r;
}

int sqlite_look_table_connect(sqlite3 *db)
{
    int r = SQLITE_OK;

    for (size_t i = 0; r == SQLITE_OK && i < sqlite_look_n_tables; i++)
        r = connect_table(db, sqlite_look_tables[i]);
    return r;
}
