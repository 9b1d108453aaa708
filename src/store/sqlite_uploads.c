#include "store/sqlite_uploads.h"

#include "store/sqlite_row.h"
#include "store/upload_quota.h"

// INDEXED BY: as in the reader's statements, whatever an operator's ANALYZE finds.
const char *const sqlite_uploads_texts[U_COUNT] = {
    [U_OWNER] = "SELECT full_at_ms, n_pending FROM uploader WHERE owner = ?",
    [U_SET_OWNER] =
        "INSERT INTO uploader (owner, full_at_ms, n_pending) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (owner) DO UPDATE SET full_at_ms = ?2, n_pending = ?3",
    [U_ADD] =
        "INSERT INTO upload (id, owner, state, created_at_ms, until_ms, cost_ms, size, sha256,"
        " mime, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    [U_STATE] = "SELECT state, owner FROM upload WHERE id = ?",
    [U_SET] = "UPDATE upload SET state = ?2, until_ms = ?3 WHERE id = ?1",
    [U_OVER] =
        "SELECT id, state, owner, cost_ms FROM upload INDEXED BY upload_by_until"
        " WHERE until_ms > 0 AND until_ms <= ? ORDER BY until_ms, id LIMIT 1",
    [U_REMOVE] = "DELETE FROM upload WHERE id = ? AND state = ?",
    [U_ACCEPTED] = "SELECT 1 FROM upload WHERE id = ? AND owner = ? AND state = ?",
    [U_ATTACH] = "INSERT INTO attachment (position, upload) VALUES (?, ?)",
    [U_KEEP] = "UPDATE upload SET until_ms = 0 WHERE id = ? AND until_ms <> 0",
};

int sqlite_uploads_open(struct sqlite_uploads *u, struct sqlite_db *db)
{
    u->db = db;
    return sqlite_db_prepare_into(db, sqlite_uploads_texts, U_COUNT, u->stmts);
}

// What an account may announce.

/** @return 0 with zeroes for one that has announced nothing yet, or a fault */
static int get_quota(struct sqlite_uploads *u, const account *owner, struct upload_quota *q)
{
    sqlite3_stmt *stmt = u->stmts[U_OWNER];

    *q = (struct upload_quota){0};
    sqlite_db_bind_bytes(stmt, 1, account_str(owner));
    const int r = sqlite_db_step(u->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    q->full_at_ms = sqlite3_column_int64(stmt, 0);
    q->n_pending = (uint64_t)sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    return 0;
}

static int set_quota(struct sqlite_uploads *u, const account *owner,
                     const struct upload_quota *q)
{
    sqlite3_stmt *stmt = u->stmts[U_SET_OWNER];

    sqlite_db_bind_bytes(stmt, 1, account_str(owner));
    sqlite_db_bind(stmt, 2, q->full_at_ms);
    sqlite_db_bind(stmt, 3, (int64_t)q->n_pending);
    return sqlite_db_run(u->db, stmt);
}

/** One of the owner's is not pending any more. @param given_back_ms  of its cost */
static int settle_quota(struct sqlite_uploads *u, const account *owner, int64_t given_back_ms)
{
    struct upload_quota q;

    const int r = get_quota(u, owner, &q);
    if (r < 0)
        return r;
    upload_quota_settle(&q);
    upload_quota_give_back(&q, given_back_ms);
    return set_quota(u, owner, &q);
}

// Creating.

static int add(struct sqlite_uploads *u, const struct uploads_create *c, int64_t cost_ms)
{
    const struct chat_upload *up = &c->upload;
    const str sha256 = {(const char *)up->sha256, CHAT_SHA256_SIZE};
    sqlite3_stmt *stmt = u->stmts[U_ADD];

    sqlite_db_bind_text(stmt, 1, up->id);
    sqlite_db_bind_bytes(stmt, 2, account_str(&up->owner));
    sqlite_db_bind(stmt, 3, UPLOAD_PENDING);
    sqlite_db_bind(stmt, 4, c->now_ms);
    sqlite_db_bind(stmt, 5, c->until_ms);
    sqlite_db_bind(stmt, 6, cost_ms);
    sqlite_db_bind(stmt, 7, (int64_t)up->size);
    sqlite_db_bind_bytes(stmt, 8, up->has_sha256 ? sha256 : (str){0});
    sqlite_db_bind_text(stmt, 9, up->mime);
    sqlite_db_bind_text(stmt, 10, up->name);
    const int r = sqlite_db_run(u->db, stmt);
    assert(r < 0 || sqlite3_changes(u->db->db) == 1); // ids are new
    return r;
}

static int create(struct sqlite_uploads *u, struct upload_change *c)
{
    const struct uploads_create *asked = &c->create.asked;
    struct upload_quota q;
    int64_t cost_ms = 0;

    int r = get_quota(u, &asked->upload.owner, &q);
    if (r == 0)
        r = upload_quota_take(&q, asked, &cost_ms, &c->create.retry_after_ms);
    if (r != 0)
        return r;
    c->has_changed = true;
    r = add(u, asked, cost_ms);
    return r == 0 ? set_quota(u, &asked->upload.owner, &q) : r;
}

// Settling.

/** @return 0, UPLOADS_NOT_FOUND, or a fault */
static int get_state(struct sqlite_uploads *u, str id, enum upload_state *state, account *owner)
{
    sqlite3_stmt *stmt = u->stmts[U_STATE];

    sqlite_db_bind_text(stmt, 1, id);
    const int r = sqlite_db_step(u->db, stmt);
    if (r != 0)
        return r < 0 ? r : UPLOADS_NOT_FOUND;
    *state = (enum upload_state)sqlite3_column_int(stmt, 0);
    *owner = account_of(sqlite_db_str(stmt, 1));
    sqlite3_reset(stmt);
    return *state == UPLOAD_DELETING ? UPLOADS_NOT_FOUND : 0;
}

static int set_state(struct sqlite_uploads *u, str id, enum upload_state state,
                     int64_t until_ms)
{
    sqlite3_stmt *stmt = u->stmts[U_SET];

    sqlite_db_bind_text(stmt, 1, id);
    sqlite_db_bind(stmt, 2, state);
    sqlite_db_bind(stmt, 3, until_ms);
    return sqlite_db_run(u->db, stmt);
}

static int settle(struct sqlite_uploads *u, struct upload_change *c)
{
    const struct uploads_settle *asked = &c->settle.asked;
    account owner;

    int r = get_state(u, asked->id, &c->settle.answer, &owner);
    if (r != 0 || c->settle.answer != UPLOAD_PENDING)
        return r;
    c->has_changed = true;
    c->settle.answer = asked->state;
    r = set_state(u, asked->id, asked->state, asked->until_ms);
    return r == 0 ? settle_quota(u, &owner, 0) : r;
}

// Claiming.

/** An upload whose time is over. */
struct over {
    str id; // the change's
    enum upload_state state;
    account owner;
    int64_t cost_ms;
};

/** @return 0, SQLITE_DB_NO_ROW, or a fault */
static int next_over(struct sqlite_uploads *u, struct upload_change *c, struct over *o)
{
    sqlite3_stmt *stmt = u->stmts[U_OVER];

    sqlite_db_bind(stmt, 1, c->claim.asked.now_ms);
    const int r = sqlite_db_step(u->db, stmt);
    if (r != 0)
        return r;
    *o = (struct over){.id = upload_change_claimed(c, sqlite_db_str(stmt, 0)),
                       .state = (enum upload_state)sqlite3_column_int(stmt, 1),
                       .owner = account_of(sqlite_db_str(stmt, 2)),
                       .cost_ms = sqlite3_column_int64(stmt, 3)};
    sqlite3_reset(stmt);
    return 0;
}

/** It comes again later: the next one that is over is another. */
static int claim_one(struct sqlite_uploads *u, struct upload_change *c)
{
    struct over o;

    int r = next_over(u, c, &o);
    if (r != 0)
        return r;
    c->has_changed = true;
    r = set_state(u, o.id, UPLOAD_DELETING, c->claim.asked.again_ms);
    if (r == 0 && o.state == UPLOAD_PENDING)
        r = settle_quota(u, &o.owner, o.cost_ms);
    return r;
}

static int claim(struct sqlite_uploads *u, struct upload_change *c)
{
    int r = 0;

    for (size_t n = 0; r == 0 && n < c->claim.asked.max; n++)
        r = claim_one(u, c);
    return r == SQLITE_DB_NO_ROW ? 0 : r;
}

static int remove_claimed(struct sqlite_uploads *u, struct upload_change *c)
{
    sqlite3_stmt *stmt = u->stmts[U_REMOVE];

    sqlite_db_bind_text(stmt, 1, c->remove.id);
    sqlite_db_bind(stmt, 2, UPLOAD_DELETING);
    const int r = sqlite_db_run(u->db, stmt);
    c->has_changed = r == 0 && sqlite3_changes(u->db->db) > 0;
    return r;
}

int sqlite_uploads_change(struct sqlite_uploads *u, struct upload_change *c)
{
    switch (c->kind) {
    case UPLOAD_CHANGE_CREATE: return create(u, c);
    case UPLOAD_CHANGE_SETTLE: return settle(u, c);
    case UPLOAD_CHANGE_CLAIM: return claim(u, c);
    case UPLOAD_CHANGE_REMOVE: break;
    }
    return remove_claimed(u, c);
}

// Messages that have one.

int sqlite_uploads_check(struct sqlite_uploads *u, const struct store_append *a)
{
    sqlite3_stmt *stmt = u->stmts[U_ACCEPTED];

    if (a->upload.len == 0)
        return 0;
    sqlite_db_bind_text(stmt, 1, a->upload);
    sqlite_db_bind_bytes(stmt, 2, account_str(&a->from));
    sqlite_db_bind(stmt, 3, UPLOAD_ACCEPTED);
    const int r = sqlite_db_step(u->db, stmt);
    if (r != 0)
        return r < 0 ? r : STORE_NO_UPLOAD;
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_uploads_keep(struct sqlite_uploads *u, const struct store_append *a,
                        int64_t position)
{
    if (a->upload.len == 0)
        return 0;
    sqlite_db_bind(u->stmts[U_ATTACH], 1, position);
    sqlite_db_bind_text(u->stmts[U_ATTACH], 2, a->upload);
    const int r = sqlite_db_run(u->db, u->stmts[U_ATTACH]);
    if (r < 0)
        return r;
    sqlite_db_bind_text(u->stmts[U_KEEP], 1, a->upload);
    return sqlite_db_run(u->db, u->stmts[U_KEEP]);
}

// The question.

int sqlite_uploads_find(struct sqlite_reader *rd, struct read_op *op)
{
    struct chat_upload *u = &op->answer.upload;
    sqlite3_stmt *stmt = rd->db.stmts[R_UPLOAD];

    sqlite_db_bind_text(stmt, 1, op->asked.upload);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : UPLOADS_NOT_FOUND;
    const str sha256 = sqlite_db_str(stmt, 3);
    const str mime = sqlite_db_str(stmt, 4);
    const str name = sqlite_db_str(stmt, 5);
    *u = (struct chat_upload){
        .id = op->asked.upload,
        .state = (enum upload_state)sqlite3_column_int(stmt, 0),
        .owner = account_of(sqlite_db_str(stmt, 1)),
        .size = sqlite_row_u64(stmt, 2),
        .has_sha256 = sha256.len == CHAT_SHA256_SIZE,
        .mime = str_copy(read_op_room(op, mime.len), mime),
        .name = str_copy(read_op_room(op, name.len), name),
    };
    if (u->has_sha256)
        str_copy((char *)u->sha256, sha256);
    sqlite3_reset(stmt);
    return u->state == UPLOAD_DELETING ? UPLOADS_NOT_FOUND : 0;
}
