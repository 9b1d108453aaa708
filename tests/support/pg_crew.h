/**
 * Nodes on one PostgreSQL, each a thread with a loop and a store of its own, that do things by
 * chance; what they have sent, and how that was answered; and what must be true of the
 * database then.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/log.h"
#include "support/store_world.h"

#define CREW_MAX    4
#define CREW_WINDOW 24 // operations of a node that are under way

struct crew;
struct crew_node;

/** A message, and its answer. */
struct crew_send {
    struct crew_node *node;
    char from;
    char to;
    char key[24];
    char content[64];
    int r; // -1: it was not answered
    bool is_duplicate;
    uint64_t seq;
    int64_t position;
};

struct crew_node {
    struct crew *all;
    unsigned nth;
    struct loop_thread thread;
    struct loop *loop;
    struct store *store;
    struct seeded chance;
    struct job begin;
    void (*step)(struct crew_node *n); // begins an operation, if there is one to do
    bool only_reads;                   // until the others have ended
    unsigned window;                   // operations under way
    size_t n_left;                     // steps
    unsigned n_waiting;                // operations
    struct crew_send **sent;           // in the order of the calls
    size_t n_sent;
    int64_t horizon;
    size_t n_refused; // other operations that were, though they must not be
};

struct crew {
    struct pg_world pg;
    struct store_limits limits;
    uint64_t seed;
    struct crew_node nodes[CREW_MAX];
    size_t n_nodes;
    size_t n_ended; // the first ones
    pthread_barrier_t ready;
    atomic_int_fast64_t furthest; // position that any of them was answered
    atomic_uint n_writing;        // nodes
    atomic_uint n_again;          // transactions that were repeated
    PGconn *as_operator;
};

/** They tell of what is done to them. */
static inline void crew_on_line(void *arg, str line)
{
    struct crew *c = arg;

    if (memmem(line.ptr, line.len, "store_postgres_again", 20))
        atomic_fetch_add(&c->n_again, 1);
}

static inline void crew_open(struct crew *c, const struct store_limits *limits)
{
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread

    *c = (struct crew){.limits = *limits};
    c->seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# SEED=%llu\n", (unsigned long long)c->seed);
    pg_world_open(&c->pg);
    c->as_operator = PQconnectdb(c->pg.url);
    assert_int_equal(PQstatus(c->as_operator), CONNECTION_OK);
    log_set_sink(crew_on_line, c);
}

static inline void crew_close(struct crew *c)
{
    log_set_sink(NULL, NULL);
    for (size_t i = 0; i < c->n_nodes; i++) {
        for (size_t k = 0; k < c->nodes[i].n_sent; k++)
            free(c->nodes[i].sent[k]);
        free(c->nodes[i].sent);
    }
    PQfinish(c->as_operator);
    pg_world_close(&c->pg);
}

static inline struct crew_node *crew_add(struct crew *c, void (*step)(struct crew_node *n),
                                         size_t n_steps)
{
    struct crew_node *n = &c->nodes[c->n_nodes];

    assert_true(c->n_nodes < CREW_MAX);
    *n = (struct crew_node){.all = c,
                            .nth = (unsigned)c->n_nodes++,
                            .step = step,
                            .window = CREW_WINDOW,
                            .n_left = n_steps};
    n->chance = seeded_of(c->seed * 31 + n->nth + 1);
    return n;
}

/** In 0 to n - 1. */
static inline unsigned crew_pick(struct crew_node *n, unsigned of)
{
    return (unsigned)((next_u64(&n->chance) >> 33) % of);
}

static inline void crew_go_on(struct crew_node *n)
{
    while (n->n_waiting < n->window && n->n_left > 0) {
        n->n_left--;
        n->step(n);
    }
    if (n->n_waiting == 0)
        loop_stop(n->loop);
}

/** An operation of it is answered. */
static inline void crew_answered(struct crew_node *n, int64_t position)
{
    const int64_t horizon = store_horizon(n->store);
    int_fast64_t furthest = atomic_load(&n->all->furthest);

    assert(horizon >= n->horizon && horizon >= position);
    n->horizon = horizon;
    while (furthest < position &&
           !atomic_compare_exchange_weak(&n->all->furthest, &furthest, position))
        ;
    n->n_waiting--;
    crew_go_on(n);
}

// Threads.

static inline void crew_begin(struct job *job)
{
    crew_go_on(container_of(job, struct crew_node, begin));
}

static inline void crew_run(void *arg)
{
    struct crew_node *n = arg;
    char name[64];
    const struct store_pg_config config = {
        .url = n->all->pg.url, .name = name, .limits = n->all->limits, .rand = &n->chance.rand};

    snprintf(name, sizeof(name), "%s_%u", n->all->pg.schema, n->nth);
    const int r_loop = loop_new(&n->loop);
    assert(r_loop == 0);
    const int r = store_pg_open(&n->store, n->loop, &config);
    assert(r == 0);
    pthread_barrier_wait(&n->all->ready);
    job_push(&n->loop->later, &n->begin, crew_begin);
    loop_run(n->loop);
    if (!n->only_reads)
        atomic_fetch_sub(&n->all->n_writing, 1);
    store_free(n->store);
    loop_free(n->loop);
}

/** Those that were added go on by themselves; all have their store. */
static inline void crew_start(struct crew *c)
{
    pthread_barrier_init(&c->ready, NULL, (unsigned)(c->n_nodes - c->n_ended) + 1);
    for (size_t i = c->n_ended; i < c->n_nodes; i++)
        atomic_fetch_add(&c->n_writing, !c->nodes[i].only_reads);
    for (size_t i = c->n_ended; i < c->n_nodes; i++) {
        struct crew_node *n = &c->nodes[i];
        assert_int_equal(loop_thread_start(&n->thread, "crew", crew_run, n), 0);
    }
    pthread_barrier_wait(&c->ready);
}

static inline void crew_join(struct crew *c)
{
    for (; c->n_ended < c->n_nodes; c->n_ended++)
        loop_thread_join(&c->nodes[c->n_ended].thread);
    pthread_barrier_destroy(&c->ready);
}

// Messages.

static inline void crew_on_append(void *arg, int r, const struct store_appended *a)
{
    struct crew_send *s = arg;

    assert(s->r == -1);
    s->r = r;
    if (a) {
        s->is_duplicate = a->is_duplicate;
        s->seq = a->message.seq;
        s->position = a->message.position;
        assert(str_eq(a->message.content, str_of(s->content)));
    }
    crew_answered(s->node, s->position);
}

/** The same two and the same key are the same message, whoever sends it. */
static inline void crew_send(struct crew_node *n, char from, char to, const char *key)
{
    struct crew_send *s = NEW(struct crew_send);

    *s = (struct crew_send){.node = n, .from = from, .to = to, .r = -1};
    snprintf(s->key, sizeof(s->key), "%s", key);
    snprintf(s->content, sizeof(s->content), "\"%c>%c %s %.*s\"", from, to, key,
             key[strlen(key) - 1] % 8, "........");
    n->sent = mem_resize(n->sent, (n->n_sent + 1) * sizeof(struct crew_send *));
    n->sent[n->n_sent++] = s;
    n->n_waiting++;
    const struct store_append what = message(from, to, s->key, s->content);
    store_append(n->store, &what, crew_on_append, s);
}

// The operator.

/** @return owned; PQclear() */
static inline PGresult *crew_ask(struct crew *c, const char *text)
{
    PGresult *r = PQexec(c->as_operator, text);
    const ExecStatusType status = PQresultStatus(r);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(c->as_operator));
    return r;
}

static inline void crew_operate(struct crew *c, const char *text)
{
    PQclear(crew_ask(c, text));
}

static inline long long crew_count(struct crew *c, const char *text)
{
    PGresult *r = crew_ask(c, text);
    const long long n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);

    assert_int_equal(PQntuples(r), 1);
    PQclear(r);
    return n;
}

/** All that was sent is in a table: answered (node, nth, r, is_duplicate, seq, position,
 * content). */
static inline void crew_tabulate(struct crew *c)
{
    struct buf text;
    int r = 0;

    buf_init(&text, SIZE_MAX / 2);
    r |= buf_addf(&text,
                  "DISCARD TEMP; CREATE TEMP TABLE answered (node int8, nth int8, r int8,"
                  " is_duplicate boolean, seq int8, position int8, content text);"
                  "INSERT INTO answered VALUES (-1, 0, -1, false, 0, 0, '')");
    for (size_t i = 0; i < c->n_nodes; i++) {
        for (size_t k = 0; k < c->nodes[i].n_sent; k++) {
            const struct crew_send *s = c->nodes[i].sent[k];
            r |= buf_addf(&text, ",(%zu, %zu, %d, %s, %llu, %lld, '%s')", i, k, s->r,
                          s->is_duplicate ? "true" : "false", (unsigned long long)s->seq,
                          (long long)s->position, s->content);
        }
    }
    r |= buf_add(&text, (str){"", 1});
    assert_int_equal(r, 0);
    crew_operate(c, buf_str(&text).ptr);
    crew_operate(c, "DELETE FROM answered WHERE node < 0");
    buf_fini(&text);
}

#define CREW_TEXT "convert_from(m.content, 'UTF8')"

/** Each of them counts what must not be. */
static const struct {
    const char *name;
    const char *text;
} crew_rules[] = {
    {"all are answered", "SELECT count(*) FROM answered WHERE r = -1"},
    {"seqs are 1 to n",
     "SELECT count(*) FROM (SELECT conversation FROM message GROUP BY 1"
     " HAVING count(*) <> max(seq) OR min(seq) <> 1) x"},
    {"positions rise with the seq",
     "SELECT count(*) FROM (SELECT position - lag(position) OVER"
     " (PARTITION BY conversation ORDER BY seq) d FROM message) x WHERE d <= 0"},
    {"positions are once", "SELECT count(*) - count(DISTINCT position) FROM message"},
    {"positions are taken",
     "SELECT count(*) FROM message WHERE position > (SELECT position FROM meta)"},
    {"a message is there once", "SELECT count(*) - count(DISTINCT content) FROM message"},
    {"what was answered is there, and as it was answered",
     "SELECT count(*) FROM answered a WHERE r = 0 AND NOT EXISTS (SELECT FROM message m"
     " WHERE " CREW_TEXT " = a.content AND m.seq = a.seq AND m.position = a.position)"},
    {"nothing else is there", "SELECT count(*) FROM message m WHERE " CREW_TEXT
                              " NOT IN (SELECT content FROM answered WHERE r IN (0, 1))"},
    {"one at most is the first of its key",
     "SELECT count(*) FROM (SELECT content FROM answered WHERE r = 0 AND NOT is_duplicate"
     " GROUP BY 1 HAVING count(*) > 1) x"},
    {"one is the first of its key, unless it is uncertain",
     "SELECT count(*) FROM (SELECT content FROM answered GROUP BY 1"
     " HAVING bool_or(r = 0) AND NOT bool_or(r = 1 OR (r = 0 AND NOT is_duplicate))) x"},
    {"a node's are in the order of its calls",
     "SELECT count(*) FROM (SELECT position - lag(position) OVER"
     " (PARTITION BY node ORDER BY nth) d FROM answered WHERE r = 0 AND NOT is_duplicate) x"
     " WHERE d <= 0"},
    {"a member's numbers are those of its messages",
     "SELECT count(*) FROM member s CROSS JOIN LATERAL (SELECT"
     " count(*) FILTER (WHERE is_in AND withheld = 0 AND seq > s.delivered_seq) undelivered,"
     " coalesce(sum(octet_length(content))"
     "  FILTER (WHERE is_in AND withheld = 0 AND seq > s.delivered_seq), 0) undelivered_bytes,"
     " coalesce(min(position)"
     "  FILTER (WHERE is_in AND withheld = 0 AND seq > s.delivered_seq), 0) due_pos,"
     " count(*) FILTER (WHERE is_in AND withheld = 1) withheld,"
     " coalesce(sum(octet_length(content)) FILTER (WHERE is_in AND withheld = 1), 0)"
     "  withheld_bytes,"
     " count(*) FILTER (WHERE is_in AND withheld = 0 AND seq > s.read_seq) unread,"
     " coalesce(max(seq), 0) last_seq, coalesce(max(position), 0) last_pos,"
     " coalesce(max(created_at_ms), 0) last_at_ms,"
     " coalesce(max(position) FILTER (WHERE seq = s.shown_seq), 0) shown_pos,"
     " coalesce(max(seq) FILTER (WHERE NOT is_in OR withheld = 0), 0) shown_seq"
     " FROM (SELECT m.*, m.side <> s.side is_in FROM message m"
     "  WHERE m.conversation = s.conversation) m) w"
     " WHERE (s.undelivered, s.undelivered_bytes, s.due_pos, s.withheld, s.withheld_bytes,"
     "  s.unread, s.last_seq, s.last_pos, s.last_at_ms, s.shown_pos)"
     " IS DISTINCT FROM (w.undelivered, w.undelivered_bytes, w.due_pos, w.withheld,"
     "  w.withheld_bytes, w.unread, w.last_seq, w.last_pos, w.last_at_ms,"
     "  w.shown_pos)"
     " OR s.shown_seq < w.shown_seq"
     " OR (w.withheld > 0 AND NOT s.blocked) OR (w.undelivered > 0 AND s.blocked)"},
    {"a member's marks are those that its peer knows",
     "SELECT count(*) FROM member s JOIN member p ON p.conversation = s.conversation"
     " AND p.side <> s.side WHERE s.marked_pos <> greatest(s.delivered_pos, s.read_pos,"
     "  s.peer_delivered_pos, s.peer_read_pos)"
     " OR s.read_seq > s.delivered_seq OR s.delivered_seq > s.last_seq"
     " OR s.last_seq <> p.last_seq"
     " OR (p.peer_delivered_seq, p.peer_read_seq) > (s.delivered_seq, s.read_seq)"
     " OR (NOT s.blocked AND (p.peer_delivered_seq, p.peer_read_seq)"
     "  <> (s.delivered_seq, s.read_seq))"},
    {"an index has whatever is looked for in it",
     "SELECT count(*) FROM member s WHERE (s.due_pos > 0 AND NOT s.is_due)"
     " OR (s.unread > 0 AND NOT s.has_unread)"
     " OR (greatest(s.marked_pos, s.shown_pos, s.contact_pos) > 0 AND s.era < "
     "((greatest(s.marked_pos, s.shown_pos, s.contact_pos) >> 20) + 1))"},
    {"positions of all kinds are taken",
     "SELECT count(*) FROM member WHERE greatest(marked_pos, contact_pos, shown_pos, due_pos)"
     " > (SELECT position FROM meta)"},
    {"no writer has more than the store",
     "SELECT count(*) FROM writer WHERE position > (SELECT position FROM meta)"},
};

static inline void crew_check(struct crew *c)
{
    crew_tabulate(c);
    for (size_t i = 0; i < COUNT_OF(crew_rules); i++) {
        expect_int(crew_rules[i].name, crew_count(c, crew_rules[i].text), 0);
    }
    for (size_t i = 0; i < c->n_nodes; i++)
        expect_int("others that were refused", c->nodes[i].n_refused, 0);
}
