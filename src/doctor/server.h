/** The server that runs on a data directory, and what it can be asked by its admin socket. */
#pragma once

#include <sys/types.h>

#include "http/proxy.h"
#include "io/addr.h"
#include "server/probe.h"

#define DOCTOR_SERVER_MS 3000 // for an answer of its

struct server {
    bool is_unseen;  // whether one runs can't be told
    pid_t pid;       // 0: none runs. -1: in another container
    const char *why; // it does not answer; NULL: it does. Static
    bool is_old;     // of a version that knows no probe
    char version[32];
    struct addr at; // where it listens
    bool is_given;  // its socket, by the service manager
    bool is_tls;
    bool is_local; // is /proc/PID its own? A pid of another container may be anybody's here
};

void server_find(struct server *out, const char *data);

/** A name that it knows for a while: server/probe.h. @return false: it does not say */
bool server_probe(struct server *s, const char *data, char name[PROBE_NAME_SIZE]);

/** What it has seen of a probe. */
struct server_seen {
    ip peer;
    ip client;
    bool has_forwarded;
    char host[PROBE_HOST_SIZE];
};

/** @return false: it has seen none */
bool server_seen(const char *data, const char *name, struct server_seen *out);
