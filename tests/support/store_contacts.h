/**
 * Contacts and what hangs on them, for a store under test: answers as texts, as in
 * store_world.h, and operations that wait for them.
 *
 *   b+ ad3 ar2   a contact with b that has changed something; marks that b knows since
 *   a1 c1+7 -    relations: the first conversation, mutual and last seen at 7, none
 *   a:c1 m3@5 x4 d2@6 d1@7   touched: a's first conversation, its last message 3 at position 5,
 *                a change at 4, its own mark, the other side's mark
 */
#pragma once

#include "support/store_world.h"

static inline void on_contact(void *arg, int r, const struct store_contacted *c)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(c != NULL, r == 0);
    if (!c)
        return;
    a->conversation = c->conversation;
    name_of(a->w, a->conversation);
    a->position = c->position;
    assert_true(a->horizon >= a->position);
    assert_true(c->conversation != 0);
    assert_true(c->n_known == 0 || c->position > 0);
    say(a, "%c%s", letter_of(&c->peer), c->position > 0 ? "+" : "");
    if (a->w->in_full) {
        say(a, " c%u @%lld", name_of(a->w, c->conversation), (long long)c->position);
    }
    for (size_t i = 0; i < c->n_known; i++)
        say_receipt(a, &c->known[i]);
}

static inline void on_seen(void *arg, int r)
{
    answer_begin(arg, r);
}

static inline void on_conversation(void *arg, int r, const struct chat_conversation *c)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(c != NULL, r == 0);
    if (!c)
        return;
    a->conversation = c->id;
    a->at_ms = c->updated_at_ms;
    say_conversation(a, c);
}

static inline void on_changes(void *arg, int r, const struct store_changes_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    for (size_t i = 0; i < page->n_conversations; i++)
        say_conversation(a, &page->conversations[i]);
    a->n = page->n_conversations;
    end_page(a, page->has_more, page->upto);
}

/** As many as `n` of the answer says. */
static inline void on_relations(void *arg, int r, const struct chat_relation *relations)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(relations != NULL, r == 0);
    for (size_t i = 0; relations && i < a->n; i++) {
        const struct chat_relation *x = &relations[i];
        assert_true(x->is_mutual || x->peer_seen_ms == 0);
        assert_true(x->conversation != 0 || !x->is_mutual);
        say(a, i > 0 ? " " : "");
        if (x->conversation == 0) {
            say(a, "-");
        } else {
            say(a, "c%u", name_of(a->w, x->conversation));
        }
        if (x->is_mutual) {
            say(a, "+%lld", (long long)x->peer_seen_ms);
        }
    }
}

static inline void say_marks(struct store_answer *a, const struct store_mark marks[2])
{
    for (unsigned i = 0; i < 2; i++) {
        if (marks[i].position > 0) {
            say(a, " %c%llu@%lld", i == CHAT_MARK_READ ? 'r' : 'd',
                (unsigned long long)marks[i].seq, (long long)marks[i].position);
        }
    }
}

static inline void say_touch(struct store_answer *a, const struct store_touch *t)
{
    say(a, "%s%c:c%u", a->text.len > 0 ? " " : "", letter_of(&t->account),
        name_of(a->w, t->conversation));
    assert_int_equal(t->message_seq > 0, t->message_position > 0);
    if (t->message_seq > 0) {
        say(a, " m%llu@%lld", (unsigned long long)t->message_seq,
            (long long)t->message_position);
    }
    if (t->change_position > 0) {
        say(a, " x%lld", (long long)t->change_position);
    }
    say_marks(a, t->mine);
    if (t->theirs[0].position > 0 || t->theirs[1].position > 0)
        say(a, ",");
    say_marks(a, t->theirs);
}

static inline bool is_before(struct store_world *w, const struct store_touch *x,
                             const struct store_touch *y)
{
    return account_eq(&x->account, &y->account) &&
           name_of(w, x->conversation) < name_of(w, y->conversation);
}

/** Each account's in the order of its conversations' names. */
static inline void sort_touches(struct store_world *w, struct store_touch *all, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && is_before(w, &all[k], &all[k - 1]); k--) {
            const struct store_touch t = all[k];
            all[k] = all[k - 1];
            all[k - 1] = t;
        }
    }
}

static inline void on_touched(void *arg, int r, const struct store_touched_page *page)
{
    struct store_answer *a = answer_begin(arg, r);
    struct store_touch sorted[64];

    assert_int_equal(page != NULL, r == 0);
    if (!page)
        return;
    assert_true(page->n_touches <= COUNT_OF(sorted));
    for (size_t i = 0; i < page->n_touches; i++)
        sorted[i] = page->touches[i];
    sort_touches(a->w, sorted, page->n_touches);
    for (size_t i = 0; !page->has_more && i < page->n_touches; i++)
        say_touch(a, &sorted[i]);
    a->n = page->n_touches;
    a->has_more = page->has_more;
    say(a, page->has_more ? "more" : "");
}

// Operations that wait for their answer.

// NOLINTBEGIN(bugprone-macro-parentheses): types
DEFINE_EXPECT(contact, struct store_contact)
DEFINE_EXPECT(conversation, struct store_conversation)
DEFINE_EXPECT(changes, struct store_changes)
// NOLINTEND(bugprone-macro-parentheses)

static inline struct store_answer contact(struct store_world *w, char by,
                                          enum chat_contact what, char peer, const char *want)
{
    const struct store_contact c = {
        .by = who(by), .place.peer = who(peer), .what = what, .now_ms = NOW};
    return ask_contact(w, &c, 0, want);
}

/** With the letters of `peers`. */
static inline void relations(struct store_world *w, char letter, const char *peers,
                             const char *want)
{
    account accounts[8];
    const struct store_relations what = {
        .account = who(letter), .peers = accounts, .n_peers = strlen(peers)};
    struct store_answer a;

    assert_in_range(what.n_peers, 1, COUNT_OF(accounts));
    for (size_t i = 0; i < what.n_peers; i++)
        accounts[i] = who(peers[i]);
    answer_init(&a, w);
    a.n = what.n_peers;
    store_relations(w->store, &what, on_relations, &a);
    memset(accounts, 0xff, sizeof(accounts)); // they were borrowed until it returned
    assert_int_equal(a.times, 0);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    expect_str(peers, buf_str(&a.text), str_of(want));
    answer_fini(&a);
}

/** With the letters of `accounts`. */
static inline void touched(struct store_world *w, const char *letters, int64_t after,
                           size_t max_touches, const char *want)
{
    account accounts[8];
    const struct store_touched what = {.accounts = accounts,
                                       .n_accounts = strlen(letters),
                                       .after = after,
                                       .max_touches = max_touches};
    struct store_answer a;

    assert_in_range(what.n_accounts, 1, COUNT_OF(accounts));
    for (size_t i = 0; i < what.n_accounts; i++)
        accounts[i] = who(letters[i]);
    answer_init(&a, w);
    store_touched(w->store, &what, on_touched, &a);
    memset(accounts, 0xff, sizeof(accounts)); // they were borrowed until it returned
    assert_int_equal(a.times, 0);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    expect_str(letters, buf_str(&a.text), str_of(want));
    answer_fini(&a);
}

static inline void seen(struct store_world *w, char letter, int64_t at_ms)
{
    const account of = who(letter);
    const int64_t horizon = store_horizon(w->store);
    struct store_answer a;

    answer_init(&a, w);
    store_seen(w->store, &of, at_ms, on_seen, &a);
    assert_int_equal(a.times, 0);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    assert_int_equal(store_horizon(w->store), horizon);
    answer_fini(&a);
}

/** The one with that peer, as the first sees it. */
static inline struct store_answer conversation(struct store_world *w, char letter, char peer,
                                               const char *want)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    return ask_conversation(w, &c, 0, want);
}

static inline void no_conversation(struct store_world *w, char letter, char peer)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    ask_conversation(w, &c, STORE_NOT_FOUND, "");
}

static inline struct store_answer changes(struct store_world *w, char letter, int64_t after,
                                          const char *want)
{
    const struct store_changes c = {.account = who(letter),
                                    .after = after,
                                    .max_conversations = PLENTY,
                                    .max_bytes = PLENTY};
    return ask_changes(w, &c, 0, want);
}

static inline struct store_answer moved(struct store_world *w, char letter, int64_t after,
                                        const char *want)
{
    const struct store_receipts r = {
        .account = who(letter), .after = after, .max_receipts = PLENTY};
    return ask_receipts(w, &r, 0, want);
}

static inline struct store_answer history(struct store_world *w, char letter, char peer,
                                          const char *want)
{
    const struct store_history h = {SOME_OF(letter), .place.peer = who(peer)};
    return ask_history(w, &h, 0, want);
}

static inline void refused(struct store_world *w, const struct store_append *what, int r)
{
    const int64_t horizon = store_horizon(w->store);

    expect_int("refusal", append(w, what).r, r);
    assert_int_equal(store_horizon(w->store), horizon);
}

// The rows of a suite.

#define PLENTY_OF_ALL                                                                          \
    .accepted = {.messages = FROM_ACCEPTED, .bytes = UINT64_MAX},                              \
    .stranger = {.messages = FROM_STRANGER, .bytes = UINT64_MAX}, .mailbox = UINT64_MAX

static inline int setup_store(void **state, enum store_backend backend)
{
    const struct store_limits *limits = *state;
    struct store_world *w = store_world_new(backend);

    store_world_limit(w, limits);
    *state = w;
    return 0;
}

static inline int setup_mem(void **state)
{
    return setup_store(state, BACKEND_MEM);
}

static inline int setup_sqlite(void **state)
{
    return setup_store(state, BACKEND_SQLITE);
}

static inline int setup_postgres(void **state)
{
    return setup_store(state, BACKEND_POSTGRES);
}

static inline int teardown_store(void **state)
{
    store_world_free(*state);
    return 0;
}

/** @param limits  a struct store_limits */
#define TEST(backend, test, limits)                                                            \
    {                                                                                          \
        #backend ": " #test, test, setup_##backend, teardown_store, &(limits)                  \
    }
