/** What an account may announce (chat/uploads.h), on each backend. */
#include "support/uploads_world.h"

/** On disk all that was answered is still there when it is opened again. */
static void reopen(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    store_world_close(w);
    store_world_open(w);
}

/** @param want  "", or what is over it */
static void announce_bytes(struct store_world *w, char letter, const char *id, uint64_t size,
                           int64_t after_ms, const char *want)
{
    struct uploads_create c = create_of(letter, id);

    c.upload.size = size;
    c.now_ms = NOW + after_ms;
    ask_upload_create(w, &c, want[0] == '\0' ? 0 : UPLOADS_QUOTA, want);
}

static void a_file_may_be_as_large_as_the_quota(void **state)
{
    struct store_world *w = *state;

    announce_bytes(w, 'a', "u1", QUOTA_BYTES + 1, 0, "~0");
    is_not_found(w, "u1");
    announce_bytes(w, 'a', "u1", QUOTA_BYTES, 0, "");
    announce_bytes(w, 'a', "u2", 1, 0, "~1000");
    announce_bytes(w, 'b', "u2", QUOTA_BYTES, 0, ""); // who has one of its own
    announce_bytes(w, 'A', "u3", QUOTA_BYTES, 0, ""); // the same address on another chain
}

static void the_quota_comes_back_with_time(void **state)
{
    struct store_world *w = *state;

    announce_bytes(w, 'a', "u1", QUOTA_BYTES / 2, 0, "");
    announce_bytes(w, 'a', "u2", QUOTA_BYTES / 2 + UPLOADS_COST_MIN, 0, "~1000");
    announce_bytes(w, 'a', "u2", QUOTA_BYTES / 2, 0, "");
    announce_bytes(w, 'a', "u3", QUOTA_BYTES / 4, 0, "~250000");
    reopen(w);
    announce_bytes(w, 'a', "u3", QUOTA_BYTES / 4, 249999, "~1");
    announce_bytes(w, 'a', "u3", QUOTA_BYTES / 4, 250000, "");
    announce_bytes(w, 'a', "u4", 1, 250000, "~1000");
    announce_bytes(w, 'a', "u4", QUOTA_BYTES, DAY, ""); // and not above what it holds
    announce_bytes(w, 'a', "u5", 1, DAY, "~1000");
}

static void a_small_file_counts_for_a_larger_one(void **state)
{
    struct store_world *w = *state;

    announce_bytes(w, 'a', "u1", QUOTA_BYTES - UINT64_C(2) * UPLOADS_COST_MIN, 0, "");
    announce_bytes(w, 'a', "u2", 1, 0, "");
    announce_bytes(w, 'a', "u3", UPLOADS_COST_MIN + 1, 0, "~1"); // rounded up
    announce_bytes(w, 'a', "u3", UPLOADS_COST_MIN, 0, "");
    announce_bytes(w, 'a', "u4", 1, 0, "~1000");
}

static void what_is_claimed_while_it_is_pending_is_given_back(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.upload.size = QUOTA_BYTES / 2;
    c.until_ms = NOW + 1;
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u2");
    ask_upload_create(w, &c, 0, "");
    settle(w, "u2", UPLOAD_REJECTED);
    announce_bytes(w, 'a', "u3", 1, 0, "~1000");
    claim(w, 1, "u1");
    announce_bytes(w, 'a', "u3", QUOTA_BYTES / 2 + UPLOADS_COST_MIN, 0, "~1000");
    reopen(w);
    announce_bytes(w, 'a', "u3", QUOTA_BYTES / 2, 0, "");
    claim(w, 2 * MINUTE, "u1"); // it is not pending any more
    remove_upload(w, "u1");
    announce_bytes(w, 'a', "u4", 1, 0, "~1000");
}

static void what_was_checked_is_not_given_back(void **state)
{
    struct store_world *w = *state;
    const enum upload_state states[] = {UPLOAD_ACCEPTED, UPLOAD_REJECTED};
    char owner = 'a';

    for (unsigned i = 0; i < COUNT_OF(states); i++, owner++) {
        const char id[] = {owner, '\0'};
        struct uploads_create c = create_of(owner, id);
        c.upload.size = QUOTA_BYTES;
        ask_upload_create(w, &c, 0, "");
        settle(w, id, states[i]);
        claim(w, HOUR, id);
        remove_upload(w, id);
        announce_bytes(w, owner, "u", 1, 0, "~1000");
    }
}

static void the_quota_is_what_it_is_now(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.upload.size = QUOTA_BYTES; // it is empty for 1000 s from now on
    ask_upload_create(w, &c, 0, "");
    c = create_of('a', "u2");
    c.quota_ms = 500 * SECOND;
    ask_upload_create(w, &c, UPLOADS_QUOTA, "~500500");
    c.quota_ms = 2000 * SECOND;
    ask_upload_create(w, &c, 0, "");
    c = create_of('a', "u3");
    c.quota_bytes = UPLOADS_COST_MIN - 1;
    ask_upload_create(w, &c, UPLOADS_QUOTA, "~0");
}

static void the_largest_quota_and_file_count_exactly(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.upload.size = UINT64_C(1) << 53;
    c.quota_bytes = UINT64_C(1) << 53;
    c.quota_ms = 400 * DAY;
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u2");
    c.upload.size = 1;
    ask_upload_create(w, &c, UPLOADS_QUOTA, "~1");
    c.now_ms++;
    ask_upload_create(w, &c, 0, "");
}

static void so_many_may_be_pending(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.max_pending = 0;
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    c.max_pending = 2;
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u2");
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u3");
    c.until_ms = NOW + 1;
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    announce(w, 'b', "of b"); // has a number of its own
    reopen(w);
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    settle(w, "u1", UPLOAD_REJECTED);
    settle(w, "u1", UPLOAD_REJECTED); // once
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u4");
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    claim(w, 1, "u3");
    claim(w, 1 + MINUTE, "u3"); // once
    ask_upload_create(w, &c, 0, "");
    c.upload.id = STR("u5");
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
}

static void a_refused_announcement_leaves_nothing(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    c.max_pending = 0;
    ask_upload_create(w, &c, UPLOADS_TOO_MANY, "");
    c.max_pending = 1;
    c.quota_bytes = 1;
    ask_upload_create(w, &c, UPLOADS_QUOTA, "~0");
    is_not_found(w, "u1");
    claim(w, DAY, "");
    assert_int_equal(w->store->counters.commits, 0);
    c.quota_bytes = QUOTA_BYTES;
    c.upload.size = QUOTA_BYTES;
    ask_upload_create(w, &c, 0, "");
    assert_int_equal(w->store->counters.commits, 1);
}

// The suite.

static int setup_mem(void **state)
{
    *state = store_world_new(BACKEND_MEM);
    return 0;
}

static int setup_sqlite(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int setup_postgres(void **state)
{
    *state = store_world_new(BACKEND_POSTGRES);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

#define TEST(backend, test)                                                                    \
    {                                                                                          \
        #backend ": " #test, test, setup_##backend, teardown, NULL                             \
    }
#define SUITE(backend)                                                                         \
    TEST(backend, a_file_may_be_as_large_as_the_quota),                                        \
        TEST(backend, the_quota_comes_back_with_time),                                         \
        TEST(backend, a_small_file_counts_for_a_larger_one),                                   \
        TEST(backend, what_is_claimed_while_it_is_pending_is_given_back),                      \
        TEST(backend, what_was_checked_is_not_given_back),                                     \
        TEST(backend, the_quota_is_what_it_is_now),                                            \
        TEST(backend, the_largest_quota_and_file_count_exactly),                               \
        TEST(backend, so_many_may_be_pending),                                                 \
        TEST(backend, a_refused_announcement_leaves_nothing)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("uploads_quota", on_postgres);
    return cmocka_run_group_tests_name("uploads_quota", tests, NULL, NULL);
}
