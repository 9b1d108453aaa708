#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "io/worker.h"
#include "support/t.h"

#define TASKS_MAX 20000
#define MAX_BATCH 100

struct task {
    struct worker_task node;
    unsigned n;
    unsigned squared; // written by the thread
};

/** A worker under test, a gate that holds its thread up, and what came back. */
struct world {
    struct loop *loop;
    struct worker *worker;
    struct task *tasks;
    atomic_bool is_open;  // the gate
    atomic_uint n_runs;   // begun
    size_t largest_batch; // of the thread; read when it is idle
    unsigned done[TASKS_MAX];
    unsigned n_done;
    unsigned n_dones; // calls of on_done
    unsigned resubmit;
};

static void run(void *arg, struct list *tasks)
{
    struct world *w = arg;
    size_t n = 0;

    atomic_fetch_add(&w->n_runs, 1);
    while (!atomic_load(&w->is_open)) {
    }
    list_each (node, tasks) {
        struct task *t = container_of(worker_task_of(node), struct task, node);
        t->squared = t->n * t->n;
        n++;
    }
    if (n > w->largest_batch)
        w->largest_batch = n;
}

static void on_done(void *arg, struct list *tasks)
{
    struct world *w = arg;

    w->n_dones++;
    while (!list_is_empty(tasks)) {
        struct task *t = container_of(worker_task_of(list_shift(tasks)), struct task, node);
        assert_int_equal(t->squared, t->n * t->n);
        w->done[w->n_done++] = t->n;
        if (w->resubmit > 0) {
            w->resubmit--;
            t->n = w->n_done;
            worker_submit(w->worker, &t->node);
        }
    }
}

static const struct worker_ops ops = {.run = run, .on_done = on_done};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->tasks = calloc(TASKS_MAX, sizeof(*w->tasks));
    assert_non_null(w->tasks);
    atomic_store(&w->is_open, true);
    assert_int_equal(loop_new(&w->loop), 0);
    const struct worker_config config = {
        .name = "test", .max_batch = MAX_BATCH, .ops = &ops, .arg = w};
    assert_int_equal(worker_new(&w->worker, w->loop, &config, w), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->worker)
        worker_free(w->worker);
    loop_free(w->loop);
    free(w->tasks);
    free(w);
    return 0;
}

static void submit(struct world *w, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        w->tasks[i].n = i;
        worker_submit(w->worker, &w->tasks[i].node);
    }
}

static void await_done(struct world *w, unsigned n)
{
    while (w->n_done < n)
        loop_run_once(w->loop);
    loop_run_once(w->loop);
    assert_int_equal(w->n_done, n);
}

static void expect_order(const struct world *w)
{
    for (unsigned i = 0; i < w->n_done; i++)
        expect_int("order", w->done[i], i);
}

static void answers_later_and_on_the_loop(void **state)
{
    struct world *w = *state;

    submit(w, 0, 1);
    assert_int_equal(w->n_done, 0);
    await_done(w, 1);
    assert_int_equal(w->n_dones, 1);
}

static void takes_what_a_turn_submits_as_one_batch(void **state)
{
    struct world *w = *state;

    submit(w, 0, MAX_BATCH);
    await_done(w, MAX_BATCH);
    assert_int_equal(w->n_dones, 1);
    expect_order(w);
}

static void gathers_what_comes_while_it_works(void **state)
{
    struct world *w = *state;

    atomic_store(&w->is_open, false);
    submit(w, 0, 1);
    while (atomic_load(&w->n_runs) == 0)
        loop_run_once(w->loop);
    for (unsigned i = 1; i < 50; i++) { // in turns of their own
        submit(w, i, 1);
        loop_run_once(w->loop);
    }
    atomic_store(&w->is_open, true);
    await_done(w, 50);
    assert_int_equal(w->n_dones, 2);
    assert_int_equal(w->largest_batch, 49);
    expect_order(w);
}

static void a_batch_has_a_largest_size(void **state)
{
    struct world *w = *state;

    submit(w, 0, MAX_BATCH + 1);
    await_done(w, MAX_BATCH + 1);
    assert_int_equal(w->n_dones, 2);
    assert_int_equal(w->largest_batch, MAX_BATCH);
    expect_order(w);
}

static void keeps_the_order_of_many(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < TASKS_MAX; i += 40) {
        submit(w, i, 40);
        loop_run_once(w->loop);
    }
    await_done(w, TASKS_MAX);
    expect_order(w);
}

static void on_done_may_submit(void **state)
{
    struct world *w = *state;

    w->resubmit = 999;
    submit(w, 0, 1);
    await_done(w, 1000);
    expect_order(w);
}

/** Some run, one waits for that or runs as well, and one has not left the turn. */
static void is_freed_with_what_nobody_waits_for(void **state)
{
    struct world *w = *state;

    atomic_store(&w->is_open, false);
    submit(w, 0, MAX_BATCH);
    while (atomic_load(&w->n_runs) == 0)
        loop_run_once(w->loop);
    submit(w, MAX_BATCH, 1);
    loop_run_once(w->loop);
    submit(w, MAX_BATCH + 1, 1);
    atomic_store(&w->is_open, true);
    worker_free(w->worker);
    w->worker = NULL;
    loop_run_once(w->loop);
    assert_int_equal(w->n_done, 0);
    assert_int_equal(w->tasks[2].squared, 4); // it was waited for
}

// With several loops.

#define OTHERS      3
#define OTHER_TASKS 4000

static struct world *other_new(const struct world *first)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->tasks = calloc(OTHER_TASKS, sizeof(*w->tasks));
    assert_non_null(w->tasks);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(worker_share(&w->worker, first->worker, w->loop, w), 0);
    return w;
}

static void *run_other(void *arg)
{
    struct world *w = arg;

    for (unsigned i = 0; i < OTHER_TASKS; i += 20) {
        submit(w, i, 20);
        loop_run_once(w->loop);
    }
    while (w->n_done < OTHER_TASKS)
        loop_run_once(w->loop);
    worker_free(w->worker); // while others go on
    loop_run_once(w->loop);
    return NULL;
}

static void each_loop_gets_its_own_back(void **state)
{
    struct world *w = *state;
    struct world *others[OTHERS];
    pthread_t threads[OTHERS];

    for (unsigned i = 0; i < OTHERS; i++) {
        others[i] = other_new(w);
        assert_int_equal(pthread_create(&threads[i], NULL, run_other, others[i]), 0);
    }
    for (unsigned i = 0; i < TASKS_MAX; i += 40) {
        submit(w, i, 40);
        loop_run_once(w->loop);
    }
    await_done(w, TASKS_MAX);
    expect_order(w);
    for (unsigned i = 0; i < OTHERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(others[i]->n_done, OTHER_TASKS);
        expect_order(others[i]);
        others[i]->worker = NULL;
        loop_free(others[i]->loop);
        free(others[i]->tasks);
        free(others[i]);
    }
}

/** Some of its tasks run, some wait among those of another one. */
static void one_of_several_is_freed_with_what_it_has_there(void **state)
{
    struct world *w = *state;
    struct world *other = other_new(w);

    atomic_store(&w->is_open, false);
    submit(other, 0, 1);
    loop_run_once(other->loop);
    while (atomic_load(&w->n_runs) == 0)
        loop_run_once(w->loop);
    submit(w, 0, 1);
    loop_run_once(w->loop);
    submit(other, 1, 1);
    loop_run_once(other->loop);
    atomic_store(&w->is_open, true);
    worker_free(other->worker);
    await_done(w, 1);
    loop_run_once(other->loop);
    assert_int_equal(other->n_done, 0);
    loop_free(other->loop);
    free(other->tasks);
    free(other);
}

static void is_freed_unused(void **state)
{
    (void)state; // setup and teardown do it
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_later_and_on_the_loop),
        TEST(takes_what_a_turn_submits_as_one_batch),
        TEST(gathers_what_comes_while_it_works),
        TEST(a_batch_has_a_largest_size),
        TEST(keeps_the_order_of_many),
        TEST(on_done_may_submit),
        TEST(is_freed_with_what_nobody_waits_for),
        TEST(each_loop_gets_its_own_back),
        TEST(one_of_several_is_freed_with_what_it_has_there),
        TEST(is_freed_unused),
    };
    return cmocka_run_group_tests_name("io_worker", tests, NULL, NULL);
}
