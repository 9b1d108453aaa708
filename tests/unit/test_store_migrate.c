#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "store/migrate.h"
#include "support/said.h"
#include "support/sqlite_world.h"
#include "support/uploads_world.h"

#define CHANGES 60 // groups of changes
#define BATCH   7
#define RUNS    1000 // at most, until all is moved

struct world {
    struct store_world *from; // closed while it is moved
    struct store_world *to;   // likewise
    struct pg_lines lines;
    char said[512]; // of the kinds that differ
    int64_t n_changed;
    unsigned n_progress;
    unsigned killed_at; // by the nth call; 0: never
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    *w = (struct world){.from = store_world_new(BACKEND_SQLITE),
                        .to = store_world_new(BACKEND_POSTGRES)};
    store_world_close(w->to);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    store_world_free(w->from);
    store_world_free(w->to);
    free(w);
    return 0;
}

static void on_compared(void *arg, const struct migrate_compared *c)
{
    struct world *w = arg;
    const size_t len = strlen(w->said);

    assert_int_equal(memcmp(c->digests[0], c->digests[1], MIGRATE_DIGEST_SIZE) == 0,
                     c->is_same);
    if (!c->is_same)
        snprintf(w->said + len, sizeof(w->said) - len, "%s;", c->name);
    w->n_changed += c->n_changed;
}

static void on_progress(void *arg, const struct progress *p)
{
    struct world *w = arg;

    assert_true(p->of == 0 || p->n <= p->of);
    if (++w->n_progress == w->killed_at)
        raise(SIGKILL);
}

static int move_from(struct world *w, const char *dir, bool only_compare)
{
    struct seeded chance = seeded_of(5);
    const struct migrate_config config = {
        .dir = dir,
        .url = w->to->pg.url,
        .only_compare = only_compare,
        .batch = BATCH,
        .rand = &chance.rand,
        .to = {.compared = on_compared, .progress = {on_progress, w}, .arg = w},
    };

    w->said[0] = '\0';
    w->n_changed = 0;
    w->n_progress = 0;
    w->lines = (struct pg_lines){0};
    log_set_sink(pg_on_line, &w->lines);
    const int r = migrate_run(&config);
    log_set_sink(NULL, NULL);
    return r;
}

static int move(struct world *w)
{
    return move_from(w, w->from->dir, false);
}

/** In a process of its own, which is killed at the nth sign of progress. @return as
 * migrate_run(), or -1: it was killed */
static int move_and_die(struct world *w, unsigned n)
{
    int status = 0;

    const pid_t pid = fork();
    if (pid == 0) {
        w->killed_at = n;
        _exit(move(w));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/** Most of what there can be. @param out  what its accounts can get, all of it */
static void fill(struct world *w, struct buf *out)
{
    struct seeded chance = seeded_of(11);

    for (int i = 0; i < CHANGES; i++)
        change_some(w->from, &chance);
    sign_in(w->from, 'a', "one");
    sign_in(w->from, 'b', "two");
    turn(w->from, "two", 1, 5, 0, 2);
    const struct auth_store_end end = end_of("one");
    ask_end(w->from, &end, 0, "1");
    upload(w->from, 'a', "kept");
    upload(w->from, 'a', "accepted");
    announce(w->from, 'b', "pending");
    struct store_answer sent = send_upload(w->from, 'a', "with", "kept", 0);
    answer_fini(&sent);
    if (out)
        say_all(w->from, out);
    store_world_close(w->from);
}

static int64_t number_of(const struct world *w, const char *text)
{
    const struct pg_statement s = {0, text};
    struct pg_link *l = pg_world_connect(w->to->pg.url);
    PGresult *r = NULL;

    pg_link_send(l, &s, NULL);
    pg_link_sync(l);
    expect_int(text, pg_link_result(l, &r), 0);
    const int64_t n = pg_i64(r, 0, 0);
    pg_result_free(&r);
    pg_link_free(l);
    return n;
}

/** Who was told so is told so by the other one. */
static void expect_all(struct world *w, const struct buf *want)
{
    struct buf got;

    buf_init(&got, SIZE_MAX / 2);
    store_world_open(w->to);
    say_all(w->to, &got);
    expect_str("all", buf_str(&got), buf_str(want));
    buf_fini(&got);
}

// Moving.

static void moves_sessions_files_and_all_else(void **state)
{
    struct world *w = *state;
    struct buf all;

    buf_init(&all, SIZE_MAX / 2);
    fill(w, &all);
    const uint64_t epoch = (uint64_t)sql_number(w->from, "SELECT epoch FROM meta");
    assert_int_equal(move(w), 0);
    expect_str("differ", str_of(w->said), STR(""));
    expect_all(w, &all);
    assert_true(w->to->store->epoch == epoch);

    turn(w->to, "one", 1, 6, AUTH_STORE_NO_SESSION, 0);
    turn(w->to, "two", 2, 6, 0, 3);
    sign_in(w->to, 'c', "three");
    const struct auth_store_begin again = begin_of('a', "four", "one"); // a nonce that was used
    ask_begin(w->to, &again, AUTH_STORE_NONCE_USED, NULL);
    expect_revoked(w->to, 0, "one@1~3600000");
    is_found(w->to, "accepted", "a/accepted accepted");
    is_found(w->to, "pending", "b/pending pending");
    claim(w->to, 2 * HOUR, "accepted pending"); // and not what a message has
    buf_fini(&all);
}

static void an_empty_store_moves_as_well(void **state)
{
    struct world *w = *state;

    store_world_close(w->from);
    assert_int_equal(move(w), 0);
    store_world_open(w->to);
    assert_int_equal(store_horizon(w->to->store), 0);
}

static void goes_on_where_it_was_killed(void **state)
{
    struct world *w = *state;
    struct buf all;
    int r = -1;
    int n = 0;

    buf_init(&all, SIZE_MAX / 2);
    fill(w, &all);
    for (; r == -1 && n < RUNS; n++) // one or two batches each time
        r = move_and_die(w, 2 + (unsigned)n % 2);
    assert_int_equal(r, 0);
    assert_true(n > CHANGES / BATCH);
    expect_all(w, &all);
    buf_fini(&all);
}

/** Also what it has written last is there once, whatever its writer got to know of that. */
static void is_the_same_after_any_number_of_batches(void **state)
{
    struct world *w = *state;
    int r = -1;

    fill(w, NULL);
    for (unsigned n = 1; r == -1 && n < RUNS; n++) {
        r = move_and_die(w, n);
    }
    assert_int_equal(r, 0);
    assert_int_equal(move_from(w, w->from->dir, true), 0);
}

// Refusals.

static void no_server_starts_on_what_is_not_all_there(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    assert_int_equal(move_and_die(w, 12), -1);
    w->lines = (struct pg_lines){0};
    log_set_sink(pg_on_line, &w->lines);
    assert_int_equal(store_world_try(w->to), -EBUSY);
    log_set_sink(NULL, NULL);
    expect_in("log", w->lines.text, "run parley migrate again");
    assert_int_equal(move(w), 0);
    store_world_open(w->to);
}

static void a_directory_without_a_store_is_refused_and_not_made(void **state)
{
    struct world *w = *state;

    assert_int_equal(move_from(w, "/tmp/parley-nothing-here", false), MIGRATE_NO_STORE);
    assert_int_equal(access("/tmp/parley-nothing-here", F_OK), -1);
}

static void a_directory_that_a_server_has_is_refused(void **state)
{
    struct world *w = *state;

    assert_true(move(w) < 0);
    store_world_close(w->from);
    assert_int_equal(move(w), 0);
}

static void a_database_that_a_server_has_is_refused(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    store_world_open(w->to);
    assert_int_equal(move(w), MIGRATE_AWAY);
    expect_in("log", w->lines.text, "stop the other server");
    store_world_close(w->to);
    assert_int_equal(move(w), 0);
}

static void a_database_with_anything_in_it_is_refused(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    store_world_open(w->to);
    sign_in(w->to, 'x', "there");
    store_world_close(w->to);
    assert_int_equal(move(w), MIGRATE_NOT_EMPTY);
    assert_int_equal(move_from(w, w->from->dir, true), MIGRATE_NOT_YET);
    expect_int("sessions", number_of(w, "SELECT count(*) FROM session"), 1);
    expect_int("messages", number_of(w, "SELECT count(*) FROM message"), 0);
}

static void what_was_moved_is_not_moved_again(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    assert_int_equal(move_from(w, w->from->dir, true), MIGRATE_NOT_YET);
    assert_int_equal(move(w), 0);
    assert_int_equal(move(w), MIGRATE_DONE);
    assert_int_equal(move_from(w, w->from->dir, true), 0);
}

/** Clients that have gone on in the database would be told another story there. */
static void no_server_starts_on_what_was_moved(void **state)
{
    struct world *w = *state;
    char path[256];

    fill(w, NULL);
    assert_int_equal(move_from(w, w->from->dir, true), MIGRATE_NOT_YET);
    store_world_open(w->from);
    store_world_close(w->from);
    assert_int_equal(move(w), 0);
    snprintf(path, sizeof(path), "%s/moved", w->from->dir);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_world_try(w->from), -EEXIST);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(move_from(w, w->from->dir, true), 0);
        store_world_open(w->from); // nor does it say so where it only compares
        store_world_close(w->from);
        assert_int_equal(move(w),
                         MIGRATE_DONE); // as when it was killed right before it said so
    }
}

static void another_directory_does_not_go_on_for_the_first(void **state)
{
    struct world *w = *state;
    struct store_world *other = store_world_new(BACKEND_SQLITE);

    other->chance.state++;
    fill(w, NULL);
    assert_int_equal(move_and_die(w, 9), -1);
    store_world_close(other);
    remove_dir(other->dir);
    assert_int_equal(mkdir(other->dir, 0700), 0);
    store_world_open(other); // with another epoch
    store_world_close(other);
    assert_int_equal(move_from(w, other->dir, false), MIGRATE_OTHER);
    assert_int_equal(move_from(w, other->dir, true), MIGRATE_NOT_YET);
    assert_int_equal(move(w), 0);
    assert_int_equal(move_from(w, other->dir, true), MIGRATE_OTHER);
    store_world_free(other);
}

static void a_directory_that_has_changed_meanwhile_is_refused(void **state)
{
    struct world *w = *state;
    struct seeded chance = seeded_of(3);

    fill(w, NULL);
    assert_int_equal(move_and_die(w, 9), -1);
    store_world_open(w->from);
    change_some(w->from, &chance);
    store_world_close(w->from);
    assert_int_equal(move(w), MIGRATE_OTHER);
}

// Comparing.

struct damage {
    const char *text; // of a change
    const char *undo;
    const char *kinds; // that differ then
};

static const struct damage there[] = {
    {"UPDATE message SET content = content || 'x' WHERE position = 1",
     "UPDATE message SET content = substr(content, 1, length(content) - 1) WHERE position = 1",
     "messages;"},
    {"UPDATE message SET withheld = withheld + 1 WHERE position = 1",
     "UPDATE message SET withheld = withheld - 1 WHERE position = 1", "messages;"},
    {"UPDATE message SET side = 1 - side WHERE position = 1",
     "UPDATE message SET side = 1 - side WHERE position = 1", "messages;"},
    {"UPDATE message SET conversation = -conversation WHERE position = 1",
     "UPDATE message SET conversation = -conversation WHERE position = 1", "messages;"},
    {"INSERT INTO message SELECT conversation, 1000, 0, side, 0, sender, recipient, 0, 0, type,"
     " 'new', digest, content FROM message WHERE position = 1",
     "DELETE FROM message WHERE seq = 1000", "messages;"},
    {"UPDATE account SET seen_ms = seen_ms + 1 WHERE id = 1",
     "UPDATE account SET seen_ms = seen_ms - 1 WHERE id = 1", "accounts;"},
    {"INSERT INTO account (address) VALUES ('\\x01')",
     "DELETE FROM account WHERE address = '\\x01'", "accounts;"},
    {"UPDATE conversation SET a_read_seq = a_read_seq + 1",
     "UPDATE conversation SET a_read_seq = a_read_seq - 1", "receipts;sides;"},
    {"UPDATE conversation SET b_unread = b_unread + 1",
     "UPDATE conversation SET b_unread = b_unread - 1", "counts;sides;"},
    {"UPDATE conversation SET a_blocked = NOT a_blocked",
     "UPDATE conversation SET a_blocked = NOT a_blocked", "contacts;sides;"},
    {"UPDATE conversation SET last_seq = last_seq + 1",
     "UPDATE conversation SET last_seq = last_seq - 1", "last messages;sides;"},
    {"UPDATE session SET generation = generation + 1",
     "UPDATE session SET generation = generation - 1", "sessions;"},
    {"UPDATE nonce SET until_ms = until_ms + 1", "UPDATE nonce SET until_ms = until_ms - 1",
     "nonces;"},
    {"UPDATE revocation SET until_ms = until_ms + 1",
     "UPDATE revocation SET until_ms = until_ms - 1", "revocations;"},
    {"UPDATE upload SET is_kept = NOT is_kept", "UPDATE upload SET is_kept = NOT is_kept",
     "uploads;"},
    {"UPDATE upload_quota SET n_pending = n_pending + 1",
     "UPDATE upload_quota SET n_pending = n_pending - 1", "quotas;"},
    {"UPDATE meta SET epoch = epoch + 1", "UPDATE meta SET epoch = epoch - 1", "store;"},
};

static void finds_whatever_is_changed_in_the_database(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    assert_int_equal(move(w), 0);
    for (size_t i = 0; i < COUNT_OF(there); i++) {
        pg_world_run(w->to->pg.admin, there[i].text);
        expect_int(there[i].text, move_from(w, w->from->dir, true), MIGRATE_DIFFERS);
        expect_str(there[i].text, str_of(w->said), str_of(there[i].kinds));
        pg_world_run(w->to->pg.admin, there[i].undo);
    }
    assert_int_equal(move_from(w, w->from->dir, true), 0);
}

static const struct damage here[] = {
    {"UPDATE message SET content = content || 'x' WHERE position = 1",
     "UPDATE message SET content = substr(content, 1, length(content) - 1) WHERE position = 1",
     "messages;"},
    {"UPDATE mark SET at_ms = at_ms + 1", "UPDATE mark SET at_ms = at_ms - 1", "receipts;"},
    {"UPDATE contact SET blocked = 1 - blocked", "UPDATE contact SET blocked = 1 - blocked",
     "contacts;"},
    {"UPDATE account SET seen_ms = seen_ms + 1", "UPDATE account SET seen_ms = seen_ms - 1",
     "accounts;"},
};

static void finds_whatever_is_changed_in_the_directory(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    assert_int_equal(move(w), 0);
    for (size_t i = 0; i < COUNT_OF(here); i++) {
        run_sql(w->from, here[i].text);
        expect_int(here[i].text, move_from(w, w->from->dir, true), MIGRATE_DIFFERS);
        expect_in(here[i].text, w->said, here[i].kinds);
        run_sql(w->from, here[i].undo);
    }
    assert_int_equal(move_from(w, w->from->dir, true), 0);
}

/** Its numbers stay: what was removed is in the counts. */
static void what_was_removed_stays_so(void **state)
{
    struct world *w = *state;

    fill(w, NULL);
    run_sql(w->from, "DELETE FROM message WHERE position IN (1, 2, 20)");
    assert_int_equal(move(w), 0);
    assert_int_equal(move_from(w, w->from->dir, true), 0);
    expect_int("messages", number_of(w, "SELECT count(*) FROM message WHERE position < 3"), 0);
}

/** No server has it yet, and none gets it. */
static void what_differs_is_not_done(void **state)
{
    struct world *w = *state;
    int r = -1;

    fill(w, NULL);
    for (unsigned n = 1; number_of(w,
                                   "SELECT count(*) FROM pg_class WHERE relname = 'migration'"
                                   " AND relnamespace = current_schema()::regnamespace") == 0 ||
                         number_of(w, "SELECT kind FROM migration") < 3;
         n++) {
        r = move_and_die(w, n);
        assert_int_equal(r, -1);
    }
    pg_world_run(w->to->pg.admin, "DELETE FROM message WHERE position = 1");
    assert_int_equal(move(w), MIGRATE_DIFFERS);
    expect_str("differ", str_of(w->said), STR("messages;"));
    log_set_sink(pg_on_line, &w->lines);
    assert_int_equal(store_world_try(w->to), -EBUSY);
    log_set_sink(NULL, NULL);
}

/** A digest that was there when it was sent is that of what is there now, or that is said. */
static void says_what_is_not_as_it_was_sent(void **state)
{
    struct world *w = *state;

    fill(w, NULL); // the digests of these tests are zeroes
    assert_int_equal(move(w), 0);
    expect_int("changed", w->n_changed,
               number_of(w, "SELECT count(*) FROM message WHERE type <> 'gone'"));
}

int main(void)
{
#define MOVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    struct CMUnitTest tests[] = {
        MOVED(moves_sessions_files_and_all_else),
        MOVED(an_empty_store_moves_as_well),
        MOVED(goes_on_where_it_was_killed),
        MOVED(is_the_same_after_any_number_of_batches),
        MOVED(no_server_starts_on_what_is_not_all_there),
        MOVED(a_directory_without_a_store_is_refused_and_not_made),
        MOVED(a_directory_that_a_server_has_is_refused),
        MOVED(a_database_that_a_server_has_is_refused),
        MOVED(a_database_with_anything_in_it_is_refused),
        MOVED(what_was_moved_is_not_moved_again),
        MOVED(no_server_starts_on_what_was_moved),
        MOVED(another_directory_does_not_go_on_for_the_first),
        MOVED(a_directory_that_has_changed_meanwhile_is_refused),
        MOVED(finds_whatever_is_changed_in_the_database),
        MOVED(finds_whatever_is_changed_in_the_directory),
        MOVED(what_was_removed_stays_so),
        MOVED(what_differs_is_not_done),
        MOVED(says_what_is_not_as_it_was_sent),
    };

    return PG_WORLD_RUN("store_migrate", tests);
}
