/**
 * The reader: pages of messages, receipts, conversations and revocations, and uploads, each
 * from one snapshot, which those that come together share. It belongs to one thread from its
 * opening to its closing.
 */
#pragma once

#include "auth/store.h"
#include "base/list.h"
#include "chat/store.h"
#include "chat/uploads.h"
#include "io/worker.h"
#include "store/sqlite_db.h"
#include "store/sqlite_place.h"

enum sqlite_read_kind {
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
struct strings {
    struct strings *next;
    char bytes[];
};

/** A question on its way: moved to the reader's thread, and back with its answer. */
struct sqlite_read {
    struct worker_task task;
    enum sqlite_read_kind kind;
    int r;           // 0, or a refusal of its port
    int64_t horizon; // taken before
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
    void *items;             // what the page points to, owned
    struct strings *strings; // what those point to, owned
};

struct sqlite_reader {
    struct sqlite_db db; // the log, and attached the index
    struct sqlite_places places;
    bool has_begun; // its snapshot
};

/** Both must be there. @param tail  borrowed @return 0 or a fault; then sqlite_reader_close()
 */
MUST_CHECK int sqlite_reader_open(struct sqlite_reader *rd, const char *path,
                                  const char *index_path, struct tail *tail);

/** Zeroes will do. */
void sqlite_reader_close(struct sqlite_reader *rd);

/** A copy, which lives as long as op. */
void *sqlite_read_keep(struct sqlite_read *op, const void *bytes, size_t size);

/** Answer it: from the snapshot of the last one, unless that has ended. */
void sqlite_reader_run(struct sqlite_reader *rd, struct sqlite_read *op);

/** The snapshot is over. Soon: what it sees can't be dropped. */
void sqlite_reader_end(struct sqlite_reader *rd);

/** Free what the answer holds, and op. */
void sqlite_read_free(struct sqlite_read *op);
