/** A connection to SQLite: what it does where another one has the file locked. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "store/sqlite_db.h"
#include "support/folder.h"

struct two {
    struct folder folder;
    struct sqlite_db one;
    struct sqlite_db other;
};

static void open_db(struct sqlite_db *d, const struct folder *f)
{
    char path[512];

    assert_int_equal(sqlite_db_open(d, folder_path(path, f, "some.db")), 0);
    assert_int_equal(sqlite_db_exec(d, "PRAGMA journal_mode = WAL"), 0);
}

static int setup(void **state)
{
    struct two *t = calloc(1, sizeof(*t));

    folder_make(&t->folder);
    open_db(&t->one, &t->folder);
    open_db(&t->other, &t->folder);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct two *t = *state;

    sqlite_db_close(&t->one);
    sqlite_db_close(&t->other);
    folder_remove(&t->folder);
    free(t);
    return 0;
}

static void it_waits_for_as_long_as_it_is_patient(void **state)
{
    struct two *t = *state;

    assert_int_equal(sqlite_db_exec(&t->one, "BEGIN IMMEDIATE"), 0);
    t->other.patience_ms = 50;
    assert_int_equal(sqlite_db_exec(&t->other, "BEGIN IMMEDIATE"), -EIO);
    assert_int_equal(sqlite3_extended_errcode(t->other.db), SQLITE_BUSY);
    assert_int_equal(sqlite_db_exec(&t->one, "COMMIT"), 0);
    assert_int_equal(sqlite_db_exec(&t->other, "BEGIN IMMEDIATE"), 0);
}

static void *unlock_soon(void *arg)
{
    struct two *t = arg;
    const struct timespec soon = {.tv_nsec = 30000000};

    nanosleep(&soon, NULL);
    assert_int_equal(sqlite_db_exec(&t->one, "COMMIT"), 0);
    return NULL;
}

static void it_goes_on_when_the_lock_is_given_back(void **state)
{
    struct two *t = *state;
    pthread_t thread;

    assert_int_equal(sqlite_db_exec(&t->one, "BEGIN IMMEDIATE"), 0);
    assert_int_equal(pthread_create(&thread, NULL, unlock_soon, t), 0);
    assert_int_equal(sqlite_db_exec(&t->other, "BEGIN IMMEDIATE"), 0);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_waits_for_as_long_as_it_is_patient, setup, teardown),
        cmocka_unit_test_setup_teardown(it_goes_on_when_the_lock_is_given_back, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("store_sqlite_db", tests, NULL, NULL);
}
