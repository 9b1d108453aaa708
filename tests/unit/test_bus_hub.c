/** Several loops, each on a thread of its own, by one hub (tests/conformance/bus.c has the
 * rest).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/mem.h"
#include "bus/hub.h"
#include "crypto/random.h"
#include "support/t.h"

#define NODES 4
#define EACH  2000 // messages from each to each

struct node {
    unsigned number;
    struct loop *loop;
    struct bus *bus;
    pthread_t thread;
    uint64_t last[NODES]; // that it has got from each
    unsigned n_got;
    bool is_out_of_order;
    int64_t reached;
    bool is_subscribed;
};

static atomic_uint n_subscribed;
static atomic_uint n_done;

static account wallet(unsigned n)
{
    return (account){.len = 3, .bytes = {1, 2, (uint8_t)n}};
}

/** Of each it comes in the order in which that one has published it. */
static void on_event(void *arg, const struct bus_event *e)
{
    struct node *n = arg;
    const unsigned from = e->message.content.ptr[0] - '0';
    const uint64_t want = ++n->last[from];

    n->is_out_of_order |= e->message.seq != want;
    n->n_got++;
}

static void on_gap(void *arg)
{
    struct node *n = arg;
    n->is_out_of_order = true;
}

static void on_subscribed(void *arg, const account *a)
{
    struct node *n = arg;

    n->is_subscribed = account_eq(a, &(account){.len = 3, .bytes = {1, 2, (uint8_t)n->number}});
    atomic_fetch_add(&n_subscribed, 1);
}

/** Each has come with as many as it has said that it would. */
static void on_reach(void *arg, int64_t position)
{
    struct node *n = arg;

    for (unsigned from = 0; from < NODES; from++)
        n->is_out_of_order |= n->last[from] < (uint64_t)position;
    n->is_out_of_order |= position <= n->reached;
    n->reached = position;
}

static void publish(struct node *n, unsigned to, uint64_t seq)
{
    char content[2] = {(char)('0' + n->number), 0};
    const struct bus_event e = {
        .kind = BUS_MESSAGE,
        .to = wallet(to),
        .message = {.seq = seq, .content = str_of(content), .type = STR("text")},
    };

    bus_publish(n->bus, &e);
}

static void *run_node(void *arg)
{
    struct node *n = arg;
    const account own = wallet(n->number);

    bus_subscribe(n->bus, &own);
    while (atomic_load(&n_subscribed) < NODES)
        loop_run_once(n->loop);
    for (uint64_t seq = 1; seq <= EACH; seq++) {
        for (unsigned to = 0; to < NODES; to++)
            publish(n, to, seq);
        if (seq % 5 == 0)
            bus_reach(n->bus, (int64_t)seq);
        if (seq % 16 == 0)
            loop_run_once(n->loop);
    }
    while (n->n_got < NODES * EACH || n->reached < EACH)
        loop_run_once(n->loop);
    atomic_fetch_add(&n_done, 1);
    while (atomic_load(&n_done) < NODES) // the others still publish
        loop_run_once(n->loop);
    bus_unsubscribe(n->bus, &own);
    bus_free(n->bus);
    return NULL;
}

static void all_that_is_published_arrives_everywhere(void **state)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed, on_reach};
    struct bus_hub *hub = bus_hub_new(crypto_random(), NULL);
    struct node nodes[NODES] = {0};

    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].number = i;
        assert_int_equal(loop_new(&nodes[i].loop), 0);
        assert_int_equal(bus_hub_join(&nodes[i].bus, hub, nodes[i].loop, crypto_random()), 0);
        bus_attach(nodes[i].bus, &handler, &nodes[i]);
    }
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
    for (unsigned i = 0; i < NODES; i++) {
        assert_true(nodes[i].is_subscribed);
        assert_false(nodes[i].is_out_of_order);
        assert_int_equal(nodes[i].n_got, NODES * EACH);
        loop_free(nodes[i].loop);
    }
    bus_hub_free(hub);
}

/** A front goes with subscriptions, and with events for it under way: nobody minds. */
static void one_may_go_in_the_middle_of_all(void **state)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed, on_reach};
    struct bus_hub *hub = bus_hub_new(crypto_random(), NULL);
    struct node stays = {.number = 0};
    struct node goes = {.number = 1};
    const account a = wallet(1);

    (void)state;
    assert_int_equal(loop_new(&stays.loop), 0);
    assert_int_equal(loop_new(&goes.loop), 0);
    assert_int_equal(bus_hub_join(&stays.bus, hub, stays.loop, crypto_random()), 0);
    assert_int_equal(bus_hub_join(&goes.bus, hub, goes.loop, crypto_random()), 0);
    bus_attach(stays.bus, &handler, &stays);
    bus_attach(goes.bus, &handler, &goes);
    bus_subscribe(goes.bus, &a);
    bus_watch(goes.bus, &a);
    publish(&stays, 1, 1);
    loop_run_once(stays.loop); // it is in the other one's inbox
    publish(&stays, 1, 2);     // and this one is not yet
    publish(&goes, 1, 3);
    bus_free(goes.bus);
    loop_free(goes.loop);
    loop_run_once(stays.loop);
    publish(&stays, 1, 4);
    loop_run_once(stays.loop);
    assert_int_equal(goes.n_got, 0);
    bus_free(stays.bus);
    loop_free(stays.loop);
    bus_hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_published_arrives_everywhere),
        cmocka_unit_test(one_may_go_in_the_middle_of_all),
    };
    return cmocka_run_group_tests_name("bus_hub", tests, NULL, NULL);
}
