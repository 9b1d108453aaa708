#include "bench/ledger.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define FIRST_RECORDS 4
#define SLAB_FLOWS    1024

/** One message of which something may still be said. */
struct record {
    int64_t planned_us;
    int64_t seq; // 0: not known yet
    bool is_acked;
    bool is_refused;
    bool has_arrived;
};

/** The messages of a flow that must not come any more; ascending. */
struct refused {
    size_t n;
    size_t size;
    uint32_t numbers[];
};

/** Two of them a conversation, and there may be a million: each is a line of the cache. What it
 * has beside that is of the messages under way alone. */
struct flow {
    struct map_node node;
    uint32_t from;
    uint32_t to;
    uint32_t next;           // number of the next message
    uint32_t base;           // of the oldest record
    struct records *open;    // of base and what is behind it; NULL: there is none
    struct refused *refused; // of what is forgotten; NULL: none was
    int64_t last_seq;        // of the last that came on the socket
    uint32_t socket;         // that the recipient had when one came last
    uint32_t behind_last;    // number behind the last that came on it; 0: none
};

static_assert(sizeof(struct flow) == 64, "a line of the cache");

/** A ring: number n is at n & (n_slots - 1). */
struct records {
    uint32_t n_slots; // a power of two
    struct records *next_free;
    struct record slots[];
};

struct slab {
    struct slab *next;
    size_t n; // flows of it that are in use
    struct flow flows[SLAB_FLOWS];
};

struct ledger {
    struct map flows;
    struct slab *slabs;    // the first has room
    struct records *spare; // of FIRST_RECORDS each: most messages need one for a moment
    struct ledger_counts counts;
};

struct ledger *ledger_new(void)
{
    return NEW(struct ledger);
}

static void flow_fini(struct ledger *l, struct flow *f)
{
    map_remove(&l->flows, &f->node);
    free(f->open);
    free(f->refused);
}

void ledger_free(struct ledger *l)
{
    while (l->slabs) {
        struct slab *slab = l->slabs;
        l->slabs = slab->next;
        for (size_t i = 0; i < slab->n; i++)
            flow_fini(l, &slab->flows[i]);
        free(slab);
    }
    while (l->spare) {
        struct records *records = l->spare;
        l->spare = records->next_free;
        free(records);
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

static struct flow *new_flow(struct ledger *l)
{
    if (!l->slabs || l->slabs->n == SLAB_FLOWS) {
        struct slab *slab = NEW(struct slab);
        slab->next = l->slabs;
        l->slabs = slab;
    }
    return &l->slabs->flows[l->slabs->n++];
}

struct flow *ledger_flow(struct ledger *l, uint32_t from, uint32_t to)
{
    struct flow *f = find(l, from, to);

    if (f)
        return f;
    f = new_flow(l);
    f->from = from;
    f->to = to;
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
    return &f->open->slots[n & (f->open->n_slots - 1)];
}

static struct records *new_records(struct ledger *l, uint32_t n_slots)
{
    struct records *records = l->spare;

    if (n_slots == FIRST_RECORDS && records) {
        l->spare = records->next_free;
        return records;
    }
    records = mem_alloc(sizeof(*records) + n_slots * sizeof(records->slots[0]));
    records->n_slots = n_slots;
    return records;
}

static void free_records(struct ledger *l, struct records *records)
{
    if (records->n_slots > FIRST_RECORDS) {
        free(records);
        return;
    }
    records->next_free = l->spare;
    l->spare = records;
}

static void grow(struct ledger *l, struct flow *f)
{
    struct records *bigger = new_records(l, f->open->n_slots * 2);

    for (uint32_t n = f->base; n < f->next; n++)
        bigger->slots[n & (bigger->n_slots - 1)] = *record_of(f, n);
    free_records(l, f->open);
    f->open = bigger;
}

static void keep_refused(struct flow *f, uint32_t n)
{
    struct refused *r = f->refused;
    const size_t before = r ? r->n : 0;

    if (!r || r->n == r->size) {
        const size_t size = r ? r->size * 2 : FIRST_RECORDS;
        r = f->refused = mem_resize(r, sizeof(*r) + size * sizeof(r->numbers[0]));
        r->size = size;
    }
    r->numbers[before] = n;
    r->n = before + 1;
}

/** Of one that is forgotten. */
static bool was_refused(const struct flow *f, uint32_t n)
{
    const struct refused *r = f->refused;
    size_t low = 0;
    size_t high = r ? r->n : 0;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (r->numbers[middle] < n) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return r && low < r->n && r->numbers[low] == n;
}

/** Forget the oldest ones that are through. */
static void forget(struct ledger *l, struct flow *f)
{
    while (f->base < f->next) {
        const struct record *r = record_of(f, f->base);
        if (!r->is_refused && !(r->is_acked && r->has_arrived))
            return;
        if (r->is_refused)
            keep_refused(f, f->base);
        f->base++;
    }
    if (f->open)
        free_records(l, f->open);
    f->open = NULL;
}

uint32_t ledger_sent(struct ledger *l, struct flow *f, int64_t planned_us)
{
    if (!f->open)
        f->open = new_records(l, FIRST_RECORDS);
    if (f->next - f->base == f->open->n_slots)
        grow(l, f);
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
    forget(l, f);
}

void ledger_refused(struct ledger *l, struct flow *f, uint32_t n)
{
    struct record *r = record_of(f, n);

    assert(!r->is_acked && !r->is_refused);
    r->is_refused = true;
    l->counts.invented += r->has_arrived;
    forget(l, f);
}

/** One that has come before, or can't come at all. @param r  NULL: it is forgotten */
static void arrived_oddly(struct ledger *l, struct flow *f, const struct arrival *a,
                          const struct record *r)
{
    const bool is_refused = r ? r->is_refused : was_refused(f, a->n);
    const bool is_other = r && r->seq != a->seq; // stored twice, at two places

    if (is_refused || is_other) {
        l->counts.invented++;
    } else if (a->n < f->behind_last) {
        l->counts.duplicated++;
    } else {
        l->counts.redelivered++;
    }
}

/** The first time that it comes. */
static void arrived_first(struct ledger *l, struct flow *f, const struct arrival *a,
                          struct record *r)
{
    if (a->n + 1 < f->behind_last || a->seq <= f->last_seq)
        l->counts.reordered++;
    r->has_arrived = true;
    check_seq(l, r, a->seq);
    l->counts.awaited -= r->is_acked;
}

static void remember(struct flow *f, const struct arrival *a)
{
    if (a->n >= f->behind_last)
        f->behind_last = a->n + 1;
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
        f->behind_last = 0;
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
    forget(l, f);
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
