#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "doctor/checks.h"
#include "doctor/judge.h"
#include "server/serve_config.h"
#include "store/dir.h"
#include "store/pg_look.h"
#include "store/sqlite_look.h"

#define NAME        "store"
#define LOOK_MS     3000 // of each question
#define PATH_SIZE   4096
#define CONNECTIONS 3 // that a server has to PostgreSQL
#define UTF8        "UTF8"

// SQLite.

/** Of a result of one value. */
struct value {
    char text[FINDING_TEXT_SIZE / 2];
};

static int on_columns(void *arg, size_t n, const char *const *names)
{
    (void)arg, (void)n, (void)names;
    return 0;
}

static int on_row(void *arg, size_t n, const struct sqlite_look_value *values)
{
    struct value *v = arg;

    if (n > 0 && !v->text[0])
        snprintf(v->text, sizeof(v->text), STR_FMT, STR_ARG(values[0].text));
    return 0;
}

/** @return as sqlite_look_run() */
static int look_up(struct sqlite_look *l, const char *sql, struct value *out)
{
    str text = str_of(sql);

    *out = (struct value){0};
    return sqlite_look_run(
        l, &text,
        &(struct sqlite_look_rows){.on_columns = on_columns, .on_row = on_row, .arg = out});
}

static const char from_backup[] =
    "Stop the server, and put back a backup of the directory (docs/operations.md). Look at the "
    "disk: smartctl -a, dmesg.";

static uint64_t size_of(const struct doctor *d)
{
    char path[PATH_SIZE];
    struct stat st = {0};

    snprintf(path, sizeof(path), "%s/parley.db", d->data);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void check_whole(struct doctor *d, struct sqlite_look *l)
{
    char size[FINDING_SIZE_SIZE];
    struct value version;
    struct value check;

    const int r = look_up(l, "PRAGMA user_version", &version);
    const int whole = look_up(l, "PRAGMA quick_check(1)", &check);
    if (r != 0 || (whole != 0 && whole != LOOK_LATE)) {
        finding_add(&d->findings, VERDICT_BAD, NAME, from_backup, "%s/parley.db: %s", d->data,
                    sqlite_look_why(l));
    } else if (whole == 0 && strcmp(check.text, "ok") != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME, from_backup, "%s/parley.db is damaged: %s",
                    d->data, check.text);
    } else {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "%s/parley.db, version %s, %s%s",
                    d->data, version.text, finding_size(size, size_of(d)),
                    whole == 0 ? ", is whole"
                               : "; to see whether it is whole takes longer than we have: "
                                 "parley sql --timeout 1h 'PRAGMA quick_check'");
    }
}

static void check_index(struct doctor *d, const struct sqlite_look *l)
{
    const char *why = sqlite_look_without_index(l);

    if (!why)
        return;
    finding_add(&d->findings, VERDICT_WARN, NAME,
                "It has nothing of its own: stop the server, remove index.db and what begins "
                "with it, and start it. It is made anew meanwhile.",
                "%s/index.db %s", d->data, why);
}

static void say_not_open(struct doctor *d, int r, const char *why)
{
    if (r == LOOK_NO_STORE) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "SQLite; the first start makes it");
    } else {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Run this as the server's user, or as root. If that is who it is: a newer "
                    "Parley may have written it, or the file is damaged; then put back a "
                    "backup.",
                    "%s/parley.db can't be read: %s", d->data, why);
    }
}

static void check_sqlite(struct doctor *d)
{
    struct sqlite_look *l = NULL;
    bool is_restoring = false;

    if (store_dir_is_restoring(d->data, &is_restoring) == 0 && is_restoring) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Run 'parley restore' again, with the same backup; or begin with an empty "
                    "directory.",
                    "a backup was on its way into %s, and has not come to its end", d->data);
        return;
    }
    if (store_dir_check(d->data) != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Name that with --store postgresql://…; or another directory with --data.",
                    "what %s had has moved into PostgreSQL ('parley migrate')", d->data);
        return;
    }
    const int r = sqlite_look_open(
        &l, &(struct sqlite_look_config){
                .dir = d->data, .home_chain = d->config.home_chain, .timeout_ms = LOOK_MS});
    if (r != 0) {
        say_not_open(d, r, l ? sqlite_look_why(l) : "");
    } else {
        check_index(d, l);
        check_whole(d, l);
    }
    sqlite_look_close(l);
}

// PostgreSQL.

static void say_away(struct doctor *d, const char *why)
{
    finding_add(
        &d->findings, VERDICT_BAD, NAME,
        "Is it there, and does it let this one in? psql with the same URL says so, too. "
        "--store, PGPASSWORD, ~/.pgpass of the server's user; listen_addresses and "
        "pg_hba.conf there.",
        "PostgreSQL can't be reached: %s", why);
}

/** @return what serve would refuse; NULL: nothing */
static const char *refusal_of(const struct pg_look *p, const char **remedy)
{
    if (p->version < 140000) {
        *remedy = "Update PostgreSQL to 14 or newer.";
        return "it is too old";
    }
    if (p->is_replica) {
        *remedy = "Connect to the primary (--store with target_session_attrs=read-write).";
        return "it is a replica, or set to be read only";
    }
    if (strcmp(p->encoding, UTF8) != 0) {
        *remedy = "Make a database with ENCODING 'UTF8' and TEMPLATE template0.";
        return "its encoding is not UTF8";
    }
    if (strcmp(p->synchronous_commit, "off") == 0) {
        *remedy = "ALTER DATABASE … SET synchronous_commit = on.";
        return "synchronous_commit is off: what it has committed may be lost";
    }
    if (!p->has_schema) {
        *remedy = "CREATE SCHEMA the one that the search_path names, or name another one.";
        return "there is no schema of its search_path";
    }
    if (p->schema == 0 && !p->may_make_tables) {
        *remedy = "GRANT CREATE ON SCHEMA … TO the user of --store.";
        return "there are no tables yet, and this user may make none";
    }
    if (p->oldest > p->known) {
        *remedy = "Update this server.";
        return "a newer Parley has written it, which this one does not know";
    }
    if (p->is_pooled) {
        *remedy =
            "Connect to PostgreSQL itself, or let the pooler keep a session its "
            "connection (pool_mode = session).";
        return "a pooler is between, which gives each transaction another connection";
    }
    return NULL;
}

static void check_others(struct doctor *d, const struct pg_look *p)
{
    const bool is_ours = d->server.pid != 0;
    const int64_t others = p->n_writers - is_ours;

    if (!d->config.cluster.bus && others > 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Stop that, or let all of them have the same --bus (docs/scaling.md).",
                    "another server has this database, and --bus is local");
    }
    if (p->max_connections - p->n_connections < CONNECTIONS && !is_ours) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Raise max_connections, or end those that are not needed.",
                    "of %lld connections %lld are taken, and a server needs three",
                    (long long)p->max_connections, (long long)p->n_connections);
    }
    if (strcmp(p->fsync, "on") != 0) {
        finding_add(&d->findings, VERDICT_WARN, NAME, "Set fsync to on in postgresql.conf.",
                    "fsync is %s: a power cut may lose or spoil all of it", p->fsync);
    }
}

static void check_pg_facts(struct doctor *d, const struct pg_look *p)
{
    const char *remedy = NULL;
    const char *wrong = refusal_of(p, &remedy);

    doctor_note_ahead(d, "PostgreSQL", p->ahead_ms);
    d->n_nodes = p->n_nodes;
    if (p->schema > 0) {
        d->has_bus_prefix = true;
        snprintf(d->bus_prefix, sizeof(d->bus_prefix), "parley.%016" PRIx64, p->epoch);
    }
    if (wrong) {
        finding_add(&d->findings, VERDICT_BAD, NAME, remedy, "PostgreSQL %lld: %s",
                    (long long)p->version / 10000, wrong);
        return;
    }
    check_others(d, p);
    finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                "PostgreSQL %lld, %s%s%.0lld%s; %lld of %lld connections are taken, an answer "
                "takes %lld ms",
                (long long)p->version / 10000, p->encoding,
                p->schema > 0 ? ", tables of version " : "", (long long)p->schema,
                p->schema > 0 ? "" : ", no tables yet", (long long)p->n_connections,
                (long long)p->max_connections, (long long)p->answer_ms);
}

static void check_postgres(struct doctor *d)
{
    struct pg_look *p = NEW(struct pg_look);
    char why[PG_LOOK_WHY_SIZE];
    const int r = pg_look(p, d->store, why);

    if (r != 0) {
        say_away(d, why);
    } else {
        check_pg_facts(d, p);
    }
    free(p);
}

void check_store(struct doctor *d)
{
    if (serve_config_is_sqlite(d->options)) {
        check_sqlite(d);
    } else {
        check_postgres(d);
    }
}
