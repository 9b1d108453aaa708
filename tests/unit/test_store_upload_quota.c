#include "store/upload_quota.h"
#include "support/t.h"

#define SECOND   INT64_C(1000)
#define DAY      (86400 * SECOND)
#define NOW      INT64_C(1700000000000)
#define LARGEST  (UINT64_C(1) << 53)
#define LONGEST  (400 * DAY)
#define PLENTY   1000000
#define MIN_COST ((uint64_t)UPLOADS_COST_MIN)

static struct uploads_create of_size(uint64_t size, uint64_t quota_bytes, int64_t quota_ms)
{
    return (struct uploads_create){.upload.size = size,
                                   .now_ms = NOW,
                                   .quota_bytes = quota_bytes,
                                   .quota_ms = quota_ms,
                                   .max_pending = PLENTY};
}

static void a_size_costs_its_part_of_the_quota_rounded_up(void **state)
{
    static const struct {
        const char *name;
        uint64_t size;
        uint64_t quota_bytes;
        int64_t quota_ms;
        int64_t cost_ms; // 0: never
    } rows[] = {
        {"half of it", 5 * MIN_COST, 10 * MIN_COST, 1000, 500},
        {"a third", MIN_COST, 3 * MIN_COST, 1000, 334},
        {"one more than a half", 5 * MIN_COST + 1, 10 * MIN_COST, 1000, 501},
        {"a single byte", 1, 10 * MIN_COST, 1000, 100},
        {"one less than the least", MIN_COST - 1, 10 * MIN_COST, 1000, 100},
        {"the least", MIN_COST, 10 * MIN_COST, 1000, 100},
        {"one more than the least", MIN_COST + 1, 10 * MIN_COST, 1000, 101},
        {"all of it", 10 * MIN_COST, 10 * MIN_COST, 1000, 1000},
        {"one more than all", 10 * MIN_COST + 1, 10 * MIN_COST, 1000, 0},
        {"a quota below the least", 1, MIN_COST - 1, 1000, 0},
        {"the least quota", 1, 1, 1, 0},
        {"a millisecond", MIN_COST, MIN_COST, 1, 1},
        {"many in a millisecond", MIN_COST, LARGEST, 1, 1},
        {"the largest", LARGEST, LARGEST, LONGEST, LONGEST},
        {"one less than the largest", LARGEST - 1, LARGEST, LONGEST, LONGEST},
        {"one more than the largest", LARGEST + 1, LARGEST, LONGEST, 0},
        {"the largest of the least", LARGEST, 1, LONGEST, 0},
        {"the least of the largest", 1, LARGEST, LONGEST, 1},
        {"any number", INT64_MAX, UINT64_MAX, LONGEST, LONGEST / 2},
        {"any numbers", INT64_MAX, 1, INT64_MAX - NOW - 1, 0},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct uploads_create c =
            of_size(rows[i].size, rows[i].quota_bytes, rows[i].quota_ms);
        struct upload_quota q = {0};
        int64_t cost_ms = -1;
        int64_t retry_after_ms = -1;
        expect_int(rows[i].name, upload_quota_take(&q, &c, &cost_ms, &retry_after_ms),
                   rows[i].cost_ms > 0 ? 0 : UPLOADS_QUOTA);
        expect_int(rows[i].name, cost_ms, rows[i].cost_ms);
        expect_int(rows[i].name, retry_after_ms, 0);
        expect_int(rows[i].name, q.n_pending, rows[i].cost_ms > 0);
        expect_int(rows[i].name, q.full_at_ms, rows[i].cost_ms > 0 ? NOW + rows[i].cost_ms : 0);
    }
}

static void expect_take(struct upload_quota *q, const struct uploads_create *c, int r,
                        int64_t retry_after_ms)
{
    const struct upload_quota before = *q;
    int64_t cost_ms = -1;
    int64_t got_ms = -1;

    assert_int_equal(upload_quota_take(q, c, &cost_ms, &got_ms), r);
    assert_int_equal(got_ms, retry_after_ms);
    if (r == 0)
        return;
    assert_int_equal(cost_ms, 0);
    assert_memory_equal(q, &before, sizeof(before));
}

static void says_when_there_is_room(void **state)
{
    struct uploads_create c = of_size(3 * MIN_COST, 10 * MIN_COST, 1000);
    struct upload_quota q = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        expect_take(&q, &c, 0, 0);
    expect_take(&q, &c, UPLOADS_QUOTA, 200);
    c.now_ms += 199;
    expect_take(&q, &c, UPLOADS_QUOTA, 1);
    c.now_ms += 1;
    expect_take(&q, &c, 0, 0);
    expect_take(&q, &c, UPLOADS_QUOTA, 300); // it is empty now
    c.now_ms += DAY;                         // and holds no more than the quota, however long
    for (unsigned i = 0; i < 3; i++)
        expect_take(&q, &c, 0, 0);
    expect_take(&q, &c, UPLOADS_QUOTA, 200);
    assert_int_equal(q.n_pending, 7);
}

static void a_clock_that_was_wrong_locks_nobody_out(void **state)
{
    struct uploads_create c = of_size(MIN_COST, MIN_COST, 1000);
    struct upload_quota q = {.full_at_ms = NOW + UPLOADS_QUOTA_MS_MAX};

    (void)state;
    expect_take(&q, &c, UPLOADS_QUOTA, UPLOADS_QUOTA_MS_MAX);
    q.full_at_ms++;
    expect_take(&q, &c, 0, 0);
    assert_int_equal(q.full_at_ms, NOW + 1000);
    expect_take(&q, &c, UPLOADS_QUOTA, 1000);
}

static void too_many_pending_ones_come_before_the_quota(void **state)
{
    struct uploads_create c = of_size(MIN_COST, MIN_COST, 1000);
    struct upload_quota q = {.n_pending = 2, .full_at_ms = NOW + DAY};

    (void)state;
    c.max_pending = 2;
    expect_take(&q, &c, UPLOADS_TOO_MANY, 0);
    c.max_pending = 3;
    expect_take(&q, &c, UPLOADS_QUOTA, DAY);
    c.max_pending = 0;
    q = (struct upload_quota){0};
    expect_take(&q, &c, UPLOADS_TOO_MANY, 0);
}

static void nothing_goes_below_zero(void **state)
{
    struct upload_quota q = {.n_pending = 1, .full_at_ms = 10};

    (void)state;
    upload_quota_settle(&q);
    upload_quota_settle(&q);
    assert_int_equal(q.n_pending, 0);
    upload_quota_give_back(&q, 3);
    assert_int_equal(q.full_at_ms, 7);
    upload_quota_give_back(&q, 8);
    assert_int_equal(q.full_at_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_costs_its_part_of_the_quota_rounded_up),
        cmocka_unit_test(says_when_there_is_room),
        cmocka_unit_test(a_clock_that_was_wrong_locks_nobody_out),
        cmocka_unit_test(too_many_pending_ones_come_before_the_quota),
        cmocka_unit_test(nothing_goes_below_zero),
    };
    return cmocka_run_group_tests_name("store_upload_quota", tests, NULL, NULL);
}
