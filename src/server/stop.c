#include "server/stop.h"

enum stop_state {
    STOP_RUNNING,
    STOP_DRAINING,
    STOP_CLOSING,
    STOP_CUTTING,
    STOP_ENDED,
};

#define TO(state) FSM_TO(STOP_##state)
static const struct fsm_state states[] = {
    [STOP_RUNNING] = {"stop_running", TO(DRAINING)},
    [STOP_DRAINING] = {"stop_draining", TO(CLOSING)},
    [STOP_CLOSING] = {"stop_closing", TO(CUTTING) | TO(ENDED)},
    [STOP_CUTTING] = {"stop_cutting", TO(ENDED)},
    [STOP_ENDED] = {"stop_ended", 0},
};
#undef TO

static void go(struct stop *s, enum stop_state state, int64_t ms)
{
    fsm_move(&s->fsm, state);
    s->until_ms = s->timers->now_ms + ms;
}

static void look_again(struct stop *s, int64_t ms)
{
    timer_set(s->timers, &s->timer, s->timers->now_ms + ms);
}

static void end(struct stop *s, bool is_clean)
{
    fsm_move(&s->fsm, STOP_ENDED);
    s->ops->on_end(s->arg, is_clean);
}

static void wait_for_the_last(struct stop *s)
{
    if (s->ops->is_over(s->arg)) {
        end(s, true);
        return;
    }
    if (s->timers->now_ms >= s->until_ms) {
        go(s, STOP_CUTTING, STOP_CUT_MS);
        s->ops->cut(s->arg);
    }
    look_again(s, STOP_LOOK_EVERY);
}

static void drain(struct stop *s)
{
    const int64_t left_ms = s->until_ms - s->timers->now_ms;

    // The last part has its time, too.
    const int64_t n_parts = left_ms / STOP_PART_EVERY;
    if (left_ms > 0 && s->ops->let_go(s->arg, n_parts > 1 ? (size_t)n_parts : 1) > 0) {
        look_again(s, left_ms < STOP_PART_EVERY ? left_ms : STOP_PART_EVERY);
        return;
    }
    go(s, STOP_CLOSING, STOP_CLOSE_MS);
    s->ops->close(s->arg);
    timer_set(s->timers, &s->timer, s->timers->now_ms);
}

static void wait_no_more(struct stop *s)
{
    if (s->ops->is_over(s->arg)) {
        end(s, true);
    } else if (s->timers->now_ms >= s->until_ms) {
        end(s, false);
    } else {
        s->ops->cut(s->arg); // those that were closed in answer to the last time, too
        look_again(s, STOP_LOOK_EVERY);
    }
}

static void on_timer(struct timer *t)
{
    struct stop *s = container_of(t, struct stop, timer);

    switch ((enum stop_state)s->fsm.now) {
    case STOP_DRAINING: drain(s); break;
    case STOP_CLOSING: wait_for_the_last(s); break;
    case STOP_CUTTING: wait_no_more(s); break;
    case STOP_RUNNING:
    case STOP_ENDED: break;
    }
}

void stop_init(struct stop *s, struct timers *timers, int64_t drain_ms,
               const struct stop_ops *ops, void *arg)
{
    *s = (struct stop){.timers = timers, .ops = ops, .arg = arg, .drain_ms = drain_ms};
    fsm_init(&s->fsm, states, STOP_RUNNING);
    timer_init(&s->timer, on_timer);
}

void stop_ask(struct stop *s)
{
    if (s->fsm.now == STOP_RUNNING) {
        go(s, STOP_DRAINING, s->drain_ms);
        s->ops->refuse(s->arg);
    } else if (s->fsm.now != STOP_ENDED) {
        s->until_ms = s->timers->now_ms;
    } else {
        return;
    }
    timer_set(s->timers, &s->timer, s->timers->now_ms);
}
