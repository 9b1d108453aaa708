/**
 * NATS under test: that of TEST_NATS (tests/support/nats), where each program has subjects of
 * its own. Where there is none, tests that need it are skipped by name.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/hub.h"
#include "bus/nats.h"
#include "crypto/random.h"
#include "support/t.h"

/** NULL: there is none. */
static inline const char *nats_world_server(void)
{
    return getenv("TEST_NATS"); // NOLINT(concurrency-mt-unsafe): before any thread
}

static inline const char *nats_world_prefix(void)
{
    static char prefix[32]; // tests run one after the other

    snprintf(prefix, sizeof(prefix), "t%d", (int)getpid());
    return prefix;
}

/** One process of several, as they are in one here. */
struct nats_node_world {
    struct bus_nats *nats; // NULL: it is not open
    struct bus_hub *hub;
};

/** Of a configuration without what all have. */
static inline void nats_node_open_as(struct nats_node_world *n, struct bus_nats_config config)
{
    config.urls = config.urls ? config.urls : nats_world_server();
    config.node = config.node ? config.node : "a";
    config.rand = crypto_random();
    config.prefix = nats_world_prefix();
    assert_int_equal(bus_nats_open(&n->nats, &config), 0);
    n->hub = bus_hub_new(crypto_random(), bus_nats_uplink(n->nats));
}

/** @return owned */
static inline struct bus *nats_node_join(const struct nats_node_world *n, struct loop *l)
{
    struct bus *bus = NULL;

    assert_int_equal(bus_hub_join(&bus, n->hub, l, crypto_random()), 0);
    return bus;
}

/** After its fronts. */
static inline void nats_node_close(struct nats_node_world *n)
{
    bus_hub_free(n->hub);
    bus_nats_free(n->nats);
    *n = (struct nats_node_world){0};
}

static inline struct bus_nats_numbers nats_node_numbers(const struct nats_node_world *n)
{
    struct bus_nats_numbers numbers;

    bus_nats_numbers(n->nats, &numbers);
    return numbers;
}

static inline void nats_world_is_absent(void **state)
{
    (void)state;
    skip();
}

/** One that needs a server. */
static inline void nats_world_skip_if_absent(struct CMUnitTest *t)
{
    if (nats_world_server())
        return;
    t->test_func = nats_world_is_absent;
    t->setup_func = NULL;
    t->teardown_func = NULL;
}
