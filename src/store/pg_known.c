#include "store/pg_known.h"

#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SLOTS 4

void pg_known_init(struct pg_all_known *all)
{
    *all = (struct pg_all_known){0};
    list_init(&all->used);
}

static void forget_first(struct pg_all_known *all)
{
    struct pg_known *k = container_of(all->used.next, struct pg_known, node);

    list_remove(&k->node);
    map_remove(&all->by_id, &k->by_id);
    free(k->recent);
    free(k);
}

void pg_known_fini(struct pg_all_known *all)
{
    while (!list_is_empty(&all->used))
        forget_first(all);
    map_fini(&all->by_id);
}

static bool is_id(struct map_node *node, const void *key)
{
    return container_of(node, struct pg_known, by_id)->id == *(const conversation_id *)key;
}

struct pg_known *pg_known_find(struct pg_all_known *all, conversation_id id)
{
    struct map_node *node = map_find(&all->by_id, hash_number(id), is_id, &id);

    if (!node)
        return NULL;
    struct pg_known *k = container_of(node, struct pg_known, by_id);
    list_remove(&k->node);
    list_push(&all->used, &k->node);
    return k;
}

struct pg_known *pg_known_get(struct pg_all_known *all, conversation_id id)
{
    struct pg_known *k = pg_known_find(all, id);

    if (k)
        return k;
    if (all->by_id.n_nodes == PG_KNOWN_KEPT)
        forget_first(all);
    k = NEW(struct pg_known);
    k->id = id;
    map_add(&all->by_id, &k->by_id, hash_number(id));
    list_push(&all->used, &k->node);
    return k;
}

void pg_known_set(struct pg_known *k, const struct pg_sides *sides, int64_t changed_pos)
{
    k->sides = *sides;
    k->changed_pos = changed_pos;
    k->floor = sides->last.seq;
    k->n_recent = 0;
}

static void forget_recent(struct pg_known *k, uint32_t n)
{
    k->n_recent -= n;
    k->floor += n;
    memmove(k->recent, k->recent + n, k->n_recent * sizeof(*k->recent));
}

/** How many both sides have read: a mark never goes back. */
static uint32_t n_read(const struct pg_known *k)
{
    uint64_t seq = k->floor + k->n_recent;

    for (unsigned side = 0; side < 2; side++) {
        const uint64_t read = k->sides.of[side].marks[CHAT_MARK_READ].seq;
        seq = read < seq ? read : seq;
    }
    return seq > k->floor ? (uint32_t)(seq - k->floor) : 0;
}

static void make_room(struct pg_known *k)
{
    if (k->n_recent < k->n_slots)
        return;
    const uint32_t n = n_read(k);
    if (n > 0 || k->n_slots == PG_RECENT_KEPT) {
        forget_recent(k, n > 0 ? n : PG_RECENT_KEPT / 2);
        return;
    }
    k->n_slots = k->n_slots ? 2 * k->n_slots : FIRST_SLOTS;
    k->recent = mem_resize(k->recent, k->n_slots * sizeof(*k->recent));
}

void pg_known_add(struct pg_known *k, const struct pg_recent *message)
{
    make_room(k);
    k->recent[k->n_recent++] = *message;
}

static bool is_visible(const struct pg_recent *m, unsigned side)
{
    return m->side != side && !m->is_withheld;
}

bool pg_known_count(const struct pg_known *k, unsigned side, uint64_t from, uint64_t to,
                    struct tally *out)
{
    const uint64_t last = k->floor + k->n_recent;

    *out = (struct tally){0};
    for (uint64_t seq = from + 1; from >= k->floor && seq <= to && seq <= last; seq++) {
        const struct pg_recent *m = &k->recent[seq - k->floor - 1];
        out->n += is_visible(m, side);
        out->bytes += is_visible(m, side) ? m->bytes : 0;
    }
    return from >= k->floor;
}

bool pg_known_first(const struct pg_known *k, unsigned side, uint64_t seq, int64_t *out)
{
    *out = 0;
    for (uint64_t i = seq - k->floor; seq >= k->floor && i < k->n_recent && *out == 0; i++)
        *out = is_visible(&k->recent[i], side) ? k->recent[i].position : 0;
    return seq >= k->floor;
}
