/** What is SQLite's own about uploads: messages that go, groups, the disk. */
#include "support/aborts.h"
#include "support/sqlite_world.h"
#include "support/uploads_world.h"

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

/** Uploads that are kept though no message has them, or not though one has; and messages that
 * are not there and have one. */
#define N_WRONG                                                                                \
    "SELECT (SELECT count(*) FROM upload WHERE (until_ms = 0) <>"                              \
    "    EXISTS (SELECT 1 FROM attachment WHERE upload = id))"                                 \
    "  + (SELECT count(*) FROM attachment a WHERE NOT EXISTS"                                  \
    "    (SELECT 1 FROM message m WHERE m.position = a.position AND m.type <> 'gone'))"        \
    "  + (SELECT count(*) FROM attachment WHERE upload NOT IN (SELECT id FROM upload))"        \
    "  + (SELECT count(*) FROM uploader o WHERE n_pending <>"                                  \
    "    (SELECT count(*) FROM upload u WHERE u.owner = o.owner AND state = 0))"

static void expect_kept(const struct store_world *w, int64_t n)
{
    assert_int_equal(sql_number(w, N_WRONG), 0);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM upload WHERE until_ms = 0"), n);
}

// Messages that go. An operator takes them away.

static void a_file_goes_with_its_last_message(void **state)
{
    static const char *const ways[] = {
        "DELETE FROM message WHERE key = '1'",
        "UPDATE message SET type = 'gone' WHERE key = '1'",
        "UPDATE message SET type = 'gone', content = 'null', key = '!1' WHERE key = '1'",
        "DELETE FROM message",
        "UPDATE message SET type = 'gone'",
        "BEGIN; UPDATE message SET type = 'gone'; DELETE FROM message; COMMIT",
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        struct store_world *w = store_world_new(BACKEND_SQLITE);
        upload(w, 'a', "u1");
        put(w, 'a', 'z', "0", 1);
        send_upload(w, 'a', "1", "u1", 0);
        claim(w, 1000 * DAY, "");
        run_sql(w, ways[i]);
        expect_kept(w, 0);
        is_found(w, "u1", "a/u1 accepted"); // until it is claimed
        claim(w, 0, "u1");
        remove_upload(w, "u1");
        expect_kept(w, 0);
        store_world_free(w);
    }
}

static void a_file_of_several_messages_goes_with_the_last(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    upload(w, 'a', "u2");
    send_upload(w, 'a', "1", "u1", 0);
    send_upload(w, 'a', "2", "u2", 0);
    send_upload(w, 'a', "3", "u1", 0);
    const struct store_append to_b = message_with('a', 'b', "4", "u1");
    assert_int_equal(append(w, &to_b).r, 0);
    run_sql(w, "DELETE FROM message WHERE key = '3'");
    expect_kept(w, 2);
    run_sql(w, "UPDATE message SET type = 'gone' WHERE key = '1'");
    run_sql(w, "DELETE FROM message WHERE key = '1'");
    expect_kept(w, 2);
    claim(w, 1000 * DAY, "");
    run_sql(w, "UPDATE message SET type = 'gone' WHERE key = '4'");
    expect_kept(w, 1);
    claim(w, 0, "u1");
}

static void many_files_go_at_once(void **state)
{
    struct store_world *w = *state;

    for (unsigned i = 0; i < 20; i++) {
        char id[8];
        char key[8];
        snprintf(id, sizeof(id), "u%02u", i / 2);
        snprintf(key, sizeof(key), "%u", i);
        if (i % 2 == 0)
            upload(w, 'a', id);
        send_upload(w, 'a', key, id, 0);
    }
    expect_kept(w, 10);
    run_sql(w, "DELETE FROM message WHERE seq <= 5");
    expect_kept(w, 8);
    claim(w, 0, "u00 u01");
    run_sql(w, "DELETE FROM message");
    expect_kept(w, 0);
    claim(w, 0, "u02 u03 u04 u05 u06 u07 u08 u09");
}

static void what_else_changes_in_a_message_leaves_its_file(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    put(w, 'a', 'z', "0", 1);
    send_upload(w, 'a', "1", "u1", 0);
    run_sql(w, "UPDATE message SET content = '2', reply_to = 1 WHERE key = '1'");
    run_sql(w, "UPDATE message SET type = 'image' WHERE key = '1'");
    run_sql(w, "DELETE FROM message WHERE key = '0'");
    run_sql(w, "BEGIN; DELETE FROM message; ROLLBACK");
    expect_kept(w, 1);
    claim(w, 1000 * DAY, "");
}

static void a_file_whose_message_has_gone_may_be_sent_again_until_it_is_claimed(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    send_upload(w, 'a', "1", "u1", 0);
    run_sql(w, "DELETE FROM message");
    expect_kept(w, 0);
    send_upload(w, 'a', "2", "u1", 0);
    expect_kept(w, 1);
    claim(w, 1000 * DAY, "");
    run_sql(w, "DELETE FROM message");
    claim(w, 0, "u1");
    send_upload(w, 'a', "3", "u1", STORE_NO_UPLOAD);
}

/** What it would need for that is not there. */
static void a_message_without_a_file_asks_for_none(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'z', "1", 1);
    run_sql(w, "DROP TABLE upload; DROP TABLE uploader; DROP TABLE attachment");
    put(w, 'a', 'z', "2", 2);
    assert_true(put(w, 'a', 'z', "1", 1).is_duplicate);
    put(w, 'b', 'z', "1", 1);
}

// What is in the file.

static void all_is_there_after_a_restart(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u4");

    upload(w, 'a', "u1");
    send_upload(w, 'a', "1", "u1", 0);
    upload(w, 'a', "u2");
    announce(w, 'a', "u3");
    c.until_ms = NOW + 1;
    ask_upload_create(w, &c, 0, "");
    claim(w, 1, "u4");
    store_world_close(w);
    store_world_open(w);
    is_found(w, "u1", "a/u1 accepted");
    is_found(w, "u2", "a/u2 accepted");
    is_found(w, "u3", "a/u3 pending");
    is_not_found(w, "u4");
    expect_kept(w, 1);
    claim(w, 1 + MINUTE, "u4");
    remove_upload(w, "u4");
    claim(w, HOUR, "u2 u3");
    assert_int_equal(sql_number(w, "SELECT count(*) FROM upload"), 3);
}

static void an_operator_may_change_what_an_account_has_taken(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.upload.size = QUOTA_BYTES;
    c.max_pending = 1;
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u2");
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    run_sql(w, "DELETE FROM uploader");
    ask_upload_create(w, &c, 0, "");
    run_sql(w, "UPDATE uploader SET n_pending = 0, full_at_ms = 0");
    settle(w, "u1", UPLOAD_ACCEPTED); // there is none to take away
    claim(w, HOUR, "u1 u2");
    assert_int_equal(sql_number(w, "SELECT sum(n_pending + full_at_ms) FROM uploader"), 0);
}

// Groups.

/** Changes and messages, called at once. */
struct group {
    struct store_world *w;
    struct store_answer answers[8];
    unsigned n;
};

static struct store_answer *next_of(struct group *g)
{
    struct store_answer *a = &g->answers[g->n++];

    assert_true(g->n <= COUNT_OF(g->answers));
    answer_init(a, g->w);
    return a;
}

static void call_create(struct group *g, const char *id)
{
    const struct uploads_create c = create_of('a', id);
    uploads_create(uploads_of(g->w), &c, on_created, next_of(g));
}

static void call_settle(struct group *g, const char *id, enum upload_state as)
{
    const struct uploads_settle s = settle_of(id, as);
    uploads_settle(uploads_of(g->w), &s, on_settled, next_of(g));
}

static void call_claim(struct group *g, int64_t after_ms)
{
    const struct uploads_claim c = claim_at(after_ms);
    uploads_claim(uploads_of(g->w), &c, on_claimed, next_of(g));
}

static void call_remove(struct group *g, const char *id)
{
    uploads_remove(uploads_of(g->w), str_of(id), on_removed, next_of(g));
}

static void call_append(struct group *g, const char *key, const char *id)
{
    const struct store_append a = message_with('a', 'z', key, id);
    store_append(g->w->store, &a, on_append, next_of(g));
}

static void call_receipt(struct group *g, uint64_t delivered)
{
    const struct store_receipt r = {
        .by = who('z'), .place.peer = who('a'), .delivered_seq = delivered, .now_ms = NOW};
    store_receipt(g->w->store, &r, on_receipt, next_of(g));
}

/** "; accepted; !9; a1": what each is answered with, or its refusal. */
static void expect_answers(struct group *g, const char *want)
{
    struct buf all;
    int r = 0;

    buf_init(&all, PLENTY);
    for (unsigned i = 0; i < g->n; i++) {
        struct store_answer *a = &g->answers[i];
        answer_await(a);
        if (a->r != 0)
            say(a, "!%d", a->r);
        r |= buf_addf(&all, "%s" STR_FMT, i > 0 ? "; " : "", STR_ARG(buf_str(&a->text)));
        answer_fini(a);
    }
    assert_int_equal(r, 0);
    expect_str("answers", buf_str(&all), str_of(want));
    buf_fini(&all);
    *g = (struct group){.w = g->w};
}

static void messages_and_uploads_share_a_commit(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    call_create(&g, "u1");
    call_append(&g, "1", "");
    call_append(&g, "2", "u1");
    call_settle(&g, "u1", UPLOAD_ACCEPTED);
    call_append(&g, "2", "u1");
    call_create(&g, "u2");
    call_claim(&g, DAY);
    call_remove(&g, "u2");
    expect_answers(&g, "; a1; !9; accepted; a2; ; u2; ");
    assert_int_equal(w->store->counters.commits, 1);
    assert_int_equal(w->store->counters.appended, 2);
    expect_kept(w, 1);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM upload"), 1);
}

static void a_change_alone_is_synced_before_its_answer(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};
    static const char *const want[] = {"", "accepted", "u", ""};

    for (unsigned i = 0; i < COUNT_OF(want); i++) {
        const unsigned before = atomic_load(&n_syncs);
        if (i == 0)
            call_create(&g, "u");
        if (i == 1)
            call_settle(&g, "u", UPLOAD_ACCEPTED);
        if (i == 2)
            call_claim(&g, HOUR);
        if (i == 3)
            call_remove(&g, "u");
        expect_answers(&g, want[i]);
        assert_true(atomic_load(&n_syncs) > before);
        assert_int_equal(w->store->counters.commits, 1 + i);
    }
}

static void what_changes_nothing_commits_nothing(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};
    struct uploads_create c = create_of('a', "u3");

    upload(w, 'a', "u1");
    send_upload(w, 'a', "1", "u1", 0);
    const uint64_t commits = w->store->counters.commits;
    const unsigned before = atomic_load(&n_syncs);
    call_settle(&g, "u1", UPLOAD_REJECTED);
    call_settle(&g, "u2", UPLOAD_ACCEPTED);
    call_claim(&g, DAY);
    call_remove(&g, "u1");
    call_append(&g, "2", "u2");
    call_append(&g, "1", "u1");
    expect_answers(&g, "accepted; !3; ; ; !9; a1");
    c.quota_bytes = 1;
    ask_upload_create(w, &c, UPLOADS_QUOTA, "~0");
    assert_int_equal(atomic_load(&n_syncs), before);
    assert_int_equal(w->store->counters.commits, commits);
    assert_int_equal(w->store->counters.refused, 0);
}

static void a_change_takes_waiting_receipts_along(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    put(w, 'a', 'z', "1", 1);
    call_receipt(&g, 1);
    assert_true(timers_next_ms(&w->loop->timers) != INT64_MAX);
    call_create(&g, "u");
    assert_true(timers_next_ms(&w->loop->timers) == INT64_MAX); // it waits for nothing
    answer_await(&g.answers[1]);
    assert_int_equal(g.answers[0].times, 1); // called before, answered before
    assert_int_equal(w->store->counters.commits, 2);
    expect_answers(&g, "a 1+ 0; ");
}

// The disk.

static void a_full_disk_refuses_changes_and_recovers(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};

    upload(w, 'a', "u1");
    announce(w, 'a', "u2");
    announce(w, 'a', "u3");
    atomic_store(&of_log.is_full, true);
    call_create(&g, "u4");
    call_settle(&g, "u2", UPLOAD_ACCEPTED);
    call_append(&g, "1", "u1");
    call_claim(&g, HOUR);
    call_remove(&g, "u3");
    expect_answers(&g, "!2; !2; !2; !2; !2");
    assert_int_equal(w->store->counters.refused, 5);
    call_settle(&g, "u1", UPLOAD_ACCEPTED); // what changes nothing needs no room
    call_remove(&g, "u1");
    call_append(&g, "1", "u2");
    expect_answers(&g, "accepted; ; !9");
    is_found(w, "u2", "a/u2 pending");
    is_not_found(w, "u4");

    atomic_store(&of_log.is_full, false);
    expect_kept(w, 0);
    call_create(&g, "u4");
    call_settle(&g, "u2", UPLOAD_ACCEPTED);
    call_append(&g, "1", "u1");
    call_claim(&g, HOUR);
    call_remove(&g, "u3");
    expect_answers(&g, "; accepted; a1; u2 u3 u4; ");
    expect_kept(w, 1);
}

/** All that one round changes is named by its number: it has not been there before. */
static void call_round(struct group *g, int n)
{
    char u[16];
    char v[16];

    snprintf(u, sizeof(u), "u%d", n);
    snprintf(v, sizeof(v), "v%d", n);
    call_create(g, u);
    call_settle(g, u, UPLOAD_ACCEPTED);
    call_append(g, u, u);
    call_create(g, v);
    call_claim(g, HOUR);
    call_remove(g, v);
}

static void a_group_of_both_ports_is_stored_whole_or_not_at_all(void **state)
{
    struct store_world *w = *state;
    struct group g = {.w = w};
    unsigned n_failed = 0;
    bool has_failed = true;

    for (int n = 0; has_failed; n++) { // the n-th write fails
        char want[64];
        snprintf(want, sizeof(want), "; accepted; a%d; ; v%d; ", n + 1, n);
        atomic_store(&of_log.writes_left, n);
        call_round(&g, n);
        answer_await(&g.answers[0]);
        has_failed = g.answers[0].r != 0;
        atomic_store(&of_log.writes_left, -1);
        expect_answers(&g, has_failed ? "!2; !2; !2; !2; !2; !2" : want);
        expect_kept(w, has_failed ? n : n + 1);
        if (has_failed) { // nothing is left of it
            call_round(&g, n);
            expect_answers(&g, want);
        }
        n_failed += has_failed;
    }
    assert_true(n_failed > 5); // the writes of a group
    expect_kept(w, n_failed + 1);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM upload"), n_failed + 1);
}

/** The n-th read fails, of a store that has just been opened: nothing is in its memory. */
static int find_with_reads(struct store_world *w, int n)
{
    struct store_answer a;

    store_world_close(w);
    store_world_open(w);
    answer_init(&a, w);
    atomic_store(&of_log.reads_left, n);
    uploads_find(uploads_of(w), STR("u"), on_found, &a);
    answer_await(&a);
    atomic_store(&of_log.reads_left, -1);
    expect_str("found", buf_str(&a.text), a.r == 0 ? STR("a/u accepted") : (str){0});
    answer_fini(&a);
    return a.r;
}

static void what_can_not_be_read_is_unavailable(void **state)
{
    struct store_world *w = *state;
    int n = 0;
    int r = 0;

    upload(w, 'a', "u");
    for (; (r = find_with_reads(w, n)) != 0; n++) {
        assert_int_equal(r, UPLOADS_UNAVAILABLE);
        assert_int_equal(w->store->counters.refused, 1);
    }
    assert_true(n >= 1);
    assert_int_equal(w->store->counters.refused, 0);
}

static void create_on_a_broken_disk(void *dir)
{
    struct store_world *w = store_world_in(dir);

    announce(w, 'a', "u1");
    atomic_store(&is_broken, true);
    announce(w, 'a', "u2");
    printf("answered\n");
}

static void create_one_id_twice(void *dir)
{
    struct store_world *w = store_world_in(dir);

    announce(w, 'a', "u");
    announce(w, 'b', "u");
    printf("answered\n");
}

static void expect_abort(void (*fn)(void *), const char *want)
{
    char dir[] = "/tmp/parley-store-XXXXXX";
    char text[4096];

    assert_non_null(mkdtemp(dir));
    assert_true(aborts(fn, dir, text, sizeof(text)));
    if (!strstr(text, want))
        fail_msg("no \"%s\" in: %s", want, text);
    remove_dir(dir);
}

static void an_unknown_commit_of_uploads_ends_the_process(void **state)
{
    (void)state;
    expect_abort(create_on_a_broken_disk, "event=store_unknown");
}

static void an_id_of_an_upload_is_new(void **state)
{
    (void)state;
    expect_abort(create_one_id_twice, "sqlite3_changes");
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_commit_of_uploads_ends_the_process),
        cmocka_unit_test(an_id_of_an_upload_is_new),
        cmocka_unit_test(a_file_goes_with_its_last_message),
        UNIT(a_file_of_several_messages_goes_with_the_last),
        UNIT(many_files_go_at_once),
        UNIT(what_else_changes_in_a_message_leaves_its_file),
        UNIT(a_file_whose_message_has_gone_may_be_sent_again_until_it_is_claimed),
        UNIT(a_message_without_a_file_asks_for_none),
        UNIT(all_is_there_after_a_restart),
        UNIT(an_operator_may_change_what_an_account_has_taken),
        UNIT(messages_and_uploads_share_a_commit),
        UNIT(a_change_alone_is_synced_before_its_answer),
        UNIT(what_changes_nothing_commits_nothing),
        UNIT(a_change_takes_waiting_receipts_along),
        UNIT(a_full_disk_refuses_changes_and_recovers),
        UNIT(a_group_of_both_ports_is_stored_whole_or_not_at_all),
        UNIT(what_can_not_be_read_is_unavailable),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite_uploads", tests, NULL, NULL);
}
