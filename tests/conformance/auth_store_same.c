/**
 * Two backends, the same operations on sessions by chance, and the same answers. SEED=n runs
 * one again. The clock jumps back, by less than what is over is kept for.
 */
#include <time.h>

#include "support/auth_store_world.h"

#define ROUNDS    300
#define GROUP_MAX 40
#define PAGES     4
#define BACK_MS   (AUTH_STORE_KEPT_MS - 1)
#define NAMES     512
#define CHAINS    (UINT64_C(1) << 53)

static const char letters[] = "abAst";

enum side {
    MODEL,
    SQLITE,
    SIDES
};

/** A session that was begun, or not; what is known of its generation is a guess. */
struct known {
    char name[16];
    uint32_t generation;
    bool has_proof;
};

struct both {
    struct store_world *w[SIDES];
    struct seeded chance;
    uint64_t seed;
    int64_t after_ms; // the clock, behind NOW
    struct known known[NAMES];
    unsigned n_begun;
    int64_t position; // of some revocation
    char signature[AUTH_SIGNATURE_MAX];
};

/** One operation, as each of the two answers it. */
struct asked {
    struct auth_answer answers[SIDES];
};

static uint64_t below(struct both *b, uint64_t n)
{
    return next_u64(&b->chance) % n;
}

static char any_letter(struct both *b)
{
    return letters[below(b, sizeof(letters) - 1)];
}

static int64_t any_time(struct both *b)
{
    const int64_t back_ms = below(b, 4) == 0 ? (int64_t)below(b, BACK_MS) : 0;
    return NOW + b->after_ms - back_ms;
}

/** Some end later than a time, now and then before it. */
static int64_t any_end(struct both *b, int64_t from_ms)
{
    return from_ms - MINUTE + (int64_t)below(b, 3 * HOUR);
}

/** Mostly one of the last that were begun. */
static struct known *any_known(struct both *b)
{
    const unsigned n = b->n_begun < 200 ? b->n_begun : 200;
    const uint64_t back = n == 0 ? 0 : below(b, below(b, 3) == 0 ? n : n / 50 + 1);
    return &b->known[(b->n_begun - back) % NAMES];
}

/** Every other one is none, though there is a signature. It is borrowed from b. */
static struct auth_session_proof any_proof(struct both *b)
{
    const size_t lengths[] = {0, below(b, 100), below(b, AUTH_SIGNATURE_MAX),
                              AUTH_SIGNATURE_MAX};
    struct auth_session_proof proof = {
        .chain = below(b, 2) ? below(b, CHAINS) : 0,
        .signature = {b->signature, lengths[below(b, COUNT_OF(lengths))]}};

    rand_bytes(&b->chance.rand, b->signature, proof.signature.len);
    rand_bytes(&b->chance.rand, proof.digest, sizeof(proof.digest));
    return proof;
}

static void ask_begin_by_chance(struct both *b, struct asked *a)
{
    struct known *k = &b->known[++b->n_begun % NAMES];
    const int64_t now_ms = any_time(b);
    char nonce[16];

    struct auth_store_begin what = begin_of(any_letter(b), "", "");
    if (below(b, 2))
        what.account = who('a'); // so that it has too many
    snprintf(k->name, sizeof(k->name), "s%u", b->n_begun);
    k->generation = 1;
    what.session = str_of(k->name);
    snprintf(nonce, sizeof(nonce), "%u", (unsigned)below(b, 4000));
    what.nonce = str_of(nonce);
    what.now_ms = now_ms;
    what.nonce_until_ms = any_end(b, now_ms);
    what.expires_at_ms = any_end(b, now_ms) + 3 * HOUR;
    what.revoked_until_ms = any_end(b, now_ms);
    what.proof = any_proof(b);
    k->has_proof = what.proof.chain != 0;
    for (unsigned side = 0; side < SIDES; side++)
        auth_store_begin(auth_of(b->w[side]), &what, on_begun, &a->answers[side]);
}

static void ask_refresh_by_chance(struct both *b, struct asked *a)
{
    struct known *k = any_known(b);
    const uint64_t way = below(b, 16);
    const uint32_t generation = way == 0   ? (uint32_t)below(b, k->generation + 2)
                                : way == 1 ? 1
                                : way <= 4 ? k->generation - 1
                                           : k->generation;
    struct auth_store_refresh what = refresh_of(k->name, generation, 0);

    what.now_ms = any_time(b);
    what.grace_ms = (int64_t)below(b, 5 * MINUTE);
    what.revoked_until_ms = any_end(b, what.now_ms);
    what.is_proven = below(b, 3) > 0;
    k->generation += way > 4 && (what.is_proven || !k->has_proof);
    for (unsigned side = 0; side < SIDES; side++)
        auth_store_refresh(auth_of(b->w[side]), &what, on_refreshed, &a->answers[side]);
}

static void ask_end_by_chance(struct both *b, struct asked *a)
{
    const uint64_t way = below(b, 8);
    struct auth_store_end what = end_all_of(any_letter(b));

    if (way > 0)
        what.session = way == 1 ? STR("of another issuer") : str_of(any_known(b)->name);
    if (way > 0 && what.session.len == 0)
        what.session = STR("nobody");
    what.now_ms = any_time(b);
    what.until_ms = any_end(b, what.now_ms);
    for (unsigned side = 0; side < SIDES; side++)
        auth_store_end(auth_of(b->w[side]), &what, on_ended, &a->answers[side]);
}

static void ask_page_by_chance(struct both *b, struct asked *a)
{
    const struct auth_store_revocations what = {
        .after = below(b, 3) == 0 ? 0 : (int64_t)below(b, (uint64_t)b->position + 3),
        .now_ms = any_time(b),
        .max_revocations = 1 + below(b, 50)};
    for (unsigned side = 0; side < SIDES; side++)
        auth_store_revocations(auth_of(b->w[side]), &what, on_revocations, &a->answers[side]);
}

typedef void ask_fn(struct both *b, struct asked *a);

static ask_fn *const changes[] = {
    ask_begin_by_chance,   ask_begin_by_chance,   ask_begin_by_chance,   ask_refresh_by_chance,
    ask_refresh_by_chance, ask_refresh_by_chance, ask_refresh_by_chance, ask_refresh_by_chance,
    ask_refresh_by_chance, ask_end_by_chance};
static ask_fn *const pages[] = {ask_page_by_chance};

static void compare(struct both *b, struct asked *a, unsigned round)
{
    const struct auth_answer *want = &a->answers[MODEL];
    const struct auth_answer *got = &a->answers[SQLITE];

    auth_answer_await(&a->answers[MODEL]);
    auth_answer_await(&a->answers[SQLITE]);
    if (got->r != want->r || !str_eq(buf_str(&got->text), buf_str(&want->text))) {
        fail_msg("SEED=%llu, round %u: %d \"" STR_FMT "\", the model says %d \"" STR_FMT "\"",
                 (unsigned long long)b->seed, round, got->r, STR_ARG(buf_str(&got->text)),
                 want->r, STR_ARG(buf_str(&want->text)));
    }
    if (want->position > b->position)
        b->position = want->position;
    for (unsigned side = 0; side < SIDES; side++)
        auth_answer_fini(&a->answers[side]);
}

static void run_group(struct both *b, ask_fn *const *asks, size_t n_asks, size_t n,
                      unsigned round)
{
    struct asked group[GROUP_MAX];

    for (size_t i = 0; i < n; i++) {
        for (unsigned side = 0; side < SIDES; side++)
            auth_answer_init(&group[i].answers[side], b->w[side]);
        asks[below(b, n_asks)](b, &group[i]);
    }
    for (size_t i = 0; i < n; i++)
        compare(b, &group[i], round);
}

static void the_store_answers_as_the_model_does(void **state)
{
    struct both *b = *state;

    for (unsigned round = 0; round < ROUNDS; round++) {
        b->after_ms += (int64_t)below(b, 3 * MINUTE);
        run_group(b, changes, COUNT_OF(changes), 1 + below(b, GROUP_MAX), round);
        run_group(b, pages, COUNT_OF(pages), PAGES, round);
        if (below(b, 40) == 0) { // nothing is only in its memory
            store_world_close(b->w[SQLITE]);
            store_world_open(b->w[SQLITE]);
        }
    }
}

static int setup(void **state)
{
    struct both *b = NEW(struct both);
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread

    b->seed = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    b->chance = seeded_of(b->seed);
    print_message("SEED=%llu\n", (unsigned long long)b->seed);
    for (unsigned side = 0; side < SIDES; side++) {
        b->w[side] = store_world_new(side == MODEL      ? BACKEND_MEM
                                     : is_on_postgres() ? BACKEND_POSTGRES
                                                        : BACKEND_SQLITE);
    }
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct both *b = *state;

    for (unsigned side = 0; side < SIDES; side++)
        store_world_free(b->w[side]);
    free(b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_answers_as_the_model_does, setup, teardown),
    };
    return cmocka_run_group_tests_name("auth_store_same", tests, NULL, NULL);
}
