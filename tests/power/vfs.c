#include "power/vfs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define HANDLES_MAX 8  // of one file
#define REGIONS_MAX 32 // of shared memory, 32 KiB each
#define SECTOR_SIZE 4096

struct handle {
    sqlite3_file base; // first: what SQLite has of it
    struct power_disk *disk;
    unsigned file;
    int level;       // SQLITE_LOCK_*
    bool syncs_dir;  // with its next sync
    bool is_mapped;  // the shared memory
    unsigned shared; // bits of the shared memory's locks
    unsigned exclusive;
};

struct live {
    struct power_bytes bytes;
    bool has_name;
    struct handle *handles[HANDLES_MAX];
    void *regions[REGIONS_MAX];
};

struct power_disk {
    pthread_mutex_t mutex;
    struct power_log *log;
    struct live files[POWER_FILES_MAX];
    struct power_fault fault;
    unsigned lies;
    unsigned n_reads;
};

static sqlite3_vfs ours;
static struct power_disk *current;

static void lock(struct power_disk *d)
{
    pthread_mutex_lock(&d->mutex);
}

static int unlock(struct power_disk *d, int r)
{
    pthread_mutex_unlock(&d->mutex);
    return r;
}

static struct handle *handle_of(sqlite3_file *f)
{
    return (struct handle *)f;
}

static struct live *live_of(const struct handle *h)
{
    return &h->disk->files[h->file];
}

static void note(struct power_disk *d, enum power_op_kind kind, unsigned file)
{
    power_log_add(d->log, &(struct power_op){.kind = kind, .file = file}, NULL);
}

/** @return SQLITE_OK, or what this one fails with */
static int fault_of(struct power_disk *d, enum power_fault_kind kind)
{
    struct power_fault *f = &d->fault;

    if (f->kind != kind)
        return SQLITE_OK;
    if (f->after > 0) {
        f->after--;
        return SQLITE_OK;
    }
    if (f->n_done > 0 && !f->for_ever)
        return SQLITE_OK;
    f->n_done++;
    return f->code;
}

// A file.

static int power_read(sqlite3_file *base, void *out, int n, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);
    const size_t from = (size_t)at;
    const size_t wanted = (size_t)n;

    lock(h->disk);
    h->disk->n_reads++;
    const int r = fault_of(h->disk, POWER_FAILS_TO_READ);
    if (r != SQLITE_OK)
        return unlock(h->disk, r);
    const struct power_bytes *b = &live_of(h)->bytes;
    const size_t there = from < b->n ? b->n - from : 0;
    const size_t got = there < wanted ? there : wanted;
    if (got > 0)
        memcpy(out, b->ptr + from, got);
    memset((uint8_t *)out + got, 0, wanted - got);
    return unlock(h->disk, got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
}

static void write_bytes(struct handle *h, const void *bytes, size_t n, size_t at)
{
    const struct power_op op = {.kind = POWER_WRITE, .file = h->file, .at = at, .n_bytes = n};

    power_bytes_write(&live_of(h)->bytes, bytes, n, at);
    power_log_add(h->disk->log, &op, bytes);
}

static int power_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    const int r = fault_of(h->disk, POWER_FAILS_TO_WRITE);
    write_bytes(h, bytes, (size_t)(r == SQLITE_OK ? n : n / 2), (size_t)at);
    return unlock(h->disk, r);
}

static int power_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *h = handle_of(base);
    const struct power_op op = {.kind = POWER_TRUNCATE, .file = h->file, .at = (size_t)size};

    lock(h->disk);
    const int r = fault_of(h->disk, POWER_FAILS_TO_WRITE);
    if (r == SQLITE_OK) {
        power_bytes_resize(&live_of(h)->bytes, (size_t)size);
        power_log_add(h->disk->log, &op, NULL);
    }
    return unlock(h->disk, r);
}

static bool is_lied_about(const struct power_disk *d, unsigned file)
{
    const struct power_op op = {.file = file};
    const bool is_database = power_op_is_of(d->log, &op, POWER_DATABASE);

    if (power_op_is_of_index(d->log, &op))
        return false;
    return d->lies & (is_database ? POWER_NO_SYNC_OF_DATABASE : POWER_NO_SYNC_OF_LOG);
}

static int power_sync(sqlite3_file *base, int flags)
{
    struct handle *h = handle_of(base);
    struct power_disk *d = h->disk;

    (void)flags;
    lock(d);
    const int r = fault_of(d, POWER_FAILS_TO_SYNC);
    const struct power_op op = {
        .kind = POWER_SYNC, .file = h->file, .has_failed = r != SQLITE_OK};
    if (!is_lied_about(d, h->file))
        power_log_add(d->log, &op, NULL);
    if (r == SQLITE_OK && h->syncs_dir) {
        if (!(d->lies & POWER_NO_SYNC_OF_DIR))
            note(d, POWER_SYNC_DIR, 0);
        h->syncs_dir = false;
    }
    return unlock(d, r);
}

static int power_size(sqlite3_file *base, sqlite3_int64 *out)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    *out = (sqlite3_int64)live_of(h)->bytes.n;
    return unlock(h->disk, SQLITE_OK);
}

static int sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR_SIZE;
}

static int characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/** synchronous = FULL is the store's: it goes unheard, if another value is to stay. */
static int power_control(sqlite3_file *base, int what, void *arg)
{
    const struct handle *h = handle_of(base);

    if (what != SQLITE_FCNTL_PRAGMA ||
        !(h->disk->lies & (POWER_SYNCHRONOUS_NORMAL | POWER_SYNCHRONOUS_OFF)))
        return SQLITE_NOTFOUND;
    char *const *words = arg;
    const bool is_full = words[2] && sqlite3_stricmp(words[1], "synchronous") == 0 &&
                         sqlite3_stricmp(words[2], "FULL") == 0;
    return is_full ? SQLITE_OK : SQLITE_NOTFOUND;
}

// Locks.

/** The highest of the others'. */
static int level_of_others(const struct handle *h)
{
    const struct live *f = live_of(h);
    int level = SQLITE_LOCK_NONE;

    for (unsigned i = 0; i < HANDLES_MAX; i++) {
        const struct handle *other = f->handles[i];
        if (other && other != h && other->level > level)
            level = other->level;
    }
    return level;
}

static int power_lock(sqlite3_file *base, int wanted)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    const int others = level_of_others(h);
    int most = SQLITE_LOCK_RESERVED; // that the others may have
    if (wanted == SQLITE_LOCK_RESERVED)
        most = SQLITE_LOCK_SHARED;
    if (wanted == SQLITE_LOCK_EXCLUSIVE)
        most = SQLITE_LOCK_NONE;
    if (wanted <= h->level)
        return unlock(h->disk, SQLITE_OK);
    if (others > most) {
        if (wanted == SQLITE_LOCK_EXCLUSIVE && others == SQLITE_LOCK_SHARED)
            h->level = SQLITE_LOCK_PENDING;
        return unlock(h->disk, SQLITE_BUSY);
    }
    h->level = wanted;
    return unlock(h->disk, SQLITE_OK);
}

static int power_unlock(sqlite3_file *base, int level)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    if (level < h->level)
        h->level = level;
    return unlock(h->disk, SQLITE_OK);
}

static int is_reserved(sqlite3_file *base, int *out)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    *out = h->level >= SQLITE_LOCK_RESERVED || level_of_others(h) >= SQLITE_LOCK_RESERVED;
    return unlock(h->disk, SQLITE_OK);
}

// The memory that connections share for a log's index: of this process alone.

static int shm_map(sqlite3_file *base, int i, int size, int extend, void volatile **out)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    assert(i < REGIONS_MAX);
    struct live *f = live_of(h);
    h->is_mapped = true;
    if (!f->regions[i] && extend)
        f->regions[i] = mem_alloc((size_t)size);
    *out = f->regions[i];
    return unlock(h->disk, SQLITE_OK);
}

static int shm_lock(sqlite3_file *base, int first, int n, int flags)
{
    struct handle *h = handle_of(base);
    const unsigned bits = ((1U << n) - 1) << first;
    const bool is_shared = flags & SQLITE_SHM_SHARED;

    lock(h->disk);
    if (flags & SQLITE_SHM_UNLOCK) {
        h->shared &= ~bits;
        h->exclusive &= ~bits;
        return unlock(h->disk, SQLITE_OK);
    }
    for (unsigned i = 0; i < HANDLES_MAX; i++) {
        const struct handle *other = live_of(h)->handles[i];
        if (other && other != h &&
            (other->exclusive & bits || (!is_shared && other->shared & bits)))
            return unlock(h->disk, SQLITE_BUSY);
    }
    if (is_shared) {
        h->shared |= bits;
    } else {
        h->exclusive |= bits;
    }
    return unlock(h->disk, SQLITE_OK);
}

static void shm_barrier(sqlite3_file *base)
{
    struct handle *h = handle_of(base);

    lock(h->disk);
    unlock(h->disk, SQLITE_OK);
}

static int shm_unmap(sqlite3_file *base, int removes)
{
    struct handle *h = handle_of(base);
    bool is_mapped = false;

    (void)removes; // nobody sees it when the last one has gone
    lock(h->disk);
    struct live *f = live_of(h);
    h->is_mapped = false;
    h->shared = h->exclusive = 0;
    for (unsigned i = 0; i < HANDLES_MAX; i++)
        is_mapped |= f->handles[i] && f->handles[i]->is_mapped;
    for (unsigned i = 0; !is_mapped && i < REGIONS_MAX; i++) {
        free(f->regions[i]);
        f->regions[i] = NULL;
    }
    return unlock(h->disk, SQLITE_OK);
}

static int power_close(sqlite3_file *base)
{
    struct handle *h = handle_of(base);

    shm_unmap(base, 0);
    lock(h->disk);
    struct live *f = live_of(h);
    for (unsigned i = 0; i < HANDLES_MAX; i++) {
        if (f->handles[i] == h)
            f->handles[i] = NULL;
    }
    return unlock(h->disk, SQLITE_OK);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = power_close,
    .xRead = power_read,
    .xWrite = power_write,
    .xTruncate = power_truncate,
    .xSync = power_sync,
    .xFileSize = power_size,
    .xLock = power_lock,
    .xUnlock = power_unlock,
    .xCheckReservedLock = is_reserved,
    .xFileControl = power_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

// The directory.

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/** @return POWER_FILES_MAX: there is none */
static unsigned find(const struct power_disk *d, const char *path)
{
    unsigned i = 0;

    while (i < d->log->n_files &&
           !(d->files[i].has_name && strcmp(d->log->names[i], base_name(path)) == 0))
        i++;
    return i < d->log->n_files ? i : POWER_FILES_MAX;
}

static void add_handle(struct live *f, struct handle *h)
{
    unsigned i = 0;

    while (i < HANDLES_MAX && f->handles[i])
        i++;
    assert(i < HANDLES_MAX);
    f->handles[i] = h;
}

static int power_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                      int *got)
{
    struct handle *h = handle_of(base);
    struct power_disk *d = current;

    (void)vfs;
    assert(path); // temporary files are in memory: temp_store, and no sorter gets so large
    lock(d);
    base->pMethods = NULL;
    unsigned file = find(d, path);
    if (file == POWER_FILES_MAX && !(flags & SQLITE_OPEN_CREATE))
        return unlock(d, SQLITE_CANTOPEN);
    if (file == POWER_FILES_MAX) {
        file = power_log_name(d->log, base_name(path));
        d->files[file].has_name = true;
        note(d, POWER_CREATE, file);
    }
    *h = (struct handle){
        .base.pMethods = &methods,
        .disk = d,
        .file = file,
        .syncs_dir = flags & SQLITE_OPEN_CREATE && !(flags & SQLITE_OPEN_MAIN_DB),
    };
    add_handle(&d->files[file], h);
    if (got)
        *got = flags;
    return unlock(d, SQLITE_OK);
}

static int power_delete(sqlite3_vfs *vfs, const char *path, int syncs_dir)
{
    struct power_disk *d = current;

    (void)vfs;
    lock(d);
    const unsigned file = find(d, path);
    if (file == POWER_FILES_MAX)
        return unlock(d, SQLITE_IOERR_DELETE_NOENT);
    d->files[file].has_name = false;
    note(d, POWER_DELETE, file);
    if (syncs_dir)
        note(d, POWER_SYNC_DIR, 0);
    return unlock(d, SQLITE_OK);
}

static int power_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    struct power_disk *d = current;

    (void)vfs;
    lock(d);
    const unsigned file = find(d, path);
    *out = file != POWER_FILES_MAX &&
           (flags != SQLITE_ACCESS_EXISTS || d->files[file].bytes.n > 0); // as SQLite's own
    return unlock(d, SQLITE_OK);
}

// Life.

static int set_synchronous(sqlite3 *db, char **why, const void *unused)
{
    (void)why, (void)unused;
    if (current && current->lies & POWER_SYNCHRONOUS_NORMAL)
        return sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (current && current->lies & POWER_SYNCHRONOUS_OFF)
        return sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    return SQLITE_OK;
}

static void install(void)
{
    if (ours.zName)
        return;
    ours = *sqlite3_vfs_find(NULL);
    ours.zName = "power";
    ours.szOsFile = sizeof(struct handle);
    ours.xOpen = power_open;
    ours.xDelete = power_delete;
    ours.xAccess = power_access;
    sqlite3_vfs_register(&ours, 1);
    sqlite3_auto_extension((void (*)(void))set_synchronous);
}

struct power_disk *power_disk_new(const struct power_image *from, struct power_log *log)
{
    struct power_disk *d = NEW(struct power_disk);

    install();
    pthread_mutex_init(&d->mutex, NULL);
    d->log = log;
    power_log_begin(log, from);
    for (unsigned i = 0; i < from->n_files; i++) {
        const struct power_bytes *b = &from->files[i].bytes;
        power_bytes_write(&d->files[i].bytes, b->ptr, b->n, 0);
        d->files[i].has_name = true;
    }
    current = d;
    return d;
}

void power_disk_free(struct power_disk *disk)
{
    for (unsigned i = 0; i < POWER_FILES_MAX; i++) {
        for (unsigned k = 0; k < HANDLES_MAX; k++)
            assert(!disk->files[i].handles[k]);
        power_bytes_fini(&disk->files[i].bytes);
    }
    pthread_mutex_destroy(&disk->mutex);
    free(disk);
    current = NULL;
}

void power_disk_fail(struct power_disk *disk, const struct power_fault *fault)
{
    lock(disk);
    disk->fault = *fault;
    unlock(disk, 0);
}

unsigned power_disk_failed(struct power_disk *disk)
{
    lock(disk);
    const unsigned n = disk->fault.n_done;
    unlock(disk, 0);
    return n;
}

void power_disk_lie(struct power_disk *disk, unsigned lies)
{
    lock(disk);
    disk->lies = lies;
    unlock(disk, 0);
}

unsigned power_disk_reads(struct power_disk *disk)
{
    lock(disk);
    const unsigned n = disk->n_reads;
    unlock(disk, 0);
    return n;
}
