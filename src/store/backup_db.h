/**
 * The database of a backup, DIR/backup.db: all that parley.db has, and beside it the server's
 * keys, which files of users are with it, by size and SHA-256, and a seal over all of that
 * (store/sqlite_seal.h). It has other tables than a store, and another name, so that no server
 * serves it by mistake: a store of its own comes of it by backup_db_make_store().
 *
 * Threads: one.
 */
#pragma once

#include "base/progress.h"
#include "base/rand.h"
#include "chat/types.h"
#include "crypto/digest.h"

#define BACKUP_FILES         256 // of a batch
#define BACKUP_KEY_NAME_SIZE 64  // bytes, NUL included
#define BACKUP_KEY_MAX       4096
#define BACKUP_TABLE_SIZE    64 // bytes, NUL included

struct backup_db;

/** A file of users. */
struct backup_file {
    char id[CHAT_UPLOAD_ID_SIZE];
    int64_t size;
    bool is_announced; // with the digest that follows, by who sent it
    uint8_t announced[CRYPTO_SHA256_SIZE];
    uint8_t sha256[CRYPTO_SHA256_SIZE]; // of the copy
};

struct backup_files {
    size_t n;
    struct backup_file all[BACKUP_FILES];
};

/** What a backup is of. */
struct backup_info {
    char version[32]; // of the Parley that has made it
    int64_t made_at_ms;
    int64_t n_messages;
    int64_t n_accounts;
    int64_t n_files;
    int64_t n_bytes; // of files
    int64_t n_keys;
    int64_t n_missing; // files of messages that are not with it
};

enum backup_db_refusal {
    BACKUP_DB_NONE = 1, // there is none
    BACKUP_DB_OTHER,    // what was begun is of another store: remove it
    BACKUP_DB_DAMAGED,  // it is not what it was when it was made
};

// --- making one --------------------------------------------------------------------

struct backup_db_paths {
    const char *part;     // what is made
    const char *log;      // parley.db
    const char *previous; // a backup whose files are here still; it may be missing
};

/** @param out  owned, also after a refusal or a fault; backup_db_close()
 * @return 0, BACKUP_DB_OTHER, or a fault */
MUST_CHECK int backup_db_begin(struct backup_db **out, const struct backup_db_paths *paths);

/** All that parley.db has at one moment. @return 0 or a fault */
MUST_CHECK int backup_db_copy(struct backup_db *b, const struct progress_to *to);

enum backup_db_whose {
    BACKUP_OF_LOG,  // as parley.db has it now
    BACKUP_OF_COPY, // as what was copied has it
};

/**
 * Files that are kept and not yet in the backup, by their ids.
 *
 * @param after  the last one of the batch before; "" for the first
 * @param out    n is 0: there are no more
 * @return 0 or a fault
 */
MUST_CHECK int backup_db_lacks(struct backup_db *b, enum backup_db_whose whose,
                               const char *after, struct backup_files *out);

/** How many that are. @return 0 or a fault */
MUST_CHECK int backup_db_count_lacks(struct backup_db *b, enum backup_db_whose whose,
                                     int64_t *n);

/** Is this one still in parley.db? @return 0 or a fault */
MUST_CHECK int backup_db_is_live(struct backup_db *b, const char *id, bool *is);

/** They are with the backup, and synced. @return 0 or a fault */
MUST_CHECK int backup_db_add_files(struct backup_db *b, const struct backup_files *files);

/** It is not. @return 0 or a fault */
MUST_CHECK int backup_db_drop_file(struct backup_db *b, const char *id);

MUST_CHECK int backup_db_set_key(struct backup_db *b, const char *name, str bytes);

/** What is with it of no use, and then the seal: nothing changes any more, and it is one file.
 * @return 0 or a fault */
MUST_CHECK int backup_db_end(struct backup_db *b, const char *version, int64_t made_at_ms,
                             const struct progress_to *to);

void backup_db_close(struct backup_db *b);

// --- one that there is -------------------------------------------------------------

/** For reading. @param out  owned, also after a refusal or a fault; backup_db_close()
 * @return 0, BACKUP_DB_NONE, or a fault */
MUST_CHECK int backup_db_open(struct backup_db **out, const char *path);

MUST_CHECK int backup_db_info(struct backup_db *b, struct backup_info *out);

struct backup_damage {
    char table[BACKUP_TABLE_SIZE]; // the first that is damaged; "": none
    const char *what;              // is wrong with it
    int64_t
        n_changed; // messages that are not what was sent: so they were when it was made, too
    int64_t changed_at; // the first one's position
};

/** Every row against the seal, the order of messages against the chain over it, each message
 * against its digest, and the pages against each other.
 * @return 0, BACKUP_DB_DAMAGED, or a fault */
MUST_CHECK int backup_db_check(struct backup_db *b, const struct progress_to *to,
                               struct backup_damage *out);

/** As backup_db_lacks(): those that are with it. */
MUST_CHECK int backup_db_files(struct backup_db *b, const char *after,
                               struct backup_files *out);

MUST_CHECK int backup_db_has_file(struct backup_db *b, const char *id, bool *has);

/** Called for each, in the order of their names. @return 0, or a fault or what is not 0 of fn's
 */
typedef int backup_key_fn(void *arg, const char *name, str bytes);
MUST_CHECK int backup_db_keys(struct backup_db *b, backup_key_fn *fn, void *arg);

// --- a store of it -----------------------------------------------------------------

struct backup_store {
    uint64_t epoch;   // another one than it had: what clients keep of that is no good any more
    bool is_sign_out; // all sessions end
};

/**
 * Make of a copy of a backup's database a store that a server can have.
 *
 * @param path  of the copy, which nobody else has open
 * @return 0 or a fault
 */
MUST_CHECK int backup_db_make_store(const char *path, const struct backup_store *store);

/** The index of the store in dir, where there is none yet: a server begins at once with it. It
 * reads all messages, in their order. @param dir  whose lock the caller has
 * @return 0 or a fault */
MUST_CHECK int backup_db_make_index(const char *dir, struct rand *rand);
