#include <stdatomic.h>

#include "base/ips.h"
#include "support/crowd.h"

static void key_bytes(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static struct rand chance = {.bytes = key_bytes};

#define V4(last)                                                                               \
    {                                                                                          \
        {                                                                                      \
            [10] = 0xff, 0xff, 10, 0, 0, (last)                                                \
        }                                                                                      \
    }
#define V6(net, if)                                                                            \
    {                                                                                          \
        {                                                                                      \
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, (net), 0, 0, 0, 0, 0, 0, 0, (if)                  \
        }                                                                                      \
    }

static void each_address_has_so_many(void **state)
{
    const ip a = V4(1);
    const ip b = V4(2);
    struct ips_count *taken[3];
    struct ips ips;

    (void)state;
    ips_init(&ips, 3, &chance);
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = ips_take(&ips, &a);
        assert_non_null(taken[i]);
    }
    assert_null(ips_take(&ips, &a));
    struct ips_count *other = ips_take(&ips, &b);
    assert_non_null(other);

    ips_give(taken[0]);
    taken[0] = ips_take(&ips, &a);
    assert_non_null(taken[0]);
    assert_null(ips_take(&ips, &a));
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        ips_give(taken[i]);
    ips_give(other);
    ips_fini(&ips);
}

static void a_network_of_ipv6_counts_as_one(void **state)
{
    static const struct {
        const char *name;
        ip a;
        ip b;
        bool is_same;
    } rows[] = {
        {"two of a network", V6(1, 1), V6(1, 2), true},
        {"two networks", V6(1, 1), V6(2, 1), false},
        {"two of IPv4", V4(1), V4(2), false},
        {"the same of IPv4", V4(1), V4(1), true},
        {"IPv4 and a network of zeroes", V4(1), {{[15] = 1}}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ips ips;
        ips_init(&ips, 1, &chance);
        struct ips_count *a = ips_take(&ips, &rows[i].a);
        struct ips_count *b = ips_take(&ips, &rows[i].b);
        expect_int(rows[i].name, b == NULL, rows[i].is_same);
        ips_give(a);
        if (b)
            ips_give(b);
        ips_fini(&ips);
    }
}

static void none_is_a_number_too(void **state)
{
    const ip a = V4(1);
    struct ips ips;

    (void)state;
    ips_init(&ips, 0, &chance);
    assert_null(ips_take(&ips, &a));
    ips_fini(&ips);
}

#define PLACES 3

/** What all threads come to, by two addresses. */
struct doors {
    struct ips ips;
    atomic_int n_inside[2];
    atomic_int n_too_many;
};

struct comer {
    struct doors *doors;
    unsigned n_times;
    unsigned n_in;
    unsigned n_out;
};

static void *come_and_go(void *arg)
{
    struct comer *c = arg;
    struct doors *d = c->doors;

    for (unsigned i = 0; i < c->n_times; i++) {
        const unsigned door = i / 7 % 2;
        const ip address = V4((uint8_t)(1 + door));
        struct ips_count *taken = ips_take(&d->ips, &address);
        if (!taken) {
            c->n_out++;
            continue;
        }
        c->n_in++;
        if (atomic_fetch_add(&d->n_inside[door], 1) >= PLACES)
            atomic_fetch_add(&d->n_too_many, 1);
        atomic_fetch_sub(&d->n_inside[door], 1);
        ips_give(taken);
    }
    return NULL;
}

static void threads_are_counted_together(void **state)
{
    struct doors d = {0};
    struct comer all[CROWD_THREADS];
    const ip first = V4(1);

    (void)state;
    ips_init(&d.ips, PLACES, &chance);
    for (size_t i = 0; i < CROWD_THREADS; i++)
        all[i] = (struct comer){.doors = &d, .n_times = 5000};
    crowd(come_and_go, all, sizeof(all[0]));
    assert_int_equal(d.n_too_many, 0);
    for (size_t i = 0; i < CROWD_THREADS; i++) {
        assert_true(all[i].n_in > 0);
        assert_int_equal(all[i].n_in + all[i].n_out, all[i].n_times);
    }
    struct ips_count *taken[PLACES]; // each was given back
    for (size_t i = 0; i < PLACES; i++)
        assert_non_null(taken[i] = ips_take(&d.ips, &first));
    assert_null(ips_take(&d.ips, &first));
    for (size_t i = 0; i < PLACES; i++)
        ips_give(taken[i]);
    ips_fini(&d.ips);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_so_many),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
        cmocka_unit_test(none_is_a_number_too),
        cmocka_unit_test(threads_are_counted_together),
    };
    return cmocka_run_group_tests_name("ips", tests, NULL, NULL);
}
