#include "bench/ledger.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define FIRST_RECORDS 4

/** One message of which something may still be said. */
struct record {
    int64_t planned_us;
    int64_t seq; // 0: not known yet
    bool is_acked;
    bool is_refused;
    bool has_arrived;
};

struct flow {
    struct map_node node;
    uint32_t from;
    uint32_t to;
    uint32_t next;          // number of the next message
    uint32_t base;          // of the oldest record
    uint32_t n_slots;       // a power of two, or 0
    uint32_t socket;        // that the recipient had when one came last
    int64_t last;           // number of the last that came on it, -1: none
    int64_t last_seq;       // of the last that came on it
    struct record *records; // a ring; number n is at n & (n_slots - 1)
    uint32_t *refused;      // of the forgotten ones, which must not come either; ascending
    size_t n_refused;
    size_t refused_size;
};

struct ledger {
    struct map flows;
    struct ledger_counts counts;
};

struct ledger *ledger_new(void)
{
    return NEW(struct ledger);
}

void ledger_free(struct ledger *l)
{
    for (size_t i = 0; i < l->flows.n_buckets; i++) {
        while (l->flows.buckets[i]) {
            struct flow *f = container_of(l->flows.buckets[i], struct flow, node);
            map_remove(&l->flows, &f->node);
            free(f->records);
            free(f->refused);
            free(f);
        }
    }
    map_fini(&l->flows);
    free(l);
}

const struct ledger_counts *ledger_counts(const struct ledger *l)
{
    return &l->counts;
}

static bool is_flow(struct map_node *node, const void *key)
{
    const struct flow *f = container_of(node, struct flow, node);
    const struct flow *want = key;

    return f->from == want->from && f->to == want->to;
}

static uint64_t hash_of(uint32_t from, uint32_t to)
{
    uint64_t h = ((uint64_t)from << 32 | to) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static struct flow *find(struct ledger *l, uint32_t from, uint32_t to)
{
    const struct flow want = {.from = from, .to = to};
    struct map_node *node = map_find(&l->flows, hash_of(from, to), is_flow, &want);

    return node ? container_of(node, struct flow, node) : NULL;
}

struct flow *ledger_flow(struct ledger *l, uint32_t from, uint32_t to)
{
    struct flow *f = find(l, from, to);

    if (f)
        return f;
    f = NEW(struct flow);
    f->from = from;
    f->to = to;
    f->last = -1;
    map_add(&l->flows, &f->node, hash_of(from, to));
    return f;
}

uint32_t flow_to(const struct flow *f)
{
    return f->to;
}

/** Of one that is not forgotten. */
static struct record *record_of(struct flow *f, uint32_t n)
{
    assert(n >= f->base && n < f->next);
    return &f->records[n & (f->n_slots - 1)];
}

static void grow(struct flow *f)
{
    const uint32_t n_slots = f->n_slots ? f->n_slots * 2 : FIRST_RECORDS;
    struct record *records = mem_alloc(n_slots * sizeof(*records));

    for (uint32_t n = f->base; n < f->next; n++)
        records[n & (n_slots - 1)] = f->records[n & (f->n_slots - 1)];
    free(f->records);
    f->records = records;
    f->n_slots = n_slots;
}

static void keep_refused(struct flow *f, uint32_t n)
{
    if (f->n_refused == f->refused_size) {
        f->refused_size = f->refused_size ? f->refused_size * 2 : FIRST_RECORDS;
        f->refused = mem_resize(f->refused, f->refused_size * sizeof(*f->refused));
    }
    f->refused[f->n_refused++] = n;
}

/** Of one that is forgotten. */
static bool was_refused(const struct flow *f, uint32_t n)
{
    size_t low = 0;
    size_t high = f->n_refused;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (f->refused[middle] < n) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < f->n_refused && f->refused[low] == n;
}

/** Forget the oldest ones that are through. */
static void forget(struct flow *f)
{
    while (f->base < f->next) {
        const struct record *r = record_of(f, f->base);
        if (!r->is_refused && !(r->is_acked && r->has_arrived))
            return;
        if (r->is_refused)
            keep_refused(f, f->base);
        f->base++;
    }
}

uint32_t ledger_sent(struct flow *f, int64_t planned_us)
{
    if (f->next - f->base == f->n_slots)
        grow(f);
    const uint32_t n = f->next++;
    *record_of(f, n) = (struct record){.planned_us = planned_us};
    return n;
}

/** Both ends must name the same place in the conversation. */
static void check_seq(struct ledger *l, struct record *r, int64_t seq)
{
    if (r->seq != 0 && r->seq != seq)
        l->counts.invented++;
    r->seq = seq;
}

void ledger_acked(struct ledger *l, struct flow *f, uint32_t n, int64_t seq)
{
    struct record *r = record_of(f, n);

    assert(!r->is_acked && !r->is_refused);
    r->is_acked = true;
    check_seq(l, r, seq);
    l->counts.awaited += !r->has_arrived;
    forget(f);
}

void ledger_refused(struct ledger *l, struct flow *f, uint32_t n)
{
    struct record *r = record_of(f, n);

    assert(!r->is_acked && !r->is_refused);
    r->is_refused = true;
    l->counts.invented += r->has_arrived;
    forget(f);
}

/** One that has come before, or can't come at all. @param r  NULL: it is forgotten */
static void arrived_oddly(struct ledger *l, struct flow *f, const struct arrival *a,
                          const struct record *r)
{
    const bool is_refused = r ? r->is_refused : was_refused(f, a->n);
    const bool is_other = r && r->seq != a->seq; // stored twice, at two places

    if (is_refused || is_other) {
        l->counts.invented++;
    } else if ((int64_t)a->n <= f->last) {
        l->counts.duplicated++;
    } else {
        l->counts.redelivered++;
    }
}

/** The first time that it comes. */
static void arrived_first(struct ledger *l, struct flow *f, const struct arrival *a,
                          struct record *r)
{
    if ((int64_t)a->n < f->last || a->seq <= f->last_seq)
        l->counts.reordered++;
    r->has_arrived = true;
    check_seq(l, r, a->seq);
    l->counts.awaited -= r->is_acked;
}

static void remember(struct flow *f, const struct arrival *a)
{
    if ((int64_t)a->n > f->last)
        f->last = a->n;
    if (a->seq > f->last_seq)
        f->last_seq = a->seq;
}

bool ledger_arrived(struct ledger *l, const struct arrival *a, int64_t *planned_us)
{
    struct flow *f = find(l, a->from, a->to);

    if (!f || a->n >= f->next) {
        l->counts.invented++;
        return false;
    }
    if (a->socket != f->socket) {
        f->socket = a->socket;
        f->last = -1;
        f->last_seq = 0;
    }
    struct record *r = a->n < f->base ? NULL : record_of(f, a->n);
    const bool is_first = r && !r->has_arrived && !r->is_refused;
    if (is_first) {
        *planned_us = r->planned_us;
        arrived_first(l, f, a, r);
    } else {
        arrived_oddly(l, f, a, r);
    }
    remember(f, a);
    forget(f);
    return is_first;
}

void ledger_arrived_unsent(struct ledger *l)
{
    l->counts.invented++;
}

void ledger_count_lost(struct ledger *l)
{
    l->counts.lost += l->counts.awaited;
    l->counts.awaited = 0;
}
