/** Workers with a loop and a thread each. */
#include <stdatomic.h>

#include "base/mem.h"
#include "server/posts.h"
#include "support/t.h"

#define N    4
#define EACH 500 // posts of each to each, and rounds of each

struct there {
    unsigned number;
    struct loop *loop;
    struct posts *posts;
    struct loop_thread thread;
    unsigned n_run;
    unsigned n_rounds; // that went by
    unsigned n_back;   // of its own
    unsigned last[N];  // round of each
    bool is_out_of_order;
    bool is_wrong_thread;
};

struct one {
    struct post post;
    unsigned n; // of its sender's, from 1
};

static atomic_uint n_done;

static void note(struct there *t)
{
    t->is_wrong_thread |= t->thread.id != pthread_self();
}

static void on_one(struct post *p, void *arg)
{
    struct there *t = arg;

    note(t);
    t->n_run++;
    free(container_of(p, struct one, post));
}

static void on_round(struct post *p, void *arg)
{
    struct one *one = container_of(p, struct one, post);
    struct there *t = arg;

    note(t);
    t->is_out_of_order |= one->n != ++t->last[p->from];
    if (p->from == t->number) {
        t->n_back++;
        free(one);
    } else {
        t->n_rounds++;
        posts_pass(t->posts, p);
    }
}

static struct post *new_post(unsigned from, unsigned n, void (*run)(struct post *, void *))
{
    struct one *one = NEW(struct one);

    *one = (struct one){.post = {.run = run, .from = from, .at = from}, .n = n};
    return &one->post;
}

static bool is_done(const struct there *t)
{
    return t->n_run == N * EACH && t->n_back == EACH && t->n_rounds == (N - 1) * EACH;
}

static void run_there(void *arg)
{
    struct there *t = arg;

    for (unsigned i = 1; i <= EACH; i++) {
        for (unsigned to = 0; to < N; to++)
            assert_true(posts_put(t->posts, to, new_post(t->number, i, on_one)));
        posts_pass(t->posts, new_post(t->number, i, on_round));
        if (i % 16 == 0)
            loop_run_once(t->loop);
    }
    while (!is_done(t))
        loop_run_once(t->loop);
    atomic_fetch_add(&n_done, 1);
    while (atomic_load(&n_done) < N)
        loop_run_once(t->loop);
    posts_close(t->posts, t->number);
}

static void open_all(struct posts *posts, struct there *all)
{
    for (unsigned i = 0; i < N; i++) {
        all[i].number = i;
        all[i].posts = posts;
        assert_int_equal(loop_new(&all[i].loop), 0);
        assert_int_equal(posts_open(posts, i, all[i].loop, &all[i]), 0);
    }
}

static void close_all(struct posts *posts, struct there *all)
{
    for (unsigned i = 0; i < N; i++) {
        posts_close(posts, i);
        loop_free(all[i].loop);
    }
    posts_free(posts);
}

static void each_does_what_is_put_for_it(void **state)
{
    struct posts *posts = posts_new(N);
    struct there all[N] = {0};

    (void)state;
    open_all(posts, all);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(loop_thread_start(&all[i].thread, "test", run_there, &all[i]), 0);
    for (unsigned i = 0; i < N; i++) {
        loop_thread_join(&all[i].thread);
        assert_true(is_done(&all[i]));
        assert_false(all[i].is_out_of_order);
        assert_false(all[i].is_wrong_thread);
        assert_false(posts_is_open(posts, i));
    }
    close_all(posts, all);
}

static void on_first(struct post *p, void *arg)
{
    struct there *t = arg;

    t->n_run++;
    free(container_of(p, struct one, post));
}

static void what_has_come_is_done_when_one_closes(void **state)
{
    struct posts *posts = posts_new(N);
    struct there all[N] = {0};
    struct post *late = new_post(0, 1, on_first);

    (void)state;
    open_all(posts, all);
    assert_true(posts_put(posts, 1, new_post(0, 1, on_first)));
    assert_int_equal(all[1].n_run, 0); // not inside the call
    posts_close(posts, 1);
    assert_int_equal(all[1].n_run, 1);
    assert_false(posts_is_open(posts, 1));
    assert_false(posts_put(posts, 1, late));
    assert_true(posts_put(posts, 2, late)); // it was the caller's still
    assert_ptr_equal(posts_there(posts, 1), &all[1]);
    close_all(posts, all);
    assert_int_equal(all[2].n_run, 1);
}

static void on_pass(struct post *p, void *arg)
{
    struct there *t = arg;

    t->n_rounds++;
    if (p->from == t->number) {
        free(container_of(p, struct one, post));
    } else {
        posts_pass(t->posts, p);
    }
}

/** What was on its way through one that closes goes on. */
static void a_round_passes_those_that_are_closed(void **state)
{
    struct posts *posts = posts_new(N);
    struct there all[N] = {0};

    (void)state;
    open_all(posts, all);
    posts_close(posts, 2);
    posts_pass(posts, new_post(0, 1, on_pass));
    posts_close(posts, 1); // which has it
    assert_int_equal(all[1].n_rounds, 1);
    loop_run_once(all[3].loop);
    loop_run_once(all[0].loop);
    assert_int_equal(all[2].n_rounds, 0);
    assert_int_equal(all[3].n_rounds, 1);
    assert_int_equal(all[0].n_rounds, 1);
    close_all(posts, all);
}

static void a_round_goes_through_as_many_as_there_may_be(void **state)
{
    struct posts *posts = posts_new(POSTS_MAX);
    struct there all[POSTS_MAX] = {0};

    (void)state;
    for (unsigned i = 0; i < POSTS_MAX; i++) {
        all[i] = (struct there){.number = i, .posts = posts};
        assert_int_equal(loop_new(&all[i].loop), 0);
        assert_int_equal(posts_open(posts, i, all[i].loop, &all[i]), 0);
    }
    posts_pass(posts, new_post(0, 1, on_pass));
    for (unsigned i = 1; i <= POSTS_MAX; i++)
        loop_run_once(all[i % POSTS_MAX].loop);
    for (unsigned i = 0; i < POSTS_MAX; i++) {
        assert_int_equal(all[i].n_rounds, 1);
        posts_close(posts, i);
        loop_free(all[i].loop);
    }
    posts_free(posts);
}

static void who_is_alone_gets_its_own(void **state)
{
    struct posts *posts = posts_new(1);
    struct there t = {.posts = posts};

    (void)state;
    assert_int_equal(loop_new(&t.loop), 0);
    assert_int_equal(posts_open(posts, 0, t.loop, &t), 0);
    posts_pass(posts, new_post(0, 1, on_pass));
    loop_run_once(t.loop);
    assert_int_equal(t.n_rounds, 1);
    posts_close(posts, 0);
    loop_free(t.loop);
    posts_free(posts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_does_what_is_put_for_it),
        cmocka_unit_test(what_has_come_is_done_when_one_closes),
        cmocka_unit_test(a_round_passes_those_that_are_closed),
        cmocka_unit_test(a_round_goes_through_as_many_as_there_may_be),
        cmocka_unit_test(who_is_alone_gets_its_own),
    };
    return cmocka_run_group_tests_name("server_posts", tests, NULL, NULL);
}
