#include "auth/follow.h"

#include <stdlib.h>

#include "base/mem.h"

#define PAGE 1000 // revocations read at once

struct auth_follow {
    struct auth_follow_config config;
    struct timer timer;
    int64_t after; // a position: up to here all is known
    bool is_asking;
    bool is_stopped;
};

static void rest(struct auth_follow *f)
{
    if (!f->is_stopped)
        timer_set(f->config.timers, &f->timer, f->config.timers->now_ms + AUTH_FOLLOW_MS);
}

static void ask(struct auth_follow *f);

/** What could not be read now is read the next time. */
static void on_page(void *arg, int r, const struct auth_store_revocations_page *page)
{
    struct auth_follow *f = arg;

    f->is_asking = false;
    for (size_t i = 0; r == 0 && i < page->n_revocations; i++) {
        f->after = page->revocations[i].position;
        auth_sessions_learn(f->config.sessions, &page->revocations[i]);
    }
    if (r == 0 && page->has_more && !f->is_stopped) {
        ask(f);
    } else {
        rest(f);
    }
}

static void ask(struct auth_follow *f)
{
    const struct auth_store_revocations page = {
        .after = f->after,
        .now_ms = clock_unix_ms(f->config.clock),
        .max_revocations = PAGE,
    };

    f->is_asking = true;
    auth_store_revocations(f->config.store, &page, on_page, f);
}

static void on_time(struct timer *t)
{
    ask(container_of(t, struct auth_follow, timer));
}

struct auth_follow *auth_follow_new(const struct auth_follow_config *config)
{
    struct auth_follow *f = NEW(struct auth_follow);

    f->config = *config;
    f->after = auth_sessions_loaded(config->sessions);
    timer_init(&f->timer, on_time);
    rest(f);
    return f;
}

void auth_follow_stop(struct auth_follow *f)
{
    if (!f)
        return;
    f->is_stopped = true;
    timer_cancel(f->config.timers, &f->timer);
}

bool auth_follow_is_idle(const struct auth_follow *f)
{
    return !f || !f->is_asking;
}

void auth_follow_free(struct auth_follow *f)
{
    auth_follow_stop(f);
    assert(auth_follow_is_idle(f));
    free(f);
}
