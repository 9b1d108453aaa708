/** One store, several loops, each on a thread of its own. */
#include <pthread.h>
#include <sched.h>

#include "support/sqlite_world.h"

#define NODES 3
#define EACH  600 // messages of each node, twice

struct sent {
    unsigned times;
    int r;
    uint64_t seq;
    int64_t position;
    bool is_duplicate;
};

struct node {
    struct store_world world; // its loop, and its front
    pthread_t thread;
    char letter;
    struct sent both[EACH]; // sent by all nodes, with the same keys
    struct sent own[EACH];
    unsigned n_answered;
};

/** An answer, and whose count goes up with it. */
struct waiting {
    struct node *node;
    struct sent *sent;
};

static void on_sent(void *arg, int r, const struct store_appended *a)
{
    struct waiting *waiting = arg;
    struct sent *s = waiting->sent;

    s->times++;
    s->r = r;
    if (r == 0) {
        s->seq = a->message.seq;
        s->position = a->message.position;
        s->is_duplicate = a->is_duplicate;
    }
    waiting->node->n_answered++;
    free(waiting);
}

static void send_one(struct node *n, char from, char to, unsigned i, struct sent *s)
{
    struct waiting *waiting = NEW(struct waiting);
    char key[16];

    *waiting = (struct waiting){.node = n, .sent = s};
    snprintf(key, sizeof(key), "k%u", i);
    const struct store_append what = message(from, to, key, key);
    store_append(n->world.store, &what, on_sent, waiting);
}

static void *run_node(void *arg)
{
    struct node *n = arg;

    for (unsigned i = 0; i < EACH; i++) {
        send_one(n, 'a', 'b', i, &n->both[i]);
        send_one(n, n->letter, 'a', i, &n->own[i]);
        if (i % 8 == 0)
            loop_run_once(n->world.loop);
    }
    while (n->n_answered < 2 * EACH)
        loop_run_once(n->world.loop);
    return NULL;
}

static void node_init(struct node *n, struct store_world *w, char letter)
{
    n->world = (struct store_world){.chance = seeded_of(1), .limits = w->limits};
    n->letter = letter;
    assert_int_equal(loop_new(&n->world.loop), 0);
    assert_int_equal(store_front_share(&n->world.store, w->store, n->world.loop), 0);
}

static void node_fini(struct node *n)
{
    store_free(n->world.store);
    free(n->world.named);
    loop_free(n->world.loop);
}

static int setup(void **state)
{
    struct store_world *w = store_world_new(BACKEND_SQLITE);

    store_world_close(w);
    w->limits = limits_of(PLENTY, PLENTY);
    store_world_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static struct node *nodes_new(struct store_world *w)
{
    struct node *nodes = mem_alloc(NODES * sizeof(*nodes));

    for (unsigned i = 0; i < NODES; i++)
        node_init(&nodes[i], w, (char)('c' + i));
    return nodes;
}

static void run_all(struct node *nodes)
{
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
}

static void free_all(struct node *nodes)
{
    for (unsigned i = 0; i < NODES; i++)
        node_fini(&nodes[i]);
    free(nodes);
}

/** Of a key that all have used one is the first, and all are told of the same message. */
static void expect_one_of_each(const struct node *nodes)
{
    for (unsigned i = 0; i < EACH; i++) {
        unsigned n_first = 0;
        for (unsigned k = 0; k < NODES; k++) {
            const struct sent *s = &nodes[k].both[i];
            assert_int_equal(s->times, 1);
            assert_int_equal(s->r, 0);
            assert_int_equal(s->seq, nodes[0].both[i].seq);
            assert_int_equal(s->position, nodes[0].both[i].position);
            n_first += !s->is_duplicate;
        }
        assert_int_equal(n_first, 1);
    }
}

static void expect_own_in_order(const struct node *n)
{
    for (unsigned i = 0; i < EACH; i++) {
        assert_int_equal(n->own[i].times, 1);
        assert_int_equal(n->own[i].r, 0);
        assert_int_equal(n->own[i].seq, i + 1);
        assert_false(n->own[i].is_duplicate);
    }
}

/** @return owned; buf_fini() */
static struct buf text_of(struct store_world *w)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    w->in_full = true;
    say_all(w, &text);
    return text;
}

static void all_say_the_same_of_what_all_have_written(void **state)
{
    struct store_world *w = *state;
    struct node *nodes = nodes_new(w);

    run_all(nodes);
    expect_one_of_each(nodes);
    struct buf want = text_of(w);
    for (unsigned i = 0; i < NODES; i++) {
        expect_own_in_order(&nodes[i]);
        assert_int_equal(store_horizon(nodes[i].world.store), store_horizon(w->store));
        struct buf text = text_of(&nodes[i].world);
        expect_str("of another loop", buf_str(&text), buf_str(&want));
        buf_fini(&text);
    }
    free_all(nodes);
    struct buf last = text_of(w);
    expect_str("alone again", buf_str(&last), buf_str(&want));
    buf_fini(&last);
    buf_fini(&want);
}

/** The horizon of a loop that writes nothing itself. */
static void what_one_has_stored_another_reads(void **state)
{
    struct store_world *w = *state;
    struct node n = {0};

    node_init(&n, w, 'c');
    put(w, 'a', 'b', "1", 1);
    assert_int_equal(store_horizon(n.world.store), store_horizon(w->store));
    struct buf want = text_of(w);
    struct buf text = text_of(&n.world);
    expect_str("read", buf_str(&text), buf_str(&want));
    buf_fini(&text);
    buf_fini(&want);
    put(&n.world, 'b', 'a', "2", 2);
    node_fini(&n);
    put(w, 'a', 'b', "3", 3);
}

/** Its position is taken again by another one: who was sent all up to there would miss that. */
static void the_horizon_is_not_above_what_could_not_be_written(void **state)
{
    struct store_world *w = *state;
    struct node n = {0};
    const struct store_append what = message('a', 'b', "2", "2");

    node_init(&n, w, 'c');
    put(w, 'a', 'b', "1", 1);
    const int64_t before = store_horizon(w->store);
    atomic_store(&of_log.is_full, true);
    assert_int_equal(append(w, &what).r, STORE_UNAVAILABLE);
    atomic_store(&of_log.is_full, false);
    assert_int_equal(store_horizon(w->store), before);
    assert_int_equal(store_horizon(n.world.store), before);
    put(&n.world, 'a', 'b', "3", 2);
    assert_int_equal(store_horizon(w->store), before + 1);
    node_fini(&n);
}

// Pages while others write.

#define PEERS    8
#define MOVES    200   // of each of these marks
#define ENDS_MAX 20000 // that are looked at

/** One who moves all of its marks at once, again and again, and each time that a page was read;
 * the first to change in such a group is the last as well. */
struct mover {
    struct store_world world;
    pthread_t thread;
    unsigned n_answered;
    atomic_uint n_pages; // that were read
    atomic_bool is_done;
    int64_t positions[MOVES + 1][PEERS]; // by the seq
};

/** What somebody has who went from page to page. */
struct page_end {
    int64_t upto;
    uint64_t seqs[PEERS];
};

static void on_written(void *arg, int r, const struct store_appended *a)
{
    (void)a, (void)r;
    assert(r == 0); // on whatever thread
    ++*(unsigned *)arg;
}

static void write_to_all(struct store_world *w)
{
    unsigned n_answered = 0;

    for (unsigned i = 0; i < PEERS * MOVES; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%u", i);
        const struct store_append what = message((char)('b' + i % PEERS), 'a', key, key);
        store_append(w->store, &what, on_written, &n_answered);
    }
    while (n_answered < PEERS * MOVES)
        loop_run_once(w->loop);
}

static void on_moved(void *arg, int r, const struct store_receipted *a)
{
    struct mover *m = arg;

    assert(r == 0);
    (void)r;
    m->positions[a->marks.delivered_seq][letter_of(&a->peer) - 'b'] = a->position;
    m->n_answered++;
}

static void *run_mover(void *arg)
{
    struct mover *m = arg;

    for (unsigned seq = 1; seq <= MOVES; seq++) {
        while (atomic_load(&m->n_pages) < seq)
            sched_yield();
        for (unsigned i = 0; i < PEERS; i++) {
            const struct store_receipt move = {.by = who('a'),
                                               .place.peer = who((char)('b' + i)),
                                               .delivered_seq = seq,
                                               .now_ms = seq};
            store_receipt(m->world.store, &move, on_moved, m);
        }
        char key[16];
        snprintf(key, sizeof(key), "a%u", seq);
        const struct store_append what = message('a', 'b', key, key);
        store_append(m->world.store, &what, on_written, &m->n_answered); // receipts wait for it
        while (m->n_answered < seq * (PEERS + 1))
            loop_run_once(m->world.loop);
    }
    atomic_store(&m->is_done, true);
    return NULL;
}

struct page_reader {
    struct page_end end;
    bool has_more;
    bool is_answered;
};

static void on_marks(void *arg, int r, const struct store_receipts_page *page)
{
    struct page_reader *rd = arg;

    assert_int_equal(r, 0);
    assert_true(page->upto >= rd->end.upto);
    for (size_t i = 0; i < page->n_receipts; i++) {
        const struct chat_receipt *mark = &page->receipts[i];
        uint64_t *seq = &rd->end.seqs[letter_of(&mark->peer) - 'b'];
        assert_true(mark->seq > *seq);
        assert_true(mark->position > rd->end.upto && mark->position <= page->upto);
        *seq = mark->seq;
    }
    rd->end.upto = page->upto;
    rd->has_more = page->has_more;
    rd->is_answered = true;
}

static void read_page(struct store_world *w, struct page_reader *rd)
{
    rd->is_answered = false;
    store_receipts(
        w->store,
        &(struct store_receipts){.account = who('a'), .after = rd->end.upto, .max_receipts = 3},
        on_marks, rd);
    while (!rd->is_answered)
        loop_run_once(w->loop);
}

/** Nothing that moved up to where a page ends is missing, or hidden by what moved behind it. */
static void expect_all_of(const struct page_end *end, const struct mover *m)
{
    for (unsigned i = 0; i < PEERS; i++) {
        const uint64_t next = end->seqs[i] + 1;
        assert_true(next > MOVES || m->positions[next][i] > end->upto);
    }
}

static void who_reads_page_by_page_has_all_marks_up_to_each(void **state)
{
    struct store_world *w = *state;
    struct mover *m = NEW(struct mover);
    struct page_end *ends = mem_alloc(ENDS_MAX * sizeof(*ends));
    struct page_reader rd = {0};
    bool is_done = false;
    size_t n = 0;

    write_to_all(w);
    m->world = (struct store_world){.chance = seeded_of(1), .limits = w->limits};
    assert_int_equal(loop_new(&m->world.loop), 0);
    assert_int_equal(store_front_share(&m->world.store, w->store, m->world.loop), 0);
    assert_int_equal(pthread_create(&m->thread, NULL, run_mover, m), 0);
    while (!is_done || rd.has_more) {
        is_done = atomic_load(&m->is_done);
        read_page(w, &rd);
        atomic_fetch_add(&m->n_pages, 1);
        if (!rd.has_more && n < ENDS_MAX)
            ends[n++] = rd.end;
    }
    assert_int_equal(pthread_join(m->thread, NULL), 0);
    for (size_t i = 0; i < n; i++)
        expect_all_of(&ends[i], m);
    assert_true(n > 0);
    store_free(m->world.store);
    loop_free(m->world.loop);
    free(m);
    free(ends);
}

/** With nothing said to the loop, the index is filled all the same. */
static void the_index_is_filled_whoever_writes(void **state)
{
    struct store_world *w = *state;
    struct node n = {0};

    index_at_once(w);
    node_init(&n, w, 'c');
    put(&n.world, 'a', 'b', "1", 1);
    put(&n.world, 'a', 'b', "2", 2);
    while (sql_number(w, "SELECT position FROM ix.state") == 0)
        loop_run_once(n.world.loop);
    node_fini(&n);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(all_say_the_same_of_what_all_have_written),
        UNIT(what_one_has_stored_another_reads),
        UNIT(the_horizon_is_not_above_what_could_not_be_written),
        UNIT(who_reads_page_by_page_has_all_marks_up_to_each),
        UNIT(the_index_is_filled_whoever_writes),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite_share", tests, NULL, NULL);
}
