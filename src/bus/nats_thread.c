#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/hub.h"
#include "bus/nats_core.h"
#include "bus/nats_event.h"

#define SUBJECT_SIZE (NATS_PREFIX_SIZE + 3 + 2 * ACCOUNT_SIZE) // bytes, NUL included

static void subject_of(const struct bus_nats *n, enum bus_want how, const account *a,
                       char out[SUBJECT_SIZE])
{
    const int len =
        snprintf(out, SUBJECT_SIZE, "%s.%c.", n->prefix, how == BUS_WATCHED ? 'p' : 'w');

    *hex_encode(out + len, a->bytes, a->len) = '\0';
}

/** It may be gone, and then nobody has to know. */
static void tell_gap(struct bus_nats *n, unsigned front)
{
    pthread_mutex_lock(&n->hub_mutex);
    if (n->hub)
        bus_hub_tell_gap(n->hub, front);
    pthread_mutex_unlock(&n->hub_mutex);
}

static void confirm(struct bus_nats *n, const struct bus_wish *wish)
{
    pthread_mutex_lock(&n->hub_mutex);
    if (n->hub)
        bus_hub_confirm(n->hub, wish);
    pthread_mutex_unlock(&n->hub_mutex);
}

static int64_t now_ms(const struct bus_nats *n)
{
    return n->loop->timers.now_ms;
}

/** Whether to say it now. */
static bool is_due(const struct bus_nats *n, struct seldom *s)
{
    return seldom_is_due(s, now_ms(n), BUS_NATS_WARN_MS, NULL);
}

// Called by nats.c, on threads of its own.

/** @return false: there is no hub to take it */
static bool bring(struct bus_nats *n, const struct bus_event *e)
{
    unsigned n_dropped = 0;

    pthread_mutex_lock(&n->hub_mutex);
    const bool has_hub = n->hub != NULL;
    if (has_hub)
        n_dropped = bus_hub_bring(n->hub, e);
    pthread_mutex_unlock(&n->hub_mutex);
    atomic_fetch_add(&n->n_dropped, n_dropped);
    return has_hub;
}

static void put_announcement(struct bus_nats *n, str bytes)
{
    const size_t waits = sizeof(struct nats_letter) + bytes.len;

    if (bytes.len > NATS_NODE_SIZE) {
        atomic_fetch_add(&n->n_unreadable, 1);
    } else if (!nats_take_room(n, waits)) {
        atomic_fetch_add(&n->n_dropped, 1);
    } else {
        struct nats_letter *l = nats_letter_new(LETTER_NODE, bytes.len);
        l->waits = waits;
        l->n = str_copy(l->bytes, bytes).len;
        nats_put(n, l);
    }
}

static void on_message(void *arg, bool is_of_account, str bytes)
{
    struct bus_nats *n = arg;
    struct bus_event e;

    if (!is_of_account) {
        put_announcement(n, bytes);
    } else if (nats_event_decode(&e, bytes) != 0) {
        atomic_fetch_add(&n->n_unreadable, 1);
    } else if (bring(n, &e)) {
        atomic_fetch_add(&n->n_received, 1);
    }
}

static void on_lost(void *arg)
{
    struct bus_nats *n = arg;
    struct nats_letter *l = nats_letter_new(LETTER_LOST, 0);

    l->link = n->link_number; // the thread waits for us before it makes another one
    nats_put(n, l);
}

static void on_slow(void *arg)
{
    struct bus_nats *n = arg;

    atomic_fetch_add(&n->n_slow, 1);
    if (!atomic_exchange(&n->is_slow, true))
        nats_put(n, nats_letter_new(LETTER_SLOW, 0));
}

// Topics.

struct topic_key {
    enum bus_want how;
    const account *account;
};

static bool is_topic(struct map_node *node, const void *key)
{
    const struct nats_topic *t = container_of(node, struct nats_topic, node);
    const struct topic_key *k = key;

    return t->how == k->how && account_eq(&t->account, k->account);
}

static uint64_t hash_of(const struct bus_nats *n, const struct topic_key *k)
{
    return hash_keyed(n->hash_key, account_str(k->account)) + k->how;
}

static struct nats_topic *find_or_add(struct bus_nats *n, const struct bus_wish *wish)
{
    const struct topic_key key = {wish->how, &wish->account};
    struct map_node *node = map_find(&n->topics, hash_of(n, &key), is_topic, &key);

    if (node)
        return container_of(node, struct nats_topic, node);
    struct nats_topic *t = NEW(struct nats_topic);
    t->how = wish->how;
    t->account = wish->account;
    map_add(&n->topics, &t->node, hash_of(n, &key));
    atomic_fetch_add(&n->n_subjects, 1);
    return t;
}

/** Each of them, which fn may free. */
static void each_topic(struct bus_nats *n, void (*fn)(struct bus_nats *n, struct nats_topic *t))
{
    for (size_t i = 0; i < n->topics.n_buckets; i++) {
        for (struct map_node *node = map_bucket(&n->topics, i), *next = NULL; node;
             node = next) {
            next = node->next;
            fn(n, container_of(node, struct nats_topic, node));
        }
    }
}

static void give_back(struct bus_nats *n, struct nats_topic *t)
{
    (void)n;
    nats_link_unsubscribe(t->subscription);
    t->subscription = NULL;
}

// The link.

/** The subjects stay wanted. */
static void close_link(struct bus_nats *n)
{
    if (!n->link)
        return;
    atomic_store(&n->is_up, false);
    nats_link_close(n->link);
    each_topic(n, give_back);
    nats_link_unsubscribe(n->announcements);
    n->announcements = NULL;
    nats_link_free(n->link);
    n->link = NULL;
}

static void try_later(struct bus_nats *n)
{
    uint32_t chance = 0;

    rand_bytes(n->rand, &chance, sizeof(chance));
    timer_set(&n->loop->timers, &n->again,
              now_ms(n) + BUS_NATS_AGAIN_MS / 2 + chance % BUS_NATS_AGAIN_MS);
}

static void lose(struct bus_nats *n)
{
    if (!n->link)
        return;
    const struct nats_url *u = &n->urls.all[n->at];
    char why[LOG_QUOTE_SIZE];
    atomic_store(&n->is_up, false);
    nats_link_close(n->link);
    log_warn(NULL, "bus_nats_lost", "host=%s port=%u why=%s", u->host, (unsigned)u->port,
             log_quote(why, str_of(nats_link_why(n->link))));
    atomic_fetch_add(&n->n_lost, 1);
    close_link(n);
    n->away_since_ms = now_ms(n);
    try_later(n);
}

int nats_connect(struct bus_nats *n)
{
    static const struct nats_link_handler handler = {on_message, on_lost, on_slow};
    uint32_t first = 0;
    int most = NATS_LINK_AWAY;

    rand_bytes(n->rand, &first, sizeof(first));
    for (size_t i = 0; i < n->urls.n && !atomic_load(&n->is_stopping); i++) {
        n->at = (first + i) % n->urls.n;
        const struct nats_link_config config = {.url = &n->urls.all[n->at],
                                                .name = n->name,
                                                .ca_file = n->ca_file,
                                                .handler = &handler,
                                                .arg = n};
        n->link_number++;
        const int r = nats_link_open(&n->link, &config);
        if (r == 0)
            return 0;
        if (most == NATS_LINK_AWAY)
            most = r;
    }
    return most;
}

static void subscribe(struct bus_nats *n, struct nats_topic *t)
{
    char subject[SUBJECT_SIZE];

    if (!n->link || t->subscription)
        return;
    subject_of(n, t->how, &t->account, subject);
    t->subscription = nats_link_subscribe(n->link, subject, true);
}

/** The server has all that was sent. @return false: it is lost */
static bool flush(struct bus_nats *n, int64_t patience_ms)
{
    if (nats_link_flush(n->link, patience_ms) != 0)
        return false;
    if (!nats_link_is_forbidden(n->link) || !is_due(n, &n->forbidden))
        return true;
    log_error(NULL, "bus_nats_forbidden",
              "why=\"let the user of NATS publish and subscribe what begins with %s.\"",
              n->prefix);
    return true;
}

/** @return false: it is lost already */
static bool subscribe_all(struct bus_nats *n)
{
    char subject[NATS_PREFIX_SIZE + sizeof(".nodes")];

    snprintf(subject, sizeof(subject), "%s.nodes", n->prefix);
    n->announcements = nats_link_subscribe(n->link, subject, false);
    each_topic(n, subscribe);
    return flush(n, BUS_NATS_RESUME_MS);
}

static void come_up(struct bus_nats *n)
{
    const struct nats_url *u = &n->urls.all[n->at];

    log_info(NULL, "bus_nats_up", "host=%s port=%u", u->host, (unsigned)u->port);
    nats_nodes_excuse(&n->nodes, now_ms(n));
    timer_set(&n->loop->timers, &n->announce, now_ms(n));
    atomic_store(&n->is_up, true);
}

static void say_why(struct bus_nats *n, int r)
{
    const int why = nats_refusal_of_link(r);

    if (why == 0 || !is_due(n, &n->refused))
        return;
    log_error(NULL, "bus_nats_refused", "why=\"%s\"",
              bus_nats_remedy((enum bus_nats_refusal)why));
}

static void on_again(struct timer *t)
{
    struct bus_nats *n = container_of(t, struct bus_nats, again);
    const int r = nats_connect(n);

    if (r != 0) {
        say_why(n, r);
        try_later(n);
        return;
    }
    if (!subscribe_all(n)) {
        close_link(n);
        try_later(n);
        return;
    }
    log_info(NULL, "bus_nats_back", "away_ms=%lld", (long long)(now_ms(n) - n->away_since_ms));
    come_up(n);
    tell_gap(n, BUS_HUB_ALL);
}

// Nodes.

static void say_lost(const struct nats_node *node)
{
    char name[LOG_QUOTE_SIZE];

    log_warn(NULL, "bus_node_lost", "name=%s", log_quote(name, nats_node_name(node)));
}

static void say_found(const struct nats_node *node)
{
    char name[LOG_QUOTE_SIZE];

    log_info(NULL, "bus_node_found", "name=%s", log_quote(name, nats_node_name(node)));
}

static void publish(struct bus_nats *n, const char *subject, str bytes)
{
    const int r = n->link ? nats_link_publish(n->link, subject, bytes) : NATS_LINK_AWAY;

    if (r == NATS_LINK_LOST)
        lose(n);
    atomic_fetch_add(r == 0 ? &n->n_published : &n->n_dropped, 1);
}

static void announce(struct bus_nats *n)
{
    char subject[NATS_PREFIX_SIZE + sizeof(".nodes")];
    char bytes[NATS_NODE_SIZE];

    if (!n->link)
        return;
    snprintf(subject, sizeof(subject), "%s.nodes", n->prefix);
    const size_t len = nats_node_encode(bytes, &n->self);
    if (nats_link_publish(n->link, subject, (str){bytes, len}) == NATS_LINK_LOST)
        lose(n);
}

/** Whoever could not be heard, because we were not connected, is not lost. */
static void look_for_the_lost(struct bus_nats *n)
{
    struct nats_node node;
    bool is_any = false;

    while (n->link && nats_nodes_lose(&n->nodes, now_ms(n) - n->node_lost_ms, &node)) {
        say_lost(&node);
        is_any = true;
    }
    atomic_store(&n->n_nodes, n->nodes.n);
    if (is_any)
        tell_gap(n, BUS_HUB_ALL);
}

static void on_announce(struct timer *t)
{
    struct bus_nats *n = container_of(t, struct bus_nats, announce);

    announce(n);
    look_for_the_lost(n);
    timer_set(&n->loop->timers, &n->announce, now_ms(n) + n->node_ms);
}

static void on_node(struct bus_nats *n, const struct nats_letter *l)
{
    struct nats_node node;

    if (nats_node_decode(&node, (str){l->bytes, l->n}) != 0) {
        atomic_fetch_add(&n->n_unreadable, 1);
        return;
    }
    node.heard_ms = now_ms(n);
    const enum nats_heard heard = nats_nodes_heard(&n->nodes, &node);
    atomic_store(&n->n_nodes, n->nodes.n);
    if (heard == NATS_HEARD_NEW)
        say_found(&node);
    if (heard == NATS_HEARD_NEW || heard == NATS_HEARD_ANEW)
        timer_set(&n->loop->timers, &n->announce, now_ms(n)); // it has not heard us yet
    if (heard != NATS_HEARD_ANEW)
        return;
    say_lost(&node);
    tell_gap(n, BUS_HUB_ALL);
}

// What it is told.

static void on_want(struct bus_nats *n, struct nats_letter *l)
{
    struct nats_topic *t = find_or_add(n, &l->wish);

    t->n_wishes++;
    subscribe(n, t);
    if (l->wish.how == BUS_SUBSCRIBED) {
        list_push(&n->to_confirm, &l->node);
    } else {
        free(l);
    }
}

static void on_want_no_more(struct bus_nats *n, const struct bus_wish *wish)
{
    struct nats_topic *t = find_or_add(n, wish);

    assert(t->n_wishes > 0);
    if (--t->n_wishes > 0)
        return;
    nats_link_unsubscribe(t->subscription);
    map_remove(&n->topics, &t->node);
    atomic_fetch_sub(&n->n_subjects, 1);
    free(t);
}

static void tell_slow(struct bus_nats *n)
{
    atomic_store(&n->is_slow, false);
    log_warn(NULL, "bus_nats_slow", "n=%llu", (unsigned long long)atomic_load(&n->n_slow));
    tell_gap(n, BUS_HUB_ALL);
}

static void on_event(struct bus_nats *n, const struct nats_letter *l)
{
    char subject[SUBJECT_SIZE];

    subject_of(n, l->wish.how, &l->wish.account, subject);
    publish(n, subject, (str){l->bytes, l->n});
}

static void stop(struct bus_nats *n)
{
    if (n->link && !flush(n, BUS_NATS_PATIENCE_MS))
        lose(n);
    loop_stop(n->loop);
}

/** @param l  moved */
static void on_letter(struct bus_nats *n, struct nats_letter *l)
{
    atomic_fetch_sub(&n->waits, l->waits);
    switch (l->kind) {
    case LETTER_WANT: on_want(n, l); return;
    case LETTER_WANT_NO_MORE: on_want_no_more(n, &l->wish); break;
    case LETTER_EVENT: on_event(n, l); break;
    case LETTER_NODE: on_node(n, l); break;
    case LETTER_LOST:
        if (l->link == n->link_number)
            lose(n);
        break;
    case LETTER_SLOW: tell_slow(n); break;
    case LETTER_STOP: stop(n); break;
    }
    free(l);
}

/** One question to the server for all that have come meanwhile. If it has no answer, they wait
 * no longer: with the next link there is a gap for all. */
static void confirm_all(struct bus_nats *n)
{
    if (list_is_empty(&n->to_confirm))
        return;
    if (n->link && !flush(n, BUS_NATS_PATIENCE_MS))
        lose(n);
    list_each (node, &n->to_confirm) {
        struct nats_letter *l = container_of(node, struct nats_letter, node);
        if (l->wish.ticket != 0) {
            confirm(n, &l->wish);
        } else if (n->link) {
            tell_gap(n, l->wish.front);
        }
        free(l);
    }
    list_init(&n->to_confirm);
}

static void warn_of_dropped(struct bus_nats *n)
{
    const uint64_t all = atomic_load(&n->n_dropped);

    if (!n->link || all == n->dropped_before || !is_due(n, &n->dropped))
        return;
    log_warn(NULL, "bus_nats_dropped", "n=%llu", (unsigned long long)(all - n->dropped_before));
    n->dropped_before = all;
}

void nats_on_letters(void *arg, struct list *letters)
{
    struct bus_nats *n = arg;

    list_each (node, letters)
        on_letter(n, container_of(node, struct nats_letter, node));
    list_init(letters);
    confirm_all(n);
    warn_of_dropped(n);
}

// Life.

void nats_begin(struct bus_nats *n)
{
    const struct nats_url *u = &n->urls.all[0];

    timer_init(&n->announce, on_announce);
    timer_init(&n->again, on_again);
    if (n->link && subscribe_all(n)) {
        come_up(n);
        return;
    }
    close_link(n);
    log_warn(NULL, "bus_nats_away",
             "host=%s port=%u why=\"start NATS, or correct its URL: until then other nodes hear"
             " later of what happens here\"",
             u->host, (unsigned)u->port);
    n->away_since_ms = now_ms(n);
    try_later(n);
}

static void free_topic(struct bus_nats *n, struct nats_topic *t)
{
    (void)n;
    free(t);
}

void nats_end(struct bus_nats *n)
{
    close_link(n);
    each_topic(n, free_topic);
    map_drop(&n->topics);
}
