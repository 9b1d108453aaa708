/** How a connection to PostgreSQL comes about, and waits: for so long, or until it is stopped.
 */
#pragma once

#include <libpq-fe.h>

#include "base/base.h"

enum pg_wait_refusal {
    PG_WAIT_LATE = 1, // it is until_ns
    PG_WAIT_STOPPED,
};

/**
 * Until it can be read from, or written to, or is broken.
 *
 * @param events    of poll()
 * @param stop_fd   readable: stopped
 * @param until_ns  monotonic
 * @return 0 or an enum pg_wait_refusal
 */
MUST_CHECK int pg_wait(const PGconn *c, short events, int stop_fd, int64_t until_ns);

struct pg_dial {
    const char *url;
    const char *name; // application_name, unless the URL has one
    int patience_ms;
    int stop_fd;
};

/** How many hosts the URL names, one after the other. 0: it is no URL. Never says more of it: a
 * password may be in there. */
int pg_dial_hosts(const char *url);

/**
 * Connect, and don't block from then on.
 *
 * @param why  why not; NULL: PQerrorMessage() knows. Constant
 * @return owned; PQfinish(). NULL: there is no memory
 */
PGconn *pg_dial(const struct pg_dial *d, const char **why);
