/**
 * The way in for who operates the server: HTTP on DATA/admin.sock, which nobody but the user
 * that the server runs as may open, and so without tokens.
 *
 *   POST /v1/revoke {account} or {session}   -> {status: "ok", sessions: N}
 *
 *   POST /v1/probe           -> {status: "ok", probe: NAME, pid, version, listen, given, tls}
 *   GET  /v1/probe/NAME      -> {status: "ok", seen: false}, or {…, seen: true, peer, client,
 *                               forwarded, host}: see server/probe.h
 *
 * An account ends with all that it was issued up to now, a session by its name, whosever it is;
 * N of them were the server's own. Errors are those of the api: {status: "error", error: {…}}.
 */
#pragma once

#include "auth/sessions.h"
#include "http/server.h"
#include "io/loop.h"
#include "server/probe.h"

#define ADMIN_SOCKET_FILE        "admin.sock"
#define ADMIN_SOCKET_BODY_MAX    4096 // bytes of a request's body
#define ADMIN_SOCKET_STREAMS_MAX 16   // connections; those of clients do not count

#define ADMIN_SOCKET_PATH_SIZE 108 // bytes, NUL included

enum admin_socket_refusal {
    ADMIN_SOCKET_TOO_LONG = 1, // a socket's path is ADMIN_SOCKET_PATH_SIZE, and no longer
    ADMIN_SOCKET_FAILED,       // said on stderr
};

/** Where it is in this data directory. @return 0 or ADMIN_SOCKET_TOO_LONG */
MUST_CHECK int admin_socket_path(char out[ADMIN_SOCKET_PATH_SIZE], str data);

struct admin_socket;

struct admin_socket_config {
    struct loop *loop;
    str data; // the directory, which nobody else serves: its store is open
    struct auth_sessions *sessions;
    uint64_t home_chain;
    struct probes *probes;
    const struct addr *at; // where the server listens; it may be set later
    bool is_tls;
    bool is_given; // its socket, by the service manager
};

/** @param out  owned @return 0 or ADMIN_SOCKET_FAILED */
MUST_CHECK int admin_socket_open(struct admin_socket **out,
                                 const struct admin_socket_config *config);

/** No new connections, and the socket goes from the directory; requests under way are answered.
 * Once more does nothing, and so does NULL. */
void admin_socket_close(struct admin_socket *s);

/** It was closed, the loop has no connection left, and the sessions are idle. NULL is fine. */
void admin_socket_free(struct admin_socket *s);
