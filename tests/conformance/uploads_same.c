/**
 * Two backends, the same operations on uploads by chance, and the same answers. SEED=n runs one
 * again. The clock jumps back now and then.
 */
#include <time.h>

#include "support/uploads_world.h"

#define ROUNDS    300
#define GROUP_MAX 40
#define FINDS     6
#define IDS       256
#define LEAST     ((uint64_t)UPLOADS_COST_MIN)

static const char letters[] = "abAst";

enum side {
    MODEL,
    SQLITE,
    SIDES
};

struct both {
    struct store_world *w[SIDES];
    struct seeded chance;
    uint64_t seed;
    int64_t after_ms;   // the clock, behind NOW
    char ids[IDS][16];  // of the last that were announced, or refused
    char owners[IDS];   // theirs
    unsigned n_created; // so many
    unsigned n_messages;
};

/** One operation, as each of the two answers it. */
struct asked {
    struct store_answer answers[SIDES];
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
    const int64_t back_ms = below(b, 6) == 0 ? (int64_t)below(b, 10 * MINUTE) : 0;
    return NOW + b->after_ms - back_ms;
}

/** Mostly one of the last. */
static unsigned any_known(struct both *b)
{
    const unsigned n = b->n_created < IDS ? b->n_created : IDS - 1;
    const uint64_t back = n == 0 ? 0 : below(b, below(b, 3) == 0 ? n : n / 20 + 1);
    return (b->n_created - (unsigned)back) % IDS;
}

/** Small, so that it is met; and not always the same. */
static void any_quota(struct both *b, struct uploads_create *c)
{
    c->quota_bytes = (8 + below(b, 4)) * LEAST;
    c->quota_ms = below(b, 8) == 0 ? (int64_t)(1 + below(b, HOUR)) : 20 * MINUTE;
    c->max_pending = 1 + below(b, 6);
}

static uint64_t any_size(struct both *b)
{
    const uint64_t sizes[] = {1, LEAST, 1 + below(b, 3 * LEAST), 1 + below(b, 12 * LEAST)};
    return sizes[below(b, COUNT_OF(sizes))];
}

static void ask_create_by_chance(struct both *b, struct asked *a)
{
    const unsigned i = ++b->n_created % IDS;
    struct uploads_create what = create_of(any_letter(b), "");
    char name[CHAT_FILE_NAME_MAX];

    snprintf(b->ids[i], sizeof(b->ids[i]), "%x-%u", (unsigned)below(b, 4), b->n_created);
    b->owners[i] = letter_of(&what.upload.owner);
    what.upload.id = str_of(b->ids[i]);
    what.upload.name = (str){name, 1 + below(b, sizeof(name))};
    rand_bytes(&b->chance.rand, name, what.upload.name.len);
    what.upload.size = any_size(b);
    what.upload.has_sha256 = below(b, 2) == 0;
    if (what.upload.has_sha256)
        rand_bytes(&b->chance.rand, what.upload.sha256, CHAT_SHA256_SIZE);
    what.now_ms = any_time(b);
    what.until_ms = NOW + b->after_ms + (int64_t)below(b, 30 * MINUTE);
    any_quota(b, &what);
    for (unsigned side = 0; side < SIDES; side++)
        uploads_create(uploads_of(b->w[side]), &what, on_created, &a->answers[side]);
}

static void ask_settle_by_chance(struct both *b, struct asked *a)
{
    struct uploads_settle what =
        settle_of(b->ids[any_known(b)], below(b, 4) == 0 ? UPLOAD_REJECTED : UPLOAD_ACCEPTED);

    if (what.id.len == 0)
        what.id = STR("nothing");
    what.until_ms = NOW + b->after_ms + (int64_t)below(b, 30 * MINUTE);
    for (unsigned side = 0; side < SIDES; side++)
        uploads_settle(uploads_of(b->w[side]), &what, on_settled, &a->answers[side]);
}

static void ask_claim_by_chance(struct both *b, struct asked *a)
{
    const int64_t now_ms = any_time(b);
    const struct uploads_claim what = {.now_ms = now_ms,
                                       .again_ms = now_ms + 1 + (int64_t)below(b, HOUR),
                                       .max = 1 + below(b, UPLOADS_CLAIM_MAX)};

    for (unsigned side = 0; side < SIDES; side++)
        uploads_claim(uploads_of(b->w[side]), &what, on_claimed, &a->answers[side]);
}

static void ask_remove_by_chance(struct both *b, struct asked *a)
{
    str id = str_of(b->ids[any_known(b)]);

    if (id.len == 0)
        id = STR("nothing");
    for (unsigned side = 0; side < SIDES; side++)
        uploads_remove(uploads_of(b->w[side]), id, on_removed, &a->answers[side]);
}

/** Mostly by its owner; now and then of a key that is taken. */
static void ask_append_by_chance(struct both *b, struct asked *a)
{
    const unsigned i = any_known(b);
    char from = any_letter(b);
    const uint64_t back = below(b, 5) == 0 ? below(b, 20) : 0;
    char key[16];

    if (b->owners[i] != '\0' && below(b, 6) > 0)
        from = b->owners[i];
    b->n_messages++;
    snprintf(key, sizeof(key), "%llu", (unsigned long long)(b->n_messages + 20 - back));
    struct store_append what = message_with(from, 'z', key, b->ids[i]);
    if (below(b, 8) == 0)
        what.upload = (str){0};
    what.now_ms = NOW + b->after_ms;
    for (unsigned side = 0; side < SIDES; side++)
        store_append(b->w[side]->store, &what, on_append, &a->answers[side]);
}

static void ask_find_by_chance(struct both *b, struct asked *a)
{
    const str id = str_of(b->ids[any_known(b)]);

    for (unsigned side = 0; side < SIDES; side++)
        uploads_find(uploads_of(b->w[side]), id, on_found, &a->answers[side]);
}

typedef void ask_fn(struct both *b, struct asked *a);

static ask_fn *const changes[] = {
    ask_create_by_chance, ask_create_by_chance, ask_create_by_chance, ask_create_by_chance,
    ask_settle_by_chance, ask_settle_by_chance, ask_settle_by_chance, ask_append_by_chance,
    ask_append_by_chance, ask_claim_by_chance,  ask_remove_by_chance, ask_remove_by_chance};
static ask_fn *const finds[] = {ask_find_by_chance};

static void compare(struct both *b, struct asked *a, unsigned round)
{
    const struct store_answer *want = &a->answers[MODEL];
    const struct store_answer *got = &a->answers[SQLITE];

    answer_await(&a->answers[MODEL]);
    answer_await(&a->answers[SQLITE]);
    if (got->r != want->r || !str_eq(buf_str(&got->text), buf_str(&want->text))) {
        fail_msg("SEED=%llu, round %u: %d \"" STR_FMT "\", the model says %d \"" STR_FMT "\"",
                 (unsigned long long)b->seed, round, got->r, STR_ARG(buf_str(&got->text)),
                 want->r, STR_ARG(buf_str(&want->text)));
    }
    for (unsigned side = 0; side < SIDES; side++)
        answer_fini(&a->answers[side]);
}

static void run_group(struct both *b, ask_fn *const *asks, size_t n_asks, size_t n,
                      unsigned round)
{
    struct asked group[GROUP_MAX];

    for (size_t i = 0; i < n; i++) {
        for (unsigned side = 0; side < SIDES; side++)
            answer_init(&group[i].answers[side], b->w[side]);
        asks[below(b, n_asks)](b, &group[i]);
    }
    for (size_t i = 0; i < n; i++)
        compare(b, &group[i], round);
}

static void the_store_answers_as_the_model_does(void **state)
{
    struct both *b = *state;

    for (unsigned round = 0; round < ROUNDS; round++) {
        b->after_ms += (int64_t)below(b, 10 * MINUTE);
        run_group(b, changes, COUNT_OF(changes), 1 + below(b, GROUP_MAX), round);
        run_group(b, finds, COUNT_OF(finds), FINDS, round);
        if (below(b, 40) == 0) { // nothing is only in its memory
            store_world_close(b->w[SQLITE]);
            store_world_open(b->w[SQLITE]);
        }
    }
    const struct store_counters *model = &b->w[MODEL]->store->counters;
    assert_true(model->appended > 50 && model->commits > 1000);
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
        b->w[side]->in_full = true;
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
    return cmocka_run_group_tests_name("uploads_same", tests, NULL, NULL);
}
