#include "store/pg_dial.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "io/loop.h"

// Who does not acknowledge for so long what was sent is gone, and so is who does not answer
// when nothing was sent for a while. Where the URL names several hosts it is also how long one
// that is not there keeps the next from being tried.
#define UNACKNOWLEDGED_MS "5000"
#define KEEPALIVE_IDLE_S  "5"
#define KEEPALIVE_EVERY_S "2"
#define KEEPALIVES        "3"

int pg_wait(const PGconn *c, short events, int stop_fd, int64_t until_ns)
{
    struct pollfd fds[] = {
        {.fd = PQsocket(c), .events = events},
        {.fd = stop_fd, .events = POLLIN},
    };

    for (;;) {
        const int64_t left_ns = until_ns - loop_now_ns();
        const int left_ms = left_ns > 0 ? (int)((left_ns + 999999) / 1000000) : 0;
        const int n = poll(fds, COUNT_OF(fds), left_ms);
        if (fds[1].revents && n > 0)
            return PG_WAIT_STOPPED;
        if (n > 0)
            return 0;
        if (n == 0 && left_ms == 0)
            return PG_WAIT_LATE;
        assert(n == 0 || errno == EINTR || errno == ENOMEM);
    }
}

int pg_dial_hosts(const char *url)
{
    char *wrong = NULL;
    PQconninfoOption *all = PQconninfoParse(url, &wrong);
    int n = all ? 1 : 0;

    for (const PQconninfoOption *o = all; o && o->keyword; o++) {
        if (strcmp(o->keyword, "host") != 0)
            continue;
        for (const char *c = o->val; c && *c; c++)
            n += *c == ',';
    }
    PQfreemem(wrong);
    PQconninfoFree(all);
    return n;
}

PGconn *pg_dial(const struct pg_dial *d, const char **why)
{
    // What comes later is what counts: the URL has the last word, but for the encoding.
    const char *const keys[] = {
        "application_name", "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "dbname",           "client_encoding", NULL};
    const char *const values[] = {d->name,          UNACKNOWLEDGED_MS,
                                  KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S,
                                  KEEPALIVES,       d->url,
                                  "UTF8",           NULL};
    const int64_t until_ns = loop_now_ns() + d->patience_ms * INT64_C(1000000);

    *why = NULL;
    PGconn *c = PQconnectStartParams(keys, values, 1);
    if (!c) {
        *why = "no memory";
        return NULL;
    }
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (PQstatus(c) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
           next != PGRES_POLLING_FAILED && !*why) {
        const int r =
            pg_wait(c, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, d->stop_fd, until_ns);
        if (r == 0) {
            next = PQconnectPoll(c);
        } else {
            *why = r == PG_WAIT_LATE ? "it takes too long to connect" : "stopped";
        }
    }
    if (next == PGRES_POLLING_OK && PQsetnonblocking(c, 1) != 0)
        *why = "it blocks";
    return c;
}
