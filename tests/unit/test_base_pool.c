#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "support/seeded.h"
#include "support/t.h"

#define MANY 2000 // some slabs of them

/** Its own number, in every byte. */
static void mark(unsigned char *object, size_t size, unsigned n)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(object[i], 0);
        object[i] = (unsigned char)(n + i);
    }
}

static void expect_marked(const unsigned char *object, size_t size, unsigned n)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(object[i], (unsigned char)(n + i));
}

static void what_is_taken_is_zeroed_and_nobody_elses(void **state)
{
    static const size_t sizes[] = {1, 8, 9, 392, 4000};
    unsigned char **all = mem_alloc(MANY * sizeof(*all));

    (void)state;
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        struct pool *p = pool_new(sizes[s]);
        for (unsigned n = 0; n < MANY; n++) {
            all[n] = pool_take(p);
            assert_int_equal((uintptr_t)all[n] % sizeof(void *), 0);
            mark(all[n], sizes[s], n);
        }
        for (unsigned n = 0; n < MANY; n++) {
            expect_marked(all[n], sizes[s], n);
            pool_give(all[n]);
        }
        pool_free(p);
    }
    free(all);
}

/** In any order, as connections do. */
static void what_was_given_back_is_taken_again(void **state)
{
    enum {
        SIZE = 100,
        STEPS = 20000
    };
    unsigned char *all[MANY] = {0};
    struct pool *p = pool_new(SIZE);
    struct seeded chance;

    (void)state;
    seeded_init(&chance, 1);
    for (int step = 0; step < STEPS; step++) {
        const unsigned n = (unsigned)(seeded_next(&chance) % MANY);
        if (all[n]) {
            expect_marked(all[n], SIZE, n);
            pool_give(all[n]);
            all[n] = NULL;
        } else {
            all[n] = pool_take(p);
            mark(all[n], SIZE, n);
        }
    }
    for (unsigned n = 0; n < MANY; n++) {
        if (all[n])
            pool_give(all[n]);
    }
    pool_free(p);
}

static void what_is_taken_outlives_the_pool(void **state)
{
    unsigned char *all[MANY];
    struct pool *p = pool_new(100);

    (void)state;
    for (unsigned n = 0; n < MANY; n++) {
        all[n] = pool_take(p);
        mark(all[n], 100, n);
    }
    pool_free(p);
    for (unsigned n = 0; n < MANY; n++) {
        expect_marked(all[n], 100, n);
        pool_give(all[n]);
    }
    pool_free(pool_new(100)); // of which nothing was taken
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_zeroed_and_nobody_elses),
        cmocka_unit_test(what_was_given_back_is_taken_again),
        cmocka_unit_test(what_is_taken_outlives_the_pool),
    };
    return cmocka_run_group_tests_name("base/pool", tests, NULL, NULL);
}
