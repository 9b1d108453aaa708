/**
 * Nodes on one PostgreSQL, each as its writer's connection: their transactions are under way at
 * the same time, and what waits for another one's lock does that on a thread. And an operator,
 * who looks.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/pg_schema.h"
#include "support/pg_world.h"

struct pg_nodes;

struct pg_node {
    struct pg_nodes *all;
    struct pg_link *link;
    pthread_t thread;
    atomic_bool has_ended;         // the thread
    void (*fn)(struct pg_node *n); // what it does
    int refusal;                   // what it was told: 0, or an enum pg_refusal
};

/** The test's struct has this first. */
struct pg_nodes {
    struct pg_world world;
    PGconn *as_operator;
    struct pg_node nodes[2];
};

static inline void pg_node_run(struct pg_node *n, const char *text)
{
    pg_world_run(n->link, text);
}

/** @param fn  what each node does, at first */
static inline void pg_nodes_open(struct pg_nodes *all, void (*fn)(struct pg_node *n))
{
    uint64_t epoch = 0;

    pg_world_open(&all->world);
    const int r = pg_schema_open(all->world.admin, 1, &epoch);
    assert_int_equal(r, 0);
    all->as_operator = PQconnectdb(all->world.url);
    assert_int_equal(PQstatus(all->as_operator), CONNECTION_OK);
    for (size_t i = 0; i < COUNT_OF(all->nodes); i++) {
        struct pg_node *n = &all->nodes[i];
        *n = (struct pg_node){.all = all, .link = pg_world_connect(all->world.url), .fn = fn};
    }
}

static inline void pg_nodes_close(struct pg_nodes *all)
{
    for (size_t i = 0; i < COUNT_OF(all->nodes); i++)
        pg_link_free(all->nodes[i].link);
    PQfinish(all->as_operator);
    pg_world_close(&all->world);
}

// The operator.

/** @return owned; PQclear() */
static inline PGresult *pg_operate(struct pg_nodes *all, const char *text)
{
    PGresult *r = PQexec(all->as_operator, text);
    const ExecStatusType status = PQresultStatus(r);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(all->as_operator));
    return r;
}

static inline void pg_run(struct pg_nodes *all, const char *text)
{
    PQclear(pg_operate(all, text));
}

/** The one value of the one row that this is the question for. */
static inline void pg_expect(struct pg_nodes *all, const char *text, const char *want)
{
    PGresult *r = pg_operate(all, text);

    assert_int_equal(PQntuples(r), 1);
    expect_str(text, str_of(PQgetvalue(r, 0, 0)), str_of(want));
    PQclear(r);
}

static inline bool pg_is_blocked(struct pg_nodes *all, int pid)
{
    char text[128];

    snprintf(text, sizeof(text), "SELECT 1 FROM unnest(pg_blocking_pids(%d))", pid);
    PGresult *r = pg_operate(all, text);
    const bool is = PQntuples(r) > 0;
    PQclear(r);
    return is;
}

// At the same time.

static inline void *pg_node_thread(void *arg)
{
    struct pg_node *n = arg;

    n->fn(n);
    atomic_store(&n->has_ended, true);
    return NULL;
}

/** It goes on by itself, up to where another transaction is in its way: it is there. */
static inline void pg_node_start(struct pg_node *n)
{
    const int pid = pg_link_pid(n->link);

    atomic_store(&n->has_ended, false);
    const int r = pthread_create(&n->thread, NULL, pg_node_thread, n);
    assert_int_equal(r, 0);
    while (!pg_is_blocked(n->all, pid)) {
        if (atomic_load(&n->has_ended))
            fail_msg("nothing was in its way");
    }
}

static inline void pg_node_join(struct pg_node *n)
{
    const int r = pthread_join(n->thread, NULL);
    assert_int_equal(r, 0);
}
