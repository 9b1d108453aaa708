#include "store/sqlite_mailbox.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_place.h"
#include "store/sqlite_text.h"

void mailboxes_init(struct mailboxes *m, struct threads *ts, const uint8_t key[HASH_KEY_SIZE])
{
    *m = (struct mailboxes){.threads = ts};
    memcpy(m->key, key, HASH_KEY_SIZE);
    list_init(&m->all);
}

void mailboxes_drop(struct mailboxes *m)
{
    while (!list_is_empty(&m->all)) {
        struct mailbox *mailbox = container_of(list_shift(&m->all), struct mailbox, node);
        map_remove(&m->by_account, &mailbox->by_account);
        free(mailbox);
    }
}

void mailboxes_fini(struct mailboxes *m)
{
    mailboxes_drop(m);
    map_fini(&m->by_account);
}

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct mailbox, by_account)->account, key);
}

/** @return the one that is in memory, or a new one in which nothing is known */
static struct mailbox *mailbox_of(struct mailboxes *m, const account *a)
{
    const uint64_t hash = hash_keyed(m->key, account_str(a));
    struct map_node *node = map_find(&m->by_account, hash, is_account, a);

    if (node)
        return container_of(node, struct mailbox, by_account);
    struct mailbox *mailbox = NEW(struct mailbox);
    mailbox->account = *a;
    list_push(&m->all, &mailbox->node);
    map_add(&m->by_account, &mailbox->by_account, hash);
    return mailbox;
}

/** @return 0 or a fault */
static int look_up_id(struct mailboxes *m, struct mailbox *mailbox)
{
    struct sqlite_db *db = m->threads->db;
    sqlite3_stmt *stmt = db->stmts[W_ACCOUNT];

    if (mailbox->id != 0)
        return 0;
    sqlite_db_bind_bytes(stmt, 1, account_str(&mailbox->account));
    const int r = sqlite_db_step(db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    mailbox->id = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

int mailboxes_find(struct mailboxes *m, const account *a, struct mailbox **out)
{
    *out = mailbox_of(m, a);
    return look_up_id(m, *out);
}

static void add_share(struct mailbox_share *sum, bool accepted, uint64_t n)
{
    sum->n += n;
    sum->n_of_strangers += accepted ? 0 : n;
}

struct sum {
    struct sqlite_places *places;
    struct mailbox_share share;
};

static int add_member(void *arg, const struct member *m)
{
    struct sum *sum = arg;
    struct thread_side sides[2] = {0};
    struct thread_keys keys;

    if (m->due_pos == 0)
        return 0;
    const int r = places_indexed(sum->places, m->id, sides, &keys);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(sum->places->db, "a member has no conversation");
    add_share(&sum->share, sides[m->side].accepted,
              sides_above(sides, m->side, CHAT_MARK_DELIVERED).n);
    return 0;
}

static bool has_undelivered(const struct tail_thread *t, unsigned side, const void *arg)
{
    (void)arg;
    return sides_above(t->sides, side, CHAT_MARK_DELIVERED).n > 0;
}

int mailboxes_sum_up(struct mailboxes *m, struct mailbox *mailbox)
{
    const account *a = &mailbox->account;
    struct sqlite_places *places = m->threads->places;
    struct sum sum = {.places = places};

    if (mailbox->is_summed)
        return 0;
    const struct tail_found f = tail_select(&places->view, a, has_undelivered, NULL);
    for (size_t i = 0; i < f.n; i++) {
        const struct thread_side *sides = f.threads[i].sides;
        const unsigned side = account_eq(&sides[0].account, a) ? 0 : 1;
        add_share(&sum.share, sides[side].accepted,
                  sides_above(sides, side, CHAT_MARK_DELIVERED).n);
    }
    free(f.threads);
    const int r = places_members(places, mailbox->id, f.moment, add_member, &sum);
    mailbox->waiting = sum.share;
    mailbox->is_summed = r == 0;
    return r;
}

void mailbox_change(struct mailbox *m, const struct mailbox_share *from,
                    const struct mailbox_share *to)
{
    m->waiting.n += to->n - from->n;
    m->waiting.n_of_strangers += to->n_of_strangers - from->n_of_strangers;
}
