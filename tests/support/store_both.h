/**
 * Two backends, the same operations by chance, and the same answers: what they are asked, and
 * how answers are compared. SEED=n runs one again.
 *
 * Writes go out in groups, whose answers are awaited before the reads: what a read sees while
 * they are under way is not the same everywhere.
 */
#pragma once

#include <time.h>

#include "support/store_contacts.h"

#define GROUP_MAX      24
#define READS          8
#define FEWEST_LETTERS 3

static const char letters[] = "abAstcd";

enum side {
    MODEL,
    TESTED,
    SIDES
};

struct both {
    struct store_world *w[SIDES];
    struct seeded chance;
    uint64_t seed;
    size_t n_letters;
    uint64_t length;                // of conversations: so many times a short one's
    conversation_id ids[SIDES][64]; // by name
};

/** One operation, as each of the two answers it. */
struct asked {
    struct store_answer answers[SIDES];
};

static inline uint64_t below(struct both *b, uint64_t n)
{
    return next_u64(&b->chance) % n;
}

static inline char any_letter(struct both *b)
{
    return letters[below(b, b->n_letters)];
}

static inline char other_letter(struct both *b, char letter)
{
    char other = letter;

    while (other == letter)
        other = any_letter(b);
    return other;
}

/** By its peer, or by an id, which may be somebody else's, or nobody's. */
struct place {
    char peer;
    size_t number;
};

static inline struct place any_place(struct both *b, char letter)
{
    const struct place p = {.peer = other_letter(b, letter)};
    return below(b, 4) > 0 ? p : (struct place){p.peer, below(b, 24)};
}

static inline struct chat_place place_of(const struct both *b, unsigned side, struct place p)
{
    return (struct chat_place){.conversation = b->ids[side][p.number], .peer = who(p.peer)};
}

static inline void begin(struct both *b, struct asked *a)
{
    for (unsigned side = 0; side < SIDES; side++)
        answer_init(&a->answers[side], b->w[side]);
}

static inline void ask_append(struct both *b, struct asked *a)
{
    static const char bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    const char from = any_letter(b);
    char key[8];
    struct store_append what = message(from, other_letter(b, from), "", "");

    snprintf(key, sizeof(key), "%u", (unsigned)below(b, 60 * b->length));
    what.key = str_of(key);
    what.content = (str){bytes, 4 * below(b, 9)}; // so that quotas are met to the byte
    what.digest[0] = below(b, 10) == 0;
    what.reply_to = below(b, 6) == 0 ? below(b, 12) : 0;
    what.now_ms = NOW + (int64_t)below(b, 1000);
    for (unsigned side = 0; side < SIDES; side++)
        store_append(b->w[side]->store, &what, on_append, &a->answers[side]);
}

static inline void ask_receipt_by_chance(struct both *b, struct asked *a)
{
    const char by = any_letter(b);
    const struct place place = any_place(b, by);
    struct store_receipt what = {.by = who(by), .now_ms = NOW + (int64_t)below(b, 1000)};

    if (below(b, 2))
        what.delivered_seq = below(b, 20 * b->length);
    if (below(b, 2))
        what.read_seq = below(b, 12 * b->length);
    for (unsigned side = 0; side < SIDES; side++) {
        what.place = place_of(b, side, place);
        store_receipt(b->w[side]->store, &what, on_receipt, &a->answers[side]);
    }
}

static inline void ask_contact_by_chance(struct both *b, struct asked *a)
{
    static const enum chat_contact kinds[] = {CHAT_ACCEPT, CHAT_BLOCK, CHAT_UNBLOCK,
                                              CHAT_UNBLOCK};
    const char by = any_letter(b);
    const struct place place = any_place(b, by);
    struct store_contact what = {.by = who(by),
                                 .what = kinds[below(b, COUNT_OF(kinds))],
                                 .now_ms = NOW + (int64_t)below(b, 1000)};

    for (unsigned side = 0; side < SIDES; side++) {
        what.place = place_of(b, side, place);
        store_contact(b->w[side]->store, &what, on_contact, &a->answers[side]);
    }
}

static inline void ask_seen_by_chance(struct both *b, struct asked *a)
{
    const account of = who(any_letter(b));
    const int64_t at_ms = NOW + (int64_t)below(b, 1000);

    for (unsigned side = 0; side < SIDES; side++)
        store_seen(b->w[side]->store, &of, at_ms, on_seen, &a->answers[side]);
}

static inline int64_t any_position(struct both *b)
{
    const uint64_t horizon = (uint64_t)store_horizon(b->w[MODEL]->store);
    return below(b, 3) == 0 ? 0 : (int64_t)below(b, horizon + 3);
}

static inline void ask_read_by_chance(struct both *b, struct asked *a)
{
    const struct store_read what = {.account = who(any_letter(b)),
                                    .since = any_position(b),
                                    .after = any_position(b),
                                    .max_messages = 1 + below(b, 30),
                                    .max_bytes = below(b, 500),
                                    .counts_unread = below(b, 2)};
    for (unsigned side = 0; side < SIDES; side++)
        store_read(b->w[side]->store, &what, on_read, &a->answers[side]);
}

static inline void ask_receipts_by_chance(struct both *b, struct asked *a)
{
    const struct store_receipts what = {.account = who(any_letter(b)),
                                        .after = any_position(b),
                                        .max_receipts = 2 + below(b, 10)};
    for (unsigned side = 0; side < SIDES; side++)
        store_receipts(b->w[side]->store, &what, on_receipts, &a->answers[side]);
}

static inline void ask_history_by_chance(struct both *b, struct asked *a)
{
    const char letter = any_letter(b);
    const struct place place = any_place(b, letter);
    struct store_history what = {.account = who(letter),
                                 .before = below(b, 2) ? below(b, 20) : 0,
                                 .after = below(b, 2) ? below(b, 20) : 0,
                                 .max_messages = 1 + below(b, 20),
                                 .max_bytes = below(b, 400)};
    for (unsigned side = 0; side < SIDES; side++) {
        what.place = place_of(b, side, place);
        store_history(b->w[side]->store, &what, on_history, &a->answers[side]);
    }
}

static inline void ask_list_by_chance(struct both *b, struct asked *a)
{
    const struct store_list what = {.account = who(any_letter(b)),
                                    .before = any_position(b),
                                    .max_conversations = 1 + below(b, 5),
                                    .max_bytes = below(b, 100)};
    for (unsigned side = 0; side < SIDES; side++)
        store_list(b->w[side]->store, &what, on_list, &a->answers[side]);
}

static inline void ask_conversation_by_chance(struct both *b, struct asked *a)
{
    const char letter = any_letter(b);
    const struct place place = any_place(b, letter);
    struct store_conversation what = {.account = who(letter)};

    for (unsigned side = 0; side < SIDES; side++) {
        what.place = place_of(b, side, place);
        store_conversation(b->w[side]->store, &what, on_conversation, &a->answers[side]);
    }
}

static inline void ask_changes_by_chance(struct both *b, struct asked *a)
{
    const struct store_changes what = {.account = who(any_letter(b)),
                                       .after = any_position(b),
                                       .max_conversations = 1 + below(b, 5),
                                       .max_bytes = below(b, 100)};
    for (unsigned side = 0; side < SIDES; side++)
        store_changes(b->w[side]->store, &what, on_changes, &a->answers[side]);
}

static inline void ask_relations_by_chance(struct both *b, struct asked *a)
{
    account peers[6];
    const struct store_relations what = {.account = who(any_letter(b)),
                                         .peers = peers,
                                         .n_peers = 1 + below(b, COUNT_OF(peers))};

    for (size_t i = 0; i < what.n_peers; i++)
        peers[i] = below(b, 9) ? who(any_letter(b)) : who('z'); // whom nobody knows
    for (unsigned side = 0; side < SIDES; side++) {
        a->answers[side].n = what.n_peers;
        store_relations(b->w[side]->store, &what, on_relations, &a->answers[side]);
    }
}

static inline void ask_touched_by_chance(struct both *b, struct asked *a)
{
    account accounts[FEWEST_LETTERS];
    const struct store_touched what = {.accounts = accounts,
                                       .n_accounts = 1 + below(b, FEWEST_LETTERS),
                                       .after = any_position(b),
                                       .max_touches = 1 + below(b, 60)};
    const size_t first = below(b, b->n_letters);

    for (size_t i = 0; i < what.n_accounts; i++) // each once
        accounts[i] = who(letters[(first + i) % b->n_letters]);
    for (unsigned side = 0; side < SIDES; side++)
        store_touched(b->w[side]->store, &what, on_touched, &a->answers[side]);
}

static inline void ask_unread_by_chance(struct both *b, struct asked *a)
{
    const account of = who(any_letter(b));

    for (unsigned side = 0; side < SIDES; side++)
        store_unread(b->w[side]->store, &of, on_unread, &a->answers[side]);
}

typedef void ask_fn(struct both *b, struct asked *a);

static ask_fn *const writes[] = {
    ask_append,
    ask_append,
    ask_append,
    ask_append,
    ask_append,
    ask_receipt_by_chance,
    ask_receipt_by_chance,
    ask_contact_by_chance,
    ask_seen_by_chance,
};
static ask_fn *const reads[] = {
    ask_read_by_chance,      ask_read_by_chance,         ask_list_by_chance,
    ask_history_by_chance,   ask_unread_by_chance,       ask_receipts_by_chance,
    ask_receipts_by_chance,  ask_conversation_by_chance, ask_changes_by_chance,
    ask_relations_by_chance, ask_touched_by_chance,
};

static inline void learn_id(struct both *b, unsigned side, conversation_id id)
{
    const unsigned name = name_of(b->w[side], id);

    assert_true(name < COUNT_OF(b->ids[side]));
    b->ids[side][name] = id;
}

/** What the text does not say. Where nothing has moved, nothing is there to be known. */
static inline unsigned flags_of(const struct store_answer *a)
{
    return (unsigned)a->is_withheld << 2 | (unsigned)a->is_accepted << 1 |
           (unsigned)(a->is_known && a->position > 0);
}

static inline void compare(struct both *b, struct asked *a, unsigned round)
{
    const struct store_answer *want = &a->answers[MODEL];
    const struct store_answer *got = &a->answers[TESTED];

    answer_await(&a->answers[MODEL]);
    answer_await(&a->answers[TESTED]);
    if (got->r != want->r || !str_eq(buf_str(&got->text), buf_str(&want->text)) ||
        flags_of(got) != flags_of(want) || got->previous != want->previous) {
        fail_msg("SEED=%llu, round %u: %d \"" STR_FMT
                 "\" %u behind %lld, the model says %d \"" STR_FMT "\" %u behind %lld",
                 (unsigned long long)b->seed, round, got->r, STR_ARG(buf_str(&got->text)),
                 flags_of(got), (long long)got->previous, want->r,
                 STR_ARG(buf_str(&want->text)), flags_of(want), (long long)want->previous);
    }
    for (unsigned side = 0; side < SIDES; side++) {
        learn_id(b, side, a->answers[side].conversation);
        answer_fini(&a->answers[side]);
    }
}

static inline void run_group(struct both *b, ask_fn *const *asks, size_t n_asks, size_t n,
                             unsigned round)
{
    struct asked group[GROUP_MAX];

    for (size_t i = 0; i < n; i++) {
        begin(b, &group[i]);
        asks[below(b, n_asks)](b, &group[i]);
    }
    for (size_t i = 0; i < n; i++)
        compare(b, &group[i], round);
    assert_int_equal(store_horizon(b->w[TESTED]->store), store_horizon(b->w[MODEL]->store));
}

static inline void open_world(struct both *b, const struct store_limits *limits,
                              enum store_backend tested)
{
    for (unsigned side = 0; side < SIDES; side++) {
        b->w[side] = store_world_new(side == MODEL ? BACKEND_MEM : tested);
        store_world_limit(b->w[side], limits);
        b->w[side]->in_full = true;
        memset(b->ids[side], 0, sizeof(b->ids[side]));
    }
}

static inline void close_world(struct both *b)
{
    for (unsigned side = 0; side < SIDES; side++)
        store_world_free(b->w[side]);
}
