#include "bus/nats.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "bus/nats_core.h"
#include "bus/nats_event.h"

// URLs.

static int refusal_of_urls(int r)
{
    switch (r) {
    case 0: return 0;
    case NATS_URL_MIXED: return BUS_NATS_MIXED;
    case NATS_URL_NO_NAME: return BUS_NATS_NO_NAME;
    case NATS_URL_NO_PASSWORD: return BUS_NATS_NO_PASSWORD;
    default: return BUS_NATS_BAD_URL;
    }
}

static void wipe(struct nats_urls *urls)
{
    explicit_bzero(urls, sizeof(*urls));
}

int bus_nats_check_urls(const char *text)
{
    CLEANUP(wipe) struct nats_urls urls;

    return refusal_of_urls(nats_urls_read(&urls, str_of(text)));
}

bool bus_nats_has_password(const char *text)
{
    return strchr(text, '@') != NULL;
}

const char *bus_nats_remedy(enum bus_nats_refusal why)
{
    switch (why) {
    case BUS_NATS_BAD_URL:
        return "give NATS as nats://USER:PASSWORD@HOST:PORT or tls://…, several with commas "
               "between";
    case BUS_NATS_MIXED: return "give all servers of NATS as tls://, or none";
    case BUS_NATS_NO_NAME:
        return "give NATS by the name that is in its certificate: tls:// can't check an "
               "address";
    case BUS_NATS_NO_PASSWORD:
        return "give NATS a user and a password, or a token, unless it is on this machine: who "
               "can"
               " publish there can show users what nobody has sent";
    case BUS_NATS_DENIED:
        return "correct the user, the password or the token: NATS refuses them";
    case BUS_NATS_UNTRUSTED:
        return "give the file of certificates that has signed that of NATS, and the name in "
               "there:"
               " what it shows is not trusted";
    case BUS_NATS_BAD_CA: return "correct the file of certificates for NATS: it can't be read";
    }
    return "";
}

// What a front does.

static struct bus_nats *nats_of(struct bus_uplink *u)
{
    return container_of(u, struct bus_nats, uplink);
}

struct nats_letter *nats_letter_new(enum nats_letter_kind kind, size_t n)
{
    struct nats_letter *l = mem_alloc(sizeof(*l) + n);

    memset(l, 0, sizeof(*l));
    l->kind = kind;
    return l;
}

void nats_put(struct bus_nats *n, struct nats_letter *l)
{
    inbox_put_one(n->inbox, &l->node);
}

bool nats_take_room(struct bus_nats *n, size_t waits)
{
    if (atomic_fetch_add(&n->waits, waits) + waits <= n->queue_max)
        return true;
    atomic_fetch_sub(&n->waits, waits);
    return false;
}

static void on_attach(struct bus_uplink *u, struct bus_hub *hub)
{
    struct bus_nats *n = nats_of(u);

    pthread_mutex_lock(&n->hub_mutex);
    n->hub = hub;
    pthread_mutex_unlock(&n->hub_mutex);
}

static bool is_up(struct bus_uplink *u)
{
    return atomic_load(&nats_of(u)->is_up);
}

/** Not counted: there is one for each account at most, and none may be lost. */
static void push_wish(struct list *batch, enum nats_letter_kind kind,
                      const struct bus_wish *wish)
{
    struct nats_letter *l = nats_letter_new(kind, 0);

    l->wish = *wish;
    list_push(batch, &l->node);
}

static void want(struct bus_uplink *u, struct list *batch, const struct bus_wish *wish)
{
    (void)u;
    push_wish(batch, LETTER_WANT, wish);
}

static void want_no_more(struct bus_uplink *u, struct list *batch, const struct bus_wish *wish)
{
    (void)u;
    push_wish(batch, LETTER_WANT_NO_MORE, wish);
}

static void publish(struct bus_uplink *u, struct list *batch, const struct bus_event *e)
{
    struct bus_nats *n = nats_of(u);
    const size_t room = nats_event_room(e);
    const size_t waits = sizeof(struct nats_letter) + room;

    if (!is_up(u) || !nats_take_room(n, waits)) {
        atomic_fetch_add(&n->n_dropped, 1);
        return;
    }
    struct nats_letter *l = nats_letter_new(LETTER_EVENT, room);
    l->waits = waits;
    l->wish.how = e->kind == BUS_PRESENCE ? BUS_WATCHED : BUS_SUBSCRIBED;
    l->wish.account = e->to;
    l->n = nats_event_encode(l->bytes, e);
    list_push(batch, &l->node);
}

static void hand_over(struct bus_uplink *u, struct list *batch)
{
    inbox_put(nats_of(u)->inbox, batch);
}

struct bus_uplink *bus_nats_uplink(struct bus_nats *n)
{
    return &n->uplink;
}

void bus_nats_numbers(struct bus_nats *n, struct bus_nats_numbers *out)
{
    *out = (struct bus_nats_numbers){
        .is_connected = atomic_load(&n->is_up),
        .published = atomic_load(&n->n_published),
        .received = atomic_load(&n->n_received),
        .dropped = atomic_load(&n->n_dropped),
        .unreadable = atomic_load(&n->n_unreadable),
        .lost = atomic_load(&n->n_lost),
        .slow = atomic_load(&n->n_slow),
        .subjects = atomic_load(&n->n_subjects),
        .nodes = atomic_load(&n->n_nodes),
    };
}

// Life.

static void run(void *arg)
{
    struct bus_nats *n = arg;

    loop_run(n->loop);
}

static const struct bus_uplink_ops uplink_ops = {
    .attach = on_attach,
    .is_up = is_up,
    .want = want,
    .want_no_more = want_no_more,
    .publish = publish,
    .hand_over = hand_over,
};

static void configure(struct bus_nats *n, const struct bus_nats_config *config)
{
    uint64_t instance = 0;
    const char *prefix = config->prefix ? config->prefix : "parley";

    assert(strlen(prefix) < NATS_PREFIX_SIZE);
    str_copy(n->prefix, str_of(prefix));
    n->uplink.ops = &uplink_ops;
    n->ca_file = config->ca_file ? str_dup(str_of(config->ca_file)) : NULL;
    n->rand = config->rand;
    n->node_ms = config->node_ms > 0 ? config->node_ms : BUS_NODE_MS;
    n->node_lost_ms = config->node_lost_ms > 0 ? config->node_lost_ms : BUS_NODE_LOST_MS;
    n->queue_max = config->queue_max > 0 ? config->queue_max : BUS_NATS_QUEUE_MAX;
    rand_bytes(n->rand, n->hash_key, sizeof(n->hash_key));
    rand_bytes(n->rand, &instance, sizeof(instance));
    n->self = nats_node_of(str_of(config->node), instance);
    str_copy(n->name, str_of(config->node));
    list_init(&n->to_confirm);
}

int nats_refusal_of_link(int r)
{
    switch (r) {
    case NATS_LINK_DENIED: return BUS_NATS_DENIED;
    case NATS_LINK_UNTRUSTED: return BUS_NATS_UNTRUSTED;
    case NATS_LINK_CA: return BUS_NATS_BAD_CA;
    default: return 0; // it is away, and need not stay so
    }
}

static int start(struct bus_nats *n)
{
    int r = loop_new(&n->loop);
    if (r < 0)
        return err_up(r);
    r = inbox_new(&n->inbox, n->loop, nats_on_letters, n);
    if (r < 0)
        return err_up(r);
    r = nats_refusal_of_link(nats_connect(n));
    if (r != 0)
        return r;
    nats_begin(n);
    r = loop_thread_start(&n->thread, "bus-nats", run, n);
    n->has_thread = r == 0;
    return r;
}

int bus_nats_open(struct bus_nats **out, const struct bus_nats_config *config)
{
    struct bus_nats *n = NEW(struct bus_nats);

    pthread_mutex_init(&n->hub_mutex, NULL);
    configure(n, config);
    int r = refusal_of_urls(nats_urls_read(&n->urls, str_of(config->urls)));
    if (r == 0)
        r = start(n);
    if (r == 0) {
        *out = n;
    } else {
        bus_nats_free(n);
    }
    return r;
}

static void free_letters(struct list *letters)
{
    list_each (node, letters)
        free(container_of(node, struct nats_letter, node));
}

void bus_nats_free(struct bus_nats *n)
{
    struct list left;

    if (!n)
        return;
    list_init(&left);
    if (n->has_thread) {
        atomic_store(&n->is_stopping, true);
        nats_put(n, nats_letter_new(LETTER_STOP, 0));
        loop_thread_join(&n->thread);
    }
    nats_end(n);
    if (n->inbox)
        inbox_free(n->inbox, &left);
    free_letters(&left);
    if (n->loop)
        loop_free(n->loop);
    pthread_mutex_destroy(&n->hub_mutex);
    wipe(&n->urls);
    free(n->ca_file);
    free(n);
}
