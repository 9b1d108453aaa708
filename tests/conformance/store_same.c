/** Two backends, the same operations by chance, and the same answers. SEED=n runs one again. */
#include "support/store_both.h"

#define WORLDS 6 // in old ones all have accepted each other
#define ROUNDS 40

static void run_world(struct both *b)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_group(b, writes, COUNT_OF(writes), 1 + below(b, GROUP_MAX), round);
        run_group(b, reads, COUNT_OF(reads), READS, round);
        if (below(b, 20) == 0) { // nothing is only in its memory
            store_world_close(b->w[TESTED]);
            store_world_open(b->w[TESTED]);
        }
    }
}

/** @param state  the limits */
static void the_store_answers_as_the_model_does(void **state)
{
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    struct both b = {.seed = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL)};

    b.chance = seeded_of(b.seed);
    print_message("SEED=%llu\n", (unsigned long long)b.seed);
    for (unsigned i = 0; i < WORLDS; i++) { // many short conversations, or a few long ones
        b.n_letters = i % 2 == 0 ? sizeof(letters) - 1 : FEWEST_LETTERS;
        b.length = i % 2 == 0 ? 1 : 4;
        open_world(&b, *state, is_on_postgres() ? BACKEND_POSTGRES : BACKEND_SQLITE);
        run_world(&b);
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
#define SAME(limits)                                                                           \
    {                                                                                          \
        #limits ": the_store_answers_as_the_model_does", the_store_answers_as_the_model_does,  \
            NULL, NULL, &(limits)                                                              \
    }
    const struct CMUnitTest tests[] = {SAME(open_marks), SAME(shy_marks)};
    return cmocka_run_group_tests_name("store_same", tests, NULL, NULL);
}
