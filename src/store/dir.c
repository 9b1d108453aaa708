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

// A directory that was moved.

/** @return 0 or a fault */
static int moved_of(char path[DIR_PATH_SIZE], const char *dir)
{
    if (snprintf(path, DIR_PATH_SIZE, "%s/moved", dir) >= DIR_PATH_SIZE)
        return err_fault(-ENAMETOOLONG, "%s", dir);
    return 0;
}

static int write_moved(int fd, const char *path)
{
    static const char text[] = "What parley.db has is in a database, by 'parley migrate'.\n";

    if (pwrite(fd, text, sizeof(text) - 1, 0) != (ssize_t)sizeof(text) - 1)
        return err_fault(errno ? -errno : -EIO, "write %s", path);
    return fsync(fd) < 0 ? err_fault(-errno, "sync %s", path) : 0;
}

int store_dir_set_moved(const char *dir)
{
    char path[DIR_PATH_SIZE];

    int r = moved_of(path, dir);
    if (r < 0)
        return err_up(r);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_fault(-errno, "make %s", path);
    r = write_moved(fd, path);
    close(fd);
    return r < 0 ? err_up(r) : store_dir_sync(dir);
}

int store_dir_check_moved(const char *dir)
{
    char path[DIR_PATH_SIZE];

    const int r = moved_of(path, dir);
    if (r < 0)
        return err_up(r);
    if (access(path, F_OK) == 0) {
        return err_fault(-EEXIST,
                         "start with the --store that %s was moved to: clients have gone on "
                         "there. If none has, remove %s",
                         dir, path);
    }
    return errno == ENOENT ? 0 : err_fault(-errno, "look for %s", path);
}
