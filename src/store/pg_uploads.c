#include "store/pg_uploads.h"

#include "store/pg_turn.h"
#include "store/upload_quota.h"

// Of several nodes one after the other has the row of an upload, or of what an account may
// announce: uploads first, each kind in its order.

static const struct pg_statement add_owner = {
    96,
    "INSERT INTO upload_quota (owner, full_at_ms, n_pending) VALUES ($1::bytea, 0, 0)"
    " ON CONFLICT (owner) DO NOTHING"};
static const struct pg_statement lock_quotas = {
    97,
    "SELECT owner, full_at_ms, n_pending FROM upload_quota"
    " WHERE owner = ANY ($1::bytea[]) ORDER BY owner FOR UPDATE"};
static const struct pg_statement set_quotas = {
    98,
    "UPDATE upload_quota SET full_at_ms = now.full_at_ms, n_pending = now.n_pending"
    " FROM unnest($1::bytea[], $2::int8[], $3::int8[])"
    " AS now (owner, full_at_ms, n_pending) WHERE upload_quota.owner = now.owner"};
static const struct pg_statement add = {
    99,
    "INSERT INTO upload (id, owner, name, mime, size, sha256, state, until_ms, cost_ms)"
    " VALUES ($1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::int8, $6::bytea, $7::int8,"
    " $8::int8, $9::int8) ON CONFLICT (id) DO NOTHING"};
static const struct pg_statement lock = {
    100,
    "SELECT id, state, owner, cost_ms FROM upload WHERE id = ANY ($1::bytea[])"
    " ORDER BY id FOR UPDATE"};
// What another node claims, settles or puts into a message just now is left to it.
static const struct pg_statement lock_over = {
    101,
    "SELECT id, state, owner, cost_ms FROM upload"
    " WHERE NOT is_kept AND until_ms <= $1::int8"
    " ORDER BY until_ms, id LIMIT $2::int8 FOR UPDATE SKIP LOCKED"};
static const struct pg_statement set_state = {
    102,
    "UPDATE upload SET state = $2::int8, until_ms = $3::int8 WHERE id = ANY ($1::bytea[])"};
static const struct pg_statement drop = {
    103, "DELETE FROM upload WHERE id = $1::bytea AND state = $2::int8"};
static const struct pg_statement keep = {
    104, "UPDATE upload SET is_kept = true WHERE id = ANY ($1::bytea[]) AND NOT is_kept"};

/** A row of `lock` or `lock_over`. */
struct upload {
    str id; // borrowed
    enum upload_state state;
    account owner;
    int64_t cost_ms;
};

static struct upload upload_of(const PGresult *r, int row)
{
    return (struct upload){.id = pg_str(r, row, 0),
                           .state = (enum upload_state)pg_i64(r, row, 1),
                           .owner = pg_account(r, row, 2),
                           .cost_ms = pg_i64(r, row, 3)};
}

// What accounts may announce.

struct quota {
    account owner;
    struct upload_quota is;
};

static struct quota quota_of(const PGresult *r, int row)
{
    return (struct quota){
        .owner = pg_account(r, row, 0),
        .is = {.full_at_ms = pg_i64(r, row, 1), .n_pending = (uint64_t)pg_i64(r, row, 2)}};
}

static void queue_set_quotas(struct pg_turn *t, const struct quota *all, size_t n)
{
    struct pg_args *a = pg_turn_args(t);

    pg_arg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_bytes(a, account_str(&all[i].owner));
    pg_arg_array_end(a);
    pg_arg_array(a, PG_INT8);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_i64(a, all[i].is.full_at_ms);
    pg_arg_array_end(a);
    pg_arg_array(a, PG_INT8);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_i64(a, (int64_t)all[i].is.n_pending);
    pg_arg_array_end(a);
    pg_turn_queue(t, &set_quotas);
}

// Creating.

/** @return 0 with the owner's, which is locked, or an enum pg_refusal */
static int get_quota(struct pg_turn *t, const account *owner, struct quota *q)
{
    struct pg_args *a = pg_turn_args(t);

    pg_arg_account(a, owner);
    pg_turn_queue(t, &add_owner);
    a = pg_turn_args(t);
    pg_arg_array(a, PG_BYTEA);
    pg_arg_array_bytes(a, account_str(owner));
    pg_arg_array_end(a);
    pg_turn_queue(t, &lock_quotas);
    const int r = pg_turn_go(t);
    if (r == 0)
        *q = quota_of(t->results[1], 0);
    return r;
}

static void queue_add(struct pg_turn *t, const struct uploads_create *c, int64_t cost_ms)
{
    const struct chat_upload *u = &c->upload;
    struct pg_args *a = pg_turn_args(t);

    pg_arg_bytes(a, u->id);
    pg_arg_account(a, &u->owner);
    pg_arg_bytes(a, u->name);
    pg_arg_bytes(a, u->mime);
    pg_arg_i64(a, (int64_t)u->size);
    if (u->has_sha256) {
        pg_arg_bytes(a, (str){(const char *)u->sha256, CHAT_SHA256_SIZE});
    } else {
        pg_arg_null(a);
    }
    pg_arg_i64(a, UPLOAD_PENDING);
    pg_arg_i64(a, c->until_ms);
    pg_arg_i64(a, cost_ms);
    pg_turn_queue(t, &add);
}

static int create(struct pg_turn *t, struct upload_change *c, int *answer)
{
    const struct uploads_create *asked = &c->create.asked;
    struct quota q;
    int64_t cost_ms = 0;

    int r = get_quota(t, &asked->upload.owner, &q);
    if (r != 0)
        return r;
    *answer = upload_quota_take(&q.is, asked, &cost_ms, &c->create.retry_after_ms);
    if (*answer != 0)
        return 0;
    c->has_changed = true;
    queue_add(t, asked, cost_ms);
    queue_set_quotas(t, &q, 1);
    r = pg_turn_go(t);
    assert(r != 0 || pg_n_changed(t->results[0]) == 1); // ids are new
    return r;
}

// From one state to the next.

/** Some are not pending any more: their owners may announce others. */
static int settle_quotas(struct pg_turn *t, const struct upload *all, size_t n,
                         bool is_given_back)
{
    struct quota quotas[UPLOADS_CLAIM_MAX];
    const size_t n_quotas = (size_t)PQntuples(t->results[1]);

    assert(n_quotas <= n && n <= UPLOADS_CLAIM_MAX);
    for (size_t k = 0; k < n_quotas; k++) {
        quotas[k] = quota_of(t->results[1], (int)k);
        for (size_t i = 0; i < n; i++) {
            if (!account_eq(&all[i].owner, &quotas[k].owner) || all[i].state != UPLOAD_PENDING)
                continue;
            upload_quota_settle(&quotas[k].is);
            if (is_given_back)
                upload_quota_give_back(&quotas[k].is, all[i].cost_ms);
        }
    }
    if (n_quotas == 0)
        return 0;
    queue_set_quotas(t, quotas, n_quotas);
    return pg_turn_go(t);
}

/**
 * They are locked, and get this state.
 *
 * @param all            their ids are not those of the last turn's results
 * @param is_given_back  of what pending ones have taken @return 0 or an enum pg_refusal
 */
static int move(struct pg_turn *t, const struct upload *all, size_t n, enum upload_state state,
                int64_t until_ms, bool is_given_back)
{
    struct pg_args *a = pg_turn_args(t);

    pg_arg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_bytes(a, all[i].id);
    pg_arg_array_end(a);
    pg_arg_i64(a, state);
    pg_arg_i64(a, until_ms);
    pg_turn_queue(t, &set_state);
    a = pg_turn_args(t);
    pg_arg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++) {
        if (all[i].state == UPLOAD_PENDING)
            pg_arg_array_bytes(a, account_str(&all[i].owner));
    }
    pg_arg_array_end(a);
    pg_turn_queue(t, &lock_quotas);
    const int r = pg_turn_go(t);
    return r == 0 ? settle_quotas(t, all, n, is_given_back) : r;
}

static int settle(struct pg_turn *t, struct upload_change *c, int *answer)
{
    const struct uploads_settle *asked = &c->settle.asked;
    struct pg_args *a = pg_turn_args(t);

    pg_arg_array(a, PG_BYTEA);
    pg_arg_array_bytes(a, asked->id);
    pg_arg_array_end(a);
    pg_turn_queue(t, &lock);
    const int r = pg_turn_go(t);
    if (r != 0)
        return r;
    const bool is_there = PQntuples(t->results[0]) == 1;
    struct upload u = is_there ? upload_of(t->results[0], 0) : (struct upload){0};
    if (!is_there || u.state == UPLOAD_DELETING) {
        *answer = UPLOADS_NOT_FOUND;
        return 0;
    }
    c->settle.answer = u.state;
    if (u.state != UPLOAD_PENDING)
        return 0;
    c->has_changed = true;
    c->settle.answer = asked->state;
    u.id = asked->id;
    return move(t, &u, 1, asked->state, asked->until_ms, false);
}

static int claim(struct pg_turn *t, struct upload_change *c)
{
    const struct uploads_claim *asked = &c->claim.asked;
    struct upload over[UPLOADS_CLAIM_MAX];
    struct pg_args *a = pg_turn_args(t);

    pg_arg_i64(a, asked->now_ms);
    pg_arg_i64(a, (int64_t)asked->max);
    pg_turn_queue(t, &lock_over);
    const int r = pg_turn_go(t);
    if (r != 0)
        return r;
    const size_t n = (size_t)PQntuples(t->results[0]);
    assert(n <= asked->max && asked->max <= UPLOADS_CLAIM_MAX);
    for (size_t i = 0; i < n; i++) {
        over[i] = upload_of(t->results[0], (int)i);
        over[i].id = upload_change_claimed(c, over[i].id);
    }
    c->has_changed = n > 0;
    return n > 0 ? move(t, over, n, UPLOAD_DELETING, asked->again_ms, true) : 0;
}

static int remove_claimed(struct pg_turn *t, struct upload_change *c)
{
    struct pg_args *a = pg_turn_args(t);

    pg_arg_bytes(a, c->remove.id);
    pg_arg_i64(a, UPLOAD_DELETING);
    pg_turn_queue(t, &drop);
    const int r = pg_turn_go(t);
    c->has_changed = r == 0 && pg_n_changed(t->results[0]) > 0;
    return r;
}

// All of them.

static int change(struct pg_turn *t, struct upload_change *c, int *answer)
{
    switch (c->kind) {
    case UPLOAD_CHANGE_CREATE: return create(t, c, answer);
    case UPLOAD_CHANGE_SETTLE: return settle(t, c, answer);
    case UPLOAD_CHANGE_CLAIM: return claim(t, c);
    case UPLOAD_CHANGE_REMOVE: break;
    }
    return remove_claimed(t, c);
}

int pg_uploads_change(struct pg_link *l, struct upload_change *c, int *r)
{
    struct pg_turn t;

    upload_change_reset(c);
    *r = 0;
    pg_turn_init(&t, l);
    const int refusal = change(&t, c, r);
    pg_turn_fini(&t);
    return refusal;
}

// Messages that have one.

/** Rows and `all` are in the same order. */
static void judge(struct pg_upload *all, size_t n, const PGresult *found)
{
    const int n_found = PQntuples(found);
    int row = 0;

    for (size_t i = 0; i < n; i++) {
        all[i].owner = (account){0};
        if (row == n_found || !str_eq(pg_str(found, row, 0), all[i].id))
            continue;
        const struct upload u = upload_of(found, row++);
        if (u.state == UPLOAD_ACCEPTED)
            all[i].owner = u.owner;
    }
    assert(row == n_found); // by their ids
}

int pg_uploads_look(struct pg_link *l, struct pg_upload *all, size_t n)
{
    struct pg_turn t;

    if (n == 0)
        return 0;
    pg_turn_init(&t, l);
    struct pg_args *a = pg_turn_args(&t);
    pg_arg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_bytes(a, all[i].id);
    pg_arg_array_end(a);
    pg_turn_queue(&t, &lock);
    const int r = pg_turn_go(&t);
    if (r == 0)
        judge(all, n, t.results[0]);
    pg_turn_fini(&t);
    return r;
}

void pg_uploads_send_keep(struct pg_link *l, const struct pg_upload *const *kept, size_t n)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_array(&a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_bytes(&a, kept[i]->id);
    pg_arg_array_end(&a);
    pg_link_send(l, &keep, &a);
    pg_args_fini(&a);
}
