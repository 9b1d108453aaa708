#include "media/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"

#define FOLLOW   (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define OPEN_DIR (FOLLOW | O_NOFOLLOW)

/** @return 0 or a fault */
static int sync_dir(int dir)
{
    return fsync(dir) < 0 ? err_fault(-errno, "sync a directory of media/") : 0;
}

/** @return DISK_FULL or a fault */
static int outcome(const char *what)
{
    return errno == ENOSPC || errno == EDQUOT ? DISK_FULL : err_fault(-errno, "%s", what);
}

/** A directory that was just made is there after a power cut only if its parent says so. */
static int make_dir(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) < 0)
        return errno == EEXIST ? 0 : outcome("make a directory of media/");
    const int r = sync_dir(parent);
    if (r != 0) {
        // Or the next try would find it, and not sync.
        (void)unlinkat(parent, name, AT_REMOVEDIR);
    }
    return r;
}

// The folders of files.

struct folder_name {
    char text[3];
};

static struct folder_name folder_of(const char *id)
{
    return (struct folder_name){{id[0], id[1], '\0'}};
}

/** @param fd  -1 where there is none @return 0 or a fault */
static int find_folder(int *fd, int parent, const char *id)
{
    *fd = openat(parent, folder_of(id).text, OPEN_DIR);
    if (*fd < 0 && errno != ENOENT)
        return err_fault(-errno, "open a directory of media/");
    return 0;
}

/** @return 0, DISK_FULL or a fault */
static int get_folder(int *fd, int parent, const char *id)
{
    const int r = make_dir(parent, folder_of(id).text);

    *fd = -1;
    if (r != 0)
        return r;
    *fd = openat(parent, folder_of(id).text, OPEN_DIR);
    return *fd < 0 ? err_fault(-errno, "open a directory of media/") : 0;
}

/** @return 0, DISK_TAKEN, DISK_MISSING, DISK_FULL or a fault */
static int move(int from, const char *from_name, int to, const char *to_name)
{
    if (renameat2(from, from_name, to, to_name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL) { // some file systems can't, but all can link
        if (linkat(from, from_name, to, to_name, 0) == 0)
            return unlinkat(from, from_name, 0) < 0 ? outcome("remove a file of media/") : 0;
    }
    if (errno == EEXIST)
        return DISK_TAKEN;
    return errno == ENOENT ? DISK_MISSING : outcome("name a file of media/");
}

/** @return 0, DISK_MISSING or a fault; what is no file is a fault */
static int look(int folder, const char *id, uint64_t *size)
{
    struct stat st;

    if (folder < 0)
        return DISK_MISSING;
    if (fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? DISK_MISSING : err_fault(-errno, "look at a file of media/");
    if (!S_ISREG(st.st_mode))
        return err_fault(-EINVAL, "no file, in media/");
    *size = (uint64_t)st.st_size;
    return 0;
}

static bool has_in(int parent, const char *id)
{
    struct stat st;
    int folder = -1;

    if (find_folder(&folder, parent, id) < 0 || folder < 0)
        return false;
    const bool has = fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
    close(folder);
    return has;
}

bool disk_has(const struct disk *d, const char *id)
{
    return has_in(d->in, id) || has_in(d->kept, id);
}

// A file that comes.

int disk_room(const struct disk *d, uint64_t *bytes)
{
    struct statvfs fs;

    if (fstatvfs(d->tmp, &fs) < 0)
        return err_fault(-errno, "ask how much room there is");
    *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

int disk_create(const struct disk *d, int *fd, const char *name)
{
    *fd = openat(d->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *fd < 0 ? outcome("make a file in media/tmp") : 0;
}

int disk_write(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return outcome("write in media/tmp");
        bytes += written;
        n -= (size_t)written;
    }
    return 0;
}

int disk_write_back(int fd, uint64_t done, uint64_t until)
{
    const unsigned wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int r = sync_file_range(fd, (off_t)done, (off_t)(until - done), SYNC_FILE_RANGE_WRITE);

    if (r == 0 && done > 0)
        r = sync_file_range(fd, 0, (off_t)done, wait);
    // An error is told once: fdatasync() would not have it any more. That some file system
    // can't do this is none.
    if (r == 0 || (errno != EIO && errno != ENOSPC && errno != EDQUOT))
        return 0;
    return outcome("write in media/tmp");
}

int disk_publish(const struct disk *d, int fd, const char *name, const char *id)
{
    int folder;

    if (fdatasync(fd) < 0)
        return outcome("sync a file of media/tmp");
    if (has_in(d->kept, id))
        return DISK_TAKEN;
    int r = get_folder(&folder, d->in, id);
    if (r != 0)
        return r;
    r = move(d->tmp, name, folder, id);
    if (r == 0) {
        r = sync_dir(folder);
        if (r < 0)
            (void)unlinkat(folder, id, 0); // who is told that it failed may put it again
    }
    close(folder);
    return r == DISK_MISSING ? err_fault(-ENOENT, "a file of media/tmp is gone") : r;
}

void disk_forget(const struct disk *d, const char *name)
{
    if (unlinkat(d->tmp, name, 0) < 0 && errno != ENOENT)
        (void)err_fault(-errno, "remove a file of media/tmp");
}

// A file that is there.

/** @return 0, also if there is none, or a fault */
static int remove_from(int parent, const char *id)
{
    int folder;
    int r = find_folder(&folder, parent, id);

    if (r < 0 || folder < 0)
        return r;
    if (unlinkat(folder, id, 0) < 0 && errno != ENOENT) {
        r = err_fault(-errno, "remove a file of media/");
    } else {
        r = sync_dir(
            folder); // of one that was gone already, too: that try may have failed here
    }
    close(folder);
    return r;
}

int disk_drop(const struct disk *d, const char *id)
{
    const int r = remove_from(d->in, id);
    const int kept = remove_from(d->kept, id);

    return r < 0 ? r : kept;
}

/** @return 0, DISK_MISSING, DISK_MISMATCH or a fault */
static int keep(int in, int kept, const char *id, uint64_t size)
{
    uint64_t is = 0;
    int r = look(in, id, &is);

    if (r != 0)
        return r;
    if (is != size)
        return DISK_MISMATCH;
    r = move(in, id, kept, id);
    if (r > 0)
        return r == DISK_MISSING ? r : err_fault(-EIO, "keep a file of media/: refusal %d", r);
    // The new name first: after a power cut there may be both, and never none.
    if (r == 0)
        r = sync_dir(kept);
    if (r == 0)
        r = sync_dir(in);
    return r;
}

/** The same, where it may be kept already. */
static int keep_once(const struct disk *d, int in, int kept, const char *id, uint64_t size)
{
    uint64_t is = 0;
    const int r = look(kept, id, &is);

    if (r != 0)
        return r == DISK_MISSING ? keep(in, kept, id, size) : r;
    // Who has moved it may have been killed, or told that it failed, before it was durable.
    const int synced = sync_dir(kept);
    return synced < 0 ? synced : remove_from(d->in, id); // where a power cut has left both
}

int disk_take(const struct disk *d, const char *id, uint64_t size)
{
    int in;
    int kept;

    int r = find_folder(&in, d->in, id);
    if (r < 0)
        return r;
    r = get_folder(&kept, d->kept, id);
    if (r == 0) {
        r = keep_once(d, in, kept, id, size);
        close(kept);
    } else if (r > 0) {
        r = err_fault(-ENOSPC, "make a directory of media/kept");
    }
    if (in >= 0)
        close(in);
    return r;
}

static int open_file(int folder, const char *id, int *fd)
{
    // What is no file must not hold us up, either.
    *fd = openat(folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    return errno == ENOENT ? DISK_MISSING : err_fault(-errno, "open a file of media/kept");
}

int disk_read(const struct disk *d, const char *id, int *fd, uint64_t *size,
              int64_t *modified_ms)
{
    struct stat st;
    int folder;

    int r = find_folder(&folder, d->kept, id);
    if (r < 0)
        return r;
    if (folder < 0)
        return DISK_MISSING;
    r = open_file(folder, id, fd);
    close(folder);
    if (r != 0)
        return r;
    if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(*fd);
        return err_fault(-EINVAL, "no file, in media/kept");
    }
    *size = (uint64_t)st.st_size;
    *modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return 0;
}

// The beginning.

/** What a server that was killed has left behind. */
static int empty(int dir)
{
    const int fd = openat(dir, ".", OPEN_DIR);
    DIR *all = fd < 0 ? NULL : fdopendir(fd);

    if (!all)
        return err_fault(-errno, "read media/tmp");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this one
    for (const struct dirent *e = readdir(all); e; e = readdir(all)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            disk_forget(&(struct disk){.tmp = dir}, e->d_name);
    }
    closedir(all);
    return 0;
}

static int open_dir(int *fd, int parent, const char *name, int how)
{
    int r = make_dir(parent, name);

    if (r > 0)
        r = err_fault(-ENOSPC, "make %s", name);
    if (r < 0)
        return r;
    *fd = openat(parent, name, how);
    if (*fd < 0)
        return err_fault(-errno, "open %s", name);
    return sync_dir(*fd); // a folder of it may have been made right before a power cut
}

/** Else nothing could be moved from one to the other, and each upload would fail. */
static int check_one_disk(const struct disk *d)
{
    struct stat tmp;
    struct stat in;
    struct stat kept;

    if (fstat(d->tmp, &tmp) < 0 || fstat(d->in, &in) < 0 || fstat(d->kept, &kept) < 0)
        return err_fault(-errno, "look at media/");
    if (tmp.st_dev != in.st_dev || tmp.st_dev != kept.st_dev)
        return err_fault(-EXDEV, "tmp, in and kept of media/ must be in one file system");
    return 0;
}

static int open_all(struct disk *d, int media)
{
    int r = open_dir(&d->tmp, media, "tmp", OPEN_DIR);

    if (r == 0)
        r = open_dir(&d->in, media, "in", OPEN_DIR);
    if (r == 0)
        r = open_dir(&d->kept, media, "kept", OPEN_DIR);
    if (r == 0)
        r = check_one_disk(d);
    return r < 0 ? r : empty(d->tmp);
}

int disk_open(struct disk *d, const char *data)
{
    int media = -1;
    const int fd = open(data, FOLLOW);

    *d = (struct disk){-1, -1, -1};
    if (fd < 0)
        return err_fault(-errno, "open %s", data);
    // That one may be the operator's link, to a larger disk.
    int r = open_dir(&media, fd, "media", FOLLOW);
    if (r == 0)
        r = sync_dir(fd);
    close(fd);
    if (r == 0)
        r = open_all(d, media);
    if (media >= 0)
        close(media);
    if (r < 0)
        disk_close(d);
    return r;
}

static void close_dir(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void disk_close(struct disk *d)
{
    close_dir(&d->tmp);
    close_dir(&d->in);
    close_dir(&d->kept);
}
