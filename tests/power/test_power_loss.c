/**
 * The power goes after each operation on the disk, and anything may be left of what was not
 * synced: the store opens, and nothing that was acknowledged is missing, changed or done twice.
 *
 * SEED=n plays one life again; POWER_EVERY=1 cuts it after every operation.
 */
#include "power/record.h"

#define BATCHES      60  // twice that with POWER_EVERY
#define SAMPLE       100 // cuts by chance, beside those around syncs
#define FLOOD_SAMPLE 4   // likewise; with POWER_EVERY
#define FLOOD_EVERY  150 // so many
#define SECOND_EVERY 25  // images whose recovery is cut in its turn
#define SECOND_CUTS  3

struct tally {
    size_t n_cuts; // places
    size_t n_images[POWER_CUTS];
    size_t n_same;   // of these, as one that was looked at, with the same claim
    size_t n_looks;  // at the others
    size_t n_second; // images of a recovery, beside these
    size_t n_lost;   // whose index was taken away
    size_t n_stale;  // or is that of a moment before
};

struct world {
    uint64_t seed;
    struct seeded chance;
    struct power_log *log;
    struct power_checker *checker;
    struct power_checker *second;
    struct power_image before; // whose index is another image's, too
    struct tally tally;
};

static void fail_at(const struct world *w, size_t n, const char *cut, const char *why)
{
    fail_msg("SEED=%llu, after operation %zu, unsynced %s: %s", (unsigned long long)w->seed, n,
             cut, why);
}

/** The power goes once more, while the store recovers, or right after. */
static void cut_again(struct world *w, const struct power_life *life, size_t first)
{
    const size_t n_ops = power_log_count(life->log);
    struct power_past *past = power_past_new(life->log, &life->from, false);
    size_t n = 0;

    for (unsigned i = 0; i < SECOND_CUTS; i++) {
        const enum power_cut cut = (enum power_cut)(next_u64(&w->chance) % POWER_CUTS);
        struct power_image image;
        n += (size_t)(next_u64(&w->chance) % (1 + (n_ops - n) / (SECOND_CUTS - i)));
        power_past_go(past, n);
        power_past_cut(past, cut, &w->chance.rand, &image);
        const char *why = power_check_life(w->second, life, n, &image, NULL);
        if (why)
            fail_at(w, first, "and again in the recovery", why);
        power_image_fini(&image);
        w->tally.n_second++;
    }
    power_past_free(past);
}

static void look(struct world *w, const struct power_life *life, size_t n, enum power_cut cut,
                 const struct power_image *image)
{
    struct power_life *next = NULL;
    const bool is_cut_again = ++w->tally.n_looks % SECOND_EVERY == 0;
    const char *why = power_check_life(w->checker, life, n, image, is_cut_again ? &next : NULL);

    if (why)
        fail_at(w, n, power_cut_names[cut], why);
    if (next) {
        cut_again(w, next, n);
        power_life_free(next);
    }
}

/** How many batches were sent, and answered: with the same image and claim there is nothing
 * new. */
static uint64_t claim_hash(const struct power_life *life, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < life->n_moments; i++)
        sum += (life->moments[i].sent_at <= n) + ((life->moments[i].answered_at <= n) << 16);
    return sum << 32;
}

#define SEEN_MAX 65536

/** Of what is by chance there is more. */
static const enum power_cut hows[] = {POWER_KEPT,     POWER_DROPPED,  POWER_TORN,
                                      POWER_SHUFFLED, POWER_SHUFFLED, POWER_TORN};

static bool was_seen(uint64_t *seen, uint64_t hash)
{
    size_t i = hash % SEEN_MAX;

    while (seen[i] != 0 && seen[i] != hash)
        i = (i + 1) % SEEN_MAX;
    const bool was = seen[i] == hash;
    seen[i] = hash;
    return was;
}

#define LOST_EVERY   6 // images, by chance, whose index is another one
#define BEFORE_EVERY 40

/** The index may be lost on its own, or be put back. */
static void lose_index(struct world *w, struct power_image *image)
{
    static const struct power_image nothing;
    const bool is_stale = next_u64(&w->chance) % 2 > 0;

    if (next_u64(&w->chance) % LOST_EVERY > 0)
        return;
    power_image_take_index(image, is_stale ? &w->before : &nothing);
    w->tally.n_stale += is_stale;
    w->tally.n_lost += !is_stale;
}

/** @param seen  hashes */
static void cut(struct world *w, const struct power_life *life, const struct power_past *past,
                size_t n, enum power_cut how, uint64_t *seen)
{
    struct power_image image;

    power_past_cut(past, how, &w->chance.rand, &image);
    lose_index(w, &image);
    w->tally.n_images[how]++;
    if (was_seen(seen, power_image_hash(&image) ^ claim_hash(life, n))) {
        w->tally.n_same++;
    } else {
        look(w, life, n, how, &image);
    }
    power_image_fini(&image);
}

static void cut_everywhere(struct world *w, const struct power_life *life, const bool *wanted)
{
    struct power_past *past = power_past_new(life->log, &life->from, false);
    uint64_t *seen = mem_alloc(SEEN_MAX * sizeof(*seen));

    for (size_t n = 0; n <= power_log_count(life->log); n++) {
        if (!wanted[n])
            continue;
        w->tally.n_cuts++;
        power_past_go(past, n);
        for (unsigned i = 0; i < COUNT_OF(hows); i++)
            cut(w, life, past, n, hows[i], seen);
        if (w->tally.n_cuts % BEFORE_EVERY == 0) {
            power_image_fini(&w->before);
            power_past_cut(past, POWER_KEPT, &w->chance.rand, &w->before);
        }
    }
    power_image_fini(&w->before);
    free(seen);
    power_past_free(past);
}

/** Around what makes a difference, and some by chance. */
static bool *choose(struct world *w, const struct power_life *life, size_t from, size_t sample)
{
    const size_t n_ops = power_log_count(life->log);
    bool *wanted = mem_alloc((n_ops + 2) * sizeof(*wanted));

    for (size_t n = from; n < n_ops; n++) {
        if (life->log->ops[n].kind != POWER_WRITE)
            wanted[n] = wanted[n + 1] = true;
    }
    for (size_t i = 0; i < sample; i++)
        wanted[from + next_u64(&w->chance) % (n_ops + 1 - from)] = true;
    wanted[n_ops] = true;
    return wanted;
}

static void say_figures(const struct world *w, const char *what, const struct power_life *life)
{
    const struct tally *t = &w->tally;

    print_message(
        "  power loss, %s: SEED=%llu, %zu operations of the store in %zu batches, %zu of "
        "the disk, %zu syncs\n",
        what, (unsigned long long)w->seed, life->script->n_steps, life->script->n_batches,
        power_log_count(life->log), power_count_ops(life->log, POWER_SYNC));
    print_message(
        "  cut after %zu of them, %zu images: %zu kept, %zu dropped, %zu torn, %zu "
        "shuffled; %zu opened, the others are the same; and %zu of a recovery; %zu without "
        "an index, %zu with one of before\n",
        t->n_cuts, t->n_same + t->n_looks, t->n_images[POWER_KEPT], t->n_images[POWER_DROPPED],
        t->n_images[POWER_TORN], t->n_images[POWER_SHUFFLED], t->n_looks, t->n_second,
        t->n_lost, t->n_stale);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    w->seed = power_seed();
    w->chance = seeded_of(w->seed);
    w->log = power_log_new();
    w->checker = power_checker_new(w->seed + 1);
    w->second = power_checker_new(w->seed + 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    power_checker_free(w->checker);
    power_checker_free(w->second);
    power_log_free(w->log);
    free(w);
    return 0;
}

static void lose_power(struct world *w, const char *what, size_t index_after)
{
    struct power_script *script = power_script_new();

    print_message("SEED=%llu\n", (unsigned long long)w->seed);
    script->index_after = index_after;
    power_script_add_by_chance(script, &w->chance, power_every() ? 2 * BATCHES : BATCHES);
    struct power_life *life = power_record(w->log, script, POWER_HONEST);
    bool *wanted = choose(w, life, 0, SAMPLE);
    for (size_t n = 0; power_every() && n < power_log_count(w->log); n++)
        wanted[n] = true;
    cut_everywhere(w, life, wanted);
    say_figures(w, what, life);
    assert_true(script->n_steps >= 200);
    assert_true(w->tally.n_lost > 0 && w->tally.n_stale > 0);
    free(wanted);
    power_life_free(life);
}

static void nothing_acknowledged_is_lost_whenever_the_power_goes(void **state)
{
    lose_power(*state, "everything", 0);
}

static void nothing_is_lost_while_the_index_is_filled(void **state)
{
    lose_power(*state, "with an index that has all at once", 1);
}

/** Its log is then begun anew, where that of before still is. */
static void nothing_is_lost_while_the_store_copies_its_log(void **state)
{
    struct world *w = *state;
    size_t first = 0;
    struct power_life *life = power_record_flood(w->log, &w->chance, &first);
    const size_t from = life->moments[1].answered_at;
    bool *wanted = choose(w, life, from, power_every() ? FLOOD_EVERY : FLOOD_SAMPLE);

    const size_t to = life->moments[life->n_moments - 1].answered_at;
    assert_int_equal(power_count_syncs(w->log, from, to), 2);
    cut_everywhere(w, life, wanted);
    say_figures(w, "while the store copies its log", life);
    free(wanted);
    power_life_free(life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost_whenever_the_power_goes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_the_index_is_filled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_lost_while_the_store_copies_its_log, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("power_loss", tests, NULL, NULL);
}
