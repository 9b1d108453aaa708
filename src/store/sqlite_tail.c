#include "store/sqlite_tail.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/loop.h"

#define STATE_STEP 16 // bytes: so much it may grow in place
#define FETCH_LINE 64 // of the processor's cache

/** All of it is the generation's arena's. */
struct tail_node {
    struct map_node by_id;
    struct tail_node *next;  // in the generation
    struct tail_node *of[2]; // the next one of its accounts, by side
    struct tail_account *accounts[2];
    conversation_id id;
    uint64_t since; // the moment
    uint64_t first_seq;
    struct tail_entry *entries;
    uint32_t n_entries;
    uint32_t n_room; // for entries
    uint16_t n_state;
    uint16_t n_state_room;
    uint8_t *state; // pack_thread()
};

struct tail_account {
    struct map_node by_account;
    struct tail_account *next;
    int64_t id;
    struct tail_node *threads[2]; // by the account's side; of[side] is the next
    account account;
};

struct tail_gen {
    unsigned n_holders;
    uint64_t serial; // from 1
    struct tail_end end;
    struct arena arena;
    struct map by_id;
    struct map by_account;
    struct tail_node *nodes;
    struct tail_account *accounts;
};

static struct tail_gen *gen_new(uint64_t serial)
{
    struct tail_gen *g = NEW(struct tail_gen);

    g->serial = serial;
    g->n_holders = 1;
    return g;
}

static void gen_free(struct tail_gen *g)
{
    map_drop(&g->by_id);
    map_drop(&g->by_account);
    arena_fini(&g->arena);
    free(g);
}

void tail_init(struct tail *t, const uint8_t key[HASH_KEY_SIZE])
{
    pthread_condattr_t steady;

    *t = (struct tail){.young = gen_new(1)};
    memcpy(t->key, key, HASH_KEY_SIZE);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&t->filled, &steady);
    pthread_condattr_destroy(&steady);
}

void tail_fini(struct tail *t)
{
    if (!t->young)
        return;
    gen_free(t->young);
    if (t->old)
        gen_free(t->old);
    pthread_cond_destroy(&t->filled);
    pthread_mutex_destroy(&t->mutex);
    *t = (struct tail){0};
}

// Holding.

void tail_hold(struct tail *t, struct tail_view *v)
{
    pthread_mutex_lock(&t->mutex);
    *v = (struct tail_view){.tail = t, .gens = {t->young, t->old}, .upto = t->position};
    for (unsigned i = 0; i < 2; i++) {
        if (v->gens[i])
            v->gens[i]->n_holders++;
    }
    pthread_mutex_unlock(&t->mutex);
}

/** With the mutex. @return what is to be freed without it, or NULL */
static struct tail_gen *let_go(struct tail_gen *g)
{
    return g && --g->n_holders == 0 ? g : NULL;
}

void tail_release(struct tail_view *v)
{
    struct tail_gen *over[2];

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2; i++)
        over[i] = let_go(v->gens[i]);
    pthread_mutex_unlock(&v->tail->mutex);
    for (unsigned i = 0; i < 2; i++) {
        if (over[i])
            gen_free(over[i]);
    }
    *v = (struct tail_view){0};
}

// Looking.

static bool is_id(struct map_node *node, const void *key)
{
    return container_of(node, struct tail_node, by_id)->id == *(const conversation_id *)key;
}

static struct tail_node *find(const struct tail_gen *g, conversation_id id)
{
    struct map_node *node = g ? map_find(&g->by_id, hash_number(id), is_id, &id) : NULL;
    return node ? container_of(node, struct tail_node, by_id) : NULL;
}

static void unpack_sides(const struct tail_node *n, struct thread_side sides[2],
                         struct thread_keys *keys)
{
    const int r = unpack_thread((str){(const char *)n->state, n->n_state}, sides, keys);

    assert(r == 0);
    (void)r;
    for (unsigned side = 0; side < 2; side++) {
        sides[side].account = n->accounts[side]->account;
        sides[side].id = n->accounts[side]->id;
    }
}

static void unpack(struct tail_view *v, const struct tail_node *n, struct tail_thread *out)
{
    out->id = n->id;
    out->spot = (struct tail_spot){0};
    unpack_sides(n, out->sides, &out->keys);
    v->is_passed |= sides_position(out->sides) > v->upto;
}

bool tail_find(struct tail_view *v, conversation_id id, struct tail_thread *out)
{
    pthread_mutex_lock(&v->tail->mutex);
    struct tail_node *young = find(v->gens[0], id);
    const struct tail_node *n = young ? young : find(v->gens[1], id);
    if (n)
        unpack(v, n, out);
    out->spot = (struct tail_spot){young, v->gens[0]->serial};
    pthread_mutex_unlock(&v->tail->mutex);
    return n;
}

int64_t tail_place(const struct tail_view *v, conversation_id id, uint64_t seq)
{
    int64_t position = 0;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2 && position == 0; i++) {
        const struct tail_node *n = find(v->gens[i], id);
        if (n && seq >= n->first_seq && seq - n->first_seq < n->n_entries)
            position = n->entries[seq - n->first_seq].position;
    }
    pthread_mutex_unlock(&v->tail->mutex);
    return position;
}

size_t tail_keyed(const struct tail_view *v, conversation_id id, uint32_t hash, int64_t *out,
                  size_t max)
{
    size_t n_found = 0;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2; i++) {
        const struct tail_node *n = find(v->gens[i], id);
        for (size_t k = 0; n && k < n->n_entries && n_found < max; k++) {
            if (n->entries[k].hash == hash && n->entries[k].position != 0)
                out[n_found++] = n->entries[k].position;
        }
    }
    pthread_mutex_unlock(&v->tail->mutex);
    return n_found;
}

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct tail_account, by_account)->account, key);
}

static struct tail_account *find_account(const struct tail *t, const struct tail_gen *g,
                                         const account *a)
{
    struct map_node *node =
        map_find(&g->by_account, hash_keyed(t->key, account_str(a)), is_account, a);
    return node ? container_of(node, struct tail_account, by_account) : NULL;
}

bool tail_had(const struct tail_view *v, conversation_id id, uint64_t moment)
{
    bool had = false;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2 && !had; i++) {
        const struct tail_node *n = find(v->gens[i], id);
        had = n && n->since <= moment;
    }
    pthread_mutex_unlock(&v->tail->mutex);
    return had;
}

static void add_found(struct tail_found *f, const struct tail_thread *t)
{
    if ((f->n & (f->n - 1)) == 0)
        f->threads = mem_resize(f->threads, (f->n > 0 ? 2 * f->n : 1) * sizeof(*f->threads));
    f->threads[f->n++] = *t;
}

struct tail_question {
    struct tail_view *view;
    const account *of;
    tail_filter_fn *filter;
    const void *arg;
};

/** @param newer  has what is newer of the same conversations, or NULL */
static void select_in(const struct tail_question *q, const struct tail_gen *g,
                      const struct tail_gen *newer, struct tail_found *f)
{
    const struct tail_account *of = g ? find_account(q->view->tail, g, q->of) : NULL;

    for (unsigned side = 0; of && side < 2; side++) {
        for (const struct tail_node *n = of->threads[side]; n; n = n->of[side]) {
            if (find(newer, n->id))
                continue;
            struct tail_thread t;
            unpack(q->view, n, &t);
            if (q->filter(&t, side, q->arg))
                add_found(f, &t);
        }
    }
}

struct tail_found tail_select(struct tail_view *v, const account *a, tail_filter_fn *filter,
                              const void *arg)
{
    const struct tail_question q = {.view = v, .of = a, .filter = filter, .arg = arg};
    struct tail_found f = {0};

    pthread_mutex_lock(&v->tail->mutex);
    f.moment = v->tail->moment;
    select_in(&q, v->gens[0], NULL, &f);
    select_in(&q, v->gens[1], v->gens[0], &f);
    pthread_mutex_unlock(&v->tail->mutex);
    return f;
}

// Growing.

static struct tail_account *find_or_add(const struct tail *t, struct tail_gen *g,
                                        const struct thread_side *side)
{
    struct tail_account *of = find_account(t, g, &side->account);

    if (of)
        return of;
    of = arena_alloc(&g->arena, sizeof(*of));
    of->account = side->account;
    of->id = side->id;
    of->next = g->accounts;
    g->accounts = of;
    map_add(&g->by_account, &of->by_account, hash_keyed(t->key, account_str(&of->account)));
    return of;
}

/** Looked for once a generation, where its mailbox is known. */
static struct tail_account *account_in(const struct tail *t, struct tail_gen *g,
                                       const struct thread_side *side)
{
    struct mailbox *m = side->mailbox;

    if (!m)
        return find_or_add(t, g, side);
    if (m->in_generation != g->serial) {
        m->in_tail = find_or_add(t, g, side);
        m->in_generation = g->serial;
    }
    return m->in_tail;
}

static struct tail_node *add(struct tail *t, struct tail_gen *g, const struct thread *thread)
{
    struct tail_node *n = arena_alloc(&g->arena, sizeof(*n));

    n->id = thread->id;
    n->since = ++t->moment;
    n->next = g->nodes;
    g->nodes = n;
    map_add(&g->by_id, &n->by_id, hash_number(n->id));
    for (unsigned side = 0; side < 2; side++) {
        struct tail_account *of = account_in(t, g, &thread->sides[side]);
        n->accounts[side] = of;
        n->of[side] = of->threads[side];
        of->threads[side] = n;
    }
    return n;
}

/** Room for so many: what was there before is wasted until the generation ends. */
static void grow_entries(struct tail_gen *g, struct tail_node *n, size_t n_all)
{
    if (n_all <= n->n_room)
        return;
    const size_t n_room = n_all > 2 * (size_t)n->n_room ? n_all : 2 * (size_t)n->n_room;
    struct tail_entry *entries = arena_alloc(&g->arena, n_room * sizeof(*entries));
    if (n->n_entries > 0)
        memcpy(entries, n->entries, n->n_entries * sizeof(*entries));
    n->entries = entries;
    n->n_room = (uint32_t)n_room;
}

/** Where rows are gone there are none of them in between. */
static void take_entries(struct tail_gen *g, struct tail_node *n, struct thread *thread)
{
    if (thread->n_fresh == 0)
        return;
    if (n->n_entries == 0)
        n->first_seq = thread->fresh_seq;
    assert(thread->fresh_seq >= n->first_seq + n->n_entries);
    const size_t at = thread->fresh_seq - n->first_seq;
    grow_entries(g, n, at + thread->n_fresh); // zeroes
    memcpy(n->entries + at, thread->fresh, thread->n_fresh * sizeof(*n->entries));
    n->n_entries = (uint32_t)(at + thread->n_fresh);
    thread->n_fresh = 0;
}

static void take_state(struct tail_gen *g, struct tail_node *n, const uint8_t *state,
                       size_t size)
{
    if (size > n->n_state_room) {
        n->n_state_room = (uint16_t)(size / STATE_STEP * STATE_STEP + STATE_STEP);
        n->state = arena_alloc(&g->arena, n->n_state_room);
    }
    memcpy(n->state, state, size);
    n->n_state = (uint16_t)size;
}

/** Looked for once a generation. */
static struct tail_node *node_in(struct tail *t, struct tail_gen *g, struct thread *thread)
{
    struct tail_spot *spot = &thread->in_tail;

    if (spot->generation != g->serial)
        *spot = (struct tail_spot){find(g, thread->id), g->serial};
    if (!spot->node)
        spot->node = add(t, g, thread);
    return spot->node;
}

void tail_begin_group(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
}

void tail_put(struct tail *t, struct thread *thread)
{
    uint8_t state[PACK_THREAD_SIZE];
    const size_t size = pack_thread(state, thread->sides, &thread->keys);
    struct tail_node *n = node_in(t, t->young, thread);

    take_state(t->young, n, state, size);
    take_entries(t->young, n, thread);
}

void tail_end_group(struct tail *t, int64_t position)
{
    t->position = position;
    pthread_mutex_unlock(&t->mutex);
}

size_t tail_cost(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
    const struct tail_gen *g = t->young;
    const size_t cost = g->arena.size + map_cost(&g->by_id) + map_cost(&g->by_account);
    pthread_mutex_unlock(&t->mutex);
    return cost;
}

bool tail_is_filling(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
    const bool is = t->old;
    pthread_mutex_unlock(&t->mutex);
    return is;
}

void tail_await_filled(struct tail *t, unsigned ms)
{
    const int64_t until_ns = loop_now_ns() + ms * INT64_C(1000000);
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    int r = 0;

    pthread_mutex_lock(&t->mutex);
    while (t->old && r == 0)
        r = pthread_cond_timedwait(&t->filled, &t->mutex, &until);
    pthread_mutex_unlock(&t->mutex);
}

void tail_age(struct tail *t, struct tail_end end)
{
    struct tail_gen *young = gen_new(t->young->serial + 1);

    pthread_mutex_lock(&t->mutex);
    assert(!t->old);
    t->old = t->young;
    t->old->end = end;
    t->young = young;
    pthread_mutex_unlock(&t->mutex);
}

// Filling the index.

const struct tail_gen *tail_old(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
    const struct tail_gen *g = t->old;
    pthread_mutex_unlock(&t->mutex);
    return g;
}

struct tail_end tail_gen_end(const struct tail_gen *g)
{
    return g->end;
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

struct by_id {
    conversation_id id; // beside the node, which is somewhere else in memory
    const struct tail_node *node;
};

static int by_id(const void *a, const void *b)
{
    return compare(((const struct by_id *)a)->id, ((const struct by_id *)b)->id);
}

const struct tail_node **tail_gen_threads(const struct tail_gen *g, size_t *n)
{
    const size_t n_all = g->by_id.n_nodes;
    struct by_id *sorted = mem_alloc((n_all + 1) * sizeof(*sorted));
    const struct tail_node **all =
        (const struct tail_node **)mem_alloc((n_all + 1) * sizeof(void *));

    *n = 0;
    for (const struct tail_node *node = g->nodes; node; node = node->next)
        sorted[(*n)++] = (struct by_id){node->id, node};
    qsort(sorted, *n, sizeof(*sorted), by_id);
    for (size_t i = 0; i < *n; i++)
        all[i] = sorted[i].node;
    free(sorted);
    return all;
}

static int by_account_id(const void *a, const void *b)
{
    return compare((uint64_t)(*(const struct tail_account *const *)a)->id,
                   (uint64_t)(*(const struct tail_account *const *)b)->id);
}

const struct tail_account **tail_gen_accounts(const struct tail_gen *g, size_t *n)
{
    const struct tail_account **all =
        (const struct tail_account **)mem_alloc((g->by_account.n_nodes + 1) * sizeof(void *));

    *n = 0;
    for (const struct tail_account *a = g->accounts; a; a = a->next)
        all[(*n)++] = a;
    qsort((void *)all, *n, sizeof(void *), by_account_id);
    return all;
}

void tail_fetch(const struct tail_node *node)
{
    __builtin_prefetch(node);
    __builtin_prefetch((const char *)node + FETCH_LINE);
}

void tail_fetch_item(const struct tail_node *node)
{
    __builtin_prefetch(node->state);
    __builtin_prefetch(node->state + FETCH_LINE);
    __builtin_prefetch(node->entries);
}

struct tail_item tail_item_of(const struct tail_node *node)
{
    return (struct tail_item){.id = node->id,
                              .state = {(const char *)node->state, node->n_state},
                              .first_seq = node->first_seq,
                              .n_entries = node->n_entries,
                              .entries = node->entries};
}

int64_t tail_account_id(const struct tail_account *a)
{
    return a->id;
}

static int by_member_id(const void *a, const void *b)
{
    return compare(((const struct member *)a)->id, ((const struct member *)b)->id);
}

/** A conversation of an account. */
struct of_account {
    const struct tail_node *node;
    unsigned side; // the account's
};

/** @return owned; their states are on their way */
static struct of_account *nodes_of(const struct tail_account *a, size_t *n)
{
    struct of_account *all = NULL;

    *n = 0;
    for (unsigned side = 0; side < 2; side++) {
        for (const struct tail_node *node = a->threads[side]; node; node = node->of[side]) {
            if ((*n & (*n - 1)) == 0)
                all = mem_resize(all, (*n > 0 ? 2 * *n : 1) * sizeof(*all));
            all[(*n)++] = (struct of_account){node, side};
            tail_fetch_item(node);
        }
    }
    return all;
}

struct member *tail_account_members(const struct tail_account *a, size_t *n)
{
    struct of_account *nodes = nodes_of(a, n);
    struct member *all = mem_alloc((*n + 1) * sizeof(*all));

    for (size_t i = 0; i < *n; i++) {
        struct thread_side sides[2];
        struct thread_keys keys;
        unpack_sides(nodes[i].node, sides, &keys);
        all[i] = member_of(nodes[i].node->id, sides, nodes[i].side);
    }
    free(nodes);
    qsort(all, *n, sizeof(*all), by_member_id);
    return all;
}

void tail_drop_old(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
    struct tail_gen *over = let_go(t->old);
    t->old = NULL;
    pthread_cond_signal(&t->filled);
    pthread_mutex_unlock(&t->mutex);
    if (over)
        gen_free(over);
}
