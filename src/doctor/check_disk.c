#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "doctor/judge.h"
#include "server/serve_config.h"

#define NAME  "disk"
#define SYNCS 3 // of which the one in the middle counts
#define BLOCK 4096

/** There is none yet. */
static void check_parent(struct doctor *d)
{
    char *parent = str_dup(str_of(d->data));
    char *slash = strrchr(parent, '/');

    if (slash)
        slash[slash == parent] = '\0';
    if (access(slash ? parent : ".", W_OK | X_OK) == 0) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "%s is not there yet: the first start makes it", d->data);
    } else {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Make it, and let the server's user have it (mkdir, chown, chmod 700); or "
                    "name another one with --data.",
                    "%s is not there, and can't be made: %s", d->data, strerrordesc_np(errno));
    }
    free(parent);
}

/** @return false: said, and there is no use in more */
static bool check_access(struct doctor *d, const struct stat *st)
{
    char remedy[FINDING_REMEDY_SIZE];

    if (!S_ISDIR(st->st_mode)) {
        finding_add(&d->findings, VERDICT_BAD, NAME, "Name a directory with --data.",
                    "%s is no directory", d->data);
        return false;
    }
    if (access(d->data, R_OK | W_OK | X_OK) == 0)
        return true;
    snprintf(
        remedy, sizeof(remedy),
        "Run this as the server's user, or as root. If that is who it is: chown -R %u %s, or "
        "name another directory with --data.",
        (unsigned)geteuid(), d->data);
    finding_add(&d->findings, VERDICT_BAD, NAME, remedy,
                "%s can't be written to by user %u: it is user %u's, mode %03o", d->data,
                (unsigned)geteuid(), (unsigned)st->st_uid, (unsigned)st->st_mode & 0777);
    return false;
}

static void check_mode(struct doctor *d, const struct stat *st)
{
    char remedy[FINDING_REMEDY_SIZE];

    if ((st->st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return;
    snprintf(remedy, sizeof(remedy), "chmod 700 %s", d->data);
    finding_add(&d->findings, VERDICT_WARN, NAME, remedy, "others may look into %s (mode %03o)",
                d->data, (unsigned)st->st_mode & 0777);
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/** Of a file without a name, of which nothing stays. @return in us; -1: there can't be one */
static int64_t time_sync(const char *dir)
{
    const int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int64_t took_us[SYNCS];
    const char block[BLOCK] = {1};
    bool is_good = fd >= 0;

    for (size_t i = 0; i < SYNCS && is_good; i++) {
        const int64_t from_ns = loop_now_ns();
        is_good = pwrite(fd, block, sizeof(block), (off_t)i * BLOCK) == BLOCK && fsync(fd) == 0;
        took_us[i] = (loop_now_ns() - from_ns) / 1000;
    }
    if (fd >= 0)
        close(fd);
    if (!is_good)
        return -1;
    qsort(took_us, SYNCS, sizeof(took_us[0]), by_size);
    return took_us[SYNCS / 2];
}

static void check_sync(struct doctor *d, int64_t us)
{
    if (us <= SYNC_WARN_US)
        return;
    finding_add(&d->findings, VERDICT_WARN, NAME,
                "Each message waits for one, together with those that come meanwhile. Take a "
                "disk that is nearer, or an SSD; look whether something else is busy on it.",
                "a sync takes %lld ms", (long long)us / 1000);
}

static enum verdict check_room(struct doctor *d, const struct statfs *fs, uint64_t free_bytes)
{
    char size[FINDING_SIZE_SIZE];
    const bool has_files = d->config.media.where == SERVE_MEDIA_LOCAL;
    const uint64_t n_files = fs->f_files > 0 ? fs->f_ffree : UINT64_MAX;
    const enum verdict v =
        judge_room(free_bytes, n_files, has_files ? d->options->media.reserve : 0);

    if (v == VERDICT_OK)
        return v;
    finding_add(&d->findings, v, NAME,
                "Make room: where it is full nothing is lost that was acknowledged, and "
                "nothing new is taken. A larger disk, or fewer files (--upload-quota, "
                "--media s3).",
                "%s are free there, and %llu more files may be made",
                finding_size(size, free_bytes),
                (unsigned long long)(fs->f_files > 0 ? fs->f_ffree : 0));
    return v;
}

static enum verdict check_filesystem(struct doctor *d, const struct judge_filesystem *is)
{
    if (!is->harm || !serve_config_is_sqlite(d->options))
        return VERDICT_OK;
    finding_add(&d->findings, VERDICT_WARN, NAME,
                "Put the data directory on a disk of this machine (ext4, xfs); in a container "
                "on a volume. Or keep messages in PostgreSQL (--store).",
                "%s is %s: %s", d->data, is->name, is->harm);
    return VERDICT_WARN;
}

void check_disk(struct doctor *d)
{
    char size[FINDING_SIZE_SIZE];
    struct stat st;
    struct statfs fs;

    if (stat(d->data, &st) != 0 && errno == ENOENT) {
        check_parent(d);
        return;
    }
    if (stat(d->data, &st) != 0 || statfs(d->data, &fs) != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Run this as the server's user, or as root; the directories above it must "
                    "let that user through.",
                    "%s can't be looked at: %s", d->data, strerrordesc_np(errno));
        return;
    }
    if (!check_access(d, &st))
        return;
    check_mode(d, &st);
    const uint64_t free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    const struct judge_filesystem is = judge_filesystem((uint64_t)(uint32_t)fs.f_type);
    const int64_t us = time_sync(d->data);
    enum verdict v = check_filesystem(d, &is);
    const enum verdict room = check_room(d, &fs, free_bytes);
    check_sync(d, us);
    if (v != VERDICT_OK || room != VERDICT_OK || us > SYNC_WARN_US)
        return;
    if (us < 0) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "%s: %s, %s free", d->data, is.name,
                    finding_size(size, free_bytes));
    } else {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "%s: %s, %s free, a sync takes %lld.%lld ms", d->data, is.name,
                    finding_size(size, free_bytes), (long long)us / 1000,
                    (long long)us % 1000 / 100);
    }
}
