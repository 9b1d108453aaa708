/**
 * A store under test, whichever backend: its loop, chance with a seed, and operations that wait
 * for their answer and give it as a text.
 *
 *   a1 b2d a3r b4x   messages: sender, seq, status (d delivered, r read), x: it is gone
 *   [b?! u2 b2]      conversations: with b, not accepted, blocked, 2 unread, the last message;
 *                    and "last4" if the last seq is another
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/loop.h"
#include "store/front.h"
#include "store/mem.h"
#include "store/pg.h"
#include "store/sqlite.h"
#include "support/limits.h"
#include "support/pg_world.h"
#include "support/t.h"

#define NOW           INT64_C(1700000000000)
#define PLENTY        1000000
#define FROM_ACCEPTED 100000
#define FROM_STRANGER 20000

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define SOME_OF(letter) .account = who(letter), .max_messages = PLENTY, .max_bytes = PLENTY

struct seeded {
    struct rand rand;
    uint64_t state;
};

enum store_backend {
    BACKEND_MEM,
    BACKEND_SQLITE,
    BACKEND_POSTGRES,
};

struct store_world {
    enum store_backend backend;
    struct loop *loop;
    struct store *store;
    struct seeded chance;
    struct store_limits limits;
    char dir[64];           // of SQLite's
    struct pg_world pg;     // of PostgreSQL's
    bool has_company;       // others write to the same database
    conversation_id *named; // conversations, in the order in which answers spoke of them
    unsigned n_named;
    bool in_full;       // texts say all there is to say
    size_t index_after; // of store_sqlite_config; 0: the environment's
    size_t index_slice; // likewise; 0: as ever
    size_t tail_max;    // likewise
};

/** What an operation was answered with. */
struct store_answer {
    struct store_world *w;
    unsigned times;
    int r;
    struct buf text;
    conversation_id conversation; // of an append or receipt
    uint64_t seq;
    int64_t position;
    int64_t previous; // of an append
    int64_t at_ms;
    int64_t upto; // of a page; the next of a list
    int64_t horizon;
    bool has_more;
    bool is_duplicate;
    bool is_withheld;
    bool is_accepted;
    bool is_known;
    uint64_t n;
    uint64_t n_unread; // of a page
};

// Chance: xorshift64*.

static inline uint64_t next_u64(struct seeded *s)
{
    s->state ^= s->state >> 12;
    s->state ^= s->state << 25;
    s->state ^= s->state >> 27;
    return s->state * UINT64_C(2685821657736338717);
}

static inline void seeded_bytes(struct rand *r, void *out, size_t n)
{
    struct seeded *s = container_of(r, struct seeded, rand);

    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next_u64(s) >> 56);
}

static inline struct seeded seeded_of(uint64_t seed)
{
    return (struct seeded){.rand.bytes = seeded_bytes, .state = seed ? seed : 1};
}

// Accounts: one letter each. From 's' on they are Solana's, the others of EVM; 'A' is 'a' on
// another chain.

static inline account who(char letter)
{
    account a = {.len = letter >= 's' ? ACCOUNT_SOLANA_SIZE : ACCOUNT_EVM_SIZE};

    a.bytes[0] = letter >= 's' ? ACCOUNT_SOLANA : ACCOUNT_EVM;
    a.bytes[8] = letter < 'a';
    a.bytes[a.len - 1] = (uint8_t)(letter < 'a' ? letter + 'a' - 'A' : letter);
    return a;
}

static inline char letter_of(const account *a)
{
    const uint8_t last = a->bytes[a->len - 1];
    return (char)(a->bytes[8] ? last - 'a' + 'A' : last);
}

// The world.

/** STORE=postgres: suites run on PostgreSQL, and not on the others. */
static inline bool is_on_postgres(void)
{
    const char *text = getenv("STORE"); // NOLINT(concurrency-mt-unsafe): one thread
    return text && strcmp(text, "postgres") == 0;
}

/** INDEX_AFTER=1: the index takes each group as soon as it can, and not what fills a tail. The
 * writer remembers few conversations then, so that it comes to look for what it has forgotten.
 */
static inline size_t index_after(void)
{
    const char *text = getenv("INDEX_AFTER"); // NOLINT(concurrency-mt-unsafe): one thread
    return text ? strtoul(text, NULL, 10) : 0;
}

static inline int store_world_try_postgres(struct store_world *w)
{
    const struct store_pg_config config = {.url = w->pg.url,
                                           .name = "test",
                                           .is_alone = !w->has_company,
                                           .limits = w->limits,
                                           .rand = &w->chance.rand};

    return store_pg_open(&w->store, w->loop, &config);
}

/** @return 0 or a fault: none is open then */
static inline int store_world_try(struct store_world *w)
{
    const struct store_sqlite_config config = {.dir = w->dir,
                                               .index_after = w->index_after ? w->index_after
                                                                             : index_after(),
                                               .index_slice = w->index_slice,
                                               .threads_kept = index_after() ? 4 : 0,
                                               .tail_max = w->tail_max,
                                               .limits = w->limits,
                                               .rand = &w->chance.rand};

    if (w->backend == BACKEND_POSTGRES)
        return store_world_try_postgres(w);
    return store_sqlite_open(&w->store, w->loop, &config);
}

static inline void store_world_open(struct store_world *w)
{
    if (w->backend == BACKEND_MEM) {
        w->store = store_mem_new(&w->loop->later, &w->chance.rand, &w->limits);
    } else {
        assert_int_equal(store_world_try(w), 0);
    }
}

static inline void store_world_close(struct store_world *w)
{
    store_free(w->store);
    w->store = NULL;
}

static inline struct store_world *store_world_new(enum store_backend backend)
{
    struct store_world *w = NEW(struct store_world);

    w->backend = backend;
    w->chance = seeded_of(20231114);
    w->limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    assert_int_equal(loop_new(&w->loop), 0);
    if (backend == BACKEND_SQLITE) {
        const char *tmp = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): one thread
        assert_true(snprintf(w->dir, sizeof(w->dir), "%s/parley-store-XXXXXX",
                             tmp ? tmp : "/tmp") < (int)sizeof(w->dir));
        assert_non_null(mkdtemp(w->dir));
    } else if (backend == BACKEND_POSTGRES) {
        pg_world_open(&w->pg);
    }
    store_world_open(w);
    return w;
}

static inline void empty_dir(const char *path)
{
    char name[512];
    DIR *dir = opendir(path);

    assert_non_null(dir);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            assert_int_equal(unlink(name), 0);
    }
    closedir(dir);
}

static inline void remove_dir(const char *path)
{
    empty_dir(path);
    assert_int_equal(rmdir(path), 0);
}

static inline void store_world_free(struct store_world *w)
{
    store_world_close(w);
    if (w->backend == BACKEND_SQLITE)
        remove_dir(w->dir);
    if (w->backend == BACKEND_POSTGRES)
        pg_world_close(&w->pg);
    loop_free(w->loop);
    free(w->named);
    free(w);
}

/**
 * What texts call a conversation: its number. Those of PostgreSQL have gaps, and are given in
 * any order within a group: there, and in a world that is compared with it, 1 is the first one
 * that any of them spoke of.
 */
static inline unsigned name_of(struct store_world *w, conversation_id id)
{
    unsigned i = 0;

    if (w->backend != BACKEND_POSTGRES && !is_on_postgres())
        return (unsigned)(id >> 32);
    while (i < w->n_named && w->named[i] != id)
        i++;
    if (i == w->n_named) {
        w->named = mem_resize(w->named, (i + 1) * sizeof(*w->named));
        w->named[w->n_named++] = id;
    }
    return i + 1;
}

/** Nothing may be in it that is to last. */
static inline void store_world_limit(struct store_world *w, const struct store_limits *limits)
{
    store_world_close(w);
    w->limits = *limits;
    store_world_open(w);
}

// Answers.

static inline void answer_init(struct store_answer *a, struct store_world *w)
{
    *a = (struct store_answer){.w = w};
    buf_init(&a->text, SIZE_MAX / 2);
}

static inline void answer_fini(struct store_answer *a)
{
    buf_fini(&a->text);
}

/** What was called just now is done, or not: no outcome hangs on it. */
static inline void give_time(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    loop_run_once(w->loop); // which hands it over; a fast disk has answered by then
    usleep(50000);          // time to be committed
}

static inline void answer_await(struct store_answer *a)
{
    while (a->times == 0)
        loop_run_once(a->w->loop);
    loop_run_once(a->w->loop);
    assert_int_equal(a->times, 1);
}

PRINTF_LIKE(2, 3) static inline void say(struct store_answer *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    const int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    assert_in_range(n, 0, sizeof(text) - 1);
    const int r = buf_add(&a->text, (str){text, (size_t)n});
    assert_int_equal(r, 0);
}

static inline struct store_answer *answer_begin(void *arg, int r)
{
    struct store_answer *a = arg;

    a->times++;
    a->r = r;
    a->horizon = store_horizon(a->w->store);
    return a;
}

static inline void say_bytes(struct store_answer *a, str s)
{
    const int r = buf_add(&a->text, s);
    assert_int_equal(r, 0);
}

static inline void say_message(struct store_answer *a, const struct chat_message *m)
{
    static const char *const statuses[] = {"", "d", "r"};

    if (a->text.len > 0)
        say(a, " ");
    const bool is_gone = str_eq(m->type, STR(CHAT_TYPE_GONE));
    say(a, "%c%llu%s%s", letter_of(&m->from), (unsigned long long)m->seq, statuses[m->status],
        is_gone ? "x" : "");
    if (is_gone) {
        expect_str("gone", m->content, STR("null"));
        assert_true(m->key.len == 0 && m->reply_to == 0);
    }
    if (!a->w->in_full)
        return;
    say(a, ">%c c%u @%lld t%lld re%llu ", letter_of(&m->to), name_of(a->w, m->conversation),
        (long long)m->position, (long long)m->created_at_ms, (unsigned long long)m->reply_to);
    say_bytes(a, m->type);
    say(a, "/");
    say_bytes(a, m->key);
    say(a, "/");
    say_bytes(a, m->content);
}

/** By, mark, seq; "bd3" says that b has got all up to 3. */
static inline void say_receipt(struct store_answer *a, const struct chat_receipt *x)
{
    if (a->text.len > 0)
        say(a, " ");
    say(a, "%c%c%llu", letter_of(&x->by), x->mark == CHAT_MARK_READ ? 'r' : 'd',
        (unsigned long long)x->seq);
    if (a->w->in_full) {
        say(a, "<%c c%u @%lld t%lld", letter_of(&x->peer), name_of(a->w, x->conversation),
            (long long)x->position, (long long)x->at_ms);
    }
}

static inline void on_append(void *arg, int r, const struct store_appended *appended)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(appended != NULL, r == 0);
    if (!appended)
        return;
    a->conversation = appended->message.conversation;
    name_of(a->w, a->conversation);
    a->seq = appended->message.seq;
    a->position = appended->message.position;
    a->previous = appended->previous;
    a->at_ms = appended->message.created_at_ms;
    a->is_duplicate = appended->is_duplicate;
    a->is_withheld = appended->is_withheld;
    a->is_accepted = appended->is_accepted;
    if (!a->is_duplicate)
        assert_true(a->horizon >= a->position);
    say_message(a, &appended->message);
    for (size_t i = 0; i < appended->n_known; i++)
        say_receipt(a, &appended->known[i]);
    if (a->w->in_full) {
        say(a, " dup%d", appended->is_duplicate);
    }
}

static inline void on_receipt(void *arg, int r, const struct store_receipted *receipted)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(receipted != NULL, r == 0);
    if (!receipted)
        return;
    a->conversation = receipted->conversation;
    name_of(a->w, a->conversation);
    a->position = receipted->position;
    a->at_ms = receipted->at_ms;
    a->is_known = receipted->is_known;
    assert_true(a->horizon >= a->position);
    say(a, "%c %llu%s %llu%s", letter_of(&receipted->peer),
        (unsigned long long)receipted->marks.delivered_seq,
        receipted->delivered_moved ? "+" : "", (unsigned long long)receipted->marks.read_seq,
        receipted->read_moved ? "+" : "");
    if (a->w->in_full) {
        say(a, " c%u @%lld t%lld", name_of(a->w, a->conversation), (long long)a->position,
            (long long)a->at_ms);
    }
}

static inline void end_page(struct store_answer *a, bool has_more, int64_t upto)
{
    a->has_more = has_more;
    a->upto = upto;
    if (a->w->in_full) {
        say(a, " more%d upto%lld", has_more, (long long)upto);
    }
}

static inline void on_read(void *arg, int r, const struct store_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    for (size_t i = 0; i < page->n_messages; i++)
        say_message(a, &page->messages[i]);
    a->n = page->n_messages;
    end_page(a, page->has_more, page->upto);
    a->n_unread = page->unread;
    if (page->unread > 0) {
        say(a, " unread%llu", (unsigned long long)page->unread);
    }
}

static inline void on_receipts(void *arg, int r, const struct store_receipts_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    for (size_t i = 0; i < page->n_receipts; i++)
        say_receipt(a, &page->receipts[i]);
    a->n = page->n_receipts;
    end_page(a, page->has_more, page->upto);
}

static inline void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    for (size_t i = 0; i < page->n_messages; i++)
        say_message(a, &page->messages[i]);
    a->n = page->n_messages;
    end_page(a, page->has_more, (int64_t)page->first_seq);
}

static inline void say_conversation(struct store_answer *a, const struct chat_conversation *c)
{
    const struct chat_message *last = &c->last_message;

    say(a, "%s[%c%s%s u%llu", a->text.len > 0 ? " " : "", letter_of(&c->peer),
        c->accepted ? "" : "?", c->blocked ? "!" : "", (unsigned long long)c->unread);
    if (last->seq > 0)
        say_message(a, last);
    if (c->last_seq != last->seq)
        say(a, " last%llu", (unsigned long long)c->last_seq);
    say(a, "]");
    assert_true(last->seq <= c->last_seq);
    assert_int_equal(c->updated_at_ms, last->created_at_ms);
    if (last->seq > 0)
        assert_int_equal(c->id, last->conversation);
    assert_int_equal(c->first_seq, 1);
    if (a->w->in_full) {
        say(a, " c%u mine %llu %llu theirs %llu %llu", name_of(a->w, c->id),
            (unsigned long long)c->mine.delivered_seq, (unsigned long long)c->mine.read_seq,
            (unsigned long long)c->theirs.delivered_seq,
            (unsigned long long)c->theirs.read_seq);
    }
}

static inline void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    for (size_t i = 0; i < page->n_conversations; i++)
        say_conversation(a, &page->conversations[i]);
    a->n = page->n_conversations;
    end_page(a, page->next != 0, page->next);
}

static inline void on_unread(void *arg, int r, uint64_t n)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_true(r == 0 || n == 0);
    a->n = n;
    if (a->w->in_full) {
        say(a, "%llu", (unsigned long long)n);
    }
}

/** Is that in the text? */
static inline bool shows(const struct store_answer *a, str part)
{
    const str text = buf_str(&a->text);
    return text.len > 0 && memmem(text.ptr, text.len, part.ptr, part.len);
}

// Operations that wait for their answer.

/** From, to, key; the digest is made of the content alone. */
static inline struct store_append message(char from, char to, const char *key,
                                          const char *content)
{
    struct store_append a = {
        .from = who(from),
        .to = who(to),
        .type = STR("text"),
        .content = str_of(content),
        .key = str_of(key),
        .now_ms = NOW,
    };

    for (size_t i = 0; content[i] != '\0'; i++) {
        uint8_t *byte = &a.digest[i % CHAT_DIGEST_SIZE];
        *byte = (uint8_t)(*byte * 31 + (uint8_t)content[i]);
    }
    return a;
}

/** The strings of its text are gone; what it was is in the other members. */
static inline struct store_answer append(struct store_world *w, const struct store_append *what)
{
    struct store_answer a;

    answer_init(&a, w);
    store_append(w->store, what, on_append, &a);
    assert_int_equal(a.times, 0);
    answer_await(&a);
    answer_fini(&a);
    return a;
}

/** A message that must get this seq. */
static inline struct store_answer put(struct store_world *w, char from, char to,
                                      const char *key, uint64_t seq)
{
    const struct store_append what = message(from, to, key, key);
    const struct store_answer a = append(w, &what);

    expect_int(key, a.r, 0);
    expect_int(key, a.seq, seq);
    return a;
}

#define DEFINE_EXPECT(op, type)                                                                \
    static inline struct store_answer ask_##op(struct store_world *w, const type *what, int r, \
                                               const char *want)                               \
    {                                                                                          \
        struct store_answer a;                                                                 \
                                                                                               \
        answer_init(&a, w);                                                                    \
        store_##op(w->store, what, on_##op, &a);                                               \
        assert_int_equal(a.times, 0);                                                          \
        answer_await(&a);                                                                      \
        expect_int(#op, a.r, r);                                                               \
        if (want)                                                                              \
            expect_str(#op, buf_str(&a.text), str_of(want));                                   \
        answer_fini(&a);                                                                       \
        return a;                                                                              \
    }

// NOLINTBEGIN(bugprone-macro-parentheses): types
DEFINE_EXPECT(receipt, struct store_receipt)
DEFINE_EXPECT(read, struct store_read)
DEFINE_EXPECT(receipts, struct store_receipts)
DEFINE_EXPECT(history, struct store_history)
DEFINE_EXPECT(list, struct store_list)
// NOLINTEND(bugprone-macro-parentheses)

/** A read that counts them as well has the same number. */
static inline void expect_counted(struct store_world *w, char letter, uint64_t n)
{
    const struct store_read read = {SOME_OF(letter), .counts_unread = true};
    struct store_answer a;

    answer_init(&a, w);
    store_read(w->store, &read, on_read, &a);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n_unread, n);
    answer_fini(&a);
}

static inline uint64_t ask_unread(struct store_world *w, char letter)
{
    const account of = who(letter);
    struct store_answer a;

    answer_init(&a, w);
    store_unread(w->store, &of, on_unread, &a);
    assert_int_equal(a.times, 0);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    answer_fini(&a);
    expect_counted(w, letter, a.n);
    return a.n;
}

static inline struct store_receipt receipt_at(char by, char peer, uint64_t delivered,
                                              uint64_t read)
{
    return (struct store_receipt){.by = who(by),
                                  .place.peer = who(peer),
                                  .delivered_seq = delivered,
                                  .read_seq = read,
                                  .now_ms = NOW};
}

/** It must move something, or not, as the text says. */
static inline struct store_answer mark(struct store_world *w, char by, char peer,
                                       uint64_t delivered, uint64_t read, const char *want)
{
    const struct store_receipt r = receipt_at(by, peer, delivered, read);
    return ask_receipt(w, &r, 0, want);
}

static inline struct store_answer due(struct store_world *w, char letter, int64_t since,
                                      int64_t after, const char *want)
{
    const struct store_read r = {SOME_OF(letter), .since = since, .after = after};
    return ask_read(w, &r, 0, want);
}

static inline struct store_answer listed(struct store_world *w, char letter, const char *want)
{
    const struct store_list l = {
        .account = who(letter), .max_conversations = PLENTY, .max_bytes = PLENTY};
    return ask_list(w, &l, 0, want);
}
