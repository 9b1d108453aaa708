#include "io/tcp_bind.h"

#include <errno.h>
#include <unistd.h>

static int set_option(int fd, int option)
{
    const int on = 1;

    return setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on));
}

/** @return a descriptor, or -errno */
static int bind_at(const struct sockaddr *at, socklen_t size, bool is_shared)
{
    const int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (set_option(fd, SO_REUSEADDR) == 0 &&
        (!is_shared || set_option(fd, SO_REUSEPORT) == 0) && bind(fd, at, size) == 0)
        return fd;
    const int r = -errno;
    close(fd);
    return r;
}

int tcp_bind_shared(const struct sockaddr *at, socklen_t size, bool is_first)
{
    if (is_first) {
        const int alone = bind_at(at, size, false);
        if (alone < 0)
            return alone;
        close(alone);
    }
    return bind_at(at, size, true);
}
