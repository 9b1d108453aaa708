#include "store/pg_pairs.h"

#include "base/mem.h"

#define N_KNOWN 131072 // 110 bytes each

static const struct pg_statement find = {
    8,
    "SELECT u.i, c.id, (p.id > q.id)::int4"
    " FROM unnest($1::bytea[], $2::bytea[], $3::int8[]) u(x, y, i)"
    " JOIN account p ON p.address = u.x JOIN account q ON q.address = u.y"
    " JOIN conversation c ON c.a = least(p.id, q.id) AND c.b = greatest(p.id, q.id)"};

// Who makes the same ones at the same time waits here for the other, and in the same order.
static const struct pg_statement begin = {9, "BEGIN"};
// A group that is stored in one of them is committed later, and synced: then they are, too.
static const struct pg_statement lightly = {10, "SET LOCAL synchronous_commit = off"};
static const struct pg_statement add_accounts = {
    11,
    "INSERT INTO account (address)"
    " SELECT DISTINCT x FROM unnest($1::bytea[] || $2::bytea[]) x"
    " WHERE NOT EXISTS (SELECT FROM account WHERE address = x) ORDER BY x"
    " ON CONFLICT (address) DO NOTHING"};
static const struct pg_statement add_conversations = {
    12,
    "INSERT INTO conversation (id, a, b)"
    " SELECT nextval('conversation_number') << 32 | (random() * 4294967295)::int8, a, b"
    " FROM (SELECT DISTINCT least(p.id, q.id) a, greatest(p.id, q.id) b"
    "  FROM unnest($1::bytea[], $2::bytea[]) u(x, y)"
    "  JOIN account p ON p.address = u.x JOIN account q ON q.address = u.y ORDER BY 1, 2) n"
    " ON CONFLICT (a, b) DO NOTHING"};
static const struct pg_statement commit = {14, "COMMIT"};

void pg_pairs_init(struct pg_pairs *p, const uint8_t key[HASH_KEY_SIZE])
{
    memcpy(p->key, key, HASH_KEY_SIZE);
    p->known = mem_alloc(N_KNOWN * sizeof(*p->known));
    pg_args_init(&p->args);
}

void pg_pairs_fini(struct pg_pairs *p)
{
    free(p->known);
    pg_args_fini(&p->args);
}

void pg_pairs_drop(struct pg_pairs *p)
{
    memset(p->known, 0, N_KNOWN * sizeof(*p->known));
}

/** Whichever of the two is x. */
static struct pg_pair *place_of(const struct pg_pairs *p, const struct pg_pair *pair)
{
    const uint64_t both =
        hash_keyed(p->key, account_str(&pair->x)) + hash_keyed(p->key, account_str(&pair->y));

    return &p->known[hash_number(both) % N_KNOWN];
}

static bool remember(const struct pg_pairs *p, struct pg_pair *pair)
{
    const struct pg_pair *known = place_of(p, pair);
    const bool is_same = account_eq(&known->x, &pair->x) && account_eq(&known->y, &pair->y);
    const bool is_other_way =
        account_eq(&known->x, &pair->y) && account_eq(&known->y, &pair->x);

    if (known->conversation == 0 || (!is_same && !is_other_way))
        return false;
    pair->conversation = known->conversation;
    pair->x_side = is_same ? known->x_side : 1 - known->x_side;
    return true;
}

static bool is_wanted(const struct pg_pair *pair, bool is_to_make)
{
    return pair->conversation == 0 && (pair->is_made || !is_to_make);
}

/** Both accounts of those that have none. @return how many */
static size_t put_unknown(struct pg_pairs *p, const struct pg_pair *all, size_t n,
                          bool is_to_make)
{
    size_t n_put = 0;

    pg_args_clear(&p->args);
    for (unsigned k = 0; k < 2; k++) {
        n_put = 0;
        pg_arg_array(&p->args, PG_BYTEA);
        for (size_t i = 0; i < n; i++) {
            if (!is_wanted(&all[i], is_to_make))
                continue;
            pg_arg_array_bytes(&p->args, account_str(k == 0 ? &all[i].x : &all[i].y));
            n_put++;
        }
        pg_arg_array_end(&p->args);
    }
    return n_put;
}

/** @return 0 or an enum pg_refusal */
static int look_up(struct pg_pairs *p, struct pg_link *l, struct pg_pair *all, size_t n)
{
    PGresult *found = NULL;

    if (put_unknown(p, all, n, false) == 0)
        return 0;
    pg_arg_array(&p->args, PG_INT8);
    for (size_t i = 0; i < n; i++) {
        if (is_wanted(&all[i], false))
            pg_arg_array_i64(&p->args, (int64_t)i);
    }
    pg_arg_array_end(&p->args);
    pg_link_send(l, &find, &p->args);
    pg_link_sync(l);
    const int r = pg_link_result(l, &found);
    for (int i = 0; r == 0 && i < PQntuples(found); i++) {
        struct pg_pair *pair = &all[pg_i64(found, i, 0)];
        pair->conversation = (conversation_id)pg_i64(found, i, 1);
        pair->x_side = (unsigned)pg_i64(found, i, 2);
        *place_of(p, pair) = *pair;
    }
    pg_result_free(&found);
    return r;
}

/** @return 0 or an enum pg_refusal */
static int make(struct pg_pairs *p, struct pg_link *l, const struct pg_pair *all, size_t n)
{
    if (put_unknown(p, all, n, true) == 0)
        return 0;
    pg_link_send(l, &begin, NULL);
    pg_link_send(l, &lightly, NULL);
    pg_link_send(l, &add_accounts, &p->args);
    pg_link_send(l, &add_conversations, &p->args);
    pg_link_send(l, &commit, NULL);
    pg_link_sync(l);
    return pg_link_results(l, 5);
}

static bool is_any_to_make(const struct pg_pair *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].conversation == 0 && all[i].is_made)
            return true;
    }
    return false;
}

int pg_pairs_find(struct pg_pairs *p, struct pg_link *l, struct pg_pair *all, size_t n)
{
    bool is_all_known = true;

    for (size_t i = 0; i < n; i++)
        is_all_known &= remember(p, &all[i]);
    if (is_all_known)
        return 0;
    int r = look_up(p, l, all, n);
    if (r != 0 || !is_any_to_make(all, n))
        return r;
    r = make(p, l, all, n);
    return r == 0 ? look_up(p, l, all, n) : r;
}
