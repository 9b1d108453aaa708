#include "store/sqlite_thread.h"

#include "base/mem.h"
#include "store/sqlite_place.h"
#include "store/sqlite_text.h"

#define PAIRS_KEPT 2097152 // 32 MiB, where there are so many
#define PAIRS_WAYS 4       // of one hash: side by side in a cache line

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

static bool is_id(struct map_node *node, const void *key)
{
    return container_of(node, struct thread, by_id)->id == *(const conversation_id *)key;
}

void threads_init(struct threads *ts, struct sqlite_db *db, struct sqlite_places *places,
                  const uint8_t key[HASH_KEY_SIZE])
{
    *ts = (struct threads){.db = db, .places = places};
    memcpy(ts->key, key, HASH_KEY_SIZE);
    list_init(&ts->dirty);
    mailboxes_init(&ts->mailboxes, ts, key);
}

static void forget_half(struct threads_half *half)
{
    map_clear(&half->by_id);
    arena_clear(&half->arena);
}

void threads_forget(struct threads *ts)
{
    list_init(&ts->dirty);
    forget_half(&ts->halves[0]);
    forget_half(&ts->halves[1]);
}

void threads_trim(struct threads *ts, size_t max)
{
    if (ts->halves[0].by_id.n_nodes < max)
        return;
    assert(list_is_empty(&ts->dirty));
    const struct threads_half older = ts->halves[1];
    ts->halves[1] = ts->halves[0];
    ts->halves[0] = older;
    forget_half(&ts->halves[0]);
}

void threads_drop(struct threads *ts)
{
    threads_forget(ts);
    mailboxes_drop(&ts->mailboxes);
    free(ts->pairs);
    ts->pairs = NULL;
}

void threads_fini(struct threads *ts)
{
    threads_drop(ts);
    for (unsigned i = 0; i < 2; i++) {
        map_fini(&ts->halves[i].by_id);
        arena_fini(&ts->halves[i].arena);
    }
    mailboxes_fini(&ts->mailboxes);
}

static struct thread *find_kept(const struct threads *ts, conversation_id id)
{
    const uint64_t hash = hash_number(id);
    struct map_node *node = NULL;

    for (unsigned i = 0; i < 2 && !node; i++)
        node = map_find(&ts->halves[i].by_id, hash, is_id, &id);
    return node ? container_of(node, struct thread, by_id) : NULL;
}

/** @param ids  of its accounts */
static struct thread *keep(struct threads *ts, conversation_id id, const struct pair *p,
                           const int64_t ids[2])
{
    struct threads_half *half = &ts->halves[0];
    struct thread *t = arena_alloc(&half->arena, sizeof(*t));

    t->id = id;
    t->sides[0].account = *p->low;
    t->sides[1].account = *p->high;
    t->sides[0].id = ids[0];
    t->sides[1].id = ids[1];
    list_init(&t->dirty);
    map_add(&half->by_id, &t->by_id, hash_number(id));
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

/** What neither the tail nor the index has has no message yet. */
static int load_state(struct threads *ts, struct thread *t)
{
    const int r = places_thread(ts->places, t->id, t->sides, &t->keys, &t->in_tail);
    return r < 0 ? r : 0; // a fault drops them all
}

/** @return 0 with both, THREADS_NONE: the log does not know both, or a fault */
static int find_accounts(struct threads *ts, const struct pair *p, struct mailbox *both[2])
{
    int r = mailboxes_find(&ts->mailboxes, p->low, &both[0]);
    if (r == 0)
        r = mailboxes_find(&ts->mailboxes, p->high, &both[1]);
    if (r < 0)
        return r;
    return both[0]->id != 0 && both[1]->id != 0 ? 0 : THREADS_NONE;
}

/** @return the first of PAIRS_WAYS, among which the pair is if it is known */
static struct known_pair *pairs_at(struct threads *ts, const int64_t ids[2])
{
    const uint64_t both = (uint64_t)ids[0] << 32 ^ (uint64_t)ids[1];

    if (!ts->pairs)
        ts->pairs = mem_alloc(PAIRS_KEPT * sizeof(*ts->pairs));
    return &ts->pairs[hash_number(both) % (PAIRS_KEPT / PAIRS_WAYS) * PAIRS_WAYS];
}

static bool is_pair(const struct known_pair *known, const int64_t ids[2])
{
    return known->ids[0] == ids[0] && known->ids[1] == ids[1];
}

/** In the place of the one that has been there for longest. */
static void know_pair(struct known_pair *known, const int64_t ids[2], conversation_id id)
{
    if (ids[0] > UINT32_MAX || ids[1] > UINT32_MAX)
        return;
    memmove(known + 1, known, (PAIRS_WAYS - 1) * sizeof(*known));
    *known = (struct known_pair){{(uint32_t)ids[0], (uint32_t)ids[1]}, id};
}

/** What is there is for good, unless somebody else takes it away: then all is dropped.
 * @return 0, THREADS_NONE, or a fault */
static int find_conversation(struct threads *ts, const int64_t ids[2], conversation_id *id)
{
    struct known_pair *known = pairs_at(ts, ids);
    sqlite3_stmt *stmt = ts->db->stmts[W_FIND_PAIR];

    for (unsigned i = 0; i < PAIRS_WAYS; i++) {
        *id = known[i].conversation;
        if (is_pair(&known[i], ids))
            return 0;
    }
    sqlite_db_bind(stmt, 1, ids[0]);
    sqlite_db_bind(stmt, 2, ids[1]);
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r < 0 ? r : THREADS_NONE;
    *id = u64(stmt, 0);
    sqlite3_reset(stmt);
    know_pair(known, ids, *id);
    return 0;
}

static int load_pair(struct threads *ts, conversation_id id, const struct pair *p,
                     struct mailbox *const both[2], struct thread **out)
{
    struct thread *t = keep(ts, id, p, (const int64_t[2]){both[0]->id, both[1]->id});

    *out = t;
    const int r = load_state(ts, t);
    t->sides[0].mailbox = both[0];
    t->sides[1].mailbox = both[1];
    return r;
}

int threads_find_pair(struct threads *ts, const account *x, const account *y,
                      struct thread **out)
{
    const struct pair p = pair_of(x, y);
    struct mailbox *both[2];
    conversation_id id = 0;

    int r = find_accounts(ts, &p, both);
    if (r == 0)
        r = find_conversation(ts, (const int64_t[2]){both[0]->id, both[1]->id}, &id);
    if (r != 0)
        return r;
    *out = find_kept(ts, id);
    return *out ? 0 : load_pair(ts, id, &p, both, out);
}

/** As the tail has it, without asking the log. @return NULL: it has nothing of it */
static struct thread *keep_from_tail(struct threads *ts, conversation_id id)
{
    struct tail_thread found;

    if (!tail_find(&ts->places->view, id, &found))
        return NULL;
    const struct pair p = {&found.sides[0].account, &found.sides[1].account};
    struct thread *t =
        keep(ts, id, &p, (const int64_t[2]){found.sides[0].id, found.sides[1].id});
    t->sides[0] = found.sides[0];
    t->sides[1] = found.sides[1];
    t->keys = found.keys;
    t->in_tail = found.spot;
    return t;
}

int threads_find_id(struct threads *ts, conversation_id id, struct thread **out)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_FIND_ID];

    *out = find_kept(ts, id);
    if (!*out)
        *out = keep_from_tail(ts, id);
    if (*out)
        return 0;
    sqlite_db_bind(stmt, 1, (int64_t)id);
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r < 0 ? r : THREADS_NONE;
    const account low = account_of(sqlite_db_str(stmt, 0));
    const account high = account_of(sqlite_db_str(stmt, 1));
    const int64_t ids[2] = {sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3)};
    sqlite3_reset(stmt);
    *out = keep(ts, id, &(struct pair){&low, &high}, ids);
    return load_state(ts, *out);
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
    sqlite3_stmt *add = ts->db->stmts[W_ADD_ACCOUNT];
    struct mailbox *mailbox = NULL;

    int r = mailboxes_find(&ts->mailboxes, &side->account, &mailbox);
    if (r == 0 && mailbox->id == 0) {
        sqlite_db_bind_bytes(add, 1, account_str(&side->account));
        r = sqlite_db_run(ts->db, add);
        mailbox->id = sqlite3_last_insert_rowid(ts->db->db);
    }
    if (r < 0)
        return r;
    side->mailbox = mailbox;
    side->id = mailbox->id;
    return 0;
}

static int add_conversation(struct threads *ts, const struct thread *t)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_ADD_CONVERSATION];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, t->sides[0].id);
    sqlite_db_bind(stmt, 3, t->sides[1].id);
    return sqlite_db_run(ts->db, stmt);
}

/** What makes an id unlike that of another store's conversation with this number. */
static uint32_t not_elsewhere(const struct threads *ts, uint64_t number)
{
    return (uint32_t)hash_keyed(ts->key, (str){(const char *)&number, sizeof(number)});
}

int threads_add(struct threads *ts, const account *x, const account *y, struct thread **out)
{
    const struct pair p = pair_of(x, y);

    if (ts->n_made >= CONVERSATIONS_MAX)
        return THREADS_FULL;
    const uint64_t n = ++ts->n_made;
    struct thread *t = keep(ts, n << 32 | not_elsewhere(ts, n), &p, (const int64_t[2]){0, 0});
    int r = add_account(ts, &t->sides[0]);
    if (r == 0)
        r = add_account(ts, &t->sides[1]);
    if (r == 0)
        r = add_conversation(ts, t);
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
    int r = 0;

    if (s->is_counted)
        return 0;
    s->share = share_of(t, side);
    if (!s->mailbox)
        r = mailboxes_find(&ts->mailboxes, &s->account, &s->mailbox);
    if (r == 0)
        r = mailboxes_sum_up(&ts->mailboxes, s->mailbox);
    s->is_counted = r == 0;
    return r;
}

void threads_touch(struct threads *ts, struct thread *t)
{
    for (unsigned side = 0; side < 2; side++) {
        struct thread_side *s = &t->sides[side];
        if (!s->is_counted)
            continue;
        const struct mailbox_share share = share_of(t, side);
        mailbox_change(s->mailbox, &s->share, &share);
        s->share = share;
    }
    list_remove(&t->dirty);
    list_push(&ts->dirty, &t->dirty);
}

// Messages.

static int find_place(struct threads *ts, const struct thread *t, uint64_t seq,
                      int64_t *position)
{
    if (seq < t->fresh_seq || seq - t->fresh_seq >= t->n_fresh)
        return places_find(ts->places, t->id, seq, position);
    *position = t->fresh[seq - t->fresh_seq].position;
    return 0;
}

/** @return 0, THREADS_NONE: it is gone, or a fault */
static int read_row(struct threads *ts, const struct thread *t, uint64_t seq, int64_t position,
                    struct thread_row *out)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_TALLIES_AT];

    sqlite_db_bind(stmt, 1, position);
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r < 0 ? r : THREADS_NONE;
    const unsigned sender = sqlite3_column_int(stmt, 2) == 0 ? 0 : 1;
    const struct tally sent = read_tally(stmt, 3);
    const bool is_it = u64(stmt, 0) == t->id && u64(stmt, 1) == seq;
    *out = (struct thread_row){.seq = seq, .position = position, .sender = sender};
    out->sent[sender] = sent;
    out->sent[1 - sender] = (struct tally){.n = seq - sent.n, .bytes = u64(stmt, 5)};
    sqlite3_reset(stmt);
    return is_it ? 0 : THREADS_NONE;
}

int threads_find_row(struct threads *ts, const struct thread *t, uint64_t seq, int step,
                     struct thread_row *out)
{
    const uint64_t last_seq = thread_last_seq(t);
    int r = THREADS_NONE;

    for (; r == THREADS_NONE && seq > 0 && seq <= last_seq; seq += (uint64_t)step) {
        const struct thread_row *row = &t->rows[seq % THREAD_ROWS];
        int64_t position = 0;
        if (row->seq == seq) {
            *out = *row;
            return 0;
        }
        r = find_place(ts, t, seq, &position);
        if (r == 0)
            r = position == 0 ? THREADS_NONE : read_row(ts, t, seq, position, out);
    }
    return r;
}

static void add_fresh(struct threads *ts, struct thread *t, uint64_t seq,
                      const struct tail_entry *entry)
{
    const uint64_t n_missing = t->n_fresh > 0 ? seq - (t->fresh_seq + t->n_fresh) : 0;
    const size_t n = t->n_fresh + n_missing + 1;
    struct arena *arena = &ts->halves[0].arena; // it outlives the older half's threads, too

    if (t->n_fresh == 0)
        t->fresh_seq = seq;
    if (n > t->n_fresh_room) {
        const struct tail_entry *before = t->fresh;
        t->n_fresh_room = 2 * n;
        t->fresh = arena_alloc(arena, t->n_fresh_room * sizeof(*t->fresh));
        for (size_t i = 0; i < t->n_fresh; i++)
            t->fresh[i] = before[i];
    }
    memset(t->fresh + t->n_fresh, 0, n_missing * sizeof(*t->fresh));
    t->fresh[n - 1] = *entry;
    t->n_fresh = n;
}

void threads_add_message(struct threads *ts, struct thread *t, unsigned sender,
                         const struct tail_entry *entry)
{
    const uint64_t seq = thread_last_seq(t);

    add_fresh(ts, t, seq, entry);
    if (entry->position == 0)
        return;
    thread_add_key(&t->keys, entry->hash);
    t->rows[seq % THREAD_ROWS] =
        (struct thread_row){.seq = seq,
                            .position = entry->position,
                            .sent = {t->sides[0].sent, t->sides[1].sent},
                            .sender = sender};
}

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t sides_position(const struct thread_side sides[2])
{
    int64_t position = 0;

    for (unsigned side = 0; side < 2; side++) {
        const struct thread_side *s = &sides[side];
        position =
            largest(position, largest(s->message_pos, largest(s->receipt_pos, s->contact_pos)));
    }
    return position;
}
