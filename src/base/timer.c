#include "base/timer.h"

// A pairing heap: two links' work to set, amortised log n to take out, and no memory
// but what is in the timers.

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (is_before(b, a)) {
        struct timer *earlier = b;
        b = a;
        a = earlier;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/** Join a list of siblings to one heap: in pairs, then the pairs from the last to the first. */
static struct timer *join(struct timer *first)
{
    struct timer *pairs = NULL;

    while (first) {
        struct timer *a = first;
        struct timer *b = a->next;
        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }

    struct timer *root = NULL;
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = meld(root, pair);
    }
    if (root) {
        root->prev = NULL;
        root->next = NULL;
    }
    return root;
}

static void take_out(struct timers *ts, struct timer *t)
{
    struct timer *below = join(t->child);

    if (t == ts->root) {
        ts->root = below;
    } else {
        if (t->prev->child == t) {
            t->prev->child = t->next;
        } else {
            t->prev->next = t->next;
        }
        if (t->next)
            t->next->prev = t->prev;
        ts->root = meld(ts->root, below);
    }
    t->child = t->next = t->prev = NULL;
    t->order = 0;
}

void timer_set(struct timers *ts, struct timer *t, int64_t at_ms)
{
    assert(t->fire);
    if (timer_is_set(t))
        take_out(ts, t);
    t->at_ms = at_ms > ts->now_ms ? at_ms : ts->now_ms;
    t->order = ++ts->order;
    ts->root = meld(ts->root, t);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
    if (timer_is_set(t))
        take_out(ts, t);
}

int64_t timers_next_ms(const struct timers *ts)
{
    return ts->root ? ts->root->at_ms : INT64_MAX;
}

void timers_run(struct timers *ts, int64_t now_ms)
{
    const uint64_t last = ts->order;

    ts->now_ms = now_ms;
    while (ts->root && ts->root->at_ms <= now_ms && ts->root->order <= last) {
        struct timer *t = ts->root;
        take_out(ts, t);
        t->fire(t);
    }
}
