#include "bench/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fsm.h"
#include "base/mem.h"
#include "bench/pairing.h"

#define TICK_US        100000
#define PROGRESS_US    1000000
#define WATCH_US       1000000
#define PRELOAD_WINDOW 64      // of a session, while it does not matter how long one takes
#define PRELOAD_MAX    16384   // of all: a server refuses what would wait for long
#define SAID_MAX       5       // lost connections that are told one by one
#define START_US       3000000 // for a server that is only just starting
#define REFUSED_MS     100 // that a session waits then, where no rate says how fast it sends
#define SCRATCH_MAX    (SIZE_MAX / 2)

enum phase {
    CONNECTING, // LOAD_AT_ONCE at a time
    PRELOADING, // as fast as it goes
    SETTLING,   // until all of that has come
    IDLE,
    WARMING,
    MEASURING,
    DRAINING, // nothing new; until all has been answered, and has come
    QUIET,    // nothing may come any more; then the next run
    ASKING,   // for one history after the other
    OVER
};

#define TO(phase) FSM_TO(phase)
static const struct fsm_state phases[] = {
    [CONNECTING] = {"connecting",
                    TO(PRELOADING) | TO(IDLE) | TO(WARMING) | TO(ASKING) | TO(OVER)},
    [PRELOADING] = {"preloading", TO(SETTLING) | TO(OVER)},
    [SETTLING] = {"preloading", TO(IDLE) | TO(WARMING) | TO(QUIET) | TO(OVER)},
    [IDLE] = {"idle", TO(QUIET) | TO(OVER)},
    [WARMING] = {"warming up", TO(MEASURING)},
    [MEASURING] = {"measuring", TO(DRAINING)},
    [DRAINING] = {"draining", TO(QUIET)},
    [QUIET] = {"checking", TO(WARMING) | TO(ASKING) | TO(OVER)},
    [ASKING] = {"asking for histories", TO(OVER)},
    [OVER] = {"over", 0},
};
#undef TO

struct load {
    struct load_config *config;
    struct load_result *result;
    struct crowd crowd;
    struct timers timers;
    struct client *clients;
    struct fsm phase;
    int64_t phase_us;   // when it began
    int64_t start_us;   // when we began to try to connect
    int64_t connect_us; // and when there was somebody to connect to
    uint32_t n_opened;
    uint32_t n_ready;           // of these; each is counted once
    struct load_run *run;       // that is measured, or was last
    uint64_t n_stored;          // messages, with those under way
    uint64_t n_left;            // to preload
    uint64_t n_pages;           // that were asked for
    int64_t asked_us;           // when the last was
    const struct client *asked; // who waits for a history; NULL: nobody
    bool has_unsettled;         // of a run something did not come: there is no next one
    uint64_t n_planned;         // of the paced messages, whose time has come
    uint64_t n_paced;           // of these, those that were sent
    int64_t pace_us;            // when message 0 is due
    int64_t tick_us;            // when to look next at what has no moment of its own
    int64_t watch_us;
    int64_t progress_us;
    int64_t moved_us; // when anything was answered or delivered last
    uint64_t moves;
    uint64_t acked_before; // by the last line of progress
    unsigned n_said;
    bool has_failed;
};

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "parley-bench: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
}

static void go(struct load *l, enum phase phase)
{
    fsm_move(&l->phase, phase);
    l->phase_us = l->moved_us = net_now_us();
    if (phase == OVER)
        net_stop(l->crowd.net);
}

/** What has gone wrong was said. */
static void fail(struct load *l)
{
    l->has_failed = true;
    go(l, OVER);
}

static void use_of_all(struct load *l, struct process_use *sum)
{
    *sum = (struct process_use){0};
    for (size_t i = 0; i < l->config->n_pids; i++) {
        struct process_use one = {0};
        if (process_use(l->config->pids[i], &one) != 0)
            l->result->is_use_lost = true;
        sum->cpu_us += one.cpu_us;
        sum->rss_kib += one.rss_kib;
    }
}

static void use_of_own(struct process_use *own)
{
    if (process_use(0, own) != 0)
        *own = (struct process_use){0};
}

// Sending.

/** Conversations in play. */
static uint64_t in_play(const struct load *l)
{
    return pairing_in_play(l->config->n_sessions, l->n_stored, l->config->per_conversation);
}

static uint32_t peer_of(struct load *l, uint32_t i)
{
    const struct load_config *config = l->config;

    if (config->per_conversation > 0)
        return pairing_draw(&l->crowd.prng, config->n_sessions, in_play(l), i);
    if (!config->is_uniform)
        return i ^ 1;
    const uint32_t other = prng_below(&l->crowd.prng, config->n_sessions - 1);
    return other < i ? other : other + 1;
}

static void send_one(struct load *l, struct client *c, int64_t planned_us)
{
    l->n_stored++;
    client_send(c, peer_of(l, c->i), planned_us);
}

/** When the k-th of all paced messages is due. */
static int64_t due_us(const struct load *l, uint64_t k)
{
    return l->pace_us + (int64_t)(k * 1000000 / l->config->rate);
}

/** The client's own messages are every n-th of all. */
static void send_paced(struct load *l, struct client *c)
{
    const struct load_config *config = l->config;

    while (c->n_started < c->n_due && client_has_room(c, config->window)) {
        const uint64_t k = c->i + c->n_started * config->n_sessions;
        c->n_started++;
        l->n_paced++;
        send_one(l, c, due_us(l, k));
    }
}

static uint32_t preload_window(const struct load_config *config)
{
    const uint32_t share = PRELOAD_MAX / config->n_sessions;

    return share < 1 ? 1 : share < PRELOAD_WINDOW ? share : PRELOAD_WINDOW;
}

static void send_more(struct load *l, struct client *c)
{
    switch ((enum phase)l->phase.now) {
    case PRELOADING:
        if (l->n_left > 0 && client_has_room(c, preload_window(l->config))) {
            l->n_left--;
            send_one(l, c, net_now_us());
        }
        return;
    case WARMING:
    case MEASURING:
        while (l->config->rate == 0 && client_has_room(c, l->config->window))
            send_one(l, c, net_now_us());
        send_paced(l, c);
        return;
    case DRAINING: send_paced(l, c); return; // what was due, and had no room
    case CONNECTING:
    case SETTLING:
    case IDLE:
    case QUIET:
    case ASKING:
    case OVER: return;
    }
}

static void send_all(struct load *l)
{
    for (uint32_t i = 0; i < l->config->n_sessions; i++)
        send_more(l, &l->clients[i]);
}

/** However late a turn comes: all that is due, and none behind the measured time.
 * @return when the next one is due */
static int64_t pace(struct load *l, int64_t now_us)
{
    const uint32_t n = l->config->n_sessions;
    const int64_t end_us = l->crowd.measure.to_us;
    const int64_t until_us = now_us < end_us ? now_us : end_us - 1;

    if (l->config->rate == 0 || (l->phase.now != WARMING && l->phase.now != MEASURING))
        return INT64_MAX;
    while (due_us(l, l->n_planned) <= until_us) {
        struct client *c = &l->clients[l->n_planned % n];
        l->n_planned++;
        c->n_due++;
        send_paced(l, c);
    }
    return due_us(l, l->n_planned);
}

// The phases.

static void begin_load(struct load *l)
{
    struct measure *m = &l->crowd.measure;

    go(l, WARMING);
    measure_next(m);
    l->n_planned = l->n_paced = 0;
    for (uint32_t i = 0; i < l->config->n_sessions; i++)
        l->clients[i].n_due = l->clients[i].n_started = 0;
    l->pace_us = l->phase_us;
    m->from_us = l->phase_us + LOAD_WARM_UP_US;
    m->to_us = m->from_us + l->config->measured_us;
    send_all(l);
}

static void begin_measuring(struct load *l)
{
    l->run = &l->result->runs[l->result->n_runs];
    use_of_all(l, &l->run->from);
    use_of_own(&l->run->own_from);
}

static void begin_idle(struct load *l)
{
    go(l, IDLE);
    begin_measuring(l);
}

/** Of any conversation and of an old one, in turn: of some wallet that is there. */
static void ask(struct load *l)
{
    const uint32_t n = l->config->n_sessions;
    struct client *c = &l->clients[prng_below(&l->crowd.prng, n)];

    l->asked_us = net_now_us();
    if (!c->is_ready)
        return; // another one, at the next tick
    l->asked = c;
    client_ask(c, l->n_pages % 2 == 0 ? peer_of(l, c->i) : pairing_peer(n, 0, c->i));
}

static void begin_work(struct load *l)
{
    const bool has_more = l->result->n_runs < l->config->n_runs && !l->has_unsettled;

    if (l->config->is_idle && has_more) {
        begin_idle(l);
    } else if (has_more) {
        begin_load(l);
    } else if (l->config->n_pages > 0 && !l->has_unsettled) {
        go(l, ASKING);
        ask(l);
    } else {
        go(l, OVER);
    }
}

static void all_connected(struct load *l)
{
    l->result->connected_us = net_now_us() - l->connect_us;
    l->crowd.measure.n_reconnects = 0;
    l->n_left = l->config->n_preload;
    if (l->n_left == 0) {
        begin_work(l);
        return;
    }
    go(l, PRELOADING);
    for (int round = 0; round < PRELOAD_WINDOW; round++)
        send_all(l); // one each
}

static void end_measuring(struct load *l)
{
    use_of_all(l, &l->run->to);
    use_of_own(&l->run->own_to);
    l->run->measured_us = net_now_us() - l->phase_us;
}

static void end_run(struct load *l)
{
    struct load_run *run = l->run;

    run->measure = l->crowd.measure;
    run->n_stored = l->n_stored;
    if (l->config->per_conversation > 0)
        run->n_conversations = in_play(l);
    l->result->n_runs++;
    if (l->config->n_runs > 1) {
        say("run %zu of %u: %llu acknowledged in %.1f s", l->result->n_runs, l->config->n_runs,
            (unsigned long long)run->measure.acked_meanwhile, (double)run->measured_us / 1e6);
    }
    if (run->n_conversations == pairing_most(l->config->n_sessions)) {
        say("all %llu conversations that %u sessions can have are in play",
            (unsigned long long)run->n_conversations, l->config->n_sessions);
    }
}

static bool is_settled(const struct load *l)
{
    return l->crowd.n_under_way == 0 && l->n_paced == l->n_planned &&
           ledger_counts(l->crowd.ledger)->awaited == 0;
}

static bool is_stuck(const struct load *l, int64_t now_us)
{
    return now_us - l->moved_us > LOAD_PATIENCE_US;
}

static bool had_heartbeats(const struct load *l)
{
    for (uint32_t i = 0; i < l->config->n_sessions; i++) {
        const struct client *c = &l->clients[i];
        if (!c->is_ready || session_heartbeats(c->session) < LOAD_HEARTBEATS)
            return false;
    }
    return true;
}

/** How long idling may take: the server says how often it sends heartbeats. */
static int64_t idle_limit_us(const struct load *l)
{
    const struct client *c = &l->clients[0];
    const int64_t patience_us = c->session ? session_patience_us(c->session) : 0;

    return l->config->measured_us + (LOAD_HEARTBEATS + 1) * patience_us;
}

/** Without a run the end would be near, and break off what the last receipts are about. */
static void all_preloaded(struct load *l)
{
    if (l->config->n_runs > 0) {
        begin_work(l);
    } else {
        go(l, QUIET);
    }
}

static void step_preloading(struct load *l, int64_t now_us)
{
    if (l->crowd.measure.n_refused > 0) {
        say("preloading: a message was refused: %s. Does the server run with "
            "--rate-limits off?",
            l->crowd.measure.first_refusal);
        fail(l);
    } else if (is_stuck(l, now_us)) {
        say("preloading: the server has answered nothing for %d s", LOAD_PATIENCE_US / 1000000);
        fail(l);
    } else if (l->phase.now == PRELOADING && l->n_left == 0) {
        go(l, SETTLING);
    } else if (l->phase.now == SETTLING && is_settled(l)) {
        all_preloaded(l);
    }
}

static void step_connecting(struct load *l, int64_t now_us)
{
    if (l->n_ready == l->config->n_sessions) {
        all_connected(l);
    } else if (is_stuck(l, now_us)) {
        say("%u of %u sessions have connected, and no more for %d s", l->n_ready,
            l->config->n_sessions, LOAD_PATIENCE_US / 1000000);
        fail(l);
    }
}

static void step_idle(struct load *l, int64_t now_us)
{
    const int64_t for_us = now_us - l->phase_us;

    if (for_us >= l->config->measured_us && had_heartbeats(l)) {
        end_measuring(l);
        go(l, QUIET);
    } else if (for_us > idle_limit_us(l)) {
        say("not every session was sent %d heartbeats in %d s", LOAD_HEARTBEATS,
            (int)(for_us / 1000000));
        fail(l);
    }
}

static void step_draining(struct load *l, int64_t now_us)
{
    if (!is_settled(l) && !is_stuck(l, now_us))
        return;
    l->has_unsettled = !is_settled(l);
    if (l->has_unsettled)
        say("nothing came for %d s, and not everything is there", LOAD_PATIENCE_US / 1000000);
    ledger_count_lost(l->crowd.ledger);
    go(l, QUIET);
}

static void step_asking(struct load *l, int64_t now_us)
{
    if (is_stuck(l, now_us)) {
        say("the server has answered no message.history for %d s", LOAD_PATIENCE_US / 1000000);
        fail(l);
    } else if (!l->asked) {
        ask(l);
    }
}

static void step(struct load *l, int64_t now_us)
{
    const struct measure *m = &l->crowd.measure;

    switch ((enum phase)l->phase.now) {
    case CONNECTING: step_connecting(l, now_us); return;
    case PRELOADING:
    case SETTLING: step_preloading(l, now_us); return;
    case IDLE: step_idle(l, now_us); return;
    case WARMING:
        if (now_us < m->from_us)
            return;
        go(l, MEASURING);
        begin_measuring(l);
        return;
    case MEASURING:
        if (now_us < m->to_us)
            return;
        (void)pace(l, now_us);
        end_measuring(l);
        go(l, DRAINING);
        return;
    case DRAINING: step_draining(l, now_us); return;
    case QUIET:
        if (now_us - l->phase_us >= LOAD_QUIET_US) {
            if (l->run)
                end_run(l);
            begin_work(l);
        }
        return;
    case ASKING: step_asking(l, now_us); return;
    case OVER: return;
    }
}

// What clients tell.

static void open_more(struct load *l)
{
    while (l->n_opened < l->config->n_sessions && l->n_opened - l->n_ready < LOAD_AT_ONCE)
        client_connect(&l->clients[l->n_opened++]);
}

static void on_ready(void *owner, struct client *c)
{
    struct load *l = owner;

    if (l->phase.now != CONNECTING) {
        for (int round = 0; round < PRELOAD_WINDOW; round++)
            send_more(l, c);
        return;
    }
    l->n_ready++;
    l->moved_us = net_now_us();
    open_more(l);
}

/** Who sends as fast as it can would be refused as fast as it can. */
static void on_refused(void *owner, struct client *c)
{
    struct load *l = owner;

    l->n_stored--;
    if (l->config->rate == 0)
        client_pause(c, REFUSED_MS);
}

static void on_room(void *owner, struct client *c)
{
    send_more(owner, c);
}

/** One in play in which nobody has written yet has no page: then another one. */
static void on_page(void *owner, const struct client *c, uint32_t n_messages)
{
    struct load *l = owner;
    struct load_pages *pages = l->n_pages % 2 == 0 ? &l->result->any : &l->result->old;

    if (l->asked != c)
        return;
    l->asked = NULL;
    if (n_messages > 0) {
        l->moved_us = net_now_us();
        histogram_add(&pages->us, l->moved_us - l->asked_us);
        pages->n_messages += n_messages;
        l->n_pages++;
    }
    if (l->n_pages == l->config->n_pages) {
        go(l, OVER);
    } else {
        ask(l);
    }
}

static void did_not_connect(struct load *l, const struct client *c, enum session_end end,
                            const char *why)
{
    const int64_t now_us = net_now_us();

    if (end == SESSION_LOST && l->n_ready == 0 && now_us - l->start_us < START_US) {
        l->connect_us = now_us; // it tries again
        return;
    }
    say("session %u did not connect: %s", c->i, why);
    say(end == SESSION_REFUSED
            ? "is --data (or --config) the server's, and does it run with --rate-limits off?"
            : "does a Parley server run where --url says?");
    fail(l);
}

static void on_end(void *owner, struct client *c, enum session_end end, const char *why)
{
    struct load *l = owner;

    if (l->phase.now == OVER)
        return;
    if (l->phase.now == CONNECTING) {
        did_not_connect(l, c, end, why);
        return;
    }
    if (l->asked == c)
        l->asked = NULL;
    measure_error(&l->crowd.measure,
                  end == SESSION_REFUSED ? STR("session_refused") : STR("connection_lost"));
    if (l->n_said++ < SAID_MAX)
        say("session %u was lost: %s", c->i, why);
}

static const struct client_events client_events = {
    .on_ready = on_ready,
    .on_refused = on_refused,
    .on_room = on_room,
    .on_page = on_page,
    .on_end = on_end,
};

// Each turn.

/** A server that says nothing, not even a heartbeat, is gone. */
static void watch(struct load *l, int64_t now_us)
{
    for (uint32_t i = 0; i < l->config->n_sessions; i++) {
        struct session *s = l->clients[i].session;
        if (!s)
            continue;
        const int64_t patience_us = session_patience_us(s);
        if (now_us - session_heard_us(s) > (patience_us ? patience_us : LOAD_PATIENCE_US))
            session_give_up(s, "the server says nothing any more");
    }
}

static void say_progress(struct load *l)
{
    const struct measure *m = &l->crowd.measure;
    const char *phase = phases[l->phase.now].name;

    switch ((enum phase)l->phase.now) {
    case CONNECTING: say("%s: %u of %u", phase, l->n_ready, l->config->n_sessions); return;
    case PRELOADING:
    case SETTLING:
        say("%s: %llu of %llu", phase, (unsigned long long)m->n_acked,
            (unsigned long long)l->config->n_preload);
        return;
    case IDLE: say("%s: %d s", phase, (int)((net_now_us() - l->phase_us) / 1000000)); return;
    case WARMING:
    case MEASURING:
    case DRAINING:
        say("%s: %llu acknowledged in this second, %llu errors in all", phase,
            (unsigned long long)(m->n_acked - l->acked_before),
            (unsigned long long)m->n_errors);
        l->acked_before = m->n_acked;
        return;
    case ASKING:
        say("%s: %llu of %llu", phase, (unsigned long long)l->n_pages,
            (unsigned long long)l->config->n_pages);
        return;
    case QUIET:
    case OVER: return;
    }
}

static void tick(struct load *l, int64_t now_us)
{
    const struct measure *m = &l->crowd.measure;
    const uint64_t moves = m->n_acked + m->n_delivered + m->n_refused;

    if (moves != l->moves)
        l->moved_us = now_us;
    l->moves = moves;
    l->tick_us = now_us + TICK_US;
    if (now_us >= l->watch_us) {
        watch(l, now_us);
        l->watch_us = now_us + WATCH_US;
    }
    if (now_us >= l->progress_us) {
        say_progress(l);
        l->progress_us += PROGRESS_US;
    }
}

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t on_turn(void *arg, int64_t now_us)
{
    struct load *l = arg;
    const struct measure *m = &l->crowd.measure;

    if (l->phase.now == OVER)
        return INT64_MAX;
    timers_run(&l->timers, now_us / 1000);
    if (now_us >= l->tick_us)
        tick(l, now_us);
    step(l, now_us);
    int64_t next_us = min(l->tick_us, pace(l, now_us));
    if (l->phase.now == WARMING)
        next_us = min(next_us, m->from_us);
    if (l->phase.now == MEASURING)
        next_us = min(next_us, m->to_us);
    return next_us;
}

// A run.

static int init(struct load *l)
{
    struct load_config *config = l->config;
    const uint32_t window = config->n_preload > 0 && config->window < PRELOAD_WINDOW
                                ? PRELOAD_WINDOW
                                : config->window;

    l->crowd = (struct crowd){
        .timers = &l->timers,
        .transport = config->transport,
        .prng = {config->seed},
        .wire = config->wire,
        .ledger = ledger_new(),
        .n_slots = window,
        .has_receipts = config->has_receipts,
        .events = &client_events,
        .owner = l,
    };
    measure_init(&l->crowd.measure);
    buf_init(&l->crowd.scratch, SCRATCH_MAX);
    fsm_init(&l->phase, phases, CONNECTING);
    l->clients = mem_alloc(config->n_sessions * sizeof(*l->clients));
    for (uint32_t i = 0; i < config->n_sessions; i++) {
        client_init(&l->clients[i], &l->crowd, i, &config->targets[i % config->n_targets],
                    config->tokens[i]);
    }
    return net_new(&l->crowd.net, on_turn, l) == 0 ? 0 : LOAD_FAILED;
}

static void fini(struct load *l)
{
    for (uint32_t i = 0; i < l->config->n_sessions; i++)
        client_fini(&l->clients[i]);
    if (l->crowd.net)
        net_free(l->crowd.net);
    free(l->clients);
    ledger_free(l->crowd.ledger);
    buf_fini(&l->crowd.scratch);
}

static void run(struct load *l)
{
    const int64_t now_us = net_now_us();

    l->timers.now_ms = now_us / 1000;
    l->phase_us = l->moved_us = l->start_us = l->connect_us = now_us;
    l->tick_us = now_us + TICK_US;
    l->watch_us = now_us + WATCH_US;
    l->progress_us = now_us + PROGRESS_US;
    use_of_all(l, &l->result->before);
    open_more(l);
    net_run(l->crowd.net);
    fsm_fini(&l->phase);
}

int load_run(struct load_config *config, struct load_result *out)
{
    struct load l = {.config = config, .result = out, .n_stored = config->n_stored};

    *out = (struct load_result){0};
    out->runs = mem_alloc(config->n_runs * sizeof(*out->runs));
    int r = init(&l);
    if (r == 0) {
        run(&l);
        r = l.has_failed ? LOAD_FAILED : 0;
        out->measure = l.crowd.measure;
        out->counts = *ledger_counts(l.crowd.ledger);
        out->n_unanswered = l.crowd.n_under_way;
        out->n_stored = l.n_stored;
    }
    fini(&l);
    return r;
}

void load_result_fini(struct load_result *r)
{
    free(r->runs);
    r->runs = NULL;
}
