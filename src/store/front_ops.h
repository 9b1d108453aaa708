/** The operations of a front, and its threads'. For the files front*.c alone. */
#pragma once

#include "store/front.h"

#define NS_PER_US 1000

extern const struct worker_ops front_write_ops;
extern const struct worker_ops front_read_ops;

/** Where there is one loop and one process, not before what is up to there was answered. */
static inline int64_t front_horizon(const struct store_front *s)
{
    return s->engine->is_shared ? atomic_load(&s->engine->durable) : s->horizon;
}

/** Pools, and the list of what is held. */
void front_init_writes(struct store_front *s);
void front_fini_writes(struct store_front *s);

// front_write.c
void front_append(struct store *base, const struct store_append *a, store_append_fn *done,
                  void *arg);
void front_receipt(struct store *base, const struct store_receipt *r, store_receipt_fn *done,
                   void *arg);
void front_contact(struct store *base, const struct store_contact *c, store_contact_fn *done,
                   void *arg);
void front_seen(struct store *base, const account *a, int64_t at_ms, store_seen_fn *done,
                void *arg);
void front_begin(struct auth_store *base, const struct auth_store_begin *b,
                 auth_store_begin_fn *done, void *arg);
void front_refresh(struct auth_store *base, const struct auth_store_refresh *r,
                   auth_store_refresh_fn *done, void *arg);
void front_end(struct auth_store *base, const struct auth_store_end *e, auth_store_end_fn *done,
               void *arg);
void front_upload_create(struct uploads *base, const struct uploads_create *c,
                         uploads_create_fn *done, void *arg);
void front_upload_settle(struct uploads *base, const struct uploads_settle *s,
                         uploads_settle_fn *done, void *arg);
void front_upload_claim(struct uploads *base, const struct uploads_claim *c,
                        uploads_claim_fn *done, void *arg);
void front_upload_remove(struct uploads *base, str id, uploads_remove_fn *done, void *arg);

// front_ask.c
void front_ask_read(struct store *base, const struct store_read *r, store_read_fn *done,
                    void *arg);
void front_ask_receipts(struct store *base, const struct store_receipts *r,
                        store_receipts_fn *done, void *arg);
void front_ask_history(struct store *base, const struct store_history *h,
                       store_history_fn *done, void *arg);
void front_ask_list(struct store *base, const struct store_list *l, store_list_fn *done,
                    void *arg);
void front_ask_conversation(struct store *base, const struct store_conversation *c,
                            store_conversation_fn *done, void *arg);
void front_ask_changes(struct store *base, const struct store_changes *c,
                       store_changes_fn *done, void *arg);
void front_ask_relations(struct store *base, const struct store_relations *r,
                         store_relations_fn *done, void *arg);
void front_ask_touched(struct store *base, const struct store_touched *t,
                       store_touched_fn *done, void *arg);
void front_ask_unread(struct store *base, const account *a, store_unread_fn *done, void *arg);
void front_ask_revocations(struct auth_store *base, const struct auth_store_revocations *r,
                           auth_store_revocations_fn *done, void *arg);
void front_ask_upload(struct uploads *base, str id, uploads_find_fn *done, void *arg);
