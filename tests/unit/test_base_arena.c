#include "base/arena.h"
#include "support/t.h"

#define PIECES 3000

/** Of sizes from 0 to more than a slab. */
static size_t size_of(unsigned i)
{
    return i % 500 == 499 ? 700000U + i : i % 97;
}

static void pieces_are_zeroes_aligned_and_apart(void **state)
{
    struct arena a = {0};
    char *pieces[PIECES];
    size_t sum = 0;

    (void)state;
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = arena_alloc(&a, size_of(i));
        assert_int_equal((uintptr_t)pieces[i] % sizeof(void *), 0);
        for (size_t k = 0; k < size_of(i); k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 251), size_of(i));
        sum += size_of(i);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < size_of(i); k++)
            assert_int_equal((uint8_t)pieces[i][k], i % 251);
    }
    assert_in_range(a.size, sum, sum + PIECES * sizeof(void *));
    arena_fini(&a);
    assert_int_equal(a.size, 0);
}

static void it_can_be_used_again(void **state)
{
    struct arena a = {0};

    (void)state;
    arena_fini(&a);
    for (unsigned i = 0; i < 3; i++) {
        *(uint64_t *)arena_alloc(&a, sizeof(uint64_t)) = i;
        assert_int_equal(a.size, sizeof(uint64_t));
        arena_fini(&a);
    }
}

static void what_was_cleared_is_zeroes_again(void **state)
{
    struct arena a = {0};
    size_t sizes[2] = {0, 0};

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < PIECES; i++) {
            char *piece = arena_alloc(&a, size_of(i));
            for (size_t k = 0; k < size_of(i); k++)
                assert_int_equal(piece[k], 0);
            memset(piece, 0xff, size_of(i));
        }
        sizes[round] = a.size;
        arena_clear(&a);
        assert_int_equal(a.size, 0);
    }
    assert_int_equal(sizes[0], sizes[1]);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroes_aligned_and_apart),
        cmocka_unit_test(it_can_be_used_again),
        cmocka_unit_test(what_was_cleared_is_zeroes_again),
    };
    return cmocka_run_group_tests_name("base_arena", tests, NULL, NULL);
}
