#include "bus/nats_look.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hex.h"
#include "base/mem.h"
#include "bus/nats_link.h"
#include "bus/nats_nodes.h"
#include "bus/nats_url.h"
#include "io/loop.h"

#define NAME         "parley-doctor"
#define NODES        ".nodes"
#define PROBE        ".w.00" // where accounts' events are; none begins so
#define PROBE_BYTES  12
#define SUBJECT_SIZE 80
#define NS_PER_MS    INT64_C(1000000)

struct look {
    const struct bus_nats_look_config *config;
    struct nats_urls urls;
    struct nats_link *links[2]; // one hears what the other says: nobody hears itself
    pthread_mutex_t mutex;      // of what follows
    pthread_cond_t came;
    bool has_come; // what was published
    struct nats_nodes nodes;
};

// What the links call. Thread: theirs.

static void on_node(struct look *l, str bytes)
{
    struct nats_node node;

    if (nats_node_decode(&node, bytes) == 0 &&
        !str_eq(nats_node_name(&node), str_of(l->config->self)))
        (void)nats_nodes_heard(&l->nodes, &node);
}

static void on_message(void *arg, bool is_probe, str bytes)
{
    struct look *l = arg;

    pthread_mutex_lock(&l->mutex);
    if (is_probe) {
        l->has_come = true;
    } else {
        on_node(l, bytes);
    }
    pthread_cond_signal(&l->came);
    pthread_mutex_unlock(&l->mutex);
}

static void on_nothing(void *arg)
{
    (void)arg;
}

// The calls.

static int refusal_of_urls(int r)
{
    switch (r) {
    case NATS_URL_MIXED: return BUS_NATS_MIXED;
    case NATS_URL_NO_NAME: return BUS_NATS_NO_NAME;
    case NATS_URL_NO_PASSWORD: return BUS_NATS_NO_PASSWORD;
    default: return BUS_NATS_BAD_URL;
    }
}

static int refusal_of_link(int r)
{
    switch (r) {
    case NATS_LINK_DENIED: return BUS_NATS_DENIED;
    case NATS_LINK_UNTRUSTED: return BUS_NATS_UNTRUSTED;
    case NATS_LINK_CA: return BUS_NATS_BAD_CA;
    default: return BUS_NATS_LOOK_AWAY;
    }
}

/** @return 0 or what is to be returned: of the last URL, if none is good */
static int open_link(struct look *l, size_t which, int64_t since_ns)
{
    static const struct nats_link_handler handler = {on_message, on_nothing, on_nothing};
    int r = NATS_LINK_AWAY;

    for (size_t i = 0; i < l->urls.n; i++) {
        if (loop_now_ns() - since_ns > BUS_NATS_LOOK_MS * NS_PER_MS)
            break;
        r = nats_link_open(&l->links[which],
                           &(struct nats_link_config){.url = &l->urls.all[i],
                                                      .name = NAME,
                                                      .ca_file = l->config->ca_file,
                                                      .handler = &handler,
                                                      .arg = l});
        if (r == 0)
            return 0;
    }
    return refusal_of_link(r);
}

/** Until something has come, or it is until_ns. With the mutex. @return false: it is */
static bool wait(struct look *l, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};

    return pthread_cond_clockwait(&l->came, &l->mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

static bool comes(struct look *l)
{
    const int64_t until_ns = loop_now_ns() + BUS_NATS_PATIENCE_MS * NS_PER_MS;

    bool has_time = true;

    pthread_mutex_lock(&l->mutex);
    while (!l->has_come && has_time)
        has_time = wait(l, until_ns);
    const bool has_come = l->has_come;
    pthread_mutex_unlock(&l->mutex);
    return has_come;
}

static void name_probe(const struct look *l, char subject[SUBJECT_SIZE])
{
    uint8_t bytes[PROBE_BYTES];
    char hex[2 * PROBE_BYTES + 1];

    rand_bytes(l->config->rand, bytes, sizeof(bytes));
    *hex_encode(hex, bytes, sizeof(bytes)) = '\0';
    snprintf(subject, SUBJECT_SIZE, "%s" PROBE "%s", l->config->prefix, hex);
}

static int go_round(struct look *l, struct bus_nats_look *out)
{
    char subject[SUBJECT_SIZE];

    name_probe(l, subject);
    struct nats_subscription *s = nats_link_subscribe(l->links[0], subject, true);
    int r =
        s && nats_link_flush(l->links[0], BUS_NATS_PATIENCE_MS) == 0 ? 0 : BUS_NATS_LOOK_SILENT;
    const int64_t said_ns = loop_now_ns();
    if (r == 0 && (nats_link_publish(l->links[1], subject, STR("doctor")) != 0 ||
                   nats_link_flush(l->links[1], BUS_NATS_PATIENCE_MS) != 0 || !comes(l)))
        r = BUS_NATS_LOOK_SILENT;
    out->round_trip_ms = (loop_now_ns() - said_ns) / NS_PER_MS;
    nats_link_unsubscribe(s);
    return r;
}

static void hear(struct look *l, int64_t since_ns)
{
    bool has_time = true;

    pthread_mutex_lock(&l->mutex);
    while (has_time)
        has_time = wait(l, since_ns + BUS_NATS_LOOK_MS * NS_PER_MS);
    pthread_mutex_unlock(&l->mutex);
}

static int look(struct look *l, struct bus_nats_look *out)
{
    const int64_t since_ns = loop_now_ns();
    char nodes[SUBJECT_SIZE];

    snprintf(nodes, sizeof(nodes), "%s" NODES, l->config->prefix);
    int r = open_link(l, 0, since_ns);
    if (r == 0)
        r = open_link(l, 1, since_ns);
    if (r != 0)
        return r;
    struct nats_subscription *s = nats_link_subscribe(l->links[0], nodes, false);
    r = go_round(l, out);
    if (r == 0 && l->config->hears)
        hear(l, since_ns);
    nats_link_unsubscribe(s);
    return r;
}

int bus_nats_look(struct bus_nats_look *out, const struct bus_nats_look_config *c)
{
    struct look *l = NEW(struct look);

    *out = (struct bus_nats_look){0};
    l->config = c;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->came, NULL);
    int r = nats_urls_read(&l->urls, str_of(c->urls));
    r = r == 0 ? look(l, out) : refusal_of_urls(r);
    for (size_t i = 0; i < COUNT_OF(l->links); i++) {
        if (l->links[i])
            nats_link_free(l->links[i]);
    }
    out->nodes = l->nodes.n;
    pthread_cond_destroy(&l->came);
    pthread_mutex_destroy(&l->mutex);
    explicit_bzero(&l->urls, sizeof(l->urls));
    free(l);
    return r;
}
