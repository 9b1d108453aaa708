#include "store/pg_look.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/loop.h"
#include "store/pg_dial.h"
#include "store/pg_schema.h"

#define NS_PER_MS  INT64_C(1000000)
#define STRING_(x) #x
#define STRING(x)  STRING_(x)

struct look {
    const char *url;
    struct pg_look *out;
    PGconn *c;
    int64_t until_ns;
    char *why;
};

static void result_free(PGresult **r)
{
    PQclear(*r);
}

/** The first line says it. */
static int refuse(const struct look *l, int refusal, const char *why)
{
    snprintf(l->why, PG_LOOK_WHY_SIZE, "%.*s", (int)strcspn(why, "\n"), why);
    return refusal;
}

/** @return the last result of what was sent, owned; NULL: none in time */
static PGresult *await(const struct look *l)
{
    PGresult *last = NULL;
    PGresult *r = NULL;

    for (;;) {
        while (PQisBusy(l->c)) {
            if (pg_wait(l->c, POLLIN, -1, l->until_ns) != 0 || PQconsumeInput(l->c) != 1) {
                PQclear(last);
                return NULL;
            }
        }
        r = PQgetResult(l->c);
        if (!r)
            return last;
        PQclear(last);
        last = r;
    }
}

/** @param out  owned, of rows @return 0 or PG_LOOK_FAILED */
static int ask(const struct look *l, const char *sql, PGresult **out)
{
    *out = NULL;
    if (PQsendQuery(l->c, sql) != 1)
        return refuse(l, PG_LOOK_FAILED, PQerrorMessage(l->c));
    *out = await(l);
    if (!*out)
        return refuse(l, PG_LOOK_FAILED, "no answer in time");
    if (PQresultStatus(*out) != PGRES_TUPLES_OK)
        return refuse(l, PG_LOOK_FAILED, PQresultErrorMessage(*out));
    return 0;
}

static int64_t number(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static bool is_true(const PGresult *r, int row, int column)
{
    return PQgetvalue(r, row, column)[0] == 't';
}

static void text(char *out, size_t size, const PGresult *r, int row, int column)
{
    snprintf(out, size, "%s", PQgetvalue(r, row, column));
}

static int ask_settings(const struct look *l)
{
    CLEANUP(result_free) PGresult *r = NULL;
    struct pg_look *out = l->out;

    const int refusal =
        ask(l,
            "SELECT current_setting('server_version_num')::int8,"
            " current_setting('server_encoding'), current_setting('synchronous_commit'),"
            " coalesce(current_setting('fsync', true), 'on'),"
            " pg_is_in_recovery() OR current_setting('transaction_read_only') <> 'off',"
            " current_schema() IS NOT NULL,"
            " current_setting('max_connections')::int8,"
            " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)",
            &r);
    if (refusal != 0)
        return refusal;
    out->version = number(r, 0, 0);
    text(out->encoding, sizeof(out->encoding), r, 0, 1);
    text(out->synchronous_commit, sizeof(out->synchronous_commit), r, 0, 2);
    text(out->fsync, sizeof(out->fsync), r, 0, 3);
    out->is_replica = is_true(r, 0, 4);
    out->has_schema = is_true(r, 0, 5);
    out->max_connections = number(r, 0, 6);
    out->may_make_tables = is_true(r, 0, 7);
    return 0;
}

/** Half of what an answer takes it has been on its way. */
static int ask_clock(const struct look *l)
{
    CLEANUP(result_free) PGresult *r = NULL;
    const int64_t asked_ns = loop_now_ns();

    const int refusal =
        ask(l, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8", &r);
    if (refusal != 0)
        return refusal;
    const int64_t took_ns = loop_now_ns() - asked_ns;
    const int64_t now_ms = clock_unix_ms(loop_wall_clock()) - took_ns / NS_PER_MS / 2;
    l->out->ahead_ms = number(r, 0, 0) - now_ms;
    l->out->answer_ms = took_ns / NS_PER_MS;
    return 0;
}

static int ask_session(const struct look *l, int64_t *pid)
{
    CLEANUP(result_free) PGresult *r = NULL;

    const int refusal = ask(l, "SELECT pg_backend_pid()", &r);
    *pid = refusal == 0 ? number(r, 0, 0) : 0;
    return refusal;
}

static PGconn *dial(const struct look *l, const char **why)
{
    return pg_dial(
        &(struct pg_dial){
            .url = l->url, .name = "parley doctor", .patience_ms = PG_LOOK_MS, .stop_fd = -1},
        why);
}

/** A pooler in the mode of transactions gives each to the session that was free last: two
 * connections that are both there, and of which one asks after the other, share it. */
static int ask_pool(const struct look *l)
{
    struct look other = *l;
    const char *why = NULL;
    int64_t pid = 0;
    int64_t others = 0;

    int refusal = ask_session(l, &pid);
    if (refusal != 0)
        return refusal;
    other.c = dial(l, &why);
    if (other.c && !why && PQstatus(other.c) == CONNECTION_OK)
        refusal = ask_session(&other, &others);
    PQfinish(other.c); // where there is none it may be the last that there was
    l->out->is_pooled = pid == others;
    return refusal;
}

/** Of a server each has one that writes: see store/pg.c for its name. */
static int ask_connections(const struct look *l)
{
    CLEANUP(result_free) PGresult *r = NULL;

    const int refusal =
        ask(l,
            "SELECT count(*), count(*) FILTER (WHERE datname = current_database()"
            " AND application_name LIKE 'parley % write') FROM pg_stat_activity"
            " WHERE backend_type = 'client backend'",
            &r);
    if (refusal != 0)
        return refusal;
    l->out->n_connections = number(r, 0, 0);
    l->out->n_writers = number(r, 0, 1);
    return 0;
}

static int ask_tables(const struct look *l, bool *are_there)
{
    CLEANUP(result_free) PGresult *r = NULL;

    const int refusal =
        ask(l, "SELECT to_regclass(quote_ident(current_schema()) || '.meta') IS NOT NULL", &r);
    *are_there = refusal == 0 && is_true(r, 0, 0);
    return refusal;
}

static int ask_version(const struct look *l)
{
    CLEANUP(result_free) PGresult *r = NULL;

    const int refusal = ask(l, "SELECT version, oldest, epoch FROM meta", &r);
    if (refusal != 0 || PQntuples(r) != 1)
        return refusal;
    l->out->schema = number(r, 0, 0);
    l->out->oldest = number(r, 0, 1);
    l->out->epoch = (uint64_t)number(r, 0, 2);
    return 0;
}

static int ask_nodes(const struct look *l)
{
    CLEANUP(result_free) PGresult *r = NULL;
    struct pg_look *out = l->out;

    const int refusal =
        ask(l,
            "SELECT number, name, url FROM node WHERE NOT has_left AND seen_at > now() -"
            " interval '1 ms' * " STRING(STORE_NODES_LOST_MS) " ORDER BY number LIMIT " STRING(
                PG_LOOK_NODES_MAX),
            &r);
    if (refusal != 0)
        return refusal;
    out->n_nodes = (size_t)PQntuples(r);
    for (size_t i = 0; i < out->n_nodes; i++) {
        struct store_node *n = &out->nodes[i];
        n->number = (unsigned)number(r, (int)i, 0);
        text(n->name, sizeof(n->name), r, (int)i, 1);
        text(n->url, sizeof(n->url), r, (int)i, 2);
    }
    return 0;
}

static int ask_all(const struct look *l)
{
    bool are_there = false;

    int r = ask_settings(l);
    if (r == 0)
        r = ask_clock(l);
    if (r == 0)
        r = ask_pool(l);
    if (r == 0)
        r = ask_connections(l);
    if (r == 0)
        r = ask_tables(l, &are_there);
    if (r == 0 && are_there)
        r = ask_version(l);
    if (r == 0 && l->out->schema > 0)
        r = ask_nodes(l);
    return r;
}

int pg_look(struct pg_look *out, const char *url, char why[PG_LOOK_WHY_SIZE])
{
    struct look l = {.url = url, .out = out, .why = why};
    const char *not_connected = NULL;
    int r = 0;

    *out = (struct pg_look){.known = PG_SCHEMA_VERSION};
    l.until_ns = loop_now_ns() + PG_LOOK_MS * NS_PER_MS;
    if (pg_dial_hosts(url) == 0)
        return refuse(&l, PG_LOOK_NO_URL, "it is no URL of a PostgreSQL");
    l.c = dial(&l, &not_connected);
    if (!l.c || not_connected) {
        r = refuse(&l, PG_LOOK_AWAY, not_connected);
    } else if (PQstatus(l.c) != CONNECTION_OK) {
        r = refuse(&l, PG_LOOK_AWAY, PQerrorMessage(l.c));
    } else {
        r = ask_all(&l);
    }
    PQfinish(l.c);
    return r;
}
