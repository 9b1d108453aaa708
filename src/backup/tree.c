#include "backup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define FOLLOW        (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define OPEN_DIR      (FOLLOW | O_NOFOLLOW)
#define AT_ONCE       262144  // bytes
#define PART          ".part" // the ending of what is not whole yet
#define NAME_MAX_SIZE 256     // bytes, NUL included

int tree_open(struct tree *t, const char *path, bool is_made)
{
    t->fd = -1;
    if (is_made && mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_fault(-errno, "make %s", path);
    t->fd = open(path, FOLLOW);
    if (t->fd < 0 && (is_made || errno != ENOENT))
        return err_fault(-errno, "open %s", path);
    return 0;
}

void tree_close(struct tree *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

/** @return the folder of a file, or -1 with errno; is_made: where it is missing */
static int folder_of(const struct tree *t, const char *id, bool is_made)
{
    const char name[3] = {id[0], id[1], '\0'};

    if (t->fd < 0) {
        errno = ENOENT;
        return -1;
    }
    if (is_made && mkdirat(t->fd, name, 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(t->fd, name, OPEN_DIR);
}

/** @return TREE_MISSING or a fault */
static int outcome(const char *what, const char *id)
{
    return errno == ENOENT ? TREE_MISSING : err_fault(-errno, "%s the file %s", what, id);
}

int tree_size(const struct tree *t, const char *id, int64_t *size)
{
    const int folder = folder_of(t, id, false);
    struct stat st;

    if (folder < 0)
        return outcome("look at", id);
    const int r =
        fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) < 0 ? outcome("look at", id) : 0;
    close(folder);
    if (r != 0)
        return r;
    *size = st.st_size;
    return S_ISREG(st.st_mode) ? 0 : err_fault(-EINVAL, "%s is no file", id);
}

// --- copying -----------------------------------------------------------------------

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

/** @param to  -1: nowhere @return 0 or -errno */
static int pump(int from, int to, struct tree_copied *out)
{
    struct crypto_sha256 *hash = crypto_sha256_new();
    char *bytes = mem_alloc(AT_ONCE);
    ssize_t n = 0;
    int r = 0;

    out->size = 0;
    while (r == 0 && (n = read(from, bytes, AT_ONCE)) > 0) {
        crypto_sha256_add(hash, (str){bytes, (size_t)n});
        out->size += n;
        if (to >= 0)
            r = write_all(to, bytes, (size_t)n);
    }
    if (r == 0 && n < 0)
        r = -errno;
    crypto_sha256_end(hash, out->sha256);
    crypto_sha256_free(hash);
    free(bytes);
    return r;
}

/** @return a descriptor, or -1 with errno */
static int open_file(const struct tree *t, const char *id)
{
    const int folder = folder_of(t, id, false);

    if (folder < 0)
        return -1;
    const int fd = openat(folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const int why = errno;
    close(folder);
    errno = why;
    return fd;
}

/** Into its folder, under a name of its own until it is whole. */
static int copy_into(int folder, int from, const char *id, struct tree_copied *out)
{
    char part[NAME_MAX_SIZE];

    snprintf(part, sizeof(part), "%s" PART, id);
    const int to =
        openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return err_fault(-errno, "make a copy of the file %s", id);
    int r = pump(from, to, out);
    if (r == 0 && renameat(folder, part, folder, id) < 0)
        r = -errno;
    close(to);
    if (r == 0)
        return 0;
    (void)unlinkat(folder, part, 0);
    return err_fault(r, "copy the file %s", id);
}

int tree_copy(const struct tree *from, const struct tree *to, const char *id,
              struct tree_copied *out)
{
    const int fd = open_file(from, id);

    if (fd < 0)
        return outcome("open", id);
    const int folder = folder_of(to, id, true);
    const int r = folder < 0 ? err_fault(-errno, "make a folder for the file %s", id)
                             : copy_into(folder, fd, id, out);
    if (folder >= 0)
        close(folder);
    close(fd);
    return r;
}

int tree_read(const struct tree *t, const char *id, struct tree_copied *out)
{
    const int fd = open_file(t, id);

    if (fd < 0)
        return outcome("open", id);
    const int r = pump(fd, -1, out);
    close(fd);
    return r == 0 ? 0 : err_fault(r, "read the file %s", id);
}

int tree_sync(const struct tree *t)
{
    return t->fd < 0 || syncfs(t->fd) == 0 ? 0 : err_fault(-errno, "sync the files");
}

int tree_remove(const struct tree *t, const char *id)
{
    const int folder = folder_of(t, id, false);

    if (folder < 0)
        return errno == ENOENT ? 0 : err_fault(-errno, "find the file %s", id);
    const int r = unlinkat(folder, id, 0) == 0 || errno == ENOENT
                      ? 0
                      : err_fault(-errno, "remove the file %s", id);
    close(folder);
    return r;
}

// --- going through all -------------------------------------------------------------

/** @param fd  closed */
static int each_of(int fd, tree_fn *fn, void *arg)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *e;
    int r = 0;

    if (!dir) {
        close(fd);
        return err_fault(-errno, "list files");
    }
    errno = 0;
    while (r == 0 && (e = readdir(dir))) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        if (e->d_name[0] != '.')
            r = fn(arg, e->d_name);
        errno = 0;
    }
    if (r == 0 && errno != 0)
        r = err_fault(-errno, "list files");
    closedir(dir);
    return r;
}

struct walk {
    const struct tree *tree;
    tree_fn *fn;
    void *arg;
};

static int enter(void *arg, const char *name)
{
    const struct walk *w = arg;
    const int fd = strlen(name) == 2 ? openat(w->tree->fd, name, OPEN_DIR) : -1;

    return fd < 0 ? 0 : each_of(fd, w->fn, w->arg);
}

int tree_each(const struct tree *t, tree_fn *fn, void *arg)
{
    struct walk w = {.tree = t, .fn = fn, .arg = arg};

    if (t->fd < 0)
        return 0;
    const int fd = openat(t->fd, ".", FOLLOW);
    return fd < 0 ? err_fault(-errno, "list files") : each_of(fd, enter, &w);
}
