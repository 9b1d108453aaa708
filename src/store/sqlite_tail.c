#include "store/sqlite_tail.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/loop.h"

struct tail_node {
    struct map_node by_id;
    struct list node;  // in the generation
    struct list of[2]; // in those of its accounts, by side
    struct tail_thread thread;
    uint64_t since; // the moment
    uint64_t first_seq;
    size_t n_entries;
    size_t n_room;
    struct tail_entry *entries;
};

struct tail_account {
    struct map_node by_account;
    struct list node;
    account account;
    struct list threads[2]; // of struct tail_node, by the account's side
};

struct tail_gen {
    unsigned n_holders;
    size_t cost;
    struct tail_end end;
    struct map by_id;
    struct map by_account;
    struct list nodes;
    struct list accounts;
};

static struct tail_gen *gen_new(void)
{
    struct tail_gen *g = NEW(struct tail_gen);

    g->n_holders = 1;
    list_init(&g->nodes);
    list_init(&g->accounts);
    return g;
}

static void gen_free(struct tail_gen *g)
{
    while (!list_is_empty(&g->nodes)) {
        struct tail_node *n = container_of(list_shift(&g->nodes), struct tail_node, node);
        map_remove(&g->by_id, &n->by_id);
        free(n->entries);
        free(n);
    }
    while (!list_is_empty(&g->accounts)) {
        struct tail_account *a =
            container_of(list_shift(&g->accounts), struct tail_account, node);
        map_remove(&g->by_account, &a->by_account);
        free(a);
    }
    map_fini(&g->by_id);
    map_fini(&g->by_account);
    free(g);
}

void tail_init(struct tail *t, const uint8_t key[HASH_KEY_SIZE])
{
    pthread_condattr_t steady;

    *t = (struct tail){.young = gen_new()};
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
    *v = (struct tail_view){.tail = t, .gens = {t->young, t->old}};
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

static uint64_t hash_number(const struct tail *t, uint64_t number)
{
    return hash_keyed(t->key, (str){(const char *)&number, sizeof(number)});
}

static uint64_t hash_id(const struct tail *t, conversation_id id)
{
    return hash_number(t, tail_number(id));
}

static bool is_number(struct map_node *node, const void *key)
{
    const struct tail_node *n = container_of(node, struct tail_node, by_id);
    return tail_number(n->thread.id) == *(const uint64_t *)key;
}

static struct tail_node *find_number(const struct tail_gen *g, uint64_t hash, uint64_t number)
{
    struct map_node *node = g ? map_find(&g->by_id, hash, is_number, &number) : NULL;
    return node ? container_of(node, struct tail_node, by_id) : NULL;
}

static struct tail_node *find(const struct tail_gen *g, uint64_t hash, conversation_id id)
{
    struct tail_node *n = find_number(g, hash, tail_number(id));
    return n && n->thread.id == id ? n : NULL;
}

bool tail_find(const struct tail_view *v, conversation_id id, struct tail_thread *out)
{
    const uint64_t hash = hash_id(v->tail, id);
    const struct tail_node *n = NULL;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2 && !n; i++)
        n = find(v->gens[i], hash, id);
    if (n)
        *out = n->thread;
    pthread_mutex_unlock(&v->tail->mutex);
    return n;
}

int64_t tail_place(const struct tail_view *v, conversation_id id, uint64_t seq)
{
    const uint64_t hash = hash_id(v->tail, id);
    int64_t position = 0;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2 && position == 0; i++) {
        const struct tail_node *n = find(v->gens[i], hash, id);
        if (n && seq >= n->first_seq && seq - n->first_seq < n->n_entries)
            position = n->entries[seq - n->first_seq].position;
    }
    pthread_mutex_unlock(&v->tail->mutex);
    return position;
}

size_t tail_keyed(const struct tail_view *v, conversation_id id, uint64_t hash, int64_t *out,
                  size_t max)
{
    const uint64_t hash_of_id = hash_id(v->tail, id);
    size_t n_found = 0;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2; i++) {
        const struct tail_node *n = find(v->gens[i], hash_of_id, id);
        for (size_t k = 0; n && k < n->n_entries && n_found < max; k++) {
            if (n->entries[k].hash == hash)
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

bool tail_had(const struct tail_view *v, uint64_t number, uint64_t moment)
{
    const uint64_t hash = hash_number(v->tail, number);
    bool had = false;

    pthread_mutex_lock(&v->tail->mutex);
    for (unsigned i = 0; i < 2 && !had; i++) {
        const struct tail_node *n = find_number(v->gens[i], hash, number);
        had = n && n->since <= moment;
    }
    pthread_mutex_unlock(&v->tail->mutex);
    return had;
}

static void add_found(struct tail_found *f, const struct tail_thread *thread)
{
    if ((f->n & (f->n - 1)) == 0)
        f->threads = mem_resize(f->threads, (f->n > 0 ? 2 * f->n : 1) * sizeof(*f->threads));
    f->threads[f->n++] = *thread;
}

struct tail_question {
    const struct tail *tail;
    const account *of;
    tail_filter_fn *filter;
    const void *arg;
};

/** @param newer  has what is newer of the same conversations, or NULL */
static void select_in(const struct tail_question *q, const struct tail_gen *g,
                      const struct tail_gen *newer, struct tail_found *f)
{
    const struct tail_account *of = g ? find_account(q->tail, g, q->of) : NULL;

    for (unsigned side = 0; of && side < 2; side++) {
        list_each (node, &of->threads[side]) {
            const struct tail_node *n = container_of(node, struct tail_node, of[side]);
            if (!find(newer, n->by_id.hash, n->thread.id) &&
                q->filter(&n->thread, side, q->arg))
                add_found(f, &n->thread);
        }
    }
}

struct tail_found tail_select(const struct tail_view *v, const account *a,
                              tail_filter_fn *filter, const void *arg)
{
    const struct tail_question q = {.tail = v->tail, .of = a, .filter = filter, .arg = arg};
    struct tail_found f = {0};

    pthread_mutex_lock(&v->tail->mutex);
    f.moment = v->tail->moment;
    select_in(&q, v->gens[0], NULL, &f);
    select_in(&q, v->gens[1], v->gens[0], &f);
    pthread_mutex_unlock(&v->tail->mutex);
    return f;
}

// Growing.

static struct tail_account *account_in(const struct tail *t, struct tail_gen *g,
                                       const account *a)
{
    struct tail_account *of = find_account(t, g, a);

    if (of)
        return of;
    of = NEW(struct tail_account);
    of->account = *a;
    list_init(&of->threads[0]);
    list_init(&of->threads[1]);
    list_push(&g->accounts, &of->node);
    map_add(&g->by_account, &of->by_account, hash_keyed(t->key, account_str(a)));
    g->cost += sizeof(*of);
    return of;
}

static struct tail_node *add(struct tail *t, struct tail_gen *g, uint64_t hash,
                             const struct thread *thread)
{
    struct tail_node *n = NEW(struct tail_node);

    n->thread.id = thread->id;
    n->since = ++t->moment;
    list_push(&g->nodes, &n->node);
    map_add(&g->by_id, &n->by_id, hash);
    for (unsigned side = 0; side < 2; side++) {
        struct tail_account *of = account_in(t, g, &thread->sides[side].account);
        list_push(&of->threads[side], &n->of[side]);
    }
    g->cost += sizeof(*n) + sizeof(void *);
    return n;
}

/** Room for so many. */
static void grow_entries(struct tail_gen *g, struct tail_node *n, size_t n_all)
{
    if (n_all <= n->n_room)
        return;
    const size_t n_room = n_all > 2 * n->n_room ? n_all : 2 * n->n_room;
    n->entries = mem_resize(n->entries, n_room * sizeof(*n->entries));
    g->cost += (n_room - n->n_room) * sizeof(*n->entries);
    n->n_room = n_room;
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
    grow_entries(g, n, at + thread->n_fresh);
    while (n->n_entries < at)
        n->entries[n->n_entries++] = (struct tail_entry){0};
    memcpy(n->entries + at, thread->fresh, thread->n_fresh * sizeof(*n->entries));
    n->n_entries = at + thread->n_fresh;
    thread->n_fresh = 0;
}

static void take_side(struct thread_side *to, const struct thread_side *from)
{
    *to = *from;
    to->mailbox = NULL;
    to->share = (struct mailbox_share){0};
}

void tail_put(struct tail *t, struct thread *thread)
{
    const uint64_t hash = hash_id(t, thread->id);

    pthread_mutex_lock(&t->mutex);
    struct tail_gen *g = t->young;
    struct tail_node *n = find(g, hash, thread->id);
    if (!n)
        n = add(t, g, hash, thread);
    take_side(&n->thread.sides[0], &thread->sides[0]);
    take_side(&n->thread.sides[1], &thread->sides[1]);
    take_entries(g, n, thread);
    pthread_mutex_unlock(&t->mutex);
}

size_t tail_cost(struct tail *t)
{
    pthread_mutex_lock(&t->mutex);
    const size_t cost = t->young->cost;
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
    struct tail_gen *young = gen_new();

    pthread_mutex_lock(&t->mutex);
    assert(!t->old);
    t->old = t->young;
    t->old->end = end;
    t->young = young;
    pthread_mutex_unlock(&t->mutex);
}

// Filling the index.

static int by_id(const void *a, const void *b)
{
    const struct tail_item *x = a;
    const struct tail_item *y = b;

    return x->thread->id < y->thread->id ? -1 : 1;
}

struct tail_item *tail_old(struct tail *t, size_t *n, struct tail_end *end)
{
    pthread_mutex_lock(&t->mutex);
    struct tail_gen *g = t->old; // nobody else drops it, and it does not change
    pthread_mutex_unlock(&t->mutex);
    if (!g)
        return NULL;
    struct tail_item *items = mem_alloc((g->by_id.n_nodes + 1) * sizeof(*items));
    *n = 0;
    *end = g->end;
    list_each (node, &g->nodes) {
        const struct tail_node *it = container_of(node, struct tail_node, node);
        items[(*n)++] = (struct tail_item){.thread = &it->thread,
                                           .first_seq = it->first_seq,
                                           .n_entries = it->n_entries,
                                           .entries = it->entries};
    }
    qsort(items, *n, sizeof(*items), by_id);
    return items;
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
