#include "store/sqlite_place.h"

#include "base/err.h"

#define MEMBERS                                                                                \
    "SELECT side, n_from_peer, bytes_from_peer, accepted, blocked,"                            \
    " block_seq, block_n, block_bytes, withheld_n, withheld_bytes,"                            \
    " last_at_ms, message_pos, receipt_pos, contact_pos, due_pos,"                             \
    " delivered_seq, delivered_n, delivered_bytes, delivered_at_ms, delivered_pos,"            \
    " read_seq, read_n, read_at_ms, read_pos,"                                                 \
    " their_delivered_seq, their_delivered_at_ms, their_delivered_pos,"                        \
    " their_read_seq, their_read_at_ms, their_read_pos"                                        \
    " FROM member WHERE id BETWEEN ?1 AND ?1 + 1"

// INDEXED BY: whatever an operator's ANALYZE finds. One that is blocked has no row in it.
#define MAILBOX                                                                                \
    "SELECT conversation, accepted, max(0, n_from_peer - withheld_n - delivered_n)"            \
    " FROM member INDEXED BY member_undelivered WHERE account = ? AND due_pos > 0"

const char *const place_texts[P_COUNT] = {
    [P_PLACE] = "SELECT position FROM place WHERE id = ?",
    [P_KEYED] = "SELECT position FROM sent WHERE conversation = ? AND hash = ?",
    [P_MEMBERS] = MEMBERS,
    [P_MAILBOX] = MAILBOX,
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
}

void places_release(struct sqlite_places *p)
{
    if (p->view.tail)
        tail_release(&p->view);
}

int places_find(struct sqlite_places *p, conversation_id id, uint64_t seq, int64_t *position)
{
    sqlite3_stmt *stmt = p->stmts[P_PLACE];

    *position = tail_place(&p->view, id, seq);
    if (*position != 0)
        return 0;
    sqlite_db_bind(stmt, 1, INDEX_PLACE_ID(id, seq));
    const int r = sqlite_db_step(p->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    *position = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

int places_keyed(struct sqlite_places *p, conversation_id id, uint64_t hash,
                 int64_t out[PLACES_KEYED_MAX], size_t *n)
{
    sqlite3_stmt *stmt = p->stmts[P_KEYED];
    int r = 0;

    *n = tail_keyed(&p->view, id, hash, out, PLACES_KEYED_MAX);
    sqlite_db_bind(stmt, 1, (int64_t)id);
    sqlite_db_bind(stmt, 2, (int64_t)hash);
    for (r = sqlite_db_step(p->db, stmt); r == 0; r = sqlite_db_step(p->db, stmt)) {
        if (*n == PLACES_KEYED_MAX)
            break;
        out[(*n)++] = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

uint64_t places_hash(const struct sqlite_places *p, unsigned sender, str key)
{
    char bytes[1 + CHAT_KEY_MAX];

    assert(key.len <= CHAT_KEY_MAX);
    bytes[0] = (char)sender;
    str_copy(bytes + 1, key);
    return hash_keyed(p->key, (str){bytes, 1 + key.len});
}
