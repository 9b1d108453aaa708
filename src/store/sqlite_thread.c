#include "store/sqlite_thread.h"

#include "base/mem.h"
#include "store/sqlite_text.h"

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
    mailboxes_init(&ts->mailboxes, db, key);
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
    mailboxes_drop(&ts->mailboxes);
}

void threads_fini(struct threads *ts)
{
    threads_drop(ts);
    map_fini(&ts->by_pair);
    map_fini(&ts->by_id);
    mailboxes_fini(&ts->mailboxes);
}

size_t threads_count(const struct threads *ts)
{
    const size_t n_for_mailboxes = (ts->mailboxes.by_account.n_nodes + 1) / 2;
    return ts->by_id.n_nodes > n_for_mailboxes ? ts->by_id.n_nodes : n_for_mailboxes;
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

static uint64_t u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

static struct tally read_tally(sqlite3_stmt *stmt, int column)
{
    return (struct tally){.n = u64(stmt, column), .bytes = u64(stmt, column + 1)};
}

static void read_contact(struct thread_side *side, sqlite3_stmt *stmt, int column)
{
    side->accepted = sqlite3_column_int(stmt, column);
    side->blocked = sqlite3_column_int(stmt, column + 1);
    side->block_seq = u64(stmt, column + 2);
    side->block_after = read_tally(stmt, column + 3);
    side->withheld = read_tally(stmt, column + 5);
}

static void read_places(struct thread_side *side, sqlite3_stmt *stmt, int column)
{
    side->last_at_ms = sqlite3_column_int64(stmt, column);
    side->message_pos = sqlite3_column_int64(stmt, column + 1);
    side->receipt_pos = sqlite3_column_int64(stmt, column + 2);
    side->contact_pos = sqlite3_column_int64(stmt, column + 3);
    side->due_pos = side->was_due_pos = sqlite3_column_int64(stmt, column + 4);
    side->was_unread = sqlite3_column_int(stmt, column + 5);
}

/** @param at  of the time, which the position is behind */
static struct thread_mark read_mark(sqlite3_stmt *stmt, int seq, int at)
{
    return (struct thread_mark){.seq = u64(stmt, seq),
                                .at_ms = sqlite3_column_int64(stmt, at),
                                .position = sqlite3_column_int64(stmt, at + 1)};
}

/** A row of W_MEMBERS. */
static void read_member(struct thread *t, sqlite3_stmt *stmt)
{
    const unsigned number = sqlite3_column_int(stmt, 0) == 0 ? 0 : 1;
    struct thread_side *side = &t->sides[number];

    side->id = sqlite3_column_int64(stmt, 1);
    t->sides[1 - number].sent = read_tally(stmt, 2);
    read_contact(side, stmt, 4);
    read_places(side, stmt, 11);
    side->marks[CHAT_MARK_DELIVERED] = read_mark(stmt, 17, 20);
    side->up_to[CHAT_MARK_DELIVERED] = read_tally(stmt, 18);
    side->marks[CHAT_MARK_READ] = read_mark(stmt, 22, 24);
    side->up_to[CHAT_MARK_READ].n = u64(stmt, 23);
    side->theirs[CHAT_MARK_DELIVERED] = read_mark(stmt, 26, 27);
    side->theirs[CHAT_MARK_READ] = read_mark(stmt, 29, 30);
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

int threads_find_place(struct threads *ts, const account *a, const struct chat_place *place,
                       struct thread **out)
{
    if (place->conversation == 0)
        return threads_find_pair(ts, a, &place->peer, out);
    const int r = threads_find_id(ts, place->conversation, out);
    return r == 0 && thread_side_of(*out, a) == 2 ? THREADS_NONE : r;
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

// Changing.

static struct mailbox_share share_of(const struct thread *t, unsigned side)
{
    const uint64_t n = thread_above(t, side, CHAT_MARK_DELIVERED).n;
    return (struct mailbox_share){.n = n, .n_of_strangers = t->sides[side].accepted ? 0 : n};
}

int threads_open_mailbox(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];

    if (s->mailbox)
        return 0;
    s->share = share_of(t, side);
    return mailboxes_get(&ts->mailboxes, &s->account, &s->mailbox);
}

void threads_touch(struct threads *ts, struct thread *t)
{
    for (unsigned side = 0; side < 2; side++) {
        struct thread_side *s = &t->sides[side];
        if (!s->mailbox)
            continue;
        const struct mailbox_share share = share_of(t, side);
        mailbox_change(s->mailbox, &s->share, &share);
        s->share = share;
    }
    list_remove(&t->dirty);
    list_push(&ts->dirty, &t->dirty);
}
