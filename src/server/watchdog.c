#include "server/watchdog.h"

#include "server/node.h"

static void wait(struct watchdog *w)
{
    timer_set(w->timers, &w->timer, w->timers->now_ms + w->service->watchdog_ms / 2);
}

static void on_round(struct post *post, void *there)
{
    struct watchdog *w = container_of(post, struct watchdog, post);

    (void)there;
    if (post->at != post->from) {
        posts_pass(w->posts, post);
        return;
    }
    service_tell(w->service, "WATCHDOG=1");
    wait(w);
}

static void on_timer(struct timer *t)
{
    struct watchdog *w = container_of(t, struct watchdog, timer);

    w->post = (struct post){.run = on_round, .from = NODE_HOME, .at = NODE_HOME};
    posts_pass(w->posts, &w->post);
}

void watchdog_start(struct watchdog *w, const struct service *service, struct posts *posts,
                    struct timers *timers)
{
    if (service->watchdog_ms == 0)
        return;
    *w = (struct watchdog){.service = service, .posts = posts, .timers = timers};
    timer_init(&w->timer, on_timer);
    wait(w);
}

void watchdog_stop(struct watchdog *w)
{
    if (w->timers)
        timer_cancel(w->timers, &w->timer);
}
