#include "store/pg_txn.h"

#include <time.h>

#include "base/log.h"
#include "io/loop.h"

#define TRIES      8 // against deadlocks
#define BACKOFF_MS 1 // at most, the first time; twice as long each time
#define RETRY_MS   100
#define NS_OF_MS   INT64_C(1000000)

static const struct pg_statement begin = {0, "BEGIN"};
static const struct pg_statement lock = {
    1, "SELECT done FROM writer WHERE id = $1::int8 FOR UPDATE"};
static const struct pg_statement count = {
    2,
    "UPDATE writer SET done = $2::int8, position = (SELECT position FROM meta), at = now()"
    " WHERE id = $1::int8 RETURNING position"};
static const struct pg_statement commit = {3, "COMMIT"};
static const struct pg_statement add = {
    4, "INSERT INTO writer (id) VALUES ($1::int8) ON CONFLICT (id) DO NOTHING"};
static const struct pg_statement find = {
    5, "SELECT done, position FROM writer WHERE id = $1::int8 FOR UPDATE"};
static const struct pg_statement where = {15, "SELECT position FROM meta"};
// One that is alone keeps all others out, as long as its connection lasts.
static const struct pg_statement be_alone = {
    25, "SELECT pg_try_advisory_lock(1349676153, hashtext(current_schema()))"};
static const struct pg_statement be_one_of_many = {
    26, "SELECT pg_try_advisory_lock_shared(1349676153, hashtext(current_schema()))"};
static const struct pg_statement end_lost = {
    6,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::int8"
    " AND application_name = current_setting('application_name')"};
static const struct pg_statement forget = {
    7, "DELETE FROM writer WHERE at < now() - interval '90 days'"};

void pg_txn_init(struct pg_txn *t, struct pg_link *link, struct rand *rand)
{
    *t = (struct pg_txn){.link = link};
    rand_bytes(rand, &t->writer, sizeof(t->writer));
    rand_bytes(rand, &t->chance, sizeof(t->chance));
    pg_args_init(&t->args);
}

void pg_txn_fini(struct pg_txn *t)
{
    pg_args_fini(&t->args);
}

static void send_with_id(struct pg_txn *t, const struct pg_statement *s)
{
    pg_args_clear(&t->args);
    pg_arg_i64(&t->args, t->writer);
    pg_link_send(t->link, s, &t->args);
}

void pg_txn_send_begin(struct pg_txn *t)
{
    t->is_committing = false;
    pg_link_send(t->link, &begin, NULL);
    send_with_id(t, &lock);
}

int pg_txn_begun(struct pg_txn *t)
{
    PGresult *locked = NULL;
    int r = pg_link_result(t->link, NULL);
    const int r_lock = pg_link_result(t->link, &locked);

    r = r != 0 ? r : r_lock;
    if (r == 0 && PQntuples(locked) == 0) {
        log_warn(NULL, "store_postgres_writer_gone", "id=%lld", (long long)t->writer);
        t->is_settled = false;
        r = PG_AGAIN;
    }
    pg_result_free(&locked);
    return r;
}

void pg_txn_send_commit(struct pg_txn *t)
{
    t->is_committing = true;
    pg_args_clear(&t->args);
    pg_arg_i64(&t->args, t->writer);
    pg_arg_i64(&t->args, t->n_done + 1);
    pg_link_send(t->link, &count, &t->args);
    pg_link_send(t->link, &commit, NULL);
}

int pg_txn_committed(struct pg_txn *t)
{
    PGresult *counted = NULL;
    int r = pg_link_result(t->link, &counted);
    const int r_commit = pg_link_result(t->link, NULL);

    if (r == 0)
        r = r_commit;
    if (r == 0) {
        assert(PQntuples(counted) == 1); // it has the row, and its lock
        t->position = pg_i64(counted, 0, 0);
        t->n_done++;
    }
    if (r != PG_LOST)
        t->is_committing = false;
    pg_result_free(&counted);
    return r;
}

void pg_txn_send_end(struct pg_txn *t)
{
    pg_link_send(t->link, &commit, NULL);
}

int pg_txn_ended(struct pg_txn *t)
{
    return pg_link_result(t->link, NULL);
}

// After a reconnect.

/** What the lost connection was about may wait for the server to notice: PostgreSQL ends it at
 * once, where this user may ask for that. */
static void end_what_was_lost(struct pg_txn *t)
{
    if (t->lost_pid == 0)
        return;
    pg_args_clear(&t->args);
    pg_arg_i64(&t->args, t->lost_pid);
    pg_link_send(t->link, &end_lost, &t->args);
    pg_link_sync(t->link);
    if (pg_link_result(t->link, NULL) != 0)
        log_debug(NULL, "store_postgres_lost_one_stays", "pid=%d", (int)t->lost_pid);
    t->lost_pid = 0;
}

/** The row of a writer, as it is. */
struct row {
    bool is_there;
    int64_t done;
    int64_t position;
};

/** @return 0 or an enum pg_refusal */
static int read_row(struct pg_txn *t, struct row *out)
{
    PGresult *found = NULL;

    send_with_id(t, &find);
    pg_link_sync(t->link);
    const int r = pg_link_result(t->link, &found);
    *out = (struct row){.is_there = r == 0 && PQntuples(found) == 1};
    if (out->is_there) {
        out->done = pg_i64(found, 0, 0);
        out->position = pg_i64(found, 0, 1);
    }
    pg_result_free(&found);
    return r;
}

/** The store's position, now. @return 0 or an enum pg_refusal */
static int read_position(struct pg_txn *t, int64_t *out)
{
    PGresult *found = NULL;

    pg_link_send(t->link, &where, NULL);
    pg_link_sync(t->link);
    const int r = pg_link_result(t->link, &found);
    if (r == 0 && PQntuples(found) == 1)
        *out = pg_i64(found, 0, 0);
    pg_result_free(&found);
    return r;
}

/** @return 0, PG_AGAIN: another one has it, or another enum pg_refusal */
static int take_database(struct pg_txn *t)
{
    PGresult *taken = NULL;

    pg_link_send(t->link, t->is_alone ? &be_alone : &be_one_of_many, NULL);
    pg_link_sync(t->link);
    int r = pg_link_result(t->link, &taken);
    const bool is_taken = r == 0 && !pg_bool(taken, 0, 0);
    if (is_taken && !t->is_taken) {
        log_warn(NULL, "store_postgres_taken", "alone=%d why=%s", t->is_alone,
                 "\"stop the other server, or choose another database: one of the two expects "
                 "to be alone with it\"");
    }
    t->is_taken = is_taken;
    if (is_taken)
        r = PG_AGAIN;
    pg_result_free(&taken);
    return r;
}

static int add_row(struct pg_txn *t)
{
    pg_link_send(t->link, &forget, NULL);
    send_with_id(t, &add);
    pg_link_sync(t->link);
    return pg_link_results(t->link, 2);
}

/** What has become of the last one. */
enum outcome {
    NOT_DONE,
    DONE,
    UNKNOWN, // and nobody will know
};

static enum outcome outcome_of(const struct pg_txn *t, const struct row *row)
{
    if (!t->is_committing)
        return NOT_DONE;
    if (!row->is_there)
        return UNKNOWN;
    return row->done == t->n_done + 1 ? DONE : NOT_DONE;
}

/** This connection's first: what has become of the last one of the lost connection?
 * @return 0 or an enum pg_refusal */
static int settle(struct pg_txn *t, enum outcome *out)
{
    struct row row;
    int64_t position = 0;

    end_what_was_lost(t);
    int r = take_database(t);
    if (r == 0)
        r = read_row(t, &row);
    if (r == 0 && !row.is_there)
        r = add_row(t);
    if (r == 0)
        r = read_position(t, &position);
    if (r != 0)
        return r;
    if (position < t->position) { // positions would be taken again
        log_error(NULL, "store_postgres_behind", PG_BEHIND, (long long)position,
                  (long long)t->position);
        return PG_ERROR;
    }
    *out = outcome_of(t, &row);
    t->position = *out == DONE ? row.position : position;
    t->n_done = row.done;
    t->is_committing = false;
    t->is_settled = true;
    t->pid = pg_link_pid(t->link);
    return 0;
}

/** In reach, and settled. @return 0 or an enum pg_refusal */
static int reach(struct pg_txn *t, enum outcome *out)
{
    int r = pg_link_pid(t->link) != 0 && t->is_settled ? 0 : pg_link_up(t->link);

    if (r == 0 && !t->is_settled)
        r = settle(t, out);
    return r;
}

static void pause_ms(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * NS_OF_MS};
    nanosleep(&time, NULL);
}

/** xorshift64*: others that were in its way wait for another time. */
static void back_off(struct pg_txn *t, unsigned tries)
{
    t->chance ^= t->chance >> 12;
    t->chance ^= t->chance << 25;
    t->chance ^= t->chance >> 27;
    const uint64_t most = (uint64_t)BACKOFF_MS << tries;
    pause_ms((int64_t)(t->chance * UINT64_C(2685821657736338717) >> 32) % (int64_t)(most + 1));
}

// One, until it is known.

/** What it has cost so far. */
struct attempts {
    unsigned n;       // that were in the way of something
    int64_t since_ns; // the first of them
};

/** An engine that was out of reach for long asks once for each transaction, and does not wait.
 */
static bool has_patience(int64_t since_ns)
{
    return loop_now_ns() - since_ns < PG_PATIENCE_MS * NS_OF_MS;
}

/** @return an enum pg_txn_refusal */
static int give_up(struct pg_txn *t)
{
    const bool may_be_done = t->is_committing;

    t->is_committing = false; // nobody asks any more
    return may_be_done ? PG_TXN_UNCERTAIN : PG_TXN_UNAVAILABLE;
}

/** @return 0: go on; or an enum pg_txn_refusal */
static int wait_for_it(struct pg_txn *t)
{
    if (t->is_settled)
        t->lost_pid = t->pid;
    t->is_settled = false;
    if (t->down_ns == 0)
        t->down_ns = loop_now_ns();
    if (!has_patience(t->down_ns))
        return give_up(t);
    pause_ms(RETRY_MS);
    return 0;
}

/** @return 0: go on; or an enum pg_txn_refusal */
static int try_again(struct pg_txn *t, int r, struct attempts *a)
{
    // What could not be settled is still to be.
    if (t->is_settled)
        t->is_committing = false;
    if (pg_link_run(t->link, "ROLLBACK") != 0) {
        pg_link_drop(t->link);
        return wait_for_it(t);
    }
    if (a->n == 0)
        a->since_ns = loop_now_ns();
    t->is_refused = r == PG_ERROR && t->is_settled;
    if (r == PG_ERROR || ++a->n == TRIES || !has_patience(a->since_ns))
        return give_up(t);
    back_off(t, a->n);
    return 0;
}

/** @param out  UNKNOWN with 0: it is not to be tried again @return 0 or an enum pg_refusal */
static int try_once(struct pg_txn *t, pg_txn_fn *fn, void *arg, enum outcome *out)
{
    *out = NOT_DONE;
    const int r = reach(t, out);
    if (r != 0 || *out != NOT_DONE || !fn)
        return r;
    return fn(t, arg);
}

int pg_txn_do(struct pg_txn *t, pg_txn_fn *fn, void *arg)
{
    struct attempts a = {0};

    t->is_refused = false;
    for (;;) {
        enum outcome out = NOT_DONE;
        int r = try_once(t, fn, arg, &out);
        if (r != PG_LOST)
            t->down_ns = 0;
        if (r == 0)
            return out == UNKNOWN ? PG_TXN_UNCERTAIN : 0;
        r = r == PG_LOST ? wait_for_it(t) : try_again(t, r, &a);
        if (r != 0)
            return r;
    }
}
