#include "store/sqlite_mailbox.h"

#include "base/mem.h"
#include "store/sqlite_text.h"

void mailboxes_init(struct mailboxes *m, struct sqlite_db *db, const uint8_t key[HASH_KEY_SIZE])
{
    *m = (struct mailboxes){.db = db};
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

static int sum_up(struct mailboxes *m, const account *a, struct mailbox_share *out)
{
    sqlite3_stmt *stmt = m->db->stmts[W_MAILBOX];

    sqlite_db_bind_bytes(stmt, 1, account_str(a));
    const int r = sqlite_db_step(m->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(m->db, "a sum has no row");
    out->n = (uint64_t)sqlite3_column_int64(stmt, 0);
    out->n_of_strangers = (uint64_t)sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    return 0;
}

int mailboxes_get(struct mailboxes *m, const account *a, struct mailbox **out)
{
    const uint64_t hash = hash_keyed(m->key, account_str(a));
    struct map_node *node = map_find(&m->by_account, hash, is_account, a);
    struct mailbox_share waiting = {0};

    if (node) {
        *out = container_of(node, struct mailbox, by_account);
        return 0;
    }
    const int r = sum_up(m, a, &waiting);
    if (r < 0)
        return r;
    struct mailbox *mailbox = NEW(struct mailbox);
    mailbox->account = *a;
    mailbox->waiting = waiting;
    list_push(&m->all, &mailbox->node);
    map_add(&m->by_account, &mailbox->by_account, hash);
    *out = mailbox;
    return 0;
}

void mailbox_change(struct mailbox *m, const struct mailbox_share *from,
                    const struct mailbox_share *to)
{
    m->waiting.n += to->n - from->n;
    m->waiting.n_of_strangers += to->n_of_strangers - from->n_of_strangers;
}
