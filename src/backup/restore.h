/**
 * A backup (backup.h) becomes a data directory that a server can have. What clients have kept
 * of where they were is no good there: the store says that it is another one, for it has not
 * what came after the backup.
 *
 * It may be stopped, or killed, at any moment: no server takes the directory until it has come
 * to its end, and it begins anew when it is called again. Threads: one.
 */
#pragma once

#include "backup/backup.h"
#include "base/rand.h"

struct restore_config {
    const char *from; // the backup's directory
    const char *data; // new, or empty
    const char *keys; // its directory of keys
    bool only_check;  // the backup as it is: nothing is made
    bool verifies;    // reads again what was written, all of it
    bool is_sign_out; // sessions end, and the keys that vouch for them are not put back
    struct rand *rand;
    struct progress_to to;
};

enum restore_refusal {
    RESTORE_NO_BACKUP = 1, // there is none in from
    RESTORE_UNDONE,        // one was begun there, and is not done
    RESTORE_NOT_EMPTY,     // data has something in it
    RESTORE_DAMAGED,       // see the result
};

struct restore_result {
    struct backup_info info;
    struct backup_damage damage;
    char file[CHAT_UPLOAD_ID_SIZE];      // that is damaged, or missing; "": none
    char kept_key[BACKUP_KEY_NAME_SIZE]; // another one was there already, and stays; "": none
    int64_t n_keys;                      // put back
};

/** @return 0, an enum restore_refusal, or a fault */
MUST_CHECK int restore_run(const struct restore_config *config, struct restore_result *out);
