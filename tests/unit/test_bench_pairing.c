#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/pairing.h"
#include "support/t.h"

static const uint32_t sizes[] = {2, 4, 6, 8, 10, 38, 100};

/** Of n wallets, who has met whom: a table of n by n. */
static void meet_in_round(uint32_t n, uint32_t round, unsigned char *met)
{
    unsigned char *at_place = mem_alloc(n);

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t peer = pairing_peer(n, round, i);
        const uint32_t place = pairing_place(n, round, i);
        assert_true(peer < n && peer != i);
        assert_int_equal(pairing_peer(n, round, peer), i);
        assert_true(place < n / 2);
        assert_int_equal(pairing_place(n, round, peer), place);
        at_place[place]++;
        met[i * n + peer]++;
    }
    for (uint32_t place = 0; place < n / 2; place++)
        assert_int_equal(at_place[place], 2);
    free(at_place);
}

static void each_two_meet_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        const uint32_t n = sizes[k];
        unsigned char *met = mem_alloc((size_t)n * n);
        for (uint32_t round = 0; round < n - 1; round++)
            meet_in_round(n, round, met);
        for (uint32_t i = 0; i < n * n; i++)
            assert_int_equal(met[i], i / n != i % n);
        free(met);
    }
}

static void so_many_conversations_and_no_more(void **state)
{
    static const struct {
        uint64_t conversations;
        uint64_t wallets;
    } rows[] = {{0, 2},  {1, 2},  {2, 4},          {6, 4},          {7, 6},
                {15, 6}, {16, 8}, {1000000, 1416}, {1999000, 2000}, {1999001, 2002}};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        assert_int_equal(pairing_wallets(rows[k].conversations), rows[k].wallets);
    assert_int_equal(pairing_most(2), 1);
    assert_int_equal(pairing_most(2000), 1999000);
    assert_int_equal(pairing_most(200000), UINT64_C(19999900000));
}

static void conversations_grow_with_what_is_stored(void **state)
{
    static const struct {
        uint64_t messages;
        uint64_t want;
    } rows[] = {{0, 50},     {1, 50},       {500, 50},     {501, 51},     {510, 51},
                {1000, 100}, {49490, 4949}, {49500, 4950}, {49501, 4950}, {1000000, 4950}};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(rows); k++)
        assert_int_equal(pairing_in_play(100, rows[k].messages, 10), rows[k].want);
    assert_int_equal(pairing_in_play(100, 70, 1), 70);
}

#define WALLETS UINT32_C(20)
#define DRAWS   20000U // of each wallet

/** With so many in play: nobody is drawn who is not in one, and all others are equally often.
 */
static void check_draws(uint64_t in_play, uint32_t i)
{
    struct prng prng = {in_play * WALLETS + i};
    unsigned drawn[WALLETS] = {0};
    unsigned n_peers = 0;
    char name[64];

    (void)snprintf(name, sizeof(name), "wallet %u, %u in play", i, (unsigned)in_play);
    for (unsigned k = 0; k < DRAWS; k++)
        drawn[pairing_draw(&prng, WALLETS, in_play, i)]++;
    for (uint32_t round = 0; round < WALLETS - 1; round++) {
        const uint64_t c = (uint64_t)round * (WALLETS / 2) + pairing_place(WALLETS, round, i);
        const uint32_t peer = pairing_peer(WALLETS, round, i);
        expect_int(name, drawn[peer] > 0, c < in_play);
        n_peers += c < in_play;
    }
    const double share = (double)DRAWS / n_peers;
    for (uint32_t peer = 0; peer < WALLETS; peer++) {
        const bool is_odd = drawn[peer] < share * 0.8 || drawn[peer] > share * 1.2;
        expect_int(name, drawn[peer] > 0 && is_odd, 0);
    }
}

static void each_in_play_is_as_likely_and_no_other_is_drawn(void **state)
{
    static const uint64_t in_play[] = {10, 11, 19, 20, 25, 100, 189, 190};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(in_play); k++) {
        for (uint32_t i = 0; i < WALLETS; i++)
            check_draws(in_play[k], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_two_meet_once),
        cmocka_unit_test(so_many_conversations_and_no_more),
        cmocka_unit_test(conversations_grow_with_what_is_stored),
        cmocka_unit_test(each_in_play_is_as_likely_and_no_other_is_drawn),
    };
    return cmocka_run_group_tests_name("bench/pairing", tests, NULL, NULL);
}
