/** What is SQLite's own: the file, the disk that is full or broken, the groups. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/dir.h"
#include "support/aborts.h"
#include "support/sqlite_world.h"

// The world.

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static struct buf said; // to the log

static void hear(void *arg, str line)
{
    (void)arg;
    const int r = buf_add(&said, line);
    assert_int_equal(r, 0);
}

/** The store can't be opened, and the log says this. */
static void expect_refused(const struct store_world *w, const char *want)
{
    struct seeded chance = seeded_of(7);
    const struct store_sqlite_config config = {
        .dir = w->dir, .limits = w->limits, .rand = &chance.rand};
    struct store *s = NULL;

    buf_init(&said, PLENTY);
    log_set_sink(hear, NULL);
    const int r = store_sqlite_open(&s, w->loop, &config);
    log_set_sink(NULL, NULL);
    assert_true(r < 0);
    assert_null(s);
    assert(said.ptr);
    if (!memmem(buf_str(&said).ptr, said.len, want, strlen(want)))
        fail_msg("no \"%s\" in: " STR_FMT, want, STR_ARG(buf_str(&said)));
    buf_fini(&said);
}

static struct store_answer see(struct store_world *w, char by, char peer, uint64_t read)
{
    const struct store_receipt r = {
        .by = who(by), .place.peer = who(peer), .read_seq = read, .now_ms = NOW};
    return ask_receipt(w, &r, 0, NULL);
}

// The file.

static void all_is_there_after_a_restart(void **state)
{
    struct store_world *w = *state;
    struct buf before;
    struct buf after;

    put(w, 'a', 'b', "1", 1);
    put(w, 's', 'a', "1", 1);
    const struct store_answer first = put(w, 'b', 'a', "1", 2);
    see(w, 'a', 'b', 1);
    see(w, 'a', 's', 1);
    put(w, 'a', 'b', "2", 3);
    const uint64_t epoch = w->store->epoch;
    const int64_t horizon = store_horizon(w->store);
    w->in_full = true;
    buf_init(&before, PLENTY);
    buf_init(&after, PLENTY);
    say_all(w, &before);
    store_world_close(w);
    store_world_open(w);
    say_all(w, &after);
    expect_str("after", buf_str(&after), buf_str(&before));
    assert_true(before.len > 300);
    assert_true(w->store->epoch == epoch);
    assert_int_equal(store_horizon(w->store), horizon);

    const struct store_answer again = put(w, 'b', 'a', "1", 2);
    assert_true(again.is_duplicate);
    assert_true(again.conversation == first.conversation);
    assert_int_equal(put(w, 'b', 'a', "2", 4).position, horizon + 1);
    buf_fini(&before);
    buf_fini(&after);
}

static void nothing_is_given_twice_even_where_rows_are_gone(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    const struct store_answer last = put(w, 'a', 'c', "1", 1);
    store_world_close(w);
    run_sql(w,
            "DELETE FROM message WHERE position = (SELECT max(position) FROM message);"
            "DELETE FROM conversation WHERE id = (SELECT max(id) FROM conversation);");
    store_world_open(w);
    const struct store_answer next = put(w, 'a', 'c', "1", 1);
    assert_int_equal(next.position, last.position + 1);
    assert_int_equal(next.conversation >> 32, (last.conversation >> 32) + 1);
    assert_false(next.is_duplicate);

    // and while it runs: it notices
    run_sql(w, "DELETE FROM message WHERE position = (SELECT max(position) FROM message)");
    assert_int_equal(put(w, 'a', 'c', "2", 2).position, next.position + 1);
    put(w, 'a', 'c', "3", 3);
}

static void marks_count_what_is_there_where_rows_are_gone(void **state)
{
    struct store_world *w = *state;
    const struct store_list l = {.account = who('b'), .max_conversations = 1, .max_bytes = 9};
    const struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 9, .max_bytes = 9};

    for (unsigned i = 0; i < 5; i++)
        put(w, 'a', 'b', (const char[]){(char)('1' + i), '\0'}, i + 1);
    run_sql(w, "DELETE FROM message WHERE seq IN (2, 3)");
    ask_history(w, &h, 0, "a1 a4 a5");
    see(w, 'b', 'a', 3);
    ask_list(w, &l, 0, "[a? u4 a5]"); // one was there
    see(w, 'b', 'a', 4);
    ask_list(w, &l, 0, "[a? u1 a5]");
}

static void only_one_opens_a_directory(void **state)
{
    struct store_world *w = *state;
    char want[64];

    snprintf(want, sizeof(want), "process %d has opened", (int)getpid());
    expect_refused(w, want);
    put(w, 'a', 'b', "1", 1);
}

/** In a process of its own: of its own locks one is not told. */
static pid_t ask_holder(const char *dir)
{
    pid_t answer = -2;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pid_t pid;
        if (store_dir_holder(&pid, dir) != 0 ||
            write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
            _exit(1);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &answer, sizeof(answer)), sizeof(answer));
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return answer;
}

static void says_who_has_a_directory_open(void **state)
{
    struct store_world *w = *state;

    assert_int_equal(ask_holder("/nowhere"), 0);
    assert_int_equal(ask_holder(w->dir), getpid());
    store_world_close(w);
    assert_int_equal(ask_holder(w->dir), 0); // the file with the number is still there
    store_world_open(w);
    assert_int_equal(ask_holder(w->dir), getpid());
}

static void refuses_what_a_newer_one_wrote(void **state)
{
    struct store_world *w = *state;

    store_world_close(w);
    run_sql(w, "PRAGMA user_version = 1000");
    expect_refused(w, "run a newer one");
    run_sql(w, "PRAGMA user_version = 7");
    store_world_open(w);
}

static void refuses_what_is_from_before_the_first_release(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    store_world_close(w);
    for (unsigned version = 1; version <= 6; version++) {
        char text[48];
        snprintf(text, sizeof(text), "PRAGMA user_version = %u", version);
        run_sql(w, text);
        snprintf(text, sizeof(text), "has version %u, from before the first release", version);
        expect_refused(w, text);
    }
    run_sql(w, "PRAGMA user_version = 7");
    store_world_open(w);
    put(w, 'a', 'b', "2", 2);
}

/** A new one. @param n  writes to these files until one fails */
static bool is_made_with_writes(struct store_world *w, struct faults *files, int n)
{
    const struct store_sqlite_config config = {
        .dir = w->dir, .limits = w->limits, .rand = &w->chance.rand};

    atomic_store(&files->writes_left, n);
    const int r = store_sqlite_open(&w->store, w->loop, &config);
    atomic_store(&files->writes_left, -1);
    return r == 0;
}

static void a_store_is_made_when_the_disk_has_room_for_it(void **state)
{
    struct store_world *w = *state;
    struct faults *const rows[] = {&of_log, &of_index};

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        int n = 0;
        store_world_close(w);
        empty_dir(w->dir);
        while (!is_made_with_writes(w, rows[i], n))
            n++;
        assert_true(n > 3); // the pages of its tables
        put(w, 'a', 'b', "1", 1);
        assert_int_equal(sql_number(w, "SELECT count(*) FROM message"), 1);
    }
}

/** What no index would make good. */
static void refuses_a_log_whose_messages_are_out_of_order(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "2", 2);
    store_world_close(w);
    run_sql(w, "UPDATE message SET seq = 3 - seq");
    expect_refused(w, "put back an older copy of ");
    run_sql(w, "UPDATE message SET seq = 3 - seq");
    store_world_open(w);
    put(w, 'a', 'b', "3", 3);
}

static void refuses_what_is_no_store(void **state)
{
    struct store_world *w = *state;

    store_world_close(w);
    run_sql(w, "PRAGMA application_id = 0");
    expect_refused(w, "no store of Parley");
    run_sql(w, "PRAGMA application_id = 1349676153");
    store_world_open(w);
}

static void refuses_a_directory_that_can_not_be(void **state)
{
    struct store_world *w = *state;
    struct store_world nowhere = *w;

    snprintf(nowhere.dir, sizeof(nowhere.dir), "/dev/null/store");
    expect_refused(&nowhere, "ENOTDIR");
}

static void only_its_owner_can_read_it(void **state)
{
    const struct store_world *w = *state;
    static const char *const names[] = {"parley.db", "parley.db-wal", "index.db",
                                        "index.db-wal", "lock"};

    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
        expect_int(names[i], stat(path, &st), 0);
        expect_int(names[i], st.st_mode & 0777, 0600);
    }
}

// The disk.

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "2", "2");
    const struct store_append of_new = message('c', 'd', "1", "1");
    const struct store_receipt seen = {
        .by = who('b'), .place.peer = who('a'), .read_seq = 1, .now_ms = NOW};

    put(w, 'a', 'b', "1", 1);
    const int64_t horizon = store_horizon(w->store);
    atomic_store(&of_log.is_full, true);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(append(w, &of_new).r, STORE_UNAVAILABLE);
    ask_receipt(w, &seen, STORE_UNAVAILABLE, "");
    assert_int_equal(store_horizon(w->store), horizon);
    assert_int_equal(w->store->counters.refused, 3);
    assert_true(put(w, 'a', 'b', "1", 1).is_duplicate); // needs no room
    assert_int_equal(ask_unread(w, 'b'), 1);
    atomic_store(&of_log.is_full, false);
    assert_int_equal(append(w, &what).seq, 2);
    assert_int_equal(append(w, &of_new).seq, 1);
    ask_receipt(w, &seen, 0, "a 1+ 1+");
}

static void a_group_is_stored_whole_or_not_at_all(void **state)
{
    struct store_world *w = *state;
    struct store_answer answers[3];
    unsigned n_failed = 0;
    bool has_failed = true;

    for (int n = 0; has_failed; n++) { // the n-th write fails
        for (unsigned again = 0; again < 2; again++) {
            atomic_store(&of_log.writes_left, again ? -1 : n);
            for (unsigned i = 0; i < 3; i++) {
                char key[16];
                snprintf(key, sizeof(key), "%d.%u", n, i);
                const struct store_append what = message('a', (char)('b' + i), key, key);
                answer_init(&answers[i], w);
                store_append(w->store, &what, on_append, &answers[i]);
            }
            for (unsigned i = 0; i < 3; i++) {
                answer_await(&answers[i]);
                answer_fini(&answers[i]);
                expect_int("group", answers[i].r, answers[0].r);
                if (answers[i].r == 0)
                    expect_int("seq", answers[i].seq, n + 1);
                expect_int("again", answers[i].is_duplicate, again && !has_failed);
            }
            if (!again)
                has_failed = answers[0].r != 0;
            n_failed += answers[0].r != 0;
            assert_true(!again || answers[0].r == 0);
        }
    }
    atomic_store(&of_log.writes_left, -1);
    assert_true(n_failed > 3); // the writes of a group
}

static void append_to_a_broken_disk(void *dir)
{
    struct store_world *w = store_world_in(dir);
    const struct store_append what = message('a', 'b', "2", "2");

    put(w, 'a', 'b', "1", 1);
    atomic_store(&is_broken, true);
    const struct store_answer a = append(w, &what);
    printf("answered %d\n", a.r);
}

static void an_unknown_commit_ends_the_process(void **state)
{
    char dir[] = "/tmp/parley-store-XXXXXX";
    char text[4096];

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_true(aborts(append_to_a_broken_disk, dir, text, sizeof(text)));
    assert_non_null(strstr(text, "event=store_unknown"));
    remove_dir(dir);
}

// Groups.

static void append_at_once(struct store_world *w, char to, unsigned n)
{
    struct store_answer *answers = mem_alloc(n * sizeof(*answers));

    for (unsigned i = 0; i < n; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%u", i);
        const struct store_append what = message('a', to, key, key);
        answer_init(&answers[i], w);
        store_append(w->store, &what, on_append, &answers[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        answer_await(&answers[i]);
        assert_int_equal(answers[i].r, 0);
        answer_fini(&answers[i]);
    }
    free(answers);
}

static void what_waits_is_one_commit_up_to_its_largest(void **state)
{
    struct store_world *w = *state;

    append_at_once(w, 'b', STORE_SQLITE_GROUP_MAX);
    assert_int_equal(w->store->counters.commits, 1);
    append_at_once(w, 'c', STORE_SQLITE_GROUP_MAX + 1);
    assert_int_equal(w->store->counters.commits, 3);
}

static void there_are_so_many_conversations(void **state)
{
    struct store_world *w = *state;
    const struct store_append one_more = message('a', 'c', "1", "1");

    run_sql(w, "UPDATE meta SET conversations = 2147483646");
    const struct store_answer last = put(w, 'a', 'b', "1", 1);
    assert_int_equal(last.conversation >> 32, 0x7fffffff);
    assert_int_equal(append(w, &one_more).r, STORE_UNAVAILABLE);
    put(w, 'a', 'b', "2", 2);
    store_world_close(w);
    store_world_open(w);
    const struct store_history h = {.account = who('a'),
                                    .place.conversation = last.conversation,
                                    .max_messages = 9,
                                    .max_bytes = 9};
    ask_history(w, &h, 0, "a1 a2");
}

static void a_receipt_rides_with_the_next_append(void **state)
{
    struct store_world *w = *state;
    struct store_answer seen[2];
    const struct store_receipt r[2] = {
        {.by = who('b'), .place.peer = who('a'), .delivered_seq = 1, .now_ms = NOW},
        {.by = who('b'), .place.peer = who('a'), .read_seq = 1, .now_ms = NOW}};

    put(w, 'a', 'b', "1", 1);
    for (unsigned i = 0; i < 2; i++) {
        answer_init(&seen[i], w);
        store_receipt(w->store, &r[i], on_receipt, &seen[i]);
    }
    loop_run_once(w->loop);
    const struct store_answer sent = put(w, 'a', 'b', "2", 2);
    assert_int_equal(seen[0].times, 1); // called before, answered before
    assert_int_equal(seen[1].times, 1);
    assert_int_equal(seen[0].position + 1, seen[1].position);
    assert_int_equal(seen[1].position + 1, sent.position);
    assert_int_equal(w->store->counters.commits, 2);
    answer_fini(&seen[0]);
    answer_fini(&seen[1]);
}

static void receipts_alone_wait_a_little_for_company(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    loop_run_once(w->loop);
    const int64_t asked_ms = w->loop->timers.now_ms;
    see(w, 'b', 'a', 1);
    assert_true(w->loop->timers.now_ms - asked_ms >= STORE_RECEIPT_MS);
    assert_int_equal(w->store->counters.commits, 2);
}

// Its threads.

static bool is_called(pid_t thread, const char *name)
{
    char path[48];
    char line[32] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", thread);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_int_equal(fclose(f), 0);
    return strncmp(line, name, strlen(name)) == 0;
}

static pid_t thread_called(const char *name)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc/self/task");

    assert_non_null(dir);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const pid_t thread = (pid_t)strtol(e->d_name, NULL, 10);
        if (thread > 0 && is_called(thread, name))
            found = thread;
    }
    closedir(dir);
    assert_true(found > 0);
    return found;
}

static int nice_of(pid_t thread)
{
    return getpriority(PRIO_PROCESS, (id_t)thread);
}

/** Whoever waits for an answer waits for the others. */
static void who_fills_the_index_comes_behind_who_answers(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    put(w, 'a', 'b', "1", 1);
    ask_unread(w, 'a');
    await_index(w); // all three have begun
    assert_int_equal(nice_of(thread_called("store-write")), nice_of(0));
    assert_int_equal(nice_of(thread_called("store-read")), nice_of(0));
    assert_true(nice_of(thread_called("store-keep")) > nice_of(0));
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_commit_ends_the_process),
        UNIT(all_is_there_after_a_restart),
        UNIT(nothing_is_given_twice_even_where_rows_are_gone),
        UNIT(marks_count_what_is_there_where_rows_are_gone),
        UNIT(only_one_opens_a_directory),
        UNIT(says_who_has_a_directory_open),
        UNIT(refuses_what_a_newer_one_wrote),
        UNIT(refuses_what_is_from_before_the_first_release),
        UNIT(a_store_is_made_when_the_disk_has_room_for_it),
        UNIT(refuses_a_log_whose_messages_are_out_of_order),
        UNIT(who_fills_the_index_comes_behind_who_answers),
        UNIT(refuses_what_is_no_store),
        UNIT(refuses_a_directory_that_can_not_be),
        UNIT(only_its_owner_can_read_it),
        UNIT(a_full_disk_refuses_and_recovers),
        UNIT(a_group_is_stored_whole_or_not_at_all),
        UNIT(what_waits_is_one_commit_up_to_its_largest),
        UNIT(there_are_so_many_conversations),
        UNIT(a_receipt_rides_with_the_next_append),
        UNIT(receipts_alone_wait_a_little_for_company),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
