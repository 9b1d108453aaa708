#include "media/scan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "io/child.h"

#define SAID_EVERY_MS 60000 // so that a wrong program does not fill the log

struct media_scan {
    struct loop *loop;
    char *command;
    char *path; // "PATH=…" of ours
    struct list waiting;
    struct list running;
    size_t n_waiting;
    size_t n_running;
    size_t n_refused; // not told yet
    bool is_stopped;
    struct seldom said; // of failures
};

struct run {
    struct media_scan *scan;
    struct list node;
    struct child *child; // NULL while it waits
    struct timer timer;  // while it waits
    struct job job;      // of one that is refused
    int64_t deadline_ms;
    media_done_fn *done;
    void *arg;
    char *place;
    char mime[sizeof("PARLEY_MIME=") + CHAT_MIME_MAX];
    char size[sizeof("PARLEY_SIZE=18446744073709551615")];
};

static void run_end(struct run *run, int r)
{
    run->done(run->arg, r);
    free(run->place);
    free(run);
}

static void say_failed(struct media_scan *s, const char *end, int status)
{
    unsigned long long unsaid = 0;

    if (!seldom_is_due(&s->said, s->loop->timers.now_ms, SAID_EVERY_MS, &unsaid))
        return;
    log_warn(NULL, "media_scan_failed",
             "end=%s status=%d effect=\"files wait, senders get storage_unavailable\" "
             "unsaid=%llu fix=\"run --media-scan by hand on a file: 0 is good, 1 is bad\"",
             end, status, unsaid);
}

static int verdict_of(struct media_scan *s, enum child_end end, int status)
{
    static const char *const ends[] = {[CHILD_EXITED] = "exited",
                                       [CHILD_KILLED] = "killed",
                                       [CHILD_STOPPED] = "stopped",
                                       [CHILD_MISSING] = "missing"};
    if (end == CHILD_EXITED && status == 0)
        return 0;
    if (end == CHILD_EXITED && status == 1)
        return MEDIA_REJECTED;
    if (!s->is_stopped)
        say_failed(s, ends[end], status);
    return MEDIA_UNAVAILABLE;
}

static void go_on(struct media_scan *s);

static void on_done(void *arg, enum child_end end, int status)
{
    struct run *run = arg;
    struct media_scan *s = run->scan;

    list_remove(&run->node);
    s->n_running--;
    go_on(s);
    run_end(run, verdict_of(s, end, status));
}

static void start(struct media_scan *s, struct run *run)
{
    const char *const argv[] = {s->command, run->place, NULL};
    const char *const env[] = {run->mime, run->size, s->path, NULL};
    const struct child_config config = {
        .argv = argv,
        .env = env,
        .timeout_ms = run->deadline_ms - s->loop->timers.now_ms,
    };

    timer_cancel(&s->loop->timers, &run->timer);
    list_push(&s->running, &run->node);
    s->n_running++;
    run->child = child_run(s->loop, &config, on_done, run);
}

static void go_on(struct media_scan *s)
{
    while (s->n_running < MEDIA_SCANS_MAX && !list_is_empty(&s->waiting)) {
        s->n_waiting--;
        start(s, container_of(list_shift(&s->waiting), struct run, node));
    }
}

static void refuse(struct job *job)
{
    struct run *run = container_of(job, struct run, job);

    run->scan->n_refused--;
    run_end(run, MEDIA_UNAVAILABLE);
}

static void refuse_later(struct run *run)
{
    run->scan->n_refused++;
    job_push(&run->scan->loop->later, &run->job, refuse);
}

static void stop_waiting(struct run *run)
{
    timer_cancel(&run->scan->loop->timers, &run->timer);
    list_remove(&run->node);
    run->scan->n_waiting--;
    refuse_later(run);
}

static void on_late(struct timer *t)
{
    struct run *run = container_of(t, struct run, timer);

    say_failed(run->scan, "waited", 0);
    stop_waiting(run);
}

static struct run *run_new(struct media_scan *s, str place, const struct chat_upload *u)
{
    struct run *run = NEW(struct run);

    run->scan = s;
    run->place = str_dup(place);
    run->deadline_ms = s->loop->timers.now_ms + MEDIA_SCAN_MS;
    list_init(&run->node);
    timer_init(&run->timer, on_late);
    (void)snprintf(run->mime, sizeof(run->mime), "PARLEY_MIME=" STR_FMT, STR_ARG(u->mime));
    (void)snprintf(run->size, sizeof(run->size), "PARLEY_SIZE=%llu",
                   (unsigned long long)u->size);
    return run;
}

void media_scan_run(struct media_scan *s, str place, const struct chat_upload *u,
                    media_done_fn *done, void *arg)
{
    struct run *run = run_new(s, place, u);

    run->done = done;
    run->arg = arg;
    if (s->is_stopped || s->n_waiting >= MEDIA_SCAN_WAITING_MAX) {
        refuse_later(run);
        return;
    }
    list_push(&s->waiting, &run->node);
    s->n_waiting++;
    timer_set(&s->loop->timers, &run->timer, run->deadline_ms);
    go_on(s);
}

void media_scan_stop(struct media_scan *s)
{
    s->is_stopped = true;
    while (!list_is_empty(&s->waiting))
        stop_waiting(container_of(s->waiting.next, struct run, node));
    list_each (node, &s->running)
        child_kill(container_of(node, struct run, node)->child);
}

bool media_scan_is_idle(const struct media_scan *s)
{
    return s->n_waiting + s->n_running + s->n_refused == 0;
}

struct media_scan *media_scan_new(struct loop *l, const char *command)
{
    struct media_scan *s = NEW(struct media_scan);
    const char *path = getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets any

    s->loop = l;
    s->command = str_dup(str_of(command));
    if (asprintf(&s->path, "PATH=%s", path ? path : "/usr/bin:/bin") < 0)
        mem_fail(0); // libc does not say of how much
    list_init(&s->waiting);
    list_init(&s->running);
    return s;
}

void media_scan_free(struct media_scan *s)
{
    if (!s)
        return;
    assert(media_scan_is_idle(s));
    free(s->command);
    free(s->path);
    free(s);
}
