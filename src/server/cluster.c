#include "server/cluster.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "crypto/random.h"
#include "io/inbox.h"

#define TOLD_EVERY_MS 60000 // between two warnings that say the same
#define KEPT_MS       (INT64_C(2) * STORE_NODES_MS)

/** Another one. */
struct other {
    unsigned number;
    struct node_url url;
};

struct cluster {
    struct loop *loop;
    struct store_nodes *nodes;
    struct timer timer;
    int64_t begun_ms; // the last look
    bool is_looking;
    struct inbox *inbox;
    struct seldom told_taken;
    struct seldom told_away; // since the database was there last
    int64_t keeps_ms;        // until then others stay that the table does not have
    pthread_mutex_t mutex;   // of what follows
    size_t n_others;
    struct other *others; // by number
    bool is_taken;
    bool is_wanted;    // a look, as soon as it may be
    uint64_t n_begun;  // looks
    uint64_t n_looked; // those that are over
    struct list wake;  // in the inbox while is_wanted
};

// Who is there.

/** What the table has was written by a node; or by hand. */
static size_t read_others(struct other *out, const struct store_node *nodes, size_t n,
                          unsigned own)
{
    size_t n_others = 0;

    for (size_t i = 0; i < n; i++) {
        struct other *o = &out[n_others];
        o->number = nodes[i].number;
        if (o->number == own)
            continue;
        if (node_url_parse(&o->url, str_of(nodes[i].url)) == 0) {
            n_others++;
        } else {
            log_warn(NULL, "cluster_url_bad", "node=%u", o->number);
        }
    }
    return n_others;
}

static bool has_number(const struct other *others, size_t n, unsigned number)
{
    size_t i = 0;

    while (i < n && others[i].number != number)
        i++;
    return i < n;
}

/** The database was away, so nobody could say that they are there: as soon as it is back they
 * do.
 * @return n, and those that were kept */
static size_t keep_others(const struct cluster *c, struct other *out, size_t n)
{
    for (size_t i = 0; i < c->n_others; i++) {
        if (has_number(out, n, c->others[i].number))
            continue;
        size_t at = n++;
        for (; at > 0 && out[at - 1].number > c->others[i].number; at--)
            out[at] = out[at - 1];
        out[at] = c->others[i];
    }
    return n;
}

static bool are_same(const struct cluster *c, const struct other *others, size_t n)
{
    bool same = n == c->n_others;

    for (size_t i = 0; i < n && same; i++)
        same = others[i].number == c->others[i].number;
    return same;
}

static void take(struct cluster *c, const struct store_node *nodes, size_t n, bool is_taken)
{
    struct other *others = mem_alloc((n + c->n_others + 1) * sizeof(*others));
    size_t n_others = read_others(others, nodes, n, cluster_number(c));

    if (c->loop->timers.now_ms < c->keeps_ms)
        n_others = keep_others(c, others, n_others);

    if (!are_same(c, others, n_others))
        log_info(NULL, "cluster_nodes", "others=%zu", n_others);
    pthread_mutex_lock(&c->mutex);
    struct other *old = c->others;
    c->others = others;
    c->n_others = n_others;
    c->is_taken = is_taken;
    pthread_mutex_unlock(&c->mutex);
    free(old);
}

bool cluster_find(struct cluster *c, unsigned number, struct node_url *out)
{
    bool found = false;

    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < c->n_others && !found; i++) {
        found = c->others[i].number == number;
        if (found)
            *out = c->others[i].url;
    }
    pthread_mutex_unlock(&c->mutex);
    return found;
}

unsigned cluster_number(const struct cluster *c)
{
    return store_nodes_number(c->nodes);
}

struct cluster_numbers cluster_numbers(struct cluster *c)
{
    pthread_mutex_lock(&c->mutex);
    const struct cluster_numbers n = {.nodes = c->n_others + 1, .is_taken = c->is_taken};
    pthread_mutex_unlock(&c->mutex);
    return n;
}

// Saying that we are, and looking who else is.

static bool is_wanted(struct cluster *c)
{
    pthread_mutex_lock(&c->mutex);
    const bool is = c->is_wanted;
    pthread_mutex_unlock(&c->mutex);
    return is;
}

static void rest(struct cluster *c)
{
    timer_set(&c->loop->timers, &c->timer,
              c->begun_ms + (is_wanted(c) ? CLUSTER_LOOK_MS : STORE_NODES_MS));
}

static void on_wanted(void *arg, struct list *items)
{
    struct cluster *c = arg;

    (void)list_shift(items);
    if (!c->is_looking)
        rest(c);
}

uint64_t cluster_look(struct cluster *c)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->is_wanted)
        inbox_put_one(c->inbox, &c->wake);
    c->is_wanted = true;
    const uint64_t ticket = c->n_begun + 1;
    pthread_mutex_unlock(&c->mutex);
    return ticket;
}

bool cluster_has_looked(struct cluster *c, uint64_t ticket)
{
    pthread_mutex_lock(&c->mutex);
    const bool has = c->n_looked >= ticket;
    pthread_mutex_unlock(&c->mutex);
    return has;
}

static void note_begun(struct cluster *c)
{
    c->is_looking = true;
    c->begun_ms = c->loop->timers.now_ms;
    pthread_mutex_lock(&c->mutex);
    c->n_begun++;
    c->is_wanted = false;
    pthread_mutex_unlock(&c->mutex);
}

static void note_looked(struct cluster *c)
{
    c->is_looking = false;
    pthread_mutex_lock(&c->mutex);
    c->n_looked = c->n_begun;
    pthread_mutex_unlock(&c->mutex);
}

static bool is_to_be_told(const struct cluster *c, struct seldom *told)
{
    return seldom_is_due(told, c->loop->timers.now_ms, TOLD_EVERY_MS, NULL);
}

static void on_announced(void *arg, int r, const struct store_node *nodes, size_t n)
{
    struct cluster *c = arg;

    if (r == STORE_NODES_UNAVAILABLE) {
        if (is_to_be_told(c, &c->told_away))
            log_warn(NULL, "cluster_unsaid", "means=\"others may hold this node for gone\"");
    } else {
        if (c->told_away.has_said)
            c->keeps_ms = c->loop->timers.now_ms + KEPT_MS;
        c->told_away = (struct seldom){0};
        take(c, nodes, n, r == STORE_NODES_TAKEN);
    }
    if (r == STORE_NODES_TAKEN && is_to_be_told(c, &c->told_taken)) {
        log_error(NULL, "cluster_taken",
                  "why=\"give each server a --node of its own, and start them again: another "
                  "one has the name of this one, or its number\"");
    }
    note_looked(c);
    rest(c);
}

static void on_time(struct timer *t)
{
    struct cluster *c = container_of(t, struct cluster, timer);

    note_begun(c);
    store_nodes_announce(c->nodes, on_announced, c);
}

// Life.

struct cluster *cluster_new(void)
{
    struct cluster *c = NEW(struct cluster);

    pthread_mutex_init(&c->mutex, NULL);
    timer_init(&c->timer, on_time);
    return c;
}

int cluster_join(struct cluster *c, const char *postgres, const char *name)
{
    const struct store_nodes_config config = {
        .postgres = postgres, .name = name, .rand = crypto_random()};

    return store_nodes_open(&c->nodes, &config);
}

int cluster_start(struct cluster *c, struct loop *l, const struct node_url *url)
{
    char text[STORE_NODE_URL_MAX + 1];

    node_url_print(text, url);
    int r = inbox_new(&c->inbox, l, on_wanted, c);
    if (r == 0)
        r = store_nodes_start(c->nodes, l, text);
    if (r < 0)
        return err_up(r);
    c->loop = l;
    log_info(NULL, "cluster_joined", "number=%u url=%s", cluster_number(c), text);
    timer_set(&l->timers, &c->timer, l->timers.now_ms);
    return 0;
}

void cluster_close(struct cluster *c)
{
    struct list left;

    if (!c)
        return;
    if (c->loop)
        timer_cancel(&c->loop->timers, &c->timer);
    store_nodes_close(c->nodes);
    if (c->inbox)
        inbox_free(c->inbox, &left);
    pthread_mutex_destroy(&c->mutex);
    free(c->others);
    free(c);
}
