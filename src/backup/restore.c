#include "backup/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/path.h"
#include "backup/tree.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/keys.h"
#include "store/dir.h"

#define AT_ONCE  1048576
#define NFTW_FDS 16

struct restore {
    const struct restore_config *config;
    struct restore_result *result;
    char backup[BACKUP_PATH_SIZE]; // backup.db
    char part[BACKUP_PATH_SIZE];   // of parley.db
    char log[BACKUP_PATH_SIZE];
    int lock;
    struct backup_db *db; // of the backup
    struct tree from;
    struct tree to;
    struct backup_files files; // of a batch
};

static int find_paths(struct restore *s)
{
    int r = backup_path(s->backup, s->config->from, BACKUP_DB);

    if (r == 0)
        r = backup_path(s->log, s->config->data, "parley.db");
    return r == 0 ? backup_path(s->part, s->config->data, "parley.db.part") : r;
}

// --- the backup --------------------------------------------------------------------

static int open_media(struct tree *t, const char *dir, const char *name, bool is_made)
{
    char path[BACKUP_PATH_SIZE];

    const int r = backup_path(path, dir, name);
    return r == 0 ? tree_open(t, path, is_made) : r;
}

/** @return 0, an enum restore_refusal, or a fault */
static int open_backup(struct restore *s)
{
    char part[BACKUP_PATH_SIZE];

    int r = backup_db_open(&s->db, s->backup);
    if (r == BACKUP_DB_NONE) {
        r = backup_path(part, s->config->from, BACKUP_PART);
        if (r == 0)
            r = access(part, F_OK) == 0 ? RESTORE_UNDONE : RESTORE_NO_BACKUP;
        return r;
    }
    if (r == 0)
        r = backup_db_info(s->db, &s->result->info);
    return r == 0 ? open_media(&s->from, s->config->from, BACKUP_MEDIA, false) : r;
}

/** @return 0, RESTORE_DAMAGED, or a fault */
static int check_db(struct restore *s, struct backup_db *db)
{
    const int r = backup_db_check(db, &s->config->to, &s->result->damage);

    return r == BACKUP_DB_DAMAGED ? RESTORE_DAMAGED : r;
}

/** @return 0, RESTORE_DAMAGED, or a fault */
static int judge_file(struct restore *s, const struct backup_file *f, int r,
                      const struct tree_copied *is)
{
    if (r < 0)
        return r;
    if (r == 0 && is->size == f->size && memcmp(is->sha256, f->sha256, sizeof(f->sha256)) == 0)
        return 0;
    snprintf(s->result->file, sizeof(s->result->file), "%s", f->id);
    return RESTORE_DAMAGED;
}

typedef int file_fn(struct restore *s, const struct backup_file *f);

/** Each file that is with the backup. @return 0, or what fn gives that is not 0, or a fault */
static int each_file(struct restore *s, const char *doing, file_fn *fn)
{
    struct progress p = {
        .doing = doing, .what = "files", .of = s->result->info.n_bytes, .is_bytes = true};
    char after[CHAT_UPLOAD_ID_SIZE] = "";
    int r = 0;

    do {
        r = backup_db_files(s->db, after, &s->files);
        for (size_t i = 0; r == 0 && i < s->files.n; i++) {
            const struct backup_file *f = &s->files.all[i];
            progress_tell(&s->config->to, p);
            r = fn(s, f);
            p.n += f->size;
            snprintf(after, sizeof(after), "%s", f->id);
        }
    } while (r == 0 && s->files.n > 0);
    return r;
}

static int check_file(struct restore *s, const struct backup_file *f)
{
    struct tree_copied is = {0};

    const int r = tree_read(&s->from, f->id, &is);
    return judge_file(s, f, r, &is);
}

static int check_restored(struct restore *s, const struct backup_file *f)
{
    struct tree_copied is = {0};

    const int r = tree_read(&s->to, f->id, &is);
    return judge_file(s, f, r, &is);
}

static int check(struct restore *s)
{
    const int r = check_db(s, s->db);

    return r == 0 ? each_file(s, "checking", check_file) : r;
}

// --- the directory -----------------------------------------------------------------

/** A file system of its own has lost+found. */
static bool is_nothing(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "lost+found") == 0 || strcmp(name, "lock") == 0;
}

/** @return 0, RESTORE_NOT_EMPTY, or a fault */
static int check_empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    int r = 0;

    if (!dir)
        return err_fault(-errno, "open %s", path);
    while (r == 0 && (e = readdir(dir))) { // NOLINT(concurrency-mt-unsafe): a DIR of our own
        if (!is_nothing(e->d_name))
            r = RESTORE_NOT_EMPTY;
    }
    closedir(dir);
    return r;
}

/** What an earlier try has left of the store; files that are there stay. @return 0 or a fault
 */
static int remove_left(const struct restore *s)
{
    static const char *const names[] = {
        "parley.db", "parley.db-wal", "parley.db-shm", "parley.db.part",
        "index.db",  "index.db-wal",  "index.db-shm",  "parley.db.part-journal",
    };
    char path[BACKUP_PATH_SIZE];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const int r = backup_path(path, s->config->data, names[i]);
        if (r < 0)
            return r;
        if (unlink(path) < 0 && errno != ENOENT)
            return err_fault(-errno, "remove %s", path);
    }
    return 0;
}

/** @return 0, RESTORE_NOT_EMPTY, or a fault */
static int take_dir(struct restore *s)
{
    const char *data = s->config->data;
    bool is_restoring = false;

    int r = store_dir_take(&s->lock, data);
    if (r == 0)
        r = store_dir_is_restoring(data, &is_restoring);
    if (r == 0 && !is_restoring)
        r = check_empty(data);
    if (r == 0)
        r = store_dir_set_restoring(data);
    return r == 0 ? remove_left(s) : r;
}

// --- the database ------------------------------------------------------------------

static int copy_bytes(struct restore *s, int from, int to)
{
    struct progress p = {.what = BACKUP_DB, .is_bytes = true};
    char *bytes = mem_alloc(AT_ONCE);
    struct stat st;
    ssize_t n = 1;

    p.of = fstat(from, &st) == 0 ? st.st_size : 0;
    while (n > 0) {
        progress_tell(&s->config->to, p);
        n = read(from, bytes, AT_ONCE);
        if (n > 0 && write(to, bytes, (size_t)n) != n)
            n = -1;
        p.n += n > 0 ? n : 0;
    }
    const int why = errno;
    free(bytes);
    if (n < 0)
        return err_fault(why ? -why : -EIO, "copy %s", s->backup);
    // What is read again comes from the disk.
    if (fsync(to) < 0)
        return err_fault(-errno, "sync %s", s->part);
    (void)posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

static int copy_db(struct restore *s)
{
    const int from = open(s->backup, O_RDONLY | O_CLOEXEC);

    if (from < 0)
        return err_fault(-errno, "open %s", s->backup);
    const int to = open(s->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    errno = to < 0 ? errno : 0;
    const int r = to < 0 ? err_fault(-errno, "make %s", s->part) : copy_bytes(s, from, to);
    if (to >= 0)
        close(to);
    close(from);
    return r;
}

/** What was written, and not what was read. @return 0, RESTORE_DAMAGED, or a fault */
static int verify_db(struct restore *s)
{
    struct backup_db *db = NULL;

    int r = backup_db_open(&db, s->part);
    if (r == 0)
        r = check_db(s, db);
    backup_db_close(db);
    return r;
}

static int make_store(struct restore *s)
{
    struct backup_store store = {.is_sign_out = s->config->is_sign_out};

    rand_bytes(s->config->rand, &store.epoch, sizeof(store.epoch));
    const int r = backup_db_make_store(s->part, &store);
    if (r < 0)
        return r;
    return rename(s->part, s->log) == 0 ? 0 : err_fault(-errno, "name %s", s->log);
}

// --- files and keys ----------------------------------------------------------------

/** @return 0, RESTORE_DAMAGED, or a fault */
static int put_file(struct restore *s, const struct backup_file *f)
{
    struct tree_copied copied = {0};

    const int r = tree_copy(&s->from, &s->to, f->id, &copied);
    return judge_file(s, f, r, &copied);
}

static int put_files(struct restore *s)
{
    struct tree media = {-1};

    if (s->result->info.n_files == 0)
        return 0;
    int r = open_media(&media, s->config->data, "media", true);
    tree_close(&media);
    if (r == 0)
        r = open_media(&s->to, s->config->data, "media/kept", true);
    if (r == 0)
        r = each_file(s, NULL, put_file);
    if (r == 0)
        r = tree_sync(&s->to);
    if (r == 0 && s->config->verifies)
        r = each_file(s, "verifying", check_restored);
    return r;
}

struct keys {
    struct restore *restore;
    struct key_dir dir;
};

/** @return false: there is none of this name */
static bool has_key(const struct keys *k, const char *name, str bytes, bool *is_same)
{
    char has[BACKUP_KEY_MAX + 1];
    const int fd = openat(k->dir.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return false;
    const ssize_t n = read(fd, has, sizeof(has));
    *is_same = n >= 0 && str_eq((str){has, (size_t)n}, bytes);
    explicit_bzero(has, sizeof(has));
    close(fd);
    return true;
}

static int put_key(void *arg, const char *name, str bytes)
{
    const struct keys *k = arg;
    const struct restore_config *c = k->restore->config;
    struct restore_result *result = k->restore->result;
    bool is_same = false;

    // Links to files are nobody's session.
    if (c->is_sign_out && strcmp(name, KEYS_MEDIA_FILE) != 0)
        return 0;
    const bool has = has_key(k, name, bytes, &is_same);
    if (has && !is_same && strcmp(c->keys, c->data) != 0) {
        // Of a directory of keys alone: whoever has put another one there means it.
        snprintf(result->kept_key, sizeof(result->kept_key), "%s", name);
        return 0;
    }
    result->n_keys++;
    if (has && is_same)
        return 0;
    if (has && unlinkat(k->dir.fd, name, 0) < 0)
        return err_fault(-errno, "replace %s", name);
    return key_file_write(&k->dir, name, bytes) == 0 ? 0 : err_fault(-EIO, "put %s back", name);
}

static int put_keys(struct restore *s)
{
    struct keys k = {.restore = s};

    int r = key_dir_open(&k.dir, str_of(s->config->keys)) == 0 ? 0 : -EIO; // said
    if (r == 0)
        r = backup_db_keys(s->db, put_key, &k);
    if (r == 0 && key_dir_sync(&k.dir, ".") != 0)
        r = err_fault(-EIO, "sync %s", s->config->keys);
    key_dir_close(&k.dir);
    return r;
}

// --- its owner ---------------------------------------------------------------------

static struct stat owner; // nftw() passes nothing on

static int give_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st, (void)what, (void)at;
    return lchown(path, owner.st_uid, owner.st_gid) == 0 ? 0 : -errno;
}

/** Run by root, all of it is whose the directory is. */
static int give_away(const struct restore *s)
{
    const char *data = s->config->data;

    if (geteuid() != 0 || stat(data, &owner) < 0 || owner.st_uid == 0)
        return 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const int r = nftw(data, give_one, NFTW_FDS, FTW_PHYS);
    return r == 0 ? 0 : err_fault(r, "give %s to its owner", data);
}

// --- all of it ---------------------------------------------------------------------

/** @return 0, an enum restore_refusal, or a fault */
static int put(struct restore *s)
{
    const struct restore_config *c = s->config;

    int r = copy_db(s);
    if (r == 0 && c->verifies)
        r = verify_db(s);
    if (r == 0)
        r = put_files(s);
    if (r == 0)
        r = put_keys(s);
    if (r == 0)
        r = make_store(s);
    if (r != 0)
        return r;
    progress_tell(&c->to, (struct progress){.what = "the index of messages",
                                            .n = s->result->info.n_messages});
    r = backup_db_make_index(c->data, c->rand);
    if (r == 0)
        r = give_away(s);
    if (r == 0)
        r = store_dir_sync(c->data);
    return r == 0 ? store_dir_clear_restoring(c->data) : r;
}

int restore_run(const struct restore_config *config, struct restore_result *out)
{
    struct restore *s = NEW(struct restore);

    *out = (struct restore_result){0};
    s->config = config;
    s->result = out;
    s->lock = s->from.fd = s->to.fd = -1;
    int r = find_paths(s);
    if (r == 0)
        r = open_backup(s);
    if (r == 0 && config->only_check) {
        r = check(s);
    } else if (r == 0) {
        r = take_dir(s);
        if (r == 0)
            r = put(s);
    }
    if (s->db)
        backup_db_close(s->db);
    tree_close(&s->from);
    tree_close(&s->to);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
    return r < 0 ? err_up(r) : r;
}
