#include "support/aborts.h"
#include "support/auth_store_world.h"
#include "support/store_contacts.h"
#include "support/uploads_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_MEM);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static void refuses_as_often_as_it_is_told(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "k", "k");
    const struct store_receipt seen = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = 1, .now_ms = NOW};

    store_mem_fail(w->store, STORE_UNAVAILABLE, 2);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    assert_int_equal(w->store->counters.refused, 2);
    put(w, 'a', 'b', "k", 1);
    store_mem_fail(w->store, STORE_UNCERTAIN, 1);
    ask_receipt(w, &seen, STORE_UNCERTAIN, "");
    ask_receipt(w, &seen, 0, "a 1+ 0");
}

static void refuses_contacts_as_any_change(void **state)
{
    struct store_world *w = *state;
    const struct store_contact c = {
        .by = who('b'), .place.peer = who('a'), .what = CHAT_BLOCK, .now_ms = NOW};
    const account a = who('a');
    struct store_answer is_seen;

    store_mem_fail(w->store, STORE_UNAVAILABLE, 2);
    ask_contact(w, &c, STORE_UNAVAILABLE, "");
    no_conversation(w, 'b', 'a'); // nothing was done
    answer_init(&is_seen, w);
    store_seen(w->store, &a, NOW, on_seen, &is_seen);
    answer_await(&is_seen);
    assert_int_equal(is_seen.r, STORE_UNAVAILABLE);
    assert_int_equal(w->store->counters.refused, 2);
    store_mem_lose(w->store, 1);
    ask_contact(w, &c, STORE_UNCERTAIN, "");
    ask_contact(w, &c, 0, "a"); // it was
    assert_int_equal(w->store->counters.contacts, 1);
    answer_fini(&is_seen);
}

static void loses_answers_of_what_it_has_done(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "k", "k");

    store_mem_lose(w->store, 1);
    assert_int_equal(append(w, &what).r, STORE_UNCERTAIN);
    const struct store_answer again = append(w, &what);
    assert_int_equal(again.r, 0);
    assert_int_equal(again.seq, 1);
    assert_true(again.is_duplicate);
}

static void fails_reads_apart_from_writes(void **state)
{
    struct store_world *w = *state;
    const struct store_list l = {.account = who('a'), .max_conversations = 1};

    store_mem_fail_reads(w->store, 1);
    put(w, 'a', 'b', "k", 1);
    ask_list(w, &l, STORE_UNAVAILABLE, "");
    ask_list(w, &l, 0, "[b u0 a1]");

    const struct store_conversation c = {.account = who('a'), .place.peer = who('b')};
    const struct store_changes changes = {.account = who('a'), .max_conversations = 1};
    store_mem_fail_reads(w->store, 2);
    ask_conversation(w, &c, STORE_UNAVAILABLE, "");
    contact(w, 'a', CHAT_BLOCK, 'b', "b+");
    ask_changes(w, &changes, STORE_UNAVAILABLE, "");
    ask_changes(w, &changes, 0, "[b! u0 a1]");
}

static void block_oneself(void *arg)
{
    contact(arg, 'a', CHAT_BLOCK, 'a', NULL);
}

static void a_contact_is_with_somebody_else(void **state)
{
    char text[256];

    assert_true(aborts(block_oneself, *state, text, sizeof(text)));
    assert_non_null(strstr(text, "account_eq"));
}

static void refuses_changes_of_sessions_as_often_as_it_is_told(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin b = begin_of('a', "s", "n");

    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 2);
    put(w, 'a', 'b', "k", 1);
    ask_begin(w, &b, AUTH_STORE_UNAVAILABLE, "");
    ask_begin(w, &b, AUTH_STORE_UNAVAILABLE, "");
    assert_int_equal(w->store->counters.refused, 2);
    store_mem_fail_auth(w->store, AUTH_STORE_UNCERTAIN, 1);
    ask_begin(w, &b, AUTH_STORE_UNCERTAIN, "");
    sign_in(w, 'a', "s"); // nothing was done
    assert_int_equal(w->store->counters.commits, 2);
}

static void loses_answers_of_sessions_that_it_has_changed(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin b = begin_of('a', "s", "n");

    store_mem_lose_auth(w->store, 1);
    ask_begin(w, &b, AUTH_STORE_UNCERTAIN, "");
    turn(w, "s", 1, 0, 0, 2);
    ask_begin(w, &b, AUTH_STORE_NONCE_USED, "");
    assert_int_equal(w->store->counters.commits, 2);
}

static void fails_a_refresh_before_it_asks_for_a_proof(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "s", "n");
    const struct auth_store_refresh r = refresh_of("s", 1, 0);
    const char *want = "a/s g1 0-3600000 10:dddddddddddddddddddddddddddddddd:ok";

    b.proof = proof_of(10, 'd', STR("ok"));
    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 1);
    ask_begin(w, &b, AUTH_STORE_UNAVAILABLE, "");
    ask_begin(w, &b, 0, want);
    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 1);
    ask_refresh(w, &r, AUTH_STORE_UNAVAILABLE, "");
    store_mem_lose_auth(w->store, 1);
    ask_refresh(w, &r, AUTH_STORE_UNCERTAIN, "");
    ask_refresh(w, &r, AUTH_STORE_UNPROVEN, want);
}

static void fails_pages_of_revocations_apart_from_all_else(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_revocations r = {.now_ms = NOW, .max_revocations = 1};
    const struct auth_store_end e = end_of("s");

    store_mem_fail_auth_reads(w->store, 1);
    assert_int_equal(ask_unread(w, 'a'), 0);
    ask_end(w, &e, 0, "0");
    ask_revocations(w, &r, AUTH_STORE_UNAVAILABLE, "");
    ask_revocations(w, &r, 0, "s@1~3600000");
}

static void begin_one_name_twice(void *arg)
{
    struct store_world *w = arg;
    const struct auth_store_begin b = begin_of('a', "s", "another nonce");
    ask_begin(w, &b, 0, NULL);
}

static void a_name_of_a_session_is_new(void **state)
{
    char text[256];

    sign_in(*state, 'a', "s");
    assert_true(aborts(begin_one_name_twice, *state, text, sizeof(text)));
    assert_non_null(strstr(text, "find_session"));
}

static void refuses_changes_of_uploads_as_any_change(void **state)
{
    struct store_world *w = *state;
    const struct uploads_create c = create_of('a', "u");
    const struct uploads_settle s = settle_of("u", UPLOAD_ACCEPTED);
    const struct uploads_claim over = claim_at(HOUR);

    store_mem_fail(w->store, STORE_UNAVAILABLE, 2);
    ask_upload_create(w, &c, UPLOADS_UNAVAILABLE, "");
    assert_int_equal(send_upload(w, 'a', "1", "u", STORE_UNAVAILABLE).times, 1);
    send_upload(w, 'a', "1", "u", STORE_NO_UPLOAD);
    is_not_found(w, "u"); // nothing was done
    announce(w, 'a', "u");
    store_mem_fail(w->store, STORE_UNAVAILABLE, 3);
    ask_upload_settle(w, &s, UPLOADS_UNAVAILABLE, "");
    ask_upload_claim(w, &over, UPLOADS_UNAVAILABLE, "");
    ask_upload_remove(w, STR("u"), UPLOADS_UNAVAILABLE, "");
    is_found(w, "u", "a/u pending");
    assert_int_equal(w->store->counters.refused, 5);
    assert_int_equal(w->store->counters.commits, 1);
}

static void loses_answers_of_uploads_that_it_has_changed(void **state)
{
    struct store_world *w = *state;
    const struct uploads_create c = create_of('a', "u");
    const struct uploads_settle s = settle_of("u", UPLOAD_ACCEPTED);
    const struct uploads_claim over = claim_at(HOUR);

    store_mem_lose(w->store, 2);
    ask_upload_create(w, &c, UPLOADS_UNCERTAIN, "");
    ask_upload_settle(w, &s, UPLOADS_UNCERTAIN, "");
    is_found(w, "u", "a/u accepted");
    store_mem_lose(w->store, 2);
    ask_upload_claim(w, &over, UPLOADS_UNCERTAIN, "");
    is_not_found(w, "u");
    ask_upload_remove(w, STR("u"), UPLOADS_UNCERTAIN, "");
    claim(w, DAY, ""); // it was
    assert_int_equal(w->store->counters.commits, 4);
}

static void fails_finds_as_any_read(void **state)
{
    struct store_world *w = *state;

    store_mem_fail_reads(w->store, 1);
    announce(w, 'a', "u");
    ask_upload_find(w, STR("u"), UPLOADS_UNAVAILABLE, "");
    is_found(w, "u", "a/u pending");
    assert_int_equal(w->store->counters.reads, 2);
    assert_int_equal(w->store->counters.refused, 1);
}

static void announce_one_id_twice(void *arg)
{
    announce(arg, 'b', "u");
}

static void an_id_of_an_upload_is_new(void **state)
{
    char text[256];

    announce(*state, 'a', "u");
    assert_true(aborts(announce_one_id_twice, *state, text, sizeof(text)));
    assert_non_null(strstr(text, "find"));
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(refuses_as_often_as_it_is_told),
        ROW(refuses_contacts_as_any_change),
        ROW(loses_answers_of_what_it_has_done),
        ROW(fails_reads_apart_from_writes),
        ROW(a_contact_is_with_somebody_else),
        ROW(refuses_changes_of_sessions_as_often_as_it_is_told),
        ROW(loses_answers_of_sessions_that_it_has_changed),
        ROW(fails_a_refresh_before_it_asks_for_a_proof),
        ROW(fails_pages_of_revocations_apart_from_all_else),
        ROW(a_name_of_a_session_is_new),
        ROW(refuses_changes_of_uploads_as_any_change),
        ROW(loses_answers_of_uploads_that_it_has_changed),
        ROW(fails_finds_as_any_read),
        ROW(an_id_of_an_upload_is_new),
    };
    return cmocka_run_group_tests_name("store_mem", tests, NULL, NULL);
}
