#include "store/sqlite_thread.h"

#include "base/mem.h"

#define CONVERSATIONS_MAX UINT64_C(0x7fffffff) // an id is a positive number of SQLite's

struct pair {
    const account *low;
    const account *high;
};

static struct pair pair_of(const account *x, const account *y)
{
    const str a = account_str(x);
    const str b = account_str(y);
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = memcmp(a.ptr, b.ptr, common);

    if (order < 0 || (order == 0 && a.len < b.len))
        return (struct pair){x, y};
    return (struct pair){y, x};
}

static uint64_t hash_pair(const struct threads *ts, const struct pair *p)
{
    char both[2 * ACCOUNT_SIZE];
    const str low = str_copy(both, account_str(p->low));
    const str high = str_copy(both + low.len, account_str(p->high));

    return hash_keyed(ts->key, (str){both, low.len + high.len});
}

static uint64_t hash_number(const struct threads *ts, uint64_t n)
{
    return hash_keyed(ts->key, (str){(const char *)&n, sizeof(n)});
}

static bool is_pair(struct map_node *node, const void *key)
{
    const struct thread *t = container_of(node, struct thread, by_pair);
    const struct pair *p = key;

    return account_eq(&t->sides[0].account, p->low) &&
           account_eq(&t->sides[1].account, p->high);
}

static bool is_id(struct map_node *node, const void *key)
{
    return container_of(node, struct thread, by_id)->id == *(const conversation_id *)key;
}

void threads_init(struct threads *ts, struct sqlite_db *db, const uint8_t key[HASH_KEY_SIZE])
{
    *ts = (struct threads){.db = db};
    memcpy(ts->key, key, HASH_KEY_SIZE);
    list_init(&ts->all);
    list_init(&ts->dirty);
}

void threads_drop(struct threads *ts)
{
    list_init(&ts->dirty);
    while (!list_is_empty(&ts->all)) {
        struct thread *t = container_of(list_shift(&ts->all), struct thread, node);
        map_remove(&ts->by_pair, &t->by_pair);
        map_remove(&ts->by_id, &t->by_id);
        free(t);
    }
}

void threads_fini(struct threads *ts)
{
    threads_drop(ts);
    map_fini(&ts->by_pair);
    map_fini(&ts->by_id);
}

/** @return moved into the maps */
static struct thread *keep(struct threads *ts, conversation_id id, const struct pair *p)
{
    struct thread *t = NEW(struct thread);

    t->id = id;
    t->sides[0].account = *p->low;
    t->sides[1].account = *p->high;
    list_init(&t->dirty);
    list_push(&ts->all, &t->node);
    map_add(&ts->by_pair, &t->by_pair, hash_pair(ts, p));
    map_add(&ts->by_id, &t->by_id, hash_number(ts, id));
    return t;
}

// Loading.

static void read_mark(struct thread_mark *mark, sqlite3_stmt *stmt, int column)
{
    mark->seq = (uint64_t)sqlite3_column_int64(stmt, column);
    mark->n = (uint64_t)sqlite3_column_int64(stmt, column + 1);
    mark->at_ms = sqlite3_column_int64(stmt, column + 2);
    mark->position = sqlite3_column_int64(stmt, column + 3);
}

/** A row of W_MEMBERS. */
static void read_member(struct thread *t, sqlite3_stmt *stmt)
{
    const unsigned number = sqlite3_column_int(stmt, 0) == 0 ? 0 : 1;
    struct thread_side *side = &t->sides[number];

    side->id = sqlite3_column_int64(stmt, 1);
    t->sides[1 - number].n_sent = (uint64_t)sqlite3_column_int64(stmt, 2);
    t->last_at_ms = sqlite3_column_int64(stmt, 3);
    t->message_pos = sqlite3_column_int64(stmt, 4);
    t->receipt_pos = sqlite3_column_int64(stmt, 5);
    side->accepted = sqlite3_column_int(stmt, 6);
    side->was_undelivered = sqlite3_column_int(stmt, 7);
    side->was_unread = sqlite3_column_int(stmt, 8);
    read_mark(&side->marks[CHAT_MARK_DELIVERED], stmt, 9);
    read_mark(&side->marks[CHAT_MARK_READ], stmt, 13);
}

static int load(struct threads *ts, conversation_id id, const struct pair *p,
                struct thread **out)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_MEMBERS];
    struct thread *t = keep(ts, id, p);
    int r = 0;

    sqlite_db_bind(stmt, 1, (int64_t)id);
    for (r = sqlite_db_step(ts->db, stmt); r == 0; r = sqlite_db_step(ts->db, stmt))
        read_member(t, stmt);
    *out = t;
    return r < 0 ? r : 0; // a fault drops them all
}

int threads_find_pair(struct threads *ts, const account *x, const account *y,
                      struct thread **out)
{
    const struct pair p = pair_of(x, y);
    struct map_node *node = map_find(&ts->by_pair, hash_pair(ts, &p), is_pair, &p);
    sqlite3_stmt *stmt = ts->db->stmts[W_FIND_PAIR];

    if (node) {
        *out = container_of(node, struct thread, by_pair);
        return 0;
    }
    sqlite_db_bind_bytes(stmt, 1, account_str(p.low));
    sqlite_db_bind_bytes(stmt, 2, account_str(p.high));
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r < 0 ? r : THREADS_NONE;
    const conversation_id id = (conversation_id)sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return load(ts, id, &p, out);
}

int threads_find_id(struct threads *ts, conversation_id id, struct thread **out)
{
    struct map_node *node = map_find(&ts->by_id, hash_number(ts, id), is_id, &id);
    sqlite3_stmt *stmt = ts->db->stmts[W_FIND_ID];

    if (node) {
        *out = container_of(node, struct thread, by_id);
        return 0;
    }
    sqlite_db_bind(stmt, 1, (int64_t)id);
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r < 0 ? r : THREADS_NONE;
    const account low = account_of(sqlite_db_str(stmt, 0));
    const account high = account_of(sqlite_db_str(stmt, 1));
    sqlite3_reset(stmt);
    return load(ts, id, &(struct pair){&low, &high}, out);
}

// Making.

static int add_account(struct threads *ts, struct thread_side *side)
{
    sqlite3_stmt *find = ts->db->stmts[W_ACCOUNT];
    sqlite3_stmt *add = ts->db->stmts[W_ADD_ACCOUNT];

    sqlite_db_bind_bytes(find, 1, account_str(&side->account));
    int r = sqlite_db_step(ts->db, find);
    if (r < 0)
        return r;
    if (r == 0) {
        side->id = sqlite3_column_int64(find, 0);
        sqlite3_reset(find);
        return 0;
    }
    sqlite_db_bind_bytes(add, 1, account_str(&side->account));
    r = sqlite_db_run(ts->db, add);
    side->id = sqlite3_last_insert_rowid(ts->db->db);
    return r;
}

static int add_conversation(struct threads *ts, const struct thread *t)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_ADD_CONVERSATION];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, t->sides[0].id);
    sqlite_db_bind(stmt, 3, t->sides[1].id);
    return sqlite_db_run(ts->db, stmt);
}

static int add_member(struct threads *ts, const struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_ADD_MEMBER];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, t->sides[side].id);
    sqlite_db_bind(stmt, 3, t->sides[1 - side].id);
    sqlite_db_bind(stmt, 4, side);
    return sqlite_db_run(ts->db, stmt);
}

int threads_add(struct threads *ts, const account *x, const account *y, struct thread **out)
{
    const struct pair p = pair_of(x, y);

    if (ts->n_made >= CONVERSATIONS_MAX)
        return THREADS_FULL;
    const uint64_t n = ++ts->n_made;
    struct thread *t = keep(ts, n << 32 | (uint32_t)hash_number(ts, n), &p);
    int r = add_account(ts, &t->sides[0]);
    if (r == 0)
        r = add_account(ts, &t->sides[1]);
    if (r == 0)
        r = add_conversation(ts, t);
    if (r == 0)
        r = add_member(ts, t, 0);
    if (r == 0)
        r = add_member(ts, t, 1);
    *out = t;
    return r;
}

// Writing back. One statement for each set of columns: SQLite renews the entries of every index
// that a statement's columns are in, whether they change or not.

void threads_touch(struct threads *ts, struct thread *t)
{
    list_remove(&t->dirty);
    list_push(&ts->dirty, &t->dirty);
}

static sqlite3_stmt *of_side(struct threads *ts, enum writer_statement which,
                             const struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = ts->db->stmts[which];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, t->sides[side].id);
    return stmt;
}

static int write_growth(struct threads *ts, const struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ts, W_GROW, t, side);

    sqlite_db_bind(stmt, 3, (int64_t)thread_last_seq(t));
    sqlite_db_bind(stmt, 4, t->last_at_ms);
    sqlite_db_bind(stmt, 5, (int64_t)t->sides[1 - side].n_sent);
    sqlite_db_bind(stmt, 6, t->sides[side].accepted);
    sqlite_db_bind(stmt, 7, t->message_pos);
    return sqlite_db_run(ts->db, stmt);
}

static void bind_mark(sqlite3_stmt *stmt, int i, const struct thread_mark *mark)
{
    sqlite_db_bind(stmt, i, (int64_t)mark->seq);
    sqlite_db_bind(stmt, i + 1, (int64_t)mark->n);
    sqlite_db_bind(stmt, i + 2, mark->at_ms);
    sqlite_db_bind(stmt, i + 3, mark->position);
}

static int write_marks(struct threads *ts, struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ts, W_MARK, t, side);

    bind_mark(stmt, 3, &t->sides[side].marks[CHAT_MARK_DELIVERED]);
    bind_mark(stmt, 7, &t->sides[side].marks[CHAT_MARK_READ]);
    t->sides[side].marks_moved = false;
    return sqlite_db_run(ts->db, stmt);
}

static int write_receipt_pos(struct threads *ts, const struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ts, W_TOUCH, t, side);

    sqlite_db_bind(stmt, 3, t->receipt_pos);
    return sqlite_db_run(ts->db, stmt);
}

static int write_flags(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    const uint64_t n = t->sides[1 - side].n_sent;
    const bool is_undelivered = n > s->marks[CHAT_MARK_DELIVERED].n;
    const bool is_unread = n > s->marks[CHAT_MARK_READ].n;

    if (is_undelivered == s->was_undelivered && is_unread == s->was_unread)
        return 0;
    s->was_undelivered = is_undelivered;
    s->was_unread = is_unread;
    sqlite3_stmt *stmt = of_side(ts, W_FLAGS, t, side);
    sqlite_db_bind(stmt, 3, is_undelivered);
    sqlite_db_bind(stmt, 4, is_unread);
    return sqlite_db_run(ts->db, stmt);
}

static int write_thread(struct threads *ts, struct thread *t)
{
    const bool has_grown = t->has_grown;
    const bool is_marked = t->sides[0].marks_moved || t->sides[1].marks_moved;
    int r = 0;

    t->has_grown = false;
    for (unsigned side = 0; r == 0 && side < 2; side++) {
        if (has_grown)
            r = write_growth(ts, t, side);
        if (r == 0 && t->sides[side].marks_moved)
            r = write_marks(ts, t, side);
        if (r == 0 && is_marked)
            r = write_receipt_pos(ts, t, side);
        if (r == 0)
            r = write_flags(ts, t, side);
    }
    return r;
}

int threads_write_back(struct threads *ts)
{
    int r = 0;

    while (r == 0 && !list_is_empty(&ts->dirty))
        r = write_thread(ts, container_of(list_shift(&ts->dirty), struct thread, dirty));
    return r;
}
