/**
 * Does a URL lead to this server, and whose does a request seem to be that comes by it? Who
 * operates it (`parley doctor`) has a name made by the admin socket, asks for that by the URL,
 * and then the admin socket for what was seen. To everybody else there is nothing.
 *
 * Of home alone, and its loop.
 */
#pragma once

#include "base/rand.h"
#include "http/proxy.h"
#include "http/server.h"

#define PROBE_PREFIX    "/.well-known/parley-probe/" // and a name
#define PROBES_MAX      16    // names at once; one more, and the oldest counts no longer
#define PROBE_MS        60000 // that a name counts
#define PROBE_NAME_SIZE 33    // bytes, NUL included
#define PROBE_HOST_SIZE 256   // bytes of a Host, NUL included; a longer one is cut

/** One request. */
struct probe_seen {
    ip peer;            // of the connection
    ip client;          // whose it is, by the proxies that are trusted
    bool has_forwarded; // there is an X-Forwarded-For
    char host[PROBE_HOST_SIZE];
};

struct probe {
    char name[PROBE_NAME_SIZE];
    int64_t until_ms; // monotonic
    bool is_seen;
    struct probe_seen seen; // the last
};

struct probes {
    const struct http_proxies *proxies; // borrowed, like the next two
    struct timers *timers;
    struct rand *rand;
    size_t next; // place of the next one
    struct probe all[PROBES_MAX];
};

/** A name that counts from now on. @return borrowed until the next ones */
const char *probes_make(struct probes *p);

/** @return NULL: there is none of this name, or none any more */
struct probe *probes_find(struct probes *p, str name);

/** For the route of PROBE_PREFIX; arg is the struct probes. */
extern const struct http_handler probe_http_handler;
