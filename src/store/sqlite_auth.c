#include "store/sqlite_auth.h"

#include "store/sqlite_row.h"

// INDEXED BY: as in the reader's statements, whatever an operator's ANALYZE finds.
#define LIVE                                                                                   \
    " FROM session INDEXED BY session_by_account WHERE account = ?1 AND expires_at_ms > ?2"
#define FORGET(table, key, index, column)                                                      \
    "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " INDEXED BY " index  \
    " WHERE " column " <= ? ORDER BY " column " LIMIT ?)"

// A revocation that is made anew gets a new row, and so a new position; what the old one said
// of it stays if it is more.
static const char *const texts[A_COUNT] = {
    [A_USE_NONCE] =
        "INSERT INTO nonce (bytes, until_ms) VALUES (?1, ?2)"
        " ON CONFLICT (bytes) DO UPDATE SET until_ms = ?2 WHERE until_ms <= ?3",
    [A_FIND] =
        "SELECT account, generation, began_at_ms, expires_at_ms, refreshed_at_ms,"
        " proof_chain, proof_digest, proof_signature FROM session WHERE name = ?",
    [A_SURPLUS] = "SELECT name" LIVE " AND (SELECT count(*)" LIVE
                  ") >= ?3"
                  " ORDER BY refreshed_at_ms, id LIMIT 1",
    [A_ADD] =
        "INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms,"
        " expires_at_ms, proof_chain, proof_digest, proof_signature)"
        " VALUES (?1, ?2, 1, ?3, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name) DO NOTHING",
    [A_REFRESH] = "UPDATE session SET generation = ?2, refreshed_at_ms = ?3 WHERE name = ?1",
    [A_END] = "DELETE FROM session WHERE name = ?1 RETURNING expires_at_ms > ?2",
    [A_END_ALL] =
        "DELETE FROM session INDEXED BY session_by_account WHERE account = ?1"
        " RETURNING expires_at_ms > ?2",
    [A_REVOKE] =
        "INSERT OR REPLACE INTO revocation (session, before_ms, until_ms)"
        " VALUES (?1, 0, max(?2,"
        " ifnull((SELECT until_ms FROM revocation WHERE session = ?1), ?2)))",
    [A_REVOKE_ALL] =
        "INSERT OR REPLACE INTO revocation (account, before_ms, until_ms)"
        " VALUES (?1,"
        " max(?2, ifnull((SELECT before_ms FROM revocation WHERE account = ?1), ?2)),"
        " max(?3, ifnull((SELECT until_ms FROM revocation WHERE account = ?1), ?3)))",
    [A_FORGET_NONCES] = FORGET("nonce", "bytes", "nonce_by_until", "until_ms"),
    [A_FORGET_SESSIONS] = FORGET("session", "id", "session_by_expiry", "expires_at_ms"),
    [A_FORGET_REVOCATIONS] =
        FORGET("revocation", "position", "revocation_by_until", "until_ms"),
};

int sqlite_auth_open(struct sqlite_auth *a, struct sqlite_db *db)
{
    a->db = db;
    return sqlite_db_prepare_into(db, texts, A_COUNT, a->stmts);
}

static int revoke(struct sqlite_auth *a, str session, int64_t until_ms)
{
    sqlite3_stmt *stmt = a->stmts[A_REVOKE];

    sqlite_db_bind_text(stmt, 1, session);
    sqlite_db_bind(stmt, 2, until_ms);
    return sqlite_db_run(a->db, stmt);
}

static int revoke_all(struct sqlite_auth *a, const struct auth_store_end *asked)
{
    sqlite3_stmt *stmt = a->stmts[A_REVOKE_ALL];

    sqlite_db_bind_bytes(stmt, 1, account_str(&asked->account));
    sqlite_db_bind(stmt, 2, asked->now_ms);
    sqlite_db_bind(stmt, 3, asked->until_ms);
    return sqlite_db_run(a->db, stmt);
}

/** A_END or A_END_ALL. @param n  of those that were not over before @return 0 or a fault */
static int end_sessions(struct sqlite_auth *a, sqlite3_stmt *stmt, int64_t now_ms, size_t *n)
{
    int r = 0;

    *n = 0;
    sqlite_db_bind(stmt, 2, now_ms);
    for (r = sqlite_db_step(a->db, stmt); r == 0; r = sqlite_db_step(a->db, stmt))
        *n += sqlite3_column_int(stmt, 0) != 0;
    return r < 0 ? r : 0;
}

static int end_session(struct sqlite_auth *a, str name, int64_t now_ms, size_t *n)
{
    sqlite_db_bind_text(a->stmts[A_END], 1, name);
    return end_sessions(a, a->stmts[A_END], now_ms, n);
}

// Beginning.

static int use_nonce(struct sqlite_auth *a, const struct auth_store_begin *asked)
{
    sqlite3_stmt *stmt = a->stmts[A_USE_NONCE];

    sqlite_db_bind_bytes(stmt, 1, asked->nonce);
    sqlite_db_bind(stmt, 2, asked->nonce_until_ms);
    sqlite_db_bind(stmt, 3, asked->now_ms);
    const int r = sqlite_db_run(a->db, stmt);
    if (r < 0)
        return r;
    return sqlite3_changes(a->db->db) == 0 ? AUTH_STORE_NONCE_USED : 0;
}

/** Make room for one more session of the account. @return 0 with the answer, or a fault */
static int end_surplus(struct sqlite_auth *a, struct auth_change *c)
{
    const struct auth_store_begin *asked = &c->begin.asked;
    sqlite3_stmt *stmt = a->stmts[A_SURPLUS];
    size_t n = 0;

    sqlite_db_bind_bytes(stmt, 1, account_str(&asked->account));
    sqlite_db_bind(stmt, 2, asked->now_ms);
    sqlite_db_bind(stmt, 3, AUTH_SESSIONS_MAX);
    int r = sqlite_db_step(a->db, stmt);
    if (r < 0)
        return r;
    auth_change_begun(c, r == 0 ? sqlite_db_str(stmt, 0) : (str){0});
    if (r != 0)
        return 0;
    sqlite3_reset(stmt);
    r = end_session(a, c->begin.answer.ended, asked->now_ms, &n);
    return r == 0 ? revoke(a, c->begin.answer.ended, asked->revoked_until_ms) : r;
}

static void bind_proof(sqlite3_stmt *stmt, const struct auth_session_proof *proof)
{
    const str digest = {(const char *)proof->digest, AUTH_DIGEST_SIZE};

    sqlite_db_bind(stmt, 5, (int64_t)proof->chain);
    sqlite_db_bind_bytes(stmt, 6, proof->chain == 0 ? (str){0} : digest);
    sqlite_db_bind_bytes(stmt, 7, proof->signature);
}

static int add_session(struct sqlite_auth *a, const struct auth_store_begin *asked)
{
    sqlite3_stmt *stmt = a->stmts[A_ADD];

    sqlite_db_bind_text(stmt, 1, asked->session);
    sqlite_db_bind_bytes(stmt, 2, account_str(&asked->account));
    sqlite_db_bind(stmt, 3, asked->now_ms);
    sqlite_db_bind(stmt, 4, asked->expires_at_ms);
    bind_proof(stmt, &asked->proof);
    const int r = sqlite_db_run(a->db, stmt);
    assert(r < 0 || sqlite3_changes(a->db->db) == 1); // names are new
    return r;
}

static int begin(struct sqlite_auth *a, struct auth_change *c)
{
    int r = use_nonce(a, &c->begin.asked);

    if (r != 0)
        return r;
    c->has_changed = true;
    r = end_surplus(a, c);
    return r == 0 ? add_session(a, &c->begin.asked) : r;
}

// Refreshing.

/** Of the row that A_FIND is at. */
static struct auth_session_proof proof_of(struct auth_change *c, sqlite3_stmt *stmt)
{
    struct auth_session_proof proof = {.chain = (uint64_t)sqlite3_column_int64(stmt, 5),
                                       .signature = sqlite_db_str(stmt, 7)};
    const str digest = sqlite_db_str(stmt, 6);

    assert(digest.len == (proof.chain == 0 ? 0 : AUTH_DIGEST_SIZE));
    str_copy((char *)proof.digest, digest);
    return auth_change_keep(c, &proof);
}

/** @return 0 with the session as the answer, AUTH_STORE_NO_SESSION, or a fault */
static int find_session(struct sqlite_auth *a, struct auth_change *c, int64_t *refreshed_at_ms)
{
    const str name = c->refresh.asked.session;
    sqlite3_stmt *stmt = a->stmts[A_FIND];

    sqlite_db_bind_text(stmt, 1, name);
    const int r = sqlite_db_step(a->db, stmt);
    if (r != 0)
        return r < 0 ? r : AUTH_STORE_NO_SESSION;
    c->refresh.answer = (struct auth_session){
        .account = account_of(sqlite_db_str(stmt, 0)),
        .name = name,
        .generation = (uint32_t)sqlite3_column_int64(stmt, 1),
        .began_at_ms = sqlite3_column_int64(stmt, 2),
        .expires_at_ms = sqlite3_column_int64(stmt, 3),
        .proof = proof_of(c, stmt),
    };
    *refreshed_at_ms = sqlite3_column_int64(stmt, 4);
    sqlite3_reset(stmt);
    return 0;
}

/** @return AUTH_STORE_REUSED, or a fault */
static int end_reused(struct sqlite_auth *a, struct auth_change *c)
{
    const struct auth_store_refresh *asked = &c->refresh.asked;
    size_t n = 0;

    c->has_changed = true;
    int r = end_session(a, asked->session, asked->now_ms, &n);
    if (r == 0)
        r = revoke(a, asked->session, asked->revoked_until_ms);
    return r < 0 ? r : AUTH_STORE_REUSED;
}

static int turn_session(struct sqlite_auth *a, struct auth_change *c, uint32_t generation)
{
    sqlite3_stmt *stmt = a->stmts[A_REFRESH];

    c->has_changed = true;
    sqlite_db_bind_text(stmt, 1, c->refresh.asked.session);
    sqlite_db_bind(stmt, 2, generation);
    sqlite_db_bind(stmt, 3, c->refresh.asked.now_ms);
    return sqlite_db_run(a->db, stmt);
}

static int refresh(struct sqlite_auth *a, struct auth_change *c)
{
    const struct auth_store_refresh *asked = &c->refresh.asked;
    struct auth_session *s = &c->refresh.answer;
    int64_t refreshed_at_ms = 0;
    uint32_t next = 0;

    int r = find_session(a, c, &refreshed_at_ms);
    if (r != 0)
        return r;
    r = auth_change_next(asked, s, refreshed_at_ms, &next);
    if (r == AUTH_STORE_REUSED)
        return end_reused(a, c);
    if (next == s->generation)
        return r;
    s->generation = next;
    return turn_session(a, c, next);
}

// Ending.

static int end(struct sqlite_auth *a, struct auth_change *c)
{
    const struct auth_store_end *asked = &c->end.asked;

    c->has_changed = true;
    if (asked->session.len > 0) {
        const int r = end_session(a, asked->session, asked->now_ms, &c->end.answer);
        return r == 0 ? revoke(a, asked->session, asked->until_ms) : r;
    }
    sqlite3_stmt *stmt = a->stmts[A_END_ALL];
    sqlite_db_bind_bytes(stmt, 1, account_str(&asked->account));
    const int r = end_sessions(a, stmt, asked->now_ms, &c->end.answer);
    return r == 0 ? revoke_all(a, asked) : r;
}

// All of them.

static int change(struct sqlite_auth *a, struct auth_change *c)
{
    switch (c->kind) {
    case AUTH_CHANGE_BEGIN: return begin(a, c);
    case AUTH_CHANGE_REFRESH: return refresh(a, c);
    case AUTH_CHANGE_END: break;
    }
    return end(a, c);
}

/** A change adds one row of each kind at most: more of them go than come. */
static int forget(struct sqlite_auth *a, int64_t now_ms)
{
    int r = 0;

    for (unsigned i = A_FORGET_NONCES; r == 0 && i < A_COUNT; i++) {
        sqlite_db_bind(a->stmts[i], 1, now_ms - AUTH_STORE_KEPT_MS);
        sqlite_db_bind(a->stmts[i], 2, AUTH_STORE_FORGOTTEN_MAX);
        r = sqlite_db_run(a->db, a->stmts[i]);
    }
    return r;
}

int sqlite_auth_change(struct sqlite_auth *a, struct auth_change *c)
{
    const int r = change(a, c);

    if (r < 0 || !c->has_changed)
        return r;
    const int forgotten = forget(a, c->now_ms);
    return forgotten < 0 ? forgotten : r;
}

// The page.

static void add_revocation(struct read_op *op, sqlite3_stmt *stmt)
{
    struct auth_store_revocations_page *page = &op->answer.revocations;
    struct auth_revocation *all = read_op_grow(op, page->n_revocations, sizeof(*all));
    const str session = sqlite_db_str(stmt, 1);

    all[page->n_revocations++] = (struct auth_revocation){
        .position = sqlite3_column_int64(stmt, 0),
        .session = str_copy(read_op_room(op, session.len), session),
        .account = account_of(sqlite_db_str(stmt, 2)),
        .before_ms = sqlite3_column_int64(stmt, 3),
        .until_ms = sqlite3_column_int64(stmt, 4),
    };
    page->revocations = all;
}

int sqlite_auth_revocations(struct sqlite_reader *rd, struct read_op *op)
{
    const struct auth_store_revocations *asked = &op->asked.revocations;
    struct auth_store_revocations_page *page = &op->answer.revocations;
    sqlite3_stmt *stmt = rd->db.stmts[R_REVOCATIONS];
    int r = 0;

    sqlite_db_bind(stmt, 1, asked->after);
    sqlite_db_bind(stmt, 2, asked->now_ms);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        page->has_more = page->n_revocations == asked->max_revocations;
        if (page->has_more)
            break;
        add_revocation(op, stmt);
    }
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}
