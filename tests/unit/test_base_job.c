#include "base/job.h"
#include "support/t.h"

/** Jobs that leave their letter, and may queue themselves or another. */
struct lettered {
    struct job job;
    char letter;
    struct lettered *queues; // NULL: nobody
};

static struct job_queue later;
static char ran[16];
static size_t n_ran;

static void leave_letter(struct job *job)
{
    const struct lettered *l = container_of(job, struct lettered, job);

    assert_false(job_is_queued(job));
    ran[n_ran++] = l->letter;
    if (l->queues)
        job_push(&later, &l->queues->job, leave_letter);
}

static void leave_capital(struct job *job)
{
    const struct lettered *l = container_of(job, struct lettered, job);
    ran[n_ran++] = (char)(l->letter & ~0x20);
}

static str run_all(void)
{
    n_ran = 0;
    job_run_all(&later);
    return (str){ran, n_ran};
}

static int setup(void **state)
{
    (void)state;
    later = JOB_QUEUE_INIT(later);
    return 0;
}

static void jobs_run_in_their_order_and_once(void **state)
{
    (void)state;
    struct lettered a = {.letter = 'a'};
    struct lettered b = {.letter = 'b'};

    job_push(&later, &b.job, leave_letter);
    job_push(&later, &a.job, leave_letter);
    assert_true(job_is_queued(&a.job));
    expect_str("both", run_all(), STR("ba"));
    expect_str("none", run_all(), STR(""));
}

static void a_job_that_is_queued_again_keeps_its_place_and_does_the_last_thing(void **state)
{
    (void)state;
    struct lettered a = {.letter = 'a'};
    struct lettered b = {.letter = 'b'};

    job_push(&later, &a.job, leave_letter);
    job_push(&later, &b.job, leave_letter);
    job_push(&later, &a.job, leave_capital);
    expect_str("first, and changed", run_all(), STR("Ab"));
}

static void what_a_job_queues_waits_for_the_next_run(void **state)
{
    (void)state;
    struct lettered a = {.letter = 'a'};
    struct lettered b = {.letter = 'b', .queues = &a};
    struct lettered c = {.letter = 'c', .queues = &c};

    job_push(&later, &b.job, leave_letter);
    job_push(&later, &c.job, leave_letter);
    expect_str("first run", run_all(), STR("bc"));
    expect_str("second run", run_all(), STR("ac"));
    c.queues = NULL;
    expect_str("third run", run_all(), STR("c"));
    expect_str("last run", run_all(), STR(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(jobs_run_in_their_order_and_once, setup),
        cmocka_unit_test_setup(
            a_job_that_is_queued_again_keeps_its_place_and_does_the_last_thing, setup),
        cmocka_unit_test_setup(what_a_job_queues_waits_for_the_next_run, setup),
    };
    return cmocka_run_group_tests_name("base/job", tests, NULL, NULL);
}
