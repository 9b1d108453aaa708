/**
 * A backup of a server's data directory, while the server runs
 * (docs/decisions/0036-backups.md): DIR/backup.db (store/backup_db.h), and DIR/media with the
 * files of users. A second one into the same directory replaces the first: its database is made
 * anew, files that are there stay. Until it is done the first one is what it was, and can be
 * restored.
 *
 * It may be stopped, or killed, at any moment, and goes on when it is called again. Threads:
 * one.
 */
#pragma once

#include "base/progress.h"
#include "store/backup_db.h"

#define BACKUP_DB    "backup.db"
#define BACKUP_PART  BACKUP_DB ".part" // one that is not done
#define BACKUP_MEDIA "media"

struct backup_config {
    const char *dir;  // of the backup
    const char *data; // of the server
    const char *keys; // its directory of keys
    bool has_files;   // in its data directory, and not elsewhere
    const char *version;
    int64_t now_ms; // Unix
    struct progress_to to;
};

enum backup_refusal {
    BACKUP_NO_STORE = 1, // there is none in data
    BACKUP_BUSY,         // another one is at work in dir
    BACKUP_SAME,         // dir is data
};

struct backup_result {
    struct backup_info info;
    bool is_begun_anew; // what was begun was of another store
    // Files that messages have, and that are not there, or not what was announced: damage that
    // was there before. The first of each.
    int64_t n_lost;
    char lost[CHAT_UPLOAD_ID_SIZE];
    int64_t n_unlike;
    char unlike[CHAT_UPLOAD_ID_SIZE];
};

/** @return 0, an enum backup_refusal, or a fault */
MUST_CHECK int backup_run(const struct backup_config *config, struct backup_result *out);
