#include "eio/look.h"

#include "eio/session.h"

/** Without its owner's. */
static const char *state_of(const struct fsm *m)
{
    const char *name = strchr(m->states[m->now].name, '_');

    assert(name);
    return name + 1;
}

static struct eio_look look_of(const struct eio_session *s)
{
    return (struct eio_look){
        .session = s->log.id,
        .state = state_of(&s->fsm),
        .ip = s->peer.ip,
        .unsent = eio_queued(s),
        .awaits_pong = s->awaiting_pong,
        .is_paused = s->is_paused,
    };
}

/** @return how many there are then */
static size_t put(struct eio_look *all, size_t n, size_t max, const struct eio_look *one)
{
    size_t at = n;

    if (n == max && (n == 0 || all[n - 1].unsent >= one->unsent))
        return n;
    if (n < max) {
        n++;
    } else {
        at--;
    }
    for (; at > 0 && all[at - 1].unsent < one->unsent; at--)
        all[at] = all[at - 1];
    all[at] = *one;
    return n;
}

size_t eio_server_look(const struct eio_server *s, struct eio_look *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s->sessions.n_buckets; i++) {
        for (struct map_node *node = map_bucket(&s->sessions, i); node; node = node->next) {
            const struct eio_look one = look_of(container_of(node, struct eio_session, by_sid));
            n = put(out, n, max, &one);
        }
    }
    return n;
}
