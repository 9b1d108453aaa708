/** What a writer remembers of conversations, and of their latest messages. */
#include "store/pg_known.h"
#include "support/t.h"

static struct pg_sides sides_of(uint64_t last_seq, uint64_t read)
{
    struct pg_sides s = {.last = {.seq = last_seq}};

    for (unsigned side = 0; side < 2; side++)
        s.of[side].marks[CHAT_MARK_READ].seq = read;
    return s;
}

/** By side 0 the even ones: each has as many bytes as its seq, and ten times that position. */
static void add(struct pg_known *k, uint64_t seq, bool is_withheld)
{
    k->sides.last.seq = seq;
    pg_known_add(k, &(struct pg_recent){.position = (int64_t)(10 * seq),
                                        .bytes = (uint32_t)seq,
                                        .side = seq % 2,
                                        .is_withheld = is_withheld});
}

static void expect_count(const struct pg_known *k, unsigned side, uint64_t from, uint64_t to,
                         uint64_t n, uint64_t bytes)
{
    struct tally found;

    assert_true(pg_known_count(k, side, from, to, &found));
    assert_int_equal(found.n, n);
    assert_int_equal(found.bytes, bytes);
}

static void expect_first(const struct pg_known *k, unsigned side, uint64_t seq, int64_t want)
{
    int64_t first = -1;

    assert_true(pg_known_first(k, side, seq, &first));
    assert_int_equal(first, want);
}

static void counts_what_the_peer_has_sent_and_is_not_withheld(void **state)
{
    struct pg_all_known all;
    struct tally found;
    int64_t first = 0;

    (void)state;
    pg_known_init(&all);
    struct pg_known *k = pg_known_get(&all, 7);
    const struct pg_sides sides = sides_of(10, 0);
    pg_known_set(k, &sides, 100);
    assert_false(pg_known_count(k, 0, 9, 10, &found)); // which it has not seen
    assert_false(pg_known_first(k, 0, 9, &first));
    expect_count(k, 0, 10, 20, 0, 0);
    expect_first(k, 0, 10, 0);
    for (uint64_t seq = 11; seq <= 16; seq++)
        add(k, seq, seq == 13);
    expect_count(k, 0, 10, 16, 2, 11 + 15);
    expect_count(k, 1, 10, 16, 3, 12 + 14 + 16);
    expect_count(k, 1, 12, 14, 1, 14);
    expect_count(k, 1, 14, 14, 0, 0);
    expect_count(k, 1, 16, 12, 0, 0);
    expect_first(k, 0, 10, 110);
    expect_first(k, 0, 11, 150); // 13 is withheld
    expect_first(k, 0, 15, 0);
    expect_first(k, 0, 16, 0);
    expect_first(k, 0, 17, 0);
    assert_false(pg_known_count(k, 0, 9, 16, &found));
    pg_known_fini(&all);
}

static void keeps_the_latest_and_not_what_both_have_read(void **state)
{
    struct pg_all_known all;
    struct tally found;

    (void)state;
    pg_known_init(&all);
    struct pg_known *k = pg_known_get(&all, 7);
    const struct pg_sides none = sides_of(0, 0);
    pg_known_set(k, &none, 0);
    for (uint64_t seq = 1; seq <= PG_RECENT_KEPT; seq++)
        add(k, seq, false);
    expect_count(k, 1, 0, PG_RECENT_KEPT, PG_RECENT_KEPT / 2,
                 (uint64_t)PG_RECENT_KEPT / 2 * (PG_RECENT_KEPT / 2 + 1));
    add(k, PG_RECENT_KEPT + 1, false);
    assert_false(pg_known_count(k, 1, PG_RECENT_KEPT / 2 - 1, PG_RECENT_KEPT, &found));
    expect_count(k, 0, PG_RECENT_KEPT / 2, PG_RECENT_KEPT + 1, PG_RECENT_KEPT / 4 + 1,
                 ((uint64_t)PG_RECENT_KEPT / 4 + 1) * (3 * PG_RECENT_KEPT / 4 + 1));

    const struct pg_sides read = sides_of(100, 100);
    pg_known_set(k, &read, 0);
    for (uint64_t seq = 101; seq <= 101 + PG_RECENT_KEPT; seq++) {
        k->sides = sides_of(seq, seq - 1);
        add(k, seq, false);
    }
    assert_in_range(k->n_recent, 1, PG_RECENT_KEPT);
    expect_first(k, 0, 100 + PG_RECENT_KEPT, (int64_t)10 * (101 + PG_RECENT_KEPT));
    pg_known_fini(&all);
}

static void forgets_what_was_used_longest_ago(void **state)
{
    struct pg_all_known all;

    (void)state;
    pg_known_init(&all);
    for (conversation_id id = 1; id <= PG_KNOWN_KEPT; id++)
        assert_non_null(pg_known_get(&all, id));
    assert_non_null(pg_known_find(&all, 1));
    pg_known_get(&all, PG_KNOWN_KEPT + 1);
    assert_null(pg_known_find(&all, 2));
    assert_non_null(pg_known_find(&all, 1));
    assert_ptr_equal(pg_known_get(&all, 3), pg_known_find(&all, 3));
    pg_known_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_the_peer_has_sent_and_is_not_withheld),
        cmocka_unit_test(keeps_the_latest_and_not_what_both_have_read),
        cmocka_unit_test(forgets_what_was_used_longest_ago),
    };

    return cmocka_run_group_tests_name("store_pg_known", tests, NULL, NULL);
}
