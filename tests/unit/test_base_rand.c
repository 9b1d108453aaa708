#include "base/rand.h"
#include "support/t.h"

#define WORDS (RAND_AHEAD_BYTES / sizeof(uint32_t))

/** Counts on, and how often it was asked. */
struct counting {
    struct rand rand;
    uint32_t next;
    unsigned n_asked;
};

static void count_on(struct rand *r, void *out, size_t n)
{
    struct counting *c = container_of(r, struct counting, rand);
    uint32_t words[2 * WORDS];

    assert_true(n <= sizeof(words));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = ++c->next;
    memcpy(out, words, n);
    c->n_asked++;
}

static void what_is_drawn_ahead_is_handed_out_once(void **state)
{
    struct counting c = {.rand.bytes = count_on};
    struct rand_ahead a;
    bool is_seen[WORDS + 1] = {0};

    (void)state;
    rand_ahead_init(&a, &c.rand);
    assert_int_equal(c.n_asked, 0);
    for (size_t i = 0; i < WORDS; i++) {
        uint32_t word = 0;
        rand_bytes(&a.rand, &word, sizeof(word));
        assert_in_range(word, 1, WORDS);
        assert_false(is_seen[word]);
        is_seen[word] = true;
        assert_null(memmem(a.bytes, sizeof(a.bytes), &word, sizeof(word)));
    }
    assert_int_equal(c.n_asked, 1);
    rand_ahead_fini(&a);
}

static void more_is_drawn_where_too_little_is_left(void **state)
{
    struct counting c = {.rand.bytes = count_on};
    struct rand_ahead a;
    char piece[RAND_AHEAD_BYTES / 2 + 1];
    char large[RAND_AHEAD_BYTES + 1];
    uint32_t word = 0;

    (void)state;
    rand_ahead_init(&a, &c.rand);
    rand_bytes(&a.rand, piece, sizeof(piece));
    rand_bytes(&a.rand, piece, sizeof(piece)); // and nothing of it is from before
    memcpy(&word, piece + sizeof(piece) % sizeof(word), sizeof(word));
    assert_true(word > 2 * WORDS);
    assert_int_equal(c.n_asked, 2);
    rand_bytes(&a.rand, large, sizeof(large)); // more than is ever there
    assert_int_equal(c.n_asked, 3);
    rand_bytes(&a.rand, &word, sizeof(word));
    assert_int_equal(c.n_asked, 3);
    rand_ahead_fini(&a);
}

static void a_name_has_twenty_characters(void **state)
{
    struct counting c = {.rand.bytes = count_on};
    char name[RAND_NAME_SIZE];

    (void)state;
    rand_name(&c.rand, name);
    assert_true(rand_is_name(str_of(name)));
    assert_false(rand_is_name((str){name, RAND_NAME_SIZE - 2}));
    name[3] = '+';
    assert_false(rand_is_name(str_of(name)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_drawn_ahead_is_handed_out_once),
        cmocka_unit_test(more_is_drawn_where_too_little_is_left),
        cmocka_unit_test(a_name_has_twenty_characters),
    };
    return cmocka_run_group_tests_name("base_rand", tests, NULL, NULL);
}
