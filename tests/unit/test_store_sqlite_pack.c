/** How conversations are packed for the index and the tail. */
#include "store/sqlite_pack.h"
#include "support/sqlite_world.h"

#define ROUNDS 2000

static const struct thread_side quiet;

/** Small, large, or 0. */
static uint64_t any_number(struct seeded *chance)
{
    const unsigned bits = (unsigned)below(chance, 62);
    return below(chance, 4) == 0 ? 0 : next_u64(chance) >> (63 - bits);
}

static struct tally any_tally(struct seeded *chance)
{
    return (struct tally){any_number(chance), any_number(chance)};
}

static struct thread_mark any_mark(struct seeded *chance)
{
    return (struct thread_mark){.seq = any_number(chance),
                                .at_ms = (int64_t)any_number(chance),
                                .position = (int64_t)any_number(chance)};
}

static struct thread_side any_side(struct seeded *chance)
{
    struct thread_side s = {
        .sent = any_tally(chance),
        .accepted = below(chance, 2) > 0,
        .blocked = below(chance, 2) > 0,
        .last_at_ms = (int64_t)any_number(chance),
        .message_pos = (int64_t)any_number(chance),
        .receipt_pos = (int64_t)any_number(chance),
        .marks = {any_mark(chance), any_mark(chance)},
        .up_to = {any_tally(chance), {.n = any_number(chance)}},
        .theirs = {any_mark(chance), any_mark(chance)},
        .due_pos = (int64_t)any_number(chance),
    };

    for (unsigned which = 0; which < 2; which++)
        s.logged[which] = s.marks[which].position;
    if (below(chance, 2) > 0)
        return s;
    s.contact_pos = (int64_t)any_number(chance);
    s.block_seq = any_number(chance);
    s.block_after = any_tally(chance);
    s.withheld = any_tally(chance);
    return s;
}

static void any_sides(struct seeded *chance, struct thread_side sides[2])
{
    for (unsigned side = 0; side < 2; side++)
        sides[side] = any_side(chance);
    for (unsigned side = 0; side < 2; side++) {
        if (below(chance, 2) > 0)
            memcpy(sides[side].theirs, sides[1 - side].marks, sizeof(sides[side].theirs));
    }
}

static void expect_mark(const struct thread_mark *got, const struct thread_mark *want)
{
    assert_int_equal(got->seq, want->seq);
    assert_int_equal(got->at_ms, want->at_ms);
    assert_int_equal(got->position, want->position);
}

static void expect_tally(struct tally got, struct tally want)
{
    assert_int_equal(got.n, want.n);
    assert_int_equal(got.bytes, want.bytes);
}

static void expect_side(const struct thread_side *got, const struct thread_side *want)
{
    expect_tally(got->sent, want->sent);
    assert_int_equal(got->accepted, want->accepted);
    assert_int_equal(got->blocked, want->blocked);
    assert_int_equal(got->block_seq, want->block_seq);
    expect_tally(got->block_after, want->block_after);
    expect_tally(got->withheld, want->withheld);
    assert_int_equal(got->last_at_ms, want->last_at_ms);
    assert_int_equal(got->message_pos, want->message_pos);
    assert_int_equal(got->receipt_pos, want->receipt_pos);
    assert_int_equal(got->contact_pos, want->contact_pos);
    assert_int_equal(got->due_pos, want->due_pos);
    for (unsigned which = 0; which < 2; which++) {
        expect_mark(&got->marks[which], &want->marks[which]);
        expect_mark(&got->theirs[which], &want->theirs[which]);
        expect_tally(got->up_to[which], want->up_to[which]);
        assert_int_equal(got->logged[which], want->marks[which].position);
    }
}

/** As it was, with accounts of its own; and nothing shorter or longer is taken for it. */
static void expect_same(const struct thread_side sides[2], const struct thread_keys *keys)
{
    uint8_t bytes[PACK_THREAD_SIZE + 1] = {0};
    struct thread_side got[2] = {{.account.len = 3, .id = 7}, {.account.len = 4, .id = 8}};
    struct thread_keys got_keys;
    const size_t n = pack_thread(bytes, sides, keys);

    assert_int_equal(unpack_thread((str){(char *)bytes, n}, got, &got_keys), 0);
    expect_side(&got[0], &sides[0]);
    expect_side(&got[1], &sides[1]);
    assert_memory_equal(&got_keys, keys, sizeof(got_keys));
    assert_true(got[0].account.len == 3 && got[0].id == 7);
    assert_true(got[1].account.len == 4 && got[1].id == 8);
    for (size_t cut = 0; cut < n; cut++) {
        char *part = mem_alloc(cut + 1); // so that a sanitizer sees who reads on
        memcpy(part, bytes, cut);
        part = mem_resize(part, cut > 0 ? cut : 1);
        assert_int_equal(unpack_thread((str){part, cut}, got, &got_keys), PACK_DAMAGED);
        free(part);
    }
    assert_int_equal(unpack_thread((str){(char *)bytes, n + 1}, got, &got_keys), PACK_DAMAGED);
}

static void a_conversation_comes_back_as_it_was(void **state)
{
    struct seeded chance = seeded_of(1);
    struct thread_side sides[2] = {quiet, quiet};
    struct thread_keys keys = {{0, 0}};

    (void)state;
    expect_same(sides, &keys);
    for (unsigned i = 0; i < ROUNDS; i++) {
        any_sides(&chance, sides);
        keys = (struct thread_keys){{next_u64(&chance), next_u64(&chance)}};
        expect_same(sides, &keys);
    }
}

/** The largest numbers there can be. */
static void the_largest_fits(void **state)
{
    const struct thread_mark mark = {UINT64_MAX, INT64_MAX, INT64_MAX};
    const struct tally tally = {UINT64_MAX, UINT64_MAX};
    const struct thread_side large = {
        .sent = tally,
        .accepted = true,
        .blocked = true,
        .block_seq = UINT64_MAX,
        .block_after = tally,
        .withheld = tally,
        .last_at_ms = INT64_MAX,
        .message_pos = INT64_MAX,
        .receipt_pos = 1,
        .contact_pos = 1,
        .due_pos = 1,
        .marks = {mark, {UINT64_MAX, 1, 1}},
        .up_to = {tally, {.n = UINT64_MAX}},
        .theirs = {{UINT64_MAX, 1, 1}, mark},
    };
    const struct thread_side sides[2] = {large, large};
    const struct thread_keys keys = {{UINT64_MAX, UINT64_MAX}};

    (void)state;
    expect_same(sides, &keys);
}

/** One message that is read: what a large store has most of. */
static void what_is_usual_is_small(void **state)
{
    uint8_t bytes[PACK_THREAD_SIZE];
    const int64_t now = INT64_C(1800000000000);
    const struct thread_mark mark = {12, now + 40, 20000002};
    const struct thread_mark older = {11, now - 90000, 19000000};
    struct thread_side sides[2] = {
        {.sent = {6, 1200},
         .accepted = true,
         .last_at_ms = now,
         .message_pos = 20000000,
         .receipt_pos = 20000002,
         .marks = {older, older},
         .up_to = {{6, 1200}, {.n = 6}},
         .theirs = {mark, mark}},
        {.sent = {6, 1200},
         .accepted = true,
         .last_at_ms = now,
         .message_pos = 20000000,
         .receipt_pos = 20000002,
         .marks = {mark, mark},
         .up_to = {{6, 1200}, {.n = 6}},
         .theirs = {older, older}},
    };
    const struct thread_keys keys = {{1, 2}};

    (void)state;
    assert_in_range(pack_thread(bytes, sides, &keys), 50, 90);
}

// Places.

static struct kept_places any_places(struct seeded *chance)
{
    struct kept_places kept = {.first = 1 + any_number(chance),
                               .n = (size_t)below(chance, PLACES_KEPT + 1)};
    int64_t position = 0;

    for (size_t i = 0; i < kept.n; i++) {
        position += 1 + (int64_t)below(chance, below(chance, 9) == 0 ? 1 << 30 : 100);
        if (below(chance, 8) > 0) // else it is gone
            kept.entries[i] = (struct tail_entry){position, (uint32_t)next_u64(chance) >> 1};
    }
    return kept;
}

/** @return whether it was packed as these */
static bool is_packed(str packed, const struct kept_places *want)
{
    struct kept_places got;

    if (unpack_places(packed, &got) != 0 || got.first != want->first || got.n != want->n)
        return false;
    for (size_t i = 0; i < got.n; i++) {
        if (got.entries[i].position != want->entries[i].position ||
            got.entries[i].hash != want->entries[i].hash)
            return false;
    }
    return true;
}

static void places_come_back_as_they_were(void **state)
{
    struct seeded chance = seeded_of(5);
    uint8_t bytes[PACK_PLACES_SIZE];

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct kept_places kept = any_places(&chance);
        const size_t n = pack_places(bytes, &kept);
        assert_true(is_packed((str){(char *)bytes, n}, &kept));
        for (size_t cut = 0; cut < n; cut++)
            assert_false(is_packed((str){(char *)bytes, cut}, &kept));
    }
}

/** What is cut within one of them is found out; and so are more of them than there can be. */
static void places_that_are_none_are_damaged(void **state)
{
    struct kept_places kept = {.first = 7, .n = PLACES_KEPT};
    uint8_t bytes[PACK_PLACES_SIZE + 1] = {0};

    (void)state;
    for (size_t i = 0; i < kept.n; i++)
        kept.entries[i] = (struct tail_entry){(int64_t)i + 1, (uint32_t)i};
    const size_t n = pack_places(bytes, &kept);
    assert_int_equal(n, 1 + PLACES_KEPT * 5);
    for (size_t cut = 0; cut <= n + 1; cut++) {
        const bool is_whole = cut <= n && cut % 5 == 1;
        assert_int_equal(unpack_places((str){(char *)bytes, cut}, &kept),
                         is_whole ? 0 : PACK_DAMAGED);
    }
}

// Members.

static struct member any_member(struct seeded *chance, uint64_t number)
{
    return (struct member){.id = number << 32 | (uint32_t)next_u64(chance),
                           .side = (unsigned)below(chance, 2),
                           .is_unread = below(chance, 2) > 0,
                           .message_pos = (int64_t)any_number(chance),
                           .receipt_pos = (int64_t)any_number(chance),
                           .contact_pos = (int64_t)any_number(chance),
                           .due_pos = (int64_t)any_number(chance)};
}

static void expect_member(const struct member *got, const struct member *want)
{
    assert_int_equal(got->id, want->id);
    assert_int_equal(got->side, want->side);
    assert_int_equal(got->is_unread, want->is_unread);
    assert_int_equal(got->message_pos, want->message_pos);
    assert_int_equal(got->receipt_pos, want->receipt_pos);
    assert_int_equal(got->contact_pos, want->contact_pos);
    assert_int_equal(got->due_pos, want->due_pos);
}

#define MEMBERS 300

/** @param ends  gets where each one ends @return bytes */
static size_t pack_some(struct seeded *chance, uint8_t *bytes, struct member *all, size_t *ends)
{
    uint64_t number = 0;
    size_t n = 0;

    for (unsigned i = 0; i < MEMBERS; i++) {
        const uint64_t before = number;
        number += 1 + below(chance, i % 50 == 0 ? 10000000 : 3);
        all[i] = any_member(chance, number);
        n += pack_member(bytes + n, before, &all[i]);
        ends[i] = n;
    }
    return n;
}

static void members_come_back_one_by_one(void **state)
{
    struct seeded chance = seeded_of(2);
    uint8_t bytes[MEMBERS * PACK_MEMBER_SIZE];
    struct member all[MEMBERS];
    size_t ends[MEMBERS];
    struct member m;

    (void)state;
    const size_t n = pack_some(&chance, bytes, all, ends);
    struct member_list list = member_list_of((str){(char *)bytes, n});
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_int_equal(member_next(&list, &m), 0);
        expect_member(&m, &all[i]);
    }
    assert_int_equal(member_next(&list, &m), PACK_END);
    assert_int_equal(member_next(&list, &m), PACK_END);
}

/** Between two of them it is a shorter list, and nothing else anywhere. */
static void a_list_that_is_cut_is_found_out(void **state)
{
    struct seeded chance = seeded_of(3);
    uint8_t bytes[MEMBERS * PACK_MEMBER_SIZE];
    struct member all[MEMBERS];
    size_t ends[MEMBERS];
    unsigned n_whole = 0;

    (void)state;
    const size_t n = pack_some(&chance, bytes, all, ends);
    for (size_t cut = 0; cut <= n; cut++) {
        struct member_list list = member_list_of((str){(char *)bytes, cut});
        struct member m;
        unsigned n_members = 0;
        int r = 0;
        n_whole += n_whole < MEMBERS && ends[n_whole] == cut;
        while ((r = member_next(&list, &m)) == 0)
            n_members++;
        const bool is_end = cut == 0 || (n_whole > 0 && ends[n_whole - 1] == cut);
        assert_int_equal(r, is_end ? PACK_END : PACK_DAMAGED);
        assert_int_equal(n_members, n_whole);
    }
}

static void what_is_none_is_damaged(void **state)
{
    static const struct {
        const char *name;
        str bytes;
    } rows[] = {
        {"the same number again", STR("\1\0\0\1\0\0\0\0\0\0\1\0\0\0")},
        {"a number that is too large", STR("\x80\x80\x80\x80\x10\0\0\1\0\0\0")},
        {"a number without an end",
         STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1\0\0\0")},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct member_list list = member_list_of(rows[i].bytes);
        struct member m;
        int r = 0;
        while (r == 0)
            r = member_next(&list, &m);
        expect_int(rows[i].name, r, PACK_DAMAGED);
    }
}

// Keys.

/** All that were added; and few others, while they are few. */
static void the_filter_knows_each_key_and_few_others(void **state)
{
    struct seeded chance = seeded_of(4);
    struct thread_keys keys = {{0, 0}};
    uint32_t added[10];
    unsigned n_wrong = 0;

    (void)state;
    assert_false(thread_may_have_key(&keys, 0));
    for (unsigned i = 0; i < COUNT_OF(added); i++) {
        added[i] = (uint32_t)next_u64(&chance) >> 1;
        thread_add_key(&keys, added[i]);
    }
    for (unsigned i = 0; i < COUNT_OF(added); i++)
        assert_true(thread_may_have_key(&keys, added[i]));
    for (unsigned i = 0; i < 10000; i++)
        n_wrong += thread_may_have_key(&keys, (uint32_t)next_u64(&chance) >> 1);
    assert_in_range(n_wrong, 1, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_comes_back_as_it_was),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(what_is_usual_is_small),
        cmocka_unit_test(places_come_back_as_they_were),
        cmocka_unit_test(places_that_are_none_are_damaged),
        cmocka_unit_test(members_come_back_one_by_one),
        cmocka_unit_test(a_list_that_is_cut_is_found_out),
        cmocka_unit_test(what_is_none_is_damaged),
        cmocka_unit_test(the_filter_knows_each_key_and_few_others),
    };
    return cmocka_run_group_tests_name("store_sqlite_pack", tests, NULL, NULL);
}
