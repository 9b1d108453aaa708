/**
 * Several nodes that write to one PostgreSQL at the same time, by chance with a seed (SEED=N),
 * and one that reads meanwhile.
 */
#include "store/front.h"
#include "support/pg_crew.h"

#define N_WRITERS 3
#define N_STEPS   700 // of each writer
#define PAGE      13
#define N_MARKS   64 // conversations with marks that a reader has seen

static const char letters[] = "abcde";

// Writers. `a` blocks nobody: what is sent to it is never withheld. `b` blocks a lot.

struct done {
    struct crew_node *node;
    bool may_be_refused; // there may be no such conversation yet
};

static struct done *begin_one(struct crew_node *n, bool may_be_refused)
{
    struct done *d = NEW(struct done);

    *d = (struct done){.node = n, .may_be_refused = may_be_refused};
    n->n_waiting++;
    return d;
}

static void end_one(struct done *d, int r, int64_t position)
{
    struct crew_node *n = d->node;

    n->n_refused += r != 0 && !(d->may_be_refused && r == STORE_NOT_FOUND);
    free(d);
    crew_answered(n, position);
}

static void on_marked(void *arg, int r, const struct store_receipted *a)
{
    end_one(arg, r, a ? a->position : 0);
}

static void on_changed(void *arg, int r, const struct store_contacted *a)
{
    end_one(arg, r, a ? a->position : 0);
}

static void on_was_seen(void *arg, int r)
{
    end_one(arg, r, 0);
}

static void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    (void)b;
    end_one(arg, r, 0);
}

static void pick_two(struct crew_node *n, char *from, char *to)
{
    const unsigned i = crew_pick(n, 5);

    *from = letters[i];
    *to = letters[(i + 1 + crew_pick(n, 4)) % 5];
}

/** All nodes send the same ones, at about the same time. */
static void send_one(struct crew_node *n, char from, char to)
{
    char key[24];

    snprintf(key, sizeof(key), "k%zu", (N_STEPS - n->n_left) / 16 + crew_pick(n, 4));
    crew_send(n, from, to, key);
}

/** Up to a message that it knows to be there. */
static void mark_one(struct crew_node *n, char by, char peer)
{
    uint64_t seq = 0;

    for (size_t i = n->n_sent; i > 0 && seq == 0; i--) {
        const struct crew_send *s = n->sent[i - 1];
        if ((s->from == by && s->to == peer) || (s->from == peer && s->to == by))
            seq = s->seq;
    }
    const struct store_receipt r =
        receipt_at(by, peer, seq, crew_pick(n, 3) == 0 ? crew_pick(n, (unsigned)seq + 1) : 0);
    store_receipt(n->store, &r, on_marked, begin_one(n, true));
}

static void change_one(struct crew_node *n, char by, char peer)
{
    const bool may_block = by != 'a' && crew_pick(n, 2) == 0;
    const enum chat_contact what = may_block              ? CHAT_BLOCK
                                   : crew_pick(n, 3) == 0 ? CHAT_ACCEPT
                                                          : CHAT_UNBLOCK;
    const struct store_contact c = {
        .by = who(by), .place.peer = who(peer), .what = what, .now_ms = NOW};

    store_contact(n->store, &c, on_changed, begin_one(n, true));
}

static void sign_in_one(struct crew_node *n, char by)
{
    char name[32];
    const int size = snprintf(name, sizeof(name), "s%u-%zu", n->nth, n->n_left);
    const struct auth_store_begin b = {
        .account = who(by),
        .session = {name, (size_t)size},
        .nonce = {name, (size_t)size},
        .nonce_until_ms = NOW + HOUR,
        .now_ms = NOW,
        .expires_at_ms = NOW + DAY,
        .revoked_until_ms = NOW + DAY,
    };

    auth_store_begin(store_front_auth(n->store), &b, on_begun, begin_one(n, false));
}

static void do_one(struct crew_node *n)
{
    const unsigned what = crew_pick(n, 100);
    char by = 0;
    char peer = 0;

    pick_two(n, &by, &peer);
    if (what < 55) {
        send_one(n, by, peer);
    } else if (what < 75) {
        mark_one(n, by, peer);
    } else if (what < 85) {
        if (what < 80 && by != 'b' && peer != 'b')
            by = 'b';
        change_one(n, by, peer);
    } else if (what < 92) {
        const account a = who(by);
        store_seen(n->store, &a, NOW + crew_pick(n, 1000), on_was_seen, begin_one(n, false));
    } else {
        sign_in_one(n, by);
    }
}

// A reader, from cursor to cursor.

struct mark_seen {
    conversation_id conversation;
    bool is_mine;
    enum chat_mark mark;
    uint64_t seq;
};

struct reader {
    struct crew_node *node;
    int64_t must;     // what any node was answered when it asked
    bool is_last;     // nobody writes any more
    unsigned n_ended; // of the last ones
    unsigned n_lost;  // that were refused, for their connections were ended: asked again
    int64_t messages_upto;
    int64_t receipts_upto;
    int64_t changes_upto;
    struct buf messages; // of lines: conversation, seq, position
    struct mark_seen marks[N_MARKS];
    size_t n_marks;
    struct {
        conversation_id conversation;
        bool blocked;
    } blocked[8];
    size_t n_blocked;
};

static struct reader *the_reader; // of the one test at a time

/** A page that goes on from `from`, up to `upto`. */
static void end_page_of(struct reader *rd, int64_t *at, int64_t upto, bool has_more)
{
    assert(upto >= *at && (has_more || upto >= rd->must));
    *at = upto;
    assert(store_horizon(rd->node->store) >= rd->must);
    rd->n_ended = rd->is_last && !has_more ? rd->n_ended + 1 : 0;
    rd->node->n_left = rd->n_ended < 3; // one of each kind
    crew_answered(rd->node, 0);
}

/** @return whether it was answered */
static bool is_answered(struct reader *rd, int r)
{
    assert(r == 0 || r == STORE_UNAVAILABLE);
    if (r == 0)
        return true;
    rd->n_lost++;
    rd->n_ended = 0;
    rd->node->n_left = 1;
    crew_answered(rd->node, 0);
    return false;
}

static void on_messages(void *arg, int r, const struct store_page *page)
{
    struct reader *rd = arg;
    int64_t last = rd->messages_upto;

    if (!is_answered(rd, r))
        return;
    for (size_t i = 0; i < page->n_messages; i++) {
        const struct chat_message *m = &page->messages[i];
        assert(m->position > last && m->position <= page->upto);
        last = m->position;
        const int r_add =
            buf_addf(&rd->messages, "%lld %llu %lld\n", (long long)m->conversation,
                     (unsigned long long)m->seq, (long long)m->position);
        assert(r_add == 0);
    }
    end_page_of(rd, &rd->messages_upto, page->upto, page->has_more);
}

static void note_mark(struct reader *rd, const struct chat_receipt *x)
{
    const account me = who('a');
    const bool is_mine = account_eq(&x->by, &me);
    size_t i = 0;

    while (i < rd->n_marks && (rd->marks[i].conversation != x->conversation ||
                               rd->marks[i].is_mine != is_mine || rd->marks[i].mark != x->mark))
        i++;
    assert(i < N_MARKS && (i == rd->n_marks || rd->marks[i].seq < x->seq));
    rd->n_marks += i == rd->n_marks;
    rd->marks[i] = (struct mark_seen){x->conversation, is_mine, x->mark, x->seq};
}

static void on_marks(void *arg, int r, const struct store_receipts_page *page)
{
    struct reader *rd = arg;
    int64_t last = rd->receipts_upto + 1;

    if (!is_answered(rd, r))
        return;
    for (size_t i = 0; i < page->n_receipts; i++) {
        assert(page->receipts[i].position >= last && page->receipts[i].position <= page->upto);
        last = page->receipts[i].position;
        note_mark(rd, &page->receipts[i]);
    }
    end_page_of(rd, &rd->receipts_upto, page->upto, page->has_more);
}

static void on_blocks(void *arg, int r, const struct store_changes_page *page)
{
    struct reader *rd = arg;

    if (!is_answered(rd, r))
        return;
    for (size_t i = 0; i < page->n_conversations; i++) {
        const struct chat_conversation *c = &page->conversations[i];
        size_t k = 0;
        while (k < rd->n_blocked && rd->blocked[k].conversation != c->id)
            k++;
        assert(k < COUNT_OF(rd->blocked));
        rd->n_blocked += k == rd->n_blocked;
        rd->blocked[k].conversation = c->id;
        rd->blocked[k].blocked = c->blocked;
    }
    end_page_of(rd, &rd->changes_upto, page->upto, page->has_more);
}

static void read_next(struct crew_node *n)
{
    struct reader *rd = the_reader;
    static unsigned turn;

    if (rd->n_ended == 0)
        rd->is_last = atomic_load(&n->all->n_writing) == 0;
    rd->node = n;
    rd->must = atomic_load(&n->all->furthest);
    n->n_waiting++;
    switch (turn++ % 3) {
    case 0: {
        const struct store_read r = {.account = who('a'),
                                     .after = rd->messages_upto,
                                     .max_messages = PAGE,
                                     .max_bytes = PLENTY};
        store_read(n->store, &r, on_messages, rd);
        break;
    }
    case 1: {
        const struct store_receipts r = {
            .account = who('a'), .after = rd->receipts_upto, .max_receipts = 3};
        store_receipts(n->store, &r, on_marks, rd);
        break;
    }
    default: {
        const struct store_changes r = {.account = who('b'),
                                        .after = rd->changes_upto,
                                        .max_conversations = 2,
                                        .max_bytes = PLENTY};
        store_changes(n->store, &r, on_blocks, rd);
    }
    }
}

/** What the reader has seen is what is there: all of it, once, and in its order. */
static void expect_read(struct crew *c, const struct reader *rd)
{
    PGresult *r = crew_ask(c,
                           "SELECT string_agg(format(E'%s %s %s\\n', m.conversation, m.seq,"
                           " m.position), '' ORDER BY m.position) FROM message m"
                           " JOIN account x ON x.id IN (m.sender, m.recipient)"
                           " WHERE get_byte(x.address, octet_length(x.address) - 1) = 97");
    expect_str("messages of a", buf_str(&rd->messages), str_of(PQgetvalue(r, 0, 0)));
    PQclear(r);
}

/** What it knows of each is the last that there is. */
static void expect_marks(struct crew *c, const struct reader *rd)
{
    char text[512];
    size_t n = 0;

    for (size_t i = 0; i < rd->n_marks; i++) {
        const struct mark_seen *m = &rd->marks[i];
        snprintf(text, sizeof(text),
                 "SELECT s.%s%s_seq FROM member s JOIN account x ON x.id = s.account"
                 " WHERE get_byte(x.address, octet_length(x.address) - 1) = 97"
                 " AND s.conversation = %lld",
                 m->is_mine ? "" : "peer_", m->mark == CHAT_MARK_READ ? "read" : "delivered",
                 (long long)m->conversation);
        expect_int(text, crew_count(c, text), m->seq);
        n++;
    }
    expect_int("marks", n,
               crew_count(c,
                          "SELECT sum((delivered_seq > 0)::int + (read_seq > 0)::int"
                          " + (peer_delivered_seq > 0)::int + (peer_read_seq > 0)::int)"
                          " FROM member s JOIN account x ON x.id = s.account"
                          " WHERE get_byte(x.address, octet_length(x.address) - 1) = 97"));
    for (size_t i = 0; i < rd->n_blocked; i++) {
        snprintf(text, sizeof(text),
                 "SELECT s.blocked::int FROM member s JOIN account x ON x.id = s.account"
                 " WHERE get_byte(x.address, octet_length(x.address) - 1) = 98"
                 " AND s.conversation = %lld",
                 (long long)rd->blocked[i].conversation);
        expect_int(text, crew_count(c, text), rd->blocked[i].blocked);
    }
    expect_int("changes", rd->n_blocked,
               crew_count(c,
                          "SELECT count(*) FROM member s JOIN account x ON x.id = s.account"
                          " WHERE get_byte(x.address, octet_length(x.address) - 1) = 98"
                          " AND s.contact_pos > 0"));
}

static struct crew *crew_of(void **state)
{
    return *state;
}

/** Of the reader. */
static void end_connections(struct crew *c, unsigned nth)
{
    char text[192];

    snprintf(text, sizeof(text),
             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
             " WHERE application_name = 'parley %s_%u read'",
             c->pg.schema, nth);
    while (atomic_load(&c->n_writing) > 0) {
        crew_count(c, text);
        usleep(30000);
    }
}

static void what_nodes_write_at_once_is_one_story_for_all(void **state)
{
    struct crew *c = crew_of(state);
    struct reader rd = {0};

    buf_init(&rd.messages, SIZE_MAX / 2);
    the_reader = &rd;
    for (size_t i = 0; i < N_WRITERS; i++)
        crew_add(c, do_one, N_STEPS);
    struct crew_node *reader = crew_add(c, read_next, 1);
    reader->window = 1;
    reader->only_reads = true;
    crew_start(c);
    end_connections(c, N_WRITERS);
    crew_join(c);
    crew_check(c);
    expect_read(c, &rd);
    expect_marks(c, &rd);
    assert_true(crew_count(c, "SELECT count(*) FROM message") > N_STEPS / 4);
    assert_true(crew_count(c, "SELECT count(*) FROM answered WHERE is_duplicate") >
                N_STEPS / 4);
    assert_true(rd.n_marks > 4 && rd.n_blocked > 2);
    buf_fini(&rd.messages);
}

// Quotas.

/** All to `a`, who takes nothing. */
static void flood(struct crew_node *n)
{
    char key[24];

    snprintf(key, sizeof(key), "n%u-%zu", n->nth, n->n_left);
    crew_send(n, letters[1 + crew_pick(n, 4)], 'a', key);
}

static void no_conversation_passes_its_own_quota_by_several_nodes(void **state)
{
    struct crew *c = crew_of(state);

    c->limits = limits_of(40, 30);
    for (size_t i = 0; i < N_WRITERS; i++)
        crew_add(c, flood, 100);
    crew_start(c);
    crew_join(c);
    crew_check(c);
    expect_int("over", crew_count(c, "SELECT count(*) FROM member WHERE undelivered > 30"), 0);
    expect_int("full", crew_count(c, "SELECT count(*) FROM member WHERE undelivered = 30"), 4);
    expect_int("refused otherwise",
               crew_count(c, "SELECT count(*) FROM answered WHERE r NOT IN (0, 6)"), 0);
}

static void a_mailbox_is_passed_by_what_others_store_meanwhile_and_no_further(void **state)
{
    struct crew *c = crew_of(state);

    c->limits = limits_of(1000, 1000);
    c->limits.mailbox = 40; // of strangers 20
    for (size_t i = 0; i < N_WRITERS; i++)
        crew_add(c, flood, 100);
    crew_start(c);
    crew_join(c);
    crew_check(c);
    assert_in_range(crew_count(c, "SELECT sum(undelivered)::int8 FROM member"), 20,
                    (unsigned long)N_WRITERS * 20);

    struct store_world w = {.backend = BACKEND_POSTGRES, .has_company = true, .pg = c->pg};
    w.limits = c->limits;
    w.chance = seeded_of(1);
    assert_int_equal(loop_new(&w.loop), 0);
    store_world_open(&w);
    const struct store_append one_more = message('e', 'a', "one more", "1");
    expect_int("one more", append(&w, &one_more).r, STORE_MAILBOX_FULL);
    store_world_close(&w);
    loop_free(w.loop);
}

// Locks.

/** The first node goes through the conversations in one order, the second in the other one,
 * until there was a deadlock. */
static void go_round(struct crew_node *n)
{
    char key[24];
    const size_t i = n->nth == 0 ? n->n_left % 5 : 4 - n->n_left % 5;

    snprintf(key, sizeof(key), "n%u-%zu", n->nth, n->n_left);
    crew_send(n, letters[i], letters[(i + 1) % 5], key);
    if (atomic_load(&n->all->n_again) > 0)
        n->n_left = 0;
}

/** An operator's transaction holds one conversation, and then wants the others. */
static void a_deadlock_is_nothing_that_a_sender_learns_of(void **state)
{
    struct crew *c = crew_of(state);

    crew_add(c, go_round, 100000);
    crew_add(c, go_round, 100000);
    crew_start(c);
    crew_operate(c, "SET deadlock_timeout = '10s'"); // it is theirs to end
    while (crew_count(c, "SELECT count(*) FROM conversation") < 5)
        ;
    while (atomic_load(&c->n_again) == 0) {
        crew_operate(c,
                     "BEGIN; SELECT FROM conversation WHERE id ="
                     " (SELECT max(id) FROM conversation) FOR UPDATE");
        crew_operate(c, "SELECT pg_sleep(0.02)");
        PQclear(PQexec(c->as_operator,
                       "SELECT FROM conversation ORDER BY id"
                       " FOR UPDATE"));
        crew_operate(c, "COMMIT");
    }
    crew_join(c);
    crew_check(c);
    expect_int("not stored", crew_count(c, "SELECT count(*) FROM answered WHERE r <> 0"), 0);
}

// Life.

static int setup(void **state)
{
    const struct store_limits limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    struct crew *c = NEW(struct crew);

    crew_open(c, &limits);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    crew_close(*state);
    free(*state);
    return 0;
}

#define CREW_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        CREW_TEST(what_nodes_write_at_once_is_one_story_for_all),
        CREW_TEST(no_conversation_passes_its_own_quota_by_several_nodes),
        CREW_TEST(a_mailbox_is_passed_by_what_others_store_meanwhile_and_no_further),
        CREW_TEST(a_deadlock_is_nothing_that_a_sender_learns_of),
    };

    return PG_WORLD_RUN("store_pg_nodes", tests);
}
