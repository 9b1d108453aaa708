#include "bus/nats_look.h"
#include "crypto/random.h"
#include "doctor/checks.h"

#define NAME "bus"

static void say_bus(struct doctor *d, int r, const struct bus_nats_look *look)
{
    switch (r) {
    case 0:
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "NATS brings what is published, in %lld ms; %llu other servers are heard",
                    (long long)look->round_trip_ms, (unsigned long long)look->nodes);
        break;
    case BUS_NATS_LOOK_AWAY:
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Is it there, and does it let this one in? nats-server -c …; --bus, and "
                    "firewalls between. Servers serve meanwhile, and messages of the others "
                    "come late.",
                    "NATS can't be reached");
        break;
    case BUS_NATS_LOOK_SILENT:
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Let this user publish and subscribe to parley.> (permissions in the file "
                    "of nats-server).",
                    "NATS does not bring what is published");
        break;
    default:
        finding_add(&d->findings, VERDICT_BAD, NAME, bus_nats_remedy((enum bus_nats_refusal)r),
                    "NATS refuses us, or we it");
        break;
    }
}

/** Those that the store knows of are on the bus as well. */
static void check_others(struct doctor *d, const struct bus_nats_look *look)
{
    const uint64_t others = d->n_nodes - (d->n_nodes > 0 && d->server.pid != 0);

    if (look->nodes >= others)
        return;
    finding_add(&d->findings, VERDICT_BAD, NAME,
                "Let all servers have the same --bus; look into the logs of those that are not "
                "heard.",
                "the store knows of %llu other servers, and %llu are heard",
                (unsigned long long)others, (unsigned long long)look->nodes);
}

/** Of the server that runs, as the others reach it. */
static void check_advertised(struct doctor *d)
{
    char name[PROBE_NAME_SIZE];
    char at[STORE_NODE_URL_MAX + 1];
    char url[sizeof(at) + sizeof(PROBE_PREFIX) + PROBE_NAME_SIZE];
    struct node_url there = d->config.cluster.url;
    struct answer a;

    if (d->server.pid == 0 || d->server.why || !server_probe(&d->server, d->data, name))
        return;
    if (there.port == 0)
        there.port = d->server.at.port;
    node_url_print(at, &there);
    snprintf(url, sizeof(url), "%s" PROBE_PREFIX "%s", at, name);
    ask(&d->asker, &(struct fetch){.url = str_of(url), .is_plain = true}, &a);
    if (a.status == 204) {
        finding_add(&d->findings, VERDICT_OK, "advertise", NULL, "%s leads here", at);
    } else {
        finding_add(&d->findings, VERDICT_BAD, "advertise",
                    "Give the others' way to this one with --advertise: http://, an address "
                    "that they reach and its port, and no proxy between.",
                    "%s does not lead here: %s", at,
                    a.r != 0 ? a.why : "another one answers there");
    }
    answer_fini(&a);
}

void check_bus(struct doctor *d)
{
    struct bus_nats_look look;

    if (!d->config.cluster.bus) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL, "--bus local: one server, alone");
        return;
    }
    const int r =
        bus_nats_look(&look, &(struct bus_nats_look_config){
                                 .urls = d->config.cluster.bus,
                                 .ca_file = d->ca_file,
                                 .prefix = d->has_bus_prefix ? d->bus_prefix : "parley",
                                 .self = d->config.cluster.name,
                                 .hears = d->has_bus_prefix,
                                 .rand = crypto_random(),
                             });
    say_bus(d, r, &look);
    if (r == 0)
        check_others(d, &look);
    check_advertised(d);
}
