#include "server/health.h"

#include "base/log.h"

#define NEVER (INT64_MIN / 2)

static void on_unread(void *arg, int r, uint64_t n)
{
    struct health *h = arg;

    (void)n;
    h->is_asking = false;
    if (r == 0)
        h->unanswered_ms = INT64_MAX;
}

static void ask(struct health *h)
{
    static const account nobody = {ACCOUNT_EVM_SIZE, {ACCOUNT_EVM}};

    if (h->is_asking)
        return;
    h->is_asking = true;
    if (h->unanswered_ms == INT64_MAX)
        h->unanswered_ms = h->timers->now_ms;
    store_unread(h->store, &nobody, on_unread, h);
}

static void look_at_counters(struct health *h)
{
    const struct store_counters now = h->store->counters;

    if (now.appended > h->was.appended) {
        h->refused_ms = NEVER;
    } else if (now.refused > h->was.refused) {
        h->refused_ms = h->timers->now_ms;
    }
    h->was = now;
}

static void look(struct health *h)
{
    const int64_t now_ms = h->timers->now_ms;

    look_at_counters(h);
    const bool is_late = now_ms - h->unanswered_ms > HEALTH_LATE_MS;
    const bool refuses = now_ms - h->refused_ms <= HEALTH_LATE_MS;
    if (!is_late && !refuses) {
        if (!health_is_up(h)) {
            log_info(NULL, "server_store_back", "ms=%lld",
                     (long long)(now_ms - h->out_since_ms));
        }
        h->out_since_ms = INT64_MAX;
    } else if (health_is_up(h)) {
        log_error(NULL, "server_store_out", "why=%s", is_late ? "no_answer" : "refuses");
        h->out_since_ms = now_ms;
    }
}

static void on_timer(struct timer *t)
{
    struct health *h = container_of(t, struct health, timer);

    timer_set(h->timers, t, h->timers->now_ms + HEALTH_INTERVAL);
    look(h);
    ask(h);
    h->on_look(h->arg);
}

void health_start(struct health *h, struct store *store, struct timers *timers,
                  void (*on_look)(void *arg), void *arg)
{
    *h = (struct health){
        .store = store,
        .timers = timers,
        .on_look = on_look,
        .arg = arg,
        .unanswered_ms = INT64_MAX,
        .refused_ms = NEVER,
        .out_since_ms = INT64_MAX,
        .was = store->counters,
    };
    timer_init(&h->timer, on_timer);
    timer_set(timers, &h->timer, timers->now_ms + HEALTH_INTERVAL);
}

void health_stop(struct health *h)
{
    timer_cancel(h->timers, &h->timer);
}

bool health_is_out(const struct health *h)
{
    return !health_is_up(h) && h->timers->now_ms - h->out_since_ms >= HEALTH_OUT_MS;
}
