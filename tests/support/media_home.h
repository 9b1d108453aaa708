/** A backend's loop on a thread of its own, which stands still when a test says. */
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include "io/inbox.h"
#include "support/t.h"

struct media_home {
    struct loop *loop;
    pthread_t thread;
    struct inbox *inbox;
    struct list halt; // what is put in there
    sem_t stands;
    sem_t goes;
    bool is_over;
};

static inline void *media_home_run(void *arg)
{
    struct media_home *h = arg;

    do {
        loop_run(h->loop);
        sem_post(&h->stands);
        sem_wait(&h->goes);
    } while (!h->is_over);
    return NULL;
}

static inline void media_home_on_halt(void *arg, struct list *items)
{
    const struct media_home *h = arg;

    list_shift(items);
    loop_stop(h->loop);
}

/** From now on the loop is the caller's: it may use what is on it, and run it. */
static inline void media_home_halt(struct media_home *h)
{
    inbox_put_one(h->inbox, &h->halt);
    sem_wait(&h->stands);
}

static inline void media_home_go_on(struct media_home *h)
{
    sem_post(&h->goes);
}

/** It stands still at first. */
static inline void media_home_init(struct media_home *h)
{
    *h = (struct media_home){0};
    list_init(&h->halt);
    assert_int_equal(loop_new(&h->loop), 0);
    assert_int_equal(inbox_new(&h->inbox, h->loop, media_home_on_halt, h), 0);
    assert_int_equal(sem_init(&h->stands, 0, 0), 0);
    assert_int_equal(sem_init(&h->goes, 0, 0), 0);
    assert_int_equal(pthread_create(&h->thread, NULL, media_home_run, h), 0);
    media_home_halt(h);
}

/** While it stands still, and nothing is on its loop any more. */
static inline void media_home_fini(struct media_home *h)
{
    struct list left;

    h->is_over = true;
    media_home_go_on(h);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    inbox_free(h->inbox, &left);
    loop_free(h->loop);
    sem_destroy(&h->stands);
    sem_destroy(&h->goes);
}
