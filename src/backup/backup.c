#include "backup/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/path.h"
#include "backup/tree.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"

struct paths {
    char part[BACKUP_PATH_SIZE];
    char db[BACKUP_PATH_SIZE];
    char log[BACKUP_PATH_SIZE];
    char media[BACKUP_PATH_SIZE];
    char kept[BACKUP_PATH_SIZE];
};

struct backup {
    const struct backup_config *config;
    struct backup_result *result;
    struct paths paths;
    int lock; // the directory itself
    struct backup_db *db;
    struct tree from;
    struct tree to;
    struct backup_files files; // of a batch
};

static int find_paths(struct backup *b)
{
    const struct backup_config *c = b->config;

    int r = backup_path(b->paths.part, c->dir, BACKUP_PART);
    if (r == 0)
        r = backup_path(b->paths.db, c->dir, BACKUP_DB);
    if (r == 0)
        r = backup_path(b->paths.media, c->dir, BACKUP_MEDIA);
    if (r == 0)
        r = backup_path(b->paths.log, c->data, "parley.db");
    return r == 0 ? backup_path(b->paths.kept, c->data, "media/kept") : r;
}

/** @return 0, an enum backup_refusal, or a fault */
static int check_where(const struct backup *b)
{
    struct stat data;
    struct stat dir;

    if (access(b->paths.log, F_OK) < 0 || stat(b->config->data, &data) < 0) {
        return errno == ENOENT || errno == ENOTDIR ? BACKUP_NO_STORE
                                                   : err_fault(-errno, "open %s", b->paths.log);
    }
    if (stat(b->config->dir, &dir) == 0 && dir.st_ino == data.st_ino &&
        dir.st_dev == data.st_dev)
        return BACKUP_SAME;
    return 0;
}

/** The lock is the directory's own, and leaves nothing. @return 0, BACKUP_BUSY, or a fault */
static int take_dir(struct backup *b)
{
    const char *dir = b->config->dir;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_fault(-errno, "make %s", dir);
    b->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->lock < 0)
        return err_fault(-errno, "open %s", dir);
    if (flock(b->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? BACKUP_BUSY : err_fault(-errno, "lock %s", dir);
}

static int sync_dir(const struct backup *b)
{
    return fsync(b->lock) == 0 ? 0 : err_fault(-errno, "sync %s", b->config->dir);
}

// --- the database ------------------------------------------------------------------

/** With what SQLite has beside it. @return 0 or a fault */
static int remove_part(const struct backup *b)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char path[BACKUP_PATH_SIZE + 16];

    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        snprintf(path, sizeof(path), "%s%s", b->paths.part, endings[i]);
        if (unlink(path) < 0 && errno != ENOENT)
            return err_fault(-errno, "remove %s", path);
    }
    return 0;
}

static int open_db(struct backup *b)
{
    return backup_db_begin(&b->db, &(struct backup_db_paths){.part = b->paths.part,
                                                             .log = b->paths.log,
                                                             .previous = b->paths.db});
}

/** What was begun and can't be gone on with is begun anew. */
static int open_db_anew(struct backup *b)
{
    backup_db_close(b->db);
    b->result->is_begun_anew = true;
    b->db = NULL;
    int r = remove_part(b);
    if (r == 0)
        r = open_db(b);
    return r == BACKUP_DB_OTHER ? err_fault(-EIO, "begin %s", b->paths.part) : r;
}

// --- files -------------------------------------------------------------------------

static void count(int64_t *n, char *first, const char *id)
{
    if ((*n)++ == 0)
        snprintf(first, CHAT_UPLOAD_ID_SIZE, "%s", id);
}

/** Messages may have lost it since it was listed, and the server has removed it then. */
static int judge_missing(struct backup *b, const char *id)
{
    bool is_live = false;

    const int r = backup_db_is_live(b->db, id, &is_live);
    if (r == 0 && is_live)
        count(&b->result->n_lost, b->result->lost, id);
    return r;
}

/** @return 0, TREE_MISSING, or a fault */
static int copy_file(struct backup *b, struct backup_file *f)
{
    struct tree_copied copied;

    const int r = tree_copy(&b->from, &b->to, f->id, &copied);
    if (r != 0)
        return r;
    if (copied.size != f->size ||
        (f->is_announced && memcmp(copied.sha256, f->announced, sizeof(f->announced)) != 0))
        count(&b->result->n_unlike, b->result->unlike, f->id);
    f->size = copied.size;
    memcpy(f->sha256, copied.sha256, sizeof(f->sha256));
    return 0;
}

/** Of the batch those stay that are copied. */
static int copy_batch(struct backup *b, bool is_last)
{
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; i < b->files.n; i++) {
        r = copy_file(b, &b->files.all[i]);
        if (r == TREE_MISSING) {
            r = is_last ? judge_missing(b, b->files.all[i].id) : 0;
        } else if (r == 0) {
            b->files.all[n++] = b->files.all[i];
        }
        if (r < 0)
            return r;
    }
    b->files.n = n;
    r = tree_sync(&b->to);
    return r == 0 ? backup_db_add_files(b->db, &b->files) : r;
}

static int copy_files(struct backup *b, enum backup_db_whose whose)
{
    struct progress p = {.what = "files"};
    char after[CHAT_UPLOAD_ID_SIZE] = "";
    size_t n = 1;

    int r = backup_db_count_lacks(b->db, whose, &p.of);
    while (r == 0 && n > 0) {
        if (p.of > 0)
            progress_tell(&b->config->to, p);
        r = backup_db_lacks(b->db, whose, after, &b->files);
        n = b->files.n;
        if (r == 0 && n > 0) {
            snprintf(after, sizeof(after), "%s", b->files.all[n - 1].id);
            r = copy_batch(b, whose == BACKUP_OF_COPY);
        }
        p.n += (int64_t)n;
        p.of = p.of < p.n ? p.n : p.of;
    }
    return r;
}

/** Whoever has taken one away from the backup gets it back. */
static int look_after_files(struct backup *b)
{
    char after[CHAT_UPLOAD_ID_SIZE] = "";
    int64_t size = 0;
    int r = 0;

    do {
        r = backup_db_files(b->db, after, &b->files);
        for (size_t i = 0; r == 0 && i < b->files.n; i++) {
            const struct backup_file *f = &b->files.all[i];
            snprintf(after, sizeof(after), "%s", f->id);
            r = tree_size(&b->to, f->id, &size);
            if (r == TREE_MISSING || (r == 0 && size != f->size))
                r = backup_db_drop_file(b->db, f->id);
        }
    } while (r == 0 && b->files.n > 0);
    return r;
}

static int remove_unused(void *arg, const char *name)
{
    struct backup *b = arg;
    bool has = false;

    const int r = backup_db_has_file(b->db, name, &has);
    return r < 0 || has ? r : tree_remove(&b->to, name);
}

// --- keys --------------------------------------------------------------------------

static bool is_key(const char *name)
{
    static const char *const endings[] = {".pem", ".key"};
    const size_t len = strlen(name);

    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const size_t n = strlen(endings[i]);
        if (name[0] != '.' && len > n && len < BACKUP_KEY_NAME_SIZE &&
            strcmp(name + len - n, endings[i]) == 0)
            return true;
    }
    return false;
}

static int take_key(struct backup *b, int dir, const char *name)
{
    char bytes[BACKUP_KEY_MAX + 1]; // one more shows that it is too long
    struct stat st;
    const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return err_fault(-errno, "open %s", name);
    int r = 0;
    const ssize_t n =
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, bytes, sizeof(bytes)) : 0;
    if (n < 0 || n == (ssize_t)sizeof(bytes)) {
        r = err_fault(n < 0 ? -errno : -EFBIG, "read %s", name);
    } else if (n > 0) {
        r = backup_db_set_key(b->db, name, (str){bytes, (size_t)n});
    }
    explicit_bzero(bytes, sizeof(bytes));
    close(fd);
    return r;
}

static int take_keys(struct backup *b)
{
    DIR *dir = opendir(b->config->keys);
    const struct dirent *e;
    int r = 0;

    if (!dir)
        return err_fault(-errno, "open %s", b->config->keys);
    while (r == 0 && (e = readdir(dir))) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        if (is_key(e->d_name))
            r = take_key(b, dirfd(dir), e->d_name);
    }
    closedir(dir);
    return r;
}

// --- all of it ---------------------------------------------------------------------

static int open_all(struct backup *b)
{
    int r = open_db(b);

    if (r == BACKUP_DB_OTHER)
        r = open_db_anew(b);
    if (r == 0)
        r = tree_open(&b->to, b->paths.media, true);
    if (r == 0 && b->config->has_files)
        r = tree_open(&b->from, b->paths.kept, false);
    return r;
}

/** Files before the database, so that what is in it then and goes is there; and after it, for
 * what has come meanwhile. */
static int make(struct backup *b)
{
    const struct backup_config *c = b->config;

    int r = look_after_files(b);
    if (r == 0 && c->has_files)
        r = copy_files(b, BACKUP_OF_LOG);
    if (r == 0)
        r = backup_db_copy(b->db, &c->to);
    if (r == 0 && c->has_files)
        r = copy_files(b, BACKUP_OF_COPY);
    if (r == 0)
        r = take_keys(b);
    return r == 0 ? backup_db_end(b->db, c->version, c->now_ms, &c->to) : r;
}

/** The new one is the backup from here on; what only the old one had goes. */
static int publish(struct backup *b)
{
    backup_db_close(b->db);
    b->db = NULL;
    if (rename(b->paths.part, b->paths.db) < 0)
        return err_fault(-errno, "name %s", b->paths.db);
    int r = sync_dir(b);
    if (r == 0)
        r = backup_db_open(&b->db, b->paths.db);
    if (r == 0)
        r = tree_each(&b->to, remove_unused, b);
    return r == 0 ? backup_db_info(b->db, &b->result->info) : r;
}

int backup_run(const struct backup_config *config, struct backup_result *out)
{
    struct backup *b = NEW(struct backup);

    *out = (struct backup_result){0};
    b->config = config;
    b->result = out;
    b->lock = b->from.fd = b->to.fd = -1;
    int r = find_paths(b);
    if (r == 0)
        r = check_where(b);
    if (r == 0)
        r = take_dir(b);
    if (r == 0) {
        r = open_all(b);
        if (r == 0)
            r = make(b);
        if (r == 0)
            r = publish(b);
        r = r < 0 ? err_up(r) : r;
    }
    if (b->db)
        backup_db_close(b->db);
    tree_close(&b->from);
    tree_close(&b->to);
    if (b->lock >= 0)
        close(b->lock);
    free(b);
    return r;
}
