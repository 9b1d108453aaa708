/**
 * The bus may lose an event, and nothing shows that it did where it was the last one of its
 * conversation: no later seq leaves a hole. So every CHAT_HINTS_MS the store is asked what was
 * touched, of all accounts that are online here at once; and CHAT_HINTS_LATE_MS later, when
 * whatever was announced has had time to arrive, each session that has not heard of all of it
 * reads what it lacks. The others have all up to where the store was when it was asked, and
 * their cursors move there. After a gap a check is soon, and that is all: it finds what each of
 * them lacks, and nobody else reads.
 *
 * A round that the store can't answer counts for nothing: the next one begins where it did.
 */
#include "base/mem.h"
#include "chat/core.h"

#define JITTER_MS (CHAT_HINTS_MS / 5)
#define TOUCHES_KEPT                                                                           \
    ((size_t)16 * CHAT_TOUCHES_MAX) // of one round, and what one question brings

struct hints {
    struct chat *chat;
    struct timer timer; // for the next round, or for the judgement on this one
    bool is_resting;    // until the next round
    int64_t begun_ms;   // this one
    int64_t after;      // up to here nothing is missing
    int64_t upto;       // and after this round up to here
    account *accounts;  // of this round
    size_t n_accounts;
    size_t n_asked; // of these
    size_t n_asking;
    size_t n_at_once;            // at most: of more there was too much to tell
    struct store_touch *touches; // in the order of the accounts
    size_t n_touches;
    size_t room;
};

static void on_round(struct timer *t);

/** Nodes that began at the same time do not ask at the same time. */
static void rest(struct hints *h, int64_t at_most_ms)
{
    struct timers *timers = h->chat->ports.timers;
    uint16_t chance;

    rand_bytes(h->chat->ports.rand, &chance, sizeof(chance));
    timer_init(&h->timer, on_round);
    timer_set(timers, &h->timer, timers->now_ms + at_most_ms - chance % JITTER_MS);
    h->is_resting = true;
}

/** From one question to the next, unless the store takes long to answer. */
static int64_t until_next(const struct hints *h)
{
    const int64_t left_ms = h->begun_ms + CHAT_HINTS_MS - h->chat->ports.timers->now_ms;

    return left_ms > CHAT_HINTS_LATE_MS ? left_ms : CHAT_HINTS_LATE_MS;
}

static void end_round(struct hints *h)
{
    free(h->accounts);
    free(h->touches);
    h->accounts = NULL;
    h->touches = NULL;
    h->n_accounts = h->n_asked = h->n_touches = h->room = 0;
    rest(h, until_next(h));
}

// What the store says.

static void add_touch(struct hints *h, const struct store_touch *touch)
{
    if (h->n_touches == h->room) {
        h->room = h->room > 0 ? 2 * h->room : 64;
        h->touches = mem_resize(h->touches, h->room * sizeof(*h->touches));
    }
    h->touches[h->n_touches++] = *touch;
}

/** Too much to tell has happened: whatever the account has been sent, it may lack something. */
static void add_unknown(struct hints *h, const account *a)
{
    add_touch(h, &(struct store_touch){
                     .account = *a,
                     .message_seq = UINT64_MAX,
                     .message_position = INT64_MAX,
                     .change_position = INT64_MAX,
                     .mine[0] = {.seq = UINT64_MAX, .position = INT64_MAX},
                 });
}

/** @return the touches of an account, which begin at *i */
static struct pump_touches take_touches(const struct hints *h, const account *a, size_t *i)
{
    const size_t first = *i;

    while (*i < h->n_touches && account_eq(&h->touches[*i].account, a))
        (*i)++;
    return (struct pump_touches){
        .touches = *i > first ? h->touches + first : NULL,
        .n = *i - first,
        .after = h->after,
        .upto = h->upto,
    };
}

static void judge(struct hints *h)
{
    size_t at = 0;

    for (size_t i = 0; i < h->n_accounts; i++) {
        const struct pump_touches touches = take_touches(h, &h->accounts[i], &at);
        const struct chat_account *owner = chat_find_account(h->chat, &h->accounts[i]);
        if (!owner)
            continue;
        list_each (node, &owner->sessions)
            pump_on_touches(container_of(node, struct chat_session, node), &touches);
    }
    assert(at == h->n_touches);
    h->after = h->upto;
    end_round(h);
}

static void on_late(struct timer *t)
{
    judge(container_of(t, struct hints, timer));
}

static void wait_for_hints(struct hints *h)
{
    struct timers *timers = h->chat->ports.timers;

    timer_init(&h->timer, on_late);
    timer_set(timers, &h->timer, timers->now_ms + CHAT_HINTS_LATE_MS);
}

static void ask(struct hints *h);

static void on_touched(void *arg, int r, const struct store_touched_page *page)
{
    struct hints *h = arg;
    const account *asked = h->accounts + h->n_asked;

    h->chat->n_under_way--;
    if (r != 0) {
        end_round(h);
        return;
    }
    const bool has_room = h->n_touches < TOUCHES_KEPT;
    if (page->has_more && has_room && h->n_asking > 1) {
        h->n_at_once = h->n_asking / 2;
        ask(h);
        return;
    }
    const bool is_told = has_room && !page->has_more;
    for (size_t i = 0; !is_told && i < h->n_asking; i++)
        add_unknown(h, &asked[i]);
    for (size_t i = 0; is_told && i < page->n_touches; i++)
        add_touch(h, &page->touches[i]);
    h->n_asked += h->n_asking;
    if (h->n_asked < h->n_accounts) {
        ask(h);
    } else {
        wait_for_hints(h);
    }
}

// Asking.

static void ask(struct hints *h)
{
    const size_t left = h->n_accounts - h->n_asked;

    h->n_asking = left < h->n_at_once ? left : h->n_at_once;
    h->chat->n_under_way++;
    store_touched(h->chat->ports.store,
                  &(struct store_touched){.accounts = h->accounts + h->n_asked,
                                          .n_accounts = h->n_asking,
                                          .after = h->after,
                                          .max_touches = CHAT_TOUCHES_MAX},
                  on_touched, h);
}

static void collect_accounts(struct hints *h)
{
    const struct map *all = &h->chat->accounts;

    h->accounts = mem_alloc((all->n_nodes + 1) * sizeof(*h->accounts));
    for (size_t i = 0; i < all->n_buckets; i++) {
        for (struct map_node *node = map_bucket(all, i); node; node = node->next) {
            h->accounts[h->n_accounts++] =
                container_of(node, struct chat_account, by_account)->account;
        }
    }
}

static void on_round(struct timer *t)
{
    struct hints *h = container_of(t, struct hints, timer);

    h->is_resting = false;
    h->begun_ms = h->chat->ports.timers->now_ms;
    h->upto = store_horizon(h->chat->ports.store);
    if (h->upto == h->after) {
        rest(h, CHAT_HINTS_MS); // nothing has happened
        return;
    }
    collect_accounts(h);
    h->n_at_once = STORE_TOUCHED_MAX;
    if (h->n_accounts > 0) {
        ask(h);
    } else {
        judge(h);
    }
}

void hints_on_gap(struct chat *c)
{
    struct hints *h = c->hints;

    if (!h || !h->is_resting)
        return;
    timer_cancel(c->ports.timers, &h->timer);
    rest(h, JITTER_MS);
}

// Its life.

void hints_init(struct chat *c)
{
    if (c->ports.bus->loses_nothing)
        return;
    c->hints = NEW(struct hints);
    c->hints->chat = c;
    c->hints->after = store_horizon(c->ports.store);
    rest(c->hints, CHAT_HINTS_MS);
}

void hints_fini(struct chat *c)
{
    if (!c->hints)
        return;
    timer_cancel(c->ports.timers, &c->hints->timer);
    free(c->hints->accounts);
    free(c->hints->touches);
    free(c->hints);
}
