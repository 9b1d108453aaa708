#include "io/local.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define READ_SIZE 4096

/** @return false: the path is too long */
static bool address_of(struct sockaddr_un *out, const char *path)
{
    const str s = str_of(path);

    static_assert(sizeof(out->sun_path) == LOCAL_PATH_MAX + 1, "with the NUL");
    if (s.len > LOCAL_PATH_MAX)
        return false;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    str_copy(out->sun_path, s);
    return true;
}

// Listening.

/** A server that was killed has left its socket, and binding fails where there is one. */
static int remove_stale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_fault(-errno, "%s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_fault(-EEXIST, "%s is no socket", path);
    return unlink(path) < 0 ? err_fault(-errno, "remove %s", path) : 0;
}

int local_listen(struct listener **out, struct loop *l, const char *path,
                 const struct tcp_listen *how)
{
    // libuv would cut the path, and listen elsewhere.
    if (str_of(path).len > LOCAL_PATH_MAX)
        return err_fault(-ENAMETOOLONG, "%s", path);
    int r = remove_stale(path);
    if (r < 0)
        return r;
    const mode_t before = umask(0177); // a chmod() would come too late
    r = tcp_listen_local(out, l, path, how);
    umask(before);
    return r;
}

// Asking.

/** @return 0, LOCAL_LATE or a fault */
static int outcome(const char *path)
{
    return errno == EAGAIN ? LOCAL_LATE : err_fault(-errno, "%s", path);
}

static int set_timeout(int fd, const char *path, int64_t ms)
{
    const struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0)
        return err_fault(-errno, "%s", path);
    return 0;
}

static int dial(int fd, const char *path, const struct sockaddr_un *to)
{
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
        return 0;
    return errno == ENOENT || errno == ECONNREFUSED ? LOCAL_NOBODY : outcome(path);
}

static int send_all(int fd, const char *path, str bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0)
            return outcome(path);
        str_take(&bytes, (size_t)n);
    }
    return 0;
}

static int read_all(int fd, const char *path, struct buf *answer)
{
    char bytes[READ_SIZE];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) != 0) {
        if (n < 0 && errno == EINTR) // it was stopped for a while, and goes on
            continue;
        if (n < 0)
            return outcome(path);
        if (buf_add(answer, (str){bytes, (size_t)n}) != 0)
            return err_fault(-EMSGSIZE, "%s", path);
    }
    return 0;
}

int local_ask(const char *path, str question, struct buf *answer, int64_t timeout_ms)
{
    struct sockaddr_un to;

    if (!address_of(&to, path))
        return err_fault(-ENAMETOOLONG, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_fault(-errno, "socket");
    int r = set_timeout(fd, path, timeout_ms);
    if (r == 0)
        r = dial(fd, path, &to);
    if (r == 0)
        r = send_all(fd, path, question);
    if (r == 0)
        r = read_all(fd, path, answer);
    close(fd);
    return r;
}
