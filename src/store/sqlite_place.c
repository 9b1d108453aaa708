#include "store/sqlite_place.h"

#include "base/err.h"

const char *const place_texts[P_COUNT] = {
    [P_PLACE] = "SELECT position FROM place WHERE id = ?",
    // As many as PLACES_KEYED_MAX.
    [P_KEYED] = "SELECT position, id FROM sent WHERE id >= ?1 AND id < ?1 + 16 ORDER BY id",
    [P_THREAD] = "SELECT state FROM thread WHERE id = ?",
    [P_KEPT] = "SELECT places FROM thread WHERE id = ?",
    [P_MEMBERS] = "SELECT list FROM member WHERE account = ?",
};

static int read_key(struct sqlite_places *p)
{
    sqlite3_stmt *stmt = NULL;

    int r = sqlite_db_prepare_into(p->db, (const char *const[]){"SELECT hash_key FROM state"},
                                   1, &stmt);
    if (r == 0)
        r = sqlite_db_step(p->db, stmt);
    if (r == 0 && sqlite_db_str(stmt, 0).len == HASH_KEY_SIZE) {
        memcpy(p->key, sqlite_db_str(stmt, 0).ptr, HASH_KEY_SIZE);
    } else if (r >= 0) {
        r = sqlite_db_fault(p->db, "the index has no key");
    }
    sqlite3_finalize(stmt);
    return r;
}

int places_init(struct sqlite_places *p, struct tail *tail, struct sqlite_db *db)
{
    *p = (struct sqlite_places){.tail = tail, .db = db};
    int r = read_key(p);
    if (r == 0)
        r = sqlite_db_prepare_into(db, place_texts, P_COUNT, p->stmts);
    return r < 0 ? err_up(r) : 0;
}

void places_hold(struct sqlite_places *p)
{
    tail_hold(p->tail, &p->view);
    p->kept_of = 0;
}

void places_release(struct sqlite_places *p)
{
    if (p->view.tail)
        tail_release(&p->view);
}

int places_kept(struct sqlite_db *d, sqlite3_stmt *stmt, conversation_id id,
                struct kept_places *out)
{
    out->first = 1;
    out->n = 0;
    sqlite_db_bind(stmt, 1, (int64_t)conversation_number(id));
    int r = sqlite_db_step(d, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    if (unpack_places(sqlite_db_str(stmt, 0), out) != 0)
        r = sqlite_db_fault(d, "the index is damaged: places");
    sqlite3_reset(stmt);
    return r;
}

/** They are in p->kept then: whoever asks for one asks for others. @return 0 or a fault */
static int find_kept(struct sqlite_places *p, conversation_id id)
{
    if (p->kept_of == id)
        return 0;
    p->kept_of = 0;
    const int r = places_kept(p->db, p->stmts[P_KEPT], id, &p->kept);
    if (r == 0)
        p->kept_of = id;
    return r;
}

/** A row of its own. @return 0 or a fault */
static int find_row(struct sqlite_places *p, conversation_id id, uint64_t seq,
                    int64_t *position)
{
    sqlite3_stmt *stmt = p->stmts[P_PLACE];

    sqlite_db_bind(stmt, 1, index_id(id, (uint32_t)seq));
    const int r = sqlite_db_step(p->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    *position = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

int places_find(struct sqlite_places *p, conversation_id id, uint64_t seq, int64_t *position)
{
    const struct kept_places *kept = &p->kept;

    *position = tail_place(&p->view, id, seq);
    if (*position != 0)
        return 0;
    const int r = find_kept(p, id);
    if (r < 0)
        return r;
    if (seq < kept->first)
        return find_row(p, id, seq, position);
    if (seq - kept->first < kept->n)
        *position = kept->entries[seq - kept->first].position;
    return 0;
}

/** Positions that keys of a hash may have. */
struct candidates {
    int64_t *positions; // PLACES_KEYED_MAX
    size_t n;
};

static void add_kept(const struct kept_places *kept, uint32_t hash, struct candidates *c)
{
    for (size_t i = 0; i < kept->n && c->n < PLACES_KEYED_MAX; i++) {
        if (kept->entries[i].hash == hash && kept->entries[i].position != 0)
            c->positions[c->n++] = kept->entries[i].position;
    }
}

/** Those that met where they were put are one behind the other. @return 0 or a fault */
static int add_rows(struct sqlite_places *p, int64_t first, struct candidates *c)
{
    sqlite3_stmt *stmt = p->stmts[P_KEYED];
    int r = 0;

    sqlite_db_bind(stmt, 1, first);
    for (r = sqlite_db_step(p->db, stmt); r == 0; r = sqlite_db_step(p->db, stmt)) {
        if (c->n == PLACES_KEYED_MAX || sqlite3_column_int64(stmt, 1) != first++)
            break;
        c->positions[c->n++] = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

int places_keyed(struct sqlite_places *p, conversation_id id, uint32_t hash,
                 int64_t out[PLACES_KEYED_MAX], size_t *n)
{
    struct candidates c = {out, tail_keyed(&p->view, id, hash, out, PLACES_KEYED_MAX)};

    int r = find_kept(p, id);
    if (r == 0)
        add_kept(&p->kept, hash, &c);
    if (r == 0 && p->kept.first > 1)
        r = add_rows(p, index_id(id, hash), &c);
    *n = c.n;
    return r;
}

uint32_t places_hash(const struct sqlite_places *p, unsigned sender, str key)
{
    char bytes[1 + CHAT_KEY_MAX];

    assert(key.len <= CHAT_KEY_MAX);
    bytes[0] = (char)sender;
    str_copy(bytes + 1, key);
    return (uint32_t)(hash_keyed(p->key, (str){bytes, 1 + key.len}) >> 33);
}

int places_indexed(struct sqlite_places *p, conversation_id id, struct thread_side sides[2],
                   struct thread_keys *keys)
{
    sqlite3_stmt *stmt = p->stmts[P_THREAD];

    sqlite_db_bind(stmt, 1, (int64_t)conversation_number(id));
    int r = sqlite_db_step(p->db, stmt);
    if (r != 0)
        return r < 0 ? r : PLACES_NONE;
    if (unpack_thread(sqlite_db_str(stmt, 0), sides, keys) != 0)
        r = sqlite_db_fault(p->db, "the index is damaged: a conversation");
    sqlite3_reset(stmt);
    p->view.is_passed |= r == 0 && sides_position(sides) > p->view.upto;
    return r;
}

int places_thread(struct sqlite_places *p, conversation_id id, struct thread_side sides[2],
                  struct thread_keys *keys, struct tail_spot *spot)
{
    struct tail_thread found;
    const bool is_found = tail_find(&p->view, id, &found);

    *spot = found.spot;
    if (!is_found)
        return places_indexed(p, id, sides, keys);
    sides[0] = found.sides[0];
    sides[1] = found.sides[1];
    *keys = found.keys;
    return 0;
}

static int each_member(struct sqlite_places *p, struct member_list list, uint64_t moment,
                       places_member_fn *fn, void *arg)
{
    struct member m;
    int r = 0;

    while (r == 0) {
        r = member_next(&list, &m);
        if (r == 0 && !tail_had(&p->view, m.id, moment))
            r = fn(arg, &m);
    }
    return r == PACK_DAMAGED ? sqlite_db_fault(p->db, "the index is damaged: an account") : r;
}

int places_members(struct sqlite_places *p, int64_t id, uint64_t moment, places_member_fn *fn,
                   void *arg)
{
    sqlite3_stmt *stmt = p->stmts[P_MEMBERS];

    sqlite_db_bind(stmt, 1, id);
    int r = sqlite_db_step(p->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    r = each_member(p, member_list_of(sqlite_db_str(stmt, 0)), moment, fn, arg);
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}
