#include "store/pg_mailbox.h"

#include "base/mem.h"

#define MAILBOXES_KEPT 65536 // 120 bytes each

void pg_mailboxes_init(struct pg_mailboxes *m, const uint8_t key[HASH_KEY_SIZE], uint64_t most)
{
    *m = (struct pg_mailboxes){.half = most / 2};
    memcpy(m->key, key, HASH_KEY_SIZE);
}

void pg_mailboxes_drop(struct pg_mailboxes *m)
{
    for (size_t i = 0; i < m->by_account.n_buckets; i++) {
        struct map_node *next = NULL;
        for (struct map_node *node = map_bucket(&m->by_account, i); node; node = next) {
            next = node->next;
            free(container_of(node, struct pg_mailbox, by_account));
        }
    }
    map_drop(&m->by_account);
}

static bool is_account(struct map_node *node, const void *key)
{
    return account_eq(&container_of(node, struct pg_mailbox, by_account)->account, key);
}

static struct pg_mailbox *find(const struct pg_mailboxes *m, const account *a, uint64_t hash)
{
    struct map_node *node = map_find(&m->by_account, hash, is_account, a);

    return node ? container_of(node, struct pg_mailbox, by_account) : NULL;
}

struct pg_mailbox *pg_mailboxes_get(struct pg_mailboxes *m, const account *a)
{
    const uint64_t hash = hash_keyed(m->key, account_str(a));
    struct pg_mailbox *mailbox = find(m, a, hash);

    if (mailbox)
        return mailbox;
    mailbox = NEW(struct pg_mailbox);
    mailbox->account = *a;
    map_add(&m->by_account, &mailbox->by_account, hash);
    return mailbox;
}

struct pg_mailbox *pg_mailboxes_find(const struct pg_mailboxes *m, const account *a)
{
    return find(m, a, hash_keyed(m->key, account_str(a)));
}

bool pg_mailbox_is_good(const struct pg_mailboxes *m, const struct pg_mailbox *mailbox,
                        int64_t now_ms)
{
    const bool is_half_full =
        mailbox->waiting.n >= m->half || mailbox->waiting.n_of_strangers >= m->half / 2;

    if (!mailbox->is_known || m->is_one_node)
        return mailbox->is_known;
    return now_ms - mailbox->read_ms < (is_half_full ? PG_MAILBOX_FULL_MS : PG_MAILBOX_MS);
}

void pg_mailboxes_trim(struct pg_mailboxes *m)
{
    if (m->by_account.n_nodes > MAILBOXES_KEPT)
        pg_mailboxes_drop(m);
}

static void change(uint64_t *n, uint64_t from, uint64_t to)
{
    *n = *n + to > from ? *n + to - from : 0; // other nodes change it, too
}

void pg_mailbox_change(struct pg_mailbox *m, const struct mailbox_share *from,
                       const struct mailbox_share *to)
{
    change(&m->waiting.n, from->n, to->n);
    change(&m->waiting.n_of_strangers, from->n_of_strangers, to->n_of_strangers);
}
