#include "media/files.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsm.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "crypto/digest.h"
#include "crypto/secret.h"
#include "io/pace.h"
#include "io/worker.h"
#include "media/disk.h"

#define BURST_BYTES  1048576  // what may be written at once after a rest
#define CHUNK_BYTES  1048576  // that the disk is told to write while more comes
#define SLICE_BYTES  262144   // that are written at once
#define WAIT_MAX_NS  50000000 // so long at most the thread does not see that it must stop
#define OPENED_BATCH 16

#define SAID_EVERY_MS 60000 // of a trouble, so that a bad disk does not fill the log

static_assert(FILES_SHA256_SIZE == CRYPTO_SHA256_SIZE, "");

struct files {
    struct files_config config;
    char *data;
    struct disk disk;
    struct worker *writer;
    struct worker *reader;
    struct list puts;
    size_t n_tasks; // with the threads
    struct seldom full;
    struct seldom broken;
    atomic_bool is_stopped;

    // Of the thread that writes.
    struct pace pace;
    uint64_t promised; // bytes that are still to come of what is being put
};

/** What a thread does. */
struct task {
    struct worker_task node;
    struct files *files;
    int (*run)(struct task *t); // on the thread: 0 or an enum files_refusal
    void (*done)(struct task *t);
    int r; // 0 or an enum files_refusal
};

static int refusal_of(int disk)
{
    switch (disk) {
    case DISK_MISSING: return FILES_MISSING;
    case DISK_MISMATCH: return FILES_MISMATCH;
    case DISK_TAKEN: return FILES_TAKEN;
    case DISK_FULL: return FILES_FULL;
    default: return disk < 0 ? FILES_BROKEN : 0;
    }
}

static void run_tasks(void *arg, struct list *tasks)
{
    (void)arg;
    list_each (node, tasks) {
        struct task *t = container_of(worker_task_of(node), struct task, node);
        t->r = t->run(t);
    }
}

/** The faults say what has happened; this, what it means and what to do. */
static void tell_operator(struct files *f, int r)
{
    const int64_t now_ms = f->config.loop->timers.now_ms;
    unsigned long long unsaid = 0;

    if (r == FILES_FULL && seldom_is_due(&f->full, now_ms, SAID_EVERY_MS, &unsaid)) {
        log_warn(NULL, "media_disk_full",
                 "effect=\"files are refused, text goes on\" reserve_bytes=%llu unsaid=%llu "
                 "fix=\"make room where media/ is\"",
                 (unsigned long long)f->config.reserve_bytes, unsaid);
    } else if (r == FILES_BROKEN && seldom_is_due(&f->broken, now_ms, SAID_EVERY_MS, &unsaid)) {
        log_error(NULL, "media_disk_failed",
                  "effect=\"files fail, text goes on\" unsaid=%llu "
                  "fix=\"see the fault above, and the kernel's log of the disk of media/\"",
                  unsaid);
    }
}

static void on_tasks(void *arg, struct list *tasks)
{
    struct files *f = arg;

    while (!list_is_empty(tasks)) {
        struct task *t = container_of(worker_task_of(list_shift(tasks)), struct task, node);
        f->n_tasks--;
        tell_operator(f, t->r);
        t->done(t);
    }
}

static const struct worker_ops worker_ops = {.run = run_tasks, .on_done = on_tasks};

static void submit(struct worker *w, struct task *t)
{
    t->files->n_tasks++;
    worker_submit(w, &t->node);
}

static bool is_stopped(const struct files *f)
{
    return atomic_load(&f->is_stopped);
}

// Putting.

enum put_state {
    PUT_OPENING, // with the thread, as in all but two
    PUT_READY,   // waits for bytes
    PUT_WRITING,
    PUT_FINISHING,
    PUT_LEAVING, // what there is of it is removed
    PUT_OVER,
};

#define TO(state) FSM_TO(PUT_##state)
static const struct fsm_state put_states[] = {
    [PUT_OPENING] = {"media_put_opening",
                     TO(READY) | TO(WRITING) | TO(FINISHING) | TO(LEAVING) | TO(OVER)},
    [PUT_READY] = {"media_put_ready", TO(WRITING) | TO(FINISHING) | TO(LEAVING)},
    [PUT_WRITING] = {"media_put_writing",
                     TO(READY) | TO(WRITING) | TO(FINISHING) | TO(LEAVING) | TO(OVER)},
    [PUT_FINISHING] = {"media_put_finishing", TO(OVER)},
    [PUT_LEAVING] = {"media_put_leaving", TO(OVER)},
    [PUT_OVER] = {"media_put_over", 0},
};
#undef TO

struct files_put {
    struct task task;
    struct list node;
    struct fsm fsm;
    char id[FILES_ID_SIZE + 1];
    char name[RAND_NAME_SIZE]; // in tmp/
    uint64_t size;
    const struct files_put_events *events; // NULL: nobody wants to know
    void *arg;
    struct buf gathered; // while the thread has the last piece
    bool is_full;        // on_room() is owed
    bool is_whole;
    int why; // it ends before its end: an enum files_refusal; 0: it does not

    // Of the thread, while it has the task.
    int fd; // -1: there is no file
    struct buf piece;
    uint64_t written;
    uint64_t written_back;      // up to here the disk was told to write
    struct crypto_sha256 *hash; // NULL: nobody asks for it
    uint8_t sha256[FILES_SHA256_SIZE];
};

static struct files_put *put_of(struct task *t)
{
    return container_of(t, struct files_put, task);
}

/** Thread: the writer's, as in all up to put_leave(). */
static int leave(struct files_put *p)
{
    struct files *f = p->task.files;

    if (p->fd < 0)
        return 0;
    close(p->fd);
    p->fd = -1;
    disk_forget(&f->disk, p->name);
    f->promised -= p->size - p->written;
    return 0;
}

static int has_room_for(const struct files *f, uint64_t size)
{
    uint64_t room = 0;
    const int r = disk_room(&f->disk, &room);

    if (r < 0)
        return FILES_BROKEN;
    const uint64_t kept_free = f->config.reserve_bytes + f->promised;
    if (kept_free < f->promised || room < kept_free || room - kept_free < size)
        return FILES_FULL;
    return 0;
}

static int put_open(struct task *t)
{
    struct files_put *p = put_of(t);
    struct files *f = t->files;

    if (is_stopped(f))
        return FILES_STOPPED;
    if (disk_has(&f->disk, p->id))
        return FILES_TAKEN;
    int r = has_room_for(f, p->size);
    if (r != 0)
        return r;
    r = disk_create(&f->disk, &p->fd, p->name);
    if (r == 0)
        f->promised += p->size;
    return refusal_of(r);
}

static void wait_for(struct files *f, int64_t ns)
{
    while (ns > 0 && !is_stopped(f)) {
        const int64_t slice = ns < WAIT_MAX_NS ? ns : WAIT_MAX_NS;
        const struct timespec t = {.tv_nsec = slice};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
        ns -= slice;
    }
}

/** What waits for the disk's own time must not pile up: the next sync, of a message's, would
 * stand behind it. */
static int write_back(struct files_put *p)
{
    if (p->written - p->written_back < CHUNK_BYTES)
        return 0;
    const int r = disk_write_back(p->fd, p->written_back, p->written);
    p->written_back = p->written;
    if (r != 0)
        return refusal_of(r);
    return has_room_for(p->task.files, 0); // the messages have taken of it, too
}

static int write_slice(struct files_put *p, str slice)
{
    struct files *f = p->task.files;

    if (slice.len > p->size - p->written)
        return FILES_MISMATCH;
    wait_for(f, pace_take(&f->pace, slice.len, loop_now_ns()));
    if (is_stopped(f))
        return FILES_STOPPED;
    const int r = disk_write(p->fd, slice.ptr, slice.len);
    if (r != 0)
        return refusal_of(r);
    if (p->hash)
        crypto_sha256_add(p->hash, slice);
    p->written += slice.len;
    f->promised -= slice.len;
    return write_back(p);
}

static int put_write(struct task *t)
{
    struct files_put *p = put_of(t);
    str rest = buf_str(&p->piece);
    int r = 0;

    while (r == 0 && rest.len > 0)
        r = write_slice(p, str_take(&rest, rest.len < SLICE_BYTES ? rest.len : SLICE_BYTES));
    buf_fini(&p->piece);
    if (r != 0)
        leave(p);
    return r;
}

static bool has_digest(struct files_put *p)
{
    uint8_t got[FILES_SHA256_SIZE];

    if (!p->hash)
        return true;
    crypto_sha256_end(p->hash, got);
    return crypto_equal(got, p->sha256, sizeof(got));
}

static int publish(struct files_put *p)
{
    struct files *f = p->task.files;

    if (is_stopped(f))
        return FILES_STOPPED;
    if (p->written != p->size)
        return FILES_MISMATCH;
    if (!has_digest(p))
        return FILES_DIGEST;
    return refusal_of(disk_publish(&f->disk, p->fd, p->name, p->id));
}

static int put_finish(struct task *t)
{
    struct files_put *p = put_of(t);
    const int r = publish(p);

    leave(p); // of one that has its name there is nothing left to remove
    return r;
}

static int put_leave(struct task *t)
{
    return leave(put_of(t));
}

static void put_end(struct files_put *p)
{
    fsm_move(&p->fsm, PUT_OVER);
    fsm_fini(&p->fsm);
    list_remove(&p->node);
    if (p->events)
        p->events->on_end(p->arg, p->task.r != 0 ? p->task.r : p->why);
    crypto_sha256_free(p->hash);
    buf_fini(&p->gathered);
    free(p);
}

static void put_submit(struct files_put *p, enum put_state state, int (*run)(struct task *t))
{
    fsm_move(&p->fsm, state);
    p->task.run = run;
    submit(p->task.files->writer, &p->task);
}

/** The thread does not have it. */
static void put_go_on(struct files_put *p)
{
    if (p->why != 0) {
        put_submit(p, PUT_LEAVING, put_leave);
    } else if (p->gathered.len > 0) {
        p->piece = p->gathered;
        buf_init(&p->gathered, p->piece.max);
        put_submit(p, PUT_WRITING, put_write);
    } else if (p->is_whole) {
        put_submit(p, PUT_FINISHING, put_finish);
    } else if (p->fsm.now != PUT_READY) {
        fsm_move(&p->fsm, PUT_READY);
    }
}

static void put_done(struct task *t)
{
    struct files_put *p = put_of(t);

    if (p->fsm.now == PUT_FINISHING || p->fsm.now == PUT_LEAVING || t->r != 0) {
        put_end(p);
        return;
    }
    if (p->is_full && p->gathered.len <= t->files->config.put_queued / 2) {
        p->is_full = false;
        if (p->events)
            p->events->on_room(p->arg);
    }
    put_go_on(p);
}

struct files_put *files_put_begin(struct files *f, const struct files_put_config *config)
{
    struct files_put *p = NEW(struct files_put);

    assert(rand_is_name(config->id));
    p->task.files = f;
    p->task.done = put_done;
    p->task.run = put_open;
    str_copy(p->id, config->id);
    rand_name(f->config.rand, p->name);
    p->size = config->size;
    p->events = config->events;
    p->arg = config->arg;
    p->fd = -1;
    buf_init(&p->gathered, f->config.put_queued + FILES_PUT_SLACK);
    if (config->sha256) {
        p->hash = crypto_sha256_new();
        memcpy(p->sha256, config->sha256, sizeof(p->sha256));
    }
    fsm_init(&p->fsm, put_states, PUT_OPENING);
    list_push(&f->puts, &p->node);
    submit(f->writer, &p->task);
    return p;
}

/** @return whether more may come */
static bool has_room(struct files_put *p)
{
    // What the thread has is its own, and counts as all of it until it comes back.
    const size_t queued = p->gathered.len;

    if (queued >= p->task.files->config.put_queued)
        p->is_full = true;
    return !p->is_full;
}

bool files_put_write(struct files_put *p, str bytes)
{
    assert(!p->is_whole);
    const int r = buf_add(&p->gathered, bytes);
    assert(r == 0);
    (void)r;
    if (p->fsm.now == PUT_READY)
        put_go_on(p);
    return has_room(p);
}

void files_put_finish(struct files_put *p)
{
    p->is_whole = true;
    if (p->fsm.now == PUT_READY)
        put_go_on(p);
}

static void put_break_off(struct files_put *p, int why)
{
    if (p->why == 0)
        p->why = why;
    if (p->fsm.now == PUT_READY)
        put_go_on(p);
}

void files_put_drop(struct files_put *p)
{
    p->events = NULL;
    put_break_off(p, FILES_GONE);
}

// Keeping and removing.

struct change {
    struct task task;
    char id[FILES_ID_SIZE + 1];
    uint64_t size;
    files_done_fn *done;
    void *arg;
};

static int run_take(struct task *t)
{
    struct change *c = container_of(t, struct change, task);

    if (is_stopped(t->files))
        return FILES_STOPPED;
    return refusal_of(disk_take(&t->files->disk, c->id, c->size));
}

static int run_drop(struct task *t)
{
    struct change *c = container_of(t, struct change, task);

    if (is_stopped(t->files))
        return FILES_STOPPED;
    return refusal_of(disk_drop(&t->files->disk, c->id));
}

static void change_done(struct task *t)
{
    struct change *c = container_of(t, struct change, task);

    c->done(c->arg, t->r);
    free(c);
}

static void change(struct files *f, int (*run)(struct task *t), const struct change *what,
                   str id)
{
    struct change *c = NEW(struct change);

    assert(rand_is_name(id));
    *c = *what;
    c->task = (struct task){.files = f, .run = run, .done = change_done};
    str_copy(c->id, id);
    submit(f->writer, &c->task);
}

void files_take(struct files *f, str id, uint64_t size, files_done_fn *done, void *arg)
{
    change(f, run_take, &(struct change){.size = size, .done = done, .arg = arg}, id);
}

void files_drop(struct files *f, str id, files_done_fn *done, void *arg)
{
    list_each (node, &f->puts) {
        struct files_put *p = container_of(node, struct files_put, node);
        if (str_eq(str_of(p->id), id))
            put_break_off(p, FILES_GONE); // or it would have its name after this
    }
    change(f, run_drop, &(struct change){.done = done, .arg = arg}, id);
}

// Opening.

struct opening {
    struct task task;
    char id[FILES_ID_SIZE + 1];
    struct files_opened file;
    files_open_fn *done;
    void *arg;
};

static int run_open(struct task *t)
{
    struct opening *o = container_of(t, struct opening, task);

    if (is_stopped(t->files))
        return FILES_STOPPED;
    return refusal_of(
        disk_read(&t->files->disk, o->id, &o->file.fd, &o->file.size, &o->file.modified_ms));
}

static void open_done(struct task *t)
{
    struct opening *o = container_of(t, struct opening, task);

    o->done(o->arg, t->r, t->r == 0 ? &o->file : NULL);
    free(o);
}

void files_open(struct files *f, str id, files_open_fn *done, void *arg)
{
    struct opening *o = NEW(struct opening);

    assert(rand_is_name(id));
    o->task = (struct task){.files = f, .run = run_open, .done = open_done};
    str_copy(o->id, id);
    o->done = done;
    o->arg = arg;
    submit(f->reader, &o->task);
}

// The whole.

void files_path(const struct files *f, str id, struct buf *path)
{
    const int r = buf_addf(path, "%s/media/kept/%.2s/" STR_FMT, f->data, id.ptr, STR_ARG(id));

    assert(r == 0);
    (void)r;
}

static int start_threads(struct files *f)
{
    // One at a time, or what is said of the first would wait for the last.
    const struct worker_config writer = {
        .name = "media-write", .max_batch = 1, .ops = &worker_ops, .arg = f};
    const struct worker_config reader = {
        .name = "media-read", .max_batch = OPENED_BATCH, .ops = &worker_ops, .arg = f};

    int r = worker_new(&f->writer, f->config.loop, &writer, f);
    if (r == 0)
        r = worker_new(&f->reader, f->config.loop, &reader, f);
    return r;
}

int files_new(struct files **out, const struct files_config *config)
{
    struct files *f = NEW(struct files);

    f->config = *config;
    f->data = str_dup(str_of(config->data));
    f->pace =
        (struct pace){.bytes_per_s = config->write_bytes_per_s, .burst_bytes = BURST_BYTES};
    list_init(&f->puts);
    int r = disk_open(&f->disk, f->data);
    if (r == 0)
        r = start_threads(f);
    if (r < 0) {
        files_free(f);
        return err_up(r);
    }
    *out = f;
    return 0;
}

void files_stop(struct files *f)
{
    atomic_store(&f->is_stopped, true);
    list_each (node, &f->puts)
        put_break_off(container_of(node, struct files_put, node), FILES_STOPPED);
}

bool files_is_idle(const struct files *f)
{
    return f->n_tasks == 0 && list_is_empty(&f->puts);
}

void files_free(struct files *f)
{
    if (!f)
        return;
    assert(files_is_idle(f));
    if (f->writer)
        worker_free(f->writer);
    if (f->reader)
        worker_free(f->reader);
    disk_close(&f->disk);
    free(f->data);
    free(f);
}
