#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define DIR_PATH_SIZE 4096 // bytes, NUL included

int store_dir_sync(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_fault(-errno, "open %s", dir);
    const int r = fsync(fd) < 0 ? err_fault(-errno, "sync %s", dir) : 0;
    close(fd);
    return r;
}

/** A directory that was just made is there after a power cut only if its parent says so. */
static int make_dir(const char *dir)
{
    char parent[DIR_PATH_SIZE];

    if (mkdir(dir, 0700) < 0)
        return errno == EEXIST ? 0 : err_fault(-errno, "make %s", dir);
    snprintf(parent, sizeof(parent), "%s/..", dir);
    return store_dir_sync(parent);
}

static int refuse_taken(int fd, const char *dir)
{
    char pid[16] = "";

    if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
        return err_fault(-errno, "read %s/lock", dir);
    return err_fault(-EBUSY, "process %s has opened %s: stop it, or choose another directory",
                     pid, dir);
}

static int lock(int *fd, const char *dir)
{
    char path[DIR_PATH_SIZE];
    char pid[16];

    snprintf(path, sizeof(path), "%s/lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return err_fault(-errno, "open %s", path);
    // Not fcntl(): its locks do not hold off this same process, and go with any close().
    if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? refuse_taken(*fd, dir)
                                    : err_fault(-errno, "lock %s", path);
    }

    // And this one only says who we are, to whoever asks (store_dir_holder()).
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(*fd, F_SETLK, &whole) < 0)
        return err_fault(-errno, "lock %s", path);

    const int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (ftruncate(*fd, 0) < 0 || pwrite(*fd, pid, (size_t)n, 0) != n)
        return err_fault(errno ? -errno : -EIO, "write %s", path);
    return 0;
}

static int ask_holder(pid_t *pid, int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &whole) < 0)
        return err_fault(-errno, "ask who has the lock");
    if (whole.l_type == F_UNLCK) {
        *pid = 0;
    } else {
        *pid = whole.l_pid > 0 ? whole.l_pid : -1;
    }
    return 0;
}

int store_dir_holder(pid_t *pid, const char *dir)
{
    char path[DIR_PATH_SIZE];

    *pid = 0;
    if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
        return err_fault(-ENAMETOOLONG, "%s", dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_fault(-errno, "open %s", path);
    const int r = ask_holder(pid, fd);
    close(fd);
    return r;
}

int store_dir_take(int *fd, const char *dir)
{
    *fd = -1;
    if (strlen(dir) + sizeof("/lock") > DIR_PATH_SIZE)
        return err_fault(-ENAMETOOLONG, "%s", dir);
    const int r = make_dir(dir);
    return r < 0 ? err_up(r) : lock(fd, dir);
}

// A directory that no server is to have.

/** @return 0 or a fault */
static int path_of(char path[DIR_PATH_SIZE], const char *dir, const char *name)
{
    if (snprintf(path, DIR_PATH_SIZE, "%s/%s", dir, name) >= DIR_PATH_SIZE)
        return err_fault(-ENAMETOOLONG, "%s", dir);
    return 0;
}

static int write_mark(int fd, const char *path, str text)
{
    if (pwrite(fd, text.ptr, text.len, 0) != (ssize_t)text.len)
        return err_fault(errno ? -errno : -EIO, "write %s", path);
    return fsync(fd) < 0 ? err_fault(-errno, "sync %s", path) : 0;
}

static int set_mark(const char *dir, const char *name, str text)
{
    char path[DIR_PATH_SIZE];

    int r = path_of(path, dir, name);
    if (r < 0)
        return err_up(r);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_fault(-errno, "make %s", path);
    r = write_mark(fd, path, text);
    close(fd);
    return r < 0 ? err_up(r) : store_dir_sync(dir);
}

/** @return 0 or a fault */
static int has_mark(const char *dir, const char *name, bool *has)
{
    char path[DIR_PATH_SIZE];

    *has = false;
    const int r = path_of(path, dir, name);
    if (r < 0)
        return err_up(r);
    *has = access(path, F_OK) == 0;
    return *has || errno == ENOENT || errno == ENOTDIR ? 0
                                                       : err_fault(-errno, "look for %s", path);
}

#define MOVED     "moved"
#define RESTORING "restoring"

int store_dir_set_moved(const char *dir)
{
    return set_mark(dir, MOVED,
                    STR("What parley.db has is in a database, by 'parley migrate'.\n"));
}

int store_dir_set_restoring(const char *dir)
{
    return set_mark(dir, RESTORING,
                    STR("'parley restore' has not come to its end: run it again.\n"));
}

int store_dir_clear_restoring(const char *dir)
{
    char path[DIR_PATH_SIZE];

    const int r = path_of(path, dir, RESTORING);
    if (r < 0)
        return err_up(r);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_fault(-errno, "remove %s", path);
    return store_dir_sync(dir);
}

int store_dir_is_restoring(const char *dir, bool *is)
{
    return has_mark(dir, RESTORING, is);
}

int store_dir_check(const char *dir)
{
    bool is_moved = false;
    bool is_restoring = false;

    int r = has_mark(dir, MOVED, &is_moved);
    if (r == 0)
        r = has_mark(dir, RESTORING, &is_restoring);
    if (r < 0)
        return err_up(r);
    if (is_moved) {
        return err_fault(-EEXIST,
                         "start with the --store that %s was moved to: clients have gone on "
                         "there. If none has, remove %s/" MOVED,
                         dir, dir);
    }
    if (is_restoring) {
        return err_fault(-EEXIST,
                         "run 'parley restore' on %s again: it has not come to its end", dir);
    }
    return 0;
}
