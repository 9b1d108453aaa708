/**
 * The operations of a store that has threads, on their way: moved to a thread of its engine,
 * and back with their answer (store/front.h). For all three ports.
 */
#pragma once

#include "auth/store.h"
#include "chat/store.h"
#include "chat/uploads.h"
#include "io/worker.h"
#include "store/auth_change.h"
#include "store/upload_change.h"

enum write_kind {
    WRITE_APPEND,
    WRITE_RECEIPT,
    WRITE_CONTACT,
    WRITE_SEEN,
    WRITE_AUTH,
    WRITE_UPLOAD,
};

/** A change. */
struct write_op {
    struct worker_task task;
    enum write_kind kind;
    bool has_changed; // anything: without that nothing is to be committed
    int r;            // 0, or a refusal of its port
    int64_t position; // that it took; 0: none
    int64_t asked_ns; // monotonic, of an append
    int64_t began_ns; // likewise, with its group
    union {
        struct {
            store_append_fn *done;
            void *arg;
            struct store_append asked; // its strings are in bytes
            struct store_appended answer;
            char *found; // the strings of a duplicate, owned
        } append;
        struct {
            store_receipt_fn *done;
            void *arg;
            struct store_receipt asked;
            struct store_receipted answer;
        } receipt;
        struct {
            store_contact_fn *done;
            void *arg;
            struct store_contact asked;
            struct store_contacted answer;
        } contact;
        struct {
            store_seen_fn *done;
            void *arg;
            account account;
            int64_t at_ms;
        } seen;
        struct auth_change auth;
        struct upload_change upload;
    };
    char bytes[];
};

static inline struct write_op *write_op_of(struct list *node)
{
    return container_of(worker_task_of(node), struct write_op, task);
}

enum read_kind {
    READ_DUE,
    READ_RECEIPTS,
    READ_HISTORY,
    READ_LIST,
    READ_CONVERSATION,
    READ_CHANGES,
    READ_RELATIONS,
    READ_TOUCHED,
    READ_UNREAD,
    READ_REVOCATIONS,
    READ_UPLOAD,
};

/** What is as long as an item has it, or a question: its strings, its accounts. */
struct op_strings {
    struct op_strings *next;
    char bytes[];
};

/** A question. */
struct read_op {
    struct worker_task task;
    enum read_kind kind;
    int r;            // 0, or a refusal of its port
    int64_t horizon;  // taken before
    int64_t asked_ns; // monotonic
    void *arg;
    union {
        struct store_read read;
        struct store_receipts receipts;
        struct store_history history;
        struct store_list list;
        struct store_conversation conversation;
        struct store_changes changes;
        struct store_relations relations; // its peers are kept by op
        struct store_touched touched;     // likewise its accounts
        account unread;
        struct auth_store_revocations revocations;
        str upload; // kept by op
    } asked;
    union {
        store_read_fn *read;
        store_receipts_fn *receipts;
        store_history_fn *history;
        store_list_fn *list;
        store_conversation_fn *conversation;
        store_changes_fn *changes;
        store_relations_fn *relations;
        store_touched_fn *touched;
        store_unread_fn *unread;
        auth_store_revocations_fn *revocations;
        uploads_find_fn *upload;
    } done;
    union {
        struct store_page read;
        struct store_receipts_page receipts;
        struct store_history_page history;
        struct store_list_page list;
        struct chat_conversation conversation;
        struct store_changes_page changes;
        struct chat_relation *relations;
        struct store_touched_page touched;
        uint64_t unread;
        struct auth_store_revocations_page revocations;
        struct chat_upload upload;
    } answer;
    void *items;                // what the page points to, owned
    struct op_strings *strings; // what those point to, owned
};

static inline struct read_op *read_op_of(struct list *node)
{
    return container_of(worker_task_of(node), struct read_op, task);
}

/** Room for strings of its answer, of this size; lives as long as op. */
char *read_op_room(struct read_op *op, size_t size);

/** A copy, which lives as long as op. */
void *read_op_keep(struct read_op *op, const void *bytes, size_t size);

/** Room for one more in op->items, which grows at every power of two. @param n  how many there
 * are @param size  of one */
void *read_op_grow(struct read_op *op, size_t n, size_t size);

/** Make it item n of op->items. */
void read_op_add_message(struct read_op *op, size_t n, const struct chat_message *m);

/** The other way round. @param n  how many there are in op->items */
void read_op_reverse_messages(struct read_op *op, size_t n);

/** As if it had not been asked. What its strings point to it may have been asked with. */
void read_op_forget(struct read_op *op);

/** Call back. */
void read_op_answer(struct read_op *op);

/** Free what the answer holds, and op. */
void read_op_free(struct read_op *op);
