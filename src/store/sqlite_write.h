/**
 * The writer: appends, receipts, contacts and changes of sessions and uploads, in groups, each
 * group one transaction.
 * It belongs to one thread from its opening to its closing.
 */
#pragma once

#include "chat/store.h"
#include "store/sqlite_auth.h"
#include "store/sqlite_thread.h"
#include "store/sqlite_uploads.h"

enum sqlite_write_kind {
    WRITE_APPEND,
    WRITE_RECEIPT,
    WRITE_CONTACT,
    WRITE_SEEN,
    WRITE_AUTH,
    WRITE_UPLOAD,
};

/** A change on its way: moved to the writer's thread, and back with its answer. */
struct sqlite_write {
    struct list node;
    enum sqlite_write_kind kind;
    bool has_changed; // anything: without that nothing is to be committed
    int r;            // 0, or a refusal of its port
    int64_t position; // that it took; 0: none
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

struct sqlite_writer {
    struct sqlite_db db;
    struct store_limits limits;
    struct threads threads;
    struct sqlite_auth auth;
    struct sqlite_uploads uploads;
    uint64_t epoch;
    int64_t position;     // the last one taken
    int64_t data_version; // changes when somebody else writes
    bool has_changed;     // anything, in this group
    int wal_pages;        // in the log, not all of them copied into the database
    int wal_checked;      // how many there were at the last checkpoint
};

/** @param key  HASH_KEY_SIZE secret bytes @return 0 or a fault; then sqlite_writer_close() */
MUST_CHECK int sqlite_writer_open(struct sqlite_writer *w, const char *path,
                                  const struct store_limits *limits, const uint8_t *key,
                                  uint64_t epoch);

/** Zeroes will do. */
void sqlite_writer_close(struct sqlite_writer *w);

/** @param writes  of struct sqlite_write: answered, and if 0, durable */
void sqlite_writer_run(struct sqlite_writer *w, struct list *writes);
