/**
 * What is asked of a store whose power goes: operations of all its ports, made by chance, in
 * batches that wait at once; and what was answered to them, and when.
 */
#pragma once

#include "power/answers.h"
#include "power/vfs.h"

#define POWER_STEPS_MAX   2048
#define POWER_BATCHES_MAX 2048

#define POWER_LETTERS "abAstcde"
#define POWER_LONG    (1000 * DAY) // nothing that is stored ends before

enum power_step_kind {
    POWER_APPEND,
    POWER_RECEIPT,
    POWER_CONTACT,
    POWER_SEEN,
    POWER_BEGIN,
    POWER_REFRESH,
    POWER_END, // a session, or without a name all of an account's
    POWER_ANNOUNCE,
    POWER_SETTLE,
    POWER_CLAIM,
    POWER_REMOVE,
    POWER_CHECKPOINT, // by an operator, with sqlite3
    POWER_REOPEN,     // the server ends, and starts again
};

struct power_step {
    enum power_step_kind kind;
    char by;
    char peer;
    unsigned key;  // the first step with this key
    char *content; // owned
    char name[24]; // of a session; the id of an upload, also of a message's
    char nonce[24];
    const char *mode; // of a checkpoint
    bool is_twisted;  // it has the key of another
    bool must_fail;   // or what is stored is not there any more
    uint64_t reply_to;
    uint64_t delivered;
    uint64_t read;
    uint32_t generation;
    enum chat_contact what;
    enum upload_state state;
    int64_t at_ms;
};

struct power_script {
    size_t index_after; // of the store that plays it
    size_t n_steps;
    size_t n_batches;
    struct power_step steps[POWER_STEPS_MAX];
    struct {
        size_t from;
        size_t to;
    } batches[POWER_BATCHES_MAX];
};

/** What is known of a step. The counts are of operations on the disk. */
struct power_entry {
    bool is_sent;
    bool is_answered;
    int r;
    size_t sent_at;
    size_t answered_at;
    uint64_t seq;
    int64_t position;
};

struct power_book {
    bool is_open; // the store
    size_t opened_at;
    uint64_t epoch;
    struct power_entry entries[POWER_STEPS_MAX];
};

/** @return owned, in memory that a child shares; power_book_free() */
struct power_book *power_book_new(void);
void power_book_free(struct power_book *book);

/** What is known when the disk has done so much and no more. */
void power_book_at(const struct power_book *book, size_t n, struct power_book *out);

/** @return owned; power_script_free() */
struct power_script *power_script_new(void);
void power_script_free(struct power_script *script);

/** Mixed ones, with checkpoints and restarts between them. */
void power_script_add_by_chance(struct power_script *script, struct seeded *chance, size_t n);

/** One of a message, of some pages. */
void power_script_add_long(struct power_script *script, struct seeded *chance);

/**
 * One, of what somebody does who finds the store again: new messages; and what must be refused,
 * as it was answered for already.
 */
void power_script_add_probe(struct power_script *script, const struct power_book *book,
                            struct seeded *chance);

/** A copy with the same batches. @return owned; power_script_free() */
struct power_script *power_script_copy(const struct power_script *script);

// A store that plays it.

struct power_player {
    struct store_world *w;
    const struct power_log *log; // NULL: it is on no disk of ours
    struct power_book *book;     // NULL: likewise
};

/** A world on the current disk, closed. @return owned; power_world_free() */
struct store_world *power_world_new(void);
void power_world_free(struct store_world *w);

/** The same in a directory that another process keeps, for a child. */
struct store_world *power_world_in(const char *dir);

/** Its chance is another each time. @return 0 or a fault */
MUST_CHECK int power_world_open(struct store_world *w);
void power_world_close(struct store_world *w);

/** With the index attached, as ix. @return owned; sqlite3_close() */
sqlite3 *power_world_db(const struct store_world *w);

/** Play a batch until all of it is answered, and what is done behind it, too. @param texts gets
 * the answers, or NULL */
void power_play(const struct power_player *p, const struct power_script *script, size_t batch,
                struct buf *texts);
