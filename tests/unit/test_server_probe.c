#include "base/mem.h"
#include "server/probe.h"
#include "support/seeded.h"
#include "support/t.h"

struct world {
    struct timers timers;
    struct seeded seeded;
    struct probes probes;
};

static int setup(void **state)
{
    static struct world w;
    static const struct http_proxies nobody;

    w = (struct world){.timers.now_ms = 1000};
    seeded_init(&w.seeded, 1);
    w.probes = (struct probes){.proxies = &nobody, .timers = &w.timers, .rand = &w.seeded.rand};
    *state = &w;
    return 0;
}

static void a_name_is_found_and_no_other(void **state)
{
    struct world *w = *state;
    const str name = str_of(probes_make(&w->probes));

    assert_int_equal(name.len, PROBE_NAME_SIZE - 1);
    const struct probe *p = probes_find(&w->probes, name);
    assert_non_null(p);
    assert_false(p->is_seen);
    assert_null(probes_find(&w->probes, STR("")));
    assert_null(probes_find(&w->probes, (str){name.ptr, name.len - 1}));
    assert_null(probes_find(&w->probes, STR("00000000000000000000000000000000")));
}

static void it_counts_for_a_minute(void **state)
{
    struct world *w = *state;
    const str name = str_of(probes_make(&w->probes));

    w->timers.now_ms += PROBE_MS - 1;
    assert_non_null(probes_find(&w->probes, name));
    w->timers.now_ms += 1;
    assert_null(probes_find(&w->probes, name));
}

static void so_many_count_and_the_oldest_goes_first(void **state)
{
    struct world *w = *state;
    char names[PROBES_MAX + 1][PROBE_NAME_SIZE];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str_copy(names[i], (str){probes_make(&w->probes), PROBE_NAME_SIZE});
        assert_non_null(probes_find(&w->probes, str_of(names[i])));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[k], names[i]);
    }
    assert_null(probes_find(&w->probes, str_of(names[0])));
    for (size_t i = 1; i < COUNT_OF(names); i++)
        assert_non_null(probes_find(&w->probes, str_of(names[i])));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_found_and_no_other),
        TEST(it_counts_for_a_minute),
        TEST(so_many_count_and_the_oldest_goes_first),
    };
    return cmocka_run_group_tests_name("server/probe", tests, NULL, NULL);
}
