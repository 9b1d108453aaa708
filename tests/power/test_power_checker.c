/**
 * The test of these tests: a disk that lies, and a store that has lost or made up something,
 * are found; and the disk is asked for what the system's is asked for.
 */
#include "power/record.h"

#define BATCHES 30
#define SEED    7

struct world {
    struct seeded chance;
    struct power_log *log;
    struct power_checker *checker;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    w->chance = seeded_of(SEED);
    w->log = power_log_new();
    w->checker = power_checker_new(SEED);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    power_checker_free(w->checker);
    power_log_free(w->log);
    free(w);
    return 0;
}

static struct power_life *record(struct world *w, unsigned lies)
{
    struct power_script *script = power_script_new();

    script->index_after = 1;
    power_script_add_by_chance(script, &w->chance, BATCHES);
    return power_record(w->log, script, lies);
}

static void expect_why(const char *what, const char *why, const char *want)
{
    if (!why || strncmp(why, want, strlen(want)) != 0)
        fail_msg("%s: \"%s\", want \"%s...\"", what, why ? why : "nothing is wrong", want);
}

// The system's disk.

static atomic_size_t n_written;
static atomic_size_t n_removed;
static atomic_size_t n_dirs;
static sqlite3_syscall_ptr real_pwrite;
static sqlite3_syscall_ptr real_unlink;
static sqlite3_syscall_ptr real_open_dir;

typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t n, off_t at);
typedef int unlink_fn(const char *path);
typedef int open_dir_fn(const char *path, int *fd);

/** A file of shared memory is made longer byte by byte. */
static ssize_t count_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    atomic_fetch_add(&n_written, n > 1);
    return ((pwrite_fn *)real_pwrite)(fd, bytes, n, at);
}

static int count_unlink(const char *path)
{
    const int r = ((unlink_fn *)real_unlink)(path);

    atomic_fetch_add(&n_removed, r == 0 && !strstr(path, "-shm"));
    return r;
}

/** It is opened to be synced. */
static int count_open_dir(const char *path, int *fd)
{
    atomic_fetch_add(&n_dirs, 1);
    return ((open_dir_fn *)real_open_dir)(path, fd);
}

/** SQLite's own files, while nobody has asked for ours. */
static void count_calls(bool counts)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    const char *pwrite_name = vfs->xGetSystemCall(vfs, "pwrite64") ? "pwrite64" : "pwrite";

    assert_ptr_equal(vfs, sqlite3_vfs_find(NULL));
    real_pwrite = vfs->xGetSystemCall(vfs, pwrite_name);
    real_unlink = vfs->xGetSystemCall(vfs, "unlink");
    real_open_dir = vfs->xGetSystemCall(vfs, "openDirectory");
    vfs->xSetSystemCall(vfs, pwrite_name, counts ? (sqlite3_syscall_ptr)count_pwrite : NULL);
    vfs->xSetSystemCall(vfs, "unlink", counts ? (sqlite3_syscall_ptr)count_unlink : NULL);
    vfs->xSetSystemCall(vfs, "openDirectory",
                        counts ? (sqlite3_syscall_ptr)count_open_dir : NULL);
}

static void play_on_the_systems_disk(const struct power_script *script)
{
    const struct power_player player = {.w = power_world_new()};

    assert_int_equal(power_world_open(player.w), 0);
    for (size_t i = 0; i < script->n_batches; i++)
        power_play(&player, script, i, NULL);
    power_world_close(player.w);
    power_world_free(player.w);
}

/** The first one to run: what it counts is not ours. */
static void the_disk_is_asked_for_what_the_systems_is(void **state)
{
    struct world *w = *state;
    struct power_script *script = power_script_new();

    power_script_add_by_chance(script, &w->chance, BATCHES);
    count_calls(true);
    play_on_the_systems_disk(script);
    count_calls(false);
    struct power_life *life = power_record(w->log, script, POWER_HONEST);
    assert_int_equal(power_count_ops(w->log, POWER_WRITE), atomic_load(&n_written));
    assert_int_equal(power_count_ops(w->log, POWER_DELETE), atomic_load(&n_removed));
    assert_int_equal(power_count_ops(w->log, POWER_SYNC_DIR), atomic_load(&n_dirs));
    power_life_free(life);
}

// Lies.

/** The first thing that is wrong when the power goes after an answer. */
static const char *first_wrong(struct world *w, const struct power_life *life,
                               enum power_cut cut)
{
    struct power_past *past = power_past_new(life->log, &life->from, false);
    const char *why = NULL;

    for (size_t i = 0; !why && i < life->n_moments; i++) {
        const size_t n = life->moments[i].answered_at;
        struct power_image image;
        power_past_go(past, n);
        power_past_cut(past, cut, &w->chance.rand, &image);
        why = power_check_life(w->checker, life, n, &image, NULL);
        power_image_fini(&image);
    }
    power_past_free(past);
    return why;
}

static void nothing_is_wrong_on_an_honest_disk(void **state)
{
    struct world *w = *state;
    struct power_life *life = record(w, POWER_HONEST);

    for (enum power_cut cut = POWER_KEPT; cut < POWER_CUTS; cut++)
        assert_null(first_wrong(w, life, cut));
    power_life_free(life);
}

static void a_lie_is_found(void **state)
{
    static const struct {
        const char *name;
        unsigned lies;
    } rows[] = {
        {"no sync is done", POWER_NO_SYNC_OF_LOG | POWER_NO_SYNC_OF_DATABASE},
        {"no sync of the log", POWER_NO_SYNC_OF_LOG},
        {"no sync of the database", POWER_NO_SYNC_OF_DATABASE},
        {"no sync of the directory", POWER_NO_SYNC_OF_DIR},
        {"acknowledged before the sync: synchronous = NORMAL", POWER_SYNCHRONOUS_NORMAL},
        {"acknowledged before the sync: synchronous = OFF", POWER_SYNCHRONOUS_OFF},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct power_life *life = record(w, rows[i].lies);
        expect_why(rows[i].name, first_wrong(w, life, POWER_DROPPED), "lost: ");
        assert_null(first_wrong(w, life, POWER_KEPT));
        power_life_free(life);
    }
}

// Stores that are not right.

struct tampered {
    const char *name;
    const char *sql;
    const char *want;
};

#define LAST "(SELECT max(position) FROM message)"

static const struct tampered tampered[] = {
    {"a message is gone", "DELETE FROM message WHERE position = " LAST, "lost: "},
    {"a message is another", "UPDATE message SET content = '\"\"' WHERE position = " LAST,
     "changed: "},
    {"a message was never sent",
     "INSERT INTO message SELECT 99999, conversation, 99999, sender, 1, 1, 1, 1, 0, type, "
     "'999999', digest, content FROM message WHERE position = " LAST,
     "invented: "},
    {"a message is twice there",
     "INSERT INTO message SELECT 99999, conversation, 99999, sender, 1, 1, 1, 1, 0, type, "
     "key || ' ', digest, content FROM message WHERE position = " LAST,
     "moved: "},
    {"a seq is another", "UPDATE message SET seq = seq + 1 WHERE position = " LAST, "moved: "},
    {"a mark is back", "UPDATE mark SET delivered_seq = 0", "mark: "},
    {"a nonce is unused", "DELETE FROM nonce", "nonce: "},
    {"a refresh token is good again", "UPDATE session SET generation = 1", "refresh: "},
    {"a revocation is gone", "DELETE FROM revocation", "revocation: "},
    {"an upload is gone", "DELETE FROM upload", "upload: "},
    {"an index lacks a row",
     "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql ="
     " 'CREATE INDEX upload_by_until ON upload (until_ms) WHERE until_ms < 0'"
     " WHERE name = 'upload_by_until'; PRAGMA writable_schema = RESET",
     "broken: "},
    {"a row refers to none", "DELETE FROM conversation", "broken: "},
    {"what an account has is derived wrongly", "UPDATE ix.member SET list = x''", "differs: "},
    {"where messages are is derived wrongly", "UPDATE ix.thread SET places = x'01'",
     "differs: "},
    {"a row that no port shows is another", "UPDATE uploader SET full_at_ms = full_at_ms + 1",
     "differs: "},
    {"positions begin anew", "UPDATE meta SET position = 0", "differs: "},
};

/** All of the last life is there. */
static const char *look_at_the_end(struct world *w, const struct power_life *life)
{
    const size_t n = power_log_count(life->log);
    struct power_past *past = power_past_new(life->log, &life->from, false);
    struct power_image image;

    power_past_go(past, n);
    power_past_cut(past, POWER_DROPPED, &w->chance.rand, &image);
    const char *why = power_check_life(w->checker, life, n, &image, NULL);
    power_image_fini(&image);
    power_past_free(past);
    return why;
}

static void what_is_not_right_is_found(void **state)
{
    struct world *w = *state;
    struct power_life *life = record(w, POWER_HONEST);

    assert_null(look_at_the_end(w, life));
    for (size_t i = 0; i < COUNT_OF(tampered); i++) {
        w->checker->tamper = tampered[i].sql;
        expect_why(tampered[i].name, look_at_the_end(w, life), tampered[i].want);
    }
    w->checker->tamper = NULL;
    power_life_free(life);
}

static void what_is_known_is_held_against_the_store(void **state)
{
    struct world *w = *state;
    struct power_life *life = record(w, POWER_HONEST);
    struct power_entry *entries = life->book->entries;
    size_t i = 0;

    life->book->epoch++;
    expect_why("another store", look_at_the_end(w, life), "epoch: ");
    life->book->epoch--;
    while (life->script->steps[i].kind != POWER_RECEIPT || entries[i].r != 0)
        i++;
    entries[i].position += 1000;
    expect_why("it gives a position again", look_at_the_end(w, life), "position: ");
    entries[i].position -= 1000;
    assert_null(look_at_the_end(w, life));
    i = 0;
    while (life->script->steps[i].kind != POWER_APPEND || entries[i].r != 0)
        i++;
    for (size_t k = i; k < life->script->n_steps; k++) {
        if (life->script->steps[k].kind == POWER_APPEND && life->script->steps[k].key == i)
            entries[k].r = STORE_UNAVAILABLE;
    }
    expect_why("stored what was answered with an error", look_at_the_end(w, life),
               "invented: ");
    power_life_free(life);
}

/** Its first page, which says what the file is, and a page in the middle. */
static void a_database_that_is_damaged_is_found(void **state)
{
    static const struct {
        size_t at;
        const char *want;
    } rows[] = {{0, "closed: "}, {4096 * 16 + 3, "broken: "}};
    struct world *w = *state;
    struct power_life *life = record(w, POWER_HONEST);
    const size_t n = power_log_count(life->log);
    struct power_past *past = power_past_new(life->log, &life->from, false);

    power_past_go(past, n);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct power_image image;
        power_past_cut(past, POWER_KEPT, &w->chance.rand, &image);
        power_image_take_index(&image, &(struct power_image){0});
        assert_int_equal(image.n_files, 1); // the log is copied into it, and gone
        memset(image.files[0].bytes.ptr + rows[i].at, 0x5a, 64);
        expect_why("damaged", power_check_life(w->checker, life, n, &image, NULL),
                   rows[i].want);
        power_image_fini(&image);
    }
    power_past_free(past);
    power_life_free(life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_disk_is_asked_for_what_the_systems_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_wrong_on_an_honest_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lie_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_right_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_known_is_held_against_the_store, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_database_that_is_damaged_is_found, setup, teardown),
    };
    return cmocka_run_group_tests_name("power_checker", tests, NULL, NULL);
}
