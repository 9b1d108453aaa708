/**
 * A disk that is full, or fails to read, write or sync, at each operation in turn: what is
 * answered with an error is not stored, what may be stored is not answered, and all else is
 * there, also when the power goes afterwards.
 *
 * SEED=n plays them again; POWER_EVERY=1 takes each operation.
 */
#include <sys/mman.h>

#include "power/record.h"
#include "support/aborts.h"

#define BATCHES     40
#define PLAYED      2  // batches, from the one on that the disk begins to fail in
#define FLOOD_BEGIN 2  // of the moments of a flood
#define BEGINNINGS  4  // batches of a sample that it begins in; of syncs more
#define STEP_MAX    16 // operations of a sample that are passed over
#define SAID_SIZE   65536
#define LAST_OF_ROW 4000 // no batch has so many operations

struct row {
    const char *name;
    enum power_fault_kind does;
    int code;
    bool for_ever;
    bool while_opening;
};

static struct row rows[] = {
    {"a write fails", POWER_FAILS_TO_WRITE, SQLITE_IOERR_WRITE, false, false},
    {"writes fail", POWER_FAILS_TO_WRITE, SQLITE_IOERR_WRITE, true, false},
    {"full for a moment", POWER_FAILS_TO_WRITE, SQLITE_FULL, false, false},
    {"full", POWER_FAILS_TO_WRITE, SQLITE_FULL, true, false},
    {"a sync fails", POWER_FAILS_TO_SYNC, SQLITE_IOERR_FSYNC, false, false},
    {"syncs fail", POWER_FAILS_TO_SYNC, SQLITE_IOERR_FSYNC, true, false},
    {"a read fails", POWER_FAILS_TO_READ, SQLITE_IOERR_READ, false, false},
    {"reads fail", POWER_FAILS_TO_READ, SQLITE_IOERR_READ, true, false},
    {"a write fails while opening", POWER_FAILS_TO_WRITE, SQLITE_IOERR_WRITE, false, true},
    {"full while opening", POWER_FAILS_TO_WRITE, SQLITE_FULL, true, true},
    {"a sync fails while opening", POWER_FAILS_TO_SYNC, SQLITE_IOERR_FSYNC, false, true},
    {"a read fails while opening", POWER_FAILS_TO_READ, SQLITE_IOERR_READ, false, true},
};

/** What a child tells beside what its log and its book have. */
struct told {
    bool is_over; // it has come to its end
    unsigned n_failed;
};

struct tally {
    size_t n_runs;
    size_t n_ended; // processes, by themselves
    size_t n_unavailable;
    size_t n_images;
};

struct world {
    uint64_t seed;
    struct seeded chance;
    struct power_log *log;
    struct power_life *life; // before anything fails
    struct power_checker *checker;

    // of one run
    const struct row *row;
    size_t first; // batch
    size_t n_to_play;
    struct power_fault fault;
    struct power_image image; // that the child begins with
    struct power_log *child_log;
    struct power_book *child_book;
    struct told *told;
    char said[SAID_SIZE];
    struct tally tally;
};

static void fail_run(const struct world *w, const char *why)
{
    fail_msg("SEED=%llu, %s, after %u in batch %zu: %s", (unsigned long long)w->seed,
             w->row->name, w->fault.after, w->first, why);
}

// The process whose disk fails.

static void play(struct world *w, struct store_world *of)
{
    const struct power_player player = {.w = of, .log = w->child_log, .book = w->child_book};

    for (size_t i = 0; i < w->n_to_play && of->store; i++) {
        power_play(&player, w->life->script, w->first + i, NULL);
        if (w->fault.code == SQLITE_FULL && of->store)
            ask_unread(of, 'a'); // whoever only reads gets an answer
    }
}

static void live(void *arg)
{
    struct world *w = arg;
    struct power_disk *disk = power_disk_new(&w->image, w->child_log);
    struct store_world *of = power_world_in(w->checker->w->dir);

    of->index_after = w->life->script->index_after;
    setenv("CMOCKA_TEST_ABORT", "1", 1); // NOLINT(concurrency-mt-unsafe): one thread, as yet
    if (w->row->while_opening)
        power_disk_fail(disk, &w->fault);
    if (power_world_open(of) < 0)
        of->store = NULL;
    if (!w->row->while_opening) {
        power_disk_fail(disk, &w->fault);
        play(w, of);
    }
    if (of->store)
        power_world_close(of);
    w->told->n_failed = power_disk_failed(disk);
    power_disk_free(disk);
    loop_free(of->loop);
    free(of);
    w->told->is_over = true;
}

/** @return whether it has ended itself, saying why */
static bool run_child(struct world *w)
{
    memset(w->told, 0, sizeof(*w->told));
    memset(w->child_book, 0, sizeof(*w->child_book));
    const bool has_ended = aborts(live, w, w->said, sizeof(w->said));
    if (has_ended != !w->told->is_over ||
        (has_ended && !strstr(w->said, "event=store_unknown"))) {
        print_message("%s\n", w->said);
        fail_run(w, "the process ends as it should not");
    }
    w->tally.n_runs++;
    w->tally.n_ended += has_ended;
    return has_ended;
}

// What is known after it.

static const struct power_entry *entries_of(const struct world *w, size_t batch)
{
    return &w->child_book->entries[w->life->script->batches[batch].from];
}

static size_t size_of(const struct world *w, size_t batch)
{
    return w->life->script->batches[batch].to - w->life->script->batches[batch].from;
}

/** All of a batch, or none of it: it is one transaction. */
static bool is_refused(const struct world *w, size_t batch)
{
    const struct power_entry *entries = entries_of(w, batch);
    size_t n = 0;

    for (size_t i = 0; i < size_of(w, batch); i++)
        n += entries[i].r == STORE_UNAVAILABLE;
    if (n != 0 && n != size_of(w, batch))
        fail_run(w, "a part of a batch is answered with an error");
    return n > 0;
}

static bool is_the_stores(const struct world *w, size_t batch)
{
    const enum power_step_kind kind =
        w->life->script->steps[w->life->script->batches[batch].from].kind;
    return kind < POWER_CHECKPOINT;
}

/** Was all of a batch synced to the log when it was answered? */
static bool is_synced(const struct world *w, const struct power_entry *e)
{
    bool is_pending = false;

    for (size_t i = e->sent_at; i < e->answered_at; i++) {
        const struct power_op *op = &w->child_log->ops[i];
        if (!power_op_is_of(w->child_log, op, POWER_WAL))
            continue;
        if (op->kind == POWER_WRITE)
            is_pending = true;
        if (op->kind == POWER_SYNC && !op->has_failed)
            is_pending = false;
    }
    return !is_pending;
}

static bool has_sync_failed(const struct world *w, size_t from)
{
    bool has_failed = false;

    for (size_t i = from; i < power_log_count(w->child_log); i++) {
        const struct power_op *op = &w->child_log->ops[i];
        has_failed |= op->has_failed && !power_op_is_of_index(w->child_log, op);
    }
    return has_failed;
}

/** The last operation of its log is a sync that has failed. */
static bool ends_with_failure(const struct world *w)
{
    size_t n = power_log_count(w->child_log);

    while (n > 0 && power_op_is_of_index(w->child_log, &w->child_log->ops[n - 1]))
        n--;
    return n > 0 && w->child_log->ops[n - 1].has_failed;
}

/** Whoever waits for a commit whose sync has failed gets no answer, and nothing comes after it.
 */
static void look_at_syncs(const struct world *w)
{
    for (size_t k = w->first; k < w->first + w->n_to_play; k++) {
        const struct power_entry *e = entries_of(w, k);
        if (!is_the_stores(w, k) || !e->is_sent)
            continue;
        if (e->is_answered && !is_refused(w, k) && !is_synced(w, e))
            fail_run(w, "a commit is answered that was not synced");
        if (!e->is_answered && has_sync_failed(w, e->sent_at) && !ends_with_failure(w))
            fail_run(w, "it goes on after its sync has failed");
    }
}

static void know(const struct world *w, struct power_book *book)
{
    const size_t from = w->life->script->batches[w->first].from;

    *book = *w->life->book;
    for (size_t i = 0; i < POWER_STEPS_MAX; i++) {
        if (i >= from)
            book->entries[i] = w->child_book->entries[i];
    }
}

/** A model that has done what the store has said that it did. */
struct expected {
    struct store_world *model;
    struct power_state states[2]; // and what it may have done beside that
    const struct power_state *pointers[2];
    size_t n_states;
};

static void expect_now(struct expected *e, const struct power_script *script)
{
    struct power_state *state = &e->states[e->n_states];

    power_state_init(state);
    power_state_say(state, e->model, script, false);
    e->pointers[e->n_states++] = state;
}

static void expect_after(struct world *w, struct expected *e)
{
    const struct power_script *script = w->life->script;
    const struct power_player player = {.w = store_world_new(BACKEND_MEM)};
    bool is_unknown = false;

    e->model = player.w;
    e->model->in_full = true;
    e->n_states = 0;
    for (size_t i = 0; i < w->first; i++)
        power_play(&player, script, i, NULL);
    for (size_t i = w->first; i < w->first + w->n_to_play && !is_unknown; i++) {
        const struct power_entry *first = entries_of(w, i);
        is_unknown = !first->is_answered;
        if (is_unknown)
            expect_now(e, script);
        if (first->is_answered && is_refused(w, i)) {
            w->tally.n_unavailable += size_of(w, i);
        } else if (first->is_sent) {
            power_play(&player, script, i, NULL);
        }
    }
    expect_now(e, script);
}

static void expected_fini(struct expected *e)
{
    for (size_t i = 0; i < e->n_states; i++)
        power_state_fini(&e->states[i]);
    store_world_free(e->model);
}

static void look_at_image(struct world *w, const struct expected *e,
                          const struct power_book *book, const struct power_image *image)
{
    const struct power_claim claim = {.script = w->life->script,
                                      .book = book,
                                      .states = e->pointers,
                                      .n_states = e->n_states};
    const char *why = power_check(w->checker, image, &claim, NULL);

    if (why)
        fail_run(w, why);
    w->tally.n_images++;
}

/** The process has ended, and with it the power, or not. What a sync could not write was
 * written, or never will be. */
static void look_at_disk(struct world *w, const struct expected *e,
                         const struct power_book *book)
{
    uint64_t seen[2 * POWER_CUTS];
    size_t n_seen = 0;

    for (unsigned forgets = 0; forgets < 2; forgets++) {
        struct power_past *past = power_past_new(w->child_log, &w->image, forgets);
        power_past_go(past, power_log_count(w->child_log));
        for (enum power_cut cut = POWER_KEPT; cut < POWER_CUTS; cut++) {
            struct power_image image;
            size_t i = 0;
            power_past_cut(past, cut, &w->chance.rand, &image);
            seen[n_seen] = power_image_hash(&image);
            while (seen[i] != seen[n_seen])
                i++;
            if (i == n_seen)
                look_at_image(w, e, book, &image);
            n_seen++;
            power_image_fini(&image);
        }
        power_past_free(past);
    }
}

/** @return whether the disk has failed at all */
static bool run(struct world *w)
{
    const bool has_ended = run_child(w);

    if (has_ended && w->fault.code == SQLITE_FULL)
        fail_run(w, "a full disk ends the process");
    look_at_syncs(w);
    return has_ended || w->told->n_failed > 0;
}

static bool run_beside_model(struct world *w)
{
    struct power_book *book = NEW(struct power_book);
    struct expected expected;

    const bool has_failed = run(w);
    know(w, book);
    expect_after(w, &expected);
    look_at_disk(w, &expected, book);
    expected_fini(&expected);
    free(book);
    return has_failed;
}

// All of them.

/** What a process begins with: the disk as it was when a batch was sent; or while the store was
 * made. */
static void begin_with(struct world *w, size_t n)
{
    struct power_past *past = power_past_new(w->log, &w->life->from, false);

    power_past_go(past, n);
    power_past_cut(past, POWER_KEPT, &w->chance.rand, &w->image);
    power_past_free(past);
}

static struct power_fault fault_of(const struct row *row)
{
    return (struct power_fault){
        .kind = row->does, .code = row->code, .for_ever = row->for_ever};
}

/** There are few syncs, and they matter most. */
static unsigned next_step(struct world *w)
{
    return power_every() || w->fault.kind == POWER_FAILS_TO_SYNC
               ? 1
               : 1 + (unsigned)(next_u64(&w->chance) % STEP_MAX);
}

static void run_batch(struct world *w, size_t n)
{
    bool has_failed = true;

    begin_with(w, n);
    w->life->script->index_after = next_u64(&w->chance) % 2; // at once, or never
    w->fault = fault_of(w->row);
    for (unsigned after = next_step(w) - 1; has_failed; after += next_step(w)) {
        assert_true(after < LAST_OF_ROW);
        w->fault.after = after;
        has_failed = run_beside_model(w);
    }
    power_image_fini(&w->image);
}

static void say_figures(const struct world *w)
{
    print_message(
        "  %s: %zu runs, %zu have ended by themselves, %zu operations answered with an "
        "error; %zu images opened\n",
        w->row->name, w->tally.n_runs, w->tally.n_ended, w->tally.n_unavailable,
        w->tally.n_images);
}

static bool was_noticed(const struct world *w)
{
    return w->tally.n_ended + w->tally.n_unavailable > 0;
}

/** All batches with POWER_EVERY; else some, and more until the store has noticed. */
static void run_batches(struct world *w)
{
    const size_t n_batches = BATCHES - PLAYED;
    const size_t n_sampled = w->row->does == POWER_FAILS_TO_SYNC ? 3 * BEGINNINGS : BEGINNINGS;
    const size_t n = power_every() ? n_batches / PLAYED : n_sampled;

    for (size_t i = 0; i < n || !was_noticed(w); i++) {
        assert_true(i < n_batches);
        w->first = power_every() ? i * PLAYED : next_u64(&w->chance) % n_batches;
        run_batch(w, w->life->moments[w->first].answered_at);
    }
}

/** A store that there is, and one that is just being made. */
static void run_openings(struct world *w)
{
    const size_t n = power_every() ? 2 * BEGINNINGS : BEGINNINGS;

    for (size_t i = 0; i < n; i++) {
        w->first = next_u64(&w->chance) % (BATCHES - PLAYED);
        run_batch(w, w->life->moments[w->first].answered_at);
        w->first = 0;
        run_batch(w, i == 0 ? 0 : next_u64(&w->chance) % w->life->book->opened_at);
    }
}

/** @param state  the world, with the row */
static void what_fails_is_not_answered(void **state)
{
    struct world *w = *state;

    memset(&w->tally, 0, sizeof(w->tally));
    w->n_to_play = PLAYED;
    if (w->row->while_opening) {
        run_openings(w);
    } else {
        run_batches(w);
    }
    say_figures(w);
}

/** Nothing was answered with an error: so it has what it had without one. */
static bool run_in_flood(struct world *w, size_t moment)
{
    struct power_book *book = NEW(struct power_book);
    struct expected expected = {0};
    size_t n = 0;

    const bool has_failed = run(w);
    know(w, book);
    while (n < w->n_to_play && entries_of(w, w->first + n)->is_answered) {
        assert_false(is_refused(w, w->first + n));
        n++;
    }
    expected.pointers[expected.n_states++] = &w->life->moments[moment + n].state;
    if (n < w->n_to_play)
        expected.pointers[expected.n_states++] = &w->life->moments[moment + n + 1].state;
    look_at_disk(w, &expected, book);
    free(book);
    return has_failed;
}

/** A copy that has failed is no fault of a message's: it is in the log, and there it stays. */
static void nothing_is_lost_where_the_store_fails_to_copy_its_log(void **state)
{
    static const struct row row = {"a sync fails while the log is copied", POWER_FAILS_TO_SYNC,
                                   SQLITE_IOERR_FSYNC, false, false};
    struct world *w = *state;
    struct power_life *before = w->life;
    bool has_failed = true;
    size_t first = 0;

    power_life_free(before);
    w->life = power_record_flood(w->log, &w->chance, &first);
    w->row = &row;
    w->fault = fault_of(&row);
    w->n_to_play = POWER_TO_COME - FLOOD_BEGIN;
    w->first = first + FLOOD_BEGIN;
    memset(&w->tally, 0, sizeof(w->tally));
    begin_with(w, w->life->moments[FLOOD_BEGIN].answered_at);
    for (unsigned after = 0; has_failed; after++) {
        w->fault.after = after;
        has_failed = run_in_flood(w, FLOOD_BEGIN);
    }
    power_image_fini(&w->image);
    say_figures(w);
    // by SQLite and the store, and at its end
    const size_t n_ops = power_log_count(w->child_log);
    assert_int_equal(power_count_syncs(w->child_log, 0, n_ops), 3);
    assert_true(w->tally.n_ended > 0 && w->tally.n_ended < w->tally.n_runs - 1);
}

static struct world *world;

static int setup_life(void **state)
{
    struct power_script *script = power_script_new();

    (void)state;
    world = NEW(struct world);
    world->seed = power_seed();
    world->chance = seeded_of(world->seed);
    print_message("  a failing disk: SEED=%llu\n", (unsigned long long)world->seed);
    world->log = power_log_new();
    world->child_log = power_log_new();
    world->child_book = power_book_new();
    world->checker = power_checker_new(world->seed + 1);
    world->told = mmap(NULL, sizeof(*world->told), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(world->told != MAP_FAILED);
    script->index_after = 1;
    power_script_add_by_chance(script, &world->chance, BATCHES);
    world->life = power_record(world->log, script, POWER_HONEST);
    return 0;
}

static int teardown_life(void **state)
{
    (void)state;
    power_life_free(world->life);
    power_checker_free(world->checker);
    power_book_free(world->child_book);
    power_log_free(world->child_log);
    power_log_free(world->log);
    munmap(world->told, sizeof(*world->told));
    free(world);
    return 0;
}

static int setup(void **state)
{
    world->row = *state; // of the last one none
    *state = world;
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(rows) + 1];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tests[i] = (struct CMUnitTest){.name = rows[i].name,
                                       .test_func = what_fails_is_not_answered,
                                       .setup_func = setup,
                                       .initial_state = &rows[i]};
    }
    tests[COUNT_OF(rows)] = (struct CMUnitTest)cmocka_unit_test_setup(
        nothing_is_lost_where_the_store_fails_to_copy_its_log, setup);
    return cmocka_run_group_tests_name("power_errors", tests, setup_life, teardown_life);
}
