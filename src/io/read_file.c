#include "io/read_file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/uv_loop.h"

struct read_file {
    struct uv_loop *loop;
    uv_work_t work;
    int file;
    uint64_t offset;
    uint64_t left;
    bool is_busy; // the struct is a thread's, but for the next
    bool is_stopped;
    ssize_t result; // of pread(): bytes, or -errno
    read_file_fn *fn;
    void *arg;
    char bytes[READ_FILE_AT_ONCE];
};

struct read_file *read_file_new(struct loop *l, const struct send_file_what *what,
                                read_file_fn *fn, void *arg)
{
    struct read_file *f = NEW(struct read_file);

    f->loop = uv_loop_of(l);
    f->file = what->fd;
    f->offset = what->offset;
    f->left = what->n;
    f->fn = fn;
    f->arg = arg;
    return f;
}

static void read_file_free(struct read_file *f)
{
    close(f->file);
    free(f);
}

/** On a thread. */
static void read_some(uv_work_t *work)
{
    struct read_file *f = container_of(work, struct read_file, work);
    const size_t n = f->left < sizeof(f->bytes) ? (size_t)f->left : sizeof(f->bytes);

    do {
        f->result = pread(f->file, f->bytes, n, (off_t)f->offset);
    } while (f->result < 0 && errno == EINTR);
    if (f->result < 0)
        f->result = -errno;
}

static void on_read(uv_work_t *work, int status)
{
    struct read_file *f = container_of(work, struct read_file, work);

    uv_loop_tick(f->loop);
    f->is_busy = false;
    if (f->is_stopped) { // perhaps before a thread had taken it: status
        read_file_free(f);
        return;
    }
    assert(status == 0);
    (void)status;
    if (f->result == 0)
        log_error(NULL, "io_file_too_short", "missing=%llu", (unsigned long long)f->left);
    if (f->result < 0)
        (void)err_fault((int)f->result, "read a file");
    const size_t n = f->result > 0 ? (size_t)f->result : 0;
    f->offset += n;
    f->left -= n;
    f->fn(f->arg, (str){f->bytes, n});
}

void read_file_next(struct read_file *f)
{
    assert(!f->is_busy && f->left > 0);
    f->is_busy = true;
    const int r = uv_queue_work(&f->loop->uv, &f->work, read_some, on_read);
    assert(r == 0); // it refuses only what has nothing to do
    (void)r;
}

bool read_file_is_busy(const struct read_file *f)
{
    return f->is_busy;
}

uint64_t read_file_left(const struct read_file *f)
{
    return f->left;
}

void read_file_stop(struct read_file *f)
{
    if (!f->is_busy) {
        read_file_free(f);
        return;
    }
    f->is_stopped = true;
    uv_cancel((uv_req_t *)&f->work); // unless a thread has it
}
