#include "io/tcp_greet.h"

#include <stdlib.h>

#include "base/mem.h"

struct greeting {
    struct list node;
    struct tcp_greetings *all;
    struct stream *stream;
    struct timer late;
    struct buf bytes; // of the header, so far
};

static void greeting_free(struct greeting *g)
{
    timer_cancel(&g->all->loop->timers, &g->late);
    buf_fini(&g->bytes);
    free(g);
}

/** It is over. @return its stream */
static struct stream *leave(struct greeting *g)
{
    struct stream *s = g->stream;

    list_remove(&g->node);
    greeting_free(g);
    return s;
}

static void refuse(struct greeting *g, enum proxy_header_refusal why)
{
    const struct tcp_greetings *all = g->all;

    struct stream *s = leave(g);

    all->on_refused(all->arg, s, why);
    stream_abort(s);
}

/** @param rest  what came with its end */
static void hand_on(struct greeting *g, const struct proxy_header *header, char *rest, size_t n)
{
    const struct tcp_greetings *all = g->all;
    struct stream *s = leave(g);

    all->on_header(all->arg, s, header);
    if (n > 0 && s->events)
        s->events->on_bytes(s->owner, rest, n);
}

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct greeting *g = owner;
    const size_t before = g->bytes.len;
    const size_t room = g->bytes.max - before;
    struct proxy_header header;

    const int added = buf_add(&g->bytes, (str){bytes, n < room ? n : room});
    assert(added == 0);
    (void)added;
    const int r = proxy_header_read(&header, buf_str(&g->bytes));
    if (r == 0) {
        const size_t used = header.size - before;
        hand_on(g, &header, bytes + used, n - used);
    } else if (r != PROXY_HEADER_MORE) {
        refuse(g, (enum proxy_header_refusal)r);
    }
}

static void on_end(void *owner, enum stream_end end)
{
    (void)end; // whoever came is gone, without a word: a check of health, say
    stream_abort(leave(owner));
}

static void on_late(struct timer *t)
{
    refuse(container_of(t, struct greeting, late), PROXY_HEADER_MORE);
}

void tcp_greet(struct tcp_greetings *all, struct stream *s)
{
    static const struct stream_events events = {.on_bytes = on_bytes, .on_end = on_end};
    struct greeting *g = NEW(struct greeting);

    *g = (struct greeting){.all = all, .stream = s};
    buf_init(&g->bytes, PROXY_HEADER_MAX);
    list_push(&all->waiting, &g->node);
    timer_init(&g->late, on_late);
    timer_set(&all->loop->timers, &g->late, all->loop->timers.now_ms + TCP_GREET_MS);
    stream_set_owner(s, &events, g);
}

void tcp_greet_none(struct tcp_greetings *all)
{
    list_each (node, &all->waiting)
        stream_abort(leave(container_of(node, struct greeting, node)));
}
