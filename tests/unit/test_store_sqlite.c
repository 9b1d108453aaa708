/** What is SQLite's own: the file, the disk that is full or broken, the groups. */
#include <sys/stat.h>

#include "base/log.h"
#include "support/aborts.h"
#include "support/sqlite_world.h"
#include "support/store_v1.h"
#include "support/store_v2.h"
#include "support/store_v3.h"
#include "support/store_v4.h"

// The world.

static int setup(void **state)
{
    *state = store_world_new(true);
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

/** All that the account can get, as one text. */
static void say_all(struct store_world *w, char letter, struct buf *out)
{
    const account of = who(letter);
    struct store_answer a[4];

    for (unsigned i = 0; i < COUNT_OF(a); i++)
        answer_init(&a[i], w);
    store_read(w->store,
               &(struct store_read){.account = of, .max_messages = 999, .max_bytes = 999},
               on_read, &a[0]);
    store_receipts(w->store, &(struct store_receipts){.account = of, .max_receipts = 999},
                   on_receipts, &a[1]);
    store_list(w->store,
               &(struct store_list){.account = of, .max_conversations = 999, .max_bytes = 999},
               on_list, &a[2]);
    store_unread(w->store, &of, on_unread, &a[3]);
    for (unsigned i = 0; i < COUNT_OF(a); i++) {
        answer_await(&a[i]);
        const int r = buf_add(out, buf_str(&a[i].text));
        assert_int_equal(r, 0);
        answer_fini(&a[i]);
    }
}

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
    say_all(w, 'a', &before);
    store_world_close(w);
    store_world_open(w);
    say_all(w, 'a', &after);
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
            "DELETE FROM member WHERE conversation = (SELECT max(id) FROM conversation);"
            "DELETE FROM conversation WHERE id = (SELECT max(id) FROM conversation);");
    store_world_open(w);
    const struct store_answer next = put(w, 'a', 'c', "1", 1);
    assert_int_equal(next.position, last.position + 1);
    assert_int_equal(next.conversation >> 32, (last.conversation >> 32) + 1);
    assert_false(next.is_duplicate);

    // and while it runs: it notices
    run_sql(w, "DELETE FROM message WHERE position = (SELECT max(position) FROM message)");
    assert_int_equal(put(w, 'a', 'c', "2", 2).position, next.position + 1);
    run_sql(w, "UPDATE member SET n_from_peer = n_from_peer + 5");
    put(w, 'a', 'c', "3", 13); // five of each side
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
        if (store_sqlite_holder(&pid, dir) != 0 ||
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
    run_sql(w, "PRAGMA user_version = 5");
    store_world_open(w);
}

static int64_t version_of(const struct store_world *w)
{
    return sql_number(w, "SELECT user_version FROM pragma_user_version");
}

/** Closed, and as an older one left it. */
static void put_back(struct store_world *w, unsigned version)
{
    char path[128];

    store_world_close(w);
    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    assert_int_equal(unlink(path), 0);
    run_sql(w, store_v1);
    if (version >= 2)
        run_sql(w, store_v2);
    if (version >= 3)
        run_sql(w, store_v3);
    if (version >= 4)
        run_sql(w, store_v4);
}

/** Of a with b, b, a with s, and s: where the first undelivered message is. */
static void expect_due(const struct store_world *w, const char *want)
{
    char question[256];

    snprintf(question, sizeof(question),
             "SELECT '%s' = (SELECT group_concat(due_pos, ' ') FROM"
             " (SELECT due_pos FROM member ORDER BY conversation, account))",
             want);
    expect_int(want, sql_number(w, question), 1);
    assert_int_equal(sql_number(w, N_INEXACT_DUE), 0);
}

static void brings_a_version_1_up_to_date(void **state)
{
    struct store_world *w = *state;
    const struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 9, .max_bytes = 9};

    put_back(w, 1);
    store_world_open(w);
    assert_int_equal(version_of(w), 5);
    assert_true(w->store->epoch == STORE_V1_EPOCH);
    assert_int_equal(store_horizon(w->store), 5);
    expect_due(w, "2 0 3 0");
    ask_history(w, &h, 0, "a1r b2 a3d");
    assert_int_equal(ask_unread(w, 'a'), 2);
    assert_true(put(w, 's', 'a', "1", 1).is_duplicate);
    assert_int_equal(put(w, 'a', 'b', "3", 4).position, 6);
    sign_in(w, 'a', "laptop");

    store_world_close(w); // and it is a version 5 like any other
    store_world_open(w);
    ask_history(w, &h, 0, "a1r b2 a3d a4");
    turn(w, "laptop", 1, 0, 0, 2);
}

#define REVOKED_IN_V2 "tablet@1~3600000 b@3<0~3600000"

static void brings_a_version_2_up_to_date(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin again = begin_of('a', "again", "tablet");
    const struct auth_store_end e = end_of("phone");

    put_back(w, 2);
    store_world_open(w);
    assert_int_equal(version_of(w), 5);
    assert_true(w->store->epoch == STORE_V1_EPOCH);
    assert_int_equal(store_horizon(w->store), 5);
    expect_due(w, "2 0 3 0");
    turn(w, "laptop", 2, 3 * MINUTE, 0, 3); // none of them has a proof
    turn(w, "laptop", 3, 3 * MINUTE, 0, 4);
    turn(w, "phone", 1, 0, 0, 2);
    turn(w, "tablet", 1, 0, AUTH_STORE_NO_SESSION, 0);
    ask_begin(w, &again, AUTH_STORE_NONCE_USED, "");
    expect_revoked(w, 0, REVOKED_IN_V2);
    ask_end(w, &e, 0, "1");
    expect_revoked(w, 0, REVOKED_IN_V2 " phone@5~3600000");
}

static void keeps_proofs_in_what_was_a_version_2(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "safe", "safe");
    const struct auth_store_refresh r = refresh_of("safe", 1, 0);
    const char *want = "a/safe g1 0-3600000 10:dddddddddddddddddddddddddddddddd:ok";

    put_back(w, 2);
    store_world_open(w);
    b.proof = proof_of(10, 'd', STR("ok"));
    ask_begin(w, &b, 0, want);
    store_world_close(w);
    store_world_open(w);
    ask_refresh(w, &r, AUTH_STORE_UNPROVEN, want);
    turn(w, "laptop", 3, 0, 0, 4);
}

static int64_t bytes_of(const struct store_world *w, const char *column, int64_t position)
{
    char text[128];

    snprintf(text, sizeof(text), "SELECT %s FROM message WHERE position = %lld", column,
             (long long)position);
    return sql_number(w, text);
}

/** The sums that a version 3 does not have yet. */
static void expect_sums_of_v3(const struct store_world *w)
{
    static const struct {
        int64_t position;
        int64_t sent;
        int64_t got;
    } rows[] = {{1, 1, 0}, {2, 1, 1}, {3, 1, 0}, {4, 2, 1}, {6, 9, 2}, {8, 14, 9}};

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(bytes_of(w, "sent_bytes", rows[i].position), rows[i].sent);
        assert_int_equal(bytes_of(w, "got_bytes", rows[i].position), rows[i].got);
    }
    assert_int_equal(sql_number(w, "SELECT count(*) FROM message"), COUNT_OF(rows));
}

static void brings_a_version_3_up_to_date(void **state)
{
    struct store_world *w = *state;
    const struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 9, .max_bytes = 99};
    const struct store_list l = {.account = who('a'), .max_conversations = 9, .max_bytes = 99};
    const struct store_receipts moved = {.account = who('b'), .max_receipts = 9};
    const struct store_read r = {.account = who('b'), .max_messages = 9, .max_bytes = 99};

    put_back(w, 3);
    store_world_open(w);
    assert_int_equal(version_of(w), 5);
    assert_true(w->store->epoch == STORE_V1_EPOCH);
    assert_int_equal(store_horizon(w->store), 8);
    expect_sums_of_v3(w);
    expect_due(w, "6 8 3 0");
    ask_history(w, &h, 0, "a1r b2d a3d b4 a5");
    ask_list(w, &l, 0, "[b u2 a5] [s? u1 s1]");
    ask_receipts(w, &moved, 0, "bd3 br1 ad2");
    ask_read(w, &r, 0, "a1r b2d a3d b4 a5");
    assert_int_equal(ask_unread(w, 'b'), 1);
    const struct auth_store_refresh of_phone = refresh_of("phone", 1, 0);
    ask_refresh(w, &of_phone, AUTH_STORE_UNPROVEN,
                "s/phone g1 0-3600000 10:dddddddddddddddddddddddddddddddd:ok");
}

static void brings_a_version_4_up_to_date(void **state)
{
    struct store_world *w = *state;
    const struct store_history of_b = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 9, .max_bytes = 99};
    const struct store_history of_a = {
        .account = who('a'), .place.peer = who('s'), .max_messages = 9, .max_bytes = 99};
    const struct store_list l = {.account = who('a'), .max_conversations = 9, .max_bytes = 99};

    put_back(w, 4);
    store_world_open(w);
    assert_int_equal(version_of(w), 5);
    assert_true(w->store->epoch == STORE_V1_EPOCH);
    assert_int_equal(store_horizon(w->store), 12);
    expect_due(w, "6 0 0 0");
    ask_history(w, &of_b, 0, "a1r b2d a3d b4 a5x a6x");
    ask_history(w, &of_a, 0, "s1x");
    ask_list(w, &l, 0, "[b u2 a6] [s? u0 s1x]");
    assert_int_equal(sql_number(w, "SELECT seen_ms FROM account WHERE id = 1"), NOW + 5);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM attachment"), 0);
    turn(w, "laptop", 3, 0, 0, 4);
    put(w, 's', 'a', "2", 2);
}

/** As one that has been of this version from its beginning. */
static void messages_of_a_version_4_may_go_with_sqlite3(void **state)
{
    struct store_world *w = *state;

    put_back(w, 4);
    store_world_open(w);
    run_sql(w,
            "INSERT INTO upload VALUES ('u', x'', 1, 0, 0, 0, 1, x'', 'm', 'n');"
            "INSERT INTO attachment VALUES (1, 'u'), (6, 'u')");
    run_sql(w, "DELETE FROM message WHERE position = 1");
    assert_int_equal(sql_number(w, "SELECT until_ms FROM upload"), 0);
    run_sql(w, "UPDATE message SET type = 'gone' WHERE position = 6");
    assert_int_equal(sql_number(w, "SELECT until_ms FROM upload"), 1);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM attachment"), 0);
}

/** Both have accepted: what each has undelivered is what counts, in the sums as well. */
static void bytes_of_a_version_3_count(void **state)
{
    struct store_world *w = *state;

    put_back(w, 3);
    w->limits.accepted.bytes = 9; // b4 has 8, a5 has 12
    store_world_open(w);
    const struct store_append from_a = message('a', 'b', "4", "4");
    const struct store_append from_b = message('b', 'a', "4", "4");
    assert_int_equal(append(w, &from_a).r, STORE_MAILBOX_FULL);
    put(w, 'b', 'a', "3", 6);
    assert_int_equal(append(w, &from_b).r, STORE_MAILBOX_FULL);
    see(w, 'b', 'a', 5);
    put(w, 'a', 'b', "4", 7);
}

/** @param n  writes until one fails */
static bool opens_with_writes(struct store_world *w, int n)
{
    const struct store_sqlite_config config = {
        .dir = w->dir, .limits = w->limits, .rand = &w->chance.rand};

    atomic_store(&writes_left, n);
    const int r = store_sqlite_open(&w->store, w->loop, &config);
    atomic_store(&writes_left, -1);
    return r == 0;
}

static void a_full_disk_leaves_an_old_version_as_it_is(void **state)
{
    struct store_world *w = *state;
    int n = 0;

    put_back(w, 3);
    for (; !opens_with_writes(w, n); n++) {
        assert_int_equal(version_of(w), 3);
        assert_int_equal(sql_number(w, "SELECT count(*) FROM session"), 2);
        assert_int_equal(sql_number(w, "SELECT count(*) FROM message"), 6);
    }
    assert_true(n > 3); // the pages of the log
    assert_int_equal(version_of(w), 5);
    turn(w, "laptop", 3, 0, 0, 4);
    expect_revoked(w, 0, REVOKED_IN_V2);
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
    static const char *const names[] = {"parley.db", "parley.db-wal", "lock"};

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
    atomic_store(&is_full, true);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(append(w, &of_new).r, STORE_UNAVAILABLE);
    ask_receipt(w, &seen, STORE_UNAVAILABLE, "");
    assert_int_equal(store_horizon(w->store), horizon);
    assert_int_equal(w->store->counters.refused, 3);
    assert_true(put(w, 'a', 'b', "1", 1).is_duplicate); // needs no room
    assert_int_equal(ask_unread(w, 'b'), 1);
    atomic_store(&is_full, false);
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
            atomic_store(&writes_left, again ? -1 : n);
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
    atomic_store(&writes_left, -1);
    assert_true(n_failed > 5); // the writes of a group
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
    assert_true(w->loop->timers.now_ms - asked_ms >= STORE_SQLITE_RECEIPT_MS);
    assert_int_equal(w->store->counters.commits, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_commit_ends_the_process),
        TEST(all_is_there_after_a_restart),
        TEST(nothing_is_given_twice_even_where_rows_are_gone),
        TEST(marks_count_what_is_there_where_rows_are_gone),
        TEST(only_one_opens_a_directory),
        TEST(says_who_has_a_directory_open),
        TEST(refuses_what_a_newer_one_wrote),
        TEST(brings_a_version_1_up_to_date),
        TEST(brings_a_version_2_up_to_date),
        TEST(keeps_proofs_in_what_was_a_version_2),
        TEST(brings_a_version_3_up_to_date),
        TEST(brings_a_version_4_up_to_date),
        TEST(messages_of_a_version_4_may_go_with_sqlite3),
        TEST(bytes_of_a_version_3_count),
        TEST(a_full_disk_leaves_an_old_version_as_it_is),
        TEST(refuses_what_is_no_store),
        TEST(refuses_a_directory_that_can_not_be),
        TEST(only_its_owner_can_read_it),
        TEST(a_full_disk_refuses_and_recovers),
        TEST(a_group_is_stored_whole_or_not_at_all),
        TEST(what_waits_is_one_commit_up_to_its_largest),
        TEST(there_are_so_many_conversations),
        TEST(a_receipt_rides_with_the_next_append),
        TEST(receipts_alone_wait_a_little_for_company),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
