#include "store/pg_auth.h"

#include "store/pg_turn.h"

// What several nodes do to the sessions of one account is done one after the other: who adds
// one, or ends all, has the account's row until its transaction is over. Who changes one
// session has that session's row.

static const struct pg_statement use_nonce = {
    64,
    "INSERT INTO nonce (bytes, until_ms) VALUES ($1::bytea, $2::int8)"
    " ON CONFLICT (bytes) DO UPDATE SET until_ms = excluded.until_ms"
    " WHERE nonce.until_ms <= $3::int8"};
static const struct pg_statement add_account = {
    65, "INSERT INTO account (address) VALUES ($1::bytea) ON CONFLICT (address) DO NOTHING"};
static const struct pg_statement lock_account = {
    66, "SELECT 1 FROM account WHERE address = $1::bytea FOR NO KEY UPDATE"};
#define LIVE " FROM session WHERE account = $1::bytea AND expires_at_ms > $2::int8"
static const struct pg_statement find_surplus = {
    67, "SELECT name, refreshed_at_ms" LIVE " AND (SELECT count(*)" LIVE
        ") >= $3::int8 ORDER BY refreshed_at_ms, id LIMIT 1"};
static const struct pg_statement end_surplus = {
    68, "DELETE FROM session WHERE name = $1::bytea AND refreshed_at_ms = $2::int8"};
static const struct pg_statement add = {
    69,
    "INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms,"
    " expires_at_ms, proof_chain, proof_digest, proof_signature)"
    " VALUES ($1::bytea, $2::bytea, 1, $3::int8, $3::int8, $4::int8, $5::int8, $6::bytea,"
    " $7::bytea) ON CONFLICT (name) DO NOTHING"};
static const struct pg_statement find = {
    70,
    "SELECT account, generation, began_at_ms, expires_at_ms, refreshed_at_ms, proof_chain,"
    " proof_digest, proof_signature FROM session WHERE name = $1::bytea FOR UPDATE"};
static const struct pg_statement turn = {
    71,
    "UPDATE session SET generation = $2::int8, refreshed_at_ms = $3::int8"
    " WHERE name = $1::bytea"};
static const struct pg_statement end_one = {
    72, "DELETE FROM session WHERE name = $1::bytea RETURNING expires_at_ms > $2::int8"};
static const struct pg_statement end_all = {
    73, "DELETE FROM session WHERE account = $1::bytea RETURNING expires_at_ms > $2::int8"};

// One that is made anew gets a new position, and what it said before stays if it is more.
#define TAKE                                                                                   \
    "WITH taken AS (UPDATE meta SET revocation_position = revocation_position + 1"             \
    " RETURNING revocation_position) INSERT INTO revocation"
#define AGAIN                                                                                  \
    "DO UPDATE SET position = excluded.position,"                                              \
    " before_ms = greatest(revocation.before_ms, excluded.before_ms),"                         \
    " until_ms = greatest(revocation.until_ms, excluded.until_ms)"
static const struct pg_statement revoke = {
    74, TAKE
    " (position, session, before_ms, until_ms)"
    " SELECT revocation_position, $1::bytea, 0, $2::int8 FROM taken"
    " ON CONFLICT (session) " AGAIN};
static const struct pg_statement revoke_all = {
    75, TAKE
    " (position, account, before_ms, until_ms)"
    " SELECT revocation_position, $1::bytea, $2::int8, $3::int8 FROM taken"
    " ON CONFLICT (account) " AGAIN};

// What another node is about to forget is left to it. As an array it is looked for once,
// however the statement is planned.
#define FORGET(table, key, column)                                                             \
    "DELETE FROM " table " WHERE " key " = ANY (ARRAY(SELECT " key " FROM " table              \
    " WHERE " column " <= $1::int8 ORDER BY " column                                           \
    " LIMIT $2::int8"                                                                          \
    " FOR UPDATE SKIP LOCKED))"
static const struct pg_statement forget[] = {
    {76, FORGET("nonce", "bytes", "until_ms")},
    {77, FORGET("session", "name", "expires_at_ms")},
    {78, FORGET("revocation", "position", "until_ms")},
};

/** A change that is being done. */
struct work {
    struct pg_turn turn;
    struct auth_change *c;
};

static struct pg_args *args_of(struct work *w)
{
    return pg_turn_args(&w->turn);
}

static void queue(struct work *w, const struct pg_statement *s)
{
    pg_turn_queue(&w->turn, s);
}

/** Of the last turn. */
static const PGresult *result(const struct work *w, size_t at)
{
    return w->turn.results[at];
}

/** All that is queued is done, and what is over goes. A change adds one row of each kind at
 * most: more of them go than come. */
static int finish(struct work *w)
{
    struct pg_args *a = args_of(w);

    pg_arg_i64(a, w->c->now_ms - AUTH_STORE_KEPT_MS);
    pg_arg_i64(a, AUTH_STORE_FORGOTTEN_MAX);
    for (size_t i = 0; i < COUNT_OF(forget); i++)
        queue(w, &forget[i]);
    return pg_turn_go(&w->turn);
}

// Beginning.

static void send_use_nonce(struct work *w)
{
    const struct auth_store_begin *asked = &w->c->begin.asked;
    struct pg_args *a = args_of(w);

    pg_arg_bytes(a, asked->nonce);
    pg_arg_i64(a, asked->nonce_until_ms);
    pg_arg_i64(a, asked->now_ms);
    queue(w, &use_nonce);
}

static void send_account(struct work *w, const struct pg_statement *s, const account *of)
{
    pg_arg_account(args_of(w), of);
    queue(w, s);
}

static void send_find_surplus(struct work *w)
{
    const struct auth_store_begin *asked = &w->c->begin.asked;
    struct pg_args *a = args_of(w);

    pg_arg_account(a, &asked->account);
    pg_arg_i64(a, asked->now_ms);
    pg_arg_i64(a, AUTH_SESSIONS_MAX);
    queue(w, &find_surplus);
}

/**
 * Make room for one more session of the account, which is locked. One that another node
 * refreshes or ends just now may not be surplus any more: then it is looked for anew.
 *
 * @param at  the result of find_surplus @return 0 with the answer, or an enum pg_refusal
 */
static int make_room(struct work *w, size_t at)
{
    struct auth_change *c = w->c;
    int r = 0;

    while (r == 0 && PQntuples(result(w, at)) > 0) {
        const PGresult *oldest = result(w, at);
        struct pg_args *a = args_of(w);
        auth_change_begun(c, pg_str(oldest, 0, 0));
        pg_arg_bytes(a, c->begin.answer.ended);
        pg_arg_i64(a, pg_i64(oldest, 0, 1));
        queue(w, &end_surplus);
        r = pg_turn_go(&w->turn);
        if (r != 0 || pg_n_changed(result(w, 0)) > 0)
            return r;
        send_find_surplus(w);
        r = pg_turn_go(&w->turn);
        at = 0;
    }
    auth_change_begun(c, (str){0});
    return r;
}

static void send_add(struct work *w)
{
    const struct auth_store_begin *asked = &w->c->begin.asked;
    const struct auth_session_proof *proof = &asked->proof;
    struct pg_args *a = args_of(w);

    pg_arg_bytes(a, asked->session);
    pg_arg_account(a, &asked->account);
    pg_arg_i64(a, asked->now_ms);
    pg_arg_i64(a, asked->expires_at_ms);
    pg_arg_i64(a, (int64_t)proof->chain);
    if (proof->chain == 0) {
        pg_arg_null(a);
        pg_arg_null(a);
    } else {
        pg_arg_bytes(a, (str){(const char *)proof->digest, AUTH_DIGEST_SIZE});
        pg_arg_bytes(a, proof->signature);
    }
    queue(w, &add);
}

static int begin(struct work *w, int *answer)
{
    const account *of = &w->c->begin.asked.account;

    send_use_nonce(w);
    send_account(w, &add_account, of);
    send_account(w, &lock_account, of);
    send_find_surplus(w);
    int r = pg_turn_go(&w->turn);
    if (r != 0)
        return r;
    if (pg_n_changed(result(w, 0)) == 0) {
        *answer = AUTH_STORE_NONCE_USED;
        return 0;
    }
    w->c->has_changed = true;
    r = make_room(w, 3);
    if (r != 0)
        return r;
    send_add(w);
    r = finish(w);
    assert(r != 0 || pg_n_changed(result(w, 0)) == 1); // names are new
    return r;
}

// Refreshing.

static struct auth_session_proof proof_of(struct auth_change *c, const PGresult *found)
{
    struct auth_session_proof proof = {.chain = (uint64_t)pg_i64(found, 0, 5),
                                       .signature = pg_str(found, 0, 7)};
    const str digest = pg_str(found, 0, 6);

    assert(digest.len == (proof.chain == 0 ? 0 : AUTH_DIGEST_SIZE));
    str_copy((char *)proof.digest, digest);
    return auth_change_keep(c, &proof);
}

/** Look at the session, and lock it. @return 0: it is the answer, or there is none, by *answer;
 * or an enum pg_refusal */
static int find_session(struct work *w, int64_t *refreshed_at_ms, int *answer)
{
    struct auth_change *c = w->c;
    const str name = c->refresh.asked.session;

    pg_arg_bytes(args_of(w), name);
    queue(w, &find);
    const int r = pg_turn_go(&w->turn);
    if (r != 0)
        return r;
    const PGresult *found = result(w, 0);
    if (PQntuples(found) == 0) {
        *answer = AUTH_STORE_NO_SESSION;
        return 0;
    }
    c->refresh.answer = (struct auth_session){
        .account = pg_account(found, 0, 0),
        .name = name,
        .generation = (uint32_t)pg_i64(found, 0, 1),
        .began_at_ms = pg_i64(found, 0, 2),
        .expires_at_ms = pg_i64(found, 0, 3),
        .proof = proof_of(c, found),
    };
    *refreshed_at_ms = pg_i64(found, 0, 4);
    return 0;
}

static void send_end(struct work *w, str session, int64_t now_ms)
{
    struct pg_args *a = args_of(w);

    pg_arg_bytes(a, session);
    pg_arg_i64(a, now_ms);
    queue(w, &end_one);
}

static void send_turn(struct work *w, str session, uint32_t generation, int64_t now_ms)
{
    struct pg_args *a = args_of(w);

    pg_arg_bytes(a, session);
    pg_arg_i64(a, generation);
    pg_arg_i64(a, now_ms);
    queue(w, &turn);
}

static int refresh(struct work *w, int *answer)
{
    const struct auth_store_refresh *asked = &w->c->refresh.asked;
    struct auth_session *s = &w->c->refresh.answer;
    int64_t refreshed_at_ms = 0;
    uint32_t next = 0;

    const int r = find_session(w, &refreshed_at_ms, answer);
    if (r != 0 || *answer != 0)
        return r;
    *answer = auth_change_next(asked, s, refreshed_at_ms, &next);
    if (*answer == AUTH_STORE_REUSED) {
        send_end(w, asked->session, asked->now_ms);
    } else if (next != s->generation) {
        s->generation = next;
        send_turn(w, asked->session, next, asked->now_ms);
    } else {
        return 0;
    }
    w->c->has_changed = true;
    return finish(w);
}

// Ending.

static void send_end_all(struct work *w, const struct auth_store_end *asked)
{
    struct pg_args *a = args_of(w);

    pg_arg_account(a, &asked->account);
    pg_arg_i64(a, asked->now_ms);
    queue(w, &end_all);
}

static int end(struct work *w)
{
    struct auth_change *c = w->c;
    const struct auth_store_end *asked = &c->end.asked;
    size_t at = 0;

    c->has_changed = true;
    if (asked->session.len > 0) {
        send_end(w, asked->session, asked->now_ms);
    } else {
        send_account(w, &lock_account, &asked->account);
        send_end_all(w, asked);
        at = 1;
    }
    const int r = finish(w);
    for (int row = 0; r == 0 && row < PQntuples(result(w, at)); row++)
        c->end.answer += pg_bool(result(w, at), row, 0);
    return r;
}

// All of them.

static int change(struct work *w, int *answer)
{
    switch (w->c->kind) {
    case AUTH_CHANGE_BEGIN: return begin(w, answer);
    case AUTH_CHANGE_REFRESH: return refresh(w, answer);
    case AUTH_CHANGE_END: break;
    }
    return end(w);
}

int pg_auth_change(struct pg_link *l, struct auth_change *c, int *r)
{
    struct work w = {.c = c};

    auth_change_reset(c);
    *r = 0;
    pg_turn_init(&w.turn, l);
    const int refusal = change(&w, r);
    pg_turn_fini(&w.turn);
    return refusal;
}

// What they revoke.

static void send_revoke(struct pg_link *l, str session, int64_t until_ms)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_bytes(&a, session);
    pg_arg_i64(&a, until_ms);
    pg_link_send(l, &revoke, &a);
    pg_args_fini(&a);
}

static void send_revoke_all(struct pg_link *l, const struct auth_store_end *asked)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_account(&a, &asked->account);
    pg_arg_i64(&a, asked->now_ms);
    pg_arg_i64(&a, asked->until_ms);
    pg_link_send(l, &revoke_all, &a);
    pg_args_fini(&a);
}

static bool send_revoked_of_begin(struct pg_link *l, const struct auth_change *c, int r)
{
    const bool has_ended = r == 0 && c->begin.answer.ended.len > 0;

    if (has_ended)
        send_revoke(l, c->begin.answer.ended, c->begin.asked.revoked_until_ms);
    return has_ended;
}

static bool send_revoked_of_refresh(struct pg_link *l, const struct auth_change *c, int r)
{
    const struct auth_store_refresh *asked = &c->refresh.asked;

    if (r == AUTH_STORE_REUSED)
        send_revoke(l, asked->session, asked->revoked_until_ms);
    return r == AUTH_STORE_REUSED;
}

bool pg_auth_send_revoked(struct pg_link *l, const struct auth_change *c, int r)
{
    switch (c->kind) {
    case AUTH_CHANGE_BEGIN: return send_revoked_of_begin(l, c, r);
    case AUTH_CHANGE_REFRESH: return send_revoked_of_refresh(l, c, r);
    case AUTH_CHANGE_END: break;
    }
    assert(r == 0);
    const struct auth_store_end *asked = &c->end.asked;
    if (asked->session.len > 0) {
        send_revoke(l, asked->session, asked->until_ms);
    } else {
        send_revoke_all(l, asked);
    }
    return true;
}
