#include "io/service.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "io/tcp_stream.h"

#define TELL_MS 1000 // that telling may take: it is not to hold up those whom we serve

// A socket.

static bool has_option(int fd, int option, int want)
{
    int got = -1;
    socklen_t size = sizeof(got);

    return getsockopt(fd, SOL_SOCKET, option, &got, &size) == 0 && got == want;
}

/** @return false: it does not listen for TCP */
static bool find_addr(int fd, struct addr *out)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof(at);

    if (!has_option(fd, SO_TYPE, SOCK_STREAM) || !has_option(fd, SO_ACCEPTCONN, 1) ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return false;
    if (at.ss_family != AF_INET && at.ss_family != AF_INET6)
        return false;
    *out = tcp_addr_of(&at);
    return true;
}

static int refuse(const char *why)
{
    fprintf(
        stderr,
        "parley: the service manager has given us %s: one ListenStream=PORT is what we take\n",
        why);
    return -EINVAL;
}

static bool is_ours(const char *pid)
{
    uint64_t n = 0;

    return str_to_u64(str_of(pid), INT32_MAX, &n) == 0 && (pid_t)n == getpid();
}

static int read_socket(struct service *out, const struct service_env *env, int first)
{
    uint64_t n = 0;

    if (!env->listen_fds || !is_ours(env->listen_pid))
        return 0;
    if (str_to_u64(str_of(env->listen_fds), INT32_MAX, &n) != 0)
        return refuse("no number of sockets");
    if (n == 0)
        return 0;
    if (n > 1)
        return refuse("several sockets");
    if (!find_addr(first, &out->addr))
        return refuse("something that does not listen for TCP");
    if (fcntl(first, F_SETFD, FD_CLOEXEC) < 0)
        return refuse("something that is no descriptor");
    out->fd = first;
    return 0;
}

// What it wants to hear.

static void read_notify(struct service *out, const char *path)
{
    const str s = str_of(path);

    if (s.len < 2 || s.len >= SERVICE_PATH_SIZE || (s.ptr[0] != '/' && s.ptr[0] != '@'))
        return;
    str_copy(out->notify, s);
}

static void read_watchdog(struct service *out, const struct service_env *env)
{
    uint64_t usec = 0;

    // Without a pid it is for whoever has it.
    if (env->watchdog_pid && !is_ours(env->watchdog_pid))
        return;
    if (str_to_u64(str_of(env->watchdog_usec), INT64_MAX, &usec) == 0)
        out->watchdog_ms = (int64_t)(usec / 1000);
}

int service_read(struct service *out, const struct service_env *env, int first)
{
    *out = (struct service){.fd = -1};
    read_notify(out, env->notify_socket);
    if (out->notify[0] != '\0')
        read_watchdog(out, env);
    return read_socket(out, env, first);
}

// NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet
int service_take(struct service *out)
{
    static const char *const names[] = {"LISTEN_PID",    "LISTEN_FDS",   "LISTEN_FDNAMES",
                                        "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};
    const struct service_env env = {
        .listen_pid = getenv("LISTEN_PID"),
        .listen_fds = getenv("LISTEN_FDS"),
        .notify_socket = getenv("NOTIFY_SOCKET"),
        .watchdog_pid = getenv("WATCHDOG_PID"),
        .watchdog_usec = getenv("WATCHDOG_USEC"),
    };

    const int r = service_read(out, &env, SERVICE_FIRST_FD);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    return r;
}
// NOLINTEND(concurrency-mt-unsafe)

void service_fini(struct service *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

// Telling.

/** @return 0 or -errno */
static int send_to(int fd, const char *path, str text)
{
    const struct timeval patience = {.tv_sec = TELL_MS / 1000};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const str name = str_of(path);

    str_copy(to.sun_path, name);
    if (to.sun_path[0] == '@') // of the abstract namespace (unix(7))
        to.sun_path[0] = '\0';
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.len);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return -errno;
    const ssize_t n =
        sendto(fd, text.ptr, text.len, MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    return n < 0 ? -errno : 0;
}

void service_tell(const struct service *s, const char *state)
{
    if (s->notify[0] == '\0')
        return;
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int r = fd < 0 ? -errno : send_to(fd, s->notify, str_of(state));
    if (r < 0)
        log_warn(NULL, "io_service_untold", "state=%s errno=%d", state, -r);
    if (fd >= 0)
        close(fd);
}
