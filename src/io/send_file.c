#include "io/send_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsm.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/uv_loop.h"

enum send_file_state {
    FILE_NEW,
    FILE_SENDING,  // the struct is a thread's
    FILE_WAITING,  // for room in the socket
    FILE_STOPPING, // as SENDING, but nobody wants more
    FILE_OVER,
};

#define TO(state) FSM_TO(FILE_##state)
static const struct fsm_state states[] = {
    [FILE_NEW] = {"send_file_new", TO(SENDING) | TO(OVER)},
    [FILE_SENDING] = {"send_file_sending", TO(SENDING) | TO(WAITING) | TO(STOPPING) | TO(OVER)},
    [FILE_WAITING] = {"send_file_waiting", TO(SENDING) | TO(OVER)},
    [FILE_STOPPING] = {"send_file_stopping", TO(OVER)},
    [FILE_OVER] = {"send_file_over", 0},
};
#undef TO

struct send_file {
    struct uv_loop *loop;
    struct fsm fsm;
    uv_work_t work;
    uv_poll_t poll;
    int socket; // -1 until it begins
    int file;
    uint64_t offset;
    uint64_t left;
    ssize_t result; // of sendfile(): bytes, or -errno
    send_file_fn *done;
    void *arg;
};

struct send_file *send_file_new(struct loop *l, const struct send_file_what *what,
                                send_file_fn *done, void *arg)
{
    struct send_file *f = NEW(struct send_file);

    f->loop = uv_loop_of(l);
    fsm_init(&f->fsm, states, FILE_NEW);
    f->socket = -1;
    f->file = what->fd;
    f->offset = what->offset;
    f->left = what->n;
    f->done = done;
    f->arg = arg;
    return f;
}

static void send_file_free(struct send_file *f)
{
    fsm_fini(&f->fsm);
    free(f);
}

static void on_poll_closed(uv_handle_t *handle)
{
    send_file_free(container_of((uv_poll_t *)handle, struct send_file, poll));
}

/** libuv lets go of the struct later. */
static void end(struct send_file *f)
{
    fsm_move(&f->fsm, FILE_OVER);
    close(f->file);
    if (f->socket < 0) {
        send_file_free(f);
        return;
    }
    uv_close((uv_handle_t *)&f->poll, on_poll_closed); // and then the descriptor may go
    close(f->socket);
}

static void finish(struct send_file *f, bool is_sent)
{
    send_file_fn *done = f->done;
    void *arg = f->arg;

    end(f);
    done(arg, is_sent);
}

/** On a thread. */
static void send_some(uv_work_t *work)
{
    struct send_file *f = container_of(work, struct send_file, work);
    const size_t n = f->left < SEND_FILE_AT_ONCE ? (size_t)f->left : SEND_FILE_AT_ONCE;
    off_t offset = (off_t)f->offset;

    const ssize_t r = sendfile(f->socket, f->file, &offset, n);
    f->result = r < 0 ? -errno : r;
}

static void on_some_sent(uv_work_t *work, int status);

static void send_on(struct send_file *f)
{
    fsm_move(&f->fsm, FILE_SENDING);
    const int r = uv_queue_work(&f->loop->uv, &f->work, send_some, on_some_sent);
    assert(r == 0); // it refuses only what has nothing to do
    (void)r;
}

static void on_room(uv_poll_t *poll, int status, int events)
{
    struct send_file *f = container_of(poll, struct send_file, poll);

    (void)status, (void)events; // an error of the socket shows when it is written to
    uv_loop_tick(f->loop);
    uv_poll_stop(&f->poll);
    send_on(f);
}

static void wait_for_room(struct send_file *f)
{
    fsm_move(&f->fsm, FILE_WAITING);
    const int r = uv_poll_start(&f->poll, UV_WRITABLE, on_room);
    assert(r == 0);
    (void)r;
}

/** Is it the peer who is gone, rather than the file that is broken? */
static bool is_of_peer(ssize_t r)
{
    return r == -EPIPE || r == -ECONNRESET || r == -ECONNABORTED || r == -ENOTCONN ||
           r == -ETIMEDOUT || r == -EHOSTUNREACH || r == -ENETUNREACH || r == -ENETDOWN;
}

static void fail(struct send_file *f)
{
    if (f->result == 0) {
        log_error(NULL, "io_file_too_short", "missing=%llu", (unsigned long long)f->left);
    } else if (!is_of_peer(f->result)) {
        (void)err_fault((int)f->result, "send a file");
    }
    finish(f, false);
}

static void on_some_sent(uv_work_t *work, int status)
{
    struct send_file *f = container_of(work, struct send_file, work);
    const bool is_full = f->result == -EAGAIN || f->result == -EINTR;

    uv_loop_tick(f->loop);
    if (f->fsm.now == FILE_STOPPING) { // perhaps before a thread had taken it: status
        end(f);
        return;
    }
    assert(status == 0);
    if (f->result <= 0 && !is_full) {
        fail(f);
        return;
    }
    const uint64_t n = is_full ? 0 : (uint64_t)f->result;
    f->offset += n;
    f->left -= n;
    if (f->left == 0) {
        finish(f, true);
    } else if (n == SEND_FILE_AT_ONCE) {
        send_on(f); // behind the others
    } else {
        wait_for_room(f);
    }
}

int send_file_begin(struct send_file *f, int socket)
{
    // libuv watches a descriptor for one handle only, so its own is not ours to watch.
    const int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return err_fault(-errno, "send a file");
    const int r = uv_poll_init(&f->loop->uv, &f->poll, copy);
    if (r < 0) {
        close(copy);
        return uv_fault(r, "send a file");
    }
    f->socket = copy;
    send_on(f);
    return 0;
}

bool send_file_has_begun(const struct send_file *f)
{
    return f->fsm.now != FILE_NEW;
}

uint64_t send_file_left(const struct send_file *f)
{
    int held = 0; // by the kernel

    if (f->socket >= 0 && ioctl(f->socket, SIOCOUTQ, &held) < 0)
        held = 0;
    return f->left + (uint64_t)held;
}

void send_file_stop(struct send_file *f)
{
    if (f->fsm.now != FILE_SENDING) {
        end(f);
        return;
    }
    fsm_move(&f->fsm, FILE_STOPPING);
    shutdown(f->socket, SHUT_RDWR);  // a thread's descriptor would keep the connection open
    uv_cancel((uv_req_t *)&f->work); // unless a thread has it
}
