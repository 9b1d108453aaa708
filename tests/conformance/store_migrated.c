/**
 * What `parley migrate` makes of a store goes on as the store did: by chance, beside the model,
 * first on SQLite, and then, moved, on PostgreSQL. SEED=n runs one again.
 */
#include "store/migrate.h"
#include "support/store_both.h"

#define WORLDS 6
#define ROUNDS 16 // before it, at most, and behind it

static void run_world(struct both *b, unsigned n_rounds)
{
    for (unsigned round = 0; round < n_rounds; round++) {
        run_group(b, writes, COUNT_OF(writes), 1 + below(b, GROUP_MAX), round);
        run_group(b, reads, COUNT_OF(reads), READS, round);
        if (below(b, 8) == 0) {
            store_world_close(b->w[TESTED]);
            store_world_open(b->w[TESTED]);
        }
    }
}

static void on_compared(void *arg, const struct migrate_compared *c)
{
    (void)arg;
    if (!c->is_same)
        print_message("%s: %s / %s\n", c->name, c->here, c->there);
}

/** What was said of the one is said of the other: ids are what they were. */
static void move(struct both *b)
{
    struct store_world *from = b->w[TESTED];
    struct store_world *to = store_world_new(BACKEND_POSTGRES);
    const struct migrate_config config = {.dir = from->dir,
                                          .url = to->pg.url,
                                          .rand = &to->chance.rand,
                                          .to.compared = on_compared};

    store_world_close(from);
    store_world_close(to);
    const int r = migrate_run(&config);
    if (r != 0)
        fail_msg("SEED=%llu: %d", (unsigned long long)b->seed, r);
    to->limits = from->limits;
    to->in_full = true;
    to->named = from->named;
    to->n_named = from->n_named;
    from->named = NULL;
    store_world_open(to);
    store_world_free(from);
    b->w[TESTED] = to;
}

/** @param state  the limits */
static void goes_on_as_the_model_does(void **state)
{
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    struct both b = {.seed = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL)};

    if (!pg_world_server())
        skip();
    b.chance = seeded_of(b.seed);
    print_message("SEED=%llu\n", (unsigned long long)b.seed);
    for (unsigned i = 0; i < WORLDS; i++) {
        b.n_letters = i % 2 == 0 ? sizeof(letters) - 1 : FEWEST_LETTERS;
        b.length = i % 2 == 0 ? 1 : 4;
        open_world(&b, *state, BACKEND_SQLITE);
        run_world(&b, i == 0 ? 0 : (unsigned)below(&b, ROUNDS + 1));
        move(&b);
        run_group(&b, reads, COUNT_OF(reads), GROUP_MAX, ROUNDS);
        run_world(&b, ROUNDS);
        close_world(&b);
    }
}

// Small, so that each of them is met.
static struct store_limits open_marks = {
    .accepted = {.messages = 10, .bytes = 160},
    .stranger = {.messages = 6, .bytes = 88},
    .mailbox = 12,
};

static struct store_limits shy_marks = {
    .accepted = {.messages = 10, .bytes = 160},
    .stranger = {.messages = 6, .bytes = 88},
    .mailbox = 12,
    .only_accepted_know = true,
};

int main(void)
{
    // Conversations go by the order in which they are spoken of, as on PostgreSQL.
    setenv("STORE", "postgres", 1); // NOLINT(concurrency-mt-unsafe): one thread
#define MIGRATED(limits)                                                                       \
    {                                                                                          \
        #limits ": goes_on_as_the_model_does", goes_on_as_the_model_does, NULL, NULL,          \
            &(limits)                                                                          \
    }
    const struct CMUnitTest tests[] = {MIGRATED(open_marks), MIGRATED(shy_marks)};
    return cmocka_run_group_tests_name("store_migrated", tests, NULL, NULL);
}
