#include "power/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"

const char *const power_cut_names[POWER_CUTS] = {"kept", "dropped", "torn", "shuffled"};

// Bytes.

void power_bytes_resize(struct power_bytes *b, size_t n)
{
    if (n > b->cap) {
        b->cap = n < 2 * b->cap ? 2 * b->cap : n;
        b->ptr = mem_resize(b->ptr, b->cap);
    }
    if (n > b->n)
        memset(b->ptr + b->n, 0, n - b->n);
    b->n = n;
}

void power_bytes_write(struct power_bytes *b, const void *bytes, size_t n, size_t at)
{
    if (at + n > b->n)
        power_bytes_resize(b, at + n);
    if (n > 0)
        memcpy(b->ptr + at, bytes, n);
}

void power_bytes_fini(struct power_bytes *b)
{
    free(b->ptr);
    *b = (struct power_bytes){0};
}

// Images.

void power_image_fini(struct power_image *image)
{
    for (unsigned i = 0; i < image->n_files; i++)
        power_bytes_fini(&image->files[i].bytes);
    image->n_files = 0;
}

/** A fast one: images are large, and nobody chooses them. */
static uint64_t hash_more(uint64_t sum, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t word = 0;

    for (size_t i = 0; i < n; i += sizeof(word)) {
        word = 0;
        memcpy(&word, p + i, n - i < sizeof(word) ? n - i : sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return (sum ^ n) * UINT64_C(0x9e3779b97f4a7c15);
}

uint64_t power_image_hash(const struct power_image *image)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < image->n_files; i++) { // in whatever order they are
        const struct power_bytes *b = &image->files[i].bytes;
        const char *name = image->files[i].name;
        sum += hash_more(hash_more(1, name, strlen(name)), b->ptr, b->n);
    }
    return sum;
}

static struct power_bytes *add_file(struct power_image *image, const char *name)
{
    assert(image->n_files < POWER_NAMES_MAX);
    const unsigned i = image->n_files++;

    snprintf(image->files[i].name, POWER_NAME_SIZE, "%s", name);
    image->files[i].bytes = (struct power_bytes){0};
    return &image->files[i].bytes;
}

static bool is_index(const char *name)
{
    return strncmp(name, POWER_INDEX, strlen(POWER_INDEX)) == 0;
}

static void drop_index(struct power_image *image)
{
    unsigned n = 0;

    for (unsigned i = 0; i < image->n_files; i++) {
        if (is_index(image->files[i].name)) {
            power_bytes_fini(&image->files[i].bytes);
        } else {
            image->files[n++] = image->files[i];
        }
    }
    image->n_files = n;
}

void power_image_take_index(struct power_image *image, const struct power_image *from)
{
    drop_index(image);
    for (unsigned i = 0; i < from->n_files; i++) {
        const struct power_bytes *b = &from->files[i].bytes;
        if (is_index(from->files[i].name))
            power_bytes_write(add_file(image, from->files[i].name), b->ptr, b->n, 0);
    }
}

// The log.

struct power_log *power_log_new(void)
{
    struct power_log *log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert(log != MAP_FAILED);
    return log;
}

void power_log_free(struct power_log *log)
{
    munmap(log, sizeof(*log));
}

void power_log_begin(struct power_log *log, const struct power_image *from)
{
    atomic_store(&log->n_ops, 0);
    log->n_bytes = 0;
    log->n_files = 0;
    for (unsigned i = 0; i < from->n_files; i++)
        power_log_name(log, from->files[i].name);
}

unsigned power_log_name(struct power_log *log, const char *name)
{
    assert(log->n_files < POWER_FILES_MAX && strlen(name) < POWER_NAME_SIZE);
    str_copy(log->names[log->n_files], (str){name, strlen(name) + 1});
    return log->n_files++;
}

void power_log_add(struct power_log *log, const struct power_op *op, const void *bytes)
{
    const size_t n = power_log_count(log);

    assert(n < POWER_OPS_MAX && op->n_bytes <= POWER_LOG_BYTES - log->n_bytes);
    log->ops[n] = *op;
    log->ops[n].bytes_at = log->n_bytes;
    if (op->n_bytes > 0)
        memcpy(log->bytes + log->n_bytes, bytes, op->n_bytes);
    log->n_bytes += op->n_bytes;
    atomic_store(&log->n_ops, n + 1); // last: then all of it is there
}

// What may be left.

struct past_file {
    struct power_bytes safe;
    bool has_name; // in the directory as it is safe
    const struct power_op **pending;
    size_t n_pending;
};

struct power_past {
    const struct power_log *log;
    bool forgets;
    size_t n; // operations until now
    struct past_file files[POWER_FILES_MAX];
    const struct power_op *pending[POWER_PENDING_MAX]; // of the directory
    size_t n_pending;
};

struct power_past *power_past_new(const struct power_log *log, const struct power_image *from,
                                  bool forgets)
{
    struct power_past *p = NEW(struct power_past);

    p->log = log;
    p->forgets = forgets;
    for (unsigned i = 0; i < from->n_files; i++) {
        const struct power_bytes *b = &from->files[i].bytes;
        power_bytes_write(&p->files[i].safe, b->ptr, b->n, 0);
        p->files[i].has_name = true;
    }
    return p;
}

void power_past_free(struct power_past *past)
{
    for (unsigned i = 0; i < POWER_FILES_MAX; i++) {
        power_bytes_fini(&past->files[i].safe);
        free((void *)past->files[i].pending);
    }
    free(past);
}

static void do_op(const struct power_log *log, struct power_bytes *b, const struct power_op *op)
{
    if (op->kind == POWER_TRUNCATE) {
        power_bytes_resize(b, op->at);
    } else {
        power_bytes_write(b, log->bytes + op->bytes_at, op->n_bytes, op->at);
    }
}

/** @param named  by file, of which there are as many as the log knows */
static void do_dir_op(const struct power_log *log, bool *named, const struct power_op *op)
{
    for (unsigned i = 0; i < log->n_files; i++) {
        if (strcmp(log->names[i], log->names[op->file]) == 0)
            named[i] = i == op->file && op->kind == POWER_CREATE;
    }
}

static const struct power_op **pending_new(void)
{
    // NOLINTNEXTLINE(bugprone-sizeof-expression): pointers
    return (const struct power_op **)mem_alloc(POWER_PENDING_MAX * sizeof(struct power_op *));
}

static void add_pending(struct past_file *f, const struct power_op *op)
{
    if (!f->pending)
        f->pending = pending_new();
    assert(f->n_pending < POWER_PENDING_MAX);
    f->pending[f->n_pending++] = op;
}

static void sync_file(struct power_past *p, const struct power_op *op)
{
    struct past_file *f = &p->files[op->file];

    for (size_t i = 0; i < f->n_pending && !(op->has_failed && p->forgets); i++)
        do_op(p->log, &f->safe, f->pending[i]);
    f->n_pending = 0;
}

static void sync_dir(struct power_past *p)
{
    bool named[POWER_FILES_MAX];

    for (unsigned i = 0; i < POWER_FILES_MAX; i++)
        named[i] = p->files[i].has_name;
    for (size_t i = 0; i < p->n_pending; i++)
        do_dir_op(p->log, named, p->pending[i]);
    for (unsigned i = 0; i < POWER_FILES_MAX; i++)
        p->files[i].has_name = named[i];
    p->n_pending = 0;
}

void power_past_go(struct power_past *past, size_t n)
{
    assert(past->n <= n && n <= power_log_count(past->log));
    for (; past->n < n; past->n++) {
        const struct power_op *op = &past->log->ops[past->n];
        switch (op->kind) {
        case POWER_CREATE:
        case POWER_DELETE:
            assert(past->n_pending < POWER_PENDING_MAX);
            past->pending[past->n_pending++] = op;
            break;
        case POWER_WRITE:
        case POWER_TRUNCATE: add_pending(&past->files[op->file], op); break;
        case POWER_SYNC: sync_file(past, op); break;
        case POWER_SYNC_DIR: sync_dir(past); break;
        case POWER_OP_KINDS: break;
        }
    }
}

/** How many of a hundred survive: few and many often, for half of much is never all of it. */
static unsigned any_share(struct rand *chance)
{
    static const unsigned shares[] = {0, 5, 25, 50, 75, 95, 99, 100};
    return shares[power_below(chance, COUNT_OF(shares))];
}

static bool survives(struct rand *chance, unsigned share)
{
    return power_below(chance, 100) < share;
}

/** What was not written of what makes a file longer: nothing, or what the disk had there. */
static void lose(const struct power_op *op, struct power_bytes *b, struct rand *chance,
                 bool keeps_size)
{
    const size_t end = op->at + op->n_bytes;
    const size_t from = b->n > op->at ? b->n : op->at;

    if (!keeps_size || end <= b->n)
        return;
    power_bytes_resize(b, end);
    if (power_below(chance, 4) == 0)
        rand_bytes(chance, b->ptr + from, end - from);
}

static void tear(const struct power_log *log, const struct power_op *op, struct power_bytes *b,
                 struct rand *chance, unsigned share, bool is_last)
{
    const bool keeps_size = power_below(chance, 2) == 0;
    const size_t upto = is_last ? power_below(chance, op->n_bytes + 1) : op->n_bytes;

    for (size_t done = 0; done < upto;) {
        const size_t to_edge = POWER_SECTOR - (op->at + done) % POWER_SECTOR;
        const size_t n = to_edge < upto - done ? to_edge : upto - done;
        if (survives(chance, share))
            power_bytes_write(b, log->bytes + op->bytes_at + done, n, op->at + done);
        done += n;
    }
    lose(op, b, chance, keeps_size);
}

static void tear_all(const struct power_past *p, const struct past_file *f,
                     struct power_bytes *b, struct rand *chance)
{
    const unsigned share = any_share(chance);

    for (size_t i = 0; i < f->n_pending; i++) {
        const struct power_op *op = f->pending[i];
        if (op->kind == POWER_WRITE) {
            tear(p->log, op, b, chance, share, i == f->n_pending - 1);
        } else if (survives(chance, 50)) {
            do_op(p->log, b, op);
        }
    }
}

static void shuffle(const struct power_past *p, const struct past_file *f,
                    struct power_bytes *b, struct rand *chance)
{
    const unsigned share = any_share(chance);
    const bool keeps_size = power_below(chance, 2) == 0;

    for (size_t i = 0; i < f->n_pending; i++) {
        if (survives(chance, share)) {
            do_op(p->log, b, f->pending[i]);
        } else if (f->pending[i]->kind == POWER_WRITE) {
            lose(f->pending[i], b, chance, keeps_size);
        }
    }
}

static void cut_file(const struct power_past *p, const struct past_file *f, enum power_cut cut,
                     struct rand *chance, struct power_bytes *b)
{
    power_bytes_write(b, f->safe.ptr, f->safe.n, 0);
    if (cut == POWER_TORN) {
        tear_all(p, f, b, chance);
    } else if (cut == POWER_SHUFFLED) {
        shuffle(p, f, b, chance);
    } else if (cut == POWER_KEPT) {
        for (size_t i = 0; i < f->n_pending; i++)
            do_op(p->log, b, f->pending[i]);
    }
}

static unsigned dir_share(enum power_cut cut, struct rand *chance)
{
    if (cut == POWER_KEPT)
        return 100;
    return cut == POWER_DROPPED ? 0 : any_share(chance);
}

void power_past_cut(const struct power_past *past, enum power_cut cut, struct rand *chance,
                    struct power_image *out)
{
    const unsigned share = dir_share(cut, chance);
    bool named[POWER_FILES_MAX];

    out->n_files = 0;
    for (unsigned i = 0; i < POWER_FILES_MAX; i++)
        named[i] = past->files[i].has_name;
    for (size_t i = 0; i < past->n_pending; i++) {
        if (survives(chance, share))
            do_dir_op(past->log, named, past->pending[i]);
    }
    for (unsigned i = 0; i < past->log->n_files; i++) {
        if (named[i])
            cut_file(past, &past->files[i], cut, chance, add_file(out, past->log->names[i]));
    }
}
