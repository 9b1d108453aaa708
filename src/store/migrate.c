#include "store/migrate.h"

#include <string.h>

#include "base/err.h"
#include "store/dir.h"
#include "store/migrate_compare.h"

struct migrate {
    const struct migrate_config *config;
    struct migrate_source source;
    struct migrate_target target;
    bool is_resumed;
};

static void tell(struct migrate *m, const char *what, int64_t n, int64_t of)
{
    progress_tell(
        &m->config->to.progress,
        (struct progress){.what = what, .n = n, .of = of, .is_resumed = m->is_resumed});
    m->is_resumed = false;
}

/** How many there will be, where that is known. */
static int64_t total_of(const struct migrate *m, int64_t kind)
{
    switch (kind) {
    case MIGRATE_CONVERSATIONS: return m->source.mark.n_conversations;
    case MIGRATE_MESSAGES: return m->source.mark.n_messages;
    default: return 0;
    }
}

/** @return 0, MIGRATE_AWAY, or a fault */
static int copy_kind(struct migrate *m)
{
    const struct migrate_state *state = &m->target.state;
    const int64_t kind = state->kind;
    struct migrate_rows rows;
    int r = 0;

    migrate_rows_init(&rows, strlen(migrate_kinds[kind].types),
                      m->config->batch ? m->config->batch : MIGRATE_BATCH);
    m->is_resumed = state->n > 0;
    while (r == 0 && state->kind == kind) {
        tell(m, migrate_kinds[kind].name, state->n, total_of(m, kind));
        r = migrate_source_read(&m->source, (enum migrate_kind_id)kind, &state->at, &rows);
        if (r == 0)
            r = migrate_target_put(&m->target, &rows);
    }
    migrate_rows_fini(&rows);
    return r;
}

/** @return 0, MIGRATE_AWAY, or a fault */
static int copy(struct migrate *m)
{
    int r = 0;

    if (!m->target.state.is_there)
        r = migrate_target_begin(&m->target, &m->source.mark);
    while (r == 0 && m->target.state.kind < MIGRATE_KINDS)
        r = copy_kind(m);
    if (r != 0)
        return r;
    tell(m, "indices", 0, 0);
    return migrate_target_finish(&m->target);
}

static bool is_of(const struct migrate_mark *a, const struct migrate_mark *b)
{
    return memcmp(a, b, sizeof(*a)) == 0; // numbers of eight bytes
}

/** @return 0, or an enum migrate_refusal */
static int check(const struct migrate *m)
{
    const struct migrate_state *state = &m->target.state;
    const bool is_same_store = state->mark.epoch == m->source.mark.epoch;

    if (!state->is_there)
        return m->config->only_compare ? MIGRATE_NOT_YET : 0;
    if (state->is_done && !is_same_store)
        return MIGRATE_OTHER;
    if (m->config->only_compare)
        return state->is_done ? 0 : MIGRATE_NOT_YET;
    if (state->is_done)
        return MIGRATE_DONE;
    return is_of(&state->mark, &m->source.mark) ? 0 : MIGRATE_OTHER;
}

/** Both are open. @return as migrate_run() */
static int move(struct migrate *m)
{
    int r = check(m);

    if (r == 0 && !m->config->only_compare)
        r = copy(m);
    if (r == 0)
        r = migrate_compare(&m->source, &m->target, &m->config->to);
    if (r == 0 && !m->config->only_compare)
        r = migrate_target_end(&m->target);
    return r;
}

static int open_target(struct migrate *m)
{
    const struct migrate_target_config config = {
        .url = m->config->url,
        .rand = m->config->rand,
        .epoch = (uint64_t)m->source.mark.epoch,
        .is_read_only = m->config->only_compare,
    };

    const int r = migrate_target_open(&m->target, &config);
    return r == MIGRATE_NOT_EMPTY && m->config->only_compare ? MIGRATE_NOT_YET : r;
}

int migrate_run(const struct migrate_config *config)
{
    struct migrate m = {.config = config};

    int r = migrate_source_open(&m.source, config->dir, config->rand);
    if (r == 0) {
        r = open_target(&m);
        if (r == 0)
            r = move(&m);
        migrate_target_close(&m.target);
    }
    if ((r == 0 || r == MIGRATE_DONE) && !config->only_compare) {
        const int marked = store_dir_set_moved(config->dir);
        r = marked < 0 ? marked : r;
    }
    migrate_source_close(&m.source);
    return r < 0 ? err_up(r) : r;
}
