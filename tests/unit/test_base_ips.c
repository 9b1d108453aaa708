#include "base/ips.h"
#include "support/t.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_so_many),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one),
        cmocka_unit_test(none_is_a_number_too),
    };
    return cmocka_run_group_tests_name("ips", tests, NULL, NULL);
}
