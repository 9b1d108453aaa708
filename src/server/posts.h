/**
 * What the workers of a process have for each other to do: each has a box, and what is put into
 * that is run on its loop.
 */
#pragma once

#include "base/list.h"
#include "io/loop.h"

#define POSTS_MAX 64 // workers

struct posts;

/** Embedded in what is to be done; whoever it is with owns it. */
struct post {
    struct list node;

    /** On the loop that it was put for; the post is its. @param there  of posts_open() */
    void (*run)(struct post *p, void *there);

    unsigned from; // of posts_pass()
    unsigned at;   // likewise
};

/** @param n  workers: 0 to n - 1, at most POSTS_MAX @return owned; posts_free() */
struct posts *posts_new(unsigned n);

/** After all boxes are closed. NULL is fine. */
void posts_free(struct posts *x);

unsigned posts_count(const struct posts *x);

/** Thread: that of l, or l does not run yet. @return 0 or a fault */
MUST_CHECK int posts_open(struct posts *x, unsigned number, struct loop *l, void *there);

/** What has come is run, and no more comes. Thread: that of its loop. Harmless where it was not
 * opened. */
void posts_close(struct posts *x, unsigned number);

/** Does anything come there still? Who sees that it does not sees all that was done there.
 * Thread: any. */
bool posts_is_open(struct posts *x, unsigned number);

/** What was given to posts_open(). */
void *posts_there(const struct posts *x, unsigned number);

/** Thread: any. @return false: it is closed, and the post still the caller's */
bool posts_put(struct posts *x, unsigned to, struct post *p);

/**
 * Put it for the next worker that is open, which does the same: so it goes round, until it is
 * where it came from again, which must be open. All that come from there arrive everywhere in
 * the same order.
 *
 * @param p  from and at are its sender's number in the beginning
 */
void posts_pass(struct posts *x, struct post *p);
