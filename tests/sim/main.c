#include <getopt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/auth.h"
#include "base/err.h"
#include "base/log.h"
#include "chat/limits.h"
#include "support/whole_node.h"

#include "sim.h"

#define CALM_MS   120000 // until all must have everything
#define CALM_STEP 100

// What the others share.

uint64_t sim_below(struct sim *sim, uint64_t n)
{
    return seeded_next(&sim->chance) / 7 % n;
}

const char *sim_address(unsigned wallet)
{
    static char text[SIM_WALLETS][43];
    char *out = text[wallet];

    memset(out, '1' + (int)wallet, 42);
    out[0] = '0';
    out[1] = 'x';
    out[42] = '\0';
    return out;
}

account sim_account(unsigned wallet)
{
    account a = {0};
    const int r = auth_account_parse(&a, str_of(sim_address(wallet)), 1);

    assert(r == 0);
    (void)r;
    return a;
}

unsigned sim_wallet(struct sim *sim, str address)
{
    for (unsigned i = 0; i < SIM_WALLETS; i++) {
        if (str_eq(address, str_of(sim_address(i))))
            return i;
    }
    sim_fail(sim, "an address that nobody has: " STR_FMT, STR_ARG(address));
}

void sim_settle(struct sim *sim)
{
    while (sim->later.head)
        job_run_all(&sim->later);
}

static int64_t unix_ms(struct clock *c)
{
    const struct sim *sim = container_of(c, struct sim, clock);
    return SIM_UNIX_MS + sim->timers.now_ms + sim->clock_off_ms;
}

// What is said.

void sim_note(struct sim *sim, const char *fmt, ...)
{
    char *out = sim->notes[sim->n_notes++ % SIM_NOTES];
    va_list ap;

    const int n = snprintf(out, SIM_NOTE_SIZE, "%8lld ", (long long)sim->timers.now_ms);
    va_start(ap, fmt);
    vsnprintf(out + n, SIM_NOTE_SIZE - (size_t)n, fmt, ap);
    va_end(ap);
    if (sim->traces)
        puts(out);
}

_Noreturn void sim_fail(struct sim *sim, const char *fmt, ...)
{
    const size_t first = sim->n_notes > SIM_NOTES ? sim->n_notes - SIM_NOTES : 0;
    va_list ap;

    for (size_t i = first; !sim->traces && i < sim->n_notes; i++)
        puts(sim->notes[i % SIM_NOTES]);
    printf("%8lld VIOLATED, seed %llu: ", (long long)sim->timers.now_ms,
           (unsigned long long)sim->config.seed);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    puts("");
    fflush(stdout);
    _exit(1);
}

// Faults. What ends by itself does so by a timer.

static void on_node_back(struct timer *t)
{
    const struct sim_later *l = container_of(t, struct sim_later, timer);

    sim_note(l->sim, "node %u begins", l->node);
    sim_node_start(l->sim, l->node);
}

static void end_node(struct sim *sim, unsigned i, bool is_crash)
{
    sim_note(sim, "node %u %s", i, is_crash ? "crashes" : "stops");
    *(is_crash ? &sim->counters.crashes : &sim->counters.stops) += 1;
    sim_node_end(sim, i, is_crash);
    timer_set(&sim->timers, &sim->node_back[i].timer,
              sim->timers.now_ms + sim_between(sim, 1, 3000));
}

static void end_some(struct sim *sim, unsigned which, bool is_crash)
{
    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        if (sim->nodes[i] && (i == which || sim->config.is_one))
            end_node(sim, i, is_crash);
    }
}

static void on_bus_back(struct timer *t)
{
    const struct sim_later *l = container_of(t, struct sim_later, timer);

    sim_note(l->sim, "node %u has its bus again", l->node);
    l->sim->is_cut_off[l->node] = false;
    if (l->sim->nodes[l->node] && sim_one_in(l->sim, 2))
        sim_bus_gap(sim_node_bus(l->sim->nodes[l->node]));
}

static void cut_off(struct sim *sim, unsigned i)
{
    if (sim->config.n_nodes == 1 || sim->config.is_one)
        return;
    sim_note(sim, "node %u has no bus", i);
    sim->is_cut_off[i] = true;
    timer_set(&sim->timers, &sim->bus_back[i].timer,
              sim->timers.now_ms + sim_between(sim, 1, 5000));
}

static void on_store_back(struct timer *t)
{
    container_of(t, struct sim, store_back)->is_store_away = false;
}

static void take_store_away(struct sim *sim)
{
    sim_note(sim, "the store is away");
    sim->is_store_away = true;
    timer_set(&sim->timers, &sim->store_back, sim->timers.now_ms + sim_between(sim, 1, 3000));
}

static struct sim_link *some_link(struct sim *sim)
{
    struct sim_link *found = NULL;
    uint64_t n = 0;

    list_each (node, &sim->links) {
        if (sim_one_in(sim, ++n))
            found = container_of(node, struct sim_link, node);
    }
    return found;
}

static void harm_link(struct sim *sim, bool is_cut)
{
    struct sim_link *l = some_link(sim);

    if (!l)
        return;
    sim_note(sim, "a link to node %u %s", l->at, is_cut ? "is cut" : "goes black");
    if (is_cut) {
        sim->counters.cuts++;
        sim_link_cut(l);
    } else {
        sim->counters.holes++;
        l->is_black = true;
    }
}

static void set_clocks(struct sim *sim)
{
    sim->counters.clocks++;
    sim->clock_off_ms = sim_between(sim, -600000, 600000);
}

static void do_harm(struct sim *sim)
{
    const unsigned node = (unsigned)sim_below(sim, sim->config.n_nodes);

    switch (sim_below(sim, 10)) {
    case 0:
    case 1: end_some(sim, node, true); break;
    case 2: end_some(sim, node, false); break;
    case 3: cut_off(sim, node); break;
    case 4: take_store_away(sim); break;
    case 5: harm_link(sim, false); break;
    case 6: set_clocks(sim); break;
    default: harm_link(sim, true); break;
    }
}

static void on_fault(struct timer *t)
{
    struct sim *sim = container_of(t, struct sim, fault);

    do_harm(sim);
    timer_set(&sim->timers, t,
              sim->timers.now_ms + sim_between(sim, 1, sim->config.between_ms));
}

// A run.

/** Little is said, and long apart: what is lost is not soon made good by the next one. */
static void make_quiet(struct sim *sim, struct sim_config *config)
{
    config->busy_ms = sim_between(sim, 20000, 90000);
    config->act_ms = sim_between(sim, 500, 5000);
    config->bus_loses = 1 + (unsigned)sim_below(sim, 5);
    config->between_ms = sim_one_in(sim, 2) ? 0 : sim_between(sim, 2000, 20000);
}

static struct sim_config config_of(uint64_t seed)
{
    struct sim sim = {0};

    seeded_init(&sim.chance, seed * 2 + 1);
    for (int i = 0; i < 8; i++)
        sim_below(&sim, 2);
    struct sim_config config = {
        .seed = seed,
        .n_nodes = 1 + (unsigned)sim_below(&sim, SIM_NODES),
        .busy_ms = sim_between(&sim, 5000, 20000),
        .bus_loses = sim_one_in(&sim, 3) ? 0 : 1 + (unsigned)sim_below(&sim, 20),
        .store_fails = sim_one_in(&sim, 2) ? 0 : 5 + (unsigned)sim_below(&sim, 200),
        .store_ms = sim_between(&sim, 0, 60),
        .net_ms = sim_between(&sim, 0, 80),
        .bus_ms = sim_between(&sim, 0, 200),
        .between_ms = sim_one_in(&sim, 6) ? 0 : sim_between(&sim, 100, 3000),
        .act_ms = sim_between(&sim, 20, 300),
    };
    if (sim_one_in(&sim, 3))
        make_quiet(&sim, &config);
    config.sessions = sim_one_in(&sim, 2) ? SIM_DEVICES / SIM_WALLETS : 0;
    config.is_one = config.n_nodes > 1 && sim_one_in(&sim, 3);
    if (config.is_one)
        config.bus_loses = 0;
    return config;
}

static void make_limits(struct sim *sim)
{
    const struct rate rate = {1000000, 1000, 1}; // more than anybody asks for
    const struct chat_config config = {
        .sends = rate, .requests = rate, .sessions = sim->config.sessions};

    if (sim->config.sessions > 0)
        sim->limits = chat_limits_new(&config, &sim->chance.rand);
}

static void start(struct sim *sim, uint64_t seed)
{
    static const struct store_limits limits = {
        .accepted = {.messages = UINT64_MAX, .bytes = UINT64_MAX},
        .stranger = {.messages = UINT64_MAX, .bytes = UINT64_MAX},
        .mailbox = UINT64_MAX,
    };

    sim->config = config_of(seed);
    sim->timers.now_ms = SIM_START_MS;
    sim->later = JOB_QUEUE_INIT(sim->later);
    sim->clock.unix_ms = unix_ms;
    seeded_init(&sim->chance, seed + 1);
    list_init(&sim->links);
    buf_init(&sim->text, SIZE_MAX / 2);
    whole_node_keyring(&sim->keyring, &sim->chance.rand);
    sim->disk = store_mem_new(&sim->later, &sim->chance.rand, &limits);
    make_limits(sim);
    timer_init(&sim->fault, on_fault);
    timer_init(&sim->store_back, on_store_back);
    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        sim->node_back[i] = (struct sim_later){.sim = sim, .node = i};
        sim->bus_back[i] = (struct sim_later){.sim = sim, .node = i};
        timer_init(&sim->node_back[i].timer, on_node_back);
        timer_init(&sim->bus_back[i].timer, on_bus_back);
        sim_node_start(sim, i);
    }
    for (unsigned i = 0; i < SIM_DEVICES; i++)
        sim_device_init(sim, i);
    if (sim->config.between_ms > 0)
        timer_set(&sim->timers, &sim->fault, sim->timers.now_ms + sim->config.between_ms);
}

/** Virtual time goes by; everything is looked at after each event. */
static void run_until(struct sim *sim, int64_t until_ms)
{
    while (timers_next_ms(&sim->timers) <= until_ms) {
        const int64_t next_ms = timers_next_ms(&sim->timers);
        timers_run(&sim->timers, next_ms > sim->timers.now_ms ? next_ms : sim->timers.now_ms);
        sim_settle(sim);
        sim_links_turn(sim);
        truth_check(sim);
        sim->counters.events++;
    }
    sim->timers.now_ms = until_ms;
}

/** All that is away comes back, and nothing goes wrong any more. */
static void calm(struct sim *sim)
{
    sim_note(sim, "nothing goes wrong any more");
    sim->is_calm = true;
    sim->is_store_away = false;
    timer_cancel(&sim->timers, &sim->fault);
    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        if (sim->is_cut_off[i]) {
            timer_cancel(&sim->timers, &sim->bus_back[i].timer);
            on_bus_back(&sim->bus_back[i].timer);
        }
        if (sim->nodes[i])
            continue;
        timer_cancel(&sim->timers, &sim->node_back[i].timer);
        on_node_back(&sim->node_back[i].timer);
    }
}

static void await(struct sim *sim, const char *(*is_missing)(struct sim *sim))
{
    const int64_t end_ms = sim->timers.now_ms + CALM_MS;
    const char *what = is_missing(sim);

    while (what && sim->timers.now_ms < end_ms) {
        run_until(sim, sim->timers.now_ms + CALM_STEP);
        what = is_missing(sim);
    }
    if (what)
        sim_fail(sim, "%d s after all was well again: %s", CALM_MS / 1000, what);
}

static void stop(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_DEVICES; i++)
        sim_device_fini(&sim->devices[i]);
    for (unsigned i = 0; i < sim->config.n_nodes; i++)
        sim_node_end(sim, i, false);
    sim_links_free(sim);
    sim_settle(sim);
    chat_limits_free(sim->limits);
    store_free(sim->disk);
    auth_keyring_fini(&sim->keyring);
    buf_fini(&sim->text);
}

static struct sim_counters run(uint64_t seed, bool traces)
{
    struct sim *sim = NEW(struct sim);

    sim->traces = traces;
    start(sim, seed);
    sim_note(sim, "%u nodes%s", sim->config.n_nodes,
             sim->config.is_one ? " of one process" : "");
    run_until(sim, sim->timers.now_ms + sim->config.busy_ms);
    calm(sim);
    await(sim, truth_is_missing); // without a new message, or a new connection
    for (unsigned i = 0; i < SIM_DEVICES; i++)
        sim_device_come_again(&sim->devices[i]);
    await(sim, truth_is_missing);
    await(sim, truth_is_undelivered);
    stop(sim);
    const struct sim_counters counters = sim->counters;
    free(sim);
    return counters;
}

// Many of them, each in a process of its own: one that fails harms no other.

static bool run_apart(uint64_t seed, struct sim_counters *out)
{
    int ends[2];
    int status = 0;

    fflush(stdout);
    if (pipe(ends) != 0)
        abort();
    const pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        close(ends[0]);
        const struct sim_counters counters = run(seed, false);
        const bool is_said = write(ends[1], &counters, sizeof(counters)) == sizeof(counters);
        close(ends[1]);
        exit(is_said ? 0 : 1); // NOLINT(concurrency-mt-unsafe): one thread, and leaks are said
    }
    close(ends[1]);
    const bool is_said = read(ends[0], out, sizeof(*out)) == sizeof(*out);
    close(ends[0]);
    if (waitpid(child, &status, 0) != child)
        abort();
    return is_said && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void add(struct sim_counters *all, const struct sim_counters *one)
{
    uint64_t *to = (uint64_t *)all;
    const uint64_t *from = (const uint64_t *)one;

    for (size_t i = 0; i < sizeof(*all) / sizeof(*to); i++)
        to[i] += from[i];
}

#define N(field) ((unsigned long long)(all).field)

static void report(uint64_t first, uint64_t n, struct sim_counters all)
{
    printf(
        "  seeds %llu to %llu: %llu events, %llu sends, %llu acknowledged, %llu refused, "
        "%llu cut off before their answer\n",
        (unsigned long long)first, (unsigned long long)(first + n - 1), N(events), N(sent),
        N(acked), N(refused), N(unknown));
    printf(
        "  %llu crashes, %llu stops, %llu connections cut, %llu gone black, %llu of %llu "
        "hints lost, %llu sockets that were mended by a check, %llu that went for another, "
        "%llu operations refused by the store, %llu of unknown outcome\n",
        N(crashes), N(stops), N(cuts), N(holes), N(hints_lost), N(hints), N(unhinted),
        N(crowded), N(store_refused), N(store_uncertain));
}

static int usage(void)
{
    fputs(
        "usage: sim [--seed N] [--seeds N] [--trace]\n"
        "Whole nodes and their devices on virtual time, by chance from seeds: --seeds many\n"
        "(100), from --seed on (1). --trace: one run, and all that happens.\n",
        stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seeds", required_argument, NULL, 'n'},
                                            {"trace", no_argument, NULL, 't'},
                                            {0}};
    uint64_t first = 1;
    uint64_t n = 100;
    bool traces = false;
    struct sim_counters all = {0};
    uint64_t n_failed = 0;

    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    for (int c = 0; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 't') {
            traces = true;
        } else if (c == '?' || str_to_u64(str_of(optarg), UINT64_MAX, c == 's' ? &first : &n)) {
            return usage();
        }
    }
    if (log_set_levels(STR("error")) != 0)
        abort();
    if (traces) {
        all = run(first, true);
        report(first, 1, all);
        return 0;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct sim_counters one = {0};
        if (run_apart(first + i, &one)) {
            add(&all, &one);
            continue;
        }
        n_failed++;
        printf("not ok, seed %llu: again with sim --seed %llu --trace\n",
               (unsigned long long)first + i, (unsigned long long)first + i);
    }
    report(first, n, all);
    printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)(n - n_failed),
           (unsigned long long)n_failed);
    return n_failed > 0;
}
