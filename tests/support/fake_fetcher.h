/**
 * auth/fetch.h without a network. It remembers all that was asked, and answers each by a job:
 * with what decide() says, else with the next of the script, else AUTH_FETCH_FAILED. While
 * is_holding, what is asked waits until the test answers it, in the order that it likes.
 */
#pragma once

#include "auth/fetch.h"
#include "base/job.h"
#include "support/exact.h"

#define FAKE_FETCHES_MAX 1024 // asked in one test
#define FAKE_SCRIPT_MAX  64

struct fake_answer {
    int r;    // 0 or an enum auth_fetch_refusal
    str body; // borrowed until the request has been answered
};

/** What becomes of this one? @param what  what was asked, as in struct fake_fetched */
typedef struct fake_answer fake_decide_fn(void *arg, const struct auth_fetch *what);

struct fake_fetcher;

/** One that was asked. */
struct fake_fetched {
    struct job job;
    struct fake_fetcher *f;
    struct auth_fetch what; // its texts are the copies below, which fake_fetcher_fini() frees
    char *url;
    char *body; // NULL: a GET
    auth_fetch_fn *done;
    void *arg;
    bool is_held;
    bool is_answered;
    struct fake_answer answer;
};

struct fake_fetcher {
    struct auth_fetcher port;
    struct job_queue *later;
    fake_decide_fn *decide; // NULL: the script
    void *decide_arg;
    bool is_busy;    // AUTH_FETCH_BUSY is all that it says
    bool is_holding; // what is asked from now on waits for fake_fetcher_answer()
    struct fake_answer script[FAKE_SCRIPT_MAX];
    size_t n_script;
    size_t n_played;                                // of the script
    struct fake_fetched *fetched[FAKE_FETCHES_MAX]; // in the order in which they were asked
    size_t n_fetched;
    size_t n_under_way; // asked and not answered
};

static inline void fake_fetcher_done(struct job *job)
{
    struct fake_fetched *d = container_of(job, struct fake_fetched, job);
    str body = d->answer.r == 0 ? d->answer.body : (str){0};
    int r = d->answer.r;

    if (body.len > d->what.max_bytes) { // as over the wire
        r = AUTH_FETCH_FAILED;
        body = (str){0};
    }
    char *bytes = exact_copy(body); // gone after the callback
    d->is_answered = true;
    d->f->n_under_way--;
    d->done(d->arg, r, (str){bytes, body.len});
    free(bytes);
}

static inline struct fake_answer fake_fetcher_decide(struct fake_fetcher *f,
                                                     const struct auth_fetch *what)
{
    if (f->is_busy)
        return (struct fake_answer){.r = AUTH_FETCH_BUSY};
    if (f->decide)
        return f->decide(f->decide_arg, what);
    if (f->n_played < f->n_script)
        return f->script[f->n_played++];
    return (struct fake_answer){.r = AUTH_FETCH_FAILED};
}

static inline void fake_fetcher_fetch(struct auth_fetcher *port, const struct auth_fetch *what,
                                      auth_fetch_fn *done, void *arg)
{
    struct fake_fetcher *f = container_of(port, struct fake_fetcher, port);
    struct fake_fetched *d = NEW(struct fake_fetched);

    assert(f->n_fetched < FAKE_FETCHES_MAX);
    f->fetched[f->n_fetched++] = d;
    f->n_under_way++;
    d->f = f;
    d->what = *what;
    d->what.url.ptr = d->url = exact_copy(what->url);
    d->what.body.ptr = d->body = what->body.ptr ? exact_copy(what->body) : NULL;
    d->done = done;
    d->arg = arg;
    d->is_held = f->is_holding && !f->is_busy;
    if (d->is_held)
        return;
    d->answer = fake_fetcher_decide(f, &d->what);
    job_push(f->later, &d->job, fake_fetcher_done);
}

static inline void fake_fetcher_init(struct fake_fetcher *f, struct job_queue *later)
{
    static const struct auth_fetcher_ops ops = {.fetch = fake_fetcher_fetch};

    *f = (struct fake_fetcher){.port = {.ops = &ops}, .later = later};
}

/** What was asked so far; all must have been answered. */
static inline void fake_fetcher_forget(struct fake_fetcher *f)
{
    assert(f->n_under_way == 0);
    for (size_t i = 0; i < f->n_fetched; i++) {
        free(f->fetched[i]->url);
        free(f->fetched[i]->body);
        free(f->fetched[i]);
    }
    f->n_fetched = 0;
}

/** All must have been answered. */
static inline void fake_fetcher_fini(struct fake_fetcher *f)
{
    fake_fetcher_forget(f);
}

/** The next of the script. @param body  borrowed until it has been said */
static inline void fake_fetcher_will_say(struct fake_fetcher *f, int r, str body)
{
    assert(f->n_script < FAKE_SCRIPT_MAX);
    f->script[f->n_script++] = (struct fake_answer){r, body};
}

/** Number i of those that were asked, from 0. */
static inline const struct auth_fetch *fake_fetcher_asked(const struct fake_fetcher *f,
                                                          size_t i)
{
    assert(i < f->n_fetched);
    return &f->fetched[i]->what;
}

/** Answer number i, which is held back, by a job. @param body  borrowed until then */
static inline void fake_fetcher_answer(struct fake_fetcher *f, size_t i, int r, str body)
{
    assert(i < f->n_fetched && f->fetched[i]->is_held);
    struct fake_fetched *d = f->fetched[i];

    d->is_held = false;
    d->answer = (struct fake_answer){r, body};
    job_push(f->later, &d->job, fake_fetcher_done);
}

/** The same, with what it would have said at once: by decide() or by the script. */
static inline void fake_fetcher_release(struct fake_fetcher *f, size_t i)
{
    const struct fake_answer a = fake_fetcher_decide(f, fake_fetcher_asked(f, i));

    fake_fetcher_answer(f, i, a.r, a.body);
}

/** Release all that is held back, oldest first. */
static inline void fake_fetcher_release_all(struct fake_fetcher *f)
{
    for (size_t i = 0; i < f->n_fetched; i++) {
        if (f->fetched[i]->is_held)
            fake_fetcher_release(f, i);
    }
}
