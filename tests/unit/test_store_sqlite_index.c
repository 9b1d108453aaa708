/** The index may be lost, old, strange or half filled at any time: the store says the same. */
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "support/sqlite_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int teardown(void **state)
{
    atomic_store(&of_index.is_full, false);
    atomic_store(&of_index.writes_left, -1);
    store_world_free(*state);
    return 0;
}

static struct seeded seed_of_the_day(void)
{
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t number = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);

    print_message("SEED=%llu\n", (unsigned long long)number);
    return seeded_of(number);
}

/** @return owned; buf_fini() */
static struct buf text_of(struct store_world *w)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    w->in_full = true;
    say_all(w, &text);
    w->in_full = false;
    return text;
}

/** It says what was said before. */
static void expect_said(const char *what, struct store_world *w, struct buf *before)
{
    struct buf now = text_of(w);

    expect_str(what, buf_str(&now), buf_str(before));
    buf_fini(&now);
}

static struct buf said; // to the log

static void hear(void *arg, str line)
{
    (void)arg;
    const int r = buf_add(&said, line);
    assert_int_equal(r, 0);
}

/** @param want  of what is logged then; empty: nothing of the index */
static void open_hearing(struct store_world *w, const char *name, const char *want)
{
    buf_init(&said, PLENTY);
    log_set_sink(hear, NULL);
    store_world_open(w);
    log_set_sink(NULL, NULL);
    const str text = buf_str(&said);
    const char *part = want[0] != '\0' ? want : "store_index ";
    const bool is_said = text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
    if (is_said != (want[0] != '\0'))
        fail_msg("%s: want \"%s\", said: " STR_FMT, name, want, STR_ARG(text));
    buf_fini(&said);
}

// Files.

struct bytes {
    uint8_t *ptr; // owned
    size_t n;
};

static void path_of(const struct store_world *w, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", w->dir, name);
}

/** Of a store that is closed. */
static struct bytes file_of(const struct store_world *w, const char *name)
{
    char path[128];
    struct stat st;

    path_of(w, name, path);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    const struct bytes b = {.ptr = mem_alloc((size_t)st.st_size + 1), .n = (size_t)st.st_size};
    assert_int_equal(fread(b.ptr, 1, b.n, f), b.n);
    assert_int_equal(fclose(f), 0);
    return b;
}

static void put_file(const struct store_world *w, const char *name, struct bytes b)
{
    char path[128];

    path_of(w, name, path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(b.ptr, 1, b.n, f), b.n);
    assert_int_equal(fclose(f), 0);
}

static void remove_index(const struct store_world *w)
{
    char path[128];

    path_of(w, "index.db", path);
    assert_int_equal(unlink(path), 0);
}

// What may become of it.

#define PAGE ((size_t)8192) // of the index

#define DAMAGED "made=anew why=\"it is damaged\""
#define UNFIT   "made=anew why=\"it contradicts the log\""
#define STRANGE "made=anew why=\"it is of another store, or of another version\""

static void change_many(struct store_world *w, struct seeded *chance, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        change_some(w, chance);
}

/** The store is closed, with this as its index: it opens, and is as it was, and goes on. */
static void expect_same(struct store_world *w, struct seeded *chance, const char *name,
                        const char *want)
{
    struct buf before;
    struct bytes index = file_of(w, "index.db");
    struct bytes log = file_of(w, "parley.db");

    // what it says without any index, which is what the log alone says
    remove_index(w);
    store_world_open(w);
    before = text_of(w);
    store_world_close(w);
    put_file(w, "parley.db", log);
    put_file(w, "index.db", index);
    open_hearing(w, name, want);
    expect_said(name, w, &before);
    buf_fini(&before);
    change_some(w, chance);
    await_index(w);
    before = text_of(w);
    store_world_close(w);
    store_world_open(w);
    expect_said(name, w, &before);
    store_world_close(w);
    buf_fini(&before);
    free(index.ptr);
    free(log.ptr);
}

/** Closed, with an index of all that it has. */
static void make_history(struct store_world *w, struct seeded *chance)
{
    index_at_once(w);
    change_many(w, chance, 60);
    await_index(w);
    store_world_close(w);
}

static void an_index_that_is_gone_or_cut_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    const struct bytes whole = file_of(w, "index.db");
    size_t lengths[15] = {0, 1, 99, 100, 101, 511, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE};
    for (size_t i = 10; i < COUNT_OF(lengths); i++)
        lengths[i] = (size_t)below(&chance, whole.n - PAGE);
    lengths[COUNT_OF(lengths) - 1] = whole.n - PAGE;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char name[32];
        snprintf(name, sizeof(name), "cut to %zu", lengths[i]);
        put_file(w, "index.db", (struct bytes){whole.ptr, lengths[i]});
        expect_same(w, &chance, name, lengths[i] > 1 ? DAMAGED : ""); // 1 is 0 for SQLite
    }
    free(whole.ptr);
    store_world_open(w);
}

static void rubbish_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    for (unsigned i = 0; i < 4; i++) {
        struct bytes b = file_of(w, "index.db");
        const size_t n = i % 2 ? b.n : PAGE; // all of it, or its first page
        rand_bytes(&chance.rand, b.ptr, n);
        put_file(w, "index.db", b);
        free(b.ptr);
        expect_same(w, &chance, i % 2 ? "rubbish" : "a first page of rubbish", DAMAGED);
    }
    store_world_open(w);
}

static void the_index_of_another_store_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct store_world *other = store_world_new(BACKEND_SQLITE);
    struct seeded chance = seed_of_the_day();

    other->chance = seeded_of(2);
    store_world_close(other); // another epoch
    empty_dir(other->dir);
    store_world_open(other);
    make_history(w, &chance);
    make_history(other, &chance);
    const struct bytes index = file_of(other, "index.db");
    put_file(w, "index.db", index);
    free(index.ptr);
    expect_same(w, &chance, "another's", STRANGE);
    store_world_open(w);
    store_world_open(other);
    store_world_free(other);
}

static void an_index_of_another_version_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    run_sql(w, "PRAGMA ix.user_version = 1000");
    expect_same(w, &chance, "newer", STRANGE);
    run_sql(w, "PRAGMA ix.application_id = 1");
    expect_same(w, &chance, "of nobody", STRANGE);
    store_world_open(w);
}

static void an_older_index_is_brought_up_to_date(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    const struct bytes older = file_of(w, "index.db");
    for (unsigned i = 0; i < 2; i++) {
        store_world_open(w);
        change_many(w, &chance, 30);
        store_world_close(w);
        put_file(w, "index.db", older);
        expect_same(w, &chance, "older", "");
    }
    free(older.ptr);
    store_world_open(w);
}

/** An operator puts an older copy of the log in place, and leaves the index there. */
static void an_index_that_is_ahead_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    const struct bytes older = file_of(w, "parley.db");
    store_world_open(w);
    change_many(w, &chance, 30);
    await_index(w);
    store_world_close(w);
    put_file(w, "parley.db", older);
    free(older.ptr);
    expect_same(w, &chance, "ahead", STRANGE);
    store_world_open(w);
}

/** And when it has come as far again, with other messages. */
static void an_index_of_what_might_have_been_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    make_history(w, &chance);
    const struct bytes older = file_of(w, "parley.db");
    store_world_open(w);
    const int64_t before = store_horizon(w->store);
    change_many(w, &chance, 10);
    await_index(w);
    const int64_t ahead = store_horizon(w->store);
    store_world_close(w);
    const struct bytes other = file_of(w, "index.db");
    put_file(w, "parley.db", older);
    remove_index(w);
    store_world_open(w);
    assert_int_equal(store_horizon(w->store), before);
    while (store_horizon(w->store) <= ahead)
        change_some(w, &chance);
    store_world_close(w);
    put_file(w, "index.db", other);
    free(older.ptr);
    free(other.ptr);
    expect_same(w, &chance, "of another life", STRANGE);
    store_world_open(w);
}

// A fill that ends before it is done.

/** The keeper has ended what it was about. */
static void await_kept(struct store_world *w)
{
    while (!sqlite_keep_is_idle(&sqlite_engine_in(w->store)->keep))
        loop_run_once(w->loop);
}

#define ROUNDS 60

/** As after a crash: the index has some conversations later than it says. */
static void crash_in_fill(struct store_world *w, struct seeded *chance, int n_writes)
{
    atomic_store(&of_index.writes_left, n_writes);
    change_some(w, chance);
    change_some(w, chance);
    await_kept(w);
}

static void reopen_after_crash(struct store_world *w)
{
    store_world_close(w);
    atomic_store(&of_index.writes_left, -1);
    store_world_open(w);
}

/** Settings change in between: who was told of a mark knows it all the same. */
static void a_fill_may_end_anywhere(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();
    int64_t n_ahead = 0;

    store_world_close(w);
    w->index_slice = 1;
    for (int i = 0; i < ROUNDS; i++) {
        w->index_after = i % 3 ? 1 : 0;
        w->limits.only_accepted_know = below(&chance, 2) > 0;
        store_world_open(w);
        change_many(w, &chance, 1 + (unsigned)below(&chance, 4));
        crash_in_fill(w, &chance, (int)below(&chance, 40));
        struct buf before = text_of(w);
        n_ahead += sql_number(w,
                              "SELECT max(last_pos) > (SELECT position FROM ix.state)"
                              " FROM side");
        w->limits.only_accepted_know = below(&chance, 2) > 0;
        reopen_after_crash(w);
        expect_said("after a crash", w, &before);
        buf_fini(&before);
        store_world_close(w);
    }
    assert_true(n_ahead > 0);
    w->index_after = 1;
    store_world_open(w);
    await_index(w);
    assert_int_equal(sql_number(w, N_INEXACT_DUE), 0);
    assert_int_equal(sql_number(w, N_INEXACT_MEMBERS), 0);
}

/** An operator puts an older copy of the log in place, which has been where the index says it
 * is: and yet some of what the index has is not there. */
static void an_index_that_is_ahead_in_part_is_made_anew(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();
    unsigned n_ahead = 0;

    store_world_close(w);
    w->index_slice = 1;
    store_world_open(w);
    make_history(w, &chance);
    for (int n = 0; n < 24; n++) {
        const struct bytes older = file_of(w, "parley.db");
        store_world_open(w);
        await_index(w);
        const int64_t before = store_horizon(w->store);
        crash_in_fill(w, &chance, n);
        const bool is_ahead = sql_number(w, "SELECT ahead FROM ix.state") > before;
        const bool is_there = sql_number(w, "SELECT position FROM ix.state") <= before;
        store_world_close(w);
        atomic_store(&of_index.writes_left, -1);
        put_file(w, "parley.db", older);
        free(older.ptr);
        n_ahead += is_ahead && is_there;
        expect_same(w, &chance, "ahead in part", is_ahead ? STRANGE : "");
    }
    assert_true(n_ahead > 0);
    store_world_open(w);
}

/** a is told by c's first answer what c has got, and blocked then: that the index has both
 * already makes nothing of it be taken back. */
static void what_the_index_has_already_is_not_put_again(void **state)
{
    struct store_world *w = *state;

    store_world_close(w);
    w->index_slice = 1;
    w->limits.only_accepted_know = true;
    store_world_open(w);
    put(w, 'a', 'c', "1", 1);
    mark(w, 'c', 'a', 1, 0, "a 1+ 0");
    put(w, 'c', 'a', "2", 2);
    contact(w, 'c', CHAT_BLOCK, 'a', NULL);
    put(w, 'a', 'b', "1", 1);
    struct buf before = text_of(w);
    for (int n = 0; n < 24; n++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", n);
        store_world_close(w);
        remove_index(w);
        w->index_after = 1;
        store_world_open(w);
        expect_said("made anew", w, &before);
        atomic_store(&of_index.writes_left, n);
        put(w, 'b', 's', key, (uint64_t)n + 1);
        await_kept(w);
        buf_fini(&before);
        before = text_of(w);
        reopen_after_crash(w);
        expect_said("cut", w, &before);
    }
    buf_fini(&before);
}

/** In one group: what the peer was told before it was blocked stays told. */
static void what_was_known_stays_known_where_all_comes_in_one_group(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt receipts[2] = {receipt_at('b', 'a', 1, 0),
                                              receipt_at('b', 'a', 2, 0)};
    const struct store_contact block = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_BLOCK, .now_ms = NOW};
    struct store_answer answers[3];

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    for (unsigned i = 0; i < COUNT_OF(answers); i++)
        answer_init(&answers[i], w);
    store_receipt(w->store, &receipts[0], on_receipt, &answers[0]);
    store_contact(w->store, &block, on_contact, &answers[1]);
    store_receipt(w->store, &receipts[1], on_receipt, &answers[2]);
    const struct store_append last = message('b', 's', "1", "1");
    put(w, 'b', 's', "1", 1);
    assert_true(append(w, &last).is_duplicate);
    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        answer_await(&answers[i]);
        answer_fini(&answers[i]);
    }
    assert_true(answers[0].is_known && !answers[2].is_known);
    struct buf before = text_of(w);
    store_world_close(w);
    store_world_open(w);
    expect_said("after a restart", w, &before);
    buf_fini(&before);
}

#define LONG 100 // messages: more than three times what a conversation's row keeps

static void open_with(struct store_world *w, size_t index_after)
{
    store_world_close(w);
    w->index_after = index_after;
    store_world_open(w);
}

/** So many behind seq, which the index gets at once. */
static void put_some(struct store_world *w, char a, char b, uint64_t seq, uint64_t n)
{
    open_with(w, SIZE_MAX / 4);
    for (uint64_t i = 1; i <= n && seq + i <= LONG; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%llu", (unsigned long long)seq + i);
        put(w, a, b, key, seq + i);
    }
    open_with(w, 1);
    await_index(w);
}

/** Damage that no checksum is there for: it is found as the log's next message comes. */
static void an_index_that_contradicts_the_log_is_made_anew(void **state)
{
    struct store_world *w = *state;

    put_some(w, 'a', 'b', 0, 5);
    put_some(w, 'a', 'c', 0, 1);
    open_with(w, SIZE_MAX / 4);
    put(w, 'a', 'c', "2", 2);
    assert_false(is_indexed(w));
    struct buf before = text_of(w);
    store_world_close(w);
    run_sql(w,
            "UPDATE ix.thread SET state = (SELECT state FROM ix.thread"
            "  WHERE id = (SELECT min(conversation) >> 32 FROM message))"
            " WHERE id = (SELECT max(conversation) >> 32 FROM message)");
    open_hearing(w, "of another conversation", UNFIT);
    expect_said("made anew", w, &before);
    put(w, 'a', 'c', "3", 3);
    store_world_close(w);
    open_hearing(w, "once more", "");
    buf_fini(&before);
}

/** Each is known by its key. */
static void expect_each(struct store_world *w, char a, char b)
{
    for (uint64_t seq = 1; seq <= LONG; seq++) {
        char key[16];
        snprintf(key, sizeof(key), "%llu", (unsigned long long)seq);
        const struct store_append again = message(a, b, key, key);
        const struct store_answer answer = append(w, &again);
        if (!answer.is_duplicate)
            fail_msg("%c %c: %s is not known", a, b, key);
        assert_int_equal(answer.seq, seq);
    }
}

/** Some of its messages are kept by its row, and those before have rows of their own. */
static void a_long_conversation_is_there_from_its_first_message_on(void **state)
{
    static const struct {
        char a;
        char b;
        uint64_t step;
    } rows[] = {{'a', 'b', 9},
                {'a', 'c', PLACES_KEPT / 2 + 1},
                {'b', 'c', PLACES_KEPT + 1},
                {'b', 's', LONG}};
    struct store_world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        for (uint64_t seq = 0; seq < LONG; seq += rows[i].step)
            put_some(w, rows[i].a, rows[i].b, seq, rows[i].step);
        expect_each(w, rows[i].a, rows[i].b);
    }
    assert_true(sql_number(w, "SELECT count(*) FROM place") > LONG);
    struct buf before = text_of(w);
    store_world_close(w);
    remove_index(w);
    store_world_open(w);
    expect_said("made anew", w, &before);
    buf_fini(&before);
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        expect_each(w, rows[i].a, rows[i].b);
}

#define SYNCS_MAX 50

/** What the disk has of it nobody knows, and the next sync may say that all is well. */
static void an_index_that_could_not_be_synced_is_gone_at_the_next_start(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();
    char path[128];

    index_at_once(w);
    change_many(w, &chance, 10);
    await_index(w);
    path_of(w, "index.db", path);
    atomic_store(&of_index.is_unsafe, true);
    // Not everything that is asked for changes something.
    for (unsigned i = 0; i < SYNCS_MAX && access(path, F_OK) == 0; i++) {
        change_many(w, &chance, 1);
        await_kept(w);
    }
    assert_int_equal(access(path, F_OK), -1);
    atomic_store(&of_index.is_unsafe, false);
    change_many(w, &chance, 10); // it is still open
    struct buf before = text_of(w);
    store_world_close(w);
    store_world_open(w);
    expect_said("after the next start", w, &before);
    assert_int_equal(access(path, F_OK), 0);
    change_many(w, &chance, 10);
    await_index(w);
    assert_int_equal(sql_number(w, N_INEXACT_DUE), 0);
    assert_int_equal(sql_number(w, N_INEXACT_MEMBERS), 0);
    buf_fini(&before);
}

// More than is looked at at once.

#define MANY 4200

static void on_any_append(void *arg, int r, const struct store_appended *a)
{
    (void)a;
    assert_int_equal(r, 0);
    ++*(unsigned *)arg;
}

static void put_many(struct store_world *w, const char *prefix)
{
    unsigned n_done = 0;

    for (unsigned i = 0; i < MANY; i++) {
        char key[24];
        snprintf(key, sizeof(key), "%s%u", prefix, i);
        const struct store_append what = message('c', 's', key, key);
        store_append(w->store, &what, on_any_append, &n_done);
    }
    while (n_done < MANY)
        loop_run_once(w->loop);
}

static void an_index_is_made_anew_as_often_as_it_is_lost(void **state)
{
    struct store_world *w = *state;

    store_world_close(w);
    w->limits = limits_of(PLENTY, PLENTY);
    store_world_open(w);
    put(w, 'a', 'b', "1", 1);
    put_many(w, "k");
    w->index_after = 1; // from the next start on
    struct buf before = text_of(w);
    for (unsigned i = 0; i < 3; i++) {
        store_world_close(w);
        remove_index(w);
        store_world_open(w);
        expect_said("made anew", w, &before);
    }
    buf_fini(&before);
}

/** The next generation begins its way into the index, and its n-th write there fails. */
static void fail_in_fill(struct store_world *w, int n)
{
    char key[16];

    open_with(w, SIZE_MAX / 4);
    sqlite_engine_in(w->store)->writer.index_after = 1; // it has nothing to do
    atomic_store(&of_index.writes_left, n);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(key, sizeof(key), "%d.%u", n, i);
        put(w, 'a', 'b', key, 2 * (uint64_t)n + i + 1);
    }
    await_kept(w);
    store_world_close(w);
    atomic_store(&of_index.writes_left, -1);
}

/** The next start fills it window by window, and ends behind the first. */
static void fail_in_replay(struct store_world *w)
{
    w->index_after = 1;
    for (int n = 0; sql_number(w, "SELECT position FROM ix.state") == 0; n++) {
        atomic_store(&of_index.writes_left, n);
        assert_true(store_world_try(w) < 0);
        atomic_store(&of_index.writes_left, -1);
    }
}

/** An index that may have some of all there is has only the first window for sure: a log that
 * has that window, and not all, is not its own. */
static void how_far_it_may_be_is_not_taken_back_by_a_replay(void **state)
{
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();
    int64_t ahead = 0;

    store_world_close(w);
    w->limits = limits_of(PLENTY, PLENTY);
    store_world_open(w);
    put_many(w, "k");
    open_with(w, 1); // the window is a milestone
    store_world_close(w);
    const struct bytes older = file_of(w, "parley.db");
    remove_index(w);
    w->index_after = SIZE_MAX / 4;
    store_world_open(w);
    put_many(w, "l");
    for (int n = 0; ahead == 0; n++) {
        fail_in_fill(w, n);
        ahead = sql_number(w, "SELECT ahead FROM ix.state");
    }
    fail_in_replay(w);
    assert_true(sql_number(w, "SELECT position FROM ix.state") < MANY);
    assert_int_equal(sql_number(w, "SELECT ahead FROM ix.state"), ahead);
    put_file(w, "parley.db", older);
    free(older.ptr);
    expect_same(w, &chance, "ahead by a generation", STRANGE);
    store_world_open(w);
}

/** What was removed lies between two windows of what is replayed. */
static void a_gap_is_a_gap_however_much_lies_around_it(void **state)
{
    struct store_world *w = *state;
    const struct store_history h = {SOME_OF('b'), .place.peer = who('a')};

    store_world_close(w);
    w->limits = limits_of(PLENTY, PLENTY);
    store_world_open(w);
    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    put_many(w, "k");
    put(w, 'a', 'b', "3", 3);
    run_sql(w, "DELETE FROM message WHERE key = '2'");
    store_world_close(w);
    store_world_open(w);
    ask_history(w, &h, 0, "a1 a3");
    put(w, 'a', 'b', "4", 4);
    assert_true(put(w, 'a', 'b', "3", 3).is_duplicate);
    ask_history(w, &h, 0, "a1 a3 a4");
}

/** Wherever the index is: a seq that was given out is not given again. */
static void a_seq_is_not_given_again_where_its_row_is_gone(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    put(w, 'a', 'b', "3", 3);
    run_sql(w, "DELETE FROM message WHERE position > 1");
    store_world_close(w);
    remove_index(w);
    store_world_open(w);
    put(w, 'a', 'b', "4", 4);
    store_world_close(w);
    remove_index(w);
    store_world_open(w);
    put(w, 'b', 'a', "5", 5);
}

// Generations.

/** Of the same changes, in memory alone. */
static void expect_as_the_model(struct store_world *w, struct store_world *model)
{
    struct buf want = text_of(model);

    expect_said("as the model", w, &want);
    buf_fini(&want);
}

/** The index has some, the old generation more, and the young one the rest. */
static void what_is_in_three_places_is_read_as_one(void **state)
{
    struct store_world *w = *state;
    struct store_world *model = store_world_new(BACKEND_MEM);
    struct seeded chance = seed_of_the_day();
    unsigned n_three = 0;

    index_at_once(w);
    for (unsigned i = 0; i < 80; i++) {
        atomic_store(&of_index.is_full, below(&chance, 3) > 0);
        struct seeded same = chance;
        change_some(w, &chance);
        change_some(model, &same);
        n_three += atomic_load(&of_index.is_full) &&
                   tail_is_filling(&sqlite_engine_in(w->store)->writer.tail) &&
                   tail_cost(&sqlite_engine_in(w->store)->writer.tail) > 0;
        if (i % 4 == 0)
            expect_as_the_model(w, model);
    }
    assert_true(n_three > 0);
    expect_as_the_model(w, model);
    store_world_free(model);
}

#define LONG_MS 60000

/** The reader has its snapshot of the index: wait until the tail has less. In its thread. */
static int on_row(unsigned what, void *arg, void *stmt, void *unused)
{
    const struct store_world *w = arg;

    (void)what, (void)unused;
    if (strcmp(sqlite3_sql(stmt), "SELECT position FROM state") != 0)
        return 0;
    atomic_store(&of_index.is_full, false);
    tail_await_filled(&sqlite_engine_in(w->store)->writer.tail, LONG_MS);
    return 0;
}

static void what_leaves_the_tail_while_it_is_read_is_read(void **state)
{
    struct store_world *w = *state;
    sqlite3 *reader = NULL;

    index_at_once(w);
    reader = sqlite_engine_in(w->store)->reader.db.db;
    atomic_store(&of_index.is_full, true);
    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    await_kept(w);
    assert_true(tail_is_filling(&sqlite_engine_in(w->store)->writer.tail));
    struct store_answer a;
    const struct store_read r = {SOME_OF('b')};
    sqlite3_trace_v2(reader, SQLITE_TRACE_ROW, on_row, w);
    answer_init(&a, w);
    store_read(w->store, &r, on_read, &a);
    answer_await(&a);
    sqlite3_trace_v2(reader, 0, NULL, NULL);
    assert_false(tail_is_filling(&sqlite_engine_in(w->store)->writer.tail));
    expect_str("what leaves the tail", buf_str(&a.text), STR("a1 a2"));
    answer_fini(&a);
}

// An index that takes nothing.

#define TAIL_MAX 4000

/** @return how many went in before one was refused */
static unsigned put_until_refused(struct store_world *w)
{
    for (unsigned n = 0;; n++) {
        char key[16];
        assert_true(n < TAIL_MAX);
        snprintf(key, sizeof(key), "%u", n);
        const struct store_append what = message('a', 'b', key, key);
        const struct store_answer a = append(w, &what);
        if (a.r == STORE_UNAVAILABLE)
            return n;
        assert_int_equal(a.r, 0);
        assert_int_equal(a.seq, n + 1);
    }
}

static void where_the_index_takes_nothing_appends_are_refused_in_the_end(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt got = receipt_at('b', 'a', 1, 0);
    const struct store_contact block = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_BLOCK, .now_ms = NOW};

    store_world_close(w);
    w->index_after = 1;
    w->tail_max = TAIL_MAX;
    store_world_open(w);
    atomic_store(&of_index.is_full, true);
    const unsigned n = put_until_refused(w);
    assert_true(n > 10);
    ask_receipt(w, &got, STORE_UNAVAILABLE, "");
    ask_contact(w, &block, STORE_UNAVAILABLE, "");
    const struct store_read r = {SOME_OF('b')};
    assert_int_equal(ask_read(w, &r, 0, NULL).n, n);
    sign_in(w, 'a', "phone"); // it is not in the tail
    struct buf before = text_of(w);

    atomic_store(&of_index.is_full, false);
    while (tail_is_filling(&sqlite_engine_in(w->store)->writer.tail))
        loop_run_once(w->loop); // until it is tried again
    expect_said("before it goes on", w, &before);
    char key[16];
    snprintf(key, sizeof(key), "%u", n);
    put(w, 'a', 'b', key, n + 1);
    assert_int_equal(ask_read(w, &r, 0, NULL).n, n + 1);
    store_world_close(w);
    store_world_open(w);
    assert_int_equal(ask_read(w, &r, 0, NULL).n, n + 1);
    buf_fini(&before);
}

/** It waits for the index, and then it is stored all the same. */
static void an_append_slows_down_before_one_is_refused(void **state)
{
    struct store_world *w = *state;

    store_world_close(w);
    w->index_after = 1;
    w->tail_max = TAIL_MAX;
    store_world_open(w);
    atomic_store(&of_index.is_full, true);
    while (tail_cost(&sqlite_engine_in(w->store)->writer.tail) < TAIL_MAX / 2) {
        char key[24];
        snprintf(key, sizeof(key), "%zu %lld",
                 tail_cost(&sqlite_engine_in(w->store)->writer.tail),
                 (long long)store_horizon(w->store));
        const struct store_append what = message('a', 'b', key, key);
        assert_int_equal(append(w, &what).r, 0);
    }
    const struct store_append what = message('a', 'b', "last", "last");
    loop_run_once(w->loop);
    const int64_t asked_ms = w->loop->timers.now_ms;
    assert_int_equal(append(w, &what).r, 0);
    assert_true(w->loop->timers.now_ms - asked_ms >= 15);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(an_index_that_is_gone_or_cut_is_made_anew),
        UNIT(rubbish_is_made_anew),
        UNIT(the_index_of_another_store_is_made_anew),
        UNIT(an_index_of_another_version_is_made_anew),
        UNIT(an_older_index_is_brought_up_to_date),
        UNIT(an_index_that_is_ahead_is_made_anew),
        UNIT(an_index_that_is_ahead_in_part_is_made_anew),
        UNIT(an_index_of_what_might_have_been_is_made_anew),
        UNIT(a_fill_may_end_anywhere),
        UNIT(what_the_index_has_already_is_not_put_again),
        UNIT(what_was_known_stays_known_where_all_comes_in_one_group),
        UNIT(a_long_conversation_is_there_from_its_first_message_on),
        UNIT(an_index_that_contradicts_the_log_is_made_anew),
        UNIT(an_index_that_could_not_be_synced_is_gone_at_the_next_start),
        UNIT(an_index_is_made_anew_as_often_as_it_is_lost),
        UNIT(how_far_it_may_be_is_not_taken_back_by_a_replay),
        UNIT(a_gap_is_a_gap_however_much_lies_around_it),
        UNIT(a_seq_is_not_given_again_where_its_row_is_gone),
        UNIT(what_is_in_three_places_is_read_as_one),
        UNIT(what_leaves_the_tail_while_it_is_read_is_read),
        UNIT(where_the_index_takes_nothing_appends_are_refused_in_the_end),
        UNIT(an_append_slows_down_before_one_is_refused),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite_index", tests, NULL, NULL);
}
