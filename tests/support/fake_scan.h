/**
 * media/scan.h without a program: the linker takes these for it. A scan waits until the test
 * says what came of it.
 */
#pragma once

#include <stdio.h>

#include "base/job.h"
#include "base/mem.h"
#include "media/scan.h"
#include "support/t.h"

#define FAKE_PLACE_SIZE 4096

struct media_scan {
    struct loop *loop;
    struct job job;
    media_done_fn *done; // NULL: none is under way
    void *arg;
    int r;
    char place[FAKE_PLACE_SIZE];
    char mime[CHAT_MIME_MAX + 1];
    uint64_t size;
    unsigned n_run;
};

static struct media_scan *fake_scan; // the one that was made; NULL: none

struct media_scan *media_scan_new(struct loop *l, const char *command)
{
    assert_string_equal(command, "/bin/scan");
    fake_scan = NEW(struct media_scan);
    fake_scan->loop = l;
    return fake_scan;
}

void media_scan_free(struct media_scan *s)
{
    if (s)
        assert_null(s->done);
    if (s && s == fake_scan)
        fake_scan = NULL;
    free(s);
}

void media_scan_run(struct media_scan *s, str place, const struct chat_upload *u,
                    media_done_fn *done, void *arg)
{
    assert_null(s->done);
    s->done = done;
    s->arg = arg;
    s->size = u->size;
    s->n_run++;
    (void)snprintf(s->place, sizeof(s->place), STR_FMT, STR_ARG(place));
    (void)snprintf(s->mime, sizeof(s->mime), STR_FMT, STR_ARG(u->mime));
}

static inline void fake_scan_end(struct job *job)
{
    struct media_scan *s = container_of(job, struct media_scan, job);
    media_done_fn *done = s->done;

    s->done = NULL;
    done(s->arg, s->r);
}

static inline void fake_scan_answer(int r)
{
    fake_scan->r = r;
    job_push(&fake_scan->loop->later, &fake_scan->job, fake_scan_end);
}

void media_scan_stop(struct media_scan *s)
{
    if (s->done)
        fake_scan_answer(MEDIA_UNAVAILABLE);
}

bool media_scan_is_idle(const struct media_scan *s)
{
    return s->done == NULL;
}
