/** Several loops of two processes, each on a thread of its own, which come and go. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "support/nats_world.h"
#include "support/t.h"

#define LOOPS 4   // two of each process
#define EACH  500 // events from each to each

struct node {
    unsigned number;
    struct loop *loop;
    struct bus *bus;
    pthread_t thread;
    uint64_t last[LOOPS]; // that it has got from each
    unsigned n_got;
    unsigned n_subscribed;
    bool is_out_of_order;
};

static atomic_uint n_ready;
static atomic_uint n_done;

static account wallet(unsigned n)
{
    return (account){.len = 3, .bytes = {1, 2, (uint8_t)n}};
}

/** Of each it comes in the order in which that one has published it, and once. */
static void on_event(void *arg, const struct bus_event *e)
{
    struct node *n = arg;
    const unsigned from = (unsigned)e->message.conversation;

    n->is_out_of_order |= e->message.seq != ++n->last[from];
    n->is_out_of_order |= !str_eq(e->message.content, STR("\"content\""));
    n->n_got++;
}

static void on_gap(void *arg)
{
    ((struct node *)arg)->is_out_of_order = true;
}

static void on_subscribed(void *arg, const account *a)
{
    struct node *n = arg;

    n->n_subscribed += account_eq(a, &(account){.len = 3, .bytes = {1, 2, (uint8_t)n->number}});
}

static void publish(struct node *n, unsigned to, uint64_t seq)
{
    const struct bus_event e = {
        .kind = BUS_MESSAGE,
        .to = wallet(to),
        .message = {.conversation = n->number,
                    .seq = seq,
                    .content = STR("\"content\""),
                    .type = STR("text")},
    };

    bus_publish(n->bus, &e);
}

/** Others that all of them want now and then. */
static void come_and_go(struct node *n, uint64_t seq)
{
    const account a = wallet(100 + (unsigned)(seq % 7));

    bus_subscribe(n->bus, &a);
    bus_watch(n->bus, &a);
    if (seq % 3 == 0)
        loop_run_once(n->loop);
    bus_unsubscribe(n->bus, &a);
    bus_unwatch(n->bus, &a);
}

static void *run_node(void *arg)
{
    struct node *n = arg;
    const account own = wallet(n->number);

    bus_subscribe(n->bus, &own);
    while (n->n_subscribed == 0)
        loop_run_once(n->loop);
    atomic_fetch_add(&n_ready, 1);
    while (atomic_load(&n_ready) < LOOPS)
        loop_run_once(n->loop);
    for (uint64_t seq = 1; seq <= EACH; seq++) {
        for (unsigned to = 0; to < LOOPS; to++)
            publish(n, to, seq);
        come_and_go(n, seq);
        if (seq % 16 == 0)
            loop_run_once(n->loop);
    }
    while (n->n_got < LOOPS * EACH)
        loop_run_once(n->loop);
    atomic_fetch_add(&n_done, 1);
    while (atomic_load(&n_done) < LOOPS) // the others still publish
        loop_run_once(n->loop);
    bus_unsubscribe(n->bus, &own);
    bus_free(n->bus);
    return NULL;
}

static void all_that_is_published_arrives_everywhere(void **state)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed, NULL};
    struct nats_node_world processes[2] = {0};
    struct node nodes[LOOPS] = {0};

    (void)state;
    nats_node_open_as(&processes[0], (struct bus_nats_config){.node = "a"});
    nats_node_open_as(&processes[1], (struct bus_nats_config){.node = "b"});
    for (unsigned i = 0; i < LOOPS; i++) {
        nodes[i].number = i;
        assert_int_equal(loop_new(&nodes[i].loop), 0);
        nodes[i].bus = nats_node_join(&processes[i % 2], nodes[i].loop);
        bus_attach(nodes[i].bus, &handler, &nodes[i]);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    for (unsigned i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
    for (unsigned i = 0; i < LOOPS; i++) {
        assert_false(nodes[i].is_out_of_order);
        assert_int_equal(nodes[i].n_got, LOOPS * EACH);
        assert_int_equal(nodes[i].n_subscribed, 1);
        loop_free(nodes[i].loop);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(nats_node_numbers(&processes[i]).dropped, 0);
        assert_int_equal(nats_node_numbers(&processes[i]).unreadable, 0);
        nats_node_close(&processes[i]);
    }
}

int main(void)
{
    struct CMUnitTest tests[] = {cmocka_unit_test(all_that_is_published_arrives_everywhere)};

    nats_world_skip_if_absent(&tests[0]);
    return cmocka_run_group_tests_name("bus_nats_loops", tests, NULL, NULL);
}
