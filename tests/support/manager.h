/** A service manager's end of its socket: what a server tells it. */
#pragma once

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/t.h"

struct manager {
    int fd;
    char path[64]; // as NOTIFY_SOCKET has it: of the abstract namespace, which no file is left
                   // of
};

static inline void manager_open(struct manager *m)
{
    static unsigned n;
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)snprintf(m->path, sizeof(m->path), "@parley-test-%d-%u", (int)getpid(), ++n);
    memcpy(at.sun_path + 1, m->path + 1, strlen(m->path) - 1);
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(m->fd >= 0);
    assert_int_equal(
        bind(m->fd, (struct sockaddr *)&at,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(m->path))),
        0);
}

static inline void manager_close(struct manager *m)
{
    close(m->fd);
}

/** @return what it was told next, until the next call; empty: nothing */
static inline const char *manager_hears(struct manager *m)
{
    static char said[128];

    const ssize_t n = recv(m->fd, said, sizeof(said) - 1, MSG_DONTWAIT);
    said[n > 0 ? n : 0] = '\0';
    return said;
}
