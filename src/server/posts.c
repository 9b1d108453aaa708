#include "server/posts.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/inbox.h"

struct box {
    pthread_mutex_t mutex; // of inbox
    struct inbox *inbox;   // NULL: closed
    void *there;
};

struct posts {
    unsigned n;
    struct box boxes[];
};

static void run_all(const struct box *b, struct list *posts)
{
    while (!list_is_empty(posts)) {
        struct post *p = container_of(list_shift(posts), struct post, node);
        p->run(p, b->there);
    }
}

static void on_posts(void *arg, struct list *posts)
{
    run_all(arg, posts);
}

struct posts *posts_new(unsigned n)
{
    struct posts *x = mem_alloc(sizeof(*x) + n * sizeof(x->boxes[0]));

    *x = (struct posts){.n = n};
    for (unsigned i = 0; i < n; i++) {
        x->boxes[i] = (struct box){0};
        pthread_mutex_init(&x->boxes[i].mutex, NULL);
    }
    return x;
}

void posts_free(struct posts *x)
{
    if (!x)
        return;
    for (unsigned i = 0; i < x->n; i++) {
        assert(!x->boxes[i].inbox);
        pthread_mutex_destroy(&x->boxes[i].mutex);
    }
    free(x);
}

unsigned posts_count(const struct posts *x)
{
    return x->n;
}

void *posts_there(const struct posts *x, unsigned number)
{
    return x->boxes[number].there;
}

int posts_open(struct posts *x, unsigned number, struct loop *l, void *there)
{
    struct box *b = &x->boxes[number];

    b->there = there;
    return inbox_new(&b->inbox, l, on_posts, b);
}

void posts_close(struct posts *x, unsigned number)
{
    struct box *b = &x->boxes[number];
    struct list left;

    pthread_mutex_lock(&b->mutex);
    struct inbox *inbox = b->inbox;
    b->inbox = NULL;
    pthread_mutex_unlock(&b->mutex);
    if (!inbox)
        return;
    inbox_free(inbox, &left);
    run_all(b, &left);
}

bool posts_is_open(struct posts *x, unsigned number)
{
    struct box *b = &x->boxes[number];

    pthread_mutex_lock(&b->mutex);
    const bool is_open = b->inbox != NULL;
    pthread_mutex_unlock(&b->mutex);
    return is_open;
}

bool posts_put(struct posts *x, unsigned to, struct post *p)
{
    struct box *b = &x->boxes[to];

    pthread_mutex_lock(&b->mutex);
    const bool is_open = b->inbox != NULL;
    if (is_open)
        inbox_put_one(b->inbox, &p->node);
    pthread_mutex_unlock(&b->mutex);
    return is_open;
}

void posts_pass(struct posts *x, struct post *p)
{
    bool is_put = false;

    while (!is_put) {
        p->at = (p->at + 1) % x->n;
        is_put = posts_put(x, p->at, p);
        assert(is_put || p->at != p->from);
    }
}
