#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/worker.h"
#include "store/nodes.h"
#include "store/pg_turn.h"

#define TRIES      8    // where others took a number at the same time
#define SILENCE_MS 4000 // of the database: an announcement that comes later says nothing

// The name has its number already, or gets the lowest one that is free, unless another one gets
// that at the same time. It is there with its first announcement.
static const struct pg_statement enter_known = {
    143,
    "UPDATE node SET instance = $2::int8, seen_at = now(), has_left = true"
    " WHERE name = $1::text RETURNING number"};
static const struct pg_statement enter = {
    136,
    "INSERT INTO node (name, number, instance)"
    " SELECT $1::text, (SELECT min(free) FROM generate_series(1, $3::int8) free"
    "  WHERE NOT EXISTS (SELECT FROM node WHERE number = free)), $2::int8"
    " WHERE NOT EXISTS (SELECT FROM node WHERE name = $1::text)"
    " ON CONFLICT DO NOTHING RETURNING number"};
static const struct pg_statement enter_again = {
    142,
    "INSERT INTO node (name, number, instance)"
    " VALUES ($1::text, $3::int8, $2::int8) ON CONFLICT DO NOTHING"};
static const struct pg_statement forget = {
    137,
    "DELETE FROM node WHERE name <> $1::text"
    " AND seen_at < now() - $2::int8 * interval '1 millisecond'"};
static const struct pg_statement say = {
    138,
    "UPDATE node SET seen_at = now(), url = $3::text, has_left = false"
    " WHERE name = $1::text AND instance = $2::int8"};
static const struct pg_statement find_name = {139, "SELECT FROM node WHERE name = $1::text"};
static const struct pg_statement list = {
    140,
    "SELECT number, name, url FROM node WHERE NOT has_left"
    " AND seen_at > now() - $1::int8 * interval '1 millisecond' ORDER BY number"
    " LIMIT $2::int8"};
static const struct pg_statement leave = {
    141, "UPDATE node SET has_left = true WHERE name = $1::text AND instance = $2::int8"};

/** Moved to the thread and back. */
struct announcement {
    struct worker_task task;
    store_nodes_fn *done;
    void *arg;
    int r;
    size_t n;
    struct store_node nodes[STORE_NODES_MAX];
};

struct store_nodes {
    struct worker *worker;
    struct pg_link *link; // of the thread, once there is one
    struct pg_turn turn;  // likewise
    struct announcement announcement;
    char *name;
    char *url;
    int64_t instance;
    unsigned number;
    bool is_under_way;
};

static struct pg_args *args_with_name(struct store_nodes *x)
{
    struct pg_args *a = pg_turn_args(&x->turn);

    pg_arg_bytes(a, str_of(x->name));
    return a;
}

// On the thread, or before there is one.

static void send_enter(struct store_nodes *x, const struct pg_statement *s, int64_t number)
{
    struct pg_args *a = args_with_name(x);

    pg_arg_i64(a, x->instance);
    pg_arg_i64(a, number);
    pg_turn_queue(&x->turn, s);
}

/** @return 0, with the number if it has one, or an enum pg_refusal */
static int try_enter(struct store_nodes *x)
{
    pg_arg_i64(args_with_name(x), STORE_NODES_KEPT_MS);
    pg_turn_queue(&x->turn, &forget);
    pg_arg_i64(args_with_name(x), x->instance);
    pg_turn_queue(&x->turn, &enter_known);
    send_enter(x, &enter, STORE_NODE_NUMBERS - 1);
    const int r = pg_turn_go(&x->turn);
    for (size_t i = 1; i < 3 && r == 0; i++) {
        if (PQntuples(x->turn.results[i]) > 0)
            x->number = (unsigned)pg_i64(x->turn.results[i], 0, 0);
    }
    return r;
}

/** Another one may take the same number at the same time. @return 0 or a fault */
static int go_in(struct store_nodes *x)
{
    int r = pg_link_up(x->link);

    for (unsigned i = 0; i < TRIES && r == 0 && x->number == 0; i++)
        r = try_enter(x);
    if (r == PG_ERROR && strcmp(pg_link_sqlstate(x->link), "23502") == 0) {
        return err_fault(-ENOSPC, "stop some nodes: each of %d numbers is one's",
                         STORE_NODE_NUMBERS - 1);
    }
    if (r != 0 || x->number == 0)
        return err_fault(-EIO, "the row of the node can't be written: see above");
    return 0;
}

/** Its row was deleted. The names of its sessions have its number: it is that, or none; and
 * there with the next announcement. @return 0, or an enum store_nodes_refusal */
static int go_in_again(struct store_nodes *x)
{
    send_enter(x, &enter_again, x->number);
    if (pg_turn_go(&x->turn) != 0)
        return STORE_NODES_UNAVAILABLE;
    return pg_n_changed(x->turn.results[0]) > 0 ? 0 : STORE_NODES_TAKEN;
}

static void send_announcement(struct store_nodes *x)
{
    struct pg_args *a = args_with_name(x);
    pg_arg_i64(a, x->instance);
    pg_arg_bytes(a, str_of(x->url));
    pg_turn_queue(&x->turn, &say);
    (void)args_with_name(x);
    pg_turn_queue(&x->turn, &find_name);
    a = pg_turn_args(&x->turn);
    pg_arg_i64(a, STORE_NODES_LOST_MS);
    pg_arg_i64(a, STORE_NODES_MAX);
    pg_turn_queue(&x->turn, &list);
}

/** What the database has was written by one of us, who keeps to the limits; or by hand. */
static bool take_text(char *out, size_t size, str text)
{
    if (text.len >= size || memchr(text.ptr, '\0', text.len))
        return false;
    str_copy(out, text);
    out[text.len] = '\0';
    return true;
}

static void take_nodes(struct announcement *a, const PGresult *r)
{
    a->n = 0;
    for (int row = 0; row < PQntuples(r); row++) {
        struct store_node *n = &a->nodes[a->n];
        n->number = (unsigned)pg_i64(r, row, 0);
        if (take_text(n->name, sizeof(n->name), pg_str(r, row, 1)) &&
            take_text(n->url, sizeof(n->url), pg_str(r, row, 2)))
            a->n++;
    }
}

/** @return 0, or an enum store_nodes_refusal */
static int announce(struct store_nodes *x)
{
    int r = pg_link_up(x->link);

    if (r == 0) {
        send_announcement(x);
        r = pg_turn_go(&x->turn);
    }
    if (r != 0)
        return STORE_NODES_UNAVAILABLE;
    const bool is_there = pg_n_changed(x->turn.results[0]) > 0;
    const bool is_taken = !is_there && PQntuples(x->turn.results[1]) > 0;
    take_nodes(&x->announcement, x->turn.results[2]);
    if (is_taken)
        return STORE_NODES_TAKEN;
    return is_there ? 0 : go_in_again(x);
}

static void on_thread(void *arg, struct list *tasks)
{
    struct store_nodes *x = arg;

    (void)tasks; // there is one
    x->announcement.r = announce(x);
}

// On the loop.

static void on_announced(void *arg, struct list *tasks)
{
    struct store_nodes *x = arg;
    const struct announcement *a = &x->announcement;

    list_remove(tasks->next);
    x->is_under_way = false;
    const bool knows = a->r != STORE_NODES_UNAVAILABLE;
    a->done(a->arg, a->r, knows ? a->nodes : NULL, knows ? a->n : 0);
}

void store_nodes_announce(struct store_nodes *x, store_nodes_fn *done, void *arg)
{
    assert(!x->is_under_way);
    x->is_under_way = true;
    x->announcement.done = done;
    x->announcement.arg = arg;
    worker_submit(x->worker, &x->announcement.task);
}

unsigned store_nodes_number(const struct store_nodes *x)
{
    return x->number;
}

// Life.

static void nodes_free(struct store_nodes *x)
{
    pg_turn_fini(&x->turn);
    pg_link_free(x->link);
    free(x->name);
    free(x->url);
    free(x);
}

/** @return 0 or a fault */
static int find_number(struct store_nodes *x, const char *postgres)
{
    char name[64]; // PostgreSQL's own limit
    const struct pg_link_config link = {
        .url = postgres, .name = name, .silence_ms = SILENCE_MS};

    snprintf(name, sizeof(name), "parley %s nodes", x->name);
    const int r = pg_link_new(&x->link, &link);
    if (r < 0)
        return err_up(r);
    pg_turn_init(&x->turn, x->link);
    return go_in(x);
}

int store_nodes_open(struct store_nodes **out, const struct store_nodes_config *config)
{
    struct store_nodes *x = NEW(struct store_nodes);

    assert(strlen(config->name) <= STORE_NODE_NAME_MAX);
    x->name = str_dup(str_of(config->name));
    x->announcement.r = STORE_NODES_UNAVAILABLE; // it was not there yet
    rand_bytes(config->rand, &x->instance, sizeof(x->instance));
    const int r = find_number(x, config->postgres);
    if (r < 0) {
        nodes_free(x);
        return err_up(r);
    }
    *out = x;
    return 0;
}

int store_nodes_start(struct store_nodes *x, struct loop *l, const char *url)
{
    static const struct worker_ops ops = {.run = on_thread, .on_done = on_announced};
    const struct worker_config worker = {
        .name = "nodes", .max_batch = 1, .ops = &ops, .arg = x};

    assert(!x->worker && strlen(url) <= STORE_NODE_URL_MAX);
    x->url = str_dup(str_of(url));
    return worker_new(&x->worker, l, &worker, x);
}

/** Where the last announcement got through, so may this. */
static void go_out(struct store_nodes *x)
{
    if (x->announcement.r != 0 || pg_link_up(x->link) != 0)
        return;
    pg_arg_i64(args_with_name(x), x->instance);
    pg_turn_queue(&x->turn, &leave);
    if (pg_turn_go(&x->turn) != 0)
        log_info(NULL, "store_nodes_not_left", "node=%u", x->number);
}

void store_nodes_close(struct store_nodes *x)
{
    if (!x)
        return;
    worker_free(x->worker);
    go_out(x);
    nodes_free(x);
}
