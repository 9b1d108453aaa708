/** A life of a store beside the model, which must say the same; and figures of what was done.
 */
#pragma once

#include <time.h>

#include "power/check.h"

/** SEED=n plays one again. */
static inline uint64_t power_seed(void)
{
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    return seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
}

/** POWER_EVERY=1: not a sample, but all there are. */
static inline bool power_every(void)
{
    return getenv("POWER_EVERY") != NULL; // NOLINT(concurrency-mt-unsafe): one thread
}

struct power_recorder {
    struct power_life *life;
    struct store_world *w;
    struct store_world *model;
    struct power_disk *disk;
};

static inline void power_same_states(const struct power_recorder *r, size_t batch)
{
    struct power_state model;
    const struct power_state *ours = &r->life->moments[r->life->n_moments - 1].state;

    power_state_init(&model);
    power_state_say(&model, r->model, r->life->script, false);
    if (!str_eq(buf_str(&model.port), buf_str(&ours->port))) {
        fail_msg("batch %zu: the store is not as the model:\n" STR_FMT "\n" STR_FMT, batch,
                 STR_ARG(buf_str(&ours->port)), STR_ARG(buf_str(&model.port)));
    }
    power_state_fini(&model);
}

/** @param is_noted  or the moment is not worth a look */
static inline void power_record_batch(const struct power_recorder *r, size_t batch,
                                      bool is_noted)
{
    const struct power_player ours = {.w = r->w, .log = r->life->log, .book = r->life->book};
    const struct power_player model = {.w = r->model};
    struct buf got;
    struct buf want;

    buf_init(&got, SIZE_MAX / 2);
    buf_init(&want, SIZE_MAX / 2);
    power_play(&ours, r->life->script, batch, &got);
    power_play(&model, r->life->script, batch, &want);
    assert_non_null(r->w->store);
    expect_str("batch", buf_str(&got), buf_str(&want));
    buf_fini(&got);
    buf_fini(&want);
    if (!is_noted)
        return;
    power_life_note(r->life, r->w, (ptrdiff_t)batch);
    power_same_states(r, batch);
}

/** @param script  moved @param lies  of enum power_lie */
static inline struct power_recorder power_record_begin(struct power_log *log,
                                                       struct power_script *script,
                                                       unsigned lies)
{
    static const struct power_image nothing;
    struct power_recorder r = {.life = power_life_new(log),
                               .w = power_world_new(),
                               .model = store_world_new(BACKEND_MEM),
                               .disk = power_disk_new(&nothing, log)};

    r.life->script = script;
    r.w->index_after = script->index_after;
    r.model->in_full = true;
    power_disk_lie(r.disk, lies);
    assert_int_equal(power_world_open(r.w), 0);
    r.life->book->is_open = true;
    r.life->book->opened_at = power_log_count(log);
    r.life->book->epoch = r.w->store->epoch;
    power_life_note(r.life, r.w, -1);
    return r;
}

/** To the end of the process. @return owned; power_life_free() */
static inline struct power_life *power_record_end(const struct power_recorder *r)
{
    power_world_close(r->w);
    power_disk_free(r->disk);
    power_world_free(r->w);
    store_world_free(r->model);
    return r->life;
}

/** From an empty disk on, as power_record_begin() and power_record_end() have it. */
static inline struct power_life *power_record(struct power_log *log,
                                              struct power_script *script, unsigned lies)
{
    const struct power_recorder r = power_record_begin(log, script, lies);

    for (size_t i = 0; i < script->n_batches; i++)
        power_record_batch(&r, i, true);
    return power_record_end(&r);
}

static inline size_t power_count_ops(const struct power_log *log, enum power_op_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < power_log_count(log); i++)
        n += log->ops[i].kind == kind;
    return n;
}

/** How often what was copied of the log into the database was synced: by SQLite, where it has
 * copied all of it, and by the store. */
static inline size_t power_count_syncs(const struct power_log *log, size_t from, size_t to)
{
    size_t n = 0;

    for (size_t i = from; i < to; i++) {
        const struct power_op *op = &log->ops[i];
        n += op->kind == POWER_SYNC && power_op_is_of(log, op, POWER_DATABASE);
    }
    return n;
}

#define POWER_FRAMES  8192 // of the log, when the store copies it into the database
#define POWER_PAGE    4096
#define POWER_TO_COME 8 // batches, from just before it does

/** How much the log of the store has in it, if it was never begun anew. */
static inline size_t power_count_frames(const struct power_log *log)
{
    size_t n = 0;

    for (size_t i = 0; i < power_log_count(log); i++) {
        const struct power_op *op = &log->ops[i];
        n += op->kind == POWER_WRITE && op->n_bytes == POWER_PAGE &&
             power_op_is_of(log, op, POWER_WAL);
    }
    return n;
}

/**
 * So many messages that the store copies its log by itself, some batches before the end.
 *
 * @param first  gets the first batch whose moment is known, but for the opening
 */
static inline struct power_life *power_record_flood(struct power_log *log,
                                                    struct seeded *chance, size_t *first)
{
    struct power_script *script = power_script_new();
    const struct power_recorder r = power_record_begin(log, script, POWER_HONEST);

    while (power_count_frames(log) < POWER_FRAMES - 20) {
        for (unsigned i = 0; i < 2; i++) {
            power_script_add_long(script, chance);
            power_record_batch(&r, script->n_batches - 1, false);
        }
    }
    *first = script->n_batches;
    for (unsigned i = 0; i < POWER_TO_COME; i++) {
        power_script_add_long(script, chance);
        power_record_batch(&r, script->n_batches - 1, true);
    }
    return power_record_end(&r);
}
