#include "base/mem.h"
#include "chat/limits.h"
#include "support/crowd.h"

#define MAX 3

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static struct chat_limits *limits_new(uint64_t sessions)
{
    static struct rand rand = {.bytes = no_chance};
    const struct chat_config config = {
        .sends = {2, 1, 1000}, .requests = {1, 1, 1000}, .sessions = sessions};

    return chat_limits_new(&config, &rand);
}

static int start(void **state)
{
    *state = limits_new(MAX);
    return 0;
}

static int stop(void **state)
{
    chat_limits_free(*state);
    return 0;
}

static account wallet(uint8_t n)
{
    return (account){.len = 3, .bytes = {1, 2, n}};
}

/** @param heard_ms  its last sign of life @return how many must go */
static size_t sit(struct chat_limits *l, struct chat_seat *seat, uint8_t of, int64_t heard_ms)
{
    const account a = wallet(of);

    *seat = (struct chat_seat){0};
    atomic_store(&seat->heard_ms, heard_ms);
    return chat_limits_sit(l, seat, &a);
}

static void stand_all(struct chat_limits *l, struct chat_seat *seats, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (seats[i].of)
            chat_limits_stand(l, &seats[i]);
    }
}

/** @param want  of each seat: 's' it stays, 'g' it must go, '-' it is over */
static void expect(struct chat_limits *l, const struct chat_seat *seats, const char *want)
{
    char got[16] = {0};

    for (size_t i = 0; want[i]; i++) {
        got[i] = '-';
        if (seats[i].of)
            got[i] = chat_limits_must_go(l, &seats[i]) ? 'g' : 's';
    }
    assert_string_equal(got, want);
}

static void one_too_many_ends_the_one_that_is_silent_longest(void **state)
{
    struct chat_limits *l = *state;
    struct chat_seat seats[6];

    assert_int_equal(sit(l, &seats[0], 1, 30), 0);
    assert_int_equal(sit(l, &seats[1], 1, 10), 0);
    assert_int_equal(sit(l, &seats[2], 1, 20), 0);
    expect(l, seats, "sss");
    assert_int_equal(sit(l, &seats[3], 1, 5), 1); // which has just come
    expect(l, seats, "sgss");
    atomic_store(&seats[3].heard_ms, 40);
    assert_int_equal(sit(l, &seats[4], 1, 50), 2); // the first is there still
    expect(l, seats, "sggss");
    chat_limits_stand(l, &seats[1]);
    assert_int_equal(sit(l, &seats[5], 1, 60), 2);
    expect(l, seats, "g-gsss");
    stand_all(l, seats, 6);
}

static void of_equals_the_one_that_came_first_goes(void **state)
{
    struct chat_limits *l = *state;
    struct chat_seat seats[5];

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sit(l, &seats[i], 1, 7), i < MAX ? 0 : i - MAX + 1);
    expect(l, seats, "ggsss");
    stand_all(l, seats, 5);
}

static void whoever_leaves_makes_room(void **state)
{
    struct chat_limits *l = *state;
    struct chat_seat seats[5];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sit(l, &seats[i], 1, 0), 0);
    chat_limits_stand(l, &seats[2]);
    assert_int_equal(sit(l, &seats[2], 1, 0), 0);
    assert_int_equal(sit(l, &seats[3], 1, 0), 1);
    chat_limits_stand(l, &seats[0]); // it must go: its room was given already
    assert_int_equal(sit(l, &seats[4], 1, 0), 1);
    expect(l, seats, "-gsss");
    stand_all(l, seats, 5);
}

static void accounts_are_counted_apart(void **state)
{
    struct chat_limits *l = *state;
    struct chat_seat seats[2 * MAX];

    for (uint8_t i = 0; i < 2 * MAX; i++)
        assert_int_equal(sit(l, &seats[i], i % 2, 0), 0);
    expect(l, seats, "ssssss");
    stand_all(l, seats, COUNT_OF(seats));
}

static void for_one_there_is_always_room(void **state)
{
    struct chat_limits *l = limits_new(0);
    struct chat_seat seats[2];

    (void)state;
    assert_int_equal(sit(l, &seats[0], 1, 0), 0);
    expect(l, seats, "s");
    assert_int_equal(sit(l, &seats[1], 1, 0), 1);
    expect(l, seats, "gs");
    stand_all(l, seats, 2);
    chat_limits_free(l);
}

static void rates_are_of_an_account_and_a_kind(void **state)
{
    struct chat_limits *l = *state;
    const account alice = wallet(1);
    const account bob = wallet(2);

    assert_int_equal(chat_limits_take(l, &alice, CHAT_BUCKET_SENDS, 0), 0);
    assert_int_equal(chat_limits_take(l, &alice, CHAT_BUCKET_SENDS, 0), 0);
    assert_int_equal(chat_limits_take(l, &alice, CHAT_BUCKET_SENDS, 0), 1000);
    assert_int_equal(chat_limits_take(l, &alice, CHAT_BUCKET_REQUESTS, 0), 0);
    assert_int_equal(chat_limits_take(l, &alice, CHAT_BUCKET_REQUESTS, 0), 1000);
    assert_int_equal(chat_limits_take(l, &bob, CHAT_BUCKET_SENDS, 0), 0);
}

// Threads: each has sessions of the same accounts, as the loops of a process do.

#define N_SEATS 64

struct loop_of {
    struct chat_limits *limits;
    uint64_t seed;
    unsigned n_steps;
    unsigned n_opened;
    unsigned n_gone; // that had to go
    struct chat_seat seats[N_SEATS];
};

static unsigned pick(struct loop_of *l, unsigned n)
{
    l->seed = l->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((l->seed >> 33) % n);
}

static void end_those_that_must_go(struct loop_of *l)
{
    for (size_t i = 0; i < N_SEATS; i++) {
        if (!l->seats[i].of || !chat_limits_must_go(l->limits, &l->seats[i]))
            continue;
        chat_limits_stand(l->limits, &l->seats[i]);
        l->n_gone++;
    }
}

static void *only_open(void *arg)
{
    struct loop_of *l = arg;

    for (size_t i = 0; i < N_SEATS; i++) {
        sit(l->limits, &l->seats[i], 1, (int64_t)i);
        l->n_opened++;
        if (i % 4 == 0)
            end_those_that_must_go(l);
    }
    return NULL;
}

/** Open, close, hear from, and end what must go. */
static void *do_all(void *arg)
{
    struct loop_of *l = arg;

    for (unsigned i = 0; i < l->n_steps; i++) {
        struct chat_seat *seat = &l->seats[pick(l, N_SEATS)];
        switch (pick(l, 4)) {
        case 0:
            if (seat->of)
                break;
            sit(l->limits, seat, (uint8_t)pick(l, 3), i);
            l->n_opened++;
            break;
        case 1:
            if (seat->of)
                chat_limits_stand(l->limits, seat);
            break;
        case 2: atomic_store_explicit(&seat->heard_ms, i, memory_order_relaxed); break;
        default: end_those_that_must_go(l); break;
        }
    }
    return NULL;
}

static struct loop_of *loops_new(struct chat_limits *l)
{
    struct loop_of *all = mem_alloc(CROWD_THREADS * sizeof(*all));

    for (size_t i = 0; i < CROWD_THREADS; i++)
        all[i] = (struct loop_of){.limits = l, .seed = i + 1, .n_steps = 4000};
    return all;
}

static unsigned left_of(struct loop_of *all)
{
    unsigned n = 0;

    for (size_t i = 0; i < CROWD_THREADS; i++) {
        end_those_that_must_go(&all[i]);
        for (size_t k = 0; k < N_SEATS; k++)
            n += all[i].seats[k].of != NULL;
    }
    return n;
}

static void stand_up(struct chat_limits *l, struct loop_of *all)
{
    for (size_t i = 0; i < CROWD_THREADS; i++)
        stand_all(l, all[i].seats, N_SEATS);
    free(all);
}

/** Neither one too many ends, nor one too few. */
static void newcomers_at_once_leave_as_many_as_may_be(void **state)
{
    struct chat_limits *l = *state;
    struct loop_of *all = loops_new(l);
    unsigned n_gone = 0;

    crowd(only_open, all, sizeof(*all));
    assert_int_equal(left_of(all), MAX);
    for (size_t i = 0; i < CROWD_THREADS; i++) {
        assert_int_equal(all[i].n_opened, N_SEATS);
        n_gone += all[i].n_gone;
    }
    assert_int_equal(n_gone, CROWD_THREADS * N_SEATS - MAX);
    stand_up(l, all);
}

static void whatever_they_do_none_has_too_many(void **state)
{
    struct chat_limits *l = *state;
    struct loop_of *all = loops_new(l);
    struct chat_seat more[MAX];

    crowd(do_all, all, sizeof(*all));
    assert_true(left_of(all) <= 3 * MAX);
    for (size_t i = 0; i < CROWD_THREADS; i++)
        assert_true(all[i].n_opened > 0);
    // Nothing was counted that is not there any more.
    for (size_t i = 0; i < CROWD_THREADS; i++)
        stand_all(l, all[i].seats, N_SEATS);
    for (size_t i = 0; i < MAX; i++)
        assert_int_equal(sit(l, &more[i], 1, 0), 0);
    stand_all(l, more, MAX);
    stand_up(l, all);
}

struct sender {
    struct chat_limits *limits;
    unsigned n_sent;
};

static void *send_many(void *arg)
{
    struct sender *s = arg;
    const account alice = wallet(1);

    for (int i = 0; i < 500; i++)
        s->n_sent += chat_limits_take(s->limits, &alice, CHAT_BUCKET_SENDS, 1000) == 0;
    return NULL;
}

static void threads_share_the_rate_of_an_account(void **state)
{
    struct sender all[CROWD_THREADS];
    unsigned n = 0;

    for (size_t i = 0; i < CROWD_THREADS; i++)
        all[i] = (struct sender){.limits = *state};
    crowd(send_many, all, sizeof(all[0]));
    for (size_t i = 0; i < CROWD_THREADS; i++)
        n += all[i].n_sent;
    assert_int_equal(n, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(one_too_many_ends_the_one_that_is_silent_longest),
        TEST(of_equals_the_one_that_came_first_goes),
        TEST(whoever_leaves_makes_room),
        TEST(accounts_are_counted_apart),
        TEST(for_one_there_is_always_room),
        TEST(rates_are_of_an_account_and_a_kind),
        TEST(newcomers_at_once_leave_as_many_as_may_be),
        TEST(whatever_they_do_none_has_too_many),
        TEST(threads_share_the_rate_of_an_account),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
