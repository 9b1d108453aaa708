/**
 * What a service manager gives a server, and wants to be told: systemd's protocols, which are a
 * few variables of the environment and datagrams (sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3)). Without one nothing of it is there, and nothing is said.
 */
#pragma once

#include "io/addr.h"

#define SERVICE_PATH_SIZE 108 // bytes of the path of a UNIX socket, NUL included (unix(7))

struct service {
    int fd;                         // a socket that listens already, owned; -1: none
    struct addr addr;               // where that does
    char notify[SERVICE_PATH_SIZE]; // empty: nobody wants to be told
    int64_t watchdog_ms;            // it wants to hear from us so often; 0: it does not
};

/** As variables of the environment have it. */
struct service_env {
    const char *listen_pid;
    const char *listen_fds;
    const char *notify_socket;
    const char *watchdog_pid;
    const char *watchdog_usec;
};

/**
 * @param first  the descriptor that a socket would be at: SERVICE_FIRST_FD
 * @return 0; or -EINVAL, said on stderr with what to do: it has given something else than one
 * socket that listens for TCP
 */
MUST_CHECK int service_read(struct service *out, const struct service_env *env, int first);

#define SERVICE_FIRST_FD 3

/** service_read() of our own environment, where nothing of it is then: our children are not
 * meant. Before there are threads. */
MUST_CHECK int service_take(struct service *out);

/** Close the socket; those who listen there have one of their own. */
void service_fini(struct service *s);

/** Tell it: "READY=1", "STOPPING=1", "WATCHDOG=1". Thread: any. */
void service_tell(const struct service *s, const char *state);
