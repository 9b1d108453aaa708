#include "store/pg_link.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "io/loop.h"
#include "store/pg_dial.h"
#include "store/pg_refusal.h"

#define NS_PER_MS     INT64_C(1000000)
#define TOLD_EVERY_MS 1000 // of refusals: a server that refuses all is told of so often

/** What a server has yet to say, in this order. */
struct expected {
    uint8_t what; // enum expected_what
    uint8_t id;   // of the statement
};

enum expected_what {
    EXPECT_PREPARED,
    EXPECT_DONE,
    EXPECT_SYNC,
};

struct pg_link {
    PGconn *conn; // NULL: there is none
    char *url;
    char *name;
    bool is_read_only;
    int64_t silence_ns;
    int connect_ms;
    int stop_fd;
    atomic_bool is_stopped;

    const struct pg_statement *statements[PG_STATEMENTS]; // that were ever sent
    bool is_prepared[PG_STATEMENTS];                      // or will be, by what was sent
    struct buf expected;                                  // of struct expected
    bool is_synced;                                       // nothing is queued that is not
    size_t n_syncs;                                       // that are expected
    int refused; // what is expected up to the next sync. 0: it is not

    char sqlstate[6];
    bool is_up;        // ready, since it was connected
    bool is_lost;      // that was said
    bool is_away;      // likewise: it can't be connected to
    int64_t failed_ns; // the last attempt; 0: it has not
    struct seldom told[PG_ERROR + 1];
};

// What the session must have. Each by itself: what only claims to be PostgreSQL may not know
// one. Times are below PG_LINK_SILENCE_MS, so that the server says what was too slow.
static const char *const settings[] = {
    "SET default_transaction_isolation = 'read committed'",
    "SET lock_timeout = '10s'",
    "SET statement_timeout = '12s'",
    "SET idle_in_transaction_session_timeout = '10s'",
    // One whose client is gone must not go on having its locks.
    "SET client_connection_check_interval = '5s'",
    "SET tcp_user_timeout = '10s'",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    // A plan is made once for all statements of a kind, perhaps while the tables are almost
    // empty, and must do when they have grown: all that is asked for is found by an index, from
    // a few rows that are there already.
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    // What is off costs so much by PostgreSQL's guess, where there is nothing else, that it
    // would compile such a plan each time, for 0.1 s and more.
    "SET jit = off",
};
static const char read_only[] = "SET default_transaction_read_only = on";

// --- what goes wrong ---------------------------------------------------------------

static void say_lost(struct pg_link *l, str why)
{
    char host[LOG_QUOTE_SIZE];
    char db[LOG_QUOTE_SIZE];
    char quoted[LOG_QUOTE_SIZE];
    bool *is_said = l->is_up ? &l->is_lost : &l->is_away;

    // What can't be connected to is said once, until it can.
    if (atomic_load(&l->is_stopped) || (*is_said && !l->is_up))
        return;
    *is_said = true;
    log_error(NULL, l->is_up ? "store_postgres_lost" : "store_postgres_away",
              "host=%s port=%.5s db=%s sqlstate=%s why=%s",
              log_quote(host, str_of(PQhost(l->conn))), l->conn ? PQport(l->conn) : "",
              log_quote(db, str_of(PQdb(l->conn))), l->sqlstate, log_quote(quoted, why));
}

/** @param why  NULL: libpq knows @return PG_LOST */
static int lose(struct pg_link *l, const char *why)
{
    l->sqlstate[0] = '\0';
    say_lost(l, pg_refusal_line(why ? why : PQerrorMessage(l->conn)));
    pg_link_drop(l);
    return PG_LOST;
}

static void say_refused(struct pg_link *l, enum pg_refusal refusal, str why, const char *text)
{
    char quoted[LOG_QUOTE_SIZE];
    char statement[LOG_QUOTE_SIZE];

    if (!seldom_is_due(&l->told[refusal], loop_now_ns() / NS_PER_MS, TOLD_EVERY_MS, NULL))
        return;
    log_quote(quoted, why);
    log_quote(statement, str_of(text));
    if (refusal == PG_AGAIN) {
        log_warn(NULL, "store_postgres_again", "sqlstate=%s why=%s statement=%s", l->sqlstate,
                 quoted, statement);
    } else {
        log_error(NULL, "store_postgres_refused", "sqlstate=%s why=%s statement=%s",
                  l->sqlstate, quoted, statement);
    }
}

/** @return 0 or an enum pg_refusal */
static int judge(struct pg_link *l, const PGresult *r, const char *text)
{
    const ExecStatusType status = PQresultStatus(r);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return 0;
    if (status == PGRES_PIPELINE_ABORTED && l->refused)
        return l->refused;

    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    snprintf(l->sqlstate, sizeof(l->sqlstate), "%s", sqlstate ? sqlstate : "");
    const enum pg_refusal refusal = pg_refusal_of(r, l->is_read_only);
    if (refusal == PG_LOST) {
        say_lost(l, pg_refusal_why(r));
        pg_link_drop(l);
    } else {
        say_refused(l, refusal, pg_refusal_why(r), text);
    }
    return (int)refusal;
}

static void on_notice(void *arg, const PGresult *r)
{
    char quoted[LOG_QUOTE_SIZE];

    (void)arg;
    log_debug(NULL, "store_postgres_notice", "why=%s", log_quote(quoted, pg_refusal_why(r)));
}

// --- waiting -----------------------------------------------------------------------

/** What has come. @return 0 or PG_LOST */
static int read_some(struct pg_link *l)
{
    // A record of TLS may have 16 KiB (PostgreSQL's have 8, a proxy's may have more), of which
    // libpq may read 8, and leave the rest where poll() does not see it.
    const int n = PQsslInUse(l->conn) || PQgssEncInUse(l->conn) ? 2 : 1;

    for (int i = 0; i < n; i++) {
        if (!PQconsumeInput(l->conn))
            return lose(l, NULL);
    }
    return 0;
}

/** Until a result is there, and meanwhile send what was queued. @return 0 or PG_LOST */
static int wait_for_result(struct pg_link *l)
{
    while (PQisBusy(l->conn)) {
        const int unsent = PQflush(l->conn);
        if (unsent < 0)
            return lose(l, NULL);
        const int r = pg_wait(l->conn, unsent ? POLLIN | POLLOUT : POLLIN, l->stop_fd,
                              loop_now_ns() + l->silence_ns);
        if (r != 0)
            return lose(l, r == PG_WAIT_LATE ? "it is silent" : "stopped");
        if (read_some(l) != 0)
            return PG_LOST;
    }
    return 0;
}

/** @param out  what is there next, or NULL @return 0 or PG_LOST */
static int read_result(struct pg_link *l, PGresult **out)
{
    *out = NULL;
    const int r = wait_for_result(l);
    if (r == 0)
        *out = PQgetResult(l->conn);
    return r;
}

/** All of one statement. @return 0 or PG_LOST */
static int read_done(struct pg_link *l, PGresult **out)
{
    PGresult *end = NULL;

    int r = read_result(l, out);
    if (r == 0 && !*out)
        r = lose(l, "an answer is missing");
    if (r != 0)
        return r;
    // Lost on the way, or a server that says good bye: what it has said is to be judged.
    if (PQstatus(l->conn) == CONNECTION_BAD)
        return 0;
    r = read_result(l, &end);
    if (r == 0 && end && PQstatus(l->conn) != CONNECTION_BAD)
        r = lose(l, "an answer too many");
    PQclear(end);
    if (r != 0)
        pg_result_free(out);
    return r;
}

/** @return 0 or an enum pg_refusal: it could not commit */
static int read_sync(struct pg_link *l)
{
    int result = 0;

    for (int n_ends = 0; n_ends < 2;) {
        PGresult *r = NULL;
        if (read_result(l, &r) != 0)
            return PG_LOST;
        if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return result;
        }
        if (r && result == 0)
            result = judge(l, r, "COMMIT");
        n_ends = r ? 0 : n_ends + 1;
        PQclear(r);
        if (result == PG_LOST)
            return PG_LOST;
    }
    return lose(l, "it does not sync");
}

// --- connecting --------------------------------------------------------------------

int pg_link_new(struct pg_link **out, const struct pg_link_config *config)
{
    const int n_hosts = pg_dial_hosts(config->url);

    if (n_hosts == 0) {
        return err_fault(-EINVAL,
                         "this is no URL of PostgreSQL: want "
                         "postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
    }
    if (!PQisthreadsafe())
        return err_fault(-ENOTSUP, "install a libpq that is made for threads");
    const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0)
        return err_fault(-errno, "eventfd");

    const int silence_ms = config->silence_ms ? config->silence_ms : PG_LINK_SILENCE_MS;
    const int connect_ms = PG_LINK_CONNECT_MS * n_hosts;
    struct pg_link *l = NEW(struct pg_link);
    *l = (struct pg_link){
        .url = str_dup(str_of(config->url)),
        .name = str_dup(str_of(config->name)),
        .is_read_only = config->is_read_only,
        .silence_ns = silence_ms * NS_PER_MS,
        .connect_ms = config->silence_ms && silence_ms < connect_ms ? silence_ms : connect_ms,
        .stop_fd = stop_fd,
        .is_synced = true,
    };
    buf_init(&l->expected, SIZE_MAX / 2);
    *out = l;
    return 0;
}

void pg_link_free(struct pg_link *l)
{
    if (!l)
        return;
    pg_link_drop(l);
    buf_fini(&l->expected);
    close(l->stop_fd);
    free(l->url);
    free(l->name);
    free(l);
}

/** One that the server has closed is found here, and not by what then may be done or not. */
static bool is_alive(struct pg_link *l)
{
    while (pg_wait(l->conn, POLLIN, l->stop_fd, 0) == 0) {
        if (read_some(l) != 0)
            return false;
        (void)PQisBusy(l->conn); // so that it looks at what has come
    }
    return true;
}

/** @return 0 or PG_LOST */
static int read_setting(struct pg_link *l, const char *text)
{
    char quoted[LOG_QUOTE_SIZE];
    PGresult *r = NULL;

    if (read_done(l, &r) != 0)
        return PG_LOST;
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    int result = 0;
    if (sqlstate && PQstatus(l->conn) == CONNECTION_OK) {
        log_debug(NULL, "store_postgres_setting", "sqlstate=%s statement=%s", sqlstate,
                  log_quote(quoted, str_of(text)));
    } else {
        result = judge(l, r, text);
    }
    PQclear(r);
    return result != 0 || read_sync(l) != 0 ? PG_LOST : 0;
}

/** @return 0 or PG_LOST */
static int set_up(struct pg_link *l)
{
    const char *all[COUNT_OF(settings) + 1];
    size_t n = 0;

    for (; n < COUNT_OF(settings); n++)
        all[n] = settings[n];
    if (l->is_read_only)
        all[n++] = read_only;

    PQsetNoticeReceiver(l->conn, on_notice, NULL);
    if (!PQenterPipelineMode(l->conn))
        return lose(l, NULL);
    for (size_t i = 0; i < n; i++) {
        if (!PQsendQueryParams(l->conn, all[i], 0, NULL, NULL, NULL, NULL, 0) ||
            !PQpipelineSync(l->conn)) {
            return lose(l, NULL);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (read_setting(l, all[i]) != 0)
            return PG_LOST;
    }
    return 0;
}

/** @return 0 or PG_LOST */
static int connect_to(struct pg_link *l)
{
    const struct pg_dial d = {
        .url = l->url, .name = l->name, .patience_ms = l->connect_ms, .stop_fd = l->stop_fd};
    const char *why = NULL;

    l->conn = pg_dial(&d, &why);
    if (why || PQstatus(l->conn) != CONNECTION_OK)
        return lose(l, why);
    return set_up(l);
}

int pg_link_up(struct pg_link *l)
{
    l->sqlstate[0] = '\0';
    if (atomic_load(&l->is_stopped))
        return PG_LOST;
    if (l->conn && (l->expected.len > 0 || is_alive(l)))
        return 0;
    if (l->failed_ns && loop_now_ns() - l->failed_ns < PG_LINK_AGAIN_MS * NS_PER_MS)
        return PG_LOST;

    l->failed_ns = 0;
    if (connect_to(l) != 0) {
        l->failed_ns = loop_now_ns();
        return PG_LOST;
    }
    l->is_up = true;
    if (l->is_lost || l->is_away) {
        log_info(NULL, "store_postgres_back", "port=%.5s pid=%d", PQport(l->conn),
                 pg_link_pid(l));
    }
    l->is_lost = false;
    l->is_away = false;
    return 0;
}

void pg_link_stop(struct pg_link *l)
{
    atomic_store(&l->is_stopped, true);
    const int r = eventfd_write(l->stop_fd, 1);
    assert(r == 0 || errno == EAGAIN);
    (void)r;
}

int pg_link_pid(const struct pg_link *l)
{
    return l->conn ? PQbackendPID(l->conn) : 0;
}

void pg_link_drop(struct pg_link *l)
{
    PQfinish(l->conn);
    l->conn = NULL;
    l->is_up = false;
    memset(l->is_prepared, 0, sizeof(l->is_prepared));
    buf_clear(&l->expected);
    l->is_synced = true;
    l->n_syncs = 0;
    l->refused = 0;
}

// --- statements --------------------------------------------------------------------

static void expect(struct pg_link *l, enum expected_what what, unsigned id)
{
    const struct expected e = {.what = (uint8_t)what, .id = (uint8_t)id};
    const int r = buf_add(&l->expected, (str){(const char *)&e, sizeof(e)});

    assert(r == 0);
    (void)r;
}

static struct expected next_expected(const struct pg_link *l)
{
    struct expected e = {.what = EXPECT_SYNC};

    assert(l->expected.len >= sizeof(e));
    memcpy(&e, buf_str(&l->expected).ptr, sizeof(e));
    return e;
}

/** @return 0 or PG_LOST */
static int send_prepare(struct pg_link *l, const struct pg_statement *s, const char *name)
{
    if (l->is_prepared[s->id])
        return 0;
    if (!PQsendPrepare(l->conn, name, s->text, 0, NULL))
        return lose(l, NULL);
    expect(l, EXPECT_PREPARED, s->id);
    l->is_prepared[s->id] = true;
    return 0;
}

void pg_link_send(struct pg_link *l, const struct pg_statement *s, const struct pg_args *a)
{
    static const int binary[PG_ARGS] = {[0 ... PG_ARGS - 1] = 1};
    const char *values[PG_ARGS];
    char name[16];
    const int n = a ? a->n : 0;

    assert(s->id < PG_STATEMENTS && (!l->statements[s->id] || l->statements[s->id] == s));
    l->statements[s->id] = s;
    snprintf(name, sizeof(name), "s%u", s->id);
    if (!l->conn || send_prepare(l, s, name) != 0)
        return;

    for (int i = 0; i < n; i++) {
        const char *bytes = a->bytes.len > 0 ? buf_str(&a->bytes).ptr : "";
        values[i] = a->at[i] == SIZE_MAX ? NULL : bytes + a->at[i];
    }
    if (!PQsendQueryPrepared(l->conn, name, n, values, a ? a->lengths : NULL, binary, 1)) {
        (void)lose(l, NULL);
        return;
    }
    expect(l, EXPECT_DONE, s->id);
    l->is_synced = false;
}

void pg_link_sync(struct pg_link *l)
{
    if (!l->conn || l->is_synced)
        return;
    if (!PQpipelineSync(l->conn)) {
        (void)lose(l, NULL);
        return;
    }
    expect(l, EXPECT_SYNC, 0);
    l->is_synced = true;
    l->n_syncs++;
}

/** @param sqlstate  of the refusal; NULL: it was not even tried */
static bool is_prepared_after(unsigned what, const char *sqlstate)
{
    if (what == EXPECT_PREPARED)
        return sqlstate && strcmp(sqlstate, "42P05") == 0;
    return !sqlstate || strcmp(sqlstate, "26000") != 0;
}

/** What comes next: a statement was prepared, or is done. @return 0 or an enum pg_refusal */
static int read_expected(struct pg_link *l, PGresult **out)
{
    const struct expected e = next_expected(l);

    assert(e.what != EXPECT_SYNC);
    if (read_done(l, out) != 0)
        return PG_LOST;
    const int r = judge(l, *out, l->statements[e.id]->text);
    if (r == PG_LOST)
        return r;
    buf_consume(&l->expected, sizeof(e));
    if (r != 0 && !is_prepared_after(e.what, PQresultErrorField(*out, PG_DIAG_SQLSTATE)))
        l->is_prepared[e.id] = false;
    l->refused = r;
    return r;
}

/** If it does now. @return 0 or an enum pg_refusal */
static int read_expected_sync(struct pg_link *l)
{
    if (next_expected(l).what != EXPECT_SYNC)
        return 0;
    const int r = read_sync(l);
    if (r == PG_LOST)
        return r;
    buf_consume(&l->expected, sizeof(struct expected));
    l->n_syncs--;
    l->refused = 0;
    return r;
}

/** @return 0 or an enum pg_refusal */
static int read_statement(struct pg_link *l, PGresult **out)
{
    if (next_expected(l).what == EXPECT_PREPARED) {
        PGresult *prepared = NULL;
        const int r = read_expected(l, &prepared);
        PQclear(prepared);
        if (r == PG_LOST)
            return r;
    }
    const int r = read_expected(l, out);
    const int synced = r == PG_LOST ? r : read_expected_sync(l);
    return r != 0 && synced != PG_LOST ? r : synced;
}

int pg_link_result(struct pg_link *l, PGresult **out)
{
    PGresult *result = NULL;

    if (out)
        *out = NULL;
    if (!l->conn)
        return PG_LOST;
    assert(l->n_syncs > 0);
    if (l->refused == 0)
        l->sqlstate[0] = '\0';
    const int r = read_statement(l, &result);
    if (r == 0 && out) {
        *out = result;
    } else {
        PQclear(result);
    }
    return r;
}

int pg_link_results(struct pg_link *l, size_t n)
{
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        const int one = pg_link_result(l, NULL);
        r = r == 0 ? one : r;
    }
    return r;
}

uint64_t pg_n_changed(const PGresult *r)
{
    // It changes nothing, and does not say so.
    PGresult *same = (PGresult *)(uintptr_t)r; // NOLINT(performance-no-int-to-ptr)

    return strtoull(PQcmdTuples(same), NULL, 10);
}

int pg_link_run(struct pg_link *l, const char *text)
{
    if (!l->conn)
        return PG_LOST;
    assert(l->expected.len == 0);
    l->sqlstate[0] = '\0';
    if (!PQexitPipelineMode(l->conn) || !PQsendQuery(l->conn, text))
        return lose(l, NULL);

    int result = 0;
    for (;;) {
        PGresult *r = NULL;
        if (read_result(l, &r) != 0)
            return PG_LOST;
        if (!r)
            break;
        if (result == 0)
            result = judge(l, r, text);
        PQclear(r);
        if (result == PG_LOST)
            return result;
    }
    return PQenterPipelineMode(l->conn) ? result : lose(l, NULL);
}

const char *pg_link_sqlstate(const struct pg_link *l)
{
    return l->sqlstate;
}
