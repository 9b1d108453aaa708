#include "server/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int key_file_refuse(const struct key_dir *d, const char *name, const char *what)
{
    fprintf(stderr, "parley: %s/%s %s\n", d->path, name, what);
    return KEY_FILE_UNUSABLE;
}

int key_file_refuse_errno(const struct key_dir *d, const char *name, const char *what)
{
    fprintf(stderr, "parley: %s/%s %s: %s\n", d->path, name, what, strerrordesc_np(errno));
    return KEY_FILE_UNUSABLE;
}

static int open_dir(struct key_dir *d)
{
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd >= 0 ? 0 : KEY_FILE_UNUSABLE;
}

static int refuse_dir(const struct key_dir *d, const char *done)
{
    fprintf(stderr,
            "parley: the directory '%s' can't be %s: %s. --data names another; where nodes "
            "share their keys, --keys.\n",
            d->path, done, strerrordesc_np(errno));
    return KEY_FILE_UNUSABLE;
}

static void key_dir_init(struct key_dir *d, str path)
{
    *d = (struct key_dir){.path = mem_alloc(path.len + 1), .fd = -1};
    str_copy(d->path, path);
}

int key_dir_open(struct key_dir *d, str path)
{
    key_dir_init(d, path);
    if ((mkdir(d->path, 0700) == 0 || errno == EEXIST) && open_dir(d) == 0)
        return 0;
    return refuse_dir(d, errno == ENOENT ? "made" : "opened");
}

int key_dir_find(struct key_dir *d, str path)
{
    key_dir_init(d, path);
    return open_dir(d) == 0 ? 0 : refuse_dir(d, "opened");
}

void key_dir_close(struct key_dir *d)
{
    if (d->fd >= 0)
        close(d->fd);
    free(d->path);
}

int key_dir_sync(const struct key_dir *d, const char *name)
{
    return fsync(d->fd) == 0 ? 0 : key_file_refuse_errno(d, name, "can't be kept");
}

// Reading.

static int check_mode(const struct key_dir *d, const char *name, const struct key_kind *kind,
                      int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return key_file_refuse_errno(d, name, "can't be looked at");
    if (S_ISREG(st.st_mode) && (st.st_mode & kind->closed) == 0)
        return 0;
    if (!S_ISREG(st.st_mode)) {
        fprintf(stderr, "parley: %s/%s is no file. Move it away: %s.\n", d->path, name,
                kind->renewed);
        return KEY_FILE_UNUSABLE;
    }
    fprintf(stderr,
            "parley: others may %s %s/%s (mode %03o), and with it %s. If nobody has: chmod "
            "600 %s/%s. If somebody may have, remove it: %s.\n",
            kind->access, d->path, name, (unsigned)st.st_mode & 0777, kind->abuse, d->path,
            name, kind->renewed);
    return KEY_FILE_UNUSABLE;
}

/** As much of it as a key takes. */
static int read_all(const struct key_dir *d, const char *name, const struct key_kind *kind,
                    int fd, struct buf *out)
{
    ssize_t n = 1;

    while (n > 0) {
        const size_t left = kind->size - buf_str(out).len;
        char *room = buf_room(out, left);
        n = read(fd, room, left);
        if (n > 0)
            buf_added(out, (size_t)n);
    }
    return n == 0 ? 0 : key_file_refuse_errno(d, name, "can't be read");
}

static int read_open(const struct key_dir *d, const char *name, const struct key_kind *kind,
                     int fd, struct buf *out)
{
    int r = check_mode(d, name, kind, fd);

    if (r == 0)
        r = read_all(d, name, kind, fd, out);
    if (r != 0 || kind->is_good(buf_str(out)))
        return r;
    fprintf(stderr,
            "parley: %s/%s is no %s. Put back the one that was there, or remove it: %s.\n",
            d->path, name, kind->form, kind->renewed);
    return KEY_FILE_UNUSABLE;
}

int key_file_read(const struct key_dir *d, const char *name, const struct key_kind *kind,
                  struct buf *out)
{
    const int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return errno == ENOENT ? KEY_FILE_ABSENT
                               : key_file_refuse_errno(d, name, "can't be opened");
    }
    const int r = read_open(d, name, kind, fd, out);
    close(fd);
    return r;
}

// Writing.

/** Whoever runs this as root does it for a server that may not be. */
static bool give_away(const struct key_dir *d, int fd)
{
    struct stat st;

    if (geteuid() != 0)
        return true;
    return fstat(d->fd, &st) == 0 && (st.st_uid == 0 || fchown(fd, st.st_uid, st.st_gid) == 0);
}

int key_file_write(const struct key_dir *d, const char *name, str bytes)
{
    const int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return key_file_refuse_errno(d, name, "can't be made");
    errno = ENOSPC; // where less is written than we said
    const bool is_written = write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len &&
                            give_away(d, fd) && fsync(fd) == 0;
    const int r = is_written ? 0 : key_file_refuse_errno(d, name, "can't be written");
    close(fd);
    return r;
}
